//! How fast Amazon Connect is called where nobody waits for the answer.
//!
//! Connect's quota is for each operation, account and Region ("Amazon Connect service quotas"), and
//! others draw on it too: whoever is throttled goes slower, and faster again little by little.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::deadline::Deadline;

/// Calls that may be saved up.
const BURST: f64 = 5.0;

/// What is left of the rate after a throttle, and what it gains by a call that was let in.
const SLOWER: f64 = 0.5;
const FASTER: f64 = 1.25;

/// No slower than this share of the rate.
const SLOWEST: f64 = 0.25;

/// One token bucket for each operation.
#[derive(Debug)]
pub struct Pace {
    /// Calls a second.
    rate: f64,
    buckets: Mutex<BTreeMap<&'static str, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    filled: Instant,
    /// The share of the rate that is used.
    share: f64,
}

impl Pace {
    /// So many calls a second of each operation. One call may be made at once; what Connect would
    /// let in of a burst is not known here, since others may have had it.
    #[must_use]
    pub fn new(rate: f64) -> Self {
        Self { rate, buckets: Mutex::default() }
    }

    /// Waits for the turn of a call, if it comes early enough for the call itself.
    pub(super) async fn wait(&self, operation: &'static str, deadline: Deadline) -> bool {
        let wait = self.take(operation);
        let in_time = deadline.allows_a_call_after(wait);
        if in_time {
            sleep(wait).await;
        } else {
            self.change(operation, |bucket| bucket.tokens += 1.0);
        }
        in_time
    }

    /// Notes that Connect took a call.
    pub(super) fn faster(&self, operation: &'static str) {
        self.change(operation, |bucket| bucket.share = (bucket.share * FASTER).min(1.0));
    }

    /// Notes that Connect throttled a call.
    pub(super) fn slower(&self, operation: &'static str) {
        self.change(operation, |bucket| {
            bucket.share = (bucket.share * SLOWER).max(SLOWEST);
            bucket.tokens = bucket.tokens.min(0.0);
        });
    }

    /// Takes a token, or one of the future's, and says how long until it is there.
    fn take(&self, operation: &'static str) -> Duration {
        self.change(operation, |bucket| {
            bucket.tokens -= 1.0;
            let rate = self.rate * bucket.share;
            Duration::try_from_secs_f64((-bucket.tokens / rate).max(0.0)).unwrap_or_default()
        })
    }

    fn change<T>(&self, operation: &'static str, change: impl FnOnce(&mut Bucket) -> T) -> T {
        let now = Instant::now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = Bucket { tokens: 1.0, filled: now, share: 1.0 };
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
        let pace = Pace::new(2.0);
        let deadline = Deadline::after(Duration::from_secs(60));
        let start = Instant::now();
        let mut turns = Vec::new();
        for call in 0..5 {
            if call == 3 {
                pace.slower("CreateUser");
            }
            assert!(pace.wait("CreateUser", deadline).await);
            turns.push(start.elapsed().as_millis());
        }
        assert_eq!(turns, [0, 500, 1000, 2000, 3000]);
        assert!(pace.wait("ListUsers", deadline).await, "another operation has its own bucket");
        assert_eq!(start.elapsed().as_millis(), 3000);
        pace.faster("CreateUser");
        pace.faster("CreateUser");
        sleep(Duration::from_secs(10)).await;
        let rested = Instant::now();
        for _ in 0..6 {
            assert!(pace.wait("CreateUser", deadline).await);
        }
        let waited = rested.elapsed().as_millis();
        assert!((600..700).contains(&waited), "{waited}: five were saved up");
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_comes_too_late_is_not_waited_for() {
        let pace = Pace::new(2.0);
        let deadline = Deadline::after(Duration::from_millis(550));
        assert!(pace.wait("CreateUser", deadline).await);
        assert!(!pace.wait("CreateUser", deadline).await);
    }
}
