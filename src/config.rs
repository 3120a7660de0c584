//! Environment → [`Config`], or every problem with it at once.
//!
//! Read once at start; nothing is looked up or called. An empty variable counts as unset, since SAM
//! cannot leave one out. A list is comma-separated or a JSON array. A problem names the variable,
//! what was expected, and where to find the value; it quotes the value unless that is a secret.
//!
//! Some settings apply with a roster alone, so there are two ways in: [`Config::read`] for direct
//! mode, and [`Config::read_for_roster`].

mod groups;
pub mod hooks;
mod lists;
pub mod near;
pub mod policy;
mod rules;
pub mod scim;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;

use crate::assign::Rules;
use crate::assign::instance::{Instance, Resource, region_name};
use crate::assign::named::NamedResource;
use crate::roster::policy::{Deactivate, Policy};
use groups::{GROUPS_SETTING, OLD_NAME};
use hooks::{HOOK_SETTINGS, Hook};
use policy::POLICY_SETTINGS;
use scim::{SCIM_SETTINGS, Scim};

/// The variables of a process, by name. A value of blanks alone counts as unset.
pub type Environment = BTreeMap<String, String>;

/// The variables of this process. What is not Unicode in one becomes U+FFFD, which no setting
/// takes.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the outermost place: the environment is read here")]
pub fn of_process() -> Environment {
    let text = |text: OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect()
}

/// Everything that the operator decided, checked and parsed: whatever holds one needs to check
/// nothing again.
#[derive(Clone, Debug)]
pub struct Config {
    /// The hooks with their senders: routes `/hooks/{source}`, schemes and keys.
    pub hooks: Vec<Hook>,
    /// How long a stored key still holds after it was replaced: 0 to 8,760 hours, by default 72.
    pub key_overlap: Duration,
    /// What everybody gets in Connect, and what a person or a group may add.
    pub rules: Rules,
    /// With or without a roster.
    pub mode: Mode,
    /// The Connect instance, by id or ARN.
    pub instance: Instance,
    /// The AWS Region that the instance is in.
    pub region: String,
    /// The path that a custom domain's mapping puts in front of each route: empty, or `/x` without
    /// a slash at the end.
    pub base_path: String,
    /// The least level that is logged.
    pub log_level: Level,
    /// What works but should not stay so: secrets in the clear, settings that do nothing, probable
    /// typos. They are logged at start and stop nothing.
    pub warnings: Vec<SettingError>,
}

/// Whether there is a roster. Decided once, when the settings are read, so that no later place has
/// to guess it from what is set.
#[derive(Clone, Debug)]
pub enum Mode {
    /// CreateUser at once or a fault: there is no store.
    Direct,
    /// Written to the roster first; Connect is made to follow.
    Roster(Box<ByRoster>),
}

/// The settings that apply with a roster alone.
#[derive(Clone, Debug)]
pub struct ByRoster {
    /// What happens to users whose people leave, are renamed, or whom Connect does not show as
    /// expected.
    pub policy: Policy,
    /// How SCIM is spoken; `None` if no token is set.
    pub scim: Option<Scim>,
}

impl Config {
    /// The settings for a roster, if there is one.
    #[must_use]
    pub const fn by_roster(&self) -> Option<&ByRoster> {
        match &self.mode {
            Mode::Direct => None,
            Mode::Roster(own) => Some(own),
        }
    }

    /// The lifecycle policy; `None` in direct mode.
    #[must_use]
    pub fn policy(&self) -> Option<&Policy> {
        self.by_roster().map(|own| &own.policy)
    }

    /// How SCIM is spoken; `None` in direct mode or without a token.
    #[must_use]
    pub fn scim(&self) -> Option<&Scim> {
        self.by_roster()?.scim.as_ref()
    }

