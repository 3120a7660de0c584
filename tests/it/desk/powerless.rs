//! A profile for those who left that is one with which others work, by another spelling.

use super::*;

const AGENT: &str = "9fd8de5d-99d2-4a9c-aaca-b62be3c2fdcd";
const BOTH: &str = "9fd8de5d-99d2-4a9c-aaca-b62be3c2fdcd,173a15d0-3f31-4cdb-ab20-1edd9bb8492e";

async fn leaver(name: &str, changes: &[(&'static str, &'static str)]) -> (Desk, Told) {
    let mut desk = desk(name, changes).await;
    desk.signed(person("a@x.example", "A", "Ana")).await;
    let told = desk.signed(json!({"type": "user.deactivated", "data": {"externalId": "A"}})).await;
    (desk, told)
}

#[tokio::test]
async fn who_leaves_is_never_given_what_others_work_with() {
    for (changes, held) in [
        (vec![("SUSPENDED_SECURITY_PROFILE", "Agent")], "a@x.example Ana Agent"),
        // What can be taken is: one profile is left, that which comes first for everybody.
        (
            vec![("SECURITY_PROFILES", BOTH), ("SUSPENDED_SECURITY_PROFILE", "CallCenterManager")],
            "a@x.example Ana Agent",
        ),
        // One that is for some alone is given to nobody who leaves.
        (
            vec![
                ("ALLOWED_SECURITY_PROFILES", BOTH),
                ("SUSPENDED_SECURITY_PROFILE", "CallCenterManager"),
            ],
            "a@x.example Ana Agent",
        ),
        (
            vec![
                (
                    "GROUPS",
                    r#"{"Leads": {"securityProfiles": ["173a15d0-3f31-4cdb-ab20-1edd9bb8492e"]}}"#,
                ),
                ("SUSPENDED_SECURITY_PROFILE", "CallCenterManager"),
            ],
            "a@x.example Ana Agent",
        ),
    ] {
        let (mut desk, told) = leaver("powerless", &changes).await;
        let seen = (told.status, &told.body["outcome"], &told.body["fault"]);
        assert_eq!(seen, (202, &json!("parked"), &json!("configuration")), "{}", told.body);
        assert!(told.body["reason"].as_str().unwrap().contains("SUSPENDED_SECURITY_PROFILE"));
        assert_eq!(told.line()["level"], "ERROR");
        assert_eq!(desk.held(), [held], "{changes:?}");
        let tags = users(&desk.local)[0]["Tags"].clone();
        assert_eq!(tags.get("provisioner-suspended"), None, "it is not said to be done");
        let drained = desk.drain(301).await;
        assert!(drained.is_alarming(), "{drained:?}");

        // It goes on by itself once it is mended.
        desk.changes = vec![("SUSPENDED_SECURITY_PROFILE", "No Access")];
        desk.restart().await;
        desk.drain(3601).await;
        assert_eq!(desk.held(), ["a@x.example Ana No Access"]);
        assert_eq!(desk.parked().await, []);
    }
}

#[tokio::test]
async fn another_spelling_of_a_profile_without_power_is_given_as_ever() {
    for changes in [
        vec![("SUSPENDED_SECURITY_PROFILE", "No Access")],
        vec![("SECURITY_PROFILES", "Agent")],
        // What is nowhere to be found keeps nobody from going.
        vec![("ALLOWED_SECURITY_PROFILES", "Nobody has this")],
    ] {
        let (desk, told) = leaver("spelled", &changes).await;
        assert_eq!(
            (told.status, &told.body["outcome"]),
            (200, &json!("suspended")),
            "{}",
            told.body
        );
        assert_eq!(desk.held(), ["a@x.example Ana No Access"]);
    }
}

#[tokio::test]
async fn two_spellings_are_told_at_the_start() {
    let local = given_with(Settings::default(), &[]).await;
    let warnings = |profiles: &str, suspended: &str| {
        let mut environment = settings::demo(&local.directory);
        environment.insert("SECURITY_PROFILES".to_owned(), profiles.to_owned());
        environment.insert("SUSPENDED_SECURITY_PROFILE".to_owned(), suspended.to_owned());
        let config = Config::read_for_roster(&environment).unwrap();
        let named = config.warnings.iter().map(|warning| warning.variable.clone());
        named.filter(|name| name == "SUSPENDED_SECURITY_PROFILE").count()
    };
    let no_access = local.directory.security_profiles["No Access"].as_str();
    assert_eq!(warnings(AGENT, "No Access"), 1);
    assert_eq!(warnings("Agent", no_access), 1);
    assert_eq!(warnings(AGENT, no_access), 0);
    assert_eq!(warnings("Agent", "No Access"), 0);
}
