//! Kubernetes storage: which claim uses which volume, which pod which claim, which snapshot which volume.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use scope_shared::report::{Kind, Node};
use smol_str::SmolStr;

use crate::view::build::Builder;
use crate::view::graph::Kid;
use crate::view::state::State;

type Index<'a> = HashMap<&'a str, Vec<&'a Arc<Node>>, FixedState>;

/// Nodes of a kind by the value of a key; a missing value is `""`.
fn index<'a>(state: State<'a>, kind: Kind, key: &str) -> Index<'a> {
    let mut index = Index::default();
    for (_, node) in state.nodes(kind) {
        index.entry(node.latest(key).unwrap_or("")).or_default().push(node);
    }
    index
}

/// Puts the storage nodes in, the pods that claim volumes, and the edges between all of them.
pub(super) fn add(builder: &mut Builder, state: State<'_>) {
    let claims = state.nodes(Kind::PersistentVolumeClaim);
    let volumes_by_name = index(state, Kind::PersistentVolume, "kubernetes_name");
    link(builder, claims, "kubernetes_volume_name", &volumes_by_name);

    add_pods(builder, state);

    let by_class = index(state, Kind::PersistentVolumeClaim, "kubernetes_storage_class_name");
    link(builder, state.nodes(Kind::StorageClass), "kubernetes_name", &by_class);

    let snapshots = index(state, Kind::VolumeSnapshot, "kubernetes_volume_name");
    link(builder, state.nodes(Kind::PersistentVolume), "kubernetes_name", &snapshots);

    if state.any(Kind::VolumeSnapshot) {
        let data = index(state, Kind::VolumeSnapshotData, "kubernetes_name");
        link(builder, state.nodes(Kind::VolumeSnapshot), "kuberneets_snapshot_data", &data);
        for (_, node) in state.nodes(Kind::VolumeSnapshotData) {
            builder.node(node);
        }
    }
}

/// Links every node to those that the index has under the value of its `key`.
fn link<'a>(builder: &mut Builder, nodes: impl Iterator<Item = (&'a SmolStr, &'a Arc<Node>)>, key: &str, index: &Index<'a>) {
    for (_, node) in nodes {
        let from = builder.node(node);
        for to in index.get(node.latest(key).unwrap_or("")).into_iter().flatten() {
            connect(builder, from, to);
        }
    }
}

fn connect(builder: &mut Builder, from: u32, to: &Arc<Node>) {
    let at = builder.node(to);
    builder.edge(from, at);
    builder.kid(from, Kid::Raw(to.clone()));
}

/// Pods with claims, each linked to the first claim of the name in its namespace.
fn add_pods(builder: &mut Builder, state: State<'_>) {
    let by_name = index(state, Kind::PersistentVolumeClaim, "kubernetes_name");
    for (_, pod) in state.nodes(Kind::Pod) {
        let Some(claims) = pod.latest("kubernetes_volume_claim") else {
            continue;
        };
        let from = builder.node(pod);
        let namespace = pod.latest("kubernetes_namespace").unwrap_or("");
        for claim in claims.split(';') {
            let mut candidates = by_name.get(claim).into_iter().flatten();
            if let Some(to) = candidates.find(|node| node.latest("kubernetes_namespace").unwrap_or("") == namespace) {
                connect(builder, from, to);
            }
        }
    }
}
