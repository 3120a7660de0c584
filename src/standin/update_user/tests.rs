//! A user after its creation, as DescribeUser and ListUsers tell of it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::standin::story::Caller;
use crate::standin::{IdentityManagement, Settings};

const NOT_FOUND: (u16, &str) = (404, "ResourceNotFoundException");
const INVALID_PARAMETER: (u16, &str) = (400, "InvalidParameterException");
const INVALID_REQUEST: (u16, &str) = (400, "InvalidRequestException");

/// Someone whose instance has one user, created a minute ago.
struct Story {
    caller: Caller,
    path: String,
}

impl Story {
    fn begun(settings: Settings, members: Value) -> Self {
        let mut caller = Caller::of(settings);
        let (status, created) = caller.create("maria", members);
        assert_eq!(status, 200, "{created}");
        caller.now = caller.now.checked_add(Duration::from_secs(60)).unwrap();
        Self { caller, path: format!("/users/{{I}}/{}", created["UserId"].as_str().unwrap()) }
    }

    fn of(identity: IdentityManagement, members: Value) -> Self {
        Self::begun(Settings { identity, throttle: false, ..Settings::default() }, members)
    }

    fn under_saml() -> Self {
        let caller = Caller::unhurried();
        let members = json!({
            "IdentityInfo": {
                "FirstName": "María", "LastName": "García",
                "SecondaryEmail": "maria@example.com", "Mobile": "+3491",
            },
            "PhoneConfig": {"PhoneType": "SOFT_PHONE"},
            "HierarchyGroupId": caller.world.directory().hierarchy_groups["EMEA"],
        });
        Self::of(IdentityManagement::Saml, members)
    }

    fn update(&mut self, part: &str, body: &Value) -> (u16, Value) {
        self.caller.answer("POST", &format!("{}/{part}", self.path), body)
    }

    /// An update that becomes of nothing, and the error it is answered with.
    fn refused(&mut self, part: &str, body: &Value, (status, error): (u16, &str)) {
        let before = self.users();
        assert_eq!(self.update(part, body), (status, json!(error)), "{part} {body}");
        assert_eq!(self.users(), before, "{part} {body}");
    }

    fn users(&mut self) -> Value {
        self.caller.control(&json!({}))["users"].take()
    }

    fn described(&mut self) -> Value {
        self.caller.answer("GET", &self.path, &Value::Null).1["User"].take()
    }
}

#[test]
fn each_update_replaces_its_part_and_nothing_else() {
    let seeded = Caller::unhurried().world.directory().clone();
    let (sales, support) = (&seeded.routing_profiles["Sales"], &seeded.routing_profiles["Support"]);
    let profiles = ["Admin", "No Access"].map(|name| &seeded.security_profiles[name]);
    let group = json!({"HierarchyGroupId": seeded.hierarchy_groups["Iberia"]});
    let names = json!({"IdentityInfo": {"FirstName": "Ana", "LastName": "Ruiz"}});
    let phone = json!({"PhoneConfig": {"PhoneType": "DESK_PHONE", "DeskPhoneNumber": "+3491"}});
    let kept_phone = json!({"PhoneConfig": {
        "PhoneType": "DESK_PHONE", "DeskPhoneNumber": "+3491",
        "AutoAccept": false, "AfterContactWorkTimeLimit": 0,
    }});
    let cases = [
        ("identity-info", names.clone(), names),
        ("phone-config", phone, kept_phone),
        ("routing-profile", json!({"RoutingProfileId": support}), Value::Null),
        ("routing-profile", json!({"RoutingProfileId": sales}), Value::Null),
        ("security-profiles", json!({"SecurityProfileIds": profiles}), Value::Null),
        ("hierarchy", group, Value::Null),
        ("hierarchy", json!({}), json!({"HierarchyGroupId": null})),
    ];
    let mut story = Story::under_saml();
    for (part, body, kept) in cases {
        let mut expected = story.described();
        let kept = if kept.is_null() { body.clone() } else { kept };
        let members = expected.as_object_mut().unwrap();
        members.extend(kept.as_object().unwrap().clone());
        members.retain(|_, value| !value.is_null());
        story.caller.now += Duration::from_millis(1500);
        let then = story.caller.now.duration_since(std::time::UNIX_EPOCH).unwrap();
        expected["LastModifiedTime"] = json!(then.as_secs_f64());

        assert_eq!(story.update(part, &body), (200, Value::Null), "{part} {body}");

        assert_eq!(story.described(), expected, "{part} {body}");
        let (_, listed) = story.caller.answer("GET", "/users-summary/{I}", &Value::Null);
        let listed = &listed["UserSummaryList"][0]["LastModifiedTime"];
        assert_eq!(*listed, expected["LastModifiedTime"], "{part}");
        assert_eq!(story.users(), json!([expected]), "{part}");
    }
}

