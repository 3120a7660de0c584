//! Who works on a record, how far it got, and when it is looked at again.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{is_false, nanos};
use crate::fault::Fault;

/// The right to work on a record: one at a time has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Counts who took it: tells who has it from who had it before.
    pub fence: u64,
    /// Until when somebody works on it, by our clock.
    #[serde(default, with = "nanos::option", skip_serializing_if = "Option::is_none")]
    pub until: Option<SystemTime>,
    /// Until when a call of unknown fate may yet take power from the person's user: nobody is let in
    /// before. Whoever is to leave is not kept waiting by it.
    #[serde(default, with = "nanos::option", skip_serializing_if = "Option::is_none")]
    pub quiet_until: Option<SystemTime>,
}

/// How far Connect has followed, and when that is looked at again. Whoever changes what should be
/// begins it anew; so it is neither taken back with the spec nor carried over with the status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// How far it got.
    pub phase: Phase,
    /// How often it failed since it was last written.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempts: u32,
    /// What time has to mend, where it is pending for that; nothing personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// Since when Connect does not follow, while it is pending, by our clock.
    #[serde(default, with = "nanos::option", skip_serializing_if = "Option::is_none")]
    pub pending_since: Option<SystemTime>,
    /// When it is to be looked at again, by our clock; written by [`super::UserRecord::set_due`].
    #[serde(default, with = "nanos::option", skip_serializing_if = "Option::is_none")]
    pub due: Option<SystemTime>,
    /// Who is seen to first of those that are due; written with the time.
    #[serde(default, skip_serializing_if = "DueClass::is_ordinary")]
    pub class: DueClass,
    /// Whether an operator let this removal through however many there were.
    #[serde(default, skip_serializing_if = "is_false")]
    pub guard_waived: bool,
    /// Whether an operator said that the user that was adopted is this person's. Whoever has the lease
    /// notes that in the status; written there, it would be lost beside a worker.
    #[serde(default, skip_serializing_if = "is_false")]
    pub adoption_confirmed: bool,
}

impl Schedule {
    /// That of somebody whom Connect does not follow yet, with no time set.
    #[must_use]
    pub const fn pending(now: SystemTime) -> Self {
        Self {
            phase: Phase::Pending,
            attempts: 0,
            waits_for: None,
            pending_since: Some(now),
            due: None,
            class: DueClass::Ordinary,
            guard_waived: false,
            adoption_confirmed: false,
        }
    }
}

/// Those that are due are seen to in this order, and within a class who has been due longest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DueClass {
    /// Somebody is to lose their access, and has not been seen to lose it.
    Farewell,
    /// Anything else.
    #[default]
    Ordinary,
}

impl DueClass {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference to the field")]
    const fn is_ordinary(&self) -> bool {
        matches!(self, Self::Ordinary)
    }
}

/// How far Connect has followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It holds what it should.
    Applied,
    /// Somebody must act first.
    Parked(Parked),
    /// It does not yet.
    Pending,
}

/// Why a record waits for somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// The fault's code.
    pub fault: String,
    /// Whose turn it is.
    pub turn: String,
    /// What was expected, what was found; nothing personal.
    pub detail: String,
    /// What only the log may know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

impl From<&Fault> for Parked {
    fn from(fault: &Fault) -> Self {
        Self {
            fault: fault.kind.code().to_owned(),
            turn: fault.kind.responsibility().name().to_owned(),
            detail: fault.detail.to_string(),
            cause: fault.cause.as_ref().map(ToString::to_string),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference to the field")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}
