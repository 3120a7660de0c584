//! Call context: the client, the instance and the limits with which every call of Amazon Connect is
//! made.

use aws_sdk_connect::Client;
use aws_sdk_connect::config::Builder;
use aws_sdk_connect::error::{ProvideErrorMetadata, SdkError};

use super::call_error::CallError;
use super::class::Class;
use super::rate_limiter::{RateLimiter, Urgency};
use crate::deadline::Deadline;

/// The context of a call. It lives for one event or one round, since its limits are shares of the
/// time that was left at its start.
pub(crate) struct CallContext<'a> {
    /// The SDK's client.
    pub(crate) client: &'a Client,
    /// The instance's id.
    pub(crate) instance: &'a str,
    /// Time-outs, retries and the interceptor that counts, as an override of the client's
    /// configuration.
    pub(crate) limits: Builder,
    /// The rate limiter and until when to wait for it; `None` where a sender waits for the answer,
    /// and a throttle is dealt with instead.
    pub(crate) rate_limiter: Option<(&'a RateLimiter, Urgency, Deadline)>,
}

impl CallContext<'_> {
    /// Waits for the rate limiter's permit for one call.
    ///
    /// # Errors
    /// [`Class::Throttled`] if the permit would come too late for the call to be made. Nothing was
    /// sent.
    pub(super) async fn acquire_permit(&self, operation: &'static str) -> Result<(), CallError> {
        match self.rate_limiter {
            Some((rate_limiter, urgency, deadline))
                if !rate_limiter.wait(operation, urgency, deadline).await =>
            {
                Err(CallError::unsent(operation))
            }
            _ => Ok(()),
        }
    }

    /// The result of a call, with its error classified. The rate limiter learns of it: only a
    /// throttle slows it down, any other answer means that Connect let the call in.
    pub(super) fn judge<T, E>(
        &self,
        operation: &'static str,
        answer: Result<T, SdkError<E>>,
    ) -> Result<T, CallError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let judged = answer.map_err(|error| CallError::of(operation, &error));
        if let Some((rate_limiter, ..)) = self.rate_limiter {
            match &judged {
                Err(failure) if failure.class == Class::Throttled => {
                    rate_limiter.on_throttle(operation)
                }
                _ => rate_limiter.on_success(operation),
            }
        }
        judged
    }
}
