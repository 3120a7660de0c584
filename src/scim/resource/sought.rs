//! Selects the members of a resource that may refer to given attributes, so that readers of few
//! attributes can skip the rest.

use serde_json::{Map, Value};

use crate::scim::schema::ResourceType;

/// A set of attribute names, in any case and of any schema.
#[derive(Clone, Debug)]
pub struct Sought<'a> {
    types: &'a ResourceType,
    names: Vec<&'a str>,
}

/// How much of a member is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// The whole of it.
    All,
    /// An extension object: only its members that are [needed](Sought::wants).
    Needed,
    /// Nothing.
    Nothing,
}

impl<'a> Sought<'a> {
    /// The attributes with these names.
    #[must_use]
    pub const fn new(types: &'a ResourceType, names: Vec<&'a str>) -> Self {
        Self { types, names }
    }

    /// True if this name is in the set.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        self.names.iter().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// True if a member of this name may refer to one of the attributes, in the core or in an
    /// extension.
    #[must_use]
    pub fn wants(&self, name: &str) -> bool {
        // A name with a path in it may refer to any attribute, so its member is included.
        self.names(name) || name.bytes().any(|byte| matches!(byte, b':' | b'.' | b'[' | b' '))
    }

    /// How much of the member with this name is needed.
    #[must_use]
    pub fn share(&self, name: &str) -> Share {
        if self.types.extension(name).is_some() {
            Share::Needed
        } else if self.wants(name) {
            Share::All
        } else {
            Share::Nothing
        }
    }

    /// The needed part of a resource.
    #[must_use]
    pub fn part(&self, resource: &Map<String, Value>) -> Map<String, Value> {
        let mut part = Map::new();
        for (name, value) in resource {
            match (self.share(name), value) {
                (Share::Nothing, _) => {}
                (Share::Needed, Value::Object(members)) => {
                    let wanted = members.iter().filter(|(name, _)| self.wants(name));
                    let wanted = wanted.map(|(name, value)| (name.clone(), value.clone()));
                    let wanted: Map<_, _> = wanted.collect();
                    if !wanted.is_empty() {
                        part.insert(name.clone(), wanted.into());
                    }
                }
                (Share::All | Share::Needed, value) => {
                    part.insert(name.clone(), value.clone());
                }
            }
        }
        part
    }
}
