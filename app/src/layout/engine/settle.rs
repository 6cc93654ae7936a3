//! Places for single nodes and routes for single edges: beside neighbours, in the grid, where pins want them.
//!
//! Moves nobody who has a place, except out of a pinned node's way.

use foldhash::HashMap;
use scope_shared::sort::SmallSort as _;
use smol_str::SmolStr;

use super::{Engine, NOWHERE, Place, Work};
use crate::{
    layout::{
        Graph,
        coords::{NODE_PITCH, ROW_PITCH},
        pack, route,
        rows::Rows,
    },
    scene::data::{Point, Routes},
};

impl Engine {
    /// Puts new nodes of known components into free places beside their neighbours; nobody moves.
    pub(super) fn insert_beside(&mut self, members: &[u32], work: &Work, rows: &mut Rows) {
        let waits =
            |places: &[Place], index: u32| work.component[index as usize] != NOWHERE && !places[members[index as usize] as usize].known;
        let mut queue: Vec<u32> = (0..members.len() as u32).filter(|&i| waits(&self.places, i)).collect();
        if queue.is_empty() {
            return;
        }
        let mut near: HashMap<u32, Vec<(u32, bool)>> = queue.iter().map(|&i| (i, Vec::new())).collect();
        let mut is_waiting = vec![false; members.len()];
        for &index in &queue {
            is_waiting[index as usize] = true;
        }
        for &(from, to) in work.edges.iter().filter(|e| e.0 != NOWHERE && e.0 != e.1) {
            for (one, other, leads) in [(from, to, true), (to, from, false)] {
                if is_waiting[one as usize]
                    && let Some(list) = near.get_mut(&one)
                {
                    list.push((other, leads));
                }
            }
        }
        while !queue.is_empty() {
            let before = queue.len();
            queue.retain(|&index| {
                let Some(wish) = self.wish(members, near.get(&index).map_or(&[], Vec::as_slice)) else {
                    return true;
                };
                let slot = members[index as usize];
                let at = rows.free_place(wish.0, wish.1);
                rows.insert(at, slot);
                self.places[slot as usize] = Place {
                    at,
                    known: true,
                    inserted: true,
                    in_grid: false,
                    seen: self.update,
                    moved: true,
                };
                false
            });
            if queue.len() == before {
                // Cannot be in a component with a known core; should it be, the nodes get places below it all.
                for &index in &queue {
                    let slot = members[index as usize];
                    let at = rows.free_place([0.0, 0.0], f32::NEG_INFINITY);
                    rows.insert(at, slot);
                    self.places[slot as usize] = Place {
                        at,
                        known: true,
                        inserted: true,
                        in_grid: false,
                        seen: self.update,
                        moved: true,
                    };
                }
                break;
            }
        }
    }

    /// Where a node with these neighbours (and whether the edge leads to them) would like to be, and above which y it should not be.
    fn wish(&self, members: &[u32], near: &[(u32, bool)]) -> Option<(Point, f32)> {
        let (mut x, mut count) = (0.0, 0.0);
        let (mut above, mut below) = (f32::NEG_INFINITY, f32::INFINITY);
        for &(other, leads_to) in near {
            let place = &self.places[members[other as usize] as usize];
            if !place.known {
                continue;
            }
            x += place.at[0];
            count += 1.0;
            if leads_to {
                below = below.min(place.at[1]);
            } else {
                above = above.max(place.at[1]);
            }
        }
        if count == 0.0 {
            return None;
        }
        let y = if above.is_finite() { above + ROW_PITCH } else { below - ROW_PITCH };
        let ceiling = if above.is_finite() { above + 1.0 } else { f32::NEG_INFINITY };
        Some(([(x / count).round(), y], ceiling))
    }

    /// Puts nodes without edges into a grid: all of them sorted by rank at first, later ones into its free cells.
    pub(super) fn fill_grid(&mut self, graph: &Graph, members: &[u32], work: &Work, rows: &mut Rows, start_over: bool) {
        let mut single: Vec<usize> = (0..members.len())
            .filter(|&i| work.component[i] == NOWHERE && (start_over || !self.places[members[i] as usize].known))
            .collect();
        if single.is_empty() {
            return;
        }
        single.order_by(|&a, &b| {
            let (x, y) = (&graph.nodes[a], &graph.nodes[b]);
            x.rank.cmp(&y.rank).then_with(|| x.id.cmp(&y.id)).then(a.cmp(&b))
        });
        let is_single = |places: &[Place], i: usize| {
            let place = &places[members[i] as usize];
            place.known && place.in_grid && !start_over
        };
        let grid: Vec<Point> = (0..members.len())
            .filter(|&i| is_single(&self.places, i))
            .map(|i| self.places[members[i] as usize].at)
            .collect();
        let rest: Vec<Point> = (0..members.len())
            .filter(|&i| work.component[i] != NOWHERE && self.places[members[i] as usize].known)
            .map(|i| self.places[members[i] as usize].at)
            .collect();
        let (low, high) = pack::extent(&rest);
        let (origin, columns) = if grid.is_empty() {
            pack::grid(single.len(), low, high, rest.is_empty(), self.form)
        } else {
            let (_, columns) = pack::grid(single.len() + grid.len(), low, high, rest.is_empty(), self.form);
            let (low, high) = pack::extent(&grid);
            (low, columns.max(((high[0] - low[0]) / NODE_PITCH).round() as usize + 1))
        };
        let mut cell = 0usize;
        for index in single {
            let at = loop {
                let at = [
                    origin[0] + (cell % columns) as f32 * NODE_PITCH,
                    origin[1] + (cell / columns) as f32 * ROW_PITCH,
                ];
                cell += 1;
                if rows.is_free(at) {
                    break at;
                }
            };
            let slot = members[index];
            rows.insert(at, slot);
            self.places[slot as usize] = Place {
                at,
                known: true,
                inserted: false,
                in_grid: true,
                seen: self.update,
                moved: true,
            };
        }
    }

