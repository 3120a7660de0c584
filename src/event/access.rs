//! What an event says of a person's access, apart from what it says of the profile.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Intent;
use crate::scim::Person;

/// What an event says of whether a person works. It moves that part of the person's access and no
/// other (`roster::record::Access`); `docs/access.md` has the table of every sender's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessStatement {
    /// Nothing: only the profile, or nothing at all.
    Silent,
    /// The life cycle is fine, and the person was created or activated: [`Reason::Activated`].
    Activated,
    /// The life cycle is fine again. Whoever has no reason to work still does not.
    Enabled,
    /// The same of who was activated where that lets nobody in.
    Reactivated,
    /// Suspended, deactivated, or `active` is false.
    Disabled,
    /// The person came into this group or application.
    Granted(Reason),
    /// The person was taken out of this group or application.
    Revoked(Reason),
    /// The account in this application is to be deleted; whoever works for another reason works on.
    Deprovisioned(Reason),
    /// The person is to be gone for good.
    Removed,
}

impl AccessStatement {
    /// What an intent says by itself, where its sender knows neither groups nor applications: signed
    /// events, and SCIM. An `active` that cannot be read says nothing here; it is refused elsewhere.
    #[must_use]
    pub fn of(intent: &Intent) -> Self {
        let told = |person: &Person| match person.active() {
            Ok(active) if person.says_active() => {
                Some(if active { Self::Activated } else { Self::Disabled })
            }
            _ => None,
        };
        match intent {
            Intent::Join(person) => told(person).unwrap_or(Self::Activated),
            Intent::Change(person) => told(person).unwrap_or(Self::Silent),
            Intent::Leave(_) => Self::Disabled,
            Intent::Return(_) => Self::Activated,
            Intent::Remove(_) => Self::Removed,
            Intent::Nothing(_) => Self::Silent,
        }
    }

    /// Whether it takes a reason or the life cycle's consent away.
    #[must_use]
    pub const fn is_farewell(&self) -> bool {
        match self {
            Self::Disabled | Self::Revoked(_) | Self::Deprovisioned(_) | Self::Removed => true,
            Self::Silent
            | Self::Activated
            | Self::Enabled
            | Self::Reactivated
            | Self::Granted(_) => false,
        }
    }
}

/// Why somebody works, by id. Stored as a text: the words below, and an id behind a colon.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Reason {
    /// `activated`: the person was created or activated, by a signed event, by SCIM's `active`, or by
    /// Okta's life cycle where that lets people in.
    Activated,
    /// `app:{id}`: assigned to this application.
    Application(String),
    /// `group:{id}`: a member of this group.
    Group(String),
    /// `unknown`: the person worked by a file of before, which did not say why.
    Unknown,
}

impl Reason {
    /// Whether it is a membership: of a group or of an application.
    #[must_use]
    pub const fn is_membership(&self) -> bool {
        matches!(self, Self::Application(_) | Self::Group(_))
    }
}

const APPLICATION: &str = "app:";
const GROUP: &str = "group:";

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Activated => "activated".to_owned(),
            Reason::Application(id) => format!("{APPLICATION}{id}"),
            Reason::Group(id) => format!("{GROUP}{id}"),
            Reason::Unknown => "unknown".to_owned(),
        }
    }
}

impl TryFrom<String> for Reason {
    type Error = ParseReasonError;

    fn try_from(text: String) -> Result<Self, ParseReasonError> {
        let (application, group) = (text.strip_prefix(APPLICATION), text.strip_prefix(GROUP));
        match (text.as_str(), application, group) {
            ("activated", _, _) => Ok(Self::Activated),
            ("unknown", _, _) => Ok(Self::Unknown),
            (_, Some(id), _) => Ok(Self::Application(id.to_owned())),
            (_, _, Some(id)) => Ok(Self::Group(id.to_owned())),
            (_, None, None) => Err(ParseReasonError),
        }
    }
}

/// A text that is none of the reasons there are; it is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseReasonError;

impl fmt::Display for ParseReasonError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("expected activated, unknown, app:{id} or group:{id}, found another")
    }
}
