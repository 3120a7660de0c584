//! The people of a roster in memory, and the ways to find them.
//!
//! Records are kept packed, and found by [`Short`]s: a hundred thousand people are some hundred
//! megabytes. Whoever reads a record unpacks it, which costs what it cost to clone it.

use std::collections::{BTreeSet, HashMap};
use std::time::SystemTime;

use super::key::{Id, Key};
use super::record::{DueClass, Phase, UserRecord, Wanted};
use super::short::Short;
use super::{Clash, Trouble};
use crate::pack::{Unpacked, pack, unpack};

/// All records.
#[derive(Debug, Default)]
pub(super) struct People {
    records: HashMap<Short, Kept>,
    /// One who goes by each key, or, where a rule of today makes one key of two of before, several: who
    /// came first is found by it.
    keys: BTreeSet<(Short, SystemTime, Short)>,
    shared: BTreeSet<(Short, Short)>,
    gone: BTreeSet<(Short, Short)>,
    /// Farewells first, and those first that have been due longest.
    due: BTreeSet<(DueClass, SystemTime, Short)>,
    parked: BTreeSet<Short>,
    /// The living, in the order in which they came.
    order: Vec<Short>,
}

/// A record as it is kept.
struct Kept {
    version: u64,
    created: SystemTime,
    /// Whether its id is one as they are made.
    is_plain: bool,
    packed: Box<[u8]>,
}

/// A record that is to be kept, and what it is found by, made ready before anybody has to wait for it.
pub(super) struct Entry {
    id: Short,
    kept: Kept,
    due: Option<(DueClass, SystemTime)>,
    keys: Vec<Short>,
    /// What somebody who is gone went by, if they were this person.
    keys_of_gone: Vec<Short>,
    shared: Vec<Short>,
    marks: Vec<Short>,
    as_of: SystemTime,
    is_parked: bool,
    is_living: bool,
}

impl Entry {
    /// Makes a record ready.
    ///
    /// # Errors
    /// If it is none that a file could hold.
    pub(super) fn of(record: &UserRecord) -> Result<Self, Trouble> {
        let shorts = |keys: &[Key]| keys.iter().map(Short::of_key).collect();
        let (version, created) = (record.row_version, record.created);
        let id = Short::of_id(&record.id);
        let is_plain = id.to_id() == record.id;
        Ok(Self {
            id,
            kept: Kept { version, created, is_plain, packed: pack(record)? },
            due: due(record),
            keys: shorts(&record.keys()),
            keys_of_gone: shorts(&record.keys_of_gone()),
            shared: shorts(&record.shared_keys()),
            marks: shorts(&record.spec.tombstone_keys),
            as_of: record.as_of(),
            is_parked: matches!(record.schedule.phase, Phase::Parked(_)),
            is_living: record.wanted() != Wanted::Gone,
        })
    }

    /// Everything by which it is found.
    pub(super) fn ways(&self) -> impl Iterator<Item = Short> {
        let keys = self.keys.iter().chain(&self.shared).chain(&self.marks);
        [self.id].into_iter().chain(keys.copied())
    }
}

/// What a write changed of the ways to somebody.
pub(super) struct Moved {
    /// By which they were found before; by some of them they still are.
    pub(super) former: Vec<Short>,
    /// Whether there is one more among the living, or one less.
    pub(super) population: bool,
}

impl People {
    /// The record of this id.
    pub(super) fn load(&self, id: &Id) -> Result<Option<UserRecord>, Trouble> {
        let found = self.record(Short::of_id(id))?;
        Ok(found.filter(|record| record.id == *id))
    }

    /// The version of the record of this id.
    pub(super) fn version(&self, id: Short) -> Option<u64> {
        self.records.get(&id).map(|kept| kept.version)
    }

    pub(super) fn find(&self, key: &Key) -> Result<Option<UserRecord>, Trouble> {
        match self.holders(Short::of_key(key)).next() {
            Some(id) => self.record(id),
            None => Ok(None),
        }
    }

    pub(super) fn find_all(&self, key: &Key) -> Result<Vec<UserRecord>, Trouble> {
        self.having(&self.shared, Short::of_key(key))
    }

