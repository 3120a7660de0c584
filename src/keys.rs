//! The keys of each [`Source`], read from Secrets Manager and cached.
//!
//! Keys are read at a source's first event, again when they are older than five minutes, and when
//! none of them matches a signature. There is at most one read per source at a time, and at most
//! one a minute, so that forged requests cost no more. If there are no usable keys and the failure
//! is transient, the next read comes sooner: after 1, 2, 4 … seconds. A read is a task of its own
//! that outlives the request: a request waits for it as long as its deadline permits, and later
//! requests find the result.
//!
//! After a rotation the previous key stays valid for a while, counted from the creation of the
//! current version, so that the sender can change over in its own time.

mod read;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::config::hooks::Hook;
use crate::deadline::{Clock, Deadline, lies_within};
use crate::fault::{Fault, Kind};
use crate::secret::SecretKey;
use crate::trust::{Source, VerifyError};
use read::SecretReader;

/// Keys older than this are read again.
const FRESH: Duration = Duration::from_mins(5);

/// The minimum time between two reads of a secret, unless there are no usable keys and the failure
/// is transient.
const PAUSE: Duration = Duration::from_mins(1);

/// The longest time for which cached keys are used while Secrets Manager does not answer.
const STALE: Duration = Duration::from_hours(1);

/// The timeout of a whole read, however long the callers could wait.
const WHOLE_READ: Duration = Duration::from_secs(10);

/// The timeout for the previous version, once the current one was read.
const PREVIOUS_READ: Duration = Duration::from_secs(5);

/// A caller that can wait this long gets the complete result of a read.
pub const PATIENCE: Duration = Duration::from_secs(24);

/// The keys of all sources whose keys are in Secrets Manager.
#[derive(Debug)]
pub struct KeyStore(BTreeMap<String, Arc<Stored>>);

/// A source whose keys are in Secrets Manager.
#[derive(Debug)]
struct Stored {
    /// The source, without keys.
    bare: Arc<Source>,
    reader: SecretReader,
    held: Mutex<CachedKeys>,
}

/// The cached keys of one source.
#[derive(Debug, Default)]
struct CachedKeys {
    /// The keys, and when their read began.
    source: Option<(Arc<Source>, SystemTime)>,
    /// When the last read began.
    tried: Option<SystemTime>,
    /// The current or the last read.
    flight: Option<Flight>,
    /// Why the last read failed, even if only for the previous version.
    secret_error: Option<SecretError>,
    /// The number of consecutive transient failures, and when the last one ended.
    failures: Option<(u32, SystemTime)>,
}

/// A read in progress. It is over once the sender of `progress` is dropped.
#[derive(Clone, Debug)]
struct Flight {
    /// `true` once the current keys are available.
    progress: watch::Receiver<bool>,
    task: AbortHandle,
}

/// Why a secret, or one version of it, gives no keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretError {
    /// It may work if repeated; cached keys stay in use.
    Transient(String),
    /// It needs somebody to act. If the current version fails so, the cached keys are dropped.
    Permanent(String),
}

/// The keys of a source, as far as they are available.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The source with its keys. The fault is transient or the operator's.
    pub source: Result<Arc<Source>, Fault>,
    /// Why the last read failed, even if cached keys are available.
    pub secret_error: Option<SecretError>,
}

impl KeyStore {
    /// A store for the secrets of these hooks. Nothing is read yet. The previous version of a
    /// secret stays valid for `overlap` after its replacement.
    #[must_use]
    pub fn new<'a>(
        hooks: impl IntoIterator<Item = &'a Hook>,
        overlap: Duration,
        aws: &SdkConfig,
    ) -> Self {
        let stored = hooks.into_iter().filter_map(|hook| {
            let reader = SecretReader::new(aws, hook.stored.as_ref()?, hook.source.scheme, overlap);
            let bare = Arc::clone(&hook.source);
            Some((hook.source.name.clone(), Stored { bare, reader, held: Mutex::default() }))
        });
        Self(stored.map(|(name, stored)| (name, Arc::new(stored))).collect())
    }

    /// The source with fresh keys, or with the best that are available before the deadline.
    pub async fn source(&self, hook: &Hook, now: SystemTime, deadline: Deadline) -> Fetched {
        let Some(stored) = self.0.get(&hook.source.name) else { return Fetched::in_hand(hook) };
        let (flight, has_keys) = match stored.fly(FRESH, now) {
            Awaited::Nothing => (None, true),
            Awaited::Another { flight, has_keys } => (Some(flight).filter(|_| !has_keys), has_keys),
            Awaited::Own { flight, has_keys } => (Some(flight), has_keys),
        };
        if let Some(mut flight) = flight {
            // Up to half of the time, wait for the whole read. After that, any keys will do.
            let half = deadline.time_left().mul_f32(0.5);
            let is_done = timeout(half, flight.done()).await.is_ok();
            if !is_done && !has_keys {
                // On a timeout too: the cache is what decides.
                timeout(deadline.time_left(), flight.current()).await.unwrap_or_default();
            }
        }
        stored.held().fetched(now)
    }

    /// As [`Self::source`], after no key matched: reads newer keys unless the last read began less
    /// than a minute ago.
    pub async fn newer(&self, hook: &Hook, now: SystemTime, deadline: Deadline) -> Fetched {
        let Some(stored) = self.0.get(&hook.source.name) else { return Fetched::in_hand(hook) };
        let mut flight = match stored.fly(PAUSE, now) {
            Awaited::Nothing => return stored.held().fetched(now),
            Awaited::Another { flight, .. } | Awaited::Own { flight, .. } => flight,
        };
        let is_done = timeout(deadline.time_left(), flight.done()).await.is_ok();
        let fetched = stored.held().fetched(now);
        let unfinished = || Some(SecretError::Transient(UNANSWERED.to_owned()));
        let secret_error = if is_done { fetched.secret_error } else { unfinished() };
        Fetched { secret_error, ..fetched }
    }
}

