//! Text values that Connect accepts: each type is made by its `parse`, whose fault names the
//! attribute.
//!
//! Lengths count characters (Unicode scalar values). No type shows its content in `Debug`.

use std::fmt;
use std::ops::RangeInclusive;

use icu_normalizer::ComposingNormalizerBorrowed;

use serde::Serialize;

use crate::fault::Fault;

/// A Connect username.
///
/// Under SAML it must equal the `RoleSessionName` byte for byte, or the agent is "authenticated,
/// but not onboarded"; so it is checked and never changed.
#[derive(Clone, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// Accepts `A-Z a-z 0-9 _ - . @`, of a length in `lengths`; an `@` only in a full e-mail
    /// address (CreateUser, member Username).
    ///
    /// # Errors
    /// [`crate::fault::Kind::InvalidValue`] naming `userName`.
    pub fn parse(text: &str, lengths: RangeInclusive<usize>) -> Result<Self, Fault> {
        let (shortest, longest) = (lengths.start(), lengths.end());
        let expected = format!("{shortest} to {longest} characters of A-Z a-z 0-9 _ - . @");
        let refuse = |found: &str| Err(Fault::value("userName", &expected, found));
        let allowed =
            |character: char| character.is_ascii_alphanumeric() || "_-.@".contains(character);
        let length = text.chars().count();
        if let Some((position, character)) = text.chars().enumerate().find(|(_, c)| !allowed(*c)) {
            let position = position.saturating_add(1);
            return refuse(&format!("{} at character {position}", name_of(character)));
        }
        if !lengths.contains(&length) {
            return refuse(&format!("{length} characters"));
        }
        if text.contains('@') && !is_full_address(text) {
            return refuse("an @ outside of a full e-mail address (name@domain.tld)");
        }
        Ok(Self(text.to_owned()))
    }

    /// The username.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A first or last name in Unicode Normalization Form C, which Connect requires (UserIdentityInfo).
#[derive(Clone, PartialEq, Eq)]
pub struct PersonName(String);

impl PersonName {
    /// Normalizes to NFC, then accepts 1 to `maximum` characters with at least one letter or digit,
    /// and without control or bidirectional formatting characters.
    ///
    /// # Errors
    /// [`crate::fault::Kind::InvalidValue`] naming `attribute`.
    pub fn parse(attribute: &str, text: &str, maximum: usize) -> Result<Self, Fault> {
        let name = ComposingNormalizerBorrowed::new_nfc().normalize(text).into_owned();
        let length = name.chars().count();
        let found =
            if name.chars().any(|character| character.is_control() || is_bidi_control(character)) {
                "a control character".to_owned()
            } else if !name.chars().any(char::is_alphanumeric) {
                "no letter".to_owned()
            } else if length > maximum {
                format!("{length} characters")
            } else {
                return Ok(Self(name));
            };
        Err(Fault::value(attribute, &format!("1 to {maximum} characters of a name"), &found))
    }

    /// The name, in NFC.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An e-mail address: ASCII, at most 265 characters. This is the pattern of `SecondaryEmail`
/// (UserIdentityInfo); for `Email` Connect documents none, and we apply the same.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Accepts an address of the form `name@domain.tld`.
    ///
    /// # Errors
    /// [`crate::fault::Kind::InvalidValue`] naming `emails`.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let name_ok = |c: char| c.is_ascii_alphanumeric() || "._%+-".contains(c);
        let domain_ok = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
        let parts = text.split_once('@').and_then(|(name, domain)| {
            let (host, tld) = domain.rsplit_once('.')?;
            Some((name, host, tld))
        });
        let fits = text.len() <= 265
            && parts.is_some_and(|(name, host, tld)| {
                !name.is_empty()
                    && name.chars().all(name_ok)
                    && !host.is_empty()
                    && host.chars().all(domain_ok)
                    && (2..=63).contains(&tld.len())
                    && tld.chars().all(|c| c.is_ascii_alphabetic())
            });
        if fits {
            return Ok(Self(text.to_owned()));
        }
        Err(Fault::value(
            "emails",
            "an ASCII address name@domain.tld of at most 265 characters",
            "something else",
        ))
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A telephone number in E.164 form: `+` and 2 to 15 digits, the first not 0 (UserPhoneConfig).
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Parses one international number. A leading `tel:` (RFC 3966) in any case is dropped, as are
    /// the separators space, hyphen, dot, slash and parentheses.
    ///
    /// A `(0` is refused: it is a trunk prefix, which is not dialled from abroad, and keeping its 0
    /// would give another number. An extension, which Connect does not dial, and several numbers
    /// are refused too.
    ///
    /// # Errors
    /// [`crate::fault::Kind::InvalidValue`] naming `attribute`.
    pub fn parse(attribute: &str, text: &str) -> Result<Self, Fault> {
        let scheme = text.get(..4).filter(|scheme| scheme.eq_ignore_ascii_case("tel:"));
        let bare = scheme.and_then(|scheme| text.strip_prefix(scheme)).unwrap_or(text);
        let number: String = bare.chars().filter(|c| !" -./()".contains(*c)).collect();
        let digits = number.strip_prefix('+').unwrap_or_default();
        let international = (2..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0')
            && !bare.replace(' ', "").contains("(0")
            && !is_several(bare);
        if international {
            return Ok(Self(number));
        }
        Err(Fault::value(
            attribute,
            "an international number, + and 2 to 15 digits (E.164)",
            what_else(bare),
        ))
    }

    /// The number in E.164 form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! redact {
    ($($name:ident)*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(concat!(stringify!($name), "([redacted])"))
            }
        }
    )*};
}

