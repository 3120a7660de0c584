//! A key that one record or group may have: who goes by it, and who went by it and is gone.
//!
//! A writer says what it believes to stand there, and writes what should stand there then. Where it was
//! wrong it is told what does, and judges again: so a key that nobody had costs no read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use super::condition::{Action, Change, Condition};
use super::item::{At, Item, broken, check_form, name, nanos, text, text_of};
use crate::roster::key::{Id, Key};
use crate::roster::record::UserRecord;
use crate::roster::{RosterError, WriteConflict};

/// Since when somebody is gone, in nanoseconds since 1970, and whether they were forgotten.
pub(super) type Departure = (u64, bool);

/// What stands at a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Claim {
    /// Who goes by it.
    pub(super) holder: Option<String>,
    /// Who went by it and is remembered.
    pub(super) gone: BTreeMap<String, Departure>,
}

/// What somebody has of the keys that one has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Claims {
    /// By which they go.
    pub(super) held: BTreeSet<Key>,
    /// By which they went.
    pub(super) left: BTreeMap<Key, Departure>,
}

/// What is known to stand at keys where it is not what one would believe.
pub(super) type Known = BTreeMap<Key, Claim>;

/// Where the item of a key is.
pub(super) fn claim_at(key: &Key) -> At {
    At::alone(format!("K#{}", key.as_str()))
}

impl Claims {
    /// Those of a record.
    ///
    /// # Errors
    /// If its time cannot be stored.
    pub(super) fn of(record: &UserRecord) -> Result<Self, RosterError> {
        let departure = (nanos(record.spec.access.time)?, record.spec.is_forgotten);
        let left = record.spec.tombstone_keys.iter().map(|key| (key.clone(), departure));
        Ok(Self { held: record.keys().into_iter().collect(), left: left.collect() })
    }

    /// Those of somebody who goes by these keys.
    pub(super) fn held(keys: impl IntoIterator<Item = Key>) -> Self {
        Self { held: keys.into_iter().collect(), left: BTreeMap::new() }
    }

    /// What somebody who has this believes to stand at a key: nobody else.
    fn believed(&self, key: &Key, own: &Id) -> Claim {
        let holder = self.held.contains(key).then(|| own.as_str().to_owned());
        let gone = self.left.get(key).map(|departure| (own.as_str().to_owned(), *departure));
        Claim { holder, gone: gone.into_iter().collect() }
    }

    /// What is to be written for somebody who had `self` and has `next` from now on; and to which key
    /// each of it is.
    ///
    /// # Errors
    /// If somebody else goes by one of the keys.
    pub(super) fn changes(
        &self,
        next: &Self,
        own: &Id,
        known: &Known,
    ) -> Result<Result<Vec<(Key, Action)>, WriteConflict>, RosterError> {
        let all = [&self.held, &next.held].into_iter().flatten();
        let all: BTreeSet<&Key> = all.chain(self.left.keys()).chain(next.left.keys()).collect();
        let mut actions = Vec::new();
        for key in all {
            let is_held = (self.held.contains(key), next.held.contains(key));
            let left = (self.left.get(key), next.left.get(key));
            if is_held.0 == is_held.1 && left.0 == left.1 {
                continue;
            }
            let there = known.get(key).cloned().unwrap_or_else(|| self.believed(key, own));
            let is_own = there.holder.as_deref().is_none_or(|holder| holder == own.as_str());
            let mut then = there.clone();
            match is_held {
                (false, true) if !is_own => return Ok(Err(WriteConflict::DuplicateKey)),
                (_, true) if is_own => then.holder = Some(own.as_str().to_owned()),
                (_, false) if is_own => then.holder = None,
                _ => {}
            }
            match left.1 {
                Some(departure) => drop(then.gone.insert(own.as_str().to_owned(), *departure)),
                None => drop(then.gone.remove(own.as_str())),
            }
            actions.push((key.clone(), there.replaced_by(&then, key)?));
        }
        Ok(Ok(actions))
    }
}

impl Claim {
    /// What an item says.
    ///
    /// # Errors
    /// If a newer build wrote it.
    pub(super) fn of(item: Option<&Item>) -> Result<Self, RosterError> {
        let Some(item) = item else { return Ok(Self::default()) };
        check_form(item)?;
        let gone = text_of(item, name::GONE).map(serde_json::from_str).transpose();
        let gone = gone.map_err(|_| broken("a key of which nobody can say who went by it"))?;
        let holder = text_of(item, name::HOLDER).map(str::to_owned);
        Ok(Self { holder, gone: gone.unwrap_or_default() })
    }

    /// Whether somebody who went by it is gone as of then or later.
    pub(super) fn outdates(&self, as_of: SystemTime) -> Result<bool, RosterError> {
        let as_of = nanos(as_of)?;
        let is_later =
            |(time, is_forgotten): &Departure| *time > as_of || (*time == as_of && !is_forgotten);
        Ok(self.gone.values().any(is_later))
    }

    /// That it stays as it is.
    ///
    /// # Errors
    /// None of a claim that was read.
    pub(super) fn stays(&self, key: &Key) -> Result<Action, RosterError> {
        self.replaced_by(self, key)
    }

    fn replaced_by(&self, then: &Self, key: &Key) -> Result<Action, RosterError> {
        let at = claim_at(key);
        let change = if self == then {
            Change::Check
        } else if *then == Self::default() {
            Change::Delete
        } else {
            let mut item = at.with([]);
            let holder = then.holder.as_ref().map(|holder| (name::HOLDER.to_owned(), text(holder)));
            item.extend(holder);
            item.extend(then.gone_text()?.map(|gone| (name::GONE.to_owned(), text(gone))));
            Change::Put(item)
        };
        let condition = Condition::default()
            .has(name::HOLDER, self.holder.as_ref().map(text))
            .has(name::GONE, self.gone_text()?.map(text));
        Ok(Action::new(at, change).only_if(condition))
    }

    fn gone_text(&self) -> Result<Option<String>, RosterError> {
        if self.gone.is_empty() {
            return Ok(None);
        }
        let gone = serde_json::to_string(&self.gone);
        Ok(Some(gone.map_err(|_| broken("times that are no numbers"))?))
    }
}
