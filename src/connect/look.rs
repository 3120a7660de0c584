//! Username or id → what Connect holds.
//!
//! By name it is asked only when CreateUser found the name taken or went silent. The search index is
//! quick but lags behind, so the full list is read where it shows nothing; and its idea of "exact"
//! is undocumented, so names are compared here, byte for byte.

use std::collections::BTreeMap;

use aws_sdk_connect::types::{
    StringComparisonType, StringCondition, User, UserIdentityInfo, UserSearchCriteria,
};
use serde_json::{Map, Value, json};

use super::UserIds;
use super::class::Class;
use super::failure::Failure;
use super::line::Line;
use super::plan::{IdentityInfo, Observed};

/// ListUsers takes at most this many to a page ("ListUsers", maxResults).
const PAGE: i32 = 1000;

impl Line<'_> {
    /// The user of this name, as DescribeUser shows it; `None` if Connect lists none.
    pub(super) async fn find(&self, username: &str) -> Result<Option<Observed>, Failure> {
        let found = self.search(username).await?;
        if let Some(id) = &found
            && let Some(user) = self.describe(id).await?
        {
            return Ok(Some(user));
        }
        match self.list_for(username).await? {
            None => Ok(None),
            // What is listed and not shown is too young, not gone.
            listed if listed == found => Err(Failure::not_yet()),
            Some(id) => self.describe(&id).await?.map(Some).ok_or_else(Failure::not_yet),
        }
    }

    /// The user of this id; `None` if Connect does not show it, which it may not do for a while
    /// after it was created ("Amazon Connect API Reference", eventual consistency, which names both
    /// codes).
    pub(super) async fn describe(&self, id: &str) -> Result<Option<Observed>, Failure> {
        self.turn("DescribeUser").await?;
        let described = self
            .client
            .describe_user()
            .instance_id(self.instance)
            .user_id(id)
            .customize()
            .config_override(self.limits.clone())
            .send()
            .await;
        let described = match self.judge("DescribeUser", described) {
            Err(failure)
                if failure.has_code("ResourceNotFoundException")
                    || failure.class == Class::Refused =>
            {
                return Ok(None);
            }
            described => described?,
        };
        let user = described.user().ok_or_else(|| Failure::empty("DescribeUser"))?;
        Ok(Some(observed(id, user)))
    }

    async fn search(&self, username: &str) -> Result<Option<String>, Failure> {
        let condition = StringCondition::builder()
            .field_name("Username")
            .value(username)
            .comparison_type(StringComparisonType::Exact)
            .build();
        let criteria = UserSearchCriteria::builder().string_condition(condition).build();
        self.turn("SearchUsers").await?;
        let found = self
            .client
            .search_users()
            .instance_id(self.instance)
            .search_criteria(criteria)
            .customize()
            .config_override(self.limits.clone())
            .send()
            .await;
        let found = self.judge("SearchUsers", found)?;
        let mut users = found.users().iter();
        let ours = users.find(|user| user.username() == Some(username));
        Ok(ours.and_then(|user| user.id()).map(str::to_owned))
    }

    async fn list_for(&self, username: &str) -> Result<Option<String>, Failure> {
        let mut token = None;
        loop {
            self.turn("ListUsers").await?;
            let page = self
                .client
                .list_users()
                .instance_id(self.instance)
                .max_results(PAGE)
                .set_next_token(token)
                .customize()
                .config_override(self.limits.clone())
                .send()
                .await;
            let page = self.judge("ListUsers", page)?;
            let mut users = page.user_summary_list().iter();
            if let Some(user) = users.find(|user| user.username() == Some(username)) {
                return Ok(user.id().map(str::to_owned));
            }
            token = page.next_token;
            if token.is_none() {
                return Ok(None);
            }
        }
    }
}

fn observed(id: &str, user: &User) -> Observed {
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

/// The phone's members as they stand on the wire, but for what the SDK hides: a `PhoneType` that
/// Connect left out reads as `SOFT_PHONE` (`protocol_serde/shape_user_phone_config.rs`).
fn phone(user: &User) -> Map<String, Value> {
    let mut members = Map::new();
    let mut add = |name: &str, value: Value| drop(members.insert(name.to_owned(), value));
    if let Some(config) = user.phone_config() {
        let value = json!({
            "PhoneType": config.phone_type().as_str(),
            "AutoAccept": config.auto_accept(),
            "AfterContactWorkTimeLimit": config.after_contact_work_time_limit(),
            "DeskPhoneNumber": config.desk_phone_number(),
            "PersistentConnection": config.persistent_connection(),
        });
        add("PhoneConfig", value);
    }
    let rows = user.auto_accept_configs().iter().map(|row| {
        json!({
            "Channel": row.channel().as_str(),
            "AutoAccept": row.auto_accept(),
            "AgentFirstCallbackAutoAccept": row.agent_first_callback_auto_accept(),
        })
    });
    add("AutoAcceptConfigs", rows.collect());
    let rows = user.after_contact_work_configs().iter().map(|row| {
        let limit = |config: &aws_sdk_connect::types::AfterContactWorkConfig| {
            json!({"AfterContactWorkTimeLimit": config.after_contact_work_time_limit()})
        };
        let callback = row.agent_first_callback_after_contact_work_config();
        json!({
            "Channel": row.channel().as_str(),
            "AfterContactWorkConfig": row.after_contact_work_config().map(limit),
            "AgentFirstCallbackAfterContactWorkConfig": callback.map(limit),
        })
    });
    add("AfterContactWorkConfigs", rows.collect());
    let rows = user.phone_number_configs().iter().map(|row| {
        json!({
            "Channel": row.channel().as_str(),
            "PhoneType": row.phone_type().as_str(),
            "PhoneNumber": row.phone_number(),
        })
    });
    add("PhoneNumberConfigs", rows.collect());
    let rows = user.persistent_connection_configs().iter().map(|row| {
        json!({
            "Channel": row.channel().as_str(),
            "PersistentConnection": row.persistent_connection(),
        })
    });
    add("PersistentConnectionConfigs", rows.collect());
    let rows = user.voice_enhancement_configs().iter().map(|row| {
        json!({
            "Channel": row.channel().as_str(),
            "VoiceEnhancementMode": row.voice_enhancement_mode().as_str(),
        })
    });
    add("VoiceEnhancementConfigs", rows.collect());
    members
}
