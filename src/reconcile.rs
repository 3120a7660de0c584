//! The reconciler: makes Amazon Connect follow the roster, one record at a time.
//!
//! ```text
//! lease ─▶ observe ─▶ plan ─▶ apply ─▶ settle or fail
//! ```
//! Connect and the roster are two stores, and nothing commits to both. So a record is written
//! first, and every write leaves it due; what Connect holds is observed again in each round and not
//! remembered; and CreateUser is made idempotent by the owner tags and the candidate usernames.
//!
//! A lease, taken by a conditional write, lets one worker at a time work on a record (optimistic
//! concurrency with a fencing token). The result is written on condition that nobody wrote
//! meanwhile; if somebody did, what we learnt of Connect is carried over into their record and the
//! round is repeated. A worker that is cut off anywhere leaves a pending record that the drain
//! takes up when the lease is over. `docs/cuts.md` goes through every two effects between which
//! that may happen.

pub mod budget;
mod attempt;
pub mod writer;
pub mod inlet;
pub mod client;
mod digest;
pub mod drain;
pub mod drain_log;
mod farewell;
mod names;
mod removal;
mod taken;
mod work;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::assign::Rules;
use crate::assign::password::Password;
use crate::connect::apply::Connect;
use crate::connect::rate_limiter::RateLimiter;
use crate::connect::{Applied, Calls};
use crate::deadline::{Clock, Deadline, lies_within};
use crate::fault::{Fault, Kind, Responsibility};
use crate::roster::group::Group;
use crate::roster::key::Id;
use crate::roster::policy::{Deactivate, Policy};
use crate::roster::record::{DesiredState, FAREWELL_PAUSE, Phase, UserRecord};
use crate::roster::{Roster, RosterError, WriteConflict};
use attempt::ReconcileError;
use budget::Budget;

/// The most rounds for one lease, where the record is changed again in each of them; then it goes
/// back to the queue.
const ROUNDS: usize = 4;

/// The most attempts at a conditional write that others overtake.
pub(crate) const TRIES: usize = 8;

