//! What a table holds, what it refuses, who meets whom at it, and that the tests would see it broken.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use connect_provisioner::fault::{Fault, Kind};
use connect_provisioner::roster::group::{Affected, GroupChange};
use connect_provisioner::roster::key::{Id, Key};
use connect_provisioner::roster::record::UserRecord;
use connect_provisioner::roster::{Guard, Roster, RosterError, WriteConflict, write_group};
use connect_provisioner::scim::Person;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::super::groups::{Writer, two_write_a_group_and_a_third_mends};
use super::super::{at, group, keeps_the_contract, members, person, record, write};
use super::Table;
use super::proxy::{Mutation, TABLE};
use crate::simulation::chance::Chance;

type Item = std::collections::HashMap<String, AttributeValue>;

impl Table {
    /// All that stands in the table.
    async fn items(&self) -> Vec<Item> {
        let scan = self.engine.scan().table_name(TABLE).consistent_read(true);
        scan.into_paginator().items().send().collect::<Result<_, _>>().await.unwrap()
    }

    async fn item(&self, pk: &str, sk: &str) -> Option<Item> {
        let key = [("pk", pk), ("sk", sk)];
        let key = key.map(|(name, own)| (name.to_owned(), AttributeValue::S(own.to_owned())));
        let read = self.engine.get_item().table_name(TABLE).set_key(Some(key.into()));
        read.consistent_read(true).send().await.unwrap().item
    }

    /// Sets one attribute of an item.
    async fn set(&self, pk: &str, sk: &str, name: &str, value: AttributeValue) {
        let mut item = self.item(pk, sk).await.unwrap();
        item.insert(name.to_owned(), value);
        self.engine.put_item().table_name(TABLE).set_item(Some(item)).send().await.unwrap();
    }
}

fn number(number: &str) -> AttributeValue {
    AttributeValue::N(number.to_owned())
}

#[tokio::test]
async fn a_record_stands_in_a_table_as_text_with_its_numbers_beside_it() {
    let table = Table::calm().await;
    let mut one = record(1);
    one.set_due(Some(at(9)));
    write(&*table.roster, &mut one).await.unwrap();
    let item = table.item(&format!("R={}", one.id), "#").await.unwrap();
    assert_eq!(item["form"], number("1"));
    assert_eq!(item["v"], number("1"));
    assert_eq!(item["due"], number("1800000009000000000"));
    assert_eq!(item["since"], number("1800000001000000000"));
    let state = ["gsh", "gst"].map(|name| item[name].as_s().unwrap().as_str());
    assert_eq!(state, ["ordinary1", "pending"]);
    let doc: Value = serde_json::from_str(item["doc"].as_s().unwrap()).unwrap();
    assert_eq!(doc, serde_json::to_value(&one).unwrap());
    assert_eq!(item.len(), 13, "{:?}", item.keys());
    let claim = table.item(&format!("K#{}", Key::external_id("E1").as_str()), "#").await.unwrap();
    assert_eq!(claim["holder"].as_s().unwrap(), one.id.as_str());

    one.settle("rules", at(10));
    write(&*table.roster, &mut one).await.unwrap();
    let item = table.item(&format!("R={}", one.id), "#").await.unwrap();
    for gone in ["due", "gsh", "gst", "since"] {
        assert!(!item.contains_key(gone), "{gone}: it is in no index");
    }
}

#[tokio::test]
async fn of_who_is_erased_a_table_holds_nothing() {
    let table = Table::calm().await;
    let roster = &*table.roster;
    let mut one = record(1);
    write(roster, &mut one).await.unwrap();
    one.spec.person = person(2);
    one.fail(&Fault::new(Kind::Missing, "gone"), at(2));
    write(roster, &mut one).await.unwrap();
    one.mark_deleted(at(3));
    one.changed(at(3));
    write(roster, &mut one).await.unwrap();
    one.settle("rules", at(4));
    write(roster, &mut one).await.unwrap();
    roster.erase(&one).await.unwrap().unwrap();
    let made = roster.write_group(&GroupChange { add: members(&["x"]), ..group(2, "A") }).await;
    let made = made.unwrap().unwrap();
    roster.erase_group(&made.id, made.version, false, at(5)).await.unwrap().unwrap();
    for item in table.items().await {
        let pk = item["pk"].as_s().unwrap();
        assert!(pk.starts_with("C#") && item["n"] == number("0"), "{item:?}");
    }
}

