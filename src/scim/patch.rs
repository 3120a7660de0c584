//! PATCH (RFC 7644 §3.5.2): operations on what is kept → what is kept then. Pure, and all or nothing.
//!
//! Both dialects of both identity providers are understood: operations without a path whose value has
//! plain, dotted or URN names; operations by value filter that make the value they do not find;
//! removals with a list of what to remove. `SCIM_STRICT` ends that where the RFC says otherwise.

mod apply;
mod values;

use serde_json::{Map, Value};

pub use apply::apply;

use super::path::Path;
use super::schema::ResourceType;
use crate::fault::{Fault, Kind};
use crate::json::{describe, member};

/// A request may have so many operations.
pub const MAX_OPERATIONS: usize = 1000;

/// What a PATCH body says it is.
const SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Adds values, and replaces single ones.
    Add,
    /// Removes values.
    Remove,
    /// Replaces values.
    Replace,
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// What it does.
    pub op: Op,
    /// To what; to the members that the value names, without one.
    pub path: Option<Path>,
    /// By what; `null` and none are the same.
    pub value: Option<Value>,
}

/// Reads the operations of a PATCH body.
///
/// # Errors
/// [`Kind::InvalidSyntax`] if it is none; [`Kind::InvalidPath`] and [`Kind::InvalidFilter`] for a
/// path.
pub fn read(
    body: &Map<String, Value>,
    types: &ResourceType,
    strict: bool,
) -> Result<Vec<Operation>, Fault> {
    let says_so = member(body, "schemas").and_then(Value::as_array).is_some_and(|schemas| {
        schemas.iter().filter_map(Value::as_str).any(|urn| urn.eq_ignore_ascii_case(SCHEMA))
    });
    if strict && !says_so {
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

/// Reads one operation; `None` if it is about what no schema has, which is passed over.
fn read_one(
    operation: &Value,
    types: &ResourceType,
    strict: bool,
) -> Result<Option<Operation>, Fault> {
    let members = operation.as_object().ok_or_else(|| {
        syntax(format!("Operations: expected objects, found {}", describe(operation)))
    })?;
    let op = match member(members, "op") {
        Some(Value::String(op)) => op.to_ascii_lowercase(),
        _ => String::new(),
    };
    let op = match op.as_str() {
        "add" => Op::Add,
        "remove" => Op::Remove,
        "replace" => Op::Replace,
        _ => return Err(syntax("op: expected add, remove or replace, found another".to_owned())),
    };
    let path = match member(members, "path") {
        None => None,
        Some(Value::String(path)) if path.trim().is_empty() => None,
        Some(Value::String(path)) => match Path::read(path, types) {
            Ok(path) => Some(path),
            // Another URN's attributes are no more ours than any other unknown ones.
            Err(_) if !strict && path.to_ascii_lowercase().starts_with("urn:") => return Ok(None),
            Err(fault) => return Err(fault),
        },
        Some(other) => {
            return Err(syntax(format!("path: expected a string, found {}", describe(other))));
        }
    };
    let value = member(members, "value").cloned();
    if path.is_none() {
        match (&value, op) {
            (_, Op::Remove) => {
                let detail = "path: expected what to remove, found none";
                return Err(Fault::new(Kind::NoTarget, detail));
            }
            (Some(Value::Object(_)), _) => {}
            (found, _) => {
                let found = found.as_ref().map_or("none", describe);
                let detail =
                    format!("value: expected an object, since there is no path, found {found}");
                return Err(syntax(detail));
            }
        }
    }
    Ok(Some(Operation { op, path, value }))
}

fn syntax(detail: String) -> Fault {
    Fault::new(Kind::InvalidSyntax, detail)
}

#[cfg(test)]
mod tests;
