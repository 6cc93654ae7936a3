//! Lists that share with their earlier versions whatever did not change.
//!
//! A view of a hundred thousand nodes of which a thousand changed must not copy, count or compare a hundred thousand of anything: lists are
//! cut into pieces, a new version holds the pieces of the one before but for those that changed, and two versions are compared piece by
//! piece, equal pointers first. Positions are fixed: a list grows at its end.

use std::ops::Index;
use std::sync::Arc;

use super::graph::Lists;

/// Items of a piece. Few enough that a scattered change copies little, many enough that the list of pieces is short.
const PIECE: usize = 32;

/// A list of anything.
#[derive(Clone, Debug)]
pub(crate) struct Chunks<T> {
    pieces: Vec<Arc<[T]>>,
    len: usize,
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self {
            pieces: Vec::new(),
            len: 0,
        }
    }
}

impl<T> Chunks<T> {
    /// How many items.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// An item.
    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        self.pieces.get(at / PIECE)?.get(at % PIECE)
    }

    /// The items.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.pieces.iter().flat_map(|piece| piece.iter())
    }

    /// The items, those of a piece at a time.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[T]> {
        self.pieces.iter().map(|piece| &**piece)
    }

    /// Where two lists differ, of which the other may be longer: ascending.
    pub(crate) fn differing(&self, other: &Self, same: impl Fn(&T, &T) -> bool) -> Vec<u32> {
        let mut found = Vec::new();
        for (piece, (ours, theirs)) in self.pieces.iter().zip(&other.pieces).enumerate() {
            if !Arc::ptr_eq(ours, theirs) {
                let items = ours.iter().zip(theirs.iter()).zip(piece as u32 * PIECE as u32..);
                found.extend(items.filter(|((ours, theirs), _)| !same(ours, theirs)).map(|(_, at)| at));
            }
        }
        found.extend(self.len as u32..other.len as u32);
        found
    }
}

impl<T: Clone> Chunks<T> {
    /// Makes the list longer, by copies of an item.
    pub(crate) fn grow(&mut self, len: usize, item: &T) {
        while self.len < len {
            let last = self.pieces.pop_if(|last| last.len() < PIECE);
            let known = last.as_deref().unwrap_or_default();
            let more = (len - self.len).min(PIECE - known.len());
            let piece = known.iter().cloned().chain(std::iter::repeat_n(item.clone(), more)).collect();
            self.pieces.push(piece);
            self.len += more;
        }
    }

    /// Replaces an item.
    pub(crate) fn set(&mut self, at: usize, item: T) {
        if let Some(slot) = self
            .pieces
            .get_mut(at / PIECE)
            .and_then(|piece| Arc::make_mut(piece).get_mut(at % PIECE))
        {
            *slot = item;
        }
    }
}

impl<T> From<Vec<T>> for Chunks<T> {
    fn from(items: Vec<T>) -> Self {
        let len = items.len();
        let mut items = items.into_iter();
        let pieces = (0..len.div_ceil(PIECE)).map(|_| items.by_ref().take(PIECE).collect()).collect();
        Self { pieces, len }
    }
}

impl<T> Index<usize> for Chunks<T> {
    type Output = T;

    fn index(&self, at: usize) -> &T {
        &self.pieces[at / PIECE][at % PIECE]
    }
}

/// A list of numbers for each node: its edges.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edges {
    pieces: Vec<Arc<Lists>>,
}

impl Edges {
    /// From one list for each node; `add` is called with each node and pushes its items, ascending.
    pub(crate) fn build(nodes: usize, mut add: impl FnMut(usize, &mut Vec<u32>)) -> Self {
        let piece = |first: usize| Arc::new(Lists::build((nodes - first).min(PIECE), |at, items| add(first + at, items)));
        Self {
            pieces: (0..nodes).step_by(PIECE).map(piece).collect(),
        }
    }

    /// From pairs (node, item), sorted and each once, for `nodes` nodes.
    pub(crate) fn from_sorted(nodes: usize, pairs: &[u64]) -> Self {
        let mut rest = pairs.iter().peekable();
        Self::build(nodes, |at, items| {
            while let Some(pair) = rest.next_if(|pair| (**pair >> 32) as usize == at) {
                items.push(*pair as u32);
            }
        })
    }

    /// Makes it lists for so many nodes, which must not be fewer than before; the new ones are empty.
    pub(crate) fn grow(&mut self, nodes: usize) {
        let mut last = self.pieces.pop_if(|last| last.len() < PIECE).unwrap_or_default();
        while self.pieces.len() * PIECE < nodes {
            let known = std::mem::take(&mut last);
            let more = nodes - self.pieces.len() * PIECE;
            let lists = Lists::build(more.min(PIECE), |at, items| items.extend_from_slice(known.of(at as u32)));
            self.pieces.push(Arc::new(lists));
        }
    }

    /// The list of a node, ascending.
    pub(crate) fn of(&self, node: u32) -> &[u32] {
        self.pieces
            .get(node as usize / PIECE)
            .map_or(&[], |piece| piece.of(node % PIECE as u32))
    }

