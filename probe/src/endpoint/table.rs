//! The table of connections: what the sources saw, folded so that both ends of a local connection are one entry.
//!
//! Pure data: time comes in as milliseconds of any steady clock. Bounded: see [`MAX_CONNECTIONS`].

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::sockets::{Protocol, Traffic};

/// Milliseconds of a steady clock.
pub type Millis = u64;

/// How long a connection is still reported after it ended: as long as the original's app keeps a report, so that a short-lived
/// connection is seen by people and not only by the kernel.
pub const LINGER: Millis = 15_000;
/// Connections kept at most, about 250 bytes each. Beyond, the ones that ended first go first; new ones are not taken while all live.
pub const MAX_CONNECTIONS: usize = 65_536;

/// A connection's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Transport.
    pub protocol: Protocol,
    /// Who opened it, as the socket says.
    pub client: SocketAddr,
    /// To whom, as the socket says.
    pub server: SocketAddr,
    /// Network namespace if an end is loopback (every namespace has its own), otherwise zero.
    pub netns: u32,
}

impl Key {
    /// A key; `netns` is dropped where it makes no difference.
    #[must_use]
    pub fn new(protocol: Protocol, client: SocketAddr, server: SocketAddr, netns: u32) -> Self {
        let loopback = client.ip().is_loopback() || server.ip().is_loopback();
        Self {
            protocol,
            client,
            server,
            netns: if loopback { netns } else { 0 },
        }
    }

    /// The same ends with the roles exchanged.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self {
            protocol: self.protocol,
            client: self.server,
            server: self.client,
            netns: self.netns,
        }
    }
}

/// Whose socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that connected.
    Client,
    /// The one that accepted.
    Server,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// What is known of one end's socket on this machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Half {
    /// Whether the socket is still there.
    pub live: bool,
    /// Process; zero if not known.
    pub pid: u32,
    /// Namespace of the socket; zero if not known.
    pub netns: u32,
    /// Inode of the socket; zero if not known.
    pub inode: u64,
    /// When it was last seen by a sweep or event.
    pub seen: Millis,
}

/// One connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// The client's socket, if it is on this machine.
    pub client: Half,
    /// The server's socket, if it is on this machine.
    pub server: Half,
    /// When it was first seen.
    pub opened: Millis,
    /// When it ended; `None` while it lasts.
    pub closed: Option<Millis>,
    /// Whether the direction is known and not guessed from port numbers.
    pub certain: bool,
    /// The namespace whose connection tracking saw it, if nothing else did: no socket of ours. Otherwise zero.
    pub tracked: u32,
    /// Counters as the client's side sees them.
    pub traffic: Option<Traffic>,
}

impl Connection {
    /// One side's socket.
    #[must_use]
    pub const fn half(&self, side: Side) -> &Half {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    /// Takes the counters of one end; whether they are news.
    fn count(&mut self, sighting: &Sighting) -> bool {
        let Some(traffic) = sighting.traffic else { return false };
        let traffic = Some(from_clients_side(traffic, sighting.side));
        std::mem::replace(&mut self.traffic, traffic) != traffic
    }

    fn half_mut(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}

/// What a source says about one end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Sighting {
    /// The connection, in the direction that the source believes in.
    pub key: Key,
    /// Whose socket was seen.
    pub side: Side,
    /// Whether the source knows the direction.
    pub certain: bool,
    /// Process; zero if not known.
    pub pid: u32,
    /// Namespace of the socket; zero if not known.
    pub netns: u32,
    /// Inode; zero if not known.
    pub inode: u64,
    /// Counters, from this socket's point of view.
    pub traffic: Option<Traffic>,
}

/// When the sweep of a namespace and protocol began.
pub type Swept = HashMap<(u32, Protocol), Millis>;

/// All connections.
#[derive(Debug, Default)]
pub struct Table {
    connections: HashMap<Key, Connection, foldhash::fast::RandomState>,
    /// Connections that could not be taken because the table was full of live ones.
    pub refused: u64,
    /// Counts changes of what a report is made of; counters of bytes are left out.
    changes: u64,
    /// Counts changes of those.
    flows: u64,
}

impl Table {
    /// All connections, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Connection)> {
        self.connections.iter()
    }

