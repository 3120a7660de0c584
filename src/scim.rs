//! SCIM User resources as identity providers send them (RFC 7643), read leniently.
//!
//! Okta and Entra ID differ from RFC 7643 in details: attribute names in any case, booleans as
//! strings, `null` or an empty string for "unassigned", a bare value instead of an object,
//! extension data whose URN is missing from `schemas`. All of that is accepted. Anything else is a
//! fault of the sender's; it names the attribute and never quotes its value.

mod display_name;
mod extension;
pub mod discovery;
pub mod filter;
pub mod list;
pub mod on_invalid;
pub mod patch;
pub mod path;
pub mod route;
pub mod projection;
mod reference;
pub mod resource;
pub mod schema;
#[cfg(test)]
mod spellings;
mod target;

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::fault::Fault;
use crate::json::{describe, member};
pub use extension::{CONNECT_MEMBERS, PROVISIONING};
use on_invalid::OnInvalid;

/// The core User schema (RFC 7643 §4.1).
pub const USER_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// The enterprise extension of the User schema (RFC 7643 §4.3).
pub const ENTERPRISE_SCHEMA: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The core Group schema (RFC 7643 §4.2).
pub const GROUP_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// Our own extension of the User schema.
pub const CONNECT_SCHEMA: &str = "urn:ietf:params:scim:schemas:extension:amazonconnect:2.0:User";

/// A person as the identity provider describes them: a SCIM User resource, stored as it was sent.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Person {
    resource: Map<String, Value>,
    /// True if the name is known from `displayName` alone; then no other attribute is known either.
    displayed: bool,
}

impl Person {
    /// Takes a User resource. Nothing is validated here: each getter checks its own attribute.
    #[must_use]
    pub const fn new(resource: Map<String, Value>) -> Self {
        Self { resource, displayed: false }
    }

