//! The order of vertices within their ranks, with few crossings: barycentre and median sweeps, sifting, fast counting.
//!
//! The effort follows from the size alone, never from a clock, so that equal input gives equal orders. The inner loops go over slices, not
//! vectors, and inline what they call by order: the page is built for size, where each index into a vector would be a call.

use super::graph::{Adjacency, Proper};
use scope_shared::sort::SmallSort as _;

/// Vertices of each rank from left to right, and the place of each vertex in its rank.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// Rank by rank.
    pub(super) rows: Vec<Vec<u32>>,
    /// Place in the row.
    pub(super) place: Vec<u32>,
}

impl Order {
    fn from_rows(rows: Vec<Vec<u32>>, len: usize) -> Self {
        let mut order = Self { rows, place: vec![0; len] };
        for r in 0..order.rows.len() {
            order.renumber(r);
        }
        order
    }

    fn renumber(&mut self, row: usize) {
        for (i, &v) in self.rows[row].iter().enumerate() {
            self.place[v as usize] = i as u32;
        }
    }
}

/// Scratch space, so that sweeps allocate nothing.
struct Scratch {
    keys: Vec<(f32, u32)>,
    tree: Vec<u32>,
    fill: Vec<u32>,
    sorted_up: Vec<u32>,
    sorted_down: Vec<u32>,
}

/// Orders `graph`. Each of `starts` gives every vertex a wished place from left to right (its old one, or one on a line); the one that
/// leads to the fewest crossings wins. Without any, a walk along the arcs is where it starts from. Returns how many edges cross, and the order.
pub(super) fn order(graph: &Proper, starts: &[Vec<f32>]) -> (u64, Order) {
    let mut scratch = Scratch {
        keys: Vec::new(),
        tree: Vec::new(),
        fill: vec![0; graph.len()],
        sorted_up: vec![0; graph.up.len()],
        sorted_down: vec![0; graph.down.len()],
    };
    let effort = Effort::of(graph.len());
    let first = starts
        .iter()
        .map(|hint| improve(graph, from_hint(graph, hint), &effort, &mut scratch))
        .min_by_key(|found| found.0)
        .unwrap_or_else(|| improve(graph, walk(graph), &effort, &mut scratch));
    if effort.again == 0 {
        return first;
    }
    let patient = Effort {
        rounds: effort.again,
        passes: 4,
        ..effort
    };
    let second = improve(graph, first.1.clone(), &patient, &mut scratch);
    if second.0 < first.0 { second } else { first }
}

/// How much is tried, by the number of vertices.
#[derive(Clone, Copy)]
struct Effort {
    /// Sweeps from a first order.
    rounds: usize,
    /// Sweeps without gain after which it is given up.
    patience: usize,
    /// Passes of the last sifting, and how far it looks.
    passes: usize,
    window: usize,
    /// Sweeps from the best order found.
    again: usize,
}

impl Effort {
    fn of(vertices: usize) -> Self {
        let (rounds, patience, passes, window, again) = match vertices {
            0..=800 => (6, 4, 2, 20, 8),
            801..=6_000 => (6, 5, 2, 6, 0),
            _ => (8, 3, 3, 2, 0),
        };
        Self {
            rounds,
            patience,
            passes,
            window,
            again,
        }
    }
}

fn from_hint(graph: &Proper, hint: &[f32]) -> Order {
    let mut rows = vec![Vec::new(); graph.ranks];
    for v in 0..graph.len() as u32 {
        rows[graph.rank[v as usize] as usize].push(v);
    }
    for row in &mut rows {
        row.order_by(|&a, &b| hint[a as usize].total_cmp(&hint[b as usize]).then(a.cmp(&b)));
    }
    Order::from_rows(rows, graph.len())
}

/// Depth-first along the arcs: what hangs together comes to lie together.
fn walk(graph: &Proper) -> Order {
    let mut rows = vec![Vec::new(); graph.ranks];
    let mut seen = vec![false; graph.len()];
    let mut stack = Vec::new();
    let roots = (0..graph.len() as u32).filter(|&v| graph.up.of(v).is_empty());
    for root in roots.chain(0..graph.len() as u32) {
        stack.push(root);
        while let Some(v) = stack.pop() {
            if std::mem::replace(&mut seen[v as usize], true) {
                continue;
            }
            rows[graph.rank[v as usize] as usize].push(v);
            stack.extend(graph.down.of(v).iter().rev().filter(|&&w| !seen[w as usize]));
        }
    }
    Order::from_rows(rows, graph.len())
}

