//! `connect-provisioner parked`: lists parked records and requeues them.

pub(super) mod ask;
pub(super) mod control;
mod outcome;
mod shown;

use std::error::Error;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::roster::{self, told_if_carried_over};
use super::standin::seconds;
use super::{Exit, now, say};
use crate::roster::key::Id;
use crate::roster::memory::MemoryRoster;
use crate::roster::{Roster, RosterError};
use control::{Ids, RequeueRequest};

/// What to do with whom, and where.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    place: Place,
}

/// Where the roster is.
#[derive(Args, Clone, Debug)]
pub(super) struct Place {
    /// Read a roster's file, which nobody has open; or dynamodb:TABLE
    #[arg(long, value_name = "FILE", global = true, conflicts_with_all = ["url", "door"])]
    roster: Option<roster::Location>,
    /// Ask the serve that listens there, on this machine
    #[arg(long, value_name = "URL", global = true, default_value = super::serve::URL)]
    url: String,
    /// Ask by the file that serve names at its start, where it is somebody else's
    #[arg(long, value_name = "FILE", global = true, conflicts_with = "url")]
    door: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Clone, Debug, Subcommand)]
enum Action {
    /// List everybody who is parked, and count the others
    List {
        /// List also who is pending, and what for
        #[arg(long)]
        pending: bool,
        /// Say who they are, by their userName
        #[arg(long)]
        names: bool,
    },
    /// Say whether anybody waits: exit status 0 if nobody does, 1 if somebody does, 2 if that could
    /// not be asked
    ///
    /// Who is parked waits, and who has been pending for longer than an hour.
    Check,
    /// Show one record
    Show {
        /// The record's id
        #[arg(value_name = "ID")]
        id: String,
        /// Say who it is
        #[arg(long)]
        names: bool,
    },
    /// Try again, under all the rules, and say what came of it
    Retry {
        #[command(flatten)]
        whom: Whom,
        #[command(flatten)]
        wait: Wait,
    },
    /// Try again, and let a removal through however many there were within the hour
    Release {
        #[command(flatten)]
        whom: Whom,
        /// Do not ask whether everybody whose removal is held is meant
        #[arg(long)]
        yes: bool,
        /// Say who they are
        #[arg(long)]
        names: bool,
        #[command(flatten)]
        wait: Wait,
    },
    /// Confirm that users whom somebody else had made, and that were adopted, are these people's
    ///
    /// Until then they have no more than `SECURITY_PROFILES`: whoever made them may know their passwords.
    Confirm {
        #[command(flatten)]
        people: People,
        #[command(flatten)]
        wait: Wait,
    },
}

#[derive(Args, Clone, Debug)]
pub(super) struct People {
    /// The records' ids, or the people's userNames
    #[arg(value_name = "PERSON", required = true)]
    pub(super) people: Vec<String>,
}

#[derive(Args, Clone, Debug)]
struct Whom {
    /// The records' ids
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<String>,
    /// Everybody who is parked; to be released, everybody whose removal is held
    #[arg(long)]
    all: bool,
}

#[derive(Args, Clone, Debug)]
pub(super) struct Wait {
    /// How many seconds to wait for what comes of it
    #[arg(long, value_name = "S", default_value = "30", value_parser = seconds)]
    wait: Duration,
}

impl Whom {
    fn ids(&self) -> Ids {
        if self.all { Ids::All } else { Ids::these(&self.ids) }
    }
}

/// How the roster is reached.
enum RosterLocation {
    Opened(Box<dyn Roster>),
    Served(ask::AdminClient),
}

impl RosterLocation {
    async fn find(place: &Place) -> Result<Self, String> {
        match (&place.roster, &place.door) {
            (None, None) => ask::AdminClient::of(&place.url).map(Self::Served),
            (None, Some(door)) => ask::AdminClient::in_file(door).map(Self::Served),
            (Some(roster::Location::Table(table)), _) => {
                Ok(Self::Opened(Box::new(roster::table(table).await?)))
            }
            (Some(roster::Location::File(path)), _) if path.exists() => {
                let roster = open(path);
                let roster = roster.map_err(|told| format!("{told}; a serve is asked by --url"));
                Ok(Self::Opened(Box::new(roster?)))
            }
            (Some(file), _) => Err(format!("{file}: there is no such file")),
        }
    }

    async fn state(&self, names: bool) -> Result<Value, Box<dyn Error>> {
        match self {
            Self::Opened(roster) => Ok(control::state(roster.as_ref(), names, now()).await?),
            Self::Served(door) => door.state(names).await,
        }
    }

    /// The record of this id, if it exists.
    async fn record(&self, id: &str, names: bool) -> Result<Option<Value>, Box<dyn Error>> {
        match self {
            Self::Opened(roster) => {
                Ok(control::record(roster.as_ref(), &Id::from_text(id), names).await?)
            }
            Self::Served(door) => door.record(id, names).await,
        }
    }

    async fn change(&self, change: &RequeueRequest) -> Result<Value, Box<dyn Error>> {
        match self {
            Self::Opened(roster) => Ok(control::change(roster.as_ref(), change, now()).await?),
            Self::Served(door) => door.change(change).await,
        }
    }

    /// True if a running `serve` will work on requeued records.
    const fn is_followed(&self) -> bool {
        matches!(self, Self::Served(_))
    }
}

