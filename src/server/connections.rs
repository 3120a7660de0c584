//! The open connections with the phase of each, for time-outs and eviction.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use super::ServerLimits;

/// The shortest interval between two checks of a connection, however short the limits are.
const LEAST: Duration = Duration::from_millis(1);

/// All open connections.
#[derive(Default)]
pub(super) struct Connections {
    all: Mutex<BTreeMap<u64, Arc<Seat>>>,
    next: AtomicU64,
    evicted: AtomicU64,
}

/// A handle of one connection; dropping the last one removes it from [`Connections`].
#[derive(Clone)]
pub(super) struct Connection(Arc<ConnectionInner>);

struct ConnectionInner {
    number: u64,
    seat: Arc<Seat>,
    room: Arc<Connections>,
}

/// The state of one connection.
#[derive(Default)]
struct Seat(Mutex<State>);

struct State {
    doing: Doing,
    since: Instant,
    task: Option<AbortHandle>,
}

impl Default for State {
    fn default() -> Self {
        Self { doing: Doing::Coming, since: Instant::now(), task: None }
    }
}

/// The phase of a connection. Earlier phases are evicted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Doing {
    /// Idle since its last answer.
    Idling,
    /// New, without a complete head so far.
    Coming,
    /// Sending the head of a further request.
    Sending,
    /// Sending a body.
    Telling,
    /// Reading an answer.
    Taking,
    /// Request complete, waiting for the answer.
    Awaiting,
    /// Evicted.
    Leaving,
}

impl Doing {
    /// The phases in which a connection may be evicted.
    const WITHOUT_A_RIGHT: [Self; 5] =
        [Self::Idling, Self::Coming, Self::Sending, Self::Telling, Self::Taking];
}

impl Connections {
    pub(super) fn open(self: &Arc<Self>) -> Connection {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let seat = Arc::new(Seat::default());
        self.lock().insert(number, Arc::clone(&seat));
        Connection(Arc::new(ConnectionInner { number, seat, room: Arc::clone(self) }))
    }

    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    pub(super) fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// Evicts the connection in the earliest phase, and among those the one longest in it. One that
    /// waits for an answer is never evicted. Returns whether there was one to evict.
    pub(super) fn evict(&self) -> bool {
        let mut all = self.lock();
        let rank = |seat: &Seat| {
            let state = seat.lock();
            Doing::WITHOUT_A_RIGHT.contains(&state.doing).then_some((state.doing, state.since))
        };
        let least = all.iter().filter_map(|(number, seat)| Some((rank(seat)?, *number))).min();
        let Some((_, number)) = least else { return false };
        let Some(seat) = all.get(&number) else { return false };
        let left = seat.leave();
        if left {
            all.remove(&number);
            self.evicted.fetch_add(1, Ordering::Relaxed);
        }
        left
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Seat>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "[{} connections]", self.count())
    }
}

impl Seat {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters phase `to` if the current one is in `from`; returns whether it did.
    fn turn(&self, from: &[Doing], to: Doing) -> bool {
        let mut state = self.lock();
        let turns = from.contains(&state.doing);
        if turns {
            (state.doing, state.since) = (to, Instant::now());
        }
        turns
    }

    /// Evicts the connection if its phase permits; returns whether it did.
    fn leave(&self) -> bool {
        let leaves = self.turn(&Doing::WITHOUT_A_RIGHT, Doing::Leaving);
        if leaves && let Some(task) = self.lock().task.take() {
            task.abort();
        }
        leaves
    }
}

impl Connection {
    /// Sets the task that serves the connection. If it was evicted meanwhile, the task is aborted.
    pub(super) fn is_run_by(&self, task: AbortHandle) {
        let mut state = self.0.seat.lock();
        if state.doing == Doing::Leaving {
            task.abort();
        } else {
            state.task = Some(task);
        }
    }

    /// Marks that a head is complete; `false` if the connection was evicted.
    pub(super) fn begin(&self) -> bool {
        self.0.seat.turn(&Doing::WITHOUT_A_RIGHT, Doing::Telling)
    }

    /// Marks that the body is complete too; `false` if the connection was evicted.
    pub(super) fn has_told(&self) -> bool {
        self.0.seat.turn(&[Doing::Telling, Doing::Awaiting], Doing::Awaiting)
    }

    /// Marks that the client is to read an answer.
    pub(super) fn answer(&self) {
        self.0.seat.turn(&[Doing::Telling, Doing::Awaiting], Doing::Taking);
    }

    /// True if a request is in progress.
    pub(super) fn is_awaited(&self) -> bool {
        matches!(self.0.seat.lock().doing, Doing::Telling | Doing::Awaiting | Doing::Taking)
    }

    /// Returns when the connection exceeds the time-out of its phase. Reading a body and computing
    /// an answer have time-outs of their own.
    ///
    /// Instead of being notified of each phase, which would be five times per request, it checks
    /// again after the shortest limit, as no new phase can end sooner.
    pub(super) async fn overstays(&self, limits: &ServerLimits) {
        let shortest = limits.idle.min(limits.head).min(limits.body).max(LEAST);
        loop {
            let now = Instant::now();
            let end = self.0.seat.lock().end(limits);
            if end.is_some_and(|end| end <= now) {
                return;
            }
            let next = now.checked_add(shortest);
            // An instant that overflows is never reached.
            match end.into_iter().chain(next).min() {
                Some(next) => sleep_until(next).await,
                None => std::future::pending().await,
            }
        }
    }
}

impl State {
    /// When the time-out of the phase ends; `None` if it has none.
    fn end(&self, limits: &ServerLimits) -> Option<Instant> {
        let time = match self.doing {
            Doing::Idling => limits.idle,
            Doing::Coming | Doing::Sending => limits.head,
            Doing::Taking => limits.body,
            Doing::Telling | Doing::Awaiting | Doing::Leaving => return None,
        };
        self.since.checked_add(time)
    }
}

impl Drop for ConnectionInner {
    fn drop(&mut self) {
        self.room.lock().remove(&self.number);
    }
}

/// A stream that derives phases from reads and flushes.
pub(super) struct Watched {
    pub(super) stream: TcpStream,
    pub(super) connection: Connection,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if polled.is_ready() && buffer.filled().len() > before {
            self.connection.0.seat.turn(&[Doing::Idling], Doing::Sending);
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes only after it has written everything.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        if polled.is_ready() {
            self.connection.0.seat.turn(&[Doing::Taking], Doing::Idling);
        }
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
