//! The SDK's HTTP client → the stand-in, by way of a network that loses and delays.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use connect_provisioner::deadline::Clock;
use connect_provisioner::roster::Roster as _;
use connect_provisioner::roster::key::Key;
use connect_provisioner::roster::memory::MemoryRoster;
use connect_provisioner::roster::record::{DesiredState, Phase, UserRecord};
use connect_provisioner::standin::{Reply, World};
use futures_util::FutureExt as _;
use hyper::body::Bytes;
use hyper::{Request, Response};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::chance::{Chance, boundary};
use super::mutation::Mutation;
use super::weather::Skies;

/// The network between one function and Connect.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) world: Arc<Mutex<World>>,
    pub(crate) chance: Chance,
    pub(crate) clock: Clock,
    /// How many of a hundred calls go wrong.
    pub(crate) faults: Arc<Mutex<u64>>,
    /// What was called, and when it arrived.
    pub(crate) calls: Arc<Mutex<Vec<(String, SystemTime)>>>,
    pub(crate) removals: Arc<Mutex<Vec<SystemTime>>>,
    /// Owners who had two users of one name, or three.
    pub(crate) doubled: Arc<Mutex<Vec<String>>>,
    pub(crate) mutation: Option<Mutation>,
    /// What is the matter with Connect for a while.
    pub(crate) skies: Arc<Mutex<Skies>>,
    /// Users whom nobody is shown any more, where that is broken.
    pub(crate) hidden: Arc<Mutex<BTreeSet<String>>>,
    /// What is known of everybody.
    pub(crate) roster: Arc<MemoryRoster>,
    /// Whether to print every call.
    pub(crate) told: Arc<AtomicBool>,
}

impl fmt::Debug for Wire {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Wire")
    }
}

impl HttpClient for Wire {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let request = request.try_into_http1x().unwrap();
        let request = request.map(|body| Bytes::copy_from_slice(body.bytes().unwrap_or_default()));
        let wire = self.clone();
        HttpConnectorFuture::new(async move { wire.carry(request).await })
    }
}

impl Wire {
    /// Whether every call is printed.
    pub(crate) fn is_told(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }

    /// Prints every call from now on.
    pub(crate) fn tell(&self) {
        self.told.store(true, Ordering::Relaxed);
    }

    async fn carry(&self, request: Request<Bytes>) -> Result<HttpResponse, ConnectorError> {
        boundary(self.chance.milliseconds(200)).await;
        let faults = *self.faults.lock().unwrap();
        let fate = if self.chance.in_100(faults) { self.chance.below(6) } else { 6 };
        let answer = match fate {
            0 => Err(lost()),
            1 => Ok(failed()),
            2 => {
                self.arrive(&request);
                Ok(failed())
            }
            3 => {
                self.arrive(&request);
                Err(lost())
            }
            4 => {
                // Given up by its caller, it arrives all the same.
                let (wire, time) = (self.clone(), self.chance.milliseconds(20_000));
                tokio::spawn(async move {
                    sleep(time).await;
                    wire.arrive(&request);
                });
                pending().await
            }
            5 => {
                let response = self.arrive(&request);
                sleep(self.chance.milliseconds(9_000)).await;
                Ok(response)
            }
            _ => Ok(self.arrive(&request)),
        };
        boundary(self.chance.milliseconds(200)).await;
        answer.map(|response| {
            HttpResponse::try_from(response.map(|body| SdkBody::from(body.to_vec()))).unwrap()
        })
    }

    fn arrive(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let now = self.clock.now();
        self.calls.lock().unwrap().push((request.method().to_string() + request.uri().path(), now));
        let removes = self.removes(request);
        let is_meant = |user: &Value| request.uri().path().ends_with(user["Id"].as_str().unwrap());
        let deletes = request.method() == "DELETE";
        let meant = deletes.then(|| self.users().into_iter().find(is_meant)).flatten();
        if let Some(lie) = self.lie(request).or_else(|| self.hinder(request)) {
            return lie;
        }
        if let Some(answer) = self.skies.lock().unwrap().answer(request, now) {
            self.print(request, &answer);
            return answer;
        }
        let ends_sessions = request.uri().path().starts_with("/auth/sessions/");
        if ends_sessions && self.mutation == Some(Mutation::SessionsAreKept) {
            return Response::new(Bytes::from_static(b"{}"));
        }
        let reply = self.world.lock().unwrap().handle(request, now);
        let Reply::Now(response) = reply else { return failed() };
        self.print(request, &response);
        if response.status() == 200 && removes {
            // Whose power was taken before loses no access by being removed, whenever that is.
            if !meant.as_ref().is_some_and(has_no_power) {
                self.removals.lock().unwrap().push(now);
            }
        }
        self.sign_in_whoever_may(request, response.status().as_u16());
        let is_small = self.calls.lock().unwrap().len() < 500;
        if response.status() == 200 && request.method() == "PUT" && is_small {
            self.look_for_doubles();
        }
        if response.status() == 200 && request.method() == "DELETE" {
            self.look_for_nobody(&meant.unwrap_or_default(), now);
        }
        match self.mutation {
            Some(Mutation::EverybodyIsOurs) => everybody_is_ours(response),
            Some(Mutation::OneNotFoundIsBelieved) => self.without_hidden(response),
            _ => response,
        }
    }