#[tokio::test]
async fn what_a_newer_build_wrote_is_refused_and_stays() {
    let table = Table::calm().await;
    let roster = &*table.roster;
    let mut one = record(1);
    write(roster, &mut one).await.unwrap();
    let (pk, newer) = (format!("R={}", one.id), number("2"));
    let said = |error: RosterError| {
        assert!(error.text().contains("newer build"), "{error:?}");
        assert!(matches!(error, RosterError::NotDone(_)));
    };
    table.set(&pk, "#", "form", newer.clone()).await;
    let before = table.items().await.len();
    said(roster.load(&one.id).await.unwrap_err());
    said(roster.find(&Key::user_name("person1@example.com")).await.unwrap_err());
    said(roster.page(0, 9).await.unwrap_err());
    table.set(&pk, "#", "form", number("1")).await;
    let doc = serde_json::to_string(&one).unwrap().replace("\"form\":2", "\"form\":3");
    table.set(&pk, "#", "doc", AttributeValue::S(doc)).await;
    said(roster.load(&one.id).await.unwrap_err());
    // A key: whoever comes by it cannot judge who went by it.
    let claim = format!("K#{}", Key::user_name("person1@example.com").as_str());
    table.set(&claim, "#", "form", newer.clone()).await;
    let mut other = record(7);
    other.spec.person = person(1);
    said(roster.write(&other).await.unwrap_err());
    roster.first_seen("e", at(1)).await.unwrap();
    table.set("E=e", "#", "form", newer.clone()).await;
    said(roster.first_seen("e", at(2)).await.unwrap_err());
    roster.count_removal(Guard::Removals, "a", at(1), 9).await.unwrap();
    table.set("N", "removals", "form", newer).await;
    said(roster.count_removal(Guard::Removals, "b", at(1), 9).await.unwrap_err());
    assert_eq!(table.items().await.len(), before + 2, "nothing else was written");
}

#[tokio::test]
async fn who_has_more_addresses_than_a_transaction_has_room_is_found_by_each() {
    let table = Table::calm().await;
    let roster = &*table.roster;
    let mut one = record(1);
    let all: Vec<Value> = (0..150)
        .map(
            |number| serde_json::json!({"type": "work", "value": format!("m{number}@example.com")}),
        )
        .collect();
    let mut user = person(1).resource().clone();
    user.insert("emails".to_owned(), all.into());
    one.spec.person = Person::new(user);
    write(roster, &mut one).await.unwrap();
    for number in [0, 77, 149] {
        let key = Key::email(&format!("M{number}@example.com"));
        assert_eq!(roster.find_all(&key, None, 9).await.unwrap(), [one.clone()], "{number}");
    }
    one.spec.person = person(1);
    write(roster, &mut one).await.unwrap();
    assert_eq!(roster.find_all(&Key::email("m77@example.com"), None, 9).await.unwrap(), []);
    let rows = table.items().await;
    let rows = rows.iter().filter(|item| item["pk"].as_s().unwrap().starts_with("S#email"));
    assert_eq!(rows.count(), 1, "the others are gone");
}

