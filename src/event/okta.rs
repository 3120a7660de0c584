//! Okta event hook → what each of its events asks for ("Event hooks", Okta developer docs).
//!
//! A hook brings a batch: `{"eventType": "com.okta.event_hook", "data": {"events": […]}}`. An
//! event says what happened, how it ended, and to whom, in `target`, a list in no promised order:
//! targets are chosen by their type. It has no profile of the person, only the login
//! (`alternateId`) and a name to show.

use std::time::SystemTime;

use serde_json::{Map, Value};

use super::{AccessStatement, EventWarning, Intent, Reason, ToIntent};
use crate::fault::{Fault, Kind};
use crate::json::{describe, member};
use crate::scim::Person;
use crate::time;

/// A hook brings this many events at most. Okta's own are of a kilobyte or two, so that many never
/// fit into a body; what is smaller is not Okta's, and its answer would be too large.
pub const MAX_EVENTS: usize = 2000;

/// Which of Okta's events ask for somebody to join.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Ids or labels of the applications whose users join; none chosen, nobody does.
    pub apps: Option<Vec<String>>,
    /// Ids or names of the groups whose members join; none chosen, nobody does.
    pub groups: Option<Vec<String>>,
    /// True if everybody joins who is created or activated in Okta.
    pub lifecycle: bool,
}

/// One event of a batch.
pub struct Element {
    /// Okta's own id of it, by which its deliveries are told apart.
    pub uuid: Option<String>,
    /// When it happened in Okta.
    pub published: Option<SystemTime>,
    /// What is wrong with it, though it is taken: Okta would not send it in another way.
    pub warning: Option<EventWarning>,
    /// The change that it asks for, and what it says of the person's access.
    pub asks: Result<(Intent, AccessStatement), Fault>,
}

/// One type of event.
pub struct Row {
    /// Okta's name for it.
    pub event_type: &'static str,
    /// Whom it concerns.
    pub whom: Audience,
    /// What it asks for.
    pub effect: ToIntent,
    /// What it says of the person's access.
    pub says: Says,
}

/// What a type of event says of a person's access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// Nothing.
    Silent,
    /// The person was created or activated, if the life cycle lets people in; else that the life cycle
    /// is fine.
    Activated,
    /// The life cycle is fine again.
    Enabled,
    /// Suspended or deactivated.
    Disabled,
    /// Deleted in Okta.
    Removed,
    /// Assigned to the application, or a member of the group.
    Granted,
    /// No longer so.
    Revoked,
    /// Deleted in the application.
    Deprovisioned,
}

/// The scope of a type of event: whom it concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Users of the applications in the scope.
    App,
    /// Everybody.
    Everybody,
    /// Members of the groups in the scope.
    Group,
    /// Whoever is known; everybody, if the scope has the life cycle in it.
    Known,
    /// Everybody, if the scope has the life cycle in it.
    Lifecycle,
}

/// The types that matter here; all others ask nothing of Connect ("Event types", Okta developer
/// docs, those that event hooks can have).
pub static ROWS: &[Row] = &[
    Row::new(
        "application.provision.user.delete",
        Audience::App,
        Intent::Remove,
        Says::Deprovisioned,
    ),
    Row::new("application.provision.user.push", Audience::App, Intent::Change, Says::Silent),
    Row::new(
        "application.provision.user.push_profile",
        Audience::App,
        Intent::Change,
        Says::Silent,
    ),
    Row::new("application.provision.user.reactivate", Audience::App, Intent::Return, Says::Granted),
    Row::new("application.provision.user.sync", Audience::App, Intent::Change, Says::Silent),
    Row::new("application.user_membership.add", Audience::App, Intent::Join, Says::Granted),
    Row::new("application.user_membership.remove", Audience::App, Intent::Leave, Says::Revoked),
    Row::new("application.user_membership.update", Audience::App, Intent::Change, Says::Silent),
    Row::new("group.user_membership.add", Audience::Group, Intent::Join, Says::Granted),
    Row::new("group.user_membership.remove", Audience::Group, Intent::Leave, Says::Revoked),
    Row::new("user.account.update_profile", Audience::Everybody, Intent::Change, Says::Silent),
    Row::new("user.lifecycle.activate", Audience::Known, Intent::Join, Says::Activated),
    Row::new("user.lifecycle.create", Audience::Lifecycle, Intent::Join, Says::Activated),
    Row::new("user.lifecycle.deactivate", Audience::Everybody, Intent::Leave, Says::Disabled),
    Row::new("user.lifecycle.delete.initiated", Audience::Everybody, Intent::Remove, Says::Removed),
    Row::new("user.lifecycle.reactivate", Audience::Everybody, Intent::Return, Says::Enabled),
    Row::new("user.lifecycle.suspend", Audience::Everybody, Intent::Leave, Says::Disabled),
    Row::new("user.lifecycle.unsuspend", Audience::Everybody, Intent::Return, Says::Enabled),
];

