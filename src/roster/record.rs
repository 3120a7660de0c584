//! What is known of one person: what should be, and how far Connect has followed.
//!
//! A record has parts that are written by different hands, and each part moves as a whole: what
//! senders say ([`Spec`]) is taken back as a whole, what is known of Connect ([`Status`]) is carried
//! over as a whole, and the [`Lease`] and the [`Schedule`] say who works on it and when it is looked at
//! again. So a new field is in one of them, and moves with it.
//!
//! It is stored as it stands here, in form 2, field by field; `docs/record.md` has the table. Form 1
//! is read by `v1`.

mod access;
mod stored_keys;
mod nanos;
mod schedule;
mod spec;
mod status;
mod v1;

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Stored;
use super::key::{Id, Key};
use crate::fault::{Fault, Kind, Responsibility};
use crate::scim::Person;

pub use access::{Access, DesiredState, Given, Heard, Lifecycle, Said, Stamp};
pub use schedule::{DueClass, Lease, Parked, Phase, Schedule};
pub use spec::{AwaitedName, Spec};
pub use status::{ConnectUser, Reapplied, RemovalClaim, Status};
pub use stored_keys::StoredKeys;

/// Who writes a record and does not come to the end is mended after this time.
pub const RETRY_AFTER: Duration = Duration::from_secs(60);

/// A lease lasts so long: longer than what is begun under it ([`WORK`]) and what that may still do
/// in Connect after it was given up ([`QUIET`]).
pub const LEASE: Duration = Duration::from_secs(60);

/// Calls of Connect are begun and ended within this time of a lease.
pub const WORK: Duration = Duration::from_secs(25);

/// A call whose fate is unknown may have its effect for so long; nobody looks before.
pub const QUIET: Duration = Duration::from_secs(30);

/// How long a user that Connect does not show may just not be shown yet, from when we learnt of it.
///
/// "Amazon Connect API Reference", eventual consistency: seconds, sometimes minutes. One that was taken
/// for gone too soon would be created twice, or keep its access unseen.
pub const YOUNG: Duration = Duration::from_mins(15);

/// What a record waits for while an operator has stopped everything but farewells.
pub const PAUSED: &str = "an operator paused everything but farewells";

/// A farewell is tried again after this time at most: whoever left may do whatever they could.
pub const FAREWELL_PAUSE: Duration = Duration::from_secs(30);

/// How long it takes until the end of sessions that Connect refused is asked for again.
pub const SESSIONS_AGAIN: Duration = Duration::from_hours(1);

/// How long a removed person is remembered.
pub const TOMBSTONE_TTL: Duration = Duration::from_hours(30 * 24);

/// One person of the roster, or one who was removed and is still remembered.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct UserRecord {
    /// The form in which it is stored.
    pub form: Form,
    /// The permanent id, which is also the SCIM resource's: 32 hexadecimal digits; fixed.
    pub id: Id,
    /// Counts the writes of this record; every write is on condition of it. 0 is unwritten.
    pub row_version: u64,
    /// The hash of the owner that the person's user bears; fixed.
    pub owner: String,
    /// When it was first written, by our clock; fixed.
    #[serde(with = "nanos")]
    pub created: SystemTime,
    /// Counts what should be: whatever senders, groups or a name that was given on change. What is
    /// taken back counts too, since Connect may follow it already.
    pub generation: u64,
    /// The highest [`Spec::etag`] that there was, also one that was taken back: no other has its
    /// number.
    pub etag_high_water: u64,
    /// What senders say should be.
    pub spec: Spec,
    /// What is known of Connect.
    pub status: Status,
    /// Who works on it.
    pub lease: Lease,
    /// How far it got, and when it is looked at again.
    pub schedule: Schedule,
    /// Names that it went by, or was to go by, and does no more, as long as whoever waits for them is
    /// yet to be told.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub freed_names: Vec<Key>,
    /// What happened to it, the oldest first; nothing personal. Room for a later release: nothing is
    /// written there yet.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub history: Vec<Past>,
    /// By what it is found where it was read; not stored.
    #[serde(skip)]
    pub stored_keys: StoredKeys,
}

