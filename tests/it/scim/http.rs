//! What HTTP says around a SCIM request: tokens, versions, locations, methods, documents.

use std::sync::Arc;
use std::time::Duration;

use connect_provisioner::cli::settings::DEMO_SCIM_TOKEN;
use connect_provisioner::roster::memory::MemoryRoster;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{client, client_among_others, client_of, user};
use crate::house::foreign;
use crate::simulation::unsteady::Unsteady;

#[tokio::test]
async fn who_shows_no_token_learns_nothing() {
    let client =
        client(&[("SCIM_TOKEN", "the-first-of-the-tokens,the-second-of-the-tokens")]).await;
    for target in ["/Users", "/Nothing", "/Schemas", "/Me"] {
        for headers in [
            json!({}),
            json!({"authorization": ""}),
            json!({"authorization": format!("Bearer {DEMO_SCIM_TOKEN}")}),
            json!({"authorization": "Basic the-first-of-the-tokens"}),
            json!({"authorization": "Bearer the-first-of-the-token"}),
        ] {
            let refused = client.send("GET", target, &headers, "").await;
            assert!(refused.header("www-authenticate").starts_with("Bearer"));
            let body = refused.is(401);
            assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
            assert_eq!(body["status"], "401");
        }
    }
    for value in [
        "Bearer the-first-of-the-tokens",
        "bearer the-second-of-the-tokens",
        "the-first-of-the-tokens",
    ] {
        client.send("GET", "/Users", &json!({"authorization": value}), "").await.is(200);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_body_is_told_to_who_shows_a_token() {
    let client = client(&[]).await;
    let long = "x".repeat(4 * 1024 * 1024 + 1);
    for (token, status) in [("nobody's", 401), (DEMO_SCIM_TOKEN, 413)] {
        let headers = json!({"authorization": format!("Bearer {token}")});
        let refused = client.send("POST", "/Users", &headers, &long).await;
        assert_eq!(!refused.header("www-authenticate").is_empty(), status == 401);
        refused.is(status);
    }
}

#[tokio::test]
async fn versions_are_kept_apart() {
    let client = client(&[]).await;
    let made = client.post("/Users", &user("ana@example.com")).await;
    let (etag, location) = (made.header("etag").to_owned(), made.header("location").to_owned());
    let body = made.is(201);
    assert_eq!(body["meta"]["version"], etag.as_str());
    assert_eq!(body["meta"]["location"], location.as_str());
    assert!(location.starts_with("https://x.example/scim/v2/Users/"));
    let target = location.strip_prefix("https://x.example/scim/v2").unwrap().to_owned();
    let with = |name: &str, value: &str| json!({"authorization": format!("Bearer {DEMO_SCIM_TOKEN}"), name: value});
    for tags in [&etag, "*", &format!("\"x\", {etag}")] {
        let same = client.send("GET", &target, &with("if-none-match", tags), "").await;
        assert_eq!(same.header("etag"), etag);
        assert_eq!(same.is(304), Value::Null);
    }
    let change = json!({"schemas": [super::PATCH_OP],
        "Operations": [{"op": "replace", "path": "title", "value": "Agent"}]})
    .to_string();
    let changed = client.send("PATCH", &target, &with("if-match", &etag), &change).await;
    let newer = changed.header("etag").to_owned();
    assert_ne!(newer, etag);
    assert_eq!(changed.header("content-location"), location);
    assert_eq!(changed.header("location"), location);
    changed.is(200);
    for method in ["PATCH", "PUT", "DELETE"] {
        let stale = client.send(method, &target, &with("if-match", &etag), &change).await;
        assert_eq!(stale.is(412)["status"], "412", "{method}");
    }
    let read = client.send("GET", &target, &with("if-none-match", &etag), "").await;
    assert_eq!(read.header("etag"), newer);
    assert_eq!(read.header("location"), location);
    read.is(200);
    let nothing = client.send("PATCH", &target, &with("if-match", &newer), &change).await;
    assert_eq!(nothing.header("etag"), newer, "a write that changes nothing is no new version");
    for tags in ["*", newer.as_str()] {
        let unwanted = client.send("PATCH", &target, &with("if-none-match", tags), &change).await;
        unwanted.is(412);
    }
    client.send("DELETE", &target, &with("if-match", "*"), "").await.is(204);
}

#[tokio::test]
async fn every_path_has_its_answer_and_every_error_is_scims() {
    let client = client(&[]).await;
    for (method, target, status, allow) in [
        ("GET", "/Nothing", 404, ""),
        ("GET", "", 404, ""),
        ("GET", "/Users/nobody", 404, ""),
        ("DELETE", "/Groups/none", 404, ""),
        ("GET", "/Schemas/urn:x", 404, ""),
        ("POST", "/Schemas", 405, "GET, HEAD"),
        ("DELETE", "/ServiceProviderConfig", 405, "GET, HEAD"),
        ("PUT", "/ResourceTypes", 405, "GET, HEAD"),
        ("PATCH", "/Users", 405, "GET, HEAD, POST"),
        ("GET", "/Me", 501, ""),
        ("POST", "/Bulk", 501, ""),
        ("POST", "/Users", 400, ""),
        ("GET", "/Users?filter=(", 400, ""),
    ] {
        let answer = client.ask(method, target, &Value::Null).await;
        assert_eq!(answer.header("allow"), allow, "{method} {target}");
        assert_eq!(answer.header("content-type"), "application/scim+json");
        let body = answer.is(status);
        assert_eq!(body["status"], status.to_string());
        assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
    }
}

#[tokio::test]
async fn the_documents_say_what_there_is() {
    let client = client(&[("ALLOWED_ROUTING_PROFILES", "Basic Routing Profile")]).await;
    let config = client.get("/ServiceProviderConfig").await.is(200);
    for (name, supported) in
        [("patch", true), ("filter", true), ("etag", true), ("bulk", false), ("sort", false)]
    {
        assert_eq!(config[name]["supported"], supported, "{name}");
    }
    let pagination = &config["pagination"];
    assert_eq!((&pagination["cursor"], &pagination["index"]), (&json!(false), &json!(true)));
    assert_eq!(pagination["defaultPageSize"], 100);
    let types = client.get("/ResourceTypes").await.is(200);
    assert_eq!(types["totalResults"], 2);
    let one = client.get("/ResourceTypes/User").await.is(200);
    assert_eq!(client.get("/resourcetypes/user").await.is(200), one);
    assert_eq!(client.get("/SERVICEPROVIDERCONFIG").await.is(200), config);
    let schemas = client.get("/Schemas").await.is(200);
    let schemas = schemas["Resources"].as_array().unwrap();
    let own = schemas.iter().find(|schema| schema["id"] == super::CONNECT).unwrap();
    let attributes = own["attributes"].as_array().unwrap();
    let names: Vec<_> = attributes.iter().filter_map(|it| it["name"].as_str()).collect();
    assert_eq!(names, ["routingProfile", "phone", "provisioning"]);
    assert_eq!(attributes[0]["canonicalValues"], json!(["Basic Routing Profile"]));
    for target in ["Schemas", "schemas"] {
        let one = client.get(&format!("/{target}/{}", super::CONNECT)).await.is(200);
        assert_eq!(&one, own);
    }
}

#[tokio::test]
async fn a_public_url_is_in_front_of_every_location() {
    let client = client(&[("PUBLIC_URL", "https://scim.example.com/connect/")]).await;
    let made = client.post("/Users", &user("ana@example.com")).await;
    let location = made.header("location").to_owned();
    assert!(location.starts_with("https://scim.example.com/connect/scim/v2/Users/"), "{location}");
}

#[tokio::test]
async fn without_a_token_there_is_no_scim() {
    let client = client(&[("SCIM_TOKEN", "")]).await;
    for target in ["/Users", "/ServiceProviderConfig", "/Nothing"] {
        let headers = json!({"authorization": format!("Bearer {DEMO_SCIM_TOKEN}")});
        let nothing = client.send("GET", target, &headers, "").await;
        assert_eq!(nothing.header("www-authenticate"), "");
        nothing.is(404);
    }
}

#[tokio::test]
async fn strict_takes_the_rfcs_letter_and_no_other() {
    let lenient = client(&[]).await;
    let strict = client(&[("SCIM_STRICT", "true")]).await;
    let with = |name: &str, member: &str, value: Value| {
        let mut sent = user(name);
        sent[member] = value;
        sent
    };
    let quoted = with("bo@example.com", "active", json!("True"));
    let unknown = with("cy@example.com", "nickname2", json!("x"));
    let nameless = with("di@example.com", "schemas", json!([]));
    let unquoted = "/Users?filter=userName+eq+ana@example.com";
    for (client, status) in [(&lenient, 201), (&strict, 400)] {
        let mut whole = user("ana@example.com");
        whole["active"] = json!(true);
        client.post("/Users", &whole).await.is(201);
        client.post("/Users", &quoted).await.is(status);
        client.post("/Users", &unknown).await.is(status);
        client.post("/Users", &nameless).await.is(status);
        client.post("/Groups", &json!({"displayName": "Agents"})).await.is(status);
    }
    assert_eq!(lenient.get(unquoted).await.is(200)["totalResults"], 1);
    assert_eq!(strict.get(unquoted).await.is(400)["scimType"], "invalidFilter");
}

#[tokio::test]
async fn a_page_ends_where_the_answer_would_be_too_long() {
    let client = client(&[]).await;
    let mut big = json!({"displayName": "", "members": []});
    big["members"] = (0..10_000)
        .map(|number| json!({"value": format!("member-{number}-{}", "x".repeat(60))}))
        .collect();
    let mut made = Vec::new();
    for number in 0..6 {
        big["displayName"] = json!(format!("Group {number}"));
        made.push(client.post("/Groups", &big).await.is(201)["id"].clone());
    }
    let (mut seen, mut start) = (Vec::new(), 1);
    while seen.len() < made.len() {
        let page = client.get(&format!("/Groups?startIndex={start}")).await.is(200);
        assert_eq!(page["totalResults"], made.len());
        assert!(page.to_string().len() < 5 * 1024 * 1024);
        let groups = page["Resources"].as_array().unwrap();
        assert_eq!(page["itemsPerPage"], groups.len());
        assert!(!groups.is_empty() && groups.len() < made.len());
        assert!(groups.iter().all(|group| group["members"].as_array().unwrap().len() == 10_000));
        start += groups.len();
        seen.extend(groups.iter().map(|group| group["id"].clone()));
    }
    seen.reverse();
    assert_eq!(seen, made);
    let short = client.get("/Groups?excludedAttributes=members").await.is(200);
    assert_eq!(short["itemsPerPage"], made.len());
}

#[tokio::test]
async fn one_resource_that_no_answer_holds_is_written_and_read_in_parts() {
    let client = client(&[]).await;
    let members: Value = (0..60_000)
        .map(|number| json!({"value": format!("member-{number}-of-all-there-are")}))
        .collect();
    let made = client.post("/Groups", &json!({"displayName": "All", "members": members})).await;
    let body = made.is(201);
    assert!(body["members"].is_null());
    let target = format!("/Groups/{}", body["id"].as_str().unwrap());
    let refused = client.get(&target).await.is(400);
    assert_eq!(refused["scimType"], "tooMany");
    assert!(refused["detail"].as_str().unwrap().contains("excludedAttributes=members"));
    client.get(&format!("{target}?excludedAttributes=members")).await.is(200);
    let found = client
        .get("/Groups?filter=members.value+eq+%22member-59999-of-all-there-are%22&attributes=id")
        .await;
    assert_eq!(found.is(200)["totalResults"], 1);
}

#[tokio::test]
async fn the_times_are_those_of_clients_changes() {
    let client = client(&[]).await;
    foreign(&client.local, "foreign@example.com").await;
    let made = client.post("/Users", &user("ana@example.com")).await.is(201)["meta"].clone();
    assert_eq!(made["created"], made["lastModified"]);
    let target = made["location"].as_str().unwrap().rsplit_once("/scim/v2").unwrap().1.to_owned();
    let meta = async || client.get(&target).await.is(200)["meta"].clone();
    let patch = async |path: &str, value: &str| {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let operations = json!([{"op": "replace", "path": path, "value": value}]);
        client.patch(&target, operations).await.status
    };
    assert_eq!(patch("userName", "ana@example.com").await, 200);
    assert_eq!(meta().await, made, "nothing was changed");
    assert_eq!(patch("userName", "foreign@example.com").await, 409);
    assert_eq!(meta().await, made, "it was taken back");
    assert_eq!(patch("title", "Agent").await, 200);
    let changed = meta().await;
    assert_eq!(changed["created"], made["created"]);
    assert_ne!(changed["lastModified"], made["lastModified"]);
    let versions = [json!("W/\"1\""), json!("W/\"2\"")];
    assert!(!versions.contains(&changed["version"]), "no two states have one version");
}

#[tokio::test]
async fn what_was_just_made_was_changed_when_it_was_made() {
    let client = client_among_others().await;
    let user = client.post("/Users", &user("ana@example.com")).await.is(201);
    let group = client.post("/Groups", &json!({"displayName": "Agents"})).await.is(201);
    for meta in [&user["meta"], &group["meta"]] {
        assert_eq!(meta["created"], meta["lastModified"]);
    }
}

#[tokio::test]
async fn a_groups_versions_are_kept_apart_too() {
    let client = client_among_others().await;
    let made = client.post("/Groups", &json!({"displayName": "Agents"})).await;
    let (etag, location) = (made.header("etag").to_owned(), made.header("location").to_owned());
    let target = location.rsplit_once("/scim/v2").unwrap().1.to_owned();
    let with = |name: &str, value: &str| json!({"authorization": format!("Bearer {DEMO_SCIM_TOKEN}"), name: value});
    let same = client.send("GET", &target, &with("if-none-match", &etag), "").await;
    assert_eq!((same.status, same.header("content-location")), (304, location.as_str()));
    let writes = (0..8).map(async |number| {
        let group = json!({"displayName": format!("Agents {number}")}).to_string();
        client.send("PUT", &target, &with("if-match", &etag), &group).await.status
    });
    let mut written = join_all(writes).await;
    written.sort_unstable();
    assert_eq!(written, [vec![200], vec![412; 7]].concat());
    let add = json!({"schemas": [super::PATCH_OP],
        "Operations": [{"op": "add", "path": "members", "value": [{"value": "ana"}]}]})
    .to_string();
    client.send("PATCH", &target, &with("if-match", &etag), &add).await.is(412);
    client.send("DELETE", &target, &with("if-match", &etag), "").await.is(412);
    client.send("PATCH", &target, &with("if-match", "*"), &add).await.is(200);
}

#[tokio::test]
async fn a_page_has_a_hundred_unless_it_is_told_otherwise() {
    let client = client(&[]).await;
    for number in 0..101 {
        let group = json!({"displayName": format!("Group {number}")});
        client.post("/Groups", &group).await.is(201);
    }
    client.user("ana@example.com").await;
    let page = client.get("/Groups").await.is(200);
    assert_eq!((&page["totalResults"], &page["itemsPerPage"]), (&json!(101), &json!(100)));
    assert_eq!(page["Resources"][0]["displayName"], "Group 100");
    let search = json!({"startIndex": 101});
    for (target, total, last) in
        [("/Groups/.search", 101, 1), ("/Users/.search", 1, 0), ("/.search", 102, 2)]
    {
        let page = client.post(target, &search).await.is(200);
        assert_eq!((&page["totalResults"], &page["itemsPerPage"]), (&json!(total), &json!(last)));
    }
}

#[tokio::test]
async fn whatever_type_a_body_says_it_is_or_says_nothing_it_is_read() {
    let client = client(&[]).await;
    let bearer = format!("Bearer {DEMO_SCIM_TOKEN}");
    for (number, headers) in [
        json!({"authorization": bearer}),
        json!({"authorization": bearer, "content-type": "application/json; charset=utf-8"}),
        json!({"authorization": bearer, "content-type": "application/scim+json", "accept": "*/*"}),
        json!({"authorization": bearer, "content-type": "text/plain", "accept": "text/html"}),
    ]
    .iter()
    .enumerate()
    {
        let mark = if number % 2 == 0 { "" } else { "\u{FEFF}" };
        let user = format!("{mark}{}", user(&format!("agent{number}@example.com")));
        let made = client.send("POST", "/Users", headers, &user).await;
        assert_eq!((made.status, made.header("content-type")), (201, "application/scim+json"));
    }
}

#[tokio::test]
async fn a_roster_that_does_not_answer_is_no_users_fault() {
    let roster = Arc::new(MemoryRoster::default());
    let unsteady = Unsteady::slow(roster.clone());
    let faults = Arc::clone(&unsteady.faults);
    let client = client_of(Arc::new(unsteady), roster, &[]).await;
    let target = format!("/Users/{}", client.user("ana@example.com").await);
    *faults.lock().unwrap() = 1000;
    for (method, target) in [("GET", "/Users"), ("GET", &target), ("DELETE", &target)] {
        let answer = client.ask(method, target, &Value::Null).await;
        assert!(answer.header("retry-after").parse::<u32>().is_ok(), "{:?}", answer.headers);
        assert_eq!(answer.is(503)["status"], "503");
    }
    *faults.lock().unwrap() = 0;
    client.delete(&target).await.is(204);
}
