use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::scim::resource::take;
use crate::scim::schema::Limits;
use crate::scim::{CONNECT_SCHEMA, ENTERPRISE_SCHEMA};

const MANAGER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";

fn users() -> ResourceType {
    ResourceType::user(&Limits::default())
}

fn patched_by(
    types: &ResourceType,
    known: &Value,
    ops: &Value,
    strict: bool,
) -> Result<Value, Fault> {
    let body = json!({"schemas": [SCHEMA], "Operations": ops});
    let operations = read(body.as_object().unwrap(), types, strict)?;
    apply(types, known.as_object().unwrap(), &operations, strict).map(Value::Object)
}

fn patched(known: &Value, ops: &Value) -> Value {
    patched_by(&users(), known, ops, false).unwrap()
}

fn ana() -> Value {
    json!({
        "userName": "ana", "active": true, "displayName": "Ana",
        "name": {"givenName": "Ana", "familyName": "Ruiz"},
        "emails": [{"value": "a@x", "type": "work", "primary": true}, {"value": "h@x", "type": "home"}],
        ENTERPRISE_SCHEMA: {"department": "D", "manager": {"value": "m", "displayName": "M"}},
    })
}

/// The value at a pointer after these operations on `ana()`; null if there is none.
fn changed(ops: &Value, pointer: &str) -> Value {
    patched(&ana(), ops).pointer(pointer).cloned().unwrap_or_default()
}

#[test]
fn operations_are_named_in_any_case_and_booleans_may_be_texts() {
    for op in ["replace", "Replace", "REPLACE", "add", "Add"] {
        for value in [json!("False"), json!("false"), json!(false)] {
            let ops = json!([{"op": op, "path": "active", "value": value}]);
            assert_eq!(changed(&ops, "/active"), json!(false));
        }
    }
}

#[test]
fn a_value_that_a_filter_does_not_find_is_made_and_later_operations_meet_it() {
    let ops = json!([
        {"op": "Add", "path": "addresses[type eq \"work\"].country", "value": "ES"},
        {"op": "Add", "path": "addresses[type eq \"work\"].locality", "value": "Madrid"},
        {"op": "Replace", "path": "roles[primary eq \"True\"].value", "value": "Agent"},
    ]);
    let ana = patched(&ana(), &ops);
    assert_eq!(ana["addresses"], json!([{"type": "work", "country": "ES", "locality": "Madrid"}]));
    assert_eq!(ana["roles"], json!([{"primary": true, "value": "Agent"}]));
    let found =
        json!([{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "b@x"}]);
    assert_eq!(
        changed(&found, "/emails/0"),
        json!({"value": "b@x", "type": "work", "primary": true})
    );
    assert_eq!(changed(&found, "/emails/1/value"), "h@x");
}

#[test]
fn without_a_path_each_name_is_one() {
    let number = format!("{ENTERPRISE_SCHEMA}:employeeNumber");
    let ops = json!([{"op": "replace", "value": {
        "id": "foreign", "displayName": "A", "name.familyName": "Gil", number: "1", "shoe": 1,
        ENTERPRISE_SCHEMA: {"division": "X"}, "nickName": "",
    }}]);
    let ana = patched(&ana(), &ops);
    assert_eq!(ana["displayName"], "A");
    assert_eq!(ana["name"], json!({"givenName": "Ana", "familyName": "Gil"}));
    assert_eq!(ana[ENTERPRISE_SCHEMA]["employeeNumber"], "1");
    assert_eq!(ana[ENTERPRISE_SCHEMA]["division"], "X");
    assert_eq!(ana[ENTERPRISE_SCHEMA]["department"], "D");
    assert_eq!((&ana["id"], &ana["shoe"]), (&Value::Null, &Value::Null));
}

