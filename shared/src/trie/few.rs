//! A handful of IPv6 networks: behind the bitmap of their first bits compared one after another without a branch, which beats any tree as long
//! as they are few.

use super::critbit::{Leaf, Prefix, Top};

/// Places for networks of up to 64 bits. Comparing more costs as much as walking the trie.
const SHORT: usize = 8;
/// Places for longer ones, which all share the upper half: single addresses of one subnet.
const LONG: usize = 4;

/// The networks. Places without one hold what matches nothing, so that all are compared without asking how many there are.
#[derive(Clone, Debug)]
pub(super) struct Few {
    top: Top,
    /// Mask and value of the upper half.
    short: [[u64; 2]; SHORT],
    /// The upper half of the long ones, and mask and value of their lower halves.
    upper: u64,
    long: [[u64; 2]; LONG],
}

/// What nothing matches: the value has a bit that the mask has not.
const NOTHING: [u64; 2] = [0, 1];

impl Few {
    /// From disjoint prefixes. `None` if they are too many, or too far apart.
    pub(super) fn build(prefixes: &[Prefix]) -> Option<Box<Self>> {
        let mut few = Box::new(Self {
            top: Top::of(prefixes),
            short: [NOTHING; SHORT],
            upper: 0,
            long: [NOTHING; LONG],
        });
        let (mut shorts, mut longs) = (0, 0);
        for prefix in prefixes {
            let Leaf { value, mask } = prefix.leaf();
            if prefix.length <= 64 {
                *few.short.get_mut(shorts)? = [mask[0], value[0]];
                shorts += 1;
            } else if longs == 0 || few.upper == value[0] {
                few.upper = value[0];
                *few.long.get_mut(longs)? = [mask[1], value[1]];
                longs += 1;
            } else {
                return None;
            }
        }
        Some(few)
    }

    /// Whether one of the networks holds the address.
    #[inline]
    pub(super) fn contains(&self, [high, low]: [u64; 2]) -> bool {
        self.top.admits(high) && any(&self.short, high) | (any(&self.long, low) & (high == self.upper))
    }
}

#[inline]
fn any(networks: &[[u64; 2]], half: u64) -> bool {
    networks.iter().fold(false, |found, [mask, value]| found | (half & mask == *value))
}
