//! Whoever leaves is out: in every order, whatever Connect says wrongly, sessions included.

use super::*;
use crate::house::access::rows;

const AGENT: &str = "Agent";
const SHUT: &str = "No Access";

/// Every user of Connect with its profile.
fn held(house: &House) -> Vec<(String, String)> {
    let mut held: Vec<_> = users(&house.local)
        .iter()
        .map(|user| {
            let profiles = &connect(&house.local)["directory"]["securityProfiles"];
            let id = user["SecurityProfileIds"][0].as_str().unwrap();
            let name = profiles.as_object().and_then(|profiles| {
                profiles.iter().find(|(_, other)| *other == id).map(|(name, _)| name.clone())
            });
            (user["Username"].as_str().unwrap().to_owned(), name.unwrap_or_else(|| id.to_owned()))
        })
        .collect();
    held.sort();
    held
}

/// Whether the one profile of each user lets nobody do anything.
#[track_caller]
fn assert_nobody_works(house: &House) {
    let shut = &house.local.directory.security_profiles[SHUT];
    for user in users(&house.local) {
        assert_eq!(user["SecurityProfileIds"], json!([shut]), "{:?}", held(house));
    }
}

/// Runs the drain until nobody is due within ten minutes.
async fn drained(house: &mut House) {
    for _ in 0..20 {
        house.later(Duration::from_secs(31));
        house.drain().await;
    }
}

#[tokio::test]
async fn a_farewell_behind_a_newer_change_holds() {
    for (kind, users) in [("user.deactivated", 1), ("user.deleted", 0)] {
        let mut house = given(&[]).await;
        let at = |back| house.at - Duration::from_secs(back);
        let joins = dated(&story("okta-user-created"), at(60));
        let joins = dated(&envelope("user.created", &joins), at(60));
        let moved = dated(&envelope("user.updated", &story("user-updated")), at(20));
        let left = dated(&envelope(kind, &story("okta-user-created")), at(40));
        house.tell(&joins).await;
        house.tell(&moved).await;
        let told = house.tell(&left).await;
        assert_ne!(told.outcome(), "ignored", "{}", told.body);
        assert_eq!(house.names().len(), users, "{kind}");
        assert_nobody_works(&house);
    }
}

#[tokio::test]
async fn one_wrong_not_found_settles_no_farewell() {
    for fault in ["ResourceNotFoundException", "InvalidParameterException"] {
        for kind in ["user.deactivated", "user.deleted"] {
            let mut house = given(&[]).await;
            house.tell(&story("okta-user-created")).await;
            house.later(Duration::from_secs(3600));
            faults(&house.local, "DescribeUser", &[fault]);
            house.tell(&envelope(kind, &story("okta-user-created"))).await;
            assert_nobody_works(&house);
            let left = usize::from(kind == "user.deactivated");
            assert_eq!(house.names().len(), left, "{fault} {kind}");
        }
    }
}

#[tokio::test]
async fn who_may_not_be_removed_has_no_power_and_keeps_no_other_door_open() {
    let mut house = given(&[]).await;
    house.tell(&story("okta-user-created")).await;
    house.later(Duration::from_secs(3600));
    house.local.control(&json!({"always": {"DeleteUser": "denied"}}));
    house.tell(&story("user-renamed")).await;
    assert_eq!(house.names().len(), 2, "the former user may not be removed");
    let left = house.tell(&story("user-deactivated")).await;
    assert_eq!((left.status, left.outcome()), (202, "parked"), "{}", left.body);
    assert_nobody_works(&house);
    house.local.control(&json!({"always": {"DeleteUser": null}}));
    drained(&mut house).await;
    assert_eq!(house.names().len(), 1, "tried again by itself");
}

#[tokio::test]
async fn a_farewell_waits_for_no_backlog() {
    let mut house = given(&[]).await;
    house.tell(&story("okta-user-created")).await;
    let until = house.at.checked_add(Duration::from_secs(3600));
    house.roster.set_backlog(until).await.unwrap();
    // That there was none is trusted for a second.
    house.later(Duration::from_secs(2));
    house.tell(&story("user-name-taken")).await.is(202, "pending", "");
    let left = house.tell(&story("user-deactivated")).await;
    assert_eq!(left.outcome(), "suspended", "{}", left.body);
}

