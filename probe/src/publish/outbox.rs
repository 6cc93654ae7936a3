//! What waits to be sent to one server: at most two encoded reports, whatever the server does.
//!
//! A delta is relative to the newest full report, so a newer delta makes an older waiting one worthless, and a full report makes everything
//! waiting worthless. Towards an original app (sparse reports and shortcuts) the original's rule holds: when two wait, a shortcut is
//! dropped, and for anything else the oldest is.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Reports that may wait.
const CAPACITY: usize = 2;

/// A report, encoded once for all servers.
#[derive(Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Gzip'd msgpack.
    pub bytes: Bytes,
    /// What it is relative to.
    pub kind: Kind,
}

/// What an encoded report is relative to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole state.
    Full {
        /// Its number.
        sequence: u64,
    },
    /// What differs from the full report `base`.
    Delta {
        /// Its number.
        sequence: u64,
        /// The full report's number.
        base: u64,
    },
    /// As the original sends its periodic reports.
    Plain,
    /// As the original sends something that just happened.
    Shortcut,
}

/// What became of a report that was put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It waits.
    Queued,
    /// It waits, and something older was dropped that cannot be made good.
    DroppedOldest,
    /// It was dropped itself.
    Dropped,
}

/// The queue.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: Mutex<VecDeque<Arc<Encoded>>>,
    arrived: Notify,
}

impl Outbox {
    /// Puts a report in; never blocks.
    pub fn put(&self, report: Arc<Encoded>) -> Put {
        let mut waiting = self.waiting.lock();
        let outcome = match report.kind {
            Kind::Full { .. } => {
                waiting.clear();
                Put::Queued
            }
            Kind::Delta { .. } => {
                waiting.retain(|other| !matches!(other.kind, Kind::Delta { .. }));
                Put::Queued
            }
            Kind::Shortcut if waiting.len() >= CAPACITY => return Put::Dropped,
            Kind::Plain | Kind::Shortcut => Put::Queued,
        };
        let full = waiting.len() >= CAPACITY;
        if full {
            waiting.pop_front();
        }
        waiting.push_back(report);
        drop(waiting);
        self.arrived.notify_one();
        if full { Put::DroppedOldest } else { outcome }
    }

    /// Takes the oldest report out, waiting for one. Cancel-safe.
    pub async fn take(&self) -> Arc<Encoded> {
        loop {
            if let Some(report) = self.waiting.lock().pop_front() {
                return report;
            }
            self.arrived.notified().await;
        }
    }

    /// Drops what waits.
    pub fn clear(&self) {
        self.waiting.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(kind: Kind) -> Arc<Encoded> {
        Arc::new(Encoded { bytes: Bytes::new(), kind })
    }

    fn waiting(outbox: &Outbox) -> Vec<Kind> {
        outbox.waiting.lock().iter().map(|report| report.kind).collect()
    }

    #[test]
    fn a_newer_delta_replaces_an_older_one_and_keeps_the_full_report_before_it() {
        let outbox = Outbox::default();
        let full = Kind::Full { sequence: 1 };
        for kind in [full, Kind::Delta { sequence: 2, base: 1 }, Kind::Delta { sequence: 3, base: 1 }] {
            assert_eq!(outbox.put(report(kind)), Put::Queued);
        }
        assert_eq!(waiting(&outbox), [full, Kind::Delta { sequence: 3, base: 1 }]);
    }

    #[test]
    fn a_full_report_replaces_everything() {
        let outbox = Outbox::default();
        outbox.put(report(Kind::Full { sequence: 1 }));
        outbox.put(report(Kind::Delta { sequence: 2, base: 1 }));
        outbox.put(report(Kind::Full { sequence: 3 }));
        assert_eq!(waiting(&outbox), [Kind::Full { sequence: 3 }]);
    }

    #[test]
    fn towards_an_original_app_the_oldest_goes_and_shortcuts_go_first() {
        let outbox = Outbox::default();
        outbox.put(report(Kind::Plain));
        outbox.put(report(Kind::Plain));
        assert_eq!(outbox.put(report(Kind::Shortcut)), Put::Dropped);
        assert_eq!(outbox.put(report(Kind::Plain)), Put::DroppedOldest);
        assert_eq!(waiting(&outbox).len(), CAPACITY);
    }
}
