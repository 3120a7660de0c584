//! Reads a secret: its current version and, during the overlap, the previous one.

use std::time::{Duration, SystemTime};

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Builder;
use aws_sdk_secretsmanager::config::retry::RetryPartition;
use zeroize::Zeroizing;

use super::SecretError;
use crate::config::hooks::SecretArn;
use crate::connect::call_error::CallError;
use crate::connect::class::Class;
use crate::secret::SecretKey;
use crate::trust::scheme::Scheme;

/// The timeout of one attempt. The first after a cold start opens a TLS connection, and Secrets
/// Manager may have to wait for KMS.
const ATTEMPT: Duration = Duration::from_secs(5);

/// Quick failures leave time for further attempts, a timeout does not.
const ATTEMPTS: u32 = 3;

/// The SDK's longest pause before the first retry.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Reads one secret.
#[derive(Debug)]
pub(super) struct SecretReader {
    client: Client,
    arn: SecretArn,
    scheme: &'static Scheme,
    overlap: Duration,
}

/// The current version (AWSCURRENT).
pub(super) struct Current {
    pub(super) keys: Vec<SecretKey>,
    /// During the overlap: when this version was created, and until when the previous one is valid.
    pub(super) before: Option<(SystemTime, SystemTime)>,
}

impl SecretReader {
    /// A reader with a retry quota of its own.
    ///
    /// By default all clients of a service share one in a process (aws-smithy-runtime,
    /// `RetryPartition`), and a secret that fails for an hour would leave every other one a single
    /// attempt.
    pub(super) fn new(
        aws: &SdkConfig,
        arn: &SecretArn,
        scheme: &'static Scheme,
        overlap: Duration,
    ) -> Self {
        let config = Builder::from(aws)
            .region(Region::new(arn.region().to_owned()))
            .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT).build())
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(ATTEMPTS)
                    .with_initial_backoff(FIRST_PAUSE),
            )
            .retry_partition(RetryPartition::custom("secret").build());
        Self { client: Client::from_conf(config.build()), arn: arn.clone(), scheme, overlap }
    }

    /// The keys of AWSCURRENT.
    pub(super) async fn current(&self, now: SystemTime) -> Result<Current, SecretError> {
        let current = self.version("AWSCURRENT").await?;
        let current = current.ok_or_else(|| SecretError::Permanent(NO_SECRET.to_owned()))?;
        let keys = current.keys(self.scheme, None)?;
        let created = current.created;
        let until = created.and_then(|created| created.checked_add(self.overlap));
        let before = created.zip(until).filter(|(_, until)| now < *until);
        Ok(Current { keys, before })
    }

    /// The keys of AWSPREVIOUS, which are valid `until` then.
    pub(super) async fn previous(&self, until: SystemTime) -> Result<Vec<SecretKey>, SecretError> {
        let previous = self.version("AWSPREVIOUS").await?;
        // An invalid key did not authenticate anybody before and does not now.
        let keys = previous.and_then(|previous| previous.keys(self.scheme, Some(until)).ok());
        Ok(keys.unwrap_or_default())
    }

    /// One version; `None` if the secret does not exist or has no version of this stage.
    async fn version(&self, stage: &str) -> Result<Option<Version>, SecretError> {
        let request = self.client.get_secret_value().secret_id(self.arn.as_str());
        let value = match request.version_stage(stage).send().await {
            Ok(value) => value,
            Err(error) => return Version::missing(&CallError::of("GetSecretValue", &error)),
        };
        let created = value.created_date.and_then(|date| SystemTime::try_from(date).ok());
        Ok(Some(Version { text: value.secret_string.map(Zeroizing::new), created }))
    }
}

const NO_SECRET: &str = "no such secret, or no current version of it";

/// One version of a secret.
struct Version {
    /// `None` if the secret is binary.
    text: Option<Zeroizing<String>>,
    created: Option<SystemTime>,
}

impl Version {
    /// Classifies a failed read. Secrets Manager does not tell whether the secret or the stage is
    /// missing.
    fn missing(failure: &CallError) -> Result<Option<Self>, SecretError> {
        match failure.class {
            _ if failure.has_code("ResourceNotFoundException") => Ok(None),
            Class::Throttled | Class::UnknownFate => {
                Err(SecretError::Transient(failure.to_string()))
            }
            _ => Err(SecretError::Permanent(failure.to_string())),
        }
    }

    /// The keys in the text: one key as the sender shows it, or a JSON array of keys.
    fn keys(
        &self,
        scheme: &Scheme,
        until: Option<SystemTime>,
    ) -> Result<Vec<SecretKey>, SecretError> {
        let expected = |what: &str| SecretError::Permanent(format!("expected {what}"));
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
        let keys = scheme.keys(&texts).map_err(SecretError::Permanent)?.into_iter();
        Ok(keys.map(|key| key.dated(self.created, until)).collect())
    }
}
