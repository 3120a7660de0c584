//! Compiled filters against a slow reference implementation that follows RFC 7644 §3.4.2.2 word by
//! word: every value at a path, and every comparison by itself.

use proptest::prelude::*;

use super::*;
use crate::json::member;
use crate::scim::schema::{Attribute, Type};
use crate::time;

fn each(value: Option<&Value>) -> Vec<Value> {
    match value {
        None => Vec::new(),
        Some(Value::Array(values)) => values.clone(),
        Some(value) => vec![value.clone()],
    }
}

fn values(resource: &Map<String, Value>, path: &AttributePath) -> Vec<Value> {
    let home = match path.urn {
        Some(urn) => resource.get(urn).and_then(Value::as_object),
        None => Some(resource),
    };
    let found = each(home.and_then(|home| member(home, &path.name)));
    let Some(sub) = &path.sub else { return found };
    found.iter().flat_map(|it| each(it.as_object().and_then(|it| member(it, sub)))).collect()
}

fn inner(element: &Value, path: &AttributePath) -> Vec<Value> {
    match element {
        Value::Object(members) => each(member(members, &path.name)),
        simple if path.name.eq_ignore_ascii_case("value") => vec![simple.clone()],
        _ => Vec::new(),
    }
}

fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => values.iter().any(is_something),
        Value::Object(members) => members.values().any(is_something),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn compare(found: &Value, operator: Operator, asked: &Value, attribute: &Attribute) -> bool {
    let in_order = |order: std::cmp::Ordering| match operator {
        Operator::Equal => order.is_eq(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterOrEqual => order.is_ge(),
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        _ => false,
    };
    match found {
        Value::Bool(found) => {
            operator == Operator::Equal
                && text(asked).to_lowercase() == found.to_string()
                && !asked.is_number()
        }
        Value::Number(found) => {
            let asked = text(asked).parse::<f64>().ok();
            let order = found.as_f64().zip(asked).and_then(|(a, b)| a.partial_cmp(&b));
            order.is_some_and(in_order)
        }
        Value::String(found) => {
            let asked = text(asked);
            if attribute.kind == Type::DateTime
                && let (Some(found), Some(asked)) = (time::read(found), time::read(&asked))
            {
                return in_order(found.cmp(&asked));
            }
            let fold = |text: &str| match attribute.case_exact {
                true => text.to_owned(),
                false => crate::caseless::folded(text).into_owned(),
            };
            let (found, asked) = (fold(found), fold(&asked));
            match operator {
                Operator::Contains => found.contains(&asked),
                Operator::EndsWith => found.ends_with(&asked),
                Operator::StartsWith => found.starts_with(&asked),
                _ => in_order(found.cmp(&asked)),
            }
        }
        _ => false,
    }
}

fn compares(
    found: &[Value],
    sub: &str,
    attribute: &Attribute,
    operator: Operator,
    asked: &Value,
) -> bool {
    if operator == Operator::NotEqual {
        return !compares(found, sub, attribute, Operator::Equal, asked);
    }
    if asked.is_null() {
        return operator == Operator::Equal && !found.iter().any(is_something);
    }
    let kind = attribute.sub_attribute(sub).unwrap_or(attribute);
    found.iter().any(|found| {
        let found = found.as_object().map_or(Some(found), |members| member(members, "value"));
        found.is_some_and(|found| compare(found, operator, asked, kind))
    })
}

fn holds(filter: &Filter, term: &dyn Fn(&Filter) -> bool) -> bool {
    match filter {
        Filter::And(left, right) => holds(left, term) && holds(right, term),
        Filter::Or(left, right) => holds(left, term) || holds(right, term),
        Filter::Not(inner) => !holds(inner, term),
        other => term(other),
    }
}

fn matches(filter: &Filter, resource: &Map<String, Value>) -> bool {
    let types = users();
    holds(filter, &|term| match term {
        Filter::Compare(path, operator, asked) => {
            let sub = path.sub.as_deref().unwrap_or("value");
            let attribute = path.attribute(&types).unwrap();
            compares(&values(resource, path), sub, attribute, *operator, asked)
        }
        Filter::Present(path) => values(resource, path).iter().any(is_something),
        Filter::Each(path, within) => {
            let attribute = path.attribute(&types).unwrap();
            values(resource, path).iter().any(|element| {
                holds(within, &|term| match term {
                    Filter::Compare(path, operator, asked) => {
                        let sub = attribute.sub_attribute(&path.name).unwrap_or(attribute);
                        compares(&inner(element, path), "value", sub, *operator, asked)
                    }
                    Filter::Present(path) => inner(element, path).iter().any(is_something),
                    _ => false,
                })
            })
        }
        _ => false,
    })
}

/// Filters over few attributes and values, so that some match.
fn close_filters() -> impl Strategy<Value = String> {
    let attributes = vec![
        "userName",
        "TITLE",
        "active",
        "emails",
        "emails.type",
        "emails.value",
        "name.familyName",
        "meta.lastModified",
        "id",
        "manager",
        "department",
        "nickName",
        "groups",
    ];
    let subs = vec!["type", "value", "primary", "display"];
    let operators = vec!["eq", "ne", "co", "sw", "ew"];
    let values = vec![
        "\"a\"",
        "\"AB\"",
        "\"b@X\"",
        "\"work\"",
        "\"Ä\"",
        "\"äB\"",
        "\"\"",
        "true",
        "\"False\"",
        "null",
        "7",
        "\"2026-11-27T23:00:00Z\"",
    ];
    let select = |words: Vec<&'static str>| proptest::sample::select(words);
    let compare = |names: Vec<&'static str>| {
        let compare = (select(names.clone()), select(operators.clone()), select(values.clone()));
        prop_oneof![
            4 => compare.prop_map(|(name, operator, value)| format!("{name} {operator} {value}")),
            1 => select(names).prop_map(|name| format!("{name} pr")),
        ]
    };
    let join = |term: BoxedStrategy<String>| {
        term.prop_recursive(3, 8, 2, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
                inner.prop_map(|inner| format!("not ({inner})")),
            ]
        })
    };
    let within = join(compare(subs).boxed()).prop_map(|inner| format!("emails[{inner}]"));
    let time = select(vec!["gt", "le", "lt", "ge"])
        .prop_map(|it| format!("meta.lastModified {it} \"2026-11-27T23:00:00Z\""));
    // Several comparisons of one attribute, as clients send for a list of values.
    let names =
        select(vec!["userName", "title", "emails", "emails.value", "id", "active", "department"]);
    let terms = (select(operators.clone()), select(values.clone()));
    let crowd = (names, prop::collection::vec(terms, 2..6)).prop_map(|(name, terms)| {
        let term = |(operator, value)| format!("{name} {operator} {value}");
        format!("({})", terms.into_iter().map(term).collect::<Vec<_>>().join(" or "))
    });
    let order = (select(vec!["userName", "title", "id"]), select(vec!["gt", "le", "lt", "ge"]))
        .prop_map(|(name, operator)| format!("{name} {operator} \"AB\""));
    join(
        prop_oneof![5 => compare(attributes), 2 => within, 2 => crowd, 1 => time, 1 => order]
            .boxed(),
    )
}

