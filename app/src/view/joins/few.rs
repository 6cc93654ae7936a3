//! Sorted lists of slots that mostly have very few of them: those need no allocation of their own.
//!
//! Most endpoints have one connection, most processes a few: a cluster's joins are tens of thousands of such lists.

use smallvec::SmallVec;

/// Slots; up to three stand in the list itself.
pub(crate) type Few = SmallVec<[u32; 3]>;

/// Puts a slot into a sorted list, if it is not there.
pub(crate) fn insert_sorted(list: &mut Few, slot: u32) {
    if list.last().is_none_or(|last| *last < slot) {
        list.push(slot);
    } else if let Err(at) = list.binary_search(&slot) {
        list.insert(at, slot);
    }
}

/// Takes a slot out of a sorted list, if it is there.
pub(crate) fn remove_sorted(list: &mut Few, slot: u32) {
    if let Ok(at) = list.binary_search(&slot) {
        list.remove(at);
    }
}

#[cfg(test)]
mod tests {
    use super::{Few, insert_sorted, remove_sorted};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_a_sorted_list(steps in proptest::collection::vec((any::<bool>(), 0u32..9), 0..40)) {
            let mut list = Few::new();
            let mut plain = std::collections::BTreeSet::new();
            for (add, slot) in steps {
                if add {
                    insert_sorted(&mut list, slot);
                    plain.insert(slot);
                } else {
                    remove_sorted(&mut list, slot);
                    plain.remove(&slot);
                }
                prop_assert_eq!(list.to_vec(), plain.iter().copied().collect::<Vec<_>>());
            }
        }
    }
}
