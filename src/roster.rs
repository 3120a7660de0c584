//! The truth about what should be: one [`UserRecord`] for each person, which Connect is made to follow.
//!
//! A sender's event is written here first, and only then is Connect touched; whatever is cut off in
//! between is found again, because every write leaves its record due. Every write is on condition
//! that nobody else wrote meanwhile, so any number of instances may work on one roster.

pub mod key;
pub mod policy;
pub mod record;
pub mod merge;
pub mod glance;
pub mod group;
pub mod parked;

mod key_hash;
mod group_index;
mod user_index;
#[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "it is a file that takes them"))]
mod queue;
pub mod memory;
#[cfg(feature = "aws")]
pub mod dynamo;
#[cfg(feature = "cli")]
mod backup;
#[cfg(feature = "cli")]
mod file;
#[cfg(feature = "cli")]
mod writer;
#[cfg(test)]
mod crash;

use std::fmt;
use std::pin::Pin;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::fault::{Fault, Kind};
use crate::scim::resource::Sought;
use glance::Glance;
use group::{Group, GroupChange, Member};
use key::{Id, Key};
use parked::Counts;
use record::{StoredKeys, UserRecord};

/// What a roster answers, some time.
pub type RosterFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, RosterError>> + Send + 'a>>;

/// The durable record of what should be. Whoever keeps one passes the same contract, which a table
/// with transactions of a hundred items can keep:
///
/// - A write of a record is there before it is answered, and is done whole or not at all.
/// - A change of a group is *accepted* whole. Who comes and goes by it may be written in parts after
///   that, each on its own; [`Roster::mend`] writes the next part, whoever asks. Rows come before
///   marks: a user is made due only after what makes the difference is there to be read.
/// - Every list is bounded by its caller, and what is left of it has a place to go on from: fewer than
///   were asked for are told only where there are no more.
/// - What is due, and how many there are of each state, may be told late: it is a hint, and whoever
///   acts on it loads the record and judges it.
pub trait Roster: fmt::Debug + Send + Sync {
    /// The record of this id.
    fn load<'a>(&'a self, id: &'a Id) -> RosterFuture<'a, Option<UserRecord>>;

    /// The one record that goes by this key: a `userName`, an owner, or an `externalId`, if it is not
    /// [shared](record::Spec::shares_external_id).
    fn find<'a>(&'a self, key: &'a Key) -> RosterFuture<'a, Option<UserRecord>>;

