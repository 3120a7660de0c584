//! What happens to whom at the senders', and how they tell it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use connect_provisioner::decision::Invocation;
use connect_provisioner::http::gateway::Reply;
use connect_provisioner::log::EventLog;
use connect_provisioner::trust::Source;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::House;
use super::chance::cut_off;
use super::mutation::Mutation;

/// What happens to one person, in its order.
pub(crate) struct Script {
    pub(crate) number: usize,
    pub(crate) events: Vec<Told>,
    pub(crate) deliveries: Vec<Delivery>,
}

/// One event.
pub(crate) struct Told {
    pub(crate) kind: &'static str,
    pub(crate) at: SystemTime,
    pub(crate) user_name: String,
    pub(crate) family_name: String,
    /// Whether the payload names a profile of its own, which must be refused.
    pub(crate) greedy: bool,
}

/// One time that an event is told.
pub(crate) struct Delivery {
    pub(crate) event: usize,
    pub(crate) after: Duration,
}

/// What was answered.
#[derive(Default)]
pub(crate) struct Ledger {
    /// Events that were acknowledged with 2xx, by person and number.
    pub(crate) acknowledged: BTreeSet<(usize, usize)>,
    /// Answers that no table has.
    pub(crate) odd: Vec<String>,
    /// Faults that records were parked with.
    pub(crate) parked: BTreeSet<&'static str>,
    /// What a forger achieved.
    pub(crate) forged: Vec<String>,
}

const KINDS: [&str; 10] = [
    "user.updated",
    "user.updated",
    "rename",
    "rename",
    "user.deactivated",
    "user.deactivated",
    "user.activated",
    "user.deleted",
    "user.created",
    "user.created",
];

