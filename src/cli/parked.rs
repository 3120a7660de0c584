//! `connect-provisioner parked`: who waits for somebody, and set going again.

pub(super) mod ask;
pub(super) mod control;

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::Value;

use super::table::{Table, Tone};
use super::{now, say};
use crate::config::of_process;
use crate::roster::Trouble;
use crate::roster::embedded::Embedded;
use control::{Change, Ids};

/// What to do with whom, and where.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    /// Read a roster's file, which nobody has open
    #[arg(long, value_name = "FILE", global = true, conflicts_with = "url")]
    roster: Option<PathBuf>,
    /// Ask the serve that listens there
    #[arg(long, value_name = "URL", global = true, default_value = super::serve::URL)]
    url: String,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Clone, Debug, Subcommand)]
enum Action {
    /// List everybody who is parked, and count the others
    List,
    /// Show one parked record
    Show {
        /// The record's id
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Try again, under all the rules
    Retry(Whom),
    /// Try again, and let a removal through however many there were within the hour
    Release(Whom),
}

#[derive(Args, Clone, Debug)]
struct Whom {
    /// The records' ids
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<String>,
    /// Everybody who is parked
    #[arg(long)]
    all: bool,
}

impl Whom {
    fn ids(self) -> Ids {
        if self.all { Ids::All } else { Ids::these(&self.ids) }
    }
}

/// Where the roster is.
enum Place {
    File(Box<Embedded>),
    Served(String),
}

impl Place {
    async fn state(&self) -> Result<Value, Box<dyn Error>> {
        match self {
            Self::File(roster) => Ok(control::state(roster.as_ref(), now()).await?),
            Self::Served(url) => ask::state(url).await,
        }
    }

    async fn change(&self, change: &Change) -> Result<Value, Box<dyn Error>> {
        match self {
            Self::File(roster) => Ok(control::change(roster.as_ref(), change, now()).await?),
            Self::Served(url) => ask::change(url, change).await,
        }
    }
}

/// Lists, shows, or sets going again.
///
/// # Errors
/// If the roster cannot be had, or somebody is named who is not parked: then nothing is changed.
pub async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let place = match &arguments.roster {
        None => Place::Served(arguments.url),
        Some(path) if path.exists() => {
            let roster = open(path);
            let roster = roster.map_err(|trouble| format!("{trouble}; a serve is asked by --url"));
            Place::File(Box::new(roster?))
        }
        Some(path) => return Err(format!("{}: there is no such file", path.display()).into()),
    };
    let change = match arguments.action.unwrap_or(Action::List) {
        Action::List => return show_all(&place.state().await?, arguments.json),
        Action::Show { id } => return show(&place.state().await?, &id, arguments.json),
        Action::Retry(whom) => Change { retry: whom.ids(), ..Change::default() },
        Action::Release(whom) => Change { release: whom.ids(), ..Change::default() },
    };
    let changed = place.change(&change).await?;
    if arguments.json {
        return Ok(say(changed)?);
    }
    let mut table = Table::default();
    for done in ["released", "retried"] {
        for id in list(&changed, done) {
            table.row(Tone::Good, [done, id.as_str().unwrap_or_default()]);
        }
    }
    if table.is_empty() { Ok(say(NOBODY)?) } else { Ok(table.print(&of_process())?) }
}

/// The roster of a file.
///
/// # Errors
/// If it cannot be read, or another process has it open.
pub(super) fn open(path: &Path) -> Result<Embedded, String> {
    Embedded::open(path).map_err(cannot_open)
}

/// Why there is none.
pub(super) fn cannot_open(Trouble(trouble): Trouble) -> String {
    format!("cannot open the roster: {trouble}")
}

const NOBODY: &str = "nobody is parked";

fn list<'a>(state: &'a Value, member: &str) -> impl Iterator<Item = &'a Value> {
    state.get(member).and_then(Value::as_array).into_iter().flatten()
}

fn show_all(state: &Value, json: bool) -> Result<(), Box<dyn Error>> {
    if json {
        return Ok(say(state)?);
    }
    let counts = ["applied", "pending", "parked", "removed"].map(|name| {
        let count = state.get("counts").and_then(|counts| counts.get(name));
        format!("{} {name}", count.unwrap_or(&Value::Null))
    });
    say(counts.join(", "))?;
    let mut table = Table::default();
    for record in list(state, "parked") {
        let cell = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default();
        let cells = ["id", "wanted", "fault", "turn", "detail"].map(cell);
        table.row(Tone::Warning, cells);
    }
    if table.is_empty() { Ok(()) } else { Ok(table.print(&of_process())?) }
}

fn show(state: &Value, id: &str, json: bool) -> Result<(), Box<dyn Error>> {
    let is_meant = |record: &&Value| record.get("id").and_then(Value::as_str) == Some(id);
    let record = list(state, "parked").find(is_meant);
    let record = record.ok_or("ID: expected that of a parked record, found another")?;
    if json {
        return Ok(say(record)?);
    }
    let mut table = Table::default();
    for (name, value) in record.as_object().into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        table.row(Tone::Plain, [name, &text]);
    }
    Ok(table.print(&of_process())?)
}
