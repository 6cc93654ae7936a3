//! A node's summary: its look, its rows, its parents and its edges.

mod basic;
mod labels;
mod links;
mod rows;

pub(crate) use basic::{Basic, basic};
pub(crate) use labels::{Labels, Marks, Renamed};
pub use links::MetricLinks;
pub(crate) use rows::{Templates, TopologyTemplates};
use scope_shared::report::{Kind, Node};
use smol_str::SmolStr;

use super::query::Options;
use super::state::State;
use crate::model::{MetadataRow, NodeSummary, Parent, Table};

/// Parents are listed in this order; jobs are not listed at all.
const PARENTS: [Kind; 12] = [
    Kind::Container,
    Kind::ContainerImage,
    Kind::Pod,
    Kind::Deployment,
    Kind::DaemonSet,
    Kind::StatefulSet,
    Kind::CronJob,
    Kind::Service,
    Kind::EcsTask,
    Kind::EcsService,
    Kind::SwarmService,
    Kind::Host,
];

/// The view that shows nodes of a kind.
pub(crate) fn view_of(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Process => "processes",
        Kind::Container => "containers",
        Kind::ContainerImage => "containers-by-image",
        Kind::Pod
        | Kind::PersistentVolume
        | Kind::PersistentVolumeClaim
        | Kind::StorageClass
        | Kind::VolumeSnapshot
        | Kind::VolumeSnapshotData => "pods",
        Kind::Deployment | Kind::DaemonSet | Kind::StatefulSet | Kind::CronJob | Kind::Job => "kube-controllers",
        Kind::Service => "services",
        Kind::EcsTask => "ecs-tasks",
        Kind::EcsService => "ecs-services",
        Kind::SwarmService => "swarm-services",
        Kind::Host => "hosts",
        Kind::Endpoint | Kind::ReplicaSet | Kind::Namespace | Kind::Overlay => return None,
    })
}

/// What summaries are made with.
#[derive(Clone, Copy)]
pub(crate) struct Summaries<'a> {
    pub(crate) state: State<'a>,
    pub(crate) templates: &'a Templates,
    labels: &'a Labels,
    pub(crate) links: Option<&'a MetricLinks>,
    pub(crate) hide_arguments: bool,
    pub(crate) hide_environment: bool,
}

impl<'a> Summaries<'a> {
    /// For a request.
    pub(crate) fn new(
        state: State<'a>,
        templates: &'a Templates,
        labels: &'a Labels,
        links: Option<&'a MetricLinks>,
        options: &Options,
    ) -> Self {
        Self {
            state,
            templates,
            labels,
            links,
            hide_arguments: options.hides_arguments(),
            hide_environment: options.hides_environment(),
        }
    }

    /// The summary of a node; `None` for what is never shown. Metric samples only where asked for.
    pub(crate) fn summary(self, node: &Node, adjacency: Vec<SmolStr>, with_samples: bool) -> Option<NodeSummary> {
        let Basic {
            label,
            label_minor,
            rank,
            shape,
            tag,
            stack,
            pseudo,
        } = basic(node, self.state)?;
        let mut summary = NodeSummary {
            id: node.id.clone(),
            label,
            label_minor,
            rank,
            shape,
            tag,
            stack,
            pseudo,
            parents: self.parents(node),
            adjacency,
            ..NodeSummary::default()
        };
        // A node that counts its own kind stands for several of them: it has no rows of its own.
        if let Some(kind) = Kind::from_name(&node.topology).filter(|_| !basic::has_counter(node, &node.topology)) {
            let templates = self.templates.kind(kind);
            summary.metadata = templates.metadata(node);
            summary.metrics = templates.metrics(node, with_samples);
            summary.tables = templates.tables(node);
        }
        if let Some(links) = self.links {
            links.apply(&mut summary, node, self.state);
        }
        self.censor(&mut summary);
        Some(summary)
    }

    /// Whether a node's summary depends on more than itself and its parents' names: links to a service's metrics go by its pods' deployment.
    pub(crate) fn looks_further(self, node: &Node) -> bool {
        self.links.is_some() && node.topology == Kind::Service.name()
    }

    /// The parents a node names, of the kinds that are listed.
    pub(crate) fn parents(self, node: &Node) -> Vec<Parent> {
        if node.parents.is_empty() {
            return Vec::new();
        }
        let mut named: [&[SmolStr]; PARENTS.len()] = [&[]; PARENTS.len()];
        for (topology, ids) in &node.parents {
            if let Some(place) = PARENTS.iter().position(|kind| kind.name() == topology) {
                named[place] = ids.as_slice();
            }
        }
        let mut parents = Vec::with_capacity(named.iter().map(|ids| ids.len()).sum());
        for (place, ids) in named.into_iter().enumerate() {
            let Some(view) = view_of(PARENTS[place]).filter(|_| !ids.is_empty()) else {
                continue;
            };
            for id in ids.iter().filter(|id| **id != node.id) {
                parents.push(Parent {
                    id: id.clone(),
                    label: self.labels.of(self.state, place, id),
                    topology_id: SmolStr::new_static(view),
                });
            }
        }
        parents
    }

    /// Takes out of a summary what the request wants hidden.
    pub(crate) fn censor(self, summary: &mut NodeSummary) {
        if self.hide_arguments {
            summary.metadata.iter_mut().for_each(cut_arguments);
        }
        if self.hide_environment {
            summary.tables.retain(|table: &Table| !table.id.starts_with("docker_env_"));
        }
    }
}

fn cut_arguments(row: &mut MetadataRow) {
    if matches!(row.template.id.as_str(), "cmdline" | "docker_container_command")
        && let Some((program, _)) = row.value.split_once(' ')
    {
        row.value = SmolStr::new(program);
    }
}