#[test]
fn a_removal_with_a_list_takes_away_just_that() {
    let group =
        json!({"displayName": "G", "members": [{"value": "a"}, {"value": "b"}, {"value": "c"}]});
    let groups = ResourceType::group();
    let members = |ops: Value| {
        let group = patched_by(&groups, &group, &ops, false).unwrap();
        let members = group["members"].as_array().cloned().unwrap_or_default();
        members.iter().map(|it| it["value"].as_str().unwrap().to_owned()).collect::<String>()
    };
    let path = "members";
    for (op, left) in [
        (json!({"op": "Remove", "path": path, "value": [{"$ref": null, "value": "a"}]}), "bc"),
        (json!({"op": "remove", "path": path, "value": {"value": "a"}}), "bc"),
        (json!({"op": "remove", "path": path, "value": ["a", "c"]}), "b"),
        (json!({"op": "remove", "path": path, "value": {"members": [{"value": "b"}]}}), "ac"),
        (json!({"op": "remove", "path": path}), ""),
        (json!({"op": "remove", "path": path, "value": []}), "abc"),
        (json!({"op": "remove", "path": "members[value eq \"b\"]"}), "ac"),
        (json!({"op": "remove", "path": "members[value eq \"x\"]"}), "abc"),
        (json!({"op": "replace", "path": path, "value": []}), ""),
        (json!({"op": "replace", "path": path, "value": [{"value": "z"}, {"value": "z"}]}), "z"),
        (json!({"op": "replace", "value": {"id": "g", "displayName": "G", "members": []}}), ""),
        (json!({"op": "Add", "path": path, "value": [{"value": "a"}, {"value": "d"}]}), "abcd"),
        (json!({"op": "add", "value": {"members": [{"value": "d"}]}}), "abcd"),
        (json!({"op": "add", "path": path, "value": []}), "abc"),
        (json!({"op": "add", "path": path, "value": [{"value": "b", "display": "B"}]}), "abc"),
        (json!({"op": "remove", "path": "members.value", "value": "b"}), "ac"),
        (json!({"op": "remove", "path": "members.$ref", "value": ["/Users/b", "/Users/c"]}), "a"),
        (json!({"op": "remove", "path": path, "value": "[{\"value\":\"a\"}]"}), "bc"),
        (json!({"op": "replace", "path": path, "value": "[]"}), ""),
        (json!({"op": "add", "path": path, "value": [{"value": "A"}]}), "abcA"),
        (json!({"op": "remove", "path": path, "value": [{"value": "A"}]}), "abc"),
        (json!({"op": "remove", "path": "members[value eq \"a\"].value"}), "bc"),
        (json!({"op": "remove", "path": "members.display"}), "abc"),
    ] {
        assert_eq!(members(json!([op])), left, "{op}");
    }
    let refused = |op: Value| patched_by(&groups, &group, &json!([op]), false).unwrap_err().kind;
    for value in [
        json!({"foo": 1}),
        json!([{"foo": 1}]),
        json!({}),
        json!([{"value": "a"}, {}]),
        json!([null]),
        json!(""),
        json!([{"value": "a"}, {"value": ""}]),
        json!([{"display": "Ana"}]),
        json!({"a": {"display": "Ana"}}),
        json!("[{\"value\""),
        json!("null"),
        json!(7),
        json!(false),
    ] {
        for op in ["add", "remove", "replace"] {
            let op = json!({"op": op, "path": path, "value": value});
            assert_eq!(refused(op.clone()), Kind::InvalidValue, "{op}");
        }
    }
    assert_eq!(refused(json!({"op": "replace", "path": path})), Kind::InvalidValue);
    for part in ["members.value", "members.$ref"] {
        let op = json!({"op": "remove", "path": part, "value": ""});
        assert_eq!(refused(op), Kind::InvalidValue, "{part}");
    }
    for filter in ["$ref eq \"nowhere\"", "$ref pr", "foo eq \"a\"", "value eq ‘a’", "value eq 'a"]
    {
        let op = json!({"op": "remove", "path": format!("members[{filter}]")});
        assert!([Kind::InvalidFilter, Kind::InvalidPath].contains(&refused(op)), "{filter}");
    }
    for part in ["members.$ref", "members[value eq \"a\"].$ref"] {
        assert_eq!(refused(json!({"op": "remove", "path": part})), Kind::Mutability, "{part}");
    }
    let op = json!({"op": "replace", "path": "members[value eq \"a\"]", "value": {"id": "z"}});
    assert_eq!(refused(op), Kind::InvalidValue);
    for path in ["members.value", "members[value eq \"a\"].value"] {
        for value in [json!("z"), json!(null)] {
            let op = json!({"op": "replace", "path": path, "value": value});
            assert_eq!(refused(op), Kind::Mutability, "{path}");
        }
    }
}

