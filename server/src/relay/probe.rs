//! What the relay holds of one probe, and what a viewer lacks of it.
//!
//! All decisions are pure functions of what is held and what arrives: [`Held::plan`] says what to do with a report, [`Probe::since`] what
//! to send. Sequence numbers tell ours from the original's reports, order them, and reveal restarts; the sender's clock is never looked at.

use std::collections::VecDeque;
use std::time::Duration;

use axum::http::StatusCode;
use bytes::Bytes;
use scope_shared::frame::ReportKind;
use tokio::time::Instant;

use super::{Incoming, ProbeMeta};
use crate::config::Limits;
use crate::refusal::Refusal;

/// One probe.
pub(super) struct Probe {
    /// Changes when what was said before no longer counts: the probe restarted, or changed between plain and sequenced reports.
    epoch: u64,
    pub(super) meta: ProbeMeta,
    pub(super) last_seen: Instant,
    pub(super) held: Held,
    /// Number of the newest report, counted from 1 within the epoch.
    serial: u64,
    /// Reports it may still send at once, and when that was last reckoned.
    tokens: f64,
    refilled: Instant,
}

/// A frame and its number within the epoch.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    serial: u64,
    frame: Bytes,
}

/// The newest state of a probe, as frames.
#[derive(Debug)]
pub(super) enum Held {
    /// Reports of the window, as the original sends them.
    Plain {
        /// Oldest first.
        reports: VecDeque<(Instant, Stored)>,
    },
    /// Ours: the newest full report and the newest delta relative to it.
    Sequenced {
        /// Sequence number of the full report.
        base: u64,
        /// Sequence number of the newest report.
        newest: u64,
        full: Stored,
        delta: Option<Stored>,
    },
}

/// What to do with a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Start over with it: first report, or the probe restarted.
    Restart,
    /// It goes on from what is held.
    Extend,
    /// Already superseded.
    Ignore,
}

/// How far a viewer is with a probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    epoch: u64,
    /// Serial of the full report given.
    full: u64,
    /// Serial of the newest report given.
    newest: u64,
    /// Whether the last thing given was plain.
    plain: bool,
    /// Whether the probe is in the viewer's queue.
    pub(super) queued: bool,
}

impl Cursor {
    /// Whether the viewer was ever given anything of the probe.
    pub(super) const fn given(&self) -> bool {
        self.epoch != 0
    }
}

/// What a viewer lacks.
pub(super) struct Batch {
    /// The viewer must forget the probe before it reads the frames: plain reports add up, so a new epoch would mix with the old.
    pub(super) forget_first: bool,
    pub(super) frames: Vec<Bytes>,
    pub(super) skipped: u64,
    pub(super) cursor: Cursor,
}

impl Probe {
    pub(super) fn new(epoch: u64, limits: &Limits, now: Instant) -> Self {
        Self {
            epoch,
            meta: ProbeMeta::default(),
            last_seen: now,
            held: Held::Plain { reports: VecDeque::new() },
            serial: 0,
            // The report that makes the probe known is the first one spent.
            tokens: limits.report_burst - 1.0,
            refilled: now,
        }
    }

    /// Takes one report out of the rate's allowance.
    pub(super) fn spend(&mut self, limits: &Limits, now: Instant) -> Result<(), Refusal> {
        let passed = now.saturating_duration_since(self.refilled).as_secs_f64();
        self.refilled = now;
        self.tokens = (self.tokens + passed * limits.report_rate).min(limits.report_burst);
        if self.tokens < 1.0 {
            return Err(Refusal::too_many(
                format!(
                    "this probe sends more than {} reports a second, the limit (--max-report-rate); the report was dropped",
                    limits.report_rate
                ),
                1,
            ));
        }
        self.tokens -= 1.0;
        Ok(())
    }

    /// Two live probes with one id would overwrite each other for ever; the second one is refused instead.
    pub(super) fn check_identity(&self, report: &Incoming) -> Result<(), Refusal> {
        let (known, said) = (&self.meta.hostname, &report.meta.hostname);
        if known.is_empty() || said.is_empty() || known == said {
            return Ok(());
        }
        Err(Refusal::new(
            StatusCode::CONFLICT,
            format!("a probe on host {known:?} already reports under this id; restart one of the two so that it draws another"),
        ))
    }

