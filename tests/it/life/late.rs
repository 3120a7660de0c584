//! Events that come late, calls that were lost or must wait, and work that was cut off.

use super::*;

#[tokio::test]
async fn an_older_event_changes_nothing() {
    let mut house = given(&[]).await;
    house.tell(&story("okta-user-created")).await;
    let moved = dated(&story("user-updated"), house.at + Duration::from_secs(5));
    house.later(Duration::from_secs(10));
    house.tell(&moved).await.is(200, "updated", "DescribeUser UpdateUserIdentityInfo");
    let before = house.user();

    for kind in ["user.updated", "user.deactivated", "user.deleted", "user.created"] {
        let older = envelope(kind, &story("okta-user-created"));
        let older = dated(&older, house.at - Duration::from_secs(60));
        let told = house.tell(&older).await;
        told.is(200, "ignored", "");
        assert!(told.body["reason"].as_str().unwrap().contains("newer"), "{}", told.body);
    }
    assert_eq!(house.user(), before);
}

#[tokio::test]
async fn an_undated_event_is_as_old_as_its_first_delivery() {
    let mut house = given(&[]).await;
    let first = house.deliver(&story("okta-user-created"), "msg_first").await;
    first.is(201, "created", "CreateUser");
    house.tell(&story("user-updated")).await.is(
        200,
        "updated",
        "DescribeUser UpdateUserIdentityInfo",
    );
    house.later(Duration::from_secs(60));
    let late = house.deliver(&story("okta-user-created"), "msg_first").await;
    late.is(200, "ignored", "");
    assert_eq!(house.user()["IdentityInfo"]["LastName"], "Ruiz Vega");
}

#[tokio::test]
async fn what_is_dated_too_far_ahead_is_refused() {
    let mut house = given(&[]).await;
    let joins = envelope("user.created", &story("okta-user-created"));
    house.later(Duration::from_secs(1));
    let ahead = |seconds| dated(&joins, house.at + Duration::from_secs(seconds));
    let refused = house.deliver(&ahead(301), "msg_ahead").await;
    refused.is(400, "", "");
    assert!(refused.detail().starts_with("timestamp: "), "{}", refused.body);
    assert_eq!(house.persons().await, 0);
    house.deliver(&ahead(299), "msg_less").await.is(201, "created", "CreateUser");
}

#[tokio::test]
async fn who_is_throttled_is_pending_and_drained() {
    let mut house = given(&[]).await;
    house.tell(&story("okta-user-created")).await;
    faults(&house.local, "UpdateUserIdentityInfo", &["throttle"]);
    let told = house.tell(&story("user-updated")).await;
    told.is(202, "pending", "DescribeUser UpdateUserIdentityInfo");
    assert_eq!(house.user()["IdentityInfo"]["LastName"], "Ruiz");

    let backlog = house.tell(&somebody("bea@example.com")).await;
    backlog.is(202, "pending", "");

    let (drained, _) = house.drain().await;
    assert_eq!((drained.applied, drained.parked.len()), (2, 0), "{drained:?}");
    assert_eq!(house.names(), [ANA, "bea@example.com"]);
    assert!(users(&house.local).iter().any(|user| user["IdentityInfo"]["LastName"] == "Ruiz Vega"));
    house.tell(&somebody("carl@example.com")).await.is(201, "created", "CreateUser");
}

#[tokio::test]
async fn a_call_of_unknown_fate_is_looked_after_and_not_made_twice() {
    for lost in ["500-after", "drop"] {
        let mut house = given(&[]).await;
        faults(&house.local, "CreateUser", &[lost]);
        house.tell(&story("okta-user-created")).await.is(202, "pending", "CreateUser");
        let (early, calls) = house.drain().await;
        assert_eq!((early.is_idle(), &*calls), (true, ""), "nobody looks before 30 s");
        house.later(Duration::from_secs(31));
        let (drained, calls) = house.drain().await;
        assert_eq!(drained.applied, 1, "{drained:?}");
        assert_eq!(calls, "CreateUser SearchUsers DescribeUser", "{lost}");
        assert_eq!(house.names(), [ANA]);
        house.tell(&story("okta-user-created")).await.is(200, "unchanged", "");
    }
}

