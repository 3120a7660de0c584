//! The tables of docs/sign.md and docs/okta.md: schemes, and the effects of events.

use serde_json::Map;

use super::{Table, code};
use crate::event::okta::{Audience, ROWS};
use crate::event::{AccessStatement, Intent, OLDEST, Reason, TYPES, ToIntent};
use crate::fault::Kind;
use crate::outcome::{AnswerRow, Outcome};
use crate::scim::Person;
use crate::trust::TOLERANCE;
use crate::trust::scheme::{KeyForm, Proof, SCHEMES, Scheme};

pub(super) fn schemes() -> Result<Table, String> {
    let row = |scheme: &Scheme| {
        [code(scheme.name), proof(&scheme.proof), secret(scheme), believed(&scheme.proof)]
    };
    let head = ["scheme", "what proves the sender", "secret", "how long a repeat is believed"];
    Ok(Table::new(head, SCHEMES.iter().map(row)))
}

fn proof(proof: &Proof) -> String {
    match proof {
        Proof::Bearer => "a bearer token".to_owned(),
        Proof::Fixed(header) => format!("a fixed value of the header `{header}`"),
        Proof::Mac(mac) => {
            let headers = [mac.id, mac.timestamp, Some(mac.signature)].into_iter().flatten();
            headers.map(code).collect::<Vec<_>>().join(", ")
        }
    }
}

fn secret(scheme: &Scheme) -> String {
    let text = if matches!(scheme.proof, Proof::Mac(_)) { "a text of" } else { "that value," };
    match scheme.key {
        KeyForm::Base64 { prefix, minimum } => {
            format!("`{prefix}` and base64 of at least {minimum} bytes")
        }
        KeyForm::Text { minimum } => format!("{text} at least {minimum} bytes"),
    }
}

fn believed(proof: &Proof) -> String {
    match proof {
        Proof::Mac(mac) if mac.timestamp.is_some() => {
            format!("{} s, either way", TOLERANCE.as_secs())
        }
        Proof::Mac(_) => {
            let hours = OLDEST.as_secs() / 3600;
            format!("{hours} hours from the envelope's `timestamp`, which must be there")
        }
        Proof::Bearer | Proof::Fixed(_) => "for ever: nothing is signed, and whoever knows the \
                                            value can send anything, SCIM Users too"
            .to_owned(),
    }
}

/// The intent of an event type, for an empty person.
fn asked(wish: ToIntent) -> Intent {
    wish(Person::default())
}

pub(super) fn event_types() -> Result<Table, String> {
    let unserved = AnswerRow::of(Kind::NeedsRoster).status;
    let row = |(name, wish): &(&str, ToIntent)| {
        let (told, without, with) = match asked(*wish) {
            Intent::Join(_) => (
                ", or a bare User",
                "the user is created; who is there already is left alone",
                "the person joins; who is known is changed to what is said now",
            ),
            Intent::Change(_) => ("", "", "what differs is changed; somebody unknown joins"),
            Intent::Leave(_) => ("", "", "as `DEACTIVATE` says: suspended, removed or kept"),
            Intent::Return(_) => {
                ("", "", "the person is let in again, as known; somebody unknown joins")
            }
            Intent::Remove(_) => ("", "", "the user is removed, and the person forgotten"),
            Intent::Nothing(why) => ("", why, why),
        };
        let without = if without.is_empty() { unserved.to_string() } else { without.to_owned() };
        [code(name) + told, without, with.to_owned()]
    };
    Ok(Table::new(HEAD, TYPES.iter().map(row)))
}

const HEAD: [&str; 3] = ["`type`", "without a roster, as in Lambda", "with a roster"];

