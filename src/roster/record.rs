//! What is known of one person: what should be, and how far Connect has followed.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::key::{Id, Key};
use crate::connect::UserIds;
use crate::fault::{Fault, Kind, Turn};
use crate::scim::Person;

/// Who writes a record and does not come to the end is mended after this time.
pub const MENDED_AFTER: Duration = Duration::from_secs(60);

/// A lease lasts so long: longer than what is begun under it ([`WORK`]) and what that may still do
/// in Connect after it was given up ([`QUIET`]).
pub const LEASE: Duration = Duration::from_secs(60);

/// Calls of Connect are begun and ended within this time of a lease.
pub const WORK: Duration = Duration::from_secs(25);

/// A call whose fate is unknown may have its effect for so long; nobody looks before.
pub const QUIET: Duration = Duration::from_secs(30);

/// How long a removed person is remembered.
pub const MEMORY: Duration = Duration::from_hours(30 * 24);

/// One person of the roster, or one who was removed and is still remembered.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The permanent id.
    pub id: Id,
    /// Counts the writes of this record; every write is on condition of it. 0 is unwritten.
    pub version: u64,
    /// The resource as it was sent, less `password`; empty once the person is removed.
    pub person: Person,
    /// What should be.
    pub wanted: Wanted,
    /// Whether nobody ever asked for this person to join: somebody unknown left, and may have a user
    /// from the time before the roster.
    pub stranger: bool,
    /// Whether another person goes by the same `externalId`, and had it before; only SCIM clients may
    /// give it twice.
    #[serde(default)]
    pub shares_external_id: bool,
    /// The hash of the owner that the person's user bears; fixed with the record.
    pub owner: String,
    /// The `userName` that the person is to have once nobody else here has it any more.
    #[serde(default)]
    pub wish: Option<Wish>,
    /// What it went by, or was to go by, and does no more; whoever waits for it is yet to be told.
    #[serde(default)]
    pub freed: Vec<Key>,
    /// What a removed person went by.
    pub marks: Vec<Key>,
    /// The person's user in Connect.
    pub user: Option<Held>,
    /// The user of a former name, until it is removed.
    pub former: Option<Held>,
    /// Usernames under which CreateUser may have been sent with nobody knowing what became of it.
    pub tried: Vec<String>,
    /// Counts what senders have changed.
    pub revision: u64,
    /// The revision that Connect follows.
    pub applied: u64,
    /// Counts what a client sees changed.
    #[serde(default)]
    pub edition: u64,
    /// The last edition that there was, also one that was taken back: no other has its number.
    #[serde(default)]
    pub last_edition: u64,
    /// Counts the leases.
    pub fence: u64,
    /// Until when somebody works on it.
    pub leased_until: Option<SystemTime>,
    /// How far it got.
    pub state: State,
    /// How often it failed since it was last written.
    pub attempts: u32,
    /// What time has to mend, where it is pending for that; nothing personal.
    #[serde(default)]
    pub waits_for: Option<String>,
    /// Since when Connect does not follow, while it is pending.
    #[serde(default)]
    pub pending_since: Option<SystemTime>,
    /// When it is to be looked at again.
    pub due: Option<SystemTime>,
    /// When what it says happened at the sender's.
    pub as_of: SystemTime,
    /// When it was first written.
    pub created: SystemTime,
    /// When a sender last changed it.
    pub modified: SystemTime,
    /// The digest of the rules by which Connect follows.
    pub rules: String,
    /// Which removal was counted, by operation and Connect's id, and when, so that a repeat is not
    /// counted again.
    pub counted: Option<(String, SystemTime)>,
    /// Whether an operator let this removal through.
    pub released: bool,
    /// Whether a user whom somebody else had made is becoming ours.
    pub adopting: bool,
    /// By operation, a hash of the call and how often it was made without its effect being there at
    /// the next look.
    pub stubborn: BTreeMap<String, (String, u8)>,
    /// Whether somebody ever had a user in Connect by way of this record. Where it was written before
    /// this was noted, that is taken for granted.
    #[serde(default = "yes")]
    pub had_user: bool,
}

const fn yes() -> bool {
    true
}

/// A `userName` that somebody else here has, told by a sender that cannot tell it again. The person
/// goes by the former one until then; who has none goes by no name.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// The name, byte for byte.
    pub name: String,
    /// Since when it is waited for: who came first is first.
    pub since: SystemTime,
}

impl Wish {
    /// What its holder goes by.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::user_name(&self.name)
    }
}

/// What should be of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wanted {
    /// A user who works.
    Active,
    /// What the operator decided for those who left.
    Inactive,
    /// Nothing, and the person forgotten.
    Gone,
}