    pub(super) fn apply(&mut self, plan: Plan, report: Incoming, epoch: u64, window: Duration, limits: &Limits, now: Instant) {
        self.last_seen = now;
        self.meta = report.meta;
        if plan == Plan::Restart {
            self.epoch = epoch;
            self.serial = 0;
        }
        self.serial += 1;
        let stored = Stored {
            serial: self.serial,
            frame: report.frame,
        };
        match (report.kind, &mut self.held) {
            (ReportKind::Plain, Held::Plain { reports }) if plan == Plan::Extend => {
                reports.push_back((now, stored));
                while reports.len() > limits.plain_reports {
                    reports.pop_front();
                }
            }
            (ReportKind::Plain, held) => {
                *held = Held::Plain {
                    reports: VecDeque::from([(now, stored)]),
                }
            }
            (ReportKind::Delta { sequence, .. }, Held::Sequenced { newest, delta, .. }) => {
                *newest = sequence;
                *delta = Some(stored);
            }
            (ReportKind::Full { sequence } | ReportKind::Delta { sequence, .. }, held) => {
                *held = Held::Sequenced {
                    base: sequence,
                    newest: sequence,
                    full: stored,
                    delta: None,
                }
            }
        }
        self.held.expire(window, now);
    }

    /// What a viewer at `cursor` lacks.
    pub(super) fn since(&self, cursor: &Cursor) -> Batch {
        let same = cursor.epoch == self.epoch;
        let seen = if same { cursor.newest } else { 0 };
        let mut next = Cursor {
            epoch: self.epoch,
            full: 0,
            newest: self.serial,
            plain: false,
            queued: false,
        };
        let mut frames = Vec::new();
        match &self.held {
            Held::Plain { reports } => {
                next.plain = true;
                frames.extend(
                    reports
                        .iter()
                        .filter(|(_, stored)| stored.serial > seen)
                        .map(|(_, stored)| stored.frame.clone()),
                );
            }
            Held::Sequenced { full, delta, .. } => {
                next.full = full.serial;
                if !same || cursor.full != full.serial {
                    frames.push(full.frame.clone());
                }
                frames.extend(
                    delta
                        .iter()
                        .filter(|stored| stored.serial > seen)
                        .map(|stored| stored.frame.clone()),
                );
            }
        }
        // A viewer that connects has missed nothing: there is no "before" for it. Nor does a restart count as slowness.
        let missed = if same {
            (self.serial - seen).saturating_sub(frames.len() as u64)
        } else {
            0
        };
        Batch {
            forget_first: cursor.given() && !same && (cursor.plain || next.plain),
            frames,
            skipped: missed,
            cursor: next,
        }
    }
}

impl Held {
    /// What to do with a report, given what is held (`None`: the probe is unknown).
    pub(super) fn plan(held: Option<&Self>, report: &Incoming) -> Result<Plan, Refusal> {
        Ok(match (report.kind, held) {
            (ReportKind::Plain, Some(Self::Plain { .. })) => Plan::Extend,
            (ReportKind::Plain, _) | (ReportKind::Full { .. }, None | Some(Self::Plain { .. })) => Plan::Restart,
            // The probe's numbers only go up while its process lives; a full report that does not comes from its successor.
            (ReportKind::Full { sequence }, Some(Self::Sequenced { newest, .. })) => {
                if sequence > *newest {
                    Plan::Extend
                } else {
                    Plan::Restart
                }
            }
            (ReportKind::Delta { sequence, base: on }, Some(Self::Sequenced { base, newest, .. })) if on == *base => {
                if sequence > *newest {
                    Plan::Extend
                } else {
                    Plan::Ignore
                }
            }
            (ReportKind::Delta { sequence, base: on }, Some(Self::Sequenced { base, newest, .. })) if on < *base && sequence < *newest => {
                Plan::Ignore
            }
            (ReportKind::Delta { base, .. }, _) => {
                return Err(Refusal {
                    routine: true,
                    ..Refusal::new(
                        StatusCode::CONFLICT,
                        format!("this delta is relative to full report {base}, which is not held here; send a full report next"),
                    )
                });
            }
        })
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Plain { reports } => reports.iter().map(|(_, stored)| stored.frame.len()).sum(),
            Self::Sequenced { full, delta, .. } => full.frame.len() + delta.as_ref().map_or(0, |stored| stored.frame.len()),
        }
    }

    /// The bytes that carrying out `plan` with a report of this kind gives back.
    pub(super) fn freed_by(&self, plan: Plan, kind: ReportKind) -> usize {
        match (self, plan) {
            (_, Plan::Restart) => self.bytes(),
            (_, Plan::Extend) if matches!(kind, ReportKind::Full { .. }) => self.bytes(),
            (Self::Sequenced { delta, .. }, Plan::Extend) => delta.as_ref().map_or(0, |stored| stored.frame.len()),
            _ => 0,
        }
    }

    /// Drops plain reports older than the window.
    pub(super) fn expire(&mut self, window: Duration, now: Instant) {
        if let Self::Plain { reports } = self {
            while reports.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > window) {
                reports.pop_front();
            }
        }
    }
}
