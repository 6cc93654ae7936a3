//! Hosts, with what all that runs on them is connected to.

use std::sync::Arc;

use scope_shared::report::Kind;

use super::grouping::Manner;
use super::{Renderer, What, levels, name, whole};
use crate::view::build::{Builder, Targets};
use crate::view::graph::{LevelName, Masked};

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
        let targets = Targets::build(&level, |at, targets| {
            let to = builder.node(level.graph.node(at));
            for kid in level.graph.shape.kids.of(at).iter() {
                builder.kid(to, kid.clone());
            }
            targets.push(to);
        });
        builder.project(&level, &targets);
        let sources = [What::Processes, What::PlainContainers, What::ContainerImages, What::Pods];
        let manner = Manner {
            deep: false,
            pseudo: false,
        };
        for (what, kept) in sources.into_iter().zip(0..) {
            let input = self.graph(what);
            let grouping = &mut self.rendered.kept.on_hosts[kept];
            grouping.update(0, &input, manner, |node, add| {
                node.parents.get("host").into_iter().flatten().for_each(|host| add(host.clone()));
            });
            // Images are on several hosts at once: their edges would be false.
            grouping.put(&mut builder, &name(Kind::Host.name()), manner, what != What::ContainerImages);
        }
        whole(builder.finish_like(&mut self.rendered.kept.finished_hosts))
    }
}