fn resources() -> impl Strategy<Value = Map<String, Value>> {
    let text = || proptest::sample::select(vec!["", "a", "A", "ab", "xABx", "b@x", "ä", "ÄB", "7"]);
    let maybe = |it: BoxedStrategy<Value>| prop::option::weighted(0.7, it);
    let email = (text(), proptest::sample::select(vec!["work", "HOME"]), any::<bool>()).prop_map(
        |(value, kind, primary)| json!({"value": value, "type": kind, "primary": primary}),
    );
    let times = vec!["2026-11-27T22:59:59Z", "2026-11-28T00:00:00+01:00", "2026-11-27T23:00:01Z"];
    let members = (
        text(),
        maybe(text().prop_map(Value::from).boxed()),
        maybe(any::<bool>().prop_map(Value::from).boxed()),
        maybe(prop::collection::vec(email, 0..3).prop_map(Value::from).boxed()),
        maybe(text().prop_map(|text| json!({"familyName": text})).boxed()),
        proptest::sample::select(times),
        maybe(text().prop_map(|it| json!({"department": it, "manager": {"value": it}})).boxed()),
    );
    members.prop_map(|(name, title, active, emails, own, time, enterprise)| {
        let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let all = [
            ("id", Some(json!("aB"))),
            ("userName", Some(name.into())),
            ("title", title),
            ("active", active),
            ("emails", emails),
            ("name", own),
            ("meta", Some(json!({"lastModified": time}))),
            (urn, enterprise),
        ];
        let there = all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        there.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn a_filter_holds_of_what_it_holds_of_by_the_letter(
        text in close_filters(), resource in resources(),
    ) {
        let Ok(filter) = read(&text) else { return Ok(()) };
        prop_assert_eq!(filter.matches(&resource, &users()), matches(&filter, &resource), "{}", text);
    }
}
