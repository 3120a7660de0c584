//! The `/_roster` API: shows an operator the roster's records and requeues them, over HTTP or on
//! the file.
//!
//! ```json
//! {"counts": {"applied": 7, "parked": 1, …}, "parked": [{"id": "…", …}], "pending": [{"id": "…", …}]}
//! {"retry": ["…"], "release": "all", "shutOut": ["…"], "readmit": ["…"], "confirm": ["…"], "pause": true}
//! ```
//! The first is the answer to `GET`; `GET /_roster/{id}` answers one record. The second is the body
//! of `PUT`, with any of its members. Nothing in it is personal, as ids are random, unless
//! `?names` adds each `userName`.

use std::collections::BTreeSet;
use std::time::SystemTime;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::super::{lines, now};
use crate::reconcile::PAUSE_TTL;
use crate::roster::Roster;
use crate::roster::key::Id;
use crate::roster::parked::{self, RequeueError};
use crate::roster::record::{DesiredState, Phase, UserRecord};

/// The path of the API.
pub(in crate::cli) const PATH: &str = "/_roster";

/// The prefix of the path of a record.
pub(in crate::cli) const BELOW: &str = "/_roster/";

/// Since when all but farewells is stopped.
pub(super) const PAUSED_SINCE: &str = "pausedSince";

/// How many users are still to be signed out.
pub(super) const SESSIONS_OWED: &str = "sessionsOwed";

/// The query that adds user names.
pub(super) const NAMES: &str = "names";

/// The most pending records in a list, the longest pending first.
const MOST_PENDING: usize = 100;

/// A request to requeue records.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequeueRequest {
    /// Records to try again under all rules.
    #[serde(default)]
    pub(super) retry: Ids,
    /// Records to try again with their removal permitted.
    #[serde(default)]
    pub(super) release: Ids,
    /// They are let in again, by id or `userName`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) readmit: Vec<String>,
    /// The users that were adopted are theirs, by id or `userName`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) confirm: Vec<String>,
    /// Whether all but farewells stops; nothing said changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pause: Option<bool>,
    /// They are suspended at once, by id or `userName`.
    #[serde(default, rename = "shutOut", skip_serializing_if = "Vec::is_empty")]
    pub(super) shut_out: Vec<String>,
}

/// A selection of parked records.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Ids {
    /// All of them; for a release, all whose removal is held.
    #[serde(serialize_with = "all")]
    All,
    /// The records with these ids.
    These(BTreeSet<Id>),
}

