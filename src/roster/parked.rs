//! Records that wait for somebody, and how the operator sets them going again.
//!
//! Whatever is tried again is judged again: by the rules of now, and by what Connect holds. All of
//! several ids are looked at before the first record is written, so that a wrong one changes nothing.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::key::Id;
use super::record::{MEMORY, Phase, UserRecord, Wanted};
use super::{Clash, Roster, Trouble};
use crate::fault::Kind;

/// A write that was overtaken is tried again this often.
const TRIES: usize = 8;

/// Persons that are asked for at once.
const PAGE: usize = 100;

/// How many records there are of each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connect follows.
    pub applied: usize,
    /// Somebody must act first.
    pub parked: usize,
    /// Connect does not follow yet.
    pub pending: usize,
    /// The person's user was removed, and the person is remembered for a while by hashes alone.
    pub removed: usize,
    /// The same for who was to go and never had a user by way of this roster.
    pub forgotten: usize,
    /// Of those who are parked, whose removal is held.
    pub held: usize,
    /// Since when the one has been pending that has been so longest.
    pub oldest_pending: Option<SystemTime>,
}

/// Why a record was not set going.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It waits for nobody.
    NotParked(Id),
    /// Somebody else wrote it again and again.
    Overtaken(Id),
    /// The roster did not answer.
    Roster(Trouble),
    /// There is no such record.
    Unknown(Id),
}

/// How a record is set going.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Release,
    Retry,
}

/// Counts the records by their states.
///
/// # Errors
/// If the roster did not answer.
pub async fn counts(roster: &dyn Roster, now: SystemTime) -> Result<Counts, Trouble> {
    let mut counts = Counts::default();
    let mut start: usize = 0;
    loop {
        let (persons, _) = roster.page(start, PAGE).await?;
        if persons.is_empty() {
            break;
        }
        persons.iter().for_each(|person| counts.count(person));
        start = start.saturating_add(persons.len());
    }
    // Who is on the way out is on no page: due, until the last trace is, or parked.
    let last = now.checked_add(MEMORY.saturating_mul(2)).unwrap_or(now);
    for id in roster.due(last, usize::MAX).await? {
        let record = roster.load(&id).await?;
        let leaving = record.filter(|record| record.wanted() == Wanted::Gone);
        leaving.filter(|record| !is_parked(record)).iter().for_each(|one| counts.count(one));
    }
    let parked = roster.parked().await?;
    let leaving = parked.iter().filter(|record| record.wanted() == Wanted::Gone);
    leaving.for_each(|record| counts.count(record));
    Ok(counts)
}

/// Makes parked records pending and due, under all the rules.
///
/// # Errors
/// [`Refused`]; if it is for one of several, none was changed, unless somebody else wrote meanwhile.
pub async fn retry(roster: &dyn Roster, ids: &[Id], now: SystemTime) -> Result<(), Refused> {
    set_going(roster, ids, How::Retry, now).await
}

/// The same, and lets their removals through however many there were; they are counted all the same.
///
/// # Errors
/// As [`retry`].
pub async fn release(roster: &dyn Roster, ids: &[Id], now: SystemTime) -> Result<(), Refused> {
    set_going(roster, ids, How::Release, now).await
}

async fn set_going(
    roster: &dyn Roster,
    ids: &[Id],
    how: How,
    now: SystemTime,
) -> Result<(), Refused> {
    for id in ids {
        find(roster, id).await?;
    }
    for id in ids {
        set_one_going(roster, id, how, now).await?;
    }
    Ok(())
}

async fn set_one_going(
    roster: &dyn Roster,
    id: &Id,
    how: How,
    now: SystemTime,
) -> Result<(), Refused> {
    for _ in 0..TRIES {
        let mut record = find(roster, id).await?;
        record.reopen(now);
        record.set_due(Some(now));
        // Whoever mended something elsewhere wants to see it tried.
        record.status.reapply_counts.clear();
        record.schedule.guard_waived |= how == How::Release;
        match roster.write(&record).await? {
            Ok(_) => return Ok(()),
            Err(Clash::Moved) => {}
            Err(Clash::Taken) => break,
        }
    }
    Err(Refused::Overtaken(id.clone()))
}

/// The parked record of this id.
///
/// # Errors
/// [`Refused`] if there is none, or it is not parked.
pub async fn find(roster: &dyn Roster, id: &Id) -> Result<UserRecord, Refused> {
    match roster.load(id).await? {
        None => Err(Refused::Unknown(id.clone())),
        Some(record) if is_parked(&record) => Ok(record),
        Some(_) => Err(Refused::NotParked(id.clone())),
    }
}

/// Those that Connect does not follow yet, up to `count`: first who has been pending longest.
///
/// # Errors
/// If the roster did not answer.
pub async fn pending(
    roster: &dyn Roster,
    now: SystemTime,
    count: usize,
) -> Result<Vec<UserRecord>, Trouble> {
    let horizon = now.checked_add(HORIZON).unwrap_or(now);
    let mut pending = Vec::new();
    for id in roster.due(horizon, usize::MAX).await? {
        pending.extend(roster.load(&id).await?.filter(|one| one.schedule.phase == Phase::Pending));
    }
    pending.sort_by_cached_key(|record| (record.pending_since(), record.id.clone()));
    pending.truncate(count);
    Ok(pending)
}

/// What is pending is due within this time: no pause is longer, nor a lease.
const HORIZON: Duration = Duration::from_hours(2);

/// Whether a removal of this record's waits for the operator.
#[must_use]
pub fn is_held(record: &UserRecord) -> bool {
    let held = Kind::RemovalHeld.code();
    matches!(&record.schedule.phase, Phase::Parked(parked) if parked.fault == held)
}

const fn is_parked(record: &UserRecord) -> bool {
    matches!(record.schedule.phase, Phase::Parked(_))
}

impl Counts {
    fn count(&mut self, record: &UserRecord) {
        let count = match &record.schedule.phase {
            _ if record.is_tombstone() && record.status.had_user => &mut self.removed,
            _ if record.is_tombstone() => &mut self.forgotten,
            Phase::Applied => &mut self.applied,
            Phase::Parked(_) => &mut self.parked,
            Phase::Pending => &mut self.pending,
        };
        *count = count.saturating_add(1);
        self.held = self.held.saturating_add(usize::from(is_held(record)));
        let oldest = self.oldest_pending.into_iter().chain(record.pending_since()).min();
        self.oldest_pending = oldest;
    }
}

impl From<Trouble> for Refused {
    fn from(trouble: Trouble) -> Self {
        Self::Roster(trouble)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotParked(id) => write!(
                formatter,
                "id: expected that of a parked record, found {id}, which is not parked; nothing \
                 was changed"
            ),
            Self::Overtaken(id) => {
                write!(formatter, "{id} was changed by somebody else again and again; repeat this")
            }
            Self::Roster(Trouble(trouble)) => write!(formatter, "the roster: {trouble}"),
            Self::Unknown(id) => write!(
                formatter,
                "id: expected that of a parked record, found {id}, which nobody has; nothing was \
                 changed"
            ),
        }
    }
}

impl std::error::Error for Refused {}