    /// Reads a configuration for direct mode. Settings that need a roster get a warning and do
    /// nothing.
    ///
    /// # Errors
    /// [`ConfigError`]: all of them at once, so that a deployment is not mended one restart at a time.
    pub fn read(environment: &Environment) -> Result<Self, ConfigError> {
        Self::read_for(environment, false)
    }

    /// Reads a configuration with a roster. `DEACTIVATE` is then required: what happens to leavers
    /// has no safe default.
    ///
    /// # Errors
    /// [`ConfigError`]: all of them at once.
    pub fn read_for_roster(environment: &Environment) -> Result<Self, ConfigError> {
        Self::read_for(environment, true)
    }

    /// Reads all settings, and judges at the end: a problem in one keeps no other from being told.
    fn read_for(environment: &Environment, has_roster: bool) -> Result<Self, ConfigError> {
        let mut reader = SettingReader { environment, problems: Vec::new() };
        let speaks_scim = has_roster && reader.has_scim();
        let (hooks, mut warnings) = hooks::read(&mut reader, speaks_scim);
        let (scim, more) = if speaks_scim { reader.scim() } else { (None, Vec::new()) };
        warnings.extend(more);
        warnings.extend(near::typos(environment));
        warnings.extend(reader.idle(has_roster, speaks_scim));
        let instance = reader.required("CONNECT_INSTANCE", Instance::from_str);
        let region = reader.region(instance.as_ref());
        let rules = reader.rules(instance.as_ref(), has_roster);
        let policy = has_roster.then(|| reader.policy(instance.as_ref(), rules.as_ref())).flatten();
        let key_overlap = reader.optional("KEY_OVERLAP_HOURS", key_overlap);
        let base_path = reader.optional("BASE_PATH", |path| Ok(base_path(path)));
        let log_level = reader.optional("LOG_LEVEL", |text| lists::choice(text, &LOG_LEVEL));
        let mode = match policy {
            Some(policy) => Some(Mode::Roster(Box::new(ByRoster { policy, scim }))),
            // Without a policy there is a problem that says so.
            None => (!has_roster).then_some(Mode::Direct),
        };
        // Only here is it decided: each reader above has noted its own problems and gone on.
        match (instance, region, rules, mode) {
            (Some(instance), Some(region), Some(rules), Some(mode))
                if reader.problems.is_empty() =>
            {
                let base_path = base_path.unwrap_or_default();
                if let Mode::Roster(own) = &mode {
                    warnings.extend(policy::spelling(&own.policy, &rules));
                }
                Ok(Self {
                    hooks,
                    key_overlap: key_overlap.unwrap_or(KEY_OVERLAP),
                    rules,
                    mode,
                    instance,
                    region,
                    base_path,
                    log_level: log_level.unwrap_or(Level::Info),
                    warnings,
                })
            }
            _ => Err(ConfigError(reader.problems)),
        }
    }

    /// Every profile and group of the instance that a setting names, with that setting: what
    /// `doctor` and the start look up.
    #[must_use]
    pub fn named(&self) -> Vec<NamedResource> {
        let suspended = self.policy().and_then(|policy| match &policy.deactivate {
            Deactivate::Suspend(profile) => Some(profile),
            Deactivate::Delete | Deactivate::Keep => None,
        });
        let suspended = suspended.map(|profile| {
            NamedResource::new("SUSPENDED_SECURITY_PROFILE", Resource::SecurityProfile, profile)
        });
        let mut named = self.rules.named();
        named.extend(suspended);
        named
    }
}

/// Reads the hooks alone, for programs that check signatures and call nobody.
///
/// # Errors
/// [`ConfigError`]: all of theirs.
pub fn hooks_of(environment: &Environment) -> Result<Vec<Hook>, ConfigError> {
    let mut reader = SettingReader { environment, problems: Vec::new() };
    let (hooks, _) = hooks::read(&mut reader, false);
    if reader.problems.is_empty() { Ok(hooks) } else { Err(ConfigError(reader.problems)) }
}

/// The default: longer than a weekend, so that a key that was replaced on a Friday still holds on
/// Monday.
const KEY_OVERLAP: Duration = Duration::from_hours(72);

