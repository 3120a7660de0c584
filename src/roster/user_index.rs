//! The people of a roster in memory, and the ways to find them.
//!
//! Records are kept packed, and found by [`KeyHash`]s: a hundred thousand people are some hundred
//! megabytes. Whoever reads a record unpacks it, which costs what it cost to clone it.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::SystemTime;

use super::glance::Glance;
use super::key::{Id, Key};
use super::key_hash::KeyHash;
use super::parked::{Counts, State, is_held};
use super::record::{DesiredState, DueClass, StoredKeys, UserRecord};
use super::{Place, RosterError, WriteConflict};
use crate::pack::{Member, Unpacked, members, pack, unpack};
use crate::scim::resource::Sought;

/// All records.
#[derive(Debug, Default)]
pub(super) struct UserIndex {
    records: HashMap<KeyHash, StoredRecord>,
    /// One who goes by each key, or, where a rule of today makes one key of two of before, several: who
    /// came first is found by it.
    keys: BTreeSet<(KeyHash, SystemTime, KeyHash)>,
    shared: BTreeSet<(KeyHash, KeyHash)>,
    gone: BTreeSet<(KeyHash, KeyHash)>,
    /// Farewells first, and those first that have been due longest.
    due: BTreeSet<(DueClass, SystemTime, KeyHash)>,
    parked: BTreeSet<KeyHash>,
    /// Who is pending, and since when.
    pending: BTreeSet<(SystemTime, KeyHash)>,
    /// How many there are of each state.
    counts: Counts,
    /// The living, in the order in which they came.
    order: Vec<KeyHash>,
}

/// A record as it is kept.
struct StoredRecord {
    version: u64,
    created: SystemTime,
    due: Option<(DueClass, SystemTime)>,
    state: State,
    /// Whether its removal is held.
    is_held: bool,
    pending_since: Option<SystemTime>,
    /// Whether its id is one as they are made.
    is_plain: bool,
    packed: Arc<[u8]>,
}

/// A record that is to be kept, made ready before anybody has to wait for it.
pub(super) struct PackedRecord {
    id: KeyHash,
    kept: StoredRecord,
    as_of: SystemTime,
    is_living: bool,
}

/// What a record is found by besides its id.
#[derive(Default)]
pub(super) struct IndexKeys {
    keys: Vec<KeyHash>,
    /// What somebody who is gone went by, if they were this person.
    keys_of_deleted: Vec<KeyHash>,
    shared: Vec<KeyHash>,
    marks: Vec<KeyHash>,
}

/// The members of a record of which no key is made; any other may be part of one.
const OF_NO_KEY: [&str; 9] = [
    "etag_high_water",
    "form",
    "freed_names",
    "generation",
    "history",
    "lease",
    "row_version",
    "schedule",
    "status",
];

/// The same of its `spec`.
const OF_NO_KEY_IN_SPEC: [&str; 4] = ["etag", "external_ids", "modified", "profile_time"];

impl PackedRecord {
    /// Makes a record ready.
    ///
    /// # Errors
    /// If it is none that a file could hold.
    pub(super) fn of(record: &UserRecord) -> Result<Self, RosterError> {
        let (version, created, due) = (record.row_version, record.created, due(record));
        let id = KeyHash::of_id(&record.id);
        let is_plain = id.to_id() == record.id;
        Ok(Self {
            id,
            kept: StoredRecord {
                version,
                created,
                due,
                state: State::of(record),
                is_held: is_held(record),
                pending_since: record.pending_since(),
                is_plain,
                packed: pack(record)?.into(),
            },
            as_of: record.spec.access.time,
            is_living: record.desired_state() != DesiredState::Deleted,
        })
    }

    /// By what it is found from now on.
    pub(super) fn stored_keys(&self) -> StoredKeys {
        StoredKeys::of_packed(Arc::clone(&self.kept.packed))
    }

    /// By what it is found whatever else is changed.
    pub(super) const fn id(&self) -> KeyHash {
        self.id
    }
}

