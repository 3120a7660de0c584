//! What a roster of 100,000 costs, as ratios of what one of 1,000 does: SCIM requests through the whole
//! function, from the Lambda event to the answer, and the roster by itself.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a benchmark fails by panicking"
)]

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use connect_provisioner::cli::local::Local;
use connect_provisioner::cli::settings::DEMO_SCIM_TOKEN;
use connect_provisioner::roster::Roster as _;
use connect_provisioner::roster::key::Id;
use connect_provisioner::roster::memory::MemoryRoster;
use connect_provisioner::roster::record::{DesiredState, UserRecord};
use connect_provisioner::scim::Person;
use connect_provisioner::standin::Settings;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

const FEW: usize = 1_000;
const MANY: usize = 100_000;
const ROUNDS: usize = 101;
/// Members that come into a group at once.
const BATCH: usize = 250;

/// A function with a roster of so many users, and a group of all of them up to 10,000.
struct House {
    runtime: Runtime,
    roster: Arc<MemoryRoster>,
    local: Local,
    users: usize,
    group: String,
}

fn main() {
    let (few, many) = (House::build(FEW), House::build(MANY));
    let table = Table { few, many };
    println!("among {MANY} / among {FEW}");
    table.row("look-up by userName", |house, number| {
        let filter = format!("userName+eq+%22person{number}@example.com%22");
        house.get(&format!("/Users?filter={filter}"));
    });
    table.row("look-up by work address", |house, number| {
        let filter =
            format!("emails[type+eq+%22work%22].value+eq+%22person{number}@example.com%22");
        house.get(&format!("/Users?filter={filter}"));
    });
    table.row("one user by id", |house, number| house.get(&format!("/Users/{}", id(number))));
    table.row("page of 100, anywhere", |house, number| {
        house.get(&format!("/Users?startIndex={}", number + 1));
    });
    table.row("count", |house, _| house.get("/Users?count=0"));
    table.row("250 members leave a group of 10,000 / of 1,000 and come again", |house, number| {
        let target = format!("/Groups/{}", house.group);
        let members = |round: usize| -> Value {
            let first = round * BATCH;
            (first..first + BATCH).map(|number| json!({"value": id(number).as_str()})).collect()
        };
        let round = number % (FEW / BATCH);
        house.patch(&target, &json!({"op": "remove", "path": "members", "value": members(round)}));
        house.patch(&target, &json!({"op": "add", "path": "members", "value": members(round)}));
    });
    table.row("the roster by itself: load and write", |house, number| {
        let write = async {
            let record = house.roster.load(&id(number)).await.unwrap().unwrap();
            house.roster.write(&record).await.unwrap().unwrap();
        };
        house.runtime.block_on(write);
    });
    let few = &table.few;
    let scan = few.time(0, |house, _| house.get("/Users?filter=title+sw+%22x%22"));
    println!("{:>9} us  a filter that no index serves, among {FEW}", micros(scan));
}

struct Table {
    few: House,
    many: House,
}

impl Table {
    fn row(&self, what: &str, call: impl Fn(&House, usize)) {
        let (mut few, mut many) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            few.push(self.few.time(round, &call));
            many.push(self.many.time(round, &call));
        }
        let (few, many) = (median(few), median(many));
        let ratio = many.as_secs_f64() / few.as_secs_f64();
        let took = format!("{} / {} us", micros(many), micros(few));
        println!("{ratio:5.2}  {what}  ({took})");
    }
}

impl House {
    fn build(users: usize) -> Self {
        let roster = Arc::new(MemoryRoster::default());
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let made = |number: usize| {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(number).unwrap());
            let owner = format!("owner{number}");
            let mut record =
                UserRecord::new(id(number), person(number), DesiredState::Active, &owner, now);
            record.settle("rules", now);
            record
        };
        let grants = json!({"Agents": {"routingProfile": "Sales"}}).to_string();
        let changes = [("GROUP_PROFILES", grants.as_str())];
        let local = runtime.block_on(async {
            for number in 0..users {
                roster.write(&made(number)).await.unwrap().unwrap();
            }
            let settings = Settings { throttle: false, ..Settings::default() };
            Local::start_with_roster(settings, &changes, roster.clone()).await.unwrap()
        });
        let mut house = Self { runtime, roster, local, users, group: String::new() };
        let members = (0..users.min(10_000)).map(|number| json!({"value": id(number).as_str()}));
        let group = json!({"displayName": "Agents", "members": members.collect::<Value>()});
        let group = house.ask("POST", "/Groups?attributes=id", &group);
        group["id"].as_str().unwrap().clone_into(&mut house.group);
        house
    }

    /// How long one call takes; each is about somebody far from the one before.
    fn time(&self, round: usize, call: impl Fn(&Self, usize)) -> Duration {
        #[expect(clippy::disallowed_methods, reason = "time is what is measured")]
        let start = Instant::now();
        call(self, round * 7919 % (self.users - 100));
        start.elapsed()
    }

    fn get(&self, target: &str) {
        self.ask("GET", target, &Value::Null);
    }

    fn patch(&self, target: &str, operation: &Value) {
        self.ask("PATCH", &format!("{target}?attributes=id"), &json!({"Operations": [operation]}));
    }

    fn ask(&self, method: &str, target: &str, body: &Value) -> Value {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let event = json!({
            "version": "2.0", "rawPath": format!("/scim/v2{path}"), "rawQueryString": query,
            "headers": {"authorization": format!("Bearer {DEMO_SCIM_TOKEN}")},
            "requestContext": {
                "stage": "$default", "domainName": "x.example", "http": {"method": method},
            },
            "body": if body.is_null() { String::new() } else { body.to_string() },
            "isBase64Encoded": false,
        });
        #[expect(clippy::disallowed_methods, reason = "a benchmark is an outermost place")]
        let now = SystemTime::now();
        let sent = self.local.send(&event, now, Duration::from_secs(60));
        let reply = self.runtime.block_on(sent).0.unwrap();
        assert!(reply.status_code < 300, "{method} {target}: {}", reply.body);
        serde_json::from_str(&reply.body).unwrap()
    }
}

fn micros(time: Duration) -> String {
    format!("{:.0}", time.as_secs_f64() * 1e6)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn id(number: usize) -> Id {
    Id::of(u128::try_from(number).unwrap().to_be_bytes())
}

fn person(number: usize) -> Person {
    let name = format!("person{number}@example.com");
    let user = json!({
        "userName": name, "externalId": format!("00u{number}"), "active": true,
        "displayName": "Ana Ruiz", "name": {"givenName": "Ana", "familyName": "Ruiz"},
        "emails": [{"primary": true, "value": name, "type": "work"}],
    });
    Person::new(user.as_object().cloned().unwrap_or_default())
}
