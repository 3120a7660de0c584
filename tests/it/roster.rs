//! The contract that every roster keeps: the same tests for each.

mod before;
mod groups;
mod table;

use std::slice::from_ref;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use connect_provisioner::fault::{Fault, Kind};
use connect_provisioner::roster::glance::Glance;
use connect_provisioner::roster::group::{Affected, Group, GroupChange, Member};
use connect_provisioner::roster::key::{Id, Key};
use connect_provisioner::roster::memory::MemoryRoster;
use connect_provisioner::roster::parked::Counts;
use connect_provisioner::roster::record::{DesiredState, Phase, TOMBSTONE_TTL, UserRecord};
use connect_provisioner::roster::{
    Guard, Place, Roster, WriteConflict, all_groups_of, find_everybody,
};
use connect_provisioner::scim::Person;
use connect_provisioner::scim::resource::Sought;
use connect_provisioner::scim::schema::{Limits, ResourceType};
use serde_json::{Map, Value, json};

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

fn person(number: u8) -> Person {
    let Value::Object(user) = json!({
        "userName": format!("Person{number}@example.com"), "externalId": format!("E{number}"),
        "emails": [{"type": "work", "value": format!("Mail{}@example.com", number % 2)}],
    }) else {
        panic!("an object")
    };
    Person::new(user)
}

fn record(number: u8) -> UserRecord {
    let id = Id::of([number; 16]);
    UserRecord::new(
        id,
        person(number),
        DesiredState::Active,
        &format!("o{number}"),
        at(number.into()),
    )
}

async fn write(roster: &dyn Roster, record: &mut UserRecord) -> Result<(), WriteConflict> {
    record.note_stored(roster.write(record).await.unwrap()?);
    Ok(())
}

/// Versions and glances are of the records that are there, whichever way they are read.
async fn what_is_told_of_a_record_is_what_it_holds(roster: &dyn Roster) {
    let mut record = record(60);
    assert_eq!(roster.version(&record.id).await.unwrap(), None);
    write(roster, &mut record).await.unwrap();
    record.spec.person = person(61);
    write(roster, &mut record).await.unwrap();
    assert_eq!(roster.version(&record.id).await.unwrap(), Some(2));

    let (records, total) = roster.page(0, 999).await.unwrap();
    assert!(records.contains(&record));
    let versions = records.iter().map(|own| (own.id.clone(), own.row_version)).collect();
    assert_eq!(roster.page_versions(0, 999).await.unwrap(), (versions, total));
    let types = ResourceType::user(&Limits::default());
    let sought = Sought::new(&types, vec!["userName"]);
    let glances: Vec<_> = records.iter().rev().map(|own| Glance::of(own, &sought)).collect();
    assert!(roster.glances(None, 999, &sought).await.unwrap() == glances);
    roster.erase(&record).await.unwrap().unwrap();
    assert_eq!(roster.version(&record.id).await.unwrap(), None);
}

/// Looks until it is so: what is due, and how many there are of each state, may be told late.
async fn is_soon<T: PartialEq + std::fmt::Debug>(
    read: impl AsyncFn() -> T,
    expected: T,
    what: &str,
) {
    let mut found = read().await;
    for _ in 0..200 {
        if found == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        found = read().await;
    }
    assert_eq!(found, expected, "{what}");
}

/// Everything that a roster promises.
async fn keeps_the_contract(roster: &dyn Roster) {
    a_record_is_found_by_what_it_goes_by(roster).await;
    a_write_is_on_condition_of_the_version(roster).await;
    a_key_is_one_records(roster).await;
    an_external_id_may_be_shared(roster).await;
    the_gone_are_found_by_what_they_went_by(roster).await;
    what_is_due_comes_in_its_order(roster).await;
    farewells_come_first_of_those_that_are_due(roster).await;
    persons_come_in_pages(roster).await;
    what_is_told_of_a_record_is_what_it_holds(roster).await;
    the_parked_are_listed(roster).await;
    records_are_counted_by_their_states(roster).await;
    lists_go_on_where_they_ended(roster).await;
    an_event_is_first_seen_once(roster).await;
    removals_are_counted_within_an_hour(roster).await;
    it_is_paused_until_somebody_lets_it_go_on(roster).await;
    one_run_drains(roster).await;
    a_group_is_found_by_what_it_goes_by(roster).await;
    members_come_and_go_whoever_else_writes(roster).await;
    whom_a_group_concerns_is_marked_in_the_same_write(roster).await;
}

fn group(number: u8, name: &str) -> GroupChange {
    let Value::Object(resource) = json!({"displayName": name, "externalId": "shared"}) else {
        panic!("an object")
    };
    let group = Group::new(Id::of([number; 16]), at(number.into()));
    GroupChange { resource: Some(resource), ..GroupChange::of(group, at(number.into())) }
}

