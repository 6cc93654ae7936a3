//! Scope's probe: collects what runs on a machine and who talks to whom, tags it, publishes it, and carries out controls.
//!
//! One source per file behind the traits of [`reporter`]; the loop merges what they say, the publisher sends it. The probe depends on
//! neither the server nor the app, keeps nothing on disk, and executes nothing that its own flags do not allow.

mod assemble;
pub mod cgroup;
#[cfg(feature = "kubernetes")]
mod cluster;
pub mod config;
pub mod conntrack;
pub mod controls;
pub mod cri;
pub mod dns;
pub mod docker;
mod doctor;
pub mod ebpf;
pub mod ecs;
pub mod endpoint;
pub mod guard;
pub mod host;
#[cfg(feature = "kubernetes")]
pub mod kubernetes;
pub mod local_addresses;
pub mod local_networks;
pub mod meter;
pub mod netlink;
pub mod pipes;
pub mod plugins;
pub mod proc;
pub mod process;
mod process_setup;
pub mod publish;
pub mod reporter;
pub mod runtimes;
pub mod sessions;
mod shell;
pub mod sockets;
pub mod spy;
pub mod sys;
pub mod taggers;
pub mod template;
pub mod weave;

pub use assemble::run;
pub use config::{Args, CollectArgs, ConnectArgs, ControlArgs};
pub use doctor::run as doctor;
pub use process_setup::runtime;

/// The version in reports and headers.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
