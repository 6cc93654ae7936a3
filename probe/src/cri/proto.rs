//! The part of the runtime's protocol (`runtime.v1` of the Container Runtime Interface) that the probe reads.
//!
//! Written out instead of generated: of the protocol's three hundred messages these few are used, and of these only the fields below; a
//! reader of protocol buffers passes over what it does not know. Names and numbers are the published ones and never change.

use std::collections::BTreeMap;

use prost::Message;

/// `VersionRequest`, and the requests for lists without a filter: nothing is asked in particular.
#[derive(Clone, PartialEq, Message)]
pub struct Everything {}

/// `VersionResponse`.
#[derive(Clone, PartialEq, Message)]
pub struct Version {
    /// The runtime's name: `containerd`, `cri-o`.
    #[prost(string, tag = "2")]
    pub runtime_name: String,
    /// Its version.
    #[prost(string, tag = "3")]
    pub runtime_version: String,
}

/// `ContainerMetadata`.
#[derive(Clone, PartialEq, Message)]
pub struct ContainerMetadata {
    /// Name in the pod's specification.
    #[prost(string, tag = "1")]
    pub name: String,
    /// How often it was made anew.
    #[prost(uint32, tag = "2")]
    pub attempt: u32,
}

/// `ImageSpec`.
#[derive(Clone, PartialEq, Message)]
pub struct ImageSpec {
    /// A name or a digest, as the caller wrote it.
    #[prost(string, tag = "1")]
    pub image: String,
}

/// `Container`.
#[derive(Clone, PartialEq, Message)]
pub struct Container {
    /// Full id.
    #[prost(string, tag = "1")]
    pub id: String,
    /// The sandbox it is in.
    #[prost(string, tag = "2")]
    pub pod_sandbox_id: String,
    /// Its name.
    #[prost(message, optional, tag = "3")]
    pub metadata: Option<ContainerMetadata>,
    /// Its image, as asked for.
    #[prost(message, optional, tag = "4")]
    pub image: Option<ImageSpec>,
    /// Its image, as found: an id or a digested name.
    #[prost(string, tag = "5")]
    pub image_ref: String,
    /// `ContainerState`.
    #[prost(int32, tag = "6")]
    pub state: i32,
    /// Nanoseconds since 1970.
    #[prost(int64, tag = "7")]
    pub created_at: i64,
    /// Labels.
    #[prost(btree_map = "string, string", tag = "8")]
    pub labels: BTreeMap<String, String>,
}

/// `ListContainersResponse`.
#[derive(Clone, PartialEq, Message)]
pub struct Containers {
    /// All of them, stopped ones included.
    #[prost(message, repeated, tag = "1")]
    pub containers: Vec<Container>,
}

/// `PodSandboxMetadata`.
#[derive(Clone, PartialEq, Message)]
pub struct PodMetadata {
    /// The pod's name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The pod's UID.
    #[prost(string, tag = "2")]
    pub uid: String,
    /// The pod's namespace.
    #[prost(string, tag = "3")]
    pub namespace: String,
}

/// `PodSandbox`.
#[derive(Clone, PartialEq, Message)]
pub struct Sandbox {
    /// Full id, which is also that of the container that holds its namespaces.
    #[prost(string, tag = "1")]
    pub id: String,
    /// The pod it is of.
    #[prost(message, optional, tag = "2")]
    pub metadata: Option<PodMetadata>,
}

/// `ListPodSandboxResponse`.
#[derive(Clone, PartialEq, Message)]
pub struct Sandboxes {
    /// All of them.
    #[prost(message, repeated, tag = "1")]
    pub items: Vec<Sandbox>,
}

/// `ContainerStatusRequest`.
#[derive(Clone, PartialEq, Message)]
pub struct StatusRequest {
    /// Of which container.
    #[prost(string, tag = "1")]
    pub container_id: String,
}

/// `ContainerStatus`.
#[derive(Clone, PartialEq, Message)]
pub struct Status {
    /// Nanoseconds since 1970; zero if it never started.
    #[prost(int64, tag = "5")]
    pub started_at: i64,
    /// Nanoseconds since 1970; zero if it has not ended.
    #[prost(int64, tag = "6")]
    pub finished_at: i64,
    /// Of its first process.
    #[prost(int32, tag = "7")]
    pub exit_code: i32,
}

/// `ContainerStatusResponse`.
#[derive(Clone, PartialEq, Message)]
pub struct StatusResponse {
    /// The answer.
    #[prost(message, optional, tag = "1")]
    pub status: Option<Status>,
}

/// `Image`.
#[derive(Clone, PartialEq, Message)]
pub struct Image {
    /// `sha256:…`.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Its names with tags.
    #[prost(string, repeated, tag = "2")]
    pub repo_tags: Vec<String>,
    /// Its names with digests.
    #[prost(string, repeated, tag = "3")]
    pub repo_digests: Vec<String>,
    /// Bytes.
    #[prost(uint64, tag = "4")]
    pub size: u64,
}

/// `ListImagesResponse`.
#[derive(Clone, PartialEq, Message)]
pub struct Images {
    /// All of them.
    #[prost(message, repeated, tag = "1")]
    pub images: Vec<Image>,
}
