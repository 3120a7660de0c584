//! The groups of a roster in memory, and the ways to find them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::SystemTime;

use super::Clash;
use super::group::{Group, GroupChange, Mark, Member};
use super::key::{Id, Key};
use super::short::Short;

/// All groups.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    groups: HashMap<Id, Group>,
    members: HashMap<Id, Members>,
    /// In the order in which they came.
    order: BTreeSet<(SystemTime, Id)>,
    keys: BTreeSet<(Key, SystemTime, Id)>,
    /// Who is in which groups, in the order in which those came.
    memberships: BTreeSet<(String, SystemTime, Id)>,
}

/// The members of one group, numbered in the order in which they were added.
#[derive(Debug, Default)]
struct Members {
    list: BTreeMap<u64, Member>,
    numbers: HashMap<String, u64>,
}

/// What a change comes to.
#[derive(Clone, Debug)]
pub(super) struct Weighed {
    /// The group then.
    pub(super) group: Group,
    /// Who comes, by number.
    pub(super) added: Vec<(u64, Member)>,
    /// Of whom something else is said, by number.
    pub(super) told: Vec<(u64, Member)>,
    /// Who goes, by number.
    pub(super) removed: Vec<u64>,
    /// The ids of those for whom it makes a difference.
    pub(super) concerned: Vec<String>,
}

impl Crowd {
    pub(super) fn group(&self, id: &Id) -> Option<&Group> {
        self.groups.get(id)
    }

    pub(super) fn find<'a>(&'a self, key: &'a Key) -> impl Iterator<Item = &'a Group> {
        let first = (key.clone(), SystemTime::UNIX_EPOCH, Id::read(""));
        let own = self.keys.range(first..).take_while(move |(own, _, _)| own == key);
        own.filter_map(|(_, _, id)| self.groups.get(id))
    }

    pub(super) fn page(&self, start: usize, count: usize) -> (Vec<Group>, usize) {
        let page = self.order.iter().skip(start).take(count);
        let page = page.filter_map(|(_, id)| self.groups.get(id).cloned());
        (page.collect(), self.order.len())
    }

    pub(super) fn members(&self, id: &Id) -> Vec<Member> {
        let members = self.members.get(id);
        members.map(|members| members.list.values().cloned().collect()).unwrap_or_default()
    }

    pub(super) fn groups_of(&self, member: &str) -> Vec<Group> {
        let first = (member.to_owned(), SystemTime::UNIX_EPOCH, Id::read(""));
        let own = self.memberships.range(first..).take_while(|(value, _, _)| value == member);
        own.filter_map(|(_, _, id)| self.groups.get(id).cloned()).collect()
    }

    /// What a change comes to; `None` if it changes nothing.
    pub(super) fn weigh(&self, change: &GroupChange) -> Result<Option<Weighed>, Clash> {
        let stored = self.groups.get(&change.group.id);
        let is_there = stored.is_some() == (change.group.version > 0);
        let has_moved = |stored: &Group| {
            // Whom it concerns was judged by the name.
            stored.name_key() != change.group.name_key()
                || change.resource.is_some() && stored.version != change.group.version
                || change.condition.is_some_and(|edition| edition != stored.edition)
        };
        if !is_there || stored.is_some_and(has_moved) {
            return Err(Clash::Moved);
        }
        let mut group = stored.unwrap_or(&change.group).clone();
        if let Some(resource) = &change.resource {
            group.resource.clone_from(resource);
        }
        let is_taken = |key: &Key| self.find(key).any(|holder| holder.id != group.id);
        // A name that it has it keeps, though a rule of today makes it one with another's.
        let is_named = stored.is_none_or(|stored| stored.name_key() != group.name_key());
        if is_named && group.name_key().as_ref().is_some_and(is_taken) {
            return Err(Clash::Taken);
        }
        let none = Members::default();
        let members = self.members.get(&group.id).unwrap_or(&none);
        let (added, removed) = members.difference(change);
        let told = members.told(change, &removed);
        let is_same = stored.is_some_and(|stored| stored.resource == group.resource);
        if is_same && added.is_empty() && told.is_empty() && removed.is_empty() {
            return Ok(None);
        }
        let concerned = members.concerned(change.mark, &added, &removed);
        group.version = group.version.saturating_add(1);
        group.edition = group.edition.saturating_add(1);
        group.modified = change.now;
        Ok(Some(Weighed { group, added, told, removed, concerned }))
    }

    /// What a reader of pages looks at besides the groups of a page.
    pub(super) fn population() -> Short {
        Short::of("how many groups there are")
    }

