//! The document that `CreateUser` takes, the updates change and, but for the password,
//! `DescribeUser` gives back.
//!
//! Only the types of the members are checked here; what they may hold is [`super::rules`]' matter.
//! Nothing here is `Debug`: it is all about people.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The members of `CreateUser`, named as in the API Reference. Unknown members are passed over, as
/// Connect does.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateUser {
    /// Required; absent is as bad as empty.
    #[serde(default)]
    pub(super) username: String,
    /// Never given back.
    #[serde(skip_serializing)]
    pub(super) password: Option<String>,
    #[serde(default)]
    pub(super) identity_info: IdentityInfo,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) phone_config: Option<PhoneConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) directory_user_id: Option<String>,
    #[serde(default)]
    pub(super) security_profile_ids: Vec<String>,
    #[serde(default)]
    pub(super) routing_profile_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hierarchy_group_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) auto_accept_configs: Vec<ChannelConfig>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) after_contact_work_configs: Vec<ChannelConfig>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) phone_number_configs: Vec<ChannelConfig>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) persistent_connection_configs: Vec<ChannelConfig>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) voice_enhancement_configs: Vec<ChannelConfig>,
    /// `None` only until the user is kept.
    pub(super) tags: Option<BTreeMap<String, String>>,
}

impl CreateUser {
    /// As Connect keeps it: what was left out has its default.
    pub(super) fn kept(mut self) -> Self {
        self.tags.get_or_insert_default();
        if let Some(phone) = &mut self.phone_config {
            phone.auto_accept.get_or_insert(false);
            phone.after_contact_work_time_limit.get_or_insert(0);
        }
        self
    }

    pub(super) fn first_name(&self) -> Option<&str> {
        self.identity_info.first_name.as_deref()
    }

    pub(super) fn last_name(&self) -> Option<&str> {
        self.identity_info.last_name.as_deref()
    }
}

/// `UserIdentityInfo`.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct IdentityInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) secondary_email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mobile: Option<String>,
}

/// `UserPhoneConfig`: one setting for all channels.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PhoneConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) phone_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) auto_accept: Option<bool>,
    /// Seconds; 0 is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) after_contact_work_time_limit: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) desk_phone_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) persistent_connection: Option<bool>,
}

/// A row of any of the five lists with a setting for each channel: the members of all of them.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChannelConfig {
    #[serde(default)]
    pub(super) channel: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) auto_accept: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) agent_first_callback_auto_accept: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) after_contact_work_config: Option<AfterContactWork>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) agent_first_callback_after_contact_work_config: Option<AfterContactWork>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) phone_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) phone_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) persistent_connection: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) voice_enhancement_mode: Option<String>,
}

/// `AfterContactWorkConfig`.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AfterContactWork {
    /// Seconds; 0 is no limit, and what an SDK means by leaving it out.
    #[serde(default)]
    pub(super) after_contact_work_time_limit: i64,
}
