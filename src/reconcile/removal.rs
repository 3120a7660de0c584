//! Users who are to go: counted first, so that a mistake elsewhere does not empty the instance, and
//! written down, so that whoever finds one gone knows that it was us.

use super::attempt::{Attempt, Stop};
use super::work::{is_young, not_shown};
use crate::connect::UserIds;
use crate::connect::plan::{Step, check_owner};
use crate::fault::{Fault, Kind};
use crate::roster::record::{Held, RemovalClaim, UserRecord};

impl Attempt<'_> {
    /// Removes the user of a former name. Who took our tags off it wants it kept: it is not ours any
    /// more, and stands in nobody's way.
    pub(super) async fn remove_former(&mut self) -> Result<(), Stop> {
        let Some(former) = self.record.status.former_user.clone() else { return Ok(()) };
        match self.remove(&former).await {
            Err(Stop::Fault(fault)) if fault.kind == Kind::Uniqueness => {}
            removed => removed?,
        }
        self.record.status.former_user = None;
        Ok(())
    }

    /// Removes a user of a record's, unless it is gone already.
    pub(super) async fn remove(&mut self, held: &Held) -> Result<(), Stop> {
        let owner = self.owner();
        match self.session.observe(&held.ids).await? {
            Some(user) => {
                check_owner(&owner, &user)?;
                self.count(&Step::DeleteUser, &user.ids).await?;
                // Who finds the user gone shall know that it was us.
                self.checkpoint().await?;
                self.session.change(&Step::DeleteUser, &user.ids).await?;
                self.record.status.removal_claim = None;
                Ok(())
            }
            None if is_young(held, self.now()) && !is_removed(self.record, held) => {
                Err(not_shown().into())
            }
            None => Ok(()),
        }
    }

    /// Removes what may have been created under other names than this, and says whether anything
    /// was there.
    pub(super) async fn remove_tried(&mut self, kept: [Option<&str>; 2]) -> Result<bool, Stop> {
        let owner = self.owner();
        let mut removed = false;
        for tried in self.record.status.candidate_usernames.clone() {
            if kept.contains(&Some(tried.as_str())) {
                continue;
            }
            let found = self.session.find(&tried).await?.filter(|user| owner.owns(&user.tags));
            if let Some(user) = found.filter(|user| self.record.status.has_not(&user.ids)) {
                self.count(&Step::DeleteUser, &user.ids).await?;
                self.session.change(&Step::DeleteUser, &user.ids).await?;
                (self.record.status.removal_claim, removed) = (None, true);
            }
            self.record.status.candidate_usernames.retain(|other| *other != tried);
        }
        Ok(removed)
    }

    /// Counts a removal, unless there were too many within the hour; one that was counted already is not
    /// counted again.
    pub(super) async fn count(&mut self, step: &Step, user: &UserIds) -> Result<(), Stop> {
        let now = self.now();
        let removal = removal(step, user);
        let (roster, most) = (&self.reconciler.roster, self.reconciler.policy.removals_per_hour);
        if self.record.schedule.guard_waived {
            roster.note_removal(&removal, now).await?;
        } else if !roster.count_removal(&removal, now, most).await? {
            return Err(removal_held(most).into());
        }
        self.record.status.removal_claim = Some(RemovalClaim { removal, time: now });
        Ok(())
    }
}

fn removal(step: &Step, user: &UserIds) -> String {
    format!("{} {}", step.name(), user.id)
}

/// Whether a user that was there before was to be removed by us since.
pub(super) fn is_removed(record: &UserRecord, held: &Held) -> bool {
    let ours = removal(&Step::DeleteUser, &held.ids);
    record.status.removal_claim.as_ref().is_some_and(|claim| claim.removal == ours)
}

fn removal_held(most: usize) -> Fault {
    let detail = format!(
        "as many users were removed or suspended within an hour as MAX_REMOVALS_PER_HOUR lets pass \
         ({most}); if more are meant to leave: connect-provisioner parked release"
    );
    Fault::new(Kind::RemovalHeld, detail)
}
