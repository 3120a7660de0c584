//! Towards Connect: which calls each action makes, what becomes of leavers, what a payload and a group
//! may give, and what of all that a client sees.

use connect_provisioner::standin::Directory;
use serde_json::{Value, json};

use super::{CONNECT, Client, client, user};

const ANA: &str = "ana@example.com";

/// The calls since those of before, by operation.
fn since(client: &Client, before: &Value) -> Value {
    let now = client.held()["calls"].clone();
    let more = now.as_object().unwrap().iter().filter_map(|(operation, count)| {
        let more = count.as_u64()? - before[operation].as_u64().unwrap_or_default();
        (more > 0).then(|| (operation.clone(), json!(more)))
    });
    Value::Object(more.collect())
}

#[tokio::test]
async fn each_action_costs_a_look_and_a_call_for_each_difference() {
    let client = client(&[]).await;
    let target = format!("/Users/{}", client.user(ANA).await);
    assert_eq!(since(&client, &json!({})), json!({"CreateUser": 1}));
    let suspended = json!({"DescribeUser": 1, "UpdateUserSecurityProfiles": 1, "DeleteAllEntitySessions": 1, "TagResource": 1});
    let back = json!({"DescribeUser": 1, "UpdateUserSecurityProfiles": 1, "UntagResource": 1});
    let renamed = json!({
        "DescribeUser": 2, "CreateUser": 1, "UpdateUserSecurityProfiles": 1,
        "DeleteAllEntitySessions": 1, "DeleteUser": 1,
    });
    for (value, calls) in [
        (json!({"title": "Agent"}), json!({})),
        (
            json!({"name.familyName": "Gil"}),
            json!({"DescribeUser": 1, "UpdateUserIdentityInfo": 1}),
        ),
        (json!({"name.familyName": "Gil"}), json!({})),
        (json!({"active": false}), suspended),
        (json!({"active": true}), back),
        (json!({"userName": "ana.gil@example.com"}), renamed),
    ] {
        let before = client.held()["calls"].clone();
        let operations = json!([{"op": "replace", "value": value}]);
        client.patch(&target, operations).await.is(200);
        let made = since(&client, &before);
        let looks_only = json!({"DescribeUser": 1});
        assert!(made == calls || calls == json!({}) && made == looks_only, "{value}: {made}");
    }
    let before = client.held()["calls"].clone();
    client.delete(&target).await.is(204);
    let removed = json!({
        "DescribeUser": 1, "UpdateUserSecurityProfiles": 1, "DeleteAllEntitySessions": 1,
        "DeleteUser": 1,
    });
    assert_eq!(since(&client, &before), removed);
}

#[tokio::test]
async fn who_leaves_is_removed_or_kept_if_the_operator_says_so() {
    for (deactivate, left) in [("delete", 0), ("keep", 1)] {
        let client = client(&[("DEACTIVATE", deactivate)]).await;
        let target = format!("/Users/{}", client.user(ANA).await);
        let active = |active: bool| json!([{"op": "replace", "value": {"active": active}}]);
        assert_eq!(client.patch(&target, active(false)).await.is(200)["active"], false);
        assert_eq!(client.usernames().len(), left, "{deactivate}");
        assert_eq!(client.get(&target).await.is(200)["active"], false);
        client.patch(&target, active(true)).await.is(200);
        assert_eq!(client.access(ANA), ["Agent"], "{deactivate}");
        client.delete(&target).await.is(204);
        assert!(client.usernames().is_empty());
    }
}

