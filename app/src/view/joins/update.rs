//! Changes in, edges out: how one changed node moves through the joins.
//!
//! The invariant at every step: each level's edge counts are exactly the endpoint connections, seen through the targets stored *now*. So
//! changes may be worked off one by one in any order, and a change of one endpoint only reads its own connections.

use std::sync::Arc;

use scope_shared::report::{Kind, Node, SmolStr};

use super::few::{insert_sorted, remove_sorted};
use super::{Depth, Endpoint, Few, HOST, JOINED_CONTAINER, Joins, KeyPlace, NONE, POD, PROCESS, PROCESS_CONTAINER, keys};
use crate::view::ids::{self, UNCONTAINED_PREFIX};
use crate::view::networks;
use crate::view::state::State;

/// What changed since the joins were last brought up to date.
#[derive(Clone, Debug, Default)]
pub(crate) struct Touched<'a> {
    /// Nodes that changed, appeared or vanished: kind, id, and what there is to render now.
    pub(crate) nodes: Vec<(Kind, &'a SmolStr, Option<&'a Arc<Node>>)>,
    /// Addresses whose names changed.
    pub(crate) dns: Vec<&'a str>,
}

impl Joins {
    /// Brings the joins up to date with a state of which `touched` says what may differ.
    pub(crate) fn apply(&mut self, state: State<'_>, touched: &Touched<'_>) {
        if self.depth == Depth::Nothing {
            return;
        }
        let mut dirty: Vec<u32> = Vec::new();
        self.apply_networks(state, touched, &mut dirty);
        for ip in &touched.dns {
            if let Some(address) = self.sites.address(ip)
                && self.sites.set_names(address, state.0.dns.get(*ip))
            {
                dirty.extend(self.sites.endpoints_at(address));
            }
        }
        self.apply_any_process(state, &mut dirty);
        for &(kind, id, node) in &touched.nodes {
            let node = node.cloned();
            match kind {
                Kind::Process => self.set_process(id, node),
                Kind::Container if self.depth >= Depth::Containers => self.set_container(state, id, node, &mut dirty),
                Kind::Pod if self.depth == Depth::Everything => self.set_pod(state, id, node, &mut dirty),
                Kind::Host if self.depth == Depth::Everything => {
                    let slot = self.hosts.slot(id);
                    self.hosts.set_raw(slot, node);
                }
                _ => {}
            }
        }
        for &(_, id, node) in touched.nodes.iter().filter(|(kind, ..)| *kind == Kind::Endpoint) {
            self.set_endpoint(state, id, node.cloned(), &mut dirty);
        }
        dirty.sort_unstable();
        dirty.dedup();
        for slot in dirty {
            let targets = self.resolve(slot);
            self.retarget_all(slot, targets);
        }
    }

    /// The local networks come from few, rarely changing nodes; when they do change, every address is tested again.
    fn apply_networks(&mut self, state: State<'_>, touched: &Touched<'_>, dirty: &mut Vec<u32>) {
        if !touched
            .nodes
            .iter()
            .any(|(kind, ..)| matches!(kind, Kind::Host | Kind::Overlay | Kind::Service))
        {
            return;
        }
        let now = networks::local_networks(state);
        if now != self.networks {
            self.trie = networks::trie(&now);
            self.networks = now;
            dirty.extend(self.sites.set_networks(&self.trie));
        }
    }

    fn apply_any_process(&mut self, state: State<'_>, dirty: &mut Vec<u32>) {
        let any = state.any(Kind::Process);
        if any != self.any_process {
            self.any_process = any;
            dirty.extend(0..self.endpoints.len() as u32);
        }
    }

    pub(super) fn set_process(&mut self, id: &SmolStr, node: Option<Arc<Node>>) {
        let slot = self.processes.slot_of(id);
        self.processes.set_raw(slot, node);
        if self.depth >= Depth::Containers {
            self.follow_process(slot);
        }
    }

