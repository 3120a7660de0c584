//! What reaches the wire: every member of CreateUser.

use std::time::Duration;

use connect_provisioner::config::Level;
use connect_provisioner::scim::CONNECT_SCHEMA;
use connect_provisioner::standin::{IdentityManagement, Settings};
use serde_json::json;

use crate::house::{
    LONG, body, calls, connect, faults, given, given_with, now, story, user, users, when,
};

#[tokio::test]
async fn a_new_agent_appears_in_connect_with_everything_spelled_out() {
    let local = given().await;
    let response = when(&local, &story("okta-user-created")).await;
    assert_eq!(response.status_code, 201);
    let requests = connect(&local)["requests"].clone();
    assert_eq!(requests.as_array().unwrap().len(), 1, "one call and no other");
    insta::assert_json_snapshot!("create_user_on_the_wire", requests[0]);
    let held = &users(&local)[0];
    assert_eq!(body(&response)["userId"], held["Id"]);
    assert_eq!(body(&response)["userArn"], held["Arn"]);
    assert_eq!(body(&response)["owner"], held["Tags"]["provisioner-owner"]);
}

#[tokio::test]
async fn every_setting_reaches_the_wire() {
    let plain = given().await;
    let group = plain.directory.hierarchy_groups["EMEA"].clone();
    let profiles =
        plain.directory.security_profiles.values().cloned().collect::<Vec<_>>().join(",");
    let local = given_with(
        Settings::default(),
        &[
            ("HIERARCHY_GROUP", &group),
            ("SECURITY_PROFILES", &profiles),
            ("EMAIL_AS", "secondary"),
            ("PHONE_TYPE", "DESK_PHONE"),
            ("AUTO_ACCEPT", "true"),
            ("AFTER_CONTACT_WORK_SECONDS", "30"),
            ("PERSISTENT_CONNECTION", "false"),
            ("TAGS", r#"{"team": "blue", "cost centre": "7"}"#),
            ("DEPLOYMENT", "prod-emea"),
        ],
    )
    .await;
    let story =
        user(&[("/phoneNumbers", json!([{"type": "work", "value": "tel:+1-206-555-0100"}]))]);
    assert_eq!(when(&local, &story).await.status_code, 201);
    insta::assert_json_snapshot!(
        "every_setting_on_the_wire",
        connect(&local)["requests"][0]["body"]
    );
}

#[tokio::test]
async fn each_senders_shape_is_read() {
    for name in ["okta-user-created", "entra-user-created", "user-privileged"] {
        let local = given().await;
        assert_eq!(when(&local, &story(name)).await.status_code, 201, "{name}");
        assert_eq!(users(&local).len(), 1, "{name}");
    }
}

#[tokio::test]
async fn nobody_becomes_an_admin_by_asking() {
    let local = given().await;
    when(&local, &story("user-privileged")).await;
    let agent = local.directory.security_profiles["Agent"].clone();
    assert_eq!(users(&local)[0]["SecurityProfileIds"], json!([agent]));
}

#[tokio::test]
async fn every_identity_management_type_gets_the_members_that_it_takes() {
    let mut sent = serde_json::Map::new();
    for identity in [
        IdentityManagement::Saml,
        IdentityManagement::ConnectManaged,
        IdentityManagement::ExistingDirectory,
    ] {
        let settings = Settings { identity, ..Settings::default() };
        let local = given_with(settings, &[("IDENTITY_MANAGEMENT", identity.name())]).await;
        let mut story = user(&[
            ("/password", json!("Passw0rd")),
            ("/phoneNumbers", json!([{"type": "mobile", "value": "+34 600 100 200"}])),
        ]);
        if identity == IdentityManagement::ExistingDirectory {
            story.body[CONNECT_SCHEMA] = json!({"directoryUserId": "S-1-5-21"});
        }
        assert_eq!(when(&local, &story).await.status_code, 201, "{identity}");
        sent.insert(identity.to_string(), connect(&local)["requests"][0]["body"].clone());
    }
    insta::assert_json_snapshot!(sent);
}

#[tokio::test]
async fn a_password_that_nobody_chose_is_another_for_each_user() {
    let settings = Settings { identity: IdentityManagement::ConnectManaged, ..Settings::default() };
    let changes = [("IDENTITY_MANAGEMENT", "CONNECT_MANAGED"), ("GENERATE_PASSWORD", "true")];
    let local = given_with(settings, &changes).await;
    for name in ["ana", "bea"] {
        let story = user(&[("/userName", json!(name)), ("/externalId", json!(name))]);
        assert_eq!(when(&local, &story).await.status_code, 201);
    }
    let requests = connect(&local)["requests"].clone();
    let password = |number: usize| requests[number]["body"]["Password"].as_str().unwrap().len();
    assert_eq!((password(0), password(1)), (35, 35));
    assert_ne!(requests[0]["body"]["Password"], requests[1]["body"]["Password"]);
}

const CHANNELS: &str = r#"{
    "AutoAcceptConfigs": [
        {"Channel": "VOICE", "AutoAccept": true, "AgentFirstCallbackAutoAccept": false},
        {"Channel": "CHAT", "AutoAccept": false}],
    "AfterContactWorkConfigs": [
        {"Channel": "VOICE", "AfterContactWorkConfig": {"AfterContactWorkTimeLimit": 0},
         "AgentFirstCallbackAfterContactWorkConfig": {"AfterContactWorkTimeLimit": 0}},
        {"Channel": "EMAIL", "AfterContactWorkConfig": {"AfterContactWorkTimeLimit": 30}}],
    "PhoneNumberConfigs": [{"Channel": "VOICE", "PhoneType": "DESK_PHONE"}],
    "PersistentConnectionConfigs": [{"Channel": "VOICE", "PersistentConnection": false}],
    "VoiceEnhancementConfigs": [{"Channel": "VOICE", "VoiceEnhancementMode": "NOISE_SUPPRESSION"}]
}"#;

