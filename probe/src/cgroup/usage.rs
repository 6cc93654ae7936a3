//! What a container uses, from cgroup files: CPU time, memory as `docker stats` counts it, pressure.
//!
//! A few small files a container and tick instead of an HTTP stream each. Nothing is cached but where the trees are mounted; only the CPU time,
//! which is read again and again, has a file that stays open ([`CpuClock`]).

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::Membership;

/// Longest cgroup file we read (`memory.stat` is 3 kB today).
const MAX_FILE: usize = 64 << 10;

/// Share of the last ten seconds in which somebody waited, in percent, by resource.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pressure {
    /// Waiting for a CPU.
    pub cpu: f64,
    /// Waiting for memory.
    pub memory: f64,
    /// Waiting for the disk.
    pub io: f64,
}

/// One reading, without the CPU time. Fields that this kernel or controller does not offer are `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Memory without inactive page cache, bytes: what `docker stats` shows.
    pub memory_bytes: Option<u64>,
    /// Memory limit in bytes; `None` if there is none.
    pub memory_limit: Option<u64>,
    /// Pressure stall information (cgroup v2, kernels with PSI).
    pub pressure: Option<Pressure>,
}

/// Knows where the trees are mounted.
#[derive(Clone, Debug)]
pub struct UsageReader {
    unified: Option<PathBuf>,
    memory: Option<PathBuf>,
    cpuacct: Option<PathBuf>,
}

/// The CPU time of one group, from a file that stays open.
#[derive(Debug)]
pub struct CpuClock {
    file: File,
    unified: bool,
}

impl CpuClock {
    /// CPU time used since the group was made, nanoseconds, all CPUs together. `None` when the group is gone.
    #[must_use]
    pub fn nanos(&self) -> Option<u64> {
        // The first line is the one that counts.
        let mut buffer = [0_u8; 256];
        let count = self.file.read_at(&mut buffer, 0).ok()?;
        let text = str::from_utf8(buffer.get(..count)?).ok()?;
        if self.unified {
            keyed(text, "usage_usec").map(|micros| micros.saturating_mul(1000))
        } else {
            text.trim().parse().ok()
        }
    }
}

impl UsageReader {
    /// Looks below `root` (normally `/sys/fs/cgroup`) for a v2 tree, v1 trees, or both.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        let existing = |names: &[&str], marker: &str| names.iter().map(|name| root.join(name)).find(|path| path.join(marker).exists());
        Self {
            unified: existing(&["", "unified"], "cgroup.controllers"),
            memory: existing(&["memory"], "memory.usage_in_bytes").or_else(|| existing(&["memory"], "memory.stat")),
            cpuacct: existing(&["cpuacct", "cpu,cpuacct", "cpuacct,cpu"], "cpuacct.usage"),
        }
    }

    /// For `doctor`: which trees were found.
    #[must_use]
    pub fn describe(&self) -> &'static str {
        match (self.unified.is_some(), self.memory.is_some() || self.cpuacct.is_some()) {
            (true, true) => "v1 controllers with a v2 tree beside them",
            (true, false) => "v2",
            (false, true) => "v1",
            (false, false) => "none found",
        }
    }

    /// The CPU time alone: while it stands still the rest hardly moves. `None` for a group that is gone or has no such file.
    #[must_use]
    pub fn cpu_clock(&self, membership: &Membership) -> Option<CpuClock> {
        let open = |tree: Option<&Path>, path: &str, name: &str, unified: bool| {
            let file = File::open(group(tree, path)?.join(name)).ok()?;
            let clock = CpuClock { file, unified };
            clock.nanos().map(|_| clock)
        };
        open(self.unified.as_deref(), &membership.unified, "cpu.stat", true)
            .or_else(|| open(self.cpuacct.as_deref(), &membership.cpuacct, "cpuacct.usage", false))
    }

    /// Reads everything but the CPU time. A group that is gone gives an empty reading.
    #[must_use]
    pub fn read(&self, membership: &Membership) -> Usage {
        let mut usage = Usage::default();
        if let Some(group) = group(self.unified.as_deref(), &membership.unified) {
            read_v2(&group, &mut usage);
        }
        if usage.memory_bytes.is_none()
            && let Some(group) = group(self.memory.as_deref(), &membership.memory)
        {
            read_memory_v1(&group, &mut usage);
        }
        usage
    }
}

/// The directory of a group. A path of another cgroup namespace (`/../x`) would climb out of the tree: such groups are not read.
fn group(tree: Option<&Path>, path: &str) -> Option<PathBuf> {
    let relative = path.strip_prefix('/')?;
    if relative.is_empty() || relative.split('/').any(|segment| segment == "..") {
        return None;
    }
    Some(tree?.join(relative))
}

fn read_v2(group: &Path, usage: &mut Usage) {
    if let Some(current) = number(&group.join("memory.current")) {
        let inactive = text(&group.join("memory.stat")).and_then(|text| keyed(&text, "inactive_file"));
        usage.memory_bytes = Some(without_cache(current, inactive));
        usage.memory_limit = number(&group.join("memory.max"));
    }
    let pressure = |name: &str| text(&group.join(name)).and_then(|text| some_avg10(&text));
    if let Some(cpu) = pressure("cpu.pressure") {
        usage.pressure = Some(Pressure {
            cpu,
            memory: pressure("memory.pressure").unwrap_or_default(),
            io: pressure("io.pressure").unwrap_or_default(),
        });
    }
}

fn read_memory_v1(group: &Path, usage: &mut Usage) {
    let Some(current) = number(&group.join("memory.usage_in_bytes")) else {
        return;
    };
    let inactive = text(&group.join("memory.stat")).and_then(|text| keyed(&text, "total_inactive_file"));
    usage.memory_bytes = Some(without_cache(current, inactive));
    // "No limit" is the largest multiple of the page size below 2^63.
    usage.memory_limit = number(&group.join("memory.limit_in_bytes")).filter(|limit| *limit < 1 << 62);
}

/// `docker stats` takes the inactive file cache off, unless that would leave less than nothing.
fn without_cache(current: u64, inactive: Option<u64>) -> u64 {
    inactive.and_then(|inactive| current.checked_sub(inactive)).unwrap_or(current)
}

fn text(path: &Path) -> Option<String> {
    let mut text = fs::read(path).ok()?;
    text.truncate(MAX_FILE);
    String::from_utf8(text).ok()
}

fn number(path: &Path) -> Option<u64> {
    text(path)?.trim().parse().ok()
}

/// The value of `key` in lines of `key value`.
#[must_use]
pub fn keyed(text: &str, key: &str) -> Option<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

/// `avg10` of the `some` line of a pressure file.
#[must_use]
pub fn some_avg10(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("some "))?;
    line.split(' ')
        .find_map(|field| field.strip_prefix("avg10="))?
        .parse()
        .ok()
        .filter(|value: &f64| value.is_finite())
}
