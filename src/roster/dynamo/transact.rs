//! Writes: one item alone, several as one transaction, and many that need not be one.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    DeleteRequest, PutRequest, ReturnValuesOnConditionCheckFailure, TransactWriteItem, WriteRequest,
};

use super::DynamoRoster;
use super::call::{CallError, Kind, Verdict, by_code};
use super::condition::{Action, Change, Condition, Expression, merged, rewrite};
use super::item::{At, Item, broken, check_form, is_by};
use crate::roster::RosterError;

/// So many items fit into one transaction.
pub(super) const ROOM: usize = 100;

/// So many items fit into one request that is none.
const BATCH: usize = 25;

/// What became of a write.
#[derive(Debug)]
pub(super) enum Written {
    /// It is done.
    Done,
    /// Its condition did not hold, for what was there, if anything; and whether a try before may have been
    /// carried out.
    Refused(Option<Item>, bool),
}

/// What became of a transaction.
#[derive(Debug)]
pub(super) enum Transacted {
    /// All of it is done.
    Done,
    /// Nothing of it is.
    Refused {
        /// Of each of its actions in their order, whether its condition did not hold.
        reasons: Vec<Reason>,
        /// Whether a try before may have been carried out.
        is_unknown: bool,
    },
}

/// What of an action stood against a transaction.
#[derive(Debug)]
pub(super) enum Reason {
    /// Nothing.
    Held,
    /// Its condition; and what was there, if anything.
    Broken(Option<Item>),
}

impl Reason {
    /// Whether an item that is there was written by this nonce.
    pub(super) fn is_by(&self, nonce: &str) -> bool {
        match self {
            Self::Broken(Some(item)) => is_by(item, nonce),
            Self::Broken(None) | Self::Held => false,
        }
    }
}

impl DynamoRoster {
    /// Writes an item on a condition: one request, and no transaction.
    pub(super) async fn put(
        &self,
        item: Item,
        condition: Condition,
    ) -> Result<Written, RosterError> {
        let expression = condition.expression();
        let (item, expression) = (&item, expression.as_ref());
        let send = |_| {
            let put = self.client.put_item().table_name(&self.table).set_item(Some(item.clone()));
            let put = match expression {
                None => put,
                Some(Expression { text, names, values }) => put
                    .condition_expression(text)
                    .set_expression_attribute_names(Some(names.clone()))
                    .set_expression_attribute_values(values.clone())
                    .return_values_on_condition_check_failure(
                        ReturnValuesOnConditionCheckFailure::AllOld,
                    ),
            };
            put.send()
        };
        match self.call(Kind::Write, send, by_code).await {
            Ok(_) => Ok(Written::Done),
            Err(CallError::Roster(error)) => Err(error),
            Err(CallError::Refused(error, is_unknown)) => {
                let PutItemError::ConditionalCheckFailedException(failed) = error else {
                    return Err(broken("a condition that did not hold, and no word of it"));
                };
                failed.item.as_ref().map_or(Ok(()), check_form)?;
                Ok(Written::Refused(failed.item, is_unknown))
            }
        }
    }

    /// Writes an item on a condition, as [`Change::Write`] does in a transaction: one request, and none.
    pub(super) async fn write_one(
        &self,
        at: &At,
        (item, others): (&Item, &[&str]),
        condition: &Condition,
    ) -> Result<Written, RosterError> {
        let Expression { text: update, names: set, values: to } = rewrite(item, others);
        let (text, names, values) = match condition.expression() {
            Some(Expression { text, names, values }) => (Some(text), Some(names), values),
            None => (None, None, None),
        };
        let (names, values) = (merged(Some(set), names), merged(to, values));
        let (update, text, names, values) = (&update, &text, &names, &values);
        let send = |_| {
            let request = self.client.update_item().table_name(&self.table).set_key(Some(at.key()));
            let request = request.update_expression(update).set_condition_expression(text.clone());
            let request = request.set_expression_attribute_names(Some(names.clone()));
            let request = request.set_expression_attribute_values(Some(values.clone()));
            let told = ReturnValuesOnConditionCheckFailure::AllOld;
            request.return_values_on_condition_check_failure(told).send()
        };
        match self.call(Kind::Write, send, by_code).await {
            Ok(_) => Ok(Written::Done),
            Err(CallError::Roster(error)) => Err(error),
            Err(CallError::Refused(error, is_unknown)) => {
                let UpdateItemError::ConditionalCheckFailedException(failed) = error else {
                    return Err(broken("a condition that did not hold, and no word of it"));
                };
                failed.item.as_ref().map_or(Ok(()), check_form)?;
                Ok(Written::Refused(failed.item, is_unknown))
            }
        }
    }

