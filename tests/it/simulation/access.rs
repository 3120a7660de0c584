//! The oracle of access: who must be out, and who must be in, by what was sent and acknowledged and by
//! nothing that we wrote down; and whether Connect's own users and sessions are so.
//!
//! It knows less than the roster does. Where two statements cannot be put in order, or nobody knows
//! whether one was heard, either is right; and so it can never be as wrong as what it watches.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use connect_provisioner::roster::Roster as _;
use connect_provisioner::roster::key::Key;
use connect_provisioner::roster::parked;
use connect_provisioner::roster::record::{Phase, SESSIONS_AGAIN, UserRecord};
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::lives::{self, Life, Saying, Sender};
use super::mutation::Mutation;
use super::weather::Skies;
use super::{House, NO_ACCESS, check};

/// How far apart the clocks of two senders may be.
const TOLERANCE: Duration = Duration::from_secs(300);

/// What a saying is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// Whether anything is against the person's working.
    Lifecycle,
    /// Created or activated.
    Activated,
    /// A group or an application.
    Membership(&'static str),
}

/// What is known of one saying.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fate {
    /// When it was first told.
    pub(crate) first: Option<SystemTime>,
    /// When the last try of telling it ended, or began.
    pub(crate) last: Option<SystemTime>,
    /// When it was first answered with success.
    pub(crate) done: Option<SystemTime>,
    /// Whether it surely changes the access, if it is acknowledged: a SCIM client that says what is so
    /// already may have said nothing.
    pub(crate) is_news: bool,
}

/// What must be of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nobody may work as the person, and no user is left.
    Gone,
    /// Nobody may work as the person.
    Out,
    /// Nobody can tell.
    Either,
    /// The person works.
    In,
}

/// One statement of a part, as it counts.
struct Statement {
    sender: Sender,
    part: Part,
    welcomes: bool,
    removes: bool,
    /// By the sender's own clock; none where it has none.
    said: Option<SystemTime>,
    /// When it counts, at the earliest and at the latest: a time ahead of our clock is now.
    earliest: SystemTime,
    latest: SystemTime,
    is_sure: bool,
}

impl Statement {
    fn of(saying: &Saying, fate: &Fate, now: SystemTime) -> Vec<Self> {
        let Some(first) = fate.first else { return Vec::new() };
        let last = if fate.done.is_some() { fate.last.unwrap_or(now) } else { now };
        let said = (saying.sender != Sender::Scim).then_some(saying.said);
        let counted = |heard: SystemTime| said.map_or(heard, |said| said.min(heard));
        let of = |&(part, welcomes): &(Part, bool)| Self {
            sender: saying.sender,
            part,
            welcomes,
            removes: saying.says.removes(),
            said,
            earliest: counted(first),
            latest: counted(last),
            is_sure: fate.done.is_some() && fate.is_news,
        };
        saying.says.parts().iter().map(of).collect()
    }

    /// Whether this farewell surely holds beside a welcome: a tie is the farewell's.
    fn holds_over(&self, welcome: &Self) -> bool {
        match (self.said, welcome.said) {
            (Some(own), Some(other)) if self.sender == welcome.sender => own >= other,
            _ => self.earliest >= welcome.latest,
        }
    }

    /// Whether this welcome surely holds beside a farewell, whatever their clocks show.
    fn holds_in_spite_of(&self, farewell: &Self) -> bool {
        let is_after = self.earliest > farewell.latest + TOLERANCE * 2;
        is_after && (self.sender != farewell.sender || self.said >= farewell.said)
    }
}

