//! Equality of elements, elements without a value, limits, and the schema of an attribute.

use super::*;

#[test]
fn values_are_the_same_if_their_attribute_says_so() {
    let known = json!({
        "userName": "ana",
        "emails": [{"value": "Ana@X", "type": "Work", "display": "D"}, {"value": "h@x", "type": "home"}],
        "roles": [{"value": "Agent"}],
        "addresses": [{"type": "work", "locality": "Madrid"}],
        "x509Certificates": [{"value": "AbC"}],
    });
    let home = json!({"value": "h@x", "type": "home"});
    for (op, pointer, left) in [
        (json!({"op": "remove", "path": "emails", "value": "ANA@x"}), "/emails", json!([home])),
        (
            json!({"op": "remove", "path": "emails", "value": [{"value": "ana@x", "type": "work"}]}),
            "/emails",
            json!([home]),
        ),
        (json!({"op": "remove", "path": "emails[value eq \"ana@x\"]"}), "/emails", json!([home])),
        (
            json!({"op": "remove", "path": "emails", "value": [{"type": "WORK"}]}),
            "/emails",
            json!([home]),
        ),
        (
            json!({"op": "remove", "path": "emails.display", "value": "d"}),
            "/emails/0",
            json!({"value": "Ana@X", "type": "Work"}),
        ),
        (
            json!({"op": "add", "path": "emails", "value": [{"value": "ana@x", "type": "work"}]}),
            "/emails",
            json!([{"value": "ana@x", "type": "work", "display": "D"}, home]),
        ),
        (
            json!({"op": "add", "path": "roles", "value": "AGENT"}),
            "/roles",
            json!([{"value": "AGENT"}]),
        ),
        (json!({"op": "remove", "path": "roles", "value": "AGENT"}), "/roles", json!(null)),
        (
            json!({"op": "remove", "path": "addresses", "value": [{"locality": "MADRID"}]}),
            "/addresses",
            json!(null),
        ),
        (
            json!({"op": "remove", "path": "x509Certificates", "value": "aBc"}),
            "/x509Certificates",
            json!([{"value": "AbC"}]),
        ),
    ] {
        let then = patched(&known, &json!([op]));
        assert_eq!(then.pointer(pointer).cloned().unwrap_or_default(), left, "{op}");
    }
}

#[test]
fn what_only_says_what_it_is_for_is_no_value() {
    for value in [json!([{"type": "work", "value": "", "display": "W"}]), json!({"type": "other"})]
    {
        for op in ["add", "replace"] {
            let then = changed(&json!([{"op": op, "path": "emails", "value": value}]), "/emails");
            let left = if op == "add" { ana()["emails"].clone() } else { Value::Null };
            assert_eq!(then, left, "{op} {value}");
        }
    }
    let part = |sub: &str, value: &str| json!({"op": "Add", "path": format!("emails[type eq \"other\"].{sub}"), "value": value});
    let parts = json!([part("primary", "True"), part("type", "other"), part("value", "o@x")]);
    let other = json!({"primary": true, "type": "other", "value": "o@x"});
    assert_eq!(changed(&parts, "/emails/2"), other);
    let label = json!([part("primary", "True"), part("type", "other")]);
    assert_eq!(patched(&ana(), &label), ana(), "and no other value is preferred less");
    let shells = json!({"userName": "ana", "emails": [{"type": "fax"}, {"value": "a@x"}]});
    let title = json!([{"op": "add", "path": "title", "value": "T"}]);
    assert_eq!(
        patched(&shells, &title)["emails"],
        shells["emails"],
        "what was there is left alone"
    );
}

#[test]
fn an_attribute_of_a_user_has_a_thousand_values_and_no_more() {
    let emails = |from: usize, to: usize| {
        (from..to).map(|number| json!({"value": format!("{number}@x")})).collect::<Value>()
    };
    let known = |count| json!({"userName": "ana", "emails": emails(0, count)});
    let add = |known: &Value, from, to| {
        let ops = json!([{"op": "add", "path": "emails", "value": emails(from, to)}]);
        patched_by(&users(), known, &ops, false).map_err(|fault| fault.kind)
    };
    assert!(add(&known(0), 0, 1000).is_ok());
    assert_eq!(add(&known(0), 0, 1001), Err(Kind::InvalidValue));
    assert_eq!(add(&known(999), 999, 1001), Err(Kind::InvalidValue));
    assert!(add(&known(999), 998, 1000).is_ok());
    let remove = json!([{"op": "remove", "path": "emails", "value": "7@x"}]);
    let fewer = patched(&known(2000), &remove);
    assert_eq!(fewer["emails"].as_array().unwrap().len(), 1999, "there may be fewer of too many");
}

