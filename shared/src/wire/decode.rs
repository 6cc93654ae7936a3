//! Reports and topologies from bytes: one code path over either reader.
//!
//! Decoding starts from a fresh report, so that what a probe leaves out keeps its default. What old probes say in an old way is brought
//! up to date on the way in (see `decode_node`), and what this build does not know is kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::SmolStr;

use super::decode_node::NodeField;
use super::error::{DecodeError, Result};
use super::gzip::gunzip;
use super::json_reader::JsonReader;
use super::msgpack_reader::MsgpackReader;
use super::reader::{Reader, limit};
use super::strings::Strings;
use crate::frame::Encoding;
use crate::limits;
use crate::report::{DnsRecord, Kind, Node, Nodes, Report, Sampling, StringSet, Topology, VecMap};
use crate::same::same;
use crate::time::Timestamp;

/// Reads a report as a probe sent it.
///
/// Bytes after the report are ignored, as the original does. The body may be of any origin: sizes, depth and counts are capped by
/// `limits`, and no input panics.
///
/// # Errors
/// When the body is too large, is not what `encoding` and `gzip` say, or holds a value of the wrong type.
pub fn decode_report(body: &[u8], encoding: Encoding, gzip: bool) -> std::result::Result<Report, DecodeError> {
    if body.len() > limits::REPORT_COMPRESSED_BYTES && gzip {
        return Err(DecodeError::Limit {
            what: "the body's size in bytes",
            limit: limits::REPORT_COMPRESSED_BYTES,
        });
    }
    let inflated;
    let body = if gzip {
        inflated = gunzip(body, limits::REPORT_INFLATED_BYTES)?;
        &inflated
    } else {
        body
    };
    if body.len() > limits::REPORT_INFLATED_BYTES {
        return Err(DecodeError::Limit {
            what: "the body's size in bytes",
            limit: limits::REPORT_INFLATED_BYTES,
        });
    }
    match encoding {
        Encoding::Msgpack => Decoder::new(MsgpackReader::new(body)).report(),
        Encoding::Json => JsonReader::new(body).and_then(|reader| Decoder::new(reader).report()),
    }
    .map_err(|error| *error)
}

/// Declares the keys of one structure.
macro_rules! fields {
    ($name:ident { $($variant:ident = $key:literal),* $(,)? }) => {
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub(super) enum $name { $($variant,)* Unknown }

        impl $name {
            #[inline]
            pub(super) fn known(key: &[u8]) -> Self {
                match key {
                    $($key => Self::$variant,)*
                    _ => Self::Unknown,
                }
            }

            /// The key, if it is a known one.
            #[allow(dead_code)]
            pub(super) fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$variant => std::str::from_utf8($key).ok(),)*
                    Self::Unknown => None,
                }
            }
        }
    };
}
pub(super) use fields;

fields!(ReportField {
    Ts = b"TS",
    Dns = b"DNS",
    BugDns = b"nodes",
    Sampling = b"Sampling",
    Window = b"Window",
    Shortcut = b"Shortcut",
    Plugins = b"Plugins",
    Id = b"ID",
    Removed = b"Removed",
    Address = b"Address",
});
fields!(TopologyField {
    Shape = b"shape",
    Tag = b"tag",
    Label = b"label",
    LabelPlural = b"label_plural",
    Nodes = b"nodes",
    Controls = b"controls",
    MetadataTemplates = b"metadata_templates",
    MetricTemplates = b"metric_templates",
    TableTemplates = b"table_templates",
});
fields!(DnsField { Forward = b"forward", Reverse = b"reverse" });
fields!(SamplingField { Count = b"Count", Total = b"Total" });

/// A field of a report, or one of its topologies.
enum ReportKey {
    Field(ReportField),
    Topology(Kind),
}

impl ReportKey {
    fn known(key: &[u8]) -> Self {
        let kind = std::str::from_utf8(key).ok().and_then(Kind::from_wire_key);
        kind.map_or_else(|| Self::Field(ReportField::known(key)), Self::Topology)
    }
}

