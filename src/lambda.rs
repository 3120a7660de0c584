//! The Lambda side: start-up, deadline, clock and log lines around [`Provisioner::answer`].

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use http::Uri;
use http::uri::Authority;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use lambda_runtime_api_client::{PooledClient, body::Body};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OnceCell};
use tokio::task::spawn_blocking;

use crate::config::{Config, ConfigError, Environment, SettingError};
use crate::deadline::{Clock, Deadline};
use crate::decision::Invocation;
use crate::http::ParseEventError;
use crate::http::gateway::Reply;
use crate::log::{self, EventLog};
use crate::provisioner::Provisioner;
use crate::reconcile::drain_log::{self, DrainLog};
use crate::roster::Roster;
use crate::roster::dynamo::{self, DynamoRoster};
use crate::roster::memory::MemoryRoster;

/// The part of an invocation's time that is reserved for sending the answer.
const RESERVE: Duration = Duration::from_millis(500);

/// A variable that Lambda sets, and the check that its runtime client needs: it panics on other
/// values.
struct Variable {
    name: &'static str,
    sound: fn(&str) -> bool,
}

const PLATFORM: [Variable; 4] = [
    Variable { name: RUNTIME_API, sound: |text| text.parse::<Authority>().is_ok() },
    Variable { name: "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", sound: |text| text.parse::<i32>().is_ok() },
    Variable { name: "AWS_LAMBDA_FUNCTION_NAME", sound: |_| true },
    Variable { name: "AWS_LAMBDA_FUNCTION_VERSION", sound: |_| true },
];

/// The error type of a failed start in Lambda's log.
const ERROR_TYPE: &str = "Runtime.Configuration";

const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// The variables with an endpoint for the SDK, which accepts any text and then fails at each call.
const ENDPOINTS: [&str; 4] = [
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_CONNECT",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
];

/// What the function is made of.
#[derive(Debug)]
pub struct Setup {
    /// What the operator decided.
    pub config: Config,
    /// Where the roster is.
    pub roster: RosterPlace,
}

/// Where the function's roster is: `ROSTER`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RosterPlace {
    /// Nowhere: direct mode.
    Nowhere,
    /// In memory, where SAM plays Lambda.
    Memory,
    /// In a table of DynamoDB.
    Table {
        /// Its name.
        name: String,
        /// The function's own Region, which need not be the instance's.
        region: String,
    },
}

/// Reads the configuration and checks that the process runs in Lambda or an emulator of its
/// runtime.
///
/// # Errors
/// All problems at once.
pub fn configure(environment: &Environment) -> Result<Setup, ConfigError> {
    let sound = |variable: &&Variable| {
        environment.get(variable.name).is_some_and(|value| (variable.sound)(value))
    };
    let unsound =
        PLATFORM.iter().filter(|variable| !sound(variable)).map(|variable| SettingError {
            variable: variable.name.to_owned(),
            problem: "expected what Lambda sets, found none of it".to_owned(),
            find: "this program is started by Lambda or a runtime interface emulator; to try it by \
               hand: connect-provisioner demo",
        });
    let mut unsound: Vec<SettingError> = unsound.chain(bad_endpoints(environment)).collect();
    let roster = roster(environment).unwrap_or_else(|problem| {
        unsound.push(problem);
        RosterPlace::Memory
    });
    let config = match roster {
        RosterPlace::Nowhere => Config::read(environment),
        RosterPlace::Memory | RosterPlace::Table { .. } => Config::read_for_roster(environment),
    };
    match config {
        Ok(config) if unsound.is_empty() => Ok(Setup { config, roster }),
        Ok(_) => Err(ConfigError(unsound)),
        Err(problems) => Err(ConfigError([unsound, problems.0].concat())),
    }
}

