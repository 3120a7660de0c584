//! Where a roster is: a file or a table. Opens a file for a long-running process and logs its state, and
//! makes a table.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{lines, parked, say as print};
use crate::config::{Level, of_process};
use crate::lambda;
use crate::roster::dynamo::{self, DynamoRoster};
use crate::roster::memory::{MemoryRoster, copy_of};
use crate::roster::{Roster as _, RosterError};

/// Where a roster is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Location {
    /// In this file.
    File(PathBuf),
    /// In this table of DynamoDB, in `AWS_REGION`.
    Table(String),
}

/// How a table is told from a file.
const TABLE: &str = "dynamodb:";

impl FromStr for Location {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.strip_prefix(TABLE) {
            Some(table) => Self::Table(table.to_owned()),
            None => Self::File(PathBuf::from(text)),
        })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(formatter),
            Self::Table(table) => write!(formatter, "{TABLE}{table}"),
        }
    }
}

/// Makes a roster.
#[derive(Args, Clone, Debug)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Clone, Debug, Subcommand)]
enum Action {
    /// Make the table of a roster in DynamoDB, as the SAM template does
    ///
    /// In `AWS_REGION`, by your own credentials; `AWS_ENDPOINT_URL_DYNAMODB` names an engine on a desk.
    /// A file needs no such thing: serve makes it.
    Init {
        /// The table, such as dynamodb:connect-provisioner
        #[arg(value_name = "dynamodb:TABLE")]
        place: Location,
    },
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let Action::Init { place } = arguments.action;
    let Location::Table(table) = &place else {
        return Err(format!("{place}: expected a table, such as {TABLE}connect-provisioner").into());
    };
    let client = dynamo::client(&lambda::aws(&region()?).await);
    dynamo::create_table(&client, table).await.map_err(|error| error.to_string())?;
    Ok(print(format!("{place} is there"))?)
}

/// The roster in a table.
///
/// # Errors
/// If it is not said in which Region, or the table does not answer.
pub(super) async fn table(name: &str) -> Result<DynamoRoster, String> {
    let client = dynamo::client(&lambda::aws(&region()?).await);
    let roster = DynamoRoster::new(client, name, Box::new(lambda::random));
    let asked = roster.paused().await;
    asked.map_err(|roster_error| parked::cannot_open(&roster_error))?;
    Ok(roster)
}

fn region() -> Result<String, String> {
    let region = of_process().remove("AWS_REGION").filter(|region| !region.trim().is_empty());
    region.ok_or_else(|| "AWS_REGION: expected the Region of the table, found nothing".to_owned())
}

/// Opens the roster in a file. Failures of later writes are logged to standard error.
///
/// # Errors
/// If the file cannot be read, or another process has it open.
pub(super) fn open(path: &Path) -> Result<MemoryRoster, String> {
    outlive_limits();
    let roster = told_if_carried_over(path, || {
        MemoryRoster::open_reporting(path, Box::new(report))
            .map_err(|roster_error| parked::cannot_open(&roster_error))
    })?;
    if let Some(mode) = wide_mode(path) {
        let cause = format!("expected the mode 600, found {mode:o}");
        say(Level::Warn, WIDE, Some(&cause));
    }
    Ok(roster)
}

/// Opens a roster, and logs if its file was migrated from an earlier build: going back needs the
/// copy.
pub(super) fn told_if_carried_over<T>(
    path: &Path,
    open: impl FnOnce() -> Result<T, String>,
) -> Result<T, String> {
    let copy = copy_of(path);
    let written = || std::fs::metadata(&copy).and_then(|copy| copy.modified()).ok();
    let before = written();
    let opened = open()?;
    if written() != before {
        let copy = copy.display();
        let detail = format!("{CARRIED_OVER}: {copy} is the file of before, with people's data");
        say(Level::Info, &detail, None);
    }
    Ok(opened)
}

const CARRIED_OVER: &str = "the file was carried over from a build before (docs/serve.md, Go back)";

fn report(state: Result<(), &RosterError>) {
    match state {
        Err(roster_error) => say(Level::Error, FAILS, Some(roster_error.text())),
        Ok(()) => say(Level::Info, WORKS, None),
    }
}

/// Logs a line regardless of `LOG_LEVEL`: the begin of a failure and its end are of use only
/// together.
fn say(level: Level, detail: &str, cause: Option<&str>) {
    let mut line = json!({"level": level, "message": "roster", "detail": detail});
    if let (Some(line), Some(cause)) = (line.as_object_mut(), cause) {
        line.insert("cause".to_owned(), cause.into());
    }
    lines::log(&line.to_string());
}

/// The permission bits of the file, if others than its owner may read or write it.
#[cfg(unix)]
fn wide_mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

#[cfg(not(unix))]
const fn wide_mode(_: &Path) -> Option<u32> {
    None
}

/// Keeps the process alive at the file size limit (`ulimit -f`). SIGXFSZ would end it; with a
/// handler, the write fails as on a full disk and is retried in the same way.
#[cfg(unix)]
fn outlive_limits() {
    use tokio::signal::unix::{SignalKind, signal};
    // If the handler cannot be set, the default remains.
    let _listening = signal(SignalKind::from_raw(SIGXFSZ));
}

#[cfg(not(unix))]
const fn outlive_limits() {}

/// SIGXFSZ on Linux and macOS, on all processors but MIPS (signal(7)).
#[cfg(unix)]
const SIGXFSZ: i32 = 25;

const FAILS: &str = "the roster's file cannot be written, and nothing that would have to be in it is \
    answered well; free some room, or see to the disk: it is tried again by itself";

const WORKS: &str = "the roster's file is written again";

const WIDE: &str = "others than the owner of the roster's file may read or write it, and it is about \
    people: chmod 600 it, unless that is meant";
