//! People of whom several senders speak: two that sign, an Okta hook of groups and an application, and a
//! SCIM client. Each has a clock of its own, repeats, reorders, and holds back what it says for a day.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use connect_provisioner::cli::settings::{DEMO_AUTHORIZATION, DEMO_SECRET};
use connect_provisioner::http::gateway::Reply;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::House;
use super::access::{Fate, Part};
use super::chance::{Chance, cut_off};
use super::clients::request;
use super::mutation::Mutation;
use super::senders::{Delivery, timestamp};

/// The first of them; others have lower numbers.
const FIRST: usize = 200;

/// Who says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sender {
    Demo,
    Second,
    Okta,
    Scim,
}

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    Created,
    /// The profile, and nothing of the access.
    Changed,
    /// The profile, and whether the person is active.
    Active(bool),
    Deactivated,
    Activated,
    Deleted,
    Granted(&'static str),
    Revoked(&'static str),
    Suspended,
    Unsuspended,
}

/// One thing that is said of a person.
#[derive(Clone, Debug)]
pub(crate) struct Saying {
    pub(crate) sender: Sender,
    pub(crate) says: Says,
    /// When it happens, by our clock and by the sender's.
    pub(crate) at: SystemTime,
    pub(crate) said: SystemTime,
    pub(crate) user_name: String,
}

/// What is said of one person, and when it is told.
pub(crate) struct Life {
    pub(crate) number: usize,
    pub(crate) sayings: Vec<Saying>,
    pub(crate) deliveries: Vec<Delivery>,
}

/// The groups and the application that count, each with the type of its events and of their target.
const MEMBERSHIPS: [(&str, &str, &str); 3] = [
    ("00gConnectAgents", "group.user_membership", "UserGroup"),
    ("00gConnectLeads", "group.user_membership", "UserGroup"),
    ("0oaConnect", "application.user_membership", "AppInstance"),
];

/// The settings of these senders, beside those of the demo.
pub(crate) fn settings() -> [(&'static str, &'static str); 4] {
    [
        ("HOOK_SECOND_SCHEME", "standard-webhooks"),
        ("HOOK_SECOND_SECRET", DEMO_SECRET),
        ("HOOK_OKTA_GROUPS", "00gConnectAgents,00gConnectLeads"),
        ("HOOK_OKTA_APPS", "0oaConnect"),
    ]
}

impl Says {
    /// What it is about, and whether it lets the person in.
    pub(crate) fn parts(self) -> Vec<(Part, bool)> {
        match self {
            Self::Created | Self::Active(true) | Self::Activated => {
                vec![(Part::Lifecycle, true), (Part::Activated, true)]
            }
            Self::Changed => Vec::new(),
            Self::Active(false) | Self::Deactivated | Self::Deleted | Self::Suspended => {
                vec![(Part::Lifecycle, false)]
            }
            Self::Unsuspended => vec![(Part::Lifecycle, true)],
            Self::Granted(id) => vec![(Part::Membership(id), true)],
            Self::Revoked(id) => vec![(Part::Membership(id), false)],
        }
    }

    pub(crate) const fn removes(self) -> bool {
        matches!(self, Self::Deleted)
    }

    /// Whether it lets the person in.
    pub(crate) fn is_welcome(self) -> bool {
        self.parts().iter().any(|(_, welcomes)| *welcomes)
    }

    /// Whether it takes anything away.
    fn is_farewell(self) -> bool {
        self.parts().iter().any(|(_, welcomes)| !welcomes)
    }

    /// The type of a signed event, and its `active`.
    const fn signed(self) -> (&'static str, Option<bool>) {
        match self {
            Self::Created | Self::Granted(_) => ("user.created", None),
            Self::Active(active) => ("user.updated", Some(active)),
            Self::Deactivated | Self::Revoked(_) | Self::Suspended => ("user.deactivated", None),
            Self::Activated | Self::Unsuspended => ("user.activated", None),
            Self::Deleted => ("user.deleted", None),
            Self::Changed => ("user.updated", None),
        }
    }
}

impl Life {
    /// What the identity provider knows the person by.
    pub(crate) fn external_id(&self) -> String {
        format!("e{}", self.number)
    }

    /// The name that all senders give the person.
    pub(crate) fn given_name(&self) -> String {
        format!("Ana{}", self.number)
    }

    /// The username that is the person's, where one sender alone speaks of them and all was heard. What
    /// an event hook says of somebody who has not joined yet is nothing.
    pub(crate) fn claimed(&self, fates: &[Fate]) -> Option<&str> {
        let first = self.sayings.first()?.sender;
        let joined = fates.first()?.done?;
        let is_clear = self.sayings.iter().zip(fates).skip(1).all(|(saying, fate)| {
            let is_after = fate.first.is_some_and(|first| first > joined);
            saying.sender == first && fate.done.is_some() && is_after
        });
        self.sayings.last().filter(|_| is_clear).map(|last| &*last.user_name)
    }

    /// Whether a change was heard before the person had joined, and is nothing therefore: they have the
    /// name of before, which may be another's by now.
    pub(crate) fn was_overtaken(&self, fates: &[Fate]) -> bool {
        let joined = fates.first().and_then(|fate| fate.done);
        let is_change = |saying: &Saying| saying.says == Says::Changed;
        let told = self.sayings.iter().zip(fates);
        let mut changes = told.filter(|(saying, _)| is_change(saying));
        changes.any(|(_, fate)| fate.first.is_some_and(|heard| joined.is_none_or(|it| heard < it)))
    }
}

/// Somebody who came and never leaves: there is somebody to tell an empty instance by.
fn bystander(start: SystemTime) -> Life {
    let at = start + Duration::from_secs(1);
    let user_name = format!("p{FIRST}-0@example.com");
    let (sender, says) = (Sender::Demo, Says::Created);
    let sayings = vec![Saying { sender, says, at, said: at, user_name }];
    let after = Duration::from_secs(1);
    let deliveries = (0..3).map(|time| Delivery { event: 0, after: after * (1 + 200 * time) });
    Life { number: FIRST, sayings, deliveries: deliveries.collect() }
}

/// Writes what will be said in a run.
pub(crate) fn write(house: &House) -> Vec<Life> {
    let chance = &house.chance;
    let start = house.clock.now();
    let mut lives = vec![bystander(start)];
    let begin = start + Duration::from_mins(25);
    let senders = [Sender::Demo, Sender::Second, Sender::Okta, Sender::Scim];
    let clocks = BTreeMap::from(senders.map(|sender| (sender, clock(chance))));
    for _ in 0..1 + chance.below(3) {
        let number = FIRST + lives.len();
        lives.push(life(chance, begin, &clocks, number));
    }
    if chance.in_100(25) {
        let number = FIRST + lives.len();
        lives.extend(swap(chance, begin, number));
    }
    if chance.in_100(25) {
        let number = FIRST + lives.len();
        lives.extend(heir(chance, begin, number));
    }
    let holds_back = chance.in_100(20);
    for life in &mut lives[1..] {
        deliver(chance, start, holds_back, life);
    }
    lives
}

/// How far a sender's clock is off, in milliseconds, and whether it is behind.
fn clock(chance: &Chance) -> (Duration, bool) {
    let most = *chance.pick(&[1, 1, 1_000, 20_000, 200_000, 600_000]);
    (chance.milliseconds(most), chance.in_100(50))
}

fn said(at: SystemTime, clock: (Duration, bool)) -> SystemTime {
    let (off, is_behind) = clock;
    if is_behind { at - off } else { at + off }
}

/// One life of which everybody speaks.
fn life(
    chance: &Chance,
    begin: SystemTime,
    clocks: &BTreeMap<Sender, (Duration, bool)>,
    number: usize,
) -> Life {
    let mut at = begin + chance.milliseconds(60_000);
    let mut sayings = Vec::new();
    let mut name = 0;
    let others = *chance.pick::<&[Sender]>(&[
        &[Sender::Demo],
        &[Sender::Okta],
        &[Sender::Demo, Sender::Okta],
        &[Sender::Demo, Sender::Second],
        &[Sender::Demo, Sender::Okta, Sender::Scim],
        &[Sender::Demo, Sender::Second, Sender::Okta, Sender::Scim],
    ]);
    for step in 0..2 + chance.below(7) {
        let sender = *chance.pick(others);
        let membership = chance.pick(&MEMBERSHIPS).0;
        let says = match (sender, step) {
            (Sender::Demo | Sender::Second, 0) => Says::Created,
            (Sender::Okta, 0) => Says::Granted(membership),
            (Sender::Demo | Sender::Second, _) => *chance.pick(&[
                Says::Created,
                Says::Changed,
                Says::Changed,
                Says::Active(true),
                Says::Active(false),
                Says::Deactivated,
                Says::Deactivated,
                Says::Activated,
                Says::Deleted,
            ]),
            (Sender::Okta, _) => *chance.pick(&[
                Says::Changed,
                Says::Granted(membership),
                Says::Granted(membership),
                Says::Revoked(membership),
                Says::Revoked(membership),
                Says::Suspended,
                Says::Unsuspended,
            ]),
            (Sender::Scim, _) => *chance.pick(&[Says::Active(true), Says::Active(false)]),
        };
        let renames = sender != Sender::Scim && chance.in_100(15);
        name += u32::from(renames);
        let clock = clocks[&sender];
        let user_name = format!("p{number}-{name}@example.com");
        sayings.push(Saying { sender, says, at, said: said(at, clock), user_name });
        at += Duration::from_secs(1)
            + chance.milliseconds(*chance.pick(&[2_000, 60_000, 400_000, 7_200_000]));
    }
    Life { number, sayings, deliveries: Vec::new() }
}

/// Two who change their names: one takes what the other gives up, they swap them, or they do so by a name
/// in between.
fn swap(chance: &Chance, begin: SystemTime, number: usize) -> [Life; 2] {
    let mut at = begin + chance.milliseconds(60_000);
    let mut lives = [number, number + 1].map(|number| Life {
        number,
        sayings: Vec::new(),
        deliveries: Vec::new(),
    });
    let names = [(number, 0), (number + 1, 0), (number, 1)];
    let names = names.map(|(number, name)| format!("p{number}-{name}@example.com"));
    let gap = *chance.pick(&[2_000, 60_000, 400_000]);
    let joins = [(0, 0), (1, 1)];
    let renames = *chance.pick::<&[(usize, usize)]>(&[
        &[(1, 2), (0, 1)],
        &[(0, 1), (1, 0)],
        &[(0, 2), (1, 0), (0, 1)],
    ]);
    for (step, (who, name)) in joins.iter().chain(renames).copied().enumerate() {
        let says = if step < 2 { Says::Granted(MEMBERSHIPS[0].0) } else { Says::Changed };
        let user_name = names[name].clone();
        lives[who].sayings.push(Saying { sender: Sender::Okta, says, at, said: at, user_name });
        at += Duration::from_secs(1) + chance.milliseconds(gap);
    }
    lives
}

/// Somebody who leaves, removed or renamed for it as Entra does, and whoever gets the name next.
fn heir(chance: &Chance, begin: SystemTime, number: usize) -> [Life; 2] {
    let mut at = begin + chance.milliseconds(60_000);
    let name = format!("p{number}-0@example.com");
    let mut next = || {
        at += Duration::from_secs(1)
            + chance.milliseconds(*chance.pick(&[2_000, 400_000, 2_000_000]));
        at
    };
    let mut say = |says, user_name: &str| {
        let at = next();
        Saying { sender: Sender::Demo, says, at, said: at, user_name: user_name.to_owned() }
    };
    let former = format!("0f0f0f0f{name}");
    let joins = say(Says::Created, &name);
    let leaves = match chance.in_100(50) {
        true => say(Says::Active(false), &former),
        false => say(Says::Deleted, &name),
    };
    let came = say(Says::Created, &name);
    let life = |number, sayings| Life { number, sayings, deliveries: Vec::new() };
    [life(number, vec![joins, leaves]), life(number + 1, vec![came])]
}

/// When each is told.
fn deliver(chance: &Chance, start: SystemTime, holds_back: bool, life: &mut Life) {
    for (event, saying) in life.sayings.iter().enumerate() {
        let happened = saying.at.duration_since(start).unwrap();
        for _ in 0..1 + chance.below(3) {
            let late = match holds_back && chance.in_100(10) {
                true => chance.milliseconds(86_400_000),
                false => chance.milliseconds(*chance.pick(&[2_000, 2_000, 120_000, 900_000])),
            };
            life.deliveries.push(Delivery { event, after: happened + late });
        }
    }
}

impl House {
    /// Says something until it is answered for good, or the sender gives up.
    pub(crate) async fn say(&self, index: usize, life: &Life, delivery: &Delivery) {
        sleep(delivery.after).await;
        let saying = &life.sayings[delivery.event];
        for _ in 0..4 {
            if self.is_thrown_away(index, life, saying) {
                self.note(index, delivery.event, |fate| {
                    fate.done = fate.last;
                    fate.is_news = true;
                });
                return;
            }
            self.note(index, delivery.event, |_| {});
            let cut = self.chance.in_100(20).then(|| self.chance.below(30));
            let answered = cut_off(cut, self.say_once(life, delivery.event)).await;
            self.note(index, delivery.event, |_| {});
            match answered {
                Some(Answered::Done { is_news }) => {
                    self.note(index, delivery.event, |fate| {
                        fate.done = fate.done.or(fate.last);
                        fate.is_news |= is_news;
                    });
                    return;
                }
                Some(Answered::Refused) => return,
                Some(Answered::Later) | None => {}
            }
            sleep(Duration::from_secs(2) + self.chance.milliseconds(60_000)).await;
        }
    }

    fn note(&self, index: usize, event: usize, change: impl FnOnce(&mut Fate)) {
        let now = self.clock.now();
        let mut fates = self.fates.lock().unwrap();
        let fate = &mut fates[index][event];
        fate.first.get_or_insert(now);
        fate.last = Some(now);
        change(fate);
    }

    /// What is broken where a leave behind a newer change is thrown away.
    fn is_thrown_away(&self, index: usize, life: &Life, saying: &Saying) -> bool {
        let fates = self.fates.lock().unwrap();
        let is_newer = |(other, fate): (&Saying, &Fate)| {
            fate.done.is_some() && other.said > saying.said && other.sender != Sender::Scim
        };
        self.mutation == Some(Mutation::LeavesBehindAChangeAreDropped)
            && saying.says.is_farewell()
            && life.sayings.iter().zip(&fates[index]).any(is_newer)
    }

    async fn say_once(&self, life: &Life, event: usize) -> Answered {
        let saying = &life.sayings[event];
        let told = match saying.sender {
            Sender::Scim => return self.set_active(life, saying.says == Says::Active(true)).await,
            Sender::Okta => batch(life, event),
            Sender::Demo => self.signed_saying(0, life, event),
            Sender::Second => self.signed_saying(1, life, event),
        };
        let (reply, _) = self.ask(&told).await;
        if self.wire.is_told() {
            println!("p{} {saying:?} -> {} {}", life.number, reply.status_code, reply.body);
        }
        self.answered(&reply)
    }

    /// What an answer means to its sender.
    fn answered(&self, reply: &Reply) -> Answered {
        match reply.status_code {
            200..300 => Answered::Done { is_news: true },
            400..429 => Answered::Refused,
            503 | 500 => Answered::Later,
            status => {
                let odd = format!("{status} {}", reply.body);
                self.ledger.lock().unwrap().odd.push(odd);
                Answered::Refused
            }
        }
    }

    /// An event of one of the two that sign.
    fn signed_saying(&self, source: usize, life: &Life, event: usize) -> Value {
        let saying = &life.sayings[event];
        let (kind, active) = saying.says.signed();
        let mut user = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": saying.user_name, "externalId": life.external_id(),
            "name": {"givenName": life.given_name(), "familyName": format!("F{event}")},
        });
        if let Some(active) = active {
            user["active"] = json!(active);
        }
        let said = saying.said.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let body = json!({"type": kind, "timestamp": timestamp(said), "data": user}).to_string();
        let now = self.clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let id = format!("msg_{}_{event}", life.number);
        let source = &self.sources[source];
        let headers: BTreeMap<_, _> = source.sign(&id, now, body.as_bytes()).into_iter().collect();
        gateway_event(&source.name, &headers, &body)
    }

    /// Sets a person's `active` by SCIM. Whether that was news is known where it was otherwise before.
    async fn set_active(&self, life: &Life, active: bool) -> Answered {
        let target = format!("/Users?filter=externalId+eq+%22{}%22", life.external_id());
        let (reply, _) = self.ask(&request("GET", &target, &Value::Null)).await;
        let list: Value = serde_json::from_str(&reply.body).unwrap_or_default();
        let Some(user) = list["Resources"].get(0).filter(|_| reply.status_code == 200) else {
            return if reply.status_code == 200 {
                Answered::Refused
            } else {
                self.answered(&reply)
            };
        };
        let target = format!("/Users/{}", user["id"].as_str().unwrap());
        let change = json!({"op": "Replace", "path": "active", "value": active});
        let change = json!({"Operations": [change]});
        let (reply, _) = self.ask(&request("PATCH", &target, &change)).await;
        let answered = self.answered(&reply);
        match answered {
            Answered::Done { .. } => Answered::Done { is_news: user["active"] != active },
            other => other,
        }
    }
}

