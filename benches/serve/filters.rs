//! Filters that no index serves, and how long others wait meanwhile.

use std::net::SocketAddr;
use std::time::Duration;

use crate::load::{Ask, Connection, Pulse, Until, drive};
use crate::server::House;
use crate::table::Row;
use crate::users::post;
use crate::{CONNECTIONS, ROUNDS};

/// Among so many at most may one look.
const MOST: usize = 10_000;

/// How long a filter is asked again and again in a round.
const TIME: Duration = Duration::from_secs(2);

pub(crate) async fn among(houses: &[House]) -> Vec<Row> {
    eprintln!("filters");
    let mut users = 0;
    for house in houses {
        users = fill(house.serve.address()).await;
    }
    let what = |terms: &str| format!("a filter of {terms} that no index serves, {users} users");
    let mut rows = vec![
        Row::cost(what("1 term"), "ms"),
        Row::cost("/health meanwhile, p99 above that without it", "ms"),
        Row::cost(what("100 terms"), "ms"),
        Row::cost("/health meanwhile, p99 above that without it", "ms"),
    ];
    for _ in 0..ROUNDS {
        for (column, house) in houses.iter().enumerate() {
            let address = house.serve.address();
            let calm = calm(address).await;
            for (kind, terms) in [(0, 1), (2, 100)] {
                let target = filter(terms);
                let pulse = Pulse::start(address).await;
                let ask = move |_| Ask::get(target.as_str());
                let load = drive(address, 1, Until::Passed(TIME), 200, ask).await;
                rows[kind].note(column, load.quantile(50));
                rows[kind + 1].note(column, (pulse.stop() - calm).max(0.0));
            }
        }
    }
    rows
}

/// What 99 of 100 beats wait at most while nothing else happens.
pub(crate) async fn calm(address: SocketAddr) -> f64 {
    let pulse = Pulse::start(address).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    tokio::task::spawn_blocking(|| pulse.stop()).await.unwrap()
}

/// Takes in as many more as a filter may look through; says how many there are then.
async fn fill(address: SocketAddr) -> usize {
    let known = Ask::get("/scim/v2/Users?count=0");
    let known = Connection::to(address).expect(&known, 200).await;
    let known = usize::try_from(known["totalResults"].as_u64().unwrap()).unwrap();
    let wanted = if known < MOST / 2 { known } else { MOST };
    let more = Until::Done(wanted - known);
    drive(address, CONNECTIONS, more, 201, post(known)).await;
    wanted
}

/// A filter of so many terms, of which none holds of anybody.
fn filter(terms: usize) -> String {
    let term = |number| format!("title%20co%20%22zone%20{number}%22");
    let terms: Vec<_> = (0..terms).map(term).collect();
    format!("/scim/v2/Users?filter={}", terms.join("%20or%20"))
}
