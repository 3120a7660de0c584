//! Person + rules → [`Agent`]: what Amazon Connect should hold for this person.
//!
//! Everything that Connect would refuse is refused here, before any call, in words that name the
//! SCIM attribute: Connect itself answers without saying which member it means. The rules are those
//! of `CreateUser` ("Amazon Connect API Reference"), which differ by [`identity`] management type.
//! A password in the event is dropped where users have none: Okta sends one with every user.
//!
//! A SCIM client's values come back to it as it sent them, so for it the same is told afterwards, as
//! what was left out; what a user cannot be without is refused there too.

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
use permissions::{Allowed, Grant, Permissions};
use phone::Phone;
use text::{Email, PersonName, PhoneNumber, Username};

/// What the operator decided for everyone: nobody's own payload has a say in it, but as far as
/// `allowed` goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The deployment's name, part of every owner.
    pub deployment: String,
    /// The profiles and group that everybody gets.
    pub permissions: Permissions<ResourceRef>,
    /// The profiles and groups that a person's payload may name instead.
    pub allowed: Allowed,
    /// Grants by the names of groups, in the operator's order, which is their precedence.
    pub groups: Vec<(String, Grant)>,
    /// The operator's own tags.
    pub tags: BTreeMap<String, String>,
    /// The constraints of the instance's identity management type.
    pub identity: &'static Identity,
    /// Where the e-mail address goes.
    pub email_as: EmailAs,
    /// True if a user whose event has no usable password gets a random one.
    pub generate_password: bool,
    /// How everyone's phone is set up.
    pub phone: Phone,
}

impl Rules {
    /// Whether the hierarchy group is ours to say, since somebody might have one by our hand.
    fn decides_group(&self) -> bool {
        self.permissions.hierarchy_group.is_some()
            || !self.allowed.hierarchy_groups.is_empty()
            || self.groups.iter().any(|(_, grant)| grant.hierarchy_group.is_some())
    }
}

/// The desired state: what Amazon Connect should hold for one person.
#[derive(Clone, PartialEq, Eq)]
pub struct Agent {
    /// The owner of this user; fixed when it is created.
    pub owner: Owner,
    /// The username: `userName`, byte for byte.
    pub username: Username,
    /// Password; a fault where users have one and there is none to give, which matters to
    /// CreateUser alone.
    pub password: Result<Option<Password>, Fault>,
    /// `DirectoryUserId`.
    pub directory_user_id: Option<String>,
    /// IdentityInfo.FirstName.
    pub first_name: Option<PersonName>,
    /// IdentityInfo.LastName.
    pub last_name: Option<PersonName>,
    /// IdentityInfo.Email.
    pub email: Option<Email>,
    /// IdentityInfo.SecondaryEmail.
    pub secondary_email: Option<Email>,
    /// Which of the two the person's address is; the other one is not ours to write.
    pub email_as: EmailAs,
    /// IdentityInfo.Mobile: left out if the person's number is none that Connect takes, since
    /// Connect stores it and uses it for nothing.
    pub mobile: Option<PhoneNumber>,
    /// True if there was a mobile number and it was left out.
    pub mobile_left_out: bool,
    /// The phone, with the person's own number where it is a desk phone.
    pub phone: Phone,
    /// The user's access: routing profile, security profiles, hierarchy group.
    pub permissions: Permissions<ResourceRef>,
    /// True if the hierarchy group is ours to decide, also where it is none.
    pub decides_group: bool,
    /// The operator's tags and the owner's three.
    pub tags: BTreeMap<String, String>,
}

impl Agent {
    /// Works out what Connect should hold of a person who is in these groups.
    ///
    /// # Errors
    /// [`crate::fault::Kind::InvalidValue`] for the first attribute that Connect would refuse.
    pub fn assign(
        person: &Person,
        groups: &[&str],
        rules: &Rules,
        random: [u8; 16],
    ) -> Result<Self, Fault> {
        Self::assign_by(person, groups, rules, random, &mut OnInvalid::Reject)
    }

    /// The same, but what Connect cannot hold is left out, and told by one fault each.
    ///
    /// # Errors
    /// [`crate::fault::Kind::InvalidValue`] for what a user cannot be without: a username, an owner,
    /// names where the identity management type needs them, the number of a desk phone where everyone
    /// has one. Nothing is cut to fit.
    pub fn assign_leniently(
        person: &Person,
        groups: &[&str],
        rules: &Rules,
        random: [u8; 16],
    ) -> Result<(Self, Vec<Fault>), Fault> {
        let mut on_invalid = OnInvalid::lenient();
        let agent = Self::assign_by(person, groups, rules, random, &mut on_invalid)?;
        Ok((agent, on_invalid.left_out()))
    }

    fn assign_by(
        person: &Person,
        groups: &[&str],
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

    /// The same for a user whose owner was fixed before.
    #[must_use]
    pub fn of_owner(mut self, owner: Owner) -> Self {
        self.tags.extend(owner.tags());
        self.owner = owner;
        self
    }
}

/// Shows whose user this is, and nothing of the person.
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

/// The event's own password if Connect takes it, else a random one if the operator says so.
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

/// The mobile number, and whether there was one that is left out, as it is in the strict manner too.
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
