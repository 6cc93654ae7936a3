//! Grouping by parents: containers into pods, tasks and services; pods into controllers and services; tasks into services.

use std::sync::Arc;

use scope_shared::report::{Kind, Node, VecMap};
use smol_str::{SmolStr, format_smolstr};

use super::containers::pass_through;
use super::{Renderer, What, is_pseudo, name, whole};
use crate::view::build::{Builder, Targets};
use crate::view::filter;
use crate::view::graph::{Graph, Kid, Masked};
use crate::view::ids::{PSEUDO, UNCONTAINED_PREFIX, UNMANAGED_PREFIX, host_of};

/// Puts every node of `input` into its parents of `kinds`; with `unmanaged`, those without one into a pseudo node of their host.
/// Returns what each node became.
pub(super) fn map_to_parents(builder: &mut Builder, input: &Arc<Masked>, kinds: &[Kind], unmanaged: bool) {
    let source = builder.source(input.clone());
    // Pseudo nodes that stay go first: in the original they may overwrite what parentless nodes put under the same id.
    let mut passed = vec![None; input.graph.nodes.len()];
    for at in input.by_id() {
        let node = input.graph.node(at);
        if is_pseudo(node) && !(unmanaged && node.id.starts_with(UNCONTAINED_PREFIX)) {
            passed[at as usize] = Some(pass_through(builder, node, source, at));
        }
    }
    let topologies: Vec<SmolStr> = kinds.iter().map(|kind| name(kind.name())).collect();
    let pseudo = name(PSEUDO);
    let targets = Targets::build(input, |at, targets| {
        if let Some(to) = passed[at as usize] {
            targets.push(to);
            return;
        }
        let node = input.graph.node(at);
        let mut add = |id: &SmolStr, topology: &SmolStr| {
            let to = builder.bare(id, topology);
            builder.count(to, &node.topology, 1);
            builder.kid(
                to,
                Kid::Node {
                    source,
                    at,
                    itself: true,
                    deep: true,
                },
            );
            targets.push(to);
        };
        if let Some(host) = node.id.strip_prefix(UNCONTAINED_PREFIX).filter(|_| unmanaged) {
            add(&format_smolstr!("{UNMANAGED_PREFIX}{host}"), &pseudo);
            return;
        }
        let mut any = false;
        for topology in &topologies {
            for parent in node.parents.get(topology).into_iter().flatten() {
                add(parent, topology);
                any = true;
            }
        }
        if !any && unmanaged {
            add(&format_smolstr!("{UNMANAGED_PREFIX}{}", host_of(node)), &pseudo);
        }
    });
    builder.project(input, &targets);
}

/// The metrics of a node's only child of a topology, if there is exactly one that makes connections.
pub(super) fn single_metrics<'a>(kids: &[Kid], source: &'a Masked, topology: &str) -> Option<&'a Arc<Node>> {
    let mut children = kids.iter().filter_map(|kid| match kid {
        Kid::Node { at, itself: true, .. } => Some(source.graph.node(*at)),
        _ => None,
    });
    let mut only = None;
    children.try_for_each(|node| {
        if node.topology != topology || node.latest.contains_key("does_not_make_connections") {
            return Some(());
        }
        let first = only.is_none();
        only = Some(node);
        first.then_some(())
    })?;
    only
}

/// Merges metrics into a node's.
pub(super) fn merge_metrics(node: &mut Node, from: &VecMap<scope_shared::report::Metric>) {
    let carrier = Node {
        metrics: from.clone(),
        ..Node::default()
    };
    node.merge(&carrier);
}

impl Renderer<'_> {
    /// Parents of `kinds` with what their children are connected to; parents without children appear, too.
    fn parents(&mut self, input: &Arc<Masked>, kinds: &[Kind], unmanaged: bool, child: Kind) -> Graph {
        let mut builder = Builder::default();
        for kind in kinds {
            for (_, node) in self.state.nodes(*kind) {
                builder.node(node);
            }
        }
        map_to_parents(&mut builder, input, kinds, unmanaged);
        with_single_metrics(builder.finish(), input, child)
    }

    pub(super) fn services(&mut self) -> Masked {
        self.kubernetes(What::Pods, &[Kind::Service], false)
    }

    pub(super) fn controllers(&mut self) -> Masked {
        self.kubernetes(
            What::Pods,
            &[Kind::Deployment, Kind::DaemonSet, Kind::StatefulSet, Kind::CronJob, Kind::Job],
            true,
        )
    }

    fn kubernetes(&mut self, input: What, kinds: &[Kind], unmanaged: bool) -> Masked {
        if !self.has_kubernetes() {
            return Masked::default();
        }
        let input = self.graph(input);
        whole(self.parents(&input, kinds, unmanaged, Kind::Pod))
    }

    pub(super) fn ecs_tasks(&mut self) -> Masked {
        if !self.state.any(Kind::EcsTask) && !self.state.any(Kind::EcsService) {
            return Masked::default();
        }
        let running = self.running_containers();
        whole(self.parents(&running, &[Kind::EcsTask], true, Kind::Container))
    }

    pub(super) fn ecs_services(&mut self) -> Masked {
        if !self.state.any(Kind::EcsTask) && !self.state.any(Kind::EcsService) {
            return Masked::default();
        }
        let tasks = self.graph(What::EcsTasks);
        whole(self.parents(&tasks, &[Kind::EcsService], false, Kind::EcsTask))
    }

    pub(super) fn swarm_services(&mut self) -> Masked {
        if !self.state.any(Kind::SwarmService) {
            return Masked::default();
        }
        let running = self.running_containers();
        whole(self.parents(&running, &[Kind::SwarmService], true, Kind::Container))
    }

    fn running_containers(&mut self) -> Arc<Masked> {
        let containers = self.graph(What::Containers);
        Arc::new(Masked::clone(&containers).filter(filter::is_running))
    }
}

/// Gives every node with exactly one child of a topology that child's metrics.
pub(super) fn with_single_metrics(mut graph: Graph, source: &Masked, child: Kind) -> Graph {
    let shape = graph.shape.clone();
    let nodes = Arc::make_mut(&mut graph.nodes);
    for (at, kids) in shape.kids.lists().iter().enumerate() {
        if let Some(only) = single_metrics(kids, source, child.name())
            && !only.metrics.is_empty()
        {
            let mut node = Arc::clone(&nodes[at]);
            merge_metrics(Arc::make_mut(&mut node), &only.metrics);
            nodes.set(at, node);
        }
    }
    graph
}
