//! `cargo xtask bench`: the command behind the figures of `docs/performance.md`.

use anyhow::Result;

use crate::shell::{cargo, run};

/// Packages with Criterion benchmarks.
const PACKAGES: [&str; 4] = ["scope-shared", "scope-app", "scope-probe", "scope-server"];

/// Runs the benchmarks of the packages named in `only`, and others filtered by the remaining words.
pub fn run_benches(only: &[String]) -> Result<()> {
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
