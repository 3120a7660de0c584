//! Users: what comes back as sent, what Connect cannot hold, and what a write costs.

use std::time::Duration;

use connect_provisioner::roster::Roster;
use connect_provisioner::roster::key::Id;
use connect_provisioner::roster::record::{DesiredState, Lifecycle, UserRecord};
use connect_provisioner::scim::Person;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{CONNECT, client, client_among_others, user};
use crate::house::access::rows;
use crate::house::{LONG, foreign, now, story};

#[tokio::test]
async fn what_connect_cannot_hold_is_left_out_and_said() {
    let client = client(&[("EMAIL_AS", "secondary")]).await;
    let mut odd = user("ana@example.com");
    odd["emails"] = json!([{"type": "work", "value": "no address"}]);
    odd["phoneNumbers"] = json!([{"type": "mobile", "value": "5551234"}]);
    odd[CONNECT] = json!({"phone": {"afterContactWorkSeconds": 2_147_483_647}});
    let made = client.post("/Users", &odd).await.is(201);
    for name in ["emails", "phoneNumbers"] {
        assert_eq!(made[name], odd[name], "{name}");
    }
    assert_eq!(made[CONNECT]["phone"], odd[CONNECT]["phone"]);
    let told = client.told(&made["id"]).await;
    assert_eq!(told["state"], "partial");
    let detail = told["detail"].as_str().unwrap();
    for name in ["emails", "phoneNumbers", "afterContactWorkSeconds"] {
        assert!(detail.contains(name), "{name}: {detail}");
    }
    let held = &client.held()["users"][0];
    assert_eq!(held["IdentityInfo"]["SecondaryEmail"], Value::Null);
    assert_eq!(told["connectUserId"], held["Id"]);
    assert_eq!(told["connectUserArn"], held["Arn"]);
}

/// docs/access.md, row by row, as a client writes it.
#[tokio::test]
async fn each_row_of_the_table_of_access_is_what_a_client_does() {
    let mut played = 0;
    for row in rows("SCIM") {
        for works in [true, false] {
            let client = client(&[]).await;
            let load = async |id: &str| {
                client.roster.load(&Id::from_text(id)).await.unwrap().unwrap().spec.access
            };
            let active =
                |active: bool| json!([{"op": "replace", "path": "active", "value": active}]);
            let id = client.user("ana@example.com").await;
            let target = format!("/Users/{id}");
            if !works {
                client.patch(&target, active(false)).await.is(200);
            }
            let before = load(&id).await;
            match row.event {
                "`active` becomes true; POST without `active` false" => {
                    client.patch(&target, active(false)).await.is(200);
                    client.patch(&target, active(true)).await.is(200);
                    let ben = client.user("ben@example.com").await;
                    row.check(&before, &load(&ben).await, works);
                }
                "`active` becomes false, or is so in a POST" => {
                    client.patch(&target, active(true)).await.is(200);
                    client.patch(&target, active(false)).await.is(200);
                    let mut ben = user("ben@example.com");
                    ben["active"] = json!(false);
                    let made = client.post("/Users", &ben).await.is(201);
                    let made = load(made["id"].as_str().unwrap()).await;
                    assert_eq!(made.lifecycle, Lifecycle::Disabled);
                    client.patch(&target, active(false)).await.is(200);
                }
                "any other change" => {
                    let title = json!([{"op": "add", "path": "title", "value": "Agent"}]);
                    client.patch(&target, title).await.is(200);
                }
                "DELETE" => drop(client.delete(&target).await.is(204)),
                other => panic!("{other}"),
            }
            row.check(&before, &load(&id).await, works);
            played += 1;
        }
    }
    assert_eq!(played, 8, "every row of SCIM, twice");
}

