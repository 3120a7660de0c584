//! What is known of Connect. Whoever has the lease writes it, and nobody else; it is carried over as
//! a whole into a record that senders changed meanwhile: `status = other.status`.

use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{is_empty, is_false, nanos};
use crate::connect::UserIds;

/// What is known of Connect.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The person's user in Connect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<ConnectUser>,
    /// The user of a former name, until it is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former_user: Option<ConnectUser>,
    /// Usernames under which CreateUser may have been sent with nobody knowing what became of it:
    /// written before the call, and empty once Connect follows.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub candidate_usernames: Vec<String>,
    /// Since when a CreateUser may be under way: written with the lease under which it may be sent.
    #[serde(default, with = "nanos::option", skip_serializing_if = "Option::is_none")]
    pub create_reserved: Option<SystemTime>,
    /// When a CreateUser of unknown fate was last sent, or may have been.
    #[serde(default, with = "nanos::option", skip_serializing_if = "Option::is_none")]
    pub create_unknown: Option<SystemTime>,
    /// The [generation](super::UserRecord::generation) that Connect follows; 0 is none.
    pub observed_generation: u64,
    /// The digest of the rules by which it does: 16 hexadecimal digits, or nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub config_digest: String,
    /// Which removal was counted towards the hour's, so that a repeat is not counted again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removal_claim: Option<RemovalClaim>,
    /// Whether a user whom somebody else had made is becoming ours.
    #[serde(default, skip_serializing_if = "is_false")]
    pub adopting: bool,
    /// Whether the user is one whom somebody else had made, with a password that they may know, and no
    /// operator confirmed yet that it is this person's.
    #[serde(default, skip_serializing_if = "is_false")]
    pub adoption_unconfirmed: bool,
    /// By operation, the calls that were made without their effect being there at the next look.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub reapply_counts: BTreeMap<String, Reapplied>,
    /// Whether somebody ever had a user in Connect by way of this record.
    #[serde(default, skip_serializing_if = "is_false")]
    pub had_user: bool,
    /// Connect's ids of the users who are still to be signed out: whose power was taken, and whose
    /// sessions Connect did not end yet, or refuses to.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub sessions_owed: Vec<String>,
}

/// A user that Connect holds.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectUser {
    /// What Connect calls it.
    pub ids: UserIds,
    /// Since when we know of it, by our clock.
    #[serde(with = "nanos")]
    pub since: SystemTime,
    /// Its username, as Connect showed it last; none where an older build wrote it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
}

/// A removal that was counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovalClaim {
    /// The operation and Connect's id of the user.
    pub removal: String,
    /// When it was counted, by our clock.
    #[serde(with = "nanos")]
    pub time: SystemTime,
}

/// A call whose effect was not there at the next look.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reapplied {
    /// A hash of what it said: 16 hexadecimal digits.
    pub digest: String,
    /// How often it was made.
    pub times: u8,
}

/// Shows no name of anybody.
impl fmt::Debug for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, former_user, candidate_usernames, observed_generation, .. } = self;
        formatter
            .debug_struct("Status")
            .field("user", user)
            .field("former_user", former_user)
            .field("candidate_usernames", &candidate_usernames.len())
            .field("observed_generation", observed_generation)
            .finish_non_exhaustive()
    }
}

/// Shows Connect's ids and no name.
impl fmt::Debug for ConnectUser {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ConnectUser")
            .field("ids", &self.ids)
            .field("since", &self.since)
            .finish_non_exhaustive()
    }
}

impl Status {
    /// Whether a user is none of those that are written down.
    #[must_use]
    pub fn is_unknown_user(&self, ids: &UserIds) -> bool {
        [&self.user, &self.former_user].into_iter().flatten().all(|held| held.ids != *ids)
    }
}
