//! Amazon Connect: users with a unique username, and calls that change them.

use std::fmt;

use crate::scenario::{Person, Username};

/// The most users, with those whose ids somebody still remembers.
pub const USERS: usize = 5;

/// Connect's id of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(u8);

impl UserId {
    /// Every id.
    pub const ALL: [Self; USERS] = [Self(0), Self(1), Self(2), Self(3), Self(4)];

    /// The place in an array of one for each id.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "u{}", self.0 + 1)
    }
}

/// A user, or the session that is left of a deleted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct User {
    /// Whose it is, by its tags.
    pub owner: Person,
    /// The username.
    pub name: Username,
    /// False once it is deleted.
    pub exists: bool,
    /// Whether it has the profile with which people work.
    pub power: bool,
    /// Whether somebody is signed in.
    pub session: bool,
}

impl User {
    /// True if somebody can work by it, or still does.
    #[must_use]
    pub const fn has_access(&self) -> bool {
        self.power || self.session
    }
}

/// A call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// `DescribeUser`.
    Describe(UserId),
    /// `SearchUsers`, and `ListUsers` if that shows nobody: who has this username.
    Find(Username),
    /// `CreateUser`, with the tags of the owner and the profile with which people work.
    Create(Person, Username),
    /// `UpdateUserSecurityProfiles` with the profile with which people work.
    GivePower(UserId),
    /// `UpdateUserSecurityProfiles` with the suspended profile.
    TakePower(UserId),
    /// `DeleteAllEntitySessions`.
    EndSessions(UserId),
    /// `DeleteUser`.
    Delete(UserId),
}

impl Call {
    /// The user that it is about, if it names one by id.
    #[must_use]
    pub const fn user(self) -> Option<UserId> {
        match self {
            Self::Describe(id)
            | Self::GivePower(id)
            | Self::TakePower(id)
            | Self::EndSessions(id)
            | Self::Delete(id) => Some(id),
            Self::Find(_) | Self::Create(..) => None,
        }
    }

    /// True if it changes nothing.
    #[must_use]
    pub const fn is_read(self) -> bool {
        matches!(self, Self::Describe(_) | Self::Find(_))
    }
}

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Describe(id) => write!(formatter, "DescribeUser {id}"),
            Self::Find(name) => write!(formatter, "SearchUsers and ListUsers {name}"),
            Self::Create(owner, name) => write!(formatter, "CreateUser {name} for {owner}"),
            Self::GivePower(id) => write!(formatter, "UpdateUserSecurityProfiles {id}: agent"),
            Self::TakePower(id) => write!(formatter, "UpdateUserSecurityProfiles {id}: suspended"),
            Self::EndSessions(id) => write!(formatter, "DeleteAllEntitySessions {id}"),
            Self::Delete(id) => write!(formatter, "DeleteUser {id}"),
        }
    }
}

/// What Connect answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This user, as it is now.
    User(UserId, User),
    /// There is no such user.
    NotFound,
    /// The username is taken.
    Taken,
}

/// Every user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Connect {
    users: [Option<User>; USERS],
}

impl Connect {
    /// A user, or the session that is left of one.
    #[must_use]
    pub fn user(&self, id: UserId) -> Option<&User> {
        self.users[id.index()].as_ref()
    }

    /// Everybody, with the sessions that are left of those who were deleted.
    pub fn users(&self) -> impl Iterator<Item = (UserId, &User)> {
        UserId::ALL.into_iter().zip(&self.users).filter_map(|(id, user)| Some((id, user.as_ref()?)))
    }

    /// Whoever has power signs in.
    pub fn sign_in(&mut self, id: UserId) {
        self.change(id, |user| user.session = true);
    }

    /// Carries a call out. `fresh` is the id of a user that it may make.
    ///
    /// Whoever is given power signs in at once: the worst case.
    ///
    /// # Panics
    /// If the id is somebody's.
    pub fn apply(&mut self, call: Call, fresh: UserId) -> Answer {
        match call {
            Call::Describe(id) => self.shown(id),
            Call::Find(name) => self.named(name).map_or(Answer::NotFound, |id| self.shown(id)),
            Call::Create(..) if self.users[fresh.index()].is_some() => {
                panic!("the model has too few ids")
            }
            Call::Create(_, name) if self.named(name).is_some() => Answer::Taken,
            Call::Create(owner, name) => {
                let user = User { owner, name, exists: true, power: true, session: true };
                self.users[fresh.index()] = Some(user);
                Answer::User(fresh, user)
            }
            Call::GivePower(id) => {
                self.change(id, |user| (user.power, user.session) = (true, true))
            }
            Call::TakePower(id) => self.change(id, |user| user.power = false),
            Call::EndSessions(id) => self.change(id, |user| user.session = false),
            // Whoever is signed in stays so.
            Call::Delete(id) => self.change(id, |user| (user.exists, user.power) = (false, false)),
        }
    }

    fn change(&mut self, id: UserId, change: impl FnOnce(&mut User)) -> Answer {
        let Some(user) = self.users[id.index()].as_mut().filter(|user| user.exists) else {
            return Answer::NotFound;
        };
        change(user);
        let user = *user;
        if !user.exists && !user.session {
            self.users[id.index()] = None;
        }
        Answer::User(id, user)
    }

    fn shown(&self, id: UserId) -> Answer {
        let user = self.user(id).filter(|user| user.exists);
        user.map_or(Answer::NotFound, |user| Answer::User(id, *user))
    }

    /// Who has this username.
    #[must_use]
    pub fn named(&self, name: Username) -> Option<UserId> {
        self.users().find(|(_, user)| user.exists && user.name == name).map(|(id, _)| id)
    }
}
