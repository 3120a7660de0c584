//! What SCIM clients write → the roster → Connect, at once where there is time.
//!
//! A client names the resource by its id, and the time of a change is now (RFC 7644 gives it no
//! other). What Connect cannot hold is no fault of the client's: it is left out or the record
//! parks, and `provisioning` in the resource says so. Only a username that belongs to somebody else
//! is refused, since that one the client can mend and it keeps two persons apart.

use std::time::{Duration, SystemTime};

use super::budget::Budget;
use super::inlet::keys;
use super::writer::{Upserted, WriteOutcome, WrittenRecord};
use super::{OnRejection, Reconciler, TRIES, changed_meanwhile};
use crate::assign::owner::Owner;
use crate::assign::password::Password;
use crate::event::{AccessStatement, Intent};
use crate::fault::Fault;
use crate::roster::BATCH;
use crate::roster::WriteConflict;
use crate::roster::key::Id;
use crate::roster::merge::{MergeInput, MergeResult, taken};
use crate::roster::record::{DesiredState, UserRecord};
use crate::scim::Person;

impl Reconciler {
    /// Creates a person (POST, RFC 7644 §3.3).
    ///
    /// # Errors
    /// [`crate::fault::Kind::Uniqueness`] if somebody else has the name, here or in Connect: then
    /// nothing is left of it, and the client gets the 409 of RFC 7644 §3.3.
    /// [`crate::fault::Kind::Unavailable`] if the roster did not answer.
    pub async fn add_person(
        &self,
        person: &Person,
        budget: &mut Budget<'_>,
    ) -> Result<(Id, Upserted), Fault> {
        let entry = self.enter_new(person, budget).await?;
        let id = entry.record.id.clone();
        let upserted = self.carry(entry, self.password(person), true, budget).await?;
        Ok((id, upserted))
    }

    /// Replaces the profile of a known person (PUT and PATCH, after the resource was worked out);
    /// without `person` it only makes sure that Connect follows. `deactivates` says that the write itself
    /// says so of somebody who [has no reason to work](UserRecord::lacks_reason) and is shown as inactive
    /// already. `None` if somebody else changed
    /// the record since it was read: nothing was done, and the caller reads it and begins again.
    ///
    /// # Errors
    /// As for [`Reconciler::add_person`].
    pub async fn change_person(
        &self,
        known: &UserRecord,
        person: Option<Person>,
        deactivates: bool,
        budget: &mut Budget<'_>,
    ) -> Result<Option<Upserted>, Fault> {
        let (mut record, is_told) = (known.clone(), person.is_some());
        let now = budget.clock.now();
        // A hook may have dated its event ahead of our clock, by up to five minutes. A client's
        // change comes after it all the same.
        let as_of = known.as_of().max(now);
        if let Some(person) = person {
            let desired = desired(&person, known)?;
            let is_news = desired != known.desired_state() || deactivates;
            if is_news && person.says_active() {
                record.spec.access.set(desired, as_of, Some(SCIM));
            }
            record.spec.shares_external_id = self.shares_external_id(&person, known).await?;
            record.spec.person = person.without_password();
            record.keep_awaited_name(known);
            record.spec.never_joined = false;
        }
        let is_same = record.spec == known.spec;
        if is_told {
            record.spec.note_own_external_id(SCIM);
            // A write that changes nothing confirms the profile as of now: an older event that comes
            // late does not beat it. Of the access it says nothing, as long as `active` stays as it was.
            record.spec.profile_time = as_of;
        }
        if !is_same {
            record.changed(now);
        }
        self.rewrite(record, is_same, known, budget).await
    }

    /// Removes a known person (DELETE, RFC 7644 §3.6). `None` if somebody else changed the record
    /// since it was read: nothing was done.
    ///
    /// # Errors
    /// [`crate::fault::Kind::Unavailable`] if the roster did not answer.
    pub async fn remove_person(
        &self,
        known: &UserRecord,
        budget: &mut Budget<'_>,
    ) -> Result<Option<Upserted>, Fault> {
        let now = budget.clock.now();
        let mut record = known.clone();
        let as_of = known.as_of().max(now);
        record.mark_deleted(as_of);
        record.spec.access.lifecycle_source = Some(SCIM.to_owned());
        record.changed(now);
        self.rewrite(record, false, known, budget).await
    }

    /// Writes a changed record on condition of the version in `known`, and follows it.
    async fn rewrite(
        &self,
        record: UserRecord,
        is_same: bool,
        known: &UserRecord,
        budget: &mut Budget<'_>,
    ) -> Result<Option<Upserted>, Fault> {
        let (id, person) = (record.id.clone(), record.spec.person.clone());
        // Not rolled back: a deactivation or removal, or access that was taken away would come
        // back; and the write of a record that waits for a name, whose clash is known already and
        // settled by waiting.
        let can_roll_back = !is_same
            && record.desired_state() == DesiredState::Active
            && record.spec.awaited_name.is_none();
        match self.write(record, is_same, Some(known.clone()), budget).await? {
            Ok(WriteOutcome::Done(upserted)) => Ok(Some(upserted)),
            Ok(WriteOutcome::ToFollow(entry)) => {
                self.carry(*entry, None, can_roll_back, budget).await.map(Some)
            }
            Err(WriteConflict::StaleVersion) => Ok(None),
            Err(WriteConflict::DuplicateKey) => {
                self.refuse_taken(&person, &id).await.map(|()| None)
            }
        }
    }

