//! SCIM requests ⇄ the roster: what a client asks for, read or written.
//!
//! Reads never call Connect. A write of a user goes by way of [`Reconciler`], which writes the roster and
//! then makes Connect follow; a group is kept here alone, and the users whom a change of it concerns
//! are left to the drain.

mod aside;
mod groups;
mod search;
mod shown;
mod written;
mod users;

use std::sync::Arc;
use std::time::Duration;

use aside::{aside, is_long};
use serde_json::{Map, Value};
use tokio::time::sleep;

use crate::assign::Rules;
use crate::config::scim::Scim;
use crate::deadline::{Clock, Deadline};
use crate::fault::{Fault, Kind};
use crate::http::{MAX_ANSWER, Request, SCIM};
use crate::json::{self, carried_length};
use crate::outcome::resource::Answer;
use crate::reconcile::budget::Budget;
use crate::reconcile::{Reconciler, changed_meanwhile};
use crate::roster::Roster;
use crate::scim::discovery;
use crate::scim::list::{Query, list_response};
use crate::scim::place::{Endpoint, Place};
use crate::scim::projection::Projection;
use crate::scim::schema::{Limits, ResourceType};
use crate::trust::Verified;
use written::Written;

/// What SCIM clients may ask for here.
#[derive(Debug)]
pub struct Directory {
    users: Arc<ResourceType>,
    groups: Arc<ResourceType>,
    rules: Rules,
    strict: bool,
    public_url: Option<String>,
    written: Written,
}

/// One request, and what it may use.
struct Asked<'a> {
    reconciler: &'a Reconciler,
    request: &'a Request,
    /// `https://x.example/scim/v2`.
    base: Arc<str>,
    clock: Clock,
    deadline: Deadline,
}

impl Directory {
    /// Speaks SCIM as the operator decided.
    #[must_use]
    pub fn new(scim: &Scim, rules: &Rules) -> Self {
        let limits = limits(rules);
        Self {
            users: Arc::new(ResourceType::user(&limits)),
            groups: Arc::new(ResourceType::group()),
            rules: rules.clone(),
            strict: scim.strict,
            public_url: scim.public_url.clone(),
            written: Written::default(),
        }
    }

    /// Answers a client that proved who it is.
    ///
    /// # Errors
    /// Whatever stands in the way; [`Fault::scim_response`] tells the client.
    pub async fn answer(
        &self,
        reconciler: &Reconciler,
        request: &Verified<&Request>,
        budget: &mut Budget<'_>,
    ) -> Result<Answer, Fault> {
        let front = self.public_url.as_ref().or(request.front.as_ref());
        let base = format!("{}{SCIM}", front.map(String::as_str).unwrap_or_default()).into();
        let Budget { clock, deadline, .. } = *budget;
        let asked = Asked { reconciler, request, base, clock, deadline };
        let answer = self.dispatch(&asked, budget).await?;
        asked.fit(answer)
    }

    /// What a read needs stands here; what is larger is on the heap, so that reads do not move it about.
    async fn dispatch(&self, asked: &Asked<'_>, budget: &mut Budget<'_>) -> Result<Answer, Fault> {
        let method = asked.request.method.as_str();
        let place = Place::find(&asked.request.path)?;
        place.check(method)?;
        match (place, method) {
            (Place::All(endpoint), "GET") => {
                let query = Query::of_parameters(&asked.request.query)?;
                Box::pin(self.search(asked, Some(endpoint), &query)).await
            }
            (Place::Search(endpoint), _) => {
                let query = Query::of_body(&asked.body().await?, self.strict)?;
                Box::pin(self.search(asked, endpoint, &query)).await
            }
            (Place::All(Endpoint::Users), _) => Box::pin(self.create_user(asked, budget)).await,
            (Place::All(Endpoint::Groups), _) => Box::pin(self.create_group(asked)).await,
            (Place::One(Endpoint::Users, id), "GET") => self.read_user(asked, &id).await,
            (Place::One(Endpoint::Users, id), "DELETE") => {
                Box::pin(self.remove_user(asked, &id, budget)).await
            }
            (Place::One(Endpoint::Users, id), _) => {
                Box::pin(self.change_user(asked, &id, budget)).await
            }
            (Place::One(Endpoint::Groups, id), "GET") => self.read_group(asked, &id).await,
            (Place::One(Endpoint::Groups, id), "DELETE") => {
                Box::pin(self.remove_group(asked, &id)).await
            }
            (Place::One(Endpoint::Groups, id), _) => Box::pin(self.change_group(asked, &id)).await,
            (place, _) => self.discover(asked, place),
        }
    }