/// Where the roster is. One in memory would lose acknowledged changes, as Lambda may end a process at any
/// time, so it is accepted only where SAM emulates Lambda.
///
/// # Errors
/// What is wrong with `ROSTER` or `ROSTER_TABLE`.
pub(crate) fn roster(environment: &Environment) -> Result<RosterPlace, SettingError> {
    let value = |name: &str| environment.get(name).map(|value| value.trim()).unwrap_or_default();
    let is_on_a_desk = value("AWS_SAM_LOCAL") == "true";
    match (value("ROSTER"), value("ROSTER_TABLE")) {
        ("" | "none", _) => Ok(RosterPlace::Nowhere),
        ("memory", _) if is_on_a_desk => Ok(RosterPlace::Memory),
        ("dynamodb", "") => Err(SettingError {
            variable: "ROSTER_TABLE".to_owned(),
            problem: "expected the name of a table, since ROSTER is dynamodb, found nothing"
                .to_owned(),
            find: "the stack's output RosterTable",
        }),
        ("dynamodb", name) => {
            let region = value("AWS_REGION").to_owned();
            Ok(RosterPlace::Table { name: name.to_owned(), region })
        }
        _ => Err(SettingError {
            variable: "ROSTER".to_owned(),
            problem:
                "expected none or dynamodb, or memory where SAM plays Lambda on a desk, found \
                      something else"
                    .to_owned(),
            find: "dynamodb, with ROSTER_TABLE; or unset it",
        }),
    }
}

/// The endpoint variables on which the SDK would fail.
pub(crate) fn bad_endpoints(environment: &Environment) -> impl Iterator<Item = SettingError> {
    let is_url = |text: &String| {
        text.parse::<Uri>().is_ok_and(|uri| {
            uri.scheme().is_some_and(|scheme| ["http", "https"].contains(&scheme.as_str()))
        })
    };
    let bad = ENDPOINTS.into_iter().filter(move |name| {
        environment.get(*name).is_some_and(|value| !value.is_empty() && !is_url(value))
    });
    bad.map(|name| SettingError {
        variable: name.to_owned(),
        problem: "expected a URL with http or https, found something else".to_owned(),
        find: "unset it, unless the service is to be found somewhere else than at AWS",
    })
}

/// The SDK's credentials, endpoint and HTTP client, from the environment.
#[must_use]
pub fn loader(region: &str) -> ConfigLoader {
    let client = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(Region::new(region.to_owned()))
        // Each call sets its own. Without this one the SDK would read the environment's, and panic
        // on invalid values.
        .retry_config(RetryConfig::standard())
        .http_client(client)
}

/// The SDK's configuration. An empty endpoint counts as unset; the SDK would panic on it at each
/// call.
pub async fn aws(region: &str) -> SdkConfig {
    let loaded = loader(region).load().await;
    let mut builder = loaded.to_builder();
    if loaded.endpoint_url() == Some("") {
        builder.set_endpoint_url(None);
    }
    builder.service_config(NonEmpty(loaded)).build()
}

/// Service-specific settings, where empty ones count as unset.
#[derive(Debug)]
struct NonEmpty(SdkConfig);

impl LoadServiceConfig for NonEmpty {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        self.0.service_config()?.load_config(key).filter(|value| !value.is_empty())
    }
}

/// Answers events until Lambda ends the process.
///
/// The provisioner is built on a thread of its own while the first event is requested: its TLS
/// client loads the root certificates, which takes most of the start-up time, and only the first
/// event needs it.
///
/// # Errors
/// If the Runtime API cannot be reached.
pub async fn run(setup: Setup) -> Result<(), lambda_runtime::Error> {
    let runtime = Handle::current();
    let building = spawn_blocking(move || {
        let Setup { config, roster } = setup;
        let aws = runtime.block_on(aws(&config.region));
        let roster: Arc<dyn Roster> = match roster {
            RosterPlace::Nowhere => return Ok(Provisioner::direct(config, &aws)),
            RosterPlace::Memory => Arc::new(MemoryRoster::default()),
            RosterPlace::Table { name, region } => Arc::new(table_of(&aws, &name, region)),
        };
        Provisioner::with_roster(config, &aws, roster, Box::new(random))
    });
    let building = Mutex::new(Some(building));
    let built = OnceCell::new();
    let build = async || match building.lock().await.take() {
        Some(building) => building.await.map_err(|_| unbuilt())?.map_err(|_| unbuilt()),
        None => Err(unbuilt()),
    };
    let answer = async |event: LambdaEvent<Box<RawValue>>| {
        let provisioner = built.get_or_try_init(build).await?;
        if is_drain(event.payload.get()) {
            drain(provisioner, event.context.deadline).await;
            return Ok(Answer::Drained {});
        }
        invoke(provisioner, event).await.map(Answer::Http).map_err(Diagnostic::from)
    };
    lambda_runtime::run(service_fn(answer)).await
}

