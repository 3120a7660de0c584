//! Grants by groups, a person's own phone, and values that are left out.

use super::super::permissions::Grant;
use super::super::phone::Channels;
use super::*;

fn person(resource: Value) -> Person {
    let Value::Object(resource) = resource else { panic!("a resource is an object") };
    Person::new(resource)
}

fn leniently(rules: &Rules, resource: Value) -> Result<(Agent, Vec<String>), Fault> {
    let (agent, left_out) = Agent::assign_leniently(&person(resource), &[], rules, [7; 16])?;
    Ok((agent, left_out.into_iter().map(|fault| fault.detail.into_owned()).collect()))
}

fn name(name: &str) -> ResourceRef {
    ResourceRef::Name(name.to_owned())
}

fn names(count: usize, prefix: &str) -> Vec<ResourceRef> {
    (0..count).map(|number| name(&format!("{prefix} {number}"))).collect()
}

fn with_extension(extension: Value) -> Value {
    let mut resource = ana();
    resource[CONNECT_SCHEMA] = extension;
    resource
}

fn granted(name: &str, grant: Grant) -> GroupGrant {
    GroupGrant { name: name.to_owned(), external_id: None, id: None, grant }
}

fn called(display_name: &str) -> GroupNames<'_> {
    GroupNames { display_name, external_id: Some("e1"), id: "i1" }
}

#[test]
fn a_group_that_is_named_by_its_id_is_no_other_whatever_it_is_called() {
    let grant = || Grant { routing_profile: Some(name("Sales")), ..Grant::default() };
    let by = |external_id: Option<&str>, id: Option<&str>| GroupGrant {
        external_id: external_id.map(str::to_owned),
        id: id.map(str::to_owned),
        ..granted("Ventes", grant())
    };
    for (meant, is_one) in [
        (by(None, None), [true, false]),
        (by(Some("e1"), None), [true, true]),
        (by(Some("E1"), None), [false, false]),
        (by(None, Some("i1")), [true, true]),
        (by(Some("e1"), Some("i2")), [false, false]),
        (by(Some("e2"), Some("i1")), [false, false]),
        (by(Some("Ventes"), None), [false, false]),
    ] {
        let found = ["VENTES", "e2"].map(|display_name| meant.is_of(&called(display_name)));
        assert_eq!(found, is_one, "{meant:?}");
    }
}

/// Rules with grants for the groups `Ventes` and `Été`.
fn granting() -> Rules {
    let sales = Grant {
        routing_profile: Some(name("Sales")),
        security_profiles: vec![name("Seller"), name("Agent")],
        hierarchy_group: None,
    };
    let summer = Grant {
        routing_profile: Some(name("Beach")),
        security_profiles: vec![name("Agent"), name("Lifeguard")],
        hierarchy_group: Some(name("Coast")),
    };
    let groups = vec![granted("Ventes", sales), granted("Été", summer)];
    Rules { groups, ..allowing() }
}

#[test]
fn groups_grant_in_the_operators_order() {
    let permissions = |groups: &[&str]| {
        let groups: Vec<_> = groups.iter().map(|name| called(name)).collect();
        let permissions =
            Agent::assign(&person(ana()), &groups, &granting(), [7; 16]).unwrap().permissions;
        let text = |reference: &ResourceRef| match reference {
            ResourceRef::Name(name) => name.clone(),
            ResourceRef::Id(id) => id.as_str().to_owned(),
        };
        let profiles: Vec<_> = permissions.security_profiles.iter().map(text).collect();
        let group = permissions.hierarchy_group.as_ref().map(text).unwrap_or_default();
        format!("{}; {}; {group}", text(&permissions.routing_profile), profiles.join(", "))
    };
    assert_eq!(permissions(&[]), "Basic; Agent; ");
    assert_eq!(permissions(&["Everybody", "Vente"]), "Basic; Agent; ");
    assert_eq!(permissions(&["ventes"]), "Sales; Seller, Agent; ");
    assert_eq!(permissions(&["ÉTÉ"]), "Beach; Agent, Lifeguard; Coast");
    assert_eq!(permissions(&["été", "VENTES"]), "Sales; Seller, Agent, Lifeguard; Coast");
}

