//! SCIM as Okta and Entra ID speak it: each request's answer, and what Connect holds in the end.

mod calls;
mod caseless;
mod entra;
mod filters;
mod groups;
mod http;
mod okta;
mod spellings;
mod towards;
mod users;

use std::sync::Arc;

use connect_provisioner::cli::local::Local;
use connect_provisioner::cli::settings::DEMO_SCIM_TOKEN;
use connect_provisioner::roster::Roster;
use connect_provisioner::roster::memory::MemoryRoster;
use connect_provisioner::standin::Settings;
use serde_json::{Map, Value, json};

use crate::house::{LONG, now};
use crate::simulation::unsteady::Unsteady;

const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const CONNECT: &str = "urn:ietf:params:scim:schemas:extension:amazonconnect:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A function with a roster, its stand-in, and a SCIM client in front.
struct Client {
    local: Local,
    roster: Arc<MemoryRoster>,
}

/// An answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: Map<String, Value>,
    body: Value,
}

impl Answer {
    /// The body, if the status is as expected.
    #[track_caller]
    fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

async fn client(changes: &[(&str, &str)]) -> Client {
    let roster = Arc::new(MemoryRoster::default());
    client_of(roster.clone(), roster, changes).await
}

/// A client whose requests come between each other's: the roster takes its time.
async fn client_among_others() -> Client {
    let roster = Arc::new(MemoryRoster::default());
    client_of(Arc::new(Unsteady::slow(roster.clone())), roster, &[]).await
}

async fn client_of(
    kept: Arc<dyn Roster>,
    roster: Arc<MemoryRoster>,
    changes: &[(&str, &str)],
) -> Client {
    let settings = Settings { throttle: false, ..Settings::default() };
    let local = Local::start_with_roster(settings, changes, kept).await.unwrap();
    Client { local, roster }
}

impl Client {
    /// Sends what `event` says besides, as an HTTP API would bring it.
    async fn send(&self, method: &str, target: &str, headers: &Value, body: &str) -> Answer {
        self.send_logged(method, target, headers, body).await.0
    }

    /// The same, and the line of the log.
    async fn send_logged(
        &self,
        method: &str,
        target: &str,
        headers: &Value,
        body: &str,
    ) -> (Answer, Value) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let event = json!({
            "version": "2.0",
            "rawPath": format!("/scim/v2{path}"),
            "rawQueryString": query,
            "headers": headers,
            "requestContext": {
                "stage": "$default", "domainName": "x.example", "http": {"method": method},
            },
            "body": body,
            "isBase64Encoded": false,
        });
        let (reply, log) = self.local.send(&event, now(), LONG).await;
        let log = serde_json::to_value(&log).unwrap();
        let reply = reply.unwrap();
        let body = match reply.body.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap(),
        };
        let headers = reply.headers.unwrap_or_default();
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
        (Answer { status: reply.status_code, headers: headers.collect(), body }, log)
    }

    async fn ask(&self, method: &str, target: &str, body: &Value) -> Answer {
        self.ask_logged(method, target, body).await.0
    }

    /// The same, and the line of the log.
    async fn ask_logged(&self, method: &str, target: &str, body: &Value) -> (Answer, Value) {
        let headers = json!({
            "authorization": format!("Bearer {DEMO_SCIM_TOKEN}"),
            "content-type": "application/scim+json; charset=utf-8",
        });
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send_logged(method, target, &headers, &body).await
    }

    async fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, &Value::Null).await
    }

    async fn post(&self, target: &str, body: &Value) -> Answer {
        self.ask("POST", target, body).await
    }

    async fn put(&self, target: &str, body: &Value) -> Answer {
        self.ask("PUT", target, body).await
    }

    async fn delete(&self, target: &str) -> Answer {
        self.ask("DELETE", target, &Value::Null).await
    }

    async fn patch(&self, target: &str, operations: Value) -> Answer {
        let body = json!({"schemas": [PATCH_OP], "Operations": operations});
        self.ask("PATCH", target, &body).await
    }

    /// Makes a user of this name, and answers its id.
    async fn user(&self, name: &str) -> String {
        let made = self.post("/Users", &user(name)).await.is(201);
        made["id"].as_str().unwrap().to_owned()
    }

    /// What a user's `provisioning` tells.
    async fn told(&self, id: &Value) -> Value {
        let id = id.as_str().unwrap();
        let target = format!("/Users/{id}?attributes={CONNECT}:provisioning");
        self.get(&target).await.is(200)[CONNECT]["provisioning"].clone()
    }

    /// What the stand-in holds: usernames and their security profiles.
    fn held(&self) -> Value {
        self.local.control(&json!({}))
    }

    /// The calls of Connect so far, all operations together.
    fn calls(&self) -> u64 {
        let calls = &self.held()["calls"];
        calls.as_object().unwrap().values().filter_map(Value::as_u64).sum()
    }

    /// The names of the security profiles that a user has in Connect.
    fn access(&self, username: &str) -> Vec<String> {
        let users = self.held()["users"].clone();
        let mut users = users.as_array().unwrap().iter();
        let user = users.find(|user| user["Username"] == username).unwrap();
        let names = &self.local.directory.security_profiles;
        let name =
            |id: &Value| names.iter().find(|(_, own)| *id == own.as_str()).unwrap().0.clone();
        user["SecurityProfileIds"].as_array().unwrap().iter().map(name).collect()
    }

    /// The usernames in Connect.
    fn usernames(&self) -> Vec<String> {
        let users = self.held()["users"].clone();
        let users = users.as_array().cloned().unwrap_or_default();
        let name = |user: &Value| user["Username"].as_str().map(str::to_owned);
        let mut names: Vec<_> = users.iter().filter_map(name).collect();
        names.sort();
        names
    }
}

/// A user as both identity providers send one, with what is needed.
fn user(name: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": name,
        "name": {"givenName": "Ana", "familyName": "Ruiz"},
        "emails": [{"primary": true, "value": name, "type": "work"}],
        "active": true,
    })
}
