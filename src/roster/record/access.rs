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
    /// The same by the sender's own clock, where it counts as of another time.
    #[serde(default, with = "nanos::option", skip_serializing_if = "Option::is_none")]
    pub lifecycle_said: Option<SystemTime>,
    /// When it was last said that nothing is against the person's working.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<Stamp>,
    /// The newest farewell of the life cycle that was weighed: its repeat is in no doubt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weighed: Option<Stamp>,
    /// The newest farewell of the life cycle of each source: another source's does not undo the order in
    /// which one says things.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub farewells: BTreeMap<String, Stamp>,
    /// When a person of these names was removed before. What was said by then is not of this one.
    #[serde(default, with = "nanos::option", skip_serializing_if = "Option::is_none")]
    pub floor: Option<SystemTime>,
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
    /// When it happened, and who said so.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Whether it was taken away then.
    #[serde(default, skip_serializing_if = "is_false")]
    pub withdrawn: bool,
    /// The newest farewell of this reason that was weighed: its repeat is in no doubt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weighed: Option<Stamp>,
}

/// When something happened, and who said so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// When it happened, as it counts beside what other senders say.
    #[serde(with = "nanos")]
    pub time: SystemTime,
    /// When it happened by the sender's own clock, if that is another time: one sender's statements
    /// are put in order by it.
    #[serde(default, with = "nanos::option", skip_serializing_if = "Option::is_none")]
    pub said: Option<SystemTime>,
    /// The source that said it; none where nobody wrote it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl Stamp {
    /// That of something of which nobody wrote down who said it.
    #[must_use]
    pub const fn of(time: SystemTime) -> Self {
        Self { time, said: None, source: None }
    }

    /// When it happened by the sender's own clock.
    fn own(&self) -> SystemTime {
        self.said.unwrap_or(self.time)
    }

    fn is_of(&self, source: &str) -> bool {
        self.source.as_deref() == Some(source)
    }

    /// Whether this came after the other: by the clock of one sender, or else by the times that count.
    fn is_after(&self, other: &Self) -> bool {
        let (own, other) = match &self.source {
            Some(source) if other.is_of(source) => (self.own(), other.own()),
            _ => (self.time, other.time),
        };
        let (own, other) = at_coarser_resolution(own, other);
        own > other
    }
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
            lifecycle_said: None,
            enabled: None,
            weighed: None,
            farewells: BTreeMap::new(),
            floor: None,
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

    /// That of somebody of whom a file of before says but what should be. Who is shut out by it has the
    /// reason too, and works again when the life cycle is fine.
    #[must_use]
    pub fn carried_over(desired: DesiredState, time: SystemTime) -> Self {
        let mut access = Self::new(desired, time);
        access.reasons.clear();
        if desired != DesiredState::Deleted {
            let given = Given { stamp: Stamp::of(time), withdrawn: false, weighed: None };
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
        let left = self.left();
        let is_given = |(reason, given): (&Reason, &Given)| {
            !given.withdrawn
                && match (reason, left) {
                    (Reason::Activated, Some((_, left))) => given.stamp.is_after(left),
                    (Reason::Application(_) | Reason::Group(_), _)
                    | (Reason::Activated | Reason::Unknown, _) => true,
                }
        };
        self.reasons.iter().any(is_given)
    }

    /// The last group or application that the person was taken out of, if there is none left.
    fn left(&self) -> Option<(&Reason, &Stamp)> {
        let memberships = || self.reasons.iter().filter(|(reason, _)| reason.is_membership());
        if memberships().any(|(_, given)| !given.withdrawn) {
            return None;
        }
        let left = memberships().map(|(reason, given)| (reason, &given.stamp));
        left.max_by_key(|(_, stamp)| stamp.time)
    }

    /// Takes what somebody says who knows the present state, and whose word is therefore the newest: a
    /// SCIM client that names the resource, or an operator. Whoever works then was activated.
    pub fn set(&mut self, desired: DesiredState, time: SystemTime, source: Option<&str>) {
        let source = source.map(str::to_owned);
        self.lifecycle = match desired {
            DesiredState::Active => Lifecycle::Enabled,
            DesiredState::Inactive => Lifecycle::Disabled,
            DesiredState::Deleted => Lifecycle::Removed,
        };
        // After the last removal also by clocks that know but the second.
        let left = self.left().and_then(|(_, left)| left.time.checked_add(Duration::from_secs(1)));
        let time = match desired {
            DesiredState::Active => left.map_or(time, |left| left.max(time)),
            DesiredState::Inactive | DesiredState::Deleted => time,
        };
        (self.time, self.lifecycle_time) = (self.time.max(time), time);
        (self.is_doubtful, self.lifecycle_said) = (false, None);
        self.lifecycle_source.clone_from(&source);
        let stamp = Stamp { time, said: None, source };
        if desired == DesiredState::Active {
            self.enabled = Some(stamp.clone());
            let given = Given { stamp, withdrawn: false, weighed: None };
            self.reasons.insert(Reason::Activated, given);
        } else {
            self.weighed = Some(stamp);
        }
    }

    /// Takes a statement, if nothing newer is known of the part that it speaks of.
    pub fn hear(&mut self, statement: &AccessStatement, said: Said<'_>) -> Heard {
        if self.floor.is_some_and(|floor| said.counted() <= floor) {
            return Heard::Older;
        }
        let heard = match statement {
            AccessStatement::Silent => return Heard::Taken,
            AccessStatement::Enabled | AccessStatement::Reactivated => self.enable(said),
            AccessStatement::Activated => {
                // Each part by itself: who was suspended since still has been activated.
                let (given, enabled) = (self.give(&Reason::Activated, said), self.enable(said));
                given.and(enabled)
            }
            AccessStatement::Granted(reason) => {
                let heard = self.give(reason, said);
                // An older build did not write down why somebody was shut out, and let in whoever came
                // into a group.
                if self.lifecycle == Lifecycle::Disabled && self.lifecycle_source.is_none() {
                    self.enable(said);
                }
                heard
            }
            AccessStatement::Disabled => self.end(Lifecycle::Disabled, said),
            AccessStatement::Removed => self.end(Lifecycle::Removed, said),
            AccessStatement::Revoked(reason) => self.revoke(reason, said),
            AccessStatement::Deprovisioned(reason) => {
                let heard = self.revoke(reason, said);
                if self.lifecycle != Lifecycle::Removed && !self.has_reason() {
                    self.end(Lifecycle::Removed, said)
                } else {
                    heard
                }
            }
        };
        // Whatever is said in no doubt settles it.
        self.is_doubtful &= heard == Heard::Older || !self.settles_doubt(statement);
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

    /// What was last said of the life cycle.
    fn lifecycle_stamp(&self) -> Stamp {
        Stamp {
            time: self.lifecycle_time,
            said: self.lifecycle_said,
            source: self.lifecycle_source.clone(),
        }
    }

    fn enable(&mut self, said: Said<'_>) -> Heard {
        let known = self.lifecycle_stamp();
        if self.lifecycle == Lifecycle::Enabled {
            if !known.is_after(&said.stamp()) {
                self.set_lifecycle(Lifecycle::Enabled, said.stamp());
            }
            return Heard::Taken;
        }
        let own = self.farewells.get(said.source);
        if !said.is_after_farewell(&known) || own.is_some_and(|own| !said.is_after_farewell(own)) {
            return Heard::Older;
        }
        if known.source.is_none() {
            // An older build withdrew the reason of whoever was suspended.
            let activated = self.reasons.get_mut(&Reason::Activated);
            let own = activated.filter(|given| given.stamp.source.is_none());
            if let Some(given) = own {
                given.withdrawn = false;
            }
        }
        self.set_lifecycle(Lifecycle::Enabled, said.stamp());
        Heard::Taken
    }

    fn give(&mut self, reason: &Reason, said: Said<'_>) -> Heard {
        if *reason == Reason::Activated
            && self.left().is_some_and(|(_, left)| !said.is_after_farewell(left))
        {
            return Heard::Older;
        }
        match self.reasons.get(reason) {
            Some(known) if known.withdrawn && !said.is_after_farewell(&known.stamp) => {
                return Heard::Older;
            }
            Some(known) if !known.withdrawn && known.stamp.is_after(&said.stamp()) => {}
            _ => self.note(reason.clone(), said.stamp(), false),
        }
        Heard::Taken
    }

    /// Ends the account: disabled, or removed for good.
    fn end(&mut self, lifecycle: Lifecycle, said: Said<'_>) -> Heard {
        let known = self.lifecycle_stamp();
        // Of two farewells the graver holds, whichever came first; but none that was said before the
        // person was let in again.
        let welcome = match self.lifecycle {
            Lifecycle::Enabled => Some(known.clone()),
            Lifecycle::Disabled | Lifecycle::Removed => self.enabled.clone(),
        };
        let welcome = welcome.unwrap_or_else(|| Stamp::of(SystemTime::UNIX_EPOCH));
        if let Some(as_of) = said.farewell_beside(&welcome, self.weighed.as_ref()) {
            let is_graver = match self.lifecycle {
                Lifecycle::Enabled => true,
                Lifecycle::Disabled => {
                    lifecycle == Lifecycle::Removed || said.stamp().is_after(&known)
                }
                Lifecycle::Removed => false,
            };
            if is_graver {
                self.set_lifecycle(lifecycle, said.stamp_as_of(as_of.max(said.counted())));
            }
            let stamp = said.stamp();
            let own = self.farewells.get(said.source);
            if own.is_none_or(|own| stamp.is_after(own)) {
                self.farewells.insert(said.source.to_owned(), stamp.clone());
            }
            if self.weighed.as_ref().is_none_or(|weighed| stamp.is_after(weighed)) {
                self.weighed = Some(stamp);
            }
            return Heard::Taken;
        }
        // Nobody wrote down when a person who was carried over was let in, and why.
        match self.reasons.get(&Reason::Unknown).filter(|given| !given.withdrawn) {
            Some(given) => {
                let as_of = given.stamp.time.max(said.counted());
                self.note(Reason::Unknown, said.stamp_as_of(as_of), true);
                Heard::Taken
            }
            None => Heard::Older,
        }
    }

    /// Withdraws a membership. If it was the last that is known, whatever else let the person in before
    /// is withdrawn with it.
    fn revoke(&mut self, reason: &Reason, said: Said<'_>) -> Heard {
        let stamp = match self.reasons.get(reason) {
            None => said.stamp(),
            Some(known) if known.withdrawn => {
                if known.stamp.is_after(&said.stamp()) {
                    known.stamp.clone()
                } else {
                    said.stamp()
                }
            }
            Some(known) => match said.farewell_beside(&known.stamp, known.weighed.as_ref()) {
                Some(as_of) => said.stamp_as_of(as_of),
                None => return Heard::Older,
            },
        };
        self.note(reason.clone(), stamp, true);
        self.weigh_last_membership(said.now);
        Heard::Taken
    }

    /// Weighs the removal from the last group or application, if there is none left, against whatever
    /// else let the person in: in doubt it counts as of that, and beats it.
    fn weigh_last_membership(&mut self, now: SystemTime) {
        let Some((reason, left)) = self.left().map(|(reason, left)| (reason.clone(), left.clone()))
        else {
            return;
        };
        let source = left.source.clone().unwrap_or_default();
        let said = Said { time: left.own(), now: now.max(left.time), source: &source };
        if let Some(activated) = self.reasons.get(&Reason::Activated)
            && activated.stamp.is_after(&left)
            && let Some(as_of) = said.farewell_beside(&activated.stamp, activated.weighed.as_ref())
        {
            self.note(reason, said.stamp_as_of(as_of), true);
        }
        if let Some(activated) = self.reasons.get_mut(&Reason::Activated) {
            activated.weighed = Some(left.clone());
        }
        // Nobody wrote down when that was given.
        if let Some(given) = self.reasons.get(&Reason::Unknown) {
            let as_of = given.stamp.time.max(left.time);
            self.note(Reason::Unknown, Stamp { time: as_of, ..left }, true);
        }
    }

    fn note(&mut self, reason: Reason, stamp: Stamp, withdrawn: bool) {
        self.time = self.time.max(stamp.time);
        let before = self.reasons.remove(&reason).and_then(|given| given.weighed);
        let weighed = if withdrawn { Some(stamp.clone()) } else { before };
        self.reasons.insert(reason, Given { stamp, withdrawn, weighed });
    }

    fn set_lifecycle(&mut self, lifecycle: Lifecycle, stamp: Stamp) {
        self.time = self.time.max(stamp.time);
        if lifecycle == Lifecycle::Enabled {
            self.enabled = Some(stamp.clone());
        }
        self.lifecycle = lifecycle;
        (self.lifecycle_time, self.lifecycle_said) = (stamp.time, stamp.said);
        self.lifecycle_source = stamp.source;
    }
}

impl Said<'_> {
    /// When it happened, as it counts: a time ahead of our clock is now.
    #[must_use]
    pub fn counted(self) -> SystemTime {
        self.time.min(self.now)
    }

    fn stamp(self) -> Stamp {
        self.stamp_as_of(self.counted())
    }

    fn stamp_as_of(self, time: SystemTime) -> Stamp {
        let said = (self.time != time).then_some(self.time);
        Stamp { time, said, source: Some(self.source.to_owned()) }
    }

    /// Whether a welcome comes after this farewell. A tie goes to the farewell. One sender's own clock
    /// puts its statements in order, whatever it shows; where the sender's clock is ahead of ours, and
    /// the farewell is another sender's, the welcome happened as early as such a clock allows.
    #[must_use]
    pub fn is_after_farewell(self, farewell: &Stamp) -> bool {
        let (own, farewell) = if farewell.is_of(self.source) {
            (self.time, farewell.own())
        } else {
            let earliest = self.time.checked_sub(TOLERANCE).filter(|_| self.time > self.now);
            let own = earliest.map_or(self.counted(), |earliest| earliest.min(self.now));
            // What we know may be dated ahead by a clock of ours that was set back since.
            (own, farewell.time.min(self.now))
        };
        let (own, farewell) = at_coarser_resolution(own, farewell);
        own > farewell
    }

    /// As of when a farewell counts beside a welcome, or `None` if the welcome is newer. A tie goes to
    /// the farewell. So does doubt: two senders' clocks may differ by 300 s, unless this farewell was
    /// weighed before. It then counts as of the welcome, whose repeat lets nobody in.
    #[must_use]
    pub fn farewell_beside(self, welcome: &Stamp, weighed: Option<&Stamp>) -> Option<SystemTime> {
        let as_of = self.counted().max(welcome.time);
        if welcome.is_of(self.source) {
            let (own, welcome) = at_coarser_resolution(self.time, welcome.own());
            return (own >= welcome).then_some(as_of);
        }
        let (own, welcome) = (self.counted(), welcome.time.min(self.now));
        let (coarse, coarse_welcome) = at_coarser_resolution(own, welcome);
        let is_repeat =
            weighed.is_some_and(|weighed| weighed.is_of(self.source) && self.time <= weighed.own());
        let is_in_doubt =
            !is_repeat && welcome.duration_since(own).is_ok_and(|apart| apart <= TOLERANCE);
        (coarse >= coarse_welcome || is_in_doubt).then_some(as_of)
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