    /// Puts pinned nodes where people want them; whoever is in the way goes to the nearest free place.
    pub(super) fn apply_pins(&mut self, graph: &Graph, members: &[u32], rows: &mut Rows) {
        if self.pins.is_empty() {
            return;
        }
        let index: HashMap<&SmolStr, usize> = graph.nodes.iter().enumerate().rev().map(|(i, n)| (&n.id, i)).collect();
        let pinned: Vec<(u32, Point)> = self
            .pins
            .iter()
            .filter_map(|pin| Some((members[*index.get(&pin.node)?], pin.at)))
            .collect();
        for &(slot, at) in &pinned {
            let place = &mut self.places[slot as usize];
            rows.remove(place.at, slot);
            place.moved |= place.at != at;
            place.at = at;
        }
        for &(slot, at) in &pinned {
            while let Some(other) = rows.owner_near(at) {
                if pinned.iter().any(|p| p.0 == other) {
                    break;
                }
                let place = &mut self.places[other as usize];
                rows.remove(place.at, other);
                // Not where the pinned one goes: that is taken while the place is looked for.
                rows.insert(at, slot);
                place.at = rows.free_place(place.at, f32::NEG_INFINITY);
                place.moved = true;
                rows.remove(at, slot);
                rows.insert(place.at, other);
            }
            rows.insert(at, slot);
        }
    }

    /// Routes of all edges: those whose ends stayed keep theirs.
    pub(super) fn routes(&self, graph: &Graph, members: &[u32], work: &Work, rows: &Rows) -> Routes {
        let old = &self.layout.routes;
        let mut routes = Routes {
            starts: Vec::with_capacity(graph.edges.len() + 1),
            points: Vec::with_capacity(old.points.len() + 64),
        };
        let mut table: Option<HashMap<(u32, u32), u32>> = None;
        let mut fresh = work.fresh_routes.iter().peekable();
        let mut at = 0usize;
        let mut path = Vec::new();
        // Old routes that follow one another are copied in one go.
        let mut run = 0..0;
        let ends = |edge: &(u32, u32)| Some((*self.members.get(edge.0 as usize)?, *self.members.get(edge.1 as usize)?));
        for (number, &(from, to)) in work.edges.iter().enumerate() {
            if from != NOWHERE {
                let (a, b) = (members[from as usize], members[to as usize]);
                let (start, end) = (self.places[a as usize], self.places[b as usize]);
                let new = fresh.next_if(|r| r.0 == number as u32).map(|r| r.1.as_slice());
                // A pin may have moved an end since the component was laid out.
                if let Some(route) = new.filter(|r| r.first() == Some(&start.at) && r.last() == Some(&end.at)) {
                    routes.extend(old, std::mem::take(&mut run));
                    routes.push(route);
                    continue;
                }
                if !start.moved && !end.moved {
                    let mut known = None;
                    for ahead in 0..3 {
                        if self.graph.edges.get(at + ahead).and_then(ends) == Some((a, b)) {
                            known = Some(at + ahead);
                            at += ahead + 1;
                            break;
                        }
                    }
                    let known = known.or_else(|| {
                        let table = table.get_or_insert_with(|| {
                            let all = self.graph.edges.iter().enumerate();
                            all.filter_map(|(i, e)| Some((ends(e)?, i as u32))).collect()
                        });
                        table.get(&(a, b)).map(|&i| i as usize)
                    });
                    if let Some(index) = known.filter(|&i| old.get(i).len() > 1) {
                        if run.end != index {
                            routes.extend(old, std::mem::replace(&mut run, index..index));
                        }
                        run.end = index + 1;
                        continue;
                    }
                }
                path.clear();
                if a == b {
                    route::self_loop(start.at, &mut path);
                } else {
                    route::between(start.at, end.at, rows, &mut path);
                }
            } else {
                path.clear();
            }
            routes.extend(old, std::mem::take(&mut run));
            routes.push(&path);
        }
        routes.extend(old, run);
        routes
    }
}
