//! One cell of the table: so many probes, so many viewers, a fresh server, and what was measured after everything had settled.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::journal::{Delays, Journal};
use crate::library::Library;
use crate::probe::{self, Probe};
use crate::server::{Server, Usage, usage};
use crate::viewer::{Seen, Viewer};

/// How much load, for how long.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// Probes.
    pub probes: usize,
    /// Viewers, each of all probes.
    pub viewers: usize,
    /// Before anything is counted. One cycle of reports, so that the server holds what it will hold.
    pub settle: Duration,
    /// How long is counted.
    pub measure: Duration,
}

/// What a cell came to.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Probes and viewers.
    pub size: (usize, usize),
    /// CPU seconds a second, of the server.
    pub server_cpu: f64,
    /// The same of this process.
    pub own_cpu: f64,
    /// The server's peak resident memory in bytes, from its start.
    pub peak: u64,
    /// Bytes a second taken in from probes.
    pub taken: f64,
    /// Bytes a second to each viewer, on average.
    pub to_viewer: f64,
    /// From post to viewer.
    pub delays: Delays,
    /// Reports a second that reached each viewer, on average.
    pub reports: f64,
    /// Posts accepted, late, refused, and answered "send a full report".
    pub posts: [u64; 4],
    /// Reports that viewers were not given because a newer one was there.
    pub gaps: u64,
    /// Viewers that lost their connection.
    pub lost: usize,
}

/// Probes and viewers at work; everything stops when dropped.
pub struct Fleet {
    /// What they note.
    pub journal: Arc<Journal>,
    viewers: Vec<tokio::task::JoinHandle<Result<Seen>>>,
    probes: Vec<tokio::task::JoinHandle<()>>,
}

impl Fleet {
    /// Starts probes, then viewers; viewers stop at `until`.
    ///
    /// # Errors
    /// When a viewer is refused.
    pub async fn start(server: &Server, library: &Arc<Library>, probes: usize, viewers: usize, until: Instant) -> Result<Self> {
        let cycles = (0..probes).map(|number| (probe::id(number), library.cycle(number)));
        let journal = Arc::new(Journal::new(cycles));
        let mut fleet = Self {
            journal: Arc::clone(&journal),
            viewers: Vec::new(),
            probes: Vec::new(),
        };
        for number in 0..probes {
            let probe = Probe {
                number,
                of: probes,
                address: server.address,
                reports: Arc::clone(library),
                journal: Arc::clone(&journal),
            };
            fleet.probes.push(tokio::spawn(probe.run()));
        }
        for _ in 0..viewers {
            let viewer = Viewer::connect(server.address, "", probes, Arc::clone(&journal)).await?;
            fleet.viewers.push(tokio::spawn(viewer.run(until)));
        }
        Ok(fleet)
    }

    /// What each viewer saw once it has stopped; an error for each that lost its connection.
    pub async fn seen(&mut self) -> Vec<Result<Seen>> {
        let mut all = Vec::new();
        for viewer in self.viewers.drain(..) {
            all.push(viewer.await.context("a viewer failed").and_then(|seen| seen));
        }
        all
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.probes.iter().for_each(tokio::task::JoinHandle::abort);
        self.viewers.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

/// Measures one cell.
///
/// # Errors
/// When the server does not start, or refuses a viewer.
pub async fn run(binary: &Path, log: &Path, cell: Cell, library: &Arc<Library>) -> Result<Figures> {
    let server = Server::start(binary, &[], log)?;
    let until = Instant::now() + cell.settle + cell.measure;
    let mut fleet = Fleet::start(&server, library, cell.probes, cell.viewers, until).await?;
    tokio::time::sleep(cell.settle).await;
    fleet.journal.measure();
    let (before, own_before, begun) = (server.usage()?, usage("self")?, Instant::now());
    let seen = if cell.viewers == 0 {
        tokio::time::sleep(cell.measure).await;
        Vec::new()
    } else {
        fleet.seen().await
    };
    let (after, own_after, seconds) = (server.usage()?, usage("self")?, begun.elapsed().as_secs_f64());
    fleet.journal.stop();
    let mut figures = Figures {
        size: (cell.probes, cell.viewers),
        server_cpu: cpu(&before, &after) / seconds,
        own_cpu: cpu(&own_before, &own_after) / seconds,
        peak: after.peak,
        taken: probe::read(&fleet.journal.bytes) as f64 / seconds,
        posts: [
            probe::read(&fleet.journal.accepted),
            probe::read(&fleet.journal.late),
            probe::read(&fleet.journal.refused),
            probe::read(&fleet.journal.resynchronised),
        ],
        ..Figures::default()
    };
    for seen in seen {
        match seen {
            Ok(seen) => {
                figures.to_viewer += seen.bytes as f64 / seconds / cell.viewers as f64;
                figures.reports += seen.reports as f64 / seconds / cell.viewers as f64;
                figures.gaps += seen.gaps;
                figures.delays.merge(&seen.delays);
            }
            Err(_) => figures.lost += 1,
        }
    }
    Ok(figures)
}

fn cpu(before: &Usage, after: &Usage) -> f64 {
    (after.cpu.saturating_sub(before.cpu)).as_secs_f64()
}
