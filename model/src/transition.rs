//! State → every state that may come next.

use crate::connect::{Answer, Call, UserId};
use crate::rules::{Rule, Rules};
use crate::scenario::Person;
use crate::state::{InFlight, LEASE, QUIET, State};
use crate::worker::{Next, Worker, Write};

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is carried out and answered.
    Answered,
    /// It is answered "not found", and the user is there.
    WronglyNotFound,
    /// It is throttled.
    Throttled,
    /// No answer comes. It has its effect late or never, and the worker gives it up.
    Lost,
    /// The worker is cut off right after it was sent; it has its effect late or never.
    CutOff,
}

/// A step of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// An event is delivered, by its place in the scenario, and acknowledged.
    Deliver(usize),
    /// A worker takes the lease of a record.
    TakeLease(usize, Person),
    /// A worker sends a call.
    Call(usize, Call, Fate),
    /// A worker writes its record.
    Write(usize, Write),
    /// A worker is cut off.
    CutOff(usize),
    /// A call of unknown fate has its effect now.
    LateEffect(Call),
    /// Somebody signs in.
    SignIn(UserId),
    /// Time goes by.
    Tick,
}

impl Action {
    /// True if the state is not at rest, since this will happen by itself.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        !matches!(self, Self::Deliver(_))
    }
}

/// Every step that may be next, and the state that it leads to.
#[must_use]
pub fn successors(state: &State, rules: Rules) -> Vec<(Action, State)> {
    let mut steps = Vec::with_capacity(16);
    for place in 0..state.scenario().events.len() {
        steps.push(step(state, Action::Deliver(place), |next| next.deliver(place, rules)));
    }
    for (place, worker) in state.workers.iter().enumerate() {
        match worker {
            Some(worker) => work(state, place, worker, rules, &mut steps),
            // Of two that are idle it makes no difference which.
            None if state.workers[..place].contains(&None) => {}
            None => {
                for person in Person::ALL.into_iter().filter(|who| state.is_due(*who, rules)) {
                    let take = |next: &mut State| take_lease(next, place, person, rules);
                    steps.push(step(state, Action::TakeLease(place, person), take));
                }
            }
        }
    }
    if let Some(InFlight { call, .. }) = state.in_flight {
        steps.push(step(state, Action::LateEffect(call), |next| {
            let fresh = next.fresh_id();
            next.in_flight = None;
            next.connect.apply(call, fresh);
        }));
    }
    for (id, _) in state.connect.users().filter(|(_, user)| user.power && !user.session) {
        steps.push(step(state, Action::SignIn(id), |next| next.connect.sign_in(id)));
    }
    if is_time_awaited(state) {
        steps.push(step(state, Action::Tick, tick));
    }
    steps
}

fn step(state: &State, action: Action, take: impl FnOnce(&mut State)) -> (Action, State) {
    let mut next = *state;
    take(&mut next);
    (action, next)
}

/// The steps of one worker.
fn work(
    state: &State,
    place: usize,
    worker: &Worker,
    rules: Rules,
    steps: &mut Vec<(Action, State)>,
) {
    match worker.next(state.is_name_free(worker.person, rules), rules) {
        Next::Call(call) => {
            for fate in fates(state, call) {
                let send = |next: &mut State| send(next, place, call, fate, rules);
                steps.push(step(state, Action::Call(place, call, fate), send));
            }
        }
        Next::Write(write) => {
            let store = |next: &mut State| store(next, place, write, rules);
            steps.push(step(state, Action::Write(place, write), store));
        }
    }
    if state.faults.losses > 0 {
        steps.push(step(state, Action::CutOff(place), |next| {
            next.faults.losses -= 1;
            next.workers[place] = None;
        }));
    }
}

/// What may become of a call now.
fn fates(state: &State, call: Call) -> impl Iterator<Item = Fate> {
    let faults = state.faults;
    let is_shown = |id| state.connect.user(id).is_some_and(|user| user.exists);
    let may_be_missed = match call {
        Call::Describe(id) => is_shown(id),
        Call::Find(name) => state.connect.named(name).is_some(),
        _ => false,
    };
    let may_be_lost = faults.losses > 0 && !call.is_read();
    [
        (Fate::Answered, true),
        (Fate::WronglyNotFound, faults.not_found > 0 && may_be_missed),
        (Fate::Throttled, faults.throttles > 0),
        (Fate::Lost, may_be_lost),
        (Fate::CutOff, may_be_lost),
    ]
    .into_iter()
    .filter_map(|(fate, may_be)| may_be.then_some(fate))
}

