//! Reports the results of requeued records.

use std::error::Error;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};

use super::super::say;
use super::super::table::{Table, Tone};
use super::RosterLocation;
use super::control::SESSIONS_OWED;
use super::shown::list;
use crate::config::of_process;

/// The polling interval.
const REST: Duration = Duration::from_millis(300);

/// Waits until each requeued record was tried or `wait` is over, and prints the state of each.
pub(super) async fn tell(
    place: &RosterLocation,
    changed: &Value,
    wait: Duration,
    json: bool,
) -> Result<(), Box<dyn Error>> {
    let all = [
        ("released", "released"),
        ("retried", "retried"),
        ("confirmed", "confirmed"),
        ("readmitted", "readmitted"),
        ("shutOut", "shut out"),
    ];
    let done = all.map(|(member, done)| {
        let ids = list(changed, member).filter_map(Value::as_str);
        ids.map(|id| (done, id)).collect::<Vec<_>>()
    });
    let done = done.concat();
    let ids: Vec<&str> = done.iter().map(|(_, id)| *id).collect();
    let outcomes = outcomes(place, &ids, wait).await?;
    if json {
        let mut told = changed.clone();
        if let Some(members) = told.as_object_mut() {
            members.insert("outcomes".to_owned(), outcomes.into());
        }
        return Ok(say(told)?);
    }
    if done.is_empty() {
        return Ok(say("nobody is parked")?);
    }
    let mut table = Table::default();
    for ((done, id), outcome) in done.into_iter().zip(&outcomes) {
        let cell = |name: &str| outcome.get(name).and_then(Value::as_str).unwrap_or_default();
        let tone = if cell("state") == "parked" { Tone::Warning } else { Tone::Good };
        let owed = outcome.get(SESSIONS_OWED).and_then(Value::as_u64);
        let detail = match (done, cell("state"), owed) {
            ("shut out", "applied", None) => "has no power, and no session",
            ("shut out", "applied", Some(_)) => {
                "has no power; Amazon Connect does not end the sessions: doctor --online says why"
            }
            _ => cell("detail"),
        };
        table.row(tone, [done, id, cell("state"), cell("fault"), detail]);
    }
    table.print(&of_process())?;
    if !place.is_followed() {
        say("the next serve with this file tries them again")?;
    }
    Ok(())
}

/// The state of each record, in the order of `ids`.
async fn outcomes(
    place: &RosterLocation,
    ids: &[&str],
    wait: Duration,
) -> Result<Vec<Value>, Box<dyn Error>> {
    let end = Instant::now().checked_add(wait);
    let mut outcomes = vec![Value::Null; ids.len()];
    loop {
        for (outcome, id) in outcomes.iter_mut().zip(ids) {
            if outcome.is_null() || is_untried(outcome) {
                *outcome = match place.record(id, false).await? {
                    Some(record) => short(&record),
                    // The record was erased: its removal is complete.
                    None => json!({"id": id, "state": "removed"}),
                };
            }
        }
        let untried = outcomes.iter().filter(|outcome| is_untried(outcome)).count();
        if untried == 0 || end.is_some_and(|end| Instant::now() >= end) {
            break;
        }
        progress(ids.len().saturating_sub(untried), ids.len());
        sleep(REST).await;
    }
    if io::stderr().is_terminal() && !ids.is_empty() {
        eprintln!();
    }
    Ok(outcomes)
}

fn short(record: &Value) -> Value {
    let members = ["id", "state", "fault", "detail", "attempts"];
    let member = |name: &str| (name.to_owned(), record.get(name).cloned().unwrap_or_default());
    let mut short: Map<String, Value> = members.map(member).into_iter().collect();
    short.extend(record.get(SESSIONS_OWED).map(|owed| (SESSIONS_OWED.to_owned(), owed.clone())));
    Value::Object(short)
}

/// True if no attempt was made since the record was requeued.
fn is_untried(outcome: &Value) -> bool {
    let is_pending = outcome.get("state").and_then(Value::as_str) == Some("pending");
    is_pending && outcome.get("attempts").and_then(Value::as_u64) == Some(0)
}

fn progress(tried: usize, of: usize) {
    let mut out = io::stderr().lock();
    if out.is_terminal() {
        let _unread = write!(out, "\r{tried} of {of} were tried").and_then(|()| out.flush());
    }
}