/// A time as a record stores it, for whoever reads but a part of one.
#[derive(Deserialize)]
pub(super) struct Nanos(#[serde(with = "nanos")] pub(super) SystemTime);

/// Something that happened to a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// When, by our clock.
    #[serde(with = "nanos")]
    pub time: SystemTime,
    /// What, in a word.
    pub what: String,
}

/// The form in which records are stored: the number 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Form;

impl Form {
    /// Its number. Rows of form 1 have none.
    pub const NUMBER: u64 = 2;
}

impl Serialize for Form {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(Self::NUMBER)
    }
}

impl<'de> Deserialize<'de> for Form {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match u64::deserialize(from)? {
            Self::NUMBER => Ok(Self),
            _ => Err(serde::de::Error::custom(OTHER_FORM)),
        }
    }
}

const OTHER_FORM: &str = "expected a record of form 2 or before, found one of a later form: it was \
    written by a newer build";

impl UserRecord {
    /// A person of whom nothing was known. There may be a user of theirs all the same, from the time
    /// before the roster.
    #[must_use]
    pub fn new(
        id: Id,
        person: Person,
        desired: DesiredState,
        owner: &str,
        now: SystemTime,
    ) -> Self {
        let name = person.user_name().ok().map(str::to_owned);
        Self {
            form: Form,
            id,
            row_version: 0,
            owner: owner.to_owned(),
            created: now,
            generation: 1,
            etag_high_water: 1,
            spec: Spec::new(person, desired, now),
            status: Status { candidate_usernames: name.into_iter().collect(), ..Status::default() },
            lease: Lease::default(),
            schedule: Schedule::pending(now),
            freed_names: Vec::new(),
            history: Vec::new(),
            stored_keys: StoredKeys::default(),
        }
    }

    /// Notes how it is stored, once it was written.
    pub fn note_stored(&mut self, stored: Stored) {
        (self.row_version, self.stored_keys) = (stored.row_version, stored.stored_keys);
    }

    /// Reads a record as it was stored, in whichever form.
    ///
    /// # Errors
    /// If it is none, or of a form that a newer build writes.
    pub fn from_stored(stored: &str) -> Result<Self, serde_json::Error> {
        match Self::form_of(stored)? {
            1 => serde_json::from_str::<v1::Record>(stored).map(Self::from),
            _ => serde_json::from_str(stored),
        }
    }

    /// The form in which a record was stored.
    ///
    /// # Errors
    /// If it is none.
    pub fn form_of(stored: &str) -> Result<u64, serde_json::Error> {
        #[derive(Deserialize)]
        struct Head {
            form: Option<u64>,
        }
        serde_json::from_str(stored).map(|head: Head| head.form.unwrap_or(1))
    }

    /// What should be of the person.
    #[must_use]
    pub fn desired_state(&self) -> DesiredState {
        self.spec.desired_state()
    }

    /// When the newest of what it says happened at the sender's.
    #[must_use]
    pub fn as_of(&self) -> SystemTime {
        self.spec.as_of()
    }

    /// Whether what is said of the access of somebody unknown, as of then, is no newer than what made
    /// this record a tombstone. Of one that was [forgotten](Spec::is_forgotten) the access is
    /// inherited, so whoever has its time has read it.
    #[must_use]
    pub fn outdates(&self, as_of: SystemTime) -> bool {
        let time = self.spec.access.time;
        time > as_of || (time == as_of && !self.spec.is_forgotten)
    }

    /// What only this record may go by. Who is on the way out leaves the names to others.
    #[must_use]
    pub fn keys(&self) -> Vec<Key> {
        let mut keys = vec![Key::owner(&self.owner)];
        if self.desired_state() != DesiredState::Deleted {
            keys.extend(self.names());
        }
        keys
    }

