//! What is known besides persons and groups: when events were first seen, how many removals there were
//! within the hour, an operator's pause, and the drain's rights. One item each.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};

use super::DynamoRoster;
use super::condition::Condition;
use super::item::{
    At, Item, bound, broken, name, nanos, number, number_of, short, text, text_of, time, time_of,
};
use super::transact::Written;
use crate::hex;
use crate::roster::record::TOMBSTONE_TTL;
use crate::roster::{Guard, RosterError};

/// The hour in which removals are counted, in nanoseconds.
const HOUR: u64 = 3_600_000_000_000;

/// How often a count is judged again where others count at the same time.
const JUDGED: usize = 64;

/// After it is over something may be swept this much later.
const SWEPT: Duration = Duration::from_hours(24);

fn note(which: &str) -> At {
    At::new("N", which)
}

/// When something may be swept that is over then, in seconds since 1970.
pub(super) fn swept_after(time: SystemTime) -> u64 {
    let swept = time.checked_add(SWEPT).unwrap_or(time);
    swept.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl DynamoRoster {
    pub(super) async fn see(
        &self,
        event: &str,
        now: SystemTime,
    ) -> Result<SystemTime, RosterError> {
        let at = At::alone(format!("E{}", short(event)));
        let over = now.checked_sub(TOMBSTONE_TTL).map_or(0, bound);
        let until = now.checked_add(TOMBSTONE_TTL).unwrap_or(now);
        let item =
            at.with([(name::TIME, number(nanos(now)?)), (name::TTL, number(swept_after(until)))]);
        // What is swept late is over all the same.
        let is_new = Condition::any().absent(name::PK).at_most(name::TIME, number(over));
        match self.put(item, is_new).await? {
            Written::Done => Ok(now),
            // Also our own, if the answer to it was lost.
            Written::Refused(stored, _) => {
                let seen = stored.as_ref().and_then(|seen| time_of(seen, name::TIME));
                seen.ok_or_else(|| broken("an event that was seen at no time"))
            }
        }
    }

    pub(super) async fn count(
        &self,
        guard: Guard,
        what: &str,
        now: SystemTime,
        most: usize,
    ) -> Result<bool, RosterError> {
        let at = note(match guard {
            Guard::Removals => "removals",
            Guard::Losses => "losses",
        });
        let this = hex::write(Sha256::digest(what).split_at(16).0);
        let now = nanos(now)?;
        let mut there = self.read(&at).await?;
        for number in 0..JUDGED {
            let mut counted = counted(there.as_ref())?;
            counted.retain(|_, at| now.saturating_sub(*at) < HOUR);
            // Also what was counted just now, if the answer to it was lost.
            if counted.contains_key(&this) {
                return Ok(true);
            }
            if counted.len() >= most {
                return Ok(false);
            }
            counted.insert(this.clone(), now);
            let doc = serde_json::to_string(&counted).map_err(|_| broken("no times"))?;
            let nonce = self.nonce();
            let item = at.with([(name::DOC, text(doc)), (name::NONCE, text(&nonce))]);
            let last = there.as_ref().and_then(|there| text_of(there, name::NONCE)).map(text);
            let is_last = Condition::default().has(name::NONCE, last);
            match self.put(item, is_last).await? {
                Written::Done => return Ok(true),
                Written::Refused(stored, _) => there = stored,
            }
            if number > 0 {
                self.pause(2).await;
            }
        }
        Err(RosterError::NotDone("others counted again and again".to_owned()))
    }

    pub(super) async fn note_of(&self, which: &str) -> Result<Option<SystemTime>, RosterError> {
        let item = self.read(&note(which)).await?;
        Ok(item.as_ref().and_then(|item| number_of(item, name::TIME)).map(time))
    }

    pub(super) async fn set_note(
        &self,
        which: &str,
        then: Option<SystemTime>,
    ) -> Result<(), RosterError> {
        let at = note(which);
        match then {
            None => self.take(&at, Condition::default()).await.map(drop),
            Some(then) => {
                let item = at.with([(name::TIME, number(nanos(then)?))]);
                self.put(item, Condition::default()).await.map(drop)
            }
        }
    }

    pub(super) async fn take_drain(
        &self,
        who: &str,
        now: SystemTime,
        until: SystemTime,
    ) -> Result<bool, RosterError> {
        let item = note(DRAIN).with([(name::TIME, number(nanos(until)?)), (name::WHO, text(who))]);
        let is_free = Condition::any()
            .absent(name::TIME)
            .at_most(name::TIME, number(bound(now)))
            .is(name::WHO, text(who));
        Ok(matches!(self.put(item, is_free).await?, Written::Done))
    }

    pub(super) async fn give_drain_back(&self, who: &str) -> Result<(), RosterError> {
        self.take(&note(DRAIN), Condition::of(name::WHO, text(who))).await.map(drop)
    }
}

const DRAIN: &str = "drain";

/// What was counted, by its hash: since an hour, and perhaps before.
fn counted(item: Option<&Item>) -> Result<BTreeMap<String, u64>, RosterError> {
    let Some(item) = item else { return Ok(BTreeMap::new()) };
    let counted = text_of(item, name::DOC).and_then(|doc| serde_json::from_str(doc).ok());
    counted.ok_or_else(|| broken("counts that are none"))
}
