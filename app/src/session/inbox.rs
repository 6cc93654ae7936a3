//! Reports that have arrived and are not needed yet: undecoded, and of each probe only what still counts.
//!
//! A browser hands a worker every message of a socket, however far behind the worker is, and keeps them in memory until then. So taking a
//! report must cost next to nothing: it is put here, and what it supersedes is dropped unread, as the server does for a viewer that is
//! slow. Reports are decoded when something is to be shown; of a probe that sent five since then, one full report and one delta.

use std::collections::BTreeMap;

use scope_shared::frame::ReportKind;
use smol_str::SmolStr;

/// An undecoded frame and when it came.
pub type Waiting = (Vec<u8>, u64);

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Inbox {
    probes: BTreeMap<SmolStr, Held>,
}

/// What waits of one probe. Reports of the original's probes add up, and so all of them wait, but not longer than they count.
#[derive(Debug, Default)]
struct Held {
    full: Option<Waiting>,
    delta: Option<Waiting>,
    plain: Vec<Waiting>,
}

impl Inbox {
    /// Puts the frame of a report in; plain reports older than `window_millis` are dropped.
    pub fn put(&mut self, probe: SmolStr, kind: ReportKind, bytes: Vec<u8>, now: u64, window_millis: u64) {
        let held = self.probes.entry(probe).or_default();
        match kind {
            ReportKind::Full { .. } => {
                *held = Held {
                    full: Some((bytes, now)),
                    ..Held::default()
                }
            }
            ReportKind::Delta { .. } => held.delta = Some((bytes, now)),
            ReportKind::Plain => {
                held.plain.retain(|(_, arrival)| now.saturating_sub(*arrival) < window_millis);
                held.plain.push((bytes, now));
            }
        }
    }

    /// Drops what waits of a probe.
    pub fn forget(&mut self, probe: &str) {
        self.probes.remove(probe);
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        self.probes.clear();
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.probes.is_empty()
    }

    /// Bytes that wait.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.probes
            .values()
            .flat_map(|held| held.full.iter().chain(&held.delta).chain(&held.plain))
            .map(|(bytes, _)| bytes.len())
            .sum()
    }

    /// Takes everything out, each probe's in the order in which it counts.
    pub fn drain(&mut self) -> impl Iterator<Item = Waiting> + use<> {
        std::mem::take(&mut self.probes)
            .into_values()
            .flat_map(|held| held.full.into_iter().chain(held.delta).chain(held.plain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(inbox: &mut Inbox, kind: ReportKind, body: &str, now: u64) {
        inbox.put("p".into(), kind, body.as_bytes().to_vec(), now, 15_000);
    }

    fn drained(inbox: &mut Inbox) -> Vec<String> {
        inbox.drain().map(|(bytes, _)| String::from_utf8(bytes).expect("text")).collect()
    }

    #[test]
    fn of_our_reports_only_the_newest_full_one_and_the_newest_delta_wait() {
        let mut inbox = Inbox::default();
        put(&mut inbox, ReportKind::Delta { sequence: 5, base: 1 }, "d5", 0);
        put(&mut inbox, ReportKind::Delta { sequence: 6, base: 1 }, "d6", 0);
        assert_eq!(inbox.bytes(), 2);
        put(&mut inbox, ReportKind::Full { sequence: 7 }, "f7", 0);
        for sequence in 8..100 {
            put(&mut inbox, ReportKind::Delta { sequence, base: 7 }, &format!("d{sequence}"), 0);
        }
        assert_eq!(drained(&mut inbox), ["f7", "d99"]);
        assert!(inbox.is_empty());
    }

    #[test]
    fn plain_reports_wait_in_order_for_as_long_as_they_count() {
        let mut inbox = Inbox::default();
        for second in 0..60 {
            put(&mut inbox, ReportKind::Plain, &second.to_string(), second * 1000);
        }
        let expected: Vec<String> = (45..60).map(|second| second.to_string()).collect();
        assert_eq!(drained(&mut inbox), expected);
        put(&mut inbox, ReportKind::Plain, "x", 0);
        inbox.forget("p");
        assert!(inbox.is_empty());
    }
}