/// How far Connect has followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// It holds what it should.
    Applied,
    /// Somebody must act first.
    Parked(Parked),
    /// It does not yet.
    Pending,
}

/// Why a record waits for somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// The fault's code.
    pub fault: String,
    /// Whose turn it is.
    pub turn: String,
    /// What was expected, what was found; nothing personal.
    pub detail: String,
    /// What only the log may know.
    pub cause: Option<String>,
}

impl From<&Fault> for Parked {
    fn from(fault: &Fault) -> Self {
        Self {
            fault: fault.kind.code().to_owned(),
            turn: fault.kind.turn().name().to_owned(),
            detail: fault.detail.to_string(),
            cause: fault.cause.as_ref().map(ToString::to_string),
        }
    }
}

/// A user that Connect holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// What Connect calls it.
    pub ids: UserIds,
    /// Since when we know of it.
    pub since: SystemTime,
}

impl Record {
    /// A person of whom nothing was known. There may be a user of theirs all the same, from the time
    /// before the roster.
    #[must_use]
    pub fn new(id: Id, person: Person, wanted: Wanted, owner: &str, now: SystemTime) -> Self {
        let tried = person.user_name().map(|name| vec![name.to_owned()]).unwrap_or_default();
        Self {
            id,
            version: 0,
            person,
            wanted,
            stranger: false,
            shares_external_id: false,
            owner: owner.to_owned(),
            wish: None,
            freed: Vec::new(),
            marks: Vec::new(),
            user: None,
            former: None,
            tried,
            revision: 1,
            applied: 0,
            edition: 1,
            last_edition: 1,
            fence: 0,
            leased_until: None,
            state: State::Pending,
            attempts: 0,
            waits_for: None,
            pending_since: Some(now),
            due: None,
            as_of: now,
            created: now,
            modified: now,
            rules: String::new(),
            counted: None,
            released: false,
            adopting: false,
            stubborn: BTreeMap::new(),
            had_user: false,
        }
    }

    /// What only this record may go by. Who is on the way out leaves the names to others.
    #[must_use]
    pub fn keys(&self) -> Vec<Key> {
        let mut keys = vec![Key::owner(&self.owner)];
        if self.wanted != Wanted::Gone {
            keys.extend(self.names());
        }
        keys
    }

    /// What somebody who is gone went by, if they were this person: also the name as it was written down
    /// before names were folded.
    #[must_use]
    pub fn keys_of_gone(&self) -> Vec<Key> {
        let user_name = self.person.user_name().ok();
        let lowered = user_name.and_then(Key::lowered_user_name);
        self.keys().into_iter().chain(lowered).collect()
    }

    /// What it is found by among others: its e-mail addresses, its `externalId`, and the name that it
    /// waits for.
    #[must_use]
    pub fn shared_keys(&self) -> Vec<Key> {
        if self.wanted == Wanted::Gone {
            return Vec::new();
        }
        let addresses = self.person.email_addresses().into_iter().map(Key::email);
        let wish = self.wish.as_ref().map(|wish| Key::wish(&wish.key()));
        addresses.chain(external_id(&self.person)).chain(wish).collect()
    }

    /// What nobody else goes by.
    fn names(&self) -> Vec<Key> {
        let external_id = external_id(&self.person).filter(|_| !self.shares_external_id);
        self.own_name().into_iter().chain(external_id).collect()
    }

    /// The `userName` that the person goes by; none where there is but one that is waited for.
    fn own_name(&self) -> Option<Key> {
        let told = self.person.user_name().ok().map(Key::user_name);
        let wished = self.wish.as_ref().map(Wish::key);
        told.filter(|told| wished.as_ref() != Some(told))
    }

    /// Whether there is no name yet that the person goes by, but one that is waited for.
    #[must_use]
    pub fn is_nameless(&self) -> bool {
        self.wish.is_some() && self.own_name().is_none()
    }

    /// Leaves the name that the person was given just now to whoever has it, and waits for it. The
    /// person goes on by the name of `known`, if there was one.
    pub fn wait_for_name(&mut self, known: Option<&Self>, now: SystemTime) {
        let Ok(name) = self.person.user_name().map(str::to_owned) else { return };
        let known = known.filter(|known| known.id == self.id);
        let known = known.filter(|known| !known.is_nameless());
        if let Some(former) = known.and_then(|known| known.person.user_name().ok()) {
            self.person.rename(former.to_owned());
        }
        self.wish = Some(Wish { name, since: now });
    }

