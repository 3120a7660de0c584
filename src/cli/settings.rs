//! Which settings a command works with: the process's own, or the demo's.

use crate::config::{Environment, is_setting, near, of_process};
use crate::standin::Directory;

/// A key that everybody knows: for stories told on this machine, and nothing else.
pub const DEMO_SECRET: &str = "whsec_VGhpcyBrZXkgaXMga25vd24gdG8gZXZlcnlib2R5Lg==";

/// What Okta's event hooks show in the demo.
pub const DEMO_AUTHORIZATION: &str = "a value that everybody knows";

/// What a SCIM client shows in the demo.
pub const DEMO_SCIM_TOKEN: &str = "a-token-that-everybody-knows";

/// The function's settings among the variables of this process, and what is nearly called like one.
#[must_use]
pub fn own() -> Environment {
    let is_ours = |name: &String| is_setting(name) || near::meant(name).is_some();
    of_process().into_iter().filter(|(name, value)| is_ours(name) && !value.is_empty()).collect()
}

/// The process's own settings if it has a source or an instance, else the demo's, and then `true`.
#[must_use]
pub fn own_or_demo() -> (Environment, bool) {
    let own = own();
    let is_telling = |name: &String| name.starts_with("HOOK_") || name == "CONNECT_INSTANCE";
    if own.keys().any(is_telling) { (own, false) } else { (demo(&Directory::seeded()), true) }
}

/// Settings for the stand-in: a source for each of the stories' senders.
#[must_use]
pub fn demo(directory: &Directory) -> Environment {
    let id = |ids: &std::collections::BTreeMap<String, String>, name: &str| {
        ids.get(name).cloned().unwrap_or_default()
    };
    let routing_profile = id(&directory.routing_profiles, "Basic Routing Profile");
    let security_profile = id(&directory.security_profiles, "Agent");
    let suspended = id(&directory.security_profiles, "No Access");
    [
        ("HOOK_DEMO_SCHEME", "standard-webhooks"),
        ("HOOK_DEMO_SECRET", DEMO_SECRET),
        ("HOOK_OKTA_SCHEME", "okta"),
        ("HOOK_OKTA_SECRET", DEMO_AUTHORIZATION),
        ("HOOK_OKTA_APPS", "Amazon Connect"),
        ("HOOK_OKTA_GROUPS", "Connect Agents"),
        ("SCIM_TOKEN", DEMO_SCIM_TOKEN),
        ("CONNECT_INSTANCE", &directory.instance_arn),
        ("ROUTING_PROFILE", &routing_profile),
        ("SECURITY_PROFILES", &security_profile),
        ("DEPLOYMENT", "demo"),
        ("TAGS", "team=support"),
        ("DEACTIVATE", "suspend"),
        ("SUSPENDED_SECURITY_PROFILE", &suspended),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}
