//! Names, second lines, glyphs: what a node looks like before any row of information.

use scope_shared::report::{Kind, Node};
use smol_str::{SmolStr, SmolStrBuilder, format_smolstr};

use crate::view::ids::{
    self, INCOMING_INTERNET, OUTGOING_INTERNET, PSEUDO, SERVICE_PREFIX, UNCONTAINED_PREFIX, UNMANAGED_PREFIX, image_key,
};
use crate::view::state::State;

/// A node's look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Basic {
    pub(crate) label: SmolStr,
    pub(crate) label_minor: SmolStr,
    pub(crate) rank: SmolStr,
    pub(crate) shape: SmolStr,
    pub(crate) tag: SmolStr,
    pub(crate) stack: bool,
    pub(crate) pseudo: bool,
}

/// First of these present names a container.
const CONTAINER_NAMES: [&str; 5] = [
    "docker_label_com.amazonaws.ecs.container-name",
    "docker_label_io.kubernetes.container.name",
    "docker_env_MARATHON_APP_ID",
    "docker_container_name",
    "docker_container_hostname",
];

/// The look of a node; `None` for nodes that are never shown (endpoints and topologies this build does not know).
pub(crate) fn basic(node: &Node, state: State<'_>) -> Option<Basic> {
    if node.topology == PSEUDO {
        return Some(pseudo(&node.id));
    }
    if node.topology.starts_with("group:") {
        return Some(group(node, state));
    }
    let kind = Kind::from_name(&node.topology)?;
    let mut look = Basic {
        label: node.id.clone(),
        ..glyph(kind, state)
    };
    match kind {
        Kind::Endpoint => return None,
        Kind::Process => process(&mut look, node),
        Kind::Container => container(&mut look, node),
        Kind::ContainerImage => {
            look.label = image_label(node);
            look.label_minor = plural(node, "container");
            look.rank = look.label.clone();
            look.stack = true;
        }
        Kind::Pod => {
            kubernetes(&mut look, node);
            look.label_minor = plural(node, "container");
        }
        Kind::Service => {
            kubernetes(&mut look, node);
            look.label_minor = plural(node, "pod");
            look.stack = true;
        }
        Kind::Deployment => controller(&mut look, node, "Deployment"),
        Kind::DaemonSet => controller(&mut look, node, "DaemonSet"),
        Kind::StatefulSet => controller(&mut look, node, "StatefulSet"),
        Kind::CronJob => controller(&mut look, node, "CronJob"),
        Kind::Job => controller(&mut look, node, "Job"),
        Kind::PersistentVolume | Kind::PersistentVolumeClaim | Kind::StorageClass | Kind::VolumeSnapshot | Kind::VolumeSnapshotData => {
            kubernetes(&mut look, node);
        }
        Kind::EcsTask => look.label = value_or_id(node, "ecs_task_family", kind),
        Kind::EcsService => {
            look.label = SmolStr::new(ids::ecs_service_name(&node.id));
            look.stack = true;
        }
        Kind::SwarmService => look.label = value_or_id(node, "service_name", kind),
        Kind::Host => {
            let name = ids::single(&node.id, kind).unwrap_or("");
            let (first, rest) = name.split_once('.').unwrap_or((name, ""));
            look.label = SmolStr::new(first);
            look.label_minor = SmolStr::new(rest);
            look.rank = look.label_minor.clone();
        }
        Kind::Overlay => {
            let (_, peer) = ids::overlay_peer(&node.id);
            look.label = SmolStr::new(node.latest("weave_peer_nick_name").filter(|nick| !nick.is_empty()).unwrap_or(peer));
            look.label_minor = SmolStr::new(peer);
        }
        Kind::Namespace | Kind::ReplicaSet => {}
    }
    Some(look)
}

/// A node's name alone.
pub(crate) fn label(node: &Node, state: State<'_>) -> SmolStr {
    match Kind::from_name(&node.topology) {
        // There are many of them, and their looks take many look-ups.
        Some(Kind::Container) => container_label(node),
        _ => basic(node, state).unwrap_or_default().label,
    }
}

/// The glyph of a topology.
fn glyph(kind: Kind, state: State<'_>) -> Basic {
    let topology = state.topology(kind);
    let shape = if topology.shape.is_empty() {
        SmolStr::new_static("circle")
    } else {
        topology.shape.clone()
    };
    Basic {
        shape,
        tag: topology.tag.clone(),
        ..Basic::default()
    }
}

fn process(look: &mut Basic, node: &Node) {
    let (host, pid) = node.id.split_once(';').unwrap_or(("", ""));
    let name = node.latest.get("name").map(|entry| &entry.value).filter(|name| !name.is_empty());
    let container = node.latest("docker_container_name").unwrap_or("");
    look.label = name.cloned().unwrap_or_else(|| SmolStr::new(pid));
    look.label_minor = match (name.is_some(), container) {
        (true, "") => joined(&[host, " (", pid, ")"]),
        (true, container) => joined(&[host, " (", container, ":", pid, ")"]),
        (false, "") => SmolStr::new(host),
        (false, container) => joined(&[host, " (", container, ")"]),
    };
    look.rank = name.cloned().unwrap_or_else(|| SmolStr::new(host));
}

/// Texts put together. There are many processes, and formatting takes three times as long.
fn joined(parts: &[&str]) -> SmolStr {
    let mut text = SmolStrBuilder::new();
    parts.iter().for_each(|part| text.push_str(part));
    text.finish()
}