pub(super) struct Decoder<R> {
    pub(super) reader: R,
    pub(super) strings: Strings,
    /// The report's own time, as far as it has been read: stands in for "now", which this crate does not know.
    pub(super) now: Timestamp,
    nodes: usize,
    /// Keys of the maps read last, by [`Guesses`].
    guesses: [Vec<SmolStr>; 3],
    /// Whether those keys ascend.
    ascending: [bool; 3],
    /// How many entries those maps had: encodings that do not say beforehand have mostly as many again.
    lengths: [usize; 3],
    /// Fields of the node read last, in their order.
    pub(super) fields: Vec<(&'static str, NodeField)>,
    /// Values of the `latest` map read last: what was said of the node before is often said of the next one, too.
    pub(super) values: Vec<SmolStr>,
    /// The first parents of each topology of the node read last.
    pub(super) parents: Vec<SmolStr>,
    /// The topology name of the node read last.
    pub(super) topology: SmolStr,
}

impl<R: Reader> Decoder<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            strings: Strings::new(),
            now: Timestamp::ZERO,
            nodes: 0,
            guesses: Default::default(),
            ascending: [true; 3],
            lengths: [0; 3],
            fields: Vec::new(),
            values: vec![SmolStr::default(); MAX_GUESSES],
            parents: vec![SmolStr::default(); MAX_PARENTS],
            topology: SmolStr::default(),
        }
    }

    fn report(mut self) -> Result<Report> {
        let mut report = Report::default();
        let Some(mut map) = self.reader.map()? else {
            // `null` is a report without even the defaults.
            report.topologies.fill(Topology::default());
            report.plugins = None;
            return Ok(report);
        };
        let mut bug_dns = BTreeMap::new();
        while let Some(key) = self.reader.field(&mut map, ReportKey::known)? {
            match key {
                ReportKey::Topology(kind) => self.topology_into(report.topology_mut(kind))?,
                ReportKey::Field(field) => match field {
                    ReportField::Ts => {
                        report.ts = self.reader.time()?;
                        self.now = report.ts;
                    }
                    ReportField::Dns => report.dns = self.tree(Self::dns_record)?,
                    ReportField::BugDns => bug_dns = self.tree(Self::dns_record)?,
                    ReportField::Sampling => report.sampling = self.sampling()?,
                    ReportField::Window => report.window = self.reader.int()?,
                    ReportField::Shortcut => report.shortcut = self.reader.boolean()?,
                    ReportField::Plugins => report.plugins = self.plugins()?,
                    ReportField::Id => report.id = self.string()?,
                    ReportField::Removed => report.removed = self.tree(Self::string_list)?,
                    // Endpoints without ports, of ancient probes: they say nothing that endpoints do not.
                    ReportField::Address => self.skip()?,
                    ReportField::Unknown => {
                        let key = self.reader.last_key();
                        self.unknown_into(&mut report, key)?;
                    }
                },
            }
        }
        // Probe 1.11.6 wrote its names under `nodes`. Merging never looks there, so the move happens here.
        if !bug_dns.is_empty() {
            report.dns = bug_dns;
        }
        Ok(report)
    }

    /// A key of the report that this build does not know: a topology of a newer probe if it reads as one, else kept as it is.
    fn unknown_into(&mut self, report: &mut Report, key: SmolStr) -> Result<()> {
        let mark = self.reader.mark();
        let mut topology = Topology::default();
        let is_topology = self.topology_into(&mut topology).is_ok()
            && topology
                != Topology {
                    extra: topology.extra.clone(),
                    ..Topology::default()
                };
        if is_topology {
            report.others.insert(key, topology);
        } else {
            self.reader.reset(mark);
            report.extra.push(key, self.reader.value()?);
        }
        Ok(())
    }

    /// Reads into a topology that has its defaults.
    fn topology_into(&mut self, topology: &mut Topology) -> Result<()> {
        let Some(mut map) = self.reader.map()? else {
            *topology = Topology::default();
            return Ok(());
        };
        while let Some(field) = self.reader.field(&mut map, TopologyField::known)? {
            match field {
                TopologyField::Shape => topology.shape = self.string()?,
                TopologyField::Tag => topology.tag = self.string()?,
                TopologyField::Label => topology.label = self.string()?,
                TopologyField::LabelPlural => topology.label_plural = self.string()?,
                TopologyField::Nodes => topology.nodes = self.nodes()?,
                TopologyField::Controls => topology.controls = self.tree(Self::control)?,
                TopologyField::MetadataTemplates => topology.metadata_templates = self.tree(Self::metadata_template)?,
                TopologyField::MetricTemplates => topology.metric_templates = self.tree(Self::metric_template)?,
                TopologyField::TableTemplates => topology.table_templates = self.tree(Self::table_template)?,
                TopologyField::Unknown => {
                    let key = self.reader.last_key();
                    topology.extra.push(key, self.reader.value()?);
                }
            }
        }
        Ok(())
    }

    /// The nodes of a topology, each read where it will stay. A node's id is its key again.
    fn nodes(&mut self) -> Result<Nodes> {
        let Some(mut map) = self.reader.map()? else {
            return Ok(Nodes::new());
        };
        let mut nodes = Vec::with_capacity(reserve::<(SmolStr, Arc<Node>)>(self.reader.promised(&map)));
        loop {
            let Self { reader, strings, .. } = self;
            let Some(key) = reader.key(&mut map, |key| strings.get(key))? else {
                return Ok(Nodes::from_iter(nodes));
            };
            let mut node = Arc::<Node>::default();
            if let Some(node) = Arc::get_mut(&mut node) {
                self.node_into(node, &key)?;
            }
            nodes.push((key, node));
        }
    }

    fn dns_record(&mut self) -> Result<DnsRecord> {
        let mut record = DnsRecord::default();
        let Some(mut map) = self.reader.map()? else { return Ok(record) };
        while let Some(field) = self.reader.field(&mut map, DnsField::known)? {
            match field {
                DnsField::Forward => record.forward = self.string_set()?,
                DnsField::Reverse => record.reverse = self.string_set()?,
                DnsField::Unknown => self.skip()?,
            }
        }
        Ok(record)
    }

    fn sampling(&mut self) -> Result<Sampling> {
        let mut sampling = Sampling::default();
        let Some(mut map) = self.reader.map()? else { return Ok(sampling) };
        while let Some(field) = self.reader.field(&mut map, SamplingField::known)? {
            match field {
                SamplingField::Count => sampling.count = self.reader.uint()?,
                SamplingField::Total => sampling.total = self.reader.uint()?,
                SamplingField::Unknown => self.skip()?,
            }
        }
        Ok(sampling)
    }
}

