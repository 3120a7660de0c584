//! Lambda event ⇄ [`Request`] and [`Response`], by way of a [`gateway`].
//!
//! Parsing is total: an event is an HTTP request or it is refused, and no content causes a panic.
//! The body's size is checked first, from its encoded length; then the gateway's base64 is decoded,
//! strictly.

mod accept;
pub mod gateway;

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};

use crate::fault::{Fault, Kind};

/// The largest request body, in bytes after base64 decoding: 256 KiB.
pub const MAX_BODY: usize = 256 * 1024;

/// The largest body of a SCIM request, in bytes: 4 MiB, which in base64 is just below Lambda's
/// limit of 6 MB ("Lambda quotas").
pub const MAX_SCIM_BODY: usize = 4 * 1024 * 1024;

/// The largest body of a SCIM answer, in bytes as Lambda transports it, inside a JSON string: 5
/// MiB, below Lambda's limit of 6 MB. That is more than 4 MiB of SCIM JSON.
pub const MAX_ANSWER: usize = 5 * 1024 * 1024;

/// The path of the SCIM service.
pub const SCIM: &str = "/scim/v2";

/// An HTTP request, from any gateway.
#[derive(Clone, Default)]
pub struct Request {
    /// The method in upper case. A HEAD is stored as `GET`, since it asks for the same resource;
    /// see [`Preference`].
    pub method: String,
    /// The path without the stage and the base path: `/hooks/okta`. Not percent-decoded.
    pub path: String,
    /// The query parameters, decoded, in their order.
    pub query: Vec<(String, String)>,
    /// The URL before `path`, as far as the gateway tells it: `https://x.example/prod`.
    pub origin: Option<String>,
    /// The headers.
    pub headers: Headers,
    /// The body as the sender sent it: at most [`MAX_BODY`] bytes, or [`MAX_SCIM_BODY`] for SCIM.
    pub body: Vec<u8>,
}

impl Request {
    /// True for the SCIM path and the paths below it.
    #[must_use]
    pub fn is_scim(path: &str) -> bool {
        path.strip_prefix(SCIM).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Shows the method and the sizes of headers and body, and no content.
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

/// The error for a Lambda event that is not an HTTP request; there is no client to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseEventError;

impl fmt::Display for ParseEventError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "expected an HTTP request by way of an API Gateway, a function URL or an Application \
             Load Balancer, found something else; check what invokes this function",
        )
    }
}

impl std::error::Error for ParseEventError {}

/// The headers of a request. Names match in any case.
#[derive(Clone, Default)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The value of a header that occurs exactly once, not trimmed; `None` otherwise.
    ///
    /// Payload format 2.0 joins the values of a repeated header with commas. A caller whose valid
    /// values have no comma will see such a repetition as an invalid value.
    #[must_use]
    pub fn only(&self, name: &str) -> Option<&str> {
        let mut values =
            self.0.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        values.next().filter(|_| values.next().is_none()).map(String::as_str)
    }

    /// The values of a header that is a list and may be repeated, joined by commas (RFC 9110 §5.3).
    #[must_use]
    pub fn list(&self, name: &str) -> Option<String> {
        let own = self.0.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let values: Vec<&str> = own.map(|(_, value)| value.as_str()).collect();
        Some(values.join(",")).filter(|_| !values.is_empty())
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

/// Reads a JSON object as pairs, so that two names that differ only in case are both kept. A list
/// of strings gives several values; values of other types are ignored.
impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum HeaderValue {
            Text(String),
            List(Vec<String>),
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
                    match value {
                        HeaderValue::Text(value) => headers.push((name, value)),
                        HeaderValue::List(values) => {
                            headers.extend(values.into_iter().map(|value| (name.clone(), value)));
                        }
                        HeaderValue::Other(_) => {}
                    }
                }
                Ok(Headers(headers))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Header names in lower case, each once.
    pub headers: BTreeMap<&'static str, String>,
    /// The body; empty for none.
    pub body: String,
    /// The length in bytes of a body that was removed because the method is HEAD.
    pub left_out: Option<usize>,
}

