//! PATCH (RFC 7644 §3.5.2): parses the operations and applies them to a stored resource. Pure, and
//! all or nothing.
//!
//! The dialects of Okta and Entra ID are accepted: operations without a path whose value has plain,
//! dotted or URN names; operations with a value filter that create the element if none matches;
//! removals that list what to remove. `SCIM_STRICT` ends this wherever the RFC says otherwise.

mod apply;
mod index;
mod place;
mod values;

use serde_json::{Map, Value};

pub use apply::apply;

use super::path::{Path, is_urn};
use super::resource::{Reading, is_core, names_schema, object_in};
use super::schema::ResourceType;
use crate::fault::{Fault, Kind};
use crate::json::{describe, is_document, member};

/// The maximum number of operations in a request.
pub const MAX_OPERATIONS: usize = 1000;

/// The schema URN of a PATCH body.
const SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// The `op` of an operation (RFC 7644 §3.5.2), in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Adds values to a multi-valued attribute; sets a single-valued one.
    Add,
    /// Removes values.
    Remove,
    /// Replaces values.
    Replace,
}

/// One parsed operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Its kind.
    pub op: Op,
    /// The target. Without a path, the members of `value` name the targets.
    pub path: Option<Path>,
    /// The value; `None` if it is missing or null. Without a path it is an object.
    pub value: Option<Value>,
}

/// Parses the operations of a PATCH body.
///
/// # Errors
/// [`Kind::InvalidSyntax`] if the body is not a PATCH with 1 to [`MAX_OPERATIONS`] operations;
/// [`Kind::InvalidPath`] or [`Kind::InvalidFilter`] for an invalid path.
pub fn read(
    body: &Map<String, Value>,
    types: &ResourceType,
    strict: bool,
) -> Result<Vec<Operation>, Fault> {
    if strict && !names_schema(body, SCHEMA) {
        return Err(syntax(format!("schemas: expected {SCHEMA}, found none")));
    }
    let operations = match member(body, "Operations") {
        Some(Value::Array(operations)) => operations,
        Some(other) => {
            return Err(syntax(format!("Operations: expected a list, found {}", describe(other))));
        }
        None => return Err(syntax("Operations: expected a list, found none".to_owned())),
    };
    if !(1..=MAX_OPERATIONS).contains(&operations.len()) {
        let found = operations.len();
        return Err(syntax(format!("Operations: expected 1 to {MAX_OPERATIONS}, found {found}")));
    }
    let read = operations.iter().map(|operation| read_one(operation, types, strict));
    Ok(read.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// Parses one operation; `None` if its path has the URN of a foreign schema, which is ignored.
fn read_one(
    operation: &Value,
    types: &ResourceType,
    strict: bool,
) -> Result<Option<Operation>, Fault> {
    let members = operation.as_object().ok_or_else(|| {
        syntax(format!("Operations: expected objects, found {}", describe(operation)))
    })?;
    let op = Op::read(member(members, "op"))?;
    let said = member(members, "path");
    let mut value = member(members, "value").cloned();
    let path = match read_path(said, types, strict) {
        // Attributes of a foreign URN are ignored, as other unknown attributes are.
        Err(_) if !strict && said.is_some_and(|said| is_foreign_urn(said, types)) => {
            let said = said.and_then(Value::as_str).unwrap_or_default();
            return types.check_stranger(said, value.as_ref()).map(|()| None);
        }
        path => path?,
    };
    let is_silent = !members.keys().any(|name| name.eq_ignore_ascii_case("value"));
    match &path {
        None => {
            if let Some(text @ Value::String(document)) = &value
                && !strict
                && is_document(document)
            {
                let read = object_in(text, "value", Reading::Lenient)?;
                value = read.map(|members| members.into_owned().into());
            }
            check_members(op, value.as_ref(), strict)?;
        }
        // Some clients omit a null value, which is required (RFC 7644 §3.5.2.1). A missing value
        // never empties a group.
        Some(path) if is_silent && op != Op::Remove && (strict || path.is_members()) => {
            return Err(Fault::value("value", "one to add or replace", "none"));
        }
        Some(_) => {}
    }
    Ok(Some(Operation { op, path, value }))
}

impl Op {
    fn read(said: Option<&Value>) -> Result<Self, Fault> {
        let said = said.and_then(Value::as_str).unwrap_or_default();
        match said.to_ascii_lowercase().as_str() {
            "add" => Ok(Self::Add),
            "remove" => Ok(Self::Remove),
            "replace" => Ok(Self::Replace),
            _ => Err(syntax("op: expected add, remove or replace, found another".to_owned())),
        }
    }
}

/// Parses the path of an operation; `None` if it is missing, empty, or the core schema's URN, which
/// stands for the whole resource.
fn read_path(
    said: Option<&Value>,
    types: &ResourceType,
    strict: bool,
) -> Result<Option<Path>, Fault> {
    match said {
        None => Ok(None),
        Some(Value::String(path)) if path.trim().is_empty() => Ok(None),
        Some(Value::String(path)) if !strict && is_core(types, path) => Ok(None),
        Some(Value::String(path)) => Path::parse(path, types, strict).map(Some),
        Some(other) => Err(syntax(format!("path: expected a string, found {}", describe(other)))),
    }
}

/// True if a path starts with a URN that is not one of this type's schemas.
fn is_foreign_urn(path: &Value, types: &ResourceType) -> bool {
    let path = path.as_str().unwrap_or_default().trim();
    let mut own = std::iter::once(&types.core).chain(&types.extensions);
    let is_below = |id: &str| {
        let parts = path.split_at_checked(id.len());
        parts.is_some_and(|(front, rest)| {
            front.eq_ignore_ascii_case(id) && rest.starts_with([':', '.'])
        })
    };
    is_urn(path) && !own.any(|schema| is_below(schema.id))
}

/// Checks that an operation without a path is no removal and has an object as its value.
fn check_members(op: Op, value: Option<&Value>, strict: bool) -> Result<(), Fault> {
    match (op, value) {
        (Op::Remove, _) => {
            Err(Fault::new(Kind::NoTarget, "path: expected what to remove, found none"))
        }
        // RFC 7644 §3.5.2.3 asks for "a list of one or more attributes".
        (Op::Replace, Some(Value::Object(members))) if strict && members.is_empty() => {
            Err(syntax("value: expected an attribute at least, found none".to_owned()))
        }
        (_, Some(Value::Object(_))) => Ok(()),
        (_, found) => {
            let found = found.map_or("none", describe);
            let expected = "an object, since there is no path";
            Err(syntax(format!("value: expected {expected}, found {found}")))
        }
    }
}

fn syntax(detail: String) -> Fault {
    Fault::new(Kind::InvalidSyntax, detail)
}

#[cfg(test)]
mod tests;
