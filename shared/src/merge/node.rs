//! Merging two versions of one node.

use crate::sort::SmallSort as _;
use smol_str::SmolStr;

use super::parts::Side;
use super::{base_of_lengths, merge_extra};
use crate::report::{Kind, Latest, Metric, Node, StringSet, VecMap, keys};

impl Node {
    /// Takes in another version of the same node.
    pub fn merge(&mut self, other: &Self) {
        *self = self.merged(other);
    }

    /// This node with another version of it taken in. Where the two disagree without a newer side, this one is the receiver.
    #[must_use]
    pub fn merged(&self, other: &Self) -> Self {
        // Nodes of two topologies under one id are two programs' disagreement; the receiver's word stands.
        let topology = if self.topology.is_empty() {
            &other.topology
        } else {
            &self.topology
        };
        let mut latest = merge_latest(&self.latest, &other.latest);
        if topology == Kind::Host.name() {
            unite_active_controls(&mut latest, self, other);
        }
        let mut extra = self.extra.clone();
        merge_extra(&mut extra, &other.extra);
        Self {
            id: if self.id.is_empty() { other.id.clone() } else { self.id.clone() },
            topology: topology.clone(),
            sets: merge_sets(&self.sets, &other.sets),
            adjacency: self.adjacency.union(&other.adjacency),
            latest,
            metrics: merge_metrics(&self.metrics, &other.metrics),
            parents: merge_sets(&self.parents, &other.parents),
            children: merge_children(&self.children, &other.children),
            dropped_latest: Vec::new(),
            extra,
        }
    }
}

fn merge_sets(sets: &VecMap<StringSet>, other: &VecMap<StringSet>) -> VecMap<StringSet> {
    sets.joined(other, StringSet::union)
}

/// Newest per key. Of equal times the base's value stays: the longer map is the base, of equally long ones the receiver's, unless the
/// argument's is newer at the receiver's first key.
fn merge_latest(receiver: &VecMap<Latest>, argument: &VecMap<Latest>) -> VecMap<Latest> {
    let base = if receiver.len() == argument.len() {
        let first = receiver.iter().next().map(|(_, entry)| entry.timestamp);
        let theirs = argument.iter().next().map(|(_, entry)| entry.timestamp);
        match (first, theirs) {
            (Some(first), Some(theirs)) if first.is_before(theirs) => Side::Argument,
            _ => Side::Receiver,
        }
    } else {
        base_of_lengths(receiver.len(), argument.len())
    };
    receiver.joined(argument, |ours, theirs| {
        let (kept, other) = base.order(ours, theirs);
        if kept.timestamp.is_before(other.timestamp) {
            other.clone()
        } else {
            kept.clone()
        }
    })
}

/// Host nodes offer what any of their probes offers (a host's own probe and a cluster's report the same host).
fn unite_active_controls(latest: &mut VecMap<Latest>, receiver: &Node, argument: &Node) {
    let (Some(ours), Some(theirs)) = (
        receiver.latest.get(keys::ACTIVE_CONTROLS),
        argument.latest.get(keys::ACTIVE_CONTROLS),
    ) else {
        return;
    };
    if ours.value == theirs.value {
        return;
    }
    let ids: StringSet = ours
        .value
        .split(';')
        .chain(theirs.value.split(';'))
        .filter(|id| !id.is_empty())
        .collect();
    let value: SmolStr = ids.as_slice().join(";").into();
    let timestamp = if ours.timestamp.is_before(theirs.timestamp) {
        theirs.timestamp
    } else {
        ours.timestamp
    };
    latest.insert(keys::ACTIVE_CONTROLS, Latest { timestamp, value });
}

fn merge_metrics(receiver: &VecMap<Metric>, argument: &VecMap<Metric>) -> VecMap<Metric> {
    let base = base_of_lengths(receiver.len(), argument.len());
    receiver.joined(argument, |ours, theirs| {
        let (kept, other) = base.order(ours, theirs);
        kept.merged(other)
    })
}

impl Metric {
    /// This metric with the samples of another; of two samples of one instant this one's stays.
    #[must_use]
    pub fn merged(&self, other: &Self) -> Self {
        if self.samples.is_empty() {
            return other.clone();
        }
        if other.samples.is_empty() {
            return self.clone();
        }
        let mut samples = Vec::with_capacity(self.samples.len() + other.samples.len());
        let mut theirs = other.samples.iter().peekable();
        for sample in &self.samples {
            while let Some(earlier) = theirs.next_if(|theirs| theirs.date.is_before(sample.date)) {
                samples.push(*earlier);
            }
            while theirs.next_if(|theirs| theirs.date.same_instant(sample.date)).is_some() {}
            samples.push(*sample);
        }
        samples.extend(theirs.copied());
        Self {
            samples,
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }
}

/// Union by id; of two versions of one child the smaller collection's stays, of equally large ones the argument's.
fn merge_children(receiver: &[Node], argument: &[Node]) -> Vec<Node> {
    let kept = if receiver.len() < argument.len() { receiver } else { argument };
    let other = if receiver.len() < argument.len() { argument } else { receiver };
    if kept.is_empty() {
        return other.to_vec();
    }
    let mut children: Vec<Node> = kept.to_vec();
    children.extend(
        other
            .iter()
            .filter(|child| kept.binary_search_by(|known| known.id.cmp(&child.id)).is_err())
            .cloned(),
    );
    children.order_by(|a, b| a.id.cmp(&b.id));
    children
}
