//! What holds back a mistake: the limits an hour, an operator's pause, and what must be confirmed.

use super::*;
use crate::house::foreign_with;

const SHUT: &str = "No Access";

/// So many people who work, in the order of their names.
async fn crowd(house: &mut House, size: usize) -> Vec<String> {
    let names: Vec<String> = (0..size).map(|number| format!("p{number}@example.com")).collect();
    for name in &names {
        house.tell(&envelope("user.created", &somebody(name))).await.is(
            201,
            "created",
            "CreateUser",
        );
    }
    names
}

/// How many users have just this profile.
fn having(house: &House, profile: &str) -> usize {
    let id = &house.local.directory.security_profiles[profile];
    users(&house.local).iter().filter(|user| user["SecurityProfileIds"] == json!([id])).count()
}

/// Why the one who is parked is.
async fn detail(house: &House) -> String {
    let parked = house.parked().await;
    let [record] = parked.as_slice() else { panic!("{parked:?}") };
    let Phase::Parked(parked) = &record.schedule.phase else { panic!("{record:?}") };
    parked.detail.clone()
}

/// Runs the drain once in each of the next so many minutes.
async fn pass(house: &mut House, minutes: u64) {
    for _ in 0..minutes {
        house.later(Duration::from_secs(60));
        house.drain().await;
    }
}

#[tokio::test]
async fn held_suspensions_go_on_by_themselves_if_the_operator_says_so() {
    for (choice, after_two_hours) in [("wait", 2), ("resume", 5)] {
        let changes =
            [("MAX_REMOVALS_PER_HOUR", "2"), ("HELD_REMOVALS", choice), ("CONNECT_RATE", "100")];
        let mut house = given(&changes).await;
        for name in crowd(&mut house, 5).await {
            house.tell(&envelope("user.deactivated", &somebody(&name))).await;
        }
        assert_eq!((having(&house, SHUT), house.parked().await.len()), (2, 3), "{choice}");
        pass(&mut house, 30).await;
        assert_eq!(having(&house, SHUT), 2, "{choice}: not within the hour");
        pass(&mut house, 150).await;
        assert_eq!(having(&house, SHUT), after_two_hours, "{choice}");
    }
}

#[tokio::test]
async fn held_deletions_wait_for_the_operator_whatever_goes_on_by_itself() {
    let changes = [
        ("DEACTIVATE", "delete"),
        ("MAX_REMOVALS_PER_HOUR", "1"),
        ("HELD_REMOVALS", "resume"),
        ("CONNECT_RATE", "100"),
    ];
    let mut house = given(&changes).await;
    for name in crowd(&mut house, 3).await {
        house.tell(&envelope("user.deactivated", &somebody(&name))).await;
    }
    assert_eq!((house.names().len(), house.parked().await.len()), (2, 2));
    pass(&mut house, 200).await;
    assert_eq!((house.names().len(), house.parked().await.len()), (2, 2));
    let held: Vec<_> = house.parked().await.into_iter().map(|record| record.id).collect();
    parked::release(&*house.roster, &held, house.at).await.unwrap();
    pass(&mut house, 1).await;
    assert_eq!(house.names(), [""; 0]);
}

#[tokio::test]
async fn while_it_is_paused_whoever_leaves_is_suspended_and_everything_else_waits() {
    for deactivate in ["suspend", "delete"] {
        let mut house = given(&[("DEACTIVATE", deactivate), ("CONNECT_RATE", "100")]).await;
        let names = crowd(&mut house, 4).await;
        house.local.control(&json!({"signIn": names}));
        house.roster.set_paused(Some(house.at)).await.unwrap();
        house.later(Duration::from_secs(2));

        let joins = house.tell(&envelope("user.created", &somebody("new@example.com"))).await;
        joins.is(202, "pending", "");
        let mut moved = envelope("user.updated", &somebody(&names[0]));
        moved.body["data"]["name"]["familyName"] = json!("Moved");
        house.tell(&moved).await.is(202, "pending", "");
        let mut renamed = envelope("user.updated", &somebody(&names[3]));
        renamed.body["data"]["userName"] = json!("renamed@example.com");
        house.tell(&renamed).await.is(202, "pending", "");
        let left = house.tell(&envelope("user.deactivated", &somebody(&names[1]))).await;
        assert_eq!(left.status, if deactivate == "suspend" { 200 } else { 202 }, "{}", left.body);
        let deleted = house.tell(&envelope("user.deleted", &somebody(&names[2]))).await;
        assert_eq!((deleted.status, deleted.outcome()), (202, "pending"), "{}", deleted.body);
        pass(&mut house, 5).await;
        assert_eq!(having(&house, SHUT), 2, "{deactivate}");
        assert_eq!(house.names(), names, "{deactivate}: nobody is made, renamed or removed");
        let signed_in = connect(&house.local)["sessions"].clone();
        assert_eq!(signed_in.as_object().unwrap().len(), 2, "{signed_in}");
        let before = house.count();
        pass(&mut house, 5).await;
        assert_eq!(house.calls_since(before), "", "{deactivate}: nothing is asked meanwhile");
        assert_eq!(house.drain().await.0.overdue, [], "whoever paused it knows");

        house.roster.set_paused(None).await.unwrap();
        pass(&mut house, 5).await;
        let mut expected = vec!["new@example.com", &names[0], "renamed@example.com"];
        if deactivate == "suspend" {
            expected.push(&names[1]);
        }
        expected.sort_unstable();
        assert_eq!(house.names(), expected, "{deactivate}");
        assert_eq!(house.parked().await.len(), 0);
        let moved = users(&house.local);
        let moved = moved.iter().find(|user| user["Username"] == json!(names[0])).unwrap();
        assert_eq!(moved["IdentityInfo"]["LastName"], "Moved");
    }
}

