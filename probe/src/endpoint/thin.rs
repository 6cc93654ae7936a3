//! Thinning: of many alike connections a few stand for all, chosen by port numbers, so that the probes of both ends choose the same.

use std::net::{IpAddr, SocketAddr};

use super::table::Key;
use crate::sockets::Traffic;

/// More than so many of a kind are thinned.
const ENOUGH: usize = 5;
/// Never fewer than this are kept.
const FEWEST: usize = 3;

/// One connection with its real ends, ready to be reported.
#[derive(Clone, Debug)]
pub struct Edge {
    /// Real ends.
    pub key: Key,
    /// Process that connected; zero if not known.
    pub client_pid: u32,
    /// Process that accepted; zero if not known.
    pub server_pid: u32,
    /// The client as the server sees it: what both ends' probes agree on.
    pub wire: SocketAddr,
    /// Other addresses of the client.
    pub client_aliases: Vec<SocketAddr>,
    /// Other addresses of the server.
    pub server_aliases: Vec<SocketAddr>,
    /// Counters.
    pub traffic: Option<Traffic>,
    /// How many connections this one stands for.
    pub count: u32,
}

impl Edge {
    fn group(&self) -> (u8, IpAddr, SocketAddr, u32, u32, u32) {
        let key = &self.key;
        (
            key.protocol.number(),
            self.wire.ip(),
            key.server,
            key.netns,
            self.client_pid,
            self.server_pid,
        )
    }
}

/// Thins groups of the same client address, server and processes. The result is in group and port order.
#[must_use]
pub fn thin(mut edges: Vec<Edge>) -> Vec<Edge> {
    edges.sort_by_cached_key(|edge| (edge.group(), edge.wire.port(), edge.key));
    let mut kept = Vec::with_capacity(edges.len().min(1024));
    let mut rest = edges.into_iter().peekable();
    while let Some(first) = rest.next() {
        let group = first.group();
        let mut members = vec![first];
        while let Some(member) = rest.next_if(|edge| edge.group() == group) {
            members.push(member);
        }
        thin_group(members, &mut kept);
    }
    kept
}

/// Keeps the members whose port is divisible by the right power of three; each stands for the skipped ones before it.
fn thin_group(members: Vec<Edge>, kept: &mut Vec<Edge>) {
    let divisor = divisor(&members);
    let mut skipped = 0;
    let mut traffic: Option<Traffic> = None;
    let first = kept.len();
    for mut member in members {
        traffic = add(traffic, member.traffic);
        if u32::from(member.wire.port()).is_multiple_of(divisor) {
            member.count += skipped;
            member.traffic = traffic.take();
            skipped = 0;
            kept.push(member);
        } else {
            skipped += member.count;
        }
    }
    if let Some(last) = kept.get_mut(first..).and_then(<[Edge]>::last_mut) {
        last.count += skipped;
        last.traffic = add(last.traffic, traffic);
    }
}

fn divisor(members: &[Edge]) -> u32 {
    let count = |divisor: u32| {
        members
            .iter()
            .filter(|edge| u32::from(edge.wire.port()).is_multiple_of(divisor))
            .count()
    };
    let mut divisor = 1;
    while count(divisor) > ENOUGH {
        if count(divisor * 3) < FEWEST {
            return divisor;
        }
        divisor *= 3;
    }
    divisor
}

/// Bytes add up; of the round-trip times the longest counts.
fn add(sum: Option<Traffic>, more: Option<Traffic>) -> Option<Traffic> {
    match (sum, more) {
        (Some(sum), Some(more)) => Some(Traffic {
            sent: sum.sent.saturating_add(more.sent),
            received: sum.received.saturating_add(more.received),
            rtt_micros: sum.rtt_micros.max(more.rtt_micros),
        }),
        (sum, more) => sum.or(more),
    }
}
