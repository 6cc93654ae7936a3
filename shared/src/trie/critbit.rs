//! A crit-bit trie over disjoint prefixes of up to 128 bits.
//!
//! A node names the first bit in which the prefixes below it differ; bits that all share are skipped and verified once, at the leaf. Where
//! many prefixes are below, a node looks at several bits at once: two children for two prefixes, up to 2^[`MAX_STRIDE`] for thousands.
//! A look-up is one load for each node passed and one comparison at the end; it never backtracks because the prefixes are disjoint.
//!
//! Before the first node stands a bitmap of the first [`TOP_BITS`] bits: most addresses outside end there, before their bytes are even turned
//! into numbers, which is dear in WebAssembly. Numbers are two halves of 64 bits, because 128 are dear there, too.

/// The most bits one node looks at. More would save no step for the sets seen and cost memory.
const MAX_STRIDE: u32 = 11;
/// How many bits the bitmap looks at: half a kilobyte.
const TOP_BITS: u32 = 12;

/// A prefix, for building.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prefix {
    /// No bits beyond the length.
    bits: u128,
    pub(super) length: u8,
}

impl Prefix {
    pub(super) fn new(bits: u128, length: u8) -> Self {
        Self {
            bits: bits & mask(length),
            length,
        }
    }

    /// What an address is compared with.
    pub(super) fn leaf(&self) -> Leaf {
        Leaf {
            value: halves(self.bits.to_be_bytes()),
            mask: halves(mask(self.length).to_be_bytes()),
        }
    }

    /// How many leading bits both have in common, whatever their lengths.
    fn common(&self, other: &Self) -> u32 {
        (self.bits ^ other.bits).leading_zeros()
    }
}

fn mask(length: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(length.min(128))).unwrap_or(0)
}

/// An address in two halves, least significant byte first, as most machines have them in memory anyway: enough for comparing.
#[inline]
pub(super) fn halves(octets: [u8; 16]) -> [u64; 2] {
    let bits = u128::from_le_bytes(octets);
    [bits as u64, (bits >> 64) as u64]
}

/// A prefix to compare with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaf {
    pub(super) value: [u64; 2],
    pub(super) mask: [u64; 2],
}

impl Leaf {
    /// What no address matches: the value has a bit that the mask has not.
    pub(super) const NOTHING: Self = Self {
        value: [1, 0],
        mask: [0, 0],
    };

    #[inline]
    pub(super) fn matches(&self, [high, low]: [u64; 2]) -> bool {
        (high & self.mask[0] == self.value[0]) & (low & self.mask[1] == self.value[1])
    }
}

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

impl Slot {
    /// Which child an address belongs to, whose halves are numbers here.
    #[inline]
    fn child(self, [high, low]: [u64; 2]) -> usize {
        let half = if self.low { low } else { high };
        usize::from((half >> (self.shift & 63)) as u16 & self.mask)
    }
}

/// Whether any prefix begins with some bits.
#[derive(Clone, Debug)]
pub(super) struct Top([u64; 1 << (TOP_BITS - 6)]);

impl Top {
    /// Of some prefixes.
    pub(super) fn of(prefixes: &[Prefix]) -> Self {
        let mut top = [0; 1 << (TOP_BITS - 6)];
        for prefix in prefixes {
            let first = (prefix.bits >> (128 - TOP_BITS)) as usize;
            let count = 1 << TOP_BITS.saturating_sub(u32::from(prefix.length));
            for bits in first..first + count {
                if let Some(word) = top.get_mut(bits / 64) {
                    *word |= 1 << (bits % 64);
                }
            }
        }
        Self(top)
    }

    /// Whether a prefix may hold the address with this upper half.
    #[inline]
    pub(super) fn admits(&self, high: u64) -> bool {
        let [first, second] = [high as u8, (high >> 8) as u8];
        self.0[usize::from(first >> 2)] >> ((first & 3) << 4 | second >> 4) & 1 != 0
    }
}

/// The trie.
#[derive(Clone, Debug)]
pub(super) struct CritBit {
    top: Top,
    root: Slot,
    slots: Vec<Slot>,
    /// The first one is [`Leaf::NOTHING`].
    leaves: Vec<Leaf>,
}

impl CritBit {
    /// From disjoint prefixes in ascending order.
    pub(super) fn build(prefixes: &[Prefix]) -> Self {
        let mut trie = Self {
            top: Top::of(prefixes),
            root: EMPTY,
            slots: Vec::new(),
            leaves: vec![Leaf::NOTHING],
        };
        trie.leaves.extend(prefixes.iter().map(Prefix::leaf));
        trie.root = trie.subtree(prefixes, 1);
        trie
    }

    /// Whether one of the prefixes holds the address, given as its [`halves`].
    #[inline]
    pub(super) fn contains(&self, halves: [u64; 2]) -> bool {
        if !self.top.admits(halves[0]) {
            return false;
        }
        let address = halves.map(u64::swap_bytes);
        let mut slot = self.root;
        while slot.mask != 0 {
            match self.slots.get(slot.at as usize + slot.child(address)) {
                Some(next) => slot = *next,
                None => return false,
            }
        }
        self.leaves.get(slot.at as usize).is_some_and(|leaf| leaf.matches(halves))
    }

    /// The subtree of some prefixes, the first of which has the leaf `from`.
    fn subtree(&mut self, prefixes: &[Prefix], from: usize) -> Slot {
        let [first, .., last] = prefixes else {
            return if prefixes.is_empty() { EMPTY } else { leaf(from) };
        };
        // All prefixes between share what the first and the last share, and all are longer than that, being disjoint.
        let start = first.common(last);
        let end = if start < 64 { 64 } else { 128 };
        let stride = (usize::BITS - prefixes.len().leading_zeros()).min(MAX_STRIDE).min(end - start);
        let base = self.slots.len();
        self.slots.resize(base + (1 << stride), EMPTY);
        let node = Slot {
            at: base as u32,
            mask: ((1_u32 << stride) - 1) as u16,
            shift: (end - start - stride) as u8,
            low: end == 128,
        };
        let child_of = |prefix: &Prefix| node.child([(prefix.bits >> 64) as u64, prefix.bits as u64]);
        let mut rest = prefixes;
        let mut next = from;
        while let Some(prefix) = rest.first() {
            let child = child_of(prefix);
            let (slot, children, used) = if u32::from(prefix.length) < start + stride {
                // Shorter than the node looks: it holds several children.
                (leaf(next), 1 << (start + stride - u32::from(prefix.length)), 1)
            } else {
                let used = rest.partition_point(|prefix| child_of(prefix) == child).clamp(1, rest.len());
                let (below, _) = rest.split_at(used);
                (self.subtree(below, next), 1, used)
            };
            if let Some(slots) = self.slots.get_mut(base + child..base + child + children) {
                slots.fill(slot);
            }
            rest = rest.split_at(used).1;
            next += used;
        }
        node
    }
}

fn leaf(index: usize) -> Slot {
    Slot { at: index as u32, ..EMPTY }
}
