//! A person's life with a roster: each story's answer, the calls that it took, and what Connect holds.

use std::slice;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_connect::types::UserIdentityInfo;
use connect_provisioner::cli::local::Local;
use connect_provisioner::cli::story::Story;
use connect_provisioner::converge::drain::Drained;
use connect_provisioner::deadline::{Clock, Deadline};
use connect_provisioner::roster::embedded::Embedded;
use connect_provisioner::roster::key::Key;
use connect_provisioner::roster::parked;
use connect_provisioner::roster::record::{Record, State, Wanted};
use connect_provisioner::roster::{Clash, Roster};
use connect_provisioner::standin::{IdentityManagement, Settings};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::house::{LONG, body, connect, faults, foreign, now, story, user, users};

const ANA: &str = "ana.ruiz@example.com";

/// A function with a roster, its stand-in, and a clock that goes on by a second with each story.
struct House {
    local: Local,
    roster: Arc<Embedded>,
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
    let roster = Arc::new(Embedded::default());
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
        let keeper = self.local.provisioner().keeper().unwrap();
        let deadline = Deadline::after(Duration::from_secs(20));
        let drained = keeper.drain(Clock::set(self.at), deadline).await.unwrap();
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
    async fn record(&self, user_name: &str) -> Option<Record> {
        self.roster.find(&Key::user_name(user_name)).await.unwrap()
    }

    /// How many persons the roster has.
    async fn persons(&self) -> usize {
        self.roster.page(0, 0).await.unwrap().1
    }

