//! The merged state of all probes, kept up to date node by node.
//!
//! Each source (a probe or a file) contributes nodes; a node that one source reports is shared as it is, one that several report is merged
//! from exactly their versions. So a source's change costs what it touches, however many other sources there are. Sources are merged in
//! the order of their names: what arrives first does not matter.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use foldhash::fast::FixedState;
use scope_shared::report::{DnsRecord, Kind, Node, PluginSpec, Report, SmolStr, Topology};

/// What changed in the merged state since it was last taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    /// Nodes that changed, appeared or vanished.
    pub(crate) nodes: Vec<(Kind, SmolStr)>,
    /// Addresses whose names changed.
    pub(crate) dns: Vec<SmolStr>,
    /// Whether a label, glyph, template or control changed.
    pub(crate) templates: bool,
    /// Whether everything is to be made anew.
    pub(crate) all: bool,
}

impl Changes {
    /// Whether nothing changed.
    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.dns.is_empty() && !self.templates && !self.all
    }
}

/// Versions of one thing, by source name.
type Versions<T> = Vec<(SmolStr, T)>;

/// The merged state.
#[derive(Debug)]
pub(crate) struct Store {
    sources: BTreeMap<SmolStr, Arc<Report>>,
    /// Which source reports a host: most likely the one that reports what is on it.
    hosts: HashMap<SmolStr, SmolStr, FixedState>,
    /// Versions of nodes that more than one source reports.
    shared: Vec<HashMap<SmolStr, Versions<Arc<Node>>, FixedState>>,
    /// The same of DNS records.
    shared_dns: HashMap<SmolStr, Versions<DnsRecord>, FixedState>,
    /// Everything merged. `ts`, `sampling`, `window`, `plugins` and `id` are made only when someone asks for the whole report.
    merged: Report,
    changes: Changes,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            sources: BTreeMap::new(),
            hosts: HashMap::default(),
            shared: Kind::ALL.iter().map(|_| HashMap::default()).collect(),
            shared_dns: HashMap::default(),
            merged: Report::default(),
            changes: Changes {
                all: true,
                ..Changes::default()
            },
        }
    }
}

impl Store {
    /// The merged state, for rendering: nodes, templates, names.
    pub(crate) fn merged(&self) -> &Report {
        &self.merged
    }

    /// The merged report with everything a report has.
    pub(crate) fn whole(&self) -> Report {
        let mut whole = match self.sources.len() {
            1 => self.sources.values().next().map(|report| Report::clone(report)).unwrap_or_default(),
            _ => Report::merge_all(
                self.sources
                    .values()
                    .map(|report| {
                        // Only what is not merged node by node.
                        Report {
                            ts: report.ts,
                            sampling: report.sampling,
                            window: report.window,
                            plugins: report.plugins.clone(),
                            id: report.id.clone(),
                            extra: report.extra.clone(),
                            ..Report::default()
                        }
                    })
                    .collect::<Vec<_>>()
                    .iter(),
            ),
        };
        whole.topologies = self.merged.topologies.clone();
        whole.others = self.merged.others.clone();
        whole.dns = self.merged.dns.clone();
        whole
    }

    /// The plugins of all sources; of one that several have, one that is not well.
    pub(crate) fn plugins(&self) -> BTreeMap<SmolStr, PluginSpec> {
        let mut plugins: BTreeMap<SmolStr, PluginSpec> = BTreeMap::new();
        for (id, plugin) in self.sources.values().flat_map(|report| report.plugins.iter().flatten()) {
            if plugins.get(id).is_none_or(|known| known.status == "ok") {
                plugins.insert(id.clone(), plugin.clone());
            }
        }
        plugins
    }

    /// Takes what changed since the last call.
    pub(crate) fn take_changes(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }

    /// How many sources there are.
    pub(crate) fn len(&self) -> usize {
        self.sources.len()
    }

    /// A source's state.
    pub(crate) fn source(&self, name: &str) -> Option<&Arc<Report>> {
        self.sources.get(name)
    }

