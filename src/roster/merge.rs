//! Merge: what is known of a person + what a sender says → what is known then. Pure; last writer
//! wins by the senders' own times.
//!
//! Events come twice, late and in any order. An older one changes nothing and is answered like a
//! success, since nobody can mend it.

use std::time::{Duration, SystemTime};

use super::key::Id;
use super::record::{Access, DesiredState, Heard, Said, Stamp, UserRecord};
use crate::event::{AccessStatement, Intent};
use crate::fault::{Fault, Kind};
use crate::scim::Person;

/// How far ahead of our clock an event may be dated: as far as a signature.
const AHEAD: Duration = Duration::from_secs(300);

/// One event, with what a new record would be made of.
pub struct MergeInput<'a> {
    /// What is asked for.
    pub intent: &'a Intent,
    /// What it says of the person's access.
    pub access: &'a AccessStatement,
    /// Whether it is perhaps another person's ([`Whose::InDoubt`]).
    pub is_in_doubt: bool,
    /// When it happened, by the sender's clock.
    pub as_of: SystemTime,
    /// Now.
    pub now: SystemTime,
    /// The latest time that it may have: now, but for a client that knows the present state, whose word
    /// comes after it.
    pub latest: SystemTime,
    /// The id of a new record.
    pub id: Id,
    /// The owner of a new record's user.
    pub owner: &'a str,
    /// The name of whoever says it: a hook's, or `scim/v2`.
    pub source: &'a str,
}

/// The result of a merge.
#[derive(Clone, Debug, PartialEq)]
pub enum MergeResult {
    /// There is nothing to do; the reason is for the sender's administrator.
    Ignored(&'static str),
    /// The record, with nothing new in it but the time.
    Unchanged(Box<UserRecord>),
    /// The record as it is to be written.
    Changed(Box<UserRecord>),
}

impl MergeInput<'_> {
    /// Refuses an event that is dated so far ahead that nobody knows when it happened. Who leaves is not
    /// refused for a clock: a farewell then counts as of now.
    ///
    /// # Errors
    /// [`Kind::InvalidValue`].
    pub fn check_time(&self) -> Result<(), Fault> {
        match self.as_of.duration_since(self.now) {
            Ok(ahead) if ahead > AHEAD && !self.access.is_farewell() => Err(Fault::value(
                "timestamp",
                "a time that is at most 300 seconds ahead of this function's clock",
                "a later one; set the sender's clock right",
            )),
            _ => Ok(()),
        }
    }

    /// Merges the event. `known` is the record that goes by the person's names, if there is one;
    /// `gone` are tombstones that went by them.
    ///
    /// # Errors
    /// [`Kind::Uniqueness`] if the name is that of another person here; [`Kind::Unavailable`] if
    /// part of the event is older than a state that may yet be rolled back.
    pub fn merge_into(
        &self,
        known: Option<&UserRecord>,
        gone: &[UserRecord],
    ) -> Result<MergeResult, Fault> {
        match known {
            Some(known) => self.change(known),
            None => self.begin(gone),
        }
    }

    /// Merges into a record, each part by its own time: an event that is older than a farewell still
    /// tells the profile, and a farewell that is older than the profile still takes the access.
    fn change(&self, known: &UserRecord) -> Result<MergeResult, Fault> {
        let mut record = known.clone();
        let mut is_older = false;
        match self.intent {
            Intent::Nothing(reason) => return Ok(MergeResult::Ignored(reason)),
            Intent::Leave(_) | Intent::Remove(_) => {}
            Intent::Return(person) => check_person(known, person)?,
            Intent::Join(person) | Intent::Change(person) => {
                check_person(known, person)?;
                active(person)?;
                // One sender's changes have the order of its own clock, which may be ahead of ours.
                let as_of = self.profile_time();
                if as_of < known.spec.profile_time {
                    is_older = true;
                } else if take(&mut record, person, known) {
                    record.spec.profile_time = as_of;
                }
            }
        }
        let heard = self.hear(&mut record);
        is_older |= heard == Heard::Older;
        if is_older && known.is_tentative(self.now) {
            // Were this answered "older, ignored" and the newer state then refused by Connect, the
            // rollback would go to what was before both, and an acknowledged event be lost. So the
            // sender is told to come back.
            return Err(Fault::new(Kind::Unavailable, TENTATIVE));
        }
        // Nothing new in what is older is no repeat.
        is_older |= self.counted() < known.as_of();
        if is_older && record.spec == known.spec {
            let is_out = known.desired_state() != DesiredState::Active;
            let is_settled = self.access.is_farewell() && is_out;
            return Ok(MergeResult::Ignored(if is_settled { SETTLED } else { OLDER }));
        }
        record.spec.never_joined &= !self.tells_who_joins();
        self.note_external_id(&mut record);
        let is_same = record.spec.person == known.spec.person
            && record.spec.awaited_name == known.spec.awaited_name;
        let is_same = is_same && record.spec.access.is_doubtful == known.spec.access.is_doubtful;
        if is_same && record.desired_state() == known.desired_state() {
            return Ok(MergeResult::Unchanged(Box::new(record)));
        }
        record.changed(self.now);
        Ok(MergeResult::Changed(Box::new(record)))
    }

