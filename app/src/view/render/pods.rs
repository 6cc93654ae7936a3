//! Pods with what their containers and addresses are connected to, and the volumes beside them.

use std::sync::Arc;

use scope_shared::report::{Kind, Node};

use super::parents::{map_to_parents, merge_metrics, single_metrics};
use super::{Renderer, What, levels, volumes, whole};
use crate::view::build::{Builder, Targets};
use crate::view::filter;
use crate::view::graph::{Graph, Kid, Kids, LevelName, Masked};
use crate::view::ids::is_pause_image;

/// Any of these makes a cluster a Kubernetes one.
const KUBERNETES: [Kind; 10] = [
    Kind::Pod,
    Kind::Service,
    Kind::Deployment,
    Kind::DaemonSet,
    Kind::StatefulSet,
    Kind::CronJob,
    Kind::PersistentVolume,
    Kind::PersistentVolumeClaim,
    Kind::StorageClass,
    Kind::Job,
];

impl Renderer<'_> {
    pub(super) fn has_kubernetes(&self) -> bool {
        KUBERNETES.into_iter().any(|kind| self.state.any(kind))
    }

    pub(super) fn pods(&mut self) -> Masked {
        if !self.has_kubernetes() {
            return Masked::default();
        }
        let containers = self.graph(What::Containers);
        let is_pause = |node: &Node| node.latest("docker_image_name").is_some_and(is_pause_image);
        let running = Arc::new(Masked::clone(&containers).filter(|node| filter::is_running(node) && !is_pause(node)));
        let mut builder = Builder::default();
        map_to_parents(&mut builder, &running, &[Kind::Pod], true);
        let mut by_container = builder.finish();
        take_hosts_and_metrics(&mut by_container, &running);

        let by_address = {
            let level = &self.joins.pods;
            let source = levels::Source {
                kind: Kind::Pod,
                level,
                name: LevelName::Pods,
            };
            levels::graph(&source, &mut self.rendered.kept.pods)
        };
        let mut builder = Builder::default();
        add(&mut builder, by_container);
        add(&mut builder, by_address);
        volumes::add(&mut builder, self.state);
        let gone = |node: &Node| matches!(node.latest("kubernetes_state"), Some("deleted" | "Failed"));
        whole(builder.finish()).filter(|node| !gone(node))
    }
}

/// Puts a whole graph in, merging nodes of one id.
fn add(builder: &mut Builder, graph: Graph) {
    let graph = Arc::new(graph);
    let masked = Arc::new(Masked::all(graph.clone()));
    let source = builder.source(masked.clone());
    let targets = Targets::build(&masked, |at, targets| {
        let to = builder.node(graph.node(at));
        match &graph.shape.kids {
            Kids::Level(name) => builder.kid(to, Kid::Level(*name, at)),
            Kids::Lists(_) => builder.kid(
                to,
                Kid::Node {
                    source,
                    at,
                    itself: false,
                    deep: true,
                },
            ),
        }
        targets.push(to);
    });
    builder.project(&masked, &targets);
}

/// A pod is on its containers' host, and a pod of one container has that container's metrics.
fn take_hosts_and_metrics(graph: &mut Graph, source: &Masked) {
    let shape = graph.shape.clone();
    let nodes = Arc::make_mut(&mut graph.nodes);
    for (at, kids) in shape.kids.lists().iter().enumerate() {
        let metrics = single_metrics(kids, source, Kind::Container.name()).filter(|only| !only.metrics.is_empty());
        let known = &nodes[at];
        let hosts = if known.topology != Kind::Pod.name() || known.parents.contains_key("host") {
            None
        } else {
            // Children by id: the first one with a host decides.
            let own = |kid: &Kid| match kid {
                Kid::Node { at, itself: true, .. } => source.graph.node(*at).parents.get("host").cloned(),
                _ => None,
            };
            kids.iter().filter_map(own).find(|hosts| !hosts.is_empty())
        };
        if metrics.is_none() && hosts.is_none() {
            continue;
        }
        let mut node = known.clone();
        let changed = Arc::make_mut(&mut node);
        if let Some(only) = metrics {
            merge_metrics(changed, &only.metrics);
        }
        if let Some(hosts) = hosts {
            changed.parents.insert("host", hosts);
        }
        nodes.set(at, node);
    }
}
