//! A client of the admin endpoint of a running `serve`.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, HOST};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::control::{BELOW, NAMES, PATH, RequeueRequest};
use crate::cli::operator::{self, Address};
use crate::config::of_process;

/// The time limit for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A client of one admin endpoint.
pub(super) struct AdminClient(Address);

impl AdminClient {
    /// The client for the `serve` at this URL on this machine.
    pub(super) fn of(url: &str) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|error| format!("{url}: {error}"))?;
        if uri.scheme_str() != Some("http") || uri.host().is_none() {
            return Err(format!("{url}: expected a URL such as {}", crate::cli::serve::URL));
        }
        let address = operator::find(&of_process(), uri.port_u16().unwrap_or(80));
        let address = address.map_err(|problem| {
            format!(
                "{url}: no door of a serve's of yours is known there ({problem}); is serve running \
                 there? It says at its start in which file its door is: --door FILE"
            )
        })?;
        Ok(Self(address))
    }

    /// The client for the endpoint in this address file.
    pub(super) fn in_file(path: &Path) -> Result<Self, String> {
        operator::read(path).map(Self)
    }

    /// Counts and records of the roster.
    pub(super) async fn state(&self, names: bool) -> Result<Value, Box<dyn Error>> {
        let path = if names { format!("{PATH}?{NAMES}") } else { PATH.to_owned() };
        self.ask(Method::GET, &path, String::new()).await
    }

    /// The record of this id, if it exists.
    pub(super) async fn record(
        &self,
        id: &str,
        names: bool,
    ) -> Result<Option<Value>, Box<dyn Error>> {
        if !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Ok(None);
        }
        let query = if names { format!("?{NAMES}") } else { String::new() };
        let path = format!("{BELOW}{id}{query}");
        let (status, document) = self.tell(Method::GET, &path, String::new()).await?;
        let is_there = status != StatusCode::NOT_FOUND;
        is_there.then(|| self.read(status, document)).transpose()
    }

    /// Requeues records.
    pub(super) async fn change(&self, change: &RequeueRequest) -> Result<Value, Box<dyn Error>> {
        self.ask(Method::PUT, PATH, serde_json::to_string(change)?).await
    }

    async fn ask(&self, method: Method, path: &str, body: String) -> Result<Value, Box<dyn Error>> {
        let (status, document) = self.tell(method, path, body).await?;
        self.read(status, document)
    }

    async fn tell(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<(StatusCode, Option<Value>), Box<dyn Error>> {
        let answered = timeout(PATIENCE, self.exchange(method, path, body)).await;
        answered.map_err(|_| format!("{}: no answer in time", self.0.door))?
    }

    fn read(&self, status: StatusCode, document: Option<Value>) -> Result<Value, Box<dyn Error>> {
        let url = &self.0.door;
        if status.is_success() {
            let document = document.ok_or("expected JSON, found something else");
            return Ok(document.map_err(|problem| format!("{url}: {problem}"))?);
        }
        let detail = document.as_ref().and_then(|document| document.get("detail")?.as_str());
        let detail = detail.map(str::to_owned);
        Err(detail.unwrap_or_else(|| format!("{url}: found status {status}")).into())
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<(StatusCode, Option<Value>), Box<dyn Error>> {
        let Address { door, token, serves } = &self.0;
        let uri: Uri = door.parse().map_err(|error| format!("{door}: {error}"))?;
        let host = uri.authority().map(ToString::to_string).unwrap_or_default();
        let stream = TcpStream::connect(&*host)
            .await
            .map_err(|error| format!("{serves}: {door}: {error}; is serve running there?"))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, host)
            .header(AUTHORIZATION, format!("Bearer {token}"));
        let response = sender.send_request(request.body(Full::<Bytes>::from(body))?).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        connection.abort();
        Ok((head.status, serde_json::from_slice(&body).ok()))
    }
}
