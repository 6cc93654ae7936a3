//! Puts a probe together from its flags: which sources, which taggers, which controls, and in what order.

use std::sync::Arc;

use anyhow::Context as _;
use parking_lot::Mutex;
use rand::Rng as _;
use scope_shared::control::Response;
use scope_shared::report::SmolStr;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cgroup::UsageReader;
use crate::config::{Allow, Args, CollectArgs, Role};
use crate::controls::{ControlError, Registry, SLOW};
use crate::cri::Cri;
use crate::docker::{self, Censor, Docker, Engine};
use crate::ecs::{self, Ecs};
use crate::endpoint::{EndpointTracker, Options, Tier};
use crate::guard::Guard;
use crate::host::Host;
use crate::local_networks::LocalNetworks;
use crate::meter::Meter;
use crate::pipes::Pipes;
use crate::plugins::Plugins;
use crate::proc::{Snapshot, Walker};
use crate::process::Processes;
use crate::publish::{self, Publisher, Shared};
use crate::reporter::{Reporter, Tagger};
use crate::runtimes::Runtimes;
use crate::shell;
use crate::spy::{Machine, Shortcuts, Spy};
use crate::taggers::{ContainerIndex, ContainerTagger, HostTagger, SwarmTagger, TopologyTagger};
use crate::weave::Weave;

/// How long what is open may take to be cleaned up when the probe ends.
const CLEAN_UP: std::time::Duration = std::time::Duration::from_secs(8);

/// What all sources are built from.
struct Parts {
    host_id: SmolStr,
    probe_id: SmolStr,
    controls: Arc<Registry>,
    pipes: Pipes,
    shortcuts: Shortcuts,
    stop: CancellationToken,
    tasks: TaskTracker,
    reporters: Vec<Box<dyn Reporter>>,
    taggers: Vec<Box<dyn Tagger>>,
    processes: Arc<Mutex<Arc<Snapshot>>>,
    containers: ContainerIndex,
}

/// Runs the probe until `shutdown` is cancelled.
///
/// # Errors
/// When the flags cannot work. Sources that fail are logged, left out and tried again; they never end the probe.
pub async fn run(args: Args, shutdown: CancellationToken) -> anyhow::Result<()> {
    let Args {
        targets,
        connect,
        collect,
        control,
    } = args;
    crate::process_setup::allow_many_files();
    let stop = shutdown.child_token();
    // Everything below stops with this guard, also when an error ends the start.
    let guard = stop.clone().drop_guard();
    let (shortcuts, shortcut_reports) = Shortcuts::channel();
    let mut parts = Parts {
        host_id: collect.host_id().into(),
        probe_id: format!("{:x}", rand::rng().random_range(0..=i64::MAX)).into(),
        controls: Arc::new(Registry::new(control.policy())),
        pipes: Pipes::new(stop.clone(), Guard::new(control.guard.clone())),
        shortcuts,
        stop: stop.clone(),
        tasks: TaskTracker::new(),
        reporters: Vec::new(),
        taggers: vec![Box::new(TopologyTagger)],
        processes: Arc::default(),
        containers: ContainerIndex::default(),
    };
    tracing::info!(host = %parts.host_id, "probe starting, version {}, ID {}", crate::VERSION, parts.probe_id);
    if !connect.publish_stdout && targets.iter().all(|target| target.is_empty()) {
        anyhow::bail!("no server to report to; name one, for example: scope probe 127.0.0.1:4040");
    }
    if let Some(address) = collect.probe_metrics_address {
        serve_metrics(address)?;
    }
    let shared = Arc::new(Shared::new(Arc::clone(&parts.controls)));
    let identity = publish::Identity {
        probe_id: &parts.probe_id,
        hostname: &parts.host_id,
    };
    let targets: Vec<String> = targets.into_iter().filter(|target| !target.is_empty()).collect();
    publish::start(&targets, &connect, &identity, &shared, &stop)?;
    let meter = Meter::new(connect.spy_interval.max(std::time::Duration::from_millis(100)), collect.max_cpu);
    let machine = add_sources(&mut parts, &collect, &meter).await?;
    let Parts {
        pipes,
        tasks,
        reporters,
        taggers,
        processes,
        ..
    } = parts;
    let spy = Spy {
        machine,
        reporters,
        taggers,
        processes,
        meter,
        publisher: Publisher::new(Arc::clone(&shared), connect.full_report_every, connect.publish_stdout),
        shared,
        publish_interval: connect.publish_interval,
    };
    spy.run(shortcut_reports, stop).await;
    drop(guard);
    tasks.close();
    let clean_up = async {
        pipes.finished().await;
        tasks.wait().await;
    };
    if tokio::time::timeout(CLEAN_UP, clean_up).await.is_err() {
        tracing::warn!("not everything was cleaned up in time; ending anyway");
    }
    Ok(())
}

