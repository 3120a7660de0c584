use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::scim::schema::Limits;
use crate::scim::{CONNECT_SCHEMA, ENTERPRISE_SCHEMA};

fn users() -> ResourceType {
    ResourceType::user(&Limits::default())
}

fn taken(sent: &Value, strict: bool) -> Result<Value, Fault> {
    take(&users(), sent.as_object().unwrap(), strict).map(Value::Object)
}

#[test]
fn what_idps_write_differently_is_understood() {
    for (sent, kept) in [
        (json!({"USERNAME": "a", "Active": "False"}), json!({"userName": "a", "active": false})),
        (json!({"name": {"GivenName": "A"}}), json!({"name": {"givenName": "A"}})),
        (
            json!({"name.givenName": "A", "name.familyName": "B"}),
            json!({"name": {"givenName": "A", "familyName": "B"}}),
        ),
        (
            json!({"title": null, "nickName": "", "roles": [], "name": {}, "emails": [null, {}]}),
            json!({}),
        ),
        (
            json!({"id": "1", "meta": {}, "groups": [{"value": "g"}], "schemas": ["x"], "shoe": 1}),
            json!({}),
        ),
        (
            json!({"roles": ["Agent", {"value": "Lead", "primary": "true"}]}),
            json!({"roles": [{"value": "Agent"}, {"value": "Lead", "primary": true}]}),
        ),
        (json!({"emails": {"value": "a"}}), json!({"emails": [{"value": "a"}]})),
        (
            json!({"emails": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}),
            json!({"emails": [{"value": "a", "primary": true}, {"value": "b", "primary": false}]}),
        ),
        (
            json!({ENTERPRISE_SCHEMA: {"manager": "m", "employeeNumber": 4711}}),
            json!({ENTERPRISE_SCHEMA: {"manager": {"value": "m"}, "employeeNumber": "4711"}}),
        ),
        (
            json!({ENTERPRISE_SCHEMA.to_uppercase(): {"manager": [{"$ref": "x", "value": "m"}]}}),
            json!({ENTERPRISE_SCHEMA: {"manager": {"$ref": "x", "value": "m"}}}),
        ),
        (
            json!({format!("{ENTERPRISE_SCHEMA}:department"): "D"}),
            json!({ENTERPRISE_SCHEMA: {"department": "D"}}),
        ),
        (
            json!({CONNECT_SCHEMA: {"phone": {"autoAccept": "True", "afterContactWorkSeconds": "7"},
                "provisioning": {"state": "applied"}}}),
            json!({CONNECT_SCHEMA: {"phone": {"autoAccept": true, "afterContactWorkSeconds": 7}}}),
        ),
        (
            json!({"phoneNumbers": [{"type": "work", "value": " 555 12 "}]}),
            json!({"phoneNumbers": [{"type": "work", "value": " 555 12 "}]}),
        ),
    ] {
        assert_eq!(taken(&sent, false).unwrap(), kept, "{sent}");
    }
}

#[test]
fn what_cannot_be_read_is_told_by_its_path() {
    for (sent, detail) in [
        (json!({"userName": {"x": 1}}), "userName: expected a string, found an object"),
        (json!({"active": "yes"}), "active: expected true or false, found a string"),
        (json!({"name": 7}), "name: expected an object, found a number"),
        (json!({"emails": [{"value": {}}, {"value": []}]}), ""),
        (json!({"emails": [[]]}), "emails: expected an object, found an array"),
        (
            json!({CONNECT_SCHEMA: {"phone": {"afterContactWorkSeconds": 1.5}}}),
            "urn:ietf:params:scim:schemas:extension:amazonconnect:2.0:User:phone.afterContactWorkSeconds: \
             expected a whole number, found a number",
        ),
    ] {
        let told = taken(&sent, false).map_err(|fault| fault.detail.into_owned());
        match detail {
            "" => assert!(told.is_err(), "{sent}"),
            detail => assert_eq!(told.unwrap_err(), detail, "{sent}"),
        }
    }
    for sent in [
        json!({"shoe": 1}),
        json!({"active": "True"}),
        json!({"emails": {"value": "a"}}),
        json!({"roles": ["Agent"]}),
        json!({"name": {"nick": "x"}}),
        json!({"title": 7}),
        json!({"roles": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}),
    ] {
        assert!(taken(&sent, true).is_err(), "{sent}");
        assert!(taken(&sent, false).is_ok(), "{sent}");
    }
}

