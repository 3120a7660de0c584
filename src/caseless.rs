//! A text → the form in which texts of people's are compared in any case.
//!
//! Unicode's canonical caseless matching (The Unicode Standard, section 3.13, D145): two texts are
//! equal if their full case foldings are, whichever way accents are encoded. Lowering would not do: it
//! makes the last Σ of a word another letter than the same Σ inside of it, leaves `ß` and `ss` two,
//! and `é` and `e` with an accent behind it. Foldings are those of every language but Turkish and
//! Azeri: `I` is `i`, and `İ` is `i` with a dot above.
//!
//! Whatever RFC 7643 calls caseExact false, and the names that the operator wrote for it, are compared
//! so. Names of protocols' (attributes, URNs, schemes) are ASCII, and stay with
//! [`str::eq_ignore_ascii_case`].

use std::borrow::Cow;

use icu_casemap::CaseMapper;
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

/// The form of a text that it shares with all that differ from it in case alone.
///
/// It is folded, in Unicode normalisation form C. One text is at the start, at the end or anywhere in
/// another in any case if its form is in the other's.
///
/// It is decomposed before, as D145 asks for the sake of U+0345, the iota below: folded, that is a letter
/// and no accent any more, and composed it may have come before another accent. Composed after, equal
/// foldings are one text, and `e` is not in `é`.
#[must_use]
pub fn folded(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return match text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => Cow::Owned(text.to_ascii_lowercase()),
            false => Cow::Borrowed(text),
        };
    }
    let decomposed = DecomposingNormalizerBorrowed::new_nfd().normalize(text);
    let folded = CaseMapper::new().fold_string(&decomposed);
    Cow::Owned(ComposingNormalizerBorrowed::new_nfc().normalize(&folded).into_owned())
}

/// Whether two texts are the same in any case.
#[must_use]
pub fn same(one: &str, other: &str) -> bool {
    match one.is_ascii() && other.is_ascii() {
        true => one.eq_ignore_ascii_case(other),
        false => folded(one) == folded(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// D145 to the letter: NFD(toCasefold(NFD(X))).
    fn by_the_letter(text: &str) -> String {
        let decomposed = DecomposingNormalizerBorrowed::new_nfd();
        let folded = CaseMapper::new().fold_string(&decomposed.normalize(text)).into_owned();
        decomposed.normalize(&folded).into_owned()
    }

    #[test]
    fn texts_that_differ_in_case_or_encoding_alone_are_one() {
        for alike in [
            &["ΟΔΟΣ", "οδος", "οδοσ", "Οδος"][..],
            &["Straße", "STRASSE", "strasse", "STRAẞE"],
            &["CAFÉ", "café", "cafe\u{301}", "CAFE\u{301}"],
            &["ﬁnance", "FINANCE", "finance"],
            &["İstanbul", "I\u{307}STANBUL", "i\u{307}stanbul"],
            &["Ангелина", "АНГЕЛИНА"],
            &["\u{1fb4}", "\u{3b1}\u{345}\u{301}", "\u{386}\u{399}"],
            &["한글", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}"],
            &["\u{212a}elvin", "KELVIN"],
            &["\u{1f0}", "J\u{30c}"],
        ] {
            for (one, other) in alike.iter().flat_map(|one| alike.iter().map(move |it| (one, it))) {
                assert!(same(one, other), "{one} {other}");
                assert_eq!(folded(one), folded(other), "{one} {other}");
            }
        }
        for (one, other) in [("İ", "i"), ("ı", "i"), ("é", "e"), ("ss", "s"), ("ＡＢ", "AB")] {
            assert!(!same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn a_part_of_a_text_is_a_part_of_its_form() {
        let text = folded("ΟΔΟΣΗΜΑΝΣΗ ΑΘΗΝΑΣ").into_owned();
        assert!(text.starts_with(&*folded("ΟΔΟΣ")));
        assert!(text.contains(&*folded("ΗΜΑΝΣ")));
        assert!(text.ends_with(&*folded("Σ")) && text.ends_with(&*folded("ς")));
    }

    #[test]
    fn every_character_is_folded_as_unicode_says() {
        let iota_below = "\u{345}";
        // What is beyond has neither case nor parts.
        for character in '\0'..='\u{1ffff}' {
            for text in [character.to_string(), format!("{character}{iota_below}\u{301}")] {
                let form = folded(&text);
                assert_eq!(folded(&form), form, "{text:?}: a form is its own form");
                assert_eq!(by_the_letter(&form), by_the_letter(&text), "{text:?}");
                assert_eq!(folded(&by_the_letter(&text)), form, "{text:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn sameness_is_an_equivalence(texts in prop::array::uniform3("[aAßẞsSσΣςéE\u{301}İi\u{307}ﬁF]{0,4}")) {
            let [a, b, c] = texts.each_ref().map(String::as_str);
            prop_assert!(same(a, a));
            prop_assert_eq!(same(a, b), same(b, a));
            prop_assert!(!(same(a, b) && same(b, c)) || same(a, c));
            prop_assert_eq!(same(a, b), by_the_letter(a) == by_the_letter(b));
            prop_assert_eq!(same(a, b), folded(a) == folded(b));
        }
    }
}
