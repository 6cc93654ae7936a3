//! The relay: keeps each probe's newest state as bytes and hands it to every viewer that wants it.
//!
//! It works like the forwarding unit of a video conference. Full reports are key frames, deltas (relative to the newest full report) are
//! inter frames. A viewer has no queue of frames: it has, per probe, a note of the last thing it was given, and a list of probes with
//! something newer. What to send is decided when the viewer's socket has room, so a slow viewer by itself gets each probe's newest state
//! and nothing in between, a late one the newest full report and one delta, and the memory a viewer costs is a few words a probe.
//!
//! The relay never looks into a report, does no I/O, and is told the time; all of it runs under one short lock.

mod incoming;
mod probe;
mod subset;
mod viewer;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use scope_shared::frame::Frame;
use tokio::time::Instant;

pub use incoming::{Incoming, ProbeMeta};
use probe::{Held, Probe};
pub use subset::Subset;
use viewer::Entry;
pub use viewer::Viewer;

use crate::config::Limits;
use crate::refusal::Refusal;

/// A probe's id, shared rather than copied.
pub type ProbeId = Arc<str>;

/// See the module's documentation.
pub struct Relay {
    window: Duration,
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    probes: BTreeMap<ProbeId, Probe>,
    viewers: BTreeMap<u64, Entry>,
    /// Bytes of all reports held, headers included.
    held: usize,
    /// Source of epochs and viewer ids: never the same number twice.
    counter: u64,
    /// Frames that viewers were not given because something newer was there first.
    skipped: u64,
}

/// What became of a report that was not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// Held, and on its way to the viewers.
    Kept,
    /// Older than what is held already (delivered twice or out of order): ignored.
    Stale,
}

/// What is known of a probe without looking into its reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeInfo {
    /// Its id.
    pub id: ProbeId,
    /// What it says of itself.
    pub meta: ProbeMeta,
    /// When its last report came.
    pub last_seen: Instant,
    /// Bytes held of it.
    pub held: usize,
    /// Whether it sends sequence numbers (ours) or not (the original).
    pub sequenced: bool,
}

/// Counts for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Probes with a state.
    pub probes: usize,
    /// Viewers connected.
    pub viewers: usize,
    /// Bytes of reports held.
    pub held: usize,
    /// Frames skipped for slow viewers since the start.
    pub skipped: u64,
}

impl Relay {
    /// A relay that forgets a probe after `window` of silence.
    #[must_use]
    pub fn new(window: Duration, limits: Limits) -> Self {
        Self {
            window,
            limits,
            state: Mutex::default(),
        }
    }

    /// How long a silent probe's state stays.
    #[must_use]
    pub const fn window(&self) -> Duration {
        self.window
    }

    /// Asks, before a report's body is read, whether it would be taken at all.
    ///
    /// # Errors
    /// 429 when the probe is over its rate or there are too many probes.
    pub fn admit(&self, probe: &str, now: Instant) -> Result<(), Refusal> {
        let mut state = self.state.lock();
        if let Some(known) = state.probes.get_mut(probe) {
            return known.spend(&self.limits, now);
        }
        if state.probes.len() >= self.limits.probes {
            return Err(Refusal::too_many(
                format!(
                    "this server already holds {} probes, its limit (--max-probes); the report was dropped",
                    self.limits.probes
                ),
                10,
            ));
        }
        Ok(())
    }

