//! The roster's record of one person: what should be, what is known of Connect, how far it got.

use crate::connect::{USERS, UserId};
use crate::rules::{Rule, Rules};
use crate::scenario::{Change, Event, Username};

/// What should be of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Desired {
    /// A user who works.
    Active,
    /// No access; the user stays.
    Inactive,
    /// No user.
    Deleted,
}

/// The account's own state at the identity provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lifecycle {
    /// Nothing is against the person's working.
    Enabled,
    /// Suspended.
    Disabled,
    /// Removed.
    Removed,
}

/// Whether a person works. Times are the sender's; 0 is never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Access {
    /// The life-cycle flag.
    pub lifecycle: Lifecycle,
    /// When that was said.
    pub lifecycle_time: u8,
    /// When the person was last given a reason for access.
    pub given: Option<u8>,
    /// When the last reason was withdrawn, and with it every older one.
    pub withdrawn: Option<u8>,
}

impl Access {
    /// What should be. In doubt it is the farewell that holds.
    #[must_use]
    pub fn desired(&self) -> Desired {
        match self.lifecycle {
            Lifecycle::Removed => Desired::Deleted,
            Lifecycle::Enabled if self.given > self.withdrawn => Desired::Active,
            Lifecycle::Enabled | Lifecycle::Disabled => Desired::Inactive,
        }
    }

    fn say(&mut self, lifecycle: Lifecycle, time: u8) {
        if time >= self.lifecycle_time && self.lifecycle != Lifecycle::Removed {
            (self.lifecycle, self.lifecycle_time) = (lifecycle, time);
        }
    }

    fn newest(self) -> u8 {
        let reasons = self.given.max(self.withdrawn);
        self.lifecycle_time.max(reasons.unwrap_or_default())
    }
}

/// What senders say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spec {
    /// The username that the person goes by in the roster: nobody else has it there.
    pub name: Option<Username>,
    /// The one that they are to have once nobody else has it.
    pub awaited: Option<Username>,
    /// When the username was said, by the sender's clock; 0 is never.
    pub profile_time: u8,
    /// Whether they work.
    pub access: Access,
}

/// A set of usernames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Names {
    x: bool,
    y: bool,
}

impl Names {
    /// The empty set.
    pub const NONE: Self = Self { x: false, y: false };

    /// True if the username is in it.
    #[must_use]
    pub const fn contains(self, name: Username) -> bool {
        match name {
            Username::X => self.x,
            Username::Y => self.y,
        }
    }

    /// True if there is none in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        !self.x && !self.y
    }

    /// Adds a username.
    pub const fn insert(&mut self, name: Username) {
        *self.flag(name) = true;
    }

    /// Takes a username out.
    pub const fn remove(&mut self, name: Username) {
        *self.flag(name) = false;
    }

    const fn flag(&mut self, name: Username) -> &mut bool {
        match name {
            Username::X => &mut self.x,
            Username::Y => &mut self.y,
        }
    }
}

/// What is known of Connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Status {
    /// The users that are there or may be, each with its username: that of now and former ones.
    pub known: [Option<Username>; USERS],
    /// Usernames under which CreateUser may have been sent with nobody knowing what became of it.
    pub candidates: Names,
    /// Those of them that were looked up once and not found, which is "not yet".
    pub missed: Names,
    /// Whether sessions are still to be ended.
    pub sessions_owed: bool,
}

impl Status {
    /// The known users, each with its username.
    pub fn users(&self) -> impl Iterator<Item = (UserId, Username)> {
        UserId::ALL.into_iter().zip(self.known).filter_map(|(id, name)| Some((id, name?)))
    }

    /// The known user of this username.
    #[must_use]
    pub fn user_of(&self, name: Username) -> Option<UserId> {
        self.users().find(|(_, other)| *other == name).map(|(id, _)| id)
    }

    /// Notes a user, in place of one that had the username before: Connect gives none twice.
    pub fn note(&mut self, id: UserId, name: Username) {
        if let Some(before) = self.user_of(name) {
            self.forget(before);
        }
        self.known[id.index()] = Some(name);
    }

    /// Forgets a user.
    pub fn forget(&mut self, id: UserId) {
        self.known[id.index()] = None;
    }
}

/// How far Connect has followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Not yet: it is due.
    Pending,
    /// It holds what the record says, or all of it but a username that another person has.
    Applied,
}