/// `KEY_OVERLAP_HOURS`: a whole number from 0 to 8,760, a year.
fn key_overlap(text: &str) -> Result<Duration, String> {
    let hours = text.parse().ok().filter(|hours| (0..=8760).contains(hours));
    hours.map(Duration::from_hours).ok_or_else(|| {
        "expected a whole number of hours from 0 to 8760, found something else".to_owned()
    })
}

/// The level of a log line, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Somebody here has to act.
    Error,
    /// Something did not happen.
    Warn,
    /// Something happened.
    Info,
}

/// The values of `LOG_LEVEL`. Nothing finer than [`Level::Info`] is logged: it would be what no log
/// may hold.
const LOG_LEVEL: [(&str, Level); 5] = [
    ("ERROR", Level::Error),
    ("WARN", Level::Warn),
    ("INFO", Level::Info),
    ("DEBUG", Level::Info),
    ("TRACE", Level::Info),
];

/// One thing that is wrong with the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingError {
    /// The variable's name.
    pub variable: String,
    /// What was expected and what was found.
    pub problem: String,
    /// Where to find the right value.
    pub find: &'static str,
}

/// All that is wrong with the environment; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(pub Vec<SettingError>);

/// All of them in one line, separated by semicolons.
impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = self
            .0
            .iter()
            .map(|one| format!("{}: {} ({})", one.variable, one.problem, one.find))
            .collect();
        formatter.write_str(&texts.join("; "))
    }
}

/// Without a source: a problem is the first cause.
impl std::error::Error for ConfigError {}

/// One variable: its name, what it does and where its value is found. The table in docs/settings.md is
/// written from these rows, and what each means is in the command line's `docs`.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The variable's name.
    pub name: &'static str,
    /// What stands for it when it is unset; empty for nothing.
    pub default: &'static str,
    /// Where to find the value.
    pub find: &'static str,
}

/// The variables that [`Config::read`] reads, those of the hooks aside. A new setting is a row here
/// and a line where it is read.
pub static SETTINGS: &[Setting] = &[
    Setting {
        name: "CONNECT_INSTANCE",
        default: "",
        find: "Amazon Connect console, your instance, Account overview: Instance ARN",
    },
    Setting {
        name: "ROUTING_PROFILE",
        default: "",
        find: "Connect admin website, Users, Routing profiles: the ARN under \"Show additional \
               routing profile information\"; or aws connect list-routing-profiles",
    },
    Setting {
        name: "SECURITY_PROFILES",
        default: "",
        find: "Connect admin website, Users, Security profiles: the ARN in the address bar; or \
               aws connect list-security-profiles",
    },
    Setting {
        name: "HIERARCHY_GROUP",
        default: "",
        find: "aws connect list-user-hierarchy-groups",
    },
    Setting {
        name: "ALLOWED_ROUTING_PROFILES",
        default: "",
        find: "as for ROUTING_PROFILE, separated by commas",
    },
    Setting {
        name: "ALLOWED_SECURITY_PROFILES",
        default: "",
        find: "as for SECURITY_PROFILES, separated by commas",
    },
    Setting {
        name: "ALLOWED_HIERARCHY_GROUPS",
        default: "",
        find: "as for HIERARCHY_GROUP, separated by commas",
    },
    Setting { name: "TAGS", default: "", find: "your own choice: key=value,key=value" },
    Setting {
        name: "DEPLOYMENT",
        default: "connect-provisioner",
        find: "your own choice, lasting and unlike that of any other deployment for this \
               instance: the stack's name",
    },
    Setting {
        name: "IDENTITY_MANAGEMENT",
        default: "SAML",
        find: "Amazon Connect console, your instance, Account overview; or aws connect \
               describe-instance",
    },
    Setting { name: "EMAIL_AS", default: "", find: "your own choice: omit, secondary, email" },
    Setting { name: "GENERATE_PASSWORD", default: "false", find: "your own choice: true, false" },
    Setting {
        name: "PHONE_TYPE",
        default: "SOFT_PHONE",
        find: "your own choice: SOFT_PHONE, or DESK_PHONE",
    },
    Setting { name: "AUTO_ACCEPT", default: "false", find: "your own choice: true, false" },
    Setting {
        name: "AFTER_CONTACT_WORK_SECONDS",
        default: "0",
        find: "your own choice: 0 (no limit) to 2000000",
    },
    Setting {
        name: "PERSISTENT_CONNECTION",
        default: "",
        find: "your own choice: true, false; unset leaves it to Connect",
    },
    Setting {
        name: "CHANNELS",
        default: "",
        find: "Amazon Connect API Reference, UpdateUserConfig; or aws connect describe-user of a user \
               that is set up as all should be",
    },
    Setting {
        name: "KEY_OVERLAP_HOURS",
        default: "72",
        find: "your own choice: 0 to 8760; how long the sender may take to use a new secret",
    },
    Setting {
        name: "BASE_PATH",
        default: "",
        find: "API Gateway console, Custom domain names, API mappings: Path",
    },
    Setting {
        name: "LOG_LEVEL",
        default: "INFO",
        find: "your own choice: ERROR, WARN, INFO; metrics are written at each",
    },
    Setting {
        name: "AWS_REGION",
        default: "",
        find: "the Region of the instance; Lambda sets it, and an ARN in CONNECT_INSTANCE has it",
    },
];