fn members(values: &[&str]) -> Vec<Member> {
    let member = |value: &&str| Member { value: (*value).to_owned(), rest: Map::new() };
    values.iter().map(member).collect()
}

async fn values(roster: &dyn Roster, group: &Group) -> Vec<String> {
    let members = roster.members(&group.id, 0, 99_999).await.unwrap().0;
    members.into_iter().map(|member| member.value).collect()
}

async fn a_group_is_found_by_what_it_goes_by(roster: &dyn Roster) {
    let leads = roster.write_group(&group(200, "Leads")).await.unwrap().unwrap();
    assert_eq!((leads.version, leads.edition), (1, 1));
    assert_eq!(
        roster.write_group(&group(201, "LEADS")).await.unwrap(),
        Err(WriteConflict::DuplicateKey)
    );
    assert_eq!(
        roster.write_group(&group(200, "Others")).await.unwrap(),
        Err(WriteConflict::StaleVersion)
    );
    let agents = roster.write_group(&group(201, "Agents")).await.unwrap().unwrap();
    let all = [leads.clone(), agents.clone()];
    let shared = Key::group_external_id("shared");
    assert_eq!(roster.find_groups(&shared, 999).await.unwrap(), all);
    assert_eq!(roster.find_groups(&Key::group_name("lEADS"), 999).await.unwrap(), from_ref(&leads));
    assert_eq!(roster.page_groups(1, 5).await.unwrap(), (vec![agents.clone()], 2));
    let stale = GroupChange { group: leads.clone(), ..group(200, "Team leads") };
    let renamed = roster.write_group(&stale).await.unwrap().unwrap();
    assert_eq!((renamed.edition, renamed.display_name()), (2, "Team leads"));
    let again = GroupChange { group: renamed.clone(), ..group(200, "Team leads") };
    assert_eq!(roster.write_group(&again).await.unwrap(), Ok(renamed.clone()), "nothing is new");
    assert_eq!(roster.write_group(&stale).await.unwrap(), Err(WriteConflict::StaleVersion));
    let add = members(&["a"]);
    let joins = GroupChange { add, ..GroupChange::of(leads.clone(), at(3)) };
    let judged_by_another_name = roster.write_group(&joins).await.unwrap();
    assert_eq!(judged_by_another_name, Err(WriteConflict::StaleVersion));
    assert_eq!(roster.find_groups(&Key::group_name("leads"), 999).await.unwrap(), []);
    let erase =
        async |version| roster.erase_group(&agents.id, version, false, at(0)).await.unwrap();
    assert_eq!(erase(9).await, Err(WriteConflict::StaleVersion));
    assert_eq!(erase(1).await, Ok(()));
    assert_eq!(erase(1).await, Err(WriteConflict::StaleVersion));
    assert_eq!(roster.load_group(&agents.id).await.unwrap(), None);
}

async fn members_come_and_go_whoever_else_writes(roster: &dyn Roster) {
    let add = members(&["c", "a", "b", "a"]);
    let made = GroupChange { add, ..group(202, "Crowd") };
    let made = roster.write_group(&made).await.unwrap().unwrap();
    assert_eq!(values(roster, &made).await, ["c", "a", "b"]);
    // Both have read the first state.
    let (add, remove) = (members(&["d", "a"]), vec!["c".to_owned(), "nobody".to_owned()]);
    let one = GroupChange { add, ..GroupChange::of(made.clone(), at(1)) };
    let other = GroupChange { remove, ..GroupChange::of(made.clone(), at(2)) };
    roster.write_group(&one).await.unwrap().unwrap();
    let last = roster.write_group(&other).await.unwrap().unwrap();
    assert_eq!((last.edition, last.modified), (3, at(2)));
    assert_eq!(values(roster, &last).await, ["a", "b", "d"]);
    let same = roster.write_group(&one).await.unwrap().unwrap();
    assert_eq!(same, last, "they are there already");
    let display = |value: &str| {
        let rest = Map::from_iter([("display".to_owned(), value.into())]);
        vec![Member { rest, ..members(&[value])[0].clone() }]
    };
    let tell =
        |value: &str| GroupChange { tell: display(value), ..GroupChange::of(made.clone(), at(3)) };
    let same = roster.write_group(&tell("c")).await.unwrap().unwrap();
    assert_eq!(same, last, "who is not there any more does not come by being described");
    let last = roster.write_group(&tell("b")).await.unwrap().unwrap();
    assert_eq!((last.edition, last.modified), (4, at(3)));
    assert_eq!(roster.members(&last.id, 0, 99_999).await.unwrap().0[1], display("b")[0]);
    assert_eq!(roster.write_group(&tell("b")).await.unwrap().unwrap(), last);
    let bound = GroupChange { condition: Some(2), ..other };
    assert_eq!(roster.write_group(&bound).await.unwrap(), Err(WriteConflict::StaleVersion));
    assert_eq!(roster.groups_of("d", None, 999).await.unwrap(), from_ref(&last));
    assert_eq!(roster.groups_of("c", None, 999).await.unwrap(), []);
}

