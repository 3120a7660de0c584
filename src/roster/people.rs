//! The people of a roster in memory, and the ways to find them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::SystemTime;

use super::Clash;
use super::key::{Id, Key};
use super::record::{Record, State, Wanted};

/// All records.
#[derive(Debug, Default)]
pub(super) struct People {
    records: HashMap<Id, Arc<Record>>,
    /// One who goes by each key, or, where a rule of today makes one key of two of before, several: who
    /// came first is found by it.
    keys: BTreeSet<(Key, SystemTime, Id)>,
    shared: BTreeSet<(Key, Id)>,
    gone: BTreeSet<(Key, Id)>,
    due: BTreeSet<(SystemTime, Id)>,
    parked: BTreeSet<Id>,
    /// The living, in the order in which they came.
    order: Vec<Arc<Record>>,
}

impl People {
    /// The record of this id.
    pub(super) fn load(&self, id: &Id) -> Option<Record> {
        self.records.get(id).map(|record| Record::clone(record))
    }

    /// The version of the record of this id.
    pub(super) fn version(&self, id: &Id) -> Option<u64> {
        self.records.get(id).map(|record| record.version)
    }

    pub(super) fn find(&self, key: &Key) -> Option<Record> {
        self.load(self.holders(key).next()?)
    }

    pub(super) fn find_all(&self, key: &Key) -> Vec<Record> {
        self.having(&self.shared, key)
    }

    pub(super) fn find_gone(&self, keys: &[Key]) -> Vec<Record> {
        keys.iter().flat_map(|key| self.having(&self.gone, key)).collect()
    }

    pub(super) fn due(&self, now: SystemTime, count: usize) -> Vec<Id> {
        let due = self.due.iter().take_while(|(due, _)| *due <= now).take(count);
        due.map(|(_, id)| id.clone()).collect()
    }

    pub(super) fn page(&self, start: usize, count: usize) -> (Vec<Record>, usize) {
        let page = self.order.iter().skip(start).take(count);
        (page.map(|record| Record::clone(record)).collect(), self.order.len())
    }

    pub(super) fn parked(&self) -> Vec<Record> {
        self.parked.iter().filter_map(|id| self.load(id)).collect()
    }

    /// Whether a record may be written.
    pub(super) fn check(&self, record: &Record) -> Result<(), Clash> {
        let stored = self.records.get(&record.id).map_or(0, |stored| stored.version);
        if stored != record.version {
            return Err(Clash::Moved);
        }
        let is_late = |gone: &Record| gone.as_of >= record.as_of;
        if stored == 0
            && record
                .keys_of_gone()
                .iter()
                .any(|key| self.having(&self.gone, key).iter().any(is_late))
        {
            return Err(Clash::Moved);
        }
        // What it has it keeps, whoever else goes by it.
        let own = self.records.get(&record.id).map(|stored| stored.keys()).unwrap_or_default();
        let is_taken =
            |key: &Key| !own.contains(key) && self.holders(key).any(|holder| *holder != record.id);
        if record.keys().iter().any(is_taken) { Err(Clash::Taken) } else { Ok(()) }
    }

    /// Stores a record in place of the one of its id.
    pub(super) fn put(&mut self, record: Record) {
        let id = record.id.clone();
        if let Some(former) = self.records.remove(&id) {
            self.forget_ways(&former);
        }
        let keys = record.keys().into_iter().map(|key| (key, record.created, id.clone()));
        self.keys.extend(keys);
        self.shared.extend(record.shared_keys().into_iter().map(|key| (key, id.clone())));
        self.gone.extend(record.marks.iter().map(|key| (key.clone(), id.clone())));
        self.due.extend(record.due.map(|due| (due, id.clone())));
        if matches!(record.state, State::Parked(_)) {
            self.parked.insert(id.clone());
        }
        let record = Arc::new(record);
        self.place(&record, record.wanted != Wanted::Gone);
        self.records.insert(id, record);
    }

    /// The records of these ids, marked; to who does not work, groups give nothing.
    pub(super) fn marked(&self, ids: &[String], now: SystemTime) -> Vec<Record> {
        let working = ids.iter().filter_map(|id| self.load(&Id::read(id)));
        let working = working.filter(|record| record.wanted == Wanted::Active);
        let mark = |mut record: Record| {
            record.mark(now);
            record.version = record.version.saturating_add(1);
            record
        };
        working.map(mark).collect()
    }

    /// Forgets a record.
    pub(super) fn take(&mut self, id: &Id) {
        let Some(record) = self.records.remove(id) else { return };
        self.forget_ways(&record);
        self.place(&record, false);
    }

    /// Gives a record its place in the order, or takes it out.
    fn place(&mut self, record: &Arc<Record>, living: bool) {
        let place = (record.created, &record.id);
        match self.order.binary_search_by(|other| (other.created, &other.id).cmp(&place)) {
            Ok(index) if !living => drop(self.order.remove(index)),
            Ok(index) => {
                if let Some(place) = self.order.get_mut(index) {
                    place.clone_from(record);
                }
            }
            Err(index) if living => self.order.insert(index, Arc::clone(record)),
            Err(_) => {}
        }
    }

    fn forget_ways(&mut self, record: &Record) {
        let id = &record.id;
        for key in record.keys() {
            self.keys.remove(&(key, record.created, id.clone()));
        }
        for key in record.shared_keys() {
            self.shared.remove(&(key, id.clone()));
        }
        for key in &record.marks {
            self.gone.remove(&(key.clone(), id.clone()));
        }
        if let Some(due) = record.due {
            self.due.remove(&(due, id.clone()));
        }
        self.parked.remove(id);
    }

    /// Who goes by a key, in the order in which they came.
    fn holders<'a>(&'a self, key: &'a Key) -> impl Iterator<Item = &'a Id> {
        let first = (key.clone(), SystemTime::UNIX_EPOCH, Id::read(""));
        let own = self.keys.range(first..).take_while(move |(own, _, _)| own == key);
        own.map(|(_, _, id)| id)
    }

    /// Those of a set of keys with ids who have this key.
    fn having(&self, set: &BTreeSet<(Key, Id)>, key: &Key) -> Vec<Record> {
        let first = (key.clone(), Id::read(""));
        let ids = set.range(first..).take_while(|(other, _)| other == key);
        ids.filter_map(|(_, id)| self.load(id)).collect()
    }
}