impl Row {
    const fn new(event_type: &'static str, whom: Audience, effect: ToIntent, says: Says) -> Self {
        Self { event_type, whom, effect, says }
    }
}

impl Says {
    /// The statement of an event about a membership, if it is about one.
    #[must_use]
    pub fn of(self, membership: Option<Reason>, lifecycle_lets_in: bool) -> AccessStatement {
        match (self, membership) {
            (Self::Activated, _) if !lifecycle_lets_in => AccessStatement::Reactivated,
            (Self::Activated, _) => AccessStatement::Activated,
            (Self::Enabled, _) => AccessStatement::Enabled,
            (Self::Disabled, _) => AccessStatement::Disabled,
            (Self::Removed, _) => AccessStatement::Removed,
            (Self::Granted, Some(reason)) => AccessStatement::Granted(reason),
            (Self::Revoked, Some(reason)) => AccessStatement::Revoked(reason),
            (Self::Deprovisioned, Some(reason)) => AccessStatement::Deprovisioned(reason),
            (Self::Silent, _) | (_, None) => AccessStatement::Silent,
        }
    }
}

/// True if a body is that of an event hook.
#[must_use]
pub fn is_batch(body: &Map<String, Value>) -> bool {
    member(body, "eventType").and_then(Value::as_str) == Some("com.okta.event_hook")
}

/// Reads every event of a batch, each by itself.
///
/// # Errors
/// [`Kind::InvalidSyntax`] if there is no list of at most [`MAX_EVENTS`] events.
pub(super) fn read(body: &Map<String, Value>, scope: &Scope) -> Result<Vec<Element>, Fault> {
    let data = member(body, "data").and_then(Value::as_object);
    match data.and_then(|data| member(data, "events")) {
        Some(Value::Array(events)) if events.len() > MAX_EVENTS => {
            Err(invalid("data.events", "at most 2000 events", "more"))
        }
        Some(Value::Array(events)) => {
            Ok(events.iter().map(|event| element(event, scope)).collect())
        }
        other => Err(Fault::new(
            Kind::InvalidSyntax,
            format!("data.events: expected an array, found {}", other.map_or("none", describe)),
        )),
    }
}

fn element(event: &Value, scope: &Scope) -> Element {
    let Value::Object(event) = event else {
        let asks = Err(invalid("data.events", "objects", describe(event)));
        return Element { uuid: None, published: None, warning: None, asks };
    };
    let text = |name: &str| member(event, name).and_then(Value::as_str);
    let published = text("published").and_then(time::read);
    let is_unread = published.is_none() && member(event, "published").is_some();
    Element {
        uuid: text("uuid").map(str::to_owned),
        published,
        warning: is_unread.then_some(EventWarning::UnreadTime),
        asks: asks(event, scope),
    }
}

fn asks(event: &Map<String, Value>, scope: &Scope) -> Result<(Intent, AccessStatement), Fault> {
    let nothing = |reason| Ok((Intent::Nothing(reason), AccessStatement::Silent));
    let Some(event_type) = member(event, "eventType").and_then(Value::as_str) else {
        return Err(invalid("eventType", "a string", "none"));
    };
    let Some(row) = ROWS.iter().find(|row| row.event_type == event_type) else {
        return nothing(super::NOT_OURS);
    };
    let outcome = member(event, "outcome").and_then(Value::as_object);
    if outcome.and_then(|outcome| member(outcome, "result")).and_then(Value::as_str)
        != Some("SUCCESS")
    {
        return nothing("outcome.result is not SUCCESS, so nothing happened in Okta");
    }
    let targets = Targets::of(event)?;
    let membership = match membership(row.whom, &targets, scope) {
        Ok(membership) => membership,
        Err(reason) => return nothing(reason),
    };
    // Whoever was deactivated comes back by this event also where the life cycle lets nobody in: it then
    // says that nothing is against them, and makes no record of somebody unknown.
    let is_back = row.whom == Audience::Known && !scope.lifecycle;
    let effect = if is_back { Intent::Return } else { row.effect };
    let access = row.says.of(membership, scope.lifecycle);
    targets.person().map(|person| (effect(person), access))
}

