//! Our reading of Lambda events against the samples that `aws_lambda_events` ships, and what is the same
//! by way of every gateway.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use connect_provisioner::cli::local::Local;
use connect_provisioner::cli::settings::DEMO_SCIM_TOKEN;
use connect_provisioner::http::gateway::{Arrival, Gateway, Reply};
use connect_provisioner::http::percent_decoded;
use connect_provisioner::roster::memory::MemoryRoster;
use connect_provisioner::standin::Settings;
use serde_json::{Map, Value, json};

use crate::house::{LONG, body, now, user};

/// Where cargo keeps the crate's source, samples included.
fn samples() -> PathBuf {
    let cargo = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&cargo.stdout).unwrap();
    let mut packages = metadata["packages"].as_array().unwrap().iter();
    let package = packages.find(|package| package["name"] == "aws_lambda_events").unwrap();
    let manifest = Path::new(package["manifest_path"].as_str().unwrap());
    manifest.parent().unwrap().join("src/fixtures")
}

/// The samples that are HTTP requests, with what they say.
const HTTP: [(&str, Gateway, &str, &str); 15] = [
    ("alb-lambda-target-request-headers-only", Gateway::LoadBalancer, "GET", "/"),
    ("alb-lambda-target-request-multivalue-headers", Gateway::LoadBalancerMultiValue, "GET", "/"),
    ("apigw-console-request", Gateway::Api, "POST", "/path/to/resource"),
    ("apigw-console-test-request", Gateway::Api, "POST", "/myPath"),
    ("apigw-request", Gateway::Api, "POST", "/hello/world"),
    ("apigw-request-catch-all", Gateway::Api, "POST", "/hello/world"),
    ("apigw-request-multi-value-parameters", Gateway::Api, "POST", "/hello/world"),
    ("apigw-restapi-openapi-request", Gateway::Api, "POST", "/hello/world"),
    ("apigw-sam-http-request", Gateway::Api, "GET", "/dump"),
    ("apigw-sam-rest-request", Gateway::Api, "GET", "/test"),
    ("apigw-v2-request-iam", Gateway::Api, "GET", "/my/path"),
    ("apigw-v2-request-jwt-authorizer", Gateway::Api, "GET", "/my/path"),
    ("apigw-v2-request-lambda-authorizer", Gateway::Api, "GET", "/my/path"),
    ("apigw-v2-request-multi-value-parameters", Gateway::Api, "GET", "/my/path"),
    ("apigw-v2-request-no-authorizer", Gateway::Api, "GET", "/"),
];

#[test]
fn every_sample_of_an_http_request_is_read() {
    let samples = samples();
    for (name, gateway, method, path) in HTTP {
        let text = std::fs::read_to_string(samples.join(format!("example-{name}.json"))).unwrap();
        let arrival = Arrival::read(&text, "").unwrap();
        let request = arrival.request.unwrap();
        assert_eq!(arrival.gateway, gateway, "{name}");
        assert_eq!((request.method.as_str(), request.path.as_str()), (method, path), "{name}");
        let sample: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(request.body, sample["body"].as_str().unwrap_or_default().as_bytes(), "{name}");
        let none = Map::new();
        let headers = ["multiValueHeaders", "headers"].map(|member| sample[member].as_object());
        for (header, value) in headers[0].or(headers[1]).unwrap_or(&none) {
            let value = match value.as_array().map(Vec::as_slice) {
                None => value.as_str(),
                Some([one]) => one.as_str(),
                Some(_) => None,
            };
            assert_eq!(request.headers.only(&header.to_uppercase()), value, "{name}: {header}");
        }
    }
}

#[test]
fn every_sample_of_anything_else_is_refused() {
    let mut refused = 0;
    for entry in std::fs::read_dir(samples()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().replace("example-", "");
        if HTTP.iter().any(|(http, ..)| *http == name) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(Arrival::read(&text, "").is_err(), "{name}");
        refused += 1;
    }
    assert!(refused > 50, "{refused} samples");
}

