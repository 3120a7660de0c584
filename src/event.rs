//! Verified request → [`Intent`]: what the sender wants, in one vocabulary.
//!
//! Three bodies are read: a bare SCIM core User, which asks for that person to join; an envelope
//! `{"type", "timestamp"?, "data": <User>}` in the manner of Standard Webhooks, whose type says
//! what is asked; and an [`okta`] event hook's batch. Roles, entitlements and groups in the payload
//! are read by nobody: what a person may do comes from the operator's settings.

mod access;
mod kind;
pub mod okta;

pub use access::{AccessStatement, ParseReasonError, Reason};
pub use kind::{TYPES, ToIntent};

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use crate::fault::{Fault, Kind};
use crate::http::Request;
use crate::json::{self, describe, member};
use crate::scim::{Person, USER_SCHEMA};
use crate::time;
use crate::trust::{TOLERANCE, Verified, unauthenticated};
use okta::Scope;

/// The change that a sender asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Intent {
    /// This person shall be there.
    Join(Person),
    /// The person's profile has changed.
    Change(Person),
    /// This person shall be shut out, and may come back.
    Leave(Person),
    /// This person, who left, shall be let in again.
    Return(Person),
    /// This person shall be gone for good.
    Remove(Person),
    /// Nothing that concerns Amazon Connect; the reason is for the sender's administrator.
    Nothing(&'static str),
}

const NOT_OURS: &str = "events of this type ask nothing of Amazon Connect";

/// The content of a request: one event or a batch.
pub enum Message {
    /// Several events, each by itself, in the order in which they stand there.
    Batch(Vec<okta::Element>),
    /// One event.
    One(Event),
}

/// One event.
pub struct Event {
    /// The change that it asks for.
    pub intent: Intent,
    /// What it says of the person's access.
    pub access: AccessStatement,
    /// When it happened at the sender's, where it says so: the envelope's `timestamp`, else the
    /// User's `meta.lastModified`, which does not date a farewell: it was changed before they left.
    pub happened: Option<SystemTime>,
    /// Something that is wrong with it, though it is accepted.
    pub warning: Option<EventWarning>,
}

/// Something that is wrong with an event that is accepted all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventWarning {
    /// It is of a type that asks nothing here, and resembles none that does.
    UnknownType,
    /// It says when it happened, in a way that cannot be read; but somebody leaves.
    UnreadTime,
}

impl EventWarning {
    /// The word for the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnknownType => "unknownType",
            Self::UnreadTime => "unreadTime",
        }
    }
}

impl Message {
    /// Reads what a verified request asks for; `scope` says which of Okta's events ask for
    /// anything.
    ///
    /// # Errors
    /// [`Kind::InvalidSyntax`] if the body is not JSON, or none of the three that are read;
    /// [`Kind::Unauthenticated`] if the body alone has a time, and that is too long ago.
    pub fn read(
        request: &Verified<&Request>,
        scope: &Scope,
        now: SystemTime,
    ) -> Result<Self, Fault> {
        let body = json::read(&request.body)?;
        if request.scheme().is_dated_by_its_body() {
            check_date(&body, now)?;
        }
        match body {
            Value::Object(batch) if okta::is_batch(&batch) => {
                okta::read(&batch, scope).map(Self::Batch)
            }
            Value::Object(user) if Person::is_user(&user) => Event::bare(user).map(Self::One),
            Value::Object(envelope) => Event::open(envelope).map(Self::One),
            other => Err(unknown_message(describe(&other))),
        }
    }
}

impl Intent {
    /// The word for the log.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Join(_) => "join",
            Self::Change(_) => "change",
            Self::Leave(_) => "leave",
            Self::Return(_) => "return",
            Self::Remove(_) => "remove",
            Self::Nothing(_) => "nothing",
        }
    }

    /// True if it takes access away.
    #[must_use]
    pub fn is_farewell(&self) -> bool {
        match self {
            Self::Leave(_) | Self::Remove(_) => true,
            Self::Join(person) | Self::Change(person) => matches!(person.active(), Ok(false)),
            Self::Return(_) | Self::Nothing(_) => false,
        }
    }

    /// The person that it is about; `None` if it asks for nothing.
    #[must_use]
    pub const fn person(&self) -> Option<&Person> {
        match self {
            Self::Join(person)
            | Self::Change(person)
            | Self::Leave(person)
            | Self::Return(person)
            | Self::Remove(person) => Some(person),
            Self::Nothing(_) => None,
        }
    }
}

impl Event {
    /// A bare User asks to join. A User has no attribute `type` (RFC 7643 §4.1), so one that has is
    /// an event that was flattened, and a `user.deleted` among those must not create anybody.
    fn bare(user: Map<String, Value>) -> Result<Self, Fault> {
        match member(&user, "type") {
            None => {
                let intent = Intent::Join(Person::new(user));
                check_flat(&intent)?;
                Ok(Self::of(intent, None))
            }
            Some(_) => Err(unknown_message("a User with a type among its attributes")),
        }
    }

