//! One JSON line per event, fit for CloudWatch Logs Insights, and one line of metrics.
//!
//! What stands here is all that may stand in a log: names of ours, hashes, AWS ids and codes. The
//! one free text is a fault's, which names attributes and checks and never a value: whoever makes a
//! [`Fault`] keeps that promise. Besides an event's lines there are those of the start-up, below;
//! the SDK's own have no subscriber, whatever `RUST_LOG` says.

use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::{Value, json};

use crate::config::{Level, Problem, Problems};
use crate::connect::Calls;
use crate::fault::{Fault, Kind, Turn};
use crate::outcome::Outcome;

/// What is worth knowing of one event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    level: Option<Level>,
    message: &'static str,
    /// Which source spoke; only one that is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// A hash of the event, the same for each of its deliveries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Which of the source's keys it used, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<usize>,
    /// What it wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intent: Option<&'static str>,
    /// For whom: the owner's hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What came of it: an outcome's name or a fault's code.
    outcome: &'static str,
    /// Whose turn it is, after a fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    turn: Option<&'static str>,
    /// Why, after a fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    /// Connect's id of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    /// How many calls of Connect there were.
    #[serde(skip_serializing_if = "Option::is_none")]
    connect_calls: Option<u32>,
    /// Milliseconds that they took together.
    #[serde(skip_serializing_if = "Option::is_none")]
    connect_ms: Option<u128>,
    /// AWS's id of the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    connect_request_id: Option<String>,
    /// The status that was answered.
    status: u16,
    /// Milliseconds from the event's arrival to its answer.
    pub duration_ms: u128,
    /// The invocation's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Whether a mobile number was left out that Connect would have refused.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mobile_left_out: bool,
    #[serde(skip)]
    kind: Option<Kind>,
}

impl Record {
    /// Notes what was asked of Connect.
    pub fn called(&mut self, calls: Calls) {
        self.connect_calls = Some(calls.count);
        self.connect_ms = Some(calls.time.as_millis());
        self.connect_request_id = calls.last_request_id;
    }

    /// Notes that the event was no HTTP request.
    pub const fn close_unread(&mut self) {
        self.level = Some(Level::Error);
        self.message = "event";
        self.outcome = "notHttp";
    }

    /// Notes what came of the event and what was answered.
    pub fn close(&mut self, result: &Result<Outcome, Fault>, status: u16) {
        self.message = "event";
        self.status = status;
        match result {
            Ok(outcome) => {
                self.level = Some(Level::Info);
                self.outcome = outcome.name();
                self.user_id = outcome.user_ids().map(|ids| ids.id.clone());
            }
            Err(fault) => {
                let turn = fault.kind.turn();
                self.level = Some(match turn {
                    Turn::Later | Turn::Sender => Level::Warn,
                    Turn::Nobody | Turn::Operator => Level::Error,
                });
                self.turn = Some(turn.name());
                self.outcome = fault.kind.code();
                self.cause = Some(fault.cause.as_ref().unwrap_or(&fault.detail).to_string());
                self.kind = Some(fault.kind);
            }
        }
    }

    /// The event's line, if lines of its level are wanted.
    #[must_use]
    pub fn line(&self, wanted: Level) -> Option<String> {
        self.level.is_none_or(|level| level <= wanted).then(|| line(self))
    }

    /// The event's metrics as one line in CloudWatch's embedded metric format: each count is 0 or
    /// 1, so that their sums and rates are those of events. None for a health check.
    #[must_use]
    pub fn metrics(&self, deployment: &str, now: SystemTime) -> Option<String> {
        if self.outcome == "healthy" {
            return None;
        }
        let turn = |turn: Turn| self.kind.is_some_and(|kind| kind.turn() == turn);
        let counts = [
            ("Events", true),
            ("Created", self.outcome == "created"),
            ("Rejected", self.kind == Some(Kind::Unauthenticated)),
            ("SenderFaults", turn(Turn::Sender)),
            ("LaterFaults", turn(Turn::Later)),
            ("OperatorFaults", turn(Turn::Operator)),
            ("Bugs", turn(Turn::Nobody)),
            ("MobileLeftOut", self.mobile_left_out),
        ];
        let counts = counts.map(|(name, counted)| (name, "Count", Some(u128::from(counted))));
        let latency = ("ConnectLatency", "Milliseconds", self.connect_ms);
        let metrics = counts.into_iter().chain([latency]);
        Some(embedded(
            deployment,
            now,
            metrics.filter_map(|(name, unit, n)| Some((name, unit, n?))),
        ))
    }
}

/// "Specification: Embedded metric format", CloudWatch user guide.
fn embedded(
    deployment: &str,
    now: SystemTime,
    metrics: impl Iterator<Item = (&'static str, &'static str, u128)>,
) -> String {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).as_ref().map_or(0, Duration::as_millis);
    let mut definitions = Vec::new();
    let mut document = json!({"Deployment": deployment});
    for (name, unit, value) in metrics {
        definitions.push(json!({"Name": name, "Unit": unit}));
        if let Value::Object(members) = &mut document {
            members.insert(name.to_owned(), json!(value));
        }
    }
    if let Value::Object(members) = &mut document {
        let directive = json!({
            "Namespace": NAMESPACE, "Dimensions": [["Deployment"]], "Metrics": definitions,
        });
        members
            .insert("_aws".to_owned(), json!({"Timestamp": now, "CloudWatchMetrics": [directive]}));
    }
    document.to_string()
}

/// CloudWatch's namespace of all our metrics.
const NAMESPACE: &str = "ConnectProvisioner";

/// The line for a configuration that cannot be used.
#[must_use]
pub fn startup_line(problems: &Problems) -> String {
    line(&Startup { level: "ERROR", message: "configuration", problems: &problems.0 })
}

/// The line for a configuration that can be used, but should not stay so.
#[must_use]
pub fn warning_line(warnings: &[Problem]) -> String {
    line(&Startup { level: "WARN", message: "configuration", problems: warnings })
}

/// The line for a Lambda Runtime API that cannot be reached.
#[must_use]
pub fn runtime_line() -> String {
    line(&Startup { level: "ERROR", message: "the Lambda Runtime API is gone", problems: &[] })
}

/// One line of JSON; what cannot be written is said to be so.
fn line(content: &impl Serialize) -> String {
    serde_json::to_string(content)
        .unwrap_or_else(|_| r#"{"level":"ERROR","message":"unwritable"}"#.to_owned())
}

#[derive(Serialize)]
struct Startup<'a> {
    level: &'static str,
    message: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    problems: &'a [Problem],
}
