//! The desired state of a person, attribute by attribute.

mod lenient;

use super::identity::IDENTITIES;
use super::instance::Instance;
use super::phone::{PhoneConfig, PhoneType};
use super::*;
use serde_json::json;

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
    Agent::assign(&Person::new(resource), &[], rules, [7; 16])
}

fn rules() -> Rules {
    let instance: Instance = "11111111-2222-3333-4444-555555555555".parse().unwrap();
    Rules {
        deployment: "prod".to_owned(),
        permissions: Permissions {
            routing_profile: ResourceRef::Name("Basic".to_owned()),
            security_profiles: vec![ResourceRef::Name("Agent".to_owned())],
            hierarchy_group: None,
        },
        allowed: Allowed {
            instance,
            routing_profiles: Vec::new(),
            security_profiles: Vec::new(),
            hierarchy_groups: Vec::new(),
        },
        groups: Vec::new(),
        tags: BTreeMap::from([("team".to_owned(), "blue".to_owned())]),
        identity: Identity::SAML,
        email_as: EmailAs::Omit,
        generate_password: false,
        phone: Phone::Simple(PhoneConfig {
            phone_type: PhoneType::SoftPhone,
            auto_accept: false,
            after_contact_work_time_limit: 0,
            desk_phone_number: None,
            persistent_connection: None,
        }),
    }
}

fn desk_phone() -> Phone {
    match rules().phone {
        Phone::Simple(config) => {
            Phone::Simple(PhoneConfig { phone_type: PhoneType::DeskPhone, ..config })
        }
        channels @ Phone::PerChannel(_) => channels,
    }
}

#[test]
fn a_person_becomes_an_agent() {
    let agent = agent(ana()).unwrap();
    assert_eq!(agent.username.as_str(), "ana.ruiz@example.com");
    assert_eq!(agent.first_name.unwrap().as_str(), "Ana");
    assert_eq!(agent.last_name.unwrap().as_str(), "Ruiz");
    assert_eq!((agent.password, agent.directory_user_id), (Ok(None), None));
    assert_eq!((&agent.email, &agent.secondary_email), (&None, &None));
    assert_eq!((agent.phone, agent.permissions), (rules().phone, rules().permissions));
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
    assert_eq!(rules_of("CONNECT_MANAGED").email_as, EmailAs::Email);
}

#[test]
fn a_desk_phone_needs_the_work_number() {
    let rules = Rules { phone: desk_phone(), ..rules() };
    let number = PhoneNumber::parse("x", "+12065550100").unwrap();
    assert_eq!(agent_by(&rules, ana()).unwrap().phone, desk_phone().at(&number));
    let mut without = ana();
    without["phoneNumbers"] = json!([{"value": "+12065550100", "type": "mobile"}]);
    assert_eq!(
        agent_by(&rules, without).unwrap_err().detail,
        "phoneNumbers[type eq \"work\"]: expected a number, because the phone type is \
         DESK_PHONE, found none"
    );
}

fn rules_of(name: &str) -> Rules {
    let identity = IDENTITIES.iter().find(|identity| identity.name == name).unwrap();
    Rules { identity, email_as: identity.email_as, ..rules() }
}

#[test]
fn connect_keeps_a_password_only_where_it_keeps_identities() {
    let managed = rules_of("CONNECT_MANAGED");
    let mut strong = ana();
    strong["password"] = json!("Passw0rd");
    let password = |rules: &Rules, resource| {
        agent_by(rules, resource)?.password.map(|own| own.map(|own| own.as_str().to_owned()))
    };
    assert_eq!(password(&managed, strong.clone()).unwrap().unwrap(), "Passw0rd");
    assert!(password(&managed, ana()).unwrap_err().detail.starts_with("password: expected 8"));
    let generating = Rules { generate_password: true, ..rules_of("CONNECT_MANAGED") };
    let generated = password(&generating, ana()).unwrap().unwrap();
    assert_eq!(generated, format!("aA0{}", "07".repeat(16)));
    for name in ["SAML", "EXISTING_DIRECTORY"] {
        assert_eq!(password(&rules_of(name), strong.clone()).unwrap(), None);
    }
}

#[test]
fn a_directory_has_the_names_and_a_user_may_name_its_entry() {
    let mut resource = ana();
    resource[CONNECT_SCHEMA] = json!({"directoryUserId": "S-1-5-21"});
    resource.as_object_mut().unwrap().remove("name");
    let agent = agent_by(&rules_of("EXISTING_DIRECTORY"), resource.clone()).unwrap();
    assert_eq!((agent.first_name, agent.last_name), (None, None));
    assert_eq!(agent.directory_user_id.as_deref(), Some("S-1-5-21"));
    resource["name"] = ana()["name"].clone();
    resource["password"] = json!("Passw0rd");
    for name in ["SAML", "CONNECT_MANAGED"] {
        let fault = agent_by(&rules_of(name), resource.clone()).unwrap_err();
        assert!(fault.detail.contains("amazonconnect:2.0:User:directoryUserId: expected none"));
    }
}

