//! The rules of the protocol, each of which can be taken out.

use std::fmt;

use crate::promise::Promise;

/// A rule of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A worker writes a record on condition of the version that it read.
    VersionCheck,
    /// The profile and the access of a person are dated separately.
    SeparateTimes,
    /// The life-cycle flag and the reasons for access are kept apart.
    Reasons,
    /// One worker at a time has the right to work on a record.
    Lease,
    /// What a worker learnt of Connect is carried over into a newer record only while the fencing
    /// token is still its own.
    Fence,
    /// After a call of unknown fate nobody works on the record until the call can have no effect
    /// any more.
    QuietTime,
    /// Nor does whoever works already go another round for somebody who returned meanwhile.
    QuietRound,
    /// A username is written down before CreateUser is sent under it.
    CandidateFirst,
    /// A lease lasts longer than the time in which calls are sent and the quiet time together.
    LongLease,
    /// Calls are sent only early in the lease.
    CallsEarly,
    /// What a worker learnt is carried over into what a sender wrote meanwhile.
    CarryOver,
    /// "Not found" about a user who may just have been made is "not yet".
    NotYet,
    /// "Not found" by id settles nothing until the username was looked up too.
    EvidenceByName,
    /// The id of a user is kept until there is evidence that the user is gone.
    KeepIds,
    /// A farewell takes the power before it ends the sessions.
    PowerFirst,
    /// Sessions that could not be ended are owed, and tried again.
    SessionsOwed,
    /// A username is given on only when its former holder has no access under it.
    NamesWait,
    /// Of those who wait for each other's usernames, one gives its own up first.
    BreakCycles,
}

impl Rule {
    /// Every rule without which a promise is broken, in the order of the data: merge, write, work,
    /// settle.
    pub const NEEDED: [Self; 17] = [
        Self::SeparateTimes,
        Self::Reasons,
        Self::VersionCheck,
        Self::Lease,
        Self::LongLease,
        Self::CallsEarly,
        Self::Fence,
        Self::QuietTime,
        Self::QuietRound,
        Self::CandidateFirst,
        Self::NotYet,
        Self::EvidenceByName,
        Self::KeepIds,
        Self::PowerFirst,
        Self::SessionsOwed,
        Self::NamesWait,
        Self::BreakCycles,
    ];

    /// Those that save calls, and without which every promise is kept.
    pub const SAVING: [Self; 1] = [Self::CarryOver];

    /// The promise that is broken without it.
    #[must_use]
    pub const fn keeps(self) -> Promise {
        match self {
            Self::VersionCheck => Promise::NothingIsLost,
            Self::CandidateFirst
            | Self::Fence
            | Self::CarryOver
            | Self::QuietRound
            | Self::BreakCycles => Promise::OneUserInTheNewestState,
            Self::NamesWait => Promise::NobodyUnderAnothersName,
            Self::SeparateTimes
            | Self::Reasons
            | Self::Lease
            | Self::LongLease
            | Self::CallsEarly
            | Self::QuietTime
            | Self::NotYet
            | Self::EvidenceByName
            | Self::KeepIds
            | Self::PowerFirst
            | Self::SessionsOwed => Promise::WhoLeavesIsOut,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::VersionCheck => "a worker writes on condition of the version that it read",
            Self::SeparateTimes => "profile and access are dated separately",
            Self::Reasons => "life cycle and reasons for access are kept apart",
            Self::Lease => "one worker at a time has the lease",
            Self::Fence => "a status is carried over only under one's own fence",
            Self::QuietTime => {
                "nobody works until a call of unknown fate can have no effect any more"
            }
            Self::QuietRound => "whoever works goes no further round in the quiet time",
            Self::CandidateFirst => "a username is written down before CreateUser is sent",
            Self::LongLease => "a lease outlasts the time for calls and the quiet time",
            Self::CallsEarly => "calls are sent only early in the lease",
            Self::CarryOver => "what a worker learnt is carried over into what a sender wrote",
            Self::NotYet => "not found, of who may just have been made, is not yet",
            Self::EvidenceByName => "not found by id is looked up by name too",
            Self::KeepIds => "ids are kept until there is evidence",
            Self::PowerFirst => "power is taken before sessions are ended",
            Self::SessionsOwed => "sessions that could not be ended are owed",
            Self::NamesWait => "a username is given on once its former holder has no access",
            Self::BreakCycles => {
                "of those who wait for each other's usernames one gives its own up"
            }
        })
    }
}

/// The rules in force: all, or all but one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    without: Option<Rule>,
}

impl Rules {
    /// The whole protocol.
    pub const WHOLE: Self = Self { without: None };

    /// The protocol less one rule.
    #[must_use]
    pub const fn without(rule: Rule) -> Self {
        Self { without: Some(rule) }
    }

    /// True if the rule is in force.
    #[must_use]
    pub fn has(self, rule: Rule) -> bool {
        self.without != Some(rule)
    }
}
