//! The metrics of the admin endpoint: counters since the start, and the state of the roster.
//!
//! The text is in Prometheus's exposition format 0.0.4: for each metric a `HELP` and a `TYPE` line,
//! and a line per value. No label identifies a person.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::fault::Fault;
use crate::log::{Amount, EventLog, Metric};
use crate::reconcile::drain::Drained;
use crate::roster::RosterError;
use crate::roster::parked::Counts;
use crate::server::Gauge;

/// The content type of the format (Prometheus, "Exposition formats").
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

const PREFIX: &str = "connect_provisioner_";

/// The counters of the process.
#[derive(Debug)]
pub(in crate::cli) struct Meter {
    started: SystemTime,
    counted: Mutex<Totals>,
}

#[derive(Debug, Default)]
struct Totals {
    /// The CloudWatch metrics of requests, by name.
    events: BTreeMap<&'static str, Amount>,
    answers: BTreeMap<u16, u64>,
    /// Log lines by level.
    lines: BTreeMap<&'static str, u64>,
    runs: [u64; 2],
    drained: [u64; 4],
    overdue: u64,
    sessions_not_ended: u64,
    calls: u64,
}

const LEVELS: [&str; 3] = ["ERROR", "WARN", "INFO"];

impl Meter {
    pub(in crate::cli) fn new(started: SystemTime) -> Self {
        let mut counted = Totals::default();
        counted.lines.extend(LEVELS.map(|level| (level, 0)));
        // Every counter exists from the start, with value 0.
        let nothing = EventLog::default();
        let measured = nothing.measured().chain([Metric::connect_latency(Duration::ZERO)]);
        counted.events.extend(measured.map(|metric| (metric.name, metric.amount.nothing())));
        Self { started, counted: Mutex::new(counted) }
    }

    /// Counts the metrics of a request.
    pub(super) fn note(&self, record: &EventLog) {
        self.change(|counted| {
            for Metric { name, amount } in record.measured() {
                let sum = counted.events.entry(name);
                sum.and_modify(|sum| *sum = sum.plus(amount)).or_insert(amount);
            }
        });
    }

    /// Counts an answer by its status.
    pub(super) fn answered(&self, status: u16) {
        self.change(|counted| add(counted.answers.entry(status).or_default(), 1));
    }

    /// Counts a log line by its level.
    pub(in crate::cli) fn said(&self, line: &str) {
        let said = line.strip_prefix("{\"level\":\"").unwrap_or_default();
        if let Some(level) = LEVELS.iter().find(|level| said.starts_with(**level)) {
            self.change(|counted| add(counted.lines.entry(*level).or_default(), 1));
        }
    }

    /// Counts a drain run and its results.
    pub(in crate::cli) fn drained(&self, run: &Result<Drained, Fault>) {
        self.change(|counted| match run {
            Err(_) => add(&mut counted.runs[1], 1),
            Ok(drained) => {
                add(&mut counted.runs[0], 1);
                let Drained { applied, adopted, parked, pending, .. } = drained;
                let came = [*applied, *adopted, parked.len(), pending.len()];
                counted.drained.iter_mut().zip(came).for_each(|(sum, more)| add(sum, more));
                add(&mut counted.overdue, drained.overdue.len());
                add(&mut counted.sessions_not_ended, drained.sessions_not_ended.len());
                let calls = usize::try_from(drained.calls.count).unwrap_or(usize::MAX);
                add(&mut counted.calls, calls);
            }
        });
    }

    /// All metrics as text. `roster` has the roster's counts, or why it did not answer; `None`
    /// without a roster.
    pub(super) fn text(
        &self,
        connections: &Gauge,
        roster: Option<Result<Counts, RosterError>>,
        is_paused: bool,
        now: SystemTime,
    ) -> String {
        let mut text = Text::default();
        text.one("build_info", "gauge", "Which version this is.", "version", VERSION, 1);
        let started = self.started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let help = "When this process started, in seconds since 1970.";
        text.value("start_time_seconds", "gauge", help, started.as_secs_f64());
        text.value("connections", "gauge", "Connections that are open.", connections.open());
        let help = "Connections that were closed to make room for another.";
        text.value("connections_evicted_total", "counter", help, connections.evicted());
        self.change(|counted| counted.write(&mut text));
        if let Some(roster) = roster {
            text.roster(&roster, now);
            let help = "Whether an operator paused everything but farewells: 1, or 0.";
            text.value("paused", "gauge", help, u8::from(is_paused));
        }
        text.0
    }

