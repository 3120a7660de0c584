//! `http::Request` → `Call`: the path's labels, the query and the body of one operation.

use std::time::SystemTime;

use hyper::Request;
use hyper::body::Bytes;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use super::api_error::{ApiError, ErrorCode};

/// One request to one operation, at one moment.
pub(super) struct Call<'r> {
    /// When it arrived.
    pub(super) now: SystemTime,
    labels: Vec<(&'static str, String)>,
    query: Vec<(String, String)>,
    body: &'r [u8],
}

impl<'r> Call<'r> {
    /// Reads `request` by a path template of the service model (`/users/{InstanceId}`); `None` if
    /// its path has another form.
    pub(super) fn read(
        request: &'r Request<Bytes>,
        template: &'static str,
        now: SystemTime,
    ) -> Option<Self> {
        Some(Self {
            now,
            labels: labels(template, request.uri().path())?,
            query: query(request.uri().query().unwrap_or_default()),
            body: request.body(),
        })
    }

    /// The decoded segment that stands for `{name}`, if the template has one.
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a query parameter, in order.
    pub(super) fn parameters(&self, name: &str) -> impl Iterator<Item = &str> {
        self.query.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as the JSON document that the operation takes.
    ///
    /// # Errors
    /// `SerializationException` for what is not JSON or has a member of the wrong type.
    pub(super) fn document<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        serde_json::from_slice(self.body)
            .map_err(|error| ErrorCode::Serialization.because(error.to_string()))
    }
}

/// What stands for each `{name}` of the template. Segments are decoded after the path is split:
/// a user's ARN is one segment, although it holds slashes.
fn labels(template: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
    let mut labels = Vec::new();
    let mut segments = path.split('/');
    for expected in template.split('/') {
        let segment = segments.next()?;
        match expected.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => labels.push((name, decoded(segment))),
            None if segment == expected => {}
            None => return None,
        }
    }
    segments.next().is_none().then_some(labels)
}

fn query(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str) -> Request<Bytes> {
        Request::builder().uri(uri).body(Bytes::new()).unwrap()
    }

    #[test]
    fn an_encoded_arn_is_one_segment() {
        let request = request("/tags/arn%3Aaws%3Aconnect%2Fagent%2F1?tagKeys=a%26b&x&tagKeys=c+d");

        let call = Call::read(&request, "/tags/{resourceArn}", SystemTime::UNIX_EPOCH).unwrap();

        assert_eq!(call.label("resourceArn"), Some("arn:aws:connect/agent/1"));
        assert_eq!(call.label("InstanceId"), None);
        assert_eq!(call.parameters("tagKeys").collect::<Vec<_>>(), ["a&b", "c+d"]);
    }

    #[test]
    fn a_path_fits_one_template_only() {
        let cases = [
            ("/users/i", true),
            ("/users/", true),
            ("/users", false),
            ("/users/i/u", false),
            ("/users/i/", false),
            ("/usersx/i", false),
            ("//users/i", false),
        ];
        for (path, fits) in cases {
            assert_eq!(labels("/users/{InstanceId}", path).is_some(), fits, "{path}");
        }
    }
}
