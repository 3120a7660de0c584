//! `/_roster`: what the operator sees of a roster and does about it, over HTTP or on its file.
//!
//! ```json
//! {"counts": {"applied": 7, "parked": 1, "pending": 0, "removed": 2}, "parked": [{"id": "…", …}]}
//! {"retry": ["…"], "release": "all"}
//! ```
//! `GET` answers the first; the second is what `PUT` takes, either member or both. Nothing in it is
//! personal: an id is random.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::SystemTime;

use aws_sdk_connect::primitives::{DateTime, DateTimeFormat};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::super::now;
use crate::roster::Roster;
use crate::roster::key::Id;
use crate::roster::parked::{self, Refused};
use crate::roster::record::{Record, State, Wanted};

/// Where it is asked.
pub(in crate::cli) const PATH: &str = "/_roster";

/// Whom to set going again, and how.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// Under all the rules.
    #[serde(default)]
    pub(super) retry: Ids,
    /// Their removals are let through.
    #[serde(default)]
    pub(super) release: Ids,
}

/// Some of those who are parked.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Ids {
    /// Everybody.
    #[serde(serialize_with = "all")]
    All,
    /// These.
    These(BTreeSet<Id>),
}

impl Ids {
    pub(super) fn these(ids: &[String]) -> Self {
        Self::These(ids.iter().map(|id| Id::read(id)).collect())
    }
}

impl Default for Ids {
    fn default() -> Self {
        Self::These(BTreeSet::new())
    }
}

const ALL: &str = "all";

fn all<S: serde::Serializer>(serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(ALL)
}

impl<'de> Deserialize<'de> for Ids {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Wire {
            Word(String),
            Ids(Vec<String>),
        }
        match Wire::deserialize(deserializer) {
            Ok(Wire::Word(word)) if word == ALL => Ok(Self::All),
            Ok(Wire::Ids(ids)) => Ok(Self::these(&ids)),
            _ => Err(serde::de::Error::custom("expected a list of ids, or \"all\"")),
        }
    }
}

/// Whether a request is the operator's, from this machine: who rebinds a name to this machine's
/// address, or comes through a tunnel, has another name in `Host`.
pub(in crate::cli) fn is_meant(request: &Request<Bytes>) -> bool {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let host = host.unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let is_here = name == "localhost" || address.is_ok_and(|address| address.is_loopback());
    is_here && request.uri().path() == PATH
}

/// The answer to such a request.
pub(in crate::cli) async fn answer(
    roster: &dyn Roster,
    request: &Request<Bytes>,
) -> Response<Full<Bytes>> {
    let answered = match *request.method() {
        Method::GET => state(roster, now()).await,
        Method::PUT => match serde_json::from_slice(request.body()) {
            Ok(change) => self::change(roster, &change, now()).await,
            Err(error) => return refused(StatusCode::BAD_REQUEST, &error.to_string()),
        },
        _ => return refused(StatusCode::METHOD_NOT_ALLOWED, "method: expected GET or PUT"),
    };
    match answered {
        Ok(document) => response(StatusCode::OK, &document),
        Err(refusal) => {
            let status = match refusal {
                Refused::Unknown(_) => StatusCode::NOT_FOUND,
                Refused::NotParked(_) | Refused::Overtaken(_) => StatusCode::CONFLICT,
                Refused::Roster(_) => StatusCode::SERVICE_UNAVAILABLE,
            };
            refused(status, &refusal.to_string())
        }
    }
}

fn refused(status: StatusCode, detail: &str) -> Response<Full<Bytes>> {
    response(status, &json!({"detail": detail}))
}

fn response(status: StatusCode, document: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(document.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// How many records there are of each state, and those that are parked.
pub(super) async fn state(roster: &dyn Roster, now: SystemTime) -> Result<Value, Refused> {
    let counts = parked::counts(roster, now).await?;
    let records: Vec<_> = roster.parked().await?.iter().map(shown).collect();
    Ok(json!({
        "counts": {
            "applied": counts.applied, "parked": counts.parked, "pending": counts.pending,
            "removed": counts.removed,
        },
        "parked": records,
    }))
}

fn shown(record: &Record) -> Value {
    let parked = match &record.state {
        State::Parked(parked) => Some(parked),
        State::Applied | State::Pending => None,
    };
    let wanted = match record.wanted {
        Wanted::Active => "active",
        Wanted::Inactive => "inactive",
        Wanted::Gone => "gone",
    };
    json!({
        "id": record.id,
        "wanted": wanted,
        "fault": parked.map(|parked| &parked.fault),
        "turn": parked.map(|parked| &parked.turn),
        "detail": parked.map(|parked| &parked.detail),
        "cause": parked.and_then(|parked| parked.cause.as_ref()),
        "attempts": record.attempts,
        "due": record.due.and_then(text),
        "asOf": text(record.as_of),
    })
}

/// RFC 3339.
fn text(time: SystemTime) -> Option<String> {
    DateTime::from(time).fmt(DateTimeFormat::DateTime).ok()
}

/// Sets records going, all of them or, if one may not be, none.
pub(super) async fn change(
    roster: &dyn Roster,
    change: &Change,
    now: SystemTime,
) -> Result<Value, Refused> {
    let released = resolve(roster, &change.release).await?;
    let mut retried = resolve(roster, &change.retry).await?;
    // Who is to be let through is not to be held again.
    retried.retain(|id| !released.contains(id));
    parked::release(roster, &released, now).await?;
    parked::retry(roster, &retried, now).await?;
    Ok(json!({"released": released, "retried": retried}))
}

/// The ids that are meant, each of which is a parked record's.
async fn resolve(roster: &dyn Roster, ids: &Ids) -> Result<Vec<Id>, Refused> {
    match ids {
        Ids::All => Ok(roster.parked().await?.into_iter().map(|record| record.id).collect()),
        Ids::These(ids) => {
            for id in ids {
                parked::find(roster, id).await?;
            }
            Ok(ids.iter().cloned().collect())
        }
    }
}
