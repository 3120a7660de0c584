//! Okta's two dialects, request by request: an app of the catalogue, which patches, and one made by
//! the App Integration Wizard, which puts.

use serde_json::{Value, json};

use super::{client, user};

const ANA: &str = "ana.ruiz@example.com";

fn ana() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": ANA, "name": {"givenName": "Ana", "familyName": "Ruiz"},
        "emails": [{"primary": true, "value": ANA, "type": "work"}], "displayName": "Ana Ruiz",
        "locale": "en-US", "externalId": "00uujl29u0le5T6Aj10h7", "groups": [],
        "password": "1mz050nq", "active": true,
    })
}

#[tokio::test]
async fn an_app_of_the_catalogue_takes_a_person_through_a_life() {
    let okta = client(&[]).await;
    let test = okta.get("/Users?startIndex=1&count=2").await.is(200);
    assert_eq!((&test["totalResults"], &test["Resources"]), (&json!(0), &json!([])));
    let filter =
        "/Users?filter=userName%20eq%20%22ana.ruiz%40example.com%22&startIndex=1&count=100";
    assert_eq!(okta.get(filter).await.is(200)["totalResults"], 0);
    let made = okta.post("/Users", &ana()).await.is(201);
    let id = made["id"].as_str().unwrap();
    for (name, value) in ana().as_object().unwrap() {
        if !["groups", "password", "schemas"].contains(&name.as_str()) {
            assert_eq!(&made[name], value, "{name}");
        }
    }
    assert_eq!(made["password"], Value::Null);
    assert_eq!(okta.usernames(), [ANA]);
    assert_eq!(okta.get(filter).await.is(200)["Resources"][0]["id"], id);
    let again = okta.post("/Users", &ana()).await.is(409);
    assert_eq!(again["scimType"], "uniqueness");

    let target = format!("/Users/{id}");
    assert_eq!(okta.access(ANA), ["Agent"]);
    let off = okta.patch(&target, json!([{"op": "replace", "value": {"active": false}}])).await;
    assert_eq!(off.is(200)["active"], false);
    assert_eq!(okta.access(ANA), ["No Access"]);
    let on = okta.patch(&target, json!([{"op": "replace", "value": {"active": true}}])).await;
    assert_eq!(on.is(200)["active"], true);
    assert_eq!(okta.access(ANA), ["Agent"]);
    let before = okta.get(&target).await.is(200);
    let password = json!([{"op": "replace", "value": {"password": "N3w-Secret!"}}]);
    let same = okta.patch(&target, password).await.is(200);
    assert_eq!(same, before, "a password is kept nowhere");
    okta.delete(&target).await.is(204);
    okta.get(&target).await.is(404);
    assert!(okta.usernames().is_empty());
    assert_eq!(okta.get("/Users").await.is(200)["totalResults"], 0);
}

#[tokio::test]
async fn an_app_of_the_wizard_puts_back_what_it_read() {
    let okta = client(&[]).await;
    let made = okta.post("/Users", &ana()).await.is(201);
    let target = format!("/Users/{}", made["id"].as_str().unwrap());
    let mut read = okta.get(&target).await.is(200);
    let same = okta.put(&target, &read).await.is(200);
    assert_eq!(same, read, "an echo changes nothing, not even the version");
    read["name"]["familyName"] = json!("Ruiz-Gil");
    let renamed = okta.put(&target, &read).await.is(200);
    assert_eq!(renamed["name"]["familyName"], "Ruiz-Gil");
    assert_ne!(renamed["meta"]["version"], made["meta"]["version"]);
    assert_eq!(okta.held()["users"][0]["IdentityInfo"]["LastName"], "Ruiz-Gil");

    let mut off = renamed.clone();
    off["active"] = json!(false);
    assert_eq!(okta.put(&target, &off).await.is(200)["active"], false);
    assert_eq!(okta.access(ANA), ["No Access"]);
    let mut silent = off.clone();
    silent.as_object_mut().unwrap().remove("active");
    assert_eq!(okta.put(&target, &silent).await.is(200)["active"], false, "unchanged");
    assert_eq!(okta.access(ANA), ["No Access"]);
    off["active"] = json!(true);
    okta.put(&target, &off).await.is(200);
    assert_eq!(okta.access(ANA), ["Agent"]);
    assert_eq!(okta.put(&target, &silent).await.is(200)["active"], true, "unchanged");
}

