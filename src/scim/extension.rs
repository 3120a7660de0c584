//! The attributes of our User extension in a person's resource.

use serde_json::{Map, Value};

use super::on_invalid::OnInvalid;
use super::{CONNECT_SCHEMA, Person};
use crate::fault::Fault;
use crate::json::{describe, member};

/// The attributes of our extension that a client may write.
pub const CONNECT_MEMBERS: [&str; 5] =
    ["routingProfile", "securityProfiles", "hierarchyGroup", "directoryUserId", "phone"];

/// The read-only attribute of our extension; ignored in requests.
pub const PROVISIONING: &str = "provisioning";

impl Person {
    /// An attribute of our extension, whether or not `schemas` lists the URN. If lenient, an empty
    /// string counts as unassigned.
    ///
    /// # Errors
    /// In strict mode, if the extension is not an object, contains an attribute other than
    /// [`CONNECT_MEMBERS`] and [`PROVISIONING`], or is flattened into the User: data meant for
    /// Connect is never ignored silently.
    pub fn connect(&self, name: &str, on_invalid: &mut OnInvalid) -> Result<Option<&Value>, Fault> {
        if self.resource.keys().any(|key| is_flattened(key)) {
            let found = "a member with a longer name";
            on_invalid.leave_out(Fault::value(CONNECT_SCHEMA, "an object", found))?;
        }
        let own = match member(&self.resource, CONNECT_SCHEMA) {
            Some(Value::Object(own)) => own,
            Some(other) => {
                let fault = Fault::value(CONNECT_SCHEMA, "an object", describe(other));
                return on_invalid.leave_out(fault).map(|()| None);
            }
            None => return Ok(None),
        };
        if has_strangers(own) {
            let expected = format!("no members but {}", CONNECT_MEMBERS.join(", "));
            on_invalid.leave_out(Fault::value(CONNECT_SCHEMA, &expected, "another"))?;
        }
        Ok(member(own, name).filter(|value| **value != "" || !on_invalid.is_lenient()))
    }
}

/// True if our extension contains an unknown attribute that is not null.
fn has_strangers(extension: &Map<String, Value>) -> bool {
    let is_ours = |name: &str| {
        let mut ours = CONNECT_MEMBERS.iter().chain([&PROVISIONING]);
        ours.any(|own| own.eq_ignore_ascii_case(name))
    };
    extension.iter().any(|(name, value)| !value.is_null() && !is_ours(name))
}

/// True if a member name is our URN followed by an attribute (`urn:…:User:phone`), which is not the
/// object form that is required. [`PROVISIONING`] is exempt, as it is ignored anyway.
fn is_flattened(key: &str) -> bool {
    let Some((start, member)) = key.split_at_checked(CONNECT_SCHEMA.len()) else { return false };
    let is_ours = !member.is_empty() && start.eq_ignore_ascii_case(CONNECT_SCHEMA);
    is_ours && !member.trim_start_matches(':').eq_ignore_ascii_case(PROVISIONING)
}
