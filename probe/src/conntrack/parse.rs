//! The messages of connection tracking. Total: what is malformed or of another protocol is `None`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Flow, Tuple};
use crate::netlink::{attributes, read_be16};
use crate::sockets::Protocol;

const SUBSYSTEM: u16 = 1;
const MESSAGE_NEW: u16 = 0;
const MESSAGE_DELETE: u16 = 2;
/// `struct nfgenmsg`.
const HEADER: usize = 4;

// Attributes of a flow.
const TUPLE_ORIGINAL: u16 = 1;
const TUPLE_REPLY: u16 = 2;
const STATUS: u16 = 3;
const PROTOCOL_INFO: u16 = 4;
/// Bit of the status: packets went both ways.
const SEEN_REPLY: u32 = 1 << 1;
/// TCP states of the tracker: 1 SYN sent, 2 SYN received, 3 established … 7 time wait, 8 closed.
const TCP_ESTABLISHED: u8 = 3;
const TCP_TIME_WAIT: u8 = 7;

/// Reads one message; `kind` is the netlink message type.
#[must_use]
pub fn parse_message(kind: u16, payload: &[u8]) -> Option<Flow> {
    let ended = match (kind >> 8, kind & 0xff) {
        (SUBSYSTEM, MESSAGE_NEW) => false,
        (SUBSYSTEM, MESSAGE_DELETE) => true,
        _ => return None,
    };
    let (mut original, mut reply, mut status, mut tcp_state) = (None, None, 0, None);
    for (kind, value) in attributes(payload.get(HEADER..)?) {
        match kind {
            TUPLE_ORIGINAL => original = tuple(value),
            TUPLE_REPLY => reply = tuple(value),
            STATUS => status = u32::from_be_bytes(value.try_into().ok()?),
            PROTOCOL_INFO => tcp_state = tcp_state_of(value),
            _ => {}
        }
    }
    let (protocol, original) = original?;
    let (_, reply) = reply?;
    let established = match protocol {
        Protocol::Tcp => tcp_state.is_some_and(|state| state >= TCP_ESTABLISHED),
        Protocol::Udp => status & SEEN_REPLY != 0,
    };
    // A flow lingers for minutes after both sides are done; for us it has ended then.
    let ended = ended || (protocol == Protocol::Tcp && tcp_state.is_some_and(|state| state >= TCP_TIME_WAIT));
    Some(Flow {
        protocol,
        original,
        reply,
        established,
        ended,
    })
}

fn tcp_state_of(info: &[u8]) -> Option<u8> {
    let (_, tcp) = attributes(info).find(|(kind, _)| *kind == 1)?;
    let (_, state) = attributes(tcp).find(|(kind, _)| *kind == 1)?;
    state.first().copied()
}

fn tuple(bytes: &[u8]) -> Option<(Protocol, Tuple)> {
    let (mut source, mut destination, mut protocol, mut ports) = (None, None, None, (None, None));
    for (kind, value) in attributes(bytes) {
        match kind {
            // Addresses: 1 and 2 are IPv4 source and destination, 3 and 4 IPv6.
            1 => {
                for (kind, value) in attributes(value) {
                    match kind {
                        1 | 3 => source = address(value),
                        2 | 4 => destination = address(value),
                        _ => {}
                    }
                }
            }
            // Protocol: 1 number, 2 source port, 3 destination port.
            2 => {
                for (kind, value) in attributes(value) {
                    match kind {
                        1 => protocol = value.first().copied().and_then(Protocol::from_number),
                        2 => ports.0 = read_be16(value, 0),
                        3 => ports.1 = read_be16(value, 0),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    let tuple = Tuple {
        source: SocketAddr::new(source?, ports.0?),
        destination: SocketAddr::new(destination?, ports.1?),
    };
    Some((protocol?, tuple))
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => Some(IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?))),
        16 => Some(IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)).to_canonical()),
        _ => None,
    }
}
