//! `cargo xtask launch`: from a bare machine to the map.
//!
//! Two lanes run side by side, because each alone leaves a core idle now and then: tools and page in one, the binary's dependencies in
//! the other. The binary embeds the page, so it is linked once, at the end, when the page is there: link-time optimisation takes minutes of
//! CPU time. A second start finds everything current and takes seconds.

use std::os::unix::process::CommandExt;
use std::thread;

use anyhow::{Context, Result, anyhow};

use crate::page;
use crate::progress::{Board, Step, with_bar};
use crate::shell::{cargo, command, logged, root, scratch, target_dir, which};
use crate::source::{fingerprint, is_fresh, remember};

/// What the binary is made of.
const INPUTS: [&str; 8] = ["server", "probe", "shared", "dist", "Cargo.toml", "Cargo.lock", ".cargo", "deploy"];

/// Sets everything up and starts Scope, unless `build_only`.
pub fn run(build_only: bool, arguments: &[String]) -> Result<()> {
    check_machine()?;
    prepare()?;
    let scope = target_dir().join("release/scope");
    if build_only {
        println!("built: {}", scope.display());
        return Ok(());
    }
    println!("starting `{} launch`; stop it with Ctrl-C", scope.display());
    let mut start = command(&scope.to_string_lossy());
    start.arg("launch").args(arguments);
    // Replaces this program: signals and the exit code are Scope's own from here on.
    Err(anyhow!(start.exec()).context("cannot start scope"))
}

fn check_machine() -> Result<()> {
    which("node").context(
        "Node.js is not installed; it fetches the terminal's package and shrinks the page (Debian: `apt-get install nodejs npm`)",
    )?;
    which("npm").context("npm is not installed (Debian: `apt-get install npm`)")?;
    which("cc").context("there is no C compiler; some dependencies need one (Debian: `apt-get install gcc libc6-dev`)")?;
    Ok(())
}

/// Builds whatever is not current.
fn prepare() -> Result<()> {
    let (board, _drawer) = Board::start();
    if page::is_current()? && binary_is_current()? {
        board.say("  ok  everything is built");
        return Ok(());
    }
    let page_is_current = page::is_current()?;
    if !page_is_current {
        board.say("Setting up. The first time takes some minutes, mostly for building Trunk and wasm-bindgen.");
        thread::scope(|scope| {
            let dependencies = scope.spawn(|| warm_dependencies(&board));
            let page = page::build_if_needed(&board);
            // The last step builds whatever this lane did not, so its failure needs no report of its own.
            dependencies
                .join()
                .map_err(|_| anyhow!("building the dependencies stopped in an unforeseen way"))?
                .unwrap_or_default();
            page
        })?;
    }
    let sources = fingerprint(&INPUTS)?;
    board.step("scope", "building the binary with the page inside", |step| {
        build(step, &["--bin", "scope"], "scope.log")
    })?;
    remember("scope", sources)
}

fn binary_is_current() -> Result<bool> {
    Ok(target_dir().join("release/scope").is_file() && is_fresh("scope", fingerprint(&INPUTS)?))
}

/// Compiles what the binary depends on while the page is being built. The probe is the largest part of it.
fn warm_dependencies(board: &Board) -> Result<()> {
    // The server embeds this folder, so it must be there even while it is empty.
    std::fs::create_dir_all(root().join("dist"))?;
    board.step("dependencies", "compiling what the binary is made of", |step| {
        build(step, &["--lib"], "dependencies.log")
    })
}

fn build(step: &Step, what: &[&str], log: &str) -> Result<()> {
    let mut build = cargo(&["build", "--release", "--locked", "--package", "scope-server"]);
    build.args(what);
    with_bar(&mut build);
    logged(build, &scratch(log)?, |piece| step.cargo_piece(piece))
}
