//! The groups of a roster in memory, and the ways to find them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::WriteConflict;
use super::group::{Affected, Group, GroupChange, Member};
use super::key::{Id, Key};
use super::key_hash::KeyHash;

/// All groups.
#[derive(Debug, Default)]
pub(super) struct GroupIndex {
    groups: HashMap<Id, Group>,
    members: HashMap<Id, Members>,
    /// In the order in which they came.
    order: BTreeSet<(SystemTime, Id)>,
    keys: BTreeSet<(Key, SystemTime, Id)>,
    /// Who is in which groups.
    memberships: BTreeSet<(String, Id)>,
    /// What changes that were accepted still owe, by their group, which may be gone: one each.
    fan_outs: BTreeMap<Id, FanOut>,
}

/// The members of one group, numbered in the order in which they were added.
#[derive(Debug, Default)]
pub(super) struct Members {
    pub(super) list: BTreeMap<u64, Member>,
    pub(super) numbers: HashMap<String, u64>,
}

/// What a change comes to.
#[derive(Clone, Debug)]
pub(super) struct GroupDelta {
    /// The group then.
    pub(super) group: Group,
    /// Who comes and goes, and who is marked for that.
    pub(super) fan_out: FanOut,
}

/// What is to be written of a change besides the group itself: rows, and after them marks. To write any
/// of it twice is to write it once, but for a user who is looked at once more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct FanOut {
    /// Who comes, of whom something else is said, and who goes.
    rows: Vec<Row>,
    /// The ids of those for whom it makes a difference.
    marks: Vec<String>,
    /// When it was accepted.
    now: SystemTime,
    /// How many of both are written; a file begins anew.
    #[serde(skip)]
    done: usize,
}

/// A member's row, by its number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Row {
    /// The member is there, and this is said of them.
    Put(u64, Member),
    /// The member is not.
    Remove(u64),
}

/// What is written at once of a fan-out.
#[derive(Clone, Debug)]
pub(super) struct FanOutPart {
    /// Rows.
    pub(super) rows: Vec<Row>,
    /// The ids of those who are marked, which are those of rows written before.
    pub(super) marks: Vec<String>,
    /// When the change was accepted.
    pub(super) now: SystemTime,
    /// Whether this is the last of it.
    pub(super) is_last: bool,
}

impl FanOut {
    /// Up to so many rows or marks of what is not written yet. Marks come in no part with rows that
    /// they wait for, unless all fits.
    pub(super) fn next(&self, most: usize) -> FanOutPart {
        let rows: Vec<Row> = self.rows.iter().skip(self.done).take(most).cloned().collect();
        let left = self.len().saturating_sub(self.done);
        let marks = match rows.len() {
            // Rows are left, or there is no room for all marks beside them.
            count if count > 0 && left > most => Vec::new(),
            _ => {
                let start = self.done.saturating_sub(self.rows.len());
                self.marks.iter().skip(start).take(most).cloned().collect()
            }
        };
        let is_last = rows.len().saturating_add(marks.len()) == left;
        FanOutPart { rows, marks, now: self.now, is_last }
    }

    /// The whole of it where it fits; else nothing, and it is begun after the group itself is written.
    pub(super) fn first(&self, most: usize) -> FanOutPart {
        self.next(if self.len() <= most { most } else { 0 })
    }

    /// How much it is.
    pub(super) const fn len(&self) -> usize {
        self.rows.len().saturating_add(self.marks.len())
    }
}

impl GroupIndex {
    pub(super) fn group(&self, id: &Id) -> Option<&Group> {
        self.groups.get(id)
    }

    pub(super) fn find<'a>(&'a self, key: &'a Key) -> impl Iterator<Item = &'a Group> {
        let first = (key.clone(), SystemTime::UNIX_EPOCH, Id::from_text(""));
        let own = self.keys.range(first..).take_while(move |(own, _, _)| own == key);
        own.filter_map(|(_, _, id)| self.groups.get(id))
    }

    pub(super) fn page(&self, start: usize, count: usize) -> (Vec<Group>, usize) {
        let page = self.order.iter().skip(start).take(count);
        let page = page.filter_map(|(_, id)| self.groups.get(id).cloned());
        (page.collect(), self.order.len())
    }

    /// Members from a number on, and the number behind them.
    pub(super) fn members(&self, id: &Id, from: u64, count: usize) -> (Vec<Member>, Option<u64>) {
        // Of a group that is gone, some may be left.
        let members = self.members.get(id).filter(|_| self.groups.contains_key(id));
        let Some(members) = members else { return (Vec::new(), None) };
        let mut left = members.list.range(from..);
        let page = left.by_ref().take(count).map(|(_, member)| member.clone()).collect();
        (page, left.next().map(|(number, _)| *number))
    }

