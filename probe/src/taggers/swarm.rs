//! Docker Swarm: services and stacks, from the labels that Swarm puts on its containers. No manager needs to be asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use scope_shared::report::{Kind, Node, Report, SmolStr};
use scope_shared::time::Timestamp;
use smol_str::format_smolstr;

use crate::reporter::Tagger;
use crate::template::{self, Row};

const ROWS: &[Row] = &[
    Row::latest("service_name", "Service name", 0.0),
    Row::latest("stack_namespace", "Stack namespace", 1.0),
];

/// Makes the services and ties containers to them.
pub struct SwarmTagger;

impl Tagger for SwarmTagger {
    fn name(&self) -> &'static str {
        "swarm"
    }

    fn tag(&self, report: &mut Report, now: Timestamp) {
        let mut services: BTreeMap<SmolStr, Node> = BTreeMap::new();
        for container in report.topology_mut(Kind::Container).nodes.values_mut() {
            let label = |key: &str| container.latest(&format!("docker_label_com.docker.{key}"));
            let (Some(id), Some(name)) = (label("swarm.service.id"), label("swarm.service.name")) else {
                continue;
            };
            let stack = label("stack.namespace");
            let short = stack.and_then(|stack| name.strip_prefix(stack)?.strip_prefix('_')).unwrap_or(name);
            let node_id = format_smolstr!("{id};<swarm_service>");
            let mut node = Node::new(node_id.clone(), Kind::SwarmService.name());
            node.set_latest("service_name", now, short);
            node.set_latest("stack_namespace", now, stack.unwrap_or("No stack"));
            services.insert(node_id.clone(), node);
            Arc::make_mut(container).add_parent(Kind::SwarmService.name(), node_id);
        }
        let topology = report.topology_mut(Kind::SwarmService);
        template::rows(topology, ROWS);
        services.into_values().for_each(|node| topology.add(node));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_belong_to_the_service_their_labels_name() {
        let now = Timestamp::from_unix(1, 0);
        let mut report = Report::default();
        for (id, labels) in [
            (
                "a",
                vec![
                    ("swarm.service.id", "s1"),
                    ("swarm.service.name", "shop_web"),
                    ("stack.namespace", "shop"),
                ],
            ),
            ("b", vec![("swarm.service.id", "s2"), ("swarm.service.name", "lonely")]),
            ("c", vec![]),
        ] {
            let mut node = Node::new(format_smolstr!("{id};<container>"), "container");
            for (key, value) in labels {
                node.set_latest(&format!("docker_label_com.docker.{key}"), now, value);
            }
            report.topology_mut(Kind::Container).add(node);
        }
        SwarmTagger.tag(&mut report, now);
        let service = |id: &str| {
            let node = &report.topology(Kind::SwarmService).nodes[id];
            (
                node.latest("service_name").map(str::to_owned),
                node.latest("stack_namespace").map(str::to_owned),
            )
        };
        assert_eq!(service("s1;<swarm_service>"), (Some("web".into()), Some("shop".into())));
        assert_eq!(service("s2;<swarm_service>"), (Some("lonely".into()), Some("No stack".into())));
        let containers = &report.topology(Kind::Container).nodes;
        assert!(
            containers["a;<container>"]
                .parents
                .get("swarm_service")
                .is_some_and(|ids| ids.contains("s1;<swarm_service>"))
        );
        assert!(containers["c;<container>"].parents.is_empty());
    }
}