/// Makes Connect follow a roster: a controller in the sense of Kubernetes.
///
/// One for each process; it has no state of its own but a flag and a cached answer, so that any
/// number of them may share a roster.
pub struct Reconciler {
    roster: Arc<dyn Roster>,
    connect: Connect,
    rules: Rules,
    policy: Policy,
    /// How fast the drain calls Connect.
    rate_limiter: RateLimiter,
    /// The digest of the rules and the policy in force, 16 hexadecimal digits. A record that was
    /// applied under another is reconciled again when it is next written.
    digest: String,
    /// Random bytes, for new ids and generated passwords.
    entropy: Box<dyn Fn() -> [u8; 16] + Send + Sync>,
    /// Set once the process is about to end.
    ending: AtomicBool,
    /// When the roster last said that there is no backlog; `writer` trusts that for a second.
    no_backlog: Mutex<Option<SystemTime>>,
    /// What the roster last said of a pause, and when.
    pause: Mutex<Option<(SystemTime, bool)>>,
    /// When a farewell was last refused for a setting or a permission: one that is refused so probes
    /// for all others.
    refused: Mutex<Option<(SystemTime, String)>>,
    /// What was told of whom, and when: once an hour is enough.
    told: Mutex<BTreeMap<(Id, &'static str), SystemTime>>,
}

/// How the work on a record ended.
#[derive(Debug)]
pub(crate) enum Reconciled {
    /// Connect holds what the record wants.
    Applied(Applied),
    /// Not yet: the record is due again, or another worker holds its lease. The fault, if any, is
    /// one that time mends.
    Pending(Option<Fault>),
    /// Not before somebody acts; the fault's turn says who.
    Parked(Fault),
    /// The sender's change was rolled back; the sender is told the fault.
    RolledBack(Fault),
}

/// The result for one record, with the owner of its user for the log.
#[derive(Debug)]
pub(crate) struct Followed {
    /// The hash of the owner that the user bears; empty if there is no such record.
    pub(crate) owner: String,
    pub(crate) reconciled: Reconciled,
    /// Whether somebody was to lose their access.
    pub(crate) is_farewell: bool,
    /// Why Connect does not end the sessions of somebody who left, if it was asked and did not.
    pub(crate) sessions_refused: Option<Fault>,
}

/// The result of working under a lease, with the record as it was written last.
struct LeasedResult {
    reconciled: Reconciled,
    /// The record as we wrote it last; `None` if another worker has it since, if it was rolled
    /// back, or if it is gone.
    record: Option<Box<UserRecord>>,
    /// The person's groups, if the rules made it necessary to read them.
    groups: Option<Vec<Group>>,
}

/// What happens to a change that Connect refuses, where the sender is the one to mend it.
#[derive(Clone)]
pub(crate) enum OnRejection {
    /// The change stays and the record is parked: the sender was told of success long ago, or hears
    /// no answer, or must not have the change taken back.
    Park,
    /// Any fault of the sender's rolls the change back to this former state (`None`: there was no
    /// record), and the sender is told.
    Rollback(Option<Box<UserRecord>>),
    /// The same, but only where the username belongs to somebody else; any other fault parks.
    RollbackOnConflict(Option<Box<UserRecord>>),
}

impl OnRejection {
    /// The former state to roll back to, if this fault is one that rolls back. The outer `None`
    /// means that the fault parks or waits; `Some(None)` that the record itself is to be erased.
    fn rolls_back(&self, fault: &Fault) -> Option<Option<&UserRecord>> {
        match self {
            Self::Rollback(former) if fault.kind.responsibility() == Responsibility::Sender => {
                Some(former.as_deref())
            }
            Self::RollbackOnConflict(former) if fault.kind == Kind::Uniqueness => {
                Some(former.as_deref())
            }
            _ => None,
        }
    }
}

/// The result of the conditional write at the end of a round.
enum CommitOutcome {
    /// Written: this is the record now.
    Committed(Box<UserRecord>),
    /// Somebody changed the desired state meanwhile. This is their record, with what we know of
    /// Connect carried over and the lease still ours: another round is due.
    Superseded(Box<UserRecord>),
    /// Another worker has the lease, or the record is gone, or there is nothing left for us to do
    /// with it.
    LeaseLost,
}

impl Reconciler {
    /// The settings that name something that the instance does not have, or that could not be
    /// looked up before the deadline: one fault each. Calls the List operations of Connect, and no
    /// more than once a minute for each kind.
    pub async fn misnamed(&self, now: SystemTime, deadline: Deadline) -> Vec<Fault> {
        self.connect.misnamed(now, deadline).await
    }

    /// A reconciler of the instance behind `connect`. `entropy` must be unpredictable: passwords
    /// are made of it.
    #[must_use]
    pub fn new(
        roster: Arc<dyn Roster>,
        connect: Connect,
        rules: Rules,
        policy: Policy,
        entropy: Box<dyn Fn() -> [u8; 16] + Send + Sync>,
    ) -> Self {
        let digest = digest::digest(&rules, &policy);
        let rate_limiter = RateLimiter::new(policy.rate);
        Self {
            roster,
            connect,
            rules,
            policy,
            digest,
            entropy,
            rate_limiter,
            ending: AtomicBool::new(false),
            no_backlog: Mutex::new(None),
            pause: Mutex::new(None),
            refused: Mutex::new(None),
            told: Mutex::default(),
        }
    }

    /// Stops the drain from taking further leases; those in hand are brought to their end. A
    /// process that ended in the middle of one would leave a record that nobody may touch until the
    /// lease is over.
    pub fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }

    /// True once [`Reconciler::end`] was called.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    /// A new random id of 128 bits.
    #[must_use]
    pub fn new_id(&self) -> Id {
        Id::of((self.entropy)())
    }

    /// The roster that is followed.
    #[must_use]
    pub fn roster(&self) -> &dyn Roster {
        self.roster.as_ref()
    }

