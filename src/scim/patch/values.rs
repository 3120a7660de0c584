//! Operations on the elements of a multi-valued attribute: add, remove, set the primary one.
//! Equality follows `caseExact` (RFC 7643 §7).

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value};

use super::index::Index;
use crate::json::member;
use crate::scim::resource::primary;
use crate::scim::schema::Attribute;

/// Up to this many elements are removed one by one.
const FEW: usize = 8;

/// The elements of a multi-valued attribute, for changes in place; created empty if it is missing.
/// Empty lists are dropped when the PATCH ends.
pub(super) fn list<'a>(home: &'a mut Map<String, Value>, name: &str) -> &'a mut Vec<Value> {
    let values = home.entry(name).or_insert_with(|| Value::Array(Vec::new()));
    if !values.is_array() {
        *values = Value::Array(Vec::new());
    }
    #[expect(clippy::unreachable, reason = "it was made a list just now")]
    values.as_array_mut().unwrap_or_else(|| unreachable!())
}

pub(super) fn set(element: &mut Value, name: &str, value: Option<Value>) {
    let Some(members) = element.as_object_mut() else { return };
    match value {
        Some(value) => drop(members.insert(name.to_owned(), value)),
        None => drop(members.remove(name)),
    }
}

/// True if an element has more than labels (`type`, `primary`, `display`).
fn says_something(element: &Value) -> bool {
    let labels = ["type", "primary", "display"];
    let Some(members) = element.as_object() else { return true };
    members.keys().any(|name| !labels.contains(&name.as_str()))
}

/// Merges new sub-attributes into an element. The others stay, unless `value` changes: then it is
/// another element.
pub(super) fn merge(
    attribute: &Attribute,
    complex: &mut Map<String, Value>,
    fitted: Map<String, Value>,
) {
    let own = fitted.get("value").map(|value| form_of_part(attribute, "value", value));
    let known = complex.get("value").map(|value| form_of_part(attribute, "value", value));
    if own.is_some() && own != known {
        complex.clear();
    }
    complex.extend(fitted);
}

/// The normal form of a value: equal for all values that the attribute treats as equal.
pub(super) fn form<'a>(attribute: &Attribute, value: &'a Value) -> Cow<'a, Value> {
    match value {
        Value::String(text) if !attribute.case_exact => {
            Cow::Owned(crate::caseless::folded(text).into_owned().into())
        }
        Value::Object(members) => {
            let part = |(name, value): (&String, &Value)| {
                (name.clone(), form_of_part(attribute, name, value).into_owned())
            };
            Cow::Owned(members.iter().map(part).collect())
        }
        other => Cow::Borrowed(other),
    }
}

fn form_of_part<'a>(attribute: &Attribute, name: &str, value: &'a Value) -> Cow<'a, Value> {
    attribute.sub_attribute(name).map_or(Cow::Borrowed(value), |part| form(part, value))
}

/// The normal form of an element's identity, if it has one.
fn form_of_identity<'a>(attribute: &Attribute, element: &'a Value) -> Option<Cow<'a, Value>> {
    let own = attribute.sub_attribute("value").unwrap_or(attribute);
    identity(element).map(|value| form(own, value))
}

/// Adds elements. An element whose `value` (and `type`, if given) is present already is merged into
/// that one: RFC 7643 §2.4 allows no two with the same type and value.
pub(super) fn add(
    attribute: &Attribute,
    list: &mut Vec<Value>,
    fitted: Vec<Value>,
    index: &mut Option<Index>,
) {
    let places = places(attribute, list, &fitted, index.as_ref());
    let before = list.len();
    let mut preferred = BTreeSet::new();
    for (place, element) in places.into_iter().zip(fitted) {
        if element.get("primary") == Some(&Value::Bool(true)) {
            preferred.insert(place);
        }
        match (list.get_mut(place), element) {
            (None, element) => list.push(element),
            (Some(Value::Object(known)), Value::Object(said)) => known.extend(said),
            (Some(_), _) => {}
        }
    }
    if let Some(index) = index {
        index.pushed(list.get(before..).unwrap_or_default());
    }
    prefer(list, &preferred);
}

