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
    fn what_has_no_two_parts_is_not_split() {
        for display_name in ["", " ", "Ana", " Ana ", "Ruiz,", ", Ana", ",", "Smith, John, Jr."] {
            assert_eq!(split(display_name), None, "{display_name}");
        }
        for display_name in ["Ana Ruiz, PhD", "John Smith, Jr.", "Ana Ruiz, M.B.A."] {
            assert_eq!(split(display_name), None, "{display_name}");
        }
    }
}
