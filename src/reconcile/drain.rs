//! What is due → followed, until nothing is due or the time is over.
//!
//! One run at a time, held by the roster. While it has work, Connect's quota is its own: inlets leave
//! what they hear to it. Several records are followed at once, so that a slow answer costs no turn;
//! the turns themselves are the rate limiter's.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use futures_util::future::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::budget::Budget;
use super::{Followed, Reconciled, Reconciler, WRITING};
use crate::connect::rate_limiter::Urgency;
use crate::connect::{Applied, Calls};
use crate::deadline::{Clock, Deadline, lies_within};
use crate::fault::{Fault, Kind};
use crate::roster::key::Id;
use crate::roster::record::{RETRY_AFTER, WORK};
use crate::roster::{RosterError, parked};

/// Records that are followed at once, at most.
const AT_ONCE: usize = 8;

/// Nobody is begun with whose turn is further away than this, where each takes one call of an operation:
/// a lease has time for calls for two and a half times as long.
const NEAR: Duration = Duration::from_secs(10);

/// Of four that are followed at once, so many may be farewells while others wait.
const FAREWELLS_OF_FOUR: usize = 3;

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

    /// Records are followed, and meanwhile the roster is asked what is due next, what groups owe is
    /// written, and who waits for too long is looked for: none of these waits for another. Whatever goes
    /// wrong, what is under way is brought to its end.
    async fn drain_held(
        &self,
        clock: Clock,
        deadline: Deadline,
        drained: &mut Drained,
    ) -> Result<(), Fault> {
        let deadline = deadline.sooner_by(WRITING);
        self.rate_limiter.begin_run();
        let (progress, ended) = (Notify::new(), AtomicUsize::new(0));
        let ask = |rest: Duration, flags| {
            let rest = rest.min(deadline.time_left());
            // Progress cuts the rest short.
            let rest = timeout(rest, progress.notified()).map(drop);
            let ended = &ended;
            async move {
                rest.await;
                let before = ended.load(Ordering::Relaxed);
                Event::Asked(self.ask(clock.now(), flags).await, before)
            }
            .boxed()
        };
        let mut queue = Queue::new(clock.now(), at_once(self.policy.rate));
        let mut failed: Option<Fault> = None;
        let mut events = FuturesUnordered::new();
        events.push(self.mend().boxed());
        events.push(self.look(clock).boxed());
        events.push(ask(Duration::ZERO, true));
        while let Some(event) = events.next().await {
            let now = clock.now();
            match event {
                Event::Followed(id, followed, calls) => {
                    queue.note_end(&id, now);
                    ended.fetch_add(1, Ordering::Relaxed);
                    if queue.is_idle() {
                        progress.notify_one();
                    }
                    // It was a lease that was too short for somebody's turn, and not the run: whoever had
                    // theirs makes room for the next.
                    let has_room = queue.running.is_empty() || !was_throttled(&followed);
                    if has_room && deadline.time_left() > WORK {
                        self.rate_limiter.begin_run();
                    }
                    drained.calls.add(&calls);
                    match followed {
                        Ok(followed) => {
                            // A farewell is tried every half minute, and told once an hour.
                            let is_news =
                                !followed.is_farewell || self.is_news(&id, followed.name(), now);
                            drained.note(&id, followed, is_news);
                        }
                        Err(fault) => failed = failed.or(Some(fault)),
                    }
                }
                Event::Mended(more) => {
                    queue.note_mended(more);
                    if queue.is_last && queue.is_idle() && !queue.is_owing {
                        progress.notify_one();
                    }
                }
                Event::Looked(overdue) => {
                    queue.is_looking = false;
                    match overdue {
                        Ok(overdue) => drained.overdue.extend(overdue),
                        Err(fault) => failed = failed.or(Some(fault)),
                    }
                }
                Event::Asked(Err(fault), _) => failed = failed.or(Some(fault)),
                Event::Asked(Ok(asked), before) => {
                    // Whoever came to an end meanwhile may be due again.
                    let is_current = before == ended.load(Ordering::Relaxed);
                    queue.note_asked(asked, is_current, now);
                    events.push(ask(REST, queue.flags(now)));
                    if queue.begin_look(now) {
                        events.push(self.look(clock).boxed());
                    }
                }
            }
            // Whoever began now would be turned away, and have tried in vain.
            let late = [Urgency::Farewell, Urgency::Ordinary];
            let late = late.map(|urgency| self.rate_limiter.is_late(urgency));
            let is_over = queue.is_done || (queue.running.is_empty() && queue.is_over(late));
            let goes_on =
                !is_over && failed.is_none() && deadline.allows_a_call() && !self.is_ending();
            while goes_on && let Some(id) = queue.next(late) {
                events.push(self.follow_one(id, clock, deadline).boxed());
            }
            if goes_on && queue.is_owing && !queue.is_mending {
                queue.is_mending = true;
                events.push(self.mend().boxed());
            }
            self.rate_limiter.set_farewells(queue.farewells());
            if !goes_on && queue.running.is_empty() && !queue.is_mending && !queue.is_looking {
                break;
            }
        }
        self.rate_limiter.set_farewells(0);
        if queue.is_done && !queue.is_paused {
            self.set_backlog(None).await?;
        }
        failed.or(queue.unwritten).map_or(Ok(()), Err)
    }

    async fn follow_one(&self, id: Id, clock: Clock, deadline: Deadline) -> Event {
        let mut budget = Budget::new(clock, deadline).with_rate_limiter(&self.rate_limiter);
        let followed = self.reconcile(&id, &mut budget).await;
        Event::Followed(id, followed, budget.spent)
    }

    /// Writes the next part of what changes of groups owe: whom a change concerns is due only once it is
    /// written whom.
    async fn mend(&self) -> Event {
        Event::Mended(self.roster.mend(None).await.map_err(Fault::from))
    }

    /// Asks what is due, and flags the backlog if there is one and it is to be.
    async fn ask(&self, now: SystemTime, flags: bool) -> Result<Asked, Fault> {
        let is_paused = self.is_paused(now).await?;
        let farewells = self.roster.due_farewells(now, BATCH).await?;
        let due = match is_paused {
            true => Vec::new(),
            false => self.roster.due(now, BATCH).await?,
        };
        let is_flagged = flags && !is_paused && due.len() > 1;
        if is_flagged {
            self.set_backlog(now.checked_add(RETRY_AFTER)).await?;
        }
        let soon = now.checked_add(SOON).unwrap_or(now);
        let is_last = farewells.is_empty()
            && due.is_empty()
            && (is_paused || self.roster.due(soon, 1).await?.is_empty());
        Ok(Asked { farewells, due, is_paused, is_flagged, is_last })
    }

    async fn look(&self, clock: Clock) -> Event {
        Event::Looked(self.overdue(clock.now()).await)
    }

    /// Those who have been pending for too long, each once an hour: a farewell for a minute, anybody
    /// else for an hour.
    async fn overdue(&self, now: SystemTime) -> Result<Vec<Stuck>, Fault> {
        let roster = self.roster.as_ref();
        let soon = now.checked_add(LATE_FAREWELL).unwrap_or(now);
        let (mut overdue, mut records) = (Vec::new(), Vec::new());
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
            overdue.push(Stuck { id: record.id, owner: record.owner, fault });
        }
        Ok(overdue)
    }
}

