//! Containers that no engine tells of: found by the cgroups of their processes, named by the files that every OCI runtime keeps of what it
//! runs. Works for containerd, CRI-O and Podman without their sockets, and asks none of them anything.
//!
//! Where a Kubernetes runtime's socket is there, [`crate::cri`] knows more, stopped containers too, and that goes before. What an engine knows
//! is the engine's: such containers are left out here. Controls and logs are out of reach.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use scope_shared::report::{Kind, Node, Report, SmolStr};
use serde::Deserialize;
use smol_str::format_smolstr;

use crate::cgroup::{ContainerRef, Runtime, UsageReader};
use crate::cri::{Cri, PodMetadata};
use crate::docker::{ContainerMeter, Engine, declare_containers, image_name_and_tag};
use crate::host;
use crate::proc::{Process, Snapshot};
use crate::reporter::{Reporter, Tick};
use crate::taggers::{ContainerIndex, ContainerInfo};

/// Longest runtime file that is read; Kubernetes' are about 10 kB.
const MAX_FILE: u64 = 1 << 20;
/// Where runtimes keep the configuration of what runs, below the host's root; `{}` is the container's id.
const PLACES: [&str; 4] = [
    "run/containerd/io.containerd.runtime.v2.task/k8s.io/{}/config.json",
    "run/containerd/io.containerd.runtime.v2.task/default/{}/config.json",
    "run/containers/storage/overlay-containers/{}/userdata/config.json",
    "var/lib/containers/storage/overlay-containers/{}/userdata/config.json",
];
/// What people know a container by: our key, and the runtimes' annotations for it, containerd's first.
const LABELS: [(&str, [&str; 2]); 4] = [
    (
        "docker_label_io.kubernetes.pod.uid",
        ["io.kubernetes.cri.sandbox-uid", "io.kubernetes.pod.uid"],
    ),
    (
        "docker_label_io.kubernetes.pod.name",
        ["io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name"],
    ),
    (
        "docker_label_io.kubernetes.pod.namespace",
        ["io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace"],
    ),
    (
        "docker_label_io.kubernetes.container.name",
        ["io.kubernetes.cri.container-name", "io.kubernetes.container.name"],
    ),
];
/// How Docker's Kubernetes marked the container that holds a pod's namespaces.
const SANDBOX: (&str, &str) = ("docker_label_io.kubernetes.docker.type", "podsandbox");
const IMAGES: [&str; 3] = [
    "io.kubernetes.cri.image-name",
    "io.kubernetes.cri-o.ImageName",
    "org.opencontainers.image.ref.name",
];
const KINDS: [&str; 2] = ["io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType"];

/// The parts of a runtime's configuration that are used.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Config {
    hostname: String,
    annotations: BTreeMap<String, String>,
}

/// One container.
#[derive(Debug, Default)]
struct Found {
    config: Config,
    meter: ContainerMeter,
    /// Its first process.
    pid: u32,
}

/// Reports containers by their cgroups.
pub struct Runtimes {
    /// The host's root directory, tried in order.
    roots: Vec<PathBuf>,
    engine: Option<Engine>,
    cri: Cri,
    index: ContainerIndex,
    usage: UsageReader,
    total_memory: f64,
    found: BTreeMap<SmolStr, Found>,
}

impl Runtimes {
    /// Looks below `roots`, the first of which that has a file wins. What `engine` knows is left to it; what `cri` knows is added.
    #[must_use]
    pub fn new(roots: Vec<PathBuf>, engine: Option<Engine>, cri: Cri, index: ContainerIndex, cgroup_root: &Path) -> Self {
        Self {
            roots,
            engine,
            cri,
            index,
            usage: UsageReader::new(cgroup_root),
            total_memory: host::total_memory(),
            found: BTreeMap::new(),
        }
    }

    /// The containers that the engine reports.
    fn engines(&self) -> HashSet<SmolStr> {
        match &self.engine {
            Some(engine) => engine.state().containers.keys().cloned().collect(),
            None => HashSet::new(),
        }
    }

