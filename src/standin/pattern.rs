//! What a text may look like, from the service model's patterns: pure predicates.

use icu_normalizer::ComposingNormalizerBorrowed;

/// 1 to `longest` characters of `[a-zA-Z0-9_\-.@]`, with `@` only in a full e-mail address
/// (`a@b.com` is one, `a@b` is not).
pub(super) fn is_username(text: &str, longest: usize) -> bool {
    let spelled = |c: char| c.is_ascii_alphanumeric() || "_-.@".contains(c);
    has_length(text, 1, longest)
        && text.chars().all(spelled)
        && text.split_once('@').is_none_or(|(local, domain)| {
            !local.is_empty()
                && !domain.contains('@')
                && domain.contains('.')
                && domain.split('.').all(|label| !label.is_empty())
        })
}

/// `^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[a-zA-Z\d\S]{8,64}$`
pub(super) fn is_password(text: &str) -> bool {
    has_length(text, 8, 64)
        && text.chars().any(|c| c.is_ascii_lowercase())
        && text.chars().any(|c| c.is_ascii_uppercase())
        && text.chars().any(|c| c.is_ascii_digit())
        && !text.contains(char::is_whitespace)
}

/// E.164: `\+[1-9]\d{1,14}$`
pub(super) fn is_phone_number(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        has_length(digits, 2, 15)
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// `(?=^.{0,265}$)[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\.[a-zA-Z]{2,63}`
pub(super) fn is_email(text: &str) -> bool {
    let is_in = |part: &str, marks: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || marks.contains(c))
    };
    let parts = text
        .split_once('@')
        .and_then(|(local, domain)| domain.rsplit_once('.').map(|(host, top)| (local, host, top)));
    has_length(text, 0, 265)
        && parts.is_some_and(|(local, host, top)| {
            is_in(local, "._%+-")
                && is_in(host, ".-")
                && has_length(top, 2, 63)
                && top.bytes().all(|byte| byte.is_ascii_alphabetic())
        })
}

/// `^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`, 1 to 128 characters. The three classes are the nearest
/// that the standard library has: alphabetic takes in a few marks, white space is taken without
/// its controls.
pub(super) fn is_tag_key(text: &str) -> bool {
    let spelled = |c: char| {
        c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c)
    };
    has_length(text, 1, 128) && !text.starts_with("aws:") && text.chars().all(spelled)
}

/// Unicode Normalization Form C, in which names must be given.
pub(super) fn is_nfc(text: &str) -> bool {
    ComposingNormalizerBorrowed::new_nfc().is_normalized(text)
}

/// From `least` to `most` characters.
pub(super) fn has_length(text: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&text.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asserts that `fits` takes all of `good` and none of `bad`.
    fn judges(fits: impl Fn(&str) -> bool, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(fits(text), "should fit: {text:?}");
        }
        for text in bad {
            assert!(!fits(text), "should not fit: {text:?}");
        }
    }

    #[test]
    fn usernames() {
        judges(
            |text| is_username(text, 12),
            &["testuser", "a@b.com", "A.b_c-9", "x", "123456789012", "a@b-c.d.e"],
            &[
                "",
                "1234567890123",
                "a b",
                "a+b",
                "a'b",
                "é",
                "a@b",
                "@b.com",
                "a@b@c.d",
                "a@b..c",
                "a@.b",
                "a@b.",
            ],
        );
    }

    #[test]
    fn passwords() {
        let longest = format!("aA1{}", "x".repeat(61));
        judges(
            is_password,
            &["Passw0rd", "aA1!!!!!", "aA1ééééé", &longest],
            &[
                "",
                "Passw0r",
                "passw0rd",
                "PASSW0RD",
                "Password",
                "Passw0rd x",
                &format!("{longest}x"),
            ],
        );
    }

    #[test]
    fn phone_numbers() {
        judges(
            is_phone_number,
            &["+12", "+34911234567", "+123456789012345"],
            &["", "+", "+1", "12", "+012", "+1234567890123456", "+1 2", "+1a", "++12"],
        );
    }

    #[test]
    fn emails() {
        judges(
            is_email,
            &["a@b.co", "a.b_c%d+e-f@g-h.i.museum"],
            &[
                "",
                "a",
                "a@b",
                "a@b.c",
                "@b.co",
                "a@.co",
                "a@b.c0",
                "a@b@c.de",
                "é@b.co",
                "a b@c.de",
                &format!("{}@b.co", "a".repeat(261)),
            ],
        );
    }

    #[test]
    fn tag_keys() {
        judges(
            is_tag_key,
            &["managed-by", "a b", "équipe/½:1=2+3@4_5.6", "AWS:x", "x aws:", &"k".repeat(128)],
            &["", "aws:x", "a\tb", "a#b", "a,b", &"k".repeat(129)],
        );
    }

    #[test]
    fn normalization_form_c() {
        judges(is_nfc, &["", "José", "김"], &["Jose\u{301}", "\u{1100}\u{1175}"]);
    }
}