    /// Goes on waiting for a name where it was said again, and no longer where another was said.
    pub fn weigh_wish(&mut self, known: &Self) {
        let Some(wish) = &known.wish else { return };
        let told = self.person.user_name().ok().map(Key::user_name);
        if told != Some(wish.key()) {
            self.wish = None;
        } else if !known.is_nameless()
            && let Ok(former) = known.person.user_name()
        {
            self.person.rename(former.to_owned());
        }
    }

    /// Goes on waiting for a name unless a client wrote another one than it was shown.
    pub fn keep_wish(&mut self, known: &Self) {
        let told = |record: &Self| record.person.user_name().ok().map(Key::user_name);
        if told(self) != told(known) {
            self.wish = None;
        }
    }

    /// Takes the name that was waited for.
    pub fn grant_wish(&mut self, now: SystemTime) {
        if let Some(Wish { name, .. }) = self.wish.take() {
            self.person.rename(name);
            self.changed(now);
        }
    }

    /// Notes which names are free now that were this one's in `known`, or waited for.
    pub fn free_names(&mut self, known: &Self) {
        let own = if self.wanted == Wanted::Gone { Vec::new() } else { self.sought_names() };
        let freed = known.sought_names().into_iter().filter(|key| !own.contains(key));
        let freed: Vec<_> = freed.filter(|key| !self.freed.contains(key)).collect();
        self.freed.extend(freed);
    }

    /// The names that the person goes by or waits for.
    #[must_use]
    pub fn sought_names(&self) -> Vec<Key> {
        self.own_name().into_iter().chain(self.wish.as_ref().map(Wish::key)).collect()
    }

    /// Whether somebody works on it.
    #[must_use]
    pub fn is_leased(&self, now: SystemTime) -> bool {
        self.leased_until.is_some_and(|until| until > now)
    }

    /// How long the lease still allows calls of Connect to be begun and ended.
    #[must_use]
    pub fn time_to_work(&self, now: SystemTime) -> Duration {
        let after_work = LEASE.saturating_sub(WORK);
        let until = self.leased_until.and_then(|until| until.checked_sub(after_work));
        until.and_then(|until| until.duration_since(now).ok()).unwrap_or_default()
    }

    /// Whether what it says may yet be taken back, because Connect is just being asked.
    #[must_use]
    pub fn is_tentative(&self, now: SystemTime) -> bool {
        self.is_leased(now) && self.state == State::Pending && self.attempts == 0
    }

    /// Whether Connect follows what it says now.
    #[must_use]
    pub fn is_applied(&self) -> bool {
        self.state == State::Applied && self.applied == self.revision
    }

    /// Whether the person was removed, from Connect too.
    #[must_use]
    pub fn is_tombstone(&self) -> bool {
        self.wanted == Wanted::Gone && self.is_applied()
    }

    /// Notes that what should be has changed: whatever happens now, it is looked at again.
    pub fn changed(&mut self, now: SystemTime) {
        self.revision = self.revision.saturating_add(1);
        self.last_edition = self.last_edition.max(self.edition).saturating_add(1);
        self.edition = self.last_edition;
        self.modified = now;
        self.released = false;
        self.reopen(now);
    }

    /// Notes that something besides the person has changed, which no client sees: a group they are in.
    pub fn mark(&mut self, now: SystemTime) {
        self.revision = self.revision.saturating_add(1);
        self.reopen(now);
        if !self.is_leased(now) {
            self.due = Some(now);
        }
    }

    /// Notes that Connect does not follow yet, though nothing has changed.
    pub fn reopen(&mut self, now: SystemTime) {
        self.pend(now);
        (self.attempts, self.waits_for) = (0, None);
        self.due = now.checked_add(MENDED_AFTER);
    }

    /// Notes that Connect does not follow; who was pending already has been since then.
    pub fn pend(&mut self, now: SystemTime) {
        self.state = State::Pending;
        self.pending_since.get_or_insert(now);
    }

    /// Since when Connect does not follow, of a record that is pending.
    #[must_use]
    pub fn pending_since(&self) -> Option<SystemTime> {
        let since = self.pending_since.unwrap_or(self.modified);
        (self.state == State::Pending).then_some(since)
    }

    /// Takes the lease; who has it and does not come to the end leaves the record due when it is over.
    /// The fence tells who has it from who had it before.
    pub fn lease(&mut self, now: SystemTime) {
        self.fence = self.fence.saturating_add(1);
        self.leased_until = now.checked_add(LEASE);
        self.due = self.leased_until;
        if self.wanted == Wanted::Active {
            self.try_name();
        }
    }

