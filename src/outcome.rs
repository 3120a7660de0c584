//! Outcome or fault → status and body: the one table of answers.
//!
//! No other file names a status. A 4xx says that the sender can mend it, so our own trouble with
//! AWS is a 500 and never a 401 or 403, which would tell the sender that *its* key is bad. Error
//! bodies are those of SCIM (RFC 7644 §3.12). Nothing in an answer is personal, and nothing in it
//! was written by AWS.

pub mod resource;

use std::cmp::Reverse;

use serde_json::{Value, json};

use crate::assign::owner::Owner;
use crate::connect::{Applied, UserIds};
use crate::fault::{Fault, Kind};
use crate::http::{JSON, Response, SCIM_JSON};
use resource::ScimResponse;

/// What happened, where nothing failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Connect follows: what came of this owner's user.
    Applied(Applied, Owner),
    /// Several events in one request: what came of each.
    Batch(Vec<Result<Self, Fault>>),
    /// The sender asked whether it is really us, by this challenge.
    Confirmed(String),
    /// The function is up.
    Healthy,
    /// There was nothing to do; the reason is for the sender's administrator.
    Ignored(&'static str),
    /// Somebody left, and cannot be removed without a roster.
    LeaverIgnored,
    /// It is in the roster, and waits for somebody.
    Parked(Fault, Owner),
    /// It is in the roster, and Connect will follow; what time has to mend first, where that is known,
    /// is for the log.
    Pending(Owner, Option<Box<Fault>>),
    /// A SCIM client's request, and what of it is worth a line.
    Scim(Box<ScimResponse>),
}

impl Outcome {
    /// The word for the log and the answer.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Applied(applied, _) => applied.name(),
            Self::Batch(_) => "batch",
            Self::Confirmed(_) => "confirmed",
            Self::Healthy => "healthy",
            Self::Ignored(_) => "ignored",
            Self::LeaverIgnored => "leaverIgnored",
            Self::Parked(..) => "parked",
            Self::Pending(..) => "pending",
            Self::Scim(answer) => match &answer.kept {
                Some(kept) => kept.name(),
                None => answer.action.name(),
            },
        }
    }

    /// Whose user it is.
    #[must_use]
    pub fn owner(&self) -> Option<&Owner> {
        match self {
            Self::Applied(_, owner) | Self::Parked(_, owner) | Self::Pending(owner, _) => {
                Some(owner)
            }
            Self::Scim(answer) => answer.kept.as_ref().and_then(Self::owner),
            _ => None,
        }
    }

    /// What Connect calls the user that this is about.
    #[must_use]
    pub fn user_ids(&self) -> Option<&UserIds> {
        match self {
            Self::Applied(applied, _) => applied.user_ids(),
            Self::Scim(answer) => answer.kept.as_ref().and_then(Self::user_ids),
            _ => None,
        }
    }

    /// What came of it towards Connect, whoever asked.
    #[must_use]
    pub fn kept(&self) -> &Self {
        match self {
            Self::Scim(answer) => answer.kept.as_ref().unwrap_or(self),
            _ => self,
        }
    }

    /// The answer.
    #[must_use]
    pub fn response(&self) -> Response {
        match self {
            Self::Applied(Applied::Created(_), _) => json_response(201, &self.body()),
            Self::Batch(events) => batch(events),
            Self::Healthy => Response::new(200, ""),
            Self::Parked(..) | Self::Pending(..) => json_response(202, &self.body()),
            Self::Scim(answer) => answer.response(),
            _ => json_response(200, &self.body()),
        }
    }

    /// What the answer tells.
    #[must_use]
    pub fn body(&self) -> Value {
        let outcome = self.name();
        match self {
            Self::Applied(applied, owner) => match applied.user_ids() {
                Some(UserIds { id, arn }) => {
                    json!({"outcome": outcome, "userId": id, "userArn": arn, "owner": owner.hash()})
                }
                None => json!({"outcome": outcome, "owner": owner.hash()}),
            },
            Self::Confirmed(challenge) => json!({"verification": challenge}),
            Self::Ignored(reason) => json!({"outcome": outcome, "reason": reason}),
            Self::LeaverIgnored => json!({"outcome": outcome, "reason": LEAVER_IGNORED}),
            Self::Parked(fault, owner) => json!({
                "outcome": outcome, "fault": fault.kind.code(), "reason": fault.detail,
                "owner": owner.hash(),
            }),
            Self::Pending(owner, _) => json!({"outcome": outcome, "owner": owner.hash()}),
            Self::Scim(answer) => answer.body.clone().into(),
            Self::Batch(_) | Self::Healthy => json!({"outcome": outcome}),
        }
    }
}

const LEAVER_IGNORED: &str = "this deployment creates users only; remove this person's user in \
    Amazon Connect by hand";

