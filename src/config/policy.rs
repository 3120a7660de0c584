//! The lifecycle settings, for a roster alone → [`Policy`].

use super::lists::{BOOLEAN, choice};
use super::{Setting, SettingError, SettingReader};
use crate::assign::Rules;
use crate::assign::instance::{Instance, Resource};
use crate::roster::policy::{Deactivate, Foreign, Held, Missing, Policy, Rename};

/// The variables that apply with a roster alone: the store itself, and what happens to the people
/// in it. The table in docs/settings.md is checked against these rows.
pub static POLICY_SETTINGS: &[Setting] = &[
    Setting {
        name: "DEACTIVATE",
        default: "",
        find: "your own choice: suspend, delete, keep; with a roster there is no default",
    },
    Setting {
        name: "SUSPENDED_SECURITY_PROFILE",
        default: "",
        find: "as for SECURITY_PROFILES: a profile without permissions, made for those who left",
    },
    Setting {
        name: "END_SESSIONS",
        default: "true",
        find: "your own choice: true, false; true ends the sessions of whoever is suspended or removed",
    },
    Setting { name: "RENAME", default: "recreate", find: "your own choice: recreate, park" },
    Setting { name: "ON_MISSING", default: "park", find: "your own choice: park, recreate" },
    Setting { name: "ON_FOREIGN_USER", default: "refuse", find: "your own choice: refuse, adopt" },
    Setting {
        name: "MAX_REMOVALS_PER_HOUR",
        default: "50",
        find: "your own choice: 0 to 100000; more than ever leave within an hour on a usual day",
    },
    Setting {
        name: "HELD_REMOVALS",
        default: "wait",
        find: "your own choice: wait, resume; resume tries suspensions over the limit again each hour",
    },
    Setting {
        name: "CONNECT_RATE",
        default: "2",
        find: "Service Quotas console, Amazon Connect: the rates of the user APIs, per second; less \
               where others use them too",
    },
    Setting {
        name: "ROSTER",
        default: "none",
        find: "your own choice: none, dynamodb; memory, where SAM plays Lambda on a desk, ends with the process",
    },
    Setting {
        name: "ROSTER_TABLE",
        default: "",
        find: "the DynamoDB table of ROSTER=dynamodb, as the stack's output RosterTable says, or roster init",
    },
];

/// The default of `MAX_REMOVALS_PER_HOUR`.
const DEFAULT_REMOVALS: usize = 50;

/// Connect's default quota in calls a second for each operation ("Amazon Connect service quotas").
const DEFAULT_RATE: f64 = 2.0;

/// The word of `DEACTIVATE`, before the profile is known that `suspend` needs.
#[derive(Clone, Copy)]
enum Leaving {
    Delete,
    Keep,
    Suspend,
}

/// The values of `DEACTIVATE`.
const DEACTIVATE: [(&str, Leaving); 3] =
    [("suspend", Leaving::Suspend), ("delete", Leaving::Delete), ("keep", Leaving::Keep)];
/// The values of `RENAME`: a new user instead of the old one, or wait for the operator. Connect
/// cannot rename a user.
const RENAME: [(&str, Rename); 2] = [("recreate", Rename::Recreate), ("park", Rename::Park)];
/// The values of `HELD_REMOVALS`: whether suspensions over the limit go on by themselves.
const HELD: [(&str, Held); 2] = [("wait", Held::Wait), ("resume", Held::Resume)];
/// The values of `ON_MISSING`, for a user that was removed from Connect by hand.
const MISSING: [(&str, Missing); 2] = [("park", Missing::Park), ("recreate", Missing::Recreate)];
/// The values of `ON_FOREIGN_USER`, for a username that a user made elsewhere has.
const FOREIGN: [(&str, Foreign); 2] = [("refuse", Foreign::Refuse), ("adopt", Foreign::Adopt)];