impl Response {
    /// A response without headers.
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: BTreeMap::new(), body: body.into(), left_out: None }
    }
}

/// The form of the answer that the client asks for, independent of its content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preference {
    /// True for HEAD: no body (RFC 9110 §9.3.2).
    pub without_body: bool,
    /// True if the client prefers `application/json` to `application/scim+json` (RFC 7644 §3.8).
    pub plain_json: bool,
}

impl Preference {
    /// Reads the preference from the method and the `Accept` header.
    #[must_use]
    pub fn of(method: &str, headers: &Headers) -> Self {
        Self {
            without_body: method == "HEAD",
            plain_json: headers.list("accept").is_some_and(|accept| accept::prefers_json(&accept)),
        }
    }

    /// Adapts an answer. All headers but the content type stay as they are.
    #[must_use]
    pub fn apply(self, mut response: Response) -> Response {
        if let Some(media_type) = response.headers.get_mut("content-type")
            && self.plain_json
            && *media_type == SCIM_JSON
        {
            *media_type = JSON.to_owned();
        }
        if self.without_body {
            let body = std::mem::take(&mut response.body);
            response.left_out = Some(body.len()).filter(|length| *length > 0);
        }
        response
    }
}

/// The media type of JSON.
pub const JSON: &str = "application/json";

/// The media type of SCIM (RFC 7644 §3.1).
pub const SCIM_JSON: &str = "application/scim+json";

/// Decodes the body of an event: plain text, or canonical base64 (RFC 4648 §3.5).
fn unwrap_body(text: String, base64: bool, path: &str) -> Result<Vec<u8>, Fault> {
    let most = if Request::is_scim(path) { MAX_SCIM_BODY } else { MAX_BODY };
    if decoded_length(&text, base64) > most {
        return Err(too_large(path));
    }
    if !base64 {
        return Ok(text.into_bytes());
    }
    STANDARD.decode(&text).map_err(|_| {
        Fault::new(Kind::InvalidSyntax, "body: expected base64, as the gateway says, found not")
    })
}

/// The fault for a body above the limit of its path.
#[must_use]
pub fn too_large(path: &str) -> Fault {
    let detail = if Request::is_scim(path) { SCIM_TOO_LARGE } else { TOO_LARGE };
    Fault::new(Kind::TooLarge, detail)
}

const TOO_LARGE: &str = "body: expected at most 262144 bytes, found more; send one user per event";
const SCIM_TOO_LARGE: &str =
    "body: expected at most 4194304 bytes, found more; send the members in several requests";

/// Parses a query string. How `+` is read is decided for each value by itself.
///
/// Some clients, Entra ID among them, send a blank as `+` and a plus as `%2B` (WHATWG URL,
/// "application/x-www-form-urlencoded"). Others send a blank as `%20` (RFC 3986), and many of these
/// leave a plus as it is: `filter=externalId%20eq%20"a+b"`. So `+` is a plus in a value that
/// contains `%20`, and a blank in any other. A client encodes one value in one way, and load
/// balancers and payload 1.0 deliver the values separately.
fn query_of(text: &str) -> Vec<(String, String)> {
    let parts = text.split('&').filter(|part| !part.is_empty());
    let pairs = parts.map(|part| part.split_once('=').unwrap_or((part, "")));
    pairs.map(|(name, value)| (form_decoded(name), form_decoded(value))).collect()
}

fn form_decoded(text: &str) -> String {
    match text.contains("%20") {
        true => percent_decoded(text),
        false => percent_decoded(&text.replace('+', " ")),
    }
}

