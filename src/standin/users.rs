//! The life of a user: `CreateUser`, `DescribeUser`, `ListUsers`, `DeleteUser`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::api_error::{ApiError, ErrorCode};
use super::call::Call;
use super::create_user::CreateUser;
use super::directory::REGION;
use super::instance::{Instance, User, epoch_seconds, page_of};
use super::kept::StoredUser;
use super::rules;
use super::uuid::uuid;

impl Instance {
    /// `CreateUser`: the document's own rules, then what it refers to, then the username, then the
    /// quota.
    ///
    /// # Errors
    /// `SerializationException`, `InvalidParameterException`, `InvalidRequestException`,
    /// `ResourceNotFoundException`, `DuplicateResourceException`, `LimitExceededException`.
    pub(super) fn create_user(&mut self, call: &Call<'_>) -> Result<Value, ApiError> {
        let details: CreateUser = call.document()?;
        rules::check_new(&details, self.settings.identity)?;
        self.holds_what_is_named_in(&details)?;
        self.has_room_for(&details)?;

        self.created = self.created.saturating_add(1);
        let user = User {
            number: self.created,
            id: uuid("user", self.created).into_boxed_str(),
            home: Arc::clone(&self.home),
            created: call.now,
            modified: call.now,
            deleted: None,
            kept: StoredUser::of(details),
        };
        let answer = json!({"UserId": user.id, "UserArn": user.arn()});
        self.users.push(user);
        Ok(answer)
    }

    /// `DescribeUser`.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub(super) fn describe_user(&mut self, call: &Call<'_>) -> Result<Value, ApiError> {
        Ok(json!({"User": self.named_user(call)?.description()}))
    }

    /// `ListUsers`: every living user at once, whatever the index and the 404 window say.
    ///
    /// # Errors
    /// `InvalidParameterException` for a page that cannot be.
    pub(super) fn list_users(&self, call: &Call<'_>) -> Result<Value, ApiError> {
        let page = page_of("UserSummaryList", call)?;
        Ok(page.cut(self.living().map(|user| (user.number, user.summary()))).into())
    }

    /// `DeleteUser`. The username is free again at once.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub(super) fn delete_user(&mut self, call: &Call<'_>) -> Result<Value, ApiError> {
        self.named_user(call)?.deleted = Some(call.now);
        Ok(Value::Null)
    }

    /// The user that the path names.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub(super) fn named_user(&mut self, call: &Call<'_>) -> Result<&mut User, ApiError> {
        let id = call.label("UserId").unwrap_or_default();
        self.find(call.now, |user| *user.id == *id)
    }

    /// Refuses a routing profile, security profile or hierarchy group that there is not.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub(super) fn holds_what_is_named_in(&self, details: &CreateUser) -> Result<(), ApiError> {
        let directory = &self.directory;
        ErrorCode::ResourceNotFound.unless(
            holds(&directory.routing_profiles, &details.routing_profile_id),
            "Routing profile not found",
        )?;
        ErrorCode::ResourceNotFound.unless(
            details.security_profile_ids.iter().all(|id| holds(&directory.security_profiles, id)),
            "Security profile not found",
        )?;
        ErrorCode::ResourceNotFound.unless(
            details.hierarchy_group_id.iter().all(|id| holds(&directory.hierarchy_groups, id)),
            "Hierarchy group not found",
        )
    }

    /// Usernames are compared byte for byte: Connect's are case-sensitive, also under SAML
    /// (Administrator Guide, "Configure SAML").
    fn has_room_for(&self, details: &CreateUser) -> Result<(), ApiError> {
        let username = &details.username;
        ErrorCode::DuplicateResource.unless(
            self.living().all(|user| user.kept.username() != username),
            format!("Username {username} already exists in {}", self.directory.instance_id),
        )?;
        ErrorCode::LimitExceeded.unless(
            self.living().count() < self.settings.user_quota,
            format!("The instance has its {} users", self.settings.user_quota),
        )
    }
}

/// Whether one of the `named` has this id.
fn holds(named: &BTreeMap<String, String>, id: &str) -> bool {
    named.values().any(|known| known == id)
}

