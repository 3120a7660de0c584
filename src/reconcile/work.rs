//! Desired state + observed state → the calls of Connect, one after the other.
//!
//! Every round begins with DescribeUser and plans from what it shows. Nothing that a former round
//! did is taken from memory, so a round may be cut off after any call, and the next one plans what
//! is left.

use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use super::attempt::{Attempt, ReconcileError};
use super::removal::is_removed;
use super::{Reconciler, TRIES};
use crate::assign::Agent;
use crate::assign::id::ResourceId;
use crate::assign::instance::ResourceRef;
use crate::assign::owner::Owner;
use crate::assign::permissions::Permissions;
use crate::connect::plan::{DesiredUser, Observed, Step, check_owner, plan};
use crate::connect::session::{Created, Session};
use crate::connect::{Applied, UserIds};
use crate::deadline::{Clock, lies_within};
use crate::fault::{Fault, Kind};
use crate::hex;
use crate::roster::RosterError;
use crate::roster::group::GroupChange;
use crate::roster::key::Id;
use crate::roster::policy::{Missing, Rename};
use crate::roster::record::{ConnectUser, DesiredState, PAUSED, Reapplied, UserRecord, YOUNG};
use crate::roster::{all_groups_of, write_group};

/// How often a value is written that Connect then shows otherwise. Two programs that set one value
/// would else overwrite each other for ever.
const MOST_APPLICATIONS: u8 = 2;

