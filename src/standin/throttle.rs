//! Time → may this call pass? One token bucket per operation.
//!
//! Connect's default for every user, profile and tag operation is 2 requests a second with a burst
//! of 5, each operation for itself ("Amazon Connect service quotas").

use std::collections::BTreeMap;
use std::time::SystemTime;

const PER_SECOND: f64 = 2.0;
const BURST: f64 = 5.0;

/// The buckets of all operations; a new one is full.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    buckets: BTreeMap<&'static str, Bucket>,
}

impl Throttle {
    /// Takes one token of `operation`, if there is one at `now`. A clock that runs backwards
    /// earns nothing.
    pub(super) fn admits(&mut self, operation: &'static str, now: SystemTime) -> bool {
        let bucket = self.buckets.entry(operation).or_insert(Bucket { tokens: BURST, filled: now });
        let earned = now.duration_since(bucket.filled).unwrap_or_default().as_secs_f64();
        bucket.tokens = BURST.min(bucket.tokens + earned * PER_SECOND);
        bucket.filled = now;
        let admitted = bucket.tokens >= 1.0;
        if admitted {
            bucket.tokens -= 1.0;
        }
        admitted
    }
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: SystemTime,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_of_five_then_two_a_second_for_each_operation() {
        let mut throttle = Throttle::default();
        let start = SystemTime::UNIX_EPOCH;
        let mut admitted = |operation, millis, calls| {
            let now = start + Duration::from_millis(millis);
            (0..calls).filter(|_| throttle.admits(operation, now)).count()
        };

        assert_eq!(admitted("CreateUser", 0, 9), 5);
        assert_eq!(admitted("ListUsers", 0, 9), 5, "another operation has its own bucket");
        assert_eq!(admitted("CreateUser", 499, 9), 0);
        assert_eq!(admitted("CreateUser", 500, 9), 1);
        assert_eq!(admitted("CreateUser", 60_000, 9), 5, "never more than the burst");
        assert_eq!(admitted("CreateUser", 0, 9), 0, "a clock that runs backwards earns nothing");
    }
}