#[tokio::test]
async fn each_channel_is_set_up_by_itself() {
    let local = given_with(Settings::default(), &[("CHANNELS", CHANNELS)]).await;
    let response = when(&local, &story("okta-user-created")).await;
    let detail = body(&response)["detail"].to_string();
    assert_eq!(response.status_code, 400);
    assert!(detail.contains("because the phone type is DESK_PHONE"), "{detail}");
    let story = user(&[("/phoneNumbers", json!([{"type": "work", "value": "+1 206 555 0100"}]))]);
    assert_eq!(when(&local, &story).await.status_code, 201);
    insta::assert_json_snapshot!(
        "each_channel_on_the_wire",
        connect(&local)["requests"][0]["body"]
    );
}

#[tokio::test]
async fn profiles_and_groups_are_known_by_their_names() {
    let named = [
        ("ROUTING_PROFILE", "Sales"),
        ("SECURITY_PROFILES", "Agent,QualityAnalyst"),
        ("HIERARCHY_GROUP", "EMEA"),
    ];
    let local = given_with(Settings::default(), &named).await;
    for name in ["ana", "bea"] {
        let story = user(&[("/userName", json!(name)), ("/externalId", json!(name))]);
        assert_eq!(when(&local, &story).await.status_code, 201);
    }
    let held = &users(&local)[1];
    let directory = &local.directory;
    assert_eq!(held["RoutingProfileId"], json!(directory.routing_profiles["Sales"]));
    assert_eq!(held["HierarchyGroupId"], json!(directory.hierarchy_groups["EMEA"]));
    let security = ["Agent", "QualityAnalyst"].map(|name| &directory.security_profiles[name]);
    assert_eq!(held["SecurityProfileIds"], json!(security));
    for list in ["ListRoutingProfiles", "ListSecurityProfiles", "ListUserHierarchyGroups"] {
        assert_eq!(calls(&local, list), 1, "{list}: once for all users");
    }
}

#[tokio::test]
async fn one_profile_by_two_references_is_one() {
    let id = given().await.directory.security_profiles["Agent"].clone();
    let local =
        given_with(Settings::default(), &[("SECURITY_PROFILES", &format!("Agent,{id}"))]).await;
    assert_eq!(when(&local, &story("okta-user-created")).await.status_code, 201);
    assert_eq!(users(&local)[0]["SecurityProfileIds"], json!([id]));
}

#[tokio::test]
async fn a_name_that_connect_does_not_know_is_looked_for_once_a_minute() {
    for name in ["Slaes", "sales"] {
        let local = given_with(Settings::default(), &[("ROUTING_PROFILE", name)]).await;
        let at = now();
        let event = story("okta-user-created").signed(&local.source, "msg_1", at);
        for (seconds, lists) in [(0, 1), (59, 1), (60, 2), (119, 2)] {
            let (reply, record) = local.send(&event, at + Duration::from_secs(seconds), LONG).await;
            let reply = reply.unwrap();
            assert_eq!(reply.status_code, 500);
            let reply = reply.body;
            assert_eq!(calls(&local, "ListRoutingProfiles"), lists, "after {seconds} s");
            let line = record.lines(Level::Error).next().unwrap();
            // Which word of which setting is for the log, and none of it for the sender.
            let line: serde_json::Value = serde_json::from_str(&line).unwrap();
            let expected = "expected a routing profile of this name, found none; have: Sales, \
                Support, Basic Routing Profile";
            assert_eq!(line["cause"], format!("ROUTING_PROFILE \"{name}\": {expected}"));
            assert!(!reply.contains(name) && !reply.contains("Support"), "{reply}");
        }
        assert_eq!(calls(&local, "CreateUser"), 0);
    }
}