/// What must be of a person, by what was said of them.
pub(crate) fn verdict(life: &Life, fates: &[Fate], now: SystemTime) -> Verdict {
    let told = life.sayings.iter().zip(fates);
    let all: Vec<Statement> =
        told.flat_map(|(saying, fate)| Statement::of(saying, fate, now)).collect();
    let welcomes = |part: Option<Part>| {
        let of = move |one: &&Statement| one.welcomes && part.is_none_or(|part| one.part == part);
        all.iter().filter(of)
    };
    let farewells =
        |part: Part| all.iter().filter(move |one| !one.welcomes && one.part == part && one.is_sure);
    let ends = |farewell: &Statement, part| {
        let mut against = welcomes(part);
        against.all(|welcome| farewell.holds_over(welcome))
    };
    let removals: Vec<&Statement> = all.iter().filter(|one| one.removes).collect();
    if removals.iter().any(|removal| removal.is_sure && ends(removal, None)) {
        return Verdict::Gone;
    }
    // A removal ends a life, and with it what was said before.
    let is_of_this_life = |farewell: &&Statement| {
        !farewell.removes && removals.iter().all(|removal| farewell.earliest > removal.latest)
    };
    let mut disabled = farewells(Part::Lifecycle).filter(is_of_this_life);
    if disabled.any(|farewell| ends(farewell, Some(Part::Lifecycle))) {
        return Verdict::Out;
    }
    let memberships: BTreeSet<Part> =
        all.iter().map(|one| one.part).filter(|part| matches!(part, Part::Membership(_))).collect();
    let left: Vec<&Statement> = memberships
        .iter()
        .flat_map(|part| farewells(*part).filter(|one| ends(one, Some(*part))))
        .collect();
    let is_left = |part: &Part| left.iter().any(|one| one.part == *part);
    let was_given = |part: &&Part| welcomes(Some(**part)).next().is_some();
    let is_in_none = !left.is_empty() && memberships.iter().filter(was_given).all(is_left);
    if is_in_none && left.iter().any(|left| ends(left, Some(Part::Activated))) {
        return Verdict::Out;
    }
    let removals: Vec<&Statement> = all.iter().filter(|one| !one.welcomes && one.removes).collect();
    // A new life begins by what is newer than the removal, in each part.
    let holds = |part: Part| {
        let against = |welcome: &Statement| {
            let of_part = |one: &&Statement| {
                let ends_it = one.part == part
                    || (part == Part::Activated && matches!(one.part, Part::Membership(_)));
                !one.welcomes && ends_it
            };
            let mut against = all.iter().filter(of_part).chain(removals.iter().copied());
            against.all(|farewell| welcome.holds_in_spite_of(farewell))
        };
        welcomes(Some(part)).any(|welcome| welcome.is_sure && against(welcome))
    };
    let is_enabled =
        holds(Part::Lifecycle) || all.iter().all(|one| one.part != Part::Lifecycle || one.welcomes);
    let has_reason = holds(Part::Activated) || memberships.iter().any(|part| holds(*part));
    if is_enabled && has_reason { Verdict::In } else { Verdict::Either }
}

/// Watches over the access of everybody.
#[derive(Default)]
pub(crate) struct Watch {
    /// Since when a person must be out.
    since: BTreeMap<usize, SystemTime>,
    /// Whose user has which id, of those that were ever seen.
    users: BTreeMap<String, usize>,
    /// How far the world was when everything was as it must be.
    seen: Option<(usize, usize)>,
}

