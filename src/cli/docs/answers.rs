//! The tables of docs/answers.md: what each answer means and what to do about it.

use serde_json::Map;

use super::{Table, code};
use crate::assign::owner::Owner;
use crate::assign::text::Username;
use crate::connect::{Applied, UserIds};
use crate::fault::{Fault, Kind};
use crate::outcome::resource::{ScimAction, ScimResponse};
use crate::outcome::{AnswerRow, Outcome};

/// The texts for one answer.
struct Words {
    happened: &'static str,
    /// Who acts on an outcome; a fault has this itself.
    turn: &'static str,
    to_do: &'static str,
}

impl Words {
    const fn new(happened: &'static str, to_do: &'static str) -> Self {
        Self { happened, turn: "", to_do }
    }

    const fn turn(self, turn: &'static str) -> Self {
        Self { turn, ..self }
    }
}

/// The table of answers: outcomes, then faults by status.
pub(super) fn answers() -> Result<Table, String> {
    let mut rows = Vec::new();
    for outcome in outcomes()? {
        if let Some(Words { happened, turn, .. }) = of_outcome(&outcome) {
            rows.push([
                outcome.response().status.to_string(),
                code(outcome.name()),
                happened.to_owned(),
                turn.to_owned(),
            ]);
        }
    }
    rows.extend(kinds().into_iter().map(|kind| {
        let AnswerRow { status, retry_after, .. } = AnswerRow::of(kind);
        let later = retry_after.map(|seconds| format!(", `Retry-After: {seconds}`"));
        let turn = kind.responsibility().name().to_owned() + &later.unwrap_or_default();
        [status.to_string(), code(kind.code()), of_kind(kind).happened.to_owned(), turn]
    }));
    Ok(Table::new(["status", "code", "what happened", "whose turn"], rows))
}

/// The table of actions; answers with the same action share a row.
pub(super) fn to_do() -> Result<Table, String> {
    let outcomes = outcomes()?;
    let outcomes =
        outcomes.iter().filter_map(|outcome| Some((outcome.name(), of_outcome(outcome)?)));
    let kinds = kinds().into_iter().map(|kind| (kind.code(), of_kind(kind)));
    let mut rows: Vec<[String; 2]> = Vec::new();
    for (name, Words { to_do, .. }) in outcomes.chain(kinds) {
        match rows.iter_mut().find(|[_, known]| known == to_do) {
            Some([codes, _]) => *codes += &format!(", {}", code(name)),
            None => rows.push([code(name), to_do.to_owned()]),
        }
    }
    Ok(Table::new(["code", "what you do"], rows))
}

fn kinds() -> Vec<Kind> {
    let mut kinds = Kind::ALL.to_vec();
    kinds.sort_by_key(|kind| AnswerRow::of(*kind).status);
    kinds
}

/// One outcome of each kind. The `match` below does not compile without a new one, but only those
/// listed here get a row.
fn outcomes() -> Result<Vec<Outcome>, String> {
    let username = Username::parse("unused", 2..=64).map_err(|fault| fault.detail.into_owned())?;
    let owner = || Owner::of("docs", None, &username);
    let ids = || UserIds { id: String::new(), arn: String::new() };
    let applied = [
        Applied::Created(ids()),
        Applied::AlreadyOurs(ids()),
        Applied::Unchanged(ids()),
        Applied::Updated(ids()),
        Applied::Suspended(ids()),
        Applied::Removed,
        Applied::NoUser,
        Applied::Adopted(ids()),
    ];
    let others = [
        Outcome::Pending(owner(), None),
        Outcome::Parked(Fault::new(Kind::Missing, ""), owner()),
        Outcome::Ignored(""),
        Outcome::LeaverIgnored,
        Outcome::Confirmed(String::new()),
    ];
    let deeds =
        [ScimAction::Created, ScimAction::Shown, ScimAction::NotModified, ScimAction::Removed];
    let applied = applied.into_iter().map(|applied| Outcome::Applied(applied, owner()));
    let scim = deeds.map(|action| {
        Outcome::Scim(Box::new(ScimResponse { action, ..ScimResponse::shown(Map::new()) }))
    });
    Ok(applied.chain(others).chain(scim).collect())
}

