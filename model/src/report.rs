//! Counterexamples as text.

use std::fmt;

use crate::explore::Counterexample;
use crate::scenario::Person;
use crate::state::State;
use crate::transition::{Action, Fate};
use crate::worker::Write;

impl fmt::Display for Counterexample {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "   {}", self.first.scenario().title)?;
        writeln!(formatter, "    0. {}", Holdings(&self.first))?;
        let mut before = &self.first;
        for (place, (action, state)) in self.steps.iter().enumerate() {
            writeln!(formatter, "   {:2}. {}", place + 1, Told { action, before })?;
            before = state;
        }
        writeln!(formatter, "   At the end: {}", Holdings(before))
    }
}

/// A step, told from the state before it.
struct Told<'a> {
    action: &'a Action,
    before: &'a State,
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = |place: usize| {
            let person = self.before.workers[place].map(|worker| worker.person);
            person.map_or_else(String::new, |person| format!("worker {}, {person}", place + 1))
        };
        match self.action {
            Action::Deliver(place) => {
                write!(formatter, "event {}", self.before.scenario().events[*place])
            }
            Action::TakeLease(place, person) => {
                write!(formatter, "worker {} takes up the record of {person}", place + 1)
            }
            Action::Call(place, call, fate) => {
                let fate = match fate {
                    Fate::Answered => "",
                    Fate::WronglyNotFound => ": not found, though it is there",
                    Fate::Throttled => ": throttled",
                    Fate::Lost => ": no answer; the effect may come late",
                    Fate::CutOff => ": cut off; the effect may come late",
                };
                write!(formatter, "{}: {call}{fate}", who(*place))
            }
            Action::Write(place, write) => {
                let write = match write {
                    Write::ClaimName => "has the username now",
                    Write::GiveUpName => "gives the username up",
                    Write::Settle => "settles",
                    Write::Fail => "stays pending",
                };
                let (stale, fenced) = self.before.workers[*place]
                    .map_or((false, false), |worker| (worker.is_stale, worker.is_fenced));
                let overtaken = match (stale, fenced) {
                    (false, _) => "",
                    (true, false) => ", but the record was written meanwhile",
                    (true, true) => ", but another has the lease meanwhile",
                };
                write!(formatter, "{} {write}{overtaken}", who(*place))
            }
            Action::CutOff(place) => write!(formatter, "{} is cut off", who(*place)),
            Action::LateEffect(call) => write!(formatter, "late effect: {call}"),
            Action::SignIn(id) => write!(formatter, "somebody signs in as {id}"),
            Action::Tick => write!(formatter, "time goes by"),
        }
    }
}

/// What Connect holds, and the roster.
struct Holdings<'a>(&'a State);

impl fmt::Display for Holdings<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(state) = self;
        write!(formatter, "Connect:")?;
        for (id, user) in state.connect.users() {
            write!(formatter, " {id} {} of {}", user.name, user.owner)?;
            let told =
                [(user.power, "power"), (user.session, "session"), (!user.exists, "deleted")];
            let told: Vec<_> = told.iter().filter_map(|(is, word)| is.then_some(*word)).collect();
            write!(formatter, " ({});", told.join(", "))?;
        }
        write!(formatter, " roster:")?;
        for person in Person::ALL {
            let record = &state.records[person.index()];
            write!(formatter, " {person} {:?}", record.desired())?;
            if let Some(name) = record.spec.name {
                write!(formatter, " as {name}")?;
            }
            if let Some(name) = record.spec.awaited {
                write!(formatter, ", waits for {name}")?;
            }
            write!(formatter, ", {:?};", record.phase)?;
        }
        Ok(())
    }
}
