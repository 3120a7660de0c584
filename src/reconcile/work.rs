//! What a record wants + what Connect holds → the calls, one after the other.

use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};

use super::attempt::{Attempt, Stop};
use super::removal::is_removed;
use super::{Reconciler, TRIES};
use crate::assign::Agent;
use crate::assign::id::ResourceId;
use crate::assign::instance::Reference;
use crate::assign::owner::Owner;
use crate::assign::power::Power;
use crate::connect::plan::{Desired, Observed, Step, check_owner, plan};
use crate::connect::session::{Created, Session};
use crate::connect::{Applied, UserIds};
use crate::deadline::{Clock, lies_within};
use crate::fault::{Fault, Kind};
use crate::hex;
use crate::roster::Trouble;
use crate::roster::group::GroupChange;
use crate::roster::key::Id;
use crate::roster::policy::{Deactivate, Missing, Rename};
use crate::roster::record::{Held, Reapplied, UserRecord, Wanted};
use crate::roster::{all_groups_of, write_group};

/// A user younger than this that Connect does not show may be shown yet ("Amazon Connect API
/// Reference", eventual consistency: seconds, sometimes minutes).
const YOUNG: Duration = Duration::from_mins(15);

/// A call is made this often for a value that Connect then shows otherwise.
const MOST_APPLICATIONS: u8 = 2;

