//! Lambda event ⇄ [`Request`] and [`Response`].
//!
//! Reads API Gateway's HTTP API (payload format 2.0) and function URLs, which share one shape
//! ("Create AWS Lambda proxy integrations for HTTP APIs", AWS docs). Total: an event is an HTTP
//! request, or it is refused as something else; whatever stands in it, nothing panics. The size cap
//! comes first, told from the length alone; then the gateway's base64 is taken off, strictly.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::fault::{Fault, Kind};

/// The largest body that is looked at, in bytes after base64 decoding: 256 KiB.
pub const MAX_BODY: usize = 256 * 1024;

/// An HTTP request, whatever gateway it came through.
#[derive(Clone)]
pub struct Request {
    /// The method in upper case, as HTTP writes it.
    pub method: String,
    /// The path behind the stage and the base path: `/hooks/okta`. Not percent-decoded.
    pub path: String,
    /// The headers.
    pub headers: Headers,
    /// The body, just as the sender sent it: at most [`MAX_BODY`] bytes.
    pub body: Vec<u8>,
}

impl Request {
    /// Reads a Lambda event and drops the stage prefix and `base_path` (empty, or `/x`) from its
    /// path, each once, at the front, where it is there.
    ///
    /// # Errors
    /// [`Unreadable::NotHttp`] if the event is not an HTTP request in payload format 2.0;
    /// [`Unreadable::Fault`] if its body is too large or is not the base64 that the gateway says.
    pub fn read(event: &str, base_path: &str) -> Result<Self, Unreadable> {
        let event: Event = serde_json::from_str(event).map_err(|_| NotHttp)?;
        let (Some("2.0"), Some(context)) = (event.version.as_deref(), event.request_context) else {
            return Err(NotHttp.into());
        };
        let (Some(Http { method: Some(method) }), Some(path)) = (context.http, event.raw_path)
        else {
            return Err(NotHttp.into());
        };
        let stage = match context.stage.as_deref() {
            None | Some("$default") => String::new(),
            Some(stage) => format!("/{stage}"),
        };
        let path = without_prefix(without_prefix(&path, &stage), base_path).to_owned();
        let base64 = event.is_base64_encoded.unwrap_or_default();
        let body = unwrap_body(event.body.unwrap_or_default(), base64)?;
        Ok(Self { method, path, headers: event.headers.unwrap_or_default(), body })
    }
}

/// Shows where a request goes, and nothing of what a sender put into it.
impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Request")
            .field("method", &self.method)
            .field("headers", &self.headers)
            .field("body", &format_args!("[{} bytes]", self.body.len()))
            .finish_non_exhaustive()
    }
}

/// Why a Lambda event did not become a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It is an HTTP request, and its sender gets an answer.
    Fault(Fault),
    /// It is no HTTP request that we read.
    NotHttp(NotHttp),
}

/// The event that Lambda brought is not an HTTP request that we read: nobody is there to be
/// answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotHttp;

impl fmt::Display for NotHttp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "expected an event of an API Gateway HTTP API (payload format 2.0) or of a function \
             URL, found something else; check what invokes this function",
        )
    }
}

impl std::error::Error for NotHttp {}

impl From<NotHttp> for Unreadable {
    fn from(not_http: NotHttp) -> Self {
        Self::NotHttp(not_http)
    }
}

impl From<Fault> for Unreadable {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The headers of a request: names in any case.
#[derive(Clone, Default)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The value of a header that must be there exactly once, trimmed of nothing. Payload format
    /// 2.0 joins a repeated header's values with commas, so a caller whose values hold no comma
    /// sees a repetition as a malformed value.
    #[must_use]
    pub fn only(&self, name: &str) -> Option<&str> {
        let mut values =
            self.0.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        values.next().filter(|_| values.next().is_none()).map(String::as_str)
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(headers: I) -> Self {
        Self(headers.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "[{} headers]", self.0.len())
    }
}

/// A JSON object kept as pairs, so that two names that differ only in case are both seen. A value
/// that is not a string is no header.
impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum HeaderValue {
            Text(String),
            Other(IgnoredAny),
        }

        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Headers;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object of headers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
                let mut headers = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, HeaderValue>()? {
                    if let HeaderValue::Text(value) = value {
                        headers.push((name, value));
                    }
                }
                Ok(Headers(headers))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

/// What goes back, in the shape that payload format 2.0 asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// The HTTP status.
    pub status_code: u16,
    /// Header names in lower case, each once.
    pub headers: BTreeMap<&'static str, String>,
    /// The body; empty for none.
    pub body: String,
    /// Never: every body of ours is text.
    pub is_base64_encoded: bool,
}

impl Response {
    /// A response without headers.
    pub fn new(status_code: u16, body: impl Into<String>) -> Self {
        Self { status_code, headers: BTreeMap::new(), body: body.into(), is_base64_encoded: false }
    }
}

