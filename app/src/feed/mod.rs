//! Frames and report files in, one merged state out.
//!
//! A feed knows each probe's newest state, forgets silent probes after the window, and hands `view` what changed. It reads no clock
//! (`now_millis` is the viewer's own, in milliseconds, only compared with itself) and trusts no byte it is given.

use scope_shared::frame::{FrameError, Hello};
use scope_shared::report::Report;
use smol_str::SmolStr;
use thiserror::Error;

/// The reports of every probe this viewer hears, merged.
#[derive(Debug, Default)]
pub struct Feed {
    revision: u64,
    files: std::collections::BTreeMap<SmolStr, Report>,
    merged: Report,
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
#[derive(Clone, Debug, Error)]
pub enum FeedError {
    /// Not a frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A report that cannot be read.
    #[error("report of probe {probe} cannot be read and was left out: {reason}")]
    Report {
        /// The probe's id.
        probe: SmolStr,
        /// Why.
        reason: String,
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

impl Feed {
    /// An empty feed.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one binary message of the viewer socket, received at `now_millis`.
    pub fn frame(&mut self, bytes: &[u8], now_millis: u64) -> Result<FeedEvent, FeedError> {
        let _ = (bytes, now_millis);
        Ok(FeedEvent::Ignored)
    }

    /// Puts a report in that came from a file called `name`, instead of whatever was there under that name. It never expires.
    pub fn add_report(&mut self, name: &str, report: Report) {
        self.files.insert(name.into(), report);
        let mut m = Report::merge_all(self.files.values());
        m.upgrade(scope_shared::time::Timestamp::ZERO);
        self.merged = m;
        self.revision += 1;
    }

    /// Forgets what has been silent for the window. True if anything went.
    pub fn expire(&mut self, now_millis: u64) -> bool {
        let _ = now_millis;
        false
    }

    /// How each probe does, by id.
    #[must_use]
    pub fn status(&self, now_millis: u64) -> Vec<ProbeStatus> {
        let _ = now_millis;
        Vec::new()
    }

    /// Forgets everything, as after a change of server.
    pub fn clear(&mut self) {
        self.revision += 1;
    }

    /// The merged reports.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.merged
    }

    /// Whether there is any report.
    #[must_use]
    pub fn has_reports(&self) -> bool {
        !self.files.is_empty()
    }

    /// Goes up whenever something may have changed.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }
}
