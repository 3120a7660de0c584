//! What is done about each difference.

use super::*;
use crate::assign::tests::{agent, ana};

fn ids() -> Permissions<ResourceId> {
    let id = |digit: &str| digit.repeat(8) + "-1111-1111-1111-111111111111";
    Permissions {
        routing_profile: id("a").parse().unwrap(),
        security_profiles: vec![id("b").parse().unwrap()],
        hierarchy_group: None,
    }
}

/// What Connect holds when it holds just what it should.
fn held(agent: &Agent, permissions: &Permissions<ResourceId>) -> Observed {
    let name = |name: &Option<PersonName>| name.as_ref().map(|name| name.as_str().to_owned());
    let Ok(Value::Object(phone)) = serde_json::to_value(&agent.phone) else { panic!("an object") };
    Observed {
        ids: UserIds { id: "u".to_owned(), arn: "a".to_owned() },
        username: agent.username.as_str().to_owned(),
        identity: IdentityInfo {
            first_name: name(&agent.first_name),
            last_name: name(&agent.last_name),
            ..IdentityInfo::default()
        },
        phone,
        routing_profile: permissions.routing_profile.as_str().to_owned(),
        security_profiles: permissions
            .security_profiles
            .iter()
            .map(|id| id.as_str().to_owned())
            .collect(),
        hierarchy_group: None,
        tags: agent.tags.clone(),
    }
}

/// The plan where Connect holds something else.
fn plan_after(change: impl FnOnce(&mut Observed)) -> Vec<(&'static str, Value)> {
    let (agent, permissions) = (agent(ana()).unwrap(), ids());
    let mut observed = held(&agent, &permissions);
    change(&mut observed);
    let steps = plan(DesiredUser::Held(&agent, &permissions), Some(&observed));
    steps.iter().map(|step| (step.name(), step.members())).collect()
}

#[test]
fn a_missing_user_is_created_and_one_that_is_as_it_should_be_is_left_alone() {
    let (agent, permissions) = (agent(ana()).unwrap(), ids());
    assert_eq!(plan(DesiredUser::Held(&agent, &permissions), None), [Step::CreateUser]);
    assert_eq!(plan_after(|_| {}), []);
    let user = held(&agent, &permissions);
    assert_eq!(plan(DesiredUser::Absent, Some(&user)), [Step::DeleteUser]);
    assert_eq!(plan(DesiredUser::Absent, None), []);
}

#[test]
fn a_foreign_user_is_never_ours() {
    let (agent, permissions) = (agent(ana()).unwrap(), ids());
    for tags in [vec![], agent.owner.tags()[..2].to_vec()] {
        let tags = tags.into_iter().collect();
        let user = Observed { tags, ..held(&agent, &permissions) };
        assert_eq!(check_owner(&agent.owner, &user).unwrap_err().kind, Kind::Uniqueness);
    }
    assert_eq!(check_owner(&agent.owner, &held(&agent, &permissions)), Ok(()));
}

#[test]
fn each_difference_is_one_call() {
    let names = json!({"FirstName": "Ana", "LastName": "Ruiz", "Email": null,
                       "SecondaryEmail": null, "Mobile": null});
    assert_eq!(
        plan_after(|user| user.identity.last_name = Some("Gil".to_owned())),
        [("UpdateUserIdentityInfo", json!({ "IdentityInfo": names }))]
    );
    assert_eq!(plan_after(|user| user.hierarchy_group = Some("h".to_owned())), []);
    let (mut deciding, permissions) = (agent(ana()).unwrap(), ids());
    deciding.decides_group = true;
    let mut grouped = held(&deciding, &permissions);
    grouped.hierarchy_group = Some("h".to_owned());
    let steps = plan(DesiredUser::Held(&deciding, &permissions), Some(&grouped));
    assert_eq!(steps, [Step::UpdateUserHierarchy(None)]);
    assert_eq!(
        plan_after(|user| user.routing_profile = "other".to_owned()),
        [("UpdateUserRoutingProfile", json!({"RoutingProfileId": ids().routing_profile.as_str()}))]
    );
    let profiles = json!({"SecurityProfileIds": [ids().security_profiles[0].as_str()]});
    assert_eq!(
        plan_after(|user| user.security_profiles.extend(["more".to_owned()])),
        [("UpdateUserSecurityProfiles", profiles)]
    );
    assert_eq!(
        plan_after(|user| drop(user.tags.insert("team".to_owned(), "red".to_owned()))),
        [("TagResource", json!({"tags": {"team": "blue"}}))]
    );
    assert_eq!(
        plan_after(|user| drop(user.tags.insert(SUSPENDED.to_owned(), "true".to_owned()))),
        [("UntagResource", json!({"tagKeys": [SUSPENDED]}))]
    );
    assert_eq!(plan_after(|user| drop(user.tags.insert("own".to_owned(), "x".to_owned()))), []);
}