    /// A number that is another one after every change of what a report says, but for counters of bytes.
    #[must_use]
    pub const fn changes(&self) -> u64 {
        self.changes
    }

    /// The same for counters of bytes.
    #[must_use]
    pub const fn flows(&self) -> u64 {
        self.flows
    }

    /// Sets the processes of sockets that have none; `owner` answers by inode.
    pub fn resolve(&mut self, owner: impl Fn(u64) -> Option<u32>) {
        let changes = &mut self.changes;
        self.connections.values_mut().for_each(|connection| {
            for half in [&mut connection.client, &mut connection.server] {
                if half.pid == 0
                    && half.inode != 0
                    && let Some(pid) = owner(half.inode)
                {
                    half.pid = pid;
                    *changes += 1;
                }
            }
        });
    }

    /// One connection.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Connection> {
        self.connections.get(key)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// A socket with a peer exists. The direction that is known wins over a guessed one, otherwise the first stays.
    pub fn see(&mut self, mut sighting: Sighting, now: Millis) {
        self.settle_direction(&mut sighting);
        let Some(connection) = self.entry(sighting.key, now) else {
            return;
        };
        connection.certain |= sighting.certain;
        connection.closed = None;
        connection.tracked = 0;
        let half = connection.half_mut(sighting.side);
        let pid = half.pid;
        half.live = true;
        half.seen = now;
        complete(half, &sighting);
        let changed = half.pid != pid;
        let flowed = connection.count(&sighting);
        self.changes += u64::from(changed);
        self.flows += u64::from(flowed);
    }

    /// A socket with a peer ended. Unknown connections are entered as ended: they came and went between two looks.
    pub fn end(&mut self, mut sighting: Sighting, now: Millis) {
        self.settle_direction(&mut sighting);
        let Some(connection) = self.entry(sighting.key, now) else {
            return;
        };
        connection.certain |= sighting.certain;
        connection.tracked = 0;
        let half = connection.half_mut(sighting.side);
        let pid = half.pid;
        half.live = false;
        half.seen = now;
        complete(half, &sighting);
        let changed = half.pid != pid;
        let flowed = connection.count(&sighting);
        if !connection.client.live && !connection.server.live {
            connection.closed.get_or_insert(now);
        }
        self.changes += u64::from(changed);
        self.flows += u64::from(flowed);
    }

    /// The connection tracking of a namespace saw a flow. It knows the direction, but nothing about sockets: it neither opens nor ends
    /// what the sources of sockets know.
    pub fn track(&mut self, key: Key, netns: u32, ended: bool, now: Millis) {
        if self.connections.get(&key.reversed()).is_some_and(|other| other.certain) {
            return;
        }
        let Some(connection) = self.entry(key, now) else {
            return;
        };
        connection.certain = true;
        if connection.client == Half::default() && connection.server == Half::default() {
            connection.tracked = netns;
            connection.closed = ended.then(|| connection.closed.unwrap_or(now));
        }
    }

    /// Ends the sockets of swept namespaces that the sweep did not see. `swept` says when the sweep of a namespace and protocol began.
    pub fn end_unseen(&mut self, swept: &Swept, now: Millis) {
        if swept.is_empty() {
            return;
        }
        let open = |(_, connection): &(&Key, &mut Connection)| connection.closed.is_none() && connection.tracked == 0;
        self.connections.iter_mut().filter(open).for_each(|(key, connection)| {
            for side in [Side::Client, Side::Server] {
                let half = connection.half_mut(side);
                if half.live && swept.get(&(half.netns, key.protocol)).is_some_and(|began| half.seen < *began) {
                    half.live = false;
                }
            }
            if !connection.client.live && !connection.server.live {
                connection.closed = Some(now);
            }
        });
    }