    /// The container that a process (or the pseudo node beside processes) belongs to now.
    pub(super) fn container_for(&mut self, slot: u32) -> u32 {
        let process = &self.processes.nodes[slot as usize];
        if !process.exists() {
            NONE
        } else if process.raw.is_none() && process.pseudo {
            let id = self.processes.ids.name(slot);
            self.containers.pseudo_slot(&id)
        } else if let Some(container) = process.raw.as_ref().and_then(|node| node.latest("docker_container_id")) {
            let mut id = std::mem::take(&mut self.text);
            id.clear();
            id.push_str(container);
            id.push_str(";<container>");
            let slot = self.containers.slot_again(&id);
            self.text = id;
            slot
        } else {
            let id = self.processes.ids.name(slot);
            let host = id.split_once(';').map_or("", |(host, _)| host);
            let id = format!("{UNCONTAINED_PREFIX}{host}");
            self.containers.pseudo_slot(&id)
        }
    }

    /// Puts a process into the container it belongs to now, and its endpoints with it.
    fn follow_process(&mut self, slot: u32) {
        let container = self.container_for(slot);
        if self.container_of.len() <= slot as usize {
            self.container_of.resize(self.processes.nodes.len(), NONE);
        }
        let before = std::mem::replace(&mut self.container_of[slot as usize], container);
        if before == container {
            return;
        }
        if before != NONE {
            self.containers.set_held(before, slot, false);
        }
        if container != NONE {
            self.containers.set_held(container, slot, true);
        }
        let endpoints = self.processes.nodes[slot as usize].endpoints.clone();
        for &endpoint in endpoints.iter() {
            self.retarget(endpoint, PROCESS_CONTAINER, container);
        }
    }

    fn site_of(&mut self, state: State<'_>, text: &str) -> u32 {
        self.sites.site(text, &self.trie, |address| state.0.dns.get(address).cloned())
    }

    pub(super) fn set_container(&mut self, state: State<'_>, id: &SmolStr, node: Option<Arc<Node>>, dirty: &mut Vec<u32>) {
        let slot = self.containers.slot_of(id);
        let mut sites = Vec::new();
        let mut ports = Vec::new();
        if let Some(node) = &node {
            keys::of_container(node, |site| sites.push(SmolStr::new(site)), |port| ports.push(port));
        }
        self.containers.set_raw(slot, node);
        let mut places: Vec<KeyPlace> = sites.iter().map(|site| KeyPlace::Site(self.site_of(state, site))).collect();
        places.extend(ports.iter().map(|port| KeyPlace::Endpoint(self.endpoint_slot(&SmolStr::new(port)))));
        if self.container_keys.len() <= slot as usize {
            self.container_keys.resize_with(self.containers.nodes.len(), Vec::new);
        }
        let before = std::mem::take(&mut self.container_keys[slot as usize]);
        if !same_places(&before, &places) {
            for place in before {
                self.claim(place, slot, false, dirty);
            }
            for place in &places {
                self.claim(*place, slot, true, dirty);
            }
        }
        self.container_keys[slot as usize] = places;
    }

    /// A container begins or ceases to claim a key.
    fn claim(&mut self, place: KeyPlace, owner: u32, begins: bool, dirty: &mut Vec<u32>) {
        match place {
            KeyPlace::Site(site) => {
                let site = &mut self.sites.sites[site as usize];
                if if begins {
                    site.containers.add(owner)
                } else {
                    site.containers.remove(owner)
                } {
                    dirty.extend(site.endpoints.iter());
                }
            }
            KeyPlace::Endpoint(endpoint) => {
                let key = self.port_keys.entry(endpoint).or_default();
                if if begins { key.add(owner) } else { key.remove(owner) } {
                    dirty.push(endpoint);
                }
            }
        }
    }

