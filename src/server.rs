//! An HTTP/1.1 server for the open network, with a limit and a time-out for everything.
//!
//! All requests but GET and HEAD are answered in tasks of their own, so that a client that
//! disconnects does not interrupt a write. Every slow phase of a client has a time-out: sending a
//! head or a body, reading the answer, idling. The number of connections is bounded; a new one
//! evicts the one that has been idle longest.

pub mod body;
mod connections;
pub mod host;
mod target;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use connections::{Connection, Connections, Watched};
use target::Encoded;

/// The pause after a failed `accept`, as with no file descriptors left, and between attempts to
/// evict.
const REST: Duration = Duration::from_millis(10);

/// The read buffer for a request head, in bytes.
const LARGEST_HEAD: usize = 64 * 1024;

/// The limits of the server.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// The most connections at a time.
    pub connections: usize,
    /// The time for a request head, from its first byte, and from a new connection to its first
    /// head.
    pub head: Duration,
    /// The time for a request body after its head, and for the client to read an answer.
    pub body: Duration,
    /// The time from an answer to the next request.
    pub idle: Duration,
    /// The time for requests in progress at shutdown.
    pub farewell: Duration,
}

impl Default for ServerLimits {
    /// An idle connection must live longer than in a proxy in front, which keeps one for 60 s by
    /// default (nginx, `keepalive_timeout` of an upstream).
    ///
    /// Otherwise the proxy may send a request on a connection that is just being closed.
    fn default() -> Self {
        Self {
            connections: 200,
            head: Duration::from_secs(10),
            body: Duration::from_secs(30),
            idle: Duration::from_secs(75),
            farewell: Duration::from_secs(12),
        }
    }
}

/// Counters of the connections, for metrics.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<Connections>);

impl Gauge {
    /// The number of open connections.
    #[must_use]
    pub fn open(&self) -> usize {
        self.0.count()
    }

    /// The number of connections evicted for new ones, since the start.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.0.evicted()
    }
}

/// Accepts connections and answers their requests until `stop` becomes true.
///
/// Then it accepts no more, waits for the requests in progress, and returns whether all were
/// answered in time.
///
/// `answer` is called with the head; it [reads](body::read) the body.
pub async fn serve<A, F>(
    listener: TcpListener,
    limits: ServerLimits,
    gauge: Gauge,
    mut stop: watch::Receiver<bool>,
    answer: A,
) -> bool
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let connections = gauge.0;
    // Each task holds a sender; once all are dropped, every request is answered.
    let (working, mut all_done) = mpsc::channel::<Infallible>(1);
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            accepted = accept(&listener, &connections, limits.connections) => accepted,
        };
        let Ok(stream) = accepted else {
            sleep(REST).await;
            continue;
        };
        let connection = connections.open();
        let talk =
            talk(stream, limits, connection.clone(), stop.clone(), answer.clone(), working.clone());
        let task = tokio::spawn(talk);
        connection.is_run_by(task.abort_handle());
    }
    drop((listener, working));
    timeout(limits.farewell, all_done.recv()).await.is_ok()
}

/// Waits until `stop` is true.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Accepts the next connection and waits until there is room for it.
async fn accept(
    listener: &TcpListener,
    connections: &Connections,
    most: usize,
) -> io::Result<TcpStream> {
    let (stream, _) = listener.accept().await?;
    while connections.count() >= most.max(1) {
        // If none can be evicted, wait for an answer to be completed.
        if !connections.evict() {
            sleep(REST).await;
        }
    }
    // Answers are small: Nagle's algorithm would only delay them.
    let _slower = stream.set_nodelay(true);
    Ok(stream)
}

/// Serves one connection until either side closes it.
async fn talk<A, F>(
    stream: TcpStream,
    limits: ServerLimits,
    connection: Connection,
    mut stop: watch::Receiver<bool>,
    answer: A,
    working: mpsc::Sender<Infallible>,
) where
    A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let own = connection.clone();
    let at_work = working.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let begun = own.begin();
        let (answer, own, at_work) = (answer.clone(), own.clone(), at_work.clone());
        async move {
            if !begun {
                return Err(io::Error::from(io::ErrorKind::ConnectionAborted));
            }
            let (mut head, body) = request.into_parts();
            head.extensions.insert(own.clone());
            let only_reads = matches!(head.method, Method::GET | Method::HEAD);
            let answering = answer(Request::from_parts(head, body));
            // A read may be cancelled. Anything else runs to its end in a task of its own, which
            // holds the sender until then, even if the client disconnects.
            let response = if only_reads {
                Ok(answering.await)
            } else {
                let task = tokio::spawn(async move {
                    let _at_work = at_work;
                    answering.await
                });
                task.await.map_err(io::Error::other)
            };
            own.answer();
            response
        }
    });
    let stream = Watched { stream, connection: connection.clone() };
    let stream = TokioIo::new(Encoded::new(stream));
    let mut served = std::pin::pin!(
        http1::Builder::new()
            // A client may close its write side after its request and wait for the answer.
            .half_close(true)
            .max_buf_size(LARGEST_HEAD)
            .serve_connection(stream, service)
    );
    // An error means that the client is gone, so there is nobody to report it to.
    tokio::select! {
        _ended = served.as_mut() => return,
        () = connection.overstays(&limits) => return,
        () = stopped(&mut stop) => {}
    }
    if !connection.is_awaited() {
        return;
    }
    served.as_mut().graceful_shutdown();
    tokio::select! {
        _ended = served.as_mut() => {}
        () = connection.overstays(&limits) => {}
    }
    drop(working);
}

#[cfg(test)]
mod tests;