    /// Takes what the event says of the access.
    fn hear(&self, record: &mut UserRecord) -> Heard {
        let mut access = record.spec.access.clone();
        let heard = match self.is_in_doubt {
            true => access.hear_in_doubt(self.said()),
            false => access.hear(self.access, self.said()),
        };
        if access.desired_state() == DesiredState::Deleted {
            record.leave_names();
        }
        record.spec.access = access;
        heard
    }

    const fn said(&self) -> Said<'_> {
        Said { time: self.as_of, now: self.latest, source: self.source }
    }

    /// When what it says of the profile happened: by the sender's clock, which may be a little ahead.
    fn profile_time(&self) -> SystemTime {
        self.as_of.min(self.latest.checked_add(AHEAD).unwrap_or(self.latest))
    }

    /// When it happened, as it counts: a time ahead of our clock is now.
    fn counted(&self) -> SystemTime {
        self.said().counted()
    }

    /// Notes the `externalId` by which this source knows the person. Leaves and removals note none:
    /// such a person is known already, or by it alone, and a leave may be that of another person of
    /// the same name.
    fn note_external_id(&self, record: &mut UserRecord) {
        if let Intent::Join(person) | Intent::Change(person) | Intent::Return(person) = self.intent
        {
            record.spec.note_external_id(self.source, person);
        }
    }

    /// True if this event carries a full profile, so it may turn a record that is only known for
    /// leaving into a user.
    fn tells_who_joins(&self) -> bool {
        match self.intent {
            Intent::Join(_) => true,
            Intent::Change(person) | Intent::Return(person) => !person.is_partial(),
            _ => false,
        }
    }

    /// Makes a record of somebody unknown. A leave makes one too: the person may have a user from
    /// before the roster, and a join that happened earlier may still be on its way.
    ///
    /// Whoever was removed comes back by what is newer than the removal and says that they work. What
    /// was said of the access of somebody who was [forgotten](super::record::Spec::is_forgotten) holds
    /// for the new record too.
    fn begin(&self, gone: &[UserRecord]) -> Result<MergeResult, Fault> {
        let (person, stranger) = match self.intent {
            Intent::Join(person) => (person, false),
            // Who was forgotten, and comes back, comes by another event; but nothing is against it then.
            Intent::Return(person) if person.is_partial() && !gone.is_empty() => (person, true),
            Intent::Change(person) | Intent::Return(person) if person.is_partial() => {
                return Ok(MergeResult::Ignored(UNKNOWN));
            }
            Intent::Change(person) | Intent::Return(person) => (person, false),
            Intent::Leave(person) | Intent::Remove(person) => (person, true),
            Intent::Nothing(reason) => return Ok(MergeResult::Ignored(reason)),
        };
        active(person)?;
        let (forgotten, removed): (Vec<_>, Vec<_>) =
            gone.iter().partition(|gone| gone.spec.is_forgotten);
        if stranger && forgotten.is_empty() && matches!(self.intent, Intent::Return(_)) {
            return Ok(MergeResult::Ignored(UNKNOWN));
        }
        let floor = removed.iter().map(|gone| gone.spec.access.time).max();
        for gone in removed {
            let access = &gone.spec.access;
            let time = access.time;
            let source = access.lifecycle_source.clone();
            let removal = Stamp { time, said: access.lifecycle_said, source };
            match self.access {
                AccessStatement::Silent => return Ok(MergeResult::Ignored(REMOVED)),
                farewell if farewell.is_farewell() && self.counted() <= time => {
                    return Ok(MergeResult::Ignored(REMOVED));
                }
                farewell if farewell.is_farewell() => {}
                _ if self.said().is_after_farewell(&removal) && self.counted() > time => {}
                _ => return Ok(MergeResult::Ignored(OLDER)),
            }
        }
        let own = person.clone().without_password();
        let desired = DesiredState::Inactive;
        let mut record = UserRecord::new(self.id.clone(), own, desired, self.owner, self.now);
        record.spec.never_joined = stranger;
        // A leave tells no profile, and a join of before may be on its way.
        let tells = !stranger && !person.is_partial();
        let told = if tells { self.profile_time() } else { SystemTime::UNIX_EPOCH };
        record.spec.profile_time = told;
        let newest = forgotten.iter().max_by_key(|gone| gone.spec.access.time);
        record.spec.access = newest.map_or_else(Access::unsaid, |gone| gone.spec.access.clone());
        record.spec.access.floor = record.spec.access.floor.max(floor);
        // A change of somebody unknown tells the whole person, as a join does; but that they work is
        // presumed, so whatever is said of it counts as later.
        let (statement, said) = match self.access {
            AccessStatement::Silent if !stranger => {
                (&AccessStatement::Activated, Said { time: SystemTime::UNIX_EPOCH, ..self.said() })
            }
            statement => (statement, self.said()),
        };
        let mut access = record.spec.access.clone();
        let heard = access.hear(statement, said);
        let is_nothing_new = heard == Heard::Older || access == record.spec.access;
        if is_nothing_new && !forgotten.is_empty() {
            return Ok(MergeResult::Ignored(OLDER));
        }
        if access.desired_state() == DesiredState::Deleted {
            record.leave_names();
        }
        record.spec.access = access;
        record.spec.note_external_id(self.source, person);
        record.reopen(self.now);
        Ok(MergeResult::Changed(Box::new(record)))
    }
}