fn take_lease(next: &mut State, place: usize, person: Person, rules: Rules) {
    let gives_up_name = next.gives_up_name(person, rules);
    let record = &mut next.records[person.index()];
    if rules.has(Rule::Lease) {
        record.lease = if rules.has(Rule::LongLease) { LEASE } else { QUIET };
    }
    record.begin_work(gives_up_name, rules);
    next.workers[place] = Some(Worker::new(person, *record, gives_up_name));
    next.rounds += 1;
    next.note_write(person, Some(place));
    if rules.has(Rule::Lease) {
        for (other, worker) in next.workers.iter_mut().enumerate() {
            if let Some(worker) = worker.as_mut().filter(|worker| worker.person == person)
                && other != place
            {
                worker.is_fenced = true;
            }
        }
    }
}

fn send(next: &mut State, place: usize, call: Call, fate: Fate, rules: Rules) {
    let fresh = next.fresh_id();
    let Some(worker) = &mut next.workers[place] else { return };
    worker.sends(call);
    match fate {
        Fate::Answered => worker.learn(call, next.connect.apply(call, fresh), rules),
        Fate::WronglyNotFound => {
            next.faults.not_found -= 1;
            worker.learn(call, Answer::NotFound, rules);
        }
        Fate::Throttled => {
            next.faults.throttles -= 1;
            worker.is_throttled(call, rules);
        }
        Fate::Lost => {
            next.faults.losses -= 1;
            next.in_flight = Some(InFlight { call, ticks: QUIET });
            worker.is_of_unknown_fate();
        }
        // Sent before the next tick, given up by nobody.
        Fate::CutOff => {
            next.faults.losses -= 1;
            next.in_flight = Some(InFlight { call, ticks: 1 + QUIET });
            next.workers[place] = None;
        }
    }
}

/// Writes a worker's record, on condition of the version. If somebody wrote meanwhile, what is known
/// of Connect is carried over into what they wrote, and the worker goes round again.
fn store(next: &mut State, place: usize, write: Write, rules: Rules) {
    let Some(mut worker) = next.workers[place] else { return };
    let person = worker.person;
    let written = worker.written(write, QUIET, rules);
    let gives_up_name = next.gives_up_name(person, rules);
    let record = &mut next.records[person.index()];
    next.workers[place] = if !worker.is_stale || !rules.has(Rule::VersionCheck) {
        if worker.is_stale && worker.is_fenced {
            next.workers[place] = None;
            return;
        }
        *record = written;
        worker.go_on(written);
        (write == Write::ClaimName).then_some(worker)
    } else if worker.is_fenced && rules.has(Rule::Fence) {
        // Who has the lease now has observed Connect since, and knows better.
        next.workers[place] = None;
        return;
    } else {
        if rules.has(Rule::CarryOver) {
            record.status = written.status;
        }
        record.begin_work(gives_up_name, rules);
        let waits = record.is_quiet() && rules.has(Rule::QuietRound);
        if write == Write::Fail {
            (record.lease, record.quiet) = (written.lease, written.quiet);
        } else if worker.is_late || waits {
            record.lease = 0;
        }
        worker.begin_round(*record, gives_up_name);
        (write != Write::Fail && !worker.is_late && !waits).then_some(worker)
    };
    next.note_write(person, Some(place));
}

/// True if something happens by the clock. A worker at work comes to its end before, unless it stands
/// still.
fn is_time_awaited(state: &State) -> bool {
    let is_awaited = state.in_flight.is_some()
        || state.records.iter().any(|record| record.lease.max(record.quiet) > 0);
    let is_at_work = state.workers.iter().flatten().any(|worker| !worker.is_late);
    is_awaited && (!is_at_work || state.faults.pauses > 0)
}

fn tick(next: &mut State) {
    for record in &mut next.records {
        record.lease = record.lease.saturating_sub(1);
        record.quiet = record.quiet.saturating_sub(1);
    }
    // Who has sent a call gives it up by the end of the time for calls, which is now; its effect may
    // come for the quiet time from then on.
    let is_just_given_up = next.workers.iter().flatten().any(Worker::waits_for_an_answer);
    for worker in next.workers.iter_mut().flatten().filter(|worker| !worker.is_late) {
        worker.is_late = true;
        next.faults.pauses = 0;
    }
    if let Some(sent) = next.in_flight.as_mut().filter(|_| !is_just_given_up) {
        sent.ticks -= 1;
        if sent.ticks == 0 {
            next.in_flight = None;
        }
    }
}
