//! Two values, held against each other as the attribute's type asks.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use super::Operator;
use crate::scim::schema::{Attribute, Type};
use crate::time;

/// Whether a value of a resource compares so with one of a filter. Booleans may be texts on the
/// filter's side; texts are compared in any case unless the attribute's case counts; times as
/// instants.
pub(super) fn compare(
    found: &Value,
    operator: Operator,
    asked: &Value,
    attribute: Option<&Attribute>,
) -> bool {
    match found {
        Value::Bool(found) => operator == Operator::Equal && boolean(asked) == Some(*found),
        Value::Number(found) => {
            let asked = match asked {
                Value::String(text) => text.parse().ok(),
                other => other.as_f64(),
            };
            let order = found.as_f64().zip(asked).and_then(|(a, b)| a.partial_cmp(&b));
            order.is_some_and(|order| is_in_order(operator, order))
        }
        Value::String(found) => {
            let asked = match asked {
                Value::String(text) => Cow::Borrowed(text.as_str()),
                other => Cow::Owned(other.to_string()),
            };
            let is_time = attribute.is_some_and(|attribute| attribute.kind == Type::DateTime);
            let instants = || time::read(found).zip(time::read(&asked));
            match is_time.then(instants).flatten() {
                Some((a, b)) => is_in_order(operator, a.cmp(&b)),
                None if attribute.is_some_and(|attribute| attribute.case_exact) => {
                    compare_texts(found, operator, &asked)
                }
                // Most are such, and need no copy.
                None if operator == Operator::Equal && found.is_ascii() && asked.is_ascii() => {
                    found.eq_ignore_ascii_case(&asked)
                }
                None => compare_texts(&found.to_lowercase(), operator, &asked.to_lowercase()),
            }
        }
        Value::Array(_) | Value::Null | Value::Object(_) => false,
    }
}

fn compare_texts(found: &str, operator: Operator, asked: &str) -> bool {
    match operator {
        Operator::Contains => found.contains(asked),
        Operator::EndsWith => found.ends_with(asked),
        Operator::StartsWith => found.starts_with(asked),
        _ => is_in_order(operator, found.cmp(asked)),
    }
}

const fn is_in_order(operator: Operator, order: Ordering) -> bool {
    match operator {
        Operator::Equal => order.is_eq(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterOrEqual => order.is_ge(),
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::Contains | Operator::EndsWith | Operator::NotEqual | Operator::StartsWith => {
            false
        }
    }
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}
