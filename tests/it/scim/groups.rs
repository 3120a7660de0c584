//! Groups: members of every kind, many at once, and what a group gives.

use std::sync::Arc;
use std::time::Duration;

use connect_provisioner::cli::settings::DEMO_SCIM_TOKEN;
use connect_provisioner::deadline::{Clock, Deadline};
use connect_provisioner::roster::Roster;
use connect_provisioner::roster::group::{GroupChange, Member};
use connect_provisioner::roster::key::Id;
use connect_provisioner::roster::memory::MemoryRoster;
use connect_provisioner::roster::parked;
use futures_util::future::join_all;
use serde_json::{Map, Value, json};

use super::{Client, PATCH_OP, client, client_among_others, client_of};
use crate::house::now;

async fn group(client: &Client, name: &str, members: &[String]) -> String {
    let members: Value = members.iter().map(|value| json!({"value": value})).collect();
    let made = client.post("/Groups", &json!({"displayName": name, "members": members})).await;
    made.is(201)["id"].as_str().unwrap().to_owned()
}

fn values(group: &Value) -> Vec<String> {
    let members = group["members"].as_array().cloned().unwrap_or_default();
    members.iter().map(|member| member["value"].as_str().unwrap().to_owned()).collect()
}

async fn drain(client: &Client) {
    let reconciler = client.local.provisioner().reconciler().unwrap();
    let deadline = Deadline::after(Duration::from_secs(60));
    reconciler.drain(Clock::set(now() + Duration::from_secs(1)), deadline).await.unwrap();
}

#[tokio::test]
async fn changes_of_one_group_at_the_same_time_lose_nothing() {
    let client = client_among_others().await;
    let old: Vec<String> = (0..50).map(|number| format!("old{number}")).collect();
    let target = format!("/Groups/{}", group(&client, "Agents", &old).await);
    let changes = (0..50).map(|number| {
        let operations = json!([
            {"op": "Add", "path": "members", "value": [{"value": format!("new{number}")}]},
            {"op": "remove", "path": format!("members[value eq \"old{number}\"]")},
        ]);
        client.patch(&target, operations)
    });
    for answer in join_all(changes).await {
        answer.is(200);
    }
    let mut members = values(&client.get(&target).await.is(200));
    members.sort();
    let mut expected: Vec<String> = (0..50).map(|number| format!("new{number}")).collect();
    expected.sort();
    assert_eq!(members, expected);
}

/// A group with a change that was accepted and is not written yet: four come.
async fn begun(client: &Client, values: &[&str]) -> String {
    let id = group(client, "Begun", &["first".to_owned()]).await;
    let known = client.roster.load_group(&Id::from_text(&id)).await.unwrap().unwrap();
    let member = |value: &&str| Member { value: (*value).to_owned(), rest: Map::new() };
    let add = values.iter().map(member).collect();
    let change = GroupChange { add, ..GroupChange::of(known, now()) };
    let accepted = client.roster.write_group(&change).await.unwrap().unwrap();
    assert!(accepted.fan_out_pending);
    assert!(client.roster.mend(Some(&accepted.id)).await.unwrap(), "one of them is there");
    format!("/Groups/{id}")
}

async fn client_in_parts() -> Client {
    let roster = Arc::new(MemoryRoster::fanning_out_by(1));
    let kept: Arc<dyn Roster> = roster.clone();
    client_of(kept, roster, &[]).await
}

#[tokio::test]
async fn half_of_a_change_is_never_shown_under_the_version_of_the_whole() {
    let all = ["first", "a", "b", "c", "d"];
    let client = client_in_parts().await;
    let target = begun(&client, &all[1..]).await;
    let read = client.get(&target).await;
    // Whoever writes back what it read takes nobody out.
    let (etag, body) = (read.header("etag").to_owned(), read.is(200));
    let authorization = format!("Bearer {DEMO_SCIM_TOKEN}");
    let headers = json!({"authorization": authorization, "if-match": etag});
    let put = client.send("PUT", &target, &headers, &body.to_string()).await.is(200);
    assert_eq!([values(&body), values(&put)], [all, all]);

    for search in ["/Groups", "/Groups?filter=members.value+eq+%22first%22"] {
        let client = client_in_parts().await;
        begun(&client, &all[1..]).await;
        let list = client.get(search).await.is(200);
        assert_eq!(values(&list["Resources"][0]), all, "{search}");
    }
    let client = client_in_parts().await;
    let target = begun(&client, &all[1..]).await;
    let operations = json!([{"op": "remove", "path": "members[value eq \"d\"]"}]);
    assert_eq!(values(&client.patch(&target, operations).await.is(200)), all[..4]);
}

