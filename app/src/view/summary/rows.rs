//! Rows of information by the templates that the probes publish: metadata, metrics, tables.

use scope_shared::sort::SmallSort as _;
use std::collections::BTreeMap;
use std::sync::Arc;

use scope_shared::report::{Kind, MetadataTemplate, Metric, MetricTemplate, Node, Sample, TableTemplate, Topology};
use scope_shared::time::Timestamp;
use smol_str::{SmolStr, format_smolstr};

use super::basic::count_of;
use crate::model::{MetadataRow, MetricRow, MetricSample, Table, TableRow};
use crate::view::state::State;

/// The templates of every topology, sorted as their rows are shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Templates([TopologyTemplates; Kind::ALL.len()]);

/// The templates of one topology.
#[derive(Clone, Debug, Default)]
pub(crate) struct TopologyTemplates {
    metadata: Vec<Metadata>,
    metrics: Vec<Arc<MetricTemplate>>,
    tables: Vec<TableTemplate>,
}

#[derive(Clone, Debug)]
struct Metadata {
    template: Arc<MetadataTemplate>,
    from: Source,
    counter: SmolStr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Any,
    Latest,
    Sets,
    Counters,
}

impl Templates {
    /// The templates of a merged report.
    pub(crate) fn of(state: State<'_>) -> Self {
        Self(Kind::ALL.map(|kind| TopologyTemplates::of(state.topology(kind))))
    }

    /// The templates of a kind.
    pub(crate) fn kind(&self, kind: Kind) -> &TopologyTemplates {
        &self.0[kind as usize]
    }
}

impl TopologyTemplates {
    /// The templates of one topology.
    pub(crate) fn of(topology: &Topology) -> Self {
        let mut metadata: Vec<Metadata> = topology
            .metadata_templates
            .values()
            .map(|template| Metadata {
                template: Arc::new(template.clone()),
                from: match template.from.as_str() {
                    "latest" => Source::Latest,
                    "sets" => Source::Sets,
                    "counters" => Source::Counters,
                    _ => Source::Any,
                },
                counter: format_smolstr!("count_{}", template.id),
            })
            .collect();
        metadata.order_by(|a, b| {
            let (a, b) = (&a.template, &b.template);
            a.priority.total_cmp(&b.priority).then_with(|| a.id.cmp(&b.id))
        });
        let mut metrics: Vec<Arc<MetricTemplate>> = topology.metric_templates.values().cloned().map(Arc::new).collect();
        metrics.order_by(|a, b| a.priority.total_cmp(&b.priority).then_with(|| a.id.cmp(&b.id)));
        let mut tables: Vec<TableTemplate> = topology.table_templates.values().cloned().collect();
        tables.order_by(|a, b| a.id.cmp(&b.id));
        Self { metadata, metrics, tables }
    }

    /// A node's metadata rows.
    pub(crate) fn metadata(&self, node: &Node) -> Vec<MetadataRow> {
        let rows = self.metadata.iter().filter_map(|described| {
            Some(MetadataRow {
                value: value(node, described)?,
                template: Arc::clone(&described.template),
            })
        });
        let mut all = Vec::with_capacity(self.metadata.len());
        all.extend(rows);
        all
    }

    /// A node's metric rows, with all their samples or without.
    pub(crate) fn metrics(&self, node: &Node, with_samples: bool) -> Vec<MetricRow> {
        if node.metrics.is_empty() {
            return Vec::new();
        }
        let rows = self.metrics.iter().filter_map(|template| {
            let metric = node.metrics.get(&template.id)?;
            Some(MetricRow::of(Arc::clone(template), metric, with_samples))
        });
        let mut all = Vec::with_capacity(self.metrics.len().min(node.metrics.len()));
        all.extend(rows);
        all
    }

    /// Whether a value of this key appears in a row or a table.
    pub(crate) fn describe(&self, key: &str) -> bool {
        self.metadata
            .iter()
            .any(|described| described.template.id == key || described.counter == key)
            || self.tables.iter().any(|table| {
                let prefix = table.prefix.as_str();
                (!prefix.is_empty() && (key.starts_with(prefix) || key.strip_prefix("table_truncation_count_") == Some(prefix)))
                    || table.fixed_rows.iter().flatten().any(|(fixed, _)| fixed == key)
            })
    }

    /// A node's tables, empty ones too.
    pub(crate) fn tables(&self, node: &Node) -> Vec<Table> {
        self.tables.iter().map(|template| table(node, template)).collect()
    }
}

impl MetricRow {
    /// A metric's values, with all its samples or without.
    pub(crate) fn of(template: Arc<MetricTemplate>, metric: &Metric, with_samples: bool) -> Self {
        let samples = (with_samples && !metric.samples.is_empty()).then(|| {
            let sample = |sample: &Sample| MetricSample {
                date: date_text(sample.date),
                value: sample.value,
            };
            metric.samples.iter().map(sample).collect()
        });
        Self {
            template,
            value: metric.last().map_or(0.0, |sample| two_decimals(sample.value)),
            samples,
            min: metric.min,
            max: metric.max,
            value_empty: false,
            url: SmolStr::default(),
        }
    }
}

