//! A question to a running `serve`.

use std::error::Error;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::control::{Change, PATH};

/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the roster of the `serve` at this URL holds.
pub(super) async fn state(url: &str) -> Result<Value, Box<dyn Error>> {
    ask(url, Method::GET, String::new()).await
}

/// Changes it.
pub(super) async fn change(url: &str, change: &Change) -> Result<Value, Box<dyn Error>> {
    ask(url, Method::PUT, serde_json::to_string(change)?).await
}

async fn ask(url: &str, method: Method, body: String) -> Result<Value, Box<dyn Error>> {
    let answered = timeout(PATIENCE, exchange(url, method, body)).await;
    let (status, document) = answered.map_err(|_| format!("{url}: no answer in time"))??;
    if status.is_success() {
        return Ok(document.ok_or_else(|| format!("{url}: expected JSON, found something else"))?);
    }
    let detail = document.as_ref().and_then(|document| document.get("detail")?.as_str());
    Err(match detail.filter(|_| document.as_ref().is_some_and(is_ours)) {
        Some(detail) => detail.to_owned(),
        None => format!(
            "{url}: expected a serve with a roster that listens on this machine alone, found \
             status {status}"
        ),
    }
    .into())
}

/// Whether an error is the roster's, and not the function's, which knows no such path.
fn is_ours(document: &Value) -> bool {
    document.get("schemas").is_none()
}

async fn exchange(
    url: &str,
    method: Method,
    body: String,
) -> Result<(StatusCode, Option<Value>), Box<dyn Error>> {
    let uri: Uri = url.parse().map_err(|error| format!("{url}: {error}"))?;
    let (Some("http"), Some(host)) = (uri.scheme_str(), uri.host()) else {
        return Err(format!("{url}: expected a URL such as {}", crate::cli::serve::URL).into());
    };
    let address = (host.trim_matches(['[', ']']), uri.port_u16().unwrap_or(80));
    let stream = TcpStream::connect(address)
        .await
        .map_err(|error| format!("{url}: {error}; is serve running there?"))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let host = uri.authority().map(ToString::to_string).unwrap_or_default();
    let request = Request::builder().method(method).uri(PATH).header(HOST, host);
    let response = sender.send_request(request.body(Full::<Bytes>::from(body))?).await?;
    let (head, body) = response.into_parts();
    let body = body.collect().await?.to_bytes();
    connection.abort();
    Ok((head.status, serde_json::from_slice(&body).ok()))
}
