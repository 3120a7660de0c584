//! Filters that no index serves: whom they find, and that nobody waits for them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use connect_provisioner::roster::Roster as _;
use connect_provisioner::roster::key::Id;
use connect_provisioner::roster::record::{DesiredState, UserRecord};
use connect_provisioner::scim::Person;
use connect_provisioner::scim::filter::Filter;
use connect_provisioner::scim::schema::{Limits, ResourceType};
use serde_json::{Value, json};
use tokio::task::yield_now;

use super::{Client, client};
use crate::house::now;

impl Client {
    /// Puts somebody into the roster as they might have come by a hook.
    async fn keep(&self, number: usize, person: &Value) {
        let id = Id::of(u128::try_from(number).unwrap().to_be_bytes());
        let made = now() - Duration::from_secs(100_000 - u64::try_from(number).unwrap());
        let person = Person::new(person.as_object().unwrap().clone());
        let wanted = if number % 3 == 2 { DesiredState::Inactive } else { DesiredState::Active };
        let mut record = UserRecord::new(id, person, wanted, &format!("owner{number}"), made);
        record.settle("rules", made);
        self.roster.write(&record).await.unwrap().unwrap();
    }

    async fn found(&self, filter: &str) -> Vec<Value> {
        let query = filter.replace(' ', "+").replace('"', "%22");
        let found = self.get(&format!("/Users?count=1000&filter={query}")).await.is(200);
        let found = found["Resources"].as_array().cloned().unwrap_or_default();
        found.into_iter().map(|user| user["id"].clone()).collect()
    }
}

#[tokio::test]
async fn a_filter_finds_those_of_whom_it_holds_as_they_are_shown() {
    let client = client(&[]).await;
    let (enterprise, connect) = (super::ENTERPRISE, super::CONNECT);
    let people = [
        json!({"userName": "a@example.com", "title": "Agent", "name": {"familyName": "Gil"}}),
        json!({"USERNAME": "b@example.com", "Title": "agent", "name.familyName": "Gil"}),
        json!({"userName": "c@example.com", "title": {"en": "Agent"}, "active": "True"}),
        json!({"userName": "d@example.com", "active": false, "emails": "d@example.com",
            enterprise: {"department": "Sales", "Manager": {"value": "a"}}}),
        json!({"userName": "e@example.com", "emails": [{"VALUE": "E@example.com", "type": "work"}],
            "urn:ietf:params:scim:schemas:core:2.0:User:title": "Lead", "password": "secret"}),
        json!({"userName": "f@example.com", "title": 7, connect: {"routingProfile": "Sales"},
            "externalId": "F-1", "emails": [{"value": "f@example.com", "primary": "true"}]}),
    ];
    for (number, person) in people.iter().enumerate() {
        client.keep(number, person).await;
    }
    let member = json!({"value": Id::of(0_u128.to_be_bytes()).as_str()});
    client.post("/Groups", &json!({"displayName": "G", "members": [member]})).await.is(201);
    let shown = client.get("/Users").await.is(200)["Resources"].as_array().unwrap().clone();
    let types = ResourceType::user(&Limits::default());
    let mut ever = BTreeSet::new();
    for filter in [
        "title eq \"AGENT\"",
        "title pr",
        "not (title pr)",
        "title eq \"7\"",
        "title eq \"Lead\"",
        "userName sw \"b\" or userName ew \"NOBODY\"",
        "name.familyName eq \"gil\"",
        "active eq true",
        "active eq \"False\" and userName pr",
        "active ne true or title co \"x\"",
        "emails.value ew \"@example.com\"",
        "emails[type eq \"work\" and value sw \"e\"]",
        "emails[primary eq true]",
        "externalId sw \"F\"",
        "id gt \"00000000000000000000000000000002\"",
        "meta.resourceType eq \"User\" and meta.location ew \"5\"",
        "meta.created lt \"2999-01-01T00:00:00Z\"",
        "meta.lastModified gt \"2999-01-01T00:00:00Z\"",
        "department sw \"s\"",
        "manager pr",
        "password pr",
        "groups pr",
        "groups.display sw \"G\"",
        "schemas co \"enterprise\"",
        &format!("{connect}:routingProfile pr"),
        "nickName eq null and shoeSize ne 1",
    ] {
        let read = Filter::parse(filter, &types, false).unwrap();
        let holds = |user: &&Value| read.matches(user.as_object().unwrap(), &types);
        let expected: Vec<Value> = shown.iter().filter(holds).map(|it| it["id"].clone()).collect();
        assert_eq!(client.found(filter).await, expected, "{filter}");
        ever.extend(expected.iter().map(|id| id.as_str().unwrap().to_owned()));
    }
    assert_eq!(ever.len(), people.len(), "each is found by something");
}

#[tokio::test]
async fn others_have_their_turn_while_somebody_searches() {
    let client = client(&[]).await;
    for number in 0..2000 {
        client.keep(number, &json!({"userName": format!("agent{number}@example.com")})).await;
    }
    let turns = Arc::new(AtomicUsize::new(0));
    let own = Arc::clone(&turns);
    let other = tokio::spawn(async move {
        loop {
            own.fetch_add(1, Ordering::Relaxed);
            yield_now().await;
        }
    });
    for target in ["/Users?filter=userName+co+%22nobody%22&count=1", "/Users?count=1000"] {
        turns.store(0, Ordering::Relaxed);
        client.get(target).await.is(200);
        let turns = turns.load(Ordering::Relaxed);
        assert!(turns >= 15, "{target}: {turns} turns");
    }
    other.abort();
}

#[tokio::test]
async fn who_goes_while_somebody_searches_makes_nobody_come_twice() {
    let client = client(&[]).await;
    let goes = |number: usize| number.is_multiple_of(4);
    for number in 0..1000 {
        let kind = if goes(number) { "goes" } else { "stays" };
        client.keep(number, &json!({"userName": format!("{kind}{number}@example.com")})).await;
    }
    let leave = async {
        for number in (0..1000).filter(|number| goes(*number)) {
            let id = Id::of(u128::try_from(number).unwrap().to_be_bytes());
            let record = client.roster.load(&id).await.unwrap().unwrap();
            client.roster.erase(&record).await.unwrap().unwrap();
            if number % 100 == 0 {
                yield_now().await;
            }
        }
    };
    let (found, ()) = tokio::join!(client.found("userName sw \"stays\""), leave);
    let each: BTreeSet<_> = found.iter().map(Value::to_string).collect();
    assert_eq!((found.len(), each.len()), (750, 750));
}
