//! Changes one target of a PATCH operation: a single value, all elements of a list, or the elements
//! that a filter selects.

use std::cell::Cell;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Op;
use super::index::{Index, is_worth_it};
use super::values::{
    add, add_by_type, clear, enter, form, identity, list, merge, prefer, push, set, subtract,
    take_out,
};
use crate::fault::{Fault, Kind};
use crate::scim::filter::{CompiledInner, Filter};
use crate::scim::resource::{MEMBERS, fit, fit_one, is_nothing, is_shell, object};
use crate::scim::schema::{Attribute, Mutability, Type};

/// The most comparisons that one PATCH may cost: about a second of work. A thousand removals by
/// filter from a group of ten thousand members stay below it.
const MAX_COMPARISONS: usize = 12_000_000;

/// The unit of cost, in bytes of text: an element with more text counts as several comparisons.
const SHORT: usize = 64;

/// The target of an operation: an attribute of the resource or of an extension.
pub(super) struct PatchTarget<'a> {
    /// The attribute.
    pub(super) attribute: &'a Attribute,
    /// The sub-attribute, if the path has one.
    pub(super) sub: Option<&'a Attribute>,
    /// The path as fault messages show it.
    pub(super) told: String,
    /// The operation.
    pub(super) op: Op,
    /// True for strict mode (`SCIM_STRICT`).
    pub(super) strict: bool,
    /// The number of comparisons so far, over all operations of the request.
    pub(super) effort: &'a Cell<usize>,
    /// The number of operations in the request, this one included.
    pub(super) operations: usize,
}

