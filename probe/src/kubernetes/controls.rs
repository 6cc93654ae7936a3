//! What can be done to the cluster's objects. Each control is refused unless the probe's policy and the API server allow it; a shell goes
//! through the API server, never through a node's kubelet.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures::{AsyncBufReadExt as _, StreamExt as _};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Node as ClusterNode, PersistentVolumeClaim, Pod};
use kube::api::{AttachParams, AttachedProcess, DeleteParams, DynamicObject, LogParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use scope_shared::report::Kind;
use serde_json::json;
use tokio::io::AsyncRead;
use tokio::sync::mpsc;
use tokio_util::io::StreamReader;

use super::store::{Cluster, Place};
use super::{Access, describe, snapshots};
use crate::config::{Allow, Policy};

/// Logs of all of a pod's containers.
pub const GET_LOGS: &str = "kubernetes_get_logs";
/// A text about the object.
pub const DESCRIBE: &str = "kubernetes_describe";
/// A shell in a pod (ours).
pub const EXEC: &str = "kubernetes_exec_pod";
/// Deletes a pod.
pub const DELETE_POD: &str = "kubernetes_delete_pod";
/// One replica more.
pub const SCALE_UP: &str = "kubernetes_scale_up";
/// One replica fewer.
pub const SCALE_DOWN: &str = "kubernetes_scale_down";
/// Replaces all pods, as `kubectl rollout restart` (ours).
pub const RESTART: &str = "kubernetes_rollout_restart";
/// Keeps new pods away from a node.
pub const CORDON: &str = "kubernetes_cordon_node";
/// Lets new pods onto a node again.
pub const UNCORDON: &str = "kubernetes_uncordon_node";
/// Snapshots a volume.
pub const CREATE_SNAPSHOT: &str = "kubernetes_create_volume_snapshot";
/// Makes a volume claim from a snapshot.
pub const CLONE_SNAPSHOT: &str = "kubernetes_clone_volume_snapshot";
/// Deletes a snapshot.
pub const DELETE_SNAPSHOT: &str = "kubernetes_delete_volume_snapshot";

/// Lines of logs waiting for a slow reader, over all containers of the pod; then the API server waits.
const LOG_LINES: usize = 256;
/// A log line longer than this is cut: a container that prints without line ends must not grow this process.
const LOG_LINE_BYTES: usize = 64 << 10;
/// What a shell is looked for with: the first that exists takes the terminal.
const SHELL: [&str; 3] = [
    "/bin/sh",
    "-c",
    "TERM=xterm-256color; export TERM; [ -x /bin/bash ] && exec /bin/bash; exec /bin/sh",
];

/// The kind of control, for the probe's policy; `None` for one that is not of Kubernetes.
#[must_use]
pub fn kind_of(control: &str) -> Option<Allow> {
    Some(match control {
        GET_LOGS | DESCRIBE => Allow::Logs,
        EXEC => Allow::Exec,
        DELETE_POD | DELETE_SNAPSHOT => Allow::Remove,
        SCALE_UP | SCALE_DOWN | RESTART | CORDON | UNCORDON | CREATE_SNAPSHOT | CLONE_SNAPSHOT => Allow::Lifecycle,
        _ => return None,
    })
}

/// What a control led to.
pub enum Answer {
    /// It is done.
    Done,
    /// It is done and this node is gone.
    Removed(String),
    /// Text that may go on; the pipe is not a raw terminal.
    Text(Pin<Box<dyn AsyncRead + Send>>),
    /// A raw terminal.
    Terminal(Box<AttachedProcess>),
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "Done",
            Self::Removed(_) => "Removed",
            Self::Text(_) => "Text",
            Self::Terminal(_) => "Terminal",
        })
    }
}

/// Carries out controls on the cluster.
#[derive(Clone)]
pub struct Controls {
    client: Client,
    cluster: Arc<Cluster>,
    policy: Policy,
    _access: Access,
}