#[tokio::test]
async fn what_connect_no_longer_knows_is_looked_for_again() {
    let local = given_with(Settings::default(), &[("ROUTING_PROFILE", "Sales")]).await;
    let at = now();
    let event = story("okta-user-created").signed(&local.source, "msg_1", at);
    faults(&local, "CreateUser", &["ResourceNotFoundException"; 2]);
    for (seconds, status, lists) in [(0, 500, 1), (30, 500, 1), (61, 201, 2), (200, 200, 2)] {
        let reply = local.send(&event, at + Duration::from_secs(seconds), LONG).await.0.unwrap();
        assert_eq!((reply.status_code, calls(&local, "ListRoutingProfiles")), (status, lists));
    }
}

#[tokio::test]
async fn a_list_that_cannot_be_had_is_no_fault_of_the_senders() {
    for (fault, status) in [
        ("AccessDeniedException", 500),
        ("InvalidParameterException", 500),
        ("ResourceNotFoundException", 500),
        ("ThrottlingException", 429),
        ("InternalServiceException", 503),
    ] {
        let local = given_with(Settings::default(), &[("SECURITY_PROFILES", "Agent")]).await;
        faults(&local, "ListSecurityProfiles", &[fault; 8]);
        let response = when(&local, &story("okta-user-created")).await;
        assert_eq!(response.status_code, status, "{fault}: {}", response.body);
        assert_eq!(calls(&local, "CreateUser"), 0);
    }
}

#[tokio::test]
async fn a_list_that_cannot_be_had_is_asked_for_once_a_minute() {
    let local = given_with(Settings::default(), &[("ROUTING_PROFILE", "Sales")]).await;
    faults(&local, "ListRoutingProfiles", &["AccessDeniedException"; 2]);
    let at = now();
    let event = story("okta-user-created").signed(&local.source, "msg_1", at);
    for (seconds, status, lists) in [(0, 500, 1), (59, 500, 1), (60, 500, 2), (120, 201, 3)] {
        let reply = local.send(&event, at + Duration::from_secs(seconds), LONG).await.0.unwrap();
        assert_eq!((reply.status_code, calls(&local, "ListRoutingProfiles")), (status, lists));
    }
}

#[tokio::test]
async fn a_person_gets_what_they_name_if_the_operator_allows_it() {
    let allowed = [
        ("ALLOWED_ROUTING_PROFILES", "Sales"),
        ("ALLOWED_SECURITY_PROFILES", "QualityAnalyst,CallCenterManager"),
        ("ALLOWED_HIERARCHY_GROUPS", "EMEA"),
    ];
    let local = given_with(Settings::default(), &allowed).await;
    let mut story = story("okta-user-created");
    story.body[CONNECT_SCHEMA] = json!({
        "routingProfile": "Sales", "securityProfiles": ["CallCenterManager"], "hierarchyGroup": "EMEA",
    });
    assert_eq!(when(&local, &story).await.status_code, 201);
    let directory = &local.directory;
    let held = users(&local)[0].clone();
    assert_eq!(held["RoutingProfileId"], json!(directory.routing_profiles["Sales"]));
    let manager = &directory.security_profiles["CallCenterManager"];
    assert_eq!(held["SecurityProfileIds"], json!([manager]), "in place of the configured ones");
    assert_eq!(held["HierarchyGroupId"], json!(directory.hierarchy_groups["EMEA"]));

    // By id, where the list has the name, or the other way round, it is not what the operator wrote.
    let admin = directory.security_profiles["Admin"].clone();
    for refused in [manager, &admin, "Admin", "Agent", "callcentermanager"] {
        story.body[CONNECT_SCHEMA] = json!({"securityProfiles": [refused]});
        story.body["externalId"] = json!("another");
        let response = when(&local, &story).await;
        assert_eq!(response.status_code, 400, "{refused}");
        assert!(response.body.contains("ALLOWED_SECURITY_PROFILES"), "{}", response.body);
    }
    assert_eq!(calls(&local, "CreateUser"), 1);
}