redact!(Username PersonName Email PhoneNumber);

/// True for a character that changes the text direction and can make a name read as another
/// (Unicode Standard Annex #9, explicit formatting characters).
fn is_bidi_control(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// True for `a@b.com` but not `a@b` (CreateUser, member Username).
fn is_full_address(text: &str) -> bool {
    let Some((name, domain)) = text.split_once('@') else {
        return false;
    };
    !name.is_empty()
        && !domain.contains('@')
        && domain.contains('.')
        && domain.split('.').all(|label| !label.is_empty())
}

/// True if the text contains two numbers, as in `+34 600 100 200/201` or `+34 600 100 200 - 201`.
///
/// A slash within one number separates the area code, as in `+49 30/901820`: at most 7 digits come
/// before it, the longest country and area code together, and at least 4 after it.
fn is_several(bare: &str) -> bool {
    let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
    let is_short = |(_, last): (&str, &str)| digits(last) < 4;
    let is_late = |(first, _): (&str, &str)| digits(first) > 7;
    let slash = bare.split_once('/');
    slash.is_some_and(is_late)
        || bare.rsplit_once('/').is_some_and(is_short)
        || bare.matches('/').count() > 1
        || bare.rsplit_once(" - ").is_some_and(is_short)
}

/// What was found instead of a number, for the fault; without any of its content.
fn what_else(bare: &str) -> &'static str {
    let bare = bare.to_ascii_lowercase();
    let start = bare.trim_start_matches(|c: char| !c.is_ascii_alphabetic() && !";#".contains(c));
    let is_extension =
        [";ext=", "ext", "x", "#"].iter().any(|mark| start.trim_start().starts_with(mark));
    let parts = [",", ";", "/", "|", "\n", " - ", " or ", " and "];
    let is_number = bare.starts_with('+');
    if is_number && is_extension {
        "one with an extension, which Amazon Connect does not dial"
    } else if bare.matches('+').count() > 1
        || is_number && parts.iter().any(|part| bare.contains(part)) && !bare.contains('=')
    {
        "more than one number"
    } else {
        "something else"
    }
}

