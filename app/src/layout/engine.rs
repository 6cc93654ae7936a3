//! The memory of a map: what is known keeps its place, what is new finds one, and only what has outgrown its drawing is drawn anew.
//!
//! A node that vanished is remembered for a while and gets its place back. Never moves a node because of a metric: it is not told any.

mod settle;

use foldhash::HashMap;
use scope_shared::sort::SmallSort as _;
use smol_str::SmolStr;

use super::{
    Graph, Layout,
    coords::{NODE_PITCH, ROW_PITCH},
    layered,
    pack::{self, Form},
    rows::Rows,
};
use crate::scene::data::{Pin, Point};

/// A place nobody has.
const NOWHERE: u32 = u32::MAX;
/// Updates for which a vanished node's place is remembered: at one a second, ten minutes, longer than a restart takes.
const REMEMBERED_UPDATES: u64 = 600;

/// What is remembered of a node.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    at: Point,
    /// Has a place at all.
    known: bool,
    /// Was put beside its neighbours rather than laid out together with them.
    inserted: bool,
    /// Lies in the grid of unconnected nodes.
    in_grid: bool,
    /// Number of the last update that had it.
    seen: u64,
    /// Moved in this update, so that its edges need new routes.
    moved: bool,
}

/// Lays out one map and remembers it, so that the next update moves as little as possible. One engine a map (topology and options).
#[derive(Debug, Default)]
pub struct Engine {
    slots: HashMap<SmolStr, u32>,
    places: Vec<Place>,
    free: Vec<u32>,
    graph: Graph,
    /// Slot of each node of `graph`.
    members: Vec<u32>,
    layout: Layout,
    /// Places of all members, by rows.
    rows: Rows,
    form: Form,
    pins: Vec<Pin>,
    pins_changed: bool,
    update: u64,
}

/// What one update works on.
struct Work {
    /// Edges between existing nodes, loops left out, with their number in the graph.
    edges: Vec<(u32, u32)>,
    /// Component of each node; `NOWHERE` for nodes without edges.
    component: Vec<u32>,
    components: usize,
    /// Routes of components that were laid out anew, by edge number.
    fresh_routes: Vec<(u32, Vec<Point>)>,
}

impl Engine {
    /// An engine that remembers nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Places `graph`: what is known stays, what is new goes beside its neighbours. Components that have more than doubled since they were laid
    /// out, and new ones, are laid out as a whole.
    pub fn update(&mut self, graph: &Graph) -> &Layout {
        self.update += 1;
        if self.graph == *graph && !self.pins_changed {
            for &slot in &self.members {
                self.places[slot as usize].seen = self.update;
            }
            return &self.layout;
        }
        let members = self.find_members(graph);
        let mut work = components(graph);
        // Finding all rows anew would cost more than the rest of a small update.
        let mut rows = std::mem::take(&mut self.rows);
        for &slot in &self.members {
            let place = &self.places[slot as usize];
            if place.seen != self.update {
                rows.remove(place.at, slot);
            }
        }
        self.place_new(graph, &members, &mut work, &mut rows);
        self.apply_pins(graph, &members, &mut rows);
        self.pins_changed = false;
        let routes = self.routes(graph, &members, &work, &rows);
        self.rows = rows;
        self.layout.positions.clear();
        self.layout
            .positions
            .extend(members.iter().map(|&slot| self.places[slot as usize].at));
        self.layout.routes = routes;
        for &slot in &members {
            self.places[slot as usize].moved = false;
        }
        self.members = members;
        self.remember(graph);
        self.forget_old();
        &self.layout
    }

    /// Forgets all places (pins stay) and lays `graph` out afresh.
    pub fn relayout(&mut self, graph: &Graph) -> &Layout {
        *self = Self {
            form: self.form,
            pins: std::mem::take(&mut self.pins),
            pins_changed: true,
            ..Self::default()
        };
        self.update(graph)
    }

    /// Nodes that people put in place; they are not moved, and others make room. Takes effect with the next update.
    pub fn set_pins(&mut self, pins: Vec<Pin>) {
        self.pins_changed |= self.pins != pins;
        self.pins = pins;
        self.pins.retain(|pin| pin.at.iter().all(|c| c.is_finite() && c.abs() < 1e7));
    }

    /// What the map is to fill. Nothing moves until it is laid out from nothing.
    pub fn set_form(&mut self, form: Form) {
        self.form = form;
    }

