//! Hook → the [`Source`] with its keys in hand, fetched from Secrets Manager where they are stored.
//!
//! Keys are read at a source's first event, and again when they are older than [`FRESH`] or when
//! none of them matches: inside the request, one read at a time for each source, and never twice
//! within [`PAUSE`], so that forgers cost nothing. The key that was replaced holds on for a while,
//! counted from the day the current one was made, so that the sender can change over in its own
//! time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::{Region, SdkConfig};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Builder;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::config::hooks::{Hook, SecretArn};
use crate::connect::class::Class;
use crate::connect::failure::Failure;
use crate::deadline::Deadline;
use crate::fault::{Fault, Kind};
use crate::secret::Key;
use crate::trust::scheme::Scheme;
use crate::trust::{Refusal, Source};

/// Keys older than this are read again.
const FRESH: Duration = Duration::from_mins(5);

/// No secret is read twice within this time.
const PAUSE: Duration = Duration::from_mins(1);

/// For so long keys are believed although Secrets Manager is silent.
const STALE: Duration = Duration::from_hours(1);

/// The keys of every source whose keys are stored.
#[derive(Debug)]
pub struct KeyStore {
    client: Client,
    overlap: Duration,
    held: BTreeMap<String, Mutex<Held>>,
}

/// What is known of one source's keys.
#[derive(Debug, Default)]
struct Held {
    /// The keys and when they were read.
    source: Option<(Arc<Source>, SystemTime)>,
    /// When a read was last tried.
    tried: Option<SystemTime>,
    /// Why it failed, if it did.
    trouble: Option<String>,
}

/// A source's keys, as far as they can be had.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The source with its keys; the fault is the operator's.
    pub source: Result<Arc<Source>, Fault>,
    /// Why the last read failed, also where older keys still serve.
    pub trouble: Option<String>,
}

/// What a secret gave.
struct Read {
    keys: Vec<Key>,
    /// Why there may be more.
    trouble: Option<String>,
}

/// Why a secret gives no keys.
enum Unread {
    /// It may work in a moment: what was read before still serves.
    Passing(String),
    /// It will not work until somebody does something.
    Wrong(String),
}

impl KeyStore {
    /// Knows the secrets of these hooks, and has read none. A secret's previous version holds for
    /// `overlap` after it was replaced.
    #[must_use]
    pub fn new(hooks: &[Hook], overlap: Duration, aws: &SdkConfig) -> Self {
        let stored = hooks.iter().filter(|hook| hook.stored.is_some());
        let held = stored.map(|hook| (hook.source.name.clone(), Mutex::default())).collect();
        Self { client: Client::new(aws), overlap, held }
    }

    /// A hook's source with keys that are fresh.
    pub async fn source(&self, hook: &Hook, now: SystemTime, deadline: Deadline) -> Fetched {
        self.fetched(hook, FRESH, now, deadline).await
    }

    /// The same, after none of the keys matched: newer ones, if they may be asked for.
    pub async fn newer(&self, hook: &Hook, now: SystemTime, deadline: Deadline) -> Fetched {
        self.fetched(hook, PAUSE, now, deadline).await
    }

    /// A source whose keys were read less than `fresh` ago, or as good as can be had.
    async fn fetched(
        &self,
        hook: &Hook,
        fresh: Duration,
        now: SystemTime,
        deadline: Deadline,
    ) -> Fetched {
        let stored = hook.stored.as_ref().zip(self.held.get(&hook.source.name));
        let Some((arn, held)) = stored else {
            return Fetched { source: Ok(Arc::clone(&hook.source)), trouble: None };
        };
        let mut held = held.lock().await;
        if held.wants_a_read(fresh, now) {
            let replaced = held.replaced();
            let read = self.read(arn, hook.source.scheme, replaced, now, deadline).await;
            held.take(read, hook, now);
        }
        held.fetched(now)
    }

    /// Reads the keys of a secret's current version and, while they hold, of the one before it; if
    /// that one cannot be read, those that are `replaced` serve on.
    async fn read(
        &self,
        arn: &SecretArn,
        scheme: &Scheme,
        replaced: Vec<Key>,
        now: SystemTime,
        deadline: Deadline,
    ) -> Result<Read, Unread> {
        let current = self.version(arn, "AWSCURRENT", deadline).await?;
        let current = current.ok_or_else(|| Unread::Wrong(NO_SECRET.to_owned()))?;
        let keys = current.keys(scheme, None).map_err(Unread::Wrong)?;
        let mut read = Read { keys, trouble: None };
        let until = current.created.and_then(|created| created.checked_add(self.overlap));
        let Some(until) = until.filter(|until| now < *until) else { return Ok(read) };
        match self.version(arn, "AWSPREVIOUS", deadline).await {
            Ok(None) => {}
            // What was no key then lets nobody in now either.
            Ok(Some(previous)) => {
                read.keys.extend(previous.keys(scheme, Some(until)).unwrap_or_default());
            }
            Err(Unread::Passing(trouble) | Unread::Wrong(trouble)) => {
                read.keys.extend(replaced);
                read.trouble = Some(format!("AWSPREVIOUS: {trouble}"));
            }
        }
        Ok(read)
    }

