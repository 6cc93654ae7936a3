//! Address translation: which tuples are the same connection.
//!
//! Connection tracking tells, for each translated flow, what the client sent (original) and what the server answers (reply). Following
//! these from hop to hop gives the real client, the real server, and every alias either had on the way. Pure data, bounded.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::table::{LINGER, Millis};
use crate::conntrack::{Flow, Tuple};
use crate::sockets::Protocol;

/// Translated flows kept at most, about 250 bytes each; more than that many at once is not followed.
const MAX_FLOWS: usize = 65_536;
/// Translations one connection can go through (a container in a container behind a service makes three).
const MAX_HOPS: usize = 4;

/// All translated flows.
#[derive(Debug, Default)]
pub struct Nat {
    by_original: HashMap<(Protocol, Tuple), Translated, foldhash::fast::RandomState>,
    by_reply: HashMap<(Protocol, Tuple), Tuple, foldhash::fast::RandomState>,
    /// Counts flows that came or were translated otherwise.
    changes: u64,
}

#[derive(Clone, Copy, Debug)]
struct Translated {
    /// What the next hop sees: client and server after translation.
    onward: Tuple,
    /// The namespace that translates it.
    netns: u32,
    ended: Option<Millis>,
}

/// The real ends of a connection and what else they were called on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealEnds {
    /// The client's own address.
    pub client: SocketAddr,
    /// The server's own address.
    pub server: SocketAddr,
    /// The client as the server sees it.
    pub client_on_the_wire: SocketAddr,
    /// Other addresses of the client, in hop order.
    pub client_aliases: Vec<SocketAddr>,
    /// Other addresses of the server, in hop order.
    pub server_aliases: Vec<SocketAddr>,
}

impl Nat {
    /// Takes note of a flow of a namespace. Flows that are not translated are ignored.
    pub fn note(&mut self, flow: &Flow, netns: u32, now: Millis) {
        if !flow.source_translated() && !flow.destination_translated() {
            return;
        }
        let onward = Tuple {
            source: flow.reply.destination,
            destination: flow.reply.source,
        };
        let original = (flow.protocol, flow.original);
        let full = self.by_original.len() >= MAX_FLOWS;
        if !self.by_original.contains_key(&original) && full {
            return;
        }
        let ended = flow.ended.then_some(now);
        if self.by_original.get(&original).is_none_or(|known| known.onward != onward) {
            self.changes += 1;
        }
        let translated = Translated { onward, netns, ended };
        let entry = self.by_original.entry(original).or_insert(translated);
        if entry.onward != onward {
            self.by_reply.remove(&(flow.protocol, entry.onward));
        }
        *entry = translated;
        self.by_reply.insert((flow.protocol, onward), flow.original);
    }

    /// Ends all flows of a namespace, before a dump says which are still there: of some the end may have been lost.
    pub fn end_all(&mut self, netns: u32, now: Millis) {
        let theirs = self.by_original.values_mut().filter(|translated| translated.netns == netns);
        theirs.for_each(|translated| {
            translated.ended.get_or_insert(now);
        });
    }

    /// Forgets flows that ended as long ago as connections are forgotten.
    pub fn prune(&mut self, now: Millis) {
        let by_reply = &mut self.by_reply;
        self.by_original.retain(|(protocol, _), translated| {
            // A moment longer than the connections that need it.
            let keep = translated.ended.is_none_or(|ended| now.saturating_sub(ended) < LINGER + 5_000);
            if !keep {
                by_reply.remove(&(*protocol, translated.onward));
            }
            keep
        });
    }

    /// A number that is another one after every change of what connections are translated to.
    #[must_use]
    pub const fn changes(&self) -> u64 {
        self.changes
    }

    /// How many translated flows are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_original.len()
    }

    /// Whether none is known: then nothing has to be looked up.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_original.is_empty()
    }

    /// Follows a connection, as one of its ends sees it, to both real ends. `None` if it is not translated.
    #[must_use]
    pub fn real_ends(&self, protocol: Protocol, client: SocketAddr, server: SocketAddr) -> Option<RealEnds> {
        let seen = Tuple {
            source: client,
            destination: server,
        };
        if !self.by_original.contains_key(&(protocol, seen)) && !self.by_reply.contains_key(&(protocol, seen)) {
            return None;
        }
        let mut hops = vec![seen];
        for _ in 0..MAX_HOPS {
            let Some(before) = hops.first().and_then(|hop| self.by_reply.get(&(protocol, *hop))) else {
                break;
            };
            hops.insert(0, *before);
        }
        for _ in 0..MAX_HOPS {
            let Some(after) = hops.last().and_then(|hop| self.by_original.get(&(protocol, *hop))) else {
                break;
            };
            hops.push(after.onward);
        }
        let (first, last) = (hops.first()?, hops.last()?);
        let aliases = |of: fn(&Tuple) -> SocketAddr, real: SocketAddr| {
            let mut aliases: Vec<SocketAddr> = hops.iter().map(of).filter(|alias| *alias != real).collect();
            aliases.dedup();
            aliases
        };
        Some(RealEnds {
            client: first.source,
            server: last.destination,
            client_on_the_wire: last.source,
            client_aliases: aliases(|hop| hop.source, first.source),
            server_aliases: aliases(|hop| hop.destination, last.destination),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A flow to a published port.
    fn flow(client_port: u16) -> Flow {
        let at = |text: &str, port: u16| SocketAddr::new(text.parse().unwrap(), port);
        let (client, published, real) = (at("10.0.0.1", client_port), at("10.0.0.2", 8080), at("172.17.0.2", 80));
        Flow {
            protocol: Protocol::Tcp,
            original: Tuple {
                source: client,
                destination: published,
            },
            reply: Tuple {
                source: real,
                destination: client,
            },
            established: true,
            ended: false,
        }
    }

    #[test]
    fn flows_whose_end_was_lost_are_forgotten_after_the_next_dump_of_their_namespace() {
        let mut nat = Nat::default();
        for (port, netns) in [(1, 7), (2, 7), (3, 8)] {
            nat.note(&flow(port), netns, 1_000);
        }
        // The dump has the first one only.
        nat.end_all(7, 2_000);
        nat.note(&flow(1), 7, 2_000);
        let known = |nat: &Nat, port| nat.by_original.contains_key(&(Protocol::Tcp, flow(port).original));
        nat.prune(3_000);
        assert!(known(&nat, 2), "a moment longer, for the connections that need it");
        nat.prune(60_000);
        assert_eq!([1, 2, 3].map(|port| known(&nat, port)), [true, false, true]);
    }
}
