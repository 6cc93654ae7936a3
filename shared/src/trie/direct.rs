//! IPv4 networks as three direct steps: two tables and a set of 1,024 bits. No branch depends on the address.
//!
//! Every step has a node 0, "nothing below", and a node 1, "everything below", so that a network of any length ends a look-up the same way:
//! by going through all three steps. Real sets of local networks lie in a few /12 and take some ten kilobytes, since sets that are equal are
//! one; networks so scattered that the tables would pass [`MAX_NODES`] or [`MAX_SETS`] are left to the crit-bit trie.

use std::collections::BTreeMap;

/// The most nodes of the second step: half a megabyte of tables.
const MAX_NODES: usize = 1 << 8;
/// The most sets, while building: half a megabyte.
const MAX_SETS: usize = 1 << 12;

type Node = [u16; 1 << 10];
type Set = [u64; 1 << 4];

#[derive(Clone, Debug)]
pub(super) struct Direct {
    first: [u16; 1 << 12],
    second: Vec<Node>,
    sets: Vec<Set>,
}

impl Direct {
    /// From disjoint networks: address and prefix length. `None` if they are too scattered.
    pub(super) fn build(networks: impl Iterator<Item = (u32, u8)>) -> Option<Box<Self>> {
        let mut tables = Box::new(Self {
            first: [0; 1 << 12],
            second: vec![[0; 1 << 10], [1; 1 << 10]],
            sets: vec![[0; 1 << 4], [u64::MAX; 1 << 4]],
        });
        for (address, length) in networks {
            tables.insert(address, length)?;
        }
        tables.unite();
        Some(tables)
    }

    #[inline]
    pub(super) fn contains(&self, address: u32) -> bool {
        let node = self.first[(address >> 20) as usize];
        let Some(node) = self.second.get(usize::from(node)) else {
            return false;
        };
        let Some(set) = self.sets.get(usize::from(node[(address >> 10 & 0x3ff) as usize])) else {
            return false;
        };
        set[(address >> 6 & 0xf) as usize] >> (address & 63) & 1 != 0
    }

    fn insert(&mut self, address: u32, length: u8) -> Option<()> {
        let (first, second, last) = (
            (address >> 20) as usize,
            (address >> 10 & 0x3ff) as usize,
            (address & 0x3ff) as usize,
        );
        if length <= 12 {
            return fill(&mut self.first, first, 12 - length);
        }
        let node = child(self.first.get_mut(first)?, &mut self.second, [0; 1 << 10], MAX_NODES)?;
        if length <= 22 {
            return fill(node, second, 22 - length);
        }
        let set = child(node.get_mut(second)?, &mut self.sets, [0; 1 << 4], MAX_SETS)?;
        for bit in last..(last + (1 << (32 - length.min(32)))).min(1 << 10) {
            *set.get_mut(bit / 64)? |= 1 << (bit % 64);
        }
        Some(())
    }

    /// Makes equal sets one: networks of one size leave only a few different ones.
    fn unite(&mut self) {
        let mut known: BTreeMap<Set, u16> = BTreeMap::new();
        let mut kept = Vec::new();
        let mut number = |set: &Set| {
            *known.entry(*set).or_insert_with(|| {
                kept.push(*set);
                (kept.len() - 1) as u16
            })
        };
        let numbers: Vec<u16> = self.sets.iter().map(&mut number).collect();
        for entry in self.second.iter_mut().flatten() {
            *entry = numbers.get(usize::from(*entry)).copied().unwrap_or(0);
        }
        self.sets = kept;
    }
}

/// Marks `2^bits` entries from `start` as "everything below".
fn fill(node: &mut [u16], start: usize, bits: u8) -> Option<()> {
    node.get_mut(start..start + (1 << bits))?.fill(1);
    Some(())
}

/// The node below an entry, made if there is none.
fn child<'n, T>(entry: &mut u16, nodes: &'n mut Vec<T>, empty: T, most: usize) -> Option<&'n mut T> {
    if *entry == 0 {
        if nodes.len() >= most {
            return None;
        }
        *entry = u16::try_from(nodes.len()).ok()?;
        nodes.push(empty);
    }
    nodes.get_mut(usize::from(*entry))
}
