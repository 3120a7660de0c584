//! Username or id → what Connect holds.
//!
//! Names are looked up only when CreateUser found one taken or its fate is unknown, since it takes
//! several calls. The search index is quick but eventually consistent, so where it shows nothing
//! the full list is read; and what SearchUsers means by "exact" is not documented, so names are
//! compared here, byte for byte.

use std::collections::BTreeMap;

use aws_sdk_connect::operation::list_users::ListUsersOutput;
use aws_sdk_connect::types::{StringComparisonType, StringCondition, UserSearchCriteria};

use super::call_context::CallContext;
use super::call_error::CallError;
use super::class::Class;
use super::from_sdk::observed;
use super::plan::Observed;

/// The largest page of ListUsers ("Amazon Connect API Reference", ListUsers, maxResults).
const PAGE: i32 = 1000;

/// What Connect shows by a user's id.
pub(crate) enum Shown {
    /// The user.
    User(Box<Observed>),
    /// Nobody: there never was one, it was deleted, or it was created a moment ago.
    NotFound,
    /// Connect refuses the look-up. That says nothing of whether the user is there.
    Refused,
}

/// The users of an instance: username → id.
pub(crate) type Listing = BTreeMap<String, String>;

impl CallContext<'_> {
    /// The user of this name, as DescribeUser shows it; `None` if Connect lists none.
    ///
    /// # Errors
    /// [`Class::NotYet`] if the user is listed and not described.
    pub(super) async fn find(&self, username: &str) -> Result<Option<Observed>, CallError> {
        let found = self.search(username).await?;
        // The index may still have users that were deleted; only one that is described is believed.
        if let Some(id) = &found
            && let Shown::User(user) = self.describe(id).await?
        {
            return Ok(Some(*user));
        }
        match self.list_for(username).await? {
            None => Ok(None),
            // What is listed and not shown is too young, not gone.
            listed if listed == found => Err(CallError::not_yet()),
            Some(id) => match self.describe(&id).await? {
                Shown::User(user) => Ok(Some(*user)),
                Shown::NotFound | Shown::Refused => Err(CallError::not_yet()),
            },
        }
    }

    /// What Connect shows by this id. A user that was created a moment ago may be not found or refused
    /// ("Amazon Connect API Reference", eventual consistency, which names both error codes).
    pub(super) async fn describe(&self, id: &str) -> Result<Shown, CallError> {
        self.acquire_permit("DescribeUser").await?;
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
            Err(failure) if failure.has_code("ResourceNotFoundException") => {
                return Ok(Shown::NotFound);
            }
            Err(failure) if failure.class == Class::Refused => return Ok(Shown::Refused),
            described => described?,
        };
        let user = described.user().ok_or_else(|| CallError::empty("DescribeUser"))?;
        Ok(Shown::User(Box::new(observed(id, user))))
    }

    /// The id of this name by the search index, which lags behind CreateUser and DeleteUser.
    async fn search(&self, username: &str) -> Result<Option<String>, CallError> {
        let condition = StringCondition::builder()
            .field_name("Username")
            .value(username)
            .comparison_type(StringComparisonType::Exact)
            .build();
        let criteria = UserSearchCriteria::builder().string_condition(condition).build();
        self.acquire_permit("SearchUsers").await?;
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

    /// The id of this name by the full list: one call for each thousand users, until it is found.
    async fn list_for(&self, username: &str) -> Result<Option<String>, CallError> {
        let mut token = None;
        loop {
            let page = self.list_page(token).await?;
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

    /// Everybody whom the instance lists: one call for each thousand users.
    pub(super) async fn list_all(&self) -> Result<Listing, CallError> {
        let (mut listing, mut token) = (Listing::new(), None);
        loop {
            let page = self.list_page(token).await?;
            for user in page.user_summary_list() {
                if let (Some(name), Some(id)) = (user.username(), user.id()) {
                    listing.insert(name.to_owned(), id.to_owned());
                }
            }
            token = page.next_token;
            if token.is_none() {
                return Ok(listing);
            }
        }
    }

    async fn list_page(&self, token: Option<String>) -> Result<ListUsersOutput, CallError> {
        self.acquire_permit("ListUsers").await?;
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
        self.judge("ListUsers", page)
    }
}
