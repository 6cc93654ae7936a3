//! The `scope` command. Everything it does is in the library; the page's files are here, so that a new page is compiled in within seconds.

use std::process::ExitCode;

use rust_embed::Embed;
use scope_server::Page;

/// What Trunk made (debug builds read it when it is asked for). `app/web/finish.mjs` has Cargo notice that it changed.
#[derive(Embed)]
#[folder = "../dist"]
#[allow_missing = true]
struct Dist;

fn main() -> ExitCode {
    scope_server::cli::main(Page(Dist::get))
}
