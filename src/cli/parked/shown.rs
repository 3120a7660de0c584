//! Prints records and counts, as text or JSON.

use std::error::Error;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::super::say;
use super::super::table::{Table, Tone};
use super::control::PAUSED_SINCE;
use crate::config::of_process;
use crate::time;

/// A record that is pending for longer counts as waiting.
const LONG: Duration = Duration::from_hours(1);

pub(super) fn list<'a>(state: &'a Value, member: &str) -> impl Iterator<Item = &'a Value> {
    state.get(member).and_then(Value::as_array).into_iter().flatten()
}

/// The counts as text: `7 applied, 0 pending, 1 parked, 2 removed`, and `forgotten` if not 0.
pub(super) fn counts(state: &Value) -> String {
    let count = |name: &str| state.get("counts").and_then(|counts| counts.get(name));
    let told = ["applied", "pending", "parked", "removed"]
        .map(|name| format!("{} {name}", count(name).unwrap_or(&Value::Null)));
    match count("forgotten").and_then(Value::as_u64) {
        None | Some(0) => told.join(", "),
        Some(forgotten) => format!("{}, {forgotten} forgotten", told.join(", ")),
    }
}

pub(super) fn all(state: &Value, pending: bool, json: bool) -> Result<(), Box<dyn Error>> {
    if json {
        return Ok(say(state)?);
    }
    say(counts(state))?;
    if let Some(since) = state.get(PAUSED_SINCE).and_then(Value::as_str) {
        say(format!(
            "paused since {since}: all but farewells waits for connect-provisioner resume"
        ))?;
    }
    let parked = list(state, "parked");
    let pending = list(state, "pending").filter(|_| pending);
    let records: Vec<Value> = parked.chain(pending).cloned().collect();
    table(&records)
}

/// Prints one row per record, with the user name if it is known.
pub(super) fn table(records: &[Value]) -> Result<(), Box<dyn Error>> {
    let mut table = Table::default();
    for record in records {
        let cell = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default();
        let is_parked = cell("state") == "parked";
        let tone = if is_parked { Tone::Warning } else { Tone::Plain };
        let fault = if is_parked { cell("fault") } else { cell("state") };
        let [id, wanted, turn, detail] = ["id", "wanted", "turn", "detail"].map(cell);
        match record.get("userName") {
            None => table.row(tone, [id, wanted, fault, turn, detail]),
            Some(name) => {
                let name = name.as_str().unwrap_or_default();
                table.row(tone, [id, name, wanted, fault, turn, detail]);
            }
        }
    }
    if table.is_empty() { Ok(()) } else { Ok(table.print(&of_process())?) }
}

pub(super) fn one(record: &Value, json: bool) -> Result<(), Box<dyn Error>> {
    if json {
        return Ok(say(record)?);
    }
    let mut table = Table::default();
    for (name, value) in record.as_object().into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        table.row(Tone::Plain, [name, &text]);
    }
    Ok(table.print(&of_process())?)
}

/// True if a record is parked, or has been pending for longer than an hour.
pub(super) fn is_anybody_waiting(state: &Value, now: SystemTime) -> bool {
    let oldest = state.get("oldestPending").and_then(Value::as_str).and_then(time::read);
    let age = oldest.and_then(|since| now.duration_since(since).ok());
    list(state, "parked").next().is_some() || age.is_some_and(|age| age > LONG)
}
