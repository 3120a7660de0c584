//! Record → the resource that a client reads: what was written, with `id`, `meta`, `groups` or
//! `members` and `provisioning`.

use std::sync::Arc;
use std::time::SystemTime;

use aws_sdk_connect::primitives::{DateTime, DateTimeFormat};
use serde_json::{Map, Value, json};

use super::cache::{CacheKey, CachedUser};
use super::{ScimCall, ScimServer, etag};
use crate::assign::Agent;
use crate::assign::instance::ResourceRef;
use crate::fault::Fault;
use crate::json::carried_length_of;
use crate::roster::all_groups_of;
use crate::roster::glance::Glance;
use crate::roster::group::{Group, Member};
use crate::roster::key::Id;
use crate::roster::record::{DesiredState, Phase, UserRecord};
use crate::scim::filter::Filter;
use crate::scim::projection::Projection;
use crate::scim::resource::Sought;
use crate::scim::schema::ResourceType;
use crate::scim::{CONNECT_SCHEMA, PROVISIONING, resource};

/// The parts of a resource that are not in its record and cost further reads or work.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    /// The groups of a user, or the members of a group.
    pub(super) links: bool,
    /// The state in Connect. `None` leaves it to the record: shown to clients that do not write our
    /// extension, and not to those who do, since they compare the extension with what they wrote.
    pub(super) provisioning: Option<bool>,
}

/// What a user waits for whose group was changed just now.
const CHANGING: &str = "a large change of one of the person's groups is still being written";

/// True while the person works. A `null` in a record marks an `active` that a client removed.
pub(super) const ACTIVE: &str = "active";

impl ScimServer {
    /// What clients may write of a user, as they wrote it: what a PATCH is applied to, and what a
    /// resource begins with.
    pub(super) fn stated(&self, record: &UserRecord) -> Map<String, Value> {
        let sent = record.spec.person.resource();
        // What came by a hook was never judged by the attribute table.
        let mut stated = resource::take_what_fits(&self.users, sent);
        // A client may have taken `active` away; that is no word on whether the person works.
        if sent.get(ACTIVE) != Some(&Value::Null) {
            stated
                .insert(ACTIVE.to_owned(), (record.desired_state() == DesiredState::Active).into());
        }
        stated
    }

    /// The whole resource of a user.
    pub(super) async fn user(
        &self,
        call: &ScimCall<'_>,
        record: &UserRecord,
        extent: Extent,
    ) -> Result<Map<String, Value>, Fault> {
        self.user_of_groups(call, record, extent, None).await
    }

    /// The same, with the user's groups if they are in hand. They are read only if they are shown,
    /// or if `provisioning` is: what is left out depends on what they give.
    pub(super) async fn user_of_groups(
        &self,
        call: &ScimCall<'_>,
        record: &UserRecord,
        extent: Extent,
        groups: Option<Vec<Group>>,
    ) -> Result<Map<String, Value>, Fault> {
        let tells = extent.provisioning.unwrap_or_else(|| !writes_extension(record));
        let groups = match groups {
            Some(groups) => groups,
            None if extent.links || tells => {
                all_groups_of(call.roster(), record.id.as_str()).await?
            }
            None => Vec::new(),
        };
        Ok(self.user_in(call, record, &groups, extent.links, tells))
    }

    /// The whole user as JSON for requests without a projection, from the cache if nothing that it
    /// shows has changed since. `None` if the person is gone meanwhile.
    pub(super) async fn user_written(
        &self,
        call: &ScimCall<'_>,
        id: &Id,
        version: u64,
    ) -> Result<Option<Arc<CachedUser>>, Fault> {
        let groups = all_groups_of(call.roster(), id.as_str()).await?;
        let state = CacheKey::of(version, &groups, &call.base);
        if let Some(user) = self.cache.find(id, &state) {
            return Ok(Some(user));
        }
        let record = call.roster().load(id).await?;
        let Some(record) = record.filter(|record| record.desired_state() != DesiredState::Deleted)
        else {
            return Ok(None);
        };
        // Kept under the version that was loaded, which may be newer than the one that was asked
        // for.
        let state = CacheKey::of(record.row_version, &groups, &call.base);
        let user = self.user_in(call, &record, &groups, true, !writes_extension(&record));
        let text = serde_json::to_string(&user).unwrap_or_default();
        let carried = carried_length_of(&text);
        let (etag, owner) = (record.spec.etag, record.owner);
        let user = Arc::new(CachedUser { text, carried, etag, owner });
        self.cache.keep(id, state, &user);
        Ok(Some(user))
    }

