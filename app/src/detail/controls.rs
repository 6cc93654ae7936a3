//! What can be done to a node.

use scope_shared::report::{Control, Kind, Node};
use smol_str::SmolStr;

use crate::model::ControlInstance;
use crate::view::state::State;

/// The active controls of a rendered node, taken from the node as reported: grouped nodes have none of their own.
pub(super) fn of(rendered: &Node, state: State<'_>) -> Vec<ControlInstance> {
    let Some(kind) = Kind::from_name(&rendered.topology) else {
        return Vec::new();
    };
    let Some(node) = state.node(kind, &rendered.id) else {
        return Vec::new();
    };
    let (Some(probe), Some(active)) = (node.latest("control_probe_id"), node.latest("active_controls")) else {
        return Vec::new();
    };
    let defined = &state.topology(kind).controls;
    let instances = active
        .split(';')
        .filter_map(|id| defined.get(id))
        .map(|control| ControlInstance::of(control, probe, &rendered.id));
    instances.collect()
}

impl ControlInstance {
    /// A control of the node `node_id`, which the probe `probe` reported.
    pub(crate) fn of(control: &Control, probe: &str, node_id: &SmolStr) -> Self {
        Self {
            // Each control may name another probe than the node's; that holds for itself only.
            probe_id: if control.probe_id.is_empty() {
                SmolStr::new(probe)
            } else {
                control.probe_id.clone()
            },
            node_id: node_id.clone(),
            id: control.id.clone(),
            human: control.human.clone(),
            icon: control.icon.clone(),
            confirmation: control.confirmation.clone(),
            rank: control.rank,
        }
    }
}
