//! Differences of one map of a report: entries that are new or other, and a list of those that are gone.

use std::collections::BTreeMap;

use smol_str::SmolStr;

/// What is gone, by section.
pub(super) type Removed = BTreeMap<SmolStr, Vec<SmolStr>>;

/// The entries of `now` that `base` has not or has otherwise; what only `base` has is listed under the section's name.
pub(super) fn diff_map<V: Clone + PartialEq>(
    base: &BTreeMap<SmolStr, V>,
    now: &BTreeMap<SmolStr, V>,
    section: impl FnOnce() -> SmolStr,
    removed: &mut Removed,
) -> BTreeMap<SmolStr, V> {
    let gone: Vec<SmolStr> = base.keys().filter(|key| !now.contains_key(*key)).cloned().collect();
    if !gone.is_empty() {
        removed.insert(section(), gone);
    }
    now.iter()
        .filter(|(key, value)| base.get(*key) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Undoes [`diff_map`].
pub(super) fn apply_map<V: Clone>(map: &mut BTreeMap<SmolStr, V>, changed: &BTreeMap<SmolStr, V>, removed: &Removed, section: &str) {
    remove_all(map, removed, section);
    map.extend(changed.iter().map(|(key, value)| (key.clone(), value.clone())));
}

/// Takes out what is listed under the section's name.
pub(super) fn remove_all<V>(map: &mut BTreeMap<SmolStr, V>, removed: &Removed, section: &str) {
    for key in removed.get(section).into_iter().flatten() {
        map.remove(key);
    }
}
