//! DeleteAllEntitySessions: who is signed in is signed out.
//!
//! aws-sdk-connect 1.220.0 does not have the operation (botocore has it since 1.44.4). So it is sent as
//! a DeleteSession whose request is written anew before it is signed: credentials, endpoint, time-outs,
//! interceptors and the reading of errors are the SDK's own, and both operations answer with nothing or
//! with one of the same six errors. When the SDK has it, `CallContext::end_sessions` calls it and
//! `rewrite` goes.

use std::time::SystemTime;

use aws_sdk_connect::config::http::HttpRequest;
use serde_json::json;

use super::apply::Connect;
use super::call_context::CallContext;
use super::call_error::CallError;
use super::class::Class;
use super::session::Session;
use super::{Calls, UserIds};
use crate::deadline::Deadline;
use crate::fault::Fault;

/// The name in the API, in IAM behind `connect:`, and of the rate limiter's bucket.
const NAME: &str = "DeleteAllEntitySessions";

/// The operation's route, `POST` (botocore 1.44.8, `connect/2017-08-08`).
const ROUTE: &str = "/auth/sessions/delete-all-entity-sessions";

/// The session of the DeleteSession that is never sent.
const NO_SESSION: &str = "none";

/// The codes by which Connect refuses this operation to us, and will in a minute: it may not be called,
/// or there is none at this endpoint. An AWS gateway says so of a route that it does not know by
/// "Missing Authentication Token", whatever the request bears.
const REFUSALS: [&str; 6] = [
    "AccessDeniedException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "NotAuthorized",
    "OptInRequired",
    "UnknownOperationException",
];

/// The outcome of asking for the end of a user's sessions, as far as it is no fault.
#[derive(Debug, PartialEq, Eq)]
pub enum SessionsEnd {
    /// They are ended. That the user had none is answered in the same way.
    Ended,
    /// Connect does not show the user: not yet, or not any more. What becomes of the sessions of a user
    /// who is deleted is not documented.
    NoUser,
    /// Connect does not do it for us, and soon repeating it does not help: it is not permitted, not
    /// offered here, or not taken in this form. The fault's cause has the error code.
    Refused(Fault),
}

impl Connect {
    /// Ends all sessions of the user of this id, by one call. It takes no access away: who has some may
    /// sign in again at once.
    ///
    /// # Errors
    /// [`Kind::Throttled`](crate::fault::Kind::Throttled) and
    /// [`Kind::Unavailable`](crate::fault::Kind::Unavailable), which may pass; with the latter they may
    /// be ended. [`Kind::Configuration`](crate::fault::Kind::Configuration) if Connect does not take our
    /// credentials, for whatever call. Repeating it is safe in each case.
    pub async fn end_sessions(
        &self,
        user: &UserIds,
        now: SystemTime,
        deadline: Deadline,
    ) -> (Result<SessionsEnd, Fault>, Calls) {
        let session = self.session(now, deadline, None);
        let end = session.end_sessions(user).await;
        (end, session.calls())
    }
}

impl Session<'_> {
    /// The same in this round, and in its turn if there is a rate limiter.
    ///
    /// # Errors
    /// As [`Connect::end_sessions`].
    pub(crate) async fn end_sessions(&self, user: &UserIds) -> Result<SessionsEnd, Fault> {
        match self.context().end_sessions(&user.id).await {
            Ok(()) => Ok(SessionsEnd::Ended),
            Err(failure) if failure.has_code("ResourceNotFoundException") => {
                Ok(SessionsEnd::NoUser)
            }
            Err(failure) if is_refusal(&failure) => Ok(SessionsEnd::Refused(failure.of_our_own())),
            Err(failure) => Err(failure.of_our_own()),
        }
    }
}

/// Whether it is this operation that is refused, and not whatever is sent.
fn is_refusal(failure: &CallError) -> bool {
    matches!(failure.class, Class::Bug | Class::Refused)
        || REFUSALS.iter().any(|code| failure.has_code(code))
}

