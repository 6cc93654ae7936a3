//! From an API object to a node: what each kind of object says of itself (latest values), and what it needs to find its pods.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{Namespace, Node as ClusterNode, PersistentVolume, PersistentVolumeClaim, Pod, Service};
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use scope_shared::report::{Kind, Node, SmolStr};
use scope_shared::time::Timestamp;

use super::controls::{
    CLONE_SNAPSHOT, CORDON, CREATE_SNAPSHOT, DELETE_POD, DELETE_SNAPSHOT, DESCRIBE, EXEC, GET_LOGS, RESTART, SCALE_DOWN, SCALE_UP, UNCORDON,
};
use super::selector::Selector;

/// One object as the store keeps it: its node, finished but for controls and parents, and what those are found by.
#[derive(Clone, Debug, Default)]
pub struct Object {
    /// The node, without parents and active controls.
    pub node: Node,
    /// Name in the API.
    pub name: String,
    /// Namespace in the API; empty for objects of the whole cluster.
    pub namespace: String,
    /// Labels; kept of pods only, which selectors are matched with.
    pub labels: BTreeMap<String, String>,
    /// Which pods belong to it.
    pub selector: Option<Selector>,
    /// UIDs of a cron job's active jobs.
    pub active_jobs: Vec<String>,
    /// Controls that make sense in its state, if they are allowed.
    pub controls: &'static [&'static str],
}

/// What the store watches.
pub trait Observe {
    /// The topology its nodes belong to.
    const KIND: Kind;

    /// The object as a node seen at `now`; `None` if it has no identity.
    fn observe(&self, now: Timestamp) -> Option<Object>;
}

/// A node under construction: all of its values were seen at one time.
pub(super) struct Build {
    object: Object,
    now: Timestamp,
}

impl Build {
    pub(super) fn new(kind: Kind, meta: &ObjectMeta, now: Timestamp) -> Option<Self> {
        let uid = meta.uid.as_deref().filter(|uid| !uid.is_empty())?;
        Some(Self::with_id(kind, uid, meta, now))
    }

    fn with_id(kind: Kind, id: &str, meta: &ObjectMeta, now: Timestamp) -> Self {
        let defaults = kind.defaults();
        let object = Object {
            node: Node::new(format!("{id};<{}>", defaults.id_tag), defaults.name),
            name: meta.name.clone().unwrap_or_default(),
            namespace: meta.namespace.clone().unwrap_or_default(),
            ..Object::default()
        };
        let mut build = Self { object, now };
        let name = build.object.name.clone();
        build.set("kubernetes_name", name);
        if kind != Kind::Namespace {
            build.set("kubernetes_namespace", meta.namespace.clone().unwrap_or_default());
        }
        build.set_if("kubernetes_created", meta.creation_timestamp.as_ref().map(rfc3339));
        for (key, value) in meta.labels.iter().flatten() {
            build.set(&format!("kubernetes_labels_{key}"), value.clone());
        }
        build
    }

    pub(super) fn set(&mut self, key: &str, value: impl Into<SmolStr>) {
        self.object.node.set_latest(key, self.now, value);
    }

    pub(super) fn set_if(&mut self, key: &str, value: Option<impl Into<SmolStr>>) {
        if let Some(value) = value {
            self.set(key, value);
        }
    }

    fn number(&mut self, key: &str, value: Option<impl ToString>) {
        self.set_if(key, value.map(|value| value.to_string()));
    }

    pub(super) fn done(mut self, controls: &'static [&'static str]) -> Option<Object> {
        self.object.controls = controls;
        Some(self.object)
    }
}

fn rfc3339(time: &Time) -> String {
    time.0.to_rfc3339_opts(k8s_openapi::chrono::SecondsFormat::AutoSi, true)
}

impl Observe for Pod {
    const KIND: Kind = Kind::Pod;

