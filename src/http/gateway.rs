//! The formats in which Lambda delivers HTTP requests and expects the answers.
//!
//! | gateway | told by | path | headers |
//! |---|---|---|---|
//! | HTTP API 2.0, function URL | `version` 2.0 | `rawPath` | `headers`, repeated ones joined by commas |
//! | REST API, HTTP API 1.0 | `httpMethod` | `pathParameters.proxy` in `resource`, else `path` | `multiValueHeaders`, else `headers` |
//! | ALB | `requestContext.elb` | `path` | `multiValueHeaders` or `headers`, as the target group says |
//!
//! Sources: "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway", "Lambda proxy
//! integrations in API Gateway", "Use Lambda functions as targets of an Application Load Balancer".

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::{Headers, ParseEventError, Preference, Request, Response, query_of, unwrap_body};
use crate::fault::Fault;

/// The gateway that delivered an event, as far as it determines the format of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gateway {
    /// An API Gateway (REST or HTTP API), or a function URL.
    Api,
    /// A load balancer whose target group has multi-value headers disabled.
    LoadBalancer,
    /// A load balancer whose target group has them enabled; it ignores the single-value form.
    LoadBalancerMultiValue,
}

/// An HTTP request from a Lambda event.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The gateway, which gets the answer.
    pub gateway: Gateway,
    /// True for a SCIM path.
    pub is_scim: bool,
    /// The form of the answer that the client asks for.
    pub preference: Preference,
    /// The request; a fault if the body is too large, or is not valid base64 although the gateway
    /// says so.
    pub request: Result<Request, Fault>,
    /// The request without its body, if the body has a fault: only an authenticated sender is told
    /// about a fault of the body.
    pub head: Option<Request>,
}

impl Arrival {
    /// Parses a Lambda event. The stage and `base_path` (empty, or `/x`) are each removed once from
    /// the start of the path, if present.
    ///
    /// # Errors
    /// [`ParseEventError`] if the event has none of the formats above.
    pub fn read(event: &str, base_path: &str) -> Result<Self, ParseEventError> {
        let event: LambdaEvent = serde_json::from_str(event).map_err(|_| ParseEventError)?;
        let context = event.request_context.as_ref().ok_or(ParseEventError)?;
        if event.r#type.is_some() || context.connection_id.is_some() {
            return Err(ParseEventError);
        }
        let gateway = match (&context.elb, &event.multi_value_headers) {
            (None, _) => Gateway::Api,
            (Some(_), None) => Gateway::LoadBalancer,
            (Some(_), Some(_)) => Gateway::LoadBalancerMultiValue,
        };
        let http = context.http.as_ref().filter(|_| event.version.as_deref() == Some("2.0"));
        let method = http.map_or(&event.http_method, |http| &http.method).clone();
        let path = event.path(context, http.is_some(), base_path);
        let (mut method, path) = (method.ok_or(ParseEventError)?, path.ok_or(ParseEventError)?);
        let query = event.query(gateway);
        let lists = event.multi_value_headers.as_ref().filter(|_| http.is_none());
        let headers = lists.or(event.headers.as_ref()).cloned().unwrap_or_default();
        let origin = event.origin(context, http.is_some(), &path, &headers);
        let preference = preference(&mut method, &headers);
        let is_scim = Request::is_scim(&path);
        let base64 = event.is_base64_encoded.unwrap_or_default();
        let body = unwrap_body(event.body.unwrap_or_default(), base64, &path);
        let head = Request { method, path, query, origin, headers, body: Vec::new() };
        let (request, head) = match body {
            Ok(body) => (Ok(Request { body, ..head }), None),
            Err(fault) => (Err(fault), Some(head)),
        };
        Ok(Self { gateway, is_scim, preference, request, head })
    }
}

