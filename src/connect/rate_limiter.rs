//! Rate limiter for the drain: how fast Connect is called where nobody waits for the answer.
//!
//! Connect's quotas are per operation, account and Region ("Amazon Connect service quotas"), and
//! other programs draw on them. So there is a token bucket for each operation; a throttle halves
//! its rate, and each call that Connect lets in raises it again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::deadline::Deadline;

/// The most tokens that a bucket saves up.
const BURST: f64 = 5.0;

/// The factor of the rate after a throttle.
const SLOWER: f64 = 0.5;

/// Throttles within this time are one: what was saved up came at once, and others had used it.
const ONE_THROTTLE: Duration = Duration::from_secs(1);

/// The factor of the rate after a call that was let in, up to the full rate.
const FASTER: f64 = 1.5;

/// The least share of the rate: a drain that stood still would never learn that it may go on.
const SLOWEST: f64 = 0.25;

/// One token bucket for each operation. Its state is that of a process: a run of the drain begins with
/// what the one before left, so that no turn is lost between the two.
#[derive(Debug)]
pub struct RateLimiter {
    /// Calls a second for each operation, at most: `CONNECT_RATE`.
    rate: f64,
    buckets: Mutex<BTreeMap<&'static str, Bucket>>,
    /// How many farewells wait or are carried out. While there are any, every other call takes two
    /// tokens: half of each operation's rate is theirs.
    farewells: AtomicUsize,
    /// Whether a call's turn would have come too late in this run: of farewells, of others.
    late: [AtomicBool; 2],
}

/// A call's urgency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Somebody left.
    Farewell,
    /// Anything else.
    Ordinary,
}

/// The bucket of one operation.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// What is saved up; below zero as many calls are waiting.
    tokens: f64,
    /// When `tokens` was last brought up to date.
    filled: Instant,
    /// The share of the rate that is used, from [`SLOWEST`] to 1.
    share: f64,
    /// When it was last made slower.
    slowed: Option<Instant>,
}

impl RateLimiter {
    /// A limiter of `rate` calls a second for each operation. Buckets start with one token and not
    /// full: what Connect would let in of a burst is unknown here, since others may have used it
    /// up.
    #[must_use]
    pub fn new(rate: f64) -> Self {
        let late = [AtomicBool::new(false), AtomicBool::new(false)];
        Self { rate, buckets: Mutex::default(), farewells: AtomicUsize::new(0), late }
    }

    /// Waits for a permit; false, and at once, if it would come too late for the call to be made
    /// before the deadline.
    pub(super) async fn wait(
        &self,
        operation: &'static str,
        urgency: Urgency,
        deadline: Deadline,
    ) -> bool {
        let has_farewells = self.farewells.load(Ordering::Relaxed) > 0;
        let cost = if has_farewells && urgency == Urgency::Ordinary { 2.0 } else { 1.0 };
        let wait = self.take(operation, cost);
        let in_time = deadline.allows_a_call_after(wait);
        if in_time {
            sleep(wait).await;
        } else {
            // The token was taken and is not used: those who wait behind move up.
            self.change(operation, |bucket| bucket.tokens += cost);
            self.late_of(urgency).store(true, Ordering::Relaxed);
        }
        in_time
    }

    /// Begins a run: whose turn came too late in the one before is forgotten.
    pub fn begin_run(&self) {
        self.late.iter().for_each(|late| late.store(false, Ordering::Relaxed));
    }

    /// Whether a call of this urgency was turned away in this run, as its turn would have come too late.
    /// Whoever begins after that is turned away too.
    #[must_use]
    pub fn is_late(&self, urgency: Urgency) -> bool {
        self.late_of(urgency).load(Ordering::Relaxed)
    }

    const fn late_of(&self, urgency: Urgency) -> &AtomicBool {
        let [farewells, others] = &self.late;
        match urgency {
            Urgency::Farewell => farewells,
            Urgency::Ordinary => others,
        }
    }

    /// Says how many farewells wait or are carried out.
    pub fn set_farewells(&self, count: usize) {
        self.farewells.store(count, Ordering::Relaxed);
    }

    /// Connect let a call in: half as fast again, up to the full rate.
    pub(super) fn on_success(&self, operation: &'static str) {
        self.change(operation, |bucket| bucket.share = (bucket.share * FASTER).min(1.0));
    }