#[test]
fn a_change_of_one_value_leaves_the_others_alone() {
    let numbers = json!([
        {"type": "home", "display": "At home"},
        {"type": "work", "value": "1", "display": "At work"},
        {"type": "fax", "primary": true},
    ]);
    let known = json!({"userName": "ana", "phoneNumbers": numbers});
    let work = "phoneNumbers[type eq \"work\"]";
    for (op, pointer, expected) in [
        (
            json!({"op": "remove", "path": format!("{work}.display")}),
            "/phoneNumbers/1",
            json!({"type": "work", "value": "1"}),
        ),
        (
            json!({"op": "replace", "path": format!("{work}.value"), "value": "2"}),
            "/phoneNumbers/1/value",
            json!("2"),
        ),
        (
            json!({"op": "remove", "path": "phoneNumbers.value"}),
            "/phoneNumbers/1/type",
            json!("fax"),
        ),
    ] {
        let changed = patched(&known, &json!([op]));
        assert_eq!(changed.pointer(pointer), Some(&expected), "{op}");
        let kept = changed["phoneNumbers"].as_array().unwrap();
        assert!(kept.contains(&numbers[0]) && kept.contains(&numbers[2]), "{op}");
    }
}

#[test]
fn a_manager_is_a_text_an_object_or_a_list_and_is_cleared_by_nothing() {
    for (value, manager) in [
        (json!("n"), json!({"value": "n"})),
        (json!({"value": "n"}), json!({"value": "n"})),
        (
            json!([{"$ref": "../Users/n", "value": "n"}]),
            json!({"$ref": "../Users/n", "value": "n"}),
        ),
        (json!({"displayName": "N"}), json!({"value": "m", "displayName": "N"})),
        (json!(""), Value::Null),
        (json!(null), Value::Null),
        (json!({"value": ""}), Value::Null),
    ] {
        for op in ["Add", "Replace"] {
            let ops = json!([{"op": op, "path": MANAGER, "value": value}]);
            assert_eq!(
                patched(&ana(), &ops)[ENTERPRISE_SCHEMA]["manager"],
                manager,
                "{op} {value}"
            );
        }
    }
    let part = json!([{"op": "remove", "path": format!("{MANAGER}.displayName")}]);
    assert_eq!(patched(&ana(), &part)[ENTERPRISE_SCHEMA]["manager"], json!({"value": "m"}));
    let all = json!([{"op": "remove", "path": ENTERPRISE_SCHEMA}]);
    assert_eq!(patched(&ana(), &all)[ENTERPRISE_SCHEMA], Value::Null);
}

#[test]
fn null_and_nothing_clear() {
    for value in [json!(null), json!("")] {
        let ops = json!([
            {"op": "replace", "path": "displayName", "value": value},
            {"op": "replace", "path": "emails[type eq \"home\"].value", "value": value},
            {"op": "replace", "path": "name.givenName", "value": value},
        ]);
        let ana = patched(&ana(), &ops);
        assert_eq!(ana["displayName"], Value::Null);
        assert_eq!(ana["emails"].as_array().unwrap().len(), 1);
        assert_eq!(ana["name"], json!({"familyName": "Ruiz"}));
    }
}

#[test]
fn a_part_that_is_cleared_leaves_the_others() {
    for nothing in [json!(null), json!(""), json!([])] {
        for op in ["add", "replace"] {
            let name = json!({"givenName": nothing});
            for ops in [
                json!([{"op": op, "path": "name", "value": name}]),
                json!([{"op": op, "value": {"name": name}}]),
            ] {
                assert_eq!(changed(&ops, "/name"), json!({"familyName": "Ruiz"}), "{ops}");
            }
            let both = json!({"givenName": nothing, "familyName": "Gil"});
            let both = json!([{"op": op, "path": "name", "value": both}]);
            assert_eq!(changed(&both, "/name"), json!({"familyName": "Gil"}));
            let manager = json!([{"op": op, "path": MANAGER, "value": {"displayName": nothing}}]);
            let manager = &patched(&ana(), &manager)[ENTERPRISE_SCHEMA]["manager"];
            assert_eq!(*manager, json!({"value": "m"}));
            let path = "emails[type eq \"home\"]";
            let email = json!([{"op": op, "path": path, "value": {"display": nothing}}]);
            assert_eq!(changed(&email, "/emails/1"), json!({"value": "h@x", "type": "home"}));
            let email = json!([{"op": op, "path": path, "value": {"value": nothing}}]);
            assert_eq!(changed(&email, "/emails/1"), Value::Null);
            let path = ENTERPRISE_SCHEMA;
            let extension = json!([{"op": op, "path": path, "value": {"department": nothing}}]);
            let extension = &patched(&ana(), &extension)[ENTERPRISE_SCHEMA];
            assert_eq!(extension["manager"], json!({"value": "m", "displayName": "M"}));
            assert_eq!(extension["department"], Value::Null);
        }
    }
    let nothing_said = json!([{"op": "replace", "value": {"name": {}}}]);
    assert_eq!(patched(&ana(), &nothing_said), ana());
}