/// Lists, shows or requeues records.
///
/// # Errors
/// If the roster cannot be reached, or a named record is not parked; then nothing is changed.
pub async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let json = arguments.place.json;
    let action = arguments.action.clone();
    let action = action.unwrap_or(Action::List { pending: false, names: false });
    if matches!(action, Action::Check) {
        return check(&arguments.place).await;
    }
    let place = RosterLocation::find(&arguments.place).await?;
    let (change, wait) = match action {
        Action::Check => return Ok(()),
        Action::List { pending, names } => {
            return shown::all(&place.state(names).await?, pending, json);
        }
        Action::Show { id, names } => {
            let record = place.record(&id, names).await?;
            let unknown = "ID: expected that of a record, found one that nobody has";
            return shown::one(&record.ok_or(unknown)?, json);
        }
        Action::Retry { whom, wait } => {
            (RequeueRequest { retry: whom.ids(), ..RequeueRequest::default() }, wait)
        }
        Action::Confirm { people, wait } => {
            let confirm = people.people;
            (RequeueRequest { confirm, ..RequeueRequest::default() }, wait)
        }
        Action::Release { whom, yes, names, wait } => {
            let mut ids = whom.ids();
            if whom.all {
                let held = held(&place.state(names).await?);
                if !yes && !held.is_empty() {
                    confirm(&held)?;
                }
                // Only the records that were shown, not those parked since.
                let id = |record: &Value| record.get("id")?.as_str().map(str::to_owned);
                ids = Ids::these(&held.iter().filter_map(id).collect::<Vec<_>>());
            }
            (RequeueRequest { release: ids, ..RequeueRequest::default() }, wait)
        }
    };
    change_and_tell(&place, &change, &wait, json).await
}

/// Makes a change, waits for what comes of it, and says that.
async fn change_and_tell(
    place: &RosterLocation,
    change: &RequeueRequest,
    wait: &Wait,
    json: bool,
) -> Result<(), Box<dyn Error>> {
    let changed = place.change(change).await?;
    let wait = if place.is_followed() { wait.wait } else { Duration::ZERO };
    outcome::tell(place, &changed, wait, json).await
}

/// Lets people in again.
///
/// # Errors
/// As [`run`].
pub(super) async fn readmit(place: &Place, people: People, wait: &Wait) -> Told {
    let change = RequeueRequest { readmit: people.people, ..RequeueRequest::default() };
    change_and_tell(&RosterLocation::find(place).await?, &change, wait, place.json).await
}

/// Shuts people out.
///
/// # Errors
/// As [`run`].
pub(super) async fn shut_out(place: &Place, people: People, wait: &Wait) -> Told {
    let change = RequeueRequest { shut_out: people.people, ..RequeueRequest::default() };
    change_and_tell(&RosterLocation::find(place).await?, &change, wait, place.json).await
}

/// Stops all but farewells, or lets it go on.
///
/// # Errors
/// If the roster cannot be reached.
pub(super) async fn pause(place: &Place, pause: bool) -> Told {
    let change = RequeueRequest { pause: Some(pause), ..RequeueRequest::default() };
    let changed = RosterLocation::find(place).await?.change(&change).await?;
    if place.json {
        return Ok(say(&changed)?);
    }
    let since = changed.get(control::PAUSED_SINCE).and_then(Value::as_str);
    match since {
        Some(since) => say(format!(
            "paused since {since}: whoever leaves is suspended, everything else is kept and waits; \
             connect-provisioner resume ends it"
        ))?,
        None => say("not paused: what waited is followed now")?,
    }
    Ok(())
}

/// Whether it was done.
pub(super) type Told = Result<(), Box<dyn Error>>;

/// The check for monitoring, with its exit status.
async fn check(at: &Place) -> Result<(), Box<dyn Error>> {
    let unasked = |error: Box<dyn Error>| Exit { status: 2, says: Some(error.to_string()) };
    let place = RosterLocation::find(at).await.map_err(|error| unasked(error.into()))?;
    let state = place.state(false).await.map_err(unasked)?;
    if at.json {
        say(&state)?;
    } else {
        say(shown::counts(&state))?;
    }
    let waits = shown::is_anybody_waiting(&state, now());
    if waits { Err(Exit { status: 1, says: None }.into()) } else { Ok(()) }
}

/// The parked records whose removal is held.
fn held(state: &Value) -> Vec<Value> {
    let is_held = |record: &&Value| {
        let fault = record.get("fault").and_then(Value::as_str);
        fault == Some(crate::fault::Kind::RemovalHeld.code())
    };
    shown::list(state, "parked").filter(is_held).cloned().collect()
}

/// Shows the records and asks for confirmation.
fn confirm(held: &[Value]) -> Result<(), Box<dyn Error>> {
    let refuse = |says: &str| Exit { status: 2, says: Some(says.to_owned()) };
    if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        let count = held.len();
        let says = format!("{count} removals are held; to let all of them through, say --yes");
        return Err(refuse(&says).into());
    }
    shown::table(held)?;
    let mut out = io::stdout().lock();
    write!(out, "Let {} removals through? [y/N] ", held.len())?;
    out.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    let is_meant = ["y", "yes"].contains(&answer.trim().to_lowercase().as_str());
    if is_meant { Ok(()) } else { Err(refuse("nothing was changed").into()) }
}

/// Opens the roster in a file.
///
/// # Errors
/// If the file cannot be read, or another process has it open.
pub(super) fn open(path: &Path) -> Result<MemoryRoster, String> {
    told_if_carried_over(path, || {
        MemoryRoster::open(path).map_err(|roster_error| cannot_open(&roster_error))
    })
}

/// The message for a roster that cannot be opened.
pub(super) fn cannot_open(roster_error: &RosterError) -> String {
    format!("cannot open the roster: {roster_error}")
}
