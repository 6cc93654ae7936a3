//! Netlink, as little as the probe needs: a socket, framing of messages, and attributes.
//!
//! Knows nothing of what the messages say (see [`crate::sockets`] and [`crate::conntrack`]). Reading is total: a cut or lying message ends
//! the iteration, it never panics. A socket belongs to the network namespace in which it was opened, for good.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType};

/// Header of every message: length, type, flags, sequence number, port.
const HEADER: usize = 16;
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// This is a request.
pub const REQUEST: u16 = 1;
/// Give everything.
pub const DUMP: u16 = 0x300;
/// Room for one read. Dumps come in pieces of at most 32 kB.
const READ: usize = 64 << 10;
/// A dump that says nothing for so long is given up; the kernel answers from memory.
const PATIENCE: Duration = Duration::from_secs(2);

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// What it is; the meaning depends on the protocol.
    pub kind: u16,
    /// Sequence number of the request it answers; zero for events.
    pub sequence: u32,
    /// What follows the header.
    pub payload: &'a [u8],
}

/// The messages of one read.
pub fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let length = read_u32(bytes, 0)? as usize;
        let message = Message {
            kind: read_u16(bytes, 4)?,
            sequence: read_u32(bytes, 8)?,
            payload: bytes.get(HEADER..length)?,
        };
        bytes = bytes.get(align(length)..).unwrap_or_default();
        Some(message)
    })
}

/// Attributes: type (without the nested and byte-order flags) and value.
pub fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(read_u16(bytes, 0)?);
        let kind = read_u16(bytes, 2)? & 0x3fff;
        let value = bytes.get(4..length)?;
        bytes = bytes.get(align(length)..).unwrap_or_default();
        Some((kind, value))
    })
}

const fn align(length: usize) -> usize {
    length.saturating_add(3) & !3
}

/// A native-endian 16-bit number at `at`.
#[must_use]
pub fn read_u16(bytes: &[u8], at: usize) -> Option<u16> {
    let raw = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_ne_bytes(raw.try_into().ok()?))
}

/// A native-endian 32-bit number at `at`.
#[must_use]
pub fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    let raw = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes(raw.try_into().ok()?))
}

/// A native-endian 64-bit number at `at`.
#[must_use]
pub fn read_u64(bytes: &[u8], at: usize) -> Option<u64> {
    let raw = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_ne_bytes(raw.try_into().ok()?))
}

/// A big-endian 16-bit number at `at`: ports.
#[must_use]
pub fn read_be16(bytes: &[u8], at: usize) -> Option<u16> {
    let raw = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_be_bytes(raw.try_into().ok()?))
}

/// What reading events came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Everything that was there has been read.
    All,
    /// The kernel dropped some because the buffer was full: what is known must be dumped again.
    Overrun,
}

/// A netlink socket.
#[derive(Debug)]
pub struct Netlink {
    socket: OwnedFd,
    sequence: u32,
}

impl Netlink {
    /// Opens a socket in the current network namespace; `groups` is the mask of events to receive, `receive_buffer` bytes (0: default).
    ///
    /// # Errors
    /// When the kernel lacks the protocol or the probe may not use it.
    pub fn open(protocol: Option<Protocol>, groups: u32, receive_buffer: usize) -> io::Result<Self> {
        let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
        sockopt::set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
        if receive_buffer > 0 && sockopt::set_socket_recv_buffer_size_force(&socket, receive_buffer).is_err() {
            sockopt::set_socket_recv_buffer_size(&socket, receive_buffer)?;
        }
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, groups))?;
        Ok(Self { socket, sequence: 0 })
    }

    /// The socket, to wait for events on many at once.
    #[must_use]
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Sends a request and hands every message of the answer to `each`.
    ///
    /// # Errors
    /// The kernel's answer, or a time-out.
    pub fn request(&mut self, kind: u16, flags: u16, body: &[u8], mut each: impl FnMut(Message<'_>)) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1).max(1);
        let length = u32::try_from(HEADER + body.len()).map_err(io::Error::other)?;
        let mut message = Vec::with_capacity(HEADER + body.len());
        message.extend_from_slice(&length.to_ne_bytes());
        message.extend_from_slice(&kind.to_ne_bytes());
        message.extend_from_slice(&(REQUEST | flags).to_ne_bytes());
        message.extend_from_slice(&self.sequence.to_ne_bytes());
        message.extend_from_slice(&0_u32.to_ne_bytes());
        message.extend_from_slice(body);
        rustix::net::send(&self.socket, &message, SendFlags::empty())?;
        // Not kept: there may be hundreds of these sockets.
        let mut buffer = vec![0; READ];
        loop {
            let (count, _) = match rustix::net::recv(&self.socket, &mut buffer[..], RecvFlags::empty()) {
                Err(rustix::io::Errno::INTR) => continue,
                answer => answer?,
            };
            for message in messages(buffer.get(..count).unwrap_or_default()) {
                if message.sequence != self.sequence {
                    continue;
                }
                match message.kind {
                    DONE => return Ok(()),
                    ERROR => {
                        let code = read_u32(message.payload, 0).map_or(0, |code| code as i32);
                        return if code == 0 {
                            Ok(())
                        } else {
                            Err(io::Error::from_raw_os_error(-code))
                        };
                    }
                    _ => each(message),
                }
            }
            if flags & DUMP == 0 {
                return Ok(());
            }
        }
    }

    /// Hands the events that wait to `each`, without blocking.
    ///
    /// # Errors
    /// When the socket itself fails.
    pub fn drain(&mut self, mut each: impl FnMut(Message<'_>)) -> io::Result<Drained> {
        let mut drained = Drained::All;
        let mut buffer = vec![0; READ];
        loop {
            match rustix::net::recv(&self.socket, &mut buffer[..], RecvFlags::DONTWAIT) {
                Ok((count, _)) => messages(buffer.get(..count).unwrap_or_default()).for_each(&mut each),
                Err(rustix::io::Errno::AGAIN) => return Ok(drained),
                Err(rustix::io::Errno::NOBUFS) => drained = Drained::Overrun,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
