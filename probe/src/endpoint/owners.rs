//! Which process holds which socket: `/proc/<pid>/fd` read only when there is a socket whose process is not known, and only as far as
//! needed to find it.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::table::Millis;
use crate::proc::{ProcRoot, Process, Snapshot, socket_inodes};

/// Links read a call at most, about a microsecond each; the search goes on in the next call.
const LINKS_A_CALL: u32 = 8_000;
/// A socket that no process holds (or only one that is guarded even from root) is searched for again after this time, in processes that ran
/// since, then after twice that…
const GIVE_UP_FOR: Millis = 10_000;
/// …and so on up to this.
const GIVE_UP_AT_MOST: Millis = 320_000;

/// Remembers who holds sockets.
#[derive(Debug, Default)]
pub struct Owners {
    by_inode: HashMap<u64, u32, foldhash::fast::RandomState>,
    searched: HashMap<u32, Searched, foldhash::fast::RandomState>,
    hopeless: HashMap<u64, Hopeless, foldhash::fast::RandomState>,
    /// Goes up with each round: a round looks at every process once, over as many calls as that takes.
    round: u64,
    /// What was searched for when the round began; empty between rounds.
    sought: HashSet<u64, foldhash::fast::RandomState>,
}

/// When a process was last searched.
#[derive(Clone, Copy, Debug)]
struct Searched {
    /// Files it had open then: unchanged means that a new socket is more likely elsewhere.
    open_files: u32,
    /// When it was started, and the CPU time it had used then: unchanged means that it has opened nothing since.
    start: u64,
    jiffies: u64,
    round: u64,
}

/// A socket that a whole round did not find.
#[derive(Clone, Copy, Debug)]
struct Hopeless {
    until: Millis,
    pause: Millis,
}

impl Owners {
    /// The process that holds a socket, if known.
    #[must_use]
    pub fn get(&self, inode: u64) -> Option<u32> {
        self.by_inode.get(&inode).copied()
    }

    /// Whether a socket was searched for everywhere in vain.
    #[must_use]
    pub fn gave_up(&self, inode: u64) -> bool {
        self.hopeless.contains_key(&inode)
    }

    /// Searches for sockets, given as (namespace, inode). `likely` are processes to look at first (those that listen).
    pub fn search(&mut self, root: &ProcRoot, snapshot: &Snapshot, sockets: &[(u32, u64)], likely: &HashSet<u32>, now: Millis) {
        let given_up = |inode: &u64| self.hopeless.get(inode).is_some_and(|hopeless| hopeless.until > now);
        let mut wanted: BTreeMap<u32, HashSet<u64>> = BTreeMap::new();
        for (netns, inode) in sockets {
            if !self.by_inode.contains_key(inode) && !given_up(inode) {
                wanted.entry(*netns).or_default().insert(*inode);
            }
        }
        if wanted.is_empty() {
            self.sought.clear();
            return;
        }
        if self.sought.is_empty() {
            self.round += 1;
            self.sought.extend(wanted.values().flatten());
        }
        let mut budget = LINKS_A_CALL;
        let anew = wanted.values().flatten().any(|inode| !self.hopeless.contains_key(inode));
        // Most sockets are held by a process of their namespace; the rest (passed on, inherited) may be anywhere.
        let mut candidates: Vec<&Process> = snapshot
            .processes()
            .iter()
            .map(AsRef::as_ref)
            .filter(|process| process.open_files > 0 && !self.is_searched(process) && (anew || self.has_run(process)))
            .collect();
        candidates.sort_by_key(|process| self.rank(process, likely, &wanted));
        for process in candidates {
            if wanted.values().all(HashSet::is_empty) {
                self.sought.clear();
                return;
            }
            if budget == 0 {
                return;
            }
            let mut left: usize = wanted.values().map(HashSet::len).sum();
            let mut found = Vec::new();
            let scan = socket_inodes(root, process.pid, |inode| {
                found.push(inode);
                for inodes in wanted.values_mut() {
                    left -= usize::from(inodes.remove(&inode));
                }
                left > 0
            });
            self.by_inode.extend(found.into_iter().map(|inode| (inode, process.pid)));
            let searched = Searched {
                open_files: process.open_files,
                start: process.start,
                jiffies: process.jiffies,
                round: self.round,
            };
            self.searched.insert(process.pid, searched);
            budget = budget.saturating_sub(scan.links.max(1));
        }
        // What came to be wanted during the round may be held by a process that was searched before: it has the next round.
        for inode in wanted.into_values().flatten().filter(|inode| self.sought.contains(inode)) {
            let pause = self
                .hopeless
                .get(&inode)
                .map_or(GIVE_UP_FOR, |before| (before.pause * 2).min(GIVE_UP_AT_MOST));
            let until = now + pause;
            self.hopeless.insert(inode, Hopeless { until, pause });
        }
        self.sought.clear();
    }