async fn whom_a_group_concerns_is_marked_in_the_same_write(roster: &dyn Roster) {
    let mut records = [record(210), record(211)];
    for record in &mut records {
        record.settle("rules", at(0));
        write(roster, record).await.unwrap();
    }
    let ids: Vec<&str> = records.iter().map(|record| record.id.as_str()).collect();
    let marked = async |index: usize| {
        let record = roster.load(&records[index].id).await.unwrap().unwrap();
        (record.generation, record.spec.etag, record.schedule.due, record.is_applied())
    };
    let change = GroupChange { add: members(&[ids[0], "nobody"]), ..group(203, "Given") };
    let silent = roster.write_group(&change).await.unwrap().unwrap();
    assert_eq!(marked(0).await, (1, 1, None, true), "it makes no difference");
    let change = GroupChange { add: members(&[ids[1]]), ..GroupChange::of(silent.clone(), at(3)) };
    let changed = GroupChange { affected: Affected::Changed, ..change };
    let given = roster.write_group(&changed).await.unwrap().unwrap();
    assert_eq!(marked(0).await, (1, 1, None, true));
    assert_eq!(marked(1).await, (2, 1, Some(at(3)), false));
    roster.erase_group(&given.id, given.version, true, at(4)).await.unwrap().unwrap();
    assert_eq!(marked(0).await, (2, 1, Some(at(4)), false));
    assert_eq!(roster.groups_of(ids[0], None, 999).await.unwrap(), []);
    for record in &records {
        let version = roster.load(&record.id).await.unwrap().unwrap().row_version;
        roster
            .erase(&UserRecord { row_version: version, ..record.clone() })
            .await
            .unwrap()
            .unwrap();
    }
}

async fn a_record_is_found_by_what_it_goes_by(roster: &dyn Roster) {
    let mut first = record(1);
    assert_eq!(roster.load(&first.id).await, Ok(None));
    write(roster, &mut first).await.unwrap();
    assert_eq!(first.row_version, 1);
    assert_eq!(roster.load(&first.id).await.unwrap(), Some(first.clone()));
    for (key, found) in [
        (Key::user_name("person1@EXAMPLE.com"), true),
        (Key::external_id("E1"), true),
        (Key::external_id("e1"), false),
        (Key::owner("o1"), true),
        (Key::owner("person1@example.com"), false),
    ] {
        assert_eq!(roster.find(&key).await.unwrap().is_some(), found, "{key:?}");
    }
    let mut third = record(3);
    write(roster, &mut third).await.unwrap();
    let found = roster.find_all(&Key::email("MAIL1@example.com"), None, 999).await.unwrap();
    assert_eq!(found, [first, third]);
    assert_eq!(roster.find_all(&Key::email("mail0@example.com"), None, 999).await.unwrap(), []);
}

async fn a_write_is_on_condition_of_the_version(roster: &dyn Roster) {
    let stale = roster.load(&record(1).id).await.unwrap().unwrap();
    let mut newer = stale.clone();
    newer.spec.person = person(11);
    write(roster, &mut newer).await.unwrap();
    assert_eq!(roster.write(&stale).await.unwrap(), Err(WriteConflict::StaleVersion));
    assert_eq!(
        roster.write(&record(1)).await.unwrap(),
        Err(WriteConflict::StaleVersion),
        "it is there already"
    );
    assert_eq!(roster.erase(&stale).await.unwrap(), Err(WriteConflict::StaleVersion));
    assert_eq!(roster.load(&stale.id).await.unwrap(), Some(newer.clone()));
    assert_eq!(roster.find(&Key::external_id("E1")).await, Ok(None), "a former key is free");
    assert_eq!(roster.find(&Key::external_id("E11")).await.unwrap(), Some(newer));
    let unwritten = UserRecord { row_version: 7, ..record(99) };
    assert_eq!(roster.write(&unwritten).await.unwrap(), Err(WriteConflict::StaleVersion));
}