/// The call that took the power is answered by 500, and the next worker goes round again for what was said
/// meanwhile. Let in at once, they would be shut out by the late effect of that call.
#[tokio::test]
async fn who_returns_while_a_farewell_has_no_answer_is_let_in_after_its_late_effect() {
    let mut house = given(&[]).await;
    house.tell(&story("okta-user-created")).await;
    house.later(Duration::from_secs(3600));
    let left = dated(&envelope("user.deactivated", &story("okta-user-created")), house.at);
    faults(&house.local, "UpdateUserSecurityProfiles", &["500-after"]);
    house.deliver(&left, "msg_left").await.is(
        202,
        "pending",
        "DescribeUser UpdateUserSecurityProfiles",
    );
    house.later(Duration::from_secs(2));
    let back = dated(&envelope("user.activated", &story("okta-user-created")), house.at);
    house.local.control(&json!({"slowMs": 700}));
    faults(&house.local, "DescribeUser", &["slow"]);
    let returns = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        house.deliver(&back, "msg_back").await
    };
    let ((drained, _), back) = tokio::join!(house.drain(), returns);
    assert_eq!((drained.applied, back.status), (0, 202), "{drained:?} {}", back.body);
    assert_nobody_works(&house);
    for _ in 0..2 {
        house.later(Duration::from_secs(9));
        let (_, calls) = house.drain().await;
        assert_eq!(calls, "", "nobody is let in before 30 s");
    }
    house.later(Duration::from_secs(12));
    let drained = house.drain().await;
    assert_eq!(house.profile(), AGENT, "{drained:?}");
}

#[tokio::test]
async fn who_leaves_is_signed_out_and_a_refusal_holds_up_nothing() {
    for (kind, users) in [("user.deactivated", 1), ("user.deleted", 0)] {
        let mut house = given(&[]).await;
        house.tell(&story("okta-user-created")).await;
        house.local.control(&json!({"signIn": [ANA]}));
        house.tell(&envelope(kind, &story("okta-user-created"))).await;
        assert_eq!(connect(&house.local)["sessions"], json!({}), "{kind}");
        assert_eq!(house.names().len(), users);
    }
    let mut house = given(&[]).await;
    house.tell(&story("okta-user-created")).await;
    house.local.control(&json!({"signIn": [ANA]}));
    house.local.control(&json!({"always": {"DeleteAllEntitySessions": "denied"}}));
    let left = house.tell(&story("user-deactivated")).await;
    assert_eq!((left.status, left.outcome()), (200, "suspended"), "{}", left.body);
    assert_nobody_works(&house);
    let owed = house.record(ANA).await.unwrap();
    assert!(owed.owes_sessions() && owed.schedule.phase == Phase::Applied);
    house.later(Duration::from_secs(30 * 60));
    assert_eq!(house.drain().await.1, "", "once an hour");
    house.later(Duration::from_secs(31 * 60));
    let (drained, calls) = house.drain().await;
    assert_eq!((drained.sessions_not_ended.len(), &*calls), (1, "DeleteAllEntitySessions"));
    house.local.control(&json!({"always": {"DeleteAllEntitySessions": null}}));
    house.later(Duration::from_secs(61 * 60));
    assert_eq!(house.drain().await.1, "DeleteAllEntitySessions");
    assert_eq!(connect(&house.local)["sessions"], json!({}));
    assert!(!house.record(ANA).await.unwrap().owes_sessions());
}

#[tokio::test]
async fn what_time_mends_keeps_a_user_from_removal_until_the_sessions_are_ended() {
    let mut house = given(&[("DEACTIVATE", "delete")]).await;
    house.tell(&story("okta-user-created")).await;
    house.local.control(&json!({"signIn": [ANA]}));
    faults(&house.local, "DeleteAllEntitySessions", &["throttle"]);
    house.tell(&story("user-deactivated")).await;
    assert_nobody_works(&house);
    assert_eq!(house.names(), [ANA]);
    drained(&mut house).await;
    assert_eq!((house.names().len(), &connect(&house.local)["sessions"]), (0, &json!({})));
}

