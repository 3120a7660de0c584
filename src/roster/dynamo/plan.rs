//! All that is written when a record is: its keys, its place among the living, and whether it is parked.

use std::collections::{BTreeMap, BTreeSet};

use super::claim::{Claims, Known};
use super::condition::{Action, Change, Condition};
use super::find::shared_at;
use super::item::{At, name, nanos, number, text};
use super::place::place_actions;
use super::transact::ROOM;
use crate::roster::key::{Id, Key};
use crate::roster::parked::{State, is_held};
use crate::roster::record::{DesiredState, UserRecord};
use crate::roster::{RosterError, WriteConflict};

/// The list of who is parked.
pub(super) const PARKED: &str = "P";

/// All that is written of a record besides its own item.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Surroundings {
    claims: Claims,
    shared: BTreeSet<Key>,
    /// When they came, of the living.
    place: Option<u64>,
    /// Of who is parked: whether their removal is held, and whether they are living.
    pub(super) parked: Option<(bool, bool)>,
}

impl Surroundings {
    pub(super) fn of(record: &UserRecord) -> Result<Self, RosterError> {
        let is_living = record.desired_state() != DesiredState::Deleted;
        let created = nanos(record.created)?;
        Ok(Self {
            claims: Claims::of(record)?,
            shared: record.shared_keys().into_iter().collect(),
            place: is_living.then_some(created),
            parked: (State::of(record) == State::Parked).then(|| (is_held(record), is_living)),
        })
    }
}

/// What is written in one transaction, and what may as well be written before or after it.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) firm: Vec<Action>,
    /// To which key each of the last of these is.
    pub(super) keys: Vec<Key>,
    /// Who is found by a key among others: whoever reads that looks at the record.
    pub(super) before: Vec<Action>,
    pub(super) after: Vec<Action>,
}

/// What is written of a record of this version, its own item first and the claims last.
pub(super) fn plan(
    own: &Action,
    (id, version): (&Id, u64),
    new: Option<&UserRecord>,
    (before, after): (&Surroundings, &Surroundings),
    known: &Known,
) -> Result<Result<Plan, WriteConflict>, RosterError> {
    let mut checked = BTreeMap::new();
    for key in new.map(UserRecord::keys_of_deleted).unwrap_or_default() {
        let there = known.get(&key).cloned().unwrap_or_default();
        if let Some(new) = new
            && there.outdates(new.spec.access.time)?
        {
            return Ok(Err(WriteConflict::StaleVersion));
        }
        let stays = there.stays(&key)?;
        checked.insert(key, stays);
    }
    let claims = match before.claims.changes(&after.claims, id, known)? {
        Ok(claims) => claims,
        Err(conflict) => return Ok(Err(conflict)),
    };
    checked.extend(claims);
    let mut plan = Plan { firm: vec![own.clone()], ..Plan::default() };
    if before.place != after.place {
        let former = before.place.map(|created| place_actions(id, created, false));
        let next = after.place.map(|created| place_actions(id, created, true));
        plan.firm.extend(former.into_iter().chain(next).flatten());
    }
    plan.firm.extend(parked_action(id, before.parked, after.parked));
    let shared = |key: &Key| shared_at(key, id.as_str());
    let new_keys = after.shared.difference(&before.shared).map(shared);
    let row = |at: At| Change::Put(at.with([(name::VERSION, number(version))]));
    plan.before = new_keys.map(|at| Action::new(at.clone(), row(at))).collect();
    let former_keys = before.shared.difference(&after.shared).map(shared);
    // Where that comes late, a later write may have put the row there again.
    let is_former = Condition::default().at_most(name::VERSION, number(version));
    let left = |at| Action::new(at, Change::Delete);
    plan.after = former_keys.map(left).collect();
    let all = plan.firm.len().saturating_add(checked.len());
    let all = all.saturating_add(plan.before.len()).saturating_add(plan.after.len());
    if all <= ROOM {
        plan.firm.append(&mut plan.before);
        plan.firm.append(&mut plan.after);
    }
    plan.after.iter_mut().for_each(|left| left.condition = is_former.clone());
    (plan.keys, plan.firm) =
        checked.into_iter().fold((Vec::new(), plan.firm), |(mut keys, mut firm), (key, action)| {
            keys.push(key);
            firm.push(action);
            (keys, firm)
        });
    Ok(Ok(plan))
}

/// What is written where somebody is parked, or no more.
pub(super) fn parked_action(
    id: &Id,
    before: Option<(bool, bool)>,
    after: Option<(bool, bool)>,
) -> Option<Action> {
    let at = At::new(PARKED, id.as_str());
    let change = match after {
        after if after == before => return None,
        None => Change::Delete,
        Some((is_held, is_living)) => {
            let doc = serde_json::json!({"held": is_held, "living": is_living}).to_string();
            Change::Put(at.with([(name::DOC, text(doc))]))
        }
    };
    Some(Action::new(at, change))
}
