//! What senders say should be of a person. It is taken back as a whole: `spec = former.spec`.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::access::{Access, DesiredState};
use super::{is_empty, is_false, nanos};
use crate::roster::key::Key;
use crate::scim::Person;

/// What should be: the profile and the access, each with its own time.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// The resource as it was sent, less `password`; empty once the person is removed. Written by
    /// senders, and by the reconciler where it gives the person a name that was waited for.
    pub person: Person,
    /// When what the profile says happened at the sender's.
    #[serde(with = "nanos")]
    pub profile_time: SystemTime,
    /// Whether the person works, and why.
    pub access: Access,
    /// `externalId` by the name of the source that said it last: that of a hook, or `scim/v2`. A
    /// farewell is compared with what its own source said. Empty of who was carried over from a file of
    /// before, since nobody wrote down who said it, and of who was removed.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub external_ids: BTreeMap<String, String>,
    /// Whether nobody ever asked for this person to join: somebody unknown left, and may have a user
    /// from the time before the roster.
    #[serde(default, skip_serializing_if = "is_false")]
    pub never_joined: bool,
    /// Whether another person goes by the same `externalId`, and had it before; only SCIM clients may
    /// give it twice.
    #[serde(default, skip_serializing_if = "is_false")]
    pub shares_external_id: bool,
    /// The `userName` that the person is to have once nobody else here has it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaited_name: Option<AwaitedName>,
    /// Whether the record of somebody who [never joined](Spec::never_joined) is to be forgotten, since
    /// Connect has no user of theirs. No sender asked for it, so what was said of their access is
    /// inherited by whoever comes by their name.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_forgotten: bool,
    /// What a removed person went by, as hashes.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub tombstone_keys: Vec<Key>,
    /// Counts what a client sees changed: the number in the resource's `ETag`. What is taken back takes
    /// its number back too.
    pub etag: u64,
    /// When a sender last changed it, by our clock: `meta.lastModified`.
    #[serde(with = "nanos")]
    pub modified: SystemTime,
}

impl Spec {
    /// What is first said of somebody.
    #[must_use]
    pub fn new(person: Person, desired: DesiredState, now: SystemTime) -> Self {
        Self {
            person,
            profile_time: now,
            access: Access::new(desired, now),
            external_ids: BTreeMap::new(),
            never_joined: false,
            shares_external_id: false,
            awaited_name: None,
            is_forgotten: false,
            tombstone_keys: Vec::new(),
            etag: 1,
            modified: now,
        }
    }

    /// When the newest of what it says happened at the sender's.
    #[must_use]
    pub fn as_of(&self) -> SystemTime {
        self.profile_time.max(self.access.time)
    }

    /// What should be of the person.
    #[must_use]
    pub fn desired_state(&self) -> DesiredState {
        if self.is_forgotten { DesiredState::Deleted } else { self.access.desired_state() }
    }

    /// Notes that a source said all that the profile says, its `externalId` too.
    pub fn note_own_external_id(&mut self, source: &str) {
        let said = self.person.external_id().ok().flatten().map(str::to_owned);
        match said {
            Some(id) => drop(self.external_ids.insert(source.to_owned(), id)),
            // What it said before it took back.
            None => drop(self.external_ids.remove(source)),
        }
    }

    /// Notes the `externalId` by which a source knows the person.
    pub fn note_external_id(&mut self, source: &str, person: &Person) {
        let said = person.external_id().ok().flatten();
        if let Some(id) =
            said.filter(|id| self.external_ids.get(source).is_none_or(|own| own != id))
        {
            self.external_ids.insert(source.to_owned(), id.to_owned());
        }
    }
}

/// A `userName` that somebody else here has, told by a sender that cannot tell it again. The person
/// goes by the former one until then; who has none goes by no name.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwaitedName {
    /// The name, byte for byte.
    pub name: String,
    /// Since when it is waited for, by our clock: who came first is first.
    #[serde(with = "nanos")]
    pub since: SystemTime,
}

impl AwaitedName {
    /// What its holder goes by.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::user_name(&self.name)
    }
}
