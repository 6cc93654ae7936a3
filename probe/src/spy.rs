//! The loop: every interval it asks all sources, merges and tags what they say, and hands it to the publisher; what happens in between goes
//! out at once.
//!
//! One task, so that sources need no locks among themselves. A source that takes too long is left out of a report, never waited for.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use scope_shared::report::{Kind, Nodes, Report, SmolStr, Topology};
use scope_shared::time::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::endpoint::{Context, EndpointTracker};
use crate::meter::Meter;
use crate::proc::{Snapshot, Walker};
use crate::publish::{Publisher, Shared};
use crate::reporter::{Reporter, Tagger, Tick, system_time};

/// Shortcut reports that may wait; an event storm beyond that shows with the next scan.
const SHORTCUTS: usize = 1024;
/// At most one shortcut report in this time: a storm of events becomes few reports.
const SHORTCUT_PACE: Duration = Duration::from_millis(30);
/// For one source's part of a report.
const SOURCE: Duration = Duration::from_secs(5);

/// Where sources hand in what just happened. Clones lead to the same loop.
#[derive(Clone)]
pub struct Shortcuts(mpsc::Sender<Report>);

impl Shortcuts {
    /// The two ends.
    #[must_use]
    pub fn channel() -> (Self, mpsc::Receiver<Report>) {
        let (sender, receiver) = mpsc::channel(SHORTCUTS);
        (Self(sender), receiver)
    }

    /// The sending end, for sources that bring their own back-pressure.
    #[must_use]
    pub fn sender(&self) -> mpsc::Sender<Report> {
        self.0.clone()
    }

    /// Hands in a report of what just happened; never blocks.
    pub fn publish(&self, report: Report) {
        if self.0.try_send(report).is_err() {
            tracing::debug!("too much happens at once; this change will show with the next scan");
        }
    }
}

/// What looks at this machine's processes and connections.
#[derive(Default)]
pub struct Machine {
    /// Walks over processes.
    pub walker: Option<Walker>,
    /// Keeps track of connections.
    pub tracker: Option<EndpointTracker>,
}

/// Everything the loop drives.
pub struct Spy {
    /// Processes and connections.
    pub machine: Machine,
    /// The other sources.
    pub reporters: Vec<Box<dyn Reporter>>,
    /// In order.
    pub taggers: Vec<Box<dyn Tagger>>,
    /// Where the newest walk is put for the taggers.
    pub processes: Arc<Mutex<Arc<Snapshot>>>,
    /// Own costs.
    pub meter: Meter,
    /// Where reports go.
    pub publisher: Publisher,
    /// Who may ask for a full report.
    pub shared: Arc<Shared>,
    /// How often reports are sent; scans may be more frequent.
    pub publish_interval: Duration,
}

impl Spy {
    /// Runs until `stop` is cancelled.
    pub async fn run(mut self, mut shortcuts: mpsc::Receiver<Report>, stop: CancellationToken) {
        let mut next = tokio::time::Instant::now();
        let mut published: Option<Instant> = None;
        let mut gathered: Option<Report> = None;
        let mut shortcut_from = tokio::time::Instant::now();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                // Before the scan: on a machine too busy to scan in time, a scan is always due. Both are paced, so scans go on.
                Some(report) = shortcuts.recv(), if shortcut_from <= tokio::time::Instant::now() => {
                    let mut report = report;
                    while let Ok(more) = shortcuts.try_recv() {
                        report.merge(&more);
                    }
                    self.tag(&mut report, system_time());
                    self.publisher.shortcut(report);
                    shortcut_from = tokio::time::Instant::now() + SHORTCUT_PACE;
                }
                () = self.shared.full_wanted() => self.publisher.full_if_wanted(),
                () = tokio::time::sleep_until(next) => {
                    let started = Instant::now();
                    let report = self.scan().await;
                    let report = match gathered.take() {
                        None => report,
                        Some(earlier) => newer_on_top(report, &earlier),
                    };
                    // A little early counts as due: intervals of timers are never exact.
                    let due = published.is_none_or(|at| started.duration_since(at) + SHORTCUT_PACE >= self.publish_interval);
                    if due {
                        published = Some(started);
                        self.publisher.publish(report, started);
                    } else {
                        gathered = Some(report);
                    }
                    metrics::histogram!("scope_probe_duration_seconds", "operation" => "scan").record(started.elapsed().as_secs_f64());
                    next = (next + self.meter.tick()).max(tokio::time::Instant::now());
                }
                () = tokio::time::sleep_until(shortcut_from), if shortcut_from > tokio::time::Instant::now() => {}
            }
        }
    }

    /// One look at everything.
    async fn scan(&mut self) -> Report {
        let mut report = Report::default();
        let now = system_time();
        if let Some(walker) = &mut self.machine.walker {
            match walker.walk() {
                Ok(snapshot) => *self.processes.lock() = snapshot,
                Err(error) => tracing::warn!(%error, "processes cannot be listed; the last list is used"),
            }
        }
        let tick = Tick {
            now,
            processes: Arc::clone(&self.processes.lock()),
        };
        if let Some(tracker) = &mut self.machine.tracker {
            report = tracker.collect(&Context {
                now,
                processes: &tick.processes,
            });
        }
        let parts = futures::future::join_all(self.reporters.iter_mut().map(|reporter| async {
            let name = reporter.name();
            match tokio::time::timeout(SOURCE, reporter.report(&tick)).await {
                Ok(part) => Some((part, reporter.is_tagged())),
                Err(_) => {
                    tracing::warn!(source = name, "a source takes too long and is missing from this report");
                    None
                }
            }
        }))
        .await;
        let (tagged, rest): (Vec<_>, Vec<_>) = parts.into_iter().flatten().partition(|(_, tagged)| *tagged);
        for (part, _) in rest {
            absorb(&mut report, part);
        }
        report.ts = now;
        if let Some(tracker) = &self.machine.tracker {
            describe_tracker(&mut report, tracker, now);
        }
        self.tag(&mut report, now);
        for (part, _) in tagged {
            absorb(&mut report, part);
        }
        report
    }

    fn tag(&self, report: &mut Report, now: Timestamp) {
        for tagger in &self.taggers {
            tagger.tag(report, now);
        }
    }
}