impl IndexKeys {
    /// What a record is found by.
    pub(super) fn of(record: &UserRecord) -> Self {
        let shorts = |keys: &[Key]| keys.iter().map(KeyHash::of_key).collect();
        Self {
            keys: shorts(&record.keys()),
            keys_of_deleted: shorts(&record.keys_of_deleted()),
            shared: shorts(&record.shared_keys()),
            marks: shorts(&record.spec.tombstone_keys),
        }
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = KeyHash> {
        self.keys.iter().chain(&self.shared).chain(&self.marks).copied()
    }
}

/// What a write changed of the ways to somebody.
pub(super) struct IndexChange {
    /// By which they were found before; by some of them they still are.
    pub(super) former: Vec<KeyHash>,
    /// Whether there is one more among the living, or one less.
    pub(super) population: bool,
}

impl UserIndex {
    /// The record of this id.
    pub(super) fn load(&self, id: &Id) -> Result<Option<UserRecord>, RosterError> {
        let found = self.record(KeyHash::of_id(id))?;
        Ok(found.filter(|record| record.id == *id))
    }

    /// The version of the record that has exactly this id.
    pub(super) fn version_of(&self, id: &Id) -> Result<Option<u64>, RosterError> {
        let short = KeyHash::of_id(id);
        let Some(kept) = self.records.get(&short) else { return Ok(None) };
        Ok((self.id(short, kept)? == *id).then_some(kept.version))
    }

    /// The version of the record of this id.
    pub(super) fn version(&self, id: KeyHash) -> Option<u64> {
        self.records.get(&id).map(|kept| kept.version)
    }

    pub(super) fn find(&self, key: &Key) -> Result<Option<UserRecord>, RosterError> {
        match self.holders(KeyHash::of_key(key)).next() {
            Some(id) => self.record(id),
            None => Ok(None),
        }
    }

    pub(super) fn find_all(
        &self,
        key: &Key,
        after: Option<&Id>,
        count: usize,
    ) -> Result<Vec<UserRecord>, RosterError> {
        let ids = having(&self.shared, KeyHash::of_key(key), after.map(KeyHash::of_id));
        self.records(ids.take(count))
    }

    pub(super) fn find_deleted(
        &self,
        keys: &[Key],
        count: usize,
    ) -> Result<Vec<UserRecord>, RosterError> {
        let ids = keys.iter().flat_map(|key| having(&self.gone, KeyHash::of_key(key), None));
        let ids: BTreeSet<&KeyHash> = ids.collect();
        let mut gone = self.records(ids.into_iter())?;
        gone.sort_by_cached_key(|gone| Reverse((gone.spec.access.time, gone.id.clone())));
        gone.truncate(count);
        Ok(gone)
    }

    pub(super) fn due(&self, now: SystemTime, count: usize) -> Result<Vec<Id>, RosterError> {
        // Farewells that fail again and again would else leave nobody else a turn.
        let most = count.checked_div(2).unwrap_or_default();
        let others = self.due_of(DueClass::Ordinary, now).take(most).count();
        let farewells = self.due_of(DueClass::Farewell, now).take(count.saturating_sub(others));
        let rest = count.saturating_sub(farewells.clone().count());
        self.ids(farewells.chain(self.due_of(DueClass::Ordinary, now).take(rest)))
    }

    pub(super) fn due_farewells(
        &self,
        now: SystemTime,
        count: usize,
    ) -> Result<Vec<Id>, RosterError> {
        self.ids(self.due_of(DueClass::Farewell, now).take(count))
    }

    fn due_of(
        &self,
        class: DueClass,
        now: SystemTime,
    ) -> impl Iterator<Item = &(DueClass, SystemTime, KeyHash)> + Clone {
        let own = self.due.range((class, SystemTime::UNIX_EPOCH, KeyHash::LEAST)..);
        own.take_while(move |(other, due, _)| *other == class && *due <= now)
    }

    fn ids<'a>(
        &self,
        due: impl Iterator<Item = &'a (DueClass, SystemTime, KeyHash)>,
    ) -> Result<Vec<Id>, RosterError> {
        let ids = due.filter_map(|(_, _, short)| Some(self.id(*short, self.records.get(short)?)));
        ids.collect()
    }

