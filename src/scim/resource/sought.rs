//! Which members of a resource say anything of some attributes: whoever looks at few of them passes over
//! the rest.

use serde_json::{Map, Value};

use crate::scim::schema::ResourceType;

/// The attributes of some names, in any case and whatever their schema.
#[derive(Clone, Debug)]
pub struct Sought<'a> {
    types: &'a ResourceType,
    names: Vec<&'a str>,
}

/// What of a member of a resource is sought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// The whole of it.
    All,
    /// If it is an object, those members that are [sought](Sought::wants): it is an extension.
    DesiredState,
    /// Nothing.
    Nothing,
}

impl<'a> Sought<'a> {
    /// The attributes of these names.
    #[must_use]
    pub const fn new(types: &'a ResourceType, names: Vec<&'a str>) -> Self {
        Self { types, names }
    }

    /// True if an attribute's name is one of them.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        self.names.iter().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// True if a member of this name says anything of one of them, here or in an extension.
    #[must_use]
    pub fn wants(&self, name: &str) -> bool {
        // What leads to a part of an attribute is looked at more closely.
        self.names(name) || name.bytes().any(|byte| matches!(byte, b':' | b'.' | b'[' | b' '))
    }

    /// What of the member of this name is sought.
    #[must_use]
    pub fn share(&self, name: &str) -> Share {
        if self.types.extension(name).is_some() {
            Share::DesiredState
        } else if self.wants(name) {
            Share::All
        } else {
            Share::Nothing
        }
    }

    /// What of a resource is sought.
    #[must_use]
    pub fn part(&self, resource: &Map<String, Value>) -> Map<String, Value> {
        let mut part = Map::new();
        for (name, value) in resource {
            match (self.share(name), value) {
                (Share::Nothing, _) => {}
                (Share::DesiredState, Value::Object(members)) => {
                    let wanted = members.iter().filter(|(name, _)| self.wants(name));
                    let wanted = wanted.map(|(name, value)| (name.clone(), value.clone()));
                    let wanted: Map<_, _> = wanted.collect();
                    if !wanted.is_empty() {
                        part.insert(name.clone(), wanted.into());
                    }
                }
                (Share::All | Share::DesiredState, value) => {
                    part.insert(name.clone(), value.clone());
                }
            }
        }
        part
    }
}
