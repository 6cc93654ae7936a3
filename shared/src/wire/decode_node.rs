//! Nodes from bytes, and what old probes put into them.
//!
//! Old ways that are brought up to date here: `latestControls` becomes the `latest` entry `active_controls`, `counters` become entries
//! `count_…`. `edges` and per-node `controls` of ancient probes are ignored, as the original does.

use smol_str::{SmolStr, format_smolstr};

use super::decode::{Decoder, fields};
use super::error::Result;
use super::reader::{Field, Reader};
use crate::report::{Latest, Metric, Node, Sample, keys};
use crate::time::Timestamp;

fields!(NodeField {
    Id = b"id",
    Topology = b"topology",
    Sets = b"sets",
    Adjacency = b"adjacency",
    Latest = b"latest",
    Metrics = b"metrics",
    Parents = b"parents",
    Children = b"children",
    LatestControls = b"latestControls",
    Counters = b"counters",
    DroppedLatest = b"dropped_latest",
    Edges = b"edges",
    Controls = b"controls",
});
fields!(LatestField { Timestamp = b"timestamp", Value = b"value" });
fields!(ControlStateField { Dead = b"dead" });
fields!(MetricField { Samples = b"samples", Min = b"min", Max = b"max" });
fields!(SampleField { Date = b"date", Value = b"value" });

/// A control of a node as old probes sent it.
#[derive(Default)]
struct OldControl {
    timestamp: Timestamp,
    dead: bool,
}

impl<R: Reader> Decoder<R> {
    pub(super) fn node(&mut self) -> Result<Node> {
        self.count_node()?;
        let mut node = Node::default();
        let Some(mut map) = self.reader.map()? else { return Ok(node) };
        let mut old_controls = Vec::new();
        let mut counters = Vec::new();
        while let Some(field) = self.reader.field(&mut map, NodeField::known)? {
            match field {
                Field::Known(NodeField::Id) => node.id = self.string()?,
                Field::Known(NodeField::Topology) => node.topology = self.string()?,
                Field::Known(NodeField::Sets) => node.sets = self.vec_map(Self::string_set)?,
                Field::Known(NodeField::Adjacency) => node.adjacency = self.string_set()?,
                Field::Known(NodeField::Latest) => node.latest = self.vec_map(Self::latest)?,
                Field::Known(NodeField::Metrics) => node.metrics = self.vec_map(Self::metric)?,
                Field::Known(NodeField::Parents) => node.parents = self.vec_map(Self::string_set)?,
                Field::Known(NodeField::Children) => node.children = self.children()?,
                Field::Known(NodeField::LatestControls) => old_controls = self.vec_map(Self::old_control)?.into_vec(),
                Field::Known(NodeField::Counters) => counters = self.vec_map(|decoder| decoder.reader.int())?.into_vec(),
                Field::Known(NodeField::DroppedLatest) => node.dropped_latest = self.string_list()?,
                Field::Known(NodeField::Edges | NodeField::Controls) => self.skip()?,
                Field::Other(key) => node.extra.push(key, self.reader.value()?),
            }
        }
        if !old_controls.is_empty() {
            upgrade_controls(&mut node, &old_controls);
        }
        for (name, count) in counters {
            node.add_count(&name, count, self.now);
        }
        Ok(node)
    }

    fn children(&mut self) -> Result<Vec<Node>> {
        let mut children = self.list(Self::node)?.unwrap_or_default();
        if !children.is_sorted_by(|a, b| a.id < b.id) {
            children.sort_by(|a, b| a.id.cmp(&b.id));
            children.dedup_by(|later, earlier| later.id == earlier.id);
        }
        Ok(children)
    }

    fn latest(&mut self) -> Result<Latest> {
        let mut latest = Latest::default();
        let Some(mut map) = self.reader.map()? else { return Ok(latest) };
        while let Some(field) = self.reader.field(&mut map, LatestField::known)? {
            match field {
                Field::Known(LatestField::Timestamp) => latest.timestamp = self.reader.time()?,
                Field::Known(LatestField::Value) => latest.value = self.string()?,
                Field::Other(_) => self.skip()?,
            }
        }
        Ok(latest)
    }

    fn old_control(&mut self) -> Result<OldControl> {
        let mut control = OldControl::default();
        let Some(mut map) = self.reader.map()? else { return Ok(control) };
        while let Some(field) = self.reader.field(&mut map, LatestField::known)? {
            match field {
                Field::Known(LatestField::Timestamp) => control.timestamp = self.reader.time()?,
                Field::Known(LatestField::Value) => {
                    let Some(mut state) = self.reader.map()? else { continue };
                    while let Some(field) = self.reader.field(&mut state, ControlStateField::known)? {
                        match field {
                            Field::Known(ControlStateField::Dead) => control.dead = self.reader.boolean()?,
                            Field::Other(_) => self.skip()?,
                        }
                    }
                }
                Field::Other(_) => self.skip()?,
            }
        }
        Ok(control)
    }

    fn metric(&mut self) -> Result<Metric> {
        let mut metric = Metric::default();
        let Some(mut map) = self.reader.map()? else { return Ok(metric) };
        while let Some(field) = self.reader.field(&mut map, MetricField::known)? {
            match field {
                Field::Known(MetricField::Samples) => metric.samples = self.list(Self::sample)?.unwrap_or_default(),
                Field::Known(MetricField::Min) => metric.min = self.reader.float()?,
                Field::Known(MetricField::Max) => metric.max = self.reader.float()?,
                Field::Other(_) => self.skip()?,
            }
        }
        // Merging joins two ascending series, so they had better ascend.
        if !metric.samples.is_sorted_by(|a, b| a.date.cmp_instant(b.date).is_le()) {
            metric.samples.sort_by(|a, b| a.date.cmp_instant(b.date));
        }
        Ok(metric)
    }

    fn sample(&mut self) -> Result<Sample> {
        let mut sample = Sample::default();
        let Some(mut map) = self.reader.map()? else { return Ok(sample) };
        while let Some(field) = self.reader.field(&mut map, SampleField::known)? {
            match field {
                Field::Known(SampleField::Date) => sample.date = self.reader.time()?,
                Field::Known(SampleField::Value) => sample.value = self.reader.float()?,
                Field::Other(_) => self.skip()?,
            }
        }
        Ok(sample)
    }
}

/// The live ones of the old controls, as the one entry that says the same today.
fn upgrade_controls(node: &mut Node, controls: &[(SmolStr, OldControl)]) {
    let live = || controls.iter().filter(|(_, control)| !control.dead);
    let newest = live()
        .map(|(_, control)| control.timestamp)
        .max_by(|a, b| a.cmp_instant(*b))
        .unwrap_or_default();
    let ids: Vec<&str> = live().map(|(id, _)| id.as_str()).collect();
    node.latest.insert(
        keys::ACTIVE_CONTROLS,
        Latest {
            timestamp: newest,
            value: ids.join(";").into(),
        },
    );
}

impl Node {
    /// Adds to the counter `name`, which is the `latest` entry `count_<name>`; text that is no number counts as zero.
    pub fn add_count(&mut self, name: &str, count: i64, now: Timestamp) {
        let key = format_smolstr!("{}{name}", keys::COUNTER_PREFIX);
        let before = self.latest(&key).and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
        let value = format_smolstr!("{}", before.saturating_add(count));
        self.latest.insert(key, Latest { timestamp: now, value });
    }
}
