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

#[cfg(feature = "cli")]
pub(crate) use super::file::copy_of;
use super::group::{Group, GroupChange};
use super::group_index::{FanOutPart, GroupDelta, GroupIndex, Row};
use super::key::Id;
use super::key_hash::KeyHash;
use super::queue::{GroupWrite, Queue, StoreChange, Ticket, at_once};
use super::record::{TOMBSTONE_TTL, UserRecord};
use super::user_index::{IndexChange, IndexKeys, PackedRecord, UserIndex};
#[cfg(feature = "cli")]
pub use super::writer::Report;
#[cfg(feature = "cli")]
use super::writer::Writer;
use super::{Guard, RosterError, RosterFuture, Stored, WriteConflict};

/// The hour in which removals are counted.
const HOUR: Duration = Duration::from_hours(1);

/// So many rows and marks of a group are written at once: others have their turn in between, and what a
/// crash leaves half done is little.
const PART: usize = 250;

/// The roster of one process.
#[derive(Default)]
pub struct MemoryRoster {
    shared: Arc<Shared>,
    /// So many rows and marks of a group are written at once, if not [`PART`].
    pub(super) part: Option<usize>,
    /// Ends with it, when all is written.
    #[cfg(feature = "cli")]
    _writer: Option<Writer>,
}

/// What is shared with the thread that writes.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) state: Mutex<MemoryState>,
    /// Told when there is something to write.
    pub(super) wake: Condvar,
}

/// Everything there is, and what of it the disk does not have.
#[derive(Default)]
pub(super) struct MemoryState {
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
    first_seen: HashMap<KeyHash, SystemTime>,
    notes: Notes,
    pub(super) user_index: UserIndex,
    pub(super) group_index: GroupIndex,
}

/// What is known besides persons and events.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Notes {
    removals: VecDeque<Removal>,
    #[serde(default)]
    losses: VecDeque<Removal>,
    #[serde(default)]
    paused_since: Option<SystemTime>,
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

impl MemoryRoster {
    /// A roster that writes changes of groups in parts of so many rows: what a larger one does with
    /// larger groups.
    #[must_use]
    pub fn fanning_out_by(count: usize) -> Self {
        Self { part: Some(count), ..Self::default() }
    }

    /// The same of a file.
    ///
    /// # Errors
    /// As [`Self::open`].
    #[cfg(feature = "cli")]
    pub fn open_fanning_out_by(path: &Path, count: usize) -> Result<Self, RosterError> {
        Ok(Self { part: Some(count), ..Self::open(path)? })
    }

    /// What a file holds; it is made if it is not there.
    ///
    /// # Errors
    /// If it cannot be read, or another process has it open.
    #[cfg(feature = "cli")]
    pub fn open(path: &Path) -> Result<Self, RosterError> {
        Self::open_reporting(path, Box::new(|_| {}))
    }

    /// The same; `report` is told when the disk fails, and when it works again.
    ///
    /// # Errors
    /// As [`Self::open`].
    #[cfg(feature = "cli")]
    pub fn open_reporting(path: &Path, report: Report) -> Result<Self, RosterError> {
        Self::kept_by(super::file::at(path.to_owned()), report)
    }

    #[cfg(feature = "cli")]
    pub(super) fn kept_by(open: super::file::Open, report: Report) -> Result<Self, RosterError> {
        let shared = Arc::new(Shared::default());
        let writer = Writer::start(Arc::clone(&shared), open, report)?;
        Ok(Self { shared, part: None, _writer: Some(writer) })
    }

