//! The one way into the roster for hooks and SCIM clients alike: write the record, take the lease
//! in the same write, and follow at once where time and quota allow.
//!
//! The caller gets the record back as it was written last, so that it need not be read again to be
//! shown.

use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

use super::budget::Budget;
use super::{LeasedResult, OnRejection, Reconciled, Reconciler};
use crate::assign::owner::Owner;
use crate::assign::password::Password;
use crate::connect::Applied;
use crate::fault::{Fault, Kind};
use crate::outcome::Outcome;
use crate::roster::group::Group;
use crate::roster::record::{RETRY_AFTER, UserRecord};
use crate::roster::{RosterError, WriteConflict};

/// How long the answer "no backlog" is trusted. If one arises meanwhile, an event or two call
/// Connect that would have been left to the drain.
const NO_BACKLOG: Duration = Duration::from_secs(1);

/// The result of a write.
#[derive(Debug)]
pub struct Upserted {
    /// What came of it in Connect.
    pub outcome: Outcome,
    /// The record as it was written last; `None` if another worker has it since, or it is gone.
    pub record: Option<Box<UserRecord>>,
    /// The person's groups, if they had to be read on the way.
    pub groups: Option<Vec<Group>>,
}

/// A record that was written, with its former state.
pub(super) struct WrittenRecord {
    /// The record with the version of this write.
    pub(super) record: UserRecord,
    /// The state before, for a rollback; `None` if the record is new.
    pub(super) former: Option<Box<UserRecord>>,
    /// True if this write took the lease, so that we are the ones to follow.
    leased: bool,
}

/// The result of the first write.
pub(super) enum WriteOutcome {
    /// Nothing is left to do: Connect holds it already, or the event changed nothing.
    Done(Upserted),
    /// Connect has to follow.
    ToFollow(Box<WrittenRecord>),
}

impl Upserted {
    /// An outcome without a record: the event changed nobody.
    pub(super) const fn nothing(outcome: Outcome) -> Self {
        Self { outcome, record: None, groups: None }
    }
}

impl Reconciler {
    /// Writes a record, and takes its lease in the same write if it is to be followed now: there
    /// must be time for a call, no lease of somebody else's, and no backlog.
    ///
    /// `is_same` means that the desired state is as in `known`. If Connect follows it, under the
    /// rules of now, only the time is noted; otherwise the record is opened again. After this write
    /// nothing is lost: the record is due, whoever is cut off.
    ///
    /// # Errors
    /// The roster's. The inner error is a write conflict, and nothing was written.
    pub(super) async fn write(
        &self,
        mut record: UserRecord,
        is_same: bool,
        known: Option<UserRecord>,
        budget: &Budget<'_>,
    ) -> Result<Result<WriteOutcome, WriteConflict>, Fault> {
        if is_same && record.is_applied() && record.status.config_digest == self.digest {
            return Ok(self.touch(record, known.as_ref()).await?.map(WriteOutcome::Done));
        }
        let now = budget.clock.now();
        if is_same {
            record.reopen(now);
        }
        // Names that this write gives up go into the same write, or a cut would leave those who
        // wait for them untold.
        if let Some(known) = &known {
            record.free_names(known);
        }
        let may_follow = !record.is_leased(now) && budget.writing().allows_a_call();
        // A farewell is rare, uses other operations than a crowd that joins, and waits for nobody.
        let leased = may_follow
            && (record.is_farewell()
                || !self.has_backlog(now).await? && !self.is_paused(now).await?);
        // Content, lease and candidate username in one write. With two, the drain could come in
        // between, and the sender would be told 202 of what was about to be done.
        if leased {
            record.take_lease(now);
        // Without a lease it is the drain's, at once, or after the quiet time of a farewell. Under
        // somebody else's it stays due in a minute, by `reopen`: the holder finds the new version and
        // goes round again before.
        } else if record.lease.until.is_none_or(|until| until <= now) {
            record.set_due(record.quiet_until(now).or(Some(now)));
        }
        Ok(self.roster.write(&record).await?.map(|stored| {
            record.note_stored(stored);
            let former = known.map(Box::new);
            WriteOutcome::ToFollow(Box::new(WrittenRecord { record, former, leased }))
        }))
    }

