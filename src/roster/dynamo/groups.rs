//! Groups and who is in them, read.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::DynamoRoster;
use super::claim::{Claim, claim_at};
use super::find::shared_at;
use super::item::{
    At, Item, broken, check_form, group_at, name, nanos, number, number_of, short, text, text_of,
};
use super::place::place_key;
use super::read::Query;
use crate::roster::RosterError;
use crate::roster::group::{Group, Member};
use crate::roster::key::{Id, Key};

/// The list of the groups, in the order in which they came.
pub(super) const GROUPS: &str = "L#groups";

/// A group as it is stored.
#[derive(Clone, Debug)]
pub(super) struct StoredGroup {
    pub(super) group: Group,
    /// The number of the member who comes next.
    pub(super) next: u64,
}

/// What stands in a member's row, besides who it is.
#[derive(Serialize, Deserialize)]
pub(super) struct MemberRow {
    value: String,
    rest: Map<String, Value>,
}

/// Where a member's row is, in the order in which they were added.
pub(super) fn member_at(group: &Id, number: u64) -> At {
    At::new(format!("M{}", short(group.as_str())), format!("{number:020}"))
}

/// Where the row is that leads from a member to a group.
pub(super) fn membership_at(value: &str, group: &Id) -> At {
    At::new(format!("B{}", short(value)), group.as_str())
}

/// Where a group stands among all, and among those with its `externalId`.
pub(super) fn group_places(group: &Group) -> Result<Vec<At>, RosterError> {
    let place = place_key(nanos(group.created)?, group.id.as_str());
    let external_id = group.external_id().map(Key::group_external_id);
    let shared = external_id.map(|key| shared_at(&key, &place));
    Ok([At::new(GROUPS, &place)].into_iter().chain(shared).collect())
}

/// A group's item, and the text of what it owes.
pub(super) fn group_item(
    group: &Group,
    next: u64,
    nonce: &str,
    owes: Option<&str>,
) -> Result<Item, RosterError> {
    // What it owes stands beside it, so that it may be taken away alone.
    let bare = Group { fan_out_pending: false, ..group.clone() };
    let doc = serde_json::to_string(&bare).map_err(|_| broken("no group"))?;
    let mut item = group_at(group.id.as_str()).with([
        (name::VERSION, number(group.version)),
        (name::NONCE, text(nonce)),
        (name::COUNT, number(next)),
        (name::DOC, text(doc)),
    ]);
    item.extend(owes.map(|owes| (name::OWES.to_owned(), text(owes))));
    Ok(item)
}

/// The group of an item.
pub(super) fn read_group(item: &Item) -> Result<StoredGroup, RosterError> {
    check_form(item)?;
    let group = text_of(item, name::DOC).and_then(|doc| serde_json::from_str(doc).ok());
    let mut group: Group = group.ok_or_else(|| broken("a group that is none"))?;
    group.fan_out_pending = item.contains_key(name::OWES);
    let next = number_of(item, name::COUNT);
    Ok(StoredGroup { group, next: next.ok_or_else(|| broken("a group without a number"))? })
}

/// A member's row as text.
pub(super) fn row_text(member: &Member) -> Result<String, RosterError> {
    let row = MemberRow { value: member.value.clone(), rest: member.rest.clone() };
    serde_json::to_string(&row).map_err(|_| broken("no member"))
}

/// The member and the number of a row.
pub(super) fn read_row(item: &Item) -> Result<(u64, Member), RosterError> {
    let row = text_of(item, name::DOC).and_then(|doc| serde_json::from_str(doc).ok());
    let MemberRow { value, rest } = row.ok_or_else(|| broken("a member who is none"))?;
    let in_order = || text_of(item, name::SK).and_then(|sk| sk.parse().ok());
    let number = number_of(item, name::COUNT).or_else(in_order);
    Ok((number.ok_or_else(|| broken("a member without a number"))?, Member { value, rest }))
}