    /// Takes the lease of a record and works on it; does nothing if the record is leased, applied
    /// or gone. This is the drain's way in: what Connect refuses is parked, since no sender waits
    /// for the answer.
    ///
    /// A tombstone is no work for Connect. Those who wait for its names are told, and after 30 days
    /// it is erased.
    ///
    /// # Errors
    /// The roster's. If it failed after the lease was taken, the record stays leased and is due
    /// when the lease is over.
    pub(crate) async fn reconcile(
        &self,
        id: &Id,
        budget: &mut Budget<'_>,
    ) -> Result<Followed, Fault> {
        let mut owner = String::new();
        for _ in 0..TRIES {
            let now = budget.clock.now();
            let Some(mut record) = self.roster.load(id).await? else { break };
            owner.clone_from(&record.owner);
            let is_told = record.freed_names.is_empty() || !record.is_tombstone();
            let is_due = record.schedule.due.is_some_and(|due| due <= now);
            if record.owes_sessions() && is_due && is_told {
                return self.end_owed_sessions(record, budget).await;
            }
            if record.is_tombstone() {
                if !record.freed_names.is_empty() {
                    self.settle_names(record, now).await?;
                } else if record.schedule.due.is_some_and(|due| due <= now) {
                    let _overtaken = self.roster.erase(&record).await?;
                }
                break;
            }
            if record.looks_again().is_some_and(|again| again <= now) {
                record.set_pending(now);
            }
            // Looked at after the load and not before: the list of what is due may be older than
            // the work of another worker on this record.
            if record.is_leased(now) || record.is_applied() {
                break;
            }
            if self.is_paused(now).await? && record.waits_for_resume() {
                // Whoever left has no access any more. Nothing is asked of Connect.
                record.set_due(now.checked_add(PAUSE_LOOK));
                let _overtaken = self.roster.write(&record).await?;
                break;
            }
            if let Some(again) = self.waits_for_probe(&record, now) {
                record.set_due(Some(again));
                // Whoever overtook us left it due.
                let _overtaken = self.roster.write(&record).await?;
                break;
            }
            // Lease, due time and candidate username go into one write. So no user is ever created
            // under a name that is not written down, and from here on a worker that is cut off
            // leaves the record due at the end of the lease.
            record.take_lease(now);
            match self.roster.write(&record).await? {
                Ok(stored) => {
                    record.note_stored(stored);
                    let is_farewell = record.is_farewell();
                    let LeasedResult { reconciled, record, .. } =
                        self.reconcile_leased(record, &OnRejection::Park, None, budget).await?;
                    if is_farewell {
                        self.note_probe(&reconciled, budget.clock.now());
                    }
                    let owes = record.is_some_and(|record| record.owes_sessions());
                    let sessions_refused = owes.then(sessions_owed);
                    return Ok(Followed { owner, reconciled, is_farewell, sessions_refused });
                }
                Err(_) => continue,
            }
        }
        Ok(Followed::nothing(owner))
    }

    /// In what Connect differs from what a record that it follows says, beside what it cannot hold.
    pub(crate) fn differs(&self, record: &UserRecord) -> impl Iterator<Item = &'static str> {
        let has_user = record.status.user.is_some();
        let is_kept = self.policy.deactivate == Deactivate::Keep && !record.spec.access.is_doubtful;
        let (works, left) = match record.desired_state() {
            DesiredState::Active => (true, false),
            DesiredState::Inactive => (false, true),
            DesiredState::Deleted => (false, false),
        };
        let differences = [
            (record.status.config_digest != self.digest, OLD_SETTINGS),
            (left && has_user && is_kept, KEPT),
            (works && !has_user, NEVER_JOINED),
            (record.owes_sessions(), SIGNED_IN),
        ];
        let is_applied = record.is_applied();
        let differs =
            move |(differs, what): (bool, &'static str)| (is_applied && differs).then_some(what);
        differences.into_iter().filter_map(differs)
    }

