//! Okta's event hooks: the verification, batches, lists, and what did not fit.

use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime};

use connect_provisioner::cli::local::Local;
use connect_provisioner::cli::story::Story;
use connect_provisioner::config::Level;
use connect_provisioner::http::gateway::Reply;
use connect_provisioner::standin::{IdentityManagement, Settings};
use serde_json::{Value, json};

use crate::house::{
    LONG, body, calls, connect, faults, foreign, given, given_with, now, story, users, when,
};

const OKTA: [(&str, &str); 3] = [
    ("HOOK_DEMO_SCHEME", "okta"),
    ("HOOK_DEMO_APPS", "Amazon Connect"),
    ("HOOK_DEMO_GROUPS", "00gConnectAgents0001"),
];

async fn given_okta(changes: &[(&str, &str)]) -> Local {
    given_with(Settings::default(), &[&OKTA, changes].concat()).await
}

/// The events of a batch.
fn events(story: &mut Story) -> &mut Vec<Value> {
    story.body["data"]["events"].as_array_mut().unwrap()
}

/// A batch in which so many people are assigned to the application.
fn crowd(people: usize) -> Story {
    let mut story = story("okta-hook-app-assigned");
    let event = events(&mut story)[0].to_string();
    let of = |number: usize| event.replace("bea.lindt", &format!("agent{number}"));
    let of = |number: usize| of(number).replace("00ubea", &format!("00u{number}"));
    *events(&mut story) =
        (0..people).map(|number| serde_json::from_str(&of(number)).unwrap()).collect();
    story
}

/// A batch of one event of this type, to these targets besides the user.
fn event(event_type: &str, target: Value) -> Story {
    let mut story = story("okta-hook-app-assigned");
    let event = &mut events(&mut story)[0];
    event["eventType"] = json!(event_type);
    let targets = event["target"].as_array_mut().unwrap();
    targets.retain(|target| target["type"] == "User");
    targets.push(target);
    story
}

fn outcome(reply: &Reply) -> Value {
    body(reply)["events"][0]["outcome"].clone()
}

#[tokio::test]
async fn the_verification_is_answered_to_whom_we_believe_and_to_nobody_else() {
    let local = given_okta(&[]).await;
    let question = story("okta-hook-verification");
    let challenge = question.headers["x-okta-verification-challenge"].clone();
    let reply = when(&local, &question).await;
    assert_eq!((reply.status_code, body(&reply)), (200, json!({"verification": challenge})));

    let ask = |change: fn(&mut Value)| {
        let mut event = question.signed(&local.source, "msg_1", now());
        change(&mut event);
        event
    };
    for (event, status) in [
        (ask(|event| event["headers"]["authorization"] = json!("another value of it")), 401),
        (ask(|event| drop(event["headers"].as_object_mut().unwrap().remove("authorization"))), 401),
        (ask(|event| event["headers"]["x-okta-verification-challenge"] = json!("")), 400),
        (ask(|event| event["requestContext"]["http"]["method"] = json!("PUT")), 405),
    ] {
        let reply = local.send(&event, now(), LONG).await.0.unwrap();
        assert_eq!(reply.status_code, status, "{}", reply.body);
        assert!(!reply.body.contains("OAvRkd"), "the challenge is given back unproven");
        if status == 405 {
            assert_eq!(reply.headers.unwrap()["allow"], "GET, HEAD, POST");
        }
    }
    let signing = given().await;
    let reply = when(&signing, &question).await;
    assert_eq!((reply.status_code, &*reply.headers.unwrap()["allow"]), (405, "POST"));
    assert_eq!(connect(&local)["calls"], json!({}));
}

