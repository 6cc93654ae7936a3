//! Reading `/proc/<pid>/cgroup`: the paths that matter for accounting, and the containers that the path names.

use scope_shared::report::SmolStr;

/// Who made the container, as far as the path tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Runtime {
    /// Docker Engine.
    Docker,
    /// Podman.
    Podman,
    /// containerd under the kubelet.
    Containerd,
    /// CRI-O.
    Crio,
    /// The path does not say (the cgroupfs driver under the kubelet, ECS).
    Unknown,
}

/// A container as a cgroup path names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ContainerRef {
    /// 64 hexadecimal digits (on Fargate: 32, a dash and a number).
    pub id: SmolStr,
    /// Who made it.
    pub runtime: Runtime,
    /// Uid of the Kubernetes pod, where the path has one; with dashes.
    pub pod_uid: Option<SmolStr>,
}

/// Where a process sits in the cgroup trees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    /// Path in the v2 tree, `/` at least where there is one; empty where there is none.
    pub unified: SmolStr,
    /// Path in the v1 memory tree; empty where there is none.
    pub memory: SmolStr,
    /// Path in the v1 cpuacct tree; empty where there is none.
    pub cpuacct: SmolStr,
    /// Containers on the path, outermost first: with Docker in Docker the engine of this host knows the first, the nested one the last.
    pub containers: Vec<ContainerRef>,
}

impl Membership {
    /// Parses the text of `/proc/<pid>/cgroup`. Lines that make no sense are skipped.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut membership = Self::default();
        let mut best: Vec<ContainerRef> = Vec::new();
        for line in text.lines() {
            let mut parts = line.splitn(3, ':');
            let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
                continue;
            };
            if controllers.is_empty() {
                membership.unified = path.into();
            }
            for controller in controllers.split(',') {
                match controller {
                    "memory" => membership.memory = path.into(),
                    "cpuacct" => membership.cpuacct = path.into(),
                    _ => {}
                }
            }
            let found = containers_of(path);
            if found.len() > best.len() {
                best = found;
            }
        }
        membership.containers = best;
        membership
    }

    /// Id of the outermost container: the one that this host's engine knows.
    #[must_use]
    pub fn container(&self) -> Option<&ContainerRef> {
        self.containers.first()
    }
}

/// The containers that a cgroup path names, outermost first.
fn containers_of(path: &str) -> Vec<ContainerRef> {
    let mut found: Vec<ContainerRef> = Vec::new();
    let mut pod_uid = None;
    let mut parent = "";
    for segment in path.split('/') {
        if let Some(uid) = pod_uid_of(segment) {
            pod_uid = Some(uid);
        }
        if let Some((id, runtime)) = container_of(segment, parent)
            && found.last().is_none_or(|last| last.id != id)
        {
            found.push(ContainerRef {
                id: id.into(),
                runtime,
                pod_uid: pod_uid.clone(),
            });
        }
        parent = segment;
    }
    found
}

/// One path segment: `<id>`, `docker-<id>.scope`, `cri-containerd-<id>.scope`, `…slice:cri-containerd:<id>`, `libpod-<id>`…
fn container_of<'a>(segment: &'a str, parent: &str) -> Option<(&'a str, Runtime)> {
    let name = segment.strip_suffix(".scope").unwrap_or(segment);
    // containerd with the systemd driver but a cgroupfs runtime writes `slice:prefix:id` as one directory.
    let (prefix, id) = match name.rsplit_once(':') {
        Some((before, id)) => (before.rsplit_once(':').map_or(before, |(_, prefix)| prefix), id),
        None => match name.rsplit_once('-') {
            // Fargate: `<32 hex>-<number>` directly below the task.
            Some((task, number)) if is_hex(task, 32) && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
                return Some((name, Runtime::Unknown));
            }
            Some((prefix, id)) => (prefix, id),
            None => ("", name),
        },
    };
    if !is_hex(id, 64) {
        return None;
    }
    let runtime = match prefix {
        "docker" => Runtime::Docker,
        "libpod" => Runtime::Podman,
        "cri-containerd" | "nerdctl" => Runtime::Containerd,
        "crio" => Runtime::Crio,
        // The monitors of Podman and CRI-O live beside the container, not in it.
        prefix if prefix.ends_with("conmon") => return None,
        "" => match parent {
            "docker" => Runtime::Docker,
            "libpod_parent" => Runtime::Podman,
            "default" | "k8s.io" | "moby" => Runtime::Containerd,
            _ => Runtime::Unknown,
        },
        _ => Runtime::Unknown,
    };
    Some((id, runtime))
}

/// `pod<uid>` and `kubepods-burstable-pod<uid with underscores>.slice`.
fn pod_uid_of(segment: &str) -> Option<SmolStr> {
    let name = segment.split(':').next().unwrap_or(segment);
    let name = name.strip_suffix(".slice").unwrap_or(name);
    let (before, uid) = name.rsplit_once("pod")?;
    let shaped = before.is_empty() || (before.starts_with("kubepods") && before.ends_with('-'));
    let plausible = (32..=36).contains(&uid.len()) && uid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'_' || byte == b'-');
    (shaped && plausible).then(|| uid.replace('_', "-").into())
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
