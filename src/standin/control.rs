//! The body of `PUT /_standin` → what is to change. Read whole before anything is applied.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::api_error::{ApiError, ErrorCode};
use super::fault::InjectedFault;
use super::operation::Operation;

/// Changes to a running stand-in; what is absent stays.
#[derive(Debug, PartialEq)]
pub(super) struct ControlRequest {
    /// Forget users, sessions, calls, requests and faults, and fill the token buckets. Comes first.
    pub(super) reset: bool,
    pub(super) search_lag: Option<Duration>,
    pub(super) not_found: Option<Duration>,
    pub(super) user_quota: Option<usize>,
    pub(super) throttle: Option<bool>,
    /// How late a slow reply is.
    pub(super) slow: Option<Duration>,
    /// To be added to the queues of these operations.
    pub(super) faults: Vec<(&'static str, Vec<InjectedFault>)>,
    /// What is to befall every call of these operations from now on; `None` for nothing.
    pub(super) always: Vec<(&'static str, Option<InjectedFault>)>,
    /// Ids or usernames, of which each begins a session.
    pub(super) sign_in: Vec<String>,
}

impl ControlRequest {
    /// Reads the JSON of `PUT /_standin`.
    ///
    /// # Errors
    /// `InvalidParameterException` that names what is unknown and lists what is known.
    pub(super) fn read(body: &[u8]) -> Result<Self, ApiError> {
        let wire: Wire = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        Ok(Self {
            reset: wire.reset,
            search_lag: seconds("lag", wire.lag)?,
            not_found: seconds("notFound", wire.not_found)?,
            user_quota: wire.quota,
            throttle: wire.throttle,
            slow: wire.slow_ms.map(Duration::from_millis),
            faults: wire.faults.iter().map(faults).collect::<Result<_, _>>()?,
            always: wire.always.iter().map(always).collect::<Result<_, _>>()?,
            sign_in: wire.sign_in,
        })
    }
}

/// The JSON as it arrives; serde's own messages name unknown members.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    #[serde(default)]
    reset: bool,
    lag: Option<f64>,
    not_found: Option<f64>,
    quota: Option<usize>,
    throttle: Option<bool>,
    slow_ms: Option<u64>,
    #[serde(default)]
    faults: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    always: BTreeMap<String, Option<String>>,
    #[serde(default)]
    sign_in: Vec<String>,
}

fn seconds(member: &str, seconds: Option<f64>) -> Result<Option<Duration>, String> {
    seconds
        .map(Duration::try_from_secs_f64)
        .transpose()
        .map_err(|error| format!("{member}: expected seconds, {error}"))
}

fn faults(
    (operation, names): (&String, &Vec<String>),
) -> Result<(&'static str, Vec<InjectedFault>), String> {
    let faults: Result<_, _> = names.iter().map(|name| InjectedFault::named(name)).collect();
    Ok((Operation::named(operation)?, faults?))
}

fn always(
    (operation, name): (&String, &Option<String>),
) -> Result<(&'static str, Option<InjectedFault>), String> {
    let fault = name.as_deref().map(InjectedFault::named).transpose()?;
    Ok((Operation::named(operation)?, fault))
}

impl From<String> for ApiError {
    /// What is wrong with a change is the sender's to mend.
    fn from(message: String) -> Self {
        ErrorCode::InvalidParameter.because(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standin::fault::Disturbance;

    #[test]
    fn a_change_is_read_whole() {
        let body = br#"{"lag": 1.5, "quota": 2, "slowMs": 40, "faults": {"CreateUser": ["drop"]},
            "always": {"ListUsers": "drop", "DeleteUser": null}, "signIn": ["maria"]}"#;
        let drop = InjectedFault::Disturb(Disturbance::Drop);

        assert_eq!(
            ControlRequest::read(body),
            Ok(ControlRequest {
                reset: false,
                search_lag: Some(Duration::from_millis(1500)),
                not_found: None,
                user_quota: Some(2),
                throttle: None,
                slow: Some(Duration::from_millis(40)),
                faults: vec![("CreateUser", vec![drop])],
                always: vec![("DeleteUser", None), ("ListUsers", Some(drop))],
                sign_in: vec!["maria".to_owned()],
            }),
        );
    }

    #[test]
    fn what_is_unknown_is_named_and_what_is_known_is_listed() {
        let cases = [
            (r#"{"lagg": 1}"#, "unknown field `lagg`, expected one of `reset`, `lag`, `notFound`"),
            (r#"{"lag": -1}"#, "lag: expected seconds, "),
            (r#"{"quota": -1}"#, "invalid value: integer `-1`, expected usize"),
            (
                r#"{"faults": {"MakeUser": []}}"#,
                "unknown operation `MakeUser`, expected one of CreateUser, ",
            ),
            (
                r#"{"faults": {"CreateUser": ["boom"]}}"#,
                "unknown fault `boom`, expected one of 500-before, ",
            ),
            (r#"{"always": {"CreateUser": "boom"}}"#, "unknown fault `boom`, expected one of "),
            (r#"{"always": {"MakeUser": null}}"#, "unknown operation `MakeUser`, expected one of "),
            ("", "EOF while parsing"),
        ];
        for (body, expected) in cases {
            let refusal = ControlRequest::read(body.as_bytes()).unwrap_err();
            assert_eq!(refusal.code, ErrorCode::InvalidParameter);
            assert!(refusal.message.starts_with(expected), "{}", refusal.message);
        }
    }
}
