//! What becomes of a record that there is no time for.

use std::time::SystemTime;

use super::digest::tests::configured;
use super::*;
use crate::lambda;
use crate::roster::memory::MemoryRoster;
use crate::roster::record::Phase;
use crate::scim::Person;

#[tokio::test]
async fn who_has_no_time_left_for_a_call_has_tried_nothing_and_is_due() {
    let (rules, policy) = configured(&[]);
    let roster = Arc::new(MemoryRoster::default());
    let connect = Connect::new(&lambda::loader("us-west-2").load().await, "instance");
    let kept = Arc::clone(&roster);
    let reconciler = Reconciler::new(kept, connect, rules, policy, Box::new(|| [7; 16]));
    let attributes = [("userName".to_owned(), "ana@example.com".into())];
    let person = Person::new(attributes.into_iter().collect());
    let now = SystemTime::UNIX_EPOCH.checked_add(Duration::from_hours(500_000)).unwrap();
    let record = UserRecord::new(reconciler.new_id(), person, DesiredState::Active, "o", now);
    roster.write(&record).await.unwrap().unwrap();
    let clock = Clock::set(now);
    let mut budget = Budget::new(clock, Deadline::after(Duration::ZERO));
    for _ in 0..3 {
        let Followed { reconciled, .. } =
            reconciler.reconcile(&record.id, &mut budget).await.unwrap();
        assert!(matches!(reconciled, Reconciled::Pending(None)), "{reconciled:?}");
        assert_eq!(budget.spent.count, 0);
    }
    let left = roster.load(&record.id).await.unwrap().unwrap();
    assert_eq!(
        (left.schedule.attempts, &left.schedule.waits_for, &left.schedule.phase),
        (0, &None, &Phase::Pending)
    );
    assert!(!left.is_leased(now) && left.schedule.due.is_some_and(|due| due <= clock.now()));
    assert_eq!(roster.backlog().await, Ok(None), "others need not wait for it");
}
