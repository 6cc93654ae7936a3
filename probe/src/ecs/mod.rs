//! Amazon ECS: tasks and services, from the labels the ECS agent puts on containers (or the agent itself) and from the ECS API.
//!
//! Tagging waits for nothing: it notes which tasks it saw and uses what is known of them; a task of its own asks the API. The API is asked
//! about a task once, about its service when the answer has become old.

mod agent;
mod api;
mod credentials;
mod directory;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

pub use agent::Agent;
pub use api::{ApiError, EcsApi};
pub use credentials::Credentials;
pub use directory::{Directory, Service, Task};
use scope_shared::report::{Control, Kind, MetadataTemplate, Node, Report, SmolStr, Topology};
use scope_shared::time::Timestamp;
use smol_str::format_smolstr;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::config::{Allow, Policy};

/// One task more.
pub const SCALE_UP: &str = "ecs_scale_up";
/// One task fewer.
pub const SCALE_DOWN: &str = "ecs_scale_down";

/// How often the API is asked about tasks that were seen and are not known yet.
const LOOK_UP: Duration = Duration::from_secs(2);
/// Tasks in one report beyond which the rest go without a service; one instance runs far fewer (the ECS agent's own limit is 120).
const MAX_TASKS: usize = 4096;

/// What the ECS source needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The probe's id, which the services' controls lead back to.
    pub probe_id: String,
    /// AWS region; asked of the instance if absent.
    pub region: Option<String>,
    /// Address of the API instead of Amazon's.
    pub endpoint: Option<String>,
    /// Credentials instead of those that the environment or a role gives.
    pub credentials: Option<Credentials>,
    /// Address of the ECS agent on this machine.
    pub agent: String,
    /// How long what the API said is kept.
    pub expiry: Duration,
    /// What the probe may do.
    pub policy: Policy,
}

/// Ties containers to their tasks and services.
#[derive(Clone, Debug)]
pub struct Ecs {
    probe_id: SmolStr,
    policy: Policy,
    directory: Arc<Directory>,
    agent: Arc<Agent>,
    api: Arc<EcsApi>,
}

/// What a container's labels, or the agent, say of its task.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Membership {
    arn: SmolStr,
    cluster: SmolStr,
    family: SmolStr,
}

