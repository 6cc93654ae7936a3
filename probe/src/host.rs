//! The Host node: what this machine is and how it does.

use std::time::Instant;

use async_trait::async_trait;
use ipnet::IpNet;
use scope_shared::report::{Kind, Metric, Node, Report, SmolStr};
use smol_str::{ToSmolStr as _, format_smolstr};

use crate::config::Allow;
use crate::controls::{Declared, QUICK};
use crate::local_addresses;
use crate::meter::Meter;
use crate::reporter::{Reporter, Tick};
use crate::template::{self, Measure, Row};
use std::sync::Arc;

use crate::controls::Registry;

/// Opens a shell on the host.
pub const EXEC: Declared = Declared {
    id: "host_exec",
    human: "Exec shell",
    icon: "fa fa-terminal",
    confirmation: "",
    rank: 0,
    kind: Allow::HostShell,
    timeout: QUICK,
};
/// Resizes the terminal of a shell on the host.
pub const RESIZE: Declared = Declared {
    id: "host_resize_exec_tty",
    human: "",
    ..EXEC
};

const ROWS: &[Row] = &[
    Row::latest("kernel_version", "Kernel version", 1.0),
    Row::latest("uptime", "Uptime", 2.0).typed("duration"),
    Row::latest("host_name", "Hostname", 11.0),
    Row::latest("os", "OS", 12.0),
    Row::set("local_networks", "Local networks", 13.0),
    Row::latest("host_scope_version", "Scope version", 14.0),
    Row::latest("scope_connection_tier", "Connections from", 15.0),
    Row::latest("scope_connection_tier_reason", "No better because", 16.0),
    Row::latest("scope_connection_events_lost", "Connection events lost", 17.0).typed("number"),
    Row::latest("scope_probe_cadence", "Probe's cadence", 18.0),
    Row::latest("scope_probe_allows", "Controls allowed", 19.0),
];
const MEASURES: &[Measure] = &[
    Measure::new("host_cpu_usage_percent", "CPU", "percent", 1.0),
    Measure::new("host_mem_usage_bytes", "Memory", "filesize", 2.0),
    Measure {
        group: "load",
        ..Measure::new("load1", "Load (1m)", "", 11.0)
    },
    Measure::new("scope_probe_cpu_percent", "Probe's CPU (of one core)", "percent", 21.0),
    Measure::new("scope_probe_memory_bytes", "Probe's memory", "filesize", 22.0),
];

/// Interfaces change rarely; asking costs a netlink dump.
const ADDRESSES_EVERY: std::time::Duration = std::time::Duration::from_secs(10);

/// Reports this machine.
pub struct Host {
    host_id: SmolStr,
    probe_id: SmolStr,
    kernel: SmolStr,
    controls: Arc<Registry>,
    meter: Meter,
    cpu: Option<CpuTimes>,
    networks: Vec<IpNet>,
    networks_read: Option<Instant>,
}

impl Host {
    /// For this host.
    #[must_use]
    pub fn new(host_id: SmolStr, probe_id: SmolStr, controls: Arc<Registry>, meter: Meter) -> Self {
        let kernel = nix::sys::utsname::uname().map_or_else(
            |_| SmolStr::default(),
            |uname| format_smolstr!("{} {}", uname.release().to_string_lossy(), uname.version().to_string_lossy()),
        );
        Self {
            host_id,
            probe_id,
            kernel,
            controls,
            meter,
            cpu: None,
            networks: Vec::new(),
            networks_read: None,
        }
    }

