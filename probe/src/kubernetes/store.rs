//! What is known of the cluster: every watched object as a finished node, and the report made of them.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;
use scope_shared::report::{Kind, Node, Report, SmolStr, StringSet, VecMap};
use scope_shared::time::Timestamp;

use super::Settings;
use super::objects::Object;
use super::selector::Index;
use super::templates::skeleton;
use crate::config::Policy;

/// How the watch of one kind of object does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceState {
    /// The first list has not arrived.
    Starting,
    /// Listed and watched: so many objects.
    Watching(usize),
    /// The cluster has no such kind of object.
    Unsupported,
    /// The last attempt failed, with why; what was known before stays.
    Failing(String),
}

/// Everything known of the cluster. Watches write, reports and controls read; no lock is held across a wait.
#[derive(Debug)]
pub struct Cluster {
    probe_id: SmolStr,
    policy: Policy,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    tables: BTreeMap<Kind, Table>,
    allowed: HashSet<&'static str>,
    sources: BTreeMap<String, SourceState>,
    /// The last report made; gone when something changed since.
    report: Option<Report>,
}

type Table = BTreeMap<SmolStr, Entry>;

#[derive(Debug)]
struct Entry {
    object: Object,
    /// The object's node with controls and parents.
    finished: Arc<Node>,
}

/// Where an object is in the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Namespace; empty for objects of the whole cluster.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Cluster {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            probe_id: SmolStr::new(&settings.probe_id),
            policy: settings.policy,
            state: Mutex::default(),
        }
    }

    /// Puts an object in. Returns its node if the object was not known before.
    pub fn insert(&self, kind: Kind, object: Object, now: Timestamp) -> Option<Arc<Node>> {
        let mut state = self.state.lock();
        let entry = self.finish(kind, object, &state.allowed, now);
        let node = Arc::clone(&entry.finished);
        state.report = None;
        let known = state.tables.entry(kind).or_default().insert(node.id.clone(), entry).is_some();
        (!known).then_some(node)
    }

    /// Takes an object out; true if it was known.
    pub fn remove(&self, kind: Kind, id: &str) -> bool {
        let mut state = self.state.lock();
        state.report = None;
        state.tables.get_mut(&kind).is_some_and(|table| table.remove(id).is_some())
    }

    /// Replaces all objects of a kind after a new list. Returns the nodes that are new and the ids that are gone.
    pub fn replace(&self, kind: Kind, objects: Vec<Object>, now: Timestamp) -> (Vec<Arc<Node>>, Vec<SmolStr>) {
        let mut state = self.state.lock();
        let table: Table = objects
            .into_iter()
            .map(|object| {
                let entry = self.finish(kind, object, &state.allowed, now);
                (entry.finished.id.clone(), entry)
            })
            .collect();
        let old = state.tables.insert(kind, table).unwrap_or_default();
        state.report = None;
        let table = state.tables.entry(kind).or_default();
        let mut added: Vec<_> = table
            .iter()
            .filter(|(id, _)| !old.contains_key(*id))
            .map(|(_, entry)| Arc::clone(&entry.finished))
            .collect();
        let mut gone: Vec<_> = old.into_keys().filter(|id| !table.contains_key(id)).collect();
        added.sort_by(|a, b| a.id.cmp(&b.id));
        gone.sort();
        (added, gone)
    }

    /// Which controls the API server lets this probe carry out. Changes every node's list.
    pub fn set_allowed(&self, allowed: HashSet<&'static str>, now: Timestamp) {
        let mut state = self.state.lock();
        if state.allowed == allowed {
            return;
        }
        let state = &mut *state;
        for (kind, table) in &mut state.tables {
            for entry in table.values_mut() {
                let object = std::mem::take(&mut entry.object);
                *entry = self.finish(*kind, object, &allowed, now);
            }
        }
        state.allowed = allowed;
        state.report = None;
    }

    /// Whether a control is allowed by the API server and by the probe's own policy.
    #[must_use]
    pub fn allows(&self, control: &str) -> bool {
        self.state.lock().allowed.contains(control) && super::controls::kind_of(control).is_some_and(|kind| self.policy.allows(kind))
    }

    /// Where the object with this node id is.
    #[must_use]
    pub fn find(&self, kind: Kind, node_id: &str) -> Option<Place> {
        let state = self.state.lock();
        let object = &state.tables.get(&kind)?.get(node_id)?.object;
        Some(Place {
            namespace: object.namespace.clone(),
            name: object.name.clone(),
        })
    }

    /// Says how a watch does.
    pub fn set_source(&self, name: &str, source: SourceState) {
        self.state.lock().sources.insert(name.to_owned(), source);
    }

    /// How many objects of a kind are known.
    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        self.state.lock().tables.get(&kind).map_or(0, Table::len)
    }

    /// How each watch does, by name.
    #[must_use]
    pub fn sources(&self) -> Vec<(String, SourceState)> {
        self.state
            .lock()
            .sources
            .iter()
            .map(|(name, source)| (name.clone(), source.clone()))
            .collect()
    }

    /// The cluster as a report. Made anew only if something changed.
    #[must_use]
    pub fn report(&self) -> Report {
        let mut state = self.state.lock();
        if let Some(report) = &state.report {
            return report.clone();
        }
        adopt_pods(&mut state.tables);
        let mut report = skeleton(&self.probe_id);
        for (kind, table) in &state.tables {
            report.topology_mut(*kind).nodes = table.iter().map(|(id, entry)| (id.clone(), Arc::clone(&entry.finished))).collect();
        }
        state.report = Some(report.clone());
        report
    }

    fn finish(&self, kind: Kind, object: Object, allowed: &HashSet<&'static str>, now: Timestamp) -> Entry {
        let mut node = object.node.clone();
        if !matches!(kind, Kind::Namespace | Kind::Host) {
            node.set_latest("control_probe_id", now, self.probe_id.clone());
        }
        if !object.controls.is_empty() {
            let offered: Vec<&str> = object
                .controls
                .iter()
                .copied()
                .filter(|control| {
                    allowed.contains(control) && super::controls::kind_of(control).is_some_and(|kind| self.policy.allows(kind))
                })
                .collect();
            node.set_latest("active_controls", now, offered.join(";"));
        }
        Entry {
            object,
            finished: Arc::new(node),
        }
    }
}

