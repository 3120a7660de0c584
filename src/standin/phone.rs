//! The phone half of `CreateUser`'s rules: one `PhoneConfig` for all channels, or five lists with a
//! row for each channel, and never the same thing in both.

use std::collections::BTreeSet;

use super::create_user::{AfterContactWork, ChannelConfig, CreateUser, PhoneConfig};
use super::pattern;
use super::refusal::{Code, Refusal};

/// Refuses phone settings that the service model does not know.
///
/// # Errors
/// `InvalidParameterException`.
pub(super) fn check_model(user: &CreateUser) -> Result<(), Refusal> {
    if let Some(phone) = &user.phone_config {
        Code::InvalidParameter.unless(
            phone.phone_type.as_deref().is_none_or(is_phone_type),
            "PhoneType must be SOFT_PHONE or DESK_PHONE",
        )?;
        Code::InvalidParameter.unless(
            phone
                .after_contact_work_time_limit
                .is_none_or(is_work_limit),
            "AfterContactWorkTimeLimit must be from 0 to 2000000 seconds",
        )?;
    }
    LISTS.iter().try_for_each(|list| list.check_model(user))
}

/// Refuses phone settings that do not go together.
///
/// # Errors
/// `InvalidRequestException`.
pub(super) fn check_rules(user: &CreateUser) -> Result<(), Refusal> {
    check_number(None, user.identity_info.mobile.as_deref())?;
    if let Some(phone) = &user.phone_config {
        check_number(
            phone.phone_type.as_deref(),
            phone.desk_phone_number.as_deref(),
        )?;
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
    fn check_model(&self, user: &CreateUser) -> Result<(), Refusal> {
        for row in (self.rows)(user) {
            let fits = self.channels.contains(&row.channel.as_str()) && (self.is_complete)(row);
            Code::InvalidParameter.unless(
                fits,
                format!(
                    "a row of {} needs a Channel of {:?} and its setting",
                    self.name, self.channels
                ),
            )?;
        }
        Ok(())
    }

    fn check_rules(&self, user: &CreateUser) -> Result<(), Refusal> {
        let rows = (self.rows)(user);
        let mut channels = BTreeSet::new();
        for row in rows {
            Code::InvalidRequest.unless(
                channels.insert(&row.channel),
                format!("{} names a channel twice", self.name),
            )?;
            Code::InvalidRequest.unless(
                row.channel == "VOICE" || !is_agent_first(row),
                format!(
                    "{}: agent-first callback settings are for VOICE only",
                    self.name
                ),
            )?;
            check_number(row.phone_type.as_deref(), row.phone_number.as_deref())?;
        }
        let said_twice = !rows.is_empty() && user.phone_config.as_ref().is_some_and(self.is_in);
        Code::InvalidRequest.unless(
            !said_twice,
            format!("PhoneConfig and {} set the same thing", self.name),
        )
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
            row.after_contact_work_config
                .as_ref()
                .is_some_and(is_after_contact_work)
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
            row.voice_enhancement_mode
                .as_deref()
                .is_some_and(|mode| modes.contains(&mode))
        },
        is_in: |_| false,
    },
];

fn is_agent_first(row: &ChannelConfig) -> bool {
    row.agent_first_callback_auto_accept.is_some()
        || row.agent_first_callback_after_contact_work_config.is_some()
}

