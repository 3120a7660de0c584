//! `HOOK_<SOURCE>_<SETTING>` → the hooks: their routes, their schemes, and where their keys are.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

use super::lists::{BOOLEAN, choice, list};
use super::{SettingError, SettingReader, near};
use crate::assign::instance::region_name;
use crate::event::okta::Scope;
use crate::secret::{SecretKey, is_quoted};
use crate::trust::Source;
use crate::trust::scheme::{SCHEMES, Scheme};

/// The settings of a source, each with where its value is found. A variable is `HOOK_`, the source
/// in capitals, `_` and one of these.
pub static HOOK_SETTINGS: &[(&str, &str)] = &[
    ("SCHEME", "docs/sign.md, the table of schemes: how this sender proves itself"),
    (
        "SECRET",
        "the sender's settings, where it shows its secret; several, separated by commas, while \
         it is rotated",
    ),
    ("SECRET_ARN", "Secrets Manager console, your secret, Secret details: Secret ARN"),
    (
        "APPS",
        "Okta Admin Console, Applications, your application: its label, or the id (0oa…) in the \
         address bar",
    ),
    (
        "GROUPS",
        "Okta Admin Console, Directory, Groups, your group: its name, or the id (00g…) in the \
         address bar",
    ),
    ("LIFECYCLE", "your own choice: true, false"),
];

/// One hook: the route `/hooks/{source}` and its sender.
#[derive(Clone, Debug)]
pub struct Hook {
    /// The sender, with the keys in hand or without any where they are stored; without keys nobody
    /// is authenticated.
    pub source: Arc<Source>,
    /// The secret in which the keys are stored, if they are not in hand.
    pub stored: Option<SecretArn>,
    /// Which of Okta's event hooks ask for somebody to join.
    pub scope: Scope,
}

impl Hook {
    /// The name of one of this hook's variables: `HOOK_{SOURCE}_{setting}`.
    #[must_use]
    pub fn variable(&self, setting: &str) -> String {
        format!("HOOK_{}_{setting}", self.source.name.to_ascii_uppercase())
    }
}

/// The ARN of a secret in Secrets Manager, and its Region, which need not be that of the function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretArn {
    text: String,
    region: String,
}

impl SecretArn {
    /// The ARN's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The Region that the secret is in.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }
}

impl FromStr for SecretArn {
    type Err = String;

    /// Takes `arn:{partition}:secretsmanager:{region}:{account}:secret:{name}` ("Actions,
    /// resources, and condition keys for AWS Secrets Manager").
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split(':').collect::<Vec<_>>().as_slice() {
            ["arn", _, "secretsmanager", region, _, "secret", name]
                if !name.is_empty() && region_name(region).is_ok() =>
            {
                Ok(Self { text: text.to_owned(), region: (*region).to_owned() })
            }
            _ => Err("expected a Secrets Manager secret's ARN, found something else".to_owned()),
        }
    }
}

/// Reads every hook.
///
/// A variable that starts with `HOOK_` and is none of ours is a problem: a typo here would silently
/// keep a sender out. So is it if there is no hook, unless there are `others` that may speak.
pub(super) fn read(reader: &mut SettingReader<'_>, others: bool) -> (Vec<Hook>, Vec<SettingError>) {
    let set = |name: &&String| name.starts_with("HOOK_") && reader.value(name).is_some();
    let names: Vec<String> = reader.environment.keys().filter(set).cloned().collect();
    let mut sources = BTreeSet::new();
    for name in &names {
        match source_of(name) {
            Some(source) => drop(sources.insert(source)),
            None => {
                let meant = near::hook_meant(name);
                let near = meant.map_or(String::new(), |meant| format!(" near {meant}"));
                let problem = format!("{}{near}", unknown_setting());
                reader.problem(name, problem, "docs/settings.md, the table of settings");
            }
        }
    }
    if sources.is_empty() && !others {
        reader.problem(
            "HOOK_<SOURCE>_SCHEME",
            "expected at least one source, found none, so nobody could speak".to_owned(),
            "choose a name for the sender, such as OKTA: its events then go to /hooks/okta",
        );
    }
    let warnings = sources.iter().flat_map(|source| warnings(reader, source)).collect();
    let hooks = sources.iter().filter_map(|source| hook(reader, source)).collect();
    (hooks, warnings)
}

/// The problem of a name that is no hook's setting.
fn unknown_setting() -> String {
    let names: Vec<_> = HOOK_SETTINGS.iter().map(|(setting, _)| *setting).collect();
    format!(
        "expected HOOK_<SOURCE>_<SETTING> with a source of A-Z 0-9 _ and a setting of {}, found \
         another name",
        names.join(", ")
    )
}

/// The source in a variable's name; it may contain underscores. No setting's name is the end of
/// another's with an underscore before it, so one fits at most.
fn source_of(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("HOOK_")?;
    let source = HOOK_SETTINGS.iter().find_map(|(setting, _)| {
        rest.strip_suffix(setting).and_then(|source| source.strip_suffix('_'))
    })?;
    let legal = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    (!source.is_empty() && source.chars().all(legal)).then_some(source)
}

