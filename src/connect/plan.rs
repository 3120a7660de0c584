//! Desired state + observed state → the calls to make. Pure, so a dry run is free.
//!
//! Calls stand from the least to the most dangerous: access is given last, and taken away first. A
//! call is left out where nothing differs, so a plan that was cut off is made again from what is
//! left. What neither the operator nor the identity provider decides is left as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::UserIds;
use crate::assign::Agent;
use crate::assign::id::ResourceId;
use crate::assign::identity::EmailAs;
use crate::assign::owner::{Owner, SUSPENDED};
use crate::assign::permissions::Permissions;
use crate::assign::phone::Phone;
use crate::assign::text::{Email, PersonName};
use crate::fault::{Fault, Kind};

/// The observed state: one user, as DescribeUser shows it.
#[derive(Clone, PartialEq)]
pub struct Observed {
    /// Its id and ARN.
    pub ids: UserIds,
    /// The username, byte for byte.
    pub username: String,
    /// `IdentityInfo`.
    pub identity: IdentityInfo,
    /// `PhoneConfig` and the five lists by channel, with the wire's names.
    pub phone: Map<String, Value>,
    /// `RoutingProfileId`, a UUID.
    pub routing_profile: String,
    /// `SecurityProfileIds`, a set: Connect keeps no order.
    pub security_profiles: BTreeSet<String>,
    /// `HierarchyGroupId`; `None` outside of every group.
    pub hierarchy_group: Option<String>,
    /// All tags, those of others included.
    pub tags: BTreeMap<String, String>,
}

/// `UserIdentityInfo`.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct IdentityInfo {
    /// `FirstName`.
    pub first_name: Option<String>,
    /// `LastName`.
    pub last_name: Option<String>,
    /// `Email`.
    pub email: Option<String>,
    /// `SecondaryEmail`.
    pub secondary_email: Option<String>,
    /// `Mobile`.
    pub mobile: Option<String>,
}

/// The desired state of one user.
#[derive(Clone, Copy)]
pub enum DesiredUser<'a> {
    /// There shall be no user.
    Absent,
    /// This agent's user shall be there, with these ids for the names that the agent has.
    Held(&'a Agent, &'a Permissions<ResourceId>),
    /// The user, if there is one, shall be as it is with this security profile alone.
    ShutOut(&'a ResourceId),
}

/// One call of Amazon Connect. Each sets a whole value, so repeating it does no harm.
#[derive(Clone, PartialEq, Eq)]
pub enum Step {
    /// CreateUser.
    CreateUser,
    /// DeleteUser.
    DeleteUser,
    /// TagResource with these: adds them and replaces those of the same keys.
    TagResource(BTreeMap<String, String>),
    /// UntagResource of these keys.
    UntagResource(Vec<String>),
    /// UpdateUserConfig: the lists by channel.
    UpdateUserConfig(Phone),
    /// UpdateUserHierarchy; without a group it takes the user out of its group.
    UpdateUserHierarchy(Option<ResourceId>),
    /// UpdateUserIdentityInfo, the whole of it: whether Connect keeps what is left out is not
    /// documented.
    UpdateUserIdentityInfo(IdentityInfo),
    /// UpdateUserPhoneConfig: all channels alike.
    UpdateUserPhoneConfig(Phone),
    /// UpdateUserRoutingProfile.
    UpdateUserRoutingProfile(ResourceId),
    /// UpdateUserSecurityProfiles: the whole list, which replaces what is there.
    UpdateUserSecurityProfiles(Vec<ResourceId>),
}

