//! One client, one instance, one set of limits: what every call of Amazon Connect is made with.

use aws_sdk_connect::Client;
use aws_sdk_connect::config::Builder;
use aws_sdk_connect::error::{ProvideErrorMetadata, SdkError};

use super::class::Class;
use super::failure::Failure;
use super::pace::Pace;
use crate::deadline::Deadline;

/// The way to one instance.
pub(crate) struct Line<'a> {
    pub(crate) client: &'a Client,
    pub(crate) instance: &'a str,
    pub(crate) limits: Builder,
    /// How fast it may be used, and until when, where nobody waits for an answer.
    pub(crate) pace: Option<(&'a Pace, Deadline)>,
}

impl Line<'_> {
    /// Waits for the turn of a call.
    ///
    /// # Errors
    /// [`Class::Throttled`] if it does not come in time.
    pub(super) async fn turn(&self, operation: &'static str) -> Result<(), Failure> {
        match self.pace {
            Some((pace, deadline)) if !pace.wait(operation, deadline).await => {
                Err(Failure::unsent(operation))
            }
            _ => Ok(()),
        }
    }

    /// What an answer comes to; the pace learns of it.
    pub(super) fn judge<T, E>(
        &self,
        operation: &'static str,
        answer: Result<T, SdkError<E>>,
    ) -> Result<T, Failure>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let judged = answer.map_err(|error| Failure::of(operation, &error));
        if let Some((pace, _)) = self.pace {
            match &judged {
                Err(failure) if failure.class == Class::Throttled => pace.slower(operation),
                _ => pace.faster(operation),
            }
        }
        judged
    }
}
