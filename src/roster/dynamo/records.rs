//! Records: an item each, with all that is written when one is.
//!
//! A record that is found as before is one item alone, on condition of its version. Where something
//! else changes, all of it is one transaction with the record.

use super::DynamoRoster;
use super::claim::{Claim, Known};
use super::condition::{Action, Change, Condition};
use super::item::{
    Item, broken, check_form, is_by, name, nanos, number, number_of, record_at, text, text_of,
};
use super::plan::{Plan, Surroundings, parked_action, plan};
use super::transact::{Reason, Transacted, Written};
use crate::roster::key::{Id, Key};
use crate::roster::parked::State;
use crate::roster::record::{DesiredState, DueClass, StoredKeys, UserRecord};
use crate::roster::{RosterError, Stored, WriteConflict};

/// The states by which the index knows records. Who is parked stands in the table itself.
pub(super) mod state {
    /// Connect does not follow.
    pub(in super::super) const PENDING: &str = "pending";
    /// Connect does not follow, and they are on the way out.
    pub(in super::super) const LEAVING: &str = "leaving";
    /// Their user was removed.
    pub(in super::super) const REMOVED: &str = "removed";
    /// They never had one.
    pub(in super::super) const FORGOTTEN: &str = "forgotten";
}

/// So many shards has each class of the index of what is due.
pub(super) const DUE_SHARDS: u8 = 2;

/// What a record's item has only where an index shows it.
const OF_INDEXES: [&str; 4] = [name::DUE, name::DUE_SHARD, name::STATE, name::SINCE];

/// How often a write is judged again where others wrote what stands at its keys.
const JUDGED: usize = 16;

/// The partition of the index of what is due.
pub(super) fn due_shard(class: DueClass, shard: u8) -> String {
    match class {
        DueClass::Farewell => format!("farewell{shard}"),
        DueClass::Ordinary => format!("ordinary{shard}"),
    }
}

/// A record's item.
///
/// # Errors
/// If one of its times cannot be stored.
fn record_item(record: &UserRecord, nonce: &str) -> Result<Item, RosterError> {
    let doc = serde_json::to_string(record).map_err(|_| broken("no record"))?;
    let mut item = record_at(record.id.as_str()).with([
        (name::VERSION, number(record.row_version)),
        (name::NONCE, text(nonce)),
        (name::DOC, text(doc)),
    ]);
    if let Some(due) = record.schedule.due {
        let shard = record.id.as_str().bytes().last().unwrap_or_default() % DUE_SHARDS;
        item.insert(name::DUE.to_owned(), number(nanos(due)?));
        let shard = due_shard(record.schedule.class, shard);
        item.insert(name::DUE_SHARD.to_owned(), text(shard));
    }
    let is_living = record.desired_state() != DesiredState::Deleted;
    let state = match State::of(record) {
        State::Applied | State::Parked => None,
        State::Pending if is_living => Some(state::PENDING),
        State::Pending => Some(state::LEAVING),
        State::Removed => Some(state::REMOVED),
        State::Forgotten => Some(state::FORGOTTEN),
    };
    if let Some(state) = state {
        let since = nanos(record.pending_since().unwrap_or(record.created))?;
        item.insert(name::STATE.to_owned(), text(state));
        item.insert(name::SINCE.to_owned(), number(since));
    }
    Ok(item)
}

/// The record of an item.
///
/// # Errors
/// If it is none, or a newer build wrote it.
pub(super) fn read_record(item: &Item) -> Result<UserRecord, RosterError> {
    check_form(item)?;
    let doc = text_of(item, name::DOC).ok_or_else(|| broken("a record that says nothing"))?;
    let mut record = UserRecord::from_stored(doc)
        .map_err(|error| RosterError::NotDone(format!("a record in the table: {error}")))?;
    if number_of(item, name::VERSION) != Some(record.row_version) {
        return Err(broken("a record of two versions"));
    }
    record.stored_keys = StoredKeys::new(&record)?;
    Ok(record)
}

