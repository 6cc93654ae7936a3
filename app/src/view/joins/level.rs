//! One level of the connection graph: nodes of one kind (and the pseudo nodes beside them) with edges counted by the endpoint
//! connections that make them.
//!
//! Counting is what makes changes cheap: taking one connection away lowers one count, and only an edge whose count reaches zero vanishes.

use std::sync::Arc;

use scope_shared::report::{Node, SmolStr};
use smallvec::SmallVec;

use super::few::{Few, insert_sorted, remove_sorted};
use super::ids::Ids;

/// No slot.
pub(crate) const NONE: u32 = u32::MAX;

/// A node of a level.
#[derive(Clone, Debug, Default)]
pub(crate) struct LevelNode {
    /// What the reports say of it; `None` for nodes known only by name.
    pub(crate) raw: Option<Arc<Node>>,
    /// Whether it is a pseudo node (only where there is no `raw`).
    pub(crate) pseudo: bool,
    /// Endpoints mapped to it, ascending.
    pub(crate) endpoints: Few,
    /// Nodes of the level below that are mapped to it (processes of a container), ascending.
    pub(crate) holds: Few,
    /// Edges: (target, count), by target.
    pub(crate) out: SmallVec<[(u32, u32); 1]>,
    /// How many edges it has to and from other nodes.
    pub(crate) links: u32,
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
    pub(crate) log: Log,
    /// How many slots there were when there was last no reason to begin anew.
    fresh: usize,
}

/// What changed of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// What is known of the node, or whether there is one.
    Node,
    /// Its edges, or whether it has any to or from another node.
    Edges,
}

/// What changed lately, for whoever keeps something made from a level and wants to mend it rather than make it anew.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    /// Number of the first entry that is still there.
    first: u64,
    entries: Vec<(u32, Change)>,
    /// Whether there is someone to remember for.
    pub(crate) kept: bool,
}

/// How many changes are remembered: who is further behind is better off starting anew.
const MAX_LOG: usize = 1 << 15;

impl Log {
    fn note(&mut self, slot: u32, change: Change) {
        if !self.kept {
            return;
        }
        if self.entries.len() >= MAX_LOG {
            // The older half, which whoever keeps up has read.
            self.first += (MAX_LOG / 2) as u64;
            self.entries.drain(..MAX_LOG / 2);
        }
        self.entries.push((slot, change));
    }

    /// The number that the next entry will have.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// The entries from number `seen` on; `None` if some of them are forgotten.
    pub(crate) fn since(&self, seen: u64) -> Option<&[(u32, Change)]> {
        self.entries.get(usize::try_from(seen.checked_sub(self.first)?).ok()?..)
    }
}

impl Level {
    /// Whether more than half of the slots are out of use, and many: whoever goes over all of them is better off with new ones.
    pub(crate) fn is_worn(&mut self) -> bool {
        const MANY: usize = 1000;
        if !self.log.kept {
            return false;
        }
        if self.nodes.len() > 2 * self.fresh + MANY {
            // Seldom looked at: only when there are twice as many again.
            self.fresh = self.fresh.max(self.nodes.iter().filter(|node| node.exists()).count());
        }
        self.nodes.len() > 2 * self.fresh + MANY
    }

    /// Slots in use and not are told apart from now on.
    pub(crate) fn begin(&mut self) {
        self.log.kept = true;
        self.fresh = self.nodes.len();
    }

    /// The slot of a node.
    pub(crate) fn slot(&mut self, id: &str) -> u32 {
        let slot = self.ids.intern_text(id);
        self.grow(slot)
    }

    /// The slot of a node whose id is at hand.
    pub(crate) fn slot_of(&mut self, id: &SmolStr) -> u32 {
        let slot = self.ids.intern(id);
        self.grow(slot)
    }

    /// The slot of a node, where many in a row are the same.
    pub(crate) fn slot_again(&mut self, id: &str) -> u32 {
        let slot = self.ids.intern_again(id);
        self.grow(slot)
    }

    fn grow(&mut self, slot: u32) -> u32 {
        if slot as usize >= self.nodes.len() {
            self.nodes.resize_with(slot as usize + 1, LevelNode::default);
        }
        slot
    }

    /// Makes room for so many nodes.
    pub(crate) fn reserve(&mut self, nodes: usize) {
        self.ids.reserve(nodes);
        self.nodes.reserve(nodes);
    }

    /// The slot of a pseudo node.
    pub(crate) fn pseudo_slot(&mut self, id: &str) -> u32 {
        let slot = self.slot(id);
        if !std::mem::replace(&mut self.nodes[slot as usize].pseudo, true) {
            self.log.note(slot, Change::Node);
        }
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
                self.log.note(from, Change::Edges);
                if from != to {
                    self.nodes[from as usize].links += 1;
                    let links = &mut self.nodes[to as usize].links;
                    *links += 1;
                    if *links == 1 {
                        self.log.note(to, Change::Edges);
                    }
                }
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
                self.log.note(from, Change::Edges);
                if from != to {
                    self.nodes[from as usize].links -= 1;
                    let links = &mut self.nodes[to as usize].links;
                    *links -= 1;
                    if *links == 0 {
                        self.log.note(to, Change::Edges);
                    }
                }
            }
        }
    }

    /// Notes that an endpoint is mapped to a node. True if the node had none.
    pub(crate) fn add_endpoint(&mut self, slot: u32, endpoint: u32) -> bool {
        let node = &mut self.nodes[slot as usize];
        let first = node.endpoints.is_empty();
        insert_sorted(&mut node.endpoints, endpoint);
        if first {
            self.log.note(slot, Change::Node);
        }
        first
    }

    /// Notes that an endpoint is no longer mapped to a node. True if it was the last one.
    pub(crate) fn remove_endpoint(&mut self, slot: u32, endpoint: u32) -> bool {
        let node = &mut self.nodes[slot as usize];
        remove_sorted(&mut node.endpoints, endpoint);
        let last = node.endpoints.is_empty();
        if last {
            self.log.note(slot, Change::Node);
        }
        last
    }

    /// Notes that a node of the level below is mapped to a node, or no longer is.
    pub(crate) fn set_held(&mut self, slot: u32, below: u32, held: bool) {
        let holds = &mut self.nodes[slot as usize].holds;
        if held {
            insert_sorted(holds, below);
        } else {
            remove_sorted(holds, below);
        }
        self.log.note(slot, Change::Node);
    }

    /// Sets what the reports say of a node.
    pub(crate) fn set_raw(&mut self, slot: u32, raw: Option<Arc<Node>>) {
        self.nodes[slot as usize].raw = raw;
        self.log.note(slot, Change::Node);
    }
}
