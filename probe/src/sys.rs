//! The probe's only `unsafe` code: system calls that no library we use wraps. `bpf(2)`, `perf_event_open(2)`, a ring
//! buffer's memory, and the allocator's settings.
//!
//! Safe functions around single calls; what is loaded and why is decided in [`crate::ebpf`].
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

const BPF_MAP_CREATE: libc::c_long = 0;
const BPF_MAP_LOOKUP: libc::c_long = 1;
const BPF_PROG_LOAD: libc::c_long = 5;
const BPF_PROG_TYPE_TRACEPOINT: u32 = 5;
const PERF_TYPE_TRACEPOINT: u32 = 2;
const PERF_EVENT_IOC_ENABLE: libc::c_ulong = 0x2400;
const PERF_EVENT_IOC_SET_BPF: libc::c_ulong = 0x4004_2408;
/// What the verifier may say at most when it refuses a program.
const VERIFIER_LOG: usize = 64 << 10;

/// Kinds of maps that are used.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum MapKind {
    /// Fixed number of values.
    Array = 2,
    /// Hash table that drops what was used longest ago.
    LruHash = 9,
    /// Ring buffer towards user space.
    Ring = 27,
}

/// First fields of `union bpf_attr` for `BPF_MAP_CREATE`.
#[repr(C)]
#[derive(Default)]
struct MapAttr {
    kind: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    flags: u32,
    // The rest of what 4.14 and later know: inner map, NUMA node, name.
    inner_map: u32,
    numa_node: u32,
    name: [u8; 16],
}

