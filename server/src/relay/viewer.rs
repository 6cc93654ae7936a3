//! A viewer's side of the relay: what it was given last of each probe, and which probes have something newer.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use scope_shared::frame::Frame;
use tokio::sync::Notify;

use super::probe::{Cursor, Probe};
use super::{ProbeId, Relay, Subset, probe_gone};

/// A connected viewer. Dropping it disconnects it.
pub struct Viewer {
    relay: Arc<Relay>,
    id: u64,
    wake: Arc<Notify>,
}

impl Viewer {
    pub(super) const fn new(relay: Arc<Relay>, id: u64, wake: Arc<Notify>) -> Self {
        Self { relay, id, wake }
    }

    /// Waits for the next messages. Cancelling the wait loses nothing.
    pub async fn next(&self) -> Vec<Bytes> {
        loop {
            if let Some(messages) = self.relay.take(self.id) {
                return messages;
            }
            self.wake.notified().await;
        }
    }

    /// The next messages, if there are any now.
    #[must_use]
    pub fn try_next(&self) -> Option<Vec<Bytes>> {
        self.relay.take(self.id)
    }

    /// A paused viewer (a hidden tab) is given nothing; on resuming it gets the newest state of what changed meanwhile.
    pub fn set_paused(&self, paused: bool) {
        self.relay.set_paused(self.id, paused);
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.relay.unsubscribe(self.id);
    }
}

/// The relay's record of a viewer.
pub(super) struct Entry {
    pub(super) subset: Subset,
    pub(super) wake: Arc<Notify>,
    cursors: BTreeMap<ProbeId, Cursor>,
    /// Probes with something newer, each at most once (see [`Cursor::queued`]), in the order they were marked.
    queue: VecDeque<ProbeId>,
    /// How many of the probes held at the connection are still at the head of the queue; `None` once the viewer was told it caught up.
    catching_up: Option<usize>,
    /// Frames left out and not yet told of.
    skipped: u64,
    /// Whether the viewer asked for silence, and whether what was superseded meanwhile is its own wish rather than slowness.
    paused: bool,
    was_paused: bool,
}

impl Entry {
    pub(super) fn new(subset: Subset, wanted: Vec<ProbeId>) -> Self {
        let mut entry = Self {
            subset,
            wake: Arc::new(Notify::new()),
            cursors: BTreeMap::new(),
            queue: VecDeque::with_capacity(wanted.len()),
            catching_up: Some(wanted.len()),
            skipped: 0,
            paused: false,
            was_paused: false,
        };
        for id in wanted {
            entry.mark(&id);
        }
        entry
    }

    pub(super) fn knows(&self, id: &ProbeId) -> bool {
        self.cursors.contains_key(id)
    }

    /// Notes that a probe has something newer.
    pub(super) fn mark(&mut self, id: &ProbeId) {
        let cursor = self.cursors.entry(id.clone()).or_default();
        if !cursor.queued {
            cursor.queued = true;
            self.queue.push_back(id.clone());
        }
        if !self.paused {
            self.wake.notify_one();
        }
    }

    pub(super) fn set_paused(&mut self, paused: bool) {
        self.was_paused |= self.paused;
        self.paused = paused;
        self.wake.notify_one();
    }

    /// The next messages and how many frames were left out for them.
    pub(super) fn take(&mut self, probes: &BTreeMap<ProbeId, Probe>) -> Option<(Vec<Bytes>, u64)> {
        if self.paused {
            return None;
        }
        let mut messages = Vec::new();
        let mut newly_skipped = 0;
        while messages.is_empty() {
            if self.catching_up == Some(0) {
                self.catching_up = None;
                messages.push(Frame::CaughtUp.encode().into());
                break;
            }
            let Some(id) = self.queue.pop_front() else {
                self.was_paused = false;
                if self.skipped > 0 {
                    messages.push(Frame::Skipped { frames: self.skipped }.encode().into());
                    self.skipped = 0;
                    break;
                }
                return None;
            };
            if let Some(left) = &mut self.catching_up {
                *left -= 1;
            }
            newly_skipped += self.take_probe(&id, probes, &mut messages);
        }
        Some((messages, newly_skipped))
    }

    fn take_probe(&mut self, id: &ProbeId, probes: &BTreeMap<ProbeId, Probe>, messages: &mut Vec<Bytes>) -> u64 {
        let cursor = self.cursors.get(id).copied().unwrap_or_default();
        let wanted = probes.get(id).filter(|probe| self.subset.matches(id, &probe.meta));
        let Some(probe) = wanted else {
            if cursor.given() {
                messages.push(probe_gone(id));
            }
            self.cursors.remove(id);
            // A probe that the viewer has seen and that is known again later starts from a fresh cursor.
            return 0;
        };
        let batch = probe.since(&cursor);
        if batch.forget_first {
            messages.push(probe_gone(id));
        }
        messages.extend(batch.frames);
        self.cursors.insert(id.clone(), batch.cursor);
        if self.was_paused {
            return 0;
        }
        self.skipped += batch.skipped;
        batch.skipped
    }
}
