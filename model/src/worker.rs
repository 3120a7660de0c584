//! A reconciler at work on one record: what it knows, and what it does next.
//!
//! What it does next follows from what it has read and observed, and from nothing else.

use crate::connect::{Answer, Call, USERS, UserId};
use crate::record::{Desired, Names, Phase, Record};
use crate::rules::{Rule, Rules};
use crate::scenario::{Person, Username};

/// What a worker has seen of a user in this round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Seen {
    /// Nothing yet.
    Nothing,
    /// Connect said that there is no user of this id.
    NotFound,
    /// It is there, with power.
    WithPower,
    /// It is there, without power.
    WithoutPower,
}

/// How the work on the record goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Course {
    /// On.
    On,
    /// A call failed, and surely had no effect; or there is no time left for another.
    Failed,
    /// A call failed, and may yet have its effect.
    Unknown,
}

/// A worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Worker {
    /// On whose record it works.
    pub person: Person,
    /// The record as it was read or written last, with what was learnt of Connect since.
    pub copy: Record,
    /// Whether somebody has written the record since.
    pub is_stale: bool,
    /// Whether somebody else has taken the lease since: the fencing token has moved.
    pub is_fenced: bool,
    /// Whether the time is over in which calls may be sent under the lease.
    pub is_late: bool,
    /// Whether the person gives their own username up first, so that another can who waits for it.
    gives_up_name: bool,
    /// How it goes.
    pub course: Course,
    /// What was seen of the known users.
    seen: [Seen; USERS],
    /// Whose sessions were ended, or were tried.
    ended: [bool; USERS],
    /// Usernames that were looked up and are nobody's of ours but a known user's.
    looked_up: Names,
    /// Usernames of which nobody was found, and of whom somebody may just have been made.
    not_yet: Names,
    /// Whether CreateUser said that the username is taken.
    is_taken: bool,
}

/// A write of the record. Each is on condition of the version that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// The person gets the username that they wait for.
    ClaimName,
    /// The person's own username is given up, as somebody waits for it whose they wait for.
    GiveUpName,
    /// Connect holds what it should, as far as it can.
    Settle,
    /// It does not yet; the record stays due.
    Fail,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// A call.
    Call(Call),
    /// A write.
    Write(Write),
}

impl Worker {
    /// One that has just taken the lease of this record.
    #[must_use]
    pub const fn new(person: Person, record: Record, gives_up_name: bool) -> Self {
        let mut copy = record;
        copy.status.sessions_owed = false;
        Self {
            person,
            copy,
            is_stale: false,
            is_fenced: false,
            is_late: false,
            gives_up_name,
            course: Course::On,
            seen: [Seen::Nothing; USERS],
            ended: [false; USERS],
            looked_up: Names::NONE,
            not_yet: Names::NONE,
            is_taken: false,
        }
    }

    /// What to do next. `is_name_free` says of the username for which the person waits that nobody
    /// else holds it.
    #[must_use]
    pub fn next(&self, is_name_free: bool, rules: Rules) -> Next {
        let next = match self.course {
            Course::Failed | Course::Unknown => return Next::Write(Write::Fail),
            Course::On if is_name_free => return Next::Write(Write::ClaimName),
            Course::On => self.next_on_course(rules),
        };
        match next {
            Next::Call(_) if self.is_late && rules.has(Rule::CallsEarly) => {
                Next::Write(Write::Fail)
            }
            next => next,
        }
    }

    fn next_on_course(&self, rules: Rules) -> Next {
        // Who comes gets their user first, so that a rename leaves nobody without one.
        let hold = self.works_as().and_then(|name| self.hold(name));
        if let Some(call) = hold.or_else(|| self.say_farewell(rules)) {
            return Next::Call(call);
        }
        let is_done = self.not_yet.is_empty() && self.must_tidy().next().is_none();
        Next::Write(match (is_done, self.gives_up_name) {
            (false, _) => Write::Fail,
            (true, true) => Write::GiveUpName,
            (true, false) => Write::Settle,
        })
    }

    /// The username under which the person shall work.
    fn works_as(&self) -> Option<Username> {
        let works = self.copy.desired() == Desired::Active && !self.gives_up_name;
        self.copy.spec.name.filter(|_| works)
    }

