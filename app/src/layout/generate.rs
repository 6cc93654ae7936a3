//! Service graphs made up from a seed: what benches, property tests and the check page lay out and draw.
//!
//! Shaped like what probes see: applications of tiers (gateway, service, store) that mostly call downwards, a few shared services that everybody
//! calls, some cycles, some parallel pairs, some loops, some nodes without connections. Never used by the product itself.

use smol_str::{SmolStr, format_smolstr};

use super::{Graph, GraphNode};
use crate::scene::data::{SceneEdge, SceneNode, Shape};

/// A small generator of pseudo-random numbers (splitmix64): the same seed gives the same graph everywhere.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Starts at a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, evenly spread.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 when the bound is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { (self.bits() % bound as u64) as usize }
    }

    /// True with a chance of `percent` in a hundred.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.bits() % 100 < percent
    }
}

/// A graph in which anybody talks to anybody: `edges` edges between `nodes` nodes, most of them on cycles, as in a gossiping cluster.
pub fn tangle(nodes: usize, edges: usize, seed: u64) -> Graph {
    let mut random = Random::new(seed);
    let node = |i: usize| GraphNode {
        id: format!("node-{i}").into(),
        rank: "peer".into(),
    };
    Graph {
        nodes: (0..nodes).map(node).collect(),
        edges: (0..edges)
            .map(|_| (random.below(nodes) as u32, random.below(nodes) as u32))
            .collect(),
    }
}

/// A service graph of `nodes` nodes and 1.5 to 2 edges a node.
pub fn service_graph(nodes: usize, seed: u64) -> Graph {
    let mut random = Random::new(seed);
    let mut graph = Graph::default();
    let shared = (nodes / 60).max(1);
    let lonely = nodes / 25;
    let body = nodes.saturating_sub(shared + lonely);
    let mut tiers: Vec<(usize, u8)> = Vec::with_capacity(body);
    let (mut app, mut left) = (0, 0);
    for _ in 0..body {
        if left == 0 {
            app += 1;
            left = 6 + random.below(30);
        }
        left -= 1;
        let tier = match random.below(100) {
            0..=14 => 0,
            15..=39 => 1,
            40..=69 => 2,
            70..=84 => 3,
            _ => 4,
        };
        tiers.push((app, tier));
    }
    for (index, (app, tier)) in tiers.iter().enumerate() {
        let name = ["web", "api", "svc", "worker", "db"]
            .get(usize::from(*tier))
            .copied()
            .unwrap_or("svc");
        graph.nodes.push(GraphNode {
            id: format_smolstr!("app{app}-{name}-{index};<container>"),
            rank: format_smolstr!("app{app}/{name}"),
        });
    }
    for index in 0..shared {
        graph.nodes.push(GraphNode {
            id: format_smolstr!("shared-{index};<container>"),
            rank: "shared".into(),
        });
    }
    for index in 0..lonely.min(nodes.saturating_sub(body + shared)) {
        graph.nodes.push(GraphNode {
            id: format_smolstr!("lonely-{index};<container>"),
            rank: format_smolstr!("tool{}", index % 5),
        });
    }
    connect(&mut graph, &tiers, shared, &mut random);
    graph
}

/// Joins the nodes of each application downwards, and to what is shared.
fn connect(graph: &mut Graph, tiers: &[(usize, u8)], shared: usize, random: &mut Random) {
    let mut start = 0;
    while start < tiers.len() {
        let app = tiers.get(start).map(|t| t.0);
        let end = start
            + tiers
                .get(start..)
                .unwrap_or_default()
                .iter()
                .take_while(|t| Some(t.0) == app)
                .count();
        for index in start..end {
            let tier = tiers.get(index).map_or(0, |t| t.1);
            let below: Vec<usize> = (start..end)
                .filter(|&j| tiers.get(j).is_some_and(|t| t.1 > tier && t.1 <= tier + 2))
                .collect();
            let calls = [2, 2, 1, 1, 0].get(usize::from(tier)).copied().unwrap_or(0) + usize::from(random.chance(45));
            for _ in 0..calls {
                if let Some(&to) = below.get(random.below(below.len())) {
                    graph.edges.push((index as u32, to as u32));
                }
            }
            if random.chance(22) {
                // Shared services are called the more, the earlier they come.
                let pick = random.below(shared).min(random.below(shared));
                graph.edges.push((index as u32, (tiers.len() + pick) as u32));
            }
            if random.chance(3) {
                graph.edges.push((index as u32, random.below(tiers.len()) as u32));
            }
            if random.chance(2) {
                graph.edges.push((index as u32, (start + random.below(end - start)) as u32));
            }
        }
        start = end;
    }
}

/// The same graph with everything a map shows: labels, shapes, networks, stacks.
pub fn decorate(graph: &Graph, seed: u64) -> (Vec<SceneNode>, Vec<SceneEdge>) {
    let mut random = Random::new(seed);
    let hosts = ["host-a", "host-b", "ip-10-0-3-17", "node-eu-west-1c"];
    let nodes = graph
        .nodes
        .iter()
        .map(|node| {
            let label = node.id.split(';').next().unwrap_or_default();
            let plain = random.below(100);
            SceneNode {
                id: node.id.clone(),
                label: SmolStr::new(label),
                label_minor: hosts.get(random.below(hosts.len())).copied().unwrap_or_default().into(),
                rank: node.rank.clone(),
                shape: if plain < 70 {
                    Shape::Hexagon
                } else {
                    Shape::ALL.get(random.below(12)).copied().unwrap_or_default()
                },
                camera: plain == 99,
                stack: plain > 90,
                pseudo: label.starts_with("shared"),
                networks: (0..random.below(3)).map(|_| format_smolstr!("net{}", random.below(6))).collect(),
            }
        })
        .collect();
    let edges = graph
        .edges
        .iter()
        .map(|&(from, to)| SceneEdge { from, to, storage: false })
        .collect();
    (nodes, edges)
}
