//! A roster in memory, and in a file if one is named: for one process, on a desk or in a test.
//!
//! What is written is checked and so in memory under one lock, which is never held over the disk; a
//! thread of its own ([`super::writer`]) brings it to the file, many writes at a time, and whoever is
//! told of a write is told after that ([`super::queue`]).

use std::collections::{HashMap, VecDeque};
use std::fmt;
#[cfg(feature = "cli")]
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::crowd::Crowd;
use super::group::{Group, GroupChange, Member};
use super::key::{Id, Key};
use super::people::{Entry, Moved, People};
use super::queue::{Change, Queue, at_once};
use super::record::{MEMORY, Record};
use super::short::Short;
#[cfg(feature = "cli")]
pub use super::writer::Report;
#[cfg(feature = "cli")]
use super::writer::Writer;
use super::{Answer, Clash, Roster, Trouble};

/// The hour in which removals are counted.
const HOUR: Duration = Duration::from_hours(1);

/// The roster of one process.
#[derive(Default)]
pub struct Embedded {
    shared: Arc<Shared>,
    /// Ends with it, when all is written.
    #[cfg(feature = "cli")]
    _writer: Option<Writer>,
}

/// What is shared with the thread that writes.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    /// Told when there is something to write.
    pub(super) wake: Condvar,
}

/// Everything there is, and what of it the disk does not have.
#[derive(Default)]
pub(super) struct State {
    pub(super) contents: Contents,
    /// None, where nothing is kept beyond the process.
    pub(super) queue: Option<Queue>,
    /// How many changes the writer would like to have at once.
    pub(super) expected: usize,
    /// Whether the roster is closed.
    pub(super) is_closing: bool,
}

