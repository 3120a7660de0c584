//! `connect-provisioner serve`: the function as an HTTP server on this machine, without Lambda.

mod answer;
mod door;
mod limits;
pub(super) mod metrics;
mod opened;
mod secrets;

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::CtrlC as Signal;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::local::Local;
use super::operator::{self, Address, Published};
use super::settings::own;
use super::standin::Behaviour;
use super::{drain, lines, now, roster, say};
use crate::config::{Config, Environment, SettingError, of_process};
use crate::lambda;
use crate::log::warning_line;
use crate::provisioner::Provisioner;
use crate::roster::Roster;
use crate::roster::memory::MemoryRoster;
use crate::server::{self, Gauge, ServerLimits};
use answer::Handler;
use door::AdminEndpoint;
use metrics::Meter;
use opened::Opened;

/// The default URL.
pub const URL: &str = "http://127.0.0.1:8787";

/// The time limit of an event, as in the SAM template.
pub(super) const TIME: Duration = Duration::from_millis(14_500);

/// Where to listen, and what is behind.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8787")]
    listen: SocketAddr,
    /// Which Amazon Connect is behind
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = Which::Standin)]
    connect: Which,
    /// Keep the roster in this file, which is made if it is not there; or in dynamodb:TABLE
    ///
    /// What is answered is in the file first. The stand-in forgets its users when it ends, and such a
    /// file does not: put it in front of one that goes on, `connect-provisioner standin`, by `--connect
    /// aws` and `AWS_ENDPOINT_URL_CONNECT`.
    #[arg(long, value_name = "FILE")]
    roster: Option<roster::Location>,
    /// Keep the roster in memory, and forget it at the end; so it is in front of the stand-in anyway
    #[arg(long, conflicts_with = "roster")]
    memory: bool,
    /// Serve direct mode: users are created, and nothing else happens to them
    #[arg(long, conflicts_with_all = ["memory", "roster"])]
    no_roster: bool,
    /// Say where it listens as one line of JSON
    #[arg(long)]
    json: bool,
    /// Serve so many connections at a time; a newcomer takes the place of the one idle longest
    #[arg(long, value_name = "N", default_value_t = ServerLimits::default().connections)]
    max_connections: usize,
    /// Where the operator's door is: on this machine; port 0 takes a free one
    ///
    /// `parked` finds it by the port of this `serve`. Metrics are there too: `GET /metrics`.
    #[arg(long, value_name = "ADDR", default_value_t = (Ipv4Addr::LOCALHOST, 0).into())]
    operator: SocketAddr,
    /// The file of a token that opens the operator's door; else a new one is made at each start
    #[arg(long, value_name = "FILE")]
    operator_token: Option<PathBuf>,
    #[command(flatten)]
    times: Times,
    #[command(flatten)]
    behaviour: Behaviour,
}

/// How long who is slow is waited for, in seconds; for tests, which would take too long.
#[derive(Args, Clone, Debug)]
struct Times {
    #[arg(long, hide = true, value_name = "S", value_parser = super::standin::seconds)]
    head_time: Option<Duration>,
    #[arg(long, hide = true, value_name = "S", value_parser = super::standin::seconds)]
    body_time: Option<Duration>,
    #[arg(long, hide = true, value_name = "S", value_parser = super::standin::seconds)]
    idle_time: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    /// The stand-in, in this process: your own settings on top of the demo's
    Standin,
    /// Amazon Connect at AWS: your own settings and credentials
    Aws,
}

/// The function that answers requests.
enum Responder {
    Aws(Box<Provisioner>),
    Standin(Box<Local>),
}

impl Arguments {
    /// Opens the roster; `None` in direct mode.
    async fn open_roster(&self) -> Result<Option<Arc<dyn Roster>>, String> {
        Ok(match &self.roster {
            _ if self.no_roster => None,
            None => Some(Arc::new(MemoryRoster::default())),
            Some(roster::Location::File(path)) => Some(Arc::new(roster::open(path)?)),
            Some(roster::Location::Table(table)) => Some(Arc::new(roster::table(table).await?)),
        })
    }

    /// The location of the roster, to print at start.
    fn place(&self) -> Option<String> {
        let path = self.roster.as_ref().map(ToString::to_string);
        (!self.no_roster).then(|| path.unwrap_or_else(|| IN_MEMORY.to_owned()))
    }

    /// Refuses invalid combinations of options.
    fn check(&self) -> Result<(), String> {
        let has_place = self.roster.is_some() || self.memory || self.no_roster;
        if self.connect == Which::Aws && !has_place {
            return Err(
                "--connect aws needs to be told where its roster is: --roster FILE, which \
                 outlives this process; or --memory, which forgets with it who waits and who left; \
                 or --no-roster, to create users and nothing else"
                    .to_owned(),
            );
        }
        if !self.operator.ip().is_loopback() {
            return Err(format!(
                "--operator: expected an address of this machine alone, such as 127.0.0.1:8788, \
                 found {}",
                self.operator
            ));
        }
        Ok(())
    }

