//! The reference cluster, as API objects: what the probe makes of them must equal what the original's probe made.

use std::collections::BTreeMap;

use scope_shared::report::{Kind, Node, Report};
use serde_json::{Map, Value, json};

use super::fake_api::Api;
use super::{Probe, latest};

const REFERENCE: &[u8] = include_bytes!("../data/k8s-report.json.gz");

/// The collection of a kind of object.
fn collection(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Pod => "/api/v1/pods",
        Kind::Service => "/api/v1/services",
        Kind::Namespace => "/api/v1/namespaces",
        Kind::Deployment => "/apis/apps/v1/deployments",
        Kind::DaemonSet => "/apis/apps/v1/daemonsets",
        Kind::StatefulSet => "/apis/apps/v1/statefulsets",
        Kind::CronJob => "/apis/batch/v1/cronjobs",
        Kind::Job => "/apis/batch/v1/jobs",
        Kind::PersistentVolume => "/api/v1/persistentvolumes",
        Kind::PersistentVolumeClaim => "/api/v1/persistentvolumeclaims",
        Kind::StorageClass => "/apis/storage.k8s.io/v1/storageclasses",
        Kind::VolumeSnapshot => "/apis/snapshot.storage.k8s.io/v1/volumesnapshots",
        Kind::VolumeSnapshotData => "/apis/snapshot.storage.k8s.io/v1/volumesnapshotcontents",
        _ => return None,
    })
}

/// The owners of a pod select it by a label made of the owner's id: what the reference says of parents, as selectors.
fn selector_label(id: &str) -> String {
    format!("select-{}", id.split(';').next().unwrap_or_default())
}