    /// Notes that a user may be created under the person's name, before it is.
    pub fn try_name(&mut self) {
        let name = self.person.user_name().ok().filter(|_| !self.is_nameless());
        if let Some(name) = name.filter(|name| !self.tried.iter().any(|tried| tried == name)) {
            self.tried.push(name.to_owned());
        }
    }

    /// Notes a user that is there; one of before is a former one from now on.
    pub fn has_user(&mut self, held: Held) {
        self.had_user = true;
        let before = self.user.replace(held);
        if let Some(before) = before.filter(|before| self.has_not(&before.ids)) {
            self.former = Some(before);
        }
    }

    /// Whether a user is none of those that are written down.
    #[must_use]
    pub fn has_not(&self, ids: &UserIds) -> bool {
        [&self.user, &self.former].into_iter().flatten().all(|held| held.ids != *ids)
    }

    /// Takes over from another state of this record what is known of Connect.
    pub fn learn(&mut self, other: &Self) {
        self.user.clone_from(&other.user);
        self.former.clone_from(&other.former);
        self.tried.clone_from(&other.tried);
        self.stubborn.clone_from(&other.stubborn);
        self.counted.clone_from(&other.counted);
        self.adopting = other.adopting;
        self.had_user |= other.had_user;
        self.applied = other.applied;
        self.rules.clone_from(&other.rules);
        self.leased_until = other.leased_until;
    }

    /// Notes that the person shall be gone. What they went by is kept as hashes.
    pub fn leave_for_good(&mut self) {
        self.marks = self.names();
        self.wanted = Wanted::Gone;
        self.wish = None;
    }

    /// Notes that Connect follows; nothing personal is left of who is gone.
    pub fn settle(&mut self, rules: &str, now: SystemTime) {
        self.follows(rules);
        self.state = State::Applied;
        (self.attempts, self.due, self.leased_until) = (0, None, None);
        (self.waits_for, self.pending_since) = (None, None);
        self.released = false;
        self.had_user |= self.user.is_some();
        if self.stranger && self.user.is_none() && self.wanted != Wanted::Gone {
            let known = self.clone();
            self.leave_for_good();
            self.free_names(&known);
        }
        if self.wanted == Wanted::Gone {
            self.person = Person::default();
            (self.user, self.former) = (None, None);
            // Who waits for the name is told first.
            self.due = if self.freed.is_empty() { now.checked_add(MEMORY) } else { Some(now) };
        }
    }

    /// Notes that Connect follows this revision, whatever came since.
    pub fn follows(&mut self, rules: &str) {
        self.applied = self.revision;
        self.rules = rules.to_owned();
        (self.counted, self.adopting) = (None, false);
        self.tried.clear();
    }

    /// Notes why Connect does not follow. What time mends is tried again soon and then less often;
    /// what the operator mends, less often still; anything else, when somebody says so.
    pub fn fail(&mut self, fault: &Fault, now: SystemTime) {
        let turn = fault.kind.turn();
        self.leased_until = None;
        let exponent = self.attempts.min(16);
        self.attempts = self.attempts.saturating_add(1);
        let (first, most) = match turn {
            Turn::Later => (Duration::from_secs(1), Duration::from_mins(15)),
            _ => (Duration::from_mins(5), Duration::from_hours(1)),
        };
        let pause = first.saturating_mul(1_u32 << exponent).min(most);
        let again = turn == Turn::Later || fault.kind.is_tried_again();
        self.due = now.checked_add(pause).filter(|_| again);
        if fault.kind == Kind::Unavailable {
            self.leased_until = now.checked_add(QUIET);
            self.due = self.due.max(self.leased_until);
        }
        (self.state, self.waits_for) = match turn {
            Turn::Later => (State::Pending, Some(by_itself(&fault.detail))),
            _ => (State::Parked(Parked::from(fault)), None),
        };
        let since = self.pending_since.unwrap_or(now);
        self.pending_since = (self.state == State::Pending).then_some(since);
    }
}

