//! Every refusal is counted; those that an operator can do something about are logged, a few lines at most however many there are.
//!
//! Whoever sends a thousand bad reports a second must not fill the disk with lines about them: of each kind of refusal one line is written
//! in [`QUIET`], which says how many were left out since the last one.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use axum::http::StatusCode;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::Metrics;
use crate::refusal::Refusal;

/// Between two lines about the same kind of refusal.
const QUIET: Duration = Duration::from_secs(10);

/// What is refused, and with which status. There are few: both halves come from this program.
type Kind = (&'static str, u16);

/// When each kind was logged last, and how many were left out since.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<BTreeMap<Kind, (Instant, u64)>>);

impl Refusals {
    /// Counts a refusal of `what` (`report`, `viewer`, `connection`, `pipe`, …) to `from`, and logs it if it is time to.
    pub(crate) fn note(&self, metrics: &Metrics, what: &'static str, from: IpAddr, refusal: &Refusal) {
        metrics.refused(what, refusal.status);
        if refusal.routine {
            return tracing::debug!(%from, %refusal, "{what} refused");
        }
        if let Some(left_out) = self.due(what, refusal.status, Instant::now()) {
            tracing::warn!(%from, %refusal, left_out, "{what} refused");
        }
    }

    /// How many lines were left out, if one may be written now.
    fn due(&self, what: &'static str, status: StatusCode, now: Instant) -> Option<u64> {
        let mut kinds = self.0.lock();
        let Some((last, left_out)) = kinds.get_mut(&(what, status.as_u16())) else {
            kinds.insert((what, status.as_u16()), (now, 0));
            return Some(0);
        };
        if now.saturating_duration_since(*last) < QUIET {
            *left_out += 1;
            return None;
        }
        *last = now;
        Some(std::mem::take(left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_one_kind_is_one_line_and_a_number() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        let due = |what, after| refusals.due(what, StatusCode::TOO_MANY_REQUESTS, now + Duration::from_secs(after));
        assert_eq!(due("report", 0), Some(0));
        for _ in 0..1000 {
            assert_eq!(due("report", 9), None);
        }
        assert_eq!(due("viewer", 9), Some(0), "another kind has its own line");
        assert_eq!(due("report", 10), Some(1000));
        assert_eq!(due("report", 21), Some(0));
    }
}
