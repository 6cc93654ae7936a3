//! IPv4 networks as four direct steps of one byte: three tables and a set of 256 bits. No branch depends on the address.
//!
//! Every step has a node 0, "nothing below", and a node 1, "everything below", so that a network of any length ends a look-up the same way:
//! by going through all four steps. Real sets of local networks lie in a few /16 and take a few kilobytes; a set so scattered that the tables
//! would pass [`MAX_NODES`] is left to the crit-bit trie.

/// The most nodes of one step: half a megabyte of tables.
const MAX_NODES: usize = 1 << 10;

type Node = [u16; 256];

#[derive(Clone, Debug)]
pub(super) struct Direct {
    first: Node,
    second: Vec<Node>,
    third: Vec<Node>,
    sets: Vec<[u64; 4]>,
}

impl Direct {
    /// From disjoint networks: address and prefix length. `None` if they are too scattered.
    pub(super) fn build(networks: impl Iterator<Item = (u32, u8)>) -> Option<Self> {
        let mut tables = Self {
            first: [0; 256],
            second: vec![[0; 256], [1; 256]],
            third: vec![[0; 256], [1; 256]],
            sets: vec![[0; 4], [u64::MAX; 4]],
        };
        for (address, length) in networks {
            tables.insert(address, length)?;
        }
        Some(tables)
    }

    #[inline]
    pub(super) fn contains(&self, address: u32) -> bool {
        let [a, b, c, d] = address.to_be_bytes();
        let node = self.first[usize::from(a)];
        let Some(second) = self.second.get(usize::from(node)) else {
            return false;
        };
        let Some(third) = self.third.get(usize::from(second[usize::from(b)])) else {
            return false;
        };
        let Some(set) = self.sets.get(usize::from(third[usize::from(c)])) else {
            return false;
        };
        set[usize::from(d >> 6)] >> (d & 63) & 1 != 0
    }

    fn insert(&mut self, address: u32, length: u8) -> Option<()> {
        let [a, b, c, d] = address.to_be_bytes();
        if length <= 8 {
            return fill(&mut self.first, a, 8 - length);
        }
        let second = child(&mut self.first, a, &mut self.second, [0; 256])?;
        if length <= 16 {
            return fill(second, b, 16 - length);
        }
        let third = child(second, b, &mut self.third, [0; 256])?;
        if length <= 24 {
            return fill(third, c, 24 - length);
        }
        let set = child(third, c, &mut self.sets, [0; 4])?;
        let count = 1_usize << (32 - length.min(32));
        for bit in usize::from(d)..(usize::from(d) + count).min(256) {
            *set.get_mut(bit / 64)? |= 1 << (bit % 64);
        }
        Some(())
    }
}

/// Marks `2^bits` entries from `start` as "everything below".
fn fill(node: &mut Node, start: u8, bits: u8) -> Option<()> {
    let start = usize::from(start);
    node.get_mut(start..start + (1 << bits))?.fill(1);
    Some(())
}

/// The node below an entry, made if there is none.
fn child<'n, T>(node: &mut Node, entry: u8, nodes: &'n mut Vec<T>, empty: T) -> Option<&'n mut T> {
    let entry = node.get_mut(usize::from(entry))?;
    if *entry == 0 {
        if nodes.len() >= MAX_NODES {
            return None;
        }
        *entry = u16::try_from(nodes.len()).ok()?;
        nodes.push(empty);
    }
    nodes.get_mut(usize::from(*entry))
}
