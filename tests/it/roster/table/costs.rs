//! What each operation asks of the table, and what that costs by the engine's own account.

use std::fmt::Write as _;

use connect_provisioner::fault::{Fault, Kind};
use connect_provisioner::roster::group::{Affected, Group, GroupChange, Member};
use connect_provisioner::roster::key::{Id, Key};
use connect_provisioner::roster::record::{DesiredState, UserRecord};
use connect_provisioner::roster::{Guard, Roster as _};
use connect_provisioner::scim::Person;
use futures_util::future::join_all;
use serde_json::{Map, Value, json};

use super::super::at;
use super::Table;
use super::proxy::Cost;

/// As many as come on one day of a first import.
const USERS: u64 = 1_200;

fn id(number: u64) -> Id {
    let mut bytes = [7; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    Id::of(bytes)
}

/// A person with as much as identity providers send.
fn person(number: u64) -> Person {
    let Value::Object(user) = json!({
        "userName": format!("person{number}@example.com"), "externalId": format!("00u{number:017}"),
        "active": true, "displayName": "Maria Okonkwo-Lindqvist", "title": "Agent", "locale": "en-GB",
        "timezone": "Europe/Berlin", "nickName": "Mia", "preferredLanguage": "en",
        "name": {"givenName": "Maria", "familyName": "Okonkwo-Lindqvist", "middleName": "A"},
        "emails": [{"type": "work", "value": format!("person{number}@example.com"), "primary": true}],
        "phoneNumbers": [{"type": "work", "value": "+493012345678"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
            {"department": "Customer care", "costCenter": "4711", "employeeNumber": "123456"},
    }) else {
        panic!("an object")
    };
    Person::new(user)
}

/// One who came so many seconds after the first.
fn record(number: u64) -> UserRecord {
    let owner = format!("{number:064}");
    let mut record =
        UserRecord::new(id(number), person(number), DesiredState::Active, &owner, at(number));
    record.set_due(Some(at(number)));
    record
}

fn members(numbers: impl Iterator<Item = u64>) -> Vec<Member> {
    let member = |number| Member { value: id(number).as_str().to_owned(), rest: Map::new() };
    numbers.map(member).collect()
}

/// What was measured, and what each may cost.
#[derive(Default)]
struct Account(String, Vec<String>);

impl Account {
    /// Notes what an operation took, which may be so many requests, units written and units read.
    fn note(&mut self, what: &str, cost: Cost, (requests, written, read): (u64, f64, f64)) {
        let Cost { requests: asked, written: wrote, read: looked } = cost;
        writeln!(self.0, "{what:58} {asked:4} requests {wrote:7.1} WCU {looked:7.1} RCU").unwrap();
        if asked > requests || wrote > written || looked > read {
            self.1.push(format!("{what}: {cost:?}"));
        }
    }
}

#[tokio::test]
async fn each_operation_asks_little_of_a_table() {
    let table = Table::calm().await;
    let (roster, proxy) = (&*table.roster, &table.proxy);
    let mut account = Account::default();
    macro_rules! cost {
        ($what:literal, $most:expr, $operation:expr) => {{
            let _before = proxy.cost();
            let answer = $operation.await.unwrap();
            account.note($what, proxy.cost(), $most);
            answer
        }};
    }
    let mut one = record(USERS + 1);
    one.note_stored(cost!("write, a new record", (3, 25.0, 0.0), roster.write(&one)).unwrap());
    let size = serde_json::to_string(&one).unwrap().len();
    one.take_lease(at(1));
    one.note_stored(cost!("write, a lease", (1, 4.0, 0.0), roster.write(&one)).unwrap());
    one.settle("rules", at(2));
    one.note_stored(cost!("write, settled", (1, 4.0, 0.0), roster.write(&one)).unwrap());
    cost!("load", (1, 0.0, 1.0), roster.load(&one.id)).unwrap();
    let name = Key::user_name("person1201@example.com");
    cost!("find", (2, 0.0, 2.0), roster.find(&name)).unwrap();
    cost!("find, nobody", (1, 0.0, 1.0), roster.find(&Key::user_name("nobody")));
    let email = Key::email("person1201@example.com");
    assert_eq!(cost!("find_all, one", (2, 0.0, 2.0), roster.find_all(&email, None, 9)).len(), 1);
    one.spec.person = person(USERS + 2);
    one.changed(at(3));
    one.note_stored(
        cost!("write, another name and address", (1, 30.0, 0.0), roster.write(&one)).unwrap(),
    );
    one.fail(&Fault::new(Kind::Missing, "gone"), at(4));
    one.note_stored(cost!("write, parked", (1, 10.0, 0.0), roster.write(&one)).unwrap());
    assert_eq!(cost!("parked, one", (2, 0.0, 2.0), roster.parked(None, 9)).len(), 1);
    one.mark_deleted(at(5));
    one.changed(at(5));
    one.note_stored(cost!("write, on the way out", (1, 30.0, 0.0), roster.write(&one)).unwrap());
    one.settle("rules", at(6));
    one.note_stored(cost!("write, gone", (1, 6.0, 0.0), roster.write(&one)).unwrap());
    let names = [Key::user_name("person1202@example.com"), Key::owner("none"), Key::owner("no")];
    let gone =
        cost!("find_deleted, three keys of one", (2, 0.0, 4.0), roster.find_deleted(&names, 9));
    assert_eq!(gone.len(), 1);
    let mut back = record(USERS + 2);
    back.spec.access.time = at(9_999);
    back.note_stored(
        cost!("write, new by a name that was left", (2, 50.0, 0.0), roster.write(&back)).unwrap(),
    );
    roster.erase(&back).await.unwrap().unwrap();
    cost!("erase", (1, 20.0, 0.0), roster.erase(&one)).unwrap();

    let mut people: Vec<UserRecord> = (0..USERS).map(record).collect();
    let written = join_all(people.iter().map(|record| roster.write(record))).await;
    for (record, written) in people.iter_mut().zip(written) {
        record.note_stored(written.unwrap().unwrap());
    }
    for (what, start) in [
        ("page, the first 100", 0),
        ("page, 100 of 1200 amid a day", 777),
        ("page, the last 100", 1_100),
    ] {
        let _before = proxy.cost();
        let (page, total) = roster.page(start, 100).await.unwrap();
        account.note(what, proxy.cost(), (5, 0.0, 125.0));
        assert_eq!((page.len(), total, &page[0].id), (100, 1_200, &people[start].id));
    }
    assert_eq!(cost!("page, how many", (1, 0.0, 1.0), roster.page(0, 0)).1, 1_200);
    assert_eq!(
        cost!("before, the newest 100", (5, 0.0, 125.0), roster.before(None, 100)).len(),
        100
    );
    assert_eq!(cost!("due, 100 of 1200", (4, 0.0, 8.0), roster.due(at(9_999), 100)).len(), 100);
    cost!("due_farewells, nobody", (2, 0.0, 1.0), roster.due_farewells(at(9_999), 100));
    assert_eq!(cost!("counts, 1200 pending", (6, 0.0, 25.0), roster.counts()).pending, 1_200);

    let Value::Object(resource) = json!({"displayName": "Agents", "externalId": "g"}) else {
        panic!("an object")
    };
    let group = Group::new(Id::of([9; 16]), at(1));
    let made = GroupChange { resource: Some(resource), ..GroupChange::of(group, at(1)) };
    let group = cost!("write_group, a new one", (2, 12.0, 1.0), roster.write_group(&made)).unwrap();
    let joins = |group: &Group, numbers| GroupChange {
        add: members(numbers),
        affected: Affected::Changed,
        ..GroupChange::of(group.clone(), at(2))
    };
    let change = joins(&group, 0..1);
    let group =
        cost!("write_group, one comes, marked", (4, 20.0, 4.0), roster.write_group(&change))
            .unwrap();
    let change = joins(&group, 1..31);
    let group =
        cost!("write_group, 30 come, marked", (4, 360.0, 70.0), roster.write_group(&change))
            .unwrap();
    assert!(!group.fan_out_pending);
    let change = joins(&group, 31..331);
    let group =
        cost!("write_group, 300 come, accepted", (10, 100.0, 310.0), roster.write_group(&change))
            .unwrap();
    assert!(group.fan_out_pending);
    cost!("mend, 48 rows of them", (3, 230.0, 4.0), roster.mend(Some(&group.id)));
    let _before = proxy.cost();
    while roster.mend(Some(&group.id)).await.unwrap() {}
    account.note("mend, the rest of them and 300 marks", proxy.cost(), (60, 4_000.0, 500.0));
    assert_eq!(
        cost!("members, 331", (2, 0.0, 20.0), roster.members(&group.id, 0, 999)).0.len(),
        331
    );
    assert_eq!(
        cost!("groups_of", (2, 0.0, 2.0), roster.groups_of(id(5).as_str(), None, 99)).len(),
        1
    );
    let name = Key::group_name("agents");
    assert_eq!(cost!("find_groups, by name", (2, 0.0, 2.0), roster.find_groups(&name, 9)).len(), 1);
    assert_eq!(cost!("page_groups", (2, 0.0, 2.0), roster.page_groups(0, 9)).1, 1);

    cost!("first_seen, new", (1, 1.0, 0.0), roster.first_seen("e", at(1)));
    cost!("first_seen, known", (1, 1.0, 0.0), roster.first_seen("e", at(2)));
    cost!("count_removal", (2, 1.0, 1.0), roster.count_removal(Guard::Removals, "a", at(1), 9));
    cost!(
        "count_removal, counted",
        (1, 0.0, 1.0),
        roster.count_removal(Guard::Removals, "a", at(1), 9)
    );
    cost!("begin_drain", (1, 1.0, 0.0), roster.begin_drain("me", at(1), at(9)));
    cost!("end_drain", (1, 1.0, 0.0), roster.end_drain("me"));
    cost!("set_backlog", (1, 1.0, 0.0), roster.set_backlog(Some(at(9))));
    cost!("backlog", (1, 0.0, 1.0), roster.backlog());
    cost!("paused", (1, 0.0, 1.0), roster.paused());
    println!("a record is {size} bytes\n{}", account.0);
    assert_eq!(account.1, [""; 0], "more than it may be");
}