/// What every structure is made of.
impl<R: Reader> Decoder<R> {
    /// One function in the page, whose size people wait for: most of its callers are read once a report.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    #[cfg_attr(not(target_arch = "wasm32"), inline)]
    pub(super) fn string(&mut self) -> Result<SmolStr> {
        let Self { reader, strings, .. } = self;
        match reader.usual_string(|raw| strings.get_raw(raw)) {
            Some(text) => Ok(text),
            None => reader.string(|text| strings.get(text)),
        }
    }

    /// A string that is probably this one.
    #[inline]
    pub(super) fn string_like(&mut self, guess: &SmolStr) -> Result<SmolStr> {
        match self.reader.usual_string(|raw| same(raw, guess.as_bytes()).then(|| guess.clone())) {
            Some(text) => Ok(text),
            None => self.string(),
        }
    }

    /// Reads a value nobody asked for.
    pub(super) fn skip(&mut self) -> Result<()> {
        self.reader.value().map(|_| ())
    }

    /// A map from string, in the order of the wire.
    fn entries<V>(&mut self, mut read: impl FnMut(&mut Self) -> Result<V>) -> Result<Vec<(SmolStr, V)>> {
        let Some(mut map) = self.reader.map()? else { return Ok(Vec::new()) };
        let mut entries = Vec::with_capacity(reserve::<(SmolStr, V)>(self.reader.promised(&map)));
        loop {
            let Self { reader, strings, .. } = self;
            let Some(key) = reader.key(&mut map, |key| strings.get(key))? else {
                return Ok(entries);
            };
            let value = read(self)?;
            entries.push((key, value));
        }
    }

    /// A map of a node, read after `guesses`: nodes of a topology have mostly the same keys in the same order, so the keys of the one before
    /// are tried first. A guess that holds costs a comparison instead of a validation and a copy. `read` is told which entry it reads, and
    /// reads it where it stays.
    pub(super) fn guided_map<V: Default>(
        &mut self,
        guesses: Guesses,
        mut read: impl FnMut(&mut Self, usize, &mut V) -> Result<()>,
    ) -> Result<VecMap<V>> {
        let Some(mut map) = self.reader.map()? else {
            return Ok(VecMap::new());
        };
        let promised = self.reader.promised(&map);
        let mut entries: Vec<(SmolStr, V)> = Vec::with_capacity(reserve::<(SmolStr, V)>(promised));
        let mut as_guessed = true;
        loop {
            let Self {
                reader,
                strings,
                guesses: known,
                ..
            } = self;
            let known = &mut known[guesses as usize];
            let guess = known.get(entries.len());
            let key = match guess {
                Some(guess) if reader.guessed_key(&mut map, guess) => guess.clone(),
                _ => {
                    let Some(key) = reader.key(&mut map, |key| strings.get(key))? else {
                        break;
                    };
                    as_guessed = false;
                    if let Some(slot) = known.get_mut(entries.len()) {
                        slot.clone_from(&key);
                    } else if known.len() < MAX_GUESSES {
                        known.push(key.clone());
                    }
                    key
                }
            };
            if entries.capacity() == 0 {
                entries.reserve_exact(reserve::<(SmolStr, V)>(self.lengths[guesses as usize].max(1)));
            }
            let at = entries.len();
            // Not pushed: that makes the entry on the stack and reads it back before all of it has arrived there.
            entries.extend(std::iter::once_with(|| (key, V::default())));
            if let Some((_, value)) = entries.last_mut() {
                read(self, at, value)?;
            }
        }
        self.lengths[guesses as usize] = entries.len();
        entries.shrink_to_fit();
        if !as_guessed {
            self.ascending[guesses as usize] = self.guesses[guesses as usize].is_sorted_by(|a, b| a < b);
            return Ok(VecMap::from_unsorted(entries));
        }
        // The keys are the first ones of those that were guessed.
        Ok(if self.ascending[guesses as usize] {
            VecMap::from_sorted(entries)
        } else {
            VecMap::from_unsorted(entries)
        })
    }

