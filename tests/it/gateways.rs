//! Our reading of Lambda events against the samples that `aws_lambda_events` ships.

use std::path::{Path, PathBuf};
use std::process::Command;

use connect_provisioner::http::gateway::{Arrival, Gateway};
use serde_json::{Map, Value};

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
