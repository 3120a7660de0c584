//! Reads packed documents, as a serde deserializer.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};

use super::words::WORDS;
use super::{LITTLE, TEXT, Unpacked, WORD, cut_short, kind};
use crate::hex;

/// The bytes not read yet.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

/// A member of a packed object: its name and its packed value.
pub(crate) type Member<'a> = (Cow<'a, str>, &'a [u8]);

/// Iterates over the members of a packed object.
pub(crate) struct Members<'a> {
    reader: Reader<'a>,
    left: usize,
}

impl<'a> Members<'a> {
    pub(super) fn of(packed: &'a [u8]) -> Result<Option<Self>, Unpacked> {
        let mut reader = Reader(packed);
        if reader.byte()? != kind::OBJECT {
            return Ok(None);
        }
        let left = reader.length()?;
        Ok(Some(Self { reader, left }))
    }

    fn member(&mut self) -> Result<Member<'a>, Unpacked> {
        let kind = self.reader.byte()?;
        let name = self.reader.text(kind)?.ok_or_else(cut_short)?;
        let Reader(value) = self.reader;
        self.reader.skip()?;
        let length = value.len().saturating_sub(self.reader.0.len());
        let (value, _) = value.split_at_checked(length).ok_or_else(cut_short)?;
        Ok((name, value))
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Result<Member<'a>, Unpacked>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let member = self.member();
        if member.is_err() {
            self.left = 0;
        }
        Some(member)
    }
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

    fn plain(&mut self, length: usize) -> Result<Cow<'a, str>, Unpacked> {
        let text = std::str::from_utf8(self.bytes(length)?).map_err(|_| cut_short())?;
        Ok(Cow::Borrowed(text))
    }

    /// The string that starts with this type byte; `None` if it is another type.
    fn text(&mut self, kind: u8) -> Result<Option<Cow<'a, str>>, Unpacked> {
        Ok(Some(match kind {
            WORD.. => {
                let word = WORDS.get(usize::from(kind & 0x7f)).ok_or_else(cut_short)?;
                Cow::Borrowed(word)
            }
            TEXT.. => self.plain(usize::from(kind & 0x3f))?,
            kind::LONG_TEXT => {
                let length = self.length()?;
                self.plain(length)?
            }
            kind::HEX => {
                let length = self.length()?;
                Cow::Owned(hex::write(self.bytes(length)?))
            }
            kind::UUID => {
                let length = self.length()?;
                let bytes = self.bytes(length)?;
                if bytes.len() != 16 {
                    return Err(cut_short());
                }
                let mut digits = hex::write(bytes);
                [8, 13, 18, 23].into_iter().for_each(|at| digits.insert(at, '-'));
                Cow::Owned(digits)
            }
            _ => return Ok(None),
        }))
    }

    /// Skips a value and everything in it.
    fn skip(&mut self) -> Result<(), Unpacked> {
        let mut left = 1_usize;
        while let Some(others) = left.checked_sub(1) {
            left = others;
            match self.byte()? {
                LITTLE..TEXT | WORD.. => {}
                kind @ TEXT.. => drop(self.bytes(usize::from(kind & 0x3f))?),
                kind::LONG_TEXT | kind::HEX | kind::UUID => {
                    let length = self.length()?;
                    self.bytes(length)?;
                }
                kind::NATURAL | kind::NEGATIVE => drop(self.number()?),
                kind::FLOAT => drop(self.bytes(8)?),
                kind::LIST => left = left.saturating_add(self.length()?),
                kind::OBJECT => {
                    let members = self.length()?;
                    left = left.saturating_add(members.saturating_mul(2));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Unpacked;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unpacked> {
        let kind = self.byte()?;
        match self.text(kind)? {
            Some(Cow::Borrowed(text)) => return visitor.visit_borrowed_str(text),
            Some(Cow::Owned(text)) => return visitor.visit_string(text),
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

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unpacked> {
        self.skip()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier
    }
}

/// The remaining elements of an array or members of an object.
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

/// An enum variant: its name alone, or an object with its name and content.
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