/// Adds elements to an attribute that has at most one of each type.
pub(super) fn add_by_type(
    attribute: &Attribute,
    list: &mut Vec<Value>,
    fitted: Vec<Value>,
    index: &mut Option<Index>,
) {
    let mut preferred = BTreeSet::new();
    for element in fitted {
        let is_primary = element.get("primary") == Some(&Value::Bool(true));
        let place = enter(attribute, list, element, index);
        if is_primary {
            preferred.insert(place);
        }
    }
    prefer(list, &preferred);
}

/// Merges an element into an equal one, else into one of the same type, else appends it; returns
/// its position.
pub(super) fn enter(
    attribute: &Attribute,
    list: &mut Vec<Value>,
    element: Value,
    index: &mut Option<Index>,
) -> usize {
    let is_kin = |known: &Value| {
        let kinds = [known, &element].map(|it| it.get("type").and_then(Value::as_str));
        matches!(kinds, [Some(one), Some(other)] if one.eq_ignore_ascii_case(other))
    };
    let (own, whole) = (form_of_identity(attribute, &element), form(attribute, &element));
    let is_same = |known: &Value| match (form_of_identity(attribute, known), &own) {
        (Some(one), Some(other)) => {
            one == *other && (element.get("type").is_none() || is_kin(known))
        }
        _ => form(attribute, known) == whole,
    };
    let near = index.as_ref().and_then(|index| index.near(&element));
    let same = match near {
        Some(near) => near.into_iter().find(|place| list.get(*place).is_some_and(is_same)),
        None => list.iter().position(is_same),
    };
    let has_kind = element.get("type").is_some_and(Value::is_string);
    let place = same.or_else(|| has_kind.then(|| list.iter().position(is_kin)).flatten());
    let Some(place) = place else { return push(list, element, index) };
    if let (Some(Value::Object(known)), Value::Object(said)) = (list.get_mut(place), element) {
        let primary = known.get("primary").cloned();
        merge(attribute, known, said);
        if let Some(primary) = primary {
            known.entry("primary").or_insert(primary);
        }
    }
    if let (Some(index), Some(value)) = (index, list.get(place)) {
        index.changed(place, value);
    }
    place
}

/// Appends an element and returns its position.
pub(super) fn push(list: &mut Vec<Value>, element: Value, index: &mut Option<Index>) -> usize {
    if let Some(index) = index {
        index.pushed(std::slice::from_ref(&element));
    }
    list.push(element);
    list.len().saturating_sub(1)
}

/// Removes sub-attributes of some elements, and an element left with labels only.
pub(super) fn clear(list: &mut Vec<Value>, places: &BTreeSet<usize>, parts: &[&str]) {
    let mut emptied = BTreeSet::new();
    for place in places {
        let Some(element) = list.get_mut(*place) else { continue };
        let before = element.clone();
        parts.iter().for_each(|part| set(element, part, None));
        if *element != before && !says_something(element) {
            emptied.insert(*place);
        }
    }
    take_out(list, &emptied);
}

/// Removes the elements at these positions.
pub(super) fn take_out<T>(list: &mut Vec<T>, places: &BTreeSet<usize>) {
    if places.len() <= FEW {
        for place in places.iter().rev().filter(|place| **place < list.len()).collect::<Vec<_>>() {
            list.remove(*place);
        }
        return;
    }
    let mut place = 0..;
    list.retain(|_| !place.next().is_some_and(|place| places.contains(&place)));
}

