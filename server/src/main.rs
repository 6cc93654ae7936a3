//! The `scope` command. Everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    scope_server::cli::main()
}
