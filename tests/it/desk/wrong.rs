//! Messages that are not quite right: refused, so that somebody hears of it, but where somebody leaves.

use super::*;

fn envelope(event_type: &str, timestamp: &Value) -> Value {
    let data = person("a@x.example", "A", "Ana");
    json!({"type": event_type, "timestamp": timestamp, "data": data})
}

#[tokio::test]
async fn a_time_that_cannot_be_read_is_refused_but_who_leaves_is_out() {
    for unread in [
        json!("27.11.2026"),
        json!("yesterday"),
        json!(20_261_127),
        json!(-5),
        json!(true),
        json!(["x"]),
    ] {
        let mut desk = desk("unread", &[]).await;
        for joins in ["user.created", "user.updated"] {
            let told = desk.signed(envelope(joins, &unread)).await;
            assert_eq!(told.status, 400, "{joins} {unread}: {}", told.body);
            assert!(told.body["detail"].as_str().unwrap().starts_with("timestamp: expected"));
        }
        assert_eq!(desk.held(), [""; 0]);
        desk.signed(person("a@x.example", "A", "Ana")).await;
        let told = desk.signed(envelope("user.activated", &unread)).await;
        assert_eq!(told.status, 400, "{unread}: {}", told.body);
        let told = desk.signed(envelope("user.deactivated", &unread)).await;
        assert_eq!(
            (told.status, &told.body["outcome"]),
            (200, &json!("suspended")),
            "{unread}: {}",
            told.body
        );
        assert_eq!(
            (&told.line()["level"], &told.line()["warning"]),
            (&json!("WARN"), &json!("unreadTime"))
        );
        assert_eq!(desk.held(), ["a@x.example Ana No Access"]);
        let told = desk.signed(envelope("user.deleted", &unread)).await;
        assert_eq!(
            (told.status, &told.body["outcome"]),
            (200, &json!("removed")),
            "{unread}: {}",
            told.body
        );
        assert_eq!(desk.held(), [""; 0]);
    }
}

#[tokio::test]
async fn who_is_told_inactive_leaves_whatever_the_message_says_of_its_time() {
    for timestamp in [Value::Null, json!("27.11.2026")] {
        let mut desk = desk("inactive", &[]).await;
        desk.signed(person("a@x.example", "A", "Ana")).await;
        assert_eq!(desk.held(), ["a@x.example Ana Agent"]);
        let mut data = person("a@x.example", "A", "Ana");
        data["active"] = json!(false);
        data["meta"] = json!({"lastModified": "2020-01-01T00:00:00Z"});
        let mut message = json!({"type": "user.updated", "data": data});
        if timestamp.is_string() {
            message["timestamp"] = timestamp.clone();
        }
        let told = desk.signed(message).await;
        assert_eq!(told.status, 200, "{timestamp}: {}", told.body);
        assert_eq!(desk.held(), ["a@x.example Ana No Access"], "{timestamp}");
    }
}

#[tokio::test]
async fn what_stands_below_the_core_urn_in_a_hook_is_refused_and_never_passed_over() {
    const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
    let mut desk = desk("below", &[]).await;
    desk.signed(person("a@x.example", "A", "Ana")).await;
    for (name, value) in
        [(USER.to_owned(), json!({"active": false})), (format!("{USER}:active"), json!(false))]
    {
        let mut data = person("a@x.example", "A", "Ana");
        data[&name] = value;
        for message in [data.clone(), json!({"type": "user.updated", "data": data})] {
            let told = desk.signed(message).await;
            assert_eq!(told.status, 400, "{name}: {}", told.body);
        }
        let told = desk.signed(json!({"type": "user.deactivated", "data": data})).await;
        assert_eq!(told.status, 200, "who leaves is out all the same: {}", told.body);
        assert_eq!(desk.held(), ["a@x.example Ana No Access"]);
        let back = json!({"type": "user.activated", "data": person("a@x.example", "A", "Ana")});
        desk.signed(back).await;
    }
}

#[tokio::test]
async fn a_number_since_1970_dates_a_message() {
    for (divisor, as_text) in [(1000, false), (1000, true), (1, false), (1, true)] {
        let mut desk = desk("number", &[]).await;
        desk.at += Duration::from_secs(600);
        let ago = |seconds: u64| {
            let at = desk.at - Duration::from_secs(seconds);
            let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
            let number = u64::try_from(since).unwrap() / divisor;
            if as_text { json!(number.to_string()) } else { json!(number) }
        };
        let (newer, older) = (ago(60), ago(300));
        desk.signed(envelope("user.created", &newer)).await;
        let mut late = envelope("user.updated", &older);
        late["data"]["name"]["givenName"] = json!("Anna");
        let told = desk.signed(late).await;
        assert_eq!((told.status, &told.body["outcome"]), (200, &json!("ignored")), "{}", told.body);
        assert_eq!(desk.held(), ["a@x.example Ana Agent"]);
    }
}

