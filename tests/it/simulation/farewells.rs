//! Whoever leaves beside many others, in virtual time, with a Connect of two calls a second for each
//! operation.

use std::time::{Duration, SystemTime};

use connect_provisioner::standin::Settings;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::chance::Chance;
use super::senders::{self, Script, Told};
use super::{House, NO_ACCESS, Weather, runtime, variable};

/// Lets these join and sign in.
async fn join(house: &House, scripts: &[Script]) {
    for script in scripts {
        assert!(house.tell(script, 0, None).await);
    }
    drain(house).await;
    let names = scripts.iter().map(|script| script.events[0].user_name.clone());
    let names: Vec<String> = names.collect();
    house.wire.control(&json!({"signIn": names}));
}

/// Lets the drain run again and again until nothing is left to do.
async fn drain(house: &House) {
    while !house.is_at_rest() {
        house.drain_once(None).await;
    }
}

/// What is said of somebody second: that they left.
fn say_farewell(script: &mut Script, at: SystemTime) {
    let joined = &script.events[0];
    let (user_name, family_name) = (joined.user_name.clone(), "Left".to_owned());
    let kind = "user.deactivated";
    script.events.push(Told { kind, at, user_name, family_name, greedy: false });
}

/// Where a company leaves at once, every farewell is carried out in the time that Connect's quota asks.
#[test]
fn five_hundred_who_leave_at_once_use_the_quota() {
    const CROWD: usize = 500;
    for deactivate in ["suspend", "delete"] {
        runtime().block_on(async {
            let connect = Settings { user_quota: CROWD, ..Settings::default() };
            let weather =
                Weather { connect, deactivate, removals_per_hour: CROWD, ..Weather::calm() };
            let house = House::under(&weather, Chance::of(1), None);
            let mut leavers = senders::crowd(&house, CROWD);
            join(&house, &leavers).await;
            sleep(Duration::from_mins(5)).await;
            for script in &mut leavers {
                say_farewell(script, house.clock.now());
            }
            let start = Instant::now();
            let told = leavers.iter().map(|script| house.tell(script, 1, None));
            let (told, ()) = tokio::join!(futures_util::future::join_all(told), async {
                sleep(Duration::from_secs(1)).await;
                drain(&house).await;
            });
            assert!(told.into_iter().all(|told| told));
            let took = start.elapsed();
            let state = house.wire.state();
            match deactivate {
                "delete" => assert_eq!(state["users"], json!([])),
                _ => assert!(
                    leavers.iter().all(|script| is_out(&state, &script.events[0].user_name))
                ),
            }
            // Each takes one call of each operation at least, and five are saved up.
            let quota = Duration::from_millis(500) * (u32::try_from(CROWD).unwrap() - 5);
            let used = quota.as_secs_f64() / took.as_secs_f64();
            println!(
                "{CROWD} who leave at once ({deactivate}), in virtual time: all out after {took:?}, \
                 {:.1} % of the quota used",
                used * 100.0
            );
            assert!(used > 0.97, "{used}");
        });
    }
}

/// A farewell behind a crowd that joins is carried out in seconds, sessions included. `CROWD` says how
/// many join; each has its place in the queue of Connect's two a second.
#[test]
fn who_leaves_behind_a_crowd_that_joins_is_out_in_seconds() {
    const LEAVERS: usize = 20;
    let joiners = variable("CROWD").map_or(400, |crowd| usize::try_from(crowd).unwrap());
    runtime().block_on(async {
        let connect = Settings { user_quota: joiners + LEAVERS, ..Settings::default() };
        let house = House::under(&Weather { connect, ..Weather::calm() }, Chance::of(1), None);
        let mut leavers = senders::crowd(&house, joiners + LEAVERS);
        let joiners = leavers.split_off(LEAVERS);
        join(&house, &leavers).await;
        for (script, number) in leavers.iter_mut().zip(1..) {
            let at = house.clock.now() + Duration::from_secs(4) * number;
            say_farewell(script, at);
        }
        let told = joiners.iter().map(|script| house.tell(script, 0, None));
        assert!(futures_util::future::join_all(told).await.into_iter().all(|told| told));
        let drain = drain(&house);
        let leave = async {
            let mut waits = Vec::new();
            for script in &leavers {
                sleep(Duration::from_secs(4)).await;
                let start = Instant::now();
                assert!(house.tell(script, 1, None).await);
                while !is_out(&house.wire.state(), &script.events[1].user_name) {
                    sleep(Duration::from_millis(100)).await;
                }
                waits.push(start.elapsed());
            }
            assert!(!house.is_at_rest(), "the crowd still waits");
            waits
        };
        let (mut waits, ()) = tokio::join!(leave, drain);
        waits.sort();
        let (median, most) = (waits[LEAVERS / 2], waits[LEAVERS - 1]);
        println!(
            "behind {} who join, out after {median:?} (median), {most:?} (most)",
            joiners.len()
        );
        assert!(median < Duration::from_secs(5), "{waits:?}");
        assert!(most < Duration::from_secs(15), "{waits:?}");
    });
}

/// Whether a user has the suspended profile alone and no session.
fn is_out(state: &Value, user_name: &str) -> bool {
    let user = state["users"].as_array().unwrap().iter().find(|user| user["Username"] == user_name);
    let user = user.unwrap();
    let id = user["Id"].as_str().unwrap();
    user["SecurityProfileIds"] == json!([NO_ACCESS]) && state["sessions"][id].is_null()
}