#[tokio::test]
async fn what_the_operator_allows_a_client_may_choose() {
    let client = client(&[
        ("ALLOWED_ROUTING_PROFILES", "Sales"),
        ("ALLOWED_SECURITY_PROFILES", "Agent,QualityAnalyst"),
        ("ALLOWED_HIERARCHY_GROUPS", "EMEA"),
    ])
    .await;
    let mut chosen = user(ANA);
    let own = json!({
        "routingProfile": "Sales", "securityProfiles": ["QualityAnalyst"], "hierarchyGroup": "EMEA",
        "phone": {
            "type": "DESK_PHONE", "deskNumber": "+34600100200", "autoAccept": true,
            "afterContactWorkSeconds": 30, "persistentConnection": true,
        },
    });
    chosen[CONNECT] = own.clone();
    let made = client.post("/Users", &chosen).await.is(201);
    assert_eq!(made[CONNECT], own);
    let Directory { routing_profiles, hierarchy_groups, .. } = &client.local.directory;
    let held = client.held()["users"][0].clone();
    assert_eq!(client.access(ANA), ["QualityAnalyst"]);
    assert_eq!(held["RoutingProfileId"], routing_profiles["Sales"].as_str());
    assert_eq!(held["HierarchyGroupId"], hierarchy_groups["EMEA"].as_str());
    assert_eq!(held["PhoneConfig"]["DeskPhoneNumber"], "+34600100200");
    assert_eq!(held["PhoneConfig"]["AfterContactWorkTimeLimit"], 30);

    let schema = client.get(&format!("/Schemas/{CONNECT}")).await.is(200);
    let canonical = |name: &str| {
        let attributes = schema["attributes"].as_array().unwrap();
        attributes.iter().find(|it| it["name"] == name).unwrap()["canonicalValues"].clone()
    };
    assert_eq!(canonical("securityProfiles"), json!(["Agent", "QualityAnalyst"]));
    assert_eq!(canonical("hierarchyGroup"), json!(["EMEA"]));

    let target = format!("/Users/{}", made["id"].as_str().unwrap());
    let path = format!("{CONNECT}:securityProfiles");
    let wrapped = json!([{"op": "Replace", "path": path, "value": [{"value": "Agent"}]}]);
    client.patch(&target, wrapped).await.is(200);
    assert_eq!(client.access(ANA), ["Agent"]);
    let admin = json!([{"op": "Replace", "path": path, "value": "Admin"}]);
    let kept = client.patch(&target, admin).await.is(200);
    assert_eq!(kept[CONNECT]["securityProfiles"], json!(["Admin"]), "as it was sent");
    let told = client.told(&kept["id"]).await;
    assert!(told["detail"].as_str().unwrap().contains("securityProfiles"), "{told}");
    assert_eq!(client.access(ANA), ["Agent"]);
}

#[tokio::test]
async fn a_new_address_of_a_type_takes_the_place_of_the_old_one_in_connect_too() {
    let client = client(&[("EMAIL_AS", "secondary")]).await;
    let target = format!("/Users/{}", client.user(ANA).await);
    let add = json!([
        {"op": "add", "path": "emails", "value": [{"type": "work", "value": "new@example.com"}]},
    ]);
    let emails = client.patch(&target, add).await.is(200)["emails"].clone();
    assert_eq!(emails, json!([{"primary": true, "type": "work", "value": "new@example.com"}]));
    let held = client.held()["users"][0]["IdentityInfo"].clone();
    assert_eq!(held["SecondaryEmail"], "new@example.com");
}

#[tokio::test]
async fn two_numbers_and_a_name_with_brackets_come_to_what_they_say() {
    let client = client(&[]).await;
    for (number, display_name, sent, first, last, mobile, told) in [
        (1, "Nora Lind (IT)", "+34 600 100 200/201", "Nora", "Lind", Value::Null, "more than one"),
        (2, "Lind, Nora (IT)", "TEL:+34600100200", "Nora", "Lind", json!("+34600100200"), ""),
        (3, "山田 太郎", "tel:+34600100200;ext=5", "太郎", "山田", Value::Null, "extension"),
    ] {
        let name = format!("agent{number}@example.com");
        let sent = json!({
            "userName": name, "displayName": display_name,
            "phoneNumbers": [{"type": "mobile", "value": sent}],
        });
        let made = client.post("/Users", &sent).await.is(201);
        assert_eq!(made["phoneNumbers"], sent["phoneNumbers"], "as it was sent");
        let users = client.held()["users"].clone();
        let held = users.as_array().unwrap().iter().find(|user| user["Username"] == *name);
        let info = &held.unwrap()["IdentityInfo"];
        assert_eq!((&info["FirstName"], &info["LastName"]), (&json!(first), &json!(last)));
        assert_eq!(info["Mobile"], mobile, "{display_name}");
        let detail = client.told(&made["id"]).await["detail"].clone();
        assert!(detail.as_str().unwrap_or_default().contains(told), "{detail}");
    }
}
