//! Items of the table: their keys, and their attributes as values.

use std::collections::HashMap;
use std::fmt::Display;
use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::types::AttributeValue;
use sha2::{Digest as _, Sha256};

use crate::hex;
use crate::roster::RosterError;

/// An item as it is read and written.
pub(super) type Item = HashMap<String, AttributeValue>;

/// The form in which items stand in the table; a record in one has a form of its own besides.
const FORM: u64 = 1;

/// The names of attributes. In expressions each stands behind a `#`, since many words are reserved.
pub(super) mod name {
    pub(in super::super) const PK: &str = "pk";
    pub(in super::super) const SK: &str = "sk";
    /// The form of the item.
    pub(in super::super) const FORM: &str = "form";
    /// The version of a record or a group.
    pub(in super::super) const VERSION: &str = "v";
    /// A random text of the write that wrote the item: by it a write whose answer was lost knows its own.
    pub(in super::super) const NONCE: &str = "w";
    /// Those of the three writes before, the last first.
    pub(in super::super) const FORMER_NONCES: [&str; 3] = ["w1", "w2", "w3"];
    /// What the item holds, as JSON.
    pub(in super::super) const DOC: &str = "doc";
    /// When a record is due, in nanoseconds since 1970.
    pub(in super::super) const DUE: &str = "due";
    /// The partition of the index of what is due: a class and a shard.
    pub(in super::super) const DUE_SHARD: &str = "gsh";
    /// The partition of the index of states.
    pub(in super::super) const STATE: &str = "gst";
    /// Since when it is in that state, in nanoseconds since 1970.
    pub(in super::super) const SINCE: &str = "since";
    /// Who goes by a key.
    pub(in super::super) const HOLDER: &str = "holder";
    /// Who went by a key and is gone.
    pub(in super::super) const GONE: &str = "gone";
    /// The id of a record or a group.
    pub(in super::super) const ID: &str = "id";
    /// A count.
    pub(in super::super) const COUNT: &str = "n";
    /// A time, in nanoseconds since 1970.
    pub(in super::super) const TIME: &str = "at";
    /// Whom a lease is of, or which change owes.
    pub(in super::super) const WHO: &str = "who";
    /// Whether a group owes what was accepted.
    pub(in super::super) const OWES: &str = "owes";
    /// When the item may be swept, in seconds since 1970.
    pub(in super::super) const TTL: &str = "ttl";
}

/// Where an item is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) pk: String,
    pub(super) sk: String,
}

impl At {
    pub(super) fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    /// Where an item is that is alone in its partition.
    pub(super) fn alone(pk: impl Into<String>) -> Self {
        Self::new(pk, "#")
    }

    /// The item's key.
    pub(super) fn key(&self) -> Item {
        item([(name::PK, text(&self.pk)), (name::SK, text(&self.sk))])
    }

    /// A whole item there.
    pub(super) fn with<const N: usize>(&self, own: [(&str, AttributeValue); N]) -> Item {
        let mut all = self.key();
        all.extend(item(own));
        all.insert(name::FORM.to_owned(), form());
        all
    }
}

fn item<const N: usize>(attributes: [(&str, AttributeValue); N]) -> Item {
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The form of items as a value.
pub(super) fn form() -> AttributeValue {
    number(FORM)
}

/// A text as a value.
pub(super) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A number as a value.
pub(super) fn number(number: impl Display) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// A text of an item; none, if it has none of this name.
pub(super) fn text_of<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// A natural number of an item.
pub(super) fn number_of(item: &Item, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// Whether this write is the one that wrote an item, or one of the three before it.
pub(super) fn is_by(item: &Item, nonce: &str) -> bool {
    let all = [name::NONCE].into_iter().chain(name::FORMER_NONCES);
    all.filter_map(|name| text_of(item, name)).any(|own| own == nonce)
}

/// A time of an item.
pub(super) fn time_of(item: &Item, name: &str) -> Option<SystemTime> {
    number_of(item, name).map(time)
}

/// Refuses an item that a newer build wrote.
///
/// # Errors
/// If its form is another than this build's.
pub(super) fn check_form(item: &Item) -> Result<(), RosterError> {
    match number_of(item, name::FORM) {
        Some(FORM) => Ok(()),
        Some(form) if form > FORM => Err(RosterError::NotDone(format!(
            "expected an item of form {FORM} in the table, found one of form {form}: a newer build \
             wrote it"
        ))),
        _ => Err(broken("an item without its form")),
    }
}

/// The trouble where the table holds what no build writes.
pub(super) fn broken(found: &str) -> RosterError {
    RosterError::NotDone(format!("expected an item that a build wrote in the table, found {found}"))
}

/// A time as the number that is stored: nanoseconds since 1970, as in a record, so that nothing is
/// rounded.
///
/// # Errors
/// If it is before 1970, or after 2554.
pub(super) fn nanos(time: SystemTime) -> Result<u64, RosterError> {
    let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH).ok();
    let nanos = since_1970.and_then(|since| u64::try_from(since.as_nanos()).ok());
    nanos.ok_or_else(|| RosterError::NotDone("expected a time from 1970 to 2554".to_owned()))
}

/// The number up to which something is in time by now; whatever `now` is.
pub(super) fn bound(now: SystemTime) -> u64 {
    let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX)
}

/// The time that was stored as this number.
pub(super) fn time(nanos: u64) -> SystemTime {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(nanos));
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// A text of anybody's as part of a key, which has room for two thousand bytes: a long one by its hash.
pub(super) fn short(text: &str) -> String {
    match text.len() {
        0..=256 => format!("={text}"),
        _ => format!("#{}", hex::write(&Sha256::digest(text))),
    }
}

/// Where a record is.
pub(super) fn record_at(id: &str) -> At {
    At::alone(format!("R{}", short(id)))
}

/// Where a group is.
pub(super) fn group_at(id: &str) -> At {
    At::alone(format!("G{}", short(id)))
}
