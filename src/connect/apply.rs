//! Plan → calls → [`Applied`], within the time that is left.
//!
//! CreateUser is sent first and questions are asked later: in the common case it is the only call.
//! Where the answer is "taken" or silence, the user is looked up and its owner tag tells whether an
//! earlier attempt of ours made it. Only then is CreateUser sent again.

use std::error::Error;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_connect::Client;
use aws_sdk_connect::config::Builder;
use aws_sdk_connect::config::retry::RetryConfig;
use aws_sdk_connect::config::timeout::TimeoutConfig;
use aws_sdk_connect::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_connect::operation::RequestId as _;
use tokio::time::timeout;

use super::class::Class;
use super::find::Finder;
use super::plan::{Observed, Step, plan};
use super::{Applied, UserIds, create};
use crate::assign::Agent;
use crate::fault::Fault;

/// CreateUser goes out this often, at most, for one event; throttling aside.
const MAX_CREATES: usize = 3;

/// Longer than Connect is ever seen to take for one call, shorter than a sender waits.
const LONGEST_CALL: Duration = Duration::from_secs(5);

/// Amazon Connect, one instance of it.
#[derive(Clone, Debug)]
pub struct Connect {
    client: Client,
    instance: String,
}

impl Connect {
    /// Speaks to one instance with the credentials, Region and endpoint of `config`.
    #[must_use]
    pub fn new(config: &SdkConfig, instance: &str) -> Self {
        let retries = RetryConfig::standard()
            .with_max_attempts(4)
            .with_initial_backoff(Duration::from_millis(500))
            .with_max_backoff(Duration::from_secs(3));
        let config = Builder::from(config).retry_config(retries).build();
        Self { client: Client::from_conf(config), instance: instance.to_owned() }
    }

    /// Makes Connect hold this agent's user, and gives up in time to say so.
    ///
    /// # Errors
    /// What the last call said; [`crate::fault::Kind::Unavailable`] if the time ran out.
    pub async fn converge(&self, agent: &Agent, time_left: Duration) -> Result<Applied, Fault> {
        let attempt = LONGEST_CALL.min(time_left.mul_f32(0.4));
        let limits = TimeoutConfig::builder().operation_attempt_timeout(attempt).build();
        let limits = Builder::new().timeout_config(limits);
        timeout(time_left, self.until_held(agent, limits)).await.unwrap_or_else(|_| {
            Err(Class::UnknownFate.fault().caused_by("the invocation's time ran out"))
        })
    }

    async fn until_held(&self, agent: &Agent, limits: Builder) -> Result<Applied, Fault> {
        let finder =
            Finder { client: &self.client, instance: &self.instance, limits: limits.clone() };
        let mut observed: Option<Observed> = None;
        let mut creates = 0_usize;
        loop {
            let steps = plan(agent, observed.as_ref())?;
            let Some(Step::CreateUser(agent)) = steps.first() else {
                break;
            };
            creates = creates.saturating_add(1);
            let sent = create::send(&self.client, &self.instance, limits.clone(), agent).await;
            let failure = match sent {
                Ok(created) => {
                    let id = created.user_id.ok_or_else(|| Failure::empty("CreateUser"))?;
                    let arn = created.user_arn.unwrap_or_default();
                    return Ok(Applied::Created(UserIds { id, arn }));
                }
                Err(error) => Failure::of("CreateUser", &error),
            };
            observed = match failure.class {
                Class::Duplicate | Class::UnknownFate => {
                    finder.find(agent.username.as_str()).await?
                }
                _ => None,
            };
            let try_again = failure.class == Class::UnknownFate && creates < MAX_CREATES;
            if observed.is_none() && !try_again {
                return Err(failure.into());
            }
        }
        let ids = observed.map(|observed| observed.ids);
        ids.map(Applied::AlreadyOurs).ok_or_else(|| Class::Bug.fault())
    }
}

/// What a call came to that did not succeed.
#[derive(Debug)]
pub(super) struct Failure {
    class: Class,
    code: Option<String>,
    /// Operation, code and request id: what the log may know. Never Connect's message, which quotes
    /// usernames.
    cause: String,
}

impl Failure {
    pub(super) fn of<E>(operation: &str, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let status = error.raw_response().map_or(0, |response| response.status().as_u16());
        let code = error.code().map(str::to_owned);
        let (class, what) = match error {
            _ if has_credentials_error(error) => (Class::Configuration, "no usable credentials"),
            SdkError::ConstructionFailure(_) => (Class::Bug, "the request could not be built"),
            SdkError::DispatchFailure(_) => (Class::UnknownFate, "the connection failed"),
            SdkError::TimeoutError(_) => (Class::UnknownFate, "no answer in time"),
            SdkError::ServiceError(_) => {
                (Class::of(code.as_deref(), status), code.as_deref().unwrap_or("no error code"))
            }
            _ => (Class::UnknownFate, "an unreadable answer"),
        };
        let request = error.request_id().unwrap_or("unknown");
        let cause = format!("{operation}: {what}, status {status}, request {request}");
        Self { class, code, cause }
    }

    /// A success without the member that makes it one.
    pub(super) fn empty(operation: &str) -> Self {
        let cause = format!("{operation}: an answer without its content");
        Self { class: Class::UnknownFate, code: None, cause }
    }

    /// A user that Connect lists and does not show is too young, not gone ("Amazon Connect API
    /// Reference", eventual consistency).
    pub(super) fn of_a_young_user(self) -> Self {
        if self.code.as_deref() == Some("ResourceNotFoundException") {
            return Self { class: Class::Duplicate, ..self };
        }
        self
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        failure.class.fault().caused_by(failure.cause)
    }
}

fn has_credentials_error(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<CredentialsError>() {
            return true;
        }
        next = error.source();
    }
    false
}