    /// The id of a record, which is unpacked only where its id is not one as they are made.
    fn id(&self, short: KeyHash, kept: &StoredRecord) -> Result<Id, RosterError> {
        match kept.is_plain {
            true => Ok(short.to_id()),
            false => Ok(unpack::<UserRecord>(&kept.packed)?.id),
        }
    }

    pub(super) fn page(
        &self,
        start: usize,
        count: usize,
    ) -> Result<(Vec<UserRecord>, usize), RosterError> {
        let page = self.order.iter().skip(start).take(count);
        Ok((self.records(page)?, self.order.len()))
    }

    pub(super) fn page_versions(
        &self,
        start: usize,
        count: usize,
    ) -> Result<(Vec<(Id, u64)>, usize), RosterError> {
        let mut versions = Vec::new();
        for short in self.order.iter().skip(start).take(count) {
            let Some(kept) = self.records.get(short) else { continue };
            versions.push((self.id(*short, kept)?, kept.version));
        }
        Ok((versions, self.order.len()))
    }

    /// The living before a place, the newest first.
    fn shorts_before(&self, place: Option<&Place>) -> impl Iterator<Item = &KeyHash> {
        let own = place.map(|place| (place.created, KeyHash::of_id(&place.id)));
        let is_before = |other: &KeyHash| own.is_none_or(|own| self.place_of(other) < own);
        let end = self.order.partition_point(is_before);
        self.order.get(..end).unwrap_or_default().iter().rev()
    }

    pub(super) fn before(
        &self,
        place: Option<&Place>,
        count: usize,
    ) -> Result<Vec<UserRecord>, RosterError> {
        self.records(self.shorts_before(place).take(count))
    }

    /// What is sought of those before a place.
    pub(super) fn glances(
        &self,
        place: Option<&Place>,
        count: usize,
        sought: &Sought<'_>,
    ) -> Result<Vec<Glance>, RosterError> {
        let page = self.shorts_before(place).take(count);
        let packed = page.filter_map(|short| self.records.get(short)).map(|kept| &kept.packed);
        let glances = packed.map(|packed| Glance::unpacked(packed, sought));
        Ok(glances.collect::<Result<_, Unpacked>>()?)
    }

    pub(super) fn parked(
        &self,
        after: Option<&Id>,
        count: usize,
    ) -> Result<Vec<UserRecord>, RosterError> {
        let first = after.map_or(KeyHash::LEAST, KeyHash::of_id);
        let behind = self.parked.range(first..).filter(|id| after.is_none() || **id != first);
        self.records(behind.take(count))
    }

    pub(super) fn counts(&self) -> Counts {
        let oldest_pending = self.pending.first().map(|(since, _)| *since);
        Counts { oldest_pending, ..self.counts }
    }

    /// Whether a record would be found by what it is found by now: nearly every write of a record that
    /// is there is such, and of a person with a thousand addresses that many keys need not be made.
    pub(super) fn keeps_ways(&self, entry: &PackedRecord) -> Result<bool, RosterError> {
        let Some(stored) = self.records.get(&entry.id) else { return Ok(false) };
        let is_same = stored.created == entry.kept.created
            && of_keys(&stored.packed)? == of_keys(&entry.kept.packed)?;
        Ok(is_same)
    }

    /// Whether a record may be written in place of the one of this version, if it is found as before.
    pub(super) fn check_version(
        &self,
        entry: &PackedRecord,
        version: u64,
    ) -> Result<(), WriteConflict> {
        let stored = self.version(entry.id).unwrap_or_default();
        if stored == version { Ok(()) } else { Err(WriteConflict::StaleVersion) }
    }

