//! A roster's contents in a file, by `redb`: what is answered is on the disk, and a process that is
//! killed at any moment leaves a file that the next one reads.

use std::cell::Cell;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use redb::backends::FileBackend;
use redb::{
    Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, StorageBackend, Table,
    TableDefinition, WriteTransaction,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::RosterError;
use super::backup::{BufferedFile, beside};
use super::group::{Group, Member};
use super::group_index::Row;
use super::key::Id;
use super::memory::Contents;
use super::queue::{GroupWrite, StoreChange};
use super::record::{Form, UserRecord};
use super::user_index::{IndexKeys, PackedRecord};

/// Id → record.
const RECORDS: TableDefinition<'_, &str, &str> = TableDefinition::new("records");
/// Id → group.
const GROUPS: TableDefinition<'_, &str, &str> = TableDefinition::new("groups");
/// A group's id and a number → member.
const MEMBERS: TableDefinition<'_, (&str, u64), &str> = TableDefinition::new("members");
/// A group's id → what changes of it that were accepted still owe.
const FAN_OUTS: TableDefinition<'_, &str, &str> = TableDefinition::new("fan_outs");
/// Event's hash → milliseconds since 1970.
const SIGHTS: TableDefinition<'_, &str, u64> = TableDefinition::new("sights");
/// The rest, in one row.
const NOTES: TableDefinition<'_, &str, &str> = TableDefinition::new("notes");
const THE_NOTES: &str = "notes";
/// Beside it, for a moment, blanks: whether there is room for them.
const THE_ROOM: &str = "room";

/// The form of the records; a file of form 1 has no such row.
const THE_FORM: &str = "form";

/// A file of form 1 is copied to its name and this, before it is changed.
const COPY: &str = ".v1";

/// What must have room before writing goes on after it failed, in bytes.
const ROOM: usize = 256 << 10;

/// Everything is read once, into memory, and then only written: pages of what was read are of no use,
/// and redb would keep a gigabyte of them.
const CACHE: usize = 4 << 20;

/// Where the copy of a file of a build before is.
pub(crate) fn copy_of(path: &Path) -> PathBuf {
    beside(path, COPY)
}

/// Opens what a database is kept in, again if need be.
pub(super) type Open = Box<dyn Fn() -> Result<Database, RosterError> + Send>;

/// An open file.
#[derive(Debug)]
pub(super) struct File(Database);

/// Opens the file there, or makes it; but once it was there, no other in its place: a file that is gone
/// was moved or unmounted, and an empty one would forget everybody.
pub(super) fn at(path: PathBuf) -> Open {
    let was_there = Cell::new(false);
    Box::new(move || {
        let may_be_new = !was_there.get();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(may_be_new).truncate(false);
        // People's data: for whoever runs this alone.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(|error| roster_error(&error))?;
        let length = file.metadata().map_err(|error| roster_error(&error))?.len();
        if !may_be_new && length == 0 {
            let path = path.display();
            return Err(RosterError::NotDone(format!(
                "{path}: expected the roster, found an empty file"
            )));
        }
        let file = FileBackend::new(file).map_err(|error| roster_error(&error))?;
        let copy = copy_of(&path);
        let held = BufferedFile::new(file, length > 0).map_err(|error| roster_error(&error))?;
        let opened = match database(held.clone()) {
            Err(DatabaseError::DatabaseAlreadyOpen) => Err(RosterError::NotDone(format!(
                "{} is open in another process: stop it first",
                path.display()
            ))),
            opened => opened.map_err(|error| roster_error(&error)),
        }?;
        // Also where there is a copy: a build of before may have written since it was made.
        if is_of_form_1(&opened).map_err(|error| roster_error(&error))? {
            held.copy(&copy).map_err(|error| {
                let copy = copy.display();
                RosterError::NotDone(format!(
                    "{copy}: the file of the build before cannot be copied: {error}"
                ))
            })?;
        }
        held.release().map_err(|error| roster_error(&error))?;
        was_there.set(true);
        Ok(opened)
    })
}

/// A database in this.
pub(super) fn database(backend: impl StorageBackend) -> Result<Database, DatabaseError> {
    Database::builder().set_cache_size(CACHE).create_with_backend(backend)
}

/// Whether a build of before wrote it: records are there, and no word on their form.
fn is_of_form_1(database: &Database) -> Result<bool, redb::Error> {
    let transaction = database.begin_read()?;
    match transaction.open_table(NOTES) {
        Ok(notes) => Ok(notes.get(THE_FORM)?.is_none()),
        // It was only just made.
        Err(redb::TableError::TableDoesNotExist(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

impl File {
    /// Opens a file, and reads what it holds.
    pub(super) fn open(open: &Open) -> Result<(Self, Contents), RosterError> {
        let file = Self(open()?);
        file.make_tables().map_err(|FileError(roster_error)| roster_error)?;
        let contents = file.read()?;
        Ok((file, contents))
    }

    /// Makes changes, all of them or none, and answers when they are on the disk.
    pub(super) fn commit(&self, changes: &[StoreChange]) -> Result<(), RosterError> {
        let commit = || -> Result<(), FileError> {
            let transaction = self.0.begin_write().map_err(redb::Error::from)?;
            for change in changes {
                make(&transaction, change)?;
            }
            Ok(transaction.commit().map_err(redb::Error::from)?)
        };
        // Some of it may be on the disk.
        commit()
            .map_err(|FileError(roster_error)| RosterError::Unknown(roster_error.text().to_owned()))
    }

    /// Tries whether it takes what is written: a small change might find room where there is none.
    pub(super) fn try_room(&self) -> Result<(), RosterError> {
        let blanks = " ".repeat(ROOM);
        let attempt = |blanks: Option<&str>| -> Result<(), redb::Error> {
            let transaction = self.0.begin_write()?;
            match blanks {
                Some(blanks) => drop(transaction.open_table(NOTES)?.insert(THE_ROOM, blanks)?),
                None => drop(transaction.open_table(NOTES)?.remove(THE_ROOM)?),
            }
            Ok(transaction.commit()?)
        };
        attempt(Some(&blanks)).and_then(|()| attempt(None)).map_err(|error| roster_error(&error))
    }

    /// Makes what is not there yet, and carries over what a build of before left: all of it or nothing.
    fn make_tables(&self) -> Result<(), FileError> {
        let transaction = self.0.begin_write().map_err(redb::Error::from)?;
        transaction.open_table(GROUPS)?;
        transaction.open_table(MEMBERS)?;
        transaction.open_table(FAN_OUTS)?;
        transaction.open_table(SIGHTS)?;
        {
            let (mut records, mut notes) =
                (transaction.open_table(RECORDS)?, transaction.open_table(NOTES)?);
            let form = notes.get(THE_FORM)?.map(|form| form.value().to_owned());
            match form.as_deref() {
                None => {
                    carry_over(&mut records)?;
                    notes.insert(THE_FORM, Form::NUMBER.to_string().as_str())?;
                }
                Some(form) if form == Form::NUMBER.to_string() => {}
                Some(form) => return Err(FileError(of_a_newer_build(form))),
            }
        }
        Ok(transaction.commit().map_err(redb::Error::from)?)
    }

    fn read(&self) -> Result<Contents, RosterError> {
        let read = || -> Result<Contents, FileError> {
            let mut contents = Contents::default();
            let transaction = self.0.begin_read().map_err(redb::Error::from)?;
            for row in transaction.open_table(RECORDS)?.iter()? {
                let record = UserRecord::from_stored(row?.1.value())
                    .map_err(|error| roster_error(&error))?;
                contents.user_index.put(PackedRecord::of(&record)?, IndexKeys::of(&record))?;
            }
            for row in transaction.open_table(GROUPS)?.iter()? {
                contents.group_index.place(document::<Group>(row?.1.value())?);
            }
            for row in transaction.open_table(MEMBERS)?.iter()? {
                let (key, member) = row?;
                let (group, number) = key.value();
                contents.group_index.join(
                    &Id::from_text(group),
                    number,
                    document::<Member>(member.value())?,
                );
            }
            for row in transaction.open_table(FAN_OUTS)?.iter()? {
                let (group, fan_out) = row?;
                contents
                    .group_index
                    .start_fan_out(Id::from_text(group.value()), document(fan_out.value())?);
            }
            for row in transaction.open_table(SIGHTS)?.iter()? {
                let (event, at) = row?;
                contents.see(event.value(), time(at.value()));
            }
            if let Some(notes) = transaction.open_table(NOTES)?.get(THE_NOTES)? {
                contents.note(document(notes.value())?);
            }
            Ok(contents)
        };
        read().map_err(|FileError(roster_error)| roster_error)
    }
}

/// Writes anew, in the form of today, the records of form 1.
fn carry_over(records: &mut Table<'_, &'static str, &'static str>) -> Result<(), FileError> {
    let mut old = Vec::new();
    for row in records.iter()? {
        let (id, record) = row?;
        let form = UserRecord::form_of(record.value()).map_err(|error| roster_error(&error))?;
        if form < Form::NUMBER {
            old.push(id.value().to_owned());
        }
    }
    for id in old {
        let record =
            records.get(id.as_str())?.map(|record| UserRecord::from_stored(record.value()));
        let record = record.transpose().map_err(|error| roster_error(&error))?;
        if let Some(record) = record {
            records.insert(id.as_str(), written(&record)?.as_str())?;
        }
    }
    Ok(())
}

fn of_a_newer_build(form: &str) -> RosterError {
    let own = Form::NUMBER;
    RosterError::NotDone(format!(
        "expected a roster of form {own} or before, found one of form {form}: a newer build wrote it"
    ))
}

fn make(transaction: &WriteTransaction, change: &StoreChange) -> Result<(), FileError> {
    match change {
        StoreChange::Put(record) => put(transaction, std::slice::from_ref(record.as_ref())),
        StoreChange::Erase(id) => {
            transaction.open_table(RECORDS)?.remove(id.as_str())?;
            Ok(())
        }
        StoreChange::Group(write) => put_group(transaction, write),
        StoreChange::See(event, at) => {
            transaction.open_table(SIGHTS)?.insert(event.as_str(), milliseconds(*at))?;
            Ok(())
        }
        StoreChange::Forget(until) => {
            let until = milliseconds(*until);
            transaction.open_table(SIGHTS)?.retain(|_, at| at > until)?;
            Ok(())
        }
        StoreChange::Note(notes) => {
            let document = written(notes)?;
            transaction.open_table(NOTES)?.insert(THE_NOTES, document.as_str())?;
            Ok(())
        }
    }
}

fn put(transaction: &WriteTransaction, records: &[UserRecord]) -> Result<(), FileError> {
    let mut table = transaction.open_table(RECORDS)?;
    for record in records {
        table.insert(record.id.as_str(), written(record)?.as_str())?;
    }
    Ok(())
}

fn put_group(transaction: &WriteTransaction, write: &GroupWrite) -> Result<(), FileError> {
    let id = write.id.as_str();
    match &write.group {
        Some(Some(group)) => {
            drop(transaction.open_table(GROUPS)?.insert(id, written(group)?.as_str())?);
        }
        Some(None) => drop(transaction.open_table(GROUPS)?.remove(id)?),
        None => {}
    }
    match &write.fan_out {
        Some(Some(fan_out)) => {
            drop(transaction.open_table(FAN_OUTS)?.insert(id, written(fan_out)?.as_str())?);
        }
        Some(None) => drop(transaction.open_table(FAN_OUTS)?.remove(id)?),
        None => {}
    }
    let mut members = transaction.open_table(MEMBERS)?;
    for row in &write.rows {
        match row {
            Row::Put(number, member) => {
                members.insert((id, *number), written(member)?.as_str())?;
            }
            Row::Remove(number) => {
                members.remove((id, *number))?;
            }
        }
    }
    put(transaction, &write.marked)
}

/// Why something was not done: whatever the reason, it was not.
struct FileError(RosterError);

impl From<RosterError> for FileError {
    fn from(roster_error: RosterError) -> Self {
        Self(roster_error)
    }
}

macro_rules! failures {
    ($($error:ty),*) => {$(
        impl From<$error> for FileError {
            fn from(error: $error) -> Self {
                Self(roster_error(&error))
            }
        }
    )*};
}

failures!(redb::Error, redb::StorageError, redb::TableError);

fn milliseconds(time: SystemTime) -> u64 {
    let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}

fn time(milliseconds: u64) -> SystemTime {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds));
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}

fn written(document: &impl Serialize) -> Result<String, RosterError> {
    serde_json::to_string(document).map_err(|error| roster_error(&error))
}

fn document<T: DeserializeOwned>(written: &str) -> Result<T, RosterError> {
    serde_json::from_str(written).map_err(|error| roster_error(&error))
}

fn roster_error(error: &dyn std::error::Error) -> RosterError {
    RosterError::NotDone(error.to_string())
}
