//! A roster in memory, and in a file if one is named: for one process, on a desk or in a test.
//!
//! What is written is checked and so in memory under one lock, which is never held over the disk; a
//! thread of its own (`writer`) brings it to the file, many writes at a time, and whoever is
//! told of a write is told after that (`queue`).

mod contract;

use std::collections::{HashMap, VecDeque};
use std::fmt;
#[cfg(feature = "cli")]
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::crowd::{Crowd, Part, Row, Weighed};
#[cfg(feature = "cli")]
pub(crate) use super::file::copy_of;
use super::group::{Group, GroupChange};
use super::key::Id;
use super::people::{Entry, Moved, People, Ways};
use super::queue::{Change, GroupWrite, Queue, Ticket, at_once};
use super::record::{MEMORY, UserRecord};
use super::short::Short;
#[cfg(feature = "cli")]
pub use super::writer::Report;
#[cfg(feature = "cli")]
use super::writer::Writer;
use super::{Answer, Clash, Stored, Trouble};

/// The hour in which removals are counted.
const HOUR: Duration = Duration::from_hours(1);

/// So many rows and marks of a group are written at once: others have their turn in between, and what a
/// crash leaves half done is little.
const PART: usize = 250;

/// The roster of one process.
#[derive(Default)]
pub struct Embedded {
    shared: Arc<Shared>,
    /// So many rows and marks of a group are written at once, if not [`PART`].
    part: Option<usize>,
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
    #[cfg(feature = "cli")]
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
    removals: VecDeque<Removal>,
    drained_until: Option<SystemTime>,
    #[serde(default)]
    drained_by: Option<String>,
    backlog_until: Option<SystemTime>,
}

/// A removal that counts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Removal {
    /// Of what, and when it was first counted.
    Of(String, SystemTime),
    /// As a build before counted them.
    At(SystemTime),
}

impl Embedded {
    /// A roster that writes changes of groups in parts of so many rows: what a larger one does with
    /// larger groups.
    #[must_use]
    pub fn in_parts_of(count: usize) -> Self {
        Self { part: Some(count), ..Self::default() }
    }

    /// The same of a file.
    ///
    /// # Errors
    /// As [`Self::open`].
    #[cfg(feature = "cli")]
    pub fn open_in_parts_of(path: &Path, count: usize) -> Result<Self, Trouble> {
        Ok(Self { part: Some(count), ..Self::open(path)? })
    }

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
        Ok(Self { shared, part: None, _writer: Some(writer) })
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
        told_after(state.queue.as_mut().map(|queue| queue.pending(ways)), answer)
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

    fn put<'a>(&self, record: &UserRecord) -> Result<Answer<'a, Result<Stored, Clash>>, Trouble> {
        let version = record.row_version.saturating_add(1);
        let next = UserRecord { row_version: version, ..record.clone() };
        let entry = Entry::of(&next)?;
        let id = entry.id();
        let stored = Stored { row_version: version, filed: entry.filed() };
        let mut state = self.state();
        if state.contents.people.keeps_ways(&entry)? {
            state.check_disk()?;
            if let Err(clash) = state.contents.people.check_version(&entry, record.row_version) {
                return Ok(self.told(state, [id].into_iter(), Ok(Err(clash))));
            }
            // Whoever finds it by a key waits for its id too.
            let is_other = state.contents.people.put_found_as_before(entry);
            let ways = [id].into_iter().chain(is_other.then(population)).collect();
            return Ok(self.written(state, || Change::Put(Box::new(next)), ways, Ok(stored)));
        }
        drop(state);
        let ways = Ways::of(&next);
        let mut all: Vec<Short> = [id].into_iter().chain(ways.all()).collect();
        let mut state = self.state();
        state.check_disk()?;
        if let Err(clash) = state.contents.people.check(&entry, &ways, record.row_version)? {
            return Ok(self.told(state, all.into_iter(), Ok(Err(clash))));
        }
        let moved = state.contents.people.put(entry, ways)?;
        all.extend(moved.ways());
        Ok(self.written(state, || Change::Put(Box::new(next)), all, Ok(stored)))
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
        let Weighed { mut group, owed } = weighed;
        let mut part = owed.next(self.part());
        let mut ways = state.contents.crowd.ways_to(&group.id);
        ways.extend(group.keys().iter().map(Short::of_key));
        if !part.is_last {
            (group.is_owed, group.parts_since) = (true, group.version);
            part = owed.next(0);
        }
        let owed = (!part.is_last).then_some(owed);
        state.contents.crowd.place(group.clone());
        let (rows, marked) = state.write_part(&group.id, part, &mut ways)?;
        if let Some(owed) = &owed {
            state.contents.crowd.owe(group.id.clone(), owed.clone());
        }
        let (id, owed) = (group.id.clone(), owed.map(Some));
        let write = GroupWrite { id, group: Some(Some(group.clone())), rows, marked, owed };
        Ok(self.written(state, || Change::Group(Box::new(write)), ways, Ok(group)))
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
        let crowd = &mut state.contents.crowd;
        if crowd.group(id).is_none_or(|group| group.version != version || group.is_owed) {
            return Ok(self.told(state, [Short::of_id(id)].into_iter(), Ok(Err(Clash::Moved))));
        }
        let owed = crowd.weigh_end(id, mark, now);
        let mut part = owed.next(self.part());
        let mut ways = crowd.ways_to(id);
        crowd.take(id);
        let owed = if part.is_last {
            None
        } else {
            part = owed.next(0);
            crowd.owe(id.clone(), owed.clone());
            Some(Some(owed))
        };
        let (rows, marked) = state.write_part(id, part, &mut ways)?;
        let write = GroupWrite { id: id.clone(), group: Some(None), rows, marked, owed };
        Ok(self.written(state, || Change::Group(Box::new(write)), ways, Ok(())))
    }

