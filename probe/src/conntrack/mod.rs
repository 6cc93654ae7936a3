//! Connection tracking by netlink: a dump of what is there and events of what changes, both tuples of every flow.
//!
//! Only flows are read here; what they mean for endpoints is decided in [`crate::endpoint`]. No command is run, no module is loaded.

mod parse;

use std::io;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;

pub use parse::parse_message;
use rustix::net::netlink::NETFILTER;

use crate::netlink::{self, Drained, Netlink};
use crate::sockets::Protocol;

/// Netlink group masks: a flow appears, changes its state, ends.
const NEW: u32 = 1;
const UPDATE: u32 = 1 << 1;
const DESTROY: u32 = 1 << 2;
/// "Get", in the connection tracking subsystem.
const GET: u16 = 1 << 8 | 1;

/// Both ends of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tuple {
    /// Who sends.
    pub source: SocketAddr,
    /// To whom.
    pub destination: SocketAddr,
}

/// One tracked flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Transport.
    pub protocol: Protocol,
    /// As the client sent it, before any translation.
    pub original: Tuple,
    /// As the answers come back: its source is the real server, its destination what the server takes for the client.
    pub reply: Tuple,
    /// Whether both sides agreed to talk (TCP: established or later; UDP: answered).
    pub established: bool,
    /// Whether this says that the flow has ended.
    pub ended: bool,
}

impl Flow {
    /// The source is rewritten: the server sees another client than there is.
    #[must_use]
    pub fn source_translated(&self) -> bool {
        self.original.source != self.reply.destination
    }

    /// The destination is rewritten: the client sees another server than there is.
    #[must_use]
    pub fn destination_translated(&self) -> bool {
        self.original.destination != self.reply.source
    }
}

/// Connection tracking of the namespace in which it was opened.
#[derive(Debug)]
pub struct Conntrack {
    dump: Netlink,
    events: Netlink,
}

impl Conntrack {
    /// Opens the sockets and subscribes. `every_change` asks for state changes too: needed where flows are the source of connections.
    ///
    /// # Errors
    /// When the kernel has no connection tracking or the probe may not use it.
    pub fn open(every_change: bool, receive_buffer: usize) -> io::Result<Self> {
        let groups = NEW | DESTROY | if every_change { UPDATE } else { 0 };
        Ok(Self {
            events: Netlink::open(Some(NETFILTER), groups, receive_buffer)?,
            dump: Netlink::open(Some(NETFILTER), 0, 0)?,
        })
    }

    /// Everything that is tracked now.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn dump(&mut self, mut each: impl FnMut(Flow)) -> io::Result<()> {
        // Family 0: IPv4 and IPv6.
        self.dump.request(GET, netlink::DUMP, &[0, 0, 0, 0], |message| {
            if let Some(flow) = parse_message(message.kind, message.payload) {
                each(flow);
            }
        })
    }

    /// The socket that events come from.
    #[must_use]
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }

    /// What changed since the last call; after an overrun the caller dumps again.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn drain(&mut self, mut each: impl FnMut(Flow)) -> io::Result<Drained> {
        self.events.drain(|message| {
            if let Some(flow) = parse_message(message.kind, message.payload) {
                each(flow);
            }
        })
    }
}
