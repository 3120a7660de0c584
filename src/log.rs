//! One JSON line per event, for CloudWatch Logs Insights, and one line of metrics per request.
//!
//! Lines contain only our own names, hashes, AWS ids and codes. The one free text is a fault's,
//! which names attributes and checks and never quotes a value; whoever makes a [`Fault`] must
//! ensure that. Further lines report problems at start-up. The SDK's own log events have no
//! subscriber, whatever `RUST_LOG` says.

use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::{Value, json};

use crate::config::{ConfigError, Level, SettingError};
use crate::connect::{Applied, Calls};
use crate::event::EventWarning;
use crate::fault::{Fault, Kind, Responsibility};
use crate::outcome::Outcome;
use crate::outcome::resource::About;
use crate::trust::{Matched, Verified};

/// The log line of one event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventLog {
    level: Option<Level>,
    message: &'static str,
    /// The source; only a configured one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// A hash of the event, equal for all its deliveries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The number of the event in its request, from 1, if there may be several.
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<usize>,
    /// The number of the source's key that verified the event, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<usize>,
    /// The age of that key in whole hours, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_age_hours: Option<u64>,
    /// Why the source's secret could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_trouble: Option<String>,
    /// What the event asks for, in a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intent: Option<&'static str>,
    /// The owner's hash of the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The id of the SCIM resource; `parked` lists its record under this id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The name of the outcome, or the code of the fault.
    outcome: &'static str,
    /// The code of the fault for which the record is parked or pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'static str>,
    /// Who has to act on the fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    turn: Option<&'static str>,
    /// The cause of the fault, or its detail.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    /// The user's id in Connect.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    /// The number of Connect calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    connect_calls: Option<u32>,
    /// The time of all Connect calls; whole milliseconds in the line.
    #[serde(rename = "connectMs", serialize_with = "as_millis")]
    #[serde(skip_serializing_if = "Option::is_none")]
    connect_time: Option<Duration>,
    /// AWS's request id of the last Connect call.
    #[serde(skip_serializing_if = "Option::is_none")]
    connect_request_id: Option<String>,
    /// The HTTP status of the answer.
    status: u16,
    /// The time from the arrival of the event to its answer, in milliseconds.
    duration_ms: u128,
    /// The request id of the Lambda invocation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// True if a mobile number was left out because Connect would refuse it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mobile_left_out: bool,
    /// The attributes of a SCIM user that were not passed on to Connect.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<String>,
    /// A problem of an event that was accepted nevertheless.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<&'static str>,
    #[serde(skip)]
    kind: Option<Kind>,
    #[serde(skip)]
    parts: Vec<Self>,
}

impl EventLog {
    /// Records which event was verified, and by which key.
    pub fn believed<T>(&mut self, request: &Verified<T>) {
        let Matched { number, age } = request.key();
        self.event = Some(request.event().to_owned());
        self.key = Some(number);
        self.key_age_hours = age.map(|age| age.as_secs() / 3600);
    }

    /// A line for one of several events in a request, with its number from 1.
    #[must_use]
    pub fn part(&self, number: usize) -> Self {
        Self { part: Some(number), ..self.clone() }
    }

    /// Sets the lines of a request's events, in their order.
    pub fn divide(&mut self, parts: Vec<Self>) {
        self.parts = parts;
    }

    /// Records which resource a SCIM request is about.
    pub fn is_about(&mut self, about: &About) {
        self.id = Some(about.id.clone());
        self.owner = about.owner.clone().or(self.owner.take());
        self.left_out.clone_from(&about.left_out);
        self.warning = self.warning.or(about.warning);
        self.mobile_left_out = about.left_out.iter().any(|path| path.contains("\"mobile\""));
    }

    /// Records the time from the arrival to the answer.
    pub fn took(&mut self, time: Duration) {
        self.duration_ms = time.as_millis();
        self.parts.iter_mut().for_each(|part| part.duration_ms = self.duration_ms);
    }