/// Ana, renamed away while she leaves, as Entra does it; and somebody new who gets her name.
fn renamed_and_newcomer() -> (Story, Story) {
    let mut gone = envelope("user.updated", &story("okta-user-created"));
    let name = format!("0123456789abcdef0123456789abcdef{ANA}");
    gone.body["data"]["userName"] = json!(name);
    gone.body["data"]["active"] = json!(false);
    let mut newcomer = envelope("user.created", &story("okta-user-created"));
    newcomer.body["data"]["externalId"] = json!("somebody-else");
    newcomer.body["data"]["name"] = json!({"givenName": "Anna", "familyName": "New"});
    (gone, newcomer)
}

#[tokio::test]
async fn a_name_that_a_leaver_claims_no_more_is_given_on() {
    for (deactivate, gets_it) in [("suspend", true), ("delete", true), ("keep", false)] {
        let mut house = given(&[("DEACTIVATE", deactivate)]).await;
        house.tell(&story("okta-user-created")).await;
        let (gone, newcomer) = renamed_and_newcomer();
        house.tell(&gone).await;
        let told = house.tell(&newcomer).await;
        if !gets_it {
            assert_eq!((told.outcome(), &told.body["fault"]), ("parked", &json!("renamed")));
            continue;
        }
        drained(&mut house).await;
        assert_eq!(house.user()["IdentityInfo"]["LastName"], "New", "{deactivate}");
        assert_eq!(house.profile(), AGENT);
    }
}

#[tokio::test]
async fn who_keeps_a_name_that_is_anothers_is_signed_out_however_often_it_takes() {
    let mut house = given(&[("DEACTIVATE", "keep")]).await;
    house.tell(&story("okta-user-created")).await;
    let (gone, newcomer) = renamed_and_newcomer();
    house.tell(&gone).await;
    house.local.control(&json!({"signIn": [ANA]}));
    faults(&house.local, "DeleteAllEntitySessions", &["throttle"]);
    assert_eq!(house.tell(&newcomer).await.outcome(), "pending");
    drained(&mut house).await;
    assert_nobody_works(&house);
    assert_eq!(connect(&house.local)["sessions"], json!({}));
}

#[tokio::test]
async fn a_farewell_is_whose_its_source_says() {
    // Another externalId of the same source is another person.
    let mut house = given(&[]).await;
    house.tell(&envelope("user.created", &story("okta-user-created"))).await;
    let mut other = story("okta-user-created");
    other.body["externalId"] = json!("of-somebody-before");
    for kind in ["user.deactivated", "user.deleted"] {
        let told = house.tell(&envelope(kind, &other)).await;
        assert_eq!((told.status, told.outcome()), (200, "ignored"), "{}", told.body);
        assert_eq!(house.profile(), AGENT);
    }
    // Of another source it cannot be told: suspended, and never removed.
    let mut house = given(&[("DEACTIVATE", "delete")]).await;
    house.tell(&envelope("user.created", &story("okta-user-created"))).await;
    let mut record = house.record(ANA).await.unwrap();
    let said = std::mem::take(&mut record.spec.external_ids);
    record.spec.external_ids = said.into_values().map(|id| ("another".to_owned(), id)).collect();
    house.roster.write(&record).await.unwrap().unwrap();
    let told = house.tell(&envelope("user.deleted", &other)).await;
    assert_eq!(told.outcome(), "suspended", "{}", told.body);
    assert_nobody_works(&house);
    assert_eq!(house.names(), [ANA]);
    assert!(house.record(ANA).await.unwrap().spec.access.is_doubtful);
}

