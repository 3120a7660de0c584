//! A digest of rules and policy: tells the configuration under which a record was applied from
//! another.
//!
//! Each record notes the digest under which Connect follows it. It is the first 16 hexadecimal
//! digits of the SHA-256 of a JSON document, [`DigestInput`], that has the members below in their
//! order. Nothing of the program's source is in it: renaming a type of ours changes no rule. A
//! release that adds or changes a member counts [`VERSION`] up and has every record reconciled once
//! more, so that is told in the change log.

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::assign::Rules;
use crate::assign::identity::EmailAs;
use crate::assign::instance::ResourceRef;
use crate::assign::permissions::{Allowed, Grant, GroupGrant, Permissions};
use crate::assign::phone::Phone;
use crate::hex;
use crate::roster::policy::{Deactivate, Foreign, Missing, Policy, Rename};

/// The digest of rules and policy, as far as they decide what Connect holds of a person: 16
/// hexadecimal digits. Limits and rates are left out, since they decide only when.
pub(super) fn digest(rules: &Rules, policy: &Policy) -> String {
    let document = serde_json::to_vec(&DigestInput::of(rules, policy)).unwrap_or_default();
    hex::write(Sha256::digest(document).split_at(8).0)
}

/// The version of the document below. Counting it up has every record reconciled once more.
const VERSION: u32 = 1;

/// The document that is digested. The order of the members is part of the digest.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DigestInput<'a> {
    version: u32,
    deployment: &'a str,
    instance: &'a str,
    identity_management: &'a str,
    email_as: &'static str,
    generate_password: bool,
    tags: &'a BTreeMap<String, String>,
    everyone: AccessInput<'a>,
    groups: Vec<(GroupInput<'a>, AccessInput<'a>)>,
    allowed_routing_profiles: Vec<IdOrName<'a>>,
    allowed_security_profiles: Vec<IdOrName<'a>>,
    allowed_hierarchy_groups: Vec<IdOrName<'a>>,
    phone: &'a Phone,
    deactivate: &'static str,
    suspended_security_profile: Option<IdOrName<'a>>,
    rename: &'static str,
    on_missing: &'static str,
    on_foreign_user: &'static str,
}

/// Profiles and hierarchy group, by what gives them: the deployment or one of the person's groups.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccessInput<'a> {
    routing_profile: Option<IdOrName<'a>>,
    security_profiles: Vec<IdOrName<'a>>,
    hierarchy_group: Option<IdOrName<'a>>,
}

/// A group as the operator named it: by its name, or by its ids, where the name decides nothing.
#[derive(Serialize)]
#[serde(untagged)]
enum GroupInput<'a> {
    Name(&'a str),
    Ids { external_id: Option<&'a str>, id: Option<&'a str> },
}

impl<'a> GroupInput<'a> {
    fn of(group: &'a GroupGrant) -> Self {
        match (group.external_id.as_deref(), group.id.as_deref()) {
            (None, None) => Self::Name(&group.name),
            (external_id, id) => Self::Ids { external_id, id },
        }
    }
}

/// A resource as the operator named it. Which id a name has is not part of the digest: that would
/// take a call.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum IdOrName<'a> {
    Id(&'a str),
    Name(&'a str),
}

impl<'a> DigestInput<'a> {
    /// Takes rules and policy apart member by member, so that a new one does not compile until
    /// somebody decides whether it belongs here.
    fn of(rules: &'a Rules, policy: &'a Policy) -> Self {
        let Rules {
            deployment,
            permissions,
            allowed,
            groups,
            tags,
            identity,
            email_as,
            generate_password,
            phone,
        } = rules;
        let Allowed { instance, routing_profiles, security_profiles, hierarchy_groups } = allowed;
        // How fast, and how many at most, says nothing of what is held in the end.
        let Policy {
            deactivate,
            suspended: _,
            ends_sessions: _,
            rename,
            missing,
            foreign,
            removals_per_hour: _,
            held: _,
            rate: _,
        } = policy;
        let (deactivate, suspended_security_profile) = match deactivate {
            Deactivate::Delete => ("delete", None),
            Deactivate::Keep => ("keep", None),
            Deactivate::Suspend(profile) => ("suspend", Some(IdOrName::of(profile))),
        };
        Self {
            version: VERSION,
            deployment,
            instance: instance.id.as_str(),
            identity_management: identity.name,
            email_as: match email_as {
                EmailAs::Email => "email",
                EmailAs::Omit => "omit",
                EmailAs::Secondary => "secondary",
            },
            generate_password: *generate_password,
            tags,
            everyone: AccessInput::everyone(permissions),
            groups: groups.iter().map(|one| (GroupInput::of(one), (&one.grant).into())).collect(),
            allowed_routing_profiles: IdOrName::all(routing_profiles),
            allowed_security_profiles: IdOrName::all(security_profiles),
            allowed_hierarchy_groups: IdOrName::all(hierarchy_groups),
            phone,
            deactivate,
            suspended_security_profile,
            rename: match rename {
                Rename::Park => "park",
                Rename::Recreate => "recreate",
            },
            on_missing: match missing {
                Missing::Park => "park",
                Missing::Recreate => "recreate",
            },
            on_foreign_user: match foreign {
                Foreign::Adopt => "adopt",
                Foreign::Refuse => "refuse",
            },
        }
    }
}

impl<'a> AccessInput<'a> {
    fn everyone(permissions: &'a Permissions<ResourceRef>) -> Self {
        Self {
            routing_profile: Some(IdOrName::of(&permissions.routing_profile)),
            security_profiles: IdOrName::all(&permissions.security_profiles),
            hierarchy_group: permissions.hierarchy_group.as_ref().map(IdOrName::of),
        }
    }
}

impl<'a> From<&'a Grant> for AccessInput<'a> {
    fn from(grant: &'a Grant) -> Self {
        Self {
            routing_profile: grant.routing_profile.as_ref().map(IdOrName::of),
            security_profiles: IdOrName::all(&grant.security_profiles),
            hierarchy_group: grant.hierarchy_group.as_ref().map(IdOrName::of),
        }
    }
}

