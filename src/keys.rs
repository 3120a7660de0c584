//! Hook → the [`Source`] with its keys in hand, fetched from Secrets Manager where they are stored.
//!
//! Keys are read at a source's first event, and again when they are older than five minutes or when
//! none of them matches: inside the request, one read at a time for each source, and never twice
//! within a minute, so that forgers cost no more. The key that was replaced holds on for a while,
//! counted from the day the current one was made, so that the sender can change over in its own
//! time.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::{Region, SdkConfig};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Builder;
use tokio::sync::Mutex;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::config::hooks::{Hook, SecretArn};
use crate::connect::class::Class;
use crate::connect::failure::Failure;
use crate::deadline::{Deadline, lies_within};
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
    /// When a read was last begun.
    tried: Option<SystemTime>,
    /// Why it failed, if it did.
    trouble: Option<Trouble>,
}

/// Why a secret, or one version of it, gives no keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It may work in a moment: what was read before still serves.
    Passing(String),
    /// It will not work until somebody does something.
    Lasting(String),
}

/// A source's keys, as far as they can be had.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The source with its keys; the fault is the operator's.
    pub source: Result<Arc<Source>, Fault>,
    /// Why the last read failed, also where keys were found.
    pub trouble: Option<Trouble>,
}

/// What a secret gave.
struct Read {
    keys: Vec<Key>,
    /// Why there may be more.
    trouble: Option<Trouble>,
}

impl KeyStore {
    /// Knows the secrets of these hooks, and has read none. A secret's previous version holds for
    /// `overlap` after it was replaced.
    #[must_use]
    pub fn new<'a>(
        hooks: impl IntoIterator<Item = &'a Hook>,
        overlap: Duration,
        aws: &SdkConfig,
    ) -> Self {
        let stored = hooks.into_iter().filter(|hook| hook.stored.is_some());
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
        let Ok(mut held) = timeout(deadline.time_left(), held.lock()).await else {
            let trouble = Trouble::Passing("another event's read took too long".to_owned());
            return Fetched { source: Err(trouble.unusable()), trouble: Some(trouble) };
        };
        if held.wants_a_read(fresh, now) {
            // Also if whoever asked is gone before there is an answer.
            held.tried = Some(now);
            let read = self.read(arn, hook.source.scheme, &held, now, deadline).await;
            held.take(read, hook, now);
        }
        held.fetched(now)
    }

    /// Reads the keys of a secret's current version and, while they hold, of the one before it; if
    /// that one cannot be read, those that are held of it serve on.
    async fn read(
        &self,
        arn: &SecretArn,
        scheme: &Scheme,
        held: &Held,
        now: SystemTime,
        deadline: Deadline,
    ) -> Result<Read, Trouble> {
        let current = self.version(arn, "AWSCURRENT", deadline).await?;
        let current = current.ok_or_else(|| Trouble::Lasting(NO_SECRET.to_owned()))?;
        let mut read = Read { keys: current.keys(scheme, None)?, trouble: None };
        let Some(created) = current.created else { return Ok(read) };
        let until = created.checked_add(self.overlap).filter(|until| now < *until);
        let Some(until) = until else { return Ok(read) };
        match self.version(arn, "AWSPREVIOUS", deadline).await {
            Ok(None) => {}
            // What was no key then lets nobody in now either.
            Ok(Some(previous)) => {
                read.keys.extend(previous.keys(scheme, Some(until)).unwrap_or_default());
            }
            Err(trouble) => {
                read.keys.extend(held.before(created, until));
                read.trouble = Some(trouble.of("AWSPREVIOUS"));
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
    ) -> Result<Option<Version>, Trouble> {
        let (timeouts, retries) = deadline.limits();
        let limits = Builder::new()
            .region(Region::new(arn.region().to_owned()))
            .timeout_config(timeouts)
            .retry_config(retries);
        let request = self.client.get_secret_value().secret_id(arn.as_str()).version_stage(stage);
        let request = request.customize().config_override(limits).send();
        let Ok(value) = timeout(deadline.time_left(), request).await else {
            return Err(Trouble::Passing("GetSecretValue: no answer in time".to_owned()));
        };
        let value = match value {
            Ok(value) => value,
            Err(error) => return Version::missing(&Failure::of("GetSecretValue", &error)),
        };
        let created = value.created_date.and_then(|date| SystemTime::try_from(date).ok());
        Ok(Some(Version { text: value.secret_string.map(Zeroizing::new), created }))
    }
}

impl Held {
    fn wants_a_read(&self, fresh: Duration, now: SystemTime) -> bool {
        let is_fresh = self.source.as_ref().is_some_and(|(_, read)| lies_within(fresh, *read, now));
        !is_fresh && !self.tried.is_some_and(|tried| lies_within(PAUSE, tried, now))
    }

    /// The keys in hand that come before a version made at `created`, and hold `until` then: the
    /// ones that were current, or, if that version is the one in hand, the replaced ones.
    fn before(&self, created: SystemTime, until: SystemTime) -> Vec<Key> {
        let keys = || self.source.iter().flat_map(|(source, _)| &source.keys);
        let is_in_hand = keys().any(|key| !key.is_replaced() && key.since() == Some(created));
        let before = keys().filter(|key| key.is_replaced() == is_in_hand).cloned();
        before
            .map(|key| {
                let since = key.since();
                key.dated(since, Some(until))
            })
            .collect()
    }

    fn take(&mut self, read: Result<Read, Trouble>, hook: &Hook, now: SystemTime) {
        match read {
            Ok(Read { keys, trouble }) => {
                let source = Source { keys, ..Source::clone(&hook.source) };
                self.source = Some((Arc::new(source), now));
                self.trouble = trouble;
            }
            Err(trouble) => {
                if matches!(trouble, Trouble::Lasting(_)) {
                    self.source = None;
                }
                self.trouble = Some(trouble);
            }
        }
    }

    fn fetched(&self, now: SystemTime) -> Fetched {
        let usable = self.source.as_ref().filter(|(_, read)| lies_within(STALE, *read, now));
        let source = usable.map(|(source, _)| Arc::clone(source));
        let trouble = self.trouble.clone();
        let given_up = || Trouble::Passing("a read that was given up".to_owned());
        let fault = || trouble.clone().unwrap_or_else(given_up).unusable();
        Fetched { source: source.ok_or_else(fault), trouble }
    }
}

impl Fetched {
    /// What becomes of a request that none of the keys fits: it is not believed; but while a key may
    /// be missing that is there in a moment, nobody can tell, and the sender shall come again.
    #[must_use]
    pub fn refuse(&self, refusal: Refusal) -> Fault {
        match &self.trouble {
            Some(trouble @ Trouble::Passing(_)) => {
                Fault::new(Kind::Unavailable, UNTOLD).caused_by(trouble.to_string())
            }
            _ => refusal.into(),
        }
    }
}

impl Trouble {
    fn of(self, stage: &str) -> Self {
        match self {
            Self::Passing(text) => Self::Passing(format!("{stage}: {text}")),
            Self::Lasting(text) => Self::Lasting(format!("{stage}: {text}")),
        }
    }

    fn unusable(&self) -> Fault {
        Fault::new(Kind::Configuration, UNUSABLE).caused_by(self.to_string())
    }
}

/// For the log: what was expected or what Secrets Manager said, by its code.
impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Passing(text) | Self::Lasting(text)) = self;
        formatter.write_str(text)
    }
}

