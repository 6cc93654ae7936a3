//! What the probe itself costs, and the brake: above a set share of a core the cadence slows down, and the host node says so.
//!
//! The meter reads the process' own CPU time, so in `scope launch`, where server and probe share a process, the server counts as well.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use parking_lot::Mutex;
use scope_shared::report::{Metric, Node};
use scope_shared::time::Timestamp;
use smol_str::format_smolstr;

/// What is left of the running mean's past after a second: a burst of a few seconds does not brake, half a minute does.
const KEPT_PER_SECOND: f64 = 0.9;
/// A reading counts as at most so many times the limit: starting up takes a whole core for a moment, and that is no habit.
const MOST: f64 = 3.0;
/// The slowest cadence, in times the set one.
const SLOWEST: u32 = 16;

/// How much to slow down. Pure: time is passed in.
#[derive(Clone, Debug)]
pub struct Brake {
    limit: f64,
    mean: f64,
    factor: u32,
}

impl Brake {
    /// Slows down above `limit` percent of one core.
    #[must_use]
    pub const fn new(limit: f64) -> Self {
        Self {
            limit,
            mean: 0.0,
            factor: 1,
        }
    }

    /// Takes a reading in percent of one core over so many seconds; returns by how much the cadence is to be stretched (a power of two).
    pub fn observe(&mut self, percent: f64, seconds: f64) -> u32 {
        let weight = 1.0 - KEPT_PER_SECOND.powf(seconds);
        let mean = self.mean + weight * (percent.min(MOST * self.limit) - self.mean);
        self.mean = mean;
        if mean > self.limit && self.factor < SLOWEST {
            self.factor *= 2;
            // The mean starts again: what was measured at the old cadence says nothing of the new one.
            self.mean = self.limit * 0.7;
        } else if self.factor > 1 && mean < self.limit * 0.4 {
            self.factor /= 2;
            self.mean = self.limit * 0.7;
        }
        self.factor
    }
}

#[derive(Debug)]
struct State {
    brake: Brake,
    read: Instant,
    cpu: Duration,
    percent: f64,
    rss: f64,
    interval: Duration,
    factor: u32,
}

/// The probe's own costs. Clones see the same readings.
#[derive(Clone, Debug)]
pub struct Meter(Arc<Mutex<State>>);

impl Meter {
    /// A meter for a probe that scans every `interval`, braking above `limit` percent of a core.
    #[must_use]
    pub fn new(interval: Duration, limit: f64) -> Self {
        Self(Arc::new(Mutex::new(State {
            brake: Brake::new(limit),
            read: Instant::now(),
            cpu: own_cpu(),
            percent: 0.0,
            rss: own_rss(),
            interval,
            factor: 1,
        })))
    }

    /// Takes a reading; returns how long to wait between scans now.
    pub fn tick(&self) -> Duration {
        self.note(Instant::now(), own_cpu(), own_rss())
    }

    /// Takes note of a reading: the CPU time used so far, and the memory in bytes.
    fn note(&self, now: Instant, cpu: Duration, rss: f64) -> Duration {
        let mut state = self.0.lock();
        let passed = now.saturating_duration_since(state.read).as_secs_f64();
        if passed > 0.0 {
            state.percent = 100.0 * cpu.saturating_sub(state.cpu).as_secs_f64() / passed;
            state.rss = rss;
            (state.read, state.cpu) = (now, cpu);
            let percent = state.percent;
            let factor = state.brake.observe(percent, passed);
            if factor != state.factor {
                let seconds = (state.interval * factor).as_secs_f64();
                if factor > state.factor {
                    tracing::warn!(
                        percent = format!("{percent:.1}"),
                        limit = state.brake.limit,
                        "the probe uses more of a core than it may (--max-cpu) and looks at the machine every {seconds} s only"
                    );
                } else {
                    tracing::info!("the probe looks at the machine every {seconds} s again");
                }
                state.factor = factor;
            }
            metrics::gauge!("scope_probe_cpu_percent").set(percent);
            metrics::gauge!("scope_probe_memory_bytes").set(state.rss);
        }
        state.interval * state.factor
    }

