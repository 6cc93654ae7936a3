//! The topologies every report has, and what a fresh one says of each (spec: report model, topology table).

/// What a fresh report says of one topology.
#[derive(Clone, Copy, Debug)]
pub struct Defaults {
    /// Key in the report's JSON or msgpack.
    pub wire_key: &'static str,
    /// Name inside nodes, parents and counters.
    pub name: &'static str,
    /// What node ids end in, without the brackets; empty where ids are built otherwise.
    pub id_tag: &'static str,
    /// Glyph; empty reads as a circle.
    pub shape: &'static str,
    /// Badge on the glyph.
    pub tag: &'static str,
    /// Singular.
    pub label: &'static str,
    /// Plural.
    pub label_plural: &'static str,
}

macro_rules! kinds {
    ($($variant:ident $wire:literal $name:literal $id:literal $shape:literal $tag:literal $label:literal $plural:literal;)*) => {
        /// One of the topologies that every report has. The order is the order on the wire.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs)]
        pub enum Kind { $($variant),* }

        impl Kind {
            /// All of them, in wire order.
            pub const ALL: [Self; [$($wire),*].len()] = [$(Self::$variant),*];
            const DEFAULTS: [Defaults; Self::ALL.len()] = [$(Defaults {
                wire_key: $wire, name: $name, id_tag: $id, shape: $shape, tag: $tag, label: $label, label_plural: $plural,
            }),*];
        }
    };
}

kinds! {
    Endpoint "Endpoint" "endpoint" "" "" "" "" "";
    Process "Process" "process" "" "square" "" "process" "processes";
    Container "Container" "container" "container" "hexagon" "" "container" "containers";
    Pod "Pod" "pod" "pod" "heptagon" "" "pod" "pods";
    Service "Service" "service" "service" "heptagon" "" "service" "services";
    Deployment "Deployment" "deployment" "deployment" "heptagon" "" "deployment" "deployments";
    ReplicaSet "ReplicaSet" "replica_set" "replica_set" "triangle" "" "replica set" "replica sets";
    DaemonSet "DaemonSet" "daemon_set" "daemonset" "pentagon" "" "daemonset" "daemonsets";
    StatefulSet "StatefulSet" "stateful_set" "statefulset" "octagon" "" "stateful set" "stateful sets";
    CronJob "CronJob" "cron_job" "cronjob" "triangle" "" "cron job" "cron jobs";
    Namespace "Namespace" "namespace" "namespace" "" "" "" "";
    ContainerImage "ContainerImage" "container_image" "container_image" "hexagon" "" "image" "images";
    Host "Host" "host" "host" "circle" "" "host" "hosts";
    EcsTask "ECSTask" "ecs_task" "ecs_task" "heptagon" "" "task" "tasks";
    EcsService "ECSService" "ecs_service" "ecs_service" "heptagon" "" "service" "services";
    SwarmService "SwarmService" "swarm_service" "swarm_service" "heptagon" "" "service" "services";
    Overlay "Overlay" "overlay" "" "circle" "" "peer" "peers";
    PersistentVolume "PersistentVolume" "persistent_volume" "persistent_volume" "cylinder" "" "persistent volume" "persistent volumes";
    PersistentVolumeClaim "PersistentVolumeClaim" "persistent_volume_claim" "persistent_volume_claim" "dottedcylinder" "" "persistent volume claim" "persistent volume claims";
    StorageClass "StorageClass" "storage_class" "storage_class" "sheet" "" "storage class" "storage classes";
    VolumeSnapshot "VolumeSnapshot" "volume_snapshot" "volume_snapshot" "dottedcylinder" "camera" "volume snapshot" "volume snapshots";
    VolumeSnapshotData "VolumeSnapshotData" "volume_snapshot_data" "volume_snapshot_data" "cylinder" "camera" "volume snapshot data" "volume snapshot data";
    Job "Job" "job" "job" "dottedtriangle" "" "job" "jobs";
}

impl Kind {
    /// What a fresh report says of it.
    #[must_use]
    pub const fn defaults(self) -> &'static Defaults {
        &Self::DEFAULTS[self as usize]
    }

    /// Name inside nodes, parents and counters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.defaults().name
    }

    /// Key in the report's JSON or msgpack.
    #[must_use]
    pub const fn wire_key(self) -> &'static str {
        self.defaults().wire_key
    }

    /// By name (`container_image`).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// By key on the wire (`ContainerImage`).
    #[must_use]
    pub fn from_wire_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.wire_key() == key)
    }
}