/// All settings, with and without a roster, those of the hooks aside; in the order of the tables.
pub fn settings() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().chain(roster_settings())
}

/// True if a variable is read here, or would be with a roster. Everything below `HOOK_` counts,
/// since the hooks judge their own names; so does the former name of `GROUP_PROFILES`.
#[must_use]
pub fn is_setting(name: &str) -> bool {
    name.starts_with("HOOK_") || name == OLD_NAME || settings().any(|setting| setting.name == name)
}

/// The settings for a roster that are set in this environment, by the name under which they are
/// set. `ROSTER=none` says that there is none, and is no setting for one.
#[must_use]
pub fn roster_settings_in(environment: &Environment) -> Vec<&'static str> {
    let names = roster_settings().map(|setting| setting.name).chain([OLD_NAME]);
    let is_set = |name: &&str| {
        let value = environment.get(*name).map(|value| value.trim()).unwrap_or_default();
        !(value.is_empty() || *name == "ROSTER" && value == "none")
    };
    names.filter(is_set).collect()
}

/// The settings that [`Config::read_for_roster`] reads besides.
pub fn roster_settings() -> impl Iterator<Item = &'static Setting> {
    POLICY_SETTINGS.iter().chain([&GROUPS_SETTING]).chain(SCIM_SETTINGS)
}

/// Reads variables and collects the problems with them, so that one does not hide another.
pub(crate) struct SettingReader<'a> {
    /// What was given; it is not changed.
    environment: &'a Environment,
    /// The problems so far; a configuration is made only if there are none.
    problems: Vec<SettingError>,
}