impl Attempt<'_> {
    /// One round: makes Connect hold what the record wants. What is learnt of Connect is in the
    /// record when this returns, whatever it returns.
    ///
    /// The order is: groups of a person who is gone, the username that is waited for, the former
    /// user of a rename, then the user itself.
    pub(super) async fn work(&mut self) -> Result<Applied, ReconcileError> {
        if let Some(farewell) = self.farewell()? {
            let mut left = self.take_leave(farewell).await;
            if self.is_paused && left.is_ok() && self.wants_removal() {
                left = Err(paused().into());
            }
            if !matches!(left, Ok(_) | Err(ReconcileError::Fault(_))) {
                return left;
            }
            // What is left of the person here comes after the doors are shut, and before the record is
            // settled: a settled one may be a tombstone, on which nobody works any more.
            if self.record.desired_state() == DesiredState::Deleted {
                self.reconciler.leave_groups(&self.record.id, self.clock).await?;
            } else if self.record.is_nameless() {
                self.claim_name().await?;
            }
            return left;
        }
        if self.is_paused {
            return Err(paused().into());
        }
        if self.record.desired_state() == DesiredState::Inactive {
            return self.keep().await;
        }
        let waits = self.claim_name().await?;
        // First, because the status has room for one former user. Another rename on top of an
        // unfinished one would push out the id of the first, and its user would be nobody's.
        self.remove_former().await?;
        match waits {
            None => self.hold_user().await,
            Some(fault) if self.record.is_nameless() => Err(ReconcileError::NameTaken(fault)),
            Some(fault) => {
                // The user of the name that they have is kept in step meanwhile.
                self.hold_user().await?;
                Err(ReconcileError::NameTaken(fault))
            }
        }
    }

    /// Changes nothing of somebody who left, by `DEACTIVATE=keep`. But a CreateUser of unknown fate may
    /// have left a user of whom only the name is known.
    async fn keep(&mut self) -> Result<Applied, ReconcileError> {
        if self.record.is_nameless() {
            self.claim_name().await?;
        }
        self.remove_former().await?;
        if !self.record.status.candidate_usernames.is_empty() {
            self.one_user().await?;
        }
        let held = self.record.status.user.as_ref().map(|held| held.ids.clone());
        Ok(held.map_or(Applied::NoUser, Applied::Unchanged))
    }

    /// The security profiles with which people work here, as far as they are spelled in the other
    /// way than `suspended`, id or name. Those spelled the same way were compared when the
    /// configuration was read.
    pub(super) async fn given_to_agents(
        &self,
        suspended: &ResourceRef,
    ) -> Result<Vec<ResourceId>, Fault> {
        let (permissions, allowed) =
            (&self.reconciler.rules.permissions, &self.reconciler.rules.allowed);
        let groups = self.reconciler.rules.security_profiles_of_groups();
        let all =
            permissions.security_profiles.iter().chain(&allowed.security_profiles).chain(groups);
        let spelling = std::mem::discriminant(suspended);
        resolved(all.filter(|one| std::mem::discriminant(*one) != spelling), &self.session).await
    }

    /// The security profiles that groups give.
    pub(super) async fn granted_by_groups(&self) -> Result<Vec<ResourceId>, Fault> {
        resolved(self.reconciler.rules.security_profiles_of_groups(), &self.session).await
    }

    /// Takes away what can be taken where the profile for suspended users is one with which others
    /// work. It is not given: of the user's profiles all but one are removed, and the one that
    /// stays is one that everybody has, if there is any. So somebody who leaves can do less than
    /// before and never more, whatever the setting names. The fault is returned in each case, and
    /// the record parks.
    pub(super) async fn take_what_can_be(
        &mut self,
        profile: &ResourceId,
        user: &Observed,
    ) -> ReconcileError {
        let everybodys = match resolved(
            self.reconciler.rules.permissions.security_profiles.iter(),
            &self.session,
        )
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
        still_has_access().into()
    }

    /// The one user of the record, if there is any. Others that a CreateUser of unknown fate may
    /// have made are removed.
    async fn one_user(&mut self) -> Result<Option<Observed>, ReconcileError> {
        // Under either policy: somebody who is to be shut out and has no user is no reason to park.
        let mut observed = self.observe(Missing::Recreate).await?;
        if observed.is_none() {
            observed = self.find_candidate(None).await?;
        }
        let shown = observed.as_ref().map(|user| user.username.as_str());
        self.remove_candidates([shown, None]).await?;
        Ok(observed)
    }

    /// Makes Connect hold the user of an active person: changes what differs, or creates it.
    ///
    /// A rename is: CreateUser under the new name, checkpoint with both ids, removal of the former
    /// user. Cut off before the checkpoint, two users exist of which one is unwritten; the next
    /// round finds it, since CreateUser says that the name is taken and the tags say that it is
    /// ours.
    async fn hold_user(&mut self) -> Result<Applied, ReconcileError> {
        // Nobody ever asked for this person to join: there was a leave, and now a return. A user
        // that is found all the same dates from the time before the roster, and is given back.
        if self.record.spec.never_joined && self.record.status.user.is_none() {
            if self.find_candidate(None).await?.is_none() {
                return Ok(Applied::NoUser);
            }
            self.record.spec.never_joined = false;
        }
        let agent = self.agent().await?;
        let permissions = self.session.resolve(&agent.permissions).await?;
        let name = agent.username.as_str();
        // By id first. Names are looked up only where no id is known, because the search index lags
        // and the full list is long.
        let mut observed = self.observe(self.reconciler.policy.missing).await?;
        if observed.is_none() {
            observed = self.find_candidate(Some(name)).await?;
        }
        let shown = observed.as_ref().map(|user| user.username.as_str());
        self.remove_candidates([shown, Some(name)]).await?;
        let is_renamed = shown.is_some_and(|shown| shown != name);
        if let Some(user) = observed.filter(|_| !is_renamed) {
            return self.update(&agent, &permissions, &user).await;
        }
        if is_renamed && self.reconciler.policy.rename == Rename::Park {
            return Err(renamed().into());
        }
        // The old user stays until there is a new one. The other order would leave nobody if
        // Connect refuses the new name, is full, or throttles for an hour.
        let applied = self.create(&agent, &permissions).await?;
        // Both ids are written before the former user is removed: until then the new one is known
        // by its tags alone.
        if self.record.status.former_user.is_some() {
            self.checkpoint().await?;
        }
        self.remove_former().await?;
        Ok(applied)
    }

    /// The known user as Connect shows it now, or `None` if there is none to be expected.
    ///
    /// A user that is not shown is one of three: removed by us, which the counted removal says; too
    /// young to be shown, which is a transient fault; or removed by hand, where `policy` decides
    /// between creating it again and parking. In the first and the last case the id is forgotten.
    async fn observe(&mut self, policy: Missing) -> Result<Option<Observed>, ReconcileError> {
        let Some(held) = self.record.status.user.clone() else { return Ok(None) };
        match self.sight(&held).await? {
            Some(user) => {
                check_owner(&self.owner(), &user)?;
                return Ok(Some(user));
            }
            None if is_removed(self.record, &held) || policy == Missing::Recreate => {}
            None => return Err(missing().into()),
        }
        self.record.status.user = None;
        Ok(None)
    }

    /// Looks for a user that a CreateUser of unknown fate may have made, under each candidate
    /// username but `name`. The first that bears our tags becomes the known user; candidates that
    /// lead nowhere are dropped.
    ///
    /// `name` is left out because CreateUser is about to be sent under it: if the user is there it
    /// answers "taken", and in the common case the look-ups are saved.
    async fn find_candidate(
        &mut self,
        name: Option<&str>,
    ) -> Result<Option<Observed>, ReconcileError> {
        let owner = self.owner();
        for tried in self.record.status.candidate_usernames.clone() {
            if Some(tried.as_str()) == name {
                continue;
            }
            let found = self.session.find(&tried).await?;
            if let Some(user) = found.filter(|user| owner.owns(&user.tags)) {
                self.record.status.user = Some(self.held(&user));
                self.record.status.had_user = true;
                return Ok(Some(user));
            }
            self.drop_candidate(&tried);
        }
        Ok(None)
    }

    /// Drops a candidate that was not found, unless a CreateUser of unknown fate may have made a user a
    /// while ago whom neither index nor list shows yet. Whether it was dropped.
    pub(super) fn drop_candidate(&mut self, name: &str) -> bool {
        let sent = self.record.status.create_unknown;
        let is_young = sent.is_some_and(|sent| lies_within(YOUNG, sent, self.now()));
        if !is_young {
            self.record.status.candidate_usernames.retain(|other| *other != name);
        }
        !is_young
    }

    /// Sends CreateUser. The name was written down before, with the lease, by `carry_over` or by
    /// `claim_name`.
    ///
    /// If the name is taken, the user is looked up: ours by an earlier attempt, another record's,
    /// foreign, or not shown yet, which is a transient fault.
    async fn create(
        &mut self,
        agent: &Agent,
        permissions: &Permissions<ResourceId>,
    ) -> Result<Applied, ReconcileError> {
        agent.password.as_ref().map_err(Fault::clone)?;
        let ids = match self.session.create(agent, permissions).await? {
            Created::New(ids) => ids,
            Created::Taken => {
                let found = self.session.find(agent.username.as_str()).await?;
                let user = found.ok_or_else(taken_by_nobody)?;
                return self.take_over(agent, permissions, user).await;
            }
        };
        let username = Some(agent.username.as_str().to_owned());
        let held = ConnectUser { ids: ids.clone(), since: self.now(), username };
        self.record.set_user(held);
        // They were counted on the user of before.
        self.record.status.reapply_counts.clear();
        // This one is of our own making.
        self.record.status.adoption_unconfirmed = false;
        Ok(Applied::Created(ids))
    }

    /// Changes what differs between the desired and the observed user. `Unchanged` if nothing did.
    pub(super) async fn update(
        &mut self,
        agent: &Agent,
        permissions: &Permissions<ResourceId>,
        user: &Observed,
    ) -> Result<Applied, ReconcileError> {
        // Whoever is given their power back, and leaves again, counts again.
        let claim = &mut self.record.status.removal_claim;
        claim.take_if(|claim| claim.removal.ends_with(&user.ids.id));
        let (confirmed, unconfirmed) = self.confirmed(permissions).await?;
        let mut steps = plan(DesiredUser::Held(agent, &confirmed), Some(user));
        let held = self.hold_losses(&mut steps, user).await?;
        let is_done = self.apply(&steps, &user.ids).await?;
        if let Some(fault) = held.or(unconfirmed) {
            return Err(fault.into());
        }
        let ids = user.ids.clone();
        Ok(if is_done { Applied::Unchanged(ids) } else { Applied::Updated(ids) })
    }

    /// What the user may have now: no more than everybody has, as long as nobody confirmed that a user
    /// whom somebody else made, with a password that they may know, is this person's; and the fault that
    /// tells of it.
    async fn confirmed(
        &mut self,
        permissions: &Permissions<ResourceId>,
    ) -> Result<(Permissions<ResourceId>, Option<Fault>), ReconcileError> {
        if self.record.schedule.adoption_confirmed {
            self.record.status.adoption_unconfirmed = false;
        }
        if !self.record.status.adoption_unconfirmed {
            return Ok((permissions.clone(), None));
        }
        let everybodys = &self.reconciler.rules.permissions.security_profiles;
        let everybodys = resolved(everybodys.iter(), &self.session).await?;
        let is_everybodys = |id: &ResourceId| everybodys.contains(id);
        if permissions.security_profiles.iter().all(is_everybodys) {
            return Ok((permissions.clone(), None));
        }
        let permissions = Permissions { security_profiles: everybodys, ..permissions.clone() };
        Ok((permissions, Some(unconfirmed())))
    }

    /// Makes the calls of a plan in their order; `Ok(true)` if the plan was empty.
    ///
    /// For each operation it is counted how often the same value was sent without Connect showing
    /// it at the next look. A step over the limit is skipped and the others are made; then the
    /// fault is `Kind::Unequal`, and the record parks. Cut off between two steps, the next plan has
    /// the rest.
    async fn apply(&mut self, steps: &[Step], user: &UserIds) -> Result<bool, ReconcileError> {
        self.forget_effects(steps);
        self.make(steps, user).await?;
        Ok(steps.is_empty())
    }

    /// Forgets how often a step was made that is planned no longer: it had its effect.
    pub(super) fn forget_effects(&mut self, steps: &[Step]) {
        let is_planned = |name: &String| steps.iter().any(|step| step.name() == name);
        self.record.status.reapply_counts.retain(|name, _| is_planned(name));
    }

    /// Makes these calls of a plan.
    pub(super) async fn make(
        &mut self,
        steps: &[Step],
        user: &UserIds,
    ) -> Result<(), ReconcileError> {
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
        if unequal.is_empty() { Ok(()) } else { Err(drifted(&unequal).into()) }
    }
}

