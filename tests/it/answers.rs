//! The table of answers to a signed hook, row by row, as a sender sees it.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_credential_types::credential_fn::provide_credentials_fn;
use aws_credential_types::provider::error::CredentialsError;
use connect_provisioner::config::{Config, Level};
use connect_provisioner::connect::class::CODES;
use connect_provisioner::decision::Invocation;
use connect_provisioner::fault::Kind;
use connect_provisioner::http::gateway::Reply;
use connect_provisioner::lambda;
use connect_provisioner::log::EventLog;
use connect_provisioner::outcome::AnswerRow;
use connect_provisioner::provisioner::Provisioner;
use connect_provisioner::roster::memory::MemoryRoster;
use serde_json::{Value, json};

use crate::house::{LONG, faults, given, now, story, user, when};
use crate::startup;

/// What a sender sees, with the body as JSON.
fn seen(response: &Reply) -> Value {
    let body = serde_json::from_str(&response.body).unwrap_or_else(|_| json!(response.body));
    json!({"status": response.status_code, "headers": response.headers, "body": body})
}

#[tokio::test]
async fn every_error_of_create_user_has_its_answer() {
    let mut answers = BTreeMap::new();
    let all = CODES.iter().map(|(code, _)| *code);
    let unknown = ["500-before", "denied", "expired", "limit", "throttle"];
    for code in all.chain(unknown) {
        let local = given().await;
        // Enough of them that repeating does not help.
        faults(&local, "CreateUser", &[code; 12]);
        let response = when(&local, &story("okta-user-created")).await;
        assert!(!response.body.contains("asked for by"), "{code}: a word of AWS's own");
        answers.insert(code, seen(&response));
    }
    insta::assert_json_snapshot!(answers);
}

#[tokio::test]
async fn every_other_row_has_its_answer() {
    let local = given().await;
    let mut answers = Vec::new();
    for (what, story) in [
        ("created", story("okta-user-created")),
        ("already ours", story("okta-user-created")),
        ("foreign", user(&[("/externalId", json!("somebody else"))])),
        ("ignored: inactive", story("user-inactive")),
        ("ignored: event type", story("group-created")),
        ("needs the roster", story("user-deactivated")),
        ("value refused", story("user-name-refused")),
        ("value missing", story("user-name-missing")),
    ] {
        answers.push((what, seen(&when(&local, &story).await)));
    }
    for (what, body) in [
        ("not JSON", "Ana Ruiz"),
        ("not a message", "[]"),
        ("neither User nor envelope", r#"{"userName":"ana"}"#),
        ("envelope without data", r#"{"type":"user.created"}"#),
        ("envelope with other data", r#"{"type":"user.created","data":"ana"}"#),
        ("doubled keys", r#"{"type":"user.created","Type":"x"}"#),
        ("too deep", &format!("{}{}", "[".repeat(33), "]".repeat(33))),
        ("too large", &"x".repeat(256 * 1024 + 1)),
    ] {
        let response = local.send(&raw(&local.source, body), now(), LONG).await.0.unwrap();
        answers.push((what, seen(&response)));
    }
    for (what, member, value) in [
        ("unauthenticated", "/headers/webhook-id", json!("msg_2")),
        ("unknown route", "/rawPath", json!("/hooks/nobody")),
        ("route inside a path", "/rawPath", json!("/x/hooks/demo")),
        ("unknown method", "/requestContext/http/method", json!("PUT")),
        ("not the gateway's base64", "/body", json!("e")),
    ] {
        let mut event = story("okta-user-created").signed(&local.source, "msg_1", now());
        *event.pointer_mut(member).unwrap() = value;
        answers.push((what, seen(&local.send(&event, now(), LONG).await.0.unwrap())));
    }
    for (what, method) in [("health", "GET"), ("health by another method", "POST")] {
        let event = json!({"version": "2.0", "rawPath": "/health", "requestContext": {"http": {"method": method}}});
        answers.push((what, seen(&local.send(&event, now(), LONG).await.0.unwrap())));
    }
    insta::assert_json_snapshot!(answers);
}

#[tokio::test]
async fn a_mode_is_chosen_once_and_never_fallen_back_to() {
    let aws = lambda::loader("eu-west-2").load().await;
    let roster = || Arc::new(MemoryRoster::default());
    let direct = Config::read(&startup::good()).unwrap();
    let refused = Provisioner::with_roster(direct, &aws, roster(), Box::new(|| [7; 16]));
    let refused = refused.unwrap_err().to_string();
    assert_eq!(
        refused,
        "expected settings that were read for a roster, found those of direct mode"
    );

    let mut settings = startup::good();
    settings.insert("DEACTIVATE".to_owned(), "delete".to_owned());
    settings
        .insert("SCIM_TOKEN".to_owned(), "a-token-of-forty-letters-0123456789abcdef".to_owned());
    let config = Config::read_for_roster(&settings).unwrap();
    let followed = Provisioner::with_roster(config.clone(), &aws, roster(), Box::new(|| [7; 16]));
    assert!(followed.unwrap().reconciler().is_some());
    // Direct mode that is asked for is direct mode throughout: there is no SCIM, nor any policy.
    let direct = Provisioner::direct(config, &aws);
    assert!(direct.reconciler().is_none() && direct.config().by_roster().is_none());
}

#[tokio::test]
async fn without_credentials_the_turn_is_the_operators() {
    let nobody = provide_credentials_fn(|| async { Err(CredentialsError::not_loaded("none")) });
    let aws = lambda::loader("eu-west-2").credentials_provider(nobody).load().await;
    let config = Config::read(&startup::good()).unwrap();
    let source = config.hooks[0].source.clone();
    let event = story("okta-user-created").signed(&source, "msg_1", now()).to_string();
    let mut record = EventLog::default();
    let invocation = Invocation { now: now(), time_left: LONG, random: [0; 16] };
    let answer = Provisioner::direct(config, &aws).answer(&event, invocation, &mut record).await;
    assert_eq!(answer.unwrap().status_code, 500);
    let line = record.lines(Level::Warn).next().unwrap();
    assert!(line.contains("no usable credentials"), "{line}");
}

#[test]
fn a_4xx_is_only_for_what_the_sender_can_mend() {
    use connect_provisioner::fault::Responsibility;
    for kind in Kind::ALL {
        let row = AnswerRow::of(kind);
        match kind.responsibility() {
            // What is not offered is nobody's mistake, and RFC 7644 names its status.
            Responsibility::Sender if kind == Kind::NotOffered => assert_eq!(row.status, 501),
            Responsibility::Sender => assert!((400..500).contains(&row.status), "{kind:?}"),
            Responsibility::Retry => assert!(row.retry_after.is_some(), "{kind:?}"),
            Responsibility::Operator | Responsibility::Internal => {
                assert!(row.status >= 500, "{kind:?}")
            }
        }
    }
}

/// A signed event with just this body.
fn raw(source: &connect_provisioner::trust::Source, body: &str) -> Value {
    let at = now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let headers: BTreeMap<_, _> = source.sign("msg_1", at, body.as_bytes()).into_iter().collect();
    json!({
        "version": "2.0", "rawPath": "/hooks/demo", "headers": headers, "body": body,
        "requestContext": {"stage": "$default", "http": {"method": "POST"}},
    })
}
