//! The settings of what everybody gets and what may be asked for → [`Rules`].

use std::collections::BTreeMap;

use super::SettingReader;
use super::lists::{BOOLEAN, choice, list, map};
use crate::assign::Rules;
use crate::assign::identity::{EmailAs, IDENTITIES, Identity};
use crate::assign::instance::{Instance, Resource, ResourceRef};
use crate::assign::owner::KEYS;
use crate::assign::permissions::{Allowed, MAX_SECURITY_PROFILES, Permissions};
use crate::assign::phone::{Channels, MAX_WORK_SECONDS, Phone, PhoneConfig, PhoneType};

/// The settings that cannot stand beside `CHANNELS`: CreateUser takes either a `PhoneConfig` or
/// values by channel.
const SIMPLE: [&str; 4] =
    ["PHONE_TYPE", "AUTO_ACCEPT", "AFTER_CONTACT_WORK_SECONDS", "PERSISTENT_CONNECTION"];

impl SettingReader<'_> {
    /// Reads all rules; `None` if one that is required is missing or wrong, with its problem noted.
    /// `GROUP_PROFILES` is read with a roster alone, which knows the groups.
    pub(super) fn rules(&mut self, instance: Option<&Instance>, has_roster: bool) -> Option<Rules> {
        let permissions = self.permissions(instance);
        let allowed = self.allowed(instance);
        let groups = if has_roster { self.groups(instance) } else { None };
        let tags = self.optional("TAGS", tags).unwrap_or_default();
        let deployment = self.optional("DEPLOYMENT", deployment);
        let identity = self.optional("IDENTITY_MANAGEMENT", |text| {
            choice(text, &IDENTITIES.each_ref().map(|identity| (identity.name, identity)))
        });
        let identity = identity.unwrap_or(Identity::SAML);
        let email_as = self.optional("EMAIL_AS", |text| choice(text, &EMAIL_AS));
        let generate_password = self.optional("GENERATE_PASSWORD", |text| choice(text, &BOOLEAN));
        let phone = self.phone();
        Some(Rules {
            deployment: deployment.unwrap_or_else(|| "connect-provisioner".to_owned()),
            permissions: permissions?,
            allowed: allowed?,
            groups: groups.unwrap_or_default(),
            tags,
            identity,
            email_as: email_as.unwrap_or(identity.email_as),
            generate_password: generate_password.unwrap_or_default(),
            phone: phone?,
        })
    }

    /// Routing profile, security profiles and hierarchy group of everybody. Connect demands one
    /// routing profile and 1 to 10 security profiles ("CreateUser", `SecurityProfileIds`).
    fn permissions(&mut self, instance: Option<&Instance>) -> Option<Permissions<ResourceRef>> {
        let one = |kind: Resource| move |text: &str| kind.reference(text, instance);
        let routing_profile = self.required("ROUTING_PROFILE", one(Resource::RoutingProfile));
        let security_profiles = self.required("SECURITY_PROFILES", |text| {
            let profiles = references(Resource::SecurityProfile, text, instance)?;
            if !(1..=MAX_SECURITY_PROFILES).contains(&profiles.len()) {
                let found = profiles.len();
                return Err(format!("expected 1 to 10 security profiles, found {found}"));
            }
            Ok(profiles)
        });
        let hierarchy_group = self.optional("HIERARCHY_GROUP", one(Resource::HierarchyGroup));
        Some(Permissions {
            routing_profile: routing_profile?,
            security_profiles: security_profiles?,
            hierarchy_group,
        })
    }

    /// The operator's lists of what a payload may name; empty lists allow nothing.
    fn allowed(&mut self, instance: Option<&Instance>) -> Option<Allowed> {
        let mut list = |name: &str, kind: Resource| {
            self.optional(name, |text| references(kind, text, instance)).unwrap_or_default()
        };
        Some(Allowed {
            routing_profiles: list("ALLOWED_ROUTING_PROFILES", Resource::RoutingProfile),
            security_profiles: list("ALLOWED_SECURITY_PROFILES", Resource::SecurityProfile),
            hierarchy_groups: list("ALLOWED_HIERARCHY_GROUPS", Resource::HierarchyGroup),
            instance: instance?.clone(),
        })
    }

    /// The phone of everybody: alike for all channels, or by channel.
    fn phone(&mut self) -> Option<Phone> {
        if self.value("CHANNELS").is_none() {
            return Some(Phone::Simple(self.phone_config()));
        }
        for name in SIMPLE.into_iter().filter(|name| self.value(name).is_some()).collect::<Vec<_>>()
        {
            let problem = "expected it or CHANNELS, found both, which Connect refuses".to_owned();
            self.problem(name, problem, "unset it, and say the same for each channel in CHANNELS");
        }
        self.optional("CHANNELS", Channels::read).map(Phone::PerChannel)
    }

    /// The phone alike for all channels, with Connect's defaults.
    fn phone_config(&mut self) -> PhoneConfig {
        let phone_type = self.optional("PHONE_TYPE", |text| choice(text, &PHONE_TYPE));
        let auto_accept = self.optional("AUTO_ACCEPT", |text| choice(text, &BOOLEAN));
        let seconds = self.optional("AFTER_CONTACT_WORK_SECONDS", |text| {
            let seconds = text.parse().ok().filter(|seconds| *seconds <= MAX_WORK_SECONDS);
            seconds.ok_or_else(|| {
                "expected a whole number of seconds from 0 to 2000000, found something else"
                    .to_owned()
            })
        });
        PhoneConfig {
            phone_type: phone_type.unwrap_or(PhoneType::SoftPhone),
            auto_accept: auto_accept.unwrap_or_default(),
            after_contact_work_time_limit: seconds.unwrap_or_default(),
            desk_phone_number: None,
            persistent_connection: self
                .optional("PERSISTENT_CONNECTION", |text| choice(text, &BOOLEAN)),
        }
    }
}

