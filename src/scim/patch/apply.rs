//! Applies PATCH operations in order, to a copy of the stored resource.

use std::cell::Cell;
use std::collections::HashMap;

use serde_json::{Map, Value};

use super::index::Index;
use super::place::PatchTarget;
use super::values::set;
use super::{Op, Operation};
use crate::fault::{Fault, Kind};
use crate::scim::path::Path;
use crate::scim::resource::{
    self, MEMBERS, MOST_VALUES, Reading, Statement, is_nothing, is_shell, missing, object,
    object_in, plain, statements, too_many, unfolded,
};
use crate::scim::schema::{Attribute, Mutability, ResourceType, Schema};
use crate::scim::target::Target;

/// The resource to store after these operations.
///
/// # Errors
/// [`Kind::InvalidValue`] for a value that does not fit its attribute; [`Kind::TooMany`] if the
/// comparisons exceed what one request may cost; [`Kind::InvalidPath`] for an unknown name that may
/// be meant for access (`active`, `userName`, `members` or a profile); [`Kind::NoTarget`] for a
/// filter that matches nothing and from which no element can be made; [`Kind::Mutability`] for a
/// removal of a required attribute. In strict mode, [`Kind::InvalidPath`] for any unknown name, and
/// [`Kind::Mutability`] for a read-only one. On an error nothing is changed.
pub fn apply(
    types: &ResourceType,
    known: &Map<String, Value>,
    operations: &[Operation],
    strict: bool,
) -> Result<Map<String, Value>, Fault> {
    let mut work = Work {
        types,
        strict,
        kept: known.clone(),
        effort: Cell::new(0),
        operations: operations.len(),
        indexes: HashMap::new(),
    };
    for operation in operations {
        match (&operation.path, &operation.value) {
            (Some(path), value) => work.change(operation.op, path, value.as_ref())?,
            (None, Some(Value::Object(members))) => work.change_all(operation.op, None, members)?,
            (None, _) => {}
        }
    }
    let kept = work.tidied(known)?;
    match missing(types, &kept) {
        Some(name) => Err(Fault::value(name, "a string that is not empty", "none")),
        None => Ok(kept),
    }
}

struct Work<'a> {
    types: &'a ResourceType,
    strict: bool,
    kept: Map<String, Value>,
    /// The number of comparisons so far; see [`PatchTarget::effort`].
    effort: Cell<usize>,
    operations: usize,
    /// An index of the elements of long attributes, by URN and name.
    indexes: HashMap<(Option<&'static str>, &'static str), Index>,
}

