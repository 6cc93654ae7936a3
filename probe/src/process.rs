//! The Process topology, from the walk over `/proc`.
//!
//! A process whose reading did not change keeps the node it had, so that a thousand idle processes cost next to nothing: nothing is built,
//! compared or sent for them. Nodes are therefore complete when they leave here, host and container included.

use std::sync::Arc;

use async_trait::async_trait;
use scope_shared::report::{Kind, Metric, Node, Nodes, Report, SmolStr, VecMap};
use scope_shared::time::Timestamp;
use smol_str::{ToSmolStr as _, format_smolstr};

use crate::proc::{Process, Snapshot};
use crate::reporter::{Reporter, Tick};
use crate::taggers::{ContainerIndex, Ties};
use crate::template::{self, Measure, Row};

const ROWS: &[Row] = &[
    Row::latest("pid", "PID", 1.0).typed("number"),
    Row::latest("cmdline", "Command", 2.0),
    Row::latest("ppid", "Parent PID", 3.0).typed("number"),
    Row::latest("threads", "# Threads", 4.0).typed("number"),
];
const MEASURES: &[Measure] = &[
    Measure::new("process_cpu_usage_percent", "CPU", "percent", 1.0),
    Measure::new("process_memory_usage_bytes", "Memory", "filesize", 2.0),
    Measure::new("open_files_count", "Open files", "integer", 3.0),
];

/// What a node has at most: the rows, its name, its host, its container.
const MOST_ROWS: usize = ROWS.len() + 3;
/// Host, container, image.
const MOST_PARENTS: usize = 3;

/// Reports processes.
pub struct Processes {
    host_id: SmolStr,
    host_node: SmolStr,
    omit_arguments: bool,
    containers: ContainerIndex,
    /// Of the containers, when the nodes were made.
    changes: u64,
    /// The readings of the last report, ascending by pid.
    read: Vec<Arc<Process>>,
    /// What was made of them.
    nodes: Nodes,
}

impl Processes {
    /// For this host and its containers; with `omit_arguments` only the first word of command lines is reported.
    #[must_use]
    pub fn new(host_id: SmolStr, omit_arguments: bool, containers: ContainerIndex) -> Self {
        Self {
            host_node: format_smolstr!("{host_id};<host>"),
            host_id,
            omit_arguments,
            containers,
            changes: 0,
            read: Vec::new(),
            nodes: Nodes::new(),
        }
    }

    fn id(&self, pid: u32) -> SmolStr {
        format_smolstr!("{};{pid}", self.host_id)
    }

    /// Makes the nodes of processes whose readings changed, or of all if their containers did.
    fn update(&mut self, tick: &Tick) {
        let containers = self.containers.clone();
        let ties = containers.ties();
        let anew = std::mem::replace(&mut self.changes, ties.changes()) != ties.changes();
        let before = std::mem::take(&mut self.read);
        let mut before = before.iter().peekable();
        // Both ascend: side by side.
        for process in tick.processes.processes() {
            while let Some(gone) = before.next_if(|known| known.pid < process.pid) {
                self.nodes.remove(&self.id(gone.pid));
            }
            let known = before.next_if(|known| known.pid == process.pid);
            if anew || known.is_none_or(|known| !Arc::ptr_eq(known, process)) {
                let node = self.complete(process, &ties, tick);
                self.nodes.insert(node.id.clone(), node);
            }
        }
        for gone in before {
            self.nodes.remove(&self.id(gone.pid));
        }
        self.read = tick.processes.processes().to_vec();
    }

    fn complete(&self, process: &Process, ties: &Ties<'_>, tick: &Tick) -> Arc<Node> {
        let mut node = self.node(process, &tick.processes, tick.now);
        node.set_latest("host_node_id", tick.now, self.host_node.clone());
        node.add_parent(Kind::Host.name(), self.host_node.clone());
        let mut node = Arc::new(node);
        ties.tie(&mut node, &tick.processes, tick.now);
        node
    }

    fn node(&self, process: &Process, snapshot: &Snapshot, now: Timestamp) -> Node {
        // There may be thousands, kept from one report to the next: no room to grow.
        let mut node = Node {
            latest: VecMap::with_capacity(MOST_ROWS),
            metrics: VecMap::with_capacity(MEASURES.len()),
            parents: VecMap::with_capacity(MOST_PARENTS),
            ..Node::new(self.id(process.pid), Kind::Process.name())
        };
        node.set_latest("pid", now, process.pid.to_smolstr());
        node.set_latest("threads", now, process.threads.to_smolstr());
        if !process.name.is_empty() {
            node.set_latest("name", now, process.name.clone());
        }
        if !process.cmdline.is_empty() {
            let shown = match process.cmdline.split_once(' ') {
                Some((program, _)) if self.omit_arguments => SmolStr::new(program),
                _ => process.cmdline.clone(),
            };
            node.set_latest("cmdline", now, shown);
        }
        if process.ppid > 0 {
            node.set_latest("ppid", now, process.ppid.to_smolstr());
        }
        if let Some(percent) = process.cpu_percent {
            // The maximum is the original's: 100 for each CPU, though the value is a share of the whole machine.
            let max = f64::from(snapshot.cpus) * 100.0;
            node.metrics.insert("process_cpu_usage_percent", Metric::single(now, percent, max));
        }
        node.metrics.insert(
            "process_memory_usage_bytes",
            Metric::single(now, process.rss_bytes as f64, process.rss_limit as f64),
        );
        let limit = process.open_files_limit as f64;
        node.metrics
            .insert("open_files_count", Metric::single(now, f64::from(process.open_files), limit));
        node
    }
}