    /// Puts a user together of its record and its groups. The password is in no record; should one
    /// be there all the same, it is not shown (RFC 7643 §4.1.1: returned never).
    fn user_in(
        &self,
        call: &ScimCall<'_>,
        record: &UserRecord,
        groups: &[Group],
        links: bool,
        tells: bool,
    ) -> Map<String, Value> {
        let mut user = self.stated(record);
        user.remove("password");
        if links && !groups.is_empty() {
            let membership = |group: &Group| {
                json!({
                    "value": group.id.as_str(),
                    "$ref": self.location(call, &self.groups, group.id.as_str()),
                    "display": group.display_name(),
                    "type": "direct",
                })
            };
            user.insert("groups".to_owned(), groups.iter().map(membership).collect());
        }
        if tells {
            let own = user.entry(CONNECT_SCHEMA).or_insert_with(|| json!({}));
            if let Some(own) = own.as_object_mut() {
                own.insert(PROVISIONING.to_owned(), self.provisioning(call, record, groups));
            }
        }
        let times = (record.created, record.spec.modified);
        self.complete(call, &self.users, &mut user, record.id.as_str(), record.spec.etag, times);
        user
    }

    /// The attributes of a user that a filter looks at, and perhaps more: making the whole of
    /// everybody would be most of the work of a search. What nobody may read is not in it, nor are
    /// `schemas`, groups and `provisioning`.
    pub(super) fn part(
        &self,
        call: &ScimCall<'_>,
        glance: Glance,
        sought: &Sought<'_>,
    ) -> Map<String, Value> {
        let Glance { id, desired, etag, created, modified, resource, .. } = glance;
        let mut part = resource::into_what_fits(&self.users, resource);
        part.remove("password");
        if sought.names(ACTIVE) {
            part.insert(ACTIVE.to_owned(), (desired == DesiredState::Active).into());
        }
        if sought.names("meta") {
            let meta = self.meta(call, &self.users, id.as_str(), etag, (created, modified));
            part.insert("meta".to_owned(), meta);
        }
        if sought.names("id") {
            part.insert("id".to_owned(), id.as_str().into());
        }
        part
    }

    /// The whole resource of a group, with these members.
    pub(super) fn group(
        &self,
        call: &ScimCall<'_>,
        group: &Group,
        members: Option<Vec<Value>>,
    ) -> Map<String, Value> {
        let mut shown = group.resource.clone();
        if let Some(members) = members {
            shown.insert("members".to_owned(), members.into());
        }
        let times = (group.created, group.modified);
        self.complete(call, &self.groups, &mut shown, group.id.as_str(), group.edition, times);
        shown
    }

    /// The URL of a resource (`meta.location`, `$ref`, Content-Location).
    pub(super) fn location(&self, call: &ScimCall<'_>, types: &ResourceType, id: &str) -> String {
        format!("{}{}/{id}", call.base, types.endpoint)
    }

    /// Adds `schemas`, `id` and `meta`, which every resource has (RFC 7643 §3).
    fn complete(
        &self,
        call: &ScimCall<'_>,
        types: &ResourceType,
        shown: &mut Map<String, Value>,
        id: &str,
        edition: u64,
        times: (SystemTime, SystemTime),
    ) {
        let schemas = resource::schemas_of(types, shown);
        shown.insert("schemas".to_owned(), schemas.into());
        shown.insert("id".to_owned(), id.into());
        shown.insert("meta".to_owned(), self.meta(call, types, id, edition, times));
    }

    /// `meta` (RFC 7643 §3.1). `version` counts what clients changed; what the reconciler does
    /// leaves it as it is.
    fn meta(
        &self,
        call: &ScimCall<'_>,
        types: &ResourceType,
        id: &str,
        edition: u64,
        (created, modified): (SystemTime, SystemTime),
    ) -> Value {
        json!({
            "resourceType": types.name,
            "created": written(created),
            "lastModified": written(modified),
            "location": self.location(call, types, id),
            "version": etag(edition),
        })
    }

