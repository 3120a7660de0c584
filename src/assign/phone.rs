//! Phone configuration, in the shapes of the Connect API: these types are serialized into requests.
//!
//! Either `PhoneConfig` for all channels, or five lists with a row for each channel; Connect
//! refuses a mixture ("Amazon Connect API Reference", CreateUser). `false` and `0` are always sent,
//! so that nothing depends on the default of a missing member.

pub(super) mod overrides;

use serde::{Deserialize, Serialize};

use super::text::PhoneNumber;
use crate::json;

/// The longest after-contact work time, in seconds; 0 means that the agent ends it by hand
/// (UserPhoneConfig).
pub const MAX_WORK_SECONDS: u32 = 2_000_000;

/// The phone configuration of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Phone {
    /// One configuration for all channels.
    #[serde(rename = "PhoneConfig")]
    Simple(PhoneConfig),
    /// A configuration for each channel.
    #[serde(untagged)]
    PerChannel(Channels),
}

/// The API type UserPhoneConfig.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PhoneConfig {
    /// `PhoneType`.
    pub phone_type: PhoneType,
    /// `AutoAccept`: calls are accepted automatically (soft phone).
    pub auto_accept: bool,
    /// `AfterContactWorkTimeLimit` in seconds, 0 to [`MAX_WORK_SECONDS`].
    pub after_contact_work_time_limit: u32,
    /// `DeskPhoneNumber`: the person's own number, for a desk phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desk_phone_number: Option<PhoneNumber>,
    /// `PersistentConnection`: the line stays open between calls. `None` leaves it to Connect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persistent_connection: Option<bool>,
}

/// Where the agent takes calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PhoneType {
    /// On a telephone: the person's work number.
    DeskPhone,
    /// In the browser.
    SoftPhone,
}