/// Everything there is.
#[derive(Default)]
pub(super) struct Contents {
    /// When each event was first seen.
    sights: HashMap<Short, SystemTime>,
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
        Self::open_reporting(path, Box::new(|_| {}))
    }

    /// The same; `report` is told when the disk fails, and when it works again.
    ///
    /// # Errors
    /// As [`Self::open`].
    #[cfg(feature = "cli")]
    pub fn open_reporting(path: &Path, report: Report) -> Result<Self, Trouble> {
        Self::kept_by(super::file::at(path.to_owned()), report)
    }

    #[cfg(feature = "cli")]
    pub(super) fn kept_by(open: super::file::Open, report: Report) -> Result<Self, Trouble> {
        let shared = Arc::new(Shared::default());
        let writer = Writer::start(Arc::clone(&shared), open, report)?;
        Ok(Self { shared, _writer: Some(writer) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }

    /// An answer that was read by these ways, when the disk has what they show.
    fn told<'a, T: Send + 'a>(
        &self,
        mut state: MutexGuard<'_, State>,
        ways: impl Iterator<Item = Short>,
        answer: Result<T, Trouble>,
    ) -> Answer<'a, T> {
        match (state.queue.as_mut().map(|queue| queue.pending(ways)), answer) {
            (Some(Ok(Some(ticket))), Ok(answer)) => ticket.before(answer),
            (Some(Err(trouble)), _) => at_once(Err(trouble)),
            (Some(Ok(_)) | None, answer) => at_once(answer),
        }
    }

    /// The answer of a write that was carried out in memory, when the disk has it.
    fn written<'a, T: Send + 'a>(
        &self,
        mut state: MutexGuard<'_, State>,
        change: impl FnOnce() -> Change,
        ways: Vec<Short>,
        answer: T,
    ) -> Answer<'a, T> {
        let expected = state.expected;
        let Some(queue) = state.queue.as_mut() else { return at_once(Ok(answer)) };
        let ticket = queue.push(change(), ways);
        if queue.len() == 1 || queue.len() >= expected {
            self.shared.wake.notify_one();
        }
        ticket.before(answer)
    }

    fn put<'a>(&self, record: &Record) -> Result<Answer<'a, Result<u64, Clash>>, Trouble> {
        let version = record.version.saturating_add(1);
        let next = Record { version, ..record.clone() };
        let entry = Entry::of(&next)?;
        let mut ways: Vec<Short> = entry.ways().collect();
        let mut state = self.state();
        state.check_disk()?;
        if let Err(clash) = state.contents.people.check(&entry, record.version)? {
            return Ok(self.told(state, ways.into_iter(), Ok(Err(clash))));
        }
        let moved = state.contents.people.put(entry)?;
        ways.extend(moved.ways());
        Ok(self.written(state, || Change::Put(Box::new(next)), ways, Ok(version)))
    }

    fn remove<'a>(&self, id: &Id, version: u64) -> Result<Answer<'a, Result<(), Clash>>, Trouble> {
        let short = Short::of_id(id);
        let mut state = self.state();
        state.check_disk()?;
        if state.contents.people.version(short) != Some(version) {
            return Ok(self.told(state, [short].into_iter(), Ok(Err(Clash::Moved))));
        }
        let moved = state.contents.people.take(short)?;
        let ways = moved.ways().chain([short]).collect();
        Ok(self.written(state, || Change::Erase(id.clone()), ways, Ok(())))
    }

    fn put_group<'a>(
        &self,
        change: &GroupChange,
    ) -> Result<Answer<'a, Result<Group, Clash>>, Trouble> {
        let mut state = self.state();
        state.check_disk()?;
        let id = Short::of_id(&change.group.id);
        let weighed = match state.contents.crowd.weigh(change) {
            Err(clash) => {
                let keys = change.group.keys();
                let sent = change.resource.clone().unwrap_or_default();
                let sent = Group { resource: sent, ..change.group.clone() }.keys();
                let ways = [id].into_iter().chain(keys.iter().chain(&sent).map(Short::of_key));
                return Ok(self.told(state, ways, Ok(Err(clash))));
            }
            Ok(None) => {
                let stored = state.contents.crowd.group(&change.group.id);
                let same = stored.unwrap_or(&change.group).clone();
                return Ok(self.told(state, [id].into_iter(), Ok(Ok(same))));
            }
            Ok(Some(weighed)) => weighed,
        };
        let marked = state.contents.people.marked(&weighed.concerned, change.now)?;
        let mut ways = state.contents.crowd.ways(&weighed);
        let group = weighed.group.clone();
        state.contents.crowd.put(weighed.clone());
        ways.extend(state.mark(&marked)?);
        let change = || Change::PutGroup(Box::new(weighed), marked);
        Ok(self.written(state, change, ways, Ok(group)))
    }

    fn remove_group<'a>(
        &self,
        id: &Id,
        version: u64,
        mark: bool,
        now: SystemTime,
    ) -> Result<Answer<'a, Result<(), Clash>>, Trouble> {
        let mut state = self.state();
        state.check_disk()?;
        let crowd = &state.contents.crowd;
        if crowd.group(id).is_none_or(|group| group.version != version) {
            return Ok(self.told(state, [Short::of_id(id)].into_iter(), Ok(Err(Clash::Moved))));
        }
        let members = crowd.members(id).into_iter().map(|member| member.value);
        let members: Vec<String> = members.collect();
        let mut ways = crowd.ways_to(id);
        ways.extend(members.iter().map(|value| Short::of(value)));
        let concerned = if mark { members.as_slice() } else { &[] };
        let marked = state.contents.people.marked(concerned, now)?;
        let numbers = state.contents.crowd.numbers(id);
        state.contents.crowd.take(id);
        ways.extend(state.mark(&marked)?);
        let change = || Change::EraseGroup(id.clone(), numbers, marked);
        Ok(self.written(state, change, ways, Ok(())))
    }

    fn see<'a>(&self, event: &str, now: SystemTime) -> Result<Answer<'a, SystemTime>, Trouble> {
        let short = Short::of(event);
        let mut state = self.state();
        let seen = state.contents.sights.get(&short).copied();
        if let Some(seen) = seen.filter(|seen| !is_over(*seen, MEMORY, now)) {
            return Ok(self.told(state, [short].into_iter(), Ok(seen)));
        }
        state.check_disk()?;
        state.contents.sights.insert(short, now);
        // Now and then, and the seldomer the more there are, so that it costs next to nothing.
        if state.contents.sights.len().is_power_of_two()
            && let Some(until) = now.checked_sub(MEMORY)
        {
            state.contents.sights.retain(|_, seen| *seen > until);
            if let Some(queue) = state.queue.as_mut() {
                drop(queue.push(Change::Forget(until), Vec::new()));
            }
        }
        Ok(self.written(state, || Change::See(event.to_owned(), now), vec![short], now))
    }

    fn note<'a, T: Send + 'a>(
        &self,
        change: impl FnOnce(&mut Notes) -> T,
    ) -> Result<Answer<'a, T>, Trouble> {
        let mut state = self.state();
        state.check_disk()?;
        let answer = change(&mut state.contents.notes);
        let notes = state.contents.notes.clone();
        Ok(self.written(state, || Change::Note(Box::new(notes)), Vec::new(), answer))
    }
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Refuses what the disk could not take.
    fn check_disk(&self) -> Result<(), Trouble> {
        let trouble = self.queue.as_ref().and_then(Queue::trouble);
        trouble.map_or(Ok(()), |trouble| Err(trouble.clone()))
    }

    /// Stores records that a group marked, and says by what they are found.
    fn mark(&mut self, marked: &[Record]) -> Result<Vec<Short>, Trouble> {
        let mut ways = Vec::new();
        for record in marked {
            let entry = Entry::of(record)?;
            ways.extend(entry.ways());
            self.contents.people.put(entry)?;
        }
        Ok(ways)
    }
}