    /// How far Connect follows: `state` is applied, partial, pending or parked; `detail` says why, and
    /// what differs; the user's ids in Connect, if there is one.
    fn provisioning(&self, call: &ScimCall<'_>, record: &UserRecord, groups: &[Group]) -> Value {
        let is_changing = groups.iter().any(|group| group.fan_out_pending);
        let (state, waits) = match &record.schedule.phase {
            Phase::Applied if record.is_applied() && is_changing => {
                ("pending", Some(CHANGING.into()))
            }
            Phase::Applied if record.is_applied() => ("applied", None),
            Phase::Parked(parked) => ("parked", Some(parked.detail.clone())),
            Phase::Applied | Phase::Pending => ("pending", record.schedule.waits_for.clone()),
        };
        let left_out = match record.desired_state() {
            DesiredState::Active => self.left_out(record, groups),
            DesiredState::Inactive | DesiredState::Deleted => Vec::new(),
        };
        let differs = call.reconciler.differs(record).map(str::to_owned);
        let differs = differs.chain(left_out.into_iter().map(|fault| fault.detail.into()));
        let details: Vec<String> = waits.into_iter().chain(differs).collect();
        let state = if state == "applied" && !details.is_empty() { "partial" } else { state };
        let mut told = json!({"state": state});
        let mut tell = |name: &str, value: Option<&str>| {
            if let (Some(told), Some(value)) = (told.as_object_mut(), value) {
                told.insert(name.to_owned(), value.into());
            }
        };
        let detail = details.join("; ");
        tell("detail", Some(detail.as_str()).filter(|detail| !detail.is_empty()));
        let ids = record.status.user.as_ref().map(|held| &held.ids);
        tell("connectUserId", ids.map(|ids| ids.id.as_str()));
        tell("connectUserArn", ids.map(|ids| ids.arn.as_str()));
        told
    }

    /// What Connect cannot hold of an active person, as faults. What it cannot do without is not
    /// among these: for that the record is parked.
    pub(super) fn left_out(&self, record: &UserRecord, groups: &[Group]) -> Vec<Fault> {
        let names: Vec<_> = groups.iter().map(Group::names).collect();
        let assigned = Agent::assign_leniently(&record.spec.person, &names, &self.rules, [0; 16]);
        assigned.map(|(_, left_out)| left_out).unwrap_or_default()
    }

    /// An element of `members` as it is shown, with `$ref` (RFC 7643 §4.2).
    pub(super) fn member(&self, call: &ScimCall<'_>, member: Member) -> Value {
        let Member { value, rest } = member;
        let mut shown = rest;
        let sent = shown.remove("$ref");
        let is_group = match shown.get("type").and_then(Value::as_str) {
            Some(kind) => kind == "Group",
            None => sent.as_ref().and_then(Value::as_str).is_some_and(|it| it.contains("/Groups/")),
        };
        let types = if is_group { &self.groups } else { &self.users };
        shown.insert("$ref".to_owned(), self.location(call, types, &value).into());
        shown.insert("value".to_owned(), value.into());
        shown.into()
    }
}

impl Extent {
    /// What a projection wants; `links` is the attribute of the links.
    pub(super) fn desired(projection: &Projection, links: &str) -> Self {
        Self {
            links: projection.wants(links),
            provisioning: projection.asks_for(CONNECT_SCHEMA, PROVISIONING),
        }
    }

    /// What a filter looks at; without a filter nothing.
    pub(super) fn looked_at(filter: Option<&Filter>, links: &str) -> Self {
        let looks_at = |urn, name: &str| filter.is_some_and(|filter| filter.looks_at(urn, name));
        let provisioning = match looks_at(Some(CONNECT_SCHEMA), PROVISIONING) {
            // Whether the extension is among the schemas then is as it is shown.
            false if looks_at(None, "schemas") => None,
            told => Some(told),
        };
        Self { links: looks_at(None, links), provisioning }
    }

    /// True if the record alone is enough.
    pub(super) const fn is_of_the_record(self) -> bool {
        !self.links && matches!(self.provisioning, Some(false))
    }
}

/// True if a client has ever written our extension. A `null` in a record marks one that it removed.
fn writes_extension(record: &UserRecord) -> bool {
    let sent = record.spec.person.resource();
    sent.keys().any(|name| name.eq_ignore_ascii_case(CONNECT_SCHEMA))
}

/// Adds `active` where a client removed it: it says whether the person works.
pub(super) fn tell_active(user: &mut Map<String, Value>, record: &UserRecord) {
    user.entry(ACTIVE).or_insert_with(|| (record.desired_state() == DesiredState::Active).into());
}

/// Marks by `null` what a client removed: `active`, and our extension. Absence alone would be read
/// as "never written".
pub(super) fn with_traces(mut kept: Map<String, Value>, record: &UserRecord) -> Map<String, Value> {
    kept.entry(ACTIVE).or_insert(Value::Null);
    if writes_extension(record) {
        kept.entry(CONNECT_SCHEMA).or_insert(Value::Null);
    }
    kept
}

/// The names on an operator's list, as they are written there.
pub(super) fn names(list: &[ResourceRef]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

/// A time as SCIM writes it: RFC 3339, in UTC (RFC 7643 §2.3.5).
fn written(time: SystemTime) -> String {
    DateTime::from(time).fmt(DateTimeFormat::DateTime).unwrap_or_default()
}
