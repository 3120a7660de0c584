//! The owner of a Connect user: a hash in tags on the user, which serves as an idempotency token.
//!
//! CreateUser has no idempotency token, and the SDK or a sender may repeat it. A user with the
//! owner's tags is the result of an earlier attempt for the same person; a user without them is a
//! foreign one and is left alone. The value is a hash, since tags are visible and must hold nothing
//! personal.

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest as _, Sha256};

use super::Rules;
use super::text::Username;
use crate::fault::Fault;
use crate::hex;
use crate::scim::Person;

/// Tag key: the program that manages the user.
pub const MANAGED_BY: &str = "managed-by";
/// Tag key: the deployment that manages the user.
pub const DEPLOYMENT: &str = "provisioner-deployment";
/// Tag key: the hash of the owner.
pub const OWNER: &str = "provisioner-owner";
/// The value of [`MANAGED_BY`].
pub const PROGRAM: &str = "connect-provisioner";
/// Tag key: marks a user who is suspended until the person returns.
pub const SUSPENDED: &str = "provisioner-suspended";
/// All tag keys that we write.
pub const KEYS: [&str; 4] = [MANAGED_BY, DEPLOYMENT, OWNER, SUSPENDED];

/// One person of one deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    deployment: String,
    hash: String,
}

impl Owner {
    /// The owner by `externalId`, or by `userName` if there is none. The hash is the first 32 hex
    /// digits of `SHA-256(deployment NUL kind NUL value)`, where kind is `externalId` or
    /// `userName`.
    #[must_use]
    pub fn of(deployment: &str, external_id: Option<&str>, username: &Username) -> Self {
        let (kind, value) = match external_id {
            Some(value) => ("externalId", value),
            None => ("userName", username.as_str()),
        };
        Self::named(deployment, kind, value)
    }

    /// The owner by the record's id (kind `id`), for a person whose `externalId` or `userName`
    /// belongs to another record, or belonged to one recently.
    #[must_use]
    pub fn of_record(deployment: &str, id: &str) -> Self {
        Self::named(deployment, "id", id)
    }

    /// The owner with a stored hash.
    #[must_use]
    pub fn of_hash(deployment: &str, hash: &str) -> Self {
        Self { deployment: deployment.to_owned(), hash: hash.to_owned() }
    }

    fn named(deployment: &str, kind: &str, value: &str) -> Self {
        let digest = Sha256::digest(format!("{deployment}\0{kind}\0{value}"));
        let hash = hex::write(digest.split_at(16).0);
        Self { deployment: deployment.to_owned(), hash }
    }

    /// The owner and the username of a person under these rules.
    ///
    /// # Errors
    /// [`crate::fault::Kind::InvalidValue`] if the person's `userName` or `externalId` is invalid.
    pub fn of_person(person: &Person, rules: &Rules) -> Result<(Self, Username), Fault> {
        let username = Username::parse(person.user_name()?, rules.identity.username.clone())?;
        Ok((Self::of(&rules.deployment, person.external_id()?, &username), username))
    }

    /// The hash: 32 hex digits.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The three tags of every user of this owner.
    #[must_use]
    pub fn tags(&self) -> [(String, String); 3] {
        let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        [tag(MANAGED_BY, PROGRAM), tag(DEPLOYMENT, &self.deployment), tag(OWNER, &self.hash)]
    }

    /// The owner's hash in these tags, if they are of this deployment.
    #[must_use]
    pub fn hash_in<'a>(deployment: &str, tags: &'a BTreeMap<String, String>) -> Option<&'a str> {
        let has = |key: &str, value: &str| tags.get(key).map(String::as_str) == Some(value);
        let ours = has(MANAGED_BY, PROGRAM) && has(DEPLOYMENT, deployment);
        tags.get(OWNER).map(String::as_str).filter(|_| ours)
    }

    /// True if all three tags of this owner are present with equal values.
    #[must_use]
    pub fn owns(&self, tags: &BTreeMap<String, String>) -> bool {
        self.tags().iter().all(|(key, value)| tags.get(key) == Some(value))
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(external_id: Option<&str>) -> Owner {
        Owner::of("prod", external_id, &Username::parse("ana@example.com", 2..=64).unwrap())
    }

    #[test]
    fn the_hash_is_that_of_deployment_kind_and_value() {
        // printf 'prod\0externalId\0000u1' | sha256sum | head -c 32
        assert_eq!(owner(Some("0u1")).hash(), "5e5e23b9c63d57d7561175ac865650dc");
        // printf 'prod\0userName\0ana@example.com' | sha256sum | head -c 32
        assert_eq!(owner(None).hash(), "11b4337e59953e487e66152e7789ec7b");
    }

    #[test]
    fn ours_means_all_three_tags() {
        let owner = owner(None);
        let tags: BTreeMap<_, _> = owner.tags().into();
        assert!(owner.owns(&tags));
        for key in [MANAGED_BY, DEPLOYMENT, OWNER] {
            let mut other = tags.clone();
            other.insert(key.to_owned(), "other".to_owned());
            assert!(!owner.owns(&other), "{key}");
            other.remove(key);
            assert!(!owner.owns(&other), "{key}");
        }
    }
}