#[tokio::test]
async fn a_pause_without_a_profile_to_suspend_with_removes_nobody_and_says_who_has_access() {
    let changes = [("DEACTIVATE", "delete"), ("SUSPENDED_SECURITY_PROFILE", "")];
    let mut house = given(&changes).await;
    house.tell(&story("okta-user-created")).await;
    house.roster.set_paused(Some(house.at)).await.unwrap();
    house.later(Duration::from_secs(2));
    let left = house.tell(&story("user-deactivated")).await;
    assert_eq!((left.outcome(), &left.body["fault"]), ("parked", &json!("configuration")));
    assert!(detail(&house).await.contains("connect-provisioner resume"));
    assert_eq!(house.names(), [ANA]);
    house.roster.set_paused(None).await.unwrap();
    pass(&mut house, 2).await;
    assert_eq!(house.names(), [""; 0]);
}

/// Whoever made the user may know its password, so what the person's groups give waits.
#[tokio::test]
async fn an_adopted_user_has_no_more_than_everybody_until_that_is_confirmed() {
    for (identity, confirmed_first) in
        [(IdentityManagement::ConnectManaged, false), (IdentityManagement::Saml, true)]
    {
        let settings = Settings { throttle: false, identity, ..Settings::default() };
        let changes = [
            ("IDENTITY_MANAGEMENT", identity.name()),
            ("ON_FOREIGN_USER", "adopt"),
            ("GENERATE_PASSWORD", if confirmed_first { "false" } else { "true" }),
            ("ALLOWED_SECURITY_PROFILES", "CallCenterManager"),
        ];
        let mut house = given_with(settings, &changes).await;
        let password = (!confirmed_first).then_some("Known-to-many-1");
        foreign_with(&house.local, ANA, password).await;
        let mut boss = envelope("user.created", &story("okta-user-created"));
        boss.body["data"]["urn:ietf:params:scim:schemas:extension:amazonconnect:2.0:User"] =
            json!({"securityProfiles": ["CallCenterManager"]});
        let told = house.tell(&boss).await;
        if confirmed_first {
            assert_eq!((told.outcome(), &*house.profile()), ("adopted", "CallCenterManager"));
            continue;
        }
        assert_eq!((told.outcome(), &told.body["fault"]), ("parked", &json!("unconfirmed")));
        assert!(detail(&house).await.contains("parked confirm"));
        assert_eq!(house.profile(), "Agent");
        let mut moved = boss.clone();
        moved.body["type"] = json!("user.updated");
        moved.body["data"]["name"]["familyName"] = json!("Moved");
        assert_eq!(house.tell(&moved).await.outcome(), "parked");
        let held = house.user();
        assert_eq!(
            (&*house.profile(), &held["IdentityInfo"]["LastName"]),
            ("Agent", &json!("Moved"))
        );

        let id = house.record(ANA).await.unwrap().id;
        let worked_on = house.record(ANA).await.unwrap();
        parked::confirm(&*house.roster, &[id], house.at).await.unwrap();
        // Whoever works on the record meanwhile carries over what they know of Connect.
        let mut newer = house.record(ANA).await.unwrap();
        newer.carry_status_from(&worked_on);
        house.roster.write(&newer).await.unwrap().unwrap();
        pass(&mut house, 1).await;
        assert_eq!((&*house.profile(), house.parked().await.len()), ("CallCenterManager", 0));
    }
}
