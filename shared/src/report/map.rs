//! A small map with string keys: a sorted vector. Nodes have a handful of keys, so this is smaller and faster than a tree.

use crate::same::same;
use crate::sort::SmallSort as _;
use smol_str::SmolStr;

/// How many entries are looked through one by one.
const FEW: usize = 8;

/// A map from string to `V`, kept sorted by key (bytewise), each key once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VecMap<V>(Vec<(SmolStr, V)>);

impl<V> Default for VecMap<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V> VecMap<V> {
    /// An empty map.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// An empty map with room for so many entries and no more.
    #[must_use]
    pub fn with_capacity(entries: usize) -> Self {
        Self(Vec::with_capacity(entries))
    }

    /// From entries in any order; of entries with one key the last one stays.
    #[must_use]
    pub fn from_unsorted(mut entries: Vec<(SmolStr, V)>) -> Self {
        if !entries.is_sorted_by(|a, b| a.0 < b.0) {
            entries.order_by(|a, b| a.0.cmp(&b.0));
            // `dedup_by` drops its first argument, the later of the two: swap first so that the later value stays.
            entries.dedup_by(|later, earlier| {
                let same = later.0 == earlier.0;
                if same {
                    std::mem::swap(later, earlier);
                }
                same
            });
        }
        Self(entries)
    }

    /// From entries whose keys ascend.
    pub(crate) fn from_sorted(entries: Vec<(SmolStr, V)>) -> Self {
        debug_assert!(entries.is_sorted_by(|a, b| a.0 < b.0));
        Self(entries)
    }

    /// Few entries are looked through: nearly all keys differ in length, and the others are compared once.
    fn place(&self, key: &str) -> Option<usize> {
        if self.0.len() <= FEW {
            self.0.iter().position(|(existing, _)| same(existing.as_bytes(), key.as_bytes()))
        } else {
            self.position(key).ok()
        }
    }

    fn position(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(existing, _)| existing.as_str().cmp(key))
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&V> {
        self.place(key).map(|at| &self.0[at].1)
    }

    /// The value of `key`, to change.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut V> {
        self.place(key).map(|at| &mut self.0[at].1)
    }

    /// Whether `key` is there.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.place(key).is_some()
    }

    /// Sets `key`, returning what it was.
    pub fn insert(&mut self, key: impl Into<SmolStr>, value: V) -> Option<V> {
        let key = key.into();
        match self.position(&key) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (key, value));
                None
            }
        }
    }

    /// The value of `key`, made with `default` if it is not there.
    pub fn get_or_insert_with(&mut self, key: &str, default: impl FnOnce() -> V) -> &mut V {
        let at = match self.position(key) {
            Ok(at) => at,
            Err(at) => {
                self.0.insert(at, (SmolStr::new(key), default()));
                at
            }
        };
        &mut self.0[at].1
    }

    /// Takes `key` out.
    pub fn remove(&mut self, key: &str) -> Option<V> {
        self.position(key).ok().map(|at| self.0.remove(at).1)
    }

    /// Entries in key order.
    pub fn iter(&self) -> std::slice::Iter<'_, (SmolStr, V)> {
        self.0.iter()
    }

    /// Entries in key order, values to change.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&SmolStr, &mut V)> {
        self.0.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// Keeps the entries for which `keep` is true.
    pub fn retain(&mut self, mut keep: impl FnMut(&SmolStr, &V) -> bool) {
        self.0.retain(|(key, value)| keep(key, value));
    }

    /// Entries whose key starts with `prefix`, in key order.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a (SmolStr, V)> {
        let from = self.0.partition_point(|(key, _)| key.as_str() < prefix);
        self.0[from..].iter().take_while(move |(key, _)| key.starts_with(prefix))
    }

    /// The entries of both; where both have a key, `join` makes the value.
    #[must_use]
    pub fn joined(&self, other: &Self, mut join: impl FnMut(&V, &V) -> V) -> Self
    where
        V: Clone,
    {
        if self.is_empty() {
            return other.clone();
        }
        if other.is_empty() {
            return self.clone();
        }
        let mut all = Vec::with_capacity(self.len().max(other.len()));
        let mut theirs = other.0.iter().peekable();
        for (key, value) in &self.0 {
            while let Some(before) = theirs.next_if(|(their_key, _)| their_key < key) {
                all.push(before.clone());
            }
            let value = match theirs.next_if(|(their_key, _)| their_key == key) {
                Some((_, their_value)) => join(value, their_value),
                None => value.clone(),
            };
            all.push((key.clone(), value));
        }
        all.extend(theirs.cloned());
        Self(all)
    }

    /// The entries as a sorted slice.
    #[must_use]
    pub fn as_slice(&self) -> &[(SmolStr, V)] {
        &self.0
    }

    /// The entries, sorted.
    #[must_use]
    pub fn into_vec(self) -> Vec<(SmolStr, V)> {
        self.0
    }

    /// How many entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<V, K: Into<SmolStr>> FromIterator<(K, V)> for VecMap<V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self::from_unsorted(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }
}