    pub(super) fn set_pod(&mut self, state: State<'_>, id: &SmolStr, node: Option<Arc<Node>>, dirty: &mut Vec<u32>) {
        let slot = self.pods.slot_of(id);
        let site = node
            .as_deref()
            .and_then(keys::of_pod)
            .map_or(NONE, |site| self.site_of(state, &site));
        self.pods.set_raw(slot, node);
        if self.pod_sites.len() <= slot as usize {
            self.pod_sites.resize(self.pods.nodes.len(), NONE);
        }
        let before = std::mem::replace(&mut self.pod_sites[slot as usize], site);
        if before == site {
            return;
        }
        for (site, begins) in [(before, false), (site, true)] {
            if let Some(site) = self.sites.sites.get_mut(site as usize)
                && (if begins { site.pods.add(slot) } else { site.pods.remove(slot) })
            {
                dirty.extend(site.endpoints.iter());
            }
        }
    }

    fn endpoint_slot(&mut self, id: &SmolStr) -> u32 {
        let slot = self.endpoint_ids.intern(id);
        if slot as usize >= self.endpoints.len() {
            self.endpoints.resize_with(slot as usize + 1, Endpoint::default);
        }
        slot
    }

    pub(super) fn set_endpoint(&mut self, state: State<'_>, id: &SmolStr, node: Option<Arc<Node>>, dirty: &mut Vec<u32>) {
        let slot = self.endpoint_slot(id);
        let mut out: Few = node
            .iter()
            .flat_map(|node| &node.adjacency)
            .map(|peer| self.endpoint_slot(peer))
            .collect();
        out.sort_unstable();
        let copy_of = node
            .as_deref()
            .and_then(|node| node.latest.get("copy_of"))
            .map_or(NONE, |entry| self.endpoint_slot(&entry.value));
        let host_id = node.as_deref().and_then(|node| node.latest("host_node_id"));
        let host = host_id.filter(|id| !id.is_empty()).map_or(NONE, |id| self.hosts.slot_again(id));
        let process = match (host_id.and_then(|id| ids::single(id, Kind::Host)), node.as_deref()) {
            (Some(host), Some(node)) => self.process_of(host, node),
            _ => NONE,
        };
        self.relink(slot, out);
        let has_host = host_id.is_some();
        let endpoint = &mut self.endpoints[slot as usize];
        if endpoint.copy_of != copy_of {
            endpoint.copy_of = copy_of;
            dirty.extend(endpoint.incoming.iter());
        }
        endpoint.has_host = has_host;
        endpoint.host = host;
        endpoint.process = process;
        endpoint.node = node;
        if endpoint.node.is_none() {
            self.leave_site(slot);
        } else if !has_host || self.depth >= Depth::Containers {
            self.join_site(state, slot);
        }
        dirty.push(slot);
    }

    /// The process that an endpoint's host and pid name.
    fn process_of(&mut self, host: &str, node: &Node) -> u32 {
        match node.latest("pid") {
            Some(pid) if !host.is_empty() => {
                let mut id = std::mem::take(&mut self.text);
                id.clear();
                id.push_str(host);
                id.push(';');
                id.push_str(pid);
                let slot = self.processes.slot(&id);
                self.text = id;
                slot
            }
            _ => NONE,
        }
    }

    /// Puts an endpoint to its address, unless it is there.
    pub(super) fn join_site(&mut self, state: State<'_>, slot: u32) {
        let endpoint = &self.endpoints[slot as usize];
        if endpoint.site != NONE || endpoint.node.is_none() {
            return;
        }
        let id = self.endpoint_ids.name(slot);
        if let Some((scope, address, _)) = ids::endpoint(&id) {
            let length = scope.len() + 1 + address.len();
            let site = self.site_of(state, id.get(..length).unwrap_or(&id));
            insert_sorted(&mut self.sites.sites[site as usize].endpoints, slot);
            self.endpoints[slot as usize].site = site;
        }
    }

    fn leave_site(&mut self, slot: u32) {
        let site = std::mem::replace(&mut self.endpoints[slot as usize].site, NONE);
        if let Some(site) = self.sites.sites.get_mut(site as usize) {
            remove_sorted(&mut site.endpoints, slot);
        }
    }