/// Of fifty who want one name one has it, and the table has nothing of the others; of those who write one
/// version one is first; and of all who come and go at once none is counted twice.
async fn those_who_meet_are_served_one_by_one(table: &Table) {
    let roster = &*table.roster;
    let own = |number: u8| UserRecord { id: Id::of([number; 16]), ..record(1) };
    let claimants: Vec<UserRecord> = (0..50).map(own).collect();
    let written = join_all(claimants.iter().map(|own| roster.write(own))).await;
    let mut first = Vec::new();
    for (own, written) in claimants.iter().zip(written) {
        match written.unwrap() {
            Ok(_) => first.push(own.id.clone()),
            Err(conflict) => assert_eq!(conflict, WriteConflict::DuplicateKey),
        }
    }
    assert_eq!(first.len(), 1);
    let records = table.items().await;
    let records = records.iter().filter(|item| item["pk"].as_s().unwrap().starts_with("R="));
    assert_eq!(records.count(), 1);

    let stored = roster.load(&first[0]).await.unwrap().unwrap();
    let writers = join_all((0..20).map(|_| roster.write(&stored))).await;
    let done = writers.into_iter().filter(|written| written.clone().unwrap().is_ok());
    assert_eq!(done.count(), 1, "of one version one is written over");
    let adders = (0..12).map(async |_| {
        let mut unknown = 0;
        for _ in 0..5 {
            loop {
                let mut stored = roster.load(&first[0]).await.unwrap().unwrap();
                stored.generation += 1;
                match roster.write(&stored).await {
                    Ok(Ok(_)) => break,
                    Ok(Err(conflict)) => assert_eq!(conflict, WriteConflict::StaleVersion),
                    Err(RosterError::Unknown(_)) => {
                        unknown += 1;
                        break;
                    }
                    Err(error) => panic!("{error:?}"),
                }
            }
        }
        unknown
    });
    let unknown: u64 = join_all(adders).await.into_iter().sum();
    println!("of 60 writes nobody knows of {unknown}");
    let last = roster.load(&first[0]).await.unwrap().unwrap();
    let added = last.generation - stored.generation;
    assert!((60 - unknown..=60).contains(&added), "{added} of 60, {unknown} unknown");
    assert_eq!(last.row_version, 2 + added);

    let visitors = (0..60_u8).map(async |number| {
        let mut own = record(100 + number);
        write(roster, &mut own).await.unwrap();
        if number % 3 == 0 {
            own.mark_deleted(at(500));
            write(roster, &mut own).await.unwrap();
        }
    });
    join_all(visitors).await;
    let (listed, total) = roster.page(0, 999).await.unwrap();
    assert_eq!((listed.len(), total), (41, 41));
    let counted = (0..30).map(async |number| {
        let what = format!("removal {}", number % 15);
        roster.count_removal(Guard::Removals, &what, at(1), 10).await.unwrap()
    });
    let counted = join_all(counted).await.into_iter().filter(|counted| *counted).count();
    assert!((10..=20).contains(&counted), "ten, and each as often as it was asked for: {counted}");
    let item = table.item("N", "removals").await.unwrap();
    let counted: Value = serde_json::from_str(item["doc"].as_s().unwrap()).unwrap();
    assert_eq!(counted.as_object().unwrap().len(), 10);
}

#[tokio::test]
async fn who_meets_at_a_table_is_served_one_by_one() {
    those_who_meet_are_served_one_by_one(&Table::calm().await).await;
}

#[tokio::test]
async fn who_meets_at_a_table_is_served_one_by_one_whatever_happens_on_the_way() {
    for seed in 100..103 {
        those_who_meet_are_served_one_by_one(&Table::behind(seed, 15, None).await).await;
    }
}

/// Nobody is marked whose row does not say yet what they are marked for, wherever it is cut off.
pub(super) async fn marks_come_after_rows(roster: &dyn Roster) {
    let mut people: Vec<UserRecord> = (1..=9).map(record).collect();
    for person in &mut people {
        person.settle("rules", at(10));
        write(roster, person).await.unwrap();
    }
    let ids: Vec<&str> = people.iter().map(|person| person.id.as_str()).collect();
    let change =
        GroupChange { add: members(&ids), affected: Affected::Changed, ..group(200, "Nine") };
    let made = roster.write_group(&change).await.unwrap().unwrap();
    let mut is_owed = made.fan_out_pending;
    assert!(is_owed);
    while is_owed {
        is_owed = roster.mend(Some(&made.id)).await.unwrap();
        let there = roster.members(&made.id, 0, 99).await.unwrap().0;
        let there: BTreeSet<&str> = there.iter().map(|member| member.value.as_str()).collect();
        for person in &people {
            let stored = roster.load(&person.id).await.unwrap().unwrap();
            let has_row = there.contains(stored.id.as_str());
            let groups = roster.groups_of(stored.id.as_str(), None, 9).await.unwrap();
            assert_eq!(!groups.is_empty(), has_row, "both ways at once");
            assert!(stored.is_applied() || has_row, "marked before the row");
        }
    }
    for person in &people {
        assert!(!roster.load(&person.id).await.unwrap().unwrap().is_applied(), "marked");
    }
}

