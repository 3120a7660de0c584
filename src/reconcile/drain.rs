//! What is due → followed, until nothing is due or the time is over.
//!
//! One run at a time, held by the roster. While it has work, Connect's quota is its own: inlets leave
//! what they hear to it. Several records are followed at once, so that a slow answer costs no turn;
//! the turns themselves are those of [`RateLimiter`].

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, SystemTime};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::sleep;

use super::budget::Budget;
use super::{Followed, Reconciled, Reconciler, WRITING};
use crate::connect::rate_limiter::RateLimiter;
use crate::connect::{Applied, Calls};
use crate::deadline::{Clock, Deadline, lies_within};
use crate::fault::{Fault, Kind};
use crate::roster::key::Id;
use crate::roster::record::RETRY_AFTER;
use crate::roster::{RosterError, parked};

/// Records that are followed at once.
const AT_ONCE: usize = 8;

/// Farewells that are carried out at once while others wait.
const MOST_FAREWELLS: usize = 6;

/// Records that are asked for at once.
const BATCH: usize = 64;

/// What a run came to.
#[derive(Debug, Default)]
pub struct Drained {
    /// Records that Connect follows now.
    pub applied: usize,
    /// Users of somebody else's that became ours, among those.
    pub adopted: usize,
    /// Records that wait for somebody, and why.
    pub parked: Vec<Stuck>,
    /// Records that will be seen to again, and why they were not done with.
    pub pending: Vec<Stuck>,
    /// Records that have been pending for too long, each once an hour.
    pub overdue: Vec<Stuck>,
    /// Whether a farewell is among those that are parked.
    pub is_farewell_parked: bool,
    /// Records that wait for somebody, as was told within the hour.
    pub told_before: usize,
    /// Records of people who left, and whose sessions Connect does not end.
    pub sessions_not_ended: Vec<Stuck>,
    /// The calls that it took.
    pub calls: Calls,
    /// Whether another run was at work, and this one did nothing.
    pub elsewhere: bool,
}

/// A record that Connect does not follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// The record's id.
    pub id: Id,
    /// The hash of the owner that the person's user bears.
    pub owner: String,
    /// Why.
    pub fault: Fault,
}

impl Reconciler {
    /// Follows what is due. Between records that only time can mend it rests, and tries them again
    /// when they are due while there is time.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] if the roster did not answer.
    pub async fn drain(&self, clock: Clock, deadline: Deadline) -> Result<Drained, Fault> {
        let mut drained = Drained::default();
        let until = clock.now().checked_add(deadline.time_left()).unwrap_or(clock.now());
        let who = self.new_id();
        let begin = || self.roster.begin_drain(who.as_str(), clock.now(), until);
        let begun = match begin().await {
            // Perhaps the right is this run's, and nobody else may drain until it lapses: asked again
            // by the same name, the roster says so.
            Err(RosterError::Unknown(_)) => begin().await?,
            begun => begun?,
        };
        if !begun {
            drained.elsewhere = true;
            return Ok(drained);
        }
        let result = self.drain_held(clock, deadline, &mut drained).await;
        self.roster.end_drain(who.as_str()).await?;
        result.map(|()| drained)
    }

