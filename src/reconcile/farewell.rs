//! Farewells: whoever left has no user in Connect who may do anything.
//!
//! The order is by danger. First the power of the present user is taken, then that of the former user
//! of a rename and of users of unknown fate, then their sessions are ended; only then comes what tidies
//! up: the tag, and DeleteUser. What fails is noted and stops none of the others, since each of these
//! users is a door of its own.
//!
//! Nobody is taken for gone because Connect does not show them once: by id and by name it must show that
//! no user of ours is left, and the ids are kept until then.

use std::collections::BTreeSet;
use std::time::Duration;

use super::attempt::{Attempt, ReconcileError};
use super::budget::Budget;
use super::removal::is_removed;
use super::work::{is_young, not_shown, paused};
use super::{Followed, Reconciled, Reconciler};
use crate::assign::id::ResourceId;
use crate::connect::end_sessions::SessionsEnd;
use crate::connect::lookup::Shown;
use crate::connect::plan::{DesiredUser, Observed, Step, check_owner, plan};
use crate::connect::{Applied, UserIds};
use crate::fault::{Fault, Kind, Responsibility};
use crate::roster::policy::Deactivate;
use crate::roster::record::{
    ConnectUser, DesiredState, FAREWELL_PAUSE, SESSIONS_AGAIN, UserRecord,
};

/// A listing of the instance is evidence about a user of whom we have known for longer than that.
const LISTING_AGE: Duration = Duration::from_mins(1);

/// So many records are looked at for one whose user is there.
const OTHERS: usize = 64;

/// A listing in which a person was not found whom nobody ever asked to join is good for so long.
const STRANGER_LISTING_AGE: Duration = Duration::from_mins(10);

/// So often the end of the sessions is asked for before a user is removed who still has power: some seconds.
const SESSION_TRIES: u32 = 3;

/// What becomes of the present user of somebody who left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    /// It is removed.
    Remove,
    /// It stays, with the suspended profile alone.
    Suspend,
}

/// Whose place a user has in the record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Present,
    Former,
    Candidate,
}

/// A user of somebody who left, as Connect shows it, whose power was taken as far as that can be done
/// without removing it.
struct Leaver {
    user: Observed,
    role: Role,
    /// The steps that are left where the user is suspended: the tag.
    rest: Vec<Step>,
    /// Whether anything was changed.
    is_changed: bool,
    /// Whether it was shut out before and its sessions are ended: the tag, which comes last, says so.
    is_signed_out: bool,
    /// Whether it has the profile of those who left alone.
    has_no_power: bool,
    /// Whether its removal counts against the hour: not so of whom a farewell has shut out before, and
    /// whose name somebody else needs.
    is_counted: bool,
    /// Why it may not be removed yet, though it was shut out before: the hour is full.
    held: Option<Fault>,
}

/// The profile for those who left.
enum SuspendedProfile {
    /// It may be given.
    Fit(ResourceId),
    /// It is one with which people work here, by another spelling.
    Unfit(ResourceId),
    /// None is set.
    Unset,
}

/// What stood in the way of some step. One fault is told: one that time mends, since it is tried again in
/// seconds; else that somebody keeps their power because the hour is full, which waits for the operator;
/// else that a user may not be shown yet, which takes a quarter of an hour; and then the first, since the
/// order is by danger.
#[derive(Default)]
struct Trouble {
    fault: Option<Fault>,
    held: Option<Fault>,
    not_shown: Option<Fault>,
}

/// Whether time mends it.
fn passes(fault: &Fault) -> bool {
    fault.kind.responsibility() == Responsibility::Retry
}