/// Whether somebody's turn did not come, or Connect lets in no more.
fn was_throttled(followed: &Result<Followed, Fault>) -> bool {
    let pending = followed.as_ref().map(|followed| &followed.reconciled);
    matches!(pending, Ok(Reconciled::Pending(Some(fault))) if fault.kind == Kind::Throttled)
}

/// How many records are followed at once where Connect is called so often a second: two at least, so that
/// the time of an answer is no turn lost.
fn at_once(rate: f64) -> usize {
    let near = Duration::try_from_secs_f64(NEAR.as_secs_f64() * rate).unwrap_or(NEAR);
    usize::try_from(near.as_secs()).unwrap_or(AT_ONCE).clamp(2, AT_ONCE)
}

/// What happens in a run.
enum Event {
    /// A record was followed.
    Followed(Id, Result<Followed, Fault>, Calls),
    /// The roster was asked, when so many had been followed.
    Asked(Result<Asked, Fault>, usize),
    /// A part of what groups owe was written; whether there may be more.
    Mended(Result<bool, Fault>),
    /// Those who have been pending for too long, as far as they are to be told.
    Looked(Result<Vec<Stuck>, Fault>),
}

/// What the roster says.
struct Asked {
    farewells: Vec<Id>,
    /// All that is due, unless it is paused.
    due: Vec<Id>,
    is_paused: bool,
    /// Whether the backlog was flagged.
    is_flagged: bool,
    /// Whether nothing is due, or will be soon.
    is_last: bool,
}

/// What is due, as far as the roster was asked, and what is being followed.
#[derive(Debug)]
struct Queue {
    /// So many are followed at once.
    at_once: usize,
    /// Farewells that are due.
    farewells: VecDeque<Id>,
    /// Others that are due.
    others: VecDeque<Id>,
    /// What is being followed, and whether that is a farewell.
    running: BTreeMap<Id, bool>,
    /// What came to its end a moment ago: what is due may be older than that.
    ended: BTreeMap<Id, SystemTime>,
    /// Whether what changes of groups owe is just being written.
    is_mending: bool,
    /// Whether they may owe more.
    is_owing: bool,
    /// Whether it is just being looked who has been due for too long.
    is_looking: bool,
    /// When that was looked for last.
    looked: SystemTime,
    /// When the backlog was flagged last.
    flagged: Option<SystemTime>,
    /// Whether nothing is due, or will be soon, as the roster said last.
    is_last: bool,
    /// Whether nothing is left to do.
    is_done: bool,
    /// Whether all but farewells is paused.
    is_paused: bool,
    /// Why what is owed could not be written.
    unwritten: Option<Fault>,
}