const UNUSABLE: &str = "configuration: this source's secret cannot be used, so nobody can be \
    believed; this function's log says what is wrong with it";

const UNTOLD: &str = "this source's newest key cannot be read just now, so nobody can tell whether \
    the event is to be believed; repeat it";

const NO_SECRET: &str = "no such secret, or no current version of it";

/// One version of a secret.
struct Version {
    /// None if it is binary.
    text: Option<Zeroizing<String>>,
    created: Option<SystemTime>,
}

impl Version {
    /// What the failure to read a version means. Which of the two is missing, secret or stage,
    /// Secrets Manager does not tell apart.
    fn missing(failure: &Failure) -> Result<Option<Self>, Trouble> {
        match failure.class {
            _ if failure.has_code("ResourceNotFoundException") => Ok(None),
            Class::Throttled | Class::UnknownFate => Err(Trouble::Passing(failure.to_string())),
            _ => Err(Trouble::Lasting(failure.to_string())),
        }
    }

    /// The keys in it: the text as the sender shows it, or a JSON array of such texts.
    fn keys(&self, scheme: &Scheme, until: Option<SystemTime>) -> Result<Vec<Key>, Trouble> {
        let expected = |what: &str| Trouble::Lasting(format!("expected {what}"));
        let text = self.text.as_ref().map(|text| text.trim());
        let text = text.ok_or_else(|| expected("the key as text, found a binary secret"))?;
        let texts = match text.chars().next() {
            Some('[') => serde_json::from_str(text)
                .map_err(|_| expected("a JSON array of strings, found another"))?,
            Some('{') => {
                return Err(expected(
                    "the key as plain text, or a JSON array of keys, found a JSON object",
                ));
            }
            _ => vec![text.to_owned()],
        };
        let keys = scheme.keys(&texts).map_err(Trouble::Lasting)?.into_iter();
        Ok(keys.map(|key| key.dated(self.created, until)).collect())
    }
}
