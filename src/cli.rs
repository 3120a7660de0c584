//! The command line: the same core as the function, without Lambda.

pub mod demo;
pub mod local;
pub mod serve;
pub mod settings;
pub mod sign;
pub mod standin;
pub mod story;

use std::error::Error;
use std::time::SystemTime;

use clap::{Parser, Subcommand};

/// Keeps Amazon Connect users in step with an identity provider.
///
/// The function itself is the program `bootstrap`, which Lambda starts. This one shows it at work
/// and serves what its tests need; it touches no AWS account.
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
    /// Serve the function on a port of this machine until interrupted
    ///
    /// The same handler as in Lambda, behind plain HTTP, with the stand-in for Amazon Connect inside.
    /// Prints where it listens, and the demo's secrets; settings are read from the environment. Each
    /// event's log line goes to standard error.
    Serve(serve::Arguments),
    /// Print a story as its sender would send it, signed just now
    ///
    /// Signs with the key in `HOOK_<SOURCE>_SECRET`, or with the one that `HOOK_<SOURCE>_SECRET_ARN`
    /// names, or without any `HOOK_` variable with the demo's. A signature is believed for five
    /// minutes.
    Sign(sign::Arguments),
    /// Serve the stand-in for Amazon Connect until interrupted
    ///
    /// Prints one JSON line: endpoint, instanceArn, and routingProfiles, securityProfiles and
    /// hierarchyGroups as name to id. Point any AWS SDK at the endpoint by
    /// `AWS_ENDPOINT_URL_CONNECT`. While it runs, GET /_standin shows its users and the calls
    /// counted, and PUT /_standin makes it fail on purpose.
    Standin(standin::Arguments),
}

impl Cli {
    /// Does what was asked for.
    ///
    /// # Errors
    /// Whatever kept it from being done, in words for the person who asked.
    pub async fn run(self) -> Result<(), Box<dyn Error>> {
        match self.command {
            Command::Demo => demo::run(&mut std::io::stdout().lock()).await,
            Command::Serve(arguments) => serve::run(arguments).await,
            Command::Sign(arguments) => sign::run(arguments).await,
            Command::Standin(arguments) => standin::run(arguments).await,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the outermost place: the clock is read here")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
