//! Okta's hooks, signed events and a SCIM client in front of one function, whose roster is a file: it may
//! be started again at any moment. What holds is what Connect holds, and what each sender is answered.

mod lines;
mod names;
mod powerless;
mod shared;
mod wrong;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use connect_provisioner::cli::local::Local;
use connect_provisioner::cli::settings::{self, DEMO_SCIM_TOKEN};
use connect_provisioner::cli::story::Story;
use connect_provisioner::config::{Config, Level};
use connect_provisioner::deadline::{Clock, Deadline};
use connect_provisioner::decision::Invocation;
use connect_provisioner::lambda;
use connect_provisioner::log::{Amount, EventLog};
use connect_provisioner::provisioner::Provisioner;
use connect_provisioner::reconcile::drain::Drained;
use connect_provisioner::roster::Roster;
use connect_provisioner::roster::memory::MemoryRoster;
use connect_provisioner::roster::record::Phase;
use connect_provisioner::standin::Settings;
use serde_json::{Value, json};

use crate::house::{LONG, given_with, now, story, users};

/// A function over a file, a stand-in, and a clock that goes on by a second with each request.
struct Desk {
    local: Local,
    file: PathBuf,
    changes: Vec<(&'static str, &'static str)>,
    function: Option<(Provisioner, Arc<MemoryRoster>)>,
    numbers: Arc<AtomicU64>,
    at: SystemTime,
}

/// What was answered, and the lines and the record that came of it.
struct Told {
    status: u16,
    body: Value,
    lines: Vec<Value>,
    record: EventLog,
}

impl Told {
    /// What became of the one event of a hook.
    fn event(&self) -> &Value {
        &self.body["events"][0]
    }

    /// The one line.
    #[track_caller]
    fn line(&self) -> &Value {
        assert_eq!(self.lines.len(), 1, "{:?}", self.lines);
        &self.lines[0]
    }

    /// What a metric counts of it.
    fn counted(&self, name: &str) -> Option<u64> {
        self.record.measured().filter(|metric| metric.name == name).find_map(|metric| {
            if let Amount::Count(count) = metric.amount { Some(count) } else { None }
        })
    }
}

async fn desk(name: &str, changes: &[(&'static str, &'static str)]) -> Desk {
    let local = given_with(Settings::default(), &[]).await;
    let file = std::env::temp_dir().join(format!("desk-{name}-{}.redb", std::process::id()));
    drop(std::fs::remove_file(&file));
    let (numbers, changes) = (Arc::default(), changes.to_vec());
    let mut desk = Desk { local, file, changes, function: None, numbers, at: now() };
    desk.restart().await;
    desk
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.function = None;
        drop(std::fs::remove_file(&self.file));
    }
}

