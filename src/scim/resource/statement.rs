//! Splits a body into statements, each a path and a value. Flattened names, members nested under a
//! schema's URN, names without a URN, and JSON in a string give the same result.
//!
//! A POST, a PUT and a PATCH without a path are all read this way.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Map, Value};

use super::said::{Reading, is_schemas};
use crate::fault::{Fault, Kind};
use crate::json::{self, describe};
use crate::scim::path::{AttributePath, Path};
use crate::scim::schema::ResourceType;

/// A path and its value.
#[derive(Debug)]
pub(in crate::scim) struct Statement<'a> {
    /// The target of the value.
    pub(in crate::scim) path: Path,
    /// The value as sent.
    pub(in crate::scim) value: Cow<'a, Value>,
}

/// Splits a body, or the object of the extension `urn` if given. Whole attributes come before
/// sub-attributes.
///
/// # Errors
/// [`Kind::InvalidPath`] and [`Kind::InvalidFilter`] for an invalid name that may not be ignored;
/// [`Kind::InvalidValue`] for an extension that is not an object, and for an attribute given twice
/// with different values.
pub(in crate::scim) fn statements<'a>(
    types: &ResourceType,
    urn: Option<&'static str>,
    members: &'a Map<String, Value>,
    reading: Reading,
) -> Result<Vec<Statement<'a>>, Fault> {
    let mut all = Vec::with_capacity(members.len());
    collect(types, urn, members, reading, &mut all)?;
    all.sort_by_key(|statement| statement.path.sub.is_some());
    if reading != Reading::Kept {
        check_agreement(&all)?;
    }
    Ok(all)
}

/// The object that a value is, or contains as JSON in a string; `None` if it is empty.
///
/// # Errors
/// [`Kind::InvalidValue`] if it is something else.
pub(in crate::scim) fn object_in<'a>(
    value: &'a Value,
    told: &str,
    reading: Reading,
) -> Result<Option<Cow<'a, Map<String, Value>>>, Fault> {
    let is_lenient = reading == Reading::Lenient;
    match value {
        Value::Null => Ok(None),
        Value::Object(members) => Ok(Some(Cow::Borrowed(members))),
        _ if reading == Reading::Kept => Ok(None),
        Value::String(text) if is_lenient && text.is_empty() => Ok(None),
        Value::String(text) if is_lenient && json::is_document(text) => {
            match json::read(text.as_bytes()) {
                Ok(Value::Object(members)) => Ok(Some(Cow::Owned(members))),
                _ => Err(Fault::value(told, "an object", "a string that is not one")),
            }
        }
        Value::Array(values) if is_lenient && values.len() < 2 => {
            values.first().map_or(Ok(None), |value| object_in(value, told, reading))
        }
        other => Err(Fault::value(told, "an object", describe(other))),
    }
}

/// True if a name is the core schema's URN. Some clients nest core attributes under it, as they do
/// for an extension.
pub(in crate::scim) fn is_core(types: &ResourceType, name: &str) -> bool {
    name.trim().eq_ignore_ascii_case(types.core.id)
}

fn collect<'a>(
    types: &ResourceType,
    urn: Option<&'static str>,
    members: &'a Map<String, Value>,
    reading: Reading,
    all: &mut Vec<Statement<'a>>,
) -> Result<(), Fault> {
    for (name, value) in members.iter().filter(|(name, _)| !is_schemas(name)) {
        if let Some(extension) = types.extension(name) {
            nested(types, Some(extension.id), value, reading, all)?;
        } else if reading == Reading::Lenient && is_core(types, name) {
            nested(types, None, value, reading, all)?;
        } else {
            match Path::read_in(urn, name, types, reading != Reading::Lenient) {
                Ok(path) => all.push(Statement { path, value: Cow::Borrowed(value) }),
                Err(fault) if reading == Reading::Strict => return Err(fault),
                Err(_) if reading == Reading::Kept => {}
                Err(fault) if is_of_an_attribute(types, name) => return Err(fault),
                Err(_) => types.check_stranger(name, Some(value))?,
            }
        }
    }
    Ok(())
}

/// The statements in the object of a schema. An extension without members becomes one that clears
/// it.
fn nested<'a>(
    types: &ResourceType,
    urn: Option<&'static str>,
    value: &'a Value,
    reading: Reading,
    all: &mut Vec<Statement<'a>>,
) -> Result<(), Fault> {
    match object_in(value, urn.unwrap_or(types.core.id), reading)? {
        Some(Cow::Borrowed(members)) => collect(types, urn, members, reading, all),
        Some(Cow::Owned(members)) => {
            let mut own = Vec::new();
            collect(types, urn, &members, reading, &mut own)?;
            all.extend(own.into_iter().map(Statement::into_owned));
            Ok(())
        }
        None => {
            let whole = |urn| AttributePath { urn: Some(urn), name: String::new(), sub: None };
            all.extend(urn.map(whole).map(|attribute| Statement {
                path: Path { attribute, filter: None, sub: None },
                value: Cow::Owned(Value::Null),
            }));
            Ok(())
        }
    }
}

/// True if the part of a name before its brackets is a known attribute.
fn is_of_an_attribute(types: &ResourceType, name: &str) -> bool {
    let front = name.split('[').next().unwrap_or_default().trim();
    let front = AttributePath::parse(front, types).map(|front| front.at_home(types));
    front.is_ok_and(|front| front.attribute(types).is_some())
}

/// Refuses a body that gives one attribute twice, in two spellings and with different values:
/// readers would disagree about which one counts.
fn check_agreement(all: &[Statement<'_>]) -> Result<(), Fault> {
    let mut said: HashMap<String, &Value> = HashMap::with_capacity(all.len());
    for Statement { path, value } in all.iter().filter(|it| it.path.filter.is_none()) {
        let earlier = said.insert(path.told().to_ascii_lowercase(), value);
        if earlier.is_some_and(|earlier| *earlier != **value) {
            let detail =
                "body: expected each attribute once, found one twice, with different values";
            return Err(Fault::new(Kind::InvalidValue, detail));
        }
    }
    Ok(())
}

impl Statement<'_> {
    fn into_owned<'b>(self) -> Statement<'b> {
        Statement { path: self.path, value: Cow::Owned(self.value.into_owned()) }
    }
}
