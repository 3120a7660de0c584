//! A story → a signed Lambda event.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::trust::Source;

/// An HTTP request that a sender would make, still unsigned.
#[derive(Clone, Debug, Deserialize)]
pub struct Story {
    /// What it shows.
    pub about: String,
    /// The HTTP method.
    pub method: String,
    /// The path; `{source}` stands for the source's name.
    pub path: String,
    /// Headers besides those of the signature.
    pub headers: Map<String, Value>,
    /// The body; none for a GET.
    #[serde(default)]
    pub body: Value,
}

impl Story {
    /// Reads a file of `events/`.
    ///
    /// # Errors
    /// If it is not a story.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The Lambda event (payload format 2.0) that a gateway would make of this story, signed as
    /// `signer` at a time; the body as base64, as gateways do with all but text.
    #[must_use]
    pub fn signed(&self, signer: &Source, id: &str, at: SystemTime) -> Value {
        let body = if self.body.is_null() { String::new() } else { self.body.to_string() };
        let timestamp =
            at.duration_since(SystemTime::UNIX_EPOCH).as_ref().map_or(0, Duration::as_secs);
        let mut headers = self.headers.clone();
        for (name, value) in signer.sign(id, timestamp, body.as_bytes()) {
            headers.insert(name.to_owned(), value.into());
        }
        let path = self.path.replace("{source}", &signer.name);
        json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": "",
            "headers": headers,
            "requestContext": {
                "stage": "$default",
                "http": {"method": self.method, "path": path, "protocol": "HTTP/1.1"},
            },
            "body": STANDARD.encode(body),
            "isBase64Encoded": true,
        })
    }
}