impl Contents {
    /// Remembers when an event was first seen.
    #[cfg(feature = "cli")]
    pub(super) fn see(&mut self, event: &str, at: SystemTime) {
        self.sights.insert(Short::of(event), at);
    }

    /// Takes the rest as it was kept.
    #[cfg(feature = "cli")]
    pub(super) fn note(&mut self, notes: Notes) {
        self.notes = notes;
    }
}

impl Moved {
    /// By what a reader may have found it before, and the number of all.
    fn ways(&self) -> impl Iterator<Item = Short> {
        let population = self.population.then(population);
        self.former.iter().copied().chain(population)
    }
}

/// What a reader of pages looks at besides the records of a page.
fn population() -> Short {
    Short::of("how many people there are")
}

/// Whether something that lasts so long from then on is over.
fn is_over(then: SystemTime, lasts: Duration, now: SystemTime) -> bool {
    now.duration_since(then).is_ok_and(|age| age >= lasts)
}

/// The ids of what was read.
fn ids(records: &[Record]) -> Vec<Short> {
    records.iter().map(|record| Short::of_id(&record.id)).collect()
}

fn group_ids(groups: &[Group]) -> Vec<Short> {
    groups.iter().map(|group| Short::of_id(&group.id)).collect()
}

impl Roster for Embedded {
    fn load<'a>(&'a self, id: &'a Id) -> Answer<'a, Option<Record>> {
        let state = self.state();
        let record = state.contents.people.load(id);
        self.told(state, [Short::of_id(id)].into_iter(), record)
    }

    fn find<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<Record>> {
        let state = self.state();
        let record = state.contents.people.find(key);
        let own = record.as_ref().ok().and_then(Option::as_ref);
        let own = own.map(|record| Short::of_id(&record.id));
        self.told(state, [Short::of_key(key)].into_iter().chain(own), record)
    }

    fn find_all<'a>(&'a self, key: &'a Key) -> Answer<'a, Vec<Record>> {
        let state = self.state();
        let records = state.contents.people.find_all(key);
        let own = records.as_deref().map(ids).unwrap_or_default();
        self.told(state, [Short::of_key(key)].into_iter().chain(own), records)
    }

    fn find_gone<'a>(&'a self, keys: &'a [Key]) -> Answer<'a, Vec<Record>> {
        let state = self.state();
        let records = state.contents.people.find_gone(keys);
        let own = records.as_deref().map(ids).unwrap_or_default();
        self.told(state, keys.iter().map(Short::of_key).chain(own), records)
    }

    fn write<'a>(&'a self, record: &'a Record) -> Answer<'a, Result<u64, Clash>> {
        self.put(record).unwrap_or_else(|trouble| at_once(Err(trouble)))
    }

    fn erase<'a>(&'a self, id: &'a Id, version: u64) -> Answer<'a, Result<(), Clash>> {
        self.remove(id, version).unwrap_or_else(|trouble| at_once(Err(trouble)))
    }

    fn load_group<'a>(&'a self, id: &'a Id) -> Answer<'a, Option<Group>> {
        let state = self.state();
        let group = state.contents.crowd.group(id).cloned();
        self.told(state, [Short::of_id(id)].into_iter(), Ok(group))
    }

    fn find_groups<'a>(&'a self, key: &'a Key) -> Answer<'a, Vec<Group>> {
        let state = self.state();
        let groups: Vec<Group> = state.contents.crowd.find(key).cloned().collect();
        let own = group_ids(&groups);
        self.told(state, [Short::of_key(key)].into_iter().chain(own), Ok(groups))
    }

