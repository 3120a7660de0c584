//! The Lambda function `bootstrap`: configuration, clients, then one event after the other.

use std::process::ExitCode;

use connect_provisioner::{config, lambda, log};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let environment = config::of_process();
    let setup = match lambda::configure(&environment) {
        Ok(setup) => setup,
        Err(problems) => {
            eprintln!("{}", log::startup_line(&problems));
            drop(lambda::report(&problems, &environment).await);
            return ExitCode::FAILURE;
        }
    };
    if !setup.config.warnings.is_empty() {
        eprintln!("{}", log::warning_line(&setup.config.warnings));
    }
    match lambda::run(setup).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => {
            eprintln!("{}", log::runtime_line());
            ExitCode::FAILURE
        }
    }
}
