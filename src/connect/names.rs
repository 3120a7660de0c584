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
use crate::assign::named::Named;
use crate::assign::power::Power;
use crate::deadline::lies_within;
use crate::fault::{Fault, Kind};
use crate::near::distance;

/// No list is read twice within this time.
const PAUSE: Duration = Duration::from_mins(1);

/// The lists take at most this many to a page (`ListRoutingProfiles`, maxResults).
const PAGE: i32 = 1000;

/// So many names are told to whoever wrote one that is not there.
const TOLD: usize = 12;

/// What is known of the names.
#[derive(Debug, Default)]
pub(super) struct Names {
    listings: Mutex<BTreeMap<Resource, Listing>>,
    /// Which settings name what.
    settings: Vec<Named>,
}

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
    /// Names that these settings have.
    pub(super) fn of(settings: Vec<Named>) -> Self {
        Self { settings, ..Self::default() }
    }

    /// The settings that name what is not to be found by its name, each with why.
    pub(super) async fn misnamed(&self, line: &Line<'_>, now: SystemTime) -> Vec<Fault> {
        let mut faults = Vec::new();
        for Named { kind, reference, .. } in &self.settings {
            if let Err(fault) = self.id(line, *kind, reference, now).await
                && !faults.contains(&fault)
            {
                faults.push(fault);
            }
        }
        faults
    }

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
        self.listings.lock().await.values_mut().for_each(|listing| listing.doubted = true);
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
        let mut listings = self.listings.lock().await;
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
            (Some(_), _) => Err(self.fault(kind, name, "several of it; name it by ARN")),
            (None, Some(fault)) => Err(fault.clone()),
            (None, None) => {
                let have = listing.near(name).join(", ");
                Err(self.fault(kind, name, &format!("none; have: {have}")))
            }
        }
    }

    /// The sender hears what is wrong, and the log which word of which setting.
    fn fault(&self, kind: Resource, name: &str, found: &str) -> Fault {
        let noun = kind.noun();
        let is_it = |named: &&Named| {
            named.kind == kind && matches!(&named.reference, Reference::Name(own) if own == name)
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
    fn of(items: Vec<Item>, now: SystemTime) -> Self {
        let mut ids = HashMap::<String, Vec<ResourceId>>::new();
        for Item { name, id, .. } in items {
            if let Ok(id) = id.parse() {
                ids.entry(name).or_default().push(id);
            }
        }
        Self { ids, tried: Some(now), ..Self::default() }
    }

    /// Some of the names, the nearest first.
    fn near(&self, name: &str) -> Vec<&str> {
        let mut names: Vec<&str> = self.ids.keys().map(String::as_str).collect();
        let name = name.to_lowercase();
        names.sort_by_cached_key(|own| (distance(&name, &own.to_lowercase()), *own));
        names.truncate(TOLD);
        names
    }

    fn wants_a_read(&self, name: &str, now: SystemTime) -> bool {
        let is_recent = self.tried.is_some_and(|tried| lies_within(PAUSE, tried, now));
        (self.doubted || !self.ids.contains_key(name)) && !is_recent
    }
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