    /// A person of whom only `userName`, `externalId` and `displayName` are known, as in an event
    /// hook.
    #[must_use]
    pub fn displayed(user_name: String, external_id: String, display_name: Value) -> Self {
        let attributes = [
            ("userName", user_name.into()),
            ("externalId", external_id.into()),
            ("displayName", display_name),
        ];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value));
        Self { resource: attributes.into_iter().collect(), displayed: true }
    }

    /// The User resource as JSON members.
    #[must_use]
    pub const fn resource(&self) -> &Map<String, Value> {
        &self.resource
    }

    /// True if the `schemas` of an object contain the core User URN, in any case.
    #[must_use]
    pub fn is_user(object: &Map<String, Value>) -> bool {
        let is_core = |schema: &Value| {
            schema.as_str().is_some_and(|schema| schema.eq_ignore_ascii_case(USER_SCHEMA))
        };
        match member(object, "schemas") {
            Some(Value::Array(schemas)) => schemas.iter().any(is_core),
            Some(schema) => is_core(schema),
            None => false,
        }
    }

    /// `userName`, unchanged (RFC 7643 §4.1.1: required).
    ///
    /// # Errors
    /// If it is missing, empty or not a string.
    pub fn user_name(&self) -> Result<&str, Fault> {
        required(text(&self.resource, "userName", "userName")?, "userName")
    }

    /// Replaces `userName`.
    pub(crate) fn rename(&mut self, name: String) {
        self.resource.retain(|own, _| !own.eq_ignore_ascii_case("userName"));
        self.resource.insert("userName".to_owned(), name.into());
    }

    /// `externalId`: the identity provider's stable identifier for this person (RFC 7643 §3.1).
    ///
    /// # Errors
    /// If it is present and not a string.
    pub fn external_id(&self) -> Result<Option<&str>, Fault> {
        text(&self.resource, "externalId", "externalId")
    }

    /// `active`; true if it is missing, `null` or empty. `"True"` and `"False"` are accepted too,
    /// since Entra ID sends them.
    ///
    /// # Errors
    /// If it is present and neither true nor false.
    pub fn active(&self) -> Result<bool, Fault> {
        let value = member(&self.resource, "active").filter(|value| **value != "");
        let Some(value) = value else { return Ok(true) };
        boolean(value).ok_or_else(|| Fault::value("active", "true or false", describe(value)))
    }

    /// True if `active` is present and not empty.
    #[must_use]
    pub fn says_active(&self) -> bool {
        member(&self.resource, "active").is_some_and(|value| *value != "")
    }

    /// `name.givenName`; for a [partial](Self::is_partial) person, the given name in `displayName`.
    ///
    /// # Errors
    /// If it is missing, empty or not a string, or if `displayName` cannot be split.
    pub fn given_name(&self) -> Result<Cow<'_, str>, Fault> {
        self.given_name_by(&mut OnInvalid::Reject)
    }

    /// As [`Self::given_name`]. If lenient and missing, it is taken from `displayName`, else from
    /// `name.formatted`.
    ///
    /// # Errors
    /// If none of these gives a name; in strict mode, as for [`Self::given_name`].
    pub fn given_name_by(&self, on_invalid: &mut OnInvalid) -> Result<Cow<'_, str>, Fault> {
        if self.displayed {
            return Ok(self.split_name()?.0);
        }
        let other = self.name("familyName", "name.familyName").ok().flatten();
        let shown = |name| without(name, other).or_else(|| Some(display_name::split(name)?.0));
        self.name_by("givenName", "name.givenName", shown, on_invalid)
    }

    /// `name.familyName`; for a [partial](Self::is_partial) person, the family name in
    /// `displayName`.
    ///
    /// # Errors
    /// If it is missing, empty or not a string, or if `displayName` cannot be split.
    pub fn family_name(&self) -> Result<Cow<'_, str>, Fault> {
        self.family_name_by(&mut OnInvalid::Reject)
    }

    /// As [`Self::family_name`]. If lenient and missing, it is taken from `displayName`, else from
    /// `name.formatted`.
    ///
    /// # Errors
    /// If none of these gives a name; in strict mode, as for [`Self::family_name`].
    pub fn family_name_by(&self, on_invalid: &mut OnInvalid) -> Result<Cow<'_, str>, Fault> {
        if self.displayed {
            return Ok(self.split_name()?.1);
        }
        let other = self.name("givenName", "name.givenName").ok().flatten();
        let shown = |name| without(name, other).or_else(|| Some(display_name::split(name)?.1));
        self.name_by("familyName", "name.familyName", shown, on_invalid)
    }

    /// `meta.lastModified` (RFC 7643 §3.1), if it is a string. Its format is not checked.
    #[must_use]
    pub fn last_modified(&self) -> Option<&str> {
        let meta = member(&self.resource, "meta").and_then(Value::as_object)?;
        member(meta, "lastModified").and_then(Value::as_str)
    }

    /// True if the name is known from `displayName` alone. Such a person comes from an event hook,
    /// and no other attributes are known.
    #[must_use]
    pub const fn is_partial(&self) -> bool {
        self.displayed
    }

    /// The person without `password`, which must never be stored.
    #[must_use]
    pub fn without_password(mut self) -> Self {
        self.resource.retain(|name, _| !name.eq_ignore_ascii_case("password"));
        self
    }

    /// `password` (RFC 7643 §4.1.1).
    ///
    /// # Errors
    /// If it is present and not a string.
    pub fn password(&self) -> Result<Option<&str>, Fault> {
        text(&self.resource, "password", "password")
    }

    /// The e-mail address of type `work`, else the primary one, else the only one.
    ///
    /// # Errors
    /// If `emails` is not a list of addresses.
    pub fn email(&self) -> Result<Option<&str>, Fault> {
        self.email_by(&mut OnInvalid::Reject)
    }

    /// As [`Self::email`]. If lenient, invalid entries are left out.
    ///
    /// # Errors
    /// In strict mode, if `emails` is not a list of addresses.
    pub fn email_by(&self, on_invalid: &mut OnInvalid) -> Result<Option<&str>, Fault> {
        let emails = self.entries("emails", on_invalid)?;
        let chosen = emails
            .iter()
            .find(|email| email.is_of_type("work"))
            .or_else(|| emails.iter().find(|email| email.primary))
            .or_else(|| emails.first().filter(|_| emails.len() == 1));
        Ok(chosen.map(|email| email.value))
    }

    /// All e-mail addresses; invalid entries are left out.
    #[must_use]
    pub fn email_addresses(&self) -> Vec<&str> {
        let emails = self.entries("emails", &mut OnInvalid::Collect(Vec::new()));
        emails.unwrap_or_default().into_iter().map(|email| email.value).collect()
    }

    /// The first telephone number of this type (`work`, `mobile`), the type in any case. If
    /// lenient, invalid entries are left out.
    ///
    /// # Errors
    /// In strict mode, if `phoneNumbers` is not a list of numbers.
    pub fn phone_number(
        &self,
        kind: &str,
        on_invalid: &mut OnInvalid,
    ) -> Result<Option<&str>, Fault> {
        let numbers = self.entries("phoneNumbers", on_invalid)?;
        Ok(numbers.iter().find(|number| number.is_of_type(kind)).map(|number| number.value))
    }

    fn split_name(&self) -> Result<(Cow<'_, str>, Cow<'_, str>), Fault> {
        let display_name =
            required(text(&self.resource, "displayName", "displayName")?, "displayName")?;
        display_name::split(display_name).ok_or_else(|| {
            Fault::value(
                "displayName",
                "a first and a last name, as in \"Ana Ruiz\" or \"Ruiz, Ana\"",
                "a name that cannot be split so; complete it in the identity provider",
            )
        })
    }

    fn name(&self, sub_attribute: &str, path: &str) -> Result<Option<&str>, Fault> {
        match member(&self.resource, "name") {
            Some(Value::Object(name)) => text(name, sub_attribute, path),
            Some(other) => Err(Fault::value("name", "an object", describe(other))),
            None => Ok(None),
        }
    }

    /// One part of the name. If lenient and missing, `shown` derives it from `displayName`, else
    /// from `name.formatted`.
    fn name_by<'a>(
        &'a self,
        sub_attribute: &str,
        path: &str,
        shown: impl Fn(&'a str) -> Option<Cow<'a, str>>,
        on_invalid: &mut OnInvalid,
    ) -> Result<Cow<'a, str>, Fault> {
        let said = self.name(sub_attribute, path);
        if on_invalid.is_lenient() && !matches!(said, Ok(Some(_))) {
            let display_name = text(&self.resource, "displayName", "displayName");
            let formatted = self.name("formatted", "name.formatted");
            let mut names = [display_name, formatted].into_iter().filter_map(|name| name.ok()?);
            if let Some(part) = names.find_map(shown) {
                on_invalid.or_without(said)?;
                return Ok(part);
            }
        }
        required(said?, path).map(Cow::Borrowed)
    }

    /// The entries of a multi-valued attribute whose value is not empty (RFC 7643 §2.4).
    fn entries(
        &self,
        attribute: &str,
        on_invalid: &mut OnInvalid,
    ) -> Result<Vec<MultiValue<'_>>, Fault> {
        let refuse = |found: &Value| {
            Fault::value(attribute, "a list of objects with a value", describe(found))
        };
        let list = match member(&self.resource, attribute) {
            Some(Value::Array(list)) => list,
            Some(other) => return on_invalid.leave_out(refuse(other)).map(|()| Vec::new()),
            None => return Ok(Vec::new()),
        };
        let mut entries = Vec::new();
        for entry in list.iter().filter(|entry| !entry.is_null()) {
            let read = match entry {
                Value::String(value) => Ok(Some(MultiValue { value, kind: None, primary: false })),
                Value::Object(object) => text(object, "value", attribute).map(|value| {
                    let kind = member(object, "type").and_then(Value::as_str);
                    let primary = member(object, "primary").and_then(boolean).unwrap_or_default();
                    value.map(|value| MultiValue { value, kind, primary })
                }),
                other => Err(refuse(other)),
            };
            entries.extend(on_invalid.or_without(read)?.filter(|entry| !entry.value.is_empty()));
        }
        Ok(entries)
    }
}