/// Takes a profile. An event hook knows a login and a name to show, and does not take away what others
/// told. Whether the profile is what the event tells now.
fn take(record: &mut UserRecord, person: &Person, known: &UserRecord) -> bool {
    let tells = !person.is_partial() || record.spec.person.is_partial();
    if tells {
        record.spec.person = person.clone().without_password();
        record.merge_awaited_name(known);
    }
    tells
}

/// The access that the person's own `active` asks for; `None` if it is not given.
fn active(person: &Person) -> Result<Option<DesiredState>, Fault> {
    let desired = |active| if active { DesiredState::Active } else { DesiredState::Inactive };
    if person.says_active() { person.active().map(desired).map(Some) } else { Ok(None) }
}

/// Refuses an event that names somebody by a username whose holder has another `externalId`.
fn check_person(known: &UserRecord, person: &Person) -> Result<(), Fault> {
    if is_another(known, person)? { Err(taken()) } else { Ok(()) }
}

/// True if the holder of the person's name is somebody else by the identity provider's own ids. If
/// one of the two has none, they are taken for the same.
///
/// # Errors
/// If an id cannot be read.
pub fn is_another(known: &UserRecord, person: &Person) -> Result<bool, Fault> {
    let (told, ours) = (person.external_id()?, known.spec.person.external_id()?);
    Ok(told.is_some() && ours.is_some() && told != ours)
}

/// Whose farewell it is that came by a person's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// This person's.
    Theirs,
    /// Another's: the same source has said another `externalId` of this person.
    Anothers,
    /// It cannot be told: only other sources have said an `externalId` of this person, and none of
    /// those is the one of the farewell.
    InDoubt,
}

impl Whose {
    /// Compares the `externalId` of a farewell with what is known of the holder of the name. A source is
    /// compared with itself: what another source calls `externalId` may be an id of another kind.
    ///
    /// # Errors
    /// If an id cannot be read.
    pub fn of(known: &UserRecord, person: &Person, source: &str) -> Result<Self, Fault> {
        let Some(told) = person.external_id()? else { return Ok(Self::Theirs) };
        let spec = &known.spec;
        if let Some(before) = spec.external_ids.get(source) {
            return Ok(if before == told { Self::Theirs } else { Self::Anothers });
        }
        let shown = spec.person.external_id()?;
        let mut known = spec.external_ids.values().map(String::as_str).chain(shown).peekable();
        let is_alone = known.peek().is_none();
        Ok(if is_alone || known.any(|known| known == told) { Self::Theirs } else { Self::InDoubt })
    }
}

/// The fault of a name that is another person's here.
#[must_use]
pub fn taken() -> Fault {
    Fault::new(
        Kind::Uniqueness,
        "userName: expected one that nobody else has here, found another person with it; remove that \
         person first, or choose another userName",
    )
}

/// The reason of an event that is older than what is known.
pub const OLDER: &str = "something newer is known of this person, so this event changed nothing";
/// The reason of a farewell that is another person's than that of the name.
pub const ANOTHER: &str = "this userName is another person's here, by the externalId that this source said \
    of them before; so this event changed nothing";
const SETTLED: &str = "something newer is known of this person, who is out already, so this event changed \
    nothing";
const REMOVED: &str = "this person was removed, and this event lets nobody in again";
const TENTATIVE: &str = "something newer about this person is just being carried out, and may yet be \
    refused; repeat the event";
const UNKNOWN: &str = "this person was never assigned to Amazon Connect";

#[cfg(test)]
mod tests;
