//! The contract kept by a table of DynamoDB: on an engine beside this process, alone and behind a proxy that
//! does what no engine shows.

mod costs;
mod proxy;
mod stories;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, LazyLock};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::Client;
use connect_provisioner::roster::dynamo::{DynamoRoster, client, create_table};

use super::{groups, keeps_the_contract};
use crate::simulation::chance::Chance;
use proxy::{Hazard, Mutation, Proxy, TABLE};

/// An engine with a roster's table, and what stands before it.
pub(super) struct Table {
    pub(super) roster: Arc<DynamoRoster>,
    pub(super) proxy: Proxy,
    /// The engine's own client: what really stands in the table.
    pub(super) engine: Client,
    _own: Engine,
}

fn aws(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("AKID", "secret", None, None, "tests");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
        .time_source(aws_smithy_async::time::SystemTimeSource::new())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

/// An engine, which ends with whoever started it.
struct Engine(Child);

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The engine's program: a package of its own, built where that is not done yet.
fn program() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (manifest, target) = (root.join("tests/engine/Cargo.toml"), root.join("target/engine"));
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--locked", "--manifest-path"]).arg(manifest);
        assert!(build.arg("--target-dir").arg(&target).status().unwrap().success());
        target.join("debug/engine")
    });
    &PROGRAM
}

/// Starts an engine; where it is.
fn engine() -> (Engine, String) {
    let mut started = Command::new(program());
    let started = started.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut engine = Engine(started.unwrap());
    let mut address = String::new();
    BufReader::new(engine.0.stdout.take().unwrap()).read_line(&mut address).unwrap();
    (engine, address.trim().to_owned())
}

impl Table {
    /// One to which so many of a hundred requests go wrong.
    pub(super) async fn behind(seed: u64, faults: u64, mutation: Option<Mutation>) -> Self {
        Self::with(seed, faults, mutation, None).await
    }

    /// The same, with groups that are written in parts of so many rows.
    pub(super) async fn with(
        seed: u64,
        faults: u64,
        mutation: Option<Mutation>,
        part: Option<usize>,
    ) -> Self {
        let (own, address) = engine();
        let engine = client(&aws(&format!("http://{address}")));
        create_table(&engine, TABLE).await.unwrap();
        let (proxy, endpoint) = Proxy::start(address, seed, faults, mutation).await;
        let chance = Chance::of(seed);
        let entropy = Box::new(move || chance.bytes());
        let roster = DynamoRoster::new(client(&aws(&endpoint)), TABLE, entropy);
        let roster = match part {
            Some(part) => roster.fanning_out_by(part),
            None => roster,
        };
        Self { roster: Arc::new(roster), proxy, engine, _own: own }
    }

    pub(super) async fn calm() -> Self {
        Self::behind(0, 0, None).await
    }
}

#[tokio::test]
async fn a_table_keeps_the_contract() {
    let table = Table::calm().await;
    keeps_the_contract(&*table.roster).await;
}

#[tokio::test]
async fn a_table_keeps_the_contract_whatever_happens_on_the_way() {
    let mut happened = BTreeMap::<Hazard, u64>::new();
    for seed in 0.. {
        let table = Table::behind(seed, 20, None).await;
        keeps_the_contract(&*table.roster).await;
        let groups = Table::with(seed, 20, None, Some(2)).await;
        stories::marks_come_after_rows(&*groups.roster).await;
        for (hazard, times) in [&table, &groups].into_iter().flat_map(|own| own.proxy.happened()) {
            *happened.entry(hazard).or_default() += times;
        }
        let missing = Hazard::ALL.into_iter().filter(|hazard| !happened.contains_key(hazard));
        let missing: Vec<Hazard> = missing.collect();
        assert!(seed < 60 || missing.is_empty(), "never happened: {missing:?}");
        if seed >= 4 && missing.is_empty() {
            break;
        }
    }
    println!("{happened:?}");
}

#[tokio::test]
async fn a_large_group_is_whole_in_a_table() {
    groups::large_groups_are_as_they_were_accepted(&*Table::calm().await.roster).await;
}
