//! A property test over the ways in which clients spell the members of a group.

use std::collections::BTreeSet;

use super::*;

/// One element of `members`.
#[derive(Clone, Debug)]
struct Element {
    /// The id that it means; `None` for an element that identifies nobody.
    who: Option<char>,
    written: Value,
}

/// How the members are selected.
#[derive(Clone, Copy, Debug)]
enum Naming {
    /// By a list at this place.
    Listed(Place),
    /// By a path with a filter (removal only).
    Filtered,
    /// By `members.value` or `members.$ref` (removal only).
    Parted(&'static str),
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Bare,
    Prefixed,
    Nested,
    NestedText,
}

const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

fn elements() -> impl Strategy<Value = Element> {
    let one = (proptest::char::range('a', 'f'), 0..14).prop_map(|(who, way)| {
        let (id, there) = (who.to_string(), format!("https://x.example/scim/v2/Users/{who}"));
        let written = match way {
            0 | 1 => json!({"value": id}),
            2 => json!(id),
            3 => json!({"VALUE": id, "display": "D"}),
            4 => json!({"value": id, "$ref": "https://other.example/people/1", "type": "User"}),
            5 => json!({"id": id}),
            6 => json!({"$ref": there}),
            7 => json!({"$REF": format!("../Users/{who}/")}),
            8 => json!({"value": "", "id": null, "$ref": format!("Users/%6{:x}", u32::from(who) & 15)}),
            9 => json!(json!({"value": id}).to_string()),
            10 => json!({"value": [id]}),
            11 => json!({"value": {"value": id}}),
            12 => json!({"value": id, "$ref": null}),
            _ => json!({"value": id, "$ref": "/Users/zz", "id": "zz"}),
        };
        Element { who: Some(who), written }
    });
    let nobody = select(vec![
        json!(null),
        json!({}),
        json!(""),
        json!(" "),
        json!("a,b"),
        json!("a b"),
        json!({"value": " a "}),
        json!(7),
        json!(true),
        json!([]),
        json!([{"value": "a"}]),
        json!({"display": "Ana"}),
        json!({"value": null}),
        json!({"value": ""}),
        json!({"value": ["a", "b"]}),
        json!({"value": true}),
        json!({"value": "[{\"value\":\"a\"}]"}),
        json!({"$ref": null}),
        json!({"$ref": "https://x.example/people/a"}),
        json!({"a": {"display": "Ana"}}),
        json!("[{\"value\":\"a\"}]"),
        json!("{\"value\""),
        json!("null"),
        json!("\"a\""),
    ]);
    let nobody = nobody.prop_map(|written| Element { who: None, written });
    prop_oneof![9 => one, 1 => nobody]
}

/// The spelling of the list of elements.
fn written(elements: &[Element], way: u8) -> Value {
    let list: Value = elements.iter().map(|element| element.written.clone()).collect();
    match (way, elements) {
        (0 | 1, _) => list,
        (2, _) => list.to_string().into(),
        (3, _) => json!({"members": list}),
        (4, [one]) if one.who.is_some() && one.written.is_object() => one.written.clone(),
        (5, _) => json!({"value": list}),
        (6, _) => format!("\n {list}").into(),
        _ => list,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn a_write_of_members_means_somebody_or_changes_nothing(
        elements in prop::collection::vec(elements(), 0..4),
        way in 0_u8..7,
        naming in prop_oneof![
            6 => select(vec![Place::Bare, Place::Prefixed, Place::Nested, Place::NestedText])
                .prop_map(Naming::Listed),
            1 => Just(Naming::Filtered),
            1 => select(vec!["value", "$ref"]).prop_map(Naming::Parted),
        ],
        filter in select(vec![
            "value eq \"{}\"", "value eq '{}'", "VALUE Eq {}", "$ref eq \"https://y.example/scim/v2/Users/{}\"",
            "id eq \"{}\"", "members.value eq \"{}\"",
        ]),
        verb in select(vec![
            Verb::Post, Verb::Put, Verb::At("add"), Verb::At("replace"), Verb::At("Remove"),
            Verb::All("add"), Verb::All("Replace"), Verb::Text("replace"),
        ]),
        case in select(CASES.to_vec()),
    ) {
        let types = ResourceType::group();
        let former: BTreeSet<char> = ['a', 'b', 'c'].into();
        let listed: Value = former.iter().map(|id| json!({"value": id.to_string()})).collect();
        let known = json!({"displayName": "Crew", "members": listed});
        let known = known.as_object().unwrap().clone();
        let value = written(&elements, way);
        let members = case("members");
        let within = |inner: &str| Value::Object(Map::from_iter([(inner.to_owned(), value.clone())]));
        let first = elements.first().and_then(|element| element.who);
        let (at, value, meant) = match (naming, verb, first) {
            (Naming::Filtered, Verb::At("Remove"), Some(who)) => {
                let path = format!("{members}[{}]", filter.replace("{}", &who.to_string()));
                (path, Value::Null, Some([who].into()))
            }
            (Naming::Parted(part), Verb::At("Remove"), Some(who)) => {
                let id = if part == "value" { who.to_string() } else { format!("/Users/{who}") };
                (format!("{members}.{part}"), id.into(), Some([who].into()))
            }
            (Naming::Listed(Place::Prefixed), ..) => (format!("{GROUP}:{members}"), value, None),
            (Naming::Listed(Place::Nested), Verb::Post | Verb::Put | Verb::All(_), _) => {
                (case(GROUP), within(&members), None)
            }
            (Naming::Listed(Place::NestedText), Verb::Post | Verb::Put | Verb::Text(_), _) => {
                (GROUP.to_owned(), within(&members).to_string().into(), None)
            }
            _ => (members, value, None),
        };
        let is_wrong = meant.is_none() && elements.iter().any(|element| element.who.is_none());
        let meant: BTreeSet<char> =
            meant.unwrap_or_else(|| elements.iter().filter_map(|element| element.who).collect());
        let body = match verb {
            Verb::Post | Verb::Put => {
                let mut body = Map::from_iter([("displayName".to_owned(), "Crew".into())]);
                body.insert(at.clone(), value.clone());
                Value::Object(body)
            }
            _ => operation(verb, &at, &value),
        };
        let expected: BTreeSet<char> = match verb {
            Verb::Post | Verb::Put | Verb::At("replace") | Verb::All("Replace") | Verb::Text(_) => meant,
            Verb::At("Remove") => former.difference(&meant).copied().collect(),
            _ => former.union(&meant).copied().collect(),
        };
        let kept = sent(&types, &known, verb, &body);
        let told = format!("{verb:?} of {at}: {value} comes to {kept:?}");
        match kept {
            Ok(kept) => {
                prop_assert!(!is_wrong, "{}", told);
                let values = kept.get("members").and_then(Value::as_array).cloned().unwrap_or_default();
                let values: Vec<String> =
                    values.iter().map(|member| member["value"].as_str().unwrap().to_owned()).collect();
                let then: BTreeSet<String> = values.iter().cloned().collect();
                prop_assert_eq!(then.len(), values.len(), "{}", told);
                prop_assert_eq!(then, expected.iter().map(char::to_string).collect(), "{}", told);
            }
            Err(fault) => {
                prop_assert!(is_wrong, "{}", told);
                prop_assert_eq!(fault.kind, Kind::InvalidValue, "{}", told);
            }
        }
    }
}