impl fmt::Debug for Controls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Controls").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl Controls {
    pub(super) fn new(client: Client, cluster: Arc<Cluster>, access: Access, policy: Policy) -> Self {
        Self {
            client,
            cluster,
            policy,
            _access: access,
        }
    }

    /// The controls this carries out.
    pub const ALL: [&'static str; 12] = [
        GET_LOGS,
        DESCRIBE,
        EXEC,
        DELETE_POD,
        SCALE_UP,
        SCALE_DOWN,
        RESTART,
        CORDON,
        UNCORDON,
        CREATE_SNAPSHOT,
        CLONE_SNAPSHOT,
        DELETE_SNAPSHOT,
    ];

    /// Carries out a control on a node.
    ///
    /// # Errors
    /// A sentence for the person who asked: what was refused or failed and why.
    pub async fn handle(&self, control: &str, node_id: &str) -> Result<Answer, String> {
        let kind = kind_of(control).ok_or_else(|| format!("Control {control:?} not recognised"))?;
        if !self.policy.allows(kind) {
            return Err(format!("This probe does not allow {control}: start it with --allow to change that"));
        }
        if !self.cluster.allows(control) {
            return Err(format!(
                "The API server does not let this probe's account do {control}: see the operate role of the manifests"
            ));
        }
        match control {
            GET_LOGS => self.logs(&self.place(&[Kind::Pod], node_id)?.1).await,
            EXEC => self.exec(&self.place(&[Kind::Pod], node_id)?.1).await,
            DESCRIBE => {
                let (kind, place) = self.place(&Kind::ALL, node_id)?;
                let text = describe(&self.client, kind, &place).await?;
                Ok(Answer::Text(Box::pin(std::io::Cursor::new(text.into_bytes()))))
            }
            DELETE_POD => {
                let place = self.place(&[Kind::Pod], node_id)?.1;
                self.pods(&place)
                    .delete(&place.name, &DeleteParams::default())
                    .await
                    .map_err(|error| failed("delete", &place, &error))?;
                Ok(Answer::Removed(node_id.to_owned()))
            }
            SCALE_UP => self.scale(&self.place(&[Kind::Deployment], node_id)?.1, 1).await,
            SCALE_DOWN => self.scale(&self.place(&[Kind::Deployment], node_id)?.1, -1).await,
            RESTART => self.restart(node_id).await,
            CORDON | UNCORDON => self.cordon(&self.place(&[Kind::Host], node_id)?.1, control == CORDON).await,
            CREATE_SNAPSHOT => self.create_snapshot(&self.place(&[Kind::PersistentVolumeClaim], node_id)?.1).await,
            CLONE_SNAPSHOT => self.clone_snapshot(&self.place(&[Kind::VolumeSnapshot], node_id)?.1).await,
            _ => {
                let place = self.place(&[Kind::VolumeSnapshot], node_id)?.1;
                self.snapshots(&place)
                    .delete(&place.name, &DeleteParams::default())
                    .await
                    .map_err(|error| failed("delete", &place, &error))?;
                Ok(Answer::Removed(node_id.to_owned()))
            }
        }
    }

    /// Where the object of a node is, if the node is of one of these kinds and still known.
    fn place(&self, kinds: &[Kind], node_id: &str) -> Result<(Kind, Place), String> {
        let tag = node_id.split_once(';').map(|(_, tag)| tag).unwrap_or_default();
        let kind = kinds
            .iter()
            .copied()
            .find(|kind| {
                !kind.defaults().id_tag.is_empty()
                    && tag.strip_prefix('<').and_then(|tag| tag.strip_suffix('>')) == Some(kind.defaults().id_tag)
            })
            .ok_or_else(|| format!("Invalid ID: {node_id}"))?;
        let place = self.cluster.find(kind, node_id).ok_or_else(|| {
            let mut what = kind.defaults().label.to_owned();
            if let Some(first) = what.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            format!("{what} not found: {}", node_id.split(';').next().unwrap_or_default())
        })?;
        Ok((kind, place))
    }

    fn pods(&self, place: &Place) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &place.namespace)
    }

    fn snapshots(&self, place: &Place) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &place.namespace, &snapshots::resource(Kind::VolumeSnapshot))
    }

    async fn exec(&self, place: &Place) -> Result<Answer, String> {
        let params = AttachParams::interactive_tty();
        let process = self
            .pods(place)
            .exec(&place.name, SHELL, &params)
            .await
            .map_err(|error| failed("open a shell in", place, &error))?;
        Ok(Answer::Terminal(Box::new(process)))
    }

    /// Follows the logs of every container, each line with its container's name where there are several.
    async fn logs(&self, place: &Place) -> Result<Answer, String> {
        let api = self.pods(place);
        let pod = api.get(&place.name).await.map_err(|error| failed("read", place, &error))?;
        let names: Vec<String> = pod
            .spec
            .map(|spec| spec.containers.into_iter().map(|one| one.name).collect())
            .unwrap_or_default();
        let width = names.iter().map(String::len).max().unwrap_or_default();
        let (lines, received) = mpsc::channel::<std::io::Result<Bytes>>(LOG_LINES);
        for name in &names {
            let prefix = if names.len() > 1 {
                format!("[{name:<width$}] ")
            } else {
                String::new()
            };
            let params = LogParams {
                container: Some(name.clone()),
                follow: true,
                timestamps: true,
                ..LogParams::default()
            };
            let (api, pod, lines, name) = (api.clone(), place.name.clone(), lines.clone(), name.clone());
            tokio::spawn(async move {
                let copied = async {
                    match api.log_stream(&pod, &params).await {
                        Ok(stream) => copy_lines(stream, &prefix, &lines).await,
                        Err(error) => format!("{prefix}no logs of {name}: {error}\n"),
                    }
                };
                // A container that says nothing must not keep its stream open for a reader that is gone.
                let end = tokio::select! {
                    end = copied => end,
                    () = lines.closed() => return,
                };
                // A reader that is gone does not want to know.
                drop(lines.send(Ok(Bytes::from(end))).await);
            });
        }
        let stream = futures::stream::unfold(received, |mut received| async move { Some((received.recv().await?, received)) });
        Ok(Answer::Text(Box::pin(StreamReader::new(stream.boxed()))))
    }

    async fn scale(&self, place: &Place, by: i32) -> Result<Answer, String> {
        let api: Api<Deployment> = Api::namespaced(self.client.clone(), &place.namespace);
        let scale = api
            .get_scale(&place.name)
            .await
            .map_err(|error| failed("read the scale of", place, &error))?;
        let now = scale.spec.and_then(|spec| spec.replicas).unwrap_or_default();
        let wanted = now.saturating_add(by);
        if wanted < 0 {
            return Err(format!("{} already has no replicas", place.name));
        }
        // The version makes the API server refuse if somebody else scaled in between, instead of undoing what they did.
        let patch = json!({"metadata": {"resourceVersion": scale.metadata.resource_version}, "spec": {"replicas": wanted}});
        api.patch_scale(&place.name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .map_err(|error| failed("scale", place, &error))?;
        Ok(Answer::Done)
    }

    async fn restart(&self, node_id: &str) -> Result<Answer, String> {
        let (kind, place) = self.place(&[Kind::Deployment, Kind::DaemonSet, Kind::StatefulSet], node_id)?;
        let now = k8s_openapi::chrono::Utc::now().to_rfc3339();
        // The annotation that `kubectl` sets: any change to the template starts a rollout.
        let patch = json!({"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": now}}}}});
        let (params, patch, client) = (PatchParams::default(), Patch::Strategic(&patch), self.client.clone());
        match kind {
            Kind::DaemonSet => Api::<DaemonSet>::namespaced(client, &place.namespace)
                .patch(&place.name, &params, &patch)
                .await
                .map(drop),
            Kind::StatefulSet => Api::<StatefulSet>::namespaced(client, &place.namespace)
                .patch(&place.name, &params, &patch)
                .await
                .map(drop),
            _ => Api::<Deployment>::namespaced(client, &place.namespace)
                .patch(&place.name, &params, &patch)
                .await
                .map(drop),
        }
        .map_err(|error| failed("restart", &place, &error))?;
        Ok(Answer::Done)
    }

    async fn cordon(&self, place: &Place, cordon: bool) -> Result<Answer, String> {
        let api: Api<ClusterNode> = Api::all(self.client.clone());
        let patch = json!({"spec": {"unschedulable": cordon}});
        api.patch(&place.name, &PatchParams::default(), &Patch::Strategic(&patch))
            .await
            .map_err(|error| failed(if cordon { "cordon" } else { "uncordon" }, place, &error))?;
        Ok(Answer::Done)
    }

    async fn create_snapshot(&self, place: &Place) -> Result<Answer, String> {
        let name = format!(
            "snapshot-{}-{}",
            k8s_openapi::chrono::Utc::now().format("%Y%m%d%H%M%S"),
            random_suffix()
        );
        let mut object = DynamicObject::new(&name, &snapshots::resource(Kind::VolumeSnapshot)).within(&place.namespace);
        object.data = json!({"spec": {"source": {"persistentVolumeClaimName": place.name}}});
        self.snapshots(place)
            .create(&PostParams::default(), &object)
            .await
            .map_err(|error| failed("snapshot", place, &error))?;
        Ok(Answer::Done)
    }

    /// A new claim of the snapshot's size and of the class of the claim it was taken from, filled from the snapshot.
    async fn clone_snapshot(&self, place: &Place) -> Result<Answer, String> {
        let snapshot = self
            .snapshots(place)
            .get(&place.name)
            .await
            .map_err(|error| failed("read", place, &error))?;
        let claims: Api<PersistentVolumeClaim> = Api::namespaced(self.client.clone(), &place.namespace);
        let source = snapshot
            .data
            .pointer("/spec/source/persistentVolumeClaimName")
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default();
        let original = if source.is_empty() {
            None
        } else {
            claims.get_opt(source).await.map_err(|error| failed("read", place, &error))?
        };
        let spec = original.as_ref().and_then(|claim| claim.spec.as_ref());
        let requested = spec.and_then(|spec| {
            spec.resources
                .as_ref()?
                .requests
                .as_ref()?
                .get("storage")
                .map(|quantity| quantity.0.clone())
        });
        let size = snapshot
            .data
            .pointer("/status/restoreSize")
            .and_then(serde_json::Value::as_str)
            .map(str::to_owned)
            .or(requested);
        let Some(size) = size else {
            return Err(format!(
                "The snapshot {} does not say its size yet; try again when it is ready",
                place.name
            ));
        };
        let base = if source.is_empty() { place.name.as_str() } else { source };
        let claim = json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": format!("clone-{base}-{}", random_suffix()), "namespace": place.namespace},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": spec.and_then(|spec| spec.storage_class_name.clone()),
                "dataSource": {"apiGroup": snapshots::GROUP, "kind": "VolumeSnapshot", "name": place.name},
                "resources": {"requests": BTreeMap::from([("storage", size)])},
            },
        });
        let claim: PersistentVolumeClaim =
            serde_json::from_value(claim).map_err(|error| format!("cannot make the claim for {}: {error}", place.name))?;
        claims
            .create(&PostParams::default(), &claim)
            .await
            .map_err(|error| failed("clone", place, &error))?;
        Ok(Answer::Done)
    }
}

