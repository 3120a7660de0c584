//! Our parser of filters and paths against that of `scim_v2`, where both follow RFC 7644.

use std::fmt::Display;

use proptest::prelude::*;
use scim_v2::filter::{Filter as Theirs, PatchPath, ValFilter};

use super::*;
use crate::scim::path::Path;

/// The normal form of filters in this test: each `and` and `or` with all its operands, in
/// parentheses.
fn join(word: &str, terms: &[String]) -> String {
    format!("({})", terms.join(&format!(" {word} ")))
}

fn texts<T>(items: &[T], write: impl Fn(&T) -> String) -> Vec<String> {
    items.iter().map(write).collect()
}

fn ours(filter: &Filter) -> String {
    fn terms<'a>(filter: &'a Filter, is_and: bool, all: &mut Vec<&'a Filter>) {
        match filter {
            Filter::And(a, b) if is_and => [a, b].iter().for_each(|it| terms(it, is_and, all)),
            Filter::Or(a, b) if !is_and => [a, b].iter().for_each(|it| terms(it, is_and, all)),
            other => all.push(other),
        }
    }
    let all = |is_and| {
        let mut all = Vec::new();
        terms(filter, is_and, &mut all);
        all.into_iter().map(ours).collect::<Vec<_>>()
    };
    match filter {
        Filter::And(..) => join("and", &all(true)),
        Filter::Or(..) => join("or", &all(false)),
        Filter::Not(inner) => format!("not {}", ours(inner)),
        Filter::Each(path, inner) => format!("{path}[{}]", ours(inner)),
        Filter::Compare(..) | Filter::Present(_) => filter.to_string(),
    }
}

fn flat(word: &str, terms: Vec<String>) -> String {
    // `scim_v2` keeps the nesting of `(a and b) and c`.
    let inner = format!(" {word} ");
    let open = |term: String| match term.strip_prefix('(').and_then(|it| it.strip_suffix(')')) {
        Some(body) if splits(body, &inner) => body.to_owned(),
        _ => term,
    };
    join(word, &terms.into_iter().map(open).collect::<Vec<_>>())
}

/// True if a text consists of terms joined at the top level by this word alone.
fn splits(text: &str, word: &str) -> bool {
    let mut depth = 0_i32;
    let mut quoted = false;
    let mut escaped = false;
    for (index, c) in text.char_indices() {
        match c {
            '"' if !escaped => quoted = !quoted,
            '(' | '[' if !quoted => depth = depth.saturating_add(1),
            ')' | ']' if !quoted => depth = depth.saturating_sub(1),
            ' ' if !quoted && depth == 0 && text[index..].starts_with(word) => return true,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    false
}

fn theirs(filter: &Theirs) -> String {
    match filter {
        Theirs::And(terms) => flat("and", texts(terms.as_slice(), theirs)),
        Theirs::Or(terms) => flat("or", texts(terms.as_slice(), theirs)),
        Theirs::Not(inner) => format!("not {}", theirs(inner)),
        Theirs::ValuePath(path) => format!("{}[{}]", path.attr, within(&path.filter)),
        Theirs::Attr(term) => plain(term),
    }
}

fn within(filter: &ValFilter) -> String {
    match filter {
        ValFilter::And(terms) => flat("and", texts(terms.as_slice(), within)),
        ValFilter::Or(terms) => flat("or", texts(terms.as_slice(), within)),
        ValFilter::Not(inner) => format!("not {}", within(inner)),
        ValFilter::Attr(term) => plain(term),
    }
}

/// A term in our own notation.
fn plain(term: &impl Display) -> String {
    read(&term.to_string()).map_or_else(|_| term.to_string(), |term| term.to_string())
}

/// Random sequences of filter words, some of them valid filters. All attributes have the same type,
/// as `scim_v2` has no attribute types.
fn words() -> impl Strategy<Value = String> {
    let words = vec![
        "ims",
        "emails",
        "[type eq \"work\"]",
        "(",
        ")",
        "and",
        "or",
        "not (",
        "eq",
        "co",
        "pr",
        "gt",
        "\"a\"",
        "\"\\u00e9\\\"\"",
        "1",
        "-1.5e3",
        "true",
        "null",
        "title pr",
        "title eq \"a\"",
        "emails[type eq \"x\" and value pr]",
    ];
    prop::collection::vec(proptest::sample::select(words), 1..9).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn what_ours_writes_theirs_reads_alike(filter in filters()) {
        let text = filter.to_string();
        let read: Theirs = text.parse().map_err(|_| TestCaseError::fail(text.clone()))?;
        prop_assert_eq!(theirs(&read), ours(&filter), "{}", text);
    }

    #[test]
    fn the_same_texts_are_filters(text in words()) {
        let (own, other) = (Filter::parse(&text, &users(), true), text.parse::<Theirs>());
        match (&own, &other) {
            (Ok(own), Ok(other)) => prop_assert_eq!(ours(own), theirs(other), "{}", text),
            (Err(_), Err(_)) => {}
            // `scim_v2` has no schemas.
            (Err(fault), Ok(_)) if fault.detail.contains("no schema has") => {}
            _ => prop_assert!(false, "{}: ours {:?}, theirs {:?}", text, own.is_ok(), other.is_ok()),
        }
    }

    #[test]
    fn the_same_texts_are_paths(
        front in proptest::sample::select(vec!["emails", "name", "9a", "", "urn:ietf:params:scim:schemas:core:2.0:User:emails"]),
        filter in proptest::sample::select(vec!["", "[type eq \"work\"]", "[type]", "[]", "["]),
        sub in proptest::sample::select(vec!["", ".value", ".", ".a.b"]),
    ) {
        let text = format!("{front}{filter}{sub}");
        let (own, other) = (Path::parse(&text, &users(), false), text.parse::<PatchPath>());
        prop_assert_eq!(own.is_ok(), other.is_ok(), "{}", text);
    }
}
