//! The roster in a file: writes, reads beside them, and what a large one takes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::load::{Ask, Connection, Until, count, drive, now};
use crate::server::{House, Syncs};
use crate::table::Row;
use crate::users::{name, post};
use crate::{Bench, CONNECTIONS, ROUNDS};

/// How long users are taken in, in a round.
const TIME: Duration = Duration::from_secs(4);

/// How long it is counted what goes to the disk.
const COUNTED: Duration = Duration::from_secs(2);

/// Connections that read beside those that write.
const READERS: usize = 4;

/// Users in a page of an import.
const PAGE: usize = 1000;

/// Where a file is memory: what a large roster takes has nothing to do with how quick a disk is.
const TOMBSTONE_TTL: &str = "/dev/shm";

/// What a POST and a read beside it take, where each is in the file before it is answered.
pub(crate) async fn in_a_file(bench: &Bench) -> Vec<Row> {
    eprintln!("roster in a file");
    let mut posts = Row::rate("POST of a user, roster in a file", "users/s");
    let mut syncs = Row::cost("fsyncs for each acknowledged POST", "");
    let mut middle = Row::cost("GET by userName beside 16 POSTs into the file, p50", "ms");
    let mut slow = Row::cost("the same, p99", "ms");
    for round in 0..ROUNDS {
        for (column, build) in bench.builds.iter().enumerate() {
            let file = bench.folder.join(format!("roster-{round}-{column}"));
            let house = House::open(build, Some(&file));
            let address = house.serve.address();
            let load = drive(address, CONNECTIONS, Until::Passed(TIME), 201, post(0)).await;
            posts.note(column, load.rate());
            let known = load.answers();
            let look = move |number: usize| {
                let name = name(number * 31 % known);
                Ask::get(format!("/scim/v2/Users?filter=userName%20eq%20%22{name}%22"))
            };
            let (reads, writes) = tokio::join!(
                drive(address, READERS, Until::Passed(TIME), 200, look),
                drive(address, CONNECTIONS, Until::Passed(TIME), 201, post(known * 2)),
            );
            middle.note(column, reads.quantile(50));
            slow.note(column, reads.quantile(99));
            if let Some(counter) = Syncs::start(house.serve.id(), &bench.folder) {
                let first = known * 2 + writes.answers() * 2;
                let until = Until::Passed(COUNTED);
                let load = drive(address, CONNECTIONS, until, 201, post(first)).await;
                syncs.note(column, count(counter.stop()) / count(load.answers()));
            } else {
                eprintln!("fsyncs are not counted: there is no strace, or it may not look");
            }
        }
    }
    vec![posts, syncs, middle, slow]
}

/// What a large roster takes: memory, and the time in which all of it is read.
pub(crate) async fn at_large(bench: &Bench) -> Vec<Row> {
    let users = bench.users;
    let folder = match Path::new(TOMBSTONE_TTL).is_dir() {
        true => PathBuf::from(TOMBSTONE_TTL).join(format!("bench-{}", std::process::id())),
        false => bench.folder.clone(),
    };
    fs::create_dir_all(&folder).unwrap();
    eprintln!("{users} users, in {}", folder.display());
    let file = |column: usize| folder.join(format!("large-{column}"));
    let mut filled = Row::cost(format!("memory with {users} users, after they came"), "MiB");
    let mut opened = Row::cost("the same after a start and an import", "MiB");
    let mut imports = Row::cost(format!("an import of all in pages of {PAGE}"), "s");
    let mut houses = Vec::new();
    for (column, build) in bench.builds.iter().enumerate() {
        let house = House::open(build, Some(&file(column)));
        let address = house.serve.address();
        drive(address, CONNECTIONS, Until::Done(users), 201, post(0)).await;
        filled.note(column, house.serve.memory());
        houses.push(house.reopen(build, &file(column)));
    }
    for _ in 0..ROUNDS {
        for (column, house) in houses.iter().enumerate() {
            let start = now();
            import(house, users).await;
            imports.note(column, start.elapsed().as_secs_f64());
        }
    }
    for (column, house) in houses.iter().enumerate() {
        opened.note(column, house.serve.memory());
    }
    drop(houses);
    fs::remove_dir_all(&folder).unwrap();
    vec![filled, opened, imports]
}

async fn import(house: &House, users: usize) {
    let mut connection = Connection::to(house.serve.address());
    let mut read = 0;
    while read < users {
        let page = format!("/scim/v2/Users?startIndex={}&count={PAGE}", read + 1);
        let page = connection.expect(&Ask::get(page), 200).await;
        assert_eq!(page["totalResults"], users);
        read += page["Resources"].as_array().unwrap().len();
    }
}