    /// The first process of each container that is nobody else's.
    fn containers<'a>(processes: &'a Snapshot, engines: &HashSet<SmolStr>) -> BTreeMap<&'a SmolStr, (&'a ContainerRef, &'a Arc<Process>)> {
        let mut containers: BTreeMap<&SmolStr, (&ContainerRef, &Arc<Process>)> = BTreeMap::new();
        for process in processes.processes() {
            let Some(container) = process.cgroup.container().filter(|container| is_ours(container)) else {
                continue;
            };
            if engines.contains(&container.id) {
                continue;
            }
            let first = containers.entry(&container.id).or_insert((container, process));
            if process.start < first.1.start {
                *first = (container, process);
            }
        }
        containers
    }

    fn config(&self, id: &str) -> Config {
        let files = self
            .roots
            .iter()
            .flat_map(|root| PLACES.map(|place| root.join(place.replace("{}", id))));
        files.filter_map(|file| read(&file)).next().unwrap_or_default()
    }
}

/// Docker's are known by its engine, a moment later at the most. A bare id says nothing unless it is in a pod.
fn is_ours(container: &ContainerRef) -> bool {
    match container.runtime {
        Runtime::Podman | Runtime::Containerd | Runtime::Crio => true,
        Runtime::Docker => false,
        Runtime::Unknown => container.pod_uid.is_some(),
    }
}

fn read(file: &Path) -> Option<Config> {
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).ok()?;
    std::io::Read::read_to_end(&mut std::io::Read::take(opened, MAX_FILE), &mut bytes).ok()?;
    parse(&bytes)
}

/// Reads a runtime's configuration, capped by the caller; `None` for what is none.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<Config> {
    serde_json::from_slice(bytes).ok()
}

impl Config {
    fn first(&self, keys: &[&str]) -> Option<&str> {
        keys.iter()
            .find_map(|key| self.annotations.get(*key))
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// What the container is called in its pod; `None` if nobody said so.
    #[must_use]
    pub fn container_name(&self) -> Option<&str> {
        self.first(&LABELS[3].1)
    }

    /// Name and tag of its image.
    #[must_use]
    pub fn image(&self) -> Option<(&str, &str)> {
        self.first(&IMAGES).map(image_name_and_tag)
    }

    /// Whether it only holds a pod's namespaces.
    #[must_use]
    pub fn is_sandbox(&self) -> bool {
        self.first(&KINDS) == Some("sandbox")
    }
}

#[async_trait]
impl Reporter for Runtimes {
    fn name(&self) -> &'static str {
        "runtimes"
    }

    async fn report(&mut self, tick: &Tick) -> Report {
        let mut report = Report::default();
        let engines = self.engines();
        let containers = Self::containers(&tick.processes, &engines);
        let cri = self.cri.state();
        let gone: Vec<SmolStr> = self.found.keys().filter(|id| !containers.contains_key(id)).cloned().collect();
        for id in gone {
            self.found.remove(&id);
            if !engines.contains(&id) {
                self.index.remove(&id);
            }
        }
        let without_processes = cri
            .containers
            .iter()
            .filter(|(id, _)| !containers.contains_key(id) && !engines.contains(*id));
        for (id, known) in without_processes {
            let mut node = Node::new(format_smolstr!("{id};<container>"), Kind::Container.name());
            node.set_latest("docker_container_id", tick.now, id.clone());
            known.add_to(&mut node, tick.now);
            report.topology_mut(Kind::Container).add(node);
            report.topology_mut(Kind::ContainerImage).add(known.image.node(tick.now));
        }
        if !containers.is_empty() || !report.topology(Kind::Container).nodes.is_empty() {
            declare_containers(&mut report);
        }
        for (id, (container, process)) in containers {
            let config = match self.found.get(id) {
                Some(_) => None,
                None => Some(self.config(id)),
            };
            let found = self.found.entry(id.clone()).or_default();
            if let Some(config) = config {
                found.config = config;
            }
            found.pid = process.pid;
            found
                .meter
                .read(&self.usage, &process.cgroup, &tick.processes, self.total_memory, tick.now);
            let mut node = Node::new(format_smolstr!("{id};<container>"), Kind::Container.name());
            // What the runtime says comes first: what is there stays.
            let known = cri.containers.get(id);
            if let Some(known) = known {
                known.add_to(&mut node, tick.now);
            } else if let Some(pod) = cri.sandboxes.get(id) {
                name_sandbox(&mut node, pod, tick);
            }
            describe(&mut node, container, process, found, tick);
            let image = match known {
                Some(known) => Some(known.image.node(tick.now)),
                None => name_image(&mut node, &found.config, tick),
            };
            let info = ContainerInfo {
                pid: process.pid,
                running: true,
                image: image
                    .as_ref()
                    .and_then(|image| image.latest("docker_image_name"))
                    .map(SmolStr::new)
                    .unwrap_or_default(),
            };
            self.index.set(id.clone(), info);
            report.topology_mut(Kind::Container).add(node);
            if let Some(image) = image {
                report.topology_mut(Kind::ContainerImage).add(image);
            }
        }
        report
    }
}