fn improve(graph: &Proper, mut order: Order, effort: &Effort, scratch: &mut Scratch) -> (u64, Order) {
    let mut best = (count(graph, &order, scratch), order.clone());
    let mut stale = 0;
    for round in 0..effort.rounds {
        if best.0 == 0 {
            break;
        }
        sweep(graph, &mut order, round % 2 == 0, round % 4 >= 2, scratch);
        // Large graphs are sifted after every second sweep only: a sweep more is worth more than what that costs.
        if graph.len() <= 800 {
            sift(graph, &mut order, 2, 2, scratch);
        } else if round % 2 == 0 {
            sift(graph, &mut order, 1, 2, scratch);
        }
        let crossings = count(graph, &order, scratch);
        if crossings < best.0 {
            best = (crossings, order.clone());
            stale = 0;
        } else {
            stale += 1;
            if stale >= effort.patience {
                break;
            }
        }
    }
    sift(graph, &mut best.1, effort.passes, effort.window, scratch);
    best.0 = count(graph, &best.1, scratch);
    best
}

/// One pass over all rows: each is sorted by the mean (or median) place of its neighbours in the row before it.
fn sweep(graph: &Proper, order: &mut Order, downwards: bool, median: bool, scratch: &mut Scratch) {
    let count = order.rows.len();
    let mut near: Vec<u32> = Vec::new();
    let place = &mut order.place[..];
    for step in 1..count {
        let row = if downwards { step } else { count - 1 - step };
        let neighbours = if downwards { &graph.up } else { &graph.down };
        scratch.keys.clear();
        for &v in &order.rows[row] {
            let list = neighbours.of(v);
            if list.is_empty() {
                continue;
            }
            let key = if median && list.len() > 2 {
                near.clear();
                near.extend(list.iter().map(|&w| place[w as usize]));
                near.sort_unstable();
                let middle = near.len() / 2;
                if near.len() % 2 == 1 {
                    near[middle] as f32
                } else {
                    (near[middle - 1] + near[middle]) as f32 / 2.0
                }
            } else {
                let mut sum = 0u64;
                for &w in list {
                    sum += u64::from(place[w as usize]);
                }
                sum as f32 / list.len() as f32
            };
            scratch.keys.push((key, v));
        }
        scratch
            .keys
            .sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then_with(|| place[a.1 as usize].cmp(&place[b.1 as usize])));
        // Vertices without neighbours on that side keep their places.
        let mut sorted = scratch.keys.iter();
        for slot in &mut order.rows[row] {
            if !neighbours.of(*slot).is_empty()
                && let Some(&(_, v)) = sorted.next()
            {
                *slot = v;
            }
        }
        for (i, &v) in order.rows[row].iter().enumerate() {
            place[v as usize] = i as u32;
        }
    }
}

/// Lists of neighbours' places, ascending, beside the adjacency's own arrays: made by walking the other row in order.
fn sort_neighbours(graph: &Proper, order: &Order, row: usize, scratch: &mut Scratch) {
    let own = &order.rows[row];
    if row > 0 {
        sort_side(
            own,
            &order.rows[row - 1],
            [&graph.up, &graph.down],
            &mut scratch.fill,
            &mut scratch.sorted_up,
        );
    }
    if let Some(next) = order.rows.get(row + 1) {
        sort_side(own, next, [&graph.down, &graph.up], &mut scratch.fill, &mut scratch.sorted_down);
    }
}

/// The side towards `other`, whose vertices lead back through `back`.
fn sort_side(own: &[u32], other: &[u32], [towards, back]: [&Adjacency; 2], fill: &mut [u32], sorted: &mut [u32]) {
    for &v in own {
        fill[v as usize] = towards.start(v) as u32;
    }
    for (place, &w) in other.iter().enumerate() {
        for &v in back.of(w) {
            let slot = &mut fill[v as usize];
            sorted[*slot as usize] = place as u32;
            *slot += 1;
        }
    }
}

