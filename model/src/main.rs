//! Searches the whole protocol, and then the protocol less each of its rules.

use std::process::ExitCode;
use std::time::Instant;

use connect_provisioner_model::explore::{Counterexample, search};
use connect_provisioner_model::promise::Promise;
use connect_provisioner_model::rules::{Rule, Rules};
use connect_provisioner_model::state::{Faults, State};

/// What may go wrong in one life: each once.
const FAULTS: Faults = Faults { losses: 1, not_found: 1, throttles: 1, pauses: 1 };

fn main() -> ExitCode {
    println!("The whole protocol:");
    let mut is_as_expected = all_kept(Rules::WHOLE);
    for promise in Promise::ALL {
        println!("   {promise}");
    }
    for rule in Rule::NEEDED {
        println!("\nWithout: {rule}");
        is_as_expected &= broken_without(rule);
    }
    for rule in Rule::SAVING {
        println!("\nWithout: {rule} (which saves calls, and keeps no promise)");
        is_as_expected &= all_kept(Rules::without(rule));
    }
    if is_as_expected { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Searches every scenario to its end; true if every promise is kept in all states.
fn all_kept(rules: Rules) -> bool {
    let begun = now();
    let (mut states, mut at_rest, mut depth, mut rounds) = (0, 0, 0, 0);
    for beginning in State::beginnings(FAULTS) {
        let found = search(&[beginning], rules, &Promise::ALL);
        println!(
            "{:10} states, depth {}: {}",
            found.states,
            found.depth,
            beginning.scenario().title
        );
        if let Some(counterexample) = found.counterexample {
            tell(&counterexample);
            return false;
        }
        states += found.states;
        at_rest += found.at_rest;
        depth = depth.max(found.depth);
        rounds = rounds.max(found.rounds);
    }
    println!("{states:10} states, depth {depth}, in {:.1} s", begun.elapsed().as_secs_f32());
    println!(
        "   Every promise is kept; {at_rest} states are at rest, after {rounds} leases at most."
    );
    true
}

/// Searches all scenarios for the smallest counterexample; true if there is one.
fn broken_without(rule: Rule) -> bool {
    let begun = now();
    let beginnings: Vec<_> = State::beginnings(FAULTS).collect();
    let found = search(&beginnings, Rules::without(rule), &[rule.keeps()]);
    println!("{:10} states, in {:.1} s", found.states, begun.elapsed().as_secs_f32());
    if let Some(counterexample) = &found.counterexample {
        tell(counterexample);
    } else {
        println!("   Every promise is kept.");
    }
    found.counterexample.is_some()
}

fn tell(counterexample: &Counterexample) {
    println!(
        "   Broken after {} steps: {}\n{counterexample}",
        counterexample.steps.len(),
        counterexample.promise
    );
}

#[expect(clippy::disallowed_methods, reason = "a program that says how long it took")]
fn now() -> Instant {
    Instant::now()
}