/// What cgroup, process and the runtime's file say of a container.
fn describe(node: &mut Node, container: &ContainerRef, process: &Process, found: &Found, tick: &Tick) {
    let (now, id, config) = (tick.now, &container.id, &found.config);
    node.set_latest("docker_container_id", now, id.clone());
    node.set_latest("docker_container_state", now, "running");
    node.set_latest("docker_container_state_human", now, "Up");
    let short = id.get(..12).unwrap_or(id);
    let name = match (config.is_sandbox(), config.container_name()) {
        (true, _) => "POD",
        (false, Some(name)) => name,
        (false, None) => Some(config.hostname.as_str()).filter(|name| !name.is_empty()).unwrap_or(short),
    };
    node.set_latest("docker_container_name", now, name);
    if !config.hostname.is_empty() {
        node.set_latest("docker_container_hostname", now, config.hostname.as_str());
    }
    node.set_latest("docker_container_command", now, process.name.clone());
    for (key, annotations) in LABELS {
        if let Some(value) = config.first(&annotations) {
            node.set_latest(key, now, value);
        }
    }
    if let Some(uid) = &container.pod_uid
        && node.latest(LABELS[0].0).is_none()
    {
        node.set_latest(LABELS[0].0, now, uid.clone());
    }
    if config.is_sandbox() {
        node.set_latest(SANDBOX.0, now, SANDBOX.1);
    }
    found.meter.add_to(node);
}

/// Says of which image the container is, where the runtime's file does, and makes the image's node.
fn name_image(node: &mut Node, config: &Config, tick: &Tick) -> Option<Node> {
    let now = tick.now;
    let (name, tag) = config.image()?;
    let mut image = Node::new(format_smolstr!("{name};<container_image>"), Kind::ContainerImage.name());
    image.set_latest("docker_image_id", now, name);
    image.set_latest("docker_image_name", now, name);
    image.set_latest("docker_image_tag", now, tag);
    node.set_latest("docker_image_name", now, name);
    node.set_latest("docker_image_tag", now, tag);
    node.add_parent(Kind::ContainerImage.name(), image.id.clone());
    Some(image)
}

