//! The pipes of the server: who is attached to which end, and when a pipe is over.
//!
//! A pipe begins with the first socket at either end (or with the control that announced it) and is over when it is deleted, when its
//! stream ended, or when an end has been without a socket for too long. Then it is remembered for a while, so that whoever comes late
//! learns that it is over instead of starting a new one. All times are passed in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::stream::{End, Stream};

/// An end that lost its socket has this long to come back: probes and pages redial at once, and whoever is at the other end shall know
/// within ten seconds.
pub(super) const LOST: Duration = Duration::from_secs(6);
/// An end that never had a socket has this long, as the original: a page may be slow to start.
pub(super) const NEVER: Duration = Duration::from_secs(60);
/// How long a pipe that is over is remembered, as the original.
const TOMBSTONE: Duration = Duration::from_secs(600);
/// What an end that is still reading gets to take after the pipe is over.
pub(super) const DRAIN: Duration = Duration::from_secs(5);
/// Pipes remembered as over, per pipe allowed: more than that many in ten minutes and the oldest are forgotten early.
const TOMBSTONES_PER_PIPE: usize = 20;

/// The two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// A page's terminal.
    Ui,
    /// The probe that has the shell.
    Probe,
}

/// A pipe that is not over.
pub(super) struct Pipe {
    pub(super) to_ui: Arc<Stream>,
    pub(super) to_probe: Arc<Stream>,
    /// Cancelled when its sockets are to be dropped whether they have read everything or not.
    pub(super) cut: CancellationToken,
}

#[derive(Clone, Copy)]
struct Attached {
    sockets: usize,
    since: Instant,
    ever: bool,
}

impl Attached {
    fn is_lost(&self, now: Instant) -> bool {
        let patience = if self.ever { LOST } else { NEVER };
        self.sockets == 0 && now.saturating_duration_since(self.since) >= patience
    }
}

enum Entry {
    Open { pipe: Arc<Pipe>, ui: Attached, probe: Attached },
    Over { at: Instant, cut: Option<CancellationToken> },
}

/// Why a socket cannot be attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAttached {
    /// The pipe is over.
    Over,
    /// There are too many.
    TooMany,
}

/// All pipes.
pub(crate) struct Pipes {
    limit: usize,
    entries: Mutex<BTreeMap<Arc<str>, Entry>>,
}

impl Pipes {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            entries: Mutex::default(),
        }
    }

    /// Attaches a socket to an end, opening the pipe if it is unknown.
    pub(super) fn attach(&self, id: &str, side: Side, now: Instant) -> Result<Arc<Pipe>, NotAttached> {
        let mut entries = self.entries.lock();
        if !entries.contains_key(id) {
            let open = entries.values().filter(|entry| matches!(entry, Entry::Open { .. })).count();
            if open >= self.limit {
                return Err(NotAttached::TooMany);
            }
            entries.insert(id.into(), Entry::open(now));
        }
        match entries.get_mut(id) {
            Some(Entry::Open { pipe, ui, probe }) => {
                let end = if side == Side::Ui { ui } else { probe };
                end.sockets += 1;
                end.ever = true;
                Ok(Arc::clone(pipe))
            }
            _ => Err(NotAttached::Over),
        }
    }

    /// A socket of an end is gone.
    pub(super) fn detach(&self, id: &str, side: Side, now: Instant) {
        if let Some(Entry::Open { ui, probe, .. }) = self.entries.lock().get_mut(id) {
            let end = if side == Side::Ui { ui } else { probe };
            end.sockets = end.sockets.saturating_sub(1);
            end.since = now;
        }
    }

    /// Whether the pipe is over (an unknown one is not).
    pub(crate) fn is_over(&self, id: &str) -> bool {
        matches!(self.entries.lock().get(id), Some(Entry::Over { .. }))
    }

    /// The pipe is over: both ends are told once they have read what was written. Again for one that is over: remembered for longer.
    pub(crate) fn close(&self, id: &str, end: &End, now: Instant) -> bool {
        let mut entries = self.entries.lock();
        entries.get_mut(id).is_some_and(|entry| entry.close(end, now))
    }

    /// As [`Self::close`], but also for a pipe that no socket has opened yet: one that comes is told that it is over.
    pub(crate) fn forbid(&self, id: &str, end: &End, now: Instant) {
        let mut entries = self.entries.lock();
        entries.entry(id.into()).or_insert_with(|| Entry::open(now)).close(end, now);
    }

    /// Pipes whose end has been lost are closed, old memories are dropped. To be called about once a second; gives the ids closed.
    pub(crate) fn sweep(&self, now: Instant) -> Vec<Arc<str>> {
        let mut entries = self.entries.lock();
        let mut closed = Vec::new();
        for (id, entry) in entries.iter_mut() {
            match entry {
                Entry::Open { ui, probe, .. } => {
                    let reason = match (ui.is_lost(now), probe.is_lost(now)) {
                        (false, false) => continue,
                        (true, _) => "the page's end was lost",
                        (_, true) => "the probe's end was lost",
                    };
                    entry.close(&End::gone(reason), now);
                    closed.push(Arc::clone(id));
                }
                Entry::Over { at, cut } => {
                    if now.saturating_duration_since(*at) >= DRAIN
                        && let Some(cut) = cut.take()
                    {
                        cut.cancel();
                    }
                }
            }
        }
        entries.retain(|_, entry| !matches!(entry, Entry::Over { at, .. } if now.saturating_duration_since(*at) >= TOMBSTONE));
        forget_oldest(&mut entries, self.limit * TOMBSTONES_PER_PIPE);
        closed
    }

    /// Everything is over: the server is stopping.
    pub(crate) fn close_all(&self, end: &End, now: Instant) {
        for entry in self.entries.lock().values_mut() {
            entry.close(end, now);
        }
    }

    /// How many are not over.
    pub(crate) fn open(&self) -> usize {
        self.entries
            .lock()
            .values()
            .filter(|entry| matches!(entry, Entry::Open { .. }))
            .count()
    }
}

