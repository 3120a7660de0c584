//! One call of DynamoDB, tried again until it is answered or the patience is over.
//!
//! All tries are made here and none by the SDK: of a write it has to be known of every single try
//! whether it may have been carried out. A definite refusal (a conflict with another transaction, a
//! throttle) is followed by a request of its own; after a try of unknown fate the same request is sent
//! again, with its token.

use std::sync::PoisonError;
use std::time::Duration;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use tokio::time::{Instant, sleep};

use super::DynamoRoster;
use crate::hex;
use crate::roster::RosterError;

/// How long a call is tried again: longer than a transaction whose answer was lost may still be at work,
/// which AWS says takes five seconds at most.
const PATIENCE: Duration = Duration::from_secs(6);

/// The longest pause before the second try; it is twice as long before each further one.
const PAUSE: Duration = Duration::from_millis(25);

/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_millis(400);

/// What an answer says that is none of success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A condition did not hold.
    Refused,
    /// It was not done, and may be in a moment.
    Busy,
    /// Nobody knows.
    Unknown,
    /// It cannot be done.
    Impossible,
}

/// Why a call did not succeed.
#[derive(Debug)]
pub(super) enum CallError<E> {
    /// A condition did not hold; and whether a try before may have been carried out.
    Refused(E, bool),
    /// The roster did not answer.
    Roster(RosterError),
}

/// Whether something is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Write,
}

/// What an error says by its code.
pub(super) fn by_code<E: ProvideErrorMetadata>(error: &E) -> Verdict {
    match error.code().unwrap_or_default() {
        "ConditionalCheckFailedException" => Verdict::Refused,
        "TransactionConflictException"
        | "ThrottlingException"
        | "ProvisionedThroughputExceededException"
        | "RequestLimitExceeded" => Verdict::Busy,
        "TransactionInProgressException"
        | "InternalServerError"
        | "InternalFailure"
        | "ServiceUnavailable" => Verdict::Unknown,
        _ => Verdict::Impossible,
    }
}

impl DynamoRoster {
    /// Sends a request, with a token that is another after each definite refusal, until it is answered.
    pub(super) async fn call<T, E, F>(
        &self,
        kind: Kind,
        send: impl Fn(String) -> F,
        judge: fn(&E) -> Verdict,
    ) -> Result<T, CallError<E>>
    where
        E: ProvideErrorMetadata,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send,
    {
        let begun = Instant::now();
        let (mut token, mut is_unknown) = (self.nonce(), false);
        for number in 0_u32.. {
            let answer = {
                // None is ever closed.
                let _permit = self.permits.acquire().await;
                send(token.clone()).await
            };
            let error = match answer {
                Ok(answer) => {
                    self.note_health(kind, None);
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let verdict = match (&error, error.as_service_error()) {
                (SdkError::ConstructionFailure(_), _) => Verdict::Impossible,
                (SdkError::ServiceError(answer), Some(error)) => match judge(error) {
                    // Whatever it is called: their fault is not known to be without effect.
                    Verdict::Impossible if answer.raw().status().is_server_error() => {
                        Verdict::Unknown
                    }
                    verdict => verdict,
                },
                _ => Verdict::Unknown,
            };
            match verdict {
                Verdict::Refused => {
                    self.note_health(kind, None);
                    return Err(match error.into_service_error_or() {
                        Ok(error) => CallError::Refused(error, is_unknown),
                        Err(text) => CallError::Roster(RosterError::Unknown(text)),
                    });
                }
                Verdict::Busy => token = self.nonce(),
                Verdict::Unknown => is_unknown = true,
                Verdict::Impossible => {}
            }
            if verdict == Verdict::Impossible || begun.elapsed() >= PATIENCE {
                let text = said(&error);
                let error = match (kind, is_unknown) {
                    (Kind::Write, true) => RosterError::Unknown(text),
                    _ => RosterError::NotDone(text),
                };
                self.note_health(kind, Some(error.clone()));
                return Err(CallError::Roster(error));
            }
            self.pause(number).await;
        }
        Err(CallError::Roster(RosterError::Unknown("it was tried again for ever".to_owned())))
    }

    /// Waits a moment before the next try, by chance and longer each time.
    pub(super) async fn pause(&self, number: u32) {
        let most = PAUSE.saturating_mul(1_u32 << number.min(8)).min(LONGEST_PAUSE);
        let [byte, ..] = (self.entropy)();
        sleep(most.mul_f64(f64::from(byte) / 255.0)).await;
    }

    /// A text that nobody else has.
    pub(super) fn nonce(&self) -> String {
        hex::write(&(self.entropy)())
    }

    fn note_health(&self, kind: Kind, trouble: Option<RosterError>) {
        if kind == Kind::Write {
            *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
        }
    }
}

/// An SDK's error as the service's own, if it is one.
trait IntoService<E> {
    fn into_service_error_or(self) -> Result<E, String>;
}

impl<E: ProvideErrorMetadata> IntoService<E> for SdkError<E, HttpResponse> {
    fn into_service_error_or(self) -> Result<E, String> {
        match self {
            Self::ServiceError(answer) => Ok(answer.into_err()),
            other => Err(said(&other)),
        }
    }
}

/// What is wrong; nothing of an item.
fn said<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> String {
    let Some(service) = error.as_service_error() else {
        return match error {
            SdkError::TimeoutError(_) => "DynamoDB did not answer in time".to_owned(),
            SdkError::DispatchFailure(_) => "DynamoDB was not reached, or hung up".to_owned(),
            _ => "DynamoDB's answer could not be read".to_owned(),
        };
    };
    let code = service.code().unwrap_or("an error without a code");
    // These name the table and the role, and no item.
    let is_about_access = ["AccessDeniedException", "ResourceNotFoundException"].contains(&code);
    match service.message().filter(|_| is_about_access) {
        Some(message) => format!("DynamoDB: {code}: {message}"),
        None => format!("DynamoDB: {code}"),
    }
}
