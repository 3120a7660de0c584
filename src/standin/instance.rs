//! What one Connect instance holds, and who may see which user when.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::api_error::{ApiError, ErrorCode};
use super::call::Call;
use super::directory::{Directory, REGION};
use super::kept::StoredUser;
use super::page::Page;
use super::sessions::Sessions;
use super::settings::Settings;

/// The largest page of any `List…` operation.
const LARGEST_PAGE: i64 = 1000;

/// What is seeded was last touched then: 2024-01-01, in seconds since the epoch.
const SEEDED_AT: u64 = 1_704_067_200;

/// One Connect instance.
pub(super) struct Instance {
    pub(super) settings: Settings,
    pub(super) directory: Directory,
    /// Its ARN, which is the beginning of everybody's.
    pub(super) home: Arc<str>,
    /// In the order of their creation; the deleted stay, for the index that lags.
    pub(super) users: Vec<User>,
    /// How many users there ever were.
    pub(super) created: u64,
    /// Who is signed in; the deleted too.
    pub(super) sessions: Sessions,
}

/// A user, living or deleted.
pub(super) struct User {
    /// The how-manieth user that was created, from 1.
    pub(super) number: u64,
    pub(super) id: Box<str>,
    /// The instance's ARN.
    pub(super) home: Arc<str>,
    pub(super) created: SystemTime,
    /// When it was created or last updated. Tags do not count: the API Reference does not say that
    /// they do.
    pub(super) modified: SystemTime,
    pub(super) deleted: Option<SystemTime>,
    pub(super) kept: StoredUser,
}

impl User {
    pub(super) fn arn(&self) -> String {
        format!("{}/agent/{}", self.home, self.id)
    }
}

impl Instance {
    /// The seeded instance, without users.
    pub(super) fn new(settings: Settings) -> Self {
        let directory = Directory::seeded();
        let home = directory.instance_arn.as_str().into();
        Self { settings, directory, home, users: Vec::new(), created: 0, sessions: Sessions::new() }
    }

    /// Refuses an instance id that is not this one's. An ARN is refused too.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub(super) fn answers_to(&self, instance_id: &str) -> Result<(), ApiError> {
        ErrorCode::ResourceNotFound
            .unless(instance_id == self.directory.instance_id, "Instance not found")
    }

    /// The users that are not deleted, in the order of their creation.
    pub(super) fn living(&self) -> impl Iterator<Item = &User> {
        self.users.iter().filter(|user| user.deleted.is_none())
    }

    /// The user of whom `is_meant` holds, if a call that names it finds it at `now`: not until the
    /// user has been there for [`Settings::not_found`].
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub(super) fn find(
        &mut self,
        now: SystemTime,
        is_meant: impl Fn(&User) -> bool,
    ) -> Result<&mut User, ApiError> {
        let window = self.settings.not_found;
        self.users
            .iter_mut()
            .find(|user| user.deleted.is_none() && is_meant(user))
            .filter(|user| age(user.created, now) >= window)
            .ok_or_else(|| ErrorCode::ResourceNotFound.because("User not found"))
    }

    /// Whom the index of `SearchUsers` shows at `now`: those who were there
    /// [`Settings::search_lag`] ago, each as it is now.
    pub(super) fn indexed(&self, now: SystemTime) -> impl Iterator<Item = &User> {
        let lag = self.settings.search_lag;
        self.users.iter().filter(move |user| {
            age(user.created, now) >= lag && user.deleted.is_none_or(|at| age(at, now) < lag)
        })
    }

    /// `DescribeInstance`.
    pub(super) fn describe(&self) -> Value {
        json!({"Instance": {
            "Id": self.directory.instance_id,
            "Arn": self.directory.instance_arn,
            "IdentityManagementType": self.settings.identity.name(),
            "InstanceAlias": "standin",
            "CreatedTime": SEEDED_AT,
            "InstanceStatus": "ACTIVE",
            "InboundCallsEnabled": true,
            "OutboundCallsEnabled": true,
        }})
    }

    /// `ListRoutingProfiles` and its like: a page of `named`, whose ARNs have `kind` in them.
    ///
    /// # Errors
    /// `InvalidParameterException` for a page that cannot be.
    pub(super) fn list(
        &self,
        call: &Call<'_>,
        list: &'static str,
        kind: &str,
        named: &BTreeMap<String, String>,
    ) -> Result<Value, ApiError> {
        let page = page_of(list, call)?;
        Ok(page.cut((1..).zip(named.iter().map(|(name, id)| self.summary(kind, name, id)))).into())
    }

    fn summary(&self, kind: &str, name: &str, id: &str) -> Value {
        json!({
            "Id": id,
            "Arn": format!("{}/{kind}/{id}", self.directory.instance_arn),
            "Name": name,
            "LastModifiedTime": SEEDED_AT,
            "LastModifiedRegion": REGION,
        })
    }
}

/// The page that the query's `nextToken` and `maxResults` ask for.
///
/// # Errors
/// `InvalidParameterException` for a token or size that cannot be.
pub(super) fn page_of(list: &'static str, call: &Call<'_>) -> Result<Page, ApiError> {
    // What is no number at all is no allowed size either.
    let size = call.parameters("maxResults").next().map(|size| size.parse().unwrap_or(0));
    Page::new(list, call.parameters("nextToken").next(), size, LARGEST_PAGE)
}

/// Seconds since the epoch, as timestamps in Connect's bodies are.
pub(super) fn epoch_seconds(time: SystemTime) -> f64 {
    age(UNIX_EPOCH, time).as_secs_f64()
}

/// How long ago `then` was; nothing if it is still to come.
fn age(then: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or_default()
}
