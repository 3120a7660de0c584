//! The SDK's error → its class, and the text that the log may have of it.

use std::error::Error;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_connect::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_connect::operation::RequestId as _;

use super::class::Class;
use crate::fault::Fault;

/// A call that did not succeed: its class, and operation, code and request id for the log.
#[derive(Debug)]
pub(crate) struct CallError {
    /// What it means.
    pub(crate) class: Class,
    /// AWS's error code, where the service answered with one.
    code: Option<String>,
    /// Operation, code, status and request id: what the log may know. Never Connect's message,
    /// which quotes usernames.
    cause: String,
}

impl CallError {
    /// Classifies an error of the SDK. Whatever failed after the request may have left the machine
    /// has an unknown fate.
    pub(crate) fn of<E>(operation: &str, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let status = error.raw_response().map_or(0, |response| response.status().as_u16());
        let code = error.code().map(str::to_owned);
        let (class, what) = match error {
            _ if lacks_credentials(error) == Some(Lack::InTime) => {
                (Class::UnknownFate, "no credentials in time")
            }
            _ if lacks_credentials(error).is_some() => {
                (Class::Configuration, "no usable credentials")
            }
            SdkError::ConstructionFailure(_) => {
                (Class::Configuration, "no request can be built with these settings")
            }
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

    /// A user is listed and not described: eventual consistency.
    pub(crate) fn not_yet() -> Self {
        let cause = "DescribeUser: a listed user is not shown".to_owned();
        Self { class: Class::NotYet, code: None, cause }
    }

    /// This failure, where "not found" can only mean that the user is not shown yet, since it was
    /// seen a moment ago.
    pub(crate) fn into_not_yet(self) -> Self {
        Self { class: Class::NotYet, ..self }
    }

    /// A call that was not sent, since the rate limiter's permit did not come in time. It counts as
    /// throttled: certain to have had no effect.
    pub(crate) fn unsent(operation: &str) -> Self {
        let cause = format!("{operation}: its turn did not come in time");
        Self { class: Class::Throttled, code: None, cause }
    }

    /// The fault of a call that carried nothing of the sender's: whatever Connect refuses of it is
    /// our bug and not the sender's to mend.
    pub(crate) fn of_our_own(self) -> Fault {
        let class = match self.class {
            Class::Duplicate | Class::NotYet | Class::Refused => Class::Bug,
            class => class,
        };
        Self { class, ..self }.into()
    }

    /// True if AWS gave this error code.
    pub(crate) fn has_code(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// A success without the member that makes it one. What it did is unknown.
    pub(crate) fn empty(operation: &str) -> Self {
        let cause = format!("{operation}: an answer without its content");
        Self { class: Class::UnknownFate, code: None, cause }
    }

    /// This failure of a call, where the look-up after it failed too. The first call's class stays
    /// the answer, since whatever a look-up is refused for is no value of the sender's; unless the
    /// operator has something to mend, or the user is there and not shown yet.
    pub(crate) fn and_then(self, look_up: &Self) -> Self {
        let class = match look_up.class {
            Class::Configuration | Class::NotYet => look_up.class,
            _ => self.class,
        };
        Self { class, code: None, cause: format!("{}; {}", self.cause, look_up.cause) }
    }
}

/// The cause, for the log.
impl fmt::Display for CallError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.cause)
    }
}

impl From<CallError> for Fault {
    fn from(failure: CallError) -> Self {
        failure.class.fault().caused_by(failure.cause)
    }
}

/// Why there are no credentials.
#[derive(PartialEq, Eq)]
enum Lack {
    /// The provider timed out; there may be some in a moment.
    InTime,
    /// There are none, or they are not usable: the operator's to mend.
    Usable,
}

/// Looks for the credentials provider's error through the whole chain of causes, since it may be
/// wrapped in more than one of the SDK's errors.
fn lacks_credentials(error: &(dyn Error + 'static)) -> Option<Lack> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<CredentialsError>() {
            let is_late = matches!(error, CredentialsError::ProviderTimedOut(_));
            return Some(if is_late { Lack::InTime } else { Lack::Usable });
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_sdk_connect::operation::describe_user::DescribeUserError;

    use super::*;

    #[test]
    fn credentials_that_come_late_are_a_matter_of_time_and_none_are_not() {
        for (error, class) in [
            (CredentialsError::provider_timed_out(Duration::from_secs(5)), Class::UnknownFate),
            (CredentialsError::not_loaded("none"), Class::Configuration),
        ] {
            let error = SdkError::<DescribeUserError>::construction_failure(error);
            assert_eq!(CallError::of("DescribeUser", &error).class, class);
        }
    }
}