    /// Up to `count` of those who have this e-mail address or `externalId`, or wait for this name: in
    /// the order of their ids, those behind `after`. [`find_everybody`] gives all.
    fn find_all<'a>(
        &'a self,
        key: &'a Key,
        after: Option<&'a Id>,
        count: usize,
    ) -> RosterFuture<'a, Vec<UserRecord>>;

    /// Up to `count` of those who went by one of these keys and are gone or on the way out, each once:
    /// those first who left last.
    fn find_deleted<'a>(
        &'a self,
        keys: &'a [Key],
        count: usize,
    ) -> RosterFuture<'a, Vec<UserRecord>>;

    /// Writes a record if the stored one has its version (none, if that is 0) and nobody else has one
    /// of its keys, and answers how it is stored, which [`UserRecord::note_stored`] takes. A new record is
    /// also refused if somebody who went by one of its keys was removed as of its own time or later.
    /// By what the stored one is found comes with the record: it need not be read for that.
    fn write<'a>(
        &'a self,
        record: &'a UserRecord,
    ) -> RosterFuture<'a, Result<Stored, WriteConflict>>;

    /// Removes a record if the stored one has its version. As for a write, by what it is found comes
    /// with it.
    fn erase<'a>(&'a self, record: &'a UserRecord) -> RosterFuture<'a, Result<(), WriteConflict>>;

    /// The group of this id.
    fn load_group<'a>(&'a self, id: &'a Id) -> RosterFuture<'a, Option<Group>>;

    /// Up to `count` groups that go by this key, in the order in which they came: a `displayName`, which
    /// one group has, or an `externalId`.
    fn find_groups<'a>(&'a self, key: &'a Key, count: usize) -> RosterFuture<'a, Vec<Group>>;

    /// Up to `count` groups from the `start`th on (from 0), in the order in which they came, and how
    /// many there are.
    fn page_groups(&self, start: usize, count: usize) -> RosterFuture<'_, (Vec<Group>, usize)>;

    /// Up to `count` members of a group, in the order in which they were added, from this place on;
    /// and the place behind them, if there are more. [`all_members`] gives all.
    fn members<'a>(
        &'a self,
        group: &'a Id,
        from: u64,
        count: usize,
    ) -> RosterFuture<'a, (Vec<Member>, Option<u64>)>;

    /// Up to `count` of the groups that have this member: in the order of their ids, those behind
    /// `after`. [`all_groups_of`] gives all.
    fn groups_of<'a>(
        &'a self,
        member: &'a str,
        after: Option<&'a Id>,
        count: usize,
    ) -> RosterFuture<'a, Vec<Group>>;

    /// Accepts a change of a group, and answers the group as it is then, with a new edition if anything
    /// is another than before. Members come and go whoever else writes, as long as the group has the
    /// name and the `externalId` that it was read with; attributes if nobody wrote it since; and whatever has a condition, on
    /// that condition. What does not fit into one write is [owed](Group::fan_out_pending), and a group that owes
    /// takes no other change before that: [`write_group`] sees to both.
    fn write_group<'a>(
        &'a self,
        change: &'a GroupChange,
    ) -> RosterFuture<'a, Result<Group, WriteConflict>>;

    /// Removes a group if the stored one has this version; its members, and marks for them if that makes
    /// a difference, may be owed. [`erase_group`] sees to that.
    fn erase_group<'a>(
        &'a self,
        id: &'a Id,
        version: u64,
        mark: bool,
        now: SystemTime,
    ) -> RosterFuture<'a, Result<(), WriteConflict>>;

    /// Writes the next part of what changes of this group still owe, or of any group: first who comes
    /// and goes, then the marks. Answers whether there may be more. Whoever is cut off in between leaves
    /// it to whoever asks next, any number at once. A row that is written twice is written once; a user
    /// who is marked twice is looked at once more.
    fn mend<'a>(&'a self, group: Option<&'a Id>) -> RosterFuture<'a, bool>;

    /// Up to `count` records that are due: farewells first, and of each class those first that have been
    /// longest. Where others are due too, half of `count` is left to them. It may be late, and it may
    /// name a record that is not due any more, or not there.
    fn due(&self, now: SystemTime, count: usize) -> RosterFuture<'_, Vec<Id>>;

    /// The farewells alone of those that are due, up to `count`, in the same order and with the same
    /// freedoms.
    fn due_farewells(&self, now: SystemTime, count: usize) -> RosterFuture<'_, Vec<Id>>;

    /// Up to `count` persons from the `start`th on (from 0), in the order in which they came, and
    /// how many there are. Who is on the way out is not among them.
    fn page(&self, start: usize, count: usize) -> RosterFuture<'_, (Vec<UserRecord>, usize)>;

    /// The ids and versions of what [`Roster::page`] gives: for whoever knows the rest.
    fn page_versions(
        &self,
        start: usize,
        count: usize,
    ) -> RosterFuture<'_, (Vec<(Id, u64)>, usize)> {
        Box::pin(async move {
            let (records, total) = self.page(start, count).await?;
            let versions = records.into_iter().map(|record| (record.id, record.row_version));
            Ok((versions.collect(), total))
        })
    }

    /// The version of the record of this id: for whoever knows the rest.
    fn version<'a>(&'a self, id: &'a Id) -> RosterFuture<'a, Option<u64>> {
        Box::pin(async move { Ok(self.load(id).await?.map(|record| record.row_version)) })
    }

    /// Up to `count` persons who came before this place, the newest first: everybody is met once,
    /// whoever comes and goes meanwhile. [`Place::of`] the last is where to go on.
    fn before<'a>(
        &'a self,
        place: Option<&'a Place>,
        count: usize,
    ) -> RosterFuture<'a, Vec<UserRecord>>;

    /// What is sought of those whom [`Roster::before`] gives: for whoever looks at everybody.
    fn glances<'a>(
        &'a self,
        place: Option<&'a Place>,
        count: usize,
        sought: &'a Sought<'a>,
    ) -> RosterFuture<'a, Vec<Glance>> {
        Box::pin(async move {
            let records = self.before(place, count).await?;
            Ok(records.iter().map(|record| Glance::of(record, sought)).collect())
        })
    }

    /// Up to `count` of those who are parked: in the order of their ids, those behind `after`.
    /// [`parked::all`] gives all.
    fn parked<'a>(
        &'a self,
        after: Option<&'a Id>,
        count: usize,
    ) -> RosterFuture<'a, Vec<UserRecord>>;

    /// How many records there are of each state. It may be late.
    fn counts(&self) -> RosterFuture<'_, Counts>;

    /// When an event, by its hash, was first asked about: now, if it never was. Remembered for
    /// [`record::TOMBSTONE_TTL`].
    fn first_seen<'a>(&'a self, event: &'a str, now: SystemTime) -> RosterFuture<'a, SystemTime>;

    /// Counts a removal, or a loss of power, if fewer than `most` of its kind were counted within the
    /// last hour, and says whether it is counted. The same one, by these words of what is taken, is
    /// counted once an hour, however often it is asked for.
    fn count_removal<'a>(
        &'a self,
        guard: Guard,
        what: &'a str,
        now: SystemTime,
        most: usize,
    ) -> RosterFuture<'a, bool>;

    /// Counts one that an operator let through: once an hour.
    fn note_removal<'a>(
        &'a self,
        guard: Guard,
        what: &'a str,
        now: SystemTime,
    ) -> RosterFuture<'a, ()>;

    /// Since when nothing but farewells is done in Connect, if an operator stopped it.
    fn paused(&self) -> RosterFuture<'_, Option<SystemTime>>;

    /// Stops it as of then, or lets it go on.
    fn set_paused(&self, since: Option<SystemTime>) -> RosterFuture<'_, ()>;

    /// Lets one run at a time drain: `who` has the right to until `until`, if nobody else has it at
    /// `now`. Whoever has it and asks again has it.
    fn begin_drain<'a>(
        &'a self,
        who: &'a str,
        now: SystemTime,
        until: SystemTime,
    ) -> RosterFuture<'a, bool>;

    /// Gives that right back, unless somebody else has it since.
    fn end_drain<'a>(&'a self, who: &'a str) -> RosterFuture<'a, ()>;

    /// Until when Connect's quota is the drain's alone, if it is.
    fn backlog(&self) -> RosterFuture<'_, Option<SystemTime>>;

    /// Leaves the quota to the drain until then, or to everybody.
    fn set_backlog(&self, until: Option<SystemTime>) -> RosterFuture<'_, ()>;

    /// Whether it could be written when that was last tried; asks nobody.
    ///
    /// # Errors
    /// What is wrong, as long as it is.
    fn health(&self) -> Result<(), RosterError>;
}

