//! `connect-provisioner plan`: prints what an event would cause in Connect, without any call.

use std::error::Error;

use aws_credential_types::Credentials;
use clap::Args;
use serde_json::{Map, Value, json};

use super::settings::own_or_demo;
use super::sign::Telling;
use super::story::Story;
use super::table::{Table, Tone};
use super::{now, say};
use crate::assign::Agent;
use crate::config::hooks::Hook;
use crate::config::{Config, Environment, roster_settings_in, settings};
use crate::connect::apply::Connect;
use crate::decision::{Decision, Invocation, Route, Verdict, decide};
use crate::event::Intent;
use crate::fault::{Fault, Responsibility};
use crate::http::gateway::Arrival;
use crate::lambda;
use crate::log::EventLog;
use crate::outcome::{AnswerRow, Outcome};
use crate::roster::policy::Deactivate;
use crate::secret::KeyError;
use crate::trust::Source;

/// What to plan.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    #[command(flatten)]
    telling: Telling,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints the plan for each event of a story.
///
/// # Errors
/// If the story cannot be read, the configuration is invalid, or an event would be refused.
pub async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let story = arguments.telling.story()?;
    let (environment, is_demo) = own_or_demo();
    if is_demo {
        eprintln!("no settings found (HOOK_…, CONNECT_INSTANCE): planned with the demo's");
    }
    // Settings of a roster imply that there is one; the demo's function has none here.
    let has_roster = !is_demo && !roster_settings_in(&environment).is_empty();
    let read = if has_roster { Config::read_for_roster } else { Config::read };
    let config = read(&environment)?;
    let mut plans = Vec::new();
    for verdict in told(&config, &environment, &arguments.telling, &story)? {
        plans.push(plan(&config, &environment, &story, verdict).await);
    }
    if arguments.json {
        say(json!({"events": plans}))?;
    } else {
        plans.iter().try_for_each(|plan| print(plan, &environment))?;
    }
    match plans.iter().filter(|plan| plan.get("status").is_some()).count() {
        0 => Ok(()),
        refused => Err(format!("{refused} of {} would be refused", plans.len()).into()),
    }
}

/// The verdict on each event of the story. With a roster, a person who joins is shown as the
/// CreateUser request of direct mode, as if there were no record yet.
fn told(
    config: &Config,
    environment: &Environment,
    telling: &Telling,
    story: &Story,
) -> Result<Vec<Result<Verdict, Fault>>, Box<dyn Error>> {
    let verdicts = verdicts(config, telling.hook(&config.hooks, story)?, story)?;
    if config.policy().is_none() {
        return Ok(verdicts);
    }
    let direct = Config::read(environment)?;
    let made = self::verdicts(&direct, telling.hook(&direct.hooks, story)?, story)?;
    let both = verdicts.into_iter().zip(made).map(|(verdict, made)| match (verdict, made) {
        (Ok(Verdict::Upsert(upsert)), Ok(made @ Verdict::CreateDirect(_)))
            if matches!(upsert.intent, Intent::Join(_)) =>
        {
            Ok(made)
        }
        // With a roster too, a fault of the sender's is reported before anything is stored.
        (Ok(Verdict::Upsert(upsert)), Err(fault))
            if matches!(upsert.intent, Intent::Join(_))
                && fault.kind.responsibility() == Responsibility::Sender =>
        {
            Err(fault)
        }
        (verdict, _) => verdict,
    });
    Ok(both.collect())
}

/// The effect of an event on a person whom the roster knows, by the settings.
fn follow(intent: &Intent, config: &Config) -> &'static str {
    let deactivate = config.policy().map(|policy| &policy.deactivate);
    match (intent, deactivate) {
        (Intent::Join(_), _) => "their user is made, or made to be what this says",
        (Intent::Change(_), _) => "what is different is changed at their user",
        (Intent::Return(_), _) => "their user is let in again",
        (Intent::Remove(_), _) => "their user is removed",
        (Intent::Leave(_), Some(Deactivate::Suspend(_))) => {
            "their user gets SUSPENDED_SECURITY_PROFILE alone, by DEACTIVATE"
        }
        (Intent::Leave(_), Some(Deactivate::Delete)) => "their user is removed, by DEACTIVATE",
        (Intent::Leave(_), _) => "their user stays as it is, by DEACTIVATE",
        (Intent::Nothing(why), _) => why,
    }
}