fn without_prefix<'a>(path: &'a str, prefix: &str) -> &'a str {
    match path.strip_prefix(prefix) {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

/// Takes the gateway's wrapping off a body: plain text, or canonical base64 (RFC 4648 §3.5).
fn unwrap_body(text: String, base64: bool) -> Result<Vec<u8>, Fault> {
    if decoded_length(&text, base64) > MAX_BODY {
        return Err(Fault::new(
            Kind::TooLarge,
            "body: expected at most 262144 bytes, found more; send one user per event",
        ));
    }
    if !base64 {
        return Ok(text.into_bytes());
    }
    STANDARD.decode(&text).map_err(|_| {
        Fault::new(Kind::InvalidSyntax, "body: expected base64, as the gateway says, found not")
    })
}

fn decoded_length(text: &str, base64: bool) -> usize {
    if !base64 {
        return text.len();
    }
    let padding = text.bytes().rev().take(2).take_while(|&byte| byte == b'=').count();
    text.len().div_ceil(4).saturating_mul(3).saturating_sub(padding)
}

/// The members of payload format 2.0 that we read. Every one may be missing.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    version: Option<String>,
    raw_path: Option<String>,
    headers: Option<Headers>,
    request_context: Option<RequestContext>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
}

#[derive(Deserialize)]
struct RequestContext {
    stage: Option<String>,
    http: Option<Http>,
}

#[derive(Deserialize)]
struct Http {
    method: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn event() -> Value {
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": "/hooks/okta", "rawQueryString": "",
            "headers": {"Webhook-Id": "msg_1", "webhook-timestamp": "1", "x-odd": null, "x-list": [1]},
            "requestContext": {"stage": "$default", "http": {"method": "POST", "path": "/hooks/okta"}},
            "body": "{}", "isBase64Encoded": false,
        })
    }

    fn read(event: &Value, base_path: &str) -> Request {
        Request::read(&event.to_string(), base_path).unwrap()
    }

    #[test]
    fn an_event_of_payload_format_2_becomes_a_request() {
        let request = read(&event(), "");
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/hooks/okta"));
        assert_eq!(request.headers.only("webhook-id"), Some("msg_1"));
        assert_eq!(request.headers.only("x-odd"), None);
        assert_eq!(request.headers.only("x-list"), None);
        assert_eq!(request.body, b"{}");
    }

    #[test]
    fn a_header_named_twice_has_no_value() {
        let text = event().to_string().replace("webhook-timestamp", "WEBHOOK-ID");
        let request = Request::read(&text, "").unwrap();
        assert_eq!(request.headers.only("webhook-id"), None);
    }

    #[test]
    fn stage_and_base_path_are_dropped_once_and_only_in_front() {
        for (stage, base_path, raw_path, path) in [
            ("$default", "", "/hooks/okta", "/hooks/okta"),
            ("prod", "", "/prod/hooks/okta", "/hooks/okta"),
            ("prod", "", "/hooks/okta", "/hooks/okta"),
            ("prod", "", "/production/hooks/okta", "/production/hooks/okta"),
            ("prod", "", "/prod/prod/hooks/okta", "/prod/hooks/okta"),
            ("prod", "", "/prod", "/"),
            ("hooks", "", "/hooks/hooks/okta", "/hooks/okta"),
            ("$default", "/connect", "/connect/hooks/okta", "/hooks/okta"),
            ("prod", "/connect", "/prod/connect/hooks/okta", "/hooks/okta"),
            ("$default", "/connect", "/a/connect/hooks/okta", "/a/connect/hooks/okta"),
            ("$default", "", "/a/hooks/okta", "/a/hooks/okta"),
        ] {
            let mut event = event();
            event["requestContext"]["stage"] = json!(stage);
            event["rawPath"] = json!(raw_path);
            assert_eq!(read(&event, base_path).path, path, "{stage} {base_path} {raw_path}");
        }
    }

    #[test]
    fn the_cap_is_told_from_the_length_before_anything_is_decoded() {
        let body = |text, base64| unwrap_body(text, base64).map_err(|fault| fault.kind);
        for (length, fits) in [(MAX_BODY - 1, true), (MAX_BODY, true), (MAX_BODY + 1, false)] {
            let bytes = vec![b'x'; length];
            for (text, base64) in [("x".repeat(length), false), (STANDARD.encode(&bytes), true)] {
                let expected = if fits { Ok(bytes.clone()) } else { Err(Kind::TooLarge) };
                assert_eq!(body(text, base64), expected);
            }
        }
        assert_eq!(body("!".repeat(4 * MAX_BODY), true), Err(Kind::TooLarge));
    }

    #[test]
    fn base64_is_canonical_or_refused() {
        for text in ["e30", "e31=", "e30=\n", "e3 0=", "e_0=", "=", "e30==", "é"] {
            let fault = unwrap_body(text.to_owned(), true).unwrap_err();
            assert_eq!(fault.kind, Kind::InvalidSyntax, "{text}");
        }
        assert_eq!(unwrap_body("e30=".to_owned(), true).unwrap(), b"{}");
    }

    #[test]
    fn what_is_not_http_is_refused() {
        let mut rest = event();
        rest["version"] = json!("1.0");
        for event in [json!({}), json!([]), json!(null), json!({"Records": []}), json!(7), rest] {
            assert_eq!(
                Request::read(&event.to_string(), "").unwrap_err(),
                NotHttp.into(),
                "{event}"
            );
        }
    }

    #[test]
    fn debug_shows_neither_headers_nor_body_nor_path() {
        insta::assert_debug_snapshot!(read(&event(), ""), @r#"
        Request {
            method: "POST",
            headers: [2 headers],
            body: [2 bytes],
            ..
        }
        "#);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".*", base64: bool) {
            let _ = Request::read(&text, "");
            let _ = unwrap_body(text, base64);
        }
    }
}
