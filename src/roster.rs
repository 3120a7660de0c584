//! The truth about what should be: one [`UserRecord`] for each person, which Connect is made to follow.
//!
//! A sender's event is written here first, and only then is Connect touched; whatever is cut off in
//! between is found again, because every write leaves its record due. Every write is on condition
//! that nobody else wrote meanwhile, so any number of instances may work on one roster.

pub mod key;
pub mod policy;
pub mod record;
pub mod fold;
pub mod glance;
pub mod group;
pub mod parked;

mod short;
mod crowd;
mod people;
#[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "it is a file that takes them"))]
mod queue;
pub mod embedded;
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

use crate::fault::{Fault, Kind};
use crate::scim::resource::Sought;
use glance::Glance;
use group::{Group, GroupChange, Member};
use key::{Id, Key};
use record::UserRecord;

/// What a roster answers, some time.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Trouble>> + Send + 'a>>;

/// The durable record of what should be. Whoever keeps one passes the same contract: a write is
/// there before it is answered, and is done whole or not at all.
pub trait Roster: fmt::Debug + Send + Sync {
    /// The record of this id.
    fn load<'a>(&'a self, id: &'a Id) -> Answer<'a, Option<UserRecord>>;

    /// The one record that goes by this key: a `userName`, an owner, or an `externalId`, if it is not
    /// [shared](record::Spec::shares_external_id).
    fn find<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<UserRecord>>;

    /// All who have this e-mail address or `externalId`, in the order of their ids.
    fn find_all<'a>(&'a self, key: &'a Key) -> Answer<'a, Vec<UserRecord>>;

    /// Those who went by one of these keys and are gone or on the way out.
    fn find_gone<'a>(&'a self, keys: &'a [Key]) -> Answer<'a, Vec<UserRecord>>;

    /// Writes a record if the stored one has its version (none, if that is 0) and nobody else has one
    /// of its keys, and answers the new version. A new record is also refused if somebody who went by
    /// one of its keys was removed as of its own time or later.
    fn write<'a>(&'a self, record: &'a UserRecord) -> Answer<'a, Result<u64, Clash>>;

    /// Removes a record if the stored one has this version.
    fn erase<'a>(&'a self, id: &'a Id, version: u64) -> Answer<'a, Result<(), Clash>>;

    /// The group of this id.
    fn load_group<'a>(&'a self, id: &'a Id) -> Answer<'a, Option<Group>>;

    /// The groups that go by this key, in the order in which they came: a `displayName`, which one
    /// group has, or an `externalId`.
    fn find_groups<'a>(&'a self, key: &'a Key) -> Answer<'a, Vec<Group>>;

    /// Up to `count` groups from the `start`th on (from 0), in the order in which they came, and how
    /// many there are.
    fn page_groups(&self, start: usize, count: usize) -> Answer<'_, (Vec<Group>, usize)>;

    /// The members of a group, in the order in which they were added.
    fn members<'a>(&'a self, group: &'a Id) -> Answer<'a, Vec<Member>>;

    /// The groups that have this member, in the order in which they came.
    fn groups_of<'a>(&'a self, member: &'a str) -> Answer<'a, Vec<Group>>;

    /// Changes a group, and marks in the same write the users for whom it makes a difference; answers
    /// the group as it is then, with a new edition if anything is another than before. Members come
    /// and go whoever else writes, as long as the group has the name that it was read with; attributes
    /// if nobody wrote it since; and whatever has a condition, on that condition.
    fn write_group<'a>(&'a self, change: &'a GroupChange) -> Answer<'a, Result<Group, Clash>>;

    /// Removes a group with its members if the stored one has this version, and marks the members if
    /// that makes a difference to them.
    fn erase_group<'a>(
        &'a self,
        id: &'a Id,
        version: u64,
        mark: bool,
        now: SystemTime,
    ) -> Answer<'a, Result<(), Clash>>;

    /// Up to `count` records that are due: farewells first, and of each class those first that have been
    /// longest. Where others are due too, half of `count` is left to them.
    fn due(&self, now: SystemTime, count: usize) -> Answer<'_, Vec<Id>>;

    /// Up to `count` persons from the `start`th on (from 0), in the order in which they came, and
    /// how many there are. Who is on the way out is not among them.
    fn page(&self, start: usize, count: usize) -> Answer<'_, (Vec<UserRecord>, usize)>;

    /// The ids and versions of what [`Roster::page`] gives: for whoever knows the rest.
    fn page_versions(&self, start: usize, count: usize) -> Answer<'_, (Vec<(Id, u64)>, usize)> {
        Box::pin(async move {
            let (records, total) = self.page(start, count).await?;
            let versions = records.into_iter().map(|record| (record.id, record.row_version));
            Ok((versions.collect(), total))
        })
    }

    /// The version of the record of this id: for whoever knows the rest.
    fn version<'a>(&'a self, id: &'a Id) -> Answer<'a, Option<u64>> {
        Box::pin(async move { Ok(self.load(id).await?.map(|record| record.row_version)) })
    }

    /// What is sought of those whom [`Roster::page`] gives: for whoever looks at everybody.
    fn glances<'a>(
        &'a self,
        start: usize,
        count: usize,
        sought: &'a Sought<'a>,
    ) -> Answer<'a, (Vec<Glance>, usize)> {
        Box::pin(async move {
            let (records, total) = self.page(start, count).await?;
            Ok((records.iter().map(|record| Glance::of(record, sought)).collect(), total))
        })
    }

    /// Everybody who is parked, in the order of their ids.
    fn parked(&self) -> Answer<'_, Vec<UserRecord>>;

    /// When an event, by its hash, was first asked about: now, if it never was. Remembered for
    /// [`record::MEMORY`].
    fn first_sight<'a>(&'a self, event: &'a str, now: SystemTime) -> Answer<'a, SystemTime>;

    /// Counts a removal if fewer than `most` were counted within the last hour, and says whether it
    /// did.
    fn count_removal(&self, now: SystemTime, most: usize) -> Answer<'_, bool>;

    /// Counts a removal that an operator let through.
    fn note_removal(&self, now: SystemTime) -> Answer<'_, ()>;

    /// Lets one run at a time drain: takes the right to until `until`, if nobody has it at `now`.
    fn begin_drain(&self, now: SystemTime, until: SystemTime) -> Answer<'_, bool>;

    /// Gives that right back, unless somebody else has it since.
    fn end_drain(&self, until: SystemTime) -> Answer<'_, ()>;

    /// Until when Connect's quota is the drain's alone, if it is.
    fn backlog(&self) -> Answer<'_, Option<SystemTime>>;

    /// Leaves the quota to the drain until then, or to everybody.
    fn set_backlog(&self, until: Option<SystemTime>) -> Answer<'_, ()>;

    /// Whether it could be written when that was last tried; asks nobody.
    ///
    /// # Errors
    /// What is wrong, as long as it is.
    fn health(&self) -> Result<(), Trouble>;
}

/// A write that was not done, because its condition did not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clash {
    /// Somebody else wrote this record meanwhile, or removed who is to come.
    Moved,
    /// Somebody else has one of its keys.
    Taken,
}

/// The roster did not answer; whether a write was done is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble(pub String);

impl From<Trouble> for Fault {
    fn from(trouble: Trouble) -> Self {
        let detail = "the roster, this deployment's record of its users, did not answer; repeat \
            the event, which will not be carried out twice";
        Self::new(Kind::Unavailable, detail).caused_by(format!("roster: {}", trouble.0))
    }
}
