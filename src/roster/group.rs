//! Groups and who is in them. Members are records of their own, so that a change of one writes one.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::key::{Id, Key};
use crate::assign::permissions::GroupNames;

/// A group, without its members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The permanent id.
    pub id: Id,
    /// Counts the writes; 0 is unwritten.
    pub version: u64,
    /// Counts what clients have changed.
    pub edition: u64,
    /// The resource as it was sent, less `members`.
    pub resource: Map<String, Value>,
    /// When it was first written.
    pub created: SystemTime,
    /// When a client last changed it.
    pub modified: SystemTime,
    /// Whether a change that was accepted is not written in all its parts yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fan_out_pending: bool,
    /// The version of the last change that was written in parts: whoever read an older one may have read
    /// some of the parts.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub fan_out_version: u64,
}

/// A member of a group, whether or not there is such a user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// The member's id.
    pub value: String,
    /// What was sent besides.
    pub rest: Map<String, Value>,
}

/// A write of a group: what changes, on what condition, and whom it concerns.
#[derive(Clone, Debug)]
pub struct GroupChange {
    /// The group as it was read; of version 0, if it is to be made.
    pub group: Group,
    /// Its attributes from now on, if nobody wrote it since; else they stay as they are, whoever did.
    pub resource: Option<Map<String, Value>>,
    /// The edition that it must still have.
    pub condition: Option<u64>,
    /// Who comes; who is there stays as they are.
    pub add: Vec<Member>,
    /// Of whom something else is said, if they are still there.
    pub tell: Vec<Member>,
    /// Who goes.
    pub remove: Vec<String>,
    /// Whose records are marked, once who comes and goes is written.
    pub affected: Affected,
    /// Now.
    pub now: SystemTime,
}

/// For whom a change of a group makes a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Affected {
    /// Those who come and go.
    Changed,
    /// All members, before and after.
    Everybody,
    /// Nobody.
    Nobody,
}

impl Group {
    /// A group that is not written yet.
    #[must_use]
    pub fn new(id: Id, now: SystemTime) -> Self {
        Self {
            id,
            version: 0,
            edition: 0,
            resource: Map::new(),
            created: now,
            modified: now,
            fan_out_pending: false,
            fan_out_version: 0,
        }
    }

    /// `displayName`, which no other group has.
    #[must_use]
    pub fn display_name(&self) -> &str {
        self.text("displayName").unwrap_or_default()
    }

    /// What it is found by: its name, which is no other group's, and `externalId`.
    #[must_use]
    pub fn keys(&self) -> Vec<Key> {
        let external_id = self.external_id().map(Key::group_external_id);
        self.name_key().into_iter().chain(external_id).collect()
    }

    /// The name's key.
    #[must_use]
    pub fn name_key(&self) -> Option<Key> {
        self.text("displayName").map(Key::group_name)
    }

    /// `externalId`, the identity provider's own id.
    #[must_use]
    pub fn external_id(&self) -> Option<&str> {
        self.text("externalId")
    }

    /// By what `GROUP_PROFILES` may mean it.
    #[must_use]
    pub fn names(&self) -> GroupNames<'_> {
        GroupNames {
            display_name: self.display_name(),
            external_id: self.external_id(),
            id: self.id.as_str(),
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.resource.get(name).and_then(Value::as_str)
    }
}

impl Member {
    /// Takes an element of `members`; one without a `value` is nobody.
    #[must_use]
    pub fn read(element: Value) -> Option<Self> {
        let Value::Object(mut rest) = element else { return None };
        match rest.remove("value") {
            Some(Value::String(value)) => Some(Self { value, rest }),
            _ => None,
        }
    }

    /// Whether the same is said of somebody; `$ref` says where they are, which is ours to know.
    #[must_use]
    pub fn says_as_much_as(&self, other: &Self) -> bool {
        let said = |rest: &Map<String, Value>| {
            let said = rest.iter().filter(|(name, _)| *name != "$ref");
            said.map(|(name, value)| (name.clone(), value.clone())).collect::<Vec<_>>()
        };
        self.value == other.value
            && (self.rest == other.rest || said(&self.rest) == said(&other.rest))
    }

    /// The element of `members` that it was read from.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut element = self.rest.clone();
        element.insert("value".to_owned(), self.value.clone().into());
        element.into()
    }
}

impl GroupChange {
    /// A change of nothing, yet.
    #[must_use]
    pub const fn of(group: Group, now: SystemTime) -> Self {
        Self {
            group,
            resource: None,
            condition: None,
            add: Vec::new(),
            tell: Vec::new(),
            remove: Vec::new(),
            affected: Affected::Nobody,
            now,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference to the field")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}