async fn a_key_is_one_records(roster: &dyn Roster) {
    for key in ["userName", "externalId", "owner"] {
        let mut other = record(50);
        let mut user = json!({"userName": "x@example.com", "externalId": "x"});
        match key {
            "userName" => user["userName"] = json!("PERSON3@example.com"),
            "externalId" => user["externalId"] = json!("E3"),
            _ => other.owner = "o3".to_owned(),
        }
        let Value::Object(user) = user else { panic!("an object") };
        other.spec.person = Person::new(user);
        assert_eq!(roster.write(&other).await.unwrap(), Err(WriteConflict::DuplicateKey), "{key}");
        assert_eq!(roster.load(&other.id).await, Ok(None), "{key}");
    }
}

async fn an_external_id_may_be_shared(roster: &dyn Roster) {
    let first = roster.load(&record(3).id).await.unwrap().unwrap();
    let mut other = record(51);
    let user = json!({"userName": "other@example.com", "externalId": "E3"});
    let Value::Object(user) = user else { panic!("an object") };
    (other.spec.person, other.spec.shares_external_id) = (Person::new(user), true);
    write(roster, &mut other).await.unwrap();
    let key = Key::external_id("E3");
    assert_eq!(roster.find(&key).await.unwrap(), Some(first.clone()), "who had it before");
    assert_eq!(roster.find_all(&key, None, 999).await.unwrap(), [first.clone(), other.clone()]);
    other.mark_deleted(at(52));
    write(roster, &mut other).await.unwrap();
    assert_eq!(roster.find_all(&key, None, 999).await.unwrap(), [first]);
    assert_eq!(
        roster.find_deleted(from_ref(&key), 999).await.unwrap(),
        [],
        "it was never theirs alone"
    );
    roster.erase(&other).await.unwrap().unwrap();
}

async fn the_gone_are_found_by_what_they_went_by(roster: &dyn Roster) {
    let mut gone = roster.load(&record(3).id).await.unwrap().unwrap();
    gone.mark_deleted(gone.as_of());
    write(roster, &mut gone).await.unwrap();
    let (name, id) = (Key::user_name("person3@example.com"), Key::external_id("E3"));
    assert_eq!(roster.find(&name).await, Ok(None), "the name is free");
    assert_eq!(roster.find(&Key::owner("o3")).await.unwrap(), Some(gone.clone()));
    assert_eq!(roster.find_deleted(from_ref(&name), 999).await.unwrap(), [gone.clone()]);
    gone.settle("rules", at(100));
    write(roster, &mut gone).await.unwrap();
    assert_eq!(gone.spec.person, Person::default(), "nothing personal is left");
    assert_eq!(roster.find_deleted(from_ref(&id), 999).await.unwrap(), [gone.clone()]);
    let mut again = record(33);
    again.spec.person = person(3);
    again.spec.access.time = gone.as_of();
    let late = roster.write(&again).await.unwrap();
    assert_eq!(
        late,
        Err(WriteConflict::StaleVersion),
        "who is gone comes back by what is newer alone"
    );
    again.spec.access.time = at(34);
    write(roster, &mut again).await.unwrap();
    assert_eq!(roster.find(&id).await.unwrap().unwrap().id, again.id);
    roster.erase(&gone).await.unwrap().unwrap();
    assert_eq!(roster.find_deleted(&[name, id], 999).await.unwrap(), []);
    assert_eq!(roster.find(&Key::owner("o3")).await, Ok(None));
}

async fn what_is_due_comes_in_its_order(roster: &dyn Roster) {
    for (number, due) in [(21, Some(300)), (22, Some(200)), (23, None), (24, Some(400))] {
        let mut record = record(number);
        record.set_due(due.map(at));
        write(roster, &mut record).await.unwrap();
    }
    let due_are = async |now, count, numbers: &[u8]| {
        let ids: Vec<Id> = numbers.iter().map(|number| record(*number).id).collect();
        is_soon(async || roster.due(at(now), count).await.unwrap(), ids, "due").await;
    };
    due_are(199, 9, &[]).await;
    due_are(300, 9, &[22, 21]).await;
    due_are(999, 2, &[22, 21]).await;
    let mut done = roster.load(&record(22).id).await.unwrap().unwrap();
    done.settle("rules", at(500));
    write(roster, &mut done).await.unwrap();
    due_are(999, 9, &[21, 24]).await;
}

