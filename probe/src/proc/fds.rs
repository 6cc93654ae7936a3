//! Reading below `/proc` through one directory descriptor, and finding the sockets that processes hold.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RawDir, SeekFrom};

use super::parse;

/// Longest file below `/proc/<pid>` that is read; a longer command line is cut.
pub const MAX_FILE: usize = 16 << 10;

/// Longest table of sockets that is read: 150 bytes a socket, so about 400,000 sockets of a namespace.
pub const MAX_TABLE: u64 = 64 << 20;

/// A mounted proc file system. Clones share the descriptor.
#[derive(Clone, Debug)]
pub struct ProcRoot {
    directory: Arc<OwnedFd>,
}

impl ProcRoot {
    /// Opens the directory.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self {
            directory: Arc::new(rustix::fs::openat(CWD, path, flags, Mode::empty())?),
        })
    }

    /// The directory, for `*at` calls.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// Reads a small file into `buffer` (replacing what it held), at most [`MAX_FILE`] bytes.
    ///
    /// # Errors
    /// When it cannot be opened or read: most often the process is gone.
    pub fn read(&self, path: &str, buffer: &mut Vec<u8>) -> io::Result<()> {
        let file = rustix::fs::openat(&*self.directory, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        buffer.resize(MAX_FILE, 0);
        let mut filled = 0;
        while let Some(free) = buffer.get_mut(filled..).filter(|free| !free.is_empty()) {
            match rustix::io::read(&file, free) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        buffer.truncate(filled);
        Ok(())
    }

    /// Reads a file of any length (tables of sockets) into `buffer`, up to [`MAX_TABLE`] bytes.
    ///
    /// # Errors
    /// When it cannot be opened or read.
    pub fn read_all(&self, path: &str, buffer: &mut Vec<u8>) -> io::Result<()> {
        let file = rustix::fs::openat(&*self.directory, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        buffer.clear();
        let file = std::fs::File::from(file);
        io::Read::read_to_end(&mut io::Read::take(file, MAX_TABLE), buffer)?;
        Ok(())
    }

    /// The inode in a link such as `12/ns/net`; `None` if it cannot be read.
    #[must_use]
    pub fn link_inode(&self, path: &str, kind: &[u8]) -> Option<u64> {
        let mut buffer = [0_u8; 64];
        let length = rustix::fs::readlinkat_raw(&*self.directory, path, &mut buffer[..]).ok()?;
        parse::link_inode(buffer.get(..length)?, kind)
    }

    /// Number of files a process holds open; `None` if not allowed or gone.
    #[must_use]
    pub fn open_files(&self, pid: u32) -> Option<u32> {
        let path = format!("{pid}/fd");
        // Since 6.2 the directory's size is the number of open files; before, it is zero and the entries are counted.
        let stat = rustix::fs::statat(&*self.directory, path.as_str(), AtFlags::empty()).ok()?;
        if stat.st_size > 0 {
            return u32::try_from(stat.st_size).ok();
        }
        let mut count = 0;
        self.entries(&path, |_, _| count += 1).ok()?;
        Some(count)
    }

    /// Calls `each` with every entry whose name is a number, and its inode number.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn entries(&self, path: &str, mut each: impl FnMut(u32, u64)) -> io::Result<()> {
        self.entries_from(path, 0, 32 << 10, |number, inode, _| {
            each(number, inode);
            true
        })
    }

    /// The same from a place in the directory on, with `room` bytes for each read, until `each` returns false. It is also told the place of the
    /// entry, from which on what comes to be behind it will be found too; zero is the beginning.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn entries_from(&self, path: &str, mut place: u64, room: usize, mut each: impl FnMut(u32, u64, u64) -> bool) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(&*self.directory, path, flags, Mode::empty())?;
        if place > 0 {
            rustix::fs::seek(&directory, SeekFrom::Start(place))?;
        }
        let mut buffer = Vec::with_capacity(room);
        let mut entries = RawDir::new(directory, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            // An entry says where the next one is that there is now.
            let own = std::mem::replace(&mut place, entry.next_entry_cookie());
            if let Some(number) = parse::decimal(entry.file_name().to_bytes()).and_then(|number| u32::try_from(number).ok())
                && !each(number, entry.ino(), own)
            {
                break;
            }
        }
        Ok(())
    }
}

/// Puts text into a buffer in place of what it held, without allocating once it is large enough.
pub fn rewrite(buffer: &mut String, text: std::fmt::Arguments<'_>) {
    buffer.clear();
    // Writing to a string cannot fail; should a formatter claim so, no path is better than half of one.
    if std::fmt::write(buffer, text).is_err() {
        buffer.clear();
    }
}

/// How far a search for sockets got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketScan {
    /// Links that were read: what the search cost.
    pub links: u32,
    /// Whether the process could be looked at.
    pub readable: bool,
}

/// Calls `found` with the inode of every socket that `pid` holds, until it says to stop (returns false).
pub fn socket_inodes(root: &ProcRoot, pid: u32, mut found: impl FnMut(u64) -> bool) -> SocketScan {
    let mut scan = SocketScan::default();
    let mut numbers = Vec::new();
    let path = format!("{pid}/fd");
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(directory) = rustix::fs::openat(root.fd(), path.as_str(), flags, Mode::empty()) else {
        return scan;
    };
    if root.entries(&path, |number, _| numbers.push(number)).is_err() {
        return scan;
    }
    scan.readable = true;
    let mut name = String::with_capacity(12);
    let mut buffer = [0_u8; 64];
    // The newest files first: searches are for sockets that just appeared.
    for number in numbers.into_iter().rev() {
        rewrite(&mut name, format_args!("{number}"));
        scan.links += 1;
        let target = rustix::fs::readlinkat_raw(&directory, name.as_str(), &mut buffer[..])
            .ok()
            .and_then(|length| buffer.get(..length));
        if let Some(inode) = target.and_then(|target| parse::link_inode(target, b"socket"))
            && !found(inode)
        {
            break;
        }
    }
    scan
}
