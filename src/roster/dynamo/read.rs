//! Reads: one item, many by their keys, and those of a partition in their order. All are consistent but
//! those of an index, which cannot be.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemError;
use aws_sdk_dynamodb::operation::get_item::GetItemError;
use aws_sdk_dynamodb::operation::query::QueryError;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};

use super::DynamoRoster;
use super::call::{CallError, Kind, by_code};
use super::item::{At, Item, broken, check_form, name, number, text};
use crate::roster::RosterError;

/// So many items are asked for by their keys at once.
const BATCH: usize = 100;

/// Part of a partition, in the order of its sort keys.
#[derive(Clone, Debug)]
pub(super) struct Query {
    partition: String,
    range: Range,
    is_backwards: bool,
}

/// Which of a partition.
#[derive(Clone, Debug)]
enum Range {
    All,
    From(String),
    Behind(String),
    Before(String),
    /// Of the index of what is due: until then.
    Due(u64),
    /// Of the index of states: all of one.
    State,
}

impl Query {
    pub(super) fn of(partition: impl Into<String>) -> Self {
        Self { partition: partition.into(), range: Range::All, is_backwards: false }
    }

    /// Those from a sort key on.
    pub(super) fn from(self, sk: impl Into<String>) -> Self {
        Self { range: Range::From(sk.into()), ..self }
    }

    /// Those behind a sort key, if there is one.
    pub(super) fn behind(self, sk: Option<&str>) -> Self {
        match sk {
            Some(sk) => Self { range: Range::Behind(sk.to_owned()), ..self },
            None => self,
        }
    }

    /// Those before a sort key, if there is one, the last first.
    pub(super) fn backwards_before(self, sk: Option<String>) -> Self {
        let range = sk.map_or(Range::All, Range::Before);
        Self { range, is_backwards: true, ..self }
    }

    /// Those of a shard of the index that are due.
    pub(super) fn due(shard: String, until: u64) -> Self {
        Self { partition: shard, range: Range::Due(until), is_backwards: false }
    }

    /// Those of a state, by the index.
    pub(super) fn in_state(state: &str) -> Self {
        Self { partition: state.to_owned(), range: Range::State, is_backwards: false }
    }

    const fn index(&self) -> Option<&'static str> {
        match self.range {
            Range::Due(_) => Some(super::table::DUE),
            Range::State => Some(super::table::STATE),
            Range::All | Range::From(_) | Range::Behind(_) | Range::Before(_) => None,
        }
    }

    fn expression(&self) -> (String, HashMap<String, String>, HashMap<String, AttributeValue>) {
        let partition = match self.range {
            Range::Due(_) => name::DUE_SHARD,
            Range::State => name::STATE,
            Range::All | Range::From(_) | Range::Behind(_) | Range::Before(_) => name::PK,
        };
        let (sort, sign, bound) = match &self.range {
            Range::All | Range::State => (name::SK, "", None),
            Range::From(sk) => (name::SK, ">=", Some(text(sk))),
            Range::Behind(sk) => (name::SK, ">", Some(text(sk))),
            Range::Before(sk) => (name::SK, "<", Some(text(sk))),
            Range::Due(until) => (name::DUE, "<=", Some(number(until))),
        };
        let mut names = HashMap::from([("#part".to_owned(), partition.to_owned())]);
        let mut values = HashMap::from([(":part".to_owned(), text(&self.partition))]);
        let mut expression = "#part = :part".to_owned();
        if let Some(bound) = bound {
            names.insert("#sort".to_owned(), sort.to_owned());
            values.insert(":sort".to_owned(), bound);
            expression.push_str(&format!(" AND #sort {sign} :sort"));
        }
        (expression, names, values)
    }
}

/// A page of a query, and where to go on if there may be more.
pub(super) type Page = (Vec<Item>, Option<Item>);