impl Watch {
    /// Checks who must have been out for long enough, at a moment.
    pub(crate) fn look(&mut self, house: &House, lives: &[Life]) {
        let now = house.clock.now();
        let heard: usize = {
            let fates = house.fates.lock().unwrap();
            fates
                .iter()
                .flatten()
                .map(|fate| usize::from(fate.first.is_some()) + usize::from(fate.done.is_some()))
                .sum()
        };
        let seen = (house.calls(), heard);
        if self.seen == Some(seen) {
            return;
        }
        self.seen = Some(seen);
        let bound = house.weather.bound();
        let calm = house.weather.calm_since(now);
        let mut waits = false;
        let state = house.wire.state();
        self.note(&state, lives);
        for (index, life) in lives.iter().enumerate() {
            let verdict = verdict(life, &house.fates.lock().unwrap()[index], now);
            if !must_be_out(house, verdict) {
                self.since.remove(&life.number);
                continue;
            }
            // Whoever was let in meanwhile, or held, begins anew.
            let let_in = {
                let fates = house.fates.lock().unwrap();
                let heard = life.sayings.iter().zip(&fates[index]);
                let welcomes = heard.filter(|(saying, _)| saying.says.is_welcome());
                welcomes.filter_map(|(_, fate)| fate.first).max()
            };
            let let_in = let_in.unwrap_or(SystemTime::UNIX_EPOCH);
            let since = self.since.entry(life.number).or_insert(now);
            *since = if is_held(house, life) { now } else { let_in.max(*since) };
            let since = *since;
            let Some(calm) = calm else {
                waits = true;
                continue;
            };
            let Some(wrong) = self.wrong(house, life, &state) else { continue };
            waits = true;
            let passed = now.duration_since(since.max(calm)).unwrap_or_default();
            assert!(
                passed < bound,
                "{wrong}, {passed:?} after they left: {:#?} {:?}",
                told(house, life, index),
                records(house, life),
            );
        }
        if waits {
            self.seen = None;
        }
    }

    /// Checks everybody, at rest.
    pub(crate) fn at_rest(&mut self, house: &House, lives: &[Life]) {
        let now = house.clock.now();
        let is_overtaken = is_overtaken(lives, &house.fates.lock().unwrap());
        let state = house.wire.state();
        self.note(&state, lives);
        for (index, life) in lives.iter().enumerate() {
            let verdict = verdict(life, &house.fates.lock().unwrap()[index], now);
            let told = || format!("{:#?} {:?}", told(house, life, index), records(house, life));
            let users = users(&state, life);
            if must_be_out(house, verdict) && !is_held(house, life) {
                if let Some(wrong) = self.wrong(house, life, &state) {
                    panic!("{wrong}, at rest: {}", told());
                }
                let is_gone = verdict != Verdict::Gone || users.is_empty();
                assert!(
                    is_gone,
                    "removal: p{} was removed and has a user: {}",
                    life.number,
                    told()
                );
            }
            if verdict == Verdict::In && !is_told(house, life, is_overtaken) {
                let works = users.iter().any(|user| has_power(user));
                assert!(works, "welcome: p{} must be in and is not: {}", life.number, told());
            }
        }
        check_names(house, lives, &state);
    }

    /// What is wrong with somebody who must be out.
    fn wrong(&self, house: &House, life: &Life, state: &Value) -> Option<String> {
        let number = life.number;
        if let Some(user) = users(state, life).into_iter().find(|user| has_power(user)) {
            return Some(format!("access: p{number} is to be out and may work as {user}"));
        }
        let sessions = state["sessions"].as_object().unwrap().keys();
        let own = |id: &&String| self.users.get(*id) == Some(&number);
        let mut open = sessions.filter(own).filter(|id| !house.owes_sessions(id, state));
        open.next().map(|id| format!("session: p{number} is out and signed in still, as {id}"))
    }

    fn note(&mut self, state: &Value, lives: &[Life]) {
        for life in lives {
            for user in users(state, life) {
                self.users.insert(user["Id"].as_str().unwrap().to_owned(), life.number);
            }
        }
    }
}

/// Whether somebody of whom this must be is to have no access, as the operator decided.
fn must_be_out(house: &House, verdict: Verdict) -> bool {
    match verdict {
        Verdict::Gone => true,
        Verdict::Out => house.deactivate != "keep",
        Verdict::Either | Verdict::In => false,
    }
}

/// The users of a person, by the name that all senders give them.
fn users<'a>(state: &'a Value, life: &Life) -> Vec<&'a Value> {
    let first_name = life.given_name();
    let users = state["users"].as_array().unwrap().iter();
    users.filter(|user| user["IdentityInfo"]["FirstName"] == *first_name).collect()
}

