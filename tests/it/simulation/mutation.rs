//! The ways in which the house is broken on purpose, one at a time, and the invariants that may notice
//! each.

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutation {
    /// The owner tag is not looked at: everybody's users are taken for ours.
    EverybodyIsOurs,
    /// After a rename nobody remembers the user of the former name.
    FormerUsersAreForgotten,
    /// A write leaves nothing due.
    NothingIsDue,
    /// The removal guard counts nothing.
    RemovalsAreNotCounted,
    /// Who was removed is not remembered.
    TheGoneAreForgotten,
    /// What is known is taken to be older than any event.
    TimeIsForgotten,
    /// Some writes are acknowledged and not done.
    WritesAreLost,
    /// Writes do not look whether somebody else wrote meanwhile.
    WritesAreUnconditional,
    /// The drain calls as fast as it can.
    NoPace,
    /// Who speaks is not verified: a forger has the key.
    ForgersAreBelieved,
    /// A payload's own profile counts.
    PayloadsChooseTheirPower,
    /// A change of a group marks nobody.
    MarksAreForgotten,
    /// What does not fit into one write of a group is never written.
    FanOutsAreForgotten,
    /// Sessions are said to be ended, and are not.
    SessionsAreKept,
    /// A leave that arrives behind a newer change of the profile is acknowledged and dropped.
    LeavesBehindAChangeAreDropped,
    /// One wrong "not found" about a leaver's user is believed by everybody for ever.
    OneNotFoundIsBelieved,
    /// Nobody is shut out while their former user is not removed, and that one cannot be.
    FormerUsersComeFirst,
    /// Nobody is shut out while somebody waits to join.
    LeaversWaitForJoiners,
    /// Whoever has been renamed keeps the username in Connect until they have another.
    TheRenamedKeepTheirNames,
    /// Whoever has left and was renamed keeps the username in Connect.
    LeaversKeepTheirNames,
    /// A suspension forgets that somebody was taken out of the last group before.
    SuspensionsForgetWhy,
}

impl Mutation {
    /// All of them, each with the invariants one of which must notice it.
    pub(crate) const ALL: [(Self, &'static [&'static str]); 21] = [
        (Self::EverybodyIsOurs, &["foreign"]),
        (Self::FormerUsersAreForgotten, &["one user"]),
        (Self::NothingIsDue, &["lost"]),
        (Self::RemovalsAreNotCounted, &["guard"]),
        (Self::TheGoneAreForgotten, &["newest", "lost", "one user"]),
        (Self::TimeIsForgotten, &["newest"]),
        (Self::WritesAreLost, &["lost", "newest", "one user"]),
        (Self::WritesAreUnconditional, &["lost", "newest", "one user", "guard"]),
        (Self::NoPace, &["quota"]),
        (Self::ForgersAreBelieved, &["unverified"]),
        (Self::PayloadsChooseTheirPower, &["power"]),
        (Self::MarksAreForgotten, &["newest"]),
        (Self::FanOutsAreForgotten, &["newest", "lost"]),
        (Self::SessionsAreKept, &["session"]),
        (Self::LeavesBehindAChangeAreDropped, &["access"]),
        (Self::OneNotFoundIsBelieved, &["access"]),
        (Self::FormerUsersComeFirst, &["access"]),
        (Self::LeaversWaitForJoiners, &["access"]),
        (Self::TheRenamedKeepTheirNames, &["names"]),
        (Self::LeaversKeepTheirNames, &["welcome"]),
        (Self::SuspensionsForgetWhy, &["access"]),
    ];

    /// Whether it is about those of whom several senders speak.
    pub(crate) const fn is_of_access(self) -> bool {
        matches!(
            self,
            Self::LeavesBehindAChangeAreDropped
                | Self::OneNotFoundIsBelieved
                | Self::FormerUsersComeFirst
                | Self::LeaversWaitForJoiners
                | Self::TheRenamedKeepTheirNames
                | Self::LeaversKeepTheirNames
                | Self::SuspensionsForgetWhy
        )
    }
}