async fn add_sources(parts: &mut Parts, collect: &CollectArgs, meter: &Meter) -> anyhow::Result<Machine> {
    let role = collect.kubernetes.role();
    let local_networks = LocalNetworks::default();
    let mut machine = Machine::default();
    if role != Role::Cluster {
        machine = add_machine(parts, collect, meter, &local_networks);
        let engine = collect.docker.then(|| add_docker(parts, collect, &local_networks));
        if collect.runtimes {
            add_runtimes(parts, collect, engine);
        }
        if collect.ecs {
            add_ecs(parts, collect);
        }
        if collect.weave {
            let weave = Weave::start(&collect.weave_address, &parts.host_id, parts.stop.clone());
            parts.taggers.push(Box::new(weave.clone()));
            parts.reporters.push(Box::new(weave));
        }
    }
    if collect.kubernetes.is_on() {
        add_kubernetes(parts, collect, role).await;
    }
    if !collect.plugins_root.as_os_str().is_empty() {
        let (registry, shortcuts) = (Arc::clone(&parts.controls), parts.shortcuts.clone());
        let plugins = Plugins::start(
            collect.plugins_root.clone(),
            parts.probe_id.clone(),
            registry,
            shortcuts,
            parts.stop.clone(),
        );
        parts.reporters.push(Box::new(plugins));
    }
    Ok(machine)
}

/// The cluster's objects, unless another probe of the cluster reports them, and the tie from containers to pods.
#[cfg(feature = "kubernetes")]
async fn add_kubernetes(parts: &mut Parts, collect: &CollectArgs, role: Role) {
    if role != Role::Host {
        let Parts {
            probe_id,
            controls,
            pipes,
            shortcuts,
            stop,
            ..
        } = &*parts;
        match crate::cluster::start(&collect.kubernetes, probe_id, controls, pipes, shortcuts, stop).await {
            Ok(reporter) => parts.reporters.push(Box::new(reporter)),
            Err(error) => tracing::error!(error = format!("{error:#}"), "no Kubernetes API server; its objects are left out"),
        }
    }
    parts.taggers.push(Box::new(crate::kubernetes::PodTagger));
}

#[cfg(not(feature = "kubernetes"))]
async fn add_kubernetes(_: &mut Parts, _: &CollectArgs, _: Role) {
    tracing::error!("this probe was built without Kubernetes; build it with the feature `kubernetes`");
}

/// This machine: host, processes, connections, and their taggers.
fn add_machine(parts: &mut Parts, collect: &CollectArgs, meter: &Meter, local_networks: &LocalNetworks) -> Machine {
    parts.taggers.push(Box::new(HostTagger::new(&parts.host_id)));
    shell::register(&parts.controls, &parts.pipes);
    let host = Host::new(
        parts.host_id.clone(),
        parts.probe_id.clone(),
        Arc::clone(&parts.controls),
        meter.clone(),
    );
    parts.reporters.push(Box::new(host));
    let mut machine = Machine::default();
    match Walker::new(&collect.proc_root) {
        Ok(walker) => {
            let mut walker = walker.with_groups(UsageReader::new(&collect.cgroup_root));
            // What a process uses is known from the second walk on: this one is soon enough before the first report.
            if let Ok(first) = walker.walk() {
                *parts.processes.lock() = first;
            }
            machine.walker = Some(walker);
            if collect.processes {
                parts.reporters.push(Box::new(Processes::new(
                    parts.host_id.clone(),
                    collect.omit_cmd_args,
                    parts.containers.clone(),
                )));
            }
        }
        Err(error) => tracing::warn!(%error, root = %collect.proc_root.display(), "processes cannot be read and are left out"),
    }
    let processes = Arc::clone(&parts.processes.lock());
    let options = Options {
        host_id: parts.host_id.clone(),
        tier: Tier::from_flag(&collect.tier),
        ebpf: collect.ebpf,
        conntrack: collect.conntrack,
        conntrack_buffer: collect.conntrack_buffer_size,
        processes: collect.processes && collect.proc_spy,
        dns: collect.dns,
        proc_root: collect.proc_root.clone(),
        local_networks: local_networks.clone(),
    };
    machine.tracker = Some(EndpointTracker::start(options, processes));
    machine
}