/// All that is written when a record that was `former` is `next` from now on, but for the claims on
/// its keys: its own item first.
///
/// # Errors
/// If one of its times cannot be stored.
pub(super) fn found_as_before(
    former: &UserRecord,
    next: &UserRecord,
    nonce: &str,
) -> Result<Vec<Action>, RosterError> {
    let (before, after) = (Surroundings::of(former)?, Surroundings::of(next)?);
    let mut actions = vec![record_action(former.row_version, next, nonce)?];
    actions.extend(parked_action(&next.id, before.parked, after.parked));
    Ok(actions)
}

fn record_action(version: u64, next: &UserRecord, nonce: &str) -> Result<Action, RosterError> {
    let written = Change::Write(record_item(next, nonce)?, &OF_INDEXES);
    Ok(Action::new(record_at(next.id.as_str()), written).only_if(of_version(version)))
}

/// That it is there in this version; not at all, if that is 0.
pub(super) fn of_version(version: u64) -> Condition {
    match version {
        0 => Condition::new_item(),
        version => Condition::of(name::VERSION, number(version)),
    }
}

impl DynamoRoster {
    pub(super) async fn load_record(&self, id: &Id) -> Result<Option<UserRecord>, RosterError> {
        let item = self.read(&record_at(id.as_str())).await?;
        item.as_ref().map(read_record).transpose()
    }

    pub(super) async fn write_record(
        &self,
        record: &UserRecord,
    ) -> Result<Result<Stored, WriteConflict>, RosterError> {
        let former = match self.former(record).await? {
            Ok(former) => former,
            Err(conflict) => return Ok(Err(conflict)),
        };
        let version = record.row_version.saturating_add(1);
        let next = UserRecord { row_version: version, ..record.clone() };
        let nonce = self.nonce();
        let before = former.as_ref().map(Surroundings::of).transpose()?.unwrap_or_default();
        let after = Surroundings::of(&next)?;
        let own = record_action(record.row_version, &next, &nonce)?;
        let written = if former.is_some() && before == after {
            self.write_alone(own, version, &nonce).await?
        } else {
            let new = former.is_none().then_some(&next);
            self.write_with(own, (version, &nonce), &record.id, new, (&before, &after)).await?
        };
        let stored_keys = StoredKeys::new(&next)?;
        Ok(written.map(|()| Stored { row_version: version, stored_keys }))
    }

    pub(super) async fn erase_record(
        &self,
        record: &UserRecord,
    ) -> Result<Result<(), WriteConflict>, RosterError> {
        let former = match self.former(record).await? {
            Ok(Some(former)) => former,
            Ok(None) => return Ok(Err(WriteConflict::StaleVersion)),
            Err(conflict) => return Ok(Err(conflict)),
        };
        let own = Action::new(record_at(record.id.as_str()), Change::Delete);
        let own = own.only_if(of_version(record.row_version));
        let version = record.row_version.saturating_add(1);
        let before = Surroundings::of(&former)?;
        let none = Surroundings::default();
        self.write_with(own, (version, ""), &record.id, None, (&before, &none)).await
    }

    /// What is stored of a record in the version that it has; read only where it does not come with it.
    async fn former(
        &self,
        record: &UserRecord,
    ) -> Result<Result<Option<UserRecord>, WriteConflict>, RosterError> {
        if record.row_version == 0 {
            return Ok(Ok(None));
        }
        let is_this = |former: &UserRecord| former.row_version == record.row_version;
        if let Some(former) = record.stored_keys.record()?.filter(is_this) {
            return Ok(Ok(Some(former)));
        }
        let stored = self.load_record(&record.id).await?.filter(is_this);
        Ok(stored.map(Some).ok_or(WriteConflict::StaleVersion))
    }

