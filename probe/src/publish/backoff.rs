//! How long to wait before trying again: doubling from one second to a cap, with jitter so that a hundred probes do not come back at once.

use std::time::Duration;

use rand::Rng;

/// First pause after a failure.
const FIRST: Duration = Duration::from_secs(1);
/// Longest pause, as the original.
pub const LONGEST: Duration = Duration::from_secs(60);

/// The state of one retry loop.
#[derive(Clone, Debug)]
pub struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::up_to(LONGEST)
    }
}

impl Backoff {
    /// Pauses grow up to `longest`.
    #[must_use]
    pub const fn up_to(longest: Duration) -> Self {
        Self { next: FIRST, longest }
    }

    /// After a success.
    pub const fn reset(&mut self) {
        self.next = FIRST;
    }

    /// The next pause: between half and all of the nominal one, drawn from `random`.
    pub fn next_pause(&mut self, random: &mut impl Rng) -> Duration {
        let nominal = self.next.min(self.longest);
        self.next = (nominal * 2).min(self.longest);
        nominal.mul_f64(random.random_range(0.5..=1.0))
    }

    /// Sleeps for the next pause.
    pub async fn pause(&mut self) {
        let pause = self.next_pause(&mut rand::rng());
        tokio::time::sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_the_cap_and_start_again_after_a_success() {
        let mut backoff = Backoff::up_to(Duration::from_secs(8));
        let mut random = rand::rng();
        for nominal in [1, 2, 4, 8, 8] {
            let pause = backoff.next_pause(&mut random);
            assert!(
                pause >= Duration::from_millis(nominal * 500) && pause <= Duration::from_secs(nominal),
                "{pause:?}"
            );
        }
        backoff.reset();
        assert!(backoff.next_pause(&mut random) <= FIRST);
    }
}
