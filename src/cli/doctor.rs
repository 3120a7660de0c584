//! `connect-provisioner doctor`: what is wrong with a set-up, and what to do about it.

use std::error::Error;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_connect::Client;
use aws_sdk_connect::config::Builder;
use clap::Args;
use serde::Serialize;

use super::settings::own;
use super::table::{Table, Tone};
use super::{now, say};
use crate::assign::identity::Identity;
use crate::assign::instance::{Reference, Resource};
use crate::config::hooks::Hook;
use crate::config::scim::{ARN, TOKEN};
use crate::config::{Config, Environment, Problem, of_process, roster_settings};
use crate::connect::failure::Failure;
use crate::connect::line::Line;
use crate::connect::names::Item;
use crate::deadline::Deadline;
use crate::keys::KeyStore;
use crate::lambda::{self, bad_endpoints};
use crate::roster::policy::Deactivate;

/// How long AWS may take for one answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How deep to look.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Ask AWS too: the instance, its profiles and groups, each secret
    #[arg(long)]
    online: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How one thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warning,
    Problem,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    state: State,
    /// The variable, or what it names.
    subject: String,
    found: String,
    /// What to do; empty where all is well.
    advice: String,
}

impl Finding {
    fn new(
        state: State,
        subject: impl Into<String>,
        found: impl Into<String>,
        advice: &str,
    ) -> Self {
        Self { state, subject: subject.into(), found: found.into(), advice: advice.to_owned() }
    }

    fn ok(subject: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(State::Ok, subject, found, "")
    }
}

impl From<Problem> for Finding {
    fn from(Problem { variable, problem, find }: Problem) -> Self {
        Self::new(State::Problem, variable, problem, find)
    }
}

/// Looks at the settings, prints what was found, and fails if anything keeps the function from
/// working.
///
/// # Errors
/// With the number of problems.
pub async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let environment = own();
    let mut findings: Vec<_> = bad_endpoints(&of_process()).map(Finding::from).collect();
    // Who sets one of these means to have a roster.
    let has_roster = roster_settings().any(|setting| environment.contains_key(setting.name));
    let read = if has_roster { Config::read_for_roster } else { Config::read };
    findings.extend(match read(&environment) {
        Err(problems) => problems.0.into_iter().map(Finding::from).collect(),
        Ok(config) => {
            let mut findings = offline(&config, &environment);
            if arguments.online {
                findings.extend(online(&config).await);
            }
            findings
        }
    });
    show(&findings, arguments.json)?;
    match findings.iter().filter(|finding| finding.state == State::Problem).count() {
        0 => Ok(()),
        1 => Err("1 problem found".into()),
        problems => Err(format!("{problems} problems found").into()),
    }
}

fn show(findings: &[Finding], json: bool) -> Result<(), Box<dyn Error>> {
    if json {
        return Ok(say(serde_json::to_string(findings)?)?);
    }
    let mut table = Table::default();
    for Finding { state, subject, found, advice } in findings {
        let (tone, word) = match state {
            State::Ok => (Tone::Good, "ok"),
            State::Warning => (Tone::Warning, "warning"),
            State::Problem => (Tone::Bad, "problem"),
        };
        let separator = if advice.is_empty() { "" } else { "; " };
        table.row(tone, [word, subject, &format!("{found}{separator}{advice}")]);
    }
    Ok(table.print(&of_process())?)
}

/// What can be told from the settings alone.
fn offline(config: &Config, environment: &Environment) -> Vec<Finding> {
    let instance = format!("instance {} in {}", config.instance.id.as_str(), config.region);
    let mut findings = vec![Finding::ok("CONNECT_INSTANCE", instance)];
    findings.push(Finding::ok("IDENTITY_MANAGEMENT", config.rules.identity.name));
    findings.push(if environment.contains_key("DEPLOYMENT") {
        Finding::ok("DEPLOYMENT", &config.rules.deployment)
    } else {
        Finding::new(
            State::Warning,
            "DEPLOYMENT",
            "the default name",
            "if there is another deployment for this instance, give each a lasting name of its own",
        )
    });
    findings.extend(config.hooks.iter().flat_map(hook));
    findings.extend(roster(config));
    findings
}