    fn observe(&self, now: Timestamp) -> Option<Object> {
        let meta = &self.metadata;
        // The kubelet's own (static) pods have a mirror object whose uid their containers do not know; they are labelled with this hash.
        let hash = meta
            .annotations
            .as_ref()
            .and_then(|annotations| annotations.get("kubernetes.io/config.hash"));
        let mut build = match hash.filter(|hash| !hash.is_empty()) {
            Some(hash) => Build::with_id(Self::KIND, hash, meta, now),
            None => Build::new(Self::KIND, meta, now)?,
        };
        let status = self.status.as_ref();
        let phase = status.and_then(|status| status.phase.clone());
        let state = if meta.deletion_timestamp.is_some() {
            Some("Terminating".to_owned())
        } else {
            phase
        };
        build.set("kubernetes_state", state.unwrap_or_default());
        build.set("kubernetes_ip", status.and_then(|status| status.pod_ip.clone()).unwrap_or_default());
        let restarts: i64 = status
            .and_then(|status| status.container_statuses.as_ref())
            .into_iter()
            .flatten()
            .map(|one| i64::from(one.restart_count))
            .sum();
        build.set("kubernetes_restart_count", restarts.to_string());
        let spec = self.spec.as_ref();
        let claims: Vec<&str> = spec
            .and_then(|spec| spec.volumes.as_ref())
            .into_iter()
            .flatten()
            .filter_map(|volume| volume.persistent_volume_claim.as_ref())
            .map(|claim| claim.claim_name.as_str())
            .collect();
        if !claims.is_empty() {
            build.set("kubernetes_volume_claim", claims.join(";"));
        }
        if spec.and_then(|spec| spec.host_network) == Some(true) {
            build.set("kubernetes_is_in_host_network", "true");
        }
        build.object.labels = meta.labels.clone().unwrap_or_default();
        build.done(&[GET_LOGS, EXEC, DELETE_POD, DESCRIBE])
    }
}

impl Observe for Service {
    const KIND: Kind = Kind::Service;

    fn observe(&self, now: Timestamp) -> Option<Object> {
        let mut build = Build::new(Self::KIND, &self.metadata, now)?;
        if let Some(spec) = &self.spec {
            build.set_if("kubernetes_ip", spec.cluster_ip.clone());
            build.set_if("kubernetes_type", spec.type_.clone());
            let assigned = self.status.as_ref().and_then(|status| {
                status
                    .load_balancer
                    .as_ref()?
                    .ingress
                    .as_ref()?
                    .iter()
                    .find_map(|ingress| ingress.ip.clone())
            });
            build.set_if(
                "kubernetes_public_ip",
                spec.load_balancer_ip.clone().filter(|ip| !ip.is_empty()).or(assigned),
            );
            let ports = spec.ports.iter().flatten().map(|port| {
                let protocol = port.protocol.as_deref().unwrap_or("TCP");
                match port.node_port {
                    Some(node_port) if node_port != 0 => format!("{}:{node_port}/{protocol}", port.port),
                    _ => format!("{}/{protocol}", port.port),
                }
            });
            build.set("kubernetes_ports", ports.collect::<Vec<_>>().join(","));
            build.object.selector = spec.selector.as_ref().map(Selector::from_labels);
        }
        build.done(&[DESCRIBE])
    }
}

impl Observe for Deployment {
    const KIND: Kind = Kind::Deployment;

    fn observe(&self, now: Timestamp) -> Option<Object> {
        let mut build = Build::new(Self::KIND, &self.metadata, now)?;
        build.set("kubernetes_node_type", "Deployment");
        if let Some(spec) = &self.spec {
            build.number("kubernetes_desired_replicas", Some(spec.replicas.unwrap_or(1)));
            build.set_if(
                "kubernetes_strategy",
                spec.strategy.as_ref().and_then(|strategy| strategy.type_.clone()),
            );
            build.object.selector = Some(Selector::from_selector(&spec.selector));
        }
        let status = self.status.clone().unwrap_or_default();
        build.number(
            "kubernetes_observed_generation",
            Some(status.observed_generation.unwrap_or_default()),
        );
        for (key, value) in [
            ("kubernetes_replicas", status.replicas),
            ("kubernetes_updated_replicas", status.updated_replicas),
            ("kubernetes_available_replicas", status.available_replicas),
            ("kubernetes_unavailable_replicas", status.unavailable_replicas),
        ] {
            build.number(key, Some(value.unwrap_or_default()));
        }
        build.done(&[SCALE_UP, SCALE_DOWN, RESTART, DESCRIBE])
    }
}

