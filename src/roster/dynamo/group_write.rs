//! Groups, written: the group itself, its name and its places, and who comes and goes by it.

use std::time::SystemTime;

use super::DynamoRoster;
use super::claim::{Claims, Known};
use super::condition::{Action, Change};
use super::fan_out::{Row, WEIGHT, weight};
use super::groups::{group_item, group_places, membership_at, read_row};
use super::item::{At, group_at, name, text};
use super::records::{learn, of_version, overtaken};
use super::transact::{ROOM, Reason, Transacted};
use crate::roster::group::{Affected, Group, GroupChange, Member};
use crate::roster::group_index::{Members, has_moved};
use crate::roster::key::{Id, Key};
use crate::roster::{RosterError, WriteConflict};

/// So many rows, both ways, and marks fit into one transaction beside a group, its name and its places.
const BESIDE: usize = ROOM - 8;

/// How often a change is judged again where others write the same group.
const JUDGED: usize = 32;

/// What a change comes to.
struct Delta {
    rows: Vec<Row>,
    marks: Vec<String>,
    /// The number of the member who comes next, after it.
    next: u64,
}

/// What is written at once with a group itself.
struct Along {
    actions: Vec<Action>,
    /// The text of what it owes, where that is but the word that it does.
    owes: Option<String>,
}

impl DynamoRoster {
    pub(super) async fn change_group(
        &self,
        change: &GroupChange,
    ) -> Result<Result<Group, WriteConflict>, RosterError> {
        let nonce = self.nonce();
        let mut known = Known::new();
        for number in 0..JUDGED {
            let stored = self.stored_group(&change.group.id).await?;
            let is_there = stored.is_some() == (change.group.version > 0);
            let next = stored.as_ref().map_or(0, |stored| stored.next);
            let stored = stored.map(|stored| stored.group);
            if !is_there || stored.as_ref().is_some_and(|stored| has_moved(stored, change)) {
                return Ok(Err(WriteConflict::StaleVersion));
            }
            let mut group = stored.as_ref().unwrap_or(&change.group).clone();
            if let Some(resource) = &change.resource {
                group.resource.clone_from(resource);
            }
            let delta = self.delta(change, next).await?;
            let is_same = stored.as_ref().is_some_and(|stored| stored.resource == group.resource);
            if is_same && delta.rows.is_empty() {
                return Ok(Ok(group));
            }
            let claims = named(stored.as_ref(), Some(&group));
            let claims = match claims.0.changes(&claims.1, &group.id, &known)? {
                Ok(claims) => claims,
                Err(conflict) => return Ok(Err(conflict)),
            };
            group.version = group.version.saturating_add(1);
            group.edition = group.edition.saturating_add(1);
            group.modified = change.now;
            let along = self.along(&group.id, &delta, change.now, false).await?;
            if along.owes.is_some() {
                (group.fan_out_pending, group.fan_out_version) = (true, group.version);
            }
            let version = stored.as_ref().map_or(0, |stored| stored.version);
            let own = group_item(&group, delta.next, &nonce, along.owes.as_deref())?;
            let own = Change::Write(own, &[name::OWES]);
            let own = Action::new(group_at(group.id.as_str()), own).only_if(of_version(version));
            let places = placed(stored.as_ref(), Some(&group))?;
            match self.write_group_with(own, along, places, claims).await? {
                Ok(()) => return Ok(Ok(group)),
                Err((keys, reasons, is_unknown)) => match reasons.first() {
                    // The answer of an earlier try was lost.
                    Some(reason) if reason.is_by(&nonce) => return Ok(Ok(group)),
                    Some(Reason::Broken(there)) if is_unknown => {
                        overtaken(there.as_ref(), group.version)?;
                    }
                    // Somebody else wrote the group, or a record that is to be marked, or has the name.
                    Some(Reason::Broken(_)) => {}
                    Some(Reason::Held) | None => drop(learn(&mut known, &keys, &reasons)),
                },
            }
            if number > 0 {
                self.pause(1).await;
            }
        }
        Err(RosterError::NotDone("others wrote the same group again and again".to_owned()))
    }

    pub(super) async fn remove_group(
        &self,
        id: &Id,
        version: u64,
        mark: bool,
        now: SystemTime,
    ) -> Result<Result<(), WriteConflict>, RosterError> {
        let mut known = Known::new();
        for number in 0..JUDGED {
            let stored = self.stored_group(id).await?.map(|stored| stored.group);
            let is_this = |group: &Group| group.version == version && !group.fan_out_pending;
            let Some(stored) = stored.filter(is_this) else {
                return Ok(Err(WriteConflict::StaleVersion));
            };
            let rows = self.rows_of(id, 0, usize::MAX).await?;
            let marked = rows.iter().filter(|_| mark);
            let marks = marked.map(|(_, member)| member.value.clone()).collect();
            let rows = rows.into_iter().map(|(own, member)| Row::Remove(own, member.value));
            let delta = Delta { rows: rows.collect(), marks, next: 0 };
            let claims = named(Some(&stored), None);
            let claims = match claims.0.changes(&claims.1, id, &known)? {
                Ok(claims) => claims,
                Err(conflict) => return Ok(Err(conflict)),
            };
            let along = self.along(id, &delta, now, true).await?;
            let own = Action::new(group_at(id.as_str()), Change::Delete);
            let own = own.only_if(of_version(version));
            let places = placed(Some(&stored), None)?;
            match self.write_group_with(own, along, places, claims).await? {
                Ok(()) => return Ok(Ok(())),
                Err((keys, reasons, is_unknown)) => match reasons.first() {
                    // The answer of an earlier try was lost.
                    Some(Reason::Broken(None)) if is_unknown => return Ok(Ok(())),
                    Some(Reason::Broken(_)) => {}
                    Some(Reason::Held) | None => drop(learn(&mut known, &keys, &reasons)),
                },
            }
            if number > 0 {
                self.pause(1).await;
            }
        }
        Err(RosterError::NotDone("others wrote the same group again and again".to_owned()))
    }

