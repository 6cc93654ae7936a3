//! Frames and report files in, one merged state out.
//!
//! A feed knows each probe's newest state, forgets silent probes after the window, and hands `view` what changed. It reads no clock and
//! trusts no byte it is given. Two clocks appear, and neither is compared with the other or with a report's own: `now_millis` is the
//! viewer's, by which probes expire; the server's `received_millis` only orders what the server held when the viewer came (how much older
//! than the newest a held report is).

mod samples;
mod source;
mod store;

use std::collections::BTreeMap;

use scope_shared::frame::{Frame, FrameError, Hello, ReportFrame};
use scope_shared::report::{PluginSpec, Report};
use scope_shared::window::WINDOW_MILLIS;
use scope_shared::wire::{DecodeError, decode_report};
use smol_str::SmolStr;
use source::{Source, Taken};
pub(crate) use store::Changes;
use store::Store;
use thiserror::Error;

/// Name of the source that all files make together; no probe's id holds a slash.
static FILES: SmolStr = SmolStr::new_static("file://");

/// The reports of every probe this viewer hears, merged.
#[derive(Debug)]
pub struct Feed {
    sources: BTreeMap<SmolStr, Source>,
    store: Store,
    revision: u64,
    window_millis: u64,
    /// The id of the server that greeted last.
    server: Option<String>,
    /// Whether that greeting was by the process that greeted before: then it holds all that is to be held.
    same_server: bool,
    caught_up: bool,
    /// Newest `received_millis` of the reports held by the server.
    newest_held_millis: u64,
}

/// What a frame did.
#[derive(Clone, Debug, PartialEq)]
pub enum FeedEvent {
    /// The server said who it is.
    Hello(Hello),
    /// A probe's state changed (`changed`) or was only confirmed.
    Report {
        /// The probe's id.
        probe: SmolStr,
        /// Whether anything a view could show may have changed.
        changed: bool,
    },
    /// A probe is gone, and with it all that only it reported.
    ProbeGone(SmolStr),
    /// The server left frames out because this viewer was slow.
    Skipped(u64),
    /// All that the server held has arrived; what follows is live.
    CaughtUp,
    /// The server is going away, for this reason.
    Goodbye(String),
    /// A frame of a kind this build does not know.
    Ignored,
}

/// Why a frame was not taken. Nothing of it was applied, and other probes are untouched.
#[derive(Debug, Error)]
pub enum FeedError {
    /// Not a frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The server's greeting cannot be read.
    #[error("the server's greeting cannot be read: {0}")]
    Hello(serde_json::Error),
    /// A report that cannot be read.
    #[error("a report of probe {probe} cannot be read and was left out: {error}")]
    Report {
        /// The probe's id.
        probe: SmolStr,
        /// Why.
        error: DecodeError,
    },
}

/// How one probe does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProbeStatus {
    /// The probe's id, or the name of the file.
    pub id: SmolStr,
    /// The host it runs on, as far as its reports say.
    pub hostname: SmolStr,
    /// Its version, as far as its reports say.
    pub version: SmolStr,
    /// Milliseconds since its last report arrived here.
    pub age_millis: u64,
    /// When the server received its last report, milliseconds since the Unix epoch by the server's clock.
    pub received_millis: u64,
    /// What was wrong with its last report, if anything.
    pub error: Option<String>,
    /// Deltas that could not be used because their full report was never seen; the next full report heals that.
    pub missed_deltas: u64,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            sources: BTreeMap::new(),
            store: Store::default(),
            revision: 0,
            window_millis: WINDOW_MILLIS,
            server: None,
            same_server: false,
            caught_up: false,
            newest_held_millis: 0,
        }
    }
}

impl Feed {
    /// An empty feed.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how long a silent probe's reports stay. A server's greeting sets it, too.
    pub fn set_window_millis(&mut self, window_millis: u64) {
        self.window_millis = window_millis.max(1);
    }

    /// How long a silent probe's reports stay.
    #[must_use]
    pub fn window_millis(&self) -> u64 {
        self.window_millis
    }

    /// Says that nothing was listened to until now: the connection was lost, or nobody looked. What is known has not grown old meanwhile;
    /// it has the whole window from now on to be confirmed, so that a restart of the server does not empty the map.
    pub fn resume(&mut self, now_millis: u64) {
        self.sources.values_mut().for_each(|source| source.counts_from = now_millis);
    }

    /// Takes one binary message of the viewer socket, received at `now_millis`.
    pub fn frame(&mut self, bytes: &[u8], now_millis: u64) -> Result<FeedEvent, FeedError> {
        Ok(match Frame::decode(bytes) {
            Ok(Frame::Hello(json)) => self.hello(serde_json::from_slice(json).map_err(FeedError::Hello)?, now_millis),
            Ok(Frame::Report(frame)) => self.report_frame(&frame, now_millis)?,
            Ok(Frame::ProbeGone { probe }) => {
                self.remove(probe);
                FeedEvent::ProbeGone(probe.into())
            }
            Ok(Frame::Skipped { frames }) => FeedEvent::Skipped(frames),
            Ok(Frame::CaughtUp) => self.caught_up(),
            Ok(Frame::Goodbye(reason)) => FeedEvent::Goodbye(String::from_utf8_lossy(reason).into_owned()),
            Err(FrameError::Kind(_)) => FeedEvent::Ignored,
            Err(error) => return Err(error.into()),
        })
    }

    fn hello(&mut self, hello: Hello, now_millis: u64) -> FeedEvent {
        self.resume(now_millis);
        self.same_server = self.server.as_ref() == Some(&hello.id);
        self.server = Some(hello.id.clone());
        if hello.window_millis > 0 {
            self.set_window_millis(hello.window_millis);
        }
        self.caught_up = false;
        self.newest_held_millis = 0;
        self.sources.values_mut().for_each(|source| source.confirmed = source.is_file());
        FeedEvent::Hello(hello)
    }

