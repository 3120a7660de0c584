//! What a record is found by.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::caseless;
use crate::hex;

/// A record's own, permanent id: 32 random hexadecimal digits. It is never Connect's, which changes
/// when a user is made anew, and never given to anybody else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Id(String);

impl Id {
    /// An id of bytes that nobody else has.
    #[must_use]
    pub fn of(random: [u8; 16]) -> Self {
        Self(hex::write(&random))
    }

    /// The id that was written like this; whether there is such a record is another question.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Whether a text is written as an id is, so that it tells nothing of anybody.
    #[must_use]
    pub fn is_ours(text: &str) -> bool {
        text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    }

    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A kind of value and its hash: `SHA-256(kind NUL value)`, 32 hexadecimal digits of it. A hash, so
/// that what a person went by can be known again after the person was removed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key(String);

impl Key {
    /// `userName`, which is unique whatever its case (RFC 7643 §4.1.1, caseExact false).
    #[must_use]
    pub fn user_name(value: &str) -> Self {
        Self::of("userName", &caseless::folded(value))
    }

    /// The key by which a `userName` was written down when names were lowered and not folded, where that
    /// is another. Of who was removed then, the key is all that is left.
    #[must_use]
    pub fn lowered_user_name(value: &str) -> Option<Self> {
        let lowered = Self::of("userName", &value.to_lowercase());
        Some(lowered).filter(|lowered| *lowered != Self::user_name(value))
    }

    /// A `userName`, by its key, that somebody is to have once nobody else has it any more.
    #[must_use]
    pub fn awaited_name(user_name: &Self) -> Self {
        Self::of("wish", &user_name.0)
    }

    /// `externalId`, in its case (RFC 7643 §3.1, caseExact true). One person's by what hooks tell;
    /// SCIM clients may give it to several, since "the server does not enforce uniqueness".
    #[must_use]
    pub fn external_id(value: &str) -> Self {
        Self::of("externalId", value)
    }

    /// An e-mail address, which several may share.
    #[must_use]
    pub fn email(value: &str) -> Self {
        Self::of("email", &caseless::folded(value))
    }

    /// The owner's hash on Connect's users.
    #[must_use]
    pub fn owner(hash: &str) -> Self {
        Self::of("owner", hash)
    }

    /// A group's `displayName`, which is unique whatever its case.
    #[must_use]
    pub fn group_name(value: &str) -> Self {
        Self::of("groupName", &caseless::folded(value))
    }

    /// A group's `externalId`, which several may share.
    #[must_use]
    pub fn group_external_id(value: &str) -> Self {
        Self::of("groupExternalId", value)
    }

    fn of(kind: &str, value: &str) -> Self {
        let digest = Sha256::new().chain_update(kind).chain_update([0]).chain_update(value);
        Self(format!("{kind}:{}", hex::write(digest.finalize().split_at(16).0)))
    }

    /// The key's text, which tells nothing of the person.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
