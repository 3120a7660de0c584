//! The phone half of a user's rules: one `PhoneConfig` for all channels, or five lists with a
//! row for each channel, and never the same thing in both.

use std::collections::BTreeSet;

use super::api_error::{ApiError, ErrorCode};
use super::create_user::{AfterContactWork, ChannelConfig, CreateUser, PhoneConfig};
use super::pattern;

/// Refuses phone settings that the service model does not know.
///
/// # Errors
/// `InvalidParameterException`.
pub(super) fn check_model(user: &CreateUser) -> Result<(), ApiError> {
    if let Some(phone) = &user.phone_config {
        ErrorCode::InvalidParameter.unless(
            phone.phone_type.as_deref().is_none_or(is_phone_type),
            "PhoneType must be SOFT_PHONE or DESK_PHONE",
        )?;
        ErrorCode::InvalidParameter.unless(
            phone.after_contact_work_time_limit.is_none_or(is_work_limit),
            "AfterContactWorkTimeLimit must be from 0 to 2000000 seconds",
        )?;
    }
    LISTS.iter().try_for_each(|list| list.check_model(user))
}

/// Refuses phone settings that do not go together.
///
/// # Errors
/// `InvalidRequestException`.
pub(super) fn check_rules(user: &CreateUser) -> Result<(), ApiError> {
    check_number(None, user.identity_info.mobile.as_deref())?;
    if let Some(phone) = &user.phone_config {
        check_number(phone.phone_type.as_deref(), phone.desk_phone_number.as_deref())?;
    }
    LISTS.iter().try_for_each(|list| list.check_rules(user))
}

/// One of the five lists with a setting for each channel.
struct List {
    name: &'static str,
    rows: fn(&CreateUser) -> &[ChannelConfig],
    channels: &'static [&'static str],
    is_complete: fn(&ChannelConfig) -> bool,
    /// Whether `PhoneConfig` says the same for all channels.
    is_in: fn(&PhoneConfig) -> bool,
}

const EVERY_CHANNEL: &[&str] = &["VOICE", "CHAT", "TASK", "EMAIL"];
const VOICE: &[&str] = &["VOICE"];

impl List {
    fn check_model(&self, user: &CreateUser) -> Result<(), ApiError> {
        for row in (self.rows)(user) {
            let fits = self.channels.contains(&row.channel.as_str()) && (self.is_complete)(row);
            ErrorCode::InvalidParameter.unless(
                fits,
                format!(
                    "a row of {} needs a Channel of {:?} and its setting",
                    self.name, self.channels
                ),
            )?;
        }
        Ok(())
    }

    fn check_rules(&self, user: &CreateUser) -> Result<(), ApiError> {
        let rows = (self.rows)(user);
        let mut channels = BTreeSet::new();
        for row in rows {
            ErrorCode::InvalidRequest.unless(
                channels.insert(&row.channel),
                format!("{} names a channel twice", self.name),
            )?;
            ErrorCode::InvalidRequest.unless(
                row.channel == "VOICE" || !is_agent_first(row),
                format!("{}: agent-first callback settings are for VOICE only", self.name),
            )?;
            check_number(row.phone_type.as_deref(), row.phone_number.as_deref())?;
        }
        let said_twice = !rows.is_empty() && user.phone_config.as_ref().is_some_and(self.is_in);
        ErrorCode::InvalidRequest
            .unless(!said_twice, format!("PhoneConfig and {} set the same thing", self.name))
    }
}