/// The read that a caller may wait for, and whether there are usable keys meanwhile.
enum Awaited {
    /// None: the cached result is all there is for now.
    Nothing,
    /// A read that another caller began. A caller with keys waits for it only if none of them
    /// matches.
    Another { flight: Flight, has_keys: bool },
    /// A read that this caller began.
    Own { flight: Flight, has_keys: bool },
}

impl Stored {
    fn held(&self) -> MutexGuard<'_, CachedKeys> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The read in progress, or a new one if the keys are older than `fresh` and a read is
    /// permitted.
    fn fly(self: &Arc<Self>, fresh: Duration, now: SystemTime) -> Awaited {
        let mut held = self.held();
        let has_keys = held.usable(now).is_some();
        if let Some(flight) = held.under_way(now) {
            return Awaited::Another { flight, has_keys };
        }
        if held.is_fresh(fresh, now) || held.must_rest(now) {
            return Awaited::Nothing;
        }
        held.tried = Some(now);
        let (told, progress) = watch::channel(false);
        let task = tokio::spawn(Arc::clone(self).read(now, told)).abort_handle();
        let flight = Flight { progress, task };
        held.flight = Some(flight.clone());
        Awaited::Own { flight, has_keys }
    }

    /// Reads the secret and caches the result.
    async fn read(self: Arc<Self>, now: SystemTime, told: watch::Sender<bool>) {
        let clock = Clock::set(now);
        let read = timeout(WHOLE_READ, self.read_versions(now, &told)).await;
        let unanswered = |_| Err(SecretError::Transient(UNANSWERED.to_owned()));
        self.held().end(read.unwrap_or_else(unanswered), clock.now());
        // Ends the read for those who wait for it.
        drop(told);
    }

    /// Reads both versions. The current keys are cached at once, since the previous version may be
    /// slow.
    async fn read_versions(
        &self,
        now: SystemTime,
        told: &watch::Sender<bool>,
    ) -> Result<Option<SecretError>, SecretError> {
        let current = self.reader.current(now).await?;
        let Some((created, until)) = current.before else {
            self.keep(current.keys, now);
            return Ok(None);
        };
        // If the previous version cannot be read, its cached keys stay in use.
        let in_hand = self.held().before(created, until);
        self.keep([current.keys.clone(), in_hand].concat(), now);
        told.send_replace(true);
        let previous = timeout(PREVIOUS_READ, self.reader.previous(until)).await;
        let unanswered = |_| Err(SecretError::Transient(UNANSWERED.to_owned()));
        match previous.unwrap_or_else(unanswered) {
            Ok(previous) => {
                self.keep([current.keys, previous].concat(), now);
                Ok(None)
            }
            Err(secret_error) => Ok(Some(secret_error.of("AWSPREVIOUS"))),
        }
    }

    fn keep(&self, keys: Vec<SecretKey>, now: SystemTime) {
        let source = Source { keys, ..Source::clone(&self.bare) };
        self.held().source = Some((Arc::new(source), now));
    }
}

impl Flight {
    /// Waits until the read is over, when the sender of `progress` is dropped.
    async fn done(&mut self) {
        while self.progress.changed().await.is_ok() {}
    }

    /// Waits until the current keys are available or the read is over.
    async fn current(&mut self) {
        drop(self.progress.wait_for(|is_there| *is_there).await);
    }

    fn is_over(&self) -> bool {
        self.progress.has_changed().is_err()
    }
}

impl CachedKeys {
    /// The read in progress. Lambda freezes a process between two invocations, so a read from an
    /// earlier one may have lost its connection. One that is older than its timeout is aborted.
    fn under_way(&mut self, now: SystemTime) -> Option<Flight> {
        self.flight.take_if(|flight| flight.is_over());
        let begun = self.tried.filter(|begun| !lies_within(WHOLE_READ, *begun, now));
        if let Some((lost, begun)) = self.flight.take_if(|_| begun.is_some()).zip(begun) {
            lost.task.abort();
            self.end(Err(SecretError::Transient(UNANSWERED.to_owned())), begun);
        }
        self.flight.clone()
    }

