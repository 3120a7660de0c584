//! Time, pace and call account of one piece of work.

use super::WRITING;
use crate::connect::Calls;
use crate::connect::rate_limiter::{RateLimiter, Urgency};
use crate::deadline::{Clock, Deadline};
use crate::roster::record::UserRecord;

/// The time for a piece of work, the rate at which Connect may be called for it, and the calls so
/// far. The caller makes one, passes it on, and reads there what the work cost, however it ended.
#[derive(Debug)]
pub struct Budget<'a> {
    /// The time, by our clock.
    pub clock: Clock,
    /// When the work must be over. `reconcile_leased` shortens it to what the lease allows.
    pub deadline: Deadline,
    /// The calls of Connect so far, those that failed included.
    pub spent: Calls,
    /// The rate limiter, for work that nobody waits for; `None` calls as fast as the work goes, and
    /// a throttle is answered 202.
    pub(super) rate_limiter: Option<&'a RateLimiter>,
}

impl<'a> Budget<'a> {
    /// For work that a sender waits for.
    #[must_use]
    pub fn new(clock: Clock, deadline: Deadline) -> Self {
        Self { clock, deadline, spent: Calls::default(), rate_limiter: None }
    }

    /// The same for the drain: each call waits for its token.
    pub(super) fn with_rate_limiter(self, rate_limiter: &'a RateLimiter) -> Self {
        Self { rate_limiter: Some(rate_limiter), ..self }
    }

    /// The rate limiter for the work on one record.
    pub(super) fn limits(&self, record: &UserRecord) -> Option<(&'a RateLimiter, Urgency)> {
        let is_farewell = record.is_farewell();
        let urgency = if is_farewell { Urgency::Farewell } else { Urgency::Ordinary };
        self.rate_limiter.map(|rate_limiter| (rate_limiter, urgency))
    }

    /// The same limits with an account of its own, for work that the sender did not ask for.
    pub(super) fn apart(&self) -> Self {
        Self { spent: Calls::default(), ..*self }
    }

    /// When calls must be over, so that the result can still be written: 300 ms before the
    /// deadline.
    pub(super) fn writing(&self) -> Deadline {
        self.deadline.sooner_by(WRITING)
    }
}