impl User {
    /// The `User` of `DescribeUser`.
    pub(super) fn description(&self) -> Value {
        json!(Description {
            id: &self.id,
            arn: self.arn(),
            details: self.kept.details(),
            last_modified_time: epoch_seconds(self.modified),
            last_modified_region: REGION,
        })
    }

    /// A row of `ListUsers`.
    fn summary(&self) -> Value {
        json!({
            "Id": self.id,
            "Arn": self.arn(),
            "Username": self.kept.username(),
            "LastModifiedTime": epoch_seconds(self.modified),
            "LastModifiedRegion": REGION,
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Description<'u> {
    id: &'u str,
    arn: String,
    #[serde(flatten)]
    details: CreateUser,
    last_modified_time: f64,
    last_modified_region: &'u str,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::standin::Settings;
    use crate::standin::story::Caller;

    #[test]
    fn a_user_is_described_as_it_was_created() {
        let mut caller = Caller::unhurried();
        let sent = caller.user("maria");
        let (status, created) = caller.create("maria", json!({"PhoneConfig": {}}));
        let id = created["UserId"].as_str().unwrap();
        let (_, described) = caller.answer("GET", &format!("/users/{{I}}/{id}"), &Value::Null);

        assert_eq!(status, 200);
        let expected = json!({"User": {
            "Id": uuid("user", 1),
            "Arn": created["UserArn"],
            "Username": "maria",
            "IdentityInfo": sent["IdentityInfo"],
            "PhoneConfig": {"AutoAccept": false, "AfterContactWorkTimeLimit": 0},
            "SecurityProfileIds": sent["SecurityProfileIds"],
            "RoutingProfileId": sent["RoutingProfileId"],
            "Tags": {},
            "LastModifiedTime": 1_700_000_000.0,
            "LastModifiedRegion": "us-east-1",
        }});
        assert_eq!(described, expected);
    }

    #[test]
    fn references_come_before_the_username_and_the_username_before_the_quota() {
        let mut caller =
            Caller::of(Settings { user_quota: 1, throttle: false, ..Settings::default() });
        assert_eq!(caller.create("maria", Value::Null).0, 200);

        let refusals = [
            ("maria", json!({"Tags": {}}), (400, "InvalidParameterException")),
            ("maria", json!({"RoutingProfileId": "x"}), (404, "ResourceNotFoundException")),
            ("maria", json!({"SecurityProfileIds": ["x"]}), (404, "ResourceNotFoundException")),
            ("maria", json!({"HierarchyGroupId": "x"}), (404, "ResourceNotFoundException")),
        ];
        for (username, members, (status, error)) in refusals {
            assert_eq!(caller.create(username, members), (status, json!(error)));
        }
        let duplicate = (409, json!("DuplicateResourceException"));
        assert_eq!(caller.create("maria", Value::Null), duplicate);
        assert_eq!(caller.create("Maria", Value::Null), (429, json!("LimitExceededException")));
    }

    #[test]
    fn a_new_user_is_not_found_until_the_window_closes_and_a_deleted_one_never_again() {
        let window = Duration::from_secs(2);
        let mut caller = Caller::of(Settings { not_found: window, ..Settings::default() });
        let (_, created) = caller.create("maria", Value::Null);
        let path = format!("/users/{{I}}/{}", created["UserId"].as_str().unwrap());
        let not_found = (404, json!("ResourceNotFoundException"));

        caller.now += window - Duration::from_millis(1);
        assert_eq!(caller.answer("GET", &path, &Value::Null), not_found);
        assert_eq!(caller.answer("DELETE", &path, &Value::Null), not_found);
        caller.now += Duration::from_millis(1);
        assert_eq!(caller.answer("GET", &path, &Value::Null).0, 200);
        assert_eq!(caller.answer("DELETE", &path, &Value::Null), (200, Value::Null));
        assert_eq!(caller.answer("GET", &path, &Value::Null), not_found);
        assert_eq!(caller.answer("DELETE", &path, &Value::Null), not_found);
    }
}
