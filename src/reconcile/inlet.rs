//! What a sender says → the roster → Connect, at once where there is time.

use std::time::SystemTime;

use super::budget::Budget;
use super::writer::{Upserted, Written};
use super::{Blame, Reconciler, TRIES, changed_meanwhile};
use crate::assign::Agent;
use crate::assign::owner::Owner;
use crate::assign::password::Password;
use crate::event::Intent;
use crate::fault::{Fault, Kind};
use crate::outcome::Outcome;
use crate::roster::Clash;
use crate::roster::fold::{Change, Said, is_another, taken};
use crate::roster::key::{Id, Key};
use crate::roster::record::{UserRecord, Wanted};
use crate::roster::{BATCH, find_everybody};
use crate::scim::Person;

/// What an inlet heard.
pub struct Heard<'a> {
    /// What is asked for.
    pub intent: &'a Intent,
    /// The name of the hook by which it came.
    pub source: &'a str,
    /// When it happened at the sender's, where it said so.
    pub happened: Option<SystemTime>,
    /// By which hash deliveries of this event are known again.
    pub event: Option<&'a str>,
    /// Whether the sender can mend what Connect refuses: if not, it waits in the roster for somebody.
    pub can_mend: bool,
}

impl Reconciler {
    /// Writes down what a sender says and makes Connect follow, until the deadline. What was written
    /// is never lost; what Connect could not take yet is pending.
    ///
    /// # Errors
    /// What the sender can mend: then nothing of it is left. And [`Kind::Unavailable`], if the roster
    /// did not answer.
    pub async fn accept(
        &self,
        heard: &Heard<'_>,
        budget: &mut Budget<'_>,
    ) -> Result<Upserted, Fault> {
        let entered = self.enter(heard, budget).await;
        let mut entry = match entered.map_err(|fault| of_the_whole(fault, heard.intent))? {
            Written::ToFollow(entry) => *entry,
            Written::Done(upserted) => return Ok(upserted),
        };
        // Whoever leaves is not let in again because something else is wrong.
        let can_undo = heard.can_mend && !heard.intent.is_farewell();
        let blame = if can_undo { Blame::Undo(entry.former.take()) } else { Blame::Park };
        let password = heard.intent.person().and_then(|person| self.password(person));
        self.follow(entry, blame, password, budget).await
    }

    /// Writes down what was heard.
    async fn enter(&self, heard: &Heard<'_>, budget: &Budget<'_>) -> Result<Written, Fault> {
        let clock = budget.clock;
        let ignored = |reason| Written::Done(Upserted::nothing(Outcome::Ignored(reason)));
        let Some(person) = heard.intent.person() else {
            return Ok(ignored("nothing is asked for"));
        };
        let as_of = match (heard.happened, heard.event) {
            (Some(happened), _) => happened,
            (None, Some(event)) => self.roster.first_sight(event, clock.now()).await?,
            (None, None) => clock.now(),
        };
        let keys = keys(person)?;
        let id = self.new_id();
        let mut was_taken = false;
        for _ in 0..TRIES {
            let gone = self.roster.find_gone(&keys, BATCH).await?;
            let known = self.known(person).await?;
            let known = known.filter(|known| !is_of_who_is_gone(known, person, as_of, &gone));
            let known = self.meant(known, heard, person)?;
            let owner = match &known {
                Some(record) => self.owner_of(record),
                None => match self.new_owner(person, &id).await? {
                    Ok(owner) => owner,
                    // Connect has nobody of such a name; but a name there must be, unless it is somebody
                    // who is gone.
                    Err(_)
                        if heard.intent.is_farewell()
                            && (person.user_name().is_ok() || !gone.is_empty()) =>
                    {
                        return Ok(ignored(UNKNOWN));
                    }
                    Err(fault) if heard.can_mend => return Err(fault),
                    // Connect will have no such user, so nobody else can be its owner.
                    Err(_) => Owner::of_record(&self.rules.deployment, id.as_str()),
                },
            };
            let (now, id, owner) = (clock.now(), id.clone(), owner.hash());
            let Heard { intent, source, .. } = *heard;
            let said = Said { intent, as_of, now, id, owner, source };
            said.check_time()?;
            let (mut record, is_same) = match said.fold(known.as_ref(), &gone)? {
                Change::Nothing(reason) => return Ok(ignored(reason)),
                Change::Same(record) => (*record, true),
                Change::Written(record) => (*record, false),
            };
            if heard.can_mend {
                self.judge(&record, heard.intent)?;
            } else if self.is_to_wait(&record, known.as_ref()).await? {
                record.wait_for_name(known.as_ref(), now);
            }
            record.spec.shares_external_id &= self.is_shared(&record).await?;
            match self.write(record, is_same, known, budget).await? {
                Ok(written) => return Ok(written),
                Err(Clash::Moved) => {}
                // Who has the name is found now; if not, it is another person's.
                Err(Clash::Taken) if was_taken && heard.can_mend => return Err(taken()),
                Err(Clash::Taken) => was_taken = true,
            }
        }
        Err(changed_meanwhile())
    }

