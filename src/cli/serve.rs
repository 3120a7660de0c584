//! `connect-provisioner serve`: the function behind a port of this machine, without Lambda.

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueEnum};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Request, Response, StatusCode};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use super::local::Local;
use super::parked::{self, control};
use super::settings::{DEMO_AUTHORIZATION, DEMO_SCIM_TOKEN, DEMO_SECRET, own};
use super::standin::Behaviour;
use super::{drain, now, say};
use crate::config::hooks::Hook;
use crate::config::{Config, Environment, Problem};
use crate::decision::Moment;
use crate::http::SCIM;
use crate::lambda;
use crate::log::{self, Record};
use crate::provisioner::Provisioner;
use crate::roster::Roster;
use crate::roster::embedded::Embedded;
use crate::standin::listen;

/// Where it listens unless it is told otherwise.
pub const URL: &str = "http://127.0.0.1:8787";

/// How long an event may take: what the SAM template gives it.
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
    /// Keep the roster in this file, which is made if it is not there; else it is in memory
    ///
    /// What is answered is in the file first. The stand-in forgets its users when it ends, and such a
    /// file does not: put it in front of one that goes on, `connect-provisioner standin`, by `--connect
    /// aws` and `AWS_ENDPOINT_URL_CONNECT`.
    #[arg(long, value_name = "FILE", conflicts_with = "no_roster")]
    roster: Option<PathBuf>,
    /// Serve direct mode: users are created, and nothing else happens to them
    #[arg(long)]
    no_roster: bool,
    /// Say where it listens as one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    behaviour: Behaviour,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    /// The stand-in, in this process: your own settings on top of the demo's
    Standin,
    /// Amazon Connect at AWS: your own settings and credentials
    Aws,
}

/// What answers the requests.
enum House {
    Aws(Box<Provisioner>),
    Standin(Box<Local>),
}

impl Arguments {
    /// What is to be followed, if anything is.
    fn open_roster(&self) -> Result<Option<Arc<dyn Roster>>, String> {
        Ok(match &self.roster {
            _ if self.no_roster => None,
            None => Some(Arc::new(Embedded::default())),
            Some(path) => Some(Arc::new(parked::open(path)?)),
        })
    }

    /// Where the roster is, for whoever looks at the start.
    fn place(&self) -> Option<String> {
        let path = self.roster.as_ref().map(|path| path.display().to_string());
        (!self.no_roster).then(|| path.unwrap_or_else(|| MEMORY.to_owned()))
    }
}

const MEMORY: &str = "memory";

impl House {
    async fn build(arguments: &Arguments, own: &Environment) -> Result<Self, Box<dyn Error>> {
        if arguments.connect == Which::Aws {
            return Ok(Self::Aws(Box::new(amazon(arguments, own).await?)));
        }
        refuse_strangers(own)?;
        let changes: Vec<_> =
            own.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let settings = arguments.behaviour.settings();
        Ok(Self::Standin(Box::new(match arguments.open_roster()? {
            None => Local::start(settings, &changes).await?,
            Some(roster) => Local::start_with_roster(settings, &changes, roster).await?,
        })))
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

/// The function in front of Amazon Connect at AWS.
async fn amazon(arguments: &Arguments, own: &Environment) -> Result<Provisioner, Box<dyn Error>> {
    if arguments.no_roster {
        let config = Config::read(own)?;
        let aws = lambda::aws(&config.region).await;
        return Ok(Provisioner::new(config, &aws));
    }
    let config = Config::read_for_roster(own)?;
    let aws = lambda::aws(&config.region).await;
    Ok(match arguments.open_roster()? {
        None => Provisioner::new(config, &aws),
        Some(roster) => Provisioner::with_roster(config, &aws, roster, Box::new(lambda::random)),
    })
}

/// The stand-in has an instance of its own, and no Secrets Manager beside it.
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

/// Serves until interrupted; each event's line goes to standard error.
///
/// # Errors
/// If the settings cannot be used, or the address not be listened on.
pub async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let own = own();
    let house = House::build(&arguments, &own).await?;
    let listener = TcpListener::bind(arguments.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", arguments.listen))?;
    let url = format!("http://{}", listener.local_addr()?);
    let place = arguments.place();
    let config = house.provisioner().config();
    let opened =
        Opened { url: &url, standin: house.standin(), roster: place.as_deref(), config, own: &own };
    if arguments.json {
        say(opened.as_json())?;
    } else {
        say(opened.as_text().trim_end())?;
    }
    warn(&house.provisioner().config().warnings);
    let house = Arc::new(house);
    let named = Arc::clone(&house);
    tokio::spawn(async move { warn(&named.provisioner().misnamed(now()).await) });
    if let Some(keeper) = house.provisioner().keeper() {
        let wanted = house.provisioner().config().log_level;
        tokio::spawn(drain::go_on(Arc::clone(keeper), wanted));
    }
    let is_private = arguments.listen.ip().is_loopback();
    let answer = move |request| {
        let house = Arc::clone(&house);
        async move {
            let provisioner = house.provisioner();
            Ok(match provisioner.keeper() {
                Some(keeper) if is_private && control::is_meant(&request) => {
                    control::answer(keeper.roster(), &request).await
                }
                _ => answer(provisioner, &request).await,
            })
        }
    };
    match listen(listener, answer).await {}
}

/// One line for all that can be used and should not stay so.
fn warn(warnings: &[Problem]) {
    if !warnings.is_empty() {
        eprintln!("{}", log::warning_line(warnings));
    }
}

/// The answer to a request, as Lambda and an HTTP API would have brought it there and back.
async fn answer(provisioner: &Provisioner, request: &Request<Bytes>) -> Response<Full<Bytes>> {
    let mut headers = Map::new();
    for name in request.headers().keys() {
        let values = request.headers().get_all(name).iter();
        let values: Vec<_> =
            values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        headers.insert(name.to_string(), values.join(",").into());
    }
    let event = json!({
        "version": "2.0",
        "rawPath": request.uri().path(),
        "rawQueryString": request.uri().query().unwrap_or_default(),
        "headers": headers,
        "requestContext": {"stage": "$default", "http": {"method": request.method().as_str()}},
        "body": STANDARD.encode(request.body()),
        "isBase64Encoded": true,
    });
    let arrival = now();
    let moment = Moment { now: arrival, time_left: TIME, random: lambda::random() };
    let mut record = Record::default();
    let reply = provisioner.answer(&event.to_string(), moment, &mut record).await;
    record.took(now().duration_since(arrival).unwrap_or_default());
    record.lines(provisioner.config().log_level).for_each(|line| eprintln!("{line}"));
    let Ok(reply) = reply else { return failed() };
    let mut response = Response::builder().status(reply.status_code);
    for (name, value) in reply.headers.unwrap_or_default() {
        response = response.header(name, value);
    }
    if let Some(length) = reply.left_out {
        response = response.header("content-length", length);
    }
    response.body(Full::from(reply.body)).unwrap_or_else(|_| failed())
}

fn failed() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// What a sender shows, where it is the demo's and everybody knows it.
fn known_secret(own: &Environment, hook: &Hook) -> Option<&'static str> {
    if ["SECRET", "SECRET_ARN"].iter().any(|setting| own.contains_key(&hook.variable(setting))) {
        return None;
    }
    match hook.source.name.as_str() {
        "demo" => Some(DEMO_SECRET),
        "okta" => Some(DEMO_AUTHORIZATION),
        _ => None,
    }
}

/// What is to be told of a house that opens.
struct Opened<'a> {
    url: &'a str,
    standin: Option<&'a str>,
    roster: Option<&'a str>,
    config: &'a Config,
    own: &'a Environment,
}