#[tokio::test]
async fn who_is_deleted_while_they_come_into_a_group_is_in_none() {
    let client = client_in_parts().await;
    let user = client.post("/Users", &json!({"userName": "ana@example.com"})).await.is(201);
    let id = user["id"].as_str().unwrap();
    let target = begun(&client, &["other", id]).await;
    client.delete(&format!("/Users/{id}")).await.is(204);
    assert_eq!(values(&client.get(&target).await.is(200)), ["first", "other"]);
}

#[tokio::test]
async fn ten_thousand_members_are_kept_as_sent() {
    let client = client(&[]).await;
    let members: Vec<String> = (0..10_000).map(|number| format!("member-{number:05}")).collect();
    let id = group(&client, "Everybody", &members).await;
    let target = format!("/Groups/{id}");
    assert_eq!(values(&client.get(&target).await.is(200)), members);
    let short = client.get(&format!("{target}?excludedAttributes=members")).await.is(200);
    assert_eq!(short["members"], Value::Null);
    let last: Value = members[1..].iter().map(|value| json!({"value": value})).collect();
    let remove = json!([{"op": "remove", "path": "members", "value": last}]);
    assert_eq!(values(&client.patch(&target, remove).await.is(200)), members[..1]);
    let query = "/Groups?filter=members.value+eq+%22member-00000%22&attributes=displayName";
    assert_eq!(client.get(query).await.is(200)["Resources"][0]["displayName"], "Everybody");
    let full = json!({"displayName": "Too many", "members": [{"value": "x".repeat(5_000_000)}]});
    client.post("/Groups", &full).await.is(413);
}

#[tokio::test]
async fn a_group_gives_profiles_and_the_drain_brings_them_to_connect() {
    let grants = json!({"Leads": {"securityProfiles": ["CallCenterManager"]}}).to_string();
    let client = client(&[("GROUP_PROFILES", &grants), ("CONNECT_RATE", "100")]).await;
    let mut ids = Vec::new();
    for number in 0..30 {
        ids.push(client.user(&format!("agent{number}@example.com")).await);
    }
    let before = client.held()["users"][0]["SecurityProfileIds"].clone();
    let calls = client.calls();
    let id = group(&client, "leads", &ids).await;
    assert_eq!(client.calls(), calls, "a change of a group calls nobody");
    let user = client.get(&format!("/Users/{}", ids[0])).await.is(200);
    assert_eq!(client.told(&user["id"]).await["state"], "pending");
    let version = user["meta"]["version"].clone();
    drain(&client).await;
    let held = client.held()["users"].clone();
    let after = held[0]["SecurityProfileIds"].clone();
    assert_ne!(after, before);
    assert!(held.as_array().unwrap().iter().all(|user| user["SecurityProfileIds"] == after));
    let user = client.get(&format!("/Users/{}", ids[0])).await.is(200);
    assert_eq!(client.told(&user["id"]).await["state"], "applied");
    assert_eq!(user["meta"]["version"], version, "only a client's change is a new version");

    let target = format!("/Groups/{id}");
    let path = format!("members[value eq \"{}\"]", ids[0]);
    client.patch(&target, json!([{"op": "remove", "path": path}])).await.is(200);
    drain(&client).await;
    let held = client.held()["users"].clone();
    let first = held.as_array().unwrap().iter().find(|it| it["Username"] == "agent0@example.com");
    assert_eq!(first.unwrap()["SecurityProfileIds"], before);
    let rename = json!([{"op": "replace", "path": "displayName", "value": "Others"}]);
    client.patch(&target, rename).await.is(200);
    drain(&client).await;
    let held = client.held()["users"].clone();
    assert!(held.as_array().unwrap().iter().all(|user| user["SecurityProfileIds"] == before));
}

