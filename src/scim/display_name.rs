//! Splits a display name into given and family name.

use std::borrow::Cow;

use crate::caseless;

/// Splits a display name into given and family name:
///
/// - text in brackets is ignored: `Nora Lind (IT)`;
/// - with one comma, the part before it is the family name: `Ruiz García, Ana`;
/// - without a comma, the first word is the given name and the rest is the family name: `Ana Ruiz
///   García`;
/// - but in a name written in Han, Hangul or Kana only, the first word is the family name: `山田 太郎`,
///   `김 민준`.
///
/// `None` for a single word, for a full name followed by a title (`Ana Ruiz, PhD`), for unbalanced
/// brackets, and for any other text that does not have two parts. `None` also for Katakana alone:
/// Japanese names are written with the family name first in it, foreign names with the given name
/// first.
pub(super) fn split(display_name: &str) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    match without_brackets(display_name)? {
        Cow::Borrowed(name) => {
            let (given, family) = parts(name)?;
            Some((given.into(), family.into()))
        }
        Cow::Owned(name) => {
            let (given, family) = parts(&name)?;
            Some((given.to_owned().into(), family.to_owned().into()))
        }
    }
}

/// The display name less one known part at its start or end.
///
/// `Ana María Ruiz` without `Ana María` is `Ruiz`; `Ruiz, Ana` without `Ruiz` is `Ana`. `None` if
/// the part is at neither end or nothing remains.
pub(super) fn without<'a>(display_name: &'a str, part: &str) -> Option<Cow<'a, str>> {
    match without_brackets(display_name)? {
        Cow::Borrowed(name) => rest(name, part).map(Cow::Borrowed),
        Cow::Owned(name) => rest(&name, part).map(|rest| Cow::Owned(rest.to_owned())),
    }
}

/// Given and family name, in this order, of a name without brackets.
fn parts(name: &str) -> Option<(&str, &str)> {
    let (given, family) = match name.split_once(COMMAS) {
        Some((family, given)) if !given.contains(COMMAS) && !is_title(family, given) => {
            (given, family)
        }
        Some(_) => return None,
        None => {
            let (first, others) = name.trim().split_once(char::is_whitespace)?;
            match Script::of(name) {
                Script::Other => (first, others),
                Script::FamilyFirst => (others, first),
                Script::Katakana => return None,
            }
        }
    };
    let (given, family) = (given.trim(), family.trim());
    (!given.is_empty() && !family.is_empty()).then_some((given, family))
}

fn rest<'a>(name: &'a str, part: &str) -> Option<&'a str> {
    let parts = |letter: char| letter.is_whitespace() || COMMAS.contains(&letter);
    let (name, part) = (name.trim(), part.trim());
    let behind = name.strip_prefix(part).filter(|rest| rest.starts_with(parts));
    let before = name.strip_suffix(part).filter(|rest| rest.ends_with(parts));
    let rest = behind.or(before)?.trim_matches(parts);
    (!rest.is_empty() && !rest.contains(COMMAS)).then_some(rest)
}

/// The ASCII comma and the full-width comma (U+FF0C).
const COMMAS: [char; 2] = [',', '，'];

/// Opening and closing brackets, in pairs.
const BRACKETS: [(char, char); 8] = [
    ('(', ')'),
    ('[', ']'),
    ('{', '}'),
    ('<', '>'),
    ('（', '）'),
    ('［', '］'),
    ('【', '】'),
    ('〔', '〕'),
];

/// The name without bracketed text; `None` if the brackets do not match.
fn without_brackets(name: &str) -> Option<Cow<'_, str>> {
    let is_bracket =
        |letter| BRACKETS.iter().any(|(open, close)| [*open, *close].contains(&letter));
    if !name.contains(is_bracket) {
        return Some(Cow::Borrowed(name));
    }
    let (mut bare, mut closing) = (String::new(), Vec::new());
    for letter in name.chars() {
        if let Some((_, close)) = BRACKETS.iter().find(|(open, _)| *open == letter) {
            closing.push(*close);
        } else if closing.last() == Some(&letter) {
            closing.pop();
            // A bracketed text separates words as a blank does.
            bare.push(' ');
        } else if is_bracket(letter) {
            return None;
        } else if closing.is_empty() {
            bare.push(letter);
        }
    }
    closing.is_empty().then(|| Cow::Owned(bare.split_whitespace().collect::<Vec<_>>().join(" ")))
}

/// The order of given and family name, by the script of a name.
enum Script {
    /// Han, Hangul and Kana: the family name comes first.
    FamilyFirst,
    /// Katakana alone: the order is unknown.
    Katakana,
    /// Any other script, or a mixture: the given name comes first.
    Other,
}

impl Script {
    fn of(name: &str) -> Self {
        let letters = || name.chars().filter(|letter| !letter.is_whitespace());
        if letters().all(is_katakana) {
            Self::Katakana
        } else if letters().all(|letter| is_katakana(letter) || is_east_asian(letter)) {
            Self::FamilyFirst
        } else {
            Self::Other
        }
    }
}

/// Katakana, including the half-width forms, the middle dot and the long vowel mark (Unicode,
/// Blocks.txt).
const fn is_katakana(letter: char) -> bool {
    matches!(letter, '\u{30a0}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{ff65}'..='\u{ff9f}')
}

