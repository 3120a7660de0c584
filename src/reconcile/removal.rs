//! Removals and suspensions: counted against `MAX_REMOVALS_PER_HOUR` before they are made.
//!
//! So a mistake at the identity provider does not empty the instance. A removal is also noted in
//! the record, so that whoever finds the user gone can tell it from one by hand.

use std::time::{Duration, SystemTime};

use super::attempt::{Attempt, ReconcileError};
use crate::connect::UserIds;
use crate::connect::plan::Step;
use crate::deadline::lies_within;
use crate::fault::{Fault, Kind};
use crate::roster::record::{ConnectUser, RemovalClaim, UserRecord};

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
        let is_this =
            |claim: &RemovalClaim| claim.removal == removal && lies_within(HOUR, claim.time, now);
        if self.record.status.removal_claim.as_ref().is_some_and(is_this) {
            return Ok(());
        }
        let since = self.record.spec.access.time;
        let since = since.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let what = format!("{removal} {}", since.as_nanos());
        let (roster, most) = (&self.reconciler.roster, self.reconciler.policy.removals_per_hour);
        // An operator let this one through; it is counted all the same, for those that come after
        // it.
        if self.record.schedule.guard_waived {
            roster.note_removal(&what, now).await?;
        } else if !roster.count_removal(&what, now, most).await? {
            return Err(removal_held(most).into());
        }
        self.record.status.removal_claim = Some(RemovalClaim { removal, time: now });
        Ok(())
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

/// The operator's to decide: the limit was reached.
fn removal_held(most: usize) -> Fault {
    let detail = format!(
        "as many users were removed or suspended within an hour as MAX_REMOVALS_PER_HOUR lets pass \
         ({most}); if more are meant to leave: connect-provisioner parked release"
    );
    Fault::new(Kind::RemovalHeld, detail)
}
