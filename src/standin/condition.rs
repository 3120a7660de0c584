//! What `SearchUsers` is asked for → one `Condition` on a user.

use serde::Deserialize;
use serde_json::Value;

use super::api_error::{ApiError, ErrorCode};
use super::kept::UserView;

/// How deep conditions may be nested.
const DEEPEST: usize = 5;

/// `UserSearchCriteria`. An unknown member is an error: to pass over a condition would be to find
/// too much.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Criteria {
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
pub(super) struct Filter {
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
pub(super) enum Condition {
    All(Vec<Self>),
    Any(Vec<Self>),
    /// A tag with this key, and this value if one is given.
    Tag(String, Option<String>),
    /// A member whose text, in lower case, compares so with the value.
    Text {
        text: for<'u, 'k> fn(&'u UserView<'k>) -> Option<&'u str>,
        compare: fn(&str, &str) -> bool,
        value: String,
    },
}

impl Condition {
    /// Whether `user` is one of those asked for.
    pub(super) fn holds(&self, user: &UserView<'_>) -> bool {
        match self {
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(user)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(user)),
            Self::Tag(key, value) => {
                let held = user.details().tags.as_ref().and_then(|tags| tags.get(key));
                held.is_some_and(|held| value.as_ref().is_none_or(|value| value == held))
            }
            Self::Text { text, compare, value } => {
                compare(&text(user).unwrap_or_default().to_lowercase(), value)
            }
        }
    }
}

impl Criteria {
    /// All of what is asked for; everyone if it is nothing.
    ///
    /// # Errors
    /// `InvalidParameterException` for an unknown field or comparison, and for conditions nested
    /// too deep.
    pub(super) fn condition(self) -> Result<Condition, ApiError> {
        self.within(DEEPEST)
    }

    fn within(self, depth: usize) -> Result<Condition, ApiError> {
        let depth = depth.checked_sub(1).ok_or_else(|| {
            ErrorCode::InvalidParameter.because(format!("conditions nest up to {DEEPEST} deep"))
        })?;
        let each = |criteria: Vec<Self>| -> Result<Vec<Condition>, ApiError> {
            criteria.into_iter().map(|one| one.within(depth)).collect()
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

impl StringCondition {
    /// All comparisons here ignore case. Whether Connect's do is not documented, so a caller that
    /// means one username must compare the bytes of what it gets; one that does not is found out
    /// here.
    fn condition(self) -> Result<Condition, ApiError> {
        let text: for<'u, 'k> fn(&'u UserView<'k>) -> Option<&'u str> =
            match self.field_name.as_str() {
                "Username" => |user| Some(user.username()),
                "FirstName" => |user| user.details().first_name(),
                "LastName" => |user| user.details().last_name(),
                _ => {
                    let known = "FieldName must be Username, FirstName or LastName";
                    return Err(ErrorCode::InvalidParameter.because(known));
                }
            };
        let compare: fn(&str, &str) -> bool = match self.comparison_type.as_str() {
            "EXACT" => |text, value| text == value,
            "STARTS_WITH" => |text, value| text.starts_with(value),
            "CONTAINS" => |text, value| text.contains(value),
            _ => {
                let known = "ComparisonType must be EXACT, STARTS_WITH or CONTAINS";
                return Err(ErrorCode::InvalidParameter.because(known));
            }
        };
        Ok(Condition::Text { text, compare, value: self.value.to_lowercase() })
    }
}

impl Filter {
    /// All of what is asked for; everyone if it is nothing.
    ///
    /// # Errors
    /// `AccessDeniedException` for both filters at once, `InvalidParameterException` for the one
    /// that the stand-in does not know.
    pub(super) fn condition(self) -> Result<Condition, ApiError> {
        ErrorCode::AccessDenied.unless(
            self.tag_filter.is_none() || self.user_attribute_filter.is_none(),
            "TagFilter and UserAttributeFilter cannot be used together",
        )?;
        ErrorCode::InvalidParameter.unless(
            self.user_attribute_filter.is_none(),
            "the stand-in does not know UserAttributeFilter",
        )?;
        Ok(self.tag_filter.map_or(Condition::All(Vec::new()), TagFilter::condition))
    }
}

impl TagFilter {
    fn condition(self) -> Condition {
        let each =
            |tags: Vec<TagCondition>| tags.into_iter().map(TagCondition::condition).collect();
        let mut all: Vec<Condition> = each(self.and_conditions);
        if !self.or_conditions.is_empty() {
            let any = self.or_conditions.into_iter().map(|tags| Condition::All(each(tags)));
            all.push(Condition::Any(any.collect()));
        }
        all.extend(self.tag_condition.map(TagCondition::condition));
        Condition::All(all)
    }
}

impl TagCondition {
    fn condition(self) -> Condition {
        Condition::Tag(self.tag_key, self.tag_value)
    }
}