/// For each new element, its position: that of an equal one, or the next at the end.
fn places(
    attribute: &Attribute,
    list: &[Value],
    fitted: &[Value],
    index: Option<&Index>,
) -> Vec<usize> {
    let keys: Vec<Key<'_>> = fitted.iter().map(|element| key(attribute, element)).collect();
    // Usually few are added to many: only the present elements with the same value are needed.
    let values: HashSet<&Value> = keys.iter().map(|(value, _)| value.as_ref()).collect();
    let near = fitted.iter().map(|element| index.and_then(|index| index.near(element)));
    let near: Option<BTreeSet<usize>> =
        near.collect::<Option<Vec<_>>>().map(|near| near.into_iter().flatten().collect());
    let known: Box<dyn Iterator<Item = (usize, &Value)>> = match near {
        Some(near) => {
            Box::new(near.into_iter().filter_map(|place| Some((place, list.get(place)?))))
        }
        None => Box::new(list.iter().enumerate()),
    };
    let known = known.map(|(place, element)| (place, key(attribute, element)));
    let known: Vec<_> = known.filter(|(_, (value, _))| values.contains(value.as_ref())).collect();
    let mut places = HashMap::new();
    let mut enter = |(value, kind): Key<'_>, end| {
        let (value, kind) = (value.into_owned(), kind.map(Cow::into_owned));
        let untyped = *places.entry((value.clone(), None)).or_insert(end);
        if kind.is_none() { untyped } else { *places.entry((value, kind)).or_insert(end) }
    };
    for (place, key) in known {
        enter(key, place);
    }
    let mut end = list.len();
    let mut places = Vec::with_capacity(fitted.len());
    for key in keys {
        let place = enter(key, end);
        end = end.max(place.saturating_add(1));
        places.push(place);
    }
    places
}

/// An element's identity, or the whole element, and its type.
type Key<'a> = (Cow<'a, Value>, Option<Cow<'a, Value>>);

fn key<'a>(attribute: &Attribute, element: &'a Value) -> Key<'a> {
    match form_of_identity(attribute, element) {
        Some(value) => {
            let kind = element.get("type");
            (value, kind.map(|kind| form_of_part(attribute, "type", kind)))
        }
        None => (form(attribute, element), None),
    }
}

/// Removes the elements that are listed: by `value`, or else by all sub-attributes given.
pub(super) fn subtract(
    attribute: &Attribute,
    list: &mut Vec<Value>,
    named: &[Value],
    index: &mut Option<Index>,
) {
    let values: HashSet<Cow<'_, Value>> =
        named.iter().filter_map(|element| form_of_identity(attribute, element)).collect();
    let others = named.iter().filter(|element| identity(element).is_none());
    let others: Vec<_> = others.map(|element| form(attribute, element)).collect();
    let near = named.iter().map(|element| index.as_ref().and_then(|index| index.near(element)));
    if let (Some(near), true) = (near.collect::<Option<Vec<_>>>(), others.is_empty()) {
        let is_named = |place: &usize| {
            let own = list.get(*place).and_then(|element| form_of_identity(attribute, element));
            own.is_some_and(|value| values.contains(&value))
        };
        let meant = near.into_iter().flatten().filter(is_named).collect();
        take_out(list, &meant);
        if let Some(index) = index {
            index.taken_out(&meant);
        }
        return;
    }
    *index = None;
    list.retain(|element| {
        let own = form_of_identity(attribute, element);
        if own.is_some_and(|value| values.contains(&value)) {
            return false;
        }
        if others.is_empty() {
            return true;
        }
        let element = form(attribute, element);
        let is_said = |other: &Cow<'_, Value>| match (element.as_object(), other.as_object()) {
            (Some(element), Some(other)) => {
                other.iter().all(|(name, value)| element.get(name) == Some(value))
            }
            _ => element == *other,
        };
        !others.iter().any(is_said)
    });
}

/// The value that identifies an element: its `value`, or a simple value itself.
pub(super) fn identity(element: &Value) -> Option<&Value> {
    match element {
        Value::Object(members) => member(members, "value"),
        simple => Some(simple),
    }
}

/// Ensures that at most one element is `primary`: the one that was just set.
pub(super) fn prefer(list: &mut [Value], touched: &BTreeSet<usize>) {
    let is_told = |element: &Value| element.get("primary") == Some(&Value::Bool(true));
    if !touched.iter().any(|place| list.get(*place).is_some_and(is_told)) {
        return;
    }
    let others = list.iter_mut().enumerate().filter(|(index, _)| !touched.contains(index));
    others.filter_map(|(_, element)| primary(element)).for_each(|primary| *primary = false.into());
}
