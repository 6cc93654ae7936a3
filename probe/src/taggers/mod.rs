//! What is added to a merged report: each node's topology and host, each process' container, and who owns a container.
//!
//! Taggers run in order over whole reports and over shortcut reports alike; none of them waits for anything.

mod containers;
mod swarm;

use std::sync::Arc;

use scope_shared::report::{Kind, Report, SmolStr};
use scope_shared::time::Timestamp;
use smol_str::format_smolstr;

pub use containers::{ContainerIndex, ContainerInfo, ContainerTagger, Ties};
pub use swarm::SwarmTagger;

use crate::reporter::Tagger;

/// Fills in the topology (and id) of nodes whose source left them out.
pub struct TopologyTagger;

impl Tagger for TopologyTagger {
    fn name(&self) -> &'static str {
        "topology"
    }

    fn tag(&self, report: &mut Report, _: Timestamp) {
        for kind in Kind::ALL {
            for (id, node) in &mut report.topology_mut(kind).nodes {
                if node.topology.is_empty() || node.id.is_empty() {
                    let node = Arc::make_mut(node);
                    node.topology = SmolStr::new_static(kind.name());
                    node.id = id.clone();
                }
            }
        }
    }
}

/// Says which host a node is on, for the kinds that live on one.
pub struct HostTagger {
    host_node: SmolStr,
}

impl HostTagger {
    /// For this host.
    #[must_use]
    pub fn new(host_id: &str) -> Self {
        Self {
            host_node: format_smolstr!("{host_id};<host>"),
        }
    }
}

impl Tagger for HostTagger {
    fn name(&self) -> &'static str {
        "host"
    }

    fn tag(&self, report: &mut Report, now: Timestamp) {
        for kind in [Kind::Process, Kind::Container, Kind::ContainerImage, Kind::Host] {
            for (id, node) in &mut report.topology_mut(kind).nodes {
                if kind == Kind::Host && *id != self.host_node {
                    // Another machine of the cluster, of which only its controls are known here.
                    continue;
                }
                let node = Arc::make_mut(node);
                node.set_latest("host_node_id", now, self.host_node.clone());
                node.add_parent(Kind::Host.name(), self.host_node.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use scope_shared::report::Node;

    use super::*;

    #[test]
    fn nodes_of_plugins_get_their_topology_and_id() {
        let mut report = Report::default();
        report
            .topology_mut(Kind::Container)
            .nodes
            .insert("x;<container>".into(), Arc::new(Node::default()));
        TopologyTagger.tag(&mut report, Timestamp::ZERO);
        let node = &report.topology(Kind::Container).nodes["x;<container>"];
        assert_eq!((node.id.as_str(), node.topology.as_str()), ("x;<container>", "container"));
    }

    #[test]
    fn only_what_runs_on_this_host_is_said_to_be_on_it() {
        let mut report = Report::default();
        for (kind, id) in [
            (Kind::Process, "h;1"),
            (Kind::Host, "h;<host>"),
            (Kind::Host, "other;<host>"),
            (Kind::Endpoint, ";10.0.0.1;80"),
        ] {
            report.topology_mut(kind).add(Node::new(id, kind.name()));
        }
        HostTagger::new("h").tag(&mut report, Timestamp::from_unix(1, 0));
        let host_of = |kind, id: &str| report.topology(kind).nodes[id].latest("host_node_id");
        assert_eq!(host_of(Kind::Process, "h;1"), Some("h;<host>"));
        assert_eq!(host_of(Kind::Host, "h;<host>"), Some("h;<host>"));
        assert_eq!(host_of(Kind::Host, "other;<host>"), None);
        assert_eq!(host_of(Kind::Endpoint, ";10.0.0.1;80"), None);
    }
}
