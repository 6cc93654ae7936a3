//! What works on this machine: one check for each source of information, with what to do where something does not.
//!
//! Checks open what the probe would open and close it again; they change nothing.

use std::path::Path;

use crate::cgroup::UsageReader;
use crate::conntrack::Conntrack;
use crate::dns::{ForwardNames, Snooper};
use crate::ebpf;
use crate::endpoint::diag_works;
use crate::proc::Walker;
use crate::sockets::DestroyEvents;

const EBPF: &str = "connections: eBPF";
const DIAG: &str = "connections: sock_diag";
const RUN_AS_ROOT: &str = "run as root; in a container add --privileged";

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// How a source does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Works.
    Works,
    /// Works, but less well than it could.
    Limited,
    /// Does not work.
    Fails,
}

impl Verdict {
    /// One word for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Works => "ok",
            Self::Limited => "limited",
            Self::Fails => "no",
        }
    }
}

/// The outcome of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub source: &'static str,
    /// How it does.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do; empty where nothing needs to be done.
    pub advice: &'static str,
}

impl Check {
    fn new(source: &'static str, verdict: Verdict, found: impl Into<String>, advice: &'static str) -> Self {
        Self {
            source,
            verdict,
            found: found.into(),
            advice,
        }
    }
}

/// Checks everything that the probe takes from the kernel, best source of connections first.
#[must_use]
pub fn kernel_sources(proc_root: &Path, cgroup_root: &Path) -> Vec<Check> {
    vec![
        ebpf_program(),
        socket_diag(),
        destroyed_sockets(),
        processes(proc_root),
        namespaces(proc_root),
        connection_tracking(),
        dns_answers(),
        cgroups(cgroup_root),
        pressure(proc_root),
    ]
}

/// Which source of connections the probe would choose, given these checks.
#[must_use]
pub fn best_tier(checks: &[Check]) -> &'static str {
    let works = |source: &str| checks.iter().any(|check| check.source == source && check.verdict != Verdict::Fails);
    if works(EBPF) {
        "the eBPF program, with sock_diag sweeps for what existed before and for byte counts (tier ebpf)"
    } else if works(DIAG) {
        "sock_diag sweeps (tier diag)"
    } else {
        "/proc/net, the last resort: short connections are missed (tier proc)"
    }
}

fn ebpf_program() -> Check {
    let source = EBPF;
    match ebpf::Source::open() {
        Ok(program) if program.has_netns => Check::new(source, Verdict::Works, "every TCP connection, with its process", ""),
        Ok(_) => Check::new(
            source,
            Verdict::Limited,
            "every TCP connection; network namespaces are guessed from processes",
            "use a kernel with type information (CONFIG_DEBUG_INFO_BTF)",
        ),
        // Without root not even the tracepoint is visible, so what is missing says nothing.
        Err(_) if !is_root() => Check::new(source, Verdict::Fails, "needs root", RUN_AS_ROOT),
        Err(error) => Check::new(
            source,
            Verdict::Fails,
            error.to_string(),
            "use Linux 5.8 or later; in a container add --privileged (or CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN, CAP_SYS_ADMIN)",
        ),
    }
}

fn socket_diag() -> Check {
    let source = DIAG;
    match diag_works() {
        Ok(()) => Check::new(
            source,
            Verdict::Works,
            "sweeps of all sockets, byte counts and round-trip times",
            "",
        ),
        Err(error) => Check::new(
            source,
            Verdict::Fails,
            error.to_string(),
            "load the modules: modprobe -a inet_diag tcp_diag udp_diag",
        ),
    }
}

fn destroyed_sockets() -> Check {
    let source = "connections: destroyed sockets";
    match DestroyEvents::open() {
        Ok(_) => Check::new(source, Verdict::Works, "used where eBPF is not", ""),
        Err(error) => Check::new(
            source,
            Verdict::Fails,
            error.to_string(),
            "run as root; without it, and without eBPF, short connections are missed",
        ),
    }
}

