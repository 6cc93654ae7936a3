//! Parsers of `/proc/<pid>` files. Pure functions on bytes: total, without panics, fuzzed.

use scope_shared::report::SmolStr;

/// What we take from `/proc/<pid>/stat`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stat<'a> {
    /// Name between the parentheses; may itself hold parentheses and blanks.
    pub comm: &'a [u8],
    /// State letter.
    pub state: u8,
    /// Parent.
    pub ppid: u32,
    /// User and system time, clock ticks.
    pub jiffies: u64,
    /// Threads.
    pub threads: u32,
    /// Start, clock ticks since boot.
    pub start: u64,
    /// Resident pages.
    pub rss_pages: u64,
    /// Limit of resident memory, bytes.
    pub rss_limit: u64,
}

impl Stat<'_> {
    /// A zombie or dead process: it has no memory, files or connections any more.
    #[must_use]
    pub const fn is_dead(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x')
    }
}

/// Parses `/proc/<pid>/stat`. Fields are counted after the *last* `)`, because the name may hold anything.
#[must_use]
pub fn stat(text: &[u8]) -> Option<Stat<'_>> {
    let open = text.iter().position(|byte| *byte == b'(')?;
    let close = text.iter().rposition(|byte| *byte == b')')?;
    let comm = text.get(open.checked_add(1)?..close)?;
    let mut stat = Stat { comm, ..Stat::default() };
    let mut seen = 0;
    for (at, field) in text.get(close + 1..)?.trim_ascii().split(|byte| *byte == b' ').enumerate() {
        let number = || decimal(field);
        match at {
            0 => stat.state = *field.first()?,
            1 => stat.ppid = u32::try_from(number()?).ok()?,
            11 | 12 => stat.jiffies = stat.jiffies.saturating_add(number()?),
            17 => stat.threads = u32::try_from(number()?).unwrap_or(u32::MAX),
            19 => stat.start = number()?,
            21 => stat.rss_pages = number()?,
            22 => stat.rss_limit = number()?,
            _ => {}
        }
        seen = at;
    }
    (seen >= 22).then_some(stat)
}

/// The name and the line shown for `/proc/<pid>/cmdline`: up to the first NUL, and everything with NULs as blanks. `None` if empty.
#[must_use]
pub fn cmdline(text: &[u8]) -> Option<(SmolStr, SmolStr)> {
    let name = text.split(|byte| *byte == 0).next().filter(|name| !name.is_empty())?;
    let name = String::from_utf8_lossy(name);
    let line = String::from_utf8_lossy(text).replace('\0', " ");
    Some((SmolStr::new(name), SmolStr::from(line)))
}

/// The soft limit of open files in `/proc/<pid>/limits`; `None` if the line is missing, `u64::MAX` for `unlimited`.
#[must_use]
pub fn soft_open_files(text: &[u8]) -> Option<u64> {
    let line = text
        .split(|byte| *byte == b'\n')
        .find_map(|line| line.strip_prefix(b"Max open files"))?;
    match line.split(u8::is_ascii_whitespace).find(|field| !field.is_empty())? {
        b"unlimited" => Some(u64::MAX),
        field => decimal(field),
    }
}

/// Total clock ticks of all CPUs and the number of CPUs, from `/proc/stat`.
#[must_use]
pub fn machine_jiffies(text: &[u8]) -> Option<(u64, u32)> {
    let mut lines = text.split(|byte| *byte == b'\n');
    let all = lines.next()?.strip_prefix(b"cpu ")?;
    let total = all
        .split(u8::is_ascii_whitespace)
        .filter(|field| !field.is_empty())
        .take(8)
        .filter_map(decimal)
        .fold(0_u64, u64::saturating_add);
    let cpus = lines.take_while(|line| line.starts_with(b"cpu")).count();
    Some((total, u32::try_from(cpus).unwrap_or(u32::MAX)))
}

/// How many processes and threads were started since boot, from `/proc/stat`.
#[must_use]
pub fn started(text: &[u8]) -> Option<u64> {
    let line = text
        .split(|byte| *byte == b'\n')
        .find_map(|line| line.strip_prefix(b"processes "))?;
    decimal(line.trim_ascii())
}

/// How many processes and threads there are, from `/proc/loadavg`.
#[must_use]
pub fn existing(text: &[u8]) -> Option<u64> {
    let field = text.split(|byte| *byte == b' ').nth(3)?;
    decimal(field.split(|byte| *byte == b'/').nth(1)?)
}

/// The pid that was given last, from `/proc/loadavg`.
#[must_use]
pub fn last_pid(text: &[u8]) -> Option<u64> {
    decimal(text.split(|byte| *byte == b' ').nth(4)?.trim_ascii())
}

/// The inode in the target of a namespace or socket link: `net:[4026531840]`, `socket:[12345]`.
#[must_use]
pub fn link_inode(target: &[u8], kind: &[u8]) -> Option<u64> {
    decimal(target.strip_prefix(kind)?.strip_prefix(b":[")?.strip_suffix(b"]")?)
}

/// A plain decimal number, without sign.
#[must_use]
pub fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |value, byte| match byte {
        b'0'..=b'9' => value.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}
