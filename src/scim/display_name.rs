//! The name to show → first and last name.

/// Splits a name to show into given and family name:
///
/// - with one comma, what is before it is the family name: `Ruiz García, Ana`;
/// - without one, the first word is the given name and all others are the family name:
///   `Ana Ruiz García`.
///
/// `None` for a single word, for a whole name with a title behind the comma (`Ana Ruiz, PhD`), and
/// for anything else that is not a name of two parts.
pub(super) fn split(display_name: &str) -> Option<(&str, &str)> {
    let (given, family) = match display_name.split_once(',') {
        Some((family, given)) if !given.contains(',') && !is_title(family, given) => {
            (given, family)
        }
        Some(_) => return None,
        None => display_name.trim().split_once(char::is_whitespace)?,
    };
    let (given, family) = (given.trim(), family.trim());
    (!given.is_empty() && !family.is_empty()).then_some((given, family))
}

/// What one part leaves of a name to show, where it stands at its start or its end: of `Ana María
/// Ruiz` without `Ana María`, `Ruiz`; of `Ruiz, Ana` without `Ruiz`, `Ana`.
pub(super) fn without<'a>(display_name: &'a str, part: &str) -> Option<&'a str> {
    let parts = |letter: char| letter.is_whitespace() || letter == ',';
    let (name, part) = (display_name.trim(), part.trim());
    let behind = name.strip_prefix(part).filter(|rest| rest.starts_with(parts));
    let before = name.strip_suffix(part).filter(|rest| rest.ends_with(parts));
    let rest = behind.or(before)?.trim_matches(parts);
    (!rest.is_empty() && !rest.contains(',')).then_some(rest)
}

/// Whether what is behind the comma is a title and no given name: `Ana Ruiz, PhD`, but not `Rahman,
/// Md`.
fn is_title(name: &str, behind: &str) -> bool {
    const TITLES: [&str; 11] =
        ["cpa", "esq", "ii", "iii", "iv", "jr", "mba", "md", "msc", "phd", "sr"];
    let bare: String = behind.chars().filter(|letter| letter.is_alphanumeric()).collect();
    name.trim().contains(char::is_whitespace) && TITLES.contains(&bare.to_lowercase().as_str())
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
            ("山田\u{3000}太郎", "山田", "太郎"),
        ] {
            assert_eq!(split(display_name), Some((given, family)), "{display_name}");
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
            assert_eq!(without(display_name, part), rest, "{display_name}");
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