    /// Whether an operator stopped everything but farewells. The roster is asked at most once a second.
    ///
    /// # Errors
    /// The roster's.
    pub(crate) async fn is_paused(&self, now: SystemTime) -> Result<bool, RosterError> {
        let known = *self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((asked, paused)) = known
            && now.duration_since(asked).is_ok_and(|age| age < PAUSE_TTL)
        {
            return Ok(paused);
        }
        let paused = self.roster.paused().await?.is_some();
        *self.pause.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, paused));
        Ok(paused)
    }

    /// Until when a farewell waits that was refused for a setting or a permission, while another one
    /// probes whether that was mended.
    fn waits_for_probe(&self, record: &UserRecord, now: SystemTime) -> Option<SystemTime> {
        let Phase::Parked(parked) = &record.schedule.phase else { return None };
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, why) = refused.as_ref()?;
        let until = since.checked_add(FAREWELL_PAUSE).filter(|until| *until > now);
        until.filter(|_| record.is_farewell() && parked.detail == *why)
    }

    /// Notes how a farewell ended: what refused one refuses all of the same fault, until one is carried
    /// out.
    fn note_probe(&self, reconciled: &Reconciled, now: SystemTime) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        match reconciled {
            Reconciled::Parked(fault) if fault.kind == Kind::Configuration => {
                *refused = Some((now, fault.detail.to_string()));
            }
            Reconciled::Applied(_) => *refused = None,
            _ => {}
        }
    }

    /// Whether this was not told of this record within the hour.
    fn is_news(&self, id: &Id, what: &'static str, now: SystemTime) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|_, time| lies_within(TOLD_AGAIN, *time, now));
        let is_news = !told.contains_key(&(id.clone(), what));
        if is_news {
            told.insert((id.clone(), what), now);
        }
        is_news
    }

    /// Works on a record whose lease is ours, round by round, until the result is written.
    ///
    /// Requires that `record` is as it was written, lease included. On return the lease is given
    /// up, unless another worker has it, a call of unknown fate prolongs it by 30 seconds, the
    /// roster failed, or others changed the record faster than we could write; then it runs out by
    /// itself. A record that is pending is due in each of these cases.
    ///
    /// # Errors
    /// The roster's. The record is pending and due all the same.
    async fn reconcile_leased(
        &self,
        mut record: UserRecord,
        on_rejection: &OnRejection,
        password: Option<Password>,
        budget: &mut Budget<'_>,
    ) -> Result<LeasedResult, Fault> {
        // 25 s of calls, 30 s in which an abandoned call may still have its effect, 60 s of lease:
        // so no other worker begins beside a late effect. The time is taken from the lease and not
        // from now, since `write` may have been slow.
        let time = record.time_to_work(budget.clock.now());
        budget.deadline = budget.deadline.min(Deadline::after(time));
        let clock = budget.clock;
        // What the sender asked for. If the record is another's meanwhile, a fault is not its to mend.
        let asked_for = record.generation;
        let asked_spec = (!matches!(on_rejection, OnRejection::Park)).then(|| record.spec.clone());
        let mut groups = None;
        for round in 1..=ROUNDS {
            // Whoever was to leave a round ago may yet lose their power by a call that was given up, and
            // is let in after that.
            if let Some(until) = record.quiet_until(clock.now()) {
                self.release(record, until).await?;
                break;
            }
            // Whether the names that were given up are free now in Connect too.
            let mut follows_names = false;
            let attempt = self.attempt(&mut record, password.as_ref(), &mut groups, budget).await;
            let result = match attempt {
                Ok(applied) => {
                    follows_names = true;
                    Ok(applied)
                }
                Err(ReconcileError::Fault(fault)) => Err(fault),
                Err(ReconcileError::NameTaken(fault)) => {
                    follows_names = true;
                    Err(fault)
                }
                // What is known of Connect could not be written. The lease runs out, the record is
                // due then, and the next worker finds the user by its tags.
                Err(ReconcileError::Roster(fault)) => return Err(fault),
                Err(ReconcileError::LeaseLost) => break,
                Err(ReconcileError::Superseded) if round < ROUNDS => continue,
                // Others change it faster than we follow, or there is no time: back to the queue.
                Err(ReconcileError::Superseded | ReconcileError::NotStarted) => {
                    self.release(record, clock.now()).await?;
                    break;
                }
            };
            // Only while the lease is ours: the next worker may have made Connect follow. And only
            // if the desired state is the one this sender asked for: a fault of somebody else's
            // content is not this sender's.
            if let Err(fault) = &result
                && let Some(former) = on_rejection.rolls_back(fault)
                && record.generation == asked_for
                // A farewell that changed nothing yet, and that a rollback would forget.
                && asked_spec.as_ref().is_some_and(|asked| asked.access == record.spec.access)
                && record.is_leased(clock.now())
            {
                let rolled_back = self.rollback(record, former, fault, budget).await;
                // If the roster failed, it is unknown whether the change was rolled back; the
                // sender gets that fault and must not take the change for done.
                return Ok(LeasedResult::without_record(
                    rolled_back.unwrap_or_else(Reconciled::RolledBack),
                    groups,
                ));
            }
            // Before the result is written: cut off in between, those who wait are told twice. The
            // other way round `freed_names` would be empty already and nobody would tell them.
            if follows_names {
                let freed = std::mem::take(&mut record.freed_names);
                self.tell_who_waits(&freed, clock.now()).await?;
            }
            match (self.commit(&mut record, &result, clock).await?, result) {
                (CommitOutcome::Committed(record), Ok(applied)) => {
                    let reconciled = Reconciled::Applied(applied);
                    return Ok(LeasedResult { reconciled, record: Some(record), groups });
                }
                (CommitOutcome::Committed(record), Err(fault)) => {
                    return Ok(LeasedResult {
                        reconciled: Reconciled::of(fault),
                        record: Some(record),
                        groups,
                    });
                }
                (CommitOutcome::Superseded(newer), _) if round < ROUNDS => record = *newer,
                // Others change it faster than we follow. Back to the queue, so that one busy
                // record does not keep a worker.
                (CommitOutcome::Superseded(newer), _) => self.release(*newer, clock.now()).await?,
                (CommitOutcome::LeaseLost, _) => break,
            }
        }
        Ok(LeasedResult::without_record(Reconciled::Pending(None), groups))
    }

    /// Writes the result of a round, on condition of the version that was read.
    ///
    /// The condition fails if anybody wrote meanwhile. Then the result is not that of their
    /// content, but what we know of Connect is true all the same and is carried over into their
    /// record.
    ///
    /// Cut off before the write, the record is pending and due when the lease is over; the next
    /// worker observes Connect, plans nothing for what was done already, and settles.
    async fn commit(
        &self,
        record: &mut UserRecord,
        result: &Result<Applied, Fault>,
        clock: Clock,
    ) -> Result<CommitOutcome, Fault> {
        let mut done = record.clone();
        match result {
            Ok(_) => done.settle(&self.digest, clock.now()),
            Err(fault) => {
                done.fail(fault, clock.now());
                if let Some(again) = self.resumes_at(fault, clock.now()) {
                    done.set_due(Some(again));
                }
            }
        }
        match self.roster.write(&done).await? {
            Ok(stored) => {
                done.note_stored(stored);
                return Ok(CommitOutcome::Committed(Box::new(done)));
            }
            // A result changes no key of ours. A duplicate key means that another record took one
            // of them over, and that record is now the one that says so.
            Err(WriteConflict::DuplicateKey) => return Ok(CommitOutcome::LeaseLost),
            Err(WriteConflict::StaleVersion) => {}
        }
        match result {
            // Connect follows the generation that we read. Theirs may differ in a word only, so the
            // next round is told what is done already.
            Ok(_) => record.follows(&self.digest),
            // A transient fault does not call for another round at once: their write left the
            // record due. If the fate of a call is unknown, `fail` prolonged the lease by 30 s, and
            // that is carried over too: nobody may work beside the late effect.
            Err(fault) if fault.kind.responsibility() == Responsibility::Retry => {
                record.lease = done.lease;
                self.carry_over(record).await?;
                return Ok(CommitOutcome::LeaseLost);
            }
            // A fault that somebody has to mend may be mended by what they wrote; the next round
            // will tell.
            Err(_) => {}
        }
        self.carry_over(record).await
    }

    /// Carries what is known of Connect over into a record that was changed meanwhile: `status` and
    /// `lease` are ours, the rest stays as they wrote it.
    ///
    /// Whoever changed the record had read it before we knew, and wrote back the status that they
    /// had read. Left so, a user that was created just now would belong to nobody. The fencing
    /// token says whether the lease is still ours; if it is not, another worker has observed
    /// Connect since and knows better.
    async fn carry_over(&self, record: &UserRecord) -> Result<CommitOutcome, Fault> {
        for _ in 0..TRIES {
            let newer = self.roster.load(&record.id).await?;
            let newer = newer.filter(|newer| newer.lease.fence == record.lease.fence);
            let Some(mut newer) = newer else { return Ok(CommitOutcome::LeaseLost) };
            newer.carry_status_from(record);
            if newer.schedule.phase == Phase::Pending && newer.lease.until.is_none() {
                // It was left due at the end of a lease that is given up now.
                let works = newer.desired_state() == DesiredState::Active;
                let quiet = newer.lease.quiet_until.filter(|_| works);
                newer.set_due(quiet.max(Some(newer.spec.modified)));
            }
            // Their write may have brought a new username, and the next round may create a user
            // under it. As with the lease, the name is written down before CreateUser is sent.
            if newer.desired_state() == DesiredState::Active {
                newer.reserve_username();
            }
            match self.roster.write(&newer).await? {
                Ok(stored) => {
                    newer.note_stored(stored);
                    return Ok(CommitOutcome::Superseded(Box::new(newer)));
                }
                Err(WriteConflict::StaleVersion) => {}
                Err(WriteConflict::DuplicateKey) => return Ok(CommitOutcome::LeaseLost),
            }
        }
        Ok(CommitOutcome::LeaseLost)
    }

    /// Gives up the lease and leaves the record due then. The attempt counter is left alone: nothing
    /// failed.
    async fn release(&self, mut record: UserRecord, due: SystemTime) -> Result<(), Fault> {
        record.lease.until = None;
        record.set_due(Some(due));
        // If somebody overtook us, their write has left the record due as well.
        let _overtaken = self.roster.write(&record).await?;
        Ok(())
    }

    /// Rolls back what a sender wrote, unless somebody changed it since.
    ///
    /// The sender is told that nothing came of the write, so that has to be true. A new record is
    /// erased, unless there is a user of it in Connect: somebody must answer for that one, so the
    /// record is parked. A former record gets its former content, as a new generation and due at
    /// once, since some steps of the refused change may have been taken. Each of these writes is on
    /// condition of the version: what others wrote since stays.
    ///
    /// Cut off before the write, the record is pending with the refused content; the drain is
    /// refused too, and parks it. Cut off after it, the drain takes back the steps that were taken.
    async fn rollback(
        &self,
        record: UserRecord,
        former: Option<&UserRecord>,
        fault: &Fault,
        budget: &Budget<'_>,
    ) -> Result<Reconciled, Fault> {
        let now = budget.clock.now();
        let is_held = record.status.user.is_some() || record.status.former_user.is_some();
        let conflict = match former {
            None if is_held => {
                let mut parked = record.clone();
                parked.fail(fault, now);
                self.roster.write(&parked).await?.err()
            }
            None => {
                // An erased record keeps no `freed_names`, so nobody could catch up on this if it
                // came after the erase and we were cut off in between. They are told before it, for
                // a moment when the erase is done.
                let moment = now.checked_add(A_MOMENT).unwrap_or(now);
                self.tell_who_waits(&record.sought_names(), moment).await?;
                self.roster.erase(&record).await?.err()
            }
            Some(former) => {
                let mut back = record.clone();
                // The generation is counted up and not put back: Connect may follow parts of the
                // refused content already, and two contents under one number would be taken for
                // each other.
                back.roll_back_to(former, now);
                back.lease.until = None;
                back.set_due(Some(now));
                self.roster.write(&back).await?.err()
            }
        };
        if conflict.is_some() {
            // The content is somebody else's now; what we know of Connect goes into their record.
            if let CommitOutcome::Superseded(newer) = self.carry_over(&record).await? {
                self.release(*newer, budget.clock.now()).await?;
            }
            return Ok(Reconciled::RolledBack(changed_meanwhile()));
        }
        if former.is_some() {
            // Steps that were taken are taken back, now or by the drain. Their calls are not
            // accounted to the sender, who asked for none of them. A fault here changes nothing:
            // the record is due.
            let mut own = budget.apart();
            drop(Box::pin(self.reconcile(&record.id, &mut own)).await);
        }
        Ok(Reconciled::RolledBack(fault.clone()))
    }
}