/// The texts for an outcome; `None` for a batch, whose events have rows, and for the health check.
fn of_outcome(outcome: &Outcome) -> Option<Words> {
    Some(match outcome {
        Outcome::Batch(_) | Outcome::Healthy => return None,
        Outcome::Applied(Applied::Created(_), _) => {
            Words::new("the user was created; after a rename the old one is removed", "nothing")
        }
        Outcome::Applied(Applied::AlreadyOurs(_), _) => Words::new(
            "without a roster: the user was there and ours; nothing was changed",
            "nothing",
        ),
        Outcome::Applied(Applied::Unchanged(_), _) => {
            Words::new("with a roster: Connect holds what it should already", "nothing")
        }
        Outcome::Applied(Applied::Updated(_), _) => {
            Words::new("with a roster: what differed was changed", "nothing")
        }
        Outcome::Applied(Applied::Suspended(_), _) => {
            Words::new("with a roster: the user was shut out", "nothing")
        }
        Outcome::Applied(Applied::Removed, _) => {
            Words::new("with a roster: the user was removed", "nothing")
        }
        Outcome::Applied(Applied::NoUser, _) => Words::new(
            "with a roster: there is no user and should be none; it is written down",
            "nothing",
        ),
        Outcome::Applied(Applied::Adopted(_), _) => Words::new(
            "with a roster: a user that somebody else had made became ours",
            "[look whether that was right](serve.md#a-user-was-adopted)",
        )
        .turn("operator, to look"),
        Outcome::Pending(..) => Words::new(
            "with a roster: it is written down, and Connect will follow",
            "nothing: it is followed up. If there are ever more of them, see [the \
             backlog](serve.md#there-is-a-backlog)",
        ),
        Outcome::Parked(..) => Words::new(
            "with a roster: it is written down, and waits for somebody. The body has the \
             `fault`, a code of this table, and the `reason`",
            "[see what waits](serve.md#see-who-waits-and-set-them-going); its `fault` is one of \
             those below",
        )
        .turn("the fault's"),
        Outcome::Ignored(_) => Words::new(
            "nothing to do; the body has the reason",
            "nothing, if the `reason` is what you expected. A **leaver** who is `ignored` as \
             older than what is known keeps their access: send it again with the time of now",
        ),
        Outcome::LeaverIgnored => Words::new(
            "without a roster: somebody left, by an Okta event hook; remove the user by hand",
            "[remove the user](tasks.md#find-the-user-of-an-event-or-of-a-leaver) by hand",
        )
        .turn("operator"),
        Outcome::Confirmed(_) => Words::new("Okta's verification", "nothing"),
        Outcome::Scim(answer) => match answer.action {
            ScimAction::Created => Words::new("SCIM: a group was made", "nothing"),
            ScimAction::Shown => Words::new(
                "SCIM: a resource, a list or a document was read, or a group changed",
                "nothing",
            ),
            ScimAction::NotModified => Words::new(
                "SCIM: `If-None-Match` names the version that the resource has",
                "nothing",
            ),
            ScimAction::Removed => Words::new("SCIM: a group was removed", "nothing"),
        },
    })
}

