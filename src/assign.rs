//! Person + rules → [`Agent`]: what Amazon Connect should hold for this person.
//!
//! Everything that Connect would refuse is refused here, before any call, in words that name the
//! SCIM attribute: Connect itself answers without saying which member it means. The rules are those
//! of identity management by SAML ("Amazon Connect API Reference", CreateUser; "Configure SAML with
//! IAM for Amazon Connect"). Under SAML a user has no password, so one in the event is dropped.

pub mod owner;
pub mod text;

use std::collections::BTreeMap;
use std::fmt;

use crate::fault::Fault;
use crate::scim::Person;
use owner::Owner;
use text::{Email, PersonName, PhoneNumber, Username};

/// What the operator decided for everyone: nobody's own payload has a say in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The deployment's name, part of every owner.
    pub deployment: String,
    /// The routing profile's id.
    pub routing_profile: String,
    /// One to ten security profiles' ids.
    pub security_profiles: Vec<String>,
    /// The hierarchy group's id, if there is one.
    pub hierarchy_group: Option<String>,
    /// The operator's own tags.
    pub tags: BTreeMap<String, String>,
    /// Where the e-mail address goes.
    pub email_as: EmailAs,
    /// How everyone's phone is set up.
    pub phone: PhoneDefaults,
}

/// Where in UserIdentityInfo the e-mail address goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmailAs {
    /// `Email`. The API reference says both that SAML requires it and that SAML refuses it.
    Email,
    /// `SecondaryEmail`, which gets all mail but password resets.
    Secondary,
    /// Nowhere: what the instances in the field accept, hence the default.
    #[default]
    Omit,
}

/// The phone settings of UserPhoneConfig.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhoneDefaults {
    /// Where calls ring.
    pub phone_type: PhoneType,
    /// Whether calls are answered by themselves (soft phone).
    pub auto_accept: bool,
    /// Seconds, 0 to 2,000,000; 0 means that the agent ends the work by hand.
    pub after_contact_work_seconds: i32,
    /// Whether the line stays open between calls; unset is left to Connect.
    pub persistent_connection: Option<bool>,
}

/// Where calls ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhoneType {
    /// At the agent's own telephone: the person's work number.
    DeskPhone,
    /// In the browser.
    SoftPhone,
}

/// What Amazon Connect should hold for one person.
#[derive(Clone, PartialEq, Eq)]
pub struct Agent {
    /// Who this user belongs to; fixed when it is created.
    pub owner: Owner,
    /// The username: `userName`, byte for byte.
    pub username: Username,
    /// IdentityInfo.FirstName.
    pub first_name: PersonName,
    /// IdentityInfo.LastName.
    pub last_name: PersonName,
    /// IdentityInfo.Email.
    pub email: Option<Email>,
    /// IdentityInfo.SecondaryEmail.
    pub secondary_email: Option<Email>,
    /// PhoneConfig.DeskPhoneNumber.
    pub desk_phone_number: Option<PhoneNumber>,
    /// The rest of PhoneConfig.
    pub phone: PhoneDefaults,
    /// The routing profile's id.
    pub routing_profile: String,
    /// The security profiles' ids.
    pub security_profiles: Vec<String>,
    /// The hierarchy group's id.
    pub hierarchy_group: Option<String>,
    /// The operator's tags and the owner's three.
    pub tags: BTreeMap<String, String>,
}

impl Agent {
    /// Works out what Connect should hold.
    ///
    /// # Errors
    /// [`crate::fault::Kind::InvalidValue`] for the first attribute that Connect would refuse.
    pub fn assign(person: &Person, rules: &Rules) -> Result<Self, Fault> {
        let username = Username::read(person.user_name()?)?;
        let owner = Owner::of(&rules.deployment, person.external_id()?, &username);
        let (email, secondary_email) = emails(person, rules.email_as)?;
        let mut tags = rules.tags.clone();
        tags.extend(owner.tags());
        Ok(Self {
            first_name: PersonName::read("name.givenName", person.given_name()?, 255)?,
            last_name: PersonName::read("name.familyName", person.family_name()?, 300)?,
            email,
            secondary_email,
            desk_phone_number: desk_phone_number(person, rules.phone.phone_type)?,
            phone: rules.phone,
            routing_profile: rules.routing_profile.clone(),
            security_profiles: rules.security_profiles.clone(),
            hierarchy_group: rules.hierarchy_group.clone(),
            tags,
            owner,
            username,
        })
    }
}

/// Shows whose user this is, and nothing of the person.
impl fmt::Debug for Agent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Agent").field("owner", &self.owner).finish_non_exhaustive()
    }
}

fn emails(person: &Person, email_as: EmailAs) -> Result<(Option<Email>, Option<Email>), Fault> {
    let email = || person.email()?.map(Email::read).transpose();
    Ok(match email_as {
        EmailAs::Email => (email()?, None),
        EmailAs::Secondary => (None, email()?),
        EmailAs::Omit => (None, None),
    })
}