/// What differs from what the resource says is said, and only who is held as it says is `applied`.
#[tokio::test]
async fn nobody_is_applied_whom_connect_does_not_hold_so() {
    let away = json!([{"op": "replace", "path": "active", "value": false}]);
    let client = client(&[("DEACTIVATE", "keep")]).await;
    let ana = client.user("ana@example.com").await;
    client.patch(&format!("/Users/{ana}"), away.clone()).await.is(200);
    let told = client.told(&json!(ana)).await;
    assert_eq!(
        (&told["state"], client.access("ana@example.com")),
        (&json!("partial"), vec!["Agent".to_owned()])
    );
    assert!(told["detail"].as_str().unwrap().contains("DEACTIVATE=keep"), "{told}");

    let client = super::client(&[]).await;
    let ana = client.user("ana@example.com").await;
    client.local.control(&json!({"always": {"DeleteAllEntitySessions": "denied"}}));
    client.patch(&format!("/Users/{ana}"), away).await.is(200);
    let told = client.told(&json!(ana)).await;
    assert_eq!(told["state"], "partial");
    assert!(told["detail"].as_str().unwrap().contains("sessions"), "{told}");

    // By other settings than those of now.
    let roster = client.roster.clone();
    let ben = client.user("ben@example.com").await;
    assert_eq!(client.told(&json!(ben)).await["state"], "applied");
    let changes = [("ROUTING_PROFILE", "Sales")];
    let client = super::client_of(roster.clone(), roster, &changes).await;
    let told = client.told(&json!(ben)).await;
    assert_eq!(told["state"], "partial");
    assert!(told["detail"].as_str().unwrap().contains("settings of before"), "{told}");
}

#[tokio::test]
async fn who_writes_the_extension_gets_back_what_was_written() {
    let client = client(&[]).await;
    let id = client.user("ana@example.com").await;
    let target = format!("/Users/{id}");
    let told = client.get(&target).await.is(200)[CONNECT]["provisioning"].clone();
    assert_eq!(told, client.told(&json!(id)).await);
    let phone = json!({"phone": {"autoAccept": true}});
    let add = json!([{"op": "add", "path": CONNECT, "value": phone}]);
    assert_eq!(client.patch(&target, add).await.is(200)[CONNECT], phone);
    assert_eq!(client.get(&target).await.is(200)[CONNECT], phone);
    assert_eq!(client.told(&json!(id)).await, told, "it is there for who asks");
    let remove = json!([{"op": "remove", "path": CONNECT}, {"op": "remove", "path": "active"}]);
    let left = client.patch(&target, remove).await.is(200);
    assert_eq!((&left[CONNECT], &left["active"]), (&Value::Null, &Value::Null));
    let title = json!([{"op": "add", "path": "title", "value": "Agent"}]);
    assert_eq!(client.patch(&target, title).await.is(200)[CONNECT], Value::Null);
    assert_eq!(client.usernames(), ["ana@example.com"], "an active that is not there is no leaver");
    let query = "/Users?filter=active+eq+true";
    assert_eq!(client.get(query).await.is(200)["totalResults"], 1, "it is so all the same");
    let put = client.put(&target, &json!({"userName": "ana@example.com"})).await.is(200);
    assert_eq!(put["active"], true);
}

#[tokio::test]
async fn who_cannot_be_a_user_of_connects_waits_and_says_why() {
    let client = client(&[]).await;
    let nameless = json!({"userName": "ana@example.com"});
    let made = client.post("/Users", &nameless).await.is(201);
    let told = client.told(&made["id"]).await;
    assert_eq!(told["state"], "parked");
    assert!(told["detail"].as_str().unwrap().contains("name.givenName"), "{told}");
    assert!(client.usernames().is_empty());
    let target = format!("/Users/{}", made["id"].as_str().unwrap());
    let name =
        json!([{"op": "add", "value": {"name": {"givenName": "Ana", "familyName": "Ruiz"}}}]);
    let named = client.patch(&target, name).await.is(200);
    assert_eq!(client.told(&named["id"]).await["state"], "applied");
    assert_eq!(client.usernames(), ["ana@example.com"]);
}

