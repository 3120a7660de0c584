//! The invariants, at rest; those that must hold at each step were noted on the way.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use connect_provisioner::roster::Roster as _;
use connect_provisioner::roster::group::Group;
use connect_provisioner::roster::key::Key;
use connect_provisioner::roster::record::{DesiredState, Phase, UserRecord};
use futures_util::FutureExt as _;
use serde_json::Value;

use super::House;
use super::NO_ACCESS;
use super::access::own_records;
use super::clients::{GROUP, Looked};
use super::lives::Life;
use super::senders::{Script, Told};

const AGENT: &str = "9fd8de5d-99d2-4a9c-aaca-b62be3c2fdcd";

/// What the members of the group get instead.
const LEAD: &str = "173a15d0-3f31-4cdb-ab20-1edd9bb8492e";

/// Checks everything; a panic names the invariant first.
pub(crate) fn all(house: &House, scripts: &[Script]) {
    let users = house.wire.users();
    anybody(house, &users);
    let ledger = house.ledger.lock().unwrap();
    for script in scripts {
        check_person(house, script, &users, |event| {
            ledger.acknowledged.contains(&(script.number, event))
        });
    }
    check_orphans(house, scripts.iter().map(|script| script.number), &users);
}

/// Checks what holds for those too of whom several senders speak; their access has an oracle of its own.
pub(crate) fn lives(house: &House, lives: &[Life]) {
    let users = house.wire.users();
    anybody(house, &users);
    check_orphans(house, lives.iter().map(|life| life.number), &users);
    for life in lives {
        for record in own_records(house, life) {
            match record.schedule.phase {
                Phase::Applied => check_connect(house, &record, &users, life.number),
                Phase::Pending => panic!("lost: p{} is pending for ever: {record:?}", life.number),
                // The oracle of access knows who may be parked.
                Phase::Parked(_) => {}
            }
        }
    }
}

/// Checks what holds for everybody.
fn anybody(house: &House, users: &[Value]) {
    let ledger = house.ledger.lock().unwrap();
    assert!(ledger.forged.is_empty(), "unverified: a forger got {:?}", ledger.forged);
    assert!(ledger.odd.is_empty(), "answers: not of the table: {:?}", ledger.odd);
    let doubled = house.wire.doubled.lock().unwrap();
    assert!(doubled.is_empty(), "one user: at a time there were {doubled:?}");
    for user in users {
        if user["Tags"]["managed-by"].is_null() {
            assert_eq!(user["IdentityInfo"]["LastName"], "Else", "foreign: a user was changed");
            assert_eq!(user["Tags"], serde_json::json!({}), "foreign: a user was tagged");
        } else {
            let profiles = &user["SecurityProfileIds"];
            let ours = [AGENT, LEAD, NO_ACCESS].map(|profile| serde_json::json!([profile]));
            assert!(ours.contains(profiles), "power: a user has {profiles}");
        }
    }
    check_removals(house);
    check_sessions(house);
    let excess = house.drain_wire.excess(house.rate);
    assert!(excess < 7.0, "quota: the drain called {excess} ahead of its rate");
}

/// Whoever left is signed in nowhere, by Connect's own state: nobody who is shut out, and nobody whose
/// user was removed. Who was shut out and is to work again may still be, until they can have their name.
fn check_sessions(house: &House) {
    let state = house.wire.control(&serde_json::json!({}));
    let users = state["users"].as_array().unwrap();
    let is_to_work = |user: &Value| {
        let owner = user["Tags"]["provisioner-owner"].as_str().unwrap_or_default();
        let record = house.roster.find(&Key::owner(owner)).now_or_never().unwrap().unwrap();
        record.is_some_and(|record| record.desired_state() == DesiredState::Active)
    };
    let sessions = state["sessions"].as_object().unwrap().keys();
    for id in sessions.filter(|id| !house.owes_sessions(id, &state)) {
        let user = users.iter().find(|user| user["Id"] == **id);
        let works = user.is_some_and(|user| {
            user["SecurityProfileIds"] != serde_json::json!([NO_ACCESS]) || is_to_work(user)
        });
        assert!(works, "session: {id} is signed in and should not be: {user:?}");
    }
}

