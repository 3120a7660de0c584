//! What a roster of 100,000 costs, as ratios of what one of 1,000 does.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a benchmark fails by panicking"
)]

use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

use connect_provisioner::roster::Roster as _;
use connect_provisioner::roster::embedded::Embedded;
use connect_provisioner::roster::key::{Id, Key};
use connect_provisioner::roster::record::{Record, Wanted};
use connect_provisioner::scim::Person;
use futures_util::FutureExt as _;
use serde_json::{Map, Value, json};

const FEW: usize = 1_000;
const MANY: usize = 100_000;
const ROUNDS: usize = 400;
/// Calls in a row that are timed together.
const CALLS: usize = 50;

fn main() {
    let (few, many) = (roster(FEW), roster(MANY));
    let look_up = |roster: &Embedded, number: usize| {
        let key = Key::user_name(&user_name(number));
        assert!(roster.find(&key).now_or_never().unwrap().unwrap().is_some());
    };
    report("look-up by userName", &few, &many, look_up);
    let page = |roster: &Embedded, number: usize| {
        black_box(roster.page(number, 100).now_or_never().unwrap().unwrap());
    };
    report("page of 100", &few, &many, page);
    let write = |roster: &Embedded, number: usize| {
        let id = id(number);
        let record = roster.load(&id).now_or_never().unwrap().unwrap().unwrap();
        roster.write(&record).now_or_never().unwrap().unwrap().unwrap();
    };
    report("load and write", &few, &many, write);
}

fn report(what: &str, few: &Embedded, many: &Embedded, call: impl Fn(&Embedded, usize)) {
    let (mut few_took, mut many_took) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        few_took.push(time(|number| call(few, number % (FEW - 100)), round));
        many_took.push(time(|number| call(many, number % (MANY - 100)), round));
    }
    let (few, many) = (median(few_took), median(many_took));
    let (few, many) = (few.as_secs_f64() * 1e6, many.as_secs_f64() * 1e6);
    println!("{:5.2}  {what} among {MANY} / among {FEW}  ({many:.2} / {few:.2} us)", many / few);
}

fn time(call: impl Fn(usize), round: usize) -> Duration {
    #[expect(clippy::disallowed_methods, reason = "time is what is measured")]
    let start = Instant::now();
    // Far apart, so that no call is helped by the one before it.
    (0..CALLS).for_each(|number| call((round * CALLS + number) * 7919));
    start.elapsed() / u32::try_from(CALLS).unwrap()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn roster(size: usize) -> Embedded {
    let roster = Embedded::default();
    for number in 0..size {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(number).unwrap());
        let owner = format!("owner{number}");
        let mut record = Record::new(id(number), person(number), Wanted::Active, &owner, now);
        record.settle("rules", now);
        roster.write(&record).now_or_never().unwrap().unwrap().unwrap();
    }
    roster
}

fn id(number: usize) -> Id {
    Id::of(u128::try_from(number).unwrap().to_be_bytes())
}

fn user_name(number: usize) -> String {
    format!("person{number}@example.com")
}

fn person(number: usize) -> Person {
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": user_name(number), "externalId": format!("00u{number}"), "active": true,
        "displayName": "Ana Ruiz", "name": {"givenName": "Ana", "familyName": "Ruiz"},
        "emails": [{"primary": true, "value": user_name(number), "type": "work"}],
    });
    let Value::Object(user) = user else { return Person::new(Map::new()) };
    Person::new(user)
}