#[tokio::test]
async fn what_connect_did_unseen_is_not_forgotten() {
    for (next, held, profile) in [
        ("user-renamed", "ana.vega@example.com", "Agent"),
        ("user-deactivated", ANA, "No Access"),
        ("user-deleted", "", ""),
    ] {
        let mut house = given(&[]).await;
        faults(&house.local, "CreateUser", &["500-after"]);
        house.tell(&story("okta-user-created")).await.is(202, "pending", "CreateUser");
        house.tell(&story(next)).await.is(202, "pending", "");
        house.later(Duration::from_secs(61));
        let (drained, calls) = house.drain().await;
        assert_eq!((drained.applied, drained.parked.len()), (1, 0), "{next}: {calls}");
        assert_eq!(house.names().join(" "), held, "{next}: {calls}");
        if !held.is_empty() {
            assert_eq!(house.profile(), profile, "{next}: {calls}");
        }
    }
}

#[tokio::test]
async fn a_removal_of_unknown_fate_is_done_once() {
    for lost in ["500-before", "500-after", "drop"] {
        let mut house = given(&[("MAX_REMOVALS_PER_HOUR", "1")]).await;
        house.tell(&story("okta-user-created")).await;
        faults(&house.local, "DeleteUser", &[lost]);
        house.tell(&story("user-deleted")).await.is(
            202,
            "pending",
            "DescribeUser UpdateUserSecurityProfiles DeleteAllEntitySessions DeleteUser",
        );
        // So long that a user whom Connect does not show is gone, and counted only once.
        house.later(Duration::from_secs(16 * 60));
        let (drained, calls) = house.drain().await;
        assert_eq!((drained.applied, drained.parked.len()), (1, 0), "{lost}: {calls}");
        assert_eq!(house.names(), [""; 0]);
        assert_eq!(house.persons().await, 0);
    }
}

#[tokio::test]
async fn who_was_just_made_and_is_removed_is_gone_at_once() {
    let mut house = given(&[]).await;
    house.tell(&story("okta-user-created")).await;
    faults(&house.local, "DeleteUser", &["500-after"]);
    house.tell(&story("user-deleted")).await.is(
        202,
        "pending",
        "DescribeUser UpdateUserSecurityProfiles DeleteAllEntitySessions DeleteUser",
    );
    house.later(Duration::from_secs(31));
    // Too young to be gone, if it had not been us.
    let (drained, calls) = house.drain().await;
    assert_eq!((drained.applied, &*calls), (1, "DescribeUser ListUsers"));
    let counts = house.roster.counts().await.unwrap();
    assert_eq!((counts.pending, counts.removed), (0, 1));
}

#[tokio::test]
async fn a_password_is_used_at_once_or_never() {
    let managed = [("IDENTITY_MANAGEMENT", "CONNECT_MANAGED")];
    let settings = Settings {
        identity: IdentityManagement::ConnectManaged,
        throttle: false,
        ..Settings::default()
    };
    let joins = user(&[("/password", json!("Secret-1mz050nq"))]);
    for (generate, parked) in [("false", 1), ("true", 0)] {
        let changes = [managed.as_slice(), &[("GENERATE_PASSWORD", generate)]].concat();
        let mut house = given_with(settings.clone(), &changes).await;
        house.tell(&joins).await.is(201, "created", "CreateUser");
        let requests = connect(&house.local)["requests"].clone();
        assert_eq!(requests[0]["body"]["Password"], "Secret-1mz050nq");
        assert_eq!(house.record(ANA).await.unwrap().spec.person.password(), Ok(None));

        // It is not stored, so the drain has none to give.
        faults(&house.local, "CreateUser", &["throttle"]);
        let mut other = joins.clone();
        other.body["userName"] = json!("bea@example.com");
        other.body["externalId"] = json!("bea");
        house.tell(&other).await.is(202, "pending", "CreateUser");
        let (drained, _) = house.drain().await;
        assert_eq!((drained.parked.len(), drained.applied), (parked, 1 - parked), "{drained:?}");
        if parked == 0 {
            continue;
        }
        assert_eq!(fault(&house.parked().await[0]), "invalidValue");
        let mut again = other.clone();
        again.body["displayName"] = json!("Bea Ruiz");
        house.tell(&again).await.is(201, "created", "CreateUser");
    }
}

