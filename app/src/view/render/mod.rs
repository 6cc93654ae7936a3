//! The renderers: from reports and joins to one graph for each view. Each runs when it is first asked for, and once per state.

mod containers;
mod grouping;
mod hosts;
pub(crate) mod levels;
mod parents;
mod pods;
mod processes;
mod volumes;
mod weave;

use std::sync::Arc;

use scope_shared::report::{Kind, Node, SmolStr};

use super::build::Finished;
use super::graph::{Graph, Masked, Sieve};
use super::ids::PSEUDO;
use super::joins::{Depth, Joins};
use super::state::State;
use grouping::Grouping;

/// What can be rendered: the views, and steps that several of them share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Processes,
    ProcessNames,
    /// Containers without the names of their images.
    PlainContainers,
    Containers,
    ContainerHostnames,
    ContainerImages,
    Pods,
    Services,
    Controllers,
    EcsTasks,
    EcsServices,
    SwarmServices,
    Hosts,
    Weave,
}

const ALL: [What; 14] = [
    What::Processes,
    What::ProcessNames,
    What::PlainContainers,
    What::Containers,
    What::ContainerHostnames,
    What::ContainerImages,
    What::Pods,
    What::Services,
    What::Controllers,
    What::EcsTasks,
    What::EcsServices,
    What::SwarmServices,
    What::Hosts,
    What::Weave,
];

/// The graphs of one state, made as they are asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rendered {
    /// Goes up when an image changes.
    images: u64,
    graphs: [Option<Arc<Masked>>; ALL.len()],
    kept: Kept,
}

/// What the graphs of the next state may take over from those of this one.
#[derive(Clone, Debug, Default)]
struct Kept {
    processes: Option<levels::LevelGraph>,
    containers: Option<levels::LevelGraph>,
    pods: Option<levels::LevelGraph>,
    hosts: Option<levels::LevelGraph>,
    not_deleted: Sieve,
    with_images: containers::WithImages,
    by_name: Grouping,
    by_hostname: Grouping,
    by_image: Grouping,
    /// Of what stands on hosts: processes, containers, images, pods.
    on_hosts: [Grouping; 4],
    finished_names: Finished,
    finished_hostnames: Finished,
    finished_images: Finished,
    finished_hosts: Finished,
}

impl Rendered {
    /// For a new state, of which the joins were brought up to date (not made anew): forgets the graphs that what changed may be in.
    pub(crate) fn next(&mut self, changed: Changed) {
        self.images += u64::from(changed.has(Kind::ContainerImage));
        for what in ALL {
            if changed.touches(what.reads()) {
                self.graphs[what as usize] = None;
            }
        }
    }
}

/// What changed of a state: kinds of nodes, or names of addresses.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Changed(u32);

/// The bit of names: the kinds have the ones below.
const NAMES: u32 = 1 << Kind::ALL.len();

impl Changed {
    /// Nodes of these kinds, and perhaps names.
    pub(crate) fn new(kinds: impl IntoIterator<Item = Kind>, names: bool) -> Self {
        let kinds = kinds.into_iter().fold(0, |bits, kind| bits | 1 << kind as u32);
        Self(kinds | if names { NAMES } else { 0 })
    }

    fn has(self, kind: Kind) -> bool {
        self.0 >> kind as u32 & 1 != 0
    }

    fn touches(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl What {
    /// What it is rendered from of the joins.
    pub(crate) fn depth(self) -> Depth {
        match self {
            Self::Weave => Depth::Nothing,
            Self::Processes | Self::ProcessNames => Depth::Processes,
            Self::PlainContainers | Self::Containers | Self::ContainerHostnames | Self::ContainerImages => Depth::Containers,
            Self::EcsTasks | Self::EcsServices | Self::SwarmServices => Depth::Containers,
            Self::Pods | Self::Services | Self::Controllers | Self::Hosts => Depth::Everything,
        }
    }

    /// What it is rendered from.
    fn reads(self) -> Changed {
        // What decides who is connected to whom: the networks are told by hosts, overlays and services.
        let joined = [Kind::Endpoint, Kind::Process, Kind::Host, Kind::Overlay, Kind::Service];
        let joined = Changed::new(joined, true);
        let kinds = |kinds: &[Kind]| Changed(joined.0 | Changed::new(kinds.iter().copied(), false).0);
        match self {
            Self::Processes | Self::ProcessNames => joined,
            Self::PlainContainers => kinds(&[Kind::Container]),
            Self::Containers | Self::ContainerHostnames | Self::ContainerImages => kinds(&[Kind::Container, Kind::ContainerImage]),
            Self::Weave => Changed::new([Kind::Overlay], false),
            Self::SwarmServices => kinds(&[Kind::Container, Kind::ContainerImage, Kind::SwarmService]),
            Self::EcsTasks | Self::EcsServices => kinds(&[Kind::Container, Kind::ContainerImage, Kind::EcsTask, Kind::EcsService]),
            Self::Pods | Self::Services | Self::Controllers | Self::Hosts => Changed::new(Kind::ALL, true),
        }
    }
}

/// All that a renderer reads.
pub(crate) struct Renderer<'a> {
    pub(crate) state: State<'a>,
    pub(crate) joins: &'a Joins,
    pub(crate) rendered: &'a mut Rendered,
}

impl Renderer<'_> {
    /// The graph of `what`, before options.
    pub(crate) fn graph(&mut self, what: What) -> Arc<Masked> {
        if let Some(graph) = &self.rendered.graphs[what as usize] {
            return graph.clone();
        }
        let graph = Arc::new(self.render(what));
        self.rendered.graphs[what as usize] = Some(graph.clone());
        graph
    }

    fn render(&mut self, what: What) -> Masked {
        match what {
            What::Processes => self.processes(),
            What::ProcessNames => self.process_names(),
            What::PlainContainers => self.plain_containers(),
            What::Containers => self.containers(),
            What::ContainerHostnames => self.container_hostnames(),
            What::ContainerImages => self.container_images(),
            What::Pods => self.pods(),
            What::Services => self.services(),
            What::Controllers => self.controllers(),
            What::EcsTasks => self.ecs_tasks(),
            What::EcsServices => self.ecs_services(),
            What::SwarmServices => self.swarm_services(),
            What::Hosts => self.hosts(),
            What::Weave => self.weave(),
        }
    }
}

fn whole(graph: Graph) -> Masked {
    Masked::all(Arc::new(graph))
}

fn is_pseudo(node: &Node) -> bool {
    node.topology == PSEUDO
}

const fn name(text: &'static str) -> SmolStr {
    SmolStr::new_static(text)
}
