//! Strict or lenient: a value that cannot be held is refused, or left out and reported.

use crate::fault::Fault;

/// How what Connect cannot hold is met. A signed event is refused, since nothing of it may be passed
/// over in silence; a SCIM client is told afterwards what was left out.
#[derive(Debug)]
pub enum OnInvalid {
    /// The first of it is a fault.
    Reject,
    /// It is left out, and this is what was.
    Collect(Vec<Fault>),
}

impl OnInvalid {
    /// Nothing is left out yet.
    #[must_use]
    pub const fn lenient() -> Self {
        Self::Collect(Vec::new())
    }

    /// True if it is left out.
    #[must_use]
    pub const fn is_lenient(&self) -> bool {
        matches!(self, Self::Collect(_))
    }

    /// Notes, once, what is left out.
    ///
    /// # Errors
    /// The fault itself, in the strict manner.
    pub fn leave_out(&mut self, fault: Fault) -> Result<(), Fault> {
        match self {
            Self::Reject => Err(fault),
            Self::Collect(left_out) => {
                if !left_out.contains(&fault) {
                    left_out.push(fault);
                }
                Ok(())
            }
        }
    }

    /// What was read, or nothing where it is left out.
    ///
    /// # Errors
    /// Why it could not be read, in the strict manner.
    pub fn or_without<T>(&mut self, read: Result<Option<T>, Fault>) -> Result<Option<T>, Fault> {
        match read {
            Ok(value) => Ok(value),
            Err(fault) => self.leave_out(fault).map(|()| None),
        }
    }

    /// The faults of what was left out, in the order in which it was met.
    #[must_use]
    pub fn left_out(self) -> Vec<Fault> {
        match self {
            Self::Reject => Vec::new(),
            Self::Collect(left_out) => left_out,
        }
    }
}
