//! Sockets as the kernel lists them: netlink `sock_diag`, and `/proc/net/{tcp,udp}` where that is missing.
//!
//! Both give the same [`Socket`]s. Nothing here knows about processes or namespaces: the caller asks in the right one.

mod activity;
mod diag;
mod proc_net;

use std::net::{IpAddr, SocketAddr};

pub use activity::{Activity, ActivityFiles, tcp_activity, udp_sockets};
pub use diag::{DestroyEvents, Diag, parse_message};
pub use proc_net::parse_table;

/// Transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// Number in the IP header.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }

    /// From the number in the IP header.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            6 => Some(Self::Tcp),
            17 => Some(Self::Udp),
            _ => None,
        }
    }
}

/// What a socket is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Waits for peers: a TCP listener, or a UDP socket without a peer.
    Listening,
    /// Has a peer: established or half closed TCP, connected UDP.
    Connected,
}

/// What went over a connection so far, as the kernel counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes that the peer has acknowledged.
    pub sent: u64,
    /// Bytes received in order.
    pub received: u64,
    /// Smoothed round-trip time, microseconds.
    pub rtt_micros: u32,
}

/// One socket. Mapped IPv4 addresses are folded to IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket {
    /// Transport.
    pub protocol: Protocol,
    /// Listening or connected.
    pub state: State,
    /// Own end.
    pub local: SocketAddr,
    /// Peer; port zero for listeners.
    pub remote: SocketAddr,
    /// Inode behind `/proc/<pid>/fd/*`; zero if no process holds it any more.
    pub inode: u64,
    /// TCP counters, if asked for.
    pub traffic: Option<Traffic>,
}

/// TCP states with a peer that a process may still care about: established, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT.
const TCP_CONNECTED: [u8; 4] = [1, 4, 5, 8];
const TCP_LISTEN: u8 = 10;
const UDP_CONNECTED: u8 = 1;
/// UDP has no states of its own: 7 is a socket without a peer.
const UDP_BOUND: u8 = 7;

fn state_of(protocol: Protocol, state: u8, remote_port: u16) -> Option<State> {
    match (protocol, state) {
        (Protocol::Tcp, TCP_LISTEN) | (Protocol::Udp, UDP_BOUND) => Some(State::Listening),
        (Protocol::Tcp, state) if TCP_CONNECTED.contains(&state) && remote_port != 0 => Some(State::Connected),
        (Protocol::Udp, UDP_CONNECTED) if remote_port != 0 => Some(State::Connected),
        _ => None,
    }
}

fn fold(address: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(address.to_canonical(), port)
}
