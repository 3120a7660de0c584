//! Access: the profiles and the hierarchy group of a user, by the operator's choice.
//!
//! A person's payload may name its own in our extension, but a value counts only if it is on the
//! operator's list. Anything else is refused, or left out and told, so that nobody is given less or
//! more than they think. What the operator's `GROUP_PROFILES` grants a person's groups comes second, and what
//! everyone gets last.

use serde_json::Value;

use super::Rules;
use super::instance::{Instance, Resource, ResourceRef};
use crate::caseless;
use crate::fault::Fault;
use crate::json::describe;
use crate::scim::on_invalid::OnInvalid;
use crate::scim::{CONNECT_SCHEMA, Person};

/// CreateUser takes 1 to 10 security profiles.
pub const MAX_SECURITY_PROFILES: usize = 10;

/// A user's access; `T` is how a profile or group is named: by reference or by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions<T> {
    /// The routing profile.
    pub routing_profile: T,
    /// One to [`MAX_SECURITY_PROFILES`] security profiles.
    pub security_profiles: Vec<T>,
    /// The hierarchy group, if there is one.
    pub hierarchy_group: Option<T>,
}

/// The allow lists: what a person's payload may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// The instance that an ARN must be of.
    pub instance: Instance,
    /// Routing profiles.
    pub routing_profiles: Vec<ResourceRef>,
    /// Security profiles.
    pub security_profiles: Vec<ResourceRef>,
    /// Hierarchy groups.
    pub hierarchy_groups: Vec<ResourceRef>,
}

/// A grant to the members of a group: at least one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// The routing profile.
    pub routing_profile: Option<ResourceRef>,
    /// Up to [`MAX_SECURITY_PROFILES`] security profiles.
    pub security_profiles: Vec<ResourceRef>,
    /// The hierarchy group.
    pub hierarchy_group: Option<ResourceRef>,
}

/// A grant and the group that gives it: one member of `GROUP_PROFILES`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupGrant {
    /// The group's `displayName`, in any case; only a label where one of the two ids is set.
    pub name: String,
    /// The group's `externalId`, to the byte: the identity provider's own id, which nobody renames.
    pub external_id: Option<String>,
    /// The group's `id`, which is ours: for identity providers that send no `externalId`.
    pub id: Option<String>,
    /// What its members get.
    pub grant: Grant,
}

/// By what a group of a person's may be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupNames<'a> {
    /// `displayName`.
    pub display_name: &'a str,
    /// `externalId`, if the client sent one.
    pub external_id: Option<&'a str>,
    /// `id`.
    pub id: &'a str,
}

impl GroupGrant {
    /// Whether this is the group that is meant. A name gives nothing where an id is set: whoever may
    /// rename a group may not choose what it gives.
    #[must_use]
    pub fn is_of(&self, group: &GroupNames<'_>) -> bool {
        match (&self.external_id, &self.id) {
            (None, None) => caseless::same(&self.name, group.display_name),
            (external_id, id) => {
                external_id.as_deref().is_none_or(|meant| group.external_id == Some(meant))
                    && id.as_deref().is_none_or(|meant| group.id == meant)
            }
        }
    }

    /// Whether the group is known by its name alone.
    #[must_use]
    pub const fn is_by_name(&self) -> bool {
        self.external_id.is_none() && self.id.is_none()
    }
}

impl<T> Permissions<T> {
    /// The same, said in another way.
    #[must_use]
    pub fn map<U>(self, say: impl Fn(T) -> U) -> Permissions<U> {
        Permissions {
            routing_profile: say(self.routing_profile),
            security_profiles: self.security_profiles.into_iter().map(&say).collect(),
            hierarchy_group: self.hierarchy_group.map(&say),
        }
    }
}

impl Permissions<ResourceRef> {
    /// Each of the three by itself, the first that says anything of it:
    ///
    /// 1. the person's own payload, as far as the operator's list allows;
    /// 2. the grants of the person's groups, in the order of `GROUP_PROFILES`: the first routing profile, the
    ///    first hierarchy group, but the security profiles of all of them together. A grant need be
    ///    on no list: the operator wrote it;
    /// 3. what everyone gets.
    ///
    /// # Errors
    /// In the strict manner, [`crate::fault::Kind::InvalidValue`] for a value that is not on the
    /// operator's list, and for more security profiles than Connect takes.
    pub(super) fn of(
        person: &Person,
        groups: &[GroupNames<'_>],
        rules: &Rules,
        on_invalid: &mut OnInvalid,
    ) -> Result<Self, Fault> {
        let (defaults, allowed) = (&rules.permissions, &rules.allowed);
        let [group, routing, security] = AccessAttribute::all(allowed);
        let grants = Grant::of(groups, rules);
        let granted =
            |one: fn(&Grant) -> Option<&ResourceRef>| grants.iter().find_map(|grant| one(grant));
        let group = group.one(person, &allowed.instance, on_invalid)?;
        let group = group.or_else(|| granted(|grant| grant.hierarchy_group.as_ref()).cloned());
        let routing = routing.one(person, &allowed.instance, on_invalid)?;
        let routing = routing.or_else(|| granted(|grant| grant.routing_profile.as_ref()).cloned());
        let security = match security.several(person, &allowed.instance, on_invalid)? {
            Some(own) => Some(own),
            None => Grant::security_profiles(&grants, on_invalid)?,
        };
        Ok(Self {
            routing_profile: routing.unwrap_or_else(|| defaults.routing_profile.clone()),
            security_profiles: security.unwrap_or_else(|| defaults.security_profiles.clone()),
            hierarchy_group: group.or_else(|| defaults.hierarchy_group.clone()),
        })
    }
}

impl Grant {
    /// The grants of these groups, in the order of `GROUP_PROFILES`.
    fn of<'r>(groups: &[GroupNames<'_>], rules: &'r Rules) -> Vec<&'r Self> {
        let is_one = |granted: &&GroupGrant| groups.iter().any(|group| granted.is_of(group));
        rules.groups.iter().filter(is_one).map(|granted| &granted.grant).collect()
    }