#[test]
fn a_payload_that_is_allowed_comes_before_groups() {
    let own = with_extension(json!({"securityProfiles": ["QualityAnalyst"]}));
    let agent = Agent::assign(&person(own), &[called("Ventes")], &granting(), [7; 16]).unwrap();
    assert_eq!(agent.permissions.security_profiles, [name("QualityAnalyst")]);
    assert_eq!(agent.permissions.routing_profile, name("Sales"));
    let denied = person(with_extension(json!({"routingProfile": "Admin"})));
    assert!(Agent::assign(&denied, &[called("Ventes")], &granting(), [7; 16]).is_err());
    let (agent, left_out) =
        Agent::assign_leniently(&denied, &[called("Ventes")], &granting(), [7; 16]).unwrap();
    assert_eq!((agent.permissions.routing_profile, left_out.len()), (name("Sales"), 1));
}

#[test]
fn groups_together_grant_no_more_than_connect_takes() {
    let grant = |prefix: &str| Grant { security_profiles: names(6, prefix), ..Grant::default() };
    let groups = vec![granted("a", grant("a")), granted("b", grant("b"))];
    let rules = Rules { groups, ..rules() };
    let ana = person(ana());
    let (agent, left_out) =
        Agent::assign_leniently(&ana, &[called("b"), called("a")], &rules, [7; 16]).unwrap();
    assert_eq!(agent.permissions.security_profiles, [names(6, "a"), names(4, "b")].concat());
    let told = "groups: expected at most 10 security profiles of them all, found 12";
    assert_eq!(left_out[0].detail, told);
    assert_eq!(
        Agent::assign(&ana, &[called("b"), called("a")], &rules, [7; 16]).unwrap_err().detail,
        told
    );
}

#[test]
fn the_hierarchy_group_is_ours_to_say_if_anything_of_ours_can_give_one() {
    let decides = |rules: &Rules| agent_by(rules, ana()).unwrap().decides_group;
    assert!(!decides(&rules()));
    assert!(decides(&granting()), "also for whoever left the group");
    let grant = Grant { routing_profile: Some(name("Sales")), ..Grant::default() };
    assert!(!decides(&Rules { groups: vec![granted("a", grant)], ..rules() }));
}

fn simple(change: impl FnOnce(&mut PhoneConfig)) -> Phone {
    let Phone::Simple(mut config) = rules().phone else { panic!("all channels are alike") };
    change(&mut config);
    Phone::Simple(config)
}

fn number(text: &str) -> Option<PhoneNumber> {
    Some(PhoneNumber::parse("x", text).unwrap())
}

#[test]
fn a_persons_own_phone_overrides_everyones_member_by_member() {
    let phone = |own: Value| agent(with_extension(json!({"Phone": own}))).unwrap().phone;
    for nothing in [json!(null), json!({}), json!({"type": "", "autoAccept": null})] {
        assert_eq!(phone(nothing), rules().phone);
    }
    for yes in [json!(true), json!("True")] {
        assert_eq!(phone(json!({"AUTOACCEPT": yes})), simple(|config| config.auto_accept = true));
    }
    for seconds in [json!(2_000_000), json!("2000000")] {
        let expected = simple(|config| config.after_contact_work_time_limit = 2_000_000);
        assert_eq!(phone(json!({"afterContactWorkSeconds": seconds})), expected);
    }
    let expected = simple(|config| config.persistent_connection = Some(false));
    assert_eq!(phone(json!({"persistentConnection": "false"})), expected);
    let desk = |text| {
        simple(|config| {
            config.phone_type = PhoneType::DeskPhone;
            config.desk_phone_number = number(text);
        })
    };
    assert_eq!(phone(json!({"type": "desk_phone"})), desk("+12065550100"));
    let own = json!({"type": "DESK_PHONE", "deskNumber": "tel:+44-20-7946-0000"});
    assert_eq!(phone(own), desk("+442079460000"));
    assert_eq!(phone(json!({"deskNumber": "+442079460000"})), rules().phone, "it is a soft phone");
    let mut soft = with_extension(json!({"phone": {"type": "SOFT_PHONE"}}));
    soft.as_object_mut().unwrap().remove("phoneNumbers");
    let everyones = Rules { phone: desk_phone(), ..rules() };
    assert_eq!(agent_by(&everyones, soft).unwrap().phone, rules().phone);
}

