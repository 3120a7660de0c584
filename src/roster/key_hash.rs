//! Sixteen bytes in place of a text: what a record, a key or a member is found by in memory.
//!
//! A text with its length, capacity and allocation is some 72 bytes, and a record is found by five or
//! six. Sixteen bytes of an id are the id; of any other text, of its SHA-256, so that two texts have the
//! same with a chance of 2⁻⁶⁴ among four thousand million.

use sha2::{Digest as _, Sha256};

use super::key::{Id, Key};

/// What stands for a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct KeyHash([u8; 16]);

impl KeyHash {
    /// The least of all.
    pub(super) const LEAST: Self = Self([0; 16]);

    /// What stands for an id; of ids as they are made, in their order.
    pub(super) fn of_id(id: &Id) -> Self {
        Self::of(id.as_str())
    }

    /// The id that this stands for, if it is one as they are made.
    pub(super) fn to_id(self) -> Id {
        Id::of(self.0)
    }

    /// What stands for a key. Its kind is told apart once more, since keys of before may have been
    /// hashed otherwise.
    pub(super) fn of_key(key: &Key) -> Self {
        let Some((kind, hash)) = key.as_str().split_once(':') else {
            return Self::of(key.as_str());
        };
        let Self(mut bytes) = Self::of(hash);
        for (byte, letter) in bytes.iter_mut().zip(kind.bytes().cycle()) {
            *byte ^= letter;
        }
        Self(bytes)
    }

    /// What stands for any text: 32 small hexadecimal digits for themselves.
    pub(super) fn of(text: &str) -> Self {
        if let Some(bytes) = read_hex(text.as_bytes()) {
            return Self(bytes);
        }
        let mut bytes = [0; 16];
        for (byte, hashed) in bytes.iter_mut().zip(Sha256::digest(text)) {
            *byte = hashed;
        }
        Self(bytes)
    }
}

fn read_hex(digits: &[u8]) -> Option<[u8; 16]> {
    if digits.len() != 32 {
        return None;
    }
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

/// The value of a small hexadecimal digit; a capital one makes another text.
const fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(letter.wrapping_sub(b'a').wrapping_add(10)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stand_for_themselves_and_in_their_order() {
        let ids = [[0; 16], [1; 16], [16; 16], [255; 16]].map(Id::of);
        let shorts = ids.clone().map(|id| KeyHash::of_id(&id));
        assert_eq!(shorts[2], KeyHash([16; 16]));
        assert_eq!(shorts.map(KeyHash::to_id), ids);
        assert!(shorts.is_sorted() && ids.is_sorted());
        let capital = Id::from_text(&ids[3].as_str().to_uppercase());
        assert_ne!(KeyHash::of_id(&capital), shorts[3]);
        assert_ne!(KeyHash::of(""), KeyHash::of("0"));
    }

    #[test]
    fn keys_of_different_kinds_are_different_even_with_the_same_hash() {
        let same = "00".repeat(16);
        let key = |kind: &str| {
            let key: Key = serde_json::from_value(format!("{kind}:{same}").into()).unwrap();
            KeyHash::of_key(&key)
        };
        assert_ne!(key("userName"), key("externalId"));
        assert_ne!(key("email"), key("owner"));
        assert_eq!(key("email"), key("email"));
    }
}
