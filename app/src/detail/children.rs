//! What a node contains: found by following the graphs it was rendered from.

use scope_shared::sort::SmallSort as _;
use std::collections::{BTreeMap, BTreeSet};

use scope_shared::report::{Kind, Node};
use smol_str::SmolStr;

use crate::model::{ChildGroup, ListColumn, NodeSummary};
use crate::view::graph::{Kid, LevelName, Masked};
use crate::view::joins::{Joins, LevelNode};
use crate::view::render::levels::bare;
use crate::view::summary::{Summaries, view_of};

/// Groups in the order they are shown, with their columns (id, label, data type).
type Columns = &'static [(&'static str, &'static str, &'static str)];
const GROUPS: [(Kind, &str, Columns); 10] = [
    (
        Kind::Pod,
        "Pods",
        &[
            ("kubernetes_state", "State", ""),
            ("container", "# Containers", "number"),
            ("kubernetes_ip", "IP", "ip"),
        ],
    ),
    (Kind::EcsTask, "Tasks", &[("ecs_created_at", "Created At", "datetime")]),
    (
        Kind::Container,
        "Containers",
        &[
            ("docker_cpu_total_usage", "CPU", "number"),
            ("docker_memory_usage", "Memory", "number"),
        ],
    ),
    (
        Kind::Process,
        "Processes",
        &[
            ("pid", "PID", "number"),
            ("process_cpu_usage_percent", "CPU", "number"),
            ("process_memory_usage_bytes", "Memory", "number"),
        ],
    ),
    (Kind::ContainerImage, "Container images", &[]),
    (Kind::PersistentVolume, "Persistent Volumes", &[]),
    (Kind::PersistentVolumeClaim, "Persistent Volume Claims", &[]),
    (Kind::StorageClass, "Storage Classes", &[]),
    (Kind::VolumeSnapshot, "Volume Snapshots", &[]),
    (Kind::VolumeSnapshotData, "Volume Snapshot Data", &[]),
];

/// Follows a graph's kids.
pub(crate) struct Children<'a> {
    pub(crate) joins: &'a Joins,
}

impl<'a> Children<'a> {
    /// The endpoints among a node's children: slots, ordered by endpoint id.
    pub(crate) fn endpoints(&self, graph: &Masked, at: u32) -> Vec<u32> {
        let mut slots = BTreeSet::new();
        self.collect_endpoints(graph, at, &mut slots);
        let mut slots: Vec<u32> = slots.into_iter().collect();
        slots.order_by(|a, b| self.joins.endpoint_ids.name_ref(*a).cmp(self.joins.endpoint_ids.name_ref(*b)));
        slots
    }

    fn collect_endpoints(&self, graph: &Masked, at: u32, into: &mut BTreeSet<u32>) {
        for kid in graph.graph.shape.kids.of(at).iter() {
            match kid {
                Kid::Level(level, slot) => {
                    let node = self.of_level(*level, *slot);
                    into.extend(node.into_iter().flat_map(|node| node.endpoints.iter()));
                    for held in self.held(*level, *slot) {
                        let process = self.of_level(LevelName::Processes, *held);
                        into.extend(process.into_iter().flat_map(|process| process.endpoints.iter()));
                    }
                }
                Kid::Node {
                    source, at, deep: true, ..
                } => {
                    if let Some(source) = graph.graph.sources.get(usize::from(*source)) {
                        self.collect_endpoints(source, *at, into);
                    }
                }
                Kid::Nodes {
                    source,
                    members,
                    deep: true,
                } => {
                    if let Some(source) = graph.graph.sources.get(usize::from(*source)) {
                        members.iter().for_each(|at| self.collect_endpoints(source, *at, into));
                    }
                }
                Kid::Node { .. } | Kid::Nodes { .. } | Kid::Raw(_) => {}
            }
        }
    }

