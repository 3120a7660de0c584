//! `SearchUsers`: conditions over an index that may lag behind.

use serde::Deserialize;
use serde_json::{Value, json};

use super::call::Call;
use super::create_user::{CreateUser, PhoneConfig};
use super::instance::{Instance, User};
use super::page::Page;
use super::refusal::{Code, Refusal};

/// The largest page of `SearchUsers`.
const LARGEST_PAGE: i64 = 500;

/// How deep conditions may be nested.
const DEEPEST: usize = 5;

impl Instance {
    /// `SearchUsers`.
    ///
    /// # Errors
    /// `SerializationException` (also for a condition that the stand-in does not know),
    /// `ResourceNotFoundException`, `InvalidParameterException`, and `AccessDeniedException` for
    /// both filters at once, as the API Reference has it.
    pub(super) fn search_users(&self, call: &Call<'_>) -> Result<Value, Refusal> {
        let wanted: SearchUsers = call.document()?;
        self.answers_to(&wanted.instance_id)?;
        let page = Page::new(
            "Users",
            wanted.next_token.as_deref(),
            wanted.max_results,
            LARGEST_PAGE,
        )?;
        let condition = Condition::All(vec![
            wanted.search_criteria.condition(DEEPEST)?,
            wanted.search_filter.condition()?,
        ]);

        let found: Vec<&User> = self
            .indexed(call.now)
            .filter(|user| condition.holds(&user.details))
            .collect();
        let mut answer = page.cut(found.iter().map(|user| (user.number, user.found())));
        answer.insert("ApproximateTotalCount".to_owned(), found.len().into());
        Ok(answer.into())
    }
}

impl User {
    /// A row of `SearchUsers`: no e-mail, no time of modification.
    fn found(&self) -> Value {
        let details = &self.details;
        json!({
            "Id": self.id,
            "Arn": self.arn,
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
        })
    }
}

/// Unlike `DescribeUser`, `SearchUsers` gives `AfterContactWorkTimeLimit` in milliseconds.
fn in_milliseconds(phone: &PhoneConfig) -> PhoneConfig {
    let limit = phone
        .after_contact_work_time_limit
        .map(|seconds| seconds.saturating_mul(1000));
    PhoneConfig {
        after_contact_work_time_limit: limit,
        ..phone.clone()
    }
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

/// `UserSearchCriteria`. An unknown member is an error: to pass over a condition would be to find
/// too much.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Criteria {
    #[serde(default)]
    or_conditions: Vec<Self>,
    #[serde(default)]
    and_conditions: Vec<Self>,
    string_condition: Option<StringCondition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StringCondition {
    #[serde(default)]
    field_name: String,
    #[serde(default)]
    value: String,
    #[serde(default)]
    comparison_type: String,
}

/// `UserSearchFilter`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Filter {
    tag_filter: Option<TagFilter>,
    user_attribute_filter: Option<Value>,
}

/// `ControlPlaneTagFilter`: an OR of ANDs, an AND, or one condition.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TagFilter {
    #[serde(default)]
    or_conditions: Vec<Vec<TagCondition>>,
    #[serde(default)]
    and_conditions: Vec<TagCondition>,
    tag_condition: Option<TagCondition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagCondition {
    #[serde(default)]
    tag_key: String,
    tag_value: Option<String>,
}

/// What a request asks of a user, whichever way it said so.
enum Condition {
    All(Vec<Self>),
    Any(Vec<Self>),
    Tag(TagCondition),
    Text {
        field: &'static Field,
        comparison: &'static Comparison,
        value: String,
    },
}

impl Condition {
    fn holds(&self, user: &CreateUser) -> bool {
        match self {
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(user)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(user)),
            Self::Tag(TagCondition { tag_key, tag_value }) => {
                let held = user.tags.as_ref().and_then(|tags| tags.get(tag_key));
                held.is_some_and(|held| tag_value.as_ref().is_none_or(|value| value == held))
            }
            Self::Text {
                field,
                comparison,
                value,
            } => {
                let text = (field.text)(user).unwrap_or_default().to_lowercase();
                (comparison.holds)(&text, value)
            }
        }
    }
}

impl Criteria {
    fn condition(self, depth: usize) -> Result<Condition, Refusal> {
        let depth = depth.checked_sub(1).ok_or_else(|| {
            Code::InvalidParameter.because(format!("conditions nest up to {DEEPEST} deep"))
        })?;
        let each = |criteria: Vec<Self>| -> Result<Vec<Condition>, Refusal> {
            criteria
                .into_iter()
                .map(|one| one.condition(depth))
                .collect()
        };
        let mut all = each(self.and_conditions)?;
        if !self.or_conditions.is_empty() {
            all.push(Condition::Any(each(self.or_conditions)?));
        }
        if let Some(text) = self.string_condition {
            all.push(text.condition()?);
        }
        Ok(Condition::All(all))
    }
}

/// A value that `FieldName` may have.
struct Field {
    name: &'static str,
    text: fn(&CreateUser) -> Option<&str>,
}

static FIELDS: [Field; 3] = [
    Field {
        name: "Username",
        text: |user| Some(&user.username),
    },
    Field {
        name: "FirstName",
        text: CreateUser::first_name,
    },
    Field {
        name: "LastName",
        text: CreateUser::last_name,
    },
];

/// A value that `ComparisonType` may have.
struct Comparison {
    name: &'static str,
    holds: fn(&str, &str) -> bool,
}

static COMPARISONS: [Comparison; 3] = [
    Comparison {
        name: "EXACT",
        holds: |text, value| text == value,
    },
    Comparison {
        name: "STARTS_WITH",
        holds: |text, value| text.starts_with(value),
    },
    Comparison {
        name: "CONTAINS",
        holds: |text, value| text.contains(value),
    },
];

impl StringCondition {
    /// All comparisons here ignore case. Whether Connect's do is not documented, so a caller that
    /// means one username must compare the bytes of what it gets; one that does not is found out
    /// here.
    fn condition(self) -> Result<Condition, Refusal> {
        let field = FIELDS.iter().find(|field| field.name == self.field_name);
        let comparison = COMPARISONS
            .iter()
            .find(|one| one.name == self.comparison_type);
        Ok(Condition::Text {
            field: field.ok_or_else(|| {
                Code::InvalidParameter.because("FieldName must be Username, FirstName or LastName")
            })?,
            comparison: comparison.ok_or_else(|| {
                Code::InvalidParameter
                    .because("ComparisonType must be EXACT, STARTS_WITH or CONTAINS")
            })?,
            value: self.value.to_lowercase(),
        })
    }
}

impl Filter {
    fn condition(self) -> Result<Condition, Refusal> {
        Code::AccessDenied.unless(
            self.tag_filter.is_none() || self.user_attribute_filter.is_none(),
            "TagFilter and UserAttributeFilter cannot be used together",
        )?;
        Code::InvalidParameter.unless(
            self.user_attribute_filter.is_none(),
            "the stand-in does not know UserAttributeFilter",
        )?;
        Ok(self
            .tag_filter
            .map_or(Condition::All(Vec::new()), TagFilter::condition))
    }
}

impl TagFilter {
    fn condition(self) -> Condition {
        let each = |tags: Vec<TagCondition>| tags.into_iter().map(Condition::Tag).collect();
        let mut all: Vec<Condition> = each(self.and_conditions);
        if !self.or_conditions.is_empty() {
            let any = self
                .or_conditions
                .into_iter()
                .map(|tags| Condition::All(each(tags)));
            all.push(Condition::Any(any.collect()));
        }
        all.extend(self.tag_condition.map(Condition::Tag));
        Condition::All(all)
    }
}
