//! Checks of what the probe takes from the kernel.

use std::path::Path;

use super::{Check, RUN_AS_ROOT, Verdict, in_words, is_root};
use crate::cgroup::UsageReader;
use crate::conntrack::Conntrack;
use crate::dns::{ForwardNames, Snooper};
use crate::ebpf;
use crate::endpoint::{Tier, diag_works};
use crate::proc::Walker;
use crate::sockets::DestroyEvents;

const EBPF: &str = "connections: eBPF";
const DIAG: &str = "connections: sock_diag";

/// Checks everything that the probe takes from the kernel, best source of connections first.
#[must_use]
pub fn sources(proc_root: &Path, cgroup_root: &Path) -> Vec<Check> {
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

/// Which source of connections a probe with these flags would choose, given these checks.
#[must_use]
pub fn best_tier(checks: &[Check], asked: Option<Tier>, ebpf: bool) -> &'static str {
    let works = |source: &str| checks.iter().any(|check| check.source == source && check.verdict != Verdict::Fails);
    let allowed = |tier: Tier| asked.is_none_or(|asked| asked <= tier);
    if allowed(Tier::Ebpf) && ebpf && works(EBPF) {
        "the eBPF program: all of them, however short, with sweeps of all sockets (sock_diag) for byte counts (tier ebpf)"
    } else if allowed(Tier::Diag) && works(DIAG) {
        "sweeps of all sockets (sock_diag): those that live a second or more; of shorter ones, as root, the process that serves (tier diag)"
    } else {
        "reading /proc/net, the last resort: those that live a second or more (tier proc)"
    }
}

fn ebpf_program() -> Check {
    let lost = "who opened a connection that lives less than a second";
    match ebpf::Source::open() {
        Ok(program) if program.has_netns => Check::works(EBPF, "every TCP connection, with its process"),
        Ok(_) => Check::limited(
            EBPF,
            "every TCP connection; network namespaces are guessed from processes",
            "",
            "use a kernel with type information (CONFIG_DEBUG_INFO_BTF)",
        ),
        // Without root not even the tracepoint is visible, so what is missing says nothing.
        Err(_) if !is_root() => Check::fails(EBPF, "needs root", lost, RUN_AS_ROOT),
        Err(error) => Check::fails(
            EBPF,
            error.to_string(),
            lost,
            "use Linux 5.8 or later; in a container add --privileged (or CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN, CAP_SYS_ADMIN)",
        ),
    }
}

fn socket_diag() -> Check {
    match diag_works() {
        Ok(()) => Check::works(DIAG, "sweeps of all sockets, byte counts and round-trip times"),
        Err(error) => Check::fails(
            DIAG,
            in_words(&error),
            "byte counts and round-trip times",
            "load the modules: modprobe -a inet_diag tcp_diag udp_diag",
        ),
    }
}

fn destroyed_sockets() -> Check {
    let source = "connections: endings";
    match DestroyEvents::open() {
        Ok(_) => Check::works(source, "told by the kernel; used where eBPF is not"),
        Err(error) => Check::fails(
            source,
            in_words(&error),
            "short connections, where eBPF is missing too",
            RUN_AS_ROOT,
        ),
    }
}

fn processes(root: &Path) -> Check {
    let source = "processes";
    let walked = match Walker::new(root).and_then(|mut walker| walker.walk()) {
        Ok(snapshot) => snapshot,
        Err(error) => {
            let advice = "mount proc, or say where it is: --proc-root DIR";
            return Check::fails(source, error.to_string(), "processes, and what belongs to them", advice);
        }
    };
    let all = walked.processes().len();
    let readable = walked.processes().iter().filter(|process| process.netns != 0).count();
    let found = format!("{all} of them, {readable} fully readable");
    if readable == all {
        Check::works(source, found)
    } else if is_root() {
        Check::limited(
            source,
            found,
            "the sockets of the others, which are guarded even from root or have ended meanwhile",
            "in a container add --pid=host --privileged; on a host a security module guards them",
        )
    } else {
        Check::limited(source, found, "the sockets and containers of the others", RUN_AS_ROOT)
    }
}

fn namespaces(root: &Path) -> Check {
    let source = "network namespaces";
    match (enter(root.join("self/ns/net")), enter(root.join("1/ns/net"))) {
        (Ok(()), Ok(())) => Check::works(source, "can be entered"),
        (Ok(()), Err(error)) => Check::limited(
            source,
            format!("can be entered, but not that of process 1: {}", in_words(&error)),
            "its sockets",
            "in a container add --pid=host; on a host a security module guards it",
        ),
        (Err(error), _) if !is_root() => Check::fails(source, in_words(&error), "containers' connections", RUN_AS_ROOT),
        (Err(error), _) => Check::fails(
            source,
            in_words(&error),
            "containers' connections",
            "in a container add --pid=host and CAP_SYS_ADMIN",
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
    let source = "address translation";
    let lost = "the real ends of connections through published ports and services";
    let mut flows = 0_usize;
    match Conntrack::open(false, 0).and_then(|mut conntrack| conntrack.dump(|_| flows += 1)) {
        Ok(()) => Check::works(source, format!("conntrack, {flows} flows now")),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Check::fails(source, in_words(&error), lost, RUN_AS_ROOT),
        Err(error) => Check::fails(
            source,
            in_words(&error),
            lost,
            "load the modules: modprobe -a nf_conntrack nf_conntrack_netlink",
        ),
    }
}

fn dns_answers() -> Check {
    let source = "names";
    match Snooper::open(ForwardNames::default()) {
        Ok(_) => Check::works(source, "answers of DNS servers are read as they pass"),
        Err(error) => Check::fails(
            source,
            in_words(&error),
            "the names that programs asked for: outside addresses have reverse names only",
            if is_root() { "add CAP_NET_RAW" } else { RUN_AS_ROOT },
        ),
    }
}

fn cgroups(root: &Path) -> Check {
    let source = "containers: cgroups";
    match UsageReader::new(root).describe() {
        "none found" => Check::fails(
            source,
            "no cgroup tree",
            "what containers use",
            "mount it, or say where it is: --cgroup-root DIR",
        ),
        found => Check::works(source, found),
    }
}

fn pressure(proc_root: &Path) -> Check {
    let source = "containers: pressure";
    // The file exists where PSI is built in but switched off; only reading tells.
    match std::fs::read(proc_root.join("pressure/cpu")) {
        Ok(_) => Check::works(source, "the kernel says who waits (PSI)"),
        Err(error) => Check::limited(source, in_words(&error), "who waits for CPU, memory and disk", "boot with psi=1"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tier_is_the_best_that_works_and_was_not_ruled_out_by_flags() {
        let checks = |ebpf: bool, diag: bool| {
            let check = |source, works| {
                if works {
                    Check::works(source, "")
                } else {
                    Check::fails(source, "", "", "")
                }
            };
            vec![check(EBPF, ebpf), check(DIAG, diag)]
        };
        for (works, asked, ebpf, expected) in [
            ((true, true), None, true, "(tier ebpf)"),
            ((true, true), None, false, "(tier diag)"),
            ((true, true), Some(Tier::Diag), true, "(tier diag)"),
            ((true, true), Some(Tier::Proc), true, "(tier proc)"),
            ((false, true), Some(Tier::Ebpf), true, "(tier diag)"),
            ((false, false), None, true, "(tier proc)"),
        ] {
            let said = best_tier(&checks(works.0, works.1), asked, ebpf);
            assert!(said.ends_with(expected), "{works:?}, {asked:?}, --ebpf={ebpf}: {said}");
        }
    }
}