    /// True if another person had this `externalId` first. Whoever goes by one alone and keeps it
    /// cannot share it, which saves the look-up.
    async fn shares_external_id(&self, person: &Person, known: &UserRecord) -> Result<bool, Fault> {
        let (told, own) = (person.external_id()?, known.spec.person.external_id().ok().flatten());
        if told == own && !known.spec.shares_external_id {
            return Ok(false);
        }
        Ok(self.by_external_id(person).await?.is_some_and(|first| first.id != known.id))
    }

    /// Refuses a username of another person's. If it was not the name that clashed but an
    /// `externalId` that somebody took meanwhile, this is no error, and the caller tries again.
    async fn refuse_taken(&self, person: &Person, id: &Id) -> Result<(), Fault> {
        let named = self.by_name(person).await?;
        if named.is_some_and(|record| record.id != *id) { Err(taken()) } else { Ok(()) }
    }

    /// Follows an entry. What Connect refuses parks, except a username of somebody else's where the
    /// change can be rolled back.
    async fn carry(
        &self,
        mut entry: WrittenRecord,
        password: Option<Password>,
        can_roll_back: bool,
        budget: &mut Budget<'_>,
    ) -> Result<Upserted, Fault> {
        let former = entry.former.take();
        let on_rejection =
            if can_roll_back { OnRejection::RollbackOnConflict(former) } else { OnRejection::Park };
        self.follow(entry, on_rejection, password, budget).await
    }

    /// A record that is only known for leaving and becomes this new person, and whether another
    /// person has the `externalId` first.
    async fn predecessor(&self, person: &Person) -> Result<(Option<UserRecord>, bool), Fault> {
        let by_name = self.by_name(person).await?;
        if by_name.as_ref().is_some_and(|known| !known.spec.never_joined) {
            return Err(taken());
        }
        let by_id = self.by_external_id(person).await?;
        let shares = by_id.as_ref().is_some_and(|known| !known.spec.never_joined);
        Ok((by_id.filter(|known| known.spec.never_joined).or(by_name), shares))
    }

    /// Writes a new person. If a record is only known for leaving, it becomes this person's.
    async fn enter_new(
        &self,
        person: &Person,
        budget: &Budget<'_>,
    ) -> Result<WrittenRecord, Fault> {
        let keys = keys(person)?;
        let intent = Intent::Join(person.clone());
        let id = self.new_id();
        let mut was_taken = false;
        for _ in 0..TRIES {
            let (known, shares) = self.predecessor(person).await?;
            let own = || Owner::of_record(&self.rules.deployment, id.as_str());
            let owner = match &known {
                Some(record) => self.owner_of(record),
                None if shares => own(),
                // Where it fails Connect will have no such user, so nobody else can be its owner.
                None => self.new_owner(person, &id).await?.unwrap_or_else(|_| own()),
            };
            let gone = self.roster.find_deleted(&keys, BATCH).await?;
            let now = budget.clock.now();
            // A tombstone or a leave may be dated ahead of our clock; the merge would drop a join
            // that is older.
            let as_of = after(gone.iter().chain(&known), now);
            let (id, owner) = (id.clone(), owner.hash());
            let input = MergeInput {
                intent: &intent,
                access: &AccessStatement::of(&intent),
                is_in_doubt: false,
                as_of,
                now,
                latest: as_of,
                id,
                owner,
                source: SCIM,
            };
            let mut record = match input.merge_into(known.as_ref(), &gone)? {
                MergeResult::Ignored(_) => return Err(changed_meanwhile()),
                MergeResult::Unchanged(record) | MergeResult::Changed(record) => *record,
            };
            record.spec.shares_external_id = shares;
            match self.write(record, false, known, budget).await? {
                Ok(WriteOutcome::ToFollow(entry)) => return Ok(*entry),
                Ok(WriteOutcome::Done(_)) => return Err(taken()),
                Err(WriteConflict::StaleVersion) => {}
                // Whoever has it is found now; if not, it is another person's.
                Err(WriteConflict::DuplicateKey) if was_taken => return Err(taken()),
                Err(WriteConflict::DuplicateKey) => was_taken = true,
            }
        }
        Err(changed_meanwhile())
    }
}

/// The source under which the `externalId` of SCIM clients is noted.
const SCIM: &str = crate::config::scim::NAME;

/// The access that a resource wants; without `active` it stays as it is.
fn desired(person: &Person, known: &UserRecord) -> Result<DesiredState, Fault> {
    Ok(match person.says_active() {
        false => known.desired_state(),
        true if person.active()? => DesiredState::Active,
        true => DesiredState::Inactive,
    })
}

/// Now, or a millisecond after the newest of these records, if a sender's clock is ahead of ours.
fn after<'a>(records: impl Iterator<Item = &'a UserRecord>, now: SystemTime) -> SystemTime {
    let next = |record: &UserRecord| record.as_of().checked_add(Duration::from_millis(1));
    records.filter_map(next).fold(now, SystemTime::max)
}