    fn limits(&self, connections: usize) -> ServerLimits {
        let usual = ServerLimits::default();
        ServerLimits {
            connections,
            head: self.times.head_time.unwrap_or(usual.head),
            body: self.times.body_time.unwrap_or(usual.body),
            idle: self.times.idle_time.unwrap_or(usual.idle),
            ..usual
        }
    }

    /// Checks that publicly known secrets may be used here.
    fn check_secrets(&self, known: &[String]) -> Result<(), String> {
        let is_amazon = self.connect == Which::Aws;
        let why_not = secrets::why_not(is_amazon, self.roster.is_some(), self.listen.ip());
        secrets::check(known, why_not)
    }
}

const IN_MEMORY: &str = "memory";

impl Responder {
    /// Builds the function. Nothing is written before all checks have passed.
    async fn build(
        arguments: &Arguments,
        own: &Environment,
    ) -> Result<(Self, Vec<String>), Box<dyn Error>> {
        if arguments.connect == Which::Aws {
            let read = if arguments.no_roster { Config::read } else { Config::read_for_roster };
            let config = read(own)?;
            let known = secrets::known(own, &config, false);
            arguments.check_secrets(&known)?;
            let provisioner = amazon(arguments, config).await?;
            return Ok((Self::Aws(Box::new(provisioner)), known));
        }
        refuse_strangers(own)?;
        let changes: Vec<_> =
            own.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let settings = arguments.behaviour.settings();
        let config = Local::configure(&settings, &changes, !arguments.no_roster)?;
        let known = secrets::known(own, &config, true);
        arguments.check_secrets(&known)?;
        let local = match arguments.open_roster().await? {
            None => Local::start(settings, &changes).await?,
            Some(roster) => Local::start_with_roster(settings, &changes, roster).await?,
        };
        Ok((Self::Standin(Box::new(local)), known))
    }

    fn provisioner(&self) -> &Provisioner {
        match self {
            Self::Aws(provisioner) => provisioner,
            Self::Standin(local) => local.provisioner(),
        }
    }

    fn standin(&self) -> Option<&str> {
        match self {
            Self::Aws(_) => None,
            Self::Standin(local) => Some(&local.endpoint),
        }
    }
}

/// The function for Amazon Connect at AWS.
async fn amazon(arguments: &Arguments, config: Config) -> Result<Provisioner, Box<dyn Error>> {
    let aws = lambda::aws(&config.region).await;
    Ok(match arguments.open_roster().await? {
        None => Provisioner::direct(config, &aws),
        Some(roster) => Provisioner::with_roster(config, &aws, roster, Box::new(lambda::random))?,
    })
}

/// Refuses settings that the stand-in cannot serve: it has its own instance, and no Secrets
/// Manager.
fn refuse_strangers(own: &Environment) -> Result<(), String> {
    let is_stranger = |name: &&String| {
        let is_stored = name.ends_with("_SECRET_ARN");
        *name == "CONNECT_INSTANCE"
            || is_stored && (name.starts_with("HOOK_") || name.starts_with("SCIM_"))
    };
    match own.keys().find(is_stranger) {
        None => Ok(()),
        Some(name) => Err(format!(
            "{name} is set, and the stand-in knows only what is in this process: unset it, or say \
             --connect aws"
        )),
    }
}