#[test]
fn what_is_written_in_another_place_is_found() {
    let core = "urn:ietf:params:scim:schemas:core:2.0:User";
    for (sent, kept) in [
        (json!({core: {"active": "False", "title": "T"}}), json!({"active": false, "title": "T"})),
        (
            json!({core.to_uppercase(): {"NAME": {"givenName": "A"}}}),
            json!({"name": {"givenName": "A"}}),
        ),
        (json!({format!("{core}:active"): false}), json!({"active": false})),
        (json!({core: "{\"active\":\"false\"}"}), json!({"active": false})),
        (json!({" active ": false}), json!({"active": false})),
        (
            json!({"department": "D", "manager.value": "m", "title": "T"}),
            json!({"title": "T", ENTERPRISE_SCHEMA: {"department": "D", "manager": {"value": "m"}}}),
        ),
        (json!({core: {"department": "D"}}), json!({ENTERPRISE_SCHEMA: {"department": "D"}})),
        (
            json!({ENTERPRISE_SCHEMA: [{"manager.value": "m"}]}),
            json!({ENTERPRISE_SCHEMA: {"manager": {"value": "m"}}}),
        ),
        (
            json!({ENTERPRISE_SCHEMA: "{\"manager\":\"m\"}"}),
            json!({ENTERPRISE_SCHEMA: {"manager": {"value": "m"}}}),
        ),
        (
            json!({"phone": {"autoAccept": true}}),
            json!({CONNECT_SCHEMA: {"phone": {"autoAccept": true}}}),
        ),
        (
            json!({"emails": "[{\"value\":\"a\",\"primary\":\"True\"}]"}),
            json!({"emails": [{"value": "a", "primary": true}]}),
        ),
        (json!({"name": "{\"givenName\":\"A\"}"}), json!({"name": {"givenName": "A"}})),
        (
            json!({"roles": {"value": ["a", "b"]}}),
            json!({"roles": [{"value": "a"}, {"value": "b"}]}),
        ),
        (json!({"emails": [{"type": "work", "value": ""}, {"type": "home"}]}), json!({})),
        (json!({"roles": [{"display": "Lead"}]}), json!({"roles": [{"display": "Lead"}]})),
        (
            json!({"displayName": "[x]", "title": "{}"}),
            json!({"displayName": "[x]", "title": "{}"}),
        ),
        (json!({core: null, ENTERPRISE_SCHEMA: [], CONNECT_SCHEMA: ""}), json!({})),
        (
            json!({"urn:example:x": {"shoe": 1}, "user": {"shoe": 1}, "name": {"active": 1}}),
            json!({}),
        ),
    ] {
        assert_eq!(taken(&sent, false).unwrap(), kept, "{sent}");
    }
}

#[test]
fn what_may_be_meant_for_access_is_not_passed_over() {
    let emails: Value = (0..1001).map(|number| json!({"value": number.to_string()})).collect();
    for sent in [
        json!({"active.value": false}),
        json!({"user.active": false}),
        json!({"user": {"active": false}}),
        json!({"user": "{\"active\":false}"}),
        json!({"urn:scim:schemas:core:1.0": {"active": false}}),
        json!({"urn:scim:schemas:core:1.0:active": false}),
        json!({"urn:ietf:params:scim:schemas:core:2.0:Group": {"active": false}}),
        json!({"urn:ietf:params:scim:schemas:core:2.0:User": 7}),
        json!({"active[value eq true]": false}),
        json!({ENTERPRISE_SCHEMA: {"active": false}}),
        json!({CONNECT_SCHEMA: {"active": false}}),
        json!({CONNECT_SCHEMA: {"securityProfile": "Agent"}}),
        json!({CONNECT_SCHEMA: "Agent"}),
        json!({"phone": "+34 600 100 200"}),
        json!({"active": true, "urn:ietf:params:scim:schemas:core:2.0:User": {"active": false}}),
        json!({"active": [true, false]}),
        json!({"active": 0}),
        json!({"active": "yes"}),
        json!({"active": {"x": false}}),
        json!({"active": "[false]"}),
        json!({"userName": ["a", "b"]}),
        json!({"userName": {"x": "a"}}),
        json!({"emails": {"work": "a"}}),
        json!({"emails": "[{"}),
        json!({"emails": "null"}),
        json!({"emails": "\"a\""}),
        json!({"emails[type eq \"work\"].value": "a"}),
        json!({"emails.value": "a"}),
        json!({"emails": emails}),
    ] {
        let refused = taken(&sent, false).map_err(|fault| fault.kind);
        assert_eq!(refused, Err(Kind::InvalidValue), "{sent}");
    }
    let members: Value = (0..5000).map(|number| json!({"value": number.to_string()})).collect();
    let sent = json!({"displayName": "G", "members": members});
    let kept = take(&ResourceType::group(), sent.as_object().unwrap(), false).unwrap();
    assert_eq!(kept["members"], members);
}

#[test]
fn a_put_replaces_everything_but_an_active_that_is_not_there() {
    let known = json!({"userName": "a", "title": "T", "active": false});
    let put = |sent: Value| {
        Value::Object(
            put(&users(), known.as_object().unwrap(), sent.as_object().unwrap(), false).unwrap(),
        )
    };
    assert_eq!(put(json!({"userName": "b"})), json!({"userName": "b", "active": false}));
    assert_eq!(
        put(json!({"userName": "b", "active": null})),
        json!({"userName": "b", "active": false})
    );
    assert_eq!(
        put(json!({"userName": "b", "active": true})),
        json!({"userName": "b", "active": true})
    );
}

#[test]
fn what_must_be_there_is_asked_for() {
    let refused =
        |types: ResourceType| post(&types, &Map::new(), false).unwrap_err().detail.into_owned();
    assert!(refused(users()).starts_with("userName: expected"));
    assert!(refused(ResourceType::group()).starts_with("displayName: expected"));
}