/// Han with its iteration mark, Hiragana and Hangul (Unicode, Blocks.txt).
const fn is_east_asian(letter: char) -> bool {
    matches!(letter,
        '\u{3005}'..='\u{3007}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}'
        | '\u{3041}'..='\u{309f}'
        | '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7ff}')
}

/// True if the text after the comma is a title and not a given name: `Ana Ruiz, PhD`, but not
/// `Rahman, Md`, where a single word comes before the comma.
fn is_title(name: &str, behind: &str) -> bool {
    const TITLES: [&str; 11] =
        ["cpa", "esq", "ii", "iii", "iv", "jr", "mba", "md", "msc", "phd", "sr"];
    let bare: String = behind.chars().filter(|letter| letter.is_alphanumeric()).collect();
    name.trim().contains(char::is_whitespace) && TITLES.contains(&&*caseless::folded(&bare))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_or_what_follows_the_comma_is_the_given_name() {
        for (display_name, given, family) in [
            ("Ana Ruiz", "Ana", "Ruiz"),
            ("  Ana   Ruiz García ", "Ana", "Ruiz García"),
            ("Ruiz García, Ana María", "Ana María", "Ruiz García"),
            ("Rahman, Md", "Md", "Rahman"),
            ("Ludwig van Beethoven", "Ludwig", "van Beethoven"),
            ("Taro 山田", "Taro", "山田"),
        ] {
            assert_eq!(split(display_name), Some((given.into(), family.into())), "{display_name}");
        }
    }

    #[test]
    fn what_stands_in_brackets_is_no_part_of_a_name() {
        for (display_name, given, family) in [
            ("Nora Lind (IT)", "Nora", "Lind"),
            ("Lind, Nora (IT)", "Nora", "Lind"),
            ("Lind (IT), Nora", "Nora", "Lind"),
            ("(IT) Nora Lind", "Nora", "Lind"),
            ("Nora (Nonie) van Lind", "Nora", "van Lind"),
            ("Lind, Nora (Nonie) Maria", "Nora Maria", "Lind"),
            ("Nora Lind (IT, Berlin) [extern]", "Nora", "Lind"),
            ("Nora Lind （IT）", "Nora", "Lind"),
            ("Nora Lind <nora.lind@example.com>", "Nora", "Lind"),
            ("Nora Lind (a [b] {c})", "Nora", "Lind"),
            ("Nora(IT)Lind", "Nora", "Lind"),
            ("山田 太郎（営業）", "太郎", "山田"),
        ] {
            assert_eq!(split(display_name), Some((given.into(), family.into())), "{display_name}");
        }
        for display_name in [
            "(IT)",
            "Nora (IT)",
            "(Nora Lind)",
            "Nora Lind (IT",
            "Nora Lind IT)",
            "Nora Lind ([IT)]",
            "Lind, (IT)",
            "Ana Ruiz, PhD (IT)",
        ] {
            assert_eq!(split(display_name), None, "{display_name}");
        }
        assert_eq!(without("Nora Lind (IT)", "Nora").as_deref(), Some("Lind"));
        assert_eq!(without("Nora Lind (IT)", "Lind").as_deref(), Some("Nora"));
        assert_eq!(without("Nora (IT)", "Nora"), None);
    }

    #[test]
    fn a_name_in_east_asian_scripts_alone_has_the_family_name_first() {
        for (display_name, given, family) in [
            ("山田 太郎", "太郎", "山田"),
            ("山田\u{3000}太郎", "太郎", "山田"),
            ("佐々木 さくら", "さくら", "佐々木"),
            ("山田 タロウ", "タロウ", "山田"),
            ("김 민준", "민준", "김"),
            ("王 小 明", "小 明", "王"),
            ("山田，太郎", "太郎", "山田"),
        ] {
            assert_eq!(split(display_name), Some((given.into(), family.into())), "{display_name}");
        }
        for display_name in ["山田太郎", "マイケル ジャクソン", "マイケル・ジャクソン", "ﾔﾏﾀﾞ ﾀﾛｳ"]
        {
            assert_eq!(split(display_name), None, "{display_name}");
        }
    }

    #[test]
    fn one_part_leaves_the_other() {
        for (display_name, part, rest) in [
            ("Ana María Ruiz", "Ana María", Some("Ruiz")),
            (" Ana María Ruiz ", "Ruiz", Some("Ana María")),
            ("Ruiz García, Ana", "Ruiz García", Some("Ana")),
            ("Ruiz García, Ana", "Ana", Some("Ruiz García")),
            ("Anabel Ruiz", "Ana", None),
            ("Ana Ruiz, PhD", "Ana", None),
            ("Ana", "Ana", None),
            ("Bea Ruiz", "Ana", None),
        ] {
            assert_eq!(without(display_name, part).as_deref(), rest, "{display_name}");
        }
    }

    #[test]
    fn what_has_no_two_parts_is_not_split() {
        for display_name in ["", " ", "Ana", " Ana ", "Ruiz,", ", Ana", ",", "Smith, John, Jr."] {
            assert_eq!(split(display_name), None, "{display_name}");
        }
        for display_name in ["Ana Ruiz, PhD", "John Smith, Jr.", "Ana Ruiz, M.B.A."] {
            assert_eq!(split(display_name), None, "{display_name}");
        }
    }
}