    /// Adds Connect calls to those recorded before.
    pub fn called(&mut self, calls: Calls) {
        let (count, time) =
            (self.connect_calls.unwrap_or(0), self.connect_time.unwrap_or_default());
        self.connect_calls = Some(count.saturating_add(calls.count));
        self.connect_time = Some(time.saturating_add(calls.time));
        self.connect_request_id = calls.last_request_id;
    }

    /// Records an event that is not an HTTP request.
    pub const fn close_unread(&mut self) {
        self.level = Some(Level::Error);
        self.message = "event";
        self.outcome = "notHttp";
    }

    /// Records the outcome and the HTTP status.
    pub fn close(&mut self, result: &Result<Outcome, Fault>, status: u16) {
        self.message = "event";
        self.status = status;
        match result {
            Ok(Outcome::Batch(events)) if !self.parts.is_empty() => {
                let parts = self.parts.iter_mut().zip(events);
                parts.for_each(|(part, event)| part.close(event, status));
            }
            Ok(outcome) => {
                let outcome = outcome.kept();
                self.level = Some(match outcome {
                    // Somebody should look at the user, but it is not urgent.
                    Outcome::LeaverIgnored | Outcome::Applied(Applied::Adopted(_), _) => {
                        Level::Warn
                    }
                    Outcome::Parked(..) => Level::Error,
                    _ => Level::Info,
                });
                match outcome {
                    Outcome::Parked(fault, _) => {
                        self.blame(fault);
                        self.fault = Some(fault.kind.code());
                    }
                    // The request itself succeeded, so it is not counted as a fault.
                    Outcome::Pending(_, Some(fault)) => {
                        self.blame(fault);
                        (self.kind, self.fault) = (None, Some(fault.kind.code()));
                    }
                    _ => {}
                }
                self.outcome = outcome.name();
                self.user_id = outcome.user_ids().map(|ids| ids.id.clone());
            }
            Err(fault) => {
                let turn = fault.kind.responsibility();
                self.level = Some(match turn {
                    Responsibility::Retry | Responsibility::Sender => Level::Warn,
                    Responsibility::Internal | Responsibility::Operator => Level::Error,
                });
                self.outcome = fault.kind.code();
                self.blame(fault);
            }
        }
        if self.warning.is_some() || self.leaves_profile_out() {
            self.level = self.level.map(|level| level.min(Level::Warn));
        }
        if self.warning == Some(DOUBTFUL_FAREWELL) {
            self.level = Some(Level::Error);
        }
    }

    /// True if an access attribute was left out, so that the user's access differs from what was
    /// asked for.
    fn leaves_profile_out(&self) -> bool {
        let profiles = ["routingProfile", "securityProfiles", "hierarchyGroup"];
        let is_one = |path: &String| profiles.iter().any(|profile| path.contains(profile));
        self.left_out.iter().any(is_one)
    }

    fn blame(&mut self, fault: &Fault) {
        self.turn = Some(fault.kind.responsibility().name());
        self.cause = Some(fault.cause.as_ref().unwrap_or(&fault.detail).to_string());
        self.kind = Some(fault.kind);
    }

    /// One line per event, for events of level `wanted` or more severe.
    pub fn lines(&self, wanted: Level) -> impl Iterator<Item = String> {
        let level_is_wanted =
            move |record: &&Self| record.level.is_none_or(|level| level <= wanted);
        self.events().iter().filter(level_is_wanted).map(line)
    }

    /// The metrics of the request: counts of its events, and the time of its Connect calls. None
    /// for health checks and URL verifications.
    pub fn measured(&self) -> impl Iterator<Item = Metric> {
        let is_nothing =
            ["confirmed", "healthy"].contains(&self.outcome) && self.secret_trouble.is_none();
        let events = if is_nothing { &[] } else { self.events() };
        let counts = COUNTS.iter().filter(move |_| !is_nothing).map(move |(name, counts)| {
            let counted = events.iter().filter(|event| counts(event)).count();
            Metric::count(name, u64::try_from(counted).unwrap_or(u64::MAX))
        });
        let trouble = Metric::count("SecretTrouble", u64::from(self.secret_trouble.is_some()));
        let trouble = Some(trouble).filter(|_| !is_nothing);
        let latency = events.iter().filter_map(|event| event.connect_time);
        let latency = latency.reduce(Duration::saturating_add).map(Metric::connect_latency);
        counts.chain(trouble).chain(latency)
    }