    async fn drain_held(
        &self,
        clock: Clock,
        deadline: Deadline,
        drained: &mut Drained,
    ) -> Result<(), Fault> {
        let rate_limiter = RateLimiter::new(self.policy.rate);
        let deadline = deadline.sooner_by(WRITING);
        let mut failed = None;
        let mut looked = None;
        while deadline.allows_a_call() && !self.is_ending() {
            // Whom a change of a group concerns is due only once it is written whom. What cannot be
            // written keeps nobody from what is due.
            let mut is_owing = true;
            for _ in 0..BATCH {
                if !is_owing || self.is_ending() {
                    break;
                }
                is_owing = match self.roster.mend(None).await {
                    Ok(more) => more,
                    Err(error) => {
                        failed = Some(error);
                        false
                    }
                };
            }
            if looked.is_none_or(|looked| !lies_within(LOOK, looked, clock.now())) {
                looked = Some(clock.now());
                self.tell_overdue(clock.now(), drained).await?;
            }
            let is_paused = self.is_paused(clock.now()).await?;
            let due = match is_paused {
                true => self.roster.due_farewells(clock.now(), BATCH).await?,
                false => self.roster.due(clock.now(), BATCH).await?,
            };
            if due.is_empty() && is_paused {
                break;
            }
            if due.is_empty() {
                let soon = clock.now().checked_add(SOON).unwrap_or(clock.now());
                if is_owing {
                    continue;
                }
                if self.roster.due(soon, 1).await?.is_empty() {
                    self.set_backlog(None).await?;
                    break;
                }
                sleep(REST).await;
                continue;
            }
            if due.len() > 1 {
                let until = clock.now().checked_add(RETRY_AFTER);
                self.set_backlog(until).await?;
            }
            if self.follow_all(due, &rate_limiter, clock, deadline, drained).await? {
                sleep(REST).await;
            }
        }
        failed.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Follows these, several at once, and whoever is due before them by then: a farewell that comes
    /// meanwhile is next. Whether there was nothing to do for any of them.
    async fn follow_all(
        &self,
        due: Vec<Id>,
        rate_limiter: &RateLimiter,
        clock: Clock,
        deadline: Deadline,
        drained: &mut Drained,
    ) -> Result<bool, Fault> {
        let follow = async |id: Id| {
            let mut budget = Budget::new(clock, deadline).with_rate_limiter(rate_limiter);
            let followed = match self.is_ending() {
                true => Ok(Followed::nothing(String::new())),
                false => self.reconcile(&id, &mut budget).await,
            };
            (id, followed, budget.spent)
        };
        let mut urgent = VecDeque::from(self.roster.due_farewells(clock.now(), BATCH).await?);
        let mut waiting: VecDeque<Id> = due.into_iter().filter(|id| !urgent.contains(id)).collect();
        let (mut begun, mut leavers) = (BTreeSet::new(), BTreeSet::new());
        let mut running = FuturesUnordered::new();
        let mut is_idle = true;
        let mut asked = clock.now();
        loop {
            while running.len() < AT_ONCE && deadline.allows_a_call() {
                // Farewells that hang leave others a turn all the same.
                let is_full = leavers.len() >= MOST_FAREWELLS && !waiting.is_empty();
                let farewell = if is_full { None } else { urgent.pop_front() };
                let is_farewell = farewell.is_some();
                let Some(id) = farewell.or_else(|| waiting.pop_front()) else { break };
                if begun.insert(id.clone()) {
                    if is_farewell {
                        leavers.insert(id.clone());
                    }
                    running.push(follow(id));
                }
            }
            rate_limiter.set_farewells(leavers.len().saturating_add(urgent.len()));
            let Some((id, followed, calls)) = running.next().await else { break };
            leavers.remove(&id);
            let followed = followed?;
            is_idle &= matches!(followed.reconciled, Reconciled::Pending(None));
            drained.calls.add(&calls);
            // A farewell is tried every half minute, and told once an hour.
            let is_news = !followed.is_farewell || self.is_news(&id, followed.name(), clock.now());
            drained.note(&id, followed, is_news);
            let now = clock.now();
            if waiting.is_empty() || now.duration_since(asked).is_ok_and(|age| age < REST) {
                continue;
            }
            asked = now;
            let farewells = self.roster.due_farewells(now, BATCH).await?;
            urgent.extend(farewells.into_iter().filter(|id| !begun.contains(id)));
        }
        rate_limiter.set_farewells(0);
        Ok(is_idle)
    }

    /// Notes who has been pending for too long, each once an hour: a farewell for a minute, anybody
    /// else for an hour.
    async fn tell_overdue(&self, now: SystemTime, drained: &mut Drained) -> Result<(), Fault> {
        let roster = self.roster.as_ref();
        let soon = now.checked_add(LATE_FAREWELL).unwrap_or(now);
        let mut records = Vec::new();
        for id in roster.due_farewells(soon, BATCH).await? {
            records.extend(roster.load(&id).await?);
        }
        let oldest = roster.counts().await?.oldest_pending;
        if oldest.is_some_and(|oldest| !lies_within(LATE, oldest, now)) {
            records.extend(parked::pending(roster, now, BATCH).await?);
        }
        for record in records {
            let Some(since) = record.pending_since() else { continue };
            // Whoever paused it knows, and whoever left has no access.
            if self.is_paused(now).await? && record.waits_for_resume() {
                continue;
            }
            let (most, what) = match record.is_farewell() {
                true => (LATE_FAREWELL, "somebody who left still has access"),
                false => (LATE, "Amazon Connect has not followed for more than an hour"),
            };
            if lies_within(most, since, now) || !self.is_news(&record.id, "overdue", now) {
                continue;
            }
            let cause = record.schedule.waits_for.unwrap_or_else(|| "not tried yet".to_owned());
            let fault = Fault::new(Kind::Unavailable, what).caused_by(cause);
            drained.overdue.push(Stuck { id: record.id, owner: record.owner, fault });
        }
        Ok(())
    }
}

/// How often it is looked who has been pending for too long.
const LOOK: Duration = Duration::from_secs(30);

/// A farewell that is pending for longer than this is told.
const LATE_FAREWELL: Duration = Duration::from_mins(1);

/// Anything else that is pending for longer than this is told.
const LATE: Duration = Duration::from_hours(1);

/// A run goes on for what will be due within this time.
const SOON: Duration = Duration::from_secs(5);

/// How long it rests where nothing is due yet.
const REST: Duration = Duration::from_millis(500);

impl Drained {
    fn note(&mut self, id: &Id, followed: Followed, is_news: bool) {
        let Followed { owner, reconciled, is_farewell, sessions_refused } = followed;
        let stuck = |fault| Stuck { id: id.clone(), owner: owner.clone(), fault };
        self.sessions_not_ended.extend(sessions_refused.map(&stuck));
        match reconciled {
            Reconciled::Applied(applied) => {
                self.applied = self.applied.saturating_add(1);
                let adopted = usize::from(matches!(applied, Applied::Adopted(_)));
                self.adopted = self.adopted.saturating_add(adopted);
            }
            Reconciled::Parked(_) if !is_news => {
                self.told_before = self.told_before.saturating_add(1);
            }
            Reconciled::Parked(fault) | Reconciled::RolledBack(fault) => {
                self.is_farewell_parked |= is_farewell;
                self.parked.push(stuck(fault));
            }
            Reconciled::Pending(Some(fault)) => self.pending.push(stuck(fault)),
            // Somebody else sees to it, or it was forgotten in time.
            Reconciled::Pending(None) => {}
        }
    }

    /// Whether nothing was due.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.applied == 0
            && self.pending.is_empty()
            && self.parked.is_empty()
            && self.overdue.is_empty()
            && self.sessions_not_ended.is_empty()
    }

    /// Whether somebody should be told at once: a farewell does not come through, a removal was held, a
    /// setting keeps people from coming, or it is a bug.
    #[must_use]
    pub fn is_alarming(&self) -> bool {
        let alarms = [Kind::RemovalHeld, Kind::Configuration, Kind::Bug];
        !self.overdue.is_empty()
            || self.is_farewell_parked
            || self.parked.iter().any(|stuck| alarms.contains(&stuck.fault.kind))
    }
}
