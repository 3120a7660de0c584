//! Stories: a signed event arrives, and then Connect holds …

use std::time::{Duration, SystemTime};

use connect_provisioner::config::Level;
use connect_provisioner::standin::Settings;
use connect_provisioner::trust::scheme::SCHEMES;
use serde_json::json;

use crate::house::{
    LONG, body, connect, faults, foreign, given, given_with, now, story, user, users, when,
};

#[tokio::test]
async fn a_replay_is_answered_like_the_first_delivery() {
    let local = given().await;
    let event = story("okta-user-created").signed(&local.source, "msg_1", now());
    let first = local.send(&event, now(), LONG).await.0.unwrap();
    let second = local.send(&event, now(), LONG).await.0.unwrap();
    assert_eq!((first.status_code, second.status_code), (201, 200));
    assert_eq!(body(&first)["userId"], body(&second)["userId"]);
    assert_eq!(body(&second)["outcome"], "alreadyOurs");
    assert_eq!(users(&local).len(), 1);
}

#[tokio::test]
async fn a_repeat_does_not_undo_what_a_supervisor_changed() {
    let local = given().await;
    when(&local, &story("okta-user-created")).await;
    let changed = user(&[("/name", json!({"givenName": "Other", "familyName": "Name"}))]);
    assert_eq!(when(&local, &changed).await.status_code, 200);
    assert_eq!(users(&local)[0]["IdentityInfo"]["FirstName"], "Ana");
}

#[tokio::test]
async fn a_foreign_user_is_left_as_it_is() {
    let local = given().await;
    foreign(&local, "ana.ruiz@example.com").await;
    let before = users(&local);
    assert_eq!(when(&local, &story("okta-user-created")).await.status_code, 409);
    assert_eq!(users(&local), before);
}

#[tokio::test]
async fn a_username_that_differs_only_in_case_is_another_user() {
    let local = given().await;
    foreign(&local, "Ana.Ruiz@example.com").await;
    faults(&local, "CreateUser", &["500-after"]);
    let response = when(&local, &story("okta-user-created")).await;
    assert_eq!(response.status_code, 200);
    assert_eq!(users(&local).len(), 2);
}

#[tokio::test]
async fn another_deployments_user_is_foreign() {
    let local = given().await;
    when(&local, &story("okta-user-created")).await;
    let arn = users(&local)[0]["Arn"].as_str().unwrap().to_owned();
    local
        .client
        .tag_resource()
        .resource_arn(arn)
        .tags("provisioner-deployment", "other")
        .send()
        .await
        .unwrap();
    assert_eq!(when(&local, &story("okta-user-created")).await.status_code, 409);
}

#[tokio::test]
async fn two_people_do_not_share_a_username() {
    let local = given().await;
    when(&local, &story("okta-user-created")).await;
    let other = user(&[("/externalId", json!("00u-somebody-else"))]);
    assert_eq!(when(&local, &other).await.status_code, 409);
}

#[tokio::test]
async fn a_flattened_event_does_not_create_the_person_it_removes() {
    let local = given().await;
    let response = when(&local, &user(&[("/type", json!("user.deleted"))])).await;
    assert_eq!(response.status_code, 400);
    assert_eq!(users(&local).len(), 0);
}

#[tokio::test]
async fn what_asks_nothing_of_connect_does_not_call_it() {
    let local = given().await;
    for (name, status) in [
        ("user-inactive", 200),
        ("group-created", 200),
        ("user-updated", 501),
        ("user-renamed", 501),
        ("user-deactivated", 501),
        ("user-activated", 501),
        ("user-deleted", 501),
        ("user-name-refused", 400),
        ("user-name-missing", 400),
    ] {
        assert_eq!(when(&local, &story(name)).await.status_code, status, "{name}");
    }
    assert_eq!(connect(&local)["calls"], json!({}));
}

#[tokio::test]
async fn a_signature_without_a_time_needs_a_time_in_the_body() {
    let github = [("HOOK_DEMO_SCHEME", "github")];
    let local = given_with(Settings::default(), &github).await;
    // The story's own timestamp, 2026-11-02T08:15:00Z.
    let written = SystemTime::UNIX_EPOCH + Duration::from_secs(1_793_607_300);
    let (day, minute) = (Duration::from_secs(86_400), Duration::from_secs(60));
    let envelope = story("entra-user-created");
    let mut undated = envelope.clone();
    undated.body["timestamp"] = json!("yesterday");
    for (story, at, status) in [
        (&envelope, written, 201),
        (&envelope, written + day, 200),
        (&envelope, written - 5 * minute, 200),
        (&envelope, written + day + minute, 401),
        (&envelope, written - 6 * minute, 401),
        (&undated, written, 400),
        (&story("okta-user-created"), written, 400),
    ] {
        let event = story.signed(&local.source, "msg_1", at);
        let (answer, _) = local.send(&event, at, LONG).await;
        assert_eq!(answer.unwrap().status_code, status, "{at:?}");
    }
}

#[tokio::test]
async fn every_scheme_carries_an_event_through() {
    for scheme in SCHEMES {
        let changes = [("HOOK_DEMO_SCHEME", scheme.name)];
        let local = given_with(Settings::default(), &changes).await;
        let mut envelope = story("entra-user-created");
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_793_607_300);
        envelope.path = envelope.path.replace("{source}", "demo");
        let event = envelope.signed(&local.source, "msg_1", at);
        let (answer, record) = local.send(&event, at, LONG).await;
        assert_eq!(answer.unwrap().status_code, 201, "{}", scheme.name);
        assert!(record.lines(Level::Info).any(|line| line.contains("\"key\":1,")));
    }
}

#[tokio::test]
async fn what_needs_the_roster_says_so() {
    let local = given().await;
    for (kind, intent) in [
        ("user.updated", "change"),
        ("user.deactivated", "leave"),
        ("user.activated", "return"),
        ("user.deleted", "remove"),
    ] {
        let mut story = story("user-deactivated");
        story.body["type"] = json!(kind);
        let event = story.signed(&local.source, "msg_1", now());
        let (response, record) = local.send(&event, now(), LONG).await;
        assert_eq!(response.unwrap().status_code, 501, "{kind}");
        assert_eq!(record.intent, Some(intent));
    }
}

#[tokio::test]
async fn ten_thousand_forgeries_call_nobody() {
    let local = given().await;
    let mut event = story("okta-user-created").signed(&local.source, "msg_1", now());
    event["headers"]["webhook-id"] = json!("msg_2");
    for _ in 0..10_000 {
        assert_eq!(local.send(&event, now(), LONG).await.0.unwrap().status_code, 401);
    }
    assert_eq!(connect(&local)["calls"], json!({}));
}
