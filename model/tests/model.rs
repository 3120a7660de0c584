//! The whole protocol keeps every promise, and a search finds what each rule is for.

use connect_provisioner_model::explore::{Search, search};
use connect_provisioner_model::promise::Promise;
use connect_provisioner_model::rules::{Rule, Rules};
use connect_provisioner_model::state::{Faults, State};

const NOTHING: Faults = Faults { losses: 0, not_found: 0, throttles: 0, pauses: 0 };

const ANYTHING: Faults = Faults { losses: 1, not_found: 1, throttles: 1, pauses: 1 };

fn without(rule: Rule, faults: Faults) -> Search {
    let beginnings: Vec<_> = State::beginnings(faults).collect();
    search(&beginnings, Rules::without(rule), &[rule.keeps()])
}

/// How many steps its smallest counterexample has.
fn steps_without(rule: Rule, faults: Faults) -> Option<usize> {
    without(rule, faults).counterexample.map(|found| found.steps.len())
}

#[test]
fn the_whole_protocol_keeps_every_promise_whatever_goes_wrong_once() {
    let faults = [
        Faults { losses: 1, ..NOTHING },
        Faults { not_found: 1, throttles: 1, ..NOTHING },
        Faults { pauses: 1, ..NOTHING },
    ];
    for faults in faults {
        let beginnings: Vec<_> = State::beginnings(faults).collect();
        let whole = search(&beginnings, Rules::WHOLE, &Promise::ALL);

        assert_eq!(whole.counterexample.map(|found| found.to_string()), None);
        assert!(whole.states > 10_000, "{} states", whole.states);
        assert!(whole.at_rest > 50, "{} states at rest", whole.at_rest);
    }
}

/// The lengths of the smallest counterexamples, as `docs/model.md` has them.
const SMALLEST: [(Rule, usize); 16] = [
    (Rule::SeparateTimes, 5),
    (Rule::Reasons, 5),
    (Rule::VersionCheck, 4),
    (Rule::Lease, 9),
    (Rule::LongLease, 12),
    (Rule::CallsEarly, 13),
    (Rule::Fence, 13),
    (Rule::QuietTime, 12),
    (Rule::CandidateFirst, 9),
    (Rule::NotYet, 10),
    (Rule::EvidenceByName, 4),
    (Rule::KeepIds, 7),
    (Rule::PowerFirst, 7),
    (Rule::SessionsOwed, 6),
    (Rule::NamesWait, 2),
    (Rule::BreakCycles, 8),
];

#[test]
fn every_rule_that_is_taken_out_is_missed() {
    assert_eq!(SMALLEST.map(|(rule, _)| rule), Rule::NEEDED);
    for (rule, steps) in SMALLEST {
        assert_eq!(steps_without(rule, ANYTHING), Some(steps), "{rule}");
    }
}

#[test]
fn what_the_order_of_events_alone_breaks_needs_no_fault() {
    assert_eq!(steps_without(Rule::SeparateTimes, NOTHING), Some(5));
    assert_eq!(steps_without(Rule::Reasons, NOTHING), Some(5));
    assert_eq!(steps_without(Rule::VersionCheck, NOTHING), Some(4));
    assert_eq!(steps_without(Rule::NamesWait, NOTHING), Some(2));
    assert_eq!(steps_without(Rule::BreakCycles, NOTHING), Some(8));
}

#[test]
fn what_is_meant_for_a_fault_does_not_matter_without_it() {
    let without_loss = Faults { throttles: 1, pauses: 1, ..NOTHING };
    let without_not_found = Faults { pauses: 1, ..NOTHING };
    let without_throttle = Faults { not_found: 1, ..NOTHING };

    assert_eq!(steps_without(Rule::QuietTime, without_loss), None);
    assert_eq!(steps_without(Rule::EvidenceByName, without_not_found), None);
    assert_eq!(steps_without(Rule::SessionsOwed, without_throttle), None);
}

#[test]
fn a_counterexample_is_told_step_by_step() {
    let found = without(Rule::EvidenceByName, ANYTHING).counterexample.expect("a counterexample");

    let told = "   somebody leaves the group, is suspended, and is suspended no more
    0. Connect: u1 x of Ann (power, session); roster: Ann Active as x, Applied; Bob Inactive, Applied;
    1. event \"Ann left the group\" of 1 o'clock
    2. worker 1 takes up the record of Ann
    3. worker 1, Ann: DescribeUser u1: not found, though it is there
    4. worker 1, Ann settles
   At the end: Connect: u1 x of Ann (power, session); roster: Ann Inactive as x, Applied; Bob Inactive, Applied;
";
    assert_eq!(found.to_string(), told);
}
