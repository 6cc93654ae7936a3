//! The steps that need no browser: formatting, lints for both worlds, unit tests, and what the server may link.

use std::process::Command;

use anyhow::{Result, bail};

use crate::progress::Board;
use crate::shell::{cargo, command, output, root};
use crate::suite::{Counts, Suite, check, tests};
use crate::{apt, docker, tidy, wasm_target};

/// The step that runs the tests of every crate.
pub const UNIT: &str = "unit tests";

/// Features whose tests need more than a compiler; their own steps turn them on.
const END_TO_END: &str = "scope-tests";

/// `cargo fmt --check`.
pub fn format() -> Result<Counts> {
    check(cargo(&["fmt", "--all", "--check"]))
}

/// House rules.
pub fn house_rules() -> Result<Counts> {
    tidy::run()?;
    Ok(Counts::ONE)
}

/// Lints of everything that runs on a machine, warnings refused.
pub fn clippy_native() -> Result<Counts> {
    check(cargo(&[
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--quiet",
        "--",
        "-D",
        "warnings",
    ]))
}

/// Lints of what runs in a browser, with a configuration that also refuses what a browser lacks.
pub fn clippy_wasm() -> Result<Counts> {
    {
        let (board, _drawer) = Board::start();
        wasm_target::ensure(&board)?;
    }
    let target = ["--target", "wasm32-unknown-unknown", "--no-default-features"];
    let mut clippy = cargo(&["clippy", "--locked", "--quiet", "--package", "scope-app", "--lib", "--bin", "page"]);
    clippy.args(target).args(["--", "-D", "warnings"]);
    clippy.env("CLIPPY_CONF_DIR", root().join("xtask/clippy-wasm"));
    check(clippy)
}

/// Unit, property and golden tests of every crate, with nextest where it is installed.
pub fn unit_tests() -> Result<Counts> {
    apt::ensure(&apt::KUBERNETES)?;
    apt::ensure_helm()?;
    // The probe's tests look at a real engine. In a whole run one is there already.
    let _engine = docker::ensure()?;
    let (mut run, nextest) = runner();
    run.args(["--locked", "--workspace", "--exclude", END_TO_END]);
    run.args(if nextest {
        ["--no-fail-fast", "--no-tests=pass"].as_slice()
    } else {
        ["--no-fail-fast"].as_slice()
    });
    tests(run)
}

/// Examples in documentation, which nextest does not run.
pub fn documentation_tests() -> Result<Counts> {
    tests(cargo(&["test", "--locked", "--doc", "--quiet", "--package", "scope-shared"]))
}

/// The runner of tests and whether it is nextest.
pub fn runner() -> (Command, bool) {
    let mut ask = command("cargo-nextest");
    ask.args(["nextest", "--version"]);
    if output(ask).is_ok() {
        (cargo(&["nextest", "run"]), true)
    } else {
        (cargo(&["test"]), false)
    }
}

/// The server must be unable to decode a report: without the embedded probe, nothing it links may be built with the report model.
pub fn server_links_no_report_model() -> Result<Counts> {
    let tree = |format| {
        let options = [
            "tree",
            "--locked",
            "--package",
            "scope-server",
            "--no-default-features",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
        ];
        let mut tree = cargo(&options);
        tree.args(["--format", format]);
        output(tree)
    };
    for package in tree("{p}|{f}")?.lines() {
        let (name, features) = package.split_once('|').unwrap_or((package, ""));
        let name = name.split_whitespace().next().unwrap_or_default();
        if ["scope-probe", "scope-app"].contains(&name) {
            bail!("the server without its probe links {name}");
        }
        if name == "scope-shared" && features.split(',').any(|feature| feature.trim_end_matches(" (*)") == "report") {
            bail!("the server links scope-shared with its feature `report`: it could decode reports");
        }
    }
    println!("scope-server --no-default-features: scope-shared comes without the feature `report`");
    Ok(Counts::ONE)
}

/// The steps that need no browser.
pub fn quick(suite: &mut Suite, wanted: &dyn Fn(&str) -> bool) {
    for (name, work) in QUICK {
        if wanted(name) {
            suite.step(name, work);
        }
    }
}

type Work = fn() -> Result<Counts>;

/// Name and work of each quick step, in order.
pub const QUICK: [(&str, Work); 7] = [
    ("format", format),
    ("house rules", house_rules),
    ("server links no reports", server_links_no_report_model),
    (UNIT, unit_tests),
    ("documentation tests", documentation_tests),
    ("clippy native", clippy_native),
    ("clippy wasm", clippy_wasm),
];
