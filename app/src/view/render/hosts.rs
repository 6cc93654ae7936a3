//! Hosts, with what all that runs on them is connected to.

use std::sync::Arc;

use scope_shared::report::Kind;

use super::{Renderer, What, is_pseudo, levels, name, whole};
use crate::view::build::{Builder, Targets};
use crate::view::graph::{Kid, LevelName, Masked};

impl Renderer<'_> {
    pub(super) fn hosts(&mut self) -> Masked {
        let source = levels::Source {
            kind: Kind::Host,
            level: &self.joins.hosts,
            name: LevelName::Hosts,
        };
        let level = levels::graph(&source, &mut self.rendered.kept.hosts);
        let level = Masked::all(Arc::new(level));
        let mut builder = Builder::default();
        let targets = Targets::build(level.graph.nodes.len(), |at, targets| {
            let to = builder.node(level.graph.node(at));
            for kid in level.graph.shape.kids.of(at).iter() {
                builder.kid(to, kid.clone());
            }
            targets.push(to);
        });
        builder.project(&level, &targets);
        for what in [What::Processes, What::PlainContainers, What::ContainerImages, What::Pods] {
            let graph = self.graph(what);
            add(&mut builder, &graph, what != What::ContainerImages);
        }
        whole(builder.finish())
    }
}

/// Puts every node of a graph on its hosts. Images are on several hosts at once: their edges would be false.
fn add(builder: &mut Builder, input: &Arc<Masked>, with_edges: bool) {
    let source = builder.source(input.clone());
    let topology = name(Kind::Host.name());
    let targets = Targets::build(input.graph.nodes.len(), |at, targets| {
        let node = input.graph.node(at);
        if !input.has(at) || is_pseudo(node) {
            return;
        }
        for host in node.parents.get("host").into_iter().flatten() {
            let to = builder.bare(host, &topology);
            builder.count(to, &node.topology);
            builder.kid(
                to,
                Kid::Node {
                    source,
                    at,
                    itself: true,
                    deep: false,
                },
            );
            targets.push(to);
        }
    });
    if with_edges {
        builder.project(input, &targets);
    }
}