#[tokio::test]
async fn of_several_groups_the_first_named_gives_and_a_group_that_is_gone_gives_nothing() {
    let grants = r#"{
        "Sales": {"routingProfile": "Sales", "securityProfiles": ["QualityAnalyst"]},
        "Leads": {"hierarchyGroup": "EMEA", "securityProfiles": ["CallCenterManager"]},
        "All": {"routingProfile": "Basic Routing Profile"}
    }"#;
    let client = client(&[("GROUP_PROFILES", grants), ("CONNECT_RATE", "100")]).await;
    let ana = client.user("ana@example.com").await;
    let members = [ana.clone()];
    let mut ids = Vec::new();
    for name in ["All", "Leads", "Sales"] {
        ids.push(group(&client, name, &members).await);
    }
    drain(&client).await;
    let held = async || {
        let held = client.held()["users"][0].clone();
        let mut access = client.access("ana@example.com");
        access.sort();
        (held["RoutingProfileId"].clone(), held["HierarchyGroupId"].clone(), access)
    };
    let routing = |name: &str| json!(client.local.directory.routing_profiles[name]);
    let emea = json!(client.local.directory.hierarchy_groups["EMEA"]);
    let both = vec!["CallCenterManager".to_owned(), "QualityAnalyst".to_owned()];
    assert_eq!(held().await, (routing("Sales"), emea, both));
    client.delete(&format!("/Groups/{}", ids[2])).await.is(204);
    client.delete(&format!("/Groups/{}", ids[1])).await.is(204);
    drain(&client).await;
    let (route, hierarchy, access) = held().await;
    assert_eq!((route, access), (routing("Basic Routing Profile"), vec!["Agent".to_owned()]));
    assert_eq!(hierarchy, Value::Null);
}

#[tokio::test]
async fn two_changes_of_a_group_at_the_same_time_are_both_there() {
    let client = client_among_others().await;
    let write = async |target: String, path: &str, value: String| {
        let operations = json!([{"op": "replace", "path": path, "value": value}]);
        client.patch(&target, operations).await.is(200)
    };
    let changes = (0..10).map(async |number| {
        let id = group(&client, &format!("Agents {number}"), &[]).await;
        let target = format!("/Groups/{id}");
        let name = format!("Leads {number}");
        tokio::join!(
            write(target.clone(), "displayName", name.clone()),
            write(target.clone(), "externalId", format!("ext{number}")),
        );
        let kept = client.get(&target).await.is(200);
        assert_eq!(kept["displayName"], name);
        assert_eq!(kept["externalId"], format!("ext{number}"));
        assert_eq!(kept["meta"]["version"], "W/\"3\"", "each was a change of what was there then");
    });
    join_all(changes).await;
    let made = (0..10).map(|_| async {
        client.post("/Groups", &json!({"displayName": "One of many"})).await.status
    });
    let mut made = join_all(made).await;
    made.sort_unstable();
    assert_eq!(made, [vec![201], vec![409; 9]].concat());
}

#[tokio::test]
async fn nobody_comes_into_a_group_by_being_described() {
    let client = client(&[]).await;
    let target = format!("/Groups/{}", group(&client, "Agents", &["ana".to_owned()]).await);
    for op in ["add", "replace"] {
        let path = "members[value eq \"ben\"].display";
        let operations = json!([{"op": op, "path": path, "value": "Ben"}]);
        assert_eq!(client.patch(&target, operations).await.is(400)["scimType"], "noTarget");
    }
    let path = "members[value eq \"ana\"].display";
    let operations = json!([{"op": "replace", "path": path, "value": "Ana"}]);
    let told = client.patch(&target, operations).await.is(200);
    assert_eq!(values(&told), ["ana"]);
    assert_eq!(told["members"][0]["display"], "Ana");
}

#[tokio::test]
async fn a_display_name_is_one_groups() {
    let client = client(&[]).await;
    group(&client, "Agents", &[]).await;
    let leads = group(&client, "Leads", &[]).await;
    let taken = json!({"displayName": "AGENTS"});
    assert_eq!(client.post("/Groups", &taken).await.is(409)["scimType"], "uniqueness");
    let rename = json!([{"op": "replace", "path": "displayName", "value": "agents"}]);
    client.patch(&format!("/Groups/{leads}"), rename).await.is(409);
    client.post("/Groups", &json!({"members": []})).await.is(400);
}