    /// Whether a record may be written in place of the one of this version.
    pub(super) fn check(
        &self,
        entry: &PackedRecord,
        ways: &IndexKeys,
        version: u64,
    ) -> Result<Result<(), WriteConflict>, RosterError> {
        let stored = self.version(entry.id).unwrap_or_default();
        if stored != version {
            return Ok(Err(WriteConflict::StaleVersion));
        }
        if stored == 0 {
            for key in &ways.keys_of_deleted {
                let gone = self.records(having(&self.gone, *key, None))?;
                if gone.iter().any(|gone| gone.outdates(entry.as_of)) {
                    return Ok(Err(WriteConflict::StaleVersion));
                }
            }
        }
        let is_others = |key: &&KeyHash| self.holders(**key).any(|holder| holder != entry.id);
        let others: Vec<&KeyHash> = ways.keys.iter().filter(is_others).collect();
        if others.is_empty() {
            return Ok(Ok(()));
        }
        // What it has it keeps, whoever else goes by it.
        let own = self.record(entry.id)?.map(|stored| stored.keys()).unwrap_or_default();
        let own: Vec<KeyHash> = own.iter().map(KeyHash::of_key).collect();
        Ok(if others.into_iter().all(|key| own.contains(key)) {
            Ok(())
        } else {
            Err(WriteConflict::DuplicateKey)
        })
    }

    /// Stores a record in place of the one of its id.
    pub(super) fn put(
        &mut self,
        entry: PackedRecord,
        ways: IndexKeys,
    ) -> Result<IndexChange, RosterError> {
        let (id, created) = (entry.id, entry.kept.created);
        let IndexKeys { keys, shared, marks, .. } = ways;
        let former = self.forget_ways(id)?;
        self.keys.extend(keys.into_iter().map(|key| (key, created, id)));
        self.shared.extend(shared.into_iter().map(|key| (key, id)));
        self.gone.extend(marks.into_iter().map(|key| (key, id)));
        Ok(IndexChange { former, population: self.put_found_as_before(entry) })
    }

    /// Stores a record that [is found as before](Self::keeps_ways) in place of the one of its id; says
    /// whether there is one more among the living, or one less.
    pub(super) fn put_found_as_before(&mut self, entry: PackedRecord) -> bool {
        let PackedRecord { id, kept, is_living, .. } = entry;
        let before = self.order.len();
        let created = kept.created;
        self.forget_state(id);
        self.due.extend(kept.due.map(|(class, due)| (class, due, id)));
        if kept.state == State::Parked {
            self.parked.insert(id);
        }
        self.pending.extend(kept.pending_since.map(|since| (since, id)));
        self.counts.add(kept.state, kept.is_held);
        // Nobody is born twice; but a place that is not found again must not be left behind.
        if self.records.insert(id, kept).is_some_and(|stored| stored.created != created) {
            self.order.retain(|other| *other != id);
        }
        self.place(id, created, is_living);
        before != self.order.len()
    }

    /// The records of these ids, marked; to who does not work, groups give nothing.
    pub(super) fn marked(
        &self,
        ids: &[String],
        now: SystemTime,
    ) -> Result<Vec<UserRecord>, RosterError> {
        let mut marked = Vec::new();
        for id in ids {
            let record = self.load(&Id::from_text(id))?;
            if let Some(mut record) =
                record.filter(|record| record.desired_state() == DesiredState::Active)
            {
                record.bump_generation(now);
                record.row_version = record.row_version.saturating_add(1);
                marked.push(record);
            }
        }
        Ok(marked)
    }

    /// Forgets a record.
    pub(super) fn take(&mut self, id: KeyHash) -> Result<IndexChange, RosterError> {
        let former = self.forget_ways(id)?;
        self.forget_state(id);
        let before = self.order.len();
        if let Some(created) = self.records.get(&id).map(|kept| kept.created) {
            self.place(id, created, false);
        }
        self.records.remove(&id);
        Ok(IndexChange { former, population: before != self.order.len() })
    }

    /// Gives a record its place in the order, or takes it out.
    fn place(&mut self, id: KeyHash, created: SystemTime, is_living: bool) {
        match self.order.binary_search_by_key(&(created, id), |other| self.place_of(other)) {
            Ok(index) if !is_living => drop(self.order.remove(index)),
            Err(index) if is_living => self.order.insert(index, id),
            Ok(_) | Err(_) => {}
        }
    }