impl Trouble {
    /// Notes a fault, and goes on without the result. Whatever ends the round is passed on.
    fn note<T>(&mut self, result: Result<T, ReconcileError>) -> Result<Option<T>, ReconcileError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(ReconcileError::Fault(fault)) => {
                if self.fault.as_ref().is_none_or(|known| !passes(known) && passes(&fault)) {
                    self.fault = Some(fault);
                }
                Ok(None)
            }
            Err(end) => Err(end),
        }
    }

    /// The same of a step that takes somebody's power.
    fn note_power<T>(
        &mut self,
        result: Result<T, ReconcileError>,
    ) -> Result<Option<T>, ReconcileError> {
        match result {
            Err(ReconcileError::Fault(fault)) if fault.kind == Kind::RemovalHeld => {
                self.held.get_or_insert(fault);
                Ok(None)
            }
            other => self.note(other),
        }
    }

    fn end<T>(self, value: T) -> Result<T, ReconcileError> {
        let told = match self.fault {
            Some(fault) if passes(&fault) => Some(fault),
            fault => self.held.or(self.not_shown).or(fault),
        };
        told.map_or(Ok(value), |fault| Err(fault.into()))
    }
}

impl Attempt<'_> {
    /// What is to become of the person's user; `None` if it stays as it is: of who works, and under
    /// `DEACTIVATE=keep`.
    ///
    /// # Errors
    /// [`Kind::Configuration`] for a doubtful farewell where users are removed and no profile is set to
    /// suspend this one: nobody is deleted in doubt.
    pub(super) fn farewell(&self) -> Result<Option<Farewell>, Fault> {
        let policy = &self.reconciler.policy;
        let is_doubtful = self.record.spec.access.is_doubtful;
        match (self.record.desired_state(), &policy.deactivate) {
            (DesiredState::Active, _) => Ok(None),
            (DesiredState::Inactive, Deactivate::Keep) if !is_doubtful => Ok(None),
            (DesiredState::Inactive, Deactivate::Suspend(_)) => Ok(Some(Farewell::Suspend)),
            (DesiredState::Inactive, Deactivate::Delete | Deactivate::Keep) if is_doubtful => {
                match policy.suspended_profile() {
                    Some(_) => Ok(Some(Farewell::Suspend)),
                    None => Err(in_doubt()),
                }
            }
            (DesiredState::Inactive, Deactivate::Delete | Deactivate::Keep)
            | (DesiredState::Deleted, _)
                if self.is_paused =>
            {
                match policy.suspended_profile() {
                    Some(_) => Ok(Some(Farewell::Suspend)),
                    None => Err(paused_without_profile()),
                }
            }
            (DesiredState::Inactive, Deactivate::Delete | Deactivate::Keep)
            | (DesiredState::Deleted, _) => Ok(Some(Farewell::Remove)),
        }
    }

    /// Whether the person's user is to be removed, be it after a pause.
    pub(super) fn wants_removal(&self) -> bool {
        let is_doubtful = self.record.spec.access.is_doubtful;
        match self.record.desired_state() {
            DesiredState::Active => false,
            DesiredState::Deleted => true,
            DesiredState::Inactive => {
                !is_doubtful && self.reconciler.policy.deactivate == Deactivate::Delete
            }
        }
    }

    /// Carries out a farewell on each user of the record.
    pub(super) async fn take_leave(
        &mut self,
        farewell: Farewell,
    ) -> Result<Applied, ReconcileError> {
        let mut trouble = Trouble::default();
        let had_user = self.record.status.user.is_some();
        let profile = trouble.note(self.suspended_profile().await)?;
        let profile = profile.unwrap_or(SuspendedProfile::Unset);
        let (mut leavers, mut shown) = (Vec::new(), BTreeSet::new());
        for role in [Role::Present, Role::Former] {
            let Some(held) = self.held_as(role).clone() else { continue };
            if let Some(Some(user)) = trouble.note(self.sight_or_forget(&held, role).await)? {
                shown.insert(user.username.clone());
                let leaver = self.take_power(user, role, farewell, &profile).await;
                leavers.extend(trouble.note_power(leaver)?);
            }
        }
        for name in self.record.status.candidate_usernames.clone() {
            // Names are unique in Connect, and this one's user was shown just now, whatever came of it.
            if shown.contains(&name) {
                self.record.status.candidate_usernames.retain(|other| *other != name);
                continue;
            }
            let Some(found) = trouble.note(self.find_tried(&name).await)? else { continue };
            let Some(user) = found else {
                if !self.drop_candidate(&name) {
                    trouble.not_shown = Some(not_shown());
                }
                continue;
            };
            // Where no other is known, it is the present one.
            let role = match self.record.status.user {
                None => {
                    self.record.set_user(self.held(&user));
                    Role::Present
                }
                Some(_) => Role::Candidate,
            };
            let leaver = self.take_power(user, role, farewell, &profile).await;
            leavers.extend(trouble.note_power(leaver)?);
        }
        let waiting = self.end_sessions(&leavers).await?;
        if !waiting.is_empty() {
            trouble.note::<()>(Err(sessions_not_ended().into()))?;
        }
        let mut applied = match farewell {
            Farewell::Remove if had_user => Applied::Removed,
            Farewell::Remove | Farewell::Suspend => Applied::NoUser,
        };
        for leaver in leavers {
            let role = leaver.role;
            if role == Role::Present && farewell == Farewell::Suspend {
                let is_tagged = leaver.rest.is_empty();
                // Not tagged while sessions are still to be ended: the tag says that all is done.
                if !waiting.contains(&leaver.user.ids.id) {
                    trouble.note(self.make(&leaver.rest, &leaver.user.ids).await)?;
                }
                self.record.status.removal_claim = None;
                let ids = leaver.user.ids;
                applied = match leaver.is_changed || !is_tagged {
                    true => Applied::Suspended(ids),
                    false => Applied::Unchanged(ids),
                };
            } else if trouble.note(self.delete_after_sessions(&leaver, &waiting).await)?.is_some() {
                self.forget(&leaver.user, role);
                if role == Role::Present || farewell == Farewell::Remove {
                    applied = Applied::Removed;
                }
            }
        }
        self.record.status.had_user |= applied == Applied::Removed;
        trouble.end(applied)
    }

    /// Removes the user of a former name. If somebody took our tags off it, they mean to keep it:
    /// it is not ours any more, it keeps nobody from the new name, and it is left alone.
    pub(super) async fn remove_former(&mut self) -> Result<(), ReconcileError> {
        let Some(former) = self.record.status.former_user.clone() else { return Ok(()) };
        let Some(user) = self.sight_or_forget(&former, Role::Former).await? else { return Ok(()) };
        self.remove(user, Role::Former).await
    }

    /// Removes users that a CreateUser of unknown fate may have made under other names than those in
    /// `kept`. Users that the status knows are not touched, nor those without our tags.
    pub(super) async fn remove_candidates(
        &mut self,
        kept: [Option<&str>; 2],
    ) -> Result<(), ReconcileError> {
        for tried in self.record.status.candidate_usernames.clone() {
            if kept.contains(&Some(tried.as_str())) {
                continue;
            }
            match self.find_tried(&tried).await? {
                Some(user) => self.remove(user, Role::Candidate).await?,
                None => drop(self.drop_candidate(&tried)),
            }
        }
        Ok(())
    }

    /// Removes a user of somebody who works on as another: its power and its sessions first.
    async fn remove(&mut self, user: Observed, role: Role) -> Result<(), ReconcileError> {
        let mut trouble = Trouble::default();
        let profile = trouble.note(self.suspended_profile().await)?;
        let profile = profile.unwrap_or(SuspendedProfile::Unset);
        let leaver = self.take_power(user, role, Farewell::Remove, &profile).await?;
        let waiting = self.end_sessions(std::slice::from_ref(&leaver)).await?;
        self.delete_after_sessions(&leaver, &waiting).await?;
        self.forget(&leaver.user, role);
        Ok(())
    }

    /// Takes the power of another record's user, and ends its sessions: somebody else is to sign in by
    /// its name. Counted like a suspension.
    pub(super) async fn shut_out_holder(&mut self, user: Observed) -> Result<(), ReconcileError> {
        if let SuspendedProfile::Fit(profile) = self.suspended_profile().await? {
            let (power, tag): (Vec<Step>, Vec<Step>) =
                plan(DesiredUser::ShutOut(&profile), Some(&user))
                    .into_iter()
                    .partition(|step| matches!(step, Step::UpdateUserSecurityProfiles(_)));
            if power.is_empty() && tag.is_empty() {
                return Ok(());
            }
            if !power.is_empty() {
                let step = Step::UpdateUserSecurityProfiles(Vec::new());
                self.count(&step, &user.ids).await?;
            }
            for step in &power {
                self.session.change(step, &user.ids).await?;
            }
            // The tag comes last, and says that all is done.
            if self.reconciler.policy.ends_sessions {
                match self.session.end_sessions(&user.ids).await? {
                    SessionsEnd::NoUser => return Err(sessions_not_ended().into()),
                    // No record owes what Connect refuses here.
                    SessionsEnd::Ended | SessionsEnd::Refused(_) => {}
                }
            }
            for step in &tag {
                self.session.change(step, &user.ids).await?;
            }
        }
        Ok(())
    }

    const fn held_as(&self, role: Role) -> &Option<ConnectUser> {
        match role {
            Role::Former => &self.record.status.former_user,
            Role::Present | Role::Candidate => &self.record.status.user,
        }
    }

    /// Forgets a user that is gone.
    fn forget(&mut self, user: &Observed, role: Role) {
        match role {
            Role::Present => self.record.status.user = None,
            Role::Former => self.record.status.former_user = None,
            Role::Candidate => {}
        }
        self.record.status.candidate_usernames.retain(|name| *name != user.username);
    }

    /// The user as Connect shows it; `None`, and it is forgotten, where there is evidence that it is
    /// gone or, of a former one, that it is not ours any more.
    async fn sight_or_forget(
        &mut self,
        held: &ConnectUser,
        role: Role,
    ) -> Result<Option<Observed>, ReconcileError> {
        let sighted = match self.sight(held).await? {
            Some(user) => match check_owner(&self.owner(), &user) {
                Ok(()) => Some(user),
                Err(_) if role == Role::Former => None,
                Err(foreign) => return Err(foreign.into()),
            },
            None => None,
        };
        if let Some(user) = sighted.as_ref().filter(|user| user.ids != held.ids) {
            // Found by name: a user of ours whose id was never written down.
            let found = Some(self.held(user));
            match role {
                Role::Former => self.record.status.former_user = found,
                Role::Present | Role::Candidate => self.record.status.user = found,
            }
        }
        if sighted.is_none() {
            match role {
                Role::Former => self.record.status.former_user = None,
                Role::Present | Role::Candidate => self.record.status.user = None,
            }
        }
        Ok(sighted)
    }

    /// The user as Connect shows it, by id or else by name. `None` is evidence: neither shows a user of
    /// ours.
    pub(super) async fn sight(
        &self,
        held: &ConnectUser,
    ) -> Result<Option<Observed>, ReconcileError> {
        let shown = match self.session.observe(&held.ids).await? {
            Shown::User(user) => return Ok(Some(*user)),
            shown => shown,
        };
        let is_too_young = is_young(held, self.now()) && !is_removed(self.record, held);
        if is_too_young && self.record.desired_state() == DesiredState::Active {
            return Err(not_shown().into());
        }
        let owner = self.owner();
        let others = self.knows_of_others().await?;
        let told = self.record.spec.person.user_name().ok().map(str::to_owned);
        // A former user never had the name of now, and whoever has that one is another of the record's.
        let status = &self.record.status;
        let is_former = status.former_user.as_ref().is_some_and(|former| former.ids == held.ids);
        let told = told.filter(|_| !is_former);
        let others_of_record = [status.user.clone(), status.former_user.clone()];
        let is_other = |user: &Observed| {
            let mut known = others_of_record.iter().flatten();
            user.ids != held.ids && known.any(|known| known.ids == user.ids)
        };
        // A listing from before we knew of the user is no evidence.
        let known_for = self.now().duration_since(held.since).unwrap_or_default();
        let max_age = LISTING_AGE.min(known_for);
        let names: BTreeSet<String> = held.username.clone().into_iter().chain(told).collect();
        for name in names {
            let found = self.session.find_listed(&name, max_age, others).await?;
            let ours = found.filter(|user| owner.owns(&user.tags) && !is_other(user));
            if let Some(user) = ours {
                return Ok(Some(user));
            }
        }
        match shown {
            Shown::Refused => Err(look_up_refused().into()),
            _ if is_too_young => Err(not_shown().into()),
            _ => Ok(None),
        }
    }

    /// Whether the roster knows of other users who are there: then an instance without any is another's.
    async fn knows_of_others(&self) -> Result<bool, ReconcileError> {
        let (records, _) = self.reconciler.roster.page(0, OTHERS).await?;
        let has_user = |other: &UserRecord| {
            other.id != self.record.id && other.is_applied() && other.status.user.is_some()
        };
        Ok(records.iter().any(has_user))
    }

    /// A user that a CreateUser of unknown fate may have made under this name, and that the record does
    /// not know. Of whom nobody ever asked to join, the user of before the roster.
    async fn find_tried(&self, name: &str) -> Result<Option<Observed>, ReconcileError> {
        let owner = self.owner();
        let found = if self.record.spec.never_joined && !self.record.status.had_user {
            let others = self.knows_of_others().await?;
            self.session.find_listed(name, STRANGER_LISTING_AGE, others).await?
        } else {
            self.session.find(name).await?
        };
        let is_new = |user: &Observed| self.record.status.is_unknown_user(&user.ids);
        Ok(found.filter(|user| owner.owns(&user.tags) && is_new(user)))
    }

    /// Takes a user's power, counted against the hour first: all its security profiles but the one for
    /// those who left. A user that is to be removed, where no such profile is set, keeps its power until
    /// then.
    async fn take_power(
        &mut self,
        user: Observed,
        role: Role,
        farewell: Farewell,
        profile: &SuspendedProfile,
    ) -> Result<Leaver, ReconcileError> {
        let suspends = role == Role::Present && farewell == Farewell::Suspend;
        let mut rest = match profile {
            SuspendedProfile::Fit(profile) => plan(DesiredUser::ShutOut(profile), Some(&user)),
            SuspendedProfile::Unfit(profile) if suspends => {
                return Err(self.take_what_can_be(profile, &user).await);
            }
            SuspendedProfile::Unfit(_) | SuspendedProfile::Unset => Vec::new(),
        };
        let is_power = |step: &Step| matches!(step, Step::UpdateUserSecurityProfiles(_));
        let power: Vec<Step> = rest.extract_if(.., |step| is_power(step)).collect();
        if suspends {
            self.forget_effects(&rest);
        }
        let is_changed = !power.is_empty();
        let mut has_no_power = matches!(profile, SuspendedProfile::Fit(_));
        let was_shut_out = has_no_power && !is_changed;
        let mut held = None;
        let is_signed_out = was_shut_out && rest.is_empty();
        let is_counted = !(role == Role::Former && farewell == Farewell::Suspend && was_shut_out);
        let removes = !suspends && !self.is_paused;
        let suspension = Step::UpdateUserSecurityProfiles(Vec::new());
        if removes {
            if is_counted {
                // That its power is taken was counted before the person was removed: it may be yet, by a
                // call that was given up, so it is taken again.
                let loses_power = has_no_power && self.is_claimed(&suspension, &user.ids);
                match self.count(&Step::DeleteUser, &user.ids).await {
                    // It has no power, and is signed out all the same.
                    Err(ReconcileError::Fault(fault)) if was_shut_out || loses_power => {
                        held = Some(fault);
                    }
                    counted => counted?,
                }
            }
        } else if is_changed {
            self.count(&suspension, &user.ids).await?;
        }
        if !suspends {
            rest.clear();
        }
        // However often Connect took it and shows another: nobody else decides what a leaver may do.
        for step in &power {
            match self.session.change(step, &user.ids).await {
                // It is removed all the same, and then has no power either; what passes is waited for,
                // since nobody can end the sessions of a user who is gone.
                Err(fault) if removes && fault.kind.responsibility() != Responsibility::Retry => {
                    has_no_power = false;
                }
                made => made?,
            }
        }
        Ok(Leaver { user, role, rest, is_changed, is_signed_out, has_no_power, is_counted, held })
    }

    /// Ends the sessions of these users, and of those whose end is still owed. What Connect refuses is
    /// owed on, and stops nothing. Returns the users for whom time may mend it.
    async fn end_sessions(&mut self, leavers: &[Leaver]) -> Result<Vec<String>, ReconcileError> {
        if !self.reconciler.policy.ends_sessions {
            return Ok(Vec::new());
        }
        // In the status at once and taken out one by one: the time may run out at any call.
        let owed = &mut self.record.status.sessions_owed;
        for Leaver { user, is_signed_out, .. } in leavers {
            if !is_signed_out && !owed.contains(&user.ids.id) {
                owed.push(user.ids.id.clone());
            }
        }
        let mut waiting = Vec::new();
        for id in owed.clone() {
            let is_shown = leavers.iter().any(|leaver| leaver.user.ids.id == id);
            let user = UserIds { id: id.clone(), arn: String::new() };
            let (is_over, may_pass) = match self.session.end_sessions(&user).await {
                Ok(SessionsEnd::Ended) => (true, false),
                // Nobody can end the sessions of a user who is gone.
                Ok(SessionsEnd::NoUser) => (!is_shown, is_shown),
                Ok(SessionsEnd::Refused(_)) => (false, false),
                Err(_) => (false, true),
            };
            if may_pass {
                waiting.push(id.clone());
            }
            if is_over {
                self.record.status.sessions_owed.retain(|other| *other != id);
            }
        }
        // Written before a tag or a removal says that all is done.
        if !self.record.status.sessions_owed.is_empty() && !leavers.is_empty() {
            self.checkpoint().await?;
        }
        Ok(waiting)
    }

    /// Removes a user whose sessions are ended. While time may mend that, a user without power waits for
    /// it, since nobody can end the sessions of a user who is gone.
    async fn delete_after_sessions(
        &mut self,
        leaver: &Leaver,
        waiting: &[String],
    ) -> Result<(), ReconcileError> {
        if let Some(fault) = &leaver.held {
            return Err(fault.clone().into());
        }
        if self.is_paused {
            return Err(paused().into());
        }
        // Whose power could not be taken is not waited for long.
        let may_wait = leaver.has_no_power || self.record.schedule.attempts < SESSION_TRIES;
        if may_wait && waiting.contains(&leaver.user.ids.id) {
            return Err(sessions_not_ended().into());
        }
        self.delete(leaver).await
    }

    /// Removes a user that is shown, and was counted.
    ///
    /// Count, checkpoint, DeleteUser. Cut off after the count, the drain finds it counted. Cut off
    /// after the checkpoint, the drain removes the user without counting. Cut off after DeleteUser,
    /// Connect shows nobody and the counted removal says that it was us.
    async fn delete(&mut self, leaver: &Leaver) -> Result<(), ReconcileError> {
        let user = &leaver.user;
        if leaver.is_counted {
            self.count(&Step::DeleteUser, &user.ids).await?;
        }
        // After DeleteUser there is nothing left in Connect from which to tell who did it. Without
        // this write the user would seem young and not shown yet, or gone by hand, and be created
        // again.
        self.checkpoint().await?;
        // Connect removes the user and leaves its quick connects, which are others' work.
        self.session.change(&Step::DeleteUser, &user.ids).await?;
        self.record.status.removal_claim = None;
        Ok(())
    }

    /// The profile for those who left, as Connect has it.
    async fn suspended_profile(&self) -> Result<SuspendedProfile, ReconcileError> {
        let Some(named) = self.reconciler.policy.suspended_profile() else {
            return Ok(SuspendedProfile::Unset);
        };
        let given = self.given_to_agents(named).await?;
        let id = self.session.security_profile(named).await?;
        // Names are resolved only here. That two spellings, an ARN and a name, are the same profile
        // cannot be told at the start without a call.
        Ok(match given.contains(&id) {
            true => SuspendedProfile::Unfit(id),
            false => SuspendedProfile::Fit(id),
        })
    }
}