/// The API object that a node stands for.
fn object(kind: Kind, id: &str, node: &Node, report: &Report) -> Value {
    let get = |key: &str| node.latest(&format!("kubernetes_{key}")).unwrap_or_default();
    let number = |key: &str| get(key).parse::<i64>().unwrap_or_default();
    let mut labels: Map<String, Value> = node
        .latest
        .with_prefix("kubernetes_labels_")
        .map(|(key, entry)| (key.replacen("kubernetes_labels_", "", 1), json!(entry.value)))
        .collect();
    if kind == Kind::Pod {
        for (_, parents) in node
            .parents
            .iter()
            .filter(|(topology, _)| !matches!(topology.as_str(), "host" | "cron_job"))
        {
            labels.extend(parents.iter().map(|parent| (selector_label(parent), json!("yes"))));
        }
        // A cron job has its pods through its active jobs; where the reference does not name them, through a made-up one.
        for parent in node
            .parents
            .get("cron_job")
            .into_iter()
            .flatten()
            .filter(|_| !node.parents.contains_key("job"))
        {
            labels.insert(selector_label(parent), json!("yes"));
        }
    }
    let selector = json!({"matchLabels": BTreeMap::from([(selector_label(id), "yes")])});
    let template = json!({"metadata": {"labels": {}}});
    let uid = id.split(';').next().unwrap_or_default();
    let (spec, status) = match kind {
        Kind::Pod => (
            json!({"hostNetwork": !get("is_in_host_network").is_empty(), "containers": [],
                "volumes": get("volume_claim").split(';').filter(|claim| !claim.is_empty())
                    .map(|claim| json!({"name": claim, "persistentVolumeClaim": {"claimName": claim}})).collect::<Vec<_>>()}),
            json!({"phase": get("state"), "podIP": get("ip"), "containerStatuses": [
                {"name": "c", "image": "", "imageID": "", "ready": true, "restartCount": number("restart_count")}]}),
        ),
        Kind::Service => {
            let ports: Vec<Value> = get("ports")
                .split(',')
                .filter_map(|port| {
                    let (numbers, protocol) = port.split_once('/')?;
                    let (port, node_port) = numbers.split_once(':').unwrap_or((numbers, "0"));
                    Some(json!({"port": port.parse::<i32>().ok()?, "nodePort": node_port.parse::<i32>().ok()?, "protocol": protocol}))
                })
                .collect();
            let used = report
                .topology(Kind::Pod)
                .nodes
                .values()
                .any(|pod| pod.parents.get("service").is_some_and(|ids| ids.contains(id)));
            let selector = if used { json!({selector_label(id): "yes"}) } else { Value::Null };
            let public = if get("public_ip").is_empty() {
                Value::Null
            } else {
                json!(get("public_ip"))
            };
            (
                json!({"clusterIP": get("ip"), "type": get("type"), "ports": ports, "selector": selector, "loadBalancerIP": public}),
                json!({}),
            )
        }
        Kind::Deployment => (
            json!({"replicas": number("desired_replicas"), "selector": selector, "template": template, "strategy": {"type": get("strategy")}}),
            json!({"observedGeneration": number("observed_generation"), "replicas": number("replicas"), "updatedReplicas": number("updated_replicas"),
                "availableReplicas": number("available_replicas"), "unavailableReplicas": number("unavailable_replicas")}),
        ),
        Kind::DaemonSet => (
            json!({"selector": selector, "template": template}),
            json!({"desiredNumberScheduled": number("desired_replicas"), "currentNumberScheduled": number("replicas"),
                "numberMisscheduled": number("misscheduled_replicas"), "numberReady": 0}),
        ),
        Kind::StatefulSet => (
            json!({"replicas": number("desired_replicas"), "selector": selector, "serviceName": "", "template": template}),
            json!({"replicas": number("replicas"), "observedGeneration": number("observed_generation")}),
        ),
        Kind::CronJob => {
            let active: Vec<Value> = active_jobs(id, node, report).into_iter().map(|uid| json!({"uid": uid})).collect();
            let last = if get("last_scheduled").is_empty() {
                Value::Null
            } else {
                json!(get("last_scheduled"))
            };
            (
                json!({"schedule": get("schedule"), "suspend": get("suspended") == "true", "jobTemplate": {"spec": {"template": template}}}),
                json!({"active": active, "lastScheduleTime": last}),
            )
        }
        Kind::Job => (json!({"selector": selector, "template": template}), json!({})),
        Kind::PersistentVolume => {
            let mut spec = json!({"storageClassName": get("storage_class_name"), "accessModes": [get("access_modes")]});
            if !get("volume_claim").is_empty() {
                spec["claimRef"] = json!({"name": get("volume_claim")});
            }
            match get("storage_driver") {
                "" => {}
                "CSI" => spec["csi"] = json!({"driver": "d", "volumeHandle": "h"}),
                "NFS" => spec["nfs"] = json!({"server": "s", "path": "/p"}),
                "HostPath" => spec["hostPath"] = json!({"path": "/p"}),
                other => {
                    spec[other] = json!({"path": "/p", "server": "s", "pdName": "p", "volumeID": "v", "targetPortal": "t", "iqn": "i", "lun": 0, "monitors": [], "image": "i"})
                }
            }
            (spec, json!({"phase": get("status")}))
        }
        Kind::PersistentVolumeClaim => (
            json!({"volumeName": get("volume_name"), "storageClassName": get("storage_class_name"),
                "resources": {"requests": if get("volume_capacity").is_empty() { json!({}) } else { json!({"storage": get("volume_capacity")}) }}}),
            json!({"phase": get("status")}),
        ),
        Kind::VolumeSnapshot => (
            json!({"source": {"persistentVolumeClaimName": get("volume_claim")}}),
            json!({"boundVolumeSnapshotContentName": node.latest("kuberneets_snapshot_data")}),
        ),
        Kind::VolumeSnapshotData => (
            json!({"source": {"volumeHandle": get("volume_name")}, "volumeSnapshotRef": {"name": get("volume_snapshot_name")}}),
            json!({}),
        ),
        _ => (json!({}), json!({})),
    };
    let namespace = if get("namespace").is_empty() {
        Value::Null
    } else {
        json!(get("namespace"))
    };
    let mut object = json!({
        "metadata": {"uid": uid, "name": get("name"), "namespace": namespace, "labels": labels, "creationTimestamp": get("created")},
        "spec": spec, "status": status,
    });
    if kind == Kind::StorageClass {
        object["provisioner"] = json!(get("provisioner"));
    }
    object
}