impl Followed {
    /// The result in a word, by which it is told once an hour.
    pub(crate) fn name(&self) -> &'static str {
        match &self.reconciled {
            Reconciled::Parked(fault) | Reconciled::RolledBack(fault) => fault.kind.code(),
            Reconciled::Applied(_) => "applied",
            Reconciled::Pending(_) => "pending",
        }
    }

    /// For a record that needed no work, or that another worker has.
    fn nothing(owner: String) -> Self {
        Self {
            owner,
            reconciled: Reconciled::Pending(None),
            is_farewell: false,
            sessions_refused: None,
        }
    }
}

impl LeasedResult {
    /// A result without a record to show: the caller must not present our copy as the current
    /// state.
    const fn without_record(reconciled: Reconciled, groups: Option<Vec<Group>>) -> Self {
        Self { reconciled, record: None, groups }
    }
}

impl Reconciled {
    /// Transient faults leave the record pending; all others park it until somebody acts.
    fn of(fault: Fault) -> Self {
        match fault.kind.responsibility() {
            Responsibility::Retry => Self::Pending(Some(fault)),
            Responsibility::Internal | Responsibility::Operator | Responsibility::Sender => {
                Self::Parked(fault)
            }
        }
    }
}

/// Shows the roster's own `Debug` and nothing of rules or people.
impl fmt::Debug for Reconciler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reconciler").field("roster", &self.roster).finish_non_exhaustive()
    }
}