#[test]
fn one_setting_for_all_channels_and_one_for_each_take_each_others_place() {
    let accepting = |channel: &str| json!([{"Channel": channel, "AutoAccept": true}]);
    let voice = json!([{"Channel": "VOICE", "VoiceEnhancementMode": "NONE"}]);
    let phone = json!({"AutoAccept": true, "AfterContactWorkTimeLimit": 30});
    let work = json!([{
        "Channel": "TASK", "AfterContactWorkConfig": {"AfterContactWorkTimeLimit": 5},
    }]);
    let (chat, task) = (accepting("CHAT"), accepting("TASK"));
    let lists =
        |accept: &Value| json!({"AutoAcceptConfigs": accept, "VoiceEnhancementConfigs": voice});
    let cases = [
        ("config", lists(&chat), lists(&chat)),
        ("config", json!({"AutoAcceptConfigs": task}), lists(&task)),
        ("phone-config", json!({"PhoneConfig": phone}), json!({"PhoneConfig": phone})),
        ("config", lists(&chat), lists(&chat)),
        ("config", json!({"AutoAcceptConfigs": []}), json!({"VoiceEnhancementConfigs": voice})),
        (
            "config",
            json!({"AfterContactWorkConfigs": work}),
            json!({"AfterContactWorkConfigs": work, "VoiceEnhancementConfigs": voice}),
        ),
    ];
    let mut story = Story::under_saml();
    for (part, body, expected) in cases {
        assert_eq!(story.update(part, &body), (200, Value::Null), "{part} {body}");

        let mut settings = story.described();
        let members = settings.as_object_mut().unwrap();
        members.retain(|name, _| name.contains("Config"));
        assert_eq!(settings, expected, "{part} {body}");
    }
}

#[test]
fn what_create_user_refuses_an_update_refuses() {
    let serialization = (400, "SerializationException");
    let phone = |phone: Value| json!({ "PhoneConfig": phone });
    let identity = |identity: Value| json!({ "IdentityInfo": identity });
    let named = |first: &str, last: &str, (member, text): (&str, &str)| {
        identity(json!({"FirstName": first, "LastName": last, member: text}))
    };
    let mobile = ("Mobile", "+3491");
    let cases = [
        ("identity-info", json!({}), INVALID_PARAMETER),
        ("identity-info", identity(json!([])), serialization),
        ("identity-info", identity(json!({})), INVALID_REQUEST),
        ("identity-info", identity(json!({"FirstName": "Ana"})), INVALID_REQUEST),
        ("identity-info", named("Ana", "", mobile), INVALID_REQUEST),
        ("identity-info", named("Mari\u{301}a", "Ruiz", mobile), INVALID_PARAMETER),
        ("identity-info", named("Ana", &"é".repeat(301), mobile), INVALID_PARAMETER),
        ("identity-info", named("Ana", "Ruiz", ("SecondaryEmail", "é@b.co")), INVALID_PARAMETER),
        ("identity-info", named("Ana", "Ruiz", ("Mobile", "911")), INVALID_REQUEST),
        ("identity-info", named("Ana", "Ruiz", ("Email", "a@b.co")), INVALID_REQUEST),
        ("phone-config", json!({}), INVALID_PARAMETER),
        ("phone-config", phone(json!({"PhoneType": "MOBILE"})), INVALID_PARAMETER),
        ("phone-config", phone(json!({"PhoneType": "DESK_PHONE"})), INVALID_REQUEST),
        ("config", json!({}), INVALID_REQUEST),
        ("config", json!({"AutoAcceptConfigs": [{"Channel": "CHAT"}]}), INVALID_PARAMETER),
        (
            "config",
            json!({"PhoneNumberConfigs": [{"Channel": "VOICE", "PhoneType": "DESK_PHONE"}]}),
            INVALID_REQUEST,
        ),
        ("routing-profile", json!({}), INVALID_PARAMETER),
        ("routing-profile", json!({"RoutingProfileId": "x"}), NOT_FOUND),
        ("security-profiles", json!({}), INVALID_PARAMETER),
        ("security-profiles", json!({"SecurityProfileIds": []}), INVALID_PARAMETER),
        ("security-profiles", json!({"SecurityProfileIds": vec!["x"; 11]}), INVALID_PARAMETER),
        ("security-profiles", json!({"SecurityProfileIds": ["x"]}), NOT_FOUND),
        ("hierarchy", json!({"HierarchyGroupId": "x"}), NOT_FOUND),
        ("hierarchy", json!({"HierarchyGroupId": 1}), serialization),
    ];
    let mut story = Story::under_saml();
    for (part, body, expected) in cases {
        story.refused(part, &body, expected);
    }
}

