//! The sources of connections, run by one thread: sweeps, events, connection tracking, and the search for processes.
//!
//! [`Sensors`] touches the kernel and must stay on its thread; what it learns goes into [`Known`], which anybody may read under its lock.
//! Sweeps gather first and lock after, so that nobody waits for the kernel.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use super::listeners::{Listener, Listeners};
use super::namespaces::{Namespace, Namespaces, Wanted};
use super::nat::Nat;
use super::owners::Owners;
use super::report::Brief;
use super::table::{Half, Key, LINGER, Millis, Side, Sighting, Swept, Table};
use super::tracker::{Options, Status, Tier};
use crate::conntrack::Flow;
use crate::dns::{ForwardNames, Snooper};
use crate::ebpf::{self, Event, EventKind};
use crate::netlink::Drained;
use crate::proc::{ProcRoot, Snapshot};
use crate::sockets::{Activity, Protocol, Socket, State, parse_table};

/// Range that the kernel has when nobody changed it.
const DEFAULT_EPHEMERAL: (u16, u16) = (32_768, 60_999);
/// Time one tick may spend on sweeping where events tell what happens; the rest of the namespaces comes in the next ticks.
const SWEEP_WITH_EVENTS: u128 = 3_000;
/// The same, microseconds, where sweeps are the main source.
const SWEEP_WITHOUT_EVENTS: u128 = 20_000;
/// How often what is remembered of processes' sockets is compared with what is still there.
const FORGET_OWNERS_EVERY: Millis = 10_000;
/// Flows of other namespaces are followed too; each of their sockets gets a smaller buffer than the host's.
const MAX_BRIEFS: usize = 16_384;

/// What is known; shared between the thread that learns and the one that reports.
#[derive(Debug)]
pub struct Known {
    /// Connections.
    pub table: Table,
    /// Listening sockets.
    pub listeners: Listeners,
    /// Address translation.
    pub nat: Nat,
    /// Which namespace has which address.
    pub homes: HashMap<IpAddr, u32, foldhash::fast::RandomState>,
    /// Processes that spoke, as the kernel named them then.
    pub briefs: HashMap<u32, Brief, foldhash::fast::RandomState>,
    /// Tier, reason and losses.
    pub status: Status,
    /// Another number after anything else that a report is made of may have changed.
    pub news: u64,
}

impl Known {
    /// Who listens at a connection's server end, and in which namespace, if that end is on this machine.
    #[must_use]
    pub fn listener_of(&self, key: &Key) -> Option<(u32, &Listener)> {
        let netns = if key.netns == 0 {
            *self.homes.get(&key.server.ip())?
        } else {
            key.netns
        };
        Some((netns, self.listeners.find(netns, key.protocol, key.server)?))
    }
}

/// The sources.
#[derive(Debug)]
pub struct Sensors {
    root: ProcRoot,
    namespaces: Namespaces,
    owners: Owners,
    ebpf: Option<ebpf::Source>,
    dns: Option<Snooper>,
    tier: Tier,
    find_processes: bool,
    known: Arc<Mutex<Known>>,
    snapshot: Arc<Snapshot>,
    /// Whether everything must be swept at once: at first, and after lost events.
    sweep_all: bool,
    /// Events of other namespaces are dropped; `None` for no such limit.
    only: Option<HashSet<u32>>,
    forgot_owners: Millis,
}

impl Sensors {
    /// Opens the best sources that work, on the thread that will use them.
    ///
    /// # Errors
    /// When not even `/proc` can be read.
    pub fn open(options: &Options, names: ForwardNames) -> io::Result<Self> {
        let root = ProcRoot::open(&options.proc_root)?;
        let (tier, ebpf, reason) = super::tiers::choose(options);
        let with_events = tier == Tier::Ebpf;
        let wanted = Wanted {
            diag: tier != Tier::Proc,
            destroy: tier == Tier::Diag,
            conntrack: options.conntrack.then_some(!with_events),
            conntrack_buffer: options.conntrack_buffer,
        };
        let namespaces = Namespaces::new(root.clone(), wanted)?;
        let known = Known {
            table: Table::default(),
            listeners: Listeners::new(ephemeral_ports(&root)),
            nat: Nat::default(),
            homes: HashMap::default(),
            briefs: HashMap::default(),
            status: Status {
                tier,
                reason,
                lost_events: 0,
            },
            news: 0,
        };
        Ok(Self {
            root,
            namespaces,
            owners: Owners::default(),
            ebpf,
            dns: options.dns.then(|| open_snooper(names)).flatten(),
            tier,
            find_processes: options.processes,
            known: Arc::new(Mutex::new(known)),
            snapshot: Arc::new(Snapshot::default()),
            sweep_all: true,
            only: None,
            forgot_owners: 0,
        })
    }

