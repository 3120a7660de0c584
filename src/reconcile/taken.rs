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
use crate::roster::key::{Id, Key};
use crate::roster::policy::{Deactivate, Foreign, Rename};
use crate::roster::record::{DesiredState, Phase};

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
            // Under the other types of identity management nobody signs in by a password of Connect's.
            self.record.status.adoption_unconfirmed =
                self.reconciler.rules.identity.name == CONNECT_MANAGED;
            self.checkpoint().await?;
            let tags = agent.owner.tags().into_iter().collect();
            self.session.change(&Step::TagResource(tags), &user.ids).await?;
            user.tags.extend(agent.owner.tags());
        }
        self.record.set_user(self.held(&user));
        let applied = self.update(agent, permissions, &user).await?;
        Ok(if self.record.status.adopting { Applied::Adopted(user.ids) } else { applied })
    }

    /// A fault if the user is that of another record here. A transient one where that record gives the
    /// name up: it is made to, since nobody else may sign in by it until then. Where it does not, the
    /// newcomer parks at once, with the id of whoever has the name.
    async fn check_others(&mut self, user: &Observed) -> Result<(), ReconcileError> {
        let Some(hash) = Owner::hash_in(&self.reconciler.rules.deployment, &user.tags) else {
            return Ok(());
        };
        let Some(mut other) = self.reconciler.roster.find(&Key::owner(hash)).await? else {
            return Ok(());
        };
        let policy = &self.reconciler.policy;
        let claims = other.keys().contains(&Key::user_name(&user.username));
        let status = &mut other.status;
        let holds = status.user.as_ref().is_some_and(|held| held.ids == user.ids);
        // Of whom is being removed the user goes in any case.
        let gives_up = match (other.spec.desired_state(), &policy.deactivate, policy.rename) {
            (DesiredState::Deleted, ..) => None,
            (DesiredState::Inactive, Deactivate::Keep, _)
            | (DesiredState::Active, _, Rename::Park) => Some(false),
            (DesiredState::Inactive, ..) | (DesiredState::Active, _, Rename::Recreate) => {
                Some(true)
            }
        };
        if status.is_unknown_user(&user.ids) {
            // An effect that came after its record was settled, from a call that was abandoned long
            // before, or a user who was not shown when they were looked for. The record, a tombstone too,
            // looks for it by its name, and the drain sees to it: it may have been removed since we saw it.
            if !status.candidate_usernames.contains(&user.username) {
                status.candidate_usernames.push(user.username.clone());
            }
        } else if !claims && holds && gives_up == Some(true) && status.former_user.is_none() {
            // The name has moved on, or belongs to nobody any more: its user is a former one, which is
            // removed before anything else is done. So a swap of names comes to an end.
            status.former_user = status.user.take();
        } else if !claims && holds && gives_up == Some(false) {
            let id = other.id.clone();
            if self.reconciler.rules.identity.name == SAML {
                self.shut_out_holder(user.clone()).await?;
            }
            return Err(held_for_good(&id).into());
        } else if other.schedule.phase != Phase::Pending {
            let is_parked = matches!(other.schedule.phase, Phase::Parked(_));
            let fault = if is_parked { held_for_good(&other.id) } else { held_by_another() };
            return Err(fault.into());
        }
        other.reopen(self.now());
        if !other.is_leased(self.now()) {
            other.set_due(Some(self.now()));
        }
        // If somebody else wrote it, the next attempt at this name comes by here again.
        let _overtaken = self.reconciler.roster.write(&other).await?;
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

/// The identity management under which whoever signs in by a username is its user.
const SAML: &str = "SAML";

/// The identity management under which Connect keeps the passwords.
const CONNECT_MANAGED: &str = "CONNECT_MANAGED";

/// The operator's to decide: whoever has the name keeps it, by the settings or because they are parked.
fn held_for_good(holder: &Id) -> Fault {
    let detail = format!(
        "userName: expected a username that nobody has in Amazon Connect, found it with the user of \
         another person here, {holder}, who is parked or keeps it by DEACTIVATE or RENAME; see to that \
         one, then retry this one"
    );
    Fault::new(Kind::Renamed, detail)
}

/// Transient: the name is given up when the other record is done.
fn held_by_another() -> Fault {
    Fault::new(
        Kind::Waiting,
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