/// Names an invalid character for the fault. Letters and marks are not named: they may be part of a
/// person's name.
fn name_of(character: char) -> String {
    match character {
        ' ' => "a space".to_owned(),
        _ if character.is_ascii_punctuation() => format!("'{character}'"),
        _ if character.is_control() => "a control character".to_owned(),
        _ => "a character outside of ASCII".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn detail<T: fmt::Debug>(result: Result<T, Fault>) -> String {
        result.unwrap_err().detail.into_owned()
    }

    #[test]
    fn usernames_follow_the_rules_of_saml() {
        let sixty_four = "a".repeat(64);
        for name in ["ab", "Ana.Ruiz", "ana_ruiz-2", "ana@example.com", sixty_four.as_str()] {
            assert_eq!(Username::parse(name, 2..=64).unwrap().as_str(), name);
        }
        let sixty_five = "a".repeat(65);
        for (name, found) in [
            ("a", "1 characters"),
            (sixty_five.as_str(), "65 characters"),
            ("ana ruiz", "a space at character 4"),
            ("ana+x@example.com", "'+' at character 4"),
            ("ana#EXT#@example.com", "'#' at character 4"),
            ("o'neil", "'\\'' at character 2"),
            ("a=b", "'=' at character 2"),
            ("año", "a character outside of ASCII at character 2"),
            ("аna", "a character outside of ASCII at character 1"),
            ("ana\u{0}", "a control character at character 4"),
            ("ana@example", "an @ outside of a full e-mail address (name@domain.tld)"),
            ("@example.com", "an @ outside of a full e-mail address (name@domain.tld)"),
            ("a@b@c.com", "an @ outside of a full e-mail address (name@domain.tld)"),
            ("ana@example.", "an @ outside of a full e-mail address (name@domain.tld)"),
        ] {
            let found = found.replace("'\\''", "'''");
            let expected = format!(
                "userName: expected 2 to 64 characters of A-Z a-z 0-9 _ - . @, found {found}"
            );
            assert_eq!(detail(Username::parse(name, 2..=64)), expected);
        }
    }

    #[test]
    fn names_are_composed_and_measured_in_characters() {
        let read = |text: &str| PersonName::parse("name.givenName", text, 255);
        assert_eq!(read("Jose\u{301}").unwrap().as_str(), "Jos\u{e9}");
        assert_eq!(read(&"\u{e9}".repeat(255)).unwrap().as_str(), "\u{e9}".repeat(255));
        assert_eq!(read(&"e\u{301}".repeat(255)).unwrap().as_str(), "\u{e9}".repeat(255));
        for (text, found) in [
            ("x".repeat(256), "256 characters"),
            (" \u{a0}".to_owned(), "no letter"),
            ("\u{200b}".to_owned(), "no letter"),
            ("Ana\u{202e}".to_owned(), "a control character"),
            ("Ana\n".to_owned(), "a control character"),
            ("Ana\u{0}".to_owned(), "a control character"),
        ] {
            assert_eq!(
                detail(read(&text)),
                format!("name.givenName: expected 1 to 255 characters of a name, found {found}")
            );
        }
    }

    #[test]
    fn addresses_are_those_that_connect_takes() {
        let longest = format!("{}@example.com", "a".repeat(253));
        for address in ["ana.ruiz+1%@ex-ample.co", "a@b.museum", longest.as_str()] {
            assert_eq!(Email::parse(address).unwrap().as_str(), address);
        }
        let too_long = format!("{}@example.com", "a".repeat(254));
        for address in [
            "",
            "a",
            "a@b",
            "@b.co",
            "a@.co",
            "a@b.c",
            "a@b.c1",
            "a b@c.de",
            "añ@b.co",
            "a@b@c.de",
            too_long.as_str(),
        ] {
            assert!(Email::parse(address).is_err(), "{address}");
        }
    }

    #[test]
    fn numbers_are_normalised_to_e164_or_refused() {
        let read = |text| PhoneNumber::parse("phoneNumbers", text);
        for (text, number) in [
            ("+12065550100", "+12065550100"),
            ("tel:+1-206-555-0100", "+12065550100"),
            ("Tel:+1-206-555-0100", "+12065550100"),
            ("TEL:+12065550100", "+12065550100"),
            ("+34 600.100.200", "+34600100200"),
            ("+49 30/901820", "+4930901820"),
            ("+49 35242/1234", "+49352421234"),
            ("+1 - 206 - 555 - 0100", "+12065550100"),
            ("+1 (206) 555-0100", "+12065550100"),
        ] {
            assert_eq!(read(text).unwrap().as_str(), number);
        }
        for text in [
            "",
            "+",
            "+1",
            "2065550100",
            "00342065550100",
            "+0123",
            "+1234567890123456",
            "+44 (0) 20 7946 0000",
            "+44 ( 020) 7946 0000",
            "+49 (030) 901820",
            "tel:+12065550100;ext=5",
            "+1２065550100",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn two_numbers_and_extensions_are_told_from_other_things() {
        for (text, found) in [
            ("+34 600 100 200/201", "more than one number"),
            ("+34 600 100 200 / 201", "more than one number"),
            ("+49 30 9018/9019", "more than one number"),
            ("+49 30/9018/9019", "more than one number"),
            ("+34 600 100 200 - 201", "more than one number"),
            ("+34600100200;+34600100201", "more than one number"),
            ("+34600100200, 600100201", "more than one number"),
            ("+34600100200 or 600100201", "more than one number"),
            ("+34600100200\n+34600100201", "more than one number"),
            ("+34600100200 +34600100201", "more than one number"),
            ("tel:+12065550100;ext=5", "one with an extension, which Amazon Connect does not dial"),
            ("+12065550100x123", "one with an extension, which Amazon Connect does not dial"),
            ("+1 206 555 0100 ext. 5", "one with an extension, which Amazon Connect does not dial"),
            ("+1 206 555 0100 Ext 5", "one with an extension, which Amazon Connect does not dial"),
            ("+1 206 555 0100 #5", "one with an extension, which Amazon Connect does not dial"),
            ("tel:+12065550100;phone-context=x", "something else"),
            ("600/201", "something else"),
            ("ext. 5", "something else"),
        ] {
            assert_eq!(
                detail(PhoneNumber::parse("x", text)),
                format!(
                    "x: expected an international number, + and 2 to 15 digits (E.164), found {found}"
                ),
                "{text}"
            );
        }
    }

    #[test]
    fn debug_shows_nobody() {
        assert_eq!(
            format!("{:?}", Username::parse("ana", 2..=64).unwrap()),
            "Username([redacted])"
        );
        assert_eq!(format!("{:?}", Email::parse("a@b.co").unwrap()), "Email([redacted])");
    }

    proptest! {
        #[test]
        fn whatever_is_taken_fits_the_patterns_of_the_api(text in "[-+@._a-z0-9 (é]{0,70}") {
            if let Ok(username) = Username::parse(&text, 2..=64) {
                prop_assert!(username.as_str() == text && text.len() <= 64);
            }
            if let Ok(number) = PhoneNumber::parse("x", &text) {
                let digits = number.as_str().strip_prefix('+').unwrap();
                prop_assert!(digits.len() <= 15 && digits.bytes().all(|byte| byte.is_ascii_digit()));
            }
        }
    }
}
