//! A handful of IPv6 networks: compared one after another without a branch, which beats any tree as long as they are few.

use super::critbit::{Leaf, Prefix};

/// Comparing more than this costs as much as walking the trie.
const MAX_NETWORKS: usize = 12;

/// The networks.
#[derive(Clone, Debug, Default)]
pub(super) struct Few {
    /// Those of up to 64 bits: mask and value of the upper half.
    short: Vec<[u64; 2]>,
    /// The others.
    long: Vec<Leaf>,
}

impl Few {
    /// From disjoint prefixes. `None` if they are too many.
    pub(super) fn build(prefixes: &[Prefix]) -> Option<Self> {
        if prefixes.len() > MAX_NETWORKS {
            return None;
        }
        let mut few = Self::default();
        for prefix in prefixes {
            let leaf = prefix.leaf();
            if prefix.length <= 64 {
                few.short.push([leaf.mask[0], leaf.value[0]]);
            } else {
                few.long.push(leaf);
            }
        }
        Some(few)
    }

    /// Whether one of the networks holds the address.
    #[inline]
    pub(super) fn contains(&self, halves: [u64; 2]) -> bool {
        let mut found = false;
        for [mask, value] in &self.short {
            found |= halves[0] & mask == *value;
        }
        for leaf in &self.long {
            found |= leaf.matches(halves);
        }
        found
    }
}