    /// What somebody who is gone went by, if they were this person: also the name as it was written down
    /// before names were folded.
    #[must_use]
    pub fn keys_of_deleted(&self) -> Vec<Key> {
        let user_name = self.spec.person.user_name().ok();
        let lowered = user_name.and_then(Key::lowered_user_name);
        self.keys().into_iter().chain(lowered).collect()
    }

    /// What it is found by among others: its e-mail addresses, its `externalId`, and the name that it
    /// waits for.
    #[must_use]
    pub fn shared_keys(&self) -> Vec<Key> {
        if self.desired_state() == DesiredState::Deleted {
            return Vec::new();
        }
        let addresses = self.spec.person.email_addresses().into_iter().map(Key::email);
        let awaited =
            self.spec.awaited_name.as_ref().map(|awaited| Key::awaited_name(&awaited.key()));
        addresses.chain(external_id(&self.spec.person)).chain(awaited).collect()
    }

    /// What nobody else goes by.
    fn names(&self) -> Vec<Key> {
        let external_id = external_id(&self.spec.person).filter(|_| !self.spec.shares_external_id);
        self.own_name().into_iter().chain(external_id).collect()
    }

    /// The `userName` that the person goes by; none where there is but one that is waited for.
    fn own_name(&self) -> Option<Key> {
        let told = self.spec.person.user_name().ok().map(Key::user_name);
        let awaited = self.spec.awaited_name.as_ref().map(AwaitedName::key);
        told.filter(|told| awaited.as_ref() != Some(told))
    }

    /// Whether there is no name yet that the person goes by, but one that is waited for.
    #[must_use]
    pub fn is_nameless(&self) -> bool {
        self.spec.awaited_name.is_some() && self.own_name().is_none()
    }

    /// Leaves the name that the person was given just now to whoever has it, and waits for it. The
    /// person goes on by the name of `known`, if there was one.
    pub fn await_name(&mut self, known: Option<&Self>, now: SystemTime) {
        let Ok(name) = self.spec.person.user_name().map(str::to_owned) else { return };
        let known = known.filter(|known| known.id == self.id);
        let known = known.filter(|known| !known.is_nameless());
        if let Some(former) = known.and_then(|known| known.spec.person.user_name().ok()) {
            self.spec.person.rename(former.to_owned());
        }
        self.spec.awaited_name = Some(AwaitedName { name, since: now });
    }

    /// Goes on waiting for a name where it was said again, and no longer where another was said.
    pub fn merge_awaited_name(&mut self, known: &Self) {
        let Some(awaited) = &known.spec.awaited_name else { return };
        let told = self.spec.person.user_name().ok().map(Key::user_name);
        if told != Some(awaited.key()) {
            self.spec.awaited_name = None;
        } else if !known.is_nameless()
            && let Ok(former) = known.spec.person.user_name()
        {
            self.spec.person.rename(former.to_owned());
        }
    }

    /// Goes on waiting for a name unless a client wrote another one than it was shown.
    pub fn keep_awaited_name(&mut self, known: &Self) {
        let told = |record: &Self| record.spec.person.user_name().ok().map(Key::user_name);
        if told(self) != told(known) {
            self.spec.awaited_name = None;
        }
    }

    /// Takes the name that was waited for.
    pub fn grant_awaited_name(&mut self, now: SystemTime) {
        if let Some(AwaitedName { name, .. }) = self.spec.awaited_name.take() {
            self.spec.person.rename(name);
            self.changed(now);
        }
    }

    /// Gives the person's name up for the one that is waited for, which is not free yet: of people who wait
    /// for each other's names one has to.
    pub fn give_up_name(&mut self, now: SystemTime) {
        if let Some(AwaitedName { name, .. }) = &self.spec.awaited_name {
            self.spec.person.rename(name.clone());
            self.changed(now);
        }
    }

