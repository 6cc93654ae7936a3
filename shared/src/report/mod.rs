//! The report model: what one probe saw, or several merged. Plain data; encoding is in `wire`, merging in `merge`, differences in `delta`.

use std::collections::BTreeMap;
use std::sync::Arc;

mod extra;
pub mod keys;
mod kind;
mod map;
mod node;
mod template;

pub use extra::{Extra, Value};
pub use kind::{Defaults, Kind};
pub use map::{StringSet, VecMap};
pub use node::{Latest, Metric, Node, Sample};
pub use smol_str::SmolStr;
pub use template::{Column, Control, From, MetadataTemplate, MetricTemplate, PluginSpec, TableTemplate};

use crate::time::Timestamp;

/// Nodes of a topology by id, in id order. Shared, because a window holds the same node many times.
pub type Nodes = BTreeMap<SmolStr, Arc<Node>>;

/// What one probe saw at one time, or several such merged.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// When it was made; of a merged report the earliest.
    pub ts: Timestamp,
    /// The topologies every report has, indexed by [`Kind`]; see [`Report::topology`].
    pub topologies: Box<[Topology; Kind::ALL.len()]>,
    /// Topologies of kinds this build does not know, by wire key.
    pub others: BTreeMap<SmolStr, Topology>,
    /// Names of addresses, by the address' text.
    pub dns: BTreeMap<SmolStr, DnsRecord>,
    /// Always zero from today's probes.
    pub sampling: Sampling,
    /// Nanoseconds since the report before.
    pub window: i64,
    /// Sent at once because something happened.
    pub shortcut: bool,
    /// The probe's plugins by id; `None` is the wire's `null`.
    pub plugins: Option<BTreeMap<SmolStr, PluginSpec>>,
    /// Opaque.
    pub id: SmolStr,
    /// Ours, in deltas only: node ids that the base has and that are gone, by topology wire key.
    pub removed: BTreeMap<SmolStr, Vec<SmolStr>>,
    /// Fields this build does not know, kept as they came.
    pub extra: Extra,
}

/// One topology: its nodes and how they are shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Topology {
    /// Glyph; empty reads as a circle.
    pub shape: SmolStr,
    /// Badge on the glyph.
    pub tag: SmolStr,
    /// Singular.
    pub label: SmolStr,
    /// Plural.
    pub label_plural: SmolStr,
    /// Nodes by id.
    pub nodes: Nodes,
    /// Controls by id.
    pub controls: BTreeMap<SmolStr, Control>,
    /// Metadata rows by id.
    pub metadata_templates: BTreeMap<SmolStr, MetadataTemplate>,
    /// Metric rows by id.
    pub metric_templates: BTreeMap<SmolStr, MetricTemplate>,
    /// Tables by id.
    pub table_templates: BTreeMap<SmolStr, TableTemplate>,
    /// Fields this build does not know, kept as they came.
    pub extra: Extra,
}

/// Names of one address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DnsRecord {
    /// Names that were looked up and answered with this address.
    pub forward: StringSet,
    /// Names by reverse look-up.
    pub reverse: StringSet,
}

/// How much of the traffic was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sampling {
    /// Observed.
    pub count: u64,
    /// Seen.
    pub total: u64,
}

impl Default for Report {
    /// A fresh report: no nodes, default shapes and labels.
    fn default() -> Self {
        Self {
            ts: Timestamp::ZERO,
            topologies: Box::new(Kind::ALL.map(Topology::fresh)),
            others: BTreeMap::new(),
            dns: BTreeMap::new(),
            sampling: Sampling::default(),
            window: 0,
            shortcut: false,
            plugins: Some(BTreeMap::new()),
            id: SmolStr::default(),
            removed: BTreeMap::new(),
            extra: Extra::default(),
        }
    }
}

impl Topology {
    /// As a fresh report has it.
    #[must_use]
    pub fn fresh(kind: Kind) -> Self {
        let defaults = kind.defaults();
        Self {
            shape: SmolStr::new_static(defaults.shape),
            tag: SmolStr::new_static(defaults.tag),
            label: SmolStr::new_static(defaults.label),
            label_plural: SmolStr::new_static(defaults.label_plural),
            ..Self::default()
        }
    }

    /// Puts a node in under its own id.
    pub fn add(&mut self, node: Node) {
        self.nodes.insert(node.id.clone(), Arc::new(node));
    }
}

impl Report {
    /// The topology of a kind.
    #[must_use]
    pub fn topology(&self, kind: Kind) -> &Topology {
        &self.topologies[kind as usize]
    }

    /// The topology of a kind, to change.
    pub fn topology_mut(&mut self, kind: Kind) -> &mut Topology {
        &mut self.topologies[kind as usize]
    }

    /// Every topology with its wire key, the known ones first, in wire order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Topology)> {
        Kind::ALL
            .into_iter()
            .zip(self.topologies.iter())
            .map(|(kind, topology)| (kind.wire_key(), topology))
            .chain(self.others.iter().map(|(key, topology)| (key.as_str(), topology)))
    }
}
