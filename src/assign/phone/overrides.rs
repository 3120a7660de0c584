//! A person's phone: the default configuration, changed by the person's payload.
//!
//! If the operator configures each channel, `type`, `deskNumber` and `persistentConnection` apply
//! to VOICE, the only channel that has them; `autoAccept` and `afterContactWorkSeconds` apply to
//! each channel that the operator's lists configure.

use serde_json::{Map, Value};

use super::{Channel, Channels, MAX_WORK_SECONDS, Number, PersistentConnection, Phone, PhoneType};
use crate::assign::text::PhoneNumber;
use crate::fault::Fault;
use crate::json::{describe, member};
use crate::scim::on_invalid::OnInvalid;
use crate::scim::{CONNECT_SCHEMA, Person, boolean};

/// The attribute `phone` of our extension, parsed.
#[derive(Default)]
struct PhoneOverrides {
    phone_type: Option<PhoneType>,
    auto_accept: Option<bool>,
    work_seconds: Option<u32>,
    desk_number: Option<PhoneNumber>,
    persistent_connection: Option<bool>,
}

const MEMBERS: [&str; 5] =
    ["type", "autoAccept", "afterContactWorkSeconds", "deskNumber", "persistentConnection"];

/// The phone configuration of a person. If lenient, a desk phone chosen in the payload is left out
/// if it has no valid number.
///
/// # Errors
/// [`crate::fault::Kind::InvalidValue`] for a default desk phone without a valid number; in strict
/// mode, for any value that Connect would refuse.
pub(in crate::assign) fn assign(
    person: &Person,
    everyones: &Phone,
    on_invalid: &mut OnInvalid,
) -> Result<Phone, Fault> {
    let mut own = PhoneOverrides::of(person, on_invalid)?;
    let phone = own.change(everyones, on_invalid)?;
    if !phone.has_desk_phone() {
        return Ok(phone);
    }
    let number = match own.desk_number.take() {
        Some(number) => Ok(number),
        None => work_number(person, on_invalid),
    };
    match number {
        Ok(number) => Ok(phone.at(&number)),
        Err(fault) if everyones.has_desk_phone() => Err(fault),
        Err(fault) => {
            on_invalid.leave_out(fault)?;
            own.phone_type = None;
            own.change(everyones, on_invalid)
        }
    }
}

fn work_number(person: &Person, on_invalid: &mut OnInvalid) -> Result<PhoneNumber, Fault> {
    const PATH: &str = "phoneNumbers[type eq \"work\"]";
    let number = person.phone_number("work", on_invalid)?.ok_or_else(|| {
        Fault::value(PATH, "a number, because the phone type is DESK_PHONE", "none")
    })?;
    PhoneNumber::parse(PATH, number)
}

impl PhoneOverrides {
    fn of(person: &Person, on_invalid: &mut OnInvalid) -> Result<Self, Fault> {
        let path = path("");
        let members = match person.connect("phone", on_invalid)? {
            None => return Ok(Self::default()),
            Some(Value::Object(members)) => members,
            Some(other) => {
                let fault = Fault::value(&path, "an object", describe(other));
                return on_invalid.leave_out(fault).map(|()| Self::default());
            }
        };
        let is_ours = |name: &str| MEMBERS.iter().any(|own| own.eq_ignore_ascii_case(name));
        if members.iter().any(|(name, value)| !value.is_null() && !is_ours(name)) {
            let expected = format!("no members but {}", MEMBERS.join(", "));
            on_invalid.leave_out(Fault::value(&path, &expected, "another"))?;
        }
        let truth = |value: &Value| boolean(value).ok_or(("true or false", describe(value)));
        Ok(Self {
            phone_type: read(members, "type", phone_type, on_invalid)?,
            auto_accept: read(members, "autoAccept", truth, on_invalid)?,
            work_seconds: read(members, "afterContactWorkSeconds", seconds, on_invalid)?,
            desk_number: read(members, "deskNumber", number, on_invalid)?,
            persistent_connection: read(members, "persistentConnection", truth, on_invalid)?,
        })
    }