#[test]
fn an_address_that_is_not_ours_to_write_is_kept() {
    let address = || Some("old@example.com".to_owned());
    assert_eq!(plan_after(|user| user.identity.email = address()), []);
    assert_eq!(plan_after(|user| user.identity.secondary_email = address()), []);
    let steps = plan_after(|user| {
        (user.identity.secondary_email, user.identity.mobile) = (address(), address());
    });
    let [("UpdateUserIdentityInfo", members)] = steps.as_slice() else { panic!("{steps:?}") };
    assert_eq!(members["IdentityInfo"]["SecondaryEmail"], "old@example.com");
    assert_eq!(members["IdentityInfo"]["Mobile"], Value::Null);
}

#[test]
fn a_phone_is_compared_by_what_is_said_of_it() {
    let phone = |change: fn(&mut Value)| {
        plan_after(|user| change(user.phone.get_mut("PhoneConfig").unwrap()))
            .into_iter()
            .map(|(name, _)| name)
            .collect::<Vec<_>>()
    };
    assert_eq!(phone(|config| config["AutoAccept"] = true.into()), ["UpdateUserPhoneConfig"]);
    assert_eq!(
        phone(|config| config["PhoneType"] = "DESK_PHONE".into()),
        ["UpdateUserPhoneConfig"]
    );
    assert!(phone(|config| config["PersistentConnection"] = true.into()).is_empty());
    assert!(phone(|config| *config = json!({"PhoneType": "SOFT_PHONE"})).is_empty());
    assert_eq!(plan_after(|user| user.phone.clear()).len(), 1);
}

#[test]
fn rows_of_a_list_belong_together_by_their_channel() {
    let wanted = json!({"AutoAcceptConfigs": [{"Channel": "VOICE", "AutoAccept": true}]});
    let chat = json!({"Channel": "CHAT", "AutoAccept": false});
    let voice = |auto: bool| json!({"Channel": "VOICE", "AutoAccept": auto});
    let held = |rows: Value| is_held(&wanted, Some(&json!({ "AutoAcceptConfigs": rows })));
    assert!(held(json!([chat, voice(true)])));
    assert!(!held(json!([chat, voice(false)])));
    assert!(!held(json!([chat])));
}

#[test]
fn access_is_taken_away_first_and_given_last() {
    let (agent, permissions) = (agent(ana()).unwrap(), ids());
    let none: ResourceId = "cccccccc-1111-1111-1111-111111111111".parse().unwrap();
    let names = |steps: Vec<Step>| steps.iter().map(Step::name).collect::<Vec<_>>();
    let mut user = held(&agent, &permissions);
    let shut_out = plan(DesiredUser::ShutOut(&none), Some(&user));
    assert_eq!(names(shut_out), ["UpdateUserSecurityProfiles", "TagResource"]);
    assert_eq!(plan(DesiredUser::ShutOut(&none), None), []);
    user.security_profiles = BTreeSet::from([none.as_str().to_owned()]);
    user.tags.insert(SUSPENDED.to_owned(), "true".to_owned());
    assert_eq!(plan(DesiredUser::ShutOut(&none), Some(&user)), []);
    user.identity.last_name = None;
    let back = plan(DesiredUser::Held(&agent, &permissions), Some(&user));
    let expected = ["UpdateUserIdentityInfo", "UntagResource", "UpdateUserSecurityProfiles"];
    assert_eq!(names(back), expected);
}

#[test]
fn a_step_shows_no_person() {
    let agent = agent(ana()).unwrap();
    let info = IdentityInfo { first_name: Some("Ana".to_owned()), ..IdentityInfo::default() };
    let steps = [Step::UpdateUserIdentityInfo(info), Step::UpdateUserPhoneConfig(agent.phone)];
    assert_eq!(format!("{steps:?}"), "[UpdateUserIdentityInfo, UpdateUserPhoneConfig]");
}
