//! A bounded map that drops what was used longest ago.

use std::collections::HashMap;
use std::hash::Hash;

/// A map of at most so many entries.
#[derive(Clone, Debug)]
pub struct Cache<K, V> {
    entries: HashMap<K, (V, u64)>,
    capacity: usize,
    uses: u64,
}

impl<K: Eq + Hash + Copy, V> Cache<K, V> {
    /// Room for `capacity` entries.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            entries: HashMap::new(),
            capacity: capacity.max(1),
            uses: 0,
        }
    }

    /// An entry, if there is one.
    pub fn get(&mut self, key: &K) -> Option<&V> {
        self.uses += 1;
        let uses = self.uses;
        self.entries.get_mut(key).map(|(value, used)| {
            *used = uses;
            &*value
        })
    }

    /// An entry, made if there is none.
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        self.uses += 1;
        if !self.entries.contains_key(&key) {
            self.make_room();
        }
        let uses = self.uses;
        let entry = self.entries.entry(key).or_insert_with(|| (make(), uses));
        entry.1 = uses;
        &mut entry.0
    }

    /// Puts an entry in, in place of what was there.
    pub fn insert(&mut self, key: K, value: V) {
        self.uses += 1;
        if !self.entries.contains_key(&key) {
            self.make_room();
        }
        self.entries.insert(key, (value, self.uses));
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Drops the tenth that was used longest ago: one pass for many insertions.
    fn make_room(&mut self) {
        if self.entries.len() < self.capacity {
            return;
        }
        let mut used: Vec<u64> = self.entries.values().map(|(_, used)| *used).collect();
        let tenth = used.len() / 10;
        let (_, limit, _) = used.select_nth_unstable(tenth);
        let limit = *limit;
        self.entries.retain(|_, (_, used)| *used > limit);
    }
}