impl SettingReader<'_> {
    /// Reads the policy; `None` if something about it is a problem.
    ///
    /// `SUSPENDED_SECURITY_PROFILE` must not be a profile with which people work here: that would
    /// leave a leaver with access, and might give them more than they had. What is spelled alike is
    /// compared here; an id and a name can be compared by a call alone, before the profile is
    /// given.
    pub(super) fn policy(
        &mut self,
        instance: Option<&Instance>,
        rules: Option<&Rules>,
    ) -> Option<Policy> {
        let leaving = self.required("DEACTIVATE", |text| choice(text, &DEACTIVATE));
        let profile = |text: &str| {
            let profile = Resource::SecurityProfile.reference(text, instance)?;
            let gives_access = |rules: &Rules| {
                rules.permissions.security_profiles.contains(&profile)
                    || rules.allowed.security_profiles.contains(&profile)
                    || rules.security_profiles_of_groups().any(|given| *given == profile)
            };
            // Refused at start and not at the first suspension: a leaver would keep access until
            // somebody reads the log.
            if rules.is_some_and(gives_access) {
                return Err(
                    "expected a profile that allows nothing, found one of SECURITY_PROFILES, \
                            ALLOWED_SECURITY_PROFILES or GROUP_PROFILES"
                        .to_owned(),
                );
            }
            Ok(profile)
        };
        // Whatever it is, a set-up that needs none starts: it is a warning, and nobody is given it.
        let suspended = match leaving {
            Some(Leaving::Delete | Leaving::Keep) => {
                self.value("SUSPENDED_SECURITY_PROFILE").and_then(|text| profile(text).ok())
            }
            _ => None,
        };
        let deactivate = match leaving {
            Some(Leaving::Suspend) => {
                self.required("SUSPENDED_SECURITY_PROFILE", profile).map(Deactivate::Suspend)
            }
            Some(Leaving::Delete) => Some(Deactivate::Delete),
            Some(Leaving::Keep) => Some(Deactivate::Keep),
            None => None,
        };
        let rename = self.optional("RENAME", |text| choice(text, &RENAME));
        let missing = self.optional("ON_MISSING", |text| choice(text, &MISSING));
        let foreign = self.optional("ON_FOREIGN_USER", |text| choice(text, &FOREIGN));
        let ends_sessions = self.optional("END_SESSIONS", |text| choice(text, &BOOLEAN));
        let removals_per_hour = self.optional("MAX_REMOVALS_PER_HOUR", removals);
        let held = self.optional("HELD_REMOVALS", |text| choice(text, &HELD));
        let rate = self.optional("CONNECT_RATE", rate);
        Some(Policy {
            deactivate: deactivate?,
            suspended,
            ends_sessions: ends_sessions.unwrap_or(true),
            rename: rename.unwrap_or(Rename::Recreate),
            missing: missing.unwrap_or(Missing::Park),
            foreign: foreign.unwrap_or(Foreign::Refuse),
            removals_per_hour: removals_per_hour.unwrap_or(DEFAULT_REMOVALS),
            held: held.unwrap_or(Held::Wait),
            rate: rate.unwrap_or(DEFAULT_RATE),
        })
    }
}

/// The warning for a profile for suspended users that is spelled otherwise, id or name, than one
/// with which people work: Connect alone can tell whether they are the same.
pub(super) fn spelling(policy: &Policy, rules: &Rules) -> Option<SettingError> {
    let Deactivate::Suspend(suspended) = &policy.deactivate else { return None };
    let groups = rules.security_profiles_of_groups();
    let (permissions, allowed) = (&rules.permissions, &rules.allowed);
    let mut given =
        permissions.security_profiles.iter().chain(&allowed.security_profiles).chain(groups);
    let spelling = std::mem::discriminant(suspended);
    given.any(|profile| std::mem::discriminant(profile) != spelling).then(|| SettingError {
        variable: "SUSPENDED_SECURITY_PROFILE".to_owned(),
        problem: "expected to be written as SECURITY_PROFILES, ALLOWED_SECURITY_PROFILES and GROUPS \
                  are, all by name or all by id, so that it can be seen not to be one of them; found \
                  the other, so it is compared by id before it is given"
            .to_owned(),
        find: "connect-provisioner doctor --online compares them",
    })
}

/// `MAX_REMOVALS_PER_HOUR`: 0 to 100,000; 0 holds every removal.
fn removals(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (0..=100_000).contains(number));
    number
        .ok_or_else(|| "expected a whole number from 0 to 100000, found something else".to_owned())
}

/// `CONNECT_RATE`: 0.1 to 100 calls a second for each operation.
fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (0.1..=100.0).contains(rate));
    rate.ok_or_else(|| "expected a number from 0.1 to 100, found something else".to_owned())
}
