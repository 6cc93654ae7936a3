//! Ties this machine's containers to their pods by the labels that the kubelet gives them.

use std::sync::Arc;

use scope_shared::report::{Kind, Node, Report};

use crate::reporter::Tagger;

/// Gives containers their pod as parent, and marks the pods' sandboxes.
#[derive(Clone, Copy, Debug, Default)]
pub struct PodTagger;

const POD_UID: &str = "docker_label_io.kubernetes.pod.uid";
const SANDBOX: &str = "docker_label_io.kubernetes.docker.type";
const PAUSE_IMAGES: [&str; 5] = [
    "google_containers/pause",
    "k8s.gcr.io/pause",
    "registry.k8s.io/pause",
    "eks/pause",
    "rancher/mirrored-pause",
];

impl Tagger for PodTagger {
    fn name(&self) -> &'static str {
        "kubernetes pods"
    }

    fn tag(&self, report: &mut Report, now: scope_shared::time::Timestamp) {
        let image_names: Vec<_> = report
            .topology(Kind::ContainerImage)
            .nodes
            .iter()
            .filter(|(_, node)| node.latest("docker_image_name").is_some_and(is_pause_image))
            .map(|(id, _)| id.clone())
            .collect();
        for node in report.topology_mut(Kind::Container).nodes.values_mut() {
            let Some(uid) = node.latest(POD_UID).map(str::to_owned) else {
                continue;
            };
            let sandbox = is_sandbox(node, &image_names);
            let node = Arc::make_mut(node);
            node.add_parent(Kind::Pod.name(), format!("{uid};<pod>"));
            if sandbox {
                node.set_latest("does_not_make_connections", now, "");
            }
        }
    }
}

/// A sandbox holds the pod's network namespace and its address, and would otherwise claim all of the pod's connections.
fn is_sandbox(node: &Node, pause_images: &[scope_shared::report::SmolStr]) -> bool {
    node.latest(SANDBOX) == Some("podsandbox")
        || node.latest("docker_image_name").is_some_and(is_pause_image)
        || node
            .parents
            .get(Kind::ContainerImage.name())
            .is_some_and(|images| images.iter().any(|id| is_pause_image(id) || pause_images.contains(id)))
}

fn is_pause_image(name: &str) -> bool {
    PAUSE_IMAGES.iter().any(|pause| name.contains(pause))
}

#[cfg(test)]
mod tests {
    use scope_shared::time::Timestamp;

    use super::*;

    #[test]
    fn a_container_gets_its_pod_and_a_sandbox_its_mark() {
        let now = Timestamp::from_unix(1, 0);
        let mut report = Report::default();
        for (id, kind) in [("app", "container"), ("pause", "podsandbox")] {
            let mut node = Node::new(format!("{id};<container>"), "container");
            node.set_latest(POD_UID, now, "u1");
            node.set_latest(SANDBOX, now, kind);
            report.topology_mut(Kind::Container).add(node);
        }
        report
            .topology_mut(Kind::Container)
            .add(Node::new("alone;<container>", "container"));
        PodTagger.tag(&mut report, now);
        let nodes = &report.topology(Kind::Container).nodes;
        assert!(
            nodes["app;<container>"]
                .parents
                .get("pod")
                .is_some_and(|pods| pods.contains("u1;<pod>"))
        );
        assert_eq!(nodes["app;<container>"].latest("does_not_make_connections"), None);
        assert_eq!(nodes["pause;<container>"].latest("does_not_make_connections"), Some(""));
        assert!(nodes["alone;<container>"].parents.is_empty());
    }
}