#[test]
fn what_has_a_name_of_its_own_is_found_without_its_urn() {
    let limits = Limits { routing_profiles: vec!["Sales".to_owned()], ..Limits::default() };
    let types = ResourceType::user(&limits);
    for (op, urn, attribute, left) in [
        (
            json!({"op": "add", "path": "department", "value": "X"}),
            ENTERPRISE_SCHEMA,
            "department",
            json!("X"),
        ),
        (
            json!({"op": "add", "value": {"DEPARTMENT": "X"}}),
            ENTERPRISE_SCHEMA,
            "department",
            json!("X"),
        ),
        (
            json!({"op": "remove", "path": "department"}),
            ENTERPRISE_SCHEMA,
            "department",
            json!(null),
        ),
        (
            json!({"op": "replace", "path": "manager.value", "value": "n"}),
            ENTERPRISE_SCHEMA,
            "manager",
            json!({"value": "n", "displayName": "M"}),
        ),
        (
            json!({"op": "replace", "value": {ENTERPRISE_SCHEMA: {"manager.value": "n"}}}),
            ENTERPRISE_SCHEMA,
            "manager",
            json!({"value": "n", "displayName": "M"}),
        ),
        (
            json!({"op": "remove", "path": ENTERPRISE_SCHEMA, "value": {"manager": "m"}}),
            ENTERPRISE_SCHEMA,
            "department",
            json!("D"),
        ),
        (
            json!({"op": "add", "path": "routingProfile", "value": "Sales"}),
            CONNECT_SCHEMA,
            "routingProfile",
            json!("Sales"),
        ),
        (
            json!({"op": "add", "path": "phone.autoAccept", "value": "True"}),
            CONNECT_SCHEMA,
            "phone",
            json!({"autoAccept": true}),
        ),
    ] {
        let then = patched_by(&types, &ana(), &json!([op]), false).unwrap();
        assert_eq!(then[urn][attribute], left, "{op}");
        let strictly = patched_by(&types, &ana(), &json!([op]), true);
        assert_eq!(strictly.is_ok(), op.to_string().contains(ENTERPRISE_SCHEMA), "{op}");
    }
    let title = patched(&ana(), &json!([{"op": "add", "path": "title", "value": "T"}]));
    assert_eq!(title["title"], "T", "the core schema's own");
}

#[test]
fn a_removal_from_a_list_of_texts_and_a_change_of_one_reach_our_extension() {
    let limits = Limits { security_profiles: vec!["Agent".to_owned()], ..Limits::default() };
    let types = ResourceType::user(&limits);
    let known = json!({"userName": "a", CONNECT_SCHEMA: {"securityProfiles": ["Agent", "Lead"]}});
    for (op, left) in [
        (
            json!({"op": "replace", "path": "securityProfiles[value eq 'Lead']", "value": "Boss"}),
            json!(["Agent", "Boss"]),
        ),
        (json!({"op": "remove", "path": "securityProfiles[value eq 'Lead']"}), json!(["Agent"])),
        (
            json!({"op": "remove", "path": "securityProfiles", "value": "[\"Lead\"]"}),
            json!(["Agent"]),
        ),
        (json!({"op": "replace", "path": "securityProfiles", "value": ["Lead"]}), json!(["Lead"])),
    ] {
        let then = patched_by(&types, &known, &json!([op]), false).unwrap();
        assert_eq!(then[CONNECT_SCHEMA]["securityProfiles"], left, "{op}");
    }
    for op in [
        json!({"op": "replace", "path": "securityProfiles[display eq 'Lead']", "value": "Boss"}),
        json!({"op": "replace", "path": "securityProfiles[value eq 'None']", "value": "Boss"}),
        json!({"op": "replace", "path": "securityProfiles.name", "value": "Boss"}),
        json!({"op": "replace", "path": "securityProfiles", "value": "[Lead]"}),
        json!({"op": "add", "path": format!("{CONNECT_SCHEMA}:securityProfile"), "value": "Lead"}),
        json!({"op": "add", "path": CONNECT_SCHEMA, "value": {"SecurityProfile": "Lead"}}),
        json!({"op": "add", "path": "phone.auto", "value": true}),
        json!({"op": "add", "path": "phone", "value": {"auto": true, "autoAccept": true}}),
        json!({"op": "add", "path": "manager", "value": {"value": ["m", "n"]}}),
        json!({"op": "add", "path": "name.active", "value": false}),
    ] {
        assert!(patched_by(&types, &known, &json!([op]), false).is_err(), "{op}");
    }
}