    /// What keeps a leaver from being shut out, where that is broken.
    fn hinder(&self, request: &Request<Bytes>) -> Option<Response<Bytes>> {
        let mutation = self.mutation?;
        let path = request.uri().path();
        let takes_power = path.ends_with("/security-profiles")
            && String::from_utf8_lossy(request.body()).contains(super::NO_ACCESS);
        let users = self.users();
        let user = users.iter().find(|user| path.contains(user["Id"].as_str().unwrap()))?;
        let owner = user["Tags"]["provisioner-owner"].as_str().unwrap_or_default();
        let record = || self.roster.find(&Key::owner(owner)).now_or_never().unwrap().unwrap();
        let id = user["Id"].as_str().unwrap();
        match mutation {
            Mutation::OneNotFoundIsBelieved if request.method() == "GET" => {
                let leaves = record().is_some_and(|it| it.desired_state() != DesiredState::Active);
                if leaves && self.chance.in_100(20) {
                    self.hidden.lock().unwrap().insert(id.to_owned());
                }
                self.hidden
                    .lock()
                    .unwrap()
                    .contains(id)
                    .then(|| error(404, "ResourceNotFoundException"))
            }
            Mutation::FormerUsersComeFirst => {
                let former = record()?.status.former_user?.ids.id;
                let is_there = users.iter().any(|user| user["Id"] == *former);
                let removes = request.method() == "DELETE" && former == id;
                let is_next = takes_power && former != id && is_there;
                (removes || is_next).then(|| error(500, "InternalServiceException"))
            }
            Mutation::LeaversWaitForJoiners if takes_power => {
                let (living, _) = self.roster.page(0, 100).now_or_never().unwrap().unwrap();
                let joins = |record: &UserRecord| {
                    record.desired_state() == DesiredState::Active
                        && record.schedule.phase == Phase::Pending
                };
                living.iter().any(joins).then(|| error(429, "ThrottlingException"))
            }
            _ => None,
        }
    }

    /// A list without those who are taken for gone.
    fn without_hidden(&self, response: Response<Bytes>) -> Response<Bytes> {
        response.map(|body| {
            let Ok(mut document) = serde_json::from_slice::<Value>(&body) else { return body };
            for list in ["Users", "UserSummaryList"] {
                if let Some(users) = document.get_mut(list).and_then(Value::as_array_mut) {
                    let hidden = self.hidden.lock().unwrap();
                    users.retain(|user| !hidden.contains(user["Id"].as_str().unwrap_or_default()));
                }
            }
            document.to_string().into()
        })
    }

    fn print(&self, request: &Request<Bytes>, response: &Response<Bytes>) {
        if self.is_told() {
            let (time, body) = (self.clock.now(), String::from_utf8_lossy(request.body()));
            let time = time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
            let (method, path) = (request.method(), request.uri().path());
            println!("{time:.3} {method} {path} {body} -> {}", response.status());
        }
    }

    /// Now and then Connect does not show a user who is there, or refuses to.
    fn lie(&self, request: &Request<Bytes>) -> Option<Response<Bytes>> {
        let looks = request.method() == "GET" && request.uri().path().starts_with("/users/");
        let is_stormy = *self.faults.lock().unwrap() > 0;
        if !(looks && is_stormy && self.chance.in_100(3)) {
            return None;
        }
        let lies = [(404, "ResourceNotFoundException"), (400, "InvalidParameterException")];
        let (status, code) = *self.chance.pick(&lies);
        Some(error(status, code))
    }

    /// Whoever is given power is signed in at once, and stays so until their sessions are ended.
    fn sign_in_whoever_may(&self, request: &Request<Bytes>, status: u16) {
        let path = request.uri().path();
        let gives = request.method() == "PUT" || path.ends_with("/security-profiles");
        if status != 200 || !gives || !path.starts_with("/users/") {
            return;
        }
        let state = self.state();
        let works = |user: &&Value| user["SecurityProfileIds"] != json!([super::NO_ACCESS]);
        let is_out = |user: &&Value| state["sessions"][user["Id"].as_str().unwrap()].is_null();
        let users = state["users"].as_array().unwrap().iter().filter(works).filter(is_out);
        let ours = users.filter(|user| !user["Tags"]["managed-by"].is_null());
        let ids: Vec<&Value> = ours.map(|user| &user["Id"]).collect();
        if !ids.is_empty() {
            self.control(&json!({"signIn": ids}));
        }
    }

