//! `connect-provisioner doctor`: finds problems of the configuration and says how to mend them.

mod online;

use std::error::Error;

use clap::Args;
use serde::Serialize;

use super::roster::{Location, table};
use super::settings::own;
use super::table::{Table, Tone};
use super::{parked, say};
use crate::assign::permissions::GroupGrant;
use crate::config::hooks::Hook;
use crate::config::scim::{ARN, TOKEN};
use crate::config::{Config, Environment, SettingError, near, of_process, roster_settings_in};
use crate::lambda;
use crate::near::distance;
use crate::roster::Roster;
use crate::roster::group::Group;
use crate::roster::policy::Deactivate;

/// How deep to look.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Ask AWS too: the instance, its profiles and groups, each secret
    #[arg(long)]
    online: bool,
    /// Look for the groups of `GROUP_PROFILES` in this roster's file, which nobody has open; or in
    /// dynamodb:TABLE
    #[arg(long, value_name = "FILE")]
    roster: Option<Location>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warning,
    Problem,
}

/// The result of one check.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    state: State,
    /// The variable, or the resource that it names.
    subject: String,
    found: String,
    /// What to do; empty if nothing is wrong.
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

    fn warning(SettingError { variable, problem, find }: &SettingError) -> Self {
        Self::new(State::Warning, variable, problem, find)
    }

    fn ok(subject: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(State::Ok, subject, found, "")
    }
}

impl From<SettingError> for Finding {
    fn from(SettingError { variable, problem, find }: SettingError) -> Self {
        Self::new(State::Problem, variable, problem, find)
    }
}

/// Checks the configuration, prints the findings, and fails if any of them is a problem.
///
/// # Errors
/// Text with the number of problems.
pub async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let environment = own();
    let mut findings: Vec<_> = lambda::bad_endpoints(&of_process()).map(Finding::from).collect();
    // In memory it is right where SAM plays Lambda, which is not here.
    if environment.get("ROSTER").is_none_or(|value| value != "memory") {
        findings.extend(lambda::roster(&environment).err().map(Finding::from));
    }
    // These settings have an effect only with a roster.
    let has_roster = arguments.roster.is_some() || !roster_settings_in(&environment).is_empty();
    findings.insert(0, Finding::ok("mode", if has_roster { WITH_ROSTER } else { DIRECT }));
    let read = if has_roster { Config::read_for_roster } else { Config::read };
    findings.extend(match read(&environment) {
        Err(problems) => {
            let typos = near::typos(&environment);
            let problems = problems.0.into_iter().map(Finding::from);
            problems.chain(typos.iter().map(Finding::warning)).collect()
        }
        Ok(config) => {
            let mut findings = offline(&config, &environment);
            match &arguments.roster {
                None => {}
                Some(Location::Table(name)) => {
                    findings.extend(pushed(&config, &table(name).await?).await?);
                }
                Some(Location::File(file)) if file.is_file() => {
                    findings.extend(pushed(&config, &parked::open(file)?).await?);
                }
                Some(file) => {
                    let problem = format!("{file}: expected the file of a roster, found none");
                    return Err(problem.into());
                }
            }
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

const DIRECT: &str = "direct, without a roster: users are created, leavers are ignored, and /scim/v2 \
    is 404";

const WITH_ROSTER: &str = "with a roster: Connect is made to follow it, by serve or by a function in \
    Lambda whose ROSTER is dynamodb";

/// An upper bound: more groups than anybody pushes.
const MOST_GROUPS: usize = 100_000;

/// The groups that the settings name and the roster does not have.
async fn pushed(config: &Config, roster: &dyn Roster) -> Result<Vec<Finding>, Box<dyn Error>> {
    let (groups, _) = roster
        .page_groups(0, MOST_GROUPS)
        .await
        .map_err(|roster_error| roster_error.to_string())?;
    let is_pushed = |granted: &&GroupGrant| groups.iter().any(|it| granted.is_of(&it.names()));
    let unknown = config.rules.groups.iter().filter(|granted| !is_pushed(granted));
    let findings = unknown.map(|GroupGrant { name, external_id, id, .. }| {
        let found = match (external_id, id) {
            (None, None) => format!("no pushed group is called {name:?}"),
            (Some(meant), None) => {
                format!("no pushed group has the externalId {meant:?} of {name:?}")
            }
            (_, Some(meant)) => format!("no pushed group has the id {meant:?} of {name:?}"),
        };
        let word = name.to_lowercase();
        let mut known: Vec<&str> = groups.iter().map(Group::display_name).collect();
        known.sort_by_cached_key(|own| (distance(&word, &own.to_lowercase()), *own));
        let advice = match known.join(", ") {
            none if none.is_empty() => "push it; so far none is".to_owned(),
            known => format!("push it, or name one of {known}"),
        };
        Finding::new(State::Warning, GROUPS, found, &advice)
    });
    Ok(findings.collect())
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

/// The findings from the settings alone.
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
    findings.extend(config.warnings.iter().map(Finding::warning));
    findings
}

/// The findings for the settings of a roster, if any is set.
fn roster(config: &Config) -> Vec<Finding> {
    let Some(policy) = config.policy() else { return Vec::new() };
    let deactivate = match policy.deactivate {
        Deactivate::Delete => "who leaves is removed",
        Deactivate::Keep => "who leaves keeps their access in Connect",
        Deactivate::Suspend(_) => "who leaves is suspended",
    };
    let mut findings = vec![Finding::ok("DEACTIVATE", deactivate)];
    if policy.deactivate == Deactivate::Delete && policy.suspended_profile().is_none() {
        findings.push(Finding::new(
            State::Warning,
            "SUSPENDED_SECURITY_PROFILE",
            "none, though DEACTIVATE is delete",
            "set it to a profile that allows nothing: whoever leaves keeps their power until Connect \
             has removed them, and whoever's farewell is in doubt, or comes while it is paused, is not shut out",
        ));
    }
    findings.push(match config.scim().map(|scim| &scim.client) {
        None => Finding::ok(
            TOKEN,
            "none, so /scim/v2 is 404; set it or SCIM_TOKEN_SECRET_ARN to have SCIM",
        ),
        Some(client) if client.stored.is_some() => {
            Finding::ok(ARN, "/scim/v2, its token in Secrets Manager")
        }
        Some(client) => {
            let tokens = count(client.source.keys.len(), "token");
            Finding::ok(TOKEN, format!("/scim/v2, {tokens} in the clear"))
        }
    });
    findings.push(Finding::ok(
        GROUPS,
        match config.rules.groups.len() {
            0 => "none".to_owned(),
            groups => format!("{} to give something to its members", count(groups, "group")),
        },
    ));
    let by_name = config.rules.groups.iter().filter(|granted| granted.is_by_name()).count();
    if by_name > 0 {
        findings.push(Finding::new(
            State::Warning,
            GROUPS,
            format!("{} by name alone", count(by_name, "group")),
            "whoever may rename a group there gives its members what it gives here; say externalId, or \
             id where the identity provider sends none",
        ));
    }
    findings
}

const GROUPS: &str = "GROUP_PROFILES";

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