#[tokio::test]
async fn when_a_resource_was_changed_does_not_date_a_farewell() {
    let mut desk = desk("modified", &[]).await;
    desk.signed(person("a@x.example", "A", "Ana")).await;
    let mut leaves = json!({"type": "user.deactivated", "data": person("a@x.example", "A", "Ana")});
    leaves["data"]["meta"] = json!({"lastModified": "2025-01-01T00:00:00Z"});
    desk.signed(leaves).await;
    assert_eq!(desk.held(), ["a@x.example Ana No Access"]);
}

#[tokio::test]
async fn oktas_leaver_of_an_unreadable_time_is_out() {
    let mut desk = desk("okta-time", &[]).await;
    desk.okta("application.user_membership.add", "00uA", "a@x.example", "Ana Lind").await;
    let mut hook = story("okta-hook-app-assigned");
    let event = &mut hook.body["data"]["events"][0];
    event["eventType"] = json!("user.lifecycle.deactivate");
    (event["uuid"], event["published"]) = (json!("u"), json!("27.11.2026"));
    let target = event["target"].as_array_mut().unwrap();
    let target = target.iter_mut().find(|target| target["type"] == "User").unwrap();
    (target["id"], target["alternateId"]) = (json!("00uA"), json!("a@x.example"));
    let told = desk.hook(&hook).await;
    assert_eq!(desk.held(), ["a@x.example Ana No Access"], "{}", told.body);
    assert_eq!(
        (&told.line()["level"], &told.line()["warning"]),
        (&json!("WARN"), &json!("unreadTime"))
    );
}

#[tokio::test]
async fn a_type_that_is_nearly_a_known_one_is_refused_and_another_is_told() {
    let mut desk = desk("types", &[]).await;
    desk.signed(person("a@x.example", "A", "Ana")).await;
    for near in [
        "user.create",
        "user.deactivate",
        "user_deactivated",
        "user/deleted",
        "User.Deactivated",
        "user.delted",
    ] {
        let told = desk.signed(json!({"type": near, "data": {"externalId": "A"}})).await;
        assert_eq!(told.status, 400, "{near}: {}", told.body);
        let detail = told.body["detail"].as_str().unwrap();
        for known in
            ["user.created", "user.updated", "user.deactivated", "user.activated", "user.deleted"]
        {
            assert!(detail.contains(known), "{detail}");
        }
    }
    for other in ["user.terminated", "invoice.paid"] {
        let told = desk.signed(json!({"type": other, "data": {"externalId": "A"}})).await;
        assert_eq!((told.status, &told.body["outcome"]), (200, &json!("ignored")), "{}", told.body);
        assert_eq!(
            (&told.line()["level"], &told.line()["warning"]),
            (&json!("WARN"), &json!("unknownType"))
        );
        assert_eq!(told.counted("UnknownTypes"), Some(1));
    }
    let known = desk.signed(person("a@x.example", "A", "Ana")).await;
    assert_eq!((&known.line()["level"], known.counted("UnknownTypes")), (&json!("INFO"), Some(0)));
    assert_eq!(desk.held(), ["a@x.example Ana Agent"]);
}

#[tokio::test]
async fn who_tells_but_what_changed_hears_that_the_whole_person_is_wanted() {
    let mut desk = desk("partial", &[]).await;
    desk.signed(person("a@x.example", "A", "Ana")).await;
    for data in [
        json!({"externalId": "A", "userName": "a@x.example", "title": "Lead"}),
        json!({"externalId": "A", "name": {"givenName": "Anna", "familyName": "Lind"}}),
        json!({"name": {"givenName": "Anna", "familyName": "Lind"}}),
    ] {
        let told = desk.signed(json!({"type": "user.updated", "data": data})).await;
        assert_eq!(told.status, 400, "{}", told.body);
        assert!(
            told.body["detail"].as_str().unwrap().contains("the whole person"),
            "{}",
            told.body
        );
    }
    let created =
        desk.signed(json!({"type": "user.created", "data": {"userName": "b@x.example"}})).await;
    assert!(!created.body["detail"].as_str().unwrap().contains("whole"), "{}", created.body);
}