/// Says whose it is and how far it got, and nothing of the person.
impl fmt::Debug for Record {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Record")
            .field("id", &self.id)
            .field("version", &self.version)
            .field("wanted", &self.wanted)
            .field("revision", &self.revision)
            .field("applied", &self.applied)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// What a fault says is the matter, without what it tells a sender to do: who reads it here has nothing
/// to repeat.
fn by_itself(detail: &str) -> String {
    let matter = detail.split(';').next().unwrap_or_default();
    format!("{matter}; it is tried again by itself")
}

fn external_id(person: &Person) -> Option<Key> {
    person.external_id().ok().flatten().map(Key::external_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap()
    }

    fn record() -> Record {
        Record::new(Id::of([1; 16]), Person::default(), Wanted::Active, "o", at(0))
    }

    fn pauses(kind: Kind, times: usize) -> Vec<u64> {
        let mut record = record();
        let pause = |_| {
            record.fail(&Fault::new(kind, "x"), at(0));
            record.due.map_or(0, |due| due.duration_since(at(0)).unwrap().as_secs())
        };
        (0..times).map(pause).collect()
    }

    #[test]
    fn what_time_mends_is_tried_soon_and_then_less_often() {
        let expected = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900];
        assert_eq!(pauses(Kind::Throttled, 12), expected);
        assert_eq!(pauses(Kind::Unavailable, 7), [30, 30, 30, 30, 30, 32, 64], "and not at once");
    }

    #[test]
    fn what_the_operator_mends_is_tried_less_often_and_what_he_decides_never() {
        for kind in [Kind::Configuration, Kind::QuotaFull] {
            assert_eq!(pauses(kind, 6), [300, 600, 1200, 2400, 3600, 3600], "{kind:?}");
        }
        for kind in [
            Kind::RemovalHeld,
            Kind::Missing,
            Kind::Renamed,
            Kind::Unequal,
            Kind::Uniqueness,
            Kind::InvalidValue,
            Kind::Bug,
        ] {
            assert_eq!(pauses(kind, 2), [0, 0], "{kind:?}");
        }
    }

    #[test]
    fn nobody_looks_while_a_call_may_still_have_its_effect() {
        let mut record = record();
        record.lease(at(0));
        record.fail(&Fault::new(Kind::Unavailable, "x"), at(5));
        assert!(record.is_leased(at(34)) && !record.is_leased(at(35)));
        record.fail(&Fault::new(Kind::Throttled, "x"), at(40));
        assert!(!record.is_leased(at(40)), "a throttled call did nothing");
        assert_eq!(record.state, State::Pending);
    }

    #[test]
    fn a_record_is_pending_since_connect_ceased_to_follow() {
        let mut record = record();
        assert_eq!(record.pending_since(), Some(at(0)));
        record.changed(at(5));
        record.fail(&Fault::new(Kind::Throttled, "x"), at(9));
        assert_eq!(record.pending_since(), Some(at(0)), "however often it was tried or changed");
        for settled in [true, false] {
            match settled {
                true => record.settle("rules", at(20)),
                false => record.fail(&Fault::new(Kind::Uniqueness, "x"), at(20)),
            }
            assert_eq!(record.pending_since(), None, "applied or parked");
            record.mark(at(40));
            assert_eq!(record.pending_since(), Some(at(40)));
        }
    }

    #[test]
    fn a_lease_outlasts_what_is_begun_under_it() {
        assert!(WORK + QUIET < LEASE);
        let mut record = record();
        record.lease(at(0));
        assert_eq!((record.fence, record.due), (1, record.leased_until));
        assert_eq!(record.leased_until, Some(at(60)));
    }

    #[test]
    fn a_lease_that_was_long_in_coming_leaves_less_time() {
        let mut record = record();
        assert_eq!(record.time_to_work(at(0)), Duration::ZERO);
        record.lease(at(0));
        for (now, left) in [(0, 25), (10, 15), (25, 0), (59, 0)] {
            assert_eq!(record.time_to_work(at(now)), Duration::from_secs(left), "{now}");
        }
    }

    #[test]
    fn who_is_gone_is_known_again_also_after_another_look() {
        let user = serde_json::json!({"userName": "ana@example.com", "externalId": "e1"});
        let serde_json::Value::Object(user) = user else { panic!("an object") };
        let mut gone = Record { person: Person::new(user), stranger: true, ..record() };
        gone.leave_for_good();
        gone.settle("rules", at(1));
        let marks = gone.marks.clone();
        assert_eq!(marks.len(), 2);
        gone.reopen(at(2));
        gone.settle("rules", at(3));
        assert_eq!(gone.marks, marks);
    }

    #[test]
    fn a_former_user_is_remembered_until_it_is_gone() {
        let held = |id: &str| Held {
            ids: UserIds { id: id.to_owned(), arn: String::new() },
            since: at(0),
        };
        let mut record = record();
        record.has_user(held("a"));
        record.has_user(held("a"));
        assert_eq!(record.former, None);
        record.has_user(held("b"));
        assert_eq!((&record.user, &record.former), (&Some(held("b")), &Some(held("a"))));
        assert!(!record.has_not(&held("a").ids) && record.has_not(&held("c").ids));
    }
}
