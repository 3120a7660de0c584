//! What goes wrong on purpose: a queue of faults per operation.
//!
//! A fault is taken by the next admitted call of its operation, before that call is validated.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::refusal::Code;

/// One thing that goes wrong once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fault {
    /// The call has its effect; what fails is the way back.
    Disturb(Disturbance),
    /// The call is answered with this error and has no effect.
    Refuse(Code),
}

/// How an answer is lost after the effect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Disturbance {
    /// The connection is closed without a reply.
    Drop,
    /// The reply is this error.
    Fail(Code),
    /// The reply is right, and late.
    Slow,
}

/// The faults with a name of their own; every [`Code`] is a fault too, by its name on the wire.
const NAMED: [(&str, Fault); 8] = [
    ("500-before", Fault::Refuse(Code::InternalService)),
    ("500-after", Fault::Disturb(Disturbance::Fail(Code::InternalService))),
    ("throttle", Fault::Refuse(Code::Throttling)),
    ("limit", Fault::Refuse(Code::LimitExceeded)),
    ("denied", Fault::Refuse(Code::AccessDenied)),
    ("expired", Fault::Refuse(Code::ExpiredToken)),
    ("slow", Fault::Disturb(Disturbance::Slow)),
    ("drop", Fault::Disturb(Disturbance::Drop)),
];

/// The faults with a name of their own: whether the call is carried out all the same, and the error
/// that is answered, if one is.
pub fn named_faults() -> impl Iterator<Item = (&'static str, bool, Option<String>)> {
    NAMED.into_iter().map(|(name, fault)| match fault {
        Fault::Refuse(code) => (name, false, Some(code.shown())),
        Fault::Disturb(Disturbance::Fail(code)) => (name, true, Some(code.shown())),
        Fault::Disturb(Disturbance::Drop | Disturbance::Slow) => (name, true, None),
    })
}

impl Fault {
    /// All faults with their names.
    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        let errors = Code::ALL.iter().map(|code| (code.name(), Self::Refuse(*code)));
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

    /// The name that [`Fault::named`] knows it by.
    pub(super) fn name(self) -> &'static str {
        Self::all().find(|(_, fault)| *fault == self).map_or("", |(name, _)| name)
    }
}

/// The faults to come, by operation.
#[derive(Debug)]
pub(super) struct Faults {
    /// First in, first out.
    pub(super) queues: BTreeMap<&'static str, VecDeque<Fault>>,
    /// How late a slow reply is.
    pub(super) slow: Duration,
}

impl Faults {
    /// The fault that meets the next call of `operation`.
    pub(super) fn next(&mut self, operation: &str) -> Option<Fault> {
        self.queues.get_mut(operation)?.pop_front()
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self { queues: BTreeMap::new(), slow: Duration::from_secs(3) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_found_by_the_name_it_gives() {
        for (name, fault) in Fault::all() {
            assert_eq!(Fault::named(name), Ok(fault));
            assert_eq!(Fault::named(fault.name()), Ok(fault));
        }
        assert_eq!(Fault::named("drop"), Ok(Fault::Disturb(Disturbance::Drop)));
        assert_eq!(Fault::named("ServiceUnavailable"), Ok(Fault::Refuse(Code::ServiceUnavailable)),);
        let message = Fault::named("explode").unwrap_err();
        assert!(message.starts_with("unknown fault `explode`, expected one of 500-before, "));
    }
}
