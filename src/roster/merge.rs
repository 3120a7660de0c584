//! Merge: what is known of a person + what a sender says → what is known then. Pure; last writer
//! wins by the senders' own times.
//!
//! Events come twice, late and in any order. An older one changes nothing and is answered like a
//! success, since nobody can mend it.

use std::time::{Duration, SystemTime};

use super::key::Id;
use super::record::{Access, DesiredState, UserRecord};
use crate::event::Intent;
use crate::fault::{Fault, Kind};
use crate::scim::Person;

/// How far ahead of our clock an event may be dated: an event of next year would win over all that
/// come before it.
const AHEAD: Duration = Duration::from_secs(300);

/// One event, with what a new record would be made of.
pub struct MergeInput<'a> {
    /// What is asked for.
    pub intent: &'a Intent,
    /// When it happened, by the sender's clock.
    pub as_of: SystemTime,
    /// Now.
    pub now: SystemTime,
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
    /// Refuses an event that is dated so far ahead that every later one would be ignored for it.
    ///
    /// # Errors
    /// [`Kind::InvalidValue`].
    pub fn check_time(&self) -> Result<(), Fault> {
        match self.as_of.duration_since(self.now) {
            Ok(ahead) if ahead > AHEAD => Err(Fault::value(
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
    /// the event is older than a state that may yet be rolled back.
    pub fn merge_into(
        &self,
        known: Option<&UserRecord>,
        gone: &[UserRecord],
    ) -> Result<MergeResult, Fault> {
        match known {
            Some(known) if self.as_of < known.as_of() && known.is_tentative(self.now) => {
                // Were this answered "older, ignored" and the newer state then refused by Connect,
                // the rollback would go to what was before both, and an acknowledged event be lost.
                // So the sender is told to come back.
                Err(Fault::new(Kind::Unavailable, TENTATIVE))
            }
            Some(known) if self.as_of < known.as_of() => Ok(MergeResult::Ignored(OLDER)),
            Some(known) => self.change(known),
            None if gone.iter().any(|record| self.as_of <= record.as_of()) => {
                Ok(MergeResult::Ignored(OLDER))
            }
            None => self.begin(),
        }
    }

    /// Merges into a record that is not newer.
    fn change(&self, known: &UserRecord) -> Result<MergeResult, Fault> {
        let mut record = known.clone();
        match self.intent {
            Intent::Join(person) => {
                check_person(known, person)?;
                take(&mut record, person, known);
                record.spec.access.set(active(person)?.unwrap_or(DesiredState::Active), self.as_of);
            }
            Intent::Change(person) => {
                check_person(known, person)?;
                take(&mut record, person, known);
                if let Some(desired) = active(person)? {
                    record.spec.access.set(desired, self.as_of);
                }
            }
            Intent::Return(person) => {
                check_person(known, person)?;
                record.spec.access.set(DesiredState::Active, self.as_of);
            }
            Intent::Leave(_) => record.spec.access.set(DesiredState::Inactive, self.as_of),
            Intent::Remove(person) => {
                check_person(known, person)?;
                record.mark_deleted(self.as_of);
            }
            Intent::Nothing(reason) => return Ok(MergeResult::Ignored(reason)),
        }
        let is_back = known.desired_state() == DesiredState::Inactive
            && record.desired_state() == DesiredState::Active;
        if is_back && self.as_of == known.as_of() {
            // Of two that happened at once, the one that takes access away holds.
            return Ok(MergeResult::Ignored(OLDER));
        }
        record.spec.never_joined &= !self.tells_who_joins();
        self.note_external_id(&mut record);
        record.spec.date(self.as_of);
        let is_same = record.spec.person == known.spec.person
            && record.spec.awaited_name == known.spec.awaited_name;
        if is_same && record.desired_state() == known.desired_state() {
            return Ok(MergeResult::Unchanged(Box::new(record)));
        }
        record.changed(self.now);
        Ok(MergeResult::Changed(Box::new(record)))
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
    fn begin(&self) -> Result<MergeResult, Fault> {
        let (person, desired, stranger) = match self.intent {
            Intent::Join(person) => {
                (person, active(person)?.unwrap_or(DesiredState::Active), false)
            }
            Intent::Change(person) | Intent::Return(person) if person.is_partial() => {
                return Ok(MergeResult::Ignored(UNKNOWN));
            }
            Intent::Change(person) | Intent::Return(person) => {
                (person, active(person)?.unwrap_or(DesiredState::Active), false)
            }
            Intent::Leave(person) => (person, DesiredState::Inactive, true),
            Intent::Remove(person) => (person, DesiredState::Deleted, true),
            Intent::Nothing(reason) => return Ok(MergeResult::Ignored(reason)),
        };
        let own = person.clone().without_password();
        let mut record = UserRecord::new(self.id.clone(), own, desired, self.owner, self.now);
        record.spec.never_joined = stranger;
        record.spec.profile_time = self.as_of;
        record.spec.access = Access::new(desired, self.as_of);
        record.spec.note_external_id(self.source, person);
        if desired == DesiredState::Deleted {
            record.mark_deleted(self.as_of);
        }
        record.reopen(self.now);
        Ok(MergeResult::Changed(Box::new(record)))
    }
}

/// An event hook knows a login and a name to show, and does not take away what others told.
fn take(record: &mut UserRecord, person: &Person, known: &UserRecord) {
    if !person.is_partial() || record.spec.person.is_partial() {
        record.spec.person = person.clone().without_password();
        record.merge_awaited_name(known);
    }
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

/// The fault of a name that is another person's here.
#[must_use]
pub fn taken() -> Fault {
    Fault::new(
        Kind::Uniqueness,
        "userName: expected one that nobody else has here, found another person with it; remove that \
         person first, or choose another userName",
    )
}

const OLDER: &str = "something newer is known of this person, so this event changed nothing";
const TENTATIVE: &str = "something newer about this person is just being carried out, and may yet be \
    refused; repeat the event";
const UNKNOWN: &str = "this person was never assigned to Amazon Connect";

#[cfg(test)]
mod tests;
