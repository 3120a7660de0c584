//! Whether a person works: a life-cycle flag and a set of reasons, each part with its own time.
//!
//! An event moves only the part that it speaks of, and the newest statement wins in each part. Senders
//! have clocks of their own and reorder what they send, so of two statements that cannot be put in
//! order the farewell holds: access that stays is worse than access that is missing.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{is_empty, is_false, nanos};
use crate::event::{AccessStatement, Reason};

/// How far apart the clocks of two senders may be: those of signatures have the same tolerance.
const TOLERANCE: Duration = crate::trust::TOLERANCE;

/// Whether a person works: with the life-cycle flag fine and at least one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// When the newest of what is said of it happened.
    #[serde(with = "nanos")]
    pub time: SystemTime,
    /// The life-cycle flag.
    pub lifecycle: Lifecycle,
    /// When that was said.
    #[serde(with = "nanos")]
    pub lifecycle_time: SystemTime,
    /// The source that said it: the name of a hook, or `scim/v2`; none where nobody wrote it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle_source: Option<String>,
    /// When the newest farewell happened by its own sender's clock, whichever part it took away. One
    /// that is no newer is a repeat, and is in no doubt.
    #[serde(default, with = "nanos::option", skip_serializing_if = "Option::is_none")]
    pub farewell_time: Option<SystemTime>,
    /// Whether the farewell that holds is perhaps another person's: by the name alone, of a source that
    /// has another `externalId` for them than those that are known. The person is suspended and never
    /// deleted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_doubtful: bool,
    /// Why somebody works, and what was withdrawn: a withdrawn reason is kept with its time, so that a
    /// late statement of before brings nobody back.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub reasons: BTreeMap<Reason, Given>,
}

/// The account's own state at the sender's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    /// Nothing is against the person's working.
    Enabled,
    /// Suspended, deactivated, or `active` is false.
    Disabled,
    /// The person is removed, and to be forgotten.
    Removed,
}

/// What was last said of a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// When it happened at the sender's.
    #[serde(with = "nanos")]
    pub time: SystemTime,
    /// Whether it was taken away then.
    #[serde(default, skip_serializing_if = "is_false")]
    pub withdrawn: bool,
    /// The source that said it; none where nobody wrote it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// What should be of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DesiredState {
    /// A user who works.
    Active,
    /// What the operator decided for those who left.
    Inactive,
    /// Nothing, and the person forgotten.
    Deleted,
}

/// Who says something of a person's access, and when it happened.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// When it happened, by the sender's clock.
    pub time: SystemTime,
    /// Now, by ours. A time ahead of it counts as now.
    pub now: SystemTime,
    /// The name of a hook, or `scim/v2`.
    pub source: &'a str,
}

/// Whether a statement counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is part of the access now, or was already.
    Taken,
    /// Something newer is known of what it speaks of.
    Older,
}

impl Access {
    /// That of somebody of whom nothing is said yet: no reason to work, and nothing against it.
    #[must_use]
    pub const fn unsaid() -> Self {
        Self {
            time: SystemTime::UNIX_EPOCH,
            lifecycle: Lifecycle::Enabled,
            lifecycle_time: SystemTime::UNIX_EPOCH,
            lifecycle_source: None,
            farewell_time: None,
            is_doubtful: false,
            reasons: BTreeMap::new(),
        }
    }

    /// That of somebody of whom this is the first that is said.
    #[must_use]
    pub fn new(desired: DesiredState, time: SystemTime) -> Self {
        let mut access = Self::unsaid();
        access.set(desired, time, None);
        access
    }

    /// That of somebody of whom a file of before says but what should be.
    #[must_use]
    pub fn carried_over(desired: DesiredState, time: SystemTime) -> Self {
        let mut access = Self::new(desired, time);
        access.reasons.clear();
        if desired == DesiredState::Active {
            let given = Given { time, withdrawn: false, source: None };
            access.reasons.insert(Reason::Unknown, given);
        }
        access
    }