#[test]
fn of_one_value_and_type_there_is_one() {
    let work = json!({"value": "a@x", "type": "work", "primary": true});
    let home = json!({"value": "h@x", "type": "home"});
    for (add, emails) in [
        (json!([{"value": "a@x", "type": "work"}]), json!([work, home])),
        (json!({"value": "h@x", "type": "home"}), json!([work, home])),
        (json!("h@x"), json!([work, home])),
        (
            json!([{"value": "h@x", "display": "At home"}]),
            json!([work, {"value": "h@x", "type": "home", "display": "At home"}]),
        ),
        (
            json!([{"value": "h@x", "type": "home", "primary": true}]),
            json!([
                {"value": "a@x", "type": "work", "primary": false},
                {"value": "h@x", "type": "home", "primary": true},
            ]),
        ),
        (
            json!([{"value": "a@x", "type": "home"}, {"value": "a@x", "type": "home"}]),
            json!([work, {"value": "a@x", "type": "home"}]),
        ),
        (
            json!([{"value": "n@x", "type": "Work"}, {"value": "o@x", "type": "other"}]),
            json!([
                {"value": "n@x", "type": "Work", "primary": true}, home,
                {"value": "o@x", "type": "other"},
            ]),
        ),
    ] {
        let ops = json!([{"op": "add", "path": "emails", "value": add}]);
        assert_eq!(changed(&ops, "/emails"), emails, "{add}");
        let ops = json!([{"op": "add", "value": {"emails": add}}]);
        assert_eq!(changed(&ops, "/emails"), emails, "{add}");
    }
    let path = "emails[type eq \"home\" and primary eq true].value";
    let made = json!([{"op": "Add", "path": path, "value": "n@x"}]);
    let expected = json!([
        {"value": "a@x", "type": "work", "primary": false},
        {"value": "n@x", "type": "home", "primary": true},
    ]);
    assert_eq!(changed(&made, "/emails"), expected);
    let second =
        json!([{"op": "add", "path": "emails", "value": [{"value": "b@x", "type": "home"}]}]);
    let strictly = patched_by(&users(), &ana(), &second, true).unwrap();
    assert_eq!(strictly["emails"], json!([work, home, {"value": "b@x", "type": "home"}]));
}

#[test]
fn an_address_of_no_type_is_another_address() {
    let work = json!({"type": "work", "streetAddress": "A 1", "country": "ES"});
    let known = json!({"userName": "ana", "addresses": [work]});
    let add = |value: Value| {
        let ops = json!([{"op": "add", "path": "addresses", "value": value}]);
        patched(&known, &ops)["addresses"].clone()
    };
    let plain = json!({"streetAddress": "B 2"});
    assert_eq!(add(json!([plain])), json!([work, plain]));
    assert_eq!(add(json!([plain, plain])), json!([work, plain]));
    assert_eq!(add(work.clone()), json!([work]));
    let moved = json!({"type": "work", "streetAddress": "B 2", "country": "ES"});
    assert_eq!(add(json!({"type": "work", "streetAddress": "B 2"})), json!([moved]));
}