    /// The metrics as one line in CloudWatch's embedded metric format; `None` if there are none.
    #[must_use]
    pub fn metrics(&self, deployment: &str, now: SystemTime) -> Option<String> {
        let mut measured = self.measured().peekable();
        measured.peek()?;
        Some(embedded(deployment, now, measured))
    }

    /// The events of a batch, or the single event.
    fn events(&self) -> &[Self] {
        if self.parts.is_empty() { std::slice::from_ref(self) } else { &self.parts }
    }

    fn awaits(&self, turn: Responsibility) -> bool {
        self.kind.is_some_and(|kind| kind.responsibility() == turn)
    }
}

/// One measurement of a request; never about a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// The name, in CloudWatch and in `serve`'s metrics.
    pub name: &'static str,
    /// The value.
    pub amount: Amount,
}

/// The value of a metric, by its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// A count.
    Count(u64),
    /// A duration. It is rounded only when it is written, since many calls of less than a
    /// millisecond add up.
    Time(Duration),
    /// An age in whole seconds.
    Age(Duration),
}

impl Metric {
    pub(crate) const fn count(name: &'static str, count: u64) -> Self {
        Self { name, amount: Amount::Count(count) }
    }

    /// The time of all Connect calls.
    #[must_use]
    pub const fn connect_latency(time: Duration) -> Self {
        Self { name: "ConnectLatency", amount: Amount::Time(time) }
    }
}

impl Amount {
    /// Zero, in the same unit.
    #[must_use]
    pub const fn nothing(self) -> Self {
        match self {
            Self::Count(_) => Self::Count(0),
            Self::Time(_) => Self::Time(Duration::ZERO),
            Self::Age(_) => Self::Age(Duration::ZERO),
        }
    }

    /// The sum of two values of the same unit; of two ages the greater.
    #[must_use]
    pub fn plus(self, more: Self) -> Self {
        match (self, more) {
            (Self::Count(sum), Self::Count(more)) => Self::Count(sum.saturating_add(more)),
            (Self::Time(sum), Self::Time(more)) => Self::Time(sum.saturating_add(more)),
            (Self::Age(age), Self::Age(other)) => Self::Age(age.max(other)),
            (Self::Count(_) | Self::Time(_) | Self::Age(_), _) => self,
        }
    }

    /// The unit's name in CloudWatch, and the value in that unit.
    fn in_cloudwatch(self) -> (&'static str, Value) {
        match self {
            Self::Count(count) => ("Count", json!(count)),
            Self::Time(time) => {
                let micros = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
                ("Milliseconds", json!(f64::from(micros) / 1000.0))
            }
            Self::Age(age) => ("Seconds", json!(age.as_secs())),
        }
    }
}

/// Serializes a time as whole milliseconds.
#[expect(clippy::ref_option, reason = "what serde's derive passes")]
fn as_millis<S: serde::Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    time.as_ref().map(Duration::as_millis).serialize(to)
}

/// The warning of a farewell that changed nothing: something newer is known of what it speaks of, or it
/// is another person's.
pub const IGNORED_FAREWELL: &str = "ignoredFarewell";

/// The warning of a farewell after which Connect refuses to end the person's sessions.
pub const SESSIONS_NOT_ENDED: &str = "sessionsNotEnded";

/// The warning of a farewell that is perhaps another person's: whoever has the name is suspended, and an
/// operator must say whether that was right.
pub const DOUBTFUL_FAREWELL: &str = "doubtfulFarewell";

