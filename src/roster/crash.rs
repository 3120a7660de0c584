//! What is left of a roster when the power goes, at any moment, and when its disk fails: held by a disk
//! that writes down what was done to it.

#![expect(clippy::arithmetic_side_effects, reason = "a test may end with a panic")]
#![cfg(feature = "cli")]

use std::io::{Error, ErrorKind, Result};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt as _;
use redb::StorageBackend;
use serde_json::{Map, Value, json};
use tokio::time::{sleep, timeout};

use super::file::{Open, database};
use super::group::{Affected, Group, GroupChange, Member};
use super::key::{Id, Key};
use super::memory::MemoryRoster;
use super::record::{DesiredState, UserRecord};
use super::{Guard, Roster as _, RosterError, settle_group, write_group};
use crate::scim::Person;

/// A disk whose history is known.
#[derive(Clone, Debug, Default)]
struct Tape(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    image: Vec<u8>,
    history: Vec<Step>,
    /// From this length on there is no room.
    room: Option<usize>,
    /// Whether what is synced fails, and nobody knows what of it is there.
    syncs_fail: bool,
    /// Whether a sync does not come to its end.
    syncs_hang: bool,
    opened: usize,
}

#[derive(Clone, Debug)]
enum Step {
    Resize(usize),
    Write(usize, Vec<u8>),
    Sync,
}

impl Step {
    fn replay(&self, image: &mut Vec<u8>) {
        match self {
            Self::Resize(length) => image.resize(*length, 0),
            Self::Write(at, bytes) => {
                let end = at + bytes.len();
                image.resize(image.len().max(end), 0);
                image[*at..end].copy_from_slice(bytes);
            }
            Self::Sync => {}
        }
    }
}

impl Tape {
    fn with<T>(&self, use_it: impl FnOnce(&mut State) -> T) -> T {
        use_it(&mut self.0.lock().unwrap())
    }

    fn steps(&self) -> usize {
        self.with(|state| state.history.len())
    }

    fn open(&self) -> Open {
        let tape = self.clone();
        Box::new(move || {
            tape.with(|state| state.opened += 1);
            database(tape.clone()).map_err(|error| RosterError::NotDone(error.to_string()))
        })
    }

    /// What the disk may hold if the power went after so many steps: all that was synced, and of the
    /// rest whatever had come so far, by chance.
    fn after(&self, steps: usize, chance: &mut fastrand::Rng) -> Self {
        let history = self.with(|state| state.history[..steps].to_vec());
        let synced = history.iter().rposition(|step| matches!(step, Step::Sync)).unwrap_or(0);
        let mut image = Vec::new();
        for (index, step) in history.iter().enumerate() {
            if index <= synced || matches!(step, Step::Resize(_)) || chance.bool() {
                step.replay(&mut image);
            }
        }
        Self(Arc::new(Mutex::new(State { image, ..State::default() })))
    }

    fn refuses(&self, length: usize) -> bool {
        self.with(|state| state.room.is_some_and(|room| length > room))
    }
}