    async fn parked(&self) -> Vec<Record> {
        self.roster.parked().await.unwrap()
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
fn fault(record: &Record) -> &str {
    match &record.state {
        State::Parked(parked) => &parked.fault,
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

// --- A whole life ---------------------------------------------------------------------------------

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
    renamed.is(201, "created", "DescribeUser CreateUser DescribeUser DeleteUser");
    let held = house.user();
    assert_eq!(held["Username"], "ana.vega@example.com");
    assert_ne!(held["Id"], joined["Id"]);
    assert_eq!(renamed.body["userId"], held["Id"]);
    assert_eq!(held["Tags"], joined["Tags"], "the owner is fixed");

    let suspended = house.tell(&story("user-deactivated")).await;
    suspended.is(200, "suspended", "DescribeUser UpdateUserSecurityProfiles TagResource");
    assert_eq!(house.profile(), "No Access");
    assert_eq!(house.user()["Tags"]["provisioner-suspended"], "true");
    assert_eq!(house.user()["Username"], "ana.vega@example.com");
    house.tell(&story("user-deactivated")).await.is(200, "unchanged", "");

    let returned = house.tell(&story("user-activated")).await;
    returned.is(200, "updated", "DescribeUser UntagResource UpdateUserSecurityProfiles");
    assert_eq!(house.profile(), "Agent");
    assert_eq!(house.user()["Tags"], joined["Tags"]);

    let removed = house.tell(&story("user-deleted")).await;
    removed.is(200, "removed", "DescribeUser DeleteUser");
    assert_eq!(house.names(), [""; 0]);
    assert_eq!(house.persons().await, 0);
    let again = house.tell(&story("user-deleted")).await;
    assert_eq!((again.status, &*again.calls), (200, "SearchUsers ListUsers"), "{}", again.body);
}

#[tokio::test]
async fn who_is_deactivated_is_deleted_or_kept_if_the_operator_says_so() {
    for (choice, calls, outcome, users, back, calls_back) in [
        ("delete", "DescribeUser DeleteUser", "removed", 0, "created", "CreateUser"),
        ("keep", "", "unchanged", 1, "unchanged", "DescribeUser"),
    ] {
        let mut house = given(&[("DEACTIVATE", choice)]).await;
        house.tell(&story("okta-user-created")).await.is(201, "created", "CreateUser");
        house.tell(&story("user-deactivated")).await.is(200, outcome, calls);
        assert_eq!(house.names().len(), users, "{choice}");
        assert_eq!(house.record(ANA).await.unwrap().wanted, Wanted::Inactive);
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
    shut_out.is(200, "suspended", "DescribeUser UpdateUserSecurityProfiles TagResource");
    assert_eq!(house.profile(), "No Access");

    let mut renamed = story("user-renamed");
    renamed.body["data"]["active"] = json!(false);
    house.tell(&renamed).await.is(200, "unchanged", "DescribeUser");
    assert_eq!(house.names(), [ANA], "the new name is given on their return");
    assert_eq!(house.user()["IdentityInfo"]["LastName"], "Ruiz");
    let returned = house.tell(&story("user-activated")).await;
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
        left.is(200, "noUser", "SearchUsers ListUsers");
        assert_eq!(house.persons().await, 0, "{name}");
    }
    foreign(&house.local, "bo.taken@example.com").await;
    let bo = envelope("user.deleted", &story("user-name-taken"));
    let left = house.tell(&bo).await;
    left.is(200, "noUser", "SearchUsers DescribeUser");
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
    assert!(left.calls.starts_with("SearchUsers DescribeUser Update"), "{}", left.calls);
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

    let late = dated(&envelope("user.created", &story("okta-user-created")), old.as_of);
    let late = house.tell(&late).await;
    late.is(200, "ignored", "");

    let again = house.tell(&story("okta-user-created")).await;
    again.is(201, "created", "CreateUser");
    assert_ne!(house.record(ANA).await.unwrap().id, old.id);
    assert_ne!(again.body["owner"], first.body["owner"], "the tombstone has that one");
    assert_eq!(house.names(), [ANA]);
}

// --- Time -----------------------------------------------------------------------------------------

#[tokio::test]
async fn an_older_event_changes_nothing() {
    let mut house = given(&[]).await;
    house.tell(&story("okta-user-created")).await;
    let moved = dated(&story("user-updated"), house.at + Duration::from_secs(5));
    house.later(Duration::from_secs(10));
    house.tell(&moved).await.is(200, "updated", "DescribeUser UpdateUserIdentityInfo");
    let before = house.user();

    for kind in ["user.updated", "user.deactivated", "user.deleted", "user.created"] {
        let older = envelope(kind, &story("okta-user-created"));
        let older = dated(&older, house.at - Duration::from_secs(60));
        let told = house.tell(&older).await;
        told.is(200, "ignored", "");
        assert!(told.body["reason"].as_str().unwrap().contains("newer"), "{}", told.body);
    }
    assert_eq!(house.user(), before);
}

#[tokio::test]
async fn an_undated_event_is_as_old_as_its_first_delivery() {
    let mut house = given(&[]).await;
    let first = house.deliver(&story("okta-user-created"), "msg_first").await;
    first.is(201, "created", "CreateUser");
    house.tell(&story("user-updated")).await.is(
        200,
        "updated",
        "DescribeUser UpdateUserIdentityInfo",
    );
    house.later(Duration::from_secs(60));
    let late = house.deliver(&story("okta-user-created"), "msg_first").await;
    late.is(200, "ignored", "");
    assert_eq!(house.user()["IdentityInfo"]["LastName"], "Ruiz Vega");
}

#[tokio::test]
async fn what_is_dated_too_far_ahead_is_refused() {
    let mut house = given(&[]).await;
    let joins = envelope("user.created", &story("okta-user-created"));
    house.later(Duration::from_secs(1));
    let ahead = |seconds| dated(&joins, house.at + Duration::from_secs(seconds));
    let refused = house.deliver(&ahead(301), "msg_ahead").await;
    refused.is(400, "", "");
    assert!(refused.detail().starts_with("timestamp: "), "{}", refused.body);
    assert_eq!(house.persons().await, 0);
    house.deliver(&ahead(299), "msg_less").await.is(201, "created", "CreateUser");
}

// --- What only Connect can tell -------------------------------------------------------------------

#[tokio::test]
async fn a_name_that_is_somebody_elses_is_told_and_nothing_is_left() {
    let mut house = given(&[]).await;
    foreign(&house.local, ANA).await;
    let before = house.user();
    let refused = house.tell(&story("okta-user-created")).await;
    refused.is(409, "", "CreateUser SearchUsers DescribeUser");
    assert_eq!(refused.body["scimType"], "uniqueness");
    assert_eq!(house.persons().await, 0);
    assert!(house.record(ANA).await.is_none());
    assert_eq!(house.user(), before);
    assert!(house.drain().await.0.is_idle());
}

#[tokio::test]
async fn a_change_that_connect_refuses_is_taken_back() {
    let mut house = given(&[]).await;
    house.tell(&story("okta-user-created")).await;
    let (before, held) = (house.record(ANA).await.unwrap(), house.user());

    faults(&house.local, "UpdateUserIdentityInfo", &["InvalidParameterException"]);
    let refused = house.tell(&story("user-updated")).await;
    refused.is(400, "", "DescribeUser UpdateUserIdentityInfo DescribeUser");
    assert_eq!(refused.body["scimType"], "invalidValue");
    let after = house.record(ANA).await.unwrap();
    assert_eq!((&after.person, after.as_of), (&before.person, before.as_of));
    assert!(after.is_applied());
    assert_eq!(house.user(), held);
    house.tell(&story("user-updated")).await.is(
        200,
        "updated",
        "DescribeUser UpdateUserIdentityInfo",
    );
}

#[tokio::test]
async fn what_was_done_of_a_change_before_it_was_refused_is_taken_back() {
    let mut house = given(&[("PHONE_TYPE", "DESK_PHONE")]).await;
    let phone = |number| json!([{"type": "work", "value": number}]);
    let joins = user(&[("/phoneNumbers", phone("+34 911 000 111"))]);
    house.tell(&joins).await.is(201, "created", "CreateUser");
    let without_time = |mut user: Value| {
        user.as_object_mut().unwrap().remove("LastModifiedTime");
        user
    };
    let before = without_time(house.user());

    faults(&house.local, "UpdateUserPhoneConfig", &["InvalidParameterException"]);
    let refused = house.tell(&story("user-updated")).await;
    refused.is(
        400,
        "",
        "DescribeUser UpdateUserIdentityInfo UpdateUserPhoneConfig \
         DescribeUser UpdateUserIdentityInfo",
    );
    assert_eq!(without_time(house.user()), before);
    assert!(house.record(ANA).await.unwrap().is_applied());
}

#[tokio::test]
async fn a_new_name_that_is_somebody_elses_is_taken_back() {
    let mut house = given(&[]).await;
    house.tell(&story("okta-user-created")).await;
    foreign(&house.local, "ana.vega@example.com").await;
    let before = users(&house.local);
    let refused = house.tell(&story("user-renamed")).await;
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert_eq!(users(&house.local), before);
    let record = house.record(ANA).await.unwrap();
    assert!(record.is_applied(), "{record:?}");
    assert_eq!(record.user.unwrap().ids.id, before[0]["Id"].as_str().unwrap());
    assert!(record.former.is_none());
    assert!(house.record("ana.vega@example.com").await.is_none());
}

#[tokio::test]
async fn a_rename_that_must_wait_keeps_the_old_user_meanwhile() {
    for (fault, outcome, wait) in
        [("throttle", "pending", 2), ("limit", "parked", 301), ("500-before", "pending", 31)]
    {
        let mut house = given(&[]).await;
        house.tell(&story("okta-user-created")).await;
        faults(&house.local, "CreateUser", &[fault, fault]);
        let told = house.tell(&story("user-renamed")).await;
        told.is(202, outcome, "DescribeUser CreateUser");
        assert_eq!(house.names(), [ANA], "{fault}");
        house.later(Duration::from_secs(wait));
        let keeper = house.local.provisioner().keeper().unwrap();
        // Long enough for one attempt, and for no second after a rest.
        let deadline = Deadline::after(Duration::from_millis(900));
        keeper.drain(Clock::set(house.at), deadline).await.unwrap();
        assert_eq!(house.names(), [ANA], "{fault}, again");
        house.later(Duration::from_secs(3600));
        assert_eq!(house.drain().await.0.applied, 1, "{fault}");
        assert_eq!(house.names(), ["ana.vega@example.com"], "{fault}");
    }
}

#[tokio::test]
async fn what_can_be_judged_without_connect_is() {
    let mut house = given(&[]).await;
    for name in ["user-name-refused", "user-name-missing"] {
        house.tell(&story(name)).await.is(400, "", "");
    }
    house.tell(&story("okta-user-created")).await;
    let mut nameless = story("user-updated");
    nameless.body["data"]["name"] = json!({"givenName": "Ana"});
    house.tell(&nameless).await.is(400, "", "");
    assert_eq!(house.user()["IdentityInfo"]["LastName"], "Ruiz");
    assert!(house.record(ANA).await.unwrap().is_applied());
}

#[tokio::test]
async fn two_people_do_not_share_a_name() {
    let mut house = given(&[]).await;
    house.tell(&story("okta-user-created")).await;
    let other = user(&[("/externalId", json!("somebody else"))]);
    let refused = house.tell(&other).await;
    refused.is(409, "", "");
    assert_eq!(refused.body["scimType"], "uniqueness");
    house.tell(&somebody("bea@example.com")).await.is(201, "created", "CreateUser");
    let mut renamed = envelope("user.updated", &somebody("bea@example.com"));
    renamed.body["data"]["userName"] = json!(ANA);
    house.tell(&renamed).await.is(409, "", "");
    assert_eq!(house.names(), [ANA, "bea@example.com"]);
}

// --- Later ----------------------------------------------------------------------------------------

#[tokio::test]
async fn who_is_throttled_is_pending_and_drained() {
    let mut house = given(&[]).await;
    house.tell(&story("okta-user-created")).await;
    faults(&house.local, "UpdateUserIdentityInfo", &["throttle"]);
    let told = house.tell(&story("user-updated")).await;
    told.is(202, "pending", "DescribeUser UpdateUserIdentityInfo");
    assert_eq!(house.user()["IdentityInfo"]["LastName"], "Ruiz");

    let backlog = house.tell(&somebody("bea@example.com")).await;
    backlog.is(202, "pending", "");

    let (drained, _) = house.drain().await;
    assert_eq!((drained.applied, drained.parked.len()), (2, 0), "{drained:?}");
    assert_eq!(house.names(), [ANA, "bea@example.com"]);
    assert!(users(&house.local).iter().any(|user| user["IdentityInfo"]["LastName"] == "Ruiz Vega"));
    house.tell(&somebody("carl@example.com")).await.is(201, "created", "CreateUser");
}

#[tokio::test]
async fn a_call_of_unknown_fate_is_looked_after_and_not_made_twice() {
    for lost in ["500-after", "drop"] {
        let mut house = given(&[]).await;
        faults(&house.local, "CreateUser", &[lost]);
        house.tell(&story("okta-user-created")).await.is(202, "pending", "CreateUser");
        let (early, calls) = house.drain().await;
        assert_eq!((early.is_idle(), &*calls), (true, ""), "nobody looks before 30 s");
        house.later(Duration::from_secs(31));
        let (drained, calls) = house.drain().await;
        assert_eq!(drained.applied, 1, "{drained:?}");
        assert_eq!(calls, "CreateUser SearchUsers DescribeUser", "{lost}");
        assert_eq!(house.names(), [ANA]);
        house.tell(&story("okta-user-created")).await.is(200, "unchanged", "");
    }
}

#[tokio::test]
async fn what_connect_did_unseen_is_not_forgotten() {
    for (next, held, profile) in [
        ("user-renamed", "ana.vega@example.com", "Agent"),
        ("user-deactivated", ANA, "No Access"),
        ("user-deleted", "", ""),
    ] {
        let mut house = given(&[]).await;
        faults(&house.local, "CreateUser", &["500-after"]);
        house.tell(&story("okta-user-created")).await.is(202, "pending", "CreateUser");
        house.tell(&story(next)).await.is(202, "pending", "");
        house.later(Duration::from_secs(61));
        let (drained, calls) = house.drain().await;
        assert_eq!((drained.applied, drained.parked.len()), (1, 0), "{next}: {calls}");
        assert_eq!(house.names().join(" "), held, "{next}: {calls}");
        if !held.is_empty() {
            assert_eq!(house.profile(), profile, "{next}: {calls}");
        }
    }
}

#[tokio::test]
async fn a_removal_of_unknown_fate_is_done_once() {
    for lost in ["500-before", "500-after", "drop"] {
        let mut house = given(&[("MAX_REMOVALS_PER_HOUR", "1")]).await;
        house.tell(&story("okta-user-created")).await;
        faults(&house.local, "DeleteUser", &[lost]);
        house.tell(&story("user-deleted")).await.is(202, "pending", "DescribeUser DeleteUser");
        // So long that a user whom Connect does not show is gone, and counted only once.
        house.later(Duration::from_secs(16 * 60));
        let (drained, calls) = house.drain().await;
        assert_eq!((drained.applied, drained.parked.len()), (1, 0), "{lost}: {calls}");
        assert_eq!(house.names(), [""; 0]);
        assert_eq!(house.persons().await, 0);
    }
}

#[tokio::test]
async fn who_was_just_made_and_is_removed_is_gone_at_once() {
    let mut house = given(&[]).await;
    house.tell(&story("okta-user-created")).await;
    faults(&house.local, "DeleteUser", &["500-after"]);
    house.tell(&story("user-deleted")).await.is(202, "pending", "DescribeUser DeleteUser");
    house.later(Duration::from_secs(31));
    // Too young to be gone, if it had not been us.
    let (drained, calls) = house.drain().await;
    assert_eq!((drained.applied, &*calls), (1, "DescribeUser"));
    let counts = parked::counts(&*house.roster, house.at).await.unwrap();
    assert_eq!((counts.pending, counts.removed), (0, 1));
}

#[tokio::test]
async fn a_password_is_used_at_once_or_never() {
    let managed = [("IDENTITY_MANAGEMENT", "CONNECT_MANAGED")];
    let settings = Settings {
        identity: IdentityManagement::ConnectManaged,
        throttle: false,
        ..Settings::default()
    };
    let joins = user(&[("/password", json!("Secret-1mz050nq"))]);
    for (generate, parked) in [("false", 1), ("true", 0)] {
        let changes = [managed.as_slice(), &[("GENERATE_PASSWORD", generate)]].concat();
        let mut house = given_with(settings.clone(), &changes).await;
        house.tell(&joins).await.is(201, "created", "CreateUser");
        let requests = connect(&house.local)["requests"].clone();
        assert_eq!(requests[0]["body"]["Password"], "Secret-1mz050nq");
        assert_eq!(house.record(ANA).await.unwrap().person.password(), Ok(None));

        // It is not stored, so the drain has none to give.
        faults(&house.local, "CreateUser", &["throttle"]);
        let mut other = joins.clone();
        other.body["userName"] = json!("bea@example.com");
        other.body["externalId"] = json!("bea");
        house.tell(&other).await.is(202, "pending", "CreateUser");
        let (drained, _) = house.drain().await;
        assert_eq!((drained.parked.len(), drained.applied), (parked, 1 - parked), "{drained:?}");
        if parked == 0 {
            continue;
        }
        assert_eq!(fault(&house.parked().await[0]), "invalidValue");
        let mut again = other.clone();
        again.body["displayName"] = json!("Bea Ruiz");
        house.tell(&again).await.is(201, "created", "CreateUser");
    }
}

#[tokio::test]
async fn a_full_instance_is_the_operators_to_mend() {
    let mut house = given(&[]).await;
    faults(&house.local, "CreateUser", &["limit"]);
    let told = house.tell(&story("okta-user-created")).await;
    told.is(202, "parked", "CreateUser");
    assert_eq!(told.body["fault"], "quotaFull");
    house.later(Duration::from_secs(301));
    assert_eq!(house.drain().await.0.applied, 1, "tried again all the same");
    assert_eq!(house.names(), [ANA]);
}

// --- The operator's choices -----------------------------------------------------------------------

#[tokio::test]
async fn too_many_removals_within_an_hour_are_held_until_they_are_let_through() {
    let mut house = given(&[]).await;
    let name = |number: usize| format!("agent{number}@example.com");
    for number in 0..=51 {
        house.tell(&somebody(&name(number))).await.is(201, "created", "CreateUser");
    }
    for number in 0..50 {
        // Whether they are shut out or removed, they are counted.
        let kind = if number % 2 == 0 { "user.deleted" } else { "user.deactivated" };
        let left = house.tell(&envelope(kind, &somebody(&name(number)))).await;
        assert_eq!(left.status, 200, "{}", left.body);
    }
    let held = house.tell(&envelope("user.deleted", &somebody(&name(50)))).await;
    held.is(202, "parked", "DescribeUser");
    assert_eq!(held.body["fault"], "removalHeld");
    let held = house.tell(&envelope("user.deactivated", &somebody(&name(51)))).await;
    held.is(202, "parked", "DescribeUser");
    assert_eq!(house.names().len(), 27, "25 were removed");

    let parked = house.parked().await;
    let faults: Vec<_> = parked.iter().map(fault).collect();
    assert_eq!(faults, ["removalHeld", "removalHeld"]);
    assert!(house.drain().await.0.is_idle(), "it waits for the operator");

    let deleted = parked.iter().find(|record| record.wanted == Wanted::Gone).unwrap();
    parked::retry(&*house.roster, slice::from_ref(&deleted.id), house.at).await.unwrap();
    let (drained, calls) = house.drain().await;
    assert!(drained.is_alarming(), "{drained:?}");
    assert_eq!((drained.parked.len(), &*calls), (1, "DescribeUser"), "under all the rules");

    parked::release(&*house.roster, slice::from_ref(&deleted.id), house.at).await.unwrap();
    let (drained, calls) = house.drain().await;
    assert_eq!((drained.applied, &*calls), (1, "DescribeUser DeleteUser"));
    assert_eq!((house.names().len(), house.parked().await.len()), (26, 1));

    // The hour passes, and 51 of the counted with it.
    house.later(Duration::from_secs(3700));
    let suspended = house.parked().await.remove(0);
    parked::retry(&*house.roster, &[suspended.id], house.at).await.unwrap();
    assert_eq!(house.drain().await.0.applied, 1);
    assert_eq!(house.parked().await.len(), 0);
}

#[tokio::test]
async fn only_what_is_parked_is_tried_again() {
    let mut house = given(&[("MAX_REMOVALS_PER_HOUR", "0")]).await;
    house.tell(&story("okta-user-created")).await;
    let sound = house.record(ANA).await.unwrap().id;
    house.tell(&somebody("bea@example.com")).await;
    house.tell(&envelope("user.deleted", &somebody("bea@example.com"))).await;
    let parked = house.parked().await.remove(0);

    let nobody = connect_provisioner::roster::key::Id::read("nobody");
    for (wrong, expected) in [
        (&sound, parked::Refused::NotParked(sound.clone())),
        (&nobody, parked::Refused::Unknown(nobody.clone())),
    ] {
        let ids = [parked.id.clone(), wrong.clone()];
        let refused = parked::release(&*house.roster, &ids, house.at).await.unwrap_err();
        assert_eq!(refused, expected);
        assert_eq!(house.parked().await, slice::from_ref(&parked), "nothing was changed");
    }
    let counts = parked::counts(&*house.roster, house.at).await.unwrap();
    assert_eq!(counts, parked::Counts { applied: 1, parked: 1, pending: 0, removed: 0 });
    parked::release(&*house.roster, &[parked.id], house.at).await.unwrap();
    let counts = parked::counts(&*house.roster, house.at).await.unwrap();
    assert_eq!(counts, parked::Counts { applied: 1, parked: 0, pending: 1, removed: 0 });
    house.drain().await;
    let counts = parked::counts(&*house.roster, house.at).await.unwrap();
    assert_eq!(counts, parked::Counts { applied: 1, parked: 0, pending: 0, removed: 1 });
}

#[tokio::test]
async fn a_rename_waits_for_the_operator_who_says_so() {
    let mut house = given(&[("RENAME", "park")]).await;
    house.tell(&story("okta-user-created")).await;
    let told = house.tell(&story("user-renamed")).await;
    told.is(202, "parked", "DescribeUser");
    assert_eq!(told.body["fault"], "renamed");
    assert_eq!(house.names(), [ANA]);
    let back = house.tell(&story("user-updated")).await;
    // The new name was to be tried, so it is looked whether it was.
    back.is(200, "updated", "DescribeUser SearchUsers ListUsers UpdateUserIdentityInfo");
    assert_eq!(house.parked().await.len(), 0);
}

#[tokio::test]
async fn a_foreign_user_is_adopted_if_it_is_harmless_and_the_operator_says_so() {
    let mut house = given(&[("ON_FOREIGN_USER", "adopt")]).await;
    foreign(&house.local, ANA).await;
    let before = house.user();
    let adopted = house.tell(&story("okta-user-created")).await;
    adopted.is(
        200,
        "adopted",
        "CreateUser SearchUsers DescribeUser TagResource UpdateUserIdentityInfo \
         UpdateUserPhoneConfig UpdateUserRoutingProfile TagResource",
    );
    let after = house.user();
    assert_eq!(after["Id"], before["Id"]);
    assert_eq!(after["IdentityInfo"], json!({"FirstName": "Ana", "LastName": "Ruiz"}));
    assert_eq!(after["Tags"]["managed-by"], "connect-provisioner");
    assert_eq!(after["Tags"]["team"], "support");
    house.tell(&story("okta-user-created")).await.is(200, "unchanged", "");
}

#[tokio::test]
async fn a_foreign_user_who_may_do_more_is_never_adopted() {
    let mut house = given(&[("ON_FOREIGN_USER", "adopt")]).await;
    foreign(&house.local, ANA).await;
    let id = house.user()["Id"].as_str().unwrap().to_owned();
    house
        .local
        .client
        .update_user_security_profiles()
        .instance_id(&house.local.directory.instance_id)
        .user_id(&id)
        .security_profile_ids(&house.local.directory.security_profiles["Admin"])
        .send()
        .await
        .unwrap();
    let before = house.user();
    let refused = house.tell(&story("okta-user-created")).await;
    refused.is(409, "", "CreateUser SearchUsers DescribeUser");
    assert_eq!(house.user(), before);
    assert_eq!(house.persons().await, 0);
}

#[tokio::test]
async fn who_was_removed_by_hand_is_parked_or_made_anew() {
    for (choice, status, outcome, calls, held) in [
        ("park", 202, "parked", "DescribeUser", 0),
        ("recreate", 201, "created", "DescribeUser CreateUser", 1),
    ] {
        let mut house = given(&[("ON_MISSING", choice)]).await;
        house.tell(&story("okta-user-created")).await;
        house.remove_by_hand().await;
        let young = house.tell(&story("user-updated")).await;
        young.is(202, "pending", "DescribeUser");

        house.later(Duration::from_secs(15 * 60));
        let mut again = story("user-updated");
        again.body["data"]["name"]["familyName"] = json!("Vega");
        let told = house.tell(&again).await;
        told.is(status, outcome, calls);
        assert_eq!(house.names().len(), held, "{choice}");
        if choice == "park" {
            assert_eq!(told.body["fault"], "missing");
            let gone = house.tell(&story("user-deleted")).await;
            gone.is(200, "removed", "DescribeUser SearchUsers ListUsers");
            assert_eq!(house.parked().await.len(), 0);
        }
    }
}

#[tokio::test]
async fn who_was_shut_out_and_removed_by_hand_is_not_made_anew() {
    let mut house = given(&[]).await;
    house.tell(&story("okta-user-created")).await;
    house.remove_by_hand().await;
    house.later(Duration::from_secs(16 * 60));
    house.tell(&story("user-deactivated")).await.is(200, "noUser", "DescribeUser");
    assert_eq!(house.names(), [""; 0]);
}

// --- Okta's event hooks ---------------------------------------------------------------------------

/// A batch of one event of this type about Bea, an hour before this time.
fn okta(event_type: &str, at: SystemTime) -> Story {
    let mut story = story("okta-hook-app-assigned");
    let event = &mut story.body["data"]["events"][0];
    event["eventType"] = json!(event_type);
    event["uuid"] = json!(format!("{event_type} {at:?}"));
    event["published"] = json!(text(at));
    let group = json!({"id": "00g1", "type": "UserGroup", "displayName": "Connect Agents"});
    event["target"].as_array_mut().unwrap().push(group);
    story
}

#[tokio::test]
async fn every_event_of_oktas_that_matters_is_carried_out() {
    const AGENT: &str = "Agent";
    const SHUT: &str = "No Access";
    const NOBODY: &str = "";
    let mut house = given(&[("HOOK_OKTA_LIFECYCLE", "true")]).await;
    for (event_type, outcome, held) in [
        ("user.lifecycle.deactivate", "noUser", NOBODY),
        ("application.user_membership.update", "ignored", NOBODY),
        ("application.provision.user.reactivate", "ignored", NOBODY),
        ("user.account.update_profile", "ignored", NOBODY),
        ("application.user_membership.add", "created", AGENT),
        ("group.user_membership.add", "unchanged", AGENT),
        ("application.provision.user.push", "unchanged", AGENT),
        ("application.provision.user.push_profile", "unchanged", AGENT),
        ("application.provision.user.sync", "unchanged", AGENT),
        ("application.user_membership.update", "unchanged", AGENT),
        ("user.account.update_profile", "unchanged", AGENT),
        ("user.lifecycle.suspend", "suspended", SHUT),
        ("user.account.update_profile", "unchanged", SHUT),
        ("user.lifecycle.unsuspend", "updated", AGENT),
        ("application.user_membership.remove", "suspended", SHUT),
        ("application.provision.user.reactivate", "updated", AGENT),
        ("group.user_membership.remove", "suspended", SHUT),
        ("user.lifecycle.reactivate", "updated", AGENT),
        ("user.lifecycle.deactivate", "suspended", SHUT),
        ("user.lifecycle.activate", "updated", AGENT),
        ("application.provision.user.deactivate", "ignored", AGENT),
        ("user.account.lock", "ignored", AGENT),
        ("application.provision.user.delete", "removed", NOBODY),
        ("user.lifecycle.create", "created", AGENT),
        ("user.lifecycle.delete.initiated", "removed", NOBODY),
    ] {
        let told = house.tell(&okta(event_type, house.at)).await;
        assert_eq!(told.status, 200, "{event_type}: {}", told.body);
        assert_eq!(told.body["events"][0]["outcome"], outcome, "{event_type}: {}", told.body);
        let profile = if house.names().is_empty() { String::new() } else { house.profile() };
        assert_eq!(profile, held, "{event_type}");
    }
}

#[tokio::test]
async fn oktas_events_out_of_order_come_to_the_newest() {
    let mut house = given(&[]).await;
    let joined = house.at - Duration::from_secs(300);
    let left = house.at - Duration::from_secs(200);
    let back = house.at - Duration::from_secs(100);
    house.tell(&okta("application.user_membership.add", joined)).await;
    house.tell(&okta("user.lifecycle.unsuspend", back)).await;
    let late = house.tell(&okta("user.lifecycle.suspend", left)).await;
    assert_eq!(late.body["events"][0]["outcome"], "ignored", "{}", late.body);
    assert_eq!(house.profile(), "Agent");
}

#[tokio::test]
async fn what_okta_cannot_mend_waits_for_somebody() {
    let mut house = given(&[]).await;
    foreign(&house.local, "bea.lindt@example.com").await;
    let told = house.tell(&story("okta-hook-app-assigned")).await;
    assert_eq!(told.status, 200, "{}", told.body);
    let event = &told.body["events"][0];
    assert_eq!((&event["outcome"], &event["fault"]), (&json!("parked"), &json!("uniqueness")));
    let parked = house.parked().await.remove(0);
    house.remove_by_hand().await;
    parked::retry(&*house.roster, &[parked.id], house.at).await.unwrap();
    let (drained, calls) = house.drain().await;
    assert_eq!((drained.applied, &*calls), (1, "CreateUser"), "{drained:?}");
    assert_eq!(house.names(), ["bea.lindt@example.com"]);
}

#[tokio::test]
async fn an_okta_hook_takes_away_nothing_that_others_told() {
    let mut house = given(&[]).await;
    house.tell(&story("okta-user-created")).await;
    house.tell(&story("user-updated")).await;
    let mut hook = okta("application.user_membership.add", house.at + Duration::from_secs(1));
    let target = hook.body["data"]["events"][0]["target"].as_array_mut().unwrap();
    let person = target.iter_mut().find(|target| target["type"] == "User").unwrap();
    person["alternateId"] = json!(ANA);
    person["id"] = json!("00uujl29u0le5T6Aj10h7");
    person["displayName"] = json!("A Login");
    let told = house.tell(&hook).await;
    assert_eq!(told.body["events"][0]["outcome"], "unchanged", "{}", told.body);
    assert_eq!(house.user()["IdentityInfo"]["LastName"], "Ruiz Vega");
}

// --- Cut off --------------------------------------------------------------------------------------

#[tokio::test]
async fn who_finds_the_lease_taken_leaves_it_to_its_holder() {
    let mut house = given(&[]).await;
    house.tell(&story("okta-user-created")).await;
    let mut record = house.record(ANA).await.unwrap();
    record.lease(house.at);
    assert_ne!(house.roster.write(&record).await.unwrap(), Err(Clash::Moved));
    house.tell(&story("user-updated")).await.is(202, "pending", "");
    assert!(house.drain().await.0.is_idle(), "somebody is at work");
    house.later(Duration::from_secs(61));
    let (drained, calls) = house.drain().await;
    assert_eq!((drained.applied, &*calls), (1, "DescribeUser UpdateUserIdentityInfo"));
}

#[tokio::test]
async fn the_same_person_told_by_many_at_once_is_one_user_in_the_newest_state() {
    let mut house = given(&[]).await;
    let stories: Vec<_> = (0..20)
        .map(|number| {
            let mut told = envelope("user.created", &story("okta-user-created"));
            told.body["data"]["name"]["familyName"] = json!(format!("Ruiz {number:02}"));
            // The order in which they arrive is not the one in which they happened.
            dated(&told, house.at - Duration::from_secs(number * 7 % 20))
        })
        .collect();
    let ids: Vec<_> = (0..stories.len()).map(|number| format!("msg_{number}")).collect();
    let tellings = stories.iter().zip(&ids).map(|(story, id)| house.deliver(story, id));
    for told in join_all(tellings).await {
        // Who is older than what is just being tried repeats it, since that may yet be refused.
        assert!([200, 201, 202, 503].contains(&told.status), "{}", told.body);
    }
    house.later(Duration::from_secs(120));
    house.drain().await;
    for (story, id) in stories.iter().zip(&ids) {
        assert_eq!(house.deliver(story, id).await.status, 200);
    }
    assert_eq!(house.user()["IdentityInfo"]["LastName"], "Ruiz 00");
    assert_eq!(house.persons().await, 1);
    assert!(house.record(ANA).await.unwrap().is_applied());
}

#[tokio::test]
async fn an_event_without_time_to_call_is_kept_for_the_drain() {
    let house = given(&[]).await;
    let event = story("okta-user-created").signed(&house.local.source, "msg_1", house.at);
    let (answer, _) = house.local.send(&event, house.at, Duration::from_millis(350)).await;
    assert_eq!(answer.unwrap().status_code, 202);
    assert_eq!(house.names(), [""; 0]);
    assert_eq!(house.drain().await.0.applied, 1);
    assert_eq!(house.names(), [ANA]);
}