    /// Notes which names are free now that were this one's in `known`, or waited for.
    pub fn free_names(&mut self, known: &Self) {
        let own = if self.desired_state() == DesiredState::Deleted {
            Vec::new()
        } else {
            self.sought_names()
        };
        let freed = known.sought_names().into_iter().filter(|key| !own.contains(key));
        let freed: Vec<_> = freed.filter(|key| !self.freed_names.contains(key)).collect();
        self.freed_names.extend(freed);
    }

    /// The names that the person goes by or waits for.
    #[must_use]
    pub fn sought_names(&self) -> Vec<Key> {
        self.own_name()
            .into_iter()
            .chain(self.spec.awaited_name.as_ref().map(AwaitedName::key))
            .collect()
    }

    /// Whether somebody works on it, or a farewell that was cut off may yet have its effect on somebody
    /// who works again.
    #[must_use]
    pub fn is_leased(&self, now: SystemTime) -> bool {
        self.lease.until.is_some_and(|until| until > now) || self.quiet_until(now).is_some()
    }

    /// Until when a farewell of unknown fate may yet take power from somebody who is to work.
    #[must_use]
    pub fn quiet_until(&self, now: SystemTime) -> Option<SystemTime> {
        let works = self.desired_state() == DesiredState::Active;
        self.lease.quiet_until.filter(|until| works && *until > now)
    }

    /// How long the lease still allows calls of Connect to be begun and ended.
    #[must_use]
    pub fn time_to_work(&self, now: SystemTime) -> Duration {
        let after_work = LEASE.saturating_sub(WORK);
        let until = self.lease.until.and_then(|until| until.checked_sub(after_work));
        until.and_then(|until| until.duration_since(now).ok()).unwrap_or_default()
    }

    /// Whether what it says may yet be taken back, because Connect is just being asked.
    #[must_use]
    pub fn is_tentative(&self, now: SystemTime) -> bool {
        self.is_leased(now) && self.schedule.phase == Phase::Pending && self.schedule.attempts == 0
    }

    /// Whether Connect follows what it says now.
    #[must_use]
    pub fn is_applied(&self) -> bool {
        self.schedule.phase == Phase::Applied && self.status.observed_generation == self.generation
    }

    /// Whether the person was removed, from Connect too.
    #[must_use]
    pub fn is_tombstone(&self) -> bool {
        self.desired_state() == DesiredState::Deleted && self.is_applied()
    }

    /// Notes that what should be has changed: whatever happens now, it is looked at again.
    pub fn changed(&mut self, now: SystemTime) {
        self.generation = self.generation.saturating_add(1);
        self.etag_high_water = self.etag_high_water.max(self.spec.etag).saturating_add(1);
        self.spec.etag = self.etag_high_water;
        self.spec.modified = now;
        // What an operator shut out stays so, whatever is said meanwhile.
        self.schedule.guard_waived &=
            self.spec.access.is_doubtful && self.desired_state() == DesiredState::Inactive;
        self.reopen(now);
    }

    /// Notes that something besides the person has changed, which no client sees: a group they are in.
    pub fn bump_generation(&mut self, now: SystemTime) {
        self.generation = self.generation.saturating_add(1);
        self.reopen(now);
        if !self.is_leased(now) {
            self.set_due(Some(now));
        }
    }

    /// Notes that Connect does not follow yet, though nothing has changed.
    pub fn reopen(&mut self, now: SystemTime) {
        self.set_pending(now);
        (self.schedule.attempts, self.schedule.waits_for) = (0, None);
        self.set_due(now.checked_add(RETRY_AFTER));
    }

    /// Notes that Connect does not follow; who was pending already has been since then.
    pub fn set_pending(&mut self, now: SystemTime) {
        self.schedule.phase = Phase::Pending;
        self.schedule.pending_since.get_or_insert(now);
    }