#[async_trait]
impl Reporter for Processes {
    fn name(&self) -> &'static str {
        "process"
    }

    async fn report(&mut self, tick: &Tick) -> Report {
        let mut report = Report::default();
        let topology = report.topology_mut(Kind::Process);
        template::rows(topology, ROWS);
        template::measures(topology, MEASURES);
        self.update(tick);
        report.topology_mut(Kind::Process).nodes = self.nodes.clone();
        report
    }

    fn is_tagged(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taggers::ContainerInfo;

    fn walk() -> Arc<Snapshot> {
        let process = Process {
            pid: 42,
            ppid: 1,
            name: "redis-server".into(),
            cmdline: "redis-server --port 6379 ".into(),
            threads: 4,
            open_files: 9,
            open_files_limit: 1024,
            cpu_percent: Some(12.5),
            rss_bytes: 4096,
            rss_limit: u64::MAX,
            ..Process::default()
        };
        Arc::new(Snapshot::new(vec![Arc::new(process)], 1000, 2))
    }

    #[tokio::test]
    async fn a_process_has_the_originals_keys_and_scales() {
        let tick = Tick {
            now: Timestamp::from_unix(1, 0),
            processes: walk(),
        };
        let report = Processes::new("h".into(), false, ContainerIndex::default()).report(&tick).await;
        let node = &report.topology(Kind::Process).nodes["h;42"];
        for (key, value) in [
            ("pid", "42"),
            ("ppid", "1"),
            ("threads", "4"),
            ("name", "redis-server"),
            ("cmdline", "redis-server --port 6379 "),
        ] {
            assert_eq!(node.latest(key), Some(value), "{key}");
        }
        let metric = |key| node.metrics.get(key).map(|metric| (metric.last().unwrap().value, metric.max));
        assert_eq!(metric("process_cpu_usage_percent"), Some((12.5, 200.0)));
        assert_eq!(metric("process_memory_usage_bytes"), Some((4096.0, 18_446_744_073_709_551_615.0)));
        assert_eq!(metric("open_files_count"), Some((9.0, 1024.0)));
    }

    #[tokio::test]
    async fn what_did_not_change_keeps_its_node_and_what_ended_loses_it() {
        let process = |pid: u32, threads: u32| {
            Arc::new(Process {
                pid,
                threads,
                ..Process::default()
            })
        };
        let (calm, busy) = (process(9, 1), process(10, 1));
        let containers = ContainerIndex::default();
        let mut source = Processes::new("h".into(), false, containers.clone());
        let mut seen = async |processes: Vec<Arc<Process>>| {
            let tick = Tick {
                now: Timestamp::from_unix(1, 0),
                processes: Arc::new(Snapshot::new(processes, 1000, 2)),
            };
            source.report(&tick).await.topology(Kind::Process).nodes.clone()
        };
        let first = seen(vec![calm.clone(), busy.clone(), process(100, 1)]).await;
        let second = seen(vec![process(2, 1), calm.clone(), process(10, 7)]).await;
        assert_eq!(second.keys().map(SmolStr::as_str).collect::<Vec<_>>(), ["h;10", "h;2", "h;9"]);
        assert!(Arc::ptr_eq(&first["h;9"], &second["h;9"]));
        assert_eq!(second["h;10"].latest("threads"), Some("7"));
        containers.set(
            "c".into(),
            ContainerInfo {
                pid: 9,
                running: true,
                ..ContainerInfo::default()
            },
        );
        let third = seen(vec![calm]).await;
        assert_eq!(third.len(), 1);
        assert_eq!(
            third["h;9"].latest("docker_container_id"),
            Some("c"),
            "its container came to be known"
        );
    }

    #[tokio::test]
    async fn arguments_can_be_left_out() {
        let tick = Tick {
            now: Timestamp::from_unix(1, 0),
            processes: walk(),
        };
        let report = Processes::new("h".into(), true, ContainerIndex::default()).report(&tick).await;
        assert_eq!(report.topology(Kind::Process).nodes["h;42"].latest("cmdline"), Some("redis-server"));
    }
}
