//! Unwraps the value that a client sent for an attribute: JSON in a string becomes JSON, a list of
//! one becomes its element, and each member of a group gets an id.
//!
//! Ambiguous values, and members without an id, are refused.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::member;
use crate::fault::Fault;
use crate::json::{self, describe};
use crate::scim::schema::{Attribute, Type};

/// The maximum number of elements of an attribute; `members` has no such limit.
pub(in crate::scim) const MOST_VALUES: usize = 1000;

/// How a resource is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scim) enum Reading {
    /// From a client, with the variations of identity providers.
    Lenient,
    /// From a client, by the letter of the RFC (`SCIM_STRICT`).
    Strict,
    /// From the roster; it was checked when it was written.
    Kept,
}

impl Reading {
    /// The reading of a client's request.
    pub(in crate::scim) const fn of(strict: bool) -> Self {
        if strict { Self::Strict } else { Self::Lenient }
    }
}

/// Unwraps the value of an attribute or sub-attribute. `told` is its path in fault messages.
///
/// # Errors
/// [`Kind::InvalidValue`](crate::fault::Kind::InvalidValue) if it cannot be one of the attribute's
/// values.
pub(in crate::scim) fn plain<'a>(
    attribute: &Attribute,
    value: &'a Value,
    told: &str,
    strict: bool,
) -> Result<Cow<'a, Value>, Fault> {
    let value = unfolded(attribute, value, told, strict)?;
    if attribute.name == member::MEMBERS {
        member::identified(value, told, strict)
    } else {
        Ok(value)
    }
}

/// As [`plain`], without requiring an id for members: the path selects them.
///
/// # Errors
/// As for [`plain`].
pub(in crate::scim) fn unfolded<'a>(
    attribute: &Attribute,
    value: &'a Value,
    told: &str,
    strict: bool,
) -> Result<Cow<'a, Value>, Fault> {
    let value = if strict { Cow::Borrowed(value) } else { unwrapped(attribute, value, told)? };
    if attribute.multi_valued {
        check_list(attribute, &value, told)?;
    }
    Ok(value)
}

/// True for null, an empty string, or a list of nothing else.
pub(in crate::scim) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.iter().all(is_nothing),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

/// True if an element has labels but no value.
///
/// Some clients send `{"type": "work", "value": ""}` for an address that does not exist. Such
/// elements are not stored.
pub(in crate::scim) fn is_shell(attribute: &Attribute, element: &Value) -> bool {
    let Value::Object(members) = element else { return false };
    let value = members.iter().find(|(name, _)| name.eq_ignore_ascii_case("value"));
    let is_emptied = value.is_some_and(|(_, value)| is_nothing(value));
    let labels: &[&str] =
        if is_emptied { &["type", "primary", "display"] } else { &["type", "primary"] };
    let is_label = |name: &str| labels.iter().any(|label| label.eq_ignore_ascii_case(name));
    let mut known = members.iter().filter(|(name, _)| attribute.sub_attribute(name).is_some());
    let is_parted = matches!(attribute.kind, Type::Complex(_)) && attribute.multi_valued;
    is_parted && known.all(|(name, value)| is_label(name) || is_nothing(value))
}

/// The list without elements that have no value.
pub(in crate::scim) fn without_shells<'a>(
    attribute: &Attribute,
    value: Cow<'a, Value>,
) -> Cow<'a, Value> {
    match value.as_ref() {
        Value::Array(values) if values.iter().any(|value| is_shell(attribute, value)) => {
            let kept = values.iter().filter(|value| !is_shell(attribute, value));
            Cow::Owned(kept.cloned().collect())
        }
        element if is_shell(attribute, element) => Cow::Owned(Value::Null),
        _ => value,
    }
}

/// True for `schemas`, which some clients repeat inside an extension. It is ignored there: the
/// extension's own URN says the same.
pub(in crate::scim) const fn is_schemas(name: &str) -> bool {
    name.eq_ignore_ascii_case("schemas")
}

