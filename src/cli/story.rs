//! Converts a story to a signed request, as a Lambda event or a curl command.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::event::okta;
use crate::trust::Source;

/// An unsigned HTTP request of a sender: a file of `events/`.
#[derive(Clone, Debug, Deserialize)]
pub struct Story {
    /// A description of the event.
    pub about: String,
    /// The HTTP method.
    pub method: String,
    /// The path; `{source}` is replaced by the source's name.
    pub path: String,
    /// Headers other than those of the signature.
    pub headers: Map<String, Value>,
    /// The body; null for a GET.
    #[serde(default)]
    pub body: Value,
}

/// A signed request.
#[derive(Clone, Debug)]
pub struct Signed {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Story {
    /// Parses a file of `events/`. Any other JSON object is taken as the body of a POST.
    ///
    /// # Errors
    /// If it is not a JSON object, or a story with a member missing.
    /// If it is no JSON object, or a story that lacks something.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let body: Map<String, Value> = serde_json::from_str(text)?;
        if ["about", "method", "path", "headers"].iter().any(|name| body.contains_key(*name)) {
            return serde_json::from_str(text);
        }
        Ok(Self {
            about: "a body of your own".to_owned(),
            method: "POST".to_owned(),
            path: "/hooks/{source}".to_owned(),
            headers: Map::from_iter([("content-type".to_owned(), "application/json".into())]),
            body: Value::Object(body),
        })
    }

    /// True for a verification or a batch of Okta's event hooks.
    #[must_use]
    pub fn is_okta_hook(&self) -> bool {
        self.method == "GET" || self.body.as_object().is_some_and(okta::is_batch)
    }

    /// The request signed by `signer` at a time.
    #[must_use]
    pub fn signed_by(&self, signer: &Source, id: &str, at: SystemTime) -> Signed {
        let body = if self.body.is_null() { String::new() } else { self.body.to_string() };
        let timestamp =
            at.duration_since(SystemTime::UNIX_EPOCH).as_ref().map_or(0, Duration::as_secs);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut headers: BTreeMap<String, String> =
            self.headers.iter().map(|(name, value)| (name.clone(), text(value))).collect();
        let proof = signer.sign(id, timestamp, body.as_bytes()).into_iter();
        headers.extend(proof.map(|(name, value)| (name.to_owned(), value)));
        let path = self.path.replace("{source}", &signer.name);
        Signed { method: self.method.clone(), path, headers, body }
    }

    /// The signed request as an event of an HTTP API.
    #[must_use]
    pub fn signed(&self, signer: &Source, id: &str, at: SystemTime) -> Value {
        self.signed_by(signer, id, at).http_api()
    }
}

impl Signed {
    /// The Lambda event of an HTTP API or a function URL (payload format 2.0). The body is in
    /// base64, as gateways send all bodies but text.
    #[must_use]
    pub fn http_api(&self) -> Value {
        json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": self.path,
            "rawQueryString": "",
            "headers": self.headers,
            "requestContext": {
                "stage": "$default",
                "http": {"method": self.method, "path": self.path, "protocol": "HTTP/1.1"},
            },
            "body": STANDARD.encode(&self.body),
            "isBase64Encoded": true,
        })
    }

    /// The Lambda event of a REST API (payload format 1.0).
    #[must_use]
    pub fn rest_api(&self) -> Value {
        json!({
            "resource": "/{proxy+}",
            "path": self.path,
            "httpMethod": self.method,
            "headers": self.headers,
            "multiValueHeaders": self.lists(),
            "queryStringParameters": null,
            "pathParameters": {"proxy": self.path.trim_start_matches('/')},
            "requestContext": {
                "resourcePath": "/{proxy+}", "httpMethod": self.method, "stage": "prod",
                "path": format!("/prod{}", self.path),
            },
            "body": self.body,
            "isBase64Encoded": false,
        })
    }

    /// The Lambda event of an Application Load Balancer with multi-value headers disabled.
    #[must_use]
    pub fn load_balancer(&self) -> Value {
        let target =
            "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/demo/0123456789abcdef";
        json!({
            "requestContext": {"elb": {"targetGroupArn": target}},
            "httpMethod": self.method,
            "path": self.path,
            "queryStringParameters": {},
            "headers": self.headers,
            "body": self.body,
            "isBase64Encoded": false,
        })
    }

    /// A shell command that sends the request to a URL.
    ///
    /// Headers and body are passed to curl on standard input, as a configuration ("-K, --config",
    /// curl's manual): arguments are visible in the process list, and a header may hold a secret.
    #[must_use]
    pub fn curl(&self, url: &str) -> String {
        let quote = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
        let option = |name: &str, value: &str| {
            format!("{name} = \"{}\"\n", value.replace('\\', r"\\").replace('"', "\\\""))
        };
        let headers = self.headers.iter().map(|(name, value)| format!("{name}: {value}"));
        let headers = headers.map(|header| option("header", &header));
        let body = match self.body.as_str() {
            "" => String::new(),
            body => option("data-binary", body),
        };
        let url = quote(&format!("{}{}", url.trim_end_matches('/'), self.path));
        let options = headers.collect::<String>();
        format!("curl -sS -X {} {url} -K - <<'END'\n{options}{body}END", self.method)
    }

    fn lists(&self) -> BTreeMap<&str, [&str; 1]> {
        self.headers.iter().map(|(name, value)| (name.as_str(), [value.as_str()])).collect()
    }
}
