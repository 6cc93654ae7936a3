//! Rows of information by the templates that the probes publish: metadata, metrics, tables.

use std::collections::BTreeMap;

use scope_shared::report::{Kind, MetricTemplate, Node, TableTemplate};
use scope_shared::time::Timestamp;
use smol_str::{SmolStr, format_smolstr};

use crate::model::{MetadataRow, MetricRow, MetricSample, Table, TableRow};
use crate::view::state::State;

/// The templates of every topology, sorted as their rows are shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Templates([TopologyTemplates; Kind::ALL.len()]);

/// The templates of one topology.
#[derive(Clone, Debug, Default)]
pub(crate) struct TopologyTemplates {
    metadata: Vec<Metadata>,
    metrics: Vec<MetricTemplate>,
    tables: Vec<TableTemplate>,
}

#[derive(Clone, Debug)]
struct Metadata {
    /// The row but for its value.
    row: MetadataRow,
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
        Self(Kind::ALL.map(|kind| TopologyTemplates::of(state, kind)))
    }

    /// The templates of a kind.
    pub(crate) fn kind(&self, kind: Kind) -> &TopologyTemplates {
        &self.0[kind as usize]
    }
}

impl TopologyTemplates {
    fn of(state: State<'_>, kind: Kind) -> Self {
        let topology = state.topology(kind);
        let mut metadata: Vec<Metadata> = topology
            .metadata_templates
            .values()
            .map(|template| Metadata {
                row: MetadataRow {
                    id: template.id.clone(),
                    label: template.label.clone(),
                    value: SmolStr::default(),
                    priority: template.priority,
                    data_type: template.data_type.clone(),
                    truncate: template.truncate,
                },
                from: match template.from.as_str() {
                    "latest" => Source::Latest,
                    "sets" => Source::Sets,
                    "counters" => Source::Counters,
                    _ => Source::Any,
                },
                counter: format_smolstr!("count_{}", template.id),
            })
            .collect();
        metadata.sort_by(|a, b| a.row.priority.total_cmp(&b.row.priority).then_with(|| a.row.id.cmp(&b.row.id)));
        let mut metrics: Vec<MetricTemplate> = topology.metric_templates.values().cloned().collect();
        metrics.sort_by(|a, b| a.priority.total_cmp(&b.priority).then_with(|| a.id.cmp(&b.id)));
        let mut tables: Vec<TableTemplate> = topology.table_templates.values().cloned().collect();
        tables.sort_by(|a, b| a.id.cmp(&b.id));
        Self { metadata, metrics, tables }
    }

    /// A node's metadata rows.
    pub(crate) fn metadata(&self, node: &Node) -> Vec<MetadataRow> {
        let rows = self.metadata.iter().filter_map(|template| {
            let value = value(node, template)?;
            Some(MetadataRow {
                value,
                ..template.row.clone()
            })
        });
        rows.collect()
    }

    /// A node's metric rows, with all their samples or without.
    pub(crate) fn metrics(&self, node: &Node, with_samples: bool) -> Vec<MetricRow> {
        if node.metrics.is_empty() {
            return Vec::new();
        }
        let rows = self.metrics.iter().filter_map(|template| {
            let metric = node.metrics.get(&template.id)?;
            let samples = (with_samples && !metric.samples.is_empty()).then(|| {
                let sample = |sample: &scope_shared::report::Sample| MetricSample {
                    date: date_text(sample.date),
                    value: sample.value,
                };
                metric.samples.iter().map(sample).collect()
            });
            Some(MetricRow {
                id: template.id.clone(),
                label: template.label.clone(),
                format: template.format.clone(),
                group: template.group.clone(),
                value: metric.last().map_or(0.0, |sample| two_decimals(sample.value)),
                value_empty: false,
                priority: template.priority,
                samples,
                min: metric.min,
                max: metric.max,
                url: SmolStr::default(),
            })
        });
        rows.collect()
    }

    /// A node's tables, empty ones too.
    pub(crate) fn tables(&self, node: &Node) -> Vec<Table> {
        self.tables.iter().map(|template| table(node, template)).collect()
    }
}

fn value(node: &Node, template: &Metadata) -> Option<SmolStr> {
    let id = template.row.id.as_str();
    let latest = || node.latest.get(id).map(|entry| entry.value.clone());
    let sets = || node.sets.get(id).map(|set| joined(set.as_slice()));
    let counters = || {
        node.latest(&template.counter)
            .and_then(|count| count.parse::<i64>().ok())
            .map(|count| format_smolstr!("{count}"))
    };
    match template.from {
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
        .and_then(|count| count.parse().ok());
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

fn property_rows(node: &Node, template: &TableTemplate) -> Vec<TableRow> {
    let mut rows: BTreeMap<&SmolStr, &SmolStr> = BTreeMap::new();
    let mut prefixed: BTreeMap<&str, &SmolStr> = BTreeMap::new();
    // Later keys win over earlier ones of the same name, so fixed rows and prefixed ones must be walked together.
    let fixed = template.fixed_rows.as_ref().filter(|fixed| !fixed.is_empty());
    if let Some(fixed) = fixed {
        for (key, label) in fixed {
            if let Some(entry) = node.latest.get(key) {
                rows.insert(label, &entry.value);
            }
        }
    }
    if !template.prefix.is_empty() {
        for (key, entry) in node.latest.with_prefix(&template.prefix) {
            if fixed.is_none_or(|fixed| !fixed.contains_key(key)) {
                prefixed.insert(key.get(template.prefix.len()..).unwrap_or(""), &entry.value);
            }
        }
    }
    let mut all: BTreeMap<&str, &SmolStr> = rows.into_iter().map(|(label, value)| (label.as_str(), value)).collect();
    all.append(&mut prefixed);
    all.into_iter().map(|(name, value)| property_row(name, value)).collect()
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
    use super::two_decimals;

    #[test]
    fn values_are_cut_to_two_decimals() {
        for (value, cut) in [(0.29, 0.28), (1.239, 1.23), (-1.239, -1.23), (4.35, 4.34), (f64::NAN, 0.0)] {
            assert!((two_decimals(value) - cut).abs() < 1e-12, "{value}");
        }
        assert!(two_decimals(1e300) > 0.0);
    }
}