    fn state(&self) -> MutexGuard<'_, MemoryState> {
        self.shared.state()
    }

    /// An answer that was read by these ways, when the disk has what they show.
    fn told<'a, T: Send + 'a>(
        &self,
        mut state: MutexGuard<'_, MemoryState>,
        ways: impl Iterator<Item = KeyHash>,
        answer: Result<T, RosterError>,
    ) -> RosterFuture<'a, T> {
        told_after(state.queue.as_mut().map(|queue| queue.pending(ways)), answer)
    }

    /// The answer of a write that was carried out in memory, when the disk has it.
    fn written<'a, T: Send + 'a>(
        &self,
        mut state: MutexGuard<'_, MemoryState>,
        change: impl FnOnce() -> StoreChange,
        ways: Vec<KeyHash>,
        answer: T,
    ) -> RosterFuture<'a, T> {
        let expected = state.expected;
        let Some(queue) = state.queue.as_mut() else { return at_once(Ok(answer)) };
        let ticket = queue.push(change(), ways);
        if queue.len() == 1 || queue.len() >= expected {
            self.shared.wake.notify_one();
        }
        ticket.before(answer)
    }

    fn put<'a>(
        &self,
        record: &UserRecord,
    ) -> Result<RosterFuture<'a, Result<Stored, WriteConflict>>, RosterError> {
        let version = record.row_version.saturating_add(1);
        let next = UserRecord { row_version: version, ..record.clone() };
        let entry = PackedRecord::of(&next)?;
        let id = entry.id();
        let stored = Stored { row_version: version, stored_keys: entry.stored_keys() };
        let mut state = self.state();
        if state.contents.user_index.keeps_ways(&entry)? {
            state.check_disk()?;
            if let Err(conflict) =
                state.contents.user_index.check_version(&entry, record.row_version)
            {
                return Ok(self.told(state, [id].into_iter(), Ok(Err(conflict))));
            }
            // Whoever finds it by a key waits for its id too.
            let is_other = state.contents.user_index.put_found_as_before(entry);
            let ways = [id].into_iter().chain(is_other.then(population)).collect();
            return Ok(self.written(state, || StoreChange::Put(Box::new(next)), ways, Ok(stored)));
        }
        drop(state);
        let ways = IndexKeys::of(&next);
        let mut all: Vec<KeyHash> = [id].into_iter().chain(ways.all()).collect();
        let mut state = self.state();
        state.check_disk()?;
        if let Err(conflict) = state.contents.user_index.check(&entry, &ways, record.row_version)? {
            return Ok(self.told(state, all.into_iter(), Ok(Err(conflict))));
        }
        let moved = state.contents.user_index.put(entry, ways)?;
        all.extend(moved.ways());
        Ok(self.written(state, || StoreChange::Put(Box::new(next)), all, Ok(stored)))
    }

    fn remove<'a>(
        &self,
        record: &UserRecord,
    ) -> Result<RosterFuture<'a, Result<(), WriteConflict>>, RosterError> {
        let short = KeyHash::of_id(&record.id);
        let mut state = self.state();
        state.check_disk()?;
        if state.contents.user_index.version(short) != Some(record.row_version) {
            return Ok(self.told(state, [short].into_iter(), Ok(Err(WriteConflict::StaleVersion))));
        }
        let moved = state.contents.user_index.take(short)?;
        let ways = moved.ways().chain([short]).collect();
        Ok(self.written(state, || StoreChange::Erase(record.id.clone()), ways, Ok(())))
    }

    fn put_group<'a>(
        &self,
        change: &GroupChange,
    ) -> Result<RosterFuture<'a, Result<Group, WriteConflict>>, RosterError> {
        let mut state = self.state();
        state.check_disk()?;
        let id = KeyHash::of_id(&change.group.id);
        let delta = match state.contents.group_index.diff(change) {
            Err(conflict) => {
                let keys = change.group.keys();
                let sent = change.resource.clone().unwrap_or_default();
                let sent = Group { resource: sent, ..change.group.clone() }.keys();
                let ways = [id].into_iter().chain(keys.iter().chain(&sent).map(KeyHash::of_key));
                return Ok(self.told(state, ways, Ok(Err(conflict))));
            }
            Ok(None) => {
                let stored = state.contents.group_index.group(&change.group.id);
                let same = stored.unwrap_or(&change.group).clone();
                return Ok(self.told(state, [id].into_iter(), Ok(Ok(same))));
            }
            Ok(Some(delta)) => delta,
        };
        let GroupDelta { mut group, fan_out } = delta;
        let part = fan_out.first(self.part());
        let marked = state.marked(&part)?;
        let mut ways = state.contents.group_index.ways_to(&group.id);
        ways.extend(group.keys().iter().map(KeyHash::of_key));
        if !part.is_last {
            (group.fan_out_pending, group.fan_out_version) = (true, group.version);
        }
        let fan_out = (!part.is_last).then_some(fan_out);
        state.contents.group_index.place(group.clone());
        let (rows, marked) = state.write_fan_out_part(&group.id, part, marked, &mut ways);
        if let Some(fan_out) = &fan_out {
            state.contents.group_index.start_fan_out(group.id.clone(), fan_out.clone());
        }
        let (id, fan_out) = (group.id.clone(), fan_out.map(Some));
        let write = GroupWrite { id, group: Some(Some(group.clone())), rows, marked, fan_out };
        Ok(self.written(state, || StoreChange::Group(Box::new(write)), ways, Ok(group)))
    }

    fn remove_group<'a>(
        &self,
        id: &Id,
        version: u64,
        mark: bool,
        now: SystemTime,
    ) -> Result<RosterFuture<'a, Result<(), WriteConflict>>, RosterError> {
        let mut state = self.state();
        state.check_disk()?;
        let group_index = &mut state.contents.group_index;
        if group_index
            .group(id)
            .is_none_or(|group| group.version != version || group.fan_out_pending)
        {
            return Ok(self.told(
                state,
                [KeyHash::of_id(id)].into_iter(),
                Ok(Err(WriteConflict::StaleVersion)),
            ));
        }
        let fan_out = group_index.weigh_end(id, mark, now);
        let part = fan_out.first(self.part());
        let marked = state.marked(&part)?;
        let group_index = &mut state.contents.group_index;
        let mut ways = group_index.ways_to(id);
        group_index.take(id);
        let fan_out = (!part.is_last).then_some(fan_out);
        if let Some(fan_out) = &fan_out {
            group_index.start_fan_out(id.clone(), fan_out.clone());
        }
        let fan_out = fan_out.map(Some);
        let (rows, marked) = state.write_fan_out_part(id, part, marked, &mut ways);
        let write = GroupWrite { id: id.clone(), group: Some(None), rows, marked, fan_out };
        Ok(self.written(state, || StoreChange::Group(Box::new(write)), ways, Ok(())))
    }

    fn mend_next<'a>(&self, group: Option<&Id>) -> Result<RosterFuture<'a, bool>, RosterError> {
        let mut state = self.state();
        let Some((id, fan_out)) = state.contents.group_index.next_fan_out(group) else {
            return Ok(self.told(state, group.map(KeyHash::of_id).into_iter(), Ok(false)));
        };
        let (id, part) = (id.clone(), fan_out.next(self.part()));
        state.check_disk()?;
        let mut ways = vec![KeyHash::of_id(&id)];
        // Of one group, the last part is the last; of all, another may owe too.
        let (is_last, is_all) = (part.is_last, part.is_last && group.is_some());
        let marked = state.marked(&part)?;
        let settled = state.contents.group_index.advance(&id, &part);
        let (rows, marked) = state.write_fan_out_part(&id, part, marked, &mut ways);
        let fan_out = is_last.then_some(None);
        let write = GroupWrite { id, group: settled.map(Some), rows, marked, fan_out };
        Ok(self.written(state, || StoreChange::Group(Box::new(write)), ways, !is_all))
    }

    const fn part(&self) -> usize {
        match self.part {
            Some(part) => part,
            None => PART,
        }
    }

    fn see<'a>(
        &self,
        event: &str,
        now: SystemTime,
    ) -> Result<RosterFuture<'a, SystemTime>, RosterError> {
        let short = KeyHash::of(event);
        let mut state = self.state();
        let seen = state.contents.first_seen.get(&short).copied();
        if let Some(seen) = seen.filter(|seen| !is_over(*seen, TOMBSTONE_TTL, now)) {
            return Ok(self.told(state, [short].into_iter(), Ok(seen)));
        }
        state.check_disk()?;
        state.contents.first_seen.insert(short, now);
        // Now and then, and the seldomer the more there are, so that it costs next to nothing.
        if state.contents.first_seen.len().is_power_of_two()
            && let Some(until) = now.checked_sub(TOMBSTONE_TTL)
        {
            state.contents.first_seen.retain(|_, seen| *seen > until);
            if let Some(queue) = state.queue.as_mut() {
                drop(queue.push(StoreChange::Forget(until), Vec::new()));
                // Nobody waits for this one, so `written` would take the next for a second.
                self.shared.wake.notify_one();
            }
        }
        Ok(self.written(state, || StoreChange::See(event.to_owned(), now), vec![short], now))
    }

    fn note<'a, T: Send + 'a>(
        &self,
        change: impl FnOnce(&mut Notes) -> T,
    ) -> Result<RosterFuture<'a, T>, RosterError> {
        let mut state = self.state();
        state.check_disk()?;
        let answer = change(&mut state.contents.notes);
        let notes = state.contents.notes.clone();
        Ok(self.written(state, || StoreChange::Note(Box::new(notes)), Vec::new(), answer))
    }
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, MemoryState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryState {
    /// Refuses what the disk could not take.
    fn check_disk(&self) -> Result<(), RosterError> {
        let roster_error = self.queue.as_ref().and_then(Queue::roster_error);
        roster_error.map_or(Ok(()), |roster_error| {
            Err(RosterError::NotDone(roster_error.text().to_owned()))
        })
    }

    /// The records that a part marks, ready to be stored. Nothing is changed before that is certain.
    fn marked(&self, part: &FanOutPart) -> Result<Vec<(UserRecord, PackedRecord)>, RosterError> {
        let marked = self.contents.user_index.marked(&part.marks, part.now)?;
        let packed = marked.into_iter().map(|record| {
            let packed = PackedRecord::of(&record)?;
            Ok((record, packed))
        });
        packed.collect()
    }

    /// Writes a part of what a group owes, and says by what it is found: its rows, and the records that
    /// it marks.
    fn write_fan_out_part(
        &mut self,
        group: &Id,
        part: FanOutPart,
        marked: Vec<(UserRecord, PackedRecord)>,
        ways: &mut Vec<KeyHash>,
    ) -> (Vec<Row>, Vec<UserRecord>) {
        let mut records = Vec::new();
        for (record, packed) in marked {
            // A mark changes nothing by which anybody is found.
            ways.push(packed.id());
            self.contents.user_index.put_found_as_before(packed);
            records.push(record);
        }
        let touched = self.contents.group_index.put(group, &part);
        ways.extend(touched.iter().map(|value| KeyHash::of(value)));
        (part.rows, records)
    }
}

