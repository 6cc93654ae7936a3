//! The tracker as the rest of the probe sees it.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use scope_shared::report::{Report, SmolStr};
use scope_shared::time::Timestamp;
use smol_str::ToSmolStr;

use super::report::Sources;
use super::sensors::{Known, Sensors};
use crate::dns::{ForwardNames, Reverse, add_names};
use crate::local_networks::LocalNetworks;
use crate::proc::Snapshot;

/// How often events are read between two ticks: the kernel's buffers hold much more than comes in this time…
const DRAIN_EVERY: Duration = Duration::from_millis(200);
/// …and where they do not, how soon again.
const DRAIN_SOON: Duration = Duration::from_millis(20);

/// Counters of bytes, and whatever else changes without a connection coming or going, are reported this often at most.
const COUNTERS_EVERY: Duration = Duration::from_secs(5);

/// A report stands for so long at most, whatever happened.
const STANDS: Duration = Duration::from_secs(60);

/// Where connections come from, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// An eBPF program on the tracepoint `sock:inet_sock_set_state`: every connection, however short, with its process.
    Ebpf,
    /// Netlink `sock_diag` sweeps of every network namespace, with destroy events where the kernel offers them.
    Diag,
    /// `/proc/net/tcp` and `/proc/*/fd`.
    Proc,
}

impl Tier {
    /// As on the command line and in the host node.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ebpf => "ebpf",
            Self::Diag => "diag",
            Self::Proc => "proc",
        }
    }

    /// From the command line; `None` for `auto` (the best that works).
    #[must_use]
    pub fn from_flag(flag: &str) -> Option<Self> {
        [Self::Ebpf, Self::Diag, Self::Proc].into_iter().find(|tier| tier.name() == flag)
    }
}

/// What the tracker is told once.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name and id of this host.
    pub host_id: SmolStr,
    /// Use this tier (or a lesser one if it does not work); `None` for the best.
    pub tier: Option<Tier>,
    /// Whether eBPF may be used at all.
    pub ebpf: bool,
    /// Whether conntrack may be used.
    pub conntrack: bool,
    /// Receive buffer of the conntrack sockets, bytes.
    pub conntrack_buffer: usize,
    /// Find the processes behind sockets.
    pub processes: bool,
    /// Names by reverse look-up and from answers seen on the wire.
    pub dns: bool,
    /// Where the proc file system is mounted.
    pub proc_root: PathBuf,
    /// Networks that give endpoints this host's scope.
    pub local_networks: LocalNetworks,
}

/// What the tracker is told at each report.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The time of the report.
    pub now: Timestamp,
    /// The newest walk over the processes.
    pub processes: &'a Arc<Snapshot>,
}

/// How the tracker does; shown on the host node and by `doctor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The tier in use.
    pub tier: Tier,
    /// Why no better tier is in use; empty for the best.
    pub reason: String,
    /// Events that the kernel could not deliver since the start; sweeps make up for connections that still live.
    pub lost_events: u64,
}

/// Keeps track of connections, on a thread of its own.
#[derive(Debug)]
pub struct EndpointTracker {
    host_id: SmolStr,
    networks: LocalNetworks,
    known: Option<Arc<Mutex<Known>>>,
    ticks: Option<SyncSender<Arc<Snapshot>>>,
    failure: Option<String>,
    forward: ForwardNames,
    reverse: Option<Reverse>,
    latest: Option<Latest>,
}

/// The report made last: it stands while nothing changes but counters, and for longer while not even those do.
#[derive(Debug)]
struct Latest {
    report: Report,
    addresses: BTreeSet<IpAddr>,
    changes: (u64, u64),
    news: (u64, u64),
    made: Instant,
}

