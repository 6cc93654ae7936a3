//! What a query is asked of: the fields of one node summary.

use std::collections::BTreeSet;

use smol_str::{SmolStr, format_smolstr};

use super::grammar::{Query, Text, strip};
use crate::model::NodeSummary;

/// How many matching fields a node lists; a search for `e` in a table of thousands of labels needs no more.
const MAX_FIELDS: usize = 64;

/// Where a node matched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Every match, in the order of the fields.
    pub fields: Vec<FieldMatch>,
}

/// One field that matched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldMatch {
    /// `label`, `labelMinor`, `metadata/<id>`, `parents/<id>`, `property-lists/<row>`, `tables/<row>_<column>`, `metrics/<id>`.
    pub key: SmolStr,
    /// Shown to people.
    pub label: SmolStr,
    /// The text that matched.
    pub text: SmolStr,
    /// Byte range within `text`.
    pub span: (u32, u32),
}

impl Found {
    /// The byte range that matched in the field of this key.
    #[must_use]
    pub fn span(&self, key: &str) -> Option<(u32, u32)> {
        self.fields.iter().find(|field| field.key == key).map(|field| field.span)
    }
}

/// Asks a node. `None` when it does not match.
#[must_use]
pub fn find(query: &Query, node: &NodeSummary) -> Option<Found> {
    let mut found = Found::default();
    match query {
        Query::Metric { name, operator, value } => metrics(node, name, |left| operator.holds(left, *value), &mut found),
        Query::Text(text) => texts(node, &|_| true, text, &mut found),
        Query::Prefixed { prefix, text } => texts(node, &|label| prefix.is_in(&strip(label)), text, &mut found),
    }
    (!found.fields.is_empty()).then_some(found)
}

fn metrics(node: &NodeSummary, name: &str, holds: impl Fn(f64) -> bool, found: &mut Found) {
    for metric in node
        .metrics
        .iter()
        .filter(|metric| !metric.value_empty && strip(&metric.label) == name && holds(metric.value))
    {
        found.fields.push(FieldMatch {
            key: format_smolstr!("metrics/{}", metric.id),
            label: metric.label.clone(),
            text: crate::format::metric(metric.value, &metric.format).into(),
            span: (0, 0),
        });
    }
}

fn texts(node: &NodeSummary, admits: &dyn Fn(&str) -> bool, text: &Text, found: &mut Found) {
    let mut check = |key: &dyn Fn() -> SmolStr, label: &str, value: &SmolStr| {
        if found.fields.len() < MAX_FIELDS
            && let Some(span) = text.find(value)
            && admits(label)
        {
            found.fields.push(FieldMatch {
                key: key(),
                label: label.into(),
                text: value.clone(),
                span,
            });
        }
    };
    check(&|| "label".into(), "label", &node.label);
    check(&|| "labelMinor".into(), "labelMinor", &node.label_minor);
    for row in &node.metadata {
        check(&|| format_smolstr!("metadata/{}", row.id), &row.label, &row.value);
    }
    for parent in &node.parents {
        check(&|| format_smolstr!("parents/{}", parent.id), &parent.topology_id, &parent.label);
    }
    for table in &node.tables {
        for row in &table.rows {
            if table.kind == "property-list" {
                let (Some(label), Some(value)) = (row.entries.get("label"), row.entries.get("value")) else {
                    continue;
                };
                check(&|| format_smolstr!("property-lists/{}", row.id), label, value);
            } else {
                for (column, value) in &row.entries {
                    let label = table
                        .columns
                        .iter()
                        .flatten()
                        .find(|one| one.id == *column)
                        .map_or(column, |one| &one.label);
                    check(&|| format_smolstr!("tables/{}_{}", row.id, column), label, value);
                }
            }
        }
    }
}

/// The stripped names of the fields and of the metrics that these nodes can be searched by, sorted.
pub fn field_names<'a>(nodes: impl Iterator<Item = &'a NodeSummary>) -> (Vec<SmolStr>, Vec<SmolStr>) {
    let mut labels: BTreeSet<&str> = BTreeSet::from(["label", "labelminor"]);
    let mut metrics: BTreeSet<&str> = BTreeSet::new();
    for node in nodes {
        labels.extend(node.metadata.iter().map(|row| row.label.as_str()));
        labels.extend(node.parents.iter().map(|parent| parent.topology_id.as_str()));
        metrics.extend(
            node.metrics
                .iter()
                .filter(|metric| !metric.value_empty)
                .map(|metric| metric.label.as_str()),
        );
        for table in &node.tables {
            if table.kind == "property-list" {
                labels.extend(table.rows.iter().filter_map(|row| row.entries.get("label")).map(SmolStr::as_str));
            } else {
                labels.extend(table.columns.iter().flatten().map(|column| column.label.as_str()));
            }
        }
    }
    let stripped = |names: BTreeSet<&str>| {
        names
            .into_iter()
            .map(|name| SmolStr::from(strip(name)))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    };
    (stripped(labels), stripped(metrics))
}