/// What is counted apart against `MAX_REMOVALS_PER_HOUR`, so that neither uses up what the other has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Farewells, and users who are removed because their person has another.
    Removals,
    /// Security profiles of a granting group that somebody who works on has no more.
    Losses,
}

/// How many are asked for at once, by whoever wants all.
pub const BATCH: usize = 1000;

/// Changes a group, and sees to what that owes as long as there is time. What is left is for whoever asks
/// next: the change was accepted.
///
/// # Errors
/// If the roster did not answer; a [`WriteConflict`] if the change was not accepted.
pub async fn write_group(
    roster: &dyn Roster,
    change: &GroupChange,
    has_time: impl Fn() -> bool,
) -> Result<Result<Group, WriteConflict>, RosterError> {
    match roster.write_group(change).await? {
        Ok(mut group) if group.fan_out_pending => {
            let settled = settle_group(roster, &group.id, has_time).await;
            group.fan_out_pending = settled.is_err();
            Ok(Ok(group))
        }
        Err(WriteConflict::StaleVersion) => {
            // Perhaps it owes; whoever tries again finds that done.
            settle_group(roster, &change.group.id, has_time).await?;
            Ok(Err(WriteConflict::StaleVersion))
        }
        written => Ok(written),
    }
}

/// Removes a group, and sees to what that owes, as [`write_group`] does.
///
/// # Errors
/// As [`write_group`].
pub async fn erase_group(
    roster: &dyn Roster,
    id: &Id,
    version: u64,
    mark: bool,
    now: SystemTime,
    has_time: impl Fn() -> bool,
) -> Result<Result<(), WriteConflict>, RosterError> {
    let erased = roster.erase_group(id, version, mark, now).await?;
    match (erased, settle_group(roster, id, has_time).await) {
        (Err(conflict), settled) => settled.map(|()| Err(conflict)),
        // What is left is for whoever asks next.
        (Ok(()), _) => Ok(Ok(())),
    }
}