/// The application or group of an event that is about somebody whom the operator wants in Connect; if
/// it is about nobody of those, why.
fn membership(
    whom: Audience,
    targets: &Targets<'_>,
    scope: &Scope,
) -> Result<Option<Reason>, &'static str> {
    let (target_type, list, unset, unlisted) = match whom {
        Audience::Everybody | Audience::Known => return Ok(None),
        Audience::Lifecycle if scope.lifecycle => return Ok(None),
        Audience::Lifecycle => {
            return Err(NO_LIFECYCLE);
        }
        Audience::App => (
            "AppInstance",
            &scope.apps,
            "HOOK_<SOURCE>_APPS is not set, so no application matters here",
            "the application is not on HOOK_<SOURCE>_APPS",
        ),
        Audience::Group => (
            "UserGroup",
            &scope.groups,
            "HOOK_<SOURCE>_GROUPS is not set, so no group matters here",
            "the group is not on HOOK_<SOURCE>_GROUPS",
        ),
    };
    let list = list.as_ref().ok_or(unset)?;
    let named = |target: &&Map<String, Value>| {
        let id = member(target, "id").and_then(Value::as_str);
        let name = name(target, whom);
        list.iter().any(|entry| if is_id(entry) { id } else { name } == Some(entry))
    };
    let target = targets.of_type(target_type).find(named).ok_or(unlisted)?;
    let id = member(target, "id").and_then(Value::as_str).or_else(|| name(target, whom));
    let reason = match whom {
        Audience::App => Reason::Application,
        _ => Reason::Group,
    };
    Ok(id.map(|id| reason(id.to_owned())))
}

/// What an administrator calls a target. An application's label is its `alternateId`, and the
/// `displayName` may be that of its kind; a group has no `alternateId` but "unknown".
fn name(target: &Map<String, Value>, whom: Audience) -> Option<&str> {
    let text = |name: &str| member(target, name).and_then(Value::as_str);
    let label = text("alternateId").filter(|label| *label != UNKNOWN);
    label.filter(|_| matches!(whom, Audience::App)).or_else(|| text("displayName"))
}

/// The reason for which the life cycle makes nobody join.
pub const NO_LIFECYCLE: &str =
    "HOOK_<SOURCE>_LIFECYCLE is not true, so being created or activated in Okta makes nobody join";

/// Okta's placeholder for a missing value.
const UNKNOWN: &str = "unknown";

/// Whether an entry of a list is one of Okta's ids, of an application or a group. It is then no
/// name, or somebody could name a group like the id of another.
fn is_id(entry: &str) -> bool {
    ["0oa", "00g"].iter().any(|prefix| entry.starts_with(prefix))
        && entry.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// A target of an event: the object that it happened to.
struct Targets<'a>(Vec<&'a Map<String, Value>>);

impl<'a> Targets<'a> {
    fn of(event: &'a Map<String, Value>) -> Result<Self, Fault> {
        match member(event, "target") {
            Some(Value::Array(targets)) => {
                Ok(Self(targets.iter().filter_map(Value::as_object).collect()))
            }
            None => Ok(Self(Vec::new())),
            Some(other) => Err(invalid("target", "an array", describe(other))),
        }
    }

    fn of_type(&self, target_type: &str) -> impl Iterator<Item = &'a Map<String, Value>> {
        let is = move |target: &&&Map<String, Value>| {
            member(target, "type").and_then(Value::as_str) == Some(target_type)
        };
        self.0.iter().filter(is).copied()
    }

    /// The one User: its login is the username, as Okta signs people in to Connect by it, and its
    /// id is what Okta's own SCIM calls `externalId`.
    fn person(&self) -> Result<Person, Fault> {
        let mut users = self.of_type("User");
        let (Some(user), None) = (users.next(), users.next()) else {
            let found = if self.of_type("User").next().is_some() { "several" } else { "none" };
            return Err(Fault::value("target", "exactly one of type User", found));
        };
        let text = |name: &str| match member(user, name) {
            Some(Value::String(text)) if !text.is_empty() && text != UNKNOWN => Ok(text.clone()),
            other => Err(Fault::value(
                &format!("target[type eq \"User\"].{name}"),
                "a string that tells something",
                other.map_or("none", describe),
            )),
        };
        let display_name = member(user, "displayName").cloned().unwrap_or_default();
        Ok(Person::displayed(text("alternateId")?, text("id")?, display_name))
    }
}

fn invalid(place: &str, expected: &str, found: &str) -> Fault {
    Fault::new(Kind::InvalidSyntax, format!("{place}: expected {expected}, found {found}"))
}