/// Two persons trade their names by way of a third one, while Connect throttles.
#[tokio::test]
async fn a_swap_of_names_ends_and_nobody_works_under_anothers() {
    let mut house = given(&[]).await;
    let person = |name: &str, id: &str| {
        let mut told = envelope("user.updated", &story("okta-user-created"));
        told.body["data"]["userName"] = json!(name);
        told.body["data"]["externalId"] = json!(id);
        told.body["data"]["name"] = json!({"givenName": "P", "familyName": id});
        told
    };
    house.tell(&person("a@example.com", "one")).await;
    house.tell(&person("b@example.com", "two")).await;
    faults(&house.local, "CreateUser", &["throttle", "throttle", "throttle"]);
    for (name, id) in [("t@example.com", "one"), ("a@example.com", "two"), ("b@example.com", "one")]
    {
        house.tell(&person(name, id)).await;
    }
    drained(&mut house).await;
    let mut held: Vec<_> = users(&house.local)
        .iter()
        .map(|user| (user["Username"].clone(), user["IdentityInfo"]["LastName"].clone()))
        .collect();
    held.sort_by_key(|(name, _)| name.to_string());
    let swapped = [("a@example.com", "two"), ("b@example.com", "one")];
    assert_eq!(held, swapped.map(|(name, who)| (json!(name), json!(who))));
}

/// Okta tells that two people, or three, have each other's logins, and repeats nothing.
#[tokio::test]
async fn people_who_wait_for_each_others_names_all_get_theirs() {
    for size in [2, 3] {
        let mut house = given(&[]).await;
        let event = |kind: &str, who: usize, login: usize, at: SystemTime| {
            let mut told = hooks::okta(kind, at);
            let event = &mut told.body["data"]["events"][0];
            event["uuid"] = json!(format!("{kind} {who} {login}"));
            for target in event["target"].as_array_mut().unwrap() {
                if target["type"] == "User" {
                    target["id"] = json!(format!("00u{who}"));
                    target["displayName"] = json!(format!("Number {who}"));
                }
                if ["User", "AppUser"].contains(&target["type"].as_str().unwrap()) {
                    target["alternateId"] = json!(format!("login{login}@example.com"));
                }
            }
            told
        };
        for who in 0..size {
            let told =
                house.tell(&event("application.user_membership.add", who, who, house.at)).await;
            assert_eq!(told.status, 200, "{}", told.body);
        }
        house.later(Duration::from_secs(5));
        for who in 0..size {
            let moved = event("user.account.update_profile", who, (who + 1) % size, house.at);
            house.tell(&moved).await;
        }
        drained(&mut house).await;
        let held = users(&house.local);
        let mut held: Vec<String> = held
            .iter()
            .map(|user| format!("{} {}", user["Username"], user["IdentityInfo"]["LastName"]))
            .collect();
        held.sort();
        let expected = (0..size)
            .map(|login| format!("\"login{login}@example.com\" \"{}\"", (login + size - 1) % size));
        assert_eq!(held, expected.collect::<Vec<_>>());
        assert_eq!(house.parked().await.len(), 0, "{size}");
    }
}

/// docs/access.md, row by row: what each event does to somebody who works, and to somebody who was shut
/// out and taken out of everything.
#[tokio::test]
async fn each_row_of_the_table_of_access_is_what_happens() {
    let mut played = 0;
    for row in rows("Okta hook") {
        let is_lifecycle = !row.event.contains("without `HOOK_<SOURCE>_LIFECYCLE`");
        let event = row.event.split('`').nth(1).unwrap();
        for works in [true, false] {
            let lets_in = if is_lifecycle { "true" } else { "false" };
            let mut house = given(&[("HOOK_OKTA_LIFECYCLE", lets_in)]).await;
            for before in ["application.user_membership.add", "group.user_membership.add"] {
                house.tell(&hooks::okta(before, house.at)).await;
            }
            if !works {
                for before in [
                    "application.user_membership.remove",
                    "group.user_membership.remove",
                    "user.lifecycle.suspend",
                ] {
                    house.tell(&hooks::okta(before, house.at)).await;
                }
            }
            let key = Key::external_id("00ubealindt0000000001");
            let known = house.roster.find(&key).await.unwrap().expect("Bea is known");
            house.tell(&hooks::okta(event, house.at)).await;
            let after = house.roster.load(&known.id).await.unwrap().unwrap().spec.access;
            row.check(&known.spec.access, &after, works);
            played += 1;
        }
    }
    assert_eq!(played, 38, "every row of Okta's, twice");
}

