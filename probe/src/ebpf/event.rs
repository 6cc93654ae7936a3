//! What the program sends to user space.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use scope_shared::report::SmolStr;

use crate::netlink::{read_u16, read_u32};

/// Bytes of one event.
pub const EVENT_SIZE: usize = 72;

// Offsets of an event's fields; the program writes there.
pub(super) const KIND: i16 = 0;
pub(super) const PID: i16 = 4;
pub(super) const NETNS: i16 = 8;
pub(super) const LOCAL_PORT: i16 = 12;
pub(super) const REMOTE_PORT: i16 = 14;
pub(super) const ROLE: i16 = 16;
pub(super) const LOCAL: i16 = 24;
pub(super) const REMOTE: i16 = 40;
pub(super) const COMM: i16 = 56;

// Values of the kind.
pub(super) const OPENED: i32 = 1;
pub(super) const CLOSED: i32 = 2;
pub(super) const LISTENING: i32 = 3;
// Values of the role: how a socket got its peer.
pub(super) const CONNECTED: i32 = 1;
pub(super) const ACCEPTED: i32 = 2;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A socket here connected to a peer.
    Connected,
    /// A socket here was connected to. The process is not known yet: the connection is still in the listener's queue.
    Accepted,
    /// A connection ended; `accepted` tells the side.
    Closed {
        /// Whether it had been accepted rather than made.
        accepted: bool,
    },
    /// A connection ended that began before the program ran.
    ClosedUnknown,
    /// A socket began to listen.
    Listening,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// Process; zero if not known.
    pub pid: u32,
    /// Its name as the kernel holds it; empty if not known.
    pub comm: SmolStr,
    /// Inode of the socket's network namespace; zero if not known.
    pub netns: u32,
    /// Own end.
    pub local: SocketAddr,
    /// Peer; unspecified for listeners.
    pub remote: SocketAddr,
}

impl Event {
    /// Reads one record of the ring. `None` if it is not one of ours.
    #[must_use]
    pub fn parse(record: &[u8]) -> Option<Self> {
        let word = |at: i16| read_u32(record, usize::try_from(at).ok()?).map(u32::cast_signed);
        let kind = match (word(KIND)?, word(ROLE)?) {
            (OPENED, CONNECTED) => EventKind::Connected,
            (OPENED, ACCEPTED) => EventKind::Accepted,
            (CLOSED, CONNECTED) => EventKind::Closed { accepted: false },
            (CLOSED, ACCEPTED) => EventKind::Closed { accepted: true },
            (CLOSED, _) => EventKind::ClosedUnknown,
            (LISTENING, _) => EventKind::Listening,
            _ => return None,
        };
        let end = |address: i16, port: i16| {
            let from = usize::try_from(address).ok()?;
            let bytes: [u8; 16] = record.get(from..from + 16)?.try_into().ok()?;
            let port = read_u16(record, usize::try_from(port).ok()?)?;
            Some(SocketAddr::new(IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical(), port))
        };
        let comm = record.get(usize::try_from(COMM).ok()?..EVENT_SIZE)?;
        let comm = comm.split(|byte| *byte == 0).next().unwrap_or_default();
        Some(Self {
            kind,
            pid: word(PID)?.cast_unsigned(),
            comm: SmolStr::new(String::from_utf8_lossy(comm)),
            netns: word(NETNS)?.cast_unsigned(),
            local: end(LOCAL, LOCAL_PORT)?,
            remote: end(REMOTE, REMOTE_PORT)?,
        })
    }
}
