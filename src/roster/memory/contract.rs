//! What a roster promises, kept by the one in this process.

use std::time::SystemTime;

use super::{MemoryRoster, Notes, population, told_after};
use crate::roster::glance::Glance;
use crate::roster::group::{Group, GroupChange, Member};
use crate::roster::group_index::GroupIndex;
use crate::roster::key::{Id, Key};
use crate::roster::key_hash::KeyHash;
use crate::roster::parked::Counts;
use crate::roster::queue::{Queue, at_once};
use crate::roster::record::UserRecord;
use crate::roster::{Guard, Place, Roster, RosterError, RosterFuture, Stored, WriteConflict};
use crate::scim::resource::Sought;

impl Roster for MemoryRoster {
    fn load<'a>(&'a self, id: &'a Id) -> RosterFuture<'a, Option<UserRecord>> {
        let state = self.state();
        let record = state.contents.user_index.load(id);
        self.told(state, [KeyHash::of_id(id)].into_iter(), record)
    }

    fn find<'a>(&'a self, key: &'a Key) -> RosterFuture<'a, Option<UserRecord>> {
        let state = self.state();
        let record = state.contents.user_index.find(key);
        let own = record.as_ref().ok().and_then(Option::as_ref);
        let own = own.map(|record| KeyHash::of_id(&record.id));
        self.told(state, [KeyHash::of_key(key)].into_iter().chain(own), record)
    }

