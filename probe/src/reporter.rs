//! What a source of information is: a [`Reporter`] makes a part of the report, a [`Tagger`] completes the merged one.
//!
//! A source owns its state and is called from one task only. It must not wait on anything slow in a call (it keeps a task of its own for
//! that and reports what is known), and it must not fail: what it cannot see it leaves out and logs once.

use std::sync::Arc;

use async_trait::async_trait;
use scope_shared::report::Report;
use scope_shared::time::Timestamp;

use crate::proc::Snapshot;

/// What every call is told.
#[derive(Clone, Debug, Default)]
pub struct Tick {
    /// The time of this scan, the timestamp of everything reported in it.
    pub now: Timestamp,
    /// The newest walk over the processes; empty where processes are not looked at.
    pub processes: Arc<Snapshot>,
}

impl Tick {
    /// A tick at the system clock's time, without processes.
    #[must_use]
    pub fn at_system_time() -> Self {
        Self {
            now: system_time(),
            processes: Arc::default(),
        }
    }
}

/// The system clock as a report's timestamp.
#[must_use]
pub fn system_time() -> Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX), since.subsec_nanos())
}

/// One source of nodes.
#[async_trait]
pub trait Reporter: Send {
    /// Short name, in logs and metrics.
    fn name(&self) -> &'static str;

    /// What the source sees now.
    async fn report(&mut self, tick: &Tick) -> Report;

    /// Whether its nodes need no tagger any more: those that are the same as in the last report may then be the same allocation.
    fn is_tagged(&self) -> bool {
        false
    }
}

/// One pass over the merged report.
pub trait Tagger: Send + Sync {
    /// Short name, in logs and metrics.
    fn name(&self) -> &'static str;

    /// Completes the report. Must work on shortcut reports too, which hold a node or two.
    fn tag(&self, report: &mut Report, now: Timestamp);
}