impl Step {
    /// The operation's name in the API, and in IAM behind `connect:`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CreateUser => "CreateUser",
            Self::DeleteUser => "DeleteUser",
            Self::TagResource(_) => "TagResource",
            Self::UntagResource(_) => "UntagResource",
            Self::UpdateUserConfig(_) => "UpdateUserConfig",
            Self::UpdateUserHierarchy(_) => "UpdateUserHierarchy",
            Self::UpdateUserIdentityInfo(_) => "UpdateUserIdentityInfo",
            Self::UpdateUserPhoneConfig(_) => "UpdateUserPhoneConfig",
            Self::UpdateUserRoutingProfile(_) => "UpdateUserRoutingProfile",
            Self::UpdateUserSecurityProfiles(_) => "UpdateUserSecurityProfiles",
        }
    }

    /// What is sent, named as on the wire; CreateUser's members are the agent's.
    #[must_use]
    pub fn members(&self) -> Value {
        match self {
            Self::CreateUser | Self::DeleteUser => json!({}),
            Self::TagResource(tags) => json!({"tags": tags}),
            Self::UntagResource(keys) => json!({"tagKeys": keys}),
            Self::UpdateUserConfig(phone) | Self::UpdateUserPhoneConfig(phone) => {
                serde_json::to_value(phone).unwrap_or_default()
            }
            Self::UpdateUserHierarchy(group) => {
                json!({"HierarchyGroupId": group.as_ref().map(ResourceId::as_str)})
            }
            Self::UpdateUserIdentityInfo(info) => json!({"IdentityInfo": info}),
            Self::UpdateUserRoutingProfile(id) => json!({"RoutingProfileId": id.as_str()}),
            Self::UpdateUserSecurityProfiles(ids) => {
                let ids: Vec<&str> = ids.iter().map(ResourceId::as_str).collect();
                json!({"SecurityProfileIds": ids})
            }
        }
    }
}

/// Names the call, and nothing of the person.
impl fmt::Debug for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The calls that lead from the observed to the desired state, in the order in which they are to be
/// made; none if they are equal.
///
/// Connect cannot rename a user, so one of another name does not count as this agent's: the plan is
/// CreateUser, and the caller removes the old one.
#[must_use]
pub fn plan(desired: DesiredUser<'_>, observed: Option<&Observed>) -> Vec<Step> {
    match (desired, observed) {
        (DesiredUser::Absent | DesiredUser::ShutOut(_), None) => Vec::new(),
        (DesiredUser::ShutOut(profile), Some(user)) => shut_out(profile, user),
        (DesiredUser::Absent, Some(_)) => vec![Step::DeleteUser],
        (DesiredUser::Held(agent, permissions), Some(user))
            if user.username == agent.username.as_str() =>
        {
            differences(agent, permissions, user)
        }
        (DesiredUser::Held(..), _) => vec![Step::CreateUser],
    }
}

/// Refuses a user that this deployment did not create for this person, which the owner tag says.
///
/// # Errors
/// [`Kind::Uniqueness`]: the username is in use, and not ours to change.
pub fn check_owner(owner: &Owner, observed: &Observed) -> Result<(), Fault> {
    if owner.owns(&observed.tags) {
        return Ok(());
    }
    Err(Fault::new(
        Kind::Uniqueness,
        "userName: expected a username that is free or was created here for this person, found a \
         user in Amazon Connect that was not; remove that user, or choose another userName",
    ))
}

/// The steps for a user that is there, each if it would change something.
fn differences(agent: &Agent, permissions: &Permissions<ResourceId>, user: &Observed) -> Vec<Step> {
    let mut steps = Vec::new();
    steps.extend(identity(agent, &user.identity));
    steps.extend(phone(&agent.phone, &user.phone));
    let group = permissions.hierarchy_group.as_ref();
    if agent.decides_group && group.map(ResourceId::as_str) != user.hierarchy_group.as_deref() {
        steps.push(Step::UpdateUserHierarchy(group.cloned()));
    }
    if permissions.routing_profile.as_str() != user.routing_profile {
        steps.push(Step::UpdateUserRoutingProfile(permissions.routing_profile.clone()));
    }
    // Before the security profiles: a cut must not leave a user with its access back and still
    // tagged as suspended.
    steps.extend(tags(agent, &user.tags));
    let profiles = &permissions.security_profiles;
    let wanted: BTreeSet<&str> = profiles.iter().map(ResourceId::as_str).collect();
    if wanted != user.security_profiles.iter().map(String::as_str).collect() {
        steps.push(Step::UpdateUserSecurityProfiles(profiles.clone()));
    }
    steps
}

