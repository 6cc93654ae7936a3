//! A crit-bit trie over disjoint prefixes of up to 128 bits, as two halves of 64 (128-bit arithmetic is dear in WebAssembly).
//!
//! A node names the first bit in which the prefixes below it differ; bits that all share are skipped and verified once, at the leaf. Where
//! many prefixes are below, a node looks at several bits at once: two children for two prefixes, up to 2^[`MAX_STRIDE`] for thousands.
//! A look-up is one load for each node passed and one comparison at the end; it never backtracks because the prefixes are disjoint.

/// The most bits one node looks at. More would save no step for the sets seen and cost memory.
const MAX_STRIDE: u32 = 11;

/// A prefix: `high` and `low` have no bits beyond the masks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prefix {
    pub(super) high: u64,
    pub(super) low: u64,
    pub(super) mask_high: u64,
    pub(super) mask_low: u64,
    pub(super) length: u8,
}

impl Prefix {
    pub(super) fn new(bits: u128, length: u8) -> Self {
        let mask = u128::MAX.checked_shl(128 - u32::from(length.min(128))).unwrap_or(0);
        let bits = bits & mask;
        Self {
            high: (bits >> 64) as u64,
            low: bits as u64,
            mask_high: (mask >> 64) as u64,
            mask_low: mask as u64,
            length,
        }
    }

    /// How many leading bits both have in common, whatever their lengths.
    fn common(&self, other: &Self) -> u32 {
        match self.high ^ other.high {
            0 => 64 + (self.low ^ other.low).leading_zeros(),
            high => high.leading_zeros(),
        }
    }
}

/// A leaf that no address matches: its value has a bit that its mask has not.
const NOTHING: Prefix = Prefix {
    high: 1,
    low: 0,
    mask_high: 0,
    mask_low: 0,
    length: 0,
};

/// A child: a node, or (with `mask` 0) a leaf.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Of a node: where its children begin. Of a leaf: its index.
    at: u32,
    /// How many children a node has, minus one.
    mask: u16,
    /// By how much the half is shifted to bring the node's bits down.
    shift: u8,
    /// Whether the node's bits are in the lower half.
    low: bool,
}

const EMPTY: Slot = Slot {
    at: 0,
    mask: 0,
    shift: 0,
    low: false,
};

/// The trie.
#[derive(Clone, Debug)]
pub(super) struct CritBit {
    root: Slot,
    slots: Vec<Slot>,
    /// The first one is [`NOTHING`].
    leaves: Vec<Prefix>,
}

impl Default for CritBit {
    fn default() -> Self {
        Self {
            root: EMPTY,
            slots: Vec::new(),
            leaves: vec![NOTHING],
        }
    }
}

impl CritBit {
    /// From disjoint prefixes in ascending order.
    pub(super) fn build(prefixes: &[Prefix]) -> Self {
        let mut trie = Self::default();
        trie.leaves.extend_from_slice(prefixes);
        trie.root = trie.subtree(1, prefixes.len());
        trie
    }

    /// Whether one of the prefixes holds the address.
    #[inline]
    pub(super) fn contains(&self, high: u64, low: u64) -> bool {
        let mut slot = self.root;
        while slot.mask != 0 {
            let half = if slot.low { low } else { high };
            let child = slot.at as usize + ((half >> (slot.shift & 63)) as u16 & slot.mask) as usize;
            match self.slots.get(child) {
                Some(next) => slot = *next,
                None => return false,
            }
        }
        self.leaves
            .get(slot.at as usize)
            .is_some_and(|leaf| (high & leaf.mask_high == leaf.high) & (low & leaf.mask_low == leaf.low))
    }

    /// The subtree of the leaves `from..from + count`.
    fn subtree(&mut self, from: usize, count: usize) -> Slot {
        let (Some(first), Some(last)) = (self.leaves.get(from), self.leaves.get((from + count).saturating_sub(1))) else {
            return EMPTY;
        };
        if count <= 1 {
            return if count == 0 { EMPTY } else { leaf(from) };
        }
        // All leaves between share what the first and the last share, and all are longer than that, being disjoint.
        let start = first.common(last);
        let end = if start < 64 { 64 } else { 128 };
        let stride = (usize::BITS - count.leading_zeros()).min(MAX_STRIDE).min(end - start);
        let shift = end - start - stride;
        let base = self.slots.len();
        self.slots.resize(base + (1 << stride), EMPTY);
        let node = Slot {
            at: base as u32,
            mask: ((1_u32 << stride) - 1) as u16,
            shift: shift as u8,
            low: end == 128,
        };
        let child_of = |leaf: &Prefix| {
            let half = if node.low { leaf.low } else { leaf.high };
            ((half >> shift) as u16 & node.mask) as usize
        };
        let mut next = from;
        while next < from + count {
            let Some(prefix) = self.leaves.get(next).copied() else { break };
            let child = child_of(&prefix);
            let rest = self.leaves.get(next..from + count).unwrap_or_default();
            let (slot, children, used) = if u32::from(prefix.length) < start + stride {
                // Shorter than the node looks: it holds several children.
                (leaf(next), 1 << (start + stride - u32::from(prefix.length)), 1)
            } else {
                let used = rest.partition_point(|leaf| child_of(leaf) == child).max(1);
                (self.subtree(next, used), 1, used)
            };
            if let Some(slots) = self.slots.get_mut(base + child..base + child + children) {
                slots.fill(slot);
            }
            next += used;
        }
        node
    }
}

fn leaf(index: usize) -> Slot {
    Slot { at: index as u32, ..EMPTY }
}