/// A whole life of one person, each event told once and an hour after the other.
pub(crate) fn life(house: &House) -> Script {
    let kinds = [
        ("user.created", 0),
        ("user.updated", 0),
        ("user.updated", 1),
        ("user.deactivated", 1),
        ("user.activated", 1),
        ("user.deleted", 1),
        ("user.created", 1),
    ];
    let told = |(step, (kind, name)): (u32, (&'static str, u32))| Told {
        kind,
        at: house.clock.now() + Duration::from_secs(60) * step,
        user_name: format!("p0-{name}@example.com"),
        family_name: format!("F{step}"),
        greedy: false,
    };
    Script { number: 0, events: (0..).zip(kinds).map(told).collect(), deliveries: Vec::new() }
}

/// One person, of whom nothing changes that Connect would hold but a family name.
pub(crate) fn small_changes(house: &House) -> Script {
    let told = |(step, family): (u32, &str)| Told {
        kind: "user.updated",
        at: house.clock.now() + Duration::from_secs(1) * step,
        user_name: "p0-0@example.com".to_owned(),
        family_name: family.to_owned(),
        greedy: false,
    };
    let mut events: Vec<Told> = (0..).zip(["Ruiz", "Ruiz", "Ruiz"]).map(told).collect();
    // Between two events of the same content nothing would be looked at.
    for (event, kind) in events.iter_mut().zip(["user.created", "title", "other title"]) {
        event.kind = kind;
    }
    Script { number: 0, events, deliveries: Vec::new() }
}

/// So many persons who join at the same moment.
pub(crate) fn crowd(house: &House, size: usize) -> Vec<Script> {
    let script = |number: usize| Script {
        number,
        events: vec![Told {
            kind: "user.created",
            at: house.clock.now(),
            user_name: format!("p{number}-0@example.com"),
            family_name: "Ruiz".to_owned(),
            greedy: false,
        }],
        deliveries: Vec::new(),
    };
    (0..size).map(script).collect()
}

/// Writes what will happen in a run.
pub(crate) fn write(house: &House) -> Vec<Script> {
    let chance = &house.chance;
    let start = house.clock.now();
    let crowd = if chance.in_100(4) { 30 } else { 0 };
    let persons = crowd + 1 + usize::try_from(chance.below(3)).unwrap();
    if chance.in_100(30) {
        foreign(house, &format!("p0-{}@example.com", chance.below(2)));
    }
    let script = |number: usize| {
        let mut events = Vec::new();
        let (mut name, mut at) = (0, Duration::from_secs(1));
        for step in 0..if crowd > 0 { 1 } else { 2 + chance.below(5) } {
            let kind = if step == 0 { "user.created" } else { *chance.pick(&KINDS) };
            let renames = kind == "rename";
            name = if renames { (name + 1) % 3 } else { name };
            events.push(Told {
                kind: if renames { "user.updated" } else { kind },
                at: start + at,
                user_name: format!("p{number}-{name}@example.com"),
                family_name: format!("F{step}"),
                greedy: chance.in_100(5),
            });
            at += Duration::from_secs(1) + chance.milliseconds(*chance.pick(&[5_000, 90_000]));
        }
        let mut deliveries = Vec::new();
        for (event, told) in events.iter().enumerate() {
            let happened = told.at.duration_since(start).unwrap();
            for _ in 0..1 + chance.below(3) {
                let late = chance.milliseconds(*chance.pick(&[2_000, 120_000]));
                deliveries.push(Delivery { event, after: happened + late });
            }
        }
        Script { number, events, deliveries }
    };
    (0..persons).map(script).collect()
}

fn foreign(house: &House, user_name: &str) {
    let directory = house.wire.world.lock().unwrap().directory().clone();
    let body = json!({
        "Username": user_name,
        "IdentityInfo": {"FirstName": "Somebody", "LastName": "Else"},
        "SecurityProfileIds": [directory.security_profiles["Agent"]],
        "RoutingProfileId": directory.routing_profiles["Sales"],
    });
    let request = hyper::Request::put(format!("/users/{}", directory.instance_id))
        .header("x-amz-date", "20270115T080000Z")
        .header(
            "authorization",
            format!(
                "AWS4-HMAC-SHA256 Credential=AKID/20270115/us-east-1/connect/aws4_request, \
             SignedHeaders=host, Signature={}",
                "0".repeat(64)
            ),
        )
        .body(body.to_string().into())
        .unwrap();
    let reply = house.wire.world.lock().unwrap().handle(&request, house.clock.now());
    let connect_provisioner::standin::Reply::Now(response) = reply else { panic!("at once") };
    assert_eq!(response.status(), 200, "{response:?}");
}

impl Told {
    fn body(&self, number: usize) -> Value {
        let mut user = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": self.user_name, "externalId": format!("e{number}"),
            "name": {"givenName": "Ana", "familyName": self.family_name},
            "active": self.kind != "user.deactivated",
            "roles": [{"value": "Admin"}],
        });
        if self.greedy {
            user["urn:ietf:params:scim:schemas:extension:amazonconnect:2.0:User"] =
                json!({"securityProfiles": ["f3182817-d99a-491a-a977-1d868d0cfb38"]});
        }
        let since_1970 = self.at.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        if self.kind.ends_with("title") {
            user["title"] = json!(self.kind);
        }
        let kind = if self.kind.ends_with("title") { "user.updated" } else { self.kind };
        json!({"type": kind, "timestamp": timestamp(since_1970), "data": user})
    }
}

/// RFC 3339, to the millisecond.
pub(crate) fn timestamp(since_1970: Duration) -> String {
    let start = 1_800_000_000_u64 - 8 * 3600; // 2027-01-15T00:00:00Z
    let passed = since_1970 - Duration::from_secs(start);
    let seconds = passed.as_secs();
    format!(
        "2027-01-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        15 + seconds / 86_400,
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
        passed.subsec_millis()
    )
}

impl House {
    /// Tells an event until it is answered for good, or the sender gives up.
    pub(crate) async fn send(&self, script: &Script, delivery: &Delivery) {
        sleep(delivery.after).await;
        let told = &script.events[delivery.event];
        for _ in 0..4 {
            let event = self.signed(&self.sources[0], told, script.number);
            if self.wire.told.load(std::sync::atomic::Ordering::Relaxed) {
                let time = self.clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
                println!(
                    "{:.3} p{} {} {}",
                    time.as_secs_f64(),
                    script.number,
                    told.kind,
                    told.family_name
                );
            }
            let cut = self.chance.in_100(25).then(|| self.chance.below(30));
            let reply = cut_off(cut, self.ask(&event)).await.map(|(reply, _)| reply);
            if let Some(reply) = &reply {
                if self.wire.told.load(std::sync::atomic::Ordering::Relaxed) {
                    let time = self.clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
                    println!(
                        "{:.3} p{} {} -> {} {}",
                        time.as_secs_f64(),
                        script.number,
                        told.family_name,
                        reply.status_code,
                        reply.body
                    );
                }
                self.judge(reply);
            }
            match reply.map(|reply| reply.status_code) {
                Some(200..300) => {
                    let done = (script.number, delivery.event);
                    self.ledger.lock().unwrap().acknowledged.insert(done);
                    return;
                }
                Some(400..429) => return,
                _ => sleep(Duration::from_secs(2) + self.chance.milliseconds(60_000)).await,
            }
        }
    }