    /// Replaces a source's state, or takes it out. True if anything visible changed.
    pub(crate) fn set(&mut self, name: &SmolStr, now: Option<Arc<Report>>) -> bool {
        let none = Arc::new(Report::default());
        let before = match &now {
            Some(report) => self.sources.insert(name.clone(), report.clone()),
            None => self.sources.remove(name),
        };
        let (before, now) = (before.as_ref().unwrap_or(&none), now.as_ref().unwrap_or(&none));
        let known = (self.changes.nodes.len(), self.changes.dns.len());
        let hosts = |report: &Report| report.topology(Kind::Host).nodes.keys().cloned().collect::<Vec<_>>();
        for host in hosts(before) {
            self.hosts.remove(&host);
        }
        self.hosts.extend(hosts(now).into_iter().map(|host| (host, name.clone())));
        for kind in Kind::ALL {
            self.set_nodes(name, kind, before.topology(kind), now.topology(kind));
        }
        self.set_dns(name, &before.dns, &now.dns);
        let mut changed = known != (self.changes.nodes.len(), self.changes.dns.len());
        for kind in Kind::ALL {
            if !same_frame(before.topology(kind), now.topology(kind)) {
                changed |= self.merge_frames(kind);
            }
        }
        if before.others != now.others {
            self.merge_others();
            self.changes.templates = true;
            changed = true;
        }
        changed
    }

    /// Walks both states side by side; nodes shared between them cost one comparison of pointers.
    fn set_nodes(&mut self, name: &SmolStr, kind: Kind, before: &Topology, now: &Topology) {
        let mut old = before.nodes.iter().peekable();
        let mut new = now.nodes.iter().peekable();
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => break,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                // An allocation has one id: it need not be compared.
                (Some((_, a)), Some((_, b))) if Arc::ptr_eq(a, b) => std::cmp::Ordering::Equal,
                (Some((a, _)), Some((b, _))) => a.cmp(b),
            };
            let (gone, come) = match order {
                std::cmp::Ordering::Less => (old.next(), None),
                std::cmp::Ordering::Greater => (None, new.next()),
                std::cmp::Ordering::Equal => (old.next(), new.next()),
            };
            if let (Some((_, a)), Some((_, b))) = (gone, come)
                && Arc::ptr_eq(a, b)
            {
                continue;
            }
            if let Some((id, _)) = gone.or(come) {
                self.set_node(name, kind, id, gone.map(|(_, node)| node), come.map(|(_, node)| node));
            }
        }
    }

    fn set_node(&mut self, name: &SmolStr, kind: Kind, id: &SmolStr, before: Option<&Arc<Node>>, now: Option<&Arc<Node>>) {
        if before.is_some() && before.map(|node| &**node) == now.map(|node| &**node) {
            return;
        }
        let nodes = &mut self.merged.topologies[kind as usize].nodes;
        let shared = &mut self.shared[kind as usize];
        let merged = match shared.get_mut(id) {
            Some(versions) => {
                set_version(versions, name, now.cloned());
                if let [only] = versions.as_slice() {
                    let only = only.1.clone();
                    shared.remove(id);
                    Some(only)
                } else {
                    fold(versions)
                }
            }
            // Its own, or somebody else's until now.
            None => match (before.is_none().then(|| nodes.get(id)).flatten(), now) {
                (Some(other), Some(now)) => {
                    let likely = other.latest("host_node_id").and_then(|host| self.hosts.get(host));
                    let owner = owner(&self.sources, kind, id, name, likely);
                    let mut versions = vec![(owner, other.clone())];
                    set_version(&mut versions, name, Some(now.clone()));
                    let merged = fold(&versions);
                    shared.insert(id.clone(), versions);
                    merged
                }
                (_, now) => now.cloned(),
            },
        };
        match merged {
            Some(mut node) => {
                // The key is the node's identity, whatever it says of itself.
                if node.id != *id {
                    Arc::make_mut(&mut node).id = id.clone();
                }
                nodes.insert(id.clone(), node)
            }
            None => nodes.remove(id),
        };
        self.changes.nodes.push((kind, id.clone()));
    }

    fn set_dns(&mut self, name: &SmolStr, before: &BTreeMap<SmolStr, DnsRecord>, now: &BTreeMap<SmolStr, DnsRecord>) {
        let gone = before.keys().filter(|ip| !now.contains_key(*ip));
        let come = now.iter().filter(|(ip, record)| before.get(*ip) != Some(record)).map(|(ip, _)| ip);
        for ip in gone.chain(come) {
            let record = now.get(ip);
            let others = self
                .merged
                .dns
                .get(ip)
                .filter(|_| !before.contains_key(ip) || self.shared_dns.contains_key(ip));
            let versions = match (self.shared_dns.get_mut(ip), others) {
                (Some(versions), _) => versions,
                (None, None) => {
                    match record {
                        Some(record) => self.merged.dns.insert(ip.clone(), record.clone()),
                        None => self.merged.dns.remove(ip),
                    };
                    self.changes.dns.push(ip.clone());
                    continue;
                }
                (None, Some(other)) => {
                    let owner = self
                        .sources
                        .iter()
                        .find(|(source, report)| *source != name && report.dns.contains_key(ip));
                    let owner = owner.map(|(source, _)| source.clone()).unwrap_or_default();
                    self.shared_dns.entry(ip.clone()).or_insert(vec![(owner, other.clone())])
                }
            };
            set_version(versions, name, record.cloned());
            let mut merged = DnsRecord::default();
            for (_, record) in versions.iter() {
                merged.forward.union_with(&record.forward);
                merged.reverse.union_with(&record.reverse);
            }
            match versions.len() {
                0 => {
                    self.shared_dns.remove(ip);
                    self.merged.dns.remove(ip);
                }
                1 => {
                    self.shared_dns.remove(ip);
                    self.merged.dns.insert(ip.clone(), merged);
                }
                _ => {
                    self.merged.dns.insert(ip.clone(), merged);
                }
            }
            self.changes.dns.push(ip.clone());
        }
    }

    /// Merges a topology's labels, templates and controls from all sources. They hardly ever change. True if they did.
    fn merge_frames(&mut self, kind: Kind) -> bool {
        let mut frame = Topology::fresh(kind);
        let mut seen: Vec<&Topology> = Vec::new();
        for topology in self.sources.values().map(|report| report.topology(kind)) {
            // Probes of one version say the same.
            if !seen.iter().any(|other| same_frame(other, topology)) {
                seen.push(topology);
                frame.merge(&without_nodes(topology));
            }
        }
        let merged = &mut self.merged.topologies[kind as usize];
        if same_frame(merged, &frame) {
            return false;
        }
        frame.nodes = std::mem::take(&mut merged.nodes);
        *merged = frame;
        self.changes.templates = true;
        true
    }

    fn merge_others(&mut self) {
        let mut others: BTreeMap<SmolStr, Topology> = BTreeMap::new();
        for (key, topology) in self.sources.values().flat_map(|report| &report.others) {
            match others.get_mut(key) {
                Some(merged) => merged.merge(topology),
                None => {
                    others.insert(key.clone(), topology.clone());
                }
            }
        }
        self.merged.others = others;
    }
}

