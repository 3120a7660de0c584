//! The values of a multi-valued attribute: added, taken away, and one of them preferred.

use std::collections::HashSet;

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
pub(super) fn says_something(element: &Value) -> bool {
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

pub(super) fn add(
    list: &mut Vec<Value>,
    fitted: Vec<Value>,
    is_told_by_value: impl Fn(&Value) -> bool,
) {
    let known: HashSet<&Value> = list.iter().filter_map(identity).collect();
    let is_new = |element: &Value| match identity(element) {
        Some(value) if is_told_by_value(element) => !known.contains(value),
        _ => !list.contains(element),
    };
    let fresh: Vec<Value> = fitted.into_iter().filter(is_new).collect();
    let touched = (list.len()..list.len().saturating_add(fresh.len())).collect();
    list.extend(fresh);
    prefer(list, &touched);
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
pub(super) fn prefer(list: &mut [Value], touched: &HashSet<usize>) {
    let is_told = |(index, element): (usize, &Value)| {
        touched.contains(&index) && element.get("primary") == Some(&Value::Bool(true))
    };
    if !list.iter().enumerate().any(is_told) {
        return;
    }
    let others = list.iter_mut().enumerate().filter(|(index, _)| !touched.contains(index));
    others.filter_map(|(_, element)| primary(element)).for_each(|primary| *primary = false.into());
}
