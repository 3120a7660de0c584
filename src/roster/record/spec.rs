//! What senders say should be of a person. It is taken back as a whole: `spec = former.spec`.

use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{is_empty, is_false, nanos};
use crate::roster::key::Key;
use crate::scim::Person;

/// What should be: the profile and the access, each with its own time.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// The resource as it was sent, less `password`; empty once the person is removed. Written by
    /// senders, and by the reconciler where it gives the person a name that was waited for.
    pub person: Person,
    /// When what the profile says happened at the sender's. Today every event moves it, together with
    /// [`Access::time`].
    #[serde(with = "nanos")]
    pub profile_time: SystemTime,
    /// Whether the person works, and why.
    pub access: Access,
    /// `externalId` by the name of the source that said it last: that of a hook, or `scim/v2`. Nothing
    /// is read from it yet; a later release compares an `externalId` with what the same source said
    /// before. Empty of who was carried over from a file of before, since nobody wrote down who said
    /// it, and of who was removed.
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

    /// Notes when what it says happened. Today whatever is said dates both the profile and the access.
    pub const fn date(&mut self, as_of: SystemTime) {
        (self.profile_time, self.access.time) = (as_of, as_of);
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

/// Whether a person works: with the life-cycle flag fine and at least one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// When the newest of what is said of it happened at the sender's.
    #[serde(with = "nanos")]
    pub time: SystemTime,
    /// The life-cycle flag.
    pub lifecycle: Lifecycle,
    /// When that was said.
    #[serde(with = "nanos")]
    pub lifecycle_time: SystemTime,
    /// Why somebody works, and what was withdrawn. Today there is one at most: a farewell withdraws
    /// all of them, and whoever comes or returns is [activated](Reason::Activated).
    #[serde(default, skip_serializing_if = "is_empty")]
    pub reasons: BTreeMap<Reason, Given>,
}

/// The account's own state at the sender's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    /// Nothing is against the person's working.
    Enabled,
    /// Suspended, deactivated, or `active` is false.
    Disabled,
    /// The person is removed, and to be forgotten.
    Removed,
}

/// Why somebody works, by id. Stored as a text: the words below, and an id behind a colon.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Reason {
    /// `activated`: the person was created or activated, by a signed event or by SCIM's `active`.
    Activated,
    /// `app:{id}`: assigned to this application. Nobody says it yet: Okta's hooks will.
    Application(String),
    /// `group:{id}`: a member of this group. Nobody says it yet: Okta's hooks will.
    Group(String),
    /// `unknown`: the person worked by a file of before, which did not say why. Any farewell withdraws
    /// it.
    Unknown,
}

/// What was last said of a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// When it happened at the sender's.
    #[serde(with = "nanos")]
    pub time: SystemTime,
    /// Whether it was taken away then.
    #[serde(default, skip_serializing_if = "is_false")]
    pub withdrawn: bool,
}

/// What should be of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DesiredState {
    /// A user who works.
    Active,
    /// What the operator decided for those who left.
    Inactive,
    /// Nothing, and the person forgotten.
    Deleted,
}

impl Access {
    /// That of somebody of whom this is the first that is said.
    #[must_use]
    pub fn new(desired: DesiredState, time: SystemTime) -> Self {
        let lifecycle = Lifecycle::Enabled;
        let mut access = Self { time, lifecycle, lifecycle_time: time, reasons: BTreeMap::new() };
        access.set(desired, time);
        access
    }

    /// That of somebody of whom a file of before says but what should be.
    #[must_use]
    pub fn carried_over(desired: DesiredState, time: SystemTime) -> Self {
        let mut access = Self::new(desired, time);
        access.reasons.clear();
        if desired == DesiredState::Active {
            access.reasons.insert(Reason::Unknown, Given { time, withdrawn: false });
        }
        access
    }

    /// What should be of the person.
    #[must_use]
    pub fn desired_state(&self) -> DesiredState {
        let works = || self.reasons.values().any(|given| !given.withdrawn);
        match self.lifecycle {
            Lifecycle::Removed => DesiredState::Deleted,
            Lifecycle::Enabled if works() => DesiredState::Active,
            Lifecycle::Enabled | Lifecycle::Disabled => DesiredState::Inactive,
        }
    }

    /// Takes what a sender said. Who works was activated, whatever for: senders' events are not told
    /// apart by their reasons yet. A farewell withdraws every reason, and one that nobody knows is
    /// forgotten with it.
    pub fn set(&mut self, desired: DesiredState, time: SystemTime) {
        self.lifecycle = match desired {
            DesiredState::Active => Lifecycle::Enabled,
            DesiredState::Inactive => Lifecycle::Disabled,
            DesiredState::Deleted => Lifecycle::Removed,
        };
        (self.time, self.lifecycle_time) = (time, time);
        if desired == DesiredState::Active {
            self.reasons.insert(Reason::Activated, Given { time, withdrawn: false });
            return;
        }
        self.reasons.remove(&Reason::Unknown);
        for given in self.reasons.values_mut().filter(|given| !given.withdrawn) {
            *given = Given { time, withdrawn: true };
        }
    }
}

const APPLICATION: &str = "app:";
const GROUP: &str = "group:";

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Activated => "activated".to_owned(),
            Reason::Application(id) => format!("{APPLICATION}{id}"),
            Reason::Group(id) => format!("{GROUP}{id}"),
            Reason::Unknown => "unknown".to_owned(),
        }
    }
}

impl TryFrom<String> for Reason {
    type Error = ParseReasonError;

    fn try_from(text: String) -> Result<Self, ParseReasonError> {
        let (application, group) = (text.strip_prefix(APPLICATION), text.strip_prefix(GROUP));
        match (text.as_str(), application, group) {
            ("activated", _, _) => Ok(Self::Activated),
            ("unknown", _, _) => Ok(Self::Unknown),
            (_, Some(id), _) => Ok(Self::Application(id.to_owned())),
            (_, _, Some(id)) => Ok(Self::Group(id.to_owned())),
            (_, None, None) => Err(ParseReasonError),
        }
    }
}

/// A text that is none of the reasons there are; it is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseReasonError;

impl fmt::Display for ParseReasonError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("expected activated, unknown, app:{id} or group:{id}, found another")
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