#[tokio::test]
async fn every_event_of_a_batch_is_handled_by_itself() {
    let local = given_okta(&[]).await;
    let batch = story("okta-hook-batch");
    let event = batch.signed(&local.source, "msg_1", SystemTime::UNIX_EPOCH);
    let (reply, record) = local.send(&event, SystemTime::UNIX_EPOCH, LONG).await;
    let mut answer = body(&reply.unwrap());
    for event in answer["events"].as_array_mut().unwrap() {
        for (name, value) in event.as_object_mut().unwrap() {
            if name.starts_with("user") {
                *value = json!("[id]");
            }
        }
    }
    let lines = record.lines(Level::Info).map(|line| {
        let mut line: Value = serde_json::from_str(&line).unwrap();
        for name in ["userId", "connectMs", "connectRequestId", "durationMs"] {
            line.as_object_mut().unwrap().remove(name);
        }
        line
    });
    let metrics = record.metrics("prod", SystemTime::UNIX_EPOCH).unwrap();
    let mut metrics: Value = serde_json::from_str(&metrics).unwrap();
    metrics
        .as_object_mut()
        .unwrap()
        .retain(|name, _| !["_aws", "ConnectLatency"].contains(&&**name));
    let held: Vec<_> = users(&local)
        .iter()
        .map(|user| (user["Username"].clone(), user["IdentityInfo"].clone()))
        .collect();
    insta::assert_json_snapshot!(json!({
        "answer": answer, "lines": lines.collect::<Vec<_>>(), "metrics": metrics, "users": held,
    }));
}