impl Ecs {
    /// Starts looking up, until `shutdown`.
    #[must_use]
    pub fn start(settings: &Settings, shutdown: CancellationToken) -> Self {
        let api = Arc::new(EcsApi::new(
            settings.region.clone(),
            settings.endpoint.clone(),
            settings.credentials.clone(),
        ));
        let directory = Arc::new(Directory::new(settings.expiry));
        let agent = Arc::new(Agent::new(&settings.agent));
        let ecs = Self {
            probe_id: SmolStr::new(&settings.probe_id),
            policy: settings.policy,
            directory: Arc::clone(&directory),
            agent: Arc::clone(&agent),
            api: Arc::clone(&api),
        };
        tokio::spawn(async move {
            let looking = async {
                let mut failures: u32 = 0;
                loop {
                    agent.refresh().await;
                    match directory.look_up(&api).await {
                        Ok(()) => failures = 0,
                        Err(error) => {
                            warn!(%error, "the ECS API did not answer; tasks are shown without their services until it does");
                            failures = failures.saturating_add(1);
                        }
                    }
                    tokio::time::sleep(LOOK_UP * 2u32.saturating_pow(failures.min(5))).await;
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = looking => {}
            }
        });
        ecs
    }

    /// Adds tasks and services, and ties the report's containers to them.
    pub fn tag(&self, report: &mut Report, now: Timestamp) {
        let mut seen: BTreeMap<SmolStr, Membership> = BTreeMap::new();
        let mut tied: Vec<(SmolStr, SmolStr)> = Vec::new();
        for (id, container) in &report.topology(Kind::Container).nodes {
            let Some(membership) = labels(container).or_else(|| self.agent.membership(container.latest("docker_container_id")?)) else {
                continue;
            };
            tied.push((id.clone(), membership.arn.clone()));
            seen.insert(membership.arn.clone(), membership);
        }
        self.directory
            .want(seen.values().take(MAX_TASKS).map(|task| (task.cluster.clone(), task.arn.clone())));
        self.add_templates(report);
        let mut services: BTreeSet<(SmolStr, SmolStr)> = BTreeSet::new();
        let mut service_of: BTreeMap<SmolStr, SmolStr> = BTreeMap::new();
        for (arn, membership) in &seen {
            let mut node = Node::new(format_smolstr!("{arn};<ecs_task>"), Kind::EcsTask.name());
            node.set_latest("ecs_task_family", now, membership.family.clone());
            node.set_latest("ecs_cluster", now, membership.cluster.clone());
            if let Some(task) = self.directory.task(arn) {
                if !task.created_at.is_empty() {
                    node.set_latest("ecs_created_at", now, task.created_at.clone());
                }
                if let Some(service) = task.service {
                    let service_id = format_smolstr!("{};{service}", membership.cluster);
                    node.add_parent(Kind::EcsService.name(), service_id.clone());
                    service_of.insert(arn.clone(), service_id);
                    services.insert((membership.cluster.clone(), service));
                }
            }
            report.topology_mut(Kind::EcsTask).add(node);
        }
        for (cluster, name) in services {
            let Some(service) = self.directory.service(&cluster, &name) else {
                continue;
            };
            report
                .topology_mut(Kind::EcsService)
                .add(self.service_node(&cluster, &name, &service, now));
        }
        for (container, arn) in tied {
            let Some(node) = report.topology_mut(Kind::Container).nodes.get_mut(&container) else {
                continue;
            };
            let node = Arc::make_mut(node);
            node.add_parent(Kind::EcsTask.name(), format_smolstr!("{arn};<ecs_task>"));
            if let Some(service) = service_of.get(&arn) {
                node.add_parent(Kind::EcsService.name(), service.clone());
            }
        }
    }

    fn service_node(&self, cluster: &str, name: &str, service: &Service, now: Timestamp) -> Node {
        let mut node = Node::new(format_smolstr!("{cluster};{name}"), Kind::EcsService.name());
        node.set_latest("ecs_cluster", now, cluster);
        node.set_latest("ecs_service_desired_count", now, format_smolstr!("{}", service.desired));
        node.set_latest("ecs_service_running_count", now, format_smolstr!("{}", service.running));
        if !service.created_at.is_empty() {
            node.set_latest("ecs_created_at", now, service.created_at.clone());
        }
        node.set_latest("control_probe_id", now, self.probe_id.clone());
        let controls = match (self.policy.allows(Allow::Lifecycle), service.desired > 1) {
            (false, _) => String::new(),
            (true, false) => SCALE_UP.to_owned(),
            (true, true) => format!("{SCALE_UP};{SCALE_DOWN}"),
        };
        node.set_latest("active_controls", now, controls);
        node
    }

    fn add_templates(&self, report: &mut Report) {
        let tasks = report.topology_mut(Kind::EcsTask);
        row(tasks, "ecs_cluster", "Cluster", 0.0, "");
        row(tasks, "ecs_created_at", "Created at", 1.0, "datetime");
        row(tasks, "ecs_task_family", "Family", 2.0, "");
        let services = report.topology_mut(Kind::EcsService);
        row(services, "ecs_cluster", "Cluster", 0.0, "");
        row(services, "ecs_created_at", "Created at", 1.0, "datetime");
        row(services, "ecs_service_desired_count", "Desired tasks", 2.0, "number");
        row(services, "ecs_service_running_count", "Running tasks", 3.0, "number");
        if self.policy.allows(Allow::Lifecycle) {
            for (id, human, icon, rank) in [
                (SCALE_DOWN, "Scale down", "fa fa-minus", 0),
                (SCALE_UP, "Scale up", "fa fa-plus", 1),
            ] {
                let control = Control {
                    id: id.into(),
                    human: human.into(),
                    icon: icon.into(),
                    rank,
                    ..Control::default()
                };
                services.controls.insert(control.id.clone(), control);
            }
        }
    }

    /// Changes how many tasks a service should run, by one.
    ///
    /// # Errors
    /// A sentence for the person who asked.
    pub async fn handle(&self, control: &str, node_id: &str) -> Result<(), String> {
        let by = match control {
            SCALE_UP => 1,
            SCALE_DOWN => -1,
            other => return Err(format!("Control {other:?} not recognised")),
        };
        if !self.policy.allows(Allow::Lifecycle) {
            return Err(format!(
                "This probe does not allow {control}: start it with --allow lifecycle to change that"
            ));
        }
        let (cluster, name) = node_id.split_once(';').ok_or_else(|| format!("Invalid ID: {node_id}"))?;
        // Asked anew: acting on an old count would undo what somebody else did since.
        let service = self
            .api
            .describe_services(cluster, &[name.into()])
            .await
            .map_err(|error| error.to_string())?;
        let (_, service, _) = service.into_iter().next().ok_or_else(|| format!("Service not found: {name}"))?;
        let desired = service.desired + by;
        if desired < 1 {
            return Err(format!("{name} is not scaled below one task"));
        }
        let updated = self
            .api
            .update_service(cluster, name, desired)
            .await
            .map_err(|error| error.to_string())?;
        self.directory.set_service(cluster, name, updated);
        Ok(())
    }
}

impl crate::reporter::Tagger for Ecs {
    fn name(&self) -> &'static str {
        "ecs"
    }

    fn tag(&self, report: &mut Report, now: Timestamp) {
        Self::tag(self, report, now);
    }
}

fn labels(container: &Node) -> Option<Membership> {
    let label = |key: &str| container.latest(&format!("docker_label_com.amazonaws.ecs.{key}")).map(SmolStr::new);
    Some(Membership {
        arn: label("task-arn")?,
        cluster: label("cluster")?,
        family: label("task-definition-family")?,
    })
}

fn row(topology: &mut Topology, id: &'static str, label: &'static str, priority: f64, data_type: &'static str) {
    let template = MetadataTemplate {
        id: SmolStr::new_static(id),
        label: SmolStr::new_static(label),
        data_type: SmolStr::new_static(data_type),
        priority,
        from: SmolStr::new_static("latest"),
        ..MetadataTemplate::default()
    };
    topology.metadata_templates.insert(template.id.clone(), template);
}