    /// Since when Connect does not follow, of a record that is pending.
    #[must_use]
    pub fn pending_since(&self) -> Option<SystemTime> {
        let since = self.schedule.pending_since.unwrap_or(self.spec.modified);
        (self.schedule.phase == Phase::Pending).then_some(since)
    }

    /// Whether the person does not work though nobody said so: there is no reason to.
    #[must_use]
    pub fn lacks_reason(&self) -> bool {
        self.desired_state() == DesiredState::Inactive
            && self.spec.access.lifecycle == Lifecycle::Enabled
    }

    /// Whether nothing is done for this record before an operator ends a pause: of whoever left the power
    /// was taken already.
    #[must_use]
    pub fn waits_for_resume(&self) -> bool {
        let waits_for = self.schedule.waits_for.as_deref();
        !self.is_farewell() || waits_for.is_some_and(|what| what.starts_with(PAUSED))
    }

    /// Whether somebody is to lose their access whom a sender asked in before: not so of somebody
    /// unknown who left, who comes after every farewell that may shut a door.
    #[must_use]
    pub fn is_farewell(&self) -> bool {
        let is_stranger = self.spec.never_joined && !self.status.had_user;
        self.desired_state() != DesiredState::Active && !is_stranger && !self.is_applied()
    }

    /// Says when it is looked at again. Farewells come first of those that are due; who is gone from
    /// Connect already has nothing more to lose.
    pub fn set_due(&mut self, due: Option<SystemTime>) {
        self.schedule.class = match due {
            Some(_) if self.is_farewell() => DueClass::Farewell,
            _ => DueClass::Ordinary,
        };
        self.schedule.due = due;
    }

    /// Takes the lease; who has it and does not come to the end leaves the record due when it is over.
    /// The fence tells who has it from who had it before.
    pub fn take_lease(&mut self, now: SystemTime) {
        self.lease.fence = self.lease.fence.saturating_add(1);
        self.lease.until = now.checked_add(LEASE);
        self.lease.quiet_until = self.lease.quiet_until.filter(|until| *until > now);
        self.set_due(self.lease.until);
        // Whoever had the lease before and came to no end may have sent a CreateUser.
        let before = self.status.create_reserved.take();
        self.status.create_unknown = self.status.create_unknown.max(before);
        if self.desired_state() == DesiredState::Active {
            self.reserve_username();
            self.status.create_reserved = Some(now);
        }
    }

    /// Notes that a user may be created under the person's name, before it is.
    pub fn reserve_username(&mut self) {
        let name = self.spec.person.user_name().ok().filter(|_| !self.is_nameless());
        let candidates = &mut self.status.candidate_usernames;
        if let Some(name) = name.filter(|name| !candidates.iter().any(|tried| tried == name)) {
            candidates.push(name.to_owned());
        }
    }

    /// Notes a user that is there; one of before is a former one from now on.
    pub fn set_user(&mut self, held: ConnectUser) {
        self.status.had_user = true;
        let before = self.status.user.replace(held);
        if let Some(before) = before.filter(|before| self.status.is_unknown_user(&before.ids)) {
            self.status.former_user = Some(before);
        }
    }

    /// Takes over from another state of this record what is known of Connect, and who works on it.
    pub fn carry_status_from(&mut self, other: &Self) {
        self.status.clone_from(&other.status);
        self.lease = other.lease;
    }

    /// Takes back what senders said, to what `former` says. Connect may follow what is taken back
    /// already, so that is a change of what should be; for clients nothing has changed.
    pub fn roll_back_to(&mut self, former: &Self, now: SystemTime) {
        let refused = self.clone();
        self.changed(now);
        self.spec.clone_from(&former.spec);
        self.free_names(&refused);
    }

    /// Notes that the person shall be gone, as of then. What they went by is kept as hashes.
    pub fn mark_deleted(&mut self, as_of: SystemTime) {
        self.leave_names();
        self.spec.access.set(DesiredState::Deleted, as_of, None);
    }