    /// Sets the peers an endpoint has connections to; both lists ascend.
    fn relink(&mut self, slot: u32, out: Few) {
        let before = std::mem::take(&mut self.endpoints[slot as usize].out);
        if *before != *out {
            for &peer in before.iter().filter(|peer| out.binary_search(peer).is_err()) {
                remove_sorted(&mut self.endpoints[peer as usize].incoming, slot);
                self.count_edge(slot, peer, false);
            }
            for &peer in out.iter().filter(|peer| before.binary_search(peer).is_err()) {
                insert_sorted(&mut self.endpoints[peer as usize].incoming, slot);
                self.count_edge(slot, peer, true);
            }
        }
        self.endpoints[slot as usize].out = out;
    }

    /// Counts one connection in or out of every level.
    fn count_edge(&mut self, from: u32, to: u32, more: bool) {
        let (from, to) = (self.endpoints[from as usize].targets, self.endpoints[to as usize].targets);
        for target in 0..self.depth.targets() {
            let level = self.level(target);
            if more {
                level.connect(from[target], to[target]);
            } else {
                level.disconnect(from[target], to[target]);
            }
        }
    }

    fn retarget_all(&mut self, slot: u32, targets: [u32; 5]) {
        for target in [PROCESS, JOINED_CONTAINER, POD, HOST] {
            if target < self.depth.targets() {
                self.retarget(slot, target, targets[target]);
            }
        }
        let process = self.endpoints[slot as usize].targets[PROCESS];
        let container = self.container_of.get(process as usize).copied().unwrap_or(NONE);
        self.retarget(slot, PROCESS_CONTAINER, container);
    }

    /// Moves an endpoint, with its connections, from one node of a level to another.
    fn retarget(&mut self, slot: u32, target: usize, now: u32) {
        let before = self.endpoints[slot as usize].targets[target];
        if before == now {
            return;
        }
        let out = std::mem::take(&mut self.endpoints[slot as usize].out);
        let incoming = std::mem::take(&mut self.endpoints[slot as usize].incoming);
        for (own, more) in [(before, false), (now, true)] {
            self.endpoints[slot as usize].targets[target] = own;
            for &peer in out.iter() {
                let other = self.endpoints[peer as usize].targets[target];
                self.count(target, own, other, more);
            }
            for &peer in incoming.iter().filter(|peer| **peer != slot) {
                let other = self.endpoints[peer as usize].targets[target];
                self.count(target, other, own, more);
            }
        }
        let endpoint = &mut self.endpoints[slot as usize];
        endpoint.out = out;
        endpoint.incoming = incoming;
        // A process's container follows from the process: it keeps no list of endpoints of its own.
        if target != PROCESS_CONTAINER {
            self.move_member(slot, target, before, now);
        }
    }

    fn count(&mut self, target: usize, from: u32, to: u32, more: bool) {
        let level = self.level(target);
        if more {
            level.connect(from, to)
        } else {
            level.disconnect(from, to)
        }
    }

    fn move_member(&mut self, slot: u32, target: usize, before: u32, now: u32) {
        let emptied = before != NONE && self.level(target).remove_endpoint(before, slot);
        let first = now != NONE && self.level(target).add_endpoint(now, slot);
        // One that is reported is in its container with and without endpoints.
        if target == PROCESS && self.depth >= Depth::Containers {
            if emptied && self.processes.nodes[before as usize].raw.is_none() {
                self.follow_process(before);
            }
            if first && self.processes.nodes[now as usize].raw.is_none() {
                self.follow_process(now);
            }
        }
    }
}

fn same_places(a: &[KeyPlace], b: &[KeyPlace]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|pair| match pair {
            (KeyPlace::Site(a), KeyPlace::Site(b)) | (KeyPlace::Endpoint(a), KeyPlace::Endpoint(b)) => a == b,
            _ => false,
        })
}
