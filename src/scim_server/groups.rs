//! Groups: POST, GET, PUT, PATCH and DELETE, and their members.
//!
//! Members are records of their own, and a change is written as who comes and who goes. So
//! concurrent changes of one group are all there in the end, without queueing for a version.
//! Connect is not asked: where a group gives something, the users concerned are marked in the same
//! write and left due for the drain.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::task::yield_now;

use super::blocking::{is_long, run_blocking};
use super::users::Edit;
use super::{ScimCall, ScimServer, TRIES, etag, not_found};
use crate::assign::permissions::GroupGrant;
use crate::fault::{Fault, Kind};
use crate::log::RENAMED_INTO_GRANT;
use crate::outcome::resource::{About, ScimAction, ScimResponse};
use crate::reconcile::changed_meanwhile;
use crate::roster::WriteConflict;
use crate::roster::group::{Affected, Group, GroupChange, Member};
use crate::roster::key::Id;
use crate::roster::{all_members, erase_group, settle_group, write_group};
use crate::scim::projection::Projection;
use crate::scim::schema::ResourceType;

/// The attribute of the members.
const MEMBERS: &str = "members";

/// After this many members other requests have their turn.
const TURN: usize = 2000;

impl ScimServer {
    /// POST (RFC 7644 §3.3): 201.
    ///
    /// # Errors
    /// [`Kind::Uniqueness`] for a `displayName` that another group has. RFC 7643 does not demand
    /// it, but profiles are given by that name.
    pub(super) async fn create_group(&self, call: &ScimCall<'_>) -> Result<ScimResponse, Fault> {
        let projection = call.projection(&self.groups);
        let mut kept = call.taken_in(&self.groups, self.strict).await?;
        let add = split(&mut kept);
        let now = call.clock.now();
        let group = Group::new(call.reconciler.new_id(), now);
        let resource = Some(kept.clone());
        let gives = !self.grants(&Group { resource: kept, ..group.clone() }).is_empty();
        let affected = if gives { Affected::Changed } else { Affected::Nobody };
        let change = GroupChange { add, affected, resource, ..GroupChange::of(group, now) };
        let group =
            write_group(call.roster(), &change, || call.has_time()).await?.map_err(|_| taken())?;
        let answer = self.group_answer(call, &group, &projection).await?;
        Ok(ScimResponse { action: ScimAction::Created, ..answer })
    }

    /// GET of one, with 304 for a version that the client has. A 304 does not read the members.
    pub(super) async fn read_group(
        &self,
        call: &ScimCall<'_>,
        id: &str,
    ) -> Result<ScimResponse, Fault> {
        let projection = call.projection(&self.groups);
        let group = call.living_group(id).await?;
        if call.has(&etag(group.edition)) {
            let nothing = Projection::parse(Some("id"), None, &self.groups);
            let answer = self.group_answer(call, &group, &nothing).await?;
            return Ok(ScimResponse { action: ScimAction::NotModified, ..answer });
        }
        self.group_answer(call, &group, &projection).await
    }

    /// PUT and PATCH (RFC 7644 §3.5). The members are read for the edit, and written as a
    /// difference.
    ///
    /// # Errors
    /// Those of the edit and of `If-Match`; [`Kind::Uniqueness`] for the name; [`Kind::Conflict`]
    /// after [`TRIES`] overtaken writes.
    pub(super) async fn change_group(
        &self,
        call: &ScimCall<'_>,
        id: &str,
    ) -> Result<ScimResponse, Fault> {
        let projection = call.projection(&self.groups);
        let edit = Edit::read(call, &self.groups, self.strict).await?;
        for tries in 1..=TRIES {
            let known = call.living_group(id).await?;
            call.check_version(&etag(known.edition))?;
            if known.fan_out_pending {
                settle_group(call.roster(), &known.id, || call.has_time()).await?;
                continue;
            }
            let members = all_members(call.roster(), &known.id).await?;
            let change = self.group_change(call, &edit, known.clone(), members).await?;
            match write_group(call.roster(), &change, || call.has_time()).await? {
                Ok(group) => {
                    let mut answer = self.group_answer(call, &group, &projection).await?;
                    let granted = self.grants(&known);
                    let is_more = |one: &&GroupGrant| !granted.contains(one);
                    if let Some(about) = answer.about.as_mut()
                        && self.grants(&group).iter().any(is_more)
                    {
                        about.warning = Some(RENAMED_INTO_GRANT);
                    }
                    return Ok(answer);
                }
                Err(WriteConflict::DuplicateKey) => return Err(taken()),
                Err(WriteConflict::StaleVersion) => call.back_off(tries).await?,
            }
        }
        Err(changed_meanwhile())
    }

