//! Who listens where: what makes the direction of a connection known, and the last resort for the process behind its server side.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use super::table::Side;
use crate::sockets::{Protocol, Socket, State};

/// One listening socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Bound address; unspecified for all.
    pub address: IpAddr,
    /// Inode; zero if not known yet.
    pub inode: u64,
    /// A process that holds it; zero if not known yet.
    pub pid: u32,
}

/// Listeners of all namespaces.
#[derive(Debug)]
pub struct Listeners {
    by_port: HashMap<(u32, Protocol, u16), Vec<Listener>, foldhash::fast::RandomState>,
    /// Ports that the kernel gives to clients, first and last.
    ephemeral: (u16, u16),
}

impl Listeners {
    /// No listeners; `ephemeral` is the range of `net.ipv4.ip_local_port_range`.
    #[must_use]
    pub fn new(ephemeral: (u16, u16)) -> Self {
        Self {
            by_port: HashMap::default(),
            ephemeral,
        }
    }

    /// Puts what a sweep of one namespace and protocol found in place of what was known of it, keeping known processes. True if that is
    /// anything else.
    pub fn replace(&mut self, netns: u32, protocol: Protocol, sockets: impl Iterator<Item = Socket>) -> bool {
        let mut fresh: HashMap<(u32, Protocol, u16), Vec<Listener>, foldhash::fast::RandomState> = HashMap::default();
        for socket in sockets.filter(|socket| socket.state == State::Listening && socket.protocol == protocol) {
            let key = (netns, socket.protocol, socket.local.port());
            let address = socket.local.ip();
            let known = self.by_port.get(&key).into_iter().flatten();
            let same = |known: &&Listener| known.inode == socket.inode || (known.inode == 0 && known.address == address);
            fresh.entry(key).or_default().push(Listener {
                address,
                inode: socket.inode,
                pid: known
                    .filter(|listener| listener.pid != 0)
                    .find(same)
                    .map_or(0, |listener| listener.pid),
            });
        }
        let (mut same, mut gone) = (0, 0);
        self.by_port.retain(|key, known| {
            let theirs = (key.0, key.1) == (netns, protocol);
            let stays = fresh.get(key) == Some(known);
            same += usize::from(theirs && stays);
            gone += usize::from(theirs && !stays);
            !theirs || stays
        });
        let other = gone > 0 || same != fresh.len();
        self.by_port.extend(fresh);
        other
    }

    /// A socket began to listen (seen as it happened).
    pub fn add(&mut self, netns: u32, protocol: Protocol, at: SocketAddr, pid: u32) {
        let listeners = self.by_port.entry((netns, protocol, at.port())).or_default();
        match listeners.iter_mut().find(|listener| listener.address == at.ip()) {
            Some(listener) if pid != 0 => listener.pid = pid,
            Some(_) => {}
            None => listeners.push(Listener {
                address: at.ip(),
                inode: 0,
                pid,
            }),
        }
    }

    /// Forgets a namespace.
    pub fn forget(&mut self, netns: u32) {
        self.by_port.retain(|(known, _, _), _| *known != netns);
    }

    /// Who listens at this address in this namespace: the exact binding before the one for all addresses.
    #[must_use]
    pub fn find(&self, netns: u32, protocol: Protocol, at: SocketAddr) -> Option<&Listener> {
        let listeners = self.by_port.get(&(netns, protocol, at.port()))?;
        let matching = |exact: bool| {
            listeners.iter().find(move |listener| {
                if exact {
                    listener.address == at.ip()
                } else {
                    listener.address.is_unspecified()
                }
            })
        };
        matching(true).or_else(|| matching(false))
    }

    /// TCP listeners whose process is not known yet, as (namespace, inode). UDP sockets without a peer are not listed: most are clients'.
    pub fn unresolved(&self) -> impl Iterator<Item = (u32, u64)> {
        self.by_port.iter().flat_map(|((netns, protocol, _), listeners)| {
            let tcp = *protocol == Protocol::Tcp;
            let open = move |listener: &&Listener| tcp && listener.pid == 0 && listener.inode != 0;
            listeners.iter().filter(open).map(|listener| (*netns, listener.inode))
        })
    }

    /// Sets the processes of listeners; `owner` answers by inode. True if any was found.
    pub fn resolve(&mut self, owner: impl Fn(u64) -> Option<u32>) -> bool {
        let open = self
            .by_port
            .values_mut()
            .flatten()
            .filter(|listener| listener.pid == 0 && listener.inode != 0);
        let mut found = false;
        open.for_each(|listener| {
            listener.pid = owner(listener.inode).unwrap_or(0);
            found |= listener.pid != 0;
        });
        found
    }

    /// Which side a connected socket is on, and whether that is known rather than guessed. `remote_netns` is the namespace that has the
    /// peer's address, if it is on this machine.
    #[must_use]
    pub fn side(&self, netns: u32, socket: &Socket, remote_netns: Option<u32>) -> (Side, bool) {
        let guess = self.guess(socket.local.port(), socket.remote.port());
        // Any UDP socket without a peer looks like a listener, clients' too: there the port says more.
        if socket.protocol == Protocol::Udp
            && let (side, true) = guess
        {
            return (side, false);
        }
        if self.find(netns, socket.protocol, socket.local).is_some() {
            return (Side::Server, true);
        }
        if remote_netns.is_some_and(|remote| self.find(remote, socket.protocol, socket.remote).is_some()) {
            return (Side::Client, true);
        }
        (guess.0, false)
    }

    /// A guess from the ports: an ephemeral port belongs to the client, else the lower one listens. The flag says whether the range
    /// decided.
    fn guess(&self, local: u16, remote: u16) -> (Side, bool) {
        let ephemeral = |port: u16| (self.ephemeral.0..=self.ephemeral.1).contains(&port);
        match (ephemeral(local), ephemeral(remote)) {
            (true, false) => (Side::Client, true),
            (false, true) => (Side::Server, true),
            _ if local < remote => (Side::Server, false),
            _ => (Side::Client, false),
        }
    }
}
