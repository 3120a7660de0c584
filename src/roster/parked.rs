//! Records that wait for somebody, and how the operator sets them going again.
//!
//! Whatever is tried again is judged again: by the rules of now, and by what Connect holds. All of
//! several ids are looked at before the first record is written, so that a wrong one changes nothing.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::key::{Id, Key};
use super::record::{DesiredState, Phase, UserRecord};
use super::{BATCH, Roster, RosterError, WriteConflict};
use crate::fault::Kind;

/// A write that was overtaken is tried again this often.
const TRIES: usize = 8;

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

/// How far a record got, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Connect follows.
    Applied,
    /// Somebody must act first.
    Parked,
    /// Connect does not follow yet.
    Pending,
    /// The person's user was removed.
    Removed,
    /// The person was to go, and never had a user by way of this roster.
    Forgotten,
}

impl State {
    /// That of a record.
    #[must_use]
    pub fn of(record: &UserRecord) -> Self {
        match &record.schedule.phase {
            _ if record.is_tombstone() && record.status.had_user => Self::Removed,
            _ if record.is_tombstone() => Self::Forgotten,
            Phase::Applied => Self::Applied,
            Phase::Parked(_) => Self::Parked,
            Phase::Pending => Self::Pending,
        }
    }
}

/// Why a record was not set going.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequeueError {
    /// It waits for nobody.
    NotParked(Id),
    /// Somebody else wrote it again and again.
    Overtaken(Id),
    /// The roster did not answer.
    Roster(RosterError),
    /// There is no such record.
    Unknown(Id),
    /// There is nobody of this id or name, or they were removed.
    Nobody(Id),
}

/// How a record is set going.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Requeue {
    Release,
    Retry,
}

/// Everybody who is parked, in the order of their ids.
///
/// # Errors
/// If the roster did not answer.
pub async fn all(roster: &dyn Roster) -> Result<Vec<UserRecord>, RosterError> {
    let mut all: Vec<UserRecord> = Vec::new();
    loop {
        let last = all.last().map(|record| record.id.clone());
        let page = roster.parked(last.as_ref(), BATCH).await?;
        let is_last = page.len() < BATCH;
        all.extend(page);
        if is_last {
            break;
        }
    }
    Ok(all)
}

/// Makes parked records pending and due, under all the rules.
///
/// # Errors
/// [`RequeueError`]; if it is for one of several, none was changed, unless somebody else wrote meanwhile.
pub async fn retry(roster: &dyn Roster, ids: &[Id], now: SystemTime) -> Result<(), RequeueError> {
    set_going(roster, ids, Requeue::Retry, now).await
}

/// The same, and lets their removals through however many there were; they are counted all the same.
///
/// # Errors
/// As [`retry`].
pub async fn release(roster: &dyn Roster, ids: &[Id], now: SystemTime) -> Result<(), RequeueError> {
    set_going(roster, ids, Requeue::Release, now).await
}

async fn set_going(
    roster: &dyn Roster,
    ids: &[Id],
    how: Requeue,
    now: SystemTime,
) -> Result<(), RequeueError> {
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
    how: Requeue,
    now: SystemTime,
) -> Result<(), RequeueError> {
    for _ in 0..TRIES {
        let mut record = find(roster, id).await?;
        record.reopen(now);
        record.set_due(Some(now));
        // Whoever mended something elsewhere wants to see it tried.
        record.status.reapply_counts.clear();
        record.schedule.guard_waived |= how == Requeue::Release;
        match roster.write(&record).await? {
            Ok(_) => return Ok(()),
            Err(WriteConflict::StaleVersion) => {}
            Err(WriteConflict::DuplicateKey) => break,
        }
    }
    Err(RequeueError::Overtaken(id.clone()))
}

/// Lets people in again whose farewell was not theirs, or whom an operator shut out, and makes their
/// records due. Answers their ids.
///
/// # Errors
/// [`RequeueError`]; if it is for one of several, none was changed, unless somebody else wrote meanwhile.
pub async fn readmit(
    roster: &dyn Roster,
    people: &[Id],
    now: SystemTime,
) -> Result<Vec<Id>, RequeueError> {
    decide(roster, people, |record| {
        record.spec.access.set(DesiredState::Active, record.as_of().max(now), Some(OPERATOR));
        record.changed(now);
        record.set_due(Some(now));
    })
    .await
}

