//! `serve` as its clients feel it, beside another build of it (`BASELINE=path` of a `connect-provisioner`)
//! and beside scimmy: real processes, real sockets, the real SDK against a stand-in of its own.
//!
//! Every row is measured in rounds, the columns in turn within each round, so that whatever else the
//! machine does concerns them alike; ratios are the result. `BENCH_USERS` makes the largest roster smaller.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a benchmark fails by panicking"
)]

mod filters;
mod load;
mod patches;
mod rosters;
mod server;
mod table;
mod users;

use std::env;
use std::path::{Path, PathBuf};

use server::Build;
use table::Row;

/// How often each row is measured.
pub(crate) const ROUNDS: usize = 3;

/// Connections of a load.
pub(crate) const CONNECTIONS: usize = 16;

/// What all rows share.
pub(crate) struct Bench {
    /// This build, and the other one if there is one.
    builds: Vec<Build>,
    /// Where files may be left until the end.
    folder: PathBuf,
    /// So many users are in the largest roster.
    users: usize,
}

fn main() {
    let start = load::now();
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    let own = variable("CONNECT_PROVISIONER").map(PathBuf::from);
    let own = own.unwrap_or_else(|| target.join("release/connect-provisioner"));
    let baseline = variable("BASELINE").map(PathBuf::from);
    let build = |program: PathBuf| Build { program, standin: own.clone() };
    let builds: Vec<Build> =
        [Some(own.clone()), baseline].into_iter().flatten().map(build).collect();
    let users = variable("BENCH_USERS").map_or(100_000, |users| users.parse().unwrap());
    let folder = target.join(format!("bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let bench = Bench { builds, folder, users };

    let wanted = variable("BENCH_ROWS");
    let is_wanted = |name: &str| wanted.as_ref().is_none_or(|wanted| wanted.contains(name));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut rows: Vec<Row> = Vec::new();
    runtime.block_on(async {
        if is_wanted("file") {
            rows.extend(rosters::in_a_file(&bench).await);
        }
        if ["users", "filter", "patch"].into_iter().any(is_wanted) {
            let scimmy = server::scimmy(&target.join("scimmy"));
            let scimmy = scimmy.inspect_err(|why| eprintln!("without scimmy: {why}")).ok();
            let crowd = users::Crowd::gather(&bench, scimmy).await;
            rows.extend(crowd.rows);
            if is_wanted("filter") {
                rows.extend(filters::among(&crowd.houses).await);
            }
            if is_wanted("patch") {
                rows.extend(patches::in_front_of(&crowd.houses).await);
            }
        }
        if is_wanted("large") {
            rows.extend(rosters::at_large(&bench).await);
        }
    });
    std::fs::remove_dir_all(&bench.folder).unwrap();
    table::print(&rows);
    println!("\nin {} s", start.elapsed().as_secs());
}

/// A variable of the environment that says something.
fn variable(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "an outermost place: what to measure is told here"
    )]
    env::var(name).ok().filter(|value| !value.is_empty())
}
