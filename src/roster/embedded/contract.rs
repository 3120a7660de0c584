//! What a roster promises, kept by the one in this process.

use std::time::SystemTime;

use super::{Embedded, Notes, population, told_after};
use crate::roster::crowd::Crowd;
use crate::roster::glance::Glance;
use crate::roster::group::{Group, GroupChange, Member};
use crate::roster::key::{Id, Key};
use crate::roster::parked::Counts;
use crate::roster::queue::{Queue, at_once};
use crate::roster::record::UserRecord;
use crate::roster::short::Short;
use crate::roster::{Answer, Clash, Place, Roster, Stored, Trouble};
use crate::scim::resource::Sought;

impl Roster for Embedded {
    fn load<'a>(&'a self, id: &'a Id) -> Answer<'a, Option<UserRecord>> {
        let state = self.state();
        let record = state.contents.people.load(id);
        self.told(state, [Short::of_id(id)].into_iter(), record)
    }

    fn find<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<UserRecord>> {
        let state = self.state();
        let record = state.contents.people.find(key);
        let own = record.as_ref().ok().and_then(Option::as_ref);
        let own = own.map(|record| Short::of_id(&record.id));
        self.told(state, [Short::of_key(key)].into_iter().chain(own), record)
    }

    fn find_all<'a>(
        &'a self,
        key: &'a Key,
        after: Option<&'a Id>,
        count: usize,
    ) -> Answer<'a, Vec<UserRecord>> {
        let state = self.state();
        let records = state.contents.people.find_all(key, after, count);
        let own = records.as_deref().map(ids).unwrap_or_default();
        self.told(state, [Short::of_key(key)].into_iter().chain(own), records)
    }

    fn find_gone<'a>(&'a self, keys: &'a [Key], count: usize) -> Answer<'a, Vec<UserRecord>> {
        let state = self.state();
        let records = state.contents.people.find_gone(keys, count);
        let own = records.as_deref().map(ids).unwrap_or_default();
        self.told(state, keys.iter().map(Short::of_key).chain(own), records)
    }

    fn write<'a>(&'a self, record: &'a UserRecord) -> Answer<'a, Result<Stored, Clash>> {
        self.put(record).unwrap_or_else(|trouble| at_once(Err(trouble)))
    }

    fn erase<'a>(&'a self, id: &'a Id, version: u64) -> Answer<'a, Result<(), Clash>> {
        self.remove(id, version).unwrap_or_else(|trouble| at_once(Err(trouble)))
    }

    fn load_group<'a>(&'a self, id: &'a Id) -> Answer<'a, Option<Group>> {
        let state = self.state();
        let group = state.contents.crowd.group(id).cloned();
        self.told(state, [Short::of_id(id)].into_iter(), Ok(group))
    }

    fn find_groups<'a>(&'a self, key: &'a Key, count: usize) -> Answer<'a, Vec<Group>> {
        let state = self.state();
        let groups: Vec<Group> = state.contents.crowd.find(key).take(count).cloned().collect();
        let own = group_ids(&groups);
        self.told(state, [Short::of_key(key)].into_iter().chain(own), Ok(groups))
    }

    fn page_groups(&self, start: usize, count: usize) -> Answer<'_, (Vec<Group>, usize)> {
        let state = self.state();
        let page = state.contents.crowd.page(start, count);
        let own = group_ids(&page.0);
        self.told(state, [Crowd::population()].into_iter().chain(own), Ok(page))
    }

    fn members<'a>(
        &'a self,
        group: &'a Id,
        from: u64,
        count: usize,
    ) -> Answer<'a, (Vec<Member>, Option<u64>)> {
        let state = self.state();
        let members = state.contents.crowd.members(group, from, count);
        self.told(state, [Short::of_id(group)].into_iter(), Ok(members))
    }

    fn groups_of<'a>(
        &'a self,
        member: &'a str,
        after: Option<&'a Id>,
        count: usize,
    ) -> Answer<'a, Vec<Group>> {
        let state = self.state();
        let groups = state.contents.crowd.groups_of(member, after, count);
        let own = group_ids(&groups);
        self.told(state, [Short::of(member)].into_iter().chain(own), Ok(groups))
    }

    fn write_group<'a>(&'a self, change: &'a GroupChange) -> Answer<'a, Result<Group, Clash>> {
        self.put_group(change).unwrap_or_else(|trouble| at_once(Err(trouble)))
    }

    fn erase_group<'a>(
        &'a self,
        id: &'a Id,
        version: u64,
        mark: bool,
        now: SystemTime,
    ) -> Answer<'a, Result<(), Clash>> {
        self.remove_group(id, version, mark, now).unwrap_or_else(|trouble| at_once(Err(trouble)))
    }

    fn mend<'a>(&'a self, group: Option<&'a Id>) -> Answer<'a, bool> {
        self.pay(group).unwrap_or_else(|trouble| at_once(Err(trouble)))
    }

    // Whoever is told goes on to read what is due, and waits there if the disk does not have it.
    fn due(&self, now: SystemTime, count: usize) -> Answer<'_, Vec<Id>> {
        at_once(self.state().contents.people.due(now, count))
    }

    fn page(&self, start: usize, count: usize) -> Answer<'_, (Vec<UserRecord>, usize)> {
        let state = self.state();
        let page = state.contents.people.page(start, count);
        let own = page.as_ref().map(|(records, _)| ids(records)).unwrap_or_default();
        self.told(state, [population()].into_iter().chain(own), page)
    }

    fn page_versions(&self, start: usize, count: usize) -> Answer<'_, (Vec<(Id, u64)>, usize)> {
        let state = self.state();
        let page = state.contents.people.page_versions(start, count);
        let own = page.as_ref().map(|(versions, _)| {
            versions.iter().map(|(id, _)| Short::of_id(id)).collect::<Vec<_>>()
        });
        let own = own.unwrap_or_default();
        self.told(state, [population()].into_iter().chain(own), page)
    }

    fn version<'a>(&'a self, id: &'a Id) -> Answer<'a, Option<u64>> {
        let state = self.state();
        let short = Short::of_id(id);
        let version = state.contents.people.version_of(id);
        self.told(state, [short].into_iter(), version)
    }

    fn before<'a>(&'a self, place: Option<&'a Place>, count: usize) -> Answer<'a, Vec<UserRecord>> {
        let state = self.state();
        let records = state.contents.people.before(place, count);
        let own = records.as_deref().map(ids).unwrap_or_default();
        self.told(state, [population()].into_iter().chain(own), records)
    }

    fn glances<'a>(
        &'a self,
        place: Option<&'a Place>,
        count: usize,
        sought: &'a Sought<'a>,
    ) -> Answer<'a, Vec<Glance>> {
        let state = self.state();
        let glances = state.contents.people.glances(place, count, sought);
        let own = glances.as_ref().map(|glances| {
            glances.iter().map(|glance| Short::of_id(&glance.id)).collect::<Vec<_>>()
        });
        let own = own.unwrap_or_default();
        self.told(state, [population()].into_iter().chain(own), glances)
    }

    fn parked<'a>(&'a self, after: Option<&'a Id>, count: usize) -> Answer<'a, Vec<UserRecord>> {
        let mut state = self.state();
        let records = state.contents.people.parked(after, count);
        told_after(state.queue.as_mut().map(Queue::all_pending), records)
    }

    // Counts may be late, and so may they be early.
    fn counts(&self) -> Answer<'_, Counts> {
        at_once(Ok(self.state().contents.people.counts()))
    }

    fn first_sight<'a>(&'a self, event: &'a str, now: SystemTime) -> Answer<'a, SystemTime> {
        self.see(event, now).unwrap_or_else(|trouble| at_once(Err(trouble)))
    }

    fn count_removal<'a>(
        &'a self,
        what: &'a str,
        now: SystemTime,
        most: usize,
    ) -> Answer<'a, bool> {
        let counted = self.note(|notes| {
            if notes.counts(what, now) {
                return true;
            }
            let counts = notes.removals.len() < most;
            if counts {
                notes.count(what, now);
            }
            counts
        });
        counted.unwrap_or_else(|trouble| at_once(Err(trouble)))
    }

    fn note_removal<'a>(&'a self, what: &'a str, now: SystemTime) -> Answer<'a, ()> {
        let noted = self.note(|notes| {
            if !notes.counts(what, now) {
                notes.count(what, now);
            }
        });
        noted.unwrap_or_else(|trouble| at_once(Err(trouble)))
    }

    fn begin_drain<'a>(
        &'a self,
        who: &'a str,
        now: SystemTime,
        until: SystemTime,
    ) -> Answer<'a, bool> {
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
        begun.unwrap_or_else(|trouble| at_once(Err(trouble)))
    }

    fn end_drain<'a>(&'a self, who: &'a str) -> Answer<'a, ()> {
        let ended = self.note(|notes| {
            if notes.drained_by.as_deref() == Some(who) {
                (notes.drained_until, notes.drained_by) = (None, None);
            }
        });
        ended.unwrap_or_else(|trouble| at_once(Err(trouble)))
    }

    fn backlog(&self) -> Answer<'_, Option<SystemTime>> {
        at_once(Ok(self.state().contents.notes.backlog_until))
    }

    fn set_backlog(&self, until: Option<SystemTime>) -> Answer<'_, ()> {
        if self.state().contents.notes.backlog_until == until {
            return at_once(Ok(()));
        }
        let noted = self.note(|notes| notes.backlog_until = until);
        noted.unwrap_or_else(|trouble| at_once(Err(trouble)))
    }

    fn health(&self) -> Result<(), Trouble> {
        self.state().check_disk()
    }
}

/// The ids of what was read.
fn ids(records: &[UserRecord]) -> Vec<Short> {
    records.iter().map(|record| Short::of_id(&record.id)).collect()
}

fn group_ids(groups: &[Group]) -> Vec<Short> {
    groups.iter().map(|group| Short::of_id(&group.id)).collect()
}
