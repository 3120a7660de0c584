//! Resolves a path in the attribute table.

use serde_json::Value;

use super::CONNECT_SCHEMA;
use super::path::{AttributePath, Path};
use super::schema::{Attribute, Mutability, ResourceType, Type};
use crate::fault::{Fault, Kind};

/// What a path refers to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target<'a> {
    /// An attribute, or one of its sub-attributes.
    Attribute(&'a Attribute, Option<&'a Attribute>),
    /// A whole extension, by its URN.
    Extension(&'static str),
    /// A read-only attribute.
    ReadOnly,
    /// An unknown attribute.
    Nowhere,
}

impl Path {
    /// Looks the path up in the attribute table.
    ///
    /// # Errors
    /// [`Kind::InvalidPath`] for a filter on a single-valued attribute, and for an unknown
    /// attribute that may be meant for access.
    pub(super) fn target<'a>(&self, types: &'a ResourceType) -> Result<Target<'a>, Fault> {
        if let (true, Some(urn)) = (self.attribute.name.is_empty(), self.attribute.urn) {
            return Ok(Target::Extension(urn));
        }
        let Some(attribute) = self.attribute.attribute(types) else {
            return types.check_stranger(&self.told(), None).map(|()| Target::Nowhere);
        };
        let sub = self.sub.as_deref().map(|sub| attribute.sub_attribute(sub));
        let last = sub.flatten().unwrap_or(attribute);
        if [attribute.mutability, last.mutability].contains(&Mutability::ReadOnly) {
            return Ok(Target::ReadOnly);
        }
        if self.filter.is_some() && !attribute.multi_valued {
            return Err(Fault::new(Kind::InvalidPath, ONE_VALUE));
        }
        match sub {
            Some(None) if self.is_meant_for_access(attribute, types) => {
                Err(Fault::new(Kind::InvalidPath, NO_PART))
            }
            Some(None) => Ok(Target::Nowhere),
            Some(Some(sub)) => Ok(Target::Attribute(attribute, Some(sub))),
            None => Ok(Target::Attribute(attribute, None)),
        }
    }

    /// Refuses unknown members of a complex value in our extension: they were meant for Connect.
    ///
    /// # Errors
    /// [`Kind::InvalidValue`].
    pub(super) fn check_parts(&self, attribute: &Attribute, value: &Value) -> Result<(), Fault> {
        let is_known = |name: &String| attribute.sub_attribute(name).is_some();
        let is_ours = self.is_ours() && matches!(attribute.kind, Type::Complex(_));
        match value {
            Value::Object(parts) if is_ours && !parts.keys().all(is_known) => {
                let expected = "parts that /Schemas lists and no others";
                Err(Fault::value(&self.told(), expected, "another"))
            }
            _ => Ok(()),
        }
    }

    /// The path as fault messages show it: without its filter.
    pub(super) fn told(&self) -> String {
        AttributePath { sub: self.sub.clone(), ..self.attribute.clone() }.to_string()
    }

    /// True if an unknown sub-attribute of a known attribute may be meant for access.
    fn is_meant_for_access(&self, attribute: &Attribute, types: &ResourceType) -> bool {
        let mut names = [Some(attribute.name), self.sub.as_deref()].into_iter().flatten();
        self.is_ours() || names.any(|name| types.is_access(name))
    }

    fn is_ours(&self) -> bool {
        self.attribute.urn == Some(CONNECT_SCHEMA)
    }
}

const ONE_VALUE: &str = "path: expected no brackets behind an attribute of one value, found some";

const NO_PART: &str = "path: expected a part that /Schemas lists of the attribute, found another";