/// Percent-decodes a text; invalid UTF-8 becomes U+FFFD.
#[must_use]
pub fn percent_decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn decoded_length(text: &str, base64: bool) -> usize {
    if !base64 {
        return text.len();
    }
    let padding = text.bytes().rev().take(2).take_while(|&byte| byte == b'=').count();
    text.len().div_ceil(4).saturating_mul(3).saturating_sub(padding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOOK: &str = "/hooks/okta";

    #[test]
    fn a_scim_body_may_be_larger() {
        let body = "x".repeat(MAX_SCIM_BODY);
        assert!(unwrap_body(body.clone(), false, "/scim/v2/Groups").is_ok());
        for (body, path) in [(body.clone() + "x", "/scim/v2/Groups"), (body, "/scim/v22")] {
            assert_eq!(unwrap_body(body, false, path).unwrap_err().kind, Kind::TooLarge);
        }
    }

    #[test]
    fn a_query_is_decoded_as_a_form_is() {
        let pairs =
            query_of("filter=userName+eq+%22a%2Bb%40x.example%22&&count=2&startIndex&x=%ff");
        let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            pairs,
            [
                text("filter", "userName eq \"a+b@x.example\""),
                text("count", "2"),
                text("startIndex", ""),
                text("x", "\u{fffd}"),
            ]
        );
    }

    #[test]
    fn a_plus_is_one_where_blanks_are_written_otherwise() {
        for (text, value) in [
            ("externalId%20eq%20%22x+t@a.example%22", "externalId eq \"x+t@a.example\""),
            ("externalId%20eq%20%22x%2Bt@a.example%22", "externalId eq \"x+t@a.example\""),
            ("externalId+eq+%22x%2Bt@a.example%22", "externalId eq \"x+t@a.example\""),
            ("displayName+eq+%22Connect+Leads%22", "displayName eq \"Connect Leads\""),
            ("userName,+emails", "userName, emails"),
            ("%2520+x", "%20 x"),
        ] {
            assert_eq!(query_of(&format!("a%20b=%20&filter={text}"))[1].1, value, "{text}");
        }
    }

    #[test]
    fn an_answer_is_as_it_is_wanted() {
        let answer = || {
            let mut response = Response::new(200, "{}");
            response.headers.insert("content-type", SCIM_JSON.to_owned());
            response
        };
        let headers = |accept: &str| [("Accept", accept)].into_iter().collect::<Headers>();
        assert_eq!(Preference::of("GET", &headers("*/*")).apply(answer()), answer());
        let plain = Preference::of("GET", &headers("application/json")).apply(answer());
        assert_eq!((plain.headers["content-type"].as_str(), plain.body.as_str()), (JSON, "{}"));
        let mut head = Preference::of("HEAD", &Headers::default()).apply(answer());
        assert_eq!(head.left_out.take(), Some(2));
        assert_eq!(head, Response { body: String::new(), ..answer() });
        let nothing = Preference::of("HEAD", &Headers::default()).apply(Response::new(204, ""));
        assert_eq!(nothing, Response::new(204, ""));
    }

    #[test]
    fn the_cap_is_told_from_the_length_before_anything_is_decoded() {
        let body = |text, base64| unwrap_body(text, base64, HOOK).map_err(|fault| fault.kind);
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
            let fault = unwrap_body(text.to_owned(), true, HOOK).unwrap_err();
            assert_eq!(fault.kind, Kind::InvalidSyntax, "{text}");
        }
        assert_eq!(unwrap_body("e30=".to_owned(), true, HOOK).unwrap(), b"{}");
    }

    #[test]
    fn debug_shows_neither_path_nor_headers_nor_body() {
        let headers = [("webhook-id", "msg_1"), ("x", "y")].into_iter().collect();
        let path = "/hooks/okta".to_owned();
        let request = Request {
            method: "POST".to_owned(),
            path,
            query: vec![("filter".to_owned(), "x".to_owned())],
            origin: None,
            headers,
            body: b"{}".to_vec(),
        };
        assert_eq!(
            format!("{request:?}"),
            r#"Request { method: "POST", headers: [2 headers], body: [2 bytes], .. }"#
        );
    }

    proptest! {
        #[test]
        fn any_body_is_unwrapped_or_refused(text in ".*", base64: bool) {
            let _ = unwrap_body(text, base64, HOOK);
        }
    }
}
