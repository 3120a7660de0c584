//! A person's life with a roster: each story's answer, the calls that it took, and what Connect holds.

mod brakes;
mod choices;
mod farewells;
mod hooks;
mod late;
mod refused;

use std::slice;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_connect::types::UserIdentityInfo;
use connect_provisioner::cli::local::Local;
use connect_provisioner::cli::story::Story;
use connect_provisioner::deadline::{Clock, Deadline};
use connect_provisioner::reconcile::drain::Drained;
use connect_provisioner::roster::key::Key;
use connect_provisioner::roster::memory::MemoryRoster;
use connect_provisioner::roster::parked;
use connect_provisioner::roster::record::{DesiredState, Phase, UserRecord};
use connect_provisioner::roster::{Roster, WriteConflict};
use connect_provisioner::standin::{IdentityManagement, Settings};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::house::{LONG, body, connect, faults, foreign, now, story, user, users};

const ANA: &str = "ana.ruiz@example.com";

/// A function with a roster, its stand-in, and a clock that goes on by a second with each story.
struct House {
    local: Local,
    roster: Arc<MemoryRoster>,
    at: SystemTime,
    stories: usize,
}

/// What was answered, and which calls of Connect it took.
#[derive(Debug)]
struct Told {
    status: u16,
    body: Value,
    calls: String,
}

impl Told {
    fn outcome(&self) -> &str {
        self.body["outcome"].as_str().unwrap_or_default()
    }

    fn detail(&self) -> &str {
        self.body["detail"].as_str().unwrap_or_default()
    }

    #[track_caller]
    fn is(&self, status: u16, outcome: &str, calls: &str) {
        let seen = (self.status, self.outcome(), self.calls.as_str());
        assert_eq!(seen, (status, outcome, calls), "{}", self.body);
    }
}

async fn given(changes: &[(&str, &str)]) -> House {
    given_with(Settings { throttle: false, ..Settings::default() }, changes).await
}

async fn given_with(settings: Settings, changes: &[(&str, &str)]) -> House {
    let roster = Arc::new(MemoryRoster::default());
    let kept: Arc<dyn Roster> = roster.clone();
    let local = Local::start_with_roster(settings, changes, kept).await.unwrap();
    House { local, roster, at: now(), stories: 0 }
}

impl House {
    /// A story arrives a second after the last one.
    async fn tell(&mut self, story: &Story) -> Told {
        self.later(Duration::from_secs(1));
        self.stories += 1;
        let id = format!("msg_{}", self.stories);
        self.deliver(story, &id).await
    }

    /// A story arrives under this id.
    async fn deliver(&self, story: &Story, id: &str) -> Told {
        let source = if story.is_okta_hook() { &self.local.okta } else { &self.local.source };
        let before = self.count();
        let event = story.signed(source, id, self.at);
        let (answer, _) = self.local.send(&event, self.at, LONG).await;
        let answer = answer.unwrap();
        let body = body(&answer);
        Told { status: answer.status_code, body, calls: self.calls_since(before) }
    }

    fn later(&mut self, time: Duration) {
        self.at += time;
    }

    /// One run of the drain; what it did, and the calls that it took.
    async fn drain(&self) -> (Drained, String) {
        let before = self.count();
        let reconciler = self.local.provisioner().reconciler().unwrap();
        let deadline = Deadline::after(Duration::from_secs(20));
        let drained = reconciler.drain(Clock::set(self.at), deadline).await.unwrap();
        (drained, self.calls_since(before))
    }

    fn count(&self) -> u64 {
        let state = connect(&self.local);
        state["calls"].as_object().unwrap().values().filter_map(Value::as_u64).sum()
    }

    fn calls_since(&self, before: u64) -> String {
        let state = connect(&self.local);
        let requests = state["requests"].as_array().unwrap();
        let new = usize::try_from(self.count() - before).unwrap();
        let names = requests.iter().map(|request| request["operation"].as_str().unwrap());
        names.skip(requests.len() - new.min(requests.len())).collect::<Vec<_>>().join(" ")
    }

    /// The one user that Connect holds.
    #[track_caller]
    fn user(&self) -> Value {
        let mut users = users(&self.local);
        assert_eq!(users.len(), 1, "{users:?}");
        users.remove(0)
    }