    /// What the attribute table says of itself.
    fn discover(&self, asked: &Asked<'_>, place: Place) -> Result<Answer, Fault> {
        // RFC 7644 §4: a filter here is refused.
        if asked.parameter("filter").is_some() {
            return Err(Fault::new(Kind::Forbidden, NO_FILTER));
        }
        let types = [self.users.as_ref(), self.groups.as_ref()];
        let (all, wanted, member) = match place {
            Place::ResourceTypes(name) => {
                (discovery::resource_types(&types, &asked.base), name, "id")
            }
            Place::Schemas(urn) => (discovery::schemas(&types, &asked.base), urn, "id"),
            _ => return Ok(Answer::shown(discovery::service_provider_config(&asked.base))),
        };
        let Some(wanted) = wanted else {
            return Ok(Answer::shown(list_response(all)));
        };
        let is_meant = |document: &Map<String, Value>| {
            let id = document.get(member).and_then(Value::as_str);
            id.is_some_and(|id| id.eq_ignore_ascii_case(&wanted))
        };
        let found = all.into_iter().find(is_meant).ok_or_else(not_found)?;
        let location = found.get("meta").and_then(|meta| meta.get("location"));
        let location = location.and_then(Value::as_str).map(str::to_owned);
        Ok(Answer { location, ..Answer::shown(found) })
    }
}

impl Asked<'_> {
    fn roster(&self) -> &dyn Roster {
        self.reconciler.roster()
    }

    /// A query parameter by its name in any case, unless it is empty.
    fn parameter(&self, name: &str) -> Option<&str> {
        let mut query = self.request.query.iter();
        let value = query.find(|(own, _)| own.eq_ignore_ascii_case(name));
        value.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Which attributes the answer shall have.
    fn projection(&self, types: &ResourceType) -> Projection {
        Projection::read(self.parameter("attributes"), self.parameter("excludedAttributes"), types)
    }

    /// The body, which is an object.
    async fn body(&self) -> Result<Map<String, Value>, Fault> {
        let body = self.request.body.as_slice();
        if !self.is_long() {
            return read_body(body);
        }
        let body = body.to_vec();
        aside(true, move || read_body(&body)).await
    }

    /// Whether it is long work to take in what was sent.
    const fn is_long(&self) -> bool {
        is_long(self.request.body.len(), 0)
    }

    /// Keeps an answer within what Lambda takes back. What was written is written: who wrote it learns
    /// where it is, and may read it in parts.
    fn fit(&self, mut answer: Answer) -> Result<Answer, Fault> {
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

    /// Whether the client has this version already.
    fn has(&self, etag: &str) -> bool {
        self.request.headers.list("if-none-match").is_some_and(|tags| names(&tags, etag))
    }

    /// Gives way for a moment to whoever writes the same record, as long as there is time.
    async fn give_way(&self, tries: u32) -> Result<(), Fault> {
        let rest = PAUSE.saturating_mul(tries);
        if !self.deadline.allows_a_call_after(rest) {
            return Err(changed_meanwhile());
        }
        sleep(rest).await;
        Ok(())
    }

    /// Refuses a write that is meant for another version (RFC 9110 §13.1).
    fn check_version(&self, etag: &str) -> Result<(), Fault> {
        match self.request.headers.list("if-match") {
            Some(tags) if !names(&tags, etag) => Err(Fault::new(Kind::Precondition, STALE)),
            _ if self.has(etag) => Err(Fault::new(Kind::Precondition, NOT_WANTED)),
            _ => Ok(()),
        }
    }
}

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

/// Whether a list of entity tags names one, or any (RFC 9110 §8.8.3.2, weak comparison).
fn names(tags: &str, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").trim_matches('"').to_owned();
    let own = opaque(etag);
    tags.trim() == "*" || tags.split(',').any(|tag| opaque(tag) == own)
}

/// The entity tag of a resource that clients changed so often.
fn etag(edition: u64) -> String {
    format!("W/\"{edition}\"")
}

/// What the operator lets a payload name, as `/Schemas` publishes it.
fn limits(rules: &Rules) -> Limits {
    let allowed = &rules.allowed;
    Limits {
        routing_profiles: shown::names(&allowed.routing_profiles),
        security_profiles: shown::names(&allowed.security_profiles),
        hierarchy_groups: shown::names(&allowed.hierarchy_groups),
        directory: rules.identity.directory_user_id,
    }
}

fn not_found() -> Fault {
    Fault::new(Kind::NotFound, "id: expected that of a resource that is here, found another")
}

/// A write that was overtaken is tried again this often.
const TRIES: u32 = 64;

/// Before the second time; before the third twice as long, and so on.
const PAUSE: Duration = Duration::from_millis(5);

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

const NO_FILTER: &str = "filter: expected none here (RFC 7644, section 4), found one";

const TOO_LONG: &str = "the answer would be longer than 4 MiB, which is more than AWS Lambda gives \
    back; ask for less of it, by excludedAttributes=members or attributes";

const NOT_WANTED: &str =
    "If-None-Match: expected none of the version that the resource has now, found it";

const STALE: &str = "If-Match: expected the version that the resource has now, found another; read \
    it again";