#[tokio::test]
async fn groups_are_pushed_renamed_filled_and_emptied() {
    let okta = client(&[]).await;
    let (ana, ben) = (okta.user(ANA).await, okta.user("ben@example.com").await);
    let name = "Connect Agents EMEA";
    let filter = "/Groups?filter=displayName%20eq%20%22Connect%20Agents%20EMEA%22";
    assert_eq!(okta.get(filter).await.is(200)["totalResults"], 0);
    let push = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name,
        "members": [],
    });
    let made = okta.post("/Groups", &push).await.is(201);
    let id = made["id"].as_str().unwrap();
    let target = format!("/Groups/{id}");
    assert_eq!(okta.get(filter).await.is(200)["Resources"][0]["id"], id);
    assert_eq!(okta.post("/Groups", &push).await.is(409)["scimType"], "uniqueness");
    let steps = json!([
        {"op": "remove", "path": "members[value eq \"u-11\"]"},
        {"op": "add", "path": "members", "value": [{"value": ana, "display": ANA}]},
    ]);
    let filled = okta.patch(&target, steps).await.is(200);
    assert_eq!(filled["members"][0]["value"], ana.as_str());
    assert_eq!(filled["members"][0]["display"], ANA);
    let user = okta.get(&format!("/Users/{ana}")).await.is(200);
    assert_eq!(user["groups"][0]["value"], id);
    assert_eq!(user["groups"][0]["display"], name);
    let rename =
        json!([{"op": "replace", "value": {"id": id, "displayName": "Connect Agents Iberia"}}]);
    let renamed = okta.patch(&target, rename).await.is(200);
    assert_eq!(renamed["displayName"], "Connect Agents Iberia");
    assert_eq!(renamed["members"], filled["members"]);
    let all = json!([{"op": "replace", "path": "members", "value": [{"value": ben}]}]);
    let replaced = okta.patch(&target, all).await.is(200);
    assert_eq!(replaced["members"].as_array().unwrap().len(), 1);
    assert_eq!(replaced["members"][0]["value"], ben.as_str());
    let now = json!([{"op": "replace", "value": {"id": id, "displayName": name, "members": []}}]);
    let emptied = okta.patch(&target, now).await.is(200);
    assert_eq!(emptied["members"].as_array().map_or(0, Vec::len), 0);
    okta.delete(&target).await.is(204);
    okta.get(&target).await.is(404);
}

#[tokio::test]
async fn a_group_is_put_back_as_it_was_read() {
    let okta = client(&[]).await;
    let (ana, ben) = (okta.user(ANA).await, okta.user("ben@example.com").await);
    let push = json!({"displayName": "Agents", "members": [{"value": ana, "display": ANA}]});
    let made = okta.post("/Groups", &push).await.is(201);
    let target = format!("/Groups/{}", made["id"].as_str().unwrap());
    let read = okta.get(&target).await.is(200);
    assert_eq!(okta.put(&target, &read).await.is(200), read, "an echo changes nothing");
    let mut renamed = read.clone();
    renamed["displayName"] = json!("Leads");
    renamed["members"].as_array_mut().unwrap().push(json!({"value": ben}));
    let renamed = okta.put(&target, &renamed).await.is(200);
    assert_eq!((&renamed["displayName"], &renamed["id"]), (&json!("Leads"), &read["id"]));
    let members: Vec<_> =
        renamed["members"].as_array().unwrap().iter().map(|it| &it["value"]).collect();
    assert_eq!(members, [&json!(ana), &json!(ben)]);
    let mut other = renamed.clone();
    other["members"][0]["display"] = json!("Ana");
    let other = okta.put(&target, &other).await.is(200);
    assert_eq!(other["members"][0]["display"], "Ana");
    assert_ne!(other["meta"]["version"], renamed["meta"]["version"]);
    let emptied = okta.put(&target, &json!({"displayName": "Leads"})).await.is(200);
    assert_eq!(emptied["members"], json!([]));
    assert_eq!(okta.get(&format!("/Users/{ana}")).await.is(200)["groups"], Value::Null);
}

#[tokio::test]
async fn an_import_reads_everybody_once_and_in_order() {
    let okta = client(&[]).await;
    for number in 0..25 {
        okta.post("/Users", &user(&format!("agent{number:02}@example.com"))).await.is(201);
    }
    let calls = okta.calls();
    let (mut seen, mut start) = (Vec::new(), 1);
    loop {
        let page = okta.get(&format!("/Users?startIndex={start}&count=10")).await.is(200);
        assert_eq!(page["totalResults"], 25);
        assert_eq!(page["startIndex"], start);
        let users = page["Resources"].as_array().unwrap();
        assert_eq!(page["itemsPerPage"], users.len());
        seen.extend(users.iter().map(|user| user["userName"].as_str().unwrap().to_owned()));
        start += users.len();
        if start > 25 {
            break;
        }
    }
    assert_eq!(seen[0], "agent24@example.com", "the newest is on the first page");
    let expected: Vec<_> = (0..25).map(|number| format!("agent{number:02}@example.com")).collect();
    seen.sort();
    assert_eq!(seen, expected);
    assert_eq!(okta.calls(), calls, "reads never call Connect");
}
