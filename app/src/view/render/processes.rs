//! Processes, and processes by name.

use scope_shared::report::Kind;

use super::grouping::Manner;
use super::{Renderer, What, levels, name, whole};
use crate::view::build::Builder;
use crate::view::graph::{Graph, LevelName, Masked};

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
        whole(levels::graph(&source, &mut self.rendered.kept.processes))
    }

    /// One node for all processes of a name.
    pub(super) fn process_names(&mut self) -> Masked {
        let input = self.graph(What::Processes);
        let mut builder = Builder::default();
        let grouping = &mut self.rendered.kept.by_name;
        let manner = Manner { deep: true, pseudo: true };
        grouping.update(0, &input, manner, |node, add| {
            if let Some(entry) = node.latest.get("name") {
                add(entry.value.clone());
            }
        });
        grouping.put(&mut builder, &name("group:process:name"), manner, true);
        whole(builder.finish_like(&mut self.rendered.kept.finished_names).color_connected())
    }
}
