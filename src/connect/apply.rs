//! Direct mode: one agent → CreateUser and what it takes to be sure of its effect, within the time
//! that is left. There is no roster behind it.
//!
//! CreateUser is sent first and questions are asked later: in the common case it is the only call.
//! If the answer is "taken" or none, the user is looked up, and its owner tag tells whether an
//! earlier attempt of ours made it. Only then is CreateUser sent again, so a repeated event is
//! idempotent.

use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_sdk_connect::Client;
use aws_sdk_connect::config::Builder;
use aws_sdk_connect::config::retry::RetryPartition;
use serde_json::Value;
use tokio::time::timeout;

use super::call_context::CallContext;
use super::class::Class;
use super::create;
use super::names::NameCache;
use super::plan::check_owner;
use super::sweep::Sweep;
use super::trace::Trace;
use super::{Applied, Calls};
use crate::assign::Agent;
use crate::assign::instance::ResourceRef;
use crate::assign::named::NamedResource;
use crate::deadline::Deadline;
use crate::fault::{Fault, Kind};

/// The most CreateUser calls for one event. Throttled ones are not counted: the SDK repeats those
/// by itself.
const MAX_CREATES: usize = 3;

/// The log's cause of a fault for lack of time.
const OUT_OF_TIME: &str = "the invocation's time ran out";
/// The sender's text where not a single call could be made.
const NOT_BEGUN: &str =
    "there was no time left to ask Amazon Connect for this user; repeat the event";

/// One Connect instance: the SDK's client, the names that the settings use, and the retry buckets.
/// One for each process; it is shared by all requests.
#[derive(Debug)]
pub struct Connect {
    /// The SDK's client, with its connections.
    pub(super) client: Client,
    /// The instance's id, a UUID.
    pub(super) instance: String,
    /// The operator's names → ids, cached.
    pub(super) names: NameCache,
    /// The buckets from which retries are paid.
    pub(super) retries: Retries,
    /// The last listing of the whole instance.
    pub(super) sweep: Sweep,
}

/// The token buckets from which the SDK pays for retries. By default there is one for all clients
/// of a service in a process, and after a bad spell nobody retries anything (aws-smithy-runtime,
/// `RetryPartition`); so calls that a sender waits for have their own.
#[derive(Debug)]
pub(super) struct Retries {
    /// For calls that a sender waits for.
    pub(super) awaited: RetryPartition,
    /// For calls by which Connect is made to follow a roster.
    pub(super) following: RetryPartition,
}

impl Default for Retries {
    fn default() -> Self {
        let own = |name| RetryPartition::custom(name).build();
        Self { awaited: own("awaited"), following: own("following") }
    }
}

impl Connect {
    /// A client of one instance with the credentials, Region and endpoint of `config`. `instance`
    /// is its id, a UUID. Nothing is called yet.
    #[must_use]
    pub fn new(config: &SdkConfig, instance: &str) -> Self {
        Self {
            client: Client::new(config),
            instance: instance.to_owned(),
            names: NameCache::default(),
            retries: Retries::default(),
            sweep: Sweep::default(),
        }
    }

    /// The same, with the settings that name resources of the instance.
    #[must_use]
    pub fn with_settings(self, named: Vec<NamedResource>) -> Self {
        Self { names: NameCache::of(named), ..self }
    }

    /// One fault for each setting that names a resource which the instance does not have, or which
    /// could not be looked up; its cause has the setting and the name. Empty if the time ran out: a
    /// slow look-up is no wrong setting.
    pub async fn misnamed(&self, now: SystemTime, deadline: Deadline) -> Vec<Fault> {
        let (timeouts, retries) = deadline.limits();
        let limits = Builder::new().timeout_config(timeouts).retry_config(retries);
        let limits = limits.retry_partition(self.retries.following.clone());
        let context = CallContext {
            client: &self.client,
            instance: &self.instance,
            limits,
            rate_limiter: None,
        };
        timeout(deadline.time_left(), self.names.misnamed(&context, now)).await.unwrap_or_default()
    }

    /// Creates this agent's user unless it is there, and returns in time for an answer.
    ///
    /// # Errors
    /// The fault of the first call whose meaning is certain; [`Kind::Unavailable`] if the time ran
    /// out or the call's fate is unknown, [`Kind::Throttled`] if Connect asked for fewer calls.
    /// Repeating the event is safe in each case. The calls are accounted for however it ends.
    pub async fn ensure_user(
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

    /// The body of the CreateUser call for this agent, without any call. Resources that are
    /// configured by name stand there as `id of …`.
    pub async fn preview(&self, agent: &Agent) -> Option<Value> {
        let permissions = agent.permissions.clone().map(|reference| match reference {
            ResourceRef::Id(id) => id.as_str().to_owned(),
            ResourceRef::Name(name) => format!("id of {name}"),
        });
        create::preview(&self.client, &self.instance, agent, permissions).await
    }

    /// Sends CreateUser and looks the user up until its fate is known. It ends: what is found is
    /// ours or foreign, and CreateUser is sent [`MAX_CREATES`] times at most.
    async fn until_held(
        &self,
        agent: &Agent,
        now: SystemTime,
        limits: Builder,
    ) -> Result<Applied, Fault> {
        let context = CallContext {
            client: &self.client,
            instance: &self.instance,
            limits,
            rate_limiter: None,
        };
        let permissions = self.names.resolve(&context, &agent.permissions, now).await?;
        let mut creates_left = MAX_CREATES;
        loop {
            let failure = match context.create(agent, &permissions).await {
                Ok(ids) => return Ok(Applied::Created(ids)),
                Err(failure) => failure,
            };
            creates_left = creates_left.saturating_sub(1);
            // Of all errors only an unknown fate justifies another CreateUser, and only after the
            // look-up: "taken" cannot change by asking again, and what was refused is refused
            // again.
            let again = match failure.class {
                Class::Duplicate => false,
                Class::UnknownFate => creates_left > 0,
                _ if failure.has_code("ResourceNotFoundException") => {
                    // CreateUser names routing profile, security profiles and hierarchy group by
                    // ids. One of them was deleted since it was listed by its name, so the lists
                    // are read anew the next time.
                    self.names.invalidate().await;
                    return Err(failure.into());
                }
                _ => return Err(failure.into()),
            };
            match context.find(agent.username.as_str()).await {
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