/// No more were removed or shut out within an hour than may be; an effect may come late.
fn check_removals(house: &House) {
    let mut removals = house.wire.removals.lock().unwrap().clone();
    removals.sort();
    // What is counted may take as long as a farewell.
    let hour = Duration::from_hours(1) - house.weather.bound();
    for (index, removal) in removals.iter().enumerate() {
        let within = removals[index..]
            .iter()
            .filter(|other| other.duration_since(*removal).is_ok_and(|passed| passed < hour));
        let count = within.count();
        assert!(count <= house.removals_per_hour, "guard: {count} removals within an hour");
    }
}

fn check_person(
    house: &House,
    script: &Script,
    users: &[Value],
    is_acknowledged: impl Fn(usize) -> bool,
) {
    let number = script.number;
    let (records, newest) = records(house, script.number);
    let acknowledged =
        script.events.iter().enumerate().filter(|(event, _)| is_acknowledged(*event));
    let acknowledged = acknowledged.map(|(_, told)| told).max_by_key(|told| told.at);
    let Some(newest) = newest else {
        let told = acknowledged.map(|told| told.kind);
        assert!(told.is_none(), "lost: nothing is known of p{number} after {told:?}");
        return;
    };
    if let Some(told) = acknowledged {
        assert!(
            newest.as_of() >= told.at,
            "newest: p{number}'s {} was acknowledged, and something older holds: {newest:?}",
            told.kind
        );
    }
    let told = script.events.iter().find(|told| told.at == newest.as_of());
    let Some(told) = told else { panic!("newest: p{number} is as of no event: {newest:?}") };
    check_content(&newest, told, number);
    let (gone, living): (Vec<&UserRecord>, Vec<&UserRecord>) =
        records.iter().partition(|record| record.desired_state() == DesiredState::Deleted);
    for (living, gone) in living.iter().flat_map(|one| gone.iter().map(move |gone| (one, gone))) {
        let is_newer = living.as_of() > gone.as_of();
        assert!(is_newer, "newest: p{number} was removed, and came back by an older event");
    }
    check_records(house, &records, users, number);
}

/// Checks what SCIM clients know, and that Connect holds it.
pub(crate) fn looked(house: &House, looked: &[Looked]) {
    let users = house.wire.users();
    for Looked { number, known, certain } in looked {
        let (records, _) = records(house, *number);
        let living = records.iter().find(|record| record.desired_state() != DesiredState::Deleted);
        match (living, known) {
            _ if !certain => {}
            (None, None) => {}
            (Some(record), Some(known)) => {
                let person = &record.spec.person;
                let seen = (record.id.as_str(), person.user_name(), person.family_name());
                let told = (
                    known.id.as_str(),
                    Ok(&*known.user_name),
                    Ok(known.family_name.as_str().into()),
                );
                assert_eq!(seen, told, "newest: p{number}'s client knows otherwise");
                assert_eq!(
                    record.desired_state() == DesiredState::Active,
                    known.active,
                    "newest: p{number}"
                );
                if let Some(member) = known.member {
                    assert_eq!(is_member(house, record), member, "lost: p{number}'s membership");
                }
            }
            (record, known) => {
                let (record, known) = (record.is_some(), known.is_some());
                panic!("lost: p{number} is there: {record}, and their client knows: {known}");
            }
        }
        check_records(house, &records, &users, *number);
    }
}

fn groups_of(house: &House, record: &UserRecord) -> Vec<Group> {
    house.roster.groups_of(record.id.as_str(), None, 999).now_or_never().unwrap().unwrap()
}

/// Whether a person is in the group, whatever its name is.
fn is_member(house: &House, record: &UserRecord) -> bool {
    !groups_of(house, record).is_empty()
}

/// Whether a person is in a group that gives more: it does by its name.
fn is_lead(house: &House, record: &UserRecord) -> bool {
    groups_of(house, record).iter().any(|group| group.display_name() == GROUP)
}

fn check_records(house: &House, records: &[UserRecord], users: &[Value], number: usize) {
    // Who comes again waits for the user of before to be let go.
    let waits = records.iter().any(|record| matches!(record.schedule.phase, Phase::Parked(_)));
    for record in records {
        if !(waits && record.schedule.phase == Phase::Pending) {
            check_connect(house, record, users, number);
        }
    }
}

fn check_content(record: &UserRecord, told: &Told, number: usize) {
    let whole = ["user.created", "user.updated"].contains(&told.kind);
    assert!(!(whole && told.greedy), "power: p{number} asked for Admin and got in");
    let wanted: &[DesiredState] = match told.kind {
        "user.deactivated" => &[DesiredState::Inactive, DesiredState::Deleted],
        "user.deleted" => &[DesiredState::Deleted],
        _ => &[DesiredState::Active],
    };
    let (kind, state) = (told.kind, record.desired_state());
    assert!(wanted.contains(&state), "newest: p{number}'s {kind} left them {state:?}");
    if whole {
        assert_eq!(
            record.spec.person.family_name().unwrap(),
            told.family_name,
            "newest: p{number}"
        );
        assert_eq!(record.spec.person.user_name().unwrap(), told.user_name, "newest: p{number}");
    }
}

