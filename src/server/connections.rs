//! The open connections and the state of each: waiting, sending, being answered, taking the answer.

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

/// Nobody is looked at more often than this, however short the times are.
const LEAST: Duration = Duration::from_millis(1);

/// All who are connected.
#[derive(Default)]
pub(super) struct Connections {
    all: Mutex<BTreeMap<u64, Arc<Seat>>>,
    next: AtomicU64,
    evicted: AtomicU64,
}

/// One of them; the last that is dropped leaves the room.
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

/// What a connection is doing. The order is that in which they make room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Doing {
    /// Nothing, since its last answer.
    Idling,
    /// It has just come, and has sent no whole head yet.
    Coming,
    /// It sends the head of another request.
    Sending,
    /// It sends a body.
    Telling,
    /// It is given an answer.
    Taking,
    /// It has sent all, and waits for the answer.
    Awaiting,
    /// It has been shown the door.
    Leaving,
}

impl Doing {
    /// What somebody does who may be sent away.
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

    /// Closes the connection that matters least: who has been idle longest, else who has been sending
    /// longest. Who waits for an answer keeps its place. Says whether there was one.
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

    /// Does something else from now on, if it does one of `from`; says whether it did.
    fn turn(&self, from: &[Doing], to: Doing) -> bool {
        let mut state = self.lock();
        let turns = from.contains(&state.doing);
        if turns {
            (state.doing, state.since) = (to, Instant::now());
        }
        turns
    }

    /// Shows it the door, unless its request has just begun.
    fn leave(&self) -> bool {
        let leaves = self.turn(&Doing::WITHOUT_A_RIGHT, Doing::Leaving);
        if leaves && let Some(task) = self.lock().task.take() {
            task.abort();
        }
        leaves
    }
}

impl Connection {
    /// Notes by what it is run. One that was shown the door meanwhile is not run on.
    pub(super) fn is_run_by(&self, task: AbortHandle) {
        let mut state = self.0.seat.lock();
        if state.doing == Doing::Leaving {
            task.abort();
        } else {
            state.task = Some(task);
        }
    }

    /// Notes that a whole head is there; `false` if it is too late for that.
    pub(super) fn begin(&self) -> bool {
        self.0.seat.turn(&Doing::WITHOUT_A_RIGHT, Doing::Telling)
    }

    /// Notes that the body is there too; `false` if it is too late for that.
    pub(super) fn has_told(&self) -> bool {
        self.0.seat.turn(&[Doing::Telling, Doing::Awaiting], Doing::Awaiting)
    }

    /// Notes that there is an answer, which has to be taken.
    pub(super) fn answer(&self) {
        self.0.seat.turn(&[Doing::Telling, Doing::Awaiting], Doing::Taking);
    }

    /// True if the client waits for an answer, or takes it.
    pub(super) fn is_awaited(&self) -> bool {
        matches!(self.0.seat.lock().doing, Doing::Telling | Doing::Awaiting | Doing::Taking)
    }

    /// Ends when it has been doing for too long what it is doing. A body being read has its own time,
    /// and so has an answer.
    ///
    /// Whatever it does next ends no sooner than the shortest time from now, so nobody has to be told
    /// that it does something else: that would be five times a request.
    pub(super) async fn overstays(&self, limits: &ServerLimits) {
        let shortest = limits.idle.min(limits.head).min(limits.body).max(LEAST);
        loop {
            let now = Instant::now();
            let end = self.0.seat.lock().end(limits);
            if end.is_some_and(|end| end <= now) {
                return;
            }
            let next = now.checked_add(shortest);
            // A time that cannot be added up is never over.
            match end.into_iter().chain(next).min() {
                Some(next) => sleep_until(next).await,
                None => std::future::pending().await,
            }
        }
    }
}

impl State {
    /// When it has been doing for too long what it is doing, if ever.
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

/// A stream that notes what it is used for.
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

    /// All that hyper had to write is written before it flushes.
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
