//! Users taken in, read by id, and read in pages; with the roster in memory.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use crate::load::{Ask, Connection, Until, drive};
use crate::server::{House, Server};
use crate::table::Row;
use crate::{Bench, CONNECTIONS, ROUNDS};

/// So many are read in pages.
const USERS: usize = 8_600;

/// How long a read is repeated in a round.
const TIME: Duration = Duration::from_secs(2);

/// Where scimmy's figures stand.
const SCIMMY: usize = 2;

/// A user as an identity provider writes one.
pub(crate) fn user(number: usize) -> Value {
    let name = name(number);
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": name, "externalId": format!("00u{number}"), "active": true,
        "displayName": "Ana Ruiz", "title": "Agent of the second line",
        "name": {"givenName": "Ana", "familyName": "Ruiz"},
        "emails": [{"primary": true, "value": name, "type": "work"}],
    })
}

pub(crate) fn name(number: usize) -> String {
    format!("person{number}@example.com")
}

/// Takes in the users from one number on.
pub(crate) fn post(first: usize) -> impl Fn(usize) -> Ask + Send + Sync + 'static {
    move |number| Ask::post("/scim/v2/Users", &user(first + number))
}

/// Several servers with the same users.
pub(crate) struct Crowd {
    pub(crate) houses: Vec<House>,
    pub(crate) rows: Vec<Row>,
}

impl Crowd {
    /// Opens a house for each build, and measures while they fill.
    pub(crate) async fn gather(bench: &Bench, scimmy: Option<Server>) -> Self {
        eprintln!("users, in memory");
        let houses: Vec<_> = bench.builds.iter().map(|build| House::open(build, None)).collect();
        let own = houses.iter().map(|house| house.serve.address()).enumerate();
        let places: Vec<(usize, SocketAddr)> =
            own.chain(scimmy.iter().map(|scimmy| (SCIMMY, scimmy.address()))).collect();
        let chunk = USERS.min(bench.users) / ROUNDS;
        let mut posts = Row::rate("POST of a user, roster in memory", "users/s");
        for round in 0..ROUNDS {
            for (column, address) in &places {
                let until = Until::Done(chunk);
                let load = drive(*address, CONNECTIONS, until, 201, post(round * chunk)).await;
                posts.note(*column, load.rate());
            }
        }
        let mut rows = vec![posts];
        rows.push(one(&places).await);
        rows.extend(pages(&places, chunk * ROUNDS).await);
        Self { houses, rows }
    }
}

async fn one(places: &[(usize, SocketAddr)]) -> Row {
    let mut row = Row::rate("GET of one user by id", "answers/s");
    let mut targets = Vec::new();
    for (_, address) in places {
        let list = Ask::get("/scim/v2/Users?startIndex=1&count=1000");
        let list = Connection::to(*address).expect(&list, 200).await;
        let users = list["Resources"].as_array().unwrap().iter();
        let own = users.map(|user| format!("/scim/v2/Users/{}", user["id"].as_str().unwrap()));
        targets.push(own.collect::<Vec<_>>());
    }
    for _ in 0..ROUNDS {
        for ((column, address), own) in places.iter().zip(&targets) {
            let own = own.clone();
            let ask = move |number: usize| Ask::get(own[number * 31 % own.len()].as_str());
            let load = drive(*address, CONNECTIONS, Until::Passed(TIME), 200, ask).await;
            row.note(*column, load.rate());
        }
    }
    row
}

async fn pages(places: &[(usize, SocketAddr)], users: usize) -> [Row; 2] {
    let what = format!("page of 100 among {users} users, anywhere");
    let mut rows = [Row::rate(what, "pages/s"), Row::cost("the same, p99", "ms")];
    for _ in 0..ROUNDS {
        for (column, address) in places {
            let ask = move |number: usize| {
                // scimmy cuts what it is given once more where that is the first page.
                let start = 101 + number * 7919 % users.saturating_sub(200).max(1);
                Ask::get(format!("/scim/v2/Users?startIndex={start}&count=100"))
            };
            let load = drive(*address, CONNECTIONS, Until::Passed(TIME), 200, ask).await;
            rows[0].note(*column, load.rate());
            rows[1].note(*column, load.quantile(99));
        }
    }
    rows
}
