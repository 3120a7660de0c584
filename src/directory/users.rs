//! One user: made, read, changed and removed.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::aside::aside;
use super::shown::{Extent, tell_active, with_traces};
use super::{Asked, Directory, TOO_LONG, TRIES, etag, not_found};
use crate::fault::{Fault, Kind};
use crate::http::MAX_ANSWER;
use crate::outcome::resource::{About, Answer, Deed};
use crate::reconcile::budget::Budget;
use crate::reconcile::changed_meanwhile;
use crate::roster::group::Group;
use crate::roster::key::Id;
use crate::roster::record::{UserRecord, Wanted};
use crate::scim::patch::{self, Operation};
use crate::scim::projection::Projection;
use crate::scim::schema::ResourceType;
use crate::scim::{CONNECT_SCHEMA, Person, resource};

/// What a client does to a resource that is there.
pub(super) enum Edit {
    /// Operation by operation (RFC 7644 §3.5.2).
    Patch(Vec<Operation>),
    /// The whole of it (RFC 7644 §3.5.1).
    Put(Map<String, Value>),
}

impl Directory {
    pub(super) async fn create_user(
        &self,
        asked: &Asked<'_>,
        budget: &mut Budget<'_>,
    ) -> Result<Answer, Fault> {
        let projection = asked.projection(&self.users);
        let kept = asked.taken_in(&self.users, self.strict).await?;
        let person = Person::new(kept);
        let (id, made) = asked.reconciler.add_person(&person, budget).await?;
        let record = asked.written(&id, made.record).await?;
        let mut answer = self.user_answer(asked, &record, &projection, made.groups).await?;
        (answer.deed, answer.kept) = (Deed::Created, Some(made.outcome));
        answer.about = Some(self.about_written(asked, &record));
        Ok(answer)
    }

    pub(super) async fn read_user(&self, asked: &Asked<'_>, id: &str) -> Result<Answer, Fault> {
        let projection = asked.projection(&self.users);
        let mut answer = if projection.is_everything() {
            self.written_answer(asked, &Id::read(id)).await?
        } else {
            let record = asked.living(&Id::read(id)).await?;
            self.user_answer(asked, &record, &projection, None).await?
        };
        if answer.etag.as_ref().is_some_and(|etag| asked.has(etag)) {
            answer.deed = Deed::NotModified;
        }
        Ok(answer)
    }

    /// The whole of a user, for who says nothing of what it wants: where it was written lately, the
    /// record is not even read.
    async fn written_answer(&self, asked: &Asked<'_>, id: &Id) -> Result<Answer, Fault> {
        let version = asked.roster().version(id).await?.ok_or_else(not_found)?;
        let user = self.user_written(asked, id, version).await?.ok_or_else(not_found)?;
        if user.carried > MAX_ANSWER {
            return Err(Fault::new(Kind::TooMany, TOO_LONG));
        }
        let (id, owner) = (id.as_str(), Some(user.owner.clone()));
        Ok(Answer {
            written: Some(user.text.clone()),
            etag: Some(etag(user.etag)),
            location: Some(self.location(asked, &self.users, id)),
            about: Some(About { id: id.to_owned(), owner, ..About::default() }),
            ..Answer::shown(Map::new())
        })
    }

    pub(super) async fn change_user(
        &self,
        asked: &Asked<'_>,
        id: &str,
        budget: &mut Budget<'_>,
    ) -> Result<Answer, Fault> {
        let projection = asked.projection(&self.users);
        let edit = Edit::read(asked, &self.users, self.strict).await?;
        for tries in 1..=TRIES {
            let known = asked.living(&Id::read(id)).await?;
            asked.check_version(&etag(known.spec.etag))?;
            let former = self.stated(&known);
            let mut kept = edit.applied(asked, &self.users, former.clone(), self.strict).await?;
            if matches!(*edit, Edit::Put(_)) {
                tell_active(&mut kept, &known);
            }
            let person = (kept != former).then(|| Person::new(with_traces(kept, &known)));
            if let Some(changed) = asked.reconciler.change_person(&known, person, budget).await? {
                let record = asked.written(&known.id, changed.record).await?;
                let answer = self.user_answer(asked, &record, &projection, changed.groups).await?;
                let about = Some(self.about_written(asked, &record));
                return Ok(Answer { kept: Some(changed.outcome), about, ..answer });
            }
            asked.give_way(tries).await?;
        }
        Err(changed_meanwhile())
    }

    pub(super) async fn remove_user(
        &self,
        asked: &Asked<'_>,
        id: &str,
        budget: &mut Budget<'_>,
    ) -> Result<Answer, Fault> {
        for tries in 1..=TRIES {
            let known = asked.living(&Id::read(id)).await?;
            asked.check_version(&etag(known.spec.etag))?;
            if let Some(removed) = asked.reconciler.remove_person(&known, budget).await? {
                // At once, also where the rest is left to the drain.
                asked.reconciler.leave_groups(&known.id, asked.clock).await?;
                let answer = Answer { about: Some(about(&known)), ..Answer::shown(Map::new()) };
                return Ok(Answer { deed: Deed::Removed, kept: Some(removed.outcome), ..answer });
            }
            asked.give_way(tries).await?;
        }
        Err(changed_meanwhile())
    }

