//! What each statement moves, and that neither order nor repeats matter.

use proptest::prelude::*;

use super::*;

fn at(seconds: u64) -> SystemTime {
    let start = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(1_800_000_000)).unwrap();
    // No full second, which would be a coarse resolution.
    start
        .checked_add(Duration::from_secs(seconds))
        .unwrap()
        .checked_add(Duration::from_nanos(1))
        .unwrap()
}

fn group(id: &str) -> Reason {
    Reason::Group(id.to_owned())
}

/// What is heard at second 1000 of what `source` says of that second.
fn hear(access: &mut Access, source: &str, time: u64, statement: &AccessStatement) -> Heard {
    access.hear(statement, Said { time: at(time), now: at(1000), source })
}

/// Whether the person works after one source said all that in this order.
fn works(said: &[(u64, AccessStatement)]) -> bool {
    let mut access = Access::unsaid();
    for (time, statement) in said {
        hear(&mut access, "okta", *time, statement);
    }
    access.desired_state() == DesiredState::Active
}

use AccessStatement::{Activated, Deprovisioned, Disabled, Enabled, Granted, Removed, Revoked};

#[test]
fn a_flag_alone_lets_nobody_in_and_a_reason_alone_neither() {
    assert!(!works(&[(1, Enabled)]));
    assert!(works(&[(1, Activated)]));
    assert!(works(&[(1, Granted(group("g")))]));
    assert!(!works(&[(1, Granted(group("g"))), (2, Disabled)]));
    assert!(works(&[(1, Granted(group("g"))), (2, Disabled), (3, Enabled)]));
}

#[test]
fn who_leaves_one_of_two_groups_works_on_and_who_leaves_the_last_leaves() {
    let both = [(1, Activated), (2, Granted(group("g"))), (3, Granted(group("h")))];
    let after = |more: &[(u64, AccessStatement)]| works(&[&both, more].concat());
    assert!(after(&[(4, Revoked(group("g")))]));
    assert!(!after(&[(4, Revoked(group("g"))), (5, Revoked(group("h")))]));
    let left = [(4, Revoked(group("g"))), (5, Revoked(group("h")))];
    let later = |more: &[(u64, AccessStatement)]| after(&[&left, more].concat());
    assert!(!later(&[(6, Disabled), (7, Enabled)]), "an unsuspend undoes no removal");
    assert!(!later(&[(3, Granted(group("h")))]), "a late add");
    assert!(!later(&[(4, Activated)]), "activated before the last removal");
    assert!(later(&[(6, Activated)]) && later(&[(6, Granted(group("g")))]));
    assert!(after(&[(4, Deprovisioned(group("g")))]), "in one application of two");
    let mut access = Access::unsaid();
    for (time, statement) in [(1, Granted(group("g"))), (2, Deprovisioned(group("g")))] {
        hear(&mut access, "okta", time, &statement);
    }
    assert_eq!(access.desired_state(), DesiredState::Deleted, "of the last");
}

#[test]
fn what_is_removed_from_a_group_that_nobody_told_of_leaves_it_all_the_same() {
    assert!(!works(&[(1, Activated), (2, Revoked(group("g")))]));
    assert!(!works(&[(2, Revoked(group("g"))), (1, Activated)]));
    assert!(works(&[(2, Revoked(group("g"))), (1, Granted(group("h")))]));
}

#[test]
fn a_tie_goes_to_the_farewell_also_at_the_coarser_resolution() {
    for order in [[(5, Activated), (5, Disabled)], [(5, Disabled), (5, Activated)]] {
        assert!(!works(&order));
    }
    let second = at(5).checked_sub(Duration::from_nanos(1)).unwrap();
    let later = second.checked_add(Duration::from_millis(700)).unwrap();
    let said = |time| Said { time, now: at(1000), source: "okta" };
    let mut access = Access::unsaid();
    access.hear(&Activated, said(later));
    assert_eq!(access.hear(&Disabled, said(second)), Heard::Taken, "the second is the same");
    assert_eq!(access.desired_state(), DesiredState::Inactive);
    assert_eq!(access.hear(&Activated, said(later)), Heard::Older, "and its repeat");
}

