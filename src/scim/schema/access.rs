//! What a person may do hangs on a few words, and nothing that names one of them is passed over.
//!
//! What no schema has is passed over, so that one wrong mapping does not hold up all the others. But a
//! client that writes `user.active`, or `active` below the URN of another schema, means to lock somebody
//! out, and would take a 200 for its word.

use serde_json::Value;

use super::{Mutability, ResourceType, Type};
use crate::fault::{Fault, Kind};
use crate::json;
use crate::scim::{CONNECT_MEMBERS, CONNECT_SCHEMA, PROVISIONING};

impl ResourceType {
    /// Whether an attribute says who is let in, under which name, who is in a group, or with which
    /// profiles.
    #[must_use]
    pub(in crate::scim) fn is_access(&self, name: &str) -> bool {
        let core = ["active", "members", "userName"];
        let is_core = core.iter().any(|own| own.eq_ignore_ascii_case(name));
        let own = self.extension(CONNECT_SCHEMA).and_then(|own| own.attribute(name));
        // `phone` is a word of many schemas.
        let is_own = own.is_some_and(|own| {
            own.mutability != Mutability::ReadOnly && !matches!(own.kind, Type::Complex(_))
        });
        is_core && self.core.attribute(name).is_some() || is_own
    }

    /// Refuses a name that leads nowhere, if it or something in its value may be meant for access, or
    /// for our extension.
    ///
    /// # Errors
    /// [`Kind::InvalidPath`].
    pub(in crate::scim) fn check_stranger(
        &self,
        name: &str,
        value: Option<&Value>,
    ) -> Result<(), Fault> {
        if self.means_access(name) || value.is_some_and(|value| self.holds_access(value)) {
            return Err(Fault::new(Kind::InvalidPath, MEANT_FOR_ACCESS));
        }
        Ok(())
    }

    /// Whether one of the words in a name is about access, or the name is in our extension, and none of
    /// those that its settings may hide.
    fn means_access(&self, name: &str) -> bool {
        let mut words = name.split(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c));
        let behind = name.get(CONNECT_SCHEMA.len()..).and_then(|behind| behind.get(1..));
        let behind = behind.unwrap_or_default().split(['.', '[']).next().unwrap_or_default();
        let is_ours = self.extension(CONNECT_SCHEMA).is_some()
            && name
                .get(..CONNECT_SCHEMA.len())
                .is_some_and(|it| it.eq_ignore_ascii_case(CONNECT_SCHEMA));
        let mut hidden = CONNECT_MEMBERS.iter().chain([&PROVISIONING]);
        let mut is_hidden = || hidden.any(|own| own.eq_ignore_ascii_case(behind));
        words.any(|word| self.is_access(word)) || is_ours && !is_hidden()
    }

    fn holds_access(&self, value: &Value) -> bool {
        match value {
            Value::Object(members) => members
                .iter()
                .any(|(name, value)| self.means_access(name) || self.holds_access(value)),
            Value::Array(values) => values.iter().any(|value| self.holds_access(value)),
            Value::String(text) if json::is_document(text) => {
                json::read(text.as_bytes()).is_ok_and(|value| self.holds_access(&value))
            }
            _ => false,
        }
    }
}

const MEANT_FOR_ACCESS: &str = "path: expected an attribute that /Schemas lists, found one that it does \
    not, which may be meant for active, userName, members or a profile, and is not passed over";