async fn farewells_come_first_of_those_that_are_due(roster: &dyn Roster) {
    let ids = |numbers: &[u8]| numbers.iter().map(|n| record(*n).id).collect::<Vec<_>>();
    let ours_are = async |now, numbers: &[u8], why: &str| {
        let ours = ids(&[70, 71, 72, 73]);
        let due = async || {
            let due = roster.due(at(now), 99).await.unwrap();
            due.into_iter().filter(|id| ours.contains(id)).collect::<Vec<_>>()
        };
        is_soon(due, ids(numbers), why).await;
    };
    let due_are = async |now, count, numbers: &[u8], why: &str| {
        is_soon(async || roster.due(at(now), count).await.unwrap(), ids(numbers), why).await;
    };
    let farewells_are = async |now, count, numbers: &[u8]| {
        let due = async || roster.due_farewells(at(now), count).await.unwrap();
        is_soon(due, ids(numbers), "farewells").await;
    };
    let due = [
        (70, DesiredState::Active, 10),
        (71, DesiredState::Inactive, 30),
        (72, DesiredState::Deleted, 20),
        (73, DesiredState::Active, 5),
    ];
    for (number, wanted, due) in due {
        let mut record = record(number);
        record.spec.access.set(wanted, at(number.into()), None);
        record.set_due(Some(at(due)));
        write(roster, &mut record).await.unwrap();
    }
    ours_are(30, &[72, 71, 73, 70], "farewells first").await;
    ours_are(29, &[72, 73, 70], "who is not due comes not at all").await;
    due_are(30, 3, &[72, 71, 73], "before all others").await;
    due_are(30, 2, &[72, 73], "half is left to others").await;
    due_are(30, 1, &[72], "a farewell").await;
    farewells_are(30, 9, &[72, 71]).await;
    farewells_are(30, 1, &[72]).await;
    farewells_are(1, 9, &[]).await;
    let mut back = roster.load(&record(71).id).await.unwrap().unwrap();
    back.spec.access.set(DesiredState::Active, at(80), None);
    back.set_due(Some(at(1)));
    write(roster, &mut back).await.unwrap();
    ours_are(30, &[72, 71, 73, 70], "by its time from now on").await;
    for number in [70, 71, 72, 73] {
        let stored = roster.load(&record(number).id).await.unwrap().unwrap();
        roster.erase(&stored).await.unwrap().unwrap();
    }
    ours_are(99, &[], "nobody is there any more").await;
}

async fn persons_come_in_pages(roster: &dyn Roster) {
    let (all, total) = roster.page(0, 100).await.unwrap();
    assert_eq!(all.len(), total);
    assert!(all.iter().all(|record| record.desired_state() != DesiredState::Deleted));
    assert!(all.windows(2).all(|pair| pair[0].created <= pair[1].created));
    for start in 0..=total {
        let (page, of) = roster.page(start, 2).await.unwrap();
        assert_eq!((page.as_slice(), of), (&all[start..total.min(start + 2)], total));
        let versions = page.into_iter().map(|record| (record.id, record.row_version)).collect();
        assert_eq!(roster.page_versions(start, 2).await.unwrap(), (versions, total));
    }
    assert_eq!(roster.page(total + 1, 2).await.unwrap(), (Vec::new(), total));
    let (mut met, mut place) = (Vec::new(), None);
    loop {
        let newest = roster.before(place.as_ref(), 3).await.unwrap();
        let Some(last) = newest.last() else { break };
        place = Some(Place::of(last));
        met.extend(newest);
    }
    met.reverse();
    assert_eq!(met, all, "from the newest on, each once");
}

async fn the_parked_are_listed(roster: &dyn Roster) {
    assert_eq!(roster.parked(None, 999).await.unwrap(), []);
    let mut parked = roster.load(&record(24).id).await.unwrap().unwrap();
    parked.fail(&Fault::new(Kind::Missing, "gone"), at(600));
    write(roster, &mut parked).await.unwrap();
    assert!(matches!(parked.schedule.phase, Phase::Parked(_)));
    assert_eq!(roster.parked(None, 999).await.unwrap(), [parked.clone()]);
    parked.reopen(at(601));
    write(roster, &mut parked).await.unwrap();
    assert_eq!(roster.parked(None, 999).await.unwrap(), []);
}

