//! Sends reports: each is encoded once and handed to every server's client; full reports, deltas between them, shortcuts at once.
//!
//! The publisher keeps the newest state and the newest full report. A delta is relative to that full report, never to the delta before, so
//! that a lost one heals with the next. Original apps, which know no deltas, get their own slower stream. Nothing here blocks the loop:
//! clients have bounded queues and lose the oldest.

mod backoff;
mod client;
mod legacy;
mod outbox;
mod resolve;
pub mod target;
mod targets;
mod tls;
pub mod transport;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use rand::Rng as _;
use scope_shared::report::{Report, SmolStr};
use scope_shared::{delta, wire};
use tokio::sync::Notify;

pub use backoff::Backoff;
pub use client::{Client, Dialect, Server};
pub use outbox::{Encoded, Kind};
pub use targets::{Identity, reachable, start};
pub use transport::{Socket, TransportError};

use crate::controls::Registry;
use legacy::Legacy;

/// Deltas are small and frequent, so speed counts; measured, level 1 costs a seventh of level 6 and its output is a tenth larger.
const GZIP_LEVEL: u32 = 1;

/// What the clients and the publisher share.
pub struct Shared {
    /// Handlers of controls.
    pub controls: Arc<Registry>,
    clients: Mutex<Vec<Arc<Client>>>,
    claims: Mutex<BTreeSet<String>>,
    full_wanted: AtomicBool,
    wake: Notify,
}

/// A server's id, held by the one client that serves it.
struct Claim<'a> {
    shared: &'a Shared,
    id: String,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.shared.claims.lock().remove(&self.id);
    }
}

impl Shared {
    /// No clients yet.
    #[must_use]
    pub fn new(controls: Arc<Registry>) -> Self {
        Self {
            controls,
            clients: Mutex::default(),
            claims: Mutex::default(),
            full_wanted: AtomicBool::new(true),
            wake: Notify::new(),
        }
    }

    fn claim(&self, id: &str) -> Option<Claim<'_>> {
        self.claims.lock().insert(id.to_owned()).then(|| Claim {
            shared: self,
            id: id.to_owned(),
        })
    }

    /// Asks for a full report as soon as possible.
    pub fn want_full(&self) {
        self.full_wanted.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Returns when somebody asked for a full report. Cancel-safe.
    pub async fn full_wanted(&self) {
        self.wake.notified().await;
    }

    fn wanted(&self, dialect: Dialect) -> bool {
        self.clients.lock().iter().any(|client| client.dialect() == dialect)
    }

    fn send(&self, dialect: Dialect, report: Encoded) {
        let report = Arc::new(report);
        for client in self.clients.lock().iter().filter(|client| client.dialect() == dialect) {
            client.put(Arc::clone(&report));
        }
    }
}

/// Turns states into reports on the wire.
pub struct Publisher {
    shared: Arc<Shared>,
    full_every: u32,
    stdout: bool,
    sequence: u64,
    state: Option<Report>,
    base: Option<(u64, Report)>,
    since_full: u32,
    previous: Instant,
    legacy: Legacy,
}

impl Publisher {
    /// A publisher that sends a full report every `full_every` times.
    #[must_use]
    pub fn new(shared: Arc<Shared>, full_every: u32, stdout: bool) -> Self {
        Self {
            shared,
            full_every,
            stdout,
            sequence: 0,
            state: None,
            base: None,
            since_full: 0,
            previous: Instant::now(),
            legacy: Legacy::default(),
        }
    }

    /// Publishes a new state, `now` by a clock that never jumps.
    pub fn publish(&mut self, mut report: Report, now: Instant) {
        report.window = i64::try_from(now.saturating_duration_since(self.previous).as_nanos()).unwrap_or(i64::MAX);
        self.previous = now;
        self.finish(&mut report);
        if self.stdout {
            println!("{}", String::from_utf8_lossy(&wire::encode_json(&report)));
        }
        if self.shared.wanted(Dialect::Original) {
            if let Some((encoded, _)) = self.legacy.add(&report, now) {
                self.shared.send(Dialect::Original, encoded);
            }
        } else {
            self.legacy.clear();
        }
        self.state = Some(report);
        let due = self.since_full + 1 >= self.full_every;
        self.since_full = if due { 0 } else { self.since_full + 1 };
        self.send_state(due);
    }

    /// Publishes what just happened, on top of the newest state.
    pub fn shortcut(&mut self, mut report: Report) {
        report.shortcut = true;
        self.finish(&mut report);
        if self.shared.wanted(Dialect::Original) {
            self.shared.send(
                Dialect::Original,
                Encoded {
                    bytes: compress(&report),
                    kind: Kind::Shortcut,
                },
            );
        }
        let Some(state) = self.state.as_mut() else { return };
        state.merge(&report);
        self.send_state(false);
    }

    /// Sends the newest state in full, if somebody asked for that.
    pub fn full_if_wanted(&mut self) {
        if self.state.is_some() && self.shared.full_wanted.load(Ordering::Acquire) {
            self.send_state(true);
        }
        self.legacy.restart();
    }

    fn send_state(&mut self, full: bool) {
        let Some(state) = &self.state else { return };
        if !self.shared.wanted(Dialect::Deltas) {
            return;
        }
        self.sequence += 1;
        let sequence = self.sequence;
        // Evaluated even for a scheduled full report, which satisfies a wish as well.
        let wished = self.shared.full_wanted.swap(false, Ordering::AcqRel);
        let encoded = match &self.base {
            Some((base, full_report)) if !full && !wished => Encoded {
                bytes: compress(&delta::diff(full_report, state)),
                kind: Kind::Delta { sequence, base: *base },
            },
            _ => {
                self.since_full = 0;
                let encoded = Encoded {
                    bytes: compress(state),
                    kind: Kind::Full { sequence },
                };
                self.base = Some((sequence, state.clone()));
                encoded
            }
        };
        metrics::gauge!("scope_probe_report_bytes", "kind" => if matches!(encoded.kind, Kind::Full { .. }) { "full" } else { "delta" })
            .set(encoded.bytes.len() as f64);
        self.shared.send(Dialect::Deltas, encoded);
    }

    fn finish(&self, report: &mut Report) {
        report.id = SmolStr::new(rand::rng().random_range(0..i64::MAX).to_string());
        if !self.shared.controls.policy().allows_something() {
            for topology in report.topologies.iter_mut().chain(report.others.values_mut()) {
                topology.controls.clear();
            }
        }
    }
}

/// Msgpack, gzip'd.
fn compress(report: &Report) -> Bytes {
    wire::encode_msgpack_gzip(report, GZIP_LEVEL).into()
}

/// How often original apps get a report: theirs is a slower protocol, every third report of which is full.
const LEGACY_INTERVAL: Duration = Duration::from_secs(3);
