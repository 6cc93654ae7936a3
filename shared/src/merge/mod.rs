//! Merging: what several reports say together.
//!
//! The receiver accumulates, the argument comes in. Merging is a union with "newest wins" inside; it never deletes. Equal reports merge to
//! themselves, and the result does not depend on the order, with the exceptions that the wire's compatibility demands: two different values
//! with one timestamp (the longer map's side stays), and descriptions (controls, templates, plugins) that differ under one id.
//! Sampling and window are sums. Nothing here can fail or read a clock.

mod node;
mod parts;

use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::{SmolStr, format_smolstr};

use crate::hash::Murmur3;
use crate::report::{Extra, Node, Nodes, Report, Topology};
use parts::{Side, merge_descriptions, merge_metadata, merge_metrics, merge_tables};

impl Report {
    /// Takes in another report.
    pub fn merge(&mut self, other: &Self) {
        if self.ts.is_zero() || (!other.ts.is_zero() && other.ts.is_before(self.ts)) {
            self.ts = other.ts;
        }
        for (topology, incoming) in self.topologies.iter_mut().zip(other.topologies.iter()) {
            topology.merge(incoming);
        }
        for (key, incoming) in &other.others {
            self.others.entry(key.clone()).or_default().merge(incoming);
        }
        for (address, incoming) in &other.dns {
            let record = self.dns.entry(address.clone()).or_default();
            record.forward.union_with(&incoming.forward);
            record.reverse.union_with(&incoming.reverse);
        }
        self.sampling.count = self.sampling.count.saturating_add(other.sampling.count);
        self.sampling.total = self.sampling.total.saturating_add(other.sampling.total);
        self.window = self.window.saturating_add(other.window);
        if let Some(incoming) = &other.plugins {
            merge_descriptions(self.plugins.get_or_insert_default(), incoming);
        }
        merge_extra(&mut self.extra, &other.extra);
    }

    /// Several reports as one, taken in in the order given, with an id that is a function of theirs.
    #[must_use]
    pub fn merge_all<'r>(reports: impl IntoIterator<Item = &'r Self>) -> Self {
        let mut merged = Self::default();
        let mut ids = String::new();
        for report in reports {
            merged.merge(report);
            ids.push_str(&report.id);
        }
        merged.id = format_smolstr!("{:x}", Murmur3::first_half(ids.as_bytes()));
        merged
    }
}

impl Topology {
    /// Takes in another report's topology of the same kind.
    pub fn merge(&mut self, other: &Self) {
        take_if_empty(&mut self.shape, &other.shape);
        take_if_empty(&mut self.tag, &other.tag);
        if self.label.is_empty() {
            self.label = other.label.clone();
            self.label_plural = other.label_plural.clone();
        }
        merge_nodes(&mut self.nodes, &other.nodes);
        merge_descriptions(&mut self.controls, &other.controls);
        merge_metadata(&mut self.metadata_templates, &other.metadata_templates);
        merge_metrics(&mut self.metric_templates, &other.metric_templates);
        merge_tables(&mut self.table_templates, &other.table_templates);
        merge_extra(&mut self.extra, &other.extra);
    }
}

/// Takes nodes in. A node that is there already becomes the merge of both, the incoming one as the receiver.
fn merge_nodes(nodes: &mut Nodes, incoming: &Nodes) {
    if nodes.is_empty() {
        nodes.clone_from(incoming);
    } else if incoming.len() < nodes.len() / 8 {
        // A few into many: look each one up.
        for (id, node) in incoming {
            match nodes.get_mut(id) {
                Some(existing) => merge_into(existing, node),
                None => {
                    nodes.insert(id.clone(), Arc::clone(node));
                }
            }
        }
    } else {
        // Many into many: one walk along both, and a tree built from the sorted result.
        let mut all = Vec::with_capacity(nodes.len().max(incoming.len()));
        let mut incoming = incoming.iter().peekable();
        for (id, mut node) in std::mem::take(nodes) {
            while let Some((new_id, new)) = incoming.next_if(|(new_id, _)| **new_id < id) {
                all.push((new_id.clone(), Arc::clone(new)));
            }
            if let Some((_, same)) = incoming.next_if(|(new_id, _)| **new_id == id) {
                merge_into(&mut node, same);
            }
            all.push((id, node));
        }
        all.extend(incoming.map(|(id, node)| (id.clone(), Arc::clone(node))));
        *nodes = BTreeMap::from_iter(all);
    }
}

fn merge_into(existing: &mut Arc<Node>, incoming: &Arc<Node>) {
    // One and the same node, as in a window that holds it many times: nothing to learn.
    if !Arc::ptr_eq(existing, incoming) {
        *existing = Arc::new(incoming.merged(existing));
    }
}

fn take_if_empty(text: &mut SmolStr, other: &SmolStr) {
    if text.is_empty() {
        text.clone_from(other);
    }
}

/// Unknown fields: those of the receiver, then those only the other has.
fn merge_extra(extra: &mut Extra, other: &Extra) {
    for (key, value) in other.iter() {
        if extra.iter().all(|(known, _)| known != key) {
            extra.push(key.clone(), value.clone());
        }
    }
}

/// Which of two collections is the base: the longer, and of equal ones the receiver's.
fn base_of_lengths(receiver: usize, argument: usize) -> Side {
    if argument > receiver { Side::Argument } else { Side::Receiver }
}
