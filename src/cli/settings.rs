//! The settings of a command: from the environment, or the demo's.

use crate::config::{Environment, is_setting, near, of_process};
use crate::standin::Directory;

/// A publicly known key, for local use only.
pub const DEMO_SECRET: &str = "whsec_VGhpcyBrZXkgaXMga25vd24gdG8gZXZlcnlib2R5Lg==";

/// The publicly known `Authorization` value of Okta's event hooks in the demo.
pub const DEMO_AUTHORIZATION: &str = "a value that everybody knows";

/// The publicly known SCIM token of the demo.
pub const DEMO_SCIM_TOKEN: &str = "a-token-that-everybody-knows";

/// The variables of this process that are settings, or that are named nearly like one; not the
/// empty ones.
#[must_use]
pub fn own() -> Environment {
    let is_ours = |name: &String| is_setting(name) || near::meant(name).is_some();
    of_process().into_iter().filter(|(name, value)| is_ours(name) && !value.is_empty()).collect()
}

/// The process's settings if they name a source or an instance, else the demo's and `true`.
#[must_use]
pub fn own_or_demo() -> (Environment, bool) {
    let own = own();
    let is_telling = |name: &String| name.starts_with("HOOK_") || name == "CONNECT_INSTANCE";
    if own.keys().any(is_telling) { (own, false) } else { (demo(&Directory::seeded()), true) }
}

/// Settings for the stand-in, with a source for each sender of the stories.
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