#[tokio::test]
async fn nobody_joins_but_by_a_list_that_names_the_app_or_group() {
    let app = json!({"type": "AppInstance", "id": "0oa1", "displayName": "SAML 2.0 App", "alternateId": "Amazon Connect"});
    let group = json!({"type": "UserGroup", "id": "00g1", "displayName": "Agents", "alternateId": "unknown"});
    let unlabelled = json!({"type": "AppInstance", "id": "0oa1", "displayName": "Amazon Connect", "alternateId": "unknown"});
    let unlabelled = event("application.user_membership.add", unlabelled);
    let by_app = event("application.user_membership.add", app.clone());
    let by_group = event("group.user_membership.add", group);
    let named_like_an_id = json!({"type": "UserGroup", "id": "00g2", "displayName": "00g1"});
    let named_like_an_id = event("group.user_membership.add", named_like_an_id);
    for (story, setting, list, joins) in [
        (&by_app, "HOOK_DEMO_APPS", "0oa1", true),
        (&by_app, "HOOK_DEMO_APPS", "Payroll,Amazon Connect", true),
        (&by_app, "HOOK_DEMO_APPS", r#"["Amazon Connect"]"#, true),
        (&by_app, "HOOK_DEMO_APPS", "amazon connect", false),
        (&by_app, "HOOK_DEMO_APPS", "0OA1", false),
        (&by_app, "HOOK_DEMO_APPS", "SAML 2.0 App", false),
        (&unlabelled, "HOOK_DEMO_APPS", "Amazon Connect", true),
        (&unlabelled, "HOOK_DEMO_APPS", "unknown", false),
        (&by_app, "HOOK_DEMO_APPS", "", false),
        (&by_app, "HOOK_DEMO_GROUPS", "0oa1,Amazon Connect", false),
        (&named_like_an_id, "HOOK_DEMO_GROUPS", "00g1", false),
        (&named_like_an_id, "HOOK_DEMO_GROUPS", "00g2", true),
        (&by_group, "HOOK_DEMO_GROUPS", "00g1", true),
        (&by_group, "HOOK_DEMO_GROUPS", "Agents", true),
        (&by_group, "HOOK_DEMO_GROUPS", "unknown", false),
        (&by_group, "HOOK_DEMO_GROUPS", "", false),
        (&by_group, "HOOK_DEMO_APPS", "00g1,Agents", false),
        (&event("group.user_membership.add", app), "HOOK_DEMO_GROUPS", "0oa1", false),
    ] {
        let changes = [("HOOK_DEMO_SCHEME", "okta"), (setting, list)];
        let local = given_with(Settings::default(), &changes).await;
        let reply = when(&local, story).await;
        assert_eq!(reply.status_code, 200);
        let expected = if joins { "created" } else { "ignored" };
        assert_eq!(outcome(&reply), expected, "{setting}={list}: {}", reply.body);
        assert_eq!(users(&local).len(), usize::from(joins));
        assert!(
            joins || reply.body.contains("HOOK_<SOURCE>_"),
            "the answer says why: {}",
            reply.body
        );
    }
}

#[tokio::test]
async fn the_life_cycle_counts_only_where_the_operator_says_so() {
    for (setting, joins) in [("", false), ("false", false), ("true", true)] {
        for event_type in ["user.lifecycle.create", "user.lifecycle.activate"] {
            let local = given_okta(&[("HOOK_DEMO_LIFECYCLE", setting)]).await;
            let reply = when(&local, &event(event_type, json!({"type": "PublicClientApp"}))).await;
            assert_eq!(outcome(&reply), if joins { "created" } else { "ignored" }, "{setting}");
            assert_eq!(users(&local).len(), usize::from(joins));
        }
    }
}

#[tokio::test]
async fn who_leaves_is_counted() {
    let app = json!({"type": "AppInstance", "id": "0oa1", "displayName": "Amazon Connect"});
    let other = json!({"type": "AppInstance", "id": "0oa2", "displayName": "Payroll"});
    let group = json!({"type": "UserGroup", "id": "00gConnectAgents0001", "displayName": "x"});
    let joined = given_okta(&[]).await;
    let reply = when(&joined, &story("okta-hook-app-assigned")).await;
    let owner = body(&reply)["events"][0]["owner"].as_str().unwrap().to_owned();
    let local = given_okta(&[]).await;
    for (event_type, target, expected) in [
        ("application.user_membership.remove", &app, "leaverIgnored"),
        ("application.user_membership.remove", &other, "ignored"),
        ("group.user_membership.remove", &group, "leaverIgnored"),
        ("user.lifecycle.deactivate", &app, "leaverIgnored"),
        ("user.lifecycle.suspend", &app, "leaverIgnored"),
        ("user.lifecycle.delete.initiated", &app, "leaverIgnored"),
        ("user.lifecycle.unsuspend", &app, "ignored"),
    ] {
        let mut story = event(event_type, target.clone());
        let signed = story.signed(&local.source, "msg_1", now());
        let (reply, record) = local.send(&signed, now(), LONG).await;
        let reply = reply.unwrap();
        assert_eq!((reply.status_code, outcome(&reply)), (200, json!(expected)), "{event_type}");
        let line = record.lines(Level::Info).next().unwrap();
        if expected == "leaverIgnored" {
            assert!(line.contains(&owner), "whose user is to go: {line}");
        }
        let counted = record.metrics("prod", now()).unwrap().contains(r#""LeaverIgnored":1"#);
        assert_eq!(counted, expected == "leaverIgnored", "{event_type}");
        events(&mut story)[0]["outcome"]["result"] = json!("SKIPPED");
        assert_eq!(outcome(&when(&local, &story).await), "ignored", "{event_type}");
    }
    assert_eq!(connect(&local)["calls"], json!({}));
}

#[tokio::test]
async fn what_an_event_lacks_is_a_fault_of_the_sender_that_says_so() {
    let local = given_okta(&[]).await;
    let reply = when(&local, &story("okta-hook-name-unsplittable")).await;
    assert_eq!(reply.status_code, 400);
    assert!(reply.body.contains("displayName: expected a first and a last name"), "{}", reply.body);
    for (pointer, value, told) in [
        ("/target", json!("Bea"), "target: expected an array, found a string"),
        (
            "/target/2",
            json!({"type": "AppUser"}),
            "target: expected exactly one of type User, found none",
        ),
        (
            "/target/0/type",
            json!("User"),
            "target: expected exactly one of type User, found several",
        ),
        (
            "/target/2/alternateId",
            json!(null),
            r#"target[type eq "User"].alternateId: expected a string"#,
        ),
        (
            "/target/2/id",
            json!(7),
            r#"target[type eq "User"].id: expected a string that tells something, found a number"#,
        ),
        (
            "/target/2/displayName",
            json!(null),
            "displayName: expected a string that is not empty, found none",
        ),
        ("/target/2/alternateId", json!("bea lindt"), "userName: expected"),
        ("/eventType", json!(7), "eventType: expected a string"),
    ] {
        let mut story = story("okta-hook-app-assigned");
        *events(&mut story)[0].pointer_mut(pointer).unwrap() = value;
        let reply = when(&local, &story).await;
        assert_eq!(reply.status_code, 400, "{pointer}");
        let detail = body(&reply)["events"][0]["detail"].as_str().unwrap().to_owned();
        assert!(detail.starts_with(told), "{detail}");
    }
    for (data, told) in [
        (json!({}), "data.events: expected an array, found none"),
        (json!({"events": "x"}), "data.events: expected an array, found a string"),
    ] {
        let mut story = story("okta-hook-app-assigned");
        story.body["data"] = data;
        let reply = when(&local, &story).await;
        assert_eq!((reply.status_code, body(&reply)["detail"].as_str()), (400, Some(told)));
    }
    assert_eq!(connect(&local)["calls"], json!({}));
}

#[tokio::test]
async fn the_directory_has_the_name_that_an_event_cannot_tell() {
    let settings =
        Settings { identity: IdentityManagement::ExistingDirectory, ..Settings::default() };
    let changes = [&OKTA[..], &[("IDENTITY_MANAGEMENT", "EXISTING_DIRECTORY")]].concat();
    let local = given_with(settings, &changes).await;
    let reply = when(&local, &story("okta-hook-name-unsplittable")).await;
    assert_eq!(outcome(&reply), "created", "{}", reply.body);
}

#[tokio::test]
async fn the_worst_answer_is_the_batchs() {
    for (fault, status, kind) in [
        ("throttle", 503, "Amazon Connect asks for fewer calls"),
        ("limit", 503, "no room for another user"),
        ("denied", 503, "configuration"),
        ("ServiceUnavailable", 503, "did not confirm"),
        ("InvalidParameterException", 400, "refused a value"),
    ] {
        let local = given_okta(&[]).await;
        let mut batch = crowd(1);
        let refused = events(&mut story("okta-hook-name-unsplittable"))[0].clone();
        events(&mut batch).insert(0, refused);
        faults(&local, "CreateUser", &[fault; 40]);
        let reply = when(&local, &batch).await;
        assert_eq!(reply.status_code, status, "{fault}: {}", reply.body);
        let answer = body(&reply);
        let mine = answer["events"][1]["detail"].as_str().unwrap();
        assert!(mine.contains(kind), "{fault}: {mine}");
        assert_eq!(answer["events"][0]["status"], "400");
        // The first of the equally bad speaks for all.
        let speaker = if status == 400 { 0 } else { 1 };
        let told = answer["events"][speaker]["detail"].as_str().unwrap();
        assert_eq!(answer["detail"], format!("event {} of 2: {told}", speaker + 1), "{fault}");
        let retry = reply.headers.unwrap().get("retry-after").cloned();
        assert_eq!(retry.is_some(), status == 503 && fault != "denied", "{fault}");
    }
    let local = given_okta(&[]).await;
    foreign(&local, "bea.lindt@example.com").await;
    assert_eq!(when(&local, &story("okta-hook-app-assigned")).await.status_code, 409);
    let mut empty = story("okta-hook-batch");
    events(&mut empty).clear();
    let reply = when(&local, &empty).await;
    assert_eq!((reply.status_code, body(&reply)["events"].clone()), (200, json!([])));
}

#[tokio::test]
async fn what_did_not_fit_is_answered_503_and_the_repeat_gets_further() {
    let local = given_okta(&[]).await;
    faults(&local, "CreateUser", &["slow"; 8]);
    let batch = crowd(8);
    #[expect(clippy::disallowed_methods, reason = "a test is an outermost place")]
    let started = Instant::now();
    let reply = when(&local, &batch).await;
    assert!(started.elapsed() < Duration::from_secs(3), "Okta has gone: {:?}", started.elapsed());
    assert_eq!(reply.status_code, 503);
    local.control(&json!({"slowMs": 0}));
    let before = calls(&local, "CreateUser");
    let reply = when(&local, &batch).await;
    assert_eq!(reply.status_code, 200, "{}", reply.body);
    assert_eq!(users(&local).len(), 8);
    let repeated = calls(&local, "CreateUser") - before;
    assert!((1..8).contains(&repeated), "the first were remembered: {repeated}");
    let ids: BTreeSet<_> = users(&local).iter().map(|user| user["Id"].to_string()).collect();
    let told = body(&reply)["events"].as_array().unwrap().clone();
    assert!(told.iter().all(|event| ids.contains(&event["userId"].to_string())));
}

#[tokio::test]
async fn a_user_of_a_moment_ago_is_not_asked_for_again() {
    let local = given_okta(&[]).await;
    let event = story("okta-hook-app-assigned").signed(&local.source, "msg_1", now());
    let first = now();
    for (seconds, created) in [(0, 1), (599, 1), (600, 2), (1199, 2), (1200, 3)] {
        let at = first + Duration::from_secs(seconds);
        let reply = local.send(&event, at, LONG).await.0.unwrap();
        assert_eq!(reply.status_code, 200);
        assert_eq!(calls(&local, "CreateUser"), created, "after {seconds} s");
    }
    assert_eq!(users(&local).len(), 1);
}

#[tokio::test]
async fn what_happened_since_is_no_repeat() {
    let local = given_okta(&[]).await;
    let mut hook = story("okta-hook-app-assigned");
    let at = now();
    let send = async |hook: &Story, seconds| {
        let event = hook.signed(&local.source, "msg_1", at);
        let reply = local.send(&event, at + Duration::from_secs(seconds), LONG).await.0.unwrap();
        (outcome(&reply), calls(&local, "CreateUser"))
    };
    assert_eq!(send(&hook, 0).await, (json!("created"), 1));
    assert_eq!(send(&hook, 60).await, (json!("alreadyOurs"), 1));
    // Unassigned, removed by hand, assigned again.
    let instance = &local.directory.instance_id;
    let id = users(&local)[0]["Id"].as_str().unwrap().to_owned();
    local.client.delete_user().instance_id(instance).user_id(id).send().await.unwrap();
    events(&mut hook)[0]["published"] = json!("2099-01-01T00:00:00.000Z");
    assert_eq!(send(&hook, 120).await, (json!("created"), 2));
}

#[tokio::test]
async fn a_hook_has_as_many_events_as_its_answer_can_list() {
    let local = given_okta(&[]).await;
    for (count, told) in
        [(2000, "event 1 of 2000: data.events: expected objects"), (2001, "at most 2000")]
    {
        let mut story = story("okta-hook-batch");
        *events(&mut story) = vec![json!(0); count];
        let reply = when(&local, &story).await;
        assert_eq!(reply.status_code, 400);
        assert!(body(&reply)["detail"].as_str().unwrap().contains(told), "{count}");
        assert!(reply.body.len() < 1_000_000, "more than a load balancer takes");
    }
}

#[tokio::test]
async fn everybody_in_a_batch_gets_a_password_of_their_own() {
    let settings = Settings { identity: IdentityManagement::ConnectManaged, ..Settings::default() };
    let managed = [("IDENTITY_MANAGEMENT", "CONNECT_MANAGED"), ("GENERATE_PASSWORD", "true")];
    let local = given_with(settings, &[&OKTA[..], &managed].concat()).await;
    assert_eq!(when(&local, &crowd(3)).await.status_code, 200);
    let requests = connect(&local)["requests"].clone();
    let passwords: BTreeSet<_> =
        (0..3).map(|number| requests[number]["body"]["Password"].to_string()).collect();
    assert_eq!(passwords.len(), 3);
}

#[tokio::test]
async fn a_crowd_waits_for_its_turn() {
    let local = Local::start(Settings::default(), &OKTA).await.unwrap();
    let batch = crowd(20);
    let first = when(&local, &batch).await;
    assert_eq!(first.status_code, 503);
    let created = users(&local).len();
    assert!((6..=11).contains(&created), "five at once, then two a second: {created}");
    let answer = body(&first);
    let last = &answer["events"][19];
    assert!(last["detail"].as_str().unwrap().starts_with("there was no time left"), "{last}");
    assert!(calls(&local, "CreateUser") < 40, "and nobody pushes");
    when(&local, &batch).await;
    assert!(users(&local).len() > created, "the repeat gets further");
}
