//! Grouping the nodes of a graph by keys: processes by name, containers by host name or image, anything by host.
//!
//! Which groups a node is in is asked of it only when it changed; all else is counting numbers.

use std::sync::Arc;

use scope_shared::report::{Node, SmolStr};

use super::containers::pass_through;
use crate::view::build::{Builder, Targets};
use crate::view::graph::{Kid, Lists, Masked, Nodes, aligned};
use crate::view::joins::{Ids, NONE};

/// Which groups the nodes of a graph are in.
#[derive(Clone, Debug, Default)]
pub(super) struct Grouping {
    version: u64,
    nodes: Nodes,
    /// Groups by number.
    keys: Ids,
    /// By node.
    groups: Lists,
    /// By node: its topology, as an index of `names`.
    topologies: Vec<u8>,
    names: Vec<SmolStr>,
}

/// How grouped nodes are put in.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// Whether a node's children are its group's.
    pub(super) deep: bool,
    /// Whether pseudo nodes stay, each as its own group; else they are left out.
    pub(super) pseudo: bool,
}

impl Grouping {
    /// Brings the groups up to date with `nodes`. `keys` says a node's groups, from nothing but the node and what `version` stands for.
    pub(super) fn update(&mut self, version: u64, nodes: &Nodes, keys: impl Fn(&Node, &mut dyn FnMut(SmolStr))) {
        if self.keys.len() > 2 * nodes.len() + 1000 || version != self.version {
            *self = Self {
                version,
                ..Self::default()
            };
        } else if Arc::ptr_eq(nodes, &self.nodes) {
            return;
        }
        let before = aligned(&self.nodes, nodes);
        let mut topologies = Vec::with_capacity(nodes.len());
        let groups = Lists::build(nodes.len(), |at, items| {
            let (node, place) = (&nodes[at], before[at]);
            match self.nodes.get(place as usize) {
                Some(known) if Arc::ptr_eq(known, node) => {
                    items.extend_from_slice(self.groups.of(place));
                    topologies.push(self.topologies[place as usize]);
                }
                _ => {
                    keys(node, &mut |key| items.push(self.keys.intern(&key)));
                    topologies.push(number(&mut self.names, &node.topology));
                }
            }
        });
        self.groups = groups;
        self.topologies = topologies;
        self.nodes = nodes.clone();
    }

    /// Puts a graph's nodes into their groups, nodes of `topology`, and says where each went.
    pub(super) fn put(&self, builder: &mut Builder, input: &Arc<Masked>, topology: &SmolStr, manner: Manner) -> Targets {
        let source = builder.source(input.clone());
        let mut places = vec![NONE; self.keys.len()];
        Targets::build(input.graph.nodes.len(), |at, targets| {
            if !input.has(at) {
                return;
            }
            if input.graph.is_pseudo(at) {
                if manner.pseudo {
                    targets.push(pass_through(builder, input.graph.node(at), source, at));
                }
                return;
            }
            for &group in self.groups.of(at) {
                let place = &mut places[group as usize];
                if *place == NONE {
                    *place = builder.bare(&self.keys.name(group), topology);
                }
                builder.count(*place, &self.names[usize::from(self.topologies[at as usize])]);
                builder.kid(
                    *place,
                    Kid::Node {
                        source,
                        at,
                        itself: true,
                        deep: manner.deep,
                    },
                );
                targets.push(*place);
            }
        })
    }
}

/// The number of a topology's name. There are few; what is beyond the last number shares it, and its name is then that one's.
fn number(names: &mut Vec<SmolStr>, name: &SmolStr) -> u8 {
    let known = names.iter().position(|known| known == name);
    let at = known.unwrap_or_else(|| {
        if names.len() < usize::from(u8::MAX) {
            names.push(name.clone());
        }
        names.len() - 1
    });
    u8::try_from(at).unwrap_or(u8::MAX)
}