/// The container that holds a pod's namespaces, where only the runtime says that it is one.
fn name_sandbox(node: &mut Node, pod: &PodMetadata, tick: &Tick) {
    node.set_latest("docker_container_name", tick.now, "POD");
    node.set_latest(SANDBOX.0, tick.now, SANDBOX.1);
    for ((key, _), value) in LABELS.iter().zip([&pod.uid, &pod.name, &pod.namespace]) {
        node.set_latest(key, tick.now, value.as_str());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup::Membership;

    const POD: &str = "0f1e2d3c-1111-2222-3333-444455556666";

    fn process(pid: u32, start: u64, cgroup: &str) -> Arc<Process> {
        Arc::new(Process {
            pid,
            start,
            name: "/app".into(),
            cgroup: Arc::new(Membership::parse(cgroup)),
            ..Process::default()
        })
    }

    fn id(digit: char) -> String {
        digit.to_string().repeat(64)
    }

    async fn report(runtimes: &mut Runtimes, processes: Vec<Arc<Process>>) -> Report {
        let tick = Tick {
            processes: Arc::new(Snapshot::new(processes, 1, 1)),
            ..Tick::at_system_time()
        };
        runtimes.report(&tick).await
    }

    #[tokio::test]
    async fn containers_of_every_runtime_have_names_pods_images_and_processes_without_its_socket() {
        let root = tempfile::tempdir().unwrap();
        let files = [
            (
                format!("run/containerd/io.containerd.runtime.v2.task/k8s.io/{}/config.json", id('a')),
                r#"{"hostname":"shop-0","annotations":{"io.kubernetes.cri.container-type":"container","io.kubernetes.cri.container-name":"web",
                    "io.kubernetes.cri.image-name":"docker.io/library/nginx:1.27","io.kubernetes.cri.sandbox-name":"shop-0",
                    "io.kubernetes.cri.sandbox-namespace":"default"}}"#,
            ),
            (
                format!("run/containers/storage/overlay-containers/{}/userdata/config.json", id('b')),
                r#"{"annotations":{"io.kubernetes.container.name":"db","io.kubernetes.cri-o.ContainerType":"container",
                    "io.kubernetes.cri-o.ImageName":"quay.io/shop/db:3","io.kubernetes.pod.uid":"1234"}}"#,
            ),
            (
                format!("var/lib/containers/storage/overlay-containers/{}/userdata/config.json", id('c')),
                r#"{"hostname":"c0ffee","annotations":{"io.container.manager":"libpod"}}"#,
            ),
        ];
        for (file, text) in &files {
            let file = root.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        let index = ContainerIndex::default();
        let missing = root.path().join("nothing-here");
        let mut runtimes = Runtimes::new(
            vec![missing.clone(), root.path().to_owned()],
            None,
            Cri::default(),
            index.clone(),
            &missing,
        );
        let pod = POD.replace('-', "_");
        let first = format!("0::/kubepods.slice/kubepods-pod{pod}.slice/cri-containerd-{}.scope\n", id('a'));
        let processes = vec![
            process(11, 200, &first),
            process(12, 100, &first),
            process(20, 1, &format!("0::/kubepods.slice/crio-{}.scope\n", id('b'))),
            process(30, 1, &format!("0::/machine.slice/libpod-{}.scope/container\n", id('c'))),
            process(40, 1, &format!("0::/system.slice/docker-{}.scope\n", id('d'))),
        ];
        let seen = report(&mut runtimes, processes).await;
        let nodes = &seen.topology(Kind::Container).nodes;
        assert_eq!(nodes.len(), 3, "Docker's is Docker's engine's");
        let latest = |digit: char, key: &str| nodes[format!("{};<container>", id(digit)).as_str()].latest(key).map(str::to_owned);
        let names = ['a', 'b', 'c'].map(|digit| latest(digit, "docker_container_name").unwrap());
        assert_eq!(names, ["web", "db", "c0ffee"]);
        assert_eq!(
            latest('a', "docker_label_io.kubernetes.pod.uid").as_deref(),
            Some(POD),
            "from the cgroup"
        );
        assert_eq!(
            latest('b', "docker_label_io.kubernetes.pod.uid").as_deref(),
            Some("1234"),
            "from CRI-O's file"
        );
        assert_eq!(latest('a', "docker_image_tag").as_deref(), Some("1.27"));
        assert_eq!(seen.topology(Kind::ContainerImage).nodes.len(), 2);
        assert_eq!(index.get(&id('a')).map(|info| info.pid), Some(12), "the one that began first");
        report(&mut runtimes, Vec::new()).await;
        assert_eq!(index.get(&id('a')), None);
    }

    #[test]
    fn what_is_no_configuration_is_none() {
        for bytes in [&b""[..], b"{", b"[1]", b"{\"annotations\":3}", &[0xff; 9]] {
            assert!(parse(bytes).is_none());
        }
    }
}
