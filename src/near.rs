//! Two words → how far one is from the other: for names that were mistyped.

/// How far one is from the other, if that is no more than `most`.
///
/// Nearly all pairs are told apart by their lengths and by which letters they have: each letter that is
/// wrong makes a difference of two there at most. The function does this for every variable at its start.
#[must_use]
pub fn within(one: &str, other: &str, most: usize) -> Option<usize> {
    let lengths = one.chars().count().abs_diff(other.chars().count());
    let differing = usize::try_from((letters(one) ^ letters(other)).count_ones()).ok()?;
    let is_far = lengths > most || differing > most.saturating_mul(2);
    if is_far { None } else { Some(distance(one, other)).filter(|found| *found <= most) }
}

/// A bit for each letter that a word has; several letters may have the same.
fn letters(word: &str) -> u32 {
    word.chars().fold(0, |bits, letter| bits | 1_u32.rotate_left(u32::from(letter) % 32))
}

/// How many letters are wrong, missing, too many, or in each other's place ("optimal string
/// alignment").
#[must_use]
pub fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let at = |row: &[usize], place: usize| row.get(place).copied().unwrap_or(usize::MAX);
    let (mut before, mut above): (Vec<usize>, Vec<usize>) =
        (Vec::new(), (0..=other.len()).collect());
    let mut last = None;
    for (number, letter) in (1..).zip(one.chars()) {
        let mut row = vec![number];
        for (place, wanted) in other.iter().enumerate() {
            let replaced = at(&above, place).saturating_add((letter != *wanted).into());
            let dropped = at(&above, place.saturating_add(1)).saturating_add(1);
            let added = at(&row, place).saturating_add(1);
            let prior = place.checked_sub(1).filter(|prior| {
                last == Some(*wanted) && other.get(*prior).is_some_and(|prior| *prior == letter)
            });
            let swapped = prior.map_or(usize::MAX, |prior| at(&before, prior).saturating_add(1));
            row.push(replaced.min(dropped).min(added).min(swapped));
        }
        before = std::mem::replace(&mut above, row);
        last = Some(letter);
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn letters_are_counted_that_are_wrong_missing_too_many_or_swapped() {
        for (one, other, expected) in [
            ("", "", 0),
            ("", "AB", 2),
            ("AB", "", 2),
            ("DEACTIVTE", "DEACTIVATE", 1),
            ("AUTO_ACEPT", "AUTO_ACCEPT", 1),
            ("HOKO", "HOOK", 1),
            ("ROSTRE", "ROSTER", 1),
            ("RENAME", "REMANE", 2),
            ("ABC", "CA", 3),
            ("SALEZ", "SALES", 1),
            ("user.craeted", "user.created", 1),
            ("group.created", "user.created", 5),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
            assert_eq!(distance(other, one), expected, "{other} {one}");
        }
    }

    proptest! {
        #[test]
        fn what_is_within_is_what_the_distance_says(one in "[A-Eé_]{0,9}", other in "[A-Eé_]{0,9}", most in 0..4_usize) {
            let expected = Some(distance(&one, &other)).filter(|found| *found <= most);
            prop_assert_eq!(within(&one, &other, most), expected);
        }
    }
}
