//! Two values, held against each other as the attribute's type asks.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use super::Operator;
use crate::caseless;
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
                // Most are such, and mostly need no copy.
                None if operator == Operator::Equal => caseless::same(found, &asked),
                None => {
                    compare_texts(&caseless::folded(found), operator, &caseless::folded(&asked))
                }
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LETTERS: &str = "[aAßẞsSΣσςéEe\u{301}İi\u{307}ﬁF ]{0,5}";

    fn holds(found: &str, operator: Operator, asked: &str) -> bool {
        compare(&found.into(), operator, &asked.into(), None)
    }

    proptest! {
        #[test]
        fn each_operator_agrees_with_the_others_and_with_any_case(
            found in LETTERS, asked in LETTERS, behind in LETTERS,
        ) {
            use Operator::{Contains, EndsWith, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, StartsWith};
            let all = [Contains, EndsWith, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, StartsWith];
            for operator in all {
                let expected = holds(&found, operator, &asked);
                let other = (caseless::folded(&found), caseless::folded(&asked));
                prop_assert_eq!(holds(&other.0, operator, &asked), expected);
                prop_assert_eq!(holds(&found, operator, &other.1), expected);
            }
            let [equal, greater, less] = [Equal, Greater, Less].map(|it| holds(&found, it, &asked));
            prop_assert_eq!(equal, caseless::same(&found, &asked));
            prop_assert_eq!(u8::from(equal) + u8::from(greater) + u8::from(less), 1);
            prop_assert_eq!(holds(&found, GreaterOrEqual, &asked), equal || greater);
            prop_assert_eq!(holds(&found, LessOrEqual, &asked), equal || less);
            let ends = [StartsWith, EndsWith].map(|it| holds(&found, it, &asked));
            prop_assert!(holds(&found, Contains, &asked) || ends == [false; 2]);
            // A blank is composed with nothing before it, so the text ends there for whoever looks.
            let whole = format!("{asked} {behind}");
            prop_assert!(holds(&whole, StartsWith, &asked));
        }
    }
}
