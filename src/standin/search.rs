//! `SearchUsers`: conditions over an index that may lag behind.

use serde::Deserialize;
use serde_json::{Value, json};

use super::api_error::ApiError;
use super::call::Call;
use super::condition::{Condition, Criteria, Filter};
use super::create_user::PhoneConfig;
use super::instance::{Instance, User};
use super::kept::UserView;
use super::page::Page;

/// The largest page of `SearchUsers`.
const LARGEST_PAGE: i64 = 500;

impl Instance {
    /// `SearchUsers`.
    ///
    /// # Errors
    /// `SerializationException` (also for a condition that the stand-in does not know),
    /// `ResourceNotFoundException`, `InvalidParameterException`, and `AccessDeniedException` for
    /// both filters at once, as the API Reference has it.
    pub(super) fn search_users(&self, call: &Call<'_>) -> Result<Value, ApiError> {
        let wanted: SearchUsers = call.document()?;
        self.answers_to(&wanted.instance_id)?;
        let page =
            Page::new("Users", wanted.next_token.as_deref(), wanted.max_results, LARGEST_PAGE)?;
        let condition = Condition::All(vec![
            wanted.search_criteria.condition()?,
            wanted.search_filter.condition()?,
        ]);

        let found: Vec<&User> = self
            .indexed(call.now)
            .filter(|user| condition.holds(&UserView::at(&user.kept)))
            .collect();
        let mut answer = page.cut(found.iter().map(|user| (user.number, user.found())));
        answer.insert("ApproximateTotalCount".to_owned(), found.len().into());
        Ok(answer.into())
    }
}

impl User {
    /// A row of `SearchUsers`: no e-mail, no time of modification.
    fn found(&self) -> Value {
        let details = self.kept.details();
        let mut row = json!({
            "Id": self.id,
            "Arn": self.arn(),
            "Username": details.username,
            "IdentityInfo": {
                "FirstName": details.first_name(),
                "LastName": details.last_name(),
            },
            "PhoneConfig": details.phone_config.as_ref().map(in_milliseconds),
            "RoutingProfileId": details.routing_profile_id,
            "SecurityProfileIds": details.security_profile_ids,
            "HierarchyGroupId": details.hierarchy_group_id,
            "Tags": details.tags,
        });
        // As Connect does, what a user does not have is left out.
        if let Some(members) = row.as_object_mut() {
            members.retain(|_, value| !value.is_null());
        }
        row
    }
}

/// Unlike `DescribeUser`, `SearchUsers` gives `AfterContactWorkTimeLimit` in milliseconds.
fn in_milliseconds(phone: &PhoneConfig) -> PhoneConfig {
    let limit = phone.after_contact_work_time_limit.map(|seconds| seconds.saturating_mul(1000));
    PhoneConfig { after_contact_work_time_limit: limit, ..phone.clone() }
}