/// Decides as the function would. Authentication is not the question here, so the story is signed
/// with a generated key.
fn verdicts(
    config: &Config,
    hook: &Hook,
    story: &Story,
) -> Result<Vec<Result<Verdict, Fault>>, Box<dyn Error>> {
    let source = Source { keys: vec![any_key(hook)?], ..Source::clone(&hook.source) };
    let event = story.signed_by(&source, "msg_plan", now()).http_api().to_string();
    let request = Arrival::read(&event, "")?.request;
    let invocation =
        Invocation { now: now(), time_left: super::serve::TIME, random: lambda::random() };
    let decision = request.and_then(|request| {
        Route::find(config, &request)?;
        let request = source.verify(&request, invocation.now)?;
        decide(config, hook, &request, invocation, &mut EventLog::default())
    });
    Ok(match decision {
        Ok(Decision::Batch(parts)) => parts.into_iter().map(|part| part.verdict).collect(),
        Ok(Decision::One(verdict)) => vec![Ok(verdict)],
        Err(fault) => vec![Err(fault)],
    })
}

/// A key that every scheme accepts: valid base64, and long enough.
fn any_key(hook: &Hook) -> Result<crate::secret::SecretKey, String> {
    let key = hook.source.scheme.key(&"plan".repeat(16));
    key.map_err(|unusable: KeyError| unusable.to_string())
}

/// The plan for one event: a request, or why there is none.
async fn plan(
    config: &Config,
    environment: &Environment,
    story: &Story,
    verdict: Result<Verdict, Fault>,
) -> Value {
    match verdict {
        Ok(Verdict::CreateDirect(agent)) => {
            let Some(mut request) = preview(config, &agent).await else {
                return json!({"outcome": "bug", "detail": "the SDK wrote no CreateUser request"});
            };
            let from = origins(&request, &agent, config, environment, story);
            if let Some(password) = request.get_mut("Password") {
                *password = "(not shown)".into();
            }
            json!({"outcome": "createUser", "request": request, "from": from})
        }
        Ok(Verdict::Done(outcome @ Outcome::Confirmed(_))) => json!({"outcome": outcome.name()}),
        Ok(Verdict::Done(outcome)) => outcome.body(),
        Ok(Verdict::Upsert(upsert)) => {
            let (intent, detail) = (upsert.intent.name(), follow(&upsert.intent, config));
            json!({"outcome": "roster", "intent": intent, "detail": detail})
        }
        Err(fault) => {
            let status = AnswerRow::of(fault.kind).status;
            json!({"outcome": fault.kind.code(), "status": status, "detail": fault.detail})
        }
    }
}

/// The body of CreateUser, as the SDK serializes it; the SDK is stopped before it sends. Needs
/// neither credentials nor an endpoint.
async fn preview(config: &Config, agent: &Agent) -> Option<Map<String, Value>> {
    let aws = lambda::loader(&config.region)
        .endpoint_url("http://127.0.0.1:9")
        .credentials_provider(Credentials::new("plan", "plan", None, None, "plan"))
        .use_fips(false)
        .use_dual_stack(false)
        .load()
        .await;
    let connect = Connect::new(&aws, config.instance.id.as_str());
    match connect.preview(agent).await {
        Some(Value::Object(request)) => Some(request),
        _ => None,
    }
}

/// For each member of the request, by its path, the attribute or setting that it comes from.
fn origins(
    request: &Map<String, Value>,
    agent: &Agent,
    config: &Config,
    environment: &Environment,
    story: &Story,
) -> Vec<Value> {
    let mut members = Vec::new();
    for (name, value) in request {
        match value {
            Value::Object(inner) if name != "Tags" || !inner.is_empty() => {
                members.extend(inner.keys().map(|inner| format!("{name}.{inner}")));
            }
            _ => members.push(name.clone()),
        }
    }
    let origin = |member: String| {
        let from = origin(&member, agent, config, story);
        let is_default =
            settings().any(|setting| setting.name == from) && !environment.contains_key(from);
        let from = if is_default { format!("{from} (default)") } else { from.to_owned() };
        json!({"member": member, "from": from})
    };
    members.into_iter().map(origin).collect()
}

