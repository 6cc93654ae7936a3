//! The peers of a Weave Net overlay.

use scope_shared::report::Kind;
use smol_str::format_smolstr;

use super::{Renderer, name, whole};
use crate::view::build::Builder;
use crate::view::graph::{Kid, Masked};
use crate::view::ids::{PSEUDO, UNMANAGED_PREFIX, overlay_peer};

impl Renderer<'_> {
    /// Monitored peers as they are, the others as pseudo nodes.
    pub(super) fn weave(&mut self) -> Masked {
        let mut builder = Builder::default();
        let pseudo = name(PSEUDO);
        let mut becomes = std::collections::BTreeMap::new();
        for (id, peer) in self.state.nodes(Kind::Overlay) {
            if overlay_peer(id).0 == "docker_peer_" {
                continue;
            }
            let to = if peer.latest.contains_key("host_node_id") {
                builder.node(peer)
            } else {
                let nick = peer.latest("weave_peer_nick_name").unwrap_or("");
                let to = builder.bare(&format_smolstr!("{UNMANAGED_PREFIX}{nick}"), &pseudo);
                builder.kid(to, Kid::Raw(peer.clone()));
                to
            };
            becomes.insert(id, to);
        }
        for (id, from) in &becomes {
            let Some(peer) = self.state.node(Kind::Overlay, id) else { continue };
            let monitored = peer.latest.contains_key("host_node_id");
            let mut nowhere = Vec::new();
            for target in &peer.adjacency {
                if let Some(to) = becomes.get(target) {
                    builder.edge(*from, *to);
                }
                // The original keeps the edge to the peer's own id, too, which is no node once it has become a pseudo node.
                if monitored && builder.find(target).is_none() {
                    nowhere.push(target.clone());
                }
            }
            if !nowhere.is_empty() {
                builder.dangling(*from, nowhere);
            }
        }
        whole(builder.finish())
    }
}
