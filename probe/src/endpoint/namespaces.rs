//! Network namespaces: one handle each, opened once by entering the namespace on the calling thread and leaving it again.
//!
//! Netlink sockets stay in the namespace they were opened in, so a namespace is entered once in its life. The handles keep a namespace
//! alive; they are dropped as soon as no process is left in it. Must run on a thread of its own: while a namespace is being opened,
//! everything else on the thread would be in it too.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::fs::{Mode, OFlags};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::pace::Turn;
use super::table::Millis;
use crate::conntrack::Conntrack;
use crate::netlink::{self, Netlink, attributes};
use crate::proc::{ProcRoot, Snapshot};
use crate::sockets::{Activity, ActivityFiles, DestroyEvents, Diag, Protocol};

/// Namespaces looked at, at most; each holds up to eight descriptors.
const MAX_NAMESPACES: usize = 1024;
/// How often a namespace's addresses are listed again.
const ADDRESSES_EVERY: Millis = 10_000;
const GET_ADDRESSES: u16 = 22;
const NEW_ADDRESS: u16 = 20;

/// What to open in each namespace.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Sweeps by `sock_diag`.
    pub diag: bool,
    /// Events of destroyed sockets.
    pub destroy: bool,
    /// Connection tracking, and whether every state change is wanted.
    pub conntrack: Option<bool>,
    /// Receive buffer of connection tracking, bytes.
    pub conntrack_buffer: usize,
}

/// One network namespace.
#[derive(Debug)]
pub struct Namespace {
    /// A process in it: the lowest pid.
    pub pid: u32,
    /// Sweeps.
    pub diag: Option<Diag>,
    /// Destroyed sockets.
    pub destroy: Option<DestroyEvents>,
    /// Connection tracking, and whether it has been dumped.
    pub conntrack: Option<Conntrack>,
    /// Whether tracked flows must be dumped: at first and after losses.
    pub dump_flows: bool,
    /// Addresses of its interfaces, loopback left out.
    pub addresses: HashSet<IpAddr>,
    /// When its TCP sockets are swept.
    pub tcp: Turn,
    /// When its UDP sockets are swept.
    pub udp: Turn,
    activity: Option<ActivityFiles>,
    route: Option<Netlink>,
    listed: Option<Millis>,
}

/// All namespaces that hold processes.
#[derive(Debug)]
pub struct Namespaces {
    root: ProcRoot,
    home: OwnedFd,
    /// Inode of the namespace the probe itself runs in.
    pub own: u32,
    wanted: Wanted,
    by_inode: BTreeMap<u32, Namespace>,
    /// What last went wrong when entering a namespace; for the log, once.
    trouble: Option<String>,
}

impl Namespaces {
    /// Remembers the calling thread's namespace as home.
    ///
    /// # Errors
    /// When the thread's own namespace cannot be opened.
    pub fn new(root: ProcRoot, wanted: Wanted) -> io::Result<Self> {
        let home = rustix::fs::openat(root.fd(), "thread-self/ns/net", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        let own = root.link_inode("thread-self/ns/net", b"net").unwrap_or(0);
        Ok(Self {
            root,
            home,
            own: u32::try_from(own).unwrap_or(0),
            wanted,
            by_inode: BTreeMap::new(),
            trouble: None,
        })
    }

    /// Opens namespaces that appeared and drops those that hold no process any more, whose inodes it returns.
    pub fn refresh(&mut self, snapshot: &Snapshot, now: Millis) -> Vec<u32> {
        let mut present: HashMap<u32, u32, foldhash::fast::RandomState> = HashMap::default();
        for process in snapshot.processes() {
            if process.netns != 0 && (present.len() < MAX_NAMESPACES || present.contains_key(&process.netns)) {
                present.entry(process.netns).or_insert(process.pid);
            }
        }
        let gone: Vec<u32> = self.by_inode.keys().filter(|inode| !present.contains_key(inode)).copied().collect();
        for inode in &gone {
            self.by_inode.remove(inode);
        }
        let mut present: Vec<_> = present.into_iter().collect();
        present.sort_unstable();
        for (inode, pid) in present {
            if let Some(namespace) = self.by_inode.get_mut(&inode) {
                namespace.pid = pid;
            } else {
                let namespace = self.open(inode, pid);
                self.by_inode.insert(inode, namespace);
            }
        }
        for namespace in self.by_inode.values_mut() {
            namespace.list_addresses(now);
        }
        gone
    }

    /// All of them, by inode.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut Namespace)> {
        self.by_inode.iter_mut().map(|(inode, namespace)| (*inode, namespace))
    }

