//! A file of a build before, copied before the first byte of it is changed.
//!
//! Which form a file has is known when `redb` has opened it, and to open it is to write to it: it is
//! marked as in use, and mended where a process was killed. So these writes are held back in memory,
//! in their order, until the file was copied where that is called for; then they are made.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};

/// What is held back is kept by pages of so many bytes, whatever the size of a write.
const PAGE: usize = 4096;
const PAGE_LENGTH: u64 = 4096;

/// So many bytes are copied at a time.
const BLOCK: u64 = 1 << 20;

/// A file whose writes may be held back.
#[derive(Clone, Debug)]
pub(super) struct BufferedFile(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    file: FileBackend,
    back: Mutex<Option<Back>>,
}

/// What is held back: the writes, and what is read meanwhile.
#[derive(Default)]
struct Back {
    steps: Vec<FileOp>,
    length: u64,
    /// So much of the file is as it was: what was cut off once is zero, should there be more again.
    kept: u64,
    pages: HashMap<u64, Box<[u8; PAGE]>>,
}

enum FileOp {
    Resize(u64),
    Write(u64, Vec<u8>),
    Sync,
}

impl BufferedFile {
    /// Holds back what is written to this file, or, where there is nothing to copy, nothing.
    pub(super) fn new(file: FileBackend, holds: bool) -> io::Result<Self> {
        let length = file.len()?;
        let back = holds.then(|| Back { length, kept: length, ..Back::default() });
        Ok(Self(Arc::new(Inner { file, back: Mutex::new(back) })))
    }

    /// Copies the file as it was when it was opened, for its owner alone. It is there whole and on the
    /// disk, or not at all. A copy of another time gives way: it is `{to}.1` then, or the next number that
    /// is free.
    pub(super) fn copy(&self, to: &Path) -> io::Result<()> {
        if to.exists() {
            if self.is_copied(to)? {
                return sync_folder(to);
            }
            let free = |suffix: &String| !beside(to, suffix).exists();
            let suffix = (1..u32::MAX).map(|number| format!(".{number}")).find(free);
            fs::rename(to, beside(to, &suffix.unwrap_or_default()))?;
        }
        let part = beside(to, ".part");
        let copied = self.copy_anew(&part).and_then(|()| fs::rename(&part, to));
        if copied.is_err() {
            // It would take the room that whoever goes back needs.
            let _gone = fs::remove_file(&part);
        }
        copied.and_then(|()| sync_folder(to))
    }

