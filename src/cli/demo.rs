//! `connect-provisioner demo`: shows requests, answers, and the users in Connect afterwards.

mod life;

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use aws_sdk_connect::types::{User, UserIdentityInfo};
use serde_json::{Value, json};

use super::local::Local;
use super::now;
use super::story::Story;
use crate::assign::owner::{MANAGED_BY, OWNER};
use crate::http::gateway::Reply;
use crate::standin::Settings;
use crate::trust::Source;

/// The scenes, in the order in which they are played.
static SCENES: &[Scene] = &[
    Scene::told(OKTA),
    Scene::twisted(OKTA, How::Plain, "The same event again: nobody is doubled"),
    Scene::told(include_str!("../../events/entra-user-created.json")),
    Scene::twisted(
        include_str!("../../events/user-privileged.json"),
        How::LostReply,
        "A payload that asks for Admin, while Connect makes the user and then answers 500: the \
         owner tag tells that it was us",
    ),
    Scene::twisted(OKTA, How::Forged, "A forger's signature"),
    Scene::twisted(OKTA, How::Stale, "A true signature, ten minutes old"),
    Scene::told(include_str!("../../events/user-name-refused.json")),
    Scene::told(include_str!("../../events/user-name-missing.json")),
    Scene::twisted(
        include_str!("../../events/user-name-taken.json"),
        How::NameTaken,
        "A username that somebody else's user has already",
    ),
    Scene::told(include_str!("../../events/user-inactive.json")),
    Scene::told(include_str!("../../events/user-deactivated.json")),
    Scene::told(include_str!("../../events/group-created.json")),
    Scene::by_okta(include_str!("../../events/okta-hook-verification.json")),
    Scene::by_okta(include_str!("../../events/okta-hook-batch.json")),
    Scene::by_okta(include_str!("../../events/okta-hook-name-unsplittable.json")),
];

const OKTA: &str = include_str!("../../events/okta-user-created.json");

/// A key that the function does not have.
const FORGER_SECRET: &str = "whsec_bm90IHRoZSBrZXkgdGhhdCBpdCBzaG91bGQgYmUhISE=";

struct Scene {
    story: &'static str,
    how: How,
    /// A description that replaces the story's own.
    about: Option<&'static str>,
}

impl Scene {
    const fn told(story: &'static str) -> Self {
        Self { story, how: How::Plain, about: None }
    }

    const fn by_okta(story: &'static str) -> Self {
        Self { story, how: How::ByOkta, about: None }
    }

    const fn twisted(story: &'static str, how: How, about: &'static str) -> Self {
        Self { story, how, about: Some(about) }
    }
}

/// How a story is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    ByOkta,
    Forged,
    LostReply,
    NameTaken,
    Plain,
    Stale,
}

/// Plays all scenes and prints requests and answers.
///
/// # Errors
/// If the function or the stand-in cannot be started, or `out` cannot be written to.
pub async fn run(out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let settings = Settings { throttle: false, ..Settings::default() };
    let local = Local::start(settings, &[]).await?;
    writeln!(
        out,
        "Amazon Connect is played by the stand-in; everything else is the real thing.\n"
    )?;
    for (number, scene) in (1..).zip(SCENES) {
        play(&local, number, scene, out).await?;
    }
    show_users(&local, out).await?;
    life::run(out).await
}

async fn play(
    local: &Local,
    number: usize,
    scene: &Scene,
    out: &mut impl Write,
) -> Result<(), Box<dyn Error>> {
    let story = Story::parse(scene.story)?;
    let about = scene.about.unwrap_or(&story.about);
    prepare(local, &story, scene.how).await?;
    let event = sign(local, &story, number, scene.how)?;
    let (answer, _) = local.send(&event, now(), Duration::from_secs(10)).await;
    let answer = answer?;
    writeln!(out, "{number:2}. {about}")?;
    write_event(out, &story, &event)?;
    write_answer(out, &answer)?;
    Ok(writeln!(out)?)
}

/// Prints an event: route, kind and person.
fn write_event(out: &mut impl Write, story: &Story, event: &Value) -> std::io::Result<()> {
    let text = |pointer: &str| story.body.pointer(pointer).and_then(Value::as_str);
    let path = event.get("rawPath").and_then(Value::as_str).unwrap_or_default();
    let what = match story.body.pointer("/data/events").and_then(Value::as_array) {
        Some(events) => format!("an event hook, {}", count(events.len(), "event")),
        None if story.body.is_null() => "no body".to_owned(),
        None => {
            let kind = text("/type").unwrap_or("a SCIM User");
            let who = text("/userName").or(text("/data/userName")).unwrap_or("nobody");
            format!("{kind}, {who}")
        }
    };
    writeln!(out, "    in   {} {path}  {what}", story.method)
}

