//! Grouping the nodes of a graph by keys: processes by name, containers by host name or image, anything by host.
//!
//! Which groups a node is in is asked of it only when it changed, and only the edges of those that changed theirs are counted.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use scope_shared::report::{Node, SmolStr};
use smallvec::SmallVec;

use super::containers::pass_through;
use crate::view::ahead;
use crate::view::build::Builder;
use crate::view::graph::{Kid, Masked, changed_nodes, differing};
use crate::view::joins::{Ids, NONE};

/// Which groups the nodes of a graph are in.
#[derive(Clone, Debug, Default)]
pub(super) struct Grouping {
    version: u64,
    input: Arc<Masked>,
    /// Units by number: the keys of groups, and ids of pseudo nodes that stay.
    keys: Ids,
    units: Vec<Unit>,
    /// By node.
    places: Vec<Place>,
    names: Vec<SmolStr>,
    /// Edges between nodes by the units they are in (from and to), counted once someone comes back.
    links: Option<HashMap<u64, u32, FixedState>>,
}

/// What nodes are in: a group, or a pseudo node that stays; if both go by one id they become one node.
#[derive(Clone, Debug, Default)]
struct Unit {
    members: Arc<Vec<u32>>,
    /// How many members by topology (an index of [`Grouping::names`]).
    counts: SmallVec<[(u8, i64); 1]>,
    pseudo: Option<u32>,
}

/// Where a node is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Place {
    /// The units it is in; none if it is filtered out.
    units: SmallVec<[u32; 2]>,
    /// Its topology, as an index of [`Grouping::names`].
    topology: u8,
    pseudo: bool,
}

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
        let known = version == self.version && self.keys.len() <= 2 * input.graph.nodes.len() + 1000;
        if known && Arc::ptr_eq(input, &self.input) {
            return;
        }
        if known && input.graph.is_of_the_line_of(&self.input.graph) {
            self.follow(input, manner, &keys);
            return;
        }
        *self = Self {
            version,
            input: input.clone(),
            places: vec![Place::default(); input.graph.nodes.len()],
            ..Self::default()
        };
        let mut at = 0;
        for piece in input.graph.nodes.pieces() {
            ahead::nodes(piece);
            ahead::values(piece);
            for _ in piece {
                let place = self.find(input, at, manner, &keys);
                self.enter(at, place);
                at += 1;
            }
        }
    }

    /// Takes in a graph of the same line: only what differs is looked at.
    fn follow(&mut self, input: &Arc<Masked>, manner: Manner, keys: &Keys<'_>) {
        let before = self.input.clone();
        let (old, new) = (&before.graph, &input.graph);
        let mut changed = changed_nodes(old, new);
        changed.extend(differing(&before.keep, &input.keep));
        changed.sort_unstable();
        changed.dedup();
        self.places.resize(new.nodes.len(), Place::default());
        let mut moved = Vec::new();
        let mut elsewhere = false;
        for at in changed {
            let place = self.find(input, at, manner, keys);
            if place != self.places[at as usize] {
                elsewhere |= old.has(at) && new.has(at);
                moved.push((at, place));
            }
        }
        // Who has edges to a node that was there and is elsewhere now is not known here: all are counted again.
        let mut links = self.links.take().filter(|_| !elsewhere);
        let mut touched = old.shape.out.differing(&new.shape.out);
        touched.extend(moved.iter().map(|(at, _)| *at));
        touched.sort_unstable();
        touched.dedup();
        if let Some(links) = &mut links {
            touched.iter().for_each(|at| count(links, &self.places, &before, *at, false));
        }
        for (at, place) in moved {
            self.leave(at);
            self.enter(at, place);
        }
        if let Some(links) = &mut links {
            touched.iter().for_each(|at| count(links, &self.places, input, *at, true));
        }
        self.links = Some(links.unwrap_or_else(|| {
            let mut links = HashMap::default();
            input.indexes().for_each(|at| count(&mut links, &self.places, input, at, true));
            links
        }));
        self.input = input.clone();
    }

    /// Where a node belongs.
    fn find(&mut self, input: &Masked, at: u32, manner: Manner, keys: &Keys<'_>) -> Place {
        let mut place = Place::default();
        if !input.has(at) {
            return place;
        }
        let node = input.graph.node(at);
        place.topology = number(&mut self.names, &node.topology);
        place.pseudo = input.graph.is_pseudo(at);
        let mut add = |key: &SmolStr| {
            let unit = self.keys.intern(key);
            if unit as usize == self.units.len() {
                self.units.push(Unit::default());
            }
            place.units.push(unit);
        };
        if !place.pseudo {
            keys(node, &mut |key| add(&key));
        } else if manner.pseudo {
            add(&node.id);
        }
        place
    }

    /// Puts a node in the units of its new place.
    fn enter(&mut self, at: u32, place: Place) {
        for unit in &place.units {
            let unit = &mut self.units[*unit as usize];
            if place.pseudo {
                unit.pseudo = Some(at);
                continue;
            }
            match unit.counts.iter_mut().find(|count| count.0 == place.topology) {
                Some(count) => count.1 += 1,
                None => unit.counts.push((place.topology, 1)),
            }
            let members = Arc::make_mut(&mut unit.members);
            let end = members.len();
            let to = if members.last().is_none_or(|last| *last < at) {
                end
            } else {
                members.partition_point(|other| *other < at)
            };
            members.insert(to, at);
        }
        self.places[at as usize] = place;
    }

    /// Takes a node out of the units it is in.
    fn leave(&mut self, at: u32) {
        let place = std::mem::take(&mut self.places[at as usize]);
        for unit in &place.units {
            let unit = &mut self.units[*unit as usize];
            if place.pseudo {
                unit.pseudo = None;
                continue;
            }
            if let Some(count) = unit.counts.iter_mut().find(|count| count.0 == place.topology) {
                count.1 -= 1;
            }
            unit.counts.retain(|count| count.1 > 0);
            if let Ok(from) = unit.members.binary_search(&at) {
                Arc::make_mut(&mut unit.members).remove(from);
            }
        }
    }

    /// Puts the groups in as nodes of `topology`, and (with `edges`) what goes on between them.
    pub(super) fn put(&self, builder: &mut Builder, topology: &SmolStr, manner: Manner, edges: bool) {
        let input = &self.input;
        let source = builder.source(input.clone());
        let mut place = |(unit, number): (&Unit, u32)| {
            let passed = unit.pseudo.map(|at| pass_through(builder, input.graph.node(at), source, at));
            if unit.members.is_empty() {
                return passed.unwrap_or(NONE);
            }
            let place = builder.bare(&self.keys.name(number), topology);
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
        let places: Vec<u32> = self.units.iter().zip(0..).map(&mut place).collect();
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
            pairs(&self.places, input, from, |from, to| {
                builder.edge(places[from as usize], places[to as usize]);
            });
        }
    }
}

/// Calls `add` with the units at both ends of each of a node's edges.
fn pairs(places: &[Place], input: &Masked, at: u32, mut add: impl FnMut(u32, u32)) {
    let own = places.get(at as usize).map_or(&[][..], |place| &place.units);
    if own.is_empty() {
        return;
    }
    for to in input.out(at) {
        for &to in &places[to as usize].units {
            own.iter().for_each(|from| add(*from, to));
        }
    }
}

/// Counts a node's edges between units, or takes them out of the count.
fn count(links: &mut HashMap<u64, u32, FixedState>, places: &[Place], input: &Masked, at: u32, more: bool) {
    pairs(places, input, at, |from, to| {
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
