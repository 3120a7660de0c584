//! The words the stories are told in: `given` a house, `when` an event arrives, `then` …

pub(crate) mod access;

use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use aws_sdk_connect::types::UserIdentityInfo;
use connect_provisioner::cli::local::Local;
use connect_provisioner::cli::story::Story;
use connect_provisioner::http::gateway::Reply;
use connect_provisioner::standin::Settings;
use serde_json::{Value, json};

/// How long an invocation lasts where it does not matter.
pub(crate) const LONG: Duration = Duration::from_secs(10);

/// A calm stand-in without throttling, and a function set up for it.
pub(crate) async fn given() -> Local {
    given_with(Settings::default(), &[]).await
}

/// The same, with changes to both.
pub(crate) async fn given_with(settings: Settings, changes: &[(&str, &str)]) -> Local {
    Local::start(Settings { throttle: false, ..settings }, changes).await.unwrap()
}

/// The story of this name in `events/`.
pub(crate) fn story(name: &str) -> Story {
    let path = format!("{}/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    Story::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The story of a bare User, with changes: JSON pointer and value, `null` leaving it out.
pub(crate) fn user(changes: &[(&str, Value)]) -> Story {
    let mut story = story("okta-user-created");
    for (member, value) in changes {
        match story.body.pointer_mut(member) {
            Some(place) => *place = value.clone(),
            None => drop(
                story.body.as_object_mut().unwrap().insert(member[1..].to_owned(), value.clone()),
            ),
        }
    }
    story
}

/// The clock that signers and the function share.
pub(crate) fn now() -> SystemTime {
    #[expect(clippy::disallowed_methods, reason = "a test is an outermost place")]
    SystemTime::now()
}

/// Sends a story, well signed.
pub(crate) async fn when(local: &Local, story: &Story) -> Reply {
    when_within(local, story, LONG).await
}

/// Sends a story, well signed, with so much of the invocation left.
pub(crate) async fn when_within(local: &Local, story: &Story, time_left: Duration) -> Reply {
    let event = story.signed(&local.source, "msg_1", now());
    local.send(&event, now(), time_left).await.0.unwrap()
}

/// The body of a response.
pub(crate) fn body(response: &Reply) -> Value {
    serde_json::from_str(&response.body).unwrap()
}

/// What the stand-in knows of itself.
pub(crate) fn connect(local: &Local) -> Value {
    local.control(&json!({}))
}

/// How often an operation was called.
pub(crate) fn calls(local: &Local, operation: &str) -> u64 {
    connect(local)["calls"][operation].as_u64().unwrap_or_default()
}

/// The users that Connect holds.
pub(crate) fn users(local: &Local) -> Vec<Value> {
    connect(local)["users"].as_array().unwrap().clone()
}

/// Lets the next calls of CreateUser fail.
pub(crate) fn faults(local: &Local, operation: &str, faults: &[&str]) {
    let state = local.control(&json!({"faults": {operation: faults}}));
    assert!(state["faults"][operation].is_array(), "the stand-in knows these faults: {faults:?}");
}

/// Makes a user by hand, as somebody else would.
pub(crate) async fn foreign(local: &Local, username: &str) {
    foreign_with(local, username, None).await;
}

/// The same, with a password that whoever made it knows.
pub(crate) async fn foreign_with(local: &Local, username: &str, password: Option<&str>) {
    let name = UserIdentityInfo::builder().first_name("F").last_name("X");
    local
        .client
        .create_user()
        .instance_id(&local.directory.instance_id)
        .username(username)
        .set_password(password.map(str::to_owned))
        .identity_info(name.build())
        .routing_profile_id(&local.directory.routing_profiles["Sales"])
        .security_profile_ids(&local.directory.security_profiles["Agent"])
        .send()
        .await
        .unwrap();
}

/// All of them at the same time.
pub(crate) async fn all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut outputs: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let Poll::Ready(value) = future.as_mut().poll(context)
            {
                *output = Some(value);
            }
        }
        if outputs.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    outputs.into_iter().flatten().collect()
}
