//! One clock for the whole server: the wall clock is read once, at the start, and everything after is that reading plus monotonic time.
//!
//! So a jump of the machine's clock (NTP, a suspended laptop, a person) neither expires a probe nor makes a report look old, and frames
//! of one server process are always stamped in the order they arrived. Nothing else in the relay may read the wall clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use scope_shared::time::Timestamp;
use tokio::time::Instant;

/// The server's clock. Copies agree with each other.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    started_millis: u64,
}

impl Clock {
    /// Starts a clock from the machine's wall clock.
    #[must_use]
    pub fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self {
            started: Instant::now(),
            started_millis: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// Milliseconds since the Unix epoch at `instant`, by the wall clock of the start.
    #[must_use]
    pub fn millis(&self, instant: Instant) -> u64 {
        let since = instant.saturating_duration_since(self.started).as_millis();
        self.started_millis.saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
    }

    /// `instant` as text, RFC 3339.
    #[must_use]
    pub fn rfc3339(&self, instant: Instant) -> String {
        let millis = i64::try_from(self.millis(instant)).unwrap_or(i64::MAX);
        Timestamp::from_unix_millis(millis).to_string()
    }

    /// How long the server has been running.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        Instant::now().saturating_duration_since(self.started)
    }
}
