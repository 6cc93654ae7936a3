//! `cargo xtask fleet`: builds the server and the fleet as people get them, and hands its arguments on.
//!
//! What is simulated and measured is the business of `tests/fleet`, not of this file.

use anyhow::Result;

use crate::shell::{cargo, command, run as run_command, target_dir};

/// Builds and runs; `cargo xtask fleet --help` shows the fleet's own help.
pub fn run(arguments: &[String]) -> Result<()> {
    run_command(cargo(&[
        "build",
        "--release",
        "--locked",
        "--package",
        "scope-server",
        "--bin",
        "scope",
        "--package",
        "scope-fleet",
        "--bin",
        "fleet",
    ]))?;
    let release = target_dir().join("release");
    let mut fleet = command(&release.join("fleet").to_string_lossy());
    fleet
        .args(arguments)
        .env("SCOPE_BIN", release.join("scope"))
        .env("SCOPE_FLEET_LOG", target_dir().join("fleet-server.log"));
    run_command(fleet)
}