impl Observe for DaemonSet {
    const KIND: Kind = Kind::DaemonSet;

    fn observe(&self, now: Timestamp) -> Option<Object> {
        let mut build = Build::new(Self::KIND, &self.metadata, now)?;
        build.set("kubernetes_node_type", "DaemonSet");
        if let Some(status) = &self.status {
            build.number("kubernetes_desired_replicas", Some(status.desired_number_scheduled));
            build.number("kubernetes_replicas", Some(status.current_number_scheduled));
            build.number("kubernetes_misscheduled_replicas", Some(status.number_misscheduled));
        }
        build.object.selector = self.spec.as_ref().map(|spec| Selector::from_selector(&spec.selector));
        build.done(&[RESTART, DESCRIBE])
    }
}

impl Observe for StatefulSet {
    const KIND: Kind = Kind::StatefulSet;

    fn observe(&self, now: Timestamp) -> Option<Object> {
        let mut build = Build::new(Self::KIND, &self.metadata, now)?;
        build.set("kubernetes_node_type", "StatefulSet");
        if let Some(spec) = &self.spec {
            build.number("kubernetes_desired_replicas", Some(spec.replicas.unwrap_or(1)));
            build.object.selector = Some(Selector::from_selector(&spec.selector));
        }
        let status = self.status.as_ref();
        build.number("kubernetes_replicas", status.map(|status| status.replicas));
        build.number(
            "kubernetes_observed_generation",
            status.and_then(|status| status.observed_generation),
        );
        build.done(&[RESTART, DESCRIBE])
    }
}

impl Observe for CronJob {
    const KIND: Kind = Kind::CronJob;

    fn observe(&self, now: Timestamp) -> Option<Object> {
        let mut build = Build::new(Self::KIND, &self.metadata, now)?;
        build.set("kubernetes_node_type", "CronJob");
        if let Some(spec) = &self.spec {
            build.set("kubernetes_schedule", spec.schedule.clone());
            build.set("kubernetes_suspended", spec.suspend.unwrap_or(false).to_string());
        }
        let status = self.status.clone().unwrap_or_default();
        let active = status.active.unwrap_or_default();
        build.number("kubernetes_active_jobs", Some(active.len()));
        build.set_if("kubernetes_last_scheduled", status.last_schedule_time.as_ref().map(rfc3339));
        build.object.active_jobs = active.into_iter().filter_map(|reference| reference.uid).collect();
        build.done(&[DESCRIBE])
    }
}

impl Observe for Job {
    const KIND: Kind = Kind::Job;

    fn observe(&self, now: Timestamp) -> Option<Object> {
        let mut build = Build::new(Self::KIND, &self.metadata, now)?;
        build.set("kubernetes_node_type", "Job");
        build.object.selector = self
            .spec
            .as_ref()
            .and_then(|spec| spec.selector.as_ref())
            .map(Selector::from_selector);
        build.done(&[DESCRIBE])
    }
}

impl Observe for Namespace {
    const KIND: Kind = Kind::Namespace;

    fn observe(&self, now: Timestamp) -> Option<Object> {
        Build::new(Self::KIND, &self.metadata, now)?.done(&[])
    }
}

impl Observe for ClusterNode {
    const KIND: Kind = Kind::Host;

    /// A host node that holds nothing but its controls: everything else about the machine is its own probe's to say.
    fn observe(&self, _now: Timestamp) -> Option<Object> {
        let name = self.metadata.name.clone()?;
        let unschedulable = self.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or(false);
        Some(Object {
            node: Node::new(format!("{name};<host>"), Kind::Host.name()),
            name,
            controls: if unschedulable { &[UNCORDON] } else { &[CORDON] },
            ..Object::default()
        })
    }
}

impl Observe for PersistentVolume {
    const KIND: Kind = Kind::PersistentVolume;

