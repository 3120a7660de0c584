//! What clients really send on writes, as public reports have it: what Connect holds then, and what a
//! client reads back.

use serde_json::{Value, json};

use super::{CONNECT, Client, ENTERPRISE, client, user};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ANA: &str = "ana@example.com";

async fn client_with_profiles() -> Client {
    let profiles = ("ALLOWED_SECURITY_PROFILES", "Agent,QualityAnalyst");
    client(&[profiles, ("CONNECT_RATE", "100"), ("MAX_REMOVALS_PER_HOUR", "1000")]).await
}

/// A group with these members, and where it is.
async fn group(client: &Client, members: &[&str]) -> String {
    let members: Value = members.iter().map(|value| json!({"value": value})).collect();
    let made = client.post("/Groups", &json!({"displayName": "Crew", "members": members})).await;
    format!("/Groups/{}", made.is(201)["id"].as_str().unwrap())
}

async fn members(client: &Client, target: &str) -> Vec<String> {
    let group = client.get(target).await.is(200);
    let members = group["members"].as_array().cloned().unwrap_or_default();
    let value = |member: &Value| member["value"].as_str().unwrap().to_owned();
    let mut members: Vec<_> = members.iter().map(value).collect();
    members.sort();
    members
}

#[tokio::test]
async fn who_is_locked_out_is_out_however_it_is_written() {
    let client = client_with_profiles().await;
    let target = format!("/Users/{}", client.user(ANA).await);
    let old = "urn:scim:schemas:core:1.0";
    for (operation, is_understood) in [
        (json!({"op": "replace", "value": {USER: {"active": false}}}), true),
        (json!({"op": "replace", "path": USER, "value": {"Active": "False"}}), true),
        (json!({"op": "replace", "path": format!("{USER}:active"), "value": [false]}), true),
        (json!({"op": "replace", "value": "{\"active\":\"false\"}"}), true),
        (json!({"op": "add", "value": {"ACTIVE": {"value": false}}}), true),
        (json!({"op": "replace", "path": "active.value", "value": false}), false),
        (json!({"op": "replace", "path": "active[value eq true]", "value": false}), false),
        (json!({"op": "replace", "path": "user.active", "value": false}), false),
        (json!({"op": "replace", "path": format!("{old}:active"), "value": false}), false),
        (json!({"op": "replace", "path": old, "value": {"active": false}}), false),
        (json!({"op": "replace", "value": {"user": {"active": false}}}), false),
        (json!({"op": "replace", "path": ENTERPRISE, "value": {"active": false}}), false),
        (json!({"op": "replace", "path": "active", "value": 0}), false),
        (json!({"op": "replace", "path": "active", "value": "[false]"}), false),
    ] {
        let answer = client.patch(&target, json!([operation])).await;
        if is_understood {
            assert_eq!(answer.is(200)["active"], false, "{operation}");
            assert_eq!(client.access(ANA), ["No Access"], "{operation}");
            let back = json!([{"op": "replace", "path": "active", "value": true}]);
            client.patch(&target, back).await.is(200);
        } else {
            let kind = answer.is(400)["scimType"].clone();
            assert!(
                ["invalidPath", "invalidValue"].map(Value::from).contains(&kind),
                "{operation}"
            );
            assert_eq!(client.get(&target).await.is(200)["active"], true, "{operation}");
        }
        assert_eq!(client.access(ANA), ["Agent"], "{operation}");
    }
    let mut nested = user(ANA);
    nested.as_object_mut().unwrap().remove("active");
    nested[USER] = json!({"active": false});
    assert_eq!(client.put(&target, &nested).await.is(200)["active"], false);
    assert_eq!(client.access(ANA), ["No Access"]);
    nested["userName"] = json!("ben@example.com");
    assert_eq!(client.post("/Users", &nested).await.is(201)["active"], false);
    assert_eq!(client.usernames(), [ANA], "who does not work is not made");
}

