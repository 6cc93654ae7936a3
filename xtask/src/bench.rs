//! `cargo xtask bench`: the commands behind the figures of `docs/performance.md`.

use anyhow::Result;

use crate::progress::Board;
use crate::shell::{cargo, command, logged, root, run, scratch};
use crate::{apt, page};

/// Packages with Criterion benchmarks.
const PACKAGES: [&str; 4] = ["scope-shared", "scope-app", "scope-probe", "scope-server"];
/// The word for the drawing of the map in a browser, which no Criterion measures.
const MAP: &str = "map";

/// Runs the benchmarks of the packages named in `only`, and others filtered by the remaining words; `map` draws maps of so many nodes in a
/// browser, beside others.
pub fn run_benches(only: &[String]) -> Result<()> {
    if let Some((MAP, sizes)) = only.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return drawing(sizes);
    }
    let (packages, names): (Vec<_>, Vec<_>) = only.iter().partition(|word| PACKAGES.contains(&word.as_str()));
    let mut bench = cargo(&["bench", "--locked"]);
    for package in PACKAGES
        .iter()
        .filter(|package| packages.is_empty() || packages.iter().any(|word| word == *package))
    {
        bench.args(["--package", package]);
    }
    if !names.is_empty() {
        bench.arg("--").args(names);
    }
    run(bench)
}

/// Builds the map's own page and has it, sigma.js and an SVG draw the same scenes.
fn drawing(sizes: &[String]) -> Result<()> {
    apt::ensure(&apt::BROWSER)?;
    let (board, drawer) = Board::start();
    page::ensure_tools(&board)?;
    drop((board, drawer));
    let folder = root().join("app/bench-page");
    run(command(&folder.join("build.sh").to_string_lossy()))?;
    let mut npm = command("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--prefix"]).arg(&folder);
    logged(npm, &scratch("bench-page.log")?, |_| ())?;
    let mut node = command("node");
    node.arg(folder.join("drawing.mjs")).args(sizes);
    run(node)
}