fn of_kind(kind: Kind) -> Words {
    match kind {
        Kind::Unauthenticated => Words::new(
            "signature, key or time is wrong; the log says which",
            "[RejectedAlarm](alarms.md#rejectedalarm)",
        ),
        Kind::TooLarge => Words::new(
            "more than 256 KiB; SCIM: more than 4 MiB",
            "the sender must send one user per event; an Okta hook of that size is lost: assign \
             its people again",
        ),
        Kind::InvalidSyntax => Words::new(
            "not JSON, deeper than 32 levels, a name twice, neither a SCIM User nor an envelope \
             nor an Okta event hook, a `type` that is nearly one, or a `timestamp` that is no \
             time; an envelope of another type is 200 `ignored`",
            "tell the sender; the answer's `detail` says what was expected",
        ),
        Kind::InvalidValue => Words::new(
            "an attribute that Connect would refuse, or did",
            "have the attribute mended in the identity provider, or the profile put on its \
             list; behind an Okta hook assign again afterwards. If `cause` begins with \
             `CreateUser`, Connect refused what we take: report it",
        ),
        Kind::Uniqueness => Words::new(
            "the username belongs to a user that was not created here for this person, or to \
             another person of the roster",
            "SCIM: the `detail` says whether it is a group's or a person's name; link to what \
             is there. Else a user of that name was made by hand, for another person or by \
             another deployment: remove that user if it is the same person, else choose another \
             login",
        ),
        Kind::Conflict => Words::new(
            "with a roster: somebody else changed this person at the same time; repeat it",
            "nothing: the sender repeats it",
        ),
        Kind::InvalidFilter => Words::new(
            "SCIM: a filter that is none, or is too deep or too long",
            "a SCIM client asks or writes what we do not read; the answer's `detail` says what \
             was expected. With `SCIM_STRICT` unset there is less of it",
        ),
        Kind::InvalidPath => Words::new(
            "SCIM: a PATCH path that is none",
            "a SCIM client asks or writes what we do not read; the answer's `detail` says what \
             was expected. With `SCIM_STRICT` unset there is less of it",
        ),
        Kind::NoTarget => Words::new(
            "SCIM: a PATCH operation that finds nothing to work on",
            "a SCIM client asks or writes what we do not read; the answer's `detail` says what \
             was expected. With `SCIM_STRICT` unset there is less of it",
        ),
        Kind::Mutability => Words::new(
            "SCIM, strict: an attribute that nobody but this function writes",
            "a SCIM client asks or writes what we do not read; the answer's `detail` says what \
             was expected. With `SCIM_STRICT` unset there is less of it",
        ),
        Kind::TooMany => Words::new(
            "SCIM: a filter that no index serves, over more users than are looked through at \
             once; or an answer, or a PATCH, of more than one request may be",
            "have the SCIM client ask by an attribute that is indexed: \
             [SCIM](scim.md#what-is-offered) lists them",
        ),
        Kind::Precondition => Words::new(
            "SCIM: `If-Match` names another version than the resource has, or `If-None-Match` \
             of a write that one; read it again",
            "nothing: the SCIM client reads again and repeats",
        ),
        Kind::NotFound => Words::new(
            "SCIM: there is no such resource, or no longer",
            "nothing, if somebody was removed meanwhile; else the client holds ids of another \
             deployment: have it import anew",
        ),
        Kind::Forbidden => Words::new(
            "SCIM: a filter on `/Schemas` and the like, which RFC 7644 wants refused",
            "a SCIM client asks or writes what we do not read; the answer's `detail` says what \
             was expected. With `SCIM_STRICT` unset there is less of it",
        ),
        Kind::NotOffered => Words::new(
            "SCIM: `/Me`, which RFC 7644 has and we do not",
            "tell the SCIM client to use `/Users`",
        ),
        Kind::UnknownRoute => Words::new(
            "no such path or source",
            "compare the URL with the outputs; the source's name is in lower case; behind a \
             custom domain set `BasePath`",
        ),
        Kind::WrongMethod { .. } => Words::new(
            "another method is allowed here: header `Allow`",
            "the sender must POST; a GET is for Okta's verification alone, at a source of the \
             scheme `okta`",
        ),
        Kind::NeedsRoster => Words::new(
            "without a roster: a change or a leaver, for which a durable record is needed",
            "make the change in Connect by hand; tell the sender to send joiners only",
        ),
        Kind::Throttled => Words::new(
            "Connect throttles, and our own retries ran out. With a roster 202 `pending`",
            "[Connect throttles](tasks.md#connect-throttles)",
        ),
        Kind::QuotaFull => Words::new(
            "the instance's quota of users is used up. With a roster 202 `parked`",
            "[raise the quota](tasks.md#raise-the-user-quota)",
        ),
        Kind::Unavailable => Words::new(
            "Connect failed or was silent, or the source's secret cannot be read just now; a \
             repeat is safe. With a roster: the roster did not answer, or something newer is \
             just being carried out",
            "nothing, if it passes; else [ServerErrorsAlarm](alarms.md#servererrorsalarm)",
        ),
        Kind::Waiting => Words::new(
            "202 `pending`: another user here gives the name up first, or sessions are ended before a \
             user is removed",
            "nothing; it is done in seconds",
        ),
        Kind::RemovalHeld => Words::new(
            "202 `parked`: more were to lose their access within an hour than \
             `MAX_REMOVALS_PER_HOUR`",
            "[decide whether they are meant to leave](serve.md#removals-are-held)",
        ),
        Kind::Missing => Words::new(
            "202 `parked`: the user was removed from Connect by hand",
            "[decide whether the person is to have a user](serve.md#a-user-was-removed-by-hand)",
        ),
        Kind::Renamed => Words::new(
            "202 `parked`: the person has another name, and `RENAME` is `park`",
            "[decide what the user is to be called](serve.md#somebody-has-another-name)",
        ),
        Kind::Unconfirmed => Words::new(
            "202 `parked`: a user whom somebody else made was adopted, and has no more than \
             `SECURITY_PROFILES` until you confirm it",
            "[say whether the user is this person's](serve.md#an-adopted-user-is-to-be-confirmed)",
        ),
        Kind::Unequal => Words::new(
            "202 `parked`: Connect took a value twice and shows another",
            "[find what sets the value](serve.md#see-who-waits-and-set-them-going)",
        ),
        Kind::Configuration => Words::new(
            "Connect refused our own settings, permissions or credentials; or the source's \
             secret gives no key",
            "[OperatorFaultsAlarm](alarms.md#operatorfaultsalarm)",
        ),
        Kind::Bug => Words::new("ours", "[BugsAlarm](alarms.md#bugsalarm)"),
    }
}
