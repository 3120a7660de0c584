//! Reads request bodies, with a limit on length and time.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::Request;
use hyper::body::{Body as _, Incoming};
use hyper::header::EXPECT;
use hyper::http::Extensions;
use hyper::http::request::Parts;
use tokio::time::timeout;

use super::connections::Connection;

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// The client disconnected or was evicted.
    Disconnected,
    /// The body did not arrive in time.
    TimedOut,
    /// The body is longer than permitted.
    TooLarge,
}

/// How long, and how many bytes of, an unread body is drained. Closing a connection on which the
/// client still sends resets it, and the client may lose the answer (RFC 9112 §9.6).
const PATIENCE: (Duration, usize) = (Duration::from_secs(5), 64 << 20);

/// Reads a body of at most `most` bytes within `time`. A body whose `Content-Length` is larger is
/// refused before any of it is read.
pub async fn read(
    request: Request<Incoming>,
    most: usize,
    time: Duration,
) -> (Parts, Result<Vec<u8>, BodyError>) {
    let (head, mut body) = request.into_parts();
    let claimed = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let read = if claimed > most {
        Err(BodyError::TooLarge)
    } else {
        timeout(time, collect(&mut body, claimed, most)).await.unwrap_or(Err(BodyError::TimedOut))
    };
    if matches!(read, Err(BodyError::TooLarge)) {
        pass_over(&head, body);
    }
    let read = read.and_then(|bytes| told(&head.extensions).map(|()| bytes));
    (head, read)
}

/// True if a request has no body, and so is complete.
///
/// # Errors
/// [`BodyError::Disconnected`] if the connection was evicted.
pub fn is_none(request: &Request<Incoming>) -> Result<bool, BodyError> {
    if !request.body().is_end_stream() {
        return Ok(false);
    }
    told(request.extensions()).map(|()| true)
}

/// Marks the request as complete; fails if the connection was evicted.
fn told(extensions: &Extensions) -> Result<(), BodyError> {
    let connection = extensions.get::<Connection>();
    let is_late = connection.is_some_and(|connection| !connection.has_told());
    if is_late { Err(BodyError::Disconnected) } else { Ok(()) }
}

/// Leaves a body unread.
///
/// It is drained in the background up to a limit, so that the client can read the answer. A client
/// that sent `Expect: 100-continue` has not started its body and learns from the answer not to (RFC
/// 9110 §10.1.1).
pub fn leave(request: Request<Incoming>) -> Parts {
    let (head, body) = request.into_parts();
    pass_over(&head, body);
    head
}

async fn collect(body: &mut Incoming, claimed: usize, most: usize) -> Result<Vec<u8>, BodyError> {
    let mut bytes = Vec::with_capacity(claimed);
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Err(BodyError::Disconnected) };
        let Some(data) = frame.data_ref() else { continue };
        if bytes.len().saturating_add(data.len()) > most {
            return Err(BodyError::TooLarge);
        }
        bytes.extend_from_slice(data);
    }
    Ok(bytes)
}

fn pass_over(head: &Parts, mut body: Incoming) {
    if body.is_end_stream() || head.headers.contains_key(EXPECT) {
        return;
    }
    let (time, most) = PATIENCE;
    let passing = async move {
        let mut passed: usize = 0;
        while let Some(Ok(frame)) = body.frame().await {
            passed = passed.saturating_add(frame.data_ref().map_or(0, |data| data.len()));
            if passed > most {
                break;
            }
        }
    };
    tokio::spawn(timeout(time, passing));
}