    /// Who is meant of who was found: nobody, if they are another person of the same name, and the
    /// sender could not mend it. A leave shuts out whoever has the name.
    fn meant(
        &self,
        known: Option<UserRecord>,
        heard: &Heard<'_>,
        person: &Person,
    ) -> Result<Option<UserRecord>, Fault> {
        let Some(known) = known else { return Ok(None) };
        let is_strict = heard.can_mend || matches!(heard.intent, Intent::Leave(_));
        Ok(if is_strict || !is_another(&known, person)? { Some(known) } else { None })
    }

    /// Whether the name that a person is given is to be waited for.
    async fn is_to_wait(
        &self,
        record: &UserRecord,
        known: Option<&UserRecord>,
    ) -> Result<bool, Fault> {
        let told = |record: &UserRecord| record.spec.person.user_name().ok().map(Key::user_name);
        let is_new = known.is_none_or(|known| told(known) != told(record));
        match told(record).filter(|_| is_new && record.wanted() != Wanted::Gone) {
            Some(name) => Ok(self.who_is_before(&name, record).await?.is_some()),
            None => Ok(false),
        }
    }

    /// Whether somebody else goes by a record's `externalId`.
    async fn is_shared(&self, record: &UserRecord) -> Result<bool, Fault> {
        if !record.spec.shares_external_id {
            return Ok(false);
        }
        Ok(self
            .by_external_id(&record.spec.person)
            .await?
            .is_some_and(|first| first.id != record.id))
    }

    /// The owner of a new person's user: nobody else's, now or lately.
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

    /// Refuses before it is written what Connect would refuse after. Whose sender cannot mend it is
    /// written all the same, and parked.
    fn judge(&self, record: &UserRecord, intent: &Intent) -> Result<(), Fault> {
        if record.wanted() != Wanted::Active || record.spec.never_joined {
            return Ok(());
        }
        let mut agent = Agent::assign(&record.spec.person, &[], &self.rules, (self.entropy)())?;
        if let Some(password) = intent.person().and_then(|person| self.password(person)) {
            agent.password = Ok(Some(password));
        }
        if record.status.user.is_none() { agent.password.map(drop) } else { Ok(()) }
    }

    /// Who is meant: the identity provider's own id counts more than the name, unless several share
    /// that id.
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

    /// Who goes by a person's `externalId`: of several whoever had it before the others, and of those
    /// who are left when that one gives it up, whoever came first.
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

    /// Who goes by a person's `userName`.
    pub(super) async fn by_name(&self, person: &Person) -> Result<Option<UserRecord>, Fault> {
        match person.user_name() {
            Ok(name) => Ok(self.roster.find(&Key::user_name(name)).await?),
            Err(_) => Ok(None),
        }
    }

    /// The event's own password, which is used now or never, where users have one.
    pub(super) fn password(&self, person: &Person) -> Option<Password> {
        let password = person.password().ok().flatten().filter(|_| self.rules.identity.password);
        password.and_then(Password::read)
    }
}

/// What somebody who is gone went by, if they were this person: the identity provider's own id before the name, which may change.
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

/// Whoever sends but what changed is told that the whole person is wanted.
fn of_the_whole(fault: Fault, intent: &Intent) -> Fault {
    let is_missing = fault.kind == Kind::InvalidValue && fault.detail.ends_with("found none");
    if !is_missing || !matches!(intent, Intent::Change(_)) {
        return fault;
    }
    let detail =
        format!("{}; user.updated tells the whole person, as user.created does", fault.detail);
    Fault { detail: detail.into(), ..fault }
}

/// Whether an event that has but an `externalId` in common with somebody is about another person, of
/// the same id, who is gone: by their name, or by what is known of them since.
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
        None => gone.any(|gone| as_of <= gone.as_of()),
    }
}

const UNKNOWN: &str = "this person was never assigned to Amazon Connect";
