//! Form 1 → a record: what builds before form 2 stored. Read once, when a file of theirs is carried
//! over; never written.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::Deserialize;

use super::access::{Access, DesiredState};
use super::spec::{AwaitedName, Spec};
use super::status::{ConnectUser, Reapplied, RemovalClaim, Status};
use super::{Form, Lease, Parked, Phase, Schedule, StoredKeys, UserRecord};
use crate::connect::UserIds;
use crate::roster::key::{Id, Key};
use crate::scim::Person;

/// A record of form 1. Members that are not there yet in the oldest rows have a default.
#[derive(Deserialize)]
pub(super) struct Record {
    id: Id,
    version: u64,
    person: Person,
    wanted: OldWanted,
    stranger: bool,
    #[serde(default)]
    shares_external_id: bool,
    owner: String,
    #[serde(default)]
    wish: Option<OldWish>,
    #[serde(default)]
    freed: Vec<Key>,
    marks: Vec<Key>,
    user: Option<OldHeld>,
    former: Option<OldHeld>,
    tried: Vec<String>,
    revision: u64,
    applied: u64,
    #[serde(default)]
    edition: u64,
    #[serde(default)]
    last_edition: u64,
    fence: u64,
    leased_until: Option<SystemTime>,
    state: OldState,
    attempts: u32,
    #[serde(default)]
    waits_for: Option<String>,
    #[serde(default)]
    pending_since: Option<SystemTime>,
    due: Option<SystemTime>,
    as_of: SystemTime,
    created: SystemTime,
    modified: SystemTime,
    rules: String,
    counted: Option<(String, SystemTime)>,
    released: bool,
    adopting: bool,
    stubborn: BTreeMap<String, (String, u8)>,
    /// Where it was written before this was noted, that is taken for granted.
    #[serde(default = "yes")]
    had_user: bool,
}

const fn yes() -> bool {
    true
}

#[derive(Deserialize)]
struct OldWish {
    name: String,
    since: SystemTime,
}

#[derive(Clone, Copy, Deserialize)]
enum OldWanted {
    Active,
    Inactive,
    Gone,
}

#[derive(Deserialize)]
enum OldState {
    Applied,
    Parked(Parked),
    Pending,
}

#[derive(Deserialize)]
struct OldHeld {
    ids: UserIds,
    since: SystemTime,
}

impl From<Record> for UserRecord {
    fn from(old: Record) -> Self {
        let mut record = Self {
            form: Form,
            id: old.id,
            row_version: old.version,
            owner: old.owner,
            created: old.created,
            generation: old.revision,
            etag_high_water: old.last_edition,
            spec: Spec {
                person: old.person,
                profile_time: old.as_of,
                // Nobody wrote down why somebody worked.
                is_forgotten: false,
                access: Access::carried_over(old.wanted.into(), old.as_of),
                // Nor who said the `externalId`; it is among the attributes.
                external_ids: BTreeMap::new(),
                never_joined: old.stranger,
                shares_external_id: old.shares_external_id,
                awaited_name: old.wish.map(|OldWish { name, since }| AwaitedName { name, since }),
                tombstone_keys: old.marks,
                etag: old.edition,
                modified: old.modified,
            },
            status: Status {
                create_reserved: None,
                create_unknown: None,
                user: old.user.map(ConnectUser::from),
                former_user: old.former.map(ConnectUser::from),
                candidate_usernames: old.tried,
                observed_generation: old.applied,
                config_digest: old.rules,
                removal_claim: old.counted.map(|(removal, time)| RemovalClaim { removal, time }),
                adopting: old.adopting,
                adoption_unconfirmed: false,
                reapply_counts: old.stubborn.into_iter().map(reapplied).collect(),
                had_user: old.had_user,
                sessions_owed: Vec::new(),
            },
            lease: Lease { fence: old.fence, until: old.leased_until, quiet_until: None },
            schedule: Schedule {
                phase: old.state.into(),
                attempts: old.attempts,
                waits_for: old.waits_for,
                pending_since: old.pending_since,
                guard_waived: old.released,
                adoption_confirmed: false,
                ..Schedule::pending(old.modified)
            },
            freed_names: old.freed,
            history: Vec::new(),
            stored_keys: StoredKeys::default(),
        };
        record.set_due(old.due);
        record
    }
}

fn reapplied((operation, (digest, times)): (String, (String, u8))) -> (String, Reapplied) {
    (operation, Reapplied { digest, times })
}

impl From<OldWanted> for DesiredState {
    fn from(old: OldWanted) -> Self {
        match old {
            OldWanted::Active => Self::Active,
            OldWanted::Inactive => Self::Inactive,
            OldWanted::Gone => Self::Deleted,
        }
    }
}

impl From<OldState> for Phase {
    fn from(old: OldState) -> Self {
        match old {
            OldState::Applied => Self::Applied,
            OldState::Parked(parked) => Self::Parked(parked),
            OldState::Pending => Self::Pending,
        }
    }
}

impl From<OldHeld> for ConnectUser {
    fn from(old: OldHeld) -> Self {
        Self { ids: old.ids, since: old.since, username: None }
    }
}