    /// Whether a process was searched in this round and has opened nothing since.
    fn is_searched(&self, process: &Process) -> bool {
        self.searched
            .get(&process.pid)
            .is_some_and(|searched| searched.round == self.round && searched.open_files == process.open_files)
    }

    /// Whether a process may have come by a socket since it was last searched.
    fn has_run(&self, process: &Process) -> bool {
        let now = (process.start, process.jiffies, process.open_files);
        self.searched
            .get(&process.pid)
            .is_none_or(|searched| (searched.start, searched.jiffies, searched.open_files) != now)
    }

    /// Small ranks are searched first.
    fn rank(&self, process: &Process, likely: &HashSet<u32>, wanted: &BTreeMap<u32, HashSet<u64>>) -> (u8, u8, std::cmp::Reverse<u64>) {
        let elsewhere = u8::from(!wanted.contains_key(&process.netns));
        let changed = self.searched.get(&process.pid).map(|searched| searched.open_files) != Some(process.open_files);
        let familiarity = match (likely.contains(&process.pid) || likely.contains(&process.ppid), changed) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => 2,
        };
        (elsewhere, familiarity, std::cmp::Reverse(process.start))
    }

    /// Forgets sockets that are gone and processes that ended.
    pub fn retain(&mut self, live: &HashSet<u64, foldhash::fast::RandomState>, snapshot: &Snapshot) {
        self.by_inode
            .retain(|inode, pid| live.contains(inode) && snapshot.get(*pid).is_some());
        self.searched.retain(|pid, _| snapshot.get(*pid).is_some());
        self.hopeless.retain(|inode, _| live.contains(inode));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// A process with so many sockets, numbered from `first`.
    fn process(root: &std::path::Path, pid: u32, first: u64, count: u64) -> Arc<Process> {
        let directory = root.join(format!("{pid}/fd"));
        std::fs::create_dir_all(&directory).unwrap();
        for number in 0..count {
            let target = format!("socket:[{}]", first + number);
            std::os::unix::fs::symlink(target, directory.join(number.to_string())).unwrap();
        }
        Arc::new(Process {
            pid,
            open_files: u32::try_from(count).unwrap(),
            netns: 1,
            ..Process::default()
        })
    }

    #[test]
    fn a_socket_that_nobody_holds_is_given_up_however_many_files_there_are() {
        let directory = tempfile::tempdir().unwrap();
        let processes: Vec<_> = (0..3_u32)
            .map(|pid| process(directory.path(), pid + 1, 10_000 * u64::from(pid + 1), 5_000))
            .collect();
        let (root, snapshot) = (ProcRoot::open(directory.path()).unwrap(), Snapshot::new(processes, 1, 1));
        let mut owners = Owners::default();
        let mut search = |now| {
            owners.search(&root, &snapshot, &[(1, 99), (1, 34_999)], &HashSet::new(), now);
            (owners.get(34_999), owners.hopeless.get(&99).map(|hopeless| hopeless.until))
        };
        assert_eq!(search(0).1, None, "more files than one call may read");
        assert_eq!(
            search(1000),
            (Some(3), Some(1000 + GIVE_UP_FOR)),
            "the second call has seen them all"
        );
        let rounds = |owners: &Owners| owners.round;
        search(2000);
        assert_eq!(rounds(&owners), 1, "nothing is searched while there is no hope");
        owners.search(&root, &snapshot, &[(1, 99)], &HashSet::new(), 12_000);
        assert_eq!(
            owners.hopeless[&99].until,
            12_000 + 2 * GIVE_UP_FOR,
            "each time for longer, and at once where no process ran"
        );
        std::os::unix::fs::symlink("socket:[99]", directory.path().join("2/fd/5000")).unwrap();
        let mut ran = snapshot.processes().to_vec();
        ran[1] = Arc::new(Process {
            jiffies: 1,
            ..(*ran[1]).clone()
        });
        owners.search(&root, &Snapshot::new(ran, 1, 1), &[(1, 99)], &HashSet::new(), 40_000);
        assert_eq!(owners.get(99), Some(2), "a process that ran may have come by it");
        owners.retain(&HashSet::default(), &snapshot);
        assert!(owners.hopeless.is_empty());
    }
}
