//! Which endpoint belongs to which process, container, pod and host, and the edges that follow: kept up to date change by change.
//!
//! Every endpoint has up to five targets: its process, its process's container, the container and the pod its address joins, its host (or
//! instead of each of them an Internet or service node). A connection between two endpoints is an edge between their targets, level by
//! level. Changing one endpoint touches the edges of its own connections and nothing else, so a delta costs what it changed.
//!
//! Only the targets that somebody asked for are kept ([`Depth`]). Those that are asked for later are found for all endpoints at once, and
//! their edges are counted in one pass; from then on they are kept up to date like the others.

mod few;
mod ids;
mod keys;
mod level;
mod resolve;
mod sites;
mod start;
mod update;

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use ipnet::IpNet;
use scope_shared::report::Node;
use scope_shared::trie::NetworkTrie;

use few::Few;
pub(crate) use ids::Ids;
pub(crate) use level::{Change, Level, LevelNode, NONE};
use sites::{Key, Sites};
pub(crate) use update::Touched;

/// Indexes of an endpoint's targets.
pub(crate) const PROCESS: usize = 0;
pub(crate) const PROCESS_CONTAINER: usize = 1;
pub(crate) const JOINED_CONTAINER: usize = 2;
pub(crate) const POD: usize = 3;
pub(crate) const HOST: usize = 4;

/// How much is kept of where endpoints belong, each including those before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Depth {
    /// Nothing: no one has asked.
    #[default]
    Nothing,
    /// Their processes.
    Processes,
    /// Their containers.
    Containers,
    /// Their pods and hosts.
    Everything,
}

impl Depth {
    /// How many of an endpoint's targets that are: the first ones.
    const fn targets(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Processes => 1,
            Self::Containers => 3,
            Self::Everything => 5,
        }
    }

    const fn next(self) -> Self {
        match self {
            Self::Nothing => Self::Processes,
            Self::Processes => Self::Containers,
            Self::Containers | Self::Everything => Self::Everything,
        }
    }
}

/// One endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) node: Option<Arc<Node>>,
    /// Endpoints it has connections to, ascending.
    pub(crate) out: Few,
    /// Endpoints with connections to it, ascending.
    pub(crate) incoming: Few,
    /// Its address, if anyone asked: of endpoints on a host only containers and pods do.
    site: u32,
    pub(crate) copy_of: u32,
    /// The process that its host and pid name, in `processes`.
    process: u32,
    /// Whether the reports name its host; only those without one can be external.
    has_host: bool,
    /// The node of that host, in `hosts`.
    host: u32,
    pub(crate) targets: [u32; 5],
}

impl Default for Endpoint {
    fn default() -> Self {
        Self {
            node: None,
            out: Few::default(),
            incoming: Few::default(),
            site: NONE,
            copy_of: NONE,
            process: NONE,
            has_host: false,
            host: NONE,
            targets: [NONE; 5],
        }
    }
}

/// Where a container's join key is kept.
#[derive(Clone, Copy, Debug)]
enum KeyPlace {
    Site(u32),
    Endpoint(u32),
}

/// The joins of one merged report.
#[derive(Clone, Debug, Default)]
pub(crate) struct Joins {
    depth: Depth,
    pub(crate) endpoint_ids: Ids,
    pub(crate) endpoints: Vec<Endpoint>,
    sites: Sites,
    /// Keys that name one endpoint in full (published ports), by endpoint.
    port_keys: HashMap<u32, Key, FixedState>,
    /// The keys each container and pod contributed, by slot.
    container_keys: Vec<Vec<KeyPlace>>,
    pod_sites: Vec<u32>,
    pub(crate) processes: Level,
    pub(crate) containers: Level,
    pub(crate) pods: Level,
    pub(crate) hosts: Level,
    /// The container of each process, by slot.
    container_of: Vec<u32>,
    networks: Vec<IpNet>,
    trie: NetworkTrie,
    /// The original renders no process graph at all, pseudo nodes included, while no process is reported.
    any_process: bool,
    /// For ids in the making.
    text: String,
}

impl Joins {
    fn level(&mut self, target: usize) -> &mut Level {
        match target {
            PROCESS => &mut self.processes,
            PROCESS_CONTAINER | JOINED_CONTAINER => &mut self.containers,
            POD => &mut self.pods,
            _ => &mut self.hosts,
        }
    }

    /// Whether so many slots are out of use that starting afresh is worth it: ids are never given back one by one.
    pub(crate) fn is_worn(&mut self, live_endpoints: usize) -> bool {
        let levels = [&mut self.processes, &mut self.containers, &mut self.pods, &mut self.hosts];
        self.endpoint_ids.len() > 4 * live_endpoints + 50_000
            || self.sites.len() > 4 * live_endpoints + 50_000
            || levels.into_iter().any(Level::is_worn)
    }
}