/// The origin of one member. If it depends on the event, values are compared with the defaults.
fn origin(member: &str, agent: &Agent, config: &Config, story: &Story) -> &'static str {
    let permissions = &config.rules.permissions;
    let chosen = |is_default: bool, setting: &'static str, own: &'static str| {
        if is_default { setting } else { own }
    };
    let told = |own: &'static str, okta: &'static str| chosen(!story.is_okta_hook(), own, okta);
    match member {
        "RoutingProfileId" => chosen(
            agent.permissions.routing_profile == permissions.routing_profile,
            "ROUTING_PROFILE",
            "the extension's routingProfile, by leave of ALLOWED_ROUTING_PROFILES",
        ),
        "SecurityProfileIds" => chosen(
            agent.permissions.security_profiles == permissions.security_profiles,
            "SECURITY_PROFILES",
            "the extension's securityProfiles, by leave of ALLOWED_SECURITY_PROFILES",
        ),
        "HierarchyGroupId" => chosen(
            agent.permissions.hierarchy_group == permissions.hierarchy_group,
            "HIERARCHY_GROUP",
            "the extension's hierarchyGroup, by leave of ALLOWED_HIERARCHY_GROUPS",
        ),
        "Username" => told("userName", "the User target's alternateId"),
        "IdentityInfo.FirstName" => told("name.givenName", "the User target's displayName"),
        "IdentityInfo.LastName" => told("name.familyName", "the User target's displayName"),
        _ => {
            let fixed = ORIGINS.iter().find(|(known, _)| *known == member);
            let other = if member.starts_with("Tags.") { "TAGS" } else { "CHANNELS" };
            fixed.map_or(other, |(_, from)| *from)
        }
    }
}

/// The members with a fixed origin. Other tags come from TAGS, other members from CHANNELS.
static ORIGINS: &[(&str, &str)] = &[
    ("Password", "password, else GENERATE_PASSWORD"),
    ("DirectoryUserId", "the extension's directoryUserId"),
    ("IdentityInfo.Email", "emails, because of EMAIL_AS"),
    ("IdentityInfo.SecondaryEmail", "emails, because of EMAIL_AS"),
    ("IdentityInfo.Mobile", "phoneNumbers[type eq \"mobile\"]"),
    ("PhoneConfig.PhoneType", "PHONE_TYPE"),
    ("PhoneConfig.AutoAccept", "AUTO_ACCEPT"),
    ("PhoneConfig.AfterContactWorkTimeLimit", "AFTER_CONTACT_WORK_SECONDS"),
    ("PhoneConfig.PersistentConnection", "PERSISTENT_CONNECTION"),
    ("PhoneConfig.DeskPhoneNumber", "phoneNumbers[type eq \"work\"]"),
    ("PhoneNumberConfigs", "CHANNELS, and phoneNumbers[type eq \"work\"]"),
    ("Tags.managed-by", "this program"),
    ("Tags.provisioner-deployment", "DEPLOYMENT"),
    ("Tags.provisioner-owner", "DEPLOYMENT and externalId, else userName"),
];

fn print(plan: &Value, environment: &Environment) -> Result<(), Box<dyn Error>> {
    let text = |name: &str| plan.get(name).and_then(Value::as_str).unwrap_or_default();
    let Some(request) = plan.get("request") else {
        let why = [text("reason"), text("detail")].concat();
        if text("outcome") == "roster" {
            return Ok(say(format!("by the roster, {}: {why}\n", text("intent")))?);
        }
        let separator = if why.is_empty() { "" } else { ": " };
        return Ok(say(format!("nothing to send, {}{separator}{why}\n", text("outcome")))?);
    };
    say(format!("CreateUser {}\n", serde_json::to_string_pretty(request)?))?;
    let mut table = Table::default();
    for origin in plan.get("from").and_then(Value::as_array).into_iter().flatten() {
        let cell = |name: &str| origin.get(name).and_then(Value::as_str).unwrap_or_default();
        table.row(Tone::Plain, [cell("member"), cell("from")]);
    }
    table.print(environment)?;
    Ok(say("")?)
}
