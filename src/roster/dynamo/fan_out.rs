//! What a change of a group owes: who comes and goes, and after that whose records are marked.
//!
//! What does not fit into one transaction is cut into parts that do, which are written down before the
//! change is accepted. Each part is one transaction that also counts on in the item of what is owed; so
//! a part is written once, however many write it at the same time or too late.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::DynamoRoster;
use super::condition::{Action, Change, Condition};
use super::groups::{member_at, membership_at, row_text};
use super::item::{At, Item, broken, check_form, group_at, name, number, record_at, text, text_of};
use super::notes::swept_after;
use super::read::Query;
use super::records::{found_as_before, read_record};
use super::transact::{ROOM, Transacted};
use crate::roster::RosterError;
use crate::roster::group::Member;
use crate::roster::key::Id;
use crate::roster::record::{DesiredState, TOMBSTONE_TTL};

/// The list of the groups that owe something.
const OWING: &str = "J";

/// So many marks are one part: each is a record, and a record is four thousand bytes, seldom ten.
const MARKS: usize = 45;

/// So many rows are one part: each is written both ways.
const ROWS: usize = 48;

/// A transaction may weigh four million bytes. Marks of records that weigh more are each one by itself:
/// to mark somebody twice does no harm.
pub(super) const WEIGHT: usize = 3_000_000;

/// How often a part is judged again where a record that it marks was written meanwhile.
const JUDGED: usize = 32;

/// Part of what is owed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Part {
    /// Who comes and goes.
    Rows(Vec<Row>),
    /// Whose records are marked.
    Marks(Vec<String>),
}

/// A member's row, by its number.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Row {
    /// The member is there, and this is said of them.
    Put(u64, Member),
    /// The member is not.
    Remove(u64, String),
}

/// How far it got with what a group owes.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Debt {
    /// How many parts there are.
    parts: u64,
    /// How many are written.
    done: u64,
    /// When the change was accepted.
    #[serde(with = "debt_time")]
    now: SystemTime,
    /// Whether the group is gone.
    is_gone: bool,
}

mod debt_time {
    use std::time::SystemTime;

    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::super::item::{bound, time};

    pub(super) fn serialize<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(bound(*time))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
        u64::deserialize(from).map(time)
    }
}

impl Row {
    /// Both items of a row.
    pub(super) fn actions(&self, group: &Id) -> Result<[Action; 2], RosterError> {
        Ok(match self {
            Self::Put(own, member) => {
                let doc = row_text(member)?;
                let (there, back) = (member_at(group, *own), membership_at(&member.value, group));
                let own = [
                    there.with([(name::DOC, text(&doc))]),
                    back.with([(name::DOC, text(doc)), (name::COUNT, number(own))]),
                ];
                let [row, membership] = own.map(Change::Put);
                [Action::new(there, row), Action::new(back, membership)]
            }
            Self::Remove(own, value) => [member_at(group, *own), membership_at(value, group)]
                .map(|at| Action::new(at, Change::Delete)),
        })
    }
}

/// How much the records among these weigh, in bytes.
pub(super) fn weight(actions: &[Action]) -> usize {
    let docs = actions.iter().map(|action| match &action.change {
        Change::Write(item, _) => text_of(item, name::DOC).map_or(0, str::len),
        Change::Put(_) | Change::Delete | Change::Add(..) | Change::Remove(_) | Change::Check => 0,
    });
    docs.fold(0, usize::saturating_add)
}

/// Where the item is of what a group owes.
fn debt_at(group: &Id) -> At {
    At::new(OWING, group.as_str())
}

fn part_at(nonce: &str, number: u64) -> At {
    At::new(format!("J#{nonce}"), format!("{number:08}"))
}

fn debt_item(group: &Id, nonce: &str, debt: &Debt) -> Result<Item, RosterError> {
    let doc = serde_json::to_string(debt).map_err(|_| broken("no debt"))?;
    Ok(debt_at(group).with([(name::WHO, text(nonce)), (name::DOC, text(doc))]))
}

/// Rows and marks in parts, rows first.
fn parts(rows: &[Row], marks: &[String], most: Option<usize>) -> Vec<Part> {
    let of = |usual: usize| most.unwrap_or(usual).clamp(1, usual);
    let rows = rows.chunks(of(ROWS)).map(|rows| Part::Rows(rows.to_vec()));
    rows.chain(marks.chunks(of(MARKS)).map(|marks| Part::Marks(marks.to_vec()))).collect()
}

impl DynamoRoster {
    /// The marks of these records, as far as they are those of people who work: to anybody else groups
    /// give nothing.
    pub(super) async fn mark_actions(
        &self,
        ids: &[String],
        now: SystemTime,
        nonce: &str,
    ) -> Result<Vec<Action>, RosterError> {
        let found = match ids.is_empty() {
            true => return Ok(Vec::new()),
            false => self.read_all(ids.iter().map(|id| record_at(id)).collect()).await?,
        };
        let mut actions = Vec::new();
        for item in found.values() {
            let former = read_record(item)?;
            if former.desired_state() != DesiredState::Active {
                continue;
            }
            let mut next = former.clone();
            next.bump_generation(now);
            next.row_version = next.row_version.saturating_add(1);
            actions.extend(found_as_before(&former, &next, nonce)?);
        }
        Ok(actions)
    }

