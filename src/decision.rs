//! Verified request → route and decision, before Amazon Connect is asked. Pure: the same request at
//! the same moment is decided in the same way.

use std::fmt;
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};

use crate::assign::Agent;
use crate::assign::owner::Owner;
use crate::config::Config;
use crate::config::hooks::Hook;
use crate::config::scim::Scim;
use crate::event::{AccessStatement, Event, EventWarning, Intent, Message, okta};
use crate::fault::{Fault, Kind};
use crate::http::Request;
use crate::log::EventLog;
use crate::outcome::Outcome;
use crate::trust::Verified;

/// The world's inputs at the arrival of an event: time, deadline and randomness, passed in as
/// values.
#[derive(Clone, Copy)]
pub struct Invocation {
    /// The time.
    pub now: SystemTime,
    /// How long the answer may take, counted from the arrival.
    pub time_left: Duration,
    /// 128 unpredictable bits, for passwords.
    pub random: [u8; 16],
}

impl Invocation {
    /// The same moment for one of several events, with other bytes: no two people may get one
    /// password.
    fn part(self, number: usize) -> Self {
        let digest = Sha256::new().chain_update(self.random).chain_update(number.to_be_bytes());
        let mut random = self.random;
        random.iter_mut().zip(digest.finalize()).for_each(|(own, other)| *own = other);
        Self { random, ..self }
    }
}

/// Shows all but the bytes that a password is made of.
impl fmt::Debug for Invocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Invocation")
            .field("now", &self.now)
            .field("time_left", &self.time_left)
            .finish_non_exhaustive()
    }
}

/// The result of deciding about a request.
#[derive(Debug)]
pub enum Decision {
    /// Several events came in it, and each is decided by itself.
    Batch(Vec<BatchItem>),
    /// One event.
    One(Verdict),
}

/// One event of a batch, decided by itself: a fault in one leaves the others alone.
#[derive(Debug)]
pub struct BatchItem {
    /// Its decision, or the fault that stands in the way.
    pub verdict: Result<Verdict, Fault>,
    /// When it happened at the sender's, where that is known.
    pub published: Option<SystemTime>,
    /// Its line in the log.
    pub log: EventLog,
}

/// The decision about one event.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Direct mode: Connect is to hold this agent's user, by CreateUser.
    CreateDirect(Box<Agent>),
    /// Decided already, without any call.
    Done(Outcome),
    /// With a roster: the event is to be merged there, and Connect to follow.
    Upsert(Box<UpsertRequest>),
}

/// An event for the roster.
#[derive(Clone, Debug, PartialEq)]
pub struct UpsertRequest {
    /// The change that is asked for.
    pub intent: Intent,
    /// What it says of the person's access.
    pub access: AccessStatement,
    /// The name of the hook by which it came.
    pub source: String,
    /// The time of the event by the sender's clock, if it gave one.
    pub happened: Option<SystemTime>,
    /// A hash of the event, by which repeated deliveries are recognised.
    pub event: Option<String>,
    /// True if the sender can mend what Connect refuses. Okta cannot: it hears no more of an event
    /// than once.
    pub can_mend: bool,
}

