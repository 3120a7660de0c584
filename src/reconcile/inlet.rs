//! What hooks send → the roster → Connect, at once where there is time.
//!
//! Events come twice, late and in any order; `roster::merge` merges them, last writer wins. Whatever
//! can be judged without Connect is judged before the write, so that most faults of a sender's
//! leave nothing to roll back.

use std::time::SystemTime;

use super::budget::Budget;
use super::writer::{Upserted, WriteOutcome};
use super::{OnRejection, Reconciler, TRIES, changed_meanwhile};
use crate::assign::Agent;
use crate::assign::owner::Owner;
use crate::assign::password::Password;
use crate::event::{AccessStatement, Intent};
use crate::fault::{Fault, Kind};
use crate::outcome::Outcome;
use crate::roster::WriteConflict;
use crate::roster::key::{Id, Key};
use crate::roster::merge::{ANOTHER, MergeInput, MergeResult, Whose, is_another, taken};
use crate::roster::record::{DesiredState, UserRecord};
use crate::roster::{BATCH, find_everybody};
use crate::scim::Person;

/// One provisioning event, as an inlet read it.
pub struct ProvisioningEvent<'a> {
    /// The change that is asked for.
    pub intent: &'a Intent,
    /// What it says of the person's access.
    pub access: &'a AccessStatement,
    /// The name of the hook by which it came, as in its path.
    pub source: &'a str,
    /// The time of the event by the sender's clock, if the sender gave one.
    pub happened: Option<SystemTime>,
    /// A hash by which repeated deliveries of this event are recognised, for an event without a
    /// time of its own.
    pub event: Option<&'a str>,
    /// True if the sender can mend what Connect refuses; it then gets the fault, and the change is
    /// rolled back. If not, the change is kept and the record parks.
    pub can_mend: bool,
}

impl Reconciler {
    /// Writes an event to the roster and makes Connect follow, until the deadline. What was written
    /// is never lost; what Connect could not take yet is pending.
    ///
    /// # Errors
    /// Faults that the sender can mend: then the roster is as it was. [`Kind::Unavailable`] if the
    /// roster did not answer, or if a newer event is just being carried out and may yet be rolled
    /// back.
    pub async fn accept(
        &self,
        incoming: &ProvisioningEvent<'_>,
        budget: &mut Budget<'_>,
    ) -> Result<Upserted, Fault> {
        let entered = self.enter(incoming, budget).await;
        let mut entry = match entered.map_err(|fault| of_the_whole(fault, incoming.intent))? {
            WriteOutcome::ToFollow(entry) => *entry,
            WriteOutcome::Done(upserted) => return Ok(upserted),
        };
        // Somebody who leaves must not be let in again because something else is wrong: a leave is
        // never rolled back.
        let can_roll_back = incoming.can_mend && !incoming.intent.is_farewell();
        let on_rejection = if can_roll_back {
            OnRejection::Rollback(entry.former.take())
        } else {
            OnRejection::Park
        };
        let password = incoming.intent.person().and_then(|person| self.password(person));
        self.follow(entry, on_rejection, password, budget).await
    }

