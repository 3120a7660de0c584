//! A roster in memory, and in a file if one is named: for one process, on a desk or in a test.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::ready;
#[cfg(feature = "cli")]
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::crowd::{Crowd, Weighed};
#[cfg(feature = "cli")]
use super::file::File;
use super::group::{Group, GroupChange, Member};
use super::key::{Id, Key};
use super::people::People;
use super::record::{MEMORY, Record};
use super::{Answer, Clash, Roster, Trouble};

/// The hour in which removals are counted.
const HOUR: Duration = Duration::from_hours(1);

/// The roster of one process.
#[derive(Debug, Default)]
pub struct Embedded {
    state: Mutex<Contents>,
    disk: Option<Box<dyn Disk>>,
}

/// What keeps the contents beyond the process. Whatever it answers well is kept, and whole.
pub(super) trait Disk: fmt::Debug + Send + Sync {
    /// Keeps a record.
    fn put(&self, record: &Record) -> Result<(), Trouble>;

    /// Forgets a record.
    fn erase(&self, id: &Id) -> Result<(), Trouble>;

    /// Keeps a group as it is now, who comes and who goes, and the records that it marks.
    fn put_group(&self, weighed: &Weighed, marked: &[Record]) -> Result<(), Trouble>;

    /// Forgets a group and the members of these numbers, and keeps the records that this marks.
    fn erase_group(&self, id: &Id, members: &[u64], marked: &[Record]) -> Result<(), Trouble>;

    /// Keeps when an event was first seen.
    fn see(&self, event: &str, at: SystemTime) -> Result<(), Trouble>;

    /// Forgets when events were first seen.
    fn forget(&self, events: &[String]) -> Result<(), Trouble>;

    /// Keeps the rest.
    fn note(&self, notes: &Notes) -> Result<(), Trouble>;
}

/// Everything there is.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// When each event was first seen.
    sights: HashMap<String, SystemTime>,
    notes: Notes,
    pub(super) people: People,
    pub(super) crowd: Crowd,
}

/// What is known besides persons and events.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Notes {
    removals: VecDeque<SystemTime>,
    drained_until: Option<SystemTime>,
    backlog_until: Option<SystemTime>,
}