    /// Tells an event once, to a function that is cut off after so many boundaries; whether it got to
    /// its answer.
    pub(crate) async fn tell(&self, script: &Script, event: usize, cut: Option<u64>) -> bool {
        let signed = self.signed(&self.sources[0], &script.events[event], script.number);
        let reply = cut_off(cut, self.ask(&signed)).await;
        let Some((reply, _)) = reply else { return false };
        self.judge(&reply);
        if reply.status_code < 300 {
            self.ledger.lock().unwrap().acknowledged.insert((script.number, event));
        }
        true
    }

    /// Tells events as somebody who has not the key.
    pub(crate) async fn forge(&self, scripts: &[Script]) {
        for script in scripts {
            sleep(self.chance.milliseconds(60_000)).await;
            let key =
                self.sources[0].scheme.key("whsec_bm90IHRoZSBrZXkgdGhhdCBpdCBzaG91bGQgYmUhISE=");
            let mut forger = Source { keys: vec![key.unwrap()], ..self.sources[0].clone() };
            if self.mutation == Some(Mutation::ForgersAreBelieved) {
                forger.keys.clone_from(&self.sources[0].keys);
            }
            let event = self.signed(&forger, &script.events[0], script.number);
            let (reply, calls) = self.ask(&event).await;
            if reply.status_code != 401 || calls > 0 {
                let what = format!("{} after {calls} calls", reply.status_code);
                self.ledger.lock().unwrap().forged.push(what);
            }
        }
    }

    fn signed(&self, source: &Source, told: &Told, number: usize) -> Value {
        let body = told.body(number).to_string();
        let now = self.clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let id = format!("msg_{number}_{}", told.family_name);
        let headers: BTreeMap<_, _> = source.sign(&id, now, body.as_bytes()).into_iter().collect();
        json!({
            "version": "2.0", "rawPath": format!("/hooks/{}", source.name), "headers": headers,
            "requestContext": {"stage": "$default", "http": {"method": "POST"}},
            "body": body, "isBase64Encoded": false,
        })
    }

    /// What a function answers, and how many calls it made.
    pub(crate) async fn ask(&self, event: &Value) -> (Reply, u64) {
        let function = self.chance.pick(&self.functions);
        let invocation = Invocation {
            now: self.clock.now(),
            time_left: Duration::from_millis(*self.chance.pick(&[1_000, 5_000, 14_500])),
            random: self.chance.bytes(),
        };
        let mut record = EventLog::default();
        let reply = function.answer(&event.to_string(), invocation, &mut record).await.unwrap();
        let line: Value = serde_json::to_value(&record).unwrap();
        (reply, line["connectCalls"].as_u64().unwrap_or_default())
    }

    /// Whether an answer is one of the table's.
    fn judge(&self, reply: &Reply) {
        let body: Value = serde_json::from_str(&reply.body).unwrap_or_default();
        let outcome = body["outcome"].as_str();
        let fits = match reply.status_code {
            200 => outcome.is_some_and(|outcome| {
                ["alreadyOurs", "ignored", "noUser", "removed", "suspended", "unchanged", "updated"]
                    .contains(&outcome)
            }),
            201 => outcome == Some("created"),
            202 => outcome.is_some_and(|outcome| ["parked", "pending"].contains(&outcome)),
            400 => body["scimType"] == "invalidValue",
            409 => body["status"] == "409",
            503 => {
                reply.headers.as_ref().is_some_and(|headers| headers.contains_key("retry-after"))
            }
            _ => false,
        };
        if !fits {
            self.ledger.lock().unwrap().odd.push(format!("{} {}", reply.status_code, reply.body));
        }
    }
}
