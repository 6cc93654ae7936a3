//! Ids and their dense numbers ("slots"): one copy of each text, and a table of numbers to find it by.

use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;
use scope_shared::report::SmolStr;
use scope_shared::same::same;

/// A place of the table that no id has.
const FREE: u64 = u64::MAX;

/// Ids and their slots. Slots are never given back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ids {
    names: Vec<SmolStr>,
    /// A power of two of places, at most three quarters of them taken: each has half of an id's hash above the id's slot, and is the first
    /// free one after the place that the other half names.
    table: Vec<u64>,
    /// What [`Ids::intern_again`] found last.
    last: u32,
}

fn hash(id: &str) -> u64 {
    FixedState::default().hash_one(id)
}

impl Ids {
    /// The place of an id, and its slot if it has one. There must be a free place.
    fn find(&self, id: &str, hash: u64) -> (usize, Option<u32>) {
        let mask = self.table.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            let entry = self.table[place];
            if entry == FREE {
                return (place, None);
            }
            if entry >> 32 == hash >> 32 && same(self.name_ref(entry as u32).as_bytes(), id.as_bytes()) {
                return (place, Some(entry as u32));
            }
            place = (place + 1) & mask;
        }
    }

    /// Makes room for so many ids in all.
    fn make_room(&mut self, ids: usize) {
        if 4 * ids > 3 * self.table.len() {
            let places = (ids * 4).div_ceil(3).next_power_of_two().max(8);
            self.table.clear();
            self.table.resize(places, FREE);
            for (name, slot) in self.names.iter().zip(0u64..) {
                let hash = hash(name);
                let mut place = hash as usize & (places - 1);
                while self.table[place] != FREE {
                    place = (place + 1) & (places - 1);
                }
                self.table[place] = hash >> 32 << 32 | slot;
            }
        }
    }

    fn intern_with(&mut self, id: &str, make: impl FnOnce() -> SmolStr) -> u32 {
        self.make_room(self.names.len() + 1);
        let hash = hash(id);
        let (place, found) = self.find(id, hash);
        found.unwrap_or_else(|| {
            let slot = self.names.len() as u32;
            self.table[place] = hash >> 32 << 32 | u64::from(slot);
            self.names.push(make());
            slot
        })
    }

    /// The slot of an id, made if it has none.
    pub(crate) fn intern(&mut self, id: &SmolStr) -> u32 {
        self.intern_with(id, || id.clone())
    }

    /// The slot of an id given as text.
    pub(crate) fn intern_text(&mut self, id: &str) -> u32 {
        self.intern_with(id, || SmolStr::new(id))
    }

    /// The slot of an id given as text, where many in a row are the same.
    pub(crate) fn intern_again(&mut self, id: &str) -> u32 {
        if self.names.get(self.last as usize).is_none_or(|last| last != id) {
            self.last = self.intern_text(id);
        }
        self.last
    }

    /// Makes room for so many ids.
    pub(crate) fn reserve(&mut self, ids: usize) {
        self.names.reserve(ids);
        self.make_room(self.names.len() + ids);
    }

    /// The slot of an id that has one.
    pub(crate) fn get(&self, id: &str) -> Option<u32> {
        (!self.table.is_empty()).then(|| self.find(id, hash(id)).1).flatten()
    }

    /// The id of a slot; empty for a slot that was never given out.
    pub(crate) fn name(&self, slot: u32) -> SmolStr {
        self.names.get(slot as usize).cloned().unwrap_or_default()
    }

    /// The id of a slot as text; empty for a slot that was never given out.
    pub(crate) fn name_ref(&self, slot: u32) -> &str {
        self.names.get(slot as usize).map_or("", SmolStr::as_str)
    }

    /// How many slots there are, in use or not.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }
}

#[cfg(test)]
mod tests {
    use super::Ids;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn slots_are_given_out_in_order_and_found_again(ids in proptest::collection::vec("[a-c]{0,5}", 0..200), room in 0usize..50) {
            let (mut slots, mut plain) = (Ids::default(), HashMap::new());
            slots.reserve(room);
            for id in &ids {
                let next = plain.len() as u32;
                let slot = *plain.entry(id.as_str()).or_insert(next);
                prop_assert_eq!(slots.get(id), (slot != next).then_some(slot));
                prop_assert_eq!(slots.intern_text(id), slot);
                prop_assert_eq!(slots.intern_again(id), slot);
                prop_assert_eq!(slots.name_ref(slot), id.as_str());
            }
            prop_assert_eq!(slots.len(), plain.len());
            prop_assert_eq!(slots.get("d"), None);
            prop_assert_eq!(slots.name_ref(slots.len() as u32), "");
        }
    }
}
