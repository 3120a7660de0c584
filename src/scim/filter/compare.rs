//! Compares an attribute's value with a filter's value, by the attribute's type.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::cmp::Ordering;
use std::time::SystemTime;

use serde_json::Value;

use super::Operator;
use crate::caseless::folded;
use crate::scim::schema::{Attribute, Type};
use crate::time;

/// A string value of a resource; its case-folded form is computed once, when first needed.
pub(super) struct FoldedText<'v> {
    text: &'v str,
    is_ascii: bool,
    folded: OnceCell<Cow<'v, str>>,
}

impl<'v> FoldedText<'v> {
    fn new(text: &'v str) -> Self {
        Self { text, is_ascii: text.is_ascii(), folded: OnceCell::new() }
    }

    fn folded(&self) -> &str {
        self.folded.get_or_init(|| folded(self.text))
    }
}

/// Several comparisons of the same attribute, joined by `or`.
#[derive(Debug)]
pub(super) struct Either<'a> {
    /// The `co` comparisons that ignore case.
    sought: TextSearch,
    others: Vec<Comparison<'a>>,
}

impl<'a> Either<'a> {
    pub(super) fn of(first: Comparison<'a>) -> Self {
        let mut either = Self { sought: TextSearch::default(), others: Vec::new() };
        either.push(first);
        either
    }

    pub(super) fn push(&mut self, comparison: Comparison<'a>) {
        let is_sought = comparison.operator == Operator::Contains
            && !comparison.case_exact
            && comparison.instant.is_none()
            && !comparison.folded.is_empty();
        match is_sought {
            true => self.sought.push(comparison.folded),
            false => self.others.push(comparison),
        }
    }

    /// True if one of the comparisons holds for this value.
    pub(super) fn holds(&self, found: &Value) -> bool {
        match found {
            Value::String(text) => {
                let said = FoldedText::new(text);
                self.sought.is_in(&said) || self.others.iter().any(|own| own.holds_of(&said))
            }
            other => self.others.iter().any(|own| own.holds(other)),
        }
    }
}

/// Finds any of several case-folded texts, none of them empty, in another text. One pass tests each
/// position by its first byte, for all texts at once.
#[derive(Debug)]
struct TextSearch {
    texts: Vec<String>,
    begins: [bool; 256],
}

impl Default for TextSearch {
    fn default() -> Self {
        Self { texts: Vec::new(), begins: [false; 256] }
    }
}

impl TextSearch {
    fn push(&mut self, folded: String) {
        let first = folded.bytes().next();
        if let Some(begins) = first.and_then(|first| self.begins.get_mut(usize::from(first))) {
            *begins = true;
        }
        self.texts.push(folded);
    }

    fn is_in(&self, said: &FoldedText<'_>) -> bool {
        if self.texts.is_empty() {
            return false;
        }
        // ASCII text is compared without a folded copy: no byte of a non-ASCII character equals one
        // of its.
        let text = if said.is_ascii { said.text } else { said.folded() }.as_bytes();
        let begins = |byte: u8| self.begins.get(usize::from(byte.to_ascii_lowercase()));
        let mut places = text.iter().enumerate().filter(|(_, byte)| begins(**byte) == Some(&true));
        places.any(|(place, _)| {
            let rest = text.get(place..).unwrap_or_default();
            self.texts.iter().any(|sought| {
                rest.get(..sought.len())
                    .is_some_and(|part| part.eq_ignore_ascii_case(sought.as_bytes()))
            })
        })
    }
}