    fn names(&self) -> Vec<String> {
        let name = |user: &Value| user["Username"].as_str().unwrap().to_owned();
        let mut names: Vec<_> = users(&self.local).iter().map(name).collect();
        names.sort();
        names
    }

    /// The name of the one security profile of the one user.
    #[track_caller]
    fn profile(&self) -> String {
        let user = self.user();
        let ids = user["SecurityProfileIds"].as_array().unwrap();
        assert_eq!(ids.len(), 1);
        let named = self.local.directory.security_profiles.iter();
        let mut named = named.filter(|(_, id)| ids[0] == id.as_str());
        named.next().unwrap().0.clone()
    }

    /// The record of who goes by this username.
    async fn record(&self, user_name: &str) -> Option<UserRecord> {
        self.roster.find(&Key::user_name(user_name)).await.unwrap()
    }

    /// How many persons the roster has.
    async fn persons(&self) -> usize {
        self.roster.page(0, 0).await.unwrap().1
    }

    async fn parked(&self) -> Vec<UserRecord> {
        self.roster.parked(None, 999).await.unwrap()
    }

    /// Removes a user as somebody would on the admin website.
    async fn remove_by_hand(&self) {
        let id = self.user()["Id"].as_str().unwrap().to_owned();
        let instance = &self.local.directory.instance_id;
        self.local.client.delete_user().instance_id(instance).user_id(id).send().await.unwrap();
    }
}

/// Why a record is parked.
#[track_caller]
fn fault(record: &UserRecord) -> &str {
    match &record.schedule.phase {
        Phase::Parked(parked) => &parked.fault,
        other => panic!("{other:?}"),
    }
}

/// A user with another name, id and time.
fn somebody(name: &str) -> Story {
    user(&[("/userName", json!(name)), ("/externalId", json!(format!("id of {name}")))])
}

/// An envelope of this type about a bare User's person.
fn envelope(kind: &str, story: &Story) -> Story {
    let mut envelope = story.clone();
    envelope.body = json!({"type": kind, "data": story.body});
    envelope
}

/// The same envelope, dated.
fn dated(story: &Story, at: SystemTime) -> Story {
    let mut dated = story.clone();
    dated.body["timestamp"] = json!(text(at));
    dated
}

/// RFC 3339.
fn text(at: SystemTime) -> String {
    use aws_sdk_connect::primitives::{DateTime, DateTimeFormat};
    DateTime::from(at).fmt(DateTimeFormat::DateTime).unwrap()
}

#[tokio::test]
async fn a_whole_life_is_followed() {
    let mut house = given(&[]).await;
    house.tell(&story("okta-user-created")).await.is(201, "created", "CreateUser");
    let joined = house.user();
    assert_eq!(joined["Username"], ANA);

    let again = house.tell(&story("okta-user-created")).await;
    again.is(200, "unchanged", "");
    assert_eq!(again.body["userId"], joined["Id"]);

    let moved = house.tell(&story("user-updated")).await;
    moved.is(200, "updated", "DescribeUser UpdateUserIdentityInfo");
    let held = house.user();
    assert_eq!(held["Id"], joined["Id"]);
    assert_eq!(
        held["IdentityInfo"],
        json!({"FirstName": "Ana", "LastName": "Ruiz Vega", "Mobile": "+34600100200"})
    );
    house.tell(&story("user-updated")).await.is(200, "unchanged", "");

    let renamed = house.tell(&story("user-renamed")).await;
    renamed.is(201, "created", "DescribeUser CreateUser DescribeUser UpdateUserSecurityProfiles DeleteAllEntitySessions DeleteUser");
    let held = house.user();
    assert_eq!(held["Username"], "ana.vega@example.com");
    assert_ne!(held["Id"], joined["Id"]);
    assert_eq!(renamed.body["userId"], held["Id"]);
    assert_eq!(held["Tags"], joined["Tags"], "the owner is fixed");

    let suspended = house.tell(&story("user-deactivated")).await;
    suspended.is(
        200,
        "suspended",
        "DescribeUser UpdateUserSecurityProfiles DeleteAllEntitySessions TagResource",
    );
    assert_eq!(house.profile(), "No Access");
    assert_eq!(house.user()["Tags"]["provisioner-suspended"], "true");
    assert_eq!(house.user()["Username"], "ana.vega@example.com");
    house.tell(&story("user-deactivated")).await.is(200, "unchanged", "");

    let returned = house.tell(&story("user-activated")).await;
    returned.is(200, "updated", "DescribeUser UntagResource UpdateUserSecurityProfiles");
    assert_eq!(house.profile(), "Agent");
    assert_eq!(house.user()["Tags"], joined["Tags"]);

    let removed = house.tell(&story("user-deleted")).await;
    removed.is(
        200,
        "removed",
        "DescribeUser UpdateUserSecurityProfiles DeleteAllEntitySessions DeleteUser",
    );
    assert_eq!(house.names(), [""; 0]);
    assert_eq!(house.persons().await, 0);
    let again = house.tell(&story("user-deleted")).await;
    assert_eq!((again.status, &*again.calls), (200, "ListUsers"), "{}", again.body);
}

