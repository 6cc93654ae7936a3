//! How Kubernetes nodes are shown and what can be done to them: the templates and controls that go with every report.

use scope_shared::report::{Control, Kind, MetadataTemplate, MetricTemplate, Report, SmolStr, TableTemplate};

/// Kinds that are shown with the metrics of their containers.
const WITH_METRICS: [Kind; 7] = [
    Kind::Pod,
    Kind::Service,
    Kind::Deployment,
    Kind::DaemonSet,
    Kind::StatefulSet,
    Kind::CronJob,
    Kind::Job,
];

/// Metadata rows: id, label, priority, data type, source. The source is `latest` unless named.
type Row = (&'static str, &'static str, f64, &'static str, &'static str);

const NAMESPACE: (&str, &str) = ("kubernetes_namespace", "Namespace");
const CREATED: (&str, &str) = ("kubernetes_created", "Created");
const TYPE: Row = ("kubernetes_node_type", "Type", 1.0, "", "");

const fn namespace(priority: f64) -> Row {
    (NAMESPACE.0, NAMESPACE.1, priority, "", "")
}

const fn created(priority: f64) -> Row {
    (CREATED.0, CREATED.1, priority, "datetime", "")
}

const fn pods(priority: f64) -> Row {
    ("pod", "# Pods", priority, "number", "counters")
}

const fn desired(priority: f64) -> Row {
    ("kubernetes_desired_replicas", "Desired replicas", priority, "number", "")
}

const fn observed(priority: f64) -> Row {
    ("kubernetes_observed_generation", "Observed gen.", priority, "number", "")
}

const fn storage_class(priority: f64) -> Row {
    ("kubernetes_storage_class_name", "Storage class", priority, "", "")
}

const fn status(priority: f64) -> Row {
    ("kubernetes_status", "Status", priority, "", "")
}

const ROWS: [(Kind, &[Row]); 12] = [
    (
        Kind::Pod,
        &[
            ("kubernetes_state", "State", 2.0, "", ""),
            ("kubernetes_ip", "IP", 3.0, "ip", ""),
            ("container", "# Containers", 4.0, "number", "counters"),
            namespace(5.0),
            created(6.0),
            ("kubernetes_restart_count", "Restart #", 7.0, "", ""),
        ],
    ),
    (
        Kind::Service,
        &[
            namespace(2.0),
            created(3.0),
            ("kubernetes_public_ip", "Public IP", 4.0, "ip", ""),
            ("kubernetes_ip", "Internal IP", 5.0, "ip", ""),
            pods(6.0),
            ("kubernetes_type", "Type", 7.0, "", ""),
            ("kubernetes_ports", "Ports", 8.0, "", ""),
        ],
    ),
    (
        Kind::Deployment,
        &[
            TYPE,
            namespace(2.0),
            created(3.0),
            observed(4.0),
            desired(5.0),
            pods(6.0),
            ("kubernetes_strategy", "Strategy", 7.0, "", ""),
        ],
    ),
    (Kind::DaemonSet, &[TYPE, namespace(2.0), created(3.0), desired(4.0), pods(5.0)]),
    (
        Kind::StatefulSet,
        &[TYPE, namespace(2.0), created(3.0), observed(4.0), desired(5.0), pods(6.0)],
    ),
    (
        Kind::CronJob,
        &[
            TYPE,
            namespace(2.0),
            created(3.0),
            ("kubernetes_schedule", "Schedule", 4.0, "", ""),
            ("kubernetes_last_scheduled", "Last scheduled", 5.0, "datetime", ""),
            ("kubernetes_suspended", "Suspended", 6.0, "", ""),
            ("kubernetes_active_jobs", "# Jobs", 7.0, "number", ""),
            pods(8.0),
        ],
    ),
    (
        Kind::Job,
        &[
            TYPE,
            ("kubernetes_name", "Name", 2.0, "", ""),
            namespace(3.0),
            created(4.0),
            pods(5.0),
        ],
    ),
    (
        Kind::PersistentVolume,
        &[
            TYPE,
            ("kubernetes_volume_claim", "Volume claim", 2.0, "", ""),
            storage_class(3.0),
            ("kubernetes_access_modes", "Access modes", 5.0, "", ""),
            status(6.0),
            ("kubernetes_storage_driver", "Storage driver", 7.0, "", ""),
        ],
    ),
    (
        Kind::PersistentVolumeClaim,
        &[
            TYPE,
            namespace(2.0),
            status(3.0),
            ("kubernetes_volume_name", "Volume", 4.0, "", ""),
            storage_class(5.0),
            ("kubernetes_volume_capacity", "Capacity", 6.0, "", ""),
        ],
    ),
    (
        Kind::StorageClass,
        &[
            TYPE,
            ("kubernetes_name", "Name", 2.0, "", ""),
            ("kubernetes_provisioner", "Provisioner", 3.0, "", ""),
        ],
    ),
    (
        Kind::VolumeSnapshot,
        &[
            TYPE,
            // The original's label for the namespace of a snapshot; reports of both are merged, so both must say the same.
            ("kubernetes_namespace", "Name", 2.0, "", ""),
            ("kubernetes_volume_claim", "Persistent volume claim", 3.0, "", ""),
            ("kuberneets_snapshot_data", "Volume snapshot data", 4.0, "", ""),
        ],
    ),
    (
        Kind::VolumeSnapshotData,
        &[
            TYPE,
            ("kubernetes_volume_name", "Persistent volume", 2.0, "", ""),
            ("kubernetes_volume_snapshot_name", "Volume snapshot", 3.0, "", ""),
        ],
    ),
];