fn container_label(node: &Node) -> SmolStr {
    let name = CONTAINER_NAMES.iter().find_map(|key| node.latest.get(key));
    name.map_or_else(
        || {
            let id = ids::single(&node.id, Kind::Container).unwrap_or("");
            SmolStr::new(id.char_indices().nth(12).map_or(id, |(at, _)| id.get(..at).unwrap_or(id)))
        },
        |entry| entry.value.clone(),
    )
}

fn container(look: &mut Basic, node: &Node) {
    let host = ids::host_of(node);
    look.label = container_label(node);
    look.label_minor = SmolStr::new(host);
    look.rank = match node.latest("docker_image_name") {
        Some(image) if !image.is_empty() => SmolStr::new(image_key(image)),
        _ if !host.is_empty() => SmolStr::new(host),
        _ => look.label.clone(),
    };
}

fn image_label(node: &Node) -> SmolStr {
    let name = node.latest("docker_image_name").unwrap_or("");
    let own = ids::single(&node.id, Kind::ContainerImage).unwrap_or("");
    let named = |text: &str| !text.is_empty() && text != "<none>";
    let key = image_key(name);
    SmolStr::new(if named(key) {
        key
    } else if named(name) {
        name
    } else {
        own
    })
}

fn kubernetes(look: &mut Basic, node: &Node) {
    look.label = match node.latest.get("kubernetes_name") {
        Some(name) if !name.value.is_empty() => name.value.clone(),
        // Whatever the tag: this is the one label that is taken from any id of two parts.
        _ => SmolStr::new(node.id.split_once(';').map_or("", |(own, _)| own)),
    };
    look.rank = format_smolstr!("{}/{}", node.latest("kubernetes_namespace").unwrap_or(""), look.label);
}

fn controller(look: &mut Basic, node: &Node, word: &str) {
    kubernetes(look, node);
    look.label_minor = format_smolstr!("{word} of {}", plural(node, "pod"));
    look.stack = true;
}

fn value_or_id(node: &Node, key: &str, kind: Kind) -> SmolStr {
    node.latest.get(key).map_or_else(
        || SmolStr::new(ids::single(&node.id, kind).unwrap_or("")),
        |entry| entry.value.clone(),
    )
}

/// A counter of a node; 0 if there is none.
pub(crate) fn counter(node: &Node, topology: &str) -> i64 {
    let mut key = [0u8; 64];
    let text = count_key(&mut key, topology);
    node.latest(text).map_or(0, count_of)
}

/// A counter's text as a number: what is no number counts as zero, and what no integer holds is held at the ends.
pub(crate) fn count_of(text: &str) -> i64 {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    text.parse().unwrap_or_else(|error: std::num::ParseIntError| match error.kind() {
        PosOverflow => i64::MAX,
        NegOverflow => i64::MIN,
        _ => 0,
    })
}

/// Whether a node has a counter.
pub(crate) fn has_counter(node: &Node, topology: &str) -> bool {
    let mut key = [0u8; 64];
    node.latest.contains_key(count_key(&mut key, topology))
}

/// `count_<topology>` without an allocation; topology names are short, and a longer one has no counter.
fn count_key<'a>(buffer: &'a mut [u8; 64], topology: &str) -> &'a str {
    const PREFIX: &[u8] = b"count_";
    let length = PREFIX.len() + topology.len();
    if length > buffer.len() {
        return "";
    }
    buffer[..PREFIX.len()].copy_from_slice(PREFIX);
    buffer[PREFIX.len()..length].copy_from_slice(topology.as_bytes());
    std::str::from_utf8(&buffer[..length]).unwrap_or("")
}

fn plural(node: &Node, topology: &str) -> SmolStr {
    match counter(node, topology) {
        1 => format_smolstr!("1 {topology}"),
        count => format_smolstr!("{count} {topology}s"),
    }
}

/// A node that stands for several of a topology: `group:<topology>:<key>`.
fn group(node: &Node, state: State<'_>) -> Basic {
    let mut look = Basic {
        label: node.id.clone(),
        rank: node.id.clone(),
        shape: SmolStr::new_static("triangle"),
        stack: true,
        ..Basic::default()
    };
    let mut parts = node.topology.split(':');
    if let (Some(_), Some(name), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        && let Some(kind) = Kind::from_name(name)
    {
        let topology = state.topology(kind);
        let Basic { shape, tag, .. } = glyph(kind, state);
        look.shape = shape;
        look.tag = tag;
        if !topology.label.is_empty() {
            let count = counter(node, name);
            look.label_minor = format_smolstr!("{count} {}", if count == 1 { &topology.label } else { &topology.label_plural });
        }
    }
    look
}

fn pseudo(id: &SmolStr) -> Basic {
    let own = id.strip_prefix("pseudo:").unwrap_or(id);
    let look = |label: &str, label_minor: &str, shape: &'static str, stack: bool| Basic {
        label: SmolStr::new(label),
        label_minor: SmolStr::new(label_minor),
        rank: SmolStr::new(own),
        shape: SmolStr::new_static(shape),
        stack,
        pseudo: true,
        ..Basic::default()
    };
    if id == INCOMING_INTERNET {
        look("The Internet", "Inbound connections", "cloud", false)
    } else if id == OUTGOING_INTERNET {
        look("The Internet", "Outbound connections", "cloud", false)
    } else if let Some(name) = id.strip_prefix(SERVICE_PREFIX) {
        look(name, "", "cloud", false)
    } else if let Some(host) = id.strip_prefix(UNCONTAINED_PREFIX) {
        look("Uncontained", host, "square", true)
    } else if let Some(host) = id.strip_prefix(UNMANAGED_PREFIX) {
        look("Unmanaged", host, "square", true)
    } else if let Some((_, address, _)) = ids::endpoint(own) {
        look(address, "", "circle", false)
    } else {
        look(own, "", "triangle", false)
    }
}