impl Ids {
    pub(super) fn these(ids: &[String]) -> Self {
        Self::These(ids.iter().map(|id| Id::from_text(id)).collect())
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

/// Answers a request to the admin endpoint.
pub(in crate::cli) async fn answer(
    roster: &dyn Roster,
    head: &Parts,
    body: &[u8],
) -> Response<Full<Bytes>> {
    let names = head.uri.query() == Some(NAMES);
    let one = head.uri.path().strip_prefix(BELOW);
    let answered = match (head.method.clone(), one) {
        (Method::GET, None) => state(roster, names, now()).await,
        (Method::GET, Some(id)) => {
            let id = Id::from_text(id);
            record(roster, &id, names)
                .await
                .and_then(|found| found.ok_or(RequeueError::Unknown(id)))
        }
        (Method::PUT, None) => match serde_json::from_slice(body) {
            Ok(change) => self::change(roster, &change, now()).await,
            Err(error) => return refused(StatusCode::BAD_REQUEST, &error.to_string()),
        },
        (_, one) => {
            let methods = if one.is_some() { "GET" } else { "GET or PUT" };
            let detail = format!("method: expected {methods}");
            return refused(StatusCode::METHOD_NOT_ALLOWED, &detail);
        }
    };
    match answered {
        Ok(document) => response(StatusCode::OK, &document),
        Err(refusal) => {
            let status = match refusal {
                RequeueError::Unknown(_) | RequeueError::Nobody(_) => StatusCode::NOT_FOUND,
                RequeueError::NotParked(_) | RequeueError::Overtaken(_) => StatusCode::CONFLICT,
                RequeueError::Roster(_) => StatusCode::SERVICE_UNAVAILABLE,
            };
            refused(status, &refusal.to_string())
        }
    }
}

/// An error answer.
pub(in crate::cli) fn refused(status: StatusCode, detail: &str) -> Response<Full<Bytes>> {
    response(status, &json!({"detail": detail}))
}

fn response(status: StatusCode, document: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(document.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The number of records in each state, and the parked and the pending ones.
pub(super) async fn state(
    roster: &dyn Roster,
    names: bool,
    now: SystemTime,
) -> Result<Value, RequeueError> {
    let counts = roster.counts().await?;
    let shown = |records: &[UserRecord]| -> Vec<Value> {
        records.iter().map(|record| shown(record, names)).collect()
    };
    let parked = shown(&parked::all(roster).await?);
    let pending = shown(&parked::pending(roster, now, MOST_PENDING).await?);
    let paused = roster.paused().await?;
    let mut state = json!({
        "counts": {
            "applied": counts.applied, "parked": counts.parked, "pending": counts.pending,
            "removed": counts.removed, "forgotten": counts.forgotten,
        },
        "oldestPending": counts.oldest_pending.map(lines::text),
        "parked": parked,
        "pending": pending,
    });
    if let (Some(members), Some(since)) = (state.as_object_mut(), paused) {
        members.insert(PAUSED_SINCE.to_owned(), lines::text(since).into());
    }
    Ok(state)
}

/// The record of this id in any state, if it exists.
pub(super) async fn record(
    roster: &dyn Roster,
    id: &Id,
    names: bool,
) -> Result<Option<Value>, RequeueError> {
    Ok(roster.load(id).await?.map(|record| shown(&record, names)))
}

fn shown(record: &UserRecord, names: bool) -> Value {
    let parked = match &record.schedule.phase {
        Phase::Parked(parked) => Some(parked),
        Phase::Applied | Phase::Pending => None,
    };
    let wanted = match record.desired_state() {
        DesiredState::Active => "active",
        DesiredState::Inactive => "inactive",
        DesiredState::Deleted => "gone",
    };
    let state = match &record.schedule.phase {
        _ if record.is_tombstone() => "removed",
        Phase::Applied => "applied",
        Phase::Parked(_) => "parked",
        Phase::Pending => "pending",
    };
    let detail = parked.map(|parked| &parked.detail);
    let mut shown = json!({
        "id": record.id,
        "state": state,
        "wanted": wanted,
        "fault": parked.map(|parked| &parked.fault),
        "turn": parked.map(|parked| &parked.turn),
        "detail": detail.or(record.schedule.waits_for.as_ref()),
        "cause": parked.and_then(|parked| parked.cause.as_ref()),
        "attempts": record.schedule.attempts,
        "since": record.pending_since().map(lines::text),
        "due": record.schedule.due.map(lines::text),
        "asOf": lines::text(record.as_of()),
        "owner": record.owner,
        "connectUserId": record.status.user.as_ref().map(|held| &held.ids.id),
    });
    let owed = record.status.sessions_owed.len();
    if let Some(members) = shown.as_object_mut() {
        if names {
            members.insert("userName".to_owned(), record.spec.person.user_name().ok().into());
        }
        if owed > 0 {
            members.insert(SESSIONS_OWED.to_owned(), owed.into());
        }
    }
    shown
}

/// Requeues records. If one of them is not parked, none is changed.
pub(super) async fn change(
    roster: &dyn Roster,
    change: &RequeueRequest,
    now: SystemTime,
) -> Result<Value, RequeueError> {
    let released = resolve(roster, &change.release, parked::is_held).await?;
    let mut retried = resolve(roster, &change.retry, |_| true).await?;
    // A released record must not be held again.
    retried.retain(|id| !released.contains(id));
    parked::release(roster, &released, now).await?;
    parked::retry(roster, &retried, now).await?;
    let people = |told: &[String]| told.iter().map(|one| Id::from_text(one)).collect::<Vec<_>>();
    if let Some(pause) = change.pause {
        // Whoever pauses again keeps the time of the first.
        let since = roster.paused().await?.unwrap_or(now);
        roster.set_paused(pause.then_some(since)).await?;
        // Answered once every process that follows this roster knows.
        sleep(PAUSE_TTL).await;
    }
    let confirmed = parked::confirm(roster, &people(&change.confirm), now).await?;
    let readmitted = parked::readmit(roster, &people(&change.readmit), now).await?;
    let shut_out = parked::shut_out(roster, &people(&change.shut_out), now).await?;
    let mut done = json!({"released": released, "retried": retried});
    let said = [("confirmed", confirmed), ("readmitted", readmitted), ("shutOut", shut_out)];
    for (name, ids) in said {
        if let Some(members) = done.as_object_mut().filter(|_| !ids.is_empty()) {
            members.insert(name.to_owned(), json!(ids));
        }
    }
    if let Some(members) = done.as_object_mut().filter(|_| change.pause.is_some()) {
        let since = roster.paused().await?.map(lines::text);
        members.insert(PAUSED_SINCE.to_owned(), json!(since));
    }
    Ok(done)
}

/// The ids of a selection, all of parked records. `All` selects those for which `are_meant` is
/// true.
async fn resolve(
    roster: &dyn Roster,
    ids: &Ids,
    are_meant: fn(&UserRecord) -> bool,
) -> Result<Vec<Id>, RequeueError> {
    match ids {
        Ids::All => {
            let parked = parked::all(roster).await?.into_iter().filter(are_meant);
            Ok(parked.map(|record| record.id).collect())
        }
        Ids::These(ids) => {
            for id in ids {
                parked::find(roster, id).await?;
            }
            Ok(ids.iter().cloned().collect())
        }
    }
}