#[test]
fn a_phone_that_connect_would_refuse_is_refused_or_left_out() {
    for (own, path, found) in [
        (json!("SOFT_PHONE"), "phone: expected an object", "found a string"),
        (json!({"color": "red"}), "phone: expected no members but type", "found another"),
        (json!({"type": "CAR_PHONE"}), "phone.type: expected SOFT_PHONE or", "another string"),
        (json!({"type": 7}), "phone.type: expected SOFT_PHONE or", "found a number"),
        (json!({"autoAccept": "maybe"}), "phone.autoAccept: expected true", "found a string"),
        (json!({"afterContactWorkSeconds": 2_000_001}), "phone.afterContactWorkSeconds:", "number"),
        (json!({"afterContactWorkSeconds": -1}), "phone.afterContactWorkSeconds:", "number"),
        (json!({"afterContactWorkSeconds": 1.5}), "phone.afterContactWorkSeconds:", "number"),
        (json!({"afterContactWorkSeconds": [1]}), "phone.afterContactWorkSeconds:", "an array"),
        (
            json!({"deskNumber": "020 7946"}),
            "phone.deskNumber: expected an inter",
            "another string",
        ),
        (json!({"deskNumber": 207_946}), "phone.deskNumber: expected an inter", "found a number"),
        (json!({"persistentConnection": 1}), "phone.persistentConnection:", "found a number"),
    ] {
        let resource = with_extension(json!({"phone": own}));
        let fault = agent(resource.clone()).unwrap_err();
        assert!(fault.detail.starts_with(&format!("{CONNECT_SCHEMA}:{path}")), "{}", fault.detail);
        assert!(fault.detail.ends_with(found), "{}", fault.detail);
        let (agent, left_out) = leniently(&rules(), resource).unwrap();
        assert_eq!((agent.phone, left_out), (rules().phone, vec![fault.detail.into_owned()]));
    }
}

#[test]
fn a_desk_phone_of_ones_own_without_a_number_is_everyones_phone() {
    let told = |found: &str| format!("phoneNumbers[type eq \"work\"]: expected {found}");
    let mut resource = with_extension(json!({"phone": {"type": "DESK_PHONE", "autoAccept": true}}));
    for (numbers, found) in [
        (json!([]), "a number, because the phone type is DESK_PHONE, found none"),
        (
            json!([{"value": "7946", "type": "work"}]),
            "an international number, + and 2 to 15 digits (E.164), found something else",
        ),
    ] {
        resource["phoneNumbers"] = numbers;
        assert_eq!(agent(resource.clone()).unwrap_err().detail, told(found));
        let (agent, left_out) = leniently(&rules(), resource.clone()).unwrap();
        assert_eq!(agent.phone, simple(|config| config.auto_accept = true));
        assert_eq!(left_out, [told(found)]);
        let everyones = Rules { phone: desk_phone(), ..rules() };
        let fault = leniently(&everyones, resource.clone()).unwrap_err();
        assert_eq!(fault.detail, told(found), "everyone's is a desk phone too");
    }
}

fn channels(text: &Value) -> Rules {
    Rules { phone: Phone::PerChannel(Channels::read(&text.to_string()).unwrap()), ..rules() }
}

#[test]
fn where_each_channel_is_by_itself_each_that_is_set_up_is_the_persons_own() {
    let own = json!({"type": "DESK_PHONE", "autoAccept": true, "afterContactWorkSeconds": 9,
        "persistentConnection": true, "deskNumber": "+442079460000"});
    let resource = with_extension(json!({"phone": own}));
    let limit = |seconds| json!({"AfterContactWorkTimeLimit": seconds});
    let operators = channels(&json!({
        "AutoAcceptConfigs": [{"Channel": "VOICE", "AutoAccept": false},
            {"Channel": "CHAT", "AutoAccept": false}],
        "AfterContactWorkConfigs": [{"Channel": "TASK", "AfterContactWorkConfig": limit(0)}],
    }));
    assert_eq!(
        serde_json::to_value(agent_by(&operators, resource.clone()).unwrap().phone).unwrap(),
        json!({
            "AutoAcceptConfigs": [{"Channel": "VOICE", "AutoAccept": true},
                {"Channel": "CHAT", "AutoAccept": true}],
            "AfterContactWorkConfigs": [{"Channel": "TASK", "AfterContactWorkConfig": limit(9)}],
            "PhoneNumberConfigs": [{"Channel": "VOICE", "PhoneType": "DESK_PHONE",
                "PhoneNumber": "+442079460000"}],
            "PersistentConnectionConfigs": [{"Channel": "VOICE", "PersistentConnection": true}],
        })
    );
    let voice = channels(&json!({"PhoneNumberConfigs":
        [{"Channel": "VOICE", "PhoneType": "SOFT_PHONE"}]}));
    assert!(agent_by(&voice, resource.clone()).unwrap_err().detail.contains("AutoAcceptConfigs"));
    let (agent, left_out) = leniently(&voice, resource).unwrap();
    assert!(agent.phone.has_desk_phone());
    assert_eq!(left_out.len(), 2, "{left_out:?}");
    assert!(left_out[1].contains("phone.afterContactWorkSeconds: expected none, because CHANNELS"));
}