fn has_power(user: &Value) -> bool {
    user["SecurityProfileIds"] != json!([NO_ACCESS])
}

/// Nobody works under a name that is another's now.
fn check_names(house: &House, lives: &[Life], state: &Value) {
    let fates = house.fates.lock().unwrap();
    let is_overtaken = is_overtaken(lives, &fates);
    let names: Vec<Option<&str>> =
        lives.iter().zip(fates.iter()).map(|(life, fates)| life.claimed(fates)).collect();
    for (index, life) in lives.iter().enumerate() {
        let Some(own) = names[index] else { continue };
        for user in users(state, life).into_iter().filter(|user| has_power(user)) {
            let name = user["Username"].as_str().unwrap();
            let other = names.iter().position(|other| *other == Some(name));
            if let Some(other) = other.filter(|other| *other != index && name != own) {
                assert!(
                    is_told(house, life, is_overtaken)
                        || is_told(house, &lives[other], is_overtaken),
                    "names: p{} works by the name of p{}: {:?}",
                    life.number,
                    lives[other].number,
                    records(house, life)
                );
            }
        }
    }
}

/// Whether the guard holds a person, which is told.
fn is_held(house: &House, life: &Life) -> bool {
    let held = |record: &UserRecord| matches!(&record.schedule.phase, Phase::Parked(parked) if parked.fault == "removalHeld");
    house.removals_per_hour < 50 && records(house, life).iter().any(held)
}

/// Whether a change of somebody who trades names came before they had joined: then not all can have the
/// names that they are to have.
fn is_overtaken(lives: &[Life], fates: &[Vec<Fate>]) -> bool {
    lives.iter().zip(fates).any(|(life, fates)| life.was_overtaken(fates))
}

/// Whether a person waits for somebody, who was told.
fn is_told(house: &House, life: &Life, is_overtaken: bool) -> bool {
    let told = |record: &UserRecord| match &record.schedule.phase {
        Phase::Parked(parked) => match parked.fault.as_str() {
            "removalHeld" => house.removals_per_hour < 50,
            "uniqueness" => is_overtaken,
            "renamed" => house.removals_per_hour < 50 || house.deactivate == "keep",
            _ => false,
        },
        Phase::Applied | Phase::Pending => false,
    };
    records(house, life).iter().any(told)
}

/// Everything that is written down of a person by what the identity provider knows them by.
pub(crate) fn own_records(house: &House, life: &Life) -> Vec<UserRecord> {
    let key = [Key::external_id(&life.external_id())];
    let roster = &house.roster;
    let living = roster.find_all(&key[0], None, 99).now_or_never().unwrap().unwrap();
    let gone = roster.find_deleted(&key, 99).now_or_never().unwrap().unwrap();
    living.into_iter().chain(gone).collect()
}

/// The records of a person, of their users, and of who is gone; only for what may be excused, and for
/// whoever reads what broke.
fn records(house: &House, life: &Life) -> Vec<UserRecord> {
    let roster = &house.roster;
    let state = house.wire.state();
    let users = users(&state, life).into_iter();
    let owners = users.filter_map(|user| user["Tags"]["provisioner-owner"].as_str());
    let owners =
        owners.filter_map(|owner| roster.find(&Key::owner(owner)).now_or_never().unwrap().unwrap());
    own_records(house, life).into_iter().chain(owners).collect()
}

/// What was said of a person, for whoever reads what broke.
fn told(house: &House, life: &Life, index: usize) -> Vec<String> {
    let fates = house.fates.lock().unwrap();
    let seconds = |time: SystemTime| {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        since.as_secs_f64() - 1_800_000_000.0
    };
    let line = |(saying, fate): (&Saying, &Fate)| {
        let heard = (fate.first.map(seconds), fate.last.map(seconds));
        let said = seconds(saying.said);
        let Saying { sender, says, user_name, .. } = saying;
        let is_sure = (fate.done.is_some(), fate.is_news);
        format!("{sender:?} {says:?} {user_name} said {said:.3} heard {heard:?} {is_sure:?}")
    };
    life.sayings.iter().zip(&fates[index]).map(line).collect()
}

