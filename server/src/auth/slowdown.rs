//! Slows guessing down: after each wrong token an address waits twice as long, and all addresses together have a limit.
//!
//! The same wrong token again is no further guess. A probe that was given a wrong one presents it for ever, and must not lock out all that
//! share its address.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Wrong tokens that cost nothing: people mistype, and paste with a line break.
const FREE: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Wrong tokens remembered for each address: as many probes behind it may be misconfigured, each in its own way.
const TOKENS: usize = 8;
/// After this much peace an address starts afresh.
const FORGET: Duration = Duration::from_secs(900);
/// Addresses remembered. An attacker with more than that many has all of them slowed by the limit on everybody.
const ADDRESSES: usize = 10_000;
/// Wrong tokens a second from everybody together, and how many may come at once.
const TOGETHER: f64 = 5.0;
const TOGETHER_BURST: f64 = 50.0;

/// See the module's documentation.
pub(super) struct Slowdown {
    state: Mutex<State>,
    /// Keyed at random for each process: fingerprints cannot be made to collide from outside.
    fingerprints: RandomState,
}

struct State {
    failures: BTreeMap<IpAddr, Failures>,
    allowance: f64,
    reckoned: Instant,
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
    /// The newest wrong tokens, as fingerprints.
    tokens: [u64; TOKENS],
}

impl Failures {
    fn wait(&self) -> Duration {
        match self.count.checked_sub(FREE) {
            None | Some(0) => Duration::ZERO,
            Some(over) => FIRST_WAIT.saturating_mul(1 << (over - 1).min(10)).min(LONGEST_WAIT),
        }
    }
}

impl Slowdown {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            state: Mutex::new(State {
                failures: BTreeMap::new(),
                allowance: TOGETHER_BURST,
                reckoned: now,
            }),
            fingerprints: RandomState::new(),
        }
    }

    /// How long this address still has to wait before a token of its is looked at.
    pub(super) fn wait(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let mut state = self.state.lock();
        let passed = now.saturating_duration_since(state.reckoned).as_secs_f64();
        state.reckoned = now;
        state.allowance = (state.allowance + passed * TOGETHER).min(TOGETHER_BURST);
        let own = state.failures.get(&net(address)).map_or(Duration::ZERO, |failures| {
            failures.wait().saturating_sub(now.saturating_duration_since(failures.last))
        });
        let shared = if state.allowance < 1.0 { FIRST_WAIT } else { Duration::ZERO };
        Some(own.max(shared)).filter(|wait| !wait.is_zero())
    }

    /// A wrong token came from this address.
    pub(super) fn failed(&self, address: IpAddr, token: &str, now: Instant) {
        let token = self.fingerprints.hash_one(token);
        let mut state = self.state.lock();
        if state
            .failures
            .get(&net(address))
            .is_some_and(|failures| failures.tokens.contains(&token))
        {
            return;
        }
        state.allowance = (state.allowance - 1.0).max(0.0);
        if state.failures.len() >= ADDRESSES {
            state
                .failures
                .retain(|_, failures| now.saturating_duration_since(failures.last) < LONGEST_WAIT);
        }
        if state.failures.len() >= ADDRESSES {
            return;
        }
        let failures = state.failures.entry(net(address)).or_insert(Failures {
            count: 0,
            last: now,
            tokens: [0; TOKENS],
        });
        if now.saturating_duration_since(failures.last) > FORGET {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        failures.tokens.rotate_right(1);
        failures.tokens[0] = token;
        failures.last = now;
    }

    /// A right token came from this address.
    pub(super) fn succeeded(&self, address: IpAddr) {
        self.state.lock().failures.remove(&net(address));
    }
}

/// One customer has a whole /64 of IPv6.
fn net(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wrong_token_after_the_third_doubles_the_wait_up_to_a_minute() {
        let start = Instant::now();
        let slowdown = Slowdown::new(start);
        let address = "192.0.2.1".parse().expect("address");
        let waits: Vec<u64> = (0..12)
            .map(|guess| {
                slowdown.failed(address, &format!("guess {guess}"), start);
                slowdown.wait(address, start).map_or(0, |wait| wait.as_secs())
            })
            .collect();
        assert_eq!(waits, [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(slowdown.wait(address, start + LONGEST_WAIT), None);
        assert_eq!(
            slowdown.wait("192.0.2.2".parse().expect("address"), start),
            None,
            "others are not slowed"
        );
    }

    #[test]
    fn many_addresses_together_are_slowed_as_well() {
        let start = Instant::now();
        let slowdown = Slowdown::new(start);
        for last in 0..60_u8 {
            slowdown.failed(IpAddr::from([198, 51, 100, last]), "the same", start);
        }
        assert!(slowdown.wait("203.0.113.1".parse().expect("address"), start).is_some());
    }

    #[test]
    fn the_same_wrong_token_again_is_no_further_guess() {
        let start = Instant::now();
        let slowdown = Slowdown::new(start);
        let address = "192.0.2.1".parse().expect("address");
        for _ in 0..1000 {
            slowdown.failed(address, "a probe's old token", start);
            slowdown.failed(address, "another probe's old token", start);
        }
        assert_eq!(slowdown.wait(address, start), None);
    }

    #[test]
    fn a_right_token_wipes_the_slate() {
        let start = Instant::now();
        let slowdown = Slowdown::new(start);
        let address = "2001:db8::1".parse().expect("address");
        for guess in 0..8 {
            slowdown.failed(address, &format!("guess {guess}"), start);
        }
        assert!(
            slowdown.wait("2001:db8::2".parse().expect("address"), start).is_some(),
            "one /64 counts as one"
        );
        slowdown.succeeded(address);
        assert_eq!(slowdown.wait(address, start), None);
    }
}