    fn of_level(&self, level: LevelName, slot: u32) -> Option<&'a LevelNode> {
        let level = match level {
            LevelName::Processes => &self.joins.processes,
            LevelName::Containers => &self.joins.containers,
            LevelName::Pods => &self.joins.pods,
            LevelName::Hosts => &self.joins.hosts,
        };
        level.nodes.get(slot as usize)
    }

    /// The processes that a slot holds, if it is a container's.
    fn held(&self, level: LevelName, slot: u32) -> &'a [u32] {
        let node = self.of_level(level, slot).filter(|_| level == LevelName::Containers);
        node.map_or(&[], |node| &node.holds)
    }

    /// Calls `add` with every child but endpoints, and with a way to its edges.
    fn visit(&self, graph: &Masked, at: u32, add: &mut Visitor<'_>) {
        for kid in graph.graph.shape.kids.of(at).iter() {
            match kid {
                Kid::Level(level, slot) => {
                    for held in self.held(*level, *slot) {
                        self.visit_process(*held, add);
                    }
                }
                Kid::Raw(node) => add(node, &|| node.adjacency.iter().cloned().collect()),
                Kid::Node { source, at, itself, deep } => {
                    let Some(source) = graph.graph.sources.get(usize::from(*source)) else {
                        continue;
                    };
                    if *itself {
                        add(source.graph.node(*at), &|| source.adjacency(*at));
                    }
                    if *deep {
                        self.visit(source, *at, add);
                    }
                }
                Kid::Nodes { source, members, deep } => {
                    let Some(source) = graph.graph.sources.get(usize::from(*source)) else {
                        continue;
                    };
                    for &at in members.iter() {
                        add(source.graph.node(at), &|| source.adjacency(at));
                        if *deep {
                            self.visit(source, at, add);
                        }
                    }
                }
            }
        }
    }

    /// A process that a container holds; what is outside of processes is no child.
    fn visit_process(&self, slot: u32, add: &mut Visitor<'_>) {
        let level = &self.joins.processes;
        let Some(process) = level.nodes.get(slot as usize) else { return };
        let edges = || {
            let mut ids: Vec<SmolStr> = process.out.iter().map(|(to, _)| level.ids.name(*to)).collect();
            ids.sort_unstable();
            ids
        };
        match &process.raw {
            Some(node) => add(node, &edges),
            None if process.pseudo => {}
            None => add(&bare(level.ids.name(slot), false, Kind::Process), &edges),
        }
    }

    /// The children that have a summary, by kind.
    pub(super) fn groups(&self, graph: &Masked, at: u32, summaries: Summaries<'_>) -> Vec<ChildGroup> {
        let own = graph.graph.node(at).id.clone();
        let mut found: BTreeMap<SmolStr, BTreeMap<SmolStr, NodeSummary>> = BTreeMap::new();
        let mut add = |node: &Node, adjacency: &dyn Fn() -> Vec<SmolStr>| {
            let group = found.entry(node.topology.clone()).or_default();
            if node.id != own
                && !group.contains_key(&node.id)
                && let Some(summary) = summaries.summary(node, adjacency(), false)
            {
                group.insert(node.id.clone(), summary);
            }
        };
        self.visit(graph, at, &mut add);
        let mut groups = Vec::new();
        for (kind, label, columns) in GROUPS {
            let nodes = found.remove(kind.name()).unwrap_or_default();
            push_group(&mut groups, kind, SmolStr::new_static(label), columns, nodes);
        }
        // What no template of lists knows of: unreachable with today's renderers, shown all the same.
        for (topology, nodes) in found {
            if let Some(kind) = Kind::from_name(&topology) {
                push_group(&mut groups, kind, summaries.state.topology(kind).label_plural.clone(), &[], nodes);
            }
        }
        groups
    }
}

fn push_group(groups: &mut Vec<ChildGroup>, kind: Kind, label: SmolStr, columns: Columns, nodes: BTreeMap<SmolStr, NodeSummary>) {
    let Some(view) = view_of(kind).filter(|_| !nodes.is_empty()) else {
        return;
    };
    groups.push(ChildGroup {
        id: SmolStr::default(),
        label,
        nodes: nodes.into_values().collect(),
        topology_id: SmolStr::new_static(view),
        columns: columns
            .iter()
            .map(|(id, label, data_type)| ListColumn {
                id: SmolStr::new_static(id),
                label: SmolStr::new_static(label),
                default_sort: false,
                data_type: SmolStr::new_static(data_type),
            })
            .collect(),
    });
}

/// Is told a child and a way to its edges.
type Visitor<'v> = dyn FnMut(&Node, &dyn Fn() -> Vec<SmolStr>) + 'v;