/// Merges a part in, moving what need not be merged: almost always each source has topologies of its own.
fn absorb(report: &mut Report, mut part: Report) {
    for kind in Kind::ALL {
        let (mine, theirs) = (report.topology_mut(kind), part.topology_mut(kind));
        // The smaller one is merged into the larger.
        if is_blank(mine) || mine.nodes.len() < theirs.nodes.len() {
            std::mem::swap(mine, theirs);
        }
        if is_blank(theirs) {
            *theirs = Topology::fresh(kind);
        }
    }
    for kind in Kind::ALL {
        union_controls(&mut report.topology_mut(kind).nodes, &mut part.topology_mut(kind).nodes);
    }
    report.merge(&part);
}

/// Where two sources offer controls on one node (a plugin and the probe itself), both keep theirs: merging alone would take the newer text.
fn union_controls(mine: &mut Nodes, theirs: &mut Nodes) {
    const KEY: &str = "active_controls";
    for (id, their) in theirs {
        let Some(my) = mine.get_mut(id) else { continue };
        let (Some(a), Some(b)) = (my.latest(KEY), their.latest(KEY)) else {
            continue;
        };
        let ids: BTreeSet<&str> = a.split(';').chain(b.split(';')).filter(|id| !id.is_empty()).collect();
        let union = SmolStr::from(Vec::from_iter(ids).join(";"));
        for node in [my, their] {
            if let Some(entry) = Arc::make_mut(node).latest.get_mut(KEY) {
                entry.value = union.clone();
            }
        }
    }
}

fn is_blank(topology: &Topology) -> bool {
    topology.nodes.is_empty()
        && topology.controls.is_empty()
        && topology.metadata_templates.is_empty()
        && topology.metric_templates.is_empty()
}

/// The newest scan, with the samples of scans since the last report: nodes that are gone are not kept.
fn newer_on_top(mut newest: Report, earlier: &Report) -> Report {
    for kind in Kind::ALL {
        let before = &earlier.topology(kind).nodes;
        for (id, node) in &mut newest.topology_mut(kind).nodes {
            if let Some(old) = before.get(id).filter(|old| !old.metrics.is_empty()) {
                let node = Arc::make_mut(node);
                for (key, metric) in node.metrics.iter_mut() {
                    if let Some(old) = old.metrics.get(key) {
                        let mut samples = old.samples.clone();
                        samples.append(&mut metric.samples);
                        metric.samples = samples;
                        metric.min = metric.min.min(old.min);
                        metric.max = metric.max.max(old.max);
                    }
                }
            }
        }
    }
    newest
}

fn describe_tracker(report: &mut Report, tracker: &EndpointTracker, now: Timestamp) {
    // Before tagging, the host's own node is the only one that can be here with a version.
    let host = report
        .topology_mut(Kind::Host)
        .nodes
        .values_mut()
        .find(|node| node.latest.contains_key("host_scope_version"));
    if let Some(host) = host.map(Arc::make_mut) {
        for (key, value) in tracker.host_latest().into_iter().filter(|(_, value)| !value.is_empty()) {
            host.set_latest(key, now, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use scope_shared::report::{Metric, Node};

    use super::*;

    fn host(active: &str, seconds: i64) -> Report {
        let mut report = Report::default();
        let mut node = Node::new("h;<host>", "host");
        node.set_latest("active_controls", Timestamp::from_unix(seconds, 0), active);
        report.topology_mut(Kind::Host).add(node);
        report
    }

    #[test]
    fn controls_of_a_plugin_and_of_the_probe_coexist() {
        let mut report = host("host_exec", 1);
        absorb(&mut report, host("iowait~idle", 2));
        let node = &report.topology(Kind::Host).nodes["h;<host>"];
        assert_eq!(node.latest("active_controls"), Some("host_exec;iowait~idle"));
    }

    #[test]
    fn samples_of_scans_between_reports_are_kept_and_nodes_that_went_are_not() {
        let scan = |seconds: i64, extra: Option<&str>| {
            let mut report = Report::default();
            let mut node = Node::new("h;1", "process");
            node.metrics
                .insert("m", Metric::single(Timestamp::from_unix(seconds, 0), seconds as f64, 100.0));
            report.topology_mut(Kind::Process).add(node);
            if let Some(id) = extra {
                report.topology_mut(Kind::Process).add(Node::new(id, "process"));
            }
            report
        };
        let merged = newer_on_top(scan(2, None), &scan(1, Some("h;2")));
        let nodes = &merged.topology(Kind::Process).nodes;
        assert_eq!(nodes.keys().map(SmolStr::as_str).collect::<Vec<_>>(), ["h;1"]);
        let samples: Vec<f64> = nodes["h;1"]
            .metrics
            .get("m")
            .unwrap()
            .samples
            .iter()
            .map(|sample| sample.value)
            .collect();
        assert_eq!(samples, [1.0, 2.0]);
    }
}