    /// Ends what only the connection tracking of a namespace knows, before a dump of it says what is still there.
    pub fn end_tracked(&mut self, netns: u32, now: Millis) {
        let theirs = self.connections.values_mut().filter(|connection| connection.tracked == netns);
        theirs.for_each(|connection| {
            connection.closed.get_or_insert(now);
        });
    }

    /// Ends all connections of namespaces that are gone.
    pub fn end_namespaces(&mut self, gone: &[u32], now: Millis) {
        let both = [Protocol::Tcp, Protocol::Udp];
        let swept = gone
            .iter()
            .flat_map(|netns| both.map(|protocol| ((*netns, protocol), Millis::MAX)))
            .collect();
        self.end_unseen(&swept, now);
    }

    /// Forgets what ended long enough ago.
    pub fn prune(&mut self, now: Millis) {
        let before = self.connections.len();
        self.connections
            .retain(|_, connection| connection.closed.is_none_or(|closed| now.saturating_sub(closed) < LINGER));
        self.changes += (before - self.connections.len()) as u64;
    }

    fn settle_direction(&self, sighting: &mut Sighting) {
        if sighting.certain {
            return;
        }
        let reversed = sighting.key.reversed();
        if self.connections.contains_key(&reversed) && !self.connections.contains_key(&sighting.key) {
            sighting.key = reversed;
            sighting.side = sighting.side.other();
        }
    }

    fn entry(&mut self, key: Key, now: Millis) -> Option<&mut Connection> {
        if !self.connections.contains_key(&key) {
            self.changes += 1;
            // A guess the other way round is replaced, keeping what it knew.
            let guessed = self.connections.get(&key.reversed()).filter(|other| !other.certain).copied();
            if let Some(mut other) = guessed {
                self.connections.remove(&key.reversed());
                std::mem::swap(&mut other.client, &mut other.server);
                other.traffic = other.traffic.map(|traffic| from_clients_side(traffic, Side::Server));
                self.connections.insert(key, other);
            } else if self.connections.len() >= MAX_CONNECTIONS && !self.make_room() {
                self.refused += 1;
                return None;
            }
        }
        Some(self.connections.entry(key).or_insert_with(|| Connection {
            opened: now,
            ..Connection::default()
        }))
    }

    /// Drops the older half of what has ended. False if everything lives.
    fn make_room(&mut self) -> bool {
        let mut ended: Vec<Millis> = self.connections.values().filter_map(|connection| connection.closed).collect();
        if ended.is_empty() {
            return false;
        }
        let middle = ended.len() / 2;
        let (_, median, _) = ended.select_nth_unstable(middle);
        let median = *median;
        self.connections
            .retain(|_, connection| connection.closed.is_none_or(|closed| closed > median));
        self.connections.len() < MAX_CONNECTIONS
    }
}

fn complete(half: &mut Half, sighting: &Sighting) {
    if sighting.pid != 0 {
        half.pid = sighting.pid;
    }
    if sighting.netns != 0 {
        half.netns = sighting.netns;
    }
    if sighting.inode != 0 {
        half.inode = sighting.inode;
    }
}

const fn from_clients_side(traffic: Traffic, side: Side) -> Traffic {
    match side {
        Side::Client => traffic,
        Side::Server => Traffic {
            sent: traffic.received,
            received: traffic.sent,
            rtt_micros: traffic.rtt_micros,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_tracking_knows_ends_with_a_dump_that_lacks_it() {
        let mut table = Table::default();
        let key = |port: u16| {
            Key::new(
                Protocol::Tcp,
                SocketAddr::from(([10, 0, 0, 1], port)),
                SocketAddr::from(([10, 0, 0, 2], 80)),
                0,
            )
        };
        for (port, netns) in [(1, 7), (2, 7), (3, 8)] {
            table.track(key(port), netns, false, 1_000);
        }
        table.end_tracked(7, 2_000);
        table.track(key(1), 7, false, 2_000);
        let closed = [1, 2, 3].map(|port| table.get(&key(port)).and_then(|connection| connection.closed));
        assert_eq!(closed, [None, Some(2_000), None]);
    }
}