impl Reconciler {
    /// Tries once more to end the sessions of somebody who left, which Connect refused. No lease is
    /// taken: ending them twice does no harm, and whoever changes the record meanwhile decides.
    pub(super) async fn end_owed_sessions(
        &self,
        mut record: UserRecord,
        budget: &mut Budget<'_>,
    ) -> Result<Followed, Fault> {
        let now = budget.clock.now();
        let session = self.connect.session(now, budget.deadline, budget.limits(&record));
        let (mut owed, mut sessions_refused) = (Vec::new(), None);
        let mut again = SESSIONS_AGAIN;
        for id in std::mem::take(&mut record.status.sessions_owed) {
            let end = session.end_sessions(&UserIds { id: id.clone(), arn: String::new() }).await;
            match end {
                Ok(SessionsEnd::Ended | SessionsEnd::NoUser) => continue,
                Ok(SessionsEnd::Refused(fault)) => sessions_refused = Some(fault),
                Err(_) => again = FAREWELL_PAUSE,
            }
            owed.push(id);
        }
        budget.spent.add(&session.calls());
        record.settle_sessions(owed, again, now);
        // Whoever overtook us left the record due, or has settled it.
        let _overtaken = self.roster.write(&record).await?;
        let owner = record.owner;
        let reconciled = Reconciled::Pending(None);
        Ok(Followed { owner, reconciled, is_farewell: true, sessions_refused })
    }
}