fn processes(root: &Path) -> Check {
    let source = "processes";
    match Walker::new(root).and_then(|mut walker| walker.walk()) {
        Ok(snapshot) => {
            let all = snapshot.processes().len();
            let readable = snapshot.processes().iter().filter(|process| process.netns != 0).count();
            let found = format!("{all} processes, {readable} of them fully readable");
            if readable == all {
                Check::new(source, Verdict::Works, found, "")
            } else if is_root() {
                Check::new(
                    source,
                    Verdict::Limited,
                    format!("{found}; the others are guarded even from root, or ended meanwhile"),
                    "in a container add --pid=host --privileged; on a host a security module guards them, and only their sockets are missed",
                )
            } else {
                Check::new(
                    source,
                    Verdict::Limited,
                    found,
                    "run as root to see everybody's sockets and containers",
                )
            }
        }
        Err(error) => Check::new(
            source,
            Verdict::Fails,
            error.to_string(),
            "mount proc, or say where it is: --proc-root DIR",
        ),
    }
}

fn namespaces(root: &Path) -> Check {
    let source = "network namespaces";
    match (enter(root.join("self/ns/net")), enter(root.join("1/ns/net"))) {
        (Ok(()), Ok(())) => Check::new(source, Verdict::Works, "can be entered", ""),
        (Ok(()), Err(error)) => Check::new(
            source,
            Verdict::Limited,
            format!("can be entered, but not that of process 1: {error}"),
            "in a container add --pid=host; elsewhere a security module guards it, and only its sockets are missed",
        ),
        (Err(error), _) => Check::new(
            source,
            Verdict::Fails,
            error.to_string(),
            "run as root (in a container add --pid=host and CAP_SYS_ADMIN); without, containers' connections are not seen",
        ),
    }
}

/// Enters a network namespace on a thread that ends with that.
fn enter(path: std::path::PathBuf) -> std::io::Result<()> {
    let entered = std::thread::spawn(move || -> std::io::Result<()> {
        use std::os::fd::AsFd;
        let target = std::fs::File::open(path)?;
        rustix::thread::move_into_link_name_space(target.as_fd(), Some(rustix::thread::LinkNameSpaceType::Network))?;
        Ok(())
    });
    entered.join().unwrap_or_else(|_| Err(std::io::Error::other("the check crashed")))
}

fn connection_tracking() -> Check {
    let source = "address translation: conntrack";
    let mut flows = 0_usize;
    match Conntrack::open(false, 0).and_then(|mut conntrack| conntrack.dump(|_| flows += 1)) {
        Ok(()) => Check::new(source, Verdict::Works, format!("{flows} flows now"), ""),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Check::new(source, Verdict::Fails, error.to_string(), RUN_AS_ROOT)
        }
        Err(error) => Check::new(
            source,
            Verdict::Fails,
            error.to_string(),
            "load the modules: modprobe -a nf_conntrack nf_conntrack_netlink; without, published ports and services do not join their real ends",
        ),
    }
}

fn dns_answers() -> Check {
    let source = "names: DNS answers";
    match Snooper::open(ForwardNames::default()) {
        Ok(_) => Check::new(source, Verdict::Works, "answers of DNS servers are read as they pass", ""),
        Err(error) => Check::new(
            source,
            Verdict::Fails,
            error.to_string(),
            "run as root or with CAP_NET_RAW; without, outside addresses have reverse names only",
        ),
    }
}

fn cgroups(root: &Path) -> Check {
    let source = "containers: cgroups";
    match UsageReader::new(root).describe() {
        "none found" => Check::new(
            source,
            Verdict::Fails,
            "no cgroup tree",
            "mount it, or say where it is: --cgroup-root DIR",
        ),
        found => Check::new(source, Verdict::Works, found, ""),
    }
}

fn pressure(proc_root: &Path) -> Check {
    let source = "containers: pressure (PSI)";
    // The file exists where PSI is built in but switched off; only reading tells.
    match std::fs::read(proc_root.join("pressure/cpu")) {
        Ok(_) => Check::new(source, Verdict::Works, "on", ""),
        Err(error) => Check::new(
            source,
            Verdict::Limited,
            error.to_string(),
            "boot with psi=1 to see who waits for CPU, memory and disk",
        ),
    }
}