    /// Connect throttled a call: half as fast, and what was saved up is gone.
    pub(super) fn on_throttle(&self, operation: &'static str) {
        self.change(operation, |bucket| {
            if bucket.slowed.is_none_or(|slowed| slowed.elapsed() >= ONE_THROTTLE) {
                bucket.slowed = Some(Instant::now());
                bucket.share = (bucket.share * SLOWER).max(SLOWEST);
            }
            bucket.tokens = bucket.tokens.min(0.0);
        });
    }

    /// Takes a token, of the future if need be, and returns how long until it is there. So calls
    /// queue in the order in which they ask.
    fn take(&self, operation: &'static str, cost: f64) -> Duration {
        self.change(operation, |bucket| {
            bucket.tokens -= cost;
            let rate = self.rate * bucket.share;
            Duration::try_from_secs_f64((-bucket.tokens / rate).max(0.0)).unwrap_or_default()
        })
    }

    /// Refills an operation's bucket by the time that went by, and changes it under the lock.
    fn change<T>(&self, operation: &'static str, change: impl FnOnce(&mut Bucket) -> T) -> T {
        let now = Instant::now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = Bucket { tokens: 1.0, filled: now, share: 1.0, slowed: None };
        let bucket = buckets.entry(operation).or_insert(fresh);
        let earned = now.saturating_duration_since(bucket.filled).as_secs_f64();
        bucket.tokens = BURST.min(bucket.tokens + earned * self.rate * bucket.share);
        bucket.filled = now;
        change(bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_come_at_the_rate_and_slower_after_a_throttle() {
        let rate_limiter = RateLimiter::new(2.0);
        let deadline = Deadline::after(Duration::from_secs(60));
        let start = Instant::now();
        let mut turns = Vec::new();
        for call in 0..5 {
            if call == 3 {
                rate_limiter.on_throttle("CreateUser");
            }
            assert!(rate_limiter.wait("CreateUser", Urgency::Ordinary, deadline).await);
            turns.push(start.elapsed().as_millis());
        }
        assert_eq!(turns, [0, 500, 1000, 2000, 3000]);
        assert!(
            rate_limiter.wait("ListUsers", Urgency::Ordinary, deadline).await,
            "another operation has its own bucket"
        );
        assert_eq!(start.elapsed().as_millis(), 3000);
        rate_limiter.on_success("CreateUser");
        rate_limiter.on_success("CreateUser");
        sleep(Duration::from_secs(10)).await;
        let rested = Instant::now();
        for _ in 0..6 {
            assert!(rate_limiter.wait("CreateUser", Urgency::Ordinary, deadline).await);
        }
        let waited = rested.elapsed().as_millis();
        assert!((500..510).contains(&waited), "{waited}: five were saved up");
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_comes_too_late_is_not_waited_for() {
        let rate_limiter = RateLimiter::new(2.0);
        let deadline = Deadline::after(Duration::from_millis(550));
        assert!(rate_limiter.wait("CreateUser", Urgency::Ordinary, deadline).await);
        assert!(!rate_limiter.wait("CreateUser", Urgency::Ordinary, deadline).await);
    }

    #[tokio::test(start_paused = true)]
    async fn while_a_farewell_waits_others_have_half_of_the_rate() {
        let rate_limiter = RateLimiter::new(2.0);
        let deadline = Deadline::after(Duration::from_secs(60));
        let start = Instant::now();
        rate_limiter.set_farewells(1);
        for _ in 0..4 {
            assert!(rate_limiter.wait("DescribeUser", Urgency::Ordinary, deadline).await);
        }
        assert_eq!(start.elapsed().as_millis(), 3500, "one was there, and each takes two");
        for _ in 0..4 {
            assert!(rate_limiter.wait("DescribeUser", Urgency::Farewell, deadline).await);
        }
        assert_eq!(start.elapsed().as_millis(), 5500);
        rate_limiter.set_farewells(0);
        for _ in 0..4 {
            assert!(rate_limiter.wait("DescribeUser", Urgency::Ordinary, deadline).await);
        }
        assert_eq!(start.elapsed().as_millis(), 7500);
    }
}