impl Opened<'_> {
    fn as_json(&self) -> Value {
        let Self { url, standin, roster, config, own } = self;
        let sources = config.hooks.iter().map(|hook| {
            let name = &hook.source.name;
            json!({
                "name": name, "scheme": hook.source.scheme.name,
                "url": format!("{url}/hooks/{name}"), "secret": known_secret(own, hook),
            })
        });
        let sources: Vec<_> = sources.collect();
        let scim = config.scim.as_ref().map(|_| {
            let token = self.knows_token().then_some(DEMO_SCIM_TOKEN);
            json!({"url": format!("{url}{SCIM}"), "token": token})
        });
        json!({
            "url": url, "standin": standin, "roster": roster, "sources": sources, "scim": scim,
        })
    }

    /// Whether everybody knows the SCIM token.
    fn knows_token(&self) -> bool {
        !["SCIM_TOKEN", "SCIM_TOKEN_SECRET_ARN"].iter().any(|name| self.own.contains_key(*name))
    }

    fn as_text(&self) -> String {
        let Self { url, standin, roster, config, own } = self;
        let behind = standin.map_or("Amazon Connect".to_owned(), |standin| {
            format!("a stand-in for Amazon Connect at {standin}")
        });
        let place = match roster {
            None => {
                "without a roster: users are created, and nothing else happens to them".to_owned()
            }
            Some(MEMORY) => "with a roster in memory, which ends with it".to_owned(),
            Some(path) => format!("with the roster {path}"),
        };
        let mut text = format!("Serving {url}, in front of {behind}\n{place}\n\n");
        for hook in &config.hooks {
            let (name, scheme) = (&hook.source.name, hook.source.scheme.name);
            let secret = known_secret(own, hook).unwrap_or("(yours)");
            text.push_str(&format!("  /hooks/{name:<12} {scheme:<20} secret: {secret}\n"));
        }
        if config.scim.is_some() {
            let token = if self.knows_token() { DEMO_SCIM_TOKEN } else { "(yours)" };
            text.push_str(&format!("  {SCIM:<19} {:<20} token:  {token}\n", "SCIM 2.0"));
        }
        text.push_str(
            "\nSend it a story:\n  connect-provisioner sign events/okta-user-created.json --as curl",
        );
        text.push_str(&self.at_url());
        text.push_str(" | sh\n");
        if let Some(standin) = standin {
            let see = format!("See what Connect holds then:\n  curl -sS {standin}/_standin\n");
            text.push_str(&see);
        }
        if roster.is_some() {
            text.push_str("See who waits for you:\n  connect-provisioner parked");
            text.push_str(&self.at_url());
            text.push('\n');
        }
        text.push_str("\nStop it with Ctrl-C. Each event has its line here:\n");
        text
    }

    /// What a command needs besides to find this place.
    fn at_url(&self) -> String {
        if self.url == URL { String::new() } else { format!(" --url {}", self.url) }
    }
}