fn unwrapped<'a>(
    attribute: &Attribute,
    value: &'a Value,
    told: &str,
) -> Result<Cow<'a, Value>, Fault> {
    match value {
        Value::String(text) => match document(attribute, text, told)? {
            Some(read) => Ok(Cow::Owned(unwrapped(attribute, &read, told)?.into_owned())),
            None => Ok(Cow::Borrowed(value)),
        },
        Value::Array(values) if attribute.multi_valued => elements(attribute, value, values, told),
        Value::Array(values) => {
            let mut said = values.iter().filter(|value| !is_nothing(value));
            match (said.next(), said.next()) {
                (Some(_), Some(_)) => Err(Fault::value(told, "one value", "several")),
                (Some(one), None) => unwrapped(attribute, one, told),
                (None, _) => Ok(Cow::Owned(Value::Null)),
            }
        }
        Value::Object(members) if attribute.multi_valued => match inner(attribute, members) {
            Some(inner) => unwrapped(attribute, inner, told),
            None => Ok(Cow::Borrowed(value)),
        },
        _ => Ok(Cow::Borrowed(value)),
    }
}

/// Unwraps the elements of a list, each of which may be an object as JSON in a string.
fn elements<'a>(
    attribute: &Attribute,
    list: &'a Value,
    values: &'a [Value],
    told: &str,
) -> Result<Cow<'a, Value>, Fault> {
    let mut read = Vec::new();
    for (place, value) in values.iter().enumerate() {
        let Value::String(text) = value else { continue };
        read.extend(document(attribute, text, told)?.map(|value| (place, value)));
    }
    if read.is_empty() {
        return Ok(Cow::Borrowed(list));
    }
    let mut all = values.to_vec();
    for (place, value) in read {
        if !value.is_object() {
            return Err(Fault::value(told, "objects or texts in the list", "a list in a text"));
        }
        if let Some(own) = all.get_mut(place) {
            *own = value;
        }
    }
    Ok(Cow::Owned(all.into()))
}

/// The JSON in a string that stands for an object or a list; `None` for any other string, which is
/// a value itself. JSON strings and `null` inside a string are refused.
fn document(attribute: &Attribute, text: &str, told: &str) -> Result<Option<Value>, Fault> {
    let is_complex = matches!(attribute.kind, Type::Complex(_));
    let is_listed = attribute.canonical_values.iter().any(|value| value == text);
    if !is_complex && (!attribute.multi_valued || is_listed) {
        return Ok(None);
    }
    let expected = "a value, or the JSON of one";
    let read = || json::read(text.as_bytes()).ok();
    if json::is_document(text) {
        let read = read().ok_or_else(|| Fault::value(told, expected, "a string that is not"))?;
        return Ok(Some(read));
    }
    match read().filter(|_| is_complex) {
        Some(other @ (Value::Null | Value::String(_))) => {
            Err(Fault::value(told, expected, &format!("the JSON of {}", describe(&other))))
        }
        _ => Ok(None),
    }
}

/// The list inside an object that stands for it: some clients repeat the name, as in `{"members":
/// […]}`, others send `{"value": […]}`.
fn inner<'a>(attribute: &Attribute, members: &'a Map<String, Value>) -> Option<&'a Value> {
    let (name, inner) = members.iter().next().filter(|_| members.len() == 1)?;
    let is_named = name.eq_ignore_ascii_case(attribute.name);
    let is_list = name.eq_ignore_ascii_case("value") && inner.is_array();
    (is_named || is_list).then_some(inner)
}

/// Refuses a list that is too long, and objects without any known sub-attribute.
fn check_list(attribute: &Attribute, value: &Value, told: &str) -> Result<(), Fault> {
    let said = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    if said.len() > MOST_VALUES && attribute.name != member::MEMBERS {
        return Err(too_many(told));
    }
    let is_strange = |element: &Value| {
        element.as_object().filter(|members| !members.is_empty()).is_some_and(|members| {
            !members.keys().any(|name| attribute.sub_attribute(name).is_some())
        })
    };
    let is_complex = matches!(attribute.kind, Type::Complex(_));
    // A member may be given as `{"id": …}`, which `member` handles.
    if is_complex && attribute.name != member::MEMBERS && said.iter().any(is_strange) {
        return Err(Fault::value(told, "elements as /Schemas lists them", "an object"));
    }
    Ok(())
}

/// The fault of more than [`MOST_VALUES`] elements.
pub(in crate::scim) fn too_many(told: &str) -> Fault {
    Fault::value(told, &format!("{MOST_VALUES} values at most"), "more")
}
