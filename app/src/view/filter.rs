//! What the options let through: predicates over one rendered node.

use scope_shared::report::{Kind, Node};

use super::ids::{PSEUDO, SERVICE_PREFIX, is_internet, is_pause_image};

const SYSTEM_CONTAINERS: [&str; 6] = ["weavescope", "weavedns", "weave", "weaveproxy", "weaveexec", "ecs-agent"];
const SYSTEM_IMAGES: [&str; 9] = [
    "swarm",
    "weaveworks/scope",
    "weaveworks/weavedns",
    "weaveworks/weave",
    "weaveworks/weaveproxy",
    "weaveworks/weaveexec",
    "amazon/amazon-ecs-agent",
    "openshift/origin-pod",
    "docker.io/openshift/origin-pod",
];
/// In this order the first one present names a node's namespace or stack.
const NAMESPACE_KEYS: [&str; 4] = [
    "kubernetes_namespace",
    "docker_label_io.kubernetes.pod.namespace",
    NO_STACK,
    "docker_label_com.docker.stack.namespace",
];
const NO_STACK: &str = "No stack";

/// A choice of an option group, as a test of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Predicate {
    Application,
    System,
    Running,
    Stopped,
    NotPseudo,
    NotSnapshot,
    NotStorage,
    Connected,
    Namespace(String),
    /// Key and value of a label that must (true) or must not (false) be there.
    Label(String, String, bool),
}

impl Predicate {
    /// Whether pseudo nodes are let through whatever they are.
    pub(crate) fn spares_pseudo(&self) -> bool {
        *self != Self::NotPseudo
    }

    /// Whether a node satisfies it; `connected` says whether it has an edge to or from another node, where the view asks.
    pub(crate) fn holds(&self, node: &Node, connected: bool) -> bool {
        match self {
            Self::Application => is_application(node),
            Self::System => !is_application(node),
            Self::Running => is_running(node),
            Self::Stopped => !is_running(node),
            Self::NotPseudo => node.topology != PSEUDO || is_internet(&node.id) || node.id.starts_with(SERVICE_PREFIX),
            Self::NotSnapshot => !is_any(node, &[Kind::VolumeSnapshot, Kind::VolumeSnapshotData]),
            Self::NotStorage => !is_any(node, &[Kind::PersistentVolume, Kind::PersistentVolumeClaim, Kind::StorageClass]),
            Self::Connected => connected || node.latest.contains_key("is_connected"),
            Self::Namespace(wanted) => {
                let namespace = NAMESPACE_KEYS.iter().find_map(|key| node.latest(key)).unwrap_or("");
                namespace == wanted || (wanted == NO_STACK && namespace.is_empty())
            }
            Self::Label(key, value, wanted) => (node.latest(key).unwrap_or("") == value) == *wanted,
        }
    }
}

/// Running, restarting, paused, or of no known state.
pub(crate) fn is_running(node: &Node) -> bool {
    node.latest("docker_container_state")
        .is_none_or(|state| matches!(state, "running" | "restarting" | "paused"))
}

fn is_any(node: &Node, kinds: &[Kind]) -> bool {
    kinds.iter().any(|kind| node.topology == kind.name())
}

/// Whether a node is the user's, not the system's.
fn is_application(node: &Node) -> bool {
    if node
        .latest("docker_container_name")
        .is_some_and(|name| SYSTEM_CONTAINERS.contains(&name))
    {
        return false;
    }
    if let Some(image) = node.latest("docker_image_name") {
        let name = image.split(':').next().unwrap_or("");
        if SYSTEM_IMAGES.contains(&name) || is_pause_image(name) {
            return false;
        }
    }
    let is = |key: &str, value: &str| node.latest(key) == Some(value);
    !(is("docker_label_io.kubernetes.docker.type", "podsandbox")
        || is("docker_label_works.weave.role", "system")
        || is("docker_image_label_works.weave.role", "system")
        || is("docker_label_io.kubernetes.pod.namespace", "kube-system")
        || node
            .latest("docker_label_io.kubernetes.pod.name")
            .is_some_and(|name| name.starts_with("kube-system/")))
}
