//! A handful of IPv6 networks: compared one after another, which beats any tree as long as it needs no branch.
//!
//! Networks are told apart by their upper 64 bits; those that share all of these (single addresses of one subnet) are one entry with a trie
//! of its own for the lower half.

use super::critbit::{CritBit, Prefix};

/// Comparing more than this costs as much as walking the trie.
const MAX_ENTRIES: usize = 10;

/// The upper half of an entry's networks.
#[derive(Clone, Copy, Debug)]
struct Entry {
    mask: u64,
    value: u64,
}

#[derive(Clone, Debug)]
enum Below {
    /// The whole entry is inside.
    Everything,
    /// Only these of its addresses.
    Some(CritBit),
}

/// The networks.
#[derive(Clone, Debug, Default)]
pub(super) struct Few {
    entries: Vec<Entry>,
    below: Vec<Below>,
}

impl Few {
    /// From disjoint prefixes in ascending order. `None` if they are too many.
    pub(super) fn build(prefixes: &[Prefix]) -> Option<Self> {
        let mut few = Self::default();
        for group in prefixes.chunk_by(|a, b| a.length > 64 && b.length > 64 && a.high == b.high) {
            let first = group.first()?;
            if few.entries.len() == MAX_ENTRIES {
                return None;
            }
            few.entries.push(Entry {
                mask: first.mask_high,
                value: first.high,
            });
            few.below.push(if first.length <= 64 {
                Below::Everything
            } else {
                Below::Some(CritBit::build(group))
            });
        }
        Some(few)
    }

    /// Whether one of the networks holds the address.
    #[inline]
    pub(super) fn contains(&self, high: u64, low: u64) -> bool {
        let mut found = usize::MAX;
        // At most one matches: the networks are disjoint.
        for (index, entry) in self.entries.iter().enumerate() {
            found = if high & entry.mask == entry.value { index } else { found };
        }
        match self.below.get(found) {
            Some(Below::Everything) => true,
            Some(Below::Some(trie)) => trie.contains(high, low),
            None => false,
        }
    }
}