impl Request {
    /// The head of a request that came without a gateway, and the form of its answer. `sent` and
    /// `query` are as in the request line. `base_path` is removed from the path as in
    /// [`Arrival::read`].
    #[must_use]
    pub fn direct(
        method: &str,
        sent: &str,
        query: &str,
        headers: Headers,
        base_path: &str,
    ) -> (Self, Preference) {
        let path = without_prefix(sent, base_path).to_owned();
        let dropped = sent.strip_suffix(&path).unwrap_or_default();
        let origin = origin(None, &headers, dropped);
        let mut method = method.to_owned();
        let preference = preference(&mut method, &headers);
        let head = Self { method, path, query: query_of(query), origin, headers, body: Vec::new() };
        (head, preference)
    }
}

impl Gateway {
    /// Converts a response to the format of this gateway.
    #[must_use]
    pub fn reply(self, response: Response) -> Reply {
        let Response { status: status_code, headers, body, left_out } = response;
        let (headers, multi_value_headers) = match self {
            Self::Api | Self::LoadBalancer => (Some(headers), None),
            Self::LoadBalancerMultiValue => {
                (None, Some(headers.into_iter().map(|(name, value)| (name, [value])).collect()))
            }
        };
        let is_base64_encoded = false;
        Reply { status_code, headers, multi_value_headers, body, is_base64_encoded, left_out }
    }
}

/// A response in the format of a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// The HTTP status.
    pub status_code: u16,
    /// The headers, for gateways with single values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<BTreeMap<&'static str, String>>,
    /// The headers, for load balancers with multi-value headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multi_value_headers: Option<BTreeMap<&'static str, [String; 1]>>,
    /// The body; empty for none.
    pub body: String,
    /// Always false: all bodies are text.
    pub is_base64_encoded: bool,
    /// The length in bytes of a body that was removed for a HEAD. Only `serve` uses it, for
    /// `Content-Length`: gateways compute that header themselves, and RFC 9110 §9.3.2 permits its
    /// absence.
    #[serde(skip)]
    pub left_out: Option<usize>,
}

fn without_prefix<'a>(path: &'a str, prefix: &str) -> &'a str {
    match path.strip_prefix(prefix) {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

/// The URL as the client sees it, up to the start of our path.
fn origin(domain: Option<&str>, headers: &Headers, dropped: &str) -> Option<String> {
    let domain = domain.filter(|domain| is_authority(domain));
    let host = headers.only("host").filter(|host| is_authority(host));
    let forwarded = headers.only("x-forwarded-proto");
    let scheme = match (forwarded, domain) {
        (Some("http"), _) | (None, None) => "http",
        _ => "https",
    };
    let with_port = host
        .filter(|host| domain.is_some_and(|domain| scheme == "http" && is_port_of(host, domain)));
    let authority = with_port.or(domain).or(host)?;
    Some(format!("{scheme}://{authority}{dropped}"))
}

/// Reads the form of the answer. A HEAD asks for what GET would get (RFC 9110 §9.3.2), and becomes
/// GET here.
fn preference(method: &mut String, headers: &Headers) -> Preference {
    let preference = Preference::of(method, headers);
    if preference.without_body {
        "GET".clone_into(method);
    }
    preference
}

/// True if a text can be the authority of a URL: a host, and a port if present.
fn is_authority(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    !text.is_empty() && text.chars().all(legal)
}

/// True if a `Host` is this domain with a port. SAM reports its domain as `localhost`, whatever
/// address was used.
fn is_port_of(host: &str, domain: &str) -> bool {
    let Some((name, port)) = host.rsplit_once(':') else { return false };
    let is_local = |name: &str| ["localhost", "127.0.0.1", "[::1]"].contains(&name);
    let is_one = name.eq_ignore_ascii_case(domain) || is_local(name) && is_local(domain);
    is_one && port.bytes().all(|digit| digit.is_ascii_digit()) && port.parse::<u16>().is_ok()
}

/// The members of all formats that we read. Each may be missing.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LambdaEvent {
    version: Option<String>,
    /// Present only in requests to an authorizer.
    r#type: Option<IgnoredAny>,
    request_context: Option<RequestContext>,
    raw_path: Option<String>,
    raw_query_string: Option<String>,
    query_string_parameters: Option<Headers>,
    multi_value_query_string_parameters: Option<Headers>,
    http_method: Option<String>,
    resource: Option<String>,
    path: Option<String>,
    path_parameters: Option<PathParameters>,
    headers: Option<Headers>,
    multi_value_headers: Option<Headers>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
}