/// Crossings between the edges of two vertices side by side: first with `left` on the left, then exchanged.
#[inline(always)]
fn pair(left: &[u32], right: &[u32]) -> (i32, i32) {
    let (Some(&l_low), Some(&l_high), Some(&r_low), Some(&r_high)) = (left.first(), left.last(), right.first(), right.last()) else {
        return (0, 0);
    };
    let all = (left.len() * right.len()) as i32;
    if l_high < r_low {
        return (0, all);
    }
    if r_high < l_low {
        return (all, 0);
    }
    let (mut as_is, mut exchanged) = (0, 0);
    let (mut below, mut upto) = (0, 0);
    for &l in left {
        while below < right.len() && right[below] < l {
            below += 1;
        }
        upto = upto.max(below);
        while upto < right.len() && right[upto] == l {
            upto += 1;
        }
        as_is += below as i32;
        exchanged += (right.len() - upto) as i32;
    }
    (as_is, exchanged)
}

/// Moves each vertex to the best place within `window` places of its own, row by row, until nothing is gained or `passes` are over.
fn sift(graph: &Proper, order: &mut Order, passes: usize, window: usize, scratch: &mut Scratch) {
    let count = order.rows.len();
    let mut dirty = vec![true; count];
    let mut turn: Vec<u32> = Vec::new();
    for pass in 0..passes {
        let mut any = false;
        for step in 0..count {
            let row = if pass % 2 == 0 { step } else { count - 1 - step };
            if !std::mem::replace(&mut dirty[row], false) {
                continue;
            }
            sort_neighbours(graph, order, row, scratch);
            let (sorted_up, sorted_down) = (&scratch.sorted_up[..], &scratch.sorted_down[..]);
            let above = |v: u32| sorted_up.get(graph.up.range(v)).unwrap_or_default();
            let below = |v: u32| sorted_down.get(graph.down.range(v)).unwrap_or_default();
            let mut changed = false;
            turn.clear();
            turn.extend_from_slice(&order.rows[row]);
            let line = &mut order.rows[row][..];
            let places = &mut order.place[..];
            for &v in &turn {
                let at = places[v as usize] as usize;
                let (over, under) = (above(v), below(v));
                let (mut best, mut to) = (0, at);
                let mut sum = 0;
                let first = at.saturating_sub(window);
                for (i, &w) in line[first..at].iter().enumerate().rev() {
                    let ((up, up_exchanged), (down, down_exchanged)) = (pair(above(w), over), pair(below(w), under));
                    sum += up - up_exchanged + down - down_exchanged;
                    if sum > best {
                        (best, to) = (sum, first + i);
                    }
                }
                sum = 0;
                for (i, &w) in line[at + 1..line.len().min(at + window + 1)].iter().enumerate() {
                    let ((up, up_exchanged), (down, down_exchanged)) = (pair(over, above(w)), pair(under, below(w)));
                    sum += up - up_exchanged + down - down_exchanged;
                    if sum > best {
                        (best, to) = (sum, at + 1 + i);
                    }
                }
                if to == at {
                    continue;
                }
                changed = true;
                let (low, high) = (at.min(to), at.max(to));
                if to < at {
                    line[low..=high].rotate_right(1);
                } else {
                    line[low..=high].rotate_left(1);
                }
                for (i, &w) in line[low..=high].iter().enumerate() {
                    places[w as usize] = (low + i) as u32;
                }
            }
            if changed {
                any = true;
                for near in [row.wrapping_sub(1), row, row + 1] {
                    if let Some(flag) = dirty.get_mut(near) {
                        *flag = true;
                    }
                }
            }
        }
        if !any {
            break;
        }
    }
}

/// All crossings of the order: inversions, counted with a tree of prefix sums, row by row.
fn count(graph: &Proper, order: &Order, scratch: &mut Scratch) -> u64 {
    let mut total = 0u64;
    for rows in order.rows.windows(2) {
        let [upper, lower] = rows else { continue };
        let sorted = &mut scratch.sorted_down[..];
        sort_side(upper, lower, [&graph.down, &graph.up], &mut scratch.fill, sorted);
        scratch.tree.clear();
        scratch.tree.resize(lower.len() + 1, 0);
        let tree = &mut scratch.tree[..];
        let mut seen = 0u64;
        for &v in upper {
            let places = sorted.get(graph.down.range(v)).unwrap_or_default();
            for &place in places {
                let (mut i, mut upto) = (place as usize + 1, 0u64);
                while i > 0 {
                    upto += u64::from(tree[i]);
                    i &= i - 1;
                }
                total += seen - upto;
            }
            for &place in places {
                let mut i = place as usize + 1;
                while i < tree.len() {
                    tree[i] += 1;
                    i += i & i.wrapping_neg();
                }
            }
            seen += places.len() as u64;
        }
    }
    total
}
