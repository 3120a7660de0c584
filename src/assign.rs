//! Person + rules → [`Agent`]: what Amazon Connect should hold for this person.
//!
//! Everything that Connect would refuse is refused here, before any call, with a fault that names
//! the SCIM attribute; Connect's own errors do not say which member is wrong. The constraints are
//! those of `CreateUser` ("Amazon Connect API Reference") and depend on the [`identity`] management
//! type. A password is dropped where users have none: Okta sends one with every user.
//!
//! For SCIM clients the rules are lenient: an invalid value is left out of the [`Agent`] and
//! reported, since the client reads back what it sent. A value that a user cannot do without is
//! refused there too.

pub mod id;
pub mod identity;
pub mod instance;
pub mod named;
pub mod owner;
pub mod password;
pub mod phone;
pub mod permissions;
pub mod text;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::fault::Fault;
use crate::json::describe;
use crate::scim::on_invalid::OnInvalid;
use crate::scim::{CONNECT_SCHEMA, Person};
use identity::{EmailAs, Identity};
use instance::ResourceRef;
use owner::Owner;
use password::Password;
use permissions::{Allowed, GroupGrant, GroupNames, Permissions};
use phone::Phone;
use text::{Email, PersonName, PhoneNumber, Username};

/// The operator's configuration of users. A person's payload can change it only as far as `allowed`
/// permits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The deployment's name, part of every owner.
    pub deployment: String,
    /// The default profiles and hierarchy group.
    pub permissions: Permissions<ResourceRef>,
    /// The profiles and hierarchy groups that a payload may name instead of the defaults.
    pub allowed: Allowed,
    /// What the members of groups get, in the operator's order: earlier entries take precedence.
    pub groups: Vec<GroupGrant>,
    /// The operator's own tags, for every user.
    pub tags: BTreeMap<String, String>,
    /// The constraints of the instance's identity management type.
    pub identity: &'static Identity,
    /// Which Connect member gets the e-mail address.
    pub email_as: EmailAs,
    /// True if a user whose event has no valid password gets a random one.
    pub generate_password: bool,
    /// The default phone configuration.
    pub phone: Phone,
}

impl Rules {
    /// The security profiles that groups give.
    pub fn security_profiles_of_groups(&self) -> impl Iterator<Item = &ResourceRef> {
        self.groups.iter().flat_map(|granted| &granted.grant.security_profiles)
    }

    /// True if these rules may set a hierarchy group for anybody; otherwise it is never changed.
    fn decides_group(&self) -> bool {
        self.permissions.hierarchy_group.is_some()
            || !self.allowed.hierarchy_groups.is_empty()
            || self.groups.iter().any(|granted| granted.grant.hierarchy_group.is_some())
    }
}

/// The desired state: what Amazon Connect should hold for one person.
#[derive(Clone, PartialEq, Eq)]
pub struct Agent {
    /// The owner of the user, which is fixed when the user is created.
    pub owner: Owner,
    /// The username: `userName`, byte for byte.
    pub username: Username,
    /// The password, or `None` if the identity management type has no passwords. The fault means
    /// that one is required and missing; it matters for CreateUser only.
    pub password: Result<Option<Password>, Fault>,
    /// CreateUser's `DirectoryUserId`.
    pub directory_user_id: Option<String>,
    /// IdentityInfo.FirstName.
    pub first_name: Option<PersonName>,
    /// IdentityInfo.LastName.
    pub last_name: Option<PersonName>,
    /// IdentityInfo.Email.
    pub email: Option<Email>,
    /// IdentityInfo.SecondaryEmail.
    pub secondary_email: Option<Email>,
    /// Which of `email` and `secondary_email` is managed; the other is never written.
    pub email_as: EmailAs,
    /// IdentityInfo.Mobile. A number that Connect would refuse is left out, since Connect only
    /// stores this one and uses it for nothing.
    pub mobile: Option<PhoneNumber>,
    /// True if the person has a mobile number and it was left out.
    pub mobile_left_out: bool,
    /// The phone configuration, with the person's own number for a desk phone.
    pub phone: Phone,
    /// The user's access: routing profile, security profiles, hierarchy group.
    pub permissions: Permissions<ResourceRef>,
    /// True if the hierarchy group is managed, even if the user should have none.
    pub decides_group: bool,
    /// The operator's tags and the three owner tags.
    pub tags: BTreeMap<String, String>,
}

