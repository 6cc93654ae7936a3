//! What the browser keeps for us. Everything is written to the tab's storage and to the origin's; the tab's is read first, so that two tabs
//! keep different views and a new tab gets the last one. A browser that keeps nothing is no error.

use web_sys::Storage;

/// The last view, as a fragment.
pub const VIEW: &str = "scope-view";
/// `light`, `dark`, `contrast` or absent for the system's.
pub const THEME: &str = "scope-theme";
/// The server asked for with `?server=`.
pub const SERVER: &str = "scope-server";
/// The token for a server on another origin, only in the tab's storage.
pub const TOKEN: &str = "scope-token";
/// Places of nodes put by hand.
pub const PINS: &str = "scope-pins";

fn tab() -> Option<Storage> {
    web_sys::window()?.session_storage().ok()?
}

fn origin() -> Option<Storage> {
    web_sys::window()?.local_storage().ok()?
}

/// What was kept under a key.
#[must_use]
pub fn get(key: &str) -> Option<String> {
    [tab(), origin()]
        .into_iter()
        .flatten()
        .find_map(|storage| storage.get_item(key).ok()?)
}

/// Keeps a value, or forgets it.
pub fn set(key: &str, value: Option<&str>) {
    for storage in [tab(), origin()].into_iter().flatten() {
        write(&storage, key, value);
    }
}

/// Keeps a secret for this tab only.
pub fn set_for_tab(key: &str, value: Option<&str>) {
    if let Some(storage) = tab() {
        write(&storage, key, value);
    }
}

fn write(storage: &Storage, key: &str, value: Option<&str>) {
    let done = match value {
        Some(value) => storage.set_item(key, value),
        None => storage.remove_item(key),
    };
    // Private windows and full disks: the page works without.
    drop(done);
}
