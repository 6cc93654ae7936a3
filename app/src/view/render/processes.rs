//! Processes, and processes by name.

use scope_shared::report::Kind;

use super::{Renderer, What, is_pseudo, levels, name, whole};
use crate::view::build::{Builder, Targets};
use crate::view::graph::{Graph, Kid, LevelName, Masked};

impl Renderer<'_> {
    /// Every reported process, connected or not, and what is outside of them.
    pub(super) fn processes(&mut self) -> Masked {
        if !self.state.any(Kind::Process) {
            return whole(Graph::default());
        }
        let level = &self.joins.processes;
        let source = levels::Source {
            kind: Kind::Process,
            level,
            name: LevelName::Processes,
        };
        whole(levels::graph(&source, &mut self.rendered.kept.processes).color_connected())
    }

    /// One node for all processes of a name.
    pub(super) fn process_names(&mut self) -> Masked {
        let input = self.graph(What::Processes);
        let mut builder = Builder::default();
        let source = builder.source(input.clone());
        let group = name("group:process:name");
        let targets = Targets::build(input.graph.nodes.len(), |at, targets| {
            let node = input.graph.node(at);
            if is_pseudo(node) {
                let to = builder.node(node);
                builder.kid(
                    to,
                    Kid::Node {
                        source,
                        at,
                        itself: false,
                        deep: true,
                    },
                );
                targets.push(to);
            } else if let Some(entry) = node.latest.get("name") {
                let to = builder.bare(&entry.value, &group);
                builder.count(to, &node.topology);
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
            }
        });
        builder.project(&input, &targets);
        whole(builder.finish().color_connected())
    }
}
