//! Username → what Connect holds under it.
//!
//! Asked only when CreateUser found the name taken or went silent. The search index is quick but
//! lags behind, so the full list is read where it shows nothing; and its idea of "exact" is
//! undocumented, so names are compared here, byte for byte.

use std::collections::BTreeMap;

use aws_sdk_connect::Client;
use aws_sdk_connect::config::Builder;
use aws_sdk_connect::types::{StringComparisonType, StringCondition, UserSearchCriteria};

use super::UserIds;
use super::failure::Failure;
use super::plan::Observed;

/// ListUsers takes at most this many to a page ("ListUsers", maxResults).
const PAGE: i32 = 1000;

/// One client, one instance, one set of limits.
pub(super) struct Finder<'a> {
    pub(super) client: &'a Client,
    pub(super) instance: &'a str,
    pub(super) limits: Builder,
}

impl Finder<'_> {
    /// The user of this name, as DescribeUser shows it; `None` if Connect lists none.
    pub(super) async fn find(&self, username: &str) -> Result<Option<Observed>, Failure> {
        let id = match self.search(username).await? {
            Some(id) => Some(id),
            None => self.list(username).await?,
        };
        match id {
            Some(id) => self.describe(&id).await.map(Some),
            None => Ok(None),
        }
    }

    async fn search(&self, username: &str) -> Result<Option<String>, Failure> {
        let condition = StringCondition::builder()
            .field_name("Username")
            .value(username)
            .comparison_type(StringComparisonType::Exact)
            .build();
        let criteria = UserSearchCriteria::builder().string_condition(condition).build();
        let found = self
            .client
            .search_users()
            .instance_id(self.instance)
            .search_criteria(criteria)
            .customize()
            .config_override(self.limits.clone())
            .send()
            .await
            .map_err(|error| Failure::of("SearchUsers", &error))?;
        let mut users = found.users().iter();
        let ours = users.find(|user| user.username() == Some(username));
        Ok(ours.and_then(|user| user.id()).map(str::to_owned))
    }

    async fn list(&self, username: &str) -> Result<Option<String>, Failure> {
        let mut token = None;
        loop {
            let page = self
                .client
                .list_users()
                .instance_id(self.instance)
                .max_results(PAGE)
                .set_next_token(token)
                .customize()
                .config_override(self.limits.clone())
                .send()
                .await
                .map_err(|error| Failure::of("ListUsers", &error))?;
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

    async fn describe(&self, id: &str) -> Result<Observed, Failure> {
        let described = self
            .client
            .describe_user()
            .instance_id(self.instance)
            .user_id(id)
            .customize()
            .config_override(self.limits.clone())
            .send()
            .await
            .map_err(|error| Failure::of_describe(&error))?;
        let user = described.user().ok_or_else(|| Failure::empty("DescribeUser"))?;
        let tags = user.tags().into_iter().flatten();
        let tags: BTreeMap<_, _> = tags.map(|(key, value)| (key.clone(), value.clone())).collect();
        let arn = user.arn().unwrap_or_default().to_owned();
        Ok(Observed { ids: UserIds { id: id.to_owned(), arn }, tags })
    }
}