/// A desk phone has a number, and a number is an E.164 one.
fn check_number(phone_type: Option<&str>, number: Option<&str>) -> Result<(), Refusal> {
    Code::InvalidRequest.unless(
        number.is_none_or(pattern::is_phone_number),
        "a phone number must be in E.164 form: + and 2 to 15 digits",
    )?;
    Code::InvalidRequest.unless(
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
    use serde_json::{Value, json};

    use super::*;

    fn verdict(members: &Value) -> Option<Code> {
        let user: CreateUser = serde_json::from_value(members.clone()).unwrap();
        check_model(&user)
            .and_then(|()| check_rules(&user))
            .err()
            .map(|refusal| refusal.code)
    }

    #[test]
    fn phone_settings_are_judged() {
        let number = "+34911234567";
        let (model, rule) = (Some(Code::InvalidParameter), Some(Code::InvalidRequest));
        let cases = [
            (json!({}), None),
            (json!({"PhoneConfig": {}}), None),
            (json!({"PhoneConfig": {"PhoneType": "MOBILE"}}), model),
            (
                json!({"PhoneConfig": {"AfterContactWorkTimeLimit": 2_000_000}}),
                None,
            ),
            (
                json!({"PhoneConfig": {"AfterContactWorkTimeLimit": 2_000_001}}),
                model,
            ),
            (
                json!({"PhoneConfig": {"AfterContactWorkTimeLimit": -1}}),
                model,
            ),
            (json!({"PhoneConfig": {"PhoneType": "DESK_PHONE"}}), rule),
            (
                json!({"PhoneConfig": {"PhoneType": "DESK_PHONE", "DeskPhoneNumber": "911"}}),
                rule,
            ),
            (
                json!({"PhoneConfig": {"PhoneType": "DESK_PHONE", "DeskPhoneNumber": number}}),
                None,
            ),
            (json!({"IdentityInfo": {"Mobile": "911"}}), rule),
            (json!({"IdentityInfo": {"Mobile": number}}), None),
        ];
        for (members, expected) in cases {
            assert_eq!(verdict(&members), expected, "{members}");
        }
    }

    #[test]
    fn rows_for_channels_are_judged() {
        let (model, rule) = (Some(Code::InvalidParameter), Some(Code::InvalidRequest));
        let cases = [
            (
                "AutoAcceptConfigs",
                None,
                json!([
                    {"Channel": "EMAIL", "AutoAccept": false},
                    {"Channel": "VOICE", "AutoAccept": true, "AgentFirstCallbackAutoAccept": true},
                ]),
            ),
            (
                "AutoAcceptConfigs",
                model,
                json!([
                    {"Channel": "VOICE"},
                    {"Channel": "FAX", "AutoAccept": false},
                    {"AutoAccept": false},
                ]),
            ),
            (
                "AutoAcceptConfigs",
                rule,
                json!([
                    {"Channel": "CHAT", "AutoAccept": true, "AgentFirstCallbackAutoAccept": true},
                ]),
            ),
            (
                "AfterContactWorkConfigs",
                None,
                json!([
                    {"Channel": "TASK", "AfterContactWorkConfig": {}},
                ]),
            ),
            (
                "AfterContactWorkConfigs",
                model,
                json!([
                    {"Channel": "TASK"},
                    {
                        "Channel": "TASK",
                        "AfterContactWorkConfig": {"AfterContactWorkTimeLimit": 2_000_001},
                    },
                    {
                        "Channel": "VOICE",
                        "AfterContactWorkConfig": {},
                        "AgentFirstCallbackAfterContactWorkConfig": {"AfterContactWorkTimeLimit": -1},
                    },
                ]),
            ),
            (
                "AfterContactWorkConfigs",
                rule,
                json!([
                    {
                        "Channel": "TASK",
                        "AfterContactWorkConfig": {},
                        "AgentFirstCallbackAfterContactWorkConfig": {},
                    },
                ]),
            ),
            (
                "PhoneNumberConfigs",
                None,
                json!([{"Channel": "VOICE", "PhoneType": "SOFT_PHONE"}]),
            ),
            (
                "PhoneNumberConfigs",
                model,
                json!([
                    {"Channel": "CHAT", "PhoneType": "SOFT_PHONE"},
                    {"Channel": "VOICE"},
                ]),
            ),
            (
                "PhoneNumberConfigs",
                rule,
                json!([
                    {"Channel": "VOICE", "PhoneType": "DESK_PHONE"},
                    {"Channel": "VOICE", "PhoneType": "DESK_PHONE", "PhoneNumber": "911"},
                ]),
            ),
            (
                "PersistentConnectionConfigs",
                None,
                json!([
                    {"Channel": "VOICE", "PersistentConnection": false},
                ]),
            ),
            (
                "PersistentConnectionConfigs",
                model,
                json!([
                    {"Channel": "TASK", "PersistentConnection": false},
                    {"Channel": "VOICE"},
                ]),
            ),
            (
                "VoiceEnhancementConfigs",
                None,
                json!([
                    {"Channel": "VOICE", "VoiceEnhancementMode": "NONE"},
                ]),
            ),
            (
                "VoiceEnhancementConfigs",
                model,
                json!([
                    {"Channel": "CHAT", "VoiceEnhancementMode": "NONE"},
                    {"Channel": "VOICE", "VoiceEnhancementMode": "LOUD"},
                ]),
            ),
        ];
        for (list, expected, rows) in cases {
            for row in rows.as_array().unwrap() {
                assert_eq!(verdict(&json!({ list: [row] })), expected, "{list}: {row}");
                if expected.is_none() {
                    assert_eq!(
                        verdict(&json!({ list: [row, row] })),
                        rule,
                        "{list}: {row} twice"
                    );
                }
            }
        }
    }

    #[test]
    fn a_thing_is_set_for_all_channels_or_for_each_never_both() {
        let cases = [
            (
                "AutoAccept",
                json!(false),
                "AutoAcceptConfigs",
                r#"{"AutoAccept": false}"#,
            ),
            (
                "AfterContactWorkTimeLimit",
                json!(0),
                "AfterContactWorkConfigs",
                r#"{"AfterContactWorkConfig": {}}"#,
            ),
            (
                "PhoneType",
                json!("SOFT_PHONE"),
                "PhoneNumberConfigs",
                r#"{"PhoneType": "SOFT_PHONE"}"#,
            ),
            (
                "DeskPhoneNumber",
                json!("+3491"),
                "PhoneNumberConfigs",
                r#"{"PhoneType": "SOFT_PHONE"}"#,
            ),
            (
                "PersistentConnection",
                json!(true),
                "PersistentConnectionConfigs",
                r#"{"PersistentConnection": true}"#,
            ),
        ];
        for (member, value, list, row) in cases {
            let mut row: Value = serde_json::from_str(row).unwrap();
            row["Channel"] = json!("VOICE");
            let both = json!({"PhoneConfig": {member: value}, list: [row]});
            assert_eq!(
                verdict(&both),
                Some(Code::InvalidRequest),
                "{member} and {list}"
            );
            let each = json!({"PhoneConfig": {}, list: [row]});
            assert_eq!(verdict(&each), None, "{list} alone");
        }
    }
}