/// A list of names and ARNs, each once, in its order.
fn references(
    kind: Resource,
    text: &str,
    instance: Option<&Instance>,
) -> Result<Vec<ResourceRef>, String> {
    let mut references = Vec::new();
    for text in list(text)? {
        let reference = kind.reference(&text, instance)?;
        if !references.contains(&reference) {
            references.push(reference);
        }
    }
    Ok(references)
}

/// The values of `EMAIL_AS`: where the e-mail address goes.
const EMAIL_AS: [(&str, EmailAs); 3] =
    [("omit", EmailAs::Omit), ("secondary", EmailAs::Secondary), ("email", EmailAs::Email)];
/// The values of `PHONE_TYPE`.
const PHONE_TYPE: [(&str, PhoneType); 2] =
    [("SOFT_PHONE", PhoneType::SoftPhone), ("DESK_PHONE", PhoneType::DeskPhone)];

/// `DEPLOYMENT`: the name of a stack ("CreateStack", StackName), which is also a tag's value. It is
/// part of each owner's hash, so another value would find no user of before.
fn deployment(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if text.len() <= 128 && text.chars().all(plain) {
        return Ok(text.to_owned());
    }
    Err("expected at most 128 characters of A-Z a-z 0-9 - _ ., found something else".to_owned())
}

/// The operator's tags: at most 46, since four are ours ("CreateUser", Tags: 1 to 50). Keys of 1 to
/// 128 characters, values of up to 256, none that starts with `aws:`, which AWS keeps for itself.
fn tags(text: &str) -> Result<BTreeMap<String, String>, String> {
    let tags = map(text)?;
    let legal = |c: char| c.is_alphanumeric() || " _.:/=+-@".contains(c);
    if tags.len() > 46 {
        return Err(format!("expected at most 46 tags besides our four, found {}", tags.len()));
    }
    for (key, value) in &tags {
        if !(1..=128).contains(&key.chars().count()) || !key.chars().all(legal) {
            return Err("expected keys of 1 to 128 letters, digits, spaces and _ . : / = + - @, \
                        found another"
                .to_owned());
        }
        if value.chars().count() > 256 || !value.chars().all(legal) {
            return Err("expected values of at most 256 letters, digits, spaces and _ . : / = + \
                        - @, found another"
                .to_owned());
        }
        if key.to_ascii_lowercase().starts_with("aws:") || KEYS.contains(&key.as_str()) {
            return Err(format!(
                "expected keys of your own, found one that starts with aws: or is one of {}",
                KEYS.join(", ")
            ));
        }
    }
    Ok(tags)
}