    fn is_fresh(&self, fresh: Duration, now: SystemTime) -> bool {
        self.source.as_ref().is_some_and(|(_, read)| lies_within(fresh, *read, now))
    }

    /// True if the next read has to wait.
    fn must_rest(&self, now: SystemTime) -> bool {
        let rests_from =
            |then: Option<SystemTime>, rest| then.is_some_and(|then| lies_within(rest, then, now));
        match (self.usable(now), self.failures) {
            (None, Some((number, ended))) => rests_from(Some(ended), rest_after(number)),
            // There are keys, or the last failure was permanent.
            _ => rests_from(self.tried, PAUSE),
        }
    }

    /// The cached keys of the version before the one created at `created`, valid `until` then.
    /// Those are the current keys, or the already replaced ones if that version is cached.
    fn before(&self, created: SystemTime, until: SystemTime) -> Vec<SecretKey> {
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

    /// Records the result of a read: success, the error of the previous version, or the error of
    /// the whole read.
    fn end(&mut self, read: Result<Option<SecretError>, SecretError>, ended: SystemTime) {
        self.failures = match &read {
            Err(SecretError::Transient(_)) => {
                let before = self.failures.map_or(0, |(number, _)| number);
                Some((before.saturating_add(1), ended))
            }
            _ => None,
        };
        if matches!(read, Err(SecretError::Permanent(_))) {
            self.source = None;
        }
        self.secret_error = read.unwrap_or_else(Some);
    }

    fn usable(&self, now: SystemTime) -> Option<&Arc<Source>> {
        let usable = self.source.as_ref().filter(|(_, read)| lies_within(STALE, *read, now));
        usable.map(|(source, _)| source)
    }

    fn fetched(&self, now: SystemTime) -> Fetched {
        if let Some(source) = self.usable(now) {
            return Fetched {
                source: Ok(Arc::clone(source)),
                secret_error: self.secret_error.clone(),
            };
        }
        // No result at all means that the first read is in progress.
        let unanswered = || SecretError::Transient(UNANSWERED.to_owned());
        let secret_error = self.secret_error.clone().unwrap_or_else(unanswered);
        Fetched { source: Err(secret_error.unusable()), secret_error: Some(secret_error) }
    }
}

/// The pause after this many consecutive transient failures: 1, 2, 4 … seconds, at most [`PAUSE`].
fn rest_after(failures: u32) -> Duration {
    let doubled = 2_u32.checked_pow(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    PAUSE.min(Duration::from_secs(doubled.into()))
}

impl Fetched {
    /// The keys of a hook that are configured without a secret.
    fn in_hand(hook: &Hook) -> Self {
        Self { source: Ok(Arc::clone(&hook.source)), secret_error: None }
    }

    /// The fault of a request that no key matches. While the newest key may be unread because of a
    /// transient error, the sender is asked to retry; otherwise the request is not authentic.
    #[must_use]
    pub fn refuse(&self, refusal: VerifyError) -> Fault {
        match &self.secret_error {
            Some(secret_error @ SecretError::Transient(_)) => {
                Fault::new(Kind::Unavailable, UNTOLD).caused_by(secret_error.to_string())
            }
            _ => refusal.into(),
        }
    }
}

impl SecretError {
    fn of(self, stage: &str) -> Self {
        match self {
            Self::Transient(text) => Self::Transient(format!("{stage}: {text}")),
            Self::Permanent(text) => Self::Permanent(format!("{stage}: {text}")),
        }
    }

    fn unusable(&self) -> Fault {
        let fault = match self {
            Self::Transient(_) => Fault::new(Kind::Unavailable, UNREAD),
            Self::Permanent(_) => Fault::new(Kind::Configuration, UNUSABLE),
        };
        fault.caused_by(self.to_string())
    }
}

/// For the log: what was expected, or the error code of Secrets Manager.
impl fmt::Display for SecretError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Transient(text) | Self::Permanent(text)) = self;
        formatter.write_str(text)
    }
}

const UNUSABLE: &str = "configuration: this source's secret cannot be used, so nobody can be \
    believed; this function's log says what is wrong with it";

const UNREAD: &str = "this source's secret cannot be read just now, so nobody can be believed yet; \
    repeat the event";

const UNTOLD: &str = "this source's newest key cannot be read just now, so nobody can tell whether \
    the event is to be believed; repeat it";

const UNANSWERED: &str = "GetSecretValue: no answer in time";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_doubles_up_to_a_minute() {
        let rests =
            [1, 2, 3, 4, 5, 6, 7, 8, 33, u32::MAX].map(|number| rest_after(number).as_secs());
        assert_eq!(rests, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
    }
}
