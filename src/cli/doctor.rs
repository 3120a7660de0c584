//! `connect-provisioner doctor`: what is wrong with a set-up, and what to do about it.

mod online;

use std::error::Error;

use clap::Args;
use serde::Serialize;

use super::say;
use super::settings::own;
use super::table::{Table, Tone};
use crate::config::hooks::Hook;
use crate::config::scim::{ARN, TOKEN};
use crate::config::{Config, Environment, Problem, of_process, roster_settings};
use crate::lambda::bad_endpoints;
use crate::roster::policy::Deactivate;

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
                findings.extend(online::look(&config).await);
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

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
