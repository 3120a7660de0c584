//! A document in few bytes, for memory alone: what the file holds is JSON.
//!
//! A person of ten attributes is some four kilobytes as maps of texts (a node of `BTreeMap` has room for
//! eleven entries, whoever is in it, and each name is an allocation), and some four hundred bytes like
//! this: names that every record has are one byte, ids and digests half of their digits, and there is one
//! allocation. To unpack costs about what it costs to clone those maps, which every reader did before.

use std::fmt;

use serde::de::{
    DeserializeOwned, DeserializeSeed, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::{Deserializer, Serialize, forward_to_deserialize_any};
use serde_json::Value;

use crate::hex;

/// Packs a document.
///
/// # Errors
/// If it cannot be written as JSON either.
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
/// If the bytes are none of [`pack`]'s for this type.
pub(crate) fn unpack<T: DeserializeOwned>(packed: &[u8]) -> Result<T, Unpacked> {
    T::deserialize(&mut Reader(packed))
}

/// What a value begins with. Above these: [`LITTLE`], [`TEXT`] and [`WORD`].
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

/// From here on, a natural number below 32.
const LITTLE: u8 = 0x20;
/// From here on, a text of fewer than 64 bytes.
const TEXT: u8 = 0x40;
/// From here on, one of [`WORDS`].
const WORD: u8 = 0x80;

/// What stands in nearly every record; up to 128.
const WORDS: [&str; 119] = [
    "id",
    "version",
    "person",
    "wanted",
    "stranger",
    "shares_external_id",
    "owner",
    "marks",
    "user",
    "former",
    "tried",
    "revision",
    "applied",
    "edition",
    "last_edition",
    "fence",
    "leased_until",
    "state",
    "attempts",
    "waits_for",
    "due",
    "as_of",
    "created",
    "modified",
    "rules",
    "counted",
    "released",
    "adopting",
    "stubborn",
    "resource",
    "displayed",
    "ids",
    "arn",
    "since",
    "secs_since_epoch",
    "nanos_since_epoch",
    "Active",
    "Inactive",
    "Gone",
    "Applied",
    "Pending",
    "Parked",
    "fault",
    "turn",
    "detail",
    "cause",
    "schemas",
    "userName",
    "externalId",
    "displayName",
    "name",
    "givenName",
    "familyName",
    "formatted",
    "middleName",
    "honorificPrefix",
    "honorificSuffix",
    "emails",
    "value",
    "type",
    "work",
    "primary",
    "display",
    "active",
    "phoneNumbers",
    "mobile",
    "home",
    "other",
    "addresses",
    "streetAddress",
    "locality",
    "region",
    "postalCode",
    "country",
    "title",
    "nickName",
    "preferredLanguage",
    "locale",
    "timezone",
    "userType",
    "department",
    "employeeNumber",
    "costCenter",
    "organization",
    "division",
    "manager",
    "$ref",
    "photos",
    "meta",
    "urn:ietf:params:scim:schemas:core:2.0:User",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    "urn:ietf:params:scim:schemas:extension:amazonconnect:2.0:User",
    "routingProfile",
    "securityProfiles",
    "hierarchyGroup",
    // Of the stand-in's users.
    "Username",
    "IdentityInfo",
    "FirstName",
    "LastName",
    "Email",
    "SecondaryEmail",
    "Mobile",
    "PhoneConfig",
    "PhoneType",
    "SOFT_PHONE",
    "DESK_PHONE",
    "AutoAccept",
    "AfterContactWorkTimeLimit",
    "DeskPhoneNumber",
    "PersistentConnection",
    "DirectoryUserId",
    "SecurityProfileIds",
    "RoutingProfileId",
    "HierarchyGroupId",
    "Tags",
    "managed-by",
    "connect-provisioner",
    "provisioner-deployment",
    "provisioner-owner",
];

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
    let found = WORDS.iter().position(|word| *word == text)?;
    u8::try_from(found).ok()
}

/// The bytes of a text that is nothing but small hexadecimal digits, or a UUID of such.
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

/// Seven bits to a byte, the lowest first.
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

/// What is not read yet.
struct Reader<'a>(&'a [u8]);

/// Why something cannot be packed or unpacked; it says nothing of it.
#[derive(Debug)]
pub(crate) struct Unpacked(&'static str);

impl fmt::Display for Unpacked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl std::error::Error for Unpacked {}

impl serde::de::Error for Unpacked {
    // serde's own words may quote a value.
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self("expected another document in memory")
    }
}

fn cut_short() -> Unpacked {
    Unpacked("expected more of a document in memory")
}

