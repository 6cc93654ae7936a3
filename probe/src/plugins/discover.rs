//! Finds plugins: every Unix socket under the plugins' directory, however deep, whose name is a plugin's id.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use scope_shared::report::SmolStr;

/// How deep is looked; stops loops of symbolic links.
const DEPTH: usize = 8;
/// Entries that are looked at in one scan; a directory with more is not a plugins' directory.
const MOST_ENTRIES: usize = 10_000;
/// Plugins that are served.
const MOST_PLUGINS: usize = 64;

/// The plugins' sockets under `root` in path order, each with its plugin's id. A directory that is not there has none.
#[must_use]
pub fn sockets(root: &Path) -> BTreeMap<PathBuf, SmolStr> {
    let mut found = BTreeMap::new();
    let mut budget = MOST_ENTRIES;
    look(root, DEPTH, &mut budget, &mut found);
    found
}

fn look(directory: &Path, depth: usize, budget: &mut usize, found: &mut BTreeMap<PathBuf, SmolStr>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        if *budget == 0 || found.len() >= MOST_PLUGINS {
            return;
        }
        *budget -= 1;
        let path = entry.path();
        // Follows symbolic links, as the original.
        let Ok(metadata) = fs::metadata(&path) else { continue };
        if metadata.is_dir() && depth > 0 {
            look(&path, depth - 1, budget, found);
        } else if metadata.file_type().is_socket() {
            match path.file_stem().and_then(|stem| stem.to_str()).filter(|stem| is_id(stem)) {
                Some(id) => {
                    found.insert(path.clone(), SmolStr::new(id));
                }
                None => tracing::debug!(path = %path.display(), "not a plugin: a socket's name must be letters, digits and single dashes"),
            }
        }
    }
}

/// Words of letters and digits joined by single dashes.
fn is_id(text: &str) -> bool {
    text.split('-')
        .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn sockets_are_found_however_deep_and_other_files_are_not() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("deep/er")).unwrap();
        let _sockets: Vec<_> = ["one.sock", "deep/er/two-2.sock", "deep/bad_name.sock"]
            .map(|name| UnixListener::bind(root.path().join(name)).unwrap())
            .into();
        fs::write(root.path().join("file.sock"), "").unwrap();
        std::os::unix::fs::symlink(root.path(), root.path().join("deep/loop")).unwrap();
        let mut ids: Vec<_> = sockets(root.path()).into_values().map(|id| id.to_string()).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids, ["one", "two-2"]);
    }

    #[test]
    fn a_missing_directory_has_no_plugins() {
        assert!(sockets(Path::new("/nonexistent/plugins")).is_empty());
    }

    #[test]
    fn ids_are_words_joined_by_dashes() {
        assert!(["iowait", "http-statistics", "a1-b2"].into_iter().all(is_id));
        assert!(!["", "-a", "a-", "a--b", "a.b", "a_b", "ä"].into_iter().any(is_id));
    }
}
