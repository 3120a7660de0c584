//! Stories: a signed event arrives, and then Connect holds …

use std::time::{Duration, SystemTime};

use connect_provisioner::scim::CONNECT_SCHEMA;
use connect_provisioner::standin::{IdentityManagement, Settings};
use connect_provisioner::trust::scheme::SCHEMES;
use serde_json::json;

use crate::house::{
    LONG, body, calls, connect, faults, given, given_with, now, story, user, users, when,
    when_within,
};

#[tokio::test]
async fn a_new_agent_appears_in_connect_with_everything_spelled_out() {
    let local = given().await;
    let response = when(&local, &story("okta-user-created")).await;
    assert_eq!(response.status_code, 201);
    let requests = connect(&local)["requests"].clone();
    assert_eq!(requests.as_array().unwrap().len(), 1, "one call and no other");
    insta::assert_json_snapshot!("create_user_on_the_wire", requests[0]);
    let held = &users(&local)[0];
    assert_eq!(body(&response)["userId"], held["Id"]);
    assert_eq!(body(&response)["userArn"], held["Arn"]);
    assert_eq!(body(&response)["owner"], held["Tags"]["provisioner-owner"]);
}

#[tokio::test]
async fn every_setting_reaches_the_wire() {
    let plain = given().await;
    let group = plain.directory.hierarchy_groups["EMEA"].clone();
    let profiles =
        plain.directory.security_profiles.values().cloned().collect::<Vec<_>>().join(",");
    let local = given_with(
        Settings::default(),
        &[
            ("HIERARCHY_GROUP", &group),
            ("SECURITY_PROFILES", &profiles),
            ("EMAIL_AS", "secondary"),
            ("PHONE_TYPE", "DESK_PHONE"),
            ("AUTO_ACCEPT", "true"),
            ("AFTER_CONTACT_WORK_SECONDS", "30"),
            ("PERSISTENT_CONNECTION", "false"),
            ("TAGS", r#"{"team": "blue", "cost centre": "7"}"#),
            ("DEPLOYMENT", "prod-emea"),
        ],
    )
    .await;
    let story =
        user(&[("/phoneNumbers", json!([{"type": "work", "value": "tel:+1-206-555-0100"}]))]);
    assert_eq!(when(&local, &story).await.status_code, 201);
    insta::assert_json_snapshot!(
        "every_setting_on_the_wire",
        connect(&local)["requests"][0]["body"]
    );
}

#[tokio::test]
async fn each_senders_shape_is_read() {
    for name in ["okta-user-created", "entra-user-created", "user-privileged"] {
        let local = given().await;
        assert_eq!(when(&local, &story(name)).await.status_code, 201, "{name}");
        assert_eq!(users(&local).len(), 1, "{name}");
    }
}

#[tokio::test]
async fn nobody_becomes_an_admin_by_asking() {
    let local = given().await;
    when(&local, &story("user-privileged")).await;
    let agent = local.directory.security_profiles["Agent"].clone();
    assert_eq!(users(&local)[0]["SecurityProfileIds"], json!([agent]));
}

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
async fn whatever_becomes_of_the_reply_there_is_one_user() {
    for fault in
        ["500-before", "500-after", "drop", "InternalServiceException", "ServiceUnavailable"]
    {
        let local = given().await;
        faults(&local, "CreateUser", &[fault]);
        let response = when(&local, &story("okta-user-created")).await;
        assert!([200, 201].contains(&response.status_code), "{fault}: {response:?}");
        assert_eq!(users(&local).len(), 1, "{fault}");
        assert_eq!(body(&response)["userId"], users(&local)[0]["Id"], "{fault}");
    }
}

#[tokio::test]
async fn create_user_is_sent_again_only_after_a_look() {
    let local = given().await;
    faults(&local, "CreateUser", &["500-before", "500-before", "500-before", "500-before"]);
    let response = when(&local, &story("okta-user-created")).await;
    assert_eq!(response.status_code, 503);
    let operations: Vec<_> = connect(&local)["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|request| request["operation"].as_str().unwrap().to_owned())
        .collect();
    let round = ["CreateUser", "SearchUsers", "ListUsers"];
    assert_eq!(operations, [round, round, round].concat());
}

#[tokio::test]
async fn a_lagging_index_does_not_hide_our_own_user() {
    let lag = Settings { search_lag: Duration::from_secs(60), ..Settings::default() };
    let local = given_with(lag, &[]).await;
    faults(&local, "CreateUser", &["500-after"]);
    assert_eq!(when(&local, &story("okta-user-created")).await.status_code, 200);
    assert_eq!(users(&local).len(), 1);
    assert_eq!(calls(&local, "ListUsers"), 1);
}

#[tokio::test]
async fn a_user_too_young_to_be_shown_is_not_yet_there_rather_than_gone() {
    let young = Settings { not_found: Duration::from_secs(60), ..Settings::default() };
    let local = given_with(young, &[]).await;
    assert_eq!(when(&local, &story("okta-user-created")).await.status_code, 201);
    let repeat = when(&local, &story("okta-user-created")).await;
    assert_eq!(repeat.status_code, 503);
    assert_eq!(repeat.headers.unwrap()["retry-after"], "30");
    assert_eq!(users(&local).len(), 1);
}

#[tokio::test]
async fn our_user_is_found_behind_the_first_page() {
    let lag =
        Settings { search_lag: Duration::from_secs(60), user_quota: 5000, ..Settings::default() };
    let local = given_with(lag, &[]).await;
    for number in 0..1001 {
        foreign(&local, &format!("user{number}")).await;
    }
    faults(&local, "CreateUser", &["500-after"]);
    assert_eq!(when(&local, &story("okta-user-created")).await.status_code, 200);
    assert_eq!(calls(&local, "ListUsers"), 2);
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
async fn throttling_is_waited_out_and_a_full_quota_is_not() {
    let local = given().await;
    faults(&local, "CreateUser", &["throttle", "throttle"]);
    assert_eq!(when(&local, &story("okta-user-created")).await.status_code, 201);
    assert_eq!(calls(&local, "CreateUser"), 3);
    let full = given_with(Settings { user_quota: 0, ..Settings::default() }, &[]).await;
    assert_eq!(when(&full, &story("okta-user-created")).await.status_code, 503);
    assert_eq!(calls(&full, "CreateUser"), 1);
}

#[tokio::test]
async fn we_answer_before_the_platform_cuts_us_off() {
    let local = given().await;
    local.control(&json!({"slowMs": 60_000}));
    faults(&local, "CreateUser", &["slow"]);
    faults(&local, "SearchUsers", &["slow"; 20]);
    let started = now();
    let response = when_within(&local, &story("okta-user-created"), Duration::from_secs(4)).await;
    assert_eq!(response.status_code, 503);
    assert!(now().duration_since(started).unwrap() < Duration::from_secs(30), "the reply takes 60");
    assert_eq!(users(&local).len(), 1, "it happened all the same");
    local.control(&json!({"slowMs": 0}));
    assert_eq!(when(&local, &story("okta-user-created")).await.status_code, 200);
}

#[tokio::test]
async fn without_time_nothing_is_sent() {
    let local = given().await;
    let response = when_within(&local, &story("okta-user-created"), Duration::ZERO).await;
    assert_eq!(response.status_code, 503);
    assert_eq!(connect(&local)["calls"], json!({}));
}

#[tokio::test]
async fn throttling_is_told_as_such_even_when_time_is_short() {
    for seconds in [1, 3, 5] {
        let local = given().await;
        faults(&local, "CreateUser", &["throttle"; 9]);
        let time_left = Duration::from_secs(seconds);
        let response = when_within(&local, &story("okta-user-created"), time_left).await;
        assert_eq!(response.status_code, 429, "{seconds} s");
    }
}

/// What a look-up's failure makes of an event whose CreateUser had this fault.
async fn look_up(create: &str, operation: &str, fault: &str) -> u16 {
    let local = given().await;
    if create == "DuplicateResourceException" {
        foreign(&local, "ana.ruiz@example.com").await;
    }
    faults(&local, "CreateUser", &[create]);
    faults(&local, operation, &[fault; 9]);
    when(&local, &story("okta-user-created")).await.status_code
}

#[tokio::test]
async fn a_failing_look_up_is_never_the_senders_fault() {
    let taken = "DuplicateResourceException";
    for (create, operation, fault, status) in [
        (taken, "DescribeUser", "InvalidRequestException", 503),
        (taken, "DescribeUser", "ResourceNotFoundException", 503),
        (taken, "SearchUsers", "InvalidParameterException", 503),
        (taken, "SearchUsers", "AccessDeniedException", 500),
        (taken, "SearchUsers", "ThrottlingException", 503),
        ("500-before", "SearchUsers", "InvalidRequestException", 503),
        ("500-before", "SearchUsers", "ThrottlingException", 503),
        ("500-after", "SearchUsers", "AccessDeniedException", 500),
        ("500-after", "DescribeUser", "InternalServiceException", 503),
    ] {
        assert_eq!(look_up(create, operation, fault).await, status, "{create} {operation} {fault}");
    }
}

#[tokio::test]
async fn a_flattened_event_does_not_create_the_person_it_removes() {
    let local = given().await;
    let response = when(&local, &user(&[("/type", json!("user.deleted"))])).await;
    assert_eq!(response.status_code, 400);
    assert_eq!(users(&local).len(), 0);
}

#[tokio::test]
async fn every_identity_management_type_gets_the_members_that_it_takes() {
    let mut sent = serde_json::Map::new();
    for identity in [
        IdentityManagement::Saml,
        IdentityManagement::ConnectManaged,
        IdentityManagement::ExistingDirectory,
    ] {
        let settings = Settings { identity, ..Settings::default() };
        let local = given_with(settings, &[("IDENTITY_MANAGEMENT", identity.name())]).await;
        let mut story = user(&[
            ("/password", json!("Passw0rd")),
            ("/phoneNumbers", json!([{"type": "mobile", "value": "+34 600 100 200"}])),
        ]);
        if identity == IdentityManagement::ExistingDirectory {
            story.body[CONNECT_SCHEMA] = json!({"directoryUserId": "S-1-5-21"});
        }
        assert_eq!(when(&local, &story).await.status_code, 201, "{identity}");
        sent.insert(identity.to_string(), connect(&local)["requests"][0]["body"].clone());
    }
    insta::assert_json_snapshot!(sent);
}

#[tokio::test]
async fn a_password_that_nobody_chose_is_another_for_each_user() {
    let settings = Settings { identity: IdentityManagement::ConnectManaged, ..Settings::default() };
    let changes = [("IDENTITY_MANAGEMENT", "CONNECT_MANAGED"), ("GENERATE_PASSWORD", "true")];
    let local = given_with(settings, &changes).await;
    for name in ["ana", "bea"] {
        let story = user(&[("/userName", json!(name)), ("/externalId", json!(name))]);
        assert_eq!(when(&local, &story).await.status_code, 201);
    }
    let requests = connect(&local)["requests"].clone();
    let password = |number: usize| requests[number]["body"]["Password"].as_str().unwrap().len();
    assert_eq!((password(0), password(1)), (35, 35));
    assert_ne!(requests[0]["body"]["Password"], requests[1]["body"]["Password"]);
}

#[tokio::test]
async fn what_asks_nothing_of_connect_does_not_call_it() {
    let local = given().await;
    for (name, status) in [
        ("user-inactive", 200),
        ("group-created", 200),
        ("user-deactivated", 501),
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
        assert_eq!(record.key, Some(1));
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

async fn foreign(local: &connect_provisioner::cli::local::Local, username: &str) {
    let name = aws_sdk_connect::types::UserIdentityInfo::builder().first_name("F").last_name("X");
    local
        .client
        .create_user()
        .instance_id(&local.directory.instance_id)
        .username(username)
        .identity_info(name.build())
        .routing_profile_id(&local.directory.routing_profiles["Sales"])
        .security_profile_ids(&local.directory.security_profiles["Agent"])
        .send()
        .await
        .unwrap();
}
