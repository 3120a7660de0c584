//! A roster's contents in a file, by `redb`: what is answered is on the disk, and a process that is
//! killed at any moment leaves a file that the next one reads.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::{Duration, SystemTime};

use redb::backends::FileBackend;
use redb::{Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, TableDefinition};

use super::Trouble;
use super::embedded::{Contents, Notes};
use super::key::Id;
use super::record::Record;

/// Id → record.
const RECORDS: TableDefinition<'_, &str, &str> = TableDefinition::new("records");
/// Event's hash → milliseconds since 1970.
const SIGHTS: TableDefinition<'_, &str, u64> = TableDefinition::new("sights");
/// The rest, in one row.
const NOTES: TableDefinition<'_, &str, &str> = TableDefinition::new("notes");
const THE_NOTES: &str = "notes";

/// An open file.
#[derive(Debug)]
pub(super) struct File(Database);

impl File {
    /// Opens a file, or makes it, and reads what it holds.
    pub(super) fn open(path: &Path, contents: &mut Contents) -> Result<Self, Trouble> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        // People's data: for whoever runs this alone.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| trouble(&error))?;
        let opened =
            FileBackend::new(file).and_then(|file| Database::builder().create_with_backend(file));
        let file = match opened {
            Err(DatabaseError::DatabaseAlreadyOpen) => {
                return Err(Trouble(format!(
                    "{} is open in another process: stop it first",
                    path.display()
                )));
            }
            opened => Self(opened.map_err(|error| trouble(&error))?),
        };
        file.make_tables().map_err(|error| trouble(&error))?;
        file.read(contents)?;
        Ok(file)
    }

    /// Keeps a record.
    pub(super) fn put(&self, record: &Record) -> Result<(), Trouble> {
        let document = serde_json::to_string(record).map_err(|error| trouble(&error))?;
        self.insert(RECORDS, record.id.as_str(), document.as_str())
    }

    /// Forgets a record.
    pub(super) fn erase(&self, id: &Id) -> Result<(), Trouble> {
        let erase = || -> Result<(), redb::Error> {
            let transaction = self.0.begin_write()?;
            transaction.open_table(RECORDS)?.remove(id.as_str())?;
            Ok(transaction.commit()?)
        };
        erase().map_err(|error| trouble(&error))
    }

    /// Keeps when an event was first seen.
    pub(super) fn see(&self, event: &str, at: SystemTime) -> Result<(), Trouble> {
        let since_1970 = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let milliseconds = u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX);
        self.insert(SIGHTS, event, milliseconds)
    }

    /// Forgets when events were first seen.
    pub(super) fn forget(&self, events: &[String]) -> Result<(), Trouble> {
        let forget = || -> Result<(), redb::Error> {
            let transaction = self.0.begin_write()?;
            {
                let mut table = transaction.open_table(SIGHTS)?;
                for event in events {
                    table.remove(event.as_str())?;
                }
            }
            Ok(transaction.commit()?)
        };
        forget().map_err(|error| trouble(&error))
    }

    /// Keeps the rest.
    pub(super) fn note(&self, notes: &Notes) -> Result<(), Trouble> {
        let document = serde_json::to_string(notes).map_err(|error| trouble(&error))?;
        self.insert(NOTES, THE_NOTES, document.as_str())
    }

    fn insert<'a, V: redb::Value + 'static>(
        &self,
        table: TableDefinition<'_, &'static str, V>,
        key: &str,
        value: V::SelfType<'a>,
    ) -> Result<(), Trouble> {
        let insert = || -> Result<(), redb::Error> {
            let transaction = self.0.begin_write()?;
            transaction.open_table(table)?.insert(key, value)?;
            Ok(transaction.commit()?)
        };
        insert().map_err(|error| trouble(&error))
    }

    fn make_tables(&self) -> Result<(), redb::Error> {
        let transaction = self.0.begin_write()?;
        transaction.open_table(RECORDS)?;
        transaction.open_table(SIGHTS)?;
        transaction.open_table(NOTES)?;
        Ok(transaction.commit()?)
    }

    fn read(&self, contents: &mut Contents) -> Result<(), Trouble> {
        let read = || -> Result<_, redb::Error> {
            let transaction = self.0.begin_read()?;
            let (mut records, mut sights) = (Vec::new(), Vec::new());
            for row in transaction.open_table(RECORDS)?.iter()? {
                records.push(row?.1.value().to_owned());
            }
            for row in transaction.open_table(SIGHTS)?.iter()? {
                let (event, at) = row?;
                sights.push((event.value().to_owned(), at.value()));
            }
            let notes = transaction.open_table(NOTES)?.get(THE_NOTES)?;
            Ok((records, sights, notes.map(|notes| notes.value().to_owned())))
        };
        let (records, sights, notes) = read().map_err(|error| trouble(&error))?;
        for record in records {
            contents.put(serde_json::from_str(&record).map_err(|error| trouble(&error))?);
        }
        for (event, milliseconds) in sights {
            let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds));
            contents.see(event, at.unwrap_or(SystemTime::UNIX_EPOCH));
        }
        if let Some(notes) = notes {
            contents.note(serde_json::from_str(&notes).map_err(|error| trouble(&error))?);
        }
        Ok(())
    }
}

fn trouble(error: &dyn std::error::Error) -> Trouble {
    Trouble(error.to_string())
}
