//! The values of a multi-valued attribute: added, taken away, and one of them preferred.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value};

use crate::json::member;
use crate::scim::resource::primary;

/// The values of a multi-valued attribute, to be worked on; an empty list is dropped in the end.
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

/// Whether an element says more than what it is for.
fn says_something(element: &Value) -> bool {
    let labels = ["type", "primary", "display"];
    let Some(members) = element.as_object() else { return true };
    members.keys().any(|name| !labels.contains(&name.as_str()))
}

/// Sub-attributes that are not named stay, unless it is about another value altogether.
pub(super) fn merge(complex: &mut Map<String, Value>, fitted: Map<String, Value>) {
    if fitted.get("value").is_some_and(|value| complex.get("value") != Some(value)) {
        complex.clear();
    }
    complex.extend(fitted);
}

/// Adds what is not there yet. Of what is there, by its `value` and by its type if one is said, more is
/// known then (RFC 7643 §2.4: no two of one type and value).
pub(super) fn add(list: &mut Vec<Value>, fitted: Vec<Value>) {
    let places = places(list, &fitted);
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
    prefer(list, &preferred);
}

/// Adds values of an attribute that has one of each type.
pub(super) fn add_by_type(list: &mut Vec<Value>, fitted: Vec<Value>) {
    let mut preferred = BTreeSet::new();
    for element in fitted {
        let is_primary = element.get("primary") == Some(&Value::Bool(true));
        let place = enter(list, element);
        if is_primary {
            preferred.insert(place);
        }
    }
    prefer(list, &preferred);
}

/// Puts a value where the same is, else where one of its type is, else at the end; says where.
pub(super) fn enter(list: &mut Vec<Value>, element: Value) -> usize {
    let is_kin = |known: &Value| {
        let kinds = [known, &element].map(|it| it.get("type").and_then(Value::as_str));
        matches!(kinds, [Some(one), Some(other)] if one.eq_ignore_ascii_case(other))
    };
    let is_same = |known: &Value| match (identity(known), identity(&element)) {
        (Some(one), Some(other)) => {
            one == other && (element.get("type").is_none() || is_kin(known))
        }
        _ => *known == element,
    };
    let place = list.iter().position(is_same).or_else(|| list.iter().position(is_kin));
    let Some(place) = place else { return push(list, element) };
    if let (Some(Value::Object(known)), Value::Object(said)) = (list.get_mut(place), element) {
        let primary = known.get("primary").cloned();
        merge(known, said);
        if let Some(primary) = primary {
            known.entry("primary").or_insert(primary);
        }
    }
    place
}

/// Puts a value at the end, and says where that is.
pub(super) fn push(list: &mut Vec<Value>, element: Value) -> usize {
    list.push(element);
    list.len().saturating_sub(1)
}

/// Takes parts from some values; of what has no part left nothing is left.
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

/// Takes values out.
pub(super) fn take_out(list: &mut Vec<Value>, places: &BTreeSet<usize>) {
    let mut place = 0..;
    list.retain(|_| !place.next().is_some_and(|place| places.contains(&place)));
}

/// Where in a list each element is, or comes when those before it have come.
fn places(list: &[Value], fitted: &[Value]) -> Vec<usize> {
    let mut places = HashMap::new();
    let mut enter = |element, end| {
        let (value, kind) = key(element);
        let untyped = *places.entry((value, None)).or_insert(end);
        if kind.is_none() { untyped } else { *places.entry((value, kind)).or_insert(end) }
    };
    // Few are added to many: the others need not be entered.
    let values: HashSet<&Value> = fitted.iter().map(|element| key(element).0).collect();
    for (place, element) in list.iter().enumerate() {
        if values.contains(key(element).0) {
            enter(element, place);
        }
    }
    let mut end = list.len();
    let mut places = Vec::with_capacity(fitted.len());
    for element in fitted {
        let place = enter(element, end);
        end = end.max(place.saturating_add(1));
        places.push(place);
    }
    places
}

/// An element's value, or the whole of it, and its type.
fn key(element: &Value) -> (&Value, Option<&Value>) {
    match identity(element) {
        Some(value) => (value, element.get("type")),
        None => (element, None),
    }
}

/// Removes what is named: by its `value`, or whatever else is said of it.
pub(super) fn subtract(list: &mut Vec<Value>, named: &[Value]) {
    let values: HashSet<&Value> = named.iter().filter_map(identity).collect();
    let others: Vec<&Value> = named.iter().filter(|element| identity(element).is_none()).collect();
    list.retain(|element| {
        let by_value = identity(element).is_some_and(|value| values.contains(value));
        let said = |other: &&Value| {
            let (Some(element), Some(other)) = (element.as_object(), other.as_object()) else {
                return element == *other;
            };
            other.iter().all(|(name, value)| element.get(name) == Some(value))
        };
        !by_value && !others.iter().any(said)
    });
}

/// What an element is told by.
pub(super) fn identity(element: &Value) -> Option<&Value> {
    match element {
        Value::Object(members) => member(members, "value"),
        simple => Some(simple),
    }
}

/// One value is the preferred one: the one that was just said to be.
pub(super) fn prefer(list: &mut [Value], touched: &BTreeSet<usize>) {
    let is_told = |(index, element): (usize, &Value)| {
        touched.contains(&index) && element.get("primary") == Some(&Value::Bool(true))
    };
    if !list.iter().enumerate().any(is_told) {
        return;
    }
    let others = list.iter_mut().enumerate().filter(|(index, _)| !touched.contains(index));
    others.filter_map(|(_, element)| primary(element)).for_each(|primary| *primary = false.into());
}
