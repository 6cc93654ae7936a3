//! The reports that a fleet sends, generated and compressed once: one cycle of each of a few hosts, played over and over.
//!
//! A cycle begins with a full report; the others are relative to it, so that after the last one the cycle can begin again under higher
//! sequence numbers: a relay that does not decode cannot tell. Probes share the bodies of a few hosts; the relay cannot tell that either.

use bytes::Bytes;
use scope_app::generate::{Cluster, Dialect, Shape, Stream};
use std::time::Duration;

/// Hosts that are generated; more would cost memory and time and make no difference to a server that does not decode.
const HOSTS: usize = 8;
/// Full reports of ours: every so many.
const FULL_EVERY: u64 = 15;
/// Reports in a cycle of the original's: three full ones, each with two sparse ones after it.
const PLAIN_CYCLE: u64 = 9;

/// Whose way of sending reports is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Our probe's: every second, fifteenth in full, deltas between.
    Ours,
    /// Weave Scope's: every three seconds, third in full, sparse ones between, no sequence numbers.
    Original,
}

impl Way {
    /// Time between two reports of a probe.
    #[must_use]
    pub const fn interval(self) -> Duration {
        match self {
            Self::Ours => Duration::from_secs(1),
            Self::Original => Duration::from_secs(3),
        }
    }
}

/// The cluster that every cell is measured with: 100 containers, 1,000 processes and about 2,000 endpoints a host. Every metric of every
/// process and container changes each second, each second a thirtieth of the connections is replaced, and each minute every container.
#[must_use]
pub const fn shape(hosts: usize) -> Shape {
    Shape {
        hosts,
        containers: 100,
        endpoints: 20,
        connection_seconds: 30,
        container_seconds: 60,
        seed: 1,
    }
}

/// How our probe sends, for the generator.
#[must_use]
pub const fn dialect(way: Way) -> Dialect {
    match way {
        Way::Ours => Dialect::Ours { full_every: FULL_EVERY },
        Way::Original => Dialect::Original,
    }
}

/// Generated reports.
pub struct Library {
    way: Way,
    hosts: Vec<Vec<Bytes>>,
}

impl Library {
    /// Generates a cycle of each host. Takes seconds.
    #[must_use]
    pub fn generate(way: Way, shape: Shape) -> Self {
        let cluster = Cluster::new(shape);
        let count = match way {
            Way::Ours => FULL_EVERY,
            Way::Original => PLAIN_CYCLE,
        };
        let host = |host| {
            let mut stream = Stream::new(cluster, host, dialect(way));
            (0..count).map(|_| Bytes::from(stream.next_body().bytes)).collect()
        };
        Self {
            way,
            hosts: (0..cluster.shape().hosts).map(host).collect(),
        }
    }

    /// The library of the cells.
    #[must_use]
    pub fn standard(way: Way) -> Self {
        Self::generate(way, shape(HOSTS))
    }

    /// Whose way these reports are for.
    #[must_use]
    pub const fn way(&self) -> Way {
        self.way
    }

    /// The cycle that a probe plays; its first report is a full one.
    #[must_use]
    pub fn cycle(&self, probe: usize) -> &[Bytes] {
        self.hosts.get(probe % self.hosts.len().max(1)).map_or(&[], Vec::as_slice)
    }

    /// Mean sizes in bytes of the full reports and of the others.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize) {
        let every = match self.way {
            Way::Ours => FULL_EVERY,
            Way::Original => 3,
        } as usize;
        let mean = |full: bool| {
            let wanted = |(at, body): (usize, &Bytes)| (at.is_multiple_of(every) == full).then(|| body.len());
            let sizes: Vec<usize> = self
                .hosts
                .iter()
                .flat_map(|cycle| cycle.iter().enumerate().filter_map(wanted))
                .collect();
            sizes.iter().sum::<usize>() / sizes.len().max(1)
        };
        (mean(true), mean(false))
    }
}