#[tokio::test]
async fn who_is_in_a_group_is_somebody_or_nothing_changes() {
    let client = client(&[]).await;
    let (a, b) = (client.user(ANA).await, client.user("ben@example.com").await);
    let mut both = [a.clone(), b.clone()];
    both.sort();
    let target = group(&client, &[&a, &b]).await;
    let shown = client.get(&target).await.is(200)["members"][0]["$ref"].clone();
    let shown = shown.as_str().unwrap();
    let replace = |value: Value| json!({"op": "replace", "path": "members", "value": value});
    let remove = |value: Value| json!({"op": "remove", "path": "members", "value": value});
    let filtered = |filter: String| json!({"op": "remove", "path": format!("members[{filter}]")});
    for (operation, left) in [
        (replace(json!(json!([{"value": a}]).to_string())), vec![&a]),
        (replace(json!([{"id": a}])), vec![&a]),
        (replace(json!([{"$ref": shown}])), vec![&a]),
        (replace(json!({"members": {"value": [a]}})), vec![&a]),
        (replace(json!([{"value": format!("https://x.example/scim/v2/Users/{a}")}])), vec![&a]),
        (filtered(format!("value eq \"{shown}\"")), vec![&b]),
        (replace(json!("[]")), vec![]),
        (remove(json!([{"$ref": format!("../Users/{b}/")}])), vec![&a]),
        (remove(json!(json!({"value": b}).to_string())), vec![&a]),
        (filtered(format!("value eq '{b}'")), vec![&a]),
        (filtered(format!("$ref eq \"{shown}\"")), vec![&b]),
        (json!({"op": "remove", "path": "members.$ref", "value": shown}), vec![&b]),
    ] {
        client.patch(&target, json!([operation])).await.is(200);
        assert_eq!(
            members(&client, &target).await,
            left.into_iter().cloned().collect::<Vec<_>>(),
            "{operation}"
        );
        client.patch(&target, json!([replace(json!([a, b]))])).await.is(200);
        assert_eq!(members(&client, &target).await, both);
    }
    let nothing = json!({"op": "add", "path": format!("members[value eq \"{a}\"]"), "value": null});
    client.patch(&target, json!([nothing])).await.is(400);
    client.patch(&target, json!([{"op": "remove", "path": "urn:ietf:params:scim:schemas:core:2.0:Group:members[x"}])).await.is(400);
    assert_eq!(members(&client, &target).await, both);
    let ana = format!("/Users/{a}");
    let id = target.trim_start_matches("/Groups/");
    let leave = json!([{"op": "remove", "path": format!("groups[value eq \"{id}\"]")}]);
    assert_eq!(client.patch(&ana, leave).await.is(400)["scimType"], "mutability");
    for value in [
        json!([{"display": "Ana"}]),
        json!([{"value": null}]),
        json!([null]),
        json!([{"value": a}, {}]),
        json!({"0": {"value": a}}),
        json!("[{\"value\""),
        json!("null"),
    ] {
        for op in ["add", "replace", "remove"] {
            let operation = json!([{"op": op, "path": "members", "value": value}]);
            let refused = client.patch(&target, operation).await.is(400);
            assert_eq!(refused["scimType"], "invalidValue", "{op} {value}");
        }
        let body = json!({"displayName": "Crew", "members": value});
        assert_eq!(client.put(&target, &body).await.is(400)["scimType"], "invalidValue", "{value}");
        let body = json!({"displayName": "Others", "members": value});
        client.post("/Groups", &body).await.is(400);
        assert_eq!(members(&client, &target).await, both, "{value}");
    }
    assert_eq!(client.get("/Groups").await.is(200)["totalResults"], 1);
    let query = shown.replace(':', "%3A").replace('/', "%2F");
    let query = format!("/Groups?filter=members[%24ref%20eq%20%22{query}%22]");
    assert_eq!(client.get(&query).await.is(200)["totalResults"], 1);
    let odd = json!([{"$ref": "https://elsewhere.example/Groups/g1"}]);
    let told = client.patch(&target, json!([replace(odd)])).await.is(200);
    assert!(told["members"][0]["$ref"].as_str().unwrap().ends_with("/scim/v2/Groups/g1"), "{told}");
}

