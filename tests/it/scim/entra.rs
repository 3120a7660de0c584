//! Entra ID's two dialects, request by request: the verbose default, and the compliant flag.

use serde_json::{Value, json};

use super::{CONNECT, ENTERPRISE, client};

const ANA: &str = "ana.ruiz@contoso.com";

fn ana() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef", "userName": ANA, "active": true,
        "displayName": "Ana Ruiz", "emails": [{"primary": true, "type": "work", "value": ANA}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "Ana Ruiz", "familyName": "Ruiz", "givenName": "Ana"}, "roles": [],
        "addresses": null, "phoneNumbers": null, "title": null,
        ENTERPRISE: {"department": "Support", "employeeNumber": "4711", "manager": "u-0009"},
    })
}

#[tokio::test]
async fn the_test_of_the_connection_finds_nobody() {
    let entra = client(&[]).await;
    let guid = "5c3a1a5e-6f0e-4d49-9d5e-3e2b7a1c9d10";
    let found = entra.get(&format!("/Users?filter=userName+eq+%22{guid}%22")).await.is(200);
    assert_eq!(found["totalResults"], 0);
    assert_eq!(found["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"]));
}

#[tokio::test]
async fn the_verbose_dialect_takes_a_person_through_a_life() {
    let entra = client(&[]).await;
    let made = entra.post("/Users", &ana()).await.is(201);
    assert_eq!(made[ENTERPRISE]["manager"]["value"], "u-0009");
    assert_eq!(made[CONNECT]["provisioning"]["state"], "applied");
    let id = made["id"].as_str().unwrap();
    let target = format!("/Users/{id}");
    let manager = format!("{ENTERPRISE}:manager");
    let changes = json!([
        {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "ana.gil@contoso.com"},
        {"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+34 600 100 200"},
        {"op": "Replace", "path": "name.familyName", "value": "Gil"},
        {"op": "Add", "path": "addresses[type eq \"work\"].country", "value": "ES"},
        {"op": "Add", "path": "addresses[type eq \"work\"].locality", "value": "Madrid"},
        {"op": "Replace", "path": format!("{ENTERPRISE}:department"), "value": "Support L2"},
        {"op": "Add", "path": manager, "value": [{"$ref": "../Users/u-0010", "value": "u-0010"}]},
        {"op": "Add", "path": "roles[primary eq \"True\"].value", "value": "Agent"},
    ]);
    let changed = entra.patch(&target, changes).await.is(200);
    assert_eq!(changed["emails"][0]["value"], "ana.gil@contoso.com");
    assert_eq!(changed["phoneNumbers"], json!([{"type": "mobile", "value": "+34 600 100 200"}]));
    assert_eq!(
        changed["addresses"],
        json!([{"type": "work", "country": "ES", "locality": "Madrid"}])
    );
    assert_eq!(changed[ENTERPRISE]["department"], "Support L2");
    assert_eq!(changed[ENTERPRISE]["manager"]["value"], "u-0010");
    assert_eq!(changed["roles"], json!([{"primary": true, "value": "Agent"}]));
    let held = entra.held()["users"][0]["IdentityInfo"].clone();
    assert_eq!(held["LastName"], "Gil");

    let cleared = entra
        .patch(
            &target,
            json!([
                {"op": "replace", "path": "phoneNumbers[type eq \"mobile\"].value", "value": null},
                {"op": "replace", "path": "displayName", "value": ""},
                {"op": "Replace", "path": manager, "value": ""},
            ]),
        )
        .await
        .is(200);
    assert_eq!(cleared["displayName"], Value::Null);
    assert_eq!(cleared[ENTERPRISE]["manager"], Value::Null);

    assert_eq!(entra.access(ANA), ["Agent"]);
    let off = json!([{"op": "Replace", "path": "active", "value": "False"}]);
    assert_eq!(entra.patch(&target, off).await.is(200)["active"], false);
    assert_eq!(entra.access(ANA), ["No Access"]);
    let filter =
        format!("/Users?filter=externalId+eq+%22{}%22", ana()["externalId"].as_str().unwrap());
    assert_eq!(entra.get(&filter).await.is(200)["Resources"][0]["active"], false);
    let on = json!([{"op": "Replace", "path": "active", "value": "True"}]);
    assert_eq!(entra.patch(&target, on).await.is(200)["active"], true);
    assert_eq!(entra.access(ANA), ["Agent"]);
    let rename = json!([{"op": "Replace", "path": "userName", "value": "ana.gil@contoso.com"}]);
    let renamed = entra.patch(&target, rename).await.is(200);
    assert_eq!((&renamed["userName"], &renamed["id"]), (&json!("ana.gil@contoso.com"), &json!(id)));
    assert_eq!(entra.usernames(), ["ana.gil@contoso.com"]);
    entra.delete(&target).await.is(204);
    assert!(entra.usernames().is_empty());
}