    pub(super) fn find_gone(&self, keys: &[Key]) -> Result<Vec<UserRecord>, Trouble> {
        let mut gone = Vec::new();
        for key in keys {
            gone.extend(self.having(&self.gone, Short::of_key(key))?);
        }
        Ok(gone)
    }

    pub(super) fn due(&self, now: SystemTime, count: usize) -> Result<Vec<Id>, Trouble> {
        let due = [DueClass::Farewell, DueClass::Ordinary].into_iter().flat_map(|class| {
            let own = self.due.range((class, SystemTime::UNIX_EPOCH, Short::LEAST)..);
            own.take_while(move |(other, due, _)| *other == class && *due <= now)
        });
        let due = due.take(count);
        let ids = due.filter_map(|(_, _, short)| Some(self.id(*short, self.records.get(short)?)));
        ids.collect()
    }

    /// The id of a record, which is unpacked only where its id is not one as they are made.
    fn id(&self, short: Short, kept: &Kept) -> Result<Id, Trouble> {
        match kept.is_plain {
            true => Ok(short.to_id()),
            false => Ok(unpack::<UserRecord>(&kept.packed)?.id),
        }
    }

    pub(super) fn page(
        &self,
        start: usize,
        count: usize,
    ) -> Result<(Vec<UserRecord>, usize), Trouble> {
        let page = self.order.iter().skip(start).take(count);
        Ok((self.records(page)?, self.order.len()))
    }

    pub(super) fn page_versions(
        &self,
        start: usize,
        count: usize,
    ) -> Result<(Vec<(Id, u64)>, usize), Trouble> {
        let mut versions = Vec::new();
        for short in self.order.iter().skip(start).take(count) {
            let Some(kept) = self.records.get(short) else { continue };
            versions.push((self.id(*short, kept)?, kept.version));
        }
        Ok((versions, self.order.len()))
    }

    pub(super) fn parked(&self) -> Result<Vec<UserRecord>, Trouble> {
        self.records(self.parked.iter())
    }

    /// Whether a record may be written in place of the one of this version.
    pub(super) fn check(&self, entry: &Entry, version: u64) -> Result<Result<(), Clash>, Trouble> {
        let stored = self.version(entry.id).unwrap_or_default();
        if stored != version {
            return Ok(Err(Clash::Moved));
        }
        if stored == 0 {
            for key in &entry.keys_of_gone {
                let gone = self.having(&self.gone, *key)?;
                if gone.iter().any(|gone| gone.as_of() >= entry.as_of) {
                    return Ok(Err(Clash::Moved));
                }
            }
        }
        let is_others = |key: &&Short| self.holders(**key).any(|holder| holder != entry.id);
        let others: Vec<&Short> = entry.keys.iter().filter(is_others).collect();
        if others.is_empty() {
            return Ok(Ok(()));
        }
        // What it has it keeps, whoever else goes by it.
        let own = self.record(entry.id)?.map(|stored| stored.keys()).unwrap_or_default();
        let own: Vec<Short> = own.iter().map(Short::of_key).collect();
        Ok(if others.into_iter().all(|key| own.contains(key)) { Ok(()) } else { Err(Clash::Taken) })
    }

    /// Stores a record in place of the one of its id.
    pub(super) fn put(&mut self, entry: Entry) -> Result<Moved, Trouble> {
        let Entry { id, kept, due, keys, shared, marks, is_parked, is_living, .. } = entry;
        let before = self.order.len();
        let former = self.forget_ways(id)?;
        let created = kept.created;
        self.keys.extend(keys.into_iter().map(|key| (key, created, id)));
        self.shared.extend(shared.into_iter().map(|key| (key, id)));
        self.gone.extend(marks.into_iter().map(|key| (key, id)));
        self.due.extend(due.map(|(class, due)| (class, due, id)));
        if is_parked {
            self.parked.insert(id);
        }
        // Nobody is born twice; but a place that is not found again must not be left behind.
        if self.records.insert(id, kept).is_some_and(|stored| stored.created != created) {
            self.order.retain(|other| *other != id);
        }
        self.place(id, created, is_living);
        Ok(Moved { former, population: before != self.order.len() })
    }

