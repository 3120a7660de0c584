//! Clients that speak SCIM: each looks after one person, one request after the other, and repeats what
//! was not answered, as identity providers do.

use std::time::{Duration, SystemTime};

use connect_provisioner::cli::settings::DEMO_SCIM_TOKEN;
use connect_provisioner::roster::Roster as _;
use connect_provisioner::roster::group::{Group, GroupChange};
use connect_provisioner::roster::key::Id;
use futures_util::FutureExt as _;
use serde_json::{Map, Value, json};
use tokio::time::sleep;

use super::House;
use super::chance::cut_off;

/// The first of their persons; the senders' have lower numbers.
pub(crate) const FIRST: usize = 100;

/// The group whose members get more than others.
pub(crate) const GROUP: &str = "Leads";

/// What a client knows of its person in the end.
pub(crate) struct Looked {
    pub(crate) number: usize,
    /// The resource, if there is one.
    pub(crate) known: Option<Known>,
    /// Whether that is so, or a request of unknown fate was the last.
    pub(crate) certain: bool,
}

/// A resource as the client last read it.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) id: String,
    pub(crate) user_name: String,
    pub(crate) family_name: String,
    pub(crate) active: bool,
    /// Whether the person is in the group: what was acknowledged last, which may not be shown at once;
    /// nothing where that is unknown.
    pub(crate) member: Option<bool>,
}

impl Known {
    fn of(user: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            id: text(&user["id"]),
            user_name: text(&user["userName"]),
            family_name: text(&user["name"]["familyName"]),
            active: user["active"] == true,
            member: Some(false),
        }
    }
}

/// Puts the group there before anything happens.
pub(crate) fn make_group(house: &House) {
    let resource = Map::from_iter([("displayName".to_owned(), GROUP.into())]);
    let group = Group::new(group_id(), SystemTime::UNIX_EPOCH);
    let made =
        GroupChange { resource: Some(resource), ..GroupChange::of(group, SystemTime::UNIX_EPOCH) };
    house.roster.write_group(&made).now_or_never().unwrap().unwrap().unwrap();
}

fn group_id() -> Id {
    Id::of([7; 16])
}

impl House {
    /// Lets a client look after a person for a while.
    pub(crate) async fn look_after(&self, number: usize) -> Looked {
        let mut looked = Looked { number, known: None, certain: true };
        for step in 0..2 + self.chance.below(6) {
            sleep(self.chance.milliseconds(*self.chance.pick(&[500, 20_000, 90_000]))).await;
            let before = looked.known.take();
            let (done, member) = match &before {
                None => (self.make(number, step).await, Some(false)),
                Some(known) => self.change(known, number, step).await,
            };
            let found = match done {
                Some(known) => Some(known),
                None => self.read(number).await,
            };
            looked.certain = found.is_some();
            looked.known = found.flatten().map(|found| {
                let is_same = before.is_some_and(|before| before.id == found.id);
                Known { member: if is_same { member } else { Some(false) }, ..found }
            });
            if !looked.certain {
                break;
            }
        }
        looked
    }

    /// What there is then; `None` if that is unknown.
    async fn make(&self, number: usize, step: u64) -> Option<Option<Known>> {
        let user = json!({
            "userName": format!("p{number}-0@example.com"), "externalId": format!("e{number}"),
            "name": {"givenName": "Ana", "familyName": format!("F{step}")}, "active": true,
        });
        match self.insist("POST", "/Users", &user).await? {
            (201, user) => Some(Some(Known::of(&user))),
            _ => None,
        }
    }

    /// What there is then, if that is known; and whether the person is in the group then, if that is.
    async fn change(
        &self,
        known: &Known,
        number: usize,
        step: u64,
    ) -> (Option<Option<Known>>, Option<bool>) {
        if self.chance.in_100(25) {
            let comes = known.member != Some(true);
            let path = format!("members[value eq \"{}\"]", known.id);
            let operation = match comes {
                false => json!({"op": "remove", "path": path}),
                true => json!({"op": "add", "path": "members", "value": [{"value": known.id}]}),
            };
            let target = format!("/Groups/{}", group_id());
            let change = json!({"Operations": [operation]});
            let answer = self.insist("PATCH", &target, &change).await;
            let is_done = answer.is_some_and(|(status, _)| status < 300);
            return (None, is_done.then_some(comes));
        }
        (self.change_user(known, number, step).await, known.member)
    }

    async fn change_user(&self, known: &Known, number: usize, step: u64) -> Option<Option<Known>> {
        let target = format!("/Users/{}", known.id);
        let replace = |path: &str, value: Value| json!({"Operations": [{"op": "Replace", "path": path, "value": value}]});
        let name = format!("p{number}-{}@example.com", self.chance.below(3));
        let change = match self.chance.below(9) {
            0..3 => replace("name.familyName", format!("F{step}").into()),
            3..6 => replace("active", (!known.active).to_string().into()),
            6 => replace("userName", name.into()),
            8 => {
                let name = *self.chance.pick(&[GROUP, "Others"]);
                let target = format!("/Groups/{}", group_id());
                self.insist("PATCH", &target, &replace("displayName", name.into())).await?;
                return None;
            }
            _ => {
                let (status, _) = self.insist("DELETE", &target, &Value::Null).await?;
                return [204, 404].contains(&status).then_some(None);
            }
        };
        match self.insist("PATCH", &target, &change).await? {
            (200, user) => Some(Some(Known::of(&user))),
            _ => None,
        }
    }

    /// Looks the person up.
    async fn read(&self, number: usize) -> Option<Option<Known>> {
        let target = format!("/Users?filter=externalId+eq+%22e{number}%22");
        let (status, list) = self.insist("GET", &target, &Value::Null).await?;
        (status == 200).then(|| list["Resources"].get(0).map(Known::of))
    }

    /// Asks until there is an answer that counts.
    async fn insist(&self, method: &str, target: &str, body: &Value) -> Option<(u16, Value)> {
        for _ in 0..8 {
            let cut = self.chance.in_100(20).then(|| self.chance.below(30));
            let event = request(method, target, body);
            if let Some((reply, _)) = cut_off(cut, self.ask(&event)).await {
                let body = serde_json::from_str(&reply.body).unwrap_or_default();
                match reply.status_code {
                    200..300 | 404 | 409 => return Some((reply.status_code, body)),
                    503 => {}
                    status => {
                        let odd = format!("{method} {target}: {status} {body}");
                        self.ledger.lock().unwrap().odd.push(odd);
                        return None;
                    }
                }
            }
            sleep(Duration::from_secs(1) + self.chance.milliseconds(30_000)).await;
        }
        None
    }
}

pub(crate) fn request(method: &str, target: &str, body: &Value) -> Value {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    json!({
        "version": "2.0", "rawPath": format!("/scim/v2{path}"), "rawQueryString": query,
        "headers": {"authorization": format!("Bearer {DEMO_SCIM_TOKEN}")},
        "requestContext": {"stage": "$default", "http": {"method": method}},
        "body": if body.is_null() { String::new() } else { body.to_string() },
        "isBase64Encoded": false,
    })
}
