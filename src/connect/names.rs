//! The operator's names → ids.
//!
//! What is named by id needs no call. Names are listed when the first of their kind is met and kept
//! as long as the function lives; a name that is not on the list makes it be read again, once a
//! minute at most, and so does Connect's word that something of a listed id is not there.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;

use super::failure::Failure;
use super::line::Line;
use crate::assign::id::ResourceId;
use crate::assign::instance::{Reference, Resource};
use crate::assign::power::Power;
use crate::deadline::lies_within;
use crate::fault::{Fault, Kind};

/// No list is read twice within this time.
const PAUSE: Duration = Duration::from_mins(1);

/// The lists take at most this many to a page (`ListRoutingProfiles`, maxResults).
const PAGE: i32 = 1000;

/// What is known of the names.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<BTreeMap<Resource, Listing>>);

/// The names of one kind.
#[derive(Debug, Default)]
struct Listing {
    ids: HashMap<String, Vec<ResourceId>>,
    /// When a read was last begun.
    tried: Option<SystemTime>,
    /// Why it failed, if it did.
    fault: Option<Fault>,
    doubted: bool,
}

impl Names {
    /// The ids of what is meant. Two names of one thing are one.
    pub(super) async fn resolve(
        &self,
        line: &Line<'_>,
        power: &Power<Reference>,
        now: SystemTime,
    ) -> Result<Power<ResourceId>, Fault> {
        let id = async |kind, reference| self.id(line, kind, reference, now).await;
        let mut security_profiles = Vec::new();
        for profile in &power.security_profiles {
            let profile = id(Resource::SecurityProfile, profile).await?;
            if !security_profiles.contains(&profile) {
                security_profiles.push(profile);
            }
        }
        Ok(Power {
            routing_profile: id(Resource::RoutingProfile, &power.routing_profile).await?,
            security_profiles,
            hierarchy_group: match &power.hierarchy_group {
                Some(group) => Some(id(Resource::HierarchyGroup, group).await?),
                None => None,
            },
        })
    }

    /// The id of the security profile that is meant.
    pub(super) async fn security_profile(
        &self,
        line: &Line<'_>,
        meant: &Reference,
        now: SystemTime,
    ) -> Result<ResourceId, Fault> {
        self.id(line, Resource::SecurityProfile, meant, now).await
    }

    /// Notes that Connect does not know something that was listed.
    pub(super) async fn doubt(&self) {
        self.0.lock().await.values_mut().for_each(|listing| listing.doubted = true);
    }

    async fn id(
        &self,
        line: &Line<'_>,
        kind: Resource,
        reference: &Reference,
        now: SystemTime,
    ) -> Result<ResourceId, Fault> {
        let name = match reference {
            Reference::Id(id) => return Ok(id.clone()),
            Reference::Name(name) => name,
        };
        let mut listings = self.0.lock().await;
        let listing = listings.entry(kind).or_default();
        if listing.wants_a_read(name, now) {
            listing.tried = Some(now);
            match line.list(kind).await {
                Ok(items) => *listing = Listing::of(items, now),
                Err(failure) => listing.fault = Some(failure.of_our_own()),
            }
        }
        match (listing.ids.get(name).map(Vec::as_slice), &listing.fault) {
            (Some([id]), _) => Ok(id.clone()),
            (Some(_), _) => Err(misnamed(kind, "several")),
            (None, Some(fault)) => Err(fault.clone()),
            (None, None) => Err(misnamed(kind, "none")),
        }
    }
}

impl Listing {
    fn of(items: Vec<Item>, now: SystemTime) -> Self {
        let mut ids = HashMap::<String, Vec<ResourceId>>::new();
        for Item { name, id, .. } in items {
            if let Ok(id) = id.parse() {
                ids.entry(name).or_default().push(id);
            }
        }
        Self { ids, tried: Some(now), ..Self::default() }
    }

    fn wants_a_read(&self, name: &str, now: SystemTime) -> bool {
        let is_recent = self.tried.is_some_and(|tried| lies_within(PAUSE, tried, now));
        (self.doubted || !self.ids.contains_key(name)) && !is_recent
    }
}

fn misnamed(kind: Resource, found: &str) -> Fault {
    let noun = kind.noun();
    let variables = match kind {
        Resource::HierarchyGroup => "HIERARCHY_GROUP, ALLOWED_HIERARCHY_GROUPS or GROUPS",
        Resource::RoutingProfile => "ROUTING_PROFILE, ALLOWED_ROUTING_PROFILES or GROUPS",
        Resource::SecurityProfile => "SECURITY_PROFILES, ALLOWED_SECURITY_PROFILES or GROUPS",
    };
    Fault::new(
        Kind::Configuration,
        format!(
            "configuration: a {noun} that this deployment is set up with was not found by its name"
        ),
    )
    .caused_by(format!("{variables}: expected one {noun} of each name, found {found}"))
}

impl Line<'_> {
    /// Everything of a kind, in every page.
    pub(crate) async fn list(&self, kind: Resource) -> Result<Vec<Item>, Failure> {
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

    async fn page(
        &self,
        kind: Resource,
        token: Option<String>,
    ) -> Result<(Vec<Item>, Option<String>), Failure> {
        let (client, instance, limits) = (self.client, self.instance, self.limits.clone());
        match kind {
            Resource::HierarchyGroup => {
                self.turn("ListUserHierarchyGroups").await?;
                let request = client.list_user_hierarchy_groups().instance_id(instance);
                let request = request.max_results(PAGE).set_next_token(token).customize();
                let page = request.config_override(limits).send().await;
                let page = self.judge("ListUserHierarchyGroups", page)?;
                let groups = page.user_hierarchy_group_summary_list.unwrap_or_default().into_iter();
                let items = groups.map(|one| Item::of(one.name, one.id, one.arn));
                Ok((items.collect(), page.next_token))
            }
            Resource::RoutingProfile => {
                self.turn("ListRoutingProfiles").await?;
                let request = client.list_routing_profiles().instance_id(instance);
                let request = request.max_results(PAGE).set_next_token(token).customize();
                let page = request.config_override(limits).send().await;
                let page = self.judge("ListRoutingProfiles", page)?;
                let profiles = page.routing_profile_summary_list.unwrap_or_default().into_iter();
                let items = profiles.map(|one| Item::of(one.name, one.id, one.arn));
                Ok((items.collect(), page.next_token))
            }
            Resource::SecurityProfile => {
                self.turn("ListSecurityProfiles").await?;
                let request = client.list_security_profiles().instance_id(instance);
                let request = request.max_results(PAGE).set_next_token(token).customize();
                let page = request.config_override(limits).send().await;
                let page = self.judge("ListSecurityProfiles", page)?;
                let profiles = page.security_profile_summary_list.unwrap_or_default().into_iter();
                let items = profiles.map(|one| Item::of(one.name, one.id, one.arn));
                Ok((items.collect(), page.next_token))
            }
        }
    }
}

/// One profile or group of the instance.
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) id: String,
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "the doctor alone tells it"))]
    pub(crate) arn: String,
}

impl Item {
    fn of(name: Option<String>, id: Option<String>, arn: Option<String>) -> Self {
        let [name, id, arn] = [name, id, arn].map(Option::unwrap_or_default);
        Self { name, id, arn }
    }
}