    /// DELETE (RFC 7644 §3.6): 204. If the group gives something, its members are marked once they are
    /// none any more.
    pub(super) async fn remove_group(
        &self,
        call: &ScimCall<'_>,
        id: &str,
    ) -> Result<ScimResponse, Fault> {
        for tries in 1..=TRIES {
            let known = call.living_group(id).await?;
            call.check_version(&etag(known.edition))?;
            let mark = !self.grants(&known).is_empty();
            let now = call.clock.now();
            let erased =
                erase_group(call.roster(), &known.id, known.version, mark, now, || call.has_time())
                    .await?;
            match erased {
                Ok(()) => {
                    return Ok(ScimResponse {
                        action: ScimAction::Removed,
                        ..ScimResponse::shown(Map::new())
                    });
                }
                Err(_) => call.back_off(tries).await?,
            }
        }
        Err(changed_meanwhile())
    }

    /// The whole resource of a group. Members are read only if they are wanted: there may be
    /// thousands. A change of them that is accepted and not written yet is written first: half of it
    /// would be shown under the version of the whole, and a client that writes on condition of that
    /// version would take the other half for gone.
    pub(super) async fn whole_group(
        &self,
        call: &ScimCall<'_>,
        group: &Group,
        with_members: bool,
    ) -> Result<Map<String, Value>, Fault> {
        let mut members = None;
        if with_members {
            let mut shown = Vec::new();
            if group.fan_out_pending {
                settle_group(call.roster(), &group.id, || call.has_time()).await?;
            }
            let all = all_members(call.roster(), &group.id).await?;
            for (number, member) in all.into_iter().enumerate() {
                if number % TURN == TURN.saturating_sub(1) {
                    yield_now().await;
                }
                shown.push(self.member(call, member));
            }
            members = Some(shown);
        }
        Ok(self.group(call, group, members))
    }

    /// The difference that an edit makes: attributes if they changed, members who come, change or
    /// go, and which users are to be reconciled because of it.
    async fn group_change(
        &self,
        call: &ScimCall<'_>,
        edit: &Arc<Edit>,
        known: Group,
        members: Vec<Member>,
    ) -> Result<GroupChange, Fault> {
        let (edit, types, strict) = (Arc::clone(edit), Arc::clone(&self.groups), self.strict);
        let former = known.resource.clone();
        let is_long = is_long(call.request.body.len(), members.len());
        let edited = move || Edited::of(&edit, &types, former, &members, strict);
        let Edited { kept, add, tell, remove } = run_blocking(is_long, edited).await?;
        // By the old name and the new, or by the ids: a rename may give or take away profiles, and
        // then it concerns everybody in the group and not only who comes and goes.
        let edited = Group { resource: kept, ..known.clone() };
        let (before, after) = (self.grants(&known), self.grants(&edited));
        let affected = match (before.is_empty() && after.is_empty(), before != after) {
            (true, _) => Affected::Nobody,
            (false, true) => Affected::Everybody,
            (false, false) => Affected::Changed,
        };
        let kept = edited.resource;
        // Only with `If-Match`: a condition on each write would make concurrent adds queue for one
        // version.
        let condition = call.is_conditional().then_some(known.edition);
        let resource = (kept != known.resource).then_some(kept);
        let change = GroupChange::of(known, call.clock.now());
        Ok(GroupChange { resource, condition, add, tell, remove, affected, ..change })
    }