#[tokio::test]
async fn an_external_id_is_the_clients_own_affair() {
    let client = client(&[]).await;
    let with = |name: &str, id: &str| {
        let mut user = user(name);
        user["externalId"] = json!(id);
        user
    };
    let mut ids = Vec::new();
    for name in ["ana@example.com", "ana@example.org"] {
        let made = client.post("/Users", &with(name, "ana")).await.is(201);
        assert_eq!(client.told(&made["id"]).await["state"], "applied");
        ids.push(made["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(client.usernames(), ["ana@example.com", "ana@example.org"]);
    let found = client.get("/Users?filter=externalId+eq+%22ana%22").await.is(200);
    assert_eq!(found["totalResults"], 2);
    let ben = client.post("/Users", &with("ben@example.com", "ben")).await.is(201);
    let target = format!("/Users/{}", ben["id"].as_str().unwrap());
    let same = json!([{"op": "replace", "path": "externalId", "value": "ana"}]);
    client.patch(&target, same).await.is(200);
    let found = client.get("/Users?filter=externalId+eq+%22ana%22").await.is(200);
    assert_eq!(found["totalResults"], 3);

    // A hook means the one of that name too.
    let mut leaves = story("user-deactivated");
    leaves.body["data"]["userName"] = json!("ana@example.org");
    leaves.body["data"]["externalId"] = json!("ana");
    client
        .local
        .send(&leaves.signed(&client.local.source, "m", now()), now(), LONG)
        .await
        .0
        .unwrap();
    let active =
        async |id: &str| client.get(&format!("/Users/{id}")).await.is(200)["active"].clone();
    assert_eq!(active(&ids[0]).await, true);
    assert_eq!(active(&ids[1]).await, false);
    for id in &ids {
        client.delete(&format!("/Users/{id}")).await.is(204);
    }
    assert_eq!(client.usernames(), ["ben@example.com"]);
    client.post("/Users", &with("ana@example.com", "ana")).await.is(201);
}

#[tokio::test]
async fn of_many_with_one_external_id_each_is_made() {
    let client = client_among_others().await;
    let made = (0..10).map(|number| {
        let mut user = user(&format!("agent{number}@example.com"));
        user["externalId"] = json!("shared");
        let client = &client;
        async move { client.post("/Users", &user).await.status }
    });
    assert_eq!(join_all(made).await, [201; 10]);
    assert_eq!(client.usernames().len(), 10);
}

#[tokio::test]
async fn a_name_that_is_somebody_elses_in_connect_is_refused_and_nothing_is_left() {
    let client = client(&[]).await;
    foreign(&client.local, "ana@example.com").await;
    let refused = client.post("/Users", &user("ana@example.com")).await.is(409);
    assert_eq!(refused["scimType"], "uniqueness");
    assert_eq!(client.get("/Users").await.is(200)["totalResults"], 0);
    let ben = client.user("ben@example.com").await;
    let target = format!("/Users/{ben}");
    let rename = json!([{"op": "replace", "path": "userName", "value": "ana@example.com"}]);
    client.patch(&target, rename).await.is(409);
    assert_eq!(client.get(&target).await.is(200)["userName"], "ben@example.com");
    assert_eq!(client.usernames(), ["ana@example.com", "ben@example.com"]);
}

#[tokio::test]
async fn whatever_connect_answers_the_client_has_written_and_reads_what_came_of_it() {
    for (fault, state, detail) in [
        ("throttle", "pending", "fewer calls; it is tried again by itself"),
        ("500-before", "pending", "in time; it is tried again by itself"),
        ("500-after", "pending", "in time; it is tried again by itself"),
        ("drop", "pending", "in time; it is tried again by itself"),
        ("limit", "parked", "quota"),
        ("denied", "parked", "configuration"),
        ("expired", "parked", "configuration"),
    ] {
        let client = client(&[]).await;
        client.local.control(&json!({"faults": {"CreateUser": vec![fault; 4]}}));
        let made = client.post("/Users", &user("ana@example.com")).await.is(201);
        let told = client.told(&made["id"]).await;
        assert_eq!(told["state"], state, "{fault}: {told}");
        assert!(told["detail"].as_str().unwrap().contains(detail), "{fault}: {told}");
        let target = format!("/Users/{}", made["id"].as_str().unwrap());
        assert_eq!(client.get(&target).await.is(200)["userName"], "ana@example.com");
        client.delete(&target).await.is(204);
    }
}

#[tokio::test]
async fn a_write_that_changes_nothing_asks_connect_for_nothing() {
    let client = client(&[]).await;
    let id = client.user("ana@example.com").await;
    let target = format!("/Users/{id}");
    let (before, calls) = (client.get(&target).await.is(200), client.calls());
    let same = json!([{"op": "replace", "path": "name.givenName", "value": "Ana"}]);
    assert_eq!(client.patch(&target, same).await.is(200), before);
    assert_eq!(client.put(&target, &before).await.is(200), before);
    assert_eq!(client.get("/Users").await.is(200)["Resources"][0], before);
    assert_eq!(client.calls(), calls);
    let title = json!([{"op": "add", "path": "title", "value": "Agent"}]);
    client.patch(&target, title).await.is(200);
    assert!(client.calls() <= calls + 1, "at most one look");
}

#[tokio::test]
async fn a_write_that_changes_nothing_lets_nobody_in_again() {
    let client = client(&[]).await;
    let mut ana = user("ana.ruiz@example.com");
    ana["externalId"] = json!("00uujl29u0le5T6Aj10h7");
    let made = client.post("/Users", &ana).await.is(201);
    let target = format!("/Users/{}", made["id"].as_str().unwrap());
    let leaves = story("user-deactivated").signed(&client.local.source, "msg_1", now());
    client.local.send(&leaves, now(), LONG).await.0.unwrap();
    assert_eq!(client.get(&target).await.is(200)["active"], false);
    let same = json!([{"op": "replace", "path": "name.givenName", "value": "Ana"}]);
    assert_eq!(client.patch(&target, same).await.is(200)["active"], false);
    let title = json!([{"op": "replace", "path": "title", "value": "Agent"}]);
    assert_eq!(client.patch(&target, title).await.is(200)["active"], false);
}

#[tokio::test]
async fn nobody_chooses_their_own_power() {
    let client = client(&[]).await;
    let mut mighty = user("ana@example.com");
    mighty[CONNECT] =
        json!({"securityProfiles": ["Admin"], "routingProfile": "Basic Routing Profile"});
    let made = client.post("/Users", &mighty).await.is(201);
    assert_eq!(made[CONNECT]["securityProfiles"], Value::Null, "it is not published either");
    let plain = client.user("ben@example.com").await;
    let held = client.held()["users"].clone();
    assert_eq!(held[0]["SecurityProfileIds"], held[1]["SecurityProfileIds"]);
    assert!(!plain.is_empty());
}

#[tokio::test]
async fn writes_of_one_user_at_the_same_time_are_all_there_in_the_end() {
    let client = client_among_others().await;
    let target = format!("/Users/{}", client.user("ana@example.com").await);
    let roles = (0..20).map(|number| {
        let role =
            json!([{"op": "add", "path": "roles", "value": [{"value": format!("r{number}")}]}]);
        client.patch(&target, role)
    });
    for answer in join_all(roles).await {
        answer.is(200);
    }
    let user = client.get(&target).await.is(200);
    assert_eq!(user["roles"].as_array().unwrap().len(), 20);
}

#[tokio::test]
async fn of_many_who_make_the_same_user_one_does() {
    let client = client_among_others().await;
    let ana = user("ana@example.com");
    let made = (0..10).map(|_| async { client.post("/Users", &ana).await.status });
    let mut made = join_all(made).await;
    made.sort_unstable();
    assert_eq!(made, [vec![201], vec![409; 9]].concat());
    assert_eq!(client.get("/Users").await.is(200)["totalResults"], 1);
    assert_eq!(client.usernames(), ["ana@example.com"]);
}

#[tokio::test]
async fn filters_find_by_every_index_and_by_any_other_attribute() {
    let client = client(&[]).await;
    for (name, title) in [("ana@example.com", "Agent"), ("ben@example.com", "Lead")] {
        let mut user = user(name);
        user["title"] = json!(title);
        user["externalId"] = json!(format!("ext-{name}"));
        client.post("/Users", &user).await.is(201);
    }
    let calls = client.calls();
    for filter in [
        "userName eq \"ANA@example.com\"",
        "externalId eq \"ext-ana@example.com\"",
        "externalId eq ext-ana@example.com",
        "emails[type eq \"work\"].value eq \"ana@example.com\"",
        "emails.value eq \"ana@example.com\"",
        "title eq \"agent\" and active eq \"True\"",
        "title sw \"A\"",
        "not (title eq \"Lead\")",
        "(title eq \"x\" or userName co \"ana\") and name.familyName pr",
        "meta.resourceType eq \"User\" and userName lt \"b\"",
        "urn:ietf:params:scim:schemas:core:2.0:User:title eq \"Agent\"",
    ] {
        let query = filter.replace(' ', "+").replace('"', "%22");
        let found = client.get(&format!("/Users?filter={query}")).await;
        assert_eq!(found.status, 200, "{filter}");
        let found = found.is(200);
        assert_eq!(found["totalResults"], 1, "{filter}");
        assert_eq!(found["Resources"][0]["userName"], "ana@example.com", "{filter}");
        let body = json!({"filter": filter, "attributes": ["userName"], "count": 1});
        let found = client.post("/.search", &body).await.is(200);
        assert_eq!(found["Resources"][0]["userName"], "ana@example.com", "{filter}");
        assert_eq!(found["Resources"][0]["title"], Value::Null);
    }
    assert_eq!(client.get("/Users?count=0").await.is(200)["totalResults"], 2);
    assert_eq!(client.calls(), calls, "reads never call Connect");
}

#[tokio::test]
async fn a_removed_user_is_in_no_group_and_the_name_is_free_again() {
    let client = client(&[]).await;
    let ana = client.user("ana@example.com").await;
    let group = json!({"displayName": "Agents", "members": [{"value": ana}]});
    let group = client.post("/Groups", &group).await.is(201);
    client.delete(&format!("/Users/{ana}")).await.is(204);
    client.delete(&format!("/Users/{ana}")).await.is(404);
    let target = format!("/Groups/{}", group["id"].as_str().unwrap());
    let members = client.get(&target).await.is(200)["members"].clone();
    assert_eq!(members.as_array().map_or(0, Vec::len), 0);
    let again = client.user("ana@example.com").await;
    assert_ne!(again, ana, "an id is nobody else's, ever");
    assert!(client.roster.load(&Id::from_text(&again)).await.unwrap().is_some());
}

#[tokio::test]
async fn who_came_by_a_hook_keeps_what_a_patch_says_nothing_of() {
    let client = client(&[]).await;
    let mut joins = story("okta-user-created");
    joins.body["title"] = json!({"en": "Agent"});
    let joins = joins.signed(&client.local.source, "msg_1", now());
    client.local.send(&joins, now(), LONG).await.0.unwrap();
    let list = client.get("/Users").await.is(200);
    let known = list["Resources"][0].clone();
    assert!(known["name"]["familyName"].is_string() && known["emails"].is_array());
    let target = format!("/Users/{}", known["id"].as_str().unwrap());
    let title = json!([{"op": "add", "path": "title", "value": "Lead"}]);
    let changed = client.patch(&target, title).await.is(200);
    assert_eq!((&changed["name"], &changed["emails"]), (&known["name"], &known["emails"]));
    assert_eq!(client.told(&changed["id"]).await["state"], "applied");
}

#[tokio::test]
async fn who_leaves_by_a_hook_leaves_their_groups() {
    let client = client(&[]).await;
    let joins = story("okta-user-created").signed(&client.local.source, "msg_1", now());
    client.local.send(&joins, now(), LONG).await.0.unwrap();
    let id = client.get("/Users").await.is(200)["Resources"][0]["id"].clone();
    let group = json!({"displayName": "Agents", "members": [{"value": id}, {"value": "other"}]});
    let group = client.post("/Groups", &group).await.is(201)["id"].clone();
    let leaves = story("user-deleted").signed(&client.local.source, "msg_2", now());
    client.local.send(&leaves, now(), LONG).await.0.unwrap();
    assert_eq!(client.get("/Users").await.is(200)["totalResults"], 0);
    let target = format!("/Groups/{}", group.as_str().unwrap());
    let members = client.get(&target).await.is(200)["members"].clone();
    assert_eq!(members.as_array().unwrap().len(), 1);
    assert_eq!(members[0]["value"], "other");
}

#[tokio::test]
async fn what_no_index_serves_is_looked_for_among_ten_thousand_and_no_more() {
    let client = client(&[]).await;
    let write = async |number: usize| {
        let id = Id::of(u128::try_from(number).unwrap().to_be_bytes());
        let Value::Object(user) = user(&format!("agent{number}@example.com")) else { panic!() };
        let made = now() - Duration::from_secs(20_000 - u64::try_from(number).unwrap());
        let owner = format!("owner{number}");
        let mut record = UserRecord::new(id, Person::new(user), DesiredState::Active, &owner, made);
        record.settle("rules", made);
        client.roster.write(&record).await.unwrap().unwrap();
    };
    for number in 0..10_000 {
        write(number).await;
    }
    let odd = "/Users?filter=userName+co+%22agent77%22&count=2";
    let found = client.get(odd).await.is(200);
    assert_eq!((&found["totalResults"], &found["itemsPerPage"]), (&json!(111), &json!(2)));
    assert_eq!(found["Resources"][0]["userName"], "agent7799@example.com", "the newest first");
    write(10_000).await;
    assert_eq!(client.get(odd).await.is(400)["scimType"], "tooMany");
    for query in [
        "filter=userName+eq+%22agent7@example.com%22",
        "filter=emails.value+eq+%22agent7@example.com%22+and+userName+co+%22agent%22",
        "startIndex=9994&count=1",
    ] {
        let found = client.get(&format!("/Users?{query}")).await.is(200);
        assert_eq!(found["Resources"][0]["userName"], "agent7@example.com", "{query}");
    }
    let counted = client.get("/Users?count=0").await.is(200);
    assert_eq!(counted["totalResults"], 10_001);
}

#[tokio::test]
async fn no_more_lose_their_access_than_may_whoever_asks() {
    let changes = [("MAX_REMOVALS_PER_HOUR", "2")];
    let client = client(&changes).await;
    let mut ids = Vec::new();
    for number in 0..6 {
        ids.push(client.user(&format!("agent{number}@example.com")).await);
    }
    for id in &ids[..3] {
        client.delete(&format!("/Users/{id}")).await.is(204);
        client.get(&format!("/Users/{id}")).await.is(404);
    }
    assert_eq!(client.usernames().len(), 4, "one more waits for the operator");
    for id in &ids[3..] {
        let target = format!("/Users/{id}");
        let leaves = json!([{"op": "replace", "path": "active", "value": false}]);
        assert_eq!(client.patch(&target, leaves).await.is(200)["active"], false);
        let told = client.told(&json!(id)).await;
        assert_eq!(told["state"], "parked");
        assert!(told["detail"].as_str().unwrap().contains("within an hour"), "{told}");
    }
    let held = client.held()["users"].clone();
    let profiles: Vec<_> =
        held.as_array().unwrap().iter().map(|it| &it["SecurityProfileIds"]).collect();
    assert!(profiles.iter().all(|own| *own == profiles[0]), "nobody more is shut out");
}
