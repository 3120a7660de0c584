//! The syntax of values: one word of several; lists and maps, comma-separated or as JSON.
//!
//! JSON is there for names with commas in them. Problems never quote the text, since a list may
//! hold secrets.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::json;

/// The two values of a switch.
pub(super) const BOOLEAN: [(&str, bool); 2] = [("true", true), ("false", false)];

/// One of these words, in any case. The problem lists them.
pub(super) fn choice<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    let chosen = choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    chosen.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        format!("expected one of {}, found something else", names.join(", "))
    })
}

/// `a,b` or `["a","b"]`; blanks around an entry are dropped, empty entries too.
pub(super) fn list(text: &str) -> Result<Vec<String>, String> {
    let entries: Vec<String> = if text.starts_with('[') {
        serde_json::from_str(text)
            .map_err(|_| "expected a JSON array of strings, found something else".to_owned())?
    } else {
        text.split(',').map(str::to_owned).collect()
    };
    let entries = entries.iter().map(|entry| entry.trim()).filter(|entry| !entry.is_empty());
    Ok(entries.map(str::to_owned).collect())
}

/// `key=value,key=value` or `{"key":"value"}`. A key that stands there twice is refused: which
/// value is meant cannot be told.
pub(super) fn map(text: &str) -> Result<BTreeMap<String, String>, String> {
    if text.starts_with('{') {
        let strict = json::read(text.as_bytes()).ok().map(serde_json::from_value);
        return strict.and_then(Result::ok).ok_or_else(|| {
            "expected a JSON object of strings with each key once, found something else".to_owned()
        });
    }
    let mut map = BTreeMap::new();
    for entry in list(text)? {
        let (key, value) = entry
            .split_once('=')
            .ok_or("expected key=value,key=value, found an entry without =")?;
        if map.insert(key.trim().to_owned(), value.trim().to_owned()).is_some() {
            return Err("expected each key once, found one twice".to_owned());
        }
    }
    Ok(map)
}

/// A JSON object whose members keep the order in which they are written; each may stand there once,
/// in any case.
pub(super) fn ordered(text: &str) -> Result<Vec<(String, Value)>, String> {
    let refuse = || "expected a JSON object, found something else".to_owned();
    // Read twice: strictly for doubled names, which `serde_json` would pass over, and then in
    // order.
    let strict = json::read(text.as_bytes());
    let value = strict.map_err(|fault| fault.detail.trim_start_matches("body: ").to_owned())?;
    if !value.is_object() {
        return Err(refuse());
    }
    let Ordered(members) = serde_json::from_str(text).map_err(|_| refuse())?;
    Ok(members)
}

/// The members of an object in their order: `serde_json`'s map sorts them, and for groups the order
/// is their precedence.
struct Ordered(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

/// Collects them.
struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Ordered;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Ordered, A::Error> {
        let mut ordered = Vec::new();
        while let Some(member) = members.next_entry()? {
            ordered.push(member);
        }
        Ok(Ordered(ordered))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_comma_separated_or_json() {
        for text in ["a,b", " a , b ,", r#"["a"," b ", ""]"#] {
            assert_eq!(list(text).unwrap(), ["a", "b"]);
        }
        assert!(list("[a]").is_err());
        assert!(list("[1]").is_err());
    }

    #[test]
    fn a_map_is_comma_separated_or_json() {
        let expected =
            BTreeMap::from([("a".to_owned(), "1=2".to_owned()), ("b".to_owned(), String::new())]);
        for text in ["a=1=2,b=", r#"{"a":"1=2","b":""}"#] {
            assert_eq!(map(text).unwrap(), expected);
        }
        for text in ["a", "a=1,a=2", "{}x", r#"{"a":1}"#, r#"{"a":"1","a":"2"}"#] {
            assert!(map(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_object_keeps_its_order_and_names_nothing_twice() {
        let members = ordered(r#"{"z": 1, "a": {"y": 2, "b": 3}, "m": null}"#).unwrap();
        assert_eq!(members.iter().map(|(name, _)| name.as_str()).collect::<String>(), "zam");
        for (text, problem) in [
            (r#"{"a": 1, "A": 2}"#, "expected each member once, found one twice at line 1"),
            (r#"{"a": {"b": 1, "b": 2}}"#, "expected each member once, found one twice at line 1"),
            ("a=1", "expected a JSON document, found something else at line 1 column 1"),
            ("[]", "expected a JSON object, found something else"),
        ] {
            assert!(ordered(text).unwrap_err().starts_with(problem), "{text}");
        }
    }
}