#[tokio::test]
async fn profiles_and_addresses_reach_connect_however_they_are_written() {
    let client = client_with_profiles().await;
    let target = format!("/Users/{}", client.user(ANA).await);
    for (operation, access) in [
        (
            json!({"op": "add", "path": "securityProfiles", "value": "[\"QualityAnalyst\"]"}),
            "QualityAnalyst",
        ),
        (json!({"op": "replace", "value": {"securityProfiles": [{"value": "Agent"}]}}), "Agent"),
        (
            json!({"op": "replace", "path": CONNECT, "value": "{\"securityProfiles\":[\"QualityAnalyst\"]}"}),
            "QualityAnalyst",
        ),
        (
            json!({"op": "replace", "path": "securityProfiles[value eq 'QualityAnalyst']", "value": "Agent"}),
            "Agent",
        ),
    ] {
        client.patch(&target, json!([operation])).await.is(200);
        assert_eq!(client.access(ANA), [access], "{operation}");
    }
    let lost = json!([{"op": "add", "path": format!("{CONNECT}:securityProfile"), "value": "QualityAnalyst"}]);
    client.patch(&target, lost).await.is(400);
    let enterprise = json!([
        {"op": "Add", "path": "manager", "value": [{"$ref": "../Users/m1", "value": "m1"}]},
        {"op": "Replace", "path": "department", "value": "Care"},
        {"op": "Add", "value": {"employeeNumber": "4711"}},
    ]);
    let told = client.patch(&target, enterprise).await.is(200);
    assert_eq!(told[ENTERPRISE]["manager"]["value"], "m1");
    assert_eq!(
        (&told[ENTERPRISE]["department"], &told["department"]),
        (&json!("Care"), &Value::Null)
    );
    assert_eq!(told[ENTERPRISE]["employeeNumber"], "4711");
    let addresses = json!([
        {"op": "replace", "path": "emails[type eq 'work'].value", "value": "New@example.com"},
        {"op": "add", "path": "emails", "value": [{"type": "home", "value": ""}]},
    ]);
    let told = client.patch(&target, addresses).await.is(200);
    assert_eq!(
        told["emails"],
        json!([{"primary": true, "type": "work", "value": "New@example.com"}])
    );
    let remove =
        json!([{"op": "remove", "path": "emails", "value": [{"value": "new@EXAMPLE.com"}]}]);
    assert_eq!(client.patch(&target, remove).await.is(200)["emails"], Value::Null);
}

#[tokio::test]
async fn strictly_quotes_are_jsons_and_a_text_is_a_text() {
    let client = client(&[("SCIM_STRICT", "true")]).await;
    let mut ana = user(ANA);
    ana["schemas"] = json!([USER]);
    let id = client.post("/Users", &ana).await.is(201)["id"].clone();
    let schemas = json!(["urn:ietf:params:scim:schemas:core:2.0:Group"]);
    let crew = json!({"schemas": schemas, "displayName": "Crew", "members": [{"value": id}]});
    let made = client.post("/Groups", &crew).await.is(201);
    let target = format!("/Groups/{}", made["id"].as_str().unwrap());
    let path = format!("members[value eq '{}']", id.as_str().unwrap());
    let refused = client.patch(&target, json!([{"op": "remove", "path": path}])).await.is(400);
    assert_eq!(refused["scimType"], "invalidFilter");
    for value in [json!("[{\"value\":\"a\"}]"), json!([{"display": "Ana"}]), json!([null])] {
        let replace = json!([{"op": "replace", "path": "members", "value": value}]);
        client.patch(&target, replace).await.is(400);
    }
    assert_eq!(members(&client, &target).await, [id.as_str().unwrap()]);
    let search = async |filter: &str| {
        let schemas = json!(["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]);
        client.post("/.search", &json!({"schemas": schemas, "filter": filter})).await
    };
    let either = search("userName sw \"zz\" or displayName eq \"Crew\"").await.is(200);
    assert_eq!((&either["totalResults"], &either["Resources"][0]["id"]), (&json!(1), &made["id"]));
    let both = search("userName sw \"ana\" or displayName eq \"Crew\"").await.is(200);
    assert_eq!(both["totalResults"], 2);
    assert_eq!(
        search("shoe pr or displayName eq \"Crew\"").await.is(400)["scimType"],
        "invalidFilter"
    );
}