#[test]
fn a_value_may_be_wrapped_as_entra_id_wraps_it() {
    for (path, value, pointer, expected) in [
        ("displayName", json!([{"$ref": null, "value": "X"}]), "/displayName", json!("X")),
        ("active", json!([{"value": "False"}]), "/active", json!(false)),
        (
            "emails[type eq \"work\"].value",
            json!([{"value": "n@x"}]),
            "/emails/0/value",
            json!("n@x"),
        ),
    ] {
        let ops = json!([{"op": "Replace", "path": path, "value": value}]);
        assert_eq!(changed(&ops, pointer), expected, "{path}");
        assert!(patched_by(&users(), &ana(), &ops, true).is_err(), "{path}");
    }
    let limits = Limits { security_profiles: vec!["Agent".to_owned()], ..Limits::default() };
    let path = format!("{CONNECT_SCHEMA}:securityProfiles");
    let ops =
        json!([{"op": "Add", "path": path, "value": [{"value": "Agent"}, {"value": "Lead"}]}]);
    let kept = patched_by(&ResourceType::user(&limits), &ana(), &ops, false).unwrap();
    assert_eq!(kept[CONNECT_SCHEMA]["securityProfiles"], json!(["Agent", "Lead"]));
}

#[test]
fn a_preferred_value_is_preferred_to_all_others() {
    for ops in [
        json!([{"op": "add", "path": "emails", "value": [{"value": "n@x", "primary": true}]}]),
        json!([{"op": "replace", "path": "emails[type eq \"home\"].primary", "value": "True"}]),
    ] {
        let ana = patched(&ana(), &ops);
        let emails = ana["emails"].as_array().unwrap();
        assert_eq!(emails.iter().filter(|email| email["primary"] == true).count(), 1);
        assert_eq!(emails[0]["primary"], false);
    }
}

#[test]
fn adding_what_is_there_changes_nothing() {
    for ops in [
        json!([{"op": "add", "path": "emails", "value": [{"value": "h@x", "type": "home"}]}]),
        json!([{"op": "add", "path": "userName", "value": "ana"}]),
        json!([{"op": "add", "value": {"name": {"givenName": "Ana"}}}]),
        json!([{"op": "replace", "path": "shoe", "value": 1}]),
        json!([{"op": "add", "path": "urn:x:y:z", "value": 1}]),
        json!([{"op": "replace", "path": "id", "value": "x"}, {"op": "remove", "path": "groups"}]),
        json!([{"op": "remove", "path": "nickName"}, {"op": "remove", "path": "roles.value"}]),
    ] {
        assert_eq!(patched(&ana(), &ops), ana(), "{ops}");
    }
}

#[test]
fn what_is_wrong_is_told_by_its_kind() {
    let refused = |ops: Value, strict| {
        patched_by(&users(), &ana(), &ops, strict).err().map(|fault| fault.kind)
    };
    for (ops, lenient, strict) in [
        (json!([]), Some(Kind::InvalidSyntax), Some(Kind::InvalidSyntax)),
        (json!([{"op": "move"}]), Some(Kind::InvalidSyntax), Some(Kind::InvalidSyntax)),
        (json!([{"op": "remove"}]), Some(Kind::NoTarget), Some(Kind::NoTarget)),
        (json!([{"op": "add", "value": 1}]), Some(Kind::InvalidSyntax), Some(Kind::InvalidSyntax)),
        (
            json!([{"op": "add", "path": "a b", "value": 1}]),
            Some(Kind::InvalidPath),
            Some(Kind::InvalidPath),
        ),
        (
            json!([{"op": "add", "path": "emails[x", "value": 1}]),
            Some(Kind::InvalidPath),
            Some(Kind::InvalidPath),
        ),
        (
            json!([{"op": "add", "path": "emails[type zz 1]", "value": 1}]),
            Some(Kind::InvalidFilter),
            Some(Kind::InvalidFilter),
        ),
        (
            json!([{"op": "add", "path": "active", "value": "maybe"}]),
            Some(Kind::InvalidValue),
            Some(Kind::InvalidValue),
        ),
        (
            json!([{"op": "remove", "path": "userName"}]),
            Some(Kind::Mutability),
            Some(Kind::Mutability),
        ),
        (
            json!([{"op": "replace", "value": {"userName": ""}}]),
            Some(Kind::InvalidValue),
            Some(Kind::InvalidValue),
        ),
        (json!([{"op": "add", "path": "shoe", "value": 1}]), None, Some(Kind::InvalidPath)),
        (json!([{"op": "remove", "path": "emails[type eq \"x\"]"}]), None, Some(Kind::NoTarget)),
        (
            json!([{"op": "add", "path": "emails[type eq \"x\"].value", "value": "y"}]),
            None,
            Some(Kind::NoTarget),
        ),
        (
            json!([{"op": "add", "value": {ENTERPRISE_SCHEMA: {"schemas": [ENTERPRISE_SCHEMA]}}}]),
            None,
            None,
        ),
        (json!([{"op": "add", "path": "id", "value": "1"}]), None, Some(Kind::Mutability)),
        (json!([{"op": "replace", "path": "title"}]), None, Some(Kind::InvalidValue)),
        (json!([{"op": "add", "path": "emails", "value": {"value": "o@x"}}]), None, None),
        (
            json!([{"op": "replace", "path": "emails[value pr].primary", "value": true}]),
            None,
            Some(Kind::InvalidValue),
        ),
        (
            json!([{"op": "replace", "path": "emails[type eq \"x\"].value", "value": "y"}]),
            None,
            Some(Kind::NoTarget),
        ),
        (
            json!([{"op": "replace", "path": "emails[type ne \"work\" and type ne \"home\"].value", "value": "y"}]),
            Some(Kind::NoTarget),
            Some(Kind::NoTarget),
        ),
    ] {
        assert_eq!(refused(ops.clone(), false), lenient, "{ops}");
        assert_eq!(refused(ops.clone(), true), strict, "strict {ops}");
    }
}