    /// Where somebody is in the order.
    fn place_of(&self, id: &KeyHash) -> (SystemTime, KeyHash) {
        (self.records.get(id).map_or(SystemTime::UNIX_EPOCH, |kept| kept.created), *id)
    }

    /// Forgets what a record is found by, and says what that was.
    fn forget_ways(&mut self, id: KeyHash) -> Result<Vec<KeyHash>, RosterError> {
        let Some(record) = self.record(id)? else { return Ok(Vec::new()) };
        let mut ways = Vec::new();
        for key in record.keys().iter().map(KeyHash::of_key) {
            self.keys.remove(&(key, record.created, id));
            ways.push(key);
        }
        for key in record.shared_keys().iter().map(KeyHash::of_key) {
            self.shared.remove(&(key, id));
            ways.push(key);
        }
        for key in record.spec.tombstone_keys.iter().map(KeyHash::of_key) {
            self.gone.remove(&(key, id));
            ways.push(key);
        }
        Ok(ways)
    }

    /// Forgets how far a record got, and when it is due.
    fn forget_state(&mut self, id: KeyHash) {
        let Some(kept) = self.records.get(&id) else { return };
        if let Some((class, due)) = kept.due {
            self.due.remove(&(class, due, id));
        }
        if let Some(since) = kept.pending_since {
            self.pending.remove(&(since, id));
        }
        self.counts.take(kept.state, kept.is_held);
        self.parked.remove(&id);
    }

    /// Who goes by a key, in the order in which they came.
    fn holders(&self, key: KeyHash) -> impl Iterator<Item = KeyHash> {
        let first = (key, SystemTime::UNIX_EPOCH, KeyHash::LEAST);
        let own = self.keys.range(first..).take_while(move |(own, _, _)| *own == key);
        own.map(|(_, _, id)| *id)
    }

    fn records<'a>(
        &self,
        ids: impl Iterator<Item = &'a KeyHash>,
    ) -> Result<Vec<UserRecord>, RosterError> {
        ids.filter_map(|id| self.record(*id).transpose()).collect()
    }

    fn record(&self, id: KeyHash) -> Result<Option<UserRecord>, RosterError> {
        let Some(kept) = self.records.get(&id) else { return Ok(None) };
        let mut record: UserRecord = unpack(&kept.packed)?;
        record.stored_keys = StoredKeys::of_packed(Arc::clone(&kept.packed));
        Ok(Some(record))
    }
}

/// Those of a set of keys with ids who have this key, in the order of their ids, behind one of them.
fn having(
    set: &BTreeSet<(KeyHash, KeyHash)>,
    key: KeyHash,
    after: Option<KeyHash>,
) -> impl Iterator<Item = &KeyHash> {
    let own = set.range((key, after.unwrap_or(KeyHash::LEAST))..);
    let own = own.take_while(move |(other, _)| *other == key).map(|(_, id)| id);
    own.filter(move |id| Some(**id) != after)
}

/// What of a record its keys are made of, as it is packed.
fn of_keys(packed: &[u8]) -> Result<Vec<Member<'_>>, Unpacked> {
    let mut found = Vec::new();
    for member in members(packed)?.into_iter().flatten() {
        let (name, value) = member?;
        if name == "spec" {
            let of_spec = members(value)?.into_iter().flatten();
            let is_of_keys = |member: &Result<Member<'_>, Unpacked>| !matches!(member, Ok((name, _)) if OF_NO_KEY_IN_SPEC.contains(&name.as_ref()));
            found.extend(of_spec.filter(is_of_keys).collect::<Result<Vec<_>, _>>()?);
        } else if !OF_NO_KEY.contains(&name.as_ref()) {
            found.push((name, value));
        }
    }
    Ok(found)
}

/// When a record is due, and in which class.
fn due(record: &UserRecord) -> Option<(DueClass, SystemTime)> {
    record.schedule.due.map(|due| (record.schedule.class, due))
}