    /// The default phone with the person's values, except for the number.
    fn change(&self, everyones: &Phone, on_invalid: &mut OnInvalid) -> Result<Phone, Fault> {
        let mut phone = everyones.clone();
        match &mut phone {
            Phone::Simple(config) => {
                config.phone_type = self.phone_type.unwrap_or(config.phone_type);
                config.auto_accept = self.auto_accept.unwrap_or(config.auto_accept);
                let seconds = &mut config.after_contact_work_time_limit;
                *seconds = self.work_seconds.unwrap_or(*seconds);
                config.persistent_connection =
                    self.persistent_connection.or(config.persistent_connection);
            }
            Phone::PerChannel(channels) => self.change_each(channels, on_invalid)?,
        }
        Ok(phone)
    }

    fn change_each(
        &self,
        channels: &mut Channels,
        on_invalid: &mut OnInvalid,
    ) -> Result<(), Fault> {
        let voice = Channel::Voice;
        if let Some(phone_type) = self.phone_type {
            let row = Number { channel: voice, phone_type, phone_number: None };
            channels.phone_number_configs = vec![row];
        }
        if let Some(persistent_connection) = self.persistent_connection {
            let row = PersistentConnection { channel: voice, persistent_connection };
            channels.persistent_connection_configs = vec![row];
        }
        if let Some(auto_accept) = self.auto_accept {
            if channels.auto_accept_configs.is_empty() {
                on_invalid.leave_out(unsaid("autoAccept", "AutoAcceptConfigs"))?;
            }
            channels.auto_accept_configs.iter_mut().for_each(|row| row.auto_accept = auto_accept);
        }
        if let Some(seconds) = self.work_seconds {
            if channels.after_contact_work_configs.is_empty() {
                on_invalid
                    .leave_out(unsaid("afterContactWorkSeconds", "AfterContactWorkConfigs"))?;
            }
            for row in &mut channels.after_contact_work_configs {
                row.after_contact_work_config.after_contact_work_time_limit = seconds;
            }
        }
        Ok(())
    }
}

/// What was expected, and what was found.
type Mistake = (&'static str, &'static str);

/// A parsed member; `None` if it is missing, null or an empty string.
fn read<T>(
    members: &Map<String, Value>,
    name: &str,
    parse: impl Fn(&Value) -> Result<T, Mistake>,
    on_invalid: &mut OnInvalid,
) -> Result<Option<T>, Fault> {
    let value = member(members, name).filter(|value| **value != "");
    let read = value.map(parse).transpose();
    on_invalid
        .or_without(read.map_err(|(expected, found)| Fault::value(&path(name), expected, found)))
}

fn phone_type(value: &Value) -> Result<PhoneType, Mistake> {
    let text = value.as_str().unwrap_or_default();
    let types = [("SOFT_PHONE", PhoneType::SoftPhone), ("DESK_PHONE", PhoneType::DeskPhone)];
    let named = types.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    let found = if value.is_string() { "another string" } else { describe(value) };
    named.map(|(_, phone_type)| phone_type).ok_or(("SOFT_PHONE or DESK_PHONE", found))
}

/// A number of seconds, which may be given as a string.
fn seconds(value: &Value) -> Result<u32, Mistake> {
    let number = match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64().and_then(|number| u32::try_from(number).ok()),
    };
    let found = match value {
        Value::Number(_) => "another number",
        Value::String(_) => "another string",
        other => describe(other),
    };
    let fitting = number.filter(|seconds| *seconds <= MAX_WORK_SECONDS);
    fitting.ok_or(("a whole number of seconds from 0 to 2000000", found))
}

fn number(value: &Value) -> Result<PhoneNumber, Mistake> {
    let expected = "an international number, + and 2 to 15 digits (E.164)";
    let Value::String(text) = value else { return Err((expected, describe(value))) };
    PhoneNumber::parse("", text).map_err(|_| (expected, "another string"))
}

fn unsaid(name: &str, list: &str) -> Fault {
    Fault::value(&path(name), &format!("none, because CHANNELS has no {list}"), "one")
}

/// The SCIM path of a sub-attribute, or of `phone` itself.
fn path(name: &str) -> String {
    let dot = if name.is_empty() { "" } else { "." };
    format!("{CONNECT_SCHEMA}:phone{dot}{name}")
}
