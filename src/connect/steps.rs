//! [`Step`] → its call. Each waits for the rate limiter, is sent with the session's limits, and has
//! its error classified.

use std::collections::HashMap;

use aws_sdk_connect::types::{UserIdentityInfo, UserPhoneConfig};

use super::UserIds;
use super::call_context::CallContext;
use super::call_error::CallError;
use super::create::{OnlyThrottling, add_phone, request};
use super::plan::{IdentityInfo, Step};
use crate::assign::Agent;
use crate::assign::id::ResourceId;
use crate::assign::permissions::Permissions;
use crate::assign::phone::Phone;

impl CallContext<'_> {
    /// CreateUser with everything that the agent has.
    ///
    /// # Errors
    /// `Class::Duplicate` if the username is taken; `Class::UnknownFate` if the user may exist now.
    pub(super) async fn create(
        &self,
        agent: &Agent,
        permissions: &Permissions<ResourceId>,
    ) -> Result<UserIds, CallError> {
        let phone = agent.phone.clone();
        let permissions = permissions.clone().map(|id| id.as_str().to_owned());
        self.acquire_permit("CreateUser").await?;
        let created = request(self.client, self.instance, agent, permissions)
            .customize()
            .config_override(self.limits.clone().retry_classifier(OnlyThrottling))
            .map_request(move |request| add_phone(request, &phone))
            .send()
            .await;
        let created = self.judge("CreateUser", created)?;
        let id = created.user_id.ok_or_else(|| CallError::empty("CreateUser"))?;
        Ok(UserIds { id, arn: created.user_arn.unwrap_or_default() })
    }

    /// Carries out a step on a user that exists. CreateUser is none of these: see `create`.
    pub(super) async fn change(&self, step: &Step, user: &UserIds) -> Result<(), CallError> {
        self.acquire_permit(step.name()).await?;
        match step {
            Step::CreateUser => Err(CallError::empty("plan")),
            Step::DeleteUser => self.delete(user).await,
            Step::TagResource(tags) => {
                let tags = HashMap::from_iter(tags.clone());
                let request = self.client.tag_resource().resource_arn(&user.arn);
                let request = request.set_tags(Some(tags)).customize();
                let sent = request.config_override(self.limits.clone()).send().await;
                self.judge(step.name(), sent).map(drop)
            }
            Step::UntagResource(keys) => {
                let request = self.client.untag_resource().resource_arn(&user.arn);
                let request = request.set_tag_keys(Some(keys.clone())).customize();
                let sent = request.config_override(self.limits.clone()).send().await;
                self.judge(step.name(), sent).map(drop)
            }
            Step::UpdateUserIdentityInfo(info) => self.update_identity(info, user).await,
            Step::UpdateUserConfig(phone) | Step::UpdateUserPhoneConfig(phone) => {
                self.update_phone(phone.clone(), user).await
            }
            Step::UpdateUserHierarchy(group) => {
                let request = self.client.update_user_hierarchy().instance_id(self.instance);
                let group = group.as_ref().map(|group| group.as_str().to_owned());
                let request = request.user_id(&user.id).set_hierarchy_group_id(group).customize();
                let sent = request.config_override(self.limits.clone()).send().await;
                self.judge(step.name(), sent).map(drop)
            }
            Step::UpdateUserRoutingProfile(profile) => {
                let request = self.client.update_user_routing_profile().instance_id(self.instance);
                let request = request.user_id(&user.id).routing_profile_id(profile.as_str());
                let request = request.customize().config_override(self.limits.clone());
                self.judge(step.name(), request.send().await).map(drop)
            }
            Step::UpdateUserSecurityProfiles(profiles) => {
                let request = self.client.update_user_security_profiles();
                let profiles = profiles.iter().map(|profile| profile.as_str().to_owned()).collect();
                let request = request.instance_id(self.instance).user_id(&user.id);
                let request = request.set_security_profile_ids(Some(profiles)).customize();
                let sent = request.config_override(self.limits.clone()).send().await;
                self.judge(step.name(), sent).map(drop)
            }
        }
    }

    /// DeleteUser. The user's quick connects stay.
    async fn delete(&self, user: &UserIds) -> Result<(), CallError> {
        let request = self.client.delete_user().instance_id(self.instance).user_id(&user.id);
        let sent = request.customize().config_override(self.limits.clone()).send().await;
        self.judge("DeleteUser", sent).map(drop)
    }

    /// UpdateUserIdentityInfo with all members, since it is not documented what becomes of one that
    /// is left out.
    async fn update_identity(&self, info: &IdentityInfo, user: &UserIds) -> Result<(), CallError> {
        let IdentityInfo { first_name, last_name, email, secondary_email, mobile } = info.clone();
        let info = UserIdentityInfo::builder()
            .set_first_name(first_name)
            .set_last_name(last_name)
            .set_email(email)
            .set_secondary_email(secondary_email)
            .set_mobile(mobile);
        let request = self.client.update_user_identity_info().instance_id(self.instance);
        let request = request.user_id(&user.id).identity_info(info.build()).customize();
        let sent = request.config_override(self.limits.clone()).send().await;
        self.judge("UpdateUserIdentityInfo", sent).map(drop)
    }

    /// UpdateUserPhoneConfig, or UpdateUserConfig for values by channel.
    async fn update_phone(&self, phone: Phone, user: &UserIds) -> Result<(), CallError> {
        let members = phone.clone();
        match phone {
            Phone::Simple(_) => {
                let request = self.client.update_user_phone_config().instance_id(self.instance);
                let request = request.user_id(&user.id);
                let request = request.phone_config(UserPhoneConfig::builder().build()).customize();
                let request = request.config_override(self.limits.clone());
                let sent = request.map_request(move |request| add_phone(request, &members));
                self.judge("UpdateUserPhoneConfig", sent.send().await).map(drop)
            }
            Phone::PerChannel(_) => {
                let request = self.client.update_user_config().instance_id(self.instance);
                let request = request.user_id(&user.id).customize();
                let request = request.config_override(self.limits.clone());
                let sent = request.map_request(move |request| add_phone(request, &members));
                self.judge("UpdateUserConfig", sent.send().await).map(drop)
            }
        }
    }
}
