//! Roster → Connect: a record is taken, followed, and what came of it is written down.
//!
//! ```text
//! lease ─▶ observe ─▶ plan ─▶ apply ─▶ settle or fail
//! ```
//! One at a time works on a record: it takes the lease, and writes the end on condition that nobody
//! took it since. If what should be was changed meanwhile, it goes round again. Wherever it is cut
//! off, the record is pending and due, and the next one finds what Connect holds by the owner tag.

pub mod budget;
mod attempt;
pub mod writer;
pub mod inlet;
pub mod client;
mod digest;
pub mod drain;
mod names;
mod removal;
mod taken;
mod work;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use crate::assign::Rules;
use crate::assign::password::Password;
use crate::connect::apply::Connect;
use crate::connect::{Applied, Calls};
use crate::deadline::{Clock, Deadline};
use crate::fault::{Fault, Kind, Turn};
use crate::roster::group::Group;
use crate::roster::key::Id;
use crate::roster::policy::Policy;
use crate::roster::record::{UserRecord, Wanted};
use crate::roster::{Clash, Roster};
use attempt::Stop;
use budget::Budget;

/// A record is followed this often, at most, while it is changed again and again.
const ROUNDS: usize = 4;

/// A write that was overtaken is tried again this often.
pub(crate) const TRIES: usize = 8;

/// Makes Connect follow a roster.
pub struct Reconciler {
    roster: Arc<dyn Roster>,
    connect: Connect,
    rules: Rules,
    policy: Policy,
    /// Tells the rules by which a record was followed from those of now.
    digest: String,
    entropy: Box<dyn Fn() -> [u8; 16] + Send + Sync>,
    ending: AtomicBool,
    /// When the roster last said that there is no backlog.
    no_backlog: Mutex<Option<SystemTime>>,
}

/// What became of a record.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Connect follows.
    Applied(Applied),
    /// It will be seen to.
    Pending(Option<Fault>),
    /// Somebody must act first.
    Parked(Fault),
    /// The sender must; what it wrote was taken back.
    Undone(Fault),
}

/// What became of a record, and whose user it is.
#[derive(Debug)]
pub(crate) struct Followed {
    /// The owner's hash.
    pub(crate) owner: String,
    pub(crate) ended: Ended,
}

/// What became of a record that was held, and what is known of it then.
struct Held {
    ended: Ended,
    /// The record as we wrote it last; none, if somebody else has it since or it is gone.
    record: Option<Box<UserRecord>>,
    /// The person's groups, if they were asked for.
    groups: Option<Vec<Group>>,
}

/// What is done about a fault of the sender's that only Connect could tell.
#[derive(Clone)]
pub(crate) enum Blame {
    /// The sender heard of success long ago, or cannot be told: it waits for somebody.
    Park,
    /// What was written is taken back, to what was there before; then the sender is told.
    Undo(Option<Box<UserRecord>>),
    /// The same if it is the name that is somebody else's; anything else waits for somebody.
    UndoName(Option<Box<UserRecord>>),
}

impl Blame {
    /// What was there before, if it comes back because of this fault.
    fn undoes(&self, fault: &Fault) -> Option<Option<&UserRecord>> {
        match self {
            Self::Undo(former) if fault.kind.turn() == Turn::Sender => Some(former.as_deref()),
            Self::UndoName(former) if fault.kind == Kind::Uniqueness => Some(former.as_deref()),
            _ => None,
        }
    }
}

/// What became of the end that was to be written.
enum Noted {
    /// It is written: this is the record now.
    Written(Box<UserRecord>),
    /// What should be was changed meanwhile: this is the record now, still ours to follow.
    Changed(Box<UserRecord>),
    /// Somebody else took the lease, or the record is gone.
    Lost,
}

impl Reconciler {
    /// What the settings name that the instance does not have, or could not be asked for.
    pub async fn misnamed(&self, now: SystemTime, deadline: Deadline) -> Vec<Fault> {
        self.connect.misnamed(now, deadline).await
    }

    /// Makes the instance behind `connect` follow `roster` by these rules.
    #[must_use]
    pub fn new(
        roster: Arc<dyn Roster>,
        connect: Connect,
        rules: Rules,
        policy: Policy,
        entropy: Box<dyn Fn() -> [u8; 16] + Send + Sync>,
    ) -> Self {
        let digest = digest::digest(&rules, &policy);
        Self {
            roster,
            connect,
            rules,
            policy,
            digest,
            entropy,
            ending: AtomicBool::new(false),
            no_backlog: Mutex::new(None),
        }
    }