    /// Notes when the known state was last confirmed by its sender. Connect is not asked, and a
    /// record that does not differ is not written.
    async fn touch(
        &self,
        mut record: UserRecord,
        known: Option<&UserRecord>,
    ) -> Result<Result<Upserted, WriteConflict>, Fault> {
        if known != Some(&record) {
            match self.roster.write(&record).await? {
                Ok(stored) => record.note_stored(stored),
                Err(conflict) => return Ok(Err(conflict)),
            }
        }
        let applied = match &record.status.user {
            Some(held) => Applied::Unchanged(held.ids.clone()),
            None => Applied::NoUser,
        };
        let outcome = Outcome::Applied(applied, self.owner_of(&record));
        Ok(Ok(Upserted { outcome, record: Some(Box::new(record)), groups: None }))
    }

    /// Works on what was written just now, until shortly before the deadline. Without a lease the
    /// outcome is pending at once.
    ///
    /// # Errors
    /// The sender's fault, if the change was rolled back; the roster's, if it is unknown whether it
    /// was.
    pub(super) async fn follow(
        &self,
        entry: WrittenRecord,
        on_rejection: OnRejection,
        password: Option<Password>,
        budget: &mut Budget<'_>,
    ) -> Result<Upserted, Fault> {
        let WrittenRecord { record, leased, .. } = entry;
        let owner = self.owner_of(&record);
        if !leased {
            let (outcome, record) = (Outcome::Pending(owner, None), Some(Box::new(record)));
            return Ok(Upserted { outcome, record, groups: None });
        }
        let deadline = budget.deadline;
        budget.deadline = budget.writing();
        let held = self.reconcile_leased(record, &on_rejection, password, budget).await;
        budget.deadline = deadline;
        let held = match held {
            Ok(held) => held,
            // The roster failed after the first write. The content is written and due, so this is a
            // 202 and no error.
            Err(fault) => {
                let outcome = Outcome::Pending(owner, Some(Box::new(fault)));
                return Ok(Upserted::nothing(outcome));
            }
        };
        let LeasedResult { reconciled, record, groups } = held;
        let outcome = self.outcome(reconciled, owner, budget.clock.now()).await?;
        Ok(Upserted { outcome, record, groups })
    }

    /// The outcome for the sender. A throttled call raises the backlog's flag: events are then left
    /// to the drain, which calls at a rate, for a minute or until it finds nothing due.
    async fn outcome(
        &self,
        reconciled: Reconciled,
        owner: Owner,
        now: SystemTime,
    ) -> Result<Outcome, Fault> {
        match reconciled {
            Reconciled::Applied(applied) => Ok(Outcome::Applied(applied, owner)),
            Reconciled::Pending(fault) => {
                if fault.as_ref().is_some_and(|fault| fault.kind == Kind::Throttled) {
                    // The flag is a hint. If it cannot be set, the next throttled event sets it.
                    drop(self.set_backlog(now.checked_add(RETRY_AFTER)).await);
                }
                Ok(Outcome::Pending(owner, fault.map(Box::new)))
            }
            Reconciled::Parked(fault) => Ok(Outcome::Parked(fault, owner)),
            Reconciled::RolledBack(fault) => Err(fault),
        }
    }

    /// True if Connect's quota is left to the drain. "No" is cached for a second, so that a busy
    /// sender does not cost the roster a read for each event; "yes" is asked again each time.
    async fn has_backlog(&self, now: SystemTime) -> Result<bool, RosterError> {
        let asked = *self.no_backlog.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = |asked| now.duration_since(asked).is_ok_and(|age| age < NO_BACKLOG);
        if asked.is_some_and(is_known) {
            return Ok(false);
        }
        let backlog = self.roster.backlog().await?.is_some_and(|until| until > now);
        self.remember_no_backlog((!backlog).then_some(now));
        Ok(backlog)
    }

    /// Leaves Connect's quota to the drain until then, or to everybody with `None`.
    pub(super) async fn set_backlog(&self, until: Option<SystemTime>) -> Result<(), RosterError> {
        self.remember_no_backlog(None);
        self.roster.set_backlog(until).await
    }

    /// Caches when the roster said "no backlog"; `None` forgets it.
    fn remember_no_backlog(&self, asked: Option<SystemTime>) {
        *self.no_backlog.lock().unwrap_or_else(PoisonError::into_inner) = asked;
    }
}
