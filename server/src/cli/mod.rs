//! The command line: `scope launch`, `scope server`, `scope probe` and the small verbs around them.
//!
//! Every `--help` is written to be read by a person who has not seen Scope before. Each flag has an environment variable beside it.

mod announce;
#[cfg(feature = "probe")]
mod doctor;
#[cfg(feature = "probe")]
mod launch;
#[cfg(feature = "probe")]
mod probe;
mod serve;
mod signals;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::ops::LogArgs;
use crate::page::Page;

/// A live map of what runs on your machines and who talks to whom.
#[derive(Debug, Parser)]
#[command(
    name = "scope",
    version,
    about,
    long_about = "A live map of what runs on your machines and who talks to whom: hosts, containers, processes, and the connections between \
                  them.\n\nA probe on each machine reports what it sees to a server; the server hands the reports to the page in your \
                  browser, which draws the map and lets you act on what you see.",
    after_help = "Start with `scope launch`, then open the address it prints.",
    max_term_width = 100,
    disable_help_subcommand = false
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    logs: LogArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run server and probe in one process: a map of this machine.
    #[cfg(feature = "probe")]
    Launch(Box<launch::LaunchArgs>),
    /// Run the server that probes report to and browsers connect to.
    Server(Box<serve::ServeArgs>),
    /// Run a probe that reports this machine to one or more servers.
    #[cfg(feature = "probe")]
    Probe(Box<probe::ProbeArgs>),
    /// Say what a probe can see on this machine, what it cannot, and what to do about it.
    #[cfg(feature = "probe")]
    Doctor(Box<doctor::DoctorArgs>),
    /// End the shells of a probe that was killed; started by the probe itself.
    #[cfg(feature = "probe")]
    #[command(hide = true)]
    Guard,
}

/// Runs the command that the process was started with; a server shows `page`.
#[must_use]
pub fn main(page: Page) -> ExitCode {
    let cli = Cli::parse();
    match run(cli, page) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scope: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli, page: Page) -> anyhow::Result<()> {
    cli.logs.start()?;
    let runtime = match cli.command {
        #[cfg(feature = "probe")]
        Command::Probe(_) => scope_probe::runtime()?,
        _ => tokio::runtime::Builder::new_multi_thread().enable_all().build()?,
    };
    let outcome = runtime.block_on(async {
        match cli.command {
            #[cfg(feature = "probe")]
            Command::Launch(args) => launch::run(*args, page).await,
            Command::Server(args) => serve::run(*args, page).await,
            #[cfg(feature = "probe")]
            Command::Probe(args) => probe::run(*args).await,
            #[cfg(feature = "probe")]
            Command::Doctor(args) => doctor::run(*args).await,
            #[cfg(feature = "probe")]
            Command::Guard => Ok(scope_probe::guard::stand().await?),
        }
    });
    // A probe's scan may be in the middle of a blocking read; nothing it could still do is worth waiting for.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn no_two_flags_of_a_command_collide() {
        Cli::command().debug_assert();
    }
}