    /// The username under which a user shall stay, with power or without.
    fn stays_as(&self) -> Option<Username> {
        let stays = self.copy.desired() != Desired::Deleted && !self.gives_up_name;
        self.copy.spec.name.filter(|_| stays)
    }

    /// The next call to make Connect hold a user of this username, with power.
    fn hold(&self, name: Username) -> Option<Call> {
        let Some(id) = self.copy.status.user_of(name) else {
            let is_taken = self.is_taken.then_some(Call::Find(name));
            return Some(is_taken.unwrap_or(Call::Create(self.person, name)));
        };
        match self.seen[id.index()] {
            Seen::Nothing => Some(Call::Describe(id)),
            Seen::NotFound => Some(Call::Find(name)),
            Seen::WithoutPower => Some(Call::GivePower(id)),
            Seen::WithPower => None,
        }
    }

    /// The next call to take access from all users but the one by whom the person works, and to
    /// remove those that shall not stay: in the order of the danger. What is known already loses its
    /// power before anything else is looked up.
    fn say_farewell(&self, rules: Rules) -> Option<Call> {
        let (look, take_power) = (|| self.look().or_else(|| self.look_up()), || self.take_power());
        let in_order = if rules.has(Rule::PowerFirst) {
            take_power().or_else(look).or_else(|| self.end_sessions())
        } else {
            look().or_else(|| self.end_sessions()).or_else(take_power)
        };
        in_order.or_else(|| self.tidy())
    }

    /// The known users but the one by whom the person works.
    fn leaving(&self) -> impl Iterator<Item = (UserId, Username)> {
        let works_as = self.works_as();
        self.copy.status.users().filter(move |(_, name)| Some(*name) != works_as)
    }

    /// Looks at a known user: by id, and if that shows nobody, by name.
    fn look(&self) -> Option<Call> {
        self.leaving().find_map(|(id, name)| match self.seen[id.index()] {
            Seen::Nothing => Some(Call::Describe(id)),
            Seen::NotFound => Some(Call::Find(name)),
            Seen::WithPower | Seen::WithoutPower => None,
        })
    }

    /// Looks for a user who may have been made with nobody knowing.
    fn look_up(&self) -> Option<Call> {
        let works_as = self.works_as();
        let mut candidates = Username::ALL.into_iter().filter(|name| {
            self.copy.status.candidates.contains(*name)
                && !self.looked_up.contains(*name)
                && self.copy.status.user_of(*name).is_none()
                && Some(*name) != works_as
        });
        candidates.next().map(Call::Find)
    }

    fn take_power(&self) -> Option<Call> {
        let (id, _) = self.leaving().find(|(id, _)| self.seen[id.index()] == Seen::WithPower)?;
        Some(Call::TakePower(id))
    }

    fn end_sessions(&self) -> Option<Call> {
        let (id, _) = self.leaving().find(|(id, _)| !self.ended[id.index()])?;
        Some(Call::EndSessions(id))
    }

    /// Removes a user. One whose sessions are still to be ended is left for later: nothing could end
    /// them afterwards.
    fn tidy(&self) -> Option<Call> {
        let id = self.must_tidy().find(|_| !self.copy.status.sessions_owed)?;
        Some(Call::Delete(id))
    }

    /// The users that shall not stay.
    fn must_tidy(&self) -> impl Iterator<Item = UserId> {
        let stays_as = self.stays_as();
        let leaving = self.copy.status.users().filter(move |(_, name)| Some(*name) != stays_as);
        leaving.map(|(id, _)| id)
    }

    /// Notes that a call is sent. Who may have been made by it is young from now on.
    pub const fn sends(&mut self, call: Call) {
        if let Call::Create(_, name) = call {
            self.copy.status.missed.remove(name);
        }
    }

