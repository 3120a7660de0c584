//! Path → what it leads to in the attribute table.

use serde_json::Value;

use super::CONNECT_SCHEMA;
use super::path::{AttributePath, Path};
use super::schema::{Attribute, Mutability, ResourceType, Type};
use crate::fault::{Fault, Kind};

/// The target of a path.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target<'a> {
    /// To an attribute, or to a part of it.
    Attribute(&'a Attribute, Option<&'a Attribute>),
    /// To the whole of an extension.
    Extension(&'static str),
    /// To what only we write.
    ReadOnly,
    /// To what no schema has.
    Nowhere,
}

impl Path {
    /// Resolves the path by the attribute table.
    ///
    /// # Errors
    /// [`Kind::InvalidPath`] for brackets behind an attribute of one value, and for what no schema has
    /// and may be meant for access all the same.
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

    /// Refuses an object that has parts which no schema has, where it leads into our extension: they were
    /// meant for Connect.
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

    /// How it is told, less what stands in brackets.
    pub(super) fn told(&self) -> String {
        AttributePath { sub: self.sub.clone(), ..self.attribute.clone() }.to_string()
    }

    /// Whether a part that there is not, of an attribute that there is, may be meant for access.
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
