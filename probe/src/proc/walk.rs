//! The walk over `/proc` and what it remembers from one walk to the next.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use smol_str::{SmolStr, format_smolstr};

use super::fds::{ProcRoot, rewrite};
use super::groups::Groups;
use super::roll::Roll;
use super::{Process, Snapshot, parse};
use crate::cgroup::UsageReader;

/// Idle processes are read once in so many walks, spread evenly: at one walk a second their numbers are at most this many seconds old.
const IDLE_EVERY: u64 = 8;
/// The same where the CPU clock of their control group has not moved: then only what others did to them can have changed.
const STILL_EVERY: u64 = 64;
/// A process is young for so many walks: it may still change its command line, cgroup and namespaces, as container runtimes do.
const YOUNG_WALKS: u64 = 5;
/// Identity is read again after so many walks at the latest.
const IDENTITY_EVERY: u64 = 60;

/// Walks `/proc`. Keep one for the life of the probe.
#[derive(Debug)]
pub struct Walker {
    root: ProcRoot,
    known: HashMap<u32, Known, foldhash::fast::RandomState>,
    groups: Groups,
    roll: Roll,
    walks: u64,
    total_jiffies: u64,
    page_size: u64,
    buffer: Vec<u8>,
    path: String,
}

#[derive(Debug)]
struct Known {
    process: Arc<Process>,
    /// Inode number of the directory: another one hints at another process behind the same pid.
    directory: u64,
    first_walk: u64,
    identity_walk: u64,
    /// When it was last read.
    read_walk: u64,
    /// The machine's clock ticks when the process was last read.
    total_jiffies: u64,
    busy: bool,
    last_seen: u64,
}