/// The same of signed events: each event of a row, and each value of `active` that it tells of.
#[tokio::test]
async fn each_row_of_the_table_of_access_is_what_a_signed_event_does() {
    let mut played = 0;
    for row in rows("signed event") {
        let active =
            match (row.event.contains("`active` true"), row.event.contains("`active` false")) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => None,
            };
        let kinds = row.event.split('`').filter(|word| word.starts_with("user."));
        for kind in kinds {
            for works in [true, false] {
                let mut house = given(&[]).await;
                house.tell(&envelope("user.created", &story("okta-user-created"))).await;
                if !works {
                    house.tell(&envelope("user.deactivated", &story("okta-user-created"))).await;
                }
                let known = house.record(ANA).await.unwrap();
                let mut event = envelope(kind, &story("okta-user-created"));
                let told = event.body["data"].as_object_mut().unwrap();
                told.remove("active");
                told.extend(active.map(|active| ("active".to_owned(), json!(active))));
                house.tell(&event).await;
                let after = house.roster.load(&known.id).await.unwrap().unwrap().spec.access;
                row.check(&known.spec.access, &after, works);
                played += 1;
            }
        }
    }
    assert_eq!(played, 18, "every row of signed events, twice");
}

/// Bea is in no group any more, so SCIM shows her as inactive; the client says it all the same.
#[tokio::test]
async fn whoever_a_client_deactivates_is_let_in_by_no_group_though_shown_inactive_before() {
    let changes = [("SCIM_TOKEN", "a-token-of-sixteen-bytes")];
    for says_so in [true, false] {
        let mut house = given(&changes).await;
        for event in ["group.user_membership.add", "group.user_membership.remove"] {
            house.tell(&hooks::okta(event, house.at)).await;
        }
        let key = Key::external_id("00ubealindt0000000001");
        let id = house.roster.find(&key).await.unwrap().unwrap().id;
        let path = if says_so { "active" } else { "title" };
        let value = if says_so { json!(false) } else { json!("Agent") };
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": path, "value": value}],
        });
        let event = json!({
            "version": "2.0",
            "rawPath": format!("/scim/v2/Users/{}", id.as_str()),
            "headers": {"authorization": format!("Bearer {}", changes[0].1)},
            "requestContext": {"stage": "$default", "http": {"method": "PATCH"}},
            "body": body.to_string(),
            "isBase64Encoded": false,
        });
        house.later(Duration::from_secs(1));
        let (answer, _) = house.local.send(&event, house.at, LONG).await;
        assert_eq!(answer.unwrap().status_code, 200);
        house.tell(&hooks::okta("group.user_membership.add", house.at)).await;
        assert_eq!(house.profile(), if says_so { SHUT } else { AGENT });
    }
}

#[tokio::test]
async fn an_operator_shuts_out_at_once_and_lets_in_again() {
    for deactivate in ["suspend", "delete", "keep"] {
        let changes = [("DEACTIVATE", deactivate), ("MAX_REMOVALS_PER_HOUR", "0")];
        let mut house = given(&changes).await;
        house.tell(&story("okta-user-created")).await;
        house.local.control(&json!({"signIn": [ANA]}));
        let id = house.record(ANA).await.unwrap().id;
        let by_name = connect_provisioner::roster::key::Id::from_text(ANA);
        let out = parked::shut_out(&*house.roster, &[by_name], house.at).await.unwrap();
        assert_eq!(out, slice::from_ref(&id));
        house.drain().await;
        assert_nobody_works(&house);
        assert_eq!(house.names(), [ANA], "{deactivate}: it can be undone");
        assert_eq!(connect(&house.local)["sessions"], json!({}));
        house.later(Duration::from_secs(1));
        parked::readmit(&*house.roster, &[id], house.at).await.unwrap();
        house.drain().await;
        assert_eq!(house.profile(), AGENT, "{deactivate}");
    }
}