/// The warning of a change by which a group came to be one that `GROUP_PROFILES` names: all its members
/// get what that gives. The line has the group's id.
pub const RENAMED_INTO_GRANT: &str = "renamedIntoGrant";

/// True if the metric counts this event.
type CountPredicate = fn(&EventLog) -> bool;

/// The counting metrics, and which events each counts.
static COUNTS: &[(&str, CountPredicate)] = &[
    ("Events", |event| event.outcome != "batch"),
    ("Created", |event| event.outcome == "created"),
    ("Adopted", |event| event.outcome == "adopted"),
    ("Parked", |event| event.outcome == "parked"),
    ("RemovalsHeld", |event| event.kind == Some(Kind::RemovalHeld)),
    ("LeaverIgnored", |event| event.outcome == "leaverIgnored"),
    ("Rejected", |event| event.kind == Some(Kind::Unauthenticated)),
    ("SenderFaults", |event| event.awaits(Responsibility::Sender)),
    ("LaterFaults", |event| event.awaits(Responsibility::Retry)),
    ("OperatorFaults", |event| event.awaits(Responsibility::Operator)),
    ("Bugs", |event| event.awaits(Responsibility::Internal)),
    ("MobileLeftOut", |event| event.mobile_left_out),
    ("ProfileLeftOut", EventLog::leaves_profile_out),
    ("IgnoredFarewells", |event| event.warning == Some(IGNORED_FAREWELL)),
    ("DoubtfulFarewell", |event| event.warning == Some(DOUBTFUL_FAREWELL)),
    ("SessionsNotEnded", |event| event.warning == Some(SESSIONS_NOT_ENDED)),
    ("RenamedIntoGrant", |event| event.warning == Some(RENAMED_INTO_GRANT)),
    ("UnknownTypes", |event| event.warning == Some(EventWarning::UnknownType.name())),
];

/// A document in the embedded metric format ("Specification: Embedded metric format", CloudWatch
/// user guide).
pub(crate) fn embedded(
    deployment: &str,
    now: SystemTime,
    metrics: impl Iterator<Item = Metric>,
) -> String {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).as_ref().map_or(0, Duration::as_millis);
    let mut definitions = Vec::new();
    let mut document = json!({"Deployment": deployment});
    for Metric { name, amount } in metrics {
        let (unit, value) = amount.in_cloudwatch();
        definitions.push(json!({"Name": name, "Unit": unit}));
        if let Value::Object(members) = &mut document {
            members.insert(name.to_owned(), value);
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

/// The CloudWatch namespace of all metrics.
const NAMESPACE: &str = "ConnectProvisioner";

/// The line for an invalid configuration, with all its problems.
#[must_use]
pub fn startup_line(problems: &ConfigError) -> String {
    line(&Startup { level: "ERROR", message: "configuration", problems: &problems.0 })
}

/// The line for a configuration that works but should be changed.
#[must_use]
pub fn warning_line(warnings: &[SettingError]) -> String {
    line(&Startup { level: "WARN", message: "configuration", problems: warnings })
}

/// The line for a Lambda Runtime API that cannot be reached.
#[must_use]
pub fn runtime_line() -> String {
    line(&Startup { level: "ERROR", message: "the Lambda Runtime API is gone", problems: &[] })
}

/// The line for a run of the drain where there is no roster.
#[must_use]
pub fn no_roster_line() -> String {
    let problem = SettingError {
        variable: "ROSTER".to_owned(),
        problem: "expected a roster, found none, so there is nothing to drain".to_owned(),
        find: "set it to dynamodb, or take the schedule away",
    };
    line(&Startup { level: "ERROR", message: "drain", problems: &[problem] })
}

/// One line of JSON; a fixed line if serialization fails.
fn line(content: &impl Serialize) -> String {
    serde_json::to_string(content)
        .unwrap_or_else(|_| r#"{"level":"ERROR","message":"unwritable"}"#.to_owned())
}

#[derive(Serialize)]
struct Startup<'a> {
    level: &'static str,
    message: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    problems: &'a [SettingError],
}