    /// Keeps what the person went by as hashes alone. Called before the person is marked as removed,
    /// since whoever is removed goes by nothing.
    pub fn leave_names(&mut self) {
        if self.desired_state() != DesiredState::Deleted {
            self.spec.tombstone_keys = self.names();
        }
        self.spec.awaited_name = None;
    }

    /// Notes that Connect follows; nothing personal is left of who is gone.
    pub fn settle(&mut self, rules: &str, now: SystemTime) {
        self.follows(rules);
        if self.desired_state() == DesiredState::Active {
            // Who works again is signed in by right, as the user of now.
            let own = self.status.user.as_ref().map(|user| user.ids.id.as_str());
            self.status.sessions_owed.retain(|id| Some(id.as_str()) != own);
        }
        self.schedule.phase = Phase::Applied;
        (self.schedule.attempts, self.lease.until) = (0, None);
        (self.schedule.waits_for, self.schedule.pending_since) = (None, None);
        (self.schedule.guard_waived, self.schedule.adoption_confirmed) = (false, false);
        self.status.had_user |= self.status.user.is_some();
        if self.spec.never_joined
            && self.status.user.is_none()
            && self.desired_state() != DesiredState::Deleted
        {
            let known = self.clone();
            self.leave_names();
            self.spec.is_forgotten = true;
            self.free_names(&known);
        }
        let sessions = self.owes_sessions().then(|| now.checked_add(SESSIONS_AGAIN)).flatten();
        self.set_due(sessions.into_iter().chain(self.looks_again()).min());
        if self.desired_state() == DesiredState::Deleted {
            (self.spec.person, self.spec.external_ids) = (Person::default(), BTreeMap::new());
            (self.status.user, self.status.former_user) = (None, None);
            self.status.candidate_usernames.clear();
            self.status.create_unknown = None;
            // Who waits for the name is told first.
            let is_told = self.freed_names.is_empty();
            let rest = if self.owes_sessions() { SESSIONS_AGAIN } else { TOMBSTONE_TTL };
            self.set_due(if is_told { now.checked_add(rest) } else { Some(now) });
        }
    }

    /// When it is looked once more for users that a CreateUser of unknown fate may have made, though
    /// Connect follows: they were not found, and may just not be shown yet.
    #[must_use]
    pub fn looks_again(&self) -> Option<SystemTime> {
        let is_done = self.status.candidate_usernames.is_empty() || !self.is_applied();
        self.status.create_unknown.filter(|_| !is_done)?.checked_add(YOUNG)
    }

    /// Whether Connect refused to end sessions of somebody who left. It keeps no record pending, and is
    /// tried again once an hour.
    #[must_use]
    pub fn owes_sessions(&self) -> bool {
        self.schedule.phase == Phase::Applied && !self.status.sessions_owed.is_empty()
    }

    /// Notes whose sessions are still owed after another try, and after what time it is tried again.
    pub fn settle_sessions(&mut self, owed: Vec<String>, again: Duration, now: SystemTime) {
        self.status.sessions_owed = owed;
        let again = match (self.owes_sessions(), self.is_tombstone()) {
            // Who waits for the name is told first.
            (_, true) if !self.freed_names.is_empty() => Some(Duration::ZERO),
            (true, _) => Some(again),
            (false, true) => Some(TOMBSTONE_TTL),
            (false, false) => None,
        };
        self.set_due(again.and_then(|again| now.checked_add(again)));
    }

    /// Notes that Connect follows this revision, whatever came since.
    pub fn follows(&mut self, rules: &str) {
        self.status.observed_generation = self.generation;
        self.status.config_digest = rules.to_owned();
        (self.status.removal_claim, self.status.adopting) = (None, false);
        self.status.create_reserved = None;
        let (is_unknown, user) = (self.status.create_unknown.is_some(), &self.status.user);
        let own = user.as_ref().and_then(|user| user.username.as_ref());
        self.status.candidate_usernames.retain(|name| is_unknown && Some(name) != own);
        if self.status.candidate_usernames.is_empty() {
            self.status.create_unknown = None;
        }
    }

