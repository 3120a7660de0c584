//! One JSON line per event, fit for CloudWatch Logs Insights.
//!
//! What stands here is all that may stand in a log: names of ours, hashes, AWS ids and codes. No
//! header, body, path, username, name, address, number or key has a field to stand in. Nothing else
//! writes logs: the SDK's own have no subscriber, whatever `RUST_LOG` says.

use serde::Serialize;

use crate::config::{Problem, Problems};
use crate::fault::Fault;
use crate::outcome::Outcome;

/// What is worth knowing of one event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    level: &'static str,
    message: &'static str,
    /// Which source spoke; only one that is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
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
    /// The status that was answered.
    status: u16,
    /// Milliseconds from the event's arrival to its answer.
    pub duration_ms: u128,
    /// The invocation's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Record {
    /// Notes that the event was no HTTP request.
    pub const fn close_unread(&mut self) {
        self.level = "ERROR";
        self.message = "event";
        self.outcome = "notHttp";
    }

    /// Notes what came of the event and what was answered.
    pub fn close(&mut self, result: &Result<Outcome, Fault>, status: u16) {
        self.message = "event";
        self.status = status;
        match result {
            Ok(outcome) => {
                self.level = "INFO";
                self.outcome = outcome.name();
                self.user_id = outcome.user_ids().map(|ids| ids.id.clone());
            }
            Err(fault) => {
                let turn = fault.kind.turn();
                self.level = turn.level();
                self.turn = Some(turn.name());
                self.outcome = fault.kind.code();
                self.cause = Some(fault.cause.as_ref().unwrap_or(&fault.detail).to_string());
            }
        }
    }
}

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
#[must_use]
pub fn line(content: &impl Serialize) -> String {
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
