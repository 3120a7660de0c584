//! Users: POST, GET, PUT, PATCH and DELETE.
//!
//! A change is worked out on a copy of what is kept, and written on condition of the record's
//! version. If somebody else wrote meanwhile, the whole is repeated on the newer record, so no
//! change is lost (last writer wins attribute by attribute for PATCH, and as a whole for PUT).

use std::sync::Arc;

use serde_json::{Map, Value};

use super::blocking::run_blocking;
use super::render::{ACTIVE, Extent, tell_active, with_traces};
use super::{ScimCall, ScimServer, TOO_LONG, TRIES, etag, not_found};
use crate::fault::{Fault, Kind};
use crate::http::MAX_ANSWER;
use crate::outcome::resource::{About, ScimAction, ScimResponse};
use crate::reconcile::budget::Budget;
use crate::reconcile::changed_meanwhile;
use crate::roster::group::Group;
use crate::roster::key::Id;
use crate::roster::record::{DesiredState, UserRecord};
use crate::scim::patch::{self, Operation};
use crate::scim::projection::Projection;
use crate::scim::schema::ResourceType;
use crate::scim::{CONNECT_SCHEMA, Person, resource};

/// What a client wants of a resource that exists.
pub(super) enum Edit {
    /// Operation by operation (RFC 7644 §3.5.2).
    Patch(Vec<Operation>),
    /// The whole of it (RFC 7644 §3.5.1).
    Put(Map<String, Value>),
}

impl ScimServer {
    /// POST (RFC 7644 §3.3): 201 with the resource, also where Connect follows later. The password
    /// is handed on and kept nowhere.
    ///
    /// # Errors
    /// [`Kind::Uniqueness`] for a `userName` that is taken, here or in Connect.
    pub(super) async fn create_user(
        &self,
        call: &ScimCall<'_>,
        budget: &mut Budget<'_>,
    ) -> Result<ScimResponse, Fault> {
        let projection = call.projection(&self.users);
        let kept = call.taken_in(&self.users, self.strict).await?;
        let person = Person::new(kept);
        let (id, made) = call.reconciler.add_person(&person, budget).await?;
        let record = call.written(&id, made.record).await?;
        let mut answer = self.user_answer(call, &record, &projection, made.groups).await?;
        (answer.action, answer.kept) = (ScimAction::Created, Some(made.outcome));
        answer.about = Some(self.about_written(call, &record));
        Ok(answer)
    }

    /// GET of one (RFC 7644 §3.4.1), with 304 for a version that the client has.
    pub(super) async fn read_user(
        &self,
        call: &ScimCall<'_>,
        id: &str,
    ) -> Result<ScimResponse, Fault> {
        let projection = call.projection(&self.users);
        let mut answer = if projection.is_everything() {
            self.written_answer(call, &Id::from_text(id)).await?
        } else {
            let record = call.load_live(&Id::from_text(id)).await?;
            self.user_answer(call, &record, &projection, None).await?
        };
        if answer.etag.as_ref().is_some_and(|etag| call.has(etag)) {
            answer.action = ScimAction::NotModified;
        }
        Ok(answer)
    }

    /// The whole user, for requests without `attributes` and `excludedAttributes`. If the cache has
    /// the text for this version, the record is not even unpacked.
    async fn written_answer(&self, call: &ScimCall<'_>, id: &Id) -> Result<ScimResponse, Fault> {
        let version = call.roster().version(id).await?.ok_or_else(not_found)?;
        let user = self.user_written(call, id, version).await?.ok_or_else(not_found)?;
        if user.carried > MAX_ANSWER {
            return Err(Fault::new(Kind::TooMany, TOO_LONG));
        }
        let (id, owner) = (id.as_str(), Some(user.owner.clone()));
        Ok(ScimResponse {
            written: Some(user.text.clone()),
            etag: Some(etag(user.etag)),
            location: Some(self.location(call, &self.users, id)),
            about: Some(About { id: id.to_owned(), owner, ..About::default() }),
            ..ScimResponse::shown(Map::new())
        })
    }

