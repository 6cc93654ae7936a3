//! The window: which of the reports that arrived count now, and what they say together.
//!
//! Times are arrival times in milliseconds by the receiver's clock, passed in; a report's own time plays no part.

use std::sync::Arc;

use crate::report::{Kind, Report};
use crate::time::Timestamp;

/// How long a report counts, unless set otherwise.
pub const WINDOW_MILLIS: u64 = 15_000;
/// Reports that arrive within this time of one another are merged first and stay together.
pub const QUANTUM_MILLIS: u64 = 3_000;

/// A report and when it arrived.
pub type Arrival = (u64, Arc<Report>);

/// Whether a report that arrived at `arrival` no longer counts: as old as the window, or older.
#[must_use]
pub const fn is_expired(arrival: u64, now: u64, window: u64) -> bool {
    now.saturating_sub(arrival) >= window
}

/// Drops the reports that no longer count.
pub fn expire(reports: &mut Vec<Arrival>, now: u64, window: u64) {
    reports.retain(|(arrival, _)| !is_expired(*arrival, now, window));
}

/// Splits reports, in the order of arrival, into quanta: each starts with its first report and holds what came less than
/// [`QUANTUM_MILLIS`] later.
pub fn quanta(reports: &[Arrival]) -> impl Iterator<Item = &[Arrival]> {
    let mut rest = reports;
    std::iter::from_fn(move || {
        let start = rest.first()?.0;
        let length = rest
            .iter()
            .take_while(|(arrival, _)| arrival.saturating_sub(start) < QUANTUM_MILLIS)
            .count();
        let (quantum, after) = rest.split_at(length.max(1));
        rest = after;
        Some(quantum)
    })
}

/// Merges each quantum into one report that has its start's arrival time, as the original keeps them.
#[must_use]
pub fn quantise(reports: &[Arrival]) -> Vec<Arrival> {
    quanta(reports)
        .map(|quantum| (quantum.first().map_or(0, |(start, _)| *start), Arc::new(merge_quantum(quantum))))
        .collect()
}

fn merge_quantum(quantum: &[Arrival]) -> Report {
    Report::merge_all(quantum.iter().map(|(_, report)| &**report))
}

/// What the reports say together: quanta, each upgraded, then all merged. `now` stamps what the upgrade makes up.
#[must_use]
pub fn merge(reports: &[Arrival], now: Timestamp) -> Report {
    let upgraded: Vec<Report> = quanta(reports)
        .map(|quantum| {
            let mut report = merge_quantum(quantum);
            report.upgrade(now);
            report
        })
        .collect();
    Report::merge_all(&upgraded)
}

impl Report {
    /// Drops the nodes of sparse reports whose full version is not there: those without a topology name. Done before rendering only.
    pub fn drop_part_merged(&mut self) {
        for kind in Kind::ALL {
            let nodes = &mut self.topology_mut(kind).nodes;
            if nodes.values().any(|node| node.topology.is_empty()) {
                nodes.retain(|_, node| !node.topology.is_empty());
            }
        }
    }
}
