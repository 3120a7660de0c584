//! [`Agent`] → the CreateUser request, member by member; and the phone members of any request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_connect::config::http::HttpRequest;
use aws_sdk_connect::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_connect::error::ProvideErrorMetadata as _;
use aws_sdk_connect::operation::create_user::CreateUserError;
use aws_sdk_connect::operation::create_user::builders::CreateUserFluentBuilder;
use aws_sdk_connect::types::UserIdentityInfo;
use aws_sdk_connect::{Client, config};
use serde_json::{Map, Value};

use super::class::Class;
use crate::assign::Agent;
use crate::assign::permissions::Permissions;
use crate::assign::phone::Phone;
use crate::assign::text::{Email, PersonName};

/// The body of the CreateUser request, by way of the SDK's own serialiser. Nothing is sent.
pub(super) async fn preview(
    client: &Client,
    instance: &str,
    agent: &Agent,
    permissions: Permissions<String>,
) -> Option<Value> {
    let phone = agent.phone.clone();
    let seen = Arc::new(Mutex::new(None));
    let body = Arc::clone(&seen);
    let look = move |request: HttpRequest| -> Result<HttpRequest, RequestBodyError> {
        let request = add_phone(request, &phone)?;
        let bytes = request.body().bytes().unwrap_or_default();
        *body.lock().unwrap_or_else(PoisonError::into_inner) = serde_json::from_slice(bytes).ok();
        // Far enough: with an error here the SDK goes no further.
        Err(RequestBodyError)
    };
    let stopped =
        request(client, instance, agent, permissions).customize().map_request(look).send().await;
    drop(stopped);
    seen.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// The request with every member but the phone's, which [`add_phone`] writes.
pub(super) fn request(
    client: &Client,
    instance: &str,
    agent: &Agent,
    permissions: Permissions<String>,
) -> CreateUserFluentBuilder {
    client
        .create_user()
        .instance_id(instance)
        .username(agent.username.as_str())
        .set_password(agent.password.iter().flatten().map(|one| one.as_str().to_owned()).next())
        .set_directory_user_id(agent.directory_user_id.clone())
        .identity_info(identity_info(agent))
        .routing_profile_id(permissions.routing_profile)
        .set_security_profile_ids(Some(permissions.security_profiles))
        .set_hierarchy_group_id(permissions.hierarchy_group)
        .set_tags(Some(HashMap::from_iter(agent.tags.clone())))
}

/// `IdentityInfo`. Members that the agent has not are left out: under SAML and an existing
/// directory Connect refuses some of them.
fn identity_info(agent: &Agent) -> UserIdentityInfo {
    let name = |name: &PersonName| name.as_str().to_owned();
    let email = |email: &Email| email.as_str().to_owned();
    UserIdentityInfo::builder()
        .set_first_name(agent.first_name.as_ref().map(name))
        .set_last_name(agent.last_name.as_ref().map(name))
        .set_email(agent.email.as_ref().map(email))
        .set_secondary_email(agent.secondary_email.as_ref().map(email))
        .set_mobile(agent.mobile.as_ref().map(|number| number.as_str().to_owned()))
        .build()
}

/// Writes the phone members into the body before it is signed.
///
/// The SDK leaves out a `false` and a `0` (`protocol_serde/shape_user_phone_config.rs`,
/// `shape_after_contact_work_config.rs`), and what the operator decided must not depend on what
/// Connect takes silence for.
pub(super) fn add_phone(
    mut request: HttpRequest,
    phone: &Phone,
) -> Result<HttpRequest, RequestBodyError> {
    let body = request.body().bytes().ok_or(RequestBodyError)?;
    let mut members: Map<String, Value> =
        serde_json::from_slice(body).map_err(|_| RequestBodyError)?;
    let Ok(Value::Object(phone)) = serde_json::to_value(phone) else {
        return Err(RequestBodyError);
    };
    members.extend(phone);
    let body = Value::Object(members).to_string();
    // The SDK set the length of the body that it wrote itself, and it signs this header.
    request.headers_mut().insert("content-length", body.len().to_string());
    *request.body_mut() = body.into();
    Ok(request)
}

/// The SDK wrote a body that is not the request we know.
#[derive(Debug)]
pub(super) struct RequestBodyError;

impl std::fmt::Display for RequestBodyError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("expected a JSON object for the body, found something else")
    }
}

impl std::error::Error for RequestBodyError {}

/// Lets the SDK repeat CreateUser only after a throttle, which is certain to have had no effect.
///
/// By itself the SDK also repeats it after a 5xx or a time-out, when a user may be there already;
/// the answer would then be "taken", and it would look as if the user were somebody else's. It also
/// takes a full quota (`LimitExceededException`) for throttling.
#[derive(Debug)]
pub(super) struct OnlyThrottling;

impl ClassifyRetry for OnlyThrottling {
    fn classify_retry(&self, context: &config::interceptors::InterceptorContext) -> RetryAction {
        let Some(Err(error)) = context.output_or_error() else {
            return RetryAction::NoActionIndicated;
        };
        let status = context.response().map_or(0, |response| response.status().as_u16());
        let code = error
            .as_operation_error()
            .and_then(|error| error.downcast_ref::<CreateUserError>())
            .and_then(|error| error.code());
        match Class::of(code, status) {
            Class::Throttled => RetryAction::throttling_error(),
            _ => RetryAction::RetryForbidden,
        }
    }

    fn name(&self) -> &'static str {
        "only throttling"
    }
}
