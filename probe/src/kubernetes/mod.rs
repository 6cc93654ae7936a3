//! Kubernetes: the cluster's objects as nodes, kept by watching the API server; what can be done to them; and the tie from this machine's
//! containers to their pods.
//!
//! Every kind of object has one watch task. It turns an object into a finished node when the object changes, so that a report costs no more
//! than handing out shared nodes. Nothing here polls, and nothing asks a node's kubelet.

mod access;
mod client;
mod controls;
mod describe;
mod objects;
mod selector;
mod snapshots;
mod store;
mod tagger;
mod templates;
mod watch;

use std::sync::Arc;

pub use access::{Access, CALLS};
use async_trait::async_trait;
pub use client::connect;
pub use controls::{Answer, Controls, kind_of};
pub use describe::describe;
use scope_shared::report::Report;
pub use store::{Cluster, SourceState};
pub use tagger::PodTagger;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::reporter::{Reporter, Tick};

/// What the Kubernetes source needs to know of the probe.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The probe's id, which the nodes' controls lead back to.
    pub probe_id: String,
    /// Report only the pods of this node.
    pub node_name: Option<String>,
    /// What the probe may do.
    pub policy: crate::config::Policy,
}

/// Reports the cluster's objects from the watched store.
#[derive(Debug)]
pub struct KubernetesReporter {
    cluster: Arc<Cluster>,
}

/// Starts the watches and the permission checks, all ended by `shutdown`; reports on pod events go to `shortcuts` (dropped when it is full:
/// the next report has them).
#[must_use]
pub fn start(
    client: kube::Client,
    settings: Settings,
    shortcuts: mpsc::Sender<Report>,
    shutdown: &CancellationToken,
) -> (KubernetesReporter, Controls) {
    let cluster = Arc::new(Cluster::new(&settings));
    let access = Access::start(client.clone(), Arc::clone(&cluster), shutdown.clone());
    watch::start_all(&client, &cluster, &settings, &shortcuts, shutdown);
    let controls = Controls::new(client, Arc::clone(&cluster), access, settings.policy);
    (KubernetesReporter { cluster }, controls)
}

impl KubernetesReporter {
    /// How each watched kind of object does, for logs and for `doctor`.
    #[must_use]
    pub fn sources(&self) -> Vec<(String, SourceState)> {
        self.cluster.sources()
    }
}

#[async_trait]
impl Reporter for KubernetesReporter {
    fn name(&self) -> &'static str {
        "kubernetes"
    }

    async fn report(&mut self, _tick: &Tick) -> Report {
        self.cluster.report()
    }
}
