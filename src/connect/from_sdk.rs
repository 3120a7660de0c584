//! A user as the SDK reads it → [`Observed`]: its members under the wire's names.

use std::collections::BTreeMap;

use aws_sdk_connect::types::{AfterContactWorkConfig, User, UserIdentityInfo, UserPhoneConfig};
use serde_json::{Map, Value, json};

use super::UserIds;
use super::plan::{IdentityInfo, Observed};

/// What DescribeUser shows of a user. `id` is the one that was asked for; members that Connect left
/// out are empty.
pub(super) fn observed(id: &str, user: &User) -> Observed {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let tags = user.tags().into_iter().flatten();
    let tags: BTreeMap<_, _> = tags.map(|(key, value)| (key.clone(), value.clone())).collect();
    Observed {
        ids: UserIds { id: id.to_owned(), arn: text(user.arn()) },
        username: text(user.username()),
        identity: user.identity_info().map(identity_info).unwrap_or_default(),
        phone: phone(user),
        routing_profile: text(user.routing_profile_id()),
        security_profiles: user.security_profile_ids().iter().cloned().collect(),
        hierarchy_group: user.hierarchy_group_id().map(str::to_owned),
        tags,
    }
}

/// An empty text counts as left out: what we compare it with has no empty texts.
fn identity_info(info: &UserIdentityInfo) -> IdentityInfo {
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    IdentityInfo {
        first_name: text(info.first_name()),
        last_name: text(info.last_name()),
        email: text(info.email()),
        secondary_email: text(info.secondary_email()),
        mobile: text(info.mobile()),
    }
}

/// The phone's members, named as on the wire; a list that is not there is empty.
fn phone(user: &User) -> Map<String, Value> {
    let lists = [
        ("AutoAcceptConfigs", auto_accept(user)),
        ("AfterContactWorkConfigs", after_contact_work(user)),
        ("PhoneNumberConfigs", phone_number(user)),
        ("PersistentConnectionConfigs", persistent_connection(user)),
        ("VoiceEnhancementConfigs", voice_enhancement(user)),
    ];
    let config = user.phone_config().map(|config| ("PhoneConfig", phone_config(config)));
    lists.into_iter().chain(config).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What the SDK hides cannot be told: a `PhoneType` that Connect left out reads as `SOFT_PHONE`
/// (`protocol_serde/shape_user_phone_config.rs`).
fn phone_config(config: &UserPhoneConfig) -> Value {
    json!({
        "PhoneType": config.phone_type().as_str(),
        "AutoAccept": config.auto_accept(),
        "AfterContactWorkTimeLimit": config.after_contact_work_time_limit(),
        "DeskPhoneNumber": config.desk_phone_number(),
        "PersistentConnection": config.persistent_connection(),
    })
}

/// `AutoAcceptConfigs`, a row for each channel.
fn auto_accept(user: &User) -> Value {
    let rows = user.auto_accept_configs().iter().map(|row| {
        json!({
            "Channel": row.channel().as_str(),
            "AutoAccept": row.auto_accept(),
            "AgentFirstCallbackAutoAccept": row.agent_first_callback_auto_accept(),
        })
    });
    rows.collect()
}

/// `AfterContactWorkConfigs`, with the limits in seconds.
fn after_contact_work(user: &User) -> Value {
    let limit = |config: &AfterContactWorkConfig| json!({"AfterContactWorkTimeLimit": config.after_contact_work_time_limit()});
    let rows = user.after_contact_work_configs().iter().map(|row| {
        let callback = row.agent_first_callback_after_contact_work_config();
        json!({
            "Channel": row.channel().as_str(),
            "AfterContactWorkConfig": row.after_contact_work_config().map(limit),
            "AgentFirstCallbackAfterContactWorkConfig": callback.map(limit),
        })
    });
    rows.collect()
}

/// `PhoneNumberConfigs`.
fn phone_number(user: &User) -> Value {
    let rows = user.phone_number_configs().iter().map(|row| {
        json!({
            "Channel": row.channel().as_str(),
            "PhoneType": row.phone_type().as_str(),
            "PhoneNumber": row.phone_number(),
        })
    });
    rows.collect()
}

/// `PersistentConnectionConfigs`.
fn persistent_connection(user: &User) -> Value {
    let rows = user.persistent_connection_configs().iter().map(|row| {
        let (channel, is_on) = (row.channel().as_str(), row.persistent_connection());
        json!({"Channel": channel, "PersistentConnection": is_on})
    });
    rows.collect()
}

/// `VoiceEnhancementConfigs`.
fn voice_enhancement(user: &User) -> Value {
    let rows = user.voice_enhancement_configs().iter().map(|row| {
        let (channel, mode) = (row.channel().as_str(), row.voice_enhancement_mode().as_str());
        json!({"Channel": channel, "VoiceEnhancementMode": mode})
    });
    rows.collect()
}