const LISTS: [List; 5] = [
    List {
        name: "AutoAcceptConfigs",
        rows: |user| &user.auto_accept_configs,
        channels: EVERY_CHANNEL,
        is_complete: |row| row.auto_accept.is_some(),
        is_in: |phone| phone.auto_accept.is_some(),
    },
    List {
        name: "AfterContactWorkConfigs",
        rows: |user| &user.after_contact_work_configs,
        channels: EVERY_CHANNEL,
        is_complete: |row| {
            let callback = &row.agent_first_callback_after_contact_work_config;
            row.after_contact_work_config.as_ref().is_some_and(is_after_contact_work)
                && callback.as_ref().is_none_or(is_after_contact_work)
        },
        is_in: |phone| phone.after_contact_work_time_limit.is_some(),
    },
    List {
        name: "PhoneNumberConfigs",
        rows: |user| &user.phone_number_configs,
        channels: VOICE,
        is_complete: |row| row.phone_type.as_deref().is_some_and(is_phone_type),
        is_in: |phone| phone.phone_type.is_some() || phone.desk_phone_number.is_some(),
    },
    List {
        name: "PersistentConnectionConfigs",
        rows: |user| &user.persistent_connection_configs,
        channels: VOICE,
        is_complete: |row| row.persistent_connection.is_some(),
        is_in: |phone| phone.persistent_connection.is_some(),
    },
    List {
        name: "VoiceEnhancementConfigs",
        rows: |user| &user.voice_enhancement_configs,
        channels: VOICE,
        is_complete: |row| {
            let modes = ["VOICE_ISOLATION", "NOISE_SUPPRESSION", "NONE"];
            row.voice_enhancement_mode.as_deref().is_some_and(|mode| modes.contains(&mode))
        },
        is_in: |_| false,
    },
];

fn is_agent_first(row: &ChannelConfig) -> bool {
    row.agent_first_callback_auto_accept.is_some()
        || row.agent_first_callback_after_contact_work_config.is_some()
}

/// A desk phone has a number, and a number is an E.164 one.
fn check_number(phone_type: Option<&str>, number: Option<&str>) -> Result<(), ApiError> {
    ErrorCode::InvalidRequest.unless(
        number.is_none_or(pattern::is_phone_number),
        "a phone number must be in E.164 form: + and 2 to 15 digits",
    )?;
    ErrorCode::InvalidRequest.unless(
        phone_type != Some("DESK_PHONE") || number.is_some(),
        "DESK_PHONE needs a phone number",
    )
}

fn is_phone_type(text: &str) -> bool {
    ["SOFT_PHONE", "DESK_PHONE"].contains(&text)
}

fn is_work_limit(seconds: i64) -> bool {
    (0..=2_000_000).contains(&seconds)
}

