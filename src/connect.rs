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
pub(crate) mod names;
#[cfg(feature = "aws")]
mod create;
#[cfg(feature = "aws")]
mod find;
#[cfg(feature = "aws")]
pub mod apply;

use std::time::Duration;

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserIds {
    /// The id, a UUID.
    pub id: String,
    /// The ARN: `…:instance/{instance}/agent/{id}`.
    pub arn: String,
}

/// What came of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// A user of this owner was there already. In direct mode nothing is changed then: an old event
    /// must not undo what a supervisor did since.
    AlreadyOurs(UserIds),
    /// The user was created.
    Created(UserIds),
}