    fn open(envelope: Map<String, Value>) -> Result<Self, Fault> {
        let Some(Value::String(event_type)) = member(&envelope, "type") else {
            return Err(unknown_message("an object that is none of these"));
        };
        let Some(wish) = kind::wish(event_type)? else {
            let warning = Some(EventWarning::UnknownType);
            return Ok(Self { warning, ..Self::of(Intent::Nothing(NOT_OURS), None) });
        };
        let timestamp = timestamp(&envelope);
        let intent = wish(data(envelope)?);
        check_flat(&intent)?;
        match timestamp {
            Ok(timestamp) => Ok(Self::of(intent, timestamp)),
            // A leave must not fail because of how a time is written: access would stay.
            Err(_) if intent.is_farewell() => {
                Ok(Self { warning: Some(EventWarning::UnreadTime), ..Self::of(intent, None) })
            }
            Err(fault) => Err(fault),
        }
    }

    fn of(intent: Intent, timestamp: Option<SystemTime>) -> Self {
        let modified = || intent.person()?.last_modified().and_then(time::read);
        let happened = if intent.is_farewell() { timestamp } else { timestamp.or_else(modified) };
        let access = AccessStatement::of(&intent);
        Self { happened, access, intent, warning: None }
    }
}

/// Refuses attributes below the core schema's URN: nobody reads them there, and `active` may be one.
/// Whoever leaves needs none of them.
fn check_flat(intent: &Intent) -> Result<(), Fault> {
    let is_core = |name: &String| {
        let start = name.trim().get(..USER_SCHEMA.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(USER_SCHEMA))
    };
    let person = intent.person().filter(|_| !intent.is_farewell());
    match person.is_some_and(|person| person.resource().keys().any(is_core)) {
        true => Err(Fault::value(USER_SCHEMA, "no members below this name", "some")),
        false => Ok(()),
    }
}

/// An envelope's own time, if it has one: by RFC 3339, or a number since 1970, also one in a string.
fn timestamp(envelope: &Map<String, Value>) -> Result<Option<SystemTime>, Fault> {
    let read = match member(envelope, "timestamp") {
        None => return Ok(None),
        Some(Value::String(text)) if text.is_empty() => return Ok(None),
        Some(Value::String(text)) => {
            let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
            let number = text.parse().ok().filter(|_| is_number);
            time::read(text).or_else(|| time::of_number(number?))
        }
        Some(Value::Number(number)) => number.as_f64().and_then(time::of_number),
        Some(_) => None,
    };
    read.map(Some).ok_or_else(|| {
        Fault::new(
            Kind::InvalidSyntax,
            "timestamp: expected a time such as 2026-11-22T08:15:00Z, or seconds or milliseconds \
             since 1970; found something else",
        )
    })
}

/// A signature without a time is good for ever, so the signed body must have one: an envelope whose
/// `timestamp` is at most [`OLDEST`] ago, and at most [`TOLERANCE`] ahead of our clock.
fn check_date(body: &Value, now: SystemTime) -> Result<(), Fault> {
    let envelope = body.as_object().filter(|object| !Person::is_user(object));
    let timestamp = envelope.and_then(|envelope| timestamp(envelope).ok().flatten());
    let Some(timestamp) = timestamp else {
        return Err(Fault::new(
            Kind::InvalidSyntax,
            "timestamp: expected an envelope with the time of the event, such as \
             2026-11-22T08:15:00Z, because this source's signature has none; found no such time",
        ));
    };
    match now.duration_since(timestamp) {
        Ok(age) if age > OLDEST => Err(unauthenticated("the envelope's timestamp is too old")),
        Err(ahead) if ahead.duration() > TOLERANCE => {
            Err(unauthenticated("the envelope's timestamp is in the future"))
        }
        _ => Ok(()),
    }
}

/// How long a signed body without a signed time of delivery is believed.
pub const OLDEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The User inside an envelope. Its `schemas` need not say so: the type did.
fn data(envelope: Map<String, Value>) -> Result<Person, Fault> {
    let data = envelope.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("data"));
    match data {
        Some((_, Value::Object(user))) => Ok(Person::new(user)),
        Some((_, other)) => Err(not_a_user(describe(&other))),
        None => Err(not_a_user("none")),
    }
}

fn not_a_user(found: &str) -> Fault {
    Fault::new(Kind::InvalidSyntax, format!("data: expected a SCIM User object, found {found}"))
}

fn unknown_message(found: &str) -> Fault {
    Fault::new(
        Kind::InvalidSyntax,
        format!(
            "body: expected a SCIM User (its schemas naming \
             urn:ietf:params:scim:schemas:core:2.0:User), an envelope with type and data, or an \
             Okta event hook, found {found}"
        ),
    )
}