#[tokio::test]
async fn a_full_instance_is_the_operators_to_mend() {
    let mut house = given(&[]).await;
    faults(&house.local, "CreateUser", &["limit"]);
    let told = house.tell(&story("okta-user-created")).await;
    told.is(202, "parked", "CreateUser");
    assert_eq!(told.body["fault"], "quotaFull");
    house.later(Duration::from_secs(301));
    assert_eq!(house.drain().await.0.applied, 1, "tried again all the same");
    assert_eq!(house.names(), [ANA]);
}

#[tokio::test]
async fn who_finds_the_lease_taken_leaves_it_to_its_holder() {
    let mut house = given(&[]).await;
    house.tell(&story("okta-user-created")).await;
    let mut record = house.record(ANA).await.unwrap();
    record.take_lease(house.at);
    assert_ne!(house.roster.write(&record).await.unwrap(), Err(WriteConflict::StaleVersion));
    house.tell(&story("user-updated")).await.is(202, "pending", "");
    assert!(house.drain().await.0.is_idle(), "somebody is at work");
    house.later(Duration::from_secs(61));
    let (drained, calls) = house.drain().await;
    assert_eq!((drained.applied, &*calls), (1, "DescribeUser UpdateUserIdentityInfo"));
}

#[tokio::test]
async fn the_same_person_told_by_many_at_once_is_one_user_in_the_newest_state() {
    let mut house = given(&[]).await;
    let stories: Vec<_> = (0..20)
        .map(|number| {
            let mut told = envelope("user.created", &story("okta-user-created"));
            told.body["data"]["name"]["familyName"] = json!(format!("Ruiz {number:02}"));
            // The order in which they arrive is not the one in which they happened.
            dated(&told, house.at - Duration::from_secs(number * 7 % 20))
        })
        .collect();
    let ids: Vec<_> = (0..stories.len()).map(|number| format!("msg_{number}")).collect();
    let tellings = stories.iter().zip(&ids).map(|(story, id)| house.deliver(story, id));
    for told in join_all(tellings).await {
        // Who is older than what is just being tried repeats it, since that may yet be refused.
        assert!([200, 201, 202, 503].contains(&told.status), "{}", told.body);
    }
    house.later(Duration::from_secs(120));
    house.drain().await;
    for (story, id) in stories.iter().zip(&ids) {
        assert_eq!(house.deliver(story, id).await.status, 200);
    }
    assert_eq!(house.user()["IdentityInfo"]["LastName"], "Ruiz 00");
    assert_eq!(house.persons().await, 1);
    assert!(house.record(ANA).await.unwrap().is_applied());
}

#[tokio::test]
async fn an_event_without_time_to_call_is_kept_for_the_drain() {
    let house = given(&[]).await;
    let event = story("okta-user-created").signed(&house.local.source, "msg_1", house.at);
    let (answer, _) = house.local.send(&event, house.at, Duration::from_millis(350)).await;
    assert_eq!(answer.unwrap().status_code, 202);
    assert_eq!(house.names(), [""; 0]);
    assert_eq!(house.drain().await.0.applied, 1);
    assert_eq!(house.names(), [ANA]);
}
