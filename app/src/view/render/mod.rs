//! The renderers: from reports and joins to one graph for each view. Each runs when it is first asked for, and once per state.

mod containers;
mod hosts;
mod levels;
mod parents;
mod pods;
mod processes;
mod volumes;
mod weave;

use std::sync::Arc;

use scope_shared::report::{Node, SmolStr};

use super::graph::{Graph, Masked};
use super::ids::PSEUDO;
use super::joins::Joins;
use super::state::State;

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

const COUNT: usize = What::Weave as usize + 1;

/// The graphs of one state, made as they are asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rendered {
    graphs: [Option<Arc<Masked>>; COUNT],
    kept: Kept,
}

/// What the graphs of the next state may take over from those of this one.
#[derive(Clone, Debug, Default)]
struct Kept {
    processes: Option<Arc<levels::LevelShape>>,
    containers: Option<Arc<levels::LevelShape>>,
    pods: Option<Arc<levels::LevelShape>>,
    hosts: Option<Arc<levels::LevelShape>>,
    with_images: containers::WithImages,
}

impl Rendered {
    /// For a new state, of which the joins were brought up to date (not made anew).
    pub(crate) fn next(&mut self) {
        self.graphs = Default::default();
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