/// Transient: Connect throttles, or did not answer.
fn sessions_not_ended() -> Fault {
    Fault::new(
        Kind::Waiting,
        "Amazon Connect has not ended the sessions of this user yet, who has no power any more",
    )
}

/// The operator's to decide: whose farewell it was.
fn in_doubt() -> Fault {
    Fault::new(
        Kind::Configuration,
        "externalId: it is in doubt whose farewell this was, and nobody is deleted in doubt; set \
         SUSPENDED_SECURITY_PROFILE, with which DEACTIVATE=delete suspends such a person, or decide: \
         connect-provisioner readmit, or deactivate the person by SCIM",
    )
}

/// The operator's to mend: nobody is removed while it is paused, and there is nothing to suspend with.
fn paused_without_profile() -> Fault {
    Fault::new(
        Kind::Configuration,
        "this person left while everything but farewells is paused, and no profile is set to suspend \
         them with, so they still have access; set SUSPENDED_SECURITY_PROFILE, or end the pause: \
         connect-provisioner resume",
    )
}

/// Connect refuses to show a user of ours by its own id. That is no evidence of anything.
fn look_up_refused() -> Fault {
    Fault::new(
        Kind::Unavailable,
        "Amazon Connect refuses to show a user of ours by its id, so it is not known whether the user \
         is gone",
    )
}
