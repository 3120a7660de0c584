//! The address file of a running `serve`: the URL of its admin endpoint, and the token.
//!
//! ```json
//! {"door": "http://127.0.0.1:40123", "token": "…", "serves": "http://127.0.0.1:8787"}
//! ```
//! Its path contains the port of the `serve`: `connect-provisioner-<uid>/<port>.json` under
//! `XDG_RUNTIME_DIR`, or under the directory for temporary files. The directory has mode 0700, the
//! file 0600.
//! file of 0600.

use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::Environment;

/// The content of the file.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Address {
    /// The URL of the admin endpoint.
    pub(super) door: String,
    /// The bearer token of the admin endpoint.
    pub(super) token: String,
    /// The URL of the `serve`.
    pub(super) serves: String,
}

/// A written address file; dropping it removes the file.
pub(super) struct Published {
    path: PathBuf,
    token: String,
}

/// The path of the file for a `serve` on this port.
pub(super) fn place(environment: &Environment, port: u16) -> PathBuf {
    let set = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    let directory = set("XDG_RUNTIME_DIR").or_else(|| set("TMPDIR"));
    let directory = directory.map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
    let user = user(environment).map_or_else(|| "0".to_owned(), |user| user.to_string());
    directory.join(format!("connect-provisioner-{user}")).join(format!("{port}.json"))
}

/// Writes the file, replacing one of an earlier process.
///
/// # Errors
/// If the directory belongs to another user or is open to others, who could then change the file.
pub(super) fn publish(path: &Path, address: &Address) -> Result<Published, String> {
    let directory = path.parent().unwrap_or(path);
    let text = serde_json::to_string(address).unwrap_or_default();
    let unusable = |problem: &str| {
        let directory = directory.display();
        format!(
            "{directory}: {problem}; the operator's token is kept there: set XDG_RUNTIME_DIR to a \
             directory of your own"
        )
    };
    let failed = |error: io::Error| unusable(&error.to_string());
    make_private(directory).map_err(failed)?;
    let beside = directory.join(format!(".{}.tmp", std::process::id()));
    let _leftover = fs::remove_file(&beside);
    // Fails if anything exists at this path, even a link.
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside).map_err(failed)?;
    let ours = file.metadata().map_err(failed)?;
    let held = fs::symlink_metadata(directory).map_err(failed)?;
    if !is_private(&held) || !have_one_owner(&ours, &held) {
        let _ours = fs::remove_file(&beside);
        return Err(unusable("expected a directory that is yours and closed to others"));
    }
    let written = file.write_all(text.as_bytes()).and_then(|()| fs::rename(&beside, path));
    written.map_err(failed)?;
    Ok(Published { path: path.to_owned(), token: address.token.clone() })
}

/// Reads the file of the `serve` on this port.
///
/// # Errors
/// If there is none, or its directory belongs to another user.
pub(super) fn find(environment: &Environment, port: u16) -> Result<Address, String> {
    let path = place(environment, port);
    let address = read(&path)?;
    let is_ours = path.parent().is_some_and(|directory| belongs_to(directory, user(environment)));
    if is_ours { Ok(address) } else { Err(format!("{}: it is somebody else's", path.display())) }
}

/// Reads an address file.
///
/// # Errors
/// If it does not exist, or others may write to its directory.
pub(super) fn read(path: &Path) -> Result<Address, String> {
    let shown = path.display();
    let directory = path.parent().unwrap_or(path);
    let text = fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
    let held = fs::symlink_metadata(directory).map_err(|error| format!("{shown}: {error}"))?;
    let file = fs::symlink_metadata(path).map_err(|error| format!("{shown}: {error}"))?;
    if !is_private(&held) || !have_one_owner(&file, &held) || !file.is_file() {
        return Err(format!("{shown}: expected a file in a directory that is closed to others"));
    }
    serde_json::from_str(&text).map_err(|_| format!("{shown}: expected a serve's address"))
}

impl Published {
    /// The path of the file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Published {
    /// Removes the file, unless it is of another `serve` by now: one on the same port of another
    /// address.
    fn drop(&mut self) {
        if read(&self.path).is_ok_and(|address| address.token == self.token) {
            let _gone = fs::remove_file(&self.path);
        }
    }
}

fn make_private(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// True for a directory (not a link) that is closed to others.
fn is_private(directory: &Metadata) -> bool {
    #[cfg(unix)]
    let is_closed = std::os::unix::fs::PermissionsExt::mode(&directory.permissions()) & 0o077 == 0;
    #[cfg(not(unix))]
    let is_closed = true;
    directory.is_dir() && is_closed
}

#[cfg(unix)]
fn have_one_owner(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    one.uid() == other.uid()
}

#[cfg(not(unix))]
const fn have_one_owner(_: &Metadata, _: &Metadata) -> bool {
    true
}

#[cfg(unix)]
fn belongs_to(directory: &Path, user: Option<u32>) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let held = fs::symlink_metadata(directory);
    user.is_none_or(|user| held.is_ok_and(|held| held.uid() == user))
}

#[cfg(not(unix))]
const fn belongs_to(_: &Path, _: Option<u32>) -> bool {
    true
}

/// The user id of this process.
#[cfg(unix)]
fn user(environment: &Environment) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    let home = environment.get("HOME").map_or("/", String::as_str);
    fs::metadata("/proc/self").or_else(|_| fs::metadata(home)).ok().map(|owned| owned.uid())
}

#[cfg(not(unix))]
const fn user(_: &Environment) -> Option<u32> {
    None
}
