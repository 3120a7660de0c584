//! Plan → calls → [`Applied`], within the time that is left: direct mode, without a roster.
//!
//! CreateUser is sent first and questions are asked later: in the common case it is the only call.
//! Where the answer is "taken" or silence, the user is looked up and its owner tag tells whether an
//! earlier attempt of ours made it. Only then is CreateUser sent again.

use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_sdk_connect::Client;
use aws_sdk_connect::config::Builder;
use aws_sdk_connect::config::retry::RetryPartition;
use serde_json::Value;
use tokio::time::timeout;

use super::class::Class;
use super::create;
use super::line::Line;
use super::names::Names;
use super::plan::check_owner;
use super::trace::Trace;
use super::{Applied, Calls};
use crate::assign::Agent;
use crate::assign::instance::Reference;
use crate::assign::named::Named;
use crate::deadline::Deadline;
use crate::fault::{Fault, Kind};

/// CreateUser goes out this often, at most, for one event; throttling aside.
const MAX_CREATES: usize = 3;

const OUT_OF_TIME: &str = "the invocation's time ran out";
const NOT_BEGUN: &str =
    "there was no time left to ask Amazon Connect for this user; repeat the event";

/// Amazon Connect, one instance of it.
#[derive(Debug)]
pub struct Connect {
    pub(super) client: Client,
    pub(super) instance: String,
    pub(super) names: Names,
    pub(super) retries: Retries,
}

/// What repeats of calls are taken from. Unless it is told otherwise, the SDK has one bucket for all the
/// clients of a service in a process, and after a bad spell nobody repeats anything (aws-smithy-runtime,
/// `RetryPartition`).
#[derive(Debug)]
pub(super) struct Retries {
    /// Calls that a sender waits for.
    pub(super) awaited: RetryPartition,
    /// Calls by which Connect is made to follow a roster.
    pub(super) following: RetryPartition,
}

impl Default for Retries {
    fn default() -> Self {
        let own = |name| RetryPartition::custom(name).build();
        Self { awaited: own("awaited"), following: own("following") }
    }
}

impl Connect {
    /// Speaks to one instance with the credentials, Region and endpoint of `config`.
    #[must_use]
    pub fn new(config: &SdkConfig, instance: &str) -> Self {
        Self {
            client: Client::new(config),
            instance: instance.to_owned(),
            names: Names::default(),
            retries: Retries::default(),
        }
    }

    /// The same, where these settings name things in the instance.
    #[must_use]
    pub fn with_settings(self, named: Vec<Named>) -> Self {
        Self { names: Names::of(named), ..self }
    }

    /// What the settings name that the instance does not have, or could not be asked for: a fault for
    /// each, whose cause has the setting and the word.
    pub async fn misnamed(&self, now: SystemTime, deadline: Deadline) -> Vec<Fault> {
        let (timeouts, retries) = deadline.limits();
        let limits = Builder::new().timeout_config(timeouts).retry_config(retries);
        let limits = limits.retry_partition(self.retries.following.clone());
        let line = Line { client: &self.client, instance: &self.instance, limits, pace: None };
        timeout(deadline.time_left(), self.names.misnamed(&line, now)).await.unwrap_or_default()
    }

    /// Makes Connect hold this agent's user, and gives up in time to say so. The fault is what the
    /// last call said, or [`crate::fault::Kind::Unavailable`] if the time ran out.
    pub async fn converge(
        &self,
        agent: &Agent,
        now: SystemTime,
        deadline: Deadline,
    ) -> (Result<Applied, Fault>, Calls) {
        let trace = Trace::default();
        let (timeouts, retries) = deadline.limits();
        let limits = Builder::new().timeout_config(timeouts).retry_config(retries);
        let limits = limits.retry_partition(self.retries.awaited.clone());
        let limits = limits.interceptor(trace.clone());
        if !deadline.allows_a_call() {
            let fault = Fault::new(Kind::Unavailable, NOT_BEGUN).caused_by(OUT_OF_TIME);
            return (Err(fault), Calls::default());
        }
        let applied = timeout(deadline.time_left(), self.until_held(agent, now, limits)).await;
        let out_of_time = |_| Err(Class::UnknownFate.fault().caused_by(OUT_OF_TIME));
        (applied.unwrap_or_else(out_of_time), trace.calls())
    }

    /// The body that CreateUser would be sent with for this agent: a dry run, which calls nobody.
    /// What is configured by name stands there as `id of …`.
    pub async fn preview(&self, agent: &Agent) -> Option<Value> {
        let power = agent.power.clone().map(|reference| match reference {
            Reference::Id(id) => id.as_str().to_owned(),
            Reference::Name(name) => format!("id of {name}"),
        });
        create::preview(&self.client, &self.instance, agent, power).await
    }

    /// Creates and looks until nothing is left in doubt. It ends: what was observed is ours or
    /// foreign, and CreateUser is sent a few times at most. A user of ours is left as it is: an old
    /// event must not undo what a supervisor did since.
    async fn until_held(
        &self,
        agent: &Agent,
        now: SystemTime,
        limits: Builder,
    ) -> Result<Applied, Fault> {
        let line = Line { client: &self.client, instance: &self.instance, limits, pace: None };
        let power = self.names.resolve(&line, &agent.power, now).await?;
        let mut creates_left = MAX_CREATES;
        loop {
            let failure = match line.create(agent, &power).await {
                Ok(ids) => return Ok(Applied::Created(ids)),
                Err(failure) => failure,
            };
            creates_left = creates_left.saturating_sub(1);
            let again = match failure.class {
                Class::Duplicate => false,
                Class::UnknownFate => creates_left > 0,
                _ if failure.has_code("ResourceNotFoundException") => {
                    self.names.doubt().await;
                    return Err(failure.into());
                }
                _ => return Err(failure.into()),
            };
            match line.find(agent.username.as_str()).await {
                Ok(Some(user)) => {
                    check_owner(&agent.owner, &user)?;
                    return Ok(Applied::AlreadyOurs(user.ids));
                }
                Ok(None) if again => {}
                Ok(None) => return Err(failure.into()),
                Err(look_up) => return Err(failure.and_then(&look_up).into()),
            }
        }
    }
}