    /// What is known, for the reporting side.
    #[must_use]
    pub fn known(&self) -> Arc<Mutex<Known>> {
        Arc::clone(&self.known)
    }

    /// Drops the events of all namespaces but these, so that several sensors can play several hosts on one kernel.
    pub fn confine(&mut self, namespaces: HashSet<u32>) {
        self.only = Some(namespaces);
    }

    /// Reads the events that wait. Cheap; to be called several times a second, and soon again if there were so many that more of them would
    /// not have found room (true).
    pub fn drain(&mut self, now: Millis) -> bool {
        let many = self.drain_ebpf(now);
        self.drain_namespaces(now);
        if let Some(dns) = &mut self.dns {
            dns.drain();
        }
        many
    }

    /// One round: namespaces that came and went, sweeps within the time allowed, and processes of new sockets.
    pub fn tick(&mut self, snapshot: Arc<Snapshot>, now: Millis) {
        self.snapshot = snapshot;
        let gone = self.namespaces.refresh(&self.snapshot, now);
        self.drain(now);
        let swept = self.sweep(now);
        let mut known = self.known.lock();
        for inode in &gone {
            known.listeners.forget(*inode);
            known.nat.end_all(*inode, now);
            known.table.end_tracked(*inode, now);
        }
        known.table.end_namespaces(&gone, now);
        known.table.end_unseen(&swept, now);
        known.table.prune(now);
        known.nat.prune(now);
        let snapshot = &self.snapshot;
        known
            .briefs
            .retain(|pid, brief| now.saturating_sub(brief.seen) < 2 * LINGER || snapshot.get(*pid).is_some());
        let addresses = self
            .namespaces
            .iter()
            .flat_map(|(inode, namespace)| namespace.addresses.iter().map(move |address| (*address, inode)));
        let homes = addresses.collect();
        if known.homes != homes {
            known.homes = homes;
            known.news += 1;
        }
        drop(known);
        if self.find_processes {
            self.find_owners(now);
        }
    }

    fn drain_ebpf(&mut self, now: Millis) -> bool {
        let Some(source) = &mut self.ebpf else { return false };
        let mut known = self.known.lock();
        let (own, snapshot, only) = (self.namespaces.own, &self.snapshot, &self.only);
        let known = &mut *known;
        let mut count = 0;
        let lost = source.drain(|mut event| {
            count += 1;
            if event.netns == 0 {
                event.netns = snapshot.get(event.pid).map_or(own, |process| process.netns);
            }
            if only.as_ref().is_none_or(|only| only.contains(&event.netns)) {
                apply(known, &event, now);
            }
        });
        if lost > 0 {
            known.status.lost_events = known.status.lost_events.saturating_add(lost);
            self.sweep_all = true;
        }
        known.news += u64::from(count > 0);
        count >= ebpf::MANY_EVENTS
    }

    fn drain_namespaces(&mut self, now: Millis) {
        let waiting = self.namespaces.with_events();
        for (inode, namespace) in self.namespaces.iter_mut().filter(|(inode, _)| waiting.contains(inode)) {
            if let Some(destroy) = &mut namespace.destroy {
                let mut ended = Vec::new();
                let drained = destroy.drain(|socket| ended.push(socket));
                if !matches!(drained, Ok(Drained::All)) {
                    namespace.tcp.doubt();
                }
                let mut known = self.known.lock();
                known.news += u64::from(!ended.is_empty());
                for socket in ended {
                    let sighting = sighting(&known.listeners, &known.homes, inode, &socket);
                    known.table.end(sighting, now);
                }
            }
            drain_conntrack(namespace, inode, &self.known, self.tier, now);
        }
    }

    /// Sweeps the namespaces whose turn it is; returns when each sweep began.
    fn sweep(&mut self, now: Millis) -> Swept {
        let with_events = self.tier == Tier::Ebpf;
        let budget = if with_events { SWEEP_WITH_EVENTS } else { SWEEP_WITHOUT_EVENTS };
        let mut turns: Vec<(Millis, u32, Protocol, Option<Activity>)> = Vec::new();
        for (inode, namespace) in self.namespaces.iter_mut() {
            let due = namespace.due(with_events, self.sweep_all, now).into_iter();
            turns.extend(due.map(|(last, protocol, activity)| (last, inode, protocol, activity)));
        }
        turns.sort_unstable_by_key(|(last, inode, protocol, _)| (*last, *inode, *protocol));
        let mut swept = Swept::new();
        let began = Instant::now();
        for (last, inode, protocol, activity) in turns {
            // New namespaces do not wait; the others share the time of this tick.
            if last != 0 && !self.sweep_all && began.elapsed().as_micros() > budget {
                break;
            }
            if self.sweep_one(inode, protocol, activity, now) {
                swept.insert((inode, protocol), now);
            }
        }
        self.sweep_all = false;
        swept
    }