impl Queue {
    /// That of a run which begins to write what is owed, and to look.
    const fn new(now: SystemTime, at_once: usize) -> Self {
        Self {
            at_once,
            farewells: VecDeque::new(),
            others: VecDeque::new(),
            running: BTreeMap::new(),
            ended: BTreeMap::new(),
            is_mending: true,
            is_owing: false,
            is_looking: true,
            looked: now,
            flagged: None,
            is_last: false,
            is_done: false,
            is_paused: false,
            unwritten: None,
        }
    }

    /// What cannot be written keeps nobody from what is due.
    fn note_mended(&mut self, more: Result<bool, Fault>) {
        self.is_mending = false;
        self.is_owing = *more.as_ref().unwrap_or(&false);
        self.unwritten = more.err().or(self.unwritten.take());
    }

    /// Takes what the roster says is due in place of what it said before.
    fn note_asked(&mut self, asked: Asked, is_current: bool, now: SystemTime) {
        self.flagged = if asked.is_flagged { Some(now) } else { self.flagged };
        (self.is_paused, self.is_last) = (asked.is_paused, asked.is_last && is_current);
        self.ended.retain(|_, ended| lies_within(REST, *ended, now));
        let is_new = |id: &Id| !self.running.contains_key(id) && !self.ended.contains_key(id);
        self.farewells = asked.farewells.into_iter().filter(is_new).collect();
        let others = asked.due.into_iter().filter(is_new).filter(|id| !self.farewells.contains(id));
        self.others = others.collect();
        self.is_done = self.is_last && self.is_idle() && !self.is_mending && !self.is_owing;
        // Whoever changed a group meanwhile may owe more.
        self.is_owing |= !self.is_mending;
    }

    /// Whether a backlog is to be flagged.
    fn flags(&self, now: SystemTime) -> bool {
        self.flagged.is_none_or(|flagged| !lies_within(REFLAG, flagged, now))
    }

    /// Begins to look again who has been due for too long, if it is time.
    fn begin_look(&mut self, now: SystemTime) -> bool {
        let begins = !self.is_looking && !lies_within(LOOK, self.looked, now);
        if begins {
            (self.is_looking, self.looked) = (true, now);
        }
        begins
    }

    /// Who is followed next. Farewells come first; such as hang leave others a turn all the same. Of
    /// farewells, or of others, nobody where it is too late for them in this run.
    fn next(&mut self, [too_late, others_too_late]: [bool; 2]) -> Option<Id> {
        let leaving = self.running.values().filter(|is_farewell| **is_farewell).count();
        if self.running.len() >= self.at_once {
            return None;
        }
        let most = self.at_once.saturating_mul(FAREWELLS_OF_FOUR).div_euclid(4).max(1);
        let is_full = leaving >= most && !self.others.is_empty() && !others_too_late;
        let farewell = if is_full || too_late { None } else { self.farewells.pop_front() };
        let is_farewell = farewell.is_some();
        let other = || if others_too_late { None } else { self.others.pop_front() };
        let id = farewell.or_else(other)?;
        self.running.insert(id.clone(), is_farewell);
        Some(id)
    }

    fn note_end(&mut self, id: &Id, now: SystemTime) {
        self.running.remove(id);
        self.ended.insert(id.clone(), now);
    }

    /// How many farewells wait or are carried out.
    fn farewells(&self) -> usize {
        let leaving = self.running.values().filter(|is_farewell| **is_farewell).count();
        self.farewells.len().saturating_add(leaving)
    }

    /// Whether it is too late in this run for all that is due.
    fn is_over(&self, [too_late, others_too_late]: [bool; 2]) -> bool {
        let are_farewells_over = too_late || (others_too_late && self.farewells.is_empty());
        are_farewells_over && (others_too_late || self.others.is_empty())
    }

    /// Whether nobody is followed, or is to be.
    fn is_idle(&self) -> bool {
        self.running.is_empty() && self.farewells.is_empty() && self.others.is_empty()
    }
}

/// How often it is looked who has been pending for too long.
const LOOK: Duration = Duration::from_secs(30);

/// A farewell that is pending for longer than this is told.
const LATE_FAREWELL: Duration = Duration::from_mins(1);

/// Anything else that is pending for longer than this is told.
const LATE: Duration = Duration::from_hours(1);

/// How often the backlog is flagged anew while there is one.
const REFLAG: Duration = Duration::from_secs(20);

/// A run goes on for what will be due within this time.
const SOON: Duration = Duration::from_secs(5);

/// How often the roster is asked what is due; and how long nobody is followed again who just was.
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
