//! Keys of `latest` that merging and upgrading act on. All other keys are the business of who writes and who shows them.

/// Control ids that a node offers now, joined by `;`.
pub const ACTIVE_CONTROLS: &str = "active_controls";
/// Counters are entries whose key starts with this.
pub const COUNTER_PREFIX: &str = "count_";
/// A process' command line.
pub const CMDLINE: &str = "cmdline";
/// A container's command line.
pub const DOCKER_CONTAINER_COMMAND: &str = "docker_container_command";
/// A container's environment variables are entries whose key starts with this.
pub const DOCKER_ENV_PREFIX: &str = "docker_env_";
/// The node id of the host a node is on.
pub const HOST_NODE_ID: &str = "host_node_id";
/// A Kubernetes object's name.
pub const KUBERNETES_NAME: &str = "kubernetes_name";
/// The namespace a Kubernetes object is in.
pub const KUBERNETES_NAMESPACE: &str = "kubernetes_namespace";
/// A Kubernetes object's state; `deleted` once it is gone.
pub const KUBERNETES_STATE: &str = "kubernetes_state";
/// Set of names that were looked up and gave an endpoint's address (old probes).
pub const SNOOPED_DNS_NAMES: &str = "snooped_dns_names";
/// Set of names by reverse look-up of an endpoint's address (old probes).
pub const REVERSE_DNS_NAMES: &str = "reverse_dns_names";
