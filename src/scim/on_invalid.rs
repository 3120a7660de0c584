//! Whether a value that Connect cannot hold is refused (strict) or left out and reported (lenient).

use crate::fault::Fault;

/// How to treat a value that Connect cannot hold.
///
/// A signed event is refused, since no part of it may be ignored silently. A SCIM client is told
/// afterwards what was left out.
#[derive(Debug)]
pub enum OnInvalid {
    /// Strict: the first invalid value is a fault.
    Reject,
    /// Lenient: invalid values are left out; these are their faults.
    Collect(Vec<Fault>),
}

impl OnInvalid {
    /// Lenient mode, with nothing left out yet.
    #[must_use]
    pub const fn lenient() -> Self {
        Self::Collect(Vec::new())
    }

    /// True in lenient mode.
    #[must_use]
    pub const fn is_lenient(&self) -> bool {
        matches!(self, Self::Collect(_))
    }

    /// Records the fault of a value that is left out; equal faults are recorded once.
    ///
    /// # Errors
    /// The fault itself, in strict mode.
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

    /// The value that was read; in lenient mode `None` if reading it failed, and the fault is
    /// recorded.
    ///
    /// # Errors
    /// The fault, in strict mode.
    pub fn or_without<T>(&mut self, read: Result<Option<T>, Fault>) -> Result<Option<T>, Fault> {
        match read {
            Ok(value) => Ok(value),
            Err(fault) => self.leave_out(fault).map(|()| None),
        }
    }

    /// The faults of the values that were left out, in the order in which they were found.
    #[must_use]
    pub fn left_out(self) -> Vec<Fault> {
        match self {
            Self::Reject => Vec::new(),
            Self::Collect(left_out) => left_out,
        }
    }
}
