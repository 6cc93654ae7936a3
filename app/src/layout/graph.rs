//! A component as integer arrays: deduplicated, acyclic, ranked, with long edges cut into steps of one rank.
//!
//! Knows no coordinates. All orders follow from the input's, so equal input gives equal output.

use std::ops::Range;

/// Neighbours of all vertices in one array.
#[derive(Clone, Debug, Default)]
pub(super) struct Adjacency {
    starts: Vec<u32>,
    targets: Vec<u32>,
}

impl Adjacency {
    /// Collects, for each of `n` vertices, the targets of its arcs in the order given.
    pub(super) fn new(n: usize, arcs: impl Iterator<Item = (u32, u32)> + Clone) -> Self {
        let mut starts = vec![0u32; n + 1];
        for (from, _) in arcs.clone() {
            starts[from as usize + 1] += 1;
        }
        for i in 0..n {
            starts[i + 1] += starts[i];
        }
        let mut fill = starts.clone();
        let mut targets = vec![0u32; starts[n] as usize];
        for (from, to) in arcs {
            let slot = &mut fill[from as usize];
            targets[*slot as usize] = to;
            *slot += 1;
        }
        Self { starts, targets }
    }

    /// Where the neighbours of `v` lie in the targets and in arrays that run beside them.
    // Called millions of times: the page is built for size and would not inline it.
    #[inline(always)]
    pub(super) fn range(&self, v: u32) -> Range<usize> {
        match self.starts.get(v as usize..v as usize + 2) {
            Some(&[from, to]) => from as usize..to as usize,
            _ => 0..0,
        }
    }

    /// The neighbours of `v`.
    #[inline(always)]
    pub(super) fn of(&self, v: u32) -> &[u32] {
        self.targets.get(self.range(v)).unwrap_or_default()
    }

    /// Where the neighbours of `v` begin.
    #[inline(always)]
    pub(super) fn start(&self, v: u32) -> usize {
        self.range(v).start
    }

    /// How many arcs there are.
    pub(super) fn len(&self) -> usize {
        self.targets.len()
    }
}

/// Turns edges around until there is no cycle: those that a depth-first walk finds leading back to where it came from.
/// Returns, for each edge, the pair in walking direction.
pub(super) fn acyclic(n: usize, edges: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let out = Adjacency::new(n, edges.iter().enumerate().map(|(i, &(from, _))| (from, i as u32)));
    let mut indegree = vec![0u32; n];
    for &(_, to) in edges {
        indegree[to as usize] += 1;
    }
    const NEW: u8 = 0;
    const OPEN: u8 = 1;
    const DONE: u8 = 2;
    let mut state = vec![NEW; n];
    let mut result = edges.to_vec();
    let mut stack: Vec<(u32, u32)> = Vec::new();
    let sources = (0..n as u32).filter(|&v| indegree[v as usize] == 0);
    for root in sources.chain(0..n as u32) {
        if state[root as usize] != NEW {
            continue;
        }
        state[root as usize] = OPEN;
        stack.push((root, 0));
        while let Some((v, next)) = stack.pop() {
            let Some(&edge) = out.of(v).get(next as usize) else {
                state[v as usize] = DONE;
                continue;
            };
            stack.push((v, next + 1));
            let to = edges[edge as usize].1;
            match state[to as usize] {
                NEW => {
                    state[to as usize] = OPEN;
                    stack.push((to, 0));
                }
                OPEN => result[edge as usize] = (to, v),
                _ => {}
            }
        }
    }
    result
}

