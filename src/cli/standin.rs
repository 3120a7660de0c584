//! `connect-provisioner standin`: the stand-in as a server, for any AWS client.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::net::TcpListener;

use super::{now, say};
use crate::standin::{IdentityManagement, Settings, World, serve};

/// Where the stand-in listens.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    #[command(flatten)]
    behaviour: Behaviour,
}

/// How the stand-in behaves. It starts calm.
#[derive(Args, Clone, Debug)]
pub struct Behaviour {
    /// Where identities live: `SAML`, `CONNECT_MANAGED` or `EXISTING_DIRECTORY`
    #[arg(long, value_name = "TYPE", default_value_t)]
    identity: IdentityManagement,
    /// Lift the limit of 2 calls a second, burst 5, for each operation
    #[arg(long)]
    no_throttle: bool,
    /// How many seconds the search index lags behind
    #[arg(long, value_name = "S", default_value = "0", value_parser = seconds)]
    lag: Duration,
    /// How many seconds a new user is not found
    #[arg(long, value_name = "S", default_value = "0", value_parser = seconds)]
    not_found: Duration,
    /// How many users the instance holds
    #[arg(long, value_name = "N", default_value_t = Settings::default().user_quota)]
    quota: usize,
}

impl Behaviour {
    /// The stand-in's settings.
    #[must_use]
    pub const fn settings(&self) -> Settings {
        Settings {
            identity: self.identity,
            throttle: !self.no_throttle,
            search_lag: self.lag,
            not_found: self.not_found,
            user_quota: self.quota,
        }
    }
}

/// Serves the stand-in until interrupted.
///
/// # Errors
/// If the address cannot be listened on.
pub async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(arguments.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", arguments.listen))?;
    let world = World::new(arguments.behaviour.settings());
    let directory = world.directory();
    say(json!({
        "endpoint": format!("http://{}", listener.local_addr()?),
        "instanceArn": directory.instance_arn,
        "routingProfiles": directory.routing_profiles,
        "securityProfiles": directory.security_profiles,
        "hierarchyGroups": directory.hierarchy_groups,
    }))?;
    match serve(listener, Arc::new(Mutex::new(world)), now).await {}
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "expected a number of seconds".to_owned())
}
