//! Changes by PATCH as long as they may be, and how long others wait meanwhile.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::ROUNDS;
use crate::filters::calm;
use crate::load::{Ask, Connection, Pulse, Until, drive};
use crate::server::House;
use crate::table::Row;

/// Members of the large group.
const MEMBERS: usize = 60_000;

/// Members that leave it in one PATCH, each by a filter of its own.
const LEAVING: usize = 190;

/// E-mail addresses that a user is given in one PATCH.
const ADDRESSES: usize = 990;

/// Changes of each kind in a round.
const TIMES: usize = 2;

pub(crate) async fn in_front_of(houses: &[House]) -> Vec<Row> {
    eprintln!("patches");
    let mut rows = vec![
        Row::cost(format!("PATCH of {LEAVING} filters over {MEMBERS} members"), "ms"),
        Row::cost("/health meanwhile, p99 above that without it", "ms"),
        Row::cost(format!("PATCH that adds {ADDRESSES} e-mail addresses"), "ms"),
        Row::cost("/health meanwhile, p99 above that without it", "ms"),
    ];
    let (mut groups, mut users) = (Vec::new(), Vec::new());
    for house in houses {
        let mut connection = Connection::to(house.serve.address());
        groups.push(made(&mut connection, "Groups", &group()).await);
        let mut own = Vec::new();
        for number in 0..ROUNDS * TIMES {
            let name = format!("patched{number}@example.com");
            let name = json!({"userName": name, "name": {"givenName": "A", "familyName": "R"}});
            own.push(made(&mut connection, "Users", &name).await);
        }
        users.push(own);
    }
    for round in 0..ROUNDS {
        let first = round * TIMES;
        for (column, house) in houses.iter().enumerate() {
            let address = house.serve.address();
            let calm = calm(address).await;
            let group = groups[column].clone();
            let leave = move |number| Ask::patch(group.as_str(), &leave(first + number));
            measure(address, &mut rows[..2], column, calm, leave).await;
            let users = users[column].clone();
            let mail = move |number: usize| Ask::patch(users[first + number].as_str(), &mail());
            measure(address, &mut rows[2..], column, calm, mail).await;
        }
    }
    for (house, group) in houses.iter().zip(&groups) {
        check(house.serve.address(), group).await;
    }
    rows
}

async fn measure(
    address: SocketAddr,
    rows: &mut [Row],
    column: usize,
    calm: f64,
    ask: impl Fn(usize) -> Ask + Send + Sync + 'static,
) {
    let pulse = Pulse::start(address).await;
    let load = drive(address, 1, Until::Done(TIMES), 200, ask).await;
    rows[1].note(column, (pulse.stop() - calm).max(0.0));
    rows[0].note(column, load.quantile(50));
}

/// Makes a resource, and says where it is.
async fn made(connection: &mut Connection, endpoint: &str, resource: &Value) -> String {
    let ask = Ask::post(format!("/scim/v2/{endpoint}?attributes=id"), resource);
    let made = connection.expect(&ask, 201).await;
    format!("/scim/v2/{endpoint}/{}", made["id"].as_str().unwrap())
}

fn member(number: usize) -> String {
    format!("{number:032x}")
}

fn group() -> Value {
    let members = (0..MEMBERS).map(|number| json!({"value": member(number)}));
    json!({"displayName": "Everybody", "members": members.collect::<Value>()})
}

/// Those of the numbered PATCH go, from all over the group.
fn leave(number: usize) -> Value {
    let leaving = (0..LEAVING).map(|index| member((index * TIMES * ROUNDS + number) * 50));
    let filter = |member| format!("members[value eq \"{member}\"]");
    leaving.map(|member| json!({"op": "remove", "path": filter(member)})).collect()
}

fn mail() -> Value {
    let addresses = (0..ADDRESSES).map(|number| json!({"value": format!("m{number}@example.com")}));
    json!([{"op": "add", "path": "emails", "value": addresses.collect::<Value>()}])
}

/// Checks that those who were taken out are out, and that the others are in.
async fn check(address: SocketAddr, group: &str) {
    let id = group.rsplit('/').next().unwrap();
    let mut connection = Connection::to(address);
    for (number, is_in) in [(0, 0), (50, 0), (1, 1), (49, 1), (59_999, 1)] {
        let filter = format!("id%20eq%20%22{id}%22%20and%20members%5Bvalue%20eq%20%22");
        let ask = format!("/scim/v2/Groups?attributes=id&filter={filter}{}%22%5D", member(number));
        let found = connection.expect(&Ask::get(ask), 200).await;
        assert_eq!(found["totalResults"], is_in, "member {number}");
    }
}
