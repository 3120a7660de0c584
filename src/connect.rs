//! Amazon Connect, as a place that is made to hold what an [`Agent`](crate::assign::Agent)
//! describes.
//!
//! [`plan`] says which calls are needed and [`class`] what an error means; both are pure. `session`
//! makes the calls for a record of the roster, each once, and leaves retries to the reconciler.
//! `apply` is direct mode: CreateUser without a roster, with its own retries.

pub mod class;
pub mod plan;

#[cfg(feature = "aws")]
mod trace;
#[cfg(feature = "aws")]
pub(crate) mod call_error;
#[cfg(feature = "aws")]
pub(crate) mod recent;
#[cfg(feature = "aws")]
pub mod rate_limiter;
#[cfg(feature = "aws")]
pub(crate) mod call_context;
#[cfg(feature = "aws")]
pub(crate) mod names;
#[cfg(feature = "aws")]
mod from_sdk;
#[cfg(feature = "aws")]
pub(crate) mod lookup;
#[cfg(feature = "aws")]
pub(crate) mod sweep;
#[cfg(feature = "aws")]
mod create;
#[cfg(feature = "aws")]
mod steps;
#[cfg(feature = "aws")]
pub mod apply;
#[cfg(feature = "aws")]
pub mod session;
#[cfg(feature = "aws")]
pub mod end_sessions;

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The account of the calls that one event led to, for the log and the metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// How many attempts were sent, those that the SDK repeated by itself included.
    pub count: u32,
    /// The time that they took together, from sending to answer or giving up; waiting for the rate
    /// limiter and backoff are not in it.
    pub time: Duration,
    /// AWS's request id (`x-amzn-requestid`) of the last attempt, if that was answered: what AWS
    /// support asks for.
    pub last_request_id: Option<String>,
}

/// The two identifiers that Connect gives a user. Operations on users take the id, tagging takes
/// the ARN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserIds {
    /// The id: a UUID, unique within the instance.
    pub id: String,
    /// The ARN: `arn:{partition}:connect:{region}:{account}:instance/{instance}/agent/{id}`. Empty
    /// if CreateUser's answer had none.
    pub arn: String,
}

/// The outcome of making Connect follow: what was done, and whose ids the user has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// A user whom somebody else had made became this owner's.
    Adopted(UserIds),
    /// A user of this owner was there already. Direct mode changes nothing then: without a roster
    /// it cannot tell a late event from a new one, and an old event must not undo what a supervisor
    /// did since.
    AlreadyOurs(UserIds),
    /// The user was created.
    Created(UserIds),
    /// There is no user, and there should be none.
    NoUser,
    /// The user was removed.
    Removed,
    /// The user was left with the profile for suspended users alone.
    Suspended(UserIds),
    /// Connect held the desired state already; no call but look-ups was made.
    Unchanged(UserIds),
    /// The user was changed by at least one call.
    Updated(UserIds),
}

impl Applied {
    /// The outcome's word in the log and in the answer's body; stable, since alarms and queries
    /// match it.
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

    /// The user's ids, if there is a user after this.
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
