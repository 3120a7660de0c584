//! A JSON parser that is stricter than RFC 8259.
//!
//! It refuses what two parsers could read differently: an object with the same name twice, at any
//! level, also if the names differ only in case (SCIM attribute names are case-insensitive, RFC
//! 7643 §2.1); nesting deeper than [`MAX_DEPTH`]; text after the document. `serde_json` alone
//! silently keeps the last of two equal names.

use std::cell::Cell;
use std::collections::HashSet;
use std::{fmt, io};

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::caseless;
use crate::fault::{Fault, Kind};

/// The maximum nesting of arrays and objects, including the outermost.
pub const MAX_DEPTH: usize = 32;

/// The prefix of names that `serde_json` uses internally.
const OWN_TO_SERDE_JSON: &str = "$serde_json::private::";

/// Parses one JSON document.
///
/// # Errors
/// [`Kind::InvalidSyntax`] with line and column, without any part of the document.
pub fn read(bytes: &[u8]) -> Result<Value, Fault> {
    let objection = Cell::new(None);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    Strict { depth: 0, objection: &objection }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| refusal(&error, objection.get()))
}

/// The member with this name, in any case; `None` if it is null, which means unassigned (RFC 7643
/// §2.5).
#[must_use]
pub fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
        .filter(|value| !value.is_null())
}

/// True if a text starts like a JSON array or object.
#[must_use]
pub fn is_document(text: &str) -> bool {
    text.trim_start().starts_with(['[', '{'])
}

/// The type of a value, for messages that must not quote it.
#[must_use]
pub const fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// The length in bytes of an object as JSON inside a JSON string, as Lambda transports a body:
/// quotes and backslashes count twice.
#[must_use]
pub fn carried_length(object: &Map<String, Value>) -> usize {
    let mut count = Count(0);
    // The counter never fails, and neither does serializing an object of names and values.
    let _written = serde_json::to_writer(&mut count, object);
    count.0
}

/// As [`carried_length`], for an object that is already serialized.
#[must_use]
pub fn carried_length_of(written: &str) -> usize {
    let escaped = written.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
    written.len().saturating_add(escaped)
}

struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let escaped = bytes.iter().filter(|byte| matches!(byte, b'"' | b'\\')).count();
        self.0 = self.0.saturating_add(bytes.len()).saturating_add(escaped);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes only the position from `serde_json`'s error: its message may quote the document ("invalid
/// type: string …").
fn refusal(error: &serde_json::Error, objection: Option<&'static str>) -> Fault {
    let problem = match objection {
        Some(objection) => objection,
        None if error.is_eof() => "expected a JSON document, found its end too early",
        None => "expected a JSON document, found something else",
    };
    Fault::new(
        Kind::InvalidSyntax,
        format!("body: {problem} at line {} column {}", error.line(), error.column()),
    )
}

/// Deserializes one value at a given depth. A violation is stored in `objection`.
#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: usize,
    objection: &'a Cell<Option<&'static str>>,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(self.object("expected at most 32 levels of nesting, found more"));
        }
        Ok(Self { depth: self.depth.saturating_add(1), ..self })
    }

    fn object<E: serde::de::Error>(self, objection: &'static str) -> E {
        self.objection.set(Some(objection));
        E::custom(objection)
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(inner)? {
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if !names.insert(caseless::folded(&name).into_owned()) {
                return Err(self.object("expected each member once, found one twice"));
            }
            // `serde_json` encodes its own types with these names; a stored document that has one
            // could not be read again.
            if name.starts_with(OWN_TO_SERDE_JSON) {
                return Err(self.object("expected names that mean something, found a reserved one"));
            }
            object.insert(name, members.next_value_seed(inner)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn objection(text: &str) -> String {
        let fault = read(text.as_bytes()).unwrap_err();
        assert_eq!(fault.kind, Kind::InvalidSyntax);
        fault.detail.into_owned()
    }

    #[test]
    fn doubled_members_are_refused_at_every_level_and_in_any_case() {
        let doubled = "expected each member once";
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"userName":"x","USERNAME":"y"}"#,
            r#"{"a":{"b":1,"B":2}}"#,
            r#"{"a":[{"b":1},{"b":1,"b":2}]}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"straße":1,"STRAßE":2}"#,
        ] {
            assert!(objection(text).contains(doubled), "{text}");
        }
        assert_eq!(read(br#"[{"a":1},{"a":2}]"#).unwrap(), json!([{"a": 1}, {"a": 2}]));
    }

    #[test]
    fn a_name_by_which_a_document_could_not_be_read_again_is_refused() {
        for kept in ["RawValue", "Number"] {
            let text = format!(r#"{{"name":{{"$serde_json::private::{kept}":"x"}}}}"#);
            assert!(objection(&text).contains("a reserved one"), "{kept}");
        }
        assert!(read(br#"{"name":{"$serde_json":"x"}}"#).is_ok());
    }

    #[test]
    fn nesting_stops_at_thirty_two_levels() {
        let nested = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(read(nested(32).as_bytes()).is_ok());
        assert!(objection(&nested(33)).contains("32 levels"));
        assert!(objection(&nested(100_000)).contains("32 levels"));
        let objects = format!("{}1{}", r#"{"a":"#.repeat(33), "}".repeat(33));
        assert!(objection(&objects).contains("32 levels"));
    }

    #[test]
    fn what_is_not_one_document_is_refused_without_quoting_it() {
        assert_eq!(
            objection("Ana Ruiz"),
            "body: expected a JSON document, found something else at line 1 column 1"
        );
        assert_eq!(
            objection(r#"{"name":"Ana"#),
            "body: expected a JSON document, found its end too early at line 1 column 12"
        );
        for text in ["", "{} {}", "{}x", "\u{feff}{}", "{'a':1}", "[1,]", "NaN", "\"\\ud800\""] {
            objection(text);
        }
        assert!(read(b"\"\xff\"").is_err());
    }

    #[test]
    fn members_are_found_in_any_case_and_null_is_absent() {
        let Value::Object(object) = json!({"UserName": "x", "active": null}) else { panic!() };
        assert_eq!(member(&object, "userName"), Some(&json!("x")));
        assert_eq!(member(&object, "active"), None);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map("[a-z]{1,8}", inner, 0..8)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_serde_json_writes_reads_back_equal(value in any_json()) {
            prop_assert_eq!(read(value.to_string().as_bytes()).unwrap(), value);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            let _ = read(&bytes);
        }
    }
}
