//! An index of a long list of elements: a hundred look-ups in a group of 60,000 members do not each
//! scan them all.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::values::{identity, take_out};
use crate::caseless::folded;

/// Lists up to this length are scanned instead.
const SHORT: usize = 32;

/// True if an index pays off for a list of this length and this many look-ups.
pub(super) const fn is_worth_it(list: usize, looks: usize) -> bool {
    list > SHORT && looks > 1
}

/// Positions in a list by the identifying text of each element, without case. Results are
/// candidates: the caller must compare them.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// A stable number for each element, in list order. Positions shift on removals, numbers do
    /// not.
    numbers: Vec<usize>,
    /// The number for the next element.
    next: usize,
    /// For each text, the numbers of the elements that have it, or once had it.
    by_text: HashMap<String, Vec<usize>>,
    /// The numbers of elements without an identifying text; they are candidates for every look-up.
    others: Vec<usize>,
}

impl Index {
    pub(super) fn of(list: &[Value]) -> Self {
        let mut index = Self::default();
        index.numbers.reserve(list.len());
        index.by_text.reserve(list.len());
        index.pushed(list);
        index
    }

    /// The positions of the candidates for this text, ascending.
    pub(super) fn places(&self, text: &str) -> Vec<usize> {
        let told = self.by_text.get(folded(text).as_ref());
        let numbers = told.into_iter().flatten().chain(&self.others);
        let places = numbers.filter_map(|number| self.numbers.binary_search(number).ok());
        let mut places: Vec<usize> = places.collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// The positions of the candidates with the same identifying text as `value`; `None` if it has
    /// none.
    pub(super) fn near(&self, value: &Value) -> Option<Vec<usize>> {
        match identity(value) {
            Some(Value::String(text)) => Some(self.places(text)),
            _ => None,
        }
    }

    /// Records that these elements were appended.
    pub(super) fn pushed(&mut self, values: &[Value]) {
        for value in values {
            self.numbers.push(self.next);
            self.enter(self.next, value);
            self.next = self.next.saturating_add(1);
        }
    }

    /// Records the new value of the element at a position.
    pub(super) fn changed(&mut self, place: usize, value: &Value) {
        if let Some(number) = self.numbers.get(place) {
            self.enter(*number, value);
        }
    }

    /// Records that the elements at these positions were removed.
    pub(super) fn taken_out(&mut self, places: &BTreeSet<usize>) {
        take_out(&mut self.numbers, places);
    }

    fn enter(&mut self, number: usize, value: &Value) {
        match identity(value) {
            Some(Value::String(text)) => {
                let numbers = self.by_text.entry(folded(text).into_owned()).or_default();
                if !numbers.contains(&number) {
                    numbers.push(number);
                }
            }
            _ => self.others.push(number),
        }
    }
}
