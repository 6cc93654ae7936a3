//! Node ids taken apart, and the other small readings of a node that several renderers share.
//!
//! Everything borrows; ids that do not parse give `None` or `""`, as the original reads them.

use scope_shared::report::{Kind, Node};

/// Topology name of pseudo nodes.
pub(crate) const PSEUDO: &str = "pseudo";
/// Node for what connects in from the Internet.
pub(crate) const INCOMING_INTERNET: &str = "in-theinternet";
/// Node for what is connected to on the Internet.
pub(crate) const OUTGOING_INTERNET: &str = "out-theinternet";
/// Prefix of the node of a known service.
pub(crate) const SERVICE_PREFIX: &str = "service-";
/// Prefix of the node of a host's processes that are in no container.
pub(crate) const UNCONTAINED_PREFIX: &str = "pseudo:uncontained:";
/// Prefix of the node of a host's containers that have no orchestrator.
pub(crate) const UNMANAGED_PREFIX: &str = "pseudo:unmanaged:";

/// `<scope>;<ip>;<port>`; the port is all that follows the second `;`.
pub(crate) fn endpoint(id: &str) -> Option<(&str, &str, &str)> {
    let (scope, rest) = id.split_once(';')?;
    let (address, port) = rest.split_once(';')?;
    Some((scope, address, port))
}

/// The part of `<id>;<TAG>` before the tag, if the tag is the kind's.
pub(crate) fn single(id: &str, kind: Kind) -> Option<&str> {
    let (own, tag) = id.split_once(';')?;
    let tag = tag.strip_prefix('<')?.strip_suffix('>')?;
    (tag == kind.defaults().id_tag).then_some(own)
}

/// The host id that a node's `host_node_id` names; `""` if there is none.
pub(crate) fn host_of(node: &Node) -> &str {
    node.latest("host_node_id").and_then(|id| single(id, Kind::Host)).unwrap_or("")
}

/// Whether it is one of the two Internet nodes.
pub(crate) fn is_internet(id: &str) -> bool {
    id == INCOMING_INTERNET || id == OUTGOING_INTERNET
}

/// Name of an image without registry and tag, as images are grouped: of three path parts the last two, up to the first `:`.
pub(crate) fn image_key(name: &str) -> &str {
    let mut cuts = name.match_indices('/').map(|(at, _)| at);
    let short = match (cuts.next(), cuts.next()) {
        (Some(first), Some(_)) => name.get(first + 1..).unwrap_or(""),
        _ => name,
    };
    short.split(':').next().unwrap_or("")
}

/// Whether an image is the one that only holds a pod's network namespace.
pub(crate) fn is_pause_image(name: &str) -> bool {
    ["google_containers/pause", "k8s.gcr.io/pause", "eks/pause"]
        .iter()
        .any(|part| name.contains(part))
}

/// Peer of an overlay id: (`docker_peer_` or empty, name).
pub(crate) fn overlay_peer(id: &str) -> (&str, &str) {
    let Some(rest) = id.strip_prefix('#') else { return ("", "") };
    match rest.strip_prefix("docker_peer_") {
        Some(name) => ("docker_peer_", name),
        None => ("", rest),
    }
}

/// Service name of an ECS service id, `<cluster>;<service>` or the older `<service>;<ecs_service>`.
pub(crate) fn ecs_service_name(id: &str) -> &str {
    match id.split_once(';') {
        Some((name, "<ecs_service>")) => name,
        Some((_, name)) => name,
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_grouped_by_name_without_registry_and_tag() {
        for (name, key) in [
            ("quay.io/org/web:1.2", "org/web"),
            ("web:1", "web"),
            ("reg:5000/app:2", "reg"),
            ("library/redis", "library/redis"),
            ("", ""),
        ] {
            assert_eq!(image_key(name), key, "{name}");
        }
    }

    #[test]
    fn ids_come_apart_at_the_first_semicolons() {
        assert_eq!(endpoint("h-1;10.0.0.1;80;x"), Some(("h-1", "10.0.0.1", "80;x")));
        assert_eq!(endpoint("a;b"), None);
        assert_eq!(single("x;<container>", Kind::Container), Some("x"));
        assert_eq!(single("x;<daemonset>", Kind::DaemonSet), Some("x"));
        assert_eq!(single("x;<pod>", Kind::Container), None);
        assert_eq!(overlay_peer("#docker_peer_h1"), ("docker_peer_", "h1"));
        assert_eq!(ecs_service_name("my-service;<ecs_service>"), "my-service");
        assert_eq!(ecs_service_name("c;s"), "s");
    }
}