#[test]
fn a_time_ahead_is_now_and_what_two_clocks_leave_in_doubt_goes_to_the_farewell() {
    let said = |source, time, now| Said { time: at(time), now: at(now), source };
    // A clock that is 290 s ahead, and one that is right.
    let mut access = Access::unsaid();
    access.hear(&Activated, said("fast", 1290, 1000));
    assert_eq!(access.lifecycle_time, at(1000));
    assert_eq!(access.hear(&Disabled, said("right", 1005, 1006)), Heard::Taken);
    assert_eq!(access.desired_state(), DesiredState::Inactive);
    // The welcome is held back: it may have happened before.
    assert_eq!(access.hear(&Activated, said("fast", 1290, 1100)), Heard::Older);
    assert_eq!(access.hear(&Activated, said("right", 1007, 1100)), Heard::Taken, "its own order");

    // The farewell is held back, and within the tolerance of what another clock said.
    let mut access = Access::unsaid();
    access.hear(&Activated, said("one", 500, 1000));
    assert_eq!(access.hear(&Disabled, said("other", 199, 1000)), Heard::Older, "301 s");
    assert_eq!(access.hear(&Disabled, said("one", 499, 1000)), Heard::Older, "one clock");
    let mut access = Access::unsaid();
    access.hear(&Activated, said("one", 500, 1000));
    assert_eq!(access.hear(&Disabled, said("other", 200, 1000)), Heard::Taken, "300 s");
    assert_eq!(access.hear(&Activated, said("one", 500, 1000)), Heard::Older, "a repeat");
    assert_eq!(access.hear(&Activated, said("one", 501, 1000)), Heard::Taken);
    assert_eq!(access.hear(&Disabled, said("other", 200, 1000)), Heard::Older, "weighed before");
    assert_eq!(access.desired_state(), DesiredState::Active);
    // The same of a removal from the last group.
    access.hear(&Revoked(group("g")), said("other", 400, 1000));
    assert_eq!(access.desired_state(), DesiredState::Inactive);
}

#[test]
fn our_clock_may_have_been_set_back() {
    let mut access = Access::unsaid();
    hear(&mut access, "okta", 900, &Activated);
    let said = Said { time: at(100), now: at(100), source: "hr" };
    assert_eq!(access.hear(&Disabled, said), Heard::Taken);
    assert_eq!(access.desired_state(), DesiredState::Inactive);
}

#[test]
fn who_was_carried_over_leaves_by_any_farewell() {
    for farewell in [Disabled, Removed, Revoked(group("g"))] {
        for time in [1, 50] {
            let mut access = Access::carried_over(DesiredState::Active, at(20));
            assert_eq!(hear(&mut access, "okta", time, &farewell), Heard::Taken);
            assert_ne!(access.desired_state(), DesiredState::Active, "{farewell:?} {time}");
        }
    }
    let mut access = Access::carried_over(DesiredState::Active, at(20));
    for (time, statement) in [(30, Disabled), (40, Enabled)] {
        hear(&mut access, "okta", time, &statement);
    }
    assert_eq!(access.desired_state(), DesiredState::Active, "a leave of absence");
}

#[test]
fn a_doubtful_farewell_suspends_and_deletes_nobody() {
    let said = |time| Said { time: at(time), now: at(1000), source: "okta" };
    let mut access = Access::unsaid();
    access.hear(&Activated, said(1));
    assert_eq!(access.hear_in_doubt(said(2)), Heard::Taken);
    assert_eq!((access.desired_state(), access.is_doubtful), (DesiredState::Inactive, true));
    let mut settled = access.clone();
    settled.hear(&Disabled, said(3));
    assert!(!settled.is_doubtful);
    access.hear(&Enabled, said(3));
    assert_eq!((access.desired_state(), access.is_doubtful), (DesiredState::Active, false));
}

fn statement() -> impl Strategy<Value = AccessStatement> {
    let reason =
        prop_oneof![Just(group("g")), Just(group("h")), Just(Reason::Application("a".into()))];
    prop_oneof![
        Just(Activated),
        Just(Enabled),
        Just(Disabled),
        reason.clone().prop_map(Granted),
        reason.prop_map(Revoked),
    ]
}

/// Whether the person works, from the list of all statements alone: those of a part in the order of
/// their times, a farewell last of those of one time.
fn oracle(said: &[(u64, AccessStatement)]) -> bool {
    let newest = |welcome: &dyn Fn(&AccessStatement) -> bool,
                  farewell: &dyn Fn(&AccessStatement) -> bool| {
        let last = |is: &dyn Fn(&AccessStatement) -> bool| {
            said.iter().filter(|(_, statement)| is(statement)).map(|(time, _)| *time).max()
        };
        (last(welcome), last(farewell))
    };
    let (enabled, disabled) =
        newest(&|one| matches!(one, Enabled | Activated), &|one| *one == Disabled);
    let is_enabled = disabled.is_none() || enabled > disabled;
    let reasons = [group("g"), group("h"), Reason::Application("a".into())];
    let memberships: Vec<_> = reasons
        .into_iter()
        .map(|reason| {
            newest(&|one| *one == Granted(reason.clone()), &|one| *one == Revoked(reason.clone()))
        })
        .collect();
    let is_member =
        memberships.iter().any(|(granted, revoked)| granted.is_some() && granted > revoked);
    let left = memberships.iter().filter_map(|(_, revoked)| *revoked).max();
    let (activated, _) = newest(&|one| *one == Activated, &|_| false);
    is_enabled && (is_member || (activated.is_some() && activated > left))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn neither_order_nor_repeats_matter(
        said in prop::collection::vec((1_u64..12, statement()), 1..8),
        orders in prop::collection::vec(any::<prop::sample::Index>(), 16),
    ) {
        let expected = oracle(&said);
        // Each is delivered at least once, in an order of its own.
        let again = orders.iter().map(|order| order.get(&said).clone());
        let mut delivered: Vec<_> = again.chain(said.iter().cloned()).collect();
        prop_assert_eq!(works(&delivered), expected);
        delivered.reverse();
        prop_assert_eq!(works(&delivered), expected);
    }
}