/// A request as each gateway brings it: an HTTP API or a function URL, a REST API, an HTTP API with
/// payload 1.0, and a load balancer with and without lists of values.
fn by_every_gateway(method: &str, target: &str, sent: &Value) -> Vec<Value> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: Map<String, Value> = [
        ("host".to_owned(), json!("x.example")),
        ("x-forwarded-proto".to_owned(), json!("https")),
        ("authorization".to_owned(), json!(format!("Bearer {DEMO_SCIM_TOKEN}"))),
    ]
    .into_iter()
    .collect();
    let lists: Map<String, Value> =
        headers.iter().map(|(name, value)| (name.clone(), json!([value]))).collect();
    let pairs = || query.split('&').filter_map(|part| part.split_once('='));
    let raw: Map<String, Value> =
        pairs().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    // An API Gateway decodes a form, where its client writes one.
    let decoded = |value: &str| match value.contains("%20") {
        true => percent_decoded(value),
        false => percent_decoded(&value.replace('+', " ")),
    };
    let decoded: Map<String, Value> =
        pairs().map(|(name, value)| (name.to_owned(), json!(decoded(value)))).collect();
    let decoded_lists: Map<String, Value> =
        decoded.iter().map(|(name, value)| (name.clone(), json!([value]))).collect();
    let raw_lists: Map<String, Value> =
        raw.iter().map(|(name, value)| (name.clone(), json!([value]))).collect();
    let body = if sent.is_null() { Value::Null } else { sent.to_string().into() };
    let context = json!({"stage": "$default", "domainName": "x.example", "path": path});
    let balancer = json!({"elb": {"targetGroupArn": "arn"}});
    vec![
        json!({"version": "2.0", "rawPath": path, "rawQueryString": query, "headers": headers,
            "requestContext": {
                "stage": "$default", "domainName": "x.example", "http": {"method": method}},
            "body": body}),
        json!({"resource": "/{proxy+}", "pathParameters": {"proxy": &path[1..]}, "path": path,
            "httpMethod": method, "headers": headers, "multiValueHeaders": lists,
            "queryStringParameters": decoded, "multiValueQueryStringParameters": decoded_lists,
            "requestContext": context, "body": body}),
        json!({"version": "1.0", "path": path, "httpMethod": method, "headers": headers,
            "multiValueHeaders": lists, "queryStringParameters": decoded,
            "requestContext": context, "body": body}),
        json!({"path": path, "httpMethod": method, "headers": headers, "body": body,
            "queryStringParameters": raw, "requestContext": balancer}),
        json!({"path": path, "httpMethod": method, "multiValueHeaders": lists, "body": body,
            "multiValueQueryStringParameters": raw_lists, "requestContext": balancer}),
    ]
}

/// The headers of a reply, wherever its gateway looks for them.
fn headers(reply: &Reply) -> BTreeMap<String, String> {
    let single = reply.headers.iter().flatten().map(|(name, value)| (*name, value));
    let lists = reply.multi_value_headers.iter().flatten();
    let lists = lists.map(|(name, [value])| (*name, value));
    single.chain(lists).map(|(name, value)| (name.to_owned(), value.clone())).collect()
}

/// A function with a roster.
async fn function() -> Local {
    let settings = Settings { throttle: false, ..Settings::default() };
    Local::start_with_roster(settings, &[], Arc::new(MemoryRoster::default())).await.unwrap()
}

async fn send(local: &Local, event: &Value) -> Reply {
    local.send(event, now(), LONG).await.0.unwrap()
}