#[test]
fn what_we_write_ourselves_is_read_over() {
    let state = json!({"state": "applied", "detail": "", "connectUserId": 7});
    let mut resource = with_extension(json!({"Provisioning": state}));
    resource[format!("{CONNECT_SCHEMA}:provisioning")] = state;
    assert_eq!(agent(resource).unwrap(), agent(ana()).unwrap());
}

#[test]
fn what_connect_cannot_hold_is_left_out_and_named() {
    let extension = |member: &str| format!("{CONNECT_SCHEMA}{member}");
    let email = Rules { email_as: EmailAs::Email, ..allowing() };
    for (pointer, value, told) in [
        ("emails", json!([{"value": "añ@b.co"}]), "emails: expected an ASCII".to_owned()),
        ("emails", json!({"value": "a@b.co"}), "emails: expected a list of".to_owned()),
        ("emails", json!([7, {"value": "a@b.co"}]), "emails: expected a list of".to_owned()),
        ("emails", json!([{"value": 7}]), "emails: expected a string, found a n".to_owned()),
        (
            "phoneNumbers",
            json!([{"value": "7946", "type": "mobile"}]),
            "phoneNumbers[type eq \"mobile\"]: expected an international".to_owned(),
        ),
        ("phoneNumbers", json!([[7]]), "phoneNumbers: expected a list of".to_owned()),
        (CONNECT_SCHEMA, json!("Admin"), extension(": expected an object, found a string")),
        (CONNECT_SCHEMA, json!({"role": "Admin"}), extension(": expected no members but")),
        (CONNECT_SCHEMA, json!({"directoryUserId": "S-1"}), extension(":directoryUserId: expec")),
        (CONNECT_SCHEMA, json!({"routingProfile": "Admin"}), extension(":routingProfile: expe")),
        (CONNECT_SCHEMA, json!({"routingProfile": [SALES]}), extension(":routingProfile: expec")),
        (CONNECT_SCHEMA, json!({"hierarchyGroup": "Top"}), extension(":hierarchyGroup: expect")),
        (CONNECT_SCHEMA, json!({"securityProfiles": "Admin"}), extension(":securityProfiles: e")),
        (CONNECT_SCHEMA, json!({"securityProfiles": {}}), extension(":securityProfiles: expect")),
        (
            "urn:ietf:params:scim:schemas:extension:amazonconnect:2.0:User:securityProfiles",
            json!(["Admin"]),
            extension(": expected an object, found a member with a longer name"),
        ),
    ] {
        let mut resource = ana();
        resource[pointer] = value;
        let (agent, left_out) = leniently(&email, resource).unwrap();
        assert_eq!(left_out.len(), 1, "{left_out:?}");
        assert!(left_out[0].starts_with(&told), "{}", left_out[0]);
        assert_eq!(agent.permissions, rules().permissions);
    }
    let (agent, left_out) = leniently(&email, ana()).unwrap();
    assert_eq!((left_out, agent), (Vec::new(), agent_by(&email, ana()).unwrap()));
}

