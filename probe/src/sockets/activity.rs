//! Whether anything has happened to the sockets of a network namespace, from counters that the kernel keeps of each.
//!
//! Small files, kept open: a few microseconds each. A sweep, in contrast, passes over tables that all namespaces of the machine share, so that
//! sweeping each of a hundred quiet ones costs a hundred times the whole machine's sockets.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};

use super::Protocol;
use crate::proc::{ProcRoot, decimal};

/// Longest file that is read; they are below 2 kB today.
const MAX_FILE: usize = 8 << 10;

/// Counters of one namespace and protocol. Any difference means that something happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// Of TCP: connections that were begun, by either side, since the namespace was made.
    pub opened: u64,
    /// TCP: connections that are open now. UDP: sockets.
    pub open: u64,
    /// Of TCP: segments so far, in both directions.
    pub segments: u64,
}

/// Where a namespace's counters are read.
#[derive(Debug)]
pub struct ActivityFiles {
    snmp: OwnedFd,
    sockstat: OwnedFd,
    /// None where the kernel has no IPv6.
    sockstat6: Option<OwnedFd>,
}

impl ActivityFiles {
    /// Opens the counters of the namespace that `pid` is in.
    ///
    /// # Errors
    /// When there are none, or the process is gone.
    pub fn open(root: &ProcRoot, pid: u32) -> io::Result<Self> {
        let open = |file: &str| {
            let path = format!("{pid}/net/{file}");
            rustix::fs::openat(root.fd(), path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        };
        Ok(Self {
            snmp: open("snmp")?,
            sockstat: open("sockstat")?,
            sockstat6: open("sockstat6").ok(),
        })
    }

    /// The counters now. `None` if they cannot be read.
    #[must_use]
    pub fn read(&self, protocol: Protocol) -> Option<Activity> {
        let mut buffer = [0_u8; MAX_FILE];
        match protocol {
            Protocol::Tcp => tcp_activity(text(&self.snmp, &mut buffer)?),
            Protocol::Udp => {
                let four = udp_sockets(text(&self.sockstat, &mut buffer)?)?;
                let six = match &self.sockstat6 {
                    Some(file) => udp_sockets(text(file, &mut buffer)?)?,
                    None => 0,
                };
                let open = four.saturating_add(six);
                Some(Activity {
                    open,
                    ..Activity::default()
                })
            }
        }
    }
}

fn text<'a>(file: &OwnedFd, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    let count = rustix::io::pread(file, &mut *buffer, 0).ok()?;
    buffer.get(..count)
}

/// Reads TCP's counters in `/proc/net/snmp`: a line with their names and one with their values. They are of both families.
#[must_use]
pub fn tcp_activity(text: &[u8]) -> Option<Activity> {
    let mut lines = text.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"Tcp: "));
    let (names, values) = (lines.next()?, lines.next()?);
    let mut activity = Activity::default();
    for (name, value) in words(names).zip(words(values)) {
        let sum = match name {
            b"ActiveOpens" | b"PassiveOpens" => &mut activity.opened,
            b"CurrEstab" => &mut activity.open,
            b"InSegs" | b"OutSegs" => &mut activity.segments,
            _ => continue,
        };
        // Wrapping, as the kernel's own counters do.
        *sum = sum.wrapping_add(decimal(value)?);
    }
    Some(activity)
}

/// The number of UDP sockets in `/proc/net/sockstat` or `sockstat6`: `UDP: inuse 3 mem 1`, `UDP6: inuse 1`.
#[must_use]
pub fn udp_sockets(text: &[u8]) -> Option<u64> {
    let line = text
        .split(|byte| *byte == b'\n')
        .find_map(|line| line.strip_prefix(b"UDP: ").or_else(|| line.strip_prefix(b"UDP6: ")))?;
    let mut words = words(line).skip_while(|word| *word != b"inuse");
    decimal(words.nth(1)?)
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b' ')
}
