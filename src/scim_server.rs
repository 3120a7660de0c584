//! The SCIM service provider (RFC 7644): SCIM requests ⇄ the roster.
//!
//! Reads never call Connect. The write of a user goes through [`Reconciler`], which writes the
//! roster and then makes Connect follow. A group is kept here alone; the users for whom a change of
//! it makes a difference are left to the drain.

mod blocking;
mod groups;
mod search;
mod render;
mod cache;
mod users;

use std::sync::Arc;
use std::time::Duration;

use blocking::{is_long, run_blocking};
use serde_json::{Map, Value};
use tokio::time::sleep;

use crate::assign::Rules;
use crate::config::scim::Scim;
use crate::deadline::{Clock, Deadline};
use crate::fault::{Fault, Kind};
use crate::http::{MAX_ANSWER, Request, SCIM};
use crate::json::{self, carried_length};
use crate::outcome::resource::ScimResponse;
use crate::reconcile::budget::Budget;
use crate::reconcile::{Reconciler, changed_meanwhile};
use crate::roster::Roster;
use crate::scim::discovery;
use crate::scim::list::{Query, list_response};
use crate::scim::projection::Projection;
use crate::scim::route::{Endpoint, ScimRoute};
use crate::scim::schema::{Limits, ResourceType};
use crate::trust::Verified;
use cache::ResourceCache;

/// Answers SCIM clients by the attribute table and the operator's decisions. One for each process;
/// it holds no resources but a cache of how they were shown.
#[derive(Debug)]
pub struct ScimServer {
    /// The resource type User, with the extensions and what the operator's lists allow.
    users: Arc<ResourceType>,
    /// The resource type Group.
    groups: Arc<ResourceType>,
    /// What Connect takes and what the operator gives, to tell what of a person is left out.
    rules: Rules,
    /// True if what the RFCs forbid is refused; else it is read as it was meant.
    strict: bool,
    /// The URL in front of `/scim/v2` that clients see, if the operator gave one; else the
    /// gateway's.
    public_url: Option<String>,
    /// Users as they were shown lately, as JSON.
    cache: ResourceCache,
}

/// One request with what it may use: the store, the time, and the URL for its locations.
struct ScimCall<'a> {
    reconciler: &'a Reconciler,
    /// The request; that its sender was authenticated is proved by the caller's `Verified`.
    request: &'a Request,
    /// The base URL of all locations, such as `https://x.example/scim/v2`.
    base: Arc<str>,
    clock: Clock,
    /// When the answer must be on its way.
    deadline: Deadline,
}

impl ScimServer {
    /// A service provider with these settings. The schemas are made of the operator's lists, so an
    /// attribute that nobody may set is not there at all.
    #[must_use]
    pub fn new(scim: &Scim, rules: &Rules) -> Self {
        let limits = limits(rules);
        Self {
            users: Arc::new(ResourceType::user(&limits)),
            groups: Arc::new(ResourceType::group()),
            rules: rules.clone(),
            strict: scim.strict,
            public_url: scim.public_url.clone(),
            cache: ResourceCache::default(),
        }
    }

    /// Answers a request of an authenticated client: any method and path below `/scim/v2`.
    ///
    /// # Errors
    /// The fault that stands in the way, for [`Fault::scim_response`] to make a SCIM Error of it
    /// (RFC 7644 §3.12): among others [`Kind::NotFound`], [`Kind::Precondition`] of a version
    /// (§3.14), [`Kind::Uniqueness`], [`Kind::TooMany`] (§3.4.2.2), [`Kind::Conflict`] after too
    /// many overtaken writes. A fault of Connect's is none here: the resource was written, and says
    /// so itself.
    pub async fn answer(
        &self,
        reconciler: &Reconciler,
        request: &Verified<&Request>,
        budget: &mut Budget<'_>,
    ) -> Result<ScimResponse, Fault> {
        let origin = self.public_url.as_ref().or(request.origin.as_ref());
        let base = format!("{}{SCIM}", origin.map(String::as_str).unwrap_or_default()).into();
        let Budget { clock, deadline, .. } = *budget;
        let call = ScimCall { reconciler, request, base, clock, deadline };
        let answer = self.dispatch(&call, budget).await?;
        call.fit(answer)
    }

