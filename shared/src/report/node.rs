//! One node of a topology: what a probe says of one process, container, endpoint, host…

use smol_str::SmolStr;

use super::extra::Extra;
use super::map::{StringSet, VecMap};
use crate::time::Timestamp;

/// A node. The key under which a topology holds it is its identity; `id` may be empty in sparse reports.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// Normally the key of the node; empty in sparse reports.
    pub id: SmolStr,
    /// Name of the topology it belongs to; empty in sparse reports.
    pub topology: SmolStr,
    /// Sets of strings, e.g. `docker_container_ips`.
    pub sets: VecMap<StringSet>,
    /// Ids this node has an edge to (same topology).
    pub adjacency: StringSet,
    /// Newest value per key.
    pub latest: VecMap<Latest>,
    /// Metrics by id.
    pub metrics: VecMap<Metric>,
    /// Parents: topology name to node ids.
    pub parents: VecMap<StringSet>,
    /// Children; made by rendering, never sent by a probe. Sorted by id.
    pub children: Vec<Node>,
    /// Ours, in deltas only: keys of `latest` that the base has and this node no longer does.
    pub dropped_latest: Vec<SmolStr>,
    /// Fields this build does not know, kept as they came.
    pub extra: Extra,
}

/// A value and when it was observed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latest {
    /// When it was observed.
    pub timestamp: Timestamp,
    /// The value; numbers are decimal text.
    pub value: SmolStr,
}

/// A series of samples, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metric {
    /// Samples, ascending by date.
    pub samples: Vec<Sample>,
    /// Smallest sample.
    pub min: f64,
    /// Largest sample, or the capacity where there is one (memory limit, 100 for percent).
    pub max: f64,
}

/// One sample of a metric.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// When it was taken.
    pub date: Timestamp,
    /// Its value in the metric's unit (bytes, percent, a count).
    pub value: f64,
}

impl Metric {
    /// A metric of one sample; `max` is the capacity.
    #[must_use]
    pub fn single(date: Timestamp, value: f64, max: f64) -> Self {
        Self {
            samples: vec![Sample { date, value }],
            min: value,
            max,
        }
    }

    /// The newest sample.
    #[must_use]
    pub fn last(&self) -> Option<Sample> {
        self.samples.last().copied()
    }
}

impl Node {
    /// A node with an id and a topology name.
    #[must_use]
    pub fn new(id: impl Into<SmolStr>, topology: impl Into<SmolStr>) -> Self {
        Self {
            id: id.into(),
            topology: topology.into(),
            ..Self::default()
        }
    }

    /// The newest value of `key`.
    #[must_use]
    pub fn latest(&self, key: &str) -> Option<&str> {
        self.latest.get(key).map(|entry| entry.value.as_str())
    }

    /// Sets `key` as observed at `timestamp`. An existing newer entry stays; of equal timestamps the existing one stays.
    pub fn set_latest(&mut self, key: &str, timestamp: Timestamp, value: impl Into<SmolStr>) {
        match self.latest.get_mut(key) {
            Some(entry) if !entry.timestamp.is_before(timestamp) => {}
            Some(entry) => {
                *entry = Latest {
                    timestamp,
                    value: value.into(),
                }
            }
            None => {
                self.latest.insert(
                    key,
                    Latest {
                        timestamp,
                        value: value.into(),
                    },
                );
            }
        }
    }

    /// Adds `member` to the set `key`.
    pub fn add_to_set(&mut self, key: &str, member: impl Into<SmolStr>) {
        self.sets.get_or_insert_with(key, StringSet::default).insert(member);
    }

    /// Adds a parent of a topology.
    pub fn add_parent(&mut self, topology: &str, id: impl Into<SmolStr>) {
        self.parents.get_or_insert_with(topology, StringSet::default).insert(id);
    }
}
