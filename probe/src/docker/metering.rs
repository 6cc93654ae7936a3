//! What one container uses, from one report to the next: CPU time with every report, everything else when the CPU time moved.
//!
//! A value that did not change keeps its sample, so that nothing is sent for a container that does nothing.

use std::sync::Arc;

use scope_shared::report::{Metric, Node, VecMap};
use scope_shared::time::Timestamp;

use crate::cgroup::{Membership, Usage, UsageReader};
use crate::proc::Snapshot;

/// Of a container that uses no CPU the rest is read every so many times: its memory can only be taken away.
const IDLE_EVERY: u32 = 16;

/// One container's readings and metrics.
#[derive(Debug, Default)]
pub struct ContainerMeter {
    cpu: Option<(Timestamp, u64)>,
    idle: u32,
    metrics: VecMap<Metric>,
}

impl ContainerMeter {
    /// Takes a reading. `total_memory` is the limit of a container without one.
    pub fn read(&mut self, reader: &UsageReader, cgroup: &Arc<Membership>, machine: &Snapshot, total_memory: f64, now: Timestamp) {
        // The walk has read it, but for groups beyond what it keeps open.
        let cpu = machine.group_cpu(cgroup).or_else(|| reader.cpu_clock(cgroup)?.nanos());
        self.note_cpu(cpu, machine.cpus, now);
        if self.idle.is_multiple_of(IDLE_EVERY) {
            self.note_rest(&reader.read(cgroup), total_memory, now);
        }
    }

    /// Puts the metrics on the container's node.
    pub fn add_to(&self, node: &mut Node) {
        for (key, metric) in self.metrics.iter() {
            node.metrics.insert(key.clone(), metric.clone());
        }
    }

    fn note_cpu(&mut self, nanos: Option<u64>, cpus: u32, now: Timestamp) {
        let Some(nanos) = nanos else {
            self.idle = 0;
            return;
        };
        let before = self.cpu.replace((now, nanos));
        let moved = before.is_none_or(|(_, before)| before != nanos);
        self.idle = if moved { 0 } else { self.idle.wrapping_add(1) };
        let Some((then, before)) = before else { return };
        let passed = (now.unix_millis() - then.unix_millis()) as f64 * 1e6 * f64::from(cpus.max(1));
        if passed > 0.0 {
            let percent = 100.0 * nanos.saturating_sub(before) as f64 / passed;
            self.set("docker_cpu_total_usage", percent.min(100.0), 100.0, now);
        }
    }

    fn note_rest(&mut self, usage: &Usage, total_memory: f64, now: Timestamp) {
        if let Some(used) = usage.memory_bytes {
            let limit = usage.memory_limit.map_or(total_memory, |limit| limit as f64);
            self.set("docker_memory_usage", used as f64, limit, now);
        }
        if let Some(pressure) = usage.pressure {
            self.set("scope_pressure_cpu", pressure.cpu, 100.0, now);
            self.set("scope_pressure_memory", pressure.memory, 100.0, now);
            self.set("scope_pressure_io", pressure.io, 100.0, now);
        }
    }

    fn set(&mut self, key: &'static str, value: f64, max: f64, now: Timestamp) {
        let fresh = Metric::single(now, value, max);
        let same = |known: &Metric| known.max == fresh.max && known.last().is_some_and(|sample| sample.value == value);
        if !self.metrics.get(key).is_some_and(same) {
            self.metrics.insert(key, fresh);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(meter: &ContainerMeter, key: &str) -> Option<(i64, f64)> {
        let sample = meter.metrics.get(key)?.last()?;
        Some((sample.date.unix_millis() / 1000, sample.value))
    }

    #[test]
    fn cpu_is_a_share_of_the_machine_and_standing_still_keeps_the_sample() {
        let mut meter = ContainerMeter::default();
        for (second, nanos) in [(1, 0), (2, 500_000_000), (3, 500_000_000), (4, 500_000_000)] {
            meter.note_cpu(Some(nanos), 2, Timestamp::from_unix(second, 0));
            if second == 2 {
                assert_eq!(
                    value(&meter, "docker_cpu_total_usage"),
                    Some((2, 25.0)),
                    "half a second of two CPUs' second"
                );
            }
        }
        assert_eq!(value(&meter, "docker_cpu_total_usage"), Some((3, 0.0)));
        assert_eq!(meter.idle, 2);
        meter.note_cpu(Some(500_000_001), 2, Timestamp::from_unix(5, 0));
        assert_eq!(meter.idle, 0, "it moved, so everything is read");
    }

    #[test]
    fn memory_without_a_limit_is_measured_against_the_machine() {
        let mut meter = ContainerMeter::default();
        let usage = |limit| Usage {
            memory_bytes: Some(10),
            memory_limit: limit,
            ..Usage::default()
        };
        meter.note_rest(&usage(None), 1000.0, Timestamp::from_unix(1, 0));
        assert_eq!(meter.metrics.get("docker_memory_usage").map(|metric| metric.max), Some(1000.0));
        meter.note_rest(&usage(Some(40)), 1000.0, Timestamp::from_unix(2, 0));
        assert_eq!(
            meter.metrics.get("docker_memory_usage").map(|metric| metric.max),
            Some(40.0),
            "a new limit is news"
        );
    }
}
