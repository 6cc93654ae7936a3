//! The eBPF source: every TCP connection from its first to its last moment, with its process.
//!
//! One small program on the tracepoint `sock:inet_sock_set_state`, assembled in [`program`] from Rust, so that the object is reproducible
//! by construction and no compiler, no kernel headers and no file are needed at run time. Tracepoints only: no kprobes, nothing that
//! depends on the insides of functions. Fields of kernel structures (the network namespace's inode) are looked up in the kernel's own
//! type information (BTF); without it that one field is left out.

mod asm;
mod btf;
mod event;
mod program;
mod tracefs;

use std::io;
use std::os::fd::OwnedFd;

pub use asm::{Assembler, Size};
pub use btf::Btf;
pub use event::{EVENT_SIZE, Event, EventKind};
pub use program::{Layout, NetnsPath, assemble};
pub use tracefs::{Tracepoint, parse_format};

use crate::sys::{self, MapKind, Ring};

/// Room for about 6,500 events between two drains. It counts twice as memory of the probe, because it is mapped twice in a row.
const RING_SIZE: u32 = 512 << 10;
/// So many events at once are a quarter of what there is room for: whoever drains had better come again soon.
pub const MANY_EVENTS: u32 = RING_SIZE / (4 * (EVENT_SIZE as u32 + 8));
/// Sockets whose process is remembered from connecting until they close; the ones unused for longest go first.
const SOCKETS: u32 = 32_768;

/// Why the program does not run, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The tracepoint is not to be found.
    #[error("the tracepoint sock:inet_sock_set_state is missing (kernel 4.16 or later, and tracefs, are needed): {0}")]
    Tracepoint(io::Error),
    /// The kernel has no BPF, no ring buffers, or does not let us.
    #[error("cannot make BPF maps (root or CAP_BPF, and kernel 5.8 or later, are needed): {0}")]
    Maps(io::Error),
    /// The verifier refused.
    #[error("the kernel refused the BPF program: {0}")]
    Load(io::Error),
    /// Loaded but not attached.
    #[error("cannot attach to the tracepoint (root or CAP_PERFMON is needed): {0}")]
    Attach(io::Error),
}

/// The running program. It ends when this is dropped.
#[derive(Debug)]
pub struct Source {
    ring: Ring,
    losses: OwnedFd,
    lost_before: u64,
    /// Whether events carry the network namespace.
    pub has_netns: bool,
    _attached: OwnedFd,
    _program: OwnedFd,
}

impl Source {
    /// Loads and attaches the program.
    ///
    /// # Errors
    /// What is missing.
    pub fn open() -> Result<Self, Error> {
        let tracepoint = Tracepoint::find("sock", "inet_sock_set_state").map_err(Error::Tracepoint)?;
        let layout = Layout::from_format(&tracepoint.format)
            .ok_or_else(|| Error::Tracepoint(io::Error::new(io::ErrorKind::InvalidData, "its fields are not the ones we know")))?;
        let ring_map = sys::create_map(MapKind::Ring, 0, 0, RING_SIZE).map_err(Error::Maps)?;
        let sockets = sys::create_map(MapKind::LruHash, 8, program::OWNER_SIZE, SOCKETS).map_err(Error::Maps)?;
        let losses = sys::create_map(MapKind::Array, 4, 8, 1).map_err(Error::Maps)?;
        // Five megabytes of types, read once and dropped at once.
        let netns = Btf::of_kernel().ok().and_then(|btf| btf.netns_path());
        let maps = program::Maps {
            ring: &ring_map,
            sockets: &sockets,
            losses: &losses,
        };
        let instructions = assemble(&layout, netns, &maps.numbers());
        let program = sys::load_tracepoint_program(&instructions).map_err(Error::Load)?;
        let ring = Ring::new(&ring_map, RING_SIZE as usize).map_err(Error::Maps)?;
        let attached = sys::attach_to_tracepoint(tracepoint.id, &program).map_err(Error::Attach)?;
        Ok(Self {
            ring,
            losses,
            lost_before: 0,
            has_netns: netns.is_some(),
            _attached: attached,
            _program: program,
        })
    }

    /// Hands over the events since the last call and returns how many were lost meanwhile because the ring was full.
    pub fn drain(&mut self, mut each: impl FnMut(Event)) -> u64 {
        self.ring.drain(|record| {
            if let Some(event) = Event::parse(record) {
                each(event);
            }
        });
        let lost = sys::read_counter(&self.losses, 0).unwrap_or(self.lost_before);
        let new = lost.saturating_sub(self.lost_before);
        self.lost_before = lost;
        new
    }
}
