//! The answers to SCIM clients (RFC 7644 §3.3 to §3.14).

use serde_json::{Map, Value};

use super::{AnswerRow, Outcome};
use crate::fault::{Fault, Kind};
use crate::http::{Response, SCIM_JSON};

/// What was done for a SCIM client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScimAction {
    /// A resource was made.
    Created,
    /// A document, a resource or a list was read, or a resource changed.
    Shown,
    /// A resource was asked for that the client has already.
    NotModified,
    /// A resource was removed.
    Removed,
}

/// The answer to a SCIM client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScimResponse {
    /// What was done.
    pub action: ScimAction,
    /// The resource or the document; empty where there is none to show.
    pub body: Map<String, Value>,
    /// The same instead, where it is written already.
    pub written: Option<String>,
    /// The resource's version (RFC 7644 §3.14).
    pub etag: Option<String>,
    /// Where the resource is; the same as its `meta.location`.
    pub location: Option<String>,
    /// What came of a write towards Connect.
    pub kept: Option<Outcome>,
    /// Which one resource it is about, if it is one.
    pub about: Option<About>,
}

/// One resource, as the log may name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Its id, by which it is parked too.
    pub id: String,
    /// The owner's hash, of a user.
    pub owner: Option<String>,
    /// The attributes that a write told of a user and that Connect is not given.
    pub left_out: Vec<String>,
    /// What the operator should look at, though the write was done.
    pub warning: Option<&'static str>,
}

impl ScimAction {
    /// The word for the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "scimCreated",
            Self::Shown => "scimShown",
            Self::NotModified => "scimNotModified",
            Self::Removed => "scimRemoved",
        }
    }

    const fn status(self) -> u16 {
        match self {
            Self::Created => 201,
            Self::Shown => 200,
            Self::NotModified => 304,
            Self::Removed => 204,
        }
    }
}

impl ScimResponse {
    /// The answer to a read of something that is no resource of a client's.
    #[must_use]
    pub const fn shown(body: Map<String, Value>) -> Self {
        Self {
            action: ScimAction::Shown,
            body,
            written: None,
            etag: None,
            location: None,
            kept: None,
            about: None,
        }
    }

    /// The answer.
    #[must_use]
    pub fn response(&self) -> Response {
        let has_body = matches!(self.action, ScimAction::Created | ScimAction::Shown);
        let body = has_body.then(|| match &self.written {
            Some(written) => written.clone(),
            None => serde_json::to_string(&self.body).unwrap_or_default(),
        });
        let mut response = Response::new(self.action.status(), body.unwrap_or_default());
        let mut header = |name, value: Option<&String>| {
            if let Some(value) = value {
                response.headers.insert(name, value.clone());
            }
        };
        header("etag", self.etag.as_ref());
        // RFC 7644 shows it after reads and writes too (§3.4.1, §3.5.1); RFC 9110 §8.7 means the other.
        header("location", self.location.as_ref().filter(|_| has_body));
        // RFC 9110 §15.4.5: with a 304 too.
        header("content-location", self.location.as_ref());
        if has_body {
            response.headers.insert("content-type", SCIM_JSON.to_owned());
        }
        response
    }
}

impl Fault {
    /// The answer to a SCIM client.
    #[must_use]
    pub fn scim_response(&self) -> Response {
        if self.kind != Kind::Unauthenticated {
            return self.response();
        }
        let row = AnswerRow::of(self.kind);
        let detail =
            "Authorization: expected a bearer token that is valid here, found no such token";
        let mut response = row.response(&Self::new(self.kind, detail).body(row));
        response.headers.insert("www-authenticate", "Bearer realm=\"SCIM\"".to_owned());
        response
    }
}