/// The other source that reports a node: the `likely` one, or any.
fn owner(sources: &BTreeMap<SmolStr, Arc<Report>>, kind: Kind, id: &SmolStr, not: &SmolStr, likely: Option<&SmolStr>) -> SmolStr {
    let has = |(name, report): &(&SmolStr, &Arc<Report>)| *name != not && report.topology(kind).nodes.contains_key(id);
    let likely = likely.and_then(|name| sources.get_key_value(name)).filter(has);
    let found = likely.or_else(|| sources.iter().find(has));
    found.map(|(name, _)| name.clone()).unwrap_or_default()
}

fn set_version<T>(versions: &mut Versions<T>, name: &SmolStr, now: Option<T>) {
    match (versions.binary_search_by(|(other, _)| other.cmp(name)), now) {
        (Ok(at), Some(now)) => versions[at].1 = now,
        (Ok(at), None) => {
            versions.remove(at);
        }
        (Err(at), Some(now)) => versions.insert(at, (name.clone(), now)),
        (Err(_), None) => {}
    }
}

/// Versions merged in order, each next one as the receiver, as merging whole reports does.
fn fold(versions: &Versions<Arc<Node>>) -> Option<Arc<Node>> {
    let mut versions = versions.iter().map(|(_, node)| node);
    let first = versions.next()?.clone();
    Some(versions.fold(
        first,
        |merged, node| if merged == *node { merged } else { Arc::new(node.merged(&merged)) },
    ))
}

/// Whether two topologies say the same of everything but their nodes.
fn same_frame(a: &Topology, b: &Topology) -> bool {
    a.shape == b.shape
        && a.tag == b.tag
        && a.label == b.label
        && a.label_plural == b.label_plural
        && a.controls == b.controls
        && a.metadata_templates == b.metadata_templates
        && a.metric_templates == b.metric_templates
        && a.table_templates == b.table_templates
        && a.extra == b.extra
}

fn without_nodes(topology: &Topology) -> Topology {
    Topology {
        shape: topology.shape.clone(),
        tag: topology.tag.clone(),
        label: topology.label.clone(),
        label_plural: topology.label_plural.clone(),
        nodes: BTreeMap::new(),
        controls: topology.controls.clone(),
        metadata_templates: topology.metadata_templates.clone(),
        metric_templates: topology.metric_templates.clone(),
        table_templates: topology.table_templates.clone(),
        extra: topology.extra.clone(),
    }
}