    fn change<T>(&self, change: impl FnOnce(&mut Totals) -> T) -> T {
        change(&mut self.counted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn add(sum: &mut u64, more: usize) {
    *sum = sum.saturating_add(u64::try_from(more).unwrap_or(u64::MAX));
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

impl Totals {
    fn write(&self, text: &mut Text) {
        for (name, sum) in &self.events {
            let help = format!("What the function writes to CloudWatch as {name}.");
            let name = snake_case(name);
            match sum {
                Amount::Time(sum) => {
                    let name = format!("{name}_seconds_total");
                    text.value(&name, "counter", &help, sum.as_secs_f64());
                }
                Amount::Count(sum) => text.value(&format!("{name}_total"), "counter", &help, sum),
                Amount::Age(age) => text.value(&name, "gauge", &help, age.as_secs()),
            }
        }
        text.family(
            "answers_total",
            "counter",
            "Answers by their status.",
            "status",
            &self.answers,
        );
        let lines = self.lines.iter().map(|(level, count)| (level.to_lowercase(), count));
        text.family("log_lines_total", "counter", "Lines of the log.", "level", lines);
        let [sound, failed] = self.runs;
        let runs = [("done", sound), ("failed", failed)];
        text.family("drain_runs_total", "counter", "Runs of the drain.", "result", runs);
        let [applied, adopted, parked, pending] = self.drained;
        let help = "What came of records in the drain; who was adopted was also applied.";
        let came =
            [("applied", applied), ("adopted", adopted), ("parked", parked), ("pending", pending)];
        text.family("drain_records_total", "counter", help, "outcome", came);
        let help = "Records pending for too long, each once an hour: a minute if somebody left, else an hour.";
        text.value("drain_overdue_total", "counter", help, self.overdue);
        let help = "Tries to end the sessions of somebody who left that Connect refused.";
        text.value("drain_sessions_not_ended_total", "counter", help, self.sessions_not_ended);
        let help = "Calls of Amazon Connect by the drain.";
        text.value("drain_connect_calls_total", "counter", help, self.calls);
    }
}

/// The text under construction.
#[derive(Default)]
struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _infallible =
            write!(self.0, "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}\n");
    }

    fn value(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.head(name, kind, help);
        let _infallible = writeln!(self.0, "{PREFIX}{name} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, label: &str, of: &str, value: u64) {
        self.family(name, kind, help, label, [(of, value)]);
    }

    /// Writes the values of one metric, with one label.
    fn family<L: Display, V: Display>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (L, V)>,
    ) {
        self.head(name, kind, help);
        for (of, value) in values {
            let _infallible = writeln!(self.0, "{PREFIX}{name}{{{label}=\"{of}\"}} {value}");
        }
    }

    fn roster(&mut self, roster: &Result<Counts, RosterError>, now: SystemTime) {
        let help = "Whether the roster answers and can be written: 1, or 0.";
        self.value("roster_up", "gauge", help, u8::from(roster.is_ok()));
        let Ok(counts) = roster else { return };
        let states = [
            ("applied", counts.applied),
            ("parked", counts.parked),
            ("pending", counts.pending),
            ("removed", counts.removed),
            ("forgotten", counts.forgotten),
        ];
        let help = "Records by state; forgotten is who left and never had a user.";
        self.family("roster_records", "gauge", help, "state", states);
        let help = "Parked records whose removal is held.";
        self.value("roster_removals_held", "gauge", help, counts.held);
        let age = counts.oldest_pending.and_then(|since| now.duration_since(since).ok());
        let help = "How long the one has been pending that has been so longest; 0 if nobody is.";
        let age = age.unwrap_or_default().as_secs_f64();
        self.value("roster_oldest_pending_seconds", "gauge", help, age);
    }
}

/// Converts `RemovalsHeld` to `removals_held`.
fn snake_case(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}