/// Shows the number of attributes and no content.
impl fmt::Debug for Person {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Person([{} attributes, redacted])", self.resource.len())
    }
}

/// One entry of a multi-valued attribute.
struct MultiValue<'a> {
    value: &'a str,
    kind: Option<&'a str>,
    primary: bool,
}

impl MultiValue<'_> {
    fn is_of_type(&self, kind: &str) -> bool {
        self.kind.is_some_and(|own| own.eq_ignore_ascii_case(kind))
    }
}

/// A string attribute; `None` if it is missing or empty.
fn text<'a>(
    object: &'a Map<String, Value>,
    name: &str,
    path: &str,
) -> Result<Option<&'a str>, Fault> {
    match member(object, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(other) => Err(Fault::value(path, "a string", describe(other))),
    }
}

/// See [`display_name::without`].
fn without<'a>(name: &'a str, part: Option<&str>) -> Option<Cow<'a, str>> {
    display_name::without(name, part?)
}

fn required<'a>(value: Option<&'a str>, path: &str) -> Result<&'a str, Fault> {
    value.ok_or_else(|| Fault::value(path, "a string that is not empty", "none"))
}

/// A JSON boolean, or the text `true` or `false` in any case, as Entra ID sends it.
pub(crate) fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn person(resource: Value) -> Person {
        let Value::Object(resource) = resource else { panic!("a resource is an object") };
        Person::new(resource)
    }

    fn detail<T: fmt::Debug>(result: Result<T, Fault>) -> String {
        result.unwrap_err().detail.into_owned()
    }

    #[test]
    fn attributes_are_found_in_any_case() {
        let person = person(json!({
            "UserName": "a@b.example", "EXTERNALID": "7", "Active": false,
            "Name": {"GivenName": "Ana", "FAMILYNAME": "Ruiz"},
            "Emails": [{"Type": "Work", "VALUE": "a@b.example"}],
        }));
        assert_eq!(person.user_name().unwrap(), "a@b.example");
        assert_eq!(person.external_id().unwrap(), Some("7"));
        assert!(!person.active().unwrap());
        assert_eq!(person.given_name().unwrap(), "Ana");
        assert_eq!(person.family_name().unwrap(), "Ruiz");
        assert_eq!(person.email().unwrap(), Some("a@b.example"));
    }

    #[test]
    fn a_person_is_active_unless_it_is_said_otherwise() {
        for (active, expected) in [
            (json!(true), true),
            (json!(null), true),
            (json!(""), true),
            (json!("True"), true),
            (json!(false), false),
            (json!("False"), false),
            (json!("false"), false),
        ] {
            assert_eq!(person(json!({"active": active})).active(), Ok(expected));
        }
        assert!(person(json!({})).active().unwrap());
        assert_eq!(
            detail(person(json!({"active": "no"})).active()),
            "active: expected true or false, found a string"
        );
    }

    #[test]
    fn the_work_address_comes_before_the_primary_one_and_the_only_one() {
        let email = |emails| {
            person(json!({"emails": emails})).email().map(|email| email.map(str::to_owned))
        };
        let (work, home) =
            (json!({"value": "w", "type": "work"}), json!({"value": "h", "primary": "True"}));
        assert_eq!(email(json!([home, work])).unwrap().unwrap(), "w");
        assert_eq!(email(json!([{"value": "x"}, home])).unwrap().unwrap(), "h");
        assert_eq!(email(json!([{"value": "x"}])).unwrap().unwrap(), "x");
        assert_eq!(email(json!(["x"])).unwrap().unwrap(), "x");
        assert_eq!(email(json!([{"value": "x"}, {"value": "y"}])).unwrap(), None);
        assert_eq!(email(json!([null, {"value": null, "type": "work"}])).unwrap(), None);
        assert_eq!(email(json!(null)).unwrap(), None);
        assert_eq!(
            detail(email(json!("x"))),
            "emails: expected a list of objects with a value, found a string"
        );
        assert_eq!(
            detail(email(json!([{"value": 7}]))),
            "emails: expected a string, found a number"
        );
    }

    #[test]
    fn a_fault_names_the_attribute_and_never_its_value() {
        let ana = person(json!({"userName": ["Ana"], "name": "Ana Ruiz", "externalId": 4711}));
        assert_eq!(detail(ana.user_name()), "userName: expected a string, found an array");
        assert_eq!(detail(ana.given_name()), "name: expected an object, found a string");
        assert_eq!(detail(ana.external_id()), "externalId: expected a string, found a number");
        let nobody = person(json!({"userName": "", "name": {"familyName": null}}));
        assert_eq!(
            detail(nobody.user_name()),
            "userName: expected a string that is not empty, found none"
        );
        assert_eq!(
            detail(nobody.family_name()),
            "name.familyName: expected a string that is not empty, found none"
        );
    }

    #[test]
    fn debug_shows_no_person() {
        let person = person(json!({"userName": "ana.ruiz@example.com", "password": "Secret1!"}));
        assert_eq!(format!("{person:?}"), "Person([2 attributes, redacted])");
    }
}
