//! One place of a resource: its one value, all of its values, or those that a filter lets through.

use std::cell::Cell;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Op;
use super::values::{
    add, add_by_type, clear, enter, identity, list, merge, prefer, push, set, subtract, take_out,
};
use crate::fault::{Fault, Kind};
use crate::json::member;
use crate::scim::filter::Filter;
use crate::scim::resource::{fit, fit_one, object};
use crate::scim::schema::{Attribute, Mutability, Type};

/// So many values may one PATCH hold against another: a second's work. A thousand removals by filter
/// from a group of ten thousand are fewer.
const MOST_EFFORT: usize = 12_000_000;

/// A value with longer texts counts as several, each of so many bytes.
const SHORT: usize = 64;

/// One place to work on: an attribute of the resource or of an extension.
pub(super) struct Place<'a> {
    /// The attribute.
    pub(super) attribute: &'a Attribute,
    /// The part of it that is meant.
    pub(super) sub: Option<&'a Attribute>,
    /// How the path is told.
    pub(super) told: String,
    /// What is done.
    pub(super) op: Op,
    /// Whether the RFC is taken by its letter.
    pub(super) strict: bool,
    /// How many values were held against another so far.
    pub(super) effort: &'a Cell<usize>,
}

impl Place<'_> {
    /// Refuses a PATCH that would take all the time there is.
    fn hold_against(&self, list: &[Value], terms: usize) -> Result<(), Fault> {
        let weight = |element: &Value| {
            let members = element.as_object().into_iter().flat_map(Map::values);
            let texts = members.filter_map(Value::as_str).map(str::len);
            texts.fold(0, usize::saturating_add).saturating_div(SHORT).saturating_add(1)
        };
        let weights = list.iter().map(weight).fold(0, usize::saturating_add);
        let effort = self.effort.get().saturating_add(weights.saturating_mul(terms));
        self.effort.set(effort);
        let detail = "Operations: expected fewer that look through a long list, found too many; \
            send them in several requests, or name the values in one list";
        if effort <= MOST_EFFORT { Ok(()) } else { Err(Fault::new(Kind::TooMany, detail)) }
    }

    fn fit(&self, attribute: &Attribute, value: &Value) -> Result<Option<Value>, Fault> {
        fit(attribute, value, &self.told, self.strict)
    }

    /// A single-valued attribute, or a part of it.
    pub(super) fn change_one(
        &self,
        home: &mut Map<String, Value>,
        value: Option<&Value>,
    ) -> Result<(), Fault> {
        let value = value.filter(|_| self.op != Op::Remove);
        let is_complex = matches!(self.attribute.kind, Type::Complex(_));
        if let (None, Some(value)) = (self.sub, value.filter(|_| is_complex)) {
            return self.change_parts(home, value);
        }
        let fitted = value.map(|value| self.fit(self.sub.unwrap_or(self.attribute), value));
        let fitted = fitted.transpose()?.flatten();
        let name = self.attribute.name;
        match (self.sub, fitted) {
            (Some(sub), Some(fitted)) => {
                if let Some(complex) = object(home, name) {
                    complex.insert(sub.name.to_owned(), fitted);
                }
            }
            (Some(sub), None) => {
                if let Some(complex) = home.get_mut(name).and_then(Value::as_object_mut) {
                    complex.remove(sub.name);
                }
            }
            (None, None) => drop(home.remove(name)),
            (None, Some(fitted)) => drop(home.insert(name.to_owned(), fitted)),
        }
        Ok(())
    }

    /// Each part of a complex attribute that a value names; the others stay. What is told by its `value`
    /// is gone without it.
    fn change_parts(&self, home: &mut Map<String, Value>, value: &Value) -> Result<(), Fault> {
        let name = self.attribute.name;
        let (fitted, cleared) = (self.fit(self.attribute, value)?, self.cleared(value));
        if cleared.contains(&"value") {
            home.remove(name);
            return Ok(());
        }
        if let Some(complex) = object(home, name) {
            cleared.iter().for_each(|part| drop(complex.remove(*part)));
            if let Some(Value::Object(fitted)) = fitted {
                merge(complex, fitted);
            }
        }
        Ok(())
    }

    /// All values of a multi-valued attribute.
    pub(super) fn change_list(
        &self,
        home: &mut Map<String, Value>,
        value: Option<&Value>,
    ) -> Result<(), Fault> {
        let list = list(home, self.attribute.name);
        if let Some(sub) = self.sub {
            return self.change_part_of_all(list, sub, value);
        }
        let own = value.and_then(Value::as_object).and_then(|it| member(it, self.attribute.name));
        // UnboundID's clients name the attribute again: `{"members": […]}` for `members`.
        let value = own.filter(|_| !self.strict).or(value);
        let fitted = value.map(|value| self.elements(value)).transpose()?.unwrap_or_default();
        match self.op {
            Op::Replace => *list = fitted,
            Op::Remove if value.is_none() => list.clear(),
            Op::Remove => {
                let others = fitted.iter().filter(|element| identity(element).is_none()).count();
                self.hold_against(list, others.saturating_add(1))?;
                subtract(list, &fitted);
            }
            Op::Add if self.has_one_of_a_type() => {
                // Each is looked for among those that are there and those that came before it.
                self.hold_against(list, fitted.len())?;
                self.hold_against(&fitted, fitted.len())?;
                add_by_type(list, fitted);
            }
            Op::Add => {
                self.hold_against(list, 1)?;
                add(list, fitted);
            }
        }
        Ok(())
    }

    /// A part of each value of a multi-valued attribute.
    fn change_part_of_all(
        &self,
        list: &mut Vec<Value>,
        sub: &Attribute,
        value: Option<&Value>,
    ) -> Result<(), Fault> {
        let fitted = value.map(|value| self.fit(sub, value)).transpose()?.flatten();
        match fitted {
            Some(fitted) if self.op != Op::Remove => {
                if list.is_empty() {
                    list.push(Map::new().into());
                }
                list.iter_mut().for_each(|element| set(element, sub.name, Some(fitted.clone())));
            }
            fitted => {
                // A removal that says what of, is of that alone.
                let is_meant =
                    |element: &Value| value.is_none() || element.get(sub.name) == fitted.as_ref();
                let meant = list.iter().enumerate().filter(|(_, element)| is_meant(element));
                let meant = meant.map(|(place, _)| place).collect();
                clear(list, &meant, &[sub.name]);
            }
        }
        Ok(())
    }

    /// The elements that a value names, one or several. One that says nothing of what an element is
    /// is refused: a list would be emptied for a mistake.
    fn elements(&self, value: &Value) -> Result<Vec<Value>, Fault> {
        let said = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        let parts = self.attribute.sub_attributes();
        let is_strange = |element: &Value| {
            element.as_object().filter(|_| !parts.is_empty()).is_some_and(|members| {
                !members.keys().any(|name| self.attribute.sub_attribute(name).is_some())
            })
        };
        if said.iter().any(is_strange) {
            return Err(Fault::value(&self.told, "elements as /Schemas lists them", "an object"));
        }
        match self.fit(self.attribute, &Value::Array(said.to_vec()))? {
            Some(Value::Array(fitted)) => Ok(fitted),
            _ => Ok(Vec::new()),
        }
    }

    /// Those values of a multi-valued attribute that a filter lets through.
    pub(super) fn change_some(
        &self,
        home: &mut Map<String, Value>,
        filter: &Filter,
        value: Option<&Value>,
    ) -> Result<(), Fault> {
        let list = list(home, self.attribute.name);
        self.hold_against(list, filter.terms())?;
        let meant = self.meant(list, filter);
        // RFC 7644 §3.12, table 9: noTarget is for "a filter that yields no match".
        if self.strict && meant.is_empty() {
            return Err(no_target());
        }
        match (value.filter(|_| self.op != Op::Remove), self.sub) {
            (Some(value), _) => return self.fill_some(list, filter, meant, value),
            (None, None) => take_out(list, &meant),
            (None, Some(sub)) => clear(list, &meant, &[sub.name]),
        }
        Ok(())
    }

    /// Where those values are that a filter lets through.
    fn meant(&self, list: &[Value], filter: &Filter) -> BTreeSet<usize> {
        let filter = filter.compile_inner(self.attribute);
        let elements = list.iter().enumerate();
        let meant = elements.filter(|(_, element)| filter.matches(element));
        meant.map(|(index, _)| index).collect()
    }

    /// Puts a value into those that are meant. Where there is none, one is made as the filter says.
    fn fill_some(
        &self,
        list: &mut Vec<Value>,
        filter: &Filter,
        mut meant: BTreeSet<usize>,
        value: &Value,
    ) -> Result<(), Fault> {
        let fitted = match self.sub {
            Some(sub) => {
                let fitted = self.fit(sub, value)?;
                fitted.map(|fitted| Map::from_iter([(sub.name.to_owned(), fitted)]).into())
            }
            None => self.one(value)?,
        };
        let cleared = if self.sub.is_none() { self.cleared(value) } else { Vec::new() };
        if !cleared.is_empty() {
            clear(list, &meant, &cleared);
            meant = self.meant(list, filter);
        }
        let Some(Value::Object(fitted)) = fitted else { return Ok(()) };
        if meant.is_empty() {
            let made = self.made_by(filter)?;
            meant.insert(if self.has_one_of_a_type() {
                enter(list, made)
            } else {
                push(list, made)
            });
        }
        if self.strict && meant.len() > 1 && fitted.get("primary") == Some(&Value::Bool(true)) {
            return Err(Fault::value(&self.told, "one value that is primary at most", "several"));
        }
        for index in &meant {
            if let Some(element) = list.get_mut(*index).and_then(Value::as_object_mut) {
                element.extend(fitted.clone());
            }
        }
        prefer(list, &meant);
        Ok(())
    }

    /// Whether another value of a type takes the place of the one that is there: Entra ID knows but one
    /// (its SCIM documentation), and what it adds to an address by parts belongs together.
    fn has_one_of_a_type(&self) -> bool {
        !self.strict && ["addresses", "emails", "phoneNumbers"].contains(&self.attribute.name)
    }

    /// The parts that a value names only to clear them.
    fn cleared(&self, value: &Value) -> Vec<&'static str> {
        let value = if let Value::Array(values) = value { values.first() } else { Some(value) };
        let Some(Value::Object(said)) = value else { return Vec::new() };
        let is_cleared = |sub: &&Attribute| {
            let mut own = said.iter().filter(|(name, _)| name.eq_ignore_ascii_case(sub.name));
            sub.mutability != Mutability::ReadOnly && own.any(|(_, value)| is_nothing(value))
        };
        self.attribute.sub_attributes().iter().filter(is_cleared).map(|sub| sub.name).collect()
    }

    /// One element of the attribute.
    fn one(&self, value: &Value) -> Result<Option<Value>, Fault> {
        let value = match value {
            Value::Array(values) if !self.strict => values.first().unwrap_or(&Value::Null),
            other => other,
        };
        fit_one(self.attribute, value, &self.told, self.strict)
    }

    /// An element of which a filter holds.
    fn made_by(&self, filter: &Filter) -> Result<Value, Fault> {
        // Nobody comes into a group by being described.
        let equalities = filter.equalities().filter(|_| self.attribute.name != "members");
        let mut element = Map::new();
        for (name, value) in equalities.ok_or_else(no_target)? {
            let sub = self.attribute.sub_attribute(name).ok_or_else(no_target)?;
            let fitted = fit(sub, value, &self.told, false)?;
            element.extend(fitted.map(|fitted| (sub.name.to_owned(), fitted)));
        }
        Ok(element.into())
    }
}

/// Nothing, an empty text, a list of such.
pub(super) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.iter().all(is_nothing),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

fn no_target() -> Fault {
    let detail = "path: expected a filter that a value matches, found one that none does";
    Fault::new(Kind::NoTarget, detail)
}
