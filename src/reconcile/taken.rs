//! CreateUser said that the username is taken: by our own earlier attempt, by the user of another
//! record of ours, or by a user that somebody else made.

use std::collections::BTreeSet;

use super::attempt::{Attempt, ReconcileError};
use crate::assign::Agent;
use crate::assign::id::ResourceId;
use crate::assign::owner::{MANAGED_BY, Owner};
use crate::assign::permissions::Permissions;
use crate::connect::Applied;
use crate::connect::plan::{Observed, Step, check_owner};
use crate::fault::{Fault, Kind};
use crate::roster::key::Key;
use crate::roster::policy::Foreign;

impl Attempt<'_> {
    /// Decides about a user that has the username already, and goes on with it if it may: ours by
    /// an earlier attempt, or a foreign one that the policy lets us adopt.
    ///
    /// A foreign user is adopted only if no other deployment of this program manages it and it can
    /// do no more than users made here.
    pub(super) async fn take_over(
        &mut self,
        agent: &Agent,
        permissions: &Permissions<ResourceId>,
        mut user: Observed,
    ) -> Result<Applied, ReconcileError> {
        if let Err(foreign) = check_owner(&agent.owner, &user) {
            self.check_others(&user).await?;
            if self.reconciler.policy.foreign == Foreign::Refuse
                || user.tags.contains_key(MANAGED_BY)
            {
                return Err(foreign.into());
            }
            self.check_permissions(&user, permissions).await?;
            // Once the tags are on it, the user cannot be told from one that we made. That it was
            // foreign is written down before, so that the outcome still says "adopted" if we are
            // cut off in between.
            self.record.status.adopting = true;
            self.checkpoint().await?;
            let tags = agent.owner.tags().into_iter().collect();
            self.session.change(&Step::TagResource(tags), &user.ids).await?;
            user.tags.extend(agent.owner.tags());
        }
        self.record.set_user(self.held(&user.ids));
        let applied = self.update(agent, permissions, &user).await?;
        Ok(if self.record.status.adopting { Applied::Adopted(user.ids) } else { applied })
    }

    /// A transient fault if the user is that of another record here: it is about to be removed or
    /// renamed, and then the name is free.
    async fn check_others(&self, user: &Observed) -> Result<(), ReconcileError> {
        let Some(hash) = Owner::hash_in(&self.reconciler.rules.deployment, &user.tags) else {
            return Ok(());
        };
        let Some(mut other) = self.reconciler.roster.find(&Key::owner(hash)).await? else {
            return Ok(());
        };
        if other.is_tombstone() {
            // An effect that came after its record was settled, from a call that was abandoned long
            // before. The tombstone gets the user back, and the drain removes it.
            other.status.user = Some(self.held(&user.ids));
            other.set_pending(self.now());
            other.set_due(Some(self.now()));
            // If somebody else wrote the tombstone, the next attempt at this name comes by here
            // again.
            let _overtaken = self.reconciler.roster.write(&other).await?;
        }
        Err(held_by_another().into())
    }

    /// Refuses to adopt a user with a security profile that neither everybody, nor the allowed
    /// list, nor this person's groups would give: else a name would be a way to more access.
    async fn check_permissions(
        &self,
        user: &Observed,
        own: &Permissions<ResourceId>,
    ) -> Result<(), ReconcileError> {
        let mut permissions = self.reconciler.rules.permissions.clone();
        permissions
            .security_profiles
            .extend(self.reconciler.rules.allowed.security_profiles.iter().cloned());
        let permissions = self.session.resolve(&permissions).await?;
        let ours = permissions.security_profiles.iter().chain(&own.security_profiles);
        let ours: BTreeSet<&str> = ours.map(ResourceId::as_str).collect();
        if user.security_profiles.iter().all(|profile| ours.contains(profile.as_str())) {
            return Ok(());
        }
        Err(exceeds_allowed_permissions().into())
    }
}

/// Transient: the name is given up when the other record is done.
fn held_by_another() -> Fault {
    Fault::new(
        Kind::Unavailable,
        "the username is still that of a user who is being removed or renamed",
    )
}

/// The sender's to mend, by another username; or the operator's, by taking the profile away.
fn exceeds_allowed_permissions() -> Fault {
    Fault::new(
        Kind::Uniqueness,
        "userName: expected a user in Amazon Connect with no security profile but those of \
         SECURITY_PROFILES, ALLOWED_SECURITY_PROFILES and the person's groups in GROUP_PROFILES, found \
         one that may do more; it is not adopted",
    )
}
