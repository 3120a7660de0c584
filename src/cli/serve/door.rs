//! The admin endpoint: a second listener, on this machine only, protected by a token.
//!
//! | path | |
//! |---|---|
//! | `/_roster` and below | [records](control), and requeueing them |
//! | `/metrics` | [`super::metrics`] for monitoring |
//!
//! A proxy for the main listener does not reach it. A request that passed any proxy is refused by
//! the headers that proxies add.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::Mutex;

use super::metrics::{self, Meter};
use crate::cli::now;
use crate::cli::parked::control;
use crate::hex;
use crate::http::{Headers, Request as OurRequest};
use crate::lambda;
use crate::reconcile::Reconciler;
use crate::roster::RosterError;
use crate::roster::parked::Counts;
use crate::server::{Gauge, ServerLimits, body, host};
use crate::trust::Source;
use crate::trust::scheme::BEARER;

/// The largest request body, in bytes.
const LARGEST_BODY: usize = 1 << 20;

/// For how long counts of the roster are cached: counting reads every record.
const FRESH: Duration = Duration::from_secs(5);

/// The state of the admin endpoint.
pub(super) struct AdminEndpoint {
    source: Source,
    reconciler: Option<Arc<Reconciler>>,
    meter: Arc<Meter>,
    connections: Gauge,
    counted: Mutex<Option<(SystemTime, Counts)>>,
}

/// The limits of the listener: few connections, for one person and a monitoring system.
pub(super) fn limits(own: ServerLimits) -> ServerLimits {
    ServerLimits { connections: 16, ..own }
}

/// A random token of 256 bits, in hexadecimal digits.
pub(super) fn new_token() -> String {
    hex::write(&[lambda::random(), lambda::random()].concat())
}

impl AdminEndpoint {
    /// An endpoint with this token.
    ///
    /// # Errors
    /// If the token cannot be used as a bearer token.
    pub(super) fn new(
        token: &str,
        reconciler: Option<Arc<Reconciler>>,
        meter: Arc<Meter>,
        connections: Gauge,
    ) -> Result<Self, String> {
        let key = BEARER.key(token).map_err(|unusable| format!("--operator-token: {unusable}"))?;
        let source = Source { name: "operator".to_owned(), scheme: &BEARER, keys: vec![key] };
        Ok(Self { source, reconciler, meter, connections, counted: Mutex::default() })
    }

    pub(super) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Response<Full<Bytes>> {
        if !host::is_this_machine(request.headers()) || host::is_forwarded(request.headers()) {
            body::leave(request);
            let detail =
                "expected a request from this machine that no proxy passed on, found another";
            return control::refused(StatusCode::FORBIDDEN, detail);
        }
        if !self.knows(&request) {
            body::leave(request);
            let detail = "Authorization: expected the operator's token, found none";
            let mut refusal = control::refused(StatusCode::UNAUTHORIZED, detail);
            let bearer = HeaderValue::from_static("Bearer realm=\"operator\"");
            refusal.headers_mut().insert(WWW_AUTHENTICATE, bearer);
            return refusal;
        }
        let path = request.uri().path();
        if path == "/metrics" {
            return match *request.method() {
                Method::GET | Method::HEAD => self.metrics().await,
                _ => control::refused(StatusCode::METHOD_NOT_ALLOWED, "method: expected GET"),
            };
        }
        let is_roster = path == control::PATH || path.starts_with(control::BELOW);
        match &self.reconciler {
            Some(reconciler) if is_roster => {
                let (head, body) = body::read(request, LARGEST_BODY, Duration::from_secs(10)).await;
                match body {
                    Ok(body) => control::answer(reconciler.roster(), &head, &body).await,
                    Err(_) => control::refused(StatusCode::BAD_REQUEST, "body: expected less"),
                }
            }
            None if is_roster => control::refused(
                StatusCode::NOT_FOUND,
                "expected a serve with a roster, found none",
            ),
            _ => {
                let detail = "path: expected /_roster or /metrics, found another";
                control::refused(StatusCode::NOT_FOUND, detail)
            }
        }
    }

    /// True if the request has the token, compared in constant time as for any sender.
    fn knows(&self, request: &Request<Incoming>) -> bool {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = request.headers().iter();
        let headers: Headers = headers.map(|(name, value)| (name.as_str(), text(value))).collect();
        let shown = OurRequest { headers, ..OurRequest::default() };
        self.source.verify(&shown, now()).is_ok()
    }

    async fn metrics(&self) -> Response<Full<Bytes>> {
        let now = now();
        let counts = match &self.reconciler {
            None => None,
            Some(reconciler) => Some(self.counts(reconciler, now).await),
        };
        let paused = match &self.reconciler {
            Some(reconciler) => reconciler.roster().paused().await.ok().flatten().is_some(),
            None => false,
        };
        let text = self.meter.text(&self.connections, counts, paused, now);
        let mut response = Response::new(Full::from(text));
        let kind = HeaderValue::from_static(metrics::CONTENT_TYPE);
        response.headers_mut().insert(CONTENT_TYPE, kind);
        response
    }

    async fn counts(
        &self,
        reconciler: &Reconciler,
        now: SystemTime,
    ) -> Result<Counts, RosterError> {
        // A roster that cannot be written is reported as unavailable.
        reconciler.roster().health()?;
        let mut counted = self.counted.lock().await;
        let is_fresh = |at: &SystemTime| now.duration_since(*at).is_ok_and(|age| age < FRESH);
        if let Some((_, counts)) = counted.as_ref().filter(|(at, _)| is_fresh(at)) {
            return Ok(*counts);
        }
        let counts = reconciler.roster().counts().await?;
        *counted = Some((now, counts));
        Ok(counts)
    }
}
