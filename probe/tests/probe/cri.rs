//! A real containerd with its Kubernetes interface, started by the test beside whatever else runs: own configuration, directories, socket.
//!
//! The pod is in the host's network, so that no network plugin is needed, and in the cgroup that Kubernetes would put it in.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use prost::Message;
use scope_probe::cri::{Client, Endpoint, look};
use scope_shared::report::{Kind, Node, Report};

use crate::engine::{docker, image};
use crate::server::FakeServer;
use crate::{Probe, SOON};

const UID: &str = "0f1e2d3c-1111-2222-3333-444455556666";
/// `NamespaceMode::NODE`.
const HOSTS: i32 = 2;

/// The parts of requests that this test fills in, with the protocol's numbers.
///
/// Names, metadata and images are the probe's own messages too (`src/cri/proto.rs`), and are written down again on purpose: what the test sends
/// as Kubernetes comes back from the runtime to the probe, so that two numbers exchanged in one definition would go unnoticed.
mod proto {
    use super::Message;

    #[derive(Clone, PartialEq, Message)]
    pub struct Metadata {
        #[prost(string, tag = "1")]
        pub name: String,
        #[prost(string, tag = "2")]
        pub uid: String,
        #[prost(string, tag = "3")]
        pub namespace: String,
    }
    #[derive(Clone, PartialEq, Message)]
    pub struct Namespaces {
        #[prost(int32, tag = "1")]
        pub network: i32,
    }
    #[derive(Clone, PartialEq, Message)]
    pub struct SandboxSecurity {
        #[prost(message, optional, tag = "1")]
        pub namespaces: Option<Namespaces>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub struct LinuxSandbox {
        #[prost(string, tag = "1")]
        pub cgroup_parent: String,
        #[prost(message, optional, tag = "2")]
        pub security: Option<SandboxSecurity>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub struct SandboxConfig {
        #[prost(message, optional, tag = "1")]
        pub metadata: Option<Metadata>,
        #[prost(string, tag = "3")]
        pub log_directory: String,
        #[prost(message, optional, tag = "8")]
        pub linux: Option<LinuxSandbox>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub struct RunSandbox {
        #[prost(message, optional, tag = "1")]
        pub config: Option<SandboxConfig>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub struct ContainerMetadata {
        #[prost(string, tag = "1")]
        pub name: String,
        #[prost(uint32, tag = "2")]
        pub attempt: u32,
    }
    #[derive(Clone, PartialEq, Message)]
    pub struct ImageSpec {
        #[prost(string, tag = "1")]
        pub image: String,
    }
    #[derive(Clone, PartialEq, Message)]
    pub struct LinuxSecurity {
        #[prost(message, optional, tag = "3")]
        pub namespaces: Option<Namespaces>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub struct LinuxContainer {
        #[prost(message, optional, tag = "2")]
        pub security: Option<LinuxSecurity>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub struct ContainerConfig {
        #[prost(message, optional, tag = "1")]
        pub metadata: Option<ContainerMetadata>,
        #[prost(message, optional, tag = "2")]
        pub image: Option<ImageSpec>,
        #[prost(string, repeated, tag = "3")]
        pub command: Vec<String>,
        #[prost(btree_map = "string, string", tag = "9")]
        pub labels: std::collections::BTreeMap<String, String>,
        #[prost(message, optional, tag = "15")]
        pub linux: Option<LinuxContainer>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub struct CreateContainer {
        #[prost(string, tag = "1")]
        pub sandbox: String,
        #[prost(message, optional, tag = "2")]
        pub config: Option<ContainerConfig>,
        #[prost(message, optional, tag = "3")]
        pub sandbox_config: Option<SandboxConfig>,
    }
    /// The request and the answer of everything that only names something.
    #[derive(Clone, PartialEq, Message)]
    pub struct Id {
        #[prost(string, tag = "1")]
        pub id: String,
    }
}

/// A containerd; what it runs ends with it, and it with the test.
struct Containerd {
    process: Child,
    directory: tempfile::TempDir,
}

impl Containerd {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path().display();
        let configuration = format!(
            r#"version = 2
root = "{at}/root"
state = "{at}/state"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
address = "{at}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "docker.io/library/{image}"
stream_server_port = "0"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{at}/cni"
conf_dir = "{at}/cni"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
"#,
            image = image()
        );
        let file = directory.path().join("config.toml");
        std::fs::write(&file, configuration).unwrap();
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        let mut command = Command::new("containerd");
        command.arg("--config").arg(file).stdout(Stdio::null()).stderr(log);
        let containerd = Self {
            process: command.spawn().expect("containerd; `cargo xtask test` installs it"),
            directory,
        };
        containerd.listens().await;
        let archive = containerd.directory.path().join("image.tar");
        docker(&["save", image(), "-o", archive.to_str().unwrap()]);
        let imported = containerd.ctr(&["images", "import", archive.to_str().unwrap()]);
        assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
        containerd
    }

    async fn listens(&self) {
        let ready = async {
            while look(&Endpoint::given(self.socket())).await.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        let log = || std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
        assert!(
            tokio::time::timeout(SOON, ready).await.is_ok(),
            "containerd does not answer: {}",
            log()
        );
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("containerd.sock")
    }

    /// Containerd's own command.
    fn ctr(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("ctr");
        command
            .arg("--address")
            .arg(self.socket())
            .args(["--namespace", "k8s.io"])
            .args(arguments);
        command.output().expect("ctr")
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        let tasks = self.ctr(&["tasks", "list", "--quiet"]).stdout;
        for task in String::from_utf8_lossy(&tasks).lines() {
            // Says how it ended as if that were its own failure.
            drop(self.ctr(&["tasks", "delete", "--force", task]));
        }
        drop(self.process.kill());
        drop(self.process.wait());
        // What it mounted for what ran; the last mounted first.
        let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
        let below = |mount: &&str| Path::new(mount).starts_with(self.directory.path());
        for mount in mounts.lines().rev().filter_map(|line| line.split(' ').nth(1)).filter(below) {
            drop(Command::new("umount").arg(mount).output());
        }
    }
}

/// What Kubernetes does: a sandbox, and containers in it.
struct Pod {
    client: Client,
    config: proto::SandboxConfig,
    sandbox: String,
}

impl Pod {
    async fn run(containerd: &Containerd) -> Self {
        let client = Client::connect(&containerd.socket()).await.unwrap();
        let namespaces = Some(proto::Namespaces { network: HOSTS });
        let config = proto::SandboxConfig {
            metadata: Some(proto::Metadata {
                name: "shop-0".to_owned(),
                uid: UID.to_owned(),
                namespace: "default".to_owned(),
            }),
            log_directory: containerd.directory.path().display().to_string(),
            linux: Some(proto::LinuxSandbox {
                cgroup_parent: format!("/kubepods/besteffort/pod{UID}"),
                security: Some(proto::SandboxSecurity { namespaces }),
            }),
        };
        let request = proto::RunSandbox {
            config: Some(config.clone()),
        };
        let sandbox: proto::Id = client.call("/runtime.v1.RuntimeService/RunPodSandbox", request).await.unwrap();
        Self {
            client,
            config,
            sandbox: sandbox.id,
        }
    }

    /// Starts a container with a shell command; its id.
    async fn start(&self, name: &str, attempt: u32, command: &str) -> String {
        let namespaces = Some(proto::Namespaces { network: HOSTS });
        let request = proto::CreateContainer {
            sandbox: self.sandbox.clone(),
            config: Some(proto::ContainerConfig {
                metadata: Some(proto::ContainerMetadata {
                    name: name.to_owned(),
                    attempt,
                }),
                image: Some(proto::ImageSpec {
                    image: format!("docker.io/library/{}", image()),
                }),
                command: ["/bin/sh", "-c", command].map(str::to_owned).to_vec(),
                labels: [("tier".to_owned(), name.to_owned())].into(),
                linux: Some(proto::LinuxContainer {
                    security: Some(proto::LinuxSecurity { namespaces }),
                }),
            }),
            sandbox_config: Some(self.config.clone()),
        };
        let created: proto::Id = self
            .client
            .call("/runtime.v1.RuntimeService/CreateContainer", request)
            .await
            .unwrap();
        let _started: proto::Id = self
            .client
            .call("/runtime.v1.RuntimeService/StartContainer", created.clone())
            .await
            .unwrap();
        created.id
    }

    async fn stop(&self, id: &str) {
        let request = proto::Id { id: id.to_owned() };
        let _stopped: proto::Id = self.client.call("/runtime.v1.RuntimeService/StopContainer", request).await.unwrap();
    }
}

fn container<'a>(report: &'a Report, id: &str) -> Option<&'a Node> {
    let nodes = &report.topology(Kind::Container).nodes;
    nodes.get(format!("{id};<container>").as_str()).map(AsRef::as_ref)
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_of_a_kubernetes_runtime_have_names_pods_labels_images_and_an_end() {
    let containerd = Containerd::start().await;
    let pod = Pod::run(&containerd).await;
    let running = pod.start("web", 0, "exec sleep 100000").await;
    let failed = pod.start("job", 2, "exit 3").await;
    let server = FakeServer::start(true).await;
    let socket = containerd.socket();
    let probe = Probe::start(&server, |args| {
        args.collect.processes = true;
        args.collect.cri_endpoint = Some(socket.clone());
    });
    let says = |report: &Report, id: &str, word: &str| {
        container(report, id)
            .is_some_and(|node| node.latest("docker_container_state") == Some(word) && node.latest("docker_label_tier").is_some())
    };
    let seen = server
        .state(|report| says(report, &running, "running") && says(report, &failed, "exited") && container(report, &pod.sandbox).is_some())
        .await;

    let (web, job) = (container(&seen, &running).unwrap(), container(&seen, &failed).unwrap());
    for (node, name, attempt) in [(web, "web", "0"), (job, "job", "2")] {
        for (key, value) in [
            ("docker_container_name", name),
            ("docker_container_restart_count", attempt),
            ("docker_label_tier", name),
            ("docker_label_io.kubernetes.pod.name", "shop-0"),
            ("docker_label_io.kubernetes.pod.namespace", "default"),
            ("docker_label_io.kubernetes.pod.uid", UID),
            ("docker_image_name", "library/scope-probe-test"),
            ("docker_image_tag", "latest"),
        ] {
            assert_eq!(node.latest(key), Some(value), "{key} of {name}");
        }
        let image = node
            .parents
            .get("container_image")
            .and_then(|ids| ids.iter().next().cloned())
            .unwrap();
        let image = &seen.topology(Kind::ContainerImage).nodes[image.as_str()];
        assert_eq!(image.latest("docker_image_name"), Some("library/scope-probe-test"));
        assert!(image.latest("docker_image_size").is_some());
        assert!(node.parents.get("host").is_some_and(|hosts| hosts.contains("testhost;<host>")));
    }
    assert!(
        web.latest("docker_container_state_human")
            .is_some_and(|text| text.starts_with("Up "))
    );
    assert!(
        job.latest("docker_container_state_human")
            .is_some_and(|text| text.starts_with("Exited (3) "))
    );
    assert!(
        web.metrics.get("docker_memory_usage").is_some(),
        "what it uses is read from its cgroup"
    );
    assert!(job.metrics.get("docker_memory_usage").is_none());
    let sandbox = container(&seen, &pod.sandbox).unwrap();
    assert_eq!(sandbox.latest("docker_label_io.kubernetes.docker.type"), Some("podsandbox"));
    assert_eq!(sandbox.latest("docker_container_name"), Some("POD"));
    let inside = |report: &Report| {
        report
            .topology(Kind::Process)
            .nodes
            .values()
            .any(|process| process.latest("docker_container_id") == Some(running.as_str()) && process.latest("name") == Some("sleep"))
    };
    server.state(inside).await;

    pod.stop(&running).await;
    server.state(|report| says(report, &running, "exited")).await;
    let said = look(&Endpoint::given(socket)).await.unwrap().unwrap();
    assert!(said.starts_with("containerd 1.") || said.starts_with("containerd 2."), "{said}");
    assert!(said.ends_with(", 2 containers"), "{said}");
    probe.end().await;
}
