//! How much of an invocation is left, and what may still be begun in it.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use tokio::time::Instant;

/// One call may take so long; AWS publishes no figure, and what a call that was given up may have
/// done is found out by the next.
const LONGEST_CALL: Duration = Duration::from_secs(5);

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

    /// What is left until then.
    #[must_use]
    pub fn time_left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether a call may be begun.
    #[must_use]
    pub fn allows_a_call(self) -> bool {
        self.time_left() >= LEAST_TIME
    }

    /// How long one call may take and how often the SDK repeats it: together less than what is
    /// left, so that the last answer is ours to pass on and not a time-out.
    #[must_use]
    pub fn limits(self) -> (TimeoutConfig, RetryConfig) {
        let time_left = self.time_left();
        let attempt = LONGEST_CALL.min(time_left.mul_f32(0.4));
        let attempts = match time_left.as_secs() {
            0..2 => 1,
            2..4 => 2,
            4..8 => 3,
            _ => 4,
        };
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(attempt).build();
        let retries = RetryConfig::standard()
            .with_max_attempts(attempts)
            .with_initial_backoff(Duration::from_millis(500))
            .with_max_backoff(Duration::from_secs(2));
        (timeouts, retries)
    }
}