/// What is told of a roster's settings, where there are any.
fn roster(config: &Config) -> Vec<Finding> {
    let Some(policy) = &config.policy else { return Vec::new() };
    let deactivate = match policy.deactivate {
        Deactivate::Delete => "who leaves is removed",
        Deactivate::Keep => "who leaves keeps their access in Connect",
        Deactivate::Suspend(_) => "who leaves is suspended",
    };
    let mut findings = vec![Finding::ok("DEACTIVATE", deactivate)];
    findings.push(match config.scim.as_ref().map(|scim| &scim.client) {
        None => Finding::ok(TOKEN, "none, so /scim/v2 is 404"),
        Some(client) if client.stored.is_some() => {
            Finding::ok(ARN, "/scim/v2, its token in Secrets Manager")
        }
        Some(client) => {
            let tokens = count(client.source.keys.len(), "token");
            Finding::ok(TOKEN, format!("/scim/v2, {tokens} in the clear"))
        }
    });
    let groups = config.rules.groups.len();
    findings.extend((groups > 0).then(|| {
        Finding::ok(
            "GROUPS",
            format!("{} to give something to its members", count(groups, "group")),
        )
    }));
    findings
}

fn hook(hook: &Hook) -> Vec<Finding> {
    let (name, scheme) = (&hook.source.name, hook.source.scheme);
    let keys = match &hook.stored {
        Some(_) => "its key in Secrets Manager".to_owned(),
        None => format!("{} in the clear", count(hook.source.keys.len(), "key")),
    };
    let found = format!("/hooks/{name} by {}, {keys}", scheme.name);
    let mut findings = vec![Finding::ok(hook.variable("SCHEME"), found)];
    let scope = &hook.scope;
    if scheme.has_challenge() && scope.apps.is_none() && scope.groups.is_none() && !scope.lifecycle
    {
        findings.push(Finding::new(
            State::Warning,
            hook.variable("APPS"),
            "nobody joins by this source's event hooks",
            "set it, or GROUPS or LIFECYCLE of the same source",
        ));
    }
    findings
}

/// What AWS says.
async fn online(config: &Config) -> Vec<Finding> {
    let aws = lambda::aws(&config.region).await;
    let (timeouts, retries) = Deadline::after(PATIENCE).limits();
    let limits = Builder::from(&aws).timeout_config(timeouts).retry_config(retries);
    let client = Client::from_conf(limits.build());
    let mut findings = instance(config, &client).await;
    findings.extend(powers(config, &client).await);
    findings.extend(secrets(config, &aws).await);
    findings
}

async fn instance(config: &Config, client: &Client) -> Vec<Finding> {
    let described =
        client.describe_instance().instance_id(config.instance.id.as_str()).send().await;
    let instance = match described.map(|described| described.instance) {
        Ok(Some(instance)) => instance,
        Ok(None) => return vec![refused("CONNECT_INSTANCE", "an answer without an instance")],
        Err(error) => {
            let failure = Failure::of("DescribeInstance", &error);
            return vec![refused("CONNECT_INSTANCE", &failure.to_string())];
        }
    };
    let alias = instance.instance_alias().unwrap_or("without an alias");
    let status = instance.instance_status().map_or("unknown", |status| status.as_str());
    let state = if status == "ACTIVE" { State::Ok } else { State::Warning };
    let advice = if status == "ACTIVE" { "" } else { "wait until it is ACTIVE" };
    let found = format!("{alias}, {status}");
    let held = instance.identity_management_type().map_or("unknown", |held| held.as_str());
    let ours = config.rules.identity.name;
    vec![
        Finding::new(state, "CONNECT_INSTANCE", found, advice),
        if held == ours {
            Finding::ok("IDENTITY_MANAGEMENT", format!("{held}, as the instance has it"))
        } else {
            let found = format!("{ours}, but the instance has {held}");
            let advice = format!("set it to {held}; the default is {}", Identity::SAML.name);
            Finding::new(State::Problem, "IDENTITY_MANAGEMENT", found, &advice)
        },
    ]
}

