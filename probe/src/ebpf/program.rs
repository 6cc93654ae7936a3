//! The program: watches sockets change their state and tells user space when a connection begins and ends, and whose it is.
//!
//! Who is current when a socket changes its state is only sometimes its owner. `SYN_SENT` is set in `connect`, by the owner; `FIN_WAIT1`
//! and `LAST_ACK` in `close` or `shutdown`, by the owner; `LISTEN` in `listen`, by the owner. `ESTABLISHED` and `CLOSE` come from packets:
//! whoever happens to run. So the owner is written down at the former and read at the latter, keyed by the socket.

use std::os::fd::{AsRawFd, OwnedFd};

use super::asm::Register::{R0, R1, R2, R3, R4, R6, R7, R8, R9, R10};
use super::asm::{Assembler, Helper, Label, Size};
use super::event;
use super::tracefs::Field;

/// Value of the map of sockets: process, role, name.
pub const OWNER_SIZE: u32 = 24;
const OWNER_PID: i16 = 0;
const OWNER_ROLE: i16 = 4;
const OWNER_COMM: i16 = 8;
const COMM_SIZE: i32 = 16;

// TCP states.
const ESTABLISHED: i32 = 1;
const SYN_SENT: i32 = 2;
const SYN_RECV: i32 = 3;
const FIN_WAIT1: i32 = 4;
const CLOSE: i32 = 7;
const LAST_ACK: i32 = 9;
const LISTEN: i32 = 10;
const IPPROTO_TCP: i32 = 6;

// The stack, downwards from the frame pointer.
const SOCKET: i16 = -8;
const OWNER: i16 = -32;
const EVENT: i16 = -104;
const SCRATCH: i16 = -112;
const INDEX: i16 = -116;

/// Do not wake user space: it comes by itself several times a second.
const NO_WAKEUP: i32 = 1;
const ANY: i32 = 0;
const NO_EXIST: i32 = 1;

/// Where the tracepoint keeps what we read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    socket: i16,
    old_state: i16,
    new_state: i16,
    local_port: i16,
    remote_port: i16,
    protocol: i16,
    protocol_size: Size,
    local: i16,
    remote: i16,
}

impl Layout {
    /// From the fields of the tracepoint's `format` file; `None` if one is missing or of another size.
    #[must_use]
    pub fn from_format(fields: &[Field]) -> Option<Self> {
        let offset = |name: &str, size: u16| {
            let field = fields.iter().find(|field| field.name == name && field.size == size)?;
            i16::try_from(field.offset).ok()
        };
        // One byte in the first kernels, two since MPTCP (262, whose low byte is TCP's number).
        let (protocol, protocol_size) = match offset("protocol", 2) {
            Some(offset) => (offset, Size::Half),
            None => (offset("protocol", 1)?, Size::Byte),
        };
        Some(Self {
            socket: offset("skaddr", 8)?,
            old_state: offset("oldstate", 4)?,
            new_state: offset("newstate", 4)?,
            local_port: offset("sport", 2)?,
            remote_port: offset("dport", 2)?,
            protocol,
            protocol_size,
            local: offset("saddr_v6", 16)?,
            remote: offset("daddr_v6", 16)?,
        })
    }
}

/// The way from a socket to its network namespace's inode: offsets of two reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetnsPath {
    /// Of the pointer to the namespace, in `struct sock`.
    pub namespace: i32,
    /// Of the inode number, in the namespace.
    pub inode: i32,
}

/// The maps that the program uses.
#[derive(Clone, Copy, Debug)]
pub struct Maps<'a> {
    /// Events go here.
    pub ring: &'a OwnedFd,
    /// Owners by socket.
    pub sockets: &'a OwnedFd,
    /// Counts events that did not fit.
    pub losses: &'a OwnedFd,
}

impl Maps<'_> {
    /// Their descriptors, in the order of the fields.
    #[must_use]
    pub fn numbers(&self) -> [i32; 3] {
        [self.ring, self.sockets, self.losses].map(AsRawFd::as_raw_fd)
    }
}

