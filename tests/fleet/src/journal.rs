//! Who sent what when, and how long it took to reach the viewers: shared by all probes and viewers of a cell.
//!
//! A delay is measured from the moment a probe begins to post a report to the moment a viewer has all of that report's frame, or of a
//! newer one of the same probe if that report was skipped: so leaving frames out does not flatter the figures.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;

/// Reports of one probe whose time of posting is remembered.
const REMEMBERED: u64 = 256;

/// Identifies a body without its sequence number: checksum and length, which end every gzip body.
pub type Tail = [u8; 8];

/// What one probe sent.
struct Sender {
    /// Microseconds since the journal's start at which the report of each sequence number, modulo [`REMEMBERED`], began to be posted.
    begun: Vec<AtomicU64>,
    newest: AtomicU64,
    /// Places of bodies in the probe's cycle, for reports that carry no sequence number.
    places: HashMap<Tail, u64>,
    cycle: u64,
}

/// See the module's documentation.
pub struct Journal {
    start: Instant,
    ids: HashMap<String, usize>,
    senders: Vec<Sender>,
    measuring: AtomicBool,
    /// Answers by kind.
    pub accepted: AtomicU64,
    /// Posts whose answer took longer than until the next report was due.
    pub late: AtomicU64,
    /// Posts answered with an error, or not at all.
    pub refused: AtomicU64,
    /// Posts answered 409: the server asked for a full report.
    pub resynchronised: AtomicU64,
    /// Bytes of bodies that were accepted.
    pub bytes: AtomicU64,
}

impl Journal {
    /// A journal for probes with these ids and cycles.
    #[must_use]
    pub fn new<'a>(probes: impl Iterator<Item = (String, &'a [Bytes])>) -> Self {
        let mut ids = HashMap::new();
        let mut senders = Vec::new();
        for (id, cycle) in probes {
            ids.insert(id, senders.len());
            senders.push(Sender {
                begun: (0..REMEMBERED).map(|_| AtomicU64::new(0)).collect(),
                newest: AtomicU64::new(0),
                places: (0..).zip(cycle).filter_map(|(at, body)| Some((tail(body)?, at))).collect(),
                cycle: cycle.len() as u64,
            });
        }
        Self {
            start: Instant::now(),
            ids,
            senders,
            measuring: AtomicBool::new(false),
            accepted: AtomicU64::new(0),
            late: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            resynchronised: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    /// Begins to count; what was before was warming up.
    pub fn measure(&self) {
        self.measuring.store(true, Ordering::Relaxed);
    }

    /// Stops counting.
    pub fn stop(&self) {
        self.measuring.store(false, Ordering::Relaxed);
    }

    /// Whether it counts.
    #[must_use]
    pub fn is_measuring(&self) -> bool {
        self.measuring.load(Ordering::Relaxed)
    }

    /// Adds to one of the public counters, if it counts.
    pub fn count(&self, counter: &AtomicU64, amount: u64) {
        if self.is_measuring() {
            counter.fetch_add(amount, Ordering::Relaxed);
        }
    }

    /// A probe begins to post a report.
    pub fn begin(&self, probe: usize, sequence: u64) {
        let now = self.micros();
        if let Some(sender) = self.senders.get(probe) {
            if let Some(slot) = sender.begun.get((sequence % REMEMBERED) as usize) {
                slot.store(now, Ordering::Relaxed);
            }
            sender.newest.store(sequence, Ordering::Release);
        }
    }

    /// The number of the probe with this id.
    #[must_use]
    pub fn probe(&self, id: &str) -> Option<usize> {
        self.ids.get(id).copied()
    }

    /// The sequence number of the newest report with this body, for frames that carry none.
    #[must_use]
    pub fn sequence_of(&self, probe: usize, tail: &Tail) -> Option<u64> {
        let sender = self.senders.get(probe)?;
        let place = sender.places.get(tail)?;
        let newest = sender.newest.load(Ordering::Acquire);
        // Sequence numbers start at 1, with the cycle's first body.
        let back = (newest - 1 + sender.cycle - place) % sender.cycle;
        newest.checked_sub(back).filter(|sequence| *sequence > 0)
    }

    /// How long ago a report began to be posted; `None` if that is no longer known.
    #[must_use]
    pub fn since(&self, probe: usize, sequence: u64) -> Option<Duration> {
        let sender = self.senders.get(probe)?;
        if sender.newest.load(Ordering::Acquire) >= sequence + REMEMBERED {
            return None;
        }
        let begun = sender.begun.get((sequence % REMEMBERED) as usize)?.load(Ordering::Relaxed);
        Some(Duration::from_micros(self.micros().saturating_sub(begun)))
    }

    fn micros(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// The last bytes of a body.
#[must_use]
pub fn tail(body: &[u8]) -> Option<Tail> {
    body.last_chunk::<8>().copied()
}

/// Delays, in buckets one percent wide.
#[derive(Clone, Debug, Default)]
pub struct Delays {
    buckets: Vec<u64>,
    count: u64,
    longest: Duration,
}

impl Delays {
    /// Buckets for each factor of e.
    const FINE: f64 = 100.0;

    /// Adds one.
    pub fn add(&mut self, delay: Duration) {
        let micros = (delay.as_micros() as f64).max(1.0);
        let bucket = (micros.ln() * Self::FINE) as usize;
        if bucket >= self.buckets.len() {
            self.buckets.resize(bucket + 1, 0);
        }
        if let Some(count) = self.buckets.get_mut(bucket) {
            *count += 1;
        }
        self.count += 1;
        self.longest = self.longest.max(delay);
    }

    /// Adds those of another.
    pub fn merge(&mut self, other: &Self) {
        if self.buckets.len() < other.buckets.len() {
            self.buckets.resize(other.buckets.len(), 0);
        }
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
        self.longest = self.longest.max(other.longest);
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The longest.
    #[must_use]
    pub const fn longest(&self) -> Duration {
        self.longest
    }

    /// The delay that this part (0 to 1) of them does not exceed.
    #[must_use]
    pub fn percentile(&self, part: f64) -> Duration {
        let wanted = (self.count as f64 * part).ceil() as u64;
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Duration::from_micros(((bucket + 1) as f64 / Self::FINE).exp() as u64).min(self.longest);
            }
        }
        self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_to_a_percent() {
        let mut delays = Delays::default();
        for millis in 1..=1000 {
            delays.add(Duration::from_millis(millis));
        }
        for (part, expected) in [(0.5, 500.0), (0.95, 950.0), (0.99, 990.0), (1.0, 1000.0)] {
            let found = delays.percentile(part).as_secs_f64() * 1000.0;
            assert!((found / expected - 1.0).abs() < 0.011, "{part}: {found} ms");
        }
    }

    #[test]
    fn a_plain_report_is_found_by_the_end_of_its_body() {
        let cycle: Vec<Bytes> = (0..9_u8).map(|at| Bytes::from(vec![at; 20])).collect();
        let journal = Journal::new([("p".to_owned(), cycle.as_slice())].into_iter());
        for sequence in 1..=30 {
            journal.begin(0, sequence);
        }
        // 30 is the third of its cycle; the body of the eighth was last sent as number 26.
        let of = |at: usize| journal.sequence_of(0, &tail(&cycle[at]).expect("long enough"));
        assert_eq!((of(2), of(7), of(0)), (Some(30), Some(26), Some(28)));
        assert!(journal.since(0, 30).is_some());
    }
}