    /// Merges an event into the roster: find the record, merge, judge, write. It starts again if
    /// somebody wrote the record meanwhile, so that the merge is always with the newest state.
    async fn enter(
        &self,
        incoming: &ProvisioningEvent<'_>,
        budget: &Budget<'_>,
    ) -> Result<WriteOutcome, Fault> {
        let clock = budget.clock;
        let ignored = |reason| WriteOutcome::Done(Upserted::nothing(Outcome::Ignored(reason)));
        let Some(person) = incoming.intent.person() else {
            return Ok(ignored("nothing is asked for"));
        };
        // An undated event is as old as its first delivery. Dated by each delivery, a late repeat
        // would beat what happened since.
        let as_of = match (incoming.happened, incoming.event) {
            (Some(happened), _) => happened,
            (None, Some(event)) => self.roster.first_seen(event, clock.now()).await?,
            (None, None) => clock.now(),
        };
        let keys = keys(person)?;
        // One id for all attempts: it is part of the owner where the natural owner is taken.
        let id = self.new_id();
        let mut was_taken = false;
        for _ in 0..TRIES {
            // Somebody who is removed between these two reads is found by neither. Then the roster
            // refuses the write of a new record that is not newer than the removal, and we come by
            // here again.
            let gone = self.roster.find_deleted(&keys, BATCH).await?;
            let known = self.known(person).await?;
            let known = known.filter(|known| !is_of_who_is_gone(known, person, as_of, &gone));
            let is_in_doubt = match &known {
                Some(known) if incoming.intent.is_farewell() => {
                    match Whose::of(known, person, incoming.source)? {
                        Whose::Theirs => false,
                        Whose::InDoubt => true,
                        Whose::Anothers => return Ok(ignored(ANOTHER)),
                    }
                }
                _ => false,
            };
            let known = self.meant(known, incoming, person)?;
            let owner = match &known {
                Some(record) => self.owner_of(record),
                None => match self.new_owner(person, &id).await? {
                    Ok(owner) => owner,
                    // Connect has nobody of such a name; but a name there must be, unless it is somebody
                    // who is gone.
                    Err(_)
                        if incoming.intent.is_farewell()
                            && (person.user_name().is_ok() || !gone.is_empty()) =>
                    {
                        return Ok(ignored(UNKNOWN));
                    }
                    Err(fault) if incoming.can_mend => return Err(fault),
                    // Connect will have no such user, so nobody else can be its owner.
                    Err(_) => Owner::of_record(&self.rules.deployment, id.as_str()),
                },
            };
            let (now, id, owner) = (clock.now(), id.clone(), owner.hash());
            let ProvisioningEvent { intent, access, source, .. } = *incoming;
            let latest = now;
            let input =
                MergeInput { intent, access, is_in_doubt, as_of, now, latest, id, owner, source };
            input.check_time()?;
            let (mut record, is_same) = match input.merge_into(known.as_ref(), &gone)? {
                MergeResult::Ignored(reason) => return Ok(ignored(reason)),
                MergeResult::Unchanged(record) => (*record, true),
                MergeResult::Changed(record) => (*record, false),
            };
            // Before the write: most of what Connect would refuse is told without a call and
            // without a rollback.
            if incoming.can_mend {
                self.judge(&record, incoming.intent)?;
            } else if self.is_to_wait(&record, known.as_ref()).await? {
                record.await_name(known.as_ref(), now);
            }
            // The first holder may have given it up since; then nobody shares it any more.
            record.spec.shares_external_id &= self.is_shared(&record).await?;
            match self.write(record, is_same, known, budget).await? {
                Ok(written) => return Ok(written),
                Err(WriteConflict::StaleVersion) => {}
                // Who has the name is found now; if not, it is another person's.
                Err(WriteConflict::DuplicateKey) if was_taken && incoming.can_mend => {
                    return Err(taken());
                }
                Err(WriteConflict::DuplicateKey) => was_taken = true,
            }
        }
        Err(changed_meanwhile())
    }

    /// The record that the event is about, out of the one that was found by name. It is none if
    /// that is another person of the same name and the sender could not mend the clash. Whose a
    /// farewell is was told before, by [`Whose`].
    fn meant(
        &self,
        known: Option<UserRecord>,
        incoming: &ProvisioningEvent<'_>,
        person: &Person,
    ) -> Result<Option<UserRecord>, Fault> {
        let Some(known) = known else { return Ok(None) };
        let is_strict = incoming.can_mend || incoming.intent.is_farewell();
        Ok(if is_strict || !is_another(&known, person)? { Some(known) } else { None })
    }

    /// True if the username is new to the record and another person has it, or waits for it longer.
    async fn is_to_wait(
        &self,
        record: &UserRecord,
        known: Option<&UserRecord>,
    ) -> Result<bool, Fault> {
        let told = |record: &UserRecord| record.spec.person.user_name().ok().map(Key::user_name);
        let is_new = known.is_none_or(|known| told(known) != told(record));
        match told(record).filter(|_| is_new && record.desired_state() != DesiredState::Deleted) {
            Some(name) => Ok(self.who_is_before(&name, record).await?.is_some()),
            None => Ok(false),
        }
    }

    /// True if another person goes by the record's `externalId` and had it first.
    async fn is_shared(&self, record: &UserRecord) -> Result<bool, Fault> {
        if !record.spec.shares_external_id {
            return Ok(false);
        }
        Ok(self
            .by_external_id(&record.spec.person)
            .await?
            .is_some_and(|first| first.id != record.id))
    }

    /// The owner of a new person's user: by the `externalId` or `userName`, unless a living record
    /// or a tombstone has that owner. Then it is one of the record's own id, so that the user of
    /// somebody hired again is never taken for that of the person before.
    pub(super) async fn new_owner(
        &self,
        person: &Person,
        id: &Id,
    ) -> Result<Result<Owner, Fault>, Fault> {
        let natural = match Owner::of_person(person, &self.rules) {
            Ok((natural, _)) => natural,
            Err(fault) => return Ok(Err(fault)),
        };
        let taken = self.roster.find(&Key::owner(natural.hash())).await?.is_some();
        let own = || Owner::of_record(&self.rules.deployment, id.as_str());
        Ok(Ok(if taken { own() } else { natural }))
    }

