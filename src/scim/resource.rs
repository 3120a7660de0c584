//! What a client sent ⇄ what is kept of it: names as the attribute table writes them, values as sent.
//!
//! What identity providers write a little differently is understood (`SCIM_STRICT` ends that): names
//! in any case, booleans and numbers as texts, a text for a complex value, flattened names, what is
//! not ours to keep. `null`, an empty text, list or object is "unassigned" (RFC 7643 §2.5).

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::manner::Manner;
use super::path::AttributePath;
use super::schema::{Attribute, Mutability, ResourceType, Type};
use crate::fault::{Fault, Kind};
use crate::json::{describe, member};

/// Takes what a client sent: all that may be written, and nothing else.
///
/// # Errors
/// [`Kind::InvalidValue`] for a value that is none of its attribute's; strict,
/// [`Kind::InvalidSyntax`] for an attribute that no schema has.
pub fn take(
    types: &ResourceType,
    sent: &Map<String, Value>,
    strict: bool,
) -> Result<Map<String, Value>, Fault> {
    walk(types, sent, strict, &mut Manner::Strict, &|_| true)
}

/// Takes what was never judged by the attribute table: what fits it.
#[must_use]
pub fn take_what_fits(types: &ResourceType, sent: &Map<String, Value>) -> Map<String, Value> {
    take_what_fits_of(types, sent, &|_| true)
}

/// The same of those attributes alone that are wanted by their names, whatever their schema.
#[must_use]
pub fn take_what_fits_of(
    types: &ResourceType,
    sent: &Map<String, Value>,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Map<String, Value> {
    walk(types, sent, false, &mut Manner::lenient(), is_wanted).unwrap_or_default()
}

fn walk(
    types: &ResourceType,
    sent: &Map<String, Value>,
    strict: bool,
    manner: &mut Manner,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Result<Map<String, Value>, Fault> {
    let mut kept = Map::new();
    let mut keep = |path: &AttributePath, value| match keep(types, &mut kept, path, value, strict) {
        Err(fault) => manner.leave_out(fault),
        Ok(()) => Ok(()),
    };
    for (name, value) in sent {
        if let Some(extension) = types.extension(name) {
            let Some(members) = value.as_object() else { continue };
            let wanted = members.iter().filter(|(name, _)| !is_schemas(name) && is_wanted(name));
            for (name, value) in wanted {
                let name = name.clone();
                let path = AttributePath { urn: Some(extension.id), name, sub: None };
                keep(&path, value)?;
            }
            continue;
        }
        // What leads to a part of an attribute is looked at more closely.
        if !name.contains([':', '.']) && !is_wanted(name) {
            continue;
        }
        match AttributePath::read(name, types) {
            Ok(path) => keep(&path, value)?,
            Err(_) if strict => return Err(unknown()),
            Err(_) => {}
        }
    }
    Ok(kept)
}

/// What is kept of a POST (RFC 7644 §3.3): a whole resource, with all that it must have.
///
/// # Errors
/// As for [`take`], and [`Kind::InvalidValue`] for what is missing; strict, [`Kind::InvalidSyntax`]
/// for `schemas` that do not name the schemas of what was sent.
pub fn post(
    types: &ResourceType,
    sent: &Map<String, Value>,
    strict: bool,
) -> Result<Map<String, Value>, Fault> {
    let kept = take(types, sent, strict)?;
    match missing(types, &kept) {
        Some(name) => Err(Fault::value(name, "a string that is not empty", "none")),
        None if strict => check_schemas(types, sent, &kept).map(|()| kept),
        None => Ok(kept),
    }
}

/// What is kept after a PUT (RFC 7644 §3.5.1): what was sent, but `active`, which stays as it is if
/// nothing is said of it.
///
/// # Errors
/// As for [`post`].
pub fn put(
    types: &ResourceType,
    known: &Map<String, Value>,
    sent: &Map<String, Value>,
    strict: bool,
) -> Result<Map<String, Value>, Fault> {
    const ACTIVE: &str = "active";
    let mut kept = post(types, sent, strict)?;
    if let Some(active) = known.get(ACTIVE).filter(|_| !kept.contains_key(ACTIVE)) {
        kept.insert(ACTIVE.to_owned(), active.clone());
    }
    Ok(kept)
}

/// An attribute that a resource must have, and this one has not.
#[must_use]
pub fn missing(types: &ResourceType, kept: &Map<String, Value>) -> Option<&'static str> {
    let required = types.core.attributes.iter().filter(|attribute| attribute.required);
    required.map(|attribute| attribute.name).find(|name| !kept.contains_key(*name))
}

/// Checks that what was sent names its schemas (RFC 7643 §3: `schemas` is required).
fn check_schemas(
    types: &ResourceType,
    sent: &Map<String, Value>,
    kept: &Map<String, Value>,
) -> Result<(), Fault> {
    match urns(types, kept).find(|urn| !names_schema(sent, urn)) {
        Some(urn) => {
            let detail = format!("schemas: expected {urn} among them, found others");
            Err(Fault::new(Kind::InvalidSyntax, detail))
        }
        None => Ok(()),
    }
}

/// Whether a body's `schemas` name a URN, in whatever case.
pub(super) fn names_schema(body: &Map<String, Value>, urn: &str) -> bool {
    let schemas = member(body, "schemas").and_then(Value::as_array);
    let mut said = schemas.into_iter().flatten().filter_map(Value::as_str);
    said.any(|said| said.eq_ignore_ascii_case(urn))
}

/// The schemas that a resource has: the core one, and each extension with something in it.
#[must_use]
pub fn schemas_of(types: &ResourceType, resource: &Map<String, Value>) -> Vec<Value> {
    urns(types, resource).map(Value::from).collect()
}

fn urns(types: &ResourceType, resource: &Map<String, Value>) -> impl Iterator<Item = &'static str> {
    let extensions = types.extensions.iter().map(|schema| schema.id);
    let extensions = extensions.filter(|urn| resource.contains_key(*urn));
    std::iter::once(types.core.id).chain(extensions)
}