impl DynamoRoster {
    /// The item there.
    pub(super) async fn read(&self, at: &At) -> Result<Option<Item>, RosterError> {
        let send = |_| {
            let read = self.client.get_item().table_name(&self.table).set_key(Some(at.key()));
            read.consistent_read(true).send()
        };
        let answer = self.call(Kind::Read, send, by_code::<GetItemError>).await;
        let item = answer.map_err(unrefused)?.item;
        item.as_ref().map_or(Ok(()), check_form)?;
        Ok(item)
    }

    /// The items there, each by where it is; those that are not there are not among them.
    pub(super) async fn read_all(
        &self,
        mut at: Vec<At>,
    ) -> Result<HashMap<String, Item>, RosterError> {
        at.sort_unstable();
        at.dedup();
        let mut found = HashMap::new();
        for chunk in at.chunks(BATCH) {
            let mut keys: Vec<Item> = chunk.iter().map(At::key).collect();
            let mut number = 0_u32;
            while !keys.is_empty() {
                let (items, left) = self.read_batch(keys).await?;
                for item in items {
                    check_form(&item)?;
                    let pk = super::item::text_of(&item, name::PK).unwrap_or_default().to_owned();
                    found.insert(pk, item);
                }
                keys = left;
                if !keys.is_empty() {
                    number = number.saturating_add(1);
                    if number > 64 {
                        return Err(RosterError::NotDone("DynamoDB: a batch stayed".to_owned()));
                    }
                    self.pause(number).await;
                }
            }
        }
        Ok(found)
    }

    async fn read_batch(&self, keys: Vec<Item>) -> Result<(Vec<Item>, Vec<Item>), RosterError> {
        let keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
        let keys = &keys.map_err(|error| RosterError::NotDone(format!("DynamoDB: {error}")))?;
        let send = |_| {
            let batch = self.client.batch_get_item();
            batch.request_items(&self.table, keys.clone()).send()
        };
        let answer = self.call(Kind::Read, send, by_code::<BatchGetItemError>).await;
        let answer = answer.map_err(unrefused)?;
        let items = answer.responses.and_then(|mut all| all.remove(&self.table));
        let left = answer.unprocessed_keys.and_then(|mut all| all.remove(&self.table));
        Ok((items.unwrap_or_default(), left.map(|left| left.keys).unwrap_or_default()))
    }

    /// A page of a query.
    pub(super) async fn page_of(
        &self,
        query: &Query,
        from: Option<Item>,
        count: usize,
    ) -> Result<Page, RosterError> {
        let (expression, names, values) = query.expression();
        let limit = i32::try_from(count).unwrap_or(i32::MAX).max(1);
        let send = |_| {
            let request = self.client.query().table_name(&self.table);
            let request = request.set_index_name(query.index().map(str::to_owned));
            let request = request.key_condition_expression(&expression);
            let request = request.set_expression_attribute_names(Some(names.clone()));
            let request = request.set_expression_attribute_values(Some(values.clone()));
            let request = request.set_exclusive_start_key(from.clone()).limit(limit);
            let request = request.scan_index_forward(!query.is_backwards);
            request.consistent_read(query.index().is_none()).send()
        };
        let answer = self.call(Kind::Read, send, by_code::<QueryError>).await;
        let answer = answer.map_err(unrefused)?;
        let items = answer.items.unwrap_or_default();
        if query.index().is_none() {
            items.iter().try_for_each(check_form)?;
        }
        Ok((items, answer.last_evaluated_key.filter(|key| !key.is_empty())))
    }

    /// Up to so many of a query.
    pub(super) async fn query(
        &self,
        query: &Query,
        count: usize,
    ) -> Result<Vec<Item>, RosterError> {
        let (mut all, mut from) = (Vec::new(), None);
        while let Some(left) = count.checked_sub(all.len()).filter(|left| *left > 0) {
            let (items, next) = self.page_of(query, from, left).await?;
            all.extend(items);
            from = next;
            if from.is_none() {
                break;
            }
        }
        Ok(all)
    }
}

/// A read has no condition that could be refused.
fn unrefused<E>(error: CallError<E>) -> RosterError {
    match error {
        CallError::Roster(error) => error,
        CallError::Refused(..) => broken("a condition where none was"),
    }
}
