//! `GROUP_PROFILES`: what the members of groups get, as grants in the operator's order, which is
//! their precedence.

use std::fs;

use serde_json::{Map, Value};

use super::lists::ordered;
use super::{Setting, SettingReader, UNTOLD, quote};
use crate::assign::instance::{Instance, Resource, ResourceRef};
use crate::assign::permissions::{Grant, GroupGrant, MAX_SECURITY_PROFILES};
use crate::json::{describe, member};

/// The variable.
pub(super) static GROUPS_SETTING: Setting = Setting {
    name: "GROUP_PROFILES",
    default: "",
    find: "the ids or names of the identity provider's groups; profiles and groups as for \
           ROUTING_PROFILE, SECURITY_PROFILES and HIERARCHY_GROUP",
};

/// The former name of the variable, which is still read. Bash has a variable of this name of its
/// own and drops what is assigned to it ("Bash Variables", Bash Reference Manual).
pub(super) const OLD_NAME: &str = "GROUPS";

impl SettingReader<'_> {
    /// Reads the grants, by whichever of the two names is set; `@path` reads them from a file.
    pub(super) fn groups(&mut self, instance: Option<&Instance>) -> Option<Vec<GroupGrant>> {
        let name = match (self.value(GROUPS_SETTING.name), self.value(OLD_NAME)) {
            (Some(new), Some(old)) if new != old => {
                let problem =
                    format!("expected it or {}, found both, and they differ", GROUPS_SETTING.name);
                self.problem(OLD_NAME, problem, "unset it: it is what the other was called once");
                return None;
            }
            (None, Some(_)) => OLD_NAME,
            _ => GROUPS_SETTING.name,
        };
        self.optional(name, |text| match text.strip_prefix('@') {
            None => groups(text, instance),
            Some(path) => {
                // Not quoted as a whole any more.
                let wrong = |problem: String| format!("{path}: {problem}");
                let text = fs::read_to_string(path).map_err(|error| {
                    wrong(format!("expected a file to read, found none: {error}"))
                })?;
                groups(text.trim_start_matches('\u{feff}'), instance)
                    .map_err(|problem| wrong(problem.replace(UNTOLD, "another")))
            }
        })
    }
}

/// The members of a grant, of which one must be there.
const MEMBERS: [&str; 3] = ["routingProfile", "securityProfiles", "hierarchyGroup"];

/// The members that say which group is meant, whatever it is called.
const IDS: [&str; 2] = ["externalId", "id"];

/// `{"group": {"externalId": "…", "routingProfile": "…", "securityProfiles": ["…"],
/// "hierarchyGroup": "…"}}`. A problem names the group by its place and its name.
pub(super) fn groups(text: &str, instance: Option<&Instance>) -> Result<Vec<GroupGrant>, String> {
    let groups = ordered(text)?.into_iter().enumerate().map(|(place, (name, value))| {
        let place = place.saturating_add(1);
        if name.trim().is_empty() {
            return Err(format!("group {place}: expected a name, found an empty one"));
        }
        match group(&name, &value, instance) {
            Ok(group) => Ok(group),
            Err(problem) => Err(format!("group {place}, {}: {problem}", quote(&name))),
        }
    });
    let groups = groups.collect::<Result<Vec<GroupGrant>, String>>()?;
    // Two of one id would be one group with two grants, of which one was meant for another.
    for (place, group) in groups.iter().enumerate().filter(|(_, group)| !group.is_by_name()) {
        let (external_id, id) = (&group.external_id, &group.id);
        let is_twin = |other: &GroupGrant| (&other.external_id, &other.id) == (external_id, id);
        if let Some(other) = groups.iter().take(place).find(|other| is_twin(other)) {
            let names = [quote(&other.name), quote(&group.name)].join(" and ");
            return Err(format!("{names}: expected a group each, found the same id in both"));
        }
    }
    Ok(groups)
}

/// One group and its grant: at least one member, and none that is not known, since a mistyped one
/// would silently give nothing.
fn group(name: &str, value: &Value, instance: Option<&Instance>) -> Result<GroupGrant, String> {
    let Value::Object(members) = value else {
        return Err(format!("expected an object, found {}", describe(value)));
    };
    let known = [IDS.as_slice(), MEMBERS.as_slice()].concat();
    if !members.keys().all(|name| known.iter().any(|own| own.eq_ignore_ascii_case(name))) {
        let known = known.join(", ");
        return Err(format!("expected no members but {known}, found another"));
    }
    let id = |name: &str| match member(members, name) {
        None => Ok(None),
        Some(Value::String(id)) if !id.trim().is_empty() => Ok(Some(id.clone())),
        Some(Value::String(_)) => Err(format!("{name}: expected the group's, found an empty text")),
        Some(other) => Err(format!("{name}: expected a string, found {}", describe(other))),
    };
    let (external_id, id) = (id("externalId")?, id("id")?);
    let grant = grant(members, instance)?;
    Ok(GroupGrant { name: name.to_owned(), external_id, id, grant })
}

fn grant(members: &Map<String, Value>, instance: Option<&Instance>) -> Result<Grant, String> {
    let one = |name: &str, kind: Resource| {
        member(members, name).map(|value| reference(name, value, kind, instance)).transpose()
    };
    let grant = Grant {
        routing_profile: one("routingProfile", Resource::RoutingProfile)?,
        security_profiles: security_profiles(members, instance)?,
        hierarchy_group: one("hierarchyGroup", Resource::HierarchyGroup)?,
    };
    if grant == Grant::default() {
        return Err(format!("expected at least one of {}, found none", MEMBERS.join(", ")));
    }
    Ok(grant)
}