impl Reconciler {
    /// Removes a person who is gone from their groups, with one write for each group and no call of
    /// Connect.
    ///
    /// # Errors
    /// The roster's, or if the groups change faster than this.
    pub async fn leave_groups(&self, user: &Id, clock: Clock) -> Result<(), RosterError> {
        for _ in 0..TRIES {
            // What was accepted before may be yet to be written: somebody who is not shown in a group
            // so far would come into it after this.
            while self.roster.mend(None).await? {}
            let groups = all_groups_of(&*self.roster, user.as_str()).await?;
            if groups.is_empty() {
                return Ok(());
            }
            for group in groups {
                let remove = vec![user.as_str().to_owned()];
                let change = GroupChange { remove, ..GroupChange::of(group, clock.now()) };
                // A group that somebody else changed meanwhile is among those that are asked for next.
                let _overtaken = write_group(&*self.roster, &change, || true).await?;
            }
        }
        Err(RosterError::NotDone("the groups of who is gone change all the time".to_owned()))
    }

    /// The owner that the record's user bears. It was fixed when the record was made, so later
    /// changes of name or `externalId` do not move it.
    pub(super) fn owner_of(&self, record: &UserRecord) -> Owner {
        Owner::of_hash(&self.rules.deployment, &record.owner)
    }
}