/// One comparison of a filter, with its value parsed once.
///
/// A boolean may be given as a string. Strings are compared without case unless the attribute is
/// `caseExact`, times as instants.
#[derive(Debug)]
pub(super) struct Comparison<'a> {
    /// `NotEqual` is stored as `Equal` with `is_negated`.
    operator: Operator,
    is_negated: bool,
    asked: &'a Value,
    text: Cow<'a, str>,
    /// The case-folded text, for attributes that are not `caseExact`.
    folded: String,
    case_exact: bool,
    number: Option<f64>,
    /// The time, if the attribute is a `dateTime` and the text is a valid one.
    instant: Option<SystemTime>,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(operator: Operator, asked: &'a Value, attribute: Option<&Attribute>) -> Self {
        let text = match asked {
            Value::String(text) => Cow::Borrowed(text.as_str()),
            other => Cow::Owned(other.to_string()),
        };
        let number = match asked {
            Value::String(text) => text.parse().ok(),
            other => other.as_f64(),
        };
        let is_time = attribute.is_some_and(|attribute| attribute.kind == Type::DateTime);
        let (operator, is_negated) = match operator {
            Operator::NotEqual => (Operator::Equal, true),
            other => (other, false),
        };
        Self {
            operator,
            is_negated,
            asked,
            folded: folded(&text).into_owned(),
            case_exact: attribute.is_some_and(|attribute| attribute.case_exact),
            number,
            instant: is_time.then(|| time::read(&text)).flatten(),
            text,
        }
    }

    /// True for a comparison with `null`, which asks whether a value is present.
    pub(super) fn is_with_null(&self) -> bool {
        self.asked.is_null()
    }

    /// True for `eq` and `ne`.
    pub(super) fn is_equality(&self) -> bool {
        self.operator == Operator::Equal
    }

    /// True for `ne`.
    pub(super) const fn is_negated(&self) -> bool {
        self.is_negated
    }

    /// True if a single value decides the comparison. `ne` and comparisons with `null` depend on
    /// all values.
    pub(super) fn is_of_one_value(&self) -> bool {
        !self.is_negated && !self.is_with_null()
    }

    /// The case-folded text of an `eq` comparison; `None` for any other comparison.
    pub(super) fn equal_text(&self) -> Option<&str> {
        let is_text = self.is_equality() && self.is_of_one_value();
        is_text.then_some(self.folded.as_str())
    }

    /// True if the value compares so, before negation.
    pub(super) fn holds(&self, found: &Value) -> bool {
        match found {
            Value::Bool(found) => self.is_equality() && boolean(self.asked) == Some(*found),
            Value::Number(found) => {
                let order = found.as_f64().zip(self.number).and_then(|(a, b)| a.partial_cmp(&b));
                order.is_some_and(|order| is_in_order(self.operator, order))
            }
            Value::String(found) => self.holds_of(&FoldedText::new(found)),
            Value::Array(_) | Value::Null | Value::Object(_) => false,
        }
    }

    /// As [`Self::holds`], for a string.
    fn holds_of(&self, said: &FoldedText<'_>) -> bool {
        match self.instant.and_then(|asked| Some((time::read(said.text)?, asked))) {
            Some((found, asked)) => is_in_order(self.operator, found.cmp(&asked)),
            None if self.case_exact => compare_texts(said.text, self.operator, &self.text),
            None => self.holds_in_any_case(said),
        }
    }

    fn holds_in_any_case(&self, said: &FoldedText<'_>) -> bool {
        if !said.is_ascii {
            return compare_texts(said.folded(), self.operator, &self.folded);
        }
        // Most texts are ASCII and need no folded copy: no byte of a non-ASCII character equals one
        // of theirs.
        let (bytes, asked) = (said.text.as_bytes(), self.folded.as_bytes());
        let is_same = |part: &[u8]| part.eq_ignore_ascii_case(asked);
        match self.operator {
            Operator::Equal => is_same(bytes),
            Operator::StartsWith => bytes.get(..asked.len()).is_some_and(is_same),
            Operator::EndsWith => {
                let start = bytes.len().checked_sub(asked.len());
                start.and_then(|start| bytes.get(start..)).is_some_and(is_same)
            }
            Operator::Contains => asked.is_empty() || bytes.windows(asked.len()).any(is_same),
            _ => compare_texts(said.folded(), self.operator, &self.folded),
        }
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
        let (found, asked) = (Value::from(found), Value::from(asked));
        Comparison::new(operator, &asked, None).holds(&found)
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
                let other = (folded(&found), folded(&asked));
                prop_assert_eq!(holds(&other.0, operator, &asked), expected);
                prop_assert_eq!(holds(&found, operator, &other.1), expected);
            }
            let [equal, greater, less] = [Equal, Greater, Less].map(|it| holds(&found, it, &asked));
            prop_assert_eq!(equal, crate::caseless::same(&found, &asked));
            prop_assert_eq!([equal, greater, less].into_iter().filter(|holds| *holds).count(), 1);
            prop_assert_eq!(holds(&found, GreaterOrEqual, &asked), equal || greater);
            prop_assert_eq!(holds(&found, LessOrEqual, &asked), equal || less);
            let ends = [StartsWith, EndsWith].map(|it| holds(&found, it, &asked));
            prop_assert!(holds(&found, Contains, &asked) || ends == [false; 2]);
            // A blank does not compose with the character before it, so the text before it still
            // matches.
            let whole = format!("{asked} {behind}");
            prop_assert!(holds(&whole, StartsWith, &asked));
        }
    }
}