    /// Everything the server holds has been sent. What the same server no longer holds is gone; a server that has just been started may
    /// only not have heard of it yet, and the window decides.
    fn caught_up(&mut self) -> FeedEvent {
        self.caught_up = true;
        if self.same_server {
            let gone: Vec<SmolStr> = self
                .sources
                .iter()
                .filter(|(_, source)| !source.confirmed)
                .map(|(id, _)| id.clone())
                .collect();
            gone.iter().for_each(|id| self.remove(id));
        }
        FeedEvent::CaughtUp
    }

    fn report_frame(&mut self, frame: &ReportFrame<'_>, now_millis: u64) -> Result<FeedEvent, FeedError> {
        let probe = SmolStr::new(frame.probe);
        let report = match decode_report(frame.body, frame.encoding, frame.gzip) {
            Ok(report) => report,
            Err(error) => {
                // Only a probe that is known can have its error shown: ids of unreadable reports must not fill the list.
                if let Some(source) = self.sources.get_mut(&probe) {
                    source.error = Some(error.to_string());
                }
                return Err(FeedError::Report { probe, error });
            }
        };
        let arrival = now_millis.saturating_sub(self.held_for(frame.received_millis));
        let source = self.sources.entry(probe.clone()).or_insert_with(Source::probe);
        source.heard_millis = source.heard_millis.max(arrival);
        source.received_millis = frame.received_millis;
        source.error = None;
        source.confirmed = true;
        let changed = match source.take(frame.kind, report, arrival, self.window_millis, self.store.source(&probe)) {
            Taken::State(state) => self.store.set(&probe, Some(state)),
            Taken::Stale => false,
            Taken::MissedBase => {
                source.missed_deltas += 1;
                false
            }
        };
        self.revision += u64::from(changed);
        Ok(FeedEvent::Report { probe, changed })
    }

    /// How much older than the newest a report is that the server held; what arrives live is new, whatever the server's clock does.
    fn held_for(&mut self, received_millis: u64) -> u64 {
        if self.caught_up {
            return 0;
        }
        self.newest_held_millis = self.newest_held_millis.max(received_millis);
        (self.newest_held_millis - received_millis).min(self.window_millis.saturating_sub(1))
    }

    /// Puts a report in that came from a file called `name`, instead of whatever was there under that name. It never expires.
    pub fn add_report(&mut self, name: &str, report: Report) {
        self.add_reports([(SmolStr::new(name), report)]);
    }

    /// Puts several in at once. Files are one merged source, in the order of their names, as the original reads a folder of reports.
    pub fn add_reports(&mut self, reports: impl IntoIterator<Item = (SmolStr, Report)>) {
        self.sources
            .extend(reports.into_iter().map(|(name, report)| (name, Source::file(report))));
        let mut merged = Report::merge_all(self.sources.values().filter_map(Source::file_report));
        let made = merged.ts;
        merged.upgrade(made);
        self.store.set(&FILES, Some(merged.into()));
        self.revision += 1;
    }

    fn remove(&mut self, name: &str) {
        if self.sources.remove(name).is_some() {
            self.store.set(&name.into(), None);
            self.revision += 1;
        }
    }

    /// Forgets what has been silent for the window. True if anything went. Not to be called while there is no connection to the server:
    /// what was last seen is then better than nothing.
    pub fn expire(&mut self, now_millis: u64) -> bool {
        let mut changed = false;
        let mut gone = Vec::new();
        for (name, source) in &mut self.sources {
            match source.expire(now_millis, self.window_millis) {
                None => {}
                Some(Some(state)) => changed |= self.store.set(name, Some(state)),
                Some(None) => gone.push(name.clone()),
            }
        }
        for name in &gone {
            self.remove(name);
        }
        self.revision += u64::from(changed);
        changed || !gone.is_empty()
    }

    /// How each probe does, by id.
    #[must_use]
    pub fn status(&self, now_millis: u64) -> Vec<ProbeStatus> {
        let status = self.sources.iter().map(|(id, source)| {
            let report = source.file_report().or_else(|| self.store.source(id).map(|report| &**report));
            let (hostname, version) = report.map(|report| source::identity(report, id)).unwrap_or_default();
            ProbeStatus {
                id: id.clone(),
                hostname,
                version,
                age_millis: if source.is_file() {
                    0
                } else {
                    now_millis.saturating_sub(source.heard_millis)
                },
                received_millis: source.received_millis,
                error: source.error.clone(),
                missed_deltas: source.missed_deltas,
            }
        });
        status.collect()
    }

    /// Forgets everything, as after a change of server.
    pub fn clear(&mut self) {
        let revision = self.revision + 1;
        *self = Self {
            revision,
            ..Self::default()
        };
    }

    /// Goes up whenever something may have changed.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether there is any report.
    #[must_use]
    pub fn has_reports(&self) -> bool {
        self.store.len() > 0
    }

    /// The merged report, as `/api/report` gives it.
    #[must_use]
    pub fn whole_report(&self) -> Report {
        self.store.whole()
    }

    /// The plugins of all probes. Where several probes have one, the trouble of one is told rather than that the others are well.
    pub(crate) fn plugins(&self) -> BTreeMap<SmolStr, PluginSpec> {
        self.store.plugins()
    }

    /// The merged nodes, templates and names; what only `/api/report` tells is left at its default.
    pub(crate) fn merged(&self) -> &Report {
        self.store.merged()
    }

    /// What changed since the last call.
    pub(crate) fn take_changes(&mut self) -> Changes {
        self.store.take_changes()
    }
}