    /// PUT and PATCH (RFC 7644 §3.5): 200 with the resource. If it comes out as it was, nothing is
    /// written but the time, and Connect is asked only where it does not follow.
    ///
    /// # Errors
    /// Those of the edit, of `If-Match`, and [`Kind::Uniqueness`]; [`Kind::Conflict`] after
    /// [`TRIES`] overtaken writes.
    pub(super) async fn change_user(
        &self,
        call: &ScimCall<'_>,
        id: &str,
        budget: &mut Budget<'_>,
    ) -> Result<ScimResponse, Fault> {
        let projection = call.projection(&self.users);
        let edit = Edit::read(call, &self.users, self.strict).await?;
        for tries in 1..=TRIES {
            let known = call.load_live(&Id::from_text(id)).await?;
            // In each attempt: a write that overtook us may have made the client's condition false.
            call.check_version(&etag(known.spec.etag))?;
            let former = self.stated(&known);
            let mut kept = edit.applied(call, &self.users, former.clone(), self.strict).await?;
            // A PUT without `active` leaves access as it is: reading silence as true would let in
            // somebody who is suspended.
            if matches!(*edit, Edit::Put(_)) {
                tell_active(&mut kept, &known);
            }
            // Who has no reason to work is shown so already; that the client says it too keeps them out
            // when they get one.
            let mut says_inactive = false;
            if known.lacks_reason() {
                let mut working = former.clone();
                working.insert(ACTIVE.to_owned(), true.into());
                let edited = edit.applied(call, &self.users, working, self.strict).await?;
                says_inactive = edited.get(ACTIVE) == Some(&Value::Bool(false));
            }
            let is_told = kept != former || says_inactive;
            let person = is_told.then(|| Person::new(with_traces(kept, &known)));
            if let Some(changed) =
                call.reconciler.change_person(&known, person, says_inactive, budget).await?
            {
                let record = call.written(&known.id, changed.record).await?;
                let answer = self.user_answer(call, &record, &projection, changed.groups).await?;
                let about = Some(self.about_written(call, &record));
                return Ok(ScimResponse { kept: Some(changed.outcome), about, ..answer });
            }
            call.back_off(tries).await?;
        }
        Err(changed_meanwhile())
    }

    /// DELETE (RFC 7644 §3.6): 204, also where Connect follows later. From then on the id is a 404.
    pub(super) async fn remove_user(
        &self,
        call: &ScimCall<'_>,
        id: &str,
        budget: &mut Budget<'_>,
    ) -> Result<ScimResponse, Fault> {
        for tries in 1..=TRIES {
            let known = call.load_live(&Id::from_text(id)).await?;
            call.check_version(&etag(known.spec.etag))?;
            if let Some(removed) = call.reconciler.remove_person(&known, budget).await? {
                // At once, also where the rest is left to the drain: a group that is read next must
                // not list a member that is a 404.
                call.reconciler.leave_groups(&known.id, call.clock).await?;
                let answer =
                    ScimResponse { about: Some(about(&known)), ..ScimResponse::shown(Map::new()) };
                return Ok(ScimResponse {
                    action: ScimAction::Removed,
                    kept: Some(removed.outcome),
                    ..answer
                });
            }
            call.back_off(tries).await?;
        }
        Err(changed_meanwhile())
    }

    /// The answer with a user as the projection wants it. Groups are read only if they are shown
    /// and not in hand.
    async fn user_answer(
        &self,
        call: &ScimCall<'_>,
        record: &UserRecord,
        projection: &Projection,
        groups: Option<Vec<Group>>,
    ) -> Result<ScimResponse, Fault> {
        let extent = Extent::desired(projection, "groups");
        let body = self.user_of_groups(call, record, extent, groups).await?;
        let location = self.location(call, &self.users, record.id.as_str());
        let (etag, location) = (Some(etag(record.spec.etag)), Some(location));
        let about = Some(about(record));
        Ok(ScimResponse { etag, location, about, ..ScimResponse::shown(projection.apply(body)) })
    }

    /// For the log: which user was written, and which attributes Connect is not given. Names of
    /// attributes alone, no values.
    fn about_written(&self, call: &ScimCall<'_>, record: &UserRecord) -> About {
        let faults = match record.desired_state() {
            DesiredState::Active => self.left_out(record, &[]),
            DesiredState::Inactive | DesiredState::Deleted => Vec::new(),
        };
        let attribute = |fault: &Fault| Some(fault.detail.split_once(": expected")?.0.to_owned());
        let left_out = faults.iter().filter_map(attribute).chain(self.not_offered(call));
        About { left_out: left_out.collect(), ..about(record) }
    }

