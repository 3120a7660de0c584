//! What the operator decided, and does about those who wait.

use super::*;

#[tokio::test]
async fn too_many_removals_within_an_hour_are_held_until_they_are_let_through() {
    let mut house = given(&[]).await;
    let name = |number: usize| format!("agent{number}@example.com");
    for number in 0..=51 {
        house.tell(&somebody(&name(number))).await.is(201, "created", "CreateUser");
    }
    for number in 0..50 {
        // Whether they are shut out or removed, they are counted.
        let kind = if number % 2 == 0 { "user.deleted" } else { "user.deactivated" };
        let left = house.tell(&envelope(kind, &somebody(&name(number)))).await;
        assert_eq!(left.status, 200, "{}", left.body);
    }
    let held = house.tell(&envelope("user.deleted", &somebody(&name(50)))).await;
    held.is(202, "parked", "DescribeUser");
    assert_eq!(held.body["fault"], "removalHeld");
    let held = house.tell(&envelope("user.deactivated", &somebody(&name(51)))).await;
    held.is(202, "parked", "DescribeUser");
    assert_eq!(house.names().len(), 27, "25 were removed");

    let parked = house.parked().await;
    let faults: Vec<_> = parked.iter().map(fault).collect();
    assert_eq!(faults, ["removalHeld", "removalHeld"]);
    assert!(house.drain().await.0.is_idle(), "it waits for the operator");

    let deleted =
        parked.iter().find(|record| record.desired_state() == DesiredState::Deleted).unwrap();
    parked::retry(&*house.roster, slice::from_ref(&deleted.id), house.at).await.unwrap();
    let (drained, calls) = house.drain().await;
    assert!(drained.is_alarming(), "{drained:?}");
    assert_eq!((drained.parked.len(), &*calls), (1, "DescribeUser"), "under all the rules");

    parked::release(&*house.roster, slice::from_ref(&deleted.id), house.at).await.unwrap();
    let (drained, calls) = house.drain().await;
    assert_eq!(
        (drained.applied, &*calls),
        (1, "DescribeUser UpdateUserSecurityProfiles DeleteAllEntitySessions DeleteUser")
    );
    assert_eq!((house.names().len(), house.parked().await.len()), (26, 1));

    // The hour passes, and 51 of the counted with it.
    house.later(Duration::from_secs(3700));
    let suspended = house.parked().await.remove(0);
    parked::retry(&*house.roster, &[suspended.id], house.at).await.unwrap();
    assert_eq!(house.drain().await.0.applied, 1);
    assert_eq!(house.parked().await.len(), 0);
}

#[tokio::test]
async fn only_what_is_parked_is_tried_again() {
    let mut house = given(&[("MAX_REMOVALS_PER_HOUR", "0")]).await;
    house.tell(&story("okta-user-created")).await;
    let sound = house.record(ANA).await.unwrap().id;
    house.tell(&somebody("bea@example.com")).await;
    house.tell(&envelope("user.deleted", &somebody("bea@example.com"))).await;
    let parked = house.parked().await.remove(0);

    let nobody = connect_provisioner::roster::key::Id::from_text("nobody");
    for (wrong, expected) in [
        (&sound, parked::RequeueError::NotParked(sound.clone())),
        (&nobody, parked::RequeueError::Unknown(nobody.clone())),
    ] {
        let ids = [parked.id.clone(), wrong.clone()];
        let refused = parked::release(&*house.roster, &ids, house.at).await.unwrap_err();
        assert_eq!(refused, expected);
        assert_eq!(house.parked().await, slice::from_ref(&parked), "nothing was changed");
    }
    assert_eq!(counted(&house).await, [1, 1, 0, 0]);
    parked::release(&*house.roster, &[parked.id], house.at).await.unwrap();
    assert_eq!(counted(&house).await, [1, 0, 1, 0]);
    house.drain().await;
    assert_eq!(counted(&house).await, [1, 0, 0, 1]);
}

async fn counted(house: &House) -> [usize; 4] {
    let counts = house.roster.counts().await.unwrap();
    assert_eq!(counts.oldest_pending.is_some(), counts.pending > 0);
    [counts.applied, counts.parked, counts.pending, counts.removed]
}

#[tokio::test]
async fn a_rename_waits_for_the_operator_who_says_so() {
    let mut house = given(&[("RENAME", "park")]).await;
    house.tell(&story("okta-user-created")).await;
    let told = house.tell(&story("user-renamed")).await;
    told.is(202, "parked", "DescribeUser");
    assert_eq!(told.body["fault"], "renamed");
    assert_eq!(house.names(), [ANA]);
    let back = house.tell(&story("user-updated")).await;
    // The new name was to be tried, so it is looked whether it was.
    back.is(200, "updated", "DescribeUser SearchUsers ListUsers UpdateUserIdentityInfo");
    assert_eq!(house.parked().await.len(), 0);
}

