//! One JSON line per event, fit for CloudWatch Logs Insights, and one line of metrics per request.
//!
//! What stands here is all that may stand in a log: names of ours, hashes, AWS ids and codes. The
//! one free text is a fault's, which names attributes and checks and never a value: whoever makes a
//! [`Fault`] keeps that promise. Besides an event's lines there are those of the start-up, below;
//! the SDK's own have no subscriber, whatever `RUST_LOG` says.

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
    /// Which source spoke; only one that is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// A hash of the event, the same for each of its deliveries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Which of the request's events this is, counted from 1, where there may be several.
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<usize>,
    /// Which of the source's keys it used, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<usize>,
    /// How old that key is, in whole hours, where its age is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_age_hours: Option<u64>,
    /// Why the source's secret could not be read just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_trouble: Option<String>,
    /// The change that it asked for, in a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intent: Option<&'static str>,
    /// For whom: the owner's hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Which resource of a SCIM client's it is about; its record is parked by the same id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What came of it: an outcome's name or a fault's code.
    outcome: &'static str,
    /// Why it is parked or pending: the fault's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'static str>,
    /// Who has to act, after a fault.
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
    /// How long they took together: whole milliseconds in the line.
    #[serde(rename = "connectMs", serialize_with = "as_millis")]
    #[serde(skip_serializing_if = "Option::is_none")]
    connect_time: Option<Duration>,
    /// AWS's id of the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    connect_request_id: Option<String>,
    /// The status that was answered.
    status: u16,
    /// Milliseconds from the event's arrival to its answer.
    duration_ms: u128,
    /// The invocation's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// True if a mobile number was left out that Connect would have refused.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mobile_left_out: bool,
    /// Which attributes of a SCIM client's user Connect is not given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<String>,
    /// Something that is wrong with the event, though it was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<&'static str>,
    #[serde(skip)]
    kind: Option<Kind>,
    #[serde(skip)]
    parts: Vec<Self>,
}

impl EventLog {
    /// Notes who was believed to have sent what.
    pub fn believed<T>(&mut self, request: &Verified<T>) {
        let Matched { number, age } = request.key();
        self.event = Some(request.event().to_owned());
        self.key = Some(number);
        self.key_age_hours = age.map(|age| age.as_secs() / 3600);
    }

    /// A record of its own for one of several events, counted from 1, that came with this one.
    #[must_use]
    pub fn part(&self, number: usize) -> Self {
        Self { part: Some(number), ..self.clone() }
    }

    /// Takes the records of a request's events, in their order.
    pub fn divide(&mut self, parts: Vec<Self>) {
        self.parts = parts;
    }

    /// Notes which resource a SCIM client's request is about.
    pub fn is_about(&mut self, about: &About) {
        self.id = Some(about.id.clone());
        self.owner = about.owner.clone().or(self.owner.take());
        self.left_out.clone_from(&about.left_out);
        self.mobile_left_out = about.left_out.iter().any(|path| path.contains("\"mobile\""));
    }

    /// Notes how long it took from the event's arrival to its answer.
    pub fn took(&mut self, time: Duration) {
        self.duration_ms = time.as_millis();
        self.parts.iter_mut().for_each(|part| part.duration_ms = self.duration_ms);
    }