impl StorageBackend for Tape {
    fn len(&self) -> Result<u64> {
        Ok(u64::try_from(self.with(|state| state.image.len())).unwrap())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let start = usize::try_from(offset).unwrap();
        self.with(|state| {
            let bytes = state.image.get(start..start + out.len());
            out.copy_from_slice(bytes.ok_or(ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    fn set_len(&self, length: u64) -> Result<()> {
        let length = usize::try_from(length).unwrap();
        if self.refuses(length) {
            return Err(Error::from(ErrorKind::StorageFull));
        }
        let step = Step::Resize(length);
        self.with(|state| {
            step.replay(&mut state.image);
            state.history.push(step);
        });
        Ok(())
    }

    fn sync_data(&self) -> Result<()> {
        while self.with(|state| state.syncs_hang) {
            std::thread::sleep(Duration::from_millis(2));
        }
        self.with(|state| {
            if state.syncs_fail {
                return Err(Error::other("input/output error"));
            }
            state.history.push(Step::Sync);
            Ok(())
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        let step = Step::Write(usize::try_from(offset).unwrap(), data.to_vec());
        self.with(|state| {
            step.replay(&mut state.image);
            state.history.push(step);
        });
        Ok(())
    }
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn record(number: u8) -> UserRecord {
    let user =
        json!({"userName": format!("p{number}@example.com"), "externalId": number.to_string()});
    let Value::Object(user) = user else { panic!("an object") };
    let owner = format!("owner{number}");
    UserRecord::new(Id::of([number; 16]), Person::new(user), DesiredState::Active, &owner, now())
}

fn opened(tape: &Tape) -> MemoryRoster {
    MemoryRoster::kept_by(tape.open(), Box::new(|_| {})).unwrap()
}

/// What somebody was told, and when.
enum Told {
    Version(Id, u64),
    Erased(Id),
    Member(Id, String),
    Seen(String),
    Counted,
}

/// One sender: writes a person several times, removes every fourth, adds the others to a group, and
/// writes down what was answered after how many steps of the disk.
async fn sender(
    roster: Arc<MemoryRoster>,
    tape: Tape,
    group: Group,
    number: u8,
) -> Vec<(usize, Told)> {
    let mut told = Vec::new();
    let mut record = record(number);
    for round in 0..4_u32 {
        record.note_stored(roster.write(&record).await.unwrap().unwrap());
        told.push((tape.steps(), Told::Version(record.id.clone(), record.row_version)));
        record.schedule.attempts = round;
    }
    let event = format!("event{number}");
    roster.first_seen(&event, now()).await.unwrap();
    told.push((tape.steps(), Told::Seen(event)));
    roster.count_removal(Guard::Removals, "a removal", now(), 1000).await.unwrap();
    told.push((tape.steps(), Told::Counted));
    if number.is_multiple_of(4) {
        roster.erase(&record).await.unwrap().unwrap();
        told.push((tape.steps(), Told::Erased(record.id)));
    } else {
        let value = record.id.as_str().to_owned();
        let add = vec![Member { value: value.clone(), rest: Map::new() }];
        let change = GroupChange {
            add,
            affected: Affected::Changed,
            ..GroupChange::of(group.clone(), now())
        };
        roster.write_group(&change).await.unwrap().unwrap();
        told.push((tape.steps(), Told::Member(group.id, value)));
    }
    told
}

#[tokio::test]
async fn whenever_the_power_goes_what_was_answered_is_there() {
    let tape = Tape::default();
    let roster = Arc::new(opened(&tape));
    let resource = json!({"displayName": "Agents"}).as_object().cloned();
    let group = Group::new(Id::of([200; 16]), now());
    let made = GroupChange { resource, ..GroupChange::of(group, now()) };
    let group = roster.write_group(&made).await.unwrap().unwrap();
    let senders: Vec<_> = (0..16)
        .map(|number| {
            tokio::spawn(sender(Arc::clone(&roster), tape.clone(), group.clone(), number))
        })
        .collect();
    let mut told = Vec::new();
    for sender in senders {
        told.extend(sender.await.unwrap());
    }
    let syncs =
        tape.with(|state| state.history.iter().filter(|step| matches!(step, Step::Sync)).count());
    assert!(syncs * 3 < told.len(), "{syncs} syncs for {} answers", told.len());

    let first = told.iter().map(|(step, _)| *step).min().unwrap();
    let mut chance = fastrand::Rng::with_seed(7);
    for moment in first..=tape.steps() {
        let left = opened(&tape.after(moment, &mut chance));
        for (_, told) in told.iter().filter(|(step, _)| *step <= moment) {
            holds(&left, told, &group).await;
        }
    }
}

/// A change of a group that is written in parts is there whole, or not at all, wherever the power went,
/// once somebody has mended what was left; and whoever it concerns is marked.
#[tokio::test]
async fn whenever_the_power_goes_a_large_change_is_whole_in_the_end() {
    let tape = Tape::default();
    let in_parts = |mut roster: MemoryRoster| {
        roster.part = Some(2);
        roster
    };
    let roster = in_parts(opened(&tape));
    let people: Vec<UserRecord> = (0..8).map(record).collect();
    for person in &people {
        roster.write(person).await.unwrap().unwrap();
    }
    let resource = json!({"displayName": "Agents"}).as_object().cloned();
    let group = Group::new(Id::of([200; 16]), now());
    let made = GroupChange { resource, ..GroupChange::of(group, now()) };
    let mut group = roster.write_group(&made).await.unwrap().unwrap();

    // Who is in it after each change, and how far the disk was when that was answered.
    let values = |range: std::ops::Range<usize>| -> Vec<String> {
        people[range].iter().map(|person| person.id.as_str().to_owned()).collect()
    };
    let mut states = vec![(tape.steps(), Some(Vec::new()))];
    for (comes, goes) in [(0..6, 0..0), (6..8, 0..3)] {
        let member = |value| Member { value, rest: Map::new() };
        let change = GroupChange {
            add: values(comes.clone()).into_iter().map(member).collect(),
            remove: values(goes.clone()),
            affected: Affected::Changed,
            ..GroupChange::of(group, now())
        };
        assert!(roster.write_group(&change).await.unwrap().unwrap().fan_out_pending);
        settle_group(&roster, &change.group.id, || true).await.unwrap();
        states.push((tape.steps(), Some(values(goes.end..comes.end))));
        group = roster.load_group(&change.group.id).await.unwrap().unwrap();
    }
    assert_eq!(roster.erase_group(&group.id, group.version, true, now()).await, Ok(Ok(())));
    settle_group(&roster, &group.id, || true).await.unwrap();
    states.push((tape.steps(), None));

    let mut chance = fastrand::Rng::with_seed(11);
    let mut met = std::collections::BTreeSet::new();
    for moment in states[0].0..=tape.steps() {
        let left = in_parts(opened(&tape.after(moment, &mut chance)));
        while left.mend(None).await.unwrap() {}
        let seen = match left.load_group(&group.id).await.unwrap() {
            None => None,
            Some(_) => {
                let members = left.members(&group.id, 0, 99).await.unwrap().0;
                Some(members.into_iter().map(|member| member.value).collect::<Vec<_>>())
            }
        };
        let state = states.iter().position(|(_, state)| *state == seen);
        let state = state.unwrap_or_else(|| panic!("{moment}: in part: {seen:?}"));
        let answered = states.iter().rposition(|(step, _)| *step <= moment).unwrap();
        assert!(state >= answered, "{moment}: {state} is there, and {answered} was answered");
        met.insert(state);
        for (number, person) in people.iter().enumerate() {
            let record = left.load(&person.id).await.unwrap().unwrap();
            let concerned = if number < 6 { state >= 1 } else { state >= 2 };
            assert_eq!(record.generation > 1, concerned, "{moment}: {number} in {state}");
            let is_in = seen.as_ref().is_some_and(|seen| seen.contains(&values(0..8)[number]));
            let groups = left.groups_of(person.id.as_str(), None, 9).await.unwrap();
            assert_eq!(groups.len(), usize::from(is_in), "{moment}: {number}");
        }
    }
    assert_eq!(met.len(), 4, "each of them was met");
}

async fn holds(left: &MemoryRoster, told: &Told, group: &Group) {
    match told {
        Told::Version(id, version) => {
            let stored = left.load(id).await.unwrap();
            let number = u8::from_str_radix(&id.as_str()[..2], 16).unwrap();
            let may_be_erased = number.is_multiple_of(4);
            let is_there = stored.map_or(may_be_erased, |record| record.row_version >= *version);
            assert!(is_there, "{id} of version {version}");
        }
        Told::Erased(id) => assert_eq!(left.load(id).await.unwrap(), None),
        Told::Member(id, value) => {
            let groups = left.groups_of(value, None, 999).await.unwrap();
            assert!(groups.iter().any(|group| group.id == *id), "{value}");
            let marked = left.load(&Id::from_text(value)).await.unwrap().unwrap();
            assert!(marked.generation > 1, "in the same write");
            assert_eq!(group.id, *id);
        }
        Told::Seen(event) => {
            let later = now() + Duration::from_secs(9);
            assert_eq!(left.first_seen(event, later).await, Ok(now()));
        }
        Told::Counted => {
            assert_eq!(left.count_removal(Guard::Removals, "another", now(), 1).await, Ok(false))
        }
    }
}

/// What a roster says of itself, as it says it.
fn reporting(tape: &Tape) -> (Arc<MemoryRoster>, Arc<Mutex<Vec<String>>>) {
    let said = Arc::new(Mutex::new(Vec::new()));
    let own = Arc::clone(&said);
    let report = move |state: std::result::Result<(), &RosterError>| {
        let state =
            state.map_or_else(|roster_error| roster_error.to_string(), |()| "well".to_owned());
        own.lock().unwrap().push(state);
    };
    (Arc::new(MemoryRoster::kept_by(tape.open(), Box::new(report)).unwrap()), said)
}

async fn until_well(roster: &MemoryRoster) {
    let well = async {
        while roster.health().is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(20), well).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_told_once_and_got_over_without_anything_lost() {
    let tape = Tape::default();
    let (roster, said) = reporting(&tape);
    let mut kept = record(1);
    kept.note_stored(roster.write(&kept).await.unwrap().unwrap());
    tape.with(|state| state.room = Some(state.image.len()));

    // Large ones, until there is no room.
    let mut answered = Vec::new();
    for number in 2..=255 {
        let mut large = record(number);
        large.status.config_digest = "x".repeat(60_000);
        match roster.write(&large).await {
            Ok(version) => answered.push((large.id, version.unwrap())),
            Err(roster_error) => {
                let text = roster_error.text().to_owned();
                assert_eq!(roster.health(), Err(RosterError::NotDone(text.clone())));
                assert_eq!(roster_error, RosterError::Unknown(text), "what it began may be there");
                assert!(roster.load(&large.id).await.is_err(), "nobody knows what became of it");
                break;
            }
        }
    }
    assert!(answered.len() < 254, "it is full some time");
    assert_eq!(
        roster.load(&kept.id).await.unwrap().unwrap().row_version,
        1,
        "the others are as known"
    );
    let of_nobody = Key::user_name("nobody@example.com");
    assert_eq!(roster.find(&of_nobody).await.unwrap(), None);
    assert!(roster.write(&kept).await.is_err(), "and nothing is taken");
    assert!(roster.first_seen("e", now()).await.is_err());
    sleep(Duration::from_millis(1500)).await;
    assert!(roster.health().is_err(), "there is still no room");
    assert_eq!(said.lock().unwrap().len(), 1, "once a spell");

    tape.with(|state| state.room = None);
    until_well(&roster).await;
    assert_eq!(said.lock().unwrap()[1..], ["well"]);
    assert!(roster.write(&kept).await.unwrap().is_ok());
    for (id, version) in &answered {
        assert_eq!(roster.load(id).await.unwrap().unwrap().row_version, version.row_version);
    }
    drop(roster);
    let again = opened(&tape);
    assert_eq!(again.load(&kept.id).await.unwrap().unwrap().row_version, 2);
    assert_eq!(again.page(0, 1000).await.unwrap().1, answered.len() + 1);
}

#[tokio::test]
async fn after_a_failed_sync_memory_is_what_the_disk_holds() {
    let tape = Tape::default();
    let (roster, said) = reporting(&tape);
    let mut kept = record(1);
    kept.note_stored(roster.write(&kept).await.unwrap().unwrap());
    tape.with(|state| state.syncs_fail = true);
    let unknown = record(2);
    assert!(roster.write(&unknown).await.is_err());
    let opened_before = tape.with(|state| state.opened);
    sleep(Duration::from_millis(1200)).await;
    assert!(tape.with(|state| state.opened) > opened_before, "it is tried again by itself");
    assert!(roster.health().is_err());
    tape.with(|state| state.syncs_fail = false);
    until_well(&roster).await;
    assert_eq!(said.lock().unwrap().len(), 2);

    // Whether it was done or not: memory, the disk and who writes next agree.
    let in_memory = roster.load(&unknown.id).await.unwrap();
    let again = roster.write(&unknown).await.unwrap();
    assert_eq!(again.is_ok(), in_memory.is_none());
    drop(roster);
    let left = opened(&tape).load(&unknown.id).await.unwrap();
    assert_eq!(left.map(|record| record.row_version), Some(1));
}

#[tokio::test]
async fn a_lone_writer_waits_for_nobody_and_many_share_a_sync() {
    let tape = Tape::default();
    let roster = Arc::new(opened(&tape));
    let syncs = || {
        tape.with(|state| state.history.iter().filter(|step| matches!(step, Step::Sync)).count())
    };
    let mut lone = record(1);
    let before = syncs();
    for _ in 0..10 {
        lone.note_stored(roster.write(&lone).await.unwrap().unwrap());
    }
    assert!(syncs() - before >= 10, "each is on the disk before the next");

    let before = syncs();
    let writers: Vec<_> = (10..26)
        .map(|number| {
            let roster = Arc::clone(&roster);
            tokio::spawn(async move {
                let mut record = record(number);
                for _ in 0..10 {
                    record.note_stored(roster.write(&record).await.unwrap().unwrap());
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(syncs() - before <= 160 / 6, "{} syncs for 160 writes", syncs() - before);
}

#[test]
fn a_file_that_is_gone_is_not_taken_for_a_roster_of_nobody() {
    let folder = std::env::temp_dir().join(format!("roster-gone-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("roster.redb");
    let open = super::file::at(path.clone());
    drop(open().unwrap());
    drop(open().unwrap());
    std::fs::remove_file(&path).unwrap();
    assert!(open().is_err() && !path.exists(), "moved away or unmounted, and not made anew");
    std::fs::write(&path, "").unwrap();
    let why = open().err().unwrap().to_string();
    assert!(why.ends_with("expected the roster, found an empty file"), "{why}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn an_event_that_comes_alone_behind_a_crowd_waits_for_nobody() {
    let tape = Tape::default();
    let roster = Arc::new(opened(&tape));
    let records: Vec<_> = (10..26).map(record).collect();
    let writers = records.iter().map(|record| roster.write(record));
    for written in futures_util::future::join_all(writers).await {
        written.unwrap().unwrap();
    }
    // The first is a power of two, at which old ones are forgotten in a change of its own.
    let first = timeout(Duration::from_secs(10), roster.first_seen("event", now())).await;
    assert_eq!(first.unwrap(), Ok(now()));
    assert_eq!(roster.health(), Ok(()));
}

/// Ends the hanging of a disk, so that a test that fails meanwhile ends too.
struct LetsGo(Tape);

impl Drop for LetsGo {
    fn drop(&mut self) {
        self.0.with(|state| state.syncs_hang = false);
    }
}

#[tokio::test]
async fn while_the_disk_is_busy_nobody_waits_but_for_what_is_under_way() {
    let tape = Tape::default();
    let roster = opened(&tape);
    let _lets_go = LetsGo(tape.clone());
    let there = record(1);
    roster.write(&there).await.unwrap().unwrap();
    tape.with(|state| state.syncs_hang = true);
    let coming = record(2);
    let mut write = roster.write(&coming);
    assert!((&mut write).now_or_never().is_none());

    let name = |number| Key::user_name(&format!("p{number}@example.com"));
    let namesake = UserRecord { id: Id::of([3; 16]), ..record(2) };
    assert!(roster.load(&coming.id).now_or_never().is_none(), "a crash would undo it");
    assert!(roster.find(&name(2)).now_or_never().is_none());
    assert!(roster.page(0, 10).now_or_never().is_none(), "there is one more, or is there");
    assert!(roster.parked(None, 999).now_or_never().is_none());
    assert!(roster.write(&namesake).now_or_never().is_none(), "the name is taken, or is it");

    assert!(roster.load(&there.id).now_or_never().unwrap().unwrap().is_some());
    assert!(roster.find(&name(1)).now_or_never().unwrap().unwrap().is_some());
    assert_eq!(roster.find(&name(9)).now_or_never().unwrap().unwrap(), None);
    assert_eq!(roster.groups_of(there.id.as_str(), None, 999).now_or_never().unwrap().unwrap(), []);
    assert!(roster.write(&there).now_or_never().unwrap().unwrap().is_err(), "it moved long ago");

    tape.with(|state| state.syncs_hang = false);
    assert_eq!(write.await.unwrap().unwrap().row_version, 1);
    assert_eq!(roster.page(0, 10).await.unwrap().1, 2);

    // A group that is gone, and its rows are not: whoever was in it waits for that.
    let add = (0..300).map(|number| Member { value: format!("m{number}"), rest: Map::new() });
    let group = Group::new(Id::of([4; 16]), now());
    let made = GroupChange { add: add.collect(), ..GroupChange::of(group, now()) };
    let made = write_group(&roster, &made, || true).await.unwrap().unwrap();
    tape.with(|state| state.syncs_hang = true);
    let mut erased = roster.erase_group(&made.id, made.version, false, now());
    assert!((&mut erased).now_or_never().is_none());
    assert!(roster.groups_of("m7", None, 9).now_or_never().is_none(), "a crash would undo it");
    assert!(roster.groups_of("nobody", None, 9).now_or_never().is_some());
    tape.with(|state| state.syncs_hang = false);
    assert_eq!(erased.await, Ok(Ok(())));
    assert_eq!(roster.groups_of("m7", None, 9).await, Ok(Vec::new()));
}