impl SettingReader<'_> {
    /// A variable's value, unless it is empty.
    fn value(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Notes a problem. The text must not quote a secret.
    fn problem(&mut self, variable: impl Into<String>, problem: String, find: &'static str) {
        self.problems.push(SettingError { variable: variable.into(), problem, find });
    }

    /// The parsed value of a variable; `None` if it is unset, or if it is wrong and the problem
    /// noted. The parser's text gets the value quoted where it ends in [`UNTOLD`] and the value is
    /// no secret.
    fn optional<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.value(name)?;
        match parse(value) {
            Ok(value) => Some(value),
            Err(problem) => {
                let problem = quoting(name, problem, value);
                self.problem(name, problem, where_to_find(name));
                None
            }
        }
    }

    /// The same of a variable that has to be set. If it is not, the problem also names variables
    /// that were probably meant for it.
    fn required<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if self.value(name).is_none() {
            let typos = near::typos_of(name, self.environment).join(", ");
            let nearly = if typos.is_empty() { String::new() } else { format!(", but {typos}") };
            let problem = format!("expected a value, found none{nearly}");
            self.problem(name, problem, where_to_find(name));
        }
        self.optional(name, parse)
    }

    /// Warnings for settings that are set and do nothing, since the roster or the token that they
    /// belong to is not there.
    fn idle(&self, has_roster: bool, speaks_scim: bool) -> Vec<SettingError> {
        let (names, problem, find) = if has_roster {
            let names = if speaks_scim { vec![] } else { vec!["SCIM_STRICT", "PUBLIC_URL"] };
            (names, NO_TOKEN, "set SCIM_TOKEN_SECRET_ARN or SCIM_TOKEN, or unset it")
        } else {
            let names = roster_settings_in(self.environment).into_iter();
            let find = "unset it, or have a roster: serve has one unless it is told --no-roster";
            (names.filter(|name| *name != "ROSTER").collect(), NO_ROSTER, find)
        };
        let idle = names.into_iter().filter(|name| self.value(name).is_some());
        idle.map(|name| SettingError {
            variable: name.to_owned(),
            problem: problem.to_owned(),
            find,
        })
        .collect()
    }

    /// The Region of the instance: from its ARN, since Connect need not be where the function runs;
    /// else `AWS_REGION`, which Lambda sets.
    fn region(&mut self, instance: Option<&Instance>) -> Option<String> {
        let region = instance?.region.clone();
        region.or_else(|| self.required("AWS_REGION", region_name))
    }
}

/// The warning for a setting of a roster in direct mode.
const NO_ROSTER: &str = "expected a roster, found none, so it does nothing";

/// The warning for a setting of SCIM without a token.
const NO_TOKEN: &str = "expected a token of SCIM's, found none, so it does nothing";

/// How a parser ends a problem with the whole value that it does not quote itself.
const UNTOLD: &str = "something else";

/// The most characters of a value that a problem quotes.
const LONGEST_QUOTE: usize = 60;

/// A parser's problem with the value that was found, unless that is a secret, or may be one that
/// went astray: what ought to be the scheme or the ARN of a source may be its key.
fn quoting(name: &str, problem: String, value: &str) -> String {
    let is_secret = ["SECRET", "SECRET_ARN", "TOKEN"].iter().any(|end| name.ends_with(end));
    let is_word =
        |text: &str| text.len() <= 24 && text.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    // A key that was put into the wrong variable of a hook is still a key; only a plain word is
    // shown.
    let is_astray = name.starts_with("HOOK_") && !is_word(value) || value.contains("whsec_");
    match problem.strip_suffix(UNTOLD) {
        Some(expected) if !is_secret && !is_astray => format!("{expected}{}", quote(value)),
        _ => problem,
    }
}

/// A value between quotation marks, escaped to one line, and cut where it is long.
fn quote(value: &str) -> String {
    let start: String = value.chars().take(LONGEST_QUOTE).collect();
    let rest = if start.len() < value.len() { " and more" } else { "" };
    format!("{start:?}{rest}")
}

/// The row's `find` of a setting or a hook's variable; empty for one that is none.
fn where_to_find(name: &str) -> &'static str {
    let name = if name == OLD_NAME { GROUPS_SETTING.name } else { name };
    let setting = settings().find(|setting| setting.name == name);
    let hook = HOOK_SETTINGS.iter().find(|(setting, _)| name.ends_with(&format!("_{setting}")));
    setting.map(|setting| setting.find).or(hook.map(|(_, find)| *find)).unwrap_or_default()
}

/// The base path with one slash in front and none at the end; empty for `/`.
fn base_path(text: &str) -> String {
    match text.trim_matches('/') {
        "" => String::new(),
        path => format!("/{path}"),
    }
}
