//! The operator's names of profiles and groups → their ids.
//!
//! What is configured by id needs no call. Names are listed when the first of their kind is needed,
//! and cached as long as the process lives. A list is read again, once a minute at most, if a name
//! is not in it, or after Connect said that a listed id does not exist.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;

use super::call_context::CallContext;
use super::call_error::CallError;
use crate::assign::id::ResourceId;
use crate::assign::instance::{Resource, ResourceRef};
use crate::assign::named::NamedResource;
use crate::assign::permissions::Permissions;
use crate::deadline::lies_within;
use crate::fault::{Fault, Kind};
use crate::near::distance;

/// The least time between two reads of a list: a name that is not there must not cost calls for
/// each event.
const PAUSE: Duration = Duration::from_mins(1);

/// The largest page of the List operations ("Amazon Connect API Reference", `ListRoutingProfiles`,
/// maxResults).
const PAGE: i32 = 1000;

/// The most names that a fault lists beside one that was not found.
const TOLD: usize = 12;

/// The cache of lists, one for each kind of resource.
#[derive(Debug, Default)]
pub(super) struct NameCache {
    /// By kind. The lock is held over a read, so that a crowd of events reads a list once.
    listings: Mutex<BTreeMap<Resource, Listing>>,
    /// The settings that name resources, for the log's cause.
    settings: Vec<NamedResource>,
}

/// The list of one kind.
#[derive(Debug, Default)]
struct Listing {
    /// Name → ids; a name of several ids is refused.
    ids: HashMap<String, Vec<ResourceId>>,
    /// When a read was last begun, failed ones included.
    tried: Option<SystemTime>,
    /// The fault of the last read, if it failed; ids from before stay in use.
    fault: Option<Fault>,
    /// True if Connect did not know a listed id: read again when it may be.
    is_invalidated: bool,
}

impl NameCache {
    /// An empty cache for these settings.
    pub(super) fn of(settings: Vec<NamedResource>) -> Self {
        Self { settings, ..Self::default() }
    }

    /// One fault for each setting whose name cannot be resolved.
    pub(super) async fn misnamed(&self, context: &CallContext<'_>, now: SystemTime) -> Vec<Fault> {
        let mut faults = Vec::new();
        for NamedResource { kind, reference, .. } in &self.settings {
            if let Err(fault) = self.id(context, *kind, reference, now).await
                && !faults.contains(&fault)
            {
                faults.push(fault);
            }
        }
        faults
    }

    /// Resolves everything that a user is given. An id and a name may mean the same profile; it is
    /// then listed once, since UpdateUserSecurityProfiles takes a set.
    pub(super) async fn resolve(
        &self,
        context: &CallContext<'_>,
        permissions: &Permissions<ResourceRef>,
        now: SystemTime,
    ) -> Result<Permissions<ResourceId>, Fault> {
        let id = async |kind, reference| self.id(context, kind, reference, now).await;
        let mut security_profiles = Vec::new();
        for profile in &permissions.security_profiles {
            let profile = id(Resource::SecurityProfile, profile).await?;
            if !security_profiles.contains(&profile) {
                security_profiles.push(profile);
            }
        }
        Ok(Permissions {
            routing_profile: id(Resource::RoutingProfile, &permissions.routing_profile).await?,
            security_profiles,
            hierarchy_group: match &permissions.hierarchy_group {
                Some(group) => Some(id(Resource::HierarchyGroup, group).await?),
                None => None,
            },
        })
    }

    /// Resolves one security profile.
    pub(super) async fn security_profile(
        &self,
        context: &CallContext<'_>,
        meant: &ResourceRef,
        now: SystemTime,
    ) -> Result<ResourceId, Fault> {
        self.id(context, Resource::SecurityProfile, meant, now).await
    }

    /// Has all lists read again when they may be, since Connect did not know one of their ids.
    pub(super) async fn invalidate(&self) {
        self.listings.lock().await.values_mut().for_each(|listing| listing.is_invalidated = true);
    }

    /// The id of one resource, from the cache or by a read.
    ///
    /// # Errors
    /// [`Kind::Configuration`] if there is none of this name or several; the fault of the read if
    /// that failed and the name was not known before.
    async fn id(
        &self,
        context: &CallContext<'_>,
        kind: Resource,
        reference: &ResourceRef,
        now: SystemTime,
    ) -> Result<ResourceId, Fault> {
        let name = match reference {
            ResourceRef::Id(id) => return Ok(id.clone()),
            ResourceRef::Name(name) => name,
        };
        let mut listings = self.listings.lock().await;
        let listing = listings.entry(kind).or_default();
        // The time is noted before the read: one that fails or is cut off counts too.
        if listing.wants_a_read(name, now) {
            listing.tried = Some(now);
            match context.list(kind).await {
                Ok(items) => *listing = Listing::of(items, now),
                Err(failure) => listing.fault = Some(failure.of_our_own()),
            }
        }
        match (listing.ids.get(name).map(Vec::as_slice), &listing.fault) {
            (Some([id]), _) => Ok(id.clone()),
            (Some(_), _) => Err(self.fault(kind, name, "several of it; name it by ARN")),
            (None, Some(fault)) => Err(fault.clone()),
            (None, None) => {
                let have = listing.near(name).join(", ");
                Err(self.fault(kind, name, &format!("none; have: {have}")))
            }
        }
    }

