//! What the fuzz targets share: a configuration, a moment, and what a well-formed answer is.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use connect_provisioner::config::Config;
use connect_provisioner::decision::{Decision, Invocation, Route, Verdict, decide};
use connect_provisioner::fault::Fault;
use connect_provisioner::http::Request;
use connect_provisioner::http::gateway::Gateway;
use connect_provisioner::log::EventLog;
use connect_provisioner::outcome::Outcome;
use connect_provisioner::scim::schema::{Limits, ResourceType};
use serde_json::{Map, Value, json};

/// Seconds since 1970 at which everything happens.
pub const NOW: u64 = 1_793_607_300;

/// A source for each scheme, read once.
pub fn config() -> &'static Config {
    static CONFIG: OnceLock<Config> = OnceLock::new();
    CONFIG.get_or_init(read_config)
}

fn read_config() -> Config {
    let id = "11111111-2222-3333-4444-555555555555";
    let secret = "VGhpcyBrZXkgaXMga25vd24gdG8gZXZlcnlib2R5Lg==";
    let mut environment: Vec<(String, String)> = [
        ("CONNECT_INSTANCE", id),
        ("ROUTING_PROFILE", id),
        ("SECURITY_PROFILES", id),
        ("AWS_REGION", "eu-west-2"),
        ("EMAIL_AS", "secondary"),
        ("PHONE_TYPE", "DESK_PHONE"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    for scheme in ["standard-webhooks", "svix", "github", "okta"] {
        let source = scheme.to_uppercase().replace('-', "_");
        environment.push((format!("HOOK_{source}_SCHEME"), scheme.to_owned()));
        environment.push((format!("HOOK_{source}_SECRET"), secret.to_owned()));
        environment.push((format!("HOOK_{source}_APPS"), "Amazon Connect".to_owned()));
        environment.push((format!("HOOK_{source}_GROUPS"), "00gConnectAgents0001".to_owned()));
        environment.push((format!("HOOK_{source}_LIFECYCLE"), "true".to_owned()));
    }
    Config::read(&environment.into_iter().collect()).expect("a sound configuration")
}

/// The moment at which everything happens.
pub fn invocation() -> Invocation {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
    Invocation { now, time_left: Duration::from_secs(10), random: [0; 16] }
}

/// What a request comes to; where Connect would be asked, nothing does.
fn outcome(config: &Config, request: &Request, record: &mut EventLog) -> Result<Outcome, Fault> {
    let Route::Hook(hook) = Route::find(config, request)? else { return Ok(Outcome::Healthy) };
    let request = hook.source.verify(request, invocation().now)?;
    let done = |verdict| match verdict {
        Verdict::CreateDirect(_) | Verdict::Upsert(_) => Outcome::Healthy,
        Verdict::Done(outcome) => outcome,
    };
    match decide(config, hook, &request, invocation(), record)? {
        Decision::One(verdict) => Ok(done(verdict)),
        Decision::Batch(parts) => {
            Ok(Outcome::Batch(parts.into_iter().map(|part| part.verdict.map(done)).collect()))
        }
    }
}

/// Decides what a request comes to and checks the answer: a status, and JSON where there is a body.
pub fn answer(config: &Config, request: Result<Request, Fault>, gateway: Gateway) -> u16 {
    let mut record = EventLog::default();
    let outcome = request.and_then(|request| outcome(config, &request, &mut record));
    let response = outcome.as_ref().map_or_else(Fault::response, Outcome::response);
    assert!((200..600).contains(&response.status));
    assert!(response.body.is_empty() || serde_json::from_str::<Value>(&response.body).is_ok());
    let reply = serde_json::to_value(gateway.reply(response)).expect("a reply is JSON");
    reply["statusCode"].as_u64().expect("a reply has a status") as u16
}

/// The attributes of a user, with something on each of the operator's lists.
#[must_use]
pub fn user_type() -> ResourceType {
    let one = || vec!["one".to_owned()];
    ResourceType::user(&Limits {
        routing_profiles: one(),
        security_profiles: one(),
        hierarchy_groups: one(),
        directory: true,
    })
}

/// A user with a value of every kind.
///
/// # Panics
/// Never: it is an object.
#[must_use]
pub fn scim_user() -> Map<String, Value> {
    let user = json!({
        "id": "1", "userName": "ana@example.com", "active": true, "title": "Agent",
        "name": {"givenName": "Ana", "familyName": "Ruiz"},
        "emails": [{"value": "ana@example.com", "type": "work", "primary": true}, {"value": "h@x"}],
        "meta": {"lastModified": "2026-11-22T08:15:00Z"},
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "2"}},
        "urn:ietf:params:scim:schemas:extension:amazonconnect:2.0:User": {
            "phone": {"autoAccept": false, "afterContactWorkSeconds": 5}, "securityProfiles": ["one"],
        },
    });
    user.as_object().expect("an object").clone()
}
