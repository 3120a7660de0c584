//! The living in the order in which they came, and how many of them came when: so a page is found
//! wherever it is, without those before it.
//!
//! A day has a count in a few shards, and so has each minute of it. Nobody counts all: whoever comes
//! conflicts at most with who comes in the same moment and shard.

use std::collections::BTreeMap;

use super::DynamoRoster;
use super::condition::{Action, Change};
use super::item::{At, Item, broken, name, record_at, text, text_of};
use super::read::Query;
use super::records::read_record;
use crate::roster::key::Id;
use crate::roster::record::{DesiredState, UserRecord};
use crate::roster::{Place, RosterError};

/// The list of the living.
const USERS: &str = "L#users";

/// How many came on each day.
const DAYS: &str = "C#days";

/// How many of a day's living are skipped by reading their rows rather than the counts of its minutes.
const SKIPPED: u64 = 500;

const DAY: u64 = 86_400 * SECOND;
const MINUTE: u64 = 60 * SECOND;
const SECOND: u64 = 1_000_000_000;

/// Where in the order somebody stands: the nanoseconds since 1970 when they came, and their id.
pub(super) fn place_key(created: u64, id: &str) -> String {
    format!("{created:020}#{id}")
}

/// What is written when somebody takes this place, or leaves it.
pub(super) fn place_actions(id: &Id, created: u64, is_living: bool) -> [Action; 3] {
    let at = At::new(USERS, place_key(created, id.as_str()));
    let row = match is_living {
        true => Change::Put(at.with([(name::ID, text(id.as_str()))])),
        false => Change::Delete,
    };
    let by = if is_living { 1 } else { -1 };
    let (day, minute) = (created / DAY, created / MINUTE);
    let shard = shard(id);
    let counted = |at| Action::new(at, Change::Add(name::COUNT, by));
    [
        Action::new(at, row),
        counted(At::new(DAYS, format!("{day:08}#{shard}"))),
        counted(At::new(minutes_of(day), format!("{minute:010}#{shard}"))),
    ]
}

fn minutes_of(day: u64) -> String {
    format!("C#{day:08}")
}

/// One of four, by the id.
fn shard(id: &Id) -> u8 {
    id.as_str().bytes().last().unwrap_or_default() % 4
}

/// The counts of a partition by the number that their sort keys begin with.
fn counts(items: &[Item]) -> Result<BTreeMap<u64, u64>, RosterError> {
    let mut counts = BTreeMap::<u64, i64>::new();
    for item in items {
        let sk = text_of(item, name::SK).and_then(|sk| sk.split_once('#'));
        let when = sk.and_then(|(when, _)| when.parse().ok());
        let count = item.get(name::COUNT).and_then(|count| count.as_n().ok()?.parse::<i64>().ok());
        let (Some(when), Some(count)) = (when, count) else {
            return Err(broken("a count that is none"));
        };
        let all = counts.entry(when).or_default();
        *all = all.saturating_add(count);
    }
    Ok(counts.into_iter().map(|(when, count)| (when, u64::try_from(count).unwrap_or(0))).collect())
}

/// The first bucket in which the `skip`th is, and how many are to be skipped there.
fn seek(counts: &BTreeMap<u64, u64>, mut skip: u64) -> Option<(u64, u64)> {
    for (when, count) in counts {
        match skip.checked_sub(*count) {
            Some(left) => skip = left,
            None => return Some((*when, skip)),
        }
    }
    None
}

impl DynamoRoster {
    /// How many are living.
    pub(super) async fn population(&self) -> Result<u64, RosterError> {
        let days = counts(&self.query(&Query::of(DAYS), usize::MAX).await?)?;
        Ok(days.values().fold(0, |all, count| all.saturating_add(*count)))
    }

    pub(super) async fn page_of_users(
        &self,
        start: usize,
        count: usize,
    ) -> Result<(Vec<UserRecord>, usize), RosterError> {
        let days = counts(&self.query(&Query::of(DAYS), usize::MAX).await?)?;
        let total = days.values().fold(0, |all: u64, count| all.saturating_add(*count));
        let total = usize::try_from(total).unwrap_or(usize::MAX);
        let skip = u64::try_from(start).unwrap_or(u64::MAX);
        let Some((day, mut skip)) = seek(&days, skip).filter(|_| count > 0) else {
            return Ok((Vec::new(), total));
        };
        let mut from = day.saturating_mul(DAY);
        if skip > SKIPPED {
            let minutes = self.query(&Query::of(minutes_of(day)), usize::MAX).await?;
            if let Some((minute, left)) = seek(&counts(&minutes)?, skip) {
                (from, skip) = (minute.saturating_mul(MINUTE), left);
            }
        }
        let query = Query::of(USERS).from(place_key(from, ""));
        Ok((self.living(&query, usize::try_from(skip).unwrap_or(usize::MAX), count).await?, total))
    }

    pub(super) async fn users_before(
        &self,
        place: Option<&Place>,
        count: usize,
    ) -> Result<Vec<UserRecord>, RosterError> {
        let before = place.map(|place| {
            let created = super::item::bound(place.created);
            place_key(created, place.id.as_str())
        });
        self.living(&Query::of(USERS).backwards_before(before), 0, count).await
    }

    /// Up to so many of the living behind the first ones of a query.
    async fn living(
        &self,
        query: &Query,
        mut skip: usize,
        count: usize,
    ) -> Result<Vec<UserRecord>, RosterError> {
        let is_living = |record: &UserRecord| record.desired_state() != DesiredState::Deleted;
        let (mut all, mut from) = (Vec::new(), None);
        while let Some(left) = count.checked_sub(all.len()).filter(|left| *left > 0) {
            let (rows, next) = self.page_of(query, from, left.saturating_add(skip)).await?;
            let skipped = rows.len().min(skip);
            skip = skip.saturating_sub(skipped);
            let ids = rows.iter().skip(skipped).map(|row| text_of(row, name::ID));
            let ids = ids.map(|id| id.unwrap_or_default().to_owned()).collect();
            all.extend(self.records_of(ids).await?.into_iter().filter(is_living));
            from = next;
            if from.is_none() {
                break;
            }
        }
        Ok(all)
    }

    /// The records of these ids that are there, in this order.
    pub(super) async fn records_of(
        &self,
        ids: Vec<String>,
    ) -> Result<Vec<UserRecord>, RosterError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let at: Vec<At> = ids.iter().map(|id| record_at(id)).collect();
        let mut found = self.read_all(at.clone()).await?;
        let items = at.iter().filter_map(|at| found.remove(&at.pk));
        items.map(|item| read_record(&item)).collect()
    }
}