impl EndpointTracker {
    /// Starts the sources, with the first walk over the processes. Never fails: what does not work is left out, and [`EndpointTracker::status`] says why.
    #[must_use]
    pub fn start(options: Options, processes: Arc<Snapshot>) -> Self {
        let mut tracker = Self {
            host_id: options.host_id.clone(),
            networks: options.local_networks.clone(),
            known: None,
            ticks: None,
            failure: None,
            forward: ForwardNames::default(),
            reverse: options.dns.then(Reverse::start).flatten(),
            latest: None,
        };
        let (ready, opened) = sync_channel(1);
        // One waiting tick is enough: a newer snapshot says all that an older one does.
        let (ticks, inbox) = sync_channel(1);
        let thread = std::thread::Builder::new().name("scope-sockets".to_owned());
        let forward = tracker.forward.clone();
        let spawned = thread.spawn(move || work(&options, processes, forward, &ready, &inbox));
        match spawned.map_err(|error| error.to_string()).and_then(|_| {
            opened
                .recv()
                .map_err(|error| error.to_string())
                .and_then(|opened| opened.map_err(|error: std::io::Error| error.to_string()))
        }) {
            Ok(known) => {
                tracker.known = Some(known);
                tracker.ticks = Some(ticks);
            }
            Err(error) => {
                tracing::error!("connections cannot be collected, the report goes without them: {error}");
                tracker.failure = Some(error);
            }
        }
        tracker
    }

    /// The Endpoint topology as of now. Also brings Process nodes for processes that spoke and ended between two walks. Hands the walk to
    /// the tracker's thread and waits for nothing but a short lock.
    pub fn collect(&mut self, context: &Context<'_>) -> Report {
        if let Some(ticks) = &self.ticks
            && let Err(TrySendError::Disconnected(_)) = ticks.try_send(Arc::clone(context.processes))
        {
            self.failure = Some("the thread that follows sockets ended".to_owned());
        }
        let Some(known) = &self.known else {
            return Report::default();
        };
        let known = known.lock();
        let changes = (known.table.changes(), known.nat.changes());
        let news = (known.table.flows(), known.news);
        let stands = self.latest.as_ref().is_some_and(|latest| {
            let patience = if latest.news == news { STANDS } else { COUNTERS_EVERY };
            latest.changes == changes && latest.made.elapsed() < patience
        });
        if !stands {
            let sources = Sources {
                table: &known.table,
                listeners: &known.listeners,
                nat: &known.nat,
                homes: &known.homes,
                briefs: &known.briefs,
                processes: context.processes,
                networks: &self.networks,
                host_id: &self.host_id,
                now: context.now,
            };
            let (report, addresses) = sources.report();
            self.latest = Some(Latest {
                report,
                addresses,
                changes,
                news,
                made: Instant::now(),
            });
        }
        drop(known);
        let Some(latest) = &self.latest else { return Report::default() };
        let mut report = latest.report.clone();
        add_names(&mut report, latest.addresses.iter().copied(), &self.forward, self.reverse.as_ref());
        report
    }

    /// How it does.
    #[must_use]
    pub fn status(&self) -> Status {
        match (&self.known, &self.failure) {
            (Some(known), None) => known.lock().status.clone(),
            (_, failure) => Status {
                tier: Tier::Proc,
                reason: failure.clone().unwrap_or_default(),
                lost_events: 0,
            },
        }
    }

    /// Keys for `latest` of the host node: the tier, why no better one is in use, and losses if there were any.
    #[must_use]
    pub fn host_latest(&self) -> Vec<(&'static str, SmolStr)> {
        let status = self.status();
        let mut latest = vec![("scope_connection_tier", SmolStr::new_static(status.tier.name()))];
        if !status.reason.is_empty() {
            latest.push(("scope_connection_tier_reason", status.reason.into()));
        }
        if status.lost_events > 0 {
            latest.push(("scope_connection_events_lost", status.lost_events.to_smolstr()));
        }
        latest
    }
}

type Opened = std::io::Result<Arc<Mutex<Known>>>;

/// The tracker's thread: opens the sources, looks once by itself, then ticks when told and drains events in between.
fn work(options: &Options, first: Arc<Snapshot>, forward: ForwardNames, ready: &SyncSender<Opened>, inbox: &Receiver<Arc<Snapshot>>) {
    let opened = Sensors::open(options, forward);
    let mut sensors = match opened {
        Ok(sensors) => sensors,
        Err(error) => {
            // The receiver waits for exactly this; if it is gone, nobody is interested.
            drop(ready.send(Err(error)));
            return;
        }
    };
    if ready.send(Ok(sensors.known())).is_err() {
        return;
    }
    let began = Instant::now();
    let now = || u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1);
    // Do not make the first report wait for the second walk.
    sensors.tick(first, now());
    let mut many = false;
    loop {
        match inbox.recv_timeout(if many { DRAIN_SOON } else { DRAIN_EVERY }) {
            Ok(snapshot) => sensors.tick(snapshot, now()),
            Err(RecvTimeoutError::Timeout) => many = sensors.drain(now()),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
