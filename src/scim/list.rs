//! List queries and `ListResponse` (RFC 7644 §3.4.2, §3.4.3).

use std::num::IntErrorKind;

use serde_json::{Map, Value, json};

use super::filter::MAX_LENGTH;
use super::resource::names_schema;
use crate::fault::{Fault, Kind};
use crate::http::MAX_ANSWER;
use crate::json::{carried_length_of, describe, member};

/// The page size if a query gives no `count`.
pub const DEFAULT_COUNT: usize = 100;

/// The schema URN of a query by POST (RFC 7644 §3.4.3).
const SEARCH_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// The largest page size.
pub const MAX_COUNT: usize = 1000;

/// The page of a list that a query asks for (RFC 7644 §3.4.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paging {
    /// The index of the first resource, from 1.
    pub start_index: usize,
    /// The page size: 0 to [`MAX_COUNT`].
    pub count: usize,
}

/// The parameters of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// `filter`, not yet parsed.
    pub filter: Option<String>,
    /// `attributes`: names separated by commas.
    pub attributes: Option<String>,
    /// `excludedAttributes`: names separated by commas.
    pub excluded: Option<String>,
    /// `startIndex` and `count`.
    pub paging: Paging,
}

impl Paging {
    /// Parses `startIndex` and `count` (RFC 7644 §3.4.2.4). Values below the minimum count as the
    /// minimum; `count` is capped at [`MAX_COUNT`].
    ///
    /// # Errors
    /// [`Kind::InvalidValue`] if one is not a whole number.
    pub fn parse(start_index: Option<&str>, count: Option<&str>) -> Result<Self, Fault> {
        let number = |name, text: Option<&str>, default: i64| match text.map(|it| it.trim().parse())
        {
            None => Ok(default),
            Some(Ok(number)) => Ok(number),
            Some(Err(error)) => match error.kind() {
                IntErrorKind::PosOverflow => Ok(i64::MAX),
                IntErrorKind::NegOverflow => Ok(i64::MIN),
                _ => Err(Fault::value(name, "a whole number", "something else")),
            },
        };
        let start_index = number("startIndex", start_index, 1)?.max(1);
        let default = i64::try_from(DEFAULT_COUNT).unwrap_or(i64::MAX);
        let count = usize::try_from(number("count", count, default)?.max(0)).unwrap_or(MAX_COUNT);
        Ok(Self {
            start_index: usize::try_from(start_index).unwrap_or(usize::MAX),
            count: count.min(MAX_COUNT),
        })
    }
}

impl Query {
    /// Reads the query parameters of a GET. Names match in any case, the first of several values
    /// wins, and an empty value counts as missing. `sortBy` is ignored, since sorting is not
    /// offered.
    ///
    /// # Errors
    /// As for [`Paging::parse`], and [`Kind::InvalidValue`] for an attribute list longer than 4096
    /// bytes.
    pub fn of_parameters(parameters: &[(String, String)]) -> Result<Self, Fault> {
        let value = |name: &str| {
            let own = parameters.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
            own.map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let paging = Paging::parse(value("startIndex").as_deref(), value("count").as_deref())?;
        let (attributes, excluded) = (value("attributes"), value("excludedAttributes"));
        Self { filter: value("filter").map(with_blanks), attributes, excluded, paging }.check()
    }

    /// Reads a `SearchRequest` (RFC 7644 §3.4.3).
    ///
    /// # Errors
    /// [`Kind::InvalidValue`] for a member of the wrong type or an attribute list longer than 4096
    /// bytes. In strict mode, [`Kind::InvalidSyntax`] if `schemas` does not name `SearchRequest`.
    pub fn of_body(body: &Map<String, Value>, strict: bool) -> Result<Self, Fault> {
        if strict && !names_schema(body, SEARCH_REQUEST) {
            let detail = format!("schemas: expected {SEARCH_REQUEST}, found none");
            return Err(Fault::new(Kind::InvalidSyntax, detail));
        }
        let text = |name: &str| match member(body, name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(Value::Array(names)) => {
                let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
                Ok(Some(names.join(",")).filter(|names| !names.is_empty()))
            }
            Some(other) => Err(Fault::value(name, "a string", describe(other))),
        };
        let (start_index, count) = (text("startIndex")?, text("count")?);
        let paging = Paging::parse(start_index.as_deref(), count.as_deref())?;
        let (attributes, excluded) = (text("attributes")?, text("excludedAttributes")?);
        Self { filter: text("filter")?, attributes, excluded, paging }.check()
    }

    /// Refuses attribute lists longer than [`MAX_LENGTH`], which no list of known attributes
    /// reaches.
    fn check(self) -> Result<Self, Fault> {
        let lists = [("attributes", &self.attributes), ("excludedAttributes", &self.excluded)];
        for (name, list) in lists {
            if list.as_ref().is_some_and(|list| list.len() > MAX_LENGTH) {
                return Err(Fault::value(name, "4096 characters at most", "more"));
            }
        }
        Ok(self)
    }
}

/// Replaces `+` by blanks in a filter that has no blank: some gateways do not decode `+`, and every
/// valid filter contains a blank.
fn with_blanks(filter: String) -> String {
    if filter.contains(' ') { filter } else { filter.replace('+', " ") }
}

/// An upper bound, in bytes, for the members of a `ListResponse` other than `Resources`.
const ENVELOPE: usize = 1024;

/// The resources of one page, up to the size of an answer. Each is serialized once, when it is
/// added.
#[derive(Debug, Default)]
pub struct Page {
    resources: String,
    count: usize,
    bytes: usize,
}

impl Page {
    /// Adds a resource, given as JSON, if the page stays within [`MAX_ANSWER`] or is empty. Returns
    /// whether it was added.
    pub fn add(&mut self, resource: &str) -> bool {
        self.add_carried(resource, carried_length_of(resource))
    }