async fn records_are_counted_by_their_states(roster: &dyn Roster) {
    let before = steady_counts(roster).await;
    let counted = async || {
        let now = roster.counts().await.unwrap();
        let more = |now: usize, before: usize| now.wrapping_sub(before);
        [
            more(now.applied, before.applied),
            more(now.parked, before.parked),
            more(now.pending, before.pending),
            more(now.removed, before.removed),
            more(now.forgotten, before.forgotten),
            more(now.held, before.held),
        ]
    };
    let counts_are = async |expected: [usize; 6], why: &str| is_soon(&counted, expected, why).await;
    let oldest_is = async |expected: Option<SystemTime>| {
        let oldest = async || roster.counts().await.unwrap().oldest_pending;
        is_soon(oldest, expected, "pending for longest").await;
    };
    let mut record = record(90);
    record.schedule.pending_since = Some(SystemTime::UNIX_EPOCH);
    write(roster, &mut record).await.unwrap();
    counts_are([0, 0, 1, 0, 0, 0], "counted").await;
    oldest_is(Some(SystemTime::UNIX_EPOCH)).await;
    record.settle("rules", at(1));
    write(roster, &mut record).await.unwrap();
    counts_are([1, 0, 0, 0, 0, 0], "counted").await;
    oldest_is(before.oldest_pending).await;
    record.mark_deleted(at(2));
    record.changed(at(2));
    record.fail(&Fault::new(Kind::RemovalHeld, "too many"), at(2));
    write(roster, &mut record).await.unwrap();
    counts_are([0, 1, 0, 0, 0, 1], "counted").await;
    record.settle("rules", at(3));
    write(roster, &mut record).await.unwrap();
    counts_are([0, 0, 0, 0, 1, 0], "there never was a user of theirs").await;
    record.status.had_user = true;
    write(roster, &mut record).await.unwrap();
    counts_are([0, 0, 0, 1, 0, 0], "counted").await;
    roster.erase(&record).await.unwrap().unwrap();
    counts_are([0; 6], "counted").await;
}

/// How many there are of each state, when that is told twice; nobody writes meanwhile.
async fn steady_counts(roster: &dyn Roster) -> Counts {
    let mut before = Vec::new();
    for _ in 0..9 {
        before.push(roster.counts().await.unwrap());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // Whatever is told late is told so the seldomer.
    let times = |one: &_| before.iter().filter(|other| *other == one).count();
    *before.iter().max_by_key(|one| times(one)).unwrap()
}

/// Lists that are longer than what is asked for go on behind the last of it.
async fn lists_go_on_where_they_ended(roster: &dyn Roster) {
    let mut records = [91, 92, 93].map(record);
    for record in &mut records {
        record.spec.shares_external_id = true;
        record.spec.person = Person::new(
            [("externalId".to_owned(), "long".into())].into_iter().collect::<Map<_, _>>(),
        );
        record.fail(&Fault::new(Kind::Missing, "gone"), at(1));
        write(roster, record).await.unwrap();
    }
    let key = Key::external_id("long");
    let shared = roster.find_all(&key, None, 2).await.unwrap();
    assert_eq!(shared, records[..2]);
    assert_eq!(roster.find_all(&key, Some(&shared[1].id), 2).await.unwrap(), records[2..]);
    assert_eq!(find_everybody(roster, &key, 2).await.unwrap(), records[..2]);
    assert_eq!(find_everybody(roster, &key, 9).await.unwrap(), records);
    let parked = roster.parked(Some(&records[0].id), 1).await.unwrap();
    assert_eq!(parked, records[1..2]);
    for record in &records {
        assert_eq!(record.stored_keys.keys().unwrap().len(), 2, "its owner, and what it shares");
        let read = roster.load(&record.id).await.unwrap().unwrap();
        assert_eq!(
            read.stored_keys.keys(),
            record.stored_keys.keys(),
            "whoever wrote it knows it too"
        );
    }
    let mut leaver = records[0].clone();
    leaver.mark_deleted(at(2));
    assert_eq!(leaver.stored_keys.keys().unwrap().len(), 2, "as it is stored");
    write(roster, &mut leaver).await.unwrap();
    assert_eq!(leaver.stored_keys.keys().unwrap(), [Key::owner("o91")]);
    for record in [&leaver, &records[1], &records[2]] {
        roster.erase(record).await.unwrap().unwrap();
    }
    let groups = [214, 215, 216].map(|number| GroupChange {
        add: members(&["x"]),
        ..group(number, &format!("of x {number}"))
    });
    let mut made = Vec::new();
    for group in &groups {
        made.push(roster.write_group(group).await.unwrap().unwrap());
    }
    assert_eq!(roster.groups_of("x", None, 2).await.unwrap(), made[..2]);
    assert_eq!(roster.groups_of("x", Some(&made[1].id), 2).await.unwrap(), made[2..]);
    assert_eq!(all_groups_of(roster, "x").await.unwrap(), made);
    for group in &made {
        roster.erase_group(&group.id, group.version, false, at(2)).await.unwrap().unwrap();
    }
}

async fn an_event_is_first_seen_once(roster: &dyn Roster) {
    let later = at(0) + TOMBSTONE_TTL;
    for (event, now, seen) in
        [("a", at(0), at(0)), ("b", at(5), at(5)), ("a", at(9), at(0)), ("a", later, later)]
    {
        assert_eq!(roster.first_seen(event, now).await, Ok(seen));
    }
}

async fn removals_are_counted_within_an_hour(roster: &dyn Roster) {
    for (now, what, counted) in [
        (0, "a", true),
        (1800, "b", true),
        (1801, "a", true),
        (3599, "c", false),
        (3600, "c", true),
        (3601, "a", false),
        (3602, "b", true),
    ] {
        assert_eq!(
            roster.count_removal(Guard::Removals, what, at(now), 2).await,
            Ok(counted),
            "{now}"
        );
    }
    for at in [at(9000), at(9001)] {
        roster.note_removal(Guard::Removals, "d", at).await.unwrap();
    }
    assert_eq!(
        roster.count_removal(Guard::Removals, "e", at(9001), 1).await,
        Ok(false),
        "it counts all the same"
    );
    assert_eq!(roster.count_removal(Guard::Removals, "e", at(9002), 2).await, Ok(true), "and once");
    let losses = Guard::Losses;
    assert_eq!(roster.count_removal(losses, "e", at(9003), 1).await, Ok(true), "apart");
    assert_eq!(roster.count_removal(losses, "f", at(9003), 1).await, Ok(false), "by itself");
    assert_eq!(roster.count_removal(Guard::Removals, "f", at(9003), 3).await, Ok(true));
}

async fn it_is_paused_until_somebody_lets_it_go_on(roster: &dyn Roster) {
    assert_eq!(roster.paused().await, Ok(None));
    for since in [Some(at(1)), Some(at(2)), None] {
        roster.set_paused(since).await.unwrap();
        assert_eq!(roster.paused().await, Ok(since));
    }
}

async fn one_run_drains(roster: &dyn Roster) {
    assert_eq!(roster.begin_drain("one", at(0), at(60)).await, Ok(true));
    assert_eq!(roster.begin_drain("one", at(1), at(60)).await, Ok(true), "its answer was lost");
    assert_eq!(roster.begin_drain("other", at(59), at(120)).await, Ok(false));
    assert_eq!(roster.begin_drain("other", at(60), at(120)).await, Ok(true), "who had it is gone");
    roster.end_drain("one").await.unwrap();
    assert_eq!(
        roster.begin_drain("one", at(61), at(120)).await,
        Ok(false),
        "it is another's by now"
    );
    roster.end_drain("other").await.unwrap();
    assert_eq!(roster.begin_drain("one", at(61), at(120)).await, Ok(true));
    assert_eq!(roster.backlog().await, Ok(None));
    roster.set_backlog(Some(at(7))).await.unwrap();
    assert_eq!(roster.backlog().await, Ok(Some(at(7))));
}

/// A file of a test's own, gone with it.
struct TestFile(std::path::PathBuf);

impl TestFile {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("roster-{}-{name}", std::process::id()));
        drop(std::fs::remove_file(&path));
        Self(path)
    }
}

