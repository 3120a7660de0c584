//! What the protocol promises.

use std::fmt;

/// A promise, by its number in the design.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// Nothing that was acknowledged is lost: it is applied, or in the roster as pending.
    NothingIsLost,
    /// The same event twice, out of order or cut off anywhere gives one user in the newest state.
    OneUserInTheNewestState,
    /// Who leaves has no power and no session, at rest.
    WhoLeavesIsOut,
    /// It comes to rest, after a bounded number of leases.
    ItComesToRest,
    /// Nobody has access under a username that is another's.
    NobodyUnderAnothersName,
}

impl Promise {
    /// Every promise.
    pub const ALL: [Self; 5] = [
        Self::NothingIsLost,
        Self::OneUserInTheNewestState,
        Self::WhoLeavesIsOut,
        Self::ItComesToRest,
        Self::NobodyUnderAnothersName,
    ];
}

impl fmt::Display for Promise {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NothingIsLost => "2: nothing that was acknowledged is lost",
            Self::OneUserInTheNewestState => "3: at rest there is one user, in the newest state",
            Self::WhoLeavesIsOut => "4: at rest, who left has no power and no session",
            Self::ItComesToRest => "4: it comes to rest within a bound",
            Self::NobodyUnderAnothersName => "6: nobody has access under a name that is another's",
        })
    }
}
