//! The kernel's type information, as far as needed to find a field of a structure. Total on any bytes.

use std::fs;
use std::io;

use super::program::NetnsPath;
use crate::netlink::{read_u16, read_u32};

const PATH: &str = "/sys/kernel/btf/vmlinux";
const MAGIC: u16 = 0xeb9f;
/// Every type starts with name, info and size or type.
const TYPE: usize = 12;
const MEMBER: usize = 12;

/// Type information in memory.
#[derive(Clone, Debug)]
pub struct Btf {
    bytes: Vec<u8>,
    types: (usize, usize),
    strings: (usize, usize),
}

/// A member of a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Member {
    /// Byte offset.
    offset: u32,
}

impl Btf {
    /// Of the running kernel.
    ///
    /// # Errors
    /// When the kernel does not offer it.
    pub fn of_kernel() -> io::Result<Self> {
        let bytes = fs::read(PATH)?;
        Self::new(bytes).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "malformed type information"))
    }

    /// From bytes; `None` if they are no type information.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        if read_u16(&bytes, 0)? != MAGIC {
            return None;
        }
        let header = read_u32(&bytes, 4)? as usize;
        let section = |offset: usize| {
            let start = header.checked_add(read_u32(&bytes, offset)? as usize)?;
            let end = start.checked_add(read_u32(&bytes, offset + 4)? as usize)?;
            (end <= bytes.len()).then_some((start, end))
        };
        Some(Self {
            types: section(8)?,
            strings: section(16)?,
            bytes,
        })
    }

    /// The way from a `struct sock` to the inode of its network namespace.
    #[must_use]
    pub fn netns_path(&self) -> Option<NetnsPath> {
        // A socket starts with its common part; the namespace pointer is wrapped in a structure of its own.
        let [namespace, common, inode] = self.members([("sock_common", "skc_net"), ("net", "ns"), ("ns_common", "inum")])?;
        Some(NetnsPath {
            namespace: i32::try_from(namespace.offset).ok()?,
            inode: i32::try_from(common.offset.checked_add(inode.offset)?).ok()?,
        })
    }

    /// Members of structures by name, in one pass over all types.
    fn members<const N: usize>(&self, wanted: [(&str, &str); N]) -> Option<[Member; N]> {
        let mut found = [None; N];
        let (mut at, end) = self.types;
        while at < end {
            let (name, info) = (read_u32(&self.bytes, at)?, read_u32(&self.bytes, at + 4)?);
            let (kind, count) = (info >> 24 & 0x1f, (info & 0xffff) as usize);
            let body = at + TYPE;
            if kind == 4 {
                let bits = info >> 31 == 1;
                for ((structure, member), found) in wanted.iter().zip(found.iter_mut()) {
                    if found.is_none() && self.string(name) == Some(structure.as_bytes()) {
                        *found = self.member(body, count, bits, member.as_bytes());
                    }
                }
            }
            let extra = match kind {
                1 | 14 | 17 => 4,
                3 => 12,
                4 | 5 | 15 | 19 => count.checked_mul(MEMBER)?,
                6 | 13 => count.checked_mul(8)?,
                2 | 7..=12 | 16 | 18 => 0,
                _ => return None,
            };
            at = body.checked_add(extra)?;
            if found.iter().all(Option::is_some) {
                break;
            }
        }
        let mut members = [Member { offset: 0 }; N];
        for (member, found) in members.iter_mut().zip(found) {
            *member = found?;
        }
        Some(members)
    }

    fn member(&self, body: usize, count: usize, bits: bool, name: &[u8]) -> Option<Member> {
        (0..count).find_map(|index| {
            let at = body.checked_add(index.checked_mul(MEMBER)?)?;
            (self.string(read_u32(&self.bytes, at)?)? == name).then_some(())?;
            let offset = read_u32(&self.bytes, at + 8)?;
            let offset = if bits { offset & 0x00ff_ffff } else { offset };
            Some(Member { offset: offset / 8 })
        })
    }

    fn string(&self, offset: u32) -> Option<&[u8]> {
        let start = self.strings.0.checked_add(offset as usize)?;
        let rest = self.bytes.get(start..self.strings.1)?;
        rest.split(|byte| *byte == 0).next()
    }
}