impl Drop for TestFile {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

#[tokio::test]
async fn memory_keeps_the_contract() {
    keeps_the_contract(&MemoryRoster::default()).await;
}

#[tokio::test]
async fn a_file_keeps_the_contract_and_what_was_written() {
    let file = TestFile::new("contract");
    let roster = MemoryRoster::open(&file.0).unwrap();
    keeps_the_contract(&roster).await;
    let before = roster.page(0, 100).await.unwrap();
    let groups = roster.page_groups(0, 100).await.unwrap();
    let crowd = groups.0.iter().find(|group| group.display_name() == "Crowd").unwrap();
    drop(roster);
    let roster = MemoryRoster::open(&file.0).unwrap();
    assert_eq!(roster.page(0, 100).await.unwrap(), before);
    assert_eq!(roster.page_groups(0, 100).await.unwrap(), groups);
    assert_eq!(values(&roster, crowd).await, ["a", "b", "d"]);
    assert_eq!(roster.groups_of("d", None, 999).await.unwrap(), from_ref(crowd));
    assert_eq!(roster.backlog().await, Ok(Some(at(7))));
    assert_eq!(roster.begin_drain("other", at(62), at(120)).await, Ok(false));
    assert_eq!(roster.first_seen("b", at(99)).await, Ok(at(5)));
    assert_eq!(roster.count_removal(Guard::Removals, "another", at(9001), 1).await, Ok(false));
    let found = roster.find(&Key::external_id("E11")).await.unwrap().unwrap();
    assert_eq!((found.id, found.row_version), (record(1).id, 2));
    assert_eq!(roster.due(at(400), 9).await.unwrap(), [record(21).id]);
}

/// Writes a file as the first version of it was, row by row.
fn write_first_version(path: &std::path::Path) {
    use redb::{Database, TableDefinition};
    const RECORDS: TableDefinition<'_, &str, &str> = TableDefinition::new("records");
    const GROUPS: TableDefinition<'_, &str, &str> = TableDefinition::new("groups");
    const MEMBERS: TableDefinition<'_, (&str, u64), &str> = TableDefinition::new("members");
    const SIGHTS: TableDefinition<'_, &str, u64> = TableDefinition::new("sights");
    const NOTES: TableDefinition<'_, &str, &str> = TableDefinition::new("notes");
    let (record, group) = ("00481b59e4c24146bbe9ea91b856a2b9", "4e79a4ae02294c78db0e313a1253fc36");
    let database = Database::create(path).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut table = transaction.open_table(RECORDS).unwrap();
        table.insert(record, include_str!("roster/record-1.json").trim()).unwrap();
        let mut table = transaction.open_table(GROUPS).unwrap();
        table.insert(group, include_str!("roster/group-1.json").trim()).unwrap();
        let mut table = transaction.open_table(MEMBERS).unwrap();
        let member = format!(r#"{{"value":"{record}","rest":{{"display":"X"}}}}"#);
        table.insert((group, 3), member.as_str()).unwrap();
        let mut table = transaction.open_table(SIGHTS).unwrap();
        table.insert("an event", 1_800_000_000_000).unwrap();
        let mut table = transaction.open_table(NOTES).unwrap();
        let time = |seconds| json!({"secs_since_epoch": seconds, "nanos_since_epoch": 0});
        let notes = json!({
            "removals": [time(1_800_000_000)], "drained_until": null,
            "backlog_until": time(1_800_000_007),
        });
        table.insert("notes", notes.to_string().as_str()).unwrap();
    }
    transaction.commit().unwrap();
}

#[tokio::test]
async fn a_file_of_the_first_version_opens_and_nothing_of_it_is_lost() {
    let file = TestFile::new("first");
    write_first_version(&file.0);
    for reopened in [false, true] {
        let roster = MemoryRoster::open(&file.0).unwrap();
        let key = Key::user_name("PERSON0@example.com");
        let mut record = roster.find(&key).await.unwrap().unwrap();
        assert_eq!(record.spec.person.resource()["title"], "Agent");
        assert_eq!(
            record.status.user.as_ref().unwrap().ids.id,
            "a298c916-1b6c-4ca4-ad7c-6dfe1a3f95b2"
        );
        assert_eq!((record.row_version, record.is_applied()), (if reopened { 3 } else { 2 }, true));
        let members = roster
            .members(&Id::from_text("4e79a4ae02294c78db0e313a1253fc36"), 0, 99_999)
            .await
            .unwrap()
            .0;
        let display = Map::from_iter([("display".to_owned(), "X".into())]);
        assert_eq!((&*members[0].value, &members[0].rest), (record.id.as_str(), &display));
        let groups = roster.groups_of(record.id.as_str(), None, 999).await.unwrap();
        assert_eq!(groups[0].display_name(), "Agents");
        assert_eq!(roster.first_seen("an event", at(9)).await, Ok(at(0)));
        assert_eq!(roster.backlog().await, Ok(Some(at(7))));
        if !reopened {
            assert_eq!(roster.count_removal(Guard::Removals, "another", at(1), 1).await, Ok(false));
            write(&roster, &mut record).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_file_is_one_processs_at_a_time() {
    let file = TestFile::new("lock");
    let roster = MemoryRoster::open(&file.0).unwrap();
    let refused = MemoryRoster::open(&file.0).unwrap_err();
    assert!(refused.text().contains("open in another process"), "{refused:?}");
    drop(roster);
    MemoryRoster::open(&file.0).unwrap();
}

#[tokio::test]
async fn what_is_no_roster_is_refused_and_left_alone() {
    let file = TestFile::new("strange");
    std::fs::write(&file.0, "something else").unwrap();
    assert!(MemoryRoster::open(&file.0).is_err());
    assert_eq!(std::fs::read_to_string(&file.0).unwrap(), "something else");
}

#[tokio::test]
async fn of_many_who_write_at_once_one_is_first() {
    let roster: Arc<dyn Roster> = Arc::new(MemoryRoster::default());
    let writers = (0..50_u8).map(|number| {
        let roster = Arc::clone(&roster);
        tokio::spawn(async move {
            let own = UserRecord { id: Id::of([number; 16]), ..record(1) };
            roster.write(&own).await.unwrap().is_ok()
        })
    });
    let mut first = 0;
    for writer in writers.collect::<Vec<_>>() {
        first += usize::from(writer.await.unwrap());
    }
    assert_eq!(first, 1);
}

#[test]
fn a_record_shows_no_person() {
    let shown = format!("{:?}", record(1));
    assert!(!shown.contains("example.com") && !shown.contains("E1\""), "{shown}");
    let roster = MemoryRoster::default();
    futures_util::FutureExt::now_or_never(roster.write(&record(1))).unwrap().unwrap().unwrap();
    assert!(!format!("{roster:?}").contains("example.com"));
}
