//! HTTP/1.1 for the open network: a listener → requests, with a limit and a time-out for
//! everything.
//!
//! Each request is answered in a task of its own, so a client that hangs up cuts nothing off, and a
//! write that was begun is ended. Everything that a client can do slowly has its time: sending a
//! head or a body, taking the answer, doing nothing. The number of connections is bounded; a new
//! one takes the place of the one that has been idle longest.

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

/// How long to rest when no connection could be accepted: out of file descriptors, or the caller has
/// hung up.
const REST: Duration = Duration::from_millis(10);

/// The most that is kept of a head, in bytes.
const LARGEST_HEAD: usize = 64 * 1024;

/// How much and how long.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// Connections at a time.
    pub connections: usize,
    /// From the first byte of a head to its last; and from a connection's begin to its first request.
    pub head: Duration,
    /// From the end of the head to the end of the body; and for taking an answer.
    pub body: Duration,
    /// From an answer to the next request.
    pub idle: Duration,
    /// For what is in flight when an end is put to everything.
    pub farewell: Duration,
}

impl Default for ServerLimits {
    /// An idle connection outlives those of a proxy in front, which keeps them for 60 s unless it is
    /// told otherwise (nginx, `keepalive_timeout` of an upstream): else the proxy would now and then
    /// send into one that is just being closed.
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
    /// How many connections are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.0.count()
    }

    /// How many were closed to make room for another, since the start.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.0.evicted()
    }
}

/// Answers the requests of all who connect until `stop` says so.
///
/// Then nobody is let in any more, those in flight are answered, and it ends. Says whether all of them
/// were in time.
///
/// `answer` is told a request whose body has yet to be [read](body::read).
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
    // Each task at work holds a sender; when all are dropped, everything is answered.
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

/// Ends when an end is to be put to everything.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The next connection, as soon as there is room for it.
async fn accept(
    listener: &TcpListener,
    connections: &Connections,
    most: usize,
) -> io::Result<TcpStream> {
    let (stream, _) = listener.accept().await?;
    while connections.count() >= most.max(1) {
        // Where nobody is idle, somebody's answer must be ended first.
        if !connections.evict() {
            sleep(REST).await;
        }
    }
    // Answers are small; nobody shall wait for more to come.
    let _slower = stream.set_nodelay(true);
    Ok(stream)
}

/// One connection, until either side ends it.
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
            // What only reads may be cut off. All else goes on in a task of its own, to the end, which
            // makes the task's sender go, whoever hangs up.
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
            // Who has sent all of a request may shut its side and wait.
            .half_close(true)
            .max_buf_size(LARGEST_HEAD)
            .serve_connection(stream, service)
    );
    // An error here is a caller that went away: nobody to tell.
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
