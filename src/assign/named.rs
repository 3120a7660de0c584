//! Lists the resources of the instance that the settings refer to.

use super::Rules;
use super::instance::{Resource, ResourceRef};
use super::permissions::GroupGrant;

/// A reference from a setting to a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedResource {
    /// The name of the setting: `ROUTING_PROFILE`, or `GROUP_PROFILES["Connect
    /// Sales"].routingProfile`.
    pub setting: String,
    /// The kind of resource.
    pub kind: Resource,
    /// The id or name of the resource.
    pub reference: ResourceRef,
}

impl NamedResource {
    /// A reference from `setting` to a resource of this kind.
    pub fn new(setting: impl Into<String>, kind: Resource, reference: &ResourceRef) -> Self {
        Self { setting: setting.into(), kind, reference: reference.clone() }
    }
}

impl Rules {
    /// All references in these rules.
    #[must_use]
    pub fn named(&self) -> Vec<NamedResource> {
        use Resource::{HierarchyGroup, RoutingProfile, SecurityProfile};
        let (permissions, allowed) = (&self.permissions, &self.allowed);
        let mut named = vec![NamedResource::new(
            "ROUTING_PROFILE",
            RoutingProfile,
            &permissions.routing_profile,
        )];
        let mut add = |setting: &str, kind, references: &mut dyn Iterator<Item = &ResourceRef>| {
            named.extend(references.map(|reference| NamedResource::new(setting, kind, reference)));
        };
        let routing = &mut allowed.routing_profiles.iter();
        add("ALLOWED_ROUTING_PROFILES", RoutingProfile, routing);
        add("SECURITY_PROFILES", SecurityProfile, &mut permissions.security_profiles.iter());
        let security = &mut allowed.security_profiles.iter();
        add("ALLOWED_SECURITY_PROFILES", SecurityProfile, security);
        add("HIERARCHY_GROUP", HierarchyGroup, &mut permissions.hierarchy_group.iter());
        let groups = &mut allowed.hierarchy_groups.iter();
        add("ALLOWED_HIERARCHY_GROUPS", HierarchyGroup, groups);
        for GroupGrant { name: group, grant, .. } in &self.groups {
            let setting = |member: &str| format!("GROUP_PROFILES[{group:?}].{member}");
            let routing = &mut grant.routing_profile.iter();
            add(&setting("routingProfile"), RoutingProfile, routing);
            let security = &mut grant.security_profiles.iter();
            add(&setting("securityProfiles"), SecurityProfile, security);
            let hierarchy = &mut grant.hierarchy_group.iter();
            add(&setting("hierarchyGroup"), HierarchyGroup, hierarchy);
        }
        named
    }
}