impl DynamoRoster {
    pub(super) async fn stored_group(&self, id: &Id) -> Result<Option<StoredGroup>, RosterError> {
        let item = self.read(&group_at(id.as_str())).await?;
        item.as_ref().map(read_group).transpose()
    }

    pub(super) async fn groups_by(
        &self,
        key: &Key,
        count: usize,
    ) -> Result<Vec<Group>, RosterError> {
        if key.as_str().starts_with("groupName:") {
            let claim = Claim::of(self.read(&claim_at(key)).await?.as_ref())?;
            let Some(holder) = claim.holder.filter(|_| count > 0) else { return Ok(Vec::new()) };
            let found = self.stored_group(&Id::from_text(&holder)).await?;
            let found = found.map(|stored| stored.group);
            return Ok(found.into_iter().filter(|group| group.keys().contains(key)).collect());
        }
        let query = Query::of(format!("S#{}", key.as_str()));
        self.groups_listed(&query, count, name::ID, |group| group.keys().contains(key)).await
    }

    /// Up to so many of those whose ids are an attribute of the rows of a query.
    async fn groups_listed(
        &self,
        query: &Query,
        count: usize,
        id: &str,
        is_this: impl Fn(&Group) -> bool,
    ) -> Result<Vec<Group>, RosterError> {
        let (mut all, mut from) = (Vec::new(), None);
        while let Some(left) = count.checked_sub(all.len()).filter(|left| *left > 0) {
            let (rows, next) = self.page_of(query, from, left).await?;
            let ids = rows.iter().filter_map(|row| text_of(row, id).map(str::to_owned));
            all.extend(self.groups_of_ids(ids.collect()).await?.into_iter().filter(&is_this));
            from = next;
            if from.is_none() {
                break;
            }
        }
        Ok(all)
    }

    async fn groups_of_ids(&self, ids: Vec<String>) -> Result<Vec<Group>, RosterError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let at: Vec<At> = ids.iter().map(|id| group_at(id)).collect();
        let mut found = self.read_all(at.clone()).await?;
        let items = at.iter().filter_map(|at| found.remove(&at.pk));
        items.map(|item| read_group(&item).map(|stored| stored.group)).collect()
    }

    pub(super) async fn page_of_groups(
        &self,
        start: usize,
        count: usize,
    ) -> Result<(Vec<Group>, usize), RosterError> {
        let rows = self.query(&Query::of(GROUPS), usize::MAX).await?;
        let ids = rows.iter().skip(start).take(count);
        let ids = ids.filter_map(|row| text_of(row, name::ID).map(str::to_owned)).collect();
        Ok((self.groups_of_ids(ids).await?, rows.len()))
    }

    pub(super) async fn members_of(
        &self,
        group: &Id,
        from: u64,
        count: usize,
    ) -> Result<(Vec<Member>, Option<u64>), RosterError> {
        // Of a group that is gone, some may be left.
        if self.stored_group(group).await?.is_none() {
            return Ok((Vec::new(), None));
        }
        let rows = self.rows_of(group, from, count.saturating_add(1)).await?;
        let next = rows.get(count).map(|(number, _)| *number);
        Ok((rows.into_iter().take(count).map(|(_, member)| member).collect(), next))
    }

    /// Up to so many members of a group from a number on, with their numbers.
    pub(super) async fn rows_of(
        &self,
        group: &Id,
        from: u64,
        count: usize,
    ) -> Result<Vec<(u64, Member)>, RosterError> {
        let At { pk, sk } = member_at(group, from);
        let rows = self.query(&Query::of(pk).from(sk), count).await?;
        rows.iter().map(read_row).collect()
    }

    pub(super) async fn groups_with(
        &self,
        member: &str,
        after: Option<&Id>,
        count: usize,
    ) -> Result<Vec<Group>, RosterError> {
        let query = Query::of(format!("B{}", short(member))).behind(after.map(Id::as_str));
        self.groups_listed(&query, count, name::SK, |_| true).await
    }
}