/// True if we have known the user for less than fifteen minutes.
pub(super) fn is_young(held: &ConnectUser, now: SystemTime) -> bool {
    lies_within(YOUNG, held.since, now)
}

/// Tells two values of the same operation apart: 16 hexadecimal digits of a hash.
fn digest(step: &Step) -> String {
    hex::write(Sha256::digest(step.members().to_string()).split_at(8).0)
}

/// Transient: an operator stopped everything but farewells.
pub(super) fn paused() -> Fault {
    Fault::new(Kind::Waiting, PAUSED)
}

/// Transient: the user may be shown at the next look.
pub(super) fn not_shown() -> Fault {
    Fault::new(Kind::Unavailable, "Amazon Connect does not show the user yet")
}

/// Transient: Connect's index and listing lag behind its check for duplicates.
fn taken_by_nobody() -> Fault {
    Fault::new(
        Kind::Unavailable,
        "Amazon Connect says that the username is taken and does not show by whom yet",
    )
}

/// The user was removed by hand, and `ON_MISSING` is `park`.
fn missing() -> Fault {
    Fault::new(
        Kind::Missing,
        "the user was removed from Amazon Connect by hand; remove the person in the identity \
         provider, or set ON_MISSING=recreate and retry",
    )
}

/// The operator's to say: whose password an adopted user has.
fn unconfirmed() -> Fault {
    Fault::new(
        Kind::Unconfirmed,
        "this user was somebody else's and is this person's by its username alone; whoever made it may \
         know its password, so it has no more than SECURITY_PROFILES; reset the password in Amazon \
         Connect, then: connect-provisioner parked confirm",
    )
}

/// Connect has no operation to rename a user, and `RENAME` is `park`.
fn renamed() -> Fault {
    Fault::new(
        Kind::Renamed,
        "userName: Amazon Connect cannot rename a user, and RENAME is park; take the change back in \
         the identity provider, or set RENAME=recreate and retry",
    )
}

/// The ids of these security profiles. Names that are not found are left out: nobody has such a
/// profile, and a person's suspension does not wait for a setting to be mended.
async fn resolved<'a>(
    meant: impl Iterator<Item = &'a ResourceRef>,
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

/// The operator's to mend: the profile for suspended users is one that agents have.
fn still_has_access() -> Fault {
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

/// For a value that Connect accepted and does not show.
fn drifted(operations: &[&str]) -> Fault {
    let detail = format!(
        "{}: Amazon Connect took the value twice and shows another; something else sets it, or \
         Connect does not keep it",
        operations.join(", ")
    );
    Fault::new(Kind::Unequal, detail)
}
