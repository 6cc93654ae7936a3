//! A packet socket that sees DNS answers only: the kernel filters everything else out before it costs anything.

use std::io;
use std::os::fd::AsFd;

use rustix::net::RecvFlags;
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use super::ForwardNames;
use super::answer::{parse_answer, udp_payload};

/// All protocols, in the byte order the kernel wants.
const ALL_PROTOCOLS: u16 = 3_u16.to_be();
/// Room for a burst of answers between two drains.
const BUFFER: usize = 1 << 20;
/// Longest answer by UDP with the usual extensions; longer ones are cut and do not parse.
const MAX_PACKET: usize = 4096;
/// Packets read a drain at most, about five microseconds each: in a flood of answers the rest is dropped by the kernel.
const MAX_A_DRAIN: usize = 2_000;

/// Sees the DNS answers that pass through the network namespace it was opened in.
#[derive(Debug)]
pub struct Snooper {
    socket: Socket,
    names: ForwardNames,
    buffer: Vec<u8>,
}

impl Snooper {
    /// Opens the socket.
    ///
    /// # Errors
    /// When the probe may not (`CAP_NET_RAW`), or the kernel has no packet sockets.
    pub fn open(names: ForwardNames) -> io::Result<Self> {
        let socket = Socket::new(Domain::PACKET, Type::DGRAM, Some(Protocol::from(i32::from(ALL_PROTOCOLS))))?;
        socket.attach_filter(&answers_only())?;
        socket.set_recv_buffer_size(BUFFER)?;
        Ok(Self {
            socket,
            names,
            buffer: vec![0; MAX_PACKET],
        })
    }

    /// Takes note of the answers that passed since the last call.
    pub fn drain(&mut self) {
        for _ in 0..MAX_A_DRAIN {
            let Ok((count, _)) = rustix::net::recv(self.socket.as_fd(), &mut self.buffer[..], RecvFlags::DONTWAIT) else {
                return;
            };
            let packet = self.buffer.get(..count).unwrap_or_default();
            if let Some(answer) = udp_payload(packet).and_then(parse_answer) {
                self.names.note(answer);
            }
        }
    }
}

/// Classic BPF on packets that begin with their IP header: UDP from port 53, IPv4 (not a later fragment) or IPv6, not outgoing.
fn answers_only() -> [SockFilter; 19] {
    const LOAD_WORD: u16 = 0x20;
    const LOAD_HALF: u16 = 0x28;
    const LOAD_BYTE: u16 = 0x30;
    const LOAD_HALF_AT_X: u16 = 0x48;
    const LOAD_HEADER_LENGTH: u16 = 0xb1;
    const AND: u16 = 0x54;
    const IF_EQUAL: u16 = 0x15;
    const IF_BITS: u16 = 0x45;
    const RETURN: u16 = 0x06;
    /// Pseudo offset of the packet's type; 4 is outgoing.
    const PACKET_TYPE: u32 = 0xffff_f004;
    const JUMP: u16 = 0x05;
    let op = SockFilter::new;
    [
        op(LOAD_WORD, 0, 0, PACKET_TYPE),
        op(IF_EQUAL, 15, 0, 4),
        op(LOAD_BYTE, 0, 0, 0),
        op(AND, 0, 0, 0xf0),
        op(IF_EQUAL, 1, 0, 0x40),
        op(IF_EQUAL, 7, 11, 0x60),
        // IPv4: protocol, fragment offset, port behind the header.
        op(LOAD_BYTE, 0, 0, 9),
        op(IF_EQUAL, 0, 9, 17),
        op(LOAD_HALF, 0, 0, 6),
        op(IF_BITS, 7, 0, 0x1fff),
        op(LOAD_HEADER_LENGTH, 0, 0, 0),
        op(LOAD_HALF_AT_X, 0, 0, 0),
        op(JUMP, 0, 0, 3),
        // IPv6: next header, port.
        op(LOAD_BYTE, 0, 0, 6),
        op(IF_EQUAL, 0, 2, 17),
        op(LOAD_HALF, 0, 0, 40),
        op(IF_EQUAL, 1, 0, 53),
        op(RETURN, 0, 0, 0),
        op(RETURN, 0, 0, 0xffff),
    ]
}
