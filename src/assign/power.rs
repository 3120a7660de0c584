//! Access: the profiles and the hierarchy group of a user, by the operator's choice.
//!
//! A person's payload may name its own in our extension, but a value counts only if it is on the
//! operator's list. Anything else is refused, or left out and told, so that nobody is given less or
//! more than they think. What the operator's `GROUP_PROFILES` grants a person's groups comes second, and what
//! everyone gets last.

use serde_json::Value;

use super::Rules;
use super::instance::{Instance, Reference, Resource};
use crate::caseless;
use crate::fault::Fault;
use crate::json::describe;
use crate::scim::manner::Manner;
use crate::scim::{CONNECT_SCHEMA, Person};

/// CreateUser takes 1 to 10 security profiles.
pub const MAX_SECURITY_PROFILES: usize = 10;

/// A user's access; `T` is how a profile or group is named: by reference or by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Power<T> {
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
    pub routing_profiles: Vec<Reference>,
    /// Security profiles.
    pub security_profiles: Vec<Reference>,
    /// Hierarchy groups.
    pub hierarchy_groups: Vec<Reference>,
}

/// A grant to the members of a group: at least one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// The routing profile.
    pub routing_profile: Option<Reference>,
    /// Up to [`MAX_SECURITY_PROFILES`] security profiles.
    pub security_profiles: Vec<Reference>,
    /// The hierarchy group.
    pub hierarchy_group: Option<Reference>,
}

impl<T> Power<T> {
    /// The same, said in another way.
    #[must_use]
    pub fn map<U>(self, say: impl Fn(T) -> U) -> Power<U> {
        Power {
            routing_profile: say(self.routing_profile),
            security_profiles: self.security_profiles.into_iter().map(&say).collect(),
            hierarchy_group: self.hierarchy_group.map(&say),
        }
    }
}

impl Power<Reference> {
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
        groups: &[&str],
        rules: &Rules,
        manner: &mut Manner,
    ) -> Result<Self, Fault> {
        let (defaults, allowed) = (&rules.power, &rules.allowed);
        let [group, routing, security] = Attribute::all(allowed);
        let grants = Grant::of(groups, rules);
        let granted =
            |one: fn(&Grant) -> Option<&Reference>| grants.iter().find_map(|grant| one(grant));
        let group = group.one(person, &allowed.instance, manner)?;
        let group = group.or_else(|| granted(|grant| grant.hierarchy_group.as_ref()).cloned());
        let routing = routing.one(person, &allowed.instance, manner)?;
        let routing = routing.or_else(|| granted(|grant| grant.routing_profile.as_ref()).cloned());
        let security = match security.several(person, &allowed.instance, manner)? {
            Some(own) => Some(own),
            None => Grant::security_profiles(&grants, manner)?,
        };
        Ok(Self {
            routing_profile: routing.unwrap_or_else(|| defaults.routing_profile.clone()),
            security_profiles: security.unwrap_or_else(|| defaults.security_profiles.clone()),
            hierarchy_group: group.or_else(|| defaults.hierarchy_group.clone()),
        })
    }
}

impl Grant {
    /// The grants of these groups, in the order of `GROUP_PROFILES`; a group's name may come in any case.
    fn of<'r>(groups: &[&str], rules: &'r Rules) -> Vec<&'r Self> {
        let is_one = |name: &str| groups.iter().any(|group| caseless::same(group, name));
        let granted = rules.groups.iter().filter(|(name, _)| is_one(name));
        granted.map(|(_, grant)| grant).collect()
    }

    /// The security profiles of all of them, each once; none, if none has any.
    fn security_profiles(
        grants: &[&Self],
        manner: &mut Manner,
    ) -> Result<Option<Vec<Reference>>, Fault> {
        let mut profiles = Vec::new();
        for profile in grants.iter().flat_map(|grant| &grant.security_profiles) {
            if !profiles.contains(profile) {
                profiles.push(profile.clone());
            }
        }
        if profiles.len() > MAX_SECURITY_PROFILES {
            let expected = format!("at most {MAX_SECURITY_PROFILES} security profiles of them all");
            manner.leave_out(Fault::value("groups", &expected, &profiles.len().to_string()))?;
            profiles.truncate(MAX_SECURITY_PROFILES);
        }
        Ok(Some(profiles).filter(|profiles| !profiles.is_empty()))
    }
}

/// One attribute of our extension, and the operator's list for it.
struct Attribute<'a> {
    name: &'static str,
    kind: Resource,
    list: (&'static str, &'a [Reference]),
}

impl<'a> Attribute<'a> {
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
        manner: &mut Manner,
    ) -> Result<Option<Reference>, Fault> {
        let value = person.connect(self.name, manner)?;
        manner.or_without(value.map(|value| self.read(value, instance)).transpose())
    }

    fn read(&self, value: &Value, instance: &Instance) -> Result<Reference, Fault> {
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
        manner: &mut Manner,
    ) -> Result<Option<Vec<Reference>>, Fault> {
        let values = match person.connect(self.name, manner)? {
            None => return Ok(None),
            Some(Value::Array(values)) => values.as_slice(),
            Some(one @ Value::String(_)) if manner.is_lenient() => std::slice::from_ref(one),
            Some(other) => {
                let fault = self.refuse("an array of strings", describe(other));
                return manner.leave_out(fault).map(|()| None);
            }
        };
        let mut named = Vec::new();
        for value in values {
            let read = manner.or_without(self.read(value, instance).map(Some))?;
            named.extend(read.filter(|reference| !named.contains(reference)));
        }
        if named.len() > MAX_SECURITY_PROFILES {
            manner.leave_out(self.refuse(&format!("at most {MAX_SECURITY_PROFILES}"), "more"))?;
            named.truncate(MAX_SECURITY_PROFILES);
        }
        Ok(Some(named).filter(|named| !named.is_empty()))
    }

    fn refuse(&self, expected: &str, found: &str) -> Fault {
        Fault::value(&format!("{CONNECT_SCHEMA}:{}", self.name), expected, found)
    }
}
