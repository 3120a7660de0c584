//! Parses `$ref` (RFC 7643 §2.4) into endpoint and id.
//!
//! We alone create these URLs, under whatever origin the client uses, so the last two path segments
//! suffice. Clients may send them relative, as in `../Users/2819c223` (RFC 7643 §4.2), with a slash
//! at the end, or percent-encoded.

use crate::http::percent_decoded;

/// The resource that a `$ref` points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    /// `Users` or `Groups`.
    pub(super) endpoint: &'static str,
    /// The resource id; not empty.
    pub(super) id: String,
}

impl Reference {
    /// Parses a `$ref`; `None` if it points to neither a user nor a group.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::of_path(text).or_else(|| Self::of_path(&percent_decoded(text)))
    }

    fn of_path(text: &str) -> Option<Self> {
        let path = text.split(['?', '#']).next()?.trim().trim_end_matches('/');
        let mut segments = path.rsplit('/').map(percent_decoded);
        let (id, endpoint) = (segments.next()?, segments.next()?);
        let mut endpoints = ["Users", "Groups"].into_iter();
        let endpoint = endpoints.find(|own| own.eq_ignore_ascii_case(&endpoint))?;
        let id = id.trim().to_owned();
        (!id.is_empty()).then_some(Self { endpoint, id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_behind_whatever_front() {
        for text in [
            "https://x.example/scim/v2/Users/a b",
            "http://127.0.0.1:8080/stage/scim/v2/Users/a%20b",
            "https://x.example/scim/v2/users/a%20b/",
            "../Users/a%20b",
            "Users/a%20b",
            "/scim/v2/%55sers/a%20b",
            "https%3A%2F%2Fx.example%2Fscim%2Fv2%2FUsers%2Fa%20b",
            " /Users/a%20b?attributes=id#x ",
        ] {
            let ana = Reference { endpoint: "Users", id: "a b".to_owned() };
            assert_eq!(Reference::parse(text), Some(ana), "{text}");
        }
        assert_eq!(Reference::parse("../Groups/g").unwrap().endpoint, "Groups");
        for text in ["", "a", "/", "Users", "Users/", "/Users//", "https://x.example/people/a"] {
            assert_eq!(Reference::parse(text), None, "{text}");
        }
    }
}
