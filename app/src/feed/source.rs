//! One probe's (or file's) own state: what its reports say together.

use scope_shared::sort::SmallSort as _;
use std::sync::Arc;

use scope_shared::frame::ReportKind;
use scope_shared::report::{Kind, Report, SmolStr};
use scope_shared::{delta, window};

use super::samples;

/// A source of reports.
#[derive(Debug)]
pub(super) struct Source {
    state: State,
    /// When it was last heard, by the viewer's clock.
    pub(super) heard_millis: u64,
    /// The viewer's time before which silence does not count against it.
    pub(super) counts_from: u64,
    /// When the server received its last report, by the server's clock.
    pub(super) received_millis: u64,
    /// What was wrong with its last report.
    pub(super) error: Option<String>,
    /// Deltas that no full report was there for.
    pub(super) missed_deltas: u64,
    /// Whether it was heard since the last greeting of a server.
    pub(super) confirmed: bool,
}

#[derive(Debug)]
enum State {
    /// A file: constant.
    File(Report),
    /// Reports as the original's probes send them, with their arrival times: whole and sparse ones, merged over the window.
    Window(Vec<window::Arrival>),
    /// A full report of ours and the newest delta to it.
    Full {
        /// Sequence number of the full report.
        base: u64,
        /// Sequence number of the newest report.
        newest: u64,
        full: Arc<Report>,
        /// The full report with the newest delta applied, as the probe said it (without older samples).
        now: Arc<Report>,
    },
}

/// What a report did to a source.
#[derive(Debug)]
pub(super) enum Taken {
    /// This is its state now.
    State(Arc<Report>),
    /// Nothing: it was older than what is there.
    Stale,
    /// Nothing: the full report it is relative to was never seen.
    MissedBase,
}

impl Source {
    pub(super) fn file(report: Report) -> Self {
        Self::new(State::File(report))
    }

    pub(super) fn probe() -> Self {
        Self::new(State::Window(Vec::new()))
    }

    fn new(state: State) -> Self {
        Self {
            state,
            heard_millis: 0,
            counts_from: 0,
            received_millis: 0,
            error: None,
            missed_deltas: 0,
            confirmed: true,
        }
    }

    /// Whether it is a file, which never expires.
    pub(super) fn is_file(&self) -> bool {
        self.file_report().is_some()
    }

    /// The report, if it is a file.
    pub(super) fn file_report(&self) -> Option<&Report> {
        match &self.state {
            State::File(report) => Some(report),
            State::Window(_) | State::Full { .. } => None,
        }
    }

    /// Takes a report that arrived at `arrival_millis`. `shown` is the state that was last returned.
    pub(super) fn take(
        &mut self,
        kind: ReportKind,
        report: Report,
        arrival_millis: u64,
        window_millis: u64,
        shown: Option<&Arc<Report>>,
    ) -> Taken {
        match kind {
            ReportKind::Plain => {
                let report = (arrival_millis, Arc::new(report));
                if let State::Window(reports) = &mut self.state {
                    reports.push(report);
                } else {
                    self.state = State::Window(vec![report]);
                }
                Taken::State(self.windowed())
            }
            ReportKind::Full { sequence } => {
                let full = Arc::new(report);
                let raw = match &self.state {
                    State::Full { now, .. } => Some(now.clone()),
                    _ => None,
                };
                self.state = State::Full {
                    base: sequence,
                    newest: sequence,
                    full: full.clone(),
                    now: full.clone(),
                };
                Taken::State(with_samples(full, shown, raw.as_deref(), window_millis))
            }
            ReportKind::Delta { sequence, base: wanted } => {
                let State::Full { base, newest, full, now } = &mut self.state else {
                    return Taken::MissedBase;
                };
                if *base != wanted {
                    return if sequence < *base { Taken::Stale } else { Taken::MissedBase };
                }
                if sequence <= *newest {
                    return Taken::Stale;
                }
                let applied = Arc::new(delta::apply(full, &report));
                *newest = sequence;
                let raw = std::mem::replace(now, applied.clone());
                Taken::State(with_samples(applied, shown, Some(&raw), window_millis))
            }
        }
    }

    /// Forgets reports that no longer count. `None` if nothing changed, `Some(None)` if nothing is left.
    pub(super) fn expire(&mut self, now_millis: u64, window_millis: u64) -> Option<Option<Arc<Report>>> {
        let from = self.counts_from;
        match &mut self.state {
            State::File(_) => None,
            State::Full { .. } => window::is_expired(self.heard_millis.max(from), now_millis, window_millis).then_some(None),
            State::Window(reports) => {
                // Reports that came together go together, with the first of them, as in the original.
                let dead: usize = window::quanta(reports)
                    .take_while(|quantum| {
                        quantum
                            .first()
                            .is_some_and(|(start, _)| window::is_expired((*start).max(from), now_millis, window_millis))
                    })
                    .map(<[window::Arrival]>::len)
                    .sum();
                if dead == 0 {
                    return None;
                }
                reports.drain(..dead);
                Some((!reports.is_empty()).then(|| self.windowed()))
            }
        }
    }

    /// The window's reports merged. They are merged in the order in which they were made, whatever the order in which they came.
    fn windowed(&self) -> Arc<Report> {
        let State::Window(reports) = &self.state else {
            return Arc::default();
        };
        let mut reports: Vec<&Arc<Report>> = reports.iter().map(|(_, report)| report).collect();
        reports.order_by(|a, b| a.ts.cmp_instant(b.ts).then_with(|| a.id.cmp(&b.id)));
        let mut merged = Report::merge_all(reports.into_iter().map(|report| &**report));
        let made = merged.ts;
        merged.upgrade(made);
        Arc::new(merged)
    }
}

fn with_samples(report: Arc<Report>, shown: Option<&Arc<Report>>, raw: Option<&Report>, window_millis: u64) -> Arc<Report> {
    match shown {
        Some(shown) => with_samples_of(&report, shown, raw, window_millis),
        None => report,
    }
}

#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
fn with_samples_of(report: &Report, shown: &Report, raw: Option<&Report>, window_millis: u64) -> Arc<Report> {
    let mut gathered = report.clone();
    samples::carry(shown, raw, &mut gathered, window_millis);
    Arc::new(gathered)
}

/// Host name and version of the probe that a state is of, from the host node that names it.
pub(super) fn identity(report: &Report, probe: &str) -> (SmolStr, SmolStr) {
    let hosts = || report.topology(Kind::Host).nodes.values();
    let own = hosts()
        .find(|host| host.latest("control_probe_id") == Some(probe))
        .or_else(|| hosts().next());
    let text = |key| own.and_then(|host| host.latest(key)).map(SmolStr::new).unwrap_or_default();
    (text("host_name"), text("host_scope_version"))
}