/// Assembles the program. `maps` are the descriptors of ring, sockets and losses.
#[must_use]
pub fn assemble(layout: &Layout, netns: Option<NetnsPath>, maps: &[i32; 3]) -> Vec<u64> {
    let [ring, sockets, losses] = *maps;
    let mut asm = Assembler::default();
    let (remember_connect, remember_close) = (asm.label(), asm.label());
    let (opened, closed, listening, send, done) = (asm.label(), asm.label(), asm.label(), asm.label(), asm.label());

    asm.copy(R6, R1);
    asm.load(layout.protocol_size, R1, R6, layout.protocol);
    asm.jump_if_not_equal(R1, IPPROTO_TCP, done);
    asm.load(Size::Double, R1, R6, layout.socket);
    asm.store(Size::Double, R10, SOCKET, R1);
    asm.load(Size::Word, R7, R6, layout.new_state);
    asm.load(Size::Word, R8, R6, layout.old_state);
    asm.jump_if_equal(R7, SYN_SENT, remember_connect);
    asm.jump_if_equal(R7, FIN_WAIT1, remember_close);
    asm.jump_if_equal(R7, LAST_ACK, remember_close);
    asm.jump_if_equal(R7, ESTABLISHED, opened);
    asm.jump_if_equal(R7, CLOSE, closed);
    asm.jump_if_equal(R7, LISTEN, listening);
    asm.jump(done);

    asm.place(remember_connect);
    asm.store_value(Size::Word, R10, OWNER + OWNER_ROLE, event::CONNECTED);
    store_current(&mut asm, OWNER + OWNER_PID, OWNER + OWNER_COMM);
    update_owner(&mut asm, sockets, ANY);
    asm.jump(done);

    // Whoever connected stays the owner. An accepted socket is in the map without a process: now there is one.
    asm.place(remember_close);
    lookup_owner(&mut asm, sockets);
    asm.jump_if_equal(R0, 0, done);
    asm.load(Size::Word, R1, R0, OWNER_PID);
    asm.jump_if_not_equal(R1, 0, done);
    asm.store_value(Size::Word, R10, OWNER + OWNER_ROLE, event::ACCEPTED);
    store_current(&mut asm, OWNER + OWNER_PID, OWNER + OWNER_COMM);
    update_owner(&mut asm, sockets, ANY);
    asm.jump(done);

    asm.place(opened);
    begin_event(&mut asm, event::OPENED);
    let from_queue = asm.label();
    asm.jump_if_equal(R8, SYN_RECV, from_queue);
    asm.jump_if_not_equal(R8, SYN_SENT, done);
    asm.store_value(Size::Word, R10, EVENT + event::ROLE, event::CONNECTED);
    copy_owner(&mut asm, sockets, send);
    asm.jump(send);
    asm.place(from_queue);
    asm.store_value(Size::Word, R10, EVENT + event::ROLE, event::ACCEPTED);
    asm.store_value(Size::Word, R10, OWNER + OWNER_ROLE, event::ACCEPTED);
    asm.store_value(Size::Word, R10, OWNER + OWNER_PID, 0);
    asm.store_value(Size::Double, R10, OWNER + OWNER_COMM, 0);
    asm.store_value(Size::Double, R10, OWNER + OWNER_COMM + 8, 0);
    update_owner(&mut asm, sockets, NO_EXIST);
    asm.jump(send);

    // A connection that never was (refused, timed out) and a listener that closes are of no interest.
    asm.place(closed);
    begin_event(&mut asm, event::CLOSED);
    let forget = asm.label();
    for state in [SYN_SENT, SYN_RECV, LISTEN, CLOSE] {
        asm.jump_if_equal(R8, state, forget);
    }
    let without_owner = asm.label();
    copy_owner(&mut asm, sockets, without_owner);
    asm.load(Size::Word, R1, R9, OWNER_ROLE);
    asm.store(Size::Word, R10, EVENT + event::ROLE, R1);
    delete_owner(&mut asm, sockets);
    asm.place(without_owner);
    asm.jump(send);
    asm.place(forget);
    delete_owner(&mut asm, sockets);
    asm.jump(done);

    asm.place(listening);
    begin_event(&mut asm, event::LISTENING);
    store_current(&mut asm, EVENT + event::PID, EVENT + event::COMM);

    asm.place(send);
    send_event(&mut asm, layout, netns, ring, losses);
    asm.place(done);
    asm.set(R0, 0);
    asm.exit();
    asm.finish()
}

/// An event of this kind with everything else zero.
fn begin_event(asm: &mut Assembler, kind: i32) {
    for at in (0..event::EVENT_SIZE).step_by(8) {
        asm.store_value(Size::Double, R10, EVENT + at as i16, 0);
    }
    asm.store_value(Size::Word, R10, EVENT + event::KIND, kind);
}