    /// Path and method → the handler. The futures of reads that are frequent stand here unboxed;
    /// larger ones are on the heap, so that each request does not move the largest of them about.
    async fn dispatch(
        &self,
        call: &ScimCall<'_>,
        budget: &mut Budget<'_>,
    ) -> Result<ScimResponse, Fault> {
        let method = call.request.method.as_str();
        let place = ScimRoute::find(&call.request.path)?;
        place.check(method)?;
        match (place, method) {
            (ScimRoute::All(endpoint), "GET") => {
                let query = Query::of_parameters(&call.request.query)?;
                Box::pin(self.search(call, Some(endpoint), &query)).await
            }
            (ScimRoute::Search(endpoint), _) => {
                let query = Query::of_body(&call.body().await?, self.strict)?;
                Box::pin(self.search(call, endpoint, &query)).await
            }
            (ScimRoute::All(Endpoint::Users), _) => Box::pin(self.create_user(call, budget)).await,
            (ScimRoute::All(Endpoint::Groups), _) => Box::pin(self.create_group(call)).await,
            (ScimRoute::One(Endpoint::Users, id), "GET") => self.read_user(call, &id).await,
            (ScimRoute::One(Endpoint::Users, id), "DELETE") => {
                Box::pin(self.remove_user(call, &id, budget)).await
            }
            (ScimRoute::One(Endpoint::Users, id), _) => {
                Box::pin(self.change_user(call, &id, budget)).await
            }
            (ScimRoute::One(Endpoint::Groups, id), "GET") => self.read_group(call, &id).await,
            (ScimRoute::One(Endpoint::Groups, id), "DELETE") => {
                Box::pin(self.remove_group(call, &id)).await
            }
            (ScimRoute::One(Endpoint::Groups, id), _) => {
                Box::pin(self.change_group(call, &id)).await
            }
            (place, _) => self.discover(call, place),
        }
    }

    /// The discovery endpoints (RFC 7644 §4), written out of the attribute table. They are behind
    /// the same authentication as all others.
    fn discover(&self, call: &ScimCall<'_>, place: ScimRoute) -> Result<ScimResponse, Fault> {
        // RFC 7644 §4: a filter here is refused.
        if call.parameter("filter").is_some() {
            return Err(Fault::new(Kind::Forbidden, NO_FILTER));
        }
        let types = [self.users.as_ref(), self.groups.as_ref()];
        let (all, desired, member) = match place {
            ScimRoute::ResourceTypes(name) => {
                (discovery::resource_types(&types, &call.base), name, "id")
            }
            ScimRoute::Schemas(urn) => (discovery::schemas(&types, &call.base), urn, "id"),
            _ => return Ok(ScimResponse::shown(discovery::service_provider_config(&call.base))),
        };
        let Some(desired) = desired else {
            return Ok(ScimResponse::shown(list_response(all)));
        };
        let is_meant = |document: &Map<String, Value>| {
            let id = document.get(member).and_then(Value::as_str);
            id.is_some_and(|id| id.eq_ignore_ascii_case(&desired))
        };
        let found = all.into_iter().find(is_meant).ok_or_else(not_found)?;
        let location = found.get("meta").and_then(|meta| meta.get("location"));
        let location = location.and_then(Value::as_str).map(str::to_owned);
        Ok(ScimResponse { location, ..ScimResponse::shown(found) })
    }
}

