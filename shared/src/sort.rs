//! Sorting in little code: one machine sorts positions for lists of every type, where the standard library makes a machine of some five
//! kilobytes for each type and order. Dozens of such lists are sorted in the page, whose size people wait for.
//!
//! Stable. A comparison costs an indirect call more than the standard library's, so a list that is sorted in a hot loop is no case for it.

use std::cmp::Ordering;

/// Sorting in little code, as methods of slices.
pub trait SmallSort<T> {
    /// Sorts by an order, keeping equal ones as they are.
    fn order_by(&mut self, compare: impl FnMut(&T, &T) -> Ordering);

    /// Sorts by the items' own order.
    fn order(&mut self)
    where
        T: Ord,
    {
        self.order_by(T::cmp);
    }

    /// Sorts by a key.
    fn order_by_key<K: Ord>(&mut self, mut key: impl FnMut(&T) -> K) {
        self.order_by(|a, b| key(a).cmp(&key(b)));
    }
}

impl<T> SmallSort<T> for [T] {
    fn order_by(&mut self, mut compare: impl FnMut(&T, &T) -> Ordering) {
        let mut from = places(self.len(), &mut |a, b| match (self.get(a), self.get(b)) {
            (Some(a), Some(b)) => compare(a, b),
            _ => Ordering::Equal,
        });
        permute(&mut from, &mut |a, b| self.swap(a, b));
    }
}

/// Which item belongs to each place.
#[inline(never)]
fn places(len: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<usize> {
    let mut from: Vec<usize> = (0..len).collect();
    from.sort_by(|a, b| compare(*a, *b));
    from
}

/// Follows each cycle of the permutation once, swapping along it.
#[inline(never)]
fn permute(from: &mut [usize], swap: &mut dyn FnMut(usize, usize)) {
    for start in 0..from.len() {
        let mut at = start;
        while let Some(place) = from.get_mut(at) {
            let next = std::mem::replace(place, at);
            if next == start || next == at {
                break;
            }
            swap(at, next);
            at = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SmallSort as _;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_sorts_as_the_standard_library_does(items in proptest::collection::vec((0u8..20, any::<u16>()), 0..200)) {
            let (mut ours, mut theirs) = (items.clone(), items);
            ours.order_by(|a, b| a.0.cmp(&b.0));
            theirs.sort_by_key(|item| item.0);
            prop_assert_eq!(&ours, &theirs);
            ours.order_by_key(|item| std::cmp::Reverse(item.1));
            theirs.sort_by_key(|item| std::cmp::Reverse(item.1));
            prop_assert_eq!(&ours, &theirs);
            ours.order();
            theirs.sort();
            prop_assert_eq!(ours, theirs);
        }
    }
}