    /// Writes down in parts what a group is to owe, and gives the action that owes it.
    pub(super) async fn write_parts(
        &self,
        group: &Id,
        (rows, marks): (&[Row], &[String]),
        now: SystemTime,
        is_gone: bool,
        nonce: &str,
    ) -> Result<Action, RosterError> {
        // Where nobody accepts them after this, they are swept.
        let swept = swept_after(now.checked_add(TOMBSTONE_TTL).unwrap_or(now));
        let parts = parts(rows, marks, self.part);
        let mut actions = Vec::new();
        for (index, part) in (0_u64..).zip(&parts) {
            let at = part_at(nonce, index);
            let doc = serde_json::to_string(part).map_err(|_| broken("no part"))?;
            let item = at.with([(name::DOC, text(doc)), (name::TTL, number(swept))]);
            actions.push(Action::new(at, Change::Put(item)));
        }
        self.write_all(&actions).await?;
        let parts = u64::try_from(parts.len()).unwrap_or(u64::MAX);
        let debt = Debt { parts, done: 0, now, is_gone };
        let owed = Action::new(debt_at(group), Change::Put(debt_item(group, nonce, &debt)?));
        Ok(owed.only_if(Condition::new_item()))
    }

    pub(super) async fn mend_next(&self, group: Option<&Id>) -> Result<bool, RosterError> {
        for number in 0..JUDGED {
            let item = match group {
                Some(id) => self.read(&debt_at(id)).await?,
                None => self.query(&Query::of(OWING), 1).await?.pop(),
            };
            let Some(item) = item else { return Ok(false) };
            check_form(&item)?;
            let debt = text_of(&item, name::DOC).and_then(|doc| serde_json::from_str(doc).ok());
            let debt: Debt = debt.ok_or_else(|| broken("a debt that is none"))?;
            let (Some(id), Some(nonce)) = (text_of(&item, name::SK), text_of(&item, name::WHO))
            else {
                return Err(broken("a debt of nobody"));
            };
            match self.write_part(&Id::from_text(id), nonce, &item, &debt).await? {
                // Of one group, the last part is the last; of all, another may owe too.
                Some(is_last) => return Ok(!(is_last && group.is_some())),
                // A record was written meanwhile, or somebody else wrote the part.
                None if number > 0 => self.pause(1).await,
                None => {}
            }
        }
        Err(RosterError::NotDone("others wrote the same records again and again".to_owned()))
    }

    /// Writes the next part of what a group owes; whether it was the last, or nothing where it was
    /// overtaken.
    async fn write_part(
        &self,
        group: &Id,
        nonce: &str,
        item: &Item,
        debt: &Debt,
    ) -> Result<Option<bool>, RosterError> {
        let at = part_at(nonce, debt.done);
        let Some(part) = self.read(&at).await? else { return Ok(None) };
        let part = text_of(&part, name::DOC).and_then(|doc| serde_json::from_str(doc).ok());
        let next = Debt { done: debt.done.saturating_add(1), ..debt.clone() };
        let is_last = next.done >= next.parts;
        let counted = match is_last {
            true => Change::Delete,
            false => Change::Put(debt_item(group, nonce, &next)?),
        };
        // As it was read, to the letter: so this part is the next one still.
        let as_read = Condition::of(name::WHO, text(nonce));
        let doc = text_of(item, name::DOC).unwrap_or_default();
        let as_read = as_read.is(name::DOC, text(doc));
        let mut actions = vec![Action::new(debt_at(group), counted).only_if(as_read)];
        actions.push(Action::new(at, Change::Delete));
        if is_last && !debt.is_gone {
            let settled = Action::new(group_at(group.as_str()), Change::Remove(name::OWES));
            actions.push(settled.only_if(Condition::of(name::OWES, text(nonce))));
        }
        match part.ok_or_else(|| broken("a part that is none"))? {
            Part::Rows(rows) => {
                for row in rows {
                    actions.extend(row.actions(group)?);
                }
            }
            Part::Marks(ids) => {
                let marks = self.mark_actions(&ids, debt.now, &self.nonce()).await?;
                if weight(&marks) <= WEIGHT {
                    actions.extend(marks);
                } else {
                    let is_next =
                        |_: &Action, next: &Action| !matches!(next.change, Change::Write(..));
                    for mark in marks.chunk_by(is_next) {
                        if let Transacted::Refused { .. } = self.transact(mark).await? {
                            return Ok(None);
                        }
                    }
                }
            }
        }
        if actions.len() > ROOM {
            return Err(broken("a part that is too large"));
        }
        match self.transact(&actions).await? {
            Transacted::Done => Ok(Some(is_last)),
            Transacted::Refused { .. } => Ok(None),
        }
    }
}
