//! The developer's verbs: `cargo xtask launch`, `cargo xtask test` and the smaller ones they are made of.
//!
//! Everything here runs on a machine with Rust, Node and a C compiler and nothing else, so dependencies stay few (this crate is compiled
//! before anything useful happens). It must never ship in a release and no other crate may depend on it.

mod apt;
mod bench;
mod checks;
mod docker;
mod fleet;
mod launch;
mod page;
mod progress;
mod shell;
mod shots;
mod sizes;
mod source;
mod suite;
mod test;
mod tidy;
mod tools;
mod wasm_target;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The developer's verbs.
#[derive(Parser)]
#[command(name = "cargo xtask", about)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Set everything up, build the page and the binary, and start Scope on this machine.
    Launch {
        /// Build everything but do not start.
        #[arg(long)]
        build_only: bool,
        /// Arguments for `scope launch`.
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Every check there is: formatting, lints, unit, golden, Docker and browser tests. What CI runs.
    Test {
        /// Run only the steps whose name contains one of these words, e.g. `clippy` or `browser`.
        only: Vec<String>,
        /// Name the steps and stop.
        #[arg(long)]
        list: bool,
    },
    /// The quick checks: formatting, lints, unit tests, tidy. Needs a Docker engine, but no browser.
    Check,
    /// House rules that no compiler knows: module documentation, file sizes, who may name the browser.
    Tidy,
    /// Build the page into `dist/`, if anything it is made of has changed.
    Page {
        /// Build even if nothing has changed.
        #[arg(long)]
        force: bool,
    },
    /// Find anew what the page can leave for later, by watching a browser start (`app/web/later.txt`; two minutes). For when a test says so.
    Parts,
    /// Print the size of every file of the page, as it is and compressed, against the budget.
    Sizes,
    /// Take pictures of every screen into `docs/pictures`.
    Shots,
    /// Run the benchmarks that `docs/performance.md` quotes.
    Bench {
        /// Run only benchmarks of these packages or names; `map 1000 5000` draws maps of so many nodes in a browser.
        only: Vec<String>,
    },
    /// Simulated probes and viewers against a real server: CPU, memory, bytes, delays; `--soak 30m` for a long run.
    #[command(disable_help_flag = true)]
    Fleet {
        /// Cells such as 50x10, and flags of the fleet; `--help` shows them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().verb {
        Verb::Launch { build_only, args } => launch::run(build_only, &args),
        Verb::Test { only, list } => test::run(&only, list),
        Verb::Check => test::quick(),
        Verb::Tidy => tidy::run(),
        Verb::Page { force } => page::run(force),
        Verb::Parts => page::find_parts(),
        Verb::Sizes => sizes::run(),
        Verb::Shots => shots::run(),
        Verb::Bench { only } => bench::run_benches(&only),
        Verb::Fleet { args } => fleet::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
