//! Hook → the [`Source`] with its keys in hand, fetched from Secrets Manager where they are stored.
//!
//! Keys are read at a source's first event, and again when they are older than five minutes or when
//! none of them matches: one read at a time for each source, and never twice within a minute, so that
//! forgers cost no more. Where there are no keys in hand and time may mend it, the next read comes
//! sooner: after a second, then two, then four. A read is a task of its own, which outlives whoever
//! asked for it: who waits does so as long as their own deadline lets them, and what comes of it is
//! there for the next.
//!
//! The key that was replaced holds on for a while, counted from the day the current one was made, so
//! that the sender can change over in its own time.

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

/// No secret is read twice within this time, unless there is nothing in hand and time may mend it.
const PAUSE: Duration = Duration::from_mins(1);

/// For so long keys are believed although Secrets Manager is silent.
const STALE: Duration = Duration::from_hours(1);

/// What a read may take, however long those who wait for it can.
const WHOLE_READ: Duration = Duration::from_secs(10);

/// And the previous version, once the current one is there.
const PREVIOUS_READ: Duration = Duration::from_secs(5);

/// Whoever can wait so long hears all that a read has to say.
pub const PATIENCE: Duration = Duration::from_secs(24);

/// The keys of every source whose keys are stored.
#[derive(Debug)]
pub struct KeyStore(BTreeMap<String, Arc<Stored>>);

/// One source whose keys are stored.
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
    /// The keys and when their read was begun.
    source: Option<(Arc<Source>, SystemTime)>,
    /// When a read was last begun.
    tried: Option<SystemTime>,
    /// The read that is under way, or the last one.
    flight: Option<Flight>,
    /// Why the last read failed, if it did.
    secret_error: Option<SecretError>,
    /// How often reads failed, one after the other, which time may mend, and when the last of them
    /// ended.
    failures: Option<(u32, SystemTime)>,
}

/// A read that was begun. It is under way until nobody can tell any more of it.
#[derive(Clone, Debug)]
struct Flight {
    /// `true` as soon as the current keys are there.
    progress: watch::Receiver<bool>,
    task: AbortHandle,
}

/// Why a secret, or one version of it, gives no keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretError {
    /// It may work in a moment: what was read before still serves.
    Transient(String),
    /// It will not work until somebody does something.
    Permanent(String),
}

/// A source's keys, as far as they can be had.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The source with its keys; the fault is time's to mend, or the operator's.
    pub source: Result<Arc<Source>, Fault>,
    /// Why the last read failed, also where keys were found.
    pub secret_error: Option<SecretError>,
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
        let stored = hooks.into_iter().filter_map(|hook| {
            let reader = SecretReader::new(aws, hook.stored.as_ref()?, hook.source.scheme, overlap);
            let bare = Arc::clone(&hook.source);
            Some((hook.source.name.clone(), Stored { bare, reader, held: Mutex::default() }))
        });
        Self(stored.map(|(name, stored)| (name, Arc::new(stored))).collect())
    }

    /// A hook's source with keys that are fresh, or as good as can be had.
    pub async fn source(&self, hook: &Hook, now: SystemTime, deadline: Deadline) -> Fetched {
        let Some(stored) = self.0.get(&hook.source.name) else { return Fetched::in_hand(hook) };
        let (flight, has_keys) = match stored.fly(FRESH, now) {
            Awaited::Nothing => (None, true),
            Awaited::Another { flight, has_keys } => (Some(flight).filter(|_| !has_keys), has_keys),
            Awaited::Own { flight, has_keys } => (Some(flight), has_keys),
        };
        if let Some(mut flight) = flight {
            // Half of the time goes to the whole of the read. Then keys will do.
            let half = deadline.time_left().mul_f32(0.5);
            let is_done = timeout(half, flight.done()).await.is_ok();
            if !is_done && !has_keys {
                // In time or not: what is there by then will have to do.
                timeout(deadline.time_left(), flight.current()).await.unwrap_or_default();
            }
        }
        stored.held().fetched(now)
    }

    /// The same, after none of the keys matched: newer ones, if they may be asked for.
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

/// What somebody may wait for who asked for keys, and whether there are some in hand meanwhile.
enum Awaited {
    /// The keys that are there are all that can be had now.
    Nothing,
    /// A read that another began. Whoever has keys need not wait for it, unless none of them fits.
    Another { flight: Flight, has_keys: bool },
    /// One that was begun just now.
    Own { flight: Flight, has_keys: bool },
}

impl Stored {
    fn held(&self) -> MutexGuard<'_, CachedKeys> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The read that is under way, or one that is begun, if the keys were not read less than `fresh` ago
    /// and it may be.
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

    /// Reads the secret and keeps what comes of it.
    async fn read(self: Arc<Self>, now: SystemTime, told: watch::Sender<bool>) {
        let clock = Clock::set(now);
        let read = timeout(WHOLE_READ, self.read_versions(now, &told)).await;
        let unanswered = |_| Err(SecretError::Transient(UNANSWERED.to_owned()));
        self.held().end(read.unwrap_or_else(unanswered), clock.now());
        // Only now it is over for those who wait.
        drop(told);
    }

    /// The current keys are kept as soon as they are there: those before them may be slow.
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
        // If the previous version cannot be read, those that are held of it serve on.
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
    /// Waits until the read is over: nobody is there to tell more.
    async fn done(&mut self) {
        while self.progress.changed().await.is_ok() {}
    }

    /// Waits until the current keys are there, or the read is over.
    async fn current(&mut self) {
        drop(self.progress.wait_for(|is_there| *is_there).await);
    }

    fn is_over(&self) -> bool {
        self.progress.has_changed().is_err()
    }
}

impl CachedKeys {
    /// The read that is under way. Lambda freezes a process between two invocations, and what is in
    /// flight with it: by the time that an event comes, its connection may be gone, and its time be up
    /// by any clock. So one that was begun long ago is given up.
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

    /// Whether it is too early for another read.
    fn must_rest(&self, now: SystemTime) -> bool {
        let rests_from =
            |then: Option<SystemTime>, rest| then.is_some_and(|then| lies_within(rest, then, now));
        match (self.usable(now), self.failures) {
            (None, Some((number, ended))) => rests_from(Some(ended), rest_after(number)),
            // What was read, or is for somebody to mend.
            _ => rests_from(self.tried, PAUSE),
        }
    }

    /// The keys in hand that come before a version made at `created`, and hold `until` then: the
    /// ones that were current, or, if that version is the one in hand, the replaced ones.
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

    /// Notes what a read came to that ended just now: nothing more to say, what the previous version
    /// lacks, or why there are no keys.
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
        // Without a word of a read's, one is under way.
        let unanswered = || SecretError::Transient(UNANSWERED.to_owned());
        let secret_error = self.secret_error.clone().unwrap_or_else(unanswered);
        Fetched { source: Err(secret_error.unusable()), secret_error: Some(secret_error) }
    }
}

/// How long nobody asks again after so many failures that time may mend: a second, two, four, and a
/// minute at most.
fn rest_after(failures: u32) -> Duration {
    let doubled = 2_u32.checked_pow(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    PAUSE.min(Duration::from_secs(doubled.into()))
}

impl Fetched {
    /// The keys that need not be read.
    fn in_hand(hook: &Hook) -> Self {
        Self { source: Ok(Arc::clone(&hook.source)), secret_error: None }
    }

    /// What becomes of a request that none of the keys fits: it is not believed; but while a key may
    /// be missing that is there in a moment, nobody can tell, and the sender shall come again.
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

/// For the log: what was expected or what Secrets Manager said, by its code.
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
