//! References to an Amazon Connect instance and its resources, by id, ARN or name.

use std::fmt;
use std::str::FromStr;

use super::id::ResourceId;

/// An Amazon Connect instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The instance's id.
    pub id: ResourceId,
    /// The Region, if an ARN was given.
    pub region: Option<String>,
}

impl FromStr for Instance {
    type Err = String;

    /// Parses an id, or `arn:aws:connect:{region}:{account}:instance/{id}`.
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

/// The kind of a resource in an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// An agent hierarchy group: `agent-group` in ARNs.
    HierarchyGroup,
    /// A routing profile.
    RoutingProfile,
    /// A security profile.
    SecurityProfile,
}

/// A reference to a resource of a known kind. Two are equal if they are written the same way: an
/// ARN counts as its id, and names are compared exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceRef {
    /// By id (a UUID).
    Id(ResourceId),
    /// By the name in the Connect admin website: 1 to 127 characters.
    Name(String),
}

impl fmt::Display for ResourceRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Id(id) => id.as_str(),
            Self::Name(name) => name,
        })
    }
}

impl Resource {
    /// The name of the kind, for messages.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::HierarchyGroup => "hierarchy group",
            Self::RoutingProfile => "routing profile",
            Self::SecurityProfile => "security profile",
        }
    }

    /// Parses an id, an ARN or a name. An ARN must be of this kind, and of `instance` if given.
    ///
    /// # Errors
    /// Text that says what was expected and what was found.
    pub fn reference(self, text: &str, instance: Option<&Instance>) -> Result<ResourceRef, String> {
        let name = self.noun();
        let segment = match self {
            Self::HierarchyGroup => "agent-group",
            Self::RoutingProfile => "routing-profile",
            Self::SecurityProfile => "security-profile",
        };
        if let Ok(id) = text.parse() {
            return Ok(ResourceRef::Id(id));
        }
        if !text.starts_with("arn:") && (1..=127).contains(&text.chars().count()) {
            return Ok(ResourceRef::Name(text.to_owned()));
        }
        let Some(Arn { region, instance: owner, resource: Some((kind, id)) }) = Arn::read(text)
        else {
            return Err(format!(
                "expected a {name}'s id (a UUID), ARN or name of 1 to 127 characters, found \
                 something else"
            ));
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
        Ok(ResourceRef::Id(id))
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
        let region = Some(*region).filter(|region| region_name(region).is_ok())?;
        Some(Self { region, instance: instance.parse().ok()?, resource })
    }
}

/// Checks the name of a Region, since it becomes part of host names.
///
/// # Errors
/// Text that says what was expected and what was found.
pub fn region_name(text: &str) -> Result<String, String> {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if text.bytes().all(legal) && text.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Ok(text.to_owned());
    }
    Err("expected a Region such as eu-west-2, found something else".to_owned())
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
        let read = |text: &str, instance| Resource::RoutingProfile.reference(text, Some(instance));
        let id = Ok(ResourceRef::Id(PROFILE.parse().unwrap()));
        let routing = arn(&format!("/routing-profile/{PROFILE}"));
        assert_eq!(read(PROFILE, &ours), id);
        assert_eq!(read(&routing, &ours), id);
        assert_eq!(read(&PROFILE.to_uppercase(), &ours), id);
        assert_eq!(read("Sales", &ours), Ok(ResourceRef::Name("Sales".to_owned())));
        assert!(read(&routing, &other).unwrap_err().contains("another instance"));
        let security = arn(&format!("/security-profile/{PROFILE}"));
        assert!(read(&security, &ours).unwrap_err().contains("another kind"));
        for text in ["", &"x".repeat(128), &arn("/routing-profile/x"), &arn("")] {
            assert!(read(text, &ours).unwrap_err().contains("something else"), "{text}");
        }
    }
}