impl PatchTarget<'_> {
    /// Charges the comparison of a list with this many terms; refuses a PATCH that would take too
    /// long.
    fn charge(&self, list: &[Value], terms: usize) -> Result<(), Fault> {
        let weight = |element: &Value| {
            let members = element.as_object().into_iter().flat_map(Map::values);
            let texts = members.filter_map(Value::as_str).map(str::len);
            texts.fold(0, usize::saturating_add).saturating_div(SHORT).saturating_add(1)
        };
        let weights = list.iter().map(weight).fold(0, usize::saturating_add);
        self.spend(weights.saturating_mul(terms))
    }

    fn spend(&self, effort: usize) -> Result<(), Fault> {
        let effort = self.effort.get().saturating_add(effort);
        self.effort.set(effort);
        let detail = "Operations: expected fewer that look through a long list, found too many; \
            send them in several requests, or name the values in one list";
        if effort <= MAX_COMPARISONS { Ok(()) } else { Err(Fault::new(Kind::TooMany, detail)) }
    }

    /// Builds an index of the list if it pays off for this many look-ups.
    fn make_ready(
        &self,
        index: &mut Option<Index>,
        list: &[Value],
        looks: usize,
    ) -> Result<(), Fault> {
        if index.is_none() && is_worth_it(list.len(), looks) {
            self.charge(list, 1)?;
            *index = Some(Index::of(list));
        }
        Ok(())
    }

    fn fit(&self, attribute: &Attribute, value: &Value) -> Result<Option<Value>, Fault> {
        fit(attribute, value, &self.told, self.strict)
    }

    /// Changes a single-valued attribute, or a sub-attribute of it.
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

    /// Changes the sub-attributes that a value names; the others stay. If `value` is cleared, the
    /// whole attribute is removed, since `value` identifies it.
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
                merge(self.attribute, complex, fitted);
            }
        }
        Ok(())
    }

    /// Changes all elements of a multi-valued attribute.
    pub(super) fn change_list(
        &self,
        home: &mut Map<String, Value>,
        value: Option<&Value>,
        index: &mut Option<Index>,
    ) -> Result<(), Fault> {
        let list = list(home, self.attribute.name);
        if let Some(sub) = self.sub {
            *index = None;
            return self.change_part_of_all(list, sub, value);
        }
        let fitted = value.map(|value| self.elements(value)).transpose()?.unwrap_or_default();
        match self.op {
            Op::Replace => {
                *index = None;
                *list = fitted;
            }
            Op::Remove if value.is_none() => {
                *index = None;
                list.clear();
            }
            Op::Remove => {
                let others = fitted.iter().filter(|element| identity(element).is_none()).count();
                self.make_ready(index, list, self.operations)?;
                match index {
                    Some(_) if others == 0 => self.spend(fitted.len())?,
                    _ => self.charge(list, others.saturating_add(1))?,
                }
                subtract(self.attribute, list, &fitted, index);
            }
            Op::Add if self.has_one_of_a_type() => {
                // Each new element is looked up among the present ones and the new ones before it:
                // by its identity, and by its type if it has one.
                let own = index.get_or_insert_with(|| Index::of(list));
                let is_sought = |it: &&Value| it.get("type").is_some() || own.near(it).is_none();
                let sought = fitted.iter().filter(is_sought).count();
                self.charge(list, sought.saturating_add(1))?;
                self.charge(&fitted, sought.saturating_add(1))?;
                add_by_type(self.attribute, list, fitted, index);
            }
            Op::Add => {
                self.make_ready(index, list, self.operations)?;
                match index {
                    Some(_) => self.spend(fitted.len())?,
                    None => self.charge(list, 1)?,
                }
                add(self.attribute, list, fitted, index);
            }
        }
        Ok(())
    }

    /// Changes a sub-attribute of every element of a multi-valued attribute.
    fn change_part_of_all(
        &self,
        list: &mut Vec<Value>,
        sub: &Attribute,
        value: Option<&Value>,
    ) -> Result<(), Fault> {
        self.charge(list, 1)?;
        let fitted = value.map(|value| self.fit(sub, value)).transpose()?.flatten();
        match fitted {
            Some(fitted) if self.op != Op::Remove => {
                if list.is_empty() {
                    list.push(Map::new().into());
                }
                list.iter_mut().for_each(|element| set(element, sub.name, Some(fitted.clone())));
            }
            fitted => {
                // A removal with a value removes only that value.
                let own = fitted.as_ref().map(|fitted| form(sub, fitted));
                let is_meant = |element: &Value| {
                    value.is_none() || element.get(sub.name).map(|it| form(sub, it)) == own
                };
                let meant = list.iter().enumerate().filter(|(_, element)| is_meant(element));
                let meant = meant.map(|(place, _)| place).collect();
                clear(list, &meant, &[sub.name]);
            }
        }
        Ok(())
    }

    /// The elements in a value that is one element or a list. An object without any known
    /// sub-attribute is refused: by mistake it would empty the list.
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
        // A removal may give labels only, as in `{"type": "work"}`, and means all elements with
        // them.
        let is_kept =
            |element: &&Value| self.op == Op::Remove || !is_shell(self.attribute, element);
        let said = said.iter().filter(is_kept).cloned().collect();
        match self.fit(self.attribute, &Value::Array(said))? {
            Some(Value::Array(fitted)) => Ok(fitted),
            _ => Ok(Vec::new()),
        }
    }

    /// Changes the elements of a multi-valued attribute that a filter selects.
    pub(super) fn change_some(
        &self,
        home: &mut Map<String, Value>,
        filter: &Filter,
        value: Option<&Value>,
        index: &mut Option<Index>,
    ) -> Result<(), Fault> {
        let list = list(home, self.attribute.name);
        let compiled = filter.compile_inner(self.attribute);
        if compiled.told_by().is_some() {
            self.make_ready(index, list, self.operations)?;
        }
        let meant = self.meant(list, filter, &compiled, index.as_ref())?;
        // RFC 7644 §3.12, table 9: noTarget is for "a filter that yields no match".
        if self.strict && meant.is_empty() {
            return Err(no_target());
        }
        match (value.filter(|_| self.op != Op::Remove), self.sub) {
            (Some(value), _) => return self.fill_some(list, filter, meant, value, index),
            // An addition without a value must not become a removal.
            (None, _) if self.op == Op::Add && self.attribute.name == MEMBERS => {
                return Err(Fault::value(&self.told, "one to add", "none"));
            }
            (None, None) => {
                take_out(list, &meant);
                if let Some(index) = index {
                    index.taken_out(&meant);
                }
            }
            (None, Some(sub)) => {
                *index = None;
                clear(list, &meant, &[sub.name]);
            }
        }
        Ok(())
    }

    /// The positions of the elements that the filter selects.
    fn meant(
        &self,
        list: &[Value],
        filter: &Filter,
        compiled: &CompiledInner<'_>,
        index: Option<&Index>,
    ) -> Result<BTreeSet<usize>, Fault> {
        let matches = |place: &usize| list.get(*place).is_some_and(|it| compiled.matches(it));
        if let (Some(index), Some(text)) = (index, compiled.told_by()) {
            let places = index.places(text);
            self.spend(places.len().saturating_add(1).saturating_mul(filter.terms()))?;
            return Ok(places.into_iter().filter(matches).collect());
        }
        self.charge(list, filter.terms())?;
        Ok((0..list.len()).filter(matches).collect())
    }

    /// Writes a value into the selected elements. If there are none, one is created from the
    /// filter.
    fn fill_some(
        &self,
        list: &mut Vec<Value>,
        filter: &Filter,
        mut meant: BTreeSet<usize>,
        value: &Value,
        index: &mut Option<Index>,
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
            *index = None;
            clear(list, &meant, &cleared);
            meant = self.meant(list, filter, &filter.compile_inner(self.attribute), None)?;
        }
        let fitted = match fitted {
            Some(Value::Object(fitted)) => fitted,
            Some(fitted) => {
                *index = None;
                return put_in_place_of(list, &meant, &fitted);
            }
            None if cleared.is_empty() && self.attribute.name == MEMBERS => {
                return Err(Fault::value(&self.told, "parts as /Schemas lists them", "others"));
            }
            None => return Ok(()),
        };
        if meant.is_empty() {
            let made = self.made_by(filter)?;
            meant.insert(if self.has_one_of_a_type() {
                enter(self.attribute, list, made, index)
            } else {
                push(list, made, index)
            });
        }
        if self.strict && meant.len() > 1 && fitted.get("primary") == Some(&Value::Bool(true)) {
            return Err(Fault::value(&self.told, "one value that is primary at most", "several"));
        }
        for place in &meant {
            if let Some(element) = list.get_mut(*place).and_then(Value::as_object_mut) {
                element.extend(fitted.clone());
            }
            if let (Some(index), Some(element)) = (index.as_mut(), list.get(*place)) {
                index.changed(*place, element);
            }
        }
        prefer(list, &meant);
        Ok(())
    }

    /// True if an attribute has at most one element of each type: Entra ID supports only one (its
    /// SCIM documentation) and sets the parts of an address in separate operations.
    fn has_one_of_a_type(&self) -> bool {
        !self.strict && ["addresses", "emails", "phoneNumbers"].contains(&self.attribute.name)
    }

    /// The sub-attributes that a value names in order to clear them.
    fn cleared(&self, value: &Value) -> Vec<&'static str> {
        let value = if let Value::Array(values) = value { values.first() } else { Some(value) };
        let Some(Value::Object(said)) = value else { return Vec::new() };
        let is_cleared = |sub: &&Attribute| {
            let mut own = said.iter().filter(|(name, _)| name.eq_ignore_ascii_case(sub.name));
            sub.mutability != Mutability::ReadOnly && own.any(|(_, value)| is_nothing(value))
        };
        self.attribute.sub_attributes().iter().filter(is_cleared).map(|sub| sub.name).collect()
    }

    /// The value as one element of the attribute.
    fn one(&self, value: &Value) -> Result<Option<Value>, Fault> {
        let value = match value {
            Value::Array(values) if !self.strict => match values.as_slice() {
                [] => &Value::Null,
                [one] => one,
                _ => return Err(Fault::value(&self.told, "one value", "several")),
            },
            other => other,
        };
        fit_one(self.attribute, value, &self.told, self.strict)
    }

    /// A new element that matches the filter.
    fn made_by(&self, filter: &Filter) -> Result<Value, Fault> {
        // A filter never adds a member to a group.
        let equalities = filter.equalities().filter(|_| self.attribute.name != MEMBERS);
        let mut element = Map::new();
        for (name, value) in equalities.ok_or_else(no_target)? {
            let sub = self.attribute.sub_attribute(name).ok_or_else(no_target)?;
            let fitted = fit(sub, value, &self.told, false)?;
            element.extend(fitted.map(|fitted| (sub.name.to_owned(), fitted)));
        }
        Ok(element.into())
    }
}

/// Replaces the selected simple values.
fn put_in_place_of(
    list: &mut Vec<Value>,
    meant: &BTreeSet<usize>,
    fitted: &Value,
) -> Result<(), Fault> {
    if meant.is_empty() {
        return Err(no_target());
    }
    take_out(list, meant);
    if !list.contains(fitted) {
        list.push(fitted.clone());
    }
    Ok(())
}

fn no_target() -> Fault {
    let detail = "path: expected a filter that a value matches, found one that none does";
    Fault::new(Kind::NoTarget, detail)
}