impl Embedded {
    /// What a file holds; it is made if it is not there.
    ///
    /// # Errors
    /// If it cannot be read, or another process has it open.
    #[cfg(feature = "cli")]
    pub fn open(path: &Path) -> Result<Self, Trouble> {
        let mut contents = Contents::default();
        let file = File::open(path, &mut contents)?;
        Ok(Self { state: Mutex::new(contents), disk: Some(Box::new(file)) })
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps something where there is a file; before it is so in memory, so that nobody is told what
    /// a crash would undo.
    fn keep(&self, keep: impl FnOnce(&dyn Disk) -> Result<(), Trouble>) -> Result<(), Trouble> {
        self.disk.as_deref().map_or(Ok(()), keep)
    }

    fn put(&self, record: &Record) -> Result<Result<u64, Clash>, Trouble> {
        let mut contents = self.contents();
        if let Err(clash) = contents.people.check(record) {
            return Ok(Err(clash));
        }
        let version = record.version.saturating_add(1);
        let record = Record { version, ..record.clone() };
        self.keep(|disk| disk.put(&record))?;
        contents.people.put(record);
        Ok(Ok(version))
    }

    fn remove(&self, id: &Id, version: u64) -> Result<Result<(), Clash>, Trouble> {
        let mut contents = self.contents();
        if contents.people.version(id) != Some(version) {
            return Ok(Err(Clash::Moved));
        }
        self.keep(|disk| disk.erase(id))?;
        contents.people.take(id);
        Ok(Ok(()))
    }

    fn put_group(&self, change: &GroupChange) -> Result<Result<Group, Clash>, Trouble> {
        let mut contents = self.contents();
        let weighed = match contents.crowd.weigh(change) {
            Err(clash) => return Ok(Err(clash)),
            Ok(None) => {
                let stored = contents.crowd.group(&change.group.id);
                return Ok(Ok(stored.unwrap_or(&change.group).clone()));
            }
            Ok(Some(weighed)) => weighed,
        };
        let marked = contents.people.marked(&weighed.concerned, change.now);
        self.keep(|disk| disk.put_group(&weighed, &marked))?;
        let group = weighed.group.clone();
        contents.crowd.put(weighed);
        marked.into_iter().for_each(|record| contents.people.put(record));
        Ok(Ok(group))
    }

    fn remove_group(
        &self,
        id: &Id,
        version: u64,
        mark: bool,
        now: SystemTime,
    ) -> Result<Result<(), Clash>, Trouble> {
        let mut contents = self.contents();
        if contents.crowd.group(id).is_none_or(|group| group.version != version) {
            return Ok(Err(Clash::Moved));
        }
        let members = contents.crowd.members(id).into_iter().filter(|_| mark);
        let members: Vec<String> = members.map(|member| member.value).collect();
        let marked = contents.people.marked(&members, now);
        let numbers = contents.crowd.numbers(id);
        self.keep(|disk| disk.erase_group(id, &numbers, &marked))?;
        contents.crowd.take(id);
        marked.into_iter().for_each(|record| contents.people.put(record));
        Ok(Ok(()))
    }

    fn see(&self, event: &str, now: SystemTime) -> Result<SystemTime, Trouble> {
        let mut contents = self.contents();
        let seen = contents.sights.get(event).copied();
        if let Some(seen) = seen.filter(|seen| !is_over(*seen, MEMORY, now)) {
            return Ok(seen);
        }
        self.keep(|disk| disk.see(event, now))?;
        contents.sights.insert(event.to_owned(), now);
        // Now and then, and the seldomer the more there are, so that it costs next to nothing.
        if contents.sights.len().is_power_of_two() {
            let is_old = |(_, seen): &(&String, &SystemTime)| is_over(**seen, MEMORY, now);
            let old = contents.sights.iter().filter(is_old).map(|(event, _)| event.clone());
            let old: Vec<String> = old.collect();
            self.keep(|disk| disk.forget(&old))?;
            contents.sights.retain(|_, seen| !is_over(*seen, MEMORY, now));
        }
        Ok(now)
    }

    fn note<T>(&self, change: impl FnOnce(&mut Notes) -> T) -> Result<T, Trouble> {
        let mut contents = self.contents();
        let mut notes = contents.notes.clone();
        let answer = change(&mut notes);
        self.keep(|disk| disk.note(&notes))?;
        contents.notes = notes;
        Ok(answer)
    }
}

impl Contents {
    /// Remembers when an event was first seen.
    #[cfg(feature = "cli")]
    pub(super) fn see(&mut self, event: String, at: SystemTime) {
        self.sights.insert(event, at);
    }

    /// Takes the rest as it was kept.
    #[cfg(feature = "cli")]
    pub(super) fn note(&mut self, notes: Notes) {
        self.notes = notes;
    }
}

/// Whether something that lasts so long from then on is over.
fn is_over(then: SystemTime, lasts: Duration, now: SystemTime) -> bool {
    now.duration_since(then).is_ok_and(|age| age >= lasts)
}

/// An answer that is there already.
fn at_once<'a, T: Send + 'a>(answer: Result<T, Trouble>) -> Answer<'a, T> {
    Box::pin(ready(answer))
}

impl Roster for Embedded {
    fn load<'a>(&'a self, id: &'a Id) -> Answer<'a, Option<Record>> {
        at_once(Ok(self.contents().people.load(id)))
    }

    fn find<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<Record>> {
        at_once(Ok(self.contents().people.find(key)))
    }

    fn find_all<'a>(&'a self, key: &'a Key) -> Answer<'a, Vec<Record>> {
        at_once(Ok(self.contents().people.find_all(key)))
    }