    fn pay<'a>(&self, group: Option<&Id>) -> Result<Answer<'a, bool>, Trouble> {
        let mut state = self.state();
        let Some((id, owed)) = state.contents.crowd.who_owes(group) else {
            return Ok(self.told(state, group.map(Short::of_id).into_iter(), Ok(false)));
        };
        let (id, part) = (id.clone(), owed.next(self.part()));
        state.check_disk()?;
        let mut ways = vec![Short::of_id(&id)];
        // Of one group, the last part is the last; of all, another may owe too.
        let (is_last, is_all) = (part.is_last, part.is_last && group.is_some());
        let settled = state.contents.crowd.paid(&id, &part);
        let (rows, marked) = state.write_part(&id, part, &mut ways)?;
        let owed = is_last.then_some(None);
        let write = GroupWrite { id, group: settled.map(Some), rows, marked, owed };
        Ok(self.written(state, || Change::Group(Box::new(write)), ways, !is_all))
    }

    const fn part(&self) -> usize {
        match self.part {
            Some(part) => part,
            None => PART,
        }
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
                // Nobody waits for this one, so `written` would take the next for a second.
                self.shared.wake.notify_one();
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
        trouble.map_or(Ok(()), |trouble| Err(Trouble::NotDone(trouble.text().to_owned())))
    }

    /// Writes a part of what a group owes, and says by what it is found: its rows, and the records that
    /// it marks.
    fn write_part(
        &mut self,
        group: &Id,
        part: Part,
        ways: &mut Vec<Short>,
    ) -> Result<(Vec<Row>, Vec<UserRecord>), Trouble> {
        let marked = self.contents.people.marked(&part.marks, part.now)?;
        for record in &marked {
            // A mark changes nothing by which anybody is found.
            let entry = Entry::of(record)?;
            ways.push(entry.id());
            self.contents.people.put_found_as_before(entry);
        }
        let touched = self.contents.crowd.put(group, &part);
        ways.extend(touched.iter().map(|value| Short::of(value)));
        Ok((part.rows, marked))
    }
}

impl Notes {
    /// Whether a removal is counted within the hour; what is older is forgotten.
    fn counts(&mut self, what: &str, now: SystemTime) -> bool {
        self.removals.retain(|(Removal::Of(_, at) | Removal::At(at))| !is_over(*at, HOUR, now));
        self.removals.iter().any(|removal| matches!(removal, Removal::Of(own, _) if own == what))
    }

    fn count(&mut self, what: &str, now: SystemTime) {
        self.removals.push_back(Removal::Of(what.to_owned(), now));
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

/// An answer, when what it waits for is over.
fn told_after<'a, T: Send + 'a>(
    pending: Option<Result<Option<Ticket>, Trouble>>,
    answer: Result<T, Trouble>,
) -> Answer<'a, T> {
    match (pending, answer) {
        (Some(Ok(Some(ticket))), Ok(answer)) => ticket.before(answer),
        (Some(Err(trouble)), _) => at_once(Err(trouble)),
        (Some(Ok(_)) | None, answer) => at_once(answer),
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

/// Says nothing of what it holds.
impl fmt::Debug for Embedded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Embedded").finish_non_exhaustive()
    }
}
