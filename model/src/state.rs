//! All there is at a moment: the roster, Connect, the workers, and what may still go wrong.

use std::hash::{Hash, Hasher};

use crate::connect::{Call, Connect, UserId};
use crate::record::Record;
use crate::rules::{Rule, Rules};
use crate::scenario::{Event, Person, SCENARIOS, Scenario};
use crate::worker::Worker;

/// For how many ticks of the clock a call of unknown fate may have its effect.
pub const QUIET: u8 = 1;

/// For how many ticks a lease lasts: one in which calls may be sent, and then the quiet time.
pub const LEASE: u8 = 1 + QUIET;

/// A call that was sent, and of which nobody hears what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InFlight {
    /// The call.
    pub call: Call,
    /// For how many ticks it may still have its effect.
    pub ticks: u8,
}

/// What may still go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Faults {
    /// So many replies are lost, or workers cut off.
    pub losses: u8,
    /// So many times Connect does not show a user who is there.
    pub not_found: u8,
    /// So many calls are throttled.
    pub throttles: u8,
    /// So many times workers stand still until the time is over in which they may send calls.
    pub pauses: u8,
}

/// A state of the model.
#[derive(Clone, Copy, Debug)]
pub struct State {
    /// The place of the scenario among [`SCENARIOS`].
    scenario: u8,
    /// Which of its events were acknowledged: a bit for each.
    delivered: u8,
    /// The roster: a record of each person.
    pub records: [Record; 2],
    /// The workers; `None` is idle.
    pub workers: [Option<Worker>; 2],
    /// Amazon Connect.
    pub connect: Connect,
    /// A call of unknown fate.
    pub in_flight: Option<InFlight>,
    /// What may still go wrong.
    pub faults: Faults,
    /// How many leases were taken since an event changed something.
    pub rounds: u8,
}

impl State {
    /// The beginning of a scenario.
    ///
    /// # Panics
    /// If there is no such scenario.
    #[must_use]
    pub fn new(scenario: usize, faults: Faults) -> Self {
        let mut state = Self {
            scenario: u8::try_from(scenario).expect("a handful of scenarios"),
            delivered: 0,
            records: [Record::NEW; 2],
            workers: [None; 2],
            connect: Connect::default(),
            in_flight: None,
            faults,
            rounds: 0,
        };
        for (person, name) in Person::ALL.into_iter().zip(state.scenario().working) {
            if let Some(name) = name {
                let id = state.fresh_id();
                state.connect.apply(Call::Create(person, name), id);
                state.records[person.index()] = Record::working(id, name);
            }
        }
        state
    }

    /// The beginning of every scenario.
    pub fn beginnings(faults: Faults) -> impl Iterator<Item = Self> {
        (0..SCENARIOS.len()).map(move |scenario| Self::new(scenario, faults))
    }

    /// Its scenario.
    #[must_use]
    pub fn scenario(&self) -> &'static Scenario {
        &SCENARIOS[usize::from(self.scenario)]
    }

    /// The events that were acknowledged.
    pub fn acknowledged(&self) -> impl Iterator<Item = &'static Event> {
        let delivered = self.delivered;
        let events = self.scenario().events.iter().enumerate();
        events.filter(move |(place, _)| delivered & (1 << place) != 0).map(|(_, event)| event)
    }

    /// True if every event was acknowledged.
    #[must_use]
    pub fn is_all_acknowledged(&self) -> bool {
        self.acknowledged().count() == self.scenario().events.len()
    }

    /// Merges an event into the roster, and acknowledges it. `place` is the event's in the scenario.
    pub fn deliver(&mut self, place: usize, rules: Rules) {
        let event = &self.scenario().events[place];
        let other = self.records[event.person.other().index()];
        let is_free = |name| !other.holds(name, rules) && other.spec.awaited != Some(name);
        let record = &mut self.records[event.person.index()];
        let before = *record;
        record.merge(event, rules, is_free);
        self.delivered |= 1 << place;
        if *record != before {
            self.rounds = 0;
            self.note_write(event.person, None);
        }
    }

    /// Notes that a record was written: other workers than the writer have read an older version.
    pub fn note_write(&mut self, person: Person, writer: Option<usize>) {
        for (place, worker) in self.workers.iter_mut().enumerate() {
            if let Some(worker) = worker.as_mut().filter(|worker| worker.person == person)
                && Some(place) != writer
            {
                worker.is_stale = true;
            }
        }
    }

    /// True if the person waits for a username that nobody else holds.
    #[must_use]
    pub fn is_name_free(&self, person: Person, rules: Rules) -> bool {
        let (own, other) = self.own_and_other(person);
        own.spec.awaited.is_some_and(|name| !other.holds(name, rules))
    }

    /// True if two wait for each other's usernames, and this is the one who gives theirs up first:
    /// Ann, as of two the one with the lower id.
    #[must_use]
    pub fn gives_up_name(&self, person: Person, rules: Rules) -> bool {
        let (own, other) = self.own_and_other(person);
        let is_cycle = own.spec.name.is_some()
            && own.spec.awaited.is_some()
            && other.spec.name == own.spec.awaited
            && other.spec.awaited == own.spec.name;
        is_cycle && person == Person::Ann && rules.has(Rule::BreakCycles)
    }

    const fn own_and_other(&self, person: Person) -> (&Record, &Record) {
        let [ann, bob] = &self.records;
        match person {
            Person::Ann => (ann, bob),
            Person::Bob => (bob, ann),
        }
    }

    /// True if the drain takes the record up now.
    #[must_use]
    pub fn is_due(&self, person: Person, rules: Rules) -> bool {
        let record = &self.records[person.index()];
        let is_leased = (record.lease > 0 && rules.has(Rule::Lease)) || record.is_quiet();
        let is_named = || self.is_name_free(person, rules) || self.gives_up_name(person, rules);
        !is_leased && (record.is_pending() || is_named())
    }

    /// The id of the next user who is made: one that nobody remembers.
    ///
    /// # Panics
    /// If there are too few.
    #[must_use]
    pub fn fresh_id(&self) -> UserId {
        let is_known = |record: &Record, id: UserId| record.status.known[id.index()].is_some();
        let is_remembered = |id: UserId| {
            self.connect.user(id).is_some()
                || self.records.iter().any(|record| is_known(record, id))
                || self.workers.iter().flatten().any(|worker| is_known(&worker.copy, id))
                || self.in_flight.is_some_and(|sent| sent.call.user() == Some(id))
        };
        let mut ids = UserId::ALL.into_iter().filter(|id| !is_remembered(*id));
        ids.next().expect("the model has ids enough")
    }

    /// The same with the workers in an order of their own: which is which makes no difference.
    fn canonical(&self) -> Self {
        let mut canonical = *self;
        canonical.workers.sort_unstable();
        canonical
    }

    /// All that tells it from others.
    fn key(&self) -> impl Eq + Hash {
        let Self { scenario, delivered, records, workers, connect, in_flight, faults, rounds } =
            self.canonical();
        (scenario, delivered, records, workers, connect, in_flight, faults, rounds)
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for State {}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.key().hash(hasher);
    }
}