    fn observe(&self, now: Timestamp) -> Option<Object> {
        let mut build = Build::new(Self::KIND, &self.metadata, now)?;
        build.set("kubernetes_node_type", "Persistent Volume");
        build.set(
            "kubernetes_status",
            self.status.as_ref().and_then(|status| status.phase.clone()).unwrap_or_default(),
        );
        if let Some(spec) = &self.spec {
            build.set(
                "kubernetes_volume_claim",
                spec.claim_ref.as_ref().and_then(|claim| claim.name.clone()).unwrap_or_default(),
            );
            build.set("kubernetes_storage_class_name", spec.storage_class_name.clone().unwrap_or_default());
            build.set_if("kubernetes_access_modes", spec.access_modes.iter().flatten().next().cloned());
            build.set_if("kubernetes_storage_driver", storage_driver(spec));
        }
        build.done(&[DESCRIBE])
    }
}

/// The name of the field that says where the volume is, e.g. `NFS`, `CSI`: the API has one field a driver, and exactly one is set.
fn storage_driver(spec: &k8s_openapi::api::core::v1::PersistentVolumeSpec) -> Option<String> {
    const GENERAL: [&str; 8] = [
        "accessModes",
        "capacity",
        "claimRef",
        "mountOptions",
        "nodeAffinity",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "volumeMode",
    ];
    const NAMES: [(&str, &str); 8] = [
        ("awsElasticBlockStore", "AWSElasticBlockStore"),
        ("cephfs", "CephFS"),
        ("csi", "CSI"),
        ("fc", "FC"),
        ("gcePersistentDisk", "GCEPersistentDisk"),
        ("iscsi", "ISCSI"),
        ("nfs", "NFS"),
        ("rbd", "RBD"),
    ];
    let value = serde_json::to_value(spec).ok()?;
    let field = value
        .as_object()?
        .keys()
        .find(|key| !GENERAL.contains(&key.as_str()) && *key != "volumeAttributesClassName")?;
    if let Some((_, name)) = NAMES.iter().find(|(known, _)| known == field) {
        return Some((*name).to_owned());
    }
    let mut letters = field.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect())
}

impl Observe for PersistentVolumeClaim {
    const KIND: Kind = Kind::PersistentVolumeClaim;

    fn observe(&self, now: Timestamp) -> Option<Object> {
        let mut build = Build::new(Self::KIND, &self.metadata, now)?;
        build.set("kubernetes_node_type", "Persistent Volume Claim");
        build.set(
            "kubernetes_status",
            self.status.as_ref().and_then(|status| status.phase.clone()).unwrap_or_default(),
        );
        let annotated = self
            .metadata
            .annotations
            .as_ref()
            .and_then(|all| all.get("volume.beta.kubernetes.io/storage-class").cloned());
        let spec = self.spec.as_ref();
        build.set(
            "kubernetes_volume_name",
            spec.and_then(|spec| spec.volume_name.clone()).unwrap_or_default(),
        );
        let class = annotated.or_else(|| spec.and_then(|spec| spec.storage_class_name.clone()));
        build.set("kubernetes_storage_class_name", class.unwrap_or_default());
        let capacity = spec.and_then(|spec| spec.resources.as_ref()?.requests.as_ref()?.get("storage").cloned());
        build.set_if("kubernetes_volume_capacity", capacity.map(|quantity| quantity.0));
        build.done(&[CREATE_SNAPSHOT, DESCRIBE])
    }
}

impl Observe for StorageClass {
    const KIND: Kind = Kind::StorageClass;

    fn observe(&self, now: Timestamp) -> Option<Object> {
        let mut build = Build::new(Self::KIND, &self.metadata, now)?;
        build.set("kubernetes_node_type", "Storage Class");
        build.set("kubernetes_provisioner", self.provisioner.clone());
        build.done(&[DESCRIBE])
    }
}

/// Controls of a snapshot, for [`super::snapshots`].
pub(super) const SNAPSHOT_CONTROLS: &[&str] = &[CLONE_SNAPSHOT, DELETE_SNAPSHOT, DESCRIBE];
/// Controls of a snapshot's content, for [`super::snapshots`].
pub(super) const CONTENT_CONTROLS: &[&str] = &[DESCRIBE];
