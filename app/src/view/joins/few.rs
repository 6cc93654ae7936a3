//! A list that mostly has very few items: those need no allocation of their own.
//!
//! Most endpoints have one connection, most processes a few: a cluster's joins are tens of thousands of such lists.

use std::ops::{Deref, DerefMut};

/// A list; up to `N` items stand in it.
#[derive(Clone, Debug)]
pub(crate) enum Few<T, const N: usize> {
    /// So many of the items.
    Here(u8, [T; N]),
    /// Any number.
    Many(Vec<T>),
}

impl<T: Copy + Default, const N: usize> Default for Few<T, N> {
    fn default() -> Self {
        Self::Here(0, [T::default(); N])
    }
}

impl<T, const N: usize> Deref for Few<T, N> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Self::Here(len, items) => &items[..usize::from(*len)],
            Self::Many(items) => items,
        }
    }
}

impl<T, const N: usize> DerefMut for Few<T, N> {
    fn deref_mut(&mut self) -> &mut [T] {
        match self {
            Self::Here(len, items) => &mut items[..usize::from(*len)],
            Self::Many(items) => items,
        }
    }
}

impl<T: Copy + Default, const N: usize> Few<T, N> {
    /// Puts an item in at a place, moving those behind it.
    pub(crate) fn insert(&mut self, at: usize, item: T) {
        match self {
            Self::Many(items) => items.insert(at, item),
            Self::Here(len, items) if usize::from(*len) < N => {
                items.copy_within(at..usize::from(*len), at + 1);
                items[at] = item;
                *len += 1;
            }
            Self::Here(_, items) => {
                let mut many = Vec::with_capacity(2 * N + 2);
                many.extend_from_slice(items);
                many.insert(at, item);
                *self = Self::Many(many);
            }
        }
    }

    /// Takes an item out, moving those behind it.
    pub(crate) fn remove(&mut self, at: usize) {
        match self {
            Self::Many(items) => {
                items.remove(at);
            }
            Self::Here(len, items) => {
                items.copy_within(at + 1..usize::from(*len), at);
                *len -= 1;
            }
        }
    }
}

impl<const N: usize> Few<u32, N> {
    /// Puts a value into a sorted list, if it is not there.
    pub(crate) fn insert_sorted(&mut self, value: u32) {
        if self.last().is_none_or(|last| *last < value) {
            self.insert(self.len(), value);
        } else if let Err(at) = self.binary_search(&value) {
            self.insert(at, value);
        }
    }

    /// Takes a value out of a sorted list, if it is there.
    pub(crate) fn remove_sorted(&mut self, value: u32) {
        if let Ok(at) = self.binary_search(&value) {
            self.remove(at);
        }
    }
}

impl<T: Copy + Default, const N: usize> FromIterator<T> for Few<T, N> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut list = Self::default();
        items.into_iter().for_each(|item| list.insert(list.len(), item));
        list
    }
}

#[cfg(test)]
mod tests {
    use super::Few;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_a_sorted_list(steps in proptest::collection::vec((any::<bool>(), 0u32..9), 0..40)) {
            let mut list = Few::<u32, 3>::default();
            let mut plain = std::collections::BTreeSet::new();
            for (add, value) in steps {
                if add {
                    list.insert_sorted(value);
                    plain.insert(value);
                } else {
                    list.remove_sorted(value);
                    plain.remove(&value);
                }
                prop_assert_eq!(list.to_vec(), plain.iter().copied().collect::<Vec<_>>());
            }
            prop_assert_eq!(list.iter().copied().collect::<Few<u32, 1>>().to_vec(), list.to_vec());
        }
    }
}
