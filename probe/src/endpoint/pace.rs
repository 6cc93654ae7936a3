//! When the sockets of a namespace are swept: as soon as its counters say that something happened, and hardly ever while they do not.
//!
//! Pure: time and counters come in from outside.

use super::table::Millis;
use crate::sockets::{Activity, Protocol};

/// Where events tell what happens, TCP is swept this often at most: for counters, and what events may have missed.
const TCP_WITH_EVENTS: Millis = 10_000;
/// UDP beside them, whose sockets with peers come and go without events in any tier.
const UDP_WITH_EVENTS: Millis = 3_000;
/// UDP where no socket has a peer and their number stays the same: resolvers in containers, mostly.
const UDP_WITHOUT_PEERS: Millis = 15_000;
/// Without events, a namespace where data flows but no connection comes or goes is swept after this time, then after twice that…
const FLOWING: Millis = 1_000;
/// …and so on up to this.
const FLOWING_AT_MOST: Millis = 10_000;
/// A quiet namespace is swept this often nevertheless: a socket can be closed, or begin to listen, without a packet.
const QUIET: Millis = 60_000;

/// When one namespace was swept for one protocol, and what its counters were then.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    protocol: Protocol,
    /// When it was last swept; zero for never.
    swept: Millis,
    /// When its counters were last compared.
    looked: Millis,
    activity: Option<Activity>,
    /// Without events: how long to wait while nothing but data flows.
    pause: Millis,
    /// Whether the sweep found sockets with peers.
    peers: bool,
}

impl Turn {
    /// Never swept.
    #[must_use]
    pub const fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            swept: 0,
            looked: 0,
            activity: None,
            pause: FLOWING,
            peers: false,
        }
    }

    /// When it was last swept; zero for never, in which case it does not wait for its turn.
    #[must_use]
    pub const fn swept(&self) -> Millis {
        self.swept
    }

    /// What is known does not hold any more: it is swept next time.
    pub const fn doubt(&mut self) {
        self.activity = None;
        self.looked = 0;
    }

    /// Whether its counters are to be looked at now.
    #[must_use]
    pub const fn is_to_be_looked_at(&self, with_events: bool, now: Millis) -> bool {
        let every = match (with_events, self.protocol) {
            (false, _) => 0,
            (true, Protocol::Tcp) => TCP_WITH_EVENTS,
            (true, Protocol::Udp) => UDP_WITH_EVENTS,
        };
        self.looked == 0 || now.saturating_sub(self.looked) >= every
    }

    /// Whether it is to be swept, its counters being these; `None` if they cannot be read.
    pub fn is_due(&mut self, with_events: bool, activity: Option<Activity>, now: Millis) -> bool {
        let (Some(before), Some(after)) = (self.activity, activity) else {
            return true;
        };
        let age = now.saturating_sub(self.swept);
        let came_or_went = (before.opened, before.open) != (after.opened, after.open);
        let flowed = before.segments != after.segments;
        let moved = match self.protocol {
            Protocol::Udp => came_or_went || (after.open > 0 && (self.peers || age >= UDP_WITHOUT_PEERS)),
            Protocol::Tcp if with_events => came_or_went || flowed,
            Protocol::Tcp => came_or_went || (flowed && age >= self.pause),
        };
        let due = moved || age >= QUIET;
        if !due {
            self.looked = now.max(1);
        }
        due
    }

    /// It was swept, its counters having been these before (`None` if that came to nothing); `peers` says whether it found sockets with peers.
    pub fn done(&mut self, activity: Option<Activity>, peers: bool, now: Millis) {
        let calm = match (self.activity, activity) {
            (Some(before), Some(after)) => (before.opened, before.open) == (after.opened, after.open),
            _ => false,
        };
        self.pause = if calm { (2 * self.pause).min(FLOWING_AT_MOST) } else { FLOWING };
        // Zero means "never".
        (self.swept, self.looked) = (now.max(1), now.max(1));
        (self.activity, self.peers) = (activity, peers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Millis = 1_000;

    fn swept(protocol: Protocol, open: u64) -> (Turn, Activity) {
        let (mut turn, activity) = (
            Turn::new(protocol),
            Activity {
                open,
                ..Activity::default()
            },
        );
        assert!(
            turn.is_to_be_looked_at(true, 1) && turn.is_due(true, Some(activity), 1),
            "never swept"
        );
        turn.done(Some(activity), open > 0, SECOND);
        (turn, activity)
    }

    #[test]
    fn a_quiet_namespace_is_left_alone_for_a_minute() {
        let cases = [(Protocol::Tcp, 9), (Protocol::Udp, 0)];
        for ((protocol, open), with_events) in cases.into_iter().flat_map(|case| [(case, true), (case, false)]) {
            let (mut turn, same) = swept(protocol, open);
            let due = (2..=70).find(|second| turn.is_due(with_events, Some(same), second * SECOND));
            assert_eq!(due, Some(61), "{protocol:?}, events: {with_events}");
        }
    }

    #[test]
    fn a_connection_that_comes_or_goes_is_looked_for_at_once_where_there_are_no_events() {
        let (turn, before) = swept(Protocol::Tcp, 1);
        for after in [Activity { opened: 1, ..before }, Activity { open: 0, ..before }] {
            let mut turn = turn;
            assert!(turn.is_to_be_looked_at(false, SECOND + 1) && turn.is_due(false, Some(after), SECOND + 1));
            assert!(!turn.is_to_be_looked_at(true, 10 * SECOND), "events have told already");
            assert!(turn.is_to_be_looked_at(true, 11 * SECOND + 1));
        }
    }

    #[test]
    fn where_only_data_flows_sweeps_become_rarer_and_a_new_connection_makes_them_frequent_again() {
        let (mut turn, mut activity) = swept(Protocol::Tcp, 1);
        let mut sweeps = Vec::new();
        for second in 2..40 {
            activity.segments += 1;
            activity.opened += u64::from(second == 30);
            if turn.is_due(false, Some(activity), second * SECOND) {
                turn.done(Some(activity), true, second * SECOND);
                sweeps.push(second);
            }
        }
        assert_eq!(sweeps, [2, 4, 8, 16, 26, 30, 31, 33, 37]);
    }

    #[test]
    fn udp_is_swept_while_sockets_have_peers_and_when_their_number_changes() {
        let cases = [
            (true, true, [4, 7, 10]),
            (false, true, [2, 3, 4]),
            (true, false, [7, 22, 37]),
            (false, false, [5, 20, 35]),
        ];
        for (with_events, peers, expected) in cases {
            let (mut turn, mut activity) = swept(Protocol::Udp, 2);
            turn.done(Some(activity), peers, SECOND);
            let mut sweeps = Vec::new();
            for second in 2..40 {
                activity.open = if second < 5 { 2 } else { 1 };
                if turn.is_to_be_looked_at(with_events, second * SECOND) && turn.is_due(with_events, Some(activity), second * SECOND) {
                    turn.done(Some(activity), peers, second * SECOND);
                    sweeps.push(second);
                }
            }
            assert_eq!(sweeps.get(..3), Some(expected.as_slice()), "events: {with_events}, peers: {peers}");
        }
    }

    #[test]
    fn counters_that_cannot_be_read_prove_nothing() {
        let (mut turn, same) = swept(Protocol::Tcp, 1);
        assert!(turn.is_due(true, None, 2 * SECOND));
        turn.doubt();
        assert!(turn.is_to_be_looked_at(true, 3 * SECOND) && turn.is_due(true, Some(same), 3 * SECOND));
    }
}
