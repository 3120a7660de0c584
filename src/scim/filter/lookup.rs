//! Chooses the roster indexes that find all matches of a filter.

use serde_json::Value;

use super::{Filter, Operator};
use crate::scim::path::AttributePath;
use crate::scim::schema::ResourceType;

/// A query of one index, by this value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// A group's `displayName`.
    DisplayName(String),
    /// An e-mail address of a user.
    Email(String),
    /// `externalId`.
    ExternalId(String),
    /// The users who are members of the group with this id.
    Group(String),
    /// `id`.
    Id(String),
    /// The groups that have this member.
    Member(String),
    /// `userName`.
    UserName(String),
}

impl Filter {
    /// The index queries whose results together contain all matches, and possibly more; `None` if
    /// no index helps.
    #[must_use]
    pub fn lookups(&self, types: &ResourceType) -> Option<Vec<Lookup>> {
        match self {
            Self::And(left, right) => {
                let (left, right) = (left.lookups(types), right.lookups(types));
                match (left, right) {
                    (Some(left), Some(right)) if right.len() < left.len() => Some(right),
                    (left, right) => left.or(right),
                }
            }
            Self::Or(left, right) => {
                let mut all = left.lookups(types)?;
                all.extend(right.lookups(types)?);
                Some(all)
            }
            Self::Compare(path, Operator::Equal, value) => {
                let lookup = lookup(path, path.sub.as_deref(), text(value)?, types);
                lookup.map(|lookup| vec![lookup])
            }
            Self::Each(path, inner) => {
                let terms = inner.conjuncts();
                let mut values = terms.into_iter().filter_map(|term| match term {
                    Self::Compare(sub, Operator::Equal, value) => {
                        lookup(path, Some(&sub.name), text(value)?, types)
                    }
                    _ => None,
                });
                values.next().map(|lookup| vec![lookup])
            }
            Self::Compare(..) | Self::Not(_) | Self::Present(_) => None,
        }
    }

    /// The operands of nested `and` terms.
    fn conjuncts(&self) -> Vec<&Self> {
        match self {
            Self::And(left, right) => {
                let mut all = left.conjuncts();
                all.extend(right.conjuncts());
                all
            }
            other => vec![other],
        }
    }
}

/// The key in a text index. An unquoted id may have been read as a number or a boolean.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(_) | Value::Null | Value::Object(_) => None,
    }
}

fn lookup(
    path: &AttributePath,
    sub: Option<&str>,
    value: String,
    types: &ResourceType,
) -> Option<Lookup> {
    if path.urn.is_some() {
        return None;
    }
    let is_whole = sub.is_none();
    let is_value = sub.is_none_or(|sub| sub.eq_ignore_ascii_case("value"));
    let is_user = types.name == "User";
    match path.name.to_ascii_lowercase().as_str() {
        "id" if is_whole => Some(Lookup::Id(value)),
        "externalid" if is_whole => Some(Lookup::ExternalId(value)),
        "username" if is_whole && is_user => Some(Lookup::UserName(value)),
        "emails" if is_value && is_user => Some(Lookup::Email(value)),
        "groups" if is_value && is_user => Some(Lookup::Group(value)),
        "displayname" if is_whole && !is_user => Some(Lookup::DisplayName(value)),
        "members" if is_value && !is_user => Some(Lookup::Member(value)),
        _ => None,
    }
}
