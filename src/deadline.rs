//! How much of an invocation is left, and what may still be begun in it.

use std::time::{Duration, SystemTime};

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use tokio::time::Instant;

/// One call may take so long; AWS publishes no figure, and what a call that was given up may have
/// done is found out by the next.
const LONGEST_CALL: Duration = Duration::from_secs(5);

/// The SDK waits at most so long before it first repeats a call.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// With less than this no call is begun: its answer could not be passed on.
const LEAST_TIME: Duration = Duration::from_millis(100);

/// When the answer must be on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// So long from now.
    #[must_use]
    pub fn after(time: Duration) -> Self {
        let now = Instant::now();
        Self(now.checked_add(time).unwrap_or(now))
    }

    /// So much sooner.
    #[must_use]
    pub fn sooner_by(self, time: Duration) -> Self {
        Self(self.0.checked_sub(time).unwrap_or(self.0))
    }

    /// What is left until then.
    #[must_use]
    pub fn time_left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether a call may be begun.
    #[must_use]
    pub fn allows_a_call(self) -> bool {
        self.allows_a_call_after(Duration::ZERO)
    }

    /// Whether a call may still be begun after so long a rest.
    #[must_use]
    pub fn allows_a_call_after(self, rest: Duration) -> bool {
        self.time_left() >= LEAST_TIME.saturating_add(rest)
    }

    /// How long one call may take and how often the SDK repeats it: together less than what is
    /// left, so that the last answer is ours to pass on and not a time-out.
    #[must_use]
    pub fn limits(self) -> (TimeoutConfig, RetryConfig) {
        let time_left = self.time_left();
        // Shares of what is left. Each pause is twice the one before it.
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

/// A clock that is set once, when an invocation begins, and then runs on.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    set: SystemTime,
    at: Instant,
}

impl Clock {
    /// A clock that shows this time now.
    #[must_use]
    pub fn set(now: SystemTime) -> Self {
        Self { set: now, at: Instant::now() }
    }

    /// The time.
    #[must_use]
    pub fn now(self) -> SystemTime {
        self.set.checked_add(self.at.elapsed()).unwrap_or(self.set)
    }
}

/// Whether less than `time` lies between two moments. A clock that was set back is forgiven as much
/// as it is of a clock to run on.
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