    /// Sweeps one namespace. False if that did not work, in which case nothing is concluded from what was not seen.
    fn sweep_one(&mut self, inode: u32, protocol: Protocol, activity: Option<Activity>, now: Millis) -> bool {
        let Some(namespace) = self.namespaces.get_mut(inode) else {
            return false;
        };
        let mut sockets = Vec::new();
        let complete = match (&mut namespace.diag, protocol) {
            (Some(diag), Protocol::Tcp) => diag.tcp(true, |socket| sockets.push(socket)).is_ok(),
            (Some(diag), Protocol::Udp) => diag.udp(|socket| sockets.push(socket)).is_ok(),
            (None, _) => read_tables(&self.root, namespace.pid, protocol, &mut sockets),
        };
        let turn = match protocol {
            Protocol::Tcp => &mut namespace.tcp,
            Protocol::Udp => &mut namespace.udp,
        };
        let peers = sockets.iter().any(|socket| socket.state == State::Connected);
        turn.done(activity.filter(|_| complete), peers, now);
        for socket in sockets.iter().filter(|socket| socket.state == State::Connected) {
            // Addresses given since they were last listed.
            if !socket.local.ip().is_loopback() {
                namespace.addresses.insert(socket.local.ip());
            }
        }
        let mut known = self.known.lock();
        let known = &mut *known;
        if complete {
            let other = known.listeners.replace(inode, protocol, sockets.iter().copied());
            known.news += u64::from(other);
        }
        for socket in sockets.iter().filter(|socket| socket.state == State::Connected) {
            let sighting = sighting(&known.listeners, &known.homes, inode, socket);
            known.table.see(sighting, now);
        }
        complete
    }

    /// Finds the processes of live sockets that have none yet.
    fn find_owners(&mut self, now: Millis) {
        let (mut wanted, mut likely) = (Vec::new(), HashSet::new());
        {
            let known = self.known.lock();
            wanted.extend(known.listeners.unresolved());
            for (key, connection) in known.table.iter() {
                let unknown = |half: &Half| half.live && half.inode != 0 && half.pid == 0;
                if unknown(&connection.client) {
                    wanted.push((connection.client.netns, connection.client.inode));
                }
                if connection.server.pid != 0 {
                    continue;
                }
                // Without a process at the server's end, whoever listens there is the next best, and likely the one.
                let listener = known.listener_of(key);
                if let Some((netns, listener)) = listener {
                    likely.insert(listener.pid);
                    if listener.pid == 0 && listener.inode != 0 {
                        wanted.push((netns, listener.inode));
                    }
                }
                // What a process accepted whose listener cannot be found is not to be found either.
                let guarded = listener.is_some_and(|(_, listener)| listener.pid == 0 && self.owners.gave_up(listener.inode));
                if unknown(&connection.server) && !guarded {
                    wanted.push((connection.server.netns, connection.server.inode));
                }
            }
            likely.remove(&0);
        }
        if !wanted.is_empty() {
            self.owners.search(&self.root, &self.snapshot, &wanted, &likely, now);
            let mut known = self.known.lock();
            let owners = &self.owners;
            let resolved = known.listeners.resolve(|inode| owners.get(inode));
            known.news += u64::from(resolved);
            known.table.resolve(|inode| owners.get(inode));
        }
        if now.saturating_sub(self.forgot_owners) >= FORGET_OWNERS_EVERY {
            self.forgot_owners = now;
            self.forget_owners(&wanted);
        }
    }

    /// Forgets the owners of sockets that are neither live nor looked for.
    fn forget_owners(&mut self, wanted: &[(u32, u64)]) {
        let mut live: HashSet<u64, foldhash::fast::RandomState> = wanted.iter().map(|(_, inode)| *inode).collect();
        let known = self.known.lock();
        for (_, connection) in known.table.iter() {
            let halves = [&connection.client, &connection.server];
            live.extend(halves.iter().filter(|half| half.live && half.inode != 0).map(|half| half.inode));
        }
        drop(known);
        self.owners.retain(&live, &self.snapshot);
    }
}

fn open_snooper(names: ForwardNames) -> Option<Snooper> {
    Snooper::open(names)
        .inspect_err(|error| tracing::warn!("names that processes ask for stay unknown (needs CAP_NET_RAW): {error}"))
        .ok()
}

