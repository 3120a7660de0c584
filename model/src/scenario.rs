//! Who there is at the beginning, and what happens at the identity provider.

use std::fmt;

/// One of two people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Person {
    /// Ann.
    Ann,
    /// Bob.
    Bob,
}

impl Person {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ann, Self::Bob];

    /// The place in an array of one for each person.
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Ann => 0,
            Self::Bob => 1,
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Ann => Self::Bob,
            Self::Bob => Self::Ann,
        }
    }
}

impl fmt::Display for Person {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// One of two usernames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Username {
    /// `x`, which Ann has at the beginning.
    X,
    /// `y`.
    Y,
}

impl Username {
    /// Both.
    pub const ALL: [Self; 2] = [Self::X, Self::Y];
}

impl fmt::Display for Username {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::X => "x",
            Self::Y => "y",
        })
    }
}

/// What an event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The person may work, under this username.
    Join(Username),
    /// The person has this username. It says nothing of the access.
    Rename(Username),
    /// The account is suspended.
    Suspend,
    /// The account is not suspended any more. It gives no reason for access.
    Resume,
    /// The person left the last group that was a reason for access.
    Leave,
    /// The person is removed.
    Remove,
}

/// Something that happened at the identity provider, and is delivered at any time, in any order and
/// any number of times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Whom it is about.
    pub person: Person,
    /// When it happened by the sender's clock: 1 to 9, and all of a scenario differ.
    pub time: u8,
    /// What it says.
    pub change: Change,
}

impl fmt::Display for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { person, time, change } = self;
        match change {
            Change::Join(name) => write!(formatter, "\"{person} joins as {name}\"")?,
            Change::Rename(name) => write!(formatter, "\"{person} is called {name} now\"")?,
            Change::Suspend => write!(formatter, "\"{person} is suspended\"")?,
            Change::Resume => write!(formatter, "\"{person} is not suspended any more\"")?,
            Change::Leave => write!(formatter, "\"{person} left the group\"")?,
            Change::Remove => write!(formatter, "\"{person} is removed\"")?,
        }
        write!(formatter, " of {time} o'clock")
    }
}

/// A beginning, and what happens then.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// What it is about.
    pub title: &'static str,
    /// The usernames of those who work at the beginning, since before all events: Ann's and Bob's.
    pub working: [Option<Username>; 2],
    /// What happens.
    pub events: &'static [Event],
}

const fn ann(time: u8, change: Change) -> Event {
    Event { person: Person::Ann, time, change }
}

const fn bob(time: u8, change: Change) -> Event {
    Event { person: Person::Bob, time, change }
}

/// Every scenario. Each state of a search knows the place of its own in here.
pub const SCENARIOS: [Scenario; 11] = [
    Scenario {
        title: "somebody comes, leaves, and is renamed",
        working: [None, None],
        events: &[
            ann(1, Change::Join(Username::X)),
            ann(2, Change::Suspend),
            ann(3, Change::Rename(Username::Y)),
        ],
    },
    Scenario {
        title: "somebody leaves the group, is suspended, and is suspended no more",
        working: [Some(Username::X), None],
        events: &[ann(1, Change::Leave), ann(2, Change::Suspend), ann(3, Change::Resume)],
    },
    Scenario {
        title: "somebody is suspended and comes back",
        working: [Some(Username::X), None],
        events: &[ann(1, Change::Suspend), ann(2, Change::Resume), ann(3, Change::Suspend)],
    },
    Scenario {
        title: "somebody is renamed and removed",
        working: [Some(Username::X), None],
        events: &[ann(1, Change::Rename(Username::Y)), ann(2, Change::Remove)],
    },
    Scenario {
        title: "somebody is renamed, and another comes for the name",
        working: [Some(Username::X), None],
        events: &[ann(1, Change::Rename(Username::Y)), bob(2, Change::Join(Username::X))],
    },
    Scenario {
        title: "somebody is suspended and renamed, and another comes for the name",
        working: [Some(Username::X), None],
        events: &[
            ann(1, Change::Suspend),
            ann(2, Change::Rename(Username::Y)),
            bob(3, Change::Join(Username::X)),
        ],
    },
    Scenario {
        title: "somebody is removed, and another comes for the name",
        working: [Some(Username::X), None],
        events: &[ann(1, Change::Remove), bob(2, Change::Join(Username::X))],
    },
    Scenario {
        title: "two swap their usernames",
        working: [Some(Username::X), Some(Username::Y)],
        events: &[ann(1, Change::Rename(Username::Y)), bob(2, Change::Rename(Username::X))],
    },
    Scenario {
        title: "two swap their usernames, and one of them is suspended",
        working: [Some(Username::X), Some(Username::Y)],
        events: &[
            ann(1, Change::Rename(Username::Y)),
            bob(2, Change::Rename(Username::X)),
            bob(3, Change::Suspend),
        ],
    },
    Scenario {
        title: "somebody is renamed there and back, and suspended",
        working: [Some(Username::X), None],
        events: &[
            ann(1, Change::Rename(Username::Y)),
            ann(2, Change::Rename(Username::X)),
            ann(3, Change::Suspend),
        ],
    },
    Scenario {
        title: "somebody comes and is removed, and another comes for the name",
        working: [None, None],
        events: &[
            ann(1, Change::Join(Username::X)),
            ann(2, Change::Remove),
            bob(3, Change::Join(Username::X)),
        ],
    },
];