    fn node(&mut self, tick: &Tick) -> Node {
        let now = tick.now;
        if self.networks_read.is_none_or(|read| read.elapsed() >= ADDRESSES_EVERY) {
            self.networks = local_addresses::networks();
            self.networks_read = Some(Instant::now());
        }
        let mut node = Node::new(format_smolstr!("{};<host>", self.host_id), Kind::Host.name());
        node.set_latest("control_probe_id", now, self.probe_id.clone());
        node.set_latest("ts", now, now.to_string());
        node.set_latest("host_name", now, self.host_id.clone());
        node.set_latest("os", now, std::env::consts::OS);
        node.set_latest("kernel_version", now, self.kernel.clone());
        node.set_latest("host_scope_version", now, crate::VERSION);
        node.set_latest("active_controls", now, self.controls.active([&EXEC]));
        // A page can only say why a control is missing if somebody tells it.
        node.set_latest("scope_probe_allows", now, self.controls.policy().names());
        if let Some(uptime) = read("/proc/uptime").and_then(|text| parse_uptime(&text)) {
            node.set_latest("uptime", now, uptime.to_smolstr());
        }
        for network in &self.networks {
            node.add_to_set("local_networks", network.to_smolstr());
        }
        if let Some(load) = read("/proc/loadavg").and_then(|text| text.split(' ').next()?.parse().ok()) {
            node.metrics.insert("load1", Metric::single(now, load, load));
        }
        if let Some(times) = read("/proc/stat").and_then(|text| CpuTimes::parse(&text)) {
            let busy = times.busy_percent_since(self.cpu.unwrap_or_default());
            self.cpu = Some(times);
            node.metrics.insert("host_cpu_usage_percent", Metric::single(now, busy, 100.0));
        }
        if let Some((used, total)) = read("/proc/meminfo").and_then(|text| parse_memory(&text)) {
            node.metrics.insert("host_mem_usage_bytes", Metric::single(now, used, total));
        }
        self.meter.describe(&mut node, now);
        node
    }
}

#[async_trait]
impl Reporter for Host {
    fn name(&self) -> &'static str {
        "host"
    }

    async fn report(&mut self, tick: &Tick) -> Report {
        let mut report = Report::default();
        let node = self.node(tick);
        let topology = report.topology_mut(Kind::Host);
        template::rows(topology, ROWS);
        template::measures(topology, MEASURES);
        self.controls.declare(topology, [&EXEC]);
        topology.add(node);
        report
    }
}

/// This machine's memory in bytes; zero if it cannot be read.
#[must_use]
pub fn total_memory() -> f64 {
    read("/proc/meminfo")
        .and_then(|text| parse_memory(&text))
        .map_or(0.0, |(_, total)| total)
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// Whole seconds since boot.
fn parse_uptime(text: &str) -> Option<u64> {
    text.split(['.', ' ']).next()?.parse().ok()
}

/// Used and total memory in bytes. What could be given back at once does not count as used.
fn parse_memory(text: &str) -> Option<(f64, f64)> {
    let field = |name: &str| -> Option<f64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
        Some(kilobytes * 1024.0)
    };
    let total = field("MemTotal")?;
    let available = field("MemAvailable").or_else(|| Some(field("MemFree")? + field("Buffers")? + field("Cached")?))?;
    Some((total - available, total))
}

/// Jiffies of all CPUs since boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct CpuTimes {
    busy: u64,
    idle: u64,
}

impl CpuTimes {
    fn parse(text: &str) -> Option<Self> {
        let mut columns = text
            .lines()
            .next()?
            .strip_prefix("cpu ")?
            .split_ascii_whitespace()
            .map(str::parse::<u64>);
        let mut next = || columns.next().and_then(Result::ok);
        let (user, nice, system, idle, iowait) = (next()?, next()?, next()?, next()?, next()?);
        let rest: u64 = (0..3).map_while(|_| next()).sum();
        Some(Self {
            busy: user + nice + system + rest,
            idle: idle + iowait,
        })
    }

    fn busy_percent_since(self, before: Self) -> f64 {
        let busy = self.busy.saturating_sub(before.busy) as f64;
        let idle = self.idle.saturating_sub(before.idle) as f64;
        if busy + idle > 0.0 { 100.0 * busy / (busy + idle) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_is_what_is_neither_idle_nor_waiting_for_the_disk() {
        let before = CpuTimes::parse("cpu  100 0 100 700 100 0 0 0 0 0\n").unwrap();
        let after = CpuTimes::parse("cpu  130 5 110 740 105 3 1 1 0 0\nintr 1").unwrap();
        assert_eq!(before, CpuTimes { busy: 200, idle: 800 });
        assert!((after.busy_percent_since(before) - 100.0 * 50.0 / 95.0).abs() < 1e-9);
        assert_eq!(after.busy_percent_since(after), 0.0, "no time passed");
    }

    #[test]
    fn memory_that_is_available_is_not_used() {
        let text = "MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    400 kB\n";
        assert_eq!(parse_memory(text), Some((600.0 * 1024.0, 1000.0 * 1024.0)));
        let old = "MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 50 kB\nCached: 150 kB\n";
        assert_eq!(parse_memory(old), Some((700.0 * 1024.0, 1000.0 * 1024.0)));
    }

    #[test]
    fn uptime_is_whole_seconds() {
        assert_eq!(parse_uptime("1575.47 3021.11\n"), Some(1575));
    }
}
