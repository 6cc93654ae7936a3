//! House rules that neither compiler nor linter knows, checked on every file of the workspace.
//!
//! Each rule says in its message what to do. Rules have no list of exceptions: a rule that needs one is the wrong rule.

use std::path::Path;

use anyhow::{Result, bail};

use crate::shell::root;
use crate::source::files;

/// A file that nobody can hold in mind is split.
const MAX_LINES: usize = 600;
/// The only places that may name the browser.
const BROWSER_PLACES: [&str; 4] = ["app/src/platform", "app/src/ui", "app/src/scene/gl", "app/src/bin"];

/// Checks all rules and prints what is wrong.
pub fn run() -> Result<()> {
    let mut wrong = Vec::new();
    for file in files()? {
        let name = file.to_string_lossy().into_owned();
        let Ok(text) = std::fs::read_to_string(root().join(&file)) else {
            continue;
        };
        let mut say = |line: usize, what: &str| wrong.push(format!("{name}:{line}: {what}"));
        every_text(&name, &text, &mut say);
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => rust(&name, &text, &mut say),
            Some("toml") if name.ends_with("/Cargo.toml") => manifest(&text, &mut say),
            _ => {}
        }
    }
    for needed in ["LICENSE", "README.md", "ARCHITECTURE.md", "Cargo.lock"] {
        if !root().join(needed).is_file() {
            wrong.push(format!("{needed}: missing"));
        }
    }
    if wrong.is_empty() {
        println!("house rules hold");
        return Ok(());
    }
    wrong.iter().for_each(|line| println!("{line}"));
    bail!("{} breaches of house rules", wrong.len())
}

fn is_test(name: &str) -> bool {
    let parts = Path::new(name)
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned());
    parts
        .into_iter()
        .any(|part| ["tests", "benches", "tests.rs"].contains(&part.as_str()))
}

fn every_text(name: &str, text: &str, say: &mut impl FnMut(usize, &str)) {
    let is_data = name.ends_with(".json") || name.ends_with(".svg") || name.contains("/data/");
    // Spelt apart, so that this file does not breach its own rules.
    let unfinished = [concat!("TO", "DO"), concat!("FIX", "ME")];
    let markers = [concat!("<<<<", "<<< "), concat!(">>>>", ">>> ")];
    for (number, line) in (1..).zip(text.lines()) {
        if markers.iter().any(|marker| line.starts_with(marker)) {
            say(number, "a merge conflict was left behind");
        }
        if !is_data && unfinished.iter().any(|word| line.contains(word)) {
            say(number, "unfinished work is an issue, not a comment: finish it or file it");
        }
    }
}

fn rust(name: &str, text: &str, say: &mut impl FnMut(usize, &str)) {
    if !text.trim_start().starts_with("//!") {
        say(1, "begin with `//!`: what this file is, why, and what it must not do");
    }
    let lines = text.lines().count();
    if lines > MAX_LINES && !is_test(name) {
        say(lines, &format!("{lines} lines: split it (at most {MAX_LINES})"));
    }
    let ignore = concat!("#[", "ignore");
    let in_browser_place = BROWSER_PLACES.iter().any(|place| name.starts_with(place));
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with(ignore) {
            say(number, "a test that does not run proves nothing: mend it or remove it");
        }
        let names_browser = ["web_sys::", "js_sys::"]
            .iter()
            .any(|krate| line.contains(krate) && !line.trim_start().starts_with("//"));
        if name.starts_with("app/src") && names_browser && !in_browser_place {
            say(
                number,
                "only platform, ui and scene/gl may name the browser: everything else is tested natively",
            );
        }
    }
}

fn manifest(text: &str, say: &mut impl FnMut(usize, &str)) {
    // A package with a workspace of its own (built for another target, or by cargo-fuzz) cannot take anything from this one.
    if !text.contains("[package]") || text.contains("\n[workspace]") || text.contains("cargo-fuzz = true") {
        return;
    }
    if !text.contains("license.workspace = true") {
        say(1, "take the licence from the workspace: `license.workspace = true`");
    }
    if !text.contains("[lints]\nworkspace = true") {
        say(1, "take the lints from the workspace: `[lints]` / `workspace = true`");
    }
}