/// Says nothing of the person.
impl std::fmt::Debug for StoredRecord {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("StoredRecord")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl From<Unpacked> for RosterError {
    fn from(unpacked: Unpacked) -> Self {
        Self::NotDone(unpacked.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Map, Value, json};

    use super::*;
    use crate::fault::{Fault, Kind};
    use crate::roster::record::AwaitedName;
    use crate::scim::Person;

    fn named(name: &str) -> Person {
        let person = json!({"userName": name, "externalId": "e", "emails": [{"value": name}]});
        Person::new(person.as_object().unwrap().clone())
    }

    /// What was changed, what changes it, and whether the record is found as before.
    type Changed = (&'static str, fn(&mut UserRecord), bool);

    const CHANGES: [Changed; 12] = [
        ("nothing", |_| {}, true),
        ("a lease", |record| record.take_lease(at(9)), true),
        ("an end", |record| record.settle("other rules", at(9)), true),
        ("a failure", |record| record.fail(&Fault::new(Kind::Missing, "x"), at(9)), true),
        ("a mark", |record| record.bump_generation(at(9)), true),
        ("an edition", |record| record.changed(at(9)), true),
        ("a name", |record| record.spec.person = named("b"), false),
        ("the owner", |record| record.owner.push('x'), false),
        ("the end of an id of its own", |record| record.spec.shares_external_id = true, false),
        (
            "an awaited name",
            |record| {
                record.spec.awaited_name = Some(AwaitedName { name: "c".to_owned(), since: at(9) })
            },
            false,
        ),
        ("a farewell", |record| record.mark_deleted(at(9)), false),
        ("its beginning", |record| record.created = at(9), false),
    ];

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap()
    }

    #[test]
    fn a_record_is_found_as_before_unless_something_of_its_keys_is_another() {
        let all = |user_index: &UserIndex| {
            let all = (
                &user_index.keys,
                &user_index.shared,
                &user_index.gone,
                &user_index.due,
                &user_index.parked,
            );
            format!(
                "{all:?} {:?} {:?} {:?}",
                user_index.order, user_index.pending, user_index.counts
            )
        };
        for (what, change, expected) in CHANGES {
            let mut record =
                UserRecord::new(Id::of([1; 16]), named("a"), DesiredState::Active, "o", at(1));
            record.schedule.due = Some(at(3));
            let mut user_index = UserIndex::default();
            let _ =
                user_index.put(PackedRecord::of(&record).unwrap(), IndexKeys::of(&record)).unwrap();
            change(&mut record);
            record.row_version = 2;
            let entry = || PackedRecord::of(&record).unwrap();
            assert_eq!(user_index.keeps_ways(&entry()).unwrap(), expected, "{what}");
            let mut anew = UserIndex::default();
            let _ = anew.put(entry(), IndexKeys::of(&record)).unwrap();
            if expected {
                assert!(!user_index.put_found_as_before(entry()), "{what}");
                assert_eq!(all(&user_index), all(&anew), "{what}");
            }
            let _ = user_index.put(entry(), IndexKeys::of(&record)).unwrap();
            assert_eq!(all(&user_index), all(&anew), "{what}");
            assert!(user_index.load(&record.id).unwrap() == Some(record), "{what}");
        }
    }

    #[test]
    fn what_no_key_is_made_of_is_what_a_record_has() {
        let record = UserRecord::new(Id::of([1; 16]), named("a"), DesiredState::Active, "o", at(1));
        let members: Map<String, Value> =
            serde_json::to_value(&record).unwrap().as_object().unwrap().clone();
        let of_keys = |members: &Map<String, Value>, others: &[&str]| {
            let of_keys = members.keys().filter(|name| !others.contains(&name.as_str()));
            of_keys.map(String::clone).collect::<Vec<_>>()
        };
        assert_eq!(of_keys(&members, &OF_NO_KEY), ["created", "id", "owner", "spec"]);
        let spec = members["spec"].as_object().unwrap();
        assert_eq!(of_keys(spec, &OF_NO_KEY_IN_SPEC), ["access", "person"]);
    }
}
