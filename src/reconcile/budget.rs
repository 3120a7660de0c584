//! What may be spent on something, and what it has cost.

use super::WRITING;
use crate::connect::Calls;
use crate::connect::pace::Pace;
use crate::deadline::{Clock, Deadline};

/// The time for something, how fast Connect may be called for it, and the calls so far. Whoever wants
/// something done makes one, hands it on, and finds there what it took, however that ended.
#[derive(Debug)]
pub struct Budget<'a> {
    /// What time it is.
    pub clock: Clock,
    /// When it must be over.
    pub deadline: Deadline,
    /// The calls of Connect so far.
    pub spent: Calls,
    /// How fast, where nobody waits for the answer.
    pub(super) pace: Option<&'a Pace>,
}

impl<'a> Budget<'a> {
    /// For something that somebody waits for.
    #[must_use]
    pub fn new(clock: Clock, deadline: Deadline) -> Self {
        Self { clock, deadline, spent: Calls::default(), pace: None }
    }

    /// The same for something that nobody waits for.
    pub(super) fn at_pace(self, pace: &'a Pace) -> Self {
        Self { pace: Some(pace), ..self }
    }

    /// The same with an account of its own.
    pub(super) fn apart(&self) -> Self {
        Self { spent: Calls::default(), ..*self }
    }

    /// When work must be over, so that there is time to write down what came of it.
    pub(super) fn writing(&self) -> Deadline {
        self.deadline.sooner_by(WRITING)
    }
}
