//! Signed provisioning events become Amazon Connect users.
//!
//! ```text
//! bytes ─▶ Request ─▶ Verified<Request> ─▶ Intent ─▶ Agent ─▶ [Step] ─▶ Applied ─▶ Response ─▶ bytes
//!   http      trust             event       assign    connect::plan  apply   outcome       http
//! ```
//!
//! The modules stand here in the order in which data flows through them; each names types of those
//! before it and never of those after. All are pure, without a clock, an environment, a socket or
//! an AWS type, but for [`connect`]'s `apply` and what it calls, [`lambda`], the `standin`'s door,
//! the `cli` and [`config::of_process`].

pub mod fault;
mod hex;
pub mod http;
pub mod secret;
pub mod trust;

pub mod json;
pub mod scim;
pub mod event;

pub mod assign;
pub mod connect;

pub mod outcome;

pub mod config;
pub mod log;

#[cfg(feature = "aws")]
pub mod lambda;

#[cfg(feature = "standin")]
pub mod standin;
#[cfg(feature = "cli")]
pub mod cli;

use std::fmt;
use std::time::{Duration, SystemTime};

use assign::Agent;
use config::Config;
use event::Intent;
use fault::{Fault, Kind};
use http::Request;
#[cfg(feature = "aws")]
use http::{
    NotHttp,
    gateway::{Arrival, Reply},
};
use log::Record;
use outcome::Outcome;
use trust::Source;

/// What an event finds of the world when it arrives.
#[derive(Clone, Copy)]
pub struct Moment {
    /// The time.
    pub now: SystemTime,
    /// How long the answer may take.
    pub time_left: Duration,
    /// Bytes that nobody can guess, for one password.
    pub random: [u8; 16],
}

/// Shows all but the bytes that a password is made of.
impl fmt::Debug for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Moment")
            .field("now", &self.now)
            .field("time_left", &self.time_left)
            .finish_non_exhaustive()
    }
}

/// What a request comes to before Amazon Connect is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Connect should hold this agent's user.
    Converge(Box<Agent>),
    /// There is nothing to ask Connect for.
    Done(Outcome),
}

/// Decides what a request comes to, and notes on the way what is worth a line. The same request at
/// the same moment decides the same: nothing else has a say.
///
/// # Errors
/// Whatever stands in the way, in the order of the arrow above.
pub fn decide(
    config: &Config,
    request: Request,
    moment: Moment,
    record: &mut Record,
) -> Result<Decision, Fault> {
    let Some(source) = route(config, &request)? else {
        return Ok(Decision::Done(Outcome::Healthy));
    };
    record.source = Some(source.name.clone());
    let request = source.verify(request, moment.now)?;
    record.event = Some(request.event().to_owned());
    record.key = Some(request.key());
    let intent = Intent::read(&request, moment.now)?;
    record.intent = Some(intent.name());
    let person = match intent {
        Intent::Join(person) if person.active()? => person,
        Intent::Join(_) => return Ok(Decision::Done(Outcome::Ignored(INACTIVE))),
        Intent::Nothing => return Ok(Decision::Done(Outcome::Ignored(NOT_OURS))),
        Intent::Change | Intent::Leave | Intent::Return | Intent::Remove => {
            return Err(Fault::new(Kind::NeedsRoster, NEEDS_ROSTER));
        }
    };
    let agent = Agent::assign(&person, &config.rules, moment.random)?;
    record.owner = Some(agent.owner.hash().to_owned());
    record.mobile_left_out = agent.mobile_left_out;
    Ok(Decision::Converge(Box::new(agent)))
}

const INACTIVE: &str = "the person is not active, so no user was created";
const NOT_OURS: &str = "events of this type ask nothing of Amazon Connect";
const NEEDS_ROSTER: &str = "type: user.updated, user.deactivated, user.activated and user.deleted \
    will be carried out once this deployment has a roster, a durable record of its users, which a \
    later version brings; this one creates users only, so make the change in Amazon Connect";

/// The source at a request's path, or none for the health check. A route is the whole path: it is
/// never searched for inside one.
fn route<'a>(config: &'a Config, request: &Request) -> Result<Option<&'a Source>, Fault> {
    let (source, method) = match request.path.split('/').collect::<Vec<_>>().as_slice() {
        ["", "health"] => (None, "GET"),
        ["", "hooks", name] => {
            let source = config.sources.iter().find(|source| source.name == *name);
            (Some(source.ok_or_else(unknown_route)?), "POST")
        }
        _ => return Err(unknown_route()),
    };
    if request.method == method {
        return Ok(source);
    }
    Err(Fault::new(
        Kind::WrongMethod { allow: method },
        format!("method: expected {method}, found another"),
    ))
}

fn unknown_route() -> Fault {
    Fault::new(
        Kind::UnknownRoute,
        "path: expected /hooks/{source} with a source that is set up here, or /health; found \
         another",
    )
}

/// The function: a configuration and the instance that it speaks to.
#[cfg(feature = "aws")]
#[derive(Clone, Debug)]
pub struct Provisioner {
    config: Config,
    connect: connect::apply::Connect,
}

#[cfg(feature = "aws")]
impl Provisioner {
    /// Speaks to the configuration's instance by way of `aws`.
    #[must_use]
    pub fn new(config: Config, aws: &aws_config::SdkConfig) -> Self {
        let connect = connect::apply::Connect::new(aws, config.instance.id.as_str());
        Self { config, connect }
    }

    /// What the operator decided.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Answers one Lambda event, and notes in `record` what is worth a line.
    ///
    /// # Errors
    /// [`NotHttp`] if there is nobody to answer.
    pub async fn answer(
        &self,
        event: &str,
        moment: Moment,
        record: &mut Record,
    ) -> Result<Reply, NotHttp> {
        let arrival =
            Arrival::read(event, &self.config.base_path).inspect_err(|_| record.close_unread())?;
        let result = match arrival.request {
            Ok(request) => self.carry_out(request, moment, record).await,
            Err(fault) => Err(fault),
        };
        let response = result.as_ref().map_or_else(Fault::response, Outcome::response);
        record.close(&result, response.status);
        Ok(arrival.gateway.reply(response))
    }

    async fn carry_out(
        &self,
        request: Request,
        moment: Moment,
        record: &mut Record,
    ) -> Result<Outcome, Fault> {
        match decide(&self.config, request, moment, record)? {
            Decision::Converge(agent) => {
                let (applied, calls) = self.connect.converge(&agent, moment.time_left).await;
                record.called(calls);
                Ok(Outcome::Applied(applied?, agent.owner))
            }
            Decision::Done(outcome) => Ok(outcome),
        }
    }
}
