//! Which source of connections is used: the best that works, or the one asked for, or what is left.

use super::tracker::{Options, Tier};
use crate::ebpf;
use crate::sockets::Diag;

/// Tries the tiers from the best that is allowed downwards. Returns the tier, the running eBPF program if that is the one, and why no
/// better tier is used (empty for the best).
#[must_use]
pub fn choose(options: &Options) -> (Tier, Option<ebpf::Source>, String) {
    let best = options.tier.unwrap_or(Tier::Ebpf);
    let mut reasons = Vec::new();
    if best != Tier::Ebpf {
        reasons.push(format!("--tier {} was asked for", best.name()));
    } else if !options.ebpf {
        reasons.push("eBPF is switched off (--ebpf=false)".to_owned());
    } else {
        match ebpf::Source::open() {
            Ok(source) => return (Tier::Ebpf, Some(source), String::new()),
            Err(error) => reasons.push(error.to_string()),
        }
    }
    if best != Tier::Proc {
        match diag_works() {
            Ok(()) => return (Tier::Diag, None, reasons.join("; ")),
            Err(error) => reasons.push(format!(
                "netlink sock_diag does not work (module inet_diag, or a seccomp filter): {error}"
            )),
        }
    }
    (Tier::Proc, None, reasons.join("; "))
}

/// Whether the kernel answers `sock_diag` at all.
///
/// # Errors
/// The kernel's refusal.
pub fn diag_works() -> std::io::Result<()> {
    Diag::open()?.tcp_listeners(|_| {})
}
