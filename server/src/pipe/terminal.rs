//! What the audit log knows of a pipe: who opened it, on what, when, and its recording.

use std::collections::BTreeMap;
use std::net::IpAddr;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::audit::{Audit, Event, Recording, What};

/// Terminals remembered; the pipes' own limit is far below.
const REMEMBERED: usize = 4096;

/// A terminal or log that a control opened.
pub(crate) struct Terminal {
    pub(crate) who: String,
    pub(crate) from: IpAddr,
    pub(crate) what: What,
    pub(crate) opened: Instant,
    pub(crate) recording: Option<Recording>,
}

/// The terminals that are open, by pipe.
#[derive(Default)]
pub(crate) struct Terminals {
    open: Mutex<BTreeMap<String, Terminal>>,
}

impl Terminals {
    /// A control has opened a pipe.
    pub(crate) fn opened(&self, terminal: Terminal) {
        let mut open = self.open.lock();
        if open.len() < REMEMBERED {
            open.insert(terminal.what.pipe.clone(), terminal);
        }
    }

    /// The recording of a pipe, if it is recorded.
    pub(super) fn recording(&self, pipe: &str) -> Option<Recording> {
        self.open.lock().get(pipe)?.recording.clone()
    }

    /// A terminal was resized.
    pub(crate) fn resized(&self, pipe: &str, width: &str, height: &str) {
        if let Some(recording) = self.recording(pipe) {
            recording.resize(width, height);
        }
    }

    /// A pipe is over; the first to say so writes the record.
    pub(crate) fn closed(&self, pipe: &str, how: &str, audit: &Audit) {
        let terminal = self.open.lock().remove(pipe);
        if let Some(terminal) = terminal {
            let mut event = Event::new("terminal closed", &terminal.who, terminal.from)
                .on(terminal.what)
                .took(terminal.opened.elapsed());
            audit.note(event.result(how));
        }
    }
}