    /// Takes a report in and wakes the viewers that want it.
    ///
    /// # Errors
    /// 409 when a delta's base is not held (the probe is to send a full report) or another live probe has the same id; 429 when the memory
    /// for held reports is used up.
    pub fn accept(&self, report: Incoming, now: Instant) -> Result<Accepted, Refusal> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        if !state.probes.contains_key(&report.probe) && state.probes.len() >= self.limits.probes {
            return Err(Refusal::too_many(
                "this server holds as many probes as its limit (--max-probes) allows",
                10,
            ));
        }
        let known = state.probes.get(&report.probe);
        if let Some(known) = known {
            known.check_identity(&report)?;
        }
        let plan = Held::plan(known.map(|probe| &probe.held), &report)?;
        let id = report.probe.clone();
        let freed = known.map_or(0, |probe| probe.held.freed_by(plan, report.kind));
        let after = state.held.saturating_sub(freed) + report.frame.len();
        if plan != probe::Plan::Ignore && after > self.limits.held_bytes {
            return Err(Refusal::too_many(
                format!(
                    "reports held would exceed {} MiB, the limit (--max-held-memory); this report was dropped",
                    self.limits.held_bytes >> 20
                ),
                5,
            ));
        }
        if plan == probe::Plan::Ignore {
            if let Some(known) = state.probes.get_mut(&id) {
                known.last_seen = now;
            }
            return Ok(Accepted::Stale);
        }
        state.counter += 1;
        let epoch = state.counter;
        let probe = state
            .probes
            .entry(id.clone())
            .or_insert_with(|| Probe::new(epoch, &self.limits, now));
        let before = probe.held.bytes();
        probe.apply(plan, report, epoch, self.window, &self.limits, now);
        state.held = state.held + probe.held.bytes() - before;
        for entry in state.viewers.values_mut() {
            if entry.subset.matches(&id, &probe.meta) {
                entry.mark(&id);
            }
        }
        Ok(Accepted::Kept)
    }

    /// Forgets what is older than the window; viewers are told of probes that are gone. To be called about once a second.
    pub fn expire(&self, now: Instant) -> Vec<ProbeId> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let mut gone = Vec::new();
        for (id, probe) in &mut state.probes {
            let before = probe.held.bytes();
            probe.held.expire(self.window, now);
            state.held = state.held + probe.held.bytes() - before;
            if now.saturating_duration_since(probe.last_seen) > self.window {
                gone.push(id.clone());
            }
        }
        for id in &gone {
            if let Some(probe) = state.probes.remove(id) {
                state.held -= probe.held.bytes();
            }
            for entry in state.viewers.values_mut() {
                if entry.knows(id) {
                    entry.mark(id);
                }
            }
        }
        gone
    }

    /// Connects a viewer; it will be given all that is held, then [`Frame::CaughtUp`], then what arrives.
    ///
    /// # Errors
    /// 429 when there are too many viewers.
    pub fn subscribe(self: &Arc<Self>, subset: Subset) -> Result<Viewer, Refusal> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        if state.viewers.len() >= self.limits.viewers {
            return Err(Refusal::too_many(
                format!(
                    "{} viewers are connected, the server's limit (--max-viewers); close a tab or try again later",
                    self.limits.viewers
                ),
                10,
            ));
        }
        state.counter += 1;
        let wanted = state
            .probes
            .iter()
            .filter(|(id, probe)| subset.matches(id, &probe.meta))
            .map(|(id, _)| id.clone())
            .collect();
        let entry = Entry::new(subset, wanted);
        let viewer = Viewer::new(Arc::clone(self), state.counter, entry.wake.clone());
        state.viewers.insert(state.counter, entry);
        Ok(viewer)
    }

    /// Every probe with a state, sorted by id.
    #[must_use]
    pub fn probes(&self) -> Vec<ProbeInfo> {
        let state = self.state.lock();
        state
            .probes
            .iter()
            .map(|(id, probe)| ProbeInfo {
                id: id.clone(),
                meta: probe.meta.clone(),
                last_seen: probe.last_seen,
                held: probe.held.bytes(),
                sequenced: matches!(probe.held, Held::Sequenced { .. }),
            })
            .collect()
    }

    /// Counts for metrics.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let state = self.state.lock();
        Counts {
            probes: state.probes.len(),
            viewers: state.viewers.len(),
            held: state.held,
            skipped: state.skipped,
        }
    }

    /// The next messages for a viewer, oldest first; `None` when it has everything.
    fn take(&self, viewer: u64) -> Option<Vec<Bytes>> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let entry = state.viewers.get_mut(&viewer)?;
        let (messages, skipped) = entry.take(&state.probes)?;
        state.skipped += skipped;
        Some(messages)
    }

    fn set_paused(&self, viewer: u64, paused: bool) {
        if let Some(entry) = self.state.lock().viewers.get_mut(&viewer) {
            entry.set_paused(paused);
        }
    }

    fn unsubscribe(&self, viewer: u64) {
        self.state.lock().viewers.remove(&viewer);
    }
}

fn probe_gone(id: &str) -> Bytes {
    Frame::ProbeGone { probe: id }.encode().into()
}

#[cfg(test)]
mod tests;
