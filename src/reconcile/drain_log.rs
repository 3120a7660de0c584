//! One JSON line for each run of the drain that did something, and its metrics.

use std::time::SystemTime;

use serde::Serialize;

use super::drain::{Drained, Stuck};
use crate::config::Level;
use crate::fault::{Fault, Kind};
use crate::log::{Amount, Metric, embedded};
use crate::roster::key::Id;
use crate::roster::parked::Counts;

/// The log line of a run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DrainLog<'a> {
    /// How loud it is said.
    pub level: Level,
    message: &'static str,
    applied: usize,
    #[serde(skip_serializing_if = "is_none")]
    adopted: usize,
    parked: usize,
    pending: usize,
    /// Records that are parked as was told within the hour.
    #[serde(skip_serializing_if = "is_none")]
    told_before: usize,
    connect_calls: u32,
    /// Why records are parked; an entry without id is why the run failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    faults: Vec<UnfinishedLog<'a>>,
    /// Why records are pending.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    waiting: Vec<UnfinishedLog<'a>>,
    /// Records that have been pending for too long.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    overdue: Vec<UnfinishedLog<'a>>,
    /// People who left and whose sessions Connect does not end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sessions_not_ended: Vec<UnfinishedLog<'a>>,
}

/// The metrics of a run, as one line in CloudWatch's embedded metric format. What is counted of events
/// too has the same name: one alarm is for both.
#[must_use]
pub fn metrics(
    run: &Result<Drained, Fault>,
    counts: Option<&Counts>,
    deployment: &str,
    now: SystemTime,
) -> String {
    let count = |name, count: usize| Metric::count(name, u64::try_from(count).unwrap_or(u64::MAX));
    let mut metrics = vec![count("DrainRuns", 1), count("DrainFailed", usize::from(run.is_err()))];
    if let Ok(drained) = run {
        let is_held = |stuck: &&Stuck| stuck.fault.kind == Kind::RemovalHeld;
        metrics.extend([
            count("Parked", drained.parked.len()),
            count("RemovalsHeld", drained.parked.iter().filter(is_held).count()),
            count("Adopted", drained.adopted),
            count("Overdue", drained.overdue.len()),
            count("SessionsNotEnded", drained.sessions_not_ended.len()),
        ]);
    }
    if let Some(counts) = counts {
        let since = counts.oldest_pending.and_then(|since| now.duration_since(since).ok());
        let oldest = Amount::Age(since.unwrap_or_default());
        metrics.push(Metric { name: "OldestPendingSeconds", amount: oldest });
    }
    embedded(deployment, now, metrics.into_iter())
}

#[derive(Debug, Serialize)]
struct UnfinishedLog<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    fault: &'static str,
    turn: &'static str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
}

impl<'a> UnfinishedLog<'a> {
    fn of(fault: &'a Fault) -> Self {
        let (kind, turn) = (fault.kind.code(), fault.kind.responsibility().name());
        let cause = fault.cause.as_deref();
        Self { id: None, owner: None, fault: kind, turn, detail: &fault.detail, cause }
    }

    fn of_record(stuck: &'a Stuck) -> Self {
        Self { id: Some(&stuck.id), owner: Some(&stuck.owner), ..Self::of(&stuck.fault) }
    }
}

impl<'a> DrainLog<'a> {
    /// The log line of a run; `None` if it did nothing.
    #[must_use]
    pub fn of(run: &'a Result<Drained, Fault>) -> Option<Self> {
        let line = |level, faults| Self {
            level,
            message: "drain",
            applied: 0,
            adopted: 0,
            parked: 0,
            pending: 0,
            told_before: 0,
            connect_calls: 0,
            faults,
            waiting: Vec::new(),
            overdue: Vec::new(),
            sessions_not_ended: Vec::new(),
        };
        let drained = match run {
            Ok(drained) if drained.is_idle() => return None,
            Ok(drained) => drained,
            Err(fault) => return Some(line(Level::Error, vec![UnfinishedLog::of(fault)])),
        };
        let level = match drained {
            drained if drained.is_alarming() => Level::Error,
            drained
                if drained.parked.is_empty()
                    && drained.adopted == 0
                    && drained.sessions_not_ended.is_empty() =>
            {
                Level::Info
            }
            _ => Level::Warn,
        };
        let faults = drained.parked.iter().map(UnfinishedLog::of_record).collect();
        Some(Self {
            applied: drained.applied,
            adopted: drained.adopted,
            parked: drained.parked.len(),
            pending: drained.pending.len(),
            told_before: drained.told_before,
            waiting: drained.pending.iter().map(UnfinishedLog::of_record).collect(),
            overdue: drained.overdue.iter().map(UnfinishedLog::of_record).collect(),
            sessions_not_ended: (drained.sessions_not_ended.iter())
                .map(UnfinishedLog::of_record)
                .collect(),
            connect_calls: drained.calls.count,
            ..line(level, faults)
        })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_none(count: &usize) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Kind;

    fn said(run: &Result<Drained, Fault>) -> Option<String> {
        DrainLog::of(run).map(|line| serde_json::to_string(&line).unwrap())
    }

    #[test]
    fn a_run_that_did_nothing_says_nothing() {
        assert_eq!(said(&Ok(Drained::default())), None);
        assert_eq!(said(&Ok(Drained { elsewhere: true, ..Drained::default() })), None);
    }

    #[test]
    fn who_must_be_woken_is_told_louder() {
        let parked = |kind| {
            let fault = Fault::new(kind, "why").caused_by("because");
            let stuck = Stuck { id: Id::from_text("1f"), owner: "0a".to_owned(), fault };
            said(&Ok(Drained { parked: vec![stuck], ..Drained::default() })).unwrap()
        };
        let fault = Fault::new(Kind::Throttled, "slowly").caused_by("CreateUser: Throttling");
        let waits = Stuck { id: Id::from_text("2f"), owner: "0b".to_owned(), fault };
        let applied = Drained { applied: 2, pending: vec![waits], ..Drained::default() };
        insta::assert_snapshot!(
            said(&Ok(applied)).unwrap(),
            @r#"{"level":"INFO","message":"drain","applied":2,"parked":0,"pending":1,"connectCalls":0,"waiting":[{"id":"2f","owner":"0b","fault":"throttled","turn":"later","detail":"slowly","cause":"CreateUser: Throttling"}]}"#
        );
        let adopted = Drained { applied: 1, adopted: 1, ..Drained::default() };
        let line = said(&Ok(adopted)).unwrap();
        assert!(line.contains(r#""level":"WARN""#) && line.contains(r#""adopted":1"#), "{line}");
        assert!(parked(Kind::Uniqueness).contains(r#""level":"WARN""#));
        assert!(parked(Kind::RemovalHeld).contains(r#""level":"ERROR""#));
        insta::assert_snapshot!(
            parked(Kind::Bug),
            @r#"{"level":"ERROR","message":"drain","applied":0,"parked":1,"pending":0,"connectCalls":0,"faults":[{"id":"1f","owner":"0a","fault":"bug","turn":"nobody","detail":"why","cause":"because"}]}"#
        );
        let gone = Fault::new(Kind::Unavailable, "for the sender").caused_by("roster: no answer");
        insta::assert_snapshot!(
            said(&Err(gone)).unwrap(),
            @r#"{"level":"ERROR","message":"drain","applied":0,"parked":0,"pending":0,"connectCalls":0,"faults":[{"fault":"unavailable","turn":"later","detail":"for the sender","cause":"roster: no answer"}]}"#
        );
    }
}