impl Work<'_> {
    /// Applies an operation without a path, or with an extension's URN as its path: each member of
    /// the value is a path and its value.
    fn change_all(
        &mut self,
        op: Op,
        urn: Option<&'static str>,
        members: &Map<String, Value>,
    ) -> Result<(), Fault> {
        for Statement { path, value } in statements(self.types, urn, members, self.reading())? {
            self.change(op, &path, Some(&value))?;
        }
        Ok(())
    }

    fn change(&mut self, op: Op, path: &Path, value: Option<&Value>) -> Result<(), Fault> {
        let (attribute, sub) = match path.target(self.types)? {
            Target::Attribute(attribute, sub) => (attribute, sub),
            Target::Extension(urn) => return self.change_extension(op, urn, value),
            // A user leaves a group by a PATCH of the group, not of the user's `groups` (RFC 7643
            // §4.1.2).
            Target::ReadOnly if self.strict || op == Op::Remove && path.filter.is_some() => {
                return Err(read_only());
            }
            Target::ReadOnly => return Ok(()),
            Target::Nowhere => return self.unknown(value),
        };
        let told = path.told();
        if op == Op::Remove && attribute.required {
            // RFC 7644 §3.5.2.2.
            let detail =
                format!("{told}: expected to stay, as every resource must have it, found none");
            return Err(Fault::new(Kind::Mutability, detail));
        }
        if op != Op::Remove && sub.is_some_and(is_identity) {
            let detail = format!("{told}: expected a removal and an addition, found a change");
            return Err(Fault::new(Kind::Mutability, detail));
        }
        if let (Op::Remove, Some(sub)) = (op, sub.filter(|sub| is_identity(sub))) {
            match (value, &path.filter) {
                (Some(value), None) => return self.remove_by(path, sub, value),
                _ if sub.name == "$ref" => return Err(read_only()),
                _ => {}
            }
        }
        // With a filter or a sub-attribute, the value need not identify the element: the path does.
        let is_meant_for_all = sub.is_none() && path.filter.is_none();
        let read = if is_meant_for_all { plain } else { unfolded };
        let value = value.map(|value| read(sub.unwrap_or(attribute), value, &told, self.strict));
        let value = value.transpose()?;
        value.iter().try_for_each(|value| path.check_parts(sub.unwrap_or(attribute), value))?;
        let value = value.as_deref().filter(|value| !clears(op, value));
        let (strict, operations) = (self.strict, self.operations);
        let place =
            PatchTarget { attribute, sub, told, op, strict, effort: &self.effort, operations };
        let list = (path.attribute.urn, attribute.name);
        let mut index = self.indexes.remove(&list);
        let home = match path.attribute.urn {
            None => Some(&mut self.kept),
            Some(urn) => object(&mut self.kept, urn),
        };
        let Some(home) = home else { return Ok(()) };
        match (&path.filter, attribute.multi_valued) {
            (Some(filter), _) => place.change_some(home, filter, value, &mut index),
            (None, true) => place.change_list(home, value, &mut index),
            (None, false) => place.change_one(home, value),
        }?;
        self.indexes.extend(index.map(|index| (list, index)));
        Ok(())
    }

    /// Removes the elements whose `value` or `$ref` is one of these.
    fn remove_by(&mut self, path: &Path, sub: &Attribute, value: &Value) -> Result<(), Fault> {
        let named = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        let element = |value: &Value| Map::from_iter([(sub.name.to_owned(), value.clone())]);
        let named: Value = named.iter().map(element).collect();
        self.change(Op::Remove, &Path { sub: None, ..path.clone() }, Some(&named))
    }

    /// Applies an operation whose path is an extension's URN alone.
    fn change_extension(
        &mut self,
        op: Op,
        urn: &'static str,
        value: Option<&Value>,
    ) -> Result<(), Fault> {
        let value = value.map(|value| object_in(value, urn, self.reading())).transpose()?;
        match (op, value.flatten()) {
            (Op::Remove | Op::Replace, None) => {
                self.kept.remove(urn);
                self.indexes.clear();
            }
            (Op::Add, None) => {}
            (op, Some(members)) => self.change_all(op, Some(urn), &members)?,
        }
        Ok(())
    }

    /// Ignores an unknown attribute unless strict: one wrong mapping must not block all others.
    fn unknown(&self, value: Option<&Value>) -> Result<(), Fault> {
        let detail = "path: expected an attribute that /Schemas lists, found another";
        match self.strict {
            true => Err(Fault::new(Kind::InvalidPath, detail)),
            false => self.types.check_stranger("", value),
        }
    }

    const fn reading(&self) -> Reading {
        Reading::of(self.strict)
    }

    /// Drops new elements that have labels but no value, and refuses more elements of an attribute
    /// than may be stored. Elements that were there before are kept.
    fn tidied(self, known: &Map<String, Value>) -> Result<Map<String, Value>, Fault> {
        let mut kept = resource::take_again(self.types, self.kept)?;
        tidy(&self.types.core, Some(known), &mut kept)?;
        for extension in &self.types.extensions {
            let known = known.get(extension.id).and_then(Value::as_object);
            if let Some(Value::Object(kept)) = kept.get_mut(extension.id) {
                tidy(extension, known, kept)?;
            }
        }
        Ok(kept)
    }
}

fn tidy(
    schema: &Schema,
    known: Option<&Map<String, Value>>,
    kept: &mut Map<String, Value>,
) -> Result<(), Fault> {
    for attribute in schema.attributes.iter().filter(|attribute| attribute.name != MEMBERS) {
        let Some(Value::Array(values)) = kept.get_mut(attribute.name) else { continue };
        let known = known.and_then(|known| known.get(attribute.name)).and_then(Value::as_array);
        let known = known.map(Vec::as_slice).unwrap_or_default();
        let is_new = |value: &Value| is_shell(attribute, value) && !known.contains(value);
        let is_preferred = |value: &Value| value.get("primary") == Some(&Value::Bool(true));
        let is_restored = values.iter().any(|value| is_new(value) && is_preferred(value));
        values.retain(|value| !is_new(value));
        if is_restored {
            values.iter_mut().for_each(|value| prefer_again(value, known));
        }
        if values.len() > MOST_VALUES.max(known.len()) {
            return Err(too_many(attribute.name));
        }
        if values.is_empty() {
            kept.remove(attribute.name);
        }
    }
    Ok(())
}

/// Restores `primary` of an element that lost it to a dropped element.
fn prefer_again(value: &mut Value, known: &[Value]) {
    let mut preferred = value.clone();
    set(&mut preferred, "primary", Some(true.into()));
    if known.contains(&preferred) {
        *value = preferred;
    }
}

/// True if a value clears its target. A removal lists what to remove, so an empty list, or one
/// without names, removes nothing.
fn clears(op: Op, value: &Value) -> bool {
    if op == Op::Remove { value.is_null() } else { is_nothing(value) }
}

/// True for the sub-attributes that identify a member of a group: `value` and `$ref`.
fn is_identity(sub: &Attribute) -> bool {
    ["value", "$ref"].contains(&sub.name) && sub.mutability == Mutability::Immutable
}

fn read_only() -> Fault {
    let detail = "path: expected an attribute that clients may write, found one that they may not";
    Fault::new(Kind::Mutability, detail)
}
