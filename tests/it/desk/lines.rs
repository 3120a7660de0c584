//! What the log says of whom: an id and an owner, and nothing personal.

use super::*;
use crate::house::faults;

const PROFILE: &str = "urn:ietf:params:scim:schemas:extension:amazonconnect:2.0:User";

#[tokio::test]
async fn a_line_of_a_scim_client_says_who_it_is_and_no_two_requests_are_one_event() {
    let mut desk = desk("lines", &[]).await;
    let mut events = Vec::new();
    let mut owners = Vec::new();
    for name in ["a@x.example", "b@x.example"] {
        let made = desk.scim("POST", "/Users", person(name, name, "Ana")).await;
        let id = made.body["id"].as_str().unwrap().to_owned();
        let path = format!("/Users/{id}");
        let read = desk.scim("GET", &path, Value::Null).await;
        let left = json!([{"op": "replace", "path": "active", "value": false}]);
        let schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
        let left = json!({"schemas": [schema], "Operations": left});
        let left = desk.scim("PATCH", &path, left).await;
        let gone = desk.scim("DELETE", &path, Value::Null).await;
        let owner = made.line()["owner"].clone();
        for told in [&made, &read, &left, &gone] {
            let line = told.line();
            assert_eq!((&line["id"], &line["owner"]), (&json!(id), &owner), "{line}");
            assert!(!line.to_string().contains('@'), "{line}");
            events.push(line["event"].as_str().unwrap().to_owned());
        }
        let again = desk.scim("GET", &path, Value::Null).await;
        assert_eq!((again.status, &again.line()["id"]), (404, &json!(id)));
        owners.push(owner);
    }
    let stranger = desk.scim("GET", "/Users/a@x.example", Value::Null).await;
    assert_eq!(stranger.line().get("id"), None, "what is no id of ours may be a name");
    assert_ne!(owners[0], owners[1]);
    events.sort();
    events.dedup();
    assert_eq!(events.len(), 8);
}

#[tokio::test]
async fn what_is_pending_says_what_it_waits_for() {
    let mut desk = desk("pending", &[]).await;
    faults(&desk.local, "CreateUser", &["throttle", "throttle"]);
    let told = desk.signed(person("a@x.example", "A", "Ana")).await;
    assert_eq!(told.status, 202, "{}", told.body);
    assert_eq!(
        told.body.as_object().unwrap().len(),
        2,
        "the sender is told no more: {}",
        told.body
    );
    let line = told.line();
    let seen = (&line["level"], &line["outcome"], &line["fault"], &line["turn"]);
    assert_eq!(seen, (&json!("INFO"), &json!("pending"), &json!("throttled"), &json!("later")));
    assert!(line["cause"].as_str().unwrap().starts_with("CreateUser: "), "{line}");
    assert_eq!(told.counted("LaterFaults"), Some(0), "it is nobody's fault of now");
    let drained = desk.drain(2).await;
    let [stuck] = drained.pending.as_slice() else { panic!("{drained:?}") };
    assert_eq!(
        (stuck.owner.as_str(), stuck.fault.kind.code()),
        (line["owner"].as_str().unwrap(), "throttled")
    );
    assert_eq!(desk.held(), [format!("a@x.example Ana Agent")], "and then done: {drained:?}");
}

#[tokio::test]
async fn a_profile_that_is_asked_for_and_not_given_is_told() {
    for changes in [vec![], vec![("ALLOWED_ROUTING_PROFILES", "Sales")]] {
        what_is_not_given_is_told(&changes).await;
    }
}

async fn what_is_not_given_is_told(changes: &[(&'static str, &'static str)]) {
    let mut desk = desk("left-out", changes).await;
    let mut asked = person("a@x.example", "A", "Ana");
    asked["schemas"].as_array_mut().unwrap().push(json!(PROFILE));
    asked[PROFILE] = json!({"routingProfile": "Salez"});
    asked["phoneNumbers"] = json!([{"type": "mobile", "value": "none yet"}]);
    let told = desk.scim("POST", "/Users", asked).await;
    assert_eq!(told.status, 201, "{}", told.body);
    let line = told.line();
    assert_eq!(line["level"], "WARN", "{line} {}", told.body);
    let mut left_out: Vec<_> =
        line["leftOut"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    left_out.sort_unstable();
    assert_eq!(
        left_out,
        ["phoneNumbers[type eq \"mobile\"]", &format!("{PROFILE}:routingProfile")]
    );
    assert!(!line.to_string().contains("Salez"), "{line}");
    assert_eq!((told.counted("ProfileLeftOut"), told.counted("MobileLeftOut")), (Some(1), Some(1)));

    let mut number = person("b@x.example", "B", "Bea");
    number["phoneNumbers"] = json!([{"type": "mobile", "value": "none yet"}]);
    let told = desk.scim("POST", "/Users", number).await;
    assert_eq!((&told.line()["level"], told.counted("ProfileLeftOut")), (&json!("INFO"), Some(0)));
}

#[tokio::test]
async fn a_wrong_token_and_none_differ_in_the_log_alone() {
    let mut desk = desk("token", &[]).await;
    let none = desk.scim_with("GET", "/Users", Value::Null, json!({})).await;
    let wrong = json!({"authorization": "Bearer of something else"});
    let wrong = desk.scim_with("GET", "/Users", Value::Null, wrong).await;
    let twice = json!({"authorization": "Bearer a", "Authorization": "Bearer b"});
    let twice = desk.scim_with("GET", "/Users", Value::Null, twice).await;
    assert_eq!((none.status, &none.body), (wrong.status, &wrong.body));
    assert_eq!((none.status, &none.body), (twice.status, &twice.body));
    assert_eq!(none.line()["cause"], "a security header is missing");
    assert_eq!(wrong.line()["cause"], "no key matched");
    assert_eq!(twice.line()["cause"], "a security header is there twice");
}
