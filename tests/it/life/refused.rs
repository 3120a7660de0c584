//! What Connect alone can tell, and what is judged before it is asked.

use super::*;

#[tokio::test]
async fn a_name_that_is_somebody_elses_is_told_and_nothing_is_left() {
    let mut house = given(&[]).await;
    foreign(&house.local, ANA).await;
    let before = house.user();
    let refused = house.tell(&story("okta-user-created")).await;
    refused.is(409, "", "CreateUser SearchUsers DescribeUser");
    assert_eq!(refused.body["scimType"], "uniqueness");
    assert_eq!(house.persons().await, 0);
    assert!(house.record(ANA).await.is_none());
    assert_eq!(house.user(), before);
    assert!(house.drain().await.0.is_idle());
}

#[tokio::test]
async fn a_change_that_connect_refuses_is_taken_back() {
    let mut house = given(&[]).await;
    house.tell(&story("okta-user-created")).await;
    let (before, held) = (house.record(ANA).await.unwrap(), house.user());

    faults(&house.local, "UpdateUserIdentityInfo", &["InvalidParameterException"]);
    let refused = house.tell(&story("user-updated")).await;
    refused.is(400, "", "DescribeUser UpdateUserIdentityInfo DescribeUser");
    assert_eq!(refused.body["scimType"], "invalidValue");
    let after = house.record(ANA).await.unwrap();
    assert_eq!((&after.spec.person, after.as_of()), (&before.spec.person, before.as_of()));
    assert!(after.is_applied());
    assert_eq!(house.user(), held);
    house.tell(&story("user-updated")).await.is(
        200,
        "updated",
        "DescribeUser UpdateUserIdentityInfo",
    );
}

#[tokio::test]
async fn what_was_done_of_a_change_before_it_was_refused_is_taken_back() {
    let mut house = given(&[("PHONE_TYPE", "DESK_PHONE")]).await;
    let phone = |number| json!([{"type": "work", "value": number}]);
    let joins = user(&[("/phoneNumbers", phone("+34 911 000 111"))]);
    house.tell(&joins).await.is(201, "created", "CreateUser");
    let without_time = |mut user: Value| {
        user.as_object_mut().unwrap().remove("LastModifiedTime");
        user
    };
    let before = without_time(house.user());

    faults(&house.local, "UpdateUserPhoneConfig", &["InvalidParameterException"]);
    let refused = house.tell(&story("user-updated")).await;
    refused.is(
        400,
        "",
        "DescribeUser UpdateUserIdentityInfo UpdateUserPhoneConfig \
         DescribeUser UpdateUserIdentityInfo",
    );
    assert_eq!(without_time(house.user()), before);
    assert!(house.record(ANA).await.unwrap().is_applied());
}

#[tokio::test]
async fn a_new_name_that_is_somebody_elses_is_taken_back() {
    let mut house = given(&[]).await;
    house.tell(&story("okta-user-created")).await;
    foreign(&house.local, "ana.vega@example.com").await;
    let before = users(&house.local);
    let refused = house.tell(&story("user-renamed")).await;
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert_eq!(users(&house.local), before);
    let record = house.record(ANA).await.unwrap();
    assert!(record.is_applied(), "{record:?}");
    assert_eq!(record.status.user.unwrap().ids.id, before[0]["Id"].as_str().unwrap());
    assert!(record.status.former_user.is_none());
    assert!(house.record("ana.vega@example.com").await.is_none());
}

#[tokio::test]
async fn a_rename_that_must_wait_keeps_the_old_user_meanwhile() {
    for (fault, outcome, wait) in
        [("throttle", "pending", 2), ("limit", "parked", 301), ("500-before", "pending", 31)]
    {
        let mut house = given(&[]).await;
        house.tell(&story("okta-user-created")).await;
        faults(&house.local, "CreateUser", &[fault, fault]);
        let told = house.tell(&story("user-renamed")).await;
        told.is(202, outcome, "DescribeUser CreateUser");
        assert_eq!(house.names(), [ANA], "{fault}");
        house.later(Duration::from_secs(wait));
        let reconciler = house.local.provisioner().reconciler().unwrap();
        // Long enough for one attempt, and for no second after a rest.
        let deadline = Deadline::after(Duration::from_millis(900));
        reconciler.drain(Clock::set(house.at), deadline).await.unwrap();
        assert_eq!(house.names(), [ANA], "{fault}, again");
        house.later(Duration::from_secs(3600));
        assert_eq!(house.drain().await.0.applied, 1, "{fault}");
        assert_eq!(house.names(), ["ana.vega@example.com"], "{fault}");
    }
}

#[tokio::test]
async fn what_can_be_judged_without_connect_is() {
    let mut house = given(&[]).await;
    for name in ["user-name-refused", "user-name-missing"] {
        house.tell(&story(name)).await.is(400, "", "");
    }
    house.tell(&story("okta-user-created")).await;
    let mut nameless = story("user-updated");
    nameless.body["data"]["name"] = json!({"givenName": "Ana"});
    house.tell(&nameless).await.is(400, "", "");
    assert_eq!(house.user()["IdentityInfo"]["LastName"], "Ruiz");
    assert!(house.record(ANA).await.unwrap().is_applied());
}

#[tokio::test]
async fn two_people_do_not_share_a_name() {
    let mut house = given(&[]).await;
    house.tell(&story("okta-user-created")).await;
    let other = user(&[("/externalId", json!("somebody else"))]);
    let refused = house.tell(&other).await;
    refused.is(409, "", "");
    assert_eq!(refused.body["scimType"], "uniqueness");
    house.tell(&somebody("bea@example.com")).await.is(201, "created", "CreateUser");
    let mut renamed = envelope("user.updated", &somebody("bea@example.com"));
    renamed.body["data"]["userName"] = json!(ANA);
    house.tell(&renamed).await.is(409, "", "");
    assert_eq!(house.names(), [ANA, "bea@example.com"]);
}
