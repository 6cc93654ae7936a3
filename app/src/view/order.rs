//! How the nodes of a graph stand by id, where they do not stand in that order themselves.
//!
//! A graph that is kept while its nodes come and go has each at an index of its own, so that what is known of the others by index (edges,
//! rows, groups) stays true. Only this order is put together anew then, without a look at any node that was there before.

use std::sync::Arc;

/// No rank: there is no node.
const NONE: u32 = u32::MAX;

/// The order of a graph's nodes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    /// In graphs of one line an index means the same id.
    line: Arc<()>,
    /// Indexes by id, ascending.
    by_id: Vec<u32>,
    /// By index: the place in `by_id`.
    ranks: Vec<u32>,
}

impl Order {
    /// Of so many indexes, those at which there is a node by id.
    pub(crate) fn new(len: usize, by_id: Vec<u32>) -> Self {
        Self::of_line(Arc::default(), len, by_id)
    }

    fn of_line(line: Arc<()>, len: usize, by_id: Vec<u32>) -> Self {
        let mut ranks = vec![NONE; len];
        for (at, rank) in by_id.iter().zip(0..) {
            ranks[*at as usize] = rank;
        }
        Self { line, by_id, ranks }
    }

    /// Of so many indexes now, the order after some nodes went and others came (by id).
    pub(crate) fn after<'a>(&self, len: usize, gone: &[u32], come: &[u32], id: impl Fn(u32) -> &'a str) -> Self {
        let place = |new: &u32| self.by_id.partition_point(|other| id(*other) < id(*new));
        let mut cuts: Vec<(usize, Option<u32>)> = come.iter().map(|new| (place(new), Some(*new))).collect();
        cuts.extend(gone.iter().map(|at| (self.rank(*at) as usize, None)));
        // Stable: who comes stands before whom they are put in front of, those at one place by id.
        cuts.sort_by_key(|(place, new)| (*place, new.is_none()));
        let mut by_id = Vec::with_capacity(self.by_id.len() + come.len());
        let mut from = 0;
        for (place, new) in cuts {
            by_id.extend_from_slice(&self.by_id[from..place]);
            by_id.extend(new);
            from = place + usize::from(new.is_none());
        }
        by_id.extend_from_slice(&self.by_id[from..]);
        Self::of_line(self.line.clone(), len, by_id)
    }

    /// Whether an index means the same id in both.
    pub(crate) fn is_of_the_line_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.line, &other.line)
    }

    /// Indexes by id, ascending.
    pub(crate) fn by_id(&self) -> &[u32] {
        &self.by_id
    }

    /// The place of an index in the order.
    pub(crate) fn rank(&self, at: u32) -> u32 {
        self.ranks.get(at as usize).copied().unwrap_or(NONE)
    }

    /// By index: whether there is a node.
    pub(crate) fn there(&self) -> impl ExactSizeIterator<Item = bool> + '_ {
        self.ranks.iter().map(|rank| *rank != NONE)
    }

    /// Whether there is a node at an index.
    pub(crate) fn has(&self, at: u32) -> bool {
        self.rank(at) != NONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn who_comes_and_goes_leaves_the_others_in_order(
            steps in proptest::collection::vec(proptest::collection::btree_set(0u32..40, 0..9), 1..9),
        ) {
            // Index to id: any, but for ever.
            let ids: Vec<String> = (0..40u32).map(|at| format!("{:02}", at * 7 % 40)).collect();
            let id = |at: u32| ids[at as usize].as_str();
            let mut there = BTreeSet::new();
            let mut order = Order::new(0, Vec::new());
            for turned in steps {
                let gone: Vec<u32> = turned.iter().copied().filter(|at| there.contains(at)).collect();
                let mut come: Vec<u32> = turned.iter().copied().filter(|at| !there.contains(at)).collect();
                come.sort_by_key(|at| id(*at));
                there.retain(|at| !gone.contains(at));
                there.extend(come.iter().copied());
                let after = order.after(40, &gone, &come, id);
                let mut wanted: Vec<u32> = there.iter().copied().collect();
                wanted.sort_by_key(|at| id(*at));
                prop_assert_eq!(after.by_id(), wanted.as_slice());
                prop_assert!(after.is_of_the_line_of(&order));
                prop_assert!((0..50).all(|at| after.has(at) == there.contains(&at)));
                prop_assert_eq!(after.there().filter(|there| *there).count(), there.len());
                prop_assert!(wanted.iter().zip(0..).all(|(at, rank)| after.rank(*at) == rank));
                order = after;
            }
        }
    }
}
