//! The second part of the demo: with a roster, the whole life cycle of one person.

use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_connect::types::User;
use serde_json::{Value, json};

use super::super::local::Local;
use super::super::now;
use super::super::story::Story;
use super::{write_answer, write_event};
use crate::deadline::{Clock, Deadline};
use crate::roster::memory::MemoryRoster;
use crate::standin::Settings;

/// The events of the life cycle, in order. Connect throttles during the name change.
static SCENES: [Scene; 6] = [
    Scene::told(include_str!("../../../events/okta-user-created.json")),
    Scene {
        story: include_str!("../../../events/user-updated.json"),
        throttled: Some("UpdateUserIdentityInfo"),
    },
    Scene::told(include_str!("../../../events/user-renamed.json")),
    Scene::told(include_str!("../../../events/user-deactivated.json")),
    Scene::told(include_str!("../../../events/user-activated.json")),
    Scene::told(include_str!("../../../events/user-deleted.json")),
];

struct Scene {
    story: &'static str,
    /// The operation that Connect throttles once.
    throttled: Option<&'static str>,
}

impl Scene {
    const fn told(story: &'static str) -> Self {
        Self { story, throttled: None }
    }
}

/// The time limit of an event and of a drain run.
const TIME: Duration = Duration::from_secs(10);

/// Plays the scenes and prints requests, answers and Connect calls.
///
/// # Errors
/// If the function or the stand-in cannot be started, or `out` cannot be written to.
pub(super) async fn run(out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    writeln!(
        out,
        "\nAnd now with a roster, the durable record of what should be: a whole life, which another \
         Amazon Connect follows.\n"
    )?;
    let settings = Settings { throttle: false, ..Settings::default() };
    let local = Local::start_with_roster(settings, &[], Arc::new(MemoryRoster::default())).await?;
    for (number, scene) in (1..).zip(&SCENES) {
        play(&local, number, scene, out).await?;
    }
    Ok(())
}

async fn play(
    local: &Local,
    number: usize,
    scene: &Scene,
    out: &mut impl Write,
) -> Result<(), Box<dyn Error>> {
    let story = Story::parse(scene.story)?;
    let throttled = if scene.throttled.is_some() { ", while Connect is busy" } else { "" };
    writeln!(out, "{number:2}. {}{throttled}", story.about)?;
    if let Some(operation) = scene.throttled {
        local.control(&json!({"faults": {operation: ["throttle"]}}));
    }
    let event = story.signed(&local.source, &format!("msg_life_{number}"), now());
    let before = calls(local);
    let (answer, _) = local.send(&event, now(), TIME).await;
    let answer = answer?;
    write_event(out, &story, &event)?;
    write_answer(out, &answer)?;
    write_calls(out, local, before)?;
    if answer.status_code == 202 {
        show_users(local, out).await?;
        drain(local, out).await?;
    }
    show_users(local, out).await?;
    Ok(writeln!(out)?)
}

/// Runs the drain once, as the schedule would.
async fn drain(local: &Local, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let Some(reconciler) = local.provisioner().reconciler() else { return Ok(()) };
    let before = calls(local);
    let drained = reconciler.drain(Clock::set(now()), Deadline::after(TIME)).await;
    let drained = drained.map_err(|fault| fault.detail)?;
    let (applied, pending) = (drained.applied, drained.pending.len());
    writeln!(
        out,
        "    then the drain: {applied} applied, {} parked, {pending} pending",
        drained.parked.len()
    )?;
    Ok(write_calls(out, local, before)?)
}

/// The number of Connect calls so far.
fn calls(local: &Local) -> usize {
    operations(&local.control(&json!({}))).count()
}

fn operations(state: &Value) -> impl Iterator<Item = &str> {
    let requests = state.get("requests").and_then(Value::as_array).into_iter().flatten();
    requests.filter_map(|request| request.get("operation").and_then(Value::as_str))
}

/// Prints the operations called after the first `before` calls. The stand-in keeps a hundred calls,
/// more than the demo makes.
fn write_calls(out: &mut impl Write, local: &Local, before: usize) -> std::io::Result<()> {
    let state = local.control(&json!({}));
    let new: Vec<_> = operations(&state).skip(before).collect();
    writeln!(out, "    call {}: {}", new.len(), new.join(", "))
}

/// Prints the users that Connect holds.
async fn show_users(local: &Local, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let instance = &local.directory.instance_id;
    let users = local.client.list_users().instance_id(instance).send().await?;
    for summary in users.user_summary_list() {
        let id = summary.id().unwrap_or_default();
        let user = local.client.describe_user().instance_id(instance).user_id(id).send().await?;
        let user = user.user().ok_or("DescribeUser shows a user")?;
        writeln!(out, "    has  {}", described(local, user))?;
    }
    if users.user_summary_list().is_empty() {
        writeln!(out, "    has  nobody")?;
    }
    Ok(())
}

fn described(local: &Local, user: &User) -> String {
    let info = user.identity_info();
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let first = text(info.and_then(|info| info.first_name()));
    let last = text(info.and_then(|info| info.last_name()));
    let mobile = info.and_then(|info| info.mobile());
    let mobile = mobile.map(|mobile| format!(", mobile {mobile}")).unwrap_or_default();
    let mut profiles = local.directory.security_profiles.iter();
    let profile = profiles.find(|(_, id)| user.security_profile_ids().contains(id));
    let profile = profile.map_or("", |(name, _)| name);
    format!("{}: {first} {last}{mobile}, {profile}", user.username().unwrap_or_default())
}