    /// The form of the newest layout's packing, or of the next one's.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The pins in force.
    pub fn pins(&self) -> &[Pin] {
        &self.pins
    }

    /// The newest layout.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The slot of each node. Nodes mostly come in the order of the last update, so that is tried before the table is asked.
    fn find_members(&mut self, graph: &Graph) -> Vec<u32> {
        let mut members = Vec::with_capacity(graph.nodes.len());
        let mut at = 0;
        for node in &graph.nodes {
            let mut found = None;
            for ahead in 0..2 {
                if self.graph.nodes.get(at + ahead).is_some_and(|old| old.id == node.id) {
                    found = self.members.get(at + ahead).copied();
                    at += ahead + 1;
                    break;
                }
            }
            let slot = found.unwrap_or_else(|| self.slot_of(&node.id));
            let place = &mut self.places[slot as usize];
            if place.seen == self.update {
                // A second node with the same id: it gets a place of its own that is not remembered.
                members.push(self.new_slot());
                continue;
            }
            place.seen = self.update;
            members.push(slot);
        }
        members
    }

    fn slot_of(&mut self, id: &SmolStr) -> u32 {
        if let Some(&slot) = self.slots.get(id) {
            return slot;
        }
        let slot = self.new_slot();
        self.places[slot as usize].seen = 0;
        self.slots.insert(id.clone(), slot);
        slot
    }

    fn new_slot(&mut self) -> u32 {
        let fresh = Place {
            seen: self.update,
            ..Place::default()
        };
        if let Some(slot) = self.free.pop() {
            self.places[slot as usize] = fresh;
            return slot;
        }
        self.places.push(fresh);
        self.places.len() as u32 - 1
    }

    /// Keeps the graph for the next comparison. Most nodes are the same as before and in the same order: those are moved, not copied.
    fn remember(&mut self, graph: &Graph) {
        let mut old = std::mem::take(&mut self.graph.nodes);
        let mut at = 0;
        self.graph.nodes = Vec::with_capacity(graph.nodes.len());
        for node in &graph.nodes {
            // One of the old ones may have gone.
            let same = (at..at + 2).find(|&i| old.get(i) == Some(node));
            self.graph.nodes.push(match same {
                Some(index) => {
                    at = index + 1;
                    std::mem::take(&mut old[index])
                }
                None => node.clone(),
            });
        }
        self.graph.edges.clone_from(&graph.edges);
    }

    /// Drops places of nodes that have been gone for long, and those of doubles.
    fn forget_old(&mut self) {
        if !self.update.is_multiple_of(64) {
            return;
        }
        let (update, places) = (self.update, &self.places);
        self.slots
            .retain(|_, slot| update - places[*slot as usize].seen < REMEMBERED_UPDATES);
        let mut used = vec![false; self.places.len()];
        for &slot in self.slots.values().chain(&self.members) {
            used[slot as usize] = true;
        }
        self.free = (0..self.places.len() as u32).rev().filter(|&slot| !used[slot as usize]).collect();
    }

    /// Gives every node a place. `rows` has the places of those that were in the last update and still are.
    fn place_new(&mut self, graph: &Graph, members: &[u32], work: &mut Work, rows: &mut Rows) {
        self.reclaim(members, rows);
        // Per component: nodes that were laid out together, nodes put beside them since, nodes that are new.
        let mut kept = vec![0u32; work.components];
        let mut added = vec![0u32; work.components];
        let mut all_known = 0usize;
        for (index, &slot) in members.iter().enumerate() {
            let place = &mut self.places[slot as usize];
            let component = work.component[index];
            if component != NOWHERE && place.in_grid {
                // It got its first connection: it leaves the grid for its neighbours.
                rows.remove(place.at, slot);
                place.known = false;
                place.in_grid = false;
            }
            all_known += usize::from(place.known);
            if component != NOWHERE {
                let counted = if place.known && !place.inserted { &mut kept } else { &mut added };
                counted[component as usize] += 1;
            }
        }
        let start_over = all_known * 2 < members.len();
        let mut anew: Vec<bool> = kept
            .iter()
            .zip(&added)
            .map(|(&kept, &added)| start_over || added > kept + 2 || kept == 0)
            .collect();
        if !start_over {
            self.spare_known(members, work, &mut anew);
        }
        if start_over {
            *rows = Rows::default();
        } else if anew.contains(&true) {
            for (index, &slot) in members.iter().enumerate() {
                let (component, place) = (work.component[index], &self.places[slot as usize]);
                if component != NOWHERE && anew[component as usize] && place.known {
                    rows.remove(place.at, slot);
                }
            }
        }
        if anew.contains(&true) {
            self.lay_out_components(members, work, &anew, start_over, rows);
        }
        self.insert_beside(members, work, rows);
        self.fill_grid(graph, members, work, rows, start_over);
    }