    /// Notes what Connect answered.
    pub fn learn(&mut self, call: Call, answer: Answer, rules: Rules) {
        match (call, answer) {
            (Call::Find(name), answer) => self.learn_who_has(name, answer, rules),
            (Call::Create(_, name), Answer::User(id, user)) => {
                self.copy.status.note(id, name);
                self.not_yet.remove(name);
                self.see(id, user.power);
            }
            (Call::Create(..), _) => self.is_taken = true,
            (Call::Delete(id), _) => self.copy.status.forget(id),
            (Call::EndSessions(id), Answer::User(..)) => self.ended[id.index()] = true,
            (
                Call::Describe(id) | Call::GivePower(id) | Call::TakePower(id),
                Answer::User(_, user),
            ) => self.see(id, user.power),
            (
                Call::Describe(id)
                | Call::GivePower(id)
                | Call::TakePower(id)
                | Call::EndSessions(id),
                _,
            ) => {
                self.seen[id.index()] = Seen::NotFound;
                if !rules.has(Rule::EvidenceByName) {
                    self.copy.status.forget(id);
                }
            }
        }
    }

    fn learn_who_has(&mut self, name: Username, answer: Answer, rules: Rules) {
        let was_taken = std::mem::take(&mut self.is_taken);
        let status = &mut self.copy.status;
        match (answer, status.user_of(name)) {
            (Answer::User(id, user), _) if user.owner == self.person => {
                status.note(id, name);
                self.see(id, user.power);
            }
            // Another's, or nobody's any more.
            _ if was_taken => self.course = Course::Failed,
            // Neither by id nor by name: that is evidence of the known user, and of no candidate. One
            // who may have been made a moment ago is looked for again; by then it is too long ago.
            (_, known) => {
                if let Some(known) = known {
                    status.forget(known);
                }
                let is_candidate = status.candidates.contains(name);
                if is_candidate && rules.has(Rule::NotYet) && !status.missed.contains(name) {
                    status.missed.insert(name);
                    self.not_yet.insert(name);
                }
            }
        }
        self.looked_up.insert(name);
    }

    fn see(&mut self, id: UserId, power: bool) {
        let seen = if power { Seen::WithPower } else { Seen::WithoutPower };
        self.seen[id.index()] = seen;
    }

    /// Notes that a call was throttled. Sessions that could not be ended hold up nothing else.
    pub fn is_throttled(&mut self, call: Call, rules: Rules) {
        if let Call::EndSessions(id) = call {
            self.ended[id.index()] = true;
            self.copy.status.sessions_owed = rules.has(Rule::SessionsOwed);
        } else {
            self.course = Course::Failed;
        }
    }

    /// Notes that a call was sent and no answer comes.
    pub const fn is_of_unknown_fate(&mut self) {
        self.course = Course::Unknown;
    }

    /// True if a call was sent, no answer comes, and the time for calls is not over yet.
    #[must_use]
    pub fn waits_for_an_answer(&self) -> bool {
        self.course == Course::Unknown && !self.is_late
    }

    /// The record as this write leaves it.
    #[must_use]
    pub fn written(&self, write: Write, quiet: u8, rules: Rules) -> Record {
        let mut record = self.copy;
        match write {
            Write::ClaimName => {
                (record.spec.name, record.spec.awaited) = (record.spec.awaited, None);
                record.phase = Phase::Pending;
                record.reserve_username(rules);
            }
            Write::GiveUpName => {
                record.spec.name = None;
                record.settle();
            }
            Write::Settle => record.settle(),
            Write::Fail => {
                record.phase = Phase::Pending;
                let has_effect = self.course == Course::Unknown && rules.has(Rule::QuietTime);
                let quiet = if has_effect { quiet } else { 0 };
                // What a farewell does may be done twice, so the next one need not wait for its effect.
                (record.lease, record.quiet) = match record.desired() {
                    Desired::Active => (quiet, record.quiet),
                    Desired::Inactive | Desired::Deleted => (0, record.quiet.max(quiet)),
                };
                if !rules.has(Rule::KeepIds) {
                    for id in UserId::ALL {
                        if self.seen[id.index()] == Seen::NotFound {
                            record.status.forget(id);
                        }
                    }
                }
            }
        }
        record
    }

    /// Begins another round with this record, which is as it was written last.
    pub fn begin_round(&mut self, record: Record, gives_up_name: bool) {
        let (is_fenced, is_late) = (self.is_fenced, self.is_late);
        *self = Self { is_fenced, is_late, ..Self::new(self.person, record, gives_up_name) };
    }

    /// Goes on with this record, which it wrote itself.
    pub const fn go_on(&mut self, record: Record) {
        self.copy = record;
        (self.is_stale, self.gives_up_name) = (false, false);
    }
}
