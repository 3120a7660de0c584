//! Decides from `Accept` whether an answer is labelled `application/json` or
//! `application/scim+json`.
//!
//! The bytes are the same. RFC 7644 §3.8 requires the SCIM type and permits plain JSON for clients
//! that ask for it. Ranges and weights follow RFC 9110 §12.5.1.

const JSON: [&str; 2] = ["application", "json"];
const SCIM: [&str; 2] = ["application", "scim+json"];

/// True if `application/json` has the higher weight. With equal weights SCIM's type is used.
pub(super) fn prefers_json(accept: &str) -> bool {
    weight(accept, JSON) > weight(accept, SCIM)
}

/// The weight of a media type in thousandths, from the most specific range that matches; 0 if none
/// does.
fn weight(accept: &str, [kind, subtype]: [&str; 2]) -> u16 {
    let is = |said: &str, name: &str| said.eq_ignore_ascii_case(name);
    let matched = accept.split(',').filter_map(|element| {
        let mut parts = element.split(';').map(str::trim);
        let (own_kind, own_subtype) = parts.next()?.split_once('/')?;
        let exactness = match (own_kind, own_subtype) {
            ("*", "*") => 1,
            (own, "*") if is(own, kind) => 2,
            (own, sub) if is(own, kind) && is(sub, subtype) => 3,
            _ => return None,
        };
        Some((exactness, parts.find_map(quality).unwrap_or(MOST)))
    });
    matched.max().map_or(0, |(_, weight)| weight)
}

/// The weight 1.
const MOST: u16 = 1000;

/// The value of `q=0.8` in thousandths; 0 if it is malformed, `None` for another parameter.
fn quality(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let (whole, part) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    if part.len() > 3 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(0);
    }
    let thousandths = format!("{part:0<3}").parse().unwrap_or_default();
    match whole {
        "0" => Some(thousandths),
        "1" => Some(MOST),
        _ => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn json_is_called_so_where_it_alone_or_it_rather_is_asked_for() {
        for (accept, expected) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/json, text/plain, */*", false),
            ("application/json, text/plain, */*;q=0.1", true),
            ("application/json, application/scim+json", false),
            ("application/scim+json, application/json", false),
            ("application/scim+json;q=0.5, application/json", true),
            ("application/scim+json, application/json;q=0.9", false),
            ("application/scim+json;q=0, */*", true),
            ("application/*", false),
            ("application/json;q=0.9, application/*;q=0.8", true),
            ("application/json;q=0, application/*", false),
            ("*/*", false),
            ("text/html", false),
            ("", false),
            (",;=/", false),
            ("application/json;q=2", false),
            ("application/json;q=0.0001", false),
            ("application/json;q=1.000", true),
        ] {
            assert_eq!(prefers_json(accept), expected, "{accept}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_answer(accept in "[a-z/*+;=q.0-9, é]{0,60}") {
            let _ = prefers_json(&accept);
        }
    }
}