    /// Gives the nodes `changed` (ascending, each once) other lists. True if any of them differs.
    pub(crate) fn renew(&mut self, changed: &[u32], mut add: impl FnMut(u32, &mut Vec<u32>)) -> bool {
        let mut any = false;
        for nodes in changed.chunk_by(|a, b| a / PIECE as u32 == b / PIECE as u32) {
            let first = nodes.first().map_or(0, |node| node / PIECE as u32 * PIECE as u32);
            let Some(piece) = self.pieces.get_mut(first as usize / PIECE) else {
                continue;
            };
            let renewed = Lists::build(piece.len(), |at, items| {
                let at = at as u32;
                if nodes.binary_search(&(first + at)).is_ok() {
                    add(first + at, items);
                } else {
                    items.extend_from_slice(piece.of(at));
                }
            });
            if renewed != **piece {
                *piece = Arc::new(renewed);
                any = true;
            }
        }
        any
    }

    /// The nodes whose lists differ, ascending; the other may be of more nodes.
    pub(crate) fn differing(&self, other: &Self) -> Vec<u32> {
        let mut found = Vec::new();
        let none = Arc::default();
        for (piece, theirs) in other.pieces.iter().enumerate() {
            let ours = self.pieces.get(piece).unwrap_or(&none);
            if !Arc::ptr_eq(ours, theirs) {
                let first = (piece * PIECE) as u32;
                let nodes = (0..theirs.len() as u32).filter(|at| ours.of(*at) != theirs.of(*at));
                found.extend(nodes.map(|at| first + at));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn versions_differ_where_they_were_changed(
            len in 0usize..200, more in 0usize..100, changes in proptest::collection::vec((0usize..200, 0u32..9), 0..20),
        ) {
            let plain = vec![100_u32; len];
            let before = Chunks::from(plain.clone());
            let (mut after, mut wanted) = (before.clone(), plain.clone());
            for (at, item) in changes {
                after.set(at, item);
                if let Some(slot) = wanted.get_mut(at) {
                    *slot = item;
                }
            }
            prop_assert_eq!(before.iter().copied().collect::<Vec<_>>(), plain);
            prop_assert_eq!(after.iter().copied().collect::<Vec<_>>(), wanted.clone());
            let differing: Vec<u32> = (0..len as u32).filter(|at| wanted[*at as usize] != 100).collect();
            prop_assert_eq!(before.differing(&after, |a, b| a == b), differing);
            prop_assert_eq!(after.len(), len);
            prop_assert!((0..len + 40).all(|at| after.get(at) == wanted.get(at)));
            let mut longer = after.clone();
            longer.grow(len + more, &7);
            wanted.resize(len + more, 7);
            prop_assert_eq!(longer.iter().copied().collect::<Vec<_>>(), wanted);
            prop_assert_eq!(longer.len(), len + more);
            prop_assert_eq!(after.differing(&longer, |a, b| a == b), (len as u32..(len + more) as u32).collect::<Vec<_>>());
        }

        #[test]
        fn edges_differ_where_they_were_renewed(
            lists in proptest::collection::vec(proptest::collection::btree_set(0u32..50, 0..4), 0..150),
            changes in proptest::collection::btree_map(0usize..150, proptest::collection::btree_set(0u32..50, 0..4), 0..9),
            more in 0usize..100,
        ) {
            let before = Edges::build(lists.len(), |at, items| items.extend(&lists[at]));
            let pairs: Vec<u64> = lists.iter().zip(0u64..).flat_map(|(list, at)| list.iter().map(move |item| at << 32 | u64::from(*item))).collect();
            let again = Edges::from_sorted(lists.len(), &pairs);
            prop_assert_eq!(before.differing(&again), Vec::<u32>::new());
            let changed: Vec<u32> = changes.keys().map(|at| *at as u32).filter(|at| (*at as usize) < lists.len()).collect();
            let mut after = before.clone();
            let any = after.renew(&changed, |at, items| items.extend(&changes[&(at as usize)]));
            let differing: Vec<u32> = changed.iter().copied().filter(|at| changes[&(*at as usize)] != lists[*at as usize]).collect();
            prop_assert_eq!(any, !differing.is_empty());
            prop_assert_eq!(before.differing(&after), differing);
            for (at, list) in lists.iter().enumerate() {
                let wanted = changes.get(&at).unwrap_or(list);
                prop_assert_eq!(after.of(at as u32).to_vec(), wanted.iter().copied().collect::<Vec<_>>());
                prop_assert_eq!(before.of(at as u32).to_vec(), list.iter().copied().collect::<Vec<_>>());
            }
            let nodes = lists.len() + more;
            let mut longer = after.clone();
            longer.grow(nodes);
            prop_assert_eq!(after.differing(&longer), Vec::<u32>::new());
            if let Some(new) = (lists.len()..nodes).next() {
                longer.renew(&[new as u32], |_, items| items.push(7));
                prop_assert_eq!(after.differing(&longer), vec![new as u32]);
            }
            prop_assert!((0..lists.len() as u32).all(|at| longer.of(at) == after.of(at)));
        }
    }
}