    /// A map from string that others change: a tree. Built entry by entry, since building it at once takes a sorting machine for each type.
    pub(super) fn tree<V>(&mut self, read: impl FnMut(&mut Self) -> Result<V>) -> Result<BTreeMap<SmolStr, V>> {
        let mut tree = BTreeMap::new();
        for (key, value) in self.entries(read)? {
            tree.insert(key, value);
        }
        Ok(tree)
    }

    /// A map from string, small.
    pub(super) fn vec_map<V>(&mut self, read: impl FnMut(&mut Self) -> Result<V>) -> Result<VecMap<V>> {
        let mut entries = self.entries(read)?;
        entries.shrink_to_fit();
        Ok(VecMap::from_unsorted(entries))
    }

    /// An array; `None` is `null`.
    pub(super) fn list<V>(&mut self, mut read: impl FnMut(&mut Self) -> Result<V>) -> Result<Option<Vec<V>>> {
        let Some(mut array) = self.reader.array()? else { return Ok(None) };
        let mut items = Vec::with_capacity(reserve::<V>(self.reader.promised(&array)));
        while self.reader.item(&mut array)? {
            items.push(read(self)?);
        }
        items.shrink_to_fit();
        Ok(Some(items))
    }

    /// An array of strings, in the order of the wire.
    pub(super) fn string_list(&mut self) -> Result<Vec<SmolStr>> {
        self.list(Self::string).map(Option::unwrap_or_default)
    }

    /// An array of strings that is a set: sorted here, because not every producer does.
    pub(super) fn string_set(&mut self) -> Result<StringSet> {
        self.set_beginning(Self::string)
    }

    /// The same, with a way to read the first string.
    #[inline]
    pub(super) fn set_beginning(&mut self, first: impl FnOnce(&mut Self) -> Result<SmolStr>) -> Result<StringSet> {
        let Some(mut array) = self.reader.array()? else {
            return Ok(StringSet::default());
        };
        let promised = self.reader.promised(&array);
        if !self.reader.item(&mut array)? {
            return Ok(StringSet::default());
        }
        let first = first(self)?;
        if !self.reader.item(&mut array)? {
            return Ok(StringSet::one(first));
        }
        let mut members = Vec::with_capacity(reserve::<SmolStr>(promised));
        members.push(first);
        loop {
            members.push(self.string()?);
            if !self.reader.item(&mut array)? {
                break;
            }
        }
        members.shrink_to_fit();
        Ok(StringSet::from_unsorted(members))
    }

    /// Counts one more node.
    pub(super) fn count_node(&mut self) -> Result<()> {
        self.nodes += 1;
        if self.nodes > limits::REPORT_NODES {
            Err(limit("the number of nodes", limits::REPORT_NODES))
        } else {
            Ok(())
        }
    }
}

/// How many keys of a map are remembered to be guessed; real nodes have at most a few dozen.
const MAX_GUESSES: usize = 64;

/// How many kinds of parents are remembered.
const MAX_PARENTS: usize = 8;

/// Which map of a node before is the guess for the next.
#[derive(Clone, Copy)]
pub(super) enum Guesses {
    Latest,
    Metrics,
    Parents,
}

/// How many entries to make room for on a sender's word: what it promises, but not more than 64 KiB of them.
fn reserve<T>(promised: usize) -> usize {
    promised.min((64 << 10) / size_of::<T>().max(1))
}
