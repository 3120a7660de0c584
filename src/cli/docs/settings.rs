//! The table of docs/settings.md.

use super::{Table, code, words_of};
use crate::config::hooks::HOOK_SETTINGS;
use crate::config::settings;

/// The texts for the settings of a source, by the part after `HOOK_<SOURCE>_`.
static HOOKS: &[(&str, &str)] = &[
    (
        "SCHEME",
        "how the source proves itself, one of the [schemes](sign.md#schemes). `HOOK_OKTA_…` is \
         the source of `/hooks/okta`",
    ),
    (
        "SECRET",
        "the secret itself, for use on a machine of your own; up to 4 of them while they are \
         rotated. One with a comma in it goes into a JSON array",
    ),
    (
        "SECRET_ARN",
        "the ARN of its secret in Secrets Manager: the key as plain text, or a JSON array of up \
         to 4",
    ),
    (
        "APPS",
        "Okta event hooks: ids or labels of the applications whose users join (an event's \
         `alternateId`, or its `displayName` where that is \"unknown\")",
    ),
    ("GROUPS", "Okta event hooks: ids or names of the groups whose members join"),
    (
        "LIFECYCLE",
        "Okta event hooks: `true` if everybody joins who is created or activated in Okta",
    ),
];

/// The texts for all other settings, by name.
static OTHERS: &[(&str, &str)] = &[
    ("CONNECT_INSTANCE", "the instance's id or ARN"),
    ("ROUTING_PROFILE", "the routing profile that users get: id, ARN or name"),
    ("SECURITY_PROFILES", "the 1 to 10 security profiles that users get: ids, ARNs or names"),
    ("HIERARCHY_GROUP", "the hierarchy group that users get: id, ARN or name"),
    (
        "ALLOWED_ROUTING_PROFILES",
        "what a person's `routingProfile` may be: see [Profiles and \
         groups](#profiles-and-groups)",
    ),
    ("ALLOWED_SECURITY_PROFILES", "what a person's `securityProfiles` may be"),
    ("ALLOWED_HIERARCHY_GROUPS", "what a person's `hierarchyGroup` may be"),
    ("TAGS", "tags that users get besides our three: `key=value,key=value` or a JSON object"),
    (
        "DEPLOYMENT",
        "this deployment's lasting name, part of the owner tag. Give each deployment for one \
         instance its own, such as the stack's name, and never change it: users made under \
         another name are foreign",
    ),
    ("IDENTITY_MANAGEMENT", "the instance's type: `SAML`, `CONNECT_MANAGED`, `EXISTING_DIRECTORY`"),
    (
        "EMAIL_AS",
        "where the e-mail address goes: `omit` (else the default), `secondary`, `email` (the \
         default under `CONNECT_MANAGED`). AWS's documents contradict each other on whether \
         SAML takes `email`",
    ),
    (
        "GENERATE_PASSWORD",
        "under `CONNECT_MANAGED`: a random password, told to nobody, for whom the event has \
         none that Connect takes",
    ),
    ("PHONE_TYPE", "`SOFT_PHONE`, or `DESK_PHONE`, which takes the person's work number"),
    ("AUTO_ACCEPT", "whether calls are answered by themselves"),
    ("AFTER_CONTACT_WORK_SECONDS", "0 (no limit) to 2000000"),
    ("PERSISTENT_CONNECTION", "`true` or `false`; unset leaves it to Connect"),
    ("CHANNELS", "in place of the four above, each channel by itself: see [Channels](#channels)"),
    (
        "KEY_OVERLAP_HOURS",
        "how long the previous version of a stored secret is still believed, counted from the \
         day the current one was made",
    ),
    (
        "BASE_PATH",
        "what a custom domain's API mapping puts in front of each path. A stage's name is \
         dropped by itself",
    ),
    ("LOG_LEVEL", "which lines are logged: `ERROR`, `WARN`, `INFO`; metrics are written at each"),
    (
        "AWS_REGION",
        "the instance's Region, which Lambda sets; an ARN in `CONNECT_INSTANCE` has the last \
         word",
    ),
    (
        "DEACTIVATE",
        "with a roster, where it must be set: `suspend`, `delete` or `keep`: what becomes of \
         [who leaves](roster.md#who-leaves)",
    ),
    (
        "SUSPENDED_SECURITY_PROFILE",
        "with a roster and `suspend`, where it must be set: the one security profile of who is \
         suspended: id, ARN or name",
    ),
    (
        "END_SESSIONS",
        "with a roster: `true` or `false`: whether the [sessions](roster.md#sessions) of whoever is \
         suspended or removed are ended",
    ),
    (
        "RENAME",
        "with a roster: `recreate` or `park`: what becomes of who gets [another \
         name](roster.md#names-that-change)",
    ),
    (
        "ON_MISSING",
        "with a roster: `park` or `recreate`: what becomes of who was removed from Connect by \
         hand",
    ),
    (
        "ON_FOREIGN_USER",
        "with a roster: `refuse` or `adopt`: what becomes of a user of the same name who was \
         not made here",
    ),
    (
        "MAX_REMOVALS_PER_HOUR",
        "with a roster: how many may lose their access [within an \
         hour](roster.md#too-many-at-once), 0 to 100000",
    ),
    (
        "HELD_REMOVALS",
        "with a roster: `wait` or `resume`: whether suspensions over that limit are tried again \
         each hour; removals always wait",
    ),
    (
        "CONNECT_RATE",
        "with a roster: calls a second that the drain makes of each operation, 0.1 to 100. \
         Connect counts for the whole account and Region",
    ),
    (
        "ROSTER",
        "the function alone: `none`, which is direct mode, or `dynamodb`, the table of `ROSTER_TABLE`. \
         Under SAM's emulator also `memory`, a roster that ends with its container and has no drain: \
         what Connect cannot take at once stays `pending`",
    ),
    (
        "ROSTER_TABLE",
        "the function alone: the DynamoDB table of the roster, in the function's own Region",
    ),
    (
        "GROUP_PROFILES",
        "with a roster: what the members of a group get, as JSON, or `@` and the path of a file \
         with it, from the working directory: `{\"Sales\": {\"externalId\": \"…\", \"routingProfile\": \
         \"…\", \"securityProfiles\": [\"…\"], \"hierarchyGroup\": \"…\"}}`, the [group by \
         externalId](scim.md#groups), by `id`, or by its name alone, the rest by id, ARN or \
         name, on a list or not. A person's own allowed values come first; then the groups, in the \
         order in which they stand here, with the security profiles of all of them together; \
         then what everyone gets",
    ),
    (
        "SCIM_TOKEN",
        "with a roster: the token of [SCIM](scim.md)'s client, at least 16 bytes, for use on a \
         machine of your own; two of them, separated by a comma, while it is changed",
    ),
    (
        "SCIM_TOKEN_SECRET_ARN",
        "with a roster: the ARN of that token in Secrets Manager: plain text, or a JSON array \
         of up to 4. With neither of the two `/scim/v2` is 404",
    ),
    (
        "SCIM_STRICT",
        "SCIM: `true` takes RFC 7644 by its letter, for conformance tests. What Okta and Entra \
         ID send does not pass then",
    ),
    (
        "PUBLIC_URL",
        "SCIM: what stands in front of `/scim/v2` in every `location`, where a proxy or CDN \
         hides the gateway's own domain: `https://scim.example.com`",
    ),
];

pub(super) fn table() -> Result<Table, String> {
    let hooks: Vec<&str> = HOOK_SETTINGS.iter().map(|(name, _)| *name).collect();
    let own: Vec<&str> = settings().map(|setting| setting.name).collect();
    let hooks = words_of(&hooks, HOOKS)?.into_iter();
    let hooks =
        hooks.map(|(name, means)| [code(&format!("HOOK_<SOURCE>_{name}")), String::new(), means]);
    let own = words_of(&own, OTHERS)?.into_iter().zip(settings());
    let own = own.map(|((name, means), setting)| [code(name), code(setting.default), means]);
    Ok(Table::new(["variable", "default", "meaning"], hooks.chain(own)))
}
