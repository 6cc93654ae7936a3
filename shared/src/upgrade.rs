//! Bringing a decoded report of an old probe up to date: pods' parents, namespaces, names of addresses.
//!
//! (What an old probe says inside one node is brought up to date when the node is decoded.)

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use smol_str::SmolStr;

use crate::ids;
use crate::report::{DnsRecord, Kind, Latest, Node, Report, StringSet, keys};
use crate::time::Timestamp;

impl Report {
    /// Brings the report up to date. Does nothing to a report of today's probes. `now` stamps what is made up here.
    pub fn upgrade(&mut self, now: Timestamp) {
        self.upgrade_pods();
        self.upgrade_namespaces(now);
        self.upgrade_dns();
    }

    /// Pods once had replica sets as parents, which in turn had deployments; today deployments directly.
    fn upgrade_pods(&mut self) {
        if !self.topology(Kind::ReplicaSet).nodes.is_empty() {
            self.upgrade_pods_of_replica_sets();
        }
    }

    #[inline(never)] // in the page it waits with the rest of the program (app/web/split.mjs)
    fn upgrade_pods_of_replica_sets(&mut self) {
        let replica_sets = &self.topologies[Kind::ReplicaSet as usize].nodes;
        let mut upgraded = Vec::new();
        for (id, pod) in &self.topologies[Kind::Pod as usize].nodes {
            let Some(parents) = pod.parents.get(Kind::ReplicaSet.name()) else {
                continue;
            };
            let mut deployments = StringSet::default();
            for replica_set in parents.iter().filter_map(|parent| replica_sets.get(parent)) {
                if let Some(ids) = replica_set.parents.get(Kind::Deployment.name()) {
                    deployments.union_with(ids);
                }
            }
            let mut pod = Node::clone(pod);
            pod.parents.remove(Kind::ReplicaSet.name());
            if !deployments.is_empty() {
                pod.parents
                    .get_or_insert_with(Kind::Deployment.name(), StringSet::default)
                    .union_with(&deployments);
            }
            upgraded.push((id.clone(), Arc::new(pod)));
        }
        self.topology_mut(Kind::Pod).nodes.extend(upgraded);
    }

    /// Namespaces once were only a property of other objects. (The nodes made here have no topology name, as the original's: they are in the
    /// merged report, and views pass over them.)
    fn upgrade_namespaces(&mut self, now: Timestamp) {
        const NAMESPACED: [Kind; 6] = [
            Kind::Pod,
            Kind::Service,
            Kind::Deployment,
            Kind::DaemonSet,
            Kind::StatefulSet,
            Kind::CronJob,
        ];
        if !self.topology(Kind::Namespace).nodes.is_empty() {
            return;
        }
        let names: BTreeSet<SmolStr> = NAMESPACED
            .into_iter()
            .flat_map(|kind| self.topology(kind).nodes.values())
            .filter(|node| node.latest(keys::KUBERNETES_STATE) != Some("deleted"))
            .filter_map(|node| node.latest.get(keys::KUBERNETES_NAMESPACE))
            .map(|entry| entry.value.clone())
            .collect();
        for name in names {
            let mut node = Node::new(ids::node_id(Kind::Namespace, &name), "");
            node.latest.insert(
                keys::KUBERNETES_NAME,
                Latest {
                    timestamp: now,
                    value: name,
                },
            );
            self.topology_mut(Kind::Namespace).add(node);
        }
    }

    /// Names of addresses once were sets of the endpoints.
    fn upgrade_dns(&mut self) {
        if !self.dns.is_empty() {
            return;
        }
        let mut dns: BTreeMap<SmolStr, DnsRecord> = BTreeMap::new();
        for (id, node) in &self.topology(Kind::Endpoint).nodes {
            let snooped = node.sets.get(keys::SNOOPED_DNS_NAMES);
            let reverse = node.sets.get(keys::REVERSE_DNS_NAMES);
            if snooped.is_none() && reverse.is_none() {
                continue;
            }
            add_names(&mut dns, id, snooped, reverse);
        }
        self.dns = dns;
    }
}

/// Adds what an endpoint says its address is called.
#[inline(never)] // in the page it waits with the rest of the program (app/web/split.mjs)
fn add_names(dns: &mut BTreeMap<SmolStr, DnsRecord>, endpoint: &str, snooped: Option<&StringSet>, reverse: Option<&StringSet>) {
    let Some(endpoint) = ids::parse_endpoint(endpoint) else { return };
    let record = dns.entry(endpoint.address.into()).or_default();
    if let Some(names) = snooped {
        record.forward.union_with(names);
    }
    if let Some(names) = reverse {
        record.reverse.union_with(names);
    }
}
