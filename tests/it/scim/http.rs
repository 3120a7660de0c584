//! What HTTP says around a SCIM request: tokens, versions, locations, methods, documents.

use connect_provisioner::cli::settings::DEMO_SCIM_TOKEN;
use serde_json::{Value, json};

use super::{client, user};

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
        ("POST", "/Schemas", 405, "GET"),
        ("DELETE", "/ServiceProviderConfig", 405, "GET"),
        ("PUT", "/ResourceTypes", 405, "GET"),
        ("PATCH", "/Users", 405, "GET, POST"),
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
    client.get("/ResourceTypes/User").await.is(200);
    let schemas = client.get("/Schemas").await.is(200);
    let schemas = schemas["Resources"].as_array().unwrap();
    let own = schemas.iter().find(|schema| schema["id"] == super::CONNECT).unwrap();
    let attributes = own["attributes"].as_array().unwrap();
    let names: Vec<_> = attributes.iter().filter_map(|it| it["name"].as_str()).collect();
    assert_eq!(names, ["routingProfile", "phone", "provisioning"]);
    assert_eq!(attributes[0]["canonicalValues"], json!(["Basic Routing Profile"]));
    let one = client.get(&format!("/Schemas/{}", super::CONNECT)).await.is(200);
    assert_eq!(&one, own);
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