#[tokio::test]
async fn who_is_deactivated_is_deleted_or_kept_if_the_operator_says_so() {
    for (choice, calls, outcome, users, back, calls_back) in [
        (
            "delete",
            "DescribeUser UpdateUserSecurityProfiles DeleteAllEntitySessions DeleteUser",
            "removed",
            0,
            "created",
            "CreateUser",
        ),
        ("keep", "", "unchanged", 1, "unchanged", "DescribeUser"),
    ] {
        let mut house = given(&[("DEACTIVATE", choice)]).await;
        house.tell(&story("okta-user-created")).await.is(201, "created", "CreateUser");
        house.tell(&story("user-deactivated")).await.is(200, outcome, calls);
        assert_eq!(house.names().len(), users, "{choice}");
        assert_eq!(house.record(ANA).await.unwrap().desired_state(), DesiredState::Inactive);
        let mut returns = story("user-deactivated");
        returns.body["type"] = json!("user.activated");
        let status = if back == "created" { 201 } else { 200 };
        house.tell(&returns).await.is(status, back, calls_back);
        assert_eq!((house.names(), house.profile()), (vec![ANA.to_owned()], "Agent".to_owned()));
    }
}

#[tokio::test]
async fn who_changes_while_shut_out_returns_as_they_are_then() {
    let mut house = given(&[]).await;
    house.tell(&story("okta-user-created")).await;
    let mut inactive = story("user-updated");
    inactive.body["data"]["active"] = json!(false);
    let shut_out = house.tell(&inactive).await;
    shut_out.is(
        200,
        "suspended",
        "DescribeUser UpdateUserSecurityProfiles DeleteAllEntitySessions TagResource",
    );
    assert_eq!(house.profile(), "No Access");

    let mut renamed = story("user-renamed");
    renamed.body["data"]["active"] = json!(false);
    house.tell(&renamed).await.is(200, "unchanged", "DescribeUser");
    assert_eq!(house.names(), [ANA], "the new name is given on their return");
    assert_eq!(house.user()["IdentityInfo"]["LastName"], "Ruiz");
    let returned = house.tell(&story("user-activated")).await;
    // The former user has no power any more, and is signed out.
    returned.is(201, "created", "DescribeUser CreateUser DescribeUser DeleteUser");
    assert_eq!(house.names(), ["ana.vega@example.com"]);
    assert_eq!(house.user()["IdentityInfo"]["LastName"], "Ruiz Vega");
    assert_eq!(house.profile(), "Agent");
}

#[tokio::test]
async fn who_comes_inactive_is_known_and_made_when_they_return() {
    let mut house = given(&[]).await;
    let inactive = house.tell(&story("user-inactive")).await;
    assert_eq!((inactive.status, inactive.outcome()), (200, "noUser"), "{}", inactive.body);
    assert_eq!((house.names().len(), house.persons().await), (0, 1));
    let mut returns = story("user-inactive");
    returns.body["active"] = json!(true);
    house.tell(&envelope("user.activated", &returns)).await.is(201, "created", "CreateUser");
}

