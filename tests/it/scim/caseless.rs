//! Whatever is caseExact false is one whatever its case, in every script; and what was kept when that was
//! judged by lowering is still found.

use std::path::Path;
use std::slice::from_ref;
use std::time::{Duration, SystemTime};

use connect_provisioner::roster::group::{Group, GroupChange};
use connect_provisioner::roster::key::{Id, Key};
use connect_provisioner::roster::memory::MemoryRoster;
use connect_provisioner::roster::record::{DesiredState, UserRecord};
use connect_provisioner::roster::{Roster as _, WriteConflict};
use connect_provisioner::scim::Person;
use redb::{Database, TableDefinition};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{client, user};

/// The names, in all the ways in which they are the same.
const ALIKE: [&[&str]; 5] = [
    &["ΟΔΟΣ", "οδος", "οδοσ"],
    &["Straße", "STRASSE", "strasse"],
    &["CAFÉ", "café", "cafe\u{301}"],
    &["ﬁnance", "FINANCE"],
    &["İzmir", "I\u{307}ZMIR"],
];

fn encoded(filter: &str) -> String {
    percent_encoding::utf8_percent_encode(filter, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[tokio::test]
async fn one_group_has_a_name_in_whatever_case() {
    let client = client(&[]).await;
    for names in ALIKE {
        let made = client.post("/Groups", &json!({"displayName": names[0]})).await.is(201);
        for name in names {
            let taken = client.post("/Groups", &json!({"displayName": name})).await;
            assert_eq!(taken.is(409)["scimType"], "uniqueness", "{name}");
            let filter = encoded(&format!("displayName eq \"{name}\""));
            let found = client.get(&format!("/Groups?filter={filter}")).await.is(200);
            assert_eq!(found["Resources"][0]["id"], made["id"], "{name}");
        }
    }
    let made = client.post("/Groups", &json!({"displayName": "Izmir"})).await;
    made.is(201);
}

#[tokio::test]
async fn a_filter_finds_a_text_by_its_parts_in_whatever_case() {
    let client = client(&[]).await;
    let mut ana = user("ana@example.com");
    ana["displayName"] = json!("ΟΔΟΣΗΜΑΝΣΗ ΑΘΗΝΑΣ");
    ana["title"] = json!("Straßenwart im CAFE\u{301}");
    ana["externalId"] = json!("ΟΔΟΣ");
    client.post("/Users", &ana).await.is(201);
    for (filter, found) in [
        ("displayName sw \"ΟΔΟΣ\"", 1),
        ("displayName co \"ΗΜΑΝΣ\"", 1),
        ("displayName ew \"Σ\"", 1),
        ("displayName ew \"ς\"", 1),
        ("displayName eq \"οδοσημανση αθηνας\"", 1),
        ("displayName gt \"οδοσημανση αθηνας\"", 0),
        ("displayName ge \"οδοσημανση αθηνας\"", 1),
        ("displayName sw \"ΗΜΑΝΣ\"", 0),
        ("title sw \"STRASSE\"", 1),
        ("title ew \"café\"", 1),
        ("title ew \"cafe\"", 0),
        ("externalId eq \"ΟΔΟΣ\"", 1),
        ("externalId eq \"οδος\"", 0),
    ] {
        let answer = client.get(&format!("/Users?filter={}", encoded(filter))).await.is(200);
        assert_eq!(answer["totalResults"], found, "{filter}");
    }
}

#[tokio::test]
async fn a_granting_group_is_known_in_whatever_case() {
    let grants = json!({"STRASSE": {"securityProfiles": ["CallCenterManager"]}}).to_string();
    let client = client(&[("GROUPS", &grants)]).await;
    let id = client.user("ana@example.com").await;
    let group = json!({"displayName": "Straße", "members": [{"value": id}]});
    client.post("/Groups", &group).await.is(201);
    let reconciler = client.local.provisioner().reconciler().unwrap();
    let clock = connect_provisioner::deadline::Clock::set(crate::house::now());
    let deadline = connect_provisioner::deadline::Deadline::after(Duration::from_secs(5));
    reconciler.drain(clock, deadline).await.unwrap();
    assert_eq!(client.access("ana@example.com"), ["CallCenterManager"]);
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

fn record(number: u8, user_name: &str) -> UserRecord {
    let attributes = [("userName".to_owned(), json!(user_name))];
    let person = Person::new(attributes.into_iter().collect());
    let id = Id::of([number; 16]);
    let made = at(number.into());
    let record = UserRecord::new(id, person, DesiredState::Active, &format!("o{number}"), made);
    UserRecord { row_version: 1, ..record }
}

fn group(number: u8, name: &str) -> Group {
    let resource: Map<String, Value> =
        [("displayName".to_owned(), json!(name))].into_iter().collect();
    Group {
        version: 1,
        edition: 1,
        resource,
        ..Group::new(Id::of([number; 16]), at(number.into()))
    }
}

/// Who was removed under this name before names were folded: all that is left of it is a hash.
fn gone(number: u8, key: &str) -> UserRecord {
    let mut gone = record(number, "nobody@example.com");
    gone.mark_deleted(gone.as_of());
    gone.spec.person = Person::default();
    gone.spec.tombstone_keys = vec![serde_json::from_value(json!(key)).unwrap()];
    gone
}

/// Writes what an earlier release would have written, each for itself.
fn keep(file: &Path, table: &str, id: &Id, document: &impl Serialize) {
    let table: TableDefinition<'_, &str, &str> = TableDefinition::new(table);
    let database = Database::open(file).unwrap();
    let transaction = database.begin_write().unwrap();
    let document = serde_json::to_string(document).unwrap();
    transaction.open_table(table).unwrap().insert(id.as_str(), document.as_str()).unwrap();
    transaction.commit().unwrap();
}

#[tokio::test]
async fn what_was_kept_when_names_were_lowered_is_still_found_and_nobody_is_lost() {
    let file = std::env::temp_dir().join(format!("roster-{}-lowered", std::process::id()));
    drop(std::fs::remove_file(&file));
    drop(MemoryRoster::open(&file).unwrap());
    let people = [record(2, "STRASSE@example.com"), record(1, "Straße@example.com")];
    people.iter().for_each(|record| keep(&file, "records", &record.id, record));
    // SHA-256 of "userName", NUL and "οδος@example.com".
    let left = gone(3, "userName:670cd97d9d0fa4897ac819de1f245ac8");
    keep(&file, "records", &left.id, &left);
    let groups = [group(5, "CAFÉ"), group(4, "cafe\u{301}")];
    groups.iter().for_each(|group| keep(&file, "groups", &group.id, group));
    let roster = MemoryRoster::open(&file).unwrap();

    let (all, total) = roster.page(0, 9).await.unwrap();
    assert_eq!((all.len(), total), (2, 2), "both are there");
    let by_name = async |name: &str| {
        let found = roster.find(&Key::user_name(name)).await.unwrap();
        found.map(|record| record.id)
    };
    let [second, first] = &people;
    assert_eq!(by_name("strasse@example.com").await.as_ref(), Some(&first.id), "the older one");
    for record in &people {
        let mut leaving = record.clone();
        leaving.spec.access.set(DesiredState::Inactive, at(8), None);
        let version = roster.write(&leaving).await.unwrap();
        assert_eq!(version.unwrap().row_version, 2, "each of them can still be shut out");
    }
    let third = UserRecord { row_version: 0, ..record(9, "strasse@EXAMPLE.com") };
    assert_eq!(
        roster.write(&third).await.unwrap(),
        Err(WriteConflict::DuplicateKey),
        "nobody else comes"
    );
    assert_eq!(
        roster.erase(&UserRecord { row_version: 2, ..first.clone() }).await.unwrap(),
        Ok(())
    );
    assert_eq!(by_name("STRASSE@example.com").await.as_ref(), Some(&second.id), "then the other");

    let name = Key::group_name("Café");
    let [younger, older] = &groups;
    assert_eq!(roster.find_groups(&name, 999).await.unwrap(), [older.clone(), younger.clone()]);
    let named = |group: &Group, text: &str| GroupChange {
        resource: Some([("displayName".to_owned(), json!(text))].into_iter().collect()),
        ..GroupChange::of(group.clone(), at(9))
    };
    let cased = roster.write_group(&named(older, "Café")).await.unwrap().unwrap();
    let moved = roster.write_group(&named(younger, "Bar")).await.unwrap().unwrap();
    assert_eq!(
        roster.write_group(&named(&moved, "CAFÉ")).await.unwrap(),
        Err(WriteConflict::DuplicateKey)
    );
    assert_eq!(roster.find_groups(&name, 999).await.unwrap(), from_ref(&cased));

    let late = record(7, "ΟΔΟΣ@example.com");
    let mut late = UserRecord { row_version: 0, ..late };
    late.spec.access.time = left.as_of();
    let keys = late.keys_of_deleted();
    assert_eq!(roster.find_deleted(&keys, 999).await.unwrap(), from_ref(&left));
    assert_eq!(
        roster.write(&late).await.unwrap(),
        Err(WriteConflict::StaleVersion),
        "who left comes back"
    );
    drop((roster, std::fs::remove_file(&file)));
}
