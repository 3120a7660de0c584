//! Determines the id of each element of `members` (RFC 7643 §4.2): its `value`, else the `id` or
//! `$ref` that some clients send instead.
//!
//! An element without an id is refused: it could empty a group, or make a removal succeed that
//! removed nobody.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::fault::Fault;
use crate::json::{describe, is_document, member};
use crate::scim::reference::Reference;

/// The name of the attribute.
pub(in crate::scim) const MEMBERS: &str = "members";

/// Gives each element a `value`. If `value` and `$ref` disagree, `value` wins: it is the id (RFC
/// 7643 §4.2), and a client's `$ref` may point into a system of its own.
///
/// # Errors
/// [`Kind::InvalidValue`](crate::fault::Kind::InvalidValue) for an element without an id.
pub(super) fn identified<'a>(
    value: Cow<'a, Value>,
    told: &str,
    strict: bool,
) -> Result<Cow<'a, Value>, Fault> {
    let elements = match value.as_ref() {
        Value::Null => return Ok(value),
        Value::Array(elements) => elements.as_slice(),
        other => std::slice::from_ref(other),
    };
    if elements.iter().all(says_who) {
        return Ok(value);
    }
    let elements = elements.iter().map(|element| match element {
        element if says_who(element) => Ok(element.clone()),
        Value::Object(members) => {
            with_value(members, strict).ok_or_else(|| nobody(told, "an object"))
        }
        other => Err(nobody(told, describe(other))),
    });
    Ok(Cow::Owned(elements.collect::<Result<Value, _>>()?))
}

/// True if an element already has an id as its `value`, or is one.
fn says_who(element: &Value) -> bool {
    match element {
        Value::String(word) => is_word(word),
        Value::Object(members) => {
            matches!(members.get("value"), Some(Value::String(id)) if is_id(id))
        }
        _ => false,
    }
}

fn with_value(members: &Map<String, Value>, strict: bool) -> Option<Value> {
    let said = |name| member(members, name).filter(|value| **value != "");
    let mut element = members.clone();
    element.retain(|name, _| !name.eq_ignore_ascii_case("value"));
    let id = match (said("value").or_else(|| said("id")), said("$ref")) {
        (Some(value), _) if value.is_string() || !strict => id_in(value)?,
        (None, Some(Value::String(text))) => {
            let reference = Reference::parse(text)?;
            element.retain(|name, _| !name.eq_ignore_ascii_case("$ref"));
            let written = format!("../{}/{}", reference.endpoint, reference.id);
            element.insert("$ref".to_owned(), written.into());
            reference.id
        }
        _ => return None,
    };
    element.insert("value".to_owned(), id.into());
    Some(element.into())
}

/// The id in a value, which may be wrapped in a list or an object.
fn id_in(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if is_reference(text) => {
            Reference::parse(text).map(|reference| reference.id)
        }
        Value::String(id) => is_id(id).then(|| id.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(values) => match values.as_slice() {
            [one] => id_in(one),
            _ => None,
        },
        Value::Object(members) => id_in(member(members, "value")?),
        Value::Bool(_) | Value::Null => None,
    }
}

/// True if a text may be an id: not empty, without surrounding blanks, no JSON document and no URL.
fn is_id(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && !is_document(text) && !is_reference(text)
}

/// True if a text is a URL or path of a resource.
fn is_reference(text: &str) -> bool {
    text.contains(['/', '%']) && Reference::parse(text).is_some()
}

/// True if a text given as a member is a single id and not a list of several.
fn is_word(text: &str) -> bool {
    is_id(text) && !text.contains(|c: char| c.is_whitespace() || ",;".contains(c))
}

fn nobody(told: &str, found: &str) -> Fault {
    let found = format!("{found} that says nobody");
    Fault::value(told, "elements with the id of a member as their value", &found)
}