impl Attempt<'_> {
    /// Makes Connect hold what a record wants, and notes in it what is known of Connect.
    pub(super) async fn work(&mut self) -> Result<Applied, Stop> {
        if self.record.wanted() == Wanted::Gone {
            self.reconciler.leave_groups(&self.record.id, self.clock).await?;
        }
        let waits = match self.record.wanted() {
            // Who is shut out keeps their user under its name, and takes another when they return: else
            // whoever is given the former one would find it taken in Connect.
            Wanted::Inactive if !self.record.is_nameless() => None,
            Wanted::Active | Wanted::Inactive | Wanted::Gone => self.claim_name().await?,
        };
        self.remove_former().await?;
        let reconciler = self.reconciler;
        match (self.record.wanted(), &reconciler.policy.deactivate) {
            (Wanted::Active, _) => match waits {
                None => self.hold_user().await,
                Some(fault) if self.record.is_nameless() => Err(Stop::Waits(fault)),
                Some(fault) => {
                    // The user of the name that they have is kept in step meanwhile.
                    self.hold_user().await?;
                    Err(Stop::Waits(fault))
                }
            },
            (Wanted::Inactive, Deactivate::Suspend(profile)) => self.shut_out(profile).await,
            (Wanted::Inactive, Deactivate::Keep) => {
                if !self.record.status.candidate_usernames.is_empty() {
                    self.one_user().await?;
                }
                let held = self.record.status.user.as_ref().map(|held| held.ids.clone());
                Ok(held.map_or(Applied::NoUser, Applied::Unchanged))
            }
            (Wanted::Gone, _) | (Wanted::Inactive, Deactivate::Delete) => self.hold_nothing().await,
        }
    }

    /// Removes whatever there is of a record's.
    async fn hold_nothing(&mut self) -> Result<Applied, Stop> {
        let mut applied = Applied::NoUser;
        if let Some(held) = self.record.status.user.clone() {
            self.remove(&held).await?;
            self.record.status.user = None;
            applied = Applied::Removed;
        }
        if self.remove_tried([None; 2]).await? {
            applied = Applied::Removed;
        }
        self.record.status.had_user |= applied == Applied::Removed;
        Ok(applied)
    }

    /// Leaves a user with this security profile alone; otherwise it stays as it is until the person
    /// returns.
    async fn shut_out(&mut self, profile: &Reference) -> Result<Applied, Stop> {
        let Some(user) = self.one_user().await? else { return Ok(Applied::NoUser) };
        let given = self.given_to_agents(profile).await?;
        let profile = self.session.security_profile(profile).await?;
        if given.contains(&profile) {
            return Err(self.take_what_can_be(&profile, &user).await);
        }
        let steps = plan(Desired::ShutOut(&profile), Some(&user));
        if steps.iter().any(|step| matches!(step, Step::UpdateUserSecurityProfiles(_))) {
            let step = Step::UpdateUserSecurityProfiles(Vec::new());
            self.count(&step, &user.ids).await?;
        }
        let is_done = self.apply(&steps, &user.ids).await?;
        self.record.status.removal_claim = None;
        Ok(if is_done { Applied::Unchanged(user.ids) } else { Applied::Suspended(user.ids) })
    }

    /// The security profiles with which somebody works here, those that may be `suspended` by another
    /// spelling: what is spelled alike was compared at the start.
    async fn given_to_agents(&self, suspended: &Reference) -> Result<Vec<ResourceId>, Fault> {
        let (power, allowed) = (&self.reconciler.rules.power, &self.reconciler.rules.allowed);
        let groups =
            self.reconciler.rules.groups.iter().flat_map(|(_, grant)| &grant.security_profiles);
        let all = power.security_profiles.iter().chain(&allowed.security_profiles).chain(groups);
        let spelling = std::mem::discriminant(suspended);
        resolved(all.filter(|one| std::mem::discriminant(*one) != spelling), &self.session).await
    }

    /// Where the profile for those who left is one with which others work, nothing is given: of what
    /// the user has, all is taken but one profile, one that everybody has if there is any. So whoever
    /// leaves can do less than before and never more, whatever the setting names.
    async fn take_what_can_be(&mut self, profile: &ResourceId, user: &Observed) -> Stop {
        let everybodys =
            match resolved(self.reconciler.rules.power.security_profiles.iter(), &self.session)
                .await
            {
                Ok(everybodys) => everybodys,
                Err(fault) => return fault.into(),
            };
        let mut kept = everybodys.iter().chain([profile]);
        let kept = kept.find(|id| user.security_profiles.contains(id.as_str()));
        if let Some(kept) = kept.filter(|_| user.security_profiles.len() > 1) {
            let step = Step::UpdateUserSecurityProfiles(vec![kept.clone()]);
            if let Err(stop) = self.count(&step, &user.ids).await {
                return stop;
            }
            if let Err(stop) = self.apply(&[step], &user.ids).await {
                return stop;
            }
            self.record.status.removal_claim = None;
        }
        not_powerless().into()
    }

    /// The one user of a record's, if there is any: what else may have been created is removed.
    async fn one_user(&mut self) -> Result<Option<Observed>, Stop> {
        let mut observed = self.observe(Missing::Recreate).await?;
        if observed.is_none() {
            observed = self.find_tried(None).await?;
        }
        let shown = observed.as_ref().map(|user| user.username.as_str());
        self.remove_tried([shown, None]).await?;
        Ok(observed)
    }

    /// Makes Connect hold a user.
    async fn hold_user(&mut self) -> Result<Applied, Stop> {
        // Who never joined is let in again only where there is a user from before the roster.
        if self.record.spec.never_joined && self.record.status.user.is_none() {
            if self.find_tried(None).await?.is_none() {
                return Ok(Applied::NoUser);
            }
            self.record.spec.never_joined = false;
        }
        let agent = self.agent().await?;
        let power = self.session.resolve(&agent.power).await?;
        let name = agent.username.as_str();
        let mut observed = self.observe(self.reconciler.policy.missing).await?;
        if observed.is_none() {
            observed = self.find_tried(Some(name)).await?;
        }
        let shown = observed.as_ref().map(|user| user.username.as_str());
        self.remove_tried([shown, Some(name)]).await?;
        let is_renamed = shown.is_some_and(|shown| shown != name);
        if let Some(user) = observed.filter(|_| !is_renamed) {
            return self.update(&agent, &power, &user).await;
        }
        if is_renamed && self.reconciler.policy.rename == Rename::Park {
            return Err(renamed().into());
        }
        // The old user stays until there is a new one.
        let applied = self.create(&agent, &power).await?;
        if self.record.status.former_user.is_some() {
            self.checkpoint().await?;
        }
        self.remove_former().await?;
        Ok(applied)
    }

    /// The user that is known, if Connect still has it.
    async fn observe(&mut self, policy: Missing) -> Result<Option<Observed>, Stop> {
        let Some(held) = self.record.status.user.clone() else { return Ok(None) };
        match self.session.observe(&held.ids).await? {
            Some(user) => {
                check_owner(&self.owner(), &user)?;
                return Ok(Some(user));
            }
            None if is_removed(self.record, &held) => {}
            None if is_young(&held, self.now()) => return Err(not_shown().into()),
            None if policy == Missing::Recreate => {}
            None => return Err(missing().into()),
        }
        self.record.status.user = None;
        Ok(None)
    }

    /// A user that may have been created with nobody knowing, under another name than this.
    async fn find_tried(&mut self, name: Option<&str>) -> Result<Option<Observed>, Stop> {
        let owner = self.owner();
        for tried in self.record.status.candidate_usernames.clone() {
            if Some(tried.as_str()) == name {
                continue;
            }
            let found = self.session.find(&tried).await?;
            if let Some(user) = found.filter(|user| owner.owns(&user.tags)) {
                self.record.status.user = Some(self.held(&user.ids));
                self.record.status.had_user = true;
                return Ok(Some(user));
            }
            self.record.status.candidate_usernames.retain(|other| *other != tried);
        }
        Ok(None)
    }

    async fn create(&mut self, agent: &Agent, power: &Power<ResourceId>) -> Result<Applied, Stop> {
        agent.password.as_ref().map_err(Fault::clone)?;
        let ids = match self.session.create(agent, power).await? {
            Created::New(ids) => ids,
            Created::Taken => {
                let found = self.session.find(agent.username.as_str()).await?;
                let user = found.ok_or_else(taken_by_nobody)?;
                return self.take_over(agent, power, user).await;
            }
        };
        self.record.has_user(self.held(&ids));
        self.record.status.reapply_counts.clear();
        // This one is of our own making.
        self.record.status.adoption_confirmed = false;
        Ok(Applied::Created(ids))
    }

    /// Changes what differs.
    pub(super) async fn update(
        &mut self,
        agent: &Agent,
        power: &Power<ResourceId>,
        user: &Observed,
    ) -> Result<Applied, Stop> {
        let steps = plan(Desired::Held(agent, power), Some(user));
        let is_done = self.apply(&steps, &user.ids).await?;
        let ids = user.ids.clone();
        Ok(if is_done { Applied::Unchanged(ids) } else { Applied::Updated(ids) })
    }

    /// Makes the calls, and says whether there were none. A call whose effect is never to be seen is
    /// not made for ever.
    async fn apply(&mut self, steps: &[Step], user: &UserIds) -> Result<bool, Stop> {
        let is_planned = |name: &String| steps.iter().any(|step| step.name() == name);
        self.record.status.reapply_counts.retain(|name, _| is_planned(name));
        let mut unequal = Vec::new();
        for step in steps {
            let (name, digest) = (step.name(), digest(step));
            let counts = &mut self.record.status.reapply_counts;
            let same = counts.get(name).filter(|tried| tried.digest == digest);
            let times = same.map_or(0, |tried| tried.times);
            if times >= MOST_APPLICATIONS {
                unequal.push(name);
                continue;
            }
            self.session.change(step, user).await?;
            let tried = Reapplied { digest, times: times.saturating_add(1) };
            self.record.status.reapply_counts.insert(name.to_owned(), tried);
        }
        if unequal.is_empty() { Ok(steps.is_empty()) } else { Err(stubborn(&unequal).into()) }
    }
}