/// Containers that no engine tells of. A probe in a container sees the host's files through the host's first process.
fn add_runtimes(parts: &mut Parts, collect: &CollectArgs, engine: Option<Engine>) {
    let cri = Cri::default();
    if collect.cri {
        parts.tasks.spawn(cri.clone().run(collect.cri_endpoint(), parts.stop.clone()));
    }
    let roots = collect.host_roots().to_vec();
    let runtimes = Runtimes::new(roots, engine, cri, parts.containers.clone(), &collect.cgroup_root);
    parts.reporters.push(Box::new(runtimes));
}

fn add_docker(parts: &mut Parts, collect: &CollectArgs, local_networks: &LocalNetworks) -> Engine {
    let index = parts.containers.clone();
    let censor = Censor {
        arguments: collect.omit_cmd_args,
        environment: collect.omit_env_vars,
    };
    // Pods of a cluster talk across hosts through these bridges; their addresses are the cluster's, not the host's.
    let scoped = (!collect.kubernetes.is_on()).then(|| local_networks.clone());
    let announcer = docker::Announcer {
        probe_id: parts.probe_id.clone(),
        controls: Arc::clone(&parts.controls),
        shortcuts: parts.shortcuts.clone(),
    };
    let engine = Engine::new(index.clone(), scoped, censor, announcer);
    parts.tasks.spawn(
        engine
            .clone()
            .run(collect.docker_host.clone(), collect.docker_interval, parts.stop.clone()),
    );
    docker::controls::register(&parts.controls, &engine, &parts.pipes);
    parts.reporters.push(Box::new(Docker::new(
        parts.host_id.clone(),
        engine.clone(),
        local_networks.clone(),
        &collect.cgroup_root,
    )));
    parts
        .taggers
        .push(Box::new(ContainerTagger::new(index, Arc::clone(&parts.processes))));
    parts.taggers.push(Box::new(SwarmTagger));
    engine
}

/// Amazon ECS: tasks and services of this machine's containers, and their scaling.
fn add_ecs(parts: &mut Parts, collect: &CollectArgs) {
    let settings = ecs::Settings {
        probe_id: parts.probe_id.to_string(),
        region: collect.ecs_region.clone(),
        endpoint: collect.ecs_endpoint.clone(),
        credentials: None,
        agent: collect.ecs_agent.clone(),
        expiry: collect.ecs_cache_expiry,
        policy: parts.controls.policy(),
    };
    let source = Ecs::start(&settings, parts.stop.clone());
    for control in [ecs::SCALE_UP, ecs::SCALE_DOWN] {
        let source = source.clone();
        parts.controls.register_dynamic(control, Allow::Lifecycle, SLOW, move |call| {
            let source = source.clone();
            async move {
                let asked = source.handle(&call.request.control, &call.request.node_id).await;
                asked.map(|()| Response::default()).map_err(ControlError)
            }
        });
    }
    parts.taggers.push(Box::new(source));
}

/// Serves the probe's own metrics.
fn serve_metrics(address: std::net::SocketAddr) -> anyhow::Result<()> {
    metrics_exporter_prometheus::PrometheusBuilder::new()
        .with_http_listener(address)
        .install()
        .with_context(|| format!("metrics cannot be served at {address}; choose another --probe-metrics-address"))
}