/// What Connect holds is what the record wants, or the record says why not.
fn check_connect(house: &House, record: &UserRecord, users: &[Value], number: usize) {
    let ours: Vec<&Value> =
        users.iter().filter(|user| user["Tags"]["provisioner-owner"] == *record.owner).collect();
    match &record.schedule.phase {
        Phase::Pending => panic!("lost: p{number} is pending for ever: {record:?} {ours:?}"),
        Phase::Parked(parked) => {
            // Renamed: whoever has the name is held.
            let expected = ["uniqueness", "removalHeld", "renamed"];
            let fault = parked.fault.as_str();
            assert!(expected.contains(&fault), "lost: p{number} is parked: {parked:?}");
            let held = house.removals_per_hour < 50;
            assert!(fault == "uniqueness" || held, "guard: p{number} was held for nothing");
            return;
        }
        Phase::Applied => {}
    }
    assert_eq!(
        record.status.observed_generation, record.generation,
        "lost: p{number} is not what is applied"
    );
    match record.desired_state() {
        DesiredState::Active => {
            let [user] = ours.as_slice() else { panic!("one user: p{number} has {ours:?}") };
            assert_eq!(
                user["Username"],
                *record.spec.person.user_name().unwrap(),
                "newest: p{number}"
            );
            // Event hooks tell a name to show, and no family name.
            if let Ok(name) = record.spec.person.family_name() {
                assert_eq!(user["IdentityInfo"]["LastName"], *name, "newest: p{number}");
            }
            let profile = if is_lead(house, record) { LEAD } else { AGENT };
            let profiles = serde_json::json!([profile]);
            assert_eq!(user["SecurityProfileIds"], profiles, "newest: p{number}");
            assert!(user["Tags"]["provisioner-suspended"].is_null(), "newest: p{number}");
        }
        DesiredState::Inactive => {
            assert!(ours.len() <= 1, "one user: p{number} has {ours:?}");
            for user in ours.into_iter().filter(|_| house.deactivate != "keep") {
                let profiles = &user["SecurityProfileIds"];
                assert_eq!(*profiles, serde_json::json!([NO_ACCESS]), "newest: p{number} may work");
            }
        }
        DesiredState::Deleted => {
            assert!(ours.is_empty(), "one user: p{number} is gone and has {ours:?}")
        }
    }
}

/// Every user of ours belongs to a record that is known.
fn check_orphans(house: &House, numbers: impl Iterator<Item = usize>, users: &[Value]) {
    let mut owners = BTreeMap::new();
    let clients = super::clients::FIRST..super::clients::FIRST + 10;
    for number in numbers.chain(clients) {
        for record in records(house, number).0 {
            owners.insert(record.owner.clone(), ());
        }
    }
    for user in users {
        if let Some(owner) = user["Tags"]["provisioner-owner"].as_str() {
            assert!(owners.contains_key(owner), "one user: nobody's: {user}");
        }
    }
}

/// Everything that is known of a person, and the newest of it.
fn records(house: &House, number: usize) -> (Vec<UserRecord>, Option<UserRecord>) {
    let keys = [Key::external_id(&format!("e{number}"))];
    let living = house.roster.find(&keys[0]).now_or_never().unwrap().unwrap();
    let gone = house.roster.find_deleted(&keys, 999).now_or_never().unwrap().unwrap();
    let records: Vec<UserRecord> = living.into_iter().chain(gone).collect();
    // A living record is newer than any that is gone of the same time.
    let newest = records.iter().rev().max_by_key(|record| record.as_of()).cloned();
    (records, newest)
}

impl House {
    /// Whether nothing will be done any more.
    pub(crate) fn is_at_rest(&self) -> bool {
        let soon: SystemTime = self.clock.now() + Duration::from_hours(24 * 7);
        let (groups, _) = self.roster.page_groups(0, 9).now_or_never().unwrap().unwrap();
        self.roster.due(soon, 1).now_or_never().unwrap().unwrap().is_empty()
            && groups.iter().all(|group| !group.fan_out_pending)
    }
}