#[test]
fn names_are_as_long_as_the_type_allows_and_no_longer() {
    for (name, first, last) in [("SAML", 255, 300), ("CONNECT_MANAGED", 255, 256)] {
        let rules = Rules { generate_password: true, ..rules_of(name) };
        let fits = |first: usize, last: usize| {
            let mut resource = ana();
            let names = json!({"givenName": "x".repeat(first), "familyName": "x".repeat(last)});
            resource["name"] = names;
            agent_by(&rules, resource).is_ok()
        };
        assert!(fits(first, last), "{name}");
        assert!(!fits(first + 1, last), "{name}");
        assert!(!fits(first, last + 1), "{name}");
    }
}

const SALES: &str = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";

/// Rules that allow one routing profile by id, two security profiles by name, and no hierarchy
/// group.
fn allowing() -> Rules {
    let name = |name: &str| ResourceRef::Name(name.to_owned());
    let allowed = Allowed {
        routing_profiles: vec![ResourceRef::Id(SALES.parse().unwrap())],
        security_profiles: vec![name("Agent"), name("QualityAnalyst")],
        ..rules().allowed
    };
    Rules { allowed, ..rules() }
}

fn asking(name: &str, value: impl Into<Value>) -> Result<Permissions<ResourceRef>, Fault> {
    let mut resource = ana();
    resource[CONNECT_SCHEMA.to_uppercase()] = json!({name: value.into()});
    agent_by(&allowing(), resource).map(|agent| agent.permissions)
}

#[test]
fn power_that_is_on_the_operators_list_is_given() {
    let arn = |instance: &str| {
        format!("arn:aws:connect:eu-west-2:1:instance/{instance}/routing-profile/{SALES}")
    };
    let ours = arn("11111111-2222-3333-4444-555555555555");
    for value in [SALES, &SALES.to_uppercase(), &ours] {
        let permissions = asking("routingProfile", json!(value)).unwrap();
        assert_eq!(permissions.routing_profile, ResourceRef::Id(SALES.parse().unwrap()));
        assert_eq!(permissions.security_profiles, rules().permissions.security_profiles);
    }
    let permissions =
        asking("SecurityProfiles", json!(["QualityAnalyst", "QualityAnalyst"])).unwrap();
    assert_eq!(permissions.security_profiles, [ResourceRef::Name("QualityAnalyst".to_owned())]);
    for nothing in [json!(null), json!([])] {
        assert_eq!(asking("securityProfiles", nothing).unwrap(), rules().permissions);
    }
    assert!(asking("routingProfile", json!(arn(SALES))).is_err(), "of another instance");
}

#[test]
fn power_that_is_not_on_the_operators_list_is_refused() {
    for (name, value, found) in [
        // A default is allowed in a payload only if it is on the list too.
        ("routingProfile", json!("Basic"), "found another"),
        ("routingProfile", json!("Sales"), "found another"),
        ("routingProfile", json!(""), "found another"),
        ("routingProfile", json!([SALES]), "found an array"),
        ("securityProfiles", json!(["Agent", "Admin"]), "found another"),
        ("securityProfiles", json!(["agent"]), "found another"),
        ("securityProfiles", json!(["Agent "]), "found another"),
        ("securityProfiles", json!("Agent"), "found a string"),
        ("securityProfiles", json!([7]), "found a number"),
        ("hierarchyGroup", json!("EMEA"), "ALLOWED_HIERARCHY_GROUPS"),
    ] {
        let fault = asking(name, value).unwrap_err();
        assert!(fault.detail.starts_with(CONNECT_SCHEMA), "{}", fault.detail);
        assert!(fault.detail.contains(found), "{}", fault.detail);
    }
    for (key, value) in [
        (CONNECT_SCHEMA.to_owned(), json!("Admin")),
        (CONNECT_SCHEMA.to_owned(), json!([{"securityProfiles": ["Admin"]}])),
        (format!("{CONNECT_SCHEMA}:securityProfiles"), json!(["Admin"])),
    ] {
        let mut resource = ana();
        resource[&key] = value;
        let fault = agent(resource).unwrap_err();
        assert!(fault.detail.contains(":User: expected an object"), "{}", fault.detail);
    }
}

#[test]
fn nobody_gets_more_security_profiles_than_connect_takes() {
    let name = |number: u32| format!("profile {number}");
    let security_profiles = (0..11).map(|number| ResourceRef::Name(name(number))).collect();
    let rules = Rules { allowed: Allowed { security_profiles, ..rules().allowed }, ..rules() };
    for (count, fits) in [(10, true), (11, false)] {
        let mut resource = ana();
        let names: Vec<_> = (0..count).map(name).collect();
        resource[CONNECT_SCHEMA] = json!({"securityProfiles": names});
        assert_eq!(agent_by(&rules, resource).is_ok(), fits);
    }
}

#[test]
fn a_mobile_number_that_connect_would_refuse_is_left_out() {
    let mobile = |number: &str| {
        let mut resource = ana();
        resource["phoneNumbers"] = json!([{"value": number, "type": "mobile"}]);
        let agent = agent(resource).unwrap();
        (agent.mobile.map(|number| number.as_str().to_owned()), agent.mobile_left_out)
    };
    assert_eq!(mobile("tel:+34-600-100-200"), (Some("+34600100200".to_owned()), false));
    assert_eq!(mobile("600 100 200"), (None, true));
    let mut number = ana();
    number["phoneNumbers"] = json!([{"value": 34_600_100_200_u64, "type": "mobile"}]);
    assert!(agent(number).unwrap().mobile_left_out);
    assert!(!agent(ana()).unwrap().mobile_left_out);
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