    /// The security profiles of all of them, each once; none, if none has any.
    fn security_profiles(
        grants: &[&Self],
        on_invalid: &mut OnInvalid,
    ) -> Result<Option<Vec<ResourceRef>>, Fault> {
        let mut profiles = Vec::new();
        for profile in grants.iter().flat_map(|grant| &grant.security_profiles) {
            if !profiles.contains(profile) {
                profiles.push(profile.clone());
            }
        }
        if profiles.len() > MAX_SECURITY_PROFILES {
            let expected = format!("at most {MAX_SECURITY_PROFILES} security profiles of them all");
            on_invalid.leave_out(Fault::value("groups", &expected, &profiles.len().to_string()))?;
            profiles.truncate(MAX_SECURITY_PROFILES);
        }
        Ok(Some(profiles).filter(|profiles| !profiles.is_empty()))
    }
}

/// One attribute of our extension, and the operator's list for it.
struct AccessAttribute<'a> {
    name: &'static str,
    kind: Resource,
    list: (&'static str, &'a [ResourceRef]),
}

impl<'a> AccessAttribute<'a> {
    /// Hierarchy group, routing profile, security profiles.
    const fn all(allowed: &'a Allowed) -> [Self; 3] {
        [
            Self {
                name: "hierarchyGroup",
                kind: Resource::HierarchyGroup,
                list: ("ALLOWED_HIERARCHY_GROUPS", allowed.hierarchy_groups.as_slice()),
            },
            Self {
                name: "routingProfile",
                kind: Resource::RoutingProfile,
                list: ("ALLOWED_ROUTING_PROFILES", allowed.routing_profiles.as_slice()),
            },
            Self {
                name: "securityProfiles",
                kind: Resource::SecurityProfile,
                list: ("ALLOWED_SECURITY_PROFILES", allowed.security_profiles.as_slice()),
            },
        ]
    }

    fn one(
        &self,
        person: &Person,
        instance: &Instance,
        on_invalid: &mut OnInvalid,
    ) -> Result<Option<ResourceRef>, Fault> {
        let value = person.connect(self.name, on_invalid)?;
        on_invalid.or_without(value.map(|value| self.read(value, instance)).transpose())
    }

    fn read(&self, value: &Value, instance: &Instance) -> Result<ResourceRef, Fault> {
        let Value::String(text) = value else {
            return Err(self.refuse("a string", describe(value)));
        };
        let (variable, list) = self.list;
        let named = self.kind.reference(text, Some(instance)).ok();
        named.filter(|named| list.contains(named)).ok_or_else(|| {
            self.refuse(
                &format!("one on the operator's list {variable}, as it stands there"),
                "another",
            )
        })
    }

    /// The values of a list; none if it is empty, which is the same as unassigned (RFC 7643 §2.5).
    /// Leniently one value may stand without its list.
    fn several(
        &self,
        person: &Person,
        instance: &Instance,
        on_invalid: &mut OnInvalid,
    ) -> Result<Option<Vec<ResourceRef>>, Fault> {
        let values = match person.connect(self.name, on_invalid)? {
            None => return Ok(None),
            Some(Value::Array(values)) => values.as_slice(),
            Some(one @ Value::String(_)) if on_invalid.is_lenient() => std::slice::from_ref(one),
            Some(other) => {
                let fault = self.refuse("an array of strings", describe(other));
                return on_invalid.leave_out(fault).map(|()| None);
            }
        };
        let mut named = Vec::new();
        for value in values {
            let read = on_invalid.or_without(self.read(value, instance).map(Some))?;
            named.extend(read.filter(|reference| !named.contains(reference)));
        }
        if named.len() > MAX_SECURITY_PROFILES {
            on_invalid
                .leave_out(self.refuse(&format!("at most {MAX_SECURITY_PROFILES}"), "more"))?;
            named.truncate(MAX_SECURITY_PROFILES);
        }
        Ok(Some(named).filter(|named| !named.is_empty()))
    }

    fn refuse(&self, expected: &str, found: &str) -> Fault {
        Fault::value(&format!("{CONNECT_SCHEMA}:{}", self.name), expected, found)
    }
}
