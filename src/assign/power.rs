//! What a user may do: profiles and a group, by the operator's choice.
//!
//! A person's payload may name its own in our extension, but a value counts only if it is on the
//! operator's list. Anything else is refused and not passed over, so that nobody is given less or
//! more than they think.

use serde_json::Value;

use super::instance::{Instance, Reference, Resource};
use crate::fault::Fault;
use crate::json::describe;
use crate::scim::{CONNECT_SCHEMA, Person};

/// CreateUser takes 1 to 10 security profiles.
pub const MAX_SECURITY_PROFILES: usize = 10;

/// What a user may do; `T` says which one is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Power<T> {
    /// The routing profile.
    pub routing_profile: T,
    /// One to [`MAX_SECURITY_PROFILES`] security profiles.
    pub security_profiles: Vec<T>,
    /// The hierarchy group, if there is one.
    pub hierarchy_group: Option<T>,
}

/// What a person's payload may name.
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
    /// What the person's payload names, where it may, and else what everyone gets.
    ///
    /// # Errors
    /// [`crate::fault::Kind::InvalidValue`] for a value that is not on the operator's list.
    pub(super) fn of(person: &Person, defaults: &Self, allowed: &Allowed) -> Result<Self, Fault> {
        let one = |attribute: &Attribute<'_>| {
            attribute
                .value(person)?
                .map(|value| attribute.read(value, &allowed.instance))
                .transpose()
        };
        let routing = Attribute {
            name: "routingProfile",
            kind: Resource::RoutingProfile,
            list: ("ALLOWED_ROUTING_PROFILES", &allowed.routing_profiles),
        };
        let security = Attribute {
            name: "securityProfiles",
            kind: Resource::SecurityProfile,
            list: ("ALLOWED_SECURITY_PROFILES", &allowed.security_profiles),
        };
        let group = Attribute {
            name: "hierarchyGroup",
            kind: Resource::HierarchyGroup,
            list: ("ALLOWED_HIERARCHY_GROUPS", &allowed.hierarchy_groups),
        };
        let group = one(&group)?.or_else(|| defaults.hierarchy_group.clone());
        Ok(Self {
            routing_profile: one(&routing)?.unwrap_or_else(|| defaults.routing_profile.clone()),
            security_profiles: security
                .several(person, &allowed.instance)?
                .unwrap_or_else(|| defaults.security_profiles.clone()),
            hierarchy_group: group,
        })
    }
}

/// One attribute of our extension, and the operator's list for it.
struct Attribute<'a> {
    name: &'static str,
    kind: Resource,
    list: (&'static str, &'a [Reference]),
}

impl Attribute<'_> {
    fn value<'p>(&self, person: &'p Person) -> Result<Option<&'p Value>, Fault> {
        person.connect(self.name)
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
    fn several(
        &self,
        person: &Person,
        instance: &Instance,
    ) -> Result<Option<Vec<Reference>>, Fault> {
        let values = match self.value(person)? {
            None => return Ok(None),
            Some(Value::Array(values)) if values.is_empty() => return Ok(None),
            Some(Value::Array(values)) => values,
            Some(other) => return Err(self.refuse("an array of strings", describe(other))),
        };
        let mut named = Vec::new();
        for value in values {
            let reference = self.read(value, instance)?;
            if !named.contains(&reference) {
                named.push(reference);
            }
        }
        if named.len() > MAX_SECURITY_PROFILES {
            return Err(self.refuse(&format!("at most {MAX_SECURITY_PROFILES}"), "more"));
        }
        Ok(Some(named))
    }

    fn refuse(&self, expected: &str, found: &str) -> Fault {
        Fault::value(&format!("{CONNECT_SCHEMA}:{}", self.name), expected, found)
    }
}
