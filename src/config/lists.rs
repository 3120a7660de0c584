//! Choices, lists and maps in one variable: a word; comma-separated, or JSON.

use std::collections::BTreeMap;

use crate::json;

pub(super) const BOOLEAN: [(&str, bool); 2] = [("true", true), ("false", false)];

/// One of these words, in any case.
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

/// `key=value,key=value` or `{"key":"value"}`. A key may stand there once.
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
}
