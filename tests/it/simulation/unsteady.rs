//! A roster that is slow and now and then does not answer, having written or not.

use std::sync::Arc;
use std::time::SystemTime;

use connect_provisioner::roster::group::{Affected, Group, GroupChange, Member};
use connect_provisioner::roster::key::{Id, Key};
use connect_provisioner::roster::memory::MemoryRoster;
use connect_provisioner::roster::parked::Counts;
use connect_provisioner::roster::record::{DesiredState, Lifecycle, StoredKeys, UserRecord};
use connect_provisioner::roster::{
    Guard, Place, Roster, RosterError, RosterFuture, Stored, WriteConflict,
};

use super::chance::{Chance, boundary};
use super::mutation::Mutation;

#[derive(Debug)]
pub(crate) struct Unsteady {
    pub(crate) inner: Arc<MemoryRoster>,
    pub(crate) chance: Chance,
    /// How many of a thousand answers are lost.
    pub(crate) faults: Arc<std::sync::Mutex<u64>>,
    /// Whether it may take longer than a lease.
    pub(crate) stalls: bool,
    pub(crate) mutation: Option<Mutation>,
}

impl Unsteady {
    /// A roster that is slow, and no more: others come in between.
    pub(crate) fn slow(inner: Arc<MemoryRoster>) -> Self {
        let (chance, faults) = (Chance::of(1), Arc::default());
        Self { inner, chance, faults, stalls: false, mutation: None }
    }

    /// An effect between two boundaries, either of which may lose it.
    fn effect<'a, T: Send + 'a>(
        &'a self,
        answer: impl FnOnce() -> RosterFuture<'a, T> + Send + 'a,
    ) -> RosterFuture<'a, T> {
        Box::pin(async move {
            boundary(self.chance.milliseconds(20)).await;
            self.stall().await;
            let faults = *self.faults.lock().unwrap();
            if self.chance.below(1000) < faults {
                return Err(RosterError::NotDone("not written".to_owned()));
            }
            let answer = answer().await;
            if self.chance.below(1000) < faults {
                return Err(RosterError::Unknown("written or not".to_owned()));
            }
            self.stall().await;
            boundary(self.chance.milliseconds(20)).await;
            answer
        })
    }

    async fn stall(&self) {
        if self.stalls && self.chance.below(400) == 0 {
            boundary(self.chance.milliseconds(150_000)).await;
        }
    }

    /// Whoever writes a record knows by what the stored one is found.
    async fn check_stored_keys(&self, record: &UserRecord) {
        let stored = self.inner.load(&record.id).await.unwrap();
        if let Some(stored) = stored.filter(|stored| stored.row_version == record.row_version) {
            let mut keys = stored.keys();
            keys.extend(stored.shared_keys());
            keys.extend(stored.spec.tombstone_keys);
            assert_eq!(record.stored_keys.keys().unwrap(), keys, "stored_keys: {record:?}");
        }
    }

    /// Whether a record's user keeps a name that the record is to give up.
    fn keeps_name(&self, record: &UserRecord) -> bool {
        let works = record.desired_state() == DesiredState::Active;
        let is_broken = match works {
            true => Mutation::TheRenamedKeepTheirNames,
            false => Mutation::LeaversKeepTheirNames,
        };
        self.mutates(is_broken)
            && record.status.user.is_none()
            && record.status.former_user.is_some()
    }

    fn mutates(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }
}

impl Roster for Unsteady {
    fn load<'a>(&'a self, id: &'a Id) -> RosterFuture<'a, Option<UserRecord>> {
        self.effect(move || self.inner.load(id))
    }

    fn find<'a>(&'a self, key: &'a Key) -> RosterFuture<'a, Option<UserRecord>> {
        self.effect(move || {
            Box::pin(async move {
                let mut found = self.inner.find(key).await?;
                if let Some(record) = &mut found
                    && self.mutates(Mutation::TimeIsForgotten)
                {
                    forget_times(record);
                }
                if let Some(record) = &mut found
                    && self.mutates(Mutation::SuspensionsForgetWhy)
                    && record.spec.access.lifecycle == Lifecycle::Disabled
                {
                    let reasons = record.spec.access.reasons.values_mut();
                    reasons.for_each(|given| given.withdrawn = false);
                }
                Ok(found)
            })
        })
    }