    /// Refuses before the write what Connect would refuse after it, as far as that can be told
    /// without a call. Only for senders that can mend it.
    fn judge(&self, record: &UserRecord, intent: &Intent) -> Result<(), Fault> {
        if record.desired_state() != DesiredState::Active || record.spec.never_joined {
            return Ok(());
        }
        let mut agent = Agent::assign(&record.spec.person, &[], &self.rules, (self.entropy)())?;
        if let Some(password) = intent.person().and_then(|person| self.password(person)) {
            agent.password = Ok(Some(password));
        }
        if record.status.user.is_none() { agent.password.map(drop) } else { Ok(()) }
    }

    /// The record that the event is about. The identity provider's own id counts more than the
    /// name, which may change; unless several records share that id, where the name decides between
    /// them.
    async fn known(&self, person: &Person) -> Result<Option<UserRecord>, Fault> {
        let by_id = self.by_external_id(person).await?;
        let name = |person: &Person| person.user_name().ok().map(Key::user_name);
        if by_id.as_ref().is_some_and(|record| name(&record.spec.person) == name(person)) {
            return Ok(by_id);
        }
        let by_name = self.by_name(person).await?;
        let shares = by_name.as_ref().is_some_and(|record| {
            record.spec.shares_external_id
                && record.spec.person.external_id() == person.external_id()
        });
        Ok(if shares { by_name } else { by_id.or(by_name) })
    }

    /// The record that goes by this `externalId`: of several the first holder, and once that one
    /// gives it up, the oldest of the others.
    pub(super) async fn by_external_id(
        &self,
        person: &Person,
    ) -> Result<Option<UserRecord>, Fault> {
        let Some(id) = person.external_id()?.map(Key::external_id) else { return Ok(None) };
        if let Some(holder) = self.roster.find(&id).await? {
            return Ok(Some(holder));
        }
        let sharing = find_everybody(&*self.roster, &id, usize::MAX).await?.into_iter();
        Ok(sharing.min_by_key(|record| (record.created, record.id.clone())))
    }

    /// The record that goes by this `userName`; `None` if it is not readable as one.
    pub(super) async fn by_name(&self, person: &Person) -> Result<Option<UserRecord>, Fault> {
        match person.user_name() {
            Ok(name) => Ok(self.roster.find(&Key::user_name(name)).await?),
            Err(_) => Ok(None),
        }
    }

    /// The event's own password, if users of this instance have one. It is used for this event's
    /// CreateUser or never: it is stored nowhere.
    pub(super) fn password(&self, person: &Person) -> Option<Password> {
        let password = person.password().ok().flatten().filter(|_| self.rules.identity.password);
        password.and_then(Password::parse)
    }
}

/// The keys under which the tombstone of this person would be found: `externalId`, `userName`, and
/// the latter in the lower-case form that was hashed before names were case-folded.
pub(super) fn keys(person: &Person) -> Result<Vec<Key>, Fault> {
    let external_id = person.external_id()?.map(Key::external_id);
    match (external_id, person.user_name()) {
        (None, Err(fault)) => Err(fault),
        (external_id, user_name) => {
            let name = user_name.ok();
            let lowered = name.and_then(Key::lowered_user_name);
            let names = name.map(Key::user_name).into_iter().chain(lowered);
            Ok(external_id.into_iter().chain(names).collect())
        }
    }
}

/// Adds to a fault about a missing attribute that `user.updated` has to carry the full profile:
/// those who send but what changed run into this.
fn of_the_whole(fault: Fault, intent: &Intent) -> Fault {
    let is_missing = fault.kind == Kind::InvalidValue && fault.detail.ends_with("found none");
    if !is_missing || !matches!(intent, Intent::Change(_)) {
        return fault;
    }
    let detail =
        format!("{}; user.updated tells the whole person, as user.created does", fault.detail);
    Fault { detail: detail.into(), ..fault }
}

/// True if an event that matches a living record by a shared `externalId` alone is about another
/// person of that id, who is gone. The tombstone's name tells, or else that the event is older than
/// the removal.
fn is_of_who_is_gone(
    known: &UserRecord,
    person: &Person,
    as_of: SystemTime,
    gone: &[UserRecord],
) -> bool {
    let name = |person: &Person| person.user_name().ok().map(Key::user_name);
    let told = name(person);
    if !known.spec.shares_external_id || (told.is_some() && told == name(&known.spec.person)) {
        return false;
    }
    let id = known.spec.person.external_id().ok().flatten().map(Key::external_id);
    let mut gone = gone
        .iter()
        .filter(|gone| id.as_ref().is_some_and(|id| gone.spec.tombstone_keys.contains(id)));
    match &told {
        Some(told) => gone.any(|gone| gone.spec.tombstone_keys.contains(told)),
        None => gone.any(|gone| as_of <= gone.spec.access.time),
    }
}

/// The reason for which a leave of somebody unknown is ignored.
const UNKNOWN: &str = "this person was never assigned to Amazon Connect";
