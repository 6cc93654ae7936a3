//! The workspace's own files: a listing for the checks, and fingerprints that tell whether something must be built again.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::shell::{command, output, root, scratch};

/// Folders that hold no source.
const SKIPPED: [&str; 5] = ["target", "dist", "node_modules", "vendor", ".git"];

/// Every file that git knows or would add, relative to the root and sorted; without git, every file that is not build output.
pub fn files() -> Result<Vec<PathBuf>> {
    let mut list = command("git");
    list.args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    let mut files = match output(list) {
        Ok(text) => text.lines().map(PathBuf::from).filter(|file| root().join(file).is_file()).collect(),
        Err(_) => {
            let mut found = Vec::new();
            walk(&root(), &mut found)?;
            found
                .iter()
                .filter_map(|file| file.strip_prefix(root()).ok().map(Path::to_path_buf))
                .collect::<Vec<_>>()
        }
    };
    files.sort();
    files.dedup();
    Ok(files)
}

fn walk(directory: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))? {
        let path = entry?.path();
        let skipped = path.file_name().is_some_and(|name| SKIPPED.iter().any(|skip| name == *skip));
        if path.is_dir() && !skipped {
            walk(&path, found)?;
        } else if path.is_file() {
            found.push(path);
        }
    }
    Ok(())
}

/// A number that changes when a file under one of `places` (files or folders, relative to the root) changes, appears or disappears.
pub fn fingerprint(places: &[&str]) -> Result<u64> {
    let mut found = Vec::new();
    for place in places {
        let path = root().join(place);
        if path.is_dir() {
            walk(&path, &mut found)?;
        } else if path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    let mut hasher = DefaultHasher::new();
    for file in found {
        let facts = std::fs::metadata(&file)?;
        (&file, facts.len(), facts.modified()?).hash(&mut hasher);
    }
    Ok(hasher.finish())
}

/// Whether what was built under `name` was built from these inputs.
pub fn is_fresh(name: &str, fingerprint: u64) -> bool {
    let stamp = scratch(&format!("{name}.stamp")).and_then(|file| Ok(std::fs::read_to_string(file)?));
    stamp.is_ok_and(|text| text == fingerprint.to_string())
}

/// Remembers what was built under `name` from which inputs.
pub fn remember(name: &str, fingerprint: u64) -> Result<()> {
    std::fs::write(scratch(&format!("{name}.stamp"))?, fingerprint.to_string())?;
    Ok(())
}