    /// What `GROUP_PROFILES` gives to the members of a group.
    fn grants(&self, group: &Group) -> Vec<&GroupGrant> {
        let names = group.names();
        self.rules.groups.iter().filter(|granted| granted.is_of(&names)).collect()
    }

    /// The answer with a group as the projection wants it.
    async fn group_answer(
        &self,
        call: &ScimCall<'_>,
        group: &Group,
        projection: &Projection,
    ) -> Result<ScimResponse, Fault> {
        let body = self.whole_group(call, group, projection.wants(MEMBERS)).await?;
        let location = self.location(call, &self.groups, group.id.as_str());
        let (etag, location) = (Some(etag(group.edition)), Some(location));
        let about = Some(About { id: group.id.as_str().to_owned(), ..About::default() });
        Ok(ScimResponse { etag, location, about, ..ScimResponse::shown(projection.apply(body)) })
    }
}

impl ScimCall<'_> {
    /// The group of this id, or a 404.
    async fn living_group(&self, id: &str) -> Result<Group, Fault> {
        self.roster().load_group(&Id::from_text(id)).await?.ok_or_else(not_found)
    }

    /// True if the client bound the write to one version; `*` binds it to none.
    fn is_conditional(&self) -> bool {
        self.request.headers.list("if-match").is_some_and(|tags| tags.trim() != "*")
    }
}

/// A group after an edit: its attributes, and the members who come, of whom something else is said,
/// and who go.
struct Edited {
    kept: Map<String, Value>,
    add: Vec<Member>,
    tell: Vec<Member>,
    remove: Vec<String>,
}

impl Edited {
    /// Applies the edit to the resource with its members, since a PATCH may select them by a
    /// filter, and takes the members out again.
    fn of(
        edit: &Edit,
        types: &ResourceType,
        mut former: Map<String, Value>,
        members: &[Member],
        strict: bool,
    ) -> Result<Self, Fault> {
        if !members.is_empty() {
            former.insert(MEMBERS.to_owned(), members.iter().map(Member::to_value).collect());
        }
        let mut kept = edit.apply(types, &former, strict)?;
        let (add, tell, remove) = difference(members, &split(&mut kept));
        Ok(Self { kept, add, tell, remove })
    }
}

/// The members who come, those of whom something else is said, and those who go. Linear in both
/// lists: a push has thousands.
fn difference(before: &[Member], then: &[Member]) -> (Vec<Member>, Vec<Member>, Vec<String>) {
    let known: HashMap<&str, &Member> =
        before.iter().map(|member| (member.value.as_str(), member)).collect();
    let left: HashSet<&str> = then.iter().map(|member| member.value.as_str()).collect();
    let gone = before.iter().filter(|member| !left.contains(member.value.as_str()));
    let gone = gone.map(|member| member.value.clone()).collect();
    let (mut coming, mut told) = (Vec::new(), Vec::new());
    for member in then {
        match known.get(member.value.as_str()) {
            None => coming.push(member.clone()),
            Some(known) if known.says_as_much_as(member) => {}
            Some(_) => told.push(member.clone()),
        }
    }
    (coming, told, gone)
}

/// Takes the members out of a group's resource; they are records of their own.
fn split(group: &mut Map<String, Value>) -> Vec<Member> {
    match group.remove(MEMBERS) {
        Some(Value::Array(members)) => members.into_iter().filter_map(Member::read).collect(),
        _ => Vec::new(),
    }
}

/// The fault of a group name that another group has.
fn taken() -> Fault {
    Fault::new(
        Kind::Uniqueness,
        "displayName: expected a name that no other group has, found another group with it; link \
         to that group, or choose another name",
    )
}