    /// By what a reader finds what a change touches.
    pub(super) fn ways(&self, weighed: &Weighed) -> Vec<Short> {
        let Weighed { group, added, told, removed, .. } = weighed;
        let mut ways = self.ways_to(&group.id);
        ways.extend(group.keys().iter().map(Short::of_key));
        let known = self.members.get(&group.id);
        let removed = removed.iter().filter_map(|number| known?.list.get(number));
        let members = added.iter().chain(told).map(|(_, member)| member).chain(removed);
        ways.extend(members.map(|member| Short::of(&member.value)));
        ways
    }

    /// By what a group is found now, and the number of all, where it is to come or to go.
    pub(super) fn ways_to(&self, id: &Id) -> Vec<Short> {
        let stored = self.groups.get(id).map(Group::keys).unwrap_or_default();
        let keys = stored.iter().map(Short::of_key);
        [Short::of_id(id), Self::population()].into_iter().chain(keys).collect()
    }

    /// Carries out what was weighed.
    pub(super) fn put(&mut self, weighed: Weighed) {
        let Weighed { group, added, told, removed, .. } = weighed;
        self.place(group.clone());
        let members = self.members.entry(group.id.clone()).or_default();
        for number in removed {
            if let Some(member) = members.list.remove(&number) {
                members.numbers.remove(&member.value);
                self.memberships.remove(&(member.value, group.created, group.id.clone()));
            }
        }
        for (number, member) in added.into_iter().chain(told) {
            self.join(&group.id, number, member);
        }
    }

    /// Gives a group its places, in those of its former state.
    pub(super) fn place(&mut self, group: Group) {
        self.displace(&group.id);
        self.order.insert((group.created, group.id.clone()));
        let keys = group.keys().into_iter().map(|key| (key, group.created, group.id.clone()));
        self.keys.extend(keys);
        self.groups.insert(group.id.clone(), group);
    }

    /// Notes that somebody is in a group.
    pub(super) fn join(&mut self, group: &Id, number: u64, member: Member) {
        let Some(created) = self.groups.get(group).map(|group| group.created) else { return };
        self.memberships.insert((member.value.clone(), created, group.clone()));
        let members = self.members.entry(group.clone()).or_default();
        members.numbers.insert(member.value.clone(), number);
        members.list.insert(number, member);
    }

    /// Removes a group with its members.
    pub(super) fn take(&mut self, id: &Id) {
        let Some(group) = self.displace(id) else { return };
        for member in self.members.remove(id).unwrap_or_default().list.into_values() {
            self.memberships.remove(&(member.value, group.created, id.clone()));
        }
    }

    /// The numbers of a group's members.
    pub(super) fn numbers(&self, id: &Id) -> Vec<u64> {
        let members = self.members.get(id);
        members.map(|members| members.list.keys().copied().collect()).unwrap_or_default()
    }

    fn displace(&mut self, id: &Id) -> Option<Group> {
        let former = self.groups.remove(id)?;
        self.order.remove(&(former.created, id.clone()));
        for key in former.keys() {
            self.keys.remove(&(key, former.created, id.clone()));
        }
        Some(former)
    }
}

impl Members {
    /// Who comes and who goes, of those that a change names.
    fn difference(&self, change: &GroupChange) -> (Vec<(u64, Member)>, Vec<u64>) {
        let removed = change.remove.iter().filter_map(|value| self.numbers.get(value).copied());
        let mut removed: Vec<u64> = removed.collect();
        removed.sort_unstable();
        removed.dedup();
        let next = self.list.last_key_value().map_or(0, |(last, _)| last.saturating_add(1));
        let mut seen = BTreeSet::new();
        let new = change.add.iter().filter(|member| {
            !self.numbers.contains_key(&member.value) && seen.insert(member.value.as_str())
        });
        ((next..).zip(new.cloned()).collect(), removed)
    }

    /// Of whom a change says something else than what is known, but for those who go; these are in
    /// their order.
    fn told(&self, change: &GroupChange, removed: &[u64]) -> Vec<(u64, Member)> {
        let known = |member: &Member| {
            let number = *self.numbers.get(&member.value)?;
            let known = self.list.get(&number)?;
            (!known.says_as_much_as(member)).then_some(number)
        };
        let told = change.tell.iter().filter_map(|member| Some((known(member)?, member.clone())));
        told.filter(|(number, _)| removed.binary_search(number).is_err()).collect()
    }

    fn concerned(&self, mark: Mark, added: &[(u64, Member)], removed: &[u64]) -> Vec<String> {
        let added = added.iter().map(|(_, member)| member);
        let known: Vec<&Member> = match mark {
            Mark::Nobody => return Vec::new(),
            Mark::Changed => removed.iter().filter_map(|number| self.list.get(number)).collect(),
            Mark::Everybody => self.list.values().collect(),
        };
        added.chain(known).map(|member| member.value.clone()).collect()
    }
}