    /// What should be of the person.
    #[must_use]
    pub fn desired_state(&self) -> DesiredState {
        match self.lifecycle {
            Lifecycle::Removed => DesiredState::Deleted,
            Lifecycle::Enabled if self.has_reason() => DesiredState::Active,
            Lifecycle::Enabled | Lifecycle::Disabled => DesiredState::Inactive,
        }
    }

    /// Whether there is a reason to work. Who is in no group or application any more has been taken out
    /// of the last one, and that withdraws whatever was said before it. It is worked out from the newest
    /// statement of each reason, so the order in which they came does not matter.
    fn has_reason(&self) -> bool {
        let is_given = |(reason, given): (&Reason, &Given)| {
            !given.withdrawn
                && match (reason, self.left()) {
                    (Reason::Activated, Some((left, _))) => {
                        let (given, left) = at_coarser_resolution(given.time, left);
                        given > left
                    }
                    (Reason::Application(_) | Reason::Group(_), _)
                    | (Reason::Activated | Reason::Unknown, _) => true,
                }
        };
        self.reasons.iter().any(is_given)
    }

    /// When the person was taken out of the last group or application, and who said so.
    fn left(&self) -> Option<(SystemTime, Option<&str>)> {
        let memberships = || self.reasons.iter().filter(|(reason, _)| reason.is_membership());
        if memberships().any(|(_, given)| !given.withdrawn) {
            return None;
        }
        let left = memberships().map(|(_, given)| (given.time, given.source.as_deref()));
        left.max_by_key(|(time, _)| *time)
    }

    /// Takes what somebody says who knows the present state, and whose word is therefore the newest: a
    /// SCIM client that names the resource. Whoever works then was activated.
    pub fn set(&mut self, desired: DesiredState, time: SystemTime, source: Option<&str>) {
        let source = source.map(str::to_owned);
        self.lifecycle = match desired {
            DesiredState::Active => Lifecycle::Enabled,
            DesiredState::Inactive => Lifecycle::Disabled,
            DesiredState::Deleted => Lifecycle::Removed,
        };
        (self.time, self.lifecycle_time) = (self.time.max(time), time);
        self.is_doubtful = false;
        self.lifecycle_source.clone_from(&source);
        if desired == DesiredState::Active {
            self.reasons.insert(Reason::Activated, Given { time, withdrawn: false, source });
        } else {
            self.farewell_time = self.farewell_time.max(Some(time));
        }
    }

    /// Takes a statement, if nothing newer is known of the part that it speaks of.
    pub fn hear(&mut self, statement: &AccessStatement, said: Said<'_>) -> Heard {
        let farewell_before = self.farewell_time;
        let heard = match statement {
            AccessStatement::Silent => return Heard::Taken,
            AccessStatement::Enabled | AccessStatement::Reactivated => self.enable(said),
            AccessStatement::Activated => {
                // Each part by itself: who was suspended since still has been activated.
                let (given, enabled) = (self.give(&Reason::Activated, said), self.enable(said));
                given.and(enabled)
            }
            AccessStatement::Granted(reason) => self.give(reason, said),
            AccessStatement::Disabled => self.end(Lifecycle::Disabled, said, farewell_before),
            AccessStatement::Removed => self.end(Lifecycle::Removed, said, farewell_before),
            AccessStatement::Revoked(reason) => self.revoke(reason, said, farewell_before),
            AccessStatement::Deprovisioned(reason) => {
                let heard = self.revoke(reason, said, farewell_before);
                if self.lifecycle != Lifecycle::Removed && !self.has_reason() {
                    self.end(Lifecycle::Removed, said, farewell_before)
                } else {
                    heard
                }
            }
        };
        // Whatever is said in no doubt settles it.
        self.is_doubtful &= heard == Heard::Older || !self.settles_doubt(statement);
        if statement.is_farewell() && heard == Heard::Taken {
            self.farewell_time = self.farewell_time.max(Some(said.counted()));
        }
        heard
    }

