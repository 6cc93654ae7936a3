//! The control groups that processes are in: each is kept once, however many processes it has, and its CPU clock tells whether any of them ran.
//!
//! A clock is one small file, kept open. While it stands still, none of the group's processes needs to be looked at.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::cgroup::{CpuClock, Membership, UsageReader};

/// Clocks that are kept open at most; the processes of groups beyond are read in turn, as where there are no clocks.
const MAX_CLOCKS: usize = 1024;
/// References to a group's membership from which on it counts as having several processes: its own, and one of each process' versions.
const SEVERAL: usize = 4;
/// Groups without processes are forgotten so often, in walks.
const FORGET_EVERY: u64 = 64;

/// Where a membership lies in memory: what tells one from the other while it is held here.
type Address = usize;

/// The groups of all processes.
#[derive(Debug, Default)]
pub(super) struct Groups {
    reader: Option<UsageReader>,
    by_text: HashMap<Box<[u8]>, Arc<Membership>, foldhash::fast::RandomState>,
    clocks: BTreeMap<Address, Clock>,
}

#[derive(Debug)]
struct Clock {
    file: CpuClock,
    nanos: Option<u64>,
    /// The walk in which it was last found to have moved.
    moved: u64,
}

impl Groups {
    /// With `reader`, clocks are read; without, all groups may have moved at any time.
    pub fn new(reader: Option<UsageReader>) -> Self {
        Self { reader, ..Self::default() }
    }

    /// Reads the clocks: to be called at the beginning of each walk, before any process is read.
    pub fn advance(&mut self, walk: u64) {
        if walk.is_multiple_of(FORGET_EVERY) {
            self.by_text.retain(|_, membership| Arc::strong_count(membership) > 1);
            let held: Vec<Address> = self.by_text.values().map(address).collect();
            self.clocks.retain(|at, _| held.contains(at));
        }
        for clock in self.clocks.values_mut() {
            let nanos = clock.file.nanos();
            if nanos.is_none() || nanos != clock.nanos {
                (clock.nanos, clock.moved) = (nanos, walk);
            }
        }
    }

    /// The membership that the text of `/proc/<pid>/cgroup` says.
    pub fn membership(&mut self, text: &[u8]) -> Arc<Membership> {
        let membership = match self.by_text.get(text) {
            Some(known) => Arc::clone(known),
            None => {
                let parsed = Arc::new(Membership::parse(&String::from_utf8_lossy(text)));
                self.by_text.insert(text.into(), Arc::clone(&parsed));
                parsed
            }
        };
        self.open_clock(&membership);
        membership
    }

    /// Containers have clocks, because theirs are reported; other groups where that saves something.
    fn open_clock(&mut self, membership: &Arc<Membership>) {
        let worthwhile = membership.container().is_some() || Arc::strong_count(membership) >= SEVERAL;
        if !worthwhile || self.clocks.len() >= MAX_CLOCKS || self.clocks.contains_key(&address(membership)) {
            return;
        }
        if let Some(file) = self.reader.as_ref().and_then(|reader| reader.cpu_clock(membership)) {
            // Not read yet: processes that were read in this walk may have run since.
            let clock = Clock {
                file,
                nanos: None,
                moved: 0,
            };
            self.clocks.insert(address(membership), clock);
        }
    }

    /// Whether nothing in a group has run since a process of it was read, in the walk `since`.
    pub fn stood_still(&self, membership: &Arc<Membership>, since: u64) -> bool {
        self.clocks
            .get(&address(membership))
            .is_some_and(|clock| clock.nanos.is_some() && clock.moved <= since)
    }

    /// The CPU time of each group that has a clock, nanoseconds.
    pub fn cpu_nanos(&self) -> BTreeMap<Address, u64> {
        self.clocks.iter().filter_map(|(at, clock)| Some((*at, clock.nanos?))).collect()
    }
}

/// Where a membership lies.
pub(super) fn address(membership: &Arc<Membership>) -> Address {
    Arc::as_ptr(membership).addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTAINER: &str = "4:cpuacct:/docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n";

    #[test]
    fn a_group_stands_still_while_its_clock_does_and_is_one_for_all_its_processes() {
        let root = tempfile::tempdir().unwrap();
        let group = root.path().join(CONTAINER.trim().replacen("4:cpuacct:", "cpuacct", 1));
        std::fs::create_dir_all(&group).unwrap();
        std::fs::write(root.path().join("cpuacct/cpuacct.usage"), "0\n").unwrap();
        let clock = |nanos: u64| std::fs::write(group.join("cpuacct.usage"), format!("{nanos}\n")).unwrap();
        clock(5);
        let mut groups = Groups::new(Some(UsageReader::new(root.path())));
        groups.advance(1);
        let (one, other) = (groups.membership(CONTAINER.as_bytes()), groups.membership(CONTAINER.as_bytes()));
        assert!(Arc::ptr_eq(&one, &other));
        assert!(!groups.stood_still(&one, 1), "its clock has not been read yet");
        groups.advance(2);
        assert!(!groups.stood_still(&one, 1), "it may have run since the first walk");
        assert!(groups.stood_still(&one, 2));
        assert_eq!(groups.cpu_nanos()[&address(&one)], 5);
        groups.advance(3);
        assert!(groups.stood_still(&one, 2));
        clock(6);
        groups.advance(4);
        assert!(!groups.stood_still(&one, 3) && groups.stood_still(&one, 4));
        drop((one, other));
        groups.advance(FORGET_EVERY);
        assert!(groups.clocks.is_empty() && groups.by_text.is_empty(), "its last process is gone");
    }

    #[test]
    fn without_a_clock_nothing_is_known_to_stand_still() {
        let mut groups = Groups::default();
        let membership = groups.membership(CONTAINER.as_bytes());
        groups.advance(1);
        assert!(!groups.stood_still(&membership, 1));
    }
}