/// Access is taken away before it is tagged: a cut in between leaves a suspended user without the
/// tag, and not a user with access that is called suspended.
fn shut_out(profile: &ResourceId, user: &Observed) -> Vec<Step> {
    let mut steps = Vec::new();
    if !user.security_profiles.iter().eq([profile.as_str()]) {
        steps.push(Step::UpdateUserSecurityProfiles(vec![profile.clone()]));
    }
    if user.tags.get(SUSPENDED).map(String::as_str) != Some(TRUE) {
        let tags = BTreeMap::from([(SUSPENDED.to_owned(), TRUE.to_owned())]);
        steps.push(Step::TagResource(tags));
    }
    steps
}

/// The value of [`SUSPENDED`].
const TRUE: &str = "true";

/// UpdateUserIdentityInfo, if it would change something.
///
/// Names are compared only where we set them; under an existing directory they are that
/// directory's. A secondary address that is not ours to write is sent back as it was, since the
/// call sets all members. An `Email` is not: Connect refuses one under SAML, and shows it all the
/// same.
fn identity(agent: &Agent, user: &IdentityInfo) -> Option<Step> {
    let name = |name: &PersonName| name.as_str().to_owned();
    let address = |email: &Email| email.as_str().to_owned();
    let mut wanted = IdentityInfo {
        first_name: agent.first_name.as_ref().map(name),
        last_name: agent.last_name.as_ref().map(name),
        email: agent.email.as_ref().map(address),
        secondary_email: agent.secondary_email.as_ref().map(address),
        mobile: agent.mobile.as_ref().map(|number| number.as_str().to_owned()),
    };
    let mut held = user.clone();
    if wanted.first_name.is_none() {
        (held.first_name, held.last_name) = (None, None);
    }
    if agent.email_as != EmailAs::Secondary {
        wanted.secondary_email.clone_from(&held.secondary_email);
    }
    if agent.email_as != EmailAs::Email {
        held.email = None;
    }
    (wanted != held).then_some(Step::UpdateUserIdentityInfo(wanted))
}

/// UpdateUserPhoneConfig or UpdateUserConfig, if the user lacks something of what is wanted.
fn phone(wanted: &Phone, held: &Map<String, Value>) -> Option<Step> {
    let members = serde_json::to_value(wanted).unwrap_or_default();
    if is_held(&members, Some(&Value::Object(held.clone()))) {
        return None;
    }
    Some(match wanted {
        Phone::Simple(_) => Step::UpdateUserPhoneConfig(wanted.clone()),
        Phone::PerChannel(_) => Step::UpdateUserConfig(wanted.clone()),
    })
}

/// True if everything that is wanted is observed; a `false` or a `0` also where nothing is, since
/// an answer may leave those out. Rows of a list are matched by their channel, in any order.
fn is_held(wanted: &Value, held: Option<&Value>) -> bool {
    match (wanted, held) {
        (Value::Object(wanted), Some(Value::Object(held))) => {
            wanted.iter().all(|(name, value)| is_held(value, held.get(name)))
        }
        (Value::Array(wanted), Some(Value::Array(held))) => wanted.iter().all(|row| {
            let channel = row.get("Channel");
            held.iter().any(|other| other.get("Channel") == channel && is_held(row, Some(other)))
        }),
        (Value::Bool(false), None) => true,
        (Value::Number(number), None) => number.as_u64() == Some(0),
        (wanted, held) => held == Some(wanted),
    }
}

/// Adds the tags that are missing or other. Further tags may be anybody's and stay; the one for
/// suspended users is ours alone, and an active user loses it.
fn tags(agent: &Agent, held: &BTreeMap<String, String>) -> Vec<Step> {
    let missing = agent.tags.iter().filter(|(key, value)| held.get(*key) != Some(*value));
    let missing: BTreeMap<_, _> =
        missing.map(|(key, value)| (key.clone(), value.clone())).collect();
    let mut steps = Vec::new();
    if !missing.is_empty() {
        steps.push(Step::TagResource(missing));
    }
    if held.contains_key(SUSPENDED) {
        steps.push(Step::UntagResource(vec![SUSPENDED.to_owned()]));
    }
    steps
}

#[cfg(test)]
mod tests;