fn drain_conntrack(namespace: &mut Namespace, inode: u32, known: &Mutex<Known>, tier: Tier, now: Millis) {
    let Some(conntrack) = &mut namespace.conntrack else { return };
    let mut flows: Vec<Flow> = Vec::new();
    let mut dumped = false;
    if namespace.dump_flows {
        let dump = conntrack.dump(|flow| flows.push(flow));
        dumped = dump.is_ok();
        // A namespace without tracking refuses or has nothing; either way events tell when that changes.
        namespace.dump_flows = dump.is_err_and(|error| error.kind() == io::ErrorKind::TimedOut);
    }
    match conntrack.drain(|flow| flows.push(flow)) {
        Ok(Drained::All) => {}
        Ok(Drained::Overrun) => namespace.dump_flows = true,
        Err(_) => namespace.conntrack = None,
    }
    if flows.is_empty() && !dumped {
        return;
    }
    let mut known = known.lock();
    if dumped {
        known.nat.end_all(inode, now);
        known.table.end_tracked(inode, now);
    }
    for flow in flows {
        known.nat.note(&flow, inode, now);
        // Where no event tells of short-lived sockets, flows do; both ends' views, so that each joins its own.
        if tier != Tier::Ebpf && flow.protocol == Protocol::Tcp && (flow.established || flow.ended) {
            let client = Key::new(flow.protocol, flow.original.source, flow.original.destination, inode);
            known.table.track(client, inode, flow.ended, now);
        }
    }
}

/// What a socket with a peer says about its connection.
fn sighting(listeners: &Listeners, homes: &HashMap<IpAddr, u32, foldhash::fast::RandomState>, netns: u32, socket: &Socket) -> Sighting {
    let remote = if socket.remote.ip().is_loopback() {
        Some(netns)
    } else {
        homes.get(&socket.remote.ip()).copied()
    };
    let (side, certain) = listeners.side(netns, socket, remote);
    let (client, server) = match side {
        Side::Client => (socket.local, socket.remote),
        Side::Server => (socket.remote, socket.local),
    };
    Sighting {
        key: Key::new(socket.protocol, client, server, netns),
        side,
        certain,
        pid: 0,
        netns,
        inode: socket.inode,
        traffic: socket.traffic,
    }
}

/// Enters what the eBPF program saw.
fn apply(known: &mut Known, event: &Event, now: Millis) {
    let netns = event.netns;
    if event.pid != 0 && !event.comm.is_empty() && (known.briefs.len() < MAX_BRIEFS || known.briefs.contains_key(&event.pid)) {
        let brief = Brief {
            comm: event.comm.clone(),
            netns,
            seen: now,
        };
        known.briefs.insert(event.pid, brief);
    }
    let (side, client, server) = match event.kind {
        EventKind::Listening => {
            known.listeners.add(netns, Protocol::Tcp, event.local, event.pid);
            return;
        }
        EventKind::Connected => (Side::Client, event.local, event.remote),
        EventKind::Accepted => (Side::Server, event.remote, event.local),
        EventKind::Closed { accepted: false } => (Side::Client, event.local, event.remote),
        EventKind::Closed { accepted: true } => (Side::Server, event.remote, event.local),
        EventKind::ClosedUnknown => {
            let outgoing = Key::new(Protocol::Tcp, event.local, event.remote, netns);
            // Opened before the program ran: whatever the sweep made of it, else by the listeners.
            if known.table.get(&outgoing).is_some() || known.listeners.find(netns, Protocol::Tcp, event.local).is_none() {
                (Side::Client, event.local, event.remote)
            } else {
                (Side::Server, event.remote, event.local)
            }
        }
    };
    let sighting = Sighting {
        key: Key::new(Protocol::Tcp, client, server, netns),
        side,
        certain: event.kind != EventKind::ClosedUnknown,
        pid: event.pid,
        netns,
        inode: 0,
        traffic: None,
    };
    match event.kind {
        EventKind::Connected | EventKind::Accepted => known.table.see(sighting, now),
        _ => known.table.end(sighting, now),
    }
}

/// The last resort: `/proc/<pid>/net` of one process of the namespace. False if the IPv4 table cannot be read; there may be no IPv6.
fn read_tables(root: &ProcRoot, pid: u32, protocol: Protocol, sockets: &mut Vec<Socket>) -> bool {
    let (four, six) = match protocol {
        Protocol::Tcp => ("tcp", "tcp6"),
        Protocol::Udp => ("udp", "udp6"),
    };
    let mut text = Vec::new();
    let mut read = |file: &str| {
        let read = root.read_all(&format!("{pid}/net/{file}"), &mut text).is_ok();
        if read {
            parse_table(protocol, &text, |socket| sockets.push(socket));
        }
        read
    };
    let complete = read(four);
    read(six);
    complete
}

fn ephemeral_ports(root: &ProcRoot) -> (u16, u16) {
    let mut text = Vec::new();
    let parsed = root.read("sys/net/ipv4/ip_local_port_range", &mut text).ok().and_then(|()| {
        let text = String::from_utf8_lossy(&text);
        let mut numbers = text.split_whitespace().filter_map(|number| number.parse().ok());
        Some((numbers.next()?, numbers.next()?))
    });
    parsed.unwrap_or(DEFAULT_EPHEMERAL)
}
