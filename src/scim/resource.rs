//! Turns what a client sent into the stored resource: names as in the attribute table, values as
//! sent.
//!
//! Variations of identity providers are accepted unless `SCIM_STRICT` is set: names in any case,
//! booleans and numbers as strings, a string for a complex value, JSON inside a string, names that
//! are flattened, nested or without their URN, and unknown attributes, which are dropped. `null`
//! and an empty string, list or object mean "unassigned" (RFC 7643 §2.5).

mod fit;
mod member;
mod said;
mod sought;
mod statement;

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::on_invalid::OnInvalid;
use super::schema::{Attribute, Mutability, ResourceType};
use super::target::Target;
use crate::fault::{Fault, Kind};
use crate::json;

pub(super) use fit::{fit, fit_one, primary};
pub(super) use member::MEMBERS;
pub(super) use said::{
    MOST_VALUES, Reading, is_nothing, is_shell, plain, too_many, unfolded, without_shells,
};
pub use sought::{Share, Sought};
pub(super) use statement::{Statement, is_core, object_in, statements};

/// The writable attributes of what a client sent.
///
/// # Errors
/// [`Kind::InvalidValue`] for a value that does not fit its attribute, and for an unknown name that
/// may be meant for access: `active`, `userName`, `members` or a profile. In strict mode,
/// [`Kind::InvalidSyntax`] for any unknown attribute.
pub fn take(
    types: &ResourceType,
    sent: &Map<String, Value>,
    strict: bool,
) -> Result<Map<String, Value>, Fault> {
    walk(types, sent, Reading::of(strict), &mut OnInvalid::Reject)
}

/// As [`take`], for data that was never checked against the attribute table: what does not fit is
/// dropped.
#[must_use]
pub fn take_what_fits(types: &ResourceType, sent: &Map<String, Value>) -> Map<String, Value> {
    let walk =
        |sent| walk(types, sent, Reading::Kept, &mut OnInvalid::lenient()).unwrap_or_default();
    if !is_plain(types, sent) {
        return walk(sent);
    }
    // Members already in stored form are only copied; that is nearly all of a user who came by
    // SCIM.
    let is_kept = |(name, value): &(&String, &Value)| is_as_kept(types, name, value);
    let copy = |(name, value): (&String, &Value)| (name.clone(), value.clone());
    let others: Map<_, _> = sent.iter().filter(|it| !is_kept(it)).map(copy).collect();
    let mut kept = if others.is_empty() { others } else { walk(&others) };
    kept.extend(sent.iter().filter(is_kept).map(copy));
    kept
}

/// As [`take_what_fits`], consuming `sent`; returns it unchanged if everything fits.
#[must_use]
pub fn into_what_fits(types: &ResourceType, sent: Map<String, Value>) -> Map<String, Value> {
    let is_kept = |(name, value): (&String, &Value)| is_as_kept(types, name, value);
    if is_plain(types, &sent) && sent.iter().all(is_kept) {
        return sent;
    }
    take_what_fits(types, &sent)
}

/// Restores the stored form of a resource after a PATCH: drops members that became empty.
pub(super) fn take_again(
    types: &ResourceType,
    kept: Map<String, Value>,
) -> Result<Map<String, Value>, Fault> {
    if !is_plain(types, &kept) {
        return walk(types, &kept, Reading::Kept, &mut OnInvalid::Reject);
    }
    // Members already in stored form are moved, not rebuilt: a group may have many members.
    let (fitted, others): (Map<_, _>, Map<_, _>) =
        kept.into_iter().partition(|(name, value)| is_as_kept(types, name, value));
    let mut kept = walk(types, &others, Reading::Kept, &mut OnInvalid::Reject)?;
    kept.extend(fitted);
    Ok(kept)
}

/// True if each name is that of a whole attribute or extension, spelled as in the table. Then no
/// two members can refer to the same attribute.
fn is_plain(types: &ResourceType, kept: &Map<String, Value>) -> bool {
    let is_own = |name: &str| types.attribute(name).is_some_and(|own| own.name == name);
    kept.keys().all(|name| is_own(name) || types.extensions.iter().any(|own| own.id == name))
}

/// True if a member of a plain resource already has the stored form.
fn is_as_kept(types: &ResourceType, name: &str, value: &Value) -> bool {
    let is_fitted = |own: Option<&Attribute>, name: &str, value: &Value| {
        let own = own.filter(|own| own.name == name && own.mutability != Mutability::ReadOnly);
        own.is_some_and(|attribute| fit::is_fitted(attribute, value))
    };
    match (types.extensions.iter().find(|schema| schema.id == name), value) {
        (None, value) => is_fitted(types.attribute(name), name, value),
        (Some(schema), Value::Object(members)) => {
            let is_member =
                |(name, value): (&String, &Value)| is_fitted(schema.attribute(name), name, value);
            !members.is_empty() && members.iter().all(is_member)
        }
        (Some(_), _) => false,
    }
}

