//! `attributes` and `excludedAttributes`: the part of a resource that is returned (RFC 7644 §3.9).

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::path::AttributePath;
use super::schema::{ResourceType, Returned};

/// The attributes to return.
#[derive(Clone, Debug)]
pub struct Projection {
    /// The requested attributes; `None` means all. Those in `always` are returned in any case.
    only: Option<Vec<AttributePath>>,
    without: Vec<AttributePath>,
    always: Vec<&'static str>,
}

impl Projection {
    /// Parses the two parameters, each a list separated by commas. Invalid names are ignored; if
    /// both are given, `attributes` wins.
    #[must_use]
    pub fn parse(attributes: Option<&str>, excluded: Option<&str>, types: &ResourceType) -> Self {
        let list = |text: &str| {
            let names = text.split(',').map(without_filter).filter(|name| !name.is_empty());
            let read = |name: Cow<'_, str>| AttributePath::parse(&name, types).ok();
            names.filter_map(|name| Some(read(name)?.at_home(types))).collect::<Vec<_>>()
        };
        let own = types.common.iter().chain(&types.core.attributes);
        let always = own.filter(|attribute| attribute.returned == Returned::Always);
        Self {
            only: attributes.map(list),
            without: excluded.filter(|_| attributes.is_none()).map(list).unwrap_or_default(),
            always: always.map(|attribute| attribute.name).collect(),
        }
    }

    /// True if a core attribute, or any part of it, is to be returned.
    #[must_use]
    pub fn wants(&self, name: &str) -> bool {
        let names =
            |path: &AttributePath| path.urn.is_none() && path.name.eq_ignore_ascii_case(name);
        let is_excluded = |path: &AttributePath| names(path) && path.sub.is_none();
        self.only.as_ref().is_none_or(|only| only.iter().any(names))
            && !self.without.iter().any(is_excluded)
    }

    /// Whether `attributes` names this attribute of an extension, or the whole extension; `None` if
    /// the request has no `attributes`.
    #[must_use]
    pub fn asks_for(&self, urn: &str, name: &str) -> Option<bool> {
        let names = |path: &AttributePath| {
            let is_name = path.name.is_empty() || path.name.eq_ignore_ascii_case(name);
            path.urn == Some(urn) && is_name
        };
        self.only.as_ref().map(|only| only.iter().any(names))
    }

    /// True if the request restricts nothing.
    #[must_use]
    pub const fn is_everything(&self) -> bool {
        self.only.is_none() && self.without.is_empty()
    }

    /// The resource with only the attributes to return.
    #[must_use]
    pub fn apply(&self, resource: Map<String, Value>) -> Map<String, Value> {
        let mut shown = Map::new();
        for (name, value) in resource {
            let is_always = self.always.contains(&name.as_str());
            let value = match &self.only {
                _ if is_always => Some(value),
                Some(only) => select(only, &name, value),
                None => omit(&self.without, &name, value),
            };
            shown.extend(value.map(|value| (name, value)));
        }
        shown
    }
}

/// The name without a filter in brackets. Microsoft's clients ask for `emails[type eq "work"]` and
/// get all e-mail addresses.
fn without_filter(name: &str) -> Cow<'_, str> {
    match name.split_once('[') {
        Some((front, rest)) => {
            let behind = rest.rsplit_once(']').map_or("", |(_, behind)| behind);
            format!("{}{}", front.trim(), behind.trim()).into()
        }
        None => name.trim().into(),
    }
}

/// Descends one level by `name`: whether one of the paths ends there, and the rest of the others.
fn below(paths: &[AttributePath], name: &str) -> (bool, Vec<AttributePath>) {
    let (mut ends, mut further) = (false, Vec::new());
    for path in paths {
        let next = match (path.urn, &path.sub) {
            (Some(urn), _) if urn != name => continue,
            (Some(_), sub) => Some((path.name.clone(), sub.clone())).filter(|(n, _)| !n.is_empty()),
            (None, _) if !path.name.eq_ignore_ascii_case(name) => continue,
            (None, sub) => sub.clone().map(|sub| (sub, None)),
        };
        match next {
            None => ends = true,
            Some((name, sub)) => further.push(AttributePath { urn: None, name, sub }),
        }
    }
    (ends, further)
}