#[test]
fn what_stands_beside_what_is_left_out_counts() {
    let email = Rules { email_as: EmailAs::Email, ..allowing() };
    let mut resource = with_extension(json!({
        "routingProfile": "", "directoryUserId": "",
        "securityProfiles": ["Admin", "QualityAnalyst"],
    }));
    resource["emails"] = json!([7, {"value": "a@b.co"}]);
    let (agent, left_out) = leniently(&email, resource).unwrap();
    assert_eq!(agent.email.unwrap().as_str(), "a@b.co");
    assert_eq!(agent.permissions.security_profiles, [name("QualityAnalyst")]);
    assert_eq!(agent.permissions.routing_profile, name("Basic"));
    assert_eq!(left_out.len(), 2, "an empty string is unassigned: {left_out:?}");
    let one = with_extension(json!({"securityProfiles": "QualityAnalyst"}));
    let (agent, left_out) = leniently(&email, one).unwrap();
    assert_eq!(agent.permissions.security_profiles, [name("QualityAnalyst")]);
    assert_eq!(left_out, Vec::<String>::new());
}

#[test]
fn no_left_out_tells_a_value() {
    let mut resource = with_extension(json!({
        "routingProfile": "Canary", "securityProfiles": ["Canary"], "hierarchyGroup": "Canary",
        "directoryUserId": "Canary", "Canary": "Canary",
        "phone": {"type": "Canary", "autoAccept": "Canary", "deskNumber": "Canary",
            "afterContactWorkSeconds": "Canary", "persistentConnection": "Canary", "Canary": 1},
    }));
    resource["emails"] = json!(["Canary"]);
    resource["phoneNumbers"] = json!([{"value": "Canary", "type": "mobile"}]);
    let email = Rules { email_as: EmailAs::Email, ..allowing() };
    let (_, left_out) = leniently(&email, resource).unwrap();
    assert_eq!(left_out.len(), 13, "{left_out:?}");
    assert!(!left_out.join(" ").contains("anary"), "{left_out:?}");
}

#[test]
fn a_missing_name_is_read_out_of_a_name_to_show() {
    for (display_name, said, expected) in [
        (json!("Ana Ruiz"), json!(null), Some(("Ana", "Ruiz"))),
        (json!("Ruiz, Ana"), json!({"givenName": ""}), Some(("Ana", "Ruiz"))),
        (json!(null), json!({"formatted": "Ana Ruiz"}), Some(("Ana", "Ruiz"))),
        (json!("Ana"), json!({"formatted": "Ana Ruiz"}), Some(("Ana", "Ruiz"))),
        (json!("Ana María Ruiz"), json!({"givenName": "Ana María"}), Some(("Ana María", "Ruiz"))),
        (json!("Bea María Ruiz"), json!({"familyName": "Ruiz"}), Some(("Bea María", "Ruiz"))),
        (json!("Ana Ruiz"), json!({"familyName": "Rey"}), Some(("Ana", "Rey"))),
        (json!("Ana"), json!(null), None),
        (json!(7), json!({"familyName": "Ruiz"}), None),
    ] {
        let mut resource = ana();
        (resource["displayName"], resource["name"]) = (display_name, said);
        assert!(agent(resource.clone()).is_err(), "nothing is guessed of a signed event");
        let read = leniently(&rules(), resource).map(|(agent, left_out)| {
            assert_eq!(left_out, Vec::<String>::new());
            [agent.first_name, agent.last_name].map(|it| it.unwrap().as_str().to_owned())
        });
        let expected = expected.map(|(first, last)| [first.to_owned(), last.to_owned()]);
        assert_eq!(read.ok(), expected);
    }
    let mut resource = ana();
    (resource["displayName"], resource["name"]) = (json!("Ana Ruiz"), json!("Ruiz"));
    let (_, left_out) = leniently(&rules(), resource).unwrap();
    assert_eq!(left_out, ["name: expected an object, found a string"]);
}

#[test]
fn what_a_user_cannot_be_without_is_refused_in_both_manners() {
    for (pointer, value, attribute) in [
        ("/userName", json!("ana ruiz"), "userName:"),
        ("/userName", json!(null), "userName:"),
        ("/externalId", json!({}), "externalId:"),
        ("/name", json!(null), "name.givenName:"),
        ("/name/givenName", json!("x".repeat(256)), "name.givenName:"),
        ("/name/familyName", json!("x".repeat(301)), "name.familyName:"),
        ("/name/familyName", json!(""), "name.familyName:"),
    ] {
        let mut resource = ana();
        *resource.pointer_mut(pointer).unwrap() = value;
        let strict = agent(resource.clone()).unwrap_err();
        assert!(strict.detail.starts_with(attribute), "{}", strict.detail);
        assert_eq!(leniently(&rules(), resource).unwrap_err(), strict);
    }
}
