//! One round of work on a leased record: everything that it needs, in one place.

use std::time::SystemTime;

use tokio::time::timeout;

use super::budget::Budget;
use super::{CommitOutcome, Reconciler};
use crate::assign::Agent;
use crate::assign::owner::Owner;
use crate::assign::password::Password;
use crate::connect::Applied;
use crate::connect::plan::Observed;
use crate::connect::session::Session;
use crate::deadline::Clock;
use crate::fault::{Fault, Kind};
use crate::roster::all_groups_of;
use crate::roster::group::Group;
use crate::roster::record::{ConnectUser, UserRecord};
use crate::roster::{RosterError, WriteConflict};

/// One round: observe, plan, apply. It writes the result of its work into `record` in memory; the
/// caller stores it.
pub(super) struct Attempt<'a> {
    /// The roster, the rules and the policy.
    pub(super) reconciler: &'a Reconciler,
    /// The record, whose lease is ours. What is learnt of Connect is noted in its status at once,
    /// so that it is there however the round ends, by a time-out too.
    pub(super) record: &'a mut UserRecord,
    /// The calls of Connect, each made once, counted and limited in time.
    pub(super) session: Session<'a>,
    /// The time, by our clock.
    pub(super) clock: Clock,
    /// Whether an operator stopped everything but farewells, and these are suspensions.
    pub(super) is_paused: bool,
    /// The password of the event that is being followed; it is stored nowhere, so the drain has
    /// none.
    pub(super) password: Option<&'a Password>,
    /// The person's groups, if they had to be read; the caller shows them without reading them
    /// again.
    pub(super) groups: &'a mut Option<Vec<Group>>,
}

/// Why a round ended early.
pub(super) enum ReconcileError {
    /// Somebody changed the desired state. `record` is theirs now, with what is known of Connect
    /// carried over and written.
    Superseded,
    /// A fault of Connect's, or of what was to be sent there.
    Fault(Fault),
    /// Another worker has the lease.
    LeaseLost,
    /// There was too little time left for a single call. Nothing was sent: this is no failed
    /// attempt, needs no time for late effects, and says nothing about Connect's rate.
    NotStarted,
    /// The roster failed; what is known of Connect may be unwritten.
    Roster(Fault),
    /// Everything was done but for the username: another person has it, and the record waits for
    /// it.
    NameTaken(Fault),
}

impl From<Fault> for ReconcileError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<RosterError> for ReconcileError {
    fn from(roster_error: RosterError) -> Self {
        Self::Roster(roster_error.into())
    }
}

impl Reconciler {
    /// Runs one round, at most until the budget's deadline.
    ///
    /// A round that is over time is dropped wherever it stands, in the middle of a call too. That
    /// call has an unknown fate, hence `Kind::Unavailable`: the record's `fail` keeps the lease for
    /// 30 s more. The calls are counted in each case.
    pub(super) async fn attempt(
        &self,
        record: &mut UserRecord,
        password: Option<&Password>,
        groups: &mut Option<Vec<Group>>,
        budget: &mut Budget<'_>,
    ) -> Result<Applied, ReconcileError> {
        if !budget.deadline.allows_a_call() {
            return Err(ReconcileError::NotStarted);
        }
        let clock = budget.clock;
        let session = self.connect.session(clock.now(), budget.deadline, budget.limits(record));
        let is_paused = self.is_paused(clock.now()).await?;
        let mut attempt =
            Attempt { reconciler: self, record, session, clock, is_paused, password, groups };
        let worked = timeout(budget.deadline.time_left(), attempt.work()).await;
        budget.spent.add(&attempt.session.calls());
        worked.unwrap_or_else(|_| Err(out_of_time().into()))
    }
}

impl Attempt<'_> {
    /// The owner whose tags the user of this record bears.
    pub(super) fn owner(&self) -> Owner {
        self.reconciler.owner_of(self.record)
    }

    /// The desired state: what Connect should hold of this person, by the profile, the groups and
    /// the rules. What Connect would refuse of the profile is left out (lenient), except the
    /// username. Groups are read only if a group gives anything.
    pub(super) async fn agent(&mut self) -> Result<Agent, ReconcileError> {
        let reconciler = self.reconciler;
        let groups = match reconciler.rules.groups.as_slice() {
            [] => &[],
            _ => {
                let groups = all_groups_of(&*reconciler.roster, self.record.id.as_str()).await?;
                self.groups.insert(groups).as_slice()
            }
        };
        let groups: Vec<_> = groups.iter().map(Group::names).collect();
        let (random, person) = ((reconciler.entropy)(), &self.record.spec.person);
        let (mut agent, _) = Agent::assign_leniently(person, &groups, &reconciler.rules, random)?;
        if let Some(password) = self.password {
            agent.password = Ok(Some(password.clone()));
        }
        Ok(agent.of_owner(self.owner()))
    }

    /// A user that Connect shows now, as the status has it.
    pub(super) fn held(&self, user: &Observed) -> ConnectUser {
        let username = Some(user.username.clone());
        ConnectUser { ids: user.ids.clone(), since: self.clock.now(), username }
    }

    /// Writes what is known of Connect in the middle of a round: before an effect that the next
    /// worker could not tell from an accident, if we were cut off right after it.
    ///
    /// On success the record's version is the new one. If somebody wrote meanwhile the round ends,
    /// and the effect is not begun.
    pub(super) async fn checkpoint(&mut self) -> Result<(), ReconcileError> {
        match self.reconciler.roster.write(self.record).await? {
            Ok(stored) => {
                self.record.note_stored(stored);
                Ok(())
            }
            // Keys do not change during a round; another record has one of ours, and says so
            // itself.
            Err(WriteConflict::DuplicateKey) => Err(ReconcileError::LeaseLost),
            Err(WriteConflict::StaleVersion) => Err(self.overtaken().await),
        }
    }

    /// Carries our status over into the record that somebody else wrote meanwhile. This ends the
    /// round; the next one follows what they wrote.
    pub(super) async fn overtaken(&mut self) -> ReconcileError {
        match self.reconciler.carry_over(self.record).await {
            Ok(CommitOutcome::Superseded(newer)) => {
                *self.record = *newer;
                ReconcileError::Superseded
            }
            Ok(CommitOutcome::LeaseLost | CommitOutcome::Committed(_)) => ReconcileError::LeaseLost,
            Err(fault) => ReconcileError::Roster(fault),
        }
    }

    /// The time, by our clock.
    pub(super) fn now(&self) -> SystemTime {
        self.clock.now()
    }
}

/// The last call may have had its effect, so this is `Kind::Unavailable` and not `Kind::Throttled`:
/// only the former keeps others away while the effect may come.
fn out_of_time() -> Fault {
    Fault::new(Kind::Unavailable, "Amazon Connect did not answer in time")
        .caused_by("the invocation's time ran out")
}