    /// Writes the readings on the host node.
    pub fn describe(&self, node: &mut Node, now: Timestamp) {
        let state = self.0.lock();
        node.metrics
            .insert("scope_probe_cpu_percent", Metric::single(now, state.percent, 100.0));
        node.metrics
            .insert("scope_probe_memory_bytes", Metric::single(now, state.rss, state.rss));
        let seconds = (state.interval * state.factor).as_secs_f64();
        let cadence = if state.factor == 1 {
            format_smolstr!("every {seconds} s")
        } else {
            format_smolstr!(
                "slowed down to every {seconds} s, because the probe used more than {} % of a core",
                state.brake.limit
            )
        };
        node.set_latest("scope_probe_cadence", now, cadence);
    }
}

fn own_cpu() -> Duration {
    let time = |time: nix::sys::time::TimeVal| {
        Duration::new(
            u64::try_from(time.tv_sec()).unwrap_or(0),
            u32::try_from(time.tv_usec()).unwrap_or(0) * 1000,
        )
    };
    getrusage(UsageWho::RUSAGE_SELF).map_or(Duration::ZERO, |usage| time(usage.user_time()) + time(usage.system_time()))
}

fn own_rss() -> f64 {
    let pages: Option<f64> = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split(' ').nth(1)?.parse().ok());
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE)
        .ok()
        .flatten()
        .unwrap_or(4096);
    pages.unwrap_or(0.0) * page as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_does_not_brake_and_a_lasting_load_does() {
        let mut brake = Brake::new(5.0);
        assert_eq!(brake.observe(106.0, 0.02), 1, "the first moment");
        assert_eq!(brake.observe(100.0, 1.0), 1, "starting up");
        brake.observe(1.0, 1.0);
        assert_eq!(brake.observe(30.0, 1.0), 1, "one busy second");
        let factor = (0..60).map(|_| brake.observe(8.0, 1.0)).last();
        assert!(factor > Some(1));
    }

    #[test]
    fn a_probe_that_costs_too_much_slows_down_and_says_so_on_its_host() {
        let second = Duration::from_secs(1);
        let meter = Meter::new(second, 5.0);
        let began = meter.0.lock().read;
        let cadence = |meter: &Meter| {
            let mut node = Node::new("h;<host>", "host");
            meter.describe(&mut node, Timestamp::ZERO);
            let cpu = node
                .metrics
                .get("scope_probe_cpu_percent")
                .and_then(Metric::last)
                .map(|sample| sample.value.round());
            (node.latest("scope_probe_cadence").map(str::to_owned), cpu)
        };
        let own = own_cpu();
        let mut waits = Vec::new();
        for tick in 1..=60 {
            // Each second a fifth of one on the CPU.
            waits.push(meter.note(began + second * tick, own + second * tick / 5, 3e6));
        }
        assert_eq!(waits.first(), Some(&second), "one expensive second is no reason");
        assert!(waits.last() > Some(&(2 * second)), "{waits:?}");
        let (said, cpu) = cadence(&meter);
        assert!(said.is_some_and(|said| said.starts_with("slowed down to every ") && said.contains("more than 5 % of a core")));
        assert_eq!(cpu, Some(20.0));
        for tick in 61..=600 {
            meter.note(began + second * tick, own + second * 12, 3e6);
        }
        assert_eq!(cadence(&meter).0.as_deref(), Some("every 1 s"), "the load is gone");
    }

    #[test]
    fn the_cadence_recovers_when_the_load_is_gone_and_never_stops_altogether() {
        let mut brake = Brake::new(5.0);
        assert_eq!((0..1000).map(|_| brake.observe(90.0, 1.0)).last(), Some(SLOWEST));
        assert_eq!((0..1000).map(|_| brake.observe(0.3, 1.0)).last(), Some(1));
    }
}
