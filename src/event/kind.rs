//! An envelope's `type` → what it asks for.
//!
//! A hub sends many types of event here, and switches an endpoint off that keeps refusing them, so a
//! type that nobody knows is taken and passed over. One that is nearly a known one is a mistake, which
//! whoever made it should hear of: nothing else would ever show that nobody joins or leaves.

use super::Intent;
use crate::fault::{Fault, Kind};
use crate::near::distance;
use crate::scim::Person;

/// The change that a type of event asks for.
pub type ToIntent = fn(Person) -> Intent;

/// Every type that asks for something.
pub static TYPES: &[(&str, ToIntent)] = &[
    ("user.created", Intent::Join),
    ("user.updated", Intent::Change),
    ("user.deactivated", Intent::Leave),
    ("user.activated", Intent::Return),
    ("user.deleted", Intent::Remove),
];

/// A type that differs from a known one by no more slips of the pen than this is none of its own.
const SLIPS: usize = 2;

/// The change that an event of this type asks for; `None` if it asks for none.
pub(super) fn wish(event_type: &str) -> Result<Option<ToIntent>, Fault> {
    if let Some((_, wish)) = TYPES.iter().find(|(known, _)| *known == event_type) {
        return Ok(Some(*wish));
    }
    let told = plain(event_type);
    let is_near = |(known, _): &(&str, ToIntent)| {
        told.as_ref().is_some_and(|told| distance(told, known) <= SLIPS)
    };
    if !TYPES.iter().any(is_near) {
        return Ok(None);
    }
    let known: Vec<&str> = TYPES.iter().map(|(known, _)| *known).collect();
    Err(Fault::new(
        Kind::InvalidSyntax,
        format!(
            "type: expected one of {}, found one that is nearly one of these",
            known.join(", ")
        ),
    ))
}

/// A type in lower case, with a dot for whatever separates its words; `None` if it is so long that it
/// is near to none.
fn plain(event_type: &str) -> Option<String> {
    let one = |letter: char| if letter.is_alphanumeric() { letter } else { '.' };
    let letters = event_type.trim().chars().flat_map(char::to_lowercase).map(one);
    let letters: String = letters.take(LONGEST.saturating_add(1)).collect();
    Some(letters).filter(|letters| letters.chars().count() <= LONGEST)
}

/// Longer than any known type with its slips.
const LONGEST: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_known_resembles_a_known_one_or_asks_nothing() {
        for (known, _) in TYPES {
            assert!(wish(known).unwrap().is_some(), "{known}");
        }
        for near in [
            "user.create",
            "user.deactivate",
            "user_created",
            "user/created",
            "user:deleted",
            "USER.CREATED",
            "User.Deleted",
            "user..deleted",
            "usr.updtaed",
            " user.created ",
            "user.reactivated",
        ] {
            let fault = wish(near).err().unwrap_or_else(|| panic!("{near}"));
            assert_eq!(fault.kind, Kind::InvalidSyntax);
            assert!(fault.detail.contains("user.deactivated"), "{}", fault.detail);
        }
        for other in [
            "",
            "user.terminated",
            "user.locked",
            "group.created",
            "role.created",
            "session.created",
            "user.password_changed",
            "user.created.user.created.user.created",
        ] {
            assert!(wish(other).unwrap().is_none(), "{other}");
        }
    }
}