/// Writes all that changes of a group still owe.
///
/// # Errors
/// If the roster did not answer, or it took all the time that there was.
pub async fn settle_group(
    roster: &dyn Roster,
    id: &Id,
    has_time: impl Fn() -> bool,
) -> Result<(), RosterError> {
    while roster.mend(Some(id)).await? {
        if !has_time() {
            let late = "a large change of the group is still being written";
            return Err(RosterError::NotDone(late.to_owned()));
        }
    }
    Ok(())
}

/// All members of a group, in the order in which they were added.
///
/// # Errors
/// If the roster did not answer.
pub async fn all_members(roster: &dyn Roster, group: &Id) -> Result<Vec<Member>, RosterError> {
    let (mut all, mut next) = roster.members(group, 0, BATCH).await?;
    while let Some(from) = next {
        let (more, then) = roster.members(group, from, BATCH).await?;
        all.extend(more);
        next = then;
    }
    Ok(all)
}

/// All groups that have a member, in the order in which they came.
///
/// # Errors
/// If the roster did not answer.
pub async fn all_groups_of(roster: &dyn Roster, member: &str) -> Result<Vec<Group>, RosterError> {
    let mut all = Vec::new();
    while let Some(count) = next_count(&all, usize::MAX) {
        let last = all.last().map(|group: &Group| group.id.clone());
        let page = roster.groups_of(member, last.as_ref(), count).await?;
        let is_last = page.len() < count;
        all.extend(page);
        if is_last {
            break;
        }
    }
    all.sort_by(|one, other| (one.created, &one.id).cmp(&(other.created, &other.id)));
    Ok(all)
}

/// All who have a key that several may have, in the order of their ids; but not more than `most`.
///
/// # Errors
/// If the roster did not answer.
pub async fn find_everybody(
    roster: &dyn Roster,
    key: &Key,
    most: usize,
) -> Result<Vec<UserRecord>, RosterError> {
    let mut all = Vec::new();
    while let Some(count) = next_count(&all, most) {
        let last = all.last().map(|record: &UserRecord| record.id.clone());
        let page = roster.find_all(key, last.as_ref(), count).await?;
        let is_last = page.len() < count;
        all.extend(page);
        if is_last {
            break;
        }
    }
    Ok(all)
}

/// How many are asked for next by whoever wants `most`; nothing, once there are so many.
fn next_count<T>(known: &[T], most: usize) -> Option<usize> {
    let left = most.checked_sub(known.len())?;
    Some(left.min(BATCH)).filter(|count| *count > 0)
}

/// A place in the order in which persons came: who came later is before it in no list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// When somebody came.
    pub created: SystemTime,
    /// Who of those who came at that time.
    pub id: Id,
}

impl Place {
    /// Where somebody is.
    #[must_use]
    pub fn of(record: &UserRecord) -> Self {
        Self { created: record.created, id: record.id.clone() }
    }
}

/// How a record is stored: what whoever wrote it needs to write it again.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// The version that it has now.
    pub row_version: u64,
    /// By what it is found now.
    pub stored_keys: StoredKeys,
}

/// A write that was not done, because its condition did not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteConflict {
    /// Somebody else wrote this record meanwhile, or removed who is to come.
    StaleVersion,
    /// Somebody else has one of its keys.
    DuplicateKey,
}

/// The roster did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RosterError {
    /// What was to be written was surely not written.
    NotDone(String),
    /// Whether it was written is unknown.
    Unknown(String),
}

impl RosterError {
    /// What is wrong; nothing personal.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::NotDone(text) | Self::Unknown(text) => text,
        }
    }
}

impl fmt::Display for RosterError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}

impl std::error::Error for RosterError {}

impl From<RosterError> for Fault {
    fn from(roster_error: RosterError) -> Self {
        let detail = "the roster, this deployment's record of its users, did not answer; repeat \
            the event, which will not be carried out twice";
        Self::new(Kind::Unavailable, detail).caused_by(format!("roster: {roster_error}"))
    }
}
