//! A username that another person here has, told by Okta's hook, which tells it once.

use super::*;

const JOIN: &str = "application.user_membership.add";
const CHANGE: &str = "user.account.update_profile";
const SUSPEND: &str = "user.lifecycle.suspend";
const UNSUSPEND: &str = "user.lifecycle.unsuspend";
const DELETE: &str = "user.lifecycle.delete.initiated";

/// Ana and Bea are there.
async fn two(name: &str) -> Desk {
    let mut desk = desk(name, &[]).await;
    for (id, login, name) in
        [("00uA", "a@x.example", "Ana Lind"), ("00uB", "b@x.example", "Bea Lind")]
    {
        let told = desk.okta(JOIN, id, login, name).await;
        assert_eq!(told.event()["outcome"], "created", "{}", told.body);
    }
    desk
}

#[tokio::test]
async fn logins_that_are_passed_on_arrive_in_any_order() {
    let passed = [("00uA", "b@x.example", "Ana Lind"), ("00uB", "c@x.example", "Bea Lind")];
    for (order, restarts) in [([0, 1], false), ([0, 1], true), ([1, 0], false), ([1, 0], true)] {
        let mut desk = two("passed").await;
        for index in order {
            let (id, login, name) = passed[index];
            let told = desk.okta(CHANGE, id, login, name).await;
            assert_eq!(told.status, 200, "{}", told.body);
            if order == [0, 1] && index == 0 {
                let event = told.event();
                assert_eq!(
                    (&event["outcome"], &event["fault"]),
                    (&json!("parked"), &json!("uniqueness"))
                );
                assert_eq!(desk.held(), ["a@x.example Ana Agent", "b@x.example Bea Agent"]);
                assert_eq!(desk.parked().await.len(), 1);
                assert_eq!(told.line()["level"], "ERROR");
            }
            if restarts {
                desk.restart().await;
            }
        }
        desk.drain(1).await;
        assert_eq!(desk.held(), ["b@x.example Ana Agent", "c@x.example Bea Agent"], "{order:?}");
        assert_eq!(desk.parked().await, [], "{order:?}");
    }
}

#[tokio::test]
async fn a_login_goes_along_a_chain_whatever_the_order() {
    let chain = [
        ("00uA", "b@x.example", "Ana Lind"),
        ("00uB", "c@x.example", "Bea Lind"),
        ("00uC", "d@x.example", "Cat Lind"),
    ];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut desk = two("chain").await;
        desk.okta(JOIN, "00uC", "c@x.example", "Cat Lind").await;
        for index in order {
            let (id, login, name) = chain[index];
            let told = desk.okta(CHANGE, id, login, name).await;
            assert_eq!(told.status, 200, "{}", told.body);
            desk.restart().await;
        }
        for _ in 0..3 {
            desk.drain(1).await;
        }
        let expected = ["b@x.example Ana Agent", "c@x.example Bea Agent", "d@x.example Cat Agent"];
        assert_eq!(desk.held(), expected, "{order:?}");
    }
}

/// How the leaver, whose login the newcomer has, gives it up.
async fn gives_up(desk: &mut Desk, how: &str) {
    let id = desk.roster().page(0, 9).await.unwrap().0;
    let id = id.iter().find(|record| record.spec.person.external_id() == Ok(Some("00uB"))).unwrap();
    let id = id.id.to_string();
    let told = match how {
        "okta deletes" => desk.okta(DELETE, "00uB", "b@x.example", "Bea Lind").await,
        "okta renames" => desk.okta(CHANGE, "00uB", "z@x.example", "Bea Lind").await,
        "scim deletes" => desk.scim("DELETE", &format!("/Users/{id}"), Value::Null).await,
        "scim renames" => desk.replace(&id, "userName", "z@x.example").await,
        "signed deletes" => {
            desk.signed(json!({"type": "user.deleted", "data": {"externalId": "00uB"}})).await
        }
        _ => {
            desk.signed(
                json!({"type": "user.updated", "data": person("z@x.example", "00uB", "Bea")}),
            )
            .await
        }
    };
    assert!([200, 204].contains(&told.status), "{how}: {} {}", told.status, told.body);
}

#[tokio::test]
async fn a_newcomer_has_a_leavers_login_once_it_is_given_up() {
    for how in [
        "okta deletes",
        "okta renames",
        "scim deletes",
        "scim renames",
        "signed deletes",
        "signed renames",
    ] {
        for restarts in [false, true] {
            let mut desk = two("newcomer").await;
            desk.okta(SUSPEND, "00uB", "b@x.example", "Bea Lind").await;
            let told = desk.okta(JOIN, "00uN", "b@x.example", "Nia Lind").await;
            assert_eq!(
                (told.status, &told.event()["outcome"]),
                (200, &json!("parked")),
                "{}",
                told.body
            );
            let held = ["a@x.example Ana Agent", "b@x.example Bea No Access"];
            assert_eq!(desk.held(), held, "the name stays its holder's");
            let drained = desk.drain(3600 * 24).await;
            assert!(drained.is_idle(), "nobody looks before it is free: {drained:?}");
            if restarts {
                desk.restart().await;
            }
            gives_up(&mut desk, how).await;
            if restarts {
                desk.restart().await;
            }
            desk.drain(1).await;
            let held = desk.held();
            // Who is shut out gets another user with their return.
            let waits = how.ends_with("renames");
            if waits {
                desk.okta(UNSUSPEND, "00uB", "z@x.example", "Bea Lind").await;
                for _ in 0..3 {
                    desk.drain(900).await;
                }
            }
            let expected: &[&str] = match waits {
                true => {
                    &["a@x.example Ana Agent", "b@x.example Nia Agent", "z@x.example Bea Agent"]
                }
                false => &["a@x.example Ana Agent", "b@x.example Nia Agent"],
            };
            assert_eq!(desk.held(), expected, "{how}, before: {held:?}");
            assert_eq!(desk.parked().await, [], "{how}");
        }
    }
}