/// Reads one hook; `None` if something about it is a problem.
fn hook(reader: &mut SettingReader<'_>, source: &str) -> Option<Hook> {
    let variable = |setting: &str| format!("HOOK_{source}_{setting}");
    let scheme = reader.required(&variable("SCHEME"), |text| {
        Scheme::named(text).ok_or_else(|| {
            let names: Vec<_> = SCHEMES.iter().map(|scheme| scheme.name).collect();
            format!("expected one of {}, found something else", names.join(", "))
        })
    });
    let [secret, arn] = ["SECRET", "SECRET_ARN"].map(variable);
    let keys = match (reader.value(&secret).is_some(), reader.value(&arn).is_some()) {
        (false, true) => {
            reader.optional(&arn, SecretArn::from_str).map(|arn| (Vec::new(), Some(arn)))
        }
        (true, true) => {
            reader.problem(&arn, format!("expected it or {secret}, found both"), UNSET_ONE);
            None
        }
        (_, false) => reader.required(&secret, |text| keys(scheme, text)).map(|keys| (keys, None)),
    };
    let scope = Scope {
        apps: reader.optional(&variable("APPS"), names),
        groups: reader.optional(&variable("GROUPS"), names),
        lifecycle: reader
            .optional(&variable("LIFECYCLE"), |text| choice(text, &BOOLEAN))
            .unwrap_or_default(),
    };
    let (keys, stored) = keys?;
    let source = Source { name: source.to_ascii_lowercase(), scheme: scheme?, keys };
    Some(Hook { source: Arc::new(source), stored, scope })
}

/// Where to look if two settings exclude each other.
const UNSET_ONE: &str = "unset the one that is not meant";

/// Reads the keys by their scheme. Without a scheme a key cannot be judged, but that it is missing
/// can.
fn keys(scheme: Option<&Scheme>, text: &str) -> Result<Vec<SecretKey>, String> {
    scheme.map_or(Ok(Vec::new()), |scheme| scheme.keys(&list(text)?))
}

/// A list of at least one id or name.
fn names(text: &str) -> Result<Vec<String>, String> {
    let names = list(text)?;
    if names.is_empty() {
        return Err("expected at least one id or name, found none".to_owned());
    }
    Ok(names)
}

/// The warnings of one source: keys in the clear or quoted, and settings that its scheme does not
/// use.
fn warnings(reader: &SettingReader<'_>, source: &str) -> Vec<SettingError> {
    let variable = format!("HOOK_{source}_SECRET");
    let quoted = quoted(reader, &variable);
    let mut warnings: Vec<SettingError> =
        [in_the_clear(reader, variable), quoted].into_iter().flatten().collect();
    let scheme = reader.value(&format!("HOOK_{source}_SCHEME")).and_then(Scheme::named);
    if scheme.is_some_and(|scheme| !scheme.has_challenge()) {
        let names = ["APPS", "GROUPS", "LIFECYCLE"].map(|it| format!("HOOK_{source}_{it}"));
        let set = names.into_iter().filter(|name| reader.value(name).is_some());
        warnings.extend(set.map(|variable| SettingError {
            variable,
            problem:
                "expected a source of scheme okta, found another, so it does nothing".to_owned(),
            find: "unset it: only Okta's event hooks are asked who joins by them",
        }));
    }
    warnings
}

/// The warning for a secret with quotation marks around it: files of variables that no shell reads
/// keep them, and hardly any secret has them. Where a scheme rules them out it is a problem
/// instead.
pub(super) fn quoted(reader: &SettingReader<'_>, variable: &str) -> Option<SettingError> {
    let texts = list(reader.value(variable)?).ok()?;
    texts.iter().any(|text| is_quoted(text)).then(|| SettingError {
        variable: variable.to_owned(),
        problem: "expected a secret as its sender shows it, found quotes around it".to_owned(),
        find: "leave the quotes out, unless they are a part of it",
    })
}

/// The warning for a key among the variables of a Lambda function: whoever may read its
/// configuration reads the key too. On a desk that is fine.
fn in_the_clear(reader: &SettingReader<'_>, variable: String) -> Option<SettingError> {
    reader.value("AWS_LAMBDA_FUNCTION_NAME")?;
    reader.value(&variable)?;
    Some(SettingError {
        problem: "expected a key out of everyone's sight, found it in the clear".to_owned(),
        find: "store it in Secrets Manager and name it by HOOK_<SOURCE>_SECRET_ARN",
        variable,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_named_by_its_arn() {
        let text =
            "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:okta/hook-AbCdEf";
        let arn: SecretArn = text.parse().unwrap();
        assert_eq!((arn.as_str(), arn.region()), (text, "us-gov-west-1"));
        for text in [
            "okta/hook",
            "arn:aws:secretsmanager:eu-west-2:1:secret:",
            "arn:aws:secretsmanager::1:secret:x",
            "arn:aws:secretsmanager:eu-west-2:1:x",
            "arn:aws:ssm:eu-west-2:1:secret:x",
        ] {
            assert!(text.parse::<SecretArn>().is_err(), "{text}");
        }
    }
}
