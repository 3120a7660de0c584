//! A long list → one page of it and the token of the next.
//!
//! A token names the last item shown, by its number, not by its place: what is deleted between two
//! pages makes no later item slip through. It is base64 (as Connect's are), so that a client that
//! forgets to escape it is found out, and it fits only the list that gave it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::api_error::{ApiError, ErrorCode};

const DEFAULT_SIZE: i64 = 100;

/// Which part of a list is wanted.
#[derive(Debug, PartialEq)]
pub(super) struct Page {
    list: &'static str,
    after: u64,
    size: usize,
}

impl Page {
    /// The page of `list` (its member name in the answer) after `token`, with up to `size` items:
    /// 1 to `largest`, 100 unless told.
    ///
    /// # Errors
    /// `InvalidParameterException` for another size and for a token that this list did not give.
    pub(super) fn new(
        list: &'static str,
        token: Option<&str>,
        size: Option<i64>,
        largest: i64,
    ) -> Result<Self, ApiError> {
        let size = size.unwrap_or(DEFAULT_SIZE);
        let allowed = usize::try_from(size).ok().filter(|_| (1..=largest).contains(&size));
        Ok(Self {
            list,
            after: token.map_or(Some(0), |token| number_in(list, token)).ok_or_else(|| {
                ErrorCode::InvalidParameter.because("NextToken is not one that this operation gave")
            })?,
            size: allowed.ok_or_else(|| {
                ErrorCode::InvalidParameter
                    .because(format!("MaxResults must be from 1 to {largest}"))
            })?,
        })
    }

    /// The answer's members: the list, and `NextToken` if it goes on. `items` are in the order of
    /// their numbers, which start at 1.
    pub(super) fn cut(&self, items: impl IntoIterator<Item = (u64, Value)>) -> Map<String, Value> {
        let mut rest = items.into_iter().skip_while(|(number, _)| *number <= self.after);
        let mut last = self.after;
        let shown: Vec<Value> = rest
            .by_ref()
            .take(self.size)
            .map(|(number, item)| {
                last = number;
                item
            })
            .collect();

        let mut answer = Map::from_iter([(self.list.to_owned(), shown.into())]);
        if rest.next().is_some() {
            answer.insert("NextToken".to_owned(), token_after(self.list, last).into());
        }
        answer
    }
}

fn token_after(list: &str, number: u64) -> String {
    STANDARD.encode(format!("{list}?>{number}"))
}

fn number_in(list: &str, token: &str) -> Option<u64> {
    let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    text.strip_prefix(list)?.strip_prefix("?>")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn items(numbers: &[u64]) -> Vec<(u64, Value)> {
        numbers.iter().map(|number| (*number, json!(number))).collect()
    }

    #[test]
    fn pages_show_everything_once_although_items_go_between_them() {
        let first = Page::new("L", None, Some(2), 10).unwrap().cut(items(&[1, 2, 3, 4]));
        let token = first["NextToken"].as_str();
        let second = Page::new("L", token, Some(2), 10).unwrap().cut(items(&[1, 3, 4]));

        assert_eq!(first["L"], json!([1, 2]));
        assert_eq!(Value::Object(second), json!({"L": [3, 4]}));
    }

    #[test]
    fn a_page_begins_after_the_last_item_of_the_one_before() {
        let everything = items(&[1, 2, 3]);
        let first = Page::new("L", None, Some(2), 10).unwrap().cut(everything.clone());
        let second = Page::new("L", first["NextToken"].as_str(), Some(2), 10).unwrap();

        assert_eq!(Value::Object(second.cut(everything)), json!({"L": [3]}));
    }

    #[test]
    fn foreign_tokens_and_sizes_out_of_range_are_refused() {
        let token = token_after("L", 2);
        let cases = [
            (Some(token.as_str()), Some(10), true),
            (None, None, true),
            (Some("2"), None, false),
            (Some(&*token_after("M", 2)), None, false),
            (None, Some(0), false),
            (None, Some(101), false),
            (None, Some(-1), false),
        ];
        for (token, size, fits) in cases {
            assert_eq!(Page::new("L", token, size, 100).is_ok(), fits, "{token:?} {size:?}");
        }
    }
}