/// Gives every pod its parents: whatever selects it, and the cron jobs whose active jobs do.
fn adopt_pods(tables: &mut BTreeMap<Kind, Table>) {
    let Some(mut pods) = tables.remove(&Kind::Pod) else { return };
    {
        let empty = Table::new();
        let table = |kind| tables.get(&kind).unwrap_or(&empty);
        let owners = [Kind::Service, Kind::Deployment, Kind::DaemonSet, Kind::StatefulSet, Kind::Job]
            .into_iter()
            .flat_map(|kind| table(kind).iter().map(move |(id, entry)| (kind, id, &entry.object)))
            .filter_map(|(kind, id, object)| Some((object.namespace.as_str(), object.selector.as_ref()?, (kind, id))));
        let cron_jobs = table(Kind::CronJob).iter().flat_map(|(id, entry)| {
            entry.object.active_jobs.iter().filter_map(move |uid| {
                let job = &table(Kind::Job).get(format!("{uid};<job>").as_str())?.object;
                Some((job.namespace.as_str(), job.selector.as_ref()?, (Kind::CronJob, id)))
            })
        });
        let index = Index::new(owners.chain(cron_jobs));
        for entry in pods.values_mut() {
            let mut parents: BTreeMap<&str, Vec<SmolStr>> = BTreeMap::new();
            for (kind, id) in index.matching(&entry.object.namespace, &entry.object.labels) {
                parents.entry(kind.name()).or_default().push(id.clone());
            }
            let parents: VecMap<StringSet> = parents
                .into_iter()
                .map(|(kind, ids)| (SmolStr::new(kind), StringSet::from_unsorted(ids)))
                .collect();
            if entry.finished.parents != parents {
                Arc::make_mut(&mut entry.finished).parents = parents;
            }
        }
    }
    tables.insert(Kind::Pod, pods);
}
