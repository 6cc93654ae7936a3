//! `cargo xtask shots`: pictures of every screen, for the documentation and for looking at.

use anyhow::Result;

use crate::progress::Board;
use crate::shell::{cargo, root, run as run_command, target_dir};
use crate::{apt, page};

/// Feeds the recorded reports to a real server and photographs the page.
pub fn run() -> Result<()> {
    apt::ensure(&apt::BROWSER)?;
    {
        let (board, _drawer) = Board::start();
        page::build_if_needed(&board)?;
    }
    run_command(cargo(&["build", "--locked", "--package", "scope-server", "--bin", "scope"]))?;
    let mut shots = cargo(&["run", "--locked", "--quiet", "--package", "scope-tests", "--bin", "shots", "--"]);
    shots
        .arg(root().join("docs/pictures"))
        .env("SCOPE_BIN", target_dir().join("debug/scope"));
    run_command(shots)
}