/// A text of a record.
enum Text<'a> {
    Borrowed(&'a str),
    Made(String),
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8, Unpacked> {
        let (first, rest) = self.0.split_first().ok_or_else(cut_short)?;
        self.0 = rest;
        Ok(*first)
    }

    fn bytes(&mut self, count: usize) -> Result<&'a [u8], Unpacked> {
        let (bytes, rest) = self.0.split_at_checked(count).ok_or_else(cut_short)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn number(&mut self) -> Result<u64, Unpacked> {
        let (mut number, mut shift) = (0_u64, 0_u32);
        loop {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or_default();
            if byte & 0x80 == 0 {
                return Ok(number);
            }
            shift = shift.saturating_add(7);
        }
    }

    fn length(&mut self) -> Result<usize, Unpacked> {
        usize::try_from(self.number()?).map_err(|_| cut_short())
    }

    fn plain(&mut self, length: usize) -> Result<Text<'a>, Unpacked> {
        let text = std::str::from_utf8(self.bytes(length)?).map_err(|_| cut_short())?;
        Ok(Text::Borrowed(text))
    }

    /// The text that begins so, if it is one.
    fn text(&mut self, kind: u8) -> Result<Option<Text<'a>>, Unpacked> {
        Ok(Some(match kind {
            WORD.. => {
                let word = WORDS.get(usize::from(kind & 0x7f)).ok_or_else(cut_short)?;
                Text::Borrowed(word)
            }
            TEXT.. => self.plain(usize::from(kind & 0x3f))?,
            kind::LONG_TEXT => {
                let length = self.length()?;
                self.plain(length)?
            }
            kind::HEX => {
                let length = self.length()?;
                Text::Made(hex::write(self.bytes(length)?))
            }
            kind::UUID => {
                let length = self.length()?;
                let mut digits = hex::write(self.bytes(length)?);
                [8, 13, 18, 23].into_iter().for_each(|at| digits.insert(at, '-'));
                Text::Made(digits)
            }
            _ => return Ok(None),
        }))
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Unpacked;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unpacked> {
        let kind = self.byte()?;
        match self.text(kind)? {
            Some(Text::Borrowed(text)) => return visitor.visit_borrowed_str(text),
            Some(Text::Made(text)) => return visitor.visit_string(text),
            None => {}
        }
        match kind {
            kind::NULL => visitor.visit_unit(),
            kind::FALSE => visitor.visit_bool(false),
            kind::TRUE => visitor.visit_bool(true),
            kind::NATURAL => visitor.visit_u64(self.number()?),
            kind::NEGATIVE => {
                let number = i64::try_from(self.number()?).map_or(i64::MIN, i64::wrapping_neg);
                visitor.visit_i64(number)
            }
            kind::FLOAT => {
                let bytes = self.bytes(8)?.try_into().map_err(|_| cut_short())?;
                visitor.visit_f64(f64::from_be_bytes(bytes))
            }
            kind::LIST => {
                let left = self.length()?;
                visitor.visit_seq(Elements { reader: self, left })
            }
            kind::OBJECT => {
                let left = self.length()?;
                visitor.visit_map(Elements { reader: self, left })
            }
            _ => visitor.visit_u64(u64::from(kind & 0x1f)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unpacked> {
        match self.0.first() {
            Some(&kind::NULL) => {
                self.byte()?;
                visitor.visit_none()
            }
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unpacked> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unpacked> {
        let has_content = self.0.first() == Some(&kind::OBJECT);
        if has_content {
            self.byte()?;
            self.length()?;
        }
        visitor.visit_enum(Variant { reader: self, has_content })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// What is left of a list or an object.
struct Elements<'r, 'de> {
    reader: &'r mut Reader<'de>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = Unpacked;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Unpacked> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

impl<'de> MapAccess<'de> for Elements<'_, 'de> {
    type Error = Unpacked;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Unpacked> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Unpacked> {
        seed.deserialize(&mut *self.reader)
    }
}

/// A variant of an enumeration: its name alone, or an object of its name and what it holds.
struct Variant<'r, 'de> {
    reader: &'r mut Reader<'de>,
    has_content: bool,
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Unpacked;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Unpacked> {
        let name = seed.deserialize(&mut *self.reader)?;
        Ok((name, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Unpacked;

    fn unit_variant(self) -> Result<(), Unpacked> {
        if self.has_content { Err(cut_short()) } else { Ok(()) }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Unpacked> {
        seed.deserialize(self.reader)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Unpacked> {
        self.reader.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unpacked> {
        self.reader.deserialize_any(visitor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::fault::{Fault, Kind};
    use crate::roster::key::Id;
    use crate::roster::record::{Record, Wanted};
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
        fn any_bytes_are_unpacked_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = unpack::<Value>(&bytes);
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
        let mut record = Record::new(id, Person::new(user), Wanted::Active, &"ab".repeat(16), now);
        record.stubborn.insert("Step".to_owned(), ("0123456789abcdef".to_owned(), 2));
        record.counted = Some(("DeleteUser".to_owned(), now));
        record.fail(&Fault::new(Kind::Missing, "why").caused_by("because"), now);
        let packed = pack(&record).unwrap();
        assert!(unpack::<Record>(&packed).unwrap() == record);
        let length = serde_json::to_string(&record).unwrap().len();
        assert!(packed.len() * 5 < length * 2, "{} of {length}", packed.len());
        record.leave_for_good();
        record.settle("rules", now);
        assert!(unpack::<Record>(&pack(&record).unwrap()).unwrap() == record);
    }

    #[test]
    fn what_cannot_be_unpacked_says_nothing_of_it() {
        let packed = pack(&json!({"id": "ana@example.com"})).unwrap();
        let why = unpack::<Record>(&packed).map(drop).unwrap_err();
        assert_eq!(why.to_string(), "expected another document in memory");
        let short = &packed[..packed.len() - 1];
        let why = unpack::<Value>(short).unwrap_err();
        assert_eq!(why.to_string(), "expected more of a document in memory");
    }
}