fn walk(
    types: &ResourceType,
    sent: &Map<String, Value>,
    reading: Reading,
    on_invalid: &mut OnInvalid,
) -> Result<Map<String, Value>, Fault> {
    let mut kept = Map::new();
    // Faults in attribute names are worded for PATCH paths; in a body they get the kinds of a body.
    let of_body = |fault: Fault| match fault.kind {
        Kind::InvalidPath | Kind::InvalidFilter if reading == Reading::Strict => unknown(),
        Kind::InvalidPath | Kind::InvalidFilter => Fault { kind: Kind::InvalidValue, ..fault },
        _ => fault,
    };
    for statement in statements(types, None, sent, reading).map_err(of_body)? {
        if let Err(fault) = keep(types, &mut kept, &statement, reading) {
            on_invalid.leave_out(of_body(fault))?;
        }
    }
    Ok(kept)
}

/// The resource to store for a POST (RFC 7644 §3.3): complete, with all required attributes.
///
/// # Errors
/// As for [`take`], and [`Kind::InvalidValue`] if a required attribute is missing. In strict mode,
/// [`Kind::InvalidSyntax`] if `schemas` does not list the schemas of the attributes sent.
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

/// The resource to store for a PUT (RFC 7644 §3.5.1): what was sent. A missing `active` keeps its
/// value.
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

/// The first required attribute that is missing.
#[must_use]
pub fn missing(types: &ResourceType, kept: &Map<String, Value>) -> Option<&'static str> {
    let required = types.core.attributes.iter().filter(|attribute| attribute.required);
    required.map(|attribute| attribute.name).find(|name| !kept.contains_key(*name))
}

/// Checks that `schemas` lists the schemas in use (RFC 7643 §3: `schemas` is required).
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

/// True if the `schemas` of a body contain a URN, in any case.
pub(super) fn names_schema(body: &Map<String, Value>, urn: &str) -> bool {
    let schemas = json::member(body, "schemas").and_then(Value::as_array);
    let mut said = schemas.into_iter().flatten().filter_map(Value::as_str);
    said.any(|said| said.eq_ignore_ascii_case(urn))
}

/// The URNs for `schemas`: the core schema, and each extension that the resource has.
#[must_use]
pub fn schemas_of(types: &ResourceType, resource: &Map<String, Value>) -> Vec<Value> {
    urns(types, resource).map(Value::from).collect()
}

fn urns(types: &ResourceType, resource: &Map<String, Value>) -> impl Iterator<Item = &'static str> {
    let extensions = types.extensions.iter().map(|schema| schema.id);
    let extensions = extensions.filter(|urn| resource.contains_key(*urn));
    std::iter::once(types.core.id).chain(extensions)
}

/// Stores one value at its path, if the attribute is known and writable.
fn keep(
    types: &ResourceType,
    kept: &mut Map<String, Value>,
    Statement { path, value }: &Statement<'_>,
    reading: Reading,
) -> Result<(), Fault> {
    let strict = reading == Reading::Strict;
    let (attribute, sub) = match path.target(types)? {
        Target::Attribute(attribute, sub) => (attribute, sub),
        Target::Extension(_) | Target::ReadOnly => return Ok(()),
        Target::Nowhere if strict => return Err(unknown()),
        Target::Nowhere => return types.check_stranger("", Some(value)),
    };
    let told = path.told();
    if path.filter.is_some() || sub.is_some() && attribute.multi_valued {
        let detail = Fault::value(&told, "all its values in a list", "some, or a part of them");
        return Err(if strict { unknown() } else { detail });
    }
    let last = sub.unwrap_or(attribute);
    let value = match reading {
        Reading::Kept => Cow::Borrowed(value.as_ref()),
        _ => {
            let value = plain(last, value, &told, strict)?;
            path.check_parts(last, &value)?;
            without_shells(last, value)
        }
    };
    let Some(fitted) = fit(last, &value, &told, strict)? else { return Ok(()) };
    let home = match path.attribute.urn {
        None => Some(kept),
        Some(urn) => object(kept, urn),
    };
    match (home, sub) {
        (Some(home), None) => drop(home.insert(attribute.name.to_owned(), fitted)),
        (Some(home), Some(sub)) => {
            if let Some(complex) = object(home, attribute.name) {
                complex.insert(sub.name.to_owned(), fitted);
            }
        }
        (None, _) => {}
    }
    Ok(())
}

/// The member of this name as an object, created if it is missing; `None` if it is of another type.
pub(super) fn object<'a>(
    home: &'a mut Map<String, Value>,
    name: &str,
) -> Option<&'a mut Map<String, Value>> {
    home.entry(name).or_insert_with(|| Map::new().into()).as_object_mut()
}

pub(super) fn unknown() -> Fault {
    Fault::new(
        Kind::InvalidSyntax,
        "body: expected attributes that /Schemas lists and no others (SCIM_STRICT), found another",
    )
}

#[cfg(test)]
mod tests;