/// Whether a name is that of `schemas`, which some clients write into an extension too; what it says is
/// known by the extension's own name.
pub(super) const fn is_schemas(name: &str) -> bool {
    name.eq_ignore_ascii_case("schemas")
}

/// Puts one value in its place, if it is ours to keep.
fn keep(
    types: &ResourceType,
    kept: &mut Map<String, Value>,
    path: &AttributePath,
    value: &Value,
    strict: bool,
) -> Result<(), Fault> {
    let Some(attribute) = path.attribute(types) else {
        return if strict { Err(unknown()) } else { Ok(()) };
    };
    if attribute.mutability == Mutability::ReadOnly {
        return Ok(());
    }
    let told = path.to_string();
    let (fitted, sub) = match &path.sub {
        None => (fit(attribute, value, &told, strict)?, None),
        Some(sub) => match attribute.sub_attribute(sub).filter(|_| !attribute.multi_valued) {
            Some(sub) => (fit(sub, value, &told, strict)?, Some(sub.name)),
            None if strict => return Err(unknown()),
            None => return Ok(()),
        },
    };
    let Some(fitted) = fitted else { return Ok(()) };
    let home = match path.urn {
        None => Some(kept),
        Some(urn) => object(kept, urn),
    };
    match (home, sub) {
        (Some(home), None) => drop(home.insert(attribute.name.to_owned(), fitted)),
        (Some(home), Some(sub)) => {
            if let Some(complex) = object(home, attribute.name) {
                complex.insert(sub.to_owned(), fitted);
            }
        }
        (None, _) => {}
    }
    Ok(())
}

/// The object of this name, which is made if it is not there.
pub(super) fn object<'a>(
    home: &'a mut Map<String, Value>,
    name: &str,
) -> Option<&'a mut Map<String, Value>> {
    home.entry(name).or_insert_with(|| Map::new().into()).as_object_mut()
}

/// A value as its attribute holds it; `None` if it says nothing.
pub(super) fn fit(
    attribute: &Attribute,
    value: &Value,
    path: &str,
    strict: bool,
) -> Result<Option<Value>, Fault> {
    if !attribute.multi_valued {
        let value = match value {
            Value::Array(values) if !strict => values.first().unwrap_or(&Value::Null),
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
    if attribute.name == "members" {
        let mut seen = HashSet::new();
        fitted.retain(|member| seen.insert(member.get("value").cloned()));
    }
    let mut others = fitted.iter_mut().filter_map(primary).skip(1).peekable();
    if strict && others.peek().is_some() {
        // RFC 7643 §2.4: true "MUST appear no more than once".
        return Err(Fault::value(path, "one value that is primary at most", "several"));
    }
    others.for_each(|primary| *primary = false.into());
    Ok(Some(fitted).filter(|fitted| !fitted.is_empty()).map(Value::Array))
}

/// An element's `primary`, if it is true.
pub(super) fn primary(element: &mut Value) -> Option<&mut Value> {
    element.get_mut("primary").filter(|primary| **primary == true)
}

/// One value of an attribute, also of a multi-valued one.
pub(super) fn fit_one(
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

/// What an object that stands for a simple value says: Entra ID writes each value of a list as
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

fn unknown() -> Fault {
    Fault::new(
        Kind::InvalidSyntax,
        "body: expected attributes that /Schemas lists and no others (SCIM_STRICT), found another",
    )
}

#[cfg(test)]
mod tests;
