//! Removals and suspensions: counted against `MAX_REMOVALS_PER_HOUR` before they are made.
//!
//! So a mistake at the identity provider does not empty the instance. A removal is also noted in
//! the record, so that whoever finds the user gone can tell it from one by hand.

use std::time::{Duration, SystemTime};

use super::Reconciler;
use super::attempt::{Attempt, ReconcileError};
use crate::connect::UserIds;
use crate::connect::plan::{Observed, Step};
use crate::deadline::lies_within;
use crate::fault::{Fault, Kind};
use crate::roster::Guard;
use crate::roster::policy::Held;
use crate::roster::record::{ConnectUser, Phase, RemovalClaim, UserRecord};

/// How long a removal that is noted in the record is not counted again: the guard's own window.
const HOUR: Duration = Duration::from_hours(1);

impl Attempt<'_> {
    /// Counts a removal or a suspension against the hour, or refuses it with `Kind::RemovalHeld`.
    ///
    /// The counter is in the roster and conditional, so that all processes share one limit. It is
    /// counted before the effect and never given back: the guard may be too strict, and never too
    /// lax. What is counted has a name: this removal of this user, by the farewell of then. So a
    /// repeat after a lost answer, or by whoever mends, counts once; and a user who came back and
    /// leaves again counts again.
    pub(super) async fn count(
        &mut self,
        step: &Step,
        user: &UserIds,
    ) -> Result<(), ReconcileError> {
        let now = self.now();
        let removal = removal(step, user);
        let most = self.reconciler.policy.removals_per_hour;
        // Suspensions over the limit may go on by themselves, removals never.
        let is_held = matches!(&self.record.schedule.phase, Phase::Parked(parked)
            if parked.fault == Kind::RemovalHeld.code());
        if is_held && *step == Step::DeleteUser && !self.record.schedule.guard_waived {
            return Err(removal_held(most).into());
        }
        if self.is_claimed(step, user) {
            return Ok(());
        }
        let since = self.record.spec.access.time;
        let since = since.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let what = format!("{removal} {}", since.as_nanos());
        if !self.is_within(Guard::Removals, &what).await? {
            let held = removal_held(most);
            let suspends = *step != Step::DeleteUser;
            return Err(if suspends { held.caused_by(SUSPENSION) } else { held }.into());
        }
        self.record.status.removal_claim = Some(RemovalClaim { removal, time: now });
        Ok(())
    }

    /// Whether this removal or suspension of this user was counted within the hour, and noted.
    pub(super) fn is_claimed(&self, step: &Step, user: &UserIds) -> bool {
        let (removal, now) = (removal(step, user), self.now());
        let is_this =
            |claim: &RemovalClaim| claim.removal == removal && lies_within(HOUR, claim.time, now);
        self.record.status.removal_claim.as_ref().is_some_and(is_this)
    }

    /// Takes the step out of a plan by which somebody who works on loses a security profile that a
    /// group gives, if as many lost one within the hour as may; the fault says so. A mistake with one
    /// group takes their power from many at once.
    pub(super) async fn hold_losses(
        &self,
        steps: &mut Vec<Step>,
        user: &Observed,
    ) -> Result<Option<Fault>, ReconcileError> {
        let is_power = |step: &Step| matches!(step, Step::UpdateUserSecurityProfiles(_));
        let Some(Step::UpdateUserSecurityProfiles(wanted)) = steps.iter().find(|it| is_power(it))
        else {
            return Ok(None);
        };
        let is_kept = |id: &String| wanted.iter().any(|wanted| wanted.as_str() == id);
        let mut lost: Vec<String> =
            user.security_profiles.iter().filter(|id| !is_kept(id)).cloned().collect();
        lost.sort();
        let granted = self.granted_by_groups().await?;
        if !lost.iter().any(|id| granted.iter().any(|granted| granted.as_str() == id)) {
            return Ok(None);
        }
        let what = format!("{} of {}", lost.join(" "), user.ids.id);
        if self.is_within(Guard::Losses, &what).await? {
            return Ok(None);
        }
        steps.retain(|step| !is_power(step));
        Ok(Some(loss_held(self.reconciler.policy.removals_per_hour)))
    }

    /// Whether one more may be taken within the hour; then it is counted.
    async fn is_within(&self, guard: Guard, what: &str) -> Result<bool, ReconcileError> {
        let (roster, most) = (&self.reconciler.roster, self.reconciler.policy.removals_per_hour);
        // An operator let this one through; it is counted all the same, for those that come after
        // it.
        if self.record.schedule.guard_waived {
            roster.note_removal(guard, what, self.now()).await?;
            return Ok(true);
        }
        Ok(roster.count_removal(guard, what, self.now(), most).await?)
    }
}

impl Reconciler {
    /// When a suspension that was held is tried again, if the operator wants that.
    pub(super) fn resumes_at(&self, fault: &Fault, now: SystemTime) -> Option<SystemTime> {
        let is_suspension = fault.kind == Kind::RemovalHeld
            && fault.cause.as_ref().is_some_and(|cause| cause == SUSPENSION);
        let resumes = is_suspension && self.policy.held == Held::Resume;
        now.checked_add(HOUR).filter(|_| resumes)
    }
}

/// What was counted: the operation and Connect's id of the user.
fn removal(step: &Step, user: &UserIds) -> String {
    format!("{} {}", step.name(), user.id)
}

/// True if this user's removal was counted: if Connect does not show it, that was us, not somebody
/// by hand and not eventual consistency.
pub(super) fn is_removed(record: &UserRecord, held: &ConnectUser) -> bool {
    let ours = removal(&Step::DeleteUser, &held.ids);
    record.status.removal_claim.as_ref().is_some_and(|claim| claim.removal == ours)
}

/// The cause of the fault where what is held can be undone.
const SUSPENSION: &str = "a suspension";

/// The operator's to decide: as many lost what a group gives as may within an hour.
fn loss_held(most: usize) -> Fault {
    let detail = format!(
        "as many people lost a security profile of their groups within an hour as \
         MAX_REMOVALS_PER_HOUR lets pass ({most}), so this one keeps theirs; if more are meant to lose \
         them: connect-provisioner parked release"
    );
    Fault::new(Kind::RemovalHeld, detail)
}

/// The operator's to decide: the limit was reached.
fn removal_held(most: usize) -> Fault {
    let detail = format!(
        "as many users were removed or suspended within an hour as MAX_REMOVALS_PER_HOUR lets pass \
         ({most}); if more are meant to leave: connect-provisioner parked release"
    );
    Fault::new(Kind::RemovalHeld, detail)
}