    /// Notes why Connect does not follow. What time mends is tried again soon and then less often;
    /// what the operator mends, less often still; anything else, when somebody says so.
    pub fn fail(&mut self, fault: &Fault, now: SystemTime) {
        let turn = fault.kind.responsibility();
        self.lease.until = None;
        if let Some(reserved) = self.status.create_reserved.take()
            && fault.kind == Kind::Unavailable
        {
            self.status.create_unknown = self.status.create_unknown.max(Some(reserved.max(now)));
        }
        let exponent = self.schedule.attempts.min(16);
        // Whom a throttle made wait has not been tried.
        if !(self.is_farewell() && fault.kind == Kind::Throttled) {
            self.schedule.attempts = self.schedule.attempts.saturating_add(1);
        }
        let (first, most) = match turn {
            Responsibility::Retry if self.is_farewell() => (Duration::from_secs(1), FAREWELL_PAUSE),
            _ if self.is_farewell() => (FAREWELL_PAUSE, FAREWELL_PAUSE),
            Responsibility::Retry => (Duration::from_secs(1), Duration::from_mins(15)),
            _ => (Duration::from_mins(5), Duration::from_hours(1)),
        };
        let pause = first.saturating_mul(1_u32 << exponent).min(most);
        let again = turn == Responsibility::Retry || fault.kind.is_tried_again();
        // Whoever left is tried again whatever it was, but for what waits for the operator's word.
        let again = again || (self.is_farewell() && fault.kind != Kind::RemovalHeld);
        let mut due = now.checked_add(pause).filter(|_| again);
        if fault.kind == Kind::RemovalHeld && !self.status.candidate_usernames.is_empty() {
            // Users who may just not be shown yet are looked for once more, whoever is held.
            let sent = self.status.create_unknown.and_then(|sent| sent.checked_add(YOUNG));
            due = sent.filter(|again| *again > now);
        }
        // What a farewell does may be done twice, so the next one need not wait for its effect.
        if fault.kind == Kind::Unavailable && self.is_farewell() {
            self.lease.quiet_until = now.checked_add(QUIET);
        } else if fault.kind == Kind::Unavailable {
            self.lease.until = now.checked_add(QUIET);
            due = due.max(self.lease.until);
        }
        (self.schedule.phase, self.schedule.waits_for) = match turn {
            Responsibility::Retry => (Phase::Pending, Some(by_itself(&fault.detail))),
            _ => (Phase::Parked(Parked::from(fault)), None),
        };
        let since = self.schedule.pending_since.unwrap_or(now);
        self.schedule.pending_since = (self.schedule.phase == Phase::Pending).then_some(since);
        self.set_due(due);
    }
}

/// Says whose it is and how far it got, and nothing of the person.
impl fmt::Debug for UserRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("UserRecord")
            .field("id", &self.id)
            .field("row_version", &self.row_version)
            .field("desired_state", &self.desired_state())
            .field("generation", &self.generation)
            .field("observed_generation", &self.status.observed_generation)
            .field("phase", &self.schedule.phase)
            .finish_non_exhaustive()
    }
}

/// What a fault says is the matter, without what it tells a sender to do: who reads it here has nothing
/// to repeat.
fn by_itself(detail: &str) -> String {
    let matter = detail.split(';').next().unwrap_or_default();
    format!("{matter}; it is tried again by itself")
}

const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Whether there is nothing in it.
fn is_empty<'a, T>(collection: &'a T) -> bool
where
    &'a T: IntoIterator,
{
    collection.into_iter().next().is_none()
}

fn external_id(person: &Person) -> Option<Key> {
    person.external_id().ok().flatten().map(Key::external_id)
}

#[cfg(test)]
mod tests;