impl<'a, V> IntoIterator for &'a VecMap<V> {
    type Item = &'a (SmolStr, V);
    type IntoIter = std::slice::Iter<'a, (SmolStr, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// A set of strings: sorted, each once. Nearly all have one member (the host a node is on, the peer of a connection) and need no allocation.
#[derive(Clone, Debug)]
pub struct StringSet(Members);

#[derive(Clone, Debug)]
enum Members {
    One([SmolStr; 1]),
    /// Any number.
    Many(Vec<SmolStr>),
}

impl Default for StringSet {
    fn default() -> Self {
        Self(Members::Many(Vec::new()))
    }
}

impl PartialEq for StringSet {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for StringSet {}

impl StringSet {
    /// From strings in any order.
    #[must_use]
    pub fn from_unsorted(mut members: Vec<SmolStr>) -> Self {
        if !members.is_sorted_by(|a, b| a < b) {
            members.order();
            members.dedup();
        }
        Self(Members::Many(members))
    }

    /// The set of one string.
    #[must_use]
    pub fn one(member: SmolStr) -> Self {
        Self(Members::One([member]))
    }

    /// Adds a member; false if it was there.
    pub fn insert(&mut self, member: impl Into<SmolStr>) -> bool {
        let member = member.into();
        match self.as_slice().binary_search(&member) {
            Ok(_) => false,
            Err(at) => {
                match &mut self.0 {
                    Members::Many(members) => members.insert(at, member),
                    Members::One([only]) => {
                        let mut members = vec![std::mem::take(only)];
                        members.insert(at, member);
                        self.0 = Members::Many(members);
                    }
                }
                true
            }
        }
    }

    /// Whether `member` is in it.
    #[must_use]
    pub fn contains(&self, member: &str) -> bool {
        self.as_slice().binary_search_by(|existing| existing.as_str().cmp(member)).is_ok()
    }

    /// Adds every member of `other`.
    pub fn union_with(&mut self, other: &Self) {
        if !other.is_subset(self) {
            *self = self.union(other);
        }
    }

    /// The members of both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if self.is_empty() || self == other {
            return other.clone();
        }
        if other.is_empty() {
            return self.clone();
        }
        let mut all = Vec::with_capacity(self.len().max(other.len()));
        let mut theirs = other.iter().peekable();
        for member in self {
            while let Some(before) = theirs.next_if(|their| *their < member) {
                all.push(before.clone());
            }
            theirs.next_if_eq(&member);
            all.push(member.clone());
        }
        all.extend(theirs.cloned());
        Self(Members::Many(all))
    }

    /// Whether every member is in `other`.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        let mut theirs = other.iter();
        self.len() <= other.len() && self.iter().all(|member| theirs.any(|their| their == member))
    }

    /// Members in order.
    pub fn iter(&self) -> std::slice::Iter<'_, SmolStr> {
        self.as_slice().iter()
    }

    /// Members in order, as a slice.
    #[must_use]
    pub fn as_slice(&self) -> &[SmolStr] {
        match &self.0 {
            Members::One(member) => member,
            Members::Many(members) => members,
        }
    }

    /// How many members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }
}

impl<S: Into<SmolStr>> FromIterator<S> for StringSet {
    fn from_iter<I: IntoIterator<Item = S>>(members: I) -> Self {
        Self::from_unsorted(members.into_iter().map(Into::into).collect())
    }
}

impl<'a> IntoIterator for &'a StringSet {
    type Item = &'a SmolStr;
    type IntoIter = std::slice::Iter<'a, SmolStr>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
