//! Where an endpoint belongs, from what is stored of it, of its address and of those who claim the address.

use scope_shared::report::SmolStr;

use super::sites::Found;
use super::{Depth, Endpoint, HOST, JOINED_CONTAINER, Joins, NONE, POD, PROCESS, PROCESS_CONTAINER};
use crate::view::ids::{INCOMING_INTERNET, OUTGOING_INTERNET};

impl Joins {
    /// The targets an endpoint has by what is known now, as far as they are kept; but for the process's container, which follows from the
    /// process.
    pub(super) fn resolve(&mut self, slot: u32) -> [u32; 5] {
        let endpoint = &self.endpoints[slot as usize];
        if endpoint.node.is_none() {
            return [NONE; 5];
        }
        if !endpoint.has_host
            && let Some(pseudo) = self.external(endpoint)
        {
            let mut targets = [NONE; 5];
            for target in 0..self.depth.targets() {
                if target != PROCESS_CONTAINER && (target != PROCESS || self.any_process) {
                    targets[target] = self.level(target).pseudo_slot(&pseudo);
                }
            }
            return targets;
        }
        let mut targets = [NONE; 5];
        if self.any_process && endpoint.process != NONE && !self.has_several_peers(endpoint) {
            targets[PROCESS] = endpoint.process;
        }
        if self.depth >= Depth::Containers {
            targets[JOINED_CONTAINER] = self.container_by_address(slot, endpoint);
        }
        if self.depth < Depth::Everything {
            return targets;
        }
        targets[HOST] = endpoint.host;
        targets[POD] = match self.site_pods(endpoint) {
            Found::One(pod) => pod,
            _ => NONE,
        };
        targets
    }

    /// The pseudo node for an endpoint outside of the cluster.
    fn external(&self, endpoint: &Endpoint) -> Option<SmolStr> {
        let site = self.sites.sites.get(endpoint.site as usize)?;
        let address = self.sites.addresses.get(site.address as usize)?;
        if address.service != NONE {
            return Some(self.sites.services.name(address.service));
        }
        address.outside.then_some(SmolStr::new_static(if endpoint.out.is_empty() {
            OUTGOING_INTERNET
        } else {
            INCOMING_INTERNET
        }))
    }

    /// Whether the endpoint's connections go to different peers: then its port was reused and one process cannot own them all.
    fn has_several_peers(&self, endpoint: &Endpoint) -> bool {
        let mut peers = endpoint.out.iter().map(|peer| {
            let copy_of = self.endpoints[*peer as usize].copy_of;
            if copy_of == NONE { *peer } else { copy_of }
        });
        let Some(first) = peers.next() else { return false };
        peers.any(|peer| peer != first)
    }

    fn container_by_address(&self, slot: u32, endpoint: &Endpoint) -> u32 {
        let Some(site) = self.sites.sites.get(endpoint.site as usize) else {
            return NONE;
        };
        match site.containers.found() {
            Found::One(container) => container,
            Found::Poisoned => NONE,
            Found::Absent => match self.port_keys.get(&slot).map(super::Key::found) {
                Some(Found::One(container)) => container,
                _ => NONE,
            },
        }
    }

    /// Pods claim addresses only; a claim on the exact endpoint cannot exist.
    fn site_pods(&self, endpoint: &Endpoint) -> Found {
        self.sites
            .sites
            .get(endpoint.site as usize)
            .map_or(Found::Absent, |site| site.pods.found())
    }
}
