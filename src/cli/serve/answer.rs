//! Answers HTTP requests of `serve` directly, without a gateway and a Lambda event.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_LENGTH, HeaderValue};
use hyper::{HeaderMap, StatusCode};
use tokio::time::timeout;

use super::metrics::Meter;
use super::{Responder, TIME, secrets};
use crate::cli::{lines, now};
use crate::decision::Invocation;
use crate::fault::{Fault, Kind};
use crate::http::{Headers, Preference, Request, Response, too_large};
use crate::lambda;
use crate::log::EventLog;
use crate::provisioner::Provisioner;
use crate::roster::RosterError;
use crate::server::body::{self, BodyError};
use crate::server::host;

/// The time limit of a request. Connect calls time out earlier, so what remains is a slow disk
/// under the roster's file. Whether the write succeeded is then unknown, and the sender is asked to
/// retry.
const LONGEST: Duration = Duration::from_secs(30);

/// The handler of requests.
pub(super) struct Handler {
    pub(super) responder: Responder,
    pub(super) meter: Arc<Meter>,
    /// The variables whose values are publicly known.
    pub(super) known: Vec<String>,
    /// The time limit for reading a body.
    pub(super) body: Duration,
}

impl Handler {
    /// Answers a request, logs it and counts it.
    pub(super) async fn answer(
        self: Arc<Self>,
        request: hyper::Request<Incoming>,
    ) -> hyper::Response<Full<Bytes>> {
        let provisioner = self.responder.provisioner();
        let arrival = now();
        let mut log = EventLog::default();
        let mut preference = Preference::default();
        let response = match self.read(request, &mut preference, &mut log).await {
            Ok(request) => {
                let responding = provisioner.respond(&request, invocation(), &mut log);
                match timeout(LONGEST, responding).await {
                    Ok(response) => response,
                    Err(_) => {
                        let silent = RosterError::Unknown("no answer in time".to_owned());
                        Provisioner::refuse(&request, silent.into(), &mut log)
                    }
                }
            }
            Err(ReadError::Refused(response)) => response,
            Err(ReadError::Incomplete(status)) => {
                self.meter.answered(status.as_u16());
                return bare(status);
            }
        };
        log.took(now().duration_since(arrival).unwrap_or_default());
        for line in log.lines(provisioner.config().log_level) {
            self.meter.said(&line);
            lines::log(&line);
        }
        self.meter.note(&log);
        self.meter.answered(response.status);
        written(preference.apply(response))
    }

    /// Reads the whole request, if its sender is admitted.
    async fn read(
        &self,
        request: hyper::Request<Incoming>,
        preference: &mut Preference,
        log: &mut EventLog,
    ) -> Result<Request, ReadError> {
        let provisioner = self.responder.provisioner();
        let config = provisioner.config();
        let (method, uri) = (request.method().as_str(), request.uri());
        let query = uri.query().unwrap_or_default();
        let headers = headers(request.headers());
        let head;
        (head, *preference) =
            Request::direct(method, uri.path(), query, headers, &config.base_path);
        let is_open = secrets::is_open(&self.known, config, &head.path);
        let is_foreign = is_open && !host::is_this_machine(request.headers());
        // Without a body, the sender is authenticated only once, with the request itself.
        if !is_foreign && body::is_none(&request)? {
            return Ok(head);
        }
        let admitted = if is_foreign {
            Err(Provisioner::refuse(&head, foreign_host(), log))
        } else {
            provisioner.admit(&head, invocation(), log).await
        };
        let most = match admitted {
            Ok(most) => most,
            Err(response) => {
                body::leave(request);
                return Err(ReadError::Refused(response));
            }
        };
        match body::read(request, most, self.body).await.1 {
            Ok(body) => Ok(Request { body, ..head }),
            Err(BodyError::TooLarge) => {
                let fault = too_large(&head.path);
                Err(ReadError::Refused(Provisioner::refuse(&head, fault, log)))
            }
            Err(cut) => Err(cut.into()),
        }
    }
}

/// Why there is no request to answer.
enum ReadError {
    /// Refused, with this answer.
    Refused(Response),
    /// Incomplete; answered with this status and nothing else.
    Incomplete(StatusCode),
}

impl From<BodyError> for ReadError {
    fn from(cut: BodyError) -> Self {
        Self::Incomplete(match cut {
            BodyError::TimedOut => StatusCode::REQUEST_TIMEOUT,
            BodyError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            // The client is gone, so the status does not matter.
            BodyError::Disconnected => StatusCode::BAD_REQUEST,
        })
    }
}

/// The fault for a foreign `Host`. A web page that binds its own name to this machine's address
/// (DNS rebinding) knows the demo's secrets too.
fn foreign_host() -> Fault {
    let detail = "Host: expected localhost or a loopback address, since everybody knows the secret \
        for this path, found another; set a secret of your own";
    Fault::new(Kind::Forbidden, detail)
}

fn invocation() -> Invocation {
    Invocation { now: now(), time_left: TIME, random: lambda::random() }
}

fn headers(headers: &HeaderMap) -> Headers {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str(), text(value))).collect()
}

fn written(response: Response) -> hyper::Response<Full<Bytes>> {
    let mut written = hyper::Response::builder().status(response.status);
    for (name, value) in response.headers {
        written = written.header(name, value);
    }
    if let Some(length) = response.left_out {
        written = written.header(CONTENT_LENGTH, length);
    }
    let written = written.body(Full::from(response.body));
    written.unwrap_or_else(|_| bare(StatusCode::INTERNAL_SERVER_ERROR))
}

fn bare(status: StatusCode) -> hyper::Response<Full<Bytes>> {
    let mut response = hyper::Response::new(Full::default());
    *response.status_mut() = status;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