    /// As [`Self::add`], where the length in the answer (`carried`, in bytes) is already known.
    pub fn add_carried(&mut self, resource: &str, carried: usize) -> bool {
        let bytes = self.bytes.saturating_add(carried).saturating_add(1);
        let fits = bytes <= MAX_ANSWER.saturating_sub(ENVELOPE) || self.count == 0;
        if fits {
            self.bytes = bytes;
            if self.count > 0 {
                self.resources.push(',');
            }
            self.resources.push_str(resource);
            self.count = self.count.saturating_add(1);
        }
        fits
    }

    /// The `ListResponse` for this page out of `total` resources, and its length in the answer, in
    /// bytes.
    #[must_use]
    pub fn response(&self, total: usize, start_index: usize) -> (String, usize) {
        let Self { resources, count, .. } = self;
        let tail = format!(
            r#"],"itemsPerPage":{count},"schemas":["{LIST_RESPONSE}"],"startIndex":{start_index},"totalResults":{total}}}"#
        );
        let list = [r#"{"Resources":["#, resources, &tail].concat();
        (list, self.bytes.saturating_add(ENVELOPE))
    }
}

/// A `ListResponse` with all of these resources in one page.
#[must_use]
pub fn list_response(resources: Vec<Map<String, Value>>) -> Map<String, Value> {
    let count = resources.len();
    let members = [
        ("schemas", json!([LIST_RESPONSE])),
        ("totalResults", count.into()),
        ("startIndex", 1.into()),
        ("itemsPerPage", count.into()),
        ("Resources", resources.into()),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The schema URN of `ListResponse`.
const LIST_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_page_and_its_envelope_are_an_answer() {
        let resource = |length| format!(r#"{{"x":"{}"}}"#, "y".repeat(length));
        for last in [1, 500, 900, 1000, 1500, 1900, 2000] {
            let mut page = Page::default();
            assert!(page.add(&resource(MAX_ANSWER - 2000)));
            page.add(&resource(last));
            let (list, carried) = page.response(2, 1);
            assert!(carried_length_of(&list) <= carried && carried <= MAX_ANSWER, "{last}");
        }
        let mut page = Page::default();
        assert!(page.add(&resource(MAX_ANSWER)) && !page.add(&resource(1)));
        assert!(page.response(2, 1).1 > MAX_ANSWER, "one alone may be too much");
    }

    #[test]
    fn a_page_that_is_written_is_the_list_that_it_is() {
        let resources = [json!({"id": "1", "x": "\"\\"}), json!({"id": "2"})];
        let mut page = Page::default();
        assert!(resources.iter().all(|resource| page.add(&resource.to_string())));
        let (list, _) = page.response(2, 1);
        let resources = resources.map(|one| one.as_object().unwrap().clone()).to_vec();
        let expected = list_response(resources);
        assert_eq!(serde_json::from_str::<Value>(&list).unwrap(), Value::Object(expected.clone()));
        assert_eq!(list, serde_json::to_string(&expected).unwrap(), "names are in their order");
    }

    #[test]
    fn a_page_is_within_its_bounds() {
        for (start, count, expected) in [
            (None, None, (1, DEFAULT_COUNT)),
            (Some("0"), Some("-1"), (1, 0)),
            (Some("-7"), Some("0"), (1, 0)),
            (Some("101"), Some("100000"), (101, MAX_COUNT)),
            (Some("-99999999999999999999"), Some("99999999999999999999"), (1, MAX_COUNT)),
        ] {
            let paging = Paging::parse(start, count).unwrap();
            assert_eq!((paging.start_index, paging.count), expected);
        }
        assert!(
            Paging::parse(Some("x"), None).is_err() && Paging::parse(None, Some("1.5")).is_err()
        );
    }

    #[test]
    fn a_search_asks_as_a_query_does() {
        let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let parameters = [
            text("FILTER", "title+pr"),
            text("attributes", "id, title"),
            text("startindex", "3"),
            text("count", "5"),
            text("excludedAttributes", ""),
            text("sortBy", "title"),
        ];
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "Filter": "title pr", "attributes": ["id", " title"], "startIndex": 3, "count": 5,
        });
        let query = Query::of_parameters(&parameters).unwrap();
        assert_eq!(query, Query::of_body(body.as_object().unwrap(), true).unwrap());
        assert_eq!((query.filter.as_deref(), query.excluded), (Some("title pr"), None));
        let of_body = |body: Value, strict| Query::of_body(body.as_object().unwrap(), strict);
        assert!(of_body(json!({"filter": {}}), false).is_err());
        assert!(of_body(json!({"count": 1}), false).is_ok());
        assert!(of_body(json!({"count": 1}), true).is_err());
    }
}