    /// Components without a laid-out core are not new if all their nodes have places (e.g. two old ones came apart): those keep them.
    fn spare_known(&self, members: &[u32], work: &Work, anew: &mut [bool]) {
        let mut unknown = vec![0u32; work.components];
        for (index, &slot) in members.iter().enumerate() {
            let component = work.component[index];
            if component != NOWHERE && !self.places[slot as usize].known {
                unknown[component as usize] += 1;
            }
        }
        for (flag, &unknown) in anew.iter_mut().zip(&unknown) {
            *flag &= unknown > 0;
        }
    }

    /// Nodes that come back take their old place unless somebody has it now.
    fn reclaim(&mut self, members: &[u32], rows: &mut Rows) {
        let mut present = vec![false; self.places.len()];
        for &slot in &self.members {
            present[slot as usize] = true;
        }
        for &slot in members {
            let place = &mut self.places[slot as usize];
            if !place.known || present[slot as usize] {
                continue;
            }
            if rows.is_free(place.at) {
                rows.insert(place.at, slot);
                place.moved = true;
            } else {
                place.known = false;
                place.in_grid = false;
            }
        }
    }

    /// Lays out all components marked `anew` and puts them where there is room.
    fn lay_out_components(&mut self, members: &[u32], work: &mut Work, anew: &[bool], start_over: bool, rows: &mut Rows) {
        let mut nodes_of: Vec<Vec<u32>> = vec![Vec::new(); work.components];
        for (index, &component) in work.component.iter().enumerate() {
            if component != NOWHERE && anew[component as usize] {
                nodes_of[component as usize].push(index as u32);
            }
        }
        let mut edges_of: Vec<Vec<u32>> = vec![Vec::new(); work.components];
        for (number, &(from, to)) in work.edges.iter().enumerate() {
            if from == NOWHERE || from == to {
                continue;
            }
            let component = work.component[from as usize];
            if anew[component as usize] {
                edges_of[component as usize].push(number as u32);
            }
        }
        let mut local = vec![0u32; members.len()];
        let mut blocks = Vec::new();
        for component in 0..work.components {
            if nodes_of[component].is_empty() {
                continue;
            }
            let nodes = &nodes_of[component];
            for (i, &index) in nodes.iter().enumerate() {
                local[index as usize] = i as u32;
            }
            let edges: Vec<(u32, u32)> = edges_of[component]
                .iter()
                .map(|&number| {
                    let (from, to) = work.edges[number as usize];
                    (local[from as usize], local[to as usize])
                })
                .collect();
            let hint = self.hint(nodes, members, &edges);
            blocks.push((component, layered::layout(nodes.len(), &edges, hint.as_deref())));
        }
        let sizes: Vec<Point> = blocks
            .iter()
            .map(|(_, block)| {
                let (low, high) = pack::extent(&block.positions);
                [high[0] - low[0], high[1] - low[1]]
            })
            .collect();
        let offsets = if start_over {
            pack::shelves(&sizes, self.form)
        } else {
            self.beside(members, &nodes_of, work, anew, &blocks, &sizes)
        };
        for ((component, block), offset) in blocks.iter().zip(offsets) {
            let (low, _) = pack::extent(&block.positions);
            let shift = [(offset[0] - low[0]).round(), (offset[1] - low[1]).round()];
            for (&index, p) in nodes_of[*component].iter().zip(&block.positions) {
                let slot = members[index as usize];
                let place = &mut self.places[slot as usize];
                place.at = [p[0] + shift[0], p[1] + shift[1]];
                place.known = true;
                place.inserted = false;
                place.in_grid = false;
                place.moved = true;
                if !start_over {
                    rows.insert(place.at, slot);
                }
            }
            for (i, &number) in edges_of[*component].iter().enumerate() {
                let route = block.routes.get(i).iter().map(|p| [p[0] + shift[0], p[1] + shift[1]]).collect();
                work.fresh_routes.push((number, route));
            }
        }
        if start_over {
            let placed = members.iter().enumerate().filter(|(i, _)| work.component[*i] != NOWHERE);
            *rows = Rows::new(placed.map(|(_, &s)| (self.places[s as usize].at, s)));
        }
        work.fresh_routes.order_by_key(|r| r.0);
    }

