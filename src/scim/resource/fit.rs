//! Converts a value to the stored form of its attribute: sub-attribute names as in the table,
//! booleans and numbers as JSON ones.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::member::MEMBERS;
use super::unknown;
use crate::fault::Fault;
use crate::json::{describe, member};
use crate::scim::schema::{Attribute, Mutability, Type};

/// The stored form of a value; `None` if it is empty.
pub(in crate::scim) fn fit(
    attribute: &Attribute,
    value: &Value,
    path: &str,
    strict: bool,
) -> Result<Option<Value>, Fault> {
    if is_fitted(attribute, value) {
        return Ok(Some(value.clone()));
    }
    if !attribute.multi_valued {
        let value = match value {
            Value::Array(values) if !strict => match values.as_slice() {
                [] => &Value::Null,
                [one] => one,
                _ => return Err(Fault::value(path, "one value", "several")),
            },
            other => other,
        };
        return fit_one(attribute, value, path, strict);
    }
    let values = match value {
        Value::Null => return Ok(None),
        Value::Array(values) => values.as_slice(),
        other if strict => return Err(Fault::value(path, "a list", describe(other))),
        other => std::slice::from_ref(other),
    };
    let mut fitted = Vec::with_capacity(values.len());
    for value in values {
        fitted.extend(fit_one(attribute, value, path, strict)?);
    }
    if attribute.name == MEMBERS {
        let mut seen = HashSet::new();
        fitted.retain(|member| seen.insert(member.get("value").cloned()));
    }
    let mut others = fitted.iter_mut().filter_map(primary).skip(1).peekable();
    if strict && others.peek().is_some() {
        // RFC 7643 §2.4: `true` "MUST appear no more than once".
        return Err(Fault::value(path, "one value that is primary at most", "several"));
    }
    others.for_each(|primary| *primary = false.into());
    Ok(Some(fitted).filter(|fitted| !fitted.is_empty()).map(Value::Array))
}

/// True if a value already has the stored form, as most have on arrival and nearly all in the
/// roster.
pub(super) fn is_fitted(attribute: &Attribute, value: &Value) -> bool {
    if !attribute.multi_valued {
        return is_one_fitted(attribute, value);
    }
    let Value::Array(values) = value else { return false };
    let is_preferred = |value: &&Value| value.get("primary") == Some(&Value::Bool(true));
    !values.is_empty()
        && values.iter().all(|value| is_one_fitted(attribute, value))
        && values.iter().filter(is_preferred).count() <= 1
        && (attribute.name != MEMBERS || is_each_there_once(values))
}

fn is_one_fitted(attribute: &Attribute, value: &Value) -> bool {
    let is_part = |(name, value): (&String, &Value)| {
        let sub = attribute.sub_attribute(name).filter(|sub| sub.name == name);
        sub.is_some_and(|sub| sub.mutability != Mutability::ReadOnly && is_fitted(sub, value))
    };
    match (&attribute.kind, value) {
        (Type::Boolean, Value::Bool(_)) => true,
        (Type::Integer, Value::Number(number)) => number.is_i64(),
        (Type::Complex(_), Value::Object(parts)) => !parts.is_empty() && parts.iter().all(is_part),
        (Type::Boolean | Type::Complex(_) | Type::Integer, _) => false,
        (_, Value::String(text)) => !text.is_empty(),
        _ => false,
    }
}

fn is_each_there_once(members: &[Value]) -> bool {
    let mut seen = HashSet::with_capacity(members.len());
    members.iter().all(|member| seen.insert(member.get("value").and_then(Value::as_str)))
}

/// The `primary` of an element, if it is true.
pub(in crate::scim) fn primary(element: &mut Value) -> Option<&mut Value> {
    element.get_mut("primary").filter(|primary| **primary == true)
}

/// The stored form of one value, or of one element of a multi-valued attribute.
pub(in crate::scim) fn fit_one(
    attribute: &Attribute,
    value: &Value,
    path: &str,
    strict: bool,
) -> Result<Option<Value>, Fault> {
    let refuse = |expected| Err(Fault::value(path, expected, describe(value)));
    let is_complex = matches!(attribute.kind, Type::Complex(_));
    if let (false, Some(inner)) = (strict || is_complex, wrapped(value)) {
        return fit_one(attribute, inner, path, strict);
    }
    Ok(match (&attribute.kind, value) {
        (_, Value::Null) => None,
        (_, Value::String(text)) if text.is_empty() => None,
        (Type::Boolean, Value::Bool(_)) => Some(value.clone()),
        (Type::Boolean, Value::String(text)) if !strict => match text.to_ascii_lowercase().as_str()
        {
            "true" => Some(true.into()),
            "false" => Some(false.into()),
            _ => return refuse("true or false"),
        },
        (Type::Boolean, _) => return refuse("true or false"),
        (Type::Integer, Value::Number(number)) if number.is_i64() => Some(value.clone()),
        (Type::Integer, Value::String(text)) if !strict => match text.parse::<i64>() {
            Ok(number) => Some(number.into()),
            Err(_) => return refuse("a whole number"),
        },
        (Type::Integer, _) => return refuse("a whole number"),
        (Type::Complex(_), Value::Object(members)) => {
            fit_members(attribute, members, path, strict)?.map(Value::Object)
        }
        (Type::Complex(_), Value::String(_))
            if !strict && attribute.sub_attribute("value").is_some() =>
        {
            Some(Value::Object(Map::from_iter([("value".to_owned(), value.clone())])))
        }
        (Type::Complex(_), _) => return refuse("an object"),
        (_, Value::String(_)) => Some(value.clone()),
        (_, Value::Bool(_) | Value::Number(_)) if !strict => Some(value.to_string().into()),
        _ => return refuse("a string"),
    })
}

/// The inner value of an object given for a simple value: Entra ID sends list elements as
/// `{"value": …}`.
fn wrapped(value: &Value) -> Option<&Value> {
    let inner = value.as_object()?.iter().find(|(name, _)| name.eq_ignore_ascii_case("value"));
    inner.map(|(_, inner)| inner).filter(|inner| !inner.is_object())
}

fn fit_members(
    attribute: &Attribute,
    members: &Map<String, Value>,
    path: &str,
    strict: bool,
) -> Result<Option<Map<String, Value>>, Fault> {
    let mut fitted = Map::new();
    for sub in attribute.sub_attributes() {
        let value = member(members, sub.name);
        let Some(value) = value.filter(|_| sub.mutability != Mutability::ReadOnly) else {
            continue;
        };
        if let Some(value) = fit(sub, value, &format!("{path}.{}", sub.name), strict)? {
            fitted.insert(sub.name.to_owned(), value);
        }
    }
    if strict && members.keys().any(|name| attribute.sub_attribute(name).is_none()) {
        return Err(unknown());
    }
    Ok(Some(fitted).filter(|fitted| !fitted.is_empty()))
}