    /// Takes a farewell that is perhaps another person's: it suspends whoever works, and nothing more.
    pub fn hear_in_doubt(&mut self, said: Said<'_>) -> Heard {
        if self.desired_state() != DesiredState::Active {
            return Heard::Taken;
        }
        let heard = self.hear(&AccessStatement::Disabled, said);
        self.is_doubtful = self.desired_state() != DesiredState::Active;
        heard
    }

    /// Whether a statement that was taken says of the life cycle what the doubtful farewell said, or the
    /// opposite.
    fn settles_doubt(&self, statement: &AccessStatement) -> bool {
        self.lifecycle != Lifecycle::Disabled
            || matches!(statement, AccessStatement::Disabled | AccessStatement::Removed)
    }

    fn enable(&mut self, said: Said<'_>) -> Heard {
        let (time, source) = (self.lifecycle_time, self.lifecycle_source.as_deref());
        let is_newer = match self.lifecycle {
            Lifecycle::Enabled => said.counted() >= time,
            Lifecycle::Disabled | Lifecycle::Removed if said.is_after_farewell(time, source) => {
                true
            }
            Lifecycle::Disabled | Lifecycle::Removed => return Heard::Older,
        };
        if is_newer {
            self.set_lifecycle(Lifecycle::Enabled, said.counted(), said);
        }
        Heard::Taken
    }

    fn give(&mut self, reason: &Reason, said: Said<'_>) -> Heard {
        if *reason == Reason::Activated
            && self.left().is_some_and(|(left, by)| !said.is_after_farewell(left, by))
        {
            return Heard::Older;
        }
        let is_newer = match self.reasons.get(reason) {
            None => true,
            Some(known) if !known.withdrawn => said.counted() >= known.time,
            Some(known) if said.is_after_farewell(known.time, known.source.as_deref()) => true,
            Some(_) => return Heard::Older,
        };
        if is_newer {
            self.note(reason.clone(), said.counted(), false, said);
        }
        Heard::Taken
    }

    /// Ends the account: disabled, or removed for good.
    fn end(
        &mut self,
        lifecycle: Lifecycle,
        said: Said<'_>,
        farewell_before: Option<SystemTime>,
    ) -> Heard {
        let (time, source) = (self.lifecycle_time, self.lifecycle_source.as_deref());
        let as_of = match self.lifecycle {
            Lifecycle::Enabled => said.farewell_beside(time, source, farewell_before),
            // Of two farewells the graver holds, whichever came first.
            Lifecycle::Disabled if lifecycle == Lifecycle::Removed => {
                Some(said.counted().max(time))
            }
            Lifecycle::Disabled | Lifecycle::Removed => {
                if said.counted() > time {
                    self.set_lifecycle(self.lifecycle, said.counted(), said);
                }
                return Heard::Taken;
            }
        };
        if let Some(as_of) = as_of {
            self.set_lifecycle(lifecycle, as_of, said);
            return Heard::Taken;
        }
        // Nobody wrote down when a person who was carried over was let in, and why.
        match self.reasons.get(&Reason::Unknown).filter(|given| !given.withdrawn) {
            Some(given) => {
                let as_of = given.time.max(said.counted());
                self.note(Reason::Unknown, as_of, true, said);
                Heard::Taken
            }
            None => Heard::Older,
        }
    }

    /// Withdraws a membership. If it was the last that is known, whatever else let the person in before
    /// is withdrawn with it.
    fn revoke(
        &mut self,
        reason: &Reason,
        said: Said<'_>,
        farewell_before: Option<SystemTime>,
    ) -> Heard {
        let Some(as_of) = self.farewell_of(reason, said, farewell_before) else {
            return Heard::Older;
        };
        self.note(reason.clone(), as_of, true, said);
        if self.left().is_none() {
            return Heard::Taken;
        }
        // In doubt it counts as of the welcome, and beats it.
        let welcome = self.farewell_of(&Reason::Activated, said, farewell_before);
        if let Some(later) = welcome.filter(|later| *later > as_of) {
            self.note(reason.clone(), later, true, said);
        }
        // Nobody wrote down when that was given.
        if let Some(given) = self.reasons.get(&Reason::Unknown) {
            let as_of = given.time.max(said.counted());
            self.note(Reason::Unknown, as_of, true, said);
        }
        Heard::Taken
    }

