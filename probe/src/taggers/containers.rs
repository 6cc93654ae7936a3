//! Ties processes to containers: by the container id in the process' cgroup, which every runtime writes, and where that is hidden by the
//! nearest ancestor that is a container's first process.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock, RwLockReadGuard};
use scope_shared::report::{Kind, Node, Report, SmolStr};
use scope_shared::time::Timestamp;
use smol_str::format_smolstr;

use crate::proc::Snapshot;
use crate::reporter::Tagger;

/// How far up the tree of processes is looked; deeper trees are damaged ones.
const MOST_ANCESTORS: usize = 128;

/// What others need to know of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerInfo {
    /// First process; zero if it does not run.
    pub pid: u32,
    /// Whether its processes may be shown as running in it.
    pub running: bool,
    /// Image's name without tag, or its id where it has no name.
    pub image: SmolStr,
}

/// The containers of this host by id, filled by whoever talks to the engine. Clones see the same containers.
#[derive(Clone, Debug, Default)]
pub struct ContainerIndex(Arc<RwLock<Containers>>);

#[derive(Debug, Default)]
struct Containers {
    by_id: BTreeMap<SmolStr, ContainerInfo>,
    changes: u64,
}

impl ContainerIndex {
    /// Adds or replaces a container.
    pub fn set(&self, id: SmolStr, info: ContainerInfo) {
        let mut containers = self.0.write();
        if containers.by_id.get(&id) != Some(&info) {
            containers.changes += 1;
            containers.by_id.insert(id, info);
        }
    }

    /// Forgets a container.
    pub fn remove(&self, id: &str) {
        let mut containers = self.0.write();
        containers.changes += u64::from(containers.by_id.remove(id).is_some());
    }

    /// Forgets all that `keep` refuses.
    pub fn retain(&self, keep: impl Fn(&str) -> bool) {
        let mut containers = self.0.write();
        let before = containers.by_id.len();
        containers.by_id.retain(|id, _| keep(id));
        containers.changes += (before - containers.by_id.len()) as u64;
    }

    /// A container.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<ContainerInfo> {
        self.0.read().by_id.get(id).cloned()
    }

    /// The containers as they are now, for many look-ups.
    #[must_use]
    pub fn ties(&self) -> Ties<'_> {
        let containers = self.0.read();
        let running = containers.by_id.iter().filter(|(_, info)| info.pid > 1);
        let by_pid = running.map(|(id, info)| (info.pid, id.clone())).collect();
        Ties { containers, by_pid }
    }
}

/// What ties processes to containers, as of one moment. Holds the index locked.
pub struct Ties<'a> {
    containers: RwLockReadGuard<'a, Containers>,
    by_pid: BTreeMap<u32, SmolStr>,
}

impl Ties<'_> {
    /// A number that is another one after every change of the containers.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.containers.changes
    }

    /// Ties a process' node to its container, if it has one that runs.
    pub fn tie(&self, node: &mut Arc<Node>, snapshot: &Snapshot, now: Timestamp) {
        let known = |id: &SmolStr| self.containers.by_id.contains_key(id.as_str());
        let id = match node.latest("docker_container_id") {
            Some(id) => Some(SmolStr::new(id)).filter(known),
            None => node
                .latest("pid")
                .and_then(|pid| pid.parse().ok())
                .filter(|pid| *pid != 1)
                .and_then(|pid| container_of(pid, snapshot, &self.by_pid, known)),
        };
        let Some((id, info)) = id.and_then(|id| self.containers.by_id.get(&id).map(|info| (id, info))) else {
            return;
        };
        if !info.running {
            return;
        }
        let node = Arc::make_mut(node);
        node.set_latest("docker_container_id", now, id.clone());
        node.add_parent(Kind::Container.name(), format_smolstr!("{id};<container>"));
        if !info.image.is_empty() {
            node.add_parent(Kind::ContainerImage.name(), format_smolstr!("{};<container_image>", info.image));
        }
    }
}

