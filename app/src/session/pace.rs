//! How long reports are gathered before the next rendering.
//!
//! A small cluster shows five times a second. The more a rendering costs, the longer the wait before the next one, so that reading, merging
//! and laying out never take more than a third of a worker's time, however many probes there are: between two renderings the inbox keeps
//! each probe's newest report only, so what is skipped costs nothing. What a person asks for never waits.

/// The shortest wait, in milliseconds.
const SHORTEST: u64 = 200;
/// The longest wait, in milliseconds: older than this, a map is no longer live.
const LONGEST: u64 = 4_000;
/// Milliseconds of rest for each millisecond of work.
const REST_PER_WORK: u64 = 2;

/// See the module's documentation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    last: u64,
}

impl Pace {
    /// Notes that the last rendering of reports took `millis`.
    pub fn rendered(&mut self, millis: u64) {
        self.last = millis;
    }

    /// Milliseconds to gather before the next one.
    #[must_use]
    pub fn wait(&self) -> u32 {
        self.last.saturating_mul(REST_PER_WORK).clamp(SHORTEST, LONGEST) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_never_takes_more_than_a_third_until_the_longest_wait() {
        let mut pace = Pace::default();
        assert_eq!(pace.wait(), 200);
        for (work, wait) in [
            (0, 200),
            (50, 200),
            (100, 200),
            (150, 300),
            (1_000, 2_000),
            (60_000, 4_000),
            (u64::MAX, 4_000),
        ] {
            pace.rendered(work);
            assert_eq!(u64::from(pace.wait()), wait, "{work}");
        }
        pace.rendered(1);
        assert_eq!(pace.wait(), 200, "it recovers at once");
    }
}