impl House {
    /// The story of people of whom several senders speak, in any weather.
    pub(crate) async fn play_lives(&mut self) {
        let lives = lives::write(self);
        let count = |life: &Life| vec![Fate::default(); life.sayings.len()];
        *self.fates.lock().unwrap() = lives.iter().map(count).collect();
        let start = self.clock.now();
        let after = |life: &Life| life.deliveries.iter().map(|delivery| delivery.after).max();
        let horizon = lives.iter().filter_map(after).max().unwrap_or_default();
        let is_calm = *self.wire.faults.lock().unwrap() == 0;
        let bound = Duration::from_mins(if is_calm { 10 } else { 30 });
        self.weather = Skies::by(&self.chance, start, horizon, bound);
        let is_about_joins =
            [Mutation::LeaversWaitForJoiners, Mutation::TheRenamedKeepTheirNames].map(Some);
        if is_about_joins.contains(&self.mutation) {
            self.weather.nobody_joins(start + Duration::from_mins(28));
        }
        self.wire.skies.lock().unwrap().clone_from(&self.weather);
        let mut watch = Watch::default();
        let sent = lives.iter().enumerate().flat_map(|(index, life)| {
            life.deliveries.iter().map(move |delivery| (index, life, delivery))
        });
        let sent = sent.map(|(index, life, delivery)| self.say(index, life, delivery));
        let mut storm = Box::pin(futures_util::future::join_all(sent));
        loop {
            let cut = self.chance.in_100(20).then(|| self.chance.below(60));
            let next = async {
                sleep(self.chance.milliseconds(60_000)).await;
                if self.has_work() {
                    self.drain_once(cut).await;
                }
            };
            tokio::select! {
                biased;
                _ = &mut storm => break,
                () = next => {}
            }
            watch.look(self, &lives);
        }
        drop(storm);
        (*self.wire.faults.lock().unwrap(), *self.roster_faults.lock().unwrap()) = (0, 0);
        if let Some(left) =
            self.weather.end().and_then(|end| end.duration_since(self.clock.now()).ok())
        {
            sleep(left).await;
        }
        self.come_to_rest().await;
        self.mend().await;
        self.come_to_rest().await;
        watch.at_rest(self, &lives);
        check::lives(self, &lives);
    }

    /// Whether there is anything for the drain to do now.
    fn has_work(&self) -> bool {
        let due = self.roster.due(self.clock.now(), 1).now_or_never().unwrap().unwrap();
        let (groups, _) = self.roster.page_groups(0, 9).now_or_never().unwrap().unwrap();
        !due.is_empty() || groups.iter().any(|group| group.fan_out_pending)
    }

    /// Whether Connect has denied the end of sessions, which is tried again once an hour; and nobody can
    /// end those of a user who is gone.
    pub(crate) fn owes_sessions(&self, id: &str, state: &Value) -> bool {
        let users = state["users"].as_array().unwrap();
        let is_over =
            self.weather.end().is_some_and(|end| end + SESSIONS_AGAIN * 2 < self.clock.now());
        let is_there = users.iter().any(|user| user["Id"] == *id);
        self.weather.sessions_were_denied() && !(is_over && is_there)
    }

    /// The operator mends what was denied, and sets everybody going who waited for it.
    pub(crate) async fn mend(&self) {
        let roster = &*self.roster;
        let parked = parked::all(roster).await.unwrap();
        let mended = |record: &UserRecord| {
            matches!(&record.schedule.phase, Phase::Parked(parked)
                if ["configuration", "missing", "renamed", "unequal"].contains(&parked.fault.as_str()))
        };
        for record in parked.into_iter().filter(mended) {
            parked::retry(roster, &[record.id], self.clock.now()).await.unwrap();
        }
    }
}
