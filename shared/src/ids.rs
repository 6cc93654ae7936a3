//! Node ids: how they are built and taken apart.
//!
//! Ids are plain text with `;` between the parts. Most name one thing and end in the topology's tag in angle brackets
//! (`0123abcd;<container>`); endpoints, processes, ECS services and overlay peers have forms of their own. Nothing here checks that the
//! parts exist.

use std::net::IpAddr;

use smol_str::{SmolStr, format_smolstr};

use crate::report::Kind;

const SEPARATOR: char = ';';
const OVERLAY_PREFIX: char = '#';
/// What an overlay peer's name starts with when the overlay is Docker's and not Weave's.
pub const DOCKER_PEER_PREFIX: &str = "docker_peer_";
/// What cluster an ECS service of an old probe is in.
pub const UNKNOWN_CLUSTER: &str = "unknown";

/// An endpoint id's parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint<'a> {
    /// Host id (with a network namespace, for loopback) where the address means something only there; empty where it is global.
    pub scope: &'a str,
    /// The address' text.
    pub address: &'a str,
    /// The port's text; empty in the keys that addresses are joined by.
    pub port: &'a str,
}

/// The id of a thing whose topology has ids of the common form `<id>;<TAG>`.
#[must_use]
pub fn node_id(kind: Kind, id: &str) -> SmolStr {
    format_smolstr!("{id}{SEPARATOR}<{}>", kind.defaults().id_tag)
}

/// The first part of an id of the common form; `None` if it has another form or another topology's tag.
#[must_use]
pub fn parse_node_id(kind: Kind, id: &str) -> Option<&str> {
    let tag = kind.defaults().id_tag;
    let (id, rest) = id.split_once(SEPARATOR)?;
    let inner = rest.strip_prefix('<')?.strip_suffix('>')?;
    (inner == tag && !tag.is_empty()).then_some(id)
}

/// Any id, split at the first separator.
#[must_use]
pub fn split(id: &str) -> Option<(&str, &str)> {
    id.split_once(SEPARATOR)
}

/// An endpoint's id from parts that are known to be right.
#[must_use]
pub fn scoped_endpoint_id(scope: &str, address: &str, port: &str) -> SmolStr {
    format_smolstr!("{scope}{SEPARATOR}{address}{SEPARATOR}{port}")
}

/// An endpoint's id on a host, in a network namespace (decimal inode, empty if unknown). `is_local` says which addresses mean something
/// only on this host.
#[must_use]
pub fn endpoint_id(host: &str, namespace: &str, address: IpAddr, port: u16, is_local: impl Fn(IpAddr) -> bool) -> SmolStr {
    let address = address.to_canonical();
    let scope = address_scope(host, namespace, address, is_local);
    format_smolstr!("{scope}{SEPARATOR}{address}{SEPARATOR}{port}")
}

/// Where an address means something: the host for its local networks, host and network namespace for loopback, everywhere (empty) else.
#[must_use]
pub fn address_scope(host: &str, namespace: &str, address: IpAddr, is_local: impl Fn(IpAddr) -> bool) -> SmolStr {
    let address = address.to_canonical();
    if is_local(address) {
        SmolStr::new(host)
    } else if !address.is_loopback() {
        SmolStr::default()
    } else if namespace.is_empty() {
        SmolStr::new(host)
    } else {
        format_smolstr!("{host}-{namespace}")
    }
}

/// Takes an endpoint's id apart. The port is all that follows the second separator.
#[must_use]
pub fn parse_endpoint(id: &str) -> Option<Endpoint<'_>> {
    let (scope, rest) = id.split_once(SEPARATOR)?;
    let (address, port) = rest.split_once(SEPARATOR)?;
    Some(Endpoint { scope, address, port })
}

/// A process' id.
#[must_use]
pub fn process_id(host: &str, pid: u32) -> SmolStr {
    format_smolstr!("{host}{SEPARATOR}{pid}")
}

/// A process' host and process number.
#[must_use]
pub fn parse_process(id: &str) -> Option<(&str, &str)> {
    id.split_once(SEPARATOR)
}

/// An ECS service's id.
#[must_use]
pub fn ecs_service_id(cluster: &str, service: &str) -> SmolStr {
    format_smolstr!("{cluster}{SEPARATOR}{service}")
}

/// An ECS service's cluster and name; old probes named no cluster.
#[must_use]
pub fn parse_ecs_service(id: &str) -> Option<(&str, &str)> {
    let (first, rest) = id.split_once(SEPARATOR)?;
    let old_form = rest.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) == Some(Kind::EcsService.defaults().id_tag);
    Some(if old_form { (UNKNOWN_CLUSTER, first) } else { (first, rest) })
}

/// An overlay peer's id: `prefix` is empty (Weave) or [`DOCKER_PEER_PREFIX`].
#[must_use]
pub fn overlay_id(prefix: &str, peer: &str) -> SmolStr {
    format_smolstr!("{OVERLAY_PREFIX}{prefix}{peer}")
}

/// An overlay peer's prefix and name; both empty if the id has another form.
#[must_use]
pub fn parse_overlay(id: &str) -> (&str, &str) {
    let Some(peer) = id.strip_prefix(OVERLAY_PREFIX) else {
        return ("", "");
    };
    peer.strip_prefix(DOCKER_PEER_PREFIX)
        .map_or(("", peer), |host| (DOCKER_PEER_PREFIX, host))
}

/// Whether an image only holds a pod's namespaces open.
#[must_use]
pub fn is_pause_image(name: &str) -> bool {
    ["google_containers/pause", "k8s.gcr.io/pause", "eks/pause"]
        .iter()
        .any(|part| name.contains(part))
}

/// Whether text is an address of the loopback network.
#[must_use]
pub fn is_loopback(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}