/// Ties processes to containers, except those of the walk, which [`crate::process::Processes`] brings tied.
pub struct ContainerTagger {
    index: ContainerIndex,
    processes: Arc<Mutex<Arc<Snapshot>>>,
}

impl ContainerTagger {
    /// With the containers to tie to, and where the newest walk over the processes is put.
    #[must_use]
    pub const fn new(index: ContainerIndex, processes: Arc<Mutex<Arc<Snapshot>>>) -> Self {
        Self { index, processes }
    }
}

impl Tagger for ContainerTagger {
    fn name(&self) -> &'static str {
        "container"
    }

    fn tag(&self, report: &mut Report, now: Timestamp) {
        let nodes = &mut report.topology_mut(Kind::Process).nodes;
        if nodes.is_empty() {
            return;
        }
        let snapshot = Arc::clone(&self.processes.lock());
        let ties = self.index.ties();
        for node in nodes.values_mut() {
            ties.tie(node, &snapshot, now);
        }
    }
}

fn container_of(pid: u32, snapshot: &Snapshot, by_pid: &BTreeMap<u32, SmolStr>, known: impl Fn(&SmolStr) -> bool) -> Option<SmolStr> {
    let process = snapshot.get(pid)?;
    if let Some(id) = process.container_id().filter(|id| known(id)) {
        return Some(id.clone());
    }
    let mut at = process;
    for _ in 0..MOST_ANCESTORS {
        if let Some(id) = by_pid.get(&at.pid) {
            return Some(id.clone());
        }
        at = snapshot.get(at.ppid)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup::Membership;
    use crate::proc::Process;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn tagged(running: bool, processes: Vec<Process>) -> Report {
        let index = ContainerIndex::default();
        index.set(
            ID.into(),
            ContainerInfo {
                pid: 10,
                running,
                image: "redis".into(),
            },
        );
        let mut report = Report::default();
        for process in &processes {
            let mut node = Node::new(format_smolstr!("h;{}", process.pid), "process");
            node.set_latest("pid", Timestamp::from_unix(1, 0), format_smolstr!("{}", process.pid));
            report.topology_mut(Kind::Process).add(node);
        }
        let snapshot = Snapshot::new(processes.into_iter().map(Arc::new).collect(), 1, 1);
        ContainerTagger::new(index, Arc::new(Mutex::new(Arc::new(snapshot)))).tag(&mut report, Timestamp::from_unix(2, 0));
        report
    }

    fn process(pid: u32, ppid: u32, cgroup: &str) -> Process {
        Process {
            pid,
            ppid,
            cgroup: Arc::new(Membership::parse(cgroup)),
            ..Process::default()
        }
    }

    #[test]
    fn children_of_a_containers_first_process_and_members_of_its_cgroup_belong_to_it() {
        let member = format!("0::/system.slice/docker-{ID}.scope\n");
        let report = tagged(
            true,
            vec![
                process(1, 0, ""),
                process(10, 1, ""),
                process(11, 10, ""),
                process(12, 1, &member),
                process(13, 1, ""),
            ],
        );
        let container = |id: &str| report.topology(Kind::Process).nodes[id].latest("docker_container_id");
        assert_eq!(["h;10", "h;11", "h;12"].map(container), [Some(ID); 3]);
        assert_eq!(["h;1", "h;13"].map(container), [None; 2]);
        let parents = &report.topology(Kind::Process).nodes["h;11"].parents;
        assert!(
            parents
                .get("container")
                .is_some_and(|ids| ids.contains(&format!("{ID};<container>")))
        );
        assert!(
            parents
                .get("container_image")
                .is_some_and(|ids| ids.contains("redis;<container_image>"))
        );
    }

    #[test]
    fn a_stopped_container_has_no_processes() {
        let report = tagged(false, vec![process(10, 1, "")]);
        assert_eq!(report.topology(Kind::Process).nodes["h;10"].latest("docker_container_id"), None);
    }
}
