//! A compact binary encoding of JSON documents, for memory only; files hold JSON.
//!
//! A person with ten attributes takes about 4 kB as maps of strings (a `BTreeMap` node has room for
//! eleven entries, and each name is an allocation) and about 400 bytes packed: names that every
//! record has take one byte, ids and digests half the length of their digits, and there is one
//! allocation. Unpacking costs about as much as cloning those maps, which every reader would do
//! otherwise.

mod reader;
mod words;

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::hex;
use reader::Reader;
pub(crate) use reader::{Member, Members};
use words::WORDS;

/// Packs a document.
///
/// # Errors
/// If it cannot be serialized as JSON.
pub(crate) fn pack(document: &impl Serialize) -> Result<Box<[u8]>, Unpacked> {
    let document = serde_json::to_value(document);
    let document = document.map_err(|_| Unpacked("expected a document that JSON can hold"))?;
    let mut packed = Vec::with_capacity(1024);
    write(&mut packed, &document);
    Ok(packed.into_boxed_slice())
}

/// Unpacks a document.
///
/// # Errors
/// If the bytes are not a packed document of this type.
pub(crate) fn unpack<T: DeserializeOwned>(packed: &[u8]) -> Result<T, Unpacked> {
    T::deserialize(&mut Reader(packed))
}

/// The members of a packed object, still packed; `None` if the document is not an object.
///
/// # Errors
/// If the bytes are empty or truncated.
pub(crate) fn members(packed: &[u8]) -> Result<Option<Members<'_>>, Unpacked> {
    Members::of(packed)
}

/// The type byte of a value. Larger bytes are [`LITTLE`], [`TEXT`] or [`WORD`].
mod kind {
    pub(super) const NULL: u8 = 0;
    pub(super) const FALSE: u8 = 1;
    pub(super) const TRUE: u8 = 2;
    pub(super) const NATURAL: u8 = 3;
    pub(super) const NEGATIVE: u8 = 4;
    pub(super) const FLOAT: u8 = 5;
    pub(super) const LONG_TEXT: u8 = 6;
    pub(super) const HEX: u8 = 7;
    pub(super) const UUID: u8 = 8;
    pub(super) const LIST: u8 = 9;
    pub(super) const OBJECT: u8 = 10;
}

/// From this byte on: a number from 0 to 31, in the lower bits.
const LITTLE: u8 = 0x20;
/// From this byte on: a string of fewer than 64 bytes; its length is in the lower bits.
const TEXT: u8 = 0x40;
/// From this byte on: an entry of [`WORDS`]; its index is in the lower bits.
const WORD: u8 = 0x80;

fn write(packed: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => packed.push(kind::NULL),
        Value::Bool(value) => packed.push(if *value { kind::TRUE } else { kind::FALSE }),
        Value::Number(number) => {
            if let Some(natural) = number.as_u64() {
                match u8::try_from(natural) {
                    Ok(little) if little < 32 => packed.push(LITTLE | little),
                    _ => write_number(packed, kind::NATURAL, natural),
                }
            } else if let Some(negative) = number.as_i64() {
                write_number(packed, kind::NEGATIVE, negative.unsigned_abs());
            } else {
                packed.push(kind::FLOAT);
                packed.extend(number.as_f64().unwrap_or_default().to_be_bytes());
            }
        }
        Value::String(text) => write_text(packed, text),
        Value::Array(elements) => {
            write_length(packed, kind::LIST, elements.len());
            elements.iter().for_each(|element| write(packed, element));
        }
        Value::Object(members) => {
            write_length(packed, kind::OBJECT, members.len());
            for (name, value) in members {
                write_text(packed, name);
                write(packed, value);
            }
        }
    }
}

fn write_text(packed: &mut Vec<u8>, text: &str) {
    if let Some(word) = word(text) {
        packed.push(WORD | word);
    } else if let Some((kind, bytes)) = digits(text) {
        write_length(packed, kind, bytes.len());
        packed.extend(bytes);
    } else {
        match u8::try_from(text.len()) {
            Ok(length) if length < 64 => packed.push(TEXT | length),
            _ => write_length(packed, kind::LONG_TEXT, text.len()),
        }
        packed.extend(text.as_bytes());
    }
}

fn word(text: &str) -> Option<u8> {
    static NUMBERS: LazyLock<HashMap<&str, u8>> =
        LazyLock::new(|| WORDS.iter().copied().zip(0..).collect());
    NUMBERS.get(text).copied()
}

/// The bytes of a string of lower-case hexadecimal digits, or of a UUID.
fn digits(text: &str) -> Option<(u8, Vec<u8>)> {
    const HYPHENS: [usize; 4] = [8, 13, 18, 23];
    let letters = text.as_bytes();
    let is_uuid = letters.len() == 36 && HYPHENS.iter().all(|at| letters.get(*at) == Some(&b'-'));
    if is_uuid {
        let bare = text.replace('-', "");
        return hex::read(&bare).filter(|bytes| bytes.len() == 16).map(|bytes| (kind::UUID, bytes));
    }
    let is_hex = letters.len() >= 8
        && letters.iter().all(|letter| letter.is_ascii_digit() || (b'a'..=b'f').contains(letter));
    if is_hex { hex::read(text).map(|bytes| (kind::HEX, bytes)) } else { None }
}

