//! The time left in an invocation, and which calls it permits.

use std::time::{Duration, SystemTime};

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use tokio::time::Instant;

/// The longest time for one call. AWS publishes no figure; the effect of an abandoned call is found
/// by the next observation.
const LONGEST_CALL: Duration = Duration::from_secs(5);

/// The SDK's longest pause before the first retry.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// With less time left than this no call begins, since its answer could not be passed on.
const LEAST_TIME: Duration = Duration::from_millis(100);

/// The instant by which the answer must be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline after this time from now.
    #[must_use]
    pub fn after(time: Duration) -> Self {
        let now = Instant::now();
        Self(now.checked_add(time).unwrap_or(now))
    }

    /// A deadline earlier by this time.
    #[must_use]
    pub fn sooner_by(self, time: Duration) -> Self {
        Self(self.0.checked_sub(time).unwrap_or(self.0))
    }

    /// The time left; zero if the deadline has passed.
    #[must_use]
    pub fn time_left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// True if there is time to begin a call.
    #[must_use]
    pub fn allows_a_call(self) -> bool {
        self.allows_a_call_after(Duration::ZERO)
    }

    /// True if there is time to begin a call after a pause.
    #[must_use]
    pub fn allows_a_call_after(self, rest: Duration) -> bool {
        self.time_left() >= LEAST_TIME.saturating_add(rest)
    }

    /// The SDK's time-outs and retries for one call. Together they take less than the time left, so
    /// that the last error can be passed on instead of a time-out.
    #[must_use]
    pub fn limits(self) -> (TimeoutConfig, RetryConfig) {
        let time_left = self.time_left();
        // Fractions of the time left. Each pause is twice the one before.
        let (attempts, attempt, first_pause) = match time_left.as_secs() {
            0..2 => (1, 0.4, 0.0),
            2..4 => (2, 0.4, 0.18),
            4..8 => (3, 0.26, 0.06),
            _ => (4, 0.2, 0.025),
        };
        let attempt = LONGEST_CALL.min(time_left.mul_f32(attempt));
        let pause = LONGEST_PAUSE.min(time_left.mul_f32(first_pause));
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(attempt).build();
        let retries = RetryConfig::standard()
            .with_max_attempts(attempts)
            .with_initial_backoff(pause)
            .with_max_backoff(Duration::from_secs(2));
        (timeouts, retries)
    }
}

/// A clock that is set once, at the start of an invocation, and then runs monotonically.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    set: SystemTime,
    at: Instant,
}

impl Clock {
    /// A clock that shows `now` at this moment.
    #[must_use]
    pub fn set(now: SystemTime) -> Self {
        Self { set: now, at: Instant::now() }
    }

    /// The current time.
    #[must_use]
    pub fn now(self) -> SystemTime {
        self.set.checked_add(self.at.elapsed()).unwrap_or(self.set)
    }
}

/// True if two moments are less than `time` apart, in either order, so that a clock that was set
/// back is tolerated.
#[must_use]
pub fn lies_within(time: Duration, then: SystemTime, now: SystemTime) -> bool {
    now.duration_since(then).unwrap_or_else(|ahead| ahead.duration()) < time
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_may_be_set_back() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let minute = Duration::from_mins(1);
        for (then, now, within) in
            [(100, 159, true), (100, 160, false), (159, 100, true), (160, 100, false)]
        {
            assert_eq!(lies_within(minute, at(then), at(now)), within);
        }
    }

    #[test]
    fn every_attempt_and_pause_fits_into_what_is_left() {
        for milliseconds in [100, 1999, 2000, 2400, 3999, 4000, 7999, 8000, 14_500, 900_000] {
            let time_left = Duration::from_millis(milliseconds);
            let (timeouts, retries) = Deadline::after(time_left).limits();
            let attempts = retries.max_attempts();
            let pauses = (1..attempts)
                .fold((Duration::ZERO, retries.initial_backoff()), |(sum, next), _| {
                    (sum + next.min(retries.max_backoff()), next * 2)
                });
            let together = timeouts.operation_attempt_timeout().unwrap() * attempts + pauses.0;
            assert!(together < time_left, "{together:?} of {time_left:?}");
            assert!(together > time_left.mul_f32(0.3).min(Duration::from_secs(8)), "{together:?}");
        }
    }
}
