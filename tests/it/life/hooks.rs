//! A life as Okta's event hooks tell it.

use super::*;

/// A batch of one event of this type about Bea, an hour before this time.
pub(super) fn okta(event_type: &str, at: SystemTime) -> Story {
    let mut story = story("okta-hook-app-assigned");
    let event = &mut story.body["data"]["events"][0];
    event["eventType"] = json!(event_type);
    event["uuid"] = json!(format!("{event_type} {at:?}"));
    event["published"] = json!(text(at));
    let group = json!({"id": "00g1", "type": "UserGroup", "displayName": "Connect Agents"});
    event["target"].as_array_mut().unwrap().push(group);
    story
}

#[tokio::test]
async fn every_event_of_oktas_that_matters_is_carried_out() {
    const AGENT: &str = "Agent";
    const SHUT: &str = "No Access";
    const NOBODY: &str = "";
    let mut house = given(&[("HOOK_OKTA_LIFECYCLE", "true")]).await;
    for (event_type, outcome, held) in [
        ("user.lifecycle.deactivate", "noUser", NOBODY),
        ("application.user_membership.update", "ignored", NOBODY),
        ("user.account.update_profile", "ignored", NOBODY),
        // Deactivated: no assignment lets them in.
        ("application.user_membership.add", "noUser", NOBODY),
        ("user.lifecycle.activate", "created", AGENT),
        ("group.user_membership.add", "unchanged", AGENT),
        ("application.provision.user.push", "unchanged", AGENT),
        ("application.provision.user.push_profile", "unchanged", AGENT),
        ("application.provision.user.sync", "unchanged", AGENT),
        ("application.user_membership.update", "unchanged", AGENT),
        ("user.account.update_profile", "unchanged", AGENT),
        ("user.lifecycle.suspend", "suspended", SHUT),
        ("user.account.update_profile", "unchanged", SHUT),
        ("user.lifecycle.unsuspend", "updated", AGENT),
        // One of two, and the last.
        ("application.user_membership.remove", "unchanged", AGENT),
        ("group.user_membership.remove", "suspended", SHUT),
        ("user.lifecycle.unsuspend", "unchanged", SHUT),
        ("application.provision.user.reactivate", "updated", AGENT),
        ("user.lifecycle.deactivate", "suspended", SHUT),
        ("group.user_membership.add", "unchanged", SHUT),
        ("user.lifecycle.reactivate", "updated", AGENT),
        ("application.provision.user.deactivate", "ignored", AGENT),
        ("user.account.lock", "ignored", AGENT),
        ("application.provision.user.delete", "unchanged", AGENT),
        ("group.user_membership.remove", "suspended", SHUT),
        ("application.provision.user.delete", "removed", NOBODY),
        ("user.lifecycle.create", "created", AGENT),
        ("user.lifecycle.delete.initiated", "removed", NOBODY),
    ] {
        let told = house.tell(&okta(event_type, house.at)).await;
        assert_eq!(told.status, 200, "{event_type}: {}", told.body);
        assert_eq!(told.body["events"][0]["outcome"], outcome, "{event_type}: {}", told.body);
        let profile = if house.names().is_empty() { String::new() } else { house.profile() };
        assert_eq!(profile, held, "{event_type}");
    }
}

#[tokio::test]
async fn oktas_events_out_of_order_come_to_the_newest() {
    let mut house = given(&[]).await;
    let joined = house.at - Duration::from_secs(300);
    let left = house.at - Duration::from_secs(200);
    let back = house.at - Duration::from_secs(100);
    house.tell(&okta("application.user_membership.add", joined)).await;
    house.tell(&okta("user.lifecycle.unsuspend", back)).await;
    assert_eq!(house.profile(), "Agent");
    let late = house.tell(&okta("user.lifecycle.suspend", left)).await;
    assert_eq!(late.body["events"][0]["outcome"], "ignored", "{}", late.body);
    assert_eq!(house.profile(), "Agent");
}

#[tokio::test]
async fn what_okta_cannot_mend_waits_for_somebody() {
    let mut house = given(&[]).await;
    foreign(&house.local, "bea.lindt@example.com").await;
    let told = house.tell(&story("okta-hook-app-assigned")).await;
    assert_eq!(told.status, 200, "{}", told.body);
    let event = &told.body["events"][0];
    assert_eq!((&event["outcome"], &event["fault"]), (&json!("parked"), &json!("uniqueness")));
    let parked = house.parked().await.remove(0);
    house.remove_by_hand().await;
    parked::retry(&*house.roster, &[parked.id], house.at).await.unwrap();
    let (drained, calls) = house.drain().await;
    assert_eq!((drained.applied, &*calls), (1, "CreateUser"), "{drained:?}");
    assert_eq!(house.names(), ["bea.lindt@example.com"]);
}

#[tokio::test]
async fn an_okta_hook_takes_away_nothing_that_others_told() {
    let mut house = given(&[]).await;
    house.tell(&story("okta-user-created")).await;
    house.tell(&story("user-updated")).await;
    let mut hook = okta("application.user_membership.add", house.at + Duration::from_secs(1));
    let target = hook.body["data"]["events"][0]["target"].as_array_mut().unwrap();
    let person = target.iter_mut().find(|target| target["type"] == "User").unwrap();
    person["alternateId"] = json!(ANA);
    person["id"] = json!("00uujl29u0le5T6Aj10h7");
    person["displayName"] = json!("A Login");
    let told = house.tell(&hook).await;
    assert_eq!(told.body["events"][0]["outcome"], "unchanged", "{}", told.body);
    assert_eq!(house.user()["IdentityInfo"]["LastName"], "Ruiz Vega");
}