    fn find_all<'a>(
        &'a self,
        key: &'a Key,
        after: Option<&'a Id>,
        count: usize,
    ) -> RosterFuture<'a, Vec<UserRecord>> {
        let state = self.state();
        let records = state.contents.user_index.find_all(key, after, count);
        let own = records.as_deref().map(ids).unwrap_or_default();
        self.told(state, [KeyHash::of_key(key)].into_iter().chain(own), records)
    }

    fn find_deleted<'a>(
        &'a self,
        keys: &'a [Key],
        count: usize,
    ) -> RosterFuture<'a, Vec<UserRecord>> {
        let state = self.state();
        let records = state.contents.user_index.find_deleted(keys, count);
        let own = records.as_deref().map(ids).unwrap_or_default();
        self.told(state, keys.iter().map(KeyHash::of_key).chain(own), records)
    }

    fn write<'a>(
        &'a self,
        record: &'a UserRecord,
    ) -> RosterFuture<'a, Result<Stored, WriteConflict>> {
        self.put(record).unwrap_or_else(|roster_error| at_once(Err(roster_error)))
    }

    fn erase<'a>(&'a self, record: &'a UserRecord) -> RosterFuture<'a, Result<(), WriteConflict>> {
        self.remove(record).unwrap_or_else(|roster_error| at_once(Err(roster_error)))
    }

    fn load_group<'a>(&'a self, id: &'a Id) -> RosterFuture<'a, Option<Group>> {
        let state = self.state();
        let group = state.contents.group_index.group(id).cloned();
        self.told(state, [KeyHash::of_id(id)].into_iter(), Ok(group))
    }

    fn find_groups<'a>(&'a self, key: &'a Key, count: usize) -> RosterFuture<'a, Vec<Group>> {
        let state = self.state();
        let groups: Vec<Group> =
            state.contents.group_index.find(key).take(count).cloned().collect();
        let own = group_ids(&groups);
        self.told(state, [KeyHash::of_key(key)].into_iter().chain(own), Ok(groups))
    }

    fn page_groups(&self, start: usize, count: usize) -> RosterFuture<'_, (Vec<Group>, usize)> {
        let state = self.state();
        let page = state.contents.group_index.page(start, count);
        let own = group_ids(&page.0);
        self.told(state, [GroupIndex::population()].into_iter().chain(own), Ok(page))
    }

    fn members<'a>(
        &'a self,
        group: &'a Id,
        from: u64,
        count: usize,
    ) -> RosterFuture<'a, (Vec<Member>, Option<u64>)> {
        let state = self.state();
        let members = state.contents.group_index.members(group, from, count);
        self.told(state, [KeyHash::of_id(group)].into_iter(), Ok(members))
    }

    fn groups_of<'a>(
        &'a self,
        member: &'a str,
        after: Option<&'a Id>,
        count: usize,
    ) -> RosterFuture<'a, Vec<Group>> {
        let state = self.state();
        let groups = state.contents.group_index.groups_of(member, after, count);
        let own = state.contents.group_index.ids_of_groups_of(member);
        self.told(state, [KeyHash::of(member)].into_iter().chain(own), Ok(groups))
    }

    fn write_group<'a>(
        &'a self,
        change: &'a GroupChange,
    ) -> RosterFuture<'a, Result<Group, WriteConflict>> {
        self.put_group(change).unwrap_or_else(|roster_error| at_once(Err(roster_error)))
    }

    fn erase_group<'a>(
        &'a self,
        id: &'a Id,
        version: u64,
        mark: bool,
        now: SystemTime,
    ) -> RosterFuture<'a, Result<(), WriteConflict>> {
        self.remove_group(id, version, mark, now)
            .unwrap_or_else(|roster_error| at_once(Err(roster_error)))
    }

    fn mend<'a>(&'a self, group: Option<&'a Id>) -> RosterFuture<'a, bool> {
        self.mend_next(group).unwrap_or_else(|roster_error| at_once(Err(roster_error)))
    }

    // Whoever is told goes on to read what is due, and waits there if the disk does not have it.
    fn due(&self, now: SystemTime, count: usize) -> RosterFuture<'_, Vec<Id>> {
        at_once(self.state().contents.user_index.due(now, count))
    }

    fn due_farewells(&self, now: SystemTime, count: usize) -> RosterFuture<'_, Vec<Id>> {
        at_once(self.state().contents.user_index.due_farewells(now, count))
    }

    fn page(&self, start: usize, count: usize) -> RosterFuture<'_, (Vec<UserRecord>, usize)> {
        let state = self.state();
        let page = state.contents.user_index.page(start, count);
        let own = page.as_ref().map(|(records, _)| ids(records)).unwrap_or_default();
        self.told(state, [population()].into_iter().chain(own), page)
    }

    fn page_versions(
        &self,
        start: usize,
        count: usize,
    ) -> RosterFuture<'_, (Vec<(Id, u64)>, usize)> {
        let state = self.state();
        let page = state.contents.user_index.page_versions(start, count);
        let own = page.as_ref().map(|(versions, _)| {
            versions.iter().map(|(id, _)| KeyHash::of_id(id)).collect::<Vec<_>>()
        });
        let own = own.unwrap_or_default();
        self.told(state, [population()].into_iter().chain(own), page)
    }

    fn version<'a>(&'a self, id: &'a Id) -> RosterFuture<'a, Option<u64>> {
        let state = self.state();
        let short = KeyHash::of_id(id);
        let version = state.contents.user_index.version_of(id);
        self.told(state, [short].into_iter(), version)
    }

    fn before<'a>(
        &'a self,
        place: Option<&'a Place>,
        count: usize,
    ) -> RosterFuture<'a, Vec<UserRecord>> {
        let state = self.state();
        let records = state.contents.user_index.before(place, count);
        let own = records.as_deref().map(ids).unwrap_or_default();
        self.told(state, [population()].into_iter().chain(own), records)
    }

    fn glances<'a>(
        &'a self,
        place: Option<&'a Place>,
        count: usize,
        sought: &'a Sought<'a>,
    ) -> RosterFuture<'a, Vec<Glance>> {
        let state = self.state();
        let glances = state.contents.user_index.glances(place, count, sought);
        let own = glances.as_ref().map(|glances| {
            glances.iter().map(|glance| KeyHash::of_id(&glance.id)).collect::<Vec<_>>()
        });
        let own = own.unwrap_or_default();
        self.told(state, [population()].into_iter().chain(own), glances)
    }

    fn parked<'a>(
        &'a self,
        after: Option<&'a Id>,
        count: usize,
    ) -> RosterFuture<'a, Vec<UserRecord>> {
        let mut state = self.state();
        let records = state.contents.user_index.parked(after, count);
        told_after(state.queue.as_mut().map(Queue::all_pending), records)
    }

    // Counts may be late, and so may they be early.
    fn counts(&self) -> RosterFuture<'_, Counts> {
        at_once(Ok(self.state().contents.user_index.counts()))
    }

    fn first_seen<'a>(&'a self, event: &'a str, now: SystemTime) -> RosterFuture<'a, SystemTime> {
        self.see(event, now).unwrap_or_else(|roster_error| at_once(Err(roster_error)))
    }

    fn count_removal<'a>(
        &'a self,
        guard: Guard,
        what: &'a str,
        now: SystemTime,
        most: usize,
    ) -> RosterFuture<'a, bool> {
        let counted = self.note(|notes| notes.count(guard, what, now, most));
        counted.unwrap_or_else(|roster_error| at_once(Err(roster_error)))
    }

    fn note_removal<'a>(
        &'a self,
        guard: Guard,
        what: &'a str,
        now: SystemTime,
    ) -> RosterFuture<'a, ()> {
        let noted = self.note(|notes| {
            let _always = notes.count(guard, what, now, usize::MAX);
        });
        noted.unwrap_or_else(|roster_error| at_once(Err(roster_error)))
    }

    fn paused(&self) -> RosterFuture<'_, Option<SystemTime>> {
        at_once(Ok(self.state().contents.notes.paused_since))
    }

    fn set_paused(&self, since: Option<SystemTime>) -> RosterFuture<'_, ()> {
        let noted = self.note(|notes| notes.paused_since = since);
        noted.unwrap_or_else(|roster_error| at_once(Err(roster_error)))
    }

    fn begin_drain<'a>(
        &'a self,
        who: &'a str,
        now: SystemTime,
        until: SystemTime,
    ) -> RosterFuture<'a, bool> {
        let is_free = |notes: &Notes| {
            notes.drained_until.is_none_or(|taken| taken <= now)
                || notes.drained_by.as_deref() == Some(who)
        };
        if !is_free(&self.state().contents.notes) {
            return at_once(Ok(false));
        }
        let begun = self.note(|notes| {
            let free = is_free(notes);
            if free {
                notes.drained_until = Some(until);
                notes.drained_by = Some(who.to_owned());
            }
            free
        });
        begun.unwrap_or_else(|roster_error| at_once(Err(roster_error)))
    }

    fn end_drain<'a>(&'a self, who: &'a str) -> RosterFuture<'a, ()> {
        let ended = self.note(|notes| {
            if notes.drained_by.as_deref() == Some(who) {
                (notes.drained_until, notes.drained_by) = (None, None);
            }
        });
        ended.unwrap_or_else(|roster_error| at_once(Err(roster_error)))
    }

    fn backlog(&self) -> RosterFuture<'_, Option<SystemTime>> {
        at_once(Ok(self.state().contents.notes.backlog_until))
    }

    fn set_backlog(&self, until: Option<SystemTime>) -> RosterFuture<'_, ()> {
        if self.state().contents.notes.backlog_until == until {
            return at_once(Ok(()));
        }
        let noted = self.note(|notes| notes.backlog_until = until);
        noted.unwrap_or_else(|roster_error| at_once(Err(roster_error)))
    }

    fn health(&self) -> Result<(), RosterError> {
        self.state().check_disk()
    }
}

/// The ids of what was read.
fn ids(records: &[UserRecord]) -> Vec<KeyHash> {
    records.iter().map(|record| KeyHash::of_id(&record.id)).collect()
}

fn group_ids(groups: &[Group]) -> Vec<KeyHash> {
    groups.iter().map(|group| KeyHash::of_id(&group.id)).collect()
}
