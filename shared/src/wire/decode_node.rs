//! Nodes from bytes, and what old probes put into them.
//!
//! Old ways that are brought up to date here: `latestControls` becomes the `latest` entry `active_controls`, `counters` become entries
//! `count_…`. `edges` and per-node `controls` of ancient probes are ignored, as the original does.

use crate::sort::SmallSort as _;
use smol_str::{SmolStr, format_smolstr};

use super::decode::{Decoder, Guesses, fields};
use super::error::Result;
use super::reader::Reader;
use crate::report::{Latest, Metric, Node, Sample, StringSet, keys};
use crate::same::same;
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
/// How many fields of a node are remembered to be guessed: all there are.
const MAX_FIELDS: usize = 13;

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
    /// Reads into an empty node, whose id is probably `id`.
    pub(super) fn node_into(&mut self, node: &mut Node, id: &SmolStr) -> Result<()> {
        self.count_node()?;
        let Some(mut map) = self.reader.map()? else { return Ok(()) };
        let mut old_controls = Vec::new();
        let mut counters = Vec::new();
        let mut place = 0;
        while let Some(field) = self.node_field(&mut map, place)? {
            place += 1;
            match field {
                NodeField::Id => node.id = self.string_like(id)?,
                NodeField::Topology => {
                    let before = std::mem::take(&mut self.topology);
                    node.topology = self.string_like(&before)?;
                    self.topology = node.topology.clone();
                }
                NodeField::Sets => node.sets = self.vec_map(Self::string_set)?,
                NodeField::Adjacency => node.adjacency = self.string_set()?,
                NodeField::Latest => node.latest = self.guided_map(Guesses::Latest, Self::latest)?,
                NodeField::Metrics => node.metrics = self.guided_map(Guesses::Metrics, Self::metric)?,
                NodeField::Parents => node.parents = self.guided_map(Guesses::Parents, Self::parent_set)?,
                NodeField::Children => node.children = self.children()?,
                NodeField::LatestControls => old_controls = self.vec_map(Self::old_control)?.into_vec(),
                NodeField::Counters => counters = self.vec_map(|decoder| decoder.reader.int())?.into_vec(),
                NodeField::DroppedLatest => node.dropped_latest = self.string_list()?,
                NodeField::Edges | NodeField::Controls => self.skip()?,
                NodeField::Unknown => {
                    let key = self.reader.last_key();
                    node.extra.push(key, self.reader.value()?);
                }
            }
        }
        if !old_controls.is_empty() {
            upgrade_controls(node, &old_controls);
        }
        for (name, count) in counters {
            node.add_count(&name, count, self.now);
        }
        Ok(())
    }

    /// The next field of a node, which is probably the one that was at this place in the node before.
    #[inline]
    fn node_field(&mut self, map: &mut R::Cursor, place: usize) -> Result<Option<NodeField>> {
        if !R::GUESSES_FIELDS {
            return self.reader.field(map, NodeField::known);
        }
        if let Some(&(name, field)) = self.fields.get(place)
            && self.reader.guessed_key(map, name)
        {
            return Ok(Some(field));
        }
        let field = self.reader.field(map, NodeField::known)?;
        if let Some((name, field)) = field.and_then(|field| Some((field.name()?, field))) {
            if let Some(slot) = self.fields.get_mut(place) {
                *slot = (name, field);
            } else if self.fields.len() == place && place < MAX_FIELDS {
                self.fields.push((name, field));
            }
        }
        Ok(field)
    }

    fn children(&mut self) -> Result<Vec<Node>> {
        let child = |decoder: &mut Self| {
            let mut child = Node::default();
            decoder.node_into(&mut child, &SmolStr::default()).map(|()| child)
        };
        let mut children = self.list(child)?.unwrap_or_default();
        if !children.is_sorted_by(|a, b| a.id < b.id) {
            children.order_by(|a, b| a.id.cmp(&b.id));
            children.dedup_by(|later, earlier| later.id == earlier.id);
        }
        Ok(children)
    }

    /// The parents of one topology, which are the `at`th of their map: nodes that follow one another mostly have the same ones.
    fn parent_set(&mut self, at: usize, parents: &mut StringSet) -> Result<()> {
        let guess = self.parents.get_mut(at).map(std::mem::take).unwrap_or_default();
        *parents = self.set_beginning(|decoder| decoder.string_like(&guess))?;
        if let (Some(slot), Some(first)) = (self.parents.get_mut(at), parents.as_slice().first()) {
            slot.clone_from(first);
        }
        Ok(())
    }

    /// An entry of `latest`, which is the `at`th of its map.
    fn latest(&mut self, at: usize, entry: &mut Latest) -> Result<()> {
        let Self {
            reader, strings, values, ..
        } = self;
        let guess = values.get_mut(at);
        let taken = reader.usual_entry(|timestamp, raw| {
            entry.value = match guess {
                Some(guess) if same(guess.as_bytes(), raw) => guess.clone(),
                Some(guess) => {
                    let value = strings.get_raw(raw)?;
                    guess.clone_from(&value);
                    value
                }
                None => strings.get_raw(raw)?,
            };
            entry.timestamp = timestamp;
            Some(())
        });
        if taken.is_some() { Ok(()) } else { self.unusual_latest(entry) }
    }

    fn unusual_latest(&mut self, latest: &mut Latest) -> Result<()> {
        *latest = Latest::default();
        let Some(mut map) = self.reader.map()? else { return Ok(()) };
        while let Some(field) = self.reader.field(&mut map, LatestField::known)? {
            match field {
                LatestField::Timestamp => latest.timestamp = self.reader.time()?,
                LatestField::Value => latest.value = self.string()?,
                LatestField::Unknown => self.skip()?,
            }
        }
        Ok(())
    }

    fn old_control(&mut self) -> Result<OldControl> {
        let mut control = OldControl::default();
        let Some(mut map) = self.reader.map()? else { return Ok(control) };
        while let Some(field) = self.reader.field(&mut map, LatestField::known)? {
            match field {
                LatestField::Timestamp => control.timestamp = self.reader.time()?,
                LatestField::Value => {
                    let Some(mut state) = self.reader.map()? else { continue };
                    while let Some(field) = self.reader.field(&mut state, ControlStateField::known)? {
                        match field {
                            ControlStateField::Dead => control.dead = self.reader.boolean()?,
                            ControlStateField::Unknown => self.skip()?,
                        }
                    }
                }
                LatestField::Unknown => self.skip()?,
            }
        }
        Ok(control)
    }

    fn metric(&mut self, _: usize, metric: &mut Metric) -> Result<()> {
        let Some(mut map) = self.reader.map()? else { return Ok(()) };
        while let Some(field) = self.reader.field(&mut map, MetricField::known)? {
            match field {
                MetricField::Samples => metric.samples = self.list(Self::sample)?.unwrap_or_default(),
                MetricField::Min => metric.min = self.reader.float()?,
                MetricField::Max => metric.max = self.reader.float()?,
                MetricField::Unknown => self.skip()?,
            }
        }
        // Merging joins two ascending series, so they had better ascend.
        if !metric.samples.is_sorted_by(|a, b| a.date.cmp_instant(b.date).is_le()) {
            metric.samples.order_by(|a, b| a.date.cmp_instant(b.date));
        }
        Ok(())
    }

    fn sample(&mut self) -> Result<Sample> {
        if let Some((date, value)) = self.reader.usual_sample() {
            return Ok(Sample { date, value });
        }
        let mut sample = Sample::default();
        let Some(mut map) = self.reader.map()? else { return Ok(sample) };
        while let Some(field) = self.reader.field(&mut map, SampleField::known)? {
            match field {
                SampleField::Date => sample.date = self.reader.time()?,
                SampleField::Value => sample.value = self.reader.float()?,
                SampleField::Unknown => self.skip()?,
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