#[tokio::test]
async fn a_foreign_user_is_adopted_if_it_is_harmless_and_the_operator_says_so() {
    let mut house = given(&[("ON_FOREIGN_USER", "adopt")]).await;
    foreign(&house.local, ANA).await;
    let before = house.user();
    let adopted = house.tell(&story("okta-user-created")).await;
    adopted.is(
        200,
        "adopted",
        "CreateUser SearchUsers DescribeUser TagResource UpdateUserIdentityInfo \
         UpdateUserPhoneConfig UpdateUserRoutingProfile TagResource",
    );
    let after = house.user();
    assert_eq!(after["Id"], before["Id"]);
    assert_eq!(after["IdentityInfo"], json!({"FirstName": "Ana", "LastName": "Ruiz"}));
    assert_eq!(after["Tags"]["managed-by"], "connect-provisioner");
    assert_eq!(after["Tags"]["team"], "support");
    house.tell(&story("okta-user-created")).await.is(200, "unchanged", "");
}

#[tokio::test]
async fn a_foreign_user_who_may_do_more_is_never_adopted() {
    let mut house = given(&[("ON_FOREIGN_USER", "adopt")]).await;
    foreign(&house.local, ANA).await;
    let id = house.user()["Id"].as_str().unwrap().to_owned();
    house
        .local
        .client
        .update_user_security_profiles()
        .instance_id(&house.local.directory.instance_id)
        .user_id(&id)
        .security_profile_ids(&house.local.directory.security_profiles["Admin"])
        .send()
        .await
        .unwrap();
    let before = house.user();
    let refused = house.tell(&story("okta-user-created")).await;
    refused.is(409, "", "CreateUser SearchUsers DescribeUser");
    assert_eq!(house.user(), before);
    assert_eq!(house.persons().await, 0);
}

#[tokio::test]
async fn nobody_is_adopted_for_what_a_group_gives_to_others() {
    let grants = json!({"Admins": {"securityProfiles": ["Agent"]}}).to_string();
    let changes = [
        ("ON_FOREIGN_USER", "adopt"),
        ("SECURITY_PROFILES", "QualityAnalyst"),
        ("GROUP_PROFILES", grants.as_str()),
    ];
    let mut house = given(&changes).await;
    foreign(&house.local, ANA).await;
    let before = house.user();
    let refused = house.tell(&story("okta-user-created")).await;
    assert_eq!(refused.status, 409);
    assert!(refused.detail().contains("GROUP_PROFILES"), "{}", refused.detail());
    assert_eq!(house.user(), before);
}

#[tokio::test]
async fn who_was_removed_by_hand_is_parked_or_made_anew() {
    for (choice, status, outcome, calls, held) in [
        ("park", 202, "parked", "DescribeUser ListUsers", 0),
        ("recreate", 201, "created", "DescribeUser ListUsers CreateUser", 1),
    ] {
        let mut house = given(&[("ON_MISSING", choice)]).await;
        house.tell(&story("okta-user-created")).await;
        house.remove_by_hand().await;
        let young = house.tell(&story("user-updated")).await;
        young.is(202, "pending", "DescribeUser");

        house.later(Duration::from_secs(15 * 60));
        let mut again = story("user-updated");
        again.body["data"]["name"]["familyName"] = json!("Vega");
        let told = house.tell(&again).await;
        told.is(status, outcome, calls);
        assert_eq!(house.names().len(), held, "{choice}");
        if choice == "park" {
            assert_eq!(told.body["fault"], "missing");
            let gone = house.tell(&story("user-deleted")).await;
            gone.is(200, "removed", "DescribeUser ListUsers SearchUsers ListUsers");
            assert_eq!(house.parked().await.len(), 0);
        }
    }
}

#[tokio::test]
async fn who_was_shut_out_and_removed_by_hand_is_not_made_anew() {
    let mut house = given(&[]).await;
    house.tell(&story("okta-user-created")).await;
    house.remove_by_hand().await;
    house.later(Duration::from_secs(16 * 60));
    house.tell(&story("user-deactivated")).await.is(200, "noUser", "DescribeUser ListUsers");
    assert_eq!(house.names(), [""; 0]);
}

#[tokio::test]
async fn a_user_whose_tags_were_taken_away_is_ours_no_more() {
    for (name, status) in [("user-updated", 409), ("user-deactivated", 202), ("user-deleted", 202)]
    {
        let mut house = given(&[]).await;
        house.tell(&story("okta-user-created")).await;
        let arn = house.user()["Arn"].as_str().unwrap().to_owned();
        let untag = house.local.client.untag_resource().resource_arn(arn);
        untag.tag_keys("provisioner-owner").send().await.unwrap();
        let before = house.user();
        let refused = house.tell(&story(name)).await;
        assert_eq!(refused.status, status, "{name}: {}", refused.body);
        assert!(status == 409 || refused.outcome() == "parked", "{name}: {}", refused.body);
        assert!(refused.calls.split(' ').all(|call| call == "DescribeUser"), "{}", refused.calls);
        assert_eq!(house.user(), before, "{name}");
    }
}