/// What each event does to the flag and the reasons of somebody's access.
pub(super) fn access() -> Result<Table, String> {
    let mut rows: Vec<[String; 4]> = Vec::new();
    let mut add = |sender: &str, event: String, says: &AccessStatement| {
        let [flag, reasons] = effect(says);
        rows.push([sender.to_owned(), event, flag.to_owned(), reasons.to_owned()]);
    };
    for (name, wish) in TYPES {
        add("signed event", code(name), &AccessStatement::of(&asked(*wish)));
    }
    for active in [true, false] {
        let said =
            Intent::Change(Person::new(Map::from_iter([("active".to_owned(), active.into())])));
        let event = format!("`user.created`, `user.updated` with `active` {active}");
        add("signed event", event, &AccessStatement::of(&said));
        let event = match active {
            true => "`active` becomes true; POST without `active` false",
            false => "`active` becomes false, or is so in a POST",
        };
        add("SCIM", event.to_owned(), &AccessStatement::of(&said));
    }
    add("SCIM", "any other change".to_owned(), &AccessStatement::Silent);
    add("SCIM", "DELETE".to_owned(), &AccessStatement::Removed);
    for row in ROWS {
        let id = || "{id}".to_owned();
        let reason = match row.whom {
            Audience::App => Reason::Application(id()),
            _ => Reason::Group(id()),
        };
        let says = row.says.of(Some(reason), true);
        add("Okta hook", code(row.event_type), &says);
        if row.whom == Audience::Known {
            let event = format!("{}, without `HOOK_<SOURCE>_LIFECYCLE`", code(row.event_type));
            add("Okta hook", event, &row.says.of(None, false));
        }
    }
    Ok(Table::new(["sender", "event", "life cycle", "reasons"], rows))
}

fn effect(says: &AccessStatement) -> [&'static str; 2] {
    let of = |reason: &Reason, app, group| match reason {
        Reason::Application(_) => app,
        _ => group,
    };
    match says {
        AccessStatement::Silent => ["", ""],
        AccessStatement::Activated => ["enabled", "gives `activated`"],
        AccessStatement::Enabled | AccessStatement::Reactivated => ["enabled", ""],
        AccessStatement::Disabled => ["disabled", ""],
        AccessStatement::Removed => ["removed", ""],
        AccessStatement::Granted(reason) => {
            ["", of(reason, "gives `app:{id}`", "gives `group:{id}`")]
        }
        AccessStatement::Revoked(reason) => {
            ["", of(reason, "withdraws `app:{id}`", "withdraws `group:{id}`")]
        }
        AccessStatement::Deprovisioned(_) => {
            ["removed, if no reason is left", "withdraws `app:{id}`"]
        }
    }
}

/// The table of Okta's event types. Types with the same effect on the same people share a row.
pub(super) fn okta() -> Result<Table, String> {
    let mut rows: Vec<[String; 4]> = Vec::new();
    for wanted in [Intent::Join, Intent::Leave, Intent::Remove, Intent::Return, Intent::Change] {
        let wanted = asked(wanted);
        let (without, with) = done(&wanted);
        for row in ROWS.iter().filter(|row| asked(row.effect).name() == wanted.name()) {
            let whom = concerned(row.whom);
            let is_alike = |known: &&mut [String; 4]| known[1] == whom && known[3] == with;
            match rows.iter_mut().find(is_alike) {
                Some([types, ..]) => *types += &format!(", {}", code(row.event_type)),
                None => {
                    let row = [code(row.event_type), whom.to_owned(), without.clone(), with.into()];
                    rows.push(row);
                }
            }
        }
    }
    let ignored = || Outcome::Ignored("").name().to_owned();
    let others = "any other, and any whose `outcome.result` is not `SUCCESS`".to_owned();
    rows.push([others, String::new(), ignored(), ignored()]);
    let head = ["event", "whom it concerns", "without a roster, as in Lambda", "with a roster"];
    Ok(Table::new(head, rows))
}

fn concerned(whom: Audience) -> &'static str {
    match whom {
        Audience::App => "users of an application of `HOOK_<SOURCE>_APPS`",
        Audience::Everybody => "everybody",
        Audience::Group => "members of a group of `HOOK_<SOURCE>_GROUPS`",
        Audience::Known => "whoever is known; everybody, if `HOOK_<SOURCE>_LIFECYCLE` is `true`",
        Audience::Lifecycle => "everybody, if `HOOK_<SOURCE>_LIFECYCLE` is `true`",
    }
}

/// The effect of an intent without a roster, and with one.
fn done(intent: &Intent) -> (String, &'static str) {
    let ignored = || Outcome::Ignored("").name().to_owned();
    let left = || {
        let outcome = Outcome::LeaverIgnored;
        let (status, name) = (outcome.response().status, outcome.name());
        format!("{status} `{name}`: somebody has to remove the user by hand")
    };
    match intent {
        Intent::Join(_) => ("the user joins".to_owned(), "the user joins"),
        Intent::Leave(_) => (left(), "as `DEACTIVATE` says"),
        Intent::Remove(_) => (left(), "the user is removed"),
        Intent::Return(_) => (ignored(), "who is known is let in again"),
        Intent::Change(_) => (
            ignored(),
            "login and name of who is known are changed, unless a SCIM User has told them",
        ),
        Intent::Nothing(_) => (ignored(), "ignored"),
    }
}
