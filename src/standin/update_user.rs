//! The `UpdateUser…` operations: each replaces a part of what `CreateUser` was told.
//!
//! A changed copy of the user is judged by the rules of `CreateUser`, and kept if it passes. So the
//! user is looked for before the members are judged; Connect's order is not documented.

use serde::Deserialize;
use serde_json::Value;

use super::api_error::{ApiError, ErrorCode};
use super::call::Call;
use super::create_user::{ChannelConfig, CreateUser, IdentityInfo, PhoneConfig};
use super::instance::Instance;
use super::kept::StoredUser;
use super::rules;
use super::settings::IdentityManagement;

impl Instance {
    /// `UpdateUserIdentityInfo`: what is left out is cleared. The API Reference does not tell
    /// whether Connect merges instead; whoever sends the whole is right either way.
    ///
    /// # Errors
    /// `SerializationException`, `InvalidParameterException`, `InvalidRequestException`,
    /// `ResourceNotFoundException`.
    pub(super) fn update_user_identity_info(&mut self, call: &Call<'_>) -> Result<Value, ApiError> {
        let identity = self.settings.identity;
        let given: UpdateUserIdentityInfo = call.document()?;
        let given = required("IdentityInfo", given.identity_info)?;
        self.update(call, |user| {
            user.identity_info = if identity == IdentityManagement::ExistingDirectory {
                beside_the_directorys(user.identity_info.clone(), given)?
            } else {
                given
            };
            Ok(())
        })
    }

    /// `UpdateUserPhoneConfig`: one setting for all channels, in place of the five lists.
    ///
    /// The API Reference says that it sets all channels, but not what becomes of lists that the
    /// user has. Beside this they might make a user that `CreateUser` refuses, so they go, the one
    /// of voice enhancement too.
    ///
    /// # Errors
    /// `SerializationException`, `InvalidParameterException`, `InvalidRequestException`,
    /// `ResourceNotFoundException`.
    pub(super) fn update_user_phone_config(&mut self, call: &Call<'_>) -> Result<Value, ApiError> {
        let given: UpdateUserPhoneConfig = call.document()?;
        let given = required("PhoneConfig", given.phone_config)?;
        self.update(call, |user| {
            user.phone_config = Some(given);
            UpdateUserConfig::lists_of(user).into_iter().for_each(Vec::clear);
            Ok(())
        })
    }

    /// `UpdateUserConfig`: each list that is given replaces the user's, an empty one too; the
    /// others stay. At least one must be given.
    ///
    /// The API Reference calls every list optional and tells neither this nor what becomes of a
    /// `PhoneConfig` that the user has. It goes, for the reason that lists go before a
    /// `PhoneConfig`: which of the two was given last is all that the user has.
    ///
    /// # Errors
    /// `SerializationException`, `InvalidParameterException`, `InvalidRequestException`,
    /// `ResourceNotFoundException`.
    pub(super) fn update_user_config(&mut self, call: &Call<'_>) -> Result<Value, ApiError> {
        let given: UpdateUserConfig = call.document()?;
        let given = given.lists();
        ErrorCode::InvalidRequest
            .unless(given.iter().any(Option::is_some), "at least one list must be given")?;
        self.update(call, |user| {
            user.phone_config = None;
            for (held, given) in UpdateUserConfig::lists_of(user).into_iter().zip(given) {
                if let Some(given) = given {
                    *held = given;
                }
            }
            Ok(())
        })
    }

    /// `UpdateUserRoutingProfile`.
    ///
    /// # Errors
    /// `SerializationException`, `InvalidParameterException`, `ResourceNotFoundException` for the
    /// user and for the profile.
    pub(super) fn update_user_routing_profile(
        &mut self,
        call: &Call<'_>,
    ) -> Result<Value, ApiError> {
        let given: UpdateUserRoutingProfile = call.document()?;
        self.update(call, |user| {
            user.routing_profile_id = given.routing_profile_id;
            Ok(())
        })
    }