    /// One version of a secret; `None` if there is none of this stage, or no secret.
    async fn version(
        &self,
        arn: &SecretArn,
        stage: &str,
        deadline: Deadline,
    ) -> Result<Option<Version>, Unread> {
        let (timeouts, retries) = deadline.limits();
        let limits = Builder::new()
            .region(Region::new(arn.region().to_owned()))
            .timeout_config(timeouts)
            .retry_config(retries);
        let request = self.client.get_secret_value().secret_id(arn.as_str()).version_stage(stage);
        let request = request.customize().config_override(limits).send();
        let Ok(value) = timeout(deadline.time_left(), request).await else {
            return Err(Unread::Passing("GetSecretValue: no answer in time".to_owned()));
        };
        let value = match value {
            Ok(value) => value,
            Err(error) => return Version::missing(&Failure::of("GetSecretValue", &error)),
        };
        let created = value.created_date.and_then(|date| SystemTime::try_from(date).ok());
        let text = value.secret_string.ok_or_else(|| {
            Unread::Wrong("expected the key as text, found a binary secret".to_owned())
        })?;
        Ok(Some(Version { text, created }))
    }
}

impl Held {
    fn wants_a_read(&self, fresh: Duration, now: SystemTime) -> bool {
        let is_fresh = self.source.as_ref().is_some_and(|(_, read)| within(fresh, *read, now));
        !is_fresh && !self.tried.is_some_and(|tried| within(PAUSE, tried, now))
    }

    /// The keys in hand of which a newer one has taken the place.
    fn replaced(&self) -> Vec<Key> {
        let keys = self.source.iter().flat_map(|(source, _)| &source.keys);
        keys.filter(|key| key.is_replaced()).cloned().collect()
    }

    fn take(&mut self, read: Result<Read, Unread>, hook: &Hook, now: SystemTime) {
        self.tried = Some(now);
        match read {
            Ok(Read { keys, trouble }) => {
                let source = Source { keys, ..Source::clone(&hook.source) };
                self.source = Some((Arc::new(source), now));
                self.trouble = trouble;
            }
            Err(Unread::Passing(trouble)) => self.trouble = Some(trouble),
            Err(Unread::Wrong(trouble)) => {
                self.trouble = Some(trouble);
                self.source = None;
            }
        }
    }

    fn fetched(&self, now: SystemTime) -> Fetched {
        let usable = self.source.as_ref().filter(|(_, read)| within(STALE, *read, now));
        let trouble = self.trouble.clone();
        let source = usable.map(|(source, _)| Arc::clone(source));
        Fetched { source: source.ok_or_else(|| unusable(trouble.clone())), trouble }
    }
}

impl Fetched {
    /// What becomes of a request that none of the keys fits: it is not believed; but while keys may
    /// be missing nobody can tell, and the sender shall come again.
    #[must_use]
    pub fn refuse(self, refusal: Refusal) -> Fault {
        if self.trouble.is_some() { unusable(self.trouble) } else { refusal.into() }
    }
}

fn unusable(trouble: Option<String>) -> Fault {
    Fault::new(Kind::Configuration, UNUSABLE).caused_by(trouble.unwrap_or_default())
}

fn within(time: Duration, then: SystemTime, now: SystemTime) -> bool {
    now.duration_since(then).is_ok_and(|age| age < time)
}

const UNUSABLE: &str = "configuration: this source's secret cannot be used, so nobody can be \
    believed; this function's log says what is wrong with it";

const NO_SECRET: &str = "no such secret, or no current version of it";

/// One version of a secret.
struct Version {
    text: String,
    created: Option<SystemTime>,
}

impl Version {
    /// What the failure to read a version means. Which of the two is missing, secret or stage,
    /// Secrets Manager does not tell apart.
    fn missing(failure: &Failure) -> Result<Option<Self>, Unread> {
        match failure.class {
            _ if failure.has_code("ResourceNotFoundException") => Ok(None),
            Class::Throttled | Class::UnknownFate => Err(Unread::Passing(failure.to_string())),
            _ => Err(Unread::Wrong(failure.to_string())),
        }
    }

    /// The keys in it: the text as the sender shows it, or a JSON array of such texts.
    fn keys(&self, scheme: &Scheme, until: Option<SystemTime>) -> Result<Vec<Key>, String> {
        let text = self.text.trim();
        let texts = match text.chars().next() {
            Some('[') => serde_json::from_str(text)
                .map_err(|_| "expected a JSON array of strings, found another".to_owned())?,
            Some('{') => {
                return Err("expected the key as plain text, or a JSON array of keys, found a \
                            JSON object"
                    .to_owned());
            }
            _ => vec![text.to_owned()],
        };
        let keys = scheme.keys(&texts)?.into_iter();
        Ok(keys.map(|key| key.dated(self.created, until)).collect())
    }
}
