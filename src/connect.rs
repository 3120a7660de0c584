//! [`Agent`](crate::assign::Agent) → Amazon Connect, made so.
//!
//! [`plan`] says which calls are needed, [`class`] what an error means, and [`apply`] does the
//! calling.

pub mod class;
pub mod plan;

#[cfg(feature = "aws")]
mod trace;
#[cfg(feature = "aws")]
pub(crate) mod failure;
#[cfg(feature = "aws")]
pub(crate) mod recent;
#[cfg(feature = "aws")]
pub mod pace;
#[cfg(feature = "aws")]
pub(crate) mod line;
#[cfg(feature = "aws")]
pub(crate) mod names;
#[cfg(feature = "aws")]
mod shown;
#[cfg(feature = "aws")]
mod look;
#[cfg(feature = "aws")]
mod create;
#[cfg(feature = "aws")]
mod steps;
#[cfg(feature = "aws")]
pub mod apply;
#[cfg(feature = "aws")]
pub mod session;

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The calls that one event led to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// How many there were, those that the SDK repeated included.
    pub count: u32,
    /// How long they took together.
    pub time: Duration,
    /// AWS's id of the last one, where it was answered.
    pub last_request_id: Option<String>,
}

/// What Connect calls a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserIds {
    /// The id, a UUID.
    pub id: String,
    /// The ARN: `…:instance/{instance}/agent/{id}`.
    pub arn: String,
}

/// What came of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// A user whom somebody else had made became this owner's.
    Adopted(UserIds),
    /// A user of this owner was there already. In direct mode nothing is changed then: an old event
    /// must not undo what a supervisor did since.
    AlreadyOurs(UserIds),
    /// The user was created.
    Created(UserIds),
    /// There is no user, and should be none.
    NoUser,
    /// The user was removed.
    Removed,
    /// The user was shut out.
    Suspended(UserIds),
    /// Connect holds what it should already.
    Unchanged(UserIds),
    /// The user was changed.
    Updated(UserIds),
}

impl Applied {
    /// The word for the log and the answer.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Adopted(_) => "adopted",
            Self::AlreadyOurs(_) => "alreadyOurs",
            Self::Created(_) => "created",
            Self::NoUser => "noUser",
            Self::Removed => "removed",
            Self::Suspended(_) => "suspended",
            Self::Unchanged(_) => "unchanged",
            Self::Updated(_) => "updated",
        }
    }

    /// What Connect calls the user, if there is one.
    #[must_use]
    pub const fn user_ids(&self) -> Option<&UserIds> {
        match self {
            Self::Adopted(ids)
            | Self::AlreadyOurs(ids)
            | Self::Created(ids)
            | Self::Suspended(ids)
            | Self::Unchanged(ids)
            | Self::Updated(ids) => Some(ids),
            Self::NoUser | Self::Removed => None,
        }
    }
}