    /// `UpdateUserSecurityProfiles`: the ids given are all that the user has then.
    ///
    /// # Errors
    /// `SerializationException`, `InvalidParameterException` for none and for more than 10,
    /// `ResourceNotFoundException` for the user and for a profile.
    pub(super) fn update_user_security_profiles(
        &mut self,
        call: &Call<'_>,
    ) -> Result<Value, ApiError> {
        let given: UpdateUserSecurityProfiles = call.document()?;
        self.update(call, |user| {
            user.security_profile_ids = given.security_profile_ids;
            Ok(())
        })
    }

    /// `UpdateUserHierarchy`: without a group the user is in none.
    ///
    /// # Errors
    /// `SerializationException`, `ResourceNotFoundException` for the user and for the group.
    pub(super) fn update_user_hierarchy(&mut self, call: &Call<'_>) -> Result<Value, ApiError> {
        let given: UpdateUserHierarchy = call.document()?;
        self.update(call, |user| {
            user.hierarchy_group_id = given.hierarchy_group_id;
            Ok(())
        })
    }

    /// Keeps what `change` makes of the user that the path names, if it may be.
    fn update(
        &mut self,
        call: &Call<'_>,
        change: impl FnOnce(&mut CreateUser) -> Result<(), ApiError>,
    ) -> Result<Value, ApiError> {
        let mut details = self.named_user(call)?.kept.details();
        change(&mut details)?;
        rules::check(&details, self.settings.identity)?;
        self.holds_what_is_named_in(&details)?;

        let user = self.named_user(call)?;
        user.kept = StoredUser::of(details);
        user.modified = call.now;
        Ok(Value::Null)
    }
}

/// Names and e-mail address are the directory's, if there is one, and cannot be updated in Connect
/// (API Reference, `UserIdentityInfo`); so neither are they cleared.
fn beside_the_directorys(
    held: IdentityInfo,
    given: IdentityInfo,
) -> Result<IdentityInfo, ApiError> {
    let of_the_directory = [&given.first_name, &given.last_name, &given.email];
    ErrorCode::InvalidRequest.unless(
        of_the_directory.iter().all(|member| member.is_none()),
        "FirstName, LastName and Email are updated in the directory",
    )?;
    Ok(IdentityInfo { secondary_email: given.secondary_email, mobile: given.mobile, ..held })
}

fn required<T>(member: &str, given: Option<T>) -> Result<T, ApiError> {
    given.ok_or_else(|| ErrorCode::InvalidParameter.because(format!("{member} must be given")))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateUserIdentityInfo {
    identity_info: Option<IdentityInfo>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateUserPhoneConfig {
    phone_config: Option<PhoneConfig>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateUserConfig {
    auto_accept_configs: Option<Vec<ChannelConfig>>,
    after_contact_work_configs: Option<Vec<ChannelConfig>>,
    phone_number_configs: Option<Vec<ChannelConfig>>,
    persistent_connection_configs: Option<Vec<ChannelConfig>>,
    voice_enhancement_configs: Option<Vec<ChannelConfig>>,
}

impl UpdateUserConfig {
    fn lists(self) -> [Option<Vec<ChannelConfig>>; 5] {
        [
            self.auto_accept_configs,
            self.after_contact_work_configs,
            self.phone_number_configs,
            self.persistent_connection_configs,
            self.voice_enhancement_configs,
        ]
    }

    /// The user's lists, in the order of [`Self::lists`].
    fn lists_of(user: &mut CreateUser) -> [&mut Vec<ChannelConfig>; 5] {
        [
            &mut user.auto_accept_configs,
            &mut user.after_contact_work_configs,
            &mut user.phone_number_configs,
            &mut user.persistent_connection_configs,
            &mut user.voice_enhancement_configs,
        ]
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateUserRoutingProfile {
    /// Required; absent is as bad as empty.
    #[serde(default)]
    routing_profile_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateUserSecurityProfiles {
    #[serde(default)]
    security_profile_ids: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateUserHierarchy {
    hierarchy_group_id: Option<String>,
}

#[cfg(test)]
mod tests;
