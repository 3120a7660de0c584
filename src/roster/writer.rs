//! The thread that brings a roster to its file, many writes at a time, and gets over a bad disk.
//!
//! A sync of the disk costs the same for one write as for sixteen. So those who were answered by the
//! last one are waited for a moment: where clients write one after the other, they are back before long,
//! and a lone one waits for nobody.
//!
//! A disk that fails leaves memory ahead of the file. What was not on the disk is told to its writers
//! as trouble, of unknown fate; nothing is taken until the file could be opened and written again, and
//! then memory is what the file holds. What was answered well is there; what was not may be there or not,
//! which is what its sender was told.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::RosterError;
use super::file::{File, Open};
use super::memory::{MemoryState, Shared};
use super::queue::{Queue, StoreChange};

/// Told of trouble when the disk fails, and of none when it works again: once each.
pub type Report = Box<dyn Fn(Result<(), &RosterError>) + Send>;

/// A writer that comes back is back within this time of one who came before.
const QUIET: Duration = Duration::from_millis(8);

/// But nobody waits for more than so many of these.
const ROUNDS: u32 = 6;

/// More are not waited for.
const MOST: usize = 256;

/// How long a failed disk is left alone.
const REST: Duration = Duration::from_millis(500);

/// The thread; it ends with this, when all is written.
pub(super) struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Reads the file into memory, and writes from then on.
    ///
    /// # Errors
    /// If the file cannot be opened or read.
    pub(super) fn start(
        shared: Arc<Shared>,
        open: Open,
        report: Report,
    ) -> Result<Self, RosterError> {
        let (file, contents) = File::open(&open)?;
        {
            let mut state = shared.state();
            (state.contents, state.queue) = (contents, Some(Queue::default()));
        }
        let own = Arc::clone(&shared);
        let thread = Builder::new().name("roster".to_owned());
        let thread = thread.spawn(move || {
            let _end = End(&own);
            write(&own, file, &open, &report);
        });
        let thread = thread.map_err(|error| RosterError::NotDone(error.to_string()))?;
        Ok(Self { shared, thread: Some(thread) })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.state().is_closing = true;
        self.shared.wake.notify_all();
        // A thread that panicked has written what it could.
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}

/// Whatever ends the thread, nobody waits for it in vain.
struct End<'a>(&'a Shared);

impl Drop for End<'_> {
    fn drop(&mut self) {
        let roster_error =
            RosterError::Unknown("nothing is written any more: restart the process".to_owned());
        let mut state = self.0.state();
        state.queue.iter_mut().for_each(|queue| queue.fail(&roster_error));
    }
}

/// Writes until the roster is closed.
fn write(shared: &Shared, mut file: File, open: &Open, report: &Report) {
    loop {
        let (changes, number) = shared.next();
        if changes.is_empty() {
            return;
        }
        let written = file.commit(&changes);
        let mut state = shared.state();
        let waiting = state.queue.as_ref().map_or(0, Queue::len);
        state.expected = changes.len().saturating_add(waiting).min(MOST);
        let Some(queue) = state.queue.as_mut() else { return };
        let Err(roster_error) = written else {
            queue.settle(number);
            continue;
        };
        queue.fail(&roster_error);
        drop(state);
        report(Err(&roster_error));
        // Only one may have it open.
        drop(file);
        match shared.open_again(open) {
            Some(opened) => file = opened,
            None => return,
        }
        report(Ok(()));
    }
}

impl Shared {
    /// The changes that are to be written next: none, if there will be no more.
    fn next(&self) -> (Vec<StoreChange>, u64) {
        let mut state = self.state();
        while state.is_idle() {
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state = self.gather(state);
        state.queue.as_mut().map(Queue::take).unwrap_or_default()
    }

    /// Waits a moment for those who are expected.
    fn gather<'a>(&'a self, mut state: MutexGuard<'a, MemoryState>) -> MutexGuard<'a, MemoryState> {
        for _ in 0..ROUNDS {
            let length = state.length();
            if length >= state.expected || state.is_closing {
                break;
            }
            let waited = self.wake.wait_timeout(state, QUIET);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if state.length() == length {
                break;
            }
        }
        state
    }

    /// Opens the file again and makes memory what it holds, as soon as it can be written: unless the
    /// roster is closed before.
    fn open_again(&self, open: &Open) -> Option<File> {
        loop {
            let closing = |state: &mut MemoryState| !state.is_closing;
            let rested = self.wake.wait_timeout_while(self.state(), REST, closing);
            if rested.unwrap_or_else(PoisonError::into_inner).0.is_closing {
                return None;
            }
            let opened = File::open(open).and_then(|(file, contents)| {
                file.try_room()?;
                Ok((file, contents))
            });
            let Ok((file, contents)) = opened else { continue };
            let mut state = self.state();
            state.contents = contents;
            state.queue.as_mut().map(Queue::mend)?;
            return Some(file);
        }
    }
}

impl MemoryState {
    fn length(&self) -> usize {
        self.queue.as_ref().map_or(0, Queue::len)
    }

    fn is_idle(&self) -> bool {
        self.length() == 0 && !self.is_closing
    }
}