impl Notes {
    const fn guarded(&mut self, guard: Guard) -> &mut VecDeque<Removal> {
        match guard {
            Guard::Removals => &mut self.removals,
            Guard::Losses => &mut self.losses,
        }
    }

    /// Counts a removal, if it is not counted within the hour and fewer than `most` are; what is older
    /// is forgotten. Whether it is counted.
    fn count(&mut self, guard: Guard, what: &str, now: SystemTime, most: usize) -> bool {
        let counted = self.guarded(guard);
        counted.retain(|(Removal::Of(_, at) | Removal::At(at))| !is_over(*at, HOUR, now));
        let is_this = |removal: &Removal| matches!(removal, Removal::Of(own, _) if own == what);
        if counted.iter().any(is_this) {
            return true;
        }
        let counts = counted.len() < most;
        if counts {
            counted.push_back(Removal::Of(what.to_owned(), now));
        }
        counts
    }
}

impl Contents {
    /// Remembers when an event was first seen.
    #[cfg(feature = "cli")]
    pub(super) fn see(&mut self, event: &str, at: SystemTime) {
        self.first_seen.insert(KeyHash::of(event), at);
    }

    /// Takes the rest as it was kept.
    #[cfg(feature = "cli")]
    pub(super) fn note(&mut self, notes: Notes) {
        self.notes = notes;
    }
}

impl IndexChange {
    /// By what a reader may have found it before, and the number of all.
    fn ways(&self) -> impl Iterator<Item = KeyHash> {
        let population = self.population.then(population);
        self.former.iter().copied().chain(population)
    }
}

/// An answer, when what it waits for is over.
fn told_after<'a, T: Send + 'a>(
    pending: Option<Result<Option<Ticket>, RosterError>>,
    answer: Result<T, RosterError>,
) -> RosterFuture<'a, T> {
    match (pending, answer) {
        (Some(Ok(Some(ticket))), Ok(answer)) => ticket.before(answer),
        (Some(Err(roster_error)), _) => at_once(Err(roster_error)),
        (Some(Ok(_)) | None, answer) => at_once(answer),
    }
}

/// What a reader of pages looks at besides the records of a page.
fn population() -> KeyHash {
    KeyHash::of("how many people there are")
}

/// Whether something that lasts so long from then on is over.
fn is_over(then: SystemTime, lasts: Duration, now: SystemTime) -> bool {
    now.duration_since(then).is_ok_and(|age| age >= lasts)
}

/// Says nothing of what it holds.
impl fmt::Debug for MemoryRoster {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MemoryRoster").finish_non_exhaustive()
    }
}
