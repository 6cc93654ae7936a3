//! `sock_diag`: the sockets of one network namespace by netlink, and the events of sockets that are destroyed.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::BorrowedFd;

use rustix::net::netlink::SOCK_DIAG;

use super::{Protocol, Socket, TCP_CONNECTED, TCP_LISTEN, Traffic, UDP_BOUND, UDP_CONNECTED, fold, state_of};
use crate::netlink::{self, Drained, Netlink};

/// Request of the first generation of this protocol: the only one that dumps both families in one pass over the kernel's tables.
const TCPDIAG_GETSOCK: u16 = 18;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
/// Attribute with `struct tcp_info`, and the bit that asks for it.
const INFO: u16 = 2;
const ASK_INFO: u8 = 1 << (INFO - 1);
/// Length of `struct inet_diag_msg`; attributes follow.
const MESSAGE: usize = 72;
/// Length of `struct inet_diag_sockid`, all zero in a dump.
const SOCKET_ID: usize = 48;
/// Multicast groups of destroyed sockets: TCP and UDP of both families (bit n-1 for group n).
const DESTROY_GROUPS: u32 = 0b1111;
/// Room for a burst of destroyed sockets (about 400 bytes each) between two drains.
const DESTROY_BUFFER: usize = 2 << 20;

/// Asks for the sockets of the namespace in which it was opened.
#[derive(Debug)]
pub struct Diag {
    netlink: Netlink,
}

impl Diag {
    /// Opens the socket in the current network namespace.
    ///
    /// # Errors
    /// When the kernel has no `sock_diag` or the probe may not use it.
    pub fn open() -> io::Result<Self> {
        Ok(Self {
            netlink: Netlink::open(Some(SOCK_DIAG), 0, 0)?,
        })
    }

    /// TCP sockets that listen or have a peer, IPv4 and IPv6; `traffic` asks for counters too (four times the bytes).
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn tcp(&mut self, traffic: bool, each: impl FnMut(Socket)) -> io::Result<()> {
        let states = TCP_CONNECTED
            .into_iter()
            .chain([TCP_LISTEN])
            .fold(0_u32, |states, state| states | 1 << state);
        self.tcp_in_states(states, traffic, each)
    }

    /// TCP listeners only: a small table.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn tcp_listeners(&mut self, each: impl FnMut(Socket)) -> io::Result<()> {
        self.tcp_in_states(1 << TCP_LISTEN, false, each)
    }

    fn tcp_in_states(&mut self, states: u32, traffic: bool, mut each: impl FnMut(Socket)) -> io::Result<()> {
        let mut body = vec![AF_INET, 0, 0, if traffic { ASK_INFO } else { 0 }];
        body.resize(4 + SOCKET_ID, 0);
        body.extend_from_slice(&states.to_ne_bytes());
        body.extend_from_slice(&0_u32.to_ne_bytes());
        self.netlink.request(TCPDIAG_GETSOCK, netlink::DUMP, &body, |message| {
            if let Some(socket) = parse_message(Protocol::Tcp, message.payload) {
                each(socket);
            }
        })
    }

    /// UDP sockets, IPv4 and IPv6, with and without a peer.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn udp(&mut self, mut each: impl FnMut(Socket)) -> io::Result<()> {
        let states = 1_u32 << UDP_CONNECTED | 1 << UDP_BOUND;
        for family in [AF_INET, AF_INET6] {
            let mut body = vec![family, Protocol::Udp.number(), 0, 0];
            body.extend_from_slice(&states.to_ne_bytes());
            body.resize(8 + SOCKET_ID, 0);
            self.netlink.request(SOCK_DIAG_BY_FAMILY, netlink::DUMP, &body, |message| {
                if let Some(socket) = parse_message(Protocol::Udp, message.payload) {
                    each(socket);
                }
            })?;
        }
        Ok(())
    }
}

/// Receives sockets as they are destroyed, in the namespace in which it was opened.
#[derive(Debug)]
pub struct DestroyEvents {
    netlink: Netlink,
}

impl DestroyEvents {
    /// Subscribes.
    ///
    /// # Errors
    /// When the kernel does not offer the events or the probe may not have them.
    pub fn open() -> io::Result<Self> {
        Ok(Self {
            netlink: Netlink::open(Some(SOCK_DIAG), DESTROY_GROUPS, DESTROY_BUFFER)?,
        })
    }

    /// The socket that events come from.
    #[must_use]
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.netlink.as_fd()
    }

    /// Hands over the TCP sockets with a peer that were destroyed since the last call.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn drain(&mut self, mut each: impl FnMut(Socket)) -> io::Result<Drained> {
        self.netlink.drain(|message| {
            if let Some(socket) = parse_destroyed(message.payload) {
                each(socket);
            }
        })
    }
}

/// A destroyed TCP socket that once had a peer. Its state is always "closed", and UDP cannot be told from TCP but by the lack of counters.
fn parse_destroyed(payload: &[u8]) -> Option<Socket> {
    let mut payload = payload.to_vec();
    // Destroyed sockets are in no state that sweeps ask for; read them as the established ones they were.
    *payload.get_mut(1)? = 1;
    parse_message(Protocol::Tcp, &payload).filter(|socket| socket.traffic.is_some_and(|traffic| traffic.rtt_micros > 0))
}

/// Reads a `struct inet_diag_msg` and its attributes. `None` for states nobody asked for and for anything malformed.
#[must_use]
pub fn parse_message(protocol: Protocol, payload: &[u8]) -> Option<Socket> {
    let family = *payload.first()?;
    let state = *payload.get(1)?;
    let (local_port, remote_port) = (netlink::read_be16(payload, 4)?, netlink::read_be16(payload, 6)?);
    let (local, remote) = (address(family, payload.get(8..24)?)?, address(family, payload.get(24..40)?)?);
    let inode = u64::from(netlink::read_u32(payload, 68)?);
    let traffic = netlink::attributes(payload.get(MESSAGE..)?)
        .find(|(kind, _)| *kind == INFO)
        .and_then(|(_, info)| tcp_info(info));
    Some(Socket {
        protocol,
        state: state_of(protocol, state, remote_port)?,
        local: fold(local, local_port),
        remote: fold(remote, remote_port),
        inode,
        traffic,
    })
}

/// Offsets in `struct tcp_info`; older kernels send a shorter one, without the byte counts.
fn tcp_info(info: &[u8]) -> Option<Traffic> {
    Some(Traffic {
        rtt_micros: netlink::read_u32(info, 68)?,
        sent: netlink::read_u64(info, 120).unwrap_or(0),
        received: netlink::read_u64(info, 128).unwrap_or(0),
    })
}

fn address(family: u8, bytes: &[u8]) -> Option<IpAddr> {
    match family {
        AF_INET => Some(IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(bytes.get(..4)?).ok()?))),
        AF_INET6 => Some(IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes.get(..16)?).ok()?))),
        _ => None,
    }
}