#[tokio::test]
async fn somebody_unknown_who_leaves_takes_nothing_along() {
    let mut house = given(&[]).await;
    for name in ["user-deactivated", "user-deleted"] {
        let left = house.tell(&story(name)).await;
        left.is(200, "noUser", "ListUsers");
        assert_eq!(house.persons().await, 0, "{name}");
    }
    foreign(&house.local, "bo.taken@example.com").await;
    let bo = envelope("user.deleted", &story("user-name-taken"));
    let left = house.tell(&bo).await;
    left.is(200, "noUser", "ListUsers DescribeUser");
    assert_eq!(house.names(), ["bo.taken@example.com"], "somebody else's");
}

/// Makes Ana's user as this deployment made users before it had a roster.
async fn made_before(house: &House) {
    // printf 'demo\0externalId\000uujl29u0le5T6Aj10h7' | sha256sum | head -c 32
    let owner = "c6394c4446bc2211dce5979a7934609e";
    let name = UserIdentityInfo::builder().first_name("Ana").last_name("Ruiz");
    let directory = &house.local.directory;
    let request = house.local.client.create_user().instance_id(&directory.instance_id);
    let request = request.username(ANA).identity_info(name.build());
    let request = request
        .routing_profile_id(&directory.routing_profiles["Basic Routing Profile"])
        .security_profile_ids(&directory.security_profiles["Agent"]);
    let request = request
        .tags("managed-by", "connect-provisioner")
        .tags("provisioner-deployment", "demo")
        .tags("provisioner-owner", owner);
    request.send().await.unwrap();
}

#[tokio::test]
async fn users_from_before_the_roster_are_known_by_their_tags() {
    let mut house = given(&[]).await;
    made_before(&house).await;
    let left = house.tell(&story("user-deactivated")).await;
    assert_eq!((left.status, left.outcome()), (200, "suspended"), "{}", left.body);
    assert!(left.calls.starts_with("ListUsers DescribeUser Update"), "{}", left.calls);
    assert_eq!((house.profile(), house.persons().await), ("No Access".to_owned(), 1));
    let back = house.tell(&story("okta-user-created")).await;
    assert_eq!((back.status, back.outcome()), (200, "updated"), "{}", back.body);
    assert_eq!(house.profile(), "Agent");

    for (name, status, outcome, users) in
        [("okta-user-created", 200, "updated", 1), ("user-deleted", 200, "removed", 0)]
    {
        let mut house = given(&[]).await;
        made_before(&house).await;
        // Under the name that the user has.
        let mut story = story(name);
        if name == "user-deleted" {
            story.body["data"]["userName"] = json!(ANA);
        }
        let told = house.tell(&story).await;
        assert_eq!((told.status, told.outcome()), (status, outcome), "{}", told.body);
        assert_eq!(house.names().len(), users);
    }
}

#[tokio::test]
async fn a_leaver_needs_no_more_than_a_name() {
    for name in ["user.deactivated", "user.deleted"] {
        let mut house = given(&[]).await;
        let mut bare = somebody("nia@example.com");
        bare.body
            .as_object_mut()
            .unwrap()
            .retain(|member, _| ["schemas", "userName", "externalId"].contains(&member.as_str()));
        let left = house.tell(&envelope(name, &bare)).await;
        assert_eq!((left.status, left.outcome()), (200, "noUser"), "{}", left.body);
    }
}

#[tokio::test]
async fn who_is_hired_again_is_somebody_new() {
    let mut house = given(&[]).await;
    let first = house.tell(&story("okta-user-created")).await;
    let old = house.record(ANA).await.unwrap();
    house.tell(&envelope("user.deleted", &story("okta-user-created"))).await;

    let late = dated(&envelope("user.created", &story("okta-user-created")), old.as_of());
    let late = house.tell(&late).await;
    late.is(200, "ignored", "");

    let again = house.tell(&story("okta-user-created")).await;
    again.is(201, "created", "CreateUser");
    assert_ne!(house.record(ANA).await.unwrap().id, old.id);
    assert_ne!(again.body["owner"], first.body["owner"], "the tombstone has that one");
    assert_eq!(house.names(), [ANA]);
}