fn write_length(packed: &mut Vec<u8>, kind: u8, length: usize) {
    write_number(packed, kind, u64::try_from(length).unwrap_or(u64::MAX));
}

/// A variable-length number: seven bits per byte, the lowest first (LEB128).
fn write_number(packed: &mut Vec<u8>, kind: u8, mut number: u64) {
    packed.push(kind);
    while let Some(rest) = number.checked_shr(7).filter(|rest| *rest > 0) {
        packed.push(low_bits(number) | 0x80);
        number = rest;
    }
    packed.push(low_bits(number));
}

const fn low_bits(number: u64) -> u8 {
    let [low, ..] = number.to_le_bytes();
    low & 0x7f
}

/// A packing or unpacking error; it contains no part of the document.
#[derive(Debug)]
pub(crate) struct Unpacked(&'static str);

impl fmt::Display for Unpacked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl std::error::Error for Unpacked {}

impl serde::de::Error for Unpacked {
    // serde's messages may quote a value.
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::other()
    }
}

impl Unpacked {
    /// The packed document has another type.
    pub(crate) const fn other() -> Self {
        Self("expected another document in memory")
    }
}

fn cut_short() -> Unpacked {
    Unpacked("expected more of a document in memory")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;
    use serde_json::json;

    use super::*;
    use crate::fault::{Fault, Kind};
    use crate::roster::key::Id;
    use crate::roster::record::{DesiredState, Reapplied, RemovalClaim, UserRecord};
    use crate::scim::Person;
    use std::time::SystemTime;

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            ".{0,80}",
            "[0-9a-f]{0,80}",
            "[0-9a-f]{8}-[0-9a-fA-F]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            prop::sample::select(WORDS.to_vec()).prop_map(str::to_owned),
        ]
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            text().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map(text(), inner, 0..8)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_is_packed_is_unpacked_equal(value in any_json()) {
            let packed = pack(&value).unwrap();
            prop_assert_eq!(unpack::<Value>(&packed).unwrap(), value);
        }

        #[test]
        fn a_member_is_found_as_it_was_packed(value in any_json()) {
            let packed = pack(&value).unwrap();
            let Some(members) = members(&packed).unwrap() else {
                prop_assert!(!value.is_object());
                return Ok(());
            };
            let read = members.map(|member| {
                let (name, value) = member.unwrap();
                (name.into_owned(), unpack::<Value>(value).unwrap())
            });
            prop_assert_eq!(Value::Object(read.collect()), value);
        }

        #[test]
        fn any_bytes_are_unpacked_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = unpack::<Value>(&bytes);
            let _ = unpack::<IgnoredAny>(&bytes);
            let _ = members(&bytes).map(|members| members.into_iter().flatten().count());
        }
    }

    #[test]
    fn a_record_is_the_same_and_a_quarter_of_its_json() {
        let user = json!({
            "schemas": [crate::scim::USER_SCHEMA], "userName": "ana@example.com",
            "externalId": "00u1a2b3c4d5", "active": true, "title": null,
            "name": {"givenName": "Ana", "familyName": "Ruiz"},
            "emails": [{"primary": true, "value": "ana@example.com", "type": "work"}],
        });
        let Value::Object(user) = user else { panic!("an object") };
        let now = SystemTime::UNIX_EPOCH;
        let id = Id::of([7; 16]);
        let mut record =
            UserRecord::new(id, Person::new(user), DesiredState::Active, &"ab".repeat(16), now);
        record.status.reapply_counts.insert(
            "Step".to_owned(),
            Reapplied { digest: "0123456789abcdef".to_owned(), times: 2 },
        );
        record.status.removal_claim =
            Some(RemovalClaim { removal: "DeleteUser".to_owned(), time: now });
        record.fail(&Fault::new(Kind::Missing, "why").caused_by("because"), now);
        let packed = pack(&record).unwrap();
        assert!(unpack::<UserRecord>(&packed).unwrap() == record);
        let length = serde_json::to_string(&record).unwrap().len();
        assert!(packed.len() * 5 < length * 2, "{} of {length}", packed.len());
        record.mark_deleted(now);
        record.settle("rules", now);
        assert!(unpack::<UserRecord>(&pack(&record).unwrap()).unwrap() == record);
    }

    #[test]
    fn what_cannot_be_unpacked_says_nothing_of_it() {
        let packed = pack(&json!({"id": "ana@example.com"})).unwrap();
        let why = unpack::<UserRecord>(&packed).map(drop).unwrap_err();
        assert_eq!(why.to_string(), "expected another document in memory");
        let short = &packed[..packed.len() - 1];
        let why = unpack::<Value>(short).unwrap_err();
        assert_eq!(why.to_string(), "expected more of a document in memory");
    }
}
