//! Tracepoints as tracefs describes them: number and fields. Nothing is written there.
//!
//! Where tracefs is mounted nowhere, it is mounted detached: for the time of reading, visible to nobody else.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};

/// Longest `format` file; the real one has 2 kB.
const MAX_FORMAT: u64 = 64 << 10;

/// One field of a tracepoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name, without `[…]`.
    pub name: String,
    /// Offset in the record, bytes.
    pub offset: u16,
    /// Size, bytes.
    pub size: u16,
}

/// One tracepoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracepoint {
    /// Number for `perf_event_open`.
    pub id: u64,
    /// Its fields.
    pub format: Vec<Field>,
}

impl Tracepoint {
    /// Looks a tracepoint up.
    ///
    /// # Errors
    /// When there is no tracefs or no such tracepoint.
    pub fn find(system: &str, name: &str) -> io::Result<Self> {
        let mut trouble = None;
        for root in roots() {
            let read = |file: &str| -> io::Result<String> {
                let path = format!("events/{system}/{name}/{file}");
                let file = rustix::fs::openat(&root, path.as_str(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
                let mut text = String::new();
                File::from(file).take(MAX_FORMAT).read_to_string(&mut text)?;
                Ok(text)
            };
            match (read("id"), read("format")) {
                (Ok(id), Ok(format)) => {
                    let id = id.trim().parse().map_err(io::Error::other)?;
                    return Ok(Self {
                        id,
                        format: parse_format(&format),
                    });
                }
                (Err(error), _) | (_, Err(error)) => trouble = Some(error),
            }
        }
        Err(trouble.unwrap_or_else(|| {
            io::Error::new(
                io::ErrorKind::NotFound,
                "no tracefs; mount it: mount -t tracefs tracefs /sys/kernel/tracing",
            )
        }))
    }
}

/// Places where tracefs may be, the detached mount last.
fn roots() -> impl Iterator<Item = OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mounted = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"]
        .into_iter()
        .filter_map(move |path| rustix::fs::openat(CWD, path, flags, Mode::empty()).ok());
    mounted.chain(std::iter::once_with(|| detached().ok()).flatten())
}

fn detached() -> io::Result<OwnedFd> {
    let context = fsopen("tracefs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(&context)?;
    Ok(fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?)
}

/// Reads a `format` file: `field:const void * skaddr; offset:8; size:8; signed:0;`, separated by tabs. Lines of another shape are
/// skipped.
#[must_use]
pub fn parse_format(text: &str) -> Vec<Field> {
    let field = |line: &str| {
        let mut parts = line.trim().split(';').map(str::trim);
        let declaration = parts.next()?.strip_prefix("field:")?;
        let offset = parts.next()?.strip_prefix("offset:")?.parse().ok()?;
        let size = parts.next()?.strip_prefix("size:")?.parse().ok()?;
        let name = declaration.rsplit([' ', '*']).next()?;
        let name = name.split('[').next()?.to_owned();
        Some(Field { name, offset, size })
    };
    text.lines().filter_map(field).collect()
}
