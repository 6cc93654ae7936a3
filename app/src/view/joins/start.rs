//! From nothing: the targets that someone asks for first, for all endpoints at once.
//!
//! What is read of one node is read as it is when it changes later ([`super::update`]). Only the counting differs: all endpoints get their
//! targets first, then each connection is counted once, instead of once for each of its ends that moves.

use std::ops::Range;

use scope_shared::report::Kind;

use super::{Depth, HOST, JOINED_CONTAINER, Joins, NONE, POD, PROCESS, PROCESS_CONTAINER};
use crate::view::state::State;
use crate::view::{ahead, networks};

impl Joins {
    /// Sees to it that at least so much of a state is kept, with which the joins are up to date otherwise.
    pub(crate) fn deepen(&mut self, state: State<'_>, depth: Depth) {
        while self.depth < depth {
            let next = self.depth.next();
            match next {
                Depth::Nothing | Depth::Processes => self.take_processes(state),
                Depth::Containers => self.take_containers(state),
                Depth::Everything => self.take_pods_and_hosts(state),
            }
            let targets = self.depth.targets()..next.targets();
            self.depth = next;
            self.settle(targets);
        }
    }

    fn take_processes(&mut self, state: State<'_>) {
        self.networks = networks::local_networks(state);
        self.trie = networks::trie(&self.networks);
        self.any_process = state.any(Kind::Process);
        let endpoints = state.topology(Kind::Endpoint).nodes.len();
        self.endpoint_ids.reserve(endpoints);
        self.endpoints.reserve(endpoints);
        self.processes.reserve(state.topology(Kind::Process).nodes.len());
        state.for_each(Kind::Process, false, |id, node| self.set_process(id, Some(node.clone())));
        // All are looked at afterwards.
        let mut dirty = Vec::new();
        state.for_each(Kind::Endpoint, true, |id, node| {
            self.set_endpoint(state, id, Some(node.clone()), &mut dirty);
            dirty.clear();
        });
    }

    fn take_containers(&mut self, state: State<'_>) {
        self.containers.reserve(state.topology(Kind::Container).nodes.len());
        let mut dirty = Vec::new();
        state.for_each(Kind::Container, true, |id, node| {
            self.set_container(state, id, Some(node.clone()), &mut dirty)
        });
        for slot in 0..self.endpoints.len() as u32 {
            self.join_site(state, slot);
        }
        self.container_of = vec![NONE; self.processes.nodes.len()];
        for slot in 0..self.processes.nodes.len() as u32 {
            if slot.is_multiple_of(ahead::NODES as u32) {
                let next = self.processes.nodes.iter().skip(slot as usize).take(ahead::NODES);
                ahead::values(next.filter_map(|process| process.raw.as_ref()));
            }
            let container = self.container_for(slot);
            self.container_of[slot as usize] = container;
            if container != NONE {
                self.containers.set_held(container, slot, true);
            }
        }
    }

    fn take_pods_and_hosts(&mut self, state: State<'_>) {
        for (id, node) in state.nodes(Kind::Host) {
            let slot = self.hosts.slot_of(id);
            self.hosts.set_raw(slot, Some(node.clone()));
        }
        let mut dirty = Vec::new();
        for (id, node) in state.nodes(Kind::Pod) {
            self.set_pod(state, id, Some(node.clone()), &mut dirty);
        }
    }

    /// Finds these targets of all endpoints, of which none had any yet, and counts the edges between them.
    fn settle(&mut self, wanted: Range<usize>) {
        for slot in 0..self.endpoints.len() {
            let mut targets = self.resolve(slot as u32);
            let process = self.endpoints[slot].targets[PROCESS];
            targets[PROCESS_CONTAINER] = self.container_of.get(process as usize).copied().unwrap_or(NONE);
            for target in wanted.clone() {
                let own = targets[target];
                self.endpoints[slot].targets[target] = own;
                if own != NONE && target != PROCESS_CONTAINER {
                    self.level(target).add_endpoint(own, slot as u32);
                }
            }
        }
        for from in 0..self.endpoints.len() {
            for at in 0..self.endpoints[from].out.len() {
                let to = self.endpoints[from].out[at] as usize;
                for target in wanted.clone() {
                    let (from, to) = (self.endpoints[from].targets[target], self.endpoints[to].targets[target]);
                    self.level(target).connect(from, to);
                }
            }
        }
        for target in wanted {
            self.level(target).begin();
        }
    }
}

const _: () = assert!(
    PROCESS == 0 && JOINED_CONTAINER == 2 && POD == 3 && HOST == 4,
    "Depth counts targets in this order"
);
