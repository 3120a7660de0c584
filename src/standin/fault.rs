//! What goes wrong on purpose: a queue of faults per operation, and behind it one that stays.
//!
//! A fault is taken by the next admitted call of its operation, before that call is validated.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::api_error::ErrorCode;

/// One thing that goes wrong once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum InjectedFault {
    /// The call has its effect; what fails is the way back.
    Disturb(Disturbance),
    /// The call is answered with this error and has no effect.
    Refuse(ErrorCode),
}

/// How an answer is lost after the effect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Disturbance {
    /// The connection is closed without a reply.
    Drop,
    /// The reply is this error.
    Fail(ErrorCode),
    /// The reply is right, and late.
    Slow,
}

/// The faults with a name of their own; every [`ErrorCode`] is a fault too, by its name on the wire.
const NAMED: [(&str, InjectedFault); 8] = [
    ("500-before", InjectedFault::Refuse(ErrorCode::InternalService)),
    ("500-after", InjectedFault::Disturb(Disturbance::Fail(ErrorCode::InternalService))),
    ("throttle", InjectedFault::Refuse(ErrorCode::Throttling)),
    ("limit", InjectedFault::Refuse(ErrorCode::LimitExceeded)),
    ("denied", InjectedFault::Refuse(ErrorCode::AccessDenied)),
    ("expired", InjectedFault::Refuse(ErrorCode::ExpiredToken)),
    ("slow", InjectedFault::Disturb(Disturbance::Slow)),
    ("drop", InjectedFault::Disturb(Disturbance::Drop)),
];

/// The faults with a name of their own: whether the call is carried out all the same, and the error
/// that is answered, if one is.
pub fn named_faults() -> impl Iterator<Item = (&'static str, bool, Option<String>)> {
    NAMED.into_iter().map(|(name, fault)| match fault {
        InjectedFault::Refuse(code) => (name, false, Some(code.shown())),
        InjectedFault::Disturb(Disturbance::Fail(code)) => (name, true, Some(code.shown())),
        InjectedFault::Disturb(Disturbance::Drop | Disturbance::Slow) => (name, true, None),
    })
}

impl InjectedFault {
    /// All faults with their names.
    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        let errors = ErrorCode::ALL.iter().map(|code| (code.name(), Self::Refuse(*code)));
        NAMED.into_iter().chain(errors)
    }

    /// The fault called `name`.
    ///
    /// # Errors
    /// A sentence that lists the names there are.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        Self::all().find(|(known, _)| *known == name).map(|(_, fault)| fault).ok_or_else(|| {
            let known: Vec<&str> = Self::all().map(|(known, _)| known).collect();
            format!("unknown fault `{name}`, expected one of {}", known.join(", "))
        })
    }

    /// The name that [`InjectedFault::named`] knows it by.
    pub(super) fn name(self) -> &'static str {
        Self::all().find(|(_, fault)| *fault == self).map_or("", |(name, _)| name)
    }
}

/// The faults to come, by operation.
#[derive(Debug)]
pub(super) struct FaultQueues {
    /// First in, first out.
    pub(super) queues: BTreeMap<&'static str, VecDeque<InjectedFault>>,
    /// What befalls every call of an operation for which none waits.
    pub(super) always: BTreeMap<&'static str, InjectedFault>,
    /// How late a slow reply is.
    pub(super) slow: Duration,
}

impl FaultQueues {
    /// The fault that meets the next call of `operation`.
    pub(super) fn next(&mut self, operation: &str) -> Option<InjectedFault> {
        let waiting = self.queues.get_mut(operation).and_then(VecDeque::pop_front);
        waiting.or_else(|| self.always.get(operation).copied())
    }

    /// Forgets every fault to come.
    pub(super) fn clear(&mut self) {
        self.queues.clear();
        self.always.clear();
    }
}

impl Default for FaultQueues {
    fn default() -> Self {
        Self { queues: BTreeMap::new(), always: BTreeMap::new(), slow: Duration::from_secs(3) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_found_by_the_name_it_gives() {
        for (name, fault) in InjectedFault::all() {
            assert_eq!(InjectedFault::named(name), Ok(fault));
            assert_eq!(InjectedFault::named(fault.name()), Ok(fault));
        }
        assert_eq!(InjectedFault::named("drop"), Ok(InjectedFault::Disturb(Disturbance::Drop)));
        assert_eq!(
            InjectedFault::named("ServiceUnavailable"),
            Ok(InjectedFault::Refuse(ErrorCode::ServiceUnavailable)),
        );
        let message = InjectedFault::named("explode").unwrap_err();
        assert!(message.starts_with("unknown fault `explode`, expected one of 500-before, "));
    }
}
