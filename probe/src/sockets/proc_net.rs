//! `/proc/<pid>/net/{tcp,tcp6,udp,udp6}`: the last resort where there is no netlink.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Protocol, Socket, fold, state_of};
use crate::proc::decimal;

/// Hands over the sockets of one table. Lines that make no sense (the heading among them) are skipped.
pub fn parse_table(protocol: Protocol, text: &[u8], mut each: impl FnMut(Socket)) {
    for line in text.split(|byte| *byte == b'\n') {
        if let Some(socket) = parse_line(protocol, line) {
            each(socket);
        }
    }
}

fn parse_line(protocol: Protocol, line: &[u8]) -> Option<Socket> {
    let mut fields = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    fields.next()?.strip_suffix(b":")?;
    let local = end(fields.next()?)?;
    let remote = end(fields.next()?)?;
    let state = u8::try_from(hex(fields.next()?)?).ok()?;
    // Queues, timer, retransmits, uid, time-out; then the inode.
    let inode = decimal(fields.nth(5)?)?;
    Some(Socket {
        protocol,
        state: state_of(protocol, state, remote.port())?,
        local,
        remote,
        inode,
        traffic: None,
    })
}

/// `0100007F:1F90`: the address in words of the machine's byte order, then the port.
fn end(text: &[u8]) -> Option<SocketAddr> {
    let colon = text.iter().position(|byte| *byte == b':')?;
    let (address, port) = (text.get(..colon)?, text.get(colon + 1..)?);
    let port = u16::try_from(hex(port)?).ok()?;
    let word = |at: usize| Some(u32::try_from(hex(address.get(at * 8..at * 8 + 8)?)?).ok()?.to_ne_bytes());
    let address = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(words.as_flattened()).ok()?))
        }
        _ => return None,
    };
    Some(fold(address, port))
}

fn hex(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 16 {
        return None;
    }
    text.iter().try_fold(0_u64, |value, byte| {
        let digit = char::from(*byte).to_digit(16)?;
        Some(value << 4 | u64::from(digit))
    })
}
