//! A counter → a UUID-shaped id, the same in every run.
//!
//! Connect's ids are random. Ours are SHA-256 of what is counted, so that a failing story can be
//! told again with the very same ids.

use sha2::{Digest, Sha256};

/// The `number`-th id of a `kind` ("user", "request", a profile's name), shaped like a version 4
/// UUID in lower case.
pub(super) fn uuid(kind: &str, number: u64) -> String {
    let digest = Sha256::digest(format!("{kind}/{number}"));
    let bits = u128::from_be_bytes(*digest.first_chunk().unwrap_or(&[0; 16]));
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        bits >> 96,
        (bits >> 80) & 0xffff,
        (bits >> 64) & 0xfff,
        (bits >> 48) & 0xfff,
        bits & 0xffff_ffff_ffff,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuid_shaped_repeatable_and_distinct() {
        let id = uuid("user", 1);

        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert!(id.chars().all(|c| c == '-' || c.is_ascii_hexdigit()), "{id}");
        assert_eq!(id, uuid("user", 1));
        assert_ne!(id, uuid("user", 2));
        assert_ne!(id, uuid("request", 1));
    }
}
