//! `cargo xtask test`: every check there is, in the order in which each is most likely to be the first to fail.
//!
//! Builds share one target folder: the binary under test and the unit tests are of the `dev` profile, the page is the one people get.

use std::path::PathBuf;

use anyhow::Result;

use crate::progress::Board;
use crate::shell::{cargo, command, logged, run as run_command, scratch, target_dir};
use crate::suite::{Counts, Suite, tests};
use crate::{apt, checks, docker, page, sizes};

const PAGE: &str = "page";
const SIZES: &str = "page size";
const ENGINE: &str = "docker engine";
const BROWSER: &str = "end to end";

/// Runs the steps whose name contains one of `only` (all, if there are none).
pub fn run(only: &[String], list: bool) -> Result<()> {
    let wanted = |name: &str| only.is_empty() || only.iter().any(|word| name.contains(word.as_str()));
    if list {
        let names = checks::QUICK.iter().map(|(name, _)| *name).chain([PAGE, SIZES, BROWSER]);
        names.filter(|name| wanted(name)).for_each(|name| println!("{name}"));
        return Ok(());
    }
    let mut suite = Suite::default();
    let mut engine = None;
    if wanted(checks::UNIT) || wanted(BROWSER) {
        suite.step(ENGINE, || {
            engine = Some(docker::ensure()?);
            Ok(Counts::ONE)
        });
    }
    checks::quick(&mut suite, &wanted);
    if wanted(PAGE) || wanted(BROWSER) {
        suite.step(PAGE, build_page);
    }
    if wanted(SIZES) {
        suite.step(SIZES, page_sizes);
    }
    if wanted(BROWSER) {
        end_to_end(&mut suite);
    }
    drop(engine);
    suite.finish()
}

/// `cargo xtask check`.
pub fn quick() -> Result<()> {
    let mut suite = Suite::default();
    checks::quick(&mut suite, &|_| true);
    suite.finish()
}

fn build_page() -> Result<Counts> {
    let (board, _drawer) = Board::start();
    page::build_if_needed(&board)?;
    Ok(Counts::ONE)
}

fn page_sizes() -> Result<Counts> {
    sizes::run()?;
    Ok(Counts::ONE)
}

/// The real binary, the real page in a real browser, a real Docker engine.
fn end_to_end(suite: &mut Suite) {
    suite.step(BROWSER, || {
        apt::ensure(&apt::BROWSER)?;
        ensure_axe()?;
        run_command(cargo(&["build", "--locked", "--package", "scope-server", "--bin", "scope"]))?;
        let (mut command, nextest) = checks::runner();
        command.args(["--locked", "--package", "scope-tests", "--all-features", "--no-fail-fast"]);
        // One at a time: each has a browser or an engine of its own to wait for. Errors tell what happened; where is of no use.
        command.args(if nextest {
            ["-j1"].as_slice()
        } else {
            ["--", "--test-threads=1"].as_slice()
        });
        command
            .env("SCOPE_AXE", axe())
            .env("RUST_BACKTRACE", "0")
            .env("SCOPE_BIN", target_dir().join("debug/scope"));
        tests(command)
    });
}

/// Where the accessibility checker goes: no part of the page, so it has no place among the page's packages.
const AXE: &str = "axe-core@4.10.3";

fn axe() -> PathBuf {
    target_dir().join("tools/axe/node_modules/axe-core/axe.min.js")
}

fn ensure_axe() -> Result<()> {
    if axe().is_file() {
        return Ok(());
    }
    let into = target_dir().join("tools/axe");
    std::fs::create_dir_all(&into)?;
    let mut npm = command("npm");
    npm.args(["install", "--no-save", "--no-audit", "--no-fund", "--prefix"])
        .arg(&into)
        .arg(AXE);
    logged(npm, &scratch("axe.log")?, |_| ())
}