impl ScimCall<'_> {
    /// Whether what is begun now could still be answered.
    pub(crate) fn has_time(&self) -> bool {
        self.deadline.allows_a_call()
    }

    /// The store.
    fn roster(&self) -> &dyn Roster {
        self.reconciler.roster()
    }

    /// A query parameter by its name in any case, unless it is empty.
    fn parameter(&self, name: &str) -> Option<&str> {
        let mut query = self.request.query.iter();
        let value = query.find(|(own, _)| own.eq_ignore_ascii_case(name));
        value.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The attributes that the answer is to have (RFC 7644 §3.9).
    fn projection(&self, types: &ResourceType) -> Projection {
        Projection::parse(self.parameter("attributes"), self.parameter("excludedAttributes"), types)
    }

    /// The body as a JSON object, read strictly: duplicate names and deep nesting are refused. Long
    /// bodies are parsed on a thread of their own.
    async fn body(&self) -> Result<Map<String, Value>, Fault> {
        let body = self.request.body.as_slice();
        if !self.is_long() {
            return read_body(body);
        }
        let body = body.to_vec();
        run_blocking(true, move || read_body(&body)).await
    }

    /// True if the body takes milliseconds to be worked on.
    const fn is_long(&self) -> bool {
        is_long(self.request.body.len(), 0)
    }

    /// Keeps an answer within [`MAX_ANSWER`] bytes as Lambda carries it. A write that succeeded
    /// must not be answered with an error: its answer is cut down to `schemas`, `id` and `meta`, by
    /// which the client can read the resource in parts.
    fn fit(&self, mut answer: ScimResponse) -> Result<ScimResponse, Fault> {
        if carried_length(&answer.body) <= MAX_ANSWER {
            return Ok(answer);
        }
        let is_written = answer.etag.is_some() && self.request.method != "GET";
        if !is_written {
            return Err(Fault::new(Kind::TooMany, TOO_LONG));
        }
        answer.body.retain(|name, _| ["schemas", "id", "meta"].contains(&name.as_str()));
        Ok(answer)
    }

    /// True if the client has this version already (`If-None-Match`, RFC 9110 §13.1.2).
    fn has(&self, etag: &str) -> bool {
        self.request.headers.list("if-none-match").is_some_and(|tags| names(&tags, etag))
    }

    /// Waits before a write that was overtaken is tried again, a little longer each time, so that
    /// writers of the same record do not overtake each other in step.
    ///
    /// # Errors
    /// [`Kind::Conflict`] if that would take more than the time that is left.
    async fn back_off(&self, tries: u32) -> Result<(), Fault> {
        let rest = PAUSE.saturating_mul(tries);
        if !self.deadline.allows_a_call_after(rest) {
            return Err(changed_meanwhile());
        }
        sleep(rest).await;
        Ok(())
    }

    /// Refuses a write that is meant for another version (`If-Match` and `If-None-Match`, RFC 9110
    /// §13.1).
    fn check_version(&self, etag: &str) -> Result<(), Fault> {
        match self.request.headers.list("if-match") {
            Some(tags) if !names(&tags, etag) => Err(Fault::new(Kind::Precondition, STALE)),
            _ if self.has(etag) => Err(Fault::new(Kind::Precondition, NOT_WANTED)),
            _ => Ok(()),
        }
    }
}

/// Bytes → the object that a SCIM body has to be.
fn read_body(body: &[u8]) -> Result<Map<String, Value>, Fault> {
    // RFC 8259 §8.1: it may be passed over, and some of .NET's writers set one.
    match json::read(body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body))? {
        Value::Object(body) => Ok(body),
        other => Err(Fault::new(
            Kind::InvalidSyntax,
            format!("body: expected an object, found {}", json::describe(&other)),
        )),
    }
}

/// True if a list of entity tags names this one, or any by `*`. Compared weakly, as RFC 9110
/// §8.8.3.2 has it, and with or without quotes and `W/`: clients leave them out.
fn names(tags: &str, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").trim_matches('"').to_owned();
    let own = opaque(etag);
    tags.trim() == "*" || tags.split(',').any(|tag| opaque(tag) == own)
}

/// The entity tag for a counted version: weak (RFC 9110 §8.8.1), since `provisioning` may differ
/// while it stays.
fn etag(edition: u64) -> String {
    format!("W/\"{edition}\"")
}

/// What a payload may name, as `/Schemas` publishes it in `canonicalValues`.
fn limits(rules: &Rules) -> Limits {
    let allowed = &rules.allowed;
    Limits {
        routing_profiles: render::names(&allowed.routing_profiles),
        security_profiles: render::names(&allowed.security_profiles),
        hierarchy_groups: render::names(&allowed.hierarchy_groups),
        directory: rules.identity.directory_user_id,
    }
}

/// A 404: there is no such resource, or the person is gone or on the way out.
fn not_found() -> Fault {
    Fault::new(Kind::NotFound, "id: expected that of a resource that is here, found another")
}

/// The most attempts at a write that others overtake, before the client is told 409.
const TRIES: u32 = 64;

/// The pause before the second attempt; before the third it is twice as long, and so on.
const PAUSE: Duration = Duration::from_millis(5);

/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The detail of a 403: discovery takes no filter.
const NO_FILTER: &str = "filter: expected none here (RFC 7644, section 4), found one";

/// The detail for an answer that is longer than Lambda gives back.
const TOO_LONG: &str = "the answer would be longer than 4 MiB, which is more than AWS Lambda gives \
    back; ask for less of it, by excludedAttributes=members or attributes";

/// The detail of a 412 by `If-None-Match`.
const NOT_WANTED: &str =
    "If-None-Match: expected none of the version that the resource has now, found it";

/// The detail of a 412 by `If-Match`.
const STALE: &str = "If-Match: expected the version that the resource has now, found another; read \
    it again";