fn select(paths: &[AttributePath], name: &str, value: Value) -> Option<Value> {
    let (ends, further) = below(paths, name);
    if ends {
        return Some(value);
    }
    if further.is_empty() {
        return None;
    }
    Some(each_member(value, &|name, value| select(&further, name, value)))
        .filter(|value| !is_empty(value))
}

fn omit(paths: &[AttributePath], name: &str, value: Value) -> Option<Value> {
    let (ends, further) = below(paths, name);
    match (ends, further.is_empty()) {
        (true, _) => None,
        (false, true) => Some(value),
        (false, false) => Some(each_member(value, &|name, value| omit(&further, name, value)))
            .filter(|value| !is_empty(value)),
    }
}

/// Applies `choose` to the members of an object, or of each object in a list.
fn each_member(value: Value, choose: &impl Fn(&str, Value) -> Option<Value>) -> Value {
    match value {
        Value::Object(members) => {
            let chosen = members.into_iter().filter_map(|(name, value)| {
                let value = choose(&name, value)?;
                Some((name, value))
            });
            Value::Object(chosen.collect())
        }
        Value::Array(values) => {
            let chosen = values.into_iter().map(|value| each_member(value, choose));
            chosen.filter(|value| !is_empty(value)).collect()
        }
        simple => simple,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(values) => values.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::ENTERPRISE_SCHEMA;
    use crate::scim::schema::Limits;

    #[test]
    fn only_what_is_asked_for_is_left() {
        let types = ResourceType::user(&Limits::default());
        let user = json!({
            "schemas": ["s"], "id": "1", "userName": "a", "name": {"givenName": "A", "familyName": "B"},
            "emails": [{"value": "a", "type": "work"}],
            ENTERPRISE_SCHEMA: {"department": "D", "manager": {"value": "m", "displayName": "M"}},
        });
        let shown = |attributes: Option<&str>, excluded: Option<&str>| {
            let projection = Projection::parse(attributes, excluded, &types);
            let mut shown = Value::Object(projection.apply(user.as_object().unwrap().clone()));
            let members = shown.as_object_mut().unwrap();
            assert!(members.remove("schemas").is_some() && members.remove("id").is_some());
            shown
        };
        let manager = format!("{ENTERPRISE_SCHEMA}:manager.value");
        assert_eq!(shown(Some("USERNAME"), None), json!({"userName": "a"}));
        assert_eq!(shown(Some("id,nobody"), None), json!({}));
        assert_eq!(
            shown(Some("name.givenName, emails.value"), Some("userName")),
            json!({"name": {"givenName": "A"}, "emails": [{"value": "a"}]})
        );
        assert_eq!(
            shown(Some(&manager), None),
            json!({ENTERPRISE_SCHEMA: {"manager": {"value": "m"}}})
        );
        assert_eq!(
            shown(Some(ENTERPRISE_SCHEMA), None),
            json!({ENTERPRISE_SCHEMA: user[ENTERPRISE_SCHEMA]})
        );
        assert_eq!(
            shown(None, Some(&format!("id,schemas,name,emails.type,userName,{ENTERPRISE_SCHEMA}"))),
            json!({"emails": [{"value": "a"}]})
        );
        assert_eq!(shown(Some("Manager.value"), None), shown(Some(&manager), None));
        let work = Some("emails[type eq \"work\"].value");
        assert_eq!(shown(work, None), json!({"emails": [{"value": "a"}]}));
        assert_eq!(shown(Some("emails[type eq \"work\"]"), None)["emails"], user["emails"]);
        assert_eq!(shown(Some("emails.display"), None), json!({}), "nobody has one");
        assert_eq!(
            shown(Some("emails,name"), None)["emails"],
            json!([{"value": "a", "type": "work"}])
        );
        let names = "userName,emails,name.givenName,name.familyName";
        let left = shown(None, Some(&format!("{names},{ENTERPRISE_SCHEMA}")));
        assert_eq!(left, json!({}), "of what has no part left nothing is left");
        let wants =
            |attributes, excluded| Projection::parse(attributes, excluded, &types).wants("groups");
        assert!(wants(None, None) && wants(Some("groups.value"), None));
        assert!(!wants(Some("id"), None) && !wants(None, Some("groups")));
    }
}