fn is_after_contact_work(config: &AfterContactWork) -> bool {
    is_work_limit(config.after_contact_work_time_limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A verdict (`model` and `rule` are the two kinds of breach), then the members judged.
    const CASES: &str = r#"
fine  {}
fine  {"PhoneConfig": {}}
model {"PhoneConfig": {"PhoneType": "MOBILE"}}
fine  {"PhoneConfig": {"AfterContactWorkTimeLimit": 2000000}}
model {"PhoneConfig": {"AfterContactWorkTimeLimit": 2000001}}
model {"PhoneConfig": {"AfterContactWorkTimeLimit": -1}}
rule  {"PhoneConfig": {"PhoneType": "DESK_PHONE"}}
rule  {"PhoneConfig": {"PhoneType": "DESK_PHONE", "DeskPhoneNumber": "911"}}
fine  {"PhoneConfig": {"PhoneType": "DESK_PHONE", "DeskPhoneNumber": "+3491"}}
rule  {"IdentityInfo": {"Mobile": "911"}}
fine  {"IdentityInfo": {"Mobile": "+3491"}}

fine  {"AutoAcceptConfigs": [{"Channel": "EMAIL", "AutoAccept": false}]}
model {"AutoAcceptConfigs": [{"Channel": "FAX", "AutoAccept": false}]}
model {"AutoAcceptConfigs": [{"Channel": "EMAIL"}]}
model {"AutoAcceptConfigs": [{"AutoAccept": false}]}
fine  {"AfterContactWorkConfigs": [{"Channel": "TASK", "AfterContactWorkConfig": {}}]}
model {"AfterContactWorkConfigs": [{"Channel": "TASK"}]}
fine  {"PhoneNumberConfigs": [{"Channel": "VOICE", "PhoneType": "SOFT_PHONE"}]}
model {"PhoneNumberConfigs": [{"Channel": "CHAT", "PhoneType": "SOFT_PHONE"}]}
model {"PhoneNumberConfigs": [{"Channel": "VOICE"}]}
rule  {"PhoneNumberConfigs": [{"Channel": "VOICE", "PhoneType": "DESK_PHONE"}]}
fine  {"PersistentConnectionConfigs": [{"Channel": "VOICE", "PersistentConnection": false}]}
model {"PersistentConnectionConfigs": [{"Channel": "TASK", "PersistentConnection": false}]}
model {"PersistentConnectionConfigs": [{"Channel": "VOICE"}]}
fine  {"VoiceEnhancementConfigs": [{"Channel": "VOICE", "VoiceEnhancementMode": "NONE"}]}
model {"VoiceEnhancementConfigs": [{"Channel": "CHAT", "VoiceEnhancementMode": "NONE"}]}
model {"VoiceEnhancementConfigs": [{"Channel": "VOICE", "VoiceEnhancementMode": "LOUD"}]}

model {"AfterContactWorkConfigs": [{"Channel": "TASK", "AfterContactWorkConfig": {"AfterContactWorkTimeLimit": 2000001}}]}
fine  {"AfterContactWorkConfigs": [{"Channel": "VOICE", "AfterContactWorkConfig": {}, "AgentFirstCallbackAfterContactWorkConfig": {}}]}
rule  {"AfterContactWorkConfigs": [{"Channel": "TASK", "AfterContactWorkConfig": {}, "AgentFirstCallbackAfterContactWorkConfig": {}}]}
model {"AfterContactWorkConfigs": [{"Channel": "VOICE", "AfterContactWorkConfig": {}, "AgentFirstCallbackAfterContactWorkConfig": {"AfterContactWorkTimeLimit": -1}}]}
fine  {"AutoAcceptConfigs": [{"Channel": "VOICE", "AutoAccept": true, "AgentFirstCallbackAutoAccept": true}]}
rule  {"AutoAcceptConfigs": [{"Channel": "CHAT", "AutoAccept": true, "AgentFirstCallbackAutoAccept": true}]}
fine  {"AutoAcceptConfigs": [{"Channel": "CHAT", "AutoAccept": true}, {"Channel": "TASK", "AutoAccept": true}]}
rule  {"AutoAcceptConfigs": [{"Channel": "CHAT", "AutoAccept": true}, {"Channel": "CHAT", "AutoAccept": true}]}

rule  {"PhoneConfig": {"AutoAccept": false}, "AutoAcceptConfigs": [{"Channel": "CHAT", "AutoAccept": false}]}
rule  {"PhoneConfig": {"AfterContactWorkTimeLimit": 0}, "AfterContactWorkConfigs": [{"Channel": "TASK", "AfterContactWorkConfig": {}}]}
rule  {"PhoneConfig": {"PhoneType": "SOFT_PHONE"}, "PhoneNumberConfigs": [{"Channel": "VOICE", "PhoneType": "SOFT_PHONE"}]}
rule  {"PhoneConfig": {"DeskPhoneNumber": "+3491"}, "PhoneNumberConfigs": [{"Channel": "VOICE", "PhoneType": "SOFT_PHONE"}]}
rule  {"PhoneConfig": {"PersistentConnection": true}, "PersistentConnectionConfigs": [{"Channel": "VOICE", "PersistentConnection": true}]}
fine  {"PhoneConfig": {"PhoneType": "SOFT_PHONE"}, "AutoAcceptConfigs": [{"Channel": "CHAT", "AutoAccept": false}]}
"#;

    #[test]
    fn phone_settings_are_judged() {
        for (verdict, members) in CASES.lines().filter_map(|line| line.split_once(' ')) {
            let user: CreateUser = serde_json::from_str(members).unwrap();
            let expected = match verdict {
                "model" => Some(ErrorCode::InvalidParameter),
                "rule" => Some(ErrorCode::InvalidRequest),
                _ => None,
            };
            let refusal = check_model(&user).and_then(|()| check_rules(&user)).err();
            assert_eq!(refusal.map(|refusal| refusal.code), expected, "{members}");
        }
    }
}