    /// The records of these ids, marked; to who does not work, groups give nothing.
    pub(super) fn marked(
        &self,
        ids: &[String],
        now: SystemTime,
    ) -> Result<Vec<UserRecord>, Trouble> {
        let mut marked = Vec::new();
        for id in ids {
            let record = self.load(&Id::read(id))?;
            if let Some(mut record) = record.filter(|record| record.wanted() == Wanted::Active) {
                record.mark(now);
                record.row_version = record.row_version.saturating_add(1);
                marked.push(record);
            }
        }
        Ok(marked)
    }

    /// Forgets a record.
    pub(super) fn take(&mut self, id: Short) -> Result<Moved, Trouble> {
        let former = self.forget_ways(id)?;
        let before = self.order.len();
        if let Some(created) = self.records.get(&id).map(|kept| kept.created) {
            self.place(id, created, false);
        }
        self.records.remove(&id);
        Ok(Moved { former, population: before != self.order.len() })
    }

    /// Gives a record its place in the order, or takes it out.
    fn place(&mut self, id: Short, created: SystemTime, is_living: bool) {
        let created_of = |other: &Short| {
            let kept = self.records.get(other);
            (kept.map_or(SystemTime::UNIX_EPOCH, |kept| kept.created), *other)
        };
        match self.order.binary_search_by_key(&(created, id), created_of) {
            Ok(index) if !is_living => drop(self.order.remove(index)),
            Err(index) if is_living => self.order.insert(index, id),
            Ok(_) | Err(_) => {}
        }
    }

    /// Forgets what a record is found by, and says what that was.
    fn forget_ways(&mut self, id: Short) -> Result<Vec<Short>, Trouble> {
        let Some(record) = self.record(id)? else { return Ok(Vec::new()) };
        let mut ways = Vec::new();
        for key in record.keys().iter().map(Short::of_key) {
            self.keys.remove(&(key, record.created, id));
            ways.push(key);
        }
        for key in record.shared_keys().iter().map(Short::of_key) {
            self.shared.remove(&(key, id));
            ways.push(key);
        }
        for key in record.spec.tombstone_keys.iter().map(Short::of_key) {
            self.gone.remove(&(key, id));
            ways.push(key);
        }
        if let Some((class, due)) = due(&record) {
            self.due.remove(&(class, due, id));
        }
        self.parked.remove(&id);
        Ok(ways)
    }

    /// Who goes by a key, in the order in which they came.
    fn holders(&self, key: Short) -> impl Iterator<Item = Short> {
        let first = (key, SystemTime::UNIX_EPOCH, Short::LEAST);
        let own = self.keys.range(first..).take_while(move |(own, _, _)| *own == key);
        own.map(|(_, _, id)| *id)
    }

    /// Those of a set of keys with ids who have this key, in the order of their ids.
    fn having(
        &self,
        set: &BTreeSet<(Short, Short)>,
        key: Short,
    ) -> Result<Vec<UserRecord>, Trouble> {
        let ids = set.range((key, Short::LEAST)..).take_while(|(other, _)| *other == key);
        self.records(ids.map(|(_, id)| id))
    }

    fn records<'a>(
        &self,
        ids: impl Iterator<Item = &'a Short>,
    ) -> Result<Vec<UserRecord>, Trouble> {
        ids.filter_map(|id| self.record(*id).transpose()).collect()
    }

    fn record(&self, id: Short) -> Result<Option<UserRecord>, Trouble> {
        Ok(self.records.get(&id).map(|kept| unpack(&kept.packed)).transpose()?)
    }
}

/// When a record is due, and in which class.
fn due(record: &UserRecord) -> Option<(DueClass, SystemTime)> {
    record.schedule.due.map(|due| (record.schedule.class, due))
}

/// Says nothing of the person.
impl std::fmt::Debug for Kept {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Kept").field("version", &self.version).finish_non_exhaustive()
    }
}

impl From<Unpacked> for Trouble {
    fn from(unpacked: Unpacked) -> Self {
        Self(unpacked.to_string())
    }
}
