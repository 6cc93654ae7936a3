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
pub mod doctor;
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

/// The version in reports and headers.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Prints, for each source of information, what works on this machine, what does not, and what to do about it.
///
/// # Errors
/// When the flags cannot work.
pub async fn doctor(args: Args) -> anyhow::Result<()> {
    let collect = &args.collect;
    println!("host        {}", collect.host_id());
    let checks = doctor::kernel_sources(&collect.proc_root, &collect.cgroup_root);
    for check in &checks {
        println!("{}", doctor_line(check.source, check.verdict.word(), &check.found, check.advice));
    }
    println!("best tier   {}", doctor::best_tier(&checks));
    println!(
        "restraint   above {} % of a core the probe looks less often, and says so on its host (--max-cpu)",
        collect.max_cpu
    );
    let (word, found, advice) = match docker::look(collect.docker_host.as_deref()).await {
        Ok(found) => ("ok", found, ""),
        Err(error) => {
            let denied = error
                .root_cause()
                .downcast_ref::<std::io::Error>()
                .is_some_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied);
            let advice = if denied {
                "run as root, or as a member of the group that owns the engine's socket"
            } else {
                "start Docker or Podman, or name its socket with --docker-host; it may also appear later"
            };
            // Libraries on the way repeat one another; the cause is what helps.
            ("no", format!("no container engine: {}", error.root_cause()), advice)
        }
    };
    println!("{}", doctor_line("containers", word, &found, advice));
    if collect.runtimes && collect.cri {
        let (word, found, advice) = match cri::look(&collect.cri_endpoint()).await {
            Ok(Some(found)) => ("ok", found, ""),
            Ok(None) => ("-", "none here; only Kubernetes nodes have one".to_owned(), ""),
            Err(error) => (
                "no",
                error.to_string(),
                "run as root, or name the runtime's socket with --cri-endpoint",
            ),
        };
        println!("{}", doctor_line("Kubernetes runtime", word, &found, advice));
    }
    for text in args.targets.iter().filter(|target| !target.is_empty()) {
        let target = publish::target::Target::parse(text)?;
        let (word, found) = match publish::reachable(&target, &args.connect).await {
            Ok(found) => ("ok", found),
            Err(error) => ("no", error.to_string()),
        };
        println!("{}", doctor_line("server", word, &format!("{target}: {found}"), ""));
    }
    Ok(())
}

fn doctor_line(source: &str, verdict: &str, found: &str, advice: &str) -> String {
    let line = format!("{verdict:<8} {source}: {found}");
    if advice.is_empty() {
        line
    } else {
        format!("{line}\n         -> {advice}")
    }
}