    /// What a change comes to, by the rows of whom it names.
    async fn delta(&self, change: &GroupChange, next: u64) -> Result<Delta, RosterError> {
        let id = &change.group.id;
        let mut members = Members::default();
        let mut join = |(own, member): (u64, Member)| {
            members.numbers.insert(member.value.clone(), own);
            members.list.insert(own, member);
        };
        if change.group.version > 0 && change.affected == Affected::Everybody {
            self.rows_of(id, 0, usize::MAX).await?.into_iter().for_each(&mut join);
        } else if change.group.version > 0 {
            let named = change.add.iter().chain(&change.tell).map(|member| member.value.as_str());
            let named = named.chain(change.remove.iter().map(String::as_str));
            let at: Vec<At> = named.map(|value| membership_at(value, id)).collect();
            for row in self.read_all(at).await?.values() {
                join(read_row(row)?);
            }
        }
        let (added, removed) = members.difference(change, next);
        let told = members.told(change, &removed);
        let marks = members.concerned(change.affected, &added, &removed);
        let next = added.last().map_or(next, |(last, _)| last.saturating_add(1));
        let gone = removed.iter().filter_map(|own| Some((*own, members.list.get(own)?)));
        let gone = gone.map(|(own, member)| Row::Remove(own, member.value.clone()));
        let rows =
            gone.chain(added.into_iter().chain(told).map(|(own, member)| Row::Put(own, member)));
        Ok(Delta { rows: rows.collect(), marks, next })
    }

    /// Rows and marks, if they fit beside a group; else they are written down in parts, and the group is
    /// to owe them.
    async fn along(
        &self,
        id: &Id,
        delta: &Delta,
        now: SystemTime,
        is_gone: bool,
    ) -> Result<Along, RosterError> {
        let Delta { rows, marks, .. } = delta;
        let count = rows.len().saturating_add(marks.len());
        let all = rows.len().saturating_mul(2).saturating_add(marks.len());
        let mut actions = Vec::new();
        if all <= BESIDE && self.part.is_none_or(|part| count <= part) {
            for row in rows {
                actions.extend(row.actions(id)?);
            }
            actions.extend(self.mark_actions(marks, now, &self.nonce()).await?);
            // Of who is parked a mark is two items.
            if actions.len() <= BESIDE && weight(&actions) <= WEIGHT {
                return Ok(Along { actions, owes: None });
            }
        }
        let own = self.nonce();
        let owed = self.write_parts(id, (rows, marks), now, is_gone, &own).await?;
        Ok(Along { actions: vec![owed], owes: Some(own) })
    }

    /// Writes a group with what goes along. Where that is refused: the keys of its last actions, why each
    /// was, and whether a try before may have been carried out.
    async fn write_group_with(
        &self,
        own: Action,
        along: Along,
        places: Vec<Action>,
        claims: Vec<(Key, Action)>,
    ) -> Result<Result<(), (Vec<Key>, Vec<Reason>, bool)>, RosterError> {
        let (keys, claims): (Vec<Key>, Vec<Action>) = claims.into_iter().unzip();
        let actions = [own].into_iter().chain(along.actions).chain(places).chain(claims);
        let actions: Vec<Action> = actions.collect();
        Ok(match self.transact(&actions).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused { reasons, is_unknown } => Err((keys, reasons, is_unknown)),
        })
    }
}

/// The names that a group has before and after.
fn named(before: Option<&Group>, after: Option<&Group>) -> (Claims, Claims) {
    let of = |group: Option<&Group>| Claims::held(group.and_then(Group::name_key));
    (of(before), of(after))
}

/// What is written where a group has other places than before.
fn placed(before: Option<&Group>, after: Option<&Group>) -> Result<Vec<Action>, RosterError> {
    let of = |group: Option<&Group>| group.map(group_places).transpose();
    let (former, next) = (of(before)?.unwrap_or_default(), of(after)?.unwrap_or_default());
    let id = before.or(after).map(|group| group.id.as_str()).unwrap_or_default();
    let left = former.iter().filter(|at| !next.contains(at));
    let left = left.map(|at| Action::new(at.clone(), Change::Delete));
    let taken = next.iter().filter(|at| !former.contains(at)).map(|at| {
        let row = at.with([(name::ID, text(id))]);
        Action::new(at.clone(), Change::Put(row))
    });
    Ok(left.chain(taken).collect())
}
