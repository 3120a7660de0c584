//! Seeded chance, and where a writer is cut off.

use std::cell::Cell;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

/// What happens by chance: the same for the same seed.
#[derive(Clone, Debug)]
pub(crate) struct Chance(Arc<Mutex<fastrand::Rng>>);

impl Chance {
    pub(crate) fn of(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(fastrand::Rng::with_seed(seed))))
    }

    /// A number from 0 to less than `end`.
    pub(crate) fn below(&self, end: u64) -> u64 {
        self.0.lock().unwrap().u64(0..end.max(1))
    }

    /// Whether something happens that does so in so many of a hundred cases.
    pub(crate) fn in_100(&self, cases: u64) -> bool {
        self.below(100) < cases
    }

    pub(crate) fn pick<'a, T>(&self, things: &'a [T]) -> &'a T {
        let index = self.below(u64::try_from(things.len()).unwrap());
        &things[usize::try_from(index).unwrap()]
    }

    /// A time up to so many milliseconds.
    pub(crate) fn milliseconds(&self, end: u64) -> Duration {
        Duration::from_millis(self.below(end))
    }

    pub(crate) fn bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.0.lock().unwrap().fill(&mut bytes);
        bytes
    }
}

tokio::task_local! {
    static LIFE: Arc<Life>;
}

/// How many boundaries of effects a writer has yet to live.
#[derive(Debug)]
struct Life {
    left: Mutex<Cell<Option<u64>>>,
    end: Notify,
}

/// Runs a writer, and drops it where it has used up so many boundaries of effects.
pub(crate) async fn cut_off<T>(after: Option<u64>, writer: impl Future<Output = T>) -> Option<T> {
    let life = Arc::new(Life { left: Mutex::new(Cell::new(after)), end: Notify::new() });
    let writer = LIFE.scope(Arc::clone(&life), writer);
    tokio::select! {
        biased;
        () = life.end.notified() => None,
        result = writer => Some(result),
    }
}

/// The time before or after an effect; nothing comes after it where a writer is cut off.
pub(crate) async fn boundary(time: Duration) {
    sleep(time).await;
    let is_over = LIFE.try_with(|life| {
        let left = life.left.lock().unwrap();
        match left.get() {
            Some(0) => {
                life.end.notify_one();
                true
            }
            Some(count) => {
                left.set(Some(count - 1));
                false
            }
            None => false,
        }
    });
    if is_over.unwrap_or_default() {
        pending::<()>().await;
    }
}