    /// All of them, by inode.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Namespace)> {
        self.by_inode.iter().map(|(inode, namespace)| (*inode, namespace))
    }

    /// The inodes of those where events wait, or must be asked for: one call for all, because most of the time there are none.
    #[must_use]
    pub fn with_events(&self) -> HashSet<u32> {
        let mut sockets: Vec<(u32, BorrowedFd<'_>)> = Vec::new();
        let mut waiting = HashSet::new();
        for (inode, namespace) in &self.by_inode {
            sockets.extend(namespace.destroy.iter().map(|events| (*inode, events.as_fd())));
            sockets.extend(namespace.conntrack.iter().map(|events| (*inode, events.as_fd())));
            waiting.extend(namespace.dump_flows.then_some(*inode));
        }
        let mut polled: Vec<_> = sockets.iter().map(|(_, socket)| PollFd::new(*socket, PollFlags::POLLIN)).collect();
        match poll(&mut polled, PollTimeout::ZERO) {
            // An overrun shows as an error, which reading clears.
            Ok(_) => {
                let ready = polled.iter().map(|polled| polled.revents().is_none_or(|events| !events.is_empty()));
                waiting.extend(sockets.iter().zip(ready).filter(|(_, ready)| *ready).map(|((inode, _), _)| *inode));
            }
            Err(_) => waiting.extend(sockets.iter().map(|(inode, _)| *inode)),
        }
        waiting
    }

    /// One of them.
    pub fn get_mut(&mut self, inode: u32) -> Option<&mut Namespace> {
        self.by_inode.get_mut(&inode)
    }

    fn open(&mut self, inode: u32, pid: u32) -> Namespace {
        let entered = if inode == self.own {
            Ok(false)
        } else {
            self.enter(inode, pid).map(|()| true)
        };
        let mut namespace = match &entered {
            Ok(_) => Namespace::open_here(pid, self.wanted),
            Err(error) => {
                let text = format!("cannot enter network namespaces, sockets there stay unseen (run as root): {error}");
                if self.trouble.as_ref() != Some(&text) {
                    tracing::warn!(pid, "{text}");
                    self.trouble = Some(text);
                }
                // Still listed, so that `/proc/<pid>/net` can serve.
                Namespace::closed(pid)
            }
        };
        namespace.activity = ActivityFiles::open(&self.root, pid).ok();
        if matches!(entered, Ok(true))
            && let Err(error) = move_into_link_name_space(self.home.as_fd(), Some(LinkNameSpaceType::Network))
        {
            tracing::error!("cannot return to the probe's own network namespace: {error}");
        }
        namespace
    }

    fn enter(&self, inode: u32, pid: u32) -> io::Result<()> {
        let path = format!("{pid}/ns/net");
        let target = rustix::fs::openat(self.root.fd(), path.as_str(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        if self.root.link_inode(&path, b"net") != Some(u64::from(inode)) {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the process moved on"));
        }
        Ok(move_into_link_name_space(target.as_fd(), Some(LinkNameSpaceType::Network))?)
    }
}

impl Namespace {
    fn closed(pid: u32) -> Self {
        Self {
            pid,
            diag: None,
            destroy: None,
            conntrack: None,
            dump_flows: false,
            addresses: HashSet::new(),
            tcp: Turn::new(Protocol::Tcp),
            udp: Turn::new(Protocol::Udp),
            activity: None,
            route: None,
            listed: None,
        }
    }

    /// Opens what is wanted in the namespace that the thread is in. What the kernel refuses is left out; `doctor` tells why.
    fn open_here(pid: u32, wanted: Wanted) -> Self {
        let conntrack = wanted
            .conntrack
            .and_then(|every_change| Conntrack::open(every_change, wanted.conntrack_buffer).ok());
        Self {
            diag: wanted.diag.then(|| Diag::open().ok()).flatten(),
            destroy: wanted.destroy.then(|| DestroyEvents::open().ok()).flatten(),
            dump_flows: conntrack.is_some(),
            conntrack,
            route: Netlink::open(None, 0, 0).ok(),
            ..Self::closed(pid)
        }
    }

    /// The protocols whose sockets are to be swept now, when that was last done, and the counters as they are before.
    pub fn due(&mut self, with_events: bool, all: bool, now: Millis) -> Vec<(Millis, Protocol, Option<Activity>)> {
        let mut due = Vec::new();
        for (turn, protocol) in [(&mut self.tcp, Protocol::Tcp), (&mut self.udp, Protocol::Udp)] {
            if all || turn.is_to_be_looked_at(with_events, now) {
                let activity = self.activity.as_ref().and_then(|files| files.read(protocol));
                if turn.is_due(with_events, activity, now) || all {
                    due.push((turn.swept(), protocol, activity));
                }
            }
        }
        due
    }

    fn list_addresses(&mut self, now: Millis) {
        if self.listed.is_some_and(|listed| now.saturating_sub(listed) < ADDRESSES_EVERY) {
            return;
        }
        self.listed = Some(now);
        let Some(route) = &mut self.route else { return };
        let mut addresses = HashSet::new();
        let listed = route.request(GET_ADDRESSES, netlink::DUMP, &[0; 8], |message| {
            if message.kind == NEW_ADDRESS
                && let Some(address) = interface_address(message.payload)
                && !address.is_loopback()
            {
                addresses.insert(address);
            }
        });
        if listed.is_ok() {
            self.addresses = addresses;
        }
    }
}

/// The address in a `RTM_NEWADDR`: the local one where the interface has a peer.
#[must_use]
pub fn interface_address(payload: &[u8]) -> Option<IpAddr> {
    const HEADER: usize = 8;
    let (mut address, mut local) = (None, None);
    for (kind, value) in attributes(payload.get(HEADER..)?) {
        let parsed = match value.len() {
            4 => <[u8; 4]>::try_from(value).ok().map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes))),
            16 => <[u8; 16]>::try_from(value).ok().map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes))),
            _ => None,
        };
        match kind {
            1 => address = parsed,
            2 => local = parsed,
            _ => {}
        }
    }
    local.or(address)
}