/// Process and name of whoever runs now, into the stack.
fn store_current(asm: &mut Assembler, pid: i16, comm: i16) {
    asm.call(Helper::CurrentPidTgid);
    asm.shift_right(R0, 32);
    asm.store(Size::Word, R10, pid, R0);
    asm.copy(R1, R10);
    asm.add(R1, i32::from(comm));
    asm.set(R2, COMM_SIZE);
    asm.call(Helper::CurrentComm);
}

fn socket_key(asm: &mut Assembler, sockets: i32) {
    asm.load_map(R1, sockets);
    asm.copy(R2, R10);
    asm.add(R2, i32::from(SOCKET));
}

fn lookup_owner(asm: &mut Assembler, sockets: i32) {
    socket_key(asm, sockets);
    asm.call(Helper::MapLookup);
}

fn update_owner(asm: &mut Assembler, sockets: i32, how: i32) {
    socket_key(asm, sockets);
    asm.copy(R3, R10);
    asm.add(R3, i32::from(OWNER));
    asm.set(R4, how);
    asm.call(Helper::MapUpdate);
}

fn delete_owner(asm: &mut Assembler, sockets: i32) {
    socket_key(asm, sockets);
    asm.call(Helper::MapDelete);
}

/// Copies process and name of the remembered owner into the event, leaving it in `r9`; jumps if there is none.
fn copy_owner(asm: &mut Assembler, sockets: i32, none: Label) {
    lookup_owner(asm, sockets);
    asm.jump_if_equal(R0, 0, none);
    asm.copy(R9, R0);
    asm.load(Size::Word, R1, R9, OWNER_PID);
    asm.store(Size::Word, R10, EVENT + event::PID, R1);
    for half in [0, 8] {
        asm.load(Size::Double, R1, R9, OWNER_COMM + half);
        asm.store(Size::Double, R10, EVENT + event::COMM + half, R1);
    }
}

/// Fills in the ends and the namespace and sends the event; counts it if there is no room.
fn send_event(asm: &mut Assembler, layout: &Layout, netns: Option<NetnsPath>, ring: i32, losses: i32) {
    let pairs = [(layout.local_port, event::LOCAL_PORT), (layout.remote_port, event::REMOTE_PORT)];
    for (from, to) in pairs {
        asm.load(Size::Half, R1, R6, from);
        asm.store(Size::Half, R10, EVENT + to, R1);
    }
    for (from, to) in [(layout.local, event::LOCAL), (layout.remote, event::REMOTE)] {
        // The addresses are only word-aligned in the tracepoint.
        for at in (0..16).step_by(4) {
            asm.load(Size::Word, R1, R6, from + at);
            asm.store(Size::Word, R10, EVENT + to + at, R1);
        }
    }
    if let Some(path) = netns {
        read_kernel(asm, SCRATCH, 8, SOCKET, path.namespace);
        read_kernel(asm, EVENT + event::NETNS, 4, SCRATCH, path.inode);
    }
    asm.load_map(R1, ring);
    asm.copy(R2, R10);
    asm.add(R2, i32::from(EVENT));
    asm.set(R3, event::EVENT_SIZE as i32);
    asm.set(R4, NO_WAKEUP);
    asm.call(Helper::RingOutput);
    let sent = asm.label();
    asm.jump_if_equal(R0, 0, sent);
    asm.store_value(Size::Word, R10, INDEX, 0);
    asm.load_map(R1, losses);
    asm.copy(R2, R10);
    asm.add(R2, i32::from(INDEX));
    asm.call(Helper::MapLookup);
    asm.jump_if_equal(R0, 0, sent);
    asm.set(R1, 1);
    asm.atomic_add(R0, 0, R1);
    asm.place(sent);
}

/// `stack[to] = *(pointer at stack[from] + offset)`; zero if that cannot be read.
fn read_kernel(asm: &mut Assembler, to: i16, size: i32, from: i16, offset: i32) {
    asm.load(Size::Double, R3, R10, from);
    asm.add(R3, offset);
    asm.copy(R1, R10);
    asm.add(R1, i32::from(to));
    asm.set(R2, size);
    asm.call(Helper::ProbeReadKernel);
}