/// Prints an answer; a batch with one line per event.
fn write_answer(out: &mut impl Write, answer: &Reply) -> Result<(), Box<dyn Error>> {
    let mut body = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
    let events = body.as_object_mut().and_then(|body| body.remove("events"));
    match events {
        None => writeln!(out, "    out  {} {}", answer.status_code, answer.body)?,
        Some(events) => {
            writeln!(out, "    out  {} {body}", answer.status_code)?;
            for (event, number) in events.as_array().into_iter().flatten().zip(1..) {
                writeln!(out, "         {number}. {event}")?;
            }
        }
    }
    Ok(())
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Prepares the stand-in for a scene: a fault to inject, or a foreign user.
async fn prepare(local: &Local, story: &Story, how: How) -> Result<(), Box<dyn Error>> {
    match how {
        How::LostReply => drop(local.control(&json!({"faults": {"CreateUser": ["500-after"]}}))),
        How::NameTaken => {
            let text = |pointer: &str| story.body.pointer(pointer).and_then(Value::as_str);
            let name = UserIdentityInfo::builder()
                .set_first_name(text("/name/givenName").map(str::to_owned))
                .set_last_name(text("/name/familyName").map(str::to_owned));
            local
                .client
                .create_user()
                .instance_id(&local.directory.instance_id)
                .set_username(text("/userName").map(str::to_owned))
                .identity_info(name.build())
                .set_routing_profile_id(local.directory.routing_profiles.values().next().cloned())
                .set_security_profile_ids(
                    local.directory.security_profiles.values().next().cloned().map(|id| vec![id]),
                )
                .send()
                .await?;
        }
        How::ByOkta | How::Forged | How::Plain | How::Stale => {}
    }
    Ok(())
}

fn sign(local: &Local, story: &Story, number: usize, how: How) -> Result<Value, Box<dyn Error>> {
    let id = format!("msg_demo_{number}");
    let ten_minutes_ago = now().checked_sub(Duration::from_secs(600));
    let at = ten_minutes_ago.filter(|_| how == How::Stale).unwrap_or_else(now);
    match how {
        How::Forged => {}
        How::ByOkta => return Ok(story.signed(&local.okta, &id, at)),
        How::LostReply | How::NameTaken | How::Plain | How::Stale => {
            return Ok(story.signed(&local.source, &id, at));
        }
    }
    let key = local.source.scheme.key(FORGER_SECRET).map_err(|unusable| unusable.to_string())?;
    let forger = Source { keys: vec![key], ..local.source.clone() };
    Ok(story.signed(&forger, &id, at))
}

/// Reads the users back through the SDK, as any other AWS client would.
async fn show_users(local: &Local, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let instance = &local.directory.instance_id;
    let users = local.client.list_users().instance_id(instance).send().await?;
    writeln!(out, "Connect now holds {} users:\n", users.user_summary_list().len())?;
    write_row(out, ["username", "name", "security profile", "owner"])?;
    for summary in users.user_summary_list() {
        let id = summary.id().unwrap_or_default();
        let user = local.client.describe_user().instance_id(instance).user_id(id).send().await?;
        write_user(local, user.user().ok_or("DescribeUser shows a user")?, out)?;
    }
    Ok(())
}

fn write_user(local: &Local, user: &User, out: &mut impl Write) -> std::io::Result<()> {
    let tag = |key: &str| user.tags().and_then(|tags| tags.get(key)).map(String::as_str);
    let name = user
        .identity_info()
        .map(|info| [info.first_name(), info.last_name()].map(Option::unwrap_or_default).join(" "));
    let mut profiles = local.directory.security_profiles.iter();
    let profile = profiles.find(|(_, id)| user.security_profile_ids().contains(id));
    write_row(
        out,
        [
            user.username().unwrap_or_default(),
            &name.unwrap_or_default(),
            profile.map_or("", |(name, _)| name),
            tag(MANAGED_BY).and(tag(OWNER)).unwrap_or("(somebody else's)"),
        ],
    )
}

fn write_row(out: &mut impl Write, cells: [&str; 4]) -> std::io::Result<()> {
    let [username, name, profile, owner] = cells;
    writeln!(out, "    {username:<24}{name:<12}{profile:<18}{owner}")
}