fn value(node: &Node, described: &Metadata) -> Option<SmolStr> {
    let id = described.template.id.as_str();
    let latest = || node.latest.get(id).map(|entry| entry.value.clone());
    let sets = || node.sets.get(id).map(|set| joined(set.as_slice()));
    let counters = || node.latest(&described.counter).map(|count| format_smolstr!("{}", count_of(count)));
    match described.from {
        Source::Latest => latest(),
        Source::Sets => sets(),
        Source::Counters => counters(),
        Source::Any => latest().or_else(sets).or_else(counters),
    }
}

fn joined(members: &[SmolStr]) -> SmolStr {
    match members {
        [one] => one.clone(),
        many => SmolStr::from(many.join(", ")),
    }
}

/// Cut, not rounded, to two decimals, as the original does; what no integer holds is held at the ends.
fn two_decimals(value: f64) -> f64 {
    #[allow(clippy::cast_possible_truncation, reason = "saturating is what is wanted")]
    let hundredths = (value * 100.0) as i64;
    hundredths as f64 / 100.0
}

/// RFC 3339.
fn date_text(date: Timestamp) -> SmolStr {
    format_smolstr!("{date}")
}

fn table(node: &Node, template: &TableTemplate) -> Table {
    let multicolumn = template.kind == "multicolumn-table";
    let rows = if multicolumn {
        multicolumn_rows(node, template)
    } else {
        property_rows(node, template)
    };
    let truncated = node
        .latest(&format_smolstr!("table_truncation_count_{}", template.prefix))
        .map(leading_number);
    Table {
        id: template.id.clone(),
        label: template.label.clone(),
        kind: if template.kind.is_empty() {
            SmolStr::new_static("property-list")
        } else {
            template.kind.clone()
        },
        columns: template.columns.clone(),
        rows,
        truncation_count: truncated.unwrap_or(0),
    }
}

/// Reads a number as far as it goes, as the original scans it; 0 if there is none.
fn leading_number(text: &str) -> i64 {
    let text = text.trim_start();
    let sign = usize::from(text.starts_with(['+', '-']));
    let digits = text.bytes().skip(sign).take_while(u8::is_ascii_digit).count();
    text.get(..sign + digits).and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Rows of fixed keys and of keys with the table's prefix. Of several keys under one name the last in order wins, so without fixed rows
/// (the usual case) only the keys with the prefix are looked at, and with them every key is.
fn property_rows(node: &Node, template: &TableTemplate) -> Vec<TableRow> {
    let mut rows: BTreeMap<&str, &SmolStr> = BTreeMap::new();
    let prefix = template.prefix.as_str();
    let prefixed = |key| str::strip_prefix(key, prefix).filter(|_| !prefix.is_empty());
    match template.fixed_rows.as_ref().filter(|fixed| !fixed.is_empty()) {
        None if prefix.is_empty() => {}
        None => rows.extend(
            node.latest
                .with_prefix(prefix)
                .filter_map(|(key, entry)| Some((prefixed(key)?, &entry.value))),
        ),
        Some(fixed) => rows.extend(node.latest.iter().filter_map(|(key, entry)| {
            let name = fixed.get(key).map(SmolStr::as_str).or_else(|| prefixed(key))?;
            Some((name, &entry.value))
        })),
    }
    rows.into_iter().map(|(name, value)| property_row(name, value)).collect()
}

fn property_row(name: &str, value: &SmolStr) -> TableRow {
    let entries = [
        (SmolStr::new_static("label"), SmolStr::new(name)),
        (SmolStr::new_static("value"), value.clone()),
    ];
    TableRow {
        id: format_smolstr!("label_{name}"),
        entries: entries.into(),
    }
}

fn multicolumn_rows(node: &Node, template: &TableTemplate) -> Vec<TableRow> {
    let mut rows: BTreeMap<&str, BTreeMap<SmolStr, SmolStr>> = BTreeMap::new();
    for (key, entry) in node.latest.with_prefix(&template.prefix) {
        let mut parts = key.get(template.prefix.len()..).unwrap_or("").split("___");
        if let (Some(row), Some(column)) = (parts.next(), parts.next()) {
            rows.entry(row).or_default().insert(SmolStr::new(column), entry.value.clone());
        }
    }
    rows.into_iter()
        .map(|(id, entries)| TableRow {
            id: SmolStr::new(id),
            entries,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{leading_number, two_decimals};

    #[test]
    fn a_number_is_read_as_far_as_it_goes() {
        for (text, number) in [
            ("7", 7),
            (" 12 more", 12),
            ("-3", -3),
            ("x", 0),
            ("", 0),
            ("+", 0),
            ("99999999999999999999", 0),
        ] {
            assert_eq!(leading_number(text), number, "{text}");
        }
    }

    #[test]
    fn values_are_cut_to_two_decimals() {
        for (value, cut) in [(0.29, 0.28), (1.239, 1.23), (-1.239, -1.23), (4.35, 4.34), (f64::NAN, 0.0)] {
            assert!((two_decimals(value) - cut).abs() < 1e-12, "{value}");
        }
        assert!(two_decimals(1e300) > 0.0);
    }
}