impl Calls {
    /// Adds the calls of another session; its last request id replaces ours, if it has one.
    pub(crate) fn add(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.time = self.time.saturating_add(other.time);
        if other.last_request_id.is_some() {
            self.last_request_id.clone_from(&other.last_request_id);
        }
    }
}

/// For the log: sessions of somebody who left are still to be ended.
pub(crate) fn sessions_owed() -> Fault {
    Fault::new(
        Kind::Configuration,
        "Amazon Connect refuses to end the sessions of somebody who left and has no power any more; it \
         is tried once an hour: connect-provisioner doctor --online says why",
    )
}

/// The fault of a write that others overtook again and again: a 409 that the sender may repeat.
pub(crate) fn changed_meanwhile() -> Fault {
    Fault::new(
        Kind::Conflict,
        "somebody else changed this person at the same time; repeat the event",
    )
}

/// What hinders a farewell is told of each person once in this time.
const TOLD_AGAIN: Duration = Duration::from_hours(1);

/// Connect follows by the settings of before.
const OLD_SETTINGS: &str = "Amazon Connect follows the settings of before; the next change of this person, or of a \
                            group of theirs, brings those of now";

/// Whoever left is kept.
const KEPT: &str =
    "active: by DEACTIVATE=keep the user in Amazon Connect stays as it was, with its power";

/// Whoever returned was never there.
const NEVER_JOINED: &str =
    "active: nobody asked for this person to join, so there is no user in Amazon Connect";

/// Whoever left is signed in yet.
const SIGNED_IN: &str = "active: Amazon Connect has not ended the sessions of this person yet, who has no power any \
                         more";

/// How long the roster's answer is trusted whether all but farewells is paused.
pub(crate) const PAUSE_TTL: Duration = Duration::from_secs(1);

/// How long it takes until whoever was suspended by a pause is looked at after it.
const PAUSE_LOOK: Duration = Duration::from_mins(1);

/// Longer than the erase that follows takes; see `Reconciler::undo`.
const A_MOMENT: Duration = Duration::from_secs(5);

/// Time that is kept back for the write of the result. Connect is called no later than this before
/// the deadline.
pub(crate) const WRITING: Duration = Duration::from_millis(300);

#[cfg(test)]
mod tests;
