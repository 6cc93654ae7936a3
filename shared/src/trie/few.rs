//! A handful of IPv6 networks: compared one after another without a branch, which beats any tree as long as they are few.

use super::critbit::{Leaf, Prefix, halves};

/// Places for networks of up to 64 bits. Comparing more costs as much as walking the trie.
const SHORT: usize = 8;
/// Places for longer ones.
const LONG: usize = 4;

/// The networks. Places without one hold what matches nothing, so that all are compared without asking how many there are.
#[derive(Clone, Debug)]
pub(super) struct Few {
    /// Mask and value of the upper half.
    short: [[u64; 2]; SHORT],
    long: [Leaf; LONG],
}

impl Few {
    /// From disjoint prefixes. `None` if they are too many.
    pub(super) fn build(prefixes: &[Prefix]) -> Option<Box<Self>> {
        let mut few = Box::new(Self {
            short: [[0, 1]; SHORT],
            long: [Leaf::NOTHING; LONG],
        });
        let (mut short, mut long) = (few.short.iter_mut(), few.long.iter_mut());
        for prefix in prefixes {
            let leaf = prefix.leaf(halves);
            if prefix.length <= 64 {
                *short.next()? = [leaf.mask[0], leaf.value[0]];
            } else {
                *long.next()? = leaf;
            }
        }
        Some(few)
    }

    /// Whether one of the networks holds the address.
    #[inline]
    pub(super) fn contains(&self, halves: [u64; 2]) -> bool {
        let short = self
            .short
            .iter()
            .fold(false, |found, [mask, value]| found | (halves[0] & mask == *value));
        self.long.iter().fold(short, |found, leaf| found | leaf.matches(halves))
    }
}