/// `union bpf_attr` for element calls.
#[repr(C)]
#[derive(Default)]
struct ElementAttr {
    map: u32,
    pad: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// First fields of `union bpf_attr` for `BPF_PROG_LOAD`.
#[repr(C)]
#[derive(Default)]
struct ProgramAttr {
    kind: u32,
    instruction_count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
}

fn bpf<T>(command: libc::c_long, attr: &mut T) -> io::Result<libc::c_long> {
    // SAFETY: `attr` is a live, properly sized `#[repr(C)]` prefix of `union bpf_attr`; the kernel reads `size` bytes of it and treats the
    // rest as zero. Pointers inside it are set by the callers below to buffers that outlive the call.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(attr), size_of::<T>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn owned(result: libc::c_long) -> io::Result<OwnedFd> {
    let fd = i32::try_from(result).map_err(io::Error::other)?;
    // SAFETY: the kernel just returned this descriptor to us, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Makes a map.
///
/// # Errors
/// The kernel's refusal: not root, or a kernel without this kind of map.
pub fn create_map(kind: MapKind, key_size: u32, value_size: u32, max_entries: u32) -> io::Result<OwnedFd> {
    let mut attr = MapAttr {
        kind: kind as u32,
        key_size,
        value_size,
        max_entries,
        name: *b"scope\0\0\0\0\0\0\0\0\0\0\0",
        ..MapAttr::default()
    };
    owned(bpf(BPF_MAP_CREATE, &mut attr)?)
}

/// Reads the 64-bit value at `index` of an array map.
///
/// # Errors
/// When there is no such element.
pub fn read_counter(map: &OwnedFd, index: u32) -> io::Result<u64> {
    let mut value = 0_u64;
    let mut attr = ElementAttr {
        map: map.as_raw_fd().cast_unsigned(),
        key: std::ptr::from_ref(&index) as u64,
        value: std::ptr::from_mut(&mut value) as u64,
        ..ElementAttr::default()
    };
    bpf(BPF_MAP_LOOKUP, &mut attr)?;
    Ok(value)
}

/// Loads a tracepoint program.
///
/// # Errors
/// The kernel's refusal, with the end of what its verifier said.
pub fn load_tracepoint_program(instructions: &[u64]) -> io::Result<OwnedFd> {
    let load = |log: &mut [u8]| {
        let mut attr = ProgramAttr {
            kind: BPF_PROG_TYPE_TRACEPOINT,
            instruction_count: u32::try_from(instructions.len()).map_err(io::Error::other)?,
            instructions: instructions.as_ptr() as u64,
            license: c"GPL".as_ptr() as u64,
            name: *b"scope_tcp\0\0\0\0\0\0\0",
            ..ProgramAttr::default()
        };
        if !log.is_empty() {
            attr.log_level = 1;
            attr.log_size = u32::try_from(log.len()).map_err(io::Error::other)?;
            attr.log = log.as_mut_ptr() as u64;
        }
        owned(bpf(BPF_PROG_LOAD, &mut attr)?)
    };
    load(&mut []).or_else(|error| {
        let mut log = vec![0_u8; VERIFIER_LOG];
        load(&mut log).map_err(|_| {
            let said = String::from_utf8_lossy(&log);
            let said = said.trim_end_matches(['\0', '\n']);
            let end: Vec<&str> = said.lines().rev().take(3).collect();
            io::Error::new(error.kind(), format!("{error} {}", end.join(" | ")).trim_end().to_owned())
        })
    })
}

/// Attaches a program to a tracepoint, given by its number in tracefs, for all processors. It runs until the descriptor is closed.
///
/// # Errors
/// The kernel's refusal.
pub fn attach_to_tracepoint(tracepoint: u64, program: &OwnedFd) -> io::Result<OwnedFd> {
    // `struct perf_event_attr` of 112 bytes (its fifth version): type, size, config, period, sample type, …, all else zero.
    let mut attr = [0_u64; 14];
    attr[0] = u64::from(PERF_TYPE_TRACEPOINT) | (size_of_val(&attr) as u64) << 32;
    attr[1] = tracepoint;
    attr[2] = 1;
    let (any_process, first_cpu, no_group, close_on_exec) = (-1, 0, -1, 8_u64);
    // SAFETY: `attr` is a live buffer whose size field says its length; the other arguments are plain numbers.
    let result = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            attr.as_ptr(),
            any_process,
            first_cpu,
            no_group,
            close_on_exec,
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    let event = owned(result)?;
    for (request, argument) in [(PERF_EVENT_IOC_SET_BPF, program.as_raw_fd()), (PERF_EVENT_IOC_ENABLE, 0)] {
        // SAFETY: both requests take a number, no pointer, and both descriptors are open.
        if unsafe { libc::ioctl(event.as_raw_fd(), request as _, argument) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(event)
}

/// Has the allocator give memory back and not spread it over threads: of a program of few threads that makes a large report every few seconds, most
/// of the memory would otherwise be holes. Only glibc's needs to be told.
pub fn keep_little_memory() {
    #[cfg(target_env = "gnu")]
    for (option, value) in [
        (libc::M_ARENA_MAX, 1),
        (libc::M_MMAP_THRESHOLD, 128 << 10),
        (libc::M_TRIM_THRESHOLD, 128 << 10),
    ] {
        // SAFETY: takes two numbers and changes the allocator's settings; a refusal leaves them as they were.
        unsafe { libc::mallopt(option, value) };
    }
}

/// The reading end of a BPF ring buffer, mapped into memory.
#[derive(Debug)]
pub struct Ring {
    /// The page with the position that we write.
    consumer: Mapping,
    /// The page with the position that the kernel writes, followed by the data twice in a row, so that no record is ever split.
    producer: Mapping,
    page: usize,
    size: usize,
}

#[derive(Debug)]
struct Mapping {
    start: std::ptr::NonNull<u8>,
    length: usize,
}

// SAFETY: the mapping is plain memory that only this value owns; nothing in it depends on the thread.
unsafe impl Send for Mapping {}

impl Mapping {
    fn new(map: &OwnedFd, length: usize, protection: libc::c_int, offset: usize) -> io::Result<Self> {
        let offset = libc::off_t::try_from(offset).map_err(io::Error::other)?;
        // SAFETY: a fresh shared mapping at an address the kernel chooses; it aliases nothing of Rust's.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                protection,
                libc::MAP_SHARED,
                map.as_fd().as_raw_fd(),
                offset,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = std::ptr::NonNull::new(start.cast()).ok_or_else(|| io::Error::other("mapped at address zero"))?;
        Ok(Self { start, length })
    }

    /// The position at the start of the mapping, shared with the kernel.
    fn position(&self) -> &AtomicU64 {
        // SAFETY: the mapping is at least a page, page-aligned, and lives as long as `self`; both sides access the word atomically.
        unsafe { AtomicU64::from_ptr(self.start.as_ptr().cast()) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: exactly the range that `new` mapped; no reference into it outlives `self`. A failure leaves it mapped, which harms nobody.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}

/// Bits of a record's length word: being written, given up.
const BUSY: u32 = 1 << 31;
const DISCARDED: u32 = 1 << 30;
/// Length word and page offset before each record.
const RECORD_HEADER: usize = 8;

impl Ring {
    /// Maps a ring buffer of `size` bytes (as created: a power of two, whole pages).
    ///
    /// # Errors
    /// When the kernel refuses the mapping.
    pub fn new(map: &OwnedFd, size: usize) -> io::Result<Self> {
        let page = rustix::param::page_size();
        if !size.is_power_of_two() || !size.is_multiple_of(page) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a ring's size is a power of two of whole pages",
            ));
        }
        Ok(Self {
            consumer: Mapping::new(map, page, libc::PROT_READ | libc::PROT_WRITE, 0)?,
            producer: Mapping::new(map, page + 2 * size, libc::PROT_READ, page)?,
            page,
            size,
        })
    }

    /// Hands every complete record to `each`, oldest first, and frees its room.
    pub fn drain(&mut self, mut each: impl FnMut(&[u8])) {
        let mut record = Vec::new();
        // Only we write this position.
        let mut at = self.consumer.position().load(Ordering::Relaxed);
        loop {
            let end = self.producer.position().load(Ordering::Acquire);
            if at >= end {
                return;
            }
            while at < end {
                let offset = self.page + (at as usize & (self.size - 1));
                // SAFETY: `offset` is below page + size, records are 8-aligned, and the mapping is page + 2 * size long.
                let header = unsafe { AtomicU32::from_ptr(self.producer.start.as_ptr().add(offset).cast()) }.load(Ordering::Acquire);
                if header & BUSY != 0 {
                    return;
                }
                let length = (header & !(BUSY | DISCARDED)) as usize;
                if header & DISCARDED == 0 && length <= self.size {
                    record.clear();
                    // SAFETY: the kernel finished this record (not busy) and will not touch it before we move our position past it;
                    // offset + header + length stays within the doubled data because length <= size.
                    record.extend_from_slice(unsafe {
                        std::slice::from_raw_parts(
                            self.producer.start.as_ptr().add(offset + RECORD_HEADER),
                            length.min(self.size - RECORD_HEADER),
                        )
                    });
                    each(&record);
                }
                at += ((length + RECORD_HEADER + 7) & !7) as u64;
                self.consumer.position().store(at, Ordering::Release);
            }
        }
    }
}