    /// Where the nodes of a component lay before, as wishes for its new layout; `None` if most have no place.
    fn hint(&self, nodes: &[u32], members: &[u32], edges: &[(u32, u32)]) -> Option<Vec<f32>> {
        let known = |index: u32| {
            let place = &self.places[members[index as usize] as usize];
            (place.known && !place.in_grid).then_some(place.at[0])
        };
        let mut hint: Vec<Option<f32>> = nodes.iter().map(|&index| known(index)).collect();
        if hint.iter().filter(|h| h.is_some()).count() * 2 < nodes.len() {
            return None;
        }
        for _ in 0..4 {
            for &(a, b) in edges {
                let (x, y) = (hint[a as usize], hint[b as usize]);
                hint[a as usize] = x.or(y);
                hint[b as usize] = y.or(x);
            }
        }
        Some(hint.into_iter().map(Option::unwrap_or_default).collect())
    }

    /// Offsets for components beside a map that stays: where they were if there is still room, else right of or below everything.
    fn beside(
        &self,
        members: &[u32],
        nodes_of: &[Vec<u32>],
        work: &Work,
        anew: &[bool],
        blocks: &[(usize, layered::Block)],
        sizes: &[Point],
    ) -> Vec<Point> {
        let stays = |index: usize| {
            let component = work.component[index];
            self.places[members[index] as usize].known && (component == NOWHERE || !anew[component as usize])
        };
        let mut taken: Vec<Point> = (0..members.len())
            .filter(|&i| stays(i))
            .map(|i| self.places[members[i] as usize].at)
            .collect();
        let mut offsets = Vec::with_capacity(sizes.len());
        for ((component, _), size) in blocks.iter().zip(sizes) {
            let before: Vec<Point> = nodes_of[*component]
                .iter()
                .map(|&i| &self.places[members[i as usize] as usize])
                .filter(|p| p.known)
                .map(|p| p.at)
                .collect();
            let (low, high) = pack::extent(&taken);
            let mut offset = if taken.is_empty() {
                pack::extent(&before).0
            } else if (high[0] - low[0]) < (high[1] - low[1]) * self.form.aspect() {
                [high[0] + NODE_PITCH * 1.4, low[1]]
            } else {
                [low[0], high[1] + ROW_PITCH * 1.2]
            };
            if !before.is_empty() {
                let (old_low, old_high) = pack::extent(&before);
                let wish = [(old_low[0] + old_high[0] - size[0]) / 2.0, old_low[1]];
                let clear = |p: &Point| {
                    p[0] < wish[0] - NODE_PITCH
                        || p[0] > wish[0] + size[0] + NODE_PITCH
                        || p[1] < wish[1] - ROW_PITCH
                        || p[1] > wish[1] + size[1] + ROW_PITCH
                };
                if taken.iter().all(clear) {
                    offset = wish;
                }
            }
            taken.push(offset);
            taken.push([offset[0] + size[0], offset[1] + size[1]]);
            offsets.push(offset);
        }
        offsets
    }
}

/// Splits a graph into connected parts, numbered by their first node.
fn components(graph: &Graph) -> Work {
    let n = graph.nodes.len() as u32;
    let mut parent: Vec<u32> = (0..n).collect();
    fn root(parent: &mut [u32], mut v: u32) -> u32 {
        while parent[v as usize] != v {
            parent[v as usize] = parent[parent[v as usize] as usize];
            v = parent[v as usize];
        }
        v
    }
    let mut joined = vec![false; n as usize];
    let mut edges = Vec::with_capacity(graph.edges.len());
    for &(from, to) in &graph.edges {
        if from >= n || to >= n {
            edges.push((NOWHERE, NOWHERE));
            continue;
        }
        edges.push((from, to));
        if from == to {
            continue;
        }
        joined[from as usize] = true;
        joined[to as usize] = true;
        let (a, b) = (root(&mut parent, from), root(&mut parent, to));
        parent[a.max(b) as usize] = a.min(b);
    }
    let mut component = vec![NOWHERE; n as usize];
    let mut components = 0;
    for v in 0..n {
        if !joined[v as usize] {
            continue;
        }
        let top = root(&mut parent, v) as usize;
        if component[top] == NOWHERE {
            component[top] = components;
            components += 1;
        }
        component[v as usize] = component[top];
    }
    Work {
        edges,
        component,
        components: components as usize,
        fresh_routes: Vec::new(),
    }
}
