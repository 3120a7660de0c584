//! [`Agent`] → the CreateUser request, member by member.

use std::collections::HashMap;

use aws_sdk_connect::config::Builder;
use aws_sdk_connect::config::http::HttpRequest;
use aws_sdk_connect::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_connect::error::ProvideErrorMetadata as _;
use aws_sdk_connect::operation::create_user::CreateUserError;
use aws_sdk_connect::types::{PhoneType as SdkPhoneType, UserIdentityInfo, UserPhoneConfig};
use aws_sdk_connect::{Client, config};
use serde_json::Value;

use super::UserIds;
use super::class::Class;
use super::failure::Failure;
use crate::assign::id::ResourceId;
use crate::assign::text::{Email, PersonName};
use crate::assign::{Agent, PhoneDefaults, PhoneType};

/// Sends CreateUser once, or again where Connect throttled it.
pub(super) async fn send(
    client: &Client,
    instance: &str,
    limits: Builder,
    agent: &Agent,
) -> Result<UserIds, Failure> {
    let phone = agent.phone;
    let id = |id: &ResourceId| id.as_str().to_owned();
    let created = client
        .create_user()
        .instance_id(instance)
        .username(agent.username.as_str())
        .set_password(agent.password.as_ref().map(|password| password.as_str().to_owned()))
        .set_directory_user_id(agent.directory_user_id.clone())
        .identity_info(identity_info(agent))
        .phone_config(phone_config(agent))
        .routing_profile_id(agent.routing_profile.as_str())
        .set_security_profile_ids(Some(agent.security_profiles.iter().map(id).collect()))
        .set_hierarchy_group_id(agent.hierarchy_group.as_ref().map(id))
        .set_tags(Some(HashMap::from_iter(agent.tags.clone())))
        .customize()
        .config_override(limits.retry_classifier(OnlyThrottling))
        .map_request(move |request| spell_out(request, phone))
        .send()
        .await
        .map_err(|error| Failure::of("CreateUser", &error))?;
    let id = created.user_id.ok_or_else(|| Failure::empty("CreateUser"))?;
    Ok(UserIds { id, arn: created.user_arn.unwrap_or_default() })
}

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

fn phone_config(agent: &Agent) -> UserPhoneConfig {
    let number = agent.desk_phone_number.as_ref().map(|number| number.as_str().to_owned());
    UserPhoneConfig::builder()
        .phone_type(match agent.phone.phone_type {
            PhoneType::DeskPhone => SdkPhoneType::DeskPhone,
            PhoneType::SoftPhone => SdkPhoneType::SoftPhone,
        })
        .auto_accept(agent.phone.auto_accept)
        .after_contact_work_time_limit(agent.phone.after_contact_work_seconds)
        .set_desk_phone_number(number)
        .set_persistent_connection(agent.phone.persistent_connection)
        .build()
}

/// Writes `AutoAccept` and `AfterContactWorkTimeLimit` into the body before it is signed: the SDK
/// leaves out a `false` and a `0` (`protocol_serde/shape_user_phone_config.rs`), and what the
/// operator decided should not depend on what Connect takes silence for.
fn spell_out(mut request: HttpRequest, phone: PhoneDefaults) -> Result<HttpRequest, SpellingError> {
    let body = request.body().bytes().ok_or(SpellingError)?;
    let mut json: Value = serde_json::from_slice(body).map_err(|_| SpellingError)?;
    let config = json.get_mut("PhoneConfig").and_then(Value::as_object_mut).ok_or(SpellingError)?;
    config.insert("AutoAccept".to_owned(), phone.auto_accept.into());
    config.insert("AfterContactWorkTimeLimit".to_owned(), phone.after_contact_work_seconds.into());
    let body = json.to_string();
    request.headers_mut().insert("content-length", body.len().to_string());
    *request.body_mut() = body.into();
    Ok(request)
}

/// The SDK wrote a body that is not the CreateUser request we know.
#[derive(Debug)]
struct SpellingError;

impl std::fmt::Display for SpellingError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("expected a CreateUser body with a PhoneConfig, found another")
    }
}

impl std::error::Error for SpellingError {}

/// Lets the SDK repeat CreateUser only where Connect throttled it, which is certain to have had no
/// effect. Left to itself the SDK also repeats it after a 5xx or a time-out, when a user may
/// already be there, and takes a full quota (`LimitExceededException`) for throttling.
#[derive(Debug)]
struct OnlyThrottling;

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