impl LambdaEvent {
    /// The path without the stage and `base_path`.
    fn path(&self, context: &RequestContext, is_http_api: bool, base_path: &str) -> Option<String> {
        let (path, staged) = match (is_http_api, self.proxied()) {
            (true, _) => (self.raw_path.as_deref()?, true),
            (false, Some(path)) => return Some(path),
            // For a REST API the stage is in the context's path and not in `path`.
            (false, None) => (self.path.as_deref()?, context.path == self.path),
        };
        let stage = context.stage.as_deref().filter(|stage| staged && *stage != "$default");
        let path = match stage {
            Some(stage) => without_prefix(path, &format!("/{stage}")),
            None => path,
        };
        Some(without_prefix(path, base_path).to_owned())
    }

    /// The query parameters. API Gateway delivers them decoded, except in payload 2.0; load
    /// balancers do not decode them.
    fn query(&self, gateway: Gateway) -> Vec<(String, String)> {
        if let Some(text) = &self.raw_query_string {
            return query_of(text);
        }
        let lists = self.multi_value_query_string_parameters.as_ref();
        let Some(Headers(pairs)) = lists.or(self.query_string_parameters.as_ref()) else {
            return Vec::new();
        };
        match gateway {
            Gateway::Api => pairs.clone(),
            Gateway::LoadBalancer | Gateway::LoadBalancerMultiValue => pairs
                .iter()
                .flat_map(|(name, value)| query_of(&format!("{name}={value}")))
                .collect(),
        }
    }

    /// The URL before the path, as the client sees it: the gateway's domain name, or else `Host`,
    /// and the prefix that was removed from the path.
    ///
    /// A client can forge `Host`. Where the gateway reports a domain name, `Host` adds only a port,
    /// and only without TLS: SAM's start-api listens on a port that its domain name lacks.
    fn origin(
        &self,
        context: &RequestContext,
        is_http_api: bool,
        path: &str,
        headers: &Headers,
    ) -> Option<String> {
        let seen = if is_http_api { &self.raw_path } else { &context.path };
        let seen = seen.as_deref().or(self.path.as_deref()).unwrap_or(path);
        let dropped = seen.strip_suffix(path).unwrap_or_default();
        origin(context.domain_name.as_deref(), headers, dropped)
    }