/// The handler of a request.
#[derive(Debug)]
pub enum Route<'a> {
    /// `GET /health`: whether the function is up.
    Health,
    /// `/hooks/{source}`.
    Hook(&'a Hook),
    /// `/scim/v2` and below.
    Scim(&'a Scim),
}

impl<'a> Route<'a> {
    /// Finds the route of a request. A route is the whole path: it is never searched for inside
    /// one.
    ///
    /// # Errors
    /// [`Kind::UnknownRoute`] and [`Kind::WrongMethod`].
    pub fn find(config: &'a Config, request: &Request) -> Result<Self, Fault> {
        if let Some(scim) = config.scim().filter(|_| Request::is_scim(&request.path)) {
            return Ok(Self::Scim(scim));
        }
        let (route, methods): (_, &[_]) =
            match request.path.split('/').collect::<Vec<_>>().as_slice() {
                ["", "health"] => (Self::Health, &["GET"]),
                ["", "hooks", name] => {
                    let hook = config.hooks.iter().find(|hook| hook.source.name == *name);
                    let hook = hook.ok_or_else(unknown_route)?;
                    let challenge = hook.source.scheme.has_challenge();
                    (Self::Hook(hook), if challenge { &["GET", "POST"] } else { &["POST"] })
                }
                _ => return Err(unknown_route()),
            };
        if methods.contains(&request.method.as_str()) {
            return Ok(route);
        }
        let detail = format!("method: expected {}, found another", methods.join(" or "));
        Err(Fault::new(Kind::WrongMethod { allow: methods }, detail))
    }
}

fn unknown_route() -> Fault {
    Fault::new(
        Kind::UnknownRoute,
        "path: expected /hooks/{source} with a source that is set up here, or /health; found \
         another",
    )
}

/// Decides what a request comes to, and notes on the way what is worth a line.
///
/// # Errors
/// Whatever stands in the way, in the order of the crate's arrow.
pub fn decide(
    config: &Config,
    hook: &Hook,
    request: &Verified<&Request>,
    invocation: Invocation,
    log: &mut EventLog,
) -> Result<Decision, Fault> {
    log.believed(request);
    if request.method == "GET" {
        return confirm(request).map(Verdict::Done).map(Decision::One);
    }
    let events = match Message::read(request, &hook.scope, invocation.now)? {
        Message::One(event) => {
            return judge(config, hook, event, invocation, log).map(Decision::One);
        }
        Message::Batch(events) => events,
    };
    let part = |(element, number): (okta::Element, usize)| {
        let mut log = log.part(number);
        log.event = element.uuid.map(|uuid| request.event_of(&uuid)).or(log.event);
        let published = element.published;
        let verdict = element.asks.and_then(|(intent, access)| {
            let event = Event { intent, access, happened: published, warning: element.warning };
            judge_in_batch(config, hook, event, invocation.part(number), &mut log)
        });
        BatchItem { verdict, published, log }
    };
    Ok(Decision::Batch(events.into_iter().zip(1..).map(part).collect()))
}

/// Okta asks once, when a hook is set up, whether it has come to the right place.
fn confirm(request: &Request) -> Result<Outcome, Fault> {
    const CHALLENGE: &str = "x-okta-verification-challenge";
    let challenge = request.headers.only(CHALLENGE).filter(|challenge| !challenge.is_empty());
    let challenge = challenge.ok_or_else(|| {
        Fault::new(
            Kind::InvalidSyntax,
            format!("{CHALLENGE}: expected this header once, found not"),
        )
    })?;
    Ok(Outcome::Confirmed(challenge.to_owned()))
}

fn judge(
    config: &Config,
    hook: &Hook,
    event: Event,
    invocation: Invocation,
    log: &mut EventLog,
) -> Result<Verdict, Fault> {
    log.intent = Some(event.intent.name());
    log.warning = event.warning.map(EventWarning::name);
    if let Intent::Nothing(reason) = event.intent {
        return Ok(Verdict::Done(Outcome::Ignored(reason)));
    }
    if config.policy().is_some() {
        log.owner = owner_hash(config, &event.intent);
        let Event { intent, access, happened, .. } = event;
        if let Intent::Join(person) | Intent::Change(person) = &intent {
            let agent = Agent::assign(person, &[], &config.rules, invocation.random);
            log.mobile_left_out = agent.is_ok_and(|agent| agent.mobile_left_out);
        }
        let (source, event) = (hook.source.name.clone(), log.event.clone());
        let upsert = UpsertRequest { intent, access, source, happened, event, can_mend: true };
        return Ok(Verdict::Upsert(Box::new(upsert)));
    }
    let person = match event.intent {
        Intent::Join(person) if person.active()? => person,
        Intent::Join(_) => return Ok(Verdict::Done(Outcome::Ignored(INACTIVE))),
        _ => return Err(Fault::new(Kind::NeedsRoster, NEEDS_ROSTER)),
    };
    let agent = Agent::assign(&person, &[], &config.rules, invocation.random)?;
    agent.password.as_ref().map_err(Fault::clone)?;
    log.owner = Some(agent.owner.hash().to_owned());
    log.mobile_left_out = agent.mobile_left_out;
    Ok(Verdict::CreateDirect(Box::new(agent)))
}

/// Okta could not mend it by repeating, so whoever leaves is counted and not refused.
fn judge_in_batch(
    config: &Config,
    hook: &Hook,
    event: Event,
    invocation: Invocation,
    log: &mut EventLog,
) -> Result<Verdict, Fault> {
    let leaves = event.intent.is_farewell();
    if leaves {
        log.owner = owner_hash(config, &event.intent);
    }
    let reactivates = event.access == AccessStatement::Reactivated;
    match judge(config, hook, event, invocation, log) {
        Err(fault) if fault.kind == Kind::NeedsRoster => Ok(Verdict::Done(if leaves {
            Outcome::LeaverIgnored
        } else if reactivates {
            Outcome::Ignored(okta::NO_LIFECYCLE)
        } else {
            Outcome::Ignored(NOTHING_IN_DIRECT_MODE)
        })),
        Ok(Verdict::Upsert(upsert)) => {
            Ok(Verdict::Upsert(Box::new(UpsertRequest { can_mend: false, ..*upsert })))
        }
        judged => judged,
    }
}

/// Whose user an event is about, where that can be told.
fn owner_hash(config: &Config, intent: &Intent) -> Option<String> {
    let (owner, _) = Owner::of_person(intent.person()?, &config.rules).ok()?;
    Some(owner.hash().to_owned())
}

const INACTIVE: &str = "the person is not active, so no user was created";
const NOTHING_IN_DIRECT_MODE: &str =
    "events of this type ask nothing of Amazon Connect where there is no roster";
const NEEDS_ROSTER: &str = "type: user.updated, user.deactivated, user.activated and user.deleted \
    will be carried out once this deployment has a roster, a durable record of its users, which a \
    later version brings; this one creates users only, so make the change in Amazon Connect";
