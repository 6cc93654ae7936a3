//! `cargo xtask sizes`: what a browser must fetch before it can show the map, compressed as the server sends it, against the budget.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::page;
use crate::progress::Board;
use crate::shell::root;

/// Compressed bytes before the map shows, at most.
const BUDGET: u64 = 400_000;
/// Whether a map does without the file: it is fetched when the first terminal opens, or while the page starts (`app/web/finish.mjs`).
fn is_later(name: &str) -> bool {
    name.starts_with("vendor/")
        || name == "terminal-box.mjs"
        || name.starts_with("more-")
        || (name.starts_with("rest-") && name.ends_with(".wasm"))
}

/// Prints the table and how far the budget is; an error above it.
pub fn run() -> Result<()> {
    {
        let (board, _drawer) = Board::start();
        page::build_if_needed(&board)?;
    }
    let dist = root().join("dist");
    let mut names = Vec::new();
    list(&dist, &dist, &mut names)?;
    names.retain(|name| !name.ends_with(".br") && !name.ends_with(".gz"));
    names.sort();
    let size = |name: &str| Ok::<u64, anyhow::Error>(std::fs::metadata(dist.join(name))?.len());
    let (mut first, mut later) = (0, 0);
    println!("{:<44} {:>10} {:>10}", "file", "bytes", "brotli");
    for name in &names {
        let bytes = size(name)?;
        // What gains nothing is sent as it is.
        let brotli = size(&format!("{name}.br")).unwrap_or(bytes);
        let is_later = is_later(name);
        *if is_later { &mut later } else { &mut first } += brotli;
        let note = if is_later { "  (later)" } else { "" };
        println!("{name:<44} {bytes:>10} {brotli:>10}{note}");
    }
    println!("{:<44} {:>10} {first:>10}  of at most {BUDGET}", "before the map shows", "");
    println!("{:<44} {:>10} {later:>10}", "later", "");
    if first > BUDGET {
        bail!(
            "the page is {} bytes over its budget of {BUDGET}; `cargo xtask parts` may help",
            first - BUDGET
        );
    }
    Ok(())
}

fn list(dist: &Path, directory: &Path, names: &mut Vec<String>) -> Result<()> {
    for entry in std::fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            list(dist, &path, names)?;
        } else if let Ok(name) = path.strip_prefix(dist) {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    Ok(())
}
