//! The command line: the same core as in Lambda, run locally.

pub mod demo;
pub mod docs;
pub mod doctor;
mod drain;
mod lines;
pub mod local;
mod operator;
pub mod parked;
pub mod plan;
mod roster;
pub mod serve;
pub mod settings;
pub mod sign;
pub mod standin;
pub mod story;
pub mod table;

use std::error::Error;
use std::fmt::{self, Display};
use std::io::{self, Write as _};
use std::time::SystemTime;

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::{Shell, generate};
use tokio::runtime::{Builder, Runtime};

/// Keeps Amazon Connect users in step with an identity provider.
///
/// The function itself is the program `bootstrap`, which Lambda starts. This one shows it at work,
/// serves it on a machine of yours, and looks after its settings. Only `serve --connect aws`, `doctor --online`
/// and `sign` with a stored secret speak to AWS.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show signed events becoming Amazon Connect users
    ///
    /// Everything runs in this process: the Lambda handler, the AWS SDK with its signing, retrying
    /// and error parsing, and the stand-in for Amazon Connect on a loopback port. No AWS account,
    /// Docker or network is needed.
    Demo,
    /// Serve the function on a port of this machine until interrupted or terminated
    ///
    /// The same handler as in Lambda, behind plain HTTP, with a roster, which Connect follows: with
    /// the stand-in for Amazon Connect inside, to try it; or in production by `--connect aws --roster
    /// FILE`, behind a proxy that speaks TLS. Prints where it listens, and the demo's secrets; settings
    /// are read from the environment. Each event's log line goes to standard error, and one for each
    /// time that Connect was made to follow what it could not at once. The operator's door is a
    /// listener of its own: `parked` finds it, and metrics are there.
    Serve(serve::Arguments),
    /// Show who waits for you in a roster, and set them going again
    ///
    /// A record is parked when somebody must act before Connect can follow: its fault says who, and
    /// its detail what to do. Asks a running `serve` by its operator's door, or reads the roster's file
    /// while nobody has it open.
    Parked(parked::Arguments),
    /// Stop everything in Amazon Connect but farewells, until `resume`
    ///
    /// For when the identity provider sends what it should not. Whatever it sends is accepted, kept and
    /// shown as pending; whoever leaves is suspended, also where leavers are removed; joins, changes and
    /// removals wait.
    Pause(OperatorArguments),
    /// End what `pause` began: what waited is followed
    Resume(OperatorArguments),
    /// Take people's power and sessions at once, within no limit, and say what was done
    ///
    /// Their users are suspended, also where leavers are removed or kept. `readmit` undoes it. The
    /// identity provider is not told: whoever is active there may be let in again by it.
    ShutOut(PeopleArguments),
    /// Let people in again whom `shut-out` shut out, or whose farewell was another person's
    Readmit(PeopleArguments),
    /// Print a story as its sender would send it, signed just now
    ///
    /// Signs with the key in `HOOK_<SOURCE>_SECRET`, or with the one that `HOOK_<SOURCE>_SECRET_ARN`
    /// names, or without any `HOOK_` variable with the demo's. A signature is believed for five
    /// minutes.
    Sign(sign::Arguments),
    /// Print the exact CreateUser request that a story would lead to, touching nothing
    ///
    /// Says which attribute or setting gave each member, or why there is nothing to send. Settings
    /// are read from the environment; without any, the demo's. With settings of a roster it says what
    /// the roster makes of it. The exit status is 0 if nothing would be refused.
    Plan(plan::Arguments),
    /// Say what is wrong with the settings, and what to do about it
    ///
    /// Reads the environment as the function would. The exit status is 0 if nothing keeps the
    /// function from working.
    Doctor(doctor::Arguments),
    /// Write the tables of the documentation from the rows of the code
    ///
    /// For whoever changes this program. Of each page in DIR what stands between `<!-- table:NAME -->`
    /// and `<!-- /table -->` is written anew.
    Docs(docs::Arguments),
    /// Make the table of a roster
    Roster(roster::Arguments),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Serve the stand-in for Amazon Connect until interrupted
    ///
    /// Prints one JSON line: endpoint, instanceArn, and routingProfiles, securityProfiles and
    /// hierarchyGroups as name to id. Point any AWS SDK at the endpoint by
    /// `AWS_ENDPOINT_URL_CONNECT`. While it runs, GET /_standin shows its users and the calls
    /// counted, and PUT /_standin makes it fail on purpose.
    Standin(standin::Arguments),
}

#[derive(Args, Clone, Debug)]
struct OperatorArguments {
    #[command(flatten)]
    place: parked::Place,
}

#[derive(Args, Clone, Debug)]
struct PeopleArguments {
    #[command(flatten)]
    people: parked::People,
    #[command(flatten)]
    wait: parked::Wait,
    #[command(flatten)]
    place: parked::Place,
}

impl Cli {
    /// The runtime for this command: two threads for `serve`, so that a slow request does not block
    /// others; otherwise the current thread.
    ///
    /// # Errors
    /// If the operating system cannot provide it.
    pub fn runtime(&self) -> io::Result<Runtime> {
        let mut builder = match self.command {
            Command::Serve(_) => Builder::new_multi_thread(),
            _ => Builder::new_current_thread(),
        };
        builder.worker_threads(2).enable_all().build()
    }

    /// Runs the command.
    ///
    /// # Errors
    /// Any failure, in words for the user.
    pub async fn run(self) -> Result<(), Box<dyn Error>> {
        match self.command {
            Command::Demo => demo::run(&mut io::stdout().lock()).await,
            Command::Serve(arguments) => serve::run(arguments).await,
            Command::Parked(arguments) => parked::run(arguments).await,
            Command::Pause(arguments) => parked::pause(&arguments.place, true).await,
            Command::Resume(arguments) => parked::pause(&arguments.place, false).await,
            Command::ShutOut(told) => parked::shut_out(&told.place, told.people, &told.wait).await,
            Command::Readmit(told) => parked::readmit(&told.place, told.people, &told.wait).await,
            Command::Sign(arguments) => sign::run(arguments).await,
            Command::Plan(arguments) => plan::run(arguments).await,
            Command::Doctor(arguments) => doctor::run(arguments).await,
            Command::Docs(arguments) => docs::run(&arguments),
            Command::Roster(arguments) => roster::run(arguments).await,
            Command::Completions { shell } => completions(shell),
            Command::Standin(arguments) => standin::run(arguments).await,
        }
    }
}

/// An exit with a status of its own, and a message if any.
#[derive(Debug)]
pub struct Exit {
    /// The exit status.
    pub status: u8,
    /// The message for standard error.
    pub says: Option<String>,
}

impl Display for Exit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.says.as_deref().unwrap_or_default())
    }
}

impl Error for Exit {}

/// Prints a line to standard output; a closed pipe is an error and not a panic.
fn say(line: impl Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}

/// Prints a completion script. In bash's, the labels split the program's name at its hyphen and the
/// look-up does not (clap issue 6421), so the labels are corrected.
fn completions(shell: Shell) -> Result<(), Box<dyn Error>> {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "connect-provisioner", &mut script);
    let script = String::from_utf8(script)?;
    Ok(say(script.replace("connect__subcmd__provisioner", "connect__provisioner").trim_end())?)
}

#[expect(clippy::disallowed_methods, reason = "the outermost place: the clock is read here")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