    fn page_groups(&self, start: usize, count: usize) -> Answer<'_, (Vec<Group>, usize)> {
        let state = self.state();
        let page = state.contents.crowd.page(start, count);
        let own = group_ids(&page.0);
        self.told(state, [Crowd::population()].into_iter().chain(own), Ok(page))
    }

    fn members<'a>(&'a self, group: &'a Id) -> Answer<'a, Vec<Member>> {
        let state = self.state();
        let members = state.contents.crowd.members(group);
        self.told(state, [Short::of_id(group)].into_iter(), Ok(members))
    }

    fn groups_of<'a>(&'a self, member: &'a str) -> Answer<'a, Vec<Group>> {
        let state = self.state();
        let groups = state.contents.crowd.groups_of(member);
        let own = group_ids(&groups);
        self.told(state, [Short::of(member)].into_iter().chain(own), Ok(groups))
    }

    fn write_group<'a>(&'a self, change: &'a GroupChange) -> Answer<'a, Result<Group, Clash>> {
        self.put_group(change).unwrap_or_else(|trouble| at_once(Err(trouble)))
    }

    fn erase_group<'a>(
        &'a self,
        id: &'a Id,
        version: u64,
        mark: bool,
        now: SystemTime,
    ) -> Answer<'a, Result<(), Clash>> {
        self.remove_group(id, version, mark, now).unwrap_or_else(|trouble| at_once(Err(trouble)))
    }

    // Whoever is told goes on to read what is due, and waits there if the disk does not have it.
    fn due(&self, now: SystemTime, count: usize) -> Answer<'_, Vec<Id>> {
        at_once(self.state().contents.people.due(now, count))
    }

    fn page(&self, start: usize, count: usize) -> Answer<'_, (Vec<Record>, usize)> {
        let state = self.state();
        let page = state.contents.people.page(start, count);
        let own = page.as_ref().map(|(records, _)| ids(records)).unwrap_or_default();
        self.told(state, [population()].into_iter().chain(own), page)
    }

    fn parked(&self) -> Answer<'_, Vec<Record>> {
        let state = self.state();
        let records = state.contents.people.parked();
        let own = records.as_deref().map(ids).unwrap_or_default();
        self.told(state, own.into_iter(), records)
    }

    fn first_sight<'a>(&'a self, event: &'a str, now: SystemTime) -> Answer<'a, SystemTime> {
        self.see(event, now).unwrap_or_else(|trouble| at_once(Err(trouble)))
    }

    fn count_removal(&self, now: SystemTime, most: usize) -> Answer<'_, bool> {
        let counted = self.note(|notes| {
            notes.removals.retain(|removal| !is_over(*removal, HOUR, now));
            let counts = notes.removals.len() < most;
            notes.removals.extend(counts.then_some(now));
            counts
        });
        counted.unwrap_or_else(|trouble| at_once(Err(trouble)))
    }

    fn note_removal(&self, now: SystemTime) -> Answer<'_, ()> {
        let noted = self.note(|notes| notes.removals.push_back(now));
        noted.unwrap_or_else(|trouble| at_once(Err(trouble)))
    }

    fn begin_drain(&self, now: SystemTime, until: SystemTime) -> Answer<'_, bool> {
        if self.state().contents.notes.drained_until.is_some_and(|taken| taken > now) {
            return at_once(Ok(false));
        }
        let begun = self.note(|notes| {
            let free = notes.drained_until.is_none_or(|taken| taken <= now);
            if free {
                notes.drained_until = Some(until);
            }
            free
        });
        begun.unwrap_or_else(|trouble| at_once(Err(trouble)))
    }

    fn end_drain(&self, until: SystemTime) -> Answer<'_, ()> {
        let ended = self.note(|notes| {
            notes.drained_until = notes.drained_until.filter(|taken| *taken != until);
        });
        ended.unwrap_or_else(|trouble| at_once(Err(trouble)))
    }

    fn backlog(&self) -> Answer<'_, Option<SystemTime>> {
        at_once(Ok(self.state().contents.notes.backlog_until))
    }

    fn set_backlog(&self, until: Option<SystemTime>) -> Answer<'_, ()> {
        if self.state().contents.notes.backlog_until == until {
            return at_once(Ok(()));
        }
        let noted = self.note(|notes| notes.backlog_until = until);
        noted.unwrap_or_else(|trouble| at_once(Err(trouble)))
    }

    fn health(&self) -> Result<(), Trouble> {
        self.state().check_disk()
    }
}

/// Says nothing of what it holds.
impl fmt::Debug for Embedded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Embedded").finish_non_exhaustive()
    }
}
