//! One level of the connection graph: nodes of one kind (and the pseudo nodes beside them) with edges counted by the endpoint
//! connections that make them.
//!
//! Counting is what makes changes cheap: taking one connection away lowers one count, and only an edge whose count reaches zero vanishes.

use std::sync::Arc;

use foldhash::fast::FixedState;
use scope_shared::report::{Node, SmolStr};
use std::collections::HashMap;

/// No slot.
pub(crate) const NONE: u32 = u32::MAX;

/// Ids and their dense numbers ("slots").
#[derive(Clone, Debug, Default)]
pub(crate) struct Ids {
    slots: HashMap<SmolStr, u32, FixedState>,
    names: Vec<SmolStr>,
}

impl Ids {
    /// The slot of an id, made if it has none.
    pub(crate) fn intern(&mut self, id: &SmolStr) -> u32 {
        if let Some(&slot) = self.slots.get(id) {
            return slot;
        }
        let slot = self.names.len() as u32;
        self.names.push(id.clone());
        self.slots.insert(id.clone(), slot);
        slot
    }

    /// The slot of an id given as text.
    pub(crate) fn intern_text(&mut self, id: &str) -> u32 {
        match self.slots.get(id) {
            Some(&slot) => slot,
            None => self.intern(&SmolStr::new(id)),
        }
    }

    /// The slot of an id that has one.
    pub(crate) fn get(&self, id: &str) -> Option<u32> {
        self.slots.get(id).copied()
    }

    /// The id of a slot; empty for a slot that was never given out.
    pub(crate) fn name(&self, slot: u32) -> SmolStr {
        self.names.get(slot as usize).cloned().unwrap_or_default()
    }

    /// The id of a slot as text; empty for a slot that was never given out.
    pub(crate) fn name_ref(&self, slot: u32) -> &str {
        self.names.get(slot as usize).map_or("", SmolStr::as_str)
    }

    /// How many slots there are, in use or not.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }
}

/// A node of a level.
#[derive(Clone, Debug, Default)]
pub(crate) struct LevelNode {
    /// What the reports say of it; `None` for nodes known only by name.
    pub(crate) raw: Option<Arc<Node>>,
    /// Whether it is a pseudo node (only where there is no `raw`).
    pub(crate) pseudo: bool,
    /// Endpoints mapped to it, ascending.
    pub(crate) endpoints: Vec<u32>,
    /// Nodes of the level below that are mapped to it (processes of a container), ascending.
    pub(crate) holds: Vec<u32>,
    /// Edges: (target, count), by target.
    pub(crate) out: Vec<(u32, u32)>,
}

impl LevelNode {
    /// Whether the level's graph has it.
    pub(crate) fn exists(&self) -> bool {
        self.raw.is_some() || !self.endpoints.is_empty() || !self.holds.is_empty()
    }
}

/// A level: its nodes by slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Level {
    pub(crate) ids: Ids,
    pub(crate) nodes: Vec<LevelNode>,
    /// Goes up when a node or an edge appears or vanishes, or a node gets its first or loses its last endpoint.
    pub(crate) shape_version: u64,
}

impl Level {
    /// The slot of a node.
    pub(crate) fn slot(&mut self, id: &str) -> u32 {
        let slot = self.ids.intern_text(id);
        if slot as usize >= self.nodes.len() {
            self.nodes.resize_with(slot as usize + 1, LevelNode::default);
        }
        slot
    }

    /// The slot of a pseudo node.
    pub(crate) fn pseudo_slot(&mut self, id: &str) -> u32 {
        let slot = self.slot(id);
        self.nodes[slot as usize].pseudo = true;
        slot
    }

    /// One more connection between two nodes.
    pub(crate) fn connect(&mut self, from: u32, to: u32) {
        if from == NONE || to == NONE {
            return;
        }
        let out = &mut self.nodes[from as usize].out;
        match out.binary_search_by_key(&to, |edge| edge.0) {
            Ok(at) => out[at].1 += 1,
            Err(at) => {
                out.insert(at, (to, 1));
                self.shape_version += 1;
            }
        }
    }

    /// One connection less.
    pub(crate) fn disconnect(&mut self, from: u32, to: u32) {
        if from == NONE || to == NONE {
            return;
        }
        let out = &mut self.nodes[from as usize].out;
        if let Ok(at) = out.binary_search_by_key(&to, |edge| edge.0) {
            out[at].1 -= 1;
            if out[at].1 == 0 {
                out.remove(at);
                self.shape_version += 1;
            }
        }
    }

    /// Notes that an endpoint is mapped to a node. True if the node had none.
    pub(crate) fn add_endpoint(&mut self, slot: u32, endpoint: u32) -> bool {
        let node = &mut self.nodes[slot as usize];
        let existed = node.exists();
        let first = node.endpoints.is_empty();
        insert_sorted(&mut node.endpoints, endpoint);
        self.shape_version += u64::from(!existed || first);
        first
    }

    /// Notes that an endpoint is no longer mapped to a node. True if it was the last one.
    pub(crate) fn remove_endpoint(&mut self, slot: u32, endpoint: u32) -> bool {
        let node = &mut self.nodes[slot as usize];
        remove_sorted(&mut node.endpoints, endpoint);
        let last = node.endpoints.is_empty();
        self.shape_version += u64::from(last);
        last
    }

    /// Sets what the reports say of a node.
    pub(crate) fn set_raw(&mut self, slot: u32, raw: Option<Arc<Node>>) {
        let node = &mut self.nodes[slot as usize];
        self.shape_version += u64::from(node.raw.is_some() != raw.is_some());
        node.raw = raw;
    }
}

/// Puts a value into a sorted list, if it is not there.
pub(crate) fn insert_sorted(list: &mut Vec<u32>, value: u32) {
    match list.last() {
        Some(&last) if last < value => list.push(value),
        None => list.push(value),
        _ => {
            if let Err(at) = list.binary_search(&value) {
                list.insert(at, value);
            }
        }
    }
}

/// Takes a value out of a sorted list, if it is there.
pub(crate) fn remove_sorted(list: &mut Vec<u32>, value: u32) {
    if let Ok(at) = list.binary_search(&value) {
        list.remove(at);
    }
}
