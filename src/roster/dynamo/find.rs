//! Who goes by a key, who went by it, who is parked, who is due, and how many there are of each state.

use std::cmp::Reverse;
use std::time::SystemTime;

use futures_util::future::{join_all, try_join_all};
use serde::Deserialize;

use super::DynamoRoster;
use super::claim::{Claim, claim_at};
use super::item::{At, bound, broken, name, number_of, record_at, text_of, time};
use super::plan::PARKED;
use super::read::Query;
use super::records::{DUE_SHARDS, due_shard, read_record, state};
use crate::roster::RosterError;
use crate::roster::key::{Id, Key};
use crate::roster::parked::{Counts, State};
use crate::roster::record::{DueClass, UserRecord};

/// How often a key is looked at again whose record was changed in between.
const LOOKS: usize = 16;

/// What stands in the list of the parked.
#[derive(Deserialize)]
struct ParkedRow {
    held: bool,
    living: bool,
}

impl DynamoRoster {
    pub(super) async fn find_record(&self, key: &Key) -> Result<Option<UserRecord>, RosterError> {
        let mut before: Option<(Id, u64)> = None;
        for _ in 0..LOOKS {
            let claim = Claim::of(self.read(&claim_at(key)).await?.as_ref())?;
            let Some(holder) = claim.holder.map(|holder| Id::from_text(&holder)) else {
                return Ok(None);
            };
            let Some(record) = self.load_record(&holder).await? else { continue };
            // Both were read one after the other: somebody may have written in between. Where nobody did,
            // what stands at the key counts, by whichever rule it was made.
            let this = Some((holder, record.row_version));
            if record.keys().contains(key) || before == this {
                return Ok(Some(record));
            }
            before = this;
        }
        Err(RosterError::NotDone("a key went from hand to hand".to_owned()))
    }

    pub(super) async fn records_by(
        &self,
        key: &Key,
        after: Option<&Id>,
        count: usize,
    ) -> Result<Vec<UserRecord>, RosterError> {
        let query = Query::of(format!("S#{}", key.as_str())).behind(after.map(Id::as_str));
        self.records_listed(&query, count, |record| record.shared_keys().contains(key)).await
    }

    pub(super) async fn parked_records(
        &self,
        after: Option<&Id>,
        count: usize,
    ) -> Result<Vec<UserRecord>, RosterError> {
        let query = Query::of(PARKED).behind(after.map(Id::as_str));
        self.records_listed(&query, count, |record| State::of(record) == State::Parked).await
    }

    /// Up to so many of those whose ids are the sort keys of a query, and who are what was asked for.
    async fn records_listed(
        &self,
        query: &Query,
        count: usize,
        is_this: impl Fn(&UserRecord) -> bool,
    ) -> Result<Vec<UserRecord>, RosterError> {
        let (mut all, mut from) = (Vec::new(), None);
        while let Some(left) = count.checked_sub(all.len()).filter(|left| *left > 0) {
            let (rows, next) = self.page_of(query, from, left).await?;
            let ids = rows.iter().filter_map(|row| text_of(row, name::SK));
            let records = self.records_of(ids.map(str::to_owned).collect()).await?;
            all.extend(records.into_iter().filter(|record| is_this(record)));
            from = next;
            if from.is_none() {
                break;
            }
        }
        Ok(all)
    }

    pub(super) async fn deleted_records(
        &self,
        keys: &[Key],
        count: usize,
    ) -> Result<Vec<UserRecord>, RosterError> {
        let claims = self.read_all(keys.iter().map(claim_at).collect()).await?;
        let mut ids = Vec::new();
        for item in claims.values() {
            ids.extend(Claim::of(Some(item))?.gone.into_keys());
        }
        let found = self.read_all(ids.iter().map(|id| record_at(id)).collect()).await?;
        let mut gone = found.values().map(read_record).collect::<Result<Vec<_>, _>>()?;
        gone.retain(|gone| gone.spec.tombstone_keys.iter().any(|key| keys.contains(key)));
        gone.sort_by_cached_key(|gone| Reverse((gone.spec.access.time, gone.id.clone())));
        gone.truncate(count);
        Ok(gone)
    }

