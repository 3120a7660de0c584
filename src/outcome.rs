//! Outcome or fault → status and body: the one table of answers.
//!
//! No other file names a status. A 4xx says that the sender can mend it, so our own trouble with
//! AWS is a 500 and never a 401 or 403, which would tell the sender that *its* key is bad. Error
//! bodies are those of SCIM (RFC 7644 §3.12). Nothing in an answer is personal, and nothing in it
//! was written by AWS.

use serde_json::{Value, json};

use crate::assign::owner::Owner;
use crate::connect::{Applied, UserIds};
use crate::fault::{Fault, Kind};
use crate::http::Response;

/// What happened, where nothing failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Connect holds this owner's user.
    Applied(Applied, Owner),
    /// The function is up.
    Healthy,
    /// There was nothing to do; the reason is for the sender's administrator.
    Ignored(&'static str),
}

impl Outcome {
    /// The word for the log and the answer.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Applied(Applied::AlreadyOurs(_), _) => "alreadyOurs",
            Self::Applied(Applied::Created(_), _) => "created",
            Self::Healthy => "healthy",
            Self::Ignored(_) => "ignored",
        }
    }

    /// What Connect calls the user that this is about.
    #[must_use]
    pub const fn user_ids(&self) -> Option<&UserIds> {
        match self {
            Self::Applied(Applied::AlreadyOurs(ids) | Applied::Created(ids), _) => Some(ids),
            Self::Healthy | Self::Ignored(_) => None,
        }
    }

    /// The answer to a signed hook.
    #[must_use]
    pub fn response(&self) -> Response {
        let outcome = self.name();
        match self {
            Self::Applied(applied, owner) => {
                let (status, UserIds { id, arn }) = match applied {
                    Applied::AlreadyOurs(ids) => (200, ids),
                    Applied::Created(ids) => (201, ids),
                };
                let body = json!({
                    "outcome": outcome, "userId": id, "userArn": arn, "owner": owner.hash(),
                });
                json_response(status, &body)
            }
            Self::Healthy => Response::new(200, ""),
            Self::Ignored(reason) => {
                json_response(200, &json!({"outcome": outcome, "reason": reason}))
            }
        }
    }
}

/// How a kind of fault is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The HTTP status.
    pub status: u16,
    /// The SCIM error type (RFC 7644, table 9), where there is one.
    pub scim_type: Option<&'static str>,
    /// Seconds after which the sender may try again.
    pub retry_after: Option<u32>,
}

impl Row {
    /// The answer to a signed hook for this kind of fault.
    #[must_use]
    pub const fn of(kind: Kind) -> Self {
        let (status, scim_type, retry_after) = match kind {
            Kind::Unauthenticated => (401, None, None),
            Kind::TooLarge => (413, None, None),
            Kind::InvalidSyntax => (400, Some("invalidSyntax"), None),
            Kind::InvalidValue => (400, Some("invalidValue"), None),
            Kind::Uniqueness => (409, Some("uniqueness"), None),
            Kind::UnknownRoute => (404, None, None),
            Kind::WrongMethod { .. } => (405, None, None),
            Kind::NeedsRoster => (501, None, None),
            Kind::Throttled => (429, None, Some(5)),
            Kind::QuotaFull => (503, None, Some(3600)),
            Kind::Unavailable => (503, None, Some(30)),
            Kind::Configuration | Kind::Bug => (500, None, None),
        };
        Self { status, scim_type, retry_after }
    }
}

impl Fault {
    /// The answer to a signed hook.
    #[must_use]
    pub fn response(&self) -> Response {
        let Row { status, scim_type, retry_after } = Row::of(self.kind);
        let mut body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": status.to_string(),
            "detail": self.detail,
        });
        if let (Some(scim_type), Some(members)) = (scim_type, body.as_object_mut()) {
            members.insert("scimType".to_owned(), scim_type.into());
        }
        let mut response = json_response(status, &body);
        if let Some(seconds) = retry_after {
            response.headers.insert("retry-after", seconds.to_string());
        }
        if let Kind::WrongMethod { allow } = self.kind {
            response.headers.insert("allow", allow.to_owned());
        }
        response
    }
}

fn json_response(status: u16, body: &Value) -> Response {
    let mut response = Response::new(status, body.to_string());
    let media_type = if status < 400 { "application/json" } else { "application/scim+json" };
    response.headers.insert("content-type", media_type.to_owned());
    response
}