impl Reconciler {
    /// Takes who is gone out of their groups.
    pub async fn leave_groups(&self, user: &Id, clock: Clock) -> Result<(), Trouble> {
        for _ in 0..TRIES {
            let groups = all_groups_of(&*self.roster, user.as_str()).await?;
            if groups.is_empty() {
                return Ok(());
            }
            for group in groups {
                let remove = vec![user.as_str().to_owned()];
                let change = GroupChange { remove, ..GroupChange::of(group, clock.now()) };
                // A group that somebody else changed meanwhile is among those that are asked for next.
                let _overtaken = write_group(&*self.roster, &change).await?;
            }
        }
        Err(Trouble::NotDone("the groups of who is gone change all the time".to_owned()))
    }

    /// Whose user a record's is.
    pub(super) fn owner_of(&self, record: &UserRecord) -> Owner {
        Owner::of_hash(&self.rules.deployment, &record.owner)
    }
}

pub(super) fn is_young(held: &Held, now: SystemTime) -> bool {
    lies_within(YOUNG, held.since, now)
}

/// Tells one call from another of the same operation.
fn digest(step: &Step) -> String {
    hex::write(Sha256::digest(step.members().to_string()).split_at(8).0)
}

pub(super) fn not_shown() -> Fault {
    Fault::new(Kind::Unavailable, "Amazon Connect does not show the user yet")
}

fn taken_by_nobody() -> Fault {
    Fault::new(
        Kind::Unavailable,
        "Amazon Connect says that the username is taken and does not show by whom yet",
    )
}

fn missing() -> Fault {
    Fault::new(
        Kind::Missing,
        "the user was removed from Amazon Connect by hand; remove the person in the identity \
         provider, or set ON_MISSING=recreate and retry",
    )
}

fn renamed() -> Fault {
    Fault::new(
        Kind::Renamed,
        "userName: Amazon Connect cannot rename a user, and RENAME is park; take the change back in \
         the identity provider, or set RENAME=recreate and retry",
    )
}

/// The ids of what is meant. What is not found is nobody's, and whoever leaves does not wait until
/// such a setting is mended.
async fn resolved<'a>(
    meant: impl Iterator<Item = &'a Reference>,
    session: &Session<'_>,
) -> Result<Vec<ResourceId>, Fault> {
    let mut ids = Vec::new();
    for reference in meant {
        match session.security_profile(reference).await {
            Ok(id) => ids.push(id),
            Err(fault) if fault.kind == Kind::Configuration => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(ids)
}

fn not_powerless() -> Fault {
    Fault::new(
        Kind::Configuration,
        "configuration: SUSPENDED_SECURITY_PROFILE is a profile with which others work here, so this \
         person still has access; name one that allows nothing",
    )
    .caused_by(
        "SUSPENDED_SECURITY_PROFILE: expected a profile that allows nothing, found one of \
         SECURITY_PROFILES, ALLOWED_SECURITY_PROFILES or GROUPS by another spelling",
    )
}

fn stubborn(operations: &[&str]) -> Fault {
    let detail = format!(
        "{}: Amazon Connect took the value twice and shows another; something else sets it, or \
         Connect does not keep it",
        operations.join(", ")
    );
    Fault::new(Kind::Unequal, detail)
}