impl<'a> IdOrName<'a> {
    fn of(reference: &'a ResourceRef) -> Self {
        match reference {
            ResourceRef::Id(id) => Self::Id(id.as_str()),
            ResourceRef::Name(name) => Self::Name(name),
        }
    }

    fn all(references: &'a [ResourceRef]) -> Vec<Self> {
        references.iter().map(Self::of).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::Config;

    /// A configuration of `changes` and of what there must be.
    pub(in crate::reconcile) fn configured(changes: &[(&str, &str)]) -> (Rules, Policy) {
        let given = [
            ("CONNECT_INSTANCE", "11111111-2222-3333-4444-555555555555"),
            ("AWS_REGION", "us-west-2"),
            ("ROUTING_PROFILE", "Basic Routing Profile"),
            ("SECURITY_PROFILES", "Agent"),
            ("DEPLOYMENT", "prod"),
            ("HOOK_DEMO_SCHEME", "standard-webhooks"),
            ("HOOK_DEMO_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            ("DEACTIVATE", "suspend"),
            ("SUSPENDED_SECURITY_PROFILE", "No Access"),
        ];
        let given = given.iter().chain(changes);
        let environment =
            given.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let config = Config::read_for_roster(&environment).unwrap();
        let policy = config.policy().unwrap().clone();
        (config.rules, policy)
    }

    fn digest_of(changes: &[(&str, &str)]) -> String {
        let (rules, policy) = configured(changes);
        digest(&rules, &policy)
    }

    #[test]
    fn the_same_rules_have_the_same_digest_in_every_release() {
        let (rules, policy) = configured(&[]);
        let written = serde_json::to_string(&DigestInput::of(&rules, &policy)).unwrap();
        assert_eq!(written, WRITTEN);
        assert_eq!(digest(&rules, &policy), "bce84aa106f75c70");
    }

    const WRITTEN: &str = concat!(
        r#"{"version":1,"deployment":"prod","instance":"11111111-2222-3333-4444-555555555555","identityManagement":"SAML","emailAs":"omit","generatePassword":false,"tags":{},"#,
        r#""everyone":{"routingProfile":{"name":"Basic Routing Profile"},"securityProfiles":[{"name":"Agent"}],"hierarchyGroup":null},"groups":[],"#,
        r#""allowedRoutingProfiles":[],"allowedSecurityProfiles":[],"allowedHierarchyGroups":[],"#,
        r#""phone":{"PhoneConfig":{"PhoneType":"SOFT_PHONE","AutoAccept":false,"AfterContactWorkTimeLimit":0}},"#,
        r#""deactivate":"suspend","suspendedSecurityProfile":{"name":"No Access"},"rename":"recreate","onMissing":"park","onForeignUser":"refuse"}"#,
    );

    #[test]
    fn what_decides_of_what_connect_holds_is_in_the_digest_and_nothing_else_is() {
        let own = digest_of(&[]);
        let mut seen = vec![own.clone()];
        for (name, value) in [
            ("CONNECT_INSTANCE", "11111111-2222-3333-4444-555555555556"),
            ("DEPLOYMENT", "test"),
            ("ROUTING_PROFILE", "Sales"),
            ("ROUTING_PROFILE", "11111111-2222-3333-4444-555555555555"),
            ("SECURITY_PROFILES", "Agent,QualityAnalyst"),
            ("HIERARCHY_GROUP", "EMEA"),
            ("ALLOWED_ROUTING_PROFILES", "Sales"),
            ("ALLOWED_SECURITY_PROFILES", "Sales"),
            ("ALLOWED_HIERARCHY_GROUPS", "Sales"),
            ("GROUPS", r#"{"Leads": {"routingProfile": "Sales"}}"#),
            ("GROUPS", r#"{"Leads": {"hierarchyGroup": "Sales"}}"#),
            ("EMAIL_AS", "secondary"),
            ("IDENTITY_MANAGEMENT", "CONNECT_MANAGED"),
            ("TAGS", r#"{"team": "blue"}"#),
            ("PHONE_TYPE", "DESK_PHONE"),
            ("AUTO_ACCEPT", "true"),
            ("DEACTIVATE", "delete"),
            ("SUSPENDED_SECURITY_PROFILE", "Nothing"),
            ("RENAME", "park"),
            ("ON_MISSING", "recreate"),
            ("ON_FOREIGN_USER", "adopt"),
        ] {
            let digest = digest_of(&[(name, value)]);
            assert!(!seen.contains(&digest), "{name}={value}");
            seen.push(digest);
        }
        for (name, value) in [("MAX_REMOVALS_PER_HOUR", "7"), ("CONNECT_RATE", "1")] {
            assert_eq!(digest_of(&[(name, value)]), own, "{name}");
        }
    }
}
