//! A roster's contents in a file, by `redb`: what is answered is on the disk, and a process that is
//! killed at any moment leaves a file that the next one reads.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::{Duration, SystemTime};

use redb::backends::FileBackend;
use redb::{
    Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, TableDefinition,
    WriteTransaction,
};
use serde::Serialize;

use super::Trouble;
use super::crowd::Weighed;
use super::embedded::{Contents, Disk, Notes};
use super::group::{Group, Member};
use super::key::Id;
use super::record::Record;

/// Id → record.
const RECORDS: TableDefinition<'_, &str, &str> = TableDefinition::new("records");
/// Id → group.
const GROUPS: TableDefinition<'_, &str, &str> = TableDefinition::new("groups");
/// A group's id and a number → member.
const MEMBERS: TableDefinition<'_, (&str, u64), &str> = TableDefinition::new("members");
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
        file.read_groups(contents)?;
        Ok(file)
    }

    fn documents(records: &[Record]) -> Result<Vec<(&str, String)>, Trouble> {
        records.iter().map(|record| Ok((record.id.as_str(), written(record)?))).collect()
    }

    fn put_all(
        transaction: &WriteTransaction,
        records: &[(&str, String)],
    ) -> Result<(), redb::Error> {
        let mut table = transaction.open_table(RECORDS)?;
        for (id, document) in records {
            table.insert(*id, document.as_str())?;
        }
        Ok(())
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
        transaction.open_table(GROUPS)?;
        transaction.open_table(MEMBERS)?;
        transaction.open_table(SIGHTS)?;
        transaction.open_table(NOTES)?;
        Ok(transaction.commit()?)
    }

    /// Reads the groups and who is in them.
    fn read_groups(&self, contents: &mut Contents) -> Result<(), Trouble> {
        let read = || -> Result<_, redb::Error> {
            let transaction = self.0.begin_read()?;
            let (mut groups, mut members) = (Vec::new(), Vec::new());
            for row in transaction.open_table(GROUPS)?.iter()? {
                groups.push(row?.1.value().to_owned());
            }
            for row in transaction.open_table(MEMBERS)?.iter()? {
                let (key, member) = row?;
                let (group, number) = key.value();
                members.push((Id::read(group), number, member.value().to_owned()));
            }
            Ok((groups, members))
        };
        let (groups, members) = read().map_err(|error| trouble(&error))?;
        for group in groups {
            let group: Group = serde_json::from_str(&group).map_err(|error| trouble(&error))?;
            contents.crowd.place(group);
        }
        for (group, number, member) in members {
            let member: Member = serde_json::from_str(&member).map_err(|error| trouble(&error))?;
            contents.crowd.join(&group, number, member);
        }
        Ok(())
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
            contents.people.put(serde_json::from_str(&record).map_err(|error| trouble(&error))?);
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

impl Disk for File {
    fn put(&self, record: &Record) -> Result<(), Trouble> {
        let document = written(record)?;
        self.insert(RECORDS, record.id.as_str(), document.as_str())
    }

    fn erase(&self, id: &Id) -> Result<(), Trouble> {
        let erase = || -> Result<(), redb::Error> {
            let transaction = self.0.begin_write()?;
            transaction.open_table(RECORDS)?.remove(id.as_str())?;
            Ok(transaction.commit()?)
        };
        erase().map_err(|error| trouble(&error))
    }

    fn put_group(&self, weighed: &Weighed, marked: &[Record]) -> Result<(), Trouble> {
        let Weighed { group, added, told, removed, .. } = weighed;
        let id = group.id.as_str();
        let document = written(group)?;
        let members = added.iter().chain(told);
        let members = members.map(|(number, member)| Ok((*number, written(member)?)));
        let members = members.collect::<Result<Vec<_>, Trouble>>()?;
        let marked = Self::documents(marked)?;
        let put = || -> Result<(), redb::Error> {
            let transaction = self.0.begin_write()?;
            transaction.open_table(GROUPS)?.insert(id, document.as_str())?;
            {
                let mut table = transaction.open_table(MEMBERS)?;
                for number in removed {
                    table.remove((id, *number))?;
                }
                for (number, member) in &members {
                    table.insert((id, *number), member.as_str())?;
                }
            }
            Self::put_all(&transaction, &marked)?;
            Ok(transaction.commit()?)
        };
        put().map_err(|error| trouble(&error))
    }

    fn erase_group(&self, id: &Id, members: &[u64], marked: &[Record]) -> Result<(), Trouble> {
        let marked = Self::documents(marked)?;
        let erase = || -> Result<(), redb::Error> {
            let transaction = self.0.begin_write()?;
            transaction.open_table(GROUPS)?.remove(id.as_str())?;
            {
                let mut table = transaction.open_table(MEMBERS)?;
                for number in members {
                    table.remove((id.as_str(), *number))?;
                }
            }
            Self::put_all(&transaction, &marked)?;
            Ok(transaction.commit()?)
        };
        erase().map_err(|error| trouble(&error))
    }

    fn see(&self, event: &str, at: SystemTime) -> Result<(), Trouble> {
        let since_1970 = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let milliseconds = u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX);
        self.insert(SIGHTS, event, milliseconds)
    }

    fn forget(&self, events: &[String]) -> Result<(), Trouble> {
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

    fn note(&self, notes: &Notes) -> Result<(), Trouble> {
        let document = written(notes)?;
        self.insert(NOTES, THE_NOTES, document.as_str())
    }
}

fn written(document: &impl Serialize) -> Result<String, Trouble> {
    serde_json::to_string(document).map_err(|error| trouble(&error))
}

fn trouble(error: &dyn std::error::Error) -> Trouble {
    Trouble(error.to_string())
}