/// The five lists of `UpdateUserConfig`, which CreateUser takes too. Empty lists are not sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct Channels {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    auto_accept_configs: Vec<AutoAccept>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    after_contact_work_configs: Vec<AfterContactWork>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    phone_number_configs: Vec<Number>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    persistent_connection_configs: Vec<PersistentConnection>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    voice_enhancement_configs: Vec<VoiceEnhancement>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Channel {
    Voice,
    Chat,
    Task,
    Email,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct AutoAccept {
    channel: Channel,
    auto_accept: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_first_callback_auto_accept: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct AfterContactWork {
    channel: Channel,
    after_contact_work_config: WorkLimit,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_first_callback_after_contact_work_config: Option<WorkLimit>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct WorkLimit {
    after_contact_work_time_limit: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Number {
    channel: Channel,
    phone_type: PhoneType,
    /// The person's own number; the operator cannot configure one for everybody.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    phone_number: Option<PhoneNumber>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PersistentConnection {
    channel: Channel,
    persistent_connection: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct VoiceEnhancement {
    channel: Channel,
    voice_enhancement_mode: VoiceEnhancementMode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum VoiceEnhancementMode {
    VoiceIsolation,
    NoiseSuppression,
    None,
}

impl Phone {
    /// True if the configuration has a desk phone, which needs the person's number.
    #[must_use]
    pub fn has_desk_phone(&self) -> bool {
        let is_desk = |phone_type| phone_type == PhoneType::DeskPhone;
        match self {
            Self::Simple(config) => is_desk(config.phone_type),
            Self::PerChannel(channels) => {
                channels.phone_number_configs.iter().any(|number| is_desk(number.phone_type))
            }
        }
    }

    /// The configuration with this number for its desk phone.
    #[must_use]
    pub fn at(&self, number: &PhoneNumber) -> Self {
        let mut own = self.clone();
        match &mut own {
            Self::Simple(config) => config.desk_phone_number = Some(number.clone()),
            Self::PerChannel(channels) => channels
                .phone_number_configs
                .iter_mut()
                .filter(|config| config.phone_type == PhoneType::DeskPhone)
                .for_each(|config| config.phone_number = Some(number.clone())),
        }
        own
    }
}

impl Channels {
    /// Parses a JSON object with the lists.
    ///
    /// # Errors
    /// Text that says what was expected and where. What CreateUser would refuse for every user is
    /// refused here.
    pub fn read(text: &str) -> Result<Self, String> {
        json::read(text.as_bytes()).map_err(|fault| fault.detail.into_owned())?;
        let channels: Self = serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            format!("{EXPECTED}; found something else at line {line} column {column}")
        })?;
        if channels == Self::default() {
            return Err(format!("{EXPECTED}; found none of them"));
        }
        channels.check()?;
        Ok(channels)
    }

    fn check(&self) -> Result<(), String> {
        let any = [
            ("AutoAcceptConfigs", channels(&self.auto_accept_configs, |one| one.channel)),
            (
                "AfterContactWorkConfigs",
                channels(&self.after_contact_work_configs, |one| one.channel),
            ),
        ];
        let voice = [
            ("PhoneNumberConfigs", channels(&self.phone_number_configs, |one| one.channel)),
            (
                "PersistentConnectionConfigs",
                channels(&self.persistent_connection_configs, |one| one.channel),
            ),
            (
                "VoiceEnhancementConfigs",
                channels(&self.voice_enhancement_configs, |one| one.channel),
            ),
            ("agent-first callbacks of AutoAcceptConfigs", self.called_back()),
            ("agent-first callbacks of AfterContactWorkConfigs", self.worked_back()),
        ];
        if let Some((list, _)) = any.iter().chain(&voice).find(|(_, channels)| has_twice(channels))
        {
            return Err(format!("{list}: expected each channel once, found one twice"));
        }
        let is_other = |channel: &Channel| *channel != Channel::Voice;
        if let Some((list, _)) = voice.iter().find(|(_, channels)| channels.iter().any(is_other)) {
            return Err(format!("{list}: expected the channel VOICE alone, found another"));
        }
        self.check_limits()
    }

    fn check_limits(&self) -> Result<(), String> {
        let works = self.after_contact_work_configs.iter();
        let mut limits = works.flat_map(|work| {
            let callback = work.agent_first_callback_after_contact_work_config.as_ref();
            [Some(&work.after_contact_work_config), callback]
        });
        let too_long = |limit: &WorkLimit| limit.after_contact_work_time_limit > MAX_WORK_SECONDS;
        if limits.any(|limit| limit.is_some_and(too_long)) {
            return Err(format!(
                "AfterContactWorkTimeLimit: expected 0 to {MAX_WORK_SECONDS} seconds, found more"
            ));
        }
        Ok(())
    }

    fn called_back(&self) -> Vec<Channel> {
        let configs = self.auto_accept_configs.iter();
        let configs = configs.filter(|one| one.agent_first_callback_auto_accept.is_some());
        configs.map(|one| one.channel).collect()
    }

    fn worked_back(&self) -> Vec<Channel> {
        let configs = self.after_contact_work_configs.iter();
        let configs =
            configs.filter(|one| one.agent_first_callback_after_contact_work_config.is_some());
        configs.map(|one| one.channel).collect()
    }
}

const EXPECTED: &str = "expected a JSON object with AutoAcceptConfigs, AfterContactWorkConfigs, \
    PhoneNumberConfigs (without numbers), PersistentConnectionConfigs or VoiceEnhancementConfigs, \
    as UpdateUserConfig takes them";

fn channels<T>(rows: &[T], channel: fn(&T) -> Channel) -> Vec<Channel> {
    rows.iter().map(channel).collect()
}

fn has_twice(channels: &[Channel]) -> bool {
    channels
        .iter()
        .enumerate()
        .any(|(place, channel)| channels.iter().position(|other| other == channel) != Some(place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const ALL: &str = r#"{
        "AutoAcceptConfigs": [
            {"Channel": "VOICE", "AutoAccept": true, "AgentFirstCallbackAutoAccept": false},
            {"Channel": "CHAT", "AutoAccept": false}],
        "AfterContactWorkConfigs": [
            {"Channel": "VOICE", "AfterContactWorkConfig": {"AfterContactWorkTimeLimit": 0},
             "AgentFirstCallbackAfterContactWorkConfig": {"AfterContactWorkTimeLimit": 0}},
            {"Channel": "TASK", "AfterContactWorkConfig": {"AfterContactWorkTimeLimit": 30}},
            {"Channel": "EMAIL", "AfterContactWorkConfig": {"AfterContactWorkTimeLimit": 2000000}}],
        "PhoneNumberConfigs": [{"Channel": "VOICE", "PhoneType": "DESK_PHONE"}],
        "PersistentConnectionConfigs": [{"Channel": "VOICE", "PersistentConnection": false}],
        "VoiceEnhancementConfigs": [{"Channel": "VOICE", "VoiceEnhancementMode": "NOISE_SUPPRESSION"}]
    }"#;

    #[test]
    fn what_is_said_of_channels_is_what_is_sent() {
        let phone = Phone::PerChannel(Channels::read(ALL).unwrap());
        assert_eq!(
            serde_json::to_value(&phone).unwrap(),
            serde_json::from_str::<Value>(ALL).unwrap()
        );
        assert!(phone.has_desk_phone());
        let number = PhoneNumber::parse("x", "+12065550100").unwrap();
        assert_eq!(
            serde_json::to_value(phone.at(&number)).unwrap()["PhoneNumberConfigs"],
            json!([{"Channel": "VOICE", "PhoneType": "DESK_PHONE", "PhoneNumber": "+12065550100"}])
        );
    }

    #[test]
    fn what_connect_would_refuse_is_refused() {
        let row = |list: &str, row: Value| json!({list: [row]});
        let voice = json!({"Channel": "VOICE", "AutoAccept": true});
        let work = |seconds: Value| json!({"AfterContactWorkTimeLimit": seconds});
        for (document, told) in [
            (json!({}), "found none of them"),
            (json!({"AutoAcceptConfigs": []}), "found none of them"),
            (json!(7), "found something else at line 1"),
            (json!({"autoAcceptConfigs": []}), "found something else at line 1 column 20"),
            (row("AutoAcceptConfigs", json!({"Channel": "FAX", "AutoAccept": true})), "at line 1"),
            (row("AutoAcceptConfigs", json!({"Channel": "VOICE"})), "at line 1"),
            (row("AutoAcceptConfigs", json!({"Channel": "VOICE", "AutoAccept": "yes"})), "at line"),
            (json!({"AutoAcceptConfigs": [voice, voice]}), "each channel once"),
            (
                row(
                    "AutoAcceptConfigs",
                    json!({"Channel": "CHAT", "AutoAccept": true, "AgentFirstCallbackAutoAccept": true}),
                ),
                "callbacks of",
            ),
            (
                row(
                    "AfterContactWorkConfigs",
                    json!({"Channel": "CHAT", "AfterContactWorkConfig": work(json!(1)),
                           "AgentFirstCallbackAfterContactWorkConfig": work(json!(1))}),
                ),
                "callbacks of",
            ),
            (
                row(
                    "AfterContactWorkConfigs",
                    json!({"Channel": "CHAT", "AfterContactWorkConfig": work(json!(2_000_001))}),
                ),
                "expected 0 to 2000000 seconds",
            ),
            (
                row(
                    "AfterContactWorkConfigs",
                    json!({"Channel": "VOICE", "AfterContactWorkConfig": work(json!(0)),
                           "AgentFirstCallbackAfterContactWorkConfig": work(json!(2_000_001))}),
                ),
                "expected 0 to 2000000 seconds",
            ),
            (
                row("PhoneNumberConfigs", json!({"Channel": "CHAT", "PhoneType": "SOFT_PHONE"})),
                "VOICE",
            ),
            (
                row(
                    "PhoneNumberConfigs",
                    json!({"Channel": "VOICE", "PhoneType": "DESK_PHONE", "PhoneNumber": "+12065550100"}),
                ),
                "(without numbers)",
            ),
            (
                row(
                    "PersistentConnectionConfigs",
                    json!({"Channel": "TASK", "PersistentConnection": true}),
                ),
                "PersistentConnectionConfigs: expected the channel VOICE",
            ),
            (
                row(
                    "VoiceEnhancementConfigs",
                    json!({"Channel": "EMAIL", "VoiceEnhancementMode": "NONE"}),
                ),
                "VoiceEnhancementConfigs: expected the channel VOICE",
            ),
        ] {
            let problem = Channels::read(&document.to_string()).unwrap_err();
            assert!(problem.contains(told), "{document}: {problem}");
        }
        let doubled = r#"{"AutoAcceptConfigs": [], "AutoAcceptConfigs": []}"#;
        assert!(Channels::read(doubled).unwrap_err().contains("line 1"));
    }
}
