//! The ECS agent on this machine: its introspection endpoint says which container belongs to which task, for containers without the labels.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::RwLock;
use scope_shared::report::SmolStr;
use serde::Deserialize;
use tracing::debug;

use super::Membership;
use super::api::{bounded_json, http_client};

/// For a request to a process on the same machine.
const TIMEOUT: Duration = Duration::from_secs(2);

/// What the agent said last. Without an agent this stays empty: the labels are enough wherever an agent of this decade runs.
#[derive(Debug)]
pub struct Agent {
    base: String,
    http: reqwest::Client,
    members: RwLock<BTreeMap<SmolStr, Membership>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    cluster: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tasks {
    tasks: Vec<TaskEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TaskEntry {
    arn: String,
    family: String,
    #[serde(default)]
    containers: Option<Vec<ContainerEntry>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContainerEntry {
    docker_id: String,
}

impl Agent {
    /// An agent at this address (`http://127.0.0.1:51678`), not asked yet; an empty address is no agent.
    #[must_use]
    pub fn new(base: &str) -> Self {
        Self {
            base: base.trim_end_matches('/').to_owned(),
            http: http_client(TIMEOUT),
            members: RwLock::default(),
        }
    }

    /// Asks again. If the agent does not answer, what it said before is forgotten: it may be another machine's image.
    pub async fn refresh(&self) {
        if self.base.is_empty() {
            return;
        }
        let members = match self.ask().await {
            Ok(members) => members,
            Err(error) => {
                debug!(%error, "no ECS agent answers; containers are tied to tasks by their labels alone");
                BTreeMap::new()
            }
        };
        *self.members.write() = members;
    }

    async fn ask(&self) -> Result<BTreeMap<SmolStr, Membership>, super::ApiError> {
        let metadata: Metadata = bounded_json(self.http.get(format!("{}/v1/metadata", self.base)).send().await?).await?;
        let tasks: Tasks = bounded_json(self.http.get(format!("{}/v1/tasks", self.base)).send().await?).await?;
        let mut members = BTreeMap::new();
        for task in tasks.tasks {
            for container in task.containers.unwrap_or_default() {
                let membership = Membership {
                    arn: task.arn.as_str().into(),
                    cluster: metadata.cluster.as_str().into(),
                    family: task.family.as_str().into(),
                };
                members.insert(container.docker_id.into(), membership);
            }
        }
        Ok(members)
    }

    pub(super) fn membership(&self, container_id: &str) -> Option<Membership> {
        self.members.read().get(container_id).cloned()
    }
}