    fn find_gone<'a>(&'a self, keys: &'a [Key]) -> Answer<'a, Vec<Record>> {
        at_once(Ok(self.contents().people.find_gone(keys)))
    }

    fn write<'a>(&'a self, record: &'a Record) -> Answer<'a, Result<u64, Clash>> {
        at_once(self.put(record))
    }

    fn erase<'a>(&'a self, id: &'a Id, version: u64) -> Answer<'a, Result<(), Clash>> {
        at_once(self.remove(id, version))
    }

    fn load_group<'a>(&'a self, id: &'a Id) -> Answer<'a, Option<Group>> {
        at_once(Ok(self.contents().crowd.group(id).cloned()))
    }

    fn find_groups<'a>(&'a self, key: &'a Key) -> Answer<'a, Vec<Group>> {
        at_once(Ok(self.contents().crowd.find(key).cloned().collect()))
    }

    fn page_groups(&self, start: usize, count: usize) -> Answer<'_, (Vec<Group>, usize)> {
        at_once(Ok(self.contents().crowd.page(start, count)))
    }

    fn members<'a>(&'a self, group: &'a Id) -> Answer<'a, Vec<Member>> {
        at_once(Ok(self.contents().crowd.members(group)))
    }

    fn groups_of<'a>(&'a self, member: &'a str) -> Answer<'a, Vec<Group>> {
        at_once(Ok(self.contents().crowd.groups_of(member)))
    }

    fn write_group<'a>(&'a self, change: &'a GroupChange) -> Answer<'a, Result<Group, Clash>> {
        at_once(self.put_group(change))
    }

    fn erase_group<'a>(
        &'a self,
        id: &'a Id,
        version: u64,
        mark: bool,
        now: SystemTime,
    ) -> Answer<'a, Result<(), Clash>> {
        at_once(self.remove_group(id, version, mark, now))
    }

    fn due(&self, now: SystemTime, count: usize) -> Answer<'_, Vec<Id>> {
        at_once(Ok(self.contents().people.due(now, count)))
    }

    fn page(&self, start: usize, count: usize) -> Answer<'_, (Vec<Record>, usize)> {
        at_once(Ok(self.contents().people.page(start, count)))
    }

    fn parked(&self) -> Answer<'_, Vec<Record>> {
        at_once(Ok(self.contents().people.parked()))
    }

    fn first_sight<'a>(&'a self, event: &'a str, now: SystemTime) -> Answer<'a, SystemTime> {
        at_once(self.see(event, now))
    }

    fn count_removal(&self, now: SystemTime, most: usize) -> Answer<'_, bool> {
        at_once(self.note(|notes| {
            notes.removals.retain(|removal| !is_over(*removal, HOUR, now));
            let counts = notes.removals.len() < most;
            notes.removals.extend(counts.then_some(now));
            counts
        }))
    }

    fn note_removal(&self, now: SystemTime) -> Answer<'_, ()> {
        at_once(self.note(|notes| notes.removals.push_back(now)))
    }

    fn begin_drain(&self, now: SystemTime, until: SystemTime) -> Answer<'_, bool> {
        at_once(self.note(|notes| {
            let free = notes.drained_until.is_none_or(|taken| taken <= now);
            if free {
                notes.drained_until = Some(until);
            }
            free
        }))
    }

    fn end_drain(&self, until: SystemTime) -> Answer<'_, ()> {
        at_once(self.note(|notes| {
            notes.drained_until = notes.drained_until.filter(|taken| *taken != until);
        }))
    }

    fn backlog(&self) -> Answer<'_, Option<SystemTime>> {
        at_once(Ok(self.contents().notes.backlog_until))
    }

    fn set_backlog(&self, until: Option<SystemTime>) -> Answer<'_, ()> {
        if self.contents().notes.backlog_until == until {
            return at_once(Ok(()));
        }
        at_once(self.note(|notes| notes.backlog_until = until))
    }
}
