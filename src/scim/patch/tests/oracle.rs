//! Our strict parser of PATCH bodies against that of `scim_v2`.

use proptest::prelude::*;
use scim_v2::Validate as _;
use scim_v2::models::others::PatchOp;

use super::*;

/// Bodies with up to two operations, of which any part may be missing or wrong.
fn bodies() -> impl Strategy<Value = Value> {
    let schemas = vec![json!([SCHEMA]), json!(["urn:x", SCHEMA]), json!([]), json!(null)];
    let ops = vec![json!("add"), json!("Remove"), json!("REPLACE"), json!("move"), json!(null)];
    let paths = vec![
        json!("title"),
        json!("name.givenName"),
        json!("emails[type eq \"work\"].value"),
        json!("emails[type eq \"work\" and not (primary eq true)]"),
        json!(MANAGER),
        json!("emails["),
        json!("a b"),
        json!(7),
    ];
    let values = vec![json!("x"), json!(null), json!({}), json!({"title": "x"}), json!(["x"])];
    let maybe = |values: Vec<Value>| prop::option::weighted(0.8, proptest::sample::select(values));
    let object = |members: [(&str, Option<Value>); 3]| {
        let there = members.into_iter().filter_map(|(name, value)| Some((name, value?)));
        there.map(|(name, value)| (name.to_owned(), value)).collect::<Value>()
    };
    let one = (maybe(ops), maybe(paths), maybe(values))
        .prop_map(move |(op, path, value)| object([("op", op), ("path", path), ("value", value)]));
    let operations = prop::collection::vec(one, 0..3).prop_map(Value::from);
    (proptest::sample::select(schemas), operations)
        .prop_map(|(schemas, operations)| json!({"schemas": schemas, "Operations": operations}))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn the_same_bodies_are_patches(body in bodies()) {
        let own = read(body.as_object().unwrap(), &users(), true);
        let other = serde_json::from_value::<PatchOp>(body.clone()).ok();
        let other = other.is_some_and(|patch| patch.validate().is_ok());
        prop_assert_eq!(own.is_ok(), other, "{}: {:?}", body, own.err());
    }
}