    /// The ids of the groups that somebody is in, also of those that are gone and not written off yet:
    /// whoever is told that somebody is in none of these has to wait for that.
    pub(super) fn ids_of_groups_of(&self, member: &str) -> Vec<KeyHash> {
        let first = (member.to_owned(), Id::from_text(""));
        let own = self.memberships.range(first..).take_while(|(value, _)| value == member);
        own.map(|(_, id)| KeyHash::of_id(id)).collect()
    }

    /// Groups in the order of their ids.
    pub(super) fn groups_of(&self, member: &str, after: Option<&Id>, count: usize) -> Vec<Group> {
        let first = (member.to_owned(), after.cloned().unwrap_or_else(|| Id::from_text("")));
        let own = self.memberships.range(first..).take_while(|(value, _)| value == member);
        let own = own.filter(|(_, id)| Some(id) != after);
        own.filter_map(|(_, id)| self.groups.get(id).cloned()).take(count).collect()
    }

    /// The group of these that owes something, or any.
    pub(super) fn next_fan_out(&self, group: Option<&Id>) -> Option<(&Id, &FanOut)> {
        match group {
            Some(id) => self.fan_outs.get_key_value(id),
            None => self.fan_outs.first_key_value(),
        }
    }

    /// Notes what a group owes.
    pub(super) fn start_fan_out(&mut self, id: Id, fan_out: FanOut) {
        self.fan_outs.insert(id, fan_out);
    }

    /// What a change comes to; `None` if it changes nothing.
    pub(super) fn diff(&self, change: &GroupChange) -> Result<Option<GroupDelta>, WriteConflict> {
        let stored = self.groups.get(&change.group.id);
        let is_there = stored.is_some() == (change.group.version > 0);
        if !is_there || stored.is_some_and(|stored| has_moved(stored, change)) {
            return Err(WriteConflict::StaleVersion);
        }
        let mut group = stored.unwrap_or(&change.group).clone();
        if let Some(resource) = &change.resource {
            group.resource.clone_from(resource);
        }
        let is_taken = |key: &Key| self.find(key).any(|holder| holder.id != group.id);
        // A name that it has it keeps, though a rule of today makes it one with another's.
        let is_named = stored.is_none_or(|stored| stored.name_key() != group.name_key());
        if is_named && group.name_key().as_ref().is_some_and(is_taken) {
            return Err(WriteConflict::DuplicateKey);
        }
        let none = Members::default();
        let members = self.members.get(&group.id).unwrap_or(&none);
        let (added, removed) = members.difference(change, members.next());
        let told = members.told(change, &removed);
        let is_same = stored.is_some_and(|stored| stored.resource == group.resource);
        if is_same && added.is_empty() && told.is_empty() && removed.is_empty() {
            return Ok(None);
        }
        let marks = members.concerned(change.affected, &added, &removed);
        group.version = group.version.saturating_add(1);
        group.edition = group.edition.saturating_add(1);
        group.modified = change.now;
        let removed = removed.into_iter().map(Row::Remove);
        let put = added.into_iter().chain(told).map(|(number, member)| Row::Put(number, member));
        let rows = removed.chain(put).collect();
        Ok(Some(GroupDelta { group, fan_out: FanOut { rows, marks, now: change.now, done: 0 } }))
    }

    /// The fan-out where a group is gone: its members, and marks for them if that makes a difference.
    pub(super) fn weigh_end(&self, id: &Id, affected: bool, now: SystemTime) -> FanOut {
        let members = self.members.get(id).map(|members| &members.list);
        let marked = members.filter(|_| affected).into_iter().flat_map(BTreeMap::values);
        let marks = marked.map(|member| member.value.clone()).collect();
        let rows = members.into_iter().flat_map(BTreeMap::keys).copied().map(Row::Remove).collect();
        FanOut { rows, marks, now, done: 0 }
    }

    /// What a reader of pages looks at besides the groups of a page.
    pub(super) fn population() -> KeyHash {
        KeyHash::of("how many groups there are")
    }

    /// By what a group is found now, and the number of all, where it is to come or to go.
    pub(super) fn ways_to(&self, id: &Id) -> Vec<KeyHash> {
        let stored = self.groups.get(id).map(Group::keys).unwrap_or_default();
        let keys = stored.iter().map(KeyHash::of_key);
        [KeyHash::of_id(id), Self::population()].into_iter().chain(keys).collect()
    }

