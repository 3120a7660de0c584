//! A username that is taken: by our own earlier attempt, by another record of ours, or by somebody else.

use std::collections::BTreeSet;

use super::Keeper;
use super::work::Stop;
use crate::assign::Agent;
use crate::assign::id::ResourceId;
use crate::assign::owner::{MANAGED_BY, Owner};
use crate::assign::power::Power;
use crate::connect::Applied;
use crate::connect::plan::{Observed, Step, check_owner};
use crate::connect::session::Session;
use crate::deadline::Clock;
use crate::fault::{Fault, Kind};
use crate::roster::key::Key;
use crate::roster::policy::Foreign;
use crate::roster::record::{Held, UserRecord};

impl Keeper {
    /// Goes on with a user who was there already: ours by an earlier attempt, or to be adopted.
    pub(super) async fn take_over(
        &self,
        record: &mut UserRecord,
        session: &Session<'_>,
        clock: Clock,
        agent: &Agent,
        power: &Power<ResourceId>,
        mut user: Observed,
    ) -> Result<Applied, Stop> {
        if let Err(foreign) = check_owner(&agent.owner, &user) {
            self.check_others(&user, clock).await?;
            if self.policy.foreign == Foreign::Refuse || user.tags.contains_key(MANAGED_BY) {
                return Err(foreign.into());
            }
            self.check_power(&user, power, session).await?;
            // Whoever finds it to be ours shall know that it was not.
            record.status.adopting = true;
            self.checkpoint(record).await?;
            let tags = agent.owner.tags().into_iter().collect();
            session.change(&Step::TagResource(tags), &user.ids).await?;
            user.tags.extend(agent.owner.tags());
        }
        record.has_user(Held::new(&user.ids, clock.now()));
        let applied = self.update(record, session, agent, power, &user).await?;
        Ok(if record.status.adopting { Applied::Adopted(user.ids) } else { applied })
    }

    /// Whether a user is another record's: then it will go, or be renamed, and the name be free.
    async fn check_others(&self, user: &Observed, clock: Clock) -> Result<(), Stop> {
        let Some(hash) = Owner::hash_in(&self.rules.deployment, &user.tags) else { return Ok(()) };
        let Some(mut other) = self.roster.find(&Key::owner(hash)).await? else { return Ok(()) };
        if other.is_tombstone() {
            // It came after all, from a call that was long given up.
            other.status.user = Some(Held::new(&user.ids, clock.now()));
            other.pend(clock.now());
            other.set_due(Some(clock.now()));
            let _overtaken = self.roster.write(&other).await?;
        }
        Err(held_by_another().into())
    }

    /// Whether a user can do no more than anybody who is made here may, or than this person will.
    async fn check_power(
        &self,
        user: &Observed,
        own: &Power<ResourceId>,
        session: &Session<'_>,
    ) -> Result<(), Stop> {
        let mut power = self.rules.power.clone();
        power.security_profiles.extend(self.rules.allowed.security_profiles.iter().cloned());
        let power = session.resolve(&power).await?;
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