    /// The fault of a name. The sender hears that a setting is wrong, and only the log which word
    /// of which: names of profiles are the operator's.
    fn fault(&self, kind: Resource, name: &str, found: &str) -> Fault {
        let noun = kind.noun();
        let is_it = |named: &&NamedResource| {
            named.kind == kind && matches!(&named.reference, ResourceRef::Name(own) if own == name)
        };
        let settings: Vec<_> =
            self.settings.iter().filter(is_it).map(|named| named.setting.as_str()).collect();
        let detail = format!(
            "configuration: a {noun} that this deployment is set up with was not found by its name"
        );
        let settings = settings.join(" and ");
        Fault::new(Kind::Configuration, detail).caused_by(format!(
            "{settings} {name:?}: expected a {noun} of this name, found {found}"
        ))
    }
}

impl Listing {
    fn of(items: Vec<ListedResource>, now: SystemTime) -> Self {
        let mut ids = HashMap::<String, Vec<ResourceId>>::new();
        for ListedResource { name, id, .. } in items {
            if let Ok(id) = id.parse() {
                ids.entry(name).or_default().push(id);
            }
        }
        Self { ids, tried: Some(now), ..Self::default() }
    }

    /// Some of the names, the most similar first.
    fn near(&self, name: &str) -> Vec<&str> {
        let mut names: Vec<&str> = self.ids.keys().map(String::as_str).collect();
        let name = name.to_lowercase();
        names.sort_by_cached_key(|own| (distance(&name, &own.to_lowercase()), *own));
        names.truncate(TOLD);
        names
    }

    /// True if the list is unread, lacks this name or is doubted, and was not read within a minute.
    fn wants_a_read(&self, name: &str, now: SystemTime) -> bool {
        let is_recent = self.tried.is_some_and(|tried| lies_within(PAUSE, tried, now));
        (self.is_invalidated || !self.ids.contains_key(name)) && !is_recent
    }
}

impl CallContext<'_> {
    /// All resources of a kind, page by page.
    pub(crate) async fn list(&self, kind: Resource) -> Result<Vec<ListedResource>, CallError> {
        let (mut items, mut token) = (Vec::new(), None);
        loop {
            let (page, next) = self.page(kind, token).await?;
            items.extend(page);
            token = next;
            if token.is_none() {
                return Ok(items);
            }
        }
    }

    /// One page and the token of the next.
    async fn page(
        &self,
        kind: Resource,
        token: Option<String>,
    ) -> Result<(Vec<ListedResource>, Option<String>), CallError> {
        let (client, instance, limits) = (self.client, self.instance, self.limits.clone());
        match kind {
            Resource::HierarchyGroup => {
                self.acquire_permit("ListUserHierarchyGroups").await?;
                let request = client.list_user_hierarchy_groups().instance_id(instance);
                let request = request.max_results(PAGE).set_next_token(token).customize();
                let page = request.config_override(limits).send().await;
                let page = self.judge("ListUserHierarchyGroups", page)?;
                let groups = page.user_hierarchy_group_summary_list.unwrap_or_default().into_iter();
                let items = groups.map(|one| ListedResource::of(one.name, one.id, one.arn));
                Ok((items.collect(), page.next_token))
            }
            Resource::RoutingProfile => {
                self.acquire_permit("ListRoutingProfiles").await?;
                let request = client.list_routing_profiles().instance_id(instance);
                let request = request.max_results(PAGE).set_next_token(token).customize();
                let page = request.config_override(limits).send().await;
                let page = self.judge("ListRoutingProfiles", page)?;
                let profiles = page.routing_profile_summary_list.unwrap_or_default().into_iter();
                let items = profiles.map(|one| ListedResource::of(one.name, one.id, one.arn));
                Ok((items.collect(), page.next_token))
            }
            Resource::SecurityProfile => {
                self.acquire_permit("ListSecurityProfiles").await?;
                let request = client.list_security_profiles().instance_id(instance);
                let request = request.max_results(PAGE).set_next_token(token).customize();
                let page = request.config_override(limits).send().await;
                let page = self.judge("ListSecurityProfiles", page)?;
                let profiles = page.security_profile_summary_list.unwrap_or_default().into_iter();
                let items = profiles.map(|one| ListedResource::of(one.name, one.id, one.arn));
                Ok((items.collect(), page.next_token))
            }
        }
    }
}

/// A profile or hierarchy group of the instance, as a List operation shows it.
pub(crate) struct ListedResource {
    /// Its name, in the case in which Connect shows it.
    pub(crate) name: String,
    /// Its id, a UUID.
    pub(crate) id: String,
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "the doctor alone tells it"))]
    pub(crate) arn: String,
}

impl ListedResource {
    /// Members that the answer leaves out are empty; such an id is not used.
    fn of(name: Option<String>, id: Option<String>, arn: Option<String>) -> Self {
        let [name, id, arn] = [name, id, arn].map(Option::unwrap_or_default);
        Self { name, id, arn }
    }
}
