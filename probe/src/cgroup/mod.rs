//! Control groups: which container a process belongs to, and what a container uses.
//!
//! Works from `/proc/<pid>/cgroup` and the cgroup file systems alone, so it serves every runtime alike: Docker, Podman, containerd and
//! CRI-O, under the systemd and cgroupfs drivers, on cgroup v1, v2 and hybrids. It never talks to a runtime.

mod membership;
mod usage;

pub use membership::{ContainerRef, Membership, Runtime};
pub use usage::{CpuClock, Pressure, Usage, UsageReader, keyed, some_avg10};