    async fn user_answer(
        &self,
        asked: &Asked<'_>,
        record: &UserRecord,
        projection: &Projection,
        groups: Option<Vec<Group>>,
    ) -> Result<Answer, Fault> {
        let extent = Extent::wanted(projection, "groups");
        let body = self.user_of_groups(asked, record, extent, groups).await?;
        let location = self.location(asked, &self.users, record.id.as_str());
        let (etag, location) = (Some(etag(record.spec.etag)), Some(location));
        let about = Some(about(record));
        Ok(Answer { etag, location, about, ..Answer::shown(projection.apply(body)) })
    }

    /// The same of a user that was written just now, with what of it Connect is not given.
    fn about_written(&self, asked: &Asked<'_>, record: &UserRecord) -> About {
        let faults = match record.wanted() {
            Wanted::Active => self.left_out(record, &[]),
            Wanted::Inactive | Wanted::Gone => Vec::new(),
        };
        let attribute = |fault: &Fault| Some(fault.detail.split_once(": expected")?.0.to_owned());
        let left_out = faults.iter().filter_map(attribute).chain(self.not_offered(asked));
        About { left_out: left_out.collect(), ..about(record) }
    }

    /// What is written of profiles and groups where the operator's list is empty: then the schema has
    /// no such attribute, so nothing is kept by which it could be told later.
    fn not_offered<'a>(&self, asked: &'a Asked<'_>) -> impl Iterator<Item = String> + use<'a> {
        let allowed = &self.rules.allowed;
        let lists = [
            ("routingProfile", allowed.routing_profiles.is_empty()),
            ("securityProfiles", allowed.security_profiles.is_empty()),
            ("hierarchyGroup", allowed.hierarchy_groups.is_empty()),
        ];
        // A member's name, or the end of a PATCH operation's path: looked for, so that no body is read
        // a second time.
        let body = str::from_utf8(&asked.request.body).unwrap_or_default();
        let is_written = move |name: &str| body.contains(&format!("{name}\""));
        let names = lists.into_iter().filter(move |(name, empty)| *empty && is_written(name));
        names.map(|(name, _)| format!("{CONNECT_SCHEMA}:{name}"))
    }
}

fn about(record: &UserRecord) -> About {
    let (id, owner) = (record.id.as_str().to_owned(), Some(record.owner.clone()));
    About { id, owner, ..About::default() }
}

impl Edit {
    /// Reads what a PUT or a PATCH wants.
    pub(super) async fn read(
        asked: &Asked<'_>,
        types: &Arc<ResourceType>,
        strict: bool,
    ) -> Result<Arc<Self>, Fault> {
        let body = asked.body().await?;
        if asked.request.method == "PUT" {
            return Ok(Arc::new(Self::Put(body)));
        }
        let types = Arc::clone(types);
        let read = move || Ok(Arc::new(Self::Patch(patch::read(&body, &types, strict)?)));
        aside(asked.is_long(), read).await
    }

    /// What is kept then, reckoned aside if that is long.
    async fn applied(
        self: &Arc<Self>,
        asked: &Asked<'_>,
        types: &Arc<ResourceType>,
        known: Map<String, Value>,
        strict: bool,
    ) -> Result<Map<String, Value>, Fault> {
        let (edit, types) = (Arc::clone(self), Arc::clone(types));
        // Few bytes of many operations are much work too.
        let is_long = asked.is_long()
            || matches!(self.as_ref(), Self::Patch(operations) if operations.len() > MANY);
        aside(is_long, move || edit.apply(&types, &known, strict)).await
    }

    /// What is kept then.
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

/// More operations than this are long work, however short each is.
const MANY: usize = 16;

impl Asked<'_> {
    /// What is kept of a whole resource that was sent.
    pub(super) async fn taken_in(
        &self,
        types: &Arc<ResourceType>,
        strict: bool,
    ) -> Result<Map<String, Value>, Fault> {
        let (body, types) = (self.body().await?, Arc::clone(types));
        aside(self.is_long(), move || resource::post(&types, &body, strict)).await
    }

    /// A record that we wrote just now, unless the person is gone or on the way out; if somebody else
    /// has it since, as it is now.
    async fn written(&self, id: &Id, record: Option<Box<UserRecord>>) -> Result<UserRecord, Fault> {
        match record {
            Some(record) if record.wanted() != Wanted::Gone => Ok(*record),
            Some(_) => Err(not_found()),
            None => self.living(id).await,
        }
    }

    /// The record of this id, unless the person is gone or on the way out.
    pub(super) async fn living(&self, id: &Id) -> Result<UserRecord, Fault> {
        let record = self.roster().load(id).await?;
        record.filter(|record| record.wanted() != Wanted::Gone).ok_or_else(not_found)
    }
}
