//! The stream for original apps: every three seconds, with all samples since, each third report full and the others sparse.
//!
//! Only kept while such an app is connected. An original app merges sparse reports within its window (15 s, so that a full report every
//! nine seconds is always in it).

use std::time::Instant;

use scope_shared::delta;
use scope_shared::report::Report;

use super::outbox::{Encoded, Kind};
use super::{LEGACY_INTERVAL, compress};

/// Every how many reports a full one is sent, as the original.
const FULL_EVERY: u32 = 3;

/// What has been seen since the last report, and what that was.
#[derive(Default)]
pub struct Legacy {
    gathered: Option<Report>,
    since: Option<Instant>,
    full: Option<Report>,
    count: u32,
}

impl Legacy {
    /// Adds a state; returns a report to send when one is due.
    pub fn add(&mut self, state: &Report, now: Instant) -> Option<(Encoded, bool)> {
        match &mut self.gathered {
            None => self.gathered = Some(state.clone()),
            Some(gathered) => {
                let mut newest = state.clone();
                // Nodes that are gone stay until the report is sent, as with the original.
                newest.merge(gathered);
                newest.window = gathered.window.saturating_add(state.window);
                *gathered = newest;
            }
        }
        let due = self
            .since
            .is_none_or(|since| now.saturating_duration_since(since) >= LEGACY_INTERVAL);
        if !due {
            return None;
        }
        self.since = Some(now);
        let report = self.gathered.take()?;
        let full = self.count.is_multiple_of(FULL_EVERY);
        self.count = self.count.wrapping_add(1);
        let bytes = match &self.full {
            Some(base) if !full => compress(&delta::sparse(base, &report)),
            _ => {
                let bytes = compress(&report);
                self.full = Some(report);
                bytes
            }
        };
        Some((Encoded { bytes, kind: Kind::Plain }, full))
    }

    /// The next report is a full one, and due at once.
    pub const fn restart(&mut self) {
        self.count = 0;
        self.since = None;
    }

    /// Nobody listens: forgets everything.
    pub fn clear(&mut self) {
        if self.full.is_some() {
            *self = Self::default();
        }
    }
}