fn forget_oldest(entries: &mut BTreeMap<Arc<str>, Entry>, keep: usize) {
    let mut over: Vec<(Instant, Arc<str>)> = entries
        .iter()
        .filter_map(|(id, entry)| match entry {
            Entry::Over { at, cut: None } => Some((*at, Arc::clone(id))),
            _ => None,
        })
        .collect();
    if over.len() > keep {
        over.sort();
        let surplus = over.len() - keep;
        for (_, id) in over.into_iter().take(surplus) {
            entries.remove(&id);
        }
    }
}

impl Entry {
    fn open(now: Instant) -> Self {
        let nobody = Attached {
            sockets: 0,
            since: now,
            ever: false,
        };
        Self::Open {
            pipe: Arc::new(Pipe {
                to_ui: Arc::default(),
                to_probe: Arc::default(),
                cut: CancellationToken::new(),
            }),
            ui: nobody,
            probe: nobody,
        }
    }

    fn close(&mut self, end: &End, now: Instant) -> bool {
        match self {
            Self::Open { pipe, .. } => {
                pipe.to_ui.end(end.clone());
                pipe.to_probe.end(end.clone());
                let cut = pipe.cut.clone();
                *self = Self::Over { at: now, cut: Some(cut) };
                true
            }
            Self::Over { at, cut } => {
                // The time to drain counts from the first close.
                if cut.is_none() {
                    *at = now;
                }
                false
            }
        }
    }
}

impl End {
    /// Closed by request.
    pub(crate) fn closed() -> Self {
        Self {
            code: 1000,
            reason: "closed".to_owned(),
        }
    }

    /// One side went away.
    pub(crate) fn gone(reason: &str) -> Self {
        Self {
            code: 1001,
            reason: reason.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn an_end_that_is_lost_closes_the_pipe_within_ten_seconds() {
        let (pipes, start) = (Pipes::new(4), Instant::now());
        pipes.attach("p", Side::Ui, start).map(drop).expect("open");
        pipes.attach("p", Side::Probe, start).map(drop).expect("open");
        assert!(pipes.sweep(after(start, 100)).is_empty(), "both ends are there");
        pipes.detach("p", Side::Ui, after(start, 100));
        assert!(pipes.sweep(after(start, 105)).is_empty());
        assert_eq!(pipes.sweep(after(start, 107)).len(), 1);
        assert_eq!(pipes.attach("p", Side::Ui, after(start, 107)).map(drop), Err(NotAttached::Over));
    }

    #[test]
    fn an_end_that_comes_back_in_time_keeps_it() {
        let (pipes, start) = (Pipes::new(4), Instant::now());
        pipes.attach("p", Side::Ui, start).map(drop).expect("open");
        pipes.attach("p", Side::Probe, start).map(drop).expect("open");
        pipes.detach("p", Side::Probe, after(start, 1));
        pipes.attach("p", Side::Probe, after(start, 5)).map(drop).expect("back");
        assert!(pipes.sweep(after(start, 60)).is_empty());
    }

    #[test]
    fn an_end_that_never_came_has_a_minute() {
        let (pipes, start) = (Pipes::new(4), Instant::now());
        pipes.attach("p", Side::Probe, start).map(drop).expect("open");
        assert!(pipes.sweep(after(start, 59)).is_empty());
        assert_eq!(pipes.sweep(after(start, 60)).len(), 1);
    }

    #[test]
    fn what_is_over_stays_over_for_ten_minutes_and_unknown_is_not_over() {
        let (pipes, start) = (Pipes::new(4), Instant::now());
        assert!(!pipes.is_over("p") && !pipes.close("p", &End::closed(), start));
        pipes.attach("p", Side::Ui, start).map(drop).expect("open");
        assert!(pipes.close("p", &End::closed(), start) && !pipes.close("p", &End::closed(), start));
        pipes.sweep(after(start, 599));
        assert!(pipes.is_over("p"));
        pipes.sweep(after(start, 601));
        assert!(!pipes.is_over("p"));
    }

    #[test]
    fn a_pipe_can_be_forbidden_before_anybody_opens_it() {
        let (pipes, start) = (Pipes::new(4), Instant::now());
        pipes.forbid("p", &End::closed(), start);
        assert_eq!(pipes.attach("p", Side::Probe, start).map(drop), Err(NotAttached::Over));
        assert_eq!(pipes.open(), 0);
    }

    #[test]
    fn too_many_pipes_are_refused_and_closing_one_makes_room() {
        let (pipes, start) = (Pipes::new(1), Instant::now());
        pipes.attach("a", Side::Ui, start).map(drop).expect("open");
        assert_eq!(pipes.attach("b", Side::Ui, start).map(drop), Err(NotAttached::TooMany));
        pipes.close("a", &End::closed(), start);
        assert!(pipes.attach("b", Side::Ui, start).is_ok());
        assert_eq!(pipes.open(), 1);
    }
}