impl Walker {
    /// Opens the proc file system at `root`, normally `/proc`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn new(root: &Path) -> io::Result<Self> {
        Ok(Self {
            root: ProcRoot::open(root)?,
            known: HashMap::default(),
            groups: Groups::default(),
            roll: Roll::default(),
            walks: 0,
            total_jiffies: 0,
            page_size: rustix::param::page_size() as u64,
            buffer: Vec::new(),
            path: String::new(),
        })
    }

    /// Has the CPU clocks of control groups read, so that the processes of those that stand still need not be.
    #[must_use]
    pub fn with_groups(mut self, reader: UsageReader) -> Self {
        self.groups = Groups::new(Some(reader));
        self
    }

    /// The proc file system this walker reads.
    #[must_use]
    pub fn root(&self) -> &ProcRoot {
        &self.root
    }

    /// Looks at every process once. Processes that vanish meanwhile or may not be read are left out.
    ///
    /// # Errors
    /// When the directory itself cannot be read.
    pub fn walk(&mut self) -> io::Result<Arc<Snapshot>> {
        self.walks += 1;
        self.root.read("stat", &mut self.buffer)?;
        let (total_jiffies, cpus) = parse::machine_jiffies(&self.buffer).unwrap_or_default();
        self.total_jiffies = total_jiffies;
        let mut roll = std::mem::take(&mut self.roll);
        let stat = std::mem::take(&mut self.buffer);
        let processes = roll
            .update(&self.root, &stat, &mut self.buffer, self.walks)
            .and_then(|()| self.look(&mut roll));
        self.roll = roll;
        let processes = processes?;
        Ok(Arc::new(Snapshot {
            group_cpu: self.groups.cpu_nanos(),
            ..Snapshot::new(processes, total_jiffies, cpus)
        }))
    }

    /// Looks at the processes that are listed.
    fn look(&mut self, roll: &mut Roll) -> io::Result<Vec<Arc<Process>>> {
        self.groups.advance(self.walks);
        let mut processes = Vec::with_capacity(roll.listed.len());
        for (pid, directory) in &roll.listed {
            processes.extend(self.look_at(*pid, *directory));
        }
        let threads = processes.iter().map(|process| u64::from(process.threads)).sum();
        if !roll.adds_up(&self.root, threads)? {
            let there: HashSet<u32, foldhash::fast::RandomState> = roll.listed.iter().map(|(pid, _)| *pid).collect();
            processes.retain(|process| there.contains(&process.pid));
        }
        let walks = self.walks;
        self.known.retain(|_, known| known.last_seen == walks);
        Ok(processes)
    }

    fn look_at(&mut self, pid: u32, directory: u64) -> Option<Arc<Process>> {
        let walks = self.walks;
        if let Some(known) = self.known.get_mut(&pid) {
            known.last_seen = walks;
            let young = walks - known.first_walk < YOUNG_WALKS;
            let turn = |every| (walks + u64::from(pid)).is_multiple_of(every);
            let ran = || !self.groups.stood_still(&known.process.cgroup, known.read_walk);
            let due = known.busy || young || turn(STILL_EVERY) || (turn(IDLE_EVERY) && ran());
            if known.directory == directory && !due {
                return Some(Arc::clone(&known.process));
            }
        }
        let known = self.known.remove(&pid);
        let known = self.read(pid, directory, known)?;
        let process = Arc::clone(&known.process);
        self.known.insert(pid, known);
        Some(process)
    }

    /// Reads a process; `before` is what was known under its pid.
    fn read(&mut self, pid: u32, directory: u64, before: Option<Known>) -> Option<Known> {
        self.load(pid, "stat")?;
        let stat = parse::stat(&self.buffer)?;
        if stat.is_dead() {
            return None;
        }
        let before = before.filter(|known| known.process.start == stat.start);
        let mut process = before.as_ref().map_or_else(Process::default, |known| (*known.process).clone());
        let renamed = process.comm.as_bytes() != stat.comm;
        process.pid = pid;
        process.ppid = stat.ppid;
        process.start = stat.start;
        if renamed {
            process.comm = String::from_utf8_lossy(stat.comm).into();
        }
        process.threads = stat.threads;
        process.rss_bytes = stat.rss_pages.saturating_mul(self.page_size);
        process.rss_limit = stat.rss_limit;
        process.cpu_percent = before.as_ref().and_then(|known| {
            let machine = self.total_jiffies.checked_sub(known.total_jiffies).filter(|machine| *machine > 0)?;
            let own = stat.jiffies.checked_sub(known.process.jiffies)?;
            Some((own as f64 / machine as f64 * 100.0).min(100.0))
        });
        process.jiffies = stat.jiffies;
        process.open_files = self.root.open_files(pid).unwrap_or(0);
        let first_walk = before.as_ref().map_or(self.walks, |known| known.first_walk);
        let mut identity_walk = before.as_ref().map_or(0, |known| known.identity_walk);
        let young = self.walks - first_walk < YOUNG_WALKS;
        if before.is_none() || renamed || young || self.walks - identity_walk >= IDENTITY_EVERY {
            self.read_identity(&mut process);
            identity_walk = self.walks;
        }
        let busy = before
            .as_ref()
            .is_none_or(|known| known.process.jiffies != process.jiffies || known.process.threads != process.threads);
        let process = match &before {
            Some(known) if *known.process == process => Arc::clone(&known.process),
            _ => Arc::new(process),
        };
        Some(Known {
            process,
            directory,
            first_walk,
            identity_walk,
            read_walk: self.walks,
            total_jiffies: self.total_jiffies,
            busy,
            last_seen: self.walks,
        })
    }

    /// Command line, cgroup, namespace and limits.
    fn read_identity(&mut self, process: &mut Process) {
        let pid = process.pid;
        match self.load(pid, "cmdline").and_then(|()| parse::cmdline(&self.buffer)) {
            Some((name, line)) => {
                process.name = name;
                process.cmdline = line;
            }
            None => {
                process.name = format_smolstr!("[{}]", process.comm);
                process.cmdline = SmolStr::default();
            }
        }
        if self.load(pid, "cgroup").is_some() {
            process.cgroup = self.groups.membership(&self.buffer);
        }
        if self.load(pid, "limits").is_some() {
            process.open_files_limit = parse::soft_open_files(&self.buffer).unwrap_or(0);
        }
        self.set_path(pid, "ns/net");
        let netns = self.root.link_inode(&self.path, b"net").and_then(|inode| u32::try_from(inode).ok());
        process.netns = netns.unwrap_or(0);
    }

    fn load(&mut self, pid: u32, file: &str) -> Option<()> {
        self.set_path(pid, file);
        self.root.read(&self.path, &mut self.buffer).ok()
    }

    fn set_path(&mut self, pid: u32, file: &str) {
        rewrite(&mut self.path, format_args!("{pid}/{file}"));
    }
}
