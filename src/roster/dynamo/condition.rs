//! Conditions and changes, and how DynamoDB writes them.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};

use super::item::{At, Item, name};

/// On what condition an item is written.
#[derive(Clone, Debug, Default)]
pub(super) struct Condition {
    clauses: Vec<Clause>,
    /// Whether one clause is enough.
    is_any: bool,
}

#[derive(Clone, Debug)]
enum Clause {
    Absent(&'static str),
    Is(&'static str, AttributeValue),
    AtMost(&'static str, AttributeValue),
}

/// A condition as DynamoDB takes it.
pub(super) struct Expression {
    pub(super) text: String,
    pub(super) names: HashMap<String, String>,
    pub(super) values: Option<HashMap<String, AttributeValue>>,
}

impl Condition {
    /// There is no such item.
    pub(super) fn new_item() -> Self {
        Self::default().absent(name::PK)
    }

    /// An attribute has this value.
    pub(super) fn of(name: &'static str, value: AttributeValue) -> Self {
        Self::default().is(name, value)
    }

    /// One of those that follow is enough.
    pub(super) fn any() -> Self {
        Self { is_any: true, ..Self::default() }
    }

    pub(super) fn absent(mut self, name: &'static str) -> Self {
        self.clauses.push(Clause::Absent(name));
        self
    }

    pub(super) fn is(mut self, name: &'static str, value: AttributeValue) -> Self {
        self.clauses.push(Clause::Is(name, value));
        self
    }

    pub(super) fn at_most(mut self, name: &'static str, value: AttributeValue) -> Self {
        self.clauses.push(Clause::AtMost(name, value));
        self
    }

    /// An attribute has this value, or is not there.
    pub(super) fn has(self, name: &'static str, value: Option<AttributeValue>) -> Self {
        match value {
            Some(value) => self.is(name, value),
            None => self.absent(name),
        }
    }

    /// As it is written; nothing, where there is no condition.
    pub(super) fn expression(&self) -> Option<Expression> {
        let (mut parts, mut names, mut values) = (Vec::new(), HashMap::new(), HashMap::new());
        for (number, clause) in self.clauses.iter().enumerate() {
            let (name, value, part) = match clause {
                Clause::Absent(name) => (name, None, format!("attribute_not_exists(#{name})")),
                Clause::Is(name, value) => (name, Some(value), format!("#{name} = :{number}")),
                Clause::AtMost(name, value) => (name, Some(value), format!("#{name} <= :{number}")),
            };
            parts.push(part);
            names.insert(format!("#{name}"), (*name).to_owned());
            values.extend(value.map(|value| (format!(":{number}"), value.clone())));
        }
        let text = parts.join(if self.is_any { " OR " } else { " AND " });
        let values = Some(values).filter(|values| !values.is_empty());
        (!parts.is_empty()).then_some(Expression { text, names, values })
    }
}

/// What becomes of an item.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// It is this one.
    Put(Item),
    /// It is this one, but for the texts of the writes before, and has none of these other attributes.
    Write(Item, &'static [&'static str]),
    /// It is not there.
    Delete,
    /// A number of it is so much more.
    Add(&'static str, i64),
    /// An attribute of it is not there.
    Remove(&'static str),
    /// It stays, on its condition.
    Check,
}

/// One write of one item.
#[derive(Clone, Debug)]
pub(super) struct Action {
    pub(super) at: At,
    pub(super) change: Change,
    pub(super) condition: Condition,
}

impl Action {
    pub(super) fn new(at: At, change: Change) -> Self {
        Self { at, change, condition: Condition::default() }
    }

    pub(super) fn only_if(self, condition: Condition) -> Self {
        Self { condition, ..self }
    }

    /// The action as one of a transaction. What was there is told where its condition does not hold.
    ///
    /// # Errors
    /// None that an action makes; the SDK's builders have them.
    pub(super) fn in_transaction(&self, table: &str) -> Result<TransactWriteItem, BuildError> {
        let told = ReturnValuesOnConditionCheckFailure::AllOld;
        let whole = TransactWriteItem::builder();
        let (text, names, values) = match self.condition.expression() {
            Some(Expression { text, names, values }) => (Some(text), Some(names), values),
            None => (None, None, None),
        };
        let key = self.at.key();
        Ok(match &self.change {
            Change::Put(item) => {
                let put = Put::builder().table_name(table).set_item(Some(item.clone()));
                let put = put.set_condition_expression(text).set_expression_attribute_names(names);
                let put = put.set_expression_attribute_values(values);
                whole.put(put.return_values_on_condition_check_failure(told).build()?)
            }
            Change::Delete => {
                let delete = Delete::builder().table_name(table).set_key(Some(key));
                let delete = delete.set_condition_expression(text);
                let delete = delete.set_expression_attribute_names(names);
                let delete = delete.set_expression_attribute_values(values);
                whole.delete(delete.return_values_on_condition_check_failure(told).build()?)
            }
            Change::Check => {
                let check = ConditionCheck::builder().table_name(table).set_key(Some(key));
                let check = check.set_condition_expression(text);
                let check = check.set_expression_attribute_names(names);
                let check = check.set_expression_attribute_values(values);
                let check = check.return_values_on_condition_check_failure(told).build()?;
                whole.condition_check(check)
            }
            Change::Write(item, others) => {
                let Expression { text: update, names: set, values: to } = rewrite(item, others);
                let (names, values) = (merged(Some(set), names), merged(to, values));
                let update = Update::builder().table_name(table).update_expression(update);
                let update = update.set_key(Some(key)).set_condition_expression(text);
                let update = update.set_expression_attribute_names(Some(names));
                let update = update.set_expression_attribute_values(Some(values));
                whole.update(update.return_values_on_condition_check_failure(told).build()?)
            }
            Change::Add(name, by) => {
                let (mut names, mut values) =
                    (names.unwrap_or_default(), values.unwrap_or_default());
                names.insert("#added".to_owned(), (*name).to_owned());
                values.insert(":added".to_owned(), super::item::number(by));
                names.insert("#form".to_owned(), name::FORM.to_owned());
                values.insert(":form".to_owned(), super::item::form());
                let update = Update::builder().table_name(table).set_key(Some(key));
                let update = update.update_expression("SET #form = :form ADD #added :added");
                let update = update.set_condition_expression(text);
                let update = update.set_expression_attribute_names(Some(names));
                let update = update.set_expression_attribute_values(Some(values));
                whole.update(update.return_values_on_condition_check_failure(told).build()?)
            }
            Change::Remove(name) => {
                let mut names = names.unwrap_or_default();
                names.insert("#removed".to_owned(), (*name).to_owned());
                let update = Update::builder().table_name(table).set_key(Some(key));
                let update = update.update_expression("REMOVE #removed");
                let update = update.set_condition_expression(text);
                let update = update.set_expression_attribute_names(Some(names));
                let update = update.set_expression_attribute_values(values);
                whole.update(update.return_values_on_condition_check_failure(told).build()?)
            }
        }
        .build())
    }
}

/// The update by which an item is another, and the texts of its last writes each stand one further.
pub(super) fn rewrite(item: &Item, others: &[&str]) -> Expression {
    let (mut set, mut names, mut values) = (Vec::new(), HashMap::new(), HashMap::new());
    for (name, value) in item {
        if ![name::PK, name::SK].contains(&name.as_str()) {
            set.push(format!("#{name} = :{name}"));
            names.insert(format!("#{name}"), name.clone());
            values.insert(format!(":{name}"), value.clone());
        }
    }
    let [first, second, third] = name::FORMER_NONCES;
    for (next, before) in [(first, name::NONCE), (second, first), (third, second)] {
        set.push(format!("#{next} = if_not_exists(#{before}, :nobody)"));
        names.insert(format!("#{next}"), next.to_owned());
    }
    values.insert(":nobody".to_owned(), super::item::text("-"));
    let mut text = format!("SET {}", set.join(", "));
    let gone: Vec<&&str> = others.iter().filter(|name| !item.contains_key(**name)).collect();
    for (index, name) in gone.iter().enumerate() {
        text.push_str(if index == 0 { " REMOVE #" } else { ", #" });
        text.push_str(name);
        names.insert(format!("#{name}"), (**name).to_string());
    }
    Expression { text, names, values: Some(values) }
}

/// All of both.
pub(super) fn merged<T>(
    one: Option<HashMap<String, T>>,
    other: Option<HashMap<String, T>>,
) -> HashMap<String, T> {
    one.into_iter().flatten().chain(other.into_iter().flatten()).collect()
}