/// UIDs of a cron job's active jobs: those its pods name, then made-up ones up to the number it says.
fn active_jobs(id: &str, node: &Node, report: &Report) -> Vec<String> {
    let pods = report
        .topology(Kind::Pod)
        .nodes
        .values()
        .filter(|pod| pod.parents.get("cron_job").is_some_and(|parents| parents.contains(id)));
    let named: std::collections::BTreeSet<String> = pods
        .filter_map(|pod| pod.parents.get("job"))
        .flatten()
        .filter_map(|job| job.split(';').next())
        .map(str::to_owned)
        .collect();
    let count = node
        .latest("kubernetes_active_jobs")
        .and_then(|count| count.parse().ok())
        .unwrap_or_default();
    let uid = id.split(';').next().unwrap_or_default();
    named
        .into_iter()
        .chain((0..).map(|n| format!("{uid}-job-{n}")))
        .take(count)
        .collect()
}

/// The made-up ones among them.
fn hidden_jobs(id: &str, node: &Node, report: &Report) -> Vec<Value> {
    let jobs = &report.topology(Kind::Job).nodes;
    let hidden = active_jobs(id, node, report)
        .into_iter()
        .filter(|uid| !jobs.contains_key(format!("{uid};<job>").as_str()));
    hidden
        .map(|uid| {
            json!({"metadata": {"uid": uid, "name": uid, "namespace": node.latest("kubernetes_namespace")},
                "spec": {"selector": {"matchLabels": {selector_label(id): "yes"}}, "template": {"metadata": {}}}})
        })
        .collect()
}

#[tokio::test]
async fn the_reference_cluster_fed_through_the_api_gives_the_reference_nodes() {
    let reference = scope_shared::wire::decode_report(REFERENCE, scope_shared::frame::Encoding::Json, true).expect("the reference decodes");
    let (api, address) = Api::start().await;
    let mut expected = 0;
    for kind in Kind::ALL {
        let Some(collection) = collection(kind) else { continue };
        for (id, node) in &reference.topology(kind).nodes {
            api.put(collection, object(kind, id, node, &reference));
            expected += 1;
            if kind == Kind::CronJob {
                hidden_jobs(id, node, &reference)
                    .into_iter()
                    .for_each(|job| api.put("/apis/batch/v1/jobs", job));
            }
        }
    }
    assert!(expected > 50, "the reference has every kind of object");
    let mut probe = Probe::start(api, address, None).await;
    let report = probe
        .report_when("every object", |report| {
            Kind::ALL.into_iter().filter(|kind| collection(*kind).is_some()).all(|kind| {
                reference
                    .topology(kind)
                    .nodes
                    .keys()
                    .all(|id| report.topology(kind).nodes.contains_key(id))
            })
        })
        .await;
    let mut differences = Vec::new();
    for kind in Kind::ALL.into_iter().filter(|kind| collection(*kind).is_some()) {
        for (id, wanted) in &reference.topology(kind).nodes {
            let got = &report.topology(kind).nodes[id];
            for (key, entry) in wanted
                .latest
                .iter()
                .filter(|(key, _)| !matches!(key.as_str(), "active_controls" | "control_probe_id"))
            {
                if latest(&report, kind, id, key).as_deref() != Some(entry.value.as_str()) {
                    differences.push(format!(
                        "{id} {key}: {:?} wanted, {:?} given",
                        entry.value,
                        latest(&report, kind, id, key)
                    ));
                }
            }
            for (topology, parents) in wanted.parents.iter().filter(|(topology, _)| topology != "host") {
                if got.parents.get(topology) != Some(parents) {
                    differences.push(format!(
                        "{id} parents {topology}: {parents:?} wanted, {:?} given",
                        got.parents.get(topology)
                    ));
                }
            }
        }
        let (wanted, got) = (reference.topology(kind), report.topology(kind));
        for (id, template) in &wanted.metadata_templates {
            if got.metadata_templates.get(id).map(|given| (&given.label, given.priority)) != Some((&template.label, template.priority)) {
                differences.push(format!("{} template {id}", kind.name()));
            }
        }
        for (id, control) in &wanted.controls {
            if got.controls.get(id).map(|given| (&given.human, &given.icon, given.rank))
                != Some((&control.human, &control.icon, control.rank))
            {
                differences.push(format!("{} control {id}", kind.name()));
            }
        }
    }
    assert!(
        differences.is_empty(),
        "{} differences:\n{}",
        differences.len(),
        differences.join("\n")
    );
}
