//! One allocation for each distinct long string of a report.
//!
//! Ids and long key names occur thousands of times in a report. Strings of up to 23 bytes need no allocation at all; longer ones go through
//! a small cache that lives as long as one decoding. A miss only costs memory, so the cache forgets by overwriting.

use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;
use smol_str::SmolStr;

use crate::same::same;

/// Slots of the cache: enough for the ids of a large host, small enough to stay in the second-level cache.
const SLOTS: usize = 1 << 12;

pub(super) struct Strings {
    slots: Vec<SmolStr>,
    hasher: FixedState,
}

impl Strings {
    pub(super) fn new() -> Self {
        Self {
            slots: Vec::new(),
            hasher: FixedState::with_seed(0),
        }
    }

    /// The string, sharing the allocation of an equal one seen before if the cache still knows it.
    #[inline]
    pub(super) fn get(&mut self, text: &str) -> SmolStr {
        if text.len() <= SmolStr::INLINE_CAP {
            SmolStr::new(text)
        } else {
            self.shared(text)
        }
    }

    /// The same from bytes; `None` if they are no UTF-8. A long string that is known is recognised by its bytes alone, without looking
    /// whether they are text once more.
    #[inline]
    pub(super) fn get_raw(&mut self, raw: &[u8]) -> Option<SmolStr> {
        if raw.len() <= SmolStr::INLINE_CAP {
            return std::str::from_utf8(raw).ok().map(SmolStr::new);
        }
        let at = self.hasher.hash_one(raw) as usize % SLOTS;
        match self.slots.get(at) {
            Some(slot) if same(slot.as_bytes(), raw) => Some(slot.clone()),
            _ => std::str::from_utf8(raw).ok().map(|text| self.shared(text)),
        }
    }

    fn shared(&mut self, text: &str) -> SmolStr {
        if self.slots.is_empty() {
            self.slots.resize(SLOTS, SmolStr::default());
        }
        let at = self.hasher.hash_one(text.as_bytes()) as usize % SLOTS;
        let Some(slot) = self.slots.get_mut(at) else {
            return SmolStr::new(text);
        };
        if !same(slot.as_bytes(), text.as_bytes()) {
            *slot = SmolStr::new(text);
        }
        slot.clone()
    }
}
