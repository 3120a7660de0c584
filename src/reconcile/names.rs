//! Usernames that are waited for, here in the roster: whose sender cannot tell it again has the name
//! once nobody else goes by it, in the order in which they came.
//!
//! Whoever gives a name up keeps it among what is [freed](UserRecord::freed_names) until who waits was told, so
//! that nobody waits for ever where something is cut off in between; and whoever begins to wait looks
//! once more after that was written.

use std::time::SystemTime;

use super::attempt::{Attempt, Stop};
use super::{Reconciler, TRIES};
use crate::fault::{Fault, Kind};
use crate::roster::find_everybody;
use crate::roster::key::{Id, Key};
use crate::roster::record::{MEMORY, UserRecord, Wanted};
use crate::roster::{Clash, Trouble};

impl Attempt<'_> {
    /// Gives a person the name that they wait for, if it is their turn; if not, says who is before
    /// them.
    pub(super) async fn claim_name(&mut self) -> Result<Option<Fault>, Stop> {
        for _ in 0..TRIES {
            let Some(wish) = self.record.spec.awaited_name.as_ref() else { return Ok(None) };
            if let Some(other) = self.reconciler.who_is_before(&wish.key(), self.record).await? {
                return Ok(Some(waits(&other)));
            }
            let mut granted = self.record.clone();
            granted.grant_wish(self.now());
            granted.free_names(self.record);
            if granted.wanted() == Wanted::Active {
                granted.try_name();
            }
            match self.reconciler.roster.write(&granted).await? {
                Ok(stored) => {
                    granted.note_stored(stored);
                    *self.record = granted;
                    return Ok(None);
                }
                // Somebody came first; the next look tells who.
                Err(Clash::Taken) => {}
                Err(Clash::Moved) => return Err(self.overtaken().await),
            }
        }
        Err(Trouble::NotDone("a name changes hands all the time".to_owned()).into())
    }
}

impl Reconciler {
    /// Who else goes by this name, or waits for it longer than a record does.
    pub(super) async fn who_is_before(
        &self,
        name: &Key,
        record: &UserRecord,
    ) -> Result<Option<Id>, Trouble> {
        let holder = self.roster.find(name).await?.filter(|holder| holder.id != record.id);
        if let Some(holder) = holder {
            return Ok(Some(holder.id));
        }
        let own = record.spec.awaited_name.as_ref().filter(|wish| wish.key() == *name);
        let turn = |since: SystemTime, id: &Id| (since, id.clone());
        let own = own.map(|wish| turn(wish.since, &record.id));
        let waiting =
            find_everybody(&*self.roster, &Key::wish(name), usize::MAX).await?.into_iter();
        let turns = waiting.filter(|other| other.id != record.id);
        let turns = turns
            .filter_map(|other| Some(turn(other.spec.awaited_name.as_ref()?.since, &other.id)));
        let first = turns.min().filter(|first| own.as_ref().is_none_or(|own| first < own));
        Ok(first.map(|(_, id)| id))
    }

    /// Makes all due, from then on, who wait for one of these names.
    pub(super) async fn tell_who_waits(
        &self,
        freed: &[Key],
        from: SystemTime,
    ) -> Result<(), Trouble> {
        for name in freed {
            for waiting in find_everybody(&*self.roster, &Key::wish(name), usize::MAX).await? {
                self.wake(waiting, from).await?;
            }
        }
        Ok(())
    }

    async fn wake(&self, waiting: UserRecord, from: SystemTime) -> Result<(), Trouble> {
        let mut waiting = Some(waiting);
        for _ in 0..TRIES {
            // Who waits no more, or is gone, needs no telling.
            let Some(mut record) = waiting.filter(|record| record.spec.awaited_name.is_some())
            else {
                return Ok(());
            };
            record.reopen(from);
            if !record.is_leased(from) {
                record.set_due(Some(from));
            }
            match self.roster.write(&record).await? {
                Ok(_) => return Ok(()),
                Err(_) => waiting = self.roster.load(&record.id).await?,
            }
        }
        Err(Trouble::NotDone("who waits for a name changes all the time".to_owned()))
    }

    /// Tells who waits for what somebody went by who is gone.
    pub(super) async fn settle_names(
        &self,
        mut gone: UserRecord,
        now: SystemTime,
    ) -> Result<(), Trouble> {
        self.tell_who_waits(&std::mem::take(&mut gone.freed_names), now).await?;
        gone.set_due(now.checked_add(MEMORY));
        // Whoever wrote it meanwhile tells them again.
        let _overtaken = self.roster.write(&gone).await?;
        Ok(())
    }
}

fn waits(other: &Id) -> Fault {
    let detail = format!(
        "userName: expected one that nobody else has here, found it with or promised to another \
         person, {other}; it is given to this one by itself once that one is renamed or removed"
    );
    Fault::new(Kind::Uniqueness, detail)
}