    /// Writes a record's item alone.
    async fn write_alone(
        &self,
        own: Action,
        version: u64,
        nonce: &str,
    ) -> Result<Result<(), WriteConflict>, RosterError> {
        let Change::Write(item, others) = &own.change else {
            return Err(broken("no item of a record"));
        };
        Ok(match self.write_one(&own.at, (item, others), &own.condition).await? {
            Written::Done => Ok(()),
            // The answer of an earlier try was lost.
            Written::Refused(Some(stored), _) if is_by(&stored, nonce) => Ok(()),
            Written::Refused(stored, is_unknown) => {
                if is_unknown {
                    overtaken(stored.as_ref(), version)?;
                }
                Err(WriteConflict::StaleVersion)
            }
        })
    }

    /// Writes a record's item with all that changes around it. `new` is who comes.
    async fn write_with(
        &self,
        own: Action,
        (version, nonce): (u64, &str),
        id: &Id,
        new: Option<&UserRecord>,
        (before, after): (&Surroundings, &Surroundings),
    ) -> Result<Result<(), WriteConflict>, RosterError> {
        let is_erased = matches!(own.change, Change::Delete);
        let mut known = Known::new();
        for number in 0..JUDGED {
            let plan = match plan(&own, (id, version), new, (before, after), &known)? {
                Ok(plan) => plan,
                Err(conflict) => return Ok(Err(conflict)),
            };
            let Plan { firm, keys, before: first, after: last } = plan;
            self.write_all(&first).await?;
            let (reasons, is_unknown) = match self.transact(&firm).await? {
                Transacted::Done => return Ok(self.sweep(&last).await),
                Transacted::Refused { reasons, is_unknown } => (reasons, is_unknown),
            };
            match reasons.first() {
                // The answer of an earlier try was lost.
                Some(reason) if reason.is_by(nonce) => return Ok(self.sweep(&last).await),
                Some(Reason::Broken(None)) if is_erased && is_unknown => {
                    return Ok(self.sweep(&last).await);
                }
                Some(Reason::Broken(there)) => {
                    if is_unknown && !is_erased {
                        overtaken(there.as_ref(), version)?;
                    }
                    return Ok(Err(WriteConflict::StaleVersion));
                }
                Some(Reason::Held) | None => {}
            }
            learn(&mut known, &keys, &reasons)?;
            if number > 2 {
                self.pause(0).await;
            }
        }
        Err(RosterError::NotDone("others wrote the same keys again and again".to_owned()))
    }

    /// Takes rows away that lead to a record which says otherwise by now. Those that stay do no harm, so the
    /// write is done whatever comes of it.
    async fn sweep(&self, rows: &[Action]) -> Result<(), WriteConflict> {
        for Action { at, condition, .. } in rows {
            drop(self.take(at, condition.clone()).await);
        }
        Ok(())
    }
}

/// Nothing, where a write to this version was surely not done, since the item knows who wrote its last
/// four. Where it may have been, and been written over as often since, nobody can tell.
///
/// # Errors
/// [`RosterError::Unknown`] for that.
pub(super) fn overtaken(there: Option<&Item>, version: u64) -> Result<(), RosterError> {
    let stored = there.and_then(|there| number_of(there, name::VERSION));
    match stored {
        // Ours would be among the last four.
        Some(stored) if stored <= version.saturating_add(3) => Ok(()),
        _ => Err(RosterError::Unknown(
            "DynamoDB's answer was lost, and somebody else has written since".to_owned(),
        )),
    }
}

/// Notes what stands at the keys of the last actions of a transaction that was refused.
///
/// # Errors
/// If it was not refused for one of them.
pub(super) fn learn(
    known: &mut Known,
    keys: &[Key],
    reasons: &[Reason],
) -> Result<(), RosterError> {
    let skipped = reasons.len().saturating_sub(keys.len());
    let mut is_wiser = false;
    for (key, reason) in keys.iter().zip(reasons.iter().skip(skipped)) {
        if let Reason::Broken(there) = reason {
            known.insert(key.clone(), Claim::of(there.as_ref())?);
            is_wiser = true;
        }
    }
    match is_wiser {
        true => Ok(()),
        false => Err(broken("a transaction that was refused for no reason")),
    }
}