/// A rank for each vertex such that every edge leads downwards by at least one: longest paths, then vertices slide towards the side where they
/// have more edges, which shortens edges in total.
pub(super) fn ranks(n: usize, edges: &[(u32, u32)]) -> Vec<u32> {
    let down = Adjacency::new(n, edges.iter().copied());
    let up = Adjacency::new(n, edges.iter().map(|&(a, b)| (b, a)));
    let mut missing: Vec<u32> = (0..n as u32).map(|v| up.of(v).len() as u32).collect();
    let mut sorted: Vec<u32> = (0..n as u32).filter(|&v| missing[v as usize] == 0).collect();
    let mut rank = vec![0u32; n];
    let mut at = 0;
    while at < sorted.len() {
        let v = sorted[at];
        at += 1;
        for &w in down.of(v) {
            rank[w as usize] = rank[w as usize].max(rank[v as usize] + 1);
            missing[w as usize] -= 1;
            if missing[w as usize] == 0 {
                sorted.push(w);
            }
        }
    }
    // Sliding a vertex may free its neighbours; a few rounds reach nearly what the simplex method would.
    for _ in 0..6 {
        let mut moved = false;
        for &v in sorted.iter().rev() {
            let lowest = down.of(v).iter().map(|&w| rank[w as usize]).min();
            if let Some(lowest) = lowest
                && down.of(v).len() > up.of(v).len()
                && rank[v as usize] + 1 < lowest
            {
                rank[v as usize] = lowest - 1;
                moved = true;
            }
        }
        for &v in &sorted {
            let highest = up.of(v).iter().map(|&w| rank[w as usize]).max();
            if let Some(highest) = highest
                && up.of(v).len() > down.of(v).len()
                && highest + 1 < rank[v as usize]
            {
                rank[v as usize] = highest + 1;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    close_gaps(&mut rank);
    rank
}

/// Renumbers ranks so that none is empty.
pub(super) fn close_gaps(rank: &mut [u32]) {
    let highest = rank.iter().copied().max().unwrap_or(0) as usize;
    let mut used = vec![0u32; highest + 1];
    for &r in rank.iter() {
        used[r as usize] = 1;
    }
    let mut next = 0;
    for slot in &mut used {
        let here = *slot;
        *slot = next;
        next += here;
    }
    for r in rank {
        *r = used[*r as usize];
    }
}

/// A ranked component whose every arc spans one rank: vertices `0..real` are nodes, the rest are bends of long edges.
#[derive(Debug)]
pub(super) struct Proper {
    /// How many vertices are nodes.
    pub(super) real: usize,
    /// Rank of each vertex.
    pub(super) rank: Vec<u32>,
    /// How many ranks there are.
    pub(super) ranks: usize,
    /// Arcs to the rank below.
    pub(super) down: Adjacency,
    /// Arcs to the rank above.
    pub(super) up: Adjacency,
    /// For each bend, the node its edge leads to.
    targets: Vec<u32>,
    /// For each edge, its first bend; its other bends follow it, one a rank.
    pub(super) first_bend: Vec<u32>,
}

impl Proper {
    /// Cuts the edges (which lead downwards by `rank`). An edge of weight two stands for two that take the same way.
    pub(super) fn new(n: usize, edges: &[(u32, u32)], weights: &[u32], rank: Vec<u32>) -> Self {
        let ranks = rank.iter().copied().max().map_or(0, |r| r as usize + 1);
        let mut all = rank;
        let mut arcs: Vec<(u32, u32)> = Vec::with_capacity(edges.len() * 2);
        let mut first_bend = Vec::with_capacity(edges.len());
        let mut targets = Vec::new();
        for (&(from, to), &weight) in edges.iter().zip(weights) {
            let mut join = |a: u32, b: u32| arcs.extend((0..weight).map(|_| (a, b)));
            first_bend.push(all.len() as u32);
            let mut last = from;
            for r in all[from as usize] + 1..all[to as usize] {
                let bend = all.len() as u32;
                all.push(r);
                targets.push(to);
                join(last, bend);
                last = bend;
            }
            join(last, to);
        }
        let total = all.len();
        let down = Adjacency::new(total, arcs.iter().copied());
        let up = Adjacency::new(total, arcs.iter().map(|&(a, b)| (b, a)));
        Self {
            real: n,
            rank: all,
            ranks,
            down,
            up,
            targets,
            first_bend,
        }
    }

    /// The node that a bend's edge leads to.
    pub(super) fn target(&self, bend: u32) -> Option<u32> {
        self.targets.get((bend as usize).checked_sub(self.real)?).copied()
    }

    /// How many vertices there are, bends included.
    pub(super) fn len(&self) -> usize {
        self.rank.len()
    }
}