/// Shuts people out at once, however many there were within the hour: their users are suspended, also
/// where whoever leaves is removed, so that it can be undone by [`readmit`]. Answers their ids.
///
/// # Errors
/// As [`readmit`].
pub async fn shut_out(
    roster: &dyn Roster,
    people: &[Id],
    now: SystemTime,
) -> Result<Vec<Id>, RequeueError> {
    decide(roster, people, |record| {
        record.spec.access.set(DesiredState::Inactive, record.as_of().max(now), Some(OPERATOR));
        record.spec.access.is_doubtful = true;
        record.changed(now);
        record.schedule.guard_waived = true;
        record.set_due(Some(now));
    })
    .await
}

/// Confirms that users whom somebody else had made are these people's: they are given what they should
/// have. Answers their ids.
///
/// # Errors
/// As [`readmit`].
pub async fn confirm(
    roster: &dyn Roster,
    people: &[Id],
    now: SystemTime,
) -> Result<Vec<Id>, RequeueError> {
    decide(roster, people, |record| {
        record.schedule.adoption_confirmed = true;
        record.reopen(now);
        record.set_due(Some(now));
    })
    .await
}

/// The source of what an operator says.
const OPERATOR: &str = "operator";

/// Changes the records of these people, each found by its id or by the `userName`. Who was removed can
/// be neither let in nor shut out.
async fn decide(
    roster: &dyn Roster,
    people: &[Id],
    change: impl Fn(&mut UserRecord),
) -> Result<Vec<Id>, RequeueError> {
    let mut ids = Vec::new();
    for person in people {
        ids.push(somebody(roster, person).await?.id);
    }
    'people: for id in &ids {
        for _ in 0..TRIES {
            let mut record = somebody(roster, id).await?;
            change(&mut record);
            match roster.write(&record).await? {
                Ok(_) => continue 'people,
                Err(WriteConflict::StaleVersion) => {}
                Err(WriteConflict::DuplicateKey) => break,
            }
        }
        return Err(RequeueError::Overtaken(id.clone()));
    }
    Ok(ids)
}

async fn somebody(roster: &dyn Roster, person: &Id) -> Result<UserRecord, RequeueError> {
    let found = match roster.load(person).await? {
        Some(record) => Some(record),
        None => roster.find(&Key::user_name(person.as_str())).await?,
    };
    let found = found.filter(|record| record.desired_state() != DesiredState::Deleted);
    found.ok_or_else(|| RequeueError::Nobody(person.clone()))
}

/// The parked record of this id.
///
/// # Errors
/// [`RequeueError`] if there is none, or it is not parked.
pub async fn find(roster: &dyn Roster, id: &Id) -> Result<UserRecord, RequeueError> {
    match roster.load(id).await? {
        None => Err(RequeueError::Unknown(id.clone())),
        Some(record) if is_parked(&record) => Ok(record),
        Some(_) => Err(RequeueError::NotParked(id.clone())),
    }
}

/// Those that Connect does not follow yet, up to `count`: first who has been pending longest, of the
/// thousand that are due first.
///
/// # Errors
/// If the roster did not answer.
pub async fn pending(
    roster: &dyn Roster,
    now: SystemTime,
    count: usize,
) -> Result<Vec<UserRecord>, RosterError> {
    let horizon = now.checked_add(HORIZON).unwrap_or(now);
    let mut pending = Vec::new();
    for id in roster.due(horizon, BATCH).await? {
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
    /// Counts a record.
    pub fn add(&mut self, state: State, is_held: bool) {
        let count = self.of(state);
        *count = count.saturating_add(1);
        self.held = self.held.saturating_add(usize::from(is_held));
    }

    /// Counts a record no more.
    pub fn take(&mut self, state: State, is_held: bool) {
        let count = self.of(state);
        *count = count.saturating_sub(1);
        self.held = self.held.saturating_sub(usize::from(is_held));
    }

    const fn of(&mut self, state: State) -> &mut usize {
        match state {
            State::Applied => &mut self.applied,
            State::Parked => &mut self.parked,
            State::Pending => &mut self.pending,
            State::Removed => &mut self.removed,
            State::Forgotten => &mut self.forgotten,
        }
    }
}

impl From<RosterError> for RequeueError {
    fn from(roster_error: RosterError) -> Self {
        Self::Roster(roster_error)
    }
}

impl fmt::Display for RequeueError {
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
            Self::Roster(roster_error) => write!(formatter, "the roster: {roster_error}"),
            // A name is not repeated.
            Self::Nobody(_) => formatter.write_str(
                "PERSON: expected the id of a record or a userName, found one that nobody here has; \
                 nothing was changed",
            ),
            Self::Unknown(id) => write!(
                formatter,
                "id: expected that of a parked record, found {id}, which nobody has; nothing was \
                 changed"
            ),
        }
    }
}

impl std::error::Error for RequeueError {}