    /// Notes what was asked of Connect, besides what was asked already.
    pub fn called(&mut self, calls: Calls) {
        let (count, time) =
            (self.connect_calls.unwrap_or(0), self.connect_time.unwrap_or_default());
        self.connect_calls = Some(count.saturating_add(calls.count));
        self.connect_time = Some(time.saturating_add(calls.time));
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
            Ok(Outcome::Batch(events)) if !self.parts.is_empty() => {
                let parts = self.parts.iter_mut().zip(events);
                parts.for_each(|(part, event)| part.close(event, status));
            }
            Ok(outcome) => {
                let outcome = outcome.kept();
                self.level = Some(match outcome {
                    // Somebody has to remove a user, but nobody has to come in the night.
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
                    // It is no fault of the request's, which is done, so it is not counted as one.
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

    /// Whether what somebody may do is another thing than what was asked for.
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

    /// A line for each event, of those whose level is wanted.
    pub fn lines(&self, wanted: Level) -> impl Iterator<Item = String> {
        let level_is_wanted =
            move |record: &&Self| record.level.is_none_or(|level| level <= wanted);
        self.events().iter().filter(level_is_wanted).map(line)
    }

    /// What is counted of the request, each count one of events, and what was measured. Nothing
    /// where nothing happened: a health check, or a sender that looks whether it is us.
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

    /// The same as one line in CloudWatch's embedded metric format, if there is anything.
    #[must_use]
    pub fn metrics(&self, deployment: &str, now: SystemTime) -> Option<String> {
        let mut measured = self.measured().peekable();
        measured.peek()?;
        Some(embedded(deployment, now, measured))
    }

    /// The events that came with the request, or the request if it was not several.
    fn events(&self) -> &[Self] {
        if self.parts.is_empty() { std::slice::from_ref(self) } else { &self.parts }
    }

    fn awaits(&self, turn: Responsibility) -> bool {
        self.kind.is_some_and(|kind| kind.responsibility() == turn)
    }
}

/// One number of a request, which tells nothing of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// What it is called, in CloudWatch and elsewhere.
    pub name: &'static str,
    /// How many, or how long.
    pub amount: Amount,
}

/// The unit of a metric: what it is a sum of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Things that were counted.
    Count(u64),
    /// Time that passed. It is rounded where it is written and never before: many calls of less
    /// than a millisecond add up.
    Time(Duration),
}

impl Metric {
    const fn count(name: &'static str, count: u64) -> Self {
        Self { name, amount: Amount::Count(count) }
    }

    /// How long the calls of Connect took.
    #[must_use]
    pub const fn connect_latency(time: Duration) -> Self {
        Self { name: "ConnectLatency", amount: Amount::Time(time) }
    }
}

impl Amount {
    /// Nothing of the same kind.
    #[must_use]
    pub const fn nothing(self) -> Self {
        match self {
            Self::Count(_) => Self::Count(0),
            Self::Time(_) => Self::Time(Duration::ZERO),
        }
    }

    /// This and as much of another, which is of the same kind.
    #[must_use]
    pub fn plus(self, more: Self) -> Self {
        match (self, more) {
            (Self::Count(sum), Self::Count(more)) => Self::Count(sum.saturating_add(more)),
            (Self::Time(sum), Self::Time(more)) => Self::Time(sum.saturating_add(more)),
            (Self::Count(_), Self::Time(_)) | (Self::Time(_), Self::Count(_)) => self,
        }
    }

    /// CloudWatch's word for its unit, and how much it is in that unit.
    fn in_cloudwatch(self) -> (&'static str, Value) {
        match self {
            Self::Count(count) => ("Count", json!(count)),
            Self::Time(time) => {
                let micros = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
                ("Milliseconds", json!(f64::from(micros) / 1000.0))
            }
        }
    }
}

/// A time as whole milliseconds.
#[expect(clippy::ref_option, reason = "what serde's derive passes")]
fn as_millis<S: serde::Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    time.as_ref().map(Duration::as_millis).serialize(to)
}

/// The warning of a farewell that changed nothing: something newer is known of what it speaks of, or it
/// is another person's.
pub const IGNORED_FAREWELL: &str = "ignoredFarewell";

/// The warning of a farewell that is perhaps another person's: whoever has the name is suspended, and an
/// operator must say whether that was right.
pub const DOUBTFUL_FAREWELL: &str = "doubtfulFarewell";

/// True if an event is counted.
type CountPredicate = fn(&EventLog) -> bool;

/// The metrics that count events, and which events each counts.
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
    ("UnknownTypes", |event| event.warning == Some(EventWarning::UnknownType.name())),
];

/// "Specification: Embedded metric format", CloudWatch user guide.
fn embedded(deployment: &str, now: SystemTime, metrics: impl Iterator<Item = Metric>) -> String {
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

/// CloudWatch's namespace of all our metrics.
const NAMESPACE: &str = "ConnectProvisioner";

/// The line for a configuration that cannot be used.
#[must_use]
pub fn startup_line(problems: &ConfigError) -> String {
    line(&Startup { level: "ERROR", message: "configuration", problems: &problems.0 })
}

/// The line for a configuration that can be used, but should not stay so.
#[must_use]
pub fn warning_line(warnings: &[SettingError]) -> String {
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
    problems: &'a [SettingError],
}
