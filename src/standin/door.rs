//! A listener → a [`World`] behind it, or any other answer, over HTTP/1.1.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::world::{CONTROL, Reply, World};
use crate::server::host::is_this_machine;

/// The largest body that is read, in bytes. A larger one ends the connection.
const LARGEST_BODY: usize = 16 << 20;

/// How long to rest when no connection could be accepted (out of file descriptors, or the caller
/// has hung up).
const REST: Duration = Duration::from_millis(10);

/// Lets callers of `listener` speak to `world` at the times that `clock` tells. Runs inside a Tokio
/// runtime, without end; when the future is dropped, open connections end with it.
pub async fn serve(
    listener: TcpListener,
    world: Arc<Mutex<World>>,
    clock: fn() -> SystemTime,
) -> Infallible {
    let answer = move |request: Request<Bytes>| {
        let is_strange = request.uri().path() == CONTROL && !is_this_machine(request.headers());
        let answer =
            || world.lock().unwrap_or_else(PoisonError::into_inner).handle(&request, clock());
        let reply = (!is_strange).then(answer);
        async move {
            let Some(reply) = reply else { return Ok(not_for_strangers()) };
            let response = match reply {
                Reply::Dropped => return Err(io::ErrorKind::ConnectionAborted.into()),
                Reply::Late(delay, response) => {
                    tokio::time::sleep(delay).await;
                    response
                }
                Reply::Now(response) => response,
            };
            Ok(response.map(Full::new))
        }
    };
    listen(listener, answer).await
}

/// What is watched and changed here is for this machine: a page in a browser on it that has bound a name
/// of its own to its address finds nothing.
fn not_for_strangers() -> Response<Full<Bytes>> {
    let mut response =
        Response::new(Full::from("expected localhost or a loopback address in Host"));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}

/// Answers the requests of all who connect, as [`serve`] does; any error closes the connection
/// without a reply.
async fn listen<A, F>(listener: TcpListener, answer: A) -> Infallible
where
    A: Fn(Request<Bytes>) -> F + Clone + Send + 'static,
    F: Future<Output = io::Result<Response<Full<Bytes>>>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(talk(stream, answer.clone()));
                }
                Err(_) => tokio::time::sleep(REST).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection, until either side ends it.
async fn talk<A, F>(stream: TcpStream, answer: A)
where
    A: Fn(Request<Bytes>) -> F + Clone,
    F: Future<Output = io::Result<Response<Full<Bytes>>>>,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = answer.clone();
        async move {
            let (head, body) = request.into_parts();
            let body =
                Limited::new(body, LARGEST_BODY).collect().await.map_err(io::Error::other)?;
            answer(Request::from_parts(head, body.to_bytes())).await
        }
    });
    // An error here is a caller that went away or a reply that is to be dropped: nobody to tell.
    let _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream as Connection;

    use super::*;
    use crate::standin::Settings;

    async fn read_some(connection: &Connection) -> String {
        let mut buffer = [0; 4096];
        loop {
            connection.readable().await.unwrap();
            if let Ok(length) = connection.try_read(&mut buffer) {
                return String::from_utf8_lossy(&buffer[..length]).into_owned();
            }
        }
    }

    #[tokio::test]
    async fn an_open_connection_ends_when_the_door_is_shut() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let world = Arc::new(Mutex::new(World::new(Settings::default())));
        let door = tokio::spawn(serve(listener, world, || SystemTime::UNIX_EPOCH));

        let connection = Connection::connect(address).await.unwrap();
        connection.writable().await.unwrap();
        connection.try_write(b"GET /_standin HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        assert!(read_some(&connection).await.starts_with("HTTP/1.1 200 OK\r\n"));

        door.abort();
        assert_eq!(read_some(&connection).await, "", "the connection is closed");
        assert!(Connection::connect(address).await.is_err(), "nobody listens any more");
    }
}
