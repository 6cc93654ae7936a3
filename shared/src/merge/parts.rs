//! Merging what topologies say about how nodes are shown and what can be done to them.

use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::base_of_lengths;
use crate::report::{MetadataTemplate, MetricTemplate, TableTemplate};

/// One of the two things being merged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Receiver,
    Argument,
}

impl Side {
    /// This side's thing first, then the other.
    pub(super) fn order<T>(self, receiver: T, argument: T) -> (T, T) {
        match self {
            Self::Receiver => (receiver, argument),
            Self::Argument => (argument, receiver),
        }
    }
}

/// Controls and plugins: union; of two versions the smaller map's stays, of equally large ones the argument's.
pub(super) fn merge_descriptions<V: Clone>(receiver: &mut BTreeMap<SmolStr, V>, argument: &BTreeMap<SmolStr, V>) {
    let theirs_win = argument.len() <= receiver.len();
    merge_with(receiver, argument, |_, existing, incoming| {
        if theirs_win {
            existing.clone_from(incoming);
        }
    });
}

pub(super) fn merge_metadata(receiver: &mut BTreeMap<SmolStr, MetadataTemplate>, argument: &BTreeMap<SmolStr, MetadataTemplate>) {
    merge_with(receiver, argument, |base, existing, incoming| {
        merge_by_priority(base, existing, incoming, |template| template.priority)
    });
}

pub(super) fn merge_metrics(receiver: &mut BTreeMap<SmolStr, MetricTemplate>, argument: &BTreeMap<SmolStr, MetricTemplate>) {
    merge_with(receiver, argument, |base, existing, incoming| {
        merge_by_priority(base, existing, incoming, |template| template.priority)
    });
}

pub(super) fn merge_tables(receiver: &mut BTreeMap<SmolStr, TableTemplate>, argument: &BTreeMap<SmolStr, TableTemplate>) {
    merge_with(receiver, argument, |base, existing, incoming| {
        if existing == incoming {
            return;
        }
        let (larger, smaller) = base.order(&*existing, incoming);
        *existing = TableTemplate {
            id: (&larger.id).max(&smaller.id).clone(),
            label: (&larger.label).max(&smaller.label).clone(),
            prefix: (&larger.prefix).max(&smaller.prefix).clone(),
            kind: (&larger.kind).max(&smaller.kind).clone(),
            columns: longer(&larger.columns, &smaller.columns, Vec::len).clone(),
            fixed_rows: longer(&larger.fixed_rows, &smaller.fixed_rows, BTreeMap::len).clone(),
        };
    });
}

/// The base's version stays unless the other's priority is higher.
fn merge_by_priority<T: Clone>(base: Side, existing: &mut T, incoming: &T, priority: fn(&T) -> f64) {
    let (kept, other) = base.order(priority(existing), priority(incoming));
    let other_wins = other > kept;
    if other_wins == (base == Side::Receiver) {
        existing.clone_from(incoming);
    }
}

/// The longer of the two, the second if they are equally long; a `null` only if both are.
fn longer<'t, T>(larger: &'t Option<T>, smaller: &'t Option<T>, length: fn(&T) -> usize) -> &'t Option<T> {
    let lengths = [larger, smaller].map(|list| list.as_ref().map_or(0, length));
    if lengths[0] > lengths[1] || smaller.is_none() {
        larger
    } else {
        smaller
    }
}

/// Takes entries in; where both have one, `merge` decides, told which of the maps is the base.
fn merge_with<V: Clone>(receiver: &mut BTreeMap<SmolStr, V>, argument: &BTreeMap<SmolStr, V>, mut merge: impl FnMut(Side, &mut V, &V)) {
    let base = base_of_lengths(receiver.len(), argument.len());
    for (key, incoming) in argument {
        match receiver.get_mut(key) {
            Some(existing) => merge(base, existing, incoming),
            None => {
                receiver.insert(key.clone(), incoming.clone());
            }
        }
    }
}