/// What became of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answered {
    Done { is_news: bool },
    Refused,
    Later,
}

/// Okta's batch with one event in it.
fn batch(life: &Life, event: usize) -> Value {
    let saying = &life.sayings[event];
    let user = json!({
        "id": life.external_id(), "type": "User", "alternateId": saying.user_name,
        "displayName": format!("{} Ruiz", life.given_name()),
    });
    let membership = |id: &'static str, how: &str| {
        let known = MEMBERSHIPS.iter().find(|(known, ..)| *known == id);
        let (_, event_type, target_type) = known.copied().unwrap_or(MEMBERSHIPS[0]);
        let target = json!({"id": id, "type": target_type, "displayName": id, "alternateId": id});
        (format!("{event_type}.{how}"), Some(target))
    };
    let (event_type, target) = match saying.says {
        Says::Granted(id) => membership(id, "add"),
        Says::Revoked(id) => membership(id, "remove"),
        Says::Suspended | Says::Active(false) => ("user.lifecycle.suspend".to_owned(), None),
        Says::Unsuspended | Says::Active(true) => ("user.lifecycle.unsuspend".to_owned(), None),
        Says::Deactivated => ("user.lifecycle.deactivate".to_owned(), None),
        Says::Deleted => ("user.lifecycle.delete.initiated".to_owned(), None),
        Says::Changed | Says::Created | Says::Activated => {
            ("user.account.update_profile".to_owned(), None)
        }
    };
    let targets: Vec<Value> = target.into_iter().chain([user]).collect();
    let said = saying.said.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let body = json!({"eventType": "com.okta.event_hook", "data": {"events": [{
        "uuid": format!("u{}-{event}", life.number), "eventType": event_type,
        "published": timestamp(said), "outcome": {"result": "SUCCESS"}, "target": targets,
    }]}});
    let headers = BTreeMap::from([("authorization", DEMO_AUTHORIZATION)]);
    gateway_event("okta", &headers, &body.to_string())
}

fn gateway_event(source: &str, headers: &impl serde::Serialize, body: &str) -> Value {
    json!({
        "version": "2.0", "rawPath": format!("/hooks/{source}"), "headers": headers,
        "requestContext": {"stage": "$default", "http": {"method": "POST"}},
        "body": body, "isBase64Encoded": false,
    })
}
