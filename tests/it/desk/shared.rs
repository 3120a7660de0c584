//! An `externalId` that a SCIM client gave to two persons, and what a hook means by it when the first
//! of them has it no more.

use super::*;

/// Ana and Bea of one `externalId`; Ana's and Bea's ids.
async fn two(name: &str) -> (Desk, [String; 2]) {
    let mut desk = desk(name, &[]).await;
    let mut ids = Vec::new();
    for (user_name, first) in [("a@x.example", "Ana"), ("b@x.example", "Bea")] {
        let made = desk.scim("POST", "/Users", person(user_name, "SAME", first)).await;
        assert_eq!(made.status, 201, "{}", made.body);
        ids.push(made.body["id"].as_str().unwrap().to_owned());
    }
    (desk, ids.try_into().unwrap())
}

/// How Ana gives the id up, and what Connect holds of her then.
async fn give_up(desk: &mut Desk, how: &str, ana: &str) -> &'static [&'static str] {
    let told = match how {
        "corrected" => desk.replace(ana, "externalId", "A1").await,
        "removed by SCIM" => desk.scim("DELETE", &format!("/Users/{ana}"), Value::Null).await,
        _ => {
            let data = json!({"userName": "a@x.example", "externalId": "SAME"});
            desk.signed(json!({"type": "user.deleted", "data": data})).await
        }
    };
    assert!([200, 204].contains(&told.status), "{how}: {}", told.body);
    if how == "corrected" { &["a@x.example Ana Agent"] } else { &[] }
}

#[tokio::test]
async fn who_is_left_with_an_external_id_is_meant_by_it() {
    for how in ["corrected", "removed by SCIM", "removed by a hook"] {
        for restarts in [false, true] {
            let (mut desk, [ana, _]) = two("left").await;
            let others = give_up(&mut desk, how, &ana).await;
            if restarts {
                desk.restart().await;
            }
            let renamed = person("n@x.example", "SAME", "Bea");
            let told = desk.signed(json!({"type": "user.updated", "data": renamed})).await;
            assert!(told.status < 300, "{how}: {}", told.body);
            assert_eq!(desk.held(), [others, &["n@x.example Bea Agent"]].concat(), "{how}");
            if restarts {
                desk.restart().await;
            }
            let data = json!({"externalId": "SAME"});
            let told = desk.signed(json!({"type": "user.deleted", "data": data})).await;
            assert_eq!(told.status, 200, "{how}: {}", told.body);
            assert_eq!(desk.held(), others, "{how}");
        }
    }
}

#[tokio::test]
async fn a_removal_that_comes_twice_removes_one_person() {
    for data in
        [json!({"userName": "a@x.example", "externalId": "SAME"}), json!({"externalId": "SAME"})]
    {
        let (mut desk, _) = two("twice").await;
        let at = text(desk.at);
        let removal = json!({"type": "user.deleted", "timestamp": at, "data": data});
        desk.at += Duration::from_secs(5);
        for _ in 0..2 {
            let told = desk.signed(removal.clone()).await;
            assert_eq!(told.status, 200, "{}", told.body);
            desk.restart().await;
        }
        let held = desk.held();
        assert!(held.contains(&"b@x.example Bea Agent".to_owned()), "{held:?}");
    }
}

#[tokio::test]
async fn of_three_the_next_one_has_the_id_for_good() {
    let (mut desk, [ana, _]) = two("three").await;
    desk.scim("POST", "/Users", person("c@x.example", "SAME", "Cat")).await;
    desk.scim("DELETE", &format!("/Users/{ana}"), Value::Null).await;
    for first in ["Bo", "Bert"] {
        let changed = person("n@x.example", "SAME", first);
        let told = desk.signed(json!({"type": "user.updated", "data": changed})).await;
        assert!(told.status < 300, "{}", told.body);
        let held = ["c@x.example Cat Agent".to_owned(), format!("n@x.example {first} Agent")];
        assert_eq!(desk.held(), held);
        desk.restart().await;
    }
}