/// The roster in a table of that Region.
fn table_of(aws: &SdkConfig, name: &str, region: String) -> DynamoRoster {
    let aws = aws.to_builder().region(Region::new(region)).build();
    DynamoRoster::new(dynamo::client(&aws), name, Box::new(random))
}

fn unbuilt() -> Diagnostic {
    let error_message = "the function could not be built".to_owned();
    Diagnostic { error_type: "Start".to_owned(), error_message }
}

/// Reports to the Runtime API why the function cannot start, if there is one; Lambda then shows the
/// reason instead of a time-out.
///
/// # Errors
/// If the Runtime API cannot be reached.
pub async fn report(
    problems: &ConfigError,
    environment: &Environment,
) -> Result<(), lambda_runtime::Error> {
    let Some(Ok(runtime_api)) = environment.get(RUNTIME_API).map(|api| api.parse::<Authority>())
    else {
        return Ok(());
    };
    let body = json!({"errorType": ERROR_TYPE, "errorMessage": problems.to_string()});
    let request = http::Request::post("/2018-06-01/runtime/init/error")
        .header("lambda-runtime-function-error-type", ERROR_TYPE)
        .body(Body::from(body.to_string()))?;
    let client = PooledClient::builder().with_endpoint(Uri::from(runtime_api)).build();
    client.call(request).await?;
    Ok(())
}

/// What goes back to Lambda.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    /// To a gateway.
    Http(Reply),
    /// To the schedule, which looks at nothing.
    Drained {},
}

/// What the schedule sends, which is no HTTP request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Task {
    #[serde(rename = "connect-provisioner")]
    name: TaskName,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum TaskName {
    Drain,
}

/// Whether an event asks for a run of the drain. Only whoever may invoke the function can send one:
/// gateways send HTTP requests alone.
fn is_drain(event: &str) -> bool {
    let task = serde_json::from_str(event);
    matches!(task, Ok(Task { name: TaskName::Drain }))
}

/// One run of the drain, until shortly before the function's time is over, with its lines of log and of
/// metrics.
async fn drain(provisioner: &Provisioner, deadline: u64) {
    let arrival = now();
    let config = provisioner.config();
    let Some(reconciler) = provisioner.reconciler() else {
        println!("{}", log::no_roster_line());
        return;
    };
    let time_left = time_left(deadline, arrival);
    let run = reconciler.drain(Clock::set(arrival), Deadline::after(time_left)).await;
    let counts = reconciler.roster().counts().await.ok();
    if let Some(line) = DrainLog::of(&run).filter(|line| line.level <= config.log_level) {
        println!("{}", serde_json::to_string(&line).unwrap_or_default());
    }
    println!("{}", drain_log::metrics(&run, counts.as_ref(), &config.rules.deployment, now()));
}

/// How long there is until shortly before the function's time is over.
fn time_left(deadline: u64, arrival: SystemTime) -> Duration {
    let deadline =
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(deadline)).unwrap_or(arrival);
    deadline.duration_since(arrival).unwrap_or_default().saturating_sub(RESERVE)
}

async fn invoke(
    provisioner: &Provisioner,
    event: LambdaEvent<Box<RawValue>>,
) -> Result<Reply, ParseEventError> {
    let arrival = now();
    let time_left = time_left(event.context.deadline, arrival);
    let mut log = EventLog::default();
    log.request_id = Some(event.context.request_id);
    let invocation = Invocation { now: arrival, time_left, random: random() };
    let answer = provisioner.answer(event.payload.get(), invocation, &mut log).await;
    log.took(now().duration_since(arrival).unwrap_or_default());
    let config = provisioner.config();
    let metrics = log.metrics(&config.rules.deployment, arrival);
    for line in log.lines(config.log_level).chain(metrics) {
        println!("{line}");
    }
    answer
}

/// Random bytes from the operating system; panics if there are none, since it is not safe to
/// continue.
pub(crate) fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    #[expect(clippy::expect_used, reason = "TLS could not work either; the invocation fails")]
    getrandom::getrandom(&mut bytes).expect("the operating system has random bytes");
    bytes
}

#[expect(clippy::disallowed_methods, reason = "the outermost place: the clock is read here")]
fn now() -> SystemTime {
    SystemTime::now()
}

impl From<ParseEventError> for Diagnostic {
    fn from(not_http: ParseEventError) -> Self {
        Self { error_type: "NotHttp".to_owned(), error_message: not_http.to_string() }
    }
}
