//! What is known of tasks and services, and finding the service of a task.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use scope_shared::report::SmolStr;

use super::api::{ApiError, EcsApi};

/// Tasks the API describes in one call, and services.
const TASKS_PER_CALL: usize = 100;
const SERVICES_PER_CALL: usize = 10;
/// How old the counts of a service may get. Tasks do not change, services do.
const SERVICE_AGE: Duration = Duration::from_secs(60);
/// Pages of the list of services that are read in search of one: 5,000 is the API's own limit of services a cluster.
const MAX_PAGES: usize = 50;
/// Tasks and services remembered; the oldest go first.
const MAX_ENTRIES: usize = 16_384;

/// A task, as far as it matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Task {
    /// RFC 3339, or empty.
    pub created_at: SmolStr,
    /// Who started it: the id of a service's deployment, if a service did.
    pub started_by: SmolStr,
    /// The service it belongs to, once known.
    pub service: Option<SmolStr>,
}

/// A service, as far as it matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// How many tasks it should run.
    pub desired: i64,
    /// How many it runs.
    pub running: i64,
    /// RFC 3339, or empty.
    pub created_at: SmolStr,
}

/// Cluster and name.
type ServiceKey = (SmolStr, SmolStr);

/// What the API said, and what it is to be asked.
#[derive(Debug)]
pub struct Directory {
    expiry: Duration,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Cluster and ARN of tasks in the newest report.
    wanted: BTreeSet<(SmolStr, SmolStr)>,
    tasks: BTreeMap<SmolStr, (Instant, Task)>,
    services: BTreeMap<ServiceKey, (Instant, Service)>,
    /// Cluster and deployment to service.
    deployments: BTreeMap<(SmolStr, SmolStr), SmolStr>,
}

impl Directory {
    /// Knows nothing; forgets tasks after `expiry`.
    #[must_use]
    pub fn new(expiry: Duration) -> Self {
        Self {
            expiry,
            known: Mutex::default(),
        }
    }

    /// Which tasks (cluster, ARN) are to be known from now on.
    pub fn want(&self, tasks: impl Iterator<Item = (SmolStr, SmolStr)>) {
        self.known.lock().wanted = tasks.collect();
    }

    /// What is known of a task.
    #[must_use]
    pub fn task(&self, arn: &str) -> Option<Task> {
        self.known.lock().tasks.get(arn).map(|(_, task)| task.clone())
    }

    /// What is known of a service.
    #[must_use]
    pub fn service(&self, cluster: &str, name: &str) -> Option<Service> {
        self.known
            .lock()
            .services
            .get(&(cluster.into(), name.into()))
            .map(|(_, service)| service.clone())
    }

    /// Notes what a service is now.
    pub fn set_service(&self, cluster: &str, name: &str, service: Service) {
        self.known
            .lock()
            .services
            .insert((cluster.into(), name.into()), (Instant::now(), service));
    }

    /// Asks about wanted tasks that are not known, and about their services where the answer is old.
    ///
    /// # Errors
    /// The first failure; what was learnt before it stays, and the next look-up goes on from there.
    pub async fn look_up(&self, api: &EcsApi) -> Result<(), ApiError> {
        let clusters: BTreeSet<SmolStr> = {
            let mut known = self.known.lock();
            known.forget(self.expiry);
            known.wanted.iter().map(|(cluster, _)| cluster.clone()).collect()
        };
        for cluster in clusters {
            self.look_up_tasks(api, &cluster).await?;
            self.refresh_services(api, &cluster).await?;
            self.match_by_deployment(api, &cluster).await?;
        }
        Ok(())
    }

    async fn look_up_tasks(&self, api: &EcsApi, cluster: &SmolStr) -> Result<(), ApiError> {
        let missing: Vec<SmolStr> = {
            let known = self.known.lock();
            let of_cluster = known
                .wanted
                .iter()
                .filter(|(of, arn)| of == cluster && !known.tasks.contains_key(arn));
            of_cluster.map(|(_, arn)| arn.clone()).collect()
        };
        for arns in missing.chunks(TASKS_PER_CALL) {
            let described = api.describe_tasks(cluster, arns).await?;
            let now = Instant::now();
            let mut known = self.known.lock();
            // A task the API does not know is noted as known, or it would be asked for every two seconds.
            known.tasks.extend(arns.iter().map(|arn| (arn.clone(), (now, Task::default()))));
            known.tasks.extend(described.into_iter().map(|(arn, task)| (arn, (now, task))));
        }
        Ok(())
    }