/// The members of `SearchUsers`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SearchUsers {
    #[serde(default)]
    instance_id: String,
    next_token: Option<String>,
    max_results: Option<i64>,
    #[serde(default)]
    search_criteria: Criteria,
    #[serde(default)]
    search_filter: Filter,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::standin::Settings;
    use crate::standin::story::Caller;

    use super::*;

    fn usernames(caller: &mut Caller, mut wanted: Value) -> (u16, Vec<String>) {
        wanted["InstanceId"] = json!(caller.world.directory().instance_id);
        let (status, answer) = caller.answer("POST", "/search-users", &wanted);
        let rows = answer["Users"].as_array().cloned().unwrap_or_default();
        (status, rows.iter().map(|row| row["Username"].as_str().unwrap().to_owned()).collect())
    }

    #[test]
    fn conditions_choose_users() {
        let mut caller = Caller::unhurried();
        caller.create("ana.b", json!({"Tags": {"team": "x", "shift": "1"}}));
        caller.create("ANA", json!({"Tags": {"team": "y"}}));
        caller.create("bea", json!({"IdentityInfo": {"FirstName": "Bea", "LastName": "Óñez"}}));
        let text = |field: &str, comparison: &str, value: &str| {
            let condition =
                json!({"FieldName": field, "ComparisonType": comparison, "Value": value});
            json!({ "StringCondition": condition })
        };
        let criteria = |criteria: Value| json!({ "SearchCriteria": criteria });
        let tags = |filter: Value| json!({"SearchFilter": {"TagFilter": filter}});
        let tag = |key: &str, value: &str| json!({"TagKey": key, "TagValue": value});
        let ana = text("Username", "EXACT", "ana");
        let bea = text("LastName", "CONTAINS", "óñ");
        let nest = |depth: usize| {
            (0..depth).fold(ana.clone(), |inner, _| json!({"AndConditions": [inner]}))
        };

        let cases = [
            (json!({}), 200, "ana.b ANA bea"),
            (criteria(ana.clone()), 200, "ANA"),
            (criteria(text("Username", "STARTS_WITH", "ana")), 200, "ana.b ANA"),
            (criteria(text("FirstName", "EXACT", "bea")), 200, "bea"),
            (criteria(json!({"OrConditions": [ana, bea]})), 200, "ANA bea"),
            (criteria(json!({"AndConditions": [ana, bea]})), 200, ""),
            (criteria(nest(4)), 200, "ANA"),
            (criteria(nest(5)), 400, ""),
            (criteria(text("Email", "EXACT", "ana")), 400, ""),
            (criteria(text("Username", "LIKE", "ana")), 400, ""),
            (criteria(json!({"ListCondition": {}})), 400, ""),
            (tags(json!({"TagCondition": tag("team", "x")})), 200, "ana.b"),
            (tags(json!({"TagCondition": {"TagKey": "team"}})), 200, "ana.b ANA"),
            (tags(json!({"AndConditions": [tag("team", "x"), tag("shift", "2")]})), 200, ""),
            (
                tags(json!({"OrConditions": [[tag("team", "x")], [tag("team", "y")]]})),
                200,
                "ana.b ANA",
            ),
            (json!({"SearchFilter": {"UserAttributeFilter": {}}}), 400, ""),
            (json!({"SearchFilter": {"TagFilter": {}, "UserAttributeFilter": {}}}), 403, ""),
        ];
        for (wanted, status, found) in cases {
            let found: Vec<String> = found.split_whitespace().map(str::to_owned).collect();
            assert_eq!(usernames(&mut caller, wanted.clone()), (status, found), "{wanted}");
        }
    }

    #[test]
    fn a_user_is_found_with_its_work_limit_in_milliseconds() {
        let mut caller = Caller::unhurried();
        let phone = json!({"PhoneType": "SOFT_PHONE", "AfterContactWorkTimeLimit": 30});
        let (_, created) = caller.create("ana", json!({"PhoneConfig": phone}));
        let sent = caller.user("ana");
        let wanted = json!({"InstanceId": caller.world.directory().instance_id});

        let found = caller.answer("POST", "/search-users", &wanted);
        let elsewhere = caller.answer("POST", "/search-users", &json!({"InstanceId": "x"}));

        let expected = json!({"ApproximateTotalCount": 1, "Users": [{
            "Id": created["UserId"],
            "Arn": created["UserArn"],
            "Username": "ana",
            "IdentityInfo": sent["IdentityInfo"],
            "PhoneConfig": {
                "PhoneType": "SOFT_PHONE",
                "AutoAccept": false,
                "AfterContactWorkTimeLimit": 30_000,
            },
            "RoutingProfileId": sent["RoutingProfileId"],
            "SecurityProfileIds": sent["SecurityProfileIds"],
            "Tags": {},
        }]});
        assert_eq!(found, (200, expected));
        assert_eq!(elsewhere, (404, json!("ResourceNotFoundException")));
    }

    #[test]
    fn the_index_shows_the_truth_of_a_while_ago() {
        let search_lag = Duration::from_secs(2);
        let mut caller =
            Caller::of(Settings { search_lag, throttle: false, ..Settings::default() });
        let (_, created) = caller.create("ana", Value::Null);
        let path = format!("/users/{{I}}/{}", created["UserId"].as_str().unwrap());
        let found_after = |caller: &mut Caller, time: Duration| {
            caller.now += time;
            usernames(caller, json!({})).1.len()
        };
        let moment = Duration::from_millis(1);

        assert_eq!(found_after(&mut caller, search_lag - moment), 0);
        assert_eq!(found_after(&mut caller, moment), 1);
        assert_eq!(caller.answer("DELETE", &path, &Value::Null).0, 200);
        assert_eq!(found_after(&mut caller, search_lag - moment), 1);
        assert_eq!(found_after(&mut caller, moment), 0);
    }
}