    /// Lets the drain begin no record any more: a process that ends leaves none behind that would wait
    /// for its lease to be over.
    pub fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }

    /// Whether the drain begins no record any more.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    /// An id that nobody has.
    #[must_use]
    pub fn new_id(&self) -> Id {
        Id::of((self.entropy)())
    }

    /// The roster.
    #[must_use]
    pub fn roster(&self) -> &dyn Roster {
        self.roster.as_ref()
    }

    /// Follows a record, if nobody else does and it is not followed already.
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
            if record.is_tombstone() {
                if !record.freed_names.is_empty() {
                    self.settle_names(record, now).await?;
                } else if record.schedule.due.is_some_and(|due| due <= now) {
                    let _overtaken = self.roster.erase(id, record.row_version).await?;
                }
                break;
            }
            if record.is_leased(now) || record.is_applied() {
                break;
            }
            record.take_lease(now);
            match self.roster.write(&record).await? {
                Ok(stored) => {
                    record.note_stored(stored);
                    let Held { ended, .. } = self.hold(record, &Blame::Park, None, budget).await?;
                    return Ok(Followed { owner, ended });
                }
                Err(_) => continue,
            }
        }
        Ok(Followed::nothing(owner))
    }

    /// Follows a record whose lease is ours, round by round, until what came of it is written.
    async fn hold(
        &self,
        mut record: UserRecord,
        blame: &Blame,
        password: Option<Password>,
        budget: &mut Budget<'_>,
    ) -> Result<Held, Fault> {
        // Calls must be over when the lease still stands for a while: a call that was given up may
        // have its effect, and nobody else may begin before. `write` may have taken its time.
        let time = record.time_to_work(budget.clock.now());
        budget.deadline = budget.deadline.min(Deadline::after(time));
        let clock = budget.clock;
        // What the sender asked for. If the record is another's meanwhile, a fault is not its to mend.
        let asked_for = record.generation;
        let mut groups = None;
        for round in 1..=ROUNDS {
            // Whether the names that were given up are free now in Connect too.
            let mut follows_names = false;
            let attempt = self.attempt(&mut record, password.as_ref(), &mut groups, budget).await;
            let result = match attempt {
                Ok(applied) => {
                    follows_names = true;
                    Ok(applied)
                }
                Err(Stop::Fault(fault)) => Err(fault),
                Err(Stop::Waits(fault)) => {
                    follows_names = true;
                    Err(fault)
                }
                // What is known of Connect could not be written. The lease runs out, the record is due
                // then, and whoever comes finds the user by its tags.
                Err(Stop::Roster(fault)) => return Err(fault),
                Err(Stop::Lost) => break,
                Err(Stop::Changed) => continue,
                Err(Stop::NotBegun) => {
                    self.release(record, clock).await?;
                    break;
                }
            };
            // Only while the lease is ours: whoever has it since may have made Connect follow.
            if let Err(fault) = &result
                && let Some(former) = blame.undoes(fault)
                && record.generation == asked_for
                && record.is_leased(clock.now())
            {
                let undone = self.undo(record, former, fault, budget).await;
                // Whether it was taken back is unknown, so the sender must not take it for done.
                return Ok(Held::without_record(undone.unwrap_or_else(Ended::Undone), groups));
            }
            // Before the end is written: cut off in between, they are told once more; the other way
            // round, nobody would tell them.
            if follows_names {
                let freed = std::mem::take(&mut record.freed_names);
                self.tell_who_waits(&freed, clock.now()).await?;
            }
            match (self.note(&mut record, &result, clock).await?, result) {
                (Noted::Written(record), Ok(applied)) => {
                    let ended = Ended::Applied(applied);
                    return Ok(Held { ended, record: Some(record), groups });
                }
                (Noted::Written(record), Err(fault)) => {
                    return Ok(Held { ended: Ended::of(fault), record: Some(record), groups });
                }
                (Noted::Changed(newer), _) if round < ROUNDS => record = *newer,
                // Others change it faster than we follow: it goes to the back of the queue.
                (Noted::Changed(newer), _) => self.release(*newer, clock).await?,
                (Noted::Lost, _) => break,
            }
        }
        Ok(Held::without_record(Ended::Pending(None), groups))
    }

    /// Writes down what came of the work, unless the lease was lost.
    ///
    /// The write is on condition of the version that we read, so it fails if anybody wrote meanwhile.
    /// Then the end is not theirs: they asked for something else. What we know of Connect is, and
    /// goes into their record.
    async fn note(
        &self,
        record: &mut UserRecord,
        result: &Result<Applied, Fault>,
        clock: Clock,
    ) -> Result<Noted, Fault> {
        let mut done = record.clone();
        match result {
            Ok(_) => done.settle(&self.digest, clock.now()),
            Err(fault) => done.fail(fault, clock.now()),
        }
        match self.roster.write(&done).await? {
            Ok(stored) => {
                done.note_stored(stored);
                return Ok(Noted::Written(Box::new(done)));
            }
            // No key of ours changed; somebody else's record has one of them now, and says so itself.
            Err(Clash::Taken) => return Ok(Noted::Lost),
            Err(Clash::Moved) => {}
        }
        match result {
            // Connect follows what we asked for, which theirs may be but for a word.
            Ok(_) => record.follows(&self.digest),
            // What time mends is left to time, and to whoever comes then; not before a call whose fate
            // is unknown is over, which the lease says.
            Err(fault) if fault.kind.turn() == Turn::Later => {
                record.lease.until = done.lease.until;
                self.carry_over(record).await?;
                return Ok(Noted::Lost);
            }
            // What somebody has to mend may be mended by what they wrote: the next round tells.
            Err(_) => {}
        }
        self.carry_over(record).await
    }

    /// Writes what is known of Connect into a record that was changed meanwhile.
    ///
    /// Whoever changed it had read it before we knew, and wrote what they had read of Connect. Left so,
    /// a user that was created just now would be nobody's. The fence says that the lease is still
    /// ours, so that nobody else knows better; and what should be is left as they wrote it.
    async fn carry_over(&self, record: &UserRecord) -> Result<Noted, Fault> {
        for _ in 0..TRIES {
            let newer = self.roster.load(&record.id).await?;
            let newer = newer.filter(|newer| newer.lease.fence == record.lease.fence);
            let Some(mut newer) = newer else { return Ok(Noted::Lost) };
            newer.learn(record);
            // We may be about to create a user under the name that they gave.
            if newer.wanted() == Wanted::Active {
                newer.try_name();
            }
            match self.roster.write(&newer).await? {
                Ok(stored) => {
                    newer.note_stored(stored);
                    return Ok(Noted::Changed(Box::new(newer)));
                }
                Err(Clash::Moved) => {}
                Err(Clash::Taken) => return Ok(Noted::Lost),
            }
        }
        Ok(Noted::Lost)
    }

    /// Leaves a record to whoever comes next.
    async fn release(&self, mut record: UserRecord, clock: Clock) -> Result<(), Fault> {
        let now = clock.now();
        record.lease.until = None;
        record.set_due(Some(now));
        // Whoever changed it meanwhile has left it due.
        let _overtaken = self.roster.write(&record).await?;
        Ok(())
    }

    /// Takes back what a sender wrote, unless somebody changed it since.
    ///
    /// The sender is told that nothing came of it, and has to be right. So who is new is erased, unless
    /// there is a user of theirs, which somebody must still answer for; and who was there goes back to
    /// what they were, and Connect with them, since some steps may have been taken. All of it is on
    /// condition of the version: what others wrote since is theirs, and stays.
    async fn undo(
        &self,
        record: UserRecord,
        former: Option<&UserRecord>,
        fault: &Fault,
        budget: &Budget<'_>,
    ) -> Result<Ended, Fault> {
        let now = budget.clock.now();
        let is_held = record.status.user.is_some() || record.status.former_user.is_some();
        let clash = match former {
            None if is_held => {
                let mut parked = record.clone();
                parked.fail(fault, now);
                self.roster.write(&parked).await?.err()
            }
            None => {
                // Nobody is told afterwards if this is cut off in between, so it is in a moment.
                let moment = now.checked_add(A_MOMENT).unwrap_or(now);
                self.tell_who_waits(&record.sought_names(), moment).await?;
                self.roster.erase(&record.id, record.row_version).await?.err()
            }
            Some(former) => {
                let mut back = record.clone();
                back.take_back(former, now);
                back.lease.until = None;
                back.set_due(Some(now));
                self.roster.write(&back).await?.err()
            }
        };
        if clash.is_some() {
            // The content is somebody else's now; what we know of Connect goes with it.
            if let Noted::Changed(newer) = self.carry_over(&record).await? {
                self.release(*newer, budget.clock).await?;
            }
            return Ok(Ended::Undone(changed_meanwhile()));
        }
        if former.is_some() {
            // Steps that were taken already are taken back, now or by the drain. What that costs is not
            // the sender's, who asked for none of it.
            let mut own = budget.apart();
            drop(Box::pin(self.reconcile(&record.id, &mut own)).await);
        }
        Ok(Ended::Undone(fault.clone()))
    }
}