fn desk_phone_number(person: &Person, phone_type: PhoneType) -> Result<Option<PhoneNumber>, Fault> {
    const PATH: &str = "phoneNumbers[type eq \"work\"]";
    if phone_type == PhoneType::SoftPhone {
        return Ok(None);
    }
    let number = person.phone_number("work")?.ok_or_else(|| {
        Fault::value(PATH, "a number, because the phone type is DESK_PHONE", "none")
    })?;
    PhoneNumber::read(PATH, number).map(Some)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::{Value, json};

    pub(crate) fn ana() -> Value {
        json!({
            "userName": "ana.ruiz@example.com", "externalId": "00u1", "password": "1mz050nq",
            "name": {"givenName": "Ana", "familyName": "Ruiz"},
            "emails": [{"value": "ana.ruiz@example.com", "type": "work", "primary": true}],
            "phoneNumbers": [{"value": "+1 206-555-0100", "type": "work"}],
            "roles": [{"value": "Admin"}], "entitlements": ["Admin"], "groups": [{"value": "g"}],
        })
    }

    pub(crate) fn agent(resource: Value) -> Result<Agent, Fault> {
        agent_by(&rules(), resource)
    }

    fn agent_by(rules: &Rules, resource: Value) -> Result<Agent, Fault> {
        let Value::Object(resource) = resource else { panic!("a resource is an object") };
        Agent::assign(&Person::new(resource), rules)
    }

    fn rules() -> Rules {
        Rules {
            deployment: "prod".to_owned(),
            routing_profile: "rp".to_owned(),
            security_profiles: vec!["sp".to_owned()],
            hierarchy_group: None,
            tags: BTreeMap::from([("team".to_owned(), "blue".to_owned())]),
            email_as: EmailAs::Omit,
            phone: PhoneDefaults {
                phone_type: PhoneType::SoftPhone,
                auto_accept: false,
                after_contact_work_seconds: 0,
                persistent_connection: None,
            },
        }
    }

    #[test]
    fn a_person_becomes_an_agent() {
        let agent = agent(ana()).unwrap();
        assert_eq!(agent.username.as_str(), "ana.ruiz@example.com");
        assert_eq!(agent.first_name.as_str(), "Ana");
        assert_eq!(agent.last_name.as_str(), "Ruiz");
        assert_eq!((&agent.email, &agent.secondary_email), (&None, &None));
        assert_eq!(agent.desk_phone_number, None);
        assert_eq!(agent.tags.len(), 4);
        assert_eq!(agent.tags["team"], "blue");
        assert_eq!(agent.tags[owner::OWNER], agent.owner.hash());
    }

    #[test]
    fn nobody_chooses_their_own_power() {
        let mut plain = ana();
        for attribute in ["roles", "entitlements", "groups"] {
            plain.as_object_mut().unwrap().remove(attribute);
        }
        assert_eq!(agent(ana()).unwrap(), agent(plain).unwrap());
    }

    #[test]
    fn the_email_address_goes_where_the_operator_says() {
        let emails = |email_as| {
            let agent = agent_by(&Rules { email_as, ..rules() }, ana()).unwrap();
            [agent.email, agent.secondary_email]
                .map(|email| email.map(|email| email.as_str().to_owned()))
        };
        let address = Some("ana.ruiz@example.com".to_owned());
        assert_eq!(emails(EmailAs::Omit), [None, None]);
        assert_eq!(emails(EmailAs::Email), [address.clone(), None]);
        assert_eq!(emails(EmailAs::Secondary), [None, address]);
    }

    #[test]
    fn a_desk_phone_needs_the_work_number() {
        let phone = PhoneDefaults { phone_type: PhoneType::DeskPhone, ..rules().phone };
        let rules = Rules { phone, ..rules() };
        let number = agent_by(&rules, ana()).unwrap().desk_phone_number.unwrap();
        assert_eq!(number.as_str(), "+12065550100");
        let mut without = ana();
        without["phoneNumbers"] = json!([{"value": "+12065550100", "type": "mobile"}]);
        assert_eq!(
            agent_by(&rules, without).unwrap_err().detail,
            "phoneNumbers[type eq \"work\"]: expected a number, because the phone type is \
             DESK_PHONE, found none"
        );
    }

    #[test]
    fn the_first_attribute_that_connect_would_refuse_is_named() {
        for (path, value, attribute) in [
            ("/userName", json!("ana ruiz"), "userName:"),
            ("/name/givenName", json!(""), "name.givenName:"),
            ("/name/familyName", json!("x".repeat(301)), "name.familyName:"),
            ("/name", json!(null), "name.givenName:"),
            ("/externalId", json!({}), "externalId:"),
        ] {
            let mut resource = ana();
            *resource.pointer_mut(path).unwrap() = value;
            let fault = agent(resource).unwrap_err();
            assert!(fault.detail.starts_with(attribute), "{}", fault.detail);
        }
    }

    #[test]
    fn debug_shows_the_owner_alone() {
        assert_eq!(
            format!("{:?}", agent(ana()).unwrap()),
            "Agent { owner: Owner { deployment: \"prod\", hash: \"48302f6003f7dc9e09142cbdddcc5d93\" }, .. }"
        );
    }
}
