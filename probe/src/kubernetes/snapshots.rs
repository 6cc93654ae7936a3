//! Volume snapshots: custom resources (snapshot.storage.k8s.io/v1) that many clusters do not have, read without generated types.

use kube::api::DynamicObject;
use kube::core::{ApiResource, GroupVersionKind};
use scope_shared::report::Kind;
use scope_shared::time::Timestamp;
use serde_json::Value;

use super::objects::{Build, CONTENT_CONTROLS, Object, SNAPSHOT_CONTROLS};

/// API group of the snapshot resources.
pub const GROUP: &str = "snapshot.storage.k8s.io";

/// The resource of one of the two kinds.
pub fn resource(kind: Kind) -> ApiResource {
    let (name, plural) = match kind {
        Kind::VolumeSnapshot => ("VolumeSnapshot", "volumesnapshots"),
        _ => ("VolumeSnapshotContent", "volumesnapshotcontents"),
    };
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, "v1", name), plural)
}

fn text<'a>(object: &'a DynamicObject, pointer: &str) -> Option<&'a str> {
    object.data.pointer(pointer).and_then(Value::as_str)
}

/// A `VolumeSnapshot` as a node.
pub fn snapshot(object: &DynamicObject, now: Timestamp) -> Option<Object> {
    let mut build = Build::new(Kind::VolumeSnapshot, &object.metadata, now)?;
    build.set("kubernetes_node_type", "Volume Snapshot");
    build.set_if("kubernetes_volume_claim", text(object, "/spec/source/persistentVolumeClaimName"));
    // The key is misspelt on the wire; every reader knows it by that name.
    build.set_if("kuberneets_snapshot_data", text(object, "/status/boundVolumeSnapshotContentName"));
    let volume = object
        .metadata
        .labels
        .as_ref()
        .and_then(|labels| labels.get("SnapshotMetadata-PVName").cloned());
    build.set("kubernetes_volume_name", volume.unwrap_or_default());
    build.set_if("kubernetes_volume_capacity", text(object, "/status/restoreSize"));
    build.done(SNAPSHOT_CONTROLS)
}

/// A `VolumeSnapshotContent` as a node of the topology that the original calls "volume snapshot data".
pub fn content(object: &DynamicObject, now: Timestamp) -> Option<Object> {
    let mut build = Build::new(Kind::VolumeSnapshotData, &object.metadata, now)?;
    build.set("kubernetes_node_type", "Volume Snapshot Data");
    build.set_if("kubernetes_volume_name", text(object, "/spec/source/volumeHandle"));
    build.set_if("kubernetes_volume_snapshot_name", text(object, "/spec/volumeSnapshotRef/name"));
    build.done(CONTENT_CONTROLS)
}
