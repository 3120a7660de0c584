//! Operations, one after the other, on a copy.

use std::cell::Cell;

use serde_json::{Map, Value};

use super::place::{Place, is_nothing};
use super::{Op, Operation};
use crate::fault::{Fault, Kind};
use crate::json::describe;
use crate::scim::path::{AttributePath, Path};
use crate::scim::resource::{self, is_schemas, missing, object};
use crate::scim::schema::{Attribute, Mutability, ResourceType};

/// What is kept after these operations.
///
/// # Errors
/// [`Kind::InvalidValue`] for a value that is none of its attribute's; [`Kind::TooMany`] for more work
/// than a request may make; [`Kind::NoTarget`] for a filter that nothing matches, and from which
/// nothing can be made; [`Kind::Mutability`] for a removal of what a resource must have; strict,
/// [`Kind::InvalidPath`] too, and [`Kind::Mutability`] for what is read-only. Then nothing is changed.
pub fn apply(
    types: &ResourceType,
    known: &Map<String, Value>,
    operations: &[Operation],
    strict: bool,
) -> Result<Map<String, Value>, Fault> {
    let mut work = Work { types, strict, kept: known.clone(), effort: Cell::new(0) };
    for operation in operations {
        match &operation.path {
            Some(path) => work.change(operation.op, path, operation.value.as_ref())?,
            None => work.change_all(operation)?,
        }
    }
    let kept = resource::take(types, &work.kept, false)?;
    match missing(types, &kept) {
        Some(name) => Err(Fault::value(name, "a string that is not empty", "none")),
        None => Ok(kept),
    }
}

struct Work<'a> {
    types: &'a ResourceType,
    strict: bool,
    kept: Map<String, Value>,
    /// How many values were held against another so far.
    effort: Cell<usize>,
}

impl Work<'_> {
    /// An operation without a path: each member of its value is a path and a value.
    fn change_all(&mut self, operation: &Operation) -> Result<(), Fault> {
        let Some(Value::Object(members)) = &operation.value else { return Ok(()) };
        for (name, value) in members {
            if is_schemas(name) {
                continue;
            }
            if let (Some(extension), Value::Object(members)) = (self.types.extension(name), value) {
                for (name, value) in members.iter().filter(|(name, _)| !is_schemas(name)) {
                    let urn = Some(extension.id);
                    let attribute = AttributePath { urn, name: name.clone(), sub: None };
                    let path = Path { attribute, filter: None, sub: None };
                    self.change(operation.op, &path, Some(value))?;
                }
                continue;
            }
            match Path::read(name, self.types) {
                Ok(path) => self.change(operation.op, &path, Some(value))?,
                Err(fault) if self.strict => return Err(fault),
                Err(_) => {}
            }
        }
        Ok(())
    }

    fn change(&mut self, op: Op, path: &Path, value: Option<&Value>) -> Result<(), Fault> {
        let value = value.filter(|value| !clears(op, value));
        if path.attribute.name.is_empty() {
            return self.change_extension(op, path, value);
        }
        let Some(attribute) = path.attribute.attribute(self.types) else { return self.unknown() };
        let sub = match &path.sub {
            None => None,
            Some(name) => match attribute.sub_attribute(name) {
                None => return self.unknown(),
                sub => sub,
            },
        };
        let last = sub.unwrap_or(attribute);
        if [attribute.mutability, last.mutability].contains(&Mutability::ReadOnly) {
            return if self.strict { Err(read_only()) } else { Ok(()) };
        }
        let told = AttributePath { sub: path.sub.clone(), ..path.attribute.clone() }.to_string();
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
        let place = Place { attribute, sub, told, op, strict: self.strict, effort: &self.effort };
        let urn = path.attribute.urn;
        let home = match urn {
            None => Some(&mut self.kept),
            Some(urn) => object(&mut self.kept, urn),
        };
        let Some(home) = home else { return Ok(()) };
        match (&path.filter, attribute.multi_valued) {
            (Some(filter), true) => place.change_some(home, filter, value),
            (Some(_), false) => self.unknown(),
            (None, true) => place.change_list(home, value),
            (None, false) => place.change_one(home, value),
        }
    }

    /// The path is an extension's URN alone.
    fn change_extension(
        &mut self,
        op: Op,
        path: &Path,
        value: Option<&Value>,
    ) -> Result<(), Fault> {
        let Some(urn) = path.attribute.urn else { return Ok(()) };
        match (op, value) {
            (Op::Remove, _) | (Op::Replace, None) => drop(self.kept.remove(urn)),
            (_, None) => {}
            (op, Some(value @ Value::Object(_))) => {
                let value = Map::from_iter([(urn.to_owned(), value.clone())]);
                self.change_all(&Operation { op, path: None, value: Some(value.into()) })?;
            }
            (_, Some(other)) => return Err(Fault::value(urn, "an object", describe(other))),
        }
        Ok(())
    }

    /// What no schema has is passed over: one wrong mapping must not hold up all the others.
    fn unknown(&self) -> Result<(), Fault> {
        let detail = "path: expected an attribute that /Schemas lists, found another";
        if self.strict { Err(Fault::new(Kind::InvalidPath, detail)) } else { Ok(()) }
    }
}

/// Whether a value clears what it is meant for. An object says something of each part that it names, and
/// who removes a list of nobody, or one without a name, removes nobody.
fn clears(op: Op, value: &Value) -> bool {
    if op == Op::Remove { value.is_null() } else { is_nothing(value) }
}

/// Whether a part is that by which a member is told from others.
fn is_identity(sub: &Attribute) -> bool {
    sub.name == "value" && sub.mutability == Mutability::Immutable
}

fn read_only() -> Fault {
    let detail = "path: expected an attribute that clients may write, found one that they may not";
    Fault::new(Kind::Mutability, detail)
}