/// A record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Record {
    /// What senders say.
    pub spec: Spec,
    /// What is known of Connect.
    pub status: Status,
    /// How far it got.
    pub phase: Phase,
    /// For how many ticks of the clock somebody has the lease.
    pub lease: u8,
    /// For how many ticks a call of unknown fate may yet take power: nobody is let in before.
    pub quiet: u8,
}

impl Record {
    /// That of a person of whom nothing is known.
    pub const NEW: Self = Self {
        spec: Spec {
            name: None,
            awaited: None,
            profile_time: 0,
            access: Access {
                lifecycle: Lifecycle::Enabled,
                lifecycle_time: 0,
                given: None,
                withdrawn: None,
            },
        },
        status: Status {
            known: [None; USERS],
            candidates: Names::NONE,
            missed: Names::NONE,
            sessions_owed: false,
        },
        phase: Phase::Applied,
        lease: 0,
        quiet: 0,
    };

    /// That of a person who works by this user since before all events.
    #[must_use]
    pub fn working(id: UserId, name: Username) -> Self {
        let mut record = Self::NEW;
        record.spec.name = Some(name);
        record.spec.access.given = Some(0);
        record.status.note(id, name);
        record
    }

    /// What should be of the person.
    #[must_use]
    pub fn desired(&self) -> Desired {
        self.spec.access.desired()
    }

    /// True if a call of unknown fate may yet take power from whoever is to work.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.quiet > 0 && self.desired() == Desired::Active
    }

    /// True if something is left to be done that waits for nobody's username.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.phase == Phase::Pending || self.status.sessions_owed
    }

    /// True if the person has this username, or may still have a user under it. Without the rule
    /// that names wait, only the former counts.
    #[must_use]
    pub fn holds(&self, name: Username, rules: Rules) -> bool {
        let may_have_user =
            self.status.candidates.contains(name) || self.status.user_of(name).is_some();
        self.spec.name == Some(name) || (rules.has(Rule::NamesWait) && may_have_user)
    }

    /// Merges an event: last writer wins, in the profile and in the access apart. A username that
    /// another person has (`is_free` says) is waited for.
    pub fn merge(&mut self, event: &Event, rules: Rules, is_free: impl Fn(Username) -> bool) {
        let before = self.spec;
        if !rules.has(Rule::SeparateTimes) {
            let newest = self.spec.profile_time.max(self.spec.access.newest());
            if event.time < newest {
                return;
            }
        }
        let time = event.time;
        let access = &mut self.spec.access;
        match event.change {
            Change::Join(_) => {
                access.say(Lifecycle::Enabled, time);
                access.given = access.given.max(Some(time));
            }
            Change::Rename(_) => {}
            Change::Suspend => access.say(Lifecycle::Disabled, time),
            Change::Resume => {
                access.say(Lifecycle::Enabled, time);
                if !rules.has(Rule::Reasons) {
                    access.given = access.given.max(Some(time));
                }
            }
            Change::Leave => access.withdrawn = access.withdrawn.max(Some(time)),
            Change::Remove => access.say(Lifecycle::Removed, time),
        }
        if let Change::Join(name) | Change::Rename(name) = event.change
            && time >= self.spec.profile_time
        {
            self.spec.profile_time = time;
            self.rename(name, is_free(name));
        }
        if self.desired() == Desired::Deleted {
            (self.spec.name, self.spec.awaited) = (None, None);
        }
        if self.spec != before {
            self.phase = Phase::Pending;
        }
    }

    fn rename(&mut self, name: Username, is_free: bool) {
        if self.spec.name == Some(name) {
            self.spec.awaited = None;
        } else if is_free {
            (self.spec.name, self.spec.awaited) = (Some(name), None);
        } else {
            self.spec.awaited = Some(name);
        }
    }

    /// Notes that a worker begins, who gives the person's username up or may make a user under it:
    /// then it is a candidate before CreateUser is sent.
    pub fn begin_work(&mut self, gives_up_name: bool, rules: Rules) {
        if !gives_up_name {
            self.reserve_username(rules);
        }
    }

    /// Writes the username down as one under which a user may be made from now on.
    pub fn reserve_username(&mut self, rules: Rules) {
        if let Some(name) = self.spec.name
            && self.desired() == Desired::Active
            && rules.has(Rule::CandidateFirst)
        {
            self.status.candidates.insert(name);
            self.status.missed.remove(name);
        }
    }

    /// Notes that Connect follows, and that nobody is at work any more.
    pub fn settle(&mut self) {
        self.phase = Phase::Applied;
        self.lease = 0;
        (self.status.candidates, self.status.missed) = (Names::NONE, Names::NONE);
    }
}