    /// Attributes about access in the body that are not in the schema because the operator's list
    /// is empty. Nothing of them is kept, so this is the only moment at which the log can tell.
    fn not_offered<'a>(&self, call: &'a ScimCall<'_>) -> impl Iterator<Item = String> + use<'a> {
        let allowed = &self.rules.allowed;
        let lists = [
            ("routingProfile", allowed.routing_profiles.is_empty()),
            ("securityProfiles", allowed.security_profiles.is_empty()),
            ("hierarchyGroup", allowed.hierarchy_groups.is_empty()),
        ];
        // A member's name, or the end of a PATCH operation's path: looked for, so that no body is read
        // a second time.
        let body = str::from_utf8(&call.request.body).unwrap_or_default();
        let is_written = move |name: &str| body.contains(&format!("{name}\""));
        let names = lists.into_iter().filter(move |(name, empty)| *empty && is_written(name));
        names.map(|(name, _)| format!("{CONNECT_SCHEMA}:{name}"))
    }
}

/// For the log: the id and the owner's hash.
fn about(record: &UserRecord) -> About {
    let (id, owner) = (record.id.as_str().to_owned(), Some(record.owner.clone()));
    About { id, owner, ..About::default() }
}

impl Edit {
    /// Reads a PUT or PATCH body. PATCH operations are read whole before any is applied (RFC 7644
    /// §3.5.2: all or nothing).
    pub(super) async fn read(
        call: &ScimCall<'_>,
        types: &Arc<ResourceType>,
        strict: bool,
    ) -> Result<Arc<Self>, Fault> {
        let body = call.body().await?;
        if call.request.method == "PUT" {
            return Ok(Arc::new(Self::Put(body)));
        }
        let types = Arc::clone(types);
        let read = move || Ok(Arc::new(Self::Patch(patch::read(&body, &types, strict)?)));
        run_blocking(call.is_long(), read).await
    }

    /// The resource after the edit; on a thread of its own if that is long work.
    async fn applied(
        self: &Arc<Self>,
        call: &ScimCall<'_>,
        types: &Arc<ResourceType>,
        known: Map<String, Value>,
        strict: bool,
    ) -> Result<Map<String, Value>, Fault> {
        let (edit, types) = (Arc::clone(self), Arc::clone(types));
        // Few bytes of many operations are much work too.
        let is_long = call.is_long()
            || matches!(self.as_ref(), Self::Patch(operations) if operations.len() > MANY);
        run_blocking(is_long, move || edit.apply(&types, &known, strict)).await
    }

    /// The resource after the edit. Pure: `known` is left as it is, so a refused edit changes
    /// nothing.
    pub(super) fn apply(
        &self,
        types: &ResourceType,
        known: &Map<String, Value>,
        strict: bool,
    ) -> Result<Map<String, Value>, Fault> {
        match self {
            Self::Patch(operations) => patch::apply(types, known, operations, strict),
            Self::Put(sent) => resource::put(types, known, sent, strict),
        }
    }
}

/// From this many operations on a PATCH is long work, however short its body is.
const MANY: usize = 16;

impl ScimCall<'_> {
    /// A POST body → what is kept of it: attributes of the table, in its names and types.
    pub(super) async fn taken_in(
        &self,
        types: &Arc<ResourceType>,
        strict: bool,
    ) -> Result<Map<String, Value>, Fault> {
        let (body, types) = (self.body().await?, Arc::clone(types));
        run_blocking(self.is_long(), move || resource::post(&types, &body, strict)).await
    }

    /// The record that we wrote just now; if somebody else wrote it since, the one of now. A 404 if
    /// the person is gone or on the way out.
    async fn written(&self, id: &Id, record: Option<Box<UserRecord>>) -> Result<UserRecord, Fault> {
        match record {
            Some(record) if record.desired_state() != DesiredState::Deleted => Ok(*record),
            Some(_) => Err(not_found()),
            None => self.load_live(id).await,
        }
    }

    /// The record of this id; a 404 if the person is gone or on the way out.
    pub(super) async fn load_live(&self, id: &Id) -> Result<UserRecord, Fault> {
        let record = self.roster().load(id).await?;
        record
            .filter(|record| record.desired_state() != DesiredState::Deleted)
            .ok_or_else(not_found)
    }
}