#[tokio::test]
async fn nobody_is_marked_before_their_row_is_there() {
    for part in [1, 2, 4] {
        let table = Table::with(0, 0, None, Some(part)).await;
        marks_come_after_rows(&*table.roster).await;
    }
}

#[tokio::test]
async fn who_is_cut_off_in_a_large_change_at_a_table_is_mended_by_another() {
    let mut ends = BTreeSet::new();
    for seed in 0..12 {
        let part = usize::try_from(1 + seed % 6).unwrap();
        let table = Table::with(seed, 10, None, Some(part)).await;
        let chance = Chance::of(seed);
        let cut = async |writer: Writer<'_>| {
            let ended = timeout(chance.milliseconds(150), writer).await.ok();
            // What is under way arrives all the same.
            sleep(Duration::from_millis(100)).await;
            ended
        };
        let roster = &*table.roster;
        ends.insert(two_write_a_group_and_a_third_mends(seed, roster, roster, cut).await);
    }
    println!("{ends:?}");
    assert!(ends.len() > 1, "some are cut off before, and some after: {ends:?}");
}

#[tokio::test]
async fn members_who_weigh_more_than_a_transaction_may_are_marked_all_the_same() {
    let table = Table::calm().await;
    let roster = &*table.roster;
    let mut people: Vec<UserRecord> = (1..=12).map(record).collect();
    for own in &mut people {
        let mut user = own.spec.person.resource().clone();
        user.insert("title".to_owned(), "x".repeat(380_000).into());
        own.spec.person = Person::new(user);
        own.settle("rules", at(10));
        write(roster, own).await.unwrap();
    }
    let ids: Vec<&str> = people.iter().map(|person| person.id.as_str()).collect();
    let change =
        GroupChange { add: members(&ids), affected: Affected::Changed, ..group(200, "Heavy") };
    let made = write_group(roster, &change, || true).await.unwrap().unwrap();
    assert!(!made.fan_out_pending);
    for own in &people {
        assert!(!roster.load(&own.id).await.unwrap().unwrap().is_applied());
    }
}

/// Whether a test fails.
async fn fails(test: impl Future<Output = ()>) -> bool {
    AssertUnwindSafe(test).catch_unwind().await.is_err()
}

#[tokio::test]
async fn a_table_that_is_broken_on_purpose_is_found_out() {
    let table = Table::behind(1, 0, Some(Mutation::VersionsAreNotCompared)).await;
    assert!(fails(keeps_the_contract(&*table.roster)).await);
    let table = Table::behind(1, 0, Some(Mutation::VersionsAreNotCompared)).await;
    assert!(fails(those_who_meet_are_served_one_by_one(&table)).await);
    let mut failed = 0;
    for seed in 0..4 {
        let table = Table::behind(seed, 25, Some(Mutation::NoncesAreForgotten)).await;
        failed += usize::from(fails(keeps_the_contract(&*table.roster)).await);
    }
    assert!(failed > 0);
    let table = Table::with(1, 0, Some(Mutation::MarksComeBeforeRows), Some(2)).await;
    assert!(fails(marks_come_after_rows(&*table.roster)).await);
}

#[tokio::test]
async fn what_a_table_cannot_take_is_surely_not_done_and_told() {
    let table = Table::calm().await;
    let roster = &*table.roster;
    assert_eq!(roster.health(), Ok(()));
    let mut large = record(1);
    let mut user = person(1).resource().clone();
    user.insert("title".to_owned(), "x".repeat(420_000).into());
    large.spec.person = Person::new(user);
    let refused = roster.write(&large).await.unwrap_err();
    assert!(matches!(refused, RosterError::NotDone(_)), "{refused:?}");
    assert!(roster.health().is_err());
    write(roster, &mut record(1)).await.unwrap();
    assert_eq!(roster.health(), Ok(()));
    let early = UserRecord { created: std::time::UNIX_EPOCH - Duration::from_secs(1), ..record(2) };
    assert!(matches!(roster.write(&early).await, Err(RosterError::NotDone(_))));
    assert_eq!(roster.load(&Id::from_text(&"x".repeat(5_000))).await, Ok(None));
    assert_eq!(roster.groups_of("", None, 9).await, Ok(Vec::new()));
    assert!(!format!("{roster:?}").contains("example.com"));
}