fn operations() -> impl Strategy<Value = Value> {
    let value = prop_oneof![
        Just(json!(null)),
        Just(json!("")),
        Just(json!("x")),
        Just(json!(true)),
        Just(json!("True")),
        Just(json!(7)),
        Just(json!([])),
        Just(json!({"value": "v", "primary": true})),
        Just(json!([{"value": "v", "type": "work"}, "w"])),
        Just(json!({"givenName": "G"})),
        Just(json!({"active": "False", "name.familyName": "F", "emails": [{"value": "e"}]})),
    ];
    let path = proptest::sample::select(vec![
        "userName",
        "active",
        "name",
        "name.givenName",
        "emails",
        "emails.value",
        "emails[type eq \"work\"]",
        "emails[type eq \"work\"].value",
        "emails[type eq \"other\" and primary eq true].display",
        "roles",
        MANAGER,
        "shoe",
        "id",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        "x[",
    ]);
    let op = proptest::sample::select(vec!["add", "remove", "Replace"]);
    let one = (op, prop::option::of(path), value).prop_map(|(op, path, value)| match path {
        Some(path) => json!({"op": op, "path": path, "value": value}),
        None => json!({"op": op, "value": value}),
    });
    prop::collection::vec(one, 1..5).prop_map(Value::from)
}

mod index;
mod oracle;
mod values;

proptest! {
    #[test]
    fn any_operations_leave_a_resource_or_are_refused(ops in operations(), strict: bool) {
        if let Ok(kept) = patched_by(&users(), &ana(), &ops, strict) {
            let again = take(&users(), kept.as_object().unwrap(), true).unwrap();
            prop_assert_eq!(Value::Object(again), kept);
        }
    }

    #[test]
    fn a_repeat_changes_nothing(ops in operations()) {
        let single = ops.as_array().unwrap().len() == 1;
        if let (true, Ok(once)) = (single, patched_by(&users(), &ana(), &ops, false)) {
            prop_assert_eq!(patched_by(&users(), &once, &ops, false).unwrap(), once);
        }
    }
}

#[test]
fn a_patch_that_would_take_all_the_time_there_is_is_refused() {
    let types = ResourceType::group();
    let members: Vec<Value> =
        (0..250_000).map(|number| json!({"value": number.to_string()})).collect();
    let known = json!({"displayName": "All", "members": members});
    let terms = vec!["value eq \"x\""; 99].join(" or ");
    let tell =
        |path: String| patched_by(&types, &known, &json!([{"op": "remove", "path": path}]), false);
    let fault = tell(format!("members[{terms}]")).unwrap_err();
    assert_eq!(fault.kind, Kind::TooMany);
    let emails: Vec<Value> =
        (0..50_000).map(|number| json!({"value": format!("{number}@x")})).collect();
    let ops = json!([{"op": "add", "path": "emails", "value": emails}]);
    let fault = patched_by(&users(), &ana(), &ops, false).unwrap_err();
    assert_eq!(fault.kind, Kind::InvalidValue, "before any is looked for among the others");
    assert!(tell("members[value eq \"7\"]".to_owned()).is_ok());
}
