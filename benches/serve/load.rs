//! Many connections that ask at once, and a pulse that feels how long others wait.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use httparse::{EMPTY_HEADER, Status};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Builder;

/// What every client here shows.
pub(crate) const TOKEN: &str = "a-token-of-the-benchmark";

/// A pulse beats so often: seldom enough that an answer of some milliseconds delays no other.
const BEAT: Duration = Duration::from_millis(10);

/// One request, written down before the time is taken.
pub(crate) struct Ask {
    /// For messages.
    line: String,
    bytes: Vec<u8>,
}

impl Ask {
    fn new(method: &str, target: impl Into<String>, body: &str) -> Self {
        let line = format!("{method} {}", target.into());
        let length = body.len();
        let bytes = format!(
            "{line} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {TOKEN}\r\n\
             content-type: application/scim+json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        Self { line, bytes: bytes.into() }
    }

    pub(crate) fn get(target: impl Into<String>) -> Self {
        Self::new("GET", target, "")
    }

    pub(crate) fn post(target: impl Into<String>, body: &Value) -> Self {
        Self::new("POST", target, &body.to_string())
    }

    pub(crate) fn patch(target: impl Into<String>, operations: &Value) -> Self {
        let body = serde_json::json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations,
        });
        Self::new("PATCH", target, &body.to_string())
    }
}

/// One connection, kept alive.
///
/// A client that does as little as it can: on a machine of few cores one that does more, as hyper's, is
/// half of what is measured.
pub(crate) struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    /// The answer that was read last.
    answer: Vec<u8>,
}

/// How an answer begins.
struct Head {
    status: u16,
    /// Where the body begins, and where it ends.
    body: std::ops::Range<usize>,
}

impl Connection {
    pub(crate) const fn to(address: SocketAddr) -> Self {
        Self { address, stream: None, answer: Vec::new() }
    }

    /// The answer's status and body.
    pub(crate) async fn ask(&mut self, ask: &Ask) -> (u16, &[u8]) {
        let head = match self.attempt(ask).await {
            Some(head) => head,
            // The server may have ended a connection that was idle.
            None => self.attempt(ask).await.expect("the server answers"),
        };
        (head.status, &self.answer[head.body])
    }

    async fn attempt(&mut self, ask: &Ask) -> Option<Head> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => open(self.address).await,
        };
        stream.write_all(&ask.bytes).await.ok()?;
        self.answer.clear();
        let head = loop {
            if stream.read_buf(&mut self.answer).await.ok()? == 0 {
                return None;
            }
            if let Some(head) = head(&self.answer) {
                break head;
            }
        };
        while self.answer.len() < head.body.end {
            if stream.read_buf(&mut self.answer).await.ok()? == 0 {
                return None;
            }
        }
        self.stream = Some(stream);
        Some(head)
    }

    /// The answer's document, if its status is this.
    pub(crate) async fn expect(&mut self, ask: &Ask, status: u16) -> Value {
        let (found, body) = self.ask(ask).await;
        assert_eq!(found, status, "{}: {}", ask.line, String::from_utf8_lossy(body));
        serde_json::from_slice(body).unwrap_or_default()
    }
}

/// The head of an answer, as soon as all of it is there.
fn head(answer: &[u8]) -> Option<Head> {
    let mut headers = [EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let Status::Complete(start) = response.parse(answer).expect("an answer of HTTP's") else {
        return None;
    };
    let value =
        |name: &str| response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    assert!(value("transfer-encoding").is_none(), "every server here says how long a body is");
    let length = value("content-length")
        .map_or(0, |length| String::from_utf8_lossy(length.value).parse().expect("a length"));
    Some(Head { status: response.code.unwrap(), body: start..start + length })
}

async fn open(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// When a load ends.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    Passed(Duration),
    Done(usize),
}

/// What came of a load: how long each answer took, the quickest first.
pub(crate) struct Load {
    took: Duration,
    waits: Vec<Duration>,
}

impl Load {
    /// Answers a second.
    pub(crate) fn rate(&self) -> f64 {
        count(self.waits.len()) / self.took.as_secs_f64()
    }

    pub(crate) const fn answers(&self) -> usize {
        self.waits.len()
    }

    /// In milliseconds, what this share of the answers took at most.
    pub(crate) fn quantile(&self, percent: usize) -> f64 {
        quantile(&self.waits, percent)
    }
}

fn quantile(sorted: &[Duration], percent: usize) -> f64 {
    let place = (sorted.len() * percent / 100).min(sorted.len() - 1);
    sorted[place].as_secs_f64() * 1e3
}

pub(crate) fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}

#[expect(clippy::disallowed_methods, reason = "time is what is measured")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// So many connections ask, each as soon as it was answered; `ask` makes the request of a number, from 0.
pub(crate) async fn drive(
    address: SocketAddr,
    connections: usize,
    until: Until,
    status: u16,
    ask: impl Fn(usize) -> Ask + Send + Sync + 'static,
) -> Load {
    let (ask, next) = (Arc::new(ask), Arc::new(AtomicUsize::new(0)));
    let start = now();
    let one = |_| {
        let (ask, next) = (Arc::clone(&ask), Arc::clone(&next));
        tokio::spawn(async move {
            let (mut connection, mut waits) = (Connection::to(address), Vec::new());
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let is_over = match until {
                    Until::Passed(time) => start.elapsed() >= time,
                    Until::Done(most) => number >= most,
                };
                if is_over {
                    return waits;
                }
                let (ask, sent) = (ask(number), now());
                let (found, body) = connection.ask(&ask).await;
                waits.push(sent.elapsed());
                assert_eq!(found, status, "{}: {}", ask.line, String::from_utf8_lossy(body));
            }
        })
    };
    let tasks: Vec<_> = (0..connections).map(one).collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await.unwrap());
    }
    let took = start.elapsed();
    waits.sort_unstable();
    Load { took, waits }
}

/// Asks for `/health` beat by beat, on a thread of its own, until it is stopped. A beat that comes late
/// because the one before it was not answered counts from when it was due.
pub(crate) struct Pulse {
    over: Arc<AtomicBool>,
    thread: thread::JoinHandle<Vec<Duration>>,
}

impl Pulse {
    pub(crate) async fn start(address: SocketAddr) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&over);
        let (beats, first) = tokio::sync::oneshot::channel();
        let beat = async move {
            let (mut connection, mut waits) = (Connection::to(address), Vec::new());
            let health = Ask::get("/health");
            connection.expect(&health, 200).await;
            beats.send(()).unwrap();
            let mut due = now();
            loop {
                tokio::time::sleep_until(due.into()).await;
                connection.expect(&health, 200).await;
                waits.push(due.elapsed());
                due += BEAT;
                if is_over.load(Ordering::Relaxed) {
                    return waits;
                }
            }
        };
        let thread = thread::spawn(move || {
            Builder::new_current_thread().enable_all().build().unwrap().block_on(beat)
        });
        first.await.unwrap();
        Self { over, thread }
    }

    /// In milliseconds, what 99 of 100 beats waited at most.
    pub(crate) fn stop(self) -> f64 {
        self.over.store(true, Ordering::Relaxed);
        let mut waits = self.thread.join().unwrap();
        waits.sort_unstable();
        quantile(&waits, 99)
    }
}
