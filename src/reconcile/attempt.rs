//! One round of work on a record whose lease is ours: all that it needs, in one place.

use std::time::SystemTime;

use tokio::time::timeout;

use super::budget::Budget;
use super::{Noted, Reconciler};
use crate::assign::Agent;
use crate::assign::owner::Owner;
use crate::assign::password::Password;
use crate::connect::session::Session;
use crate::connect::{Applied, UserIds};
use crate::deadline::Clock;
use crate::fault::{Fault, Kind};
use crate::roster::all_groups_of;
use crate::roster::group::Group;
use crate::roster::record::{Held, UserRecord};
use crate::roster::{Clash, Trouble};

/// A round of work.
pub(super) struct Attempt<'a> {
    /// Its roster, its rules and what the operator decided.
    pub(super) reconciler: &'a Reconciler,
    /// The record, whose lease is ours. What is learnt of Connect is noted in it at once, so that it is
    /// there however the round ends.
    pub(super) record: &'a mut UserRecord,
    /// The way to Connect, which counts the calls.
    pub(super) session: Session<'a>,
    pub(super) clock: Clock,
    /// The event's own password, which is stored nowhere.
    pub(super) password: Option<&'a Password>,
    /// The person's groups, if they were asked for.
    pub(super) groups: &'a mut Option<Vec<Group>>,
}

/// Why the work was not done.
pub(super) enum Stop {
    /// What should be was changed meanwhile; what is known of Connect is written.
    Changed,
    /// Connect, or what is asked of it.
    Fault(Fault),
    /// Somebody else has the lease now.
    Lost,
    /// There was no time left to ask Connect. Nothing was sent, and nobody asked for fewer calls: that
    /// is no attempt, nothing to be quiet about, and says nothing of a backlog.
    NotBegun,
    /// The roster.
    Roster(Fault),
    /// Somebody else has the name that the person is to have; for the rest it was done.
    Waits(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self::Roster(trouble.into())
    }
}

impl Reconciler {
    /// One round of work, within the time that there is.
    pub(super) async fn attempt(
        &self,
        record: &mut UserRecord,
        password: Option<&Password>,
        groups: &mut Option<Vec<Group>>,
        budget: &mut Budget<'_>,
    ) -> Result<Applied, Stop> {
        if !budget.deadline.allows_a_call() {
            return Err(Stop::NotBegun);
        }
        let clock = budget.clock;
        let session = self.connect.session(clock.now(), budget.deadline, budget.pace);
        let mut attempt = Attempt { reconciler: self, record, session, clock, password, groups };
        let worked = timeout(budget.deadline.time_left(), attempt.work()).await;
        budget.spent.add(&attempt.session.calls());
        worked.unwrap_or_else(|_| Err(out_of_time().into()))
    }
}

impl Attempt<'_> {
    /// Whose user the record's is.
    pub(super) fn owner(&self) -> Owner {
        self.reconciler.owner_of(self.record)
    }

    /// What Connect should hold of the record's person.
    pub(super) async fn agent(&mut self) -> Result<Agent, Stop> {
        let reconciler = self.reconciler;
        let groups = match reconciler.rules.groups.as_slice() {
            [] => &[],
            _ => {
                let groups = all_groups_of(&*reconciler.roster, self.record.id.as_str()).await?;
                self.groups.insert(groups).as_slice()
            }
        };
        let groups: Vec<&str> = groups.iter().map(Group::display_name).collect();
        let (random, person) = ((reconciler.entropy)(), &self.record.spec.person);
        let (mut agent, _) = Agent::assign_leniently(person, &groups, &reconciler.rules, random)?;
        if let Some(password) = self.password {
            agent.password = Ok(Some(password.clone()));
        }
        Ok(agent.of_owner(self.owner()))
    }

    /// A user that is there, as it is written down.
    pub(super) fn held(&self, ids: &UserIds) -> Held {
        Held { ids: ids.clone(), since: self.clock.now() }
    }

    /// Writes down what is known of Connect, before something is done there that whoever comes next has
    /// to know of.
    pub(super) async fn checkpoint(&mut self) -> Result<(), Stop> {
        match self.reconciler.roster.write(self.record).await? {
            Ok(stored) => {
                self.record.note_stored(stored);
                Ok(())
            }
            Err(Clash::Taken) => Err(Stop::Lost),
            Err(Clash::Moved) => Err(self.overtaken().await),
        }
    }

    /// Carries over what is known of Connect into what somebody else wrote meanwhile, which is the record
    /// from now on: the round is over, and the next one follows that.
    pub(super) async fn overtaken(&mut self) -> Stop {
        match self.reconciler.carry_over(self.record).await {
            Ok(Noted::Changed(newer)) => {
                *self.record = *newer;
                Stop::Changed
            }
            Ok(Noted::Lost | Noted::Written(_)) => Stop::Lost,
            Err(fault) => Stop::Roster(fault),
        }
    }

    pub(super) fn now(&self) -> SystemTime {
        self.clock.now()
    }
}

fn out_of_time() -> Fault {
    Fault::new(Kind::Unavailable, "Amazon Connect did not answer in time")
        .caused_by("the invocation's time ran out")
}
