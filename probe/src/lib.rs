//! Scope's probe: collects what runs on a machine and who talks to whom, tags it, publishes it, and carries out controls.
//!
//! One source per file behind the traits of [`reporter`]; the loop merges what they say, the publisher sends it. The probe depends on
//! neither the server nor the app, keeps nothing on disk, and executes nothing that its own flags do not allow.

pub mod cgroup;
pub mod config;
pub mod conntrack;
pub mod dns;
pub mod doctor;
pub mod ebpf;
pub mod ecs;
pub mod endpoint;
#[cfg(feature = "kubernetes")]
pub mod kubernetes;
pub mod local_networks;
pub mod netlink;
pub mod proc;
pub mod reporter;
pub mod sockets;
pub mod sys;

pub use config::{Args, CollectArgs, ConnectArgs, ControlArgs};
use tokio_util::sync::CancellationToken;

/// The version in reports and headers.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs the probe until `shutdown` is cancelled.
///
/// # Errors
/// When the flags cannot work. Sources that fail are logged, left out and tried again; they never end the probe.
pub async fn run(args: Args, shutdown: CancellationToken) -> anyhow::Result<()> {
    let host = args.collect.host_id();
    tracing::info!(host, version = VERSION, "probe starting");
    shutdown.cancelled().await;
    Ok(())
}

/// Prints, for each source of information, what works on this machine, what does not, and what to do about it.
///
/// # Errors
/// When the flags cannot work.
pub async fn doctor(args: Args) -> anyhow::Result<()> {
    println!("host: {}", args.collect.host_id());
    Ok(())
}