/// 1 to 10 security profiles, as a list or a single text.
fn security_profiles(
    members: &Map<String, Value>,
    instance: Option<&Instance>,
) -> Result<Vec<ResourceRef>, String> {
    const NAME: &str = "securityProfiles";
    let values = match member(members, NAME) {
        None => return Ok(Vec::new()),
        Some(Value::Array(values)) => values.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    let mut profiles = Vec::new();
    for value in values {
        let profile = reference(NAME, value, Resource::SecurityProfile, instance)?;
        if !profiles.contains(&profile) {
            profiles.push(profile);
        }
    }
    if !(1..=MAX_SECURITY_PROFILES).contains(&profiles.len()) {
        let found = profiles.len();
        return Err(format!("{NAME}: expected 1 to {MAX_SECURITY_PROFILES}, found {found}"));
    }
    Ok(profiles)
}

/// A profile or group by name or ARN. The problem quotes it: names of profiles are no secrets.
fn reference(
    name: &str,
    value: &Value,
    kind: Resource,
    instance: Option<&Instance>,
) -> Result<ResourceRef, String> {
    let Value::String(text) = value else {
        return Err(format!("{name}: expected a string, found {}", describe(value)));
    };
    kind.reference(text, instance).map_err(|problem| {
        let expected = problem.strip_suffix(UNTOLD);
        let problem =
            expected.map_or(problem.clone(), |expected| format!("{expected}{}", quote(text)));
        format!("{name}: {problem}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn name(name: &str) -> ResourceRef {
        ResourceRef::Name(name.to_owned())
    }

    #[test]
    fn groups_stand_in_the_operators_order() {
        let text = r#"{
            "Zulu": {"routingProfile": "Basic", "hierarchyGroup": "EMEA"},
            "Alpha": {"externalId": "7f3c", "securityProfiles": ["Agent", "Admin", "Agent"]},
            "Mike": {"SecurityProfiles": "Agent, really", "routingProfile": null}}"#;
        let first = Grant {
            routing_profile: Some(name("Basic")),
            hierarchy_group: Some(name("EMEA")),
            ..Grant::default()
        };
        let profiles = |profiles: &[&str]| Grant {
            security_profiles: profiles.iter().map(|profile| name(profile)).collect(),
            ..Grant::default()
        };
        let group = |name: &str, external_id: Option<&str>, grant| GroupGrant {
            name: name.to_owned(),
            external_id: external_id.map(str::to_owned),
            id: None,
            grant,
        };
        assert_eq!(
            groups(text, None).unwrap(),
            [
                group("Zulu", None, first),
                group("Alpha", Some("7f3c"), profiles(&["Agent", "Admin"])),
                group("Mike", None, profiles(&["Agent, really"])),
            ]
        );
        assert_eq!(groups("{}", None).unwrap(), []);
        let twins = r#"{"a": {"externalId": "x", "hierarchyGroup": "b"},
            "c": {"externalId": "x", "hierarchyGroup": "d"}}"#;
        let told = "\"a\" and \"c\": expected a group each, found the same id in both";
        assert_eq!(groups(twins, None).unwrap_err(), told);
    }

    #[test]
    fn what_grants_nothing_or_something_else_is_a_problem() {
        let eleven: Vec<String> = (0..11).map(|number| format!("profile {number}")).collect();
        for (grant, problem) in [
            (json!({}), "group 2: expected at least one of routingProfile,"),
            (json!({"externalId": "x"}), "group 2: expected at least one of routingProfile,"),
            (
                json!({"externalId": " "}),
                "group 2: externalId: expected the group's, found an empty",
            ),
            (json!({"id": 7}), "group 2: id: expected a string, found a number"),
            (json!({"routingProfile": null}), "group 2: expected at least one of"),
            (json!("Basic"), "group 2: expected an object, found a string"),
            (json!({"role": "Basic"}), "group 2: expected no members but"),
            (json!({"routingProfile": ["Basic"]}), "group 2: routingProfile: expected a string"),
            (
                json!({"routingProfile": ""}),
                "group 2: routingProfile: expected a routing profile's",
            ),
            (json!({"hierarchyGroup": 7}), "group 2: hierarchyGroup: expected a string, found a n"),
            (
                json!({"securityProfiles": []}),
                "group 2: securityProfiles: expected 1 to 10, found 0",
            ),
            (json!({"securityProfiles": [7]}), "group 2: securityProfiles: expected a string"),
            (json!({"securityProfiles": eleven}), "group 2: securityProfiles: expected 1 to 10, f"),
        ] {
            let text = format!(r#"{{"First": {{"hierarchyGroup": "EMEA"}}, "Second": {grant}}}"#);
            let told = groups(&text, None).unwrap_err();
            let problem = problem.replace("group 2:", "group 2, \"Second\":");
            assert!(told.starts_with(&problem), "{told}");
        }
        let unnamed = r#"{" ": {"hierarchyGroup": "EMEA"}}"#;
        assert_eq!(
            groups(unnamed, None).unwrap_err(),
            "group 1: expected a name, found an empty one"
        );
        let doubled = r#"{"a": {"hierarchyGroup": "b"}, "A": {"hierarchyGroup": "b"}}"#;
        assert!(groups(doubled, None).unwrap_err().contains("found one twice"));
    }
}