    /// Whether a call takes somebody's access away.
    fn removes(&self, request: &Request<Bytes>) -> bool {
        let path = request.uri().path();
        if request.method() == "DELETE" {
            return path.starts_with("/users/");
        }
        path.ends_with("/security-profiles")
            && String::from_utf8_lossy(request.body()).contains(super::NO_ACCESS)
            && self.users().iter().any(|user| {
                path.contains(user["Id"].as_str().unwrap())
                    && !user["SecurityProfileIds"].to_string().contains(super::NO_ACCESS)
            })
    }

    /// Who works, and has long done so, is not left without a user.
    fn look_for_nobody(&self, deleted: &Value, now: SystemTime) {
        let owner = &deleted["Tags"]["provisioner-owner"];
        let is_left = self.users().iter().any(|user| user["Tags"]["provisioner-owner"] == *owner);
        let (living, _) = self.roster.page(0, 100).now_or_never().unwrap().unwrap();
        let long_ago = now - Duration::from_mins(1);
        // Whose name is another's now gives it up before there is another.
        let name = deleted["Username"].as_str().unwrap_or_default();
        let claims = |record: &UserRecord| {
            *owner != *record.owner && record.keys().contains(&Key::user_name(name))
        };
        if living.iter().any(claims) {
            return;
        }
        let left = living.iter().filter(|record| {
            record.desired_state() == DesiredState::Active
                && record.spec.modified < long_ago
                && *owner == *record.owner
                && !is_left
        });
        self.doubled.lock().unwrap().extend(left.map(|record| format!("none for {record:?}")));
    }

    /// An owner has one user; two of different names while one is being renamed.
    fn look_for_doubles(&self) {
        let mut owners = BTreeMap::<String, Vec<String>>::new();
        for user in self.users() {
            let owner = user["Tags"]["provisioner-owner"].as_str().unwrap_or_default().to_owned();
            owners.entry(owner).or_default().push(user["Username"].as_str().unwrap().to_owned());
        }
        owners.remove("");
        let doubled = owners.into_iter().filter(|(_, names)| names.len() > 2);
        self.doubled.lock().unwrap().extend(doubled.map(|(_, names)| names.join(", ")));
    }

    /// The users that there are, as DescribeUser shows them.
    pub(crate) fn users(&self) -> Vec<Value> {
        match self.state()["users"].take() {
            Value::Array(users) => users,
            _ => panic!("users are a list"),
        }
    }

    /// The users and the open sessions. It is asked for at every step: all that the stand-in shows would
    /// be most of the work.
    pub(crate) fn state(&self) -> Value {
        self.world.lock().unwrap().users_and_sessions()
    }

    pub(crate) fn control(&self, change: &Value) -> Value {
        let request = Request::put("/_standin").body(change.to_string().into()).unwrap();
        match self.world.lock().unwrap().handle(&request, self.clock.now()) {
            Reply::Now(response) => serde_json::from_slice(response.body()).unwrap(),
            _ => panic!("the stand-in answers at once"),
        }
    }

    /// The most calls of one kind that arrived beyond a burst of five and a rate of `rate`.
    pub(crate) fn excess(&self, rate: f64) -> f64 {
        let mut kinds = BTreeMap::<String, Vec<SystemTime>>::new();
        for (call, at) in self.calls.lock().unwrap().iter() {
            let words: Vec<&str> = call.split('/').collect();
            let kind = format!("{}{}{}", words[0], words[1], words.get(4).unwrap_or(&""));
            kinds.entry(kind).or_default().push(*at);
        }
        let mut most = 0.0_f64;
        for times in kinds.values() {
            let (mut level, mut last) = (0.0_f64, times[0]);
            for time in times {
                let passed = time.duration_since(last).unwrap_or_default().as_secs_f64();
                level = (level - passed * rate).max(0.0) + 1.0;
                (most, last) = (most.max(level), *time);
            }
        }
        most
    }
}

fn lost() -> ConnectorError {
    ConnectorError::io("the connection was lost".into())
}

fn failed() -> Response<Bytes> {
    error(500, "InternalServiceException")
}

/// An error of Connect's.
pub(crate) fn error(status: u16, code: &str) -> Response<Bytes> {
    let error = Response::builder().status(status).header("x-amzn-errortype", code);
    error.body(Bytes::from_static(b"{\"Message\":\"x\"}")).unwrap()
}

/// What a function would see that takes everybody for its own.
/// Whether a user has the profile of those who left alone.
fn has_no_power(user: &Value) -> bool {
    user["SecurityProfileIds"] == json!([super::NO_ACCESS])
}

fn everybody_is_ours(response: Response<Bytes>) -> Response<Bytes> {
    response.map(|body| {
        let Ok(mut document) = serde_json::from_slice::<Value>(&body) else { return body };
        let Some(user) = document.get_mut("User") else { return body };
        let name = user["Username"].as_str().unwrap_or_default().to_owned();
        user["Tags"] = super::owner_tags(&name);
        document.to_string().into()
    })
}