#[tokio::test]
async fn a_group_that_is_named_by_its_id_gives_whatever_it_is_called_and_no_other_does() {
    let lead = json!({"securityProfiles": ["CallCenterManager"]});
    let mut by_external_id = lead.clone();
    by_external_id["externalId"] = json!("7f3c0b6e");
    let grants = json!({"Leads": by_external_id}).to_string();
    let client = client(&[("GROUP_PROFILES", &grants), ("CONNECT_RATE", "100")]).await;
    let ana = client.user("ana@example.com").await;
    let members = json!([{"value": ana}]);
    let another = json!({"displayName": "Leads", "externalId": "another", "members": members});
    let id = client.post("/Groups", &another).await.is(201)["id"].as_str().unwrap().to_owned();
    drain(&client).await;
    assert_eq!(client.access("ana@example.com"), ["Agent"], "a name gives nothing");
    let target = format!("/Groups/{id}");
    let call = json!([{"op": "replace", "path": "externalId", "value": "7f3c0b6e"}]);
    client.patch(&target, call).await.is(200);
    drain(&client).await;
    assert_eq!(client.access("ana@example.com"), ["CallCenterManager"]);
    let rename = json!([{"op": "replace", "path": "displayName", "value": "Whatever"}]);
    client.patch(&target, rename).await.is(200);
    drain(&client).await;
    assert_eq!(client.access("ana@example.com"), ["CallCenterManager"]);
    let call = json!([{"op": "remove", "path": "externalId"}]);
    client.patch(&target, call).await.is(200);
    drain(&client).await;
    assert_eq!(client.access("ana@example.com"), ["Agent"]);
}

#[tokio::test]
async fn a_rename_into_a_name_that_gives_something_is_told() {
    let grants = r#"{"Leads": {"securityProfiles": ["CallCenterManager"]},
        "Others": {"routingProfile": "Sales"}}"#;
    let client = client(&[("GROUP_PROFILES", grants)]).await;
    let target = format!("/Groups/{}", group(&client, "Agents", &[]).await);
    for (name, warned) in
        [("agents", false), ("leads", true), ("LEADS", false), ("Others", true), ("Agents", false)]
    {
        let rename = json!([{"op": "replace", "path": "displayName", "value": name}]);
        let rename = json!({"schemas": [PATCH_OP], "Operations": rename});
        let (changed, log) = client.ask_logged("PATCH", &target, &rename).await;
        changed.is(200);
        let warning = log["warning"].as_str() == Some("renamedIntoGrant");
        assert_eq!((warning, log["level"] == "WARN"), (warned, warned), "{name}: {log}");
        assert_eq!(format!("/Groups/{}", log["id"].as_str().unwrap()), target);
    }
}

/// One wrong removal of a group takes no more from people within an hour than one wrong farewell does.
#[tokio::test]
async fn losses_of_what_a_group_gives_are_counted_apart() {
    let grants = json!({"Leads": {"securityProfiles": ["CallCenterManager"]}}).to_string();
    let client = client(&[
        ("GROUP_PROFILES", &grants),
        ("CONNECT_RATE", "100"),
        ("MAX_REMOVALS_PER_HOUR", "2"),
    ])
    .await;
    let mut ids = Vec::new();
    for number in 0..6 {
        ids.push(client.user(&format!("agent{number}@example.com")).await);
    }
    let id = group(&client, "Leads", &ids).await;
    drain(&client).await;
    let leads = |client: &Client| {
        let lead = &client.local.directory.security_profiles["CallCenterManager"];
        let held = client.held()["users"].clone();
        let held = held.as_array().unwrap().clone();
        held.iter().filter(|user| user["SecurityProfileIds"] == json!([lead])).count()
    };
    assert_eq!(leads(&client), 6);
    client.delete(&format!("/Groups/{id}")).await.is(204);
    drain(&client).await;
    assert_eq!(leads(&client), 4, "no more than two within an hour");
    let mut held = client.roster.parked(None, 9).await.unwrap();
    assert_eq!(held.len(), 4);
    let told = client.told(&json!(held[0].id.as_str())).await;
    assert!(told["detail"].as_str().unwrap().contains("parked release"), "{told}");

    for id in &ids[..2] {
        let away = json!([{"op": "replace", "path": "active", "value": false}]);
        client.patch(&format!("/Users/{id}"), away).await.is(200);
        assert_eq!(client.told(&json!(id)).await["state"], "applied", "farewells have their own");
    }
    held.retain(|record| !ids[..2].contains(&record.id.as_str().to_owned()));
    let held: Vec<Id> = held.into_iter().map(|record| record.id).collect();
    parked::release(&*client.roster, &held, now()).await.unwrap();
    drain(&client).await;
    assert_eq!(leads(&client), 0);
}