/// Controls of a kind of node: id, label, icon, rank, question.
type Offer = (&'static str, &'static str, &'static str, i64, &'static str);

const DESCRIBE: Offer = (super::controls::DESCRIBE, "Describe", "fa fa-file-text", 2, "");

/// The controls of the kinds of nodes that this probe reports.
pub const CONTROLS: [(Kind, &[Offer]); 13] = [
    (
        Kind::Pod,
        &[
            (super::controls::GET_LOGS, "Get logs", "fa fa-desktop", 0, ""),
            (super::controls::EXEC, "Exec shell", "fa fa-terminal", 1, ""),
            DESCRIBE,
            (
                super::controls::DELETE_POD,
                "Delete",
                "far fa-trash-alt",
                3,
                "Are you sure you want to delete this pod?",
            ),
        ],
    ),
    (Kind::Service, &[DESCRIBE]),
    (
        Kind::Deployment,
        &[
            (super::controls::SCALE_DOWN, "Scale down", "fa fa-minus", 0, ""),
            (super::controls::SCALE_UP, "Scale up", "fa fa-plus", 1, ""),
            DESCRIBE,
            (
                super::controls::RESTART,
                "Rollout restart",
                "fa fa-redo",
                3,
                "Replace all pods of this deployment, a few at a time?",
            ),
        ],
    ),
    (
        Kind::DaemonSet,
        &[
            DESCRIBE,
            (
                super::controls::RESTART,
                "Rollout restart",
                "fa fa-redo",
                3,
                "Replace all pods of this daemon set, a few at a time?",
            ),
        ],
    ),
    (
        Kind::StatefulSet,
        &[
            DESCRIBE,
            (
                super::controls::RESTART,
                "Rollout restart",
                "fa fa-redo",
                3,
                "Replace all pods of this stateful set, one after another?",
            ),
        ],
    ),
    (Kind::CronJob, &[DESCRIBE]),
    (Kind::Job, &[DESCRIBE]),
    (Kind::PersistentVolume, &[DESCRIBE]),
    (
        Kind::PersistentVolumeClaim,
        &[
            (super::controls::CREATE_SNAPSHOT, "Create snapshot", "fa fa-camera", 0, ""),
            DESCRIBE,
        ],
    ),
    (Kind::StorageClass, &[DESCRIBE]),
    (
        Kind::VolumeSnapshot,
        &[
            (super::controls::CLONE_SNAPSHOT, "Clone snapshot", "far fa-clone", 0, ""),
            (
                super::controls::DELETE_SNAPSHOT,
                "Delete",
                "far fa-trash-alt",
                1,
                "Are you sure you want to delete this volume snapshot?",
            ),
            DESCRIBE,
        ],
    ),
    (Kind::VolumeSnapshotData, &[DESCRIBE]),
    (
        Kind::Host,
        &[
            (super::controls::UNCORDON, "Uncordon", "fa fa-toggle-on", 0, ""),
            (
                super::controls::CORDON,
                "Cordon",
                "fa fa-toggle-off",
                1,
                "Keep new pods away from this node?",
            ),
        ],
    ),
];

/// A report without nodes: templates and controls. The host's controls carry `probe_id`, because host nodes belong to other probes.
#[must_use]
pub fn skeleton(probe_id: &str) -> Report {
    let mut report = Report::default();
    for (kind, rows) in ROWS {
        let topology = report.topology_mut(kind);
        for (id, label, priority, data_type, from) in rows {
            let template = MetadataTemplate {
                id: SmolStr::new_static(id),
                label: SmolStr::new_static(label),
                data_type: SmolStr::new_static(data_type),
                priority: *priority,
                from: SmolStr::new_static(if from.is_empty() { "latest" } else { from }),
                ..MetadataTemplate::default()
            };
            topology.metadata_templates.insert(template.id.clone(), template);
        }
        let table = TableTemplate {
            id: SmolStr::new_static("kubernetes_labels_"),
            label: SmolStr::new_static("Kubernetes labels"),
            prefix: SmolStr::new_static("kubernetes_labels_"),
            kind: SmolStr::new_static("property-list"),
            ..TableTemplate::default()
        };
        topology.table_templates.insert(table.id.clone(), table);
    }
    for kind in WITH_METRICS {
        let topology = report.topology_mut(kind);
        for (id, label, format, priority) in [
            ("docker_cpu_total_usage", "CPU", "percent", 1.0),
            ("docker_memory_usage", "Memory", "filesize", 2.0),
        ] {
            let template = MetricTemplate {
                id: SmolStr::new_static(id),
                label: SmolStr::new_static(label),
                format: SmolStr::new_static(format),
                priority,
                ..MetricTemplate::default()
            };
            topology.metric_templates.insert(template.id.clone(), template);
        }
    }
    for (kind, offers) in CONTROLS {
        for (id, human, icon, rank, confirmation) in offers {
            let control = Control {
                id: SmolStr::new_static(id),
                human: SmolStr::new_static(human),
                icon: SmolStr::new_static(icon),
                confirmation: SmolStr::new_static(confirmation),
                rank: *rank,
                probe_id: if kind == Kind::Host {
                    SmolStr::new(probe_id)
                } else {
                    SmolStr::default()
                },
            };
            report.topology_mut(kind).controls.insert(control.id.clone(), control);
        }
    }
    report
}
