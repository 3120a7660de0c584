//! Many connections that ask at once, and a pulse that feels how long others wait.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::runtime::Builder;

/// What every client here shows.
pub(crate) const TOKEN: &str = "a-token-of-the-benchmark";

/// A pulse beats so often: seldom enough that an answer of some milliseconds delays no other.
const BEAT: Duration = Duration::from_millis(10);

/// One request.
pub(crate) struct Ask {
    method: Method,
    target: String,
    body: Bytes,
}

impl Ask {
    pub(crate) fn get(target: impl Into<String>) -> Self {
        Self { method: Method::GET, target: target.into(), body: Bytes::new() }
    }

    pub(crate) fn post(target: impl Into<String>, body: &Value) -> Self {
        Self { method: Method::POST, target: target.into(), body: body.to_string().into() }
    }

    pub(crate) fn patch(target: impl Into<String>, operations: &Value) -> Self {
        let body = serde_json::json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations,
        });
        Self { method: Method::PATCH, target: target.into(), body: body.to_string().into() }
    }
}

/// One connection, kept alive.
pub(crate) struct Connection {
    address: SocketAddr,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    pub(crate) const fn to(address: SocketAddr) -> Self {
        Self { address, sender: None }
    }

    /// The answer's status and body.
    pub(crate) async fn ask(&mut self, ask: &Ask) -> (StatusCode, Bytes) {
        let request = Request::builder()
            .method(&ask.method)
            .uri(&ask.target)
            .header("host", "127.0.0.1")
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", "application/scim+json")
            .body(Full::new(ask.body.clone()))
            .unwrap();
        let is_open = match &mut self.sender {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !is_open {
            self.sender = Some(open(self.address).await);
        }
        let sender = self.sender.as_mut().unwrap();
        let response = sender.send_request(request).await.expect("the server answers");
        let status = response.status();
        (status, response.into_body().collect().await.expect("a whole answer").to_bytes())
    }

    /// The answer's document, if its status is this.
    pub(crate) async fn expect(&mut self, ask: &Ask, status: u16) -> Value {
        let (found, body) = self.ask(ask).await;
        assert_eq!(found, status, "{} {}: {body:?}", ask.method, ask.target);
        serde_json::from_slice(&body).unwrap_or_default()
    }
}

async fn open(address: SocketAddr) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
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
                assert_eq!(found, status, "{} {}: {body:?}", ask.method, ask.target);
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