    /// Takes an item away on a condition; whether it held.
    pub(super) async fn take(&self, at: &At, condition: Condition) -> Result<bool, RosterError> {
        let expression = condition.expression();
        let expression = expression.as_ref();
        let send = |_| {
            let delete = self.client.delete_item().table_name(&self.table);
            let delete = delete.set_key(Some(at.key()));
            let delete = match expression {
                None => delete,
                Some(Expression { text, names, values }) => delete
                    .condition_expression(text)
                    .set_expression_attribute_names(Some(names.clone()))
                    .set_expression_attribute_values(values.clone()),
            };
            delete.send()
        };
        match self.call(Kind::Write, send, by_code::<DeleteItemError>).await {
            Ok(_) => Ok(true),
            Err(CallError::Refused(..)) => Ok(false),
            Err(CallError::Roster(error)) => Err(error),
        }
    }

    /// Carries out all of these or none.
    pub(super) async fn transact(&self, actions: &[Action]) -> Result<Transacted, RosterError> {
        let items = actions.iter().map(|action| action.in_transaction(&self.table));
        let items: Vec<TransactWriteItem> = items.collect::<Result<_, _>>().map_err(unbuilt)?;
        let items = &items;
        let send = |token| {
            let request = self.client.transact_write_items().client_request_token(token);
            request.set_transact_items(Some(items.clone())).send()
        };
        match self.call(Kind::Write, send, judge).await {
            Ok(_) => Ok(Transacted::Done),
            Err(CallError::Roster(error)) => Err(error),
            Err(CallError::Refused(error, is_unknown)) => {
                let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else {
                    return Err(broken("a transaction that was refused, and no word of it"));
                };
                let reasons = cancelled.cancellation_reasons.unwrap_or_default();
                let reasons = reasons.into_iter().map(|reason| match reason.code.as_deref() {
                    Some(CONDITION) => Reason::Broken(reason.item),
                    _ => Reason::Held,
                });
                Ok(Transacted::Refused { reasons: reasons.collect(), is_unknown })
            }
        }
    }

    /// Writes all of these without a condition, each by itself.
    pub(super) async fn write_all(&self, actions: &[Action]) -> Result<(), RosterError> {
        for chunk in actions.chunks(BATCH) {
            let requests = chunk.iter().map(request).collect::<Result<_, _>>().map_err(unbuilt)?;
            self.write_batch(requests).await?;
        }
        Ok(())
    }

    async fn write_batch(&self, mut left: Vec<WriteRequest>) -> Result<(), RosterError> {
        for number in 0_u32..64 {
            let requests = &left;
            let send = |_| {
                let batch = self.client.batch_write_item();
                batch.request_items(&self.table, requests.clone()).send()
            };
            let answer = match self.call(Kind::Write, send, by_code).await {
                Ok(answer) => answer,
                Err(CallError::Roster(error)) => return Err(error),
                Err(CallError::Refused(..)) => return Err(broken("a condition where none was")),
            };
            left = answer
                .unprocessed_items
                .unwrap_or_default()
                .remove(&self.table)
                .unwrap_or_default();
            if left.is_empty() {
                return Ok(());
            }
            self.pause(number).await;
        }
        Err(RosterError::Unknown("DynamoDB: a batch was not taken whole".to_owned()))
    }
}

const CONDITION: &str = "ConditionalCheckFailed";

/// What a transaction's error says. Where a condition did not hold, that is what counts, whatever else
/// stood against it.
fn judge(error: &TransactWriteItemsError) -> Verdict {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else {
        return by_code(error);
    };
    let codes = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code());
    let codes: Vec<&str> = codes.filter(|code| *code != "None").collect();
    let is_busy = |code: &&str| {
        ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"].contains(code)
    };
    match codes.as_slice() {
        codes if codes.contains(&CONDITION) => Verdict::Refused,
        codes if codes.iter().all(is_busy) => Verdict::Busy,
        _ => Verdict::Impossible,
    }
}

fn request(action: &Action) -> Result<WriteRequest, BuildError> {
    let request = WriteRequest::builder();
    Ok(match &action.change {
        Change::Put(item) => {
            request.put_request(PutRequest::builder().set_item(Some(item.clone())).build()?)
        }
        Change::Write(..)
        | Change::Delete
        | Change::Add(..)
        | Change::Remove(_)
        | Change::Check => {
            let delete = DeleteRequest::builder().set_key(Some(action.at.key()));
            request.delete_request(delete.build()?)
        }
    }
    .build())
}

#[expect(clippy::needless_pass_by_value, reason = "it stands where an error is mapped")]
fn unbuilt(error: BuildError) -> RosterError {
    RosterError::NotDone(format!("DynamoDB: {error}"))
}
