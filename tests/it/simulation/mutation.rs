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
}

impl Mutation {
    /// All of them, each with the invariants one of which must notice it.
    pub(crate) const ALL: [(Self, &'static [&'static str]); 14] = [
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
    ];
}