async fn powers(config: &Config, client: &Client) -> Vec<Finding> {
    let (power, allowed) = (&config.rules.power, &config.rules.allowed);
    let grants = || config.rules.groups.iter().map(|(_, grant)| grant);
    let suspended = config.policy.as_ref().and_then(|policy| match &policy.deactivate {
        Deactivate::Suspend(profile) => Some(profile),
        Deactivate::Delete | Deactivate::Keep => None,
    });
    let settings: [(_, Resource, Vec<&Reference>); 10] = [
        ("ROUTING_PROFILE", Resource::RoutingProfile, vec![&power.routing_profile]),
        (
            "ALLOWED_ROUTING_PROFILES",
            Resource::RoutingProfile,
            allowed.routing_profiles.iter().collect(),
        ),
        ("SECURITY_PROFILES", Resource::SecurityProfile, power.security_profiles.iter().collect()),
        (
            "ALLOWED_SECURITY_PROFILES",
            Resource::SecurityProfile,
            allowed.security_profiles.iter().collect(),
        ),
        ("HIERARCHY_GROUP", Resource::HierarchyGroup, power.hierarchy_group.iter().collect()),
        (
            "ALLOWED_HIERARCHY_GROUPS",
            Resource::HierarchyGroup,
            allowed.hierarchy_groups.iter().collect(),
        ),
        ("SUSPENDED_SECURITY_PROFILE", Resource::SecurityProfile, suspended.into_iter().collect()),
        (
            "GROUPS",
            Resource::RoutingProfile,
            grants().filter_map(|grant| grant.routing_profile.as_ref()).collect(),
        ),
        (
            "GROUPS",
            Resource::SecurityProfile,
            grants().flat_map(|grant| &grant.security_profiles).collect(),
        ),
        (
            "GROUPS",
            Resource::HierarchyGroup,
            grants().filter_map(|grant| grant.hierarchy_group.as_ref()).collect(),
        ),
    ];
    let (instance, limits) = (config.instance.id.as_str(), Builder::new());
    let line = Line { client, instance, limits, pace: None };
    let mut findings = Vec::new();
    for kind in [Resource::RoutingProfile, Resource::SecurityProfile, Resource::HierarchyGroup] {
        let mut asked = settings.iter().filter(|(_, own, list)| *own == kind && !list.is_empty());
        let Some(first) = asked.next() else { continue };
        match line.list(kind).await {
            Err(failure) => findings.push(refused(first.0, &failure.to_string())),
            Ok(items) => {
                for (setting, _, list) in [first].into_iter().chain(asked) {
                    findings.extend(list.iter().map(|one| find(setting, kind, one, &items)));
                }
            }
        }
    }
    findings
}

fn find(setting: &str, kind: Resource, wanted: &Reference, items: &[Item]) -> Finding {
    let is_wanted = |item: &&Item| match wanted {
        Reference::Id(id) => id.as_str() == item.id.to_ascii_lowercase(),
        Reference::Name(name) => *name == item.name,
    };
    let (noun, found): (_, Vec<_>) = (kind.noun(), items.iter().filter(is_wanted).collect());
    match found.as_slice() {
        [Item { name, arn, .. }] => Finding::ok(setting, format!("{noun} {name}, {arn}")),
        [] => {
            let names: Vec<_> = items.iter().map(|item| item.name.as_str()).collect();
            let advice = format!("choose one of {}", names.join(", "));
            Finding::new(
                State::Problem,
                setting,
                format!("a {noun} that the instance does not have"),
                &advice,
            )
        }
        several => {
            let arns: Vec<_> = several.iter().map(|item| item.arn.as_str()).collect();
            let advice = format!("name it by ARN, one of {}", arns.join(", "));
            Finding::new(
                State::Problem,
                setting,
                format!("a {noun} whose name others have too"),
                &advice,
            )
        }
    }
}

async fn secrets(config: &Config, aws: &SdkConfig) -> Vec<Finding> {
    let client = config.scim.as_ref().map(|scim| (ARN.to_owned(), &scim.client));
    let hooks = config.hooks.iter().map(|hook| (hook.variable("SECRET_ARN"), hook)).chain(client);
    let store = KeyStore::new(hooks.clone().map(|(_, hook)| hook), config.key_overlap, aws);
    let mut findings = Vec::new();
    for (subject, hook) in hooks.filter(|(_, hook)| hook.stored.is_some()) {
        let deadline = Deadline::after(PATIENCE);
        let fetched = store.source(hook, now(), deadline).await;
        findings.push(match (fetched.source, fetched.trouble) {
            (Ok(source), None) => {
                let replaced = source.keys.iter().filter(|key| key.is_replaced()).count();
                let current = source.keys.len().saturating_sub(replaced);
                let found =
                    format!("{}, {replaced} replaced and still believed", count(current, "key"));
                Finding::ok(subject, found)
            }
            (Ok(_), Some(trouble)) => {
                Finding::new(State::Warning, subject, trouble.to_string(), SECRET)
            }
            (Err(fault), _) => {
                Finding::new(State::Problem, subject, fault.cause.unwrap_or(fault.detail), SECRET)
            }
        });
    }
    findings
}

const SECRET: &str = "put the key that the sender shows into it as plain text, and permit \
    secretsmanager:GetSecretValue on it";

fn refused(subject: &str, failure: &str) -> Finding {
    let advice = "check the instance's id and Region, your credentials (aws sts \
                  get-caller-identity), and their permission for this operation";
    Finding::new(State::Problem, subject, failure, advice)
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