    fn copy_anew(&self, part: &Path) -> io::Result<()> {
        match fs::remove_file(part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        // People's data: for whoever runs this alone.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut copy = options.open(part)?;
        self.blocks(|bytes| copy.write_all(bytes))?;
        copy.sync_all()
    }

    /// Whether a copy is of just this file.
    fn is_copied(&self, to: &Path) -> io::Result<bool> {
        let mut copy = File::open(to)?;
        if copy.metadata()?.len() != self.0.file.len()? {
            return Ok(false);
        }
        let mut is_same = true;
        self.blocks(|bytes| {
            let mut own = vec![0; bytes.len()];
            copy.read_exact(&mut own)?;
            is_same &= own == bytes;
            Ok(())
        })?;
        Ok(is_same)
    }

    /// The file as it was when it was opened, block by block.
    fn blocks(&self, mut block: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let length = self.0.file.len()?;
        let mut start = 0;
        while start < length {
            let count = length.saturating_sub(start).min(BLOCK);
            let mut bytes = vec![0; usize::try_from(count).unwrap_or_default()];
            self.0.file.read(start, &mut bytes)?;
            block(&bytes)?;
            start = start.saturating_add(count);
        }
        Ok(())
    }

    /// Makes the writes that were held back, in their order, and holds back no more.
    pub(super) fn release(&self) -> io::Result<()> {
        let mut back = self.0.back();
        for step in back.take().map(|back| back.steps).unwrap_or_default() {
            match step {
                FileOp::Resize(length) => self.0.file.set_len(length)?,
                FileOp::Write(start, bytes) => self.0.file.write(start, &bytes)?,
                FileOp::Sync => self.0.file.sync_data()?,
            }
        }
        Ok(())
    }
}

/// The name of a file beside another: `{name}{suffix}`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A new name is on the disk when its folder is.
fn sync_folder(of: &Path) -> io::Result<()> {
    let folder = of.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

impl Inner {
    fn back(&self) -> MutexGuard<'_, Option<Back>> {
        self.back.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Back {
    fn resize(&mut self, length: u64) {
        for (number, page) in &mut self.pages {
            let start = number.saturating_mul(PAGE_LENGTH);
            let kept = usize::try_from(length.saturating_sub(start)).unwrap_or(usize::MAX);
            page.iter_mut().skip(kept).for_each(|byte| *byte = 0);
        }
        (self.length, self.kept) = (length, self.kept.min(length));
        self.steps.push(FileOp::Resize(length));
    }

    /// The page of this number, as it is read now.
    fn page(&mut self, file: &FileBackend, number: u64) -> io::Result<&mut [u8; PAGE]> {
        if !self.pages.contains_key(&number) {
            let mut page = Box::new([0; PAGE]);
            let start = number.saturating_mul(PAGE_LENGTH);
            let there = self.kept.saturating_sub(start).min(PAGE_LENGTH);
            let there = usize::try_from(there).unwrap_or_default();
            if let Some(own) = page.get_mut(..there).filter(|own| !own.is_empty()) {
                file.read(start, own)?;
            }
            self.pages.insert(number, page);
        }
        let page = self.pages.get_mut(&number).ok_or(io::ErrorKind::NotFound)?;
        Ok(page)
    }

    fn write(&mut self, file: &FileBackend, start: u64, bytes: &[u8]) -> io::Result<()> {
        let end = start.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.length = self.length.max(end);
        for (at, part) in parts(start, bytes.len()) {
            let (number, offset) = place(at);
            let page = self.page(file, number)?;
            let bytes = bytes.get(part.clone()).unwrap_or_default();
            let own = page.iter_mut().skip(offset);
            own.zip(bytes).for_each(|(own, byte)| *own = *byte);
        }
        self.steps.push(FileOp::Write(start, bytes.to_vec()));
        Ok(())
    }

    fn read(&self, file: &FileBackend, start: u64, out: &mut [u8]) -> io::Result<()> {
        let end = start.saturating_add(u64::try_from(out.len()).unwrap_or(u64::MAX));
        if end > self.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for (at, part) in parts(start, out.len()) {
            let (number, offset) = place(at);
            let out = out.get_mut(part).unwrap_or_default();
            match self.pages.get(&number) {
                Some(page) => {
                    let own = page.iter().skip(offset);
                    out.iter_mut().zip(own).for_each(|(out, own)| *out = *own);
                }
                None => self.read_around(file, number, offset, out)?,
            }
        }
        Ok(())
    }

    /// Part of a page that was not written; beyond the file's end there are zeros.
    fn read_around(
        &self,
        file: &FileBackend,
        number: u64,
        offset: usize,
        out: &mut [u8],
    ) -> io::Result<()> {
        out.fill(0);
        let start = number.saturating_mul(PAGE_LENGTH);
        let start = start.saturating_add(u64::try_from(offset).unwrap_or_default());
        let there = self.kept.saturating_sub(start);
        let there = usize::try_from(there).unwrap_or(usize::MAX).min(out.len());
        match out.get_mut(..there) {
            Some(own) if !own.is_empty() => file.read(start, own),
            _ => Ok(()),
        }
    }
}

/// The number of a byte's page, and where it is there.
fn place(at: u64) -> (u64, usize) {
    (at / PAGE_LENGTH, usize::try_from(at % PAGE_LENGTH).unwrap_or_default())
}

/// So many bytes from there on, page by page: where each part begins, and which part of them it is.
fn parts(start: u64, length: usize) -> impl Iterator<Item = (u64, std::ops::Range<usize>)> {
    let mut done = 0_usize;
    std::iter::from_fn(move || {
        let at = start.saturating_add(u64::try_from(done).ok()?);
        let room = PAGE.saturating_sub(place(at).1);
        let part = done..done.saturating_add(room).min(length);
        done = part.end;
        (!part.is_empty()).then_some((at, part))
    })
}

/// What is read and written; and locks, which are the file's own.
impl StorageBackend for BufferedFile {
    fn len(&self) -> io::Result<u64> {
        match self.0.back().as_ref() {
            Some(back) => Ok(back.length),
            None => self.0.file.len(),
        }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        match self.0.back().as_ref() {
            Some(back) => back.read(&self.0.file, offset, out),
            None => self.0.file.read(offset, out),
        }
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        match self.0.back().as_mut() {
            Some(back) => back.resize(length),
            None => self.0.file.set_len(length)?,
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        match self.0.back().as_mut() {
            Some(back) => back.steps.push(FileOp::Sync),
            None => self.0.file.sync_data()?,
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        match self.0.back().as_mut() {
            Some(back) => back.write(&self.0.file, offset, data),
            None => self.0.file.write(offset, data),
        }
    }

    fn close(&self) -> io::Result<()> {
        self.0.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.0.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.file.query_lock_range(start, end)
    }
}

/// Says how much is held back, and nothing of what.
impl std::fmt::Debug for Back {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Back").field("steps", &self.steps.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(name: &str) -> PathBuf {
        let name = format!("held-{name}-{}", std::process::id());
        std::env::temp_dir().join(name)
    }

    fn backend(path: &Path) -> FileBackend {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(path);
        FileBackend::new(file.unwrap()).unwrap()
    }

    #[derive(Clone, Debug)]
    enum Deed {
        Resize(u64),
        Write(u64, Vec<u8>),
    }

    fn deed() -> impl Strategy<Value = Deed> {
        prop_oneof![
            (0..20_000_u64).prop_map(Deed::Resize),
            (0..16_000_u64, prop::collection::vec(any::<u8>(), 1..9000))
                .prop_map(|(start, bytes)| Deed::Write(start, bytes)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_held_back_reads_as_if_it_were_written_and_then_is(
            first in prop::collection::vec(any::<u8>(), 0..12_000),
            deeds in prop::collection::vec(deed(), 0..6),
        ) {
            let path = file("any");
            fs::write(&path, &first).unwrap();
            let held = BufferedFile::new(backend(&path), true).unwrap();
            let mut plain = first.clone();
            for deed in deeds {
                match deed {
                    Deed::Resize(length) => {
                        held.set_len(length).unwrap();
                        plain.resize(usize::try_from(length).unwrap(), 0);
                    }
                    Deed::Write(start, bytes) => {
                        let start = usize::try_from(start).unwrap();
                        let end = start.checked_add(bytes.len()).unwrap();
                        plain.resize(plain.len().max(end), 0);
                        plain[start..end].copy_from_slice(&bytes);
                        held.write(u64::try_from(start).unwrap(), &bytes).unwrap();
                    }
                }
                let mut read = vec![1; plain.len()];
                held.read(0, &mut read).unwrap();
                prop_assert!(read == plain);
                prop_assert!(fs::read(&path).unwrap() == first, "nothing is written yet");
            }
            let copy = file("copy");
            held.copy(&copy).unwrap();
            held.release().unwrap();
            prop_assert!(fs::read(&copy).unwrap() == first);
            prop_assert!(fs::read(&path).unwrap() == plain);
        }
    }
}