    pub(super) async fn due_records(
        &self,
        now: SystemTime,
        count: usize,
    ) -> Result<Vec<Id>, RosterError> {
        let (farewells, others) = futures_util::future::try_join(
            self.due_of(DueClass::Farewell, now, count),
            self.due_of(DueClass::Ordinary, now, count),
        )
        .await?;
        // Farewells that fail again and again would else leave nobody else a turn.
        let half = count.checked_div(2).unwrap_or_default();
        let room = count.saturating_sub(others.len().min(half));
        let mut all: Vec<Id> = farewells.into_iter().take(room).collect();
        let rest = count.saturating_sub(all.len());
        all.extend(others.into_iter().take(rest));
        Ok(all)
    }

    /// Those of a class that are due, who has been longest first.
    pub(super) async fn due_of(
        &self,
        class: DueClass,
        now: SystemTime,
        count: usize,
    ) -> Result<Vec<Id>, RosterError> {
        let until = bound(now);
        let shards = (0..DUE_SHARDS).map(async |shard| {
            self.query(&Query::due(due_shard(class, shard), until), count).await
        });
        let mut due = Vec::new();
        for item in try_join_all(shards).await?.into_iter().flatten() {
            let at = number_of(&item, name::DUE);
            let id = text_of(&item, name::PK).and_then(|pk| pk.strip_prefix("R="));
            let (Some(at), Some(id)) = (at, id) else {
                return Err(broken("something due that is no record"));
            };
            due.push((at, Id::from_text(id)));
        }
        due.sort_unstable();
        Ok(due.into_iter().map(|(_, id)| id).take(count).collect())
    }

    pub(super) async fn counted(&self) -> Result<Counts, RosterError> {
        let states = [state::PENDING, state::LEAVING, state::REMOVED, state::FORGOTTEN];
        let states = states.map(async |state| {
            let rows = self.query(&Query::in_state(state), usize::MAX).await?;
            let first = rows.first().and_then(|row| number_of(row, name::SINCE)).map(time);
            Ok::<_, RosterError>((rows.len(), first))
        });
        let states = join_all(states);
        let parked = async { self.query(&Query::of(PARKED), usize::MAX).await };
        let (states, parked, living) = futures_util::join!(states, parked, self.population());
        let states = states.into_iter().collect::<Result<Vec<_>, _>>()?;
        let [(pending, pending_since), (leaving, leaving_since), (removed, _), (forgotten, _)] =
            states.try_into().map_err(|_| broken("another number of states"))?;
        let (mut held, mut living_parked, mut parked_all) = (0_usize, 0_usize, 0_usize);
        for row in parked? {
            let row = text_of(&row, name::DOC).and_then(|doc| serde_json::from_str(doc).ok());
            let ParkedRow { held: is_held, living } =
                row.ok_or_else(|| broken("somebody parked of whom it says nothing"))?;
            parked_all = parked_all.saturating_add(1);
            held = held.saturating_add(usize::from(is_held));
            living_parked = living_parked.saturating_add(usize::from(living));
        }
        let living = usize::try_from(living?).unwrap_or(usize::MAX);
        Ok(Counts {
            // Whoever is neither on the way out nor pending nor parked.
            applied: living.saturating_sub(pending).saturating_sub(living_parked),
            parked: parked_all,
            pending: pending.saturating_add(leaving),
            removed,
            forgotten,
            held,
            oldest_pending: [pending_since, leaving_since].into_iter().flatten().min(),
        })
    }
}

/// Where a key's list is of those who have it among others.
pub(super) fn shared_at(key: &Key, sk: impl Into<String>) -> At {
    At::new(format!("S#{}", key.as_str()), sk)
}
