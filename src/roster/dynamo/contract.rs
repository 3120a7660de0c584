//! What a roster promises, kept by a table.

use std::sync::PoisonError;
use std::time::SystemTime;

use super::DynamoRoster;
use crate::roster::group::{Group, GroupChange, Member};
use crate::roster::key::{Id, Key};
use crate::roster::parked::Counts;
use crate::roster::record::{DueClass, UserRecord};
use crate::roster::{Guard, Place, Roster, RosterError, RosterFuture, Stored, WriteConflict};

impl Roster for DynamoRoster {
    fn load<'a>(&'a self, id: &'a Id) -> RosterFuture<'a, Option<UserRecord>> {
        Box::pin(self.load_record(id))
    }

    fn find<'a>(&'a self, key: &'a Key) -> RosterFuture<'a, Option<UserRecord>> {
        Box::pin(self.find_record(key))
    }

    fn find_all<'a>(
        &'a self,
        key: &'a Key,
        after: Option<&'a Id>,
        count: usize,
    ) -> RosterFuture<'a, Vec<UserRecord>> {
        Box::pin(self.records_by(key, after, count))
    }

    fn find_deleted<'a>(
        &'a self,
        keys: &'a [Key],
        count: usize,
    ) -> RosterFuture<'a, Vec<UserRecord>> {
        Box::pin(self.deleted_records(keys, count))
    }

    fn write<'a>(
        &'a self,
        record: &'a UserRecord,
    ) -> RosterFuture<'a, Result<Stored, WriteConflict>> {
        Box::pin(self.write_record(record))
    }

    fn erase<'a>(&'a self, record: &'a UserRecord) -> RosterFuture<'a, Result<(), WriteConflict>> {
        Box::pin(self.erase_record(record))
    }

    fn load_group<'a>(&'a self, id: &'a Id) -> RosterFuture<'a, Option<Group>> {
        Box::pin(async { Ok(self.stored_group(id).await?.map(|stored| stored.group)) })
    }

    fn find_groups<'a>(&'a self, key: &'a Key, count: usize) -> RosterFuture<'a, Vec<Group>> {
        Box::pin(self.groups_by(key, count))
    }

    fn page_groups(&self, start: usize, count: usize) -> RosterFuture<'_, (Vec<Group>, usize)> {
        Box::pin(self.page_of_groups(start, count))
    }

    fn members<'a>(
        &'a self,
        group: &'a Id,
        from: u64,
        count: usize,
    ) -> RosterFuture<'a, (Vec<Member>, Option<u64>)> {
        Box::pin(self.members_of(group, from, count))
    }

    fn groups_of<'a>(
        &'a self,
        member: &'a str,
        after: Option<&'a Id>,
        count: usize,
    ) -> RosterFuture<'a, Vec<Group>> {
        Box::pin(self.groups_with(member, after, count))
    }

    fn write_group<'a>(
        &'a self,
        change: &'a GroupChange,
    ) -> RosterFuture<'a, Result<Group, WriteConflict>> {
        Box::pin(self.change_group(change))
    }

    fn erase_group<'a>(
        &'a self,
        id: &'a Id,
        version: u64,
        mark: bool,
        now: SystemTime,
    ) -> RosterFuture<'a, Result<(), WriteConflict>> {
        Box::pin(self.remove_group(id, version, mark, now))
    }

    fn mend<'a>(&'a self, group: Option<&'a Id>) -> RosterFuture<'a, bool> {
        Box::pin(self.mend_next(group))
    }

    fn due(&self, now: SystemTime, count: usize) -> RosterFuture<'_, Vec<Id>> {
        Box::pin(self.due_records(now, count))
    }

    fn due_farewells(&self, now: SystemTime, count: usize) -> RosterFuture<'_, Vec<Id>> {
        Box::pin(self.due_of(DueClass::Farewell, now, count))
    }

    fn page(&self, start: usize, count: usize) -> RosterFuture<'_, (Vec<UserRecord>, usize)> {
        Box::pin(self.page_of_users(start, count))
    }

    fn before<'a>(
        &'a self,
        place: Option<&'a Place>,
        count: usize,
    ) -> RosterFuture<'a, Vec<UserRecord>> {
        Box::pin(self.users_before(place, count))
    }

    fn parked<'a>(
        &'a self,
        after: Option<&'a Id>,
        count: usize,
    ) -> RosterFuture<'a, Vec<UserRecord>> {
        Box::pin(self.parked_records(after, count))
    }

    fn counts(&self) -> RosterFuture<'_, Counts> {
        Box::pin(self.counted())
    }

    fn first_seen<'a>(&'a self, event: &'a str, now: SystemTime) -> RosterFuture<'a, SystemTime> {
        Box::pin(self.see(event, now))
    }

    fn count_removal<'a>(
        &'a self,
        guard: Guard,
        what: &'a str,
        now: SystemTime,
        most: usize,
    ) -> RosterFuture<'a, bool> {
        Box::pin(self.count(guard, what, now, most))
    }

    fn note_removal<'a>(
        &'a self,
        guard: Guard,
        what: &'a str,
        now: SystemTime,
    ) -> RosterFuture<'a, ()> {
        Box::pin(async move { self.count(guard, what, now, usize::MAX).await.map(drop) })
    }

    fn paused(&self) -> RosterFuture<'_, Option<SystemTime>> {
        Box::pin(self.note_of("paused"))
    }

    fn set_paused(&self, since: Option<SystemTime>) -> RosterFuture<'_, ()> {
        Box::pin(self.set_note("paused", since))
    }

    fn begin_drain<'a>(
        &'a self,
        who: &'a str,
        now: SystemTime,
        until: SystemTime,
    ) -> RosterFuture<'a, bool> {
        Box::pin(self.take_drain(who, now, until))
    }

    fn end_drain<'a>(&'a self, who: &'a str) -> RosterFuture<'a, ()> {
        Box::pin(self.give_drain_back(who))
    }

    fn backlog(&self) -> RosterFuture<'_, Option<SystemTime>> {
        Box::pin(self.note_of("backlog"))
    }

    fn set_backlog(&self, until: Option<SystemTime>) -> RosterFuture<'_, ()> {
        Box::pin(self.set_note("backlog", until))
    }

    fn health(&self) -> Result<(), RosterError> {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble
            .clone()
            .map_or(Ok(()), |trouble| Err(RosterError::NotDone(trouble.text().to_owned())))
    }
}
