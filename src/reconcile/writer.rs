//! What is to be known of a person → the roster → Connect, at once where there is time. One way for
//! hooks and for SCIM clients, who differ in what they may write and in what is done about a fault.
//!
//! Whoever writes gets the record back as it was written last, so that nobody has to read it again to
//! show what came of it.

use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

use super::budget::Budget;
use super::{Blame, Ended, Held, Reconciler};
use crate::assign::owner::Owner;
use crate::assign::password::Password;
use crate::connect::Applied;
use crate::fault::{Fault, Kind};
use crate::outcome::Outcome;
use crate::roster::group::Group;
use crate::roster::record::{MENDED_AFTER, UserRecord};
use crate::roster::{Clash, Trouble};

/// That there is no backlog is taken for granted so long after it was asked. If there is one since, an
/// event or two ask Connect that would have left it to the drain.
const NO_BACKLOG: Duration = Duration::from_secs(1);

/// What came of a write.
#[derive(Debug)]
pub struct Upserted {
    /// Towards Connect.
    pub outcome: Outcome,
    /// The record as it was written last; none, if somebody else has it since, or it is gone.
    pub record: Option<Box<UserRecord>>,
    /// The person's groups, if they were asked for on the way.
    pub groups: Option<Vec<Group>>,
}

/// A record that was written, and what was there before.
pub(super) struct Entry {
    pub(super) record: UserRecord,
    pub(super) former: Option<Box<UserRecord>>,
    /// Whether it is ours to follow.
    leased: bool,
}

/// What became of a record that was to be written.
pub(super) enum Written {
    /// Nothing is to be done.
    Done(Upserted),
    /// It is to be followed.
    ToFollow(Box<Entry>),
}

impl Upserted {
    /// That of something of which nobody's record says anything.
    pub(super) const fn nothing(outcome: Outcome) -> Self {
        Self { outcome, record: None, groups: None }
    }
}

impl Reconciler {
    /// Writes a record with its lease, where there is time and quota to follow it now.
    pub(super) async fn write(
        &self,
        mut record: UserRecord,
        is_same: bool,
        known: Option<UserRecord>,
        budget: &Budget<'_>,
    ) -> Result<Result<Written, Clash>, Fault> {
        if is_same && record.is_applied() && record.status.config_digest == self.digest {
            return Ok(self.touch(record, known.as_ref()).await?.map(Written::Done));
        }
        let now = budget.clock.now();
        if is_same {
            record.reopen(now);
        }
        if let Some(known) = &known {
            record.free_names(known);
        }
        let may_follow = !record.is_leased(now) && budget.writing().allows_a_call();
        let leased = may_follow && !self.has_backlog(now).await?;
        if leased {
            record.take_lease(now);
        } else if !record.is_leased(now) {
            record.set_due(Some(now));
        }
        Ok(self.roster.write(&record).await?.map(|stored| {
            record.note_stored(stored);
            let former = known.map(Box::new);
            Written::ToFollow(Box::new(Entry { record, former, leased }))
        }))
    }

    /// Notes when what is known was last said; Connect holds it already.
    async fn touch(
        &self,
        mut record: UserRecord,
        known: Option<&UserRecord>,
    ) -> Result<Result<Upserted, Clash>, Fault> {
        if known != Some(&record) {
            match self.roster.write(&record).await? {
                Ok(stored) => record.note_stored(stored),
                Err(clash) => return Ok(Err(clash)),
            }
        }
        let applied = match &record.status.user {
            Some(held) => Applied::Unchanged(held.ids.clone()),
            None => Applied::NoUser,
        };
        let outcome = Outcome::Applied(applied, self.owner_of(&record));
        Ok(Ok(Upserted { outcome, record: Some(Box::new(record)), groups: None }))
    }

    /// Makes Connect follow what was written just now, until the deadline.
    pub(super) async fn follow(
        &self,
        entry: Entry,
        blame: Blame,
        password: Option<Password>,
        budget: &mut Budget<'_>,
    ) -> Result<Upserted, Fault> {
        let Entry { record, leased, .. } = entry;
        let owner = self.owner_of(&record);
        if !leased {
            let (outcome, record) = (Outcome::Pending(owner, None), Some(Box::new(record)));
            return Ok(Upserted { outcome, record, groups: None });
        }
        let deadline = budget.deadline;
        budget.deadline = budget.writing();
        let held = self.hold(record, &blame, password, budget).await;
        budget.deadline = deadline;
        let held = match held {
            Ok(held) => held,
            // It is written, due, and will be seen to.
            Err(fault) => {
                let outcome = Outcome::Pending(owner, Some(Box::new(fault)));
                return Ok(Upserted::nothing(outcome));
            }
        };
        let Held { ended, record, groups } = held;
        let outcome = self.outcome(ended, owner, budget.clock.now()).await?;
        Ok(Upserted { outcome, record, groups })
    }

    async fn outcome(&self, ended: Ended, owner: Owner, now: SystemTime) -> Result<Outcome, Fault> {
        match ended {
            Ended::Applied(applied) => Ok(Outcome::Applied(applied, owner)),
            Ended::Pending(fault) => {
                if fault.as_ref().is_some_and(|fault| fault.kind == Kind::Throttled) {
                    drop(self.set_backlog(now.checked_add(MENDED_AFTER)).await);
                }
                Ok(Outcome::Pending(owner, fault.map(Box::new)))
            }
            Ended::Parked(fault) => Ok(Outcome::Parked(fault, owner)),
            Ended::Undone(fault) => Err(fault),
        }
    }

    /// Whether Connect's quota is the drain's alone. That it is not is remembered for a moment.
    async fn has_backlog(&self, now: SystemTime) -> Result<bool, Trouble> {
        let asked = *self.no_backlog.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = |asked| now.duration_since(asked).is_ok_and(|age| age < NO_BACKLOG);
        if asked.is_some_and(is_known) {
            return Ok(false);
        }
        let backlog = self.roster.backlog().await?.is_some_and(|until| until > now);
        self.remember_no_backlog((!backlog).then_some(now));
        Ok(backlog)
    }

    /// Leaves Connect's quota to the drain until then, or to everybody.
    pub(super) async fn set_backlog(&self, until: Option<SystemTime>) -> Result<(), Trouble> {
        self.remember_no_backlog(None);
        self.roster.set_backlog(until).await
    }

    fn remember_no_backlog(&self, asked: Option<SystemTime>) {
        *self.no_backlog.lock().unwrap_or_else(PoisonError::into_inner) = asked;
    }
}
