//! A search through all states, breadth first: so the first counterexample is a shortest one.

use std::hash::{BuildHasher, BuildHasherDefault, Hasher};

use crate::check::broken;
use crate::promise::Promise;
use crate::rules::Rules;
use crate::state::State;
use crate::transition::{Action, successors};

/// What a search came to.
#[derive(Clone, Debug)]
pub struct Search {
    /// How many states there are.
    pub states: usize,
    /// How many of them are at rest.
    pub at_rest: usize,
    /// The length of the longest of the shortest ways to a state.
    pub depth: usize,
    /// The most leases that were taken since an event changed something.
    pub rounds: u8,
    /// A shortest way to a state in which a promise does not hold.
    pub counterexample: Option<Counterexample>,
}

/// A way to a state in which a promise does not hold.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// The promise.
    pub promise: Promise,
    /// The beginning.
    pub first: State,
    /// Each step, and the state after it.
    pub steps: Vec<(Action, State)>,
}

/// Searches from these states on, until one of these promises does not hold or there is no other
/// state.
#[must_use]
pub fn search(beginnings: &[State], rules: Rules, promises: &[Promise]) -> Search {
    let mut visited = Visited::default();
    for state in beginnings {
        visited.insert(*state, None);
    }
    let mut search = Search { states: 0, at_rest: 0, depth: 0, rounds: 0, counterexample: None };
    let (mut place, mut end_of_level) = (0, visited.states.len());
    while let Some(state) = visited.states.get(place).copied() {
        if place == end_of_level {
            search.depth += 1;
            end_of_level = visited.states.len();
        }
        let next = successors(&state, rules);
        let is_at_rest = next.iter().all(|(action, _)| !action.is_own());
        search.at_rest += usize::from(is_at_rest);
        search.rounds = search.rounds.max(state.rounds);
        if let Some(promise) = broken(&state, is_at_rest, rules, promises) {
            search.counterexample = Some(visited.counterexample(place, promise, rules));
            break;
        }
        for (_, state) in next {
            visited.insert(state, Some(place));
        }
        place += 1;
    }
    search.states = visited.states.len();
    search
}

/// Every state that was reached, with the one before it: a hash table of places.
#[derive(Default)]
struct Visited {
    states: Vec<State>,
    parents: Vec<u32>,
    hashes: Vec<u64>,
    /// The place of a state by its hash, with open addressing; [`NONE`] where there is none. Its
    /// length is a power of two.
    table: Vec<u32>,
}

const NONE: u32 = u32::MAX;

impl Visited {
    fn insert(&mut self, state: State, parent: Option<usize>) {
        if self.table.len() < 2 * (self.states.len() + 1) {
            self.grow();
        }
        let hash = BuildHasherDefault::<Multiply>::default().hash_one(state);
        let slot = self.slot(hash, |other| *other == state);
        if self.table[slot] == NONE {
            self.table[slot] = place(self.states.len());
            self.states.push(state);
            self.parents.push(parent.map_or(NONE, place));
            self.hashes.push(hash);
        }
    }

    /// Where a state of this hash is in the table, or belongs.
    fn slot(&self, hash: u64, is_it: impl Fn(&State) -> bool) -> usize {
        let mask = self.table.len() - 1;
        let mut slot = lower_bits(hash) & mask;
        while self.table[slot] != NONE {
            let other = index(self.table[slot]);
            if self.hashes[other] == hash && is_it(&self.states[other]) {
                break;
            }
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn grow(&mut self) {
        self.table = vec![NONE; (2 * self.table.len()).max(1 << 16)];
        for known in 0..self.states.len() {
            let slot = self.slot(self.hashes[known], |_| false);
            self.table[slot] = place(known);
        }
    }

    fn counterexample(&self, last: usize, promise: Promise, rules: Rules) -> Counterexample {
        let mut way = vec![last];
        while let Some(parent) = way.last().map(|place| self.parents[*place])
            && parent != NONE
        {
            way.push(index(parent));
        }
        way.reverse();
        let states: Vec<_> = way.into_iter().map(|place| self.states[place]).collect();
        let steps = states.windows(2).map(|pair| {
            let mut next = successors(&pair[0], rules).into_iter();
            let step = next.find(|(_, state)| *state == pair[1]);
            step.expect("a state was reached by a step from the one before")
        });
        Counterexample { promise, first: states[0], steps: steps.collect() }
    }
}

fn place(length: usize) -> u32 {
    u32::try_from(length).ok().filter(|place| *place != NONE).expect("fewer than 4 billion states")
}

fn index(place: u32) -> usize {
    usize::try_from(place).expect("32 bits or more")
}

/// 32 of its bits, as an index.
fn lower_bits(hash: u64) -> usize {
    usize::try_from(hash & u64::from(u32::MAX)).expect("32 bits or more")
}

/// A hash by rotation and multiplication, as the compiler of Rust uses for its own tables: states
/// come from nobody who would look for collisions.
#[derive(Default)]
struct Multiply(u64);

impl Multiply {
    const fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for Multiply {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.add(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.add(u64::from(number));
    }

    fn write_usize(&mut self, number: usize) {
        self.add(u64::try_from(number).unwrap_or_default());
    }

    fn write_isize(&mut self, number: isize) {
        self.add(u64::from_ne_bytes(i64::try_from(number).unwrap_or_default().to_ne_bytes()));
    }
}