/// Serves until interrupted or terminated. Events are logged to standard error.
///
/// On a signal it accepts no more connections, answers the requests in progress, and stops the
/// drain after its current record. A second signal ends it at once.
///
/// # Errors
/// If the configuration is invalid, or the address cannot be listened on.
pub async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    arguments.check()?;
    let own = own();
    let mut signals = Signals::new()?;
    let (responder, known) = Responder::build(&arguments, &own).await?;
    let listener = listen(arguments.listen).await?;
    let at = listener.local_addr()?;
    let url = format!("http://{at}");
    let (connections, too_few) = limits::connections(arguments.max_connections);
    let limits = arguments.limits(connections);
    let meter = Arc::new(Meter::new(now()));
    let (stop, stopped) = watch::channel(false);

    let gauge = Gauge::default();
    let handler = Handler { responder, meter: Arc::clone(&meter), known, body: limits.body };
    let handler = Arc::new(handler);
    let provisioner = handler.responder.provisioner();
    let reconciler = provisioner.reconciler().cloned();
    let operator = AdminListener::open(&arguments, &url, at.port()).await?;
    let door = AdminEndpoint::new(
        &operator.address.token,
        reconciler.clone(),
        Arc::clone(&meter),
        gauge.clone(),
    );
    let door = Arc::new(door?);

    let place = arguments.place();
    let opened = Opened {
        url: &url,
        at,
        standin: handler.responder.standin(),
        roster: place.as_deref(),
        config: provisioner.config(),
        own: &own,
        door: &operator.address.door,
        file: operator.published.path(),
    };
    let text = if arguments.json { opened.as_json().to_string() } else { opened.as_text() };
    warn(&provisioner.config().warnings, &meter);
    warn(&at_start(too_few, at), &meter);
    say(text.trim_end())?;
    let (named, told) = (Arc::clone(&handler), Arc::clone(&meter));
    tokio::spawn(async move {
        warn(&named.responder.provisioner().misnamed(now()).await, &told);
    });

    let wanted = provisioner.config().log_level;
    let drain = reconciler
        .clone()
        .map(|reconciler| tokio::spawn(drain::drain_forever(reconciler, wanted, meter)));
    let answer = move |request| Arc::clone(&handler).answer(request);
    let main = tokio::spawn(server::serve(listener, limits, gauge, stopped.clone(), answer));
    let answer = move |request| Arc::clone(&door).answer(request);
    let own = door::limits(limits);
    let _door =
        tokio::spawn(server::serve(operator.listener, own, Gauge::default(), stopped, answer));

    signals.next().await;
    reconciler.iter().for_each(|reconciler| reconciler.end());
    let _nobody_listens = stop.send(true);
    let at_once = async {
        signals.next().await;
        let ended =
            "ended at once by a second signal; what was begun is taken up at the next start";
        Err::<(), Box<dyn Error>>(ended.into())
    };
    tokio::select! {
        () = come_to_an_end(main, drain, limits.farewell) => Ok(()),
        ended = at_once => ended,
    }
}

/// Waits, at most `farewell`, for requests in progress and the drain's current record. What is cut
/// off is resumed at the next start.
async fn come_to_an_end(main: JoinHandle<bool>, drain: Option<JoinHandle<()>>, farewell: Duration) {
    let drained = async {
        match drain {
            Some(drain) => timeout(farewell, drain).await.is_ok(),
            None => true,
        }
    };
    let (answered, drained) = tokio::join!(main, drained);
    if !(answered.unwrap_or_default() && drained) {
        lines::log(
            r#"{"level":"WARN","message":"end","cause":"not all that was begun was ended in time; it is taken up at the next start"}"#,
        );
    }
}

async fn listen(at: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(at).await.map_err(|error| format!("cannot listen on {at}: {error}"))
}

/// Warnings about options that work but should be changed.
fn at_start(too_few: Option<SettingError>, at: SocketAddr) -> Vec<SettingError> {
    let open = (!at.ip().is_loopback()).then(|| SettingError {
        variable: "--listen".to_owned(),
        problem: "others than this machine can reach this address, and what is spoken there is \
                   plain HTTP: tokens and personal data can be read on the way"
            .to_owned(),
        find: "listen on 127.0.0.1, behind a proxy that speaks TLS: examples/serve",
    });
    too_few.into_iter().chain(open).collect()
}

/// Logs warnings in one line.
fn warn(problems: &[SettingError], meter: &Meter) {
    if !problems.is_empty() {
        let line = warning_line(problems);
        meter.said(&line);
        lines::log(&line);
    }
}

/// The listener of the admin endpoint, with its published address.
struct AdminListener {
    listener: TcpListener,
    address: Address,
    published: Published,
}

impl AdminListener {
    async fn open(arguments: &Arguments, serves: &str, port: u16) -> Result<Self, Box<dyn Error>> {
        let token = match &arguments.operator_token {
            None => door::new_token(),
            Some(path) => std::fs::read_to_string(path)
                .map_err(|error| format!("--operator-token: {}: {error}", path.display()))?
                .trim()
                .to_owned(),
        };
        let listener = listen(arguments.operator).await?;
        let door = format!("http://{}", listener.local_addr()?);
        let address = Address { door, token, serves: serves.to_owned() };
        let path = operator::place(&of_process(), port);
        let published = operator::publish(&path, &address)?;
        Ok(Self { listener, address, published })
    }
}

/// The signals that end the process.
struct Signals {
    interrupted: Signal,
    #[cfg(unix)]
    terminated: Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        let interrupted = signal(SignalKind::interrupt())?;
        Ok(Self { interrupted, terminated: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _told = self.interrupted.recv() => {}
            _told = self.terminated.recv() => {}
        }
    }
}

#[cfg(windows)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { interrupted: tokio::signal::windows::ctrl_c()? })
    }

    async fn next(&mut self) {
        let _told = self.interrupted.recv().await;
    }
}