#[tokio::test]
async fn a_plus_in_an_address_is_found_by_way_of_every_gateway_however_blanks_are_written() {
    let local = function().await;
    let user = json!({
        "userName": "tess@example.com", "externalId": "x+t@example.com",
        "displayName": "Tess of A+B", "name": {"givenName": "Tess", "familyName": "Lind"},
        "emails": [{"type": "work", "value": "tess+work@example.com"}],
    });
    let made = by_every_gateway("POST", "/scim/v2/Users", &user).remove(0);
    assert_eq!(send(&local, &made).await.status_code, 201);
    for filter in [
        "externalId%20eq%20%22x+t@example.com%22",
        "externalId%20eq%20%22x%2Bt%40example.com%22",
        "externalId+eq+%22x%2Bt@example.com%22",
        "emails%20eq%20%22tess+work@example.com%22",
        "displayName+eq+%22Tess+of+A%2BB%22",
        "displayName%20eq%20%22Tess%20of%20A+B%22",
        "externalId%20eq%20%22x+t@example.com%22&attributes=userName,+externalId",
    ] {
        let target = format!("/scim/v2/Users?filter={filter}");
        for event in by_every_gateway("GET", &target, &Value::Null) {
            let found = body(&send(&local, &event).await);
            assert_eq!(found["totalResults"], 1, "{event}");
            assert_eq!(found["Resources"][0]["externalId"], "x+t@example.com", "{event}");
        }
    }
    let search = json!({"filter": "externalId eq \"x+t@example.com\""});
    for event in by_every_gateway("POST", "/scim/v2/Users/.search", &search) {
        assert_eq!(body(&send(&local, &event).await)["totalResults"], 1, "{event}");
    }
}

#[tokio::test]
async fn a_head_is_answered_as_a_get_without_its_body_by_way_of_every_gateway() {
    let local = function().await;
    let user = json!({
        "userName": "tess@example.com", "name": {"givenName": "Tess", "familyName": "Lind"},
    });
    let made = by_every_gateway("POST", "/scim/v2/Users", &user).remove(0);
    let made = body(&send(&local, &made).await);
    let user = format!("/scim/v2/Users/{}", made["id"].as_str().unwrap());
    for target in [
        "/health",
        &user,
        "/scim/v2/Users",
        "/scim/v2/Groups?count=1",
        "/scim/v2/Schemas",
        "/scim/v2/ServiceProviderConfig",
        "/scim/v2/Users/nobody",
        "/scim/v2/Me",
        "/nothing",
        "/hooks/demo",
    ] {
        let gets = by_every_gateway("GET", target, &Value::Null);
        for (get, head) in gets.iter().zip(by_every_gateway("HEAD", target, &Value::Null)) {
            let (get, head) = (send(&local, get).await, send(&local, &head).await);
            assert_eq!(head.status_code, get.status_code, "{target}");
            assert_eq!(headers(&head), headers(&get), "{target}");
            assert_eq!(head.body, "", "{target}");
            let length = Some(get.body.len()).filter(|length| *length > 0);
            assert_eq!((head.left_out, get.left_out), (length, None), "{target}");
        }
    }
    for event in by_every_gateway("HEAD", "/scim/v2/Users/.search", &Value::Null) {
        let refused = send(&local, &event).await;
        assert_eq!((refused.status_code, &*headers(&refused)["allow"]), (405, "POST"));
    }
    for event in by_every_gateway("DELETE", "/health", &Value::Null) {
        let refused = send(&local, &event).await;
        assert_eq!((refused.status_code, &*headers(&refused)["allow"]), (405, "GET, HEAD"));
    }
}

#[tokio::test]
async fn json_is_called_by_its_own_name_for_who_asks_for_it_by_way_of_every_gateway() {
    let local = function().await;
    for (accept, expected) in [
        ("application/json", "application/json"),
        ("application/json;q=0.9, application/scim+json;q=0.8", "application/json"),
        ("application/scim+json, application/json", "application/scim+json"),
        ("*/*", "application/scim+json"),
    ] {
        for target in ["/scim/v2/Users", "/scim/v2/Users/nobody", "/scim/v2/Schemas", "/nothing"] {
            for mut event in by_every_gateway("GET", target, &Value::Null) {
                if event["headers"].is_object() {
                    event["headers"]["Accept"] = json!(accept);
                }
                if event["multiValueHeaders"].is_object() {
                    event["multiValueHeaders"]["Accept"] = json!([accept]);
                }
                let reply = send(&local, &event).await;
                assert_eq!(headers(&reply)["content-type"], expected, "{accept} {target}");
            }
        }
    }
    let mut event = user(&[]).signed(&local.source, "msg_1", now());
    event["headers"]["accept"] = json!("application/scim+json");
    assert_eq!(headers(&send(&local, &event).await)["content-type"], "application/json");
}