#[test]
fn strictly_a_resource_says_which_schemas_it_has() {
    let user = json!("urn:ietf:params:scim:schemas:core:2.0:user");
    for (schemas, is_enough) in [
        (json!([user, ENTERPRISE_SCHEMA, "urn:x:y"]), true),
        (json!([user]), false),
        (json!([ENTERPRISE_SCHEMA]), false),
        (json!([]), false),
        (json!("x"), false),
        (json!(null), false),
    ] {
        let own = json!({"schemas": [ENTERPRISE_SCHEMA], "department": "D"});
        let sent = json!({"schemas": schemas, "userName": "a", ENTERPRISE_SCHEMA: own});
        let sent = sent.as_object().unwrap();
        assert!(post(&users(), sent, false).is_ok(), "{schemas}");
        let strictly = post(&users(), sent, true).map_err(|fault| fault.kind);
        assert_eq!(strictly.is_ok(), is_enough, "{schemas}");
        assert!(is_enough || strictly == Err(Kind::InvalidSyntax), "{schemas}");
    }
}

/// Arbitrary JSON under the names of a user's attributes.
fn resources() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "(|true|False|[a-z]{1,3})".prop_map(Value::from),
    ];
    let names = vec![
        "userName",
        "name",
        "givenName",
        "emails",
        "value",
        "type",
        "primary",
        "active",
        "roles",
        "name.givenName",
        "phone",
        "manager",
        ENTERPRISE_SCHEMA,
        CONNECT_SCHEMA,
        "x",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
    ];
    let object = move |inner: BoxedStrategy<Value>| {
        let name = proptest::sample::select(names.clone()).prop_map(str::to_owned);
        prop::collection::btree_map(name, inner, 0..5)
            .prop_map(|members| Value::Object(members.into_iter().collect()))
    };
    let own = object.clone();
    let value = leaf.prop_recursive(3, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            own(inner.boxed())
        ]
    });
    object(value.boxed())
}

proptest! {
    #[test]
    fn what_is_kept_is_kept_again(sent in resources()) {
        if let Ok(kept) = taken(&sent, false) {
            prop_assert_eq!(&taken(&kept, false).unwrap(), &kept);
            prop_assert_eq!(&taken(&kept, true).unwrap(), &kept);
        }
    }
}

/// Members of a user, most in stored form and some not.
fn members() -> impl Strategy<Value = Map<String, Value>> {
    let names = vec![
        "userName",
        "title",
        "active",
        "emails",
        "name",
        "roles",
        "meta",
        "schemas",
        "externalId",
        "TITLE",
        "name.givenName",
        "shoe",
        ENTERPRISE_SCHEMA,
        CONNECT_SCHEMA,
    ];
    let values = vec![
        json!("a"),
        json!(""),
        json!(true),
        json!("true"),
        json!(7),
        json!(null),
        json!([]),
        json!({}),
        json!({"givenName": "A"}),
        json!({"GivenName": "A", "shoe": 1}),
        json!({"value": "a"}),
        json!([{"value": "a", "type": "work", "primary": true}, {"value": "b"}]),
        json!([{"value": "a", "primary": true}, {"value": "b", "primary": true}]),
        json!([{"value": "a", "primary": "true"}, "c", null, {}]),
        json!({"department": "D", "manager": {"value": "m"}}),
        json!({"department": ["D"], "manager": {"displayName": "M"}}),
        json!({"Department": "D"}),
        json!({"manager.value": "m", "employeeNumber": "7"}),
        json!({"routingProfile": "Sales", "provisioning": {"state": "applied"}}),
    ];
    let one = (proptest::sample::select(names), proptest::sample::select(values));
    let one = one.prop_map(|(name, value)| (name.to_owned(), value));
    prop::collection::btree_map(one.clone().prop_map(|(name, _)| name), one, 0..7)
        .prop_map(|all| all.into_iter().map(|(name, (_, value))| (name, value)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn what_is_copied_is_what_would_be_made(sent in members()) {
        let made = |on_invalid: &mut OnInvalid| walk(&users(), &sent, Reading::Kept, on_invalid);
        let fitting = made(&mut OnInvalid::lenient()).unwrap();
        prop_assert_eq!(take_what_fits(&users(), &sent), fitting);
        prop_assert_eq!(take_again(&users(), sent.clone()), made(&mut OnInvalid::Reject));
        prop_assert_eq!(into_what_fits(&users(), sent.clone()), take_what_fits(&users(), &sent));
    }

    #[test]
    fn what_is_sought_fits_as_it_does_among_the_rest(
        sent in members(), first in 0..6, last in 0..6,
    ) {
        let names = ["title", "ACTIVE", "emails", "name", "department", "manager"];
        let names = names.into_iter().zip(0..).filter(|(_, place)| (first..=last).contains(place));
        let users = users();
        let sought = Sought::new(&users, names.map(|(name, _)| name).collect());
        let part = into_what_fits(&users, sought.part(&sent));
        let whole = take_what_fits(&users, &sent);
        prop_assert_eq!(sought.part(&part), sought.part(&whole));
    }
}
