//! Where the values of a long list are, by what they are told by: who is looked for in a group of sixty
//! thousand a hundred times is not held against everybody a hundred times.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::values::{identity, take_out};
use crate::caseless::folded;

/// A list shorter than this is gone through.
const SHORT: usize = 32;

/// Whether a list is long enough for an index, if it is looked through so often.
pub(super) const fn is_worth_it(list: usize, looks: usize) -> bool {
    list > SHORT && looks > 1
}

/// The places of a list by the text that each value is told by, in any case. What is found may be what is
/// looked for; whoever looks holds it against that.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// A number for each value, in the order of the list: places move when others go, numbers do not.
    numbers: Vec<usize>,
    /// The next number.
    next: usize,
    /// Of each text the numbers of those that are told by it, or were.
    by_text: HashMap<String, Vec<usize>>,
    /// The numbers of those that no text tells: they may be anything.
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

    /// Where those values are, in the order of the list, that may be told by this text.
    pub(super) fn places(&self, text: &str) -> Vec<usize> {
        let told = self.by_text.get(folded(text).as_ref());
        let numbers = told.into_iter().flatten().chain(&self.others);
        let places = numbers.filter_map(|number| self.numbers.binary_search(number).ok());
        let mut places: Vec<usize> = places.collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// Where those values are that may be told by what this one is told by; `None` if that is no text.
    pub(super) fn near(&self, value: &Value) -> Option<Vec<usize>> {
        match identity(value) {
            Some(Value::String(text)) => Some(self.places(text)),
            _ => None,
        }
    }

    /// Notes that these values came to the end of the list.
    pub(super) fn pushed(&mut self, values: &[Value]) {
        for value in values {
            self.numbers.push(self.next);
            self.enter(self.next, value);
            self.next = self.next.saturating_add(1);
        }
    }

    /// Notes what the value of a place is now.
    pub(super) fn changed(&mut self, place: usize, value: &Value) {
        if let Some(number) = self.numbers.get(place) {
            self.enter(*number, value);
        }
    }

    /// Notes that the values of these places were taken out.
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
