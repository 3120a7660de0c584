//! Publicly known secrets of the demo, which are permitted only on this machine and with fictitious
//! people.

use std::net::IpAddr;

use crate::cli::settings::{DEMO_AUTHORIZATION, DEMO_SCIM_TOKEN, DEMO_SECRET};
use crate::config::hooks::Hook;
use crate::config::{Config, Environment};
use crate::http::Request;

/// The demo's secret of a hook, if the hook uses it.
pub(super) fn of_hook(own: &Environment, hook: &Hook) -> Option<&'static str> {
    if ["SECRET", "SECRET_ARN"].iter().any(|setting| own.contains_key(&hook.variable(setting))) {
        return None;
    }
    match hook.source.name.as_str() {
        "demo" => Some(DEMO_SECRET),
        "okta" => Some(DEMO_AUTHORIZATION),
        _ => None,
    }
}

/// True if the SCIM token is the demo's.
pub(super) fn knows_token(own: &Environment) -> bool {
    !["SCIM_TOKEN", "SCIM_TOKEN_SECRET_ARN"].iter().any(|name| own.contains_key(*name))
}

/// The variables whose values are publicly known: those set to a value of the demo and, if
/// `is_demo`, those that are not set.
pub(super) fn known(own: &Environment, config: &Config, is_demo: bool) -> Vec<String> {
    let values = [DEMO_SECRET, DEMO_AUTHORIZATION, DEMO_SCIM_TOKEN];
    let is_known = |value: &String| values.iter().any(|known| value.contains(known));
    let mut known: Vec<String> =
        own.iter().filter(|(_, value)| is_known(value)).map(|(name, _)| name.clone()).collect();
    if is_demo {
        let hooks = config.hooks.iter().filter(|hook| of_hook(own, hook).is_some());
        known.extend(hooks.map(|hook| hook.variable("SECRET")));
        known.extend(config.scim().filter(|_| knows_token(own)).map(|_| token()));
    }
    known
}

fn token() -> String {
    "SCIM_TOKEN".to_owned()
}

/// Checks that publicly known secrets may be used.
///
/// # Errors
/// Text that says why not, and which variables to set.
pub(super) fn check(known: &[String], why_not: Option<&str>) -> Result<(), String> {
    match why_not.filter(|_| !known.is_empty()) {
        None => Ok(()),
        Some(why) => Err(format!(
            "everybody knows the demo's secrets, and {why}: set {} to secrets of your own",
            known.join(", ")
        )),
    }
}

/// Why publicly known secrets may not be used; `None` if they may.
pub(super) fn why_not(is_amazon: bool, has_file: bool, at: IpAddr) -> Option<&'static str> {
    match (is_amazon, has_file, at.is_loopback()) {
        (true, _, _) => Some("behind this is a real Amazon Connect"),
        (_, true, _) => Some("a roster in a file is of real people"),
        (_, _, false) => Some("others than this machine can reach it"),
        (false, false, true) => None,
    }
}

/// True if the secret for this path is publicly known.
pub(super) fn is_open(known: &[String], config: &Config, path: &str) -> bool {
    if Request::is_scim(path) {
        return known.contains(&token());
    }
    let hook = config.hooks.iter().find(|hook| path == format!("/hooks/{}", hook.source.name));
    hook.is_some_and(|hook| known.contains(&hook.variable("SECRET")))
}
