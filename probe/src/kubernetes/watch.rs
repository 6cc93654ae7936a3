//! The watch tasks: one a kind of object, each listing once and then following, with back-off and jitter after errors.

use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt as _;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{Namespace, Node as ClusterNode, PersistentVolume, PersistentVolumeClaim, Pod, Service};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::DynamicObject;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch_objects};
use kube::{Api, Client, Resource};
use scope_shared::report::{Kind, Node, Report, SmolStr};
use scope_shared::time::Timestamp;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::objects::{Object, Observe};
use super::store::{Cluster, SourceState};
use super::{Settings, snapshots};
use crate::reporter::system_time;

/// Objects a page of a list. The API server's own components use the same: few round trips, bounded answers.
const PAGE: u32 = 500;
/// How long until a kind that the cluster does not have is asked for again: custom resources can be installed later.
const UNSUPPORTED_RETRY: Duration = Duration::from_secs(300);

/// What every watch needs.
#[derive(Clone)]
struct Context {
    client: Client,
    cluster: Arc<Cluster>,
    shortcuts: mpsc::Sender<Report>,
    shutdown: CancellationToken,
}

/// Starts all watches.
pub fn start_all(
    client: &Client,
    cluster: &Arc<Cluster>,
    settings: &Settings,
    shortcuts: &mpsc::Sender<Report>,
    shutdown: &CancellationToken,
) {
    let context = Context {
        client: client.clone(),
        cluster: Arc::clone(cluster),
        shortcuts: shortcuts.clone(),
        shutdown: shutdown.clone(),
    };
    let mut pods = watcher::Config::default().page_size(PAGE);
    if let Some(node) = settings.node_name.as_deref().filter(|name| !name.is_empty()) {
        pods = pods.fields(&format!("spec.nodeName={node}"));
    }
    spawn(&context, Api::<Pod>::all(client.clone()), Kind::Pod, pods, Pod::observe);
    watch_kind::<Service>(&context);
    watch_kind::<Deployment>(&context);
    watch_kind::<DaemonSet>(&context);
    watch_kind::<StatefulSet>(&context);
    watch_kind::<CronJob>(&context);
    watch_kind::<Job>(&context);
    watch_kind::<Namespace>(&context);
    watch_kind::<ClusterNode>(&context);
    watch_kind::<PersistentVolume>(&context);
    watch_kind::<PersistentVolumeClaim>(&context);
    watch_kind::<StorageClass>(&context);
    for (kind, observe) in [
        (
            Kind::VolumeSnapshot,
            snapshots::snapshot as fn(&DynamicObject, Timestamp) -> Option<Object>,
        ),
        (Kind::VolumeSnapshotData, snapshots::content),
    ] {
        let api = Api::all_with(client.clone(), &snapshots::resource(kind));
        spawn(&context, api, kind, watcher::Config::default().page_size(PAGE), observe);
    }
}

fn watch_kind<K>(context: &Context)
where
    K: Observe + Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let config = watcher::Config::default().page_size(PAGE);
    spawn(context, Api::<K>::all(context.client.clone()), K::KIND, config, K::observe);
}

fn spawn<K>(context: &Context, api: Api<K>, kind: Kind, config: watcher::Config, observe: fn(&K, Timestamp) -> Option<Object>)
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let context = context.clone();
    context.cluster.set_source(kind.name(), SourceState::Starting);
    tokio::spawn(async move {
        let shutdown = context.shutdown.clone();
        let forever = async {
            loop {
                let unsupported = follow(&context, api.clone(), kind, config.clone(), observe).await;
                if unsupported {
                    info!(
                        kind = kind.name(),
                        "the cluster has no such objects; asking again in {UNSUPPORTED_RETRY:?}"
                    );
                    context.cluster.set_source(kind.name(), SourceState::Unsupported);
                    tokio::time::sleep(UNSUPPORTED_RETRY).await;
                }
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = forever => {}
        }
    });
}

/// Follows one kind of object until the cluster turns out not to have it (true) or the stream ends (false).
async fn follow<K>(
    context: &Context,
    api: Api<K>,
    kind: Kind,
    config: watcher::Config,
    observe: fn(&K, Timestamp) -> Option<Object>,
) -> bool
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let mut stream = pin!(watch_objects(api, config).default_backoff());
    let mut listed: Vec<Object> = Vec::new();
    loop {
        match stream.try_next().await {
            Ok(None) => return false,
            Ok(Some(event)) => {
                let now = system_time();
                match event {
                    Event::Init => listed.clear(),
                    Event::InitApply(object) => listed.extend(observe(&object, now)),
                    Event::InitDone => {
                        let (added, gone) = context.cluster.replace(kind, std::mem::take(&mut listed), now);
                        announce(context, kind, &added, &gone, now);
                    }
                    Event::Apply(object) => {
                        if let Some(object) = observe(&object, now) {
                            let added = context.cluster.insert(kind, object, now);
                            announce(context, kind, added.as_slice(), &[], now);
                        }
                    }
                    Event::Delete(object) => {
                        if let Some(id) = observe(&object, now).map(|object| object.node.id)
                            && context.cluster.remove(kind, &id)
                        {
                            announce(context, kind, &[], &[id], now);
                        }
                    }
                }
                context
                    .cluster
                    .set_source(kind.name(), SourceState::Watching(context.cluster.count(kind)));
            }
            Err(watcher::Error::InitialListFailed(kube::Error::Api(status))) if status.code == 404 => return true,
            Err(error) => {
                warn!(kind = kind.name(), %error, "the API server refused or broke the watch; trying again, keeping what is known");
                context.cluster.set_source(kind.name(), SourceState::Failing(error.to_string()));
            }
        }
    }
}

/// Sends a report at once when pods come and go. The first list is not news: the next ordinary report has it.
fn announce(context: &Context, kind: Kind, added: &[Arc<Node>], gone: &[SmolStr], now: Timestamp) {
    let first_list = added.len() > 1 && context.cluster.count(kind) == added.len();
    if kind != Kind::Pod || first_list || (added.is_empty() && gone.is_empty()) {
        return;
    }
    let mut report = Report {
        ts: now,
        shortcut: true,
        ..Report::default()
    };
    let pods = report.topology_mut(Kind::Pod);
    for node in added {
        pods.nodes.insert(node.id.clone(), Arc::clone(node));
    }
    for id in gone {
        let mut node = Node::new(id.clone(), kind.name());
        node.set_latest("kubernetes_state", now, "deleted");
        pods.add(node);
    }
    // A full queue means that reports are late anyway; the next one has the news.
    if context.shortcuts.try_send(report).is_err() {
        tracing::debug!("shortcut report on pods left out: the queue is full");
    }
}