#[test]
fn the_directorys_names_and_address_are_neither_replaced_nor_cleared() {
    let held = json!({"FirstName": "María", "LastName": "García", "Email": "m@example.com"});
    let identity = |identity: Value| json!({ "IdentityInfo": identity });
    let mut story = Story::of(IdentityManagement::ExistingDirectory, identity(held));

    for member in ["FirstName", "LastName", "Email"] {
        let body = identity(json!({member: "x", "Mobile": "+3491"}));
        story.refused("identity-info", &body, INVALID_REQUEST);
    }
    let more = [("Mobile", "+3491"), ("SecondaryEmail", "m@example.org")];
    for (member, text) in more {
        assert_eq!(story.update("identity-info", &identity(json!({member: text}))).0, 200);
        let expected = json!({
            "FirstName": "María", "LastName": "García", "Email": "m@example.com", member: text,
        });
        assert_eq!(story.described()["IdentityInfo"], expected);
    }
    let phone = json!({"PhoneConfig": {"PhoneType": "SOFT_PHONE"}});
    assert_eq!(story.update("phone-config", &phone).0, 200, "names do not stand in its way");
}

#[test]
fn connect_itself_keeps_an_address_and_needs_both_names() {
    let named =
        json!({"IdentityInfo": {"FirstName": "Ana", "LastName": "Ruiz", "Email": "a@b.co"}});
    let mut story = Story::of(IdentityManagement::ConnectManaged, json!({"Password": "Passw0rd"}));

    story.refused(
        "identity-info",
        &json!({"IdentityInfo": {"FirstName": "Ana", "Email": "a@b.co"}}),
        INVALID_REQUEST,
    );
    assert_eq!(story.update("identity-info", &named), (200, Value::Null));
    assert_eq!(story.described()["IdentityInfo"], named["IdentityInfo"]);
}

/// Every part of a user, with a body that is sound.
fn parts() -> [(&'static str, &'static str, Value); 6] {
    let seeded = Caller::unhurried().world.directory().clone();
    let agent = &seeded.security_profiles["Agent"];
    let names = json!({"FirstName": "Ana", "LastName": "Ruiz"});
    [
        ("UpdateUserIdentityInfo", "identity-info", json!({"IdentityInfo": names})),
        ("UpdateUserPhoneConfig", "phone-config", json!({"PhoneConfig": {}})),
        ("UpdateUserConfig", "config", json!({"PhoneNumberConfigs": []})),
        (
            "UpdateUserRoutingProfile",
            "routing-profile",
            json!({"RoutingProfileId": seeded.routing_profiles["Sales"]}),
        ),
        ("UpdateUserSecurityProfiles", "security-profiles", json!({"SecurityProfileIds": [agent]})),
        ("UpdateUserHierarchy", "hierarchy", json!({})),
    ]
}

#[test]
fn a_user_too_new_deleted_or_never_there_is_not_found() {
    let window = Duration::from_secs(61);
    let mut story =
        Story::begun(Settings { not_found: window, ..Settings::default() }, Value::Null);
    for (_, part, body) in parts() {
        story.refused(part, &body, NOT_FOUND);
        let nobodys = story.caller.answer("POST", &format!("/users/{{I}}/nobody/{part}"), &body);
        assert_eq!(nobodys, (404, json!(NOT_FOUND.1)), "{part}");
        let elsewhere = story.caller.answer("POST", &format!("/users/another/x/{part}"), &body);
        assert_eq!(elsewhere, (404, json!(NOT_FOUND.1)), "{part}");
    }
    story.caller.now += Duration::from_secs(1);
    for (_, part, body) in parts() {
        assert_eq!(story.update(part, &body), (200, Value::Null), "{part}");
    }
    assert_eq!(story.caller.answer("DELETE", &story.path, &Value::Null).0, 200);
    for (_, part, body) in parts() {
        story.refused(part, &body, NOT_FOUND);
    }
}

#[test]
fn each_update_is_counted_throttled_and_disturbed_by_its_own_name() {
    for (operation, part, body) in parts() {
        let mut story = Story::begun(Settings::default(), Value::Null);
        let faults = ["500-before", "500-after", "ConditionalOperationFailedException"];
        story.caller.control(&json!({"faults": {operation: faults}}));

        let answers: Vec<u16> = (0..6).map(|_| story.update(part, &body).0).collect();

        assert_eq!(answers, [500, 500, 409, 200, 200, 429], "{operation}");
        let state = story.caller.control(&json!({}));
        assert_eq!(state["calls"], json!({"CreateUser": 1, operation: 6}));
        assert_eq!(state["requests"][1]["operation"], operation);
        assert_eq!(state["requests"][1]["body"], body);
    }
}
