//! What the API server lets this probe do: asked with a SelfSubjectAccessReview before a control is offered, and again from time to time.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::controls::{
    CLONE_SNAPSHOT, CORDON, CREATE_SNAPSHOT, DELETE_POD, DELETE_SNAPSHOT, DESCRIBE, EXEC, GET_LOGS, RESTART, SCALE_DOWN, SCALE_UP, UNCORDON,
};
use super::snapshots;
use super::store::Cluster;
use crate::reporter::system_time;

/// How long an answer is believed. Roles change rarely; the API server checks every call anyway.
const RECHECK: Duration = Duration::from_secs(600);
/// How soon to ask again when the question itself failed.
const RETRY: Duration = Duration::from_secs(30);

/// One call to the API server that a control makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The control that makes it; empty for the watches.
    pub control: &'static str,
    /// Verb.
    pub verb: &'static str,
    /// API group; empty for the core.
    pub group: &'static str,
    /// Resource, plural.
    pub resource: &'static str,
    /// Sub-resource or empty.
    pub subresource: &'static str,
}

const fn call(control: &'static str, verb: &'static str, group: &'static str, resource: &'static str, subresource: &'static str) -> Call {
    Call {
        control,
        verb,
        group,
        resource,
        subresource,
    }
}

/// Every call that a control makes. The manifests' operator role grants exactly these (a test compares them).
pub const CALLS: &[Call] = &[
    call(GET_LOGS, "get", "", "pods", "log"),
    call(GET_LOGS, "get", "", "pods", ""),
    call(DESCRIBE, "get", "", "pods", ""),
    call(DESCRIBE, "list", "", "events", ""),
    // The API server asks for both, depending on its version and the client's protocol.
    call(EXEC, "get", "", "pods", "exec"),
    call(EXEC, "create", "", "pods", "exec"),
    call(DELETE_POD, "delete", "", "pods", ""),
    call(SCALE_UP, "get", "apps", "deployments", "scale"),
    call(SCALE_UP, "patch", "apps", "deployments", "scale"),
    call(SCALE_DOWN, "get", "apps", "deployments", "scale"),
    call(SCALE_DOWN, "patch", "apps", "deployments", "scale"),
    call(RESTART, "patch", "apps", "deployments", ""),
    call(RESTART, "patch", "apps", "daemonsets", ""),
    call(RESTART, "patch", "apps", "statefulsets", ""),
    call(CORDON, "patch", "", "nodes", ""),
    call(UNCORDON, "patch", "", "nodes", ""),
    call(CREATE_SNAPSHOT, "create", snapshots::GROUP, "volumesnapshots", ""),
    call(CREATE_SNAPSHOT, "get", "", "persistentvolumeclaims", ""),
    call(CLONE_SNAPSHOT, "create", "", "persistentvolumeclaims", ""),
    call(CLONE_SNAPSHOT, "get", snapshots::GROUP, "volumesnapshots", ""),
    call(CLONE_SNAPSHOT, "get", "", "persistentvolumeclaims", ""),
    call(DELETE_SNAPSHOT, "delete", snapshots::GROUP, "volumesnapshots", ""),
    call(DESCRIBE, "get", "", "services", ""),
    call(DESCRIBE, "get", "apps", "deployments", ""),
    call(DESCRIBE, "get", "apps", "daemonsets", ""),
    call(DESCRIBE, "get", "apps", "statefulsets", ""),
    call(DESCRIBE, "get", "batch", "jobs", ""),
    call(DESCRIBE, "get", "batch", "cronjobs", ""),
    call(DESCRIBE, "get", "", "persistentvolumes", ""),
    call(DESCRIBE, "get", "", "persistentvolumeclaims", ""),
    call(DESCRIBE, "get", "storage.k8s.io", "storageclasses", ""),
    call(DESCRIBE, "get", snapshots::GROUP, "volumesnapshots", ""),
    call(DESCRIBE, "get", snapshots::GROUP, "volumesnapshotcontents", ""),
];

/// Keeps asking what is allowed.
#[derive(Clone, Copy, Debug)]
pub struct Access;

impl Access {
    /// Starts asking; the answers go to the store, which offers only what was granted.
    #[must_use]
    pub fn start(client: Client, cluster: Arc<Cluster>, shutdown: CancellationToken) -> Self {
        tokio::spawn(async move {
            loop {
                let wait = match granted(&client).await {
                    Ok(allowed) => {
                        debug!(?allowed, "controls granted by the API server");
                        cluster.set_allowed(allowed, system_time());
                        RECHECK
                    }
                    Err(error) => {
                        warn!(%error, "cannot ask the API server what this probe may do; offering no Kubernetes controls until it answers");
                        RETRY
                    }
                };
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = tokio::time::sleep(wait) => {}
                }
            }
        });
        Self
    }
}

/// The controls of which every call is granted in all namespaces.
async fn granted(client: &Client) -> Result<HashSet<&'static str>, kube::Error> {
    let api: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let mut refused = HashSet::new();
    let mut asked: Vec<(Call, bool)> = Vec::new();
    for call in CALLS.iter().copied() {
        let same = |other: &Call| Call { control: "", ..*other } == Call { control: "", ..call };
        let allowed = match asked.iter().find(|(other, _)| same(other)) {
            Some((_, allowed)) => *allowed,
            None => ask(&api, call).await?,
        };
        asked.push((call, allowed));
        if !allowed {
            refused.insert(call.control);
        }
    }
    Ok(CALLS
        .iter()
        .map(|call| call.control)
        .filter(|control| !refused.contains(control))
        .collect())
}

async fn ask(api: &Api<SelfSubjectAccessReview>, call: Call) -> Result<bool, kube::Error> {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                verb: some(call.verb),
                group: some(call.group),
                resource: some(call.resource),
                subresource: some(call.subresource),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let answer = api.create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}
