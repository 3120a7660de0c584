//! The processes: a stand-in and a `serve` in front of it, of either build; and scimmy under Node.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::load::TOKEN;

/// What scimmy is, and which.
const SCIMMY: &str = "scimmy@1.3.5";

/// A `connect-provisioner` to be measured.
pub(crate) struct Build {
    pub(crate) program: PathBuf,
    /// What plays Amazon Connect: ours for every build, so that it costs each the same.
    pub(crate) standin: PathBuf,
}

/// A process that listens, until dropped.
pub(crate) struct Server {
    process: Child,
    told: Value,
}

impl Server {
    /// Starts it, and takes its first line: a JSON document.
    fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("the program is there");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told = serde_json::from_str(&line);
        Self { process, told: told.expect("it says where it listens before it ends") }
    }

    fn text(&self, pointer: &str) -> &str {
        self.told.pointer(pointer).and_then(Value::as_str).unwrap()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.text("/url").strip_prefix("http://").unwrap().parse().unwrap()
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Mebibytes that it has in memory.
    pub(crate) fn memory(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A `serve` in front of a stand-in of its own.
pub(crate) struct House {
    pub(crate) serve: Server,
    standin: Server,
}

impl House {
    /// With its roster in a file, or in memory.
    pub(crate) fn open(build: &Build, roster: Option<&Path>) -> Self {
        let mut standin = Command::new(&build.standin);
        let standin =
            Server::start(standin.args(["standin", "--no-throttle", "--quota", "1000000"]));
        Self { serve: serve(build, roster, &standin), standin }
    }

    /// The same once more, on what the file has.
    pub(crate) fn reopen(self, build: &Build, roster: &Path) -> Self {
        let Self { serve: former, standin } = self;
        drop(former);
        Self { serve: serve(build, Some(roster), &standin), standin }
    }
}

fn serve(build: &Build, roster: Option<&Path>, standin: &Server) -> Server {
    let instance = standin.text("/instanceArn");
    let mut command = Command::new(&build.program);
    command.args(["serve", "--connect", "aws", "--listen", "127.0.0.1:0", "--json"]);
    match roster {
        Some(roster) => {
            command.arg("--roster").arg(roster);
        }
        // A build of before takes memory for granted, and knows no such word.
        None if knows_memory(build) => {
            command.arg("--memory");
        }
        None => {}
    }
    command.env_clear().envs([
        ("SCIM_TOKEN", TOKEN),
        ("CONNECT_INSTANCE", instance),
        ("AWS_REGION", instance.split(':').nth(3).unwrap()),
        ("ROUTING_PROFILE", standin.text("/routingProfiles/Basic Routing Profile")),
        ("SECURITY_PROFILES", standin.text("/securityProfiles/Agent")),
        ("DEACTIVATE", "suspend"),
        ("SUSPENDED_SECURITY_PROFILE", standin.text("/securityProfiles/No Access")),
        ("DEPLOYMENT", "bench"),
        ("CONNECT_RATE", "100"),
        ("AWS_ENDPOINT_URL_CONNECT", standin.text("/endpoint")),
        ("AWS_ACCESS_KEY_ID", "AKIDBENCH"),
        ("AWS_SECRET_ACCESS_KEY", "bench"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("HOME", "/nonexistent"),
    ]);
    Server::start(&mut command)
}

fn knows_memory(build: &Build) -> bool {
    let help = Command::new(&build.program).args(["serve", "--help"]).output();
    help.is_ok_and(|help| String::from_utf8_lossy(&help.stdout).contains("--memory"))
}

/// scimmy behind a plain server of Node's, in `folder`; `None`, and why, where there is none.
pub(crate) fn scimmy(folder: &Path) -> Result<Server, String> {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/scimmy/server.mjs");
    fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    if !folder.join("node_modules/scimmy").is_dir() {
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--save-exact"]);
        let installed = npm.arg(SCIMMY).arg("--prefix").arg(folder).output();
        let installed = installed.map_err(|error| format!("npm: {error}"))?;
        if !installed.status.success() {
            return Err(format!("npm could not install {SCIMMY}"));
        }
    }
    let copy = folder.join("server.mjs");
    fs::copy(ours, &copy).map_err(|error| error.to_string())?;
    Command::new("node").arg("--version").output().map_err(|error| format!("node: {error}"))?;
    Ok(Server::start(Command::new("node").arg(copy).env("SCIM_TOKEN", TOKEN)))
}

/// Counts what a process asks the disk to keep, until it is told to stop.
pub(crate) struct Syncs {
    strace: Child,
    told: PathBuf,
}

impl Syncs {
    /// `None` where there is no strace, or it may not look.
    pub(crate) fn start(process: u32, folder: &Path) -> Option<Self> {
        let told = folder.join("syncs");
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-e", "trace=fsync,fdatasync,msync,sync_file_range", "-o"]);
        strace.arg(&told).arg("-p").arg(process.to_string());
        let strace = strace.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        std::thread::sleep(std::time::Duration::from_millis(500));
        let mut syncs = Self { strace, told };
        syncs.strace.try_wait().ok()?.is_none().then_some(syncs)
    }

    pub(crate) fn stop(mut self) -> usize {
        // It lets go of the process when it is asked to end, and not when it is killed.
        let id = self.strace.id().to_string();
        drop(Command::new("kill").args(["-INT", &id]).status());
        drop(self.strace.wait());
        let told = fs::read_to_string(&self.told).unwrap_or_default();
        // A call that another thread's interrupts is two lines: one says "unfinished", one "resumed".
        told.lines().filter(|line| line.contains("sync") && !line.contains("resumed")).count()
    }
}
