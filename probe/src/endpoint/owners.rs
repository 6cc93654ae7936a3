//! Which process holds which socket: `/proc/<pid>/fd` read only when there is a socket whose process is not known, and only as far as
//! needed to find it.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::table::Millis;
use crate::proc::{ProcRoot, Process, Snapshot, socket_inodes};

/// Links read a call at most, about a microsecond each; the search goes on in the next call.
const LINKS_A_CALL: u32 = 8_000;
/// A socket that no process holds is searched for again after this time.
const GIVE_UP_FOR: Millis = 10_000;

/// Remembers who holds sockets.
#[derive(Debug, Default)]
pub struct Owners {
    by_inode: HashMap<u64, u32, foldhash::fast::RandomState>,
    /// Files a process had open when it was last searched: unchanged means that a new socket is more likely elsewhere.
    searched: HashMap<u32, u32, foldhash::fast::RandomState>,
    hopeless: HashMap<u64, Millis, foldhash::fast::RandomState>,
}

impl Owners {
    /// The process that holds a socket, if known.
    #[must_use]
    pub fn get(&self, inode: u64) -> Option<u32> {
        self.by_inode.get(&inode).copied()
    }

    /// Searches for sockets, given as (namespace, inode). `likely` are processes to look at first (those that listen).
    pub fn search(&mut self, root: &ProcRoot, snapshot: &Snapshot, sockets: &[(u32, u64)], likely: &HashSet<u32>, now: Millis) {
        self.hopeless.retain(|_, until| *until > now);
        let mut wanted: BTreeMap<u32, HashSet<u64>> = BTreeMap::new();
        for (netns, inode) in sockets {
            if !self.by_inode.contains_key(inode) && !self.hopeless.contains_key(inode) {
                wanted.entry(*netns).or_default().insert(*inode);
            }
        }
        if wanted.is_empty() {
            return;
        }
        let mut budget = LINKS_A_CALL;
        // Most sockets are held by a process of their namespace; the rest (passed on, inherited) may be anywhere.
        let mut candidates: Vec<&Process> = snapshot
            .processes()
            .iter()
            .map(AsRef::as_ref)
            .filter(|process| process.open_files > 0)
            .collect();
        candidates.sort_by_key(|process| self.rank(process, likely, &wanted));
        for process in candidates {
            if wanted.values().all(HashSet::is_empty) {
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
            self.searched.insert(process.pid, process.open_files);
            budget = budget.saturating_sub(scan.links.max(1));
        }
        let lost = wanted.into_values().flatten().map(|inode| (inode, now + GIVE_UP_FOR));
        self.hopeless.extend(lost);
    }

    /// Small ranks are searched first.
    fn rank(&self, process: &Process, likely: &HashSet<u32>, wanted: &BTreeMap<u32, HashSet<u64>>) -> (u8, u8, std::cmp::Reverse<u64>) {
        let elsewhere = u8::from(!wanted.contains_key(&process.netns));
        let changed = self.searched.get(&process.pid) != Some(&process.open_files);
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
    }
}
