//! The Amazon Connect instance and what lives in it, by id or ARN.

use std::str::FromStr;

use crate::assign::id::ResourceId;

/// An Amazon Connect instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The instance's id.
    pub id: ResourceId,
    /// The Region, where an ARN told it.
    pub region: Option<String>,
}

impl FromStr for Instance {
    type Err = String;

    /// Takes an id, or `arn:aws:connect:{region}:{account}:instance/{id}`.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(id) = text.parse() {
            return Ok(Self { id, region: None });
        }
        match Arn::read(text) {
            Some(Arn { region, instance, resource: None }) => {
                Ok(Self { id: instance, region: Some(region.to_owned()) })
            }
            _ => Err("expected an instance's id (a UUID) or ARN, found something else".to_owned()),
        }
    }
}

/// A kind of thing that lives in an instance.
#[derive(Clone, Copy, Debug)]
pub enum Resource {
    /// A hierarchy group: `agent-group` in ARNs.
    HierarchyGroup,
    /// A routing profile.
    RoutingProfile,
    /// A security profile.
    SecurityProfile,
}

impl Resource {
    /// The id in an id or an ARN, which must be of this kind and of this instance.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub fn id(self, text: &str, instance: Option<&Instance>) -> Result<ResourceId, String> {
        let (segment, name) = match self {
            Self::HierarchyGroup => ("agent-group", "hierarchy group"),
            Self::RoutingProfile => ("routing-profile", "routing profile"),
            Self::SecurityProfile => ("security-profile", "security profile"),
        };
        if let Ok(id) = text.parse() {
            return Ok(id);
        }
        let Some(Arn { region, instance: owner, resource: Some((kind, id)) }) = Arn::read(text)
        else {
            return Err(format!("expected a {name}'s id (a UUID) or ARN, found something else"));
        };
        if kind != segment {
            return Err(format!("expected the ARN of a {name}, found that of another kind"));
        }
        let other = |instance: &Instance| {
            instance.id != owner || instance.region.as_deref().is_some_and(|own| own != region)
        };
        if instance.is_some_and(other) {
            return Err(format!(
                "expected the ARN of a {name} of CONNECT_INSTANCE, found one of another instance"
            ));
        }
        Ok(id)
    }
}

/// `arn:{partition}:connect:{region}:{account}:instance/{instance}[/{kind}/{id}]`
/// ("Actions, resources, and condition keys for Amazon Connect").
struct Arn<'a> {
    region: &'a str,
    instance: ResourceId,
    resource: Option<(&'a str, ResourceId)>,
}

impl<'a> Arn<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let fields: Vec<&str> = text.split(':').collect();
        let ["arn", _, "connect", region, _, path] = fields.as_slice() else {
            return None;
        };
        let segments: Vec<&str> = path.split('/').collect();
        let (instance, resource) = match segments.as_slice() {
            ["instance", instance] => (instance, None),
            ["instance", instance, kind, id] => (instance, Some((*kind, id.parse().ok()?))),
            _ => return None,
        };
        let region = Some(*region).filter(|region| super::region_name(region).is_ok())?;
        Some(Self { region, instance: instance.parse().ok()?, resource })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSTANCE: &str = "11111111-2222-3333-4444-555555555555";
    const PROFILE: &str = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";

    fn arn(rest: &str) -> String {
        format!("arn:aws:connect:eu-west-2:123456789012:instance/{INSTANCE}{rest}")
    }

    #[test]
    fn an_instance_is_named_by_id_or_arn() {
        let by_id: Instance = INSTANCE.parse().unwrap();
        assert_eq!(by_id, Instance { id: INSTANCE.parse().unwrap(), region: None });
        let by_arn: Instance = arn("").parse().unwrap();
        assert_eq!(by_arn, Instance { region: Some("eu-west-2".to_owned()), ..by_id });
        for text in [
            "my-instance",
            "arn:aws:connect:eu-west-2:123456789012:instance/my-instance",
            "arn:aws:s3:eu-west-2:123456789012:instance/11111111-2222-3333-4444-555555555555",
            arn(&format!("/agent/{PROFILE}")).as_str(),
        ] {
            assert!(text.parse::<Instance>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_resource_must_be_of_its_kind_and_of_the_instance() {
        let ours: Instance = INSTANCE.parse().unwrap();
        let other: Instance = PROFILE.parse().unwrap();
        let id = |text: &str, instance| Resource::RoutingProfile.id(text, Some(instance));
        let routing = arn(&format!("/routing-profile/{PROFILE}"));
        assert_eq!(id(PROFILE, &ours).unwrap().as_str(), PROFILE);
        assert_eq!(id(&routing, &ours).unwrap().as_str(), PROFILE);
        assert_eq!(id(&PROFILE.to_uppercase(), &ours).unwrap().as_str(), PROFILE);
        assert!(id(&routing, &other).unwrap_err().contains("another instance"));
        let security = arn(&format!("/security-profile/{PROFILE}"));
        assert!(id(&security, &ours).unwrap_err().contains("another kind"));
        for text in ["Basic Routing Profile", &arn("/routing-profile/x"), &arn("")] {
            assert!(id(text, &ours).unwrap_err().contains("something else"), "{text}");
        }
    }
}
