//! A generated host's reports as a probe would send them, second by second.

use std::sync::Arc;

use scope_shared::delta;
use scope_shared::frame::{Encoding, Frame, ReportFrame, ReportKind};
use scope_shared::report::Report;
use scope_shared::wire::{encode_msgpack, gzip};

use super::Cluster;

/// Fast and small enough; what a probe uses.
const GZIP_LEVEL: u32 = 1;

/// Whose way of sending reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Ours: a full report every so many, between them what differs from it.
    Ours {
        /// A full report every so many reports.
        full_every: u64,
    },
    /// The original's: every third report is full, the others leave out what has not changed since. Reports are three seconds apart.
    Original,
    /// Full reports only.
    Full,
}

/// A report as it travels.
#[derive(Clone, Debug)]
pub struct Body {
    /// The probe's id.
    pub probe: String,
    /// What it is relative to.
    pub kind: ReportKind,
    /// Gzip'd msgpack.
    pub bytes: Vec<u8>,
}

impl Body {
    /// The message in which a server sends it to viewers, received by the server at `received_millis`.
    #[must_use]
    pub fn frame(&self, received_millis: u64) -> Vec<u8> {
        let frame = ReportFrame {
            probe: &self.probe,
            received_millis,
            kind: self.kind,
            encoding: Encoding::Msgpack,
            gzip: true,
            body: &self.bytes,
        };
        Frame::Report(frame).encode()
    }
}

/// One host's reports.
#[derive(Clone, Debug)]
pub struct Stream {
    cluster: Cluster,
    host: usize,
    dialect: Dialect,
    /// Reports sent so far.
    sent: u64,
    base: Option<(u64, Arc<Report>)>,
}

impl Stream {
    /// The reports of a host, from second 0 on.
    #[must_use]
    pub fn new(cluster: Cluster, host: usize, dialect: Dialect) -> Self {
        Self {
            cluster,
            host,
            dialect,
            sent: 0,
            base: None,
        }
    }

    /// The second of the next report.
    #[must_use]
    pub fn second(&self) -> u64 {
        match self.dialect {
            Dialect::Original => self.sent * 3,
            Dialect::Ours { .. } | Dialect::Full => self.sent,
        }
    }

    /// The next report, not encoded.
    pub fn next_report(&mut self) -> (ReportKind, Report) {
        let now = self.cluster.report(self.host, self.second());
        let full_every = match self.dialect {
            Dialect::Ours { full_every } => full_every.max(1),
            Dialect::Original => 3,
            Dialect::Full => 1,
        };
        self.sent += 1;
        let sequence = self.sent;
        let ours = matches!(self.dialect, Dialect::Ours { .. });
        match &self.base {
            Some((base, report)) if !(sequence - 1).is_multiple_of(full_every) => {
                if ours {
                    (ReportKind::Delta { sequence, base: *base }, delta::diff(report, &now))
                } else {
                    (ReportKind::Plain, delta::sparse(report, &now))
                }
            }
            _ => {
                self.base = Some((sequence, Arc::new(now.clone())));
                (if ours { ReportKind::Full { sequence } } else { ReportKind::Plain }, now)
            }
        }
    }

    /// The next report as it travels.
    pub fn next_body(&mut self) -> Body {
        let (kind, report) = self.next_report();
        Body {
            probe: self.cluster.probe_id(self.host),
            kind,
            bytes: gzip(&encode_msgpack(&report), GZIP_LEVEL),
        }
    }
}