    /// As of when a farewell withdraws a reason; `None` if the reason is newer.
    fn farewell_of(
        &self,
        reason: &Reason,
        said: Said<'_>,
        farewell_before: Option<SystemTime>,
    ) -> Option<SystemTime> {
        match self.reasons.get(reason) {
            None => Some(said.counted()),
            Some(known) if known.withdrawn => Some(said.counted().max(known.time)),
            Some(known) => {
                said.farewell_beside(known.time, known.source.as_deref(), farewell_before)
            }
        }
    }

    fn note(&mut self, reason: Reason, time: SystemTime, withdrawn: bool, said: Said<'_>) {
        let source = Some(said.source.to_owned());
        self.reasons.insert(reason, Given { time, withdrawn, source });
        self.time = self.time.max(time);
    }

    fn set_lifecycle(&mut self, lifecycle: Lifecycle, time: SystemTime, said: Said<'_>) {
        (self.lifecycle, self.lifecycle_time) = (lifecycle, time);
        self.lifecycle_source = Some(said.source.to_owned());
        self.time = self.time.max(time);
    }
}

impl Said<'_> {
    /// When it happened, as it counts: a time ahead of our clock is now.
    #[must_use]
    pub fn counted(self) -> SystemTime {
        self.time.min(self.now)
    }

    /// Whether a welcome comes after this farewell. A tie goes to the farewell; and where the sender's
    /// clock is ahead of ours, and the farewell is another sender's, the welcome happened as early as
    /// such a clock allows.
    #[must_use]
    pub fn is_after_farewell(self, farewell: SystemTime, source: Option<&str>) -> bool {
        let is_ahead = self.time > self.now && source != Some(self.source);
        let earliest = self.time.checked_sub(TOLERANCE).filter(|_| is_ahead);
        let own = earliest.map_or(self.counted(), |earliest| earliest.min(self.now));
        // What we know may be dated ahead by a clock of ours that was set back since.
        let (own, farewell) = at_coarser_resolution(own, farewell.min(self.now));
        own > farewell
    }

    /// As of when a farewell counts beside a welcome, or `None` if the welcome is newer. A tie goes to
    /// the farewell. So does doubt: two senders' clocks may differ by 300 s, unless this
    /// farewell was weighed before. It then counts as of the welcome, whose repeat lets nobody in.
    #[must_use]
    pub fn farewell_beside(
        self,
        welcome: SystemTime,
        source: Option<&str>,
        farewell_before: Option<SystemTime>,
    ) -> Option<SystemTime> {
        let (own, welcome) = (self.counted(), welcome.min(self.now));
        let (coarse, coarse_welcome) = at_coarser_resolution(own, welcome);
        let is_repeat = farewell_before.is_some_and(|before| own <= before);
        let is_in_doubt = source != Some(self.source)
            && !is_repeat
            && welcome.duration_since(own).is_ok_and(|apart| apart <= TOLERANCE);
        (coarse >= coarse_welcome || is_in_doubt).then(|| own.max(welcome))
    }
}

impl Heard {
    fn and(self, other: Self) -> Self {
        if self == Self::Older { self } else { other }
    }
}

/// Two times at the coarser of their two resolutions: many senders know but the second, or the
/// millisecond.
fn at_coarser_resolution(one: SystemTime, other: SystemTime) -> (SystemTime, SystemTime) {
    let nanos = |time: SystemTime| {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        since.subsec_nanos()
    };
    let resolution = |time| match nanos(time) {
        0 => 1_000_000_000,
        part if part % 1_000_000 == 0 => 1_000_000,
        _ => 1,
    };
    let coarser: u32 = resolution(one).max(resolution(other));
    let cut = |time: SystemTime| {
        let rest = nanos(time).checked_rem(coarser).unwrap_or_default();
        time.checked_sub(Duration::from_nanos(rest.into())).unwrap_or(time)
    };
    (cut(one), cut(other))
}

#[cfg(test)]
mod tests;