impl Followed {
    /// Nothing was done, and whoever has it sees to it.
    fn nothing(owner: String) -> Self {
        Self { owner, ended: Ended::Pending(None) }
    }
}

impl Held {
    const fn without_record(ended: Ended, groups: Option<Vec<Group>>) -> Self {
        Self { ended, record: None, groups }
    }
}

impl Ended {
    fn of(fault: Fault) -> Self {
        match fault.kind.turn() {
            Turn::Later => Self::Pending(Some(fault)),
            Turn::Nobody | Turn::Operator | Turn::Sender => Self::Parked(fault),
        }
    }
}

impl fmt::Debug for Reconciler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reconciler").field("roster", &self.roster).finish_non_exhaustive()
    }
}

impl Calls {
    pub(crate) fn add(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.time = self.time.saturating_add(other.time);
        if other.last_request_id.is_some() {
            self.last_request_id.clone_from(&other.last_request_id);
        }
    }
}

pub(crate) fn changed_meanwhile() -> Fault {
    Fault::new(
        Kind::Conflict,
        "somebody else changed this person at the same time; repeat the event",
    )
}

/// What is done by the time that this is over is found done.
const A_MOMENT: Duration = Duration::from_secs(5);

/// How long a run may go on after what it writes last.
pub(crate) const WRITING: Duration = Duration::from_millis(300);

#[cfg(test)]
mod tests;