#[tokio::test]
async fn who_waits_for_a_name_leaves_at_once_and_takes_it_from_nobody() {
    let mut desk = two("leaves").await;
    desk.okta(CHANGE, "00uA", "b@x.example", "Ana Lind").await;
    desk.okta(JOIN, "00uN", "b@x.example", "Nia Lind").await;
    let told = desk.okta(SUSPEND, "00uA", "b@x.example", "Ana Lind").await;
    assert_eq!(told.event()["outcome"], "suspended", "{}", told.body);
    assert_eq!(desk.held(), ["a@x.example Ana No Access", "b@x.example Bea Agent"]);
    let told = desk.okta(DELETE, "00uN", "b@x.example", "Nia Lind").await;
    assert_eq!(told.event()["outcome"], "noUser", "{}", told.body);
    assert_eq!(desk.held(), ["a@x.example Ana No Access", "b@x.example Bea Agent"]);
    let told = desk.okta(DELETE, "00uB", "b@x.example", "Bea Lind").await;
    assert_eq!(told.event()["outcome"], "removed", "{}", told.body);
    desk.drain(1).await;
    assert_eq!(desk.held(), ["a@x.example Ana No Access"], "who is shut out is not made anew");
    desk.okta(UNSUSPEND, "00uA", "b@x.example", "Ana Lind").await;
    desk.drain(1).await;
    assert_eq!(desk.held(), ["b@x.example Ana Agent"]);
}

#[tokio::test]
async fn who_waits_first_is_first_and_who_gives_up_lets_the_next_one_in() {
    let mut desk = two("turns").await;
    for (id, name) in [("00uN", "Nia Lind"), ("00uO", "Ola Lind")] {
        let told = desk.okta(JOIN, id, "b@x.example", name).await;
        assert_eq!(told.event()["outcome"], "parked", "{}", told.body);
        desk.restart().await;
    }
    desk.okta(DELETE, "00uB", "b@x.example", "Bea Lind").await;
    desk.drain(1).await;
    desk.drain(1).await;
    assert_eq!(desk.held(), ["a@x.example Ana Agent", "b@x.example Nia Agent"]);
    let parked = desk.parked().await;
    let [(waiting, fault, detail)] = parked.as_slice() else { panic!("{parked:?}") };
    assert_eq!(fault, "uniqueness");
    let people = desk.roster().page(0, 9).await.unwrap().0;
    let id = |external: &str| {
        let mut ours =
            people.iter().filter(|it| it.spec.person.external_id() == Ok(Some(external)));
        ours.next().unwrap().id.to_string()
    };
    assert_eq!(*waiting, id("00uO"));
    assert!(detail.contains(&id("00uN")) && !detail.contains('@'), "{detail}");

    // Whoever is next after one who never came to it.
    desk.okta(CHANGE, "00uA", "b@x.example", "Ana Lind").await;
    desk.okta(CHANGE, "00uO", "o@x.example", "Ola Lind").await;
    desk.okta(DELETE, "00uN", "b@x.example", "Nia Lind").await;
    desk.drain(1).await;
    desk.drain(1).await;
    assert_eq!(desk.held(), ["b@x.example Ana Agent", "o@x.example Ola Agent"]);
    assert_eq!(desk.parked().await, []);
}

#[tokio::test]
async fn whose_sender_can_mend_it_is_refused_a_name_that_is_anothers() {
    let mut desk = two("refused").await;
    desk.okta(CHANGE, "00uA", "b@x.example", "Ana Lind").await;
    let before = desk.held();
    let newcomer = person("b@x.example", "00uN", "Nia");
    let told = desk.signed(json!({"type": "user.created", "data": newcomer})).await;
    assert_eq!(told.status, 409, "{}", told.body);
    assert_eq!(desk.scim("POST", "/Users", newcomer).await.status, 409);
    let people = desk.roster().page(0, 9).await.unwrap().0;
    let ana = people.iter().find(|it| it.spec.person.external_id() == Ok(Some("00uA"))).unwrap();
    let told = desk.scim("GET", &format!("/Users/{}", ana.id), Value::Null).await;
    assert_eq!(told.body["userName"], "a@x.example", "what they go by meanwhile");
    let title = desk.replace(ana.id.as_str(), "title", "Lead").await;
    assert_eq!((title.status, &title.body["title"]), (200, &json!("Lead")), "{}", title.body);
    assert_eq!(desk.held(), before);
    desk.okta(CHANGE, "00uB", "c@x.example", "Bea Lind").await;
    desk.drain(1).await;
    assert_eq!(desk.held(), ["b@x.example Ana Agent", "c@x.example Bea Agent"]);
}

#[tokio::test]
async fn who_was_never_here_and_goes_is_not_counted_as_removed() {
    let mut desk = two("counts").await;
    desk.okta(DELETE, "00uB", "b@x.example", "Bea Lind").await;
    desk.okta(DELETE, "00uQ", "q@x.example", "Quy Lind").await;
    desk.okta(SUSPEND, "00uR", "r@x.example", "Ria Lind").await;
    desk.restart().await;
    let counts = desk.roster().counts().await.unwrap();
    assert_eq!((counts.applied, counts.removed, counts.forgotten), (1, 1, 2));
}