    fn find_all<'a>(
        &'a self,
        key: &'a Key,
        after: Option<&'a Id>,
        count: usize,
    ) -> RosterFuture<'a, Vec<UserRecord>> {
        self.effect(move || self.inner.find_all(key, after, count))
    }

    fn find_deleted<'a>(
        &'a self,
        keys: &'a [Key],
        count: usize,
    ) -> RosterFuture<'a, Vec<UserRecord>> {
        self.effect(move || self.inner.find_deleted(keys, count))
    }

    fn write<'a>(
        &'a self,
        record: &'a UserRecord,
    ) -> RosterFuture<'a, Result<Stored, WriteConflict>> {
        self.effect(move || {
            Box::pin(async move {
                let mut record = record.clone();
                self.check_stored_keys(&record).await;
                if self.mutates(Mutation::WritesAreLost) && self.chance.in_100(10) {
                    let row_version = record.row_version + 1;
                    return Ok(Ok(Stored { row_version, stored_keys: StoredKeys::new(&record)? }));
                }
                if self.mutates(Mutation::WritesAreUnconditional)
                    && let Some(stored) = self.inner.load(&record.id).await?
                {
                    record.row_version = stored.row_version;
                }
                if self.mutates(Mutation::TheGoneAreForgotten) {
                    record.spec.tombstone_keys.clear();
                }
                if self.mutates(Mutation::NothingIsDue) {
                    record.set_due(None);
                }
                if self.mutates(Mutation::FormerUsersAreForgotten) {
                    record.status.former_user = None;
                    record.status.candidate_usernames.clear();
                }
                if self.keeps_name(&record) {
                    record.status.user = record.status.former_user.take();
                }
                self.inner.write(&record).await
            })
        })
    }

    fn erase<'a>(&'a self, record: &'a UserRecord) -> RosterFuture<'a, Result<(), WriteConflict>> {
        self.effect(move || self.inner.erase(record))
    }

    fn load_group<'a>(&'a self, id: &'a Id) -> RosterFuture<'a, Option<Group>> {
        self.effect(move || self.inner.load_group(id))
    }

    fn find_groups<'a>(&'a self, key: &'a Key, count: usize) -> RosterFuture<'a, Vec<Group>> {
        self.effect(move || self.inner.find_groups(key, count))
    }

    fn page_groups(&self, start: usize, count: usize) -> RosterFuture<'_, (Vec<Group>, usize)> {
        self.effect(move || self.inner.page_groups(start, count))
    }

    fn members<'a>(
        &'a self,
        group: &'a Id,
        from: u64,
        count: usize,
    ) -> RosterFuture<'a, (Vec<Member>, Option<u64>)> {
        self.effect(move || self.inner.members(group, from, count))
    }

    fn groups_of<'a>(
        &'a self,
        member: &'a str,
        after: Option<&'a Id>,
        count: usize,
    ) -> RosterFuture<'a, Vec<Group>> {
        self.effect(move || self.inner.groups_of(member, after, count))
    }

    fn write_group<'a>(
        &'a self,
        change: &'a GroupChange,
    ) -> RosterFuture<'a, Result<Group, WriteConflict>> {
        self.effect(move || {
            Box::pin(async move {
                let mut change = change.clone();
                if self.mutates(Mutation::MarksAreForgotten) {
                    change.affected = Affected::Nobody;
                }
                self.inner.write_group(&change).await
            })
        })
    }

    fn erase_group<'a>(
        &'a self,
        id: &'a Id,
        version: u64,
        mark: bool,
        now: SystemTime,
    ) -> RosterFuture<'a, Result<(), WriteConflict>> {
        self.effect(move || self.inner.erase_group(id, version, mark, now))
    }

    fn mend<'a>(&'a self, group: Option<&'a Id>) -> RosterFuture<'a, bool> {
        self.effect(move || {
            if self.mutates(Mutation::FanOutsAreForgotten) {
                return Box::pin(async { Ok(false) });
            }
            self.inner.mend(group)
        })
    }

    fn due_farewells(&self, now: SystemTime, count: usize) -> RosterFuture<'_, Vec<Id>> {
        self.effect(move || self.inner.due_farewells(now, count))
    }

    fn due(&self, now: SystemTime, count: usize) -> RosterFuture<'_, Vec<Id>> {
        self.effect(move || {
            Box::pin(async move {
                let mut due = self.inner.due(now, count).await?;
                // An index may not show yet what is due, and still show what is not, or is not there.
                if self.chance.in_100(10) {
                    due.pop();
                }
                if self.chance.in_100(10) && due.len() < count {
                    let (living, _) = self.inner.page(0, 100).await?;
                    due.extend(living.first().map(|one| one.id.clone()));
                    due.push(Id::of(self.chance.bytes()));
                }
                Ok(due)
            })
        })
    }

    fn page(&self, start: usize, count: usize) -> RosterFuture<'_, (Vec<UserRecord>, usize)> {
        self.effect(move || self.inner.page(start, count))
    }

    fn before<'a>(
        &'a self,
        place: Option<&'a Place>,
        count: usize,
    ) -> RosterFuture<'a, Vec<UserRecord>> {
        self.effect(move || self.inner.before(place, count))
    }

    fn parked<'a>(
        &'a self,
        after: Option<&'a Id>,
        count: usize,
    ) -> RosterFuture<'a, Vec<UserRecord>> {
        self.effect(move || self.inner.parked(after, count))
    }

    fn counts(&self) -> RosterFuture<'_, Counts> {
        self.effect(move || self.inner.counts())
    }

    fn first_seen<'a>(&'a self, event: &'a str, now: SystemTime) -> RosterFuture<'a, SystemTime> {
        self.effect(move || self.inner.first_seen(event, now))
    }

    fn count_removal<'a>(
        &'a self,
        guard: Guard,
        what: &'a str,
        now: SystemTime,
        most: usize,
    ) -> RosterFuture<'a, bool> {
        self.effect(move || {
            let most =
                if self.mutates(Mutation::RemovalsAreNotCounted) { usize::MAX } else { most };
            self.inner.count_removal(guard, what, now, most)
        })
    }

    fn note_removal<'a>(
        &'a self,
        guard: Guard,
        what: &'a str,
        now: SystemTime,
    ) -> RosterFuture<'a, ()> {
        self.effect(move || self.inner.note_removal(guard, what, now))
    }

    fn paused(&self) -> RosterFuture<'_, Option<SystemTime>> {
        self.effect(move || self.inner.paused())
    }

    fn set_paused(&self, since: Option<SystemTime>) -> RosterFuture<'_, ()> {
        self.effect(move || self.inner.set_paused(since))
    }

    fn begin_drain<'a>(
        &'a self,
        who: &'a str,
        now: SystemTime,
        until: SystemTime,
    ) -> RosterFuture<'a, bool> {
        self.effect(move || self.inner.begin_drain(who, now, until))
    }

    fn end_drain<'a>(&'a self, who: &'a str) -> RosterFuture<'a, ()> {
        self.effect(move || self.inner.end_drain(who))
    }

    fn backlog(&self) -> RosterFuture<'_, Option<SystemTime>> {
        self.effect(move || self.inner.backlog())
    }

    fn set_backlog(&self, until: Option<SystemTime>) -> RosterFuture<'_, ()> {
        self.effect(move || self.inner.set_backlog(until))
    }

    fn health(&self) -> Result<(), RosterError> {
        self.inner.health()
    }
}

/// Forgets when anything was said.
fn forget_times(record: &mut UserRecord) {
    let (spec, never) = (&mut record.spec, SystemTime::UNIX_EPOCH);
    (spec.profile_time, spec.access.time, spec.access.lifecycle_time) = (never, never, never);
    spec.access.reasons.values_mut().for_each(|given| {
        (given.stamp.time, given.stamp.said) = (never, None);
    });
    (spec.access.lifecycle_said, spec.access.enabled, spec.access.weighed) = (None, None, None);
}
