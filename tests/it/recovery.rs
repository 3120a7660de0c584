//! Connect fails, lags, throttles or is slow, and there is one user all the same.

use std::time::Duration;

use connect_provisioner::standin::Settings;
use serde_json::json;

use crate::house::{
    all, body, calls, connect, faults, foreign, given, given_with, now, story, user, users, when,
    when_within,
};

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
    // The longer would be enough for a call, and not for passing on what came of it.
    for time_left in [Duration::ZERO, Duration::from_millis(99)] {
        let response = when_within(&local, &story("okta-user-created"), time_left).await;
        assert_eq!(response.status_code, 503);
    }
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
async fn a_user_that_is_listed_and_not_shown_is_told_as_such() {
    for fault in ["ResourceNotFoundException", "InvalidRequestException"] {
        let local = given().await;
        foreign(&local, "ana.ruiz@example.com").await;
        faults(&local, "DescribeUser", &[fault]);
        let response = when(&local, &story("okta-user-created")).await;
        assert_eq!(response.status_code, 503, "{fault}");
        assert!(response.body.contains("does not show it yet"), "{fault}: {}", response.body);
    }
}

#[tokio::test]
async fn an_instance_that_throttles_leaves_the_retries_of_another_alone() {
    let bad = given().await;
    faults(&bad, "CreateUser", &["throttle"; 400]);
    // Enough of them to empty what the clients of a process share by default.
    let event = user(&[]);
    for _ in 0..6 {
        let replies = (0..20).map(|_| when_within(&bad, &event, Duration::from_millis(2100)));
        let statuses = all(replies.collect()).await.into_iter().map(|reply| reply.status_code);
        assert_eq!(statuses.collect::<Vec<_>>(), [429; 20]);
    }
    let good = given().await;
    faults(&good, "CreateUser", &["throttle"]);
    let reply = when_within(&good, &user(&[]), Duration::from_millis(2100)).await;
    assert_eq!((reply.status_code, calls(&good, "CreateUser")), (201, 2));
}
