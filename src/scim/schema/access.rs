//! Attributes that control access: a name that may be meant for one is never ignored.
//!
//! Other unknown attributes are ignored, so that one wrong mapping does not block all the rest. But
//! a client that sends `user.active`, or `active` under a foreign URN, wants to lock somebody out
//! and would take a 200 as success.

use serde_json::Value;

use super::{Mutability, ResourceType, Type};
use crate::fault::{Fault, Kind};
use crate::json;
use crate::scim::{CONNECT_MEMBERS, CONNECT_SCHEMA, PROVISIONING};

impl ResourceType {
    /// True if an attribute controls access: `active`, `userName`, `members`, or a writable
    /// attribute of our extension that is not complex.
    #[must_use]
    pub(in crate::scim) fn is_access(&self, name: &str) -> bool {
        let core = ["active", "members", "userName"];
        let is_core = core.iter().any(|own| own.eq_ignore_ascii_case(name));
        let own = self.extension(CONNECT_SCHEMA).and_then(|own| own.attribute(name));
        // Complex ones are excluded, since `phone` is a common name in other schemas.
        let is_own = own.is_some_and(|own| {
            own.mutability != Mutability::ReadOnly && !matches!(own.kind, Type::Complex(_))
        });
        is_core && self.core.attribute(name).is_some() || is_own
    }

    /// Refuses an unknown name if it, or a name in its value, may be meant for access or for our
    /// extension.
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

    /// True if a part of the name is an access attribute, or if the name is in our extension and is
    /// not one of the attributes that the operator's settings may hide.
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