#[tokio::test]
async fn the_compliant_dialect_puts_everything_into_one_object() {
    let entra = client(&[]).await;
    let made = entra.post("/Users", &ana()).await.is(201);
    let target = format!("/Users/{}", made["id"].as_str().unwrap());
    let number = format!("{ENTERPRISE}:employeeNumber");
    let changes = json!([
        {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "ana.gil@contoso.com"},
        {"op": "replace", "value": {
            "displayName": "Ana Gil", "active": false, "name.familyName": "Gil",
            "name.givenName": "Ana", number: "4712",
        }},
    ]);
    let changed = entra.patch(&target, changes).await.is(200);
    assert_eq!(changed["displayName"], "Ana Gil");
    assert_eq!(changed["active"], false);
    assert_eq!(changed["name"]["familyName"], "Gil");
    assert_eq!(changed["name"]["formatted"], "Ana Ruiz");
    assert_eq!(changed[ENTERPRISE]["employeeNumber"], "4712");
    assert_eq!(changed[ENTERPRISE]["department"], "Support");
    assert_eq!(entra.access(ANA), ["No Access"]);

    let group = json!({"displayName": "Connect-Agents", "externalId": "8aa1a0c0"});
    let group = entra.post("/Groups", &group).await.is(201);
    let group = format!("/Groups/{}", group["id"].as_str().unwrap());
    let add = json!([{"op": "add", "path": "members", "value": [{"value": made["id"]}]}]);
    assert_eq!(entra.patch(&group, add).await.is(200)["members"][0]["value"], made["id"]);
    let back = json!([{"op": "replace", "value": {
        "active": true, "userName": "ana.gil@contoso.com", "externalId": "0a21f0f2",
    }}]);
    let back = entra.patch(&target, back).await.is(200);
    assert_eq!(
        (&back["id"], &back["groups"][0]["display"]),
        (&made["id"], &json!("Connect-Agents"))
    );
    assert_eq!(entra.usernames(), ["ana.gil@contoso.com"]);
    assert_eq!(entra.access("ana.gil@contoso.com"), ["Agent"]);
    assert_eq!(entra.held()["users"][0]["IdentityInfo"]["LastName"], "Gil");
    let path = format!("members[value eq \"{}\"]", made["id"].as_str().unwrap());
    let left = entra.patch(&group, json!([{"op": "remove", "path": path}])).await.is(200);
    assert_eq!(left["members"], json!([]));
    let rename = json!([{"op": "replace", "value": {"displayName": "Connect-Leads"}}]);
    assert_eq!(entra.patch(&group, rename).await.is(200)["displayName"], "Connect-Leads");
    entra.delete(&target).await.is(204);
    assert!(entra.usernames().is_empty());
}

#[tokio::test]
async fn groups_are_made_without_members_and_filled_in_batches() {
    let entra = client(&[]).await;
    let (ana, ben) = (entra.user(ANA).await, entra.user("ben@contoso.com").await);
    let group = json!({
        "schemas": [
            "urn:ietf:params:scim:schemas:core:2.0:Group",
            "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group",
        ],
        "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159", "displayName": "Connect-Agents",
        "meta": {"resourceType": "Group"},
    });
    let made = entra.post("/Groups", &group).await.is(201);
    assert_eq!(made["externalId"], group["externalId"]);
    let id = made["id"].as_str().unwrap();
    let target = format!("/Groups/{id}");
    let members = |values: &[&str]| {
        values.iter().map(|value| json!({"$ref": null, "value": value})).collect::<Value>()
    };
    let add = json!([{"op": "Add", "path": "members", "value": members(&[&ana, &ben, "nobody"])}]);
    let filled = entra.patch(&target, add).await.is(200);
    assert_eq!(filled["members"].as_array().unwrap().len(), 3);
    let remove = json!([{"op": "Remove", "path": "members", "value": members(&[&ana])}]);
    let left = entra.patch(&target, remove).await.is(200);
    let left: Vec<_> = left["members"].as_array().unwrap().iter().map(|it| &it["value"]).collect();
    assert_eq!(left, [&json!(ben), &json!("nobody")]);
    let path = format!("members[value eq \"{ben}\"]");
    entra.patch(&target, json!([{"op": "remove", "path": path}])).await.is(200);
    let query = "/Groups?filter=displayName+eq+%22connect-agents%22&excludedAttributes=members";
    let found = entra.get(query).await.is(200);
    assert_eq!(found["Resources"][0]["id"], id);
    assert_eq!(found["Resources"][0]["members"], Value::Null);
    let check = format!("/Users?filter=id+eq+%22{ana}%22+and+manager+eq+%22{ben}%22&attributes=id");
    assert_eq!(entra.get(&check).await.is(200)["totalResults"], 0);
    let manager = format!("{ENTERPRISE}:manager");
    let set = json!([{"op": "Add", "path": manager, "value": ben}]);
    entra.patch(&format!("/Users/{ana}"), set).await.is(200);
    let found = entra.get(&check).await.is(200);
    assert_eq!(found["Resources"][0]["id"], ana.as_str());
    assert_eq!(found["Resources"][0]["userName"], Value::Null);
}