fn failed(what: &str, place: &Place, error: &kube::Error) -> String {
    let why = match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    };
    format!("Could not {what} {}: {why}", place.name)
}

fn random_suffix() -> String {
    format!("{:04x}", rand::random::<u16>())
}

/// Copies lines until either side ends; the text for the end is returned.
async fn copy_lines(stream: impl futures::AsyncBufRead, prefix: &str, lines: &mpsc::Sender<std::io::Result<Bytes>>) -> String {
    let mut stream = std::pin::pin!(stream);
    let mut line = prefix.as_bytes().to_vec();
    loop {
        let chunk = match stream.fill_buf().await {
            Ok([]) => return String::new(),
            Ok(chunk) => chunk,
            Err(error) => return format!("{prefix}the log ended: {error}\n"),
        };
        let (take, complete) = match chunk.iter().position(|byte| *byte == b'\n') {
            Some(end) => (end + 1, true),
            None => (chunk.len(), false),
        };
        line.extend_from_slice(chunk.get(..take).unwrap_or_default());
        stream.as_mut().consume(take);
        if complete || line.len() > LOG_LINE_BYTES {
            let next = prefix.as_bytes().to_vec();
            if lines.send(Ok(Bytes::from(std::mem::replace(&mut line, next)))).await.is_err() {
                return String::new();
            }
        }
    }
}
