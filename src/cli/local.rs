//! The complete system in one process: handler, SDK and stand-in, connected by a loopback socket.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_connect::Client;
use hyper::Request;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::now;
use super::settings::demo;
use crate::config::{Config, ConfigError, roster_settings};
use crate::decision::Invocation;
use crate::http::ParseEventError;
use crate::http::gateway::Reply;
use crate::lambda;
use crate::log::EventLog;
use crate::provisioner::Provisioner;
use crate::roster::Roster;
use crate::standin::{self, Directory, Settings, World, serve};
use crate::trust::Source;

/// A function with its stand-in, which stops when this is dropped.
pub struct Local {
    /// The source that signs with [`DEMO_SECRET`](super::settings::DEMO_SECRET).
    pub source: Source,
    /// The source of Okta's event hooks, which sends
    /// [`DEMO_AUTHORIZATION`](super::settings::DEMO_AUTHORIZATION).
    pub okta: Source,
    /// The URL of the stand-in.
    pub endpoint: String,
    /// The stand-in's initial instance, profiles and groups.
    pub directory: Directory,
    /// An SDK client of the stand-in.
    pub client: Client,
    provisioner: Provisioner,
    world: Arc<Mutex<World>>,
    server: JoinHandle<()>,
}

impl Local {
    /// Starts a stand-in and a function configured for it. `changes` are variables that add to or
    /// replace the demo's.
    ///
    /// # Errors
    /// If no loopback port is free, or the configuration is invalid.
    /// If no loopback port is free, or the changes leave no usable configuration.
    pub async fn start(
        settings: Settings,
        changes: &[(&str, &str)],
    ) -> Result<Self, Box<dyn Error>> {
        Self::build(settings, changes, None).await
    }

    /// As [`Self::start`], with a roster.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with_roster(
        settings: Settings,
        changes: &[(&str, &str)],
        roster: Arc<dyn Roster>,
    ) -> Result<Self, Box<dyn Error>> {
        Self::build(settings, changes, Some(roster)).await
    }

    async fn build(
        settings: Settings,
        changes: &[(&str, &str)],
        roster: Option<Arc<dyn Roster>>,
    ) -> Result<Self, Box<dyn Error>> {
        let config = Self::configure(&settings, changes, roster.is_some())?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let world = World::new(settings);
        let directory = world.directory().clone();
        let world = Arc::new(Mutex::new(world));
        let served = Arc::clone(&world);
        let server = tokio::spawn(async move { match serve(listener, served, now).await {} });
        let source = |name: &str| {
            let hook = config.hooks.iter().find(|hook| hook.source.name == name);
            hook.map(|hook| Source::clone(&hook.source)).ok_or("the demo's sources are set up")
        };
        let (source, okta) = (source("demo")?, source("okta")?);
        let credentials = Credentials::new("demo", "demo", None, None, "demo");
        let aws = lambda::loader(&config.region)
            .endpoint_url(&endpoint)
            .credentials_provider(credentials)
            .use_fips(false)
            .use_dual_stack(false)
            .load()
            .await;
        let client = Client::new(&aws);
        let provisioner = match roster {
            None => Provisioner::direct(config, &aws),
            Some(roster) => {
                Provisioner::with_roster(config, &aws, roster, Box::new(lambda::random))?
            }
        };
        Ok(Self { source, okta, endpoint, directory, client, provisioner, world, server })
    }

    /// The configuration of such a function.
    ///
    /// # Errors
    /// If it is invalid.
    pub fn configure(
        settings: &Settings,
        changes: &[(&str, &str)],
        has_roster: bool,
    ) -> Result<Config, ConfigError> {
        let mut environment = demo(World::new(settings.clone()).directory());
        if !has_roster {
            roster_settings().for_each(|setting| drop(environment.remove(setting.name)));
        }
        environment
            .extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        if has_roster { Config::read_for_roster(&environment) } else { Config::read(&environment) }
    }

    /// The function's handler.
    #[must_use]
    pub const fn provisioner(&self) -> &Provisioner {
        &self.provisioner
    }

    /// Passes an event to the Lambda handler, with `time_left` for the invocation. Returns the
    /// answer and the event's log line.
    pub async fn send(
        &self,
        event: &Value,
        at: SystemTime,
        time_left: Duration,
    ) -> (Result<Reply, ParseEventError>, EventLog) {
        let mut log = EventLog::default();
        let invocation = Invocation { now: at, time_left, random: lambda::random() };
        let answer = self.provisioner.answer(&event.to_string(), invocation, &mut log).await;
        (answer, log)
    }

    /// Changes the stand-in, as `PUT /_standin` does, and returns its state.
    pub fn control(&self, change: &Value) -> Value {
        let request = Request::put("/_standin").body(change.to_string().into());
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        match request.map(|request| world.handle(&request, now())) {
            Ok(standin::Reply::Now(response)) => {
                serde_json::from_slice(response.body()).unwrap_or_default()
            }
            _ => Value::Null,
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.server.abort();
    }
}
