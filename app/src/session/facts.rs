//! What all nodes that are shown have between them: gathered once a view, not once a letter typed.

use scope_shared::sort::SmallSort as _;
use smol_str::SmolStr;

use super::map::{Mark, Visible};
use crate::protocol::MetricChoice;
use crate::search::Names;

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Facts {
    of: Mark,
    /// What they can be asked for by.
    pub names: Names,
    /// Metrics that can be shown, by label.
    pub metrics: Vec<MetricChoice>,
    /// Networks, ascending.
    pub networks: Vec<SmolStr>,
    /// The names as queries have them.
    pub fields: Vec<SmolStr>,
    /// The metrics' names as queries have them.
    pub compared: Vec<SmolStr>,
}

impl Facts {
    /// Gathers them, unless they are of these very nodes already.
    pub fn follow(&mut self, visible: &Visible) {
        if self.of.is_of(visible) {
            return;
        }
        let mut names = Names::default();
        let mut networks: Vec<SmolStr> = Vec::new();
        let mut last = SmolStr::default();
        for node in visible.nodes() {
            names.add(node);
            for row in node.metadata.iter().filter(|row| row.template.id == "docker_container_networks") {
                if row.value != last {
                    last = row.value.clone();
                    let listed = row.value.split(',').map(str::trim).filter(|name| !name.is_empty());
                    networks.extend(listed.map(SmolStr::new));
                }
            }
        }
        networks.order();
        networks.dedup();
        let mut metrics: Vec<MetricChoice> = Vec::new();
        for metric in &names.metrics {
            if !metrics.iter().any(|known| known.label == metric.label) {
                metrics.push(MetricChoice {
                    id: metric.id.clone(),
                    label: metric.label.clone(),
                });
            }
        }
        metrics.order_by(|a, b| a.label.cmp(&b.label));
        *self = Self {
            of: visible.mark(),
            fields: names.fields(),
            compared: names.compared(),
            names,
            metrics,
            networks,
        };
    }
}
