//! What runs on this machine, from `/proc`: processes, their numbers, their cgroup and their network namespace.
//!
//! A walk re-reads what can have changed: young and busy processes each time, idle ones every few walks, those of a control group in which
//! nothing ran hardly ever, identity (command line, cgroup, namespace) only when something hints at a change. Reads go through one directory descriptor and one buffer; no regular expressions,
//! no allocation for what stayed the same. This module attributes nothing to containers or connections; others do that with its answers.

mod fds;
mod groups;
mod parse;
mod roll;
mod walk;

use std::collections::BTreeMap;
use std::sync::Arc;

use scope_shared::report::SmolStr;

pub use fds::{ProcRoot, SocketScan, socket_inodes};
pub use parse::{Stat, cmdline, decimal, existing, last_pid, link_inode, machine_jiffies, soft_open_files, started, stat};
pub use walk::Walker;

use crate::cgroup::Membership;

/// One process. Cheap to share; a new one is made when something changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Process {
    /// Process id, in the namespace of the mounted `/proc`.
    pub pid: u32,
    /// Parent; zero for none.
    pub ppid: u32,
    /// Start in clock ticks since boot: together with the pid it is an identity.
    pub start: u64,
    /// Name the kernel holds, at most 15 bytes.
    pub comm: SmolStr,
    /// First word of the command line (up to the first NUL); `[comm]` for kernel threads.
    pub name: SmolStr,
    /// Command line with NULs as blanks, trailing blank included; empty for kernel threads.
    pub cmdline: SmolStr,
    /// Threads.
    pub threads: u32,
    /// Open files.
    pub open_files: u32,
    /// Soft limit of open files; zero if not known.
    pub open_files_limit: u64,
    /// CPU time used so far, clock ticks.
    pub jiffies: u64,
    /// Share of the whole machine between the two last readings, percent (0 to 100); `None` until there are two.
    pub cpu_percent: Option<f64>,
    /// Resident memory, bytes.
    pub rss_bytes: u64,
    /// Limit of resident memory, bytes; `u64::MAX` for none.
    pub rss_limit: u64,
    /// Cgroups and the containers they name.
    pub cgroup: Arc<Membership>,
    /// Inode of the network namespace; zero if not readable.
    pub netns: u32,
}

impl Process {
    /// Id of the container this process runs in (the outermost one), as its engine writes it.
    #[must_use]
    pub fn container_id(&self) -> Option<&SmolStr> {
        self.cgroup.container().map(|container| &container.id)
    }
}

/// What one walk found.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Ascending by pid.
    processes: Vec<Arc<Process>>,
    /// Clock ticks that all CPUs together have spent since boot.
    pub total_jiffies: u64,
    /// Number of CPUs that `/proc/stat` names.
    pub cpus: u32,
    group_cpu: BTreeMap<usize, u64>,
}

impl Snapshot {
    /// From processes in any order (for tests and other sources).
    #[must_use]
    pub fn new(mut processes: Vec<Arc<Process>>, total_jiffies: u64, cpus: u32) -> Self {
        processes.sort_unstable_by_key(|process| process.pid);
        processes.dedup_by_key(|process| process.pid);
        Self {
            processes,
            total_jiffies,
            cpus,
            group_cpu: BTreeMap::new(),
        }
    }

    /// CPU time that the control group of one of these processes has used, nanoseconds; `None` where the walk does not know.
    #[must_use]
    pub fn group_cpu(&self, membership: &Arc<Membership>) -> Option<u64> {
        self.group_cpu.get(&groups::address(membership)).copied()
    }

    /// All processes, ascending by pid.
    #[must_use]
    pub fn processes(&self) -> &[Arc<Process>] {
        &self.processes
    }

    /// One process.
    #[must_use]
    pub fn get(&self, pid: u32) -> Option<&Arc<Process>> {
        let at = self.processes.binary_search_by_key(&pid, |process| process.pid).ok()?;
        self.processes.get(at)
    }
}