#[test]
fn one_clock_puts_its_own_statements_in_order_however_far_it_is_ahead() {
    let said = |time, now| Said { time: at(time), now: at(now), source: "hr" };
    let mut access = Access::unsaid();
    access.hear(&Activated, said(200, 0));
    access.hear(&Disabled, said(260, 60));
    assert_eq!(access.desired_state(), DesiredState::Inactive);
    assert_eq!(access.hear(&Activated, said(200, 65)), Heard::Older, "a repeat");
    assert_eq!(access.hear(&Activated, said(200, 500)), Heard::Older, "a late one");
    let mut access = Access::unsaid();
    access.hear(&Disabled, said(200, 0));
    access.hear(&Activated, said(260, 60));
    assert_eq!(access.hear(&Disabled, said(200, 300)), Heard::Older, "a repeat");
    assert_eq!(access.desired_state(), DesiredState::Active);
}

/// `hr` is six hundred seconds ahead: it deactivated somebody after it had activated them, and is heard in
/// the other order, with a suspension by another sender in between.
#[test]
fn another_senders_farewell_does_not_undo_the_order_of_ones_own() {
    let mut access = Access::unsaid();
    let heard = |now: u64, time: u64, source| Said { time: at(time), now: at(now), source };
    access.hear(&Granted(group("g")), heard(900, 900, "okta"));
    access.hear(&Disabled, heard(1000, 1600, "hr"));
    access.hear(&Disabled, heard(1150, 1150, "okta"));
    assert_eq!(access.hear(&Activated, heard(1590, 1590, "hr")), Heard::Older);
    assert_eq!(access.desired_state(), DesiredState::Inactive);
    access.hear(&Activated, heard(1700, 1700, "hr"));
    assert_eq!(access.desired_state(), DesiredState::Active, "one that is newer");
}

#[test]
fn a_farewell_is_weighed_once_for_each_part_and_sender() {
    let said = |source, time| Said { time: at(time), now: at(1000), source };
    // Another sender's first farewell, by a slow clock.
    let mut access = Access::unsaid();
    access.set(DesiredState::Active, at(500), Some("scim/v2"));
    access.set(DesiredState::Inactive, at(600), Some("scim/v2"));
    access.set(DesiredState::Active, at(630), Some("scim/v2"));
    assert_eq!(access.hear(&Disabled, said("hr", 540)), Heard::Taken);
    assert_eq!(access.desired_state(), DesiredState::Inactive);
    // And its own welcome after that.
    assert_eq!(access.hear(&Activated, said("hr", 550)), Heard::Taken);
    assert_eq!(access.desired_state(), DesiredState::Active);
    // Two removals in either order.
    for order in [[590, 600], [600, 590]] {
        let mut access = Access::unsaid();
        access.hear(&Granted(group("g")), said("okta", 1));
        access.hear(&Granted(group("h")), said("okta", 2));
        access.set(DesiredState::Active, at(660), Some("scim/v2"));
        for time in order {
            let group = if time == 600 { group("g") } else { group("h") };
            access.hear(&Revoked(group), said("okta", time));
        }
        assert_eq!(access.desired_state(), DesiredState::Inactive, "{order:?}");
    }
}

#[test]
fn what_was_said_before_somebody_was_let_in_again_removes_nobody() {
    let mut access = Access::unsaid();
    for (time, statement) in [(30, Activated), (60, Disabled)] {
        hear(&mut access, "hr", time, &statement);
    }
    assert_eq!(hear(&mut access, "hr", 20, &Removed), Heard::Older);
    assert_eq!(access.desired_state(), DesiredState::Inactive);
    assert_eq!(hear(&mut access, "hr", 50, &Removed), Heard::Taken, "the graver of two");
    // Nor what was said of a person of the same names who was removed before.
    let mut access = Access { floor: Some(at(100)), ..Access::unsaid() };
    assert_eq!(hear(&mut access, "okta", 90, &Granted(group("g"))), Heard::Older);
    assert_eq!(hear(&mut access, "okta", 110, &Granted(group("h"))), Heard::Taken);
    assert_eq!(hear(&mut access, "okta", 95, &Disabled), Heard::Older);
    assert_eq!(access.desired_state(), DesiredState::Active);
}

#[test]
fn who_was_carried_over_shut_out_comes_back() {
    for back in [Enabled, Activated, Granted(group("g"))] {
        let mut access = Access::carried_over(DesiredState::Inactive, at(20));
        hear(&mut access, "okta", 10, &back);
        assert_eq!(access.desired_state(), DesiredState::Inactive, "{back:?} of before");
        assert_eq!(hear(&mut access, "okta", 30, &back), Heard::Taken);
        assert_eq!(access.desired_state(), DesiredState::Active, "{back:?}");
    }
}