    /// Writes a part of what a group owes; says whom its rows are of.
    pub(super) fn put(&mut self, id: &Id, part: &FanOutPart) -> Vec<String> {
        let mut touched = Vec::new();
        for row in &part.rows {
            match row {
                Row::Put(number, member) => {
                    touched.push(member.value.clone());
                    self.join(id, *number, member.clone());
                }
                Row::Remove(number) => {
                    let members = self.members.entry(id.clone()).or_default();
                    if let Some(member) = members.list.remove(number) {
                        members.numbers.remove(&member.value);
                        self.memberships.remove(&(member.value.clone(), id.clone()));
                        touched.push(member.value);
                    }
                }
            }
        }
        touched
    }

    /// Notes that a part is written of what a group owes; answers the group if that was the last of it.
    pub(super) fn advance(&mut self, id: &Id, part: &FanOutPart) -> Option<Group> {
        if !part.is_last {
            if let Some(fan_out) = self.fan_outs.get_mut(id) {
                fan_out.done =
                    fan_out.done.saturating_add(part.rows.len()).saturating_add(part.marks.len());
            }
            return None;
        }
        self.fan_outs.remove(id);
        let Some(group) = self.groups.get_mut(id) else {
            self.members.remove(id);
            return None;
        };
        group.fan_out_pending = false;
        Some(group.clone())
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
        self.memberships.insert((member.value.clone(), group.clone()));
        let members = self.members.entry(group.clone()).or_default();
        members.numbers.insert(member.value.clone(), number);
        members.list.insert(number, member);
    }

    /// Removes a group; its members are what it owes then.
    pub(super) fn take(&mut self, id: &Id) {
        self.displace(id);
    }

    fn displace(&mut self, id: &Id) {
        let Some(former) = self.groups.remove(id) else { return };
        self.order.remove(&(former.created, id.clone()));
        for key in former.keys() {
            self.keys.remove(&(key, former.created, id.clone()));
        }
    }
}

/// Whether a stored group is not the one any more that a change was made for.
pub(super) fn has_moved(stored: &Group, change: &GroupChange) -> bool {
    // Whom it concerns was judged by the name and the `externalId`.
    stored.keys() != change.group.keys()
        || stored.fan_out_pending
        || stored.fan_out_version > change.group.version
        || change.resource.is_some() && stored.version != change.group.version
        || change.condition.is_some_and(|edition| edition != stored.edition)
}

impl Members {
    /// The number behind the last of them.
    fn next(&self) -> u64 {
        self.list.last_key_value().map_or(0, |(last, _)| last.saturating_add(1))
    }

    /// Who comes and who goes, of those that a change names; who comes is numbered from `next` on.
    pub(super) fn difference(
        &self,
        change: &GroupChange,
        next: u64,
    ) -> (Vec<(u64, Member)>, Vec<u64>) {
        let removed = change.remove.iter().filter_map(|value| self.numbers.get(value).copied());
        let mut removed: Vec<u64> = removed.collect();
        removed.sort_unstable();
        removed.dedup();
        let mut seen = BTreeSet::new();
        let new = change.add.iter().filter(|member| {
            !self.numbers.contains_key(&member.value) && seen.insert(member.value.as_str())
        });
        ((next..).zip(new.cloned()).collect(), removed)
    }

    /// Of whom a change says something else than what is known, but for those who go; these are in
    /// their order.
    pub(super) fn told(&self, change: &GroupChange, removed: &[u64]) -> Vec<(u64, Member)> {
        let known = |member: &Member| {
            let number = *self.numbers.get(&member.value)?;
            let known = self.list.get(&number)?;
            (!known.says_as_much_as(member)).then_some(number)
        };
        let told = change.tell.iter().filter_map(|member| Some((known(member)?, member.clone())));
        told.filter(|(number, _)| removed.binary_search(number).is_err()).collect()
    }

    /// The values of those for whom it makes a difference.
    pub(super) fn concerned(
        &self,
        affected: Affected,
        added: &[(u64, Member)],
        removed: &[u64],
    ) -> Vec<String> {
        let added = added.iter().map(|(_, member)| member);
        let known: Vec<&Member> = match affected {
            Affected::Nobody => return Vec::new(),
            Affected::Changed => {
                removed.iter().filter_map(|number| self.list.get(number)).collect()
            }
            Affected::Everybody => self.list.values().collect(),
        };
        added.chain(known).map(|member| member.value.clone()).collect()
    }
}