    /// The path matched by a greedy resource (`/x/{proxy+}`), which has neither stage nor base
    /// path.
    fn proxied(&self) -> Option<String> {
        let proxy = self.path_parameters.as_ref()?.proxy.as_deref()?;
        let resource = self.resource.as_deref().unwrap_or("/{proxy+}");
        let parent = resource.strip_suffix("{proxy+}")?;
        Some(format!("{parent}{}", proxy.trim_start_matches('/')))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    /// Present only in WebSocket events.
    connection_id: Option<IgnoredAny>,
    domain_name: Option<String>,
    elb: Option<IgnoredAny>,
    http: Option<Http>,
    path: Option<String>,
    stage: Option<String>,
}

#[derive(Deserialize)]
struct Http {
    method: Option<String>,
}

#[derive(Deserialize)]
struct PathParameters {
    proxy: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn http_api() -> Value {
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": "/hooks/okta", "rawQueryString": "",
            "headers": {"Webhook-Id": "msg_1", "webhook-timestamp": "1", "x-odd": null, "x-list": [1]},
            "requestContext": {"stage": "$default", "http": {"method": "POST", "path": "/hooks/okta"}},
            "body": "{}", "isBase64Encoded": false,
        })
    }

    fn rest_api() -> Value {
        json!({
            "resource": "/{proxy+}", "path": "/base/hooks/okta", "httpMethod": "POST",
            "pathParameters": {"proxy": "hooks/okta"}, "requestContext": {"stage": "prod"},
            "headers": {"Webhook-Id": "msg_2"}, "multiValueHeaders": {"Webhook-Id": ["msg_1"]},
            "body": "e30=", "isBase64Encoded": true,
        })
    }

    fn load_balancer() -> Value {
        json!({
            "httpMethod": "POST", "path": "/hooks/okta", "body": "{}", "isBase64Encoded": false,
            "requestContext": {"elb": {"targetGroupArn": "arn"}}, "headers": {"webhook-id": "msg_1"},
        })
    }

    fn load_balancer_multi_value() -> Value {
        let mut event = load_balancer();
        event["multiValueHeaders"] = json!({"webhook-id": ["msg_1"]});
        event.as_object_mut().unwrap().remove("headers");
        event
    }

    fn read(event: &Value, base_path: &str) -> Arrival {
        Arrival::read(&event.to_string(), base_path).unwrap()
    }

    #[test]
    fn every_gateway_brings_the_same_request() {
        for (event, gateway) in [
            (http_api(), Gateway::Api),
            (rest_api(), Gateway::Api),
            (load_balancer(), Gateway::LoadBalancer),
            (load_balancer_multi_value(), Gateway::LoadBalancerMultiValue),
        ] {
            let arrival = read(&event, "");
            assert_eq!(arrival.gateway, gateway);
            let request = arrival.request.unwrap();
            assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/hooks/okta"));
            assert_eq!(request.headers.only("webhook-id"), Some("msg_1"));
            assert_eq!(request.body, b"{}");
        }
    }

    #[test]
    fn every_gateway_brings_the_same_query() {
        let decoded = ("filter".to_owned(), "userName eq \"a+b\"".to_owned());
        let raw = "userName+eq+%22a%2Bb%22";
        let mut events = [http_api(), rest_api(), load_balancer(), load_balancer_multi_value()];
        events[0]["rawQueryString"] = json!(format!("filter={raw}"));
        events[1]["queryStringParameters"] = json!({"filter": decoded.1});
        events[2]["queryStringParameters"] = json!({"filter": raw});
        events[3]["multiValueQueryStringParameters"] = json!({"filter": [raw]});
        for event in &events {
            let request = read(event, "").request.unwrap();
            assert_eq!(request.query, std::slice::from_ref(&decoded), "{event}");
        }
    }

    #[test]
    fn the_url_in_front_is_the_one_that_the_client_sees() {
        let origin = |event: &Value| read(event, "/idp").request.unwrap().origin;
        let mut event = http_api();
        event["rawPath"] = json!("/prod/idp/hooks/okta");
        event["requestContext"]["stage"] = json!("prod");
        assert_eq!(origin(&event), None);
        event["headers"]["Host"] = json!("127.0.0.1:8787");
        assert_eq!(origin(&event).unwrap(), "http://127.0.0.1:8787/prod/idp");
        event["requestContext"]["domainName"] = json!("x.example");
        assert_eq!(origin(&event).unwrap(), "https://x.example/prod/idp");
        event["headers"]["X-Forwarded-Proto"] = json!("http");
        assert_eq!(origin(&event).unwrap(), "http://x.example/prod/idp");
        event["requestContext"]["domainName"] = json!("x.example/\"<");
        assert_eq!(origin(&event).unwrap(), "http://127.0.0.1:8787/prod/idp");
        let mut event = rest_api();
        event["requestContext"] =
            json!({"stage": "prod", "path": "/prod/hooks/okta", "domainName": "x.example"});
        assert_eq!(origin(&event).unwrap(), "https://x.example/prod");
    }

    #[test]
    fn a_foreign_host_is_never_believed_where_the_gateway_tells_the_domain() {
        for (domain, proto, host, expected) in [
            ("localhost", "http", "127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("localhost", "http", "localhost:3000", "http://localhost:3000"),
            ("127.0.0.1", "http", "[::1]:3000", "http://[::1]:3000"),
            ("x.example", "http", "X.example:8080", "http://X.example:8080"),
            ("localhost", "http", "localhost", "http://localhost"),
            ("localhost", "http", "evil.example:3000", "http://localhost"),
            ("x.example", "http", "evil.example:80", "http://x.example"),
            ("x.example", "http", "evil.example", "http://x.example"),
            ("x.example", "http", "x.example:8080:9", "http://x.example"),
            ("x.example", "http", "x.example:+80", "http://x.example"),
            ("x.example", "http", "x.example:", "http://x.example"),
            ("x.example", "http", "x.example:65536", "http://x.example"),
            ("x.example", "http", "localhost:3000", "http://x.example"),
            ("x.example", "https", "x.example:8443", "https://x.example"),
            ("x.example", "https", "evil.example:443", "https://x.example"),
        ] {
            let mut events = [http_api(), rest_api()];
            for event in &mut events {
                event["requestContext"]["domainName"] = json!(domain);
                let mut headers = json!({"Host": host, "X-Forwarded-Proto": proto});
                event["headers"] = headers.clone();
                headers
                    .as_object_mut()
                    .unwrap()
                    .values_mut()
                    .for_each(|it| *it = json!([it.clone()]));
                if event["multiValueHeaders"].is_object() {
                    event["multiValueHeaders"] = headers;
                }
            }
            events[1]["requestContext"]["path"] = json!("/hooks/okta");
            for event in &events {
                let origin = read(event, "").request.unwrap().origin.unwrap();
                assert_eq!(origin, expected, "{domain} {proto} {host}");
            }
        }
    }

    #[test]
    fn a_head_asks_for_what_a_get_would_get() {
        let mut events = [http_api(), rest_api(), load_balancer(), load_balancer_multi_value()];
        events[0]["requestContext"]["http"]["method"] = json!("HEAD");
        events[1..].iter_mut().for_each(|event| event["httpMethod"] = json!("HEAD"));
        for event in &events {
            let arrival = read(event, "");
            assert!(arrival.preference.without_body);
            assert_eq!(arrival.request.unwrap().method, "GET");
        }
        assert!(!read(&http_api(), "").preference.without_body);
    }

    #[test]
    fn what_comes_without_a_gateway_is_read_alike() {
        let headers: Headers =
            [("Host", "127.0.0.1:8787"), ("x-forwarded-proto", "https")].into_iter().collect();
        let (request, _) =
            Request::direct("POST", "/idp/hooks/okta", "a=1&b=%20+", headers, "/idp");
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/hooks/okta"));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(request.query.first(), Some(&pair("a", "1")));
        assert_eq!(request.origin.as_deref(), Some("https://127.0.0.1:8787/idp"));
    }

    #[test]
    fn what_is_wrong_with_a_body_leaves_the_head() {
        let mut event = http_api();
        event["body"] = json!("no base64");
        event["isBase64Encoded"] = json!(true);
        let arrival = read(&event, "");
        assert!(arrival.request.is_err());
        let head = arrival.head.unwrap();
        assert_eq!((head.path.as_str(), head.body.len()), ("/hooks/okta", 0));
        assert_eq!(head.headers.only("webhook-id"), Some("msg_1"));
        assert!(read(&http_api(), "").head.is_none());
    }

    #[test]
    fn a_header_has_a_value_only_where_it_is_there_once() {
        let twice = http_api().to_string().replace("webhook-timestamp", "WEBHOOK-ID");
        let mut list = rest_api();
        list["multiValueHeaders"]["Webhook-Id"] = json!(["msg_1", "msg_1"]);
        let mut cases = rest_api();
        cases["multiValueHeaders"]["webhook-id"] = json!(["msg_1"]);
        for event in [twice, list.to_string(), cases.to_string()] {
            let request = Arrival::read(&event, "").unwrap().request.unwrap();
            assert_eq!(request.headers.only("webhook-id"), None, "{event}");
        }
        let request = read(&http_api(), "").request.unwrap();
        assert_eq!([request.headers.only("x-odd"), request.headers.only("x-list")], [None, None]);
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
            let mut event = http_api();
            event["requestContext"]["stage"] = json!(stage);
            event["rawPath"] = json!(raw_path);
            let request = read(&event, base_path).request.unwrap();
            assert_eq!(request.path, path, "{stage} {base_path} {raw_path}");
        }
    }

    #[test]
    fn a_stage_is_dropped_only_where_the_path_has_one() {
        for (path, context_path, expected) in [
            ("/hooks/okta", "/hooks/hooks/okta", "/hooks/okta"),
            ("/hooks/hooks/okta", "/hooks/hooks/okta", "/hooks/okta"),
        ] {
            let mut event = rest_api();
            event["pathParameters"] = json!(null);
            event["path"] = json!(path);
            event["requestContext"] = json!({"stage": "hooks", "path": context_path});
            assert_eq!(read(&event, "").request.unwrap().path, expected);
        }
    }

    #[test]
    fn a_greedy_resource_is_filled_with_what_it_stands_for() {
        for (resource, proxy, path, expected) in [
            (json!("/{proxy+}"), json!("hooks/okta"), "/base/hooks/okta", "/hooks/okta"),
            (json!("/hooks/{proxy+}"), json!("okta"), "/base/hooks/okta", "/hooks/okta"),
            (json!(null), json!("hooks/okta"), "/base/hooks/okta", "/hooks/okta"),
            (json!("/hooks/okta"), json!(null), "/hooks/okta", "/hooks/okta"),
            (json!("/hooks/{proxy}"), json!("okta"), "/hooks/okta", "/hooks/okta"),
            (json!("/x/{proxy}"), json!("hooks/okta"), "/x/hooks/okta", "/x/hooks/okta"),
        ] {
            let mut event = rest_api();
            event["resource"] = resource;
            event["pathParameters"] = json!({"proxy": proxy});
            event["path"] = json!(path);
            assert_eq!(read(&event, "").request.unwrap().path, expected);
        }
        let mut event = rest_api();
        event["requestContext"] = json!({"stage": "hooks", "path": event["path"]});
        assert_eq!(read(&event, "/hooks").request.unwrap().path, "/hooks/okta");
        event["pathParameters"] = json!(null);
        assert_eq!(read(&event, "/base").request.unwrap().path, "/hooks/okta");
    }

    #[test]
    fn a_reply_has_the_headers_where_its_gateway_looks_for_them() {
        let reply = |gateway: Gateway| {
            let mut response = Response::new(405, "x");
            response.headers.insert("allow", "POST".to_owned());
            serde_json::to_value(gateway.reply(response)).unwrap()
        };
        let single = json!({
            "statusCode": 405, "headers": {"allow": "POST"}, "body": "x", "isBase64Encoded": false,
        });
        assert_eq!(reply(Gateway::Api), single);
        assert_eq!(reply(Gateway::LoadBalancer), single);
        assert_eq!(
            reply(Gateway::LoadBalancerMultiValue),
            json!({
                "statusCode": 405, "multiValueHeaders": {"allow": ["POST"]}, "body": "x",
                "isBase64Encoded": false,
            })
        );
    }

    #[test]
    fn what_is_not_http_is_refused() {
        let mut authorizer = http_api();
        authorizer["type"] = json!("REQUEST");
        let mut web_socket = rest_api();
        web_socket["requestContext"]["connectionId"] = json!("x");
        for event in [
            json!({}),
            json!([]),
            json!(null),
            json!({"Records": []}),
            json!(7),
            json!({"requestContext": {}}),
            json!({"httpMethod": "POST", "path": "/hooks/okta"}),
            authorizer,
            web_socket,
        ] {
            assert_eq!(
                Arrival::read(&event.to_string(), "").unwrap_err(),
                ParseEventError,
                "{event}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = Arrival::read(&text, "");
        }
    }
}
