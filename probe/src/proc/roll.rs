//! The list of processes, read as seldom as can be: listing takes the kernel half a microsecond for each process of the machine.
//!
//! The kernel counts how many processes and threads were started and how many there are. While both stand still the list stands. Where some were
//! started, only those behind the last one are listed. That others ended shows when the threads of the listed ones do not add up any more; then
//! everything is listed again.

use std::collections::BTreeMap;
use std::io;

use super::fds::ProcRoot;
use super::parse;

/// Everything is listed after so many walks at the latest.
const WHOLE_EVERY: u64 = 8;
/// Processes that are listed at most; beyond, the rest of the machine is not looked at (the kernel's own limit is 4 Mi).
const MAX_PROCESSES: usize = 65_536;

/// Bytes for a read of the whole list, and of some new ones: the kernel looks up as many as there is room for.
const WHOLE_ROOM: usize = 32 << 10;
const NEW_ROOM: usize = 1 << 10;

/// What the kernel counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Census {
    started: u64,
    existing: u64,
    /// The pid given last: a lower one than before means that numbers began anew.
    last: u64,
}

/// The list.
#[derive(Debug, Default)]
pub(super) struct Roll {
    /// Pids and the inode numbers of their directories, in no order.
    pub listed: Vec<(u32, u64)>,
    census: Option<Census>,
    /// The place in the directory of the last pid that was listed and had been given by then.
    place: u64,
    /// Threads that exist and are of no process listed: of those that ended but are not collected, and of whatever is not shown to us.
    others: Option<u64>,
    /// Whether what was listed last was everything.
    whole: bool,
}

impl Roll {
    /// Brings the list up to date as far as the counts tell. `stat` is the text of `/proc/stat`, `buffer` room for reading.
    pub fn update(&mut self, root: &ProcRoot, stat: &[u8], buffer: &mut Vec<u8>, walk: u64) -> io::Result<()> {
        let read = root.read("loadavg", buffer).is_ok();
        let census = || {
            Some(Census {
                started: parse::started(stat)?,
                existing: parse::existing(buffer).filter(|_| read)?,
                last: parse::last_pid(buffer)?,
            })
        };
        let (before, now) = (self.census, census());
        self.census = now;
        match (before, now) {
            (Some(before), Some(now)) if !walk.is_multiple_of(WHOLE_EVERY) && self.others.is_some() && before.last <= now.last => {
                if before != now {
                    self.list_new(root, now.last)?;
                }
            }
            _ => self.list(root)?,
        }
        self.listed.truncate(MAX_PROCESSES);
        Ok(())
    }

    /// Compares the list with the number of threads that its processes have. False if some ended: everything has then been listed again.
    pub fn adds_up(&mut self, root: &ProcRoot, threads: u64) -> io::Result<bool> {
        let others = self.census.map(|census| census.existing.wrapping_sub(threads));
        if self.whole || others == self.others {
            self.others = others;
            return Ok(true);
        }
        self.list(root)?;
        // What they come to is found out at the next walk.
        self.others = None;
        Ok(false)
    }

    fn list(&mut self, root: &ProcRoot) -> io::Result<()> {
        self.listed.clear();
        (self.place, self.whole) = (0, true);
        let last = self.census.map_or(0, |census| census.last);
        root.entries_from(".", 0, WHOLE_ROOM, |pid, inode, place| {
            self.listed.push((pid, inode));
            if u64::from(pid) <= last {
                self.place = place;
            }
            true
        })
    }

    /// Lists the pids that were given since, up to `last`.
    fn list_new(&mut self, root: &ProcRoot, last: u64) -> io::Result<()> {
        self.whole = false;
        let mut new = BTreeMap::new();
        root.entries_from(".", self.place, NEW_ROOM, |pid, inode, place| {
            if u64::from(pid) > last {
                return false;
            }
            new.insert(pid, inode);
            self.place = place;
            true
        })?;
        // A number may have been another process' before.
        self.listed.retain(|(pid, _)| !new.contains_key(pid));
        self.listed.extend(new);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::{Child, Command, Stdio};

    use super::*;
    use crate::proc::Walker;

    /// A process that ends when its standard input does, which is with the test at the latest.
    fn sleeper() -> Child {
        Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
    }

    #[test]
    fn what_began_is_there_with_the_next_walk_and_what_ended_is_gone_soon() {
        let mut walker = Walker::new(Path::new("/proc")).unwrap();
        let mut sees = |pid: u32| walker.walk().unwrap().get(pid).is_some();
        let mut idle = sleeper();
        // Until it is neither young nor busy: then it is not read every time.
        for _ in 0..2 * WHOLE_EVERY {
            assert!(sees(idle.id()));
            let mut other = sleeper();
            assert!(sees(other.id()));
            other.kill().unwrap();
            other.wait().unwrap();
            assert!(!sees(other.id()), "young, so it is looked for each time");
        }
        idle.kill().unwrap();
        idle.wait().unwrap();
        let walks = (0..=WHOLE_EVERY).find(|_| !sees(idle.id()));
        assert!(walks.is_some(), "still there after everything was listed");
    }

    #[test]
    fn threads_that_do_not_add_up_have_everything_listed_again() {
        let directory = tempfile::tempdir().unwrap();
        let root = ProcRoot::open(directory.path()).unwrap();
        for pid in ["7", "8"] {
            std::fs::create_dir(directory.path().join(pid)).unwrap();
        }
        let loadavg =
            |existing: u64, last: u64| std::fs::write(directory.path().join("loadavg"), format!("0 0 0 1/{existing} {last}\n")).unwrap();
        let mut roll = Roll::default();
        let pids = |roll: &mut Roll, started: u64, walk: u64, threads: u64| {
            roll.update(&root, format!("processes {started}\n").as_bytes(), &mut Vec::new(), walk)
                .unwrap();
            let added_up = roll.adds_up(&root, threads).unwrap();
            let mut pids: Vec<u32> = roll.listed.iter().map(|(pid, _)| *pid).collect();
            pids.sort_unstable();
            (pids, added_up)
        };
        // Ten threads that belong to others, one of each process.
        loadavg(12, 8);
        assert_eq!(pids(&mut roll, 100, 1, 2), (vec![7, 8], true));
        std::fs::remove_dir(directory.path().join("8")).unwrap();
        assert_eq!(
            pids(&mut roll, 100, 2, 2),
            (vec![7, 8], true),
            "nothing is listed while the counts stand still"
        );
        loadavg(11, 8);
        assert_eq!(pids(&mut roll, 100, 3, 2), (vec![7], false), "one thread too many");
        assert_eq!(pids(&mut roll, 100, 4, 1), (vec![7], true));
        std::fs::create_dir(directory.path().join("3")).unwrap();
        loadavg(12, 3);
        assert_eq!(pids(&mut roll, 101, 5, 2), (vec![3, 7], true), "numbers began anew");
    }
}