/// The answer to an Okta event hook: the worst of its events' answers, and a list of all. Okta
/// repeats the whole hook, once, after a 5xx and never after a 4xx.
fn batch(events: &[Result<Outcome, Fault>]) -> Response {
    let row = |fault: &Fault| AnswerRow::in_batch(fault.kind);
    let listed: Vec<Value> = events
        .iter()
        .map(|event| event.as_ref().map_or_else(|fault| fault.body(row(fault)), Outcome::body))
        .collect();
    let faults =
        events.iter().zip(1..).filter_map(|(event, number)| Some((event.as_ref().err()?, number)));
    // The first of the worst, since `min_by_key` takes the first of equals.
    let worst = faults.min_by_key(|(fault, _)| Reverse(row(fault).status / 100));
    let Some((fault, number)) = worst else {
        return json_response(200, &json!({"outcome": "batch", "events": listed}));
    };
    let detail = format!("event {number} of {}: {}", events.len(), fault.detail);
    let mut body = Fault { detail: detail.into(), ..fault.clone() }.body(row(fault));
    if let Some(members) = body.as_object_mut() {
        members.insert("events".to_owned(), listed.into());
    }
    row(fault).response(&body)
}

/// How a kind of fault is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerRow {
    /// The HTTP status.
    pub status: u16,
    /// The SCIM error type (RFC 7644, table 9), where there is one.
    pub scim_type: Option<&'static str>,
    /// Seconds after which the sender may try again.
    pub retry_after: Option<u32>,
}

impl AnswerRow {
    /// The answer for this kind of fault in one of the events of an Okta event hook. Okta never
    /// repeats a 4xx, and a 500 here would be as good as a 503, which at least says so.
    #[must_use]
    pub const fn in_batch(kind: Kind) -> Self {
        match kind {
            Kind::Throttled | Kind::Conflict | Kind::Configuration => {
                Self { status: 503, ..Self::of(kind) }
            }
            _ => Self::of(kind),
        }
    }

    /// The answer to a signed hook for this kind of fault.
    #[must_use]
    pub const fn of(kind: Kind) -> Self {
        let (status, scim_type, retry_after) = match kind {
            Kind::Unauthenticated => (401, None, None),
            Kind::TooLarge => (413, None, None),
            Kind::InvalidSyntax => (400, Some("invalidSyntax"), None),
            Kind::InvalidValue => (400, Some("invalidValue"), None),
            Kind::Uniqueness => (409, Some("uniqueness"), None),
            Kind::Conflict => (409, None, None),
            Kind::InvalidFilter => (400, Some("invalidFilter"), None),
            Kind::InvalidPath => (400, Some("invalidPath"), None),
            Kind::NoTarget => (400, Some("noTarget"), None),
            Kind::Mutability => (400, Some("mutability"), None),
            Kind::TooMany => (400, Some("tooMany"), None),
            Kind::Precondition => (412, None, None),
            Kind::Forbidden => (403, None, None),
            Kind::NotOffered => (501, None, None),
            Kind::NotFound | Kind::UnknownRoute => (404, None, None),
            Kind::WrongMethod { .. } => (405, None, None),
            Kind::NeedsRoster => (501, None, None),
            Kind::Throttled => (429, None, Some(5)),
            Kind::QuotaFull => (503, None, Some(3600)),
            Kind::Unavailable | Kind::Waiting => (503, None, Some(30)),
            Kind::RemovalHeld
            | Kind::Missing
            | Kind::Renamed
            | Kind::Unconfirmed
            | Kind::Unequal
            | Kind::Configuration
            | Kind::Bug => (500, None, None),
        };
        Self { status, scim_type, retry_after }
    }

    fn response(self, body: &Value) -> Response {
        let mut response = json_response(self.status, body);
        if let Some(seconds) = self.retry_after {
            response.headers.insert("retry-after", seconds.to_string());
        }
        response
    }
}

impl Fault {
    /// The answer.
    #[must_use]
    pub fn response(&self) -> Response {
        let row = AnswerRow::of(self.kind);
        let mut response = row.response(&self.body(row));
        if let Kind::WrongMethod { allow } = self.kind {
            // What GET gets, HEAD gets too (RFC 9110 §9.1).
            let with_head =
                |method: &&'static str| if *method == "GET" { "GET, HEAD" } else { *method };
            let allow: Vec<_> = allow.iter().map(with_head).collect();
            response.headers.insert("allow", allow.join(", "));
        }
        response
    }

    fn body(&self, AnswerRow { status, scim_type, .. }: AnswerRow) -> Value {
        let mut body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": status.to_string(),
            "detail": self.detail,
        });
        if let (Some(scim_type), Some(members)) = (scim_type, body.as_object_mut()) {
            members.insert("scimType".to_owned(), scim_type.into());
        }
        body
    }
}

fn json_response(status: u16, body: &Value) -> Response {
    let mut response = Response::new(status, body.to_string());
    let media_type = if status < 400 { JSON } else { SCIM_JSON };
    response.headers.insert("content-type", media_type.to_owned());
    response
}