    /// Describes the services that wanted tasks belong to and that are unknown or old.
    async fn refresh_services(&self, api: &EcsApi, cluster: &SmolStr) -> Result<(), ApiError> {
        let old: Vec<SmolStr> = {
            let known = self.known.lock();
            let names: BTreeSet<SmolStr> = known.wanted_tasks(cluster).filter_map(|task| task.service.clone()).collect();
            let fresh = |name: &SmolStr| {
                known
                    .services
                    .get(&(cluster.clone(), name.clone()))
                    .is_some_and(|(since, _)| since.elapsed() < SERVICE_AGE)
            };
            names.into_iter().filter(|name| !fresh(name)).collect()
        };
        for names in old.chunks(SERVICES_PER_CALL) {
            self.learn(cluster, api.describe_services(cluster, names).await?);
        }
        Ok(())
    }

    /// For tasks that do not say their service but which deployment started them: matches, listing the cluster's services if need be.
    async fn match_by_deployment(&self, api: &EcsApi, cluster: &SmolStr) -> Result<(), ApiError> {
        if !self.known.lock().match_tasks(cluster) {
            return Ok(());
        }
        let mut from: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let (arns, next) = api.list_services(cluster, from.as_deref()).await?;
            for names in arns.chunks(SERVICES_PER_CALL) {
                self.learn(cluster, api.describe_services(cluster, names).await?);
                if !self.known.lock().match_tasks(cluster) {
                    return Ok(());
                }
            }
            from = next;
            if from.is_none() {
                break;
            }
        }
        // Started by something that is gone: not looked for again until the task expires.
        self.known.lock().give_up(cluster);
        Ok(())
    }

    fn learn(&self, cluster: &SmolStr, described: Vec<(SmolStr, Service, Vec<SmolStr>)>) {
        let now = Instant::now();
        let mut known = self.known.lock();
        for (name, service, deployments) in described {
            for deployment in deployments {
                known.deployments.insert((cluster.clone(), deployment), name.clone());
            }
            known.services.insert((cluster.clone(), name), (now, service));
        }
    }
}

impl Known {
    fn wanted_tasks<'a>(&'a self, cluster: &'a SmolStr) -> impl Iterator<Item = &'a Task> {
        self.wanted
            .iter()
            .filter(move |(of, _)| of == cluster)
            .filter_map(|(_, arn)| self.tasks.get(arn).map(|(_, task)| task))
    }

    /// Gives tasks the service whose deployment started them; true if some are left without.
    fn match_tasks(&mut self, cluster: &SmolStr) -> bool {
        let mut unmatched = false;
        for (of, arn) in &self.wanted {
            let Some((_, task)) = self.tasks.get_mut(arn).filter(|_| of == cluster) else {
                continue;
            };
            if task.service.is_none() && task.started_by.starts_with("ecs-svc") {
                task.service = self.deployments.get(&(cluster.clone(), task.started_by.clone())).cloned();
                unmatched |= task.service.is_none();
            }
        }
        unmatched
    }

    fn give_up(&mut self, cluster: &SmolStr) {
        for (of, arn) in &self.wanted {
            if let Some((_, task)) = self.tasks.get_mut(arn).filter(|(_, task)| of == cluster && task.service.is_none()) {
                task.started_by = SmolStr::default();
            }
        }
    }

    fn forget(&mut self, expiry: Duration) {
        self.tasks.retain(|_, (since, _)| since.elapsed() < expiry);
        self.services.retain(|_, (since, _)| since.elapsed() < expiry);
        let services = &self.services;
        self.deployments
            .retain(|(cluster, _), name| services.contains_key(&(cluster.clone(), name.clone())));
        while self.tasks.len() > MAX_ENTRIES {
            self.tasks.pop_first();
        }
        while self.services.len() > MAX_ENTRIES {
            self.services.pop_first();
        }
    }
}
