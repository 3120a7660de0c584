//! The SDK's error → what it means and what the log may say of it.

use std::error::Error;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_connect::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_connect::operation::RequestId as _;

use super::class::Class;
use crate::fault::Fault;

/// What a call came to that did not succeed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) class: Class,
    code: Option<String>,
    /// Operation, code and request id: what the log may know. Never Connect's message, which quotes
    /// usernames.
    cause: String,
}

impl Failure {
    /// What an error of an operation comes to.
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

    /// A user is listed and not shown.
    pub(crate) fn not_yet() -> Self {
        let cause = "DescribeUser: a listed user is not shown".to_owned();
        Self { class: Class::NotYet, code: None, cause }
    }

    /// This failure, where it can only mean that the user is not shown.
    pub(crate) fn into_not_yet(self) -> Self {
        Self { class: Class::NotYet, ..self }
    }

    /// A call that was not made, since its turn did not come in time.
    pub(crate) fn unsent(operation: &str) -> Self {
        let cause = format!("{operation}: its turn did not come in time");
        Self { class: Class::Throttled, code: None, cause }
    }

    /// The fault that a call comes to in which nothing of the sender's was said.
    pub(crate) fn of_our_own(self) -> Fault {
        let class = match self.class {
            Class::Duplicate | Class::NotYet | Class::Refused => Class::Bug,
            class => class,
        };
        Self { class, ..self }.into()
    }

    /// Whether AWS gave this code.
    pub(crate) fn has_code(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// A success without the member that makes it one.
    pub(crate) fn empty(operation: &str) -> Self {
        let cause = format!("{operation}: an answer without its content");
        Self { class: Class::UnknownFate, code: None, cause }
    }

    /// This failure, where looking for the user failed too. What became of the first call stays the
    /// answer, for whatever Connect refuses in a look-up is no value of the sender's; unless the
    /// operator has something to mend, or the user is there and not shown yet.
    pub(crate) fn and_then(self, look_up: &Self) -> Self {
        let class = match look_up.class {
            Class::Configuration | Class::NotYet => look_up.class,
            _ => self.class,
        };
        Self { class, code: None, cause: format!("{}; {}", self.cause, look_up.cause) }
    }
}

/// What the log may know.
impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.cause)
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        failure.class.fault().caused_by(failure.cause)
    }
}

/// What is wrong with the credentials.
#[derive(PartialEq, Eq)]
enum Lack {
    /// There may be some in a moment.
    InTime,
    /// Somebody has to see to it.
    Usable,
}

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
            assert_eq!(Failure::of("DescribeUser", &error).class, class);
        }
    }
}