impl Desk {
    /// Ends the function, and starts another one over the same file.
    async fn restart(&mut self) {
        self.function = None;
        let mut environment = settings::demo(&self.local.directory);
        let changes = self.changes.iter();
        environment.extend(changes.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let config = Config::read_for_roster(&environment).unwrap();
        let aws = lambda::loader(&config.region)
            .endpoint_url(&self.local.endpoint)
            .credentials_provider(Credentials::new("demo", "demo", None, None, "demo"))
            .use_fips(false)
            .use_dual_stack(false)
            .load()
            .await;
        let roster = Arc::new(MemoryRoster::open(&self.file).unwrap());
        let numbers = Arc::clone(&self.numbers);
        let entropy = move || u128::from(numbers.fetch_add(1, Ordering::Relaxed)).to_be_bytes();
        let function = Provisioner::with_roster(config, &aws, roster.clone(), Box::new(entropy));
        let function = function.unwrap();
        self.function = Some((function, roster));
    }

    fn function(&self) -> &Provisioner {
        &self.function.as_ref().unwrap().0
    }

    fn roster(&self) -> &MemoryRoster {
        &self.function.as_ref().unwrap().1
    }

    /// Sends what an HTTP API would bring.
    async fn send(&mut self, event: &Value) -> Told {
        self.at += Duration::from_secs(1);
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let random = u128::from(number).to_be_bytes();
        let invocation = Invocation { now: self.at, time_left: LONG, random };
        let mut record = EventLog::default();
        let reply =
            self.function().answer(&event.to_string(), invocation, &mut record).await.unwrap();
        let body = serde_json::from_str(&reply.body).unwrap_or_default();
        let lines = record.lines(Level::Info);
        let lines = lines.map(|line| serde_json::from_str(&line).unwrap()).collect();
        Told { status: reply.status_code, body, lines, record }
    }

    /// Okta's hook tells of one event, a minute old, about one person.
    async fn okta(&mut self, event_type: &str, id: &str, login: &str, name: &str) -> Told {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let mut hook = story("okta-hook-app-assigned");
        let event = &mut hook.body["data"]["events"][0];
        event["eventType"] = json!(event_type);
        event["uuid"] = json!(format!("event {number}"));
        event["published"] = json!(text(self.at));
        let target = event["target"].as_array_mut().unwrap();
        let person = target.iter_mut().find(|target| target["type"] == "User").unwrap();
        person["id"] = json!(id);
        person["alternateId"] = json!(login);
        person["displayName"] = json!(name);
        self.hook(&hook).await
    }

    /// Okta's hook as it stands.
    async fn hook(&mut self, hook: &Story) -> Told {
        let event = hook.signed(&self.local.okta, "", self.at);
        self.send(&event).await
    }

    /// A signed message with this body.
    async fn signed(&mut self, body: Value) -> Told {
        let mut message = story("okta-user-created");
        message.body = body;
        let id = format!("msg_{}", self.numbers.fetch_add(1, Ordering::Relaxed));
        let event = message.signed(&self.local.source, &id, self.at);
        self.send(&event).await
    }

    /// What a SCIM client asks.
    async fn scim(&mut self, method: &str, path: &str, body: Value) -> Told {
        let token = format!("Bearer {DEMO_SCIM_TOKEN}");
        self.scim_with(method, path, body, json!({"authorization": token})).await
    }

    async fn scim_with(&mut self, method: &str, path: &str, body: Value, headers: Value) -> Told {
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let mut event = json!({
            "version": "2.0",
            "rawPath": format!("/scim/v2{path}"),
            "rawQueryString": "",
            "requestContext": {
                "stage": "$default", "domainName": "x.example", "http": {"method": method},
            },
            "body": body,
            "isBase64Encoded": false,
        });
        event["headers"] = headers;
        self.send(&event).await
    }

    /// A PATCH that replaces one attribute.
    async fn replace(&mut self, id: &str, path: &str, value: &str) -> Told {
        let operation = json!({"op": "replace", "path": path, "value": value});
        let schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
        let body = json!({"schemas": [schema], "Operations": [operation]});
        self.scim("PATCH", &format!("/Users/{id}"), body).await
    }

    /// One run of the drain, so many seconds later.
    async fn drain(&mut self, seconds: u64) -> Drained {
        self.at += Duration::from_secs(seconds);
        let reconciler = self.function().reconciler().unwrap();
        let deadline = Deadline::after(Duration::from_secs(20));
        reconciler.drain(Clock::set(self.at), deadline).await.unwrap()
    }

    /// Whom Connect holds: username, first name and security profiles.
    fn held(&self) -> Vec<String> {
        let names = &self.local.directory.security_profiles;
        let name = |id: &Value| {
            let mut named = names.iter().filter(|(_, own)| *id == own.as_str());
            named.next().unwrap().0.clone()
        };
        let shown = |user: &Value| {
            let mut profiles: Vec<_> =
                user["SecurityProfileIds"].as_array().unwrap().iter().map(name).collect();
            profiles.sort();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let first = text(&user["IdentityInfo"]["FirstName"]);
            format!("{} {first} {}", text(&user["Username"]), profiles.join("+"))
        };
        let mut held: Vec<_> = users(&self.local).iter().map(shown).collect();
        held.sort();
        held
    }

    /// Who is parked: id, the fault's code and its detail.
    async fn parked(&self) -> Vec<(String, String, String)> {
        let shown = self.roster().parked(None, 999).await.unwrap().into_iter();
        let shown = shown.map(|record| match record.schedule.phase {
            Phase::Parked(parked) => (record.id.to_string(), parked.fault, parked.detail),
            other => panic!("{other:?}"),
        });
        shown.collect()
    }
}

/// RFC 3339.
fn text(at: SystemTime) -> String {
    use aws_sdk_connect::primitives::{DateTime, DateTimeFormat};
    DateTime::from(at).fmt(DateTimeFormat::DateTime).unwrap()
}

/// A User with what is needed.
fn person(user_name: &str, external_id: &str, first: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": user_name,
        "externalId": external_id,
        "name": {"givenName": first, "familyName": "Lind"},
    })
}