impl Agent {
    /// Computes the desired state of a person who is a member of these groups.
    ///
    /// # Errors
    /// [`crate::fault::Kind::InvalidValue`] for the first attribute that Connect would refuse.
    pub fn assign(
        person: &Person,
        groups: &[GroupNames<'_>],
        rules: &Rules,
        random: [u8; 16],
    ) -> Result<Self, Fault> {
        Self::assign_by(person, groups, rules, random, &mut OnInvalid::Reject)
    }

    /// As [`Self::assign`], but values that Connect cannot hold are left out; one fault reports
    /// each.
    ///
    /// # Errors
    /// [`crate::fault::Kind::InvalidValue`] for what a user cannot do without: a username, an
    /// owner, names if the identity management type requires them, a desk phone's number if the
    /// default phone is a desk phone. Values are never shortened to fit.
    pub fn assign_leniently(
        person: &Person,
        groups: &[GroupNames<'_>],
        rules: &Rules,
        random: [u8; 16],
    ) -> Result<(Self, Vec<Fault>), Fault> {
        let mut on_invalid = OnInvalid::lenient();
        let agent = Self::assign_by(person, groups, rules, random, &mut on_invalid)?;
        Ok((agent, on_invalid.left_out()))
    }

    fn assign_by(
        person: &Person,
        groups: &[GroupNames<'_>],
        rules: &Rules,
        random: [u8; 16],
        on_invalid: &mut OnInvalid,
    ) -> Result<Self, Fault> {
        let identity = rules.identity;
        let (owner, username) = Owner::of_person(person, rules)?;
        let permissions = Permissions::of(person, groups, rules, on_invalid)?;
        let [first_name, last_name] = names(person, identity, on_invalid)?;
        let (email, secondary_email) = emails(person, rules.email_as, on_invalid)?;
        let (mobile, mobile_left_out) = mobile(person, on_invalid);
        let mut tags = rules.tags.clone();
        tags.extend(owner.tags());
        Ok(Self {
            password: password(person, rules, random, on_invalid),
            directory_user_id: directory_user_id(person, identity, on_invalid)?,
            first_name,
            last_name,
            email,
            secondary_email,
            email_as: rules.email_as,
            mobile,
            mobile_left_out,
            phone: phone::overrides::assign(person, &rules.phone, on_invalid)?,
            permissions,
            decides_group: rules.decides_group(),
            tags,
            owner,
            username,
        })
    }

    /// The same state for a user whose owner was fixed when it was created.
    #[must_use]
    pub fn of_owner(mut self, owner: Owner) -> Self {
        self.tags.extend(owner.tags());
        self.owner = owner;
        self
    }
}

/// Shows the owner's hash and nothing of the person.
impl fmt::Debug for Agent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Agent").field("owner", &self.owner).finish_non_exhaustive()
    }
}

fn names(
    person: &Person,
    identity: &Identity,
    on_invalid: &mut OnInvalid,
) -> Result<[Option<PersonName>; 2], Fault> {
    let Some([first, last]) = identity.names else { return Ok([None, None]) };
    Ok([
        Some(PersonName::parse("name.givenName", &person.given_name_by(on_invalid)?, first)?),
        Some(PersonName::parse("name.familyName", &person.family_name_by(on_invalid)?, last)?),
    ])
}

/// The event's password if it is valid, else a random one if `generate_password` is set.
fn password(
    person: &Person,
    rules: &Rules,
    random: [u8; 16],
    on_invalid: &mut OnInvalid,
) -> Result<Option<Password>, Fault> {
    if !rules.identity.password {
        return Ok(None);
    }
    match on_invalid.or_without(person.password())?.and_then(Password::parse) {
        Some(password) => Ok(Some(password)),
        None if rules.generate_password => Ok(Some(Password::generate(random))),
        None => Err(Fault::value(
            "password",
            "8 to 64 characters with a lower-case and an upper-case letter and a digit, or the \
             operator's setting GENERATE_PASSWORD=true",
            "neither",
        )),
    }
}

fn directory_user_id(
    person: &Person,
    identity: &Identity,
    on_invalid: &mut OnInvalid,
) -> Result<Option<String>, Fault> {
    let path = format!("{CONNECT_SCHEMA}:directoryUserId");
    let read = match person.connect("directoryUserId", on_invalid)? {
        None => Ok(None),
        Some(_) if !identity.directory_user_id => {
            Err(Fault::value(&path, "none, because this instance has no directory", "one"))
        }
        Some(Value::String(id)) if !id.is_empty() => Ok(Some(id.clone())),
        Some(other) => Err(Fault::value(&path, "a string that is not empty", describe(other))),
    };
    on_invalid.or_without(read)
}

fn emails(
    person: &Person,
    email_as: EmailAs,
    on_invalid: &mut OnInvalid,
) -> Result<(Option<Email>, Option<Email>), Fault> {
    let mut email = || {
        let address = person.email_by(on_invalid)?;
        on_invalid.or_without(address.map(Email::parse).transpose())
    };
    Ok(match email_as {
        EmailAs::Email => (email()?, None),
        EmailAs::Secondary => (None, email()?),
        EmailAs::Omit => (None, None),
    })
}

/// The mobile number, and whether an invalid one was left out. That is not a fault in strict mode
/// either.
fn mobile(person: &Person, on_invalid: &mut OnInvalid) -> (Option<PhoneNumber>, bool) {
    const PATH: &str = "phoneNumbers[type eq \"mobile\"]";
    let number = person.phone_number("mobile", on_invalid);
    match number.and_then(|number| number.map(|it| PhoneNumber::parse(PATH, it)).transpose()) {
        Ok(number) => (number, false),
        Err(fault) => {
            let _refused_nowhere = on_invalid.leave_out(fault);
            (None, true)
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
