//! An index speeds a PATCH up and does not change its result.

use proptest::prelude::*;

use super::super::index::Index;
use super::super::values::{add, enter, subtract};
use super::*;
use crate::scim::schema::Attribute;

/// Texts of which some are equal without case.
fn texts() -> impl Strategy<Value = String> {
    (0..30_u8, any::<bool>()).prop_map(|(number, is_loud)| {
        let text = format!("é{number}@x");
        if is_loud { text.to_uppercase() } else { text }
    })
}

fn elements() -> impl Strategy<Value = Value> {
    let kinds = proptest::sample::select(vec![None, Some("work"), Some("HOME"), Some("home")]);
    (texts(), kinds, prop::option::weighted(0.2, any::<bool>())).prop_map(
        |(value, kind, primary)| {
            let mut element = json!({"value": value});
            if let Some(kind) = kind {
                element["type"] = kind.into();
            }
            if let Some(primary) = primary {
                element["primary"] = primary.into();
            }
            element
        },
    )
}

fn lists(most: usize) -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(elements(), 0..most)
}

/// The members of an operation.
fn members() -> impl Strategy<Value = Value> {
    let member = (texts(), prop::option::of("[ab]")).prop_map(|(value, display)| match display {
        Some(display) => json!({"value": value, "display": display}),
        None => json!({"value": value}),
    });
    prop::collection::vec(member, 1..4).prop_map(Value::from)
}

fn operations() -> impl Strategy<Value = Vec<Value>> {
    let filter =
        (texts(), prop::sample::select(vec!["", " and display eq \"a\"", " or display pr"]))
            .prop_map(|(text, more)| format!("members[value eq \"{text}\"{more}]"))
            .boxed();
    let one = prop_oneof![
        3 => filter.clone().prop_map(|path| json!({"op": "remove", "path": path})),
        2 => members().prop_map(|value| json!({"op": "remove", "path": "members", "value": value})),
        3 => members().prop_map(|value| json!({"op": "add", "path": "members", "value": value})),
        1 => members().prop_map(|value| json!({"op": "add", "value": {"members": value}})),
        1 => filter.clone().prop_map(|path| {
            json!({"op": "replace", "path": format!("{path}.display"), "value": "b"})
        }),
        1 => filter.prop_map(|path| json!({"op": "remove", "path": format!("{path}.display")})),
        1 => Just(json!({"op": "remove", "path": "members[display eq \"a\"]"})),
    ];
    prop::collection::vec(one, 1..12)
}

/// A group that is long enough for an index.
fn crowd() -> Value {
    let member = |number| json!({"value": format!("é{number}@x"), "display": "a"});
    json!({"displayName": "G", "members": (0..60).map(member).collect::<Value>()})
}

fn emails(types: &ResourceType) -> &Attribute {
    types.attribute("emails").unwrap()
}

proptest! {
    #[test]
    fn operations_come_to_what_each_by_itself_comes_to(
        operations in operations(), strict in any::<bool>(),
    ) {
        let types = ResourceType::group();
        let together = patched_by(&types, &crowd(), &json!(operations), strict);
        let each = operations.iter().try_fold(crowd(), |group, operation| {
            patched_by(&types, &group, &json!([operation]), strict)
        });
        match (together, each) {
            (Ok(together), Ok(each)) => prop_assert_eq!(together, each),
            (together, each) => {
                prop_assert_eq!(together.map_err(|it| it.kind), each.map_err(|it| it.kind));
            }
        }
    }

    #[test]
    fn with_an_index_the_same_place_is_found(
        list in lists(40), first in elements(), added in lists(9), named in lists(3), then in elements(),
    ) {
        let types = users();
        let run = |mut index: Option<Index>| {
            let (emails, mut list) = (emails(&types), list.clone());
            let mut places = vec![enter(emails, &mut list, first.clone(), &mut index)];
            add(emails, &mut list, added.clone(), &mut index);
            subtract(emails, &mut list, &named, &mut index);
            places.push(enter(emails, &mut list, then.clone(), &mut index));
            (list, places)
        };
        prop_assert_eq!(run(Some(Index::of(&list))), run(None));
    }
}
