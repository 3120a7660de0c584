//! What reaches the wire: every member of CreateUser.

use connect_provisioner::scim::CONNECT_SCHEMA;
use connect_provisioner::standin::{IdentityManagement, Settings};
use serde_json::json;

use crate::house::{body, connect, given, given_with, story, user, users, when};

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
