//! Pending usernames. If a username belongs to another person here and the sender cannot choose
//! another, the record waits for it and gets it once nobody else has it, in the order in which they
//! came.
//!
//! Nobody may wait for ever because something was cut off. Whoever gives a name up keeps it in
//! [`freed_names`](UserRecord::freed_names) until those who wait were told; and whoever begins to
//! wait looks once more after that was written, since the name may have been given up in between.

use std::time::SystemTime;

use super::attempt::{Attempt, ReconcileError};
use super::{Reconciler, TRIES};
use crate::fault::{Fault, Kind};
use crate::roster::find_everybody;
use crate::roster::key::{Id, Key};
use crate::roster::policy::Rename;
use crate::roster::record::{DesiredState, TOMBSTONE_TTL, UserRecord};
use crate::roster::{RosterError, WriteConflict};

impl Attempt<'_> {
    /// Gives the person the username that they wait for, if it is their turn; otherwise returns the
    /// fault that says who is before them.
    ///
    /// The name is taken by a conditional write: the roster refuses a key that another record has,
    /// so two who wait cannot both get it.
    pub(super) async fn claim_name(&mut self) -> Result<Option<Fault>, ReconcileError> {
        for _ in 0..TRIES {
            let Some(wish) = self.record.spec.awaited_name.as_ref() else { return Ok(None) };
            let before = self.reconciler.who_is_before(&wish.key(), self.record).await?;
            let mut granted = self.record.clone();
            match &before {
                None => granted.grant_awaited_name(self.now()),
                // They would wait for ever, and meanwhile work under each other's names.
                Some(other) if self.closes_circle(other).await? => {
                    granted.give_up_name(self.now());
                }
                Some(other) => return Ok(Some(waits(other))),
            }
            granted.free_names(self.record);
            // The next step may be CreateUser under this name, so it is a candidate from this write
            // on.
            if granted.desired_state() == DesiredState::Active && before.is_none() {
                granted.reserve_username();
            }
            match self.reconciler.roster.write(&granted).await? {
                Ok(stored) => {
                    granted.note_stored(stored);
                    *self.record = granted;
                    return Ok(before.as_ref().map(waits));
                }
                // Somebody was faster; the next look says who.
                Err(WriteConflict::DuplicateKey) => {}
                Err(WriteConflict::StaleVersion) => return Err(self.overtaken().await),
            }
        }
        Err(RosterError::NotDone("a name changes hands all the time".to_owned()).into())
    }

    /// Whether the person who is before this one waits in the end for this one's name, with everybody in
    /// between at work: whoever is suspended keeps the name that they have. Then this one's is given up
    /// first, so that the others get theirs, and then this one.
    async fn closes_circle(&self, other: &Id) -> Result<bool, ReconcileError> {
        let may = self.reconciler.policy.rename == Rename::Recreate && !self.record.is_nameless();
        let mut next = other.clone();
        for _ in 0..MOST_IN_CIRCLE {
            let Some(record) = self.reconciler.roster.load(&next).await?.filter(|_| may) else {
                return Ok(false);
            };
            let Some(wish) = record.spec.awaited_name.as_ref() else { return Ok(false) };
            if record.desired_state() != DesiredState::Active {
                return Ok(false);
            }
            match self.reconciler.who_is_before(&wish.key(), &record).await? {
                Some(before) if before == self.record.id => return Ok(true),
                Some(before) => next = before,
                None => return Ok(false),
            }
        }
        Ok(false)
    }
}

/// So many people who wait for each other's names are looked at.
const MOST_IN_CIRCLE: usize = 64;

impl Reconciler {
    /// The id of a person who has this name, or who has waited for it longer than `record`; the id
    /// breaks ties, so that two who began at once do not wait for each other.
    pub(super) async fn who_is_before(
        &self,
        name: &Key,
        record: &UserRecord,
    ) -> Result<Option<Id>, RosterError> {
        let holder = self.roster.find(name).await?.filter(|holder| holder.id != record.id);
        if let Some(holder) = holder {
            return Ok(Some(holder.id));
        }
        let own = record.spec.awaited_name.as_ref().filter(|wish| wish.key() == *name);
        let turn = |since: SystemTime, id: &Id| (since, id.clone());
        let own = own.map(|wish| turn(wish.since, &record.id));
        let waiting =
            find_everybody(&*self.roster, &Key::awaited_name(name), usize::MAX).await?.into_iter();
        let turns = waiting.filter(|other| other.id != record.id);
        let turns = turns
            .filter_map(|other| Some(turn(other.spec.awaited_name.as_ref()?.since, &other.id)));
        let first = turns.min().filter(|first| own.as_ref().is_none_or(|own| first < own));
        Ok(first.map(|(_, id)| id))
    }

    /// Makes everybody who waits for one of these names due at `from`. Doing it twice is harmless:
    /// they look and wait on.
    pub(super) async fn tell_who_waits(
        &self,
        freed: &[Key],
        from: SystemTime,
    ) -> Result<(), RosterError> {
        for name in freed {
            for waiting in
                find_everybody(&*self.roster, &Key::awaited_name(name), usize::MAX).await?
            {
                self.wake(waiting, from).await?;
            }
        }
        Ok(())
    }

    /// Makes one record due, and tries again if it is written meanwhile.
    async fn wake(&self, waiting: UserRecord, from: SystemTime) -> Result<(), RosterError> {
        let mut waiting = Some(waiting);
        for _ in 0..TRIES {
            // Somebody who does not wait any more, or is gone, needs no telling.
            let Some(mut record) = waiting.filter(|record| record.spec.awaited_name.is_some())
            else {
                return Ok(());
            };
            record.reopen(from);
            // Under a lease the due time stays that of `reopen`, a minute ahead; the lease's holder
            // finds the changed version before that.
            if !record.is_leased(from) {
                record.set_due(Some(from));
            }
            match self.roster.write(&record).await? {
                Ok(_) => return Ok(()),
                Err(_) => waiting = self.roster.load(&record.id).await?,
            }
        }
        Err(RosterError::NotDone("who waits for a name changes all the time".to_owned()))
    }

    /// Tells those who wait for the names of a tombstone, and then lets it rest until it is erased.
    pub(super) async fn settle_names(
        &self,
        mut gone: UserRecord,
        now: SystemTime,
    ) -> Result<(), RosterError> {
        // The names leave the record only after everybody was told.
        self.tell_who_waits(&std::mem::take(&mut gone.freed_names), now).await?;
        gone.set_due(now.checked_add(TOMBSTONE_TTL));
        // Whoever wrote it meanwhile tells them again.
        let _overtaken = self.roster.write(&gone).await?;
        Ok(())
    }
}

/// The fault of a record that waits for its username: who has it, by id.
fn waits(other: &Id) -> Fault {
    let detail = format!(
        "userName: expected one that nobody else has here, found it with or promised to another \
         person, {other}; it is given to this one by itself once that one is renamed or removed"
    );
    Fault::new(Kind::Uniqueness, detail)
}
