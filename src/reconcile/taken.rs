//! A username that is taken: by our own earlier attempt, by another record of ours, or by somebody else.

use std::collections::BTreeSet;

use super::attempt::{Attempt, Stop};
use crate::assign::Agent;
use crate::assign::id::ResourceId;
use crate::assign::owner::{MANAGED_BY, Owner};
use crate::assign::power::Power;
use crate::connect::Applied;
use crate::connect::plan::{Observed, Step, check_owner};
use crate::fault::{Fault, Kind};
use crate::roster::key::Key;
use crate::roster::policy::Foreign;

impl Attempt<'_> {
    /// Goes on with a user who was there already: ours by an earlier attempt, or to be adopted.
    pub(super) async fn take_over(
        &mut self,
        agent: &Agent,
        power: &Power<ResourceId>,
        mut user: Observed,
    ) -> Result<Applied, Stop> {
        if let Err(foreign) = check_owner(&agent.owner, &user) {
            self.check_others(&user).await?;
            if self.reconciler.policy.foreign == Foreign::Refuse
                || user.tags.contains_key(MANAGED_BY)
            {
                return Err(foreign.into());
            }
            self.check_power(&user, power).await?;
            // Whoever finds it to be ours shall know that it was not.
            self.record.status.adopting = true;
            self.checkpoint().await?;
            let tags = agent.owner.tags().into_iter().collect();
            self.session.change(&Step::TagResource(tags), &user.ids).await?;
            user.tags.extend(agent.owner.tags());
        }
        self.record.has_user(self.held(&user.ids));
        let applied = self.update(agent, power, &user).await?;
        Ok(if self.record.status.adopting { Applied::Adopted(user.ids) } else { applied })
    }

    /// Whether a user is another record's: then it will go, or be renamed, and the name be free.
    async fn check_others(&self, user: &Observed) -> Result<(), Stop> {
        let Some(hash) = Owner::hash_in(&self.reconciler.rules.deployment, &user.tags) else {
            return Ok(());
        };
        let Some(mut other) = self.reconciler.roster.find(&Key::owner(hash)).await? else {
            return Ok(());
        };
        if other.is_tombstone() {
            // It came after all, from a call that was long given up.
            other.status.user = Some(self.held(&user.ids));
            other.pend(self.now());
            other.set_due(Some(self.now()));
            let _overtaken = self.reconciler.roster.write(&other).await?;
        }
        Err(held_by_another().into())
    }

    /// Whether a user can do no more than anybody who is made here may, or than this person will.
    async fn check_power(&self, user: &Observed, own: &Power<ResourceId>) -> Result<(), Stop> {
        let mut power = self.reconciler.rules.power.clone();
        power
            .security_profiles
            .extend(self.reconciler.rules.allowed.security_profiles.iter().cloned());
        let power = self.session.resolve(&power).await?;
        let ours = power.security_profiles.iter().chain(&own.security_profiles);
        let ours: BTreeSet<&str> = ours.map(ResourceId::as_str).collect();
        if user.security_profiles.iter().all(|profile| ours.contains(profile.as_str())) {
            return Ok(());
        }
        Err(too_powerful().into())
    }
}

fn held_by_another() -> Fault {
    Fault::new(
        Kind::Unavailable,
        "the username is still that of a user who is being removed or renamed",
    )
}

fn too_powerful() -> Fault {
    Fault::new(
        Kind::Uniqueness,
        "userName: expected a user in Amazon Connect with no security profile but those of \
         SECURITY_PROFILES, ALLOWED_SECURITY_PROFILES and the person's groups in GROUP_PROFILES, found \
         one that may do more; it is not adopted",
    )
}
