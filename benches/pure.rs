//! What an event costs between the wire and the call, as ratios of what it cannot do without.
//!
//! Both sides of a ratio are measured in turn, many times, in one run; the medians are compared.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a benchmark fails by panicking"
)]

use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

use connect_provisioner::config::Config;
use connect_provisioner::decision::{Decision, Invocation, Route, Verdict, decide};
use connect_provisioner::http::Request;
use connect_provisioner::http::gateway::Arrival;
use connect_provisioner::log::EventLog;
use connect_provisioner::trust::Source;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

/// Seconds since 1970 at which everything happens.
const NOW: u64 = 1_793_607_300;
const ROUNDS: usize = 2000;
/// Calls in a row that are timed together.
const CALLS: u32 = 20;

fn main() {
    let config = config();
    let source = &config.hooks[0].source;
    let body = body();
    let event = event(source, &body, false);
    let invocation = Invocation {
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(NOW),
        time_left: Duration::from_secs(10),
        random: [0; 16],
    };

    let ready = || {
        let request = Arrival::read(&event, "").unwrap().request.unwrap();
        let Ok(Route::Hook(hook)) = Route::find(&config, &request) else { unreachable!() };
        let request = hook.source.verify(&request, invocation.now).unwrap();
        let decision = decide(&config, hook, &request, invocation, &mut EventLog::default());
        assert!(matches!(decision, Ok(Decision::One(Verdict::CreateDirect(_)))));
    };
    let parse = || {
        let event: Value = serde_json::from_str(&event).unwrap();
        let body = event["body"].as_str().unwrap();
        black_box(serde_json::from_str::<Value>(body).unwrap());
    };
    report("event in, CreateUser's input ready / its JSON parsed by serde_json", ready, parse);

    for size in [2 * 1024, 256 * 1024] {
        let body = vec![b' '; size];
        let forged = request(source, &body, true);
        let refused = || assert!(source.verify(&forged, invocation.now).is_err());
        let mac = || {
            let mac = Hmac::<Sha256>::new_from_slice(&[7; 32]).unwrap();
            black_box(mac.chain_update(&body).finalize());
        };
        let what = format!("forged event of {size} bytes refused / HMAC-SHA256 of its body");
        report(&what, refused, mac);
    }
}

fn report(what: &str, ours: impl Fn(), theirs: impl Fn()) {
    let (mut ours_took, mut theirs_took) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours_took.push(time(&ours));
        theirs_took.push(time(&theirs));
    }
    let (ours, theirs) = (median(ours_took), median(theirs_took));
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    println!("{ratio:5.2}  {what}  ({:.2} / {:.2} us)", us(ours), us(theirs));
}

fn time(call: &impl Fn()) -> Duration {
    #[expect(clippy::disallowed_methods, reason = "time is what is measured")]
    let start = Instant::now();
    (0..CALLS).for_each(|_| call());
    start.elapsed() / CALLS
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn config() -> Config {
    let id = "11111111-2222-3333-4444-555555555555";
    let environment = [
        ("HOOK_X_SCHEME", "standard-webhooks"),
        ("HOOK_X_SECRET", "VGhpcyBrZXkgaXMga25vd24gdG8gZXZlcnlib2R5Lg=="),
        ("CONNECT_INSTANCE", id),
        ("ROUTING_PROFILE", id),
        ("SECURITY_PROFILES", id),
        ("AWS_REGION", "eu-west-2"),
        ("TAGS", "team=support"),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Config::read(&environment.into()).unwrap()
}

/// A User of 2 KiB, as Entra ID writes one with an enterprise extension.
fn body() -> Vec<u8> {
    let mut user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User",
                    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "userName": "ana.ruiz@example.com", "externalId": "00uujl29u0le5T6Aj10h7", "active": true,
        "displayName": "Ana Ruiz", "locale": "en-US", "preferredLanguage": "en",
        "title": "Agent", "userType": "Employee", "timezone": "Europe/Madrid",
        "name": {"givenName": "Ana", "familyName": "Ruiz", "formatted": "Ana Ruiz"},
        "emails": [{"primary": true, "value": "ana.ruiz@example.com", "type": "work"},
                   {"value": "ana@home.example", "type": "home"}],
        "phoneNumbers": [{"value": "+34 600 100 200", "type": "mobile"},
                         {"value": "+1 206-555-0100", "type": "work"}],
        "addresses": [{"type": "work", "streetAddress": "Calle Mayor 1", "locality": "Madrid",
                       "region": "Madrid", "postalCode": "28001", "country": "ES"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "employeeNumber": "701984", "costCenter": "4130", "organization": "Example",
            "division": "Contact centre", "department": "Support",
            "manager": {"value": "26118915-6090-4610-87e4-49d8ca9f808d", "displayName": "Kim Lee"}},
        "roles": [], "entitlements": [], "groups": [],
    });
    for number in 0.. {
        let missing = 2048_usize.saturating_sub(user.to_string().len());
        if missing < 40 {
            break;
        }
        user[format!("attribute{number}")] = json!("x".repeat(missing.min(80) - 24));
    }
    user.to_string().into_bytes()
}

fn headers(source: &Source, body: &[u8], forged: bool) -> Vec<(&'static str, String)> {
    let id = if forged { "msg_2" } else { "msg_1" };
    let mut headers = source.sign("msg_1", NOW, body);
    headers
        .iter_mut()
        .filter(|(name, _)| *name == "webhook-id")
        .for_each(|(_, own)| *own = id.into());
    headers
}

fn request(source: &Source, body: &[u8], forged: bool) -> Request {
    let headers = headers(source, body, forged).into_iter().collect();
    let (method, path) = ("POST".to_owned(), "/hooks/x".to_owned());
    Request { method, path, headers, body: body.to_vec(), ..Request::default() }
}

/// What an HTTP API hands over: JSON bodies come as text.
fn event(source: &Source, body: &[u8], forged: bool) -> String {
    let headers: serde_json::Map<_, _> = headers(source, body, forged)
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": "/hooks/x", "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012", "apiId": "a1b2c3d4e5", "domainName": "a1b2c3d4e5.execute-api.eu-west-2.amazonaws.com",
            "http": {"method": "POST", "path": "/hooks/x", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "x"},
            "requestId": "JKJaXmPLvHcESHA=", "routeKey": "$default", "stage": "$default", "timeEpoch": 1_793_607_300_000_u64,
        },
        "body": std::str::from_utf8(body).unwrap(),
        "isBase64Encoded": false,
    })
    .to_string()
}