impl CallContext<'_> {
    /// Sends DeleteAllEntitySessions, once.
    async fn end_sessions(&self, user: &str) -> Result<(), CallError> {
        self.acquire_permit(NAME).await?;
        let route = format!("/auth/sessions/{}/{NO_SESSION}", self.instance);
        let entity = json!({"InstanceId": self.instance, "EntityId": user, "EntityType": "USER"});
        let request = self.client.delete_session().instance_id(self.instance);
        let request = request.session_id(NO_SESSION).customize();
        let request = request.config_override(self.limits.clone());
        let request =
            request.map_request(move |request| rewrite(request, &route, entity.to_string()));
        self.judge("DeleteAllEntitySessions", request.send().await).map(drop)
    }
}

/// Makes the request that the SDK built for `route` one of ours, with this body; what stands before
/// the route is the endpoint's.
fn rewrite(
    mut request: HttpRequest,
    route: &str,
    body: String,
) -> Result<HttpRequest, RequestError> {
    let endpoint = request.uri().strip_suffix(route).ok_or(RequestError)?;
    let uri = format!("{endpoint}{ROUTE}");
    request.set_uri(uri).map_err(|_| RequestError)?;
    request.set_method("POST").map_err(|_| RequestError)?;
    request.headers_mut().insert("content-type", "application/json");
    request.headers_mut().insert("content-length", body.len().to_string());
    *request.body_mut() = body.into();
    Ok(request)
}

/// The SDK built another request than the one we know. It is not sent.
#[derive(Debug)]
struct RequestError;

impl std::fmt::Display for RequestError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("expected DeleteSession's path at the URI's end, found something else")
    }
}

impl std::error::Error for RequestError {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_config::SdkConfig;
    use aws_sdk_connect::config::{
        BehaviorVersion, Credentials, Region, SharedCredentialsProvider,
    };

    use super::*;
    use crate::connect::rate_limiter::{RateLimiter, Urgency};
    use crate::fault::Kind;

    #[tokio::test(start_paused = true)]
    async fn it_waits_for_its_own_turn() {
        let credentials = Credentials::new("AKID", "secret", None, None, "tests");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        let connect = Connect::new(&config, "i");
        let rate_limiter = RateLimiter::new(2.0);
        let deadline = Deadline::after(Duration::from_millis(550));
        let urgency = Urgency::Farewell;
        let session =
            connect.session(SystemTime::UNIX_EPOCH, deadline, Some((&rate_limiter, urgency)));
        let user = UserIds { id: "u".to_owned(), arn: String::new() };
        assert!(rate_limiter.wait("DeleteUser", urgency, deadline).await);
        assert!(rate_limiter.wait(NAME, urgency, deadline).await);

        let late = session.end_sessions(&user).await.unwrap_err();

        let cause = "DeleteAllEntitySessions: its turn did not come in time";
        assert_eq!((late.kind, late.cause.as_deref()), (Kind::Throttled, Some(cause)));
        assert_eq!(session.calls().count, 0, "nothing was sent");
    }

    #[test]
    fn only_the_request_that_is_known_is_written_anew() {
        let route = "/auth/sessions/i/none";
        for (uri, expected) in [
            (
                "https://connect.eu-west-2.amazonaws.com/auth/sessions/i/none",
                Some("https://connect.eu-west-2.amazonaws.com"),
            ),
            (
                "http://localhost:4010/proxy/auth/sessions/i/none",
                Some("http://localhost:4010/proxy"),
            ),
            ("/auth/sessions/i/none", Some("")),
            ("https://connect.eu-west-2.amazonaws.com/auth/sessions/i/other", None),
            ("https://connect.eu-west-2.amazonaws.com/auth/sessions/i/none?x", None),
        ] {
            let mut request = HttpRequest::empty();
            request.set_uri(uri).unwrap();
            request.set_method("DELETE").unwrap();
            let written = rewrite(request, route, "{}".to_owned());
            let written = written.ok().map(|request| {
                let length = request.headers().get("content-length").map(str::to_owned);
                assert_eq!((request.method(), length.as_deref()), ("POST", Some("2")));
                request.uri().to_owned()
            });
            assert_eq!(written, expected.map(|endpoint| format!("{endpoint}{ROUTE}")), "{uri}");
        }
    }
}
