//! Grouping the nodes of a graph by keys: processes by name, containers by host name or image, anything by host.
//!
//! Which groups a node is in is asked of it only when it changed; all else is counting numbers. As long as the same nodes are in the same
//! groups, only the edges of those that changed theirs are counted.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use scope_shared::report::{Node, SmolStr};

use super::containers::pass_through;
use crate::view::build::Builder;
use crate::view::graph::{Kid, Lists, Masked, aligned, changed_nodes};
use crate::view::joins::{Ids, NONE};

/// Which groups the nodes of a graph are in.
#[derive(Clone, Debug, Default)]
pub(super) struct Grouping {
    version: u64,
    input: Arc<Masked>,
    /// Groups by number.
    keys: Ids,
    /// By node.
    groups: Lists,
    /// By node: its topology, as an index of `names`.
    topologies: Vec<u8>,
    names: Vec<SmolStr>,
    units: Vec<Unit>,
    /// By node: the units it went into.
    units_of: Lists,
    /// Edges between nodes by the units they went into (from and to), counted once someone comes back.
    links: Option<HashMap<u64, u32, FixedState>>,
}

/// What nodes went into: a group that has any, or a pseudo node that stays.
#[derive(Clone, Debug)]
struct Unit {
    /// The group, or [`NONE`].
    group: u32,
    members: Arc<Vec<u32>>,
    counts: Counts,
}

/// How many nodes by topology (an index of [`Grouping::names`]).
type Counts = Vec<(u8, i64)>;

/// How grouped nodes are put in.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// Whether a node's children are its group's.
    pub(super) deep: bool,
    /// Whether pseudo nodes stay, each as its own group; else they are left out.
    pub(super) pseudo: bool,
}

/// Says a node's groups.
type Keys<'a> = dyn Fn(&Node, &mut dyn FnMut(SmolStr)) + 'a;

impl Grouping {
    /// Brings the groups up to date with a graph. `keys` says a node's groups, from nothing but the node and what `version` stands for.
    pub(super) fn update(&mut self, version: u64, input: &Arc<Masked>, manner: Manner, keys: impl Fn(&Node, &mut dyn FnMut(SmolStr))) {
        if self.keys.len() > 2 * input.graph.nodes.len() + 1000 || version != self.version {
            *self = Self {
                version,
                ..Self::default()
            };
        } else if Arc::ptr_eq(input, &self.input) || self.follow(input, &keys) {
            return;
        }
        let nodes = &input.graph.nodes;
        let before = aligned(&self.input.graph.nodes, nodes);
        let mut topologies = Vec::with_capacity(nodes.len());
        let groups = Lists::build(nodes.len(), |at, items| {
            let (node, place) = (&nodes[at], before[at]);
            match self.input.graph.nodes.get(place as usize) {
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
        self.input = input.clone();
        self.assemble(manner);
    }

    /// Takes in a graph of the same nodes in the same groups; false if it is none.
    fn follow(&mut self, input: &Arc<Masked>, keys: &Keys<'_>) -> bool {
        let (before, now) = (&self.input.graph, &input.graph);
        if !now.same_order(before) || input.keep != self.input.keep || now.pseudo != before.pseudo {
            return false;
        }
        let mut groups = Vec::new();
        for at in changed_nodes(&before.nodes, &now.nodes) {
            let node = now.node(at);
            groups.clear();
            keys(node, &mut |key| groups.push(self.keys.intern(&key)));
            if groups != self.groups.of(at) || number(&mut self.names, &node.topology) != self.topologies[at as usize] {
                return false;
            }
        }
        match &mut self.links {
            None => {
                let mut links = HashMap::default();
                input.indexes().for_each(|at| count(&mut links, &self.units_of, input, at, true));
                self.links = Some(links);
            }
            Some(links) => {
                for at in before.shape.out.differing(&now.shape.out) {
                    count(links, &self.units_of, &self.input, at, false);
                    count(links, &self.units_of, input, at, true);
                }
            }
        }
        self.input = input.clone();
        true
    }

    /// Puts the nodes into units, ordered by their first nodes.
    fn assemble(&mut self, manner: Manner) {
        let mut places = vec![NONE; self.keys.len()];
        let mut units: Vec<(u32, Vec<u32>, Counts)> = Vec::new();
        let input = &self.input;
        self.units_of = Lists::build(input.graph.nodes.len(), |at, items| {
            let at = at as u32;
            if !input.has(at) {
                return;
            }
            if input.graph.is_pseudo(at) {
                if manner.pseudo {
                    items.push(units.len() as u32);
                    units.push((NONE, vec![at], Vec::new()));
                }
                return;
            }
            for &group in self.groups.of(at) {
                let place = &mut places[group as usize];
                if *place == NONE {
                    *place = units.len() as u32;
                    units.push((group, Vec::new(), Vec::new()));
                }
                let (_, members, counts) = &mut units[*place as usize];
                members.push(at);
                let topology = self.topologies[at as usize];
                match counts.iter_mut().find(|count| count.0 == topology) {
                    Some(count) => count.1 += 1,
                    None => counts.push((topology, 1)),
                }
                items.push(*place);
            }
        });
        let unit = |(group, members, counts)| Unit {
            group,
            members: Arc::new(members),
            counts,
        };
        self.units = units.into_iter().map(unit).collect();
        self.links = None;
    }

    /// Puts the groups in as nodes of `topology`, and (with `edges`) what goes on between them.
    pub(super) fn put(&self, builder: &mut Builder, topology: &SmolStr, manner: Manner, edges: bool) {
        let input = &self.input;
        let source = builder.source(input.clone());
        let mut place = |unit: &Unit| {
            if let (NONE, Some(at)) = (unit.group, unit.members.first()) {
                return pass_through(builder, input.graph.node(*at), source, *at);
            }
            let place = builder.bare(&self.keys.name(unit.group), topology);
            for (topology, count) in &unit.counts {
                builder.count(place, &self.names[usize::from(*topology)], *count);
            }
            builder.kid(
                place,
                Kid::Nodes {
                    source,
                    members: unit.members.clone(),
                    deep: manner.deep,
                },
            );
            place
        };
        let places: Vec<u32> = self.units.iter().map(&mut place).collect();
        if !edges {
            return;
        }
        if let Some(links) = &self.links {
            let pairs = links
                .keys()
                .map(|pair| (places[(pair >> 32) as usize], places[*pair as u32 as usize]));
            // In any order: the builder sorts them.
            pairs.for_each(|(from, to)| builder.edge(from, to));
            return;
        }
        for from in input.indexes() {
            let own = self.units_of.of(from);
            if !own.is_empty() {
                pairs(&self.units_of, own, input, from, |from, to| {
                    builder.edge(places[from as usize], places[to as usize]);
                });
            }
        }
    }
}

/// Calls `add` with the units at both ends of each of a node's edges.
fn pairs(units_of: &Lists, own: &[u32], input: &Masked, at: u32, mut add: impl FnMut(u32, u32)) {
    for to in input.out(at) {
        for &to in units_of.of(to) {
            own.iter().for_each(|from| add(*from, to));
        }
    }
}

/// Counts a node's edges between units, or takes them out of the count.
fn count(links: &mut HashMap<u64, u32, FixedState>, units_of: &Lists, input: &Masked, at: u32, more: bool) {
    pairs(units_of, units_of.of(at), input, at, |from, to| {
        let pair = u64::from(from) << 32 | u64::from(to);
        let known = links.entry(pair).or_default();
        *known = if more { *known + 1 } else { known.saturating_sub(1) };
        if *known == 0 {
            links.remove(&pair);
        }
    });
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
