//! What must hold in each state, and in each state at rest.
//!
//! What should be is told here from the events alone, in the order in which they happened: not by
//! the merge that is checked.

use crate::promise::Promise;
use crate::record::{Desired, Phase};
use crate::rules::Rules;
use crate::scenario::{Change, Person, Username};
use crate::state::State;

/// After so many leases since the last event that changed something, all is at rest.
pub const MOST_ROUNDS: u8 = 12;

/// What should be of a person, by what was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Truth {
    name: Option<Username>,
    desired: Desired,
}

impl Truth {
    fn of(state: &State, person: Person) -> Self {
        let mut name = state.scenario().working[person.index()];
        let (mut is_enabled, mut has_reason, mut is_removed) = (true, name.is_some(), false);
        let mut events: Vec<_> =
            state.acknowledged().filter(|event| event.person == person).collect();
        events.sort_by_key(|event| event.time);
        for event in events {
            match event.change {
                Change::Join(to) => (name, is_enabled, has_reason) = (Some(to), true, true),
                Change::Rename(to) => name = Some(to),
                Change::Suspend => is_enabled = false,
                Change::Resume => is_enabled = true,
                Change::Leave => has_reason = false,
                Change::Remove => is_removed = true,
            }
        }
        let desired = match (is_removed, is_enabled && has_reason) {
            (true, _) => Desired::Deleted,
            (false, true) => Desired::Active,
            (false, false) => Desired::Inactive,
        };
        Self { name, desired }
    }
}

/// The first of these promises that does not hold in this state. `is_at_rest` says that nothing more
/// will happen by itself.
#[must_use]
pub fn broken(
    state: &State,
    is_at_rest: bool,
    rules: Rules,
    promises: &[Promise],
) -> Option<Promise> {
    let truths = Person::ALL.map(|person| (person, Truth::of(state, person)));
    let any = |is_broken: &dyn Fn(Person, Truth) -> bool| {
        truths.iter().any(|(person, truth)| is_broken(*person, *truth))
    };
    let is_broken = |promise: &Promise| match promise {
        Promise::NothingIsLost => any(&|person, truth| is_lost(state, person, truth)),
        Promise::OneUserInTheNewestState => {
            is_at_rest && any(&|person, truth| !is_one_user(state, person, truth, rules))
        }
        Promise::WhoLeavesIsOut => is_at_rest && any(&|person, truth| is_in(state, person, truth)),
        Promise::ItComesToRest => {
            let is_stuck = is_at_rest && any(&|person, _| is_pending(state, person));
            is_stuck || state.rounds > MOST_ROUNDS
        }
        Promise::NobodyUnderAnothersName => any(&|person, _| is_under_anothers_name(state, person)),
    };
    promises.iter().copied().find(is_broken)
}

/// True if the roster does not say what was acknowledged of the person.
fn is_lost(state: &State, person: Person, truth: Truth) -> bool {
    let record = &state.records[person.index()];
    let name = record.spec.awaited.or(record.spec.name);
    record.desired() != truth.desired || (truth.desired != Desired::Deleted && name != truth.name)
}

/// True if somebody who left can work, or still does.
fn is_in(state: &State, person: Person, truth: Truth) -> bool {
    let mut users = state.connect.users().map(|(_, user)| user);
    truth.desired != Desired::Active && users.any(|user| user.owner == person && user.has_access())
}

/// True if the person has the users that they should have: one with power who works, one at most
/// without power who left, and none who was removed.
fn is_one_user(state: &State, person: Person, truth: Truth, rules: Rules) -> bool {
    let record = &state.records[person.index()];
    // As long as not all is told, somebody may have the username still.
    let other = &state.records[person.other().index()];
    let waits = record.spec.awaited.is_some_and(|name| other.holds(name, rules));
    let name = if waits && !state.is_all_acknowledged() { record.spec.name } else { truth.name };
    let users = state.connect.users().map(|(_, user)| user);
    let users: Vec<_> = users.filter(|user| user.owner == person && user.exists).collect();
    match (truth.desired, users.as_slice()) {
        (Desired::Active, [user]) => user.power && Some(user.name) == name,
        (Desired::Active, []) => name.is_none(),
        (Desired::Inactive, [user]) => Some(user.name) == name,
        (Desired::Inactive | Desired::Deleted, []) => true,
        _ => false,
    }
}

/// True if somebody has access under the username that is this person's.
fn is_under_anothers_name(state: &State, person: Person) -> bool {
    let own = state.records[person.index()].spec.name;
    let mut users = state.connect.users().map(|(_, user)| user);
    users.any(|user| user.owner != person && user.has_access() && Some(user.name) == own)
}

/// True if Connect does not follow the record yet.
fn is_pending(state: &State, person: Person) -> bool {
    let record = &state.records[person.index()];
    record.phase == Phase::Pending || record.lease > 0
}
