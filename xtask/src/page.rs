//! Builds the page and its worker, one WebAssembly program, through Trunk, into `dist/`.

use anyhow::Result;

use crate::apt;
use crate::progress::{Board, Step, with_bar};
use crate::shell::{cargo, command, logged, root, scratch, target_dir};
use crate::source::{fingerprint, is_fresh, remember};
use crate::tools::{TRUNK, WASM_BINDGEN, ensure, forget_build_directory};
use crate::wasm_target;

/// What the page is made of.
const INPUTS: [&str; 7] = ["app", "shared", "index.html", "Trunk.toml", "Cargo.toml", "Cargo.lock", ".cargo"];

/// `cargo xtask page`.
pub fn run(force: bool) -> Result<()> {
    let (board, _drawer) = Board::start();
    if is_current()? && !force {
        board.say("dist/ is up to date");
        return Ok(());
    }
    ensure_tools(&board)?;
    build(&board)
}

/// `cargo xtask parts`: writes the list that `app/web/split.mjs` goes by, and builds the page by it.
pub fn find_parts() -> Result<()> {
    apt::ensure(&apt::BROWSER)?;
    let (board, _drawer) = Board::start();
    ensure_tools(&board)?;
    board.step("scope", "building a server for the page to start from", |step| {
        let mut build = cargo(&["build", "--locked", "--package", "scope-server", "--bin", "scope"]);
        with_bar(&mut build);
        logged(build, &scratch("scope-debug.log")?, |piece| step.cargo_piece(piece))
    })?;
    board.step("parts", "building a page that notes what runs, and watching it start", |_| {
        let folder = root().join("app/bench-page");
        let log = scratch("parts.log")?;
        let mut npm = command("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--prefix"]).arg(&folder);
        logged(npm, &log, |_| ())?;
        let mut node = command("node");
        node.arg(folder.join("parts.mjs"));
        node.env("SCOPE_BIN", target_dir().join("debug/scope")).env("RUST_BACKTRACE", "0");
        node.env_remove("NO_COLOR");
        logged(node, &log, |_| ())
    })?;
    build_if_needed(&board)
}

/// What building the page needs beyond Rust and Node.
pub fn ensure_tools(board: &Board) -> Result<()> {
    wasm_target::ensure(board)?;
    ensure(&TRUNK, board)?;
    ensure(&WASM_BINDGEN, board)?;
    forget_build_directory()
}

/// Whether `dist/` was built from the sources as they are.
pub fn is_current() -> Result<bool> {
    Ok(root().join("dist/index.html").is_file() && is_fresh("page", fingerprint(&INPUTS)?))
}

/// Builds, unless it is current.
pub fn build_if_needed(board: &Board) -> Result<()> {
    if is_current()? {
        return Ok(());
    }
    ensure_tools(board)?;
    build(board)
}

fn build(board: &Board) -> Result<()> {
    // Taken first: what changes during the build is not in it.
    let sources = fingerprint(&INPUTS)?;
    // Trunk below is offline and takes Cargo with it.
    board.step("crates", "fetching what the registry has to give", |_| {
        logged(cargo(&["fetch", "--locked"]), &scratch("fetch.log")?, |_| ())
    })?;
    board.step(
        "page",
        "building it with Trunk into dist/ (npm packages, one WebAssembly program)",
        trunk,
    )?;
    remember("page", sources)
}

fn trunk(step: &Step) -> Result<()> {
    let mut trunk = command("trunk");
    // Offline: the tools are there at their versions, so nothing may be downloaded behind our back. The npm packages come through the
    // build's own hook, from the registry, pinned by their lock file.
    trunk.args(["build", "--release", "--offline"]);
    // Trunk takes only true and false here, and people set NO_COLOR=1.
    trunk.env_remove("NO_COLOR").env("RUST_BACKTRACE", "0");
    with_bar(&mut trunk);
    let mut complaints = Vec::new();
    let built = logged(trunk, &scratch("page.log")?, |piece| {
        step.cargo_piece(piece);
        // Trunk prints a page of its own after the compiler's complaint.
        if piece.starts_with("error") && complaints.len() < 20 {
            complaints.push(piece.to_owned());
        }
    });
    built.map_err(|error| {
        if complaints.is_empty() {
            error
        } else {
            error.context(complaints.join("\n"))
        }
    })
}
